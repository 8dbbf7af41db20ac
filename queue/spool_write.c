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
 * The writer of the log: batches that wait, are written, are flushed, or
 * fail.  For spool.c, which has the table of the states.  One flush is in
 * flight at most, while the next batch gathers; a batch never spans two
 * segments.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "queue/spool_log.h"

/* A batch takes no more once it is so long. */
#define BATCH_MAX	(4 * 1024 * 1024)
/* Octets that wait: nothing is begun that would add to them. */
#define CONGESTED	(2 * BATCH_MAX)

static struct {
	struct batches	 waiting;	/* the last one gathers */
	struct batches	 written;	/* all in the current segment */
	uint64_t	 serial;	/* of batches */
	struct segment	*current;	/* NULL: the next write opens one */
	int		 entry_synced;	/* its name is on the disk */
	int		 want_spare;	/* the disk is full: use it */
	int		 force;		/* flush though nobody waits */
	int		 pumping;
	int		 flight;	/* flushes asked for, not answered */
	int		 flight_error;
	int		 stalled;	/* errno: no room for essentials */
	int		 mending;	/* a flush after a failed one */
	int		 failed;	/* errno: nothing is accepted */
	int		 stopped;
	uint64_t	 flushes;
} writer = {
	.waiting = TAILQ_HEAD_INITIALIZER(writer.waiting),
	.written = TAILQ_HEAD_INITIALIZER(writer.written),
	.stopped = 1
};

/* ---- gathering */

static size_t
batch_limit(void)
{
	uint64_t	 quarter = spool_segment_size() / 4;

	return (quarter < BATCH_MAX ? quarter : BATCH_MAX);
}

static struct batch *
batch_open(void)
{
	struct batch	*b;

	if ((b = batch_new(++writer.serial)) == NULL)
		fatal("spool");
	TAILQ_INSERT_TAIL(&writer.waiting, b, entry);
	return (b);
}

/* The batch that gathers, with room for so many octets. */
struct batch *
write_batch(uint64_t size, int within_group)
{
	struct batch	*b = TAILQ_LAST(&writer.waiting, batches);

	if (b == NULL || (!within_group && b->len > 0 &&
	    b->len + size > batch_limit()))
		b = batch_open();
	return (b);
}

/* A group cannot go to a new batch half way. */
void
write_split(void)
{
	struct batch	*b = TAILQ_LAST(&writer.waiting, batches);

	if (b != NULL && b->len > batch_limit() / 2)
		batch_open();
}

/* The record appended last has none of its group after it. */
void
write_end_group(void)
{
	struct batch	*b = TAILQ_LAST(&writer.waiting, batches);

	record_end_group(b->buf + b->entries[b->count - 1].offset);
}

/* Where the next record will lie, unless a new segment or failure comes. */
struct spool_ref
write_guess(void)
{
	struct spool_ref	 ref = { 0, 0 };
	struct batch		*b;
	uint64_t		 offset;

	if (writer.current == NULL)
		return (ref);
	offset = writer.current->end;
	TAILQ_FOREACH(b, &writer.waiting, entry)
		offset += b->len;
	ref.segment = writer.current->number;
	ref.offset = (uint32_t)offset;
	return (ref);
}

char *
write_waiting_reply(uint64_t id, uint32_t rcpt)
{
	const struct batch_entry	*e;
	const struct batch		*b;
	uint32_t			 i;

	TAILQ_FOREACH_REVERSE(b, &writer.waiting, batches, entry)
		for (i = b->count; i-- > 0; ) {
			e = &b->entries[i];
			if (e->type == RECORD_DEFER && e->id == id &&
			    e->rcpt == rcpt)
				return (strndup((const char *)b->buf +
				    e->offset + RECORD_HEAD,
				    e->size - RECORD_HEAD));
		}
	return (NULL);
}

/* Why a new message cannot be taken, or 0. */
int
write_error(void)
{
	if (writer.stopped)
		return (EIO);
	return (writer.failed ? writer.failed : writer.stalled);
}

/* ---- the ends of a batch */

static void
entry_done(const struct batch_entry *e, int error)
{
	if (e->done != NULL)
		e->done(e->arg, error);
}

static void
batch_finish(struct batch *b, int error)
{
	uint32_t	 i;

	for (i = 0; i < b->count; i++)
		entry_done(&b->entries[i], error);
	batch_free(b);
}

/* Everything ends with this error. */
static void
finish_all(int error)
{
	struct batches	 all = TAILQ_HEAD_INITIALIZER(all);
	struct batch	*b;

	TAILQ_CONCAT(&all, &writer.written, entry);
	TAILQ_CONCAT(&all, &writer.waiting, entry);
	while ((b = TAILQ_FIRST(&all)) != NULL) {
		TAILQ_REMOVE(&all, b, entry);
		batch_finish(b, error);
	}
}

static void
fail(int error, const char *what)
{
	errno = error;
	log_warn("spool: %s; nothing is accepted or sent until a restart",
	    what);
	writer.failed = error;
	finish_all(error);
}

static void
refuse_entries(struct batch_entry *list, uint32_t count, int error)
{
	uint32_t	 i;

	for (i = 0; i < count; i++)
		entry_done(&list[i], error);
	free(list);
}

/* ---- writing */

/* A new current segment; all of the old one is flushed. */
static int
rotate(void)
{
	struct segment	*newest = segment_newest(), *s;
	uint32_t	 number = newest == NULL ? 1 : newest->number + 1;
	int		 fd, synced;

	if ((fd = room_take(number, writer.want_spare, &synced)) == -1)
		return (-1);
	s = segment_add(number);
	segment_adopt(s, fd);
	arc4random_buf(s->magic, sizeof(s->magic));
	writer.want_spare = 0;
	if (writer.current != NULL)
		sync_forget(writer.current->number);
	writer.current = s;
	writer.entry_synced = synced;
	if (sync_name(number, fd) == -1) {
		writer.current = NULL;
		return (-1);
	}
	return (0);
}

static int
is_space(int error)
{
	return (error == ENOSPC || error == EDQUOT || error == EFBIG);
}

static void
batch_account(struct batch *b, struct segment *s,
    void (*binding)(struct segment *, uint64_t, uint64_t))
{
	uint32_t	 i;

	for (i = 0; i < b->count; i++)
		if (b->entries[i].type == RECORD_MESSAGE)
			binding(s, b->entries[i].size, b->entries[i].content);
}

/* One pwritev at the end of the current segment; 0 or errno. */
static int
batch_write(struct batch *b)
{
	struct segment	*s = writer.current;
	struct batch	*first = NULL;
	struct iovec	 iov[2];
	size_t		 opening = 0;
	int		 error = 0;

	if (s->end == 0) {
		if ((first = spool_checkpoint(s)) == NULL)
			return (ENOMEM);
		opening = first->len;
		iov[0].iov_base = first->buf;
	}
	iov[0].iov_len = opening;
	batch_seal(b, s->magic);
	iov[1].iov_base = b->buf;
	iov[1].iov_len = b->len;
	if (disk_write(s->fd, iov + (opening == 0), 1 + (opening > 0),
	    s->end) == -1)
		error = errno;
	else {
		b->base = s->end + opening;
		s->end += opening + b->len;
		room_used(opening + b->len);
		batch_account(b, s, segment_count);
		if (b->guess.segment != s->number ||
		    b->guess.offset != b->base)
			spool_relocate(b, s);
	}
	batch_free(first);
	return (error);
}

/*
 * The current segment cannot be trusted behind what was flushed last: leave
 * it, say in the next one which ids were never accepted, and write again what
 * must not be lost.  A second failure in a row ends the service.
 */
static void
abandon(int error)
{
	struct batch_entry	*out, *all = NULL;
	struct batch		*b, *mend;
	struct record		 drop = { .type = RECORD_DROP };
	uint32_t		 count, total = 0, i;

	errno = error;
	log_warn("spool: segment %u is left at %llu",
	    writer.current->number,
	    (unsigned long long)writer.current->flushed);
	if (writer.mending) {
		fail(error, "the segment after a failed one failed, too");
		return;
	}
	writer.mending = 1;
	if ((mend = batch_new(++writer.serial)) == NULL)
		fatal("spool");
	mend->urgent = 1;
	while ((b = TAILQ_FIRST(&writer.written)) != NULL) {
		TAILQ_REMOVE(&writer.written, b, entry);
		batch_account(b, writer.current, segment_uncount);
		if (b->serial < mend->serial)
			mend->serial = b->serial;
		if ((out = batch_strip(b, &count)) == NULL ||
		    (all = reallocarray(all, total + count + 1,
		    sizeof(*all))) == NULL || batch_join(mend, b) == -1)
			fatal("spool");
		memcpy(all + total, out, count * sizeof(*all));
		total += count;
		free(out);
	}
	for (i = 0; i < total; i++) {
		drop.id = all[i].id;
		if (batch_add(mend, &drop, NULL, NULL) == NULL)
			fatal("spool");
		mend->entries[mend->count - 1].essential = 1;
	}
	/* best effort: recovery would find the drops anyway */
	if (disk_cut(writer.current->fd, writer.current->flushed) == -1)
		log_warn("spool: cannot cut segment %u",
		    writer.current->number);
	writer.current->end = writer.current->flushed;
	sync_forget(writer.current->number);
	writer.current = NULL;
	TAILQ_INSERT_HEAD(&writer.waiting, mend, entry);
	refuse_entries(all, total, error);
}

/*
 * b, the first that waits, could not be written: cut the log back, refuse the
 * new messages in it and keep the rest of it for another try.
 */
static void
write_failed(struct batch *b, int error)
{
	struct batch_entry	*out;
	struct segment		*s = writer.current;
	uint32_t		 count;
	int			 spare;

	errno = error;
	log_warn("spool: cannot write to the log");
	if (s != NULL && disk_cut(s->fd, s->end) == -1) {
		/* octets of it may stand where the next batch would end */
		TAILQ_REMOVE(&writer.waiting, b, entry);
		TAILQ_INSERT_TAIL(&writer.written, b, entry);
		b->base = s->end;
		batch_account(b, s, segment_count);
		abandon(error);
		return;
	}
	if (writer.mending) {
		fail(error, "cannot write the segment after a failed one");
		return;
	}
	if ((out = batch_strip(b, &count)) == NULL)
		fatal("spool");
	spare = !writer.want_spare && is_space(error) && room_spare();
	writer.want_spare = spare;
	if (!spare)
		writer.stalled = error;
	if (b->count == 0) {
		TAILQ_REMOVE(&writer.waiting, b, entry);
		batch_free(b);
		/* the spare is for what must be written */
		writer.want_spare = 0;
		writer.stalled = 0;
	}
	if (is_space(error))
		room_used(UINT64_MAX);
	refuse_entries(out, count, error);
}

/* ---- flushing */

static void
flush_done(void)
{
	struct batches	 flushed = TAILQ_HEAD_INITIALIZER(flushed);
	struct batch	*b;
	uint32_t	 i;

	if (writer.flight_error != 0) {
		abandon(writer.flight_error);
		return;
	}
	writer.flushes++;
	writer.mending = 0;
	writer.entry_synced = 1;
	writer.current->flushed = writer.current->end;
	TAILQ_CONCAT(&flushed, &writer.written, entry);
	while ((b = TAILQ_FIRST(&flushed)) != NULL) {
		TAILQ_REMOVE(&flushed, b, entry);
		for (i = 0; i < b->count; i++) {
			if (b->entries[i].ref == NULL)
				continue;
			b->entries[i].ref->segment = writer.current->number;
			b->entries[i].ref->offset =
			    (uint32_t)(b->base + b->entries[i].offset);
		}
		batch_finish(b, 0);
	}
}

static void
flush_answer(int error, void *arg)
{
	if (error != 0)
		writer.flight_error = error;
	if (--writer.flight > 0)
		return;
	flush_done();
	write_pump();
}

static void
flush_start(void)
{
	int	 entry = !writer.entry_synced;

	writer.force = 0;
	writer.flight_error = 0;
	writer.flight = 1 + entry;
	if (entry)
		sync_start(SPOOL_LOG_DIR, -1, flush_answer, NULL);
	sync_start(writer.current->number, writer.current->fd, flush_answer,
	    NULL);
}

static int
flush_wanted(void)
{
	struct batch	*b;

	if (writer.force)
		return (!TAILQ_EMPTY(&writer.written));
	TAILQ_FOREACH(b, &writer.written, entry)
		if (b->urgent)
			return (1);
	return (0);
}

/* One step onwards: 1, or 0 when there is nothing to do but wait. */
static int
pump_step(void)
{
	struct batch	*b = TAILQ_FIRST(&writer.waiting);
	int		 error;

	if (writer.flight > 0)
		return (0);
	if (writer.failed) {
		finish_all(writer.failed);
		return (0);
	}
	if (b == NULL || b->len == 0 || writer.stalled) {
		if (!flush_wanted())
			return (0);
		flush_start();
		return (1);
	}
	if (writer.current == NULL || writer.want_spare ||
	    (writer.current->end > 0 &&
	    writer.current->end + b->len > spool_segment_size())) {
		if (!TAILQ_EMPTY(&writer.written)) {
			flush_start();
			return (1);
		}
		if (rotate() == -1) {
			write_failed(b, errno);
			return (1);
		}
	}
	if ((error = batch_write(b)) != 0) {
		write_failed(b, error);
		return (1);
	}
	TAILQ_REMOVE(&writer.waiting, b, entry);
	TAILQ_INSERT_TAIL(&writer.written, b, entry);
	return (1);
}

void
write_pump(void)
{
	if (writer.pumping || writer.stopped || spool_grouping())
		return;
	writer.pumping = 1;
	while (pump_step())
		;
	writer.pumping = 0;
}

/* ---- for the neighbours */

void
spool_force(void)
{
	writer.force = 1;
}

uint64_t
spool_barrier(void)
{
	return (writer.serial);
}

int
spool_passed(uint64_t barrier)
{
	struct batch	*b;

	if (writer.failed)
		return (0);
	if ((b = TAILQ_FIRST(&writer.written)) != NULL && b->serial <= barrier)
		return (0);
	b = TAILQ_FIRST(&writer.waiting);
	return (b == NULL || b->len == 0 || b->serial > barrier);
}

void
spool_set_current(struct segment *s)
{
	writer.current = s;
	writer.entry_synced = 1;
}

struct segment *
spool_current(void)
{
	return (writer.current);
}

int
write_idle(void)
{
	struct batch	*b = TAILQ_FIRST(&writer.waiting);

	return ((b == NULL || b->len == 0) && TAILQ_EMPTY(&writer.written) &&
	    writer.flight == 0);
}

int
spool_congested(void)
{
	struct batch	*b;
	size_t		 octets = 0;

	if (writer.stalled)
		return (1);
	TAILQ_FOREACH(b, &writer.waiting, entry)
		if ((octets += b->len) > CONGESTED)
			return (1);
	return (0);
}

int
spool_failed(void)
{
	return (writer.failed != 0);
}

/* What is stalled may be tried again, and what is written be flushed. */
void
write_tick(void)
{
	writer.stalled = 0;
	writer.force = 1;
	write_pump();
}

uint64_t
write_flushes(void)
{
	return (writer.flushes);
}

void
write_start(void)
{
	writer.stopped = 0;
}

/* Give the flush role all descriptors it may need; 0, -1. */
int
write_name(void)
{
	if (writer.current == NULL)
		return (0);
	return (sync_name(writer.current->number, writer.current->fd));
}

/* Its messages stand in the log, and are refused all the same. */
static void
batch_drop(const struct batch *b)
{
	uint32_t	 i;

	for (i = 0; i < b->count; i++)
		if (!b->entries[i].essential)
			spool_drop(b->entries[i].id, NULL, NULL);
}

/*
 * What is in flight is nobody's to call flushed: its answer can come no more,
 * and the kernel tells an error to one asker only.
 */
static void
finish_flight(void)
{
	struct batch	*b;

	if (writer.flight == 0)
		return;
	writer.flight = 0;
	while ((b = TAILQ_FIRST(&writer.written)) != NULL) {
		TAILQ_REMOVE(&writer.written, b, entry);
		batch_drop(b);
		batch_finish(b, ECANCELED);
	}
	if (writer.current != NULL && disk_sync(writer.current->fd) == -1)
		log_warn("spool: flush at the end");
}

void
write_stop(void)
{
	if (!writer.stopped) {
		finish_flight();
		write_tick();
		finish_all(EIO);
	}
	writer.stopped = 1;
	writer.current = NULL;
	writer.want_spare = writer.force = writer.stalled = 0;
	writer.mending = writer.failed = writer.entry_synced = 0;
	writer.flushes = 0;
}
