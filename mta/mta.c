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
 * The mta role: its entry and what it does with each message from queue.
 * It holds no file and no state that could not be lost: when its channel to
 * queue is new, everything that was in hand is queue's again.
 */

#include <event.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "mta/connection.h"
#include "mta/mta.h"
#include "mta/own.h"
#include "mta/rate.h"
#include "mta/resolve.h"
#include "mta/secure.h"
#include "mta/test.h"
#include "mta/trace.h"
#include "mta/work.h"

#define LOG_WAITS	(1024 * 1024)	/* bytes of lines */
#define STOP_LOOK	50		/* milliseconds between looks */
#define STOP_LOOKS	100		/* then what is left is cut off */

static const struct ipc_entry from_queue[] = {
	{ QUEUE_BIND,		bind_ask },
	{ QUEUE_WORK,		work_told },
	{ QUEUE_TASK,		connection_task },
	{ QUEUE_SUSPEND,	work_suspend },
	{ QUEUE_RATE,		rate_known },
	{ QUEUE_RDNS,		reverse_ask },
	{ QUEUE_ASK,		bind_command },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry from_parent[] = {
	{ PARENT_BOUND,		own_bound },
	{ IPC_NONE,		NULL }
};

static struct {
	struct event	 stop;
	int		 looks;
	struct config	*config;
	struct ipc	*queue;
	int		 fd;		/* queue's, until we are configured */
} mta;

struct config *
mta_config(void)
{
	return (mta.config);
}

struct ipc *
mta_queue(void)
{
	return (mta.queue);
}

int
mta_log_waits(void)
{
	return (ipc_pending(role_parent()) > LOG_WAITS);
}

uint32_t
mta_timeout(uint32_t seconds)
{
	int64_t	 lab = mta.config->mta_timeout;

	return (lab > 0 ? (uint32_t)lab : seconds);
}

static void
forget_all(void)
{
	trace_end_all();
	connection_free_all();
	work_forget_all();
	test_end_all();
	reverse_forget_all();
}

static void
queue_closed(struct ipc *ipc, void *arg)
{
	/*
	 * queue's death ends the daemon, and the parent says so.  If it lives,
	 * something that was said here made it close: another mta will do.
	 */
	fatalx("queue closed the channel");
}

static void
queue_open(int fd)
{
	if (mta.queue != NULL)
		ipc_free(mta.queue);
	mta.queue = NULL;
	forget_all();
	mta.queue = ipc_new(fd, "queue", from_queue, queue_closed, NULL);
	binding_tell_all();
}

static void
mta_configured(struct config *now, struct config *before)
{
	mta.config = now;
	own_configured();
	resolve_configured(now);
	starttls_configured(now);
	binding_configured(now);
	connection_configured();
	work_configured();
	if (mta.fd != -1) {
		queue_open(mta.fd);
		mta.fd = -1;
	}
}

static void
mta_peer(enum role role, int fd)
{
	if (role != ROLE_QUEUE) {
		log_warnx("a channel to %s is not for mta", role_name(role));
		close(fd);
	} else if (mta.config == NULL)
		mta.fd = fd;
	else
		queue_open(fd);
}

/* A message in the middle of its content is finished, but not for ever. */
static void
mta_stopping(int fd, short event, void *arg)
{
	struct timeval	 tv = { 0, STOP_LOOK * 1000 };

	if (connection_stop() > 0 && mta.looks++ < STOP_LOOKS) {
		evtimer_add(&mta.stop, &tv);
		return;
	}
	rate_stop();
	if (mta.queue != NULL)
		ipc_flush(mta.queue);
	loop_exit(0);
}

static void
mta_stop(void)
{
	evtimer_set(&mta.stop, mta_stopping, NULL);
	work_stop();
	mta_stopping(-1, 0, NULL);
}

static const struct role_callbacks callbacks = {
	.configured = mta_configured,
	.peer = mta_peer,
	.stop = mta_stop,
	.entries = from_parent
};

__dead void
mta_role(const char *root, int foreground, int verbose)
{
	mta.fd = -1;
	role_start(ROLE_MTA, root, foreground, verbose, &callbacks);
	work_init();
	limit_init();
	rate_init();
	reverse_init();
	binding_init();
	exit(role_loop());
}
