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
 * Groups of bindings: which member takes a recipient at its birth, and which
 * one takes it over when its own is held or suspended while an attempt is
 * due.  A member that has nothing in the way keeps what it has; nothing goes
 * to a binding outside the group.
 */

#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/rendezvous.h"
#include "lib/text.h"
#include "queue/group.h"
#include "queue/lane.h"
#include "queue/queue.h"

/* Envelopes that are read in one turn. */
#define GROUP_STEP	100

static void	 group_run(void *);

static struct {
	struct lanes	 stuck;		/* with something of a group ready */
	uint32_t	 count;
	struct loop_job	 job;
	int		 ready;
} groups = { .stuck = TAILQ_HEAD_INITIALIZER(groups.stuck) };

/* May the binding send to this destination now, as far as is known here? */
static int
member_usable(struct binding *binding, const char *destination)
{
	struct lane	*lane, none;

	if (!queue_binding_usable(binding))
		return (0);
	if ((lane = lane_find(binding, destination)) != NULL)
		return (!lane_stuck(lane));
	memset(&none, 0, sizeof(none));
	none.binding = binding;
	none.destination = (char *)destination;
	return (lane_suspensions(&none) == 0);
}

static int
member_allowed(struct binding *binding, const char *destination,
    enum group_need need)
{
	if (need == GROUP_ANY)
		return (1);
	if (need == GROUP_BIRTH && binding->refuse)
		return (0);
	return (member_usable(binding, destination));
}

static struct binding *
group_nearest(const struct group *group, const char *sender,
    const char *rcpt, const char *destination, enum group_need need)
{
	const struct config	*config = lane_config();
	const struct binding_conf	*b, *best = NULL;
	uint64_t		 distance, least = RENDEZVOUS_NEVER;
	uint32_t		 weight;

	TAILQ_FOREACH(b, &config->bindings, entry) {
		if (b->group != group)
			continue;
		weight = (uint32_t)config_option(config, b, NULL, NULL,
		    OPTION_WEIGHT)->number;
		distance = rendezvous(b->name, weight, sender, rcpt);
		if (distance >= least || !member_allowed(
		    queue_binding_get(b->name), destination, need))
			continue;
		least = distance;
		best = b;
	}
	return (best == NULL ? NULL : queue_binding_get(best->name));
}

struct binding *
group_choose(const char *name, const char *sender, const char *rcpt,
    const char *destination, enum group_need need)
{
	const struct group	*group;
	struct binding		*binding;

	if (lane_config() == NULL ||
	    (group = config_group(lane_config(), name)) == NULL)
		return (NULL);
	binding = group_nearest(group, sender, rcpt, destination, need);
	/* where none can send, new mail waits at the one it belongs to */
	if (binding == NULL && need == GROUP_BIRTH)
		binding = group_nearest(group, sender, rcpt, destination,
		    GROUP_ANY);
	return (binding);
}

const char *
group_of(const struct rcpt *rcpt, const struct envelope_rcpt *er)
{
	const struct binding_conf	*b = rcpt->lane->binding->conf;

	if (!(rcpt->flags & RCPT_GROUP))
		return (NULL);
	return (b != NULL && b->group != NULL ? b->group->name : er->group);
}

/* Is there a member at all that could take over?  Unknown: look. */
static int
group_hope(const struct lane *lane)
{
	const struct binding_conf	*own = lane->binding->conf, *b;

	if (own == NULL)
		return (lane->binding->name[0] != '\0');
	if (own->group == NULL)
		return (0);
	TAILQ_FOREACH(b, &lane_config()->bindings, entry)
		if (b->group == own->group && b != own &&
		    member_usable(queue_binding_get(b->name),
		    lane->destination))
			return (1);
	return (0);
}

static void
group_take_over(struct rcpt *rcpt, struct binding *binding,
    const char *group)
{
	struct message	*m = rcpt_message(rcpt);
	struct logline	 line;
	const char	*why;
	char		 buf[LANE_WHY_MAX];

	logline_start(&line, "moved");
	logline_add(&line, "id", "%s.%u", id_text(m->id), rcpt->number);
	logline_add(&line, "binding", "%s", rcpt->lane->binding->name);
	logline_add(&line, "to", "%s", binding->name);
	logline_add(&line, "group", "%s", group);
	why = lane_why(rcpt->lane, buf, sizeof(buf));
	logline_add(&line, "reason", "%s", why == NULL ? "" : why);
	logline_end(&line);
	spool_move(m->id, rcpt->number, binding->name, group, NULL, NULL);
	rcpt_move(rcpt, lane_get(binding, rcpt->lane->destination));
}

/* What is ready in the lane to where it can go; how many were looked at. */
static int
group_lane(struct lane *lane, int left)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;
	struct binding			*binding;
	struct rcpt			*rcpt, *next;
	const char			*group;
	int				 n = 0;

	TAILQ_FOREACH_SAFE(rcpt, &lane->ready, entry, next) {
		if (!(rcpt->flags & RCPT_GROUP))
			continue;
		if (n++ == left)
			break;
		if ((e = message_envelope(rcpt_message(rcpt))) == NULL ||
		    (er = envelope_rcpt(e, rcpt->number)) == NULL ||
		    (group = group_of(rcpt, er)) == NULL)
			continue;
		binding = group_choose(group, e->sender, er->address,
		    lane->destination, GROUP_RETRY);
		if (binding != NULL && binding != lane->binding)
			group_take_over(rcpt, binding, group);
	}
	return (n);
}

static void
group_run(void *arg)
{
	struct lane	*lane;
	uint32_t	 n = groups.count;
	int		 left = GROUP_STEP;

	if (lane_config() == NULL)
		return;
	while (n-- > 0 && left > 0 &&
	    (lane = TAILQ_FIRST(&groups.stuck)) != NULL) {
		TAILQ_REMOVE(&groups.stuck, lane, stuck);
		TAILQ_INSERT_TAIL(&groups.stuck, lane, stuck);
		if (group_hope(lane))
			left -= group_lane(lane, left);
	}
	queue_commit();
	if (left <= 0)
		loop_job_queue(&groups.job);
}

void
group_update(struct lane *lane)
{
	int	 stuck;

	stuck = lane->grouped > 0 && !TAILQ_EMPTY(&lane->ready) &&
	    lane_stuck(lane);
	if (stuck == lane->is_stuck)
		return;
	lane->is_stuck = (uint8_t)stuck;
	if (!stuck) {
		TAILQ_REMOVE(&groups.stuck, lane, stuck);
		groups.count--;
		return;
	}
	groups.count++;
	TAILQ_INSERT_TAIL(&groups.stuck, lane, stuck);
	group_tick();
}

/* What could not go anywhere a second ago is looked at again. */
void
group_tick(void)
{
	if (!groups.ready) {
		loop_job_init(&groups.job, group_run, NULL);
		groups.ready = 1;
	}
	if (!TAILQ_EMPTY(&groups.stuck))
		loop_job_queue(&groups.job);
}
