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
 * Lines of the control protocol: words of a request, fields of a row.  queue
 * and mta build rows, binderyctl builds requests, queue splits them.  It must
 * never let a value end a field or a line.
 */

#include <stdio.h>
#include <string.h>
#include <vis.h>

#include "lib/control.h"

#define CONTROL_VIS	(VIS_CSTYLE | VIS_OCTAL | VIS_WHITE | VIS_NL)

static int	 decode(char *);
static int	 append(char *, size_t, size_t, const char *);
static void	 row_field(struct control_row *, const char *, char,
		    const char *);

/* In place: what is decoded is never longer. */
static int
decode(char *word)
{
	int len;

	len = strunvis(word, word);
	/* "\0" would hide what follows it */
	return (len == -1 || (size_t)len != strlen(word) ? -1 : 0);
}

int
control_split(char *line, char **words)
{
	char *word;
	int n = 0;

	if (*line == '\0')
		return (0);
	while ((word = strsep(&line, " ")) != NULL) {
		if (n == CONTROL_WORDS || decode(word) == -1)
			return (-1);
		words[n++] = word;
	}
	return (n);
}

/* Encode text at offset len of line.  The new length, or -1: no room. */
static int
append(char *line, size_t size, size_t len, const char *text)
{
	char encoded[4 + 1];

	for (; *text != '\0'; text++) {
		vis(encoded, *text, CONTROL_VIS, text[1]);
		if (len + strlen(encoded) >= size)
			return (-1);
		len += strlcpy(line + len, encoded, size - len);
	}
	return (len);
}

int
control_add(char *line, size_t size, const char *word)
{
	size_t start = strlen(line), len = start;

	if (len > 0) {
		if (len + 1 >= size)
			return (-1);
		line[len++] = ' ';
		line[len] = '\0';
	}
	if (append(line, size, len, word) == -1) {
		line[start] = '\0';
		return (-1);
	}
	return (0);
}

void
control_row_start(struct control_row *row)
{
	row->len = strlcpy(row->text, "= ", sizeof(row->text));
	row->overflow = 0;
}

/* A field that does not fit is left out whole. */
static void
row_field(struct control_row *row, const char *key, char mark,
    const char *value)
{
	size_t room = sizeof(row->text) - row->len;
	int n, len = -1;

	n = snprintf(row->text + row->len, room, "%s%s%c",
	    row->len > 2 ? "\t" : "", key, mark);
	if (n >= 0 && (size_t)n < room)
		len = append(row->text, sizeof(row->text), row->len + n,
		    value);
	if (len == -1) {
		row->text[row->len] = '\0';
		row->overflow = 1;
		return;
	}
	row->len = len;
}

void
control_row_text(struct control_row *row, const char *key, const char *value)
{
	row_field(row, key, '=', value);
}

void
control_row_number(struct control_row *row, const char *key, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	row_field(row, key, '#', text);
}
