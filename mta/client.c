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
 * The dialogue of an SMTP client (RFC 5321, 2920, 1870, 6152, 3461) over one
 * connection: one message at a time.  Commands are written as far ahead as the
 * peer allows, each waits in a ring for its reply; the next MAIL waits for the
 * reply to the final dot.  Nothing that the peer says is trusted for more than
 * its code, and a reply that nobody waits for ends the connection.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "mta/attempt.h"
#include "mta/client.h"
#include "mta/host_state.h"
#include "mta/outbound.h"
#include "mta/source.h"
#include "mta/trace.h"
#include "mta/work.h"

#define CLIENT_QUIT	5		/* seconds for the reply to QUIT */
#define CLIENT_HELLO	60		/* ... before the first MAIL */
#define CLIENT_HANGUPS	2		/* at EHLO, then HELO is tried */
#define CLIENT_KEEP	3600		/* seconds: what it takes at once */

/* RFC 5321 4.5.3.2, but for what comes before a message. */
uint32_t
client_seconds(enum command command)
{
	switch (command) {
	case COMMAND_QUIT:
		return (CLIENT_QUIT);
	case COMMAND_NONE:
		return (mta_timeout(180));
	case COMMAND_DATA:
		return (mta_timeout(120));
	case COMMAND_DOT:
		return (mta_timeout(600));
	case COMMAND_MAIL:
	case COMMAND_RCPT:
	case COMMAND_RSET:
		return (mta_timeout(300));
	default:
		return (mta_timeout(CLIENT_HELLO));
	}
}

static const char *
command_name(enum command command)
{
	static const char *const names[] = {
		[COMMAND_NONE] = "nothing", [COMMAND_GREETING] = "greeting",
		[COMMAND_EHLO] = "EHLO", [COMMAND_HELO] = "HELO",
		[COMMAND_STARTTLS] = "STARTTLS", [COMMAND_AUTH] = "AUTH",
		[COMMAND_MAIL] = "MAIL", [COMMAND_RCPT] = "RCPT",
		[COMMAND_DATA] = "DATA", [COMMAND_DOT] = "end of data",
		[COMMAND_RSET] = "RSET", [COMMAND_QUIT] = "QUIT"
	};

	return (names[command]);
}

void
client_expect(struct connection *c, enum command command, uint32_t rcpt)
{
	struct pending	*p;

	if (c->npending == PENDING_MAX)
		fatalx("client_expect: too many commands");
	p = &c->pending[(c->first + c->npending++) % PENDING_MAX];
	p->command = command;
	p->rcpt = rcpt;
	if (c->npending == 1)
		io_set_deadline(c->io, client_seconds(command));
}

enum command
client_awaited(const struct connection *c)
{
	return (c->npending == 0 ? COMMAND_NONE : c->pending[c->first].command);
}

/* What failed, while what was awaited, in the words of a log line. */
static void
client_broken(struct connection *c, const char *what)
{
	char	 text[MTA_TEXT];

	if (starttls_broken(c, what))
		return;
	if (c->stage == STAGE_CONNECT)
		snprintf(text, sizeof(text), "connect to %s: %s",
		    sockaddr_text_port((struct sockaddr *)&c->place.dst),
		    what);
	else if (c->stage == STAGE_TLS && c->npending == 0)
		snprintf(text, sizeof(text), "TLS with %s: %s", c->place.mx,
		    what);
	else if (c->npending == 0 && c->task != NULL)
		snprintf(text, sizeof(text), "%s from %s in the middle of a "
		    "message", what, c->place.mx);
	else
		snprintf(text, sizeof(text), "%s from %s while waiting for "
		    "%s", what, c->place.mx, command_name(client_awaited(c)));
	connection_failed(c, text);
}

/* ---- a transaction */

/* MAIL FROM with what the peer offers. */
static void
client_mail(struct connection *c)
{
	const struct outbound	*o = c->task;

	io_printf(c->io, "MAIL FROM:<%s>", o->sender);
	if (c->size)
		io_printf(c->io, " SIZE=%llu", (unsigned long long)o->size);
	if (c->eightbit && o->eightbit)
		io_printf(c->io, " BODY=8BITMIME");
	if (c->smtputf8 && o->smtputf8)
		io_printf(c->io, " SMTPUTF8");
	if (c->dsn && o->ret != NULL)
		io_printf(c->io, " RET=%s", o->ret);
	if (c->dsn && o->envid != NULL)
		io_printf(c->io, " ENVID=%s", o->envid);
	io_write(c->io, "\r\n", 2);
}

static void
client_rcpt(struct connection *c, const struct outbound_rcpt *r)
{
	io_printf(c->io, "RCPT TO:<%s>%s%s%s%s\r\n", r->address,
	    c->dsn && r->notify != NULL ? " NOTIFY=" : "",
	    c->dsn && r->notify != NULL ? r->notify : "",
	    c->dsn && r->orcpt != NULL ? " ORCPT=" : "",
	    c->dsn && r->orcpt != NULL ? r->orcpt : "");
}

void
client_next(struct connection *c)
{
	if (c->pulling || c->stage != STAGE_READY)
		return;
	if (c->attempt != NULL)
		attempt_good(c->attempt);
	if (c->messages >= c->max_messages)
		c->retired = 1;
	connection_park(c);
}

/* Another message may follow, where there is one and it may be told of. */
static int
client_may_pull(const struct connection *c)
{
	return (!c->retired && c->messages < c->max_messages &&
	    c->lane->due > 0 && !mta_log_waits());
}

/* The task is over: what is still open gets this reply, and the next. */
static void
client_report(struct connection *c, enum outcome outcome, const char *cause,
    const char *reply)
{
	outbound_settle(c->task, outcome, strcmp(cause, "remote") == 0);
	report_results(c, cause, reply, client_may_pull(c));
	client_next(c);
}

/* The host has answered all of it. */
static void
client_finish(struct connection *c, enum outcome outcome, const char *reply)
{
	struct host_state	*state;
	struct outbound		*o = c->task;

	/* it took some and no more: so many at once from now on */
	if (c->full && o->accepted > 0) {
		state = host_state_get(c->binding,
		    (struct sockaddr *)&c->place.dst);
		state->most = o->accepted;
		state->most_until = loop_seconds() + CLIENT_KEEP;
	}
	c->go = c->body = c->dot = c->full = 0;
	/* of those that it took; it has spoken of the others */
	if (outcome != OUTCOME_TEMPFAIL && o->accepted > 0)
		c->not_temporary = 1;
	/* who says 421 to the first message turns it away, and does not work */
	if (c->reply.code != 421)
		connection_answered(c);
	client_report(c, outcome, "remote", reply);
}

/* What this peer cannot take, by what it said to EHLO.  NULL: it can. */
static const char *
client_objection(const struct connection *c, char *text, size_t size)
{
	const struct outbound	*o = c->task;

	if (c->size && c->size_max > 0 && o->size > c->size_max)
		snprintf(text, size, "552 5.3.4 the message has %llu octets, "
		    "%s takes %llu", (unsigned long long)o->size,
		    c->place.mx, (unsigned long long)c->size_max);
	else if (o->eightbit && !c->eightbit)
		snprintf(text, size, "554 5.6.3 the message is 8bit, %s does "
		    "not take that", c->place.mx);
	else if (o->smtputf8 && !c->smtputf8)
		snprintf(text, size, "554 5.6.7 an address needs SMTPUTF8, %s "
		    "does not offer it", c->place.mx);
	else
		return (NULL);
	return (text);
}

/* The content, when the peer wants it.  -1: not now, -2: c is gone. */
static int
client_body(struct connection *c)
{
	int	 finished;

	if (!c->go)
		return (-1);
	c->body = 1;
	if (body_write(c, &finished) == -1) {
		outbound_settle(c->task, OUTCOME_HELD, 0);
		report_results(c, "local", "the content could not be read",
		    0);
		connection_end(c, "the content could not be read");
		return (-2);
	}
	if (!finished)
		return (-1);
	c->go = c->body = 0;
	c->dot = 1;
	connection_stage(c, c->stage);
	trace_content(c);
	client_expect(c, COMMAND_DOT, 0);
	return (-1);
}

/* Write one command.  0, -1: nothing can be written now, -2: c is gone. */
static int
client_step(struct connection *c)
{
	const struct outbound	*o = c->task;

	if (c->step != COMMAND_DOT && c->npending > 0 && !c->pipelining)
		return (-1);
	switch (c->step) {
	case COMMAND_MAIL:
		if (c->reset) {
			io_printf(c->io, "RSET\r\n");
			client_expect(c, COMMAND_RSET, 0);
			c->reset = 0;
			return (0);
		}
		client_mail(c);
		client_expect(c, COMMAND_MAIL, 0);
		c->step = COMMAND_RCPT;
		return (0);
	case COMMAND_RCPT:
		while (c->rcpt < o->nrcpts &&
		    o->rcpts[c->rcpt].outcome != OUTBOUND_OPEN)
			c->rcpt++;
		if (c->rcpt == o->nrcpts) {
			c->step = COMMAND_DATA;
			return (0);
		}
		client_rcpt(c, &o->rcpts[c->rcpt]);
		client_expect(c, COMMAND_RCPT, c->rcpt++);
		return (0);
	case COMMAND_DATA:
		if (!c->pipelining && o->accepted == 0) {
			c->reset = 1;
			client_finish(c, OUTCOME_TEMPFAIL, "");
			return (-2);
		}
		io_printf(c->io, "DATA\r\n");
		client_expect(c, COMMAND_DATA, 0);
		c->step = COMMAND_DOT;
		return (0);
	default:
		return (client_body(c));
	}
}

static void
client_push(struct connection *c)
{
	if (c->stage != STAGE_READY || c->task == NULL || c->dot || c->empty)
		return;
	while (client_step(c) == 0)
		continue;
}

void
client_begin(struct connection *c)
{
	const char	*why;
	char		 text[MTA_TEXT];

	connection_stage(c, STAGE_READY);
	if ((why = client_objection(c, text, sizeof(text))) != NULL) {
		client_report(c, OUTCOME_PERMFAIL, "local", why);
		return;
	}
	if (c->task->content == NULL && c->task->fd == -1) {
		client_report(c, OUTCOME_HELD, "local",
		    "no descriptor was free for the content");
		return;
	}
	c->messages++;
	c->step = COMMAND_MAIL;
	c->rcpt = 0;
	c->go = c->body = c->dot = c->empty = c->full = 0;
	c->offset = 0;
	c->bol = 1;
	c->cr = 0;
	client_push(c);
}

void
client_quit(struct connection *c)
{
	if (c->stage < STAGE_READY || c->npending > 0 || c->task != NULL) {
		c->retired = 1;
		return;
	}
	connection_stage(c, STAGE_QUIT);
	io_printf(c->io, "QUIT\r\n");
	client_expect(c, COMMAND_QUIT, 0);
}

/* ---- before the first message */

void
client_greeting(struct connection *c)
{
	connection_stage(c, STAGE_GREETING);
	client_expect(c, COMMAND_GREETING, 0);
}

/* What was offered before this, in clear perhaps, does not count. */
void
client_hello(struct connection *c, enum connection_stage stage)
{
	connection_stage(c, stage);
	c->starttls = c->auth = c->pipelining = c->eightbit = 0;
	c->smtputf8 = c->dsn = c->size = 0;
	c->size_max = 0;
	reply_start(&c->reply);
	io_printf(c->io, "%s %s\r\n", stage == STAGE_EHLO ? "EHLO" : "HELO",
	    c->place.ehlo);
	client_expect(c, stage == STAGE_EHLO ? COMMAND_EHLO : COMMAND_HELO,
	    0);
}

/* One that hung up at EHLO each time hears HELO. */
static enum connection_stage
client_first_hello(const struct connection *c)
{
	const struct host_state	*state;

	state = host_state_find(c->binding,
	    (const struct sockaddr *)&c->place.dst);
	return (state != NULL && state->closed >= CLIENT_HANGUPS &&
	    !c->policy.auth ? STAGE_HELO : STAGE_EHLO);
}

/* One line of the answer to EHLO; the first names the host only. */
static void
client_extension(struct connection *c)
{
	const struct reply	*r = &c->reply;
	const char		*param;
	char			 number[24];
	size_t			 len;

	if (r->code / 100 != 2 || r->lines == 1)
		return;
	if (reply_keyword(r, "PIPELINING", NULL, NULL))
		c->pipelining = 1;
	else if (reply_keyword(r, "STARTTLS", NULL, NULL))
		c->starttls = 1;
	else if (reply_keyword(r, "AUTH", &param, &len))
		login_offered(c, param, len);
	else if (reply_keyword(r, "8BITMIME", NULL, NULL))
		c->eightbit = 1;
	else if (reply_keyword(r, "SMTPUTF8", NULL, NULL))
		c->smtputf8 = 1;
	else if (reply_keyword(r, "DSN", NULL, NULL))
		c->dsn = 1;
	else if (reply_keyword(r, "SIZE", &param, &len)) {
		c->size = 1;
		if (len >= sizeof(number))
			return;
		memcpy(number, param, len);
		number[len] = '\0';
		c->size_max = (uint64_t)strtonum(number, 0, INT64_MAX, NULL);
	}
}

/* ---- replies */

static enum outcome
reply_outcome(int code)
{
	return (code / 100 == 5 ? OUTCOME_PERMFAIL : OUTCOME_TEMPFAIL);
}

/* The whole message fails with this reply, the dialogue goes on. */
static void
client_reply_mail(struct connection *c)
{
	struct outbound	*o = c->task;
	uint32_t	 i;

	if (c->reply.code / 100 == 2)
		return;
	for (i = 0; i < o->nrcpts; i++)
		outbound_settle_rcpt(o, i, reply_outcome(c->reply.code),
		    c->reply.text);
	if (reply_outcome(c->reply.code) == OUTCOME_PERMFAIL)
		c->not_temporary = 1;
	if (!c->pipelining)
		client_finish(c, OUTCOME_TEMPFAIL, c->reply.text);
}

/*
 * 452 after some were accepted, and 552 which then means the same (RFC 5321
 * 4.5.3.1.10): the others go in another transaction.
 */
static void
client_reply_rcpt(struct connection *c, uint32_t rcpt)
{
	struct outbound	*o = c->task;
	int		 code = c->reply.code;

	if (o->rcpts[rcpt].outcome != OUTBOUND_OPEN)
		return;
	if (code / 100 == 2) {
		o->rcpts[rcpt].accepted = 1;
		o->accepted++;
		c->full = 0;
		return;
	}
	if ((code == 452 || code == 552) && o->accepted > 0) {
		c->full = 1;
		o->rcpts[rcpt].outcome = OUTCOME_RETURNED;
		return;
	}
	if (reply_outcome(code) == OUTCOME_PERMFAIL)
		c->not_temporary = 1;
	outbound_settle_rcpt(o, rcpt, reply_outcome(code), c->reply.text);
}

/*
 * No success is an answer to DATA: the dot before had two replies, and each
 * since was taken for the next command's.  They say nothing of this message.
 */
static void
client_out_of_step(struct connection *c)
{
	struct outbound	*o = c->task;
	uint32_t	 i;

	for (i = 0; i < o->nrcpts; i++)
		o->rcpts[i].outcome = OUTBOUND_OPEN;
	o->answered = 0;
	connection_failed(c, "replies that nobody waits for");
}

/* -1: c is gone. */
static int
client_reply_data(struct connection *c)
{
	if (c->reply.code / 100 == 2 && c->answered) {
		client_out_of_step(c);
		return (-1);
	}
	if (c->reply.code == 354 && c->task->accepted > 0) {
		c->go = 1;
		connection_stage(c, c->stage);
		return (0);
	}
	if (c->reply.code == 354) {
		/* RFC 2920 3.1: nobody to send to, end it with nothing */
		io_printf(c->io, ".\r\n");
		c->empty = 1;
		client_expect(c, COMMAND_DOT, 0);
		return (0);
	}
	c->reset = 1;
	client_finish(c, reply_outcome(c->reply.code), c->reply.text);
	return (0);
}

static void
client_reply_dot(struct connection *c)
{
	int	 code = c->reply.code;

	if (c->empty) {
		c->empty = 0;
		c->reset = 1;
		client_finish(c, OUTCOME_TEMPFAIL, c->reply.text);
	} else
		client_finish(c, code / 100 == 2 ? OUTCOME_DELIVERED :
		    reply_outcome(code), c->reply.text);
}

/*
 * Before the first MAIL: what is not welcome is a failure of the host.  -1:
 * the connection is gone.
 */
static int
client_reply_hello(struct connection *c, enum command command)
{
	int	 class = c->reply.code / 100;

	if (command == COMMAND_STARTTLS)
		return (starttls_reply(c));
	if (command == COMMAND_AUTH)
		return (login_reply(c));
	if (class != 2) {
		if (command == COMMAND_EHLO && class == 5)
			client_hello(c, STAGE_HELO);
		else {
			connection_failed(c, c->reply.text);
			return (-1);
		}
	} else if (command == COMMAND_GREETING)
		client_hello(c, client_first_hello(c));
	else
		return (starttls_next(c));
	return (0);
}

/* A whole reply to the command that waits longest.  -1: c is gone. */
static int
client_reply(struct connection *c)
{
	struct pending	 p = c->pending[c->first];

	c->first = (c->first + 1) % PENDING_MAX;
	c->npending--;
	if (c->npending > 0)
		io_set_deadline(c->io, client_seconds(client_awaited(c)));
	if (c->task != NULL && p.command != COMMAND_RSET)
		c->task->answered = 1;
	switch (p.command) {
	case COMMAND_MAIL:
		client_reply_mail(c);
		break;
	case COMMAND_RCPT:
		client_reply_rcpt(c, p.rcpt);
		break;
	case COMMAND_DATA:
		return (client_reply_data(c));
	case COMMAND_DOT:
		client_reply_dot(c);
		break;
	case COMMAND_RSET:
		break;
	default:
		return (client_reply_hello(c, p.command));
	}
	return (0);
}

/* Nothing is concluded from what nobody asked for. */
static void
client_unasked(struct connection *c)
{
	if (c->attempt != NULL || c->task != NULL)
		connection_failed(c, c->reply.text);
	else
		connection_end(c, "a reply that nobody waits for");
}

/* It closes.  To a dot that is an answer like any other, before it ends. */
static void
client_421(struct connection *c)
{
	char	 text[MTA_TEXT];

	strlcpy(text, c->reply.text, sizeof(text));
	if (!c->dot) {
		connection_failed(c, text);
		return;
	}
	c->retired = 1;
	client_reply_dot(c);
	connection_turned_away(c, text);
}

/* Take in a line.  0: there is none; -1: the connection is gone. */
static int
client_line(struct connection *c)
{
	ssize_t	 used;

	used = reply_parse(&c->reply, io_data(c->io), io_len(c->io));
	if (used == 0)
		return (0);
	if (used == -1) {
		trace_received(c, io_data(c->io), io_len(c->io));
		client_broken(c, "malformed reply");
		return (-1);
	}
	trace_received(c, io_data(c->io), (size_t)used);
	/* it looks at the line where it lies */
	if (client_awaited(c) == COMMAND_EHLO)
		client_extension(c);
	io_drain(c->io, (size_t)used);
	if (!c->reply.done)
		return (1);
	if (c->stage == STAGE_QUIT) {
		connection_free(c);
		return (-1);
	}
	if (c->npending == 0) {
		client_unasked(c);
		return (-1);
	}
	if (c->reply.code == 421) {
		client_421(c);
		return (-1);
	}
	return (client_reply(c) == -1 ? -1 : 1);
}

static void
client_data(struct connection *c)
{
	int		 status;

	while ((status = client_line(c)) == 1)
		continue;
	if (status == 0)
		client_push(c);
}

static void
client_connected(struct connection *c)
{
	/* the last look before a byte is sent */
	if (source_verify(io_fd(c->io),
	    (struct sockaddr *)&c->place.src) == -1) {
		log_warnx("connection to %s has not the source %s: closed",
		    sockaddr_text_port((struct sockaddr *)&c->place.dst),
		    sockaddr_text((struct sockaddr *)&c->place.src));
		connection_failed(c, "the source address went away");
		return;
	}
	if (starttls_first(c) == 0)
		client_greeting(c);
}

/* It broke; one with nothing to do just goes. */
static void
client_gone(struct connection *c, const char *what)
{
	if (c->stage == STAGE_QUIT || c->stage == STAGE_IDLE)
		connection_free(c);
	else if (c->stage == STAGE_READY && c->task == NULL &&
	    c->attempt == NULL)
		connection_end(c, what);
	else
		client_broken(c, what);
}

void
client_event(struct io *io, enum io_event event, void *arg)
{
	struct connection	*c = arg;

	switch (event) {
	case IO_CONNECTED:
		client_connected(c);
		break;
	case IO_DATA:
		client_data(c);
		break;
	case IO_DRAINED:
		if (c->body)
			client_push(c);
		break;
	case IO_CLOSED:
		client_gone(c, "connection closed");
		break;
	case IO_ERROR:
		client_gone(c, io_error(io));
		break;
	case IO_TIMEOUT:
		if (c->stage == STAGE_IDLE)
			connection_quit(c);
		else
			client_gone(c, "timeout");
		break;
	case IO_SECURE:
		starttls_done(c);
		break;
	}
}
