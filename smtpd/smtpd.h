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
 * Between the files of the SMTP server, the role that faces the network.
 *
 *	server.c	doors, limits, channels
 *	session.c	one client: input, end
 *	arrive.c	its beginning: who it is, the greeting
 *	answer.c	replies in order, what queue answers
 *	command.c	the commands
 *	secure.c	STARTTLS, the start of TLS
 *	auth.c		AUTH, and what it allows
 *	login_failures.c failed logins, by address and user name
 *	visitors.c	connections, by address and user
 *	rdns.c		the client's name
 *	policy.c	what a listener asks of its sessions
 *	content.c	what comes after DATA
 *	intake.c	one message on its way into queue
 *	bounce.c	messages made here, which come in by the same door
 */

#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/config.h"
#include "lib/facts.h"
#include "lib/io.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "smtpd/data.h"
#include "smtpd/strip.h"
#include "smtpd/syntax.h"

#define REPLY_MAX	1024		/* a reply line with its CRLF */
#define SESSION_IDLE	300		/* seconds; RFC 5321 4.5.3.2.7 */
#define AUTH_NAME_MAX	256

/* server.c */

/*
 * A listening socket, and what its sessions need of its listener, which may
 * be gone by a reload while they go on.
 */
struct endpoint;

__dead void	 smtpd_role(const char *root, int foreground, int verbose);
const struct config *server_config(void);
struct ipc	*server_queue(void);
struct ipc	*server_names(void);	/* NULL: not started */
struct ipc	*server_passwords(void);	/* the same */
int		 server_accepting(void);	/* queue takes new messages */
int		 server_stopping(void);
/* Sessions by the local socket of all accounts but root; root has no limit. */
#define LOCAL_MOST	496
/* A session is over: its place is free, and its address's; NULL: none. */
void		 server_session_gone(struct endpoint *,
		    const struct sockaddr *peer, uid_t uid);
/* Nothing is under way any more, maybe: a stop that waits goes on. */
void		 server_idle(void);
const char	*endpoint_hostname(const struct endpoint *);
const char	*endpoint_tag(const struct endpoint *);	/* or NULL */
int		 endpoint_is_socket(const struct endpoint *);
int		 endpoint_mask_src(const struct endpoint *);
int		 endpoint_proxy(const struct endpoint *);
const struct policy *endpoint_policy(const struct endpoint *);

/* policy.c */

/* Strings are its own; NULL: not given. */
struct policy {
	enum listen_tls	 tls;
	struct tls	*context;	/* NULL: no TLS */
	char		*auth;		/* table of hashes */
	int		 auth_optional;
	int		 auth_insecure;
	char		*senders;	/* table: user to addresses */
	char		*trust_header;
	char		*strips[CONFIG_TRUSTED]; /* what any listener trusts */
	unsigned int	 nstrips;
};

struct policy	*policy_new(const struct config *, const struct listener *);
void		 policy_free(struct policy *);
/* All policies are made: the keys' texts go. */
void		 policy_wipe_keys(const struct config *);

/* visitors.c */

/*
 * Count a session of this address (of IPv6: its /64) in.  -1: it has as many
 * as it may.
 */
int		 visitors_enter(const struct sockaddr *);
void		 visitors_leave(const struct sockaddr *);
/* The same of an account at the local socket; max 0: as many as it likes. */
int		 visitors_enter_uid(uid_t, int64_t max);
void		 visitors_leave_uid(uid_t);
/* The same of a user that has logged in. */
int		 visitors_login(const char *user);
void		 visitors_logout(const char *user);
/* Of IPv6 its /64, as text in sockaddr_text()'s buffer. */
const char	*visitors_address(const struct sockaddr *);

/* intake.c */

struct intake;

/*
 * Who carries a transaction out.  Each is called from the loop, for a
 * transaction that is still there; the callee may free it.
 */
struct intake_owner {
	/* code 250: taken */
	void	(*rcpt)(void *arg, uint32_t number, uint16_t code,
		    const char *reply, const char *cause);
	/* room for content, or the failure of it: go on */
	void	(*ready)(void *arg);
	/* code 250: on disk */
	void	(*stored)(void *arg, uint16_t code, const char *reply);
};

struct intake *intake_new(const struct intake_owner *,
		    void *arg, const struct facts *,
		    const struct mail_command *, uint64_t bounce);
/* Not committed: queue forgets it.  Committed: its answer is dropped. */
void		 intake_free(struct intake *);
/* The number that the recipient got; the answer goes to owner->rcpt. */
uint32_t	 intake_rcpt(struct intake *,
		    const struct rcpt_command *, const struct action *);
uint64_t	 intake_message(const struct intake *);
/*
 * Room for content at *room: at least need (up to 4 KiB), at most want octets.
 * 0: either wait for owner->ready, or intake_failed says why there will
 * be none.
 */
size_t		 intake_room(struct intake *, size_t need,
		    size_t want, char **room);
void		 intake_used(struct intake *, size_t);
/* A few lines (up to 4 KiB), whole: 0, or -1 as room's 0. */
int		 intake_append(struct intake *, const char *, size_t);
/* The reply that says what went wrong, or NULL; and the log's word for it. */
const char	*intake_failed(const struct intake *);
const char	*intake_cause(const struct intake *);
/*
 * The header section is whole; value of the trusted header or NULL.  Where
 * rules wait for that, the intake does so until owner->ready.
 */
void		 intake_header(struct intake *, const char *value);
int		 intake_waiting(const struct intake *);
/* The same, or a file for content is due: owner->ready will come. */
int		 intake_busy(const struct intake *);
/*
 * Content is whole: 0 and owner->stored will come, -1 as failed.  eightbit:
 * its header section goes beyond ASCII.
 */
int		 intake_commit(struct intake *, int eightbit);
uint64_t	 intake_size(const struct intake *);
/* How many are committed and wait for the disk. */
unsigned int	 intakes_committed(void);
/* QUEUE_RCPT, QUEUE_HEADER, QUEUE_LARGE, QUEUE_STORED */
void		 intake_on_rcpt(struct ipc *, struct ipc_msg *);
void		 intake_on_header(struct ipc *, struct ipc_msg *);
void		 intake_on_large(struct ipc *, struct ipc_msg *);
void		 intake_on_stored(struct ipc *, struct ipc_msg *);

/* session.c */

enum session_state {
	SESSION_NAME,		/* who is behind the local socket? */
	SESSION_PROXY,		/* who is behind the proxy? */
	SESSION_HANDSHAKE,	/* of TLS */
	SESSION_COMMAND,
	SESSION_AUTH,		/* lines of an AUTH exchange */
	SESSION_LOGIN,		/* passwords was asked, or a wait after it */
	SESSION_DATA,
	SESSION_STORING,	/* 250 waits for the disk */
	SESSION_CLOSING		/* the last reply is on its way */
};

/* The client's name, for rules that look at it. */
enum session_rdns {
	RDNS_NOT_ASKED,
	RDNS_ASKED,
	RDNS_KNOWN,		/* also that it has none */
	RDNS_FAILED
};

/* Header fields of ours that go in front of what comes next. */
enum session_due {
	DUE_NONE,
	DUE_RECEIVED,
	DUE_MISSING
};

/* A RCPT whose reply is due: replies keep the order of the commands. */
struct answer {
	STAILQ_ENTRY(answer) entry;
	uint32_t	 number;	/* in the transaction, 0: none */
	int		 ready;
	char		 reply[REPLY_MAX];
	char		 rcpt[ADDRESS_MAX];
};
STAILQ_HEAD(answers, answer);

struct session {
	RB_ENTRY(session) node;
	uint64_t	 id;
	struct io	*io;
	struct endpoint	*endpoint;
	struct sockaddr_storage peer;	/* ss_family AF_UNIX: the socket */
	enum session_state state;
	int		 local;
	int		 esmtp;
	int		 linger;	/* closing: read on until they close */
	/* since the last message that it brought: */
	unsigned int	 errors;	/* 5xx; of a stranger */
	unsigned int	 idle;		/* commands that brought none */
	unsigned int	 lost;		/* RCPTs before any was accepted */
	unsigned int	 refusals;	/* that the log was to have */
	int		 closed;	/* the client sends no more */
	int		 counted;	/* for its address */
	uint32_t	 uid;
	char		 client[64];	/* "" for the socket */
	char		 user[64];	/* account at the socket, or "" */
	enum session_rdns rdns_state;
	struct loop_timer rdns_timer;
	char		 rdns[DOMAIN_MAX]; /* or "" */
	char		 auth[AUTH_NAME_MAX];	/* AUTH name, or "" */
	struct login	*login;		/* an AUTH under way */
	unsigned int	 failures;	/* of AUTH */
	char		 helo[DOMAIN_MAX];
	/* the transaction */
	int		 mail_given;
	int		 rcpt_given;
	struct mail_command mail;
	struct generation *rules;	/* as they were at MAIL, or NULL */
	struct intake *intake;	/* from the first RCPT on */
	unsigned int	 accepted;	/* recipients */
	unsigned int	 waiting;	/* answers not written yet */
	struct answers	 answers;
	char		 first[ADDRESS_MAX];	/* recipient */
	struct data	 data;
	struct strip	*strips; /* headers that a listener trusts; or NULL */
	enum session_due due;
	int		 chunked;	/* BDAT was given */
	int		 last;		/* BDAT ... LAST */
	uint64_t	 chunk;		/* octets of it still to come */
	const char	*sorry;		/* reply when they have come */
	uint64_t	 unwanted;	/* content read after an error */
	char		*opening;	/* of chunks: not decided what it is */
	size_t		 opening_len;
	int		 ended;		/* content was read to its end */
	int		 refused;	/* content's refusal was already said */
	int		 gone;		/* the client; only the disk is due */
};

void		 session_new(int fd, struct endpoint *,
		    const struct sockaddr_storage *peer, uid_t uid);
/* NULL: it is gone. */
struct session	*session_find(uint64_t id);
/* All that can be done now.  Never frees the session. */
void		 session_run(struct session *);
/* Only when nothing else of the session is used any more. */
void		 session_free(struct session *);
/* Everybody out: 421, but for those whose message is on its way to disk. */
void		 session_stop_all(void);
/* One reply line, CRLF is added. */
void		 session_reply(struct session *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
/* The same and an end; linger: the client may still be sending. */
void		 session_close(struct session *, int linger, const char *, ...)
		    __attribute__((format(printf, 3, 4)));
/* Forget the transaction, as RSET does. */
void		 session_reset(struct session *);
void		 session_facts(const struct session *, struct facts *);
/* "smtpd: accepted ..."; what is counted against it begins anew. */
void		 session_accepted(struct session *);
/* Too many refusals or idle commands: 421, and its end. */
void		 session_too_many(struct session *, const char *what);
/* "smtpd: refused ...", or only counted; rcpt may be NULL. */
void		 session_refused(struct session *, const char *reply,
		    const char *cause, const char *from, const char *rcpt);

/* arrive.c */

/* A new session: find out who it is, then greet. */
void		 arrive(struct session *);
/* LOOKUP_UID: the account behind the local socket. */
void		 arrive_named(uint64_t id, const char *user);
/* The proxy's word on whose connection it is.  0: more has to come. */
int		 arrive_proxy(struct session *);
/* Greet, and wait for the first command. */
void		 arrive_greet(struct session *);

/* answer.c */

/* A reply, behind those that are due. */
void		 answer_give(struct session *, const char *reply);
/* One that goes out together with the next answer. */
void		 answer_hold(struct session *, const char *reply);
/* The place of the reply to a RCPT, which queue was asked about. */
void		 answer_await(struct session *, uint32_t number,
		    const char *rcpt);
/* What is due is never said. */
void		 answers_forget(struct session *);
/* Replies that are ready and have none before them. */
void		 answers_flush(struct session *);
extern const struct intake_owner answer_owner;

/* content.c */

/* Say 354: content follows. */
void		 content_start(struct session *);
/*
 * A chunk of that many octets follows.  sorry: it is for nothing, and that
 * is the reply; or NULL.
 */
void		 content_chunk(struct session *, uint64_t octets, int last,
		    const char *sorry);
/* Read on in the content.  0: nothing to do until more comes. */
int		 content_run(struct session *);
/* It is dealt with: what comes next are commands. */
void		 content_done(struct session *);

/* command.c */

/* Most octets of any line but content, CRLF included: RFC 4954 4. */
#define COMMAND_MAX	12288
#define LINE_MOST	(2 * COMMAND_MAX) /* without an end: nobody waits */

struct command;

/* The command of a line, and its arguments; never NULL. */
const struct command *command_find(const char *line, const char **args);
/* Longest line that it takes, CRLF included. */
size_t		 command_max(const struct command *);
/* It cannot be carried out before what is due was answered. */
int		 command_waits(const struct command *, const struct session *);
void		 command_run(const struct command *, struct session *,
		    const char *args);
/* One more that brings no mail.  1: it was one too many, the session ends. */
int		 command_idle(struct session *);

/* secure.c */

int		 secure_offered(const struct session *);
/* TLS is on. */
int		 secure(const struct session *);
/* The handshake, at once. */
void		 secure_start(struct session *);
/* It came to an end; a failure ends the session, which is freed. */
void		 secure_done(struct session *);
void		 secure_failed(struct session *, const char *why);
void		 secure_command(struct session *, const char *args);
/* The reply that asks for STARTTLS first, or NULL. */
const char	*secure_missing(const struct session *);

/* auth.c */

int		 auth_offered(const struct session *);
void		 auth_command(struct session *, const char *args);
/* A line in SESSION_AUTH. */
void		 auth_line(struct session *, const char *line);
/* LOOKUP_PASSWORD: 0 no, 1 yes, 2 too many wait. */
void		 auth_answer(uint64_t session, uint8_t answer);
/* No longer logged in. */
void		 auth_forget(struct session *);
/* Forget an exchange that is under way. */
void		 auth_cancel(struct session *);
/* The reply that asks for AUTH first, or NULL. */
const char	*auth_missing(const struct session *);
/* Whether who has logged in may use this sender. */
int		 auth_sender(const struct session *, const char *sender);

/* rdns.c */

void		 rdns_init(struct session *);
/* Ask for the client's name, where a rule looks at it; once. */
void		 rdns_ask(struct session *, const struct config *);
/* QUEUE_NAME */
void		 rdns_on_name(struct ipc *, struct ipc_msg *);
/* The session ends. */
void		 rdns_cancel(struct session *);
/* The answer is to come. */
int		 rdns_waits(const struct session *);
/* The reply, where the recipient's rule hangs on what was not found out. */
const char	*rdns_missing(const struct session *, const char *rcpt);

/* login_failures.c */

/* One more of this user name (any text) from this address (IPv6: its /64). */
void		 login_failures_add(const struct sockaddr *, const char *user);
/* It has failed so often from there that no password is looked at. */
int		 login_failures_refused(const struct sockaddr *,
		    const char *user);
/* Seconds until the answer to any login from there, right or wrong. */
unsigned int	 login_failures_delay(const struct sockaddr *);

/* received.c */

/* Where a message came from, for its trace. */
struct received {
	const char	*helo;		/* NULL: not by SMTP from outside */
	const char	*literal;	/* the peer's address literal */
	const char	*user;		/* local account, or NULL */
	const char	*by;
	const char	*with;		/* SMTP, ESMTP */
	uint64_t	 id;
	const char	*rcpt;		/* the only recipient, or NULL */
	int64_t		 now;
};

#define RECEIVED_MAX	2048

/* The Received field with its CRLF; octets written. */
size_t		 received_write(const struct received *, char *, size_t);
/*
 * Fields that a message submitted here should have and has not (seen:
 * DATA_SEEN_*), RFC 6409 8; octets written.
 */
size_t		 received_missing(unsigned int seen, uint64_t id,
		    const char *sender, const char *hostname, int64_t now,
		    char *, size_t);

/* bounce.c */

/* QUEUE_BOUNCE */
void		 bounce_on_bounce(struct ipc *, struct ipc_msg *);

#endif
