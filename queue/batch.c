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
 * A batch: the records that are written in one go and flushed together.  For
 * spool.c.  Pure but for memory; a batch knows no segment until it is sealed
 * with the magic of one.
 */

#include <stdlib.h>
#include <string.h>

#include "queue/spool_log.h"

#define FIRST_ROOM	(64 * 1024)
#define FIRST_ENTRIES	64

struct batch *
batch_new(uint64_t serial)
{
	struct batch	*b;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		return (NULL);
	b->serial = serial;
	return (b);
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	free(b->buf);
	free(b->entries);
	free(b);
}

static int
batch_reserve(struct batch *b, size_t octets, uint32_t entries)
{
	struct batch_entry	*list;
	unsigned char		*buf;
	size_t			 room = b->room == 0 ? FIRST_ROOM : b->room;
	uint32_t		 n = b->entry_room == 0 ? FIRST_ENTRIES :
				    b->entry_room;

	while (room < b->len + octets)
		room *= 2;
	while (n < b->count + entries)
		n *= 2;
	if (room != b->room) {
		if ((buf = realloc(b->buf, room)) == NULL)
			return (-1);
		b->buf = buf;
		b->room = room;
	}
	if (n != b->entry_room) {
		list = reallocarray(b->entries, n, sizeof(*list));
		if (list == NULL)
			return (-1);
		b->entries = list;
		b->entry_room = n;
	}
	return (0);
}

struct batch_entry *
batch_add(struct batch *b, const struct record *r, const void *text,
    const void *content)
{
	struct batch_entry	*e;
	uint64_t		 logged = record_logged(r);
	unsigned char		*p;

	if (batch_reserve(b, record_size(r), 1) == -1)
		return (NULL);
	p = b->buf + b->len;
	record_encode(r, p);
	if (r->text > 0)
		memcpy(p + RECORD_HEAD, text, r->text);
	if (logged > 0)
		memcpy(p + RECORD_HEAD + r->text, content, logged);
	e = &b->entries[b->count++];
	memset(e, 0, sizeof(*e));
	e->id = r->id;
	e->rcpt = r->rcpt;
	e->offset = (uint32_t)b->len;
	e->size = (uint32_t)record_size(r);
	e->content = (uint32_t)logged;
	e->type = r->type;
	b->len += record_size(r);
	return (e);
}

void
batch_seal(struct batch *b, const unsigned char *magic)
{
	uint32_t	 i;

	for (i = 0; i < b->count; i++)
		record_seal(b->buf + b->entries[i].offset, magic);
}

int
batch_join(struct batch *b, struct batch *from)
{
	uint32_t	 i;

	if (batch_reserve(b, from->len, from->count) == -1)
		return (-1);
	if (from->len > 0)
		memcpy(b->buf + b->len, from->buf, from->len);
	for (i = 0; i < from->count; i++) {
		b->entries[b->count] = from->entries[i];
		b->entries[b->count++].offset += (uint32_t)b->len;
	}
	b->len += from->len;
	b->urgent |= from->urgent;
	batch_free(from);
	return (0);
}

struct batch_entry *
batch_strip(struct batch *b, uint32_t *count)
{
	struct batch_entry	*out, e;
	uint32_t		 i, n = 0;
	size_t			 len = 0;

	*count = 0;
	if ((out = calloc(b->count + 1, sizeof(*out))) == NULL)
		return (NULL);
	for (i = 0; i < b->count; i++) {
		e = b->entries[i];
		if (!e.essential) {
			out[(*count)++] = e;
			continue;
		}
		memmove(b->buf + len, b->buf + e.offset, e.size);
		e.offset = (uint32_t)len;
		len += e.size;
		b->entries[n++] = e;
	}
	b->count = n;
	b->len = len;
	return (out);
}
