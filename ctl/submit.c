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
 * From sendmail to the daemon: plain SMTP over the submission socket, one
 * message, all recipients or none.  Called by sendmail.c.  It says that a
 * message was taken only after the daemon's 250, and waits for nothing
 * without an end.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/sendmail.h"
#include "lib/control.h"

#define CONNECT_SECONDS	10	/* a daemon that is being restarted */
#define CONNECT_NAP	200000000L	/* nanoseconds between attempts */
#define REPLY_SECONDS	600	/* RFC 5321 4.5.3.2.6: as for the last dot */
#define REPLY_LINE	2048
#define SPLICE_BUFFER	16384
#define SPLICE_SECONDS	30	/* without a word, after the input's end */

struct dialogue {
	FILE	*in;
	FILE	*out;
	int	 verbose;
	char	 reply[REPLY_LINE];	/* the last line of the last reply */
	char	 hostname[256];		/* the daemon's, from its greeting */
};

static int
connect_once(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd, error;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		return (-1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return (-1);
	}
	return (fd);
}

int
submit_connect(void)
{
	const char	*path = ctl_socket_path(SUBMIT_SOCKET);
	struct timespec	 nap = { 0, CONNECT_NAP };
	time_t		 end = time(NULL) + CONNECT_SECONDS;
	int		 fd;

	while ((fd = connect_once(path)) == -1) {
		if ((errno != ECONNREFUSED && errno != ENOENT &&
		    errno != EAGAIN) || time(NULL) >= end)
			break;
		nanosleep(&nap, NULL);
	}
	if (fd == -1)
		fprintf(stderr, "sendmail: %s: %s; the message was not sent\n",
		    path, errno == ENOENT || errno == ECONNREFUSED ?
		    "the mail daemon is not running" : strerror(errno));
	return (fd);
}

/* A whole reply: its code, the last line kept; -1: the daemon is gone. */
static int
reply(struct dialogue *d)
{
	int	 code;

	do {
		if (fgets(d->reply, sizeof(d->reply), d->in) == NULL) {
			strlcpy(d->reply, "the mail daemon closed the "
			    "connection", sizeof(d->reply));
			return (-1);
		}
		d->reply[strcspn(d->reply, "\r\n")] = '\0';
		if (d->verbose)
			fprintf(stderr, "<<< %s\n", d->reply);
	} while (strlen(d->reply) > 3 && d->reply[3] == '-');
	code = (int)strtol(d->reply, NULL, 10);
	return (code >= 200 && code < 600 ? code : -1);
}

static int
command(struct dialogue *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static int
command(struct dialogue *d, const char *fmt, ...)
{
	va_list	 ap;

	if (d->verbose) {
		fputs(">>> ", stderr);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		putc('\n', stderr);
	}
	va_start(ap, fmt);
	vfprintf(d->out, fmt, ap);
	va_end(ap);
	fputs("\r\n", d->out);
	if (fflush(d->out) == EOF) {
		strlcpy(d->reply, "the mail daemon closed the connection",
		    sizeof(d->reply));
		return (-1);
	}
	return (reply(d));
}

/* What to tell the caller, by the daemon's words. */
static int
status(const struct dialogue *d, int code)
{
	const char	*enhanced = strlen(d->reply) > 4 ? d->reply + 4 : "";

	if (code < 500)
		return (EX_TEMPFAIL);
	if (strncmp(enhanced, "5.1.1 ", 6) == 0)
		return (EX_NOUSER);
	if (strncmp(enhanced, "5.7.", 4) == 0)
		return (EX_NOPERM);
	if (strncmp(enhanced, "5.1.", 4) == 0 ||
	    strncmp(enhanced, "5.6.", 4) == 0 ||
	    strncmp(enhanced, "5.3.4 ", 6) == 0 ||
	    strncmp(enhanced, "5.5.4 ", 6) == 0)
		return (EX_DATAERR);
	return (EX_UNAVAILABLE);
}

/* The daemon refused: say what, and that nothing was sent. */
static int
refused(const struct dialogue *d, int code, const char *what)
{
	fprintf(stderr, "sendmail: %s%s%s\n", what,
	    what[0] != '\0' ? ": " : "", d->reply);
	return (code == -1 ? EX_TEMPFAIL : status(d, code));
}

/* "@domain", or nothing where the address has one. */
static const char *
domain_of(const struct dialogue *d, const char *address)
{
	static char	 text[260];

	if (address[0] == '\0' || strchr(address, '@') != NULL)
		return ("");
	snprintf(text, sizeof(text), "@%s", d->hostname);
	return (text);
}

static int
greeting(struct dialogue *d)
{
	int	 code;

	if ((code = reply(d)) != 220)
		return (refused(d, code, ""));
	if (sscanf(d->reply, "220 %255s", d->hostname) != 1)
		strlcpy(d->hostname, "localhost", sizeof(d->hostname));
	if ((code = command(d, "EHLO %s", d->hostname)) != 250)
		return (refused(d, code, ""));
	return (EX_OK);
}

static int
envelope(struct dialogue *d, const struct submission *s, size_t size)
{
	int	 code;

	code = command(d, "MAIL FROM:<%s%s> SIZE=%zu%s%s%s%s%s", s->sender,
	    domain_of(d, s->sender), size,
	    s->eightbit ? " BODY=8BITMIME" : "",
	    s->ret != NULL ? " RET=" : "", s->ret != NULL ? s->ret : "",
	    s->envid != NULL ? " ENVID=" : "",
	    s->envid != NULL ? s->envid : "");
	if (code != 250)
		return (refused(d, code, s->sender));
	for (size_t i = 0; i < s->nrcpts; i++) {
		code = command(d, "RCPT TO:<%s%s>%s%s", s->rcpts[i],
		    domain_of(d, s->rcpts[i]),
		    s->notify != NULL ? " NOTIFY=" : "",
		    s->notify != NULL ? s->notify : "");
		if (code != 250)
			return (refused(d, code, s->rcpts[i]));
	}
	return (EX_OK);
}

static int
send_line(void *arg, const char *line, size_t len)
{
	struct dialogue	*d = arg;

	if (len > 0 && line[0] == '.')
		putc('.', d->out);
	fwrite(line, 1, len, d->out);
	fputs("\r\n", d->out);
	return (ferror(d->out) ? 1 : 0);
}

static int
content(struct dialogue *d, struct letter *l)
{
	int	 code;

	if ((code = command(d, "DATA")) != 354)
		return (refused(d, code, ""));
	if ((code = letter_lines(l, send_line, d)) == -1) {
		/* without its last dot nothing is kept */
		perror("sendmail: reading the message again");
		return (EX_IOERR);
	}
	if ((code = command(d, ".")) != 250)
		return (refused(d, code, ""));
	return (EX_OK);
}

static int
dialogue(struct dialogue *d, const struct submission *s, struct letter *l)
{
	int	 result;

	if ((result = greeting(d)) != EX_OK)
		return (result);
	if (letter_finish(l, s->sender, s->name, d->hostname) == -1) {
		perror("sendmail");
		return (EX_OSERR);
	}
	if ((result = envelope(d, s, letter_size(l))) != EX_OK)
		return (result);
	if ((result = content(d, l)) != EX_OK)
		return (result);
	(void)command(d, "QUIT");
	return (EX_OK);
}

int
submit_letter(const struct submission *s, struct letter *l)
{
	struct timeval	 tv = { REPLY_SECONDS, 0 };
	struct dialogue	 d;
	int		 fd, copy, result;

	if ((fd = submit_connect()) == -1)
		return (EX_TEMPFAIL);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	memset(&d, 0, sizeof(d));
	d.verbose = s->verbose;
	if ((copy = dup(fd)) == -1 || (d.in = fdopen(fd, "r")) == NULL ||
	    (d.out = fdopen(copy, "w")) == NULL) {
		perror("sendmail");
		return (EX_OSERR);
	}
	result = dialogue(&d, s, l);
	fclose(d.in);
	fclose(d.out);
	return (result);
}

static int
write_all(int fd, const char *p, size_t len)
{
	ssize_t	 n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (-1);
		p += n;
		len -= n;
	}
	return (0);
}

/* One read from here to there: 1, 0 at the end, -1. */
static int
pass(int from, int to)
{
	char	 buffer[SPLICE_BUFFER];
	ssize_t	 n;

	n = read(from, buffer, sizeof(buffer));
	if (n == -1)
		return (errno == EINTR ? 1 : -1);
	if (n == 0)
		return (0);
	return (write_all(to, buffer, n) == -1 ? -1 : 1);
}

int
submit_splice(void)
{
	struct pollfd	 pfd[2];
	int		 fd, n, timeout = -1;

	if ((fd = submit_connect()) == -1)
		return (EX_TEMPFAIL);
	pfd[0].fd = STDIN_FILENO;
	pfd[1].fd = fd;
	pfd[0].events = pfd[1].events = POLLIN;
	for (;;) {
		n = poll(pfd, 2, timeout);
		if (n == -1 && errno != EINTR)
			return (EX_OSERR);
		if (n == 0)
			return (EX_TEMPFAIL);	/* input ended without QUIT */
		if (n == -1)
			continue;
		if (pfd[1].revents != 0 && pass(fd, STDOUT_FILENO) != 1)
			return (EX_OK);	/* its last reply has been passed on */
		/* at the end of input the daemon is left to finish */
		if (pfd[0].revents != 0 && pass(STDIN_FILENO, fd) != 1) {
			pfd[0].fd = -1;
			timeout = SPLICE_SECONDS * 1000;
		}
	}
}
