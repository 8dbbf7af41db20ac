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
 * Messages and recipients in memory: which there are, and the place each
 * recipient is in.  All rooms of the queue call it.  It keeps no address and
 * no reply: a million recipients are to fit in 160 octets each.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "queue/lane.h"
#include "queue/pool.h"
#include "queue/schedule.h"

RB_HEAD(queue_messages, message);

static int	 message_compare(const struct message *,
		    const struct message *);
static void	 place_leave(struct rcpt *);

RB_PROTOTYPE(queue_messages, message, node, message_compare);

static struct {
	struct queue_messages	 tree;
	uint64_t		 messages;
	uint64_t		 rcpts;
	struct pool		 single;	/* those for one recipient */
} messages = {
	RB_INITIALIZER(&messages.tree), 0, 0,
	POOL(sizeof(struct message) + sizeof(struct rcpt))
};

RB_GENERATE(queue_messages, message, node, message_compare);

static int
message_compare(const struct message *a, const struct message *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

struct message *
message_new(uint64_t id, uint32_t nrcpts)
{
	struct message	*m;
	uint32_t	 i;

	if (nrcpts == 1)
		m = pool_get(&messages.single);
	else
		m = calloc(1, sizeof(*m) + nrcpts * sizeof(m->rcpts[0]));
	if (m == NULL)
		fatal("calloc");
	m->id = id;
	m->nrcpts = nrcpts;
	for (i = 0; i < nrcpts; i++)
		m->rcpts[i].index = i;
	return (m);
}

struct message *
message_insert(struct message *m)
{
	struct message	*same;

	same = RB_INSERT(queue_messages, &messages.tree, m);
	if (same == NULL)
		messages.messages++;
	return (same);
}

struct message *
message_find(uint64_t id)
{
	struct message	 key;

	key.id = id;
	return (RB_FIND(queue_messages, &messages.tree, &key));
}

struct message *
message_from(uint64_t id)
{
	struct message	 key;

	key.id = id;
	return (RB_NFIND(queue_messages, &messages.tree, &key));
}

struct message *
message_from_envelope(const struct envelope *e)
{
	const struct envelope_rcpt	*from;
	struct message			*m;
	struct rcpt			*rcpt;
	uint64_t			 now = schedule_now();
	uint32_t			 i;

	m = message_new(e->id, e->nrcpts);
	/* where the clock was set back, its age begins anew */
	m->created = (uint32_t)(e->created / 1000000 < now ?
	    e->created / 1000000 : now);
	if (e->sender[0] == '\0')
		m->flags |= MESSAGE_NULL_SENDER;
	if (e->large != NULL)
		m->flags |= MESSAGE_LARGE;
	for (i = 0; i < e->nrcpts; i++) {
		from = &e->rcpts[i];
		rcpt = &m->rcpts[i];
		rcpt->number = from->number;
		rcpt->tries = from->tries;
		rcpt->due = (uint32_t)from->due;
		rcpt->flags = notify_flags(from->notify);
		if (from->warned)
			rcpt->flags |= RCPT_WARNED;
		if (from->group != NULL)
			rcpt->flags |= RCPT_GROUP;
		if (from->state != RCPT_WAITING)
			continue;
		rcpt->lane = lane_get(queue_binding_get(from->binding),
		    from->destination);
		m->open++;
	}
	return (m);
}

void
message_free(struct message *m)
{
	if (m->nrcpts == 1)
		pool_put(&messages.single, m);
	else
		free(m);
}

struct message *
rcpt_message(struct rcpt *rcpt)
{
	return ((struct message *)(void *)((char *)(rcpt - rcpt->index) -
	    offsetof(struct message, rcpts)));
}

/* Numbers rise, but after a reclaim some may be missing. */
struct rcpt *
message_rcpt(struct message *m, uint32_t number)
{
	uint32_t	 low, high, middle;

	low = 0;
	high = m->nrcpts;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (m->rcpts[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == m->nrcpts || m->rcpts[low].number != number)
		return (NULL);
	return (&m->rcpts[low]);
}

uint8_t
notify_flags(const char *notify)
{
	uint8_t	 flags;

	if (notify == NULL)
		return (0);
	flags = RCPT_NOTIFY_SET;
	if (strcasestr(notify, "success") != NULL)
		flags |= RCPT_NOTIFY_SUCCESS;
	if (strcasestr(notify, "failure") != NULL)
		flags |= RCPT_NOTIFY_FAILURE;
	if (strcasestr(notify, "delay") != NULL)
		flags |= RCPT_NOTIFY_DELAY;
	return (flags);
}

/* It is counted and takes its first place. */
static void
rcpt_begin(struct rcpt *rcpt)
{
	struct lane	*lane = rcpt->lane;

	messages.rcpts++;
	lane->grouped += (rcpt->flags & RCPT_GROUP) != 0;
	lane->queued++;
	lane->binding->queued++;
	if (rcpt->due > schedule_now())
		rcpt_wait(rcpt, rcpt->due);
	else
		rcpt_ready(rcpt, 0);
}

/* rcpt->lane is set. */
void
rcpt_enter(struct rcpt *rcpt)
{
	lane_age_insert(rcpt->lane, rcpt);
	rcpt_begin(rcpt);
}

static void
place_leave(struct rcpt *rcpt)
{
	struct lane	*lane = rcpt->lane;

	switch (rcpt->place) {
	case PLACE_READY:
		TAILQ_REMOVE(&lane->ready, rcpt, entry);
		lane->nready--;
		lane_update(lane);
		break;
	case PLACE_URGENT:
		TAILQ_REMOVE(&lane->urgent, rcpt, entry);
		lane->nurgent--;
		lane_update(lane);
		break;
	case PLACE_WAIT:
		schedule_remove(rcpt);
		lane->waiting--;
		lane->binding->deferred--;
		break;
	case PLACE_HELD:
		TAILQ_REMOVE(&lane->held, rcpt, entry);
		break;
	}
	rcpt->place = PLACE_NONE;
}

/* What comes back to the head was due before. */
void
rcpt_ready(struct rcpt *rcpt, int head)
{
	struct lane	*lane = rcpt->lane;

	place_leave(rcpt);
	rcpt->place = PLACE_READY;
	if (head)
		TAILQ_INSERT_HEAD(&lane->ready, rcpt, entry);
	else {
		rcpt->due = schedule_now();
		TAILQ_INSERT_TAIL(&lane->ready, rcpt, entry);
	}
	lane->nready++;
	lane_update(lane);
}

void
rcpt_urgent(struct rcpt *rcpt)
{
	struct lane	*lane = rcpt->lane;

	place_leave(rcpt);
	rcpt->place = PLACE_URGENT;
	rcpt->due = schedule_now();
	TAILQ_INSERT_TAIL(&lane->urgent, rcpt, entry);
	lane->nurgent++;
	lane_update(lane);
}

void
rcpt_wait(struct rcpt *rcpt, uint32_t due)
{
	place_leave(rcpt);
	rcpt->place = PLACE_WAIT;
	schedule_add(rcpt, due);
	rcpt->lane->waiting++;
	rcpt->lane->binding->deferred++;
}

void
rcpt_hold(struct rcpt *rcpt)
{
	place_leave(rcpt);
	rcpt->place = PLACE_HELD;
	TAILQ_INSERT_TAIL(&rcpt->lane->held, rcpt, entry);
}

void
rcpt_hand(struct rcpt *rcpt)
{
	place_leave(rcpt);
	rcpt->place = PLACE_HAND;
}

void
rcpt_bounce(struct rcpt *rcpt)
{
	place_leave(rcpt);
	rcpt->place = PLACE_BOUNCING;
}

/* Out of its lane and its counts. */
static void
rcpt_leave(struct rcpt *rcpt)
{
	struct lane	*lane = rcpt->lane;

	place_leave(rcpt);
	lane_age_remove(lane, rcpt);
	lane->grouped -= (rcpt->flags & RCPT_GROUP) != 0;
	lane->queued--;
	lane->binding->queued--;
	lane->idle = loop_seconds();
	rcpt->lane = NULL;
}

void
rcpt_set_group(struct rcpt *rcpt, int on)
{
	rcpt->lane->grouped -= (rcpt->flags & RCPT_GROUP) != 0;
	rcpt->flags &= (uint8_t)~RCPT_GROUP;
	if (on)
		rcpt->flags |= RCPT_GROUP;
	rcpt->lane->grouped += (rcpt->flags & RCPT_GROUP) != 0;
}

void
rcpt_move(struct rcpt *rcpt, struct lane *lane)
{
	rcpt_leave(rcpt);
	rcpt->lane = lane;
	lane->grouped += (rcpt->flags & RCPT_GROUP) != 0;
	lane->queued++;
	lane->binding->queued++;
	lane_age_insert(lane, rcpt);
	rcpt_ready(rcpt, 0);
}

void
rcpt_finish(struct rcpt *rcpt)
{
	struct message	*m = rcpt_message(rcpt);

	rcpt_leave(rcpt);
	messages.rcpts--;
	if (--m->open > 0)
		return;
	cache_drop(m->id);
	message_forget(m, 0);
}

void
message_forget(struct message *m, int replaced)
{
	uint32_t	 i;

	/* in the replay some may be open */
	for (i = 0; m->open > 0 && i < m->nrcpts; i++)
		if (m->rcpts[i].lane != NULL)
			lane_age_remove(m->rcpts[i].lane, &m->rcpts[i]);
	RB_REMOVE(queue_messages, &messages.tree, m);
	messages.messages--;
	spool_dead(m->ref, m->flags & MESSAGE_LARGE ? 0 : m->content);
	if (m->flags & MESSAGE_LARGE && !replaced)
		spool_large_remove(m->id);
	message_free(m);
}

uint64_t
message_count(void)
{
	return (messages.messages);
}

uint64_t
rcpt_count(void)
{
	return (messages.rcpts);
}

void
message_replayed(struct message *m)
{
	uint32_t	 i;

	for (i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].lane != NULL)
			lane_age_insert(m->rcpts[i].lane, &m->rcpts[i]);
}

/*
 * A time that no retry gives: the clock was set back since, or the longest
 * wait was made shorter.  Mail does not wait for the clock to come round.
 */
static void
rcpt_bound(struct rcpt *rcpt, const struct config *config)
{
	uint32_t	 now = schedule_now();

	if (rcpt->due > now && rcpt->due - now > config->retry_max)
		rcpt->due = now + schedule_retry(rcpt_message(rcpt)->id,
		    rcpt->tries, (uint32_t)config->retry_min,
		    (uint32_t)config->retry_max);
}

/*
 * The log was read, the configuration is there: what is open takes its place,
 * the oldest first.
 */
void
message_replay_done(void)
{
	struct binding	*binding;
	struct lane	*lane;
	struct rcpt	*rcpt;

	for (binding = queue_binding_next(NULL); binding != NULL;
	    binding = queue_binding_next(binding))
		for (lane = lane_next(binding, NULL); lane != NULL;
		    lane = lane_next(binding, lane)) {
			if (lane->unsorted)
				lane_age_sort(lane);
			TAILQ_FOREACH(rcpt, &lane->ages, age) {
				rcpt_bound(rcpt, lane_config());
				rcpt_begin(rcpt);
			}
		}
}
