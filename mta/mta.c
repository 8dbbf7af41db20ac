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

#include "lib/facts.h"
#include "lib/log.h"
#include "lib/role.h"
#include "mta/mta.h"

#define STOP_LOOK	50		/* milliseconds between looks */
#define STOP_LOOKS	100		/* then what is left is cut off */

static void	 queue_lane(struct ipc *, struct ipc_msg *);
static void	 queue_lane_gone(struct ipc *, struct ipc_msg *);
static void	 queue_task(struct ipc *, struct ipc_msg *);
static void	 queue_recall(struct ipc *, struct ipc_msg *);
static void	 queue_retry(struct ipc *, struct ipc_msg *);
static void	 queue_content(struct ipc *, struct ipc_msg *);
static void	 queue_ask_end(struct ipc *, struct ipc_msg *);
static void	 queue_site(struct ipc *, struct ipc_msg *);
static void	 queue_rate(struct ipc *, struct ipc_msg *);

static const struct ipc_entry from_queue[] = {
	{ QUEUE_BIND,		bind_ask },
	{ QUEUE_LANE,		queue_lane },
	{ QUEUE_LANE_GONE,	queue_lane_gone },
	{ QUEUE_TASK,		queue_task },
	{ QUEUE_RECALL,		queue_recall },
	{ QUEUE_RETRY,		queue_retry },
	{ QUEUE_CONTENT,	queue_content },
	{ QUEUE_SITE,		queue_site },
	{ QUEUE_RATE,		queue_rate },
	{ QUEUE_RDNS,		reverse_ask },
	{ QUEUE_ASK,		bind_command },
	{ QUEUE_ASK_END,	queue_ask_end },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry from_parent[] = {
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

/* A lane's id is all that it says. */
static uint32_t
only_lane(struct ipc_msg *m)
{
	uint32_t	 id;

	id = ipc_get_u32(m);
	ipc_get_end(m);
	return (id);
}

static void
queue_lane(struct ipc *ipc, struct ipc_msg *m)
{
	const char	*binding, *destination;
	uint32_t	 id;

	id = ipc_get_u32(m);
	binding = ipc_get_str(m);
	destination = ipc_get_str(m);
	ipc_get_end(m);
	lane_new(id, binding, destination);
}

static void
queue_lane_gone(struct ipc *ipc, struct ipc_msg *m)
{
	lane_gone(only_lane(m));
}

static void
queue_task(struct ipc *ipc, struct ipc_msg *m)
{
	static struct task	 task;

	task_get(m, &task);
	ipc_get_end(m);
	lane_task(&task);
}

static void
queue_recall(struct ipc *ipc, struct ipc_msg *m)
{
	lane_recall(only_lane(m));
}

static void
queue_retry(struct ipc *ipc, struct ipc_msg *m)
{
	lane_retry_now(only_lane(m));
}

static void
queue_content(struct ipc *ipc, struct ipc_msg *m)
{
	struct item	*item;
	const void	*bytes = NULL;
	uint64_t	 id, length;
	size_t		 len = 0;
	int		 fd;

	id = ipc_get_u64(m);
	length = ipc_get_u64(m);
	/* neither: no descriptor was free here, it is as good as gone */
	if ((fd = ipc_get_fd(m)) == -1 && m->len > 0)
		bytes = ipc_get_bytes(m, &len);
	ipc_get_end(m);
	if ((item = item_find(id)) == NULL || item->arrived) {
		if (fd != -1)
			close(fd);
		return;
	}
	item_content(item, length, bytes, len, fd);
	if (item->connection != NULL)
		client_content(item->connection, item);
}

static void
queue_ask_end(struct ipc *ipc, struct ipc_msg *m)
{
	uint32_t	 client;

	client = ipc_get_u32(m);
	ipc_get_end(m);
	trace_end(client);
	test_end(client);
}

static void
queue_site(struct ipc *ipc, struct ipc_msg *m)
{
	lane_site_known(only_lane(m));
}

static void
queue_rate(struct ipc *ipc, struct ipc_msg *m)
{
	const char	*key;
	uint64_t	 next;

	key = ipc_get_str(m);
	next = ipc_get_u64(m);
	ipc_get_end(m);
	if (key != NULL)
		rate_known(key, next);
}

static void
forget_all(void)
{
	trace_end_all();
	connection_free_all();
	lane_forget_all();
	item_free_all();
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
	resolve_configured(now);
	starttls_configured(now);
	binding_configured(now);
	connection_configured();
	lane_configured();
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
	lane_stop_all();
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
	lane_init();
	rate_init();
	reverse_init();
	binding_init();
	exit(role_loop());
}
