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
 * Private to transaction.c, transaction_bind.c and transaction_store.c: mail
 * on its way in, from smtpd's MAIL until it is on disk.
 */

#ifndef QUEUE_TRANSACTION_H
#define QUEUE_TRANSACTION_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/facts.h"

struct action;
struct binding;
struct ipc;
struct ipc_msg;
struct lane;
struct message;

enum answer {
	ANSWER_NONE,			/* nobody was asked yet */
	ANSWER_ASKED,			/* mta has not said yet */
	ANSWER_LATER,			/* it is asked about the header too */
	ANSWER_TAKEN
};

struct tx_rcpt {
	TAILQ_ENTRY(tx_rcpt)	 entry;
	TAILQ_ENTRY(tx_rcpt)	 asking;
	RB_ENTRY(tx_rcpt)	 node;		/* while it is being stored */
	struct transaction	*tx;
	struct binding		*binding;	/* a place on it is ours */
	enum answer		 answer;
	uint64_t		 ask;
	uint32_t		 asked;		/* loop_seconds() */
	uint32_t		 number;
	uint32_t		 rule;
	uint32_t		 cost;		/* octets that it takes */
	char			*group;
	char			*origin;	/* of rule, or NULL */
	char			*destination;
	const char		*address;
	const char		*action;
	const char		*orcpt;
	const char		*notify;
	char			 text[];	/* those strings */
};
TAILQ_HEAD(tx_rcpts, tx_rcpt);
RB_HEAD(tx_addresses, tx_rcpt);

struct transaction {
	RB_ENTRY(transaction)	 node;
	uint64_t		 tx;		/* smtpd's number */
	uint64_t		 id;		/* message id, 0: not yet */
	uint64_t		 bounce;
	size_t			 cost;		/* octets, but for rcpts' */
	struct facts		*facts;
	char			*ret;
	char			*envid;
	struct tx_rcpts		 rcpts;
	struct message		*message;	/* being stored */
	uint32_t		 undecided;	/* asked with the header */
	uint32_t		 nrcpts;
	uint8_t			 eightbit;
	uint8_t			 utf8;		/* MAIL said SMTPUTF8 ... */
	uint8_t			 utf8_header;	/* ... and content needs it */
	uint32_t		 size;		/* declared, 0: not */
	uint8_t			 header_seen;	/* rules were asked with it */
	uint8_t			 large;		/* a file was given out */
	uint8_t			 gone;		/* nobody wants the answer */
	uint8_t			 unlisted;	/* nor is it found any more */
};

/* transaction.c: what smtpd says. */
void		 transaction_mail(struct ipc *, struct ipc_msg *);
void		 transaction_rcpt(struct ipc *, struct ipc_msg *);
void		 transaction_header(struct ipc *, struct ipc_msg *);
void		 transaction_large(struct ipc *, struct ipc_msg *);
void		 transaction_content(struct ipc *, struct ipc_msg *);
void		 transaction_commit(struct ipc *, struct ipc_msg *);
void		 transaction_abort(struct ipc *, struct ipc_msg *);
/* MTA_BIND */
void		 transaction_bound(struct ipc *, struct ipc_msg *);
void		 transaction_mta_up(void);	/* ask again */
void		 transaction_tick(void);
/* Nobody wants them any more, but what is being stored stays. */
void		 transactions_smtpd_gone(void);
/*
 * The lane's second half for an address under an action, to free; whether
 * that is what the lane has.
 */
char		*action_destination(const struct action *, const char *);
int		 lane_is_for(const struct lane *, const struct action *,
		    const char *address);

/* answer.c: to smtpd; error is errno's, 0: on disk */
void		 answer_rcpt(uint64_t tx, uint64_t id, uint32_t number,
		    int code, const char *reply, const char *cause);
void		 answer_header(uint64_t tx, int code, const char *reply,
		    const char *cause);
void		 answer_stored(uint64_t tx, uint64_t id, int error);

/* Those under way. */
struct transaction *transaction_find(uint64_t tx);
void		 transaction_free(struct transaction *);
/* Its message's id, chosen when it is asked for first. */
uint64_t	 transaction_id(struct transaction *);
void		 tx_rcpt_free(struct tx_rcpt *);
/* Octets more for it; -1: smtpd has too much under way. */
int		 transaction_charge(struct transaction *, size_t);
/* Texts that are packed behind a structure; NULL takes no room. */
size_t		 packed_size(const char *);
const char	*packed_put(char **, const char *);

/* transaction_bind.c: which binding a recipient takes. */
/* The binding may hang on a header that comes with the content. */
int		 transaction_waits(const struct transaction *);
void		 tx_rcpt_ask(struct tx_rcpt *);
/* Its answer is wanted no more. */
void		 tx_rcpt_unask(struct tx_rcpt *);

/* transaction_store.c: the transaction is over, and nothing was kept. */
void		 transaction_give_up(struct transaction *, int error);

#endif
