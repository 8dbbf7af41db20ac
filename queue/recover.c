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
 * The start: every segment is read, every record's head checked and told to
 * the queue, in the order of the log.  Called by spool_open.  It changes
 * nothing on the disk before all has been read; damage is reported and kept
 * aside, never a reason not to start.
 *
 * Behind the last good record of the newest segment is a torn tail: what was
 * being written when the power went.  Damage anywhere before is damage.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "queue/spool_log.h"

/* Read in steps, so that a bad sector costs no more than itself. */
#define READ_STEP	(1024 * 1024)
#define SECTOR		4096

/* A segment in memory, while it is read. */
struct image {
	struct segment	*segment;
	unsigned char	*octets;
	uint64_t	 size;		/* of the file */
	uint64_t	 cut;		/* end of what is the log's */
	int		 newest;	/* check contents, too */
	int		 damaged;
};

static struct {
	const struct spool_replay *replay;
	uint32_t	*numbers;	/* of all segments, ascending */
	size_t		 count, room;
	int		 damaged;	/* any segment is */
	int		 usable;	/* the newest may be appended to */
	char		 error[256];
	struct image	 image;
	size_t		 buffer;	/* octets allocated for an image */
} start;

static void	 report(uint64_t, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

static void
report(uint64_t id, const char *fmt, ...)
{
	char	 what[256];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (start.replay->damaged != NULL)
		start.replay->damaged(id, what);
}

/* ---- which segments there are */

static void
list_one(const char *name, void *arg)
{
	uint32_t	 number, *list;

	if ((number = segment_number(name)) == 0) {
		log_warnx("spool: log/%s is none of ours", name);
		return;
	}
	if (start.count == start.room) {
		start.room = start.room == 0 ? 64 : 2 * start.room;
		list = reallocarray(start.numbers, start.room, sizeof(*list));
		if (list == NULL)
			fatal("recover");
		start.numbers = list;
	}
	start.numbers[start.count++] = number;
}

static int
compare_numbers(const void *a, const void *b)
{
	const uint32_t	*x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* ---- one segment into memory */

/* Sector by sector; what cannot be read is zeros, which is no record. */
static void
read_sectors(int fd, unsigned char *p, size_t len, uint64_t offset)
{
	size_t	 i, n;

	for (i = 0; i < len; i += SECTOR) {
		n = len - i < SECTOR ? len - i : SECTOR;
		if (disk_read(fd, p + i, n, offset + i) != (ssize_t)n)
			memset(p + i, 0, n);
	}
}

static int
image_reserve(struct image *image)
{
	unsigned char	*octets;

	if (image->size <= start.buffer)
		return (0);
	if ((octets = realloc(image->octets, image->size)) == NULL)
		return (-1);
	image->octets = octets;
	start.buffer = image->size;
	return (0);
}

static int
image_read(struct image *image, struct segment *s)
{
	uint64_t	 offset;
	size_t		 n;
	int		 fd;

	image->segment = s;
	image->cut = image->size = 0;
	image->newest = image->damaged = 0;
	if ((fd = segment_fd(s)) == -1 || disk_size(fd, &image->size) == -1 ||
	    image->size > UINT32_MAX) {
		report(0, "segment %u cannot be read: %s", s->number,
		    image->size > UINT32_MAX ? "too long" : strerror(errno));
		image->damaged = start.damaged = 1;
		image->size = 0;
		return (-1);
	}
	if (image_reserve(image) == -1)
		fatal("recover");
	for (offset = 0; offset < image->size; offset += n) {
		n = image->size - offset < READ_STEP ? image->size - offset :
		    READ_STEP;
		if (disk_read(fd, image->octets + offset, n, offset) !=
		    (ssize_t)n)
			read_sectors(fd, image->octets + offset, n, offset);
	}
	image->cut = image->size;
	return (0);
}

/* ---- records of an image */

/* 1: good, 0: not, -1: of a newer version. */
static int
record_at(const struct image *image, uint64_t at, uint64_t end,
    struct record *r)
{
	const unsigned char	*p = image->octets + at;

	switch (record_decode(p, end - at, image->segment->magic, r)) {
	case RECORD_GOOD:
		return (1);
	case RECORD_UNKNOWN:
		return (-1);
	case RECORD_BAD:
		break;
	}
	return (0);
}

static int
whole(const struct image *image, uint64_t at, uint64_t end,
    const struct record *r)
{
	return (record_size(r) <= end - at && (!image->newest ||
	    record_content_good(r, image->octets + at, end - at)));
}

/*
 * The group that begins at, most often a single record: its octets, 0 when
 * any of it is not good, -1 of a newer version.
 */
static int64_t
group_at(const struct image *image, uint64_t at, uint64_t end)
{
	struct record	 r;
	uint64_t	 from = at;
	int		 status, part = 0;

	for (;;) {
		status = record_at(image, at, end, &r);
		if (status == -1)
			return (-1);
		if (status == 0 || !whole(image, at, end, &r) ||
		    part != !!(r.flags & RECORD_PART))
			return (0);
		at += record_size(&r);
		if (!(r.flags & RECORD_MORE))
			return ((int64_t)(at - from));
		part = 1;
	}
}

static uint64_t
next_magic(const struct image *image, uint64_t at, uint64_t end)
{
	const unsigned char	*p;

	if (at >= end)
		return (end);
	p = record_find(image->octets + at, end - at,
	    image->segment->magic);
	return (p == NULL ? end : (uint64_t)(p - image->octets));
}

/* The end of the last good group; -1 of a newer version. */
static int64_t
last_good(const struct image *image)
{
	uint64_t	 at = 0, good = 0;
	int64_t		 n;

	while (at < image->size) {
		n = group_at(image, at, image->size);
		if (n == -1)
			return (-1);
		if (n == 0)
			at = next_magic(image, at + 1, image->size);
		else
			good = at += (uint64_t)n;
	}
	return ((int64_t)good);
}

/* ---- telling the queue */

static void
replay_message(const struct image *image, uint64_t at,
    const struct record *r, const char *text)
{
	struct spool_ref	 ref;
	struct envelope		*e;

	ref.segment = image->segment->number;
	ref.offset = (uint32_t)at;
	e = envelope_parse(text, r->text);
	if (e == NULL || e->id != r->id) {
		report(r->id, "segment %u: envelope at %llu makes no sense",
		    ref.segment, (unsigned long long)at);
		start.damaged = 1;
		envelope_free(e);
		return;
	}
	if (r->flags & RECORD_LARGE)
		large_named(r->id);
	segment_count(image->segment, record_size(r), record_logged(r));
	if (start.replay->message != NULL)
		start.replay->message(e, ref, r->content);
	envelope_free(e);
}

static void
replay_pair(const struct record *r, const char *text)
{
	const struct spool_replay	*replay = start.replay;
	char				*a, *b;

	if (record_unpair(text, r->text, &a, &b) == -1) {
		report(r->id, "a record's values make no sense");
		return;
	}
	if (r->type == RECORD_MOVE && replay->move != NULL)
		replay->move(r->id, r->rcpt, a, b);
	else if (r->type == RECORD_COUNTER && replay->counter != NULL)
		replay->counter(a, b);
	else if (r->type != RECORD_MOVE && r->type != RECORD_COUNTER &&
	    replay->suspend != NULL)
		replay->suspend(a, r->type == RECORD_RESUME ? "" : b);
	free(a);
}

/* -1: its format is not ours. */
static int
replay_checkpoint(const struct record *r, const char *text)
{
	const struct spool_replay	*replay = start.replay;
	size_t				 left = r->text;
	char				 word[16], *a, *b;
	int				 status = 0;

	if (replay->checkpoint != NULL)
		replay->checkpoint();
	while (status == 0 &&
	    record_next(&text, &left, word, sizeof(word), &a, &b) == 1) {
		if (strcmp(word, "format") == 0 &&
		    strtonum(a, 1, RECORD_FORMAT, NULL) == 0)
			status = -1;
		else if (strcmp(word, "suspend") == 0 &&
		    replay->suspend != NULL)
			replay->suspend(a, b);
		else if (strcmp(word, "counter") == 0 &&
		    replay->counter != NULL)
			replay->counter(a, b);
		free(a);
	}
	return (status);
}

static int
replay_record(const struct image *image, uint64_t at, const struct record *r)
{
	const struct spool_replay	*replay = start.replay;
	const char	*text = (const char *)image->octets + at + RECORD_HEAD;
	struct spool_ref		 ref;

	ref.segment = image->segment->number;
	ref.offset = (uint32_t)at;
	spool_set_last(ref);
	switch (r->type) {
	case RECORD_CHECKPOINT:
		return (replay_checkpoint(r, text));
	case RECORD_MESSAGE:
		replay_message(image, at, r, text);
		break;
	case RECORD_RESULT:
		if (replay->result != NULL)
			replay->result(r->id, r->rcpt, r->state);
		break;
	case RECORD_DEFER:
		if (replay->defer != NULL)
			replay->defer(r->id, r->rcpt, r->tries, r->due,
			    (r->flags & RECORD_WARNED) != 0);
		break;
	case RECORD_DROP:
		if (replay->drop != NULL)
			replay->drop(r->id);
		break;
	default:
		replay_pair(r, text);
		break;
	}
	return (0);
}

/* A group that is known to be good. */
static int
replay_group(const struct image *image, uint64_t at, uint64_t end)
{
	struct record	 r;

	while (at < end) {
		if (record_at(image, at, end, &r) != 1)
			return (-1);
		if (replay_record(image, at, &r) == -1)
			return (-1);
		at += record_size(&r);
	}
	return (0);
}

/* ---- damage */

/*
 * A single message whose envelope is good and whose content is not is told
 * all the same: who reads it learns of it and can tell the sender.  Not so a
 * copy by reclaim while what it was copied from is there.  The octets that
 * are dealt with; 0: none.
 */
static uint64_t
replay_damaged(const struct image *image, uint64_t at)
{
	struct record	 r;

	if (record_at(image, at, image->cut, &r) != 1)
		return (0);
	if (r.type == RECORD_MESSAGE && r.rcpt != 0 &&
	    segment_find(r.rcpt) != NULL) {
		report(0, "segment %u: torn copy at %llu",
		    image->segment->number, (unsigned long long)at);
		return (RECORD_HEAD + r.text);
	}
	if (r.flags & (RECORD_MORE | RECORD_PART)) {
		report(r.id, "segment %u: part of a group at %llu",
		    image->segment->number, (unsigned long long)at);
		return (RECORD_HEAD + r.text);
	}
	report(r.id, "segment %u: content at %llu", image->segment->number,
	    (unsigned long long)at);
	(void)replay_record(image, at, &r);
	/* its length may be true or not: look for the next from here on */
	return (RECORD_HEAD + r.text);
}

static uint64_t
skip_damage(struct image *image, uint64_t at)
{
	uint64_t	 from = at, done;

	image->damaged = start.damaged = 1;
	done = replay_damaged(image, at);
	if (done > 0)
		return (next_magic(image, at + done, image->cut));
	at = next_magic(image, at + 1, image->cut);
	report(0, "segment %u: %llu octets at %llu", image->segment->number,
	    (unsigned long long)(at - from), (unsigned long long)from);
	return (at);
}

static int
refuse_newer(const struct image *image, uint64_t at, const char **error)
{
	snprintf(start.error, sizeof(start.error), "spool: segment %u holds "
	    "a record of a newer version at %llu", image->segment->number,
	    (unsigned long long)at);
	*error = start.error;
	return (-1);
}

/* What begins at: its octets, 0 for damage, -1 of a newer version. */
static int64_t
replay_at(const struct image *image, uint64_t at)
{
	struct record	 r;
	int64_t		 n;

	/* nearly all are single: no need to look at them twice */
	if (record_at(image, at, image->cut, &r) == 1 &&
	    !(r.flags & (RECORD_MORE | RECORD_PART))) {
		if (!whole(image, at, image->cut, &r))
			return (0);
		if (replay_record(image, at, &r) == -1)
			return (-1);
		return ((int64_t)record_size(&r));
	}
	n = group_at(image, at, image->cut);
	if (n > 0 && replay_group(image, at, at + (uint64_t)n) == -1)
		return (-1);
	return (n);
}

static int
replay_image(struct image *image, const char **error)
{
	uint64_t	 at = 0;
	int64_t		 n;

	while (at < image->cut) {
		n = replay_at(image, at);
		if (n == -1)
			return (refuse_newer(image, at, error));
		if (n == 0)
			at = skip_damage(image, at);
		else
			at += (uint64_t)n;
	}
	image->segment->end = image->segment->flushed = image->cut;
	return (0);
}

/* ---- what is done to the disk, once all is read */

static void
keep_aside(struct segment *s)
{
	if (segment_keep(s->number) == -1) {
		/* so it must not go by reclaim either */
		s->stays = 1;
		log_warn("spool: cannot keep segment %u in damaged/",
		    s->number);
	} else
		log_warnx("spool: segment %u is damaged; kept in damaged/",
		    s->number);
}

/*
 * Save and cut the torn tail of the newest segment.  Appends go on in it only
 * if it is whole; else the next one begins.
 */
static int
finish_newest(struct image *image, const char **error)
{
	struct segment	*s = image->segment;
	uint64_t	 tail = image->size - image->cut;
	int		 usable = !image->damaged;

	if (tail > 0 && !record_blank(image->octets + image->cut, tail)) {
		report(0, "segment %u: torn tail of %llu octets at %llu",
		    s->number, (unsigned long long)tail,
		    (unsigned long long)image->cut);
		if (segment_save_tail(s->number, image->cut,
		    image->octets + image->cut, tail) == -1) {
			log_warn("spool: cannot save the tail of segment %u",
			    s->number);
			usable = tail = 0;
		}
	}
	if (tail > 0 && disk_cut(s->fd, image->cut) == -1)
		usable = 0;
	/* what SIGKILL left in memory only is on the disk from here on */
	if (disk_sync(s->fd) == -1 || disk_sync_dir(DISK_LOG) == -1) {
		snprintf(start.error, sizeof(start.error),
		    "spool: cannot flush segment %u: %s", s->number,
		    strerror(errno));
		*error = start.error;
		return (-1);
	}
	start.usable = usable;
	return (0);
}

/* A segment behind the newest: prepared, or its first write was torn. */
static void
clear_unborn(struct image *image)
{
	struct segment	*s = image->segment;

	if (image->size > 0 && !record_blank(image->octets, image->size)) {
		report(0, "segment %u: torn, %llu octets", s->number,
		    (unsigned long long)image->size);
		if (segment_keep(s->number) == -1) {
			s->stays = 1;
			log_warn("spool: cannot keep segment %u", s->number);
			return;
		}
	}
	if (segment_unlink(s->number) == -1)
		log_warn("spool: cannot unlink segment %u", s->number);
	else
		segment_remove(s);
}

/* ---- the whole */

/* Whether it has any good record; -1 of a newer version. */
static int
image_born(struct image *image)
{
	int64_t	 good;

	if (image->size == 0 || record_magic(image->octets, image->size,
	    image->segment->magic) == -1)
		return (0);
	image->newest = 1;
	if ((good = last_good(image)) == -1)
		return (-1);
	image->cut = (uint64_t)good;
	return (good > 0);
}

/*
 * From the new end back to the newest segment that holds a record.  Its image
 * stays in start.image.  0; -1 with *error.
 */
static int
find_newest(size_t *newest, const char **error)
{
	struct image	*image = &start.image;
	struct segment	*s;
	size_t		 i;
	int		 born;

	for (i = start.count; i-- > 0;) {
		s = segment_find(start.numbers[i]);
		if (image_read(image, s) == -1) {
			s->stays = 1;
			continue;
		}
		born = image_born(image);
		if (born == -1)
			return (refuse_newer(image, 0, error));
		if (born)
			break;
	}
	*newest = i;			/* SIZE_MAX: none */
	return (0);
}

static int
replay_older(size_t i, const char **error)
{
	struct image	*image = &start.image;
	struct segment	*s = segment_find(start.numbers[i]);

	if (image_read(image, s) == -1) {
		/* the next start may read it: until then none of it is dead */
		s->stays = 1;
		keep_aside(s);
		return (0);
	}
	if (image->size == 0)
		return (0);
	if (record_magic(image->octets, image->size, s->magic) == -1) {
		report(0, "segment %u: no record can be read", s->number);
		image->damaged = start.damaged = 1;
		s->end = 0;
	} else if (replay_image(image, error) == -1)
		return (-1);
	if (image->damaged)
		keep_aside(s);
	return (0);
}

/*
 * Behind the newest, and all if there is none.  What could not be read is not
 * the same as torn: it stays.
 */
static void
clear_all_unborn(size_t newest)
{
	struct image	*image = &start.image;
	struct segment	*s;
	size_t		 i;

	for (i = newest + 1; i < start.count; i++) {
		s = segment_find(start.numbers[i]);
		if (!s->stays && image_read(image, s) == 0 &&
		    image_born(image) == 0)
			clear_unborn(image);
		else
			keep_aside(s);
	}
}

static int
replay_newest(size_t newest, const char **error)
{
	struct image	*image = &start.image;
	struct segment	*s = segment_find(start.numbers[newest]);
	int		 born;

	born = image_read(image, s) == -1 ? 0 : image_born(image);
	if (born == -1)
		return (refuse_newer(image, 0, error));
	if (!born) {
		/* a moment ago it could be: for the next start to read */
		report(0, "segment %u cannot be read any more", s->number);
		start.damaged = s->stays = 1;
		keep_aside(s);
		return (0);
	}
	if (replay_image(image, error) == -1)
		return (-1);
	if (image->damaged)
		keep_aside(image->segment);
	return (finish_newest(image, error));
}

/* Appends go on in the newest, if it is whole and none comes after it. */
static void
choose_current(struct segment *s)
{
	if (start.usable && s == segment_newest())
		spool_set_current(s);
}

static int
recover_segments(const char **error)
{
	size_t	 i, newest;

	for (i = 0; i < start.count; i++)
		(void)segment_add(start.numbers[i]);
	if (find_newest(&newest, error) == -1)
		return (-1);
	for (i = 0; newest != SIZE_MAX && i < newest; i++) {
		if (start.numbers[i] + 1 != start.numbers[i + 1]) {
			report(0, "segments between %u and %u are missing",
			    start.numbers[i], start.numbers[i + 1]);
			start.damaged = 1;
		}
		if (replay_older(i, error) == -1)
			return (-1);
	}
	if (newest != SIZE_MAX && replay_newest(newest, error) == -1)
		return (-1);
	clear_all_unborn(newest);
	if (newest != SIZE_MAX)
		choose_current(segment_find(start.numbers[newest]));
	return (0);
}

int
recover(const struct spool_replay *replay, const char **error)
{
	int	 status;

	memset(&start.image, 0, sizeof(start.image));
	start.replay = replay;
	start.count = start.buffer = 0;
	start.damaged = start.usable = 0;
	if (disk_list(DISK_LOG, list_one, NULL) == -1) {
		snprintf(start.error, sizeof(start.error),
		    "spool: cannot list log/: %s", strerror(errno));
		*error = start.error;
		return (-1);
	}
	if (start.count > 0)
		qsort(start.numbers, start.count, sizeof(*start.numbers),
		    compare_numbers);
	status = recover_segments(error);
	if (status == 0)
		large_sweep(start.damaged);
	free(start.image.octets);
	free(start.numbers);
	start.numbers = NULL;
	start.room = 0;
	return (status);
}
