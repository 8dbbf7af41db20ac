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
 * Fresh messages with their envelope and content, so that the first try,
 * which mostly succeeds, reads nothing back from the log.  Bounded: the
 * oldest goes first.  Also the one place that finds a message's envelope.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "queue/message.h"

#define CACHE_OCTETS	(16 * 1024 * 1024)
/* What an envelope takes, about. */
#define CACHE_ENVELOPE	512
#define CACHE_SLOTS	4096		/* a power of two */

struct fresh {
	LIST_ENTRY(fresh)	 hash;
	TAILQ_ENTRY(fresh)	 age;
	uint64_t		 id;
	struct envelope		*envelope;
	size_t			 len;
	char			 content[];
};
LIST_HEAD(fresh_slot, fresh);
TAILQ_HEAD(fresh_list, fresh);

static struct {
	struct fresh_slot	 slots[CACHE_SLOTS];
	struct fresh_list	 list;
	size_t			 octets;
	struct envelope		*read;	/* last one that came from the log */
} cache = { .list = TAILQ_HEAD_INITIALIZER(cache.list) };

/* Ids are random: any bits of them are a hash. */
static struct fresh_slot *
cache_slot(uint64_t id)
{
	return (&cache.slots[id & (CACHE_SLOTS - 1)]);
}

static struct fresh *
cache_find(uint64_t id)
{
	struct fresh	*fresh;

	LIST_FOREACH(fresh, cache_slot(id), hash)
		if (fresh->id == id)
			return (fresh);
	return (NULL);
}

static void
cache_free(struct fresh *fresh)
{
	LIST_REMOVE(fresh, hash);
	TAILQ_REMOVE(&cache.list, fresh, age);
	cache.octets -= sizeof(*fresh) + CACHE_ENVELOPE + fresh->len;
	envelope_free(fresh->envelope);
	free(fresh);
}

void
cache_add(uint64_t id, struct envelope *envelope, const void *content,
    size_t len)
{
	struct fresh	*fresh;

	cache_drop(id);
	if ((fresh = malloc(sizeof(*fresh) + len)) == NULL) {
		envelope_free(envelope);
		return;
	}
	fresh->id = id;
	fresh->envelope = envelope;
	fresh->len = len;
	memcpy(fresh->content, content, len);
	LIST_INSERT_HEAD(cache_slot(id), fresh, hash);
	TAILQ_INSERT_TAIL(&cache.list, fresh, age);
	cache.octets += sizeof(*fresh) + CACHE_ENVELOPE + len;
	while (cache.octets > CACHE_OCTETS)
		cache_free(TAILQ_FIRST(&cache.list));
}

const struct envelope *
cache_envelope(uint64_t id)
{
	struct fresh	*fresh;

	fresh = cache_find(id);
	return (fresh == NULL ? NULL : fresh->envelope);
}

const void *
cache_content(uint64_t id, size_t *len)
{
	struct fresh	*fresh;

	if ((fresh = cache_find(id)) == NULL)
		return (NULL);
	*len = fresh->len;
	return (fresh->content);
}

void
cache_drop(uint64_t id)
{
	struct fresh	*fresh;

	if ((fresh = cache_find(id)) != NULL)
		cache_free(fresh);
}

const struct envelope *
message_envelope(struct message *m)
{
	const struct envelope	*envelope;
	int			 error;

	if ((envelope = cache_envelope(m->id)) != NULL)
		return (envelope);
	if (cache.read != NULL && cache.read->id == m->id)
		return (cache.read);
	envelope_free(cache.read);
	if ((cache.read = spool_read_envelope(m->ref)) == NULL) {
		error = errno;
		log_warn("message %s cannot be read", id_text(m->id));
		errno = error;
	}
	return (cache.read);
}

const struct envelope_rcpt *
envelope_rcpt(const struct envelope *e, uint32_t number)
{
	uint32_t	 i;

	if (number > 0 && number <= e->nrcpts &&
	    e->rcpts[number - 1].number == number)
		return (&e->rcpts[number - 1]);
	for (i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].number == number)
			return (&e->rcpts[i]);
	return (NULL);
}
