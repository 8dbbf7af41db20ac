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
 * The queue's role: its channels, what is in force, what it has counted.
 *
 * Nothing in queue/ may cost more per event because more mail is queued, and
 * nothing may wait: disk flushes are the flush role's.
 */

#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stdint.h>

#include "lib/config.h"

struct ipc;

__dead void	 queue_role(const char *root, int foreground, int verbose);
struct config	*queue_config(void);
struct ipc	*queue_mta(void);	/* NULL while there is none */
int		 queue_mta_busy(void);	/* it has much to read already */
struct ipc	*queue_smtpd(void);
/* Whether every role uses the configuration: nothing goes out before. */
int		 queue_begun(void);
/* Something was appended: spool_commit at the end of this turn. */
void		 queue_commit(void);
/* "mta", "smtp", "mda": in force; the spool is the caller's business. */
void		 queue_pause(const char *what, int on);
int		 queue_is_paused(const char *what);
void		 queue_pause_checkpoint(void);
uint64_t	 queue_random(void);

/* stats, for show stats */
struct queue_stats {
	uint64_t	 accepted;	/* messages */
	uint64_t	 accepted_rcpts;
	uint64_t	 delivered;
	uint64_t	 tempfails;
	uint64_t	 permfails;
	uint64_t	 expired;
	uint64_t	 bounces;
	uint64_t	 refused;
	uint64_t	 tasks;
};
struct queue_stats *queue_stats(void);

#endif
