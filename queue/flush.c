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
 * descriptors under numbers and flushes them in the order it is asked to; it
 * opens nothing, and says an error just as it came, once.
 */

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

static struct {
	struct flush_files	 files;
	struct ipc		*queue;
} flush;

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
flush_sync(struct ipc *ipc, struct ipc_msg *msg)
{
	uint64_t	 batch;
	uint32_t	 number;
	int		 error;

	batch = ipc_get_u64(msg);
	number = ipc_get_u32(msg);
	ipc_get_end(msg);
	if ((error = file_flush(file_find(number))) != 0)
		log_warnx("flush of %u: %s", number, strerror(error));
	ipc_begin(ipc, FLUSH_DONE);
	ipc_put_u64(ipc, batch);
	ipc_put_u32(ipc, (uint32_t)error);
	ipc_end(ipc);
}

static void
flush_close(struct ipc *ipc, struct ipc_msg *msg)
{
	uint32_t	 number;

	number = ipc_get_u32(msg);
	ipc_get_end(msg);
	file_remove(file_find(number));
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
flush_configured(struct config *now, struct config *before)
{
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
	if (flush.queue != NULL)
		ipc_flush(flush.queue);
	loop_exit(0);
}

static const struct ipc_entry parent_entries[] = {
	{ IPC_NONE, NULL }
};

static const struct role_callbacks callbacks = {
	.configured = flush_configured,
	.peer = flush_peer,
	.stop = flush_stop,
	.entries = parent_entries
};

__dead void
flush_role(const char *root, int foreground, int verbose)
{
	RB_INIT(&flush.files);
	role_start(ROLE_FLUSH, root, foreground, verbose, &callbacks);
	exit(role_loop());
}
