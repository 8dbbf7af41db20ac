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
 * What mta says of mail: what became of each recipient of a task, how an
 * attempt ended that no connection came of, how a binding stands.  A result is
 * recorded before memory forgets the recipient.  mta faces the network: what
 * it says of a task that it has not, or of a lane that is none, says nothing.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/task.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"

/* Seconds until what was held without a closed lane is tried again. */
#define HELD_SECONDS	2

static struct {
	struct results	 results;	/* those being taken apart */
} result;

static int
too_old(const struct rcpt *rcpt, const struct message *m)
{
	uint32_t	 now = schedule_now();

	return (now > m->created && now - m->created >= rcpt->lane->ttl);
}

static void
result_delivered(struct rcpt *rcpt, const struct task_result *r)
{
	struct message	*m = rcpt_message(rcpt);

	rcpt->lane->binding->sent++;
	queue_stats()->delivered++;
	spool_result(m->id, rcpt->number, RCPT_DELIVERED, NULL, NULL);
	if (rcpt->flags & RCPT_NOTIFY_SUCCESS && !r->dsn_relayed)
		bounce_rcpt(rcpt, BOUNCE_RELAYED, r->reply, r->host, 1);
	else
		rcpt_finish(rcpt);
}

/* A try is spent. */
static void
result_tempfail(struct rcpt *rcpt, const char *text, const char *host,
    int remote)
{
	const struct config	*config = lane_config();
	struct message		*m = rcpt_message(rcpt);
	struct lane		*lane = rcpt->lane;

	lane->binding->temp++;
	queue_stats()->tempfails++;
	lane_last(lane, text);
	if (rcpt->tries < UINT16_MAX - 1)
		rcpt->tries++;
	rcpt_wait(rcpt, schedule_now() + schedule_retry(m->id, rcpt->tries,
	    (uint32_t)config->retry_min, (uint32_t)config->retry_max));
	spool_defer(m->id, rcpt->number, rcpt->tries, rcpt->due,
	    (rcpt->flags & RCPT_WARNED) != 0, text);
	rcpt->reply = spool_last();
	cache_drop(m->id);
	if (too_old(rcpt, m))
		bounce_rcpt(rcpt, BOUNCE_EXPIRED, text, host, remote);
}

/* A local cause: it goes as soon as the lane does. */
static void
result_held(struct rcpt *rcpt)
{
	if (lane_waits_for_us(rcpt->lane))
		rcpt_ready(rcpt, 1);
	else
		rcpt_wait(rcpt, schedule_now() + HELD_SECONDS);
}

static void
result_one(struct rcpt *rcpt, const struct task_result *r)
{
	rcpt->flags &= (uint8_t)~RCPT_DEATHS;
	switch (r->outcome) {
	case OUTCOME_DELIVERED:
		result_delivered(rcpt, r);
		break;
	case OUTCOME_TEMPFAIL:
		result_tempfail(rcpt, r->reply, r->host, r->remote);
		break;
	case OUTCOME_PERMFAIL:
		rcpt->lane->binding->perm++;
		queue_stats()->permfails++;
		lane_last(rcpt->lane, r->reply);
		bounce_rcpt(rcpt, BOUNCE_FAILED, r->reply, r->host,
		    r->remote);
		break;
	case OUTCOME_RETURNED:
		rcpt_ready(rcpt, 1);
		break;
	default:
		result_held(rcpt);
		break;
	}
}

/* The place of a recipient in the task, or nrcpts: it is not in hand. */
static uint32_t
result_index(const struct handout *h, uint32_t number)
{
	uint32_t	 i;

	for (i = 0; number != 0 && i < h->nrcpts; i++)
		if (h->numbers[i] == number)
			return (i);
	return (h->nrcpts);
}

/* Returned ones go to the head: the last one first, to keep their order. */
static void
results_take(struct handout *h, const struct results *rs)
{
	struct rcpt	*rcpt;
	uint32_t	 n, i;

	for (n = rs->count; n > 0; n--) {
		if ((i = result_index(h, rs->result[n - 1].number)) ==
		    h->nrcpts)
			continue;
		if (rs->result[n - 1].outcome < OUTCOME_HELD)
			lane_good(h->lane);
		if ((rcpt = handout_rcpt(h, i)) != NULL)
			result_one(rcpt, &rs->result[n - 1]);
		h->numbers[i] = 0;
		h->left--;
	}
	if (h->left == 0)
		handout_end(h);
}

void
result_got(struct ipc *mta, struct ipc_msg *msg)
{
	struct results	*rs = &result.results;
	struct handout	*h;

	if (results_get(msg, rs) == -1)
		return;
	if (ipc_get_end(msg) == -1)
		return;
	if ((h = handout_find(rs->task)) != NULL)
		results_take(h, rs);
	handout_pulled(&rs->pull);
	queue_commit();
}

void
result_log(struct rcpt *rcpt, const char *event, const char *cause,
    const char *host, const char *text)
{
	const struct envelope_rcpt	*er = NULL;
	const struct envelope		*e;
	struct message			*m = rcpt_message(rcpt);
	struct logline			 line;

	if ((e = message_envelope(m)) != NULL)
		er = envelope_rcpt(e, rcpt->number);
	logline_start(&line, event);
	logline_add(&line, "id", "%s.%u", id_text(m->id), rcpt->number);
	logline_add(&line, "from", "<%s>", e == NULL ? "" : e->sender);
	logline_add(&line, "to", "<%s>", er == NULL ? "" : er->address);
	logline_add(&line, "binding", "%s", rcpt->lane->binding->name);
	if (er != NULL && er->rule != 0)
		logline_add(&line, "rule", "%u", er->rule);
	else
		logline_add(&line, "rule", "default");
	if (host != NULL)
		logline_add(&line, "mx", "%s", host);
	logline_add(&line, "try", "%u", rcpt->tries + 1U);
	if (strcmp(event, "tempfail") == 0)
		logline_add(&line, "next", "%s", duration_text(schedule_retry(
		    m->id, rcpt->tries + 1U,
		    (uint32_t)lane_config()->retry_min,
		    (uint32_t)lane_config()->retry_max)));
	logline_add(&line, "cause", "%s", cause);
	logline_text(&line, "stat", text);
	logline_end(&line);
}

/*
 * Each host failed.  It counts for all that was due when it began: what is
 * too old fails with this.  The first in line alone spends a try.
 */
static void
attempt_failed(struct lane *lane, const struct attempt_end *a)
{
	struct rcpt	*first = lane_first(lane);
	uint32_t	 now = schedule_now();
	int		 urgent;

	urgent = first != NULL && first->place == PLACE_URGENT;
	if (first != NULL) {
		result_log(first, "tempfail", a->cause, a->host, a->text);
		result_tempfail(first, a->text, a->host, a->remote);
		queue_commit();
	}
	/* one that was tried out of turn says nothing of the others */
	if (urgent && lane->state == LANE_CLOSED)
		return;
	lane_failed(lane, a->cause, a->text, a->remote);
	lane_judge(lane, now - (a->seconds < now ? a->seconds : now));
}

static void
attempt_held(struct lane *lane, const struct attempt_end *a)
{
	struct rcpt	*first = lane_first(lane);

	if (first != NULL)
		result_log(first, "held", a->cause, a->host, a->text);
	lane_hold(lane, a->cause, a->text);
}

static void
attempt_take(struct lane *lane, const struct attempt_end *a)
{
	uint32_t	 now = schedule_now();

	/* but for HELD and FREE mta has forgotten the lane's work */
	if (a->outcome != ATTEMPT_HELD && a->outcome != ATTEMPT_FREE)
		lane->told = 0;
	/* its work was withdrawn meanwhile: nobody pays, nothing closes */
	if (lane_due(lane) == 0 && a->outcome != ATTEMPT_FREE)
		return;
	switch (a->outcome) {
	case ATTEMPT_FAILED:
		attempt_failed(lane, a);
		break;
	case ATTEMPT_WAIT:
		lane_close(lane, a->cause, a->text, a->remote, a->wait);
		break;
	case ATTEMPT_NO_HOST:
		lane_fail_all(lane, a->text, now -
		    (a->seconds < now ? a->seconds : now));
		break;
	case ATTEMPT_HELD:
		attempt_held(lane, a);
		break;
	case ATTEMPT_FREE:
		if (lane->state == LANE_HELD)
			lane_open(lane);
		break;
	default:
		lane_set_site(lane, a->site);
		/* it was resumed meanwhile: mta will know in a moment */
		if (!lane->suspended)
			lane_close(lane, "suspended", a->text, 0, 1);
		break;
	}
	lane_update(lane);
}

void
result_attempt(struct ipc *mta, struct ipc_msg *msg)
{
	struct attempt_end	 a;
	struct lane		*lane;

	if (attempt_end_get(msg, &a) == -1)
		return;
	if (ipc_get_end(msg) == -1 || (lane = lane_by_id(a.lane)) == NULL)
		return;
	attempt_take(lane, &a);
}

void
result_binding(struct ipc *mta, struct ipc_msg *msg)
{
	const char	*name, *reason;
	struct binding	*binding;
	uint8_t		 up4, up6;

	name = ipc_get_str(msg);
	up4 = ipc_get_u8(msg);
	up6 = ipc_get_u8(msg);
	reason = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1 || name == NULL ||
	    (binding = queue_binding_named(name)) == NULL)
		return;
	binding->down4 = !up4;
	binding->down6 = !up6;
	free(binding->reason);
	binding->reason = reason == NULL ? NULL :
	    strdup(task_text(reason, ""));
	queue_binding_update(binding);
}
