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
 * Weighted rendezvous hashing: which member of a group is nearest to a
 * (sender, recipient).  A member that comes or goes moves only its own share,
 * and weights are shares.  Every role that asks gets the same answer, today
 * and after a restart.  Pure.
 */

#ifndef LIB_RENDEZVOUS_H
#define LIB_RENDEZVOUS_H

#include <stdint.h>

#define RENDEZVOUS_NEVER	UINT64_MAX

/*
 * How far the member is: the nearest is the one to take.  weight 0:
 * RENDEZVOUS_NEVER.  Letters of sender and recipient count without case.
 */
uint64_t	 rendezvous(const char *member, uint32_t weight,
		    const char *sender, const char *rcpt);

#endif
