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
 * Private to queue/: messages and recipients in memory, accounts (bindings)
 * and lanes, the schedule, transactions, tasks, bounces, suspensions and the
 * control socket.  The spool has a header of its own.
 *
 * Nothing here may cost more per event because more mail is queued, and
 * nothing may wait: disk flushes are the flush role's.
 */

#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/config.h"
#include "lib/control.h"
#include "lib/envelope.h"
#include "lib/facts.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "queue/spool.h"

struct account;
struct lane;
struct message;
struct client;

/*
 * A queued recipient.  It is in exactly one place:
 *
 *	place		list		leaves it by
 *	READY		lane->ready	being handed to mta
 *	WAIT		a wheel slot	its time
 *	HAND		a task		result, return, death of mta
 *	HELD		lane->held	schedule, move, a new configuration
 *	BOUNCING	a bounce	the bounce being on disk
 *	NONE		none		(finished, or not yet entered)
 *
 * and, while it is queued, in its lane's age list.
 */
enum rcpt_place {
	PLACE_NONE,
	PLACE_READY,
	PLACE_WAIT,
	PLACE_HAND,
	PLACE_HELD,
	PLACE_BOUNCING
};

#define RCPT_WARNED		0x01	/* delay DSN was made */
#define RCPT_NOTIFY_SET		0x02	/* NOTIFY was given: */
#define RCPT_NOTIFY_SUCCESS	0x04
#define RCPT_NOTIFY_FAILURE	0x08
#define RCPT_NOTIFY_DELAY	0x10
#define RCPT_GROUP		0x20	/* its rule named a group */
#define RCPT_DEATHS		0xc0	/* of mta with it in hand: 0..3 */
#define RCPT_DEATH		0x40

struct rcpt {
	TAILQ_ENTRY(rcpt) entry;	/* of its place */
	TAILQ_ENTRY(rcpt) age;		/* of its lane, oldest first */
	struct lane	*lane;		/* NULL: not queued (any more) */
	uint32_t	 number;
	uint32_t	 index;		/* in its message */
	uint32_t	 due;		/* seconds since the Epoch; 0: now */
	struct spool_ref reply;		/* of the last try, a hint */
	uint16_t	 tries;
	uint8_t		 place;
	uint8_t		 flags;
};
TAILQ_HEAD(rcpts, rcpt);

#define MESSAGE_NULL_SENDER	0x01
#define MESSAGE_LARGE		0x02
#define MESSAGE_CHECKED		0x04	/* its file, since the start */

struct message {
	RB_ENTRY(message) node;
	uint64_t	 id;
	struct spool_ref ref;
	uint64_t	 content;	/* octets */
	uint32_t	 created;	/* seconds since the Epoch */
	uint32_t	 flags;
	uint32_t	 nrcpts;
	uint32_t	 open;		/* recipients still queued */
	struct rcpt	 rcpts[];	/* by number */
};

/* What is queued for one binding and destination. */
struct lane {
	RB_ENTRY(lane)	 node;		/* of its account */
	RB_ENTRY(lane)	 id_node;
	TAILQ_ENTRY(lane) active;	/* account's round */
	TAILQ_ENTRY(lane) stuck;	/* group.c's */
	TAILQ_ENTRY(lane) all;
	struct account	*account;
	char		*destination;
	char		*site;		/* by its host's name, or NULL */
	struct rcpts	 ready;
	struct rcpts	 held;
	struct rcpts	 ages;
	struct rcpt	*warn_next;	/* first of ages not yet looked at */
	char		*cause;		/* why closed, or NULL */
	char		*last;		/* last failure's words, or NULL */
	uint32_t	 id;
	uint32_t	 queued;
	uint32_t	 waiting;	/* in the wheel */
	uint32_t	 grouped;	/* of queued: of a group */
	uint32_t	 in_hand;	/* tasks */
	uint32_t	 window;
	uint32_t	 until;		/* closed: when it opens; 0: unknown */
	uint32_t	 idle;		/* loop_seconds() of its last use */
	uint32_t	 retried;	/* the same: of delivery_retry() */
	int32_t		 deficit;
	uint32_t	 ttl;
	uint8_t		 announced;	/* mta knows it */
	uint8_t		 closed;	/* by mta */
	uint8_t		 is_held;	/* closed: for a cause of this host */
	uint8_t		 is_stuck;
	uint8_t		 suspended;	/* SUSPENDED_ bits */
	uint8_t		 is_active;
	uint8_t		 unsorted;	/* ages */
};
RB_HEAD(account_lanes, lane);
RB_HEAD(queue_lanes, lane);
TAILQ_HEAD(lanes, lane);

#define SUSPENDED_FILE		0x01
#define SUSPENDED_COMMAND	0x02

/* A binding as the queue sees it; "" is for what found none. */
struct account {
	RB_ENTRY(account) node;
	TAILQ_ENTRY(account) active;
	char		*name;
	struct binding_conf	*binding;	/* NULL: unknown */
	struct account_lanes lanes;
	struct lanes	 round;		/* lanes with something to hand out */
	int64_t		 limit;		/* queue-limit, 0: none */
	uint64_t	 sent;
	uint64_t	 temp;
	uint64_t	 perm;
	char		*reason;	/* mta's, or NULL */
	char		*last;		/* last failure's words, or NULL */
	uint32_t	 queued;	/* recipients, those in transit too */
	uint32_t	 deferred;	/* in the wheel */
	uint32_t	 in_hand;	/* tasks */
	uint32_t	 connections;
	int32_t		 deficit;
	uint8_t		 down4;		/* mta cannot use the address */
	uint8_t		 down6;
	uint8_t		 refuse;	/* reception: SUSPENDED_ bits */
	uint8_t		 is_active;
};
RB_HEAD(queue_accounts, account);

/* queue.c: the role and its channels. */
__dead void	 queue_role(const char *root, int foreground, int verbose);
struct config	*queue_config(void);
struct ipc	*queue_mta(void);	/* NULL while there is none */
/* Whether every role uses the configuration: nothing goes out before. */
int		 queue_begun(void);
struct ipc	*queue_smtpd(void);
/*
 * For a name that another role sent: NULL where it is neither in the
 * configuration nor in the queue.
 */
struct account	*queue_account(const char *name);
/* Something was appended: spool_commit at the end of this turn. */
void		 queue_commit(void);
/* "mta", "smtp", "mda": in force; the spool is the caller's business. */
void		 queue_pause(const char *what, int on);
int		 queue_is_paused(const char *what);
void		 queue_pause_checkpoint(void);
uint64_t	 queue_random(void);

/* message.c: messages and their recipients. */
struct message	*message_new(uint64_t id, uint32_t nrcpts);
/* NULL; or what stands there with the same id, and it is not inserted. */
struct message	*message_insert(struct message *);
struct message	*message_find(uint64_t id);
/* The first with an id of at least this. */
struct message	*message_from(uint64_t id);
/* From the envelope's fields; lanes are found or made, places not taken. */
struct message	*message_from_envelope(const struct envelope *);
void		 message_free(struct message *);	/* not in the tree */
void		 message_drop(struct message *);	/* in it, not sent */
struct message	*rcpt_message(struct rcpt *);
struct rcpt	*message_rcpt(struct message *, uint32_t number);
/* Take its place for the first time: ready, or waiting for due. */
void		 rcpt_enter(struct rcpt *);
/* To another place of its lane. */
void		 rcpt_ready(struct rcpt *, int head);
void		 rcpt_wait(struct rcpt *, uint32_t due);
void		 rcpt_hold(struct rcpt *);
void		 rcpt_hand(struct rcpt *);
void		 rcpt_bounce(struct rcpt *);
/* Does its group go along with it? */
void		 rcpt_set_group(struct rcpt *, int on);
/* To another lane, ready there. */
void		 rcpt_move(struct rcpt *, struct lane *);
/* It is finished: out of memory, with its message if it was the last. */
void		 rcpt_finish(struct rcpt *);
uint8_t		 notify_flags(const char *);
uint64_t	 message_count(void);
uint64_t	 rcpt_count(void);
/* In the replay: what is open of it joins its lanes. */
void		 message_replayed(struct message *);
void		 message_replay_done(void);
/* In the replay: over, or replaced by a later record. */
void		 message_forget(struct message *, int replaced);
/* message_again.c: reclaim wants it appended anew. */
void		 message_again(uint64_t id, struct spool_ref);
/* The words of its last failure, to free; NULL: none. */
char		*rcpt_reply(struct rcpt *);

/* message_cache.c: fresh messages, so that a first try reads no disk. */
/* Takes the envelope (to envelope_free) and a copy of content. */
void		 cache_add(uint64_t id, struct envelope *, const void *,
		    size_t);
/* Borrowed until the next cache_ call; NULL: not there. */
const struct envelope *cache_envelope(uint64_t id);
const void	*cache_content(uint64_t id, size_t *len);
void		 cache_drop(uint64_t id);
/*
 * The envelope from cache or spool; NULL with errno, EILSEQ: damaged.
 * Borrowed until the next call of either.
 */
const struct envelope *message_envelope(struct message *);
const struct envelope_rcpt *envelope_rcpt(const struct envelope *,
		    uint32_t number);

/* lane.c: accounts, lanes, credit and the round over them. */
struct lane_ops {
	/* Hand out one task: its recipients; 0: the lane is to be skipped. */
	int	(*hand)(struct lane *);
	/* Nobody can be handed anything just now. */
	int	(*busy)(void);
	/* A lane that was announced goes away. */
	void	(*gone)(struct lane *);
	/* A recipient is too old; one has waited long enough for a DSN. */
	int	(*expired)(struct rcpt *);
	int	(*late)(struct rcpt *);
};
void		 lane_setup(const struct lane_ops *);
/* Names and options are resolved anew; the configuration stays the caller's. */
void		 lane_renew(const struct config *);
const struct config *lane_config(void);
struct account	*account_get(const char *name);
struct account	*account_find(const char *name);
struct account	*account_next(struct account *);	/* NULL: first */
int		 account_usable(const struct account *);
/* "up", "suspended" ... */
const char	*account_state(const struct account *);
struct lane	*lane_get(struct account *, const char *destination);
struct lane	*lane_find(struct account *, const char *destination);
struct lane	*lane_by_id(uint32_t id);
struct lane	*lane_next(struct account *, struct lane *);
/* The name of its site: the destination's, else the host's; NULL: none. */
const char	*lane_site(const struct lane *);
/* Its state may have changed: into or out of the round. */
void		 lane_update(struct lane *);
void		 account_update(struct account *);
/* SUSPENDED_ bits as they are just now. */
uint8_t		 lane_suspensions(const struct lane *);
/* Held or suspended: not for a remote cause, not for a limit. */
int		 lane_stuck(const struct lane *);
/* Suspensions and options, looked up anew. */
void		 lane_resolve(struct lane *);
void		 lane_close(struct lane *, const char *cause, const char *text,
		    uint32_t until);
void		 lane_open(struct lane *);
void		 lane_took(struct lane *);	/* a task was handed out */
void		 lane_gave(struct lane *);	/* and is over */
/* mta is gone: it knows no lane, nothing is closed. */
void		 lane_forget(void);
/* Hand out what may go at the end of this turn. */
void		 lane_kick(void);
int		 lane_step(void);	/* at once; 1: there may be more */
void		 lane_age_insert(struct lane *, struct rcpt *);
void		 lane_age_remove(struct lane *, struct rcpt *);
/* Where old came behind new, it says so by lane->unsorted. */
void		 lane_age_sort(struct lane *);
/* lane_age.c: look at some lanes for expiry, warnings, idleness. */
void		 lane_sweep(const struct lane_ops *);
void		 lane_sweep_add(struct lane *);
const char	*lane_why(const struct lane *);	/* closed: why; NULL: open */
/* Whether a suspension is what keeps it: an unusable binding comes first. */
int		 lane_is_suspended(const struct lane *);
/* Whether it waits for hosts that failed. */
int		 lane_is_remote(const struct lane *);
uint64_t	 lane_count(void);
uint32_t	 lane_in_hand(void);
void		 lane_free(struct lane *);	/* lane_age.c's to call */
void		 lane_last(struct lane *, const char *words);

/* group.c: which member of a group. */
enum group_need {
	GROUP_BIRTH,			/* one that takes and sends, else any */
	GROUP_RETRY,			/* one that can send now */
	GROUP_ANY			/* as if nothing were in the way */
};
/* NULL: there is no such group, or no member that will do. */
struct account	*group_choose(const char *group, const char *sender,
		    const char *rcpt, const char *destination,
		    enum group_need);
/* The name of its group, or NULL; er is the recipient's. */
const char	*group_of(const struct rcpt *, const struct envelope_rcpt *);
/* The lane's state or what is ready in it has changed. */
void		 group_update(struct lane *);
void		 group_tick(void);

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

/* transaction.c: from smtpd. */
void		 transaction_mail(struct ipc *, struct ipc_msg *);
void		 transaction_rcpt(struct ipc *, struct ipc_msg *);
void		 transaction_header(struct ipc *, struct ipc_msg *);
void		 transaction_large(struct ipc *, struct ipc_msg *);
void		 transaction_content(struct ipc *, struct ipc_msg *);
void		 transaction_commit(struct ipc *, struct ipc_msg *);
void		 transaction_abort(struct ipc *, struct ipc_msg *);
void		 transaction_bound(struct ipc *, struct ipc_msg *);
void		 transaction_mta_up(void);	/* ask again */
void		 transaction_tick(void);
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

/* delivery.c: tasks and their results, and what mta says of lanes. */
int		 delivery_hand(struct lane *);	/* for lane_ops */
int		 delivery_busy(void);
void		 delivery_lane_gone(struct lane *);
/* Ask mta for what it has not sent yet. */
void		 delivery_recall(struct lane *);
/* Tell mta not to wait for the lane's hosts; once a second is enough. */
void		 delivery_retry(struct lane *);
void		 delivery_mta_gone(void);
void		 delivery_result(struct ipc *, struct ipc_msg *);
void		 delivery_return(struct ipc *, struct ipc_msg *);
void		 delivery_lane(struct ipc *, struct ipc_msg *);
void		 delivery_binding(struct ipc *, struct ipc_msg *);
void		 delivery_counts(struct ipc *, struct ipc_msg *);
void		 delivery_site(struct ipc *, struct ipc_msg *);
/* mta asks for a task's content: 0, -1: it did so before. */
int		 delivery_fetch(uint64_t task);
/* A task's message, NULL if it is over; its content cannot be read. */
struct message	*delivery_message(uint64_t task);
void		 delivery_lost(uint64_t task);

/* content.c: content for mta. */
void		 content_fetch(struct ipc *, struct ipc_msg *);
void		 content_mta_gone(void);

/* counter.c: what mta counts over hours. */
void		 counter_replay(const char *key, const char *value);
void		 counter_checkpoint(void);
void		 counter_told(struct ipc *, struct ipc_msg *);
/* Once a second: what was told since is recorded. */
void		 counter_tick(void);
/* All that is in force, to a new mta. */
void		 counter_tell(struct ipc *);

/* bounce.c: delivery status notifications, RFC 3464. */
enum bounce_kind {
	BOUNCE_FAILED,
	BOUNCE_EXPIRED,
	BOUNCE_DELAYED,
	BOUNCE_RELAYED
};

/* One recipient of a notification, as text; pure. */
struct bounce_rcpt {
	const char	*address;
	const char	*orcpt;		/* or NULL */
	const char	*status;	/* "5.1.1" */
	const char	*reply;		/* the peer's words, or ours */
	const char	*host;		/* Remote-MTA, or NULL */
	int		 remote;	/* reply is the peer's */
	int64_t		 until;		/* delayed: Will-Retry-Until */
};

struct bounce_text {
	enum bounce_kind kind;
	const char	*hostname;
	const char	*sender;	/* whom it goes to */
	const char	*envid;
	int64_t		 arrived;
	int64_t		 now;
	uint64_t	 id;
	int		 eightbit;
	int		 full;		/* the whole message, not its header */
	const char	*content;
	size_t		 len;
	size_t		 nrcpts;
	const struct bounce_rcpt *rcpts;
};

/* In one allocation, to free; NULL without memory. */
char		*bounce_compose(const struct bounce_text *, size_t *len);
/*
 * Octets of the header section that content begins with, its last CRLF
 * included; 0: it is none.  Where the content ends within it, its whole lines.
 */
size_t		 bounce_header(const char *content, size_t len);
/* "550 5.1.1 no such user" -> "5.1.1"; class where the words have none. */
const char	*bounce_status(const char *reply, int class);

/*
 * The recipient will never be delivered (or: is late, was passed on).  Those
 * of one message that fail in one turn share a notification.  With nobody to
 * tell, it is finished here.  words are the peer's reply or ours.
 */
void		 bounce_rcpt(struct rcpt *, enum bounce_kind,
		    const char *words, const char *host, int remote);
/* Its transaction. */
int		 bounce_is_known(uint64_t bounce);
const char	*bounce_binding(uint64_t bounce, const char **group);
/* Within spool_begin and spool_end: the failures, as records. */
void		 bounce_record(uint64_t bounce);
void		 bounce_stored(uint64_t bounce, int error);
void		 bounce_refused(struct ipc *, struct ipc_msg *);
void		 bounce_tick(void);
int		 bounce_busy(void);	/* enough under way for now */

/* suspend.c */
struct suspension {
	RB_ENTRY(suspension) node;
	char		*binding;
	char		*domain;	/* or NULL */
	char		*site;		/* or NULL */
	int		 reception;
	uint64_t	 since;
	uint64_t	 until;		/* 0: until resumed */
	char		*by;
	char		*reason;
};

void		 suspend_replay(const char *scope, const char *state);
void		 suspend_forget(void);
void		 suspend_checkpoint(void);
/* In force from now; done when it is on disk. */
void		 suspend_set(const struct suspension *, spool_done *, void *);
/* 0, or -1: there was none of that scope. */
int		 suspend_lift(const struct suspension *, const char *by,
		    spool_done *, void *);
/* The command's for this lane, reception; NULL: none. */
const struct suspension *suspend_lane(const struct lane *);
const struct suspension *suspend_binding(const char *name, int reception);
const struct suspension *suspend_next(const struct suspension *);
/* Whether the command suspends anything of a binding. */
int		 suspend_any(const char *binding);
/* Bring lanes and accounts of that binding up to date. */
void		 suspend_apply(const char *binding);
void		 suspend_tick(void);

/* filter.c: FILTER of the commands; pure. */
struct filter {
	const char	*binding;
	const char	*domain;
	const char	*site;
	const char	*sender;
	const char	*auth;
	int64_t		 older;		/* seconds, -1: any */
	uint64_t	 id;
	uint32_t	 rcpt;		/* 0: all of the message */
	int		 has_id;
	int		 all;
	int		 by_lane;	/* domain is the lane's alone */
	char		 form[2][ADDRESS_MAX];	/* of domain and sender */
	char		 error[128];
};

struct filter_subject {
	uint64_t	 id;
	uint32_t	 rcpt;
	int64_t		 age;
	const char	*binding;
	const char	*destination;
	const char	*site;		/* or NULL */
	const struct envelope *envelope; /* where filter_reads() said so */
};

/*
 * Words from 0 on; how many were used, or -1 and *error.  Words that begin
 * no condition end it.  Strings are borrowed.
 */
int		 filter_parse(struct filter *, char **words, int n,
		    const char **error);
/* The one form of what names domains, in form; else it stays as it is. */
void		 filter_form(const char **value, int kinds, char *form);
/* Decided by what is in memory: 0 no, 1 yes, 2: the envelope is needed. */
int		 filter_quick(const struct filter *,
		    const struct filter_subject *);
int		 filter_match(const struct filter *,
		    const struct filter_subject *);

/* control.c: the socket, its clients, and walks over the queue. */
struct client {
	TAILQ_ENTRY(client) entry;
	struct io	*io;
	struct loop_job	 step;
	struct filter	 filter;	/* of the walk; strings in words */
	char		*line;		/* the request in work, or NULL */
	char		*words[CONTROL_WORDS];
	int		 nwords;
	int		 (*visit)(struct client *, struct rcpt *);
	int		 (*busy)(void);	/* no step while this holds; or NULL */
	void		 (*done)(struct client *);
	uint64_t	 cursor;	/* next message id */
	uint64_t	 count;		/* recipients visited that counted */
	uint64_t	 other;		/* a second count, the command's own */
	uint32_t	 number;
	uint32_t	 pending;	/* records not yet on disk */
	int		 error;		/* of one of them */
	uid_t		 uid;
	int		 only_count;
	uint8_t		 walking;
	uint8_t		 at_end;	/* the last id was looked at */
	uint8_t		 asked;		/* mta or parent is to answer */
	struct account	*account;	/* move: where to, or */
	const char	*group;
	char		**rest;		/* fail: the words of its text */
	int64_t		 until;		/* suspend: its end */
};

void		 control_listener(struct ipc *, struct ipc_msg *);
void		 control_answer(struct ipc *, struct ipc_msg *);
void		 control_reloaded(struct ipc *, struct ipc_msg *);
void		 control_mta_gone(void);
/* For whoever waits for the end of a reload. */
void		 control_reload_text(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
void		 control_tick(void);
/* One line of the answer; text has no newline. */
void		 control_text(struct client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 control_row_send(struct client *, struct control_row *);
/* The end of the answer. */
void		 control_done(struct client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 control_error(struct client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
/*
 * All recipients that client->filter takes, a few hundred a turn: visit says
 * whether one counts; done comes when all that they appended is on disk.
 */
void		 control_walk(struct client *,
		    int (*visit)(struct client *, struct rcpt *),
		    void (*done)(struct client *));
/* For a record: its done and argument, counted as pending. */
spool_done	 control_stored;
void		*control_pending(struct client *);
const char	*control_by(const struct client *);
/* mta is to answer these words. */
void		 control_ask_mta(struct client *);
void		 control_ask_parent(struct client *, enum ipc_type);
/* What the filter is told of a recipient. */
void		 control_subject(struct rcpt *, struct filter_subject *);

/* control_command.c: what changes something. */
void		 control_command(struct client *);
/* The last line of most commands: how many recipients counted. */
void		 control_recipients(struct client *);
/* Words as one text; what does not fit is cut. */
void		 control_join(char **words, int n, char *buf, size_t size);
/* control_suspend.c: what goes out or comes in, and what does not. */
void		 suspend_command(struct client *, char **words, int n);
void		 resume_command(struct client *, char **words, int n);
void		 pause_command(struct client *, char **words, int n);
/* control_show.c: bindings, stats; control_queue.c: single recipients. */
void		 show_command(struct client *, char **words, int n);
void		 show_queue(struct client *, char **words, int n);
void		 show_message(struct client *, const char *id);
void		 show_envelope(struct client *, const char *id);

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
