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
 * Lanes with work: which there are, and which of them begins an attempt next.
 * Those that want a connection stand in their binding's line, the bindings in
 * a round, so that no customer's lanes keep another's waiting.  A lane costs
 * little until its turn comes.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "mta/attempt.h"
#include "mta/connection.h"
#include "mta/mta.h"
#include "mta/work.h"

#define WAIT_STEPS	64		/* to a lane's place in its line */
#define DOING_MOST	10000		/* rows for one who asks for all */
#define HELD_LOOKS	256		/* held lanes, a second */


RB_HEAD(work_tree, lane);
TAILQ_HEAD(binding_round, binding);

/* (binding, site) that a command suspended. */
struct pair {
	TAILQ_ENTRY(pair) entry;
	char		*binding;
	char		*site;
};

static struct {
	struct work_tree	 ids;
	struct binding_round	 round;		/* bindings with a line */
	struct work_lanes	 delayed;
	TAILQ_HEAD(, pair)	 suspended;
	struct loop_job		 job;
	struct loop_timer	 tick;
	int			 stopping;
} work = {
	.ids = RB_INITIALIZER(&work.ids),
	.round = TAILQ_HEAD_INITIALIZER(work.round),
	.delayed = TAILQ_HEAD_INITIALIZER(work.delayed),
	.suspended = TAILQ_HEAD_INITIALIZER(work.suspended)
};

static int
lane_id_compare(const struct lane *a, const struct lane *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_GENERATE_STATIC(work_tree, lane, id_node, lane_id_compare)

struct lane *
work_find(uint32_t id)
{
	struct lane	 key;

	key.id = id;
	return (RB_FIND(work_tree, &work.ids, &key));
}

/* ---- which lane is next */

static void
line_leave(struct lane *lane)
{
	struct binding	*binding = lane->binding;

	if (!lane->in_line)
		return;
	lane->in_line = 0;
	TAILQ_REMOVE(&binding->line, lane, entry);
	if (TAILQ_EMPTY(&binding->line) && binding->in_round) {
		TAILQ_REMOVE(&work.round, binding, round);
		binding->in_round = 0;
	}
}

/* One more attempt, where those that go on are not enough for what is due. */
static int
wants(const struct lane *lane)
{
	unsigned int	 opening, ready;

	if (work.stopping || lane->due == 0 || lane->held != NULL ||
	    lane->line != NULL ||
	    lane->binding->conf == NULL ||
	    (!binding_usable(lane->binding, AF_INET) &&
	    !binding_usable(lane->binding, AF_INET6)))
		return (0);
	/* while nobody knows whether a host works, one is enough */
	opening = attempt_opening(lane, &ready);
	if (opening >= (ready > 0 ? lane->growth : 1) ||
	    loop_seconds() < lane->not_before)
		return (0);
	if (lane->pulls + opening >= lane->due)
		return (0);
	return (lane->connections + attempt_waiting(lane) <
	    work_limit(lane) || connection_has_idle(lane));
}

void
work_wake(struct lane *lane)
{
	struct binding	*binding = lane->binding;

	if (lane->in_line || !wants(lane))
		return;
	lane->in_line = 1;
	TAILQ_INSERT_TAIL(&binding->line, lane, entry);
	if (!binding->in_round) {
		TAILQ_INSERT_TAIL(&work.round, binding, round);
		binding->in_round = 1;
	}
	loop_job_queue(&work.job);
}

/* A lane of each binding in turn, while there is room for attempts. */
static void
work_run(void *arg)
{
	struct binding	*binding;
	struct lane	*lane;
	unsigned int	 skipped = 0, n = 0;

	TAILQ_FOREACH(binding, &work.round, round)
		n++;
	while (skipped < n && (binding = TAILQ_FIRST(&work.round)) != NULL &&
	    attempt_room(NULL)) {
		TAILQ_REMOVE(&work.round, binding, round);
		TAILQ_INSERT_TAIL(&work.round, binding, round);
		if (!attempt_room(binding)) {
			skipped++;
			continue;
		}
		skipped = 0;
		lane = TAILQ_FIRST(&binding->line);
		line_leave(lane);
		if (!wants(lane))
			continue;
		attempt_new(lane);
		work_wake(lane);
	}
}

void
work_wake_all(void)
{
	if (!TAILQ_EMPTY(&work.round))
		loop_job_queue(&work.job);
}

/* ---- lanes that wait for something */

void
work_line_init(struct line *line, int step,
    void (*describe)(const struct line *, char *, size_t))
{
	TAILQ_INIT(&line->lanes);
	line->step = step;
	line->describe = describe;
}

static void
wait_leave(struct lane *lane)
{
	if (lane->line != NULL)
		TAILQ_REMOVE(&lane->line->lanes, lane, wait);
	lane->line = NULL;
}

/* One that was resumed in vain has its place before those that came later. */
void
work_wait(struct lane *lane, struct line *line)
{
	struct lane	*other;
	int		 steps = 0;

	line_leave(lane);
	wait_leave(lane);
	if (lane->last_line != line)
		lane->waits_since = loop_seconds();
	lane->line = line;
	lane->last_line = line;
	TAILQ_FOREACH(other, &line->lanes, wait)
		if (other->waits_since > lane->waits_since ||
		    ++steps > WAIT_STEPS)
			break;
	if (other == NULL || steps > WAIT_STEPS)
		TAILQ_INSERT_TAIL(&line->lanes, lane, wait);
	else
		TAILQ_INSERT_BEFORE(other, lane, wait);
}

void
work_resume(struct lane *lane)
{
	wait_leave(lane);
	work_wake(lane);
}

/* ---- what queue says */

static void
delay_over(struct lane *lane)
{
	if (lane->is_delayed)
		TAILQ_REMOVE(&work.delayed, lane, delayed);
	lane->is_delayed = 0;
	lane->not_before = 0;
}

void
work_delay(struct lane *lane, uint32_t seconds)
{
	delay_over(lane);
	lane->not_before = loop_seconds() + seconds;
	TAILQ_INSERT_TAIL(&work.delayed, lane, delayed);
	lane->is_delayed = 1;
}

static void
lane_free(struct lane *lane)
{
	line_leave(lane);
	wait_leave(lane);
	delay_over(lane);
	work_free_held(lane);
	RB_REMOVE(work_tree, &work.ids, lane);
	free(lane->destination);
	free(lane->want_action);
	free(lane->want_sender);
	free(lane->site);
	free(lane);
}

void
work_release(struct lane *lane)
{
	if (lane->test != NULL)
		return;
	if (lane->due == 0 && lane->connections == 0 &&
	    lane->nattempts == 0)
		lane_free(lane);
	else
		work_wake(lane);
}

static void
set_text(char **to, const char *from)
{
	if (*to != NULL && strcmp(*to, from) == 0)
		return;
	free(*to);
	if ((*to = strdup(from)) == NULL)
		fatal("strdup");
}

static struct lane *
lane_new(const struct work *w)
{
	struct lane	*lane;

	if ((lane = calloc(1, sizeof(*lane))) == NULL)
		fatal("calloc");
	lane->id = w->lane;
	lane->binding = binding_get(w->binding);
	set_text(&lane->destination, w->destination);
	lane->growth = 1;
	TAILQ_INIT(&lane->attempts);
	RB_INSERT(work_tree, &work.ids, lane);
	return (lane);
}

/* There is nothing any more: what has no message in hand is let go. */
static void
withdraw(struct lane *lane)
{
	struct attempt	*a, *next;

	lane->due = 0;
	delay_over(lane);
	line_leave(lane);
	wait_leave(lane);
	lane->last_line = NULL;
	work_free_held(lane);
	TAILQ_FOREACH_SAFE(a, &lane->attempts, entry, next)
		attempt_withdraw(a);
	work_release(lane);
}

void
work_told(struct ipc *queue, struct ipc_msg *msg)
{
	struct lane	*lane;
	struct work	 w;

	work_get(msg, &w);
	ipc_get_end(msg);
	lane = work_find(w.lane);
	if (w.due == 0) {
		if (lane != NULL)
			withdraw(lane);
		return;
	}
	if (lane == NULL)
		lane = lane_new(&w);
	lane->due = w.due;
	delay_over(lane);
	set_text(&lane->want_action, w.action);
	set_text(&lane->want_sender, w.sender);
	if (w.failed && lane->live == 0)
		lane->growth = 1;
	if (w.now) {
		lane->now = 1;
		wait_leave(lane);
		if (lane->held != NULL)
			lane->held->look = loop_seconds();
	}
	work_wake(lane);
}

void
work_left(struct lane *lane, const struct task *task)
{
	lane->due = task->due;
	if (task->due > 0 && task->want_action != NULL &&
	    task->want_sender != NULL) {
		set_text(&lane->want_action, task->want_action);
		set_text(&lane->want_sender, task->want_sender);
	}
}

static struct pair *
pair_find(const char *binding, const char *site)
{
	struct pair	*pair;

	TAILQ_FOREACH(pair, &work.suspended, entry)
		if (strcmp(pair->binding, binding) == 0 &&
		    strcmp(pair->site, site) == 0)
			break;
	return (pair);
}

static void
pair_free(struct pair *pair)
{
	TAILQ_REMOVE(&work.suspended, pair, entry);
	free(pair->binding);
	free(pair->site);
	free(pair);
}

void
work_suspend(struct ipc *queue, struct ipc_msg *msg)
{
	const char	*binding, *site;
	struct pair	*pair;
	uint8_t		 on;

	binding = ipc_get_str(msg);
	site = ipc_get_str(msg);
	on = ipc_get_u8(msg);
	ipc_get_end(msg);
	if (binding == NULL || site == NULL)
		return;
	if ((pair = pair_find(binding, site)) != NULL && !on)
		pair_free(pair);
	else if (pair == NULL && on) {
		if ((pair = calloc(1, sizeof(*pair))) == NULL ||
		    (pair->binding = strdup(binding)) == NULL ||
		    (pair->site = strdup(site)) == NULL)
			fatal("calloc");
		TAILQ_INSERT_TAIL(&work.suspended, pair, entry);
	}
}

int
work_site_suspended(const struct lane *lane, const struct site *site)
{
	const struct option	*o;

	if (site == NULL)
		return (0);
	if (pair_find(lane->binding->name, site->name) != NULL)
		return (1);
	o = config_option(mta_config(), lane->binding->conf,
	    lane->destination, site->name, OPTION_SUSPEND_DELIVERY);
	return (o->number != 0);
}

void
work_set_site(struct lane *lane, const struct site *site)
{
	if (site != NULL) {
		set_text(&lane->site, site->name);
		return;
	}
	free(lane->site);
	lane->site = NULL;
}

/* ---- held lanes */

void
work_hold(struct lane *lane, const struct sockaddr *dst, uint32_t seconds)
{
	if (lane->held == NULL) {
		line_leave(lane);
		if ((lane->held = calloc(1, sizeof(*lane->held))) == NULL)
			fatal("calloc");
		TAILQ_INSERT_TAIL(&lane->binding->held, lane, entry);
	}
	memset(&lane->held->dst, 0, sizeof(lane->held->dst));
	if (dst != NULL)
		memcpy(&lane->held->dst, dst, sockaddr_len(dst));
	lane->held->look = loop_seconds() + seconds;
}

void
work_free_held(struct lane *lane)
{
	if (lane->held == NULL)
		return;
	TAILQ_REMOVE(&lane->binding->held, lane, entry);
	free(lane->held);
	lane->held = NULL;
}

/* It is over, as far as can be seen: an attempt shows whether it is. */
static void
held_over(struct lane *lane)
{
	if (lane->nattempts == 0 && attempt_room(NULL))
		attempt_new(lane);
}

static void
held_look(struct lane *lane)
{
	const struct sockaddr	*dst = (struct sockaddr *)&lane->held->dst;

	if (lane->held->look > loop_seconds())
		return;
	lane->held->look = loop_seconds() + 1;
	if (dst->sa_family == 0 || lane->now ||
	    attempt_routable(lane, dst))
		held_over(lane);
}

static void
work_tick(void *arg)
{
	struct binding	*binding;
	struct lane	*lane, *last, *next;
	int		 left = HELD_LOOKS;

	loop_timer_set(&work.tick, 0);
	if (work.stopping)
		return;
	TAILQ_FOREACH_SAFE(lane, &work.delayed, delayed, next)
		if (loop_seconds() >= lane->not_before) {
			delay_over(lane);
			work_wake(lane);
		}
	for (binding = binding_next(NULL); binding != NULL;
	    binding = binding_next(binding)) {
		if ((last = TAILQ_LAST(&binding->held, work_lanes)) == NULL)
			continue;
		/* each once, and where there are many, in turn */
		do {
			lane = TAILQ_FIRST(&binding->held);
			TAILQ_REMOVE(&binding->held, lane, entry);
			TAILQ_INSERT_TAIL(&binding->held, lane, entry);
			held_look(lane);
		} while (lane != last && --left > 0 &&
		    !TAILQ_EMPTY(&binding->held));
	}
	work_wake_all();
}

/* ---- what changes for all */

void
work_binding_changed(struct binding *binding)
{
	struct lane	*lane;

	TAILQ_FOREACH(lane, &binding->held, entry)
		lane->held->look = loop_seconds();
	RB_FOREACH(lane, work_tree, &work.ids)
		if (lane->binding == binding)
			work_wake(lane);
}

void
work_configured(void)
{
	struct attempt	*a, *next;
	struct lane	*lane;

	RB_FOREACH(lane, work_tree, &work.ids) {
		TAILQ_FOREACH_SAFE(a, &lane->attempts, entry, next)
			attempt_reconfigured(a);
		work_free_held(lane);
		wait_leave(lane);
		lane->last_line = NULL;
		delay_over(lane);
		work_wake(lane);
	}
}

void
work_stop(void)
{
	struct attempt	*a, *next;
	struct lane	*lane;

	work.stopping = 1;
	RB_FOREACH(lane, work_tree, &work.ids)
		TAILQ_FOREACH_SAFE(a, &lane->attempts, entry, next)
			attempt_withdraw(a);
}

void
work_forget_all(void)
{
	struct lane	*lane, *next;
	struct pair	*pair;

	RB_FOREACH_SAFE(lane, work_tree, &work.ids, next)
		withdraw(lane);
	while ((pair = TAILQ_FIRST(&work.suspended)) != NULL)
		pair_free(pair);
}

void
work_init(void)
{
	loop_job_init(&work.job, work_run, NULL);
	loop_timer_init(&work.tick, work_tick, NULL);
	loop_timer_set(&work.tick, 0);
}

/* ---- what is under way */

static void
lane_doing(const struct lane *lane, void (*row)(void *,
    const struct doing *), void *arg)
{
	const struct attempt	*a;
	struct doing		 d;
	char			 text[MTA_TEXT];

	TAILQ_FOREACH(a, &lane->attempts, entry) {
		attempt_doing(a, &d, text, sizeof(text));
		d.task = 0;
		row(arg, &d);
	}
	if (lane->line == NULL)
		return;
	memset(&d, 0, sizeof(d));
	d.lane = lane->id;
	d.step = (uint8_t)lane->line->step;
	d.number = loop_seconds() - lane->waits_since;
	lane->line->describe(lane->line, text, sizeof(text));
	d.text = text;
	row(arg, &d);
}

void
work_doing(const struct lane *lane, void (*row)(void *,
    const struct doing *), void *arg)
{
	struct lane	*each;
	struct doing	 d;
	int		 left = DOING_MOST;

	if (lane == NULL) {
		RB_FOREACH(each, work_tree, &work.ids) {
			if (each->nattempts == 0 && each->line == NULL)
				continue;
			lane_doing(each, row, arg);
			if (--left == 0)
				break;
		}
		return;
	}
	lane_doing(lane, row, arg);
	if (!TAILQ_EMPTY(&lane->attempts) || lane->line != NULL ||
	    lane->due == 0)
		return;
	memset(&d, 0, sizeof(d));
	d.lane = lane->id;
	d.step = STEP_TURN;
	row(arg, &d);
}

/* ---- options */

const char *
work_site(const struct lane *lane)
{
	const struct site	*site;

	site = config_site_of(mta_config(), lane->destination);
	if (site == NULL && lane->site != NULL)
		site = config_site(mta_config(), lane->site);
	return (site == NULL ? NULL : site->name);
}

const struct option *
work_option(const struct lane *lane, enum option_id id)
{
	return (config_option(mta_config(), lane->binding->conf,
	    lane->destination, work_site(lane), id));
}

unsigned int
work_limit(const struct lane *lane)
{
	int64_t	 n;

	if (lane->binding->conf == NULL)
		return (1);
	n = work_option(lane, OPTION_MAX_OUTBOUND_CONNECTIONS)->number;
	return (n < 1 ? 1 : (unsigned int)n);
}
