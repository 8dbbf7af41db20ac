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
 * Flushes.  With a flush role they are asked for and answered later; without
 * one (tests, the end) they are made here, blocking.  For spool.c and its
 * neighbours.  A failure is handed up once and never tried again here.
 */

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "queue/spool_log.h"

struct sync {
	TAILQ_ENTRY(sync) entry;
	uint64_t	 serial;
	sync_done	*done;
	void		*arg;
};

static struct {
	const struct spool_flusher *flusher;
	TAILQ_HEAD(, sync) waiting;
	uint64_t	 serial;
} syncs = { NULL, TAILQ_HEAD_INITIALIZER(syncs.waiting), 0 };

void
sync_set(const struct spool_flusher *flusher)
{
	syncs.flusher = flusher;
}

/* Nobody will answer any more. */
void
sync_reset(void)
{
	struct sync	*s;

	syncs.flusher = NULL;
	while ((s = TAILQ_FIRST(&syncs.waiting)) != NULL) {
		TAILQ_REMOVE(&syncs.waiting, s, entry);
		free(s);
	}
}

int
sync_name(uint32_t number, int fd)
{
	int	 copy;

	if (syncs.flusher == NULL)
		return (0);
	if ((copy = disk_duplicate(fd)) == -1)
		return (-1);
	syncs.flusher->file(number, copy);
	return (0);
}

void
sync_forget(uint32_t number)
{
	if (syncs.flusher != NULL)
		syncs.flusher->close(number);
}

static int
sync_here(uint32_t number, int fd)
{
	int	 status;

	if (number == SPOOL_LOG_DIR)
		status = disk_sync_dir(DISK_LOG);
	else if (number == SPOOL_LARGE_DIR)
		status = disk_sync_dir(DISK_LARGE);
	else
		status = disk_sync(fd);
	return (status == -1 ? errno : 0);
}

void
sync_start(uint32_t number, int fd, sync_done *done, void *arg)
{
	struct sync	*s;

	if (syncs.flusher == NULL) {
		done(sync_here(number, fd), arg);
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("sync");
	s->serial = ++syncs.serial;
	s->done = done;
	s->arg = arg;
	TAILQ_INSERT_TAIL(&syncs.waiting, s, entry);
	syncs.flusher->sync(s->serial, number);
}

int
sync_waiting(void)
{
	return (!TAILQ_EMPTY(&syncs.waiting));
}

void
spool_flushed(uint64_t serial, int error)
{
	struct sync	*s;

	TAILQ_FOREACH(s, &syncs.waiting, entry)
		if (s->serial == serial)
			break;
	if (s == NULL)
		return;
	TAILQ_REMOVE(&syncs.waiting, s, entry);
	s->done(error, s->arg);
	free(s);
}
