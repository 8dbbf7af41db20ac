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
 * The segments of the log: which there are, how much of each is alive, and
 * single records read back.  For spool.c and its neighbours.  Per message
 * nothing is kept here: only sums.
 */

#include <sys/tree.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "queue/spool_log.h"

/* Descriptors kept open for reading. */
#define OPEN_MAX_SEGMENTS	64
/* A first read takes most heads, and most messages whole. */
#define READ_AHEAD		8192

RB_HEAD(segment_tree, segment);

static struct {
	struct segment_tree	 tree;
	int			 open;
} segments;

static int
segment_compare(struct segment *a, struct segment *b)
{
	return (a->number < b->number ? -1 : a->number > b->number);
}

RB_PROTOTYPE(segment_tree, segment, entry, segment_compare)
RB_GENERATE(segment_tree, segment, entry, segment_compare)

struct segment *
segment_add(uint32_t number)
{
	struct segment	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("segment");
	s->number = number;
	s->fd = -1;
	RB_INSERT(segment_tree, &segments.tree, s);
	return (s);
}

static void
close_fd(struct segment *s)
{
	if (s->fd == -1)
		return;
	disk_shut(s->fd);
	s->fd = -1;
	segments.open--;
}

void
segment_remove(struct segment *s)
{
	close_fd(s);
	RB_REMOVE(segment_tree, &segments.tree, s);
	free(s);
}

void
segments_close(void)
{
	struct segment	*s;

	while ((s = RB_MIN(segment_tree, &segments.tree)) != NULL)
		segment_remove(s);
	segments.open = 0;
}

struct segment *
segment_find(uint32_t number)
{
	struct segment	 key;

	key.number = number;
	return (RB_FIND(segment_tree, &segments.tree, &key));
}

struct segment *
segment_oldest(void)
{
	return (RB_MIN(segment_tree, &segments.tree));
}

struct segment *
segment_newest(void)
{
	return (RB_MAX(segment_tree, &segments.tree));
}

/* Close one that is not being written. */
static void
close_another(struct segment *keep)
{
	struct segment	*s;

	RB_FOREACH(s, segment_tree, &segments.tree) {
		if (s->fd != -1 && s != keep && s != spool_current()) {
			close_fd(s);
			return;
		}
	}
}

int
segment_fd(struct segment *s)
{
	if (s->fd != -1)
		return (s->fd);
	if ((s->fd = segment_open(s->number)) == -1)
		return (-1);
	if (++segments.open > OPEN_MAX_SEGMENTS)
		close_another(s);
	return (s->fd);
}

void
segment_adopt(struct segment *s, int fd)
{
	s->fd = fd;
	segments.open++;
}

void
segment_count(struct segment *s, uint64_t octets, uint64_t content)
{
	s->messages++;
	s->live++;
	s->octets += octets;
	s->content += content;
	s->live_content += content;
}

/* The record went away again: it was never good. */
void
segment_uncount(struct segment *s, uint64_t octets, uint64_t content)
{
	if (s->messages > 0)
		s->messages--;
	s->octets -= octets < s->octets ? octets : s->octets;
	s->content -= content < s->content ? content : s->content;
	segment_dead(s, content);
}

void
segment_dead(struct segment *s, uint64_t content)
{
	if (s->live > 0)
		s->live--;
	s->live_content -= content < s->live_content ? content :
	    s->live_content;
}

/* Heads and envelopes are taken to be of one size within a segment. */
static uint64_t
segment_alive(const struct segment *s)
{
	if (s->messages == 0)
		return (0);
	return (s->live_content +
	    (s->octets - s->content) / s->messages * s->live);
}

void
segments_sum(uint64_t *octets, uint64_t *live, uint32_t *number)
{
	struct segment	*s;

	*octets = *live = 0;
	*number = 0;
	RB_FOREACH(s, segment_tree, &segments.tree) {
		*octets += s->end;
		*live += segment_alive(s);
		(*number)++;
	}
}

/* Read on until want octets are there. */
static unsigned char *
read_more(int fd, unsigned char *buf, size_t have, size_t want,
    uint64_t offset)
{
	unsigned char	*more;
	ssize_t		 n;

	if ((more = realloc(buf, want)) == NULL) {
		free(buf);
		return (NULL);
	}
	n = disk_read(fd, more + have, want - have, offset + have);
	if (n == (ssize_t)(want - have))
		return (more);
	if (n != -1)
		errno = EILSEQ;
	free(more);
	return (NULL);
}

unsigned char *
segment_read(struct spool_ref ref, int whole, struct record *r)
{
	struct segment	*s = segment_find(ref.segment);
	unsigned char	*buf;
	uint64_t	 left, want;
	size_t		 have;
	int		 fd;

	if (s == NULL || ref.offset >= s->end) {
		errno = EILSEQ;
		return (NULL);
	}
	if ((fd = segment_fd(s)) == -1)
		return (NULL);
	left = s->end - ref.offset;
	have = left < READ_AHEAD ? left : READ_AHEAD;
	if ((buf = read_more(fd, NULL, 0, have, ref.offset)) == NULL)
		return (NULL);
	want = have;
	if (record_decode(buf, have, s->magic, r) == RECORD_BAD) {
		/* the text may be a long one, or the head is damaged */
		want = record_text_end(buf, have);
		if (want <= have || want > left)
			goto damaged;
		if ((buf = read_more(fd, buf, have, want, ref.offset)) == NULL)
			return (NULL);
		have = want;
		if (record_decode(buf, have, s->magic, r) == RECORD_BAD)
			goto damaged;
	}
	if (!whole)
		return (buf);
	if ((want = record_size(r)) > left)
		goto damaged;
	if (want > have &&
	    (buf = read_more(fd, buf, have, want, ref.offset)) == NULL)
		return (NULL);
	if (record_content_good(r, buf, want))
		return (buf);
damaged:
	free(buf);
	errno = EILSEQ;
	return (NULL);
}
