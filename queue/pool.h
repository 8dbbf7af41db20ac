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

#ifndef QUEUE_POOL_H
#define QUEUE_POOL_H

#include <sys/queue.h>
#include <stddef.h>

struct slab;
LIST_HEAD(slabs, slab);

/* A pool starts as POOL(size of its objects, a multiple of 8). */
struct pool {
	size_t		 size;
	struct slabs	 partial;	/* with room */
	size_t		 nslabs;
};
#define POOL(size)	{ (size), { NULL }, 0 }

/* One object, all zero.  NULL with ENOMEM. */
void	*pool_get(struct pool *);
void	 pool_put(struct pool *, void *);

#endif
