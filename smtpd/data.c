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
 * Decoder of message content as it comes in after DATA or BDAT, in pieces of
 * any size.  Called by content.c; does no I/O, allocates nothing.
 *
 * Only CRLF ends a line and only CRLF.CRLF ends a message.  A CR or LF on its
 * own is never repaired and never an end: what one mailer takes for the end of
 * a message and the next does not is how mail is smuggled.
 */

#include <string.h>
#include <strings.h>

#include "smtpd/data.h"

enum state {
	START,			/* of a line */
	TEXT,
	CR,			/* after a CR in a line */
	DOT,			/* after a dot that opened a line */
	DOT_CR
};

void
data_init(struct data *d, uint64_t max)
{
	memset(d, 0, sizeof(*d));
	d->state = START;
	d->header = 1;
	d->max = max;
}

/* The first thing wrong is what the client is told. */
static void
refuse(struct data *d, const char *cause, const char *error)
{
	if (d->error != NULL)
		return;
	d->error = error;
	d->cause = cause;
}

/* A header line is whole: see what it was. */
static void
header_line(struct data *d)
{
	static const struct {
		const char	*name;
		unsigned int	 bit;
	} fields[] = {
		{ "Date:",	 DATA_SEEN_DATE },
		{ "Message-ID:", DATA_SEEN_MESSAGE_ID },
		{ "From:",	 DATA_SEEN_FROM }
	};
	size_t	 i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strncasecmp(d->name, fields[i].name,
		    strlen(fields[i].name)) == 0)
			d->seen |= fields[i].bit;
	}
	if (strncasecmp(d->name, "Received:", 9) == 0 &&
	    ++d->hops > DATA_HOPS)
		refuse(d, "loop", "554 5.4.6 Too many Received fields: "
		    "this message is in a loop");
	memset(d->name, 0, sizeof(d->name));
}

/* Beyond ASCII. */
static int
has_eightbit(const char *p, size_t len)
{
	for (; len > 0; len--)
		if ((unsigned char)*p++ >= 0x80)
			return (1);
	return (0);
}

/* Count len octets of a line at p, and keep its beginning in the header. */
static void
line_add(struct data *d, const char *p, size_t len)
{
	size_t	 keep;

	if (d->header && has_eightbit(p, len))
		d->seen |= DATA_SEEN_EIGHTBIT;
	if (d->header && d->line < sizeof(d->name) - 1) {
		keep = sizeof(d->name) - 1 - d->line;
		memcpy(d->name + d->line, p, len < keep ? len : keep);
	}
	d->line += len;
	d->size += len;
	if (d->header && (d->header_len += len) > DATA_HEADER)
		refuse(d, "header-size",
		    "552 5.3.4 The header section is too long");
	if (d->line > DATA_LINE)
		refuse(d, "line-length",
		    "554 5.6.0 The message has a line that is too long");
	if (d->size > d->max)
		refuse(d, "size",
		    "552 5.3.4 The message is larger than is allowed here");
}

/* Where the next CR, LF and NUL of a piece are; its end: there is none. */
struct stops {
	const char	*next[3];
};

/*
 * Bytes of a line from p on that are neither CR, LF nor NUL.  Each of the
 * three is looked for anew only behind the last one that was found: a piece
 * is passed over three times, however many of them it has.
 */
static size_t
text_span(struct stops *stops, const char *p, const char *end)
{
	static const char	 bytes[3] = { '\n', '\r', '\0' };
	const char		*stop = end;
	size_t			 i;

	for (i = 0; i < 3; i++) {
		if (stops->next[i] == NULL || stops->next[i] < p) {
			stops->next[i] = memchr(p, bytes[i], end - p);
			if (stops->next[i] == NULL)
				stops->next[i] = end;
		}
		if (stops->next[i] < stop)
			stop = stops->next[i];
	}
	return (stop - p);
}

/* An octet that has no place in a line. */
static void
text_bad(struct data *d, char c)
{
	if (c == '\0') {
		refuse(d, "nul", "554 5.6.0 The message has a NUL octet");
		return;
	}
	d->unframed = 1;
	refuse(d, c == '\n' ? "bare-lf" : "bare-cr", c == '\n' ?
	    "554 5.6.0 The message has a bare LF: lines must end in CRLF" :
	    "554 5.6.0 The message has a bare CR: lines must end in CRLF");
}

/* A line ended.  1: the header section did as well. */
static int
line_end(struct data *d)
{
	int	 empty = d->line == 0;

	d->state = START;
	d->line = 0;
	d->size += 2;
	if (!d->header)
		return (0);
	if (!empty) {
		d->header_len += 2;
		header_line(d);
		return (0);
	}
	d->header = 0;
	d->blank = 1;
	return (1);
}

static size_t
put_crlf(char *out)
{
	out[0] = '\r';
	out[1] = '\n';
	return (2);
}

enum data_status
data_decode(struct data *d, const char **in, size_t *len, char *out,
    size_t *outlen)
{
	const char		*p = *in, *end = *in + *len;
	enum data_status	 status = DATA_MORE;
	struct stops		 stops = { { NULL, NULL, NULL } };
	size_t			 n, o = 0;

	if (d->blank) {
		d->blank = 0;
		o += put_crlf(out);
	}
	while (p < end && status == DATA_MORE) {
		switch (d->state) {
		case START:
			d->state = TEXT;
			if (*p == '.' && !d->plain) {
				d->state = DOT;
				p++;
			}
			break;
		case DOT:
			d->state = TEXT;
			if (*p == '\r') {
				d->state = DOT_CR;
				p++;
			}
			break;
		case TEXT:
			n = text_span(&stops, p, end);
			if (n > 0) {
				line_add(d, p, n);
				if (d->error == NULL) {
					memcpy(out + o, p, n);
					o += n;
				}
				p += n;
			} else if (*p == '\r') {
				d->state = CR;
				p++;
			} else {
				text_bad(d, *p++);
			}
			break;
		case CR:
			if (*p != '\n') {
				text_bad(d, '\r');
				d->state = TEXT;
				break;
			}
			p++;
			if (line_end(d))
				status = DATA_BODY;
			else
				o += put_crlf(out + o);
			break;
		case DOT_CR:
			if (*p != '\n') {
				text_bad(d, '\r');
				d->state = TEXT;
				break;
			}
			p++;
			status = DATA_END;
			break;
		}
	}
	*len = end - p;
	*in = p;
	*outlen = d->error == NULL ? o : 0;
	return (status);
}

void
data_plain(struct data *d)
{
	d->plain = 1;
}

void
data_finish(struct data *d, char *out, size_t *outlen)
{
	size_t	 n = 0;

	if (d->blank) {
		d->blank = 0;
		n = put_crlf(out);
	}
	if (d->state == CR)
		text_bad(d, '\r');
	else if (d->line > 0) {
		/* never an empty line, so no end of the header section */
		(void)line_end(d);
		n += put_crlf(out + n);
	}
	*outlen = d->error == NULL ? n : 0;
}

/* RFC 5322 2.2: what a field's name is made of. */
static int
is_name_octet(char c)
{
	return (c > ' ' && c < 0x7f && c != ':');
}

enum data_opening
data_opening(const struct data *d, const char *p, size_t len)
{
	size_t	 n, end;

	if (len > 0 && p[0] == '.' && !d->plain) {
		/* the end of a message without a line, or a stuffed dot */
		if (len < 3)
			return (OPENING_UNSURE);
		if (p[1] == '\r' && p[2] == '\n')
			return (OPENING_FIELD);
		p++;
		len--;
	}
	for (n = 0; n < len && is_name_octet(p[n]); n++)
		continue;
	/* RFC 5322 4.5.8: blanks before the colon */
	for (end = n; end < len && (p[end] == ' ' || p[end] == '\t'); end++)
		continue;
	if (end > DATA_NAME)
		return (OPENING_TEXT);
	if (end == len)
		return (OPENING_UNSURE);
	if (n == 0)
		return (p[0] == '\r' || p[0] == '\n' ? OPENING_FIELD :
		    OPENING_TEXT);
	return (p[end] == ':' ? OPENING_FIELD : OPENING_TEXT);
}

void
data_headless(struct data *d)
{
	d->header = 0;
	d->blank = 1;
}
