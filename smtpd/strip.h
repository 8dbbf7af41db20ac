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
 * Takes a trusted header field out of a message's header section, wherever it
 * occurs, and keeps the first one's value: whoever may set it tells us, not
 * the recipient.  Pure.
 */

#ifndef SMTPD_STRIP_H
#define SMTPD_STRIP_H

#include <stddef.h>

#include "lib/config.h"

#define STRIP_NAME	HEADER_NAME_MAX
#define STRIP_VALUE	256		/* longer ones are no value */
/* strip_text writes at most that much more than it reads. */
#define STRIP_EXTRA	STRIP_NAME

struct strip {
	const char	*name;
	size_t		 len;		/* of name */
	int		 state;
	size_t		 at;		/* octets of name that have come */
	char		 held[STRIP_NAME];	/* and are held back */
	int		 seen;		/* a first one came */
	int		 first;		/* this is it */
	size_t		 valuelen;	/* STRIP_VALUE: it was too long */
	char		 value[STRIP_VALUE];
};

/* name is borrowed, and at most STRIP_NAME long. */
void		 strip_init(struct strip *, const char *name);
/*
 * The next octets of the header section, lines ended by CRLF, without the
 * field; how many were written.
 */
size_t		 strip_text(struct strip *, const char *, size_t, char *out);
/* The header section is whole: the first value, unfolded, or NULL. */
const char	*strip_value(struct strip *);

#endif
