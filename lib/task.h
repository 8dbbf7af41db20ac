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
 * A task: one message with those of its recipients that share a lane, as it
 * goes from queue to mta (QUEUE_TASK), and what became of each (MTA_RESULT).
 */

#ifndef LIB_TASK_H
#define LIB_TASK_H

#include <stdint.h>

struct ipc;
struct ipc_msg;

/* Most recipients of one task (RFC 5321 4.5.3.1.8). */
#define TASK_RCPTS	100
/* Octets of a reply, or of words of mta's own. */
#define TASK_WORDS	512

enum outcome {
	OUTCOME_DELIVERED,
	OUTCOME_TEMPFAIL,	/* the remote said so: costs a try */
	OUTCOME_PERMFAIL,
	OUTCOME_HELD		/* a local cause: costs nothing */
};

struct task_rcpt {
	uint32_t	 number;	/* in the message: ID.number */
	uint32_t	 rule;		/* bind rule that chose the binding */
	uint16_t	 try;		/* this attempt's number, from 1 */
	uint32_t	 retry;		/* seconds to the next, if it fails */
	const char	*address;
	const char	*orcpt;		/* RFC 3461, or NULL */
	const char	*notify;	/* RFC 3461, or NULL */
};

struct task {
	uint64_t	 id;		/* of the task; never used again */
	uint64_t	 message;	/* message id */
	uint32_t	 lane;
	uint64_t	 created;	/* microseconds since the Epoch */
	uint64_t	 size;		/* of the content, octets */
	uint8_t		 eightbit;	/* BODY=8BITMIME */
	uint8_t		 smtputf8;
	const char	*sender;	/* "" for null */
	const char	*action;
	const char	*ret;		/* RFC 3461 RET, or NULL */
	const char	*envid;		/* RFC 3461 ENVID, or NULL */
	uint32_t	 nrcpts;
	struct task_rcpt rcpts[TASK_RCPTS];
};

struct task_result {
	uint32_t	 number;
	uint8_t		 outcome;	/* enum outcome */
	const char	*cause;		/* remote, local, family ... (log) */
	const char	*reply;		/* the peer's words, or ours */
	const char	*host;		/* MX that spoke, or NULL */
	uint8_t		 dsn_relayed;	/* peer took over NOTIFY (offers DSN) */
};

void	 task_put(struct ipc *, const struct task *);
/* Strings point into the message. */
void	 task_get(struct ipc_msg *, struct task *);
void	 task_result_put(struct ipc *, const struct task_result *);
void	 task_result_get(struct ipc_msg *, struct task_result *);
/* What mta sent, if it is no longer than it may be; other for NULL. */
const char *task_words(const char *, const char *other);
/*
 * MTA_RESULT is: u64 task, u32 count, then count results; recipients that it
 * does not name are still in hand.
 */

#endif
