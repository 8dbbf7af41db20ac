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
 * Connections counted where lanes or bindings share a limit, and who waits for
 * a slot of one.
 */

#ifndef MTA_LIMIT_H
#define MTA_LIMIT_H

#include <stdint.h>

struct binding;
struct connection;
struct counter;
struct lane;
struct line;

enum limit_kind {
	LIMIT_SITE,
	LIMIT_DOMAIN,
	LIMIT_BINDING,
	LIMIT_SERVER,
	LIMIT_COUNTERS
};

void		 limit_init(void);
/*
 * The line of a limit that has no room for one more of the lane's: who stands
 * there is resumed when there may be.  NULL: there is room.
 */
struct line	*limit_line(struct lane *);
/* The same for a test, which does not wait. */
int		 limit_room(struct lane *);
/* Count a connection where its lane belongs, and no longer. */
void		 limit_take(struct connection *);
void		 limit_give(struct connection *);
/* It is idle: it may have to go, for who waits. */
void		 limit_idle(struct connection *);
/* Would it be counted the same for that lane? */
int		 limit_same(const struct connection *, const struct lane *);
/* Is it counted by the counter of this name ("site S", "domain D")? */
int		 limit_counts(const struct connection *, const char *name);
/* The most that its connections may be in all; 0: no such limit. */
int64_t		 limit_total(const char *name);
/* What each binding has of it. */
void		 limit_each(const char *name, void (*row)(void *,
		    const char *binding, unsigned int used), void *);
/* The counters that a binding has a part of. */
void		 limit_each_of(const struct binding *, void (*row)(void *,
		    const char *name, const char *binding, unsigned int used),
		    void *);
/*
 * Of a limit that several share, a binding takes one more only while it holds
 * no more than are free.  limit 0: none.  Pure.
 */
int		 limit_share(int64_t limit, unsigned int used,
		    unsigned int own);

#endif
