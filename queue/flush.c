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
 * The flush role: it waits for the disk so that queue need not.  It is handed
 * descriptors under numbers and flushes them, the log first, for everybody
 * waits for that; large files in the order in which they were asked for.  All
 * who asked for the same before a flush began share it.  It opens nothing,
 * and says an error just as it came.
 */

#include <sys/queue.h>
#include <sys/tree.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "queue/flush.h"
#include "queue/spool.h"

struct flush_file {
	RB_ENTRY(flush_file) entry;
	uint32_t	 number;
	int		 fd;
};

RB_HEAD(flush_files, flush_file);

/* A flush that was asked for. */
struct ask {
	TAILQ_ENTRY(ask) entry;
	uint64_t	 batch;
	uint32_t	 number;
};
TAILQ_HEAD(asks, ask);

static void	 flush_next(void *);

static struct {
	struct flush_files	 files;
	struct asks		 log;
	struct asks		 large;
	struct loop_job		 job;
	struct ipc		*queue;
} flush = {
	.log = TAILQ_HEAD_INITIALIZER(flush.log),
	.large = TAILQ_HEAD_INITIALIZER(flush.large),
	.job = { .run = flush_next },
};

static int
file_compare(struct flush_file *a, struct flush_file *b)
{
	return (a->number < b->number ? -1 : a->number > b->number);
}

RB_PROTOTYPE(flush_files, flush_file, entry, file_compare)
RB_GENERATE(flush_files, flush_file, entry, file_compare)

static struct flush_file *
file_find(uint32_t number)
{
	struct flush_file	 key;

	key.number = number;
	return (RB_FIND(flush_files, &flush.files, &key));
}

static void
file_remove(struct flush_file *f)
{
	if (f == NULL)
		return;
	RB_REMOVE(flush_files, &flush.files, f);
	close(f->fd);
	free(f);
}

static void
flush_file(struct ipc *ipc, struct ipc_msg *msg)
{
	struct flush_file	*f;
	uint32_t		 number;
	int			 fd;

	number = ipc_get_u32(msg);
	fd = ipc_get_fd(msg);
	ipc_get_end(msg);
	file_remove(file_find(number));
	if (fd == -1) {
		log_warnx("no descriptor came with file %u", number);
		return;
	}
	if ((f = calloc(1, sizeof(*f))) == NULL)
		fatal("flush");
	f->number = number;
	f->fd = fd;
	RB_INSERT(flush_files, &flush.files, f);
}

/* fdatasync of a folder may leave its entries out. */
static int
file_flush(struct flush_file *f)
{
	int	 status;

	if (f == NULL)
		return (EBADF);
	if (f->number == SPOOL_LOG_DIR || f->number == SPOOL_LARGE_DIR)
		status = fsync(f->fd);
	else
		status = fdatasync(f->fd);
	return (status == -1 ? errno : 0);
}

static void
answer(uint64_t batch, int error)
{
	if (flush.queue == NULL)
		return;
	ipc_begin(flush.queue, FLUSH_DONE);
	ipc_put_u64(flush.queue, batch);
	ipc_put_u32(flush.queue, (uint32_t)error);
	ipc_end(flush.queue);
}

/* One flush, for the first of the list and for all who asked for the same. */
static void
flush_first(struct asks *asks)
{
	struct ask	*ask = TAILQ_FIRST(asks), *next;
	uint32_t	 number = ask->number;
	int		 error;

	if ((error = file_flush(file_find(number))) != 0)
		log_warnx("flush of %u: %s", number, strerror(error));
	for (; ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, entry);
		if (ask->number != number)
			continue;
		answer(ask->batch, error);
		TAILQ_REMOVE(asks, ask, entry);
		free(ask);
	}
}

/* One a turn: what is asked for meanwhile is seen in between. */
static void
flush_next(void *arg)
{
	if (!TAILQ_EMPTY(&flush.log))
		flush_first(&flush.log);
	else if (!TAILQ_EMPTY(&flush.large))
		flush_first(&flush.large);
	if (!TAILQ_EMPTY(&flush.log) || !TAILQ_EMPTY(&flush.large))
		loop_job_queue(&flush.job);
}

static void
flush_sync(struct ipc *ipc, struct ipc_msg *msg)
{
	struct ask	*ask;

	if ((ask = calloc(1, sizeof(*ask))) == NULL)
		fatal("flush");
	ask->batch = ipc_get_u64(msg);
	ask->number = ipc_get_u32(msg);
	ipc_get_end(msg);
	if (ask->number >= SPOOL_LARGE_FIRST)
		TAILQ_INSERT_TAIL(&flush.large, ask, entry);
	else
		TAILQ_INSERT_TAIL(&flush.log, ask, entry);
	loop_job_queue(&flush.job);
}

static void
flush_close(struct ipc *ipc, struct ipc_msg *msg)
{
	uint32_t	 number;

	number = ipc_get_u32(msg);
	ipc_get_end(msg);
	file_remove(file_find(number));	/* queue waits for no flush of it */
}

static const struct ipc_entry queue_entries[] = {
	{ FLUSH_FILE, flush_file },
	{ FLUSH_SYNC, flush_sync },
	{ FLUSH_CLOSE, flush_close },
	{ IPC_NONE, NULL }
};

/* Without queue there is nothing to flush for. */
static void
queue_closed(struct ipc *ipc, void *arg)
{
	ipc_free(ipc);
	flush.queue = NULL;
}

static void
flush_peer(enum role role, int fd)
{
	if (role != ROLE_QUEUE) {
		close(fd);
		return;
	}
	if (flush.queue != NULL)
		ipc_free(flush.queue);
	flush.queue = ipc_new(fd, "queue", queue_entries, queue_closed, NULL);
}

static void
flush_stop(void)
{
	while (!TAILQ_EMPTY(&flush.log) || !TAILQ_EMPTY(&flush.large))
		flush_next(NULL);
	if (flush.queue != NULL)
		ipc_flush(flush.queue);
	loop_exit(0);
}

static const struct role_callbacks callbacks = {
	.peer = flush_peer,
	.stop = flush_stop
};

__dead void
flush_role(const char *root, int foreground, int verbose)
{
	RB_INIT(&flush.files);
	role_start(ROLE_FLUSH, root, foreground, verbose, &callbacks);
	exit(role_loop());
}
