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
 * Content for mta: from memory, from the log, or as a descriptor of a large
 * file, which is first compared with its record, a piece a turn, so that
 * nobody waits for it.  What is damaged is never sent.
 */

#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/handout.h"
#include "queue/message.h"

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

/* -1 with errno, which the log has. */
static int
content_missing(const struct message *m)
{
	int	 error = errno;

	log_warn("content of message %s", id_text(m->id));
	errno = error;
	return (-1);
}

static int
large_send(struct handout *h, struct message *m)
{
	int	 fd;

	if ((fd = spool_large_open(m->id)) == -1)
		return (content_missing(m));
	handout_put(h, NULL, m->content, fd);
	return (0);
}

static int
large_check(struct handout *h, struct message *m)
{
	struct fetch	*fetch;

	if ((fetch = calloc(1, sizeof(*fetch))) == NULL)
		fatal("calloc");
	fetch->task = h->id;
	if ((fetch->check = spool_large_check(m->ref)) == NULL) {
		free(fetch);
		return (content_missing(m));
	}
	TAILQ_INSERT_TAIL(&content.fetches, fetch, entry);
	loop_job_queue(&content.job);
	return (0);
}

static void
fetch_free(struct fetch *fetch)
{
	TAILQ_REMOVE(&content.fetches, fetch, entry);
	spool_large_check_end(fetch->check);
	free(fetch);
}

/* It was looked through; status is 0, or -1 with errno. */
static void
fetch_done(struct handout *h, struct message *m, int status)
{
	if (m == NULL) {
		handout_put(h, NULL, 0, -1);	/* removed meanwhile */
		return;
	}
	if (status == 0)
		m->flags |= MESSAGE_CHECKED;
	else
		(void)content_missing(m);
	if (status == -1 || large_send(h, m) == -1)
		handout_unreadable(h, errno, 1);
}

/* A piece of the first, which goes behind the others. */
static void
content_step(void *arg)
{
	struct handout	*h;
	struct fetch	*fetch;
	int		 status = 0;

	if ((fetch = TAILQ_FIRST(&content.fetches)) == NULL)
		return;
	h = handout_find(fetch->task);
	if (h != NULL && message_find(h->message) != NULL)
		status = spool_large_check_step(fetch->check);
	if (status == 1) {
		TAILQ_REMOVE(&content.fetches, fetch, entry);
		TAILQ_INSERT_TAIL(&content.fetches, fetch, entry);
	} else {
		if (h != NULL)
			fetch_done(h, message_find(h->message), status);
		fetch_free(fetch);
	}
	if (!TAILQ_EMPTY(&content.fetches))
		loop_job_queue(&content.job);
}

int
content_send(struct handout *h)
{
	struct message	*m = message_find(h->message);
	const void	*cached;
	uint64_t	 len;
	size_t		 size;
	void		*read;

	if (m->flags & MESSAGE_LARGE)
		return (m->flags & MESSAGE_CHECKED ? large_send(h, m) :
		    large_check(h, m));
	if ((cached = cache_content(m->id, &size)) != NULL) {
		handout_put(h, cached, size, -1);
		return (0);
	}
	if ((read = spool_read_content(m->ref, &len)) == NULL)
		return (content_missing(m));
	handout_put(h, read, len, -1);
	free(read);
	return (0);
}

void
content_mta_gone(void)
{
	struct fetch	*fetch;

	while ((fetch = TAILQ_FIRST(&content.fetches)) != NULL)
		fetch_free(fetch);
}
