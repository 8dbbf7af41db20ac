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
 * TLS of a session: STARTTLS (RFC 3207) and the handshake of a listener that
 * speaks TLS from the start.  Called by command.c and session.c.  Nothing
 * that a client said in clear may mean anything afterwards.
 */

#include "lib/log.h"
#include "smtpd/smtpd.h"

#define HANDSHAKE	60		/* seconds */

int
secure(const struct session *s)
{
	return (io_tls_version(s->io) != NULL);
}

int
secure_offered(const struct session *s)
{
	const struct policy	*p = endpoint_policy(s->endpoint);

	return (p->context != NULL && p->tls != LISTEN_SMTPS && !secure(s));
}

static void
log_failed(const struct session *s, const char *why)
{
	struct logline	 l;

	logline_start(&l, "refused");
	logline_add(&l, "code", "454");
	logline_add(&l, "cause", "tls");
	logline_add(&l, "from", "-");
	logline_add(&l, "to", "-");
	logline_add(&l, "client", "%s", s->client);
	logline_add(&l, "auth", "-");
	logline_text(&l, "stat", why);
	logline_end(&l);
}

void
secure_start(struct session *s)
{
	const struct policy	*p = endpoint_policy(s->endpoint);

	s->state = SESSION_HANDSHAKE;
	io_set_deadline(s->io, HANDSHAKE);
	if (p->context != NULL && io_tls_server(s->io, p->context) == 0)
		return;
	log_failed(s, p->context == NULL ? "no certificate" :
	    io_error(s->io));
	session_close(s, 0, "454 4.7.0 TLS cannot be had now");
}

/* RFC 3207 4.2: as if the client had just come. */
void
secure_done(struct session *s)
{
	session_reset(s);
	s->helo[0] = '\0';
	s->esmtp = 0;
	auth_forget(s);
	io_set_timeout(s->io, SESSION_IDLE);
	if (endpoint_policy(s->endpoint)->tls == LISTEN_SMTPS)
		arrive_greet(s);
	else
		s->state = SESSION_COMMAND;
}

void
secure_failed(struct session *s, const char *why)
{
	log_failed(s, why);
	session_free(s);
}

void
secure_command(struct session *s, const char *args)
{
	if (args[0] != '\0') {
		answer_give(s, "501 5.5.4 STARTTLS takes no argument");
		return;
	}
	if (secure(s)) {
		answer_give(s, "503 5.5.1 TLS is on already");
		return;
	}
	if (!secure_offered(s)) {
		answer_give(s, "502 5.5.1 STARTTLS is not offered here");
		return;
	}
	/*
	 * RFC 3207 4.2: the client waits for our word.  What is there already
	 * was said in clear, maybe by somebody else, to be heard under TLS.
	 */
	if (io_len(s->io) > 0) {
		session_refused(s, "503", "pipelining", NULL, NULL);
		session_close(s, 1, "503 5.5.0 Commands sent before the "
		    "handshake");
		return;
	}
	session_reply(s, "220 2.0.0 Start TLS now");
	secure_start(s);
}

const char *
secure_missing(const struct session *s)
{
	if (endpoint_policy(s->endpoint)->tls != LISTEN_TLS_REQUIRE ||
	    secure(s))
		return (NULL);
	return ("530 5.7.0 Say STARTTLS first");
}
