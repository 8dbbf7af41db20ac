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
 * "test binding B to X": the way of a binding's mail to a destination, walked
 * without a message: DNS, filters, route, bind, connect, EHLO, TLS, AUTH,
 * QUIT, by the same code, shown as it happens.  Each test has a lane of its
 * own that queue does not know; what happens to it changes no state of the
 * mail's.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/ipc.h"
#include "mta/client.h"
#include "mta/host_state.h"
#include "mta/mta.h"
#include "mta/route.h"
#include "mta/test.h"
#include "mta/trace.h"
#include "mta/work.h"

#define TESTS_MAX	16		/* at once */

struct test {
	TAILQ_ENTRY(test) entry;
	uint32_t	 client;	/* of queue's control socket */
	int		 gone;		/* nobody listens: end it */
	int		 reached;	/* a host said yes to all of it */
	size_t		 next;		/* host of the route */
	struct loop_job	 job;
	struct policy	 policy;
	struct route	*route;
	struct lane	 lane;
};
TAILQ_HEAD(tests, test);

static struct {
	struct tests	 all;
	unsigned int	 count;
} tests = { .all = TAILQ_HEAD_INITIALIZER(tests.all) };

static void
test_free(struct test *t)
{
	TAILQ_REMOVE(&tests.all, t, entry);
	tests.count--;
	trace_end(t->client);
	loop_job_cancel(&t->job);
	route_free(t->route);
	work_set_site(&t->lane, NULL);
	free(t->lane.destination);
	free(t);
}

/* The last line of the answer. */
static void
test_finish(struct test *t, int good, const char *text)
{
	answer_text(t->client, good ? "." : "!", 0, "%s", text);
	test_free(t);
}

/* Why this host gets no connection at all, or NULL. */
static const char *
test_objection(struct test *t, const struct route_host *host)
{
	const struct sockaddr		*dst;
	const struct binding_source	*source;
	const struct host_state		*state;
	int				 family;

	dst = (const struct sockaddr *)&host->addr;
	family = (int)work_option(&t->lane, OPTION_FAMILY)->number;
	source = binding_source(t->lane.binding, dst->sa_family);
	if (source == NULL ||
	    (family != AF_UNSPEC && family != dst->sa_family))
		return ("the binding has no address of this family");
	if (!route_hop_allowed(work_option(&t->lane,
	    OPTION_NEXT_HOPS)->hops, dst))
		return ("not among the next-hops");
	if (!source->up)
		return (source->reason);
	/* a test does not wait, and says so */
	state = host_state_find(t->lane.binding, dst);
	if (state != NULL && state->until > loop_seconds())
		answer_text(t->client, "-", 1, "mail waits %us for it: %s",
		    state->until - loop_seconds(), state->text);
	return (NULL);
}

static void
test_local_failure(struct test *t, const struct place *place,
    enum source_error error)
{
	const char	*owner;

	switch (error) {
	case SOURCE_MISSING:
		answer_text(t->client, "-", 1, "address missing");
		break;
	case SOURCE_PORTS:
		answer_text(t->client, "-", 1, "ports exhausted");
		break;
	case SOURCE_ROUTE:
		answer_text(t->client, "-", 1, "no route from there");
		break;
	case SOURCE_FOREIGN:
		owner = binding_owner(t->lane.binding,
		    (const struct sockaddr *)&place->src);
		answer_text(t->client, "-", 1, "address of binding %s",
		    owner == NULL ? "?" : owner);
		break;
	default:
		answer_text(t->client, "-", 1, "connect: %s",
		    strerror(errno));
		break;
	}
}

/* 0: a connection is under way. */
static int
test_host(struct test *t, const struct route_host *host)
{
	struct place		 place;
	enum source_error	 error;
	const struct site	*site;
	struct connection	*c;
	const char		*why;

	site = config_site_of_mx(mta_config(), host->name);
	work_set_site(&t->lane, site);
	answer_text(t->client, "-", 1, "host %s (%s) preference %u%s",
	    host->name,
	    sockaddr_text_port((const struct sockaddr *)&host->addr),
	    host->preference, host->dane != NULL ? ", TLSA records" : "");
	why = test_objection(t, host);
	if (why == NULL && !limit_room(&t->lane))
		why = "no connection is free under the limits";
	if (why != NULL) {
		answer_text(t->client, "-", 1, "not used: %s", why);
		return (-1);
	}
	error = connection_open(&t->lane, host, "", &t->policy, &place, &c);
	if (error == SOURCE_OK)
		return (0);
	test_local_failure(t, &place, error);
	return (-1);
}

/* The next step, when a route is found or a connection has ended. */
static void
test_run(void *arg)
{
	struct test		*t = arg;
	const struct route	*r = t->route;
	char			 text[MTA_TEXT + 32];

	if (t->gone)
		test_free(t);
	else if (t->reached)
		test_finish(t, 1, "reached");
	else if (r->status != ROUTE_OK) {
		snprintf(text, sizeof(text), "DNS: %s", r->text);
		test_finish(t, 0, text);
	} else {
		while (t->next < r->count && t->lane.binding->conf != NULL) {
			if (test_host(t, &r->hosts[t->next++]) == 0)
				return;
		}
		test_finish(t, 0, "no host was reached");
	}
}

void
test_ready(struct test *t)
{
	t->reached = 1;
}

void
test_closed(struct test *t)
{
	loop_job_queue(&t->job);
}

static void
test_routed(void *arg)
{
	struct test	*t = arg;

	loop_job_queue(&t->job);
}

void
test_end(uint32_t client)
{
	struct test	*t, *next;

	TAILQ_FOREACH_SAFE(t, &tests.all, entry, next) {
		if (t->client != client)
			continue;
		t->gone = 1;
		if (t->lane.connections == 0)
			test_free(t);
	}
}

void
test_end_all(void)
{
	struct test	*t;

	/* their connections have been closed */
	while ((t = TAILQ_FIRST(&tests.all)) != NULL)
		test_free(t);
}

/* An action whose relay host is written like this, or NULL. */
static const struct action *
test_action(const char *where)
{
	const struct action	*a;

	TAILQ_FOREACH(a, &mta_config()->actions, entry)
		if (a->host != NULL && strcmp(a->host, where) == 0)
			return (a);
	return (NULL);
}

/*
 * DOMAIN, HOST:PORT, [ADDRESS]:PORT or an address, in place: the host, with
 * the port cut off; -1.
 */
static int
test_port(char *where, int *port)
{
	struct sockaddr_storage	 addr;
	const char		*error;
	char			*p;

	*port = 0;
	if (sockaddr_parse(where, &addr) == 0)
		return (0);		/* an IPv6 address has colons */
	if ((p = strrchr(where, ':')) != NULL) {
		*p++ = '\0';
		*port = (int)strtonum(p, 1, 65535, &error);
		if (error != NULL)
			return (-1);
	}
	return (sockaddr_parse(where, &addr) == -1 && !domain_valid(where) ?
	    -1 : 0);
}

/* Begin to ask for the binding; -1: where is no place. */
static int
test_route(struct test *t, const char *where)
{
	const struct action	*action = test_action(where);
	char			 host[DOMAIN_MAX + 16];
	int			 port;

	if (action != NULL) {
		port = action->relay_port;
		strlcpy(host, action->relay_host, sizeof(host));
	} else if (strlcpy(host, where, sizeof(host)) >= sizeof(host) ||
	    test_port(host, &port) == -1)
		return (-1);
	t->lane.destination = strdup(action != NULL ? where : host);
	if (t->lane.destination == NULL)
		fatal("test_route");
	policy_for(&t->lane, action == NULL ? "" : action->name, &t->policy);
	/* who names a port means that host, not its mail exchangers */
	t->route = route_find(t->lane.destination,
	    action != NULL || port != 0 ? host : NULL,
	    port != 0 ? port : mta_config()->mta_port != 0 ?
	    mta_config()->mta_port : 25, 1 << FAMILY_INET4 |
	    1 << FAMILY_INET6, 1, test_routed, t);
	return (0);
}

static struct test *
test_new(uint32_t client, struct binding *binding)
{
	struct test	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		fatal("test_new");
	t->client = client;
	t->lane.binding = binding;
	t->lane.test = t;
	t->lane.growth = 1;
	TAILQ_INIT(&t->lane.attempts);
	loop_job_init(&t->job, test_run, t);
	TAILQ_INSERT_TAIL(&tests.all, t, entry);
	tests.count++;
	return (t);
}

/* test binding B to DOMAIN|HOST[:PORT] */
void
test_command(uint32_t client, const char **words, uint32_t count)
{
	struct test	*t;
	char		 text[MTA_TEXT];

	if (count != 5 || strcmp(words[1], "binding") != 0 ||
	    strcmp(words[3], "to") != 0) {
		answer_text(client, "!", 0,
		    "usage: test binding B to DOMAIN|HOST[:PORT]");
		return;
	}
	if (config_binding(mta_config(), words[2]) == NULL ||
	    strcmp(words[2], "*") == 0) {
		answer_text(client, "!", 0, "no binding %s", words[2]);
		return;
	}
	if (tests.count >= TESTS_MAX) {
		answer_text(client, "!", 0, "too many tests are running");
		return;
	}
	t = test_new(client, binding_get(words[2]));
	if (trace_start(client, t->lane.binding, NULL, &t->lane) == -1)
		test_finish(t, 0, "too many are tracing already");
	else if (test_route(t, words[4]) == -1) {
		snprintf(text, sizeof(text), "%s: neither a domain nor a "
		    "host", words[4]);
		test_finish(t, 0, text);
	}
}
