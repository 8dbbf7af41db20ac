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
 * Which member of a group of bindings takes a recipient.
 */

#ifndef QUEUE_GROUP_H
#define QUEUE_GROUP_H

#include "queue/message.h"

struct binding;

/* group.c: which member of a group. */
enum group_need {
	GROUP_BIRTH,			/* one that takes and sends, else any */
	GROUP_RETRY,			/* one that can send now */
	GROUP_ANY			/* as if nothing were in the way */
};
/* NULL: there is no such group, or no member that will do. */
struct binding	*group_choose(const char *group, const char *sender,
		    const char *rcpt, const char *destination,
		    enum group_need);
/* The name of its group, or NULL; er is the recipient's. */
const char	*group_of(const struct rcpt *, const struct envelope_rcpt *);
/* The lane's state or what is ready in it has changed. */
void		 group_update(struct lane *);
void		 group_tick(void);

#endif
