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
 * Content for mta, when it asks: from memory, from the log, or as a descriptor
 * of a large file, which is first compared with its record, a piece a turn,
 * so that nobody waits for it.  What is damaged is never sent.
 */

#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/queue.h"

/* A large file that is being read. */
struct fetch {
	TAILQ_ENTRY(fetch)	 entry;
	uint64_t		 task;
	struct large_check	*check;
};

static void	 content_step(void *);

static struct {
	TAILQ_HEAD(, fetch)	 fetches;
	struct loop_job		 job;
} content = {
	.fetches = TAILQ_HEAD_INITIALIZER(content.fetches),
	.job = { .run = content_step },
};

/* len 0: it is gone. */
static void
content_put(uint64_t task, uint64_t len, const void *bytes, int fd)
{
	struct ipc	*mta;

	if ((mta = queue_mta()) == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	ipc_begin(mta, QUEUE_CONTENT);
	ipc_put_u64(mta, task);
	ipc_put_u64(mta, len);
	if (bytes != NULL)
		ipc_put_bytes(mta, bytes, len);
	else if (fd != -1)
		ipc_put_fd(mta, fd);
	ipc_end(mta);
}

/*
 * errno says why.  Where the disk has no fault, descriptors or memory were
 * short: mta gives the task back as held, and it goes again.
 */
static void
content_missing(uint64_t task, const struct message *m)
{
	int	 error = errno;

	log_warn("content of message %s", id_text(m->id));
	content_put(task, 0, NULL, -1);
	if (error == EILSEQ || error == ENOENT || error == EIO)
		delivery_lost(task);
}

static void
large_send(uint64_t task, struct message *m)
{
	int	 fd;

	if ((fd = spool_large_open(m->id)) == -1)
		content_missing(task, m);
	else
		content_put(task, m->content, NULL, fd);
}

static void
large_fetch(uint64_t task, struct message *m)
{
	struct fetch	*fetch;

	if (m->flags & MESSAGE_CHECKED) {
		large_send(task, m);
		return;
	}
	if ((fetch = calloc(1, sizeof(*fetch))) == NULL)
		fatal("calloc");
	fetch->task = task;
	if ((fetch->check = spool_large_check(m->ref)) == NULL) {
		free(fetch);
		content_missing(task, m);
		return;
	}
	TAILQ_INSERT_TAIL(&content.fetches, fetch, entry);
	loop_job_queue(&content.job);
}

static void
fetch_free(struct fetch *fetch)
{
	TAILQ_REMOVE(&content.fetches, fetch, entry);
	spool_large_check_end(fetch->check);
	free(fetch);
}

/* A piece of the first, which goes behind the others. */
static void
content_step(void *arg)
{
	struct message	*m;
	struct fetch	*fetch;
	int		 status;

	if ((fetch = TAILQ_FIRST(&content.fetches)) == NULL)
		return;
	if ((m = delivery_message(fetch->task)) == NULL) {
		content_put(fetch->task, 0, NULL, -1);
		fetch_free(fetch);
	} else if ((status = spool_large_check_step(fetch->check)) == 1) {
		TAILQ_REMOVE(&content.fetches, fetch, entry);
		TAILQ_INSERT_TAIL(&content.fetches, fetch, entry);
	} else {
		if (status == 0) {
			m->flags |= MESSAGE_CHECKED;
			large_send(fetch->task, m);
		} else
			content_missing(fetch->task, m);
		fetch_free(fetch);
	}
	if (!TAILQ_EMPTY(&content.fetches))
		loop_job_queue(&content.job);
}

void
content_fetch(struct ipc *mta, struct ipc_msg *msg)
{
	struct message	*m;
	const void	*cached;
	uint64_t	 task, len;
	size_t		 size;
	void		*read;

	task = ipc_get_u64(msg);
	ipc_get_end(msg);
	if (delivery_fetch(task) == -1)
		return;			/* no mta of ours asks twice */
	if ((m = delivery_message(task)) == NULL)
		content_put(task, 0, NULL, -1);		/* removed meanwhile */
	else if (m->flags & MESSAGE_LARGE)
		large_fetch(task, m);
	else if ((cached = cache_content(m->id, &size)) != NULL)
		content_put(task, size, cached, -1);
	else if ((read = spool_read_content(m->ref, &len)) != NULL) {
		content_put(task, len, read, -1);
		free(read);
	} else
		content_missing(task, m);
}

void
content_mta_gone(void)
{
	struct fetch	*fetch;

	while ((fetch = TAILQ_FIRST(&content.fetches)) != NULL)
		fetch_free(fetch);
}
