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

#include "lib/log.h"
#include "lib/loop.h"
#include "queue/queue.h"

#define SWEEP_LANES	256		/* at least, a second */
#define SWEEP_ROUND	30		/* seconds for all, at most */
#define SWEEP_RCPTS	256		/* of one lane */
#define SWEEP_BACK	32		/* steps to a place in the list */
#define LANE_IDLE	60		/* seconds until it is forgotten */

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

static void
lane_expire(struct lane *lane, const struct lane_ops *ops, uint32_t now)
{
	struct rcpt	*rcpt, *next;
	int		 left;

	left = SWEEP_RCPTS;
	for (rcpt = TAILQ_FIRST(&lane->ages); rcpt != NULL; rcpt = next) {
		if ((uint32_t)lane_age(rcpt, now) < lane->ttl || left-- == 0)
			break;
		next = TAILQ_NEXT(rcpt, age);
		/* a message's last recipient takes it away, not the next */
		if (rcpt->place == PLACE_HAND || rcpt->place == PLACE_BOUNCING)
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
	if (lane->closed && lane->until != 0 && lane->until + 5 < now)
		lane_open(lane);
	if (lane->queued > 0 || lane->in_hand > 0)
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
