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
 * Replies of a server (RFC 5321 4.2).  Pure.
 */

#ifndef MTA_REPLY_H
#define MTA_REPLY_H

#include <sys/types.h>
#include <stddef.h>

#include "mta/mta.h"

#define REPLY_LINE	2048
#define REPLY_LINES	10000		/* more than any host that means it */

struct reply {
	int		 code;
	int		 done;		/* the last line was seen */
	unsigned int	 lines;
	const char	*line;		/* text of the line just parsed */
	size_t		 line_len;
	size_t		 len;
	char		 text[MTA_TEXT]; /* "250 2.0.0 ok", lines joined */
};

void		 reply_start(struct reply *);
/* One line: bytes used, 0: not whole yet, -1: no reply at all. */
ssize_t		 reply_parse(struct reply *, const char *, size_t);
/* "KEYWORD", and its parameter in *param where not NULL. */
int		 reply_keyword(const struct reply *, const char *keyword,
		    const char **param, size_t *len);

#endif
