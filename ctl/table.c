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
 * Rows of the control protocol as an aligned table, or as JSON.  Values are
 * foreign text (addresses, replies of strangers' servers): what is printed
 * can neither steer a terminal nor end a JSON string early.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vis.h>

#include "ctl/ctl.h"

#define TABLE_COLUMNS	64

struct table_row {
	STAILQ_ENTRY(table_row) entry;
	size_t		 ncells;
	char		*cells[TABLE_COLUMNS];	/* printable */
};

struct table_out {
	FILE		*out;
	int		 json;
	size_t		 total;
	size_t		 waiting;		/* rows in the list */
	size_t		 blocks;		/* headers printed */
	int		 streaming;		/* widths are set */
	size_t		 ncolumns;
	char		*keys[TABLE_COLUMNS];
	int		 number[TABLE_COLUMNS];
	size_t		 widths[TABLE_COLUMNS];
	STAILQ_HEAD(, table_row) rows;
};

/*
 * Octets of the UTF-8 character at s that may be shown, 0: not one.  C1
 * controls (U+0080 to U+009F) and surrogates are not.
 */
static size_t
utf8_len(const char *s)
{
	const unsigned char	*u = (const unsigned char *)s;
	size_t			 len, i;
	unsigned int		 code;

	if (u[0] < 0x80)
		return (u[0] >= 0x20 && u[0] != 0x7f);
	len = u[0] >= 0xf0 && u[0] <= 0xf4 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return (0);
	code = u[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return (0);
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < 0xa0 || (len == 3 && code < 0x800) ||
	    (len == 4 && (code < 0x10000 || code > 0x10ffff)) ||
	    (code >= 0xd800 && code <= 0xdfff))
		return (0);
	return (len);
}

/* keep: a character that may stand as it is, or 0. */
static char *
text_safe(const char *text, char keep)
{
	char	*safe, *to;
	size_t	 len;

	safe = to = malloc(strlen(text) * 4 + 1);
	if (safe == NULL)
		err(1, NULL);
	while (*text != '\0') {
		len = *text == keep ? 1 : utf8_len(text);
		if (len == 0)
			to += snprintf(to, 5, "\\%03o",
			    (unsigned char)*text++);
		for (; len > 0; len--)
			*to++ = *text++;
	}
	*to = '\0';
	return (safe);
}

char *
table_safe(const char *text)
{
	return (text_safe(text, '\0'));
}

/* Columns on a screen: characters, not octets. */
static size_t
text_width(const char *text)
{
	size_t	 width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return (width);
}

int
table_field(char **fields, struct table_field *field)
{
	char	*one;
	size_t	 key;

	one = strsep(fields, "\t");
	if (one == NULL)
		return (-1);
	key = strcspn(one, "=#");
	if (one[key] == '\0' || key == 0)
		return (-1);
	field->number = one[key] == '#';
	one[key] = '\0';
	field->key = one;
	field->value = one + key + 1;
	return (strunvis(field->value, field->value) == -1 ? -1 : 0);
}

struct table_out *
table_out_new(FILE *out, int json)
{
	struct table_out	*table;

	table = calloc(1, sizeof(*table));
	if (table == NULL)
		err(1, NULL);
	table->out = out;
	table->json = json;
	STAILQ_INIT(&table->rows);
	return (table);
}

/* JSON. */

static void
json_string(FILE *out, const char *text)
{
	size_t	 len;

	fputc('"', out);
	while (*text != '\0') {
		len = utf8_len(text);
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text++);
		else if (len > 0) {
			fwrite(text, 1, len, out);
			text += len;
		} else if ((unsigned char)*text < 0x80)
			fprintf(out, "\\u%04x", (unsigned char)*text++);
		else {
			fputs("\\ufffd", out);
			text++;
		}
	}
	fputc('"', out);
}

static int
json_is_number(const char *text)
{
	size_t	 digits;

	text += *text == '-';
	digits = strspn(text, "0123456789");
	return (digits > 0 && text[digits] == '\0' &&
	    (digits == 1 || *text != '0'));
}

static void
json_row(FILE *out, char *fields)
{
	struct table_field	 field;
	const char		*sep = "{";

	while (fields != NULL) {
		if (table_field(&fields, &field) == -1)
			continue;
		fputs(sep, out);
		json_string(out, field.key);
		fputc(':', out);
		if (field.number && json_is_number(field.value))
			fputs(field.value, out);
		else
			json_string(out, field.value);
		sep = ",";
	}
	fputs(*sep == '{' ? "{}\n" : "}\n", out);
}

/* Tables. */

static void
cell_print(FILE *out, const char *text, size_t width, int right, int last)
{
	size_t	 have = text_width(text);
	int	 pad = have < width ? (int)(width - have) : 0;

	if (right)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

static void
row_print(const struct table_out *table, const struct table_row *row)
{
	size_t	 i;

	for (i = 0; i < row->ncells; i++)
		cell_print(table->out, row->cells[i], table->widths[i],
		    table->number[i], i + 1 == row->ncells);
}

static void
row_free(struct table_row *row)
{
	size_t	 i;

	for (i = 0; i < row->ncells; i++)
		free(row->cells[i]);
	free(row);
}

static void
header_print(struct table_out *table)
{
	size_t	 i;

	if (table->blocks++ > 0)
		fputc('\n', table->out);
	for (i = 0; i < table->ncolumns; i++)
		cell_print(table->out, table->keys[i], table->widths[i],
		    table->number[i], i + 1 == table->ncolumns);
}

/* Print the rows that wait for their widths. */
static void
table_flush(struct table_out *table)
{
	struct table_row	*row;

	if (table->waiting > 0 && !table->streaming)
		header_print(table);
	while ((row = STAILQ_FIRST(&table->rows)) != NULL) {
		STAILQ_REMOVE_HEAD(&table->rows, entry);
		row_print(table, row);
		row_free(row);
	}
	table->waiting = 0;
}

/* The columns of the rows before are over. */
static void
table_close(struct table_out *table)
{
	size_t	 i;

	table_flush(table);
	for (i = 0; i < table->ncolumns; i++)
		free(table->keys[i]);
	table->ncolumns = 0;
	table->streaming = 0;
}

/* A limit stands behind what it limits, in one column; 0: none. */
static void
limit_join(struct table_row *row, struct table_field *limit)
{
	struct table_field	*queued = limit - 1;
	char			*joined, **cell = &row->cells[row->ncells - 1];

	if (asprintf(&joined, "%s/%s", *cell,
	    strcmp(limit->value, "0") == 0 ? "-" : limit->value) == -1)
		err(1, NULL);
	free(*cell);
	*cell = table_safe(joined);
	free(joined);
	queued->key = "queued/limit";
}

static struct table_row *
row_parse(char *fields, struct table_field *parsed)
{
	struct table_row	*row;
	struct table_field	*field;

	row = calloc(1, sizeof(*row));
	if (row == NULL)
		err(1, NULL);
	while (fields != NULL && row->ncells < TABLE_COLUMNS) {
		field = &parsed[row->ncells];
		if (table_field(&fields, field) == -1)
			continue;
		if (strcmp(field->key, "limit") == 0 && row->ncells > 0 &&
		    strcmp(field[-1].key, "queued") == 0) {
			limit_join(row, field);
			continue;
		}
		row->cells[row->ncells++] = table_safe(
		    *field->value == '\0' ? "-" : field->value);
	}
	return (row);
}

static int
columns_same(const struct table_out *table, const struct table_row *row,
    const struct table_field *parsed)
{
	size_t	 i;

	if (row->ncells != table->ncolumns)
		return (0);
	for (i = 0; i < row->ncells; i++) {
		if (strcmp(table->keys[i], parsed[i].key) != 0)
			return (0);
	}
	return (1);
}

void
table_out_row(struct table_out *table, char *fields)
{
	struct table_field	 parsed[TABLE_COLUMNS];
	struct table_row	*row;
	size_t			 i, width;

	table->total++;
	if (table->json) {
		json_row(table->out, fields);
		return;
	}
	row = row_parse(fields, parsed);
	if (!columns_same(table, row, parsed)) {
		table_close(table);
		table->ncolumns = row->ncells;
		for (i = 0; i < row->ncells; i++) {
			table->keys[i] = table_safe(parsed[i].key);
			table->number[i] = parsed[i].number;
			table->widths[i] = text_width(table->keys[i]);
		}
	}
	if (table->streaming) {
		row_print(table, row);
		row_free(row);
		return;
	}
	for (i = 0; i < row->ncells; i++) {
		width = text_width(row->cells[i]);
		if (width > table->widths[i])
			table->widths[i] = width;
	}
	STAILQ_INSERT_TAIL(&table->rows, row, entry);
	if (++table->waiting >= TABLE_WIDTH_ROWS) {
		table_flush(table);
		table->streaming = 1;
	}
}

void
table_out_text(struct table_out *table, const char *text)
{
	char	*safe;

	if (table->json) {
		fputs("{\"text\":", table->out);
		json_string(table->out, text);
		fputs("}\n", table->out);
		return;
	}
	table_close(table);
	safe = text_safe(text, '\t');	/* the content of a message */
	fprintf(table->out, "%s\n", safe);
	free(safe);
}

size_t
table_out_end(struct table_out *table)
{
	size_t	 total = table->total;

	table_close(table);
	free(table);
	return (total);
}
