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
 * A concurrent submitter for the tests: sends messages over several SMTP
 * sessions at once and writes down the id of each one that got its 250, and
 * only of those.  A peer that vanishes ends that session and is no error:
 * what counts is what was acknowledged before.
 *
 *	source [-pT] [-c sessions] [-n messages] [-s octets] [-i prefix]
 *	    [-f sender] [-k customers] [-t recipient]
 *	    -o acknowledged address:port
 *
 * With -T an id is followed by the time at which its content went out.
 * With -k a "%" in the sender is the message's number modulo customers.
 */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS	1000
#define SILENCE		60000		/* milliseconds without any reply */

enum step {
	STEP_GREETING,
	STEP_EHLO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_DOT,
	STEP_RSET,
	STEP_QUIT,
	STEP_CLOSED
};

struct session {
	int		 fd;
	enum step	 step;
	unsigned int	 id;		/* of the message in hand */
	double		 sent;		/* its content: a time of day */
	char		 in[2048];
	size_t		 inlen;
	char		*out;
	size_t		 outlen;
	size_t		 outdone;
};

static struct {
	struct addrinfo	*peer;
	const char	*sender;
	unsigned int	 customers;	/* 0: one */
	const char	*recipient;
	const char	*prefix;
	int		 acknowledged;	/* descriptor */
	int		 pipelining;
	int		 times;
	unsigned int	 messages;
	unsigned int	 next;
	unsigned int	 accepted;
	unsigned int	 refused;
	unsigned int	 broken;	/* sessions that ended early */
	size_t		 size;
	size_t		 nsessions;
	struct session	 sessions[SESSIONS];
	struct pollfd	 polls[SESSIONS];
} source;

static void
session_close(struct session *s)
{
	if (s->step != STEP_QUIT)
		source.broken++;
	s->step = STEP_CLOSED;
	close(s->fd);
	s->fd = -1;
}

/* Say text, which was allocated and is freed here. */
static void
say(struct session *s, char *text)
{
	free(s->out);
	s->out = text;
	s->outlen = strlen(text);
	s->outdone = 0;
}

static void
sayf(struct session *s, const char *format, const char *arg)
{
	char *text;

	if (asprintf(&text, format, arg) == -1)
		err(1, NULL);
	say(s, text);
}

/* Whose message it is. */
static const char *
sender(const struct session *s)
{
	static char text[512];
	const char *mark;

	if (source.customers == 0 ||
	    (mark = strchr(source.sender, '%')) == NULL)
		return (source.sender);
	(void)snprintf(text, sizeof(text), "%.*s%u%s",
	    (int)(mark - source.sender), source.sender,
	    s->id % source.customers, mark + 1);
	return (text);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (ts.tv_sec + ts.tv_nsec / 1e9);
}

static char *
content(const struct session *s)
{
	char *text;
	size_t i;
	int n;

	if ((text = malloc(source.size + 1024)) == NULL)
		err(1, NULL);
	n = snprintf(text, 1024, "From: <%s>\r\nTo: <%s>\r\nSubject: test\r\n"
	    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
	    "Message-Id: <%s-%u@source.example>\r\nX-Test-Id: %s-%u\r\n\r\n",
	    sender(s), source.recipient, source.prefix, s->id,
	    source.prefix, s->id);
	for (i = 0; i + 72 <= source.size; i += 72) {
		memset(text + n, 'x', 70);
		memcpy(text + n + 70, "\r\n", 2);
		n += 72;
	}
	memcpy(text + n, ".\r\n", 4);
	return (text);
}

static void
message_start(struct session *s)
{
	char *text;

	if (source.next == source.messages) {
		s->step = STEP_QUIT;
		sayf(s, "QUIT\r\n%s", "");
		return;
	}
	s->id = source.next++;
	s->step = STEP_MAIL;
	if (!source.pipelining) {
		sayf(s, "MAIL FROM:<%s>\r\n", sender(s));
		return;
	}
	if (asprintf(&text, "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n",
	    sender(s), source.recipient) == -1)
		err(1, NULL);
	say(s, text);
}

static void
acknowledged(struct session *s)
{
	char line[128], time[32] = "";
	int len;

	if (source.times)
		(void)snprintf(time, sizeof(time), " %.3f", s->sent);
	len = snprintf(line, sizeof(line), "%s-%u%s\n", source.prefix, s->id,
	    time);
	if (write(source.acknowledged, line, len) != len)
		err(1, "acknowledged");
	source.accepted++;
}

/* The message in hand was refused: the session goes on with the next. */
static void
message_refused(struct session *s, const char *reply)
{
	if (source.refused++ == 0)
		warnx("refused: %s", reply);
	if (strncmp(reply, "421", 3) == 0 || s->step < STEP_MAIL ||
	    source.pipelining) {
		session_close(s);
		return;
	}
	s->step = STEP_RSET;
	sayf(s, "RSET\r\n%s", "");
}

static void
reply(struct session *s, const char *line)
{
	if (line[0] != '2' && line[0] != '3') {
		message_refused(s, line);
		return;
	}
	switch (s->step) {
	case STEP_GREETING:
		s->step = STEP_EHLO;
		sayf(s, "EHLO source.example\r\n%s", "");
		break;
	case STEP_MAIL:
		s->step = STEP_RCPT;
		if (!source.pipelining)
			sayf(s, "RCPT TO:<%s>\r\n", source.recipient);
		break;
	case STEP_RCPT:
		s->step = STEP_DATA;
		if (!source.pipelining)
			sayf(s, "DATA\r\n%s", "");
		break;
	case STEP_DATA:
		s->step = STEP_DOT;
		s->sent = now();
		say(s, content(s));
		break;
	case STEP_DOT:
		acknowledged(s);
		message_start(s);
		break;
	case STEP_EHLO:
	case STEP_RSET:
		message_start(s);
		break;
	default:
		session_close(s);
	}
}

static void
session_read(struct session *s)
{
	char *line, *end;
	ssize_t n;

	n = read(s->fd, s->in + s->inlen, sizeof(s->in) - s->inlen - 1);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		session_close(s);
		return;
	}
	s->inlen += n;
	s->in[s->inlen] = '\0';
	for (line = s->in; s->fd != -1 &&
	    (end = strstr(line, "\r\n")) != NULL; line = end + 2) {
		*end = '\0';
		if (end - line < 4 || line[3] != '-')
			reply(s, line);
	}
	s->inlen = strlen(line);
	memmove(s->in, line, s->inlen);
	if (s->inlen == sizeof(s->in) - 1 && s->fd != -1)
		session_close(s);
}

static void
session_write(struct session *s)
{
	ssize_t n;

	n = send(s->fd, s->out + s->outdone, s->outlen - s->outdone,
	    MSG_NOSIGNAL);
	if (n > 0)
		s->outdone += n;
	else if (errno != EAGAIN)
		session_close(s);
}

static void
session_open(struct session *s)
{
	int on = 1;

	s->fd = socket(source.peer->ai_family, SOCK_STREAM, 0);
	if (s->fd == -1)
		err(1, "socket");
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(s->fd, source.peer->ai_addr, source.peer->ai_addrlen) ==
	    -1 || fcntl(s->fd, F_SETFL, O_NONBLOCK) == -1)
		session_close(s);
}

/* 0: all sessions are over. */
static int
turn(void)
{
	struct session *s;
	size_t i, open = 0;
	int n;

	for (i = 0; i < source.nsessions; i++) {
		s = &source.sessions[i];
		source.polls[i].fd = s->fd;
		source.polls[i].events = POLLIN |
		    (s->outdone < s->outlen ? POLLOUT : 0);
		open += s->fd != -1;
	}
	if (open == 0)
		return (0);
	if ((n = poll(source.polls, source.nsessions, SILENCE)) == -1)
		err(1, "poll");
	if (n == 0)
		errx(1, "no reply to anything for a minute");
	for (i = 0; i < source.nsessions; i++) {
		s = &source.sessions[i];
		if (s->fd != -1 && source.polls[i].revents & POLLOUT)
			session_write(s);
		if (s->fd != -1 &&
		    source.polls[i].revents & (POLLIN | POLLHUP | POLLERR))
			session_read(s);
	}
	return (1);
}

static void
peer_find(const char *where)
{
	struct addrinfo hints;
	char host[64];
	const char *port;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	if ((port = strrchr(where, ':')) == NULL ||
	    (size_t)(port - where) >= sizeof(host))
		errx(1, "%s: no port", where);
	(void)snprintf(host, sizeof(host), "%.*s", (int)(port - where), where);
	if (getaddrinfo(host, port + 1, &hints, &source.peer) != 0)
		errx(1, "%s: not an address and port", where);
}

static void
usage(void)
{
	fprintf(stderr, "usage: source [-pT] [-c sessions] [-n messages] "
	    "[-s octets] [-i prefix]\n\t[-f sender] [-k customers] "
	    "[-t recipient] -o acknowledged address:port\n");
	exit(1);
}

static void
options(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "c:f:i:k:n:o:ps:t:T")) != -1) {
		switch (ch) {
		case 'c':
			source.nsessions = strtonum(optarg, 1, SESSIONS, NULL);
			break;
		case 'f':
			source.sender = optarg;
			break;
		case 'i':
			source.prefix = optarg;
			break;
		case 'k':
			source.customers = strtonum(optarg, 1, 10000, NULL);
			break;
		case 'n':
			source.messages = strtonum(optarg, 0, 10000000, NULL);
			break;
		case 'o':
			source.acknowledged = open(optarg,
			    O_WRONLY | O_CREAT | O_APPEND, 0644);
			break;
		case 'p':
			source.pipelining = 1;
			break;
		case 's':
			source.size = strtonum(optarg, 0, 1 << 26, NULL);
			break;
		case 't':
			source.recipient = optarg;
			break;
		case 'T':
			source.times = 1;
			break;
		default:
			usage();
		}
	}
	if (source.acknowledged == -1 || optind + 1 != argc ||
	    source.nsessions == 0)
		usage();
}

int
main(int argc, char **argv)
{
	struct timespec start, end;
	double took;
	size_t i;

	source.acknowledged = -1;
	source.nsessions = 1;
	source.messages = 1;
	source.sender = "sender@source.example";
	source.recipient = "rcpt@dest.example";
	source.prefix = "m";
	options(argc, argv);
	peer_find(argv[optind]);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < source.nsessions; i++)
		session_open(&source.sessions[i]);
	while (turn())
		continue;
	clock_gettime(CLOCK_MONOTONIC, &end);
	took = (end.tv_sec - start.tv_sec) +
	    (end.tv_nsec - start.tv_nsec) / 1e9;
	printf("accepted=%u refused=%u broken=%u seconds=%.3f\n",
	    source.accepted, source.refused, source.broken, took);
	return (0);
}
