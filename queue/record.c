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
 * The codec of the spool's records; see record.h.  Pure: no files, no state.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "queue/record.h"

#define AT_CRC		16
#define AT_TYPE		20
#define AT_FLAGS	21
#define AT_TRIES	22
#define AT_ID		24
#define AT_RCPT		32
#define AT_STATE	36
#define AT_ZERO		37
#define AT_DUE		40
#define AT_TEXT		48
#define AT_CONTENT_CRC	52
#define AT_CONTENT	56

#define TEXT_MAX	(64 * 1024 * 1024)

static void
put(unsigned char *p, uint64_t value, int octets)
{
	int	 i;

	for (i = 0; i < octets; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t
get(const unsigned char *p, int octets)
{
	uint64_t	 value = 0;
	int		 i;

	for (i = octets - 1; i >= 0; i--)
		value = value << 8 | p[i];
	return (value);
}

void
record_encode(const struct record *r, unsigned char head[RECORD_HEAD])
{
	memset(head, 0, RECORD_HEAD);
	head[AT_TYPE] = r->type;
	head[AT_FLAGS] = r->flags;
	put(head + AT_TRIES, r->tries, 2);
	put(head + AT_ID, r->id, 8);
	put(head + AT_RCPT, r->rcpt, 4);
	head[AT_STATE] = r->state;
	put(head + AT_DUE, r->due, 8);
	put(head + AT_TEXT, r->text, 4);
	put(head + AT_CONTENT_CRC, r->crc, 4);
	put(head + AT_CONTENT, r->content, 8);
}

/* The CRC of all that is not the CRC itself. */
static uint32_t
head_crc(const unsigned char *p, size_t text)
{
	uint32_t	 crc;

	crc = crc32c(0, p, AT_CRC);
	return (crc32c(crc, p + AT_TYPE, RECORD_HEAD - AT_TYPE + text));
}

void
record_seal(unsigned char *p, const unsigned char magic[RECORD_MAGIC])
{
	memcpy(p, magic, RECORD_MAGIC);
	put(p + AT_CRC, head_crc(p, get(p + AT_TEXT, 4)), 4);
}

void
record_end_group(unsigned char *p)
{
	p[AT_FLAGS] &= (unsigned char)~RECORD_MORE;
}

enum record_status
record_decode(const unsigned char *p, size_t left, const unsigned char *magic,
    struct record *r)
{
	if (left < RECORD_HEAD)
		return (RECORD_BAD);
	if (magic != NULL && memcmp(p, magic, RECORD_MAGIC) != 0)
		return (RECORD_BAD);
	r->type = p[AT_TYPE];
	r->flags = p[AT_FLAGS];
	r->tries = (uint16_t)get(p + AT_TRIES, 2);
	r->id = get(p + AT_ID, 8);
	r->rcpt = (uint32_t)get(p + AT_RCPT, 4);
	r->state = p[AT_STATE];
	r->due = get(p + AT_DUE, 8);
	r->text = (uint32_t)get(p + AT_TEXT, 4);
	r->crc = (uint32_t)get(p + AT_CONTENT_CRC, 4);
	r->content = get(p + AT_CONTENT, 8);
	if (r->type == 0 || r->text > TEXT_MAX ||
	    r->text > left - RECORD_HEAD || r->content > INT64_MAX / 2)
		return (RECORD_BAD);
	if (head_crc(p, r->text) != (uint32_t)get(p + AT_CRC, 4))
		return (RECORD_BAD);
	if (r->type > RECORD_COUNTER)
		return (RECORD_UNKNOWN);
	return (RECORD_GOOD);
}

size_t
record_text_end(const unsigned char *p, size_t left)
{
	uint64_t	 text;

	if (left < RECORD_HEAD || (text = get(p + AT_TEXT, 4)) > TEXT_MAX)
		return (0);
	return (RECORD_HEAD + text);
}

uint64_t
record_logged(const struct record *r)
{
	return (r->flags & RECORD_LARGE ? 0 : r->content);
}

uint64_t
record_size(const struct record *r)
{
	return (RECORD_HEAD + (uint64_t)r->text + record_logged(r));
}

int
record_content_good(const struct record *r, const unsigned char *p,
    size_t left)
{
	if (record_logged(r) == 0)
		return (1);
	if (record_size(r) > left)
		return (0);
	return (crc32c(0, p + RECORD_HEAD + r->text, r->content) == r->crc);
}

const unsigned char *
record_find(const unsigned char *p, size_t left,
    const unsigned char magic[RECORD_MAGIC])
{
	return (memmem(p, left, magic, RECORD_MAGIC));
}

/* Cheap tests that nearly all octets which are no head fail. */
static int
looks_like_head(const unsigned char *p)
{
	return (p[AT_TYPE] >= RECORD_CHECKPOINT &&
	    p[AT_TYPE] <= RECORD_COUNTER &&
	    p[AT_FLAGS] <= 0x0f && p[AT_ZERO] == 0 && p[AT_ZERO + 1] == 0 &&
	    p[AT_ZERO + 2] == 0 && p[AT_CONTENT + 6] == 0 &&
	    p[AT_CONTENT + 7] == 0);
}

/*
 * A content may hold what looks like a record with a magic of its own, so
 * the first one counts: a message's head stands before its content.
 */
int
record_magic(const unsigned char *p, size_t left,
    unsigned char magic[RECORD_MAGIC])
{
	struct record	 r;
	size_t		 i;

	if (left < RECORD_HEAD)
		return (-1);
	memcpy(magic, p, RECORD_MAGIC);
	if (record_decode(p, left, NULL, &r) != RECORD_BAD)
		return (0);
	if (!record_blank(magic, RECORD_MAGIC) &&
	    record_find(p + 1, left - 1, magic) != NULL)
		return (0);
	for (i = 1; i + RECORD_HEAD <= left; i++) {
		if (!looks_like_head(p + i) ||
		    record_blank(p + i, RECORD_MAGIC) ||
		    record_decode(p + i, left - i, NULL, &r) != RECORD_GOOD)
			continue;
		memcpy(magic, p + i, RECORD_MAGIC);
		return (0);
	}
	return (-1);
}

int
record_blank(const unsigned char *p, size_t left)
{
	return (left == 0 || (*p == 0 && memcmp(p, p + 1, left - 1) == 0));
}

char *
record_pair(const char *a, const char *b, size_t *len)
{
	size_t	 a_room = 3 * strlen(a) + 1, b_room = 3 * strlen(b) + 1, n;
	char	*text;

	if ((text = malloc(a_room + b_room)) == NULL)
		return (NULL);
	if (xtext_encode(a, text, a_room) == -1)
		text[0] = '\0';
	n = strlen(text);
	text[n++] = ' ';
	if (xtext_encode(b, text + n, b_room) == -1)
		text[n] = '\0';
	*len = n + strlen(text + n);
	return (text);
}

int
record_unpair(const void *text, size_t len, char **a, char **b)
{
	const char	*space;
	char		*raw, *out;
	size_t		 first;

	if ((space = memchr(text, ' ', len)) == NULL ||
	    memchr(text, '\0', len) != NULL)
		return (-1);
	first = space - (const char *)text;
	raw = strndup(text, len);
	out = malloc(len + 2);
	if (raw == NULL || out == NULL)
		goto bad;
	raw[first] = '\0';
	if (xtext_decode(raw, out, first + 1) == -1 ||
	    xtext_decode(raw + first + 1, out + first + 1, len - first) == -1)
		goto bad;
	free(raw);
	*a = out;
	*b = out + first + 1;
	return (0);
bad:
	free(raw);
	free(out);
	return (-1);
}

void
record_line(struct record_lines *l, const char *word, const char *a,
    const char *b)
{
	size_t	 len, n = strlen(word);
	char	*pair, *text;

	if (l->failed)
		return;
	if ((pair = record_pair(a, b, &len)) == NULL ||
	    (text = realloc(l->text, l->len + n + len + 2)) == NULL) {
		free(pair);
		l->failed = 1;
		return;
	}
	l->text = text;
	text += l->len;
	memcpy(text, word, n);
	text[n] = ' ';
	memcpy(text + n + 1, pair, len);
	text[n + 1 + len] = '\n';
	l->len += n + len + 2;
	free(pair);
}

int
record_next(const char **text, size_t *left, char *word, size_t size,
    char **a, char **b)
{
	const char	*line = *text, *end, *space;
	size_t		 len, n;

	if (*left == 0)
		return (0);
	if ((end = memchr(line, '\n', *left)) == NULL)
		return (-1);
	len = end - line;
	*text += len + 1;
	*left -= len + 1;
	if ((space = memchr(line, ' ', len)) == NULL)
		return (-1);
	n = space - line;
	if (n >= size)
		return (-1);
	memcpy(word, line, n);
	word[n] = '\0';
	return (record_unpair(space + 1, len - n - 1, a, b) == -1 ? -1 : 1);
}
