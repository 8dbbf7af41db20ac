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
 * a destination over all bindings, a binding, the server.  Each counter knows
 * what every binding holds of it, so a site's count of one binding is here as
 * well.  Reaching a limit is no failure: who finds no room waits in the line
 * of that limit, and where a binding has none at all, one that has most of it
 * makes room.
 */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "mta/connection.h"
#include "mta/limit.h"
#include "mta/mta.h"
#include "mta/work.h"

/* Bindings that are resumed at once where no total says how many may. */
#define RESUMED		4
/* Seconds that a slot is kept for a binding that has none. */
#define KEPT		2

/* What one binding has of a counter. */
struct counter;

struct holding {
	RB_ENTRY(holding) node;
	struct counter	*counter;
	const struct binding *binding;
	struct line	 line;		/* its lanes that wait */
	unsigned int	 round;		/* it had its turn in */
	unsigned int	 count;
	uint32_t	 kept;		/* loop_seconds(): a slot until then */
};
RB_HEAD(holdings, holding);

struct counter {
	RB_ENTRY(counter) node;
	TAILQ_ENTRY(counter) full;	/* of those somebody waits for */
	struct holdings	 holdings;
	unsigned int	 used;
	unsigned int	 kept;		/* slots for those resumed */
	unsigned int	 round;		/* of turns */
	uint32_t	 looked;	/* loop_seconds(): room was made */
	uint8_t		 is_full;
	char		 name[];	/* "site S", "domain D", "server" */
};
RB_HEAD(counters, counter);

static struct {
	struct counters		 tree;
	TAILQ_HEAD(, counter)	 full;
	struct loop_job		 job;
	struct loop_timer	 tick;
} limits = {
	.tree = RB_INITIALIZER(&limits.tree),
	.full = TAILQ_HEAD_INITIALIZER(limits.full)
};

static void	 describe(const struct line *, char *, size_t);

static int
holding_compare(const struct holding *a, const struct holding *b)
{
	return (strcmp(a->binding->name, b->binding->name));
}

static int
counter_compare(const struct counter *a, const struct counter *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE_STATIC(holdings, holding, node, holding_compare)
RB_GENERATE_STATIC(counters, counter, node, counter_compare)

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
holding_find(struct counter *counter, const struct binding *binding)
{
	struct holding	 key;

	key.binding = binding;
	return (RB_FIND(holdings, &counter->holdings, &key));
}

/* With what is kept for others. */
static unsigned int
counter_used(const char *name, const struct binding *binding)
{
	struct counter	*counter = counter_find(name);
	struct holding	*holding;

	if (counter == NULL)
		return (0);
	holding = holding_find(counter, binding);
	return (counter->used + counter->kept -
	    (holding != NULL && holding->kept != 0));
}

static unsigned int
counter_own(const char *name, const struct binding *binding)
{
	struct counter	*counter = counter_find(name);
	struct holding	*holding;

	if (counter == NULL ||
	    (holding = holding_find(counter, binding)) == NULL)
		return (0);
	return (holding->count);
}

static struct counter *
counter_get(const char *name)
{
	struct counter	*counter;
	size_t		 size = strlen(name) + 1;

	if ((counter = counter_find(name)) != NULL)
		return (counter);
	if ((counter = calloc(1, sizeof(*counter) + size)) == NULL)
		fatal("calloc");
	RB_INIT(&counter->holdings);
	memcpy(counter->name, name, size);
	RB_INSERT(counters, &limits.tree, counter);
	return (counter);
}

static struct holding *
holding_get(struct counter *counter, const struct binding *binding)
{
	struct holding	*holding;

	if ((holding = holding_find(counter, binding)) != NULL)
		return (holding);
	if ((holding = calloc(1, sizeof(*holding))) == NULL)
		fatal("calloc");
	holding->counter = counter;
	holding->binding = binding;
	work_line_init(&holding->line, STEP_SLOT, describe);
	RB_INSERT(holdings, &counter->holdings, holding);
	return (holding);
}

/* A slot is kept for it until then; 0: no longer. */
static void
holding_keep(struct holding *holding, uint32_t until)
{
	holding->counter->kept -= holding->kept != 0;
	holding->kept = until;
	holding->counter->kept += until != 0;
}

static struct counter *
counter_take(const char *name, const struct binding *binding)
{
	struct counter	*counter = counter_get(name);
	struct holding	*holding = holding_get(counter, binding);

	counter->used++;
	holding->count++;
	holding_keep(holding, 0);
	return (counter);
}

/* The binding has none of it, and waits for none. */
static void
holding_free_unused(struct holding *holding)
{
	if (holding->count > 0 || holding->kept != 0 ||
	    !TAILQ_EMPTY(&holding->line.lanes))
		return;
	RB_REMOVE(holdings, &holding->counter->holdings, holding);
	free(holding);
}

/* Nobody has any of it, nobody waits for it. */
static void
counter_free_unused(struct counter *counter)
{
	if (counter->used > 0 || counter->is_full)
		return;
	RB_REMOVE(counters, &limits.tree, counter);
	free(counter);
}

static void
counter_give(struct counter *counter, const struct binding *binding)
{
	struct holding	*holding = holding_find(counter, binding);

	holding->count--;
	holding_free_unused(holding);
	counter->used--;
	if (counter->is_full)
		loop_job_queue(&limits.job);
	else
		counter_free_unused(counter);
}

/* The counters that a connection of this lane belongs to. */
struct limit_names {
	const char	*name[LIMIT_COUNTERS];	/* NULL: none of this kind */
	char		 site[NAME_MAX_LEN + 8];
	char		 domain[DOMAIN_MAX + 8];
	char		 binding[NAME_MAX_LEN + 16];
};

static void
limit_names(const struct lane *lane, struct limit_names *n)
{
	const char	*site = work_site(lane);

	n->name[LIMIT_SITE] = site == NULL ? NULL :
	    counter_name("site", site, n->site, sizeof(n->site));
	n->name[LIMIT_DOMAIN] = counter_name("domain", lane->destination,
	    n->domain, sizeof(n->domain));
	n->name[LIMIT_BINDING] = counter_name("binding", lane->binding->name,
	    n->binding, sizeof(n->binding));
	n->name[LIMIT_SERVER] = "server";
}

void
limit_take(struct connection *c)
{
	struct limit_names	 n;
	int			 i;

	/* the next one is at the end of the line */
	c->lane->last_line = NULL;
	limit_names(c->lane, &n);
	for (i = 0; i < LIMIT_COUNTERS; i++)
		c->counters[i] = n.name[i] == NULL ? NULL :
		    counter_take(n.name[i], c->binding);
}

void
limit_give(struct connection *c)
{
	int	 i;

	for (i = 0; i < LIMIT_COUNTERS; i++) {
		if (c->counters[i] != NULL)
			counter_give(c->counters[i], c->binding);
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
	else if (strcmp(name, "server") == 0)
		return (conf->mta_max_connections);
	return (site == NULL ? 0 : site->max_connections);
}

/* Which limit has no room for one more of the lane's; NULL: there is. */
static const char *
limit_blocks(struct lane *lane, const struct limit_names *n, int *shared)
{
	struct binding		*binding = lane->binding;
	const char		*name;
	const struct option	*o;
	int64_t			 most;
	int			 i;

	*shared = 0;
	if ((name = n->name[LIMIT_SITE]) != NULL &&
	    (o = config_option_at(mta_config(), binding->conf, LEVEL_SITE,
	    work_site(lane), OPTION_MAX_OUTBOUND_CONNECTIONS)) != NULL &&
	    counter_own(name, binding) >= o->number)
		return (name);
	most = binding_option(binding, NULL, OPTION_MAX_CONNECTIONS)->number;
	if (most > 0 && binding->connections >= most)
		return (n->name[LIMIT_BINDING]);
	*shared = 1;
	for (i = 0; i < LIMIT_COUNTERS; i++)
		if ((name = n->name[i]) != NULL && !limit_share(
		    limit_total(name), counter_used(name, binding),
		    counter_own(name, binding)))
			return (name);
	return (NULL);
}

int
limit_room(struct lane *lane)
{
	struct limit_names	 n;
	int			 shared;

	limit_names(lane, &n);
	return (lane->connections < work_limit(lane) &&
	    limit_blocks(lane, &n, &shared) == NULL);
}

static const struct holding *
counter_most(const struct counter *counter)
{
	const struct holding	*most = NULL;
	struct holding		*holding;

	RB_FOREACH(holding, holdings,
	    (struct holdings *)(uintptr_t)&counter->holdings)
		if (most == NULL || holding->count > most->count)
			most = holding;
	return (most);
}

/* Bindings that wait and hold none of it. */
static unsigned int
counter_needy(struct counter *counter)
{
	struct holding	*holding;
	unsigned int	 n = 0;

	RB_FOREACH(holding, holdings, &counter->holdings)
		n += holding->count == 0 && (holding->kept != 0 ||
		    !TAILQ_EMPTY(&holding->line.lanes));
	return (n);
}

/*
 * Room for bindings that have none: one connection for each, of the binding
 * that holds most, never its last.  Where nobody holds two, they wait.
 */
static void
counter_make_room(struct counter *counter)
{
	const struct holding	*most;
	unsigned int		 needy, leaving;

	if (counter->looked == loop_seconds())
		return;
	counter->looked = loop_seconds();
	needy = counter_needy(counter);
	leaving = connection_leaving(counter->name);
	if (counter->used < limit_total(counter->name))
		leaving += (unsigned int)(limit_total(counter->name) -
		    counter->used);
	for (; leaving < needy; leaving++) {
		if ((most = counter_most(counter)) == NULL)
			break;
		if (most->count < 2) {
			connection_yield(counter->name);
			break;
		}
		if (!connection_make_room(most->binding, counter->name))
			break;
	}
}

/* How much of how many, and who has most. */
static void
describe(const struct line *line, char *text, size_t size)
{
	const struct counter	*counter;
	const struct holding	*most;
	int64_t			 total;

	counter = ((const struct holding *)(const void *)((const char *)line -
	    offsetof(struct holding, line)))->counter;
	most = counter_most(counter);
	if ((total = limit_total(counter->name)) <= 0)
		snprintf(text, size, "%s, %u held", counter->name,
		    counter->used);
	else
		snprintf(text, size, "%s, %u of %lld, most by %s",
		    counter->name, counter->used, (long long)total,
		    most == NULL ? "nobody" : most->binding->name);
}

struct line *
limit_line(struct lane *lane)
{
	struct limit_names	 n;
	struct counter		*counter;
	struct holding		*holding;
	const char		*name;
	int			 shared;

	limit_names(lane, &n);
	if ((name = limit_blocks(lane, &n, &shared)) == NULL)
		return (NULL);
	counter = counter_get(name);
	if (!counter->is_full) {
		TAILQ_INSERT_TAIL(&limits.full, counter, full);
		counter->is_full = 1;
	}
	holding = holding_get(counter, lane->binding);
	/* its own that nobody uses goes first; the tick makes room for it */
	if (!connection_evict_idle(lane->binding, name) && shared)
		(void)connection_evict_idle(NULL, name);
	loop_job_queue(&limits.job);
	return (&holding->line);
}

/* Does a have its turn before b?  Who holds less, then who waits longer. */
static int
holding_before(const struct holding *a, const struct holding *b)
{
	if (a->count != b->count)
		return (a->count < b->count);
	return (TAILQ_FIRST(&a->line.lanes)->waits_since <
	    TAILQ_FIRST(&b->line.lanes)->waits_since);
}

/* Whose turn it is, of those that had none yet in this round. */
static struct holding *
counter_next(struct counter *counter)
{
	struct holding	*holding, *next = NULL;

	RB_FOREACH(holding, holdings, &counter->holdings)
		if (!TAILQ_EMPTY(&holding->line.lanes) &&
		    holding->kept == 0 && holding->round != counter->round &&
		    (next == NULL || holding_before(holding, next)))
			next = holding;
	return (next);
}

/* What was kept for those that had no use for it is anybody's. */
static void
counter_unkeep(struct counter *counter)
{
	struct holding	*holding;

	if (counter->kept == 0)
		return;
	RB_FOREACH(holding, holdings, &counter->holdings)
		if (holding->kept != 0 && holding->kept <= loop_seconds())
			holding_keep(holding, 0);
}

/*
 * A lane of each binding in turn, while there may be room for more.  For a
 * binding that has none a slot is kept until it has it: those that just had to
 * go, and their like, would take it again.
 */
static void
counter_serve(struct counter *counter)
{
	struct holding	*holding, *last;
	int64_t		 total = limit_total(counter->name), n = RESUMED;
	int		 waiting = 0;

	counter_unkeep(counter);
	if (total > 0)
		n = total - counter->used - counter->kept;
	counter->round++;
	while (n > 0 && (holding = counter_next(counter)) != NULL) {
		holding->round = counter->round;
		if (total > 0 && !limit_share(total, counter->used +
		    counter->kept, holding->count))
			break;
		if (total > 0 && holding->count == 0)
			holding_keep(holding, loop_seconds() + KEPT);
		work_resume(TAILQ_FIRST(&holding->line.lanes));
		n--;
	}
	RB_FOREACH_SAFE(holding, holdings, &counter->holdings, last) {
		waiting |= holding->kept != 0 ||
		    !TAILQ_EMPTY(&holding->line.lanes);
		holding_free_unused(holding);
	}
	if (waiting)
		return;
	TAILQ_REMOVE(&limits.full, counter, full);
	counter->is_full = 0;
	counter_free_unused(counter);
}

static void
limits_serve(void *arg)
{
	struct counter	*counter, *next;

	TAILQ_FOREACH_SAFE(counter, &limits.full, full, next) {
		if (limit_total(counter->name) > 0)
			counter_make_room(counter);
		counter_serve(counter);
	}
}

static void
limits_tick(void *arg)
{
	loop_timer_set(&limits.tick, 0);
	if (!TAILQ_EMPTY(&limits.full))
		loop_job_queue(&limits.job);
}

void
limit_idle(struct connection *c)
{
	const struct counter	*counter;

	TAILQ_FOREACH(counter, &limits.full, full)
		if (limit_counts(c, counter->name)) {
			connection_quit(c);
			return;
		}
}

void
limit_init(void)
{
	loop_job_init(&limits.job, limits_serve, NULL);
	loop_timer_init(&limits.tick, limits_tick, NULL);
	loop_timer_set(&limits.tick, 0);
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
		row(arg, holding->binding->name, holding->count);
}

void
limit_each_of(const struct binding *binding, void (*row)(void *,
    const char *name, const char *binding, unsigned int used), void *arg)
{
	struct counter	*counter;
	struct holding	*holding;

	RB_FOREACH(counter, counters, &limits.tree)
		if ((holding = holding_find(counter, binding)) != NULL)
			row(arg, counter->name, binding->name, holding->count);
}
