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
 * A connection and its identity: binding, source, host, EHLO name, TLS
 * policy.  It carries one message at a time, pulled when it is ready for it.
 */

#ifndef MTA_CONNECTION_H
#define MTA_CONNECTION_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/io.h"
#include "mta/binding.h"
#include "mta/limit.h"
#include "mta/reply.h"
#include "mta/secure.h"

struct attempt;
struct doing;
struct ipc;
struct ipc_msg;
struct lane;
struct outbound;
struct pull;
struct route_host;

/* Where it goes: for the log, and its identity. */
struct place {
	struct sockaddr_storage src;
	struct sockaddr_storage dst;
	char		 mx[DOMAIN_MAX];
	char		 ehlo[DOMAIN_MAX];
	const char	*tls;		/* "TLSv1.3", or NULL in clear */
	const char	*verified;	/* under TLS: "yes", "no", "dane" */
};

enum connection_stage {
	STAGE_CONNECT,
	STAGE_GREETING,
	STAGE_EHLO,
	STAGE_HELO,
	STAGE_TLS,			/* STARTTLS and the handshake */
	STAGE_AUTH,
	STAGE_READY,
	STAGE_IDLE,
	STAGE_QUIT
};

enum command {
	COMMAND_NONE,
	COMMAND_GREETING,
	COMMAND_EHLO,
	COMMAND_HELO,
	COMMAND_STARTTLS,
	COMMAND_AUTH,
	COMMAND_MAIL,
	COMMAND_RCPT,
	COMMAND_DATA,
	COMMAND_DOT,
	COMMAND_RSET,
	COMMAND_QUIT
};

/* A command whose reply has not come. */
struct pending {
	enum command	 command;
	uint32_t	 rcpt;
};

#define PENDING_MAX	128		/* a transaction's; a power of 2 */

struct connection {
	RB_ENTRY(connection) node;	/* by number */
	TAILQ_ENTRY(connection) all_entry;
	TAILQ_ENTRY(connection) entry;	/* of its binding: while it is idle */
	enum connection_stage stage;
	uint32_t	 since;		/* loop_seconds(), of the stage */
	uint32_t	 number;	/* never 0 */
	struct binding	*binding;
	struct lane	*lane;
	struct attempt	*attempt;	/* that it is of, or NULL */
	struct outbound	*task;		/* in hand, or NULL */
	struct io	*io;
	struct place	 place;
	struct policy	 policy;
	char		 sender[DOMAIN_MAX]; /* whose mail EHLO is for */
	struct dane	*dane;		/* the host's TLSA records */
	struct counter	*counters[LIMIT_COUNTERS];
	unsigned int	 reserved;	/* tokens of the rates, for a pull */
	uint32_t	 messages;	/* transactions begun */
	uint32_t	 max_messages;
	uint8_t		 pulling;	/* waits for an answer of queue */
	uint8_t		 secure;	/* the handshake is done */
	uint8_t		 clear;		/* TLS was tried in vain */
	uint8_t		 refused;	/* not as secure as the policy wants */
	uint8_t		 answered;	/* a message was: the host works */
	uint8_t		 not_temporary;	/* some answer was a final one */
	uint8_t		 retired;	/* finish what is in hand, QUIT */
	uint8_t		 trying;	/* others wait for what it tells */
	/* what the peer offers */
	uint8_t		 starttls;
	uint8_t		 auth;		/* mechanisms, for login.c */
	uint8_t		 auth_step;
	uint8_t		 pipelining;
	uint8_t		 eightbit;
	uint8_t		 smtputf8;
	uint8_t		 dsn;
	uint8_t		 size;
	uint64_t	 size_max;
	/* the dialogue */
	enum command	 step;		/* next command of the task */
	uint32_t	 rcpt;		/* next recipient of it */
	uint8_t		 go;		/* 354: content may follow */
	uint8_t		 body;		/* content is on its way */
	uint8_t		 dot;		/* it was sent: nobody knows */
	uint8_t		 empty;		/* the dot ended nothing */
	uint8_t		 full;		/* it took no more recipients */
	uint8_t		 reset;		/* RSET before the next MAIL */
	uint8_t		 bol;		/* body: at the begin of a line */
	uint8_t		 cr;		/* body: last byte was a CR */
	uint8_t		 trace_secret;	/* the next line answers a 334 */
	uint64_t	 offset;
	uint64_t	 trace_content;	/* bytes shown as a number */
	unsigned int	 first;		/* ring of pendings */
	unsigned int	 npending;
	struct pending	 pending[PENDING_MAX];
	struct reply	 reply;
};

/*
 * Under way when SOURCE_OK, in *c; place is filled in as far as it is known.
 * sender: the domain that EHLO may have to say.
 */
enum source_error connection_open(struct lane *, const struct route_host *,
		    const char *sender, const struct policy *,
		    struct place *, struct connection **c);
/*
 * The same once more over a new socket, from the same source to the same
 * host.  -1: it cannot be.
 */
int		 connection_again(struct connection *);
void		 connection_stage(struct connection *, enum connection_stage);
/* Is there an idle one of this lane? */
int		 connection_has_idle(const struct lane *);
/*
 * An idle one for this sender: of this lane, or to host where that is not
 * NULL.  It belongs to the lane from now on.
 */
struct connection *connection_reuse(struct lane *, const struct route_host *,
		    const char *sender, const struct policy *);
/* One of the lane goes. */
void		 connection_quit_idle(const struct lane *);
/* An idle one of the binding (NULL: any) goes: 1; 0: there is none. */
int		 connection_evict_idle(const struct binding *,
		    const char *counter);
/* One of the binding goes, or will after its message: 1; 0: none can. */
int		 connection_make_room(const struct binding *,
		    const char *counter);
/* Nobody holds two, others wait: one ends after some messages. */
void		 connection_yield(const char *counter);
/* Those of a counter that are about to go. */
unsigned int	 connection_leaving(const char *counter);
/* It is ready for a message. */
void		 connection_pull(struct connection *);
/* The same, to go with results; lane 0 where it may not pull. */
void		 connection_fill_pull(struct connection *, struct pull *);
/* QUEUE_TASK */
void		 connection_task(struct ipc *, struct ipc_msg *);
/* Nothing to do for now: keep it a while. */
void		 connection_park(struct connection *);
/* Not wanted any more: QUIT, or after what is in hand. */
void		 connection_quit(struct connection *);
/* The greeting and EHLO are over. */
void		 connection_ready(struct connection *);
/* A transaction went to its end: the host does take mail, or speaks of it. */
void		 connection_answered(struct connection *);
/* It broke, or the peer wants no more of it. */
void		 connection_failed(struct connection *, const char *text);
/* The host has answered, and wants no more for now. */
void		 connection_turned_away(struct connection *, const char *text);
/* It ends for a reason of ours: what is in hand is returned. */
void		 connection_end(struct connection *, const char *why);
/* It has nothing in hand, and no attempt. */
void		 connection_free(struct connection *);
/* Connections from this source end, but for those past their dot. */
void		 connection_source_lost(struct binding *,
		    const struct sockaddr *);
/* Those whose identity is no longer their binding's finish, then QUIT. */
void		 connection_configured(void);
/*
 * No more but what is in the middle of its content; how many of those are
 * left.
 */
unsigned int	 connection_stop(void);
void		 connection_free_all(void);
/* Which step it is at; rows of all that have a task, of a lane or NULL. */
void		 connection_doing(const struct connection *, struct doing *,
		    char *buf, size_t);
void		 connection_doing_all(const struct lane *,
		    void (*row)(void *, const struct doing *), void *);

#endif
