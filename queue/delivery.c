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
 * Mail on its way out: tasks to mta, what became of them, and what mta says
 * of lanes and bindings.  Every recipient of a task is in the place HAND
 * until a result, a return or the death of mta; a result is recorded before
 * memory forgets the recipient.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "lib/text.h"
#include "queue/queue.h"

/* Seconds until what was held without a closed lane is tried again. */
#define HELD_SECONDS	2
/* ... and what could not be read for another cause than damage. */
#define UNREAD_SECONDS	60
/* Octets on their way to mta: more are not added. */
#define MTA_PENDING	(4 * 1024 * 1024)

struct delivery {
	RB_ENTRY(delivery)	 node;
	uint64_t		 id;		/* of the task */
	uint64_t		 message;
	struct lane		*lane;
	uint32_t		 nrcpts;
	uint32_t		 left;		/* still in hand */
	uint8_t			 careful;
	uint8_t			 fetched;
	uint32_t		 numbers[];	/* 0: no longer in hand */
};
RB_HEAD(deliveries, delivery);

static int	 delivery_compare(const struct delivery *,
		    const struct delivery *);
RB_PROTOTYPE(deliveries, delivery, node, delivery_compare);

static struct {
	struct deliveries	 tree;
	uint64_t		 last_id;
	/*
	 * What two mtas died with goes out one task at a time, so that a
	 * third death tells which it was.
	 */
	uint32_t		 careful;	/* of them in hand */
	struct task		 task;		/* the one being built */
} delivery = { .tree = RB_INITIALIZER(&delivery.tree) };

RB_GENERATE(deliveries, delivery, node, delivery_compare);

static int
delivery_compare(const struct delivery *a, const struct delivery *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

static struct delivery *
delivery_find(uint64_t id)
{
	struct delivery	 key;

	key.id = id;
	return (RB_FIND(deliveries, &delivery.tree, &key));
}

/* Its recipients have gone elsewhere. */
static void
delivery_end(struct delivery *d)
{
	struct lane	*lane = d->lane;

	if (d->careful)
		delivery.careful--;
	RB_REMOVE(deliveries, &delivery.tree, d);
	free(d);
	lane_gave(lane);
}

/* The recipient, if it is still this task's. */
static struct rcpt *
delivery_rcpt(struct delivery *d, uint32_t i)
{
	struct message	*m;
	struct rcpt	*rcpt;

	if (d->numbers[i] == 0 || (m = message_find(d->message)) == NULL)
		return (NULL);
	rcpt = message_rcpt(m, d->numbers[i]);
	if (rcpt == NULL || rcpt->lane == NULL || rcpt->place != PLACE_HAND)
		return (NULL);
	return (rcpt);
}

static int
deaths(const struct rcpt *rcpt)
{
	return ((rcpt->flags & RCPT_DEATHS) / RCPT_DEATH);
}

int
delivery_busy(void)
{
	struct ipc	*mta;

	if ((mta = queue_mta()) == NULL || !queue_begun() ||
	    queue_is_paused("mta"))
		return (1);
	/* what cannot be recorded is better not sent */
	return (ipc_pending(mta) > MTA_PENDING || spool_congested() ||
	    spool_failed());
}

void
delivery_lane_gone(struct lane *lane)
{
	struct ipc	*mta;

	if ((mta = queue_mta()) == NULL)
		return;
	ipc_begin(mta, QUEUE_LANE_GONE);
	ipc_put_u32(mta, lane->id);
	ipc_end(mta);
}

void
delivery_recall(struct lane *lane)
{
	struct ipc	*mta;

	if ((mta = queue_mta()) == NULL || !lane->announced ||
	    lane->in_hand == 0)
		return;
	ipc_begin(mta, QUEUE_RECALL);
	ipc_put_u32(mta, lane->id);
	ipc_end(mta);
}

void
delivery_retry(struct lane *lane)
{
	struct ipc	*mta;

	if ((mta = queue_mta()) == NULL || !lane->announced ||
	    lane->retried == loop_seconds())
		return;
	lane->retried = loop_seconds();
	ipc_begin(mta, QUEUE_RETRY);
	ipc_put_u32(mta, lane->id);
	ipc_end(mta);
}

static void
announce(struct ipc *mta, struct lane *lane)
{
	if (lane->announced)
		return;
	ipc_begin(mta, QUEUE_LANE);
	ipc_put_u32(mta, lane->id);
	ipc_put_str(mta, lane->account->name);
	ipc_put_str(mta, lane->destination);
	ipc_end(mta);
	lane->announced = 1;
}

static void
task_start(struct task *task, struct message *m, const struct envelope *e)
{
	task->message = m->id;
	task->created = e->created;
	task->size = m->content;
	task->eightbit = e->eightbit;
	task->smtputf8 = e->smtputf8;
	task->sender = e->sender;
	task->action = NULL;
	task->ret = e->ret;
	task->envid = e->envid;
	task->nrcpts = 0;
}

/* For a cause that the passing of time will not mend. */
static void
hold(struct rcpt *rcpt, const char *why, const char *name)
{
	struct logline	 line;

	logline_start(&line, "held");
	logline_add(&line, "id", "%s.%u", id_text(rcpt_message(rcpt)->id),
	    rcpt->number);
	logline_add(&line, "binding", "%s", rcpt->lane->account->name);
	logline_add(&line, "cause", "local");
	logline_add(&line, "stat", "%s%s", why, name);
	logline_end(&line);
	rcpt_hold(rcpt);
}

/*
 * Its envelope cannot be read.  Where the disk has lost it nobody knows whom
 * to tell; where descriptors or memory were short, it goes again.
 */
static void
hold_unread(struct rcpt *rcpt, int error)
{
	if (error == EILSEQ || error == ENOENT)
		hold(rcpt, "its envelope cannot be read", "");
	else
		rcpt_wait(rcpt, schedule_now() + UNREAD_SECONDS);
}

/* Since it was queued, its action has got another relay host. */
static void
change_lane(struct rcpt *rcpt, const struct action *action,
    const char *address)
{
	char	*destination = action_destination(action, address);

	rcpt_move(rcpt, lane_get(rcpt->lane->account, destination));
	free(destination);
}

/*
 * One more recipient; 0: it does not belong to this task, 1: it does, -1: it
 * cannot go at all now and was put elsewhere.
 */
static int
task_add(struct task *task, struct rcpt *rcpt, const struct envelope *e)
{
	const struct config		*config = lane_config();
	const struct envelope_rcpt	*from;
	const struct action		*action;
	struct task_rcpt		*to;

	if ((from = envelope_rcpt(e, rcpt->number)) == NULL) {
		hold(rcpt, "its envelope does not name it", "");
		return (-1);
	}
	if ((action = config_action(config, from->action)) == NULL) {
		hold(rcpt, "unknown action ", from->action);
		return (-1);
	}
	if (!lane_is_for(rcpt->lane, action, from->address)) {
		change_lane(rcpt, action, from->address);
		return (-1);
	}
	if (deaths(rcpt) == 2 && delivery.careful > 0) {
		rcpt_wait(rcpt, schedule_now() + 1);
		return (-1);
	}
	if (task->action == NULL)
		task->action = from->action;
	else if (strcmp(task->action, from->action) != 0)
		return (0);
	to = &task->rcpts[task->nrcpts++];
	to->number = rcpt->number;
	to->rule = from->rule;
	to->try = rcpt->tries + 1;
	to->retry = schedule_retry(task->message, to->try,
	    (uint32_t)config->retry_min, (uint32_t)config->retry_max);
	to->address = from->address;
	to->orcpt = from->orcpt;
	to->notify = from->notify;
	return (1);
}

static void
task_hand(struct ipc *mta, struct lane *lane, struct message *m,
    const struct task *task)
{
	struct delivery	*d;
	struct rcpt	*rcpt;
	uint32_t	 i;

	d = calloc(1, sizeof(*d) + task->nrcpts * sizeof(d->numbers[0]));
	if (d == NULL)
		fatal("calloc");
	d->id = task->id;
	d->message = m->id;
	d->lane = lane;
	d->nrcpts = d->left = task->nrcpts;
	for (i = 0; i < task->nrcpts; i++) {
		d->numbers[i] = task->rcpts[i].number;
		rcpt = message_rcpt(m, d->numbers[i]);
		if (deaths(rcpt) == 2)
			d->careful = 1;
		rcpt_hand(rcpt);
	}
	if (d->careful)
		delivery.careful++;
	RB_INSERT(deliveries, &delivery.tree, d);
	announce(mta, lane);
	ipc_begin(mta, QUEUE_TASK);
	task_put(mta, task);
	ipc_end(mta);
	queue_stats()->tasks++;
	lane_took(lane);
}

/*
 * The recipients of one message stand together in the list, for they were
 * put there together: those at the head that share it are one task.
 */
int
delivery_hand(struct lane *lane)
{
	const struct envelope	*e;
	struct task		*task = &delivery.task;
	struct rcpt		*rcpt, *next;
	struct message		*m;
	struct ipc		*mta;

	if ((rcpt = TAILQ_FIRST(&lane->ready)) == NULL ||
	    (mta = queue_mta()) == NULL)
		return (0);
	m = rcpt_message(rcpt);
	if ((e = message_envelope(m)) == NULL) {
		hold_unread(rcpt, errno);
		return (0);
	}
	task->id = delivery.last_id + 1;
	task->lane = lane->id;
	task_start(task, m, e);
	for (; rcpt != NULL && task->nrcpts < TASK_RCPTS; rcpt = next) {
		next = TAILQ_NEXT(rcpt, entry);
		if (rcpt_message(rcpt) != m || task_add(task, rcpt, e) == 0)
			break;
	}
	if (task->nrcpts == 0)
		return (0);
	delivery.last_id++;
	task_hand(mta, lane, m, task);
	return ((int)task->nrcpts);
}

int
delivery_fetch(uint64_t task)
{
	struct delivery	*d;

	if ((d = delivery_find(task)) == NULL)
		return (0);
	if (d->fetched)
		return (-1);
	d->fetched = 1;
	return (0);
}

struct message *
delivery_message(uint64_t task)
{
	struct delivery	*d;

	if ((d = delivery_find(task)) == NULL)
		return (NULL);
	return (message_find(d->message));
}

/* What was accepted cannot be read any more: its sender is told. */
void
delivery_lost(uint64_t task)
{
	struct delivery	*d;
	struct rcpt	*rcpt;
	uint32_t	 i;

	if ((d = delivery_find(task)) == NULL)
		return;
	for (i = 0; i < d->nrcpts; i++)
		if ((rcpt = delivery_rcpt(d, i)) != NULL)
			bounce_rcpt(rcpt, BOUNCE_FAILED, "554 5.3.0 The "
			    "message was damaged on disk and cannot be sent",
			    NULL, 0);
	delivery_end(d);
}

static void
result_delivered(struct rcpt *rcpt, const struct task_result *result)
{
	struct message	*m = rcpt_message(rcpt);

	rcpt->lane->account->sent++;
	queue_stats()->delivered++;
	spool_result(m->id, rcpt->number, RCPT_DELIVERED, NULL, NULL);
	if (rcpt->flags & RCPT_NOTIFY_SUCCESS && !result->dsn_relayed)
		bounce_rcpt(rcpt, BOUNCE_RELAYED, result->reply,
		    result->host, 1);
	else
		rcpt_finish(rcpt);
}

static void
result_tempfail(struct rcpt *rcpt, const struct task_result *result)
{
	const struct config	*config = lane_config();
	struct message		*m = rcpt_message(rcpt);
	struct lane		*lane = rcpt->lane;
	uint32_t		 now;

	lane->account->temp++;
	queue_stats()->tempfails++;
	lane_last(lane, result->reply);
	if (rcpt->tries < UINT16_MAX - 1)
		rcpt->tries++;
	now = schedule_now();
	rcpt_wait(rcpt, now + schedule_retry(m->id, rcpt->tries,
	    (uint32_t)config->retry_min, (uint32_t)config->retry_max));
	spool_defer(m->id, rcpt->number, rcpt->tries, rcpt->due,
	    (rcpt->flags & RCPT_WARNED) != 0, result->reply);
	rcpt->reply = spool_last();
	cache_drop(m->id);
	if (now > m->created && now - m->created >= lane->ttl)
		bounce_rcpt(rcpt, BOUNCE_EXPIRED, result->reply,
		    result->host, 1);
}

/* A local cause: it goes as soon as the lane does. */
static void
result_held(struct rcpt *rcpt)
{
	if (lane_why(rcpt->lane) != NULL)
		rcpt_ready(rcpt, 1);
	else
		rcpt_wait(rcpt, schedule_now() + HELD_SECONDS);
}

static void
result_one(struct rcpt *rcpt, const struct task_result *result)
{
	rcpt->flags &= (uint8_t)~RCPT_DEATHS;
	switch (result->outcome) {
	case OUTCOME_DELIVERED:
		result_delivered(rcpt, result);
		break;
	case OUTCOME_TEMPFAIL:
		result_tempfail(rcpt, result);
		break;
	case OUTCOME_PERMFAIL:
		rcpt->lane->account->perm++;
		queue_stats()->permfails++;
		lane_last(rcpt->lane, result->reply);
		bounce_rcpt(rcpt, BOUNCE_FAILED, result->reply, result->host,
		    result->cause != NULL &&
		    strcmp(result->cause, "remote") == 0);
		break;
	default:
		result_held(rcpt);
		break;
	}
}

void
delivery_result(struct ipc *mta, struct ipc_msg *msg)
{
	struct task_result	 result;
	struct delivery		*d;
	struct rcpt		*rcpt;
	uint32_t		 i, count;

	d = delivery_find(ipc_get_u64(msg));
	for (count = ipc_get_u32(msg); count > 0; count--) {
		task_result_get(msg, &result);
		if (msg->broken)
			break;
		if (d == NULL)
			continue;
		for (i = 0; i < d->nrcpts; i++)
			if (d->numbers[i] == result.number)
				break;
		if (i == d->nrcpts || result.number == 0)
			continue;
		if ((rcpt = delivery_rcpt(d, i)) != NULL)
			result_one(rcpt, &result);
		d->numbers[i] = 0;
		d->left--;
	}
	ipc_get_end(msg);
	if (d != NULL && d->left == 0)
		delivery_end(d);
}

/* To the head of the lane, in the order in which they were. */
static void
delivery_give_back(struct delivery *d)
{
	struct rcpt	*rcpt;
	uint32_t	 i;

	for (i = d->nrcpts; i > 0; i--)
		if ((rcpt = delivery_rcpt(d, i - 1)) != NULL)
			rcpt_ready(rcpt, 1);
	delivery_end(d);
}

static void
log_suspect(struct rcpt *rcpt)
{
	struct logline	 line;

	logline_start(&line, "suspect");
	logline_add(&line, "id", "%s.%u", id_text(rcpt_message(rcpt)->id),
	    rcpt->number);
	logline_add(&line, "binding", "%s", rcpt->lane->account->name);
	logline_add(&line, "destination", "%s", rcpt->lane->destination);
	logline_text(&line, "stat", "held: three times mta died with it in "
	    "hand");
	logline_end(&line);
}

void
delivery_return(struct ipc *mta, struct ipc_msg *msg)
{
	struct delivery	*d;

	d = delivery_find(ipc_get_u64(msg));
	ipc_get_end(msg);
	if (d != NULL)
		delivery_give_back(d);
}

void
delivery_mta_gone(void)
{
	struct delivery	*d;
	struct rcpt	*rcpt;
	uint32_t	 i;

	lane_forget();
	while ((d = RB_MAX(deliveries, &delivery.tree)) != NULL) {
		for (i = 0; i < d->nrcpts; i++) {
			if ((rcpt = delivery_rcpt(d, i)) == NULL)
				continue;
			rcpt->flags += RCPT_DEATH;
			if (deaths(rcpt) < 3)
				continue;
			log_suspect(rcpt);
			rcpt_hold(rcpt);
		}
		delivery_give_back(d);
	}
}

void
delivery_lane(struct ipc *mta, struct ipc_msg *msg)
{
	const char	*cause, *text;
	struct lane	*lane;
	uint64_t	 until;
	uint8_t		 open;

	lane = lane_by_id(ipc_get_u32(msg));
	open = ipc_get_u8(msg);
	cause = ipc_get_str(msg);
	text = ipc_get_str(msg);
	until = ipc_get_u64(msg);
	ipc_get_end(msg);
	if (lane == NULL)
		return;
	if (open) {
		lane_open(lane);
		return;
	}
	/* mta's is the time of day */
	if (until != 0)
		until = schedule_now() + (until > loop_epoch() ?
		    until - loop_epoch() : 0);
	lane_close(lane, task_words(cause, "local"), task_words(text, ""),
	    (uint32_t)until);
	/* a limit that is reached is no error */
	if (text != NULL && (cause == NULL || strcmp(cause, "limit") != 0))
		lane_last(lane, text);
}

/*
 * mta saw by a host's name which site the lane belongs to.  It sends nothing
 * until it is told that this was taken in: the site may be suspended.
 */
void
delivery_site(struct ipc *mta, struct ipc_msg *msg)
{
	struct lane	*lane;
	const char	*site;
	uint32_t	 id;

	id = ipc_get_u32(msg);
	site = ipc_get_str(msg);
	ipc_get_end(msg);
	if ((lane = lane_by_id(id)) != NULL) {
		free(lane->site);
		lane->site = site == NULL || strlen(site) > NAME_MAX_LEN ?
		    NULL : strdup(site);
		lane_resolve(lane);
		if (lane->suspended)
			delivery_recall(lane);
	}
	ipc_begin(mta, QUEUE_SITE);
	ipc_put_u32(mta, id);
	ipc_end(mta);
}

void
delivery_binding(struct ipc *mta, struct ipc_msg *msg)
{
	const char	*name, *reason;
	struct account	*account;
	uint8_t		 up4, up6;

	name = ipc_get_str(msg);
	up4 = ipc_get_u8(msg);
	up6 = ipc_get_u8(msg);
	reason = ipc_get_str(msg);
	ipc_get_end(msg);
	if (name == NULL || (account = queue_account(name)) == NULL)
		return;
	account->down4 = !up4;
	account->down6 = !up6;
	free(account->reason);
	account->reason = reason == NULL ? NULL :
	    strdup(task_words(reason, ""));
	account_update(account);
}

void
delivery_counts(struct ipc *mta, struct ipc_msg *msg)
{
	const char	*name;
	struct account	*account;
	uint32_t	 connections;

	name = ipc_get_str(msg);
	connections = ipc_get_u32(msg);
	ipc_get_end(msg);
	if (name != NULL && (account = account_find(name)) != NULL)
		account->connections = connections;
}
