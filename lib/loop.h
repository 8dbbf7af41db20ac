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
 * The event loop of a role: libevent (the 1.4 subset) with two additions.
 * Jobs run once at the end of a turn, so that what many events wrote goes out
 * in one system call; coarse timers of one second cost a list operation, so
 * that no timer is re-armed per event.
 */

#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <sys/queue.h>
#include <stdint.h>

struct loop_job {
	TAILQ_ENTRY(loop_job) entry;
	void		(*run)(void *);
	void		*arg;
	int		 queued;
};

struct loop_class;

struct loop_timer {
	TAILQ_ENTRY(loop_timer) entry;
	struct loop_class *class;	/* NULL: not armed */
	uint32_t	 due;		/* loop_seconds() */
	void		(*expired)(void *);
	void		*arg;
};

void		 loop_init(void);
/* Until loop_exit(); its value. */
int		 loop_run(void);
void		 loop_exit(int);

void		 loop_job_init(struct loop_job *, void (*)(void *), void *);
/* At the end of this turn; once, however often it is asked for. */
void		 loop_job_queue(struct loop_job *);
void		 loop_job_cancel(struct loop_job *);

void		 loop_timer_init(struct loop_timer *, void (*)(void *),
		    void *);
/* In so many seconds (at least that, at most one more); again: anew. */
void		 loop_timer_set(struct loop_timer *, uint32_t seconds);
void		 loop_timer_cancel(struct loop_timer *);

/* Monotonic seconds, and the time of day, as of this turn. */
uint32_t	 loop_seconds(void);
uint64_t	 loop_usec(void);	/* microseconds since the Epoch */
uint64_t	 loop_epoch(void);	/* seconds since the Epoch */

#endif
