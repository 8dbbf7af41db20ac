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
 * connection.  Commands are written as far ahead as the peer allows; each
 * waits in a ring for its reply.  With PIPELINING the final dot of a message
 * and the commands of the next share a write.  Nothing that the peer says is
 * trusted for more than its code.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "mta/mta.h"

#define CLIENT_QUIT	5		/* seconds for the reply to QUIT */

/* RFC 5321 4.5.3.2. */
uint32_t
client_seconds(enum command command)
{
	int64_t	 lab = mta_config()->mta_timeout;

	if (command == COMMAND_QUIT)
		return (CLIENT_QUIT);
	if (lab > 0)
		return ((uint32_t)lab);
	switch (command) {
	case COMMAND_NONE:
		return (180);
	case COMMAND_DATA:
		return (120);
	case COMMAND_DOT:
		return (600);
	default:
		return (300);
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
client_expect(struct connection *c, enum command command, struct item *item,
    uint32_t rcpt)
{
	struct pending	*p;

	if (c->npending == PENDING_MAX)
		fatalx("client_expect: too many commands");
	p = &c->pending[(c->first + c->npending++) % PENDING_MAX];
	p->command = command;
	p->item = item;
	p->rcpt = rcpt;
	if (c->npending == 1)
		io_set_deadline(c->io, client_seconds(command));
}

static enum command
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
	else if (c->npending == 0 && c->sending != NULL)
		snprintf(text, sizeof(text), "%s from %s in the middle of a "
		    "message", what, c->place.mx);
	else
		snprintf(text, sizeof(text), "%s from %s while waiting for "
		    "%s", what, c->place.mx, command_name(client_awaited(c)));
	connection_failed(c, text);
}

/* MAIL FROM with what the peer offers. */
static void
client_mail(struct connection *c, const struct item *item)
{
	io_printf(c->io, "MAIL FROM:<%s>", item->sender);
	if (c->size)
		io_printf(c->io, " SIZE=%llu", (unsigned long long)item->size);
	if (c->eightbit && item->eightbit)
		io_printf(c->io, " BODY=8BITMIME");
	if (c->smtputf8 && item->smtputf8)
		io_printf(c->io, " SMTPUTF8");
	if (c->dsn && item->ret != NULL)
		io_printf(c->io, " RET=%s", item->ret);
	if (c->dsn && item->envid != NULL)
		io_printf(c->io, " ENVID=%s", item->envid);
	io_write(c->io, "\r\n", 2);
}

static void
client_rcpt(struct connection *c, const struct item_rcpt *r)
{
	io_printf(c->io, "RCPT TO:<%s>%s%s%s%s\r\n", r->address,
	    c->dsn && r->notify != NULL ? " NOTIFY=" : "",
	    c->dsn && r->notify != NULL ? r->notify : "",
	    c->dsn && r->orcpt != NULL ? " ORCPT=" : "",
	    c->dsn && r->orcpt != NULL ? r->orcpt : "");
}

/* Done with the item: what is still open gets this reply. */
static void
client_finish(struct connection *c, struct item *item, enum outcome outcome,
    const char *reply)
{
	item_settle(item, outcome);
	if (c->sending == item) {
		c->sending = NULL;
		c->go = c->body = 0;
	}
	connection_answered(c);
	report_item(item, &c->place, "remote", reply, c->dsn);
}

/* What this peer cannot take, by what it said to EHLO.  NULL: it can. */
static const char *
client_objection(const struct connection *c, const struct item *item,
    char *text, size_t size)
{
	if (c->size && c->size_max > 0 && item->size > c->size_max)
		snprintf(text, size, "552 5.3.4 the message has %llu octets, "
		    "%s takes %llu", (unsigned long long)item->size,
		    c->place.mx, (unsigned long long)c->size_max);
	else if (item->eightbit && !c->eightbit)
		snprintf(text, size, "554 5.6.3 the message is 8bit, %s does "
		    "not take that", c->place.mx);
	else if (item->smtputf8 && !c->smtputf8)
		snprintf(text, size, "554 5.6.7 an address needs SMTPUTF8, %s "
		    "does not offer it", c->place.mx);
	else
		return (NULL);
	return (text);
}

/* The next item to send, or NULL when there is none for this connection. */
static struct item *
client_next(struct connection *c)
{
	struct item	*item;
	const char	*why;
	char		 text[MTA_TEXT];

	for (;;) {
		if ((item = c->ahead) != NULL) {
			c->ahead = NULL;
			if (c->retired) {
				lane_put_back(c->lane, item);
				return (NULL);
			}
		} else if (c->retired || c->messages >= c->max_messages ||
		    (item = lane_take(c->lane, c)) == NULL)
			return (NULL);
		why = client_objection(c, item, text, sizeof(text));
		if (why == NULL)
			return (item);
		item_settle(item, OUTCOME_PERMFAIL);
		report_item(item, &c->place, "remote", why, 0);
	}
}

/* Have the content of one more here by the time that it is wanted. */
static void
client_look_ahead(struct connection *c)
{
	if (c->ahead != NULL || !c->pipelining || c->retired ||
	    c->messages >= c->max_messages ||
	    c->lane->nwaiting <= c->lane->connections)
		return;
	if ((c->ahead = lane_take(c->lane, c)) != NULL)
		item_fetch(c->ahead);
}

static int
client_begin(struct connection *c)
{
	if ((c->sending = client_next(c)) == NULL)
		return (-1);
	item_fetch(c->sending);
	c->messages++;
	c->step = COMMAND_MAIL;
	c->rcpt = 0;
	c->go = c->body = 0;
	c->offset = 0;
	c->bol = 1;
	c->cr = 0;
	return (0);
}

/* The next recipient that nothing is known of, from c->rcpt on. */
static int
client_next_rcpt(struct connection *c)
{
	const struct item	*item = c->sending;

	while (c->rcpt < item->nrcpts &&
	    item->rcpts[c->rcpt].outcome != ITEM_OPEN)
		c->rcpt++;
	return (c->rcpt < item->nrcpts);
}

/* The content, when the peer wants it and it is here.  -1: not now. */
static int
client_body(struct connection *c)
{
	struct item	*item = c->sending;
	int		 finished;

	if (!c->go || !item->arrived)
		return (-1);
	if (item->length == 0) {
		/*
		 * queue has told whom it concerns; 354 was said, so the only
		 * way not to send anything is to go
		 */
		item_settle(item, OUTCOME_HELD);
		c->sending = NULL;
		report_item(item, &c->place, "local",
		    "the content was removed or is damaged", 0);
		connection_free(c);
		return (-2);
	}
	c->body = 1;
	if (body_write(c, item, &finished) == -1) {
		connection_failed(c, "451 4.3.0 the content could not be "
		    "read");
		return (-2);
	}
	if (!finished)
		return (-1);
	c->sending = NULL;
	c->go = c->body = 0;
	trace_content(c);
	client_expect(c, COMMAND_DOT, item, 0);
	return (0);
}

/* Write one command.  0, -1: nothing can be written now, -2: c is gone. */
static int
client_step(struct connection *c)
{
	struct item	*item = c->sending;

	if (c->step != COMMAND_DOT && c->npending > 0 && !c->pipelining)
		return (-1);
	/* room for a whole transaction more */
	if (c->step == COMMAND_MAIL && c->npending > PENDING_MAX / 2)
		return (-1);
	switch (c->step) {
	case COMMAND_MAIL:
		if (c->reset) {
			io_printf(c->io, "RSET\r\n");
			client_expect(c, COMMAND_RSET, NULL, 0);
			c->reset = 0;
			return (0);
		}
		client_mail(c, item);
		client_expect(c, COMMAND_MAIL, item, 0);
		c->step = COMMAND_RCPT;
		return (0);
	case COMMAND_RCPT:
		if (!client_next_rcpt(c)) {
			c->step = COMMAND_DATA;
			return (0);
		}
		client_rcpt(c, &item->rcpts[c->rcpt]);
		client_expect(c, COMMAND_RCPT, item, c->rcpt);
		c->rcpt++;
		return (0);
	case COMMAND_DATA:
		if (!c->pipelining && item->accepted == 0) {
			c->reset = 1;
			client_finish(c, item, OUTCOME_TEMPFAIL, "");
			return (0);
		}
		io_printf(c->io, "DATA\r\n");
		client_expect(c, COMMAND_DATA, item, 0);
		c->step = COMMAND_DOT;
		client_look_ahead(c);
		return (0);
	default:
		return (client_body(c));
	}
}

/* Nothing in hand: keep the connection, or end it. */
static void
client_rest(struct connection *c)
{
	if (c->npending > 0)
		return;
	if (c->retired || c->messages >= c->max_messages)
		client_quit(c);
	else
		connection_park(c);
}

void
client_push(struct connection *c)
{
	int	 status;

	if (c->stage != STAGE_READY)
		return;
	for (;;) {
		/* without PIPELINING one transaction at a time */
		if (c->sending == NULL && c->npending > 0 && !c->pipelining)
			return;
		if (c->sending == NULL && client_begin(c) == -1) {
			client_rest(c);
			return;
		}
		if ((status = client_step(c)) != 0)
			return;
	}
}

void
client_content(struct connection *c, struct item *item)
{
	if (c->sending == item)
		client_push(c);
}

void
client_quit(struct connection *c)
{
	if (c->stage < STAGE_READY || c->npending > 0) {
		c->retired = 1;
		return;
	}
	c->stage = STAGE_QUIT;
	io_printf(c->io, "QUIT\r\n");
	client_expect(c, COMMAND_QUIT, NULL, 0);
}

void
client_greeting(struct connection *c)
{
	c->stage = STAGE_GREETING;
	client_expect(c, COMMAND_GREETING, NULL, 0);
}

/* What was offered before this, in clear perhaps, does not count. */
void
client_hello(struct connection *c, enum connection_stage stage)
{
	c->stage = stage;
	c->starttls = c->auth = c->pipelining = c->eightbit = 0;
	c->smtputf8 = c->dsn = c->size = 0;
	c->size_max = 0;
	io_printf(c->io, "%s %s\r\n", stage == STAGE_EHLO ? "EHLO" : "HELO",
	    c->place.ehlo);
	client_expect(c, stage == STAGE_EHLO ? COMMAND_EHLO : COMMAND_HELO,
	    NULL, 0);
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

static enum outcome
reply_outcome(int code)
{
	return (code / 100 == 5 ? OUTCOME_PERMFAIL : OUTCOME_TEMPFAIL);
}

/* All open recipients fail with this reply, the dialogue goes on. */
static void
client_fail_open(struct item *item, const struct reply *r)
{
	uint32_t	 i;

	for (i = 0; i < item->nrcpts; i++)
		item_rcpt_settle(item, i, reply_outcome(r->code), r->text);
	item->accepted = 0;
}

static void
client_reply_mail(struct connection *c, struct item *item)
{
	if (c->reply.code / 100 == 2)
		return;
	client_fail_open(item, &c->reply);
	if (!c->pipelining)
		client_finish(c, item, OUTCOME_TEMPFAIL, c->reply.text);
}

static void
client_reply_rcpt(struct connection *c, struct item *item, uint32_t rcpt)
{
	if (item->rcpts[rcpt].outcome != ITEM_OPEN)
		return;
	if (c->reply.code / 100 == 2) {
		item->rcpts[rcpt].accepted = 1;
		item->accepted++;
		return;
	}
	item_rcpt_settle(item, rcpt, reply_outcome(c->reply.code),
	    c->reply.text);
}

static void
client_reply_data(struct connection *c, struct item *item)
{
	if (c->reply.code == 354 && item->accepted > 0) {
		c->go = 1;
		return;
	}
	if (c->reply.code == 354) {
		/* RFC 2920 3.1: nobody to send to, end it with nothing */
		io_printf(c->io, ".\r\n");
		client_expect(c, COMMAND_DOT, NULL, 0);
	}
	c->reset = 1;
	client_finish(c, item, reply_outcome(c->reply.code), c->reply.text);
}

static void
client_reply_dot(struct connection *c, struct item *item)
{
	if (item == NULL)
		return;
	if (c->reply.code / 100 == 2)
		client_finish(c, item, OUTCOME_DELIVERED, c->reply.text);
	else
		client_finish(c, item, reply_outcome(c->reply.code),
		    c->reply.text);
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
		client_hello(c, STAGE_EHLO);
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
	switch (p.command) {
	case COMMAND_MAIL:
		client_reply_mail(c, p.item);
		break;
	case COMMAND_RCPT:
		client_reply_rcpt(c, p.item, p.rcpt);
		break;
	case COMMAND_DATA:
		client_reply_data(c, p.item);
		break;
	case COMMAND_DOT:
		client_reply_dot(c, p.item);
		if (connection_end_retired(c))
			return (-1);
		break;
	case COMMAND_RSET:
		break;
	default:
		return (client_reply_hello(c, p.command));
	}
	return (0);
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
	if (c->reply.code == 421 || c->npending == 0) {
		/*
		 * the peer closes; or nobody asked, and after that no reply
		 * could be told apart
		 */
		connection_failed(c, c->reply.text);
		return (-1);
	}
	return (client_reply(c) == -1 ? -1 : 1);
}

static void
client_data(struct connection *c)
{
	int	 status;

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
		if (c->stage == STAGE_QUIT || c->stage == STAGE_IDLE)
			connection_free(c);
		else
			client_broken(c, "connection closed");
		break;
	case IO_ERROR:
		if (c->stage == STAGE_QUIT || c->stage == STAGE_IDLE)
			connection_free(c);
		else
			client_broken(c, io_error(io));
		break;
	case IO_TIMEOUT:
		if (c->stage == STAGE_IDLE) {
			connection_unpark(c);
			client_quit(c);
		} else if (c->stage == STAGE_QUIT)
			connection_free(c);
		else
			client_broken(c, "timeout");
		break;
	case IO_SECURE:
		starttls_done(c);
		break;
	}
}
