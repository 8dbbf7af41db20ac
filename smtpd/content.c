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
 * What comes after DATA or BDAT: from the client's input through the decoder
 * to the intake, with the header fields that are ours.  Called by session.c
 * and command.c; like them it never waits.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "smtpd/smtpd.h"

#define IDLE_REFUSED	30		/* seconds, after an early refusal */
#define CONTENT_CHUNK	16384
#define UNWANTED_MOST	(1024 * 1024)	/* bytes, beyond a message's size */
#define OPENING_MAX	(DATA_NAME + 8)	/* bytes: then it is no field */

/* Most that is written beyond what was read. */
#define EXTRA		(DATA_EXTRA + CONFIG_TRUSTED * STRIP_EXTRA)

/* What is decoded after a refusal goes here, or on its way to strip. */
static struct {
	char	 octets[CONTENT_CHUNK + EXTRA];
	char	 other[CONTENT_CHUNK + EXTRA];	/* between two of them */
} discard;

static void
content_begin(struct session *s)
{
	const struct policy	*policy = endpoint_policy(s->endpoint);
	unsigned int		 i;

	if (policy->nstrips > 0) {
		s->strips = calloc(policy->nstrips, sizeof(*s->strips));
		if (s->strips == NULL)
			fatal("calloc");
		for (i = 0; i < policy->nstrips; i++)
			strip_init(&s->strips[i], policy->strips[i]);
	}
	data_init(&s->data, server_config()->max_message_size);
	s->due = DUE_RECEIVED;
}

void
content_start(struct session *s)
{
	content_begin(s);
	s->state = SESSION_DATA;
	session_reply(s, "354 Send the message, end with CRLF.CRLF");
}

void
content_chunk(struct session *s, uint64_t octets, int last,
    const char *sorry)
{
	if (sorry == NULL && !s->chunked) {
		content_begin(s);
		data_plain(&s->data);
		s->chunked = 1;
	}
	s->state = SESSION_DATA;
	s->chunk = octets;
	s->last = last;
	s->sorry = sorry;
}

/* How much of the input is content as far as is known now. */
static size_t
content_len(const struct session *s)
{
	size_t	 len = io_len(s->io);

	if ((s->chunked || s->sorry != NULL) && len > s->chunk)
		len = s->chunk;
	return (len < CONTENT_CHUNK ? len : CONTENT_CHUNK);
}

/* RFC 3848, RFC 6531 4.3 */
static const char *
protocol(const struct session *s)
{
	static const char	*const names[] = {
		"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"
	};
	static const char	*const utf8[] = {
		"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"
	};
	int	 n = (secure(s) ? 2 : 0) + (s->auth[0] != '\0');

	if (!s->esmtp)
		return ("SMTP");
	return (s->mail.utf8 ? utf8[n] : names[n]);
}

static size_t
received_of(const struct session *s, char *text, size_t size)
{
	struct received	 r;
	int		 socket = endpoint_is_socket(s->endpoint);

	memset(&r, 0, sizeof(r));
	if (!socket && !endpoint_mask_src(s->endpoint)) {
		r.helo = s->helo;
		r.literal = sockaddr_literal((const struct sockaddr *)
		    &s->peer);
	}
	r.user = socket && s->user[0] != '\0' ? s->user : NULL;
	r.by = endpoint_hostname(s->endpoint);
	r.with = protocol(s);
	r.id = intake_message(s->intake);
	/* with more than one, it would tell them of each other */
	r.rcpt = s->accepted == 1 ? s->first : NULL;
	r.now = loop_epoch();
	return (received_write(&r, text, size));
}

/* What refuses the content so far, or NULL. */
static const char *
content_error(const struct session *s)
{
	if (s->data.error != NULL)
		return (s->data.error);
	return (intake_failed(s->intake));
}

/* The header section is whole. */
static void
header_end(struct session *s)
{
	s->due = DUE_MISSING;
	if (content_error(s) == NULL)
		/* the first is this listener's own, if it trusts one */
		intake_header(s->intake,
		    endpoint_policy(s->endpoint)->trust_header == NULL ?
		    NULL : strip_value(&s->strips[0]));
}

/* By who may write mail here: what it lacks is ours to add (RFC 6409 8). */
static int
submitted(const struct session *s)
{
	return (endpoint_is_socket(s->endpoint) || s->auth[0] != '\0');
}

/* Fields of ours that are due.  0: they went, -1 as intake_append. */
static int
due_write(struct session *s)
{
	char	 text[RECEIVED_MAX];
	size_t	 len;

	while (s->due != DUE_NONE) {
		len = 0;
		if (s->due == DUE_RECEIVED)
			len = received_of(s, text, sizeof(text));
		else if (submitted(s))
			len = received_missing(s->data.seen,
			    intake_message(s->intake), s->mail.sender,
			    server_config()->hostname, loop_epoch(), text,
			    sizeof(text));
		if (intake_append(s->intake, text, len) == -1)
			return (-1);
		if (s->due == DUE_RECEIVED && !s->data.header)
			header_end(s);	/* there is none */
		else
			s->due = DUE_NONE;
	}
	return (0);
}

/*
 * A chunk may end in the middle of the first field's name: what there is of it
 * is kept until it is known what it is.
 */
static void
opening_keep(struct session *s)
{
	size_t	 len = content_len(s);

	if (s->opening == NULL && (s->opening = malloc(OPENING_MAX)) == NULL)
		fatal("malloc");
	if (len > OPENING_MAX - s->opening_len)
		len = OPENING_MAX - s->opening_len;
	memcpy(s->opening + s->opening_len, io_data(s->io), len);
	s->opening_len += len;
	io_drain(s->io, len);
	s->chunk -= len;
}

/*
 * Look at the first bytes: text right behind our Received would be taken for
 * a part of it.  -1: they are not here yet.
 */
static int
content_opens(struct session *s)
{
	enum data_opening	 opening;

	if (s->due != DUE_RECEIVED)
		return (0);
	if (s->chunked) {
		opening_keep(s);
		opening = data_opening(&s->data, s->opening, s->opening_len);
	} else
		opening = data_opening(&s->data, io_data(s->io),
		    content_len(s));
	/* nothing follows the last chunk */
	if (opening == OPENING_UNSURE && !(s->chunked && s->chunk == 0 &&
	    s->last))
		return (-1);
	if (opening != OPENING_FIELD && (opening != OPENING_UNSURE ||
	    s->opening_len > 0))
		data_headless(&s->data);
	return (0);
}

static void
content_refuse(struct session *s)
{
	const char	*error = content_error(s);

	session_refused(s, error,
	    s->data.error != NULL ? s->data.cause : intake_cause(s->intake),
	    s->mail.sender, s->accepted == 1 ? s->first : NULL);
	session_reply(s, "%s", error);
	s->refused = 1;
}

void
content_done(struct session *s)
{
	session_reset(s);
	s->state = SESSION_COMMAND;
	io_set_timeout(s->io, SESSION_IDLE);
}

static void
content_end(struct session *s)
{
	if (content_error(s) == NULL &&
	    intake_commit(s->intake, (s->data.seen & DATA_SEEN_EIGHTBIT) !=
	    0) == 0) {
		s->state = SESSION_STORING;
		return;
	}
	if (!s->refused)
		content_refuse(s);
	content_done(s);
}

/*
 * Bytes of the header section, in discard, without what listeners trust: a
 * field that only another one obeys does not pass here either.
 */
static size_t
content_strip(struct session *s, size_t len, char *room)
{
	unsigned int	 i, n = endpoint_policy(s->endpoint)->nstrips;

	for (i = 0; i < n - 1; i++) {
		len = strip_text(&s->strips[i], discard.octets, len,
		    discard.other);
		memcpy(discard.octets, discard.other, len);
	}
	return (strip_text(&s->strips[i], discard.octets, len, room));
}

/* So many bytes were decoded: of the kept opening, or of the input. */
static void
content_used(struct session *s, size_t len)
{
	if (content_error(s) != NULL)
		s->unwanted += len;
	if (s->opening_len > 0) {
		s->opening_len -= len;
		memmove(s->opening, s->opening + len, s->opening_len);
		return;
	}
	io_drain(s->io, len);
	if (s->chunked)
		s->chunk -= len;
}

/* One piece through the decoder, to room. */
static void
content_decode(struct session *s, size_t len, char *room)
{
	const char		*in;
	size_t			 left = len, out;
	enum data_status	 status;
	int			 strip = s->strips != NULL && s->data.header;

	in = s->opening_len > 0 ? s->opening : io_data(s->io);
	status = data_decode(&s->data, &in, &left,
	    strip ? discard.octets : room, &out);
	content_used(s, len - left);
	if (room != discard.octets) {
		if (strip)
			out = content_strip(s, out, room);
		intake_used(s->intake, out);
	}
	if (status == DATA_BODY || (status == DATA_END && s->data.header))
		header_end(s);
	s->ended = status == DATA_END;
	/*
	 * A client that ends its lines otherwise believes that it has sent its
	 * dot: it is told at once, or it would wait for its reply forever.
	 */
	if (s->data.unframed && !s->refused && !s->chunked) {
		content_refuse(s);
		io_set_timeout(s->io, IDLE_REFUSED);
	}
}

/* Whoever goes on after an error is heard no longer than for a message. */
static int
content_too_much(struct session *s)
{
	if (s->unwanted <= (uint64_t)server_config()->max_message_size +
	    UNWANTED_MOST)
		return (0);
	if (s->sorry == NULL && !s->refused)
		content_refuse(s);
	session_close(s, 1, "421 4.7.0 %s Too much that is not wanted",
	    endpoint_hostname(s->endpoint));
	return (1);
}

/* Bytes that nobody wants.  As content_run. */
static int
chunk_skip(struct session *s)
{
	const char	*sorry = s->sorry;
	size_t		 len = content_len(s);

	io_drain(s->io, len);
	s->chunk -= len;
	s->unwanted += len;
	if (s->chunk > 0)
		return (len > 0 && !content_too_much(s));
	s->sorry = NULL;
	s->state = SESSION_COMMAND;
	answer_give(s, sorry);
	return (1);
}

/* The last chunk was read.  As content_run. */
static int
chunk_last(struct session *s)
{
	char	*room;
	size_t	 len;

	if (intake_room(s->intake, EXTRA, EXTRA, &room) == 0)
		return (intake_failed(s->intake) != NULL);
	s->ended = 1;
	if (s->strips != NULL && s->data.header) {
		data_finish(&s->data, discard.octets, &len);
		len = content_strip(s, len, room);
	} else
		data_finish(&s->data, room, &len);
	intake_used(s->intake, len);
	if (s->data.header)
		header_end(s);
	return (1);
}

/* All octets of a chunk were read.  As content_run. */
static int
chunk_end(struct session *s)
{
	if (content_error(s) != NULL) {
		/* chunks that are under way find no transaction */
		content_end(s);
	} else if (!s->last) {
		s->state = SESSION_COMMAND;
		session_reply(s, "250 2.0.0 Chunk taken");
	} else
		return (chunk_last(s));
	return (1);
}

/* What comes in front of what comes next.  0: it is there, -1: wait. */
static int
content_front(struct session *s)
{
	if (intake_waiting(s->intake))
		return (-1);
	if (content_error(s) != NULL)
		return (0);
	if (content_opens(s) == -1)
		return (-1);
	if (due_write(s) == -1 && intake_failed(s->intake) == NULL)
		return (-1);
	/* without a header section its end is asked about here */
	return (intake_waiting(s->intake) ? -1 : 0);
}

int
content_run(struct session *s)
{
	size_t	 len, have;
	char	*room = discard.octets;

	if (s->sorry != NULL)
		return (chunk_skip(s));
	if (content_front(s) == -1) {
		/* the next chunk shows what the message begins with */
		if (s->chunked && s->due == DUE_RECEIVED && s->chunk == 0 &&
		    !s->last && !intake_waiting(s->intake))
			return (chunk_end(s));
		return (0);
	}
	if (s->ended) {
		content_end(s);
		return (1);
	}
	if (content_too_much(s))
		return (0);
	if (s->chunked && s->chunk == 0 && s->opening_len == 0)
		return (chunk_end(s));
	len = s->opening_len > 0 ? s->opening_len : content_len(s);
	if (len == 0)
		return (0);
	if (content_error(s) == NULL) {
		have = intake_room(s->intake, EXTRA + 1, len + EXTRA, &room);
		if (have == 0)
			return (intake_failed(s->intake) != NULL);
		if (len > have - EXTRA)
			len = have - EXTRA;
	}
	content_decode(s, len, room);
	return (1);
}
