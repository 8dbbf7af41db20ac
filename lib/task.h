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
 * What queue and mta say to each other about mail.  queue keeps every
 * recipient until a connection is ready to carry it: it tells mta which lanes
 * have work, a ready connection pulls a task, its results go back with the
 * next pull.  An attempt that no connection came of is told by itself.
 *
 *	QUEUE_WORK	struct work
 *	MTA_PULL	struct pull
 *	QUEUE_TASK	struct task
 *	MTA_RESULT	struct results
 *	MTA_ATTEMPT	struct attempt_end
 *	MTA_DOING	struct doing
 *
 * Each put has its get beside it in lib/task.c.  mta faces the network: what
 * comes from it is bounded here and is never more than a report.  Strings are
 * borrowed; after a get they point into the message.
 */

#ifndef LIB_TASK_H
#define LIB_TASK_H

#include <stddef.h>
#include <stdint.h>

struct ipc;
struct ipc_msg;

/* Most recipients of one task (RFC 5321 4.5.3.1.8). */
#define TASK_RCPTS	100
/* Octets of a reply, or of text of mta's own, with its NUL. */
#define TASK_TEXT	512

/*
 * A lane has work; told when it had none, and when due has doubled.  due 0
 * withdraws it: the attempt ends, and no connection pulls for it any more.
 */
struct work {
	uint32_t	 lane;
	uint32_t	 due;		/* recipients */
	uint8_t		 now;		/* asked for by command: look the
					   route up anew, forget back-offs */
	uint8_t		 failed;	/* its last attempt did: one connection
					   first */
	/* with due 0 all of these are NULL */
	const char	*binding;
	const char	*destination;
	const char	*action;	/* of the first in line */
	const char	*sender;	/* its sender's domain, "" for none */
};

/* A connection of the lane is ready for a message. */
struct pull {
	uint32_t	 lane;		/* 0: no pull (in struct results) */
	uint32_t	 connection;	/* mta's number for it, not 0 */
	uint32_t	 generation;	/* of the configuration it is for */
	uint32_t	 most;		/* recipients, 1..TASK_RCPTS */
	const char	*action;	/* whose TLS and login it has */
	const char	*ehlo;		/* the sender's domain that EHLO said,
					   NULL: it is any sender's */
	const char	*host;		/* name of the MX or relay */
	const char	*site;		/* that the host's name belongs to, or
					   NULL */
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

/* The answer to a pull: a message with recipients of the lane, or nothing. */
struct task {
	uint64_t	 id;		/* of the task; never used again; 0:
					   nothing for this connection */
	uint32_t	 lane;
	uint32_t	 connection;
	uint32_t	 due;		/* recipients left behind it */
	const char	*want_action;	/* with due: of the first of these */
	const char	*want_sender;	/* its sender's domain */
	/* all else is put only where id is not 0 */
	uint64_t	 message;	/* message id */
	uint64_t	 created;	/* microseconds since the Epoch */
	uint8_t		 eightbit;	/* BODY=8BITMIME */
	uint8_t		 smtputf8;
	const char	*sender;	/* "" for null */
	const char	*action;
	const char	*ret;		/* RFC 3461 RET, or NULL */
	const char	*envid;		/* RFC 3461 ENVID, or NULL */
	uint32_t	 nrcpts;
	struct task_rcpt rcpts[TASK_RCPTS];
	uint64_t	 size;		/* of the content, bytes */
	const void	*content;	/* size bytes; NULL: fd has them */
	int		 fd;		/* the receiver's; -1: none came */
};

enum outcome {
	OUTCOME_DELIVERED,
	OUTCOME_TEMPFAIL,	/* the remote said so: costs a try */
	OUTCOME_PERMFAIL,
	OUTCOME_HELD,		/* a local cause: costs nothing */
	OUTCOME_RETURNED	/* not tried: first in its lane again */
};

struct task_result {
	uint32_t	 number;
	uint8_t		 outcome;	/* enum outcome */
	uint8_t		 remote;	/* reply is the host's own */
	const char	*cause;		/* remote, local, family ... (log) */
	const char	*reply;		/* the host's words, or ours */
	const char	*host;		/* MX that spoke, or NULL */
	uint8_t		 dsn_relayed;	/* it took over NOTIFY (offers DSN) */
};

/*
 * MTA_RESULT.  Recipients of the task that it does not name are still in
 * hand.  The pull may be none (lane 0).
 */
struct results {
	uint64_t	 task;
	uint32_t	 count;
	struct task_result result[TASK_RCPTS];
	struct pull	 pull;
};

/* How an attempt ended that did not come to its first answered message. */
enum attempt_outcome {
	ATTEMPT_FAILED,		/* each host failed: the first in line pays */
	ATTEMPT_WAIT,		/* all are in back-off: nobody pays */
	ATTEMPT_NO_HOST,	/* there can be none: all that is due fails */
	ATTEMPT_HELD,		/* a local cause; until ATTEMPT_FREE mta keeps
				   the lane and looks whether it is over */
	ATTEMPT_FREE,		/* the lane was held, it is no longer */
	ATTEMPT_SUSPENDED	/* its hosts' site is; see site */
};

struct attempt_end {
	uint32_t	 lane;
	uint8_t		 outcome;	/* enum attempt_outcome */
	uint8_t		 remote;	/* text is what a host said or did */
	uint32_t	 seconds;	/* since the attempt began */
	uint32_t	 wait;		/* ATTEMPT_WAIT: seconds until then */
	const char	*cause;		/* remote, local, family, next-hops */
	const char	*text;
	const char	*host;		/* the last that failed, or NULL */
	const char	*site;		/* found by the host's name, or NULL */
};

/* What is under way in mta: the answer to the command "doing [LANE]". */
enum step {
	STEP_BINDING,		/* not a step: text has number connections */
	STEP_TURN,		/* the attempt has not begun */
	STEP_RESOLVE,
	STEP_RATE,
	STEP_SLOT,
	STEP_CONNECT,
	STEP_GREETING,
	STEP_EHLO,
	STEP_TLS,
	STEP_AUTH,
	STEP_READY,		/* waits for a message */
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_DOT,
	STEP_MAX
};

struct doing {
	uint32_t	 lane;		/* 0: the end, no more of it */
	uint64_t	 task;		/* in a transaction, or 0 */
	uint8_t		 step;		/* enum step */
	uint32_t	 number;	/* seconds since the step began */
	const char	*text;		/* of which limit held by whom; which
					   host; which name; or NULL */
};

void	 work_put(struct ipc *, const struct work *);
void	 work_get(struct ipc_msg *, struct work *);
/* A pull that makes no sense is one of lane 0. */
void	 pull_put(struct ipc *, const struct pull *);
void	 pull_get(struct ipc_msg *, struct pull *);
/* fd, where content is NULL, is closed once it was sent. */
void	 task_put(struct ipc *, const struct task *);
void	 task_get(struct ipc_msg *, struct task *);
void	 results_put(struct ipc *, const struct results *);
/* 0, or -1: it cannot be believed, msg is broken. */
int	 results_get(struct ipc_msg *, struct results *);
void	 attempt_end_put(struct ipc *, const struct attempt_end *);
int	 attempt_end_get(struct ipc_msg *, struct attempt_end *);
void	 doing_put(struct ipc *, const struct doing *);
void	 doing_get(struct ipc_msg *, struct doing *);
/* What mta sent, if it is no longer than it may be; other for NULL. */
const char *task_text(const char *, const char *other);
/* "resolving", "waiting for a slot" ...; static. */
const char *step_text(enum step);

#endif
