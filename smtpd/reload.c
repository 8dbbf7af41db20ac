/*
 * Copyright (c) 2026 The Bindery authors
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * Configurations: every role is sent the new one and answers that it has
 * understood; then all use it and say so, or, when one has not, all forget
 * it.  mta, started anew, gets the one in force.
 */

#include <sys/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "smtpd/parent.h"

static struct {
	const struct parent_options *options;
	struct generation	*now;		/* NULL: starting */
	struct generation	*next;		/* on its way into force */
	uint32_t		 last;		/* number given out */
	uint32_t		 asked[ROLE_COUNT];	/* 0: none open */
	uint32_t		 parsed[ROLE_COUNT];
	uint32_t		 swapping[ROLE_COUNT];	/* 0: not awaited */
	const char		*event;	/* NULL: no swap under way */
	int			 by_client;	/* who asked for the reload */
	uint32_t		 client;
} reload;

/* Use, or forget, what a role was sent last. */
static void
role_decide(enum role role, enum ipc_type type)
{
	struct ipc	*ipc = child_channel(role);

	if (ipc != NULL && reload.asked[role] != 0) {
		ipc_begin(ipc, type);
		ipc_put_u32(ipc, reload.asked[role]);
		ipc_end(ipc);
	}
	reload.asked[role] = reload.parsed[role] = 0;
}

static void
role_send(enum role role, struct generation *gen)
{
	/* a reload can overtake the configuration of a fresh mta */
	role_decide(role, PARENT_DROP);
	reload.asked[role] = gen->number;
	generation_send(gen, role, child_channel(role));
}

/* Answer the administrator who asked for a reload, if one did. */
static void
reload_answer(const char *error)
{
	struct ipc	*queue = child_channel(ROLE_QUEUE);

	if (!reload.by_client)
		return;
	reload.by_client = 0;
	if (queue == NULL)
		return;
	ipc_begin(queue, PARENT_RELOADED);
	ipc_put_u32(queue, reload.client);
	ipc_put_str(queue, error);
	ipc_end(queue);
}

static void
log_configured(const char *event)
{
	const struct config	*conf = reload.now->conf;
	const struct binding_conf	*binding;
	struct logline		 l;
	unsigned int		 n = 0;

	TAILQ_FOREACH(binding, &conf->bindings, entry)
		n += binding->declared && strcmp(binding->name, "*") != 0;
	logline_start(&l, event);
	logline_add(&l, "version", "%s", BINDERY_VERSION);
	logline_add(&l, "config", "%s", reload.options->path);
	logline_add(&l, "spool", "%s", conf->spool);
	logline_add(&l, "bindings", "%u", n);
	logline_end(&l);
}

static void
role_swap(enum role role)
{
	reload.swapping[role] = reload.asked[role];
	role_decide(role, PARENT_SWAP);
}

/*
 * All have understood: from now on it holds.  smtpd follows when the others
 * have it, for what it then takes in may name what is new.
 */
static void
reload_swap(void)
{
	int	 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		if (role != ROLE_SMTPD &&
		    reload.asked[role] == reload.next->number)
			role_swap(role);
	}
	doors_control_group(reload.next->conf);
	reload.event = reload.now == NULL ? "started" : "reloaded";
	generation_free(reload.now);
	reload.now = reload.next;
	reload.next = NULL;
}

/* It is told when it is true for all. */
static void
reload_finish(void)
{
	struct ipc	*ipc;
	int		 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		if (reload.swapping[role] != 0)
			return;
	}
	if (reload.asked[ROLE_SMTPD] != 0) {
		role_swap(ROLE_SMTPD);
		return;
	}
	for (role = 0; role < ROLE_COUNT; role++) {
		if ((ipc = child_channel(role)) != NULL) {
			ipc_begin(ipc, PARENT_BEGIN);
			ipc_end(ipc);
		}
	}
	parent_control();
	log_configured(reload.event);
	if (strcmp(reload.event, "started") == 0 &&
	    !reload.options->foreground) {
		log_echo(0);
		proc_daemon_started();
	}
	reload.event = NULL;
	reload_answer(NULL);
	memory_give_back();
}

/* Nothing changes; at the start there is nothing to go back to. */
static void
reload_fail(const char *error)
{
	int	 role;

	if (reload.now == NULL) {
		log_warnx("configuration refused: %s", error);
		children_stop(1);
		return;
	}
	for (role = 0; role < ROLE_COUNT; role++) {
		if (reload.asked[role] == reload.next->number)
			role_decide(role, PARENT_DROP);
	}
	log_warnx("not reloaded: %s", error);
	reload_answer(error);
	generation_free(reload.next);
	reload.next = NULL;
}

static void
reload_check(void)
{
	int	 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		if (reload.asked[role] == reload.next->number &&
		    reload.parsed[role] != reload.asked[role])
			return;
	}
	reload_swap();
}

static void
reload_send(void)
{
	int	 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		if (child_channel(role) != NULL && load_configures(role))
			role_send(role, reload.next);
	}
}

static void
reload_begin(void)
{
	struct load_report	 report = { .to_log = 1 };
	int			 role;

	reload.next = generation_new(reload.options, reload.now, &report);
	if (reload.next == NULL) {
		log_warnx("not reloaded");
		reload_answer(report.first);
		return;
	}
	/* a number is never used twice, so that late answers are known */
	reload.next->number = ++reload.last;
	for (role = 0; role < ROLE_COUNT; role++) {
		if (child_channel(role) == NULL && role != ROLE_MTA &&
		    load_needs(reload.next->conf, role) &&
		    child_add(role, reload.now->conf) == -1) {
			reload_fail("a role cannot be started");
			return;
		}
	}
	reload_send();
}

void
reload_start(const struct parent_options *options, struct generation *first)
{
	reload.options = options;
	reload.next = first;
	reload.last = first->number;
	reload_send();
}

void
reload_request(const uint32_t *client)
{
	struct ipc	*queue = child_channel(ROLE_QUEUE);

	if (reload.now != NULL && reload.next == NULL &&
	    reload.event == NULL && !children_stopping()) {
		reload.by_client = client != NULL;
		if (client != NULL)
			reload.client = *client;
		reload_begin();
	} else if (client != NULL && queue != NULL) {
		ipc_begin(queue, PARENT_RELOADED);
		ipc_put_u32(queue, *client);
		ipc_put_str(queue, "not now: it starts, stops or reloads");
		ipc_end(queue);
	} else
		log_warnx("not reloaded: it starts, stops or reloads");
}

void
reload_parsed(enum role role, uint32_t number, const char *error)
{
	char	 text[512], *p;

	if (number != reload.asked[role] || number == 0)
		return;
	if (reload.next != NULL && number == reload.next->number) {
		reload.parsed[role] = number;
		if (error == NULL) {
			reload_check();
			return;
		}
		(void)snprintf(text, sizeof(text), "%s: %s", role_name(role),
		    error);
		/* who reloads is to read one line */
		for (p = text; *p != '\0'; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				*p = '?';
		reload_fail(text);
	} else if (error == NULL)
		role_decide(role, PARENT_SWAP);
	else
		log_warnx("%s: %s", role_name(role), error);
}

void
reload_swapped(enum role role, uint32_t number)
{
	if (number == 0 || number != reload.swapping[role])
		return;
	reload.swapping[role] = 0;
	reload_finish();
}

void
reload_child_started(enum role role)
{
	role_send(role, reload.now);
}

void
reload_child_gone(enum role role)
{
	int	 involved;

	involved = reload.next != NULL && reload.now != NULL &&
	    reload.asked[role] == reload.next->number;
	reload.asked[role] = reload.parsed[role] = 0;
	if (involved)
		reload_fail("a role died");
	if (reload.swapping[role] != 0 && !children_stopping()) {
		/* mta, started anew, will have it from the start */
		reload.swapping[role] = 0;
		if (role == ROLE_MTA)
			reload_finish();
	}
}

const struct config *
reload_config(void)
{
	return (reload.now == NULL ? NULL : reload.now->conf);
}
