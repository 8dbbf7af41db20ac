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
 * What queue answers to a session, and the replies that wait for it: they go
 * out in the order of the commands, whatever was known first.  Called by
 * command.c and, through the owner of an intake, by intake.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "smtpd/smtpd.h"

void
answers_forget(struct session *s)
{
	struct answer	*a;

	while ((a = STAILQ_FIRST(&s->answers)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->answers, entry);
		free(a);
	}
	s->waiting = 0;
}

void
answers_flush(struct session *s)
{
	struct answer	*a;

	while ((a = STAILQ_FIRST(&s->answers)) != NULL && a->ready) {
		session_reply(s, "%s", a->reply);
		STAILQ_REMOVE_HEAD(&s->answers, entry);
		s->waiting--;
		free(a);
	}
}

static struct answer *
add(struct session *s)
{
	struct answer	*a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		fatal("calloc");
	STAILQ_INSERT_TAIL(&s->answers, a, entry);
	s->waiting++;
	return (a);
}

void
answer_await(struct session *s, uint32_t number, const char *rcpt)
{
	struct answer	*a = add(s);

	a->number = number;
	strlcpy(a->rcpt, rcpt, sizeof(a->rcpt));
}

void
answer_hold(struct session *s, const char *reply)
{
	struct answer	*a = add(s);

	a->ready = 1;
	strlcpy(a->reply, reply, sizeof(a->reply));
}

void
answer_give(struct session *s, const char *reply)
{
	if (STAILQ_EMPTY(&s->answers)) {
		session_reply(s, "%s", reply);
		return;
	}
	answer_hold(s, reply);
	answers_flush(s);
}

/* queue's word on a recipient. */
static void
on_rcpt(void *arg, uint32_t number, uint16_t code, const char *reply,
    const char *cause)
{
	struct session	*s = arg;
	struct answer	*a;

	STAILQ_FOREACH(a, &s->answers, entry) {
		if (a->number == number)
			break;
	}
	if (a == NULL || a->ready)
		return;
	a->ready = 1;
	if (code == 250) {
		strlcpy(a->reply, "250 2.1.5 Recipient ok", sizeof(a->reply));
		if (s->accepted++ == 0)
			strlcpy(s->first, a->rcpt, sizeof(s->first));
	} else {
		(void)snprintf(a->reply, sizeof(a->reply), "%u %s", code,
		    reply != NULL ? reply : "4.3.0 Try later");
		session_refused(s, a->reply, cause, s->mail.sender, a->rcpt);
	}
	answers_flush(s);
	session_run(s);
}

static void
on_ready(void *arg)
{
	session_run(arg);
}

static void
on_stored(void *arg, uint16_t code, const char *reply)
{
	struct session	*s = arg;
	char		 line[REPLY_MAX];

	if (code == 250) {
		session_accepted(s);
		session_reply(s, "250 2.0.0 %s Message accepted for delivery",
		    id_text(intake_message(s->intake)));
	} else {
		(void)snprintf(line, sizeof(line), "%u %s", code,
		    reply != NULL ? reply : "4.3.0 Try later");
		session_refused(s, line, "spool", s->mail.sender, NULL);
		session_reply(s, "%s", line);
	}
	content_done(s);
	if (s->gone)
		session_free(s);
	else if (server_stopping())
		session_close(s, 1, "421 4.3.2 %s Shutting down",
		    endpoint_hostname(s->endpoint));
	else
		session_run(s);
}

const struct intake_owner answer_owner = {
	.rcpt =		on_rcpt,
	.ready =	on_ready,
	.stored =	on_stored
};
