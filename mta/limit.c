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
 * Connections counted where several lanes or bindings share a limit: a site,
 * a destination over all bindings, the server.  Each counter knows what every
 * binding holds of it, so a site's count of one binding is here as well.
 * Called before each connect; reaching a limit is no failure, and no binding
 * may ever take the last room of all.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "mta/mta.h"

/* What one binding has of a counter. */
struct holding {
	RB_ENTRY(holding) node;
	const struct way *way;
	unsigned int	 count;
};
RB_HEAD(holdings, holding);

struct counter {
	RB_ENTRY(counter) node;
	struct holdings	 holdings;
	unsigned int	 used;
	char		 name[];	/* "site S", "domain D", "server" */
};
RB_HEAD(counters, counter);

static struct {
	struct counters	 tree;
} limits = { RB_INITIALIZER(&limits.tree) };

static int
holding_compare(const struct holding *a, const struct holding *b)
{
	return (strcmp(a->way->name, b->way->name));
}

static int
counter_compare(const struct counter *a, const struct counter *b)
{
	return (strcmp(a->name, b->name));
}

RB_PROTOTYPE(holdings, holding, node, holding_compare);
RB_GENERATE(holdings, holding, node, holding_compare)
RB_PROTOTYPE(counters, counter, node, counter_compare);
RB_GENERATE(counters, counter, node, counter_compare)

int
limit_share(int64_t limit, unsigned int used, unsigned int own)
{
	int64_t	 room = limit - used;

	if (limit <= 0)
		return (1);
	return (room > 0 && own <= room);
}

/* "site S" and its like, in a buffer; NULL: it is too long to be one. */
static const char *
counter_name(const char *kind, const char *name, char *text, size_t size)
{
	return (snprintf(text, size, "%s %s", kind, name) < (int)size ?
	    text : NULL);
}

static struct counter *
counter_find(const char *name)
{
	struct counter	*counter = RB_ROOT(&limits.tree);
	int		 order;

	while (counter != NULL && (order = strcmp(name, counter->name)) != 0)
		counter = order < 0 ? RB_LEFT(counter, node) :
		    RB_RIGHT(counter, node);
	return (counter);
}

static struct holding *
holding_find(struct counter *counter, const struct way *way)
{
	struct holding	 key;

	key.way = way;
	return (RB_FIND(holdings, &counter->holdings, &key));
}

static unsigned int
counter_used(const char *name)
{
	const struct counter	*counter = counter_find(name);

	return (counter == NULL ? 0 : counter->used);
}

static unsigned int
counter_own(const char *name, const struct way *way)
{
	struct counter	*counter = counter_find(name);
	struct holding	*holding;

	if (counter == NULL || (holding = holding_find(counter, way)) == NULL)
		return (0);
	return (holding->count);
}

static struct counter *
counter_take(const char *name, const struct way *way)
{
	struct counter	*counter;
	struct holding	*holding;
	size_t		 size = strlen(name) + 1;

	if ((counter = counter_find(name)) == NULL) {
		if ((counter = calloc(1, sizeof(*counter) + size)) == NULL)
			fatal("counter_take");
		RB_INIT(&counter->holdings);
		memcpy(counter->name, name, size);
		RB_INSERT(counters, &limits.tree, counter);
	}
	if ((holding = holding_find(counter, way)) == NULL) {
		if ((holding = calloc(1, sizeof(*holding))) == NULL)
			fatal("counter_take");
		holding->way = way;
		RB_INSERT(holdings, &counter->holdings, holding);
	}
	counter->used++;
	holding->count++;
	return (counter);
}

static void
counter_give(struct counter *counter, const struct way *way)
{
	struct holding	*holding = holding_find(counter, way);

	if (--holding->count == 0) {
		RB_REMOVE(holdings, &counter->holdings, holding);
		free(holding);
	}
	if (--counter->used == 0) {
		RB_REMOVE(counters, &limits.tree, counter);
		free(counter);
	}
}

/* The counters that a connection of this lane belongs to. */
struct limit_names {
	const char	*name[LIMIT_COUNTERS];	/* NULL: none of this kind */
	char		 site[NAME_MAX_LEN + 8];
	char		 domain[DOMAIN_MAX + 8];
};

static void
limit_names(const struct lane *lane, struct limit_names *n)
{
	const char	*site = lane_site_name(lane);

	n->name[LIMIT_SITE] = site == NULL ? NULL :
	    counter_name("site", site, n->site, sizeof(n->site));
	n->name[LIMIT_DOMAIN] = counter_name("domain", lane->destination,
	    n->domain, sizeof(n->domain));
	n->name[LIMIT_SERVER] = "server";
}

void
limit_take(struct connection *c)
{
	struct limit_names	 n;
	int			 i;

	limit_names(c->lane, &n);
	for (i = 0; i < LIMIT_COUNTERS; i++)
		c->counters[i] = n.name[i] == NULL ? NULL :
		    counter_take(n.name[i], c->way);
}

void
limit_give(struct connection *c)
{
	int	 i;

	for (i = 0; i < LIMIT_COUNTERS; i++) {
		if (c->counters[i] != NULL)
			counter_give(c->counters[i], c->way);
		c->counters[i] = NULL;
	}
}

int
limit_same(const struct connection *c, const struct lane *lane)
{
	struct limit_names	 n;
	int			 i;

	limit_names(lane, &n);
	for (i = 0; i < LIMIT_COUNTERS; i++)
		if ((c->counters[i] == NULL) != (n.name[i] == NULL) ||
		    (n.name[i] != NULL &&
		    strcmp(c->counters[i]->name, n.name[i]) != 0))
			return (0);
	return (1);
}

int
limit_counts(const struct connection *c, const char *name)
{
	int	 i;

	for (i = 0; i < LIMIT_COUNTERS; i++)
		if (c->counters[i] != NULL &&
		    strcmp(c->counters[i]->name, name) == 0)
			return (1);
	return (0);
}

int64_t
limit_total(const char *name)
{
	const struct config	*conf = mta_config();
	const struct site	*site = NULL;

	if (strncmp(name, "site ", 5) == 0)
		site = config_site(conf, name + 5);
	else if (strncmp(name, "domain ", 7) == 0)
		site = config_total_of(conf, name + 7);
	else
		return (conf->mta_max_connections);
	return (site == NULL ? 0 : site->max_connections);
}

/* A limit of all bindings: its share, or what is idle makes room. */
static int
shared_room(struct way *way, const char *name)
{
	int64_t		 total;
	unsigned int	 used, own;

	if (name == NULL || (total = limit_total(name)) <= 0)
		return (1);
	used = counter_used(name);
	own = counter_own(name, way);
	if (limit_share(total, used, own))
		return (1);
	if (used < total)
		connection_evict(way, NULL, name);
	else if (!connection_evict(NULL, NULL, name) && own == 0)
		connection_yield(name);
	return (0);
}

/* The one counter of this binding and the site of the lane. */
static int
site_room(struct lane *lane, const char *name)
{
	const struct option	*o;

	if (name == NULL || (o = config_option_at(mta_config(),
	    lane->way->conf, LEVEL_SITE, lane_site_name(lane),
	    OPTION_MAX_OUTBOUND_CONNECTIONS)) == NULL ||
	    counter_own(name, lane->way) < o->number)
		return (1);
	connection_evict(lane->way, NULL, name);
	return (0);
}

int
limit_room(struct lane *lane)
{
	struct limit_names	 n;
	struct way		*way = lane->way;
	int64_t			 most;
	int			 i;

	limit_names(lane, &n);
	if (lane->connections >= lane_limit(lane)) {
		connection_evict(way, lane, NULL);
		return (0);
	}
	if (!site_room(lane, n.name[LIMIT_SITE]))
		return (0);
	most = binding_option(way, NULL, OPTION_MAX_CONNECTIONS)->number;
	if (most > 0 && way->connections >= most) {
		connection_evict(way, NULL, NULL);
		return (0);
	}
	for (i = 0; i < LIMIT_COUNTERS; i++)
		if (!shared_room(way, n.name[i]))
			return (0);
	return (1);
}

const char *
limit_greediest(const char *name)
{
	struct counter	*counter = counter_find(name);
	struct holding	*holding, *most = NULL;

	if (counter == NULL)
		return (NULL);
	RB_FOREACH(holding, holdings, &counter->holdings)
		if (most == NULL || holding->count > most->count)
			most = holding;
	return (most == NULL ? NULL : most->way->name);
}

void
limit_each(const char *name, void (*row)(void *, const char *binding,
    unsigned int used), void *arg)
{
	struct counter	*counter = counter_find(name);
	struct holding	*holding;

	if (counter == NULL)
		return;
	RB_FOREACH(holding, holdings, &counter->holdings)
		row(arg, holding->way->name, holding->count);
}

void
limit_each_of(const struct way *way, void (*row)(void *, const char *name,
    const char *binding, unsigned int used), void *arg)
{
	struct counter	*counter;
	struct holding	*holding;

	RB_FOREACH(counter, counters, &limits.tree)
		if ((holding = holding_find(counter, way)) != NULL)
			row(arg, counter->name, way->name, holding->count);
}
