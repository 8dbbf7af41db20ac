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
 * Questions to the name servers: c-ares carries them (retries, TCP where an
 * answer is cut), dns.c reads them, answers are kept for their time to live.
 * Who asks the same at the same moment shares one question.  An asker is
 * always called later, never from within resolve().
 */

#include <netinet/in.h>

#include <ares.h>
#include <event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "lib/loop.h"
#include "mta/mta.h"
#include "mta/resolve.h"

#define RESOLVE_TTL_MIN		5	/* seconds */
#define RESOLVE_TTL_MAX		3600
#define RESOLVE_FAILED		5	/* a failure is remembered */
#define RESOLVE_CACHE		20000	/* questions */
#define RESOLVE_SERVERS		1024	/* text of the list */
#define RESOLVE_TIMEOUT		3000	/* milliseconds, of one try */
#define RESOLVE_TRIES		3
#define QUERY_MAX		512

struct resolve {
	TAILQ_ENTRY(resolve)	 entry;
	struct question		*name;
	resolve_done		*done;
	void			*arg;
};
TAILQ_HEAD(resolves, resolve);

/* A (name, type): asked for, or known. */
struct question {
	RB_ENTRY(question)		 node;
	TAILQ_ENTRY(question)	 entry;	/* oldest first; answered ones only */
	struct loop_job		 job;
	struct resolves		 waiting;
	struct dns_answer	 answer;
	uint32_t		 expires;
	int			 asking;
	int			 busy;	/* its waiters are being called */
	uint16_t		 type;
	char			 name[DOMAIN_MAX];
};
RB_HEAD(questions, question);

/* A socket of c-ares. */
struct watch {
	TAILQ_ENTRY(watch)	 entry;
	struct event		 event;
	int			 fd;
	int			 set;
};

static struct {
	ares_channel		 channel;
	int			 ready;
	struct event		 timer;
	TAILQ_HEAD(, watch)	 watches;
	struct questions		 tree;
	TAILQ_HEAD(, question)	 known;
	size_t			 count;
	int			 trusted;	/* its AD is believed */
	char			 servers[RESOLVE_SERVERS];
} resolver;

static int
question_compare(const struct question *a, const struct question *b)
{
	if (a->type != b->type)
		return (a->type < b->type ? -1 : 1);
	return (strcmp(a->name, b->name));
}

RB_PROTOTYPE(questions, question, node, question_compare);
RB_GENERATE(questions, question, node, question_compare)

/* c-ares wants to be called at some time: when is not the same each turn. */
static void
timer_set(void)
{
	struct timeval	 tv, *next;

	if (!resolver.ready)
		return;
	next = ares_timeout(resolver.channel, NULL, &tv);
	if (next == NULL)
		evtimer_del(&resolver.timer);
	else
		evtimer_add(&resolver.timer, next);
}

static void
timer_expired(int fd, short what, void *arg)
{
	ares_process_fd(resolver.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	timer_set();
}

static void
watch_event(int fd, short what, void *arg)
{
	ares_process_fd(resolver.channel,
	    what & EV_READ ? fd : ARES_SOCKET_BAD,
	    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	timer_set();
}

static struct watch *
watch_find(int fd)
{
	struct watch	*w;

	TAILQ_FOREACH(w, &resolver.watches, entry)
		if (w->fd == fd)
			return (w);
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("watch_find");
	w->fd = fd;
	TAILQ_INSERT_TAIL(&resolver.watches, w, entry);
	return (w);
}

/* c-ares tells what it wants of a socket; nothing: it closes it. */
static void
watch_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct watch	*w = watch_find(fd);
	short		 what = EV_PERSIST;

	if (w->set)
		event_del(&w->event);
	w->set = readable || writable;
	if (!w->set) {
		TAILQ_REMOVE(&resolver.watches, w, entry);
		free(w);
		return;
	}
	if (readable)
		what |= EV_READ;
	if (writable)
		what |= EV_WRITE;
	event_set(&w->event, fd, what, watch_event, NULL);
	event_add(&w->event, NULL);
}

static void
question_free(struct question *n)
{
	loop_job_cancel(&n->job);
	RB_REMOVE(questions, &resolver.tree, n);
	resolver.count--;
	dns_clear(&n->answer);
	free(n);
}

/* Call all who wait; one of them may ask again, or take back another's. */
static void
question_answer(void *arg)
{
	struct question	*n = arg;
	struct resolve	*r;

	n->busy = 1;
	while ((r = TAILQ_FIRST(&n->waiting)) != NULL) {
		TAILQ_REMOVE(&n->waiting, r, entry);
		r->done(r->arg, &n->answer);
		free(r);
	}
	n->busy = 0;
}

static void
question_known(struct question *n)
{
	uint32_t	 ttl = n->answer.ttl;

	if (n->answer.status == DNS_FAILED)
		ttl = RESOLVE_FAILED;
	if (ttl < RESOLVE_TTL_MIN)
		ttl = RESOLVE_TTL_MIN;
	if (ttl > RESOLVE_TTL_MAX)
		ttl = RESOLVE_TTL_MAX;
	n->answer.ttl = ttl;
	n->expires = loop_seconds() + ttl;
	n->asking = 0;
	TAILQ_INSERT_TAIL(&resolver.known, n, entry);
	loop_job_queue(&n->job);
}

/* c-ares: data is the whole message, whatever its RCODE; or NULL. */
static void
query_done(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct question	*n = arg;

	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
		data = NULL;
	dns_clear(&n->answer);
	memset(&n->answer, 0, sizeof(n->answer));
	n->answer.status = DNS_FAILED;
	if (data != NULL && len > 0 && dns_parse(data, (size_t)len, n->name,
	    n->type, &n->answer) == -1)
		log_debug("dns: no answer for %s in what came", n->name);
	if (!resolver.trusted)
		n->answer.authentic = 0;
	question_known(n);
}

static void
question_ask(struct question *n)
{
	uint8_t		 query[QUERY_MAX];
	ssize_t		 len;

	n->asking = 1;
	len = dns_query(query, sizeof(query),
	    (uint16_t)arc4random_uniform(65536), n->name, n->type);
	if (len == -1) {
		/* no name that DNS could hold */
		dns_clear(&n->answer);
		n->answer.status = DNS_NXDOMAIN;
		n->answer.ttl = RESOLVE_TTL_MAX;
		question_known(n);
		return;
	}
	if (!resolver.ready) {
		query_done(n, ARES_ENOTINITIALIZED, 0, NULL, 0);
		return;
	}
	ares_send(resolver.channel, query, (int)len, query_done, n);
	timer_set();
}

/* Forget the oldest that nobody waits for. */
static void
cache_trim(void)
{
	struct question	*n, *next;

	TAILQ_FOREACH_SAFE(n, &resolver.known, entry, next) {
		if (resolver.count < RESOLVE_CACHE)
			return;
		if (n->busy || n->job.queued || !TAILQ_EMPTY(&n->waiting))
			continue;
		TAILQ_REMOVE(&resolver.known, n, entry);
		question_free(n);
	}
}

/* Names are compared without case; -1: too long to be one. */
static int
question_key(struct question *key, const char *text, uint16_t type)
{
	size_t	 i;

	key->type = type;
	if (strlcpy(key->name, text, sizeof(key->name)) >=
	    sizeof(key->name))
		return (-1);
	for (i = 0; key->name[i] != '\0'; i++)
		if (key->name[i] >= 'A' && key->name[i] <= 'Z')
			key->name[i] += 'a' - 'A';
	return (0);
}

void
resolve_forget(const char *text, uint16_t type)
{
	struct question	*n, key;

	if (question_key(&key, text, type) == 0 &&
	    (n = RB_FIND(questions, &resolver.tree, &key)) != NULL)
		n->expires = 0;
}

static struct question *
question_get(const char *text, uint16_t type)
{
	struct question	*n, key;

	if (question_key(&key, text, type) == -1)
		return (NULL);
	if ((n = RB_FIND(questions, &resolver.tree, &key)) != NULL)
		return (n);
	cache_trim();
	if ((n = calloc(1, sizeof(*n))) == NULL)
		fatal("question_get");
	n->type = type;
	strlcpy(n->name, key.name, sizeof(n->name));
	TAILQ_INIT(&n->waiting);
	loop_job_init(&n->job, question_answer, n);
	n->asking = 1;
	RB_INSERT(questions, &resolver.tree, n);
	resolver.count++;
	question_ask(n);
	return (n);
}

struct resolve *
resolve(const char *text, uint16_t type, resolve_done *done, void *arg)
{
	struct resolve	*r;
	struct question	*n;

	if ((n = question_get(text, type)) == NULL ||
	    (r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->name = n;
	r->done = done;
	r->arg = arg;
	TAILQ_INSERT_TAIL(&n->waiting, r, entry);
	if (n->asking)
		return (r);
	if (!n->busy && loop_seconds() >= n->expires) {
		TAILQ_REMOVE(&resolver.known, n, entry);
		question_ask(n);
	} else
		loop_job_queue(&n->job);
	return (r);
}

void
resolve_cancel(struct resolve *r)
{
	TAILQ_REMOVE(&r->name->waiting, r, entry);
	free(r);
}

/* "nameserver" lines of resolv.conf, as c-ares wants them: "a,b". */
static void
servers_from_file(char *list, size_t size)
{
	const char		*text = role_file("resolv.conf"), *line;
	struct sockaddr_storage	 ss;
	char			 word[128];

	list[0] = '\0';
	for (line = text; line != NULL && *line != '\0'; ) {
		if (sscanf(line, "nameserver %127s", word) == 1 &&
		    sockaddr_parse(word, &ss) == 0) {
			if (list[0] != '\0')
				strlcat(list, ",", size);
			strlcat(list, word, size);
		}
		if ((line = strchr(line, '\n')) != NULL)
			line++;
	}
	if (list[0] == '\0')
		strlcpy(list, "127.0.0.1", size);
}

static void
servers_list(const struct config *conf, char *list, size_t size)
{
	const struct sockaddr	*sa;

	sa = (const struct sockaddr *)&conf->resolver;
	if (sa->sa_family == 0) {
		servers_from_file(list, size);
		return;
	}
	if (sockaddr_port(sa) != 0)
		strlcpy(list, sockaddr_text_port(sa), size);
	else
		strlcpy(list, sockaddr_text(sa), size);
}

/* Nobody on the way to them could have changed what they say. */
static int
servers_here(const char *list)
{
	struct sockaddr_storage	 ss;
	char			 copy[RESOLVE_SERVERS], *next = copy, *server;
	char			*colon;

	strlcpy(copy, list, sizeof(copy));
	while ((server = strsep(&next, ",")) != NULL) {
		/* a port stands behind "]:" or behind the only colon */
		colon = strrchr(server, ':');
		if (colon != NULL && (colon == strchr(server, ':') ||
		    colon[-1] == ']'))
			*colon = '\0';
		if (sockaddr_parse(server, &ss) == -1 ||
		    !sockaddr_loopback((struct sockaddr *)&ss))
			return (0);
	}
	return (1);
}

/*
 * Everything that c-ares would read from a file is given, so that it opens
 * none.
 */
static void
channel_open(const char *list)
{
	struct ares_options	 o;
	struct in_addr		 loopback = { htonl(INADDR_LOOPBACK) };
	char			 lookups[] = "b";
	int			 status;

	memset(&o, 0, sizeof(o));
	/* a server that fails or refuses is passed over: no NOCHECKRESP */
	o.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
	o.timeout = RESOLVE_TIMEOUT;
	o.tries = RESOLVE_TRIES;
	o.ndots = 1;
	o.servers = &loopback;
	o.nservers = 1;
	o.lookups = lookups;
	o.ednspsz = 1232;
	o.sock_state_cb = watch_socket;
	status = ares_init_options(&resolver.channel, &o, ARES_OPT_FLAGS |
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
	    ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS |
	    ARES_OPT_SORTLIST | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		log_warnx("dns: %s", ares_strerror(status));
		return;
	}
	status = ares_set_servers_ports_csv(resolver.channel, list);
	if (status != ARES_SUCCESS)
		log_warnx("dns: servers %s: %s", list, ares_strerror(status));
	resolver.ready = 1;
}

static void
resolver_start(void)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		fatalx("c-ares does not start");
	RB_INIT(&resolver.tree);
	TAILQ_INIT(&resolver.known);
	TAILQ_INIT(&resolver.watches);
	evtimer_set(&resolver.timer, timer_expired, NULL);
}

/* What is known came from the old servers. */
static void
cache_flush(void)
{
	struct question	*n;

	TAILQ_FOREACH(n, &resolver.known, entry)
		n->expires = 0;
}

void
resolve_configured(const struct config *conf)
{
	char	 list[RESOLVE_SERVERS];
	int	 trusted;

	if (resolver.servers[0] == '\0')
		resolver_start();
	servers_list(conf, list, sizeof(list));
	trusted = conf->mta_trust_ad || servers_here(list);
	if (trusted != resolver.trusted)
		cache_flush();
	resolver.trusted = trusted;
	if (strcmp(list, resolver.servers) == 0)
		return;
	strlcpy(resolver.servers, list, sizeof(resolver.servers));
	if (resolver.ready) {
		/* questions under way are answered as failed */
		resolver.ready = 0;
		evtimer_del(&resolver.timer);
		ares_destroy(resolver.channel);
	}
	cache_flush();
	channel_open(list);
}
