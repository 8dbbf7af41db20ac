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
 * The recipients of a lane by age, and the sweep that goes round all lanes a
 * few at a time: expiry, delay notifications, lanes that are no longer used.
 * It looks at the head of a lane's list, never through it.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "queue/bounce.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"

#define SWEEP_LANES	256		/* at least, a second */
#define SWEEP_ROUND	30		/* seconds for all, at most */
#define SWEEP_RCPTS	256		/* of one lane */
#define SWEEP_BACK	32		/* steps to a place in the list */
#define LANE_IDLE	60		/* seconds until it is forgotten */
#define GRACE		3600		/* seconds after a start or a jump */
#define JUDGE_STEP	256		/* recipients of a lane, a turn */

static struct {
	struct lanes	 all;
	uint64_t	 count;
} ages = { TAILQ_HEAD_INITIALIZER(ages.all), 0 };

void
lane_sweep_add(struct lane *lane)
{
	TAILQ_INSERT_TAIL(&ages.all, lane, all);
	ages.count++;
}

uint64_t
lane_count(void)
{
	return (ages.count);
}

void
lane_age_insert(struct lane *lane, struct rcpt *rcpt)
{
	struct rcpt	*before;
	uint32_t	 created;
	int		 steps;

	created = rcpt_message(rcpt)->created;
	before = TAILQ_LAST(&lane->ages, rcpts);
	for (steps = 0; before != NULL && steps < SWEEP_BACK; steps++) {
		if (rcpt_message(before)->created <= created)
			break;
		before = TAILQ_PREV(before, rcpts, age);
	}
	if (steps == SWEEP_BACK) {
		lane->unsorted = 1;
		before = TAILQ_LAST(&lane->ages, rcpts);
	}
	if (before == NULL)
		TAILQ_INSERT_HEAD(&lane->ages, rcpt, age);
	else
		TAILQ_INSERT_AFTER(&lane->ages, before, rcpt, age);
	/* the list is read from here on: nothing before it may be missed */
	if (lane->warn_next == NULL || lane->warn_next ==
	    TAILQ_NEXT(rcpt, age))
		lane->warn_next = rcpt;
}

void
lane_age_remove(struct lane *lane, struct rcpt *rcpt)
{
	if (lane->warn_next == rcpt)
		lane->warn_next = TAILQ_NEXT(rcpt, age);
	TAILQ_REMOVE(&lane->ages, rcpt, age);
}

static int
age_compare(const void *a, const void *b)
{
	uint32_t	 x, y;

	x = rcpt_message(*(struct rcpt *const *)a)->created;
	y = rcpt_message(*(struct rcpt *const *)b)->created;
	return (x < y ? -1 : x > y);
}

/* After a replay or a move, where old came behind new. */
void
lane_age_sort(struct lane *lane)
{
	struct rcpt	**list, *rcpt;
	size_t		 i, n;

	n = 0;
	TAILQ_FOREACH(rcpt, &lane->ages, age)
		n++;
	if ((list = reallocarray(NULL, n, sizeof(*list))) == NULL)
		return;			/* next time */
	n = 0;
	TAILQ_FOREACH(rcpt, &lane->ages, age)
		list[n++] = rcpt;
	qsort(list, n, sizeof(*list), age_compare);
	TAILQ_INIT(&lane->ages);
	for (i = 0; i < n; i++)
		TAILQ_INSERT_TAIL(&lane->ages, list[i], age);
	lane->warn_next = TAILQ_FIRST(&lane->ages);
	lane->unsorted = 0;
	free(list);
}

static int
lane_age(struct rcpt *rcpt, uint32_t now)
{
	uint32_t	 created;

	created = rcpt_message(rcpt)->created;
	return (created < now ? (int)(now - created) : 0);
}

/* The clock cannot be believed, or mail could not go: nobody is too old yet. */
static int
lane_grace(void)
{
	return (loop_seconds() - schedule_jumped() < GRACE);
}

/*
 * What waits for its turn at a host is tried, and expires if that fails; what
 * cannot be tried has nothing but its age.
 */
static void
lane_expire(struct lane *lane, const struct lane_ops *ops, uint32_t now)
{
	struct rcpt	*rcpt, *next;
	int		 left, all;

	if (lane_grace())
		return;
	all = lane_waits_for_us(lane);
	left = SWEEP_RCPTS;
	for (rcpt = TAILQ_FIRST(&lane->ages); rcpt != NULL; rcpt = next) {
		if ((uint32_t)lane_age(rcpt, now) < lane->ttl || left-- == 0)
			break;
		next = TAILQ_NEXT(rcpt, age);
		if (rcpt->place == PLACE_HAND || rcpt->place ==
		    PLACE_BOUNCING || (!all && rcpt->place != PLACE_HELD))
			continue;
		if (ops->expired(rcpt) == -1)
			break;
	}
}

static void
lane_warn(struct lane *lane, const struct lane_ops *ops, uint32_t warn,
    uint32_t now)
{
	struct rcpt	*rcpt;
	int		 left;

	for (left = SWEEP_RCPTS; left > 0; left--) {
		if ((rcpt = lane->warn_next) == NULL ||
		    (uint32_t)lane_age(rcpt, now) < warn)
			return;
		if (!(rcpt->flags & RCPT_WARNED) &&
		    rcpt->place != PLACE_BOUNCING && ops->late(rcpt) == -1)
			return;
		lane->warn_next = TAILQ_NEXT(rcpt, age);
	}
}

static void
lane_look(struct lane *lane, const struct lane_ops *ops)
{
	const struct config	*config = lane_config();
	uint32_t		 now;

	now = schedule_now();
	if (lane->unsorted)
		lane_age_sort(lane);
	if (config != NULL)
		lane_expire(lane, ops, now);
	if (config != NULL && config->queue_warn > 0)
		lane_warn(lane, ops, (uint32_t)config->queue_warn, now);
	if (lane->queued > 0 || lane->in_hand > 0 || lane->told > 0)
		return;
	if (loop_seconds() - lane->idle < LANE_IDLE)
		return;
	TAILQ_REMOVE(&ages.all, lane, all);
	ages.count--;
	lane_free(lane);
}

void
lane_sweep(const struct lane_ops *ops)
{
	struct lane	*lane;
	uint64_t	 left;

	left = ages.count / SWEEP_ROUND;
	if (left < SWEEP_LANES)
		left = SWEEP_LANES;
	if (left > ages.count)
		left = ages.count;
	for (; left > 0; left--) {
		lane = TAILQ_FIRST(&ages.all);
		TAILQ_REMOVE(&ages.all, lane, all);
		TAILQ_INSERT_TAIL(&ages.all, lane, all);
		lane_look(lane, ops);
	}
}

/* The first that was ready in time, without looking at all others. */
static struct rcpt *
lane_doomed(struct lane *lane)
{
	struct rcpt	*rcpt;

	rcpt = TAILQ_FIRST(&lane->ready);
	if (rcpt == NULL || rcpt->due > lane->judge)
		rcpt = TAILQ_FIRST(&lane->urgent);
	return (rcpt == NULL || rcpt->due > lane->judge ? NULL : rcpt);
}

/* There can be no host for any of them. */
static int
judge_all(struct lane *lane, const char *text)
{
	struct rcpt	*rcpt;
	int		 left;

	for (left = JUDGE_STEP; (rcpt = lane_doomed(lane)) != NULL; left--) {
		if (left == 0 || bounce_busy() || spool_congested() ||
		    spool_failed())
			return (1);
		lane->binding->perm++;
		queue_stats()->permfails++;
		result_log(rcpt, "permfail", "local", NULL, text);
		bounce_rcpt(rcpt, BOUNCE_FAILED, text, NULL, 0);
	}
	return (0);
}

/* Those that are too old: the oldest come first. */
static int
judge_old(struct lane *lane, const char *text)
{
	struct rcpt	*rcpt, *next;
	uint32_t	 now = schedule_now();
	int		 left = JUDGE_STEP;

	TAILQ_FOREACH_SAFE(rcpt, &lane->ages, age, next) {
		if ((uint32_t)lane_age(rcpt, now) < lane->ttl)
			break;
		if (rcpt->place != PLACE_READY || rcpt->due > lane->judge)
			continue;
		if (left-- == 0 || bounce_busy() || spool_congested() ||
		    spool_failed())
			return (1);
		bounce_rcpt(rcpt, BOUNCE_EXPIRED, text, NULL, lane->remote);
	}
	return (0);
}

int
lane_age_judge(struct lane *lane)
{
	const char	*text = lane->why;

	if (lane->state == LANE_OPEN || text == NULL)
		return (0);		/* something went well meanwhile */
	/* "cause: text" */
	text = strstr(text, ": ");
	text = text == NULL ? lane->why : text + 2;
	return (lane->state == LANE_FAILING ? judge_all(lane, text) :
	    judge_old(lane, text));
}
