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
 * Many objects of one size, close together: a million that come and go between
 * short-lived ones of all sizes leave no holes behind, and memory goes back
 * when they are gone.  POOL_SLAB, octets, is the Makefile's: for a sanitizer,
 * which looks after single allocations, 0, and each object is one.
 */

#include <stdlib.h>
#include <string.h>

#include "queue/pool.h"

struct slot {
	struct slab	*slab;
	union {
		struct slot	*next;	/* free */
		char		 object[1];
	} u;
};

struct slab {
	LIST_ENTRY(slab) entry;
	struct slot	*free;		/* were used before */
	size_t		 used;
	size_t		 fresh;		/* were not: not even touched */
	char		 slots[];
};

static size_t
slot_size(const struct pool *pool)
{
	return (offsetof(struct slot, u) + pool->size);
}

static size_t
slab_slots(const struct pool *pool)
{
	size_t	 n = POOL_SLAB / slot_size(pool);

	return (n > 0 ? n : 1);
}

static struct slab *
slab_new(struct pool *pool)
{
	struct slab	*slab;
	size_t		 n = slab_slots(pool);

	slab = malloc(sizeof(*slab) + n * slot_size(pool));
	if (slab == NULL)
		return (NULL);
	slab->free = NULL;
	slab->used = 0;
	slab->fresh = n;
	LIST_INSERT_HEAD(&pool->partial, slab, entry);
	pool->nslabs++;
	return (slab);
}

void *
pool_get(struct pool *pool)
{
	struct slab	*slab;
	struct slot	*slot;

	slab = LIST_FIRST(&pool->partial);
	if (slab == NULL && (slab = slab_new(pool)) == NULL)
		return (NULL);
	if ((slot = slab->free) != NULL)
		slab->free = slot->u.next;
	else {
		slab->fresh--;
		slot = (struct slot *)(void *)(slab->slots +
		    slab->fresh * slot_size(pool));
		slot->slab = slab;
	}
	slab->used++;
	if (slab->free == NULL && slab->fresh == 0)
		LIST_REMOVE(slab, entry);
	memset(slot->u.object, 0, pool->size);
	return (slot->u.object);
}

void
pool_put(struct pool *pool, void *object)
{
	struct slot	*slot;
	struct slab	*slab;

	slot = (struct slot *)(void *)((char *)object -
	    offsetof(struct slot, u));
	slab = slot->slab;
	if (slab->free == NULL && slab->fresh == 0)
		LIST_INSERT_HEAD(&pool->partial, slab, entry);
	slot->u.next = slab->free;
	slab->free = slot;
	if (--slab->used > 0)
		return;
	/* the last one stays, or each message would make it anew */
	if (pool->nslabs == 1 && slab_slots(pool) > 1)
		return;
	LIST_REMOVE(slab, entry);
	pool->nslabs--;
	free(slab);
}
