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
 * A transaction of ours: a task that queue handed to a connection, from then
 * to its results.  Its strings live in the same allocation.
 */

#ifndef MTA_OUTBOUND_H
#define MTA_OUTBOUND_H

#include <stdint.h>

#include "lib/task.h"

struct connection;
struct place;

enum outbound_outcome {
	OUTBOUND_OPEN = -1		/* else enum outcome */
};

struct outbound_rcpt {
	uint32_t	 number;
	uint32_t	 rule;
	uint32_t	 retry;
	uint16_t	 try;
	int8_t		 outcome;	/* OUTBOUND_OPEN: nobody knows yet */
	uint8_t		 accepted;	/* RCPT was answered 2xx */
	uint8_t		 remote;	/* reply is the host's own */
	const char	*address;
	const char	*orcpt;
	const char	*notify;
	char		*reply;		/* own reply, or NULL: that of all */
};

struct outbound {
	uint64_t	 id;		/* of the task */
	uint64_t	 message;
	uint64_t	 created;
	uint64_t	 size;
	const char	*sender;
	const char	*action;
	const char	*ret;
	const char	*envid;
	uint8_t		 eightbit;
	uint8_t		 smtputf8;
	uint8_t		 answered;	/* a command of it was replied to */
	int		 fd;		/* large content, or -1 */
	char		*content;
	unsigned int	 accepted;	/* recipients answered 2xx */
	uint32_t	 nrcpts;
	struct outbound_rcpt rcpts[];
};

/* A copy, content included; takes over task->fd. */
struct outbound	*outbound_new(const struct task *);
void		 outbound_free(struct outbound *);
/* Set what is still open; remote: the reply that they get is the host's. */
void		 outbound_settle(struct outbound *, enum outcome, int remote);
/* The same for one, with a reply of its own. */
void		 outbound_settle_rcpt(struct outbound *, uint32_t,
		    enum outcome, const char *reply);

/* report.c */
/*
 * All recipients are settled: the log, and a message to queue that pulls the
 * next one where the connection may.  reply is for those that have none of
 * their own.  The transaction is freed.
 */
void		 report_results(struct connection *, const char *cause,
		    const char *reply, int pull);
/* A task for a connection that is gone. */
void		 report_unwanted(const struct task *);

#endif
