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
 * Words of bindery.conf(5): files, includes, macros, comments, quotes, ends of
 * lines.  parse.y asks for one token after the other; what a word means is
 * decided there.  No I/O but through struct config_io.
 */

#ifndef LIB_LEX_H
#define LIB_LEX_H

#include "lib/config_private.h"

enum token_type {
	TOKEN_WORD,		/* bare */
	TOKEN_QUOTED,
	TOKEN_TABLE,		/* <name> */
	TOKEN_PUNCT,		/* { } , = ! */
	TOKEN_NEWLINE,		/* outside braces only */
	TOKEN_END,
	TOKEN_BAD		/* was reported */
};

struct token {
	enum token_type	 type;
	int		 punct;
	char		*text;	/* lives until lex_close() */
	struct origin	 origin;
};

struct lex;

struct lex	*lex_open(struct config *, struct reporter *);
void		 lex_close(struct lex *);
/* Read path next, or all that match it; where is the statement's. */
void		 lex_main(struct lex *, const char *path);
void		 lex_include(struct lex *, const char *,
		    const struct origin *);
void		 lex_next(struct lex *, struct token *);
/* Is the next thing on this line a '='? */
int		 lex_equals(struct lex *);
/* fixed: by -D, which the file cannot change. */
void		 lex_define(struct lex *, const char *, const char *,
		    int fixed);

#endif
