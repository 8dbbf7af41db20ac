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
 * Mail on its way out: pulls, the tasks that answer them, what became of each
 * recipient.
 */

#ifndef QUEUE_HANDOUT_H
#define QUEUE_HANDOUT_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

struct binding;
struct envelope;
struct ipc;
struct ipc_msg;
struct lane;
struct message;
struct pull;
struct rcpt;

/* A task in hand. */
struct handout {
	RB_ENTRY(handout) node;
	uint64_t	 id;		/* of the task */
	uint64_t	 message;
	struct lane	*lane;
	uint32_t	 connection;	/* mta's, that pulled it */
	uint32_t	 nrcpts;
	uint32_t	 left;		/* still in hand */
	uint8_t		 careful;	/* two mtas died with one of it */
	uint32_t	 numbers[];	/* 0: no longer in hand */
};

/* MTA_PULL; the same that came with a result. */
void		 handout_pull(struct ipc *, struct ipc_msg *);
void		 handout_pulled(const struct pull *);
/* Pulls that had to wait may be answered. */
void		 handout_kick(void);
/* mta is gone: all that was in hand is ready again. */
void		 handout_mta_gone(void);
struct handout	*handout_find(uint64_t id);
/* The task that has this recipient in hand, or NULL. */
const struct handout *handout_of(struct rcpt *);
/* A recipient of it that is still its own, or NULL. */
struct rcpt	*handout_rcpt(const struct handout *, uint32_t i);
/* Its recipients have gone elsewhere. */
void		 handout_end(struct handout *);
/* What is still in hand of it goes to the head of the lane. */
void		 handout_give_back(struct handout *);
/* For a cause that the passing of time will not mend. */
void		 handout_hold(struct rcpt *, const char *why,
		    const char *name);
/* Its envelope cannot be read. */
void		 handout_unread(struct rcpt *, int error);
/*
 * A recipient that cannot go as its lane is: held, or moved to another lane.
 * 1: so it was; 0: it can go.
 */
int		 handout_misfit(struct rcpt *, const struct envelope *);

/* result.c: what mta says became of it, and of attempts. */
void		 result_got(struct ipc *, struct ipc_msg *);
void		 result_attempt(struct ipc *, struct ipc_msg *);
void		 result_binding(struct ipc *, struct ipc_msg *);
/* A failure that no connection carried, by its log line. */
void		 result_log(struct rcpt *, const char *event,
		    const char *cause, const char *host, const char *text);

/* content.c: its content. */
/*
 * Send the task: 0; -1: its content cannot be read, errno says why.  A large
 * file is looked through first: then it is sent later.
 */
int		 content_send(struct handout *);
/* The message itself, content and all; fd -1 or the callee's. */
void		 handout_put(struct handout *, const void *content,
		    uint64_t size, int fd);
/*
 * The content is lost: senders are told; or it is not readable now.  answer:
 * the pull is to hear that there is nothing.
 */
void		 handout_unreadable(struct handout *, int error, int answer);
void		 content_mta_gone(void);

#endif
