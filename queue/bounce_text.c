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
 * A delivery status notification as text: RFC 3464 in a multipart/report
 * (RFC 6522).  Pure; bounce.c calls it.  Nothing that a peer or a sender
 * wrote may end a line or begin a part here.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "queue/bounce.h"

#define WORDS_MAX	900		/* RFC 5322 2.1.1: 998 a line */

static const struct {
	const char	*subject;
	const char	*action;
	const char	*text;
} kinds[] = {
	[BOUNCE_FAILED] = { "Undelivered mail returned to sender", "failed",
	    "Your message could not be delivered to the recipients below.\r\n"
	    "It will not be tried again.\r\n" },
	[BOUNCE_EXPIRED] = { "Undelivered mail returned to sender", "failed",
	    "Your message could not be delivered to the recipients below\r\n"
	    "within the time that it may take.  It will not be tried "
	    "again.\r\n" },
	[BOUNCE_DELAYED] = { "Delayed mail (still being tried)", "delayed",
	    "Your message has not been delivered to the recipients below "
	    "yet.\r\n"
	    "It is still being tried: you need not send it again.\r\n" },
	[BOUNCE_RELAYED] = { "Mail was passed on", "relayed",
	    "Your message was passed on to the mail system of the "
	    "recipients\r\n"
	    "below, which may not tell you more.\r\n" },
};

/* "d.d.d" at p: its length, 0 for none. */
static size_t
status_len(const char *p)
{
	size_t	 len, digits;
	int	 part;

	len = 0;
	for (part = 0; part < 3; part++) {
		if (part > 0 && p[len++] != '.')
			return (0);
		for (digits = 0; isdigit((unsigned char)p[len]); digits++)
			len++;
		if (digits == 0 || digits > (part == 0 ? 1 : 3))
			return (0);
	}
	return (len);
}

const char *
bounce_status(const char *reply, int class)
{
	static char	 status[16];
	size_t		 len;

	while (isdigit((unsigned char)reply[0]) && reply[1] != '.')
		reply++;
	if (isdigit((unsigned char)reply[0]) && reply[1] != '.')
		reply++;
	while (*reply == ' ' || *reply == '-' ||
	    (isdigit((unsigned char)reply[0]) && reply[1] == ' '))
		reply++;
	len = status_len(reply);
	if (len > 0 && len < sizeof(status) && reply[0] == '0' + class) {
		memcpy(status, reply, len);
		status[len] = '\0';
	} else
		snprintf(status, sizeof(status), "%d.0.0", class);
	return (status);
}

/* Foreign words on one line, seven bits. */
static void
put_words(FILE *out, const char *words)
{
	size_t	 n;

	for (n = 0; *words != '\0' && n < WORDS_MAX; words++, n++)
		putc(*words >= ' ' && *words < 0x7f ? *words : '?', out);
}

static void
put_field(FILE *out, const char *name, const char *words)
{
	fprintf(out, "%s: ", name);
	put_words(out, words);
	fputs("\r\n", out);
}

static void
put_head(FILE *out, const struct bounce_text *b, const char *boundary)
{
	fprintf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n",
	    b->hostname);
	fputs("To: <", out);
	put_words(out, b->sender);
	fprintf(out, ">\r\nSubject: %s\r\n", kinds[b->kind].subject);
	fprintf(out, "Date: %s\r\n", date_text(b->now));
	fprintf(out, "Message-ID: <%s.%lld@%s>\r\n", boundary,
	    (long long)b->now, b->hostname);
	fputs("Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n",
	    out);
	fprintf(out, "\tboundary=\"%s\"\r\n", boundary);
	if (b->eightbit)
		fputs("Content-Transfer-Encoding: 8bit\r\n", out);
	fputs("\r\nThis is a report in several parts (RFC 3464).\r\n", out);
}

static void
put_text(FILE *out, const struct bounce_text *b, const char *boundary)
{
	size_t	 i;

	fprintf(out, "\r\n--%s\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n", boundary);
	fprintf(out, "This is the mail system at %s.\r\n\r\n%s", b->hostname,
	    kinds[b->kind].text);
	for (i = 0; i < b->nrcpts; i++) {
		fputs("\r\n<", out);
		put_words(out, b->rcpts[i].address);
		fputs(">:\r\n    ", out);
		if (b->rcpts[i].host != NULL) {
			put_words(out, b->rcpts[i].host);
			fputs(" said: ", out);
		}
		put_words(out, b->rcpts[i].reply);
		fputs("\r\n", out);
	}
}

/* RFC 3464 2.3: one recipient's fields. */
static void
put_rcpt(FILE *out, const struct bounce_text *b, const struct bounce_rcpt *r)
{
	char	 orcpt[1024];

	fputs("\r\n", out);
	if (r->orcpt != NULL &&
	    xtext_decode(r->orcpt, orcpt, sizeof(orcpt)) == 0)
		put_field(out, "Original-Recipient", orcpt);
	fputs("Final-Recipient: rfc822; ", out);
	put_words(out, r->address);
	fprintf(out, "\r\nAction: %s\r\nStatus: %s\r\n",
	    kinds[b->kind].action, r->status);
	if (r->host != NULL) {
		fputs("Remote-MTA: dns; ", out);
		put_words(out, r->host);
		fputs("\r\n", out);
	}
	fprintf(out, "Diagnostic-Code: %s; ", r->remote ? "smtp" :
	    "X-Bindery");
	put_words(out, r->reply);
	fputs("\r\n", out);
	if (r->until > 0)
		fprintf(out, "Will-Retry-Until: %s\r\n", date_text(r->until));
}

static void
put_status(FILE *out, const struct bounce_text *b, const char *boundary)
{
	char	 envid[512];
	size_t	 i;

	fprintf(out, "\r\n--%s\r\nContent-Type: message/delivery-status\r\n"
	    "\r\n", boundary);
	if (b->envid != NULL &&
	    xtext_decode(b->envid, envid, sizeof(envid)) == 0)
		put_field(out, "Original-Envelope-Id", envid);
	fprintf(out, "Reporting-MTA: dns; %s\r\n", b->hostname);
	fprintf(out, "Arrival-Date: %s\r\n", date_text(b->arrived));
	fprintf(out, "X-Bindery-Id: %s\r\n", id_text(b->id));
	for (i = 0; i < b->nrcpts; i++)
		put_rcpt(out, b, &b->rcpts[i]);
}

size_t
bounce_header(const char *content, size_t len)
{
	const char	*line = content, *end;
	size_t		 left = len, n;

	while ((end = memmem(line, left, "\r\n", 2)) != NULL && end > line) {
		n = (size_t)(end - line);
		if (memchr(line, '\0', n) != NULL ||
		    memchr(line, '\n', n) != NULL)
			return (0);
		line = end + 2;
		left -= n + 2;
	}
	return ((size_t)(line - content));
}

static void
put_original(FILE *out, const struct bounce_text *b, const char *boundary)
{
	size_t	 len;

	if (b->content == NULL)
		return;
	len = b->full ? b->len : bounce_header(b->content, b->len);
	if (len == 0)
		return;
	fprintf(out, "\r\n--%s\r\nContent-Type: %s\r\n", boundary,
	    b->full ? "message/rfc822" : "text/rfc822-headers");
	if (b->eightbit)
		fputs("Content-Transfer-Encoding: 8bit\r\n", out);
	fputs("\r\n", out);
	fwrite(b->content, 1, len, out);
}

/* A boundary that is nowhere in the original. */
static void
make_boundary(const struct bounce_text *b, char *boundary, size_t size)
{
	unsigned int	 n;

	for (n = 0; n < 1000; n++) {
		snprintf(boundary, size, "%s.%u/bindery", id_text(b->id), n);
		if (b->content == NULL ||
		    memmem(b->content, b->len, boundary,
		    strlen(boundary)) == NULL)
			return;
	}
}

char *
bounce_compose(const struct bounce_text *b, size_t *len)
{
	char	 boundary[64], *text;
	FILE	*out;
	int	 failed;

	text = NULL;
	if ((out = open_memstream(&text, len)) == NULL)
		return (NULL);
	make_boundary(b, boundary, sizeof(boundary));
	put_head(out, b, boundary);
	put_text(out, b, boundary);
	put_status(out, b, boundary);
	put_original(out, b, boundary);
	fprintf(out, "\r\n--%s--\r\n", boundary);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return (NULL);
	}
	return (text);
}
