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
 * Pulls and their answers.  A connection of mta is ready for a message of its
 * lane: it gets the first of the lane's first messages that fits, with those
 * of its recipients that go along, or hears that there is nothing for it and
 * what the first in line would want.  Each pull is answered once.  A recipient
 * is in hand from then to its result, a return or the death of mta.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "lib/task.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/transaction.h"

/* Octets on their way to mta: pulls wait. */
#define MTA_PENDING	(4 * 1024 * 1024)
/* Pulls that wait; no mta of ours has so many connections. */
#define PULLS_MAX	65536
/* Recipients that a binding has handed out in a row, where others wait. */
#define QUANTUM		16
/* Messages of a lane that are looked at for one that fits. */
#define SEARCH		32
/* Times that the first in line is passed over by those behind it. */
#define PASSES		16
/* Octets of the names in a task: more than this go in another. */
#define NAMES_MAX	(32 * 1024)
/* Seconds until what could not be read is tried again. */
#define UNREAD_SECONDS	60
/* ... and where descriptors or memory were short. */
#define SHORT_SECONDS	5

/* A pull that waits for its answer, its strings behind it. */
struct pull_wait {
	TAILQ_ENTRY(pull_wait)	 entry;		/* of its binding */
	struct pull		 pull;
	char			 text[];
};

RB_HEAD(handouts, handout);
TAILQ_HEAD(pulling, binding);

static void	 pulls_serve(void *);

static struct {
	struct handouts	 tree;
	struct pulling	 round;		/* bindings that pull */
	uint32_t	 npulls;	/* that wait */
	uint64_t	 last_id;
	/*
	 * What two mtas died with goes out one task at a time, so that a
	 * third death tells which it was.
	 */
	uint32_t	 careful;	/* of them in hand */
	struct task	 task;		/* the one being built */
	struct loop_job	 job;
} handouts = {
	.tree = RB_INITIALIZER(&handouts.tree),
	.round = TAILQ_HEAD_INITIALIZER(handouts.round),
	.job = { .run = pulls_serve },
};

static int
handout_compare(const struct handout *a, const struct handout *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_GENERATE_STATIC(handouts, handout, node, handout_compare)

struct handout *
handout_find(uint64_t id)
{
	struct handout	 key;

	key.id = id;
	return (RB_FIND(handouts, &handouts.tree, &key));
}

struct rcpt *
handout_rcpt(const struct handout *h, uint32_t i)
{
	struct message	*m;
	struct rcpt	*rcpt;

	if (h->numbers[i] == 0 || (m = message_find(h->message)) == NULL)
		return (NULL);
	rcpt = message_rcpt(m, h->numbers[i]);
	if (rcpt == NULL || rcpt->lane == NULL || rcpt->place != PLACE_HAND)
		return (NULL);
	return (rcpt);
}

const struct handout *
handout_of(struct rcpt *rcpt)
{
	struct handout	*h;
	uint64_t	 id = rcpt_message(rcpt)->id;
	uint32_t	 i;

	RB_FOREACH(h, handouts, &handouts.tree)
		for (i = 0; h->message == id && i < h->nrcpts; i++)
			if (h->numbers[i] == rcpt->number)
				return (h);
	return (NULL);
}

void
handout_end(struct handout *h)
{
	struct lane	*lane = h->lane;

	if (h->careful)
		handouts.careful--;
	RB_REMOVE(handouts, &handouts.tree, h);
	free(h);
	lane_gave(lane);
}

/* In the order in which they were. */
void
handout_give_back(struct handout *h)
{
	struct rcpt	*rcpt;
	uint32_t	 i;

	for (i = h->nrcpts; i > 0; i--)
		if ((rcpt = handout_rcpt(h, i - 1)) != NULL)
			rcpt_ready(rcpt, 1);
	handout_end(h);
}

static int
deaths(const struct rcpt *rcpt)
{
	return ((rcpt->flags & RCPT_DEATHS) / RCPT_DEATH);
}

static void
log_suspect(struct rcpt *rcpt)
{
	struct logline	 line;

	logline_start(&line, "suspect");
	logline_add(&line, "id", "%s.%u", id_text(rcpt_message(rcpt)->id),
	    rcpt->number);
	logline_add(&line, "binding", "%s", rcpt->lane->binding->name);
	logline_add(&line, "destination", "%s", rcpt->lane->destination);
	logline_text(&line, "stat", "held: three times mta died with it in "
	    "hand");
	logline_end(&line);
}

static void
pull_free(struct pull_wait *w, struct binding *binding)
{
	TAILQ_REMOVE(&binding->pulls, w, entry);
	if (TAILQ_EMPTY(&binding->pulls)) {
		TAILQ_REMOVE(&handouts.round, binding, round);
		binding->deficit = 0;
	}
	handouts.npulls--;
	free(w);
}

void
handout_mta_gone(void)
{
	struct pull_wait	*w;
	struct binding		*binding;
	struct handout		*h;
	struct rcpt		*rcpt;
	uint32_t		 i;

	while ((binding = TAILQ_FIRST(&handouts.round)) != NULL &&
	    (w = TAILQ_FIRST(&binding->pulls)) != NULL)
		pull_free(w, binding);
	lane_mta_changed();
	while ((h = RB_MAX(handouts, &handouts.tree)) != NULL) {
		for (i = 0; i < h->nrcpts; i++) {
			if ((rcpt = handout_rcpt(h, i)) == NULL)
				continue;
			rcpt->flags += RCPT_DEATH;
			if (deaths(rcpt) < 3)
				continue;
			log_suspect(rcpt);
			rcpt_hold(rcpt);
		}
		handout_give_back(h);
	}
}

/* ---- what cannot go */

void
handout_hold(struct rcpt *rcpt, const char *why, const char *name)
{
	struct logline	 line;

	logline_start(&line, "held");
	logline_add(&line, "id", "%s.%u", id_text(rcpt_message(rcpt)->id),
	    rcpt->number);
	logline_add(&line, "binding", "%s", rcpt->lane->binding->name);
	logline_add(&line, "cause", "local");
	logline_add(&line, "stat", "%s%s", why, name);
	logline_end(&line);
	rcpt_hold(rcpt);
}

/*
 * Its envelope cannot be read.  Where the disk has lost it nobody knows whom
 * to tell; where descriptors or memory were short, it goes again.
 */
void
handout_unread(struct rcpt *rcpt, int error)
{
	if (error == EILSEQ || error == ENOENT)
		handout_hold(rcpt, "its envelope cannot be read", "");
	else
		rcpt_wait(rcpt, schedule_now() + UNREAD_SECONDS);
}

int
handout_misfit(struct rcpt *rcpt, const struct envelope *e)
{
	const struct envelope_rcpt	*er;
	const struct action		*action;
	char				*destination;

	if ((er = envelope_rcpt(e, rcpt->number)) == NULL) {
		handout_hold(rcpt, "its envelope does not name it", "");
		return (1);
	}
	if ((action = config_action(lane_config(), er->action)) == NULL) {
		handout_hold(rcpt, "unknown action ", er->action);
		return (1);
	}
	if (!lane_is_for(rcpt->lane, action, er->address)) {
		/* since it was queued its action has got another host */
		destination = action_destination(action, er->address);
		rcpt_move(rcpt, lane_get(rcpt->lane->binding, destination));
		free(destination);
		return (1);
	}
	if (deaths(rcpt) == 2 && handouts.careful > 0) {
		rcpt_wait(rcpt, schedule_now() + 1);
		return (1);
	}
	return (0);
}

/* ---- the answer */

/* Nothing for this connection; the lane has so many due all the same. */
static void
put_nothing(const struct pull *pull, struct lane *lane, uint32_t due,
    const struct envelope *e, const struct rcpt *first)
{
	struct ipc	*mta = queue_mta();
	struct task	*task = &handouts.task;

	memset(task, 0, offsetof(struct task, rcpts));
	task->lane = pull->lane;
	task->connection = pull->connection;
	if (lane != NULL)
		lane->told = due;
	if (due > 0 && first != NULL) {
		task->due = due;
		task->want_action = envelope_rcpt(e, first->number)->action;
		task->want_sender = address_domain(e->sender);
	} else if (lane != NULL)
		lane->told = 0;
	ipc_begin(mta, QUEUE_TASK);
	task_put(mta, task);
	ipc_end(mta);
	if (lane != NULL)
		lane_update(lane);
}

/* The same, to a pull whose task came to nothing. */
static void
put_nothing_to(struct lane *lane, uint32_t connection)
{
	struct pull	 pull;

	if (queue_mta() == NULL)
		return;
	memset(&pull, 0, sizeof(pull));
	pull.lane = lane->id;
	pull.connection = connection;
	put_nothing(&pull, lane, 0, NULL, NULL);
}

void
handout_unreadable(struct handout *h, int error, int answer)
{
	struct lane	*lane = h->lane;
	uint32_t	 connection = h->connection;
	struct rcpt	*rcpt;
	uint32_t	 i;

	for (i = 0; i < h->nrcpts; i++) {
		if ((rcpt = handout_rcpt(h, i)) == NULL)
			continue;
		if (error == EILSEQ || error == ENOENT || error == EIO)
			bounce_rcpt(rcpt, BOUNCE_FAILED, "554 5.3.0 The "
			    "message was damaged on disk and cannot be sent",
			    NULL, 0);
		else
			rcpt_wait(rcpt, schedule_now() + SHORT_SECONDS);
	}
	handout_end(h);
	if (answer)
		put_nothing_to(lane, connection);
}

static size_t
name_size(const char *name)
{
	return (name == NULL ? 0 : strlen(name));
}

/* The recipients of the task, from the envelope. */
static void
task_fill(struct task *task, const struct handout *h, struct message *m,
    const struct envelope *e)
{
	const struct config		*config = lane_config();
	const struct envelope_rcpt	*from;
	struct task_rcpt		*to;
	struct rcpt			*rcpt;
	uint32_t			 i;

	task->message = m->id;
	task->created = e->created;
	task->eightbit = e->eightbit;
	task->smtputf8 = e->smtputf8;
	task->sender = e->sender;
	task->ret = e->ret;
	task->envid = e->envid;
	task->nrcpts = 0;
	for (i = 0; i < h->nrcpts; i++) {
		if ((rcpt = handout_rcpt(h, i)) == NULL ||
		    (from = envelope_rcpt(e, rcpt->number)) == NULL)
			continue;
		task->action = from->action;
		to = &task->rcpts[task->nrcpts++];
		to->number = rcpt->number;
		to->rule = from->rule;
		to->try = rcpt->tries + 1;
		to->retry = schedule_retry(m->id, to->try,
		    (uint32_t)config->retry_min, (uint32_t)config->retry_max);
		to->address = from->address;
		to->orcpt = from->orcpt;
		to->notify = from->notify;
	}
}

void
handout_put(struct handout *h, const void *content, uint64_t size, int fd)
{
	const struct envelope	*e = NULL;
	struct message		*m;
	struct task		*task = &handouts.task;
	struct ipc		*mta = queue_mta();

	memset(task, 0, offsetof(struct task, rcpts));
	if (mta != NULL && (m = message_find(h->message)) != NULL &&
	    (e = message_envelope(m)) != NULL)
		task_fill(task, h, m, e);
	if (mta == NULL || task->nrcpts == 0) {
		/* removed while its file was looked through, or unreadable */
		if (fd != -1)
			close(fd);
		put_nothing_to(h->lane, h->connection);
		handout_give_back(h);
		return;
	}
	task->id = h->id;
	task->lane = h->lane->id;
	task->connection = h->connection;
	task->due = h->lane->told = lane_due(h->lane);
	task->size = size;
	task->content = content;
	task->fd = fd;
	ipc_begin(mta, QUEUE_TASK);
	task_put(mta, task);
	ipc_end(mta);
	queue_stats()->tasks++;
}

/* May a connection for one action carry the mail of another? */
static int
action_fits(const char *name, const char *pulled)
{
	const struct action	*a, *b;

	if (strcmp(name, pulled) == 0)
		return (1);
	a = config_action(lane_config(), name);
	b = config_action(lane_config(), pulled);
	return (a != NULL && b != NULL && config_action_same_way(a, b));
}

static int
pull_fits(const struct pull *pull, const struct envelope *e,
    const struct rcpt *rcpt)
{
	if (!action_fits(envelope_rcpt(e, rcpt->number)->action,
	    pull->action))
		return (0);
	return (pull->ehlo == NULL ||
	    strcasecmp(pull->ehlo, address_domain(e->sender)) == 0);
}

static struct rcpt *
line_next(struct lane *lane, struct rcpt *rcpt)
{
	struct rcpt	*next;

	next = TAILQ_NEXT(rcpt, entry);
	if (next != NULL || rcpt->place != PLACE_URGENT ||
	    lane->state == LANE_CLOSED)
		return (next);
	return (TAILQ_FIRST(&lane->ready));
}

/*
 * The first of the lane that this connection can carry, its envelope in *e.
 * NULL: there is none; then, or where others were passed over, *first is the
 * first in line.
 */
static struct rcpt *
lane_search(struct lane *lane, const struct pull *pull,
    const struct envelope **e, struct rcpt **first)
{
	struct message	*last = NULL;
	struct rcpt	*rcpt, *next;
	int		 n = 0;

	*first = NULL;
	for (rcpt = lane_first(lane); rcpt != NULL && n < SEARCH;
	    rcpt = next) {
		next = line_next(lane, rcpt);
		if (*first != NULL && rcpt_message(rcpt) == last)
			continue;
		if ((*e = message_envelope(rcpt_message(rcpt))) == NULL) {
			handout_unread(rcpt, errno);
			continue;
		}
		if (handout_misfit(rcpt, *e))
			continue;
		if (pull_fits(pull, *e, rcpt) &&
		    (*first == NULL || lane->passed < PASSES))
			return (rcpt);
		if (*first == NULL)
			*first = rcpt;
		last = rcpt_message(rcpt);
		n++;
	}
	return (NULL);
}

/*
 * Take this recipient and those of its message that stand behind it and go
 * along; they stand together, for they were put there together.
 */
static struct handout *
handout_new(struct lane *lane, const struct pull *pull, struct rcpt *rcpt,
    const struct envelope *e)
{
	const struct envelope_rcpt	*er;
	struct message			*m = rcpt_message(rcpt);
	struct handout			*h;
	struct rcpt			*next;
	const char			*action;
	size_t				 names = 0;

	h = calloc(1, sizeof(*h) + pull->most * sizeof(h->numbers[0]));
	if (h == NULL)
		fatal("calloc");
	h->id = ++handouts.last_id;
	h->message = m->id;
	h->lane = lane;
	h->connection = pull->connection;
	action = envelope_rcpt(e, rcpt->number)->action;
	for (; rcpt != NULL && h->nrcpts < pull->most; rcpt = next) {
		next = line_next(lane, rcpt);
		if (rcpt_message(rcpt) != m || names > NAMES_MAX)
			break;
		if (handout_misfit(rcpt, e))
			continue;
		er = envelope_rcpt(e, rcpt->number);
		if (strcmp(er->action, action) != 0)
			break;
		names += name_size(er->address) + name_size(er->orcpt) +
		    name_size(er->notify);
		if (deaths(rcpt) == 2 && !h->careful) {
			h->careful = 1;
			handouts.careful++;
		}
		h->numbers[h->nrcpts++] = rcpt->number;
		rcpt_hand(rcpt);
	}
	h->left = h->nrcpts;
	RB_INSERT(handouts, &handouts.tree, h);
	lane_took(lane);
	return (h);
}

/*
 * What a lane has due, told to a connection that nothing can be given to: it
 * is of another configuration.
 */
static void
pull_of_another(const struct pull *pull, struct lane *lane)
{
	const struct envelope	*e;
	struct rcpt		*rcpt;

	rcpt = lane_first_good(lane, &e);
	put_nothing(pull, lane, rcpt == NULL ? 0 : lane_due(lane), e, rcpt);
}

/* Answer it; the recipients that were handed out. */
static uint32_t
pull_answer(const struct pull *pull)
{
	const struct envelope	*e = NULL;
	struct handout		*h;
	struct lane		*lane;
	struct rcpt		*rcpt, *first;
	uint32_t		 n;

	if ((lane = lane_by_id(pull->lane)) == NULL) {
		put_nothing(pull, NULL, 0, NULL, NULL);
		return (0);
	}
	if (pull->generation != role_generation()) {
		pull_of_another(pull, lane);
		return (0);
	}
	lane_set_site(lane, pull->site);
	while (lane_due(lane) > 0) {
		if ((rcpt = lane_search(lane, pull, &e, &first)) == NULL) {
			if (first == NULL)
				continue;	/* all were put elsewhere */
			e = message_envelope(rcpt_message(first));
			put_nothing(pull, lane, e == NULL ? 0 :
			    lane_due(lane), e, first);
			return (0);
		}
		if (first != NULL && lane->passed < UINT8_MAX)
			lane->passed++;
		n = lane->passed;
		h = handout_new(lane, pull, rcpt, e);
		if (first != NULL)
			lane->passed = (uint8_t)n;
		n = h->nrcpts;
		if (content_send(h) == 0)
			return (n);
		handout_unreadable(h, errno, 0);
	}
	put_nothing(pull, lane, 0, NULL, NULL);
	return (0);
}

/* ---- pulls that wait */

/* mta is not to get more now; what cannot be recorded is better not sent. */
static int
handout_busy(void)
{
	struct ipc	*mta;

	return ((mta = queue_mta()) == NULL || !queue_begun() ||
	    ipc_pending(mta) > MTA_PENDING || spool_congested() ||
	    spool_failed());
}

/* Round robin over the bindings, by recipients. */
static void
pulls_serve(void *arg)
{
	struct binding		*binding;
	struct pull_wait	*w;

	while ((binding = TAILQ_FIRST(&handouts.round)) != NULL &&
	    !handout_busy()) {
		if (binding->deficit <= 0) {
			binding->deficit += QUANTUM;
			TAILQ_REMOVE(&handouts.round, binding, round);
			TAILQ_INSERT_TAIL(&handouts.round, binding, round);
			continue;
		}
		w = TAILQ_FIRST(&binding->pulls);
		binding->deficit -= (int32_t)pull_answer(&w->pull) + 1;
		pull_free(w, binding);
	}
	queue_commit();
}

void
handout_kick(void)
{
	if (!TAILQ_EMPTY(&handouts.round))
		loop_job_queue(&handouts.job);
}

static const char *
pull_text(char **at, const char *text)
{
	char	*copy = *at;
	size_t	 size;

	if (text == NULL)
		return (NULL);
	size = strlen(text) + 1;
	memcpy(copy, text, size);
	*at += size;
	return (copy);
}

static void
pull_wait(const struct pull *pull, struct binding *binding)
{
	struct pull_wait	*w;
	char			*at;

	if (handouts.npulls >= PULLS_MAX)
		return;			/* a flood: no mta of ours */
	if ((w = calloc(1, sizeof(*w) + name_size(pull->action) +
	    name_size(pull->ehlo) + name_size(pull->site) + 3)) == NULL)
		fatal("calloc");
	w->pull = *pull;
	at = w->text;
	w->pull.action = pull_text(&at, pull->action);
	w->pull.ehlo = pull_text(&at, pull->ehlo);
	w->pull.site = pull_text(&at, pull->site);
	w->pull.host = NULL;
	if (TAILQ_EMPTY(&binding->pulls))
		TAILQ_INSERT_TAIL(&handouts.round, binding, round);
	TAILQ_INSERT_TAIL(&binding->pulls, w, entry);
	handouts.npulls++;
}

void
handout_pulled(const struct pull *pull)
{
	struct lane	*lane;

	if (pull->lane == 0)
		return;
	if (TAILQ_EMPTY(&handouts.round) && !handout_busy()) {
		(void)pull_answer(pull);
		return;
	}
	if ((lane = lane_by_id(pull->lane)) != NULL)
		pull_wait(pull, lane->binding);
	else if (queue_mta() != NULL)
		put_nothing(pull, NULL, 0, NULL, NULL);
	handout_kick();
}

void
handout_pull(struct ipc *mta, struct ipc_msg *msg)
{
	struct pull	 pull;

	pull_get(msg, &pull);
	if (ipc_get_end(msg) == 0)
		handout_pulled(&pull);
}
