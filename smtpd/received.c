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
 * Header fields that this host writes: Received for every message, and what
 * a local submission lacks.  Called by session.c and bounce.c.  Pure; what it
 * writes of a client's was checked by syntax.c.
 */

#include <stdarg.h>
#include <stdio.h>

#include "lib/text.h"
#include "smtpd/smtpd.h"

/* snprintf behind what is there; a field that does not fit is left out. */
static void add(char *, size_t, size_t *, const char *, ...)
    __attribute__((format(printf, 4, 5)));

static void
add(char *text, size_t size, size_t *len, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(text + *len, size - *len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size - *len)
		text[*len] = '\0';
	else
		*len += n;
}

/* RFC 5321 4.4 */
size_t
received_write(const struct received *r, char *text, size_t size)
{
	size_t	 len = 0;

	add(text, size, &len, "Received: ");
	if (r->helo != NULL)
		add(text, size, &len, "from %s (%s)\r\n\t", r->helo,
		    r->literal);
	add(text, size, &len, "by %s (Bindery%s%s)", r->by,
	    r->user != NULL ? ", from user " : "",
	    r->user != NULL ? r->user : "");
	if (r->with != NULL)
		add(text, size, &len, " with %s", r->with);
	add(text, size, &len, " id %s", id_text(r->id));
	if (r->rcpt != NULL)
		add(text, size, &len, "\r\n\tfor <%s>", r->rcpt);
	add(text, size, &len, ";\r\n\t%s\r\n", date_text(r->now));
	return (len);
}

size_t
received_missing(unsigned int seen, uint64_t id, const char *sender,
    const char *hostname, int64_t now, char *text, size_t size)
{
	size_t	 len = 0;

	text[0] = '\0';
	if (!(seen & DATA_SEEN_DATE))
		add(text, size, &len, "Date: %s\r\n", date_text(now));
	if (!(seen & DATA_SEEN_MESSAGE_ID))
		add(text, size, &len, "Message-ID: <%s@%s>\r\n", id_text(id),
		    hostname);
	if (!(seen & DATA_SEEN_FROM)) {
		if (sender[0] != '\0')
			add(text, size, &len, "From: <%s>\r\n", sender);
		else
			add(text, size, &len, "From: <MAILER-DAEMON@%s>\r\n",
			    hostname);
	}
	return (len);
}
