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
 * The life of a lane: what is in hand for one (binding, destination), from
 * queue's word that there is one to its word that it is gone.  Here it opens
 * and closes, and waits for a slot; what is done for it while it is open is
 * lane_run.c's.  It must never keep back what it has not told queue of.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "mta/lane.h"

RB_HEAD(lane_ids, lane);
TAILQ_HEAD(lane_list, lane);

static struct {
	struct lane_ids		 ids;
	struct lane_list	 blocked;
	struct loop_job		 unblock;
	struct loop_timer	 unblock_timer;
	int			 stopping;
} lanes;

static int
lane_compare(const struct lane *a, const struct lane *b)
{
	return (strcmp(a->destination, b->destination));
}

static int
lane_id_compare(const struct lane *a, const struct lane *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_PROTOTYPE(lanes, lane, node, lane_compare);
RB_GENERATE(lanes, lane, node, lane_compare)
RB_PROTOTYPE(lane_ids, lane, id_node, lane_id_compare);
RB_GENERATE(lane_ids, lane, id_node, lane_id_compare)

static void	 lane_timer(void *);
static void	 lanes_unblock(void *);

void
lane_init(void)
{
	RB_INIT(&lanes.ids);
	TAILQ_INIT(&lanes.blocked);
	loop_job_init(&lanes.unblock, lanes_unblock, NULL);
	loop_timer_init(&lanes.unblock_timer, lanes_unblock, NULL);
}

static struct lane *
lane_find(uint32_t id)
{
	struct lane	 key;

	key.id = id;
	return (RB_FIND(lane_ids, &lanes.ids, &key));
}

void
lane_wake(struct lane *lane)
{
	loop_job_queue(&lane->job);
}

struct item *
lane_pop(struct lane *lane)
{
	struct item	*item;

	if ((item = TAILQ_FIRST(&lane->waiting)) == NULL)
		return (NULL);
	TAILQ_REMOVE(&lane->waiting, item, entry);
	lane->nwaiting--;
	return (item);
}

static void
lane_return_all(struct lane *lane)
{
	struct item	*item;

	/* each goes back to the head: the last one first */
	while ((item = TAILQ_LAST(&lane->waiting, items)) != NULL) {
		TAILQ_REMOVE(&lane->waiting, item, entry);
		lane->nwaiting--;
		item_return(item);
	}
}

static void
lane_unblock(struct lane *lane)
{
	if (!lane->blocked)
		return;
	TAILQ_REMOVE(&lanes.blocked, lane, blocked_entry);
	lane->blocked = 0;
}

void
lane_block(struct lane *lane)
{
	if (lane->blocked)
		return;
	TAILQ_INSERT_TAIL(&lanes.blocked, lane, blocked_entry);
	lane->blocked = 1;
	lane->needy = lane->way->connections == 0;
}

static void
lanes_unblock(void *arg)
{
	struct lane	*lane, *next;

	/* those whose binding had no connection at all come first */
	TAILQ_FOREACH_SAFE(lane, &lanes.blocked, blocked_entry, next) {
		if (!lane->needy)
			continue;
		lane_unblock(lane);
		lane_wake(lane);
	}
	while ((lane = TAILQ_FIRST(&lanes.blocked)) != NULL) {
		lane_unblock(lane);
		lane_wake(lane);
	}
}

void
lane_wait(struct lane *lane)
{
	lane_block(lane);
	loop_timer_set(&lanes.unblock_timer, 1);
}

void
lane_slot_free(void)
{
	if (!TAILQ_EMPTY(&lanes.blocked))
		loop_job_queue(&lanes.unblock);
}

static void
lane_free(struct lane *lane)
{
	lane_unblock(lane);
	rate_leave(lane);
	loop_job_cancel(&lane->job);
	loop_timer_cancel(&lane->timer);
	RB_REMOVE(lanes, &lane->way->lanes, lane);
	route_free(lane->route);
	free(lane->attempt);
	free(lane->destination);
	free(lane);
}

void
lane_new(uint32_t id, const char *binding, const char *destination)
{
	struct way	*way = binding_way(binding);
	struct lane	*lane, key;

	key.destination = (char *)(uintptr_t)destination;
	if ((lane = RB_FIND(lanes, &way->lanes, &key)) == NULL) {
		if ((lane = calloc(1, sizeof(*lane))) == NULL ||
		    (lane->destination = strdup(destination)) == NULL)
			fatal("lane_new");
		lane->way = way;
		lane->growth = 1;
		TAILQ_INIT(&lane->waiting);
		loop_job_init(&lane->job, lane_run, lane);
		loop_timer_init(&lane->timer, lane_timer, lane);
		RB_INSERT(lanes, &way->lanes, lane);
	} else if (!lane->gone)
		RB_REMOVE(lane_ids, &lanes.ids, lane);
	lane->id = id;
	lane->gone = 0;
	lane->asking = 0;
	lane->site[0] = '\0';		/* queue does not know it any more */
	lane->closed = lanes.stopping;
	RB_INSERT(lane_ids, &lanes.ids, lane);
}

static void
lane_forget(struct lane *lane)
{
	RB_REMOVE(lane_ids, &lanes.ids, lane);
	lane->gone = 1;
	lane->closed = 0;
	rate_leave(lane);
	loop_timer_cancel(&lane->timer);
	if (lane->connections == 0)
		lane_free(lane);
}

void
lane_gone(uint32_t id)
{
	struct lane	*lane;

	if ((lane = lane_find(id)) == NULL)
		return;
	lane_return_all(lane);
	lane_forget(lane);
}

void
lane_forget_all(void)
{
	struct lane	*lane;

	while ((lane = RB_ROOT(&lanes.ids)) != NULL) {
		TAILQ_INIT(&lane->waiting);
		lane->nwaiting = 0;
		lane_forget(lane);
	}
}

void
lane_stop_all(void)
{
	struct lane	*lane;

	lanes.stopping = 1;
	RB_FOREACH(lane, lane_ids, &lanes.ids) {
		lane_return_all(lane);
		lane->closed = 1;
	}
}

void
lane_recall(uint32_t id)
{
	struct lane	*lane;

	if ((lane = lane_find(id)) != NULL)
		lane_return_all(lane);
}

void
lane_retry_now(uint32_t id)
{
	struct lane	*lane;

	if ((lane = lane_find(id)) == NULL)
		return;
	pick_forgive(lane);
	if (lane->remote)
		lane_resume(lane);
}

void
lane_task(const struct task *t)
{
	struct lane	*lane;
	struct item	*item;

	if ((lane = lane_find(t->lane)) == NULL) {
		log_warnx("task for a lane that is gone");
		return;
	}
	item = item_new(t, lane);
	if (lane->closed) {
		item_return(item);
		return;
	}
	TAILQ_INSERT_TAIL(&lane->waiting, item, entry);
	lane->nwaiting++;
	lane_wake(lane);
}

void
lane_put_back(struct lane *lane, struct item *item)
{
	item->connection = NULL;
	item->restarts++;
	if (lane->closed || lane->gone) {
		item_return(item);
		return;
	}
	TAILQ_INSERT_HEAD(&lane->waiting, item, entry);
	lane->nwaiting++;
	lane_wake(lane);
}

/* Most seconds until a task that fails now is due again. */
uint32_t
lane_retry(const struct lane *lane)
{
	const struct item	*item = TAILQ_FIRST(&lane->waiting);

	return (item == NULL ? LANE_DNS_WAIT : item->rcpts[0].retry);
}

const char *
lane_site_name(const struct lane *lane)
{
	const struct site	*site;

	if ((site = config_site_of(mta_config(), lane->destination)) == NULL &&
	    lane->site[0] != '\0')
		site = config_site(mta_config(), lane->site);
	return (site == NULL ? NULL : site->name);
}

const struct option *
lane_option(const struct lane *lane, enum option_id id)
{
	return (config_option(mta_config(), lane->way->conf,
	    lane->destination, lane_site_name(lane), id));
}

unsigned int
lane_limit(const struct lane *lane)
{
	int64_t	 n;

	if (lane->way->conf == NULL)
		return (1);
	n = lane_option(lane, OPTION_MAX_OUTBOUND_CONNECTIONS)->number;
	return (n < 1 ? 1 : (unsigned int)n);
}

void
lane_shut(struct lane *lane, const char *cause, const char *text,
    uint32_t seconds, int known)
{
	struct ipc	*queue = mta_queue();

	if (lane->closed || lane->gone)
		return;
	rate_leave(lane);
	lane->closed = 1;
	lane->remote = strcmp(cause, "remote") == 0;
	lane->growth = 1;
	if (queue != NULL) {
		ipc_begin(queue, MTA_LANE);
		ipc_put_u32(queue, lane->id);
		ipc_put_u8(queue, 0);
		ipc_put_str(queue, cause);
		ipc_put_str(queue, text);
		ipc_put_u64(queue, known ? loop_epoch() + seconds : 0);
		ipc_end(queue);
	}
	lane_return_all(lane);
	loop_timer_set(&lane->timer, seconds);
}

static void
lane_open(struct lane *lane)
{
	struct ipc	*queue = mta_queue();

	if (!lane->closed || lane->gone || lanes.stopping)
		return;
	lane->closed = 0;
	lane->remote = 0;
	lane->probing = 0;
	loop_timer_cancel(&lane->timer);
	if (queue == NULL)
		return;
	ipc_begin(queue, MTA_LANE);
	ipc_put_u32(queue, lane->id);
	ipc_put_u8(queue, 1);
	ipc_put_str(queue, NULL);
	ipc_put_str(queue, NULL);
	ipc_put_u64(queue, 0);
	ipc_end(queue);
}

static void
lane_timer(void *arg)
{
	struct lane	*lane = arg;

	if (lane->probing && !pick_routable(lane))
		loop_timer_set(&lane->timer, LANE_PROBE);
	else
		lane_open(lane);
}

void
lane_binding_changed(struct way *way)
{
	struct lane	*lane;

	RB_FOREACH(lane, lanes, &way->lanes) {
		if (lane->closed && lane->probing)
			lane_open(lane);
		lane_wake(lane);
	}
}

void
lane_pause(struct lane *lane, const char *cause, const char *text,
    uint32_t seconds)
{
	lane_shut(lane, cause, text, seconds, 1);
	loop_timer_cancel(&lane->timer);
}

void
lane_resume(struct lane *lane)
{
	lane_open(lane);
	lane_wake(lane);
}

void
lane_site_known(uint32_t id)
{
	struct lane	*lane;

	if ((lane = lane_find(id)) == NULL)
		return;
	lane->asking = 0;
	lane_wake(lane);
}

void
lane_connection_closed(struct lane *lane)
{
	lane->connections--;
	if (lane->test != NULL)
		test_closed(lane->test);
	else if (lane->gone && lane->connections == 0)
		lane_free(lane);
	else if (TAILQ_EMPTY(&lanes.blocked)) {
		if (lane->nwaiting > 0)
			lane_wake(lane);
	} else {
		/* who waits for a slot has it first */
		if (lane->nwaiting > 0)
			lane_block(lane);
		lane_slot_free();
	}
}

static void
lane_configure(struct lane *lane)
{
	rate_leave(lane);
	route_free(lane->route);
	lane->route = NULL;
	lane_open(lane);
	lane_wake(lane);
}

void
lane_configured(void)
{
	struct lane	*lane;

	RB_FOREACH(lane, lane_ids, &lanes.ids)
		lane_configure(lane);
}
