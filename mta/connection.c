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
 * Connections: opened within the limits from exactly one source, reused only
 * under the identity they were opened with, kept a few seconds when there is
 * nothing to do.  The dialogue is client.c's.  One function ends a connection
 * (connection_close), and it gives back all that is in hand.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/role.h"
#include "lib/task.h"
#include "mta/attempt.h"
#include "mta/client.h"
#include "mta/connection.h"
#include "mta/host_state.h"
#include "mta/outbound.h"
#include "mta/rate.h"
#include "mta/route.h"
#include "mta/test.h"
#include "mta/trace.h"
#include "mta/work.h"

#define CONNECTION_IDLE		5	/* seconds that an idle one is kept */
#define CONNECTION_CONNECT	30	/* seconds for the connect itself */
#define CONNECTION_YIELD	10	/* messages, then others have a turn */

RB_HEAD(connection_tree, connection);

static struct {
	struct connections	 all;
	struct connection_tree	 tree;
	unsigned int		 count;
	unsigned int		 idle;
	uint32_t		 last;		/* number given out */
} connections = {
	.all = TAILQ_HEAD_INITIALIZER(connections.all),
	.tree = RB_INITIALIZER(&connections.tree)
};

static struct task	 task_got;	/* the one being taken apart */

static int
connection_compare(const struct connection *a, const struct connection *b)
{
	return (a->number < b->number ? -1 : a->number > b->number);
}

RB_GENERATE_STATIC(connection_tree, connection, node, connection_compare)

void
connection_stage(struct connection *c, enum connection_stage stage)
{
	c->stage = stage;
	c->since = loop_seconds();
}

/* ---- begin */

static void
trace_connect(const struct connection *c)
{
	char	 src[64];

	strlcpy(src, sockaddr_text((const struct sockaddr *)&c->place.src),
	    sizeof(src));
	trace_note(c, "connect from %s to %s (%s) for %s", src, c->place.mx,
	    sockaddr_text_port((const struct sockaddr *)&c->place.dst),
	    c->lane->destination);
}

static struct connection *
connection_new(struct lane *lane, const struct place *place)
{
	struct connection	*c;
	int64_t			 most;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("calloc");
	if ((c->number = ++connections.last) == 0)
		c->number = ++connections.last;
	c->retired = lane->test != NULL;	/* QUIT as soon as it can */
	connection_stage(c, STAGE_CONNECT);
	c->binding = lane->binding;
	c->lane = lane;
	c->place = *place;
	most = work_option(lane, OPTION_MAX_MESSAGES)->number;
	c->max_messages = most < 1 ? 100 : (uint32_t)most;
	TAILQ_INSERT_TAIL(&connections.all, c, all_entry);
	RB_INSERT(connection_tree, &connections.tree, c);
	connections.count++;
	lane->connections++;
	c->trying = 1;
	host_state_begin(c->binding, (const struct sockaddr *)&place->dst);
	limit_take(c);
	binding_count(c->binding, 1);
	return (c);
}

/* The socket is on its way to the host. */
static void
connection_begin(struct connection *c, int fd)
{
	int64_t	 seconds = work_option(c->lane,
	    OPTION_CONNECT_TIMEOUT)->number;

	if ((c->io = io_new(fd, client_event, c)) == NULL)
		fatal("io_new");
	io_set_tap(c->io, trace_sent);
	trace_connect(c);
	reply_start(&c->reply);
	io_connecting(c->io);
	io_set_deadline(c->io, mta_timeout(seconds > 0 ?
	    (uint32_t)seconds : CONNECTION_CONNECT));
}

enum source_error
connection_open(struct lane *lane, const struct route_host *host,
    const char *sender, const struct policy *policy, struct place *place,
    struct connection **made)
{
	struct connection	*c;
	enum source_error	 error;
	int			 fd;

	memset(place, 0, sizeof(*place));
	place->dst = host->addr;
	strlcpy(place->mx, host->name, sizeof(place->mx));
	fd = source_connect(lane->binding,
	    (const struct sockaddr *)&host->addr, &place->src, &error);
	if (fd == -1)
		return (error);
	binding_ehlo(lane->binding, (struct sockaddr *)&place->src, sender,
	    place->ehlo, sizeof(place->ehlo));
	c = connection_new(lane, place);
	c->policy = *policy;
	strlcpy(c->sender, sender, sizeof(c->sender));
	if (policy->tls != TLS_POLICY_NONE)
		c->dane = dane_hold(host->dane);
	connection_begin(c, fd);
	*made = c;
	return (SOURCE_OK);
}

int
connection_again(struct connection *c)
{
	struct sockaddr_storage	 src;
	enum source_error	 error;
	int			 fd;

	fd = source_connect(c->binding, (struct sockaddr *)&c->place.dst,
	    &src, &error);
	if (fd == -1)
		return (-1);
	if (!sockaddr_same((struct sockaddr *)&src,
	    (struct sockaddr *)&c->place.src)) {
		close(fd);
		return (-1);
	}
	io_free(c->io);
	connection_stage(c, STAGE_CONNECT);
	c->place.tls = c->place.verified = NULL;
	c->secure = 0;
	c->clear = 1;
	c->first = c->npending = 0;
	connection_begin(c, fd);
	return (0);
}

/* ---- idle ones */

static void
connection_unpark(struct connection *c)
{
	if (c->stage != STAGE_IDLE)
		return;
	TAILQ_REMOVE(&c->binding->idle, c, entry);
	connections.idle--;
	connection_stage(c, STAGE_READY);
}

void
connection_park(struct connection *c)
{
	if (c->stage != STAGE_READY)
		return;
	/* where all was put off, another host is asked the next time */
	if (c->retired || (c->answered && !c->not_temporary)) {
		work_wake(c->lane);
		client_quit(c);
		return;
	}
	connection_stage(c, STAGE_IDLE);
	connections.idle++;
	TAILQ_INSERT_HEAD(&c->binding->idle, c, entry);
	io_set_deadline(c->io, CONNECTION_IDLE);
	work_wake(c->lane);
	/* who waits for a slot may have this one's */
	limit_idle(c);
}

void
connection_quit(struct connection *c)
{
	c->retired = 1;
	if (c->stage != STAGE_IDLE)
		return;
	connection_unpark(c);
	client_quit(c);
}

int
connection_has_idle(const struct lane *lane)
{
	const struct connection	*c;

	TAILQ_FOREACH(c, &lane->binding->idle, entry)
		if (c->lane == lane)
			return (1);
	return (0);
}

void
connection_quit_idle(const struct lane *lane)
{
	struct connection	*c;

	TAILQ_FOREACH(c, &lane->binding->idle, entry)
		if (c->lane == lane) {
			connection_quit(c);
			return;
		}
}

int
connection_evict_idle(const struct binding *binding, const char *counter)
{
	struct connection	*c;

	if (connections.idle == 0)
		return (0);
	TAILQ_FOREACH(c, &connections.all, all_entry) {
		if (c->stage != STAGE_IDLE ||
		    (binding != NULL && c->binding != binding) ||
		    !limit_counts(c, counter))
			continue;
		connection_quit(c);
		return (1);
	}
	return (0);
}

void
connection_yield(const char *counter)
{
	struct connection	*c, *busy = NULL;

	TAILQ_FOREACH(c, &connections.all, all_entry) {
		if (!limit_counts(c, counter) || c->stage < STAGE_READY)
			continue;
		if (c->retired || c->stage == STAGE_QUIT)
			return;			/* there will be room */
		if (busy == NULL || c->messages > busy->messages)
			busy = c;
	}
	if (busy == NULL)
		return;
	if (busy->messages >= CONNECTION_YIELD)
		connection_quit(busy);
	else if (busy->max_messages > CONNECTION_YIELD)
		busy->max_messages = CONNECTION_YIELD;
}

unsigned int
connection_leaving(const char *counter)
{
	const struct connection	*c;
	unsigned int		 n = 0;

	TAILQ_FOREACH(c, &connections.all, all_entry)
		if ((c->retired || c->stage == STAGE_QUIT) &&
		    limit_counts(c, counter))
			n++;
	return (n);
}

/* What has nothing in hand first, then who has had the most messages. */
int
connection_make_room(const struct binding *binding, const char *counter)
{
	struct connection	*c, *busy = NULL;

	if (connection_evict_idle(binding, counter))
		return (1);
	TAILQ_FOREACH(c, &connections.all, all_entry) {
		if (c->binding != binding || c->retired ||
		    c->stage == STAGE_QUIT || c->lane->test != NULL ||
		    !limit_counts(c, counter))
			continue;
		if (c->stage <= STAGE_GREETING && c->attempt != NULL) {
			attempt_withdraw(c->attempt);
			return (1);
		}
		if (busy == NULL || c->messages > busy->messages)
			busy = c;
	}
	if (busy == NULL)
		return (0);
	connection_quit(busy);
	return (1);
}

/* May this idle connection carry the sender's mail of that lane to host? */
static int
connection_fits(const struct connection *c, const struct lane *lane,
    const struct route_host *host, const char *sender,
    const struct policy *policy)
{
	char	 ehlo[DOMAIN_MAX];

	if (!policy_same(&c->policy, policy))
		return (0);
	/* what was made before the host had TLSA records proves nothing */
	if (host != NULL && host->dane != NULL && c->dane == NULL &&
	    policy->tls != TLS_POLICY_NONE)
		return (0);
	if (host == NULL) {
		if (c->lane != lane)
			return (0);
	} else if (!sockaddr_same((const struct sockaddr *)&c->place.dst,
	    (const struct sockaddr *)&host->addr) ||
	    sockaddr_port((const struct sockaddr *)&c->place.dst) !=
	    sockaddr_port((const struct sockaddr *)&host->addr) ||
	    strcasecmp(c->place.mx, host->name) != 0)
		return (0);
	binding_ehlo(c->binding, (const struct sockaddr *)&c->place.src,
	    sender, ehlo, sizeof(ehlo));
	return (strcmp(c->place.ehlo, ehlo) == 0);
}

/* It carries mail of another lane from now on. */
static void
connection_change_lane(struct connection *c, struct lane *lane)
{
	struct lane	*before = c->lane;

	c->lane = lane;
	lane->connections++;
	before->connections--;
	if (c->answered) {
		before->live--;
		lane->live++;
	}
	work_release(before);
}

struct connection *
connection_reuse(struct lane *lane, const struct route_host *host,
    const char *sender, const struct policy *policy)
{
	struct connection	*c;

	TAILQ_FOREACH(c, &lane->binding->idle, entry)
		if (connection_fits(c, lane, host, sender, policy))
			break;
	if (c == NULL)
		return (NULL);
	if (c->lane != lane && (lane->connections >= work_limit(lane) ||
	    !limit_same(c, lane)))
		return (NULL);
	connection_unpark(c);
	strlcpy(c->sender, sender, sizeof(c->sender));
	if (c->lane != lane)
		connection_change_lane(c, lane);
	return (c);
}

/* ---- pulls and tasks */

static uint32_t
most_rcpts(const struct connection *c)
{
	const struct host_state	*state;

	state = host_state_find(c->binding,
	    (const struct sockaddr *)&c->place.dst);
	if (state == NULL || state->most == 0 ||
	    state->most_until < loop_seconds() || state->most > TASK_RCPTS)
		return (TASK_RCPTS);
	return (state->most);
}

void
connection_fill_pull(struct connection *c, struct pull *pull)
{
	const struct site	*site;
	uint32_t		 most = most_rcpts(c);

	memset(pull, 0, sizeof(*pull));
	if (c->reserved < most)
		c->reserved += rate_take(c->lane, most - c->reserved, 0);
	if (c->reserved == 0)
		return;
	site = config_site_of_mx(mta_config(), c->place.mx);
	pull->lane = c->lane->id;
	pull->connection = c->number;
	pull->generation = role_generation();
	pull->most = c->reserved < most ? c->reserved : most;
	pull->action = c->policy.action;
	pull->ehlo = binding_ehlo_by_message(c->binding) ? c->sender : NULL;
	pull->host = c->place.mx;
	pull->site = site == NULL ? NULL : site->name;
	c->pulling = 1;
	c->lane->pulls++;
}

void
connection_pull(struct connection *c)
{
	struct ipc	*queue = mta_queue();
	struct pull	 pull;

	connection_fill_pull(c, &pull);
	if (pull.lane == 0 || queue == NULL) {
		client_next(c);
		return;
	}
	/* queue has to look through a large file first, perhaps */
	io_set_deadline(c->io, client_seconds(COMMAND_MAIL));
	ipc_begin(queue, MTA_PULL);
	pull_put(queue, &pull);
	ipc_end(queue);
}

/* No answer is waited for any more; so many tokens are used. */
static void
connection_pulled(struct connection *c, unsigned int used)
{
	if (c->pulling)
		c->lane->pulls--;
	c->pulling = 0;
	rate_give(c->lane, c->reserved > used ? c->reserved - used : 0);
	c->reserved = 0;
}

/* Is it what the first in line wants? */
static int
connection_wanted(const struct connection *c)
{
	struct policy	 policy;

	policy_for(c->lane, c->lane->want_action, &policy);
	return (connection_fits(c, c->lane, NULL, c->lane->want_sender,
	    &policy));
}

/* There is nothing for it. */
static void
connection_nothing(struct connection *c)
{
	if (c->attempt != NULL)
		attempt_good(c->attempt);
	/* what it could carry is not given now: not asked for all the time */
	if (c->lane->due > 0 && connection_wanted(c))
		work_delay(c->lane, 1);
	connection_park(c);
}

void
connection_task(struct ipc *queue, struct ipc_msg *msg)
{
	struct task		*task = &task_got;
	struct connection	*c, key;

	task_get(msg, task);
	ipc_get_end(msg);
	key.number = task->connection;
	c = RB_FIND(connection_tree, &connections.tree, &key);
	if (c == NULL || !c->pulling || c->lane->id != task->lane) {
		if (task->id != 0)
			report_unwanted(task);
		return;
	}
	work_left(c->lane, task);
	connection_pulled(c, task->id == 0 ? 0 : task->nrcpts);
	if (task->id == 0) {
		connection_nothing(c);
		return;
	}
	c->task = outbound_new(task);
	if (c->retired)
		connection_end(c, "not wanted any more");
	else {
		work_wake(c->lane);
		client_begin(c);
	}
}

/* ---- what is known of it */

static void
connection_tried(struct connection *c)
{
	if (!c->trying)
		return;
	c->trying = 0;
	host_state_end(c->binding, (struct sockaddr *)&c->place.dst);
}

void
connection_ready(struct connection *c)
{
	struct host_state	*state;

	connection_stage(c, STAGE_READY);
	host_state_complied(c->binding, (struct sockaddr *)&c->place.dst,
	    c->policy.tls);
	state = host_state_find(c->binding, (struct sockaddr *)&c->place.dst);
	if (state != NULL && c->pipelining)
		state->closed = 0;	/* it knows EHLO */
	connection_tried(c);
	if (c->lane->test != NULL)
		test_ready(c->lane->test);
	if (c->retired) {
		if (c->attempt != NULL)
			attempt_good(c->attempt);
		client_quit(c);
		return;
	}
	connection_pull(c);
	work_wake(c->lane);
}

void
connection_answered(struct connection *c)
{
	struct lane	*lane = c->lane;

	if (c->answered)
		return;
	c->answered = 1;
	lane->live++;
	if (lane->growth < work_limit(lane))
		lane->growth *= 2;
	host_state_good(c->binding, (struct sockaddr *)&c->place.dst);
	if (c->attempt != NULL)
		attempt_good(c->attempt);
	else
		work_wake(lane);
}

/* ---- end */

/* RFC 5321 5.1: where nothing but temporary failures came of it. */
static void
connection_goes_last(struct connection *c)
{
	if (!c->not_temporary)
		memo_last(c->binding, c->lane->destination,
		    (struct sockaddr *)&c->place.dst);
}

/* The one end of all connections: nothing is in hand behind it. */
static void
connection_close(struct connection *c)
{
	struct lane	*lane = c->lane;

	trace_note(c, "closed");
	if (c->task != NULL) {
		outbound_settle(c->task, OUTCOME_RETURNED, 0);
		report_results(c, "local", "", 0);
	}
	connection_pulled(c, 0);
	connection_unpark(c);
	TAILQ_REMOVE(&connections.all, c, all_entry);
	RB_REMOVE(connection_tree, &connections.tree, c);
	connections.count--;
	if (c->answered) {
		lane->live--;
		connection_goes_last(c);
	}
	connection_tried(c);
	limit_give(c);
	binding_count(c->binding, -1);
	io_free(c->io);
	dane_release(c->dane);
	free(c);
	lane->connections--;
	if (lane->is_delayed)
		work_delay(lane, 0);
	if (lane->test != NULL)
		test_closed(lane->test);
	else
		work_release(lane);
}

void
connection_free(struct connection *c)
{
	struct attempt	*a = c->attempt;

	c->attempt = NULL;
	if (a != NULL) {
		a->connection = NULL;
		attempt_withdraw(a);
	}
	connection_close(c);
}

void
connection_end(struct connection *c, const char *why)
{
	trace_note(c, "%s", why);
	connection_free(c);
}

/*
 * What it had in hand: told as failed where its content was on the way, or
 * where the host had spoken of it already; else it is returned.
 */
static void
connection_settle(struct connection *c, const char *text, int local)
{
	struct outbound	*o = c->task;

	if (o == NULL)
		return;
	if (local || (!c->body && !c->dot && (!c->answered || !o->answered)))
		outbound_settle(o, OUTCOME_RETURNED, 0);
	else
		outbound_settle(o, OUTCOME_TEMPFAIL, 1);
	report_results(c, "remote", text, 0);
}

/* The host failed: who else wants it is to know before it is tried. */
static void
connection_blame(struct connection *c, const char *text)
{
	struct sockaddr		*dst = (struct sockaddr *)&c->place.dst;
	struct host_state	*state;

	host_state_failed(c->binding, dst, c->refused ? c->policy.tls :
	    TLS_POLICY_OPPORTUNISTIC, c->place.mx, 1, text);
	state = host_state_get(c->binding, dst);
	if (c->stage == STAGE_EHLO && c->reply.code == 0)
		state->closed++;
}

void
connection_failed(struct connection *c, const char *text)
{
	struct sockaddr_storage	 src = c->place.src;
	struct binding		*binding = c->binding;
	struct attempt		*a = c->attempt;
	int			 local;

	trace_note(c, "%s", text);
	local = source_probe((struct sockaddr *)&src) == SOURCE_MISSING;
	if (c->lane->test != NULL || (local && a != NULL)) {
		connection_free(c);
		if (local)
			binding_lost(binding, (struct sockaddr *)&src);
		return;
	}
	if (!local && !c->answered)
		connection_blame(c, text);
	connection_settle(c, text, local);
	c->attempt = NULL;
	if (a != NULL)
		attempt_host_failed(a, c, text);
	connection_close(c);
	if (local)
		binding_lost(binding, (struct sockaddr *)&src);
}

void
connection_turned_away(struct connection *c, const char *text)
{
	connection_goes_last(c);
	connection_blame(c, text);
	connection_end(c, text);
}

void
connection_source_lost(struct binding *binding, const struct sockaddr *src)
{
	struct connection	*c, *next;

	TAILQ_FOREACH_SAFE(c, &connections.all, all_entry, next) {
		if (c->binding != binding || !sockaddr_same(src,
		    (const struct sockaddr *)&c->place.src))
			continue;
		/* what became of it is the peer's to say */
		if (c->dot)
			c->retired = 1;
		else
			connection_end(c, "address missing");
	}
}

/* ---- a new configuration, and the end */

/* Would it be opened like this today? */
static int
connection_current(const struct connection *c)
{
	const struct binding_source	*source;
	const struct sockaddr		*src;
	struct policy			 policy;
	char				 ehlo[DOMAIN_MAX];

	src = (const struct sockaddr *)&c->place.src;
	if (c->binding->conf == NULL)
		return (0);
	/* the password may be another one */
	policy_for(c->lane, c->policy.action, &policy);
	if (c->policy.auth || !policy_same(&policy, &c->policy))
		return (0);
	source = binding_source(c->binding, src->sa_family);
	if (source == NULL)
		return (0);
	if (source->addr.ss_family == 0) {
		if (binding_owner(c->binding, src) != NULL)
			return (0);
	} else if (!sockaddr_same((const struct sockaddr *)&source->addr, src))
		return (0);
	if (binding_ehlo_by_message(c->binding))
		return (1);
	binding_ehlo(c->binding, src, "", ehlo, sizeof(ehlo));
	return (strcmp(ehlo, c->place.ehlo) == 0);
}

void
connection_configured(void)
{
	struct connection	*c, *next;

	TAILQ_FOREACH_SAFE(c, &connections.all, all_entry, next)
		if (!connection_current(c))
			connection_quit(c);
}

unsigned int
connection_stop(void)
{
	struct connection	*c, *next;

	TAILQ_FOREACH_SAFE(c, &connections.all, all_entry, next) {
		c->retired = 1;
		if (!c->body && !c->dot)
			connection_end(c, "stopping");
	}
	return (connections.count);
}

void
connection_free_all(void)
{
	struct connection	*c;

	while ((c = TAILQ_FIRST(&connections.all)) != NULL)
		connection_free(c);
}

/* ---- what it does */

static enum step
connection_step(const struct connection *c)
{
	static const enum step	 steps[] = {
		[STAGE_CONNECT] = STEP_CONNECT,
		[STAGE_GREETING] = STEP_GREETING,
		[STAGE_EHLO] = STEP_EHLO,
		[STAGE_HELO] = STEP_EHLO,
		[STAGE_TLS] = STEP_TLS,
		[STAGE_AUTH] = STEP_AUTH,
		[STAGE_READY] = STEP_READY,
		[STAGE_IDLE] = STEP_READY,
		[STAGE_QUIT] = STEP_READY
	};

	if (c->task == NULL)
		return (steps[c->stage]);
	if (c->dot)
		return (STEP_DOT);
	if (c->go || c->body)
		return (STEP_DATA);
	switch (client_awaited(c)) {
	case COMMAND_RCPT:
		return (STEP_RCPT);
	case COMMAND_DATA:
		return (STEP_DATA);
	default:
		return (STEP_MAIL);
	}
}

void
connection_doing(const struct connection *c, struct doing *d, char *buf,
    size_t size)
{
	snprintf(buf, size, "%s, %s", c->place.mx,
	    sockaddr_text_port((const struct sockaddr *)&c->place.dst));
	d->lane = c->lane->id;
	d->task = c->task == NULL ? 0 : c->task->id;
	d->step = (uint8_t)connection_step(c);
	d->number = loop_seconds() - c->since;
	d->text = buf;
}

void
connection_doing_all(const struct lane *lane,
    void (*row)(void *, const struct doing *), void *arg)
{
	const struct connection	*c;
	struct doing		 d;
	char			 text[MTA_TEXT];

	TAILQ_FOREACH(c, &connections.all, all_entry) {
		if (c->task == NULL || (lane != NULL && c->lane != lane))
			continue;
		memset(&d, 0, sizeof(d));
		connection_doing(c, &d, text, sizeof(text));
		row(arg, &d);
	}
}
