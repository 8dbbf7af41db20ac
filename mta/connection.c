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
 * Connections: opened within the limits from exactly one source, reused only
 * under the identity they were opened with (binding, source, host, EHLO name,
 * TLS policy), kept a few seconds when there is nothing to do.  The dialogue
 * is client.c's; what a failure means for lane and host is decided here.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/log.h"
#include "mta/mta.h"

#define CONNECTION_IDLE		5	/* seconds that an idle one is kept */
#define CONNECTION_CONNECT	60	/* seconds for the connect itself */
#define CONNECTION_YIELD	10	/* messages, then it makes room */
#define ITEM_RESTARTS		3	/* times that an item may begin anew */

static struct {
	struct connections	 all;
	unsigned int		 count;
	unsigned int		 last;		/* number given out */
	unsigned int		 idle;
	int			 ready;
} connections;

int
connection_evict(const struct way *way, const struct lane *lane,
    const char *counter)
{
	struct connection	*c;

	if (connections.idle == 0)
		return (0);
	TAILQ_FOREACH(c, &connections.all, all_entry) {
		if (c->stage != STAGE_IDLE ||
		    (way != NULL && c->way != way) ||
		    (lane != NULL && c->lane != lane) ||
		    (counter != NULL && !limit_counts(c, counter)))
			continue;
		connection_unpark(c);
		client_quit(c);
		return (1);
	}
	return (0);
}

void
connection_yield(const char *counter)
{
	const char		*name = limit_greediest(counter);
	struct connection	*c, *oldest = NULL;

	TAILQ_FOREACH(c, &connections.all, all_entry) {
		if (!limit_counts(c, counter))
			continue;
		if (c->retired || c->stage == STAGE_QUIT ||
		    c->max_messages <= CONNECTION_YIELD ||
		    c->max_messages <= c->messages)
			return;		/* there will be room */
		if (oldest == NULL && strcmp(c->way->name, name) == 0)
			oldest = c;
	}
	if (oldest == NULL)
		return;
	oldest->max_messages = oldest->messages > CONNECTION_YIELD ?
	    oldest->messages : CONNECTION_YIELD;
}

static void
trace_connect(const struct connection *c)
{
	char	 src[64];

	strlcpy(src, sockaddr_text((const struct sockaddr *)&c->place.src),
	    sizeof(src));
	trace_note(c, "connect from %s to %s (%s) for %s", src, c->place.mx,
	    sockaddr_text_port((const struct sockaddr *)&c->place.dst),
	    c->lane->destination);
}

static struct connection *
connection_new(struct lane *lane, const struct place *place)
{
	struct connection	*c;
	int64_t			 most;

	if (!connections.ready) {
		TAILQ_INIT(&connections.all);
		connections.ready = 1;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("connection_new");
	c->number = ++connections.last;
	c->retired = lane->test != NULL;	/* QUIT as soon as it can */
	c->stage = STAGE_CONNECT;
	c->way = lane->way;
	c->lane = lane;
	c->place = *place;
	most = lane_option(lane, OPTION_MAX_MESSAGES)->number;
	c->max_messages = most < 1 ? 100 : (uint32_t)most;
	TAILQ_INSERT_TAIL(&connections.all, c, all_entry);
	connections.count++;
	lane->connections++;
	lane->opening++;
	c->trying = peer_begin(c->way, (const struct sockaddr *)&place->dst);
	limit_take(c);
	binding_count(c->way, 1);
	return (c);
}

/* The socket is on its way to the host. */
static void
connection_begin(struct connection *c, int fd)
{
	int64_t	 seconds = mta_config()->mta_timeout;

	if ((c->io = io_new(fd, client_event, c)) == NULL)
		fatal("connection_begin");
	io_set_tap(c->io, trace_sent);
	trace_connect(c);
	reply_start(&c->reply);
	io_connecting(c->io);
	io_set_deadline(c->io, seconds > 0 ? (uint32_t)seconds :
	    CONNECTION_CONNECT);
}

enum source_error
connection_open(struct lane *lane, const struct route_host *host,
    const char *sender, const struct policy *policy, struct place *place)
{
	struct connection	*c;
	enum source_error	 error;
	int			 fd;

	memset(place, 0, sizeof(*place));
	place->dst = host->addr;
	strlcpy(place->mx, host->name, sizeof(place->mx));
	fd = source_connect(lane->way, (const struct sockaddr *)&host->addr,
	    &place->src, &error);
	if (fd == -1)
		return (error);
	binding_ehlo(lane->way, (struct sockaddr *)&place->src, sender,
	    place->ehlo, sizeof(place->ehlo));
	c = connection_new(lane, place);
	c->policy = *policy;
	if (policy->tls != TLS_POLICY_NONE)
		c->dane = dane_hold(host->dane);
	connection_begin(c, fd);
	return (SOURCE_OK);
}

int
connection_again(struct connection *c)
{
	struct sockaddr_storage	 src;
	enum source_error	 error;
	int			 fd;

	fd = source_connect(c->way, (struct sockaddr *)&c->place.dst, &src,
	    &error);
	if (fd == -1)
		return (-1);
	if (!sockaddr_same((struct sockaddr *)&src,
	    (struct sockaddr *)&c->place.src)) {
		close(fd);
		return (-1);
	}
	io_free(c->io);
	c->stage = STAGE_CONNECT;
	c->place.tls = c->place.verified = NULL;
	c->secure = 0;
	c->clear = 1;
	c->first = c->npending = 0;
	connection_begin(c, fd);
	return (0);
}

/* May this idle connection carry the sender's mail of that lane to host? */
static int
connection_fits(const struct connection *c, const struct lane *lane,
    const struct route_host *host, const char *sender,
    const struct policy *policy)
{
	char	 ehlo[DOMAIN_MAX];

	if (!policy_same(&c->policy, policy))
		return (0);
	/* what was made before the host had TLSA records proves nothing */
	if (host != NULL && host->dane != NULL && c->dane == NULL &&
	    policy->tls != TLS_POLICY_NONE)
		return (0);
	if (host == NULL) {
		if (c->lane != lane)
			return (0);
	} else if (!sockaddr_same((const struct sockaddr *)&c->place.dst,
	    (const struct sockaddr *)&host->addr) ||
	    sockaddr_port((const struct sockaddr *)&c->place.dst) !=
	    sockaddr_port((const struct sockaddr *)&host->addr) ||
	    strcasecmp(c->place.mx, host->name) != 0)
		return (0);
	binding_ehlo(c->way, (const struct sockaddr *)&c->place.src, sender,
	    ehlo, sizeof(ehlo));
	return (strcmp(c->place.ehlo, ehlo) == 0);
}

struct connection *
connection_reuse(struct lane *lane, const struct route_host *host,
    const char *sender, const struct policy *policy)
{
	struct connection	*c;
	struct sockaddr_storage	 src;
	struct lane		*before;

	TAILQ_FOREACH(c, &lane->way->idle, entry)
		if (connection_fits(c, lane, host, sender, policy))
			break;
	if (c == NULL)
		return (NULL);
	src = c->place.src;
	if (source_probe((struct sockaddr *)&src) == SOURCE_MISSING) {
		binding_lost(lane->way, (struct sockaddr *)&src);
		return (NULL);
	}
	before = c->lane;
	if (before != lane) {
		if (lane->connections >= lane_limit(lane) ||
		    !limit_same(c, lane))
			return (NULL);
		c->lane = lane;
		lane->connections++;
	}
	connection_unpark(c);
	if (before != lane)
		lane_connection_closed(before);
	return (c);
}

void
connection_park(struct connection *c)
{
	if (c->stage != STAGE_READY)
		return;
	c->stage = STAGE_IDLE;
	connections.idle++;
	TAILQ_INSERT_HEAD(&c->way->idle, c, entry);
	io_set_deadline(c->io, CONNECTION_IDLE);
	/* who waits for a slot may have this one's */
	lane_slot_free();
	/* what waits could not go over this one */
	if (c->lane->nwaiting > 0)
		lane_wake(c->lane);
}

void
connection_unpark(struct connection *c)
{
	if (c->stage != STAGE_IDLE)
		return;
	TAILQ_REMOVE(&c->way->idle, c, entry);
	connections.idle--;
	c->stage = STAGE_READY;
}

/* What it was to tell of the host is known. */
static void
connection_tried(struct connection *c)
{
	if (!c->trying)
		return;
	c->trying = 0;
	peer_end(c->way, (struct sockaddr *)&c->place.dst);
	lane_slot_free();
}

void
connection_ready(struct connection *c)
{
	c->stage = STAGE_READY;
	c->lane->opening--;
	if (c->lane->test != NULL)
		test_ready(c->lane->test);
	peer_complied(c->way, (struct sockaddr *)&c->place.dst,
	    c->policy.tls);
	connection_tried(c);
	/* where one failed, a greeting alone does not make up for it */
	if (peer_find(c->way, (struct sockaddr *)&c->place.dst) == NULL)
		lane_grow(c->lane);
}

void
connection_answered(struct connection *c)
{
	if (!c->answered)
		peer_good(c->way, (struct sockaddr *)&c->place.dst);
	c->answered = 1;
	lane_grow(c->lane);
}

void
connection_free(struct connection *c)
{
	struct lane	*lane = c->lane;

	trace_note(c, "closed");
	connection_unpark(c);
	if (c->stage < STAGE_READY)
		lane->opening--;
	TAILQ_REMOVE(&connections.all, c, all_entry);
	connections.count--;
	connection_tried(c);
	limit_give(c);
	binding_count(c->way, -1);
	io_free(c->io);
	dane_release(c->dane);
	free(c);
	lane_connection_closed(lane);
	lane_slot_free();
}

/* An item whose content never went out may go by another connection. */
static void
item_again(struct connection *c, struct item *item, const char *text)
{
	uint32_t	 i, open = 0;

	item->accepted = 0;
	for (i = 0; i < item->nrcpts; i++) {
		item->rcpts[i].accepted = 0;
		open += item->rcpts[i].outcome == ITEM_OPEN;
	}
	if (open > 0 && item->restarts < ITEM_RESTARTS) {
		lane_put_back(c->lane, item);
		return;
	}
	item_settle(item, OUTCOME_TEMPFAIL);
	report_item(item, &c->place, "remote", text, 0);
}

/* The item whose final dot was sent: nobody knows, so it is sent again. */
static struct item *
item_after_dot(const struct connection *c)
{
	const struct pending	*p;
	unsigned int		 i;

	for (i = 0; i < c->npending; i++) {
		p = &c->pending[(c->first + i) % PENDING_MAX];
		if (p->command == COMMAND_DOT && p->item != NULL)
			return (p->item);
	}
	return (NULL);
}

/*
 * The connection ends for a reason of our own, which is no fault of the peer
 * or the message: all that was in hand goes back, what was under way at its
 * final dot as well.
 */
static void
connection_give_back(struct connection *c, const char *why)
{
	struct item	*hand[3] = { c->ahead, c->sending, item_after_dot(c) };
	uint32_t	 i, n;

	c->sending = c->ahead = NULL;
	for (n = 0; n < 3; n++) {
		if (hand[n] == NULL)
			continue;
		for (i = 0; i < hand[n]->nrcpts; i++)
			if (hand[n]->rcpts[i].outcome != ITEM_OPEN)
				break;
		if (i == hand[n]->nrcpts) {
			item_return(hand[n]);
			continue;
		}
		/* some recipients have their answer already */
		item_settle(hand[n], OUTCOME_HELD);
		report_item(hand[n], &c->place, "local", why, 0);
	}
	connection_free(c);
}

void
connection_source_lost(struct way *way, const struct sockaddr *src)
{
	struct connection	*c, *next;

	if (!connections.ready)
		return;
	TAILQ_FOREACH_SAFE(c, &connections.all, all_entry, next)
		if (c->way == way && sockaddr_same(src,
		    (const struct sockaddr *)&c->place.src))
			connection_give_back(c, "address missing");
}

/*
 * What was in hand: told as failed where its content was on the way, put back
 * otherwise.  Whether a task has paid for the failure.
 */
static int
connection_settle(struct connection *c, const char *text)
{
	struct item	*closing = item_after_dot(c);
	struct item	*sending = c->sending, *ahead = c->ahead;

	c->sending = c->ahead = NULL;
	if (ahead != NULL)
		lane_put_back(c->lane, ahead);
	if (sending != NULL && c->body && closing == NULL)
		closing = sending;
	else if (sending != NULL)
		item_again(c, sending, text);
	if (closing == NULL)
		return (0);
	item_settle(closing, OUTCOME_TEMPFAIL);
	report_item(closing, &c->place, "remote", text, 0);
	return (1);
}

void
connection_failed(struct connection *c, const char *text)
{
	struct lane	*lane = c->lane;
	struct item	*item;
	int		 fresh;
	uint32_t	 retry;

	trace_note(c, "%s", text);
	if (source_probe((struct sockaddr *)&c->place.src) ==
	    SOURCE_MISSING) {
		/* gives back all that is in hand there, this one too */
		binding_lost(c->way, (struct sockaddr *)&c->place.src);
		return;
	}
	if (lane->test != NULL) {
		connection_free(c);
		return;
	}
	fresh = c->stage < STAGE_READY ||
	    (c->stage == STAGE_READY && !c->answered);
	if ((item = c->sending) == NULL)
		item = item_after_dot(c);
	retry = item != NULL ? item->rcpts[0].retry : lane_retry(lane);
	if (fresh && c->refused)
		peer_refused(c->way, (struct sockaddr *)&c->place.dst,
		    c->policy.tls, c->place.mx, retry, text);
	else if (fresh)
		peer_failed(c->way, (struct sockaddr *)&c->place.dst,
		    c->place.mx, retry, text);
	if (!connection_settle(c, text) && fresh && lane->nwaiting > 0)
		lane_attempt_failed(lane, &c->place, text);
	connection_free(c);
}

/* Would it be opened like this today? */
static int
connection_current(const struct connection *c)
{
	const struct way_source	*source;
	const struct sockaddr	*src = (const struct sockaddr *)&c->place.src;
	struct policy		 policy;
	char			 ehlo[DOMAIN_MAX];

	if (c->way->conf == NULL)
		return (0);
	/* the password may be another one */
	policy_for(c->lane, c->policy.action, &policy);
	if (c->policy.auth || !policy_same(&policy, &c->policy))
		return (0);
	source = binding_source(c->way, src->sa_family);
	if (source == NULL)
		return (0);
	if (source->addr.ss_family == 0) {
		if (binding_owner(c->way, src) != NULL)
			return (0);
	} else if (!sockaddr_same((const struct sockaddr *)&source->addr, src))
		return (0);
	if (binding_ehlo_by_message(c->way))
		return (1);
	binding_ehlo(c->way, src, "", ehlo, sizeof(ehlo));
	return (strcmp(ehlo, c->place.ehlo) == 0);
}

void
connection_configured(void)
{
	struct connection	*c, *next;

	if (!connections.ready)
		return;
	TAILQ_FOREACH_SAFE(c, &connections.all, all_entry, next) {
		if (connection_current(c))
			continue;
		c->retired = 1;
		if (c->stage == STAGE_IDLE) {
			connection_unpark(c);
			client_quit(c);
		}
	}
}

int
connection_end_retired(struct connection *c)
{
	if (!c->retired || c->sending == NULL)
		return (0);
	connection_give_back(c, "the binding has changed");
	return (1);
}

unsigned int
connection_stop(void)
{
	struct connection	*c, *next;

	if (!connections.ready)
		return (0);
	TAILQ_FOREACH_SAFE(c, &connections.all, all_entry, next) {
		c->retired = 1;
		if (!c->body && item_after_dot(c) == NULL)
			connection_give_back(c, "stopping");
	}
	return (connections.count);
}

void
connection_free_all(void)
{
	struct connection	*c;

	if (!connections.ready)
		return;
	while ((c = TAILQ_FIRST(&connections.all)) != NULL) {
		c->sending = c->ahead = NULL;
		connection_free(c);
	}
}
