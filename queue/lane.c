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
 * Lanes: which there are, what keeps each back, and when mta is told that one
 * has work.  mta is told when a lane had nothing due and has something, and
 * when what is due has doubled, up to the connections that it may have; due 0
 * withdraws it.  Everything here costs the same however much is queued.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "lib/text.h"
#include "queue/group.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/suspend.h"

/* Seconds that a lane is closed after a failure: at first, at most. */
#define CLOSE_FIRST	15
#define CLOSE_MOST	900
/* Lanes that mta is told of in one turn. */
#define NEWS_STEP	512
/* Octets on their way to mta: no more news are added. */
#define NEWS_PENDING	(4 * 1024 * 1024)
/* A slot a second for closed lanes. */
#define TIMER_SLOTS	1024U

RB_HEAD(queue_lanes, lane);

static struct {
	const struct config	*config;
	struct queue_lanes	 ids;
	struct lanes		 news;
	struct lanes		 judged;
	struct lanes		 timers[TIMER_SLOTS];
	uint32_t		 timed;		/* slots up to here are done */
	struct loop_job		 job;
	struct loop_job		 judge;
	uint32_t		 last_id;
	uint32_t		 in_hand;	/* tasks */
} lanes = {
	.ids = RB_INITIALIZER(&lanes.ids),
	.news = TAILQ_HEAD_INITIALIZER(lanes.news),
	.judged = TAILQ_HEAD_INITIALIZER(lanes.judged),
};

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

RB_GENERATE_STATIC(binding_lanes, lane, node, lane_compare)
RB_GENERATE_STATIC(queue_lanes, lane, id_node, lane_id_compare)

static void	 lanes_tell(void *);
static void	 lanes_judge(void *);

void
lane_init(void)
{
	uint32_t	 i;

	for (i = 0; i < TIMER_SLOTS; i++)
		TAILQ_INIT(&lanes.timers[i]);
	lanes.timed = loop_seconds();
	loop_job_init(&lanes.job, lanes_tell, NULL);
	loop_job_init(&lanes.judge, lanes_judge, NULL);
}

const struct config *
lane_config(void)
{
	return (lanes.config);
}

struct lane *
lane_find(struct binding *binding, const char *destination)
{
	struct lane	 key;

	key.destination = (char *)(uintptr_t)destination;
	return (RB_FIND(binding_lanes, &binding->lanes, &key));
}

struct lane *
lane_get(struct binding *binding, const char *destination)
{
	struct lane	*lane;

	if ((lane = lane_find(binding, destination)) != NULL)
		return (lane);
	if ((lane = calloc(1, sizeof(*lane))) == NULL ||
	    (lane->destination = strdup(destination)) == NULL)
		fatal("calloc");
	lane->binding = binding;
	lane->id = ++lanes.last_id;
	lane->idle = loop_seconds();
	TAILQ_INIT(&lane->urgent);
	TAILQ_INIT(&lane->ready);
	TAILQ_INIT(&lane->held);
	TAILQ_INIT(&lane->ages);
	RB_INSERT(binding_lanes, &binding->lanes, lane);
	RB_INSERT(queue_lanes, &lanes.ids, lane);
	lane_sweep_add(lane);
	lane_resolve(lane);
	return (lane);
}

struct lane *
lane_by_id(uint32_t id)
{
	struct lane	 key;

	key.id = id;
	return (RB_FIND(queue_lanes, &lanes.ids, &key));
}

struct lane *
lane_next(struct binding *binding, struct lane *lane)
{
	if (lane == NULL)
		return (RB_MIN(binding_lanes, &binding->lanes));
	return (RB_NEXT(binding_lanes, &binding->lanes, lane));
}

const char *
lane_site(const struct lane *lane)
{
	const struct site	*site;

	if (lanes.config == NULL)
		return (NULL);
	site = config_site_of(lanes.config, lane->destination);
	if (site == NULL && lane->site != NULL)
		site = config_site(lanes.config, lane->site);
	return (site == NULL ? NULL : site->name);
}

void
lane_set_site(struct lane *lane, const char *site)
{
	if (site == NULL ? lane->site == NULL :
	    lane->site != NULL && strcmp(lane->site, site) == 0)
		return;
	free(lane->site);
	lane->site = site == NULL ? NULL : strdup(site);
	lane_resolve(lane);
}

/* ---- what is due, and telling it */

uint32_t
lane_due(const struct lane *lane)
{
	if (lane->suspended || lane->state == LANE_FAILING ||
	    !queue_binding_usable(lane->binding) || queue_is_paused("mta"))
		return (0);
	if (lane->state == LANE_CLOSED)
		return (lane->nurgent);
	return (lane->nurgent + lane->nready);
}

struct rcpt *
lane_first(const struct lane *lane)
{
	struct rcpt	*rcpt;

	if ((rcpt = TAILQ_FIRST(&lane->urgent)) != NULL)
		return (rcpt);
	return (lane->state == LANE_CLOSED ? NULL :
	    TAILQ_FIRST(&lane->ready));
}

/* Does mta have to be told? */
static int
lane_has_news(const struct lane *lane, uint32_t due)
{
	if (lane->now)
		return (due > 0 || lane->told > 0);
	if (due == 0 || lane->told == 0)
		return (due != lane->told);
	return (due / 2 >= lane->told && lane->told < lane->limit);
}

void
lane_update(struct lane *lane)
{
	if (!lane->is_news && queue_mta() != NULL &&
	    lane_has_news(lane, lane_due(lane))) {
		TAILQ_INSERT_TAIL(&lanes.news, lane, news);
		lane->is_news = 1;
		lane_kick();
	}
	group_update(lane);
}

void
lane_kick(void)
{
	loop_job_queue(&lanes.job);
}

struct rcpt *
lane_first_good(struct lane *lane, const struct envelope **e)
{
	struct rcpt	*rcpt;

	while (lane_due(lane) > 0) {
		rcpt = lane_first(lane);
		if ((*e = message_envelope(rcpt_message(rcpt))) == NULL)
			handout_unread(rcpt, errno);
		else if (!handout_misfit(rcpt, *e))
			return (rcpt);
	}
	return (NULL);
}

static void
lane_tell(struct ipc *mta, struct lane *lane)
{
	const struct envelope	*e;
	struct rcpt		*rcpt;
	struct work		 work;

	memset(&work, 0, sizeof(work));
	rcpt = lane_first_good(lane, &e);
	work.lane = lane->id;
	work.due = rcpt == NULL ? 0 : lane_due(lane);
	if (work.due == 0 && lane->told == 0)
		return;
	if (rcpt != NULL) {
		work.binding = lane->binding->name;
		work.destination = lane->destination;
		work.action = envelope_rcpt(e, rcpt->number)->action;
		work.sender = address_domain(e->sender);
		work.failed = lane->failures > 0;
		work.now = lane->now;
	}
	ipc_begin(mta, QUEUE_WORK);
	work_put(mta, &work);
	ipc_end(mta);
	lane->told = work.due;
	lane->now = 0;
}

static void
lanes_tell(void *arg)
{
	struct lane	*lane;
	struct ipc	*mta = queue_mta();
	int		 left;

	if (!queue_begun())
		return;			/* it comes again */
	for (left = NEWS_STEP; left > 0; left--) {
		if ((lane = TAILQ_FIRST(&lanes.news)) == NULL)
			return;
		/* lane_tick() goes on */
		if (mta != NULL && ipc_pending(mta) > NEWS_PENDING)
			return;
		TAILQ_REMOVE(&lanes.news, lane, news);
		lane->is_news = 0;
		if (mta != NULL && lane_has_news(lane, lane_due(lane)))
			lane_tell(mta, lane);
	}
	lane_kick();
}

void
lane_mta_changed(void)
{
	struct binding	*binding;
	struct lane	*lane;

	for (binding = queue_binding_next(NULL); binding != NULL;
	    binding = queue_binding_next(binding)) {
		binding->down4 = binding->down6 = 0;
		binding->connections = 0;
		free(binding->reason);
		binding->reason = NULL;
		for (lane = lane_next(binding, NULL); lane != NULL;
		    lane = lane_next(binding, lane)) {
			lane->told = 0;
			/* nobody would say that it is over */
			if (lane->state == LANE_HELD)
				lane_open(lane);
			else
				lane_update(lane);
		}
	}
}

void
lane_pause_changed(void)
{
	struct binding	*binding;

	for (binding = queue_binding_next(NULL); binding != NULL;
	    binding = queue_binding_next(binding))
		queue_binding_update(binding);
}

/* ---- suspensions and options */

uint8_t
lane_suspensions(const struct lane *lane)
{
	const struct binding_conf	*conf = lane->binding->conf;
	uint8_t				 bits = 0;

	if (suspend_lane(lane) != NULL)
		bits |= SUSPENDED_COMMAND;
	if (conf != NULL && config_option(lanes.config, conf,
	    lane->destination, lane_site(lane),
	    OPTION_SUSPEND_DELIVERY)->number)
		bits |= SUSPENDED_FILE;
	return (bits);
}

int
lane_stuck(const struct lane *lane)
{
	return (!queue_binding_usable(lane->binding) ||
	    lane->suspended != 0 || lane->state == LANE_HELD);
}

int
lane_waits_for_us(const struct lane *lane)
{
	return (lane_stuck(lane) || queue_is_paused("mta"));
}

void
lane_resolve(struct lane *lane)
{
	const struct binding_conf	*conf = lane->binding->conf;
	const struct config		*config = lanes.config;
	const struct option		*option;
	const char			*site;

	lane->suspended = lane_suspensions(lane);
	lane->limit = 1;
	lane->ttl = config == NULL ? UINT32_MAX : (uint32_t)config->queue_ttl;
	if (conf != NULL) {
		site = lane_site(lane);
		option = config_option(config, conf, lane->destination, site,
		    OPTION_MAX_OUTBOUND_CONNECTIONS);
		if (option->number > 0 && option->number < UINT32_MAX)
			lane->limit = (uint32_t)option->number;
		option = config_option(config, conf, lane->destination, site,
		    OPTION_MESSAGE_EXPIRATION);
		if (option->number > 0)
			lane->ttl = (uint32_t)option->number;
	}
	lane_update(lane);
}

static void
lane_renew_one(struct lane *lane)
{
	struct rcpt	*rcpt, *next;

	/* what was held for a missing name may go now */
	TAILQ_FOREACH_SAFE(rcpt, &lane->held, entry, next)
		if ((rcpt->flags & RCPT_DEATHS) != RCPT_DEATHS)
			rcpt_ready(rcpt, 0);
	/*
	 * An mta that had this configuration first was told that there is
	 * nothing for it: it is told anew.
	 */
	lane->told = 0;
	if (lane->state == LANE_HELD)
		lane_open(lane);
	lane_resolve(lane);
}

void
lane_renew(const struct config *config)
{
	struct binding_conf	*conf;
	struct binding		*binding;
	struct lane		*lane;

	lanes.config = config;
	TAILQ_FOREACH(conf, &config->bindings, entry)
		if (strcmp(conf->name, "*") != 0)
			(void)queue_binding_get(conf->name);
	for (binding = queue_binding_next(NULL); binding != NULL;
	    binding = queue_binding_next(binding)) {
		queue_binding_resolve(binding);
		for (lane = lane_next(binding, NULL); lane != NULL;
		    lane = lane_next(binding, lane))
			lane_renew_one(lane);
	}
}

/* ---- states */

/* One line of the log for each time that a lane closes or opens. */
static void
lane_log(const struct lane *lane, const char *event, const char *cause,
    const char *text, uint32_t seconds)
{
	struct logline	 line;

	logline_start(&line, event);
	logline_add(&line, "binding", "%s", lane->binding->name);
	logline_add(&line, "destination", "%s", lane->destination);
	if (cause != NULL)
		logline_add(&line, "cause", "%s", cause);
	if (seconds > 0)
		logline_add(&line, "for", "%s", duration_text(seconds));
	if (text != NULL)
		logline_text(&line, "stat", text);
	logline_end(&line);
}

static void
lane_set_state(struct lane *lane, enum lane_state state, const char *cause,
    const char *text, int remote)
{
	if (lane->state == LANE_CLOSED)
		TAILQ_REMOVE(&lanes.timers[lane->opens % TIMER_SLOTS], lane,
		    timer);
	lane->state = (uint8_t)state;
	lane->remote = remote != 0;
	free(lane->why);
	lane->why = NULL;
	if (cause != NULL && asprintf(&lane->why, "%s: %s", cause, text) == -1)
		lane->why = NULL;
}

void
lane_close(struct lane *lane, const char *cause, const char *text,
    int remote, uint32_t seconds)
{
	if (seconds == 0)
		seconds = 1;
	if (seconds > CLOSE_MOST)
		seconds = CLOSE_MOST;
	if (lane->state != LANE_CLOSED)
		lane_log(lane, "lane closed", cause, text, seconds);
	lane_set_state(lane, LANE_CLOSED, cause, text, remote);
	lane->opens = loop_seconds() + seconds;
	TAILQ_INSERT_TAIL(&lanes.timers[lane->opens % TIMER_SLOTS], lane,
	    timer);
	lane_last(lane, text);
	lane_update(lane);
}

void
lane_failed(struct lane *lane, const char *cause, const char *text,
    int remote)
{
	uint32_t	 first = CLOSE_FIRST, most = CLOSE_MOST, wait;
	unsigned int	 i;

	if (lanes.config->retry_min < first)
		first = (uint32_t)lanes.config->retry_min;
	if (lanes.config->retry_max < most)
		most = (uint32_t)lanes.config->retry_max;
	if (lane->failures < UINT8_MAX)
		lane->failures++;
	for (wait = first, i = 1; i < lane->failures && wait < most; i++)
		wait *= 2;
	lane_close(lane, cause, text, remote, wait < most ? wait : most);
}

void
lane_hold(struct lane *lane, const char *cause, const char *text)
{
	lane_log(lane, "lane held", cause, text, 0);
	lane_set_state(lane, LANE_HELD, cause, text, 0);
	lane_last(lane, text);
	lane_update(lane);
}

void
lane_open(struct lane *lane)
{
	if (lane->state == LANE_OPEN)
		return;
	lane_log(lane, "lane open", NULL, NULL, 0);
	lane_set_state(lane, LANE_OPEN, NULL, NULL, 0);
	lane_update(lane);
}

void
lane_good(struct lane *lane)
{
	lane->failures = 0;
	if (lane->state == LANE_CLOSED || lane->state == LANE_HELD)
		lane_open(lane);
}

void
lane_retry(struct lane *lane)
{
	lane->now = 1;
	if (lane->state == LANE_CLOSED)
		lane_open(lane);
	else
		lane_update(lane);
}

static void
lane_add_judged(struct lane *lane, uint32_t since)
{
	lane->judge = since;
	if (!lane->is_judged) {
		TAILQ_INSERT_TAIL(&lanes.judged, lane, judged);
		lane->is_judged = 1;
	}
	loop_job_queue(&lanes.judge);
}

void
lane_judge(struct lane *lane, uint32_t since)
{
	lane_add_judged(lane, since);
}

void
lane_fail_all(struct lane *lane, const char *text, uint32_t since)
{
	lane_set_state(lane, LANE_FAILING, "local", text, 0);
	lane_last(lane, text);
	lane_add_judged(lane, since);
	lane_update(lane);
}

/* A few of each lane that has some to fail; who cannot go on stays. */
static void
lanes_judge(void *arg)
{
	struct lane	*lane, *next;

	TAILQ_FOREACH_SAFE(lane, &lanes.judged, judged, next) {
		if (lane_age_judge(lane))
			continue;
		TAILQ_REMOVE(&lanes.judged, lane, judged);
		lane->is_judged = 0;
		if (lane->state == LANE_FAILING)
			lane_open(lane);
	}
	queue_commit();
}

static void
lanes_open(struct lanes *slot, uint32_t now)
{
	struct lane	*lane, *next;

	TAILQ_FOREACH_SAFE(lane, slot, timer, next)
		if (lane->opens <= now)
			lane_open(lane);
}

void
lane_tick(void)
{
	uint32_t	 now = loop_seconds();

	while (lanes.timed < now) {
		lanes.timed++;
		lanes_open(&lanes.timers[lanes.timed % TIMER_SLOTS], now);
	}
	if (!TAILQ_EMPTY(&lanes.judged))
		loop_job_queue(&lanes.judge);
	if (!TAILQ_EMPTY(&lanes.news))
		lane_kick();
}

void
lane_took(struct lane *lane)
{
	lanes.in_hand++;
	lane->in_hand++;
	lane->passed = 0;
}

void
lane_gave(struct lane *lane)
{
	lanes.in_hand--;
	lane->in_hand--;
	lane->idle = loop_seconds();
}

void
lane_free(struct lane *lane)
{
	if (lane->is_news)
		TAILQ_REMOVE(&lanes.news, lane, news);
	if (lane->is_judged)
		TAILQ_REMOVE(&lanes.judged, lane, judged);
	lane_set_state(lane, LANE_OPEN, NULL, NULL, 0);
	RB_REMOVE(binding_lanes, &lane->binding->lanes, lane);
	RB_REMOVE(queue_lanes, &lanes.ids, lane);
	free(lane->destination);
	free(lane->site);
	free(lane->last);
	free(lane);
}

/* ---- what is said of it */

const char *
lane_why(const struct lane *lane, char *buf, size_t size)
{
	const struct binding	*binding = lane->binding;

	if (binding->name[0] == '\0')
		return ("no binding");
	if (binding->conf == NULL)
		return ("unknown binding");
	if (!queue_binding_usable(binding))
		return (queue_binding_state(binding, buf, size));
	if (lane->suspended)
		return ("suspended");
	if (lane->state != LANE_OPEN)
		return (lane->why != NULL ? lane->why : "closed");
	return (NULL);
}

int
lane_is_suspended(const struct lane *lane)
{
	return (lane->suspended && queue_binding_usable(lane->binding));
}

int
lane_is_closed(const struct lane *lane)
{
	return (lane->state == LANE_CLOSED && !lane->suspended &&
	    queue_binding_usable(lane->binding));
}

int64_t
lane_opens_in(const struct lane *lane)
{
	const struct suspension	*s;
	int64_t			 end;

	if (!queue_binding_usable(lane->binding))
		return (-1);
	if (lane->suspended == SUSPENDED_COMMAND) {
		s = suspend_lane(lane);
		if (s == NULL || s->until == 0)
			return (-1);
		end = (int64_t)s->until - schedule_now();
		return (end > 0 ? end : 0);
	}
	if (lane->suspended || lane->state != LANE_CLOSED)
		return (-1);
	return (lane->opens > loop_seconds() ?
	    lane->opens - loop_seconds() : 0);
}

uint32_t
lane_in_hand(void)
{
	return (lanes.in_hand);
}

void
lane_last(struct lane *lane, const char *text)
{
	char	 summary[160];

	strlcpy(summary, text, sizeof(summary));	/* may be cut */
	queue_binding_last(lane->binding, summary);
	if (lane->last != NULL && strcmp(lane->last, summary) == 0)
		return;
	free(lane->last);
	lane->last = strdup(summary);
}
