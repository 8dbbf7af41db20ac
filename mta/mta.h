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
 * What the files of the mta share.  The mta applies bind rules, finds routes,
 * and speaks SMTP from each binding's own address.  It holds soft state only:
 * everything here can be lost and queue will hand it out again.
 */

#ifndef MTA_MTA_H
#define MTA_MTA_H

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/config.h"
#include "lib/io.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "mta/secure.h"

struct connection;
struct counter;
struct lane;
struct rate;
struct resolve;
struct test;
struct route;

#define MTA_TEXT	TASK_WORDS	/* a reply, or words of our own */

/* mta.c */
__dead void	 mta_role(const char *root, int foreground, int verbose);
struct config	*mta_config(void);
struct ipc	*mta_queue(void);	/* NULL: no channel now */

/* Where an attempt went: for the log, and a connection's identity. */
struct place {
	struct sockaddr_storage src;
	struct sockaddr_storage dst;
	char		 mx[DOMAIN_MAX];
	char		 ehlo[DOMAIN_MAX];
	const char	*tls;		/* "TLSv1.3", or NULL in clear */
	const char	*verified;	/* under TLS: "yes", "no", "dane" */
};

/*
 * item.c: a task in hand.  Its strings live in the same allocation.
 */
enum item_outcome {
	ITEM_OPEN = -1			/* else enum outcome */
};

struct item_rcpt {
	uint32_t	 number;
	uint32_t	 rule;
	uint32_t	 retry;
	uint16_t	 try;
	int8_t		 outcome;	/* ITEM_OPEN: nobody knows yet */
	uint8_t		 accepted;	/* RCPT was answered 2xx */
	const char	*address;
	const char	*orcpt;
	const char	*notify;
	char		*reply;		/* own reply, or NULL: the item's */
};

struct item {
	TAILQ_ENTRY(item) entry;	/* of its lane, while it waits */
	RB_ENTRY(item)	 node;
	uint64_t	 id;
	uint64_t	 message;
	uint64_t	 created;
	uint64_t	 size;
	struct lane	*lane;
	struct connection *connection;	/* that has it, or NULL */
	const char	*sender;
	const char	*action;
	const char	*ret;
	const char	*envid;
	uint8_t		 eightbit;
	uint8_t		 smtputf8;
	uint8_t		 restarts;	/* begun anew on another connection */
	uint8_t		 asked;		/* MTA_FETCH is out */
	uint8_t		 arrived;	/* content is here */
	uint8_t		 counted;	/* by the rates */
	int		 fd;		/* large content, or -1 */
	char		*content;
	uint64_t	 length;
	unsigned int	 accepted;	/* recipients answered 2xx */
	uint32_t	 nrcpts;
	struct item_rcpt rcpts[];
};
TAILQ_HEAD(items, item);

struct item	*item_new(const struct task *, struct lane *);
void		 item_free(struct item *);
struct item	*item_find(uint64_t);
/* Ask queue for the content, once. */
void		 item_fetch(struct item *);
/* Content came: takes over fd; copies bytes. */
void		 item_content(struct item *, uint64_t length, const void *,
		    size_t, int fd);
/* Unsent: back to queue, and freed. */
void		 item_return(struct item *);
/* Set what is still open; reply is kept only when own is set. */
void		 item_settle(struct item *, enum outcome);
void		 item_rcpt_settle(struct item *, uint32_t, enum outcome,
		    const char *reply);
void		 item_free_all(void);

enum source_error {
	SOURCE_OK,
	SOURCE_MISSING,			/* the address is not on this host */
	SOURCE_PORTS,			/* no port left */
	SOURCE_ROUTE,			/* no route from there */
	SOURCE_FOREIGN,			/* "any" gave another's address */
	SOURCE_RESOURCE,		/* descriptors, memory */
	SOURCE_REMOTE			/* refused at once */
};

/*
 * binding.c: the live side of a binding: is its address there, how many
 * connections has it, what failed for it.  Never freed while it is in use.
 */
enum way_family {
	WAY_INET4,
	WAY_INET6,
	WAY_FAMILIES
};

struct way_source {
	int		 owned;		/* written in the configuration */
	int		 up;
	const char	*reason;	/* why not up; static text */
	uint32_t	 probe_after;	/* loop_seconds() */
	struct sockaddr_storage addr;	/* ss_family 0: any */
};

/* (binding, remote address): what happened there, for this binding only. */
struct peer {
	RB_ENTRY(peer)	 node;
	struct sockaddr_storage addr;
	enum tls_policy	 tls;		/* who insisted on it; else all */
	uint32_t	 until;		/* loop_seconds(): not before */
	unsigned int	 failures;	/* in a row */
	unsigned int	 opening;	/* connections that are to tell */
	unsigned int	 growth;	/* most of these; 0: as if 1 */
	int		 local;		/* no route, not the peer's fault */
	char		 text[MTA_TEXT];
	char		 host[DOMAIN_MAX];
};
RB_HEAD(peers, peer);

RB_HEAD(lanes, lane);
TAILQ_HEAD(connections, connection);

struct way {
	RB_ENTRY(way)	 node;
	char		*name;
	struct binding_conf	*conf;		/* NULL: gone from the file */
	struct way_source sources[WAY_FAMILIES];
	struct peers	 peers;
	struct lanes	 lanes;		/* by destination */
	struct connections idle;
	unsigned int	 connections;
	unsigned int	 told;		/* last MTA_COUNTS */
};

void		 binding_init(void);
void		 binding_configured(struct config *);
/* Finds or makes; a name not in the file has conf NULL. */
struct way	*binding_way(const char *name);
int		 binding_usable(const struct way *, int family);
const struct way_source *binding_source(const struct way *, int family);
/* Why a family that it owns is down, or NULL. */
const char	*binding_reason(const struct way *);
/* SOURCE_MISSING or SOURCE_PORTS: hold the family until a probe likes it. */
void		 binding_down(struct way *, int family, enum source_error);
/* A connection broke because its source is no longer on this host. */
void		 binding_lost(struct way *, const struct sockaddr *src);
/* Name of another binding that has this address written, or NULL. */
const char	*binding_owner(const struct way *, const struct sockaddr *);
/* Tell queue the state of all: its channel is new. */
void		 binding_tell_all(void);
void		 binding_count(struct way *, int change);
/* EHLO name for this sender from this source. */
void		 binding_ehlo(const struct way *, const struct sockaddr *src,
		    const char *sender, char *, size_t);
int		 binding_ehlo_by_message(const struct way *);
/* dest NULL: the plain one; a lane's is lane_option(). */
const struct option *binding_option(const struct way *, const char *dest,
		    enum option_id);

/*
 * peer.c: failure state by (binding, remote address).
 */
struct peer	*peer_find(struct way *, const struct sockaddr *);
/* Not before a while from now; retry: the most it may be, in seconds. */
void		 peer_failed(struct way *, const struct sockaddr *,
		    const char *host, uint32_t retry, const char *text);
/*
 * The same, of no concern to those who want less: it does not do the TLS that
 * is insisted on.  Found by that, forgotten when it does.
 */
void		 peer_refused(struct way *, const struct sockaddr *,
		    enum tls_policy, const char *host, uint32_t retry,
		    const char *text);
struct peer	*peer_find_tls(struct way *, const struct sockaddr *,
		    enum tls_policy);
void		 peer_complied(struct way *, const struct sockaddr *,
		    enum tls_policy);
/* No route from this source: a local cause, looked at again soon. */
void		 peer_unroutable(struct way *, const struct sockaddr *,
		    const char *text);
/* It answered: more may follow, little by little. */
void		 peer_good(struct way *, const struct sockaddr *);
/*
 * One that failed is tried by one connection, then by a few.  May another one
 * be opened?
 */
int		 peer_ready(const struct peer *);
/* Such a connection is begun: 1; where nothing was wrong: 0. */
int		 peer_begin(struct way *, const struct sockaddr *);
void		 peer_end(struct way *, const struct sockaddr *);
/* An address, or NULL for all of them, may be tried at once. */
void		 peer_forgive(struct way *, const struct sockaddr *);
void		 peer_sweep(struct way *);
void		 peer_free_all(struct way *);

/*
 * source.c: the one place with socket, bind and connect for TCP.
 */
/*
 * A socket bound to source and on its way to dst; *local is the address that
 * it has.  -1 with *error, and errno.
 */
int		 source_connect(const struct way *, const struct sockaddr *dst,
		    struct sockaddr_storage *local, enum source_error *);
/* Is the address here?  SOURCE_OK, _MISSING or _RESOURCE; _PORTS at worst. */
enum source_error source_probe(const struct sockaddr *);
/* And is there a port that nothing else uses? */
enum source_error source_probe_port(const struct sockaddr *);
/* Is there a route?  src NULL: any.  *local where not NULL. */
enum source_error source_route(const struct sockaddr *src,
		    const struct sockaddr *dst,
		    struct sockaddr_storage *local);
/* 0 when the socket has this address; -1. */
int		 source_verify(int fd, const struct sockaddr *);

/*
 * dns.c: messages of RFC 1035.  Pure.
 */
#define DNS_A		1
#define DNS_CNAME	5
#define DNS_SOA		6
#define DNS_PTR		12
#define DNS_MX		15
#define DNS_AAAA	28
#define DNS_OPT		41
#define DNS_TLSA	52

#define DNS_MAX_RECORDS	128
#define DNS_CHAIN	8		/* CNAMEs followed in one answer */

struct dns_record {
	uint16_t	 type;
	uint16_t	 preference;	/* MX */
	struct sockaddr_storage addr;	/* A, AAAA */
	char		 name[DOMAIN_MAX]; /* MX, PTR: lower case; "" is "." */
	uint8_t		*data;		/* TLSA: as it came */
	size_t		 len;
};

enum dns_status {
	DNS_OK,
	DNS_NONE,			/* the name has no such record */
	DNS_NXDOMAIN,
	DNS_FAILED			/* asked in vain: try again */
};

struct dns_answer {
	enum dns_status	 status;
	int		 authentic;	/* AD */
	uint32_t	 ttl;		/* least of all, or negative's */
	char		 canonical[DOMAIN_MAX]; /* behind aliases; "": none */
	size_t		 count;
	struct dns_record *records;
};

/* A question with EDNS and AD set.  Octets, or -1. */
ssize_t		 dns_query(uint8_t *, size_t, uint16_t id, const char *name,
		    uint16_t type);
/*
 * The answer for (name, type), CNAMEs followed; 0, or -1 for a message that
 * is none.  records are allocated, dns_clear frees them.
 */
int		 dns_parse(const uint8_t *, size_t, const char *name,
		    uint16_t type, struct dns_answer *);
void		 dns_clear(struct dns_answer *);
/* The name that PTR records of an address are at; -1: of another family. */
int		 dns_reverse(const struct sockaddr *, char *, size_t);

/*
 * resolve.c: questions to the name servers, with a cache.
 */
typedef void	 resolve_done(void *, const struct dns_answer *);

void		 resolve_configured(const struct config *);
/*
 * done is called later, never from within; answer is valid in it.  NULL: no
 * memory.
 */
struct resolve	*resolve(const char *name, uint16_t type, resolve_done *,
		    void *);
void		 resolve_cancel(struct resolve *);

/*
 * reverse.c: names of smtpd's clients.
 */
void		 reverse_init(void);
/* QUEUE_RDNS */
void		 reverse_ask(struct ipc *, struct ipc_msg *);
/* Nobody waits for an answer any more. */
void		 reverse_forget_all(void);

/*
 * route.c: destination to hosts.
 */
struct route_host {
	uint16_t	 preference;
	uint16_t	 order;		/* among equals: random */
	struct sockaddr_storage addr;	/* with port */
	struct dane	*dane;		/* NULL: no TLSA records */
	char		 name[DOMAIN_MAX];
};

enum route_status {
	ROUTE_PENDING,
	ROUTE_OK,
	ROUTE_TEMPFAIL,
	ROUTE_PERMFAIL
};

struct route {
	enum route_status status;
	uint32_t	 expires;	/* loop_seconds() */
	char		 text[MTA_TEXT]; /* a failure's reply */
	size_t		 count;
	struct route_host *hosts;	/* by preference, then order */
	/* while it is being found */
	int		 port;
	int		 relay;		/* the configuration says where to */
	uint32_t	 ttl;
	int		 failed;	/* an address question failed */
	int		 secure;	/* DNSSEC says who the hosts are */
	size_t		 open;		/* questions not answered */
	size_t		 names;
	struct route_name *name;
	char		*domain;
	struct resolve	*mx;
	struct loop_job	 job;
	void		(*done)(void *);
	void		*arg;
};

/* A mail exchanger while its addresses are asked for. */
struct route_name {
	struct route	*route;
	uint16_t	 preference;
	struct resolve	*query[WAY_FAMILIES];
	int		 insecure;	/* an address is not signed */
	struct resolve	*tlsa;
	char		 name[DOMAIN_MAX];
	char		 canonical[DOMAIN_MAX]; /* "": name itself */
};

/*
 * Find the hosts of a destination, or of relay (host or literal) where it is
 * not NULL.  done is called later, once.
 */
struct route	*route_find(const char *destination, const char *relay,
		    int port, void (*done)(void *), void *arg);
void		 route_free(struct route *);
/*
 * RFC 5321 5.1, RFC 7505, on the answer to MX: the names to try, sorted, in
 * names (count of them); ROUTE_OK, ROUTE_PERMFAIL with text.  is_own says
 * whether a name is this host's.  Pure.
 */
enum route_status route_select(const struct dns_answer *, const char *domain,
		    int (*is_own)(const char *), struct dns_record *names,
		    size_t *count, const char **text);
/*
 * Is it a host's?  Not what would lead back here, nor IPv4 in the clothes of
 * IPv6, whose source no binding would know for its own.  Pure.
 */
int		 route_address(const struct sockaddr *);
/* Does the list let this address through?  NULL: no list. */
int		 route_hop_allowed(const struct next_hops *,
		    const struct sockaddr *);

/*
 * lane.c and lane_run.c: what is in hand for one (binding, destination).
 */
/* The last connection that failed before a message could go over it. */
struct attempt {
	struct place	 place;
	char		 text[MTA_TEXT];
};

struct lane {
	RB_ENTRY(lane)	 node;		/* of its way, by destination */
	RB_ENTRY(lane)	 id_node;
	TAILQ_ENTRY(lane) blocked_entry;
	TAILQ_ENTRY(lane) rate_entry;
	struct rate	*rate;		/* in its line, or NULL */
	uint32_t	 id;
	int		 gone;		/* queue forgot it; connections stay */
	struct test	*test;		/* NULL: it carries mail */
	struct way	*way;
	char		*destination;
	struct items	 waiting;
	size_t		 nwaiting;
	unsigned int	 connections;	/* all, until they are closed */
	unsigned int	 opening;	/* of these: not ready yet */
	unsigned int	 growth;	/* most that may be opening at once */
	unsigned int	 turn;		/* which of equal hosts is next */
	int		 blocked;	/* waits for a connection slot */
	int		 needy;		/* and its binding had none at all */
	int		 closed;
	int		 remote;	/* closed for what its hosts did */
	int		 probing;	/* closed until there is a route */
	int		 asking;	/* queue says whether the site may */
	char		 site[NAME_MAX_LEN + 1]; /* by the host's name */
	struct attempt	*attempt;	/* NULL: nothing to tell of */
	struct route	*route;
	struct loop_job	 job;
	struct loop_timer timer;
};

void		 lane_init(void);
void		 lane_new(uint32_t id, const char *binding,
		    const char *destination);
void		 lane_gone(uint32_t id);
void		 lane_task(const struct task *);
void		 lane_recall(uint32_t id);
/* Someone says that its hosts are well again; no limit is lifted. */
void		 lane_retry_now(uint32_t id);
void		 lane_configured(void);
/* The channel to queue is new: all that was in hand is forgotten. */
void		 lane_forget_all(void);
/* All that waits goes back, nothing more is begun. */
void		 lane_stop_all(void);
/* A binding's address came or went. */
void		 lane_binding_changed(struct way *);
/* Look at it at the end of this turn. */
void		 lane_wake(struct lane *);
/* A slot became free: who waits for one may go on. */
void		 lane_slot_free(void);
/* The next item for this connection, or NULL. */
struct item	*lane_take(struct lane *, struct connection *);
/* Back to the head, to be sent over another connection. */
void		 lane_put_back(struct lane *, struct item *);
/* A connection broke before a message could go over it. */
void		 lane_attempt_failed(struct lane *, const struct place *,
		    const char *text);
/* Something went well: more connections may follow. */
void		 lane_grow(struct lane *);
/* One connection less; frees a lane that is gone. */
void		 lane_connection_closed(struct lane *);
/* Most connections of it by the configuration. */
unsigned int	 lane_limit(const struct lane *);
/* The most seconds to wait after a failure. */
uint32_t	 lane_retry(const struct lane *);
/* The name of its site: the destination's, else the host's; NULL: none. */
const char	*lane_site_name(const struct lane *);
/* The value that holds for its destination and site. */
const struct option *lane_option(const struct lane *, enum option_id);
/* queue knows the lane's site and has called back what may not go. */
void		 lane_site_known(uint32_t id);
/*
 * Nothing is handed out for about so long; it opens by lane_resume(), not by
 * itself.
 */
void		 lane_pause(struct lane *, const char *cause, const char *text,
		    uint32_t seconds);
void		 lane_resume(struct lane *);

/*
 * pick.c: which host of a route may be used.
 */
enum pick {
	PICK_HOST,
	PICK_BUSY,			/* one connection is trying it */
	PICK_WAIT,			/* all are in back-off */
	PICK_ROUTE,			/* no way there from this source */
	PICK_DOWN,			/* this family's address is not there */
	PICK_HOPS,
	PICK_FAMILY
};

/*
 * The best host that the lane's binding may use now, and the site that it or
 * one of its equals belongs to by its name (NULL: none); else why there is no
 * host, with the peer to blame for PICK_WAIT and PICK_ROUTE.
 */
enum pick	 pick_host(struct lane *, const struct route *,
		    const struct route_host **, const struct site **,
		    struct peer **blamed);
/*
 * The same for one host, PICK_HOST where it may be used; *peer: what is known
 * of it, or NULL.
 */
enum pick	 pick_check(const struct lane *, const struct route_host *,
		    struct peer **peer);
/* Is there a way to any of its hosts again?  Without a route: yes. */
int		 pick_routable(const struct lane *);
/* Its hosts may be tried at once, whatever they did. */
void		 pick_forgive(struct lane *);

/*
 * limit.c: connections counted where lanes or bindings share a limit.
 */
enum limit_kind {
	LIMIT_SITE,
	LIMIT_DOMAIN,
	LIMIT_SERVER,
	LIMIT_COUNTERS
};

/*
 * Room under the limits for one more of this lane's?  Idle ones are asked to
 * go where there is none.
 */
int		 limit_room(struct lane *);
/* Count a connection where its lane belongs, and no longer. */
void		 limit_take(struct connection *);
void		 limit_give(struct connection *);
/* Would it be counted the same for that lane? */
int		 limit_same(const struct connection *, const struct lane *);
/* Is it counted by the counter of this name ("site S", "domain D")? */
int		 limit_counts(const struct connection *, const char *name);
/* The most that its connections may be in all; 0: no such limit. */
int64_t		 limit_total(const char *name);
/* Who has the most of it, or NULL. */
const char	*limit_greediest(const char *name);
/* What each binding has of it. */
void		 limit_each(const char *name, void (*row)(void *,
		    const char *binding, unsigned int used), void *);
/* The counters that a binding has a part of. */
void		 limit_each_of(const struct way *, void (*row)(void *,
		    const char *name, const char *binding, unsigned int used),
		    void *);
/*
 * Of a limit that several share, a binding takes one more only while it holds
 * no more than are free.  limit 0: none.  Pure.
 */
int		 limit_share(int64_t limit, unsigned int used,
		    unsigned int own);

/*
 * show.c: "show binding B", "show destination D", "show site S": the counters.
 */
void		 show_limits(uint32_t client, const char **words,
		    uint32_t count);

/*
 * rate.c: recipients attempted in time.
 */
#define RATE_LEVELS	3		/* domain, site, plain */
TAILQ_HEAD(rate_lanes, lane);

void		 rate_init(void);
/* 1: it has to wait, and stands in line; lane_resume() comes. */
int		 rate_hold(struct lane *);
void		 rate_leave(struct lane *);
/* Recipients of it are attempted. */
void		 rate_count(struct lane *, uint32_t);
/* What queue kept of a long one. */
void		 rate_known(const char *key, uint64_t next);
void		 rate_stop(void);
/*
 * Microseconds until the next recipient may go, when next is its time if all
 * came evenly; next after count recipients; next, no later than it can be by
 * these figures (the clock or the configuration changed).  Pure.
 */
int64_t		 rate_wait(int64_t next, int64_t number, int64_t seconds,
		    int64_t now);
int64_t		 rate_spend(int64_t next, int64_t number, int64_t seconds,
		    int64_t now, int64_t count);
int64_t		 rate_sane(int64_t next, int64_t number, int64_t seconds,
		    int64_t now);

/*
 * connection.c: a connection and its identity.
 */
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
	struct item	*item;
};

#define PENDING_MAX	256		/* two items and some; power of 2 */
#define REPLY_LINE	2048
#define REPLY_LINES	128

struct reply {
	int		 code;
	int		 done;		/* the last line was seen */
	unsigned int	 lines;
	const char	*line;		/* text of the line just parsed */
	size_t		 line_len;
	size_t		 len;
	char		 text[MTA_TEXT]; /* "250 2.0.0 ok", lines joined */
};

struct connection {
	TAILQ_ENTRY(connection) all_entry;
	TAILQ_ENTRY(connection) entry;	/* of its way: while it is idle */
	enum connection_stage stage;
	unsigned int	 number;	/* for people */
	struct way	*way;
	struct lane	*lane;
	struct io	*io;
	struct place	 place;
	struct policy	 policy;
	struct dane	*dane;		/* the host's TLSA records */
	int		 secure;	/* the handshake is done */
	int		 clear;		/* TLS was tried in vain */
	int		 refused;	/* not as secure as the policy wants */
	uint32_t	 messages;	/* transactions begun */
	uint32_t	 max_messages;
	int		 answered;	/* a transaction went to its end */
	int		 retired;	/* finish what is in hand, QUIT */
	int		 trying;	/* tells of a host that had failed */
	struct counter	*counters[LIMIT_COUNTERS];
	/* what the peer offers */
	int		 starttls;
	int		 auth;		/* mechanisms, for login.c */
	int		 auth_step;
	int		 pipelining;
	int		 eightbit;
	int		 smtputf8;
	int		 dsn;
	int		 size;
	uint64_t	 size_max;
	/* the dialogue */
	struct item	*sending;	/* whose commands are being written */
	struct item	*ahead;		/* the next one, content asked for */
	enum command	 step;		/* next command of sending */
	uint32_t	 rcpt;		/* next recipient of sending */
	int		 go;		/* 354: content may follow */
	int		 body;		/* large content is on its way */
	uint64_t	 offset;
	uint64_t	 trace_content;	/* octets shown as a number */
	int		 trace_secret;	/* the next line answers a 334 */
	int		 bol;		/* body: at the begin of a line */
	int		 cr;		/* body: last octet was a CR */
	int		 reset;		/* RSET before the next MAIL */
	unsigned int	 first;		/* ring of pendings */
	unsigned int	 npending;
	struct pending	 pending[PENDING_MAX];
	struct reply	 reply;
};

/* Under way when SOURCE_OK; place is filled in as far as it is known. */
enum source_error connection_open(struct lane *, const struct route_host *,
		    const char *sender, const struct policy *,
		    struct place *);
/*
 * The same once more over a new socket, from the same source to the same
 * host.  -1: it cannot be.
 */
int		 connection_again(struct connection *);
/*
 * An idle one for this sender: of this lane, or to host where that is not
 * NULL.  It belongs to the lane from now on.
 */
struct connection *connection_reuse(struct lane *, const struct route_host *,
		    const char *sender, const struct policy *);
/*
 * Ask an idle one to go: of this way, this lane, counted by this name, NULL
 * for any.  Whether there was one.
 */
int		 connection_evict(const struct way *, const struct lane *,
		    const char *counter);
/*
 * Somebody has none of this counter and there is no room: one of those who
 * have the most ends after what it has in hand.
 */
void		 connection_yield(const char *counter);
/* Nothing to do for now: keep it a while. */
void		 connection_park(struct connection *);
void		 connection_unpark(struct connection *);
/* The greeting and EHLO are over. */
void		 connection_ready(struct connection *);
/* A transaction went to its end: the host does take mail, or speaks of it. */
void		 connection_answered(struct connection *);
/*
 * It broke, or the peer wants no more of it: what is in hand is settled or
 * put back, then it is freed.
 */
void		 connection_failed(struct connection *, const char *text);
/* Give back what connections from this source have in hand, close them. */
void		 connection_source_lost(struct way *, const struct sockaddr *);
void		 connection_free(struct connection *);
/* Those whose identity is no longer their binding's finish, then QUIT. */
void		 connection_configured(void);
/*
 * A message is over.  The next, whose commands went ahead of its reply, is
 * not to leave under an identity of yesterday: 1, and the connection is gone.
 */
int		 connection_end_retired(struct connection *);
/*
 * No more but what is in the middle of its content; how many of those are
 * left.
 */
unsigned int	 connection_stop(void);
void		 connection_free_all(void);

/*
 * trace.c: the dialogue, for who wants to see it.
 */
/* -1: too many.  lane: a test's, or NULL; domain NULL: all. */
int		 trace_start(uint32_t client, struct way *, const char *domain,
		    const struct lane *);
void		 trace_end(uint32_t client);
void		 trace_end_all(void);
void		 trace_note(const struct connection *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
/* An io_tap. */
void		 trace_sent(void *, const char *, size_t);
/* A line of a reply. */
void		 trace_received(struct connection *, const char *, size_t);
/* The content is written. */
void		 trace_content(struct connection *);
void		 trace_command(uint32_t client, const char **words,
		    uint32_t count);
/*
 * test.c: the way of a binding, without a message.
 */
void		 test_command(uint32_t client, const char **words,
		    uint32_t count);
/* Its connection could carry mail; it has ended. */
void		 test_ready(struct test *);
void		 test_closed(struct test *);
/* The client has gone; all have, and their connections with them. */
void		 test_end(uint32_t client);
void		 test_end_all(void);
/* A line of lib/control.h to a client of the control socket. */
void		 answer_text(uint32_t client, const char *mark, int more,
		    const char *fmt, ...)
		    __attribute__((format(printf, 4, 5)));

/*
 * client.c: the SMTP client's dialogue.
 */
void		 client_event(struct io *, enum io_event, void *);
/* Go on: something to send may be there. */
void		 client_push(struct connection *);
/* A command was written: its reply is awaited. */
void		 client_expect(struct connection *, enum command,
		    struct item *, uint32_t rcpt);
void		 client_greeting(struct connection *);
void		 client_hello(struct connection *, enum connection_stage);
/* The content of an item in hand has come. */
void		 client_content(struct connection *, struct item *);
void		 client_quit(struct connection *);
/* How long a reply may take; of COMMAND_NONE a piece of content. */
uint32_t	 client_seconds(enum command);

/*
 * body.c: content on its way out, dots stuffed.
 */
/* 0, or -1 where it cannot be read or written. */
int		 body_write(struct connection *, struct item *, int *finished);

/*
 * reply.c: replies of a server (RFC 5321 4.2).  Pure.
 */
void		 reply_start(struct reply *);
/* One line: octets used, 0: not whole yet, -1: no reply at all. */
ssize_t		 reply_parse(struct reply *, const char *, size_t);
/* "KEYWORD", and its parameter in *param where not NULL. */
int		 reply_keyword(const struct reply *, const char *keyword,
		    const char **param, size_t *len);

/*
 * report.c: results to queue, lines to the log.
 */
/*
 * All recipients are settled: log, tell queue, free the item.  reply is for
 * those that have none of their own; place may be NULL; relayed: the peer
 * took over the DSN wishes.
 */
void		 report_item(struct item *, const struct place *,
		    const char *cause, const char *reply, int relayed);
/* Log lines only: held for a cause of this host. */
void		 report_held(const struct item *, const struct place *,
		    const char *cause, const char *text);

/*
 * bind.c: which binding, and the dry run of it.
 */
void		 bind_ask(struct ipc *, struct ipc_msg *);
void		 bind_command(struct ipc *, struct ipc_msg *);

#endif
