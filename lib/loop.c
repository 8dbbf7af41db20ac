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
 * The event loop: libevent, jobs at the end of a turn, timers of a second.
 * Every role runs in it; nothing here blocks.
 */

#include <sys/time.h>

#include <event.h>
#include <stdlib.h>
#include <time.h>

#include "lib/log.h"
#include "lib/loop.h"

TAILQ_HEAD(loop_jobs, loop_job);
TAILQ_HEAD(loop_timers, loop_timer);

/* All timers of one length: first in, first due. */
struct loop_class {
	TAILQ_ENTRY(loop_class)	 entry;
	uint32_t		 seconds;
	struct loop_timers	 timers;
};
TAILQ_HEAD(loop_classes, loop_class);

static void	 run_jobs(void);
static void	 tick(int, short, void *);
static void	 tick_arm(void);

static struct {
	struct loop_jobs	 jobs;
	struct loop_classes	 classes;
	struct event		 tick;
	size_t			 armed;
	int			 done;
	int			 status;
} loop;

void
loop_init(void)
{
	TAILQ_INIT(&loop.jobs);
	TAILQ_INIT(&loop.classes);
	if (event_init() == NULL)
		fatalx("event_init failed");
	evtimer_set(&loop.tick, tick, NULL);
}

int
loop_run(void)
{
	int	 flags;

	while (!loop.done) {
		flags = EVLOOP_ONCE;
		if (!TAILQ_EMPTY(&loop.jobs))
			flags |= EVLOOP_NONBLOCK;
		if (event_loop(flags) == -1)
			fatal("event_loop");
		run_jobs();
	}
	return (loop.status);
}

void
loop_exit(int status)
{
	loop.done = 1;
	loop.status = status;
}

void
loop_job_init(struct loop_job *job, void (*run)(void *), void *arg)
{
	job->run = run;
	job->arg = arg;
	job->queued = 0;
}

void
loop_job_queue(struct loop_job *job)
{
	if (job->queued)
		return;
	job->queued = 1;
	TAILQ_INSERT_TAIL(&loop.jobs, job, entry);
}

void
loop_job_cancel(struct loop_job *job)
{
	if (!job->queued)
		return;
	job->queued = 0;
	TAILQ_REMOVE(&loop.jobs, job, entry);
}

/*
 * A job may queue others, a write for instance: those run too, but only for
 * a few rounds, so that two that call each other leave room for events.
 */
static void
run_jobs(void)
{
	struct loop_job	 mark, *job;
	int		 rounds;

	for (rounds = 0; rounds < 4 && !TAILQ_EMPTY(&loop.jobs); rounds++) {
		mark.queued = 1;
		TAILQ_INSERT_TAIL(&loop.jobs, &mark, entry);
		while ((job = TAILQ_FIRST(&loop.jobs)) != &mark) {
			loop_job_cancel(job);
			job->run(job->arg);
		}
		TAILQ_REMOVE(&loop.jobs, &mark, entry);
	}
}

void
loop_timer_init(struct loop_timer *timer, void (*expired)(void *), void *arg)
{
	timer->class = NULL;
	timer->expired = expired;
	timer->arg = arg;
}

static struct loop_class *
class_get(uint32_t seconds)
{
	struct loop_class	*class;

	TAILQ_FOREACH(class, &loop.classes, entry)
		if (class->seconds == seconds)
			return (class);
	if ((class = calloc(1, sizeof(*class))) == NULL)
		fatal("calloc");
	class->seconds = seconds;
	TAILQ_INIT(&class->timers);
	TAILQ_INSERT_TAIL(&loop.classes, class, entry);
	return (class);
}

void
loop_timer_set(struct loop_timer *timer, uint32_t seconds)
{
	struct loop_class	*class;

	class = timer->class;
	if (class != NULL && class->seconds == seconds)
		TAILQ_REMOVE(&class->timers, timer, entry);
	else {
		loop_timer_cancel(timer);
		class = class_get(seconds);
		timer->class = class;
		if (loop.armed++ == 0)
			tick_arm();
	}
	/* One more: the present second has begun already. */
	timer->due = loop_seconds() + seconds + 1;
	TAILQ_INSERT_TAIL(&class->timers, timer, entry);
}

void
loop_timer_cancel(struct loop_timer *timer)
{
	if (timer->class == NULL)
		return;
	TAILQ_REMOVE(&timer->class->timers, timer, entry);
	timer->class = NULL;
	loop.armed--;
}

static void
tick_arm(void)
{
	struct timeval	 second = { 1, 0 };

	if (evtimer_add(&loop.tick, &second) == -1)
		fatal("evtimer_add");
}

static void
tick(int fd, short event, void *arg)
{
	struct loop_class	*class;
	struct loop_timer	*timer;
	uint32_t		 now;

	now = loop_seconds();
	TAILQ_FOREACH(class, &loop.classes, entry) {
		while ((timer = TAILQ_FIRST(&class->timers)) != NULL &&
		    (int32_t)(timer->due - now) <= 0) {
			loop_timer_cancel(timer);
			timer->expired(timer->arg);
		}
	}
	if (loop.armed > 0)
		tick_arm();
}

uint32_t
loop_seconds(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint32_t)now.tv_sec);
}

uint64_t
loop_usec(void)
{
	struct timespec	 now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

uint64_t
loop_epoch(void)
{
	return (loop_usec() / 1000000);
}
