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
 * Replies of an SMTP server (RFC 5321 4.2), a line at a time, for client.c.
 * What a peer sends is text for people but for its code; it is kept bounded
 * and nothing here allocates or trusts a length.  Pure.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mta/reply.h"

void
reply_start(struct reply *r)
{
	r->code = 0;
	r->done = 0;
	r->lines = 0;
	r->line = NULL;
	r->line_len = 0;
	r->len = 0;
	r->text[0] = '\0';
}

/* Add text to what is kept, cut where there is no more room. */
static void
reply_append(struct reply *r, const char *text, size_t len)
{
	size_t	 room = sizeof(r->text) - 1 - r->len;

	if (len > room)
		len = room;
	memcpy(r->text + r->len, text, len);
	r->len += len;
	r->text[r->len] = '\0';
}

static int
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

/*
 * Three digits, of which the first is 2 to 5, then a blank, a hyphen or the
 * end of the line.
 */
static int
reply_code(const char *line, size_t len)
{
	if (len < 3 || line[0] < '2' || line[0] > '5' ||
	    !is_digit(line[1]) || !is_digit(line[2]))
		return (-1);
	if (len > 3 && line[3] != ' ' && line[3] != '-')
		return (-1);
	return ((line[0] - '0') * 100 + (line[1] - '0') * 10 +
	    (line[2] - '0'));
}

ssize_t
reply_parse(struct reply *r, const char *data, size_t len)
{
	const char	*end;
	size_t		 line;
	ssize_t		 used;
	char		 code[4];

	if (len == 0)
		return (0);
	if ((end = memchr(data, '\n', len)) == NULL)
		return (len >= REPLY_LINE ? -1 : 0);
	used = end - data + 1;
	if (used > REPLY_LINE)
		return (-1);
	line = (size_t)used - 1;
	if (line > 0 && data[line - 1] == '\r')
		line--;
	if (r->done)
		reply_start(r);
	if ((r->code = reply_code(data, line)) == -1 ||
	    ++r->lines > REPLY_LINES)
		return (-1);

	r->done = line == 3 || data[3] == ' ';
	r->line = data + (line > 3 ? 4 : 3);
	r->line_len = line - (line > 3 ? 4 : 3);
	if (r->lines == 1) {
		snprintf(code, sizeof(code), "%03d", r->code);
		reply_append(r, code, 3);
	}
	if (r->line_len > 0) {
		reply_append(r, " ", 1);
		reply_append(r, r->line, r->line_len);
	}
	/* the last line's code is the one that counts */
	if (r->done)
		memcpy(r->text, data, 3);
	return (used);
}

int
reply_keyword(const struct reply *r, const char *keyword, const char **param,
    size_t *len)
{
	size_t	 n = strlen(keyword);

	if (r->line_len < n || strncasecmp(r->line, keyword, n) != 0)
		return (0);
	if (r->line_len > n && r->line[n] != ' ')
		return (0);
	if (param != NULL) {
		*param = r->line + n;
		*len = r->line_len - n;
		while (*len > 0 && **param == ' ') {
			(*param)++;
			(*len)--;
		}
	}
	return (1);
}
