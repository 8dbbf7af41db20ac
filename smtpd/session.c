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
 * One SMTP client: its input in order, and its end.  Called by server.c with
 * new connections and by the loop; how it begins is in arrive.c, its commands
 * in command.c, content in content.c, replies that wait in answer.c.  Never
 * waits: what has to wait for queue stays in the input buffer, and the client
 * feels it as a slow reader.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "lib/rules.h"
#include "lib/text.h"
#include "smtpd/smtpd.h"

#define CLOSE_QUICK	30		/* for the last reply to go out */
#define CLOSE_LINGER	3		/* for the client to read it */
#define CLOSED_WAIT	60		/* for answers, after its last word */
#define REPLIES_MAX	32768		/* octets that it has not read */
#define REFUSED_LINES	10		/* in the log, then they are summed */

RB_HEAD(session_tree, session);
RB_PROTOTYPE(session_tree, session, node, session_compare);

static struct {
	struct session_tree	 tree;
	uint64_t		 last;		/* id given out */
} state = {
	.tree = RB_INITIALIZER(&state.tree)
};

static int
session_compare(struct session *a, struct session *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_GENERATE(session_tree, session, node, session_compare);

void
session_reply(struct session *s, const char *fmt, ...)
{
	va_list	 ap;
	char	 line[REPLY_MAX];
	int	 len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line) - 2)
		len = sizeof(line) - 3;
	/* whose client is known may have a list of dead addresses */
	if (line[0] == '5' && !s->local && s->auth[0] == '\0')
		s->errors++;
	memcpy(line + len, "\r\n", 2);
	(void)io_write(s->io, line, len + 2);
}

void
session_close(struct session *s, int linger, const char *fmt, ...)
{
	va_list	 ap;
	char	 line[REPLY_MAX];

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	session_reset(s);
	auth_cancel(s);
	session_reply(s, "%s", line);
	s->state = SESSION_CLOSING;
	s->linger = linger && !s->closed;
	io_drain(s->io, io_len(s->io));
	io_shutdown(s->io);
	io_set_deadline(s->io, linger ? CLOSE_LINGER : CLOSE_QUICK);
}

void
session_reset(struct session *s)
{
	answers_forget(s);
	intake_free(s->intake);
	s->intake = NULL;
	role_let_go(s->rules);
	s->rules = NULL;
	s->mail_given = 0;
	s->rcpt_given = 0;
	s->accepted = 0;
	s->chunked = 0;
	s->sorry = NULL;
	s->unwanted = 0;
	free(s->opening);
	s->opening = NULL;
	s->opening_len = 0;
	s->due = DUE_NONE;
	s->ended = 0;
	s->refused = 0;
	free(s->strips);
	s->strips = NULL;
}

void
session_facts(const struct session *s, struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->auth = s->auth[0] != '\0' ? s->auth : NULL;
	f->user = s->user[0] != '\0' ? s->user : NULL;
	f->client = s->client[0] != '\0' ? s->client : NULL;
	f->helo = s->helo;
	f->rdns = s->rdns[0] != '\0' ? s->rdns : NULL;
	f->tag = endpoint_tag(s->endpoint);
	f->sender = s->mail.sender;
	/* its value comes with the content */
	f->header[0] = endpoint_policy(s->endpoint)->trust_header;
	if (f->header[0] != NULL && !rules_want_header(server_config()))
		f->header[0] = NULL;
	f->socket = endpoint_is_socket(s->endpoint);
	f->local = s->local;
	f->tls = secure(s);
}

static const char *
or_dash(const char *text)
{
	return (text == NULL || text[0] == '\0' ? "-" : text);
}

/* How many refusals the log has no line of; they are counted anew. */
static void
refused_sum(struct session *s)
{
	struct logline	 l;

	if (s->refusals > REFUSED_LINES) {
		logline_start(&l, "refused");
		logline_add(&l, "cause", "repeated");
		logline_add(&l, "count", "%u", s->refusals - REFUSED_LINES);
		logline_add(&l, "client", "%s",
		    s->client[0] != '\0' ? s->client : "local");
		logline_add(&l, "auth", "%s", or_dash(s->auth));
		logline_end(&l);
	}
	s->refusals = 0;
}

void
session_refused(struct session *s, const char *reply, const char *cause,
    const char *from, const char *rcpt)
{
	struct logline	 l;

	/* 421 is the end of the session */
	if (strncmp(reply, "421", 3) != 0 && ++s->refusals > REFUSED_LINES)
		return;
	logline_start(&l, "refused");
	logline_add(&l, "code", "%.3s", reply);
	logline_add(&l, "cause", "%s", or_dash(cause));
	if (from != NULL)
		logline_add(&l, "from", "<%s>", from);
	else
		logline_add(&l, "from", "-");
	if (rcpt != NULL)
		logline_add(&l, "to", "<%s>", rcpt);
	else
		logline_add(&l, "to", "-");
	logline_add(&l, "client", "%s",
	    s->client[0] != '\0' ? s->client : "local");
	logline_add(&l, "auth", "%s", or_dash(s->auth));
	logline_end(&l);
}

void
session_accepted(struct session *s)
{
	struct logline	 l;

	refused_sum(s);
	s->errors = 0;
	s->idle = 0;
	s->lost = 0;
	logline_start(&l, "accepted");
	logline_add(&l, "id", "%s",
	    id_text(intake_message(s->intake)));
	logline_add(&l, "from", "<%s>", s->mail.sender);
	logline_add(&l, "rcpts", "%u", s->accepted);
	logline_add(&l, "size", "%llu",
	    (unsigned long long)intake_size(s->intake));
	logline_add(&l, "client", "%s",
	    s->client[0] != '\0' ? s->client : "local");
	logline_add(&l, "auth", "%s", or_dash(s->auth));
	logline_add(&l, "user", "%s", or_dash(s->user));
	logline_add(&l, "tag", "%s", or_dash(endpoint_tag(s->endpoint)));
	logline_end(&l);
}

void
session_free(struct session *s)
{
	refused_sum(s);
	session_reset(s);
	auth_cancel(s);
	auth_forget(s);
	rdns_cancel(s);
	RB_REMOVE(session_tree, &state.tree, s);
	io_free(s->io);
	server_session_gone(s->endpoint,
	    s->counted ? (struct sockaddr *)&s->peer : NULL, s->uid);
	free(s);
	server_idle();
}

void
session_too_many(struct session *s, const char *what)
{
	session_refused(s, "421", "too-many-errors", NULL, NULL);
	session_close(s, 1, "421 4.7.0 %s Too many %s",
	    endpoint_hostname(s->endpoint), what);
}

/*
 * Why no command can be on a line of the input; NULL: it may.  Where such a
 * line ends is not known for sure, so what follows it is never carried out:
 * the session ends.
 */
static const char *
line_error(const char *line, size_t len)
{
	if (len < 2 || line[len - 2] != '\r')
		return ("500 5.5.2 Lines must end in CRLF");
	if (memchr(line, '\0', len) != NULL ||
	    memchr(line, '\r', len - 2) != NULL)
		return ("500 5.5.2 Control characters in a command");
	return (NULL);
}

/* One whose end is known: the next line is a command again. */
static void
session_line_long(struct session *s)
{
	int	 exchange = s->state == SESSION_AUTH;

	auth_cancel(s);
	if (!command_idle(s))
		answer_give(s, exchange ? "500 5.5.6 Authentication exchange "
		    "line is too long" : "500 5.5.2 Line too long");
}

/* Carry out the next command.  0: nothing to do until more comes. */
static int
session_line(struct session *s)
{
	const struct command	*command;
	const char		*data = io_data(s->io), *end, *args, *error;
	char			 line[COMMAND_MAX + 1];
	size_t			 len = io_len(s->io);

	if (len == 0)
		return (0);
	if ((end = memchr(data, '\n', len)) != NULL)
		len = end + 1 - data;
	else if (len <= LINE_MOST)
		return (0);
	if ((error = end == NULL ? "500 5.5.2 Line too long" :
	    line_error(data, len)) != NULL) {
		/* what is owed is told first; MAIL's may only be held back */
		answers_flush(s);
		if (s->waiting > 0)
			return (0);
		session_close(s, 1, "%s", error);
		return (0);
	}
	if (len > COMMAND_MAX) {
		io_drain(s->io, len);
		session_line_long(s);
		return (1);
	}
	memcpy(line, data, len - 2);
	(void)syntax_trim(line, len - 2);
	if (s->state == SESSION_AUTH) {
		io_drain(s->io, len);
		auth_line(s, line);
		explicit_bzero(line, sizeof(line));
		return (1);
	}
	command = command_find(line, &args);
	if (command_waits(command, s))
		return (0);
	io_drain(s->io, len);
	if (len > command_max(command))
		session_line_long(s);
	else
		command_run(command, s, args);
	/* it may have been a password */
	explicit_bzero(line, len);
	return (1);
}

/* Something will come that the session waits for. */
static int
session_waits(const struct session *s)
{
	switch (s->state) {
	case SESSION_COMMAND:
		return (s->waiting > 0 ||
		    (rdns_waits(s) && io_len(s->io) > 0));
	case SESSION_DATA:
		return (s->intake != NULL && intake_busy(s->intake));
	case SESSION_PROXY:
	case SESSION_AUTH:
		return (0);
	default:
		return (1);
	}
}

/* The client has said its last word, and all was answered. */
static void
session_end(struct session *s)
{
	session_reset(s);
	auth_cancel(s);
	s->state = SESSION_CLOSING;
	s->linger = 0;
	io_drain(s->io, io_len(s->io));
	io_shutdown(s->io);
	io_set_deadline(s->io, CLOSE_QUICK);
}

/*
 * All that can be done now.  Who does not read our replies is not heard any
 * more, until IO_DRAINED.  Never frees the session.
 */
void
session_run(struct session *s)
{
	int	 more = 1;

	while (more && io_pending(s->io) < REPLIES_MAX) {
		switch (s->state) {
		case SESSION_COMMAND:
			if (s->errors >= server_config()->smtp_max_errors &&
			    s->accepted + s->waiting == 0) {
				session_too_many(s, "errors");
				return;
			}
			/* FALLTHROUGH */
		case SESSION_AUTH:
			more = session_line(s);
			break;
		case SESSION_DATA:
			more = content_run(s);
			break;
		case SESSION_PROXY:
			more = arrive_proxy(s);
			break;
		default:
			more = 0;
			break;
		}
	}
	if (s->closed && io_pending(s->io) < REPLIES_MAX && !session_waits(s))
		session_end(s);
}

/*
 * The client sends no more, but it may still read: a script that is piped
 * into a connection does so.  What is here already is carried out.
 */
static void
session_closed(struct session *s)
{
	s->closed = 1;
	if (s->state == SESSION_HANDSHAKE) {
		secure_failed(s, "the client went away");
		return;
	}
	if (s->state == SESSION_CLOSING) {
		s->linger = 0;
		if (io_pending(s->io) == 0)
			session_free(s);
		return;
	}
	io_set_deadline(s->io, CLOSED_WAIT);
	session_run(s);
}

static void
session_idle(struct session *s)
{
	if (s->closed && s->state != SESSION_STORING) {
		session_free(s);
		return;
	}
	switch (s->state) {
	case SESSION_CLOSING:
		session_free(s);
		return;
	case SESSION_STORING:
	case SESSION_LOGIN:
		io_set_timeout(s->io, SESSION_IDLE);
		return;
	case SESSION_HANDSHAKE:
		secure_failed(s, "no handshake in time");
		return;
	default:
		if (s->waiting > 0)
			io_set_timeout(s->io, SESSION_IDLE);
		else
			session_close(s, 0, "421 4.4.2 %s Idle for too long",
			    endpoint_hostname(s->endpoint));
	}
}

static void
session_event(struct io *io, enum io_event event, void *arg)
{
	struct session	*s = arg;

	switch (event) {
	case IO_DATA:
		if (s->state == SESSION_CLOSING)
			io_drain(io, io_len(io));
		else
			session_run(s);
		break;
	case IO_DRAINED:
		if (s->state != SESSION_CLOSING)
			session_run(s);
		else if (!s->linger)
			session_free(s);
		break;
	case IO_CLOSED:
		session_closed(s);
		break;
	case IO_ERROR:
		if (s->state == SESSION_STORING)
			s->gone = 1;
		else if (s->state == SESSION_HANDSHAKE)
			secure_failed(s, io_error(io));
		else
			session_free(s);
		break;
	case IO_TIMEOUT:
		session_idle(s);
		break;
	case IO_SECURE:
		if (s->state == SESSION_HANDSHAKE)
			secure_done(s);
		break;
	case IO_CONNECTED:
		break;
	}
}

void
session_new(int fd, struct endpoint *endpoint,
    const struct sockaddr_storage *peer, uid_t uid)
{
	struct session	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("calloc");
	s->id = ++state.last;
	s->endpoint = endpoint;
	s->peer = *peer;
	s->uid = uid;
	STAILQ_INIT(&s->answers);
	rdns_init(s);
	RB_INSERT(session_tree, &state.tree, s);
	s->io = io_new(fd, session_event, s);
	io_set_timeout(s->io, SESSION_IDLE);
	arrive(s);
}

struct session *
session_find(uint64_t id)
{
	struct session	 key;

	key.id = id;
	return (RB_FIND(session_tree, &state.tree, &key));
}

void
session_stop_all(void)
{
	struct session	*s, *next;

	RB_FOREACH_SAFE(s, session_tree, &state.tree, next) {
		if (s->state == SESSION_STORING ||
		    s->state == SESSION_CLOSING)
			continue;
		/* no way yet to say anything */
		if (s->state == SESSION_HANDSHAKE) {
			session_free(s);
			continue;
		}
		session_close(s, 0, "421 4.3.2 %s Shutting down",
		    endpoint_hostname(s->endpoint));
	}
}
