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
 * Rates: recipients attempted, evenly spaced, with a burst of a tenth.  A
 * rate is kept as one time, that of the next recipient if all had come evenly
 * (the theoretical arrival time of a leaky bucket).  Lanes that must wait
 * stand in line, each rate its own, so that none is passed by.  Those of an
 * hour and more are told to queue, which keeps them on disk.
 */

#include <event.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "lib/text.h"
#include "mta/mta.h"
#include "mta/rate.h"
#include "mta/work.h"

#define RATE_KEEP	3600		/* seconds of a period: told to queue */
#define RATE_TICK	10000		/* microseconds at least */
#define RATE_TICK_MOST	1000000
#define RATE_TELL	2		/* seconds between what is told */
#define RATE_SWEEP	60
#define RATE_LEVELS	3		/* domain, site, plain */
#define USEC		1000000LL

struct rate {
	RB_ENTRY(rate)	 node;
	TAILQ_ENTRY(rate) entry;	/* of those with a line */
	struct line	 line;
	int		 in_lines;
	int64_t		 number;
	int64_t		 seconds;
	int64_t		 next;		/* microseconds since the Epoch */
	int64_t		 told;		/* the same, as queue knows it */
	char		 key[];		/* "B", "B domain D", "B site S" */
};
RB_HEAD(rate_tree, rate);
TAILQ_HEAD(rate_list, rate);

static struct {
	struct rate_tree	 tree;
	struct rate_list	 lines;
	struct event		 tick;
	int			 ticking;
	struct loop_timer	 tell;
	int			 telling;
	struct loop_timer	 sweep;
} rates;

static int
rate_compare(const struct rate *a, const struct rate *b)
{
	return (strcmp(a->key, b->key));
}

RB_GENERATE_STATIC(rate_tree, rate, node, rate_compare)

static int64_t
rate_burst(int64_t number)
{
	return (number < 20 ? 1 : number / 10);
}

int64_t
rate_wait(int64_t next, int64_t number, int64_t seconds, int64_t now)
{
	int64_t	 early;

	early = (rate_burst(number) - 1) * seconds * USEC / number;
	return (next - early > now ? next - early - now : 0);
}

int64_t
rate_spend(int64_t next, int64_t number, int64_t seconds, int64_t now,
    int64_t count)
{
	if (next < now)
		next = now;
	return (next + count * seconds * USEC / number);
}

int64_t
rate_sane(int64_t next, int64_t number, int64_t seconds, int64_t now)
{
	int64_t	 most;

	most = now + (rate_burst(number) + TASK_RCPTS) * seconds * USEC /
	    number;
	return (next > most ? most : next);
}

int64_t
rate_tokens(int64_t next, int64_t number, int64_t seconds, int64_t now)
{
	int64_t	 interval = seconds * USEC / number;
	int64_t	 early = (rate_burst(number) - 1) * interval;

	if (next < now)
		next = now;
	if (interval < 1)
		interval = 1;
	return (next > now + early ? 0 : (now + early - next) / interval + 1);
}

static int64_t	 rate_now(const struct rate *);

static void
describe(const struct line *line, char *text, size_t size)
{
	const struct rate	*rate;

	rate = (const struct rate *)(const void *)((const char *)line -
	    offsetof(struct rate, line));
	snprintf(text, size, "%s of %s, in %llds at the earliest",
	    option_text(OPTION_RATE, &(struct option){
	    .number = rate->number, .seconds = rate->seconds }),
	    rate->key, (long long)((rate_now(rate) + USEC - 1) / USEC));
}

static struct rate *
rate_get(const char *key)
{
	struct rate	*rate = RB_ROOT(&rates.tree);
	size_t		 size = strlen(key) + 1;
	int		 order;

	while (rate != NULL && (order = strcmp(key, rate->key)) != 0)
		rate = order < 0 ? RB_LEFT(rate, node) : RB_RIGHT(rate, node);
	if (rate != NULL)
		return (rate);
	if ((rate = calloc(1, sizeof(*rate) + size)) == NULL)
		fatal("rate_get");
	memcpy(rate->key, key, size);
	work_line_init(&rate->line, STEP_RATE, describe);
	rate->number = rate->seconds = 1;
	RB_INSERT(rate_tree, &rates.tree, rate);
	return (rate);
}

/* The rates that hold for a lane, with the values of today. */
static size_t
rates_of(const struct lane *lane, struct rate *found[RATE_LEVELS])
{
	static const struct {
		enum option_level	 level;
		const char		*word;
	} levels[RATE_LEVELS] = {
		{ LEVEL_DOMAIN, " domain " }, { LEVEL_SITE, " site " },
		{ LEVEL_PLAIN, "" }
	};
	const char		*name[RATE_LEVELS];
	const struct option	*o;
	char			 key[NAME_MAX_LEN + DOMAIN_MAX + 16];
	size_t			 i, n = 0;

	name[0] = lane->destination;
	name[1] = work_site(lane);
	name[2] = NULL;
	for (i = 0; i < RATE_LEVELS; i++) {
		o = config_option_at(mta_config(), lane->binding->conf,
		    levels[i].level, name[i], OPTION_RATE);
		if (o == NULL || o->number < 1 || o->seconds < 1 ||
		    snprintf(key, sizeof(key), "%s%s%s", lane->binding->name,
		    levels[i].word, name[i] == NULL ? "" : name[i]) >=
		    (int)sizeof(key))
			continue;
		found[n] = rate_get(key);
		found[n]->number = o->number;
		found[n]->seconds = o->seconds;
		found[n]->next = rate_sane(found[n]->next, o->number,
		    o->seconds, (int64_t)loop_usec());
		n++;
	}
	return (n);
}

static int64_t
rate_now(const struct rate *rate)
{
	return (rate_wait(rate->next, rate->number, rate->seconds,
	    (int64_t)loop_usec()));
}

static void
rates_tick_again(void)
{
	struct timeval	 tv;
	struct rate	*rate;
	int64_t		 wait, least = RATE_TICK_MOST;

	if (TAILQ_EMPTY(&rates.lines) || rates.ticking)
		return;
	TAILQ_FOREACH(rate, &rates.lines, entry)
		if ((wait = rate_now(rate)) < least)
			least = wait;
	if (least < RATE_TICK)
		least = RATE_TICK;
	tv.tv_sec = least / USEC;
	tv.tv_usec = least % USEC;
	evtimer_add(&rates.tick, &tv);
	rates.ticking = 1;
}

/* As many of its line as may go now. */
static void
rate_serve(struct rate *rate)
{
	struct lane	*lane;
	int64_t		 n;

	n = rate_tokens(rate->next, rate->number, rate->seconds,
	    (int64_t)loop_usec());
	for (; n > 0 && (lane = TAILQ_FIRST(&rate->line.lanes)) != NULL;
	    n--) {
		lane->served = 1;
		work_resume(lane);
	}
}

/* Those with nobody in line are no longer looked at. */
static void
rate_check(struct rate *rate)
{
	if (!rate->in_lines || !TAILQ_EMPTY(&rate->line.lanes))
		return;
	TAILQ_REMOVE(&rates.lines, rate, entry);
	rate->in_lines = 0;
}

static void
rates_tick(int fd, short event, void *arg)
{
	struct rate	*rate, *next;

	rates.ticking = 0;
	TAILQ_FOREACH_SAFE(rate, &rates.lines, entry, next) {
		rate_serve(rate);
		rate_check(rate);
	}
	rates_tick_again();
}

struct line *
rate_line(struct lane *lane)
{
	struct rate	*found[RATE_LEVELS], *slowest;
	size_t		 i, n;

	n = rates_of(lane, found);
	slowest = found[0];		/* rate_take() found one */
	for (i = 1; i < n; i++)
		if (rate_now(found[i]) > rate_now(slowest))
			slowest = found[i];
	if (!slowest->in_lines) {
		TAILQ_INSERT_TAIL(&rates.lines, slowest, entry);
		slowest->in_lines = 1;
	}
	rates_tick_again();
	return (&slowest->line);
}

static void
rate_tell(struct rate *rate)
{
	struct ipc	*queue = mta_queue();

	if (queue == NULL || rate->told == rate->next ||
	    rate->seconds < RATE_KEEP)
		return;
	rate->told = rate->next;
	ipc_begin(queue, MTA_RATE);
	ipc_put_str(queue, rate->key);
	ipc_put_u64(queue, (uint64_t)rate->next);
	ipc_end(queue);
}

static void
rates_tell(void *arg)
{
	struct rate	*rate;

	rates.telling = 0;
	RB_FOREACH(rate, rate_tree, &rates.tree)
		rate_tell(rate);
}

static void
rate_changed(const struct rate *rate)
{
	if (rate->seconds < RATE_KEEP || rates.telling)
		return;
	rates.telling = 1;
	loop_timer_set(&rates.tell, RATE_TELL);
}

unsigned int
rate_take(struct lane *lane, unsigned int most, int served)
{
	struct rate	*found[RATE_LEVELS];
	int64_t		 tokens, now = (int64_t)loop_usec();
	size_t		 i, n;

	n = rates_of(lane, found);
	for (i = 0; i < n; i++) {
		if (!served && !TAILQ_EMPTY(&found[i]->line.lanes))
			return (0);
		tokens = rate_tokens(found[i]->next, found[i]->number,
		    found[i]->seconds, now);
		if (tokens < most)
			most = (unsigned int)tokens;
	}
	for (i = 0; most > 0 && i < n; i++) {
		found[i]->next = rate_spend(found[i]->next, found[i]->number,
		    found[i]->seconds, now, most);
		rate_changed(found[i]);
	}
	return (most);
}

void
rate_give(struct lane *lane, unsigned int count)
{
	struct rate	*found[RATE_LEVELS];
	size_t		 i, n;

	if (count == 0)
		return;
	n = rates_of(lane, found);
	for (i = 0; i < n; i++) {
		found[i]->next -= count * found[i]->seconds * USEC /
		    found[i]->number;
		rate_changed(found[i]);
	}
}

void
rate_known(struct ipc *queue, struct ipc_msg *msg)
{
	struct rate	*rate;
	const char	*key;
	uint64_t	 next;

	key = ipc_get_str(msg);
	next = ipc_get_u64(msg);
	ipc_get_end(msg);
	if (key == NULL || next > INT64_MAX)
		return;
	rate = rate_get(key);
	if (rate->next < (int64_t)next)
		rate->next = rate->told = (int64_t)next;
}

/* Before an end: what queue has not been told yet. */
void
rate_stop(void)
{
	rates_tell(NULL);
}

/* A time that is past says nothing. */
static void
rates_sweep(void *arg)
{
	struct rate	*rate, *next;

	RB_FOREACH_SAFE(rate, rate_tree, &rates.tree, next) {
		if (rate->in_lines || rate->next > (int64_t)loop_usec())
			continue;
		RB_REMOVE(rate_tree, &rates.tree, rate);
		free(rate);
	}
	loop_timer_set(&rates.sweep, RATE_SWEEP);
}

void
rate_init(void)
{
	RB_INIT(&rates.tree);
	TAILQ_INIT(&rates.lines);
	evtimer_set(&rates.tick, rates_tick, NULL);
	loop_timer_init(&rates.tell, rates_tell, NULL);
	loop_timer_init(&rates.sweep, rates_sweep, NULL);
	loop_timer_set(&rates.sweep, RATE_SWEEP);
}
