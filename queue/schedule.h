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
 * When a recipient is tried again, and the wheel of those that wait.
 */

#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include <stdint.h>

struct rcpt;

/* schedule.c: when to try again, and the wheel of what waits. */
void		 schedule_init(uint32_t now, void (*due)(struct rcpt *));
uint32_t	 schedule_retry(uint64_t id, uint32_t tries, uint32_t min,
		    uint32_t max);
void		 schedule_add(struct rcpt *, uint32_t due);
void		 schedule_remove(struct rcpt *);
/* What is due by now, in steps; 1: there is more. */
int		 schedule_run(uint32_t now);
/* Seconds since the Epoch, never going back. */
uint32_t	 schedule_now(void);
/*
 * loop_seconds() of the last time that the clock went forward by more than
 * time did, or of the start.
 */
uint32_t	 schedule_jumped(void);

#endif
