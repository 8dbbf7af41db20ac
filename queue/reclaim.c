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
 * Reclaim: when less than half of the log is alive, or nothing of its oldest
 * segment, that segment's live messages are appended anew and it is unlinked.
 * Only from the old end, so that no record ever outlives the one that
 * overrules it.  Called by spool.c, in small steps.
 *
 *	idle	nothing to do
 *	moving	walking through the oldest segment
 *	flush	all is walked through; waiting for what was appended
 *	folder	unlinked; waiting for the folder's flush
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "queue/spool_log.h"

/* Octets looked at in one step, and steps in a tick when nothing moves. */
#define WINDOW		(512 * 1024)
#define TICK_STEPS	64
/* Ticks before a segment that could not be moved is tried again. */
#define PAUSE		60

enum phase {
	PHASE_IDLE,
	PHASE_MOVING,
	PHASE_FLUSH,
	PHASE_FOLDER
};

static struct {
	enum phase	 phase;
	uint32_t	 segment;
	uint64_t	 offset;	/* next octet to look at */
	uint64_t	 barrier;	/* what was moved, and more */
	int		 busy;
	int		 broken;	/* the folder's flush failed */
	int		 pause;		/* ticks until it is tried again */
	void		(*mover)(uint64_t, struct spool_ref);
	unsigned char	*window;
	size_t		 room;		/* of the window */
	int		 damaged;	/* the segment is; it was kept aside */
	int		 wanted;	/* a live message in it is */
} reclaim;

void
reclaim_set_mover(void (*mover)(uint64_t, struct spool_ref))
{
	reclaim.mover = mover;
}

void
reclaim_reset(void)
{
	free(reclaim.window);
	reclaim.window = NULL;
	reclaim.phase = PHASE_IDLE;
	reclaim.busy = reclaim.broken = reclaim.pause = 0;
}

/* The oldest segment, when it is worth it; NULL. */
static struct segment *
reclaim_candidate(void)
{
	struct segment	*oldest = segment_oldest();
	uint64_t	 octets, live;
	uint32_t	 number;

	if (oldest == NULL || reclaim.mover == NULL || reclaim.broken ||
	    oldest->stays || reclaim.pause > 0 ||
	    spool_current() == NULL ||
	    oldest->number >= spool_current()->number)
		return (NULL);
	if (oldest->live == 0)
		return (oldest);
	segments_sum(&octets, &live, &number);
	return (live < octets / 2 ? oldest : NULL);
}

static void
reclaim_begin(void)
{
	struct segment	*s;

	if ((s = reclaim_candidate()) == NULL)
		return;
	if (reclaim.window == NULL) {
		if ((reclaim.window = malloc(WINDOW)) == NULL)
			return;
		reclaim.room = WINDOW;
	}
	reclaim.damaged = reclaim.wanted = 0;
	reclaim.segment = s->number;
	reclaim.offset = 0;
	reclaim.barrier = 0;
	reclaim.phase = PHASE_MOVING;
}

static void
give_up(const char *why)
{
	log_warn("spool: %s segment %u; it stays for now", why,
	    reclaim.segment);
	reclaim.pause = PAUSE;
	reclaim.phase = PHASE_IDLE;
}

/* What is broken here may have been mail: it is not unlinked for good. */
static void
keep_damaged(struct segment *s, uint64_t offset)
{
	if (reclaim.damaged)
		return;
	reclaim.damaged = 1;
	if (segment_keep(s->number) == -1) {
		give_up("cannot keep aside damaged");
		return;
	}
	log_warnx("spool: segment %u is damaged at %llu; kept in damaged/",
	    s->number, (unsigned long long)offset);
}

static void
move_one(struct segment *s, uint64_t at, const struct record *r)
{
	struct spool_ref	 ref;
	uint64_t		 before = spool_appended();
	int			 status;

	if (r->type != RECORD_MESSAGE)
		return;
	ref.segment = s->number;
	ref.offset = (uint32_t)at;
	spool_set_moving(r, s->number);
	reclaim.mover(r->id, ref);
	status = spool_set_moving(NULL, 0);
	if (status == -1) {
		give_up("cannot move a message out of");
		return;
	}
	if (status == 1) {
		reclaim.wanted = 1;
		keep_damaged(s, at);
	}
	if (spool_appended() == before)
		return;
	segment_dead(s, record_logged(r));
	reclaim.barrier = spool_barrier();
}

/* Where to look on after octets that are no record. */
static size_t
resync(struct segment *s, const unsigned char *p, size_t at, size_t n)
{
	const unsigned char	*found;

	found = record_find(p + at + 1, n - at - 1, s->magic);
	if (found != NULL)
		return (found - p);
	/* the magic may be cut at the window's end */
	return (n > at + RECORD_MAGIC ? n - RECORD_MAGIC + 1 : n);
}

/* A longer window, for a record whose text does not fit: 1, else 0. */
static int
widen(size_t size)
{
	unsigned char	*window;

	if (size <= reclaim.room || size > spool_segment_size() / 4)
		return (0);
	if ((window = realloc(reclaim.window, size)) == NULL)
		return (0);
	reclaim.window = window;
	reclaim.room = size;
	return (1);
}

/* All records whose head and text are whole in this window. */
static void
walk_window(struct segment *s, const unsigned char *p, size_t n)
{
	struct record	 r;
	uint64_t	 at = 0;
	size_t		 size;
	int		 last = reclaim.offset + n >= s->end;

	while (at < n && reclaim.phase == PHASE_MOVING) {
		if (record_decode(p + at, n - at, s->magic, &r) ==
		    RECORD_GOOD) {
			move_one(s, reclaim.offset + at, &r);
			at += record_size(&r);
			continue;
		}
		size = record_text_end(p + at, n - at);
		if (!last && at > 0 && (size == 0 || size > n - at))
			break;
		if (!last && at == 0 && size > n && widen(size))
			return;
		keep_damaged(s, reclaim.offset + at);
		at = resync(s, p, at, n);
	}
	reclaim.offset += at;
}

/*
 * Nothing is left of it, but for what is damaged: whom it came from is told
 * by what can be read of it, so it stays until that is done.
 */
static void
reclaim_walked(void)
{
	if (reclaim.wanted) {
		log_warnx("spool: segment %u stays until the senders of what "
		    "is damaged in it are told", reclaim.segment);
		reclaim.pause = PAUSE;
		reclaim.phase = PHASE_IDLE;
		return;
	}
	reclaim.barrier = spool_barrier();
	reclaim.phase = PHASE_FLUSH;
	spool_force();
}

static void
reclaim_move(void)
{
	struct segment	*s = segment_find(reclaim.segment);
	uint64_t	 left;
	ssize_t		 n;
	int		 fd;

	if (s == NULL || reclaim.offset >= s->end) {
		reclaim_walked();
		return;
	}
	left = s->end - reclaim.offset;
	if (left > reclaim.room)
		left = reclaim.room;
	if ((fd = segment_fd(s)) == -1 ||
	    (n = disk_read(fd, reclaim.window, left, reclaim.offset)) <= 0)
		give_up("cannot read");
	else
		walk_window(s, reclaim.window, (size_t)n);
}

static void
folder_synced(int error, void *arg)
{
	if (error != 0) {
		log_warnx("spool: cannot flush log/: %s; segments stay",
		    strerror(error));
		reclaim.broken = 1;
	}
	reclaim.phase = PHASE_IDLE;
}

static void
reclaim_unlink(void)
{
	struct segment	*s = segment_find(reclaim.segment);

	if (segment_unlink(reclaim.segment) == -1 && errno != ENOENT) {
		give_up("cannot unlink");
		return;
	}
	log_debug("spool: segment %u reclaimed", reclaim.segment);
	if (s != NULL)
		segment_remove(s);
	reclaim.phase = PHASE_FOLDER;
	sync_start(SPOOL_LOG_DIR, -1, folder_synced, NULL);
}

/* Whether there is more to do at once. */
static int
reclaim_step(void)
{
	switch (reclaim.phase) {
	case PHASE_IDLE:
		reclaim_begin();
		return (reclaim.phase != PHASE_IDLE);
	case PHASE_MOVING:
		if (!spool_passed(reclaim.barrier))
			return (0);
		reclaim_move();
		return (1);
	case PHASE_FLUSH:
		if (!spool_passed(reclaim.barrier))
			return (0);
		reclaim_unlink();
		return (1);
	case PHASE_FOLDER:
		return (0);
	}
	return (0);
}

void
reclaim_turn(void)
{
	if (reclaim.busy || reclaim.phase == PHASE_IDLE || spool_grouping())
		return;
	reclaim.busy = 1;
	(void)reclaim_step();
	reclaim.busy = 0;
}

void
reclaim_tick(void)
{
	int	 i;

	if (reclaim.busy || spool_grouping())
		return;
	if (reclaim.pause > 0)
		reclaim.pause--;
	reclaim.busy = 1;
	for (i = 0; i < TICK_STEPS; i++)
		if (!reclaim_step())
			break;
	reclaim.busy = 0;
}
