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
 * The control protocol between binderyctl and queue, over control.sock.
 *
 * A request is one line of words, separated by single spaces, each encoded
 * (VIS_CSTYLE | VIS_OCTAL | VIS_WHITE | VIS_NL) so that a word holds no space
 * or newline.  The answer is lines, ended by one that starts with "." (done)
 * or "!" (error):
 *
 *	= key=text<TAB>key#number<TAB>...	a row, values encoded
 *	- text					a line for a person
 *	. text					done; text may be empty
 *	! text					error
 *
 * "#" marks a number, "=" text; the client makes a table or JSON of the rows.
 */

#ifndef LIB_CONTROL_H
#define LIB_CONTROL_H

#define CONTROL_LINE	8192		/* longest request, and row */
#define CONTROL_WORDS	64

#define CONTROL_SOCKET	"control.sock"
#define SUBMIT_SOCKET	"submit.sock"

#include <stddef.h>

/*
 * Split a request in place, decoding each word.  Number of words, or -1:
 * too many, or badly encoded.
 */
int		 control_split(char *line, char **words);
/* Append " word", encoded; -1: no room. */
int		 control_add(char *line, size_t size, const char *word);

/* A row, field by field. */
struct control_row {
	char	 text[CONTROL_LINE];
	size_t	 len;
	int	 overflow;
};
void		 control_row_start(struct control_row *);
void		 control_row_text(struct control_row *, const char *key,
		    const char *value);
void		 control_row_number(struct control_row *, const char *key,
		    long long);

#endif
