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
 * Envelopes as text and back.  The spool calls it for every message that is
 * stored, and for every one that it finds at the start; so writing and
 * parsing are one pass and one allocation each.
 *
 * A line is a letter, a blank and a value.  "n" and all others of the message
 * come before the first "r", which opens a recipient; the lines after it are
 * that recipient's.  What is not set has no line.  The parser must never
 * trust the text: it may be a damaged disk's.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/envelope.h"

/* A number's digits, its letter, blank and end of line. */
#define NUMBER_LINE	(20 + 3)
/* Numbers in a message, and in a recipient. */
#define NUMBERS		8
#define RCPT_NUMBERS	8
/* The shortest recipient, "r 1 \n": bounds what "n" may claim. */
#define RCPT_LINE_MIN	5

struct parser {
	const char	*p;		/* in the text */
	const char	*end;
	char		*strings;	/* where the next string goes */
	struct envelope	*e;
	struct envelope_rcpt *rcpt;	/* the open one, or NULL */
	uint32_t	 room;		/* recipients allocated */
	int		 seen_id;
	int		 seen_count;
};

static const char hex_digits[] = "0123456789ABCDEF";

static int	 writable(const struct envelope *);
static size_t	 string_size(const char *);
static size_t	 write_size(const struct envelope *);
static char	*write_escaped(char *, const char *);
static char	*write_string(char *, char, const char *);
static char	*write_decimal(char *, uint64_t);
static char	*write_number(char *, char, uint64_t);
static char	*write_rcpt(char *, const struct envelope_rcpt *);
static int	 hex_digit(char);
static int	 get_number(struct parser *, uint64_t, uint64_t *);
static int	 get_hex(struct parser *, uint64_t *);
static int	 get_string(struct parser *, const char **);
static int	 parse_message(struct parser *, char);
static int	 parse_rcpt_start(struct parser *);
static int	 parse_rcpt(struct parser *, char);
static uint32_t	 claimed_rcpts(const char *, size_t);

/* Sender and addresses are what an envelope is about. */
static int
writable(const struct envelope *e)
{
	uint32_t i;

	for (i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].address == NULL ||
		    e->rcpts[i].state > RCPT_REMOVED)
			return (0);
	return (e->sender != NULL);
}

/* At worst every octet is escaped. */
static size_t
string_size(const char *s)
{
	return (s == NULL ? 0 : 3 * strlen(s) + 3);
}

static size_t
write_size(const struct envelope *e)
{
	const struct envelope_rcpt *r;
	size_t size;
	uint32_t i;

	size = NUMBERS * NUMBER_LINE + string_size(e->sender) +
	    string_size(e->client) + string_size(e->helo) +
	    string_size(e->auth) + string_size(e->user) +
	    string_size(e->tag) + string_size(e->ret) +
	    string_size(e->envid) + string_size(e->large) + 1;
	for (i = 0; i < e->nrcpts; i++) {
		r = &e->rcpts[i];
		size += RCPT_NUMBERS * NUMBER_LINE +
		    string_size(r->address) + string_size(r->action) +
		    string_size(r->destination) + string_size(r->binding) +
		    string_size(r->origin) +
		    string_size(r->group) + string_size(r->orcpt) +
		    string_size(r->notify) + string_size(r->reply);
	}
	return (size);
}

static char *
write_escaped(char *p, const char *s)
{
	unsigned char c;

	for (; (c = *s) != '\0'; s++) {
		if (c >= ' ' && c < 0x7f && c != '+') {
			*p++ = c;
			continue;
		}
		*p++ = '+';
		*p++ = hex_digits[c >> 4];
		*p++ = hex_digits[c & 15];
	}
	*p++ = '\n';
	return (p);
}

static char *
write_string(char *p, char key, const char *s)
{
	if (s == NULL)
		return (p);
	*p++ = key;
	*p++ = ' ';
	return (write_escaped(p, s));
}

static char *
write_decimal(char *p, uint64_t n)
{
	char digits[20];
	int i = 0;

	do
		digits[i++] = '0' + n % 10;
	while ((n /= 10) != 0);
	while (i > 0)
		*p++ = digits[--i];
	return (p);
}

/* Zero is what a missing line means. */
static char *
write_number(char *p, char key, uint64_t n)
{
	if (n == 0)
		return (p);
	*p++ = key;
	*p++ = ' ';
	p = write_decimal(p, n);
	*p++ = '\n';
	return (p);
}

static char *
write_rcpt(char *p, const struct envelope_rcpt *r)
{
	*p++ = 'r';
	*p++ = ' ';
	p = write_decimal(p, r->number);
	*p++ = ' ';
	p = write_escaped(p, r->address);
	p = write_string(p, 'A', r->action);
	p = write_string(p, 'D', r->destination);
	p = write_string(p, 'B', r->binding);
	p = write_string(p, 'G', r->group);
	p = write_number(p, 'U', r->rule);
	p = write_string(p, 'F', r->origin);
	p = write_number(p, 'l', r->local);
	p = write_string(p, 'O', r->orcpt);
	p = write_string(p, 'N', r->notify);
	p = write_number(p, 'S', r->state);
	p = write_number(p, 'T', r->tries);
	p = write_number(p, 'd', r->due);
	p = write_number(p, 'w', r->warned);
	return (write_string(p, 'm', r->reply));
}

char *
envelope_write(const struct envelope *e, size_t *len)
{
	char *text, *p;
	uint32_t i;
	int shift;

	if (!writable(e)) {
		errno = EINVAL;
		return (NULL);
	}
	if ((text = p = malloc(write_size(e))) == NULL)
		return (NULL);
	*p++ = 'i';
	*p++ = ' ';
	for (shift = 60; shift >= 0; shift -= 4)
		*p++ = hex_digits[e->id >> shift & 15];
	*p++ = '\n';
	*p++ = 'n';
	*p++ = ' ';
	p = write_decimal(p, e->nrcpts);
	*p++ = '\n';
	p = write_number(p, 'c', e->created);
	p = write_string(p, 'f', e->sender);
	p = write_string(p, 'C', e->client);
	p = write_string(p, 'h', e->helo);
	p = write_string(p, 'a', e->auth);
	p = write_string(p, 'u', e->user);
	p = write_string(p, 't', e->tag);
	p = write_number(p, 's', e->socket != 0);
	p = write_number(p, 'l', e->local != 0);
	p = write_number(p, 'b', e->bounce != 0);
	p = write_number(p, '8', e->eightbit);
	p = write_number(p, 'x', e->smtputf8);
	p = write_string(p, 'R', e->ret);
	p = write_string(p, 'E', e->envid);
	p = write_string(p, 'L', e->large);
	for (i = 0; i < e->nrcpts; i++)
		p = write_rcpt(p, &e->rcpts[i]);
	*p = '\0';
	*len = p - text;
	return (text);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* A number up to max, and the blank or end of line after it. */
static int
get_number(struct parser *s, uint64_t max, uint64_t *number)
{
	const char *start = s->p;
	uint64_t n = 0, digit;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		digit = *s->p - '0';
		if (digit > max || n > (max - digit) / 10)
			return (-1);
		n = n * 10 + digit;
	}
	if (s->p == start || s->p == s->end)
		return (-1);
	if (*s->p != '\n' && *s->p != ' ')
		return (-1);
	s->p++;
	*number = n;
	return (0);
}

static int
get_hex(struct parser *s, uint64_t *number)
{
	uint64_t n = 0;
	int i, digit;

	if (s->end - s->p < 17 || s->p[16] != '\n')
		return (-1);
	for (i = 0; i < 16; i++) {
		if ((digit = hex_digit(s->p[i])) == -1)
			return (-1);
		n = n << 4 | (uint64_t)digit;
	}
	s->p += 17;
	*number = n;
	return (0);
}

/*
 * A string to the end of its line.  It takes no more than its line did, NUL
 * included, so the strings never outgrow the text.
 */
static int
get_string(struct parser *s, const char **string)
{
	const char *p = s->p;
	char *to = s->strings;
	unsigned char c;
	int high, low;

	if (*string != NULL)
		return (-1);
	for (; p < s->end && *p != '\n'; p++) {
		if ((c = *p) != '+') {
			if (c < ' ' || c >= 0x7f)
				return (-1);
			*to++ = c;
			continue;
		}
		if (s->end - p < 3 || (high = hex_digit(p[1])) == -1 ||
		    (low = hex_digit(p[2])) == -1 || (high | low) == 0)
			return (-1);
		*to++ = high << 4 | low;
		p += 2;
	}
	if (p == s->end)
		return (-1);
	*to++ = '\0';
	*string = s->strings;
	s->strings = to;
	s->p = p + 1;
	return (0);
}

static int
parse_message(struct parser *s, char key)
{
	struct envelope *e = s->e;
	uint64_t n = 0;
	int error = 0;

	switch (key) {
	case 'i':
		s->seen_id = 1;
		return (get_hex(s, &e->id));
	case 'n':
		s->seen_count = 1;
		/* anywhere else claimed_rcpts did not see it */
		if (!s->seen_id || get_number(s, UINT32_MAX, &n) == -1)
			return (-1);
		return (n == s->room ? 0 : -1);
	case 'c':
		return (get_number(s, UINT64_MAX, &e->created));
	case 'f':
		return (get_string(s, &e->sender));
	case 'C':
		return (get_string(s, &e->client));
	case 'h':
		return (get_string(s, &e->helo));
	case 'a':
		return (get_string(s, &e->auth));
	case 'u':
		return (get_string(s, &e->user));
	case 't':
		return (get_string(s, &e->tag));
	case 's':
		error = get_number(s, 1, &n);
		e->socket = n;
		return (error);
	case 'l':
		error = get_number(s, 1, &n);
		e->local = n;
		return (error);
	case 'b':
		error = get_number(s, 1, &n);
		e->bounce = n;
		return (error);
	case '8':
		error = get_number(s, UINT8_MAX, &n);
		e->eightbit = n;
		return (error);
	case 'x':
		error = get_number(s, UINT8_MAX, &n);
		e->smtputf8 = n;
		return (error);
	case 'R':
		return (get_string(s, &e->ret));
	case 'E':
		return (get_string(s, &e->envid));
	case 'L':
		return (get_string(s, &e->large));
	}
	return (-1);
}

/* "r NUMBER ADDRESS" */
static int
parse_rcpt_start(struct parser *s)
{
	uint64_t n;

	if (s->e->nrcpts == s->room)
		return (-1);
	s->rcpt = &s->e->rcpts[s->e->nrcpts++];
	if (get_number(s, UINT32_MAX, &n) == -1 || s->p[-1] != ' ')
		return (-1);
	s->rcpt->number = n;
	return (get_string(s, &s->rcpt->address));
}

static int
parse_rcpt(struct parser *s, char key)
{
	struct envelope_rcpt *r = s->rcpt;
	uint64_t n = 0;
	int error;

	switch (key) {
	case 'A':
		return (get_string(s, &r->action));
	case 'D':
		return (get_string(s, &r->destination));
	case 'B':
		return (get_string(s, &r->binding));
	case 'G':
		return (get_string(s, &r->group));
	case 'U':
		error = get_number(s, UINT32_MAX, &n);
		r->rule = n;
		return (error);
	case 'F':
		return (get_string(s, &r->origin));
	case 'l':
		error = get_number(s, UINT8_MAX, &n);
		r->local = n;
		return (error);
	case 'O':
		return (get_string(s, &r->orcpt));
	case 'N':
		return (get_string(s, &r->notify));
	case 'S':
		error = get_number(s, RCPT_REMOVED, &n);
		r->state = n;
		return (error);
	case 'T':
		error = get_number(s, UINT16_MAX, &n);
		r->tries = n;
		return (error);
	case 'd':
		return (get_number(s, UINT64_MAX, &r->due));
	case 'w':
		error = get_number(s, UINT8_MAX, &n);
		r->warned = n;
		return (error);
	case 'm':
		return (get_string(s, &r->reply));
	}
	return (-1);
}

/*
 * How many recipients "n", the second line, claims, so that one allocation
 * holds them; 0 where it claims more than the text can hold.
 */
static uint32_t
claimed_rcpts(const char *text, size_t len)
{
	struct parser s;
	uint64_t n;

	memset(&s, 0, sizeof(s));
	s.end = text + len;
	if ((s.p = memchr(text, '\n', len)) == NULL || s.end - s.p < 3 ||
	    s.p[1] != 'n' || s.p[2] != ' ')
		return (0);
	s.p += 3;
	if (get_number(&s, len / RCPT_LINE_MIN, &n) == -1)
		return (0);
	return (n);
}

struct envelope *
envelope_parse(const char *text, size_t len)
{
	struct parser s;
	const char *line;
	size_t rcpts;
	int error = 0;
	char key;

	memset(&s, 0, sizeof(s));
	s.p = text;
	s.end = text + len;
	s.room = claimed_rcpts(text, len);
	rcpts = s.room * sizeof(struct envelope_rcpt);
	if ((s.e = malloc(sizeof(*s.e) + rcpts + len + 1)) == NULL)
		return (NULL);
	memset(s.e, 0, sizeof(*s.e) + rcpts);
	s.e->rcpts = (struct envelope_rcpt *)(s.e + 1);
	s.strings = (char *)(s.e->rcpts + s.room);

	while (s.p < s.end && error == 0) {
		line = s.p;
		error = -1;
		if (s.end - line < 3 || line[1] != ' ')
			break;
		key = line[0];
		s.p += 2;
		if (key == 'r')
			error = parse_rcpt_start(&s);
		else if (s.rcpt != NULL)
			error = parse_rcpt(&s, key);
		else
			error = parse_message(&s, key);
		/* a number may have stopped at a blank */
		if (error == 0 && s.p[-1] != '\n')
			error = -1;
	}
	if (error != 0 || !s.seen_id || !s.seen_count ||
	    s.e->sender == NULL || s.e->nrcpts != s.room) {
		free(s.e);
		return (NULL);
	}
	return (s.e);
}

void
envelope_free(struct envelope *e)
{
	free(e);
}
