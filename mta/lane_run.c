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
 * What to do for an open lane: find the route, use or open a connection, or
 * close the lane and say why.  Called at the end of a turn in which something
 * changed for it.  A host that fails costs one try of one task; the others go
 * back to queue unsent until it is time to try again.  A local cause costs
 * nothing.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "mta/lane.h"

#define LANE_FILTER_WAIT	300	/* no host for it: look again */
#define LANE_SEARCH		32	/* items looked at for one that fits */

static void
lane_route_done(void *arg)
{
	lane_wake(arg);
}

/*
 * The site by the host that was chosen: queue has to know it first, for it
 * may be suspended.  1: its word is waited for.
 */
static int
lane_site_ask(struct lane *lane, const struct site *site)
{
	struct ipc	*queue = mta_queue();
	const char	*name = site == NULL ? "" : site->name;

	if (queue == NULL || strcmp(lane->site, name) == 0 ||
	    config_site_of(mta_config(), lane->destination) != NULL)
		return (0);
	strlcpy(lane->site, name, sizeof(lane->site));
	lane->asking = 1;
	ipc_begin(queue, MTA_SITE);
	ipc_put_u32(queue, lane->id);
	ipc_put_str(queue, site == NULL ? NULL : name);
	ipc_end(queue);
	return (1);
}

/* The route if it is known; else it is being asked for. */
static struct route *
lane_route(struct lane *lane)
{
	const struct config	*conf = mta_config();
	const struct action	*action;
	const char		*relay = NULL;
	int			 port = conf->mta_port;

	if (lane->route != NULL && lane->route->status != ROUTE_PENDING &&
	    loop_seconds() > lane->route->expires) {
		route_free(lane->route);
		lane->route = NULL;
	}
	if (lane->route == NULL) {
		action = config_action(conf,
		    TAILQ_FIRST(&lane->waiting)->action);
		if (action != NULL && action->relay_host != NULL) {
			relay = action->relay_host;
			if (action->relay_port != 0)
				port = action->relay_port;
		}
		lane->route = route_find(lane->destination, relay,
		    port == 0 ? 25 : port, lane_route_done, lane);
	}
	return (lane->route->status == ROUTE_PENDING ? NULL : lane->route);
}

/* One task pays for what was tried in vain; the rest waits. */
static void
lane_exhausted(struct lane *lane, const struct peer *peer)
{
	struct attempt	*attempt = lane->attempt;
	uint32_t	 wait = peer->until - loop_seconds();
	struct item	*item;
	char		 text[MTA_TEXT];

	strlcpy(text, peer->text, sizeof(text));
	if (attempt != NULL && (item = lane_pop(lane)) != NULL) {
		item_settle(item, OUTCOME_TEMPFAIL);
		report_item(item, &attempt->place, "remote", attempt->text, 0);
		free(attempt);
		lane->attempt = NULL;
	}
	lane_shut(lane, "remote", text, wait > 0 ? wait : 1, 1);
}

/* A local cause: the first in line is named in the log. */
static void
lane_hold(struct lane *lane, const char *cause, const char *text,
    uint32_t seconds, int probing)
{
	const struct item	*item = TAILQ_FIRST(&lane->waiting);

	if (item != NULL && !lane->closed)
		report_held(item, NULL, cause, text);
	lane->probing = probing;
	lane_shut(lane, cause, text, seconds, 0);
}

/* The route is known to lead nowhere. */
static void
lane_no_route(struct lane *lane, const struct route *r)
{
	uint32_t	 wait = lane_retry(lane);
	struct item	*item;
	char		 text[MTA_TEXT];

	strlcpy(text, r->text, sizeof(text));
	if (r->status == ROUTE_PERMFAIL) {
		while ((item = lane_pop(lane)) != NULL) {
			item_settle(item, OUTCOME_PERMFAIL);
			report_item(item, NULL, "remote", text, 0);
		}
		return;
	}
	if (wait > LANE_DNS_WAIT)
		wait = LANE_DNS_WAIT;
	if ((item = lane_pop(lane)) != NULL) {
		item_settle(item, OUTCOME_TEMPFAIL);
		report_item(item, NULL, "remote", text, 0);
	}
	route_free(lane->route);
	lane->route = NULL;
	lane_shut(lane, "remote", text, wait > 0 ? wait : 1, 1);
}

static void
lane_no_host(struct lane *lane, enum pick pick, const struct peer *peer)
{
	/* one too many was turned away: those that work go on */
	if (lane->connections > 0 && pick == PICK_WAIT) {
		free(lane->attempt);
		lane->attempt = NULL;
		return;
	}
	switch (pick) {
	case PICK_WAIT:
		lane_exhausted(lane, peer);
		break;
	case PICK_ROUTE:
		lane_hold(lane, "local", peer->text, LANE_PROBE, 1);
		break;
	case PICK_DOWN:
		lane_hold(lane, "local", binding_reason(lane->way),
		    LANE_PROBE, 1);
		break;
	case PICK_HOPS:
		lane_hold(lane, "next-hops", "no host of the destination is "
		    "among the next-hops", LANE_FILTER_WAIT, 0);
		break;
	default:
		/* perhaps it has one, and the question was not answered */
		if (lane->route->failed) {
			lane_no_route(lane, lane->route);
			break;
		}
		lane_hold(lane, "family", "no host of the destination has an "
		    "address of the binding's family", LANE_FILTER_WAIT, 0);
		break;
	}
}

static void
lane_local_failure(struct lane *lane, const struct sockaddr *dst,
    const struct place *place, enum source_error error)
{
	const char	*owner;
	char		 text[MTA_TEXT];

	switch (error) {
	case SOURCE_MISSING:
	case SOURCE_PORTS:
		binding_down(lane->way, dst->sa_family, error);
		break;
	case SOURCE_FOREIGN:
		owner = binding_owner(lane->way,
		    (const struct sockaddr *)&place->src);
		snprintf(text, sizeof(text), "address of binding %s",
		    owner == NULL ? "?" : owner);
		peer_unroutable(lane->way, dst, text);
		break;
	case SOURCE_ROUTE:
		snprintf(text, sizeof(text), "no route to %s",
		    sockaddr_text(dst));
		peer_unroutable(lane->way, dst, text);
		break;
	default:
		snprintf(text, sizeof(text), "connect to %s: %s",
		    sockaddr_text_port(dst), strerror(errno));
		peer_failed(lane->way, dst, place->mx, lane_retry(lane), text);
		lane_attempt_failed(lane, place, text);
	}
}

/* Try to open one.  -1: no more for now. */
static int
lane_connect(struct lane *lane, const struct route_host *host,
    const struct policy *policy)
{
	const struct sockaddr	*dst = (const struct sockaddr *)&host->addr;
	struct place		 place;
	enum source_error	 error;

	error = connection_open(lane, host,
	    TAILQ_FIRST(&lane->waiting)->sender, policy, &place);
	switch (error) {
	case SOURCE_OK:
		return (0);
	case SOURCE_PORTS:
		/* what is open can carry it */
		if (lane->connections > 0) {
			lane_wait(lane);
			return (-1);
		}
		break;
	case SOURCE_RESOURCE:
		log_warn("connect to %s", sockaddr_text_port(dst));
		lane_wait(lane);
		return (-1);
	default:
		break;
	}
	lane_local_failure(lane, dst, &place, error);
	return (0);
}

/* It failed there before: what is open goes ahead and tells how it is now. */
static int
lane_probes(const struct lane *lane, const struct route_host *host)
{
	const struct peer	*peer;

	peer = peer_find(lane->way, (const struct sockaddr *)&host->addr);
	return (peer != NULL && peer->failures > 0 &&
	    lane->connections >= lane->growth);
}

/* One step towards more connections.  -1: nothing more to do for now. */
static int
lane_step(struct lane *lane)
{
	const struct route_host	*host;
	const struct route	*r;
	const struct item	*first = TAILQ_FIRST(&lane->waiting);
	const struct site	*site;
	struct connection	*c;
	struct policy		 policy;
	struct peer		*peer;
	enum pick		 pick;

	if (rate_hold(lane))
		return (-1);
	policy_for(lane, first->action, &policy);
	c = connection_reuse(lane, NULL, first->sender, &policy);
	if (c != NULL) {
		client_push(c);
		return (0);
	}
	if (lane->nwaiting <= lane->opening || lane->opening >= lane->growth)
		return (-1);
	if ((r = lane_route(lane)) == NULL)
		return (-1);
	if (r->status != ROUTE_OK) {
		lane_no_route(lane, r);
		return (-1);
	}
	pick = pick_host(lane, r, &host, &site, &peer);
	if (pick == PICK_BUSY)
		lane_block(lane);
	else if (pick != PICK_HOST && lane->opening == 0)
		lane_no_host(lane, pick, peer);
	if (pick != PICK_HOST || lane_site_ask(lane, site) ||
	    lane_probes(lane, host))
		return (-1);
	c = connection_reuse(lane, host, first->sender, &policy);
	if (c != NULL) {
		client_push(c);
		return (0);
	}
	if (!limit_room(lane)) {
		lane_block(lane);
		return (-1);
	}
	return (lane_connect(lane, host, &policy));
}

/* What no connection could carry is told at once. */
static void
lane_refuse_unknown(struct lane *lane)
{
	struct item	*item, *next;
	char		 text[MTA_TEXT];

	TAILQ_FOREACH_SAFE(item, &lane->waiting, entry, next) {
		if (config_action(mta_config(), item->action) != NULL)
			continue;
		TAILQ_REMOVE(&lane->waiting, item, entry);
		lane->nwaiting--;
		snprintf(text, sizeof(text), "unknown action %s",
		    item->action);
		item_settle(item, OUTCOME_HELD);
		report_item(item, NULL, "local", text, 0);
	}
}

void
lane_run(void *arg)
{
	struct lane	*lane = arg;
	char		 text[MTA_TEXT];

	if (lane->closed || lane->gone || lane->asking)
		return;
	if (lane->way->conf == NULL) {
		snprintf(text, sizeof(text), "unknown binding %s",
		    lane->way->name);
		lane_hold(lane, "local", text, LANE_FILTER_WAIT, 0);
		return;
	}
	if (lane->route == NULL)
		lane_refuse_unknown(lane);
	while (!lane->closed && lane->nwaiting > 0)
		if (lane_step(lane) == -1)
			break;
}

/* Would it be opened like this for the item? */
static int
lane_fits(const struct lane *lane, const struct item *item,
    const struct connection *c)
{
	struct policy	 policy;
	char		 ehlo[DOMAIN_MAX];

	policy_for(lane, item->action, &policy);
	if (!policy_same(&policy, &c->policy))
		return (0);
	binding_ehlo(c->way, (const struct sockaddr *)&c->place.src,
	    item->sender, ehlo, sizeof(ehlo));
	return (strcmp(ehlo, c->place.ehlo) == 0);
}

struct item *
lane_take(struct lane *lane, struct connection *c)
{
	struct item	*item;
	int		 n = 0;

	if (lane->closed || lane->asking || c->way->conf == NULL ||
	    lane->nwaiting == 0 || rate_hold(lane))
		return (NULL);
	TAILQ_FOREACH(item, &lane->waiting, entry) {
		if (lane_fits(lane, item, c))
			break;
		if (++n >= LANE_SEARCH)
			return (NULL);
	}
	if (item == NULL)
		return (NULL);
	TAILQ_REMOVE(&lane->waiting, item, entry);
	lane->nwaiting--;
	item->connection = c;
	if (!item->counted)
		rate_count(lane, item->nrcpts);
	item->counted = 1;
	return (item);
}

void
lane_attempt_failed(struct lane *lane, const struct place *place,
    const char *text)
{
	if (lane->attempt == NULL &&
	    (lane->attempt = malloc(sizeof(*lane->attempt))) == NULL)
		fatal("lane_attempt_failed");
	lane->attempt->place = *place;
	strlcpy(lane->attempt->text, text, sizeof(lane->attempt->text));
	lane->growth = 1;
	lane_wake(lane);
}

void
lane_grow(struct lane *lane)
{
	free(lane->attempt);
	lane->attempt = NULL;
	if (lane->growth < lane_limit(lane))
		lane->growth++;
	if (lane->nwaiting > 0)
		lane_wake(lane);
}
