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
 * A recording SMTP sink for the tests and the demo: one process, any number
 * of addresses, a line for each connection and message that it saw.  Replies
 * can be scripted.  It must never hide anything: what it did not understand
 * it refuses, and says so in its record.
 *
 *	sink [-PT] [-c cert -k key] [-a user:password] [-d folder]
 *	    [-m connections] [-r recipients] [-s script] -l record
 *	    address:port ...
 *
 * With -c it offers STARTTLS, with -T it begins with TLS; with -a it offers
 * AUTH and takes no mail without.  With -m it turns away whoever comes while
 * so many are there; with -r a transaction has so many recipients at most.
 *
 * A line of the script is STAGE MATCH TIMES ACTION; stage is one of connect,
 * ehlo, helo, starttls, auth, mail, rcpt, data, content, dot, quit; MATCH a
 * part of the argument, or "*"; TIMES a number or "*"; ACTION "drop", "delay
 * SECONDS" (in content only these two), "cut TEXT" (said without a line end,
 * then the connection ends) or a reply, "\n" in it the end of a line.  After a
 * scripted reply to STARTTLS nothing of TLS follows.  SIGHUP reads the script
 * again.
 */

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <netinet/in.h>

#include <openssl/evp.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <tls.h>
#include <unistd.h>

#define LISTENERS	64
#define SESSIONS	2000
#define RULES		64
#define LINE		4096
#define CONTENT_MAX	(64 * 1024 * 1024)

struct script_rule {
	char	 stage[16];
	char	 match[128];
	long	 times;			/* -1: always */
	double	 delay;
	int	 drop;
	int	 cut;			/* nothing after it, no line end */
	char	 reply[3072];		/* "": the usual one */
};

struct session {
	TAILQ_ENTRY(session) entry;
	struct pollfd	*poll;
	int		 fd;
	unsigned int	 number;
	unsigned int	 messages;
	unsigned int	 rcpts;		/* of the transaction */
	char		 src[64];
	char		 dst[80];
	char		 ehlo[256];
	char		*from;
	char		*to;		/* "<a>,<b>" */
	char		*content;	/* not NULL: in DATA */
	size_t		 length;
	size_t		 room;
	int		 closing;
	struct tls	*tls;
	int		 handshake;	/* of TLS: it is not done */
	int		 more;		/* TLS may hold input */
	int		 auth_step;	/* of AUTH LOGIN */
	int		 login;		/* AUTH went well */
	char		 user[300];	/* base64 */
	int		 impatient;	/* closes when content comes */
	double		 deaf;		/* reads no content for so long */
	double		 until;		/* nothing is said or read before */
	char		 in[LINE];
	size_t		 inlen;
	char		 out[LINE * 4];
	size_t		 outlen;
};
TAILQ_HEAD(sessions, session);

static struct {
	FILE		*record;
	const char	*folder;
	const char	*script;
	int		 no_pipelining;
	int		 smtps;
	size_t		 most_sessions;	/* 0: any number */
	unsigned int	 most_rcpts;
	const char	*cert;
	const char	*key;
	struct tls	*tls;
	char		 login[300];	/* of AUTH PLAIN, base64; "": none */
	char		 user[300];	/* of AUTH LOGIN, base64 */
	char		 password[300];
	int		 only_login;
	struct script_rule rules[RULES];
	size_t		 nrules;
	int		 listeners[LISTENERS];
	size_t		 nlisteners;
	struct sessions	 sessions;
	size_t		 nsessions;
	unsigned int	 connections;
	unsigned int	 saved;
	struct pollfd	 polls[LISTENERS + SESSIONS];
} sink;

static volatile sig_atomic_t reread, finish;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		reread = 1;
	else
		finish = 1;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (ts.tv_sec + ts.tv_nsec / 1e9);
}

/* "\n" in a reply of the script is the end of a line. */
static int
script_reply(const char *text, char *reply, size_t size)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (n + 3 > size)
			return (-1);
		if (text[0] == '\\' && text[1] == 'n') {
			reply[n++] = '\r';
			reply[n++] = '\n';
			text++;
		} else
			reply[n++] = *text;
	}
	reply[n] = '\0';
	return (0);
}

/* One line of the script into r; -1 for one that makes no sense. */
static int
script_line(char *line, struct script_rule *r)
{
	char times[32], *action;
	int used;

	memset(r, 0, sizeof(*r));
	if (sscanf(line, "%15s %127s %31s %n", r->stage, r->match, times,
	    &used) != 3)
		return (-1);
	r->times = *times == '*' ? -1 : atol(times);
	action = line + used;
	if (strcmp(action, "drop") == 0)
		r->drop = 1;
	else if (strncmp(action, "delay ", 6) == 0)
		r->delay = atof(action + 6);
	else {
		r->cut = strncmp(action, "cut ", 4) == 0;
		return (script_reply(action + (r->cut ? 4 : 0), r->reply,
		    sizeof(r->reply)));
	}
	return (0);
}

static void
script_read(void)
{
	char line[LINE];
	FILE *f;

	sink.nrules = 0;
	if (sink.script == NULL || (f = fopen(sink.script, "r")) == NULL)
		return;
	while (sink.nrules < RULES && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		if (script_line(line, &sink.rules[sink.nrules]) == -1)
			errx(1, "%s: not understood: %s", sink.script, line);
		sink.nrules++;
	}
	fclose(f);
}

static struct script_rule *
script_find(const char *stage, const char *arg)
{
	struct script_rule *r;
	size_t i;

	for (i = 0; i < sink.nrules; i++) {
		r = &sink.rules[i];
		if (r->times == 0 || strcmp(r->stage, stage) != 0)
			continue;
		if (strcmp(r->match, "*") != 0 && strstr(arg, r->match) == NULL)
			continue;
		if (r->times > 0)
			r->times--;
		return (r);
	}
	return (NULL);
}

/* Will the script have a word at this stage? */
static int
script_has(const struct session *s, const char *stage)
{
	struct script_rule *r;

	if ((r = script_find(stage, s->src)) == NULL)
		return (0);
	/* it is looked for again */
	if (r->times >= 0)
		r->times++;
	return (1);
}

static void
say(struct session *s, const char *text)
{
	int n;

	n = snprintf(s->out + s->outlen, sizeof(s->out) - s->outlen, "%s\r\n",
	    text);
	if (n < 0 || (size_t)n >= sizeof(s->out) - s->outlen)
		s->closing = 1;
	else
		s->outlen += n;
}

/*
 * Answer as the script wants it, or with usual.  The first digit that went
 * out, 0 for a connection that is dropped.
 */
static int
answer(struct session *s, const char *stage, const char *arg,
    const char *usual)
{
	struct script_rule *r;

	if ((r = script_find(stage, arg)) != NULL) {
		if (r->delay > 0)
			s->until = now() + r->delay;
		if (r->reply[0] != '\0')
			usual = r->reply;
		if (r->drop || usual[0] > '3')
			fprintf(sink.record, "refused conn=%u src=%s stage=%s "
			    "arg=%s reply=\"%s\"\n", s->number, s->src, stage,
			    arg, r->drop ? "drop" : usual);
		if (r->drop) {
			s->closing = 1;
			s->outlen = 0;
			return (0);
		}
	}
	say(s, usual);
	if (r != NULL && r->cut && s->outlen > 2) {
		s->outlen -= 2;
		s->closing = 1;
	}
	if (strncmp(usual, "421", 3) == 0)
		s->closing = 1;
	return (usual[0] - '0');
}

static void
transaction_end(struct session *s)
{
	free(s->from);
	free(s->to);
	free(s->content);
	s->from = s->to = s->content = NULL;
	s->length = s->room = 0;
	s->rcpts = 0;
}

/* The value of X-Test-Id, which the tests put into each message. */
static void
content_id(const struct session *s, char *id, size_t size)
{
	const char *p;
	size_t len;

	(void)strlcpy(id, "-", size);
	if ((p = memmem(s->content, s->length, "\nX-Test-Id: ", 12)) == NULL)
		return;
	p += 12;
	len = strcspn(p, "\n");
	if (len < size) {
		memcpy(id, p, len);
		id[len] = '\0';
	}
}

static void
content_save(const struct session *s)
{
	char path[1024];
	FILE *f;

	if (sink.folder == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s/%06u.eml", sink.folder,
	    ++sink.saved);
	if ((f = fopen(path, "w")) == NULL)
		err(1, "%s", path);
	/* without the LF that it begins with for content_id() */
	fwrite(s->content + 1, 1, s->length - 1, f);
	fclose(f);
}

static void
message_end(struct session *s)
{
	char id[128];

	content_id(s, id, sizeof(id));
	if (answer(s, "dot", s->from, "250 2.0.0 ok") == 2) {
		content_save(s);
		fprintf(sink.record, "msg conn=%u nth=%u src=%s dst=%s "
		    "ehlo=%s from=%s to=%s size=%zu id=%s time=%.3f tls=%s "
		    "auth=%d\n", s->number, ++s->messages, s->src, s->dst,
		    s->ehlo, s->from, s->to, s->length, id, now(),
		    s->tls == NULL ? "none" : tls_conn_version(s->tls),
		    s->login);
	}
	transaction_end(s);
}

/* A line of content, its CRLF taken off; kept with LF. */
static void
message_line(struct session *s, const char *line)
{
	size_t len;
	char *p;

	if (s->impatient) {
		s->closing = 1;
		return;
	}
	if (s->deaf > 0) {
		s->until = now() + s->deaf;
		s->deaf = 0;
	}
	if (strcmp(line, ".") == 0) {
		message_end(s);
		return;
	}
	if (*line == '.')
		line++;
	len = strlen(line);
	if (s->length + len + 2 > s->room) {
		s->room = (s->room + len) * 2 + 4096;
		if (s->room > CONTENT_MAX ||
		    (p = realloc(s->content, s->room)) == NULL)
			errx(1, "content too large");
		s->content = p;
	}
	memcpy(s->content + s->length, line, len);
	s->length += len;
	s->content[s->length++] = '\n';
	s->content[s->length] = '\0';
}

static void
tls_begin(struct session *s)
{
	/* what came in clear is not what comes under TLS */
	s->inlen = 0;
	if (tls_accept_socket(sink.tls, &s->tls, s->fd) == -1)
		errx(1, "%s", tls_error(sink.tls));
	s->handshake = 1;
}

static void
command_starttls(struct session *s)
{
	if (s->tls != NULL)
		say(s, "503 5.5.1 not twice");
	else if (script_has(s, "starttls"))
		(void)answer(s, "starttls", s->src, "220 2.0.0 go on");
	else {
		(void)dprintf(s->fd, "220 2.0.0 go on\r\n");
		*s->ehlo = '\0';
		transaction_end(s);
		tls_begin(s);
	}
}

static void
login_end(struct session *s, int good)
{
	s->auth_step = 0;
	if (!good)
		say(s, "535 5.7.8 no");
	else if (answer(s, "auth", s->src, "235 2.7.0 ok") == 2)
		s->login = 1;
}

/* PLAIN with its first answer, or LOGIN step by step. */
static void
command_auth(struct session *s, const char *arg)
{
	if (s->tls == NULL)
		fprintf(sink.record, "clear conn=%u src=%s line=AUTH\n",
		    s->number, s->src);
	if (strncasecmp(arg, "PLAIN ", 6) == 0)
		login_end(s, strcmp(arg + 6, sink.login) == 0);
	else if (strcasecmp(arg, "LOGIN") == 0) {
		s->auth_step = 1;
		say(s, "334 VXNlcm5hbWU6");
	} else
		say(s, "504 5.5.4 what?");
}

static void
login_line(struct session *s, const char *line)
{
	if (s->auth_step++ == 1) {
		(void)strlcpy(s->user, line, sizeof(s->user));
		say(s, "334 UGFzc3dvcmQ6");
	} else
		login_end(s, strcmp(s->user, sink.user) == 0 &&
		    strcmp(line, sink.password) == 0);
}

/* The extensions, in the manner of the script's replies. */
static void
hello_text(const struct session *s, char *text, size_t size)
{
	(void)snprintf(text, size, "250-sink\r\n%s%s%s250 8BITMIME",
	    sink.no_pipelining ? "" : "250-PIPELINING\r\n",
	    sink.cert != NULL && s->tls == NULL ? "250-STARTTLS\r\n" : "",
	    *sink.login == '\0' ? "" : sink.only_login ?
	    "250-AUTH LOGIN\r\n" : "250-AUTH PLAIN LOGIN\r\n");
}

static void
command_hello(struct session *s, const char *arg, int extended)
{
	char text[256];

	if (strlcpy(s->ehlo, arg, sizeof(s->ehlo)) >= sizeof(s->ehlo)) {
		say(s, "501 5.5.4 too long");
		return;
	}
	fprintf(sink.record, "hello conn=%u src=%s ehlo=%s\n", s->number,
	    s->src, s->ehlo);
	transaction_end(s);
	if (!extended)
		(void)answer(s, "helo", arg, "250 sink");
	else {
		hello_text(s, text, sizeof(text));
		(void)answer(s, "ehlo", arg, text);
	}
}

static void
command_mail(struct session *s, const char *arg)
{
	if (s->from != NULL || *s->ehlo == '\0')
		say(s, "503 5.5.1 not now");
	else if (*sink.login != '\0' && !s->login)
		say(s, "530 5.7.0 who are you?");
	else if (answer(s, "mail", arg, "250 2.1.0 ok") == 2 &&
	    asprintf(&s->from, "%.*s", (int)strcspn(arg, " "), arg) == -1)
		err(1, NULL);
}

static void
command_rcpt(struct session *s, const char *arg)
{
	char *to;

	if (s->from == NULL) {
		say(s, "503 5.5.1 not now");
		return;
	}
	if (sink.most_rcpts > 0 && s->rcpts >= sink.most_rcpts) {
		fprintf(sink.record, "full conn=%u src=%s arg=%s\n",
		    s->number, s->src, arg);
		say(s, "452 4.5.3 too many recipients");
		return;
	}
	if (answer(s, "rcpt", arg, "250 2.1.5 ok") != 2)
		return;
	s->rcpts++;
	if (asprintf(&to, "%s%s%.*s", s->to == NULL ? "" : s->to,
	    s->to == NULL ? "" : ",", (int)strcspn(arg, " "), arg) == -1)
		err(1, NULL);
	free(s->to);
	s->to = to;
}

static void
command_data(struct session *s)
{
	struct script_rule *r;

	if (s->to == NULL)
		say(s, "503 5.5.1 no recipient");
	else if (answer(s, "data", s->from, "354 go on") == 3) {
		s->room = 4096;
		if ((s->content = calloc(1, s->room)) == NULL)
			err(1, NULL);
		/* so that the first header field has a newline before it */
		s->content[s->length++] = '\n';
		if ((r = script_find("content", s->from)) != NULL) {
			s->impatient = r->drop;
			s->deaf = r->delay;
		}
	}
}

static void
command(struct session *s, const char *line)
{
	if (strncasecmp(line, "EHLO ", 5) == 0)
		command_hello(s, line + 5, 1);
	else if (strncasecmp(line, "HELO ", 5) == 0)
		command_hello(s, line + 5, 0);
	else if (strncasecmp(line, "MAIL FROM:", 10) == 0)
		command_mail(s, line + 10);
	else if (strncasecmp(line, "RCPT TO:", 8) == 0)
		command_rcpt(s, line + 8);
	else if (strcasecmp(line, "DATA") == 0)
		command_data(s);
	else if (strcasecmp(line, "STARTTLS") == 0 && sink.cert != NULL)
		command_starttls(s);
	else if (strncasecmp(line, "AUTH ", 5) == 0 && *sink.login != '\0')
		command_auth(s, line + 5);
	else if (strcasecmp(line, "RSET") == 0) {
		transaction_end(s);
		say(s, "250 2.0.0 ok");
	} else if (strcasecmp(line, "NOOP") == 0)
		say(s, "250 2.0.0 ok");
	else if (strcasecmp(line, "QUIT") == 0) {
		(void)answer(s, "quit", "", "221 2.0.0 bye");
		s->closing = 1;
	} else {
		fprintf(sink.record, "unknown conn=%u src=%s line=%s\n",
		    s->number, s->src, line);
		say(s, "500 5.5.1 what?");
	}
}

/* How many connections src has; all of them for NULL. */
static size_t
session_count(const char *src)
{
	struct session *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &sink.sessions, entry)
		if (src == NULL || strcmp(s->src, src) == 0)
			n++;
	return (n);
}

static void
address_text(const struct sockaddr_storage *ss, socklen_t len, char *text,
    size_t size, int with_port)
{
	char host[64], port[16];

	if (getnameinfo((const struct sockaddr *)ss, len, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		errx(1, "getnameinfo");
	(void)snprintf(text, size, with_port ? "%s:%s" : "%s", host, port);
}

static void
session_accept(int listener)
{
	struct sockaddr_storage ss;
	struct session *s;
	socklen_t len = sizeof(ss);
	int fd;

	if ((fd = accept(listener, (struct sockaddr *)&ss, &len)) == -1)
		return;
	if (sink.nsessions == SESSIONS) {
		close(fd);
		return;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1 ||
	    (s = calloc(1, sizeof(*s))) == NULL)
		err(1, NULL);
	s->fd = fd;
	s->number = ++sink.connections;
	address_text(&ss, len, s->src, sizeof(s->src), 0);
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(1, "getsockname");
	address_text(&ss, len, s->dst, sizeof(s->dst), 1);
	TAILQ_INSERT_TAIL(&sink.sessions, s, entry);
	sink.nsessions++;
	fprintf(sink.record, "open conn=%u src=%s dst=%s here=%zu all=%zu "
	    "time=%.3f\n", s->number, s->src, s->dst, session_count(s->src),
	    session_count(NULL), now());
	if (sink.smtps)
		tls_begin(s);
	if (sink.most_sessions > 0 && sink.nsessions > sink.most_sessions) {
		fprintf(sink.record, "full conn=%u src=%s\n", s->number,
		    s->src);
		say(s, "421 4.7.0 too many connections");
		s->closing = 1;
		return;
	}
	(void)answer(s, "connect", s->src, "220 sink ESMTP");
}

static void
session_free(struct session *s)
{
	fprintf(sink.record, "close conn=%u src=%s messages=%u time=%.3f\n",
	    s->number, s->src, s->messages, now());
	transaction_end(s);
	if (s->tls != NULL && !s->handshake)
		(void)tls_close(s->tls);
	tls_free(s->tls);
	TAILQ_REMOVE(&sink.sessions, s, entry);
	sink.nsessions--;
	close(s->fd);
	free(s);
}

/* Whole lines that have come, until one makes the session wait. */
static void
session_lines(struct session *s)
{
	size_t used = 0, len;
	char *end;

	while (!s->closing && now() >= s->until &&
	    s->outlen < sizeof(s->out) / 2 &&
	    (end = memmem(s->in + used, s->inlen - used, "\r\n", 2)) != NULL) {
		*end = '\0';
		len = end - (s->in + used);
		if (s->content != NULL)
			message_line(s, s->in + used);
		else if (s->auth_step > 0)
			login_line(s, s->in + used);
		else
			command(s, s->in + used);
		used += len + 2;
		if (s->handshake)
			return;
	}
	memmove(s->in, s->in + used, s->inlen - used);
	s->inlen -= used;
	if (s->inlen == sizeof(s->in))
		s->closing = 1;
}

/* As errno has it, like read(2) and send(2). */
static ssize_t
tls_result(ssize_t n)
{
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT)
		errno = EAGAIN;
	else if (n == -1)
		errno = EIO;
	return (n < 0 ? -1 : n);
}

static ssize_t
session_read(struct session *s, void *buf, size_t size)
{
	if (s->tls == NULL)
		return (read(s->fd, buf, size));
	return (tls_result(tls_read(s->tls, buf, size)));
}

static ssize_t
session_write(struct session *s, const void *buf, size_t size)
{
	if (s->tls == NULL)
		return (send(s->fd, buf, size, MSG_NOSIGNAL));
	return (tls_result(tls_write(s->tls, buf, size)));
}

/* 0 done, 1 it goes on, -1 it failed. */
static int
session_handshake(struct session *s)
{
	int n;

	n = tls_handshake(s->tls);
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT)
		return (1);
	fprintf(sink.record, "tls conn=%u src=%s %s\n", s->number, s->src,
	    n == 0 ? tls_conn_version(s->tls) : "failed");
	s->handshake = 0;
	return (n);
}

/* 0, or -1: the session is over. */
static int
session_run(struct session *s)
{
	ssize_t n;

	if (now() < s->until)
		return (0);
	if (s->handshake && (n = session_handshake(s)) != 0)
		return (n == -1 ? -1 : 0);
	if (s->more || s->poll->revents & (POLLIN | POLLHUP | POLLERR)) {
		n = session_read(s, s->in + s->inlen,
		    sizeof(s->in) - s->inlen);
		s->more = s->tls != NULL && n > 0;
		if (n == 0 || (n == -1 && errno != EAGAIN))
			return (-1);
		if (n > 0)
			s->inlen += n;
	}
	session_lines(s);
	if (now() < s->until)
		return (0);
	if (s->outlen > 0) {
		n = session_write(s, s->out, s->outlen);
		if (n == -1 && errno != EAGAIN)
			return (-1);
		if (n > 0) {
			s->outlen -= n;
			memmove(s->out, s->out + n, s->outlen);
		}
	}
	return (s->closing && s->outlen == 0 ? -1 : 0);
}

static void
listener_open(const char *where)
{
	struct addrinfo hints, *res;
	char host[64];
	const char *port;
	int fd, on = 1;

	if ((port = strrchr(where, ':')) == NULL ||
	    (size_t)(port - where) >= sizeof(host))
		errx(1, "%s: no port", where);
	if (*where == '[')
		(void)snprintf(host, sizeof(host), "%.*s",
		    (int)(port - where - 2), where + 1);
	else
		(void)snprintf(host, sizeof(host), "%.*s",
		    (int)(port - where), where);
	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	if (sink.nlisteners == LISTENERS ||
	    getaddrinfo(host, port + 1, &hints, &res) != 0)
		errx(1, "%s: not an address and port", where);
	if ((fd = socket(res->ai_family, SOCK_STREAM, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, res->ai_addr, res->ai_addrlen) == -1 ||
	    listen(fd, 512) == -1)
		err(1, "%s", where);
	freeaddrinfo(res);
	sink.listeners[sink.nlisteners++] = fd;
}

/* Milliseconds until some session may go on, at most a second. */
static int
prepare(void)
{
	struct session *s;
	double t = now(), wait = 1;
	size_t n = 0;

	for (; n < sink.nlisteners; n++) {
		sink.polls[n].fd = sink.listeners[n];
		sink.polls[n].events = POLLIN;
	}
	TAILQ_FOREACH(s, &sink.sessions, entry) {
		s->poll = &sink.polls[n++];
		s->poll->fd = t < s->until ? -1 : s->fd;
		s->poll->events = POLLIN | (s->outlen > 0 ? POLLOUT : 0);
		s->poll->revents = 0;
		if (t < s->until && s->until - t < wait)
			wait = s->until - t;
		else if (t >= s->until && s->inlen > 0 &&
		    memmem(s->in, s->inlen, "\r\n", 2) != NULL)
			wait = 0;
		if (s->more)
			wait = 0;
	}
	return ((int)(wait * 1000) + (wait > 0));
}

static void
turn(void)
{
	struct session *s, *next;
	size_t i, n;
	int wait;

	wait = prepare();
	n = sink.nlisteners + sink.nsessions;
	if (poll(sink.polls, n, wait) == -1 && errno != EINTR)
		err(1, "poll");
	for (s = TAILQ_FIRST(&sink.sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (session_run(s) == -1)
			session_free(s);
	}
	for (i = 0; i < sink.nlisteners; i++)
		if (sink.polls[i].revents & POLLIN)
			session_accept(sink.listeners[i]);
	/* a new session's greeting goes out in the next turn */
}

static void
usage(void)
{
	fprintf(stderr, "usage: sink [-PT] [-c cert -k key] "
	    "[-a user:password] [-d folder] [-m connections] "
	    "[-r recipients] [-s script] -l record address:port ...\n");
	exit(1);
}

static void
tls_open(void)
{
	struct tls_config *config;

	if ((config = tls_config_new()) == NULL ||
	    (sink.tls = tls_server()) == NULL)
		errx(1, "libtls");
	if (tls_config_set_keypair_file(config, sink.cert, sink.key) == -1)
		errx(1, "%s", tls_config_error(config));
	if (tls_configure(sink.tls, config) == -1)
		errx(1, "%s", tls_error(sink.tls));
	tls_config_free(config);
}

/* There is room: an argument is at most 200 octets. */
static void
base64(const char *text, size_t len, char *out)
{
	(void)EVP_EncodeBlock((unsigned char *)out,
	    (const unsigned char *)text, (int)len);
}

/* "user:password"; "login:user:password" leaves AUTH PLAIN out. */
static void
login_set(const char *text)
{
	char both[256];
	const char *colon;
	int only = strncmp(text, "login:", 6) == 0;
	size_t n, m;

	text += only ? 6 : 0;
	if ((colon = strchr(text, ':')) == NULL || strlen(text) > 200)
		errx(1, "%s: not user:password", text);
	n = (size_t)(colon - text);
	m = strlen(colon + 1);
	both[0] = '\0';
	memcpy(both + 1, text, n);
	both[n + 1] = '\0';
	memcpy(both + n + 2, colon + 1, m);
	base64(both, n + m + 2, sink.login);
	base64(colon + 1, m, sink.password);
	base64(text, n, sink.user);
	sink.only_login = only;
}

int
main(int argc, char **argv)
{
	int ch;

	TAILQ_INIT(&sink.sessions);
	while ((ch = getopt(argc, argv, "PTa:c:d:k:l:m:r:s:")) != -1) {
		switch (ch) {
		case 'P':
			sink.no_pipelining = 1;
			break;
		case 'T':
			sink.smtps = 1;
			break;
		case 'a':
			login_set(optarg);
			break;
		case 'c':
			sink.cert = optarg;
			break;
		case 'k':
			sink.key = optarg;
			break;
		case 'd':
			sink.folder = optarg;
			break;
		case 'l':
			if ((sink.record = fopen(optarg, "a")) == NULL)
				err(1, "%s", optarg);
			break;
		case 'm':
			sink.most_sessions = (size_t)atol(optarg);
			break;
		case 'r':
			sink.most_rcpts = (unsigned int)atol(optarg);
			break;
		case 's':
			sink.script = optarg;
			break;
		default:
			usage();
		}
	}
	if (sink.record == NULL || optind == argc)
		usage();
	setvbuf(sink.record, NULL, _IOLBF, 0);
	if (sink.folder != NULL)
		(void)mkdir(sink.folder, 0755);
	if (sink.cert != NULL)
		tls_open();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	script_read();
	for (; optind < argc; optind++)
		listener_open(argv[optind]);
	fprintf(sink.record, "ready\n");
	while (!finish) {
		if (reread) {
			reread = 0;
			script_read();
		}
		turn();
	}
	return (0);
}
