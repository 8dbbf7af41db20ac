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
 * See strip.h.  Called by content.c with a header section in pieces of any
 * size; does no I/O, allocates nothing.
 */

#include <ctype.h>
#include <string.h>

#include "smtpd/strip.h"

enum state {
	LINE,			/* in the first octets of a line */
	COLON,			/* after the name */
	GAP,			/* blanks between name and colon */
	KEEP,			/* in a line that stays */
	VALUE,			/* in one that goes */
	JUNK,			/* the same, but no value */
	FOLD			/* after a line that goes: does it go on? */
};

void
strip_init(struct strip *s, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->name = name;
	s->len = strlen(name);
	s->state = LINE;
}

static int
blank(char c)
{
	return (c == ' ' || c == '\t');
}

/* What was held back is none of it. */
static size_t
release(struct strip *s, char *out)
{
	size_t	 n = s->at;

	memcpy(out, s->held, n);
	s->at = 0;
	s->state = KEEP;
	return (n);
}

static void
value_add(struct strip *s, char c)
{
	if (!s->first || c == '\r' || s->valuelen == STRIP_VALUE ||
	    (s->valuelen == 0 && blank(c)))
		return;
	if (s->valuelen < STRIP_VALUE - 1)
		s->value[s->valuelen] = c;
	s->valuelen++;
}

/* 0: c is still to be looked at, in another state. */
static int
held(struct strip *s, char c)
{
	if (s->state == LINE && tolower((unsigned char)c) ==
	    tolower((unsigned char)s->name[s->at])) {
		s->held[s->at++] = c;
		if (s->at == s->len)
			s->state = COLON;
		return (1);
	}
	if (s->state == LINE || (s->state == COLON && !blank(c) && c != ':'))
		return (0);
	/* RFC 5322 4.5: blanks before the colon were allowed once */
	s->at = 0;
	if (blank(c))
		s->state = GAP;
	else if (c == ':') {
		s->state = VALUE;
		s->first = !s->seen;
		s->seen = 1;
	} else
		s->state = JUNK;
	return (s->state != JUNK || c != '\n');
}

/* In a line that goes. */
static void
dropped(struct strip *s, char c)
{
	if (c == '\n')
		s->state = FOLD;
	else if (s->state == VALUE)
		value_add(s, c);
}

/* After it: a line that goes on, or another one. */
static int
folded(struct strip *s, char c)
{
	if (blank(c)) {
		s->state = VALUE;
		value_add(s, c);
		return (1);
	}
	s->first = 0;
	s->state = LINE;
	return (0);
}

size_t
strip_text(struct strip *s, const char *in, size_t len, char *out)
{
	const char	*end = in + len, *eol;
	size_t		 o = 0, n;

	while (in < end) {
		switch ((enum state)s->state) {
		case LINE:
		case COLON:
		case GAP:
			if (held(s, *in))
				in++;
			else if (s->state != JUNK)
				o += release(s, out + o);
			break;
		case KEEP:
			eol = memchr(in, '\n', end - in);
			n = (eol != NULL ? eol + 1 : end) - in;
			memcpy(out + o, in, n);
			o += n;
			in += n;
			if (eol != NULL)
				s->state = LINE;
			break;
		case VALUE:
		case JUNK:
			dropped(s, *in++);
			break;
		case FOLD:
			in += folded(s, *in);
			break;
		}
	}
	return (o);
}

const char *
strip_value(struct strip *s)
{
	size_t	 len = s->valuelen;

	/* one cut short would be another's */
	if (!s->seen || len == STRIP_VALUE)
		return (NULL);
	while (len > 0 && blank(s->value[len - 1]))
		len--;
	s->value[len] = '\0';
	return (s->value);
}
