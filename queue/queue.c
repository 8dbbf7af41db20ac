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
 * The queue's role: entry, channels and their handlers, what happens once a
 * second, start from the log.  The work is in its neighbours.  Nothing here
 * may block but the start and the stop.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/client.h"
#include "queue/counter.h"
#include "queue/doing.h"
#include "queue/group.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/suspend.h"
#include "queue/transaction.h"

/* That what is being written may take when the stop comes. */
#define STOP_SECONDS	10
/* Random numbers that are made at once. */
#define RANDOMS		64
/* Octets that mta has not taken yet, before smtpd's questions are refused. */
#define MTA_BACKLOG	(32 * 1024 * 1024)

static void	 on_configured(struct config *, struct config *);
static void	 on_peer(enum role, int);
static void	 on_begin(void);
static void	 on_stop(void);
static void	 on_tick(void *);
static void	 tell_accepting(void);
static void	 on_flushed(struct ipc *, struct ipc_msg *);
static void	 on_rdns(struct ipc *, struct ipc_msg *);
static void	 on_name(struct ipc *, struct ipc_msg *);
static int	 expired(struct rcpt *);
static int	 late(struct rcpt *);

static const struct ipc_entry from_parent[] = {
	{ PARENT_CONTROL,	control_listener },
	{ PARENT_RELOADED,	control_reloaded },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry from_smtpd[] = {
	{ SMTPD_MAIL,		transaction_mail },
	{ SMTPD_RCPT,		transaction_rcpt },
	{ SMTPD_HEADER,		transaction_header },
	{ SMTPD_LARGE,		transaction_large },
	{ SMTPD_CONTENT,	transaction_content },
	{ SMTPD_COMMIT,		transaction_commit },
	{ SMTPD_ABORT,		transaction_abort },
	{ SMTPD_BOUNCE_REFUSED,	bounce_refused },
	{ SMTPD_RDNS,		on_rdns },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry from_mta[] = {
	{ MTA_BIND,		transaction_bound },
	{ MTA_PULL,		handout_pull },
	{ MTA_RESULT,		result_got },
	{ MTA_ATTEMPT,		result_attempt },
	{ MTA_BINDING,		result_binding },
	{ MTA_DOING,		doing_got },
	{ MTA_RATE,		counter_told },
	{ MTA_RDNS,		on_name },
	{ MTA_ANSWER,		control_answer },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry from_flush[] = {
	{ FLUSH_DONE,		on_flushed },
	{ IPC_NONE,		NULL }
};

static const struct role_callbacks callbacks = {
	.configured = on_configured,
	.begin = on_begin,
	.peer = on_peer,
	.stop = on_stop,
	.entries = from_parent,
};

static const struct lane_ops lane_ops = {
	.expired = expired,
	.late = late,
};

/* What "pause" knows. */
static const char *const pausable[] = { "smtp", "mta", "mda" };
#define NPAUSABLE	(sizeof(pausable) / sizeof(pausable[0]))

static struct {
	struct config		*config;
	struct ipc		*smtpd;
	struct ipc		*mta;
	struct ipc		*flush;
	struct loop_job		 commit;
	struct loop_job		 due;
	struct loop_timer	 tick;
	struct loop_timer	 overdue;	/* the stop */
	struct queue_stats	 stats;
	uint64_t		 random[RANDOMS];
	unsigned int		 nrandom;	/* not used yet */
	int			 accepting;
	int			 begun;		/* all have the config */
	int			 stopping;
	int			 paused[NPAUSABLE];
} queue;

struct config *
queue_config(void)
{
	return (queue.config);
}

int
queue_begun(void)
{
	return (queue.begun);
}

int
queue_mta_busy(void)
{
	return (queue.mta != NULL && ipc_pending(queue.mta) > MTA_BACKLOG);
}

struct ipc *
queue_mta(void)
{
	return (queue.stopping ? NULL : queue.mta);
}

struct ipc *
queue_smtpd(void)
{
	return (queue.smtpd);
}

struct queue_stats *
queue_stats(void)
{
	return (&queue.stats);
}

void
queue_commit(void)
{
	loop_job_queue(&queue.commit);
}

uint64_t
queue_random(void)
{
	/* some at a time: each call may ask the kernel who it is */
	if (queue.nrandom == 0) {
		arc4random_buf(queue.random, sizeof(queue.random));
		queue.nrandom = RANDOMS;
	}
	return (queue.random[--queue.nrandom]);
}

static void
tell_pause(void)
{
	if (queue.smtpd == NULL)
		return;
	ipc_begin(queue.smtpd, QUEUE_PAUSE);
	ipc_put_u8(queue.smtpd, (uint8_t)queue_is_paused("smtp"));
	ipc_end(queue.smtpd);
}

void
queue_pause(const char *what, int on)
{
	size_t	 i;

	for (i = 0; i < NPAUSABLE; i++)
		if (strcmp(what, pausable[i]) == 0)
			queue.paused[i] = on;
	tell_pause();
	lane_pause_changed();
}

int
queue_is_paused(const char *what)
{
	size_t	 i;

	for (i = 0; i < NPAUSABLE; i++)
		if (strcmp(what, pausable[i]) == 0)
			return (queue.paused[i]);
	return (0);
}

void
queue_pause_checkpoint(void)
{
	char	 scope[32];
	size_t	 i;

	for (i = 0; i < NPAUSABLE; i++) {
		if (!queue.paused[i])
			continue;
		snprintf(scope, sizeof(scope), "pause %s", pausable[i]);
		spool_suspend(scope, "on", NULL, NULL);
	}
}

/* The flush role: it is handed descriptors and syncs them. */
static void
flush_file(uint32_t number, int fd)
{
	ipc_begin(queue.flush, FLUSH_FILE);
	ipc_put_u32(queue.flush, number);
	ipc_put_fd(queue.flush, fd);
	ipc_end(queue.flush);
}

static void
flush_sync(uint64_t batch, uint32_t number)
{
	ipc_begin(queue.flush, FLUSH_SYNC);
	ipc_put_u64(queue.flush, batch);
	ipc_put_u32(queue.flush, number);
	ipc_end(queue.flush);
}

static void
flush_close(uint32_t number)
{
	ipc_begin(queue.flush, FLUSH_CLOSE);
	ipc_put_u32(queue.flush, number);
	ipc_end(queue.flush);
}

static const struct spool_flusher flusher = {
	flush_file, flush_sync, flush_close
};

static void
on_flushed(struct ipc *ipc, struct ipc_msg *msg)
{
	uint64_t	 batch;
	uint32_t	 error;

	batch = ipc_get_u64(msg);
	error = ipc_get_u32(msg);
	ipc_get_end(msg);
	spool_flushed(batch, (int)error);
	queue_commit();			/* the next batch has gathered */
	handout_kick();
}

/* A client's name: to smtpd. */
static void
tell_name(uint64_t ask, int failed, const char *name)
{
	if (queue.smtpd == NULL)
		return;
	ipc_begin(queue.smtpd, QUEUE_NAME);
	ipc_put_u64(queue.smtpd, ask);
	ipc_put_u8(queue.smtpd, (uint8_t)failed);
	ipc_put_str(queue.smtpd, name);
	ipc_end(queue.smtpd);
}

/* mta has the resolver.  What it takes to its grave, smtpd does not await. */
static void
on_rdns(struct ipc *ipc, struct ipc_msg *msg)
{
	struct ipc	*mta = queue_mta();
	struct sockaddr_storage	 ss;
	const char	*address;
	uint64_t	 ask;

	ask = ipc_get_u64(msg);
	address = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (mta == NULL || queue_mta_busy() || address == NULL ||
	    sockaddr_parse(address, &ss) == -1) {
		tell_name(ask, 1, NULL);
		return;
	}
	ipc_begin(mta, QUEUE_RDNS);
	ipc_put_u64(mta, ask);
	ipc_put_str(mta, address);
	ipc_end(mta);
}

static void
on_name(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*name;
	uint64_t	 ask;
	int		 failed;

	ask = ipc_get_u64(msg);
	failed = ipc_get_u8(msg);
	name = ipc_get_str(msg);
	if (ipc_get_end(msg) == 0)
		tell_name(ask, failed, name);
}

static void
mta_closed(struct ipc *ipc, void *arg)
{
	if (ipc_was_broken(ipc))
		role_blame(ROLE_MTA);
	ipc_free(ipc);
	queue.mta = NULL;
	content_mta_gone();
	handout_mta_gone();
	doing_mta_gone();
	control_mta_gone();
}

static void
smtpd_closed(struct ipc *ipc, void *arg)
{
	if (ipc_was_broken(ipc))
		role_blame(ROLE_SMTPD);
	ipc_free(ipc);
	queue.smtpd = NULL;
	transactions_smtpd_gone();
	bounce_smtpd_gone();
}

/* The parent stops the daemon when it dies. */
static void
flush_closed(struct ipc *ipc, void *arg)
{
	ipc_free(ipc);
	queue.flush = NULL;
	spool_set_flusher(NULL);
}

static void
on_peer(enum role role, int fd)
{
	switch (role) {
	case ROLE_SMTPD:
		if (queue.smtpd != NULL)
			smtpd_closed(queue.smtpd, NULL);
		queue.smtpd = ipc_new(fd, "smtpd", from_smtpd, smtpd_closed,
		    NULL);
		ipc_distrust(queue.smtpd);
		queue.accepting = -1;
		tell_pause();
		break;
	case ROLE_MTA:
		if (queue.mta != NULL)
			mta_closed(queue.mta, NULL);
		queue.mta = ipc_new(fd, "mta", from_mta, mta_closed, NULL);
		ipc_distrust(queue.mta);
		counter_tell(queue.mta);
		suspend_tell(queue.mta);
		transaction_mta_up();
		lane_mta_changed();
		break;
	case ROLE_FLUSH:
		queue.flush = ipc_new(fd, "flush", from_flush, flush_closed,
		    NULL);
		spool_set_flusher(&flusher);
		break;
	default:
		log_warnx("a channel to %s is of no use here",
		    role_name(role));
		close(fd);
		break;
	}
}

/*
 * What the mail of a name that the configuration has not (any more) waits
 * for; before NULL: at the start.
 */
static void
tell_unknown(const struct config *now, const struct config *before)
{
	const char	*word = before == NULL ? "unknown" : "removed";
	struct binding	*a;

	for (a = queue_binding_next(NULL); a != NULL;
	    a = queue_binding_next(a)) {
		if (a->name[0] == '\0' || a->conf != NULL ||
		    (before == NULL ? a->queued == 0 :
		    config_binding(before, a->name) == NULL))
			continue;
		log_warnx("binding %s %s: %u recipients held", a->name, word,
		    a->queued);
		control_reload_text("binding %s removed: %u recipients held",
		    a->name, a->queued);
	}
}

/* What the log held may go. */
static void
replay_done(void)
{
	message_replay_done();
	log_info("%llu messages with %llu recipients queued",
	    (unsigned long long)message_count(),
	    (unsigned long long)rcpt_count());
}

static void
on_configured(struct config *now, struct config *before)
{
	queue.config = now;
	queue.begun = 0;
	spool_set_min_free((uint64_t)now->min_free);
	lane_renew(now);
	if (before == NULL)
		replay_done();
	tell_unknown(now, before);
}

static void
on_begin(void)
{
	queue.begun = 1;
	lane_kick();
	handout_kick();
	tell_accepting();
}

/* What was appended is on the disk, or has had its time. */
static void
stop_now(void *arg)
{
	spool_close();
	if (queue.smtpd != NULL)
		ipc_flush(queue.smtpd);
	loop_exit(0);
}

static void
on_stop(void)
{
	queue.stopping = 1;
	loop_timer_set(&queue.overdue, STOP_SECONDS);
	queue_commit();
}

/*
 * Tell the sender: the words of the last try, or why there was none; what
 * only concerns this host stays here.
 */
static void
tell(struct rcpt *rcpt, enum bounce_kind kind, const char *words)
{
	const struct lane	*lane = rcpt->lane;

	if (lane_waits_for_us(lane) || rcpt->place == PLACE_HELD)
		words = NULL;
	else if (words == NULL && lane->remote && lane->why != NULL &&
	    strncmp(lane->why, "remote: ", 8) == 0)
		words = lane->why + 8;
	if (words == NULL)
		bounce_rcpt(rcpt, kind, "held by the sending system", NULL,
		    0);
	else
		bounce_rcpt(rcpt, kind, words, NULL, 1);
}

/* A recipient whose time is over; -1: not now. */
static int
expired(struct rcpt *rcpt)
{
	char	*words;

	if (bounce_busy() || spool_congested() || spool_failed())
		return (-1);
	words = rcpt->tries == 0 ? NULL : rcpt_reply(rcpt);
	tell(rcpt, BOUNCE_EXPIRED, words);
	free(words);
	return (0);
}

static int
late(struct rcpt *rcpt)
{
	char	*words;

	if (bounce_busy() || spool_congested() || spool_failed())
		return (-1);
	words = rcpt->tries == 0 ? NULL : rcpt_reply(rcpt);
	rcpt->flags |= RCPT_WARNED;
	spool_defer(rcpt_message(rcpt)->id, rcpt->number, rcpt->tries,
	    rcpt->place == PLACE_WAIT ? rcpt->due : 0, 1, words);
	rcpt->reply = spool_last();
	tell(rcpt, BOUNCE_DELAYED, words);
	free(words);
	return (0);
}

static void
due(struct rcpt *rcpt)
{
	rcpt_ready(rcpt, 0);
}

/* What is due goes to its lanes, a step a turn. */
static void
run_due(void *arg)
{
	if (schedule_run(schedule_now()))
		loop_job_queue(&queue.due);
}

static void
run_commit(void *arg)
{
	if (!queue.stopping) {
		spool_commit();
		return;
	}
	counter_tick();
	spool_settle();
	if (spool_idle())
		stop_now(NULL);
}

static void
tell_accepting(void)
{
	int	 accepting, error;

	error = spool_accepting(0);
	accepting = error == 0;
	if (queue.smtpd == NULL || accepting == queue.accepting)
		return;
	if (!accepting)
		log_warnx("accepting no mail: %s", error == ENOSPC ?
		    "not enough room on disk" : strerror(error));
	else if (queue.accepting != -1)
		log_warnx("accepting mail");
	queue.accepting = accepting;
	ipc_begin(queue.smtpd, QUEUE_ACCEPTING);
	ipc_put_u8(queue.smtpd, (uint8_t)accepting);
	ipc_end(queue.smtpd);
}

static void
on_tick(void *arg)
{
	loop_timer_set(&queue.tick, 0);
	if (queue.stopping)
		queue_commit();
	if (queue.stopping || !queue.begun)
		return;
	loop_job_queue(&queue.due);
	lane_sweep(&lane_ops);
	lane_tick();
	handout_kick();
	doing_tick();
	suspend_tick();
	group_tick();
	bounce_tick();
	transaction_tick();
	counter_tick();
	tell_accepting();
	control_tick();
	spool_tick();
}

/* The log as it is read at the start. */
static void
replay_message(const struct envelope *e, struct spool_ref ref,
    uint64_t content)
{
	struct message	*m, *before;

	m = message_from_envelope(e);
	m->ref = ref;
	m->content = content;
	if ((before = message_insert(m)) != NULL) {
		message_forget(before, 1);
		(void)message_insert(m);
	}
	message_replayed(m);
}

static void
replay_result(uint64_t id, uint32_t number, enum rcpt_state state)
{
	struct message	*m;
	struct rcpt	*rcpt;

	if ((m = message_find(id)) == NULL ||
	    (rcpt = message_rcpt(m, number)) == NULL || rcpt->lane == NULL)
		return;
	lane_age_remove(rcpt->lane, rcpt);
	rcpt->lane = NULL;
	if (--m->open == 0)
		message_forget(m, 0);
}

static void
replay_defer(uint64_t id, uint32_t number, uint16_t tries, uint64_t when,
    int warned)
{
	struct message	*m;
	struct rcpt	*rcpt;

	if ((m = message_find(id)) == NULL ||
	    (rcpt = message_rcpt(m, number)) == NULL)
		return;
	rcpt->tries = tries;
	rcpt->due = (uint32_t)when;
	rcpt->reply = spool_last();
	if (warned)
		rcpt->flags |= RCPT_WARNED;
}

/* Where the words of its last failure lie, after all. */
static void
located(uint64_t id, uint32_t number, struct spool_ref ref)
{
	struct message	*m;
	struct rcpt	*rcpt;

	if ((m = message_find(id)) != NULL &&
	    (rcpt = message_rcpt(m, number)) != NULL)
		rcpt->reply = ref;
}

static void
replay_move(uint64_t id, uint32_t number, const char *binding,
    const char *group)
{
	struct message	*m;
	struct rcpt	*rcpt;
	struct lane	*lane;

	if ((m = message_find(id)) == NULL ||
	    (rcpt = message_rcpt(m, number)) == NULL || rcpt->lane == NULL)
		return;
	lane = rcpt->lane;
	lane_age_remove(lane, rcpt);
	rcpt->lane = lane_get(queue_binding_get(binding), lane->destination);
	lane_age_insert(rcpt->lane, rcpt);
	rcpt->due = 0;
	rcpt->flags &= (uint8_t)~RCPT_GROUP;
	if (group != NULL && group[0] != '\0')
		rcpt->flags |= RCPT_GROUP;
}

static void
replay_drop(uint64_t id)
{
	struct message	*m;

	if ((m = message_find(id)) != NULL)
		message_forget(m, 0);
}

/* A resume may be among what is damaged; what comes now holds. */
static void
replay_checkpoint(void)
{
	memset(queue.paused, 0, sizeof(queue.paused));
	suspend_forget();
}

static void
replay_damaged(uint64_t id, const char *what)
{
	if (id != 0)
		log_warnx("spool: message %s: %s", id_text(id), what);
	else
		log_warnx("spool: %s", what);
}

static const struct spool_replay replay = {
	.message = replay_message,
	.result = replay_result,
	.defer = replay_defer,
	.move = replay_move,
	.drop = replay_drop,
	.checkpoint = replay_checkpoint,
	.suspend = suspend_replay,
	.counter = counter_replay,
	.damaged = replay_damaged
};

static void
checkpoint(void)
{
	suspend_checkpoint();
	counter_checkpoint();
}

void
queue_role(const char *root, int foreground, int verbose)
{
	const char	*error;

	role_start(ROLE_QUEUE, root, foreground, verbose, &callbacks);
	loop_job_init(&queue.commit, run_commit, NULL);
	loop_job_init(&queue.due, run_due, NULL);
	loop_timer_init(&queue.tick, on_tick, NULL);
	loop_timer_init(&queue.overdue, stop_now, NULL);
	lane_init();
	schedule_init(schedule_now(), due);
	spool_set_mover(message_again);
	spool_set_located(located);
	spool_set_checkpoint(checkpoint);
	if (spool_open("/", &replay, &error) == -1)
		fatalx("%s", error);
	loop_timer_set(&queue.tick, 0);
	exit(role_loop());
}
