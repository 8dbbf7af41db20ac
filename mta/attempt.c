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
 * An attempt: resolve, filter, then one host after another: its state, its
 * site, a token of the rates, a slot, connect.  Each host that fails is a line
 * of the log, and the end is told to queue.  It must never try a host that the
 * binding's configuration keeps it from.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/text.h"
#include "mta/attempt.h"
#include "mta/client.h"
#include "mta/connection.h"
#include "mta/host_state.h"
#include "mta/limit.h"
#include "mta/rate.h"
#include "mta/resolve.h"
#include "mta/route.h"
#include "mta/work.h"

#define ATTEMPTS_MAX	1024		/* no binding has more than are free */
#define RESOLVING_MAX	256		/* that ask DNS */
#define ATTEMPT_SECONDS	600		/* in all */
#define RESOLVE_SECONDS	30
#define LOOK_MOST	300		/* seconds to the next lookup, held */
#define HOSTS_DEFAULT	10
#define AGAIN_SECONDS	60		/* after one too many was turned away */

static struct {
	unsigned int	 count;
	unsigned int	 resolving;
} attempts;

static void	 attempt_run(void *);
static void	 attempt_routed(void *);
static void	 attempt_late(void *);

int
attempt_room(const struct binding *binding)
{
	if (binding != NULL)
		return (limit_share(ATTEMPTS_MAX, attempts.count,
		    binding->attempts));
	return (attempts.count < ATTEMPTS_MAX &&
	    attempts.resolving < RESOLVING_MAX && !mta_log_waits());
}

unsigned int
attempt_waiting(const struct lane *lane)
{
	const struct attempt	*a;
	unsigned int		 n = 0;

	TAILQ_FOREACH(a, &lane->attempts, entry)
		n += a->connection == NULL;
	return (n);
}

unsigned int
attempt_opening(const struct lane *lane, unsigned int *ready)
{
	const struct attempt	*a;
	unsigned int		 n = 0;

	*ready = lane->connections;
	TAILQ_FOREACH(a, &lane->attempts, entry) {
		if (a->connection != NULL &&
		    a->connection->stage >= STAGE_READY)
			continue;
		*ready -= a->connection != NULL;
		n++;
	}
	return (n);
}

static void
attempt_step(struct attempt *a, enum step step)
{
	if (a->step == STEP_RESOLVE)
		attempts.resolving--;
	if (step == STEP_RESOLVE)
		attempts.resolving++;
	a->step = (uint8_t)step;
	a->since = loop_seconds();
	a->asks[0] = '\0';
}

static void
attempt_free(struct attempt *a)
{
	struct lane	*lane = a->lane;

	attempt_step(a, STEP_READY);
	if (a->connection != NULL)
		a->connection->attempt = NULL;
	rate_give(lane, a->reserved);
	loop_timer_cancel(&a->timer);
	loop_job_cancel(&a->job);
	route_free(a->route);
	TAILQ_REMOVE(&lane->attempts, a, entry);
	lane->nattempts--;
	lane->binding->attempts--;
	attempts.count--;
	free(a->order);
	free(a);
	work_release(lane);
	work_wake_all();
}

/* ---- its end */

static void
attempt_tell(struct attempt *a, enum attempt_outcome outcome,
    const char *cause, const char *text, uint32_t wait)
{
	struct ipc		*queue = mta_queue();
	struct attempt_end	 end;

	if (queue == NULL)
		return;
	memset(&end, 0, sizeof(end));
	end.lane = a->lane->id;
	end.outcome = (uint8_t)outcome;
	end.remote = a->remote;
	end.seconds = loop_seconds() - a->began;
	end.wait = wait;
	end.cause = cause;
	end.text = text;
	end.host = a->host[0] == '\0' ? NULL : a->host;
	end.site = a->lane->site;
	ipc_begin(queue, MTA_ATTEMPT);
	attempt_end_put(queue, &end);
	ipc_end(queue);
}

/* The cause that it was held for is over. */
static void
attempt_not_held(struct attempt *a)
{
	if (a->lane->held == NULL)
		return;
	work_free_held(a->lane);
	attempt_tell(a, ATTEMPT_FREE, NULL, NULL, 0);
}

/* Over, and queue knows what there is to do: the lane has no work here. */
static void
attempt_end(struct attempt *a, enum attempt_outcome outcome,
    const char *cause, const char *text, uint32_t wait)
{
	attempt_not_held(a);
	attempt_tell(a, outcome, cause, text, wait);
	a->lane->due = 0;
	attempt_free(a);
}

/* Told once, however often it is found so. */
static void
attempt_hold(struct attempt *a, const char *cause, const char *text,
    const struct sockaddr *dst, uint32_t seconds)
{
	int	 known = a->lane->held != NULL;

	a->remote = 0;
	work_hold(a->lane, dst, seconds);
	if (!known)
		attempt_tell(a, ATTEMPT_HELD, cause, text, 0);
	attempt_free(a);
}

static void
attempt_failed(struct attempt *a, const char *text, int remote)
{
	/* those that work go on: one too many was turned away */
	if (a->lane->connections > 0) {
		work_delay(a->lane, AGAIN_SECONDS);
		attempt_free(a);
		return;
	}
	a->lane->growth = 1;
	a->remote = remote != 0;
	attempt_end(a, ATTEMPT_FAILED, remote ? "remote" : "local", text, 0);
}

/* No host is left. */
static void
attempt_over(struct attempt *a)
{
	char	 text[MTA_TEXT];

	if (a->next < a->norder)
		memo_first(a->lane->binding, a->lane->destination,
		    (const struct sockaddr *)
		    &a->route->hosts[a->order[a->next]].addr);
	strlcpy(text, a->text, sizeof(text));
	if (a->tried > 0 || a->late)
		attempt_failed(a, text, a->remote);
	else if (a->lane->connections > 0)
		attempt_failed(a, text, 1);
	else if (a->until != 0)
		attempt_end(a, ATTEMPT_WAIT, a->remote ? "remote" : "local",
		    text, a->until > loop_seconds() ?
		    a->until - loop_seconds() : 1);
	else
		attempt_hold(a, "local", text,
		    (const struct sockaddr *)&a->unreached, 1);
}

/* ---- hosts */

void
attempt_log_host(const struct lane *lane, const struct place *place,
    int remote, const char *text)
{
	struct logline	 l;

	logline_start(&l, "unreachable");
	logline_add(&l, "binding", "%s", lane->binding->name);
	logline_add(&l, "destination", "%s", lane->destination);
	if (place->src.ss_family != 0)
		logline_add(&l, "src", "%s",
		    sockaddr_text((const struct sockaddr *)&place->src));
	logline_add(&l, "mx", "%s", place->mx);
	logline_add(&l, "dst", "%s",
	    sockaddr_text_port((const struct sockaddr *)&place->dst));
	logline_add(&l, "cause", "%s", remote ? "remote" : "local");
	logline_text(&l, "stat", text);
	logline_end(&l);
}

static void
note(struct attempt *a, const char *host, int remote, const char *text)
{
	strlcpy(a->text, text, sizeof(a->text));
	strlcpy(a->host, host, sizeof(a->host));
	a->remote = remote != 0;
}

void
attempt_host_failed(struct attempt *a, const struct connection *c,
    const char *text)
{
	attempt_log_host(a->lane, &c->place, 1, text);
	note(a, c->place.mx, 1, text);
	a->connection = NULL;
	a->tried++;
	a->next++;
	attempt_step(a, STEP_TURN);
	loop_job_queue(&a->job);
}

/* What a host did comes before what this one lacks. */
static void
host_unreached(struct attempt *a, const struct route_host *host,
    const char *why)
{
	if (a->tried == 0 && a->until == 0)
		note(a, host->name, 0, why == NULL ? "address missing" : why);
	a->local++;
	a->unreached = host->addr;
}

/* Nothing could be sent there, for a cause of this host. */
static void
host_local(struct attempt *a, const struct route_host *host,
    const struct place *place, enum source_error error)
{
	const struct sockaddr	*dst = (const struct sockaddr *)&host->addr;
	const char		*owner;
	char			 text[MTA_TEXT];

	switch (error) {
	case SOURCE_MISSING:
	case SOURCE_PORTS:
		binding_down(a->lane->binding, dst->sa_family, error);
		strlcpy(text, error == SOURCE_PORTS ? "ports exhausted" :
		    "address missing", sizeof(text));
		break;
	case SOURCE_FOREIGN:
		owner = binding_owner(a->lane->binding,
		    (const struct sockaddr *)&place->src);
		snprintf(text, sizeof(text), "address of binding %s",
		    owner == NULL ? "?" : owner);
		break;
	case SOURCE_ROUTE:
		snprintf(text, sizeof(text), "no route to %s",
		    sockaddr_text(dst));
		break;
	default:
		snprintf(text, sizeof(text), "connect to %s: %s",
		    sockaddr_text_port(dst), strerror(errno));
		host_state_failed(a->lane->binding, dst,
		    TLS_POLICY_OPPORTUNISTIC, host->name, 1, text);
		attempt_log_host(a->lane, place, 1, text);
		note(a, host->name, 1, text);
		a->tried++;
		return;
	}
	host_unreached(a, host, text);
}

/* In back-off: as good as failed, its reason told again. */
static int
host_backs_off(struct attempt *a, const struct route_host *host)
{
	const struct sockaddr	*dst = (const struct sockaddr *)&host->addr;
	struct host_state	*state;
	uint32_t		 now = loop_seconds();

	state = host_state_find(a->lane->binding, dst);
	if (state == NULL || state->until <= now) {
		state = a->policy.tls == TLS_POLICY_OPPORTUNISTIC ? NULL :
		    host_state_find_tls(a->lane->binding, dst,
		    a->policy.tls);
		if (state == NULL || state->until <= now)
			return (0);
	}
	if (a->tried == 0)
		note(a, state->host, state->remote, state->text);
	if (a->until == 0 || state->until < a->until)
		a->until = state->until;
	return (1);
}

/* The lane waits, and begins anew: what failed until now is in back-off. */
static void
attempt_wait(struct attempt *a, struct line *line)
{
	work_wait(a->lane, line);
	attempt_free(a);
}

/* Others are trying it: what they find out is waited for. */
static int
host_on_trial(struct attempt *a, const struct route_host *host)
{
	struct host_state	*state;

	state = host_state_find(a->lane->binding,
	    (const struct sockaddr *)&host->addr);
	if (state == NULL || host_state_ready(state))
		return (0);
	attempt_wait(a, &state->line);
	return (1);
}

static void
attempt_attach(struct attempt *a, struct connection *c)
{
	attempt_not_held(a);
	a->connection = c;
	c->attempt = a;
	connection_pull(c);
}

/* Open a connection: 0; -1: the next host. */
static int
host_connect(struct attempt *a, const struct route_host *host)
{
	struct place		 place;
	enum source_error	 error;

	error = connection_open(a->lane, host, a->lane->want_sender,
	    &a->policy, &place, &a->connection);
	if (error == SOURCE_OK) {
		a->connection->attempt = a;
		a->connection->reserved = a->reserved;
		a->reserved = 0;
		attempt_not_held(a);
		return (0);
	}
	if (error == SOURCE_RESOURCE || (error == SOURCE_PORTS &&
	    a->lane->connections > 0)) {
		/* what is open can carry it */
		log_warn("connect to %s", sockaddr_text_port(
		    (const struct sockaddr *)&host->addr));
		work_delay(a->lane, 1);
		attempt_free(a);
		return (0);
	}
	host_local(a, host, &place, error);
	return (-1);
}

/* What has to be there before a connection; 0: it is waited for, or over. */
static int
host_prepare(struct attempt *a, const struct route_host *host)
{
	const struct site	*site;
	struct connection	*c;
	struct line		*line;

	site = config_site_of_mx(mta_config(), host->name);
	work_set_site(a->lane, site);
	if (work_site_suspended(a->lane, site)) {
		attempt_end(a, ATTEMPT_SUSPENDED, "suspend", "its hosts' "
		    "site is suspended", 0);
		return (0);
	}
	if (host_on_trial(a, host))
		return (0);
	if (a->reserved == 0 &&
	    (a->reserved = rate_take(a->lane, 1, a->served)) == 0) {
		attempt_wait(a, rate_line(a->lane));
		return (0);
	}
	a->served = 0;
	c = connection_reuse(a->lane, host, a->lane->want_sender,
	    &a->policy);
	if (c != NULL) {
		c->reserved = a->reserved;
		a->reserved = 0;
		attempt_attach(a, c);
		return (0);
	}
	if ((line = limit_line(a->lane)) == NULL)
		return (1);
	attempt_wait(a, line);
	return (0);
}

static uint32_t
hosts_max(const struct lane *lane)
{
	int64_t	 n = binding_option(lane->binding, NULL,
	    OPTION_MAX_HOSTS)->number;

	return (n < 1 ? HOSTS_DEFAULT : (uint32_t)n);
}

/* One host after another, until something is under way or none is left. */
static void
attempt_run(void *arg)
{
	struct attempt			*a = arg;
	const struct route_host		*host;

	if (a->connection != NULL)
		return;
	attempt_step(a, STEP_TURN);
	for (; a->next < a->norder && !a->late &&
	    a->tried < hosts_max(a->lane); a->next++) {
		host = &a->route->hosts[a->order[a->next]];
		if (host_backs_off(a, host))
			continue;
		if (!binding_usable(a->lane->binding, host->addr.ss_family)) {
			host_unreached(a, host,
			    binding_reason(a->lane->binding));
			continue;
		}
		if (!host_prepare(a, host) || host_connect(a, host) == 0)
			return;
	}
	attempt_over(a);
}

/* ---- the route */

static int
compare_order(const struct attempt *a, uint16_t x, uint16_t y)
{
	const struct route_host	*p = &a->route->hosts[x];
	const struct route_host	*q = &a->route->hosts[y];
	const struct lane	*lane = a->lane;
	int			 i, j;

	i = memo_is_last(lane->binding, lane->destination,
	    (const struct sockaddr *)&p->addr);
	j = memo_is_last(lane->binding, lane->destination,
	    (const struct sockaddr *)&q->addr);
	if (i != j)
		return (i - j);
	return ((int)p->preference - (int)q->preference);
}

/* The first n, by so many turns. */
static void
rotate(struct attempt *a, size_t n, size_t turns)
{
	uint16_t	 first;

	for (; n > 1 && turns > 0; turns--) {
		first = a->order[0];
		memmove(a->order, a->order + 1, (n - 1) * sizeof(first));
		a->order[n - 1] = first;
	}
}

/*
 * Where the last attempt had more hosts than it could try, this one begins
 * with those; else among equals each is the first in its turn.
 */
static void
attempt_rotate(struct attempt *a)
{
	const struct lane	*lane = a->lane;
	size_t			 i, n = 1;

	for (i = 0; i < a->norder; i++)
		if (memo_is_first(lane->binding, lane->destination,
		    (const struct sockaddr *)
		    &a->route->hosts[a->order[i]].addr)) {
			rotate(a, a->norder, i);
			return;
		}
	while (n < a->norder && compare_order(a, a->order[0],
	    a->order[n]) == 0)
		n++;
	rotate(a, n, n > 1 ? a->lane->turn++ % n : 0);
}

/* The hosts that it may try, in order; why others are not among them. */
static void
attempt_choose(struct attempt *a, int *hops)
{
	const struct next_hops	*allowed;
	const struct sockaddr	*dst;
	const struct route	*r = a->route;
	int			 family;
	size_t			 i, j;

	*hops = 0;
	if ((a->order = calloc(r->count + 1, sizeof(*a->order))) == NULL)
		fatal("calloc");
	family = (int)work_option(a->lane, OPTION_FAMILY)->number;
	allowed = work_option(a->lane, OPTION_NEXT_HOPS)->hops;
	for (i = 0; i < r->count; i++) {
		dst = (const struct sockaddr *)&r->hosts[i].addr;
		if (binding_source(a->lane->binding, dst->sa_family) ==
		    NULL || (family != AF_UNSPEC && family != dst->sa_family))
			continue;
		if (!route_hop_allowed(allowed, dst)) {
			*hops = 1;
			continue;
		}
		/* sorted by insertion: they come nearly sorted */
		for (j = a->norder++; j > 0 && compare_order(a,
		    a->order[j - 1], (uint16_t)i) > 0; j--)
			a->order[j] = a->order[j - 1];
		a->order[j] = (uint16_t)i;
		if (a->lane->now)
			host_state_forgive(a->lane->binding, dst);
	}
	a->lane->now = 0;
	attempt_rotate(a);
}

static void
attempt_filtered(struct attempt *a, int hops)
{
	uint32_t	 ttl = a->route->expires - loop_seconds();

	if (ttl > LOOK_MOST)
		ttl = LOOK_MOST;
	if (hops)
		attempt_hold(a, "next-hops", "no host of the destination is "
		    "among the next-hops", NULL, ttl);
	else if (a->route->failed)
		attempt_failed(a, a->route->text, 0);
	else
		attempt_hold(a, "family", "no host of the destination has an "
		    "address of the binding's family", NULL, ttl);
}

static void
attempt_routed(void *arg)
{
	struct attempt	*a = arg;
	char		 text[MTA_TEXT];
	int		 hops;

	attempt_step(a, STEP_TURN);
	loop_timer_set(&a->timer, ATTEMPT_SECONDS);
	strlcpy(text, a->route->text, sizeof(text));
	switch (a->route->status) {
	case ROUTE_OK:
		attempt_choose(a, &hops);
		if (a->norder == 0)
			attempt_filtered(a, hops);
		else
			attempt_run(a);
		break;
	case ROUTE_PERMFAIL:
		attempt_end(a, ATTEMPT_NO_HOST, "local", text, 0);
		break;
	default:
		attempt_failed(a, text, 0);
		break;
	}
}

/* Families that its binding has; of others no address is asked for. */
static int
families(const struct lane *lane)
{
	int	 mask = 0;

	if (binding_source(lane->binding, AF_INET) != NULL)
		mask |= 1 << FAMILY_INET4;
	if (binding_source(lane->binding, AF_INET6) != NULL)
		mask |= 1 << FAMILY_INET6;
	return (mask);
}

static void
attempt_resolve(struct attempt *a)
{
	const struct config	*conf = mta_config();
	const struct action	*action;
	const char		*relay = NULL;
	int			 port = conf->mta_port;

	action = config_action(conf, a->lane->want_action);
	if (action != NULL && action->relay_host != NULL) {
		relay = action->relay_host;
		if (action->relay_port != 0)
			port = action->relay_port;
	}
	attempt_step(a, STEP_RESOLVE);
	strlcpy(a->asks, relay != NULL ? relay : a->lane->destination,
	    sizeof(a->asks));
	loop_timer_set(&a->timer, mta_timeout(RESOLVE_SECONDS));
	a->route = route_find(a->lane->destination, relay,
	    port == 0 ? 25 : port, families(a->lane), a->lane->now,
	    attempt_routed, a);
}

/* ---- its life */

/* One that is idle needs no route, but a token of the rates.  0: none is. */
static int
attempt_idle(struct attempt *a)
{
	struct connection	*c;

	if (!connection_has_idle(a->lane))
		return (0);
	if (a->reserved == 0 &&
	    (a->reserved = rate_take(a->lane, 1, a->served)) == 0) {
		attempt_wait(a, rate_line(a->lane));
		return (1);
	}
	c = connection_reuse(a->lane, NULL, a->lane->want_sender,
	    &a->policy);
	if (c == NULL)
		return (0);
	c->reserved = a->reserved;
	a->reserved = 0;
	attempt_attach(a, c);
	return (1);
}

void
attempt_new(struct lane *lane)
{
	struct attempt	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		fatal("calloc");
	a->lane = lane;
	a->began = a->since = loop_seconds();
	loop_timer_init(&a->timer, attempt_late, a);
	loop_job_init(&a->job, attempt_run, a);
	a->served = lane->served;
	lane->served = 0;
	policy_for(lane, lane->want_action, &a->policy);
	TAILQ_INSERT_TAIL(&lane->attempts, a, entry);
	lane->nattempts++;
	lane->binding->attempts++;
	attempts.count++;
	if (attempt_idle(a))
		return;
	if (lane->connections < work_limit(lane))
		attempt_resolve(a);
	else {
		/* what is idle is of no use to the first in line */
		connection_quit_idle(lane);
		attempt_free(a);
	}
}

/* DNS has not answered, or the whole took too long. */
static void
attempt_late(void *arg)
{
	struct attempt	*a = arg;
	char		 text[MTA_TEXT];

	if (a->step == STEP_RESOLVE) {
		snprintf(text, sizeof(text), "451 4.4.3 the name servers did "
		    "not answer for %s", a->asks);
		attempt_failed(a, text, 0);
		return;
	}
	a->late = 1;
	if (a->connection == NULL)
		loop_job_queue(&a->job);
	else if (a->connection->stage < STAGE_READY)
		connection_failed(a->connection, "it took too long");
}

void
attempt_good(struct attempt *a)
{
	memo_first(a->lane->binding, a->lane->destination, NULL);
	attempt_free(a);
}

void
attempt_withdraw(struct attempt *a)
{
	struct connection	*c = a->connection;

	if (c != NULL && c->stage < STAGE_READY) {
		c->attempt = NULL;
		a->connection = NULL;
		connection_end(c, "not wanted any more");
	}
	attempt_free(a);
}

void
attempt_reconfigured(struct attempt *a)
{
	if (a->connection == NULL)
		attempt_free(a);
}

int
attempt_routable(const struct lane *lane, const struct sockaddr *dst)
{
	const struct binding_source	*source;
	const struct sockaddr		*src = NULL;
	struct sockaddr_storage		 local;

	if (!binding_usable(lane->binding, dst->sa_family))
		return (0);
	source = binding_source(lane->binding, dst->sa_family);
	if (source->addr.ss_family != 0)
		src = (const struct sockaddr *)&source->addr;
	if (source_route(src, dst, &local) != SOURCE_OK)
		return (0);
	return (src != NULL || binding_owner(lane->binding,
	    (struct sockaddr *)&local) == NULL);
}

void
attempt_doing(const struct attempt *a, struct doing *d, char *buf,
    size_t size)
{
	memset(d, 0, sizeof(*d));
	d->lane = a->lane->id;
	d->step = a->step;
	d->number = loop_seconds() - a->since;
	d->text = a->asks;
	if (a->connection != NULL)
		connection_doing(a->connection, d, buf, size);
}
