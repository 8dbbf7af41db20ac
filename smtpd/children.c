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
 * The parent's children: the roles as processes.  They are started and
 * introduced to each other here, mta is started again when it dies, the death
 * of any other stops all, in order.  What they say is heard in parent.c.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "smtpd/parent.h"

#define STOP_SECONDS	30	/* for a role to finish what it writes */
#define BACKOFF_MAX	60	/* seconds between two starts of mta */
#define BACKOFF_CALM	60	/* so long alive: the next wait is short */

struct child {
	pid_t		 pid;		/* 0: not running */
	struct ipc	*ipc;		/* NULL: closed */
	int		 told;		/* to stop */
	int		 reaped;
	int		 status;	/* of wait(2) */
	uint32_t	 since;		/* loop_seconds() of its start */
};

static struct {
	const struct parent_options *options;
	struct child		 all[ROLE_COUNT];
	int			 stopping;
	int			 exit_code;
	uint32_t		 backoff;
	struct loop_timer	 restart;	/* of mta */
	struct loop_timer	 overdue;	/* a role that does not stop */
	struct loop_timer	 verdict;	/* on one that went quietly */
	enum role		 quiet;
} children;

/* Who talks to whom, beside the parent. */
static const struct {
	enum role	 a, b;
} channels[] = {
	{ ROLE_SMTPD,	ROLE_QUEUE },
	{ ROLE_SMTPD,	ROLE_NAMES },
	{ ROLE_SMTPD,	ROLE_PASSWORDS },
	{ ROLE_QUEUE,	ROLE_FLUSH },
	{ ROLE_QUEUE,	ROLE_MTA },
};

#define NCHANNELS	(sizeof(channels) / sizeof(channels[0]))

/* Who finishes first: no new mail, then none out, then the spool. */
static const enum role stop_order[] = {
	ROLE_SMTPD, ROLE_NAMES, ROLE_PASSWORDS, ROLE_MTA, ROLE_QUEUE,
	ROLE_FLUSH
};

#define NSTOP		(sizeof(stop_order) / sizeof(stop_order[0]))

struct ipc *
child_channel(enum role role)
{
	return (children.all[role].ipc);
}

int
children_stopping(void)
{
	return (children.stopping);
}

static void
channel_give(enum role to, enum role other, int fd)
{
	struct ipc	*ipc = children.all[to].ipc;

	ipc_begin(ipc, PARENT_PEER);
	ipc_put_u32(ipc, other);
	ipc_put_fd(ipc, fd);
	ipc_end(ipc);
}

static int
channel_open(enum role a, enum role b)
{
	int	 pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    PF_UNSPEC, pair) == -1) {
		log_warn("socketpair");
		return (-1);
	}
	channel_give(a, b, pair[0]);
	channel_give(b, a, pair[1]);
	return (0);
}

/* Introduce a role to those of its peers that are there. */
static int
channels_open(enum role role)
{
	const struct child	*a, *b;
	size_t			 i;

	for (i = 0; i < NCHANNELS; i++) {
		if (channels[i].a != role && channels[i].b != role)
			continue;
		a = &children.all[channels[i].a];
		b = &children.all[channels[i].b];
		if (a->ipc == NULL || b->ipc == NULL)
			continue;
		if (channel_open(channels[i].a, channels[i].b) == -1)
			return (-1);
	}
	return (0);
}

static void
cause_text(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(text, size, "was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(text, size, "exited with status %d",
		    WEXITSTATUS(status));
}

/* The next that must go; all gone: so do we. */
static void
stop_next(void)
{
	struct child	*child;
	size_t		 i;

	for (i = 0; i < NSTOP; i++) {
		child = &children.all[stop_order[i]];
		if (child->pid == 0)
			continue;
		if (!child->told) {
			child->told = 1;
			loop_timer_set(&children.overdue, STOP_SECONDS);
			if (child->ipc != NULL) {
				ipc_begin(child->ipc, PARENT_STOP);
				ipc_end(child->ipc);
			}
		}
		return;
	}
	loop_timer_cancel(&children.overdue);
	loop_exit(children.exit_code);
}

static void
stop_overdue(void *arg)
{
	const struct child	*child;
	size_t			 i;

	for (i = 0; i < NSTOP; i++) {
		child = &children.all[stop_order[i]];
		if (child->pid == 0)
			continue;
		log_warnx("%s does not stop: killed",
		    role_name(stop_order[i]));
		(void)kill(child->pid, SIGKILL);
		loop_timer_set(&children.overdue, STOP_SECONDS);
		return;
	}
}

void
children_stop(int exit_code)
{
	if (exit_code != 0)
		children.exit_code = exit_code;
	if (children.stopping)
		return;
	children.stopping = 1;
	loop_timer_cancel(&children.restart);
	loop_timer_cancel(&children.verdict);
	stop_next();
}

static void
mta_restart_later(void)
{
	const struct child	*mta = &children.all[ROLE_MTA];

	if (children.backoff == 0 || loop_seconds() - mta->since > BACKOFF_CALM)
		children.backoff = 1;
	else if ((children.backoff *= 2) > BACKOFF_MAX)
		children.backoff = BACKOFF_MAX;
	loop_timer_set(&children.restart, children.backoff);
}

/* Nobody else died meanwhile, so it was by itself. */
static void
child_verdict(void *arg)
{
	log_warnx("%s exited unasked: stopping", role_name(children.quiet));
	children_stop(1);
}

/* Reaped, and its last words were read. */
static void
child_gone(enum role role)
{
	struct child	*child = &children.all[role];
	char		 cause[128];

	child->pid = 0;
	reload_child_gone(role);
	cause_text(child->status, cause, sizeof(cause));
	if (children.stopping) {
		if (child->status != 0) {
			log_warnx("%s %s while stopping", role_name(role),
			    cause);
			children.exit_code = 1;
		}
		stop_next();
	} else if (role == ROLE_MTA && reload_config() != NULL) {
		log_warnx("%s %s", role_name(role), cause);
		mta_restart_later();
	} else if (child->status == 0) {
		/* it may have lost a peer: then that one is to be named */
		children.quiet = role;
		loop_timer_set(&children.verdict, 1);
	} else {
		log_warnx("%s %s: stopping", role_name(role), cause);
		children_stop(1);
	}
}

void
child_blame(enum role role, const char *by)
{
	const struct child	*child = &children.all[role];

	if (child->pid == 0 || child->reaped)
		return;
	log_warnx("%s sent %s what is no message: killed", role_name(role),
	    by);
	/* it may have been broken into: it is not asked */
	(void)kill(child->pid, SIGKILL);
}

static void
child_closed(struct ipc *ipc, void *arg)
{
	struct child	*child = arg;

	if (ipc_was_broken(ipc))
		child_blame((enum role)(child - children.all), "the parent");
	ipc_free(ipc);
	child->ipc = NULL;
	if (child->reaped)
		child_gone((enum role)(child - children.all));
}

static int
child_start(enum role role, const struct config *conf)
{
	struct child	*child = &children.all[role];
	const char	*root;
	int		 fd;

	root = role == ROLE_NAMES ? NULL :
	    role == ROLE_QUEUE ? conf->spool : doors_empty(conf);
	memset(child, 0, sizeof(*child));
	child->pid = proc_start(role, root, children.options->foreground,
	    log_is_verbose(), &fd);
	if (child->pid == -1) {
		child->pid = 0;
		log_warn("%s cannot be started", role_name(role));
		return (-1);
	}
	child->since = loop_seconds();
	child->ipc = ipc_new(fd, role_name(role), parent_entries(role),
	    child_closed, child);
	/* who loses it exits, and is missed like any other */
	ipc_distrust(child->ipc);
	return (0);
}

void
children_reap(void)
{
	struct child	*child;
	pid_t		 pid;
	int		 role, status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (role = 0; role < ROLE_COUNT; role++) {
			child = &children.all[role];
			if (child->pid != pid)
				continue;
			child->reaped = 1;
			child->status = status;
			if (child->ipc == NULL)
				child_gone(role);
		}
	}
}

int
child_add(enum role role, const struct config *conf)
{
	return (child_start(role, conf) == -1 ? -1 : channels_open(role));
}

static void
mta_restart(void *arg)
{
	/* not before: it may have gone because another role died */
	log_warnx("mta is started again after %u seconds", children.backoff);
	if (child_add(ROLE_MTA, reload_config()) == -1)
		children_stop(1);
	else
		reload_child_started(ROLE_MTA);
}

int
children_start(const struct parent_options *options,
    const struct config *conf)
{
	int	 role;

	children.options = options;
	loop_timer_init(&children.restart, mta_restart, NULL);
	loop_timer_init(&children.overdue, stop_overdue, NULL);
	loop_timer_init(&children.verdict, child_verdict, NULL);
	/* each is introduced to those before it */
	for (role = ROLE_PARENT + 1; role < ROLE_COUNT; role++) {
		if (load_needs(conf, role) && child_add(role, conf) == -1)
			return (-1);
	}
	return (0);
}
