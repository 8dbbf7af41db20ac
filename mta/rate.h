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
 * Rates: recipients attempted in time.
 */

#ifndef MTA_RATE_H
#define MTA_RATE_H

#include <stdint.h>

struct ipc;
struct ipc_msg;
struct lane;
struct line;

void		 rate_init(void);
/*
 * Tokens for up to most recipients of the lane, as many as its rates have now;
 * 0: none.  served: it stood in line and its turn has come; who did not does
 * not pass those who do.
 */
unsigned int	 rate_take(struct lane *, unsigned int most, int served);
/* So many were not used. */
void		 rate_give(struct lane *, unsigned int);
/* The line of the slowest: who stands there is resumed. */
struct line	*rate_line(struct lane *);
/* QUEUE_RATE: what queue kept of a long one. */
void		 rate_known(struct ipc *, struct ipc_msg *);
/* Before an end: what queue has not been told yet. */
void		 rate_stop(void);
/*
 * Microseconds until the next recipient may go, when next is its time if all
 * came evenly; next after count recipients; next, no later than it can be by
 * these figures (the clock or the configuration changed).  Pure.
 */
int64_t		 rate_wait(int64_t next, int64_t number, int64_t seconds,
		    int64_t now);
int64_t		 rate_spend(int64_t next, int64_t number, int64_t seconds,
		    int64_t now, int64_t count);
int64_t		 rate_sane(int64_t next, int64_t number, int64_t seconds,
		    int64_t now);
/* Recipients that may go now; of the same figures. */
int64_t		 rate_tokens(int64_t next, int64_t number, int64_t seconds,
		    int64_t now);

#endif
