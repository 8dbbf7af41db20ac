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
 * One SMTP dialogue from a script on stdin, for the tests: prints all that
 * the peer says, without the CR.  What the peer does is printed, never
 * judged; only a connection that cannot be made is an error.
 *
 *	dialog [-n] [-t seconds] [-b source] address:port | path
 *
 * A line is sent with CRLF and its reply is waited for.  After a 354 lines
 * are content, up to ".", but for those with "=" and "?".  "&text" is sent without waiting; its reply comes
 * with those of the next line that waits.  "=text" is sent raw and without
 * waiting: \r, \n, \0, \\ are known.  "?" waits for a reply, "~" sleeps one
 * second.  -n: the peer does not speak first.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE	131072

static struct {
	int		 fd;
	int		 timeout;	/* milliseconds */
	int		 owed;		/* replies that were not waited for */
	char		 in[LINE];
	size_t		 inlen;
} dialog;

static void
connect_local(const char *path)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	if ((dialog.fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(dialog.fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
}

static struct addrinfo *
lookup(const char *host, const char *port)
{
	struct addrinfo hints, *res;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &res) != 0)
		errx(1, "%s, %s: not an address and port", host, port);
	return (res);
}

static void
connect_inet(const char *where, const char *from)
{
	struct addrinfo *peer, *own;
	char host[64];
	const char *port;

	if ((port = strrchr(where, ':')) == NULL ||
	    (size_t)(port - where) >= sizeof(host))
		errx(1, "%s: no port", where);
	(void)snprintf(host, sizeof(host), "%.*s", (int)(port - where), where);
	peer = lookup(host, port + 1);
	if ((dialog.fd = socket(peer->ai_family, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (from != NULL) {
		own = lookup(from, "0");
		if (bind(dialog.fd, own->ai_addr, own->ai_addrlen) == -1)
			err(1, "%s", from);
		freeaddrinfo(own);
	}
	if (connect(dialog.fd, peer->ai_addr, peer->ai_addrlen) == -1)
		err(1, "%s", where);
	freeaddrinfo(peer);
}

static void
finish(const char *how)
{
	printf("[%s]\n", how);
	exit(0);
}

static void
send_all(const char *text, size_t len)
{
	ssize_t n;

	for (; len > 0; text += n, len -= n)
		if ((n = send(dialog.fd, text, len, MSG_NOSIGNAL)) == -1)
			return;		/* reading will say it */
}

static void
send_line(const char *line)
{
	char text[LINE + 2];
	int n;

	n = snprintf(text, sizeof(text), "%s\r\n", line);
	send_all(text, n);
}

static void
send_raw(const char *line)
{
	char text[LINE];
	size_t n = 0;

	for (; *line != '\0'; line++) {
		if (line[0] != '\\' || line[1] == '\0') {
			text[n++] = *line;
			continue;
		}
		line++;
		text[n++] = *line == 'r' ? '\r' : *line == 'n' ? '\n' :
		    *line == '0' ? '\0' : *line;
	}
	send_all(text, n);
}

/* Print one line of the peer into line; it stays valid until the next. */
static const char *
read_line(void)
{
	static char line[LINE];
	struct pollfd p;
	char *end;
	size_t len;
	ssize_t n;

	while ((end = memmem(dialog.in, dialog.inlen, "\n", 1)) == NULL) {
		p.fd = dialog.fd;
		p.events = POLLIN;
		if (poll(&p, 1, dialog.timeout) <= 0)
			finish("no reply");
		n = read(dialog.fd, dialog.in + dialog.inlen,
		    sizeof(dialog.in) - dialog.inlen);
		if (n <= 0)
			finish("closed");
		dialog.inlen += n;
	}
	len = end - dialog.in;
	memcpy(line, dialog.in, len);
	line[len > 0 && line[len - 1] == '\r' ? len - 1 : len] = '\0';
	dialog.inlen -= len + 1;
	memmove(dialog.in, end + 1, dialog.inlen);
	puts(line);
	fflush(stdout);
	return (line);
}

/* One whole reply; its code. */
static int
read_reply(void)
{
	const char *line;

	do
		line = read_line();
	while (strlen(line) > 3 && line[3] == '-');
	return (atoi(line));
}

static void
run(void)
{
	char line[LINE];
	int in_content = 0, code;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (in_content && strcmp(line, ".") != 0 &&
		    *line != '=' && *line != '?') {
			send_line(line);
			continue;
		}
		if (*line == '~') {
			sleep(1);
			continue;
		}
		if (*line == '=') {
			send_raw(line + 1);
			continue;
		}
		if (*line == '&') {
			send_line(line + 1);
			dialog.owed++;
			continue;
		}
		if (*line != '?')
			send_line(line);
		for (; dialog.owed > 0; dialog.owed--)
			(void)read_reply();
		code = read_reply();
		in_content = code == 354;
	}
}

int
main(int argc, char **argv)
{
	const char *from = NULL;
	int ch, greeting = 1;

	dialog.timeout = 10000;
	while ((ch = getopt(argc, argv, "b:nt:")) != -1) {
		switch (ch) {
		case 'b':
			from = optarg;
			break;
		case 'n':
			greeting = 0;
			break;
		case 't':
			dialog.timeout = 1000 * strtonum(optarg, 1, 600, NULL);
			break;
		default:
			errx(1, "usage: dialog [-n] [-t seconds] [-b source] "
			    "address:port | path");
		}
	}
	if (optind + 1 != argc)
		errx(1, "one address, please");
	if (*argv[optind] == '/')
		connect_local(argv[optind]);
	else
		connect_inet(argv[optind], from);
	if (greeting)
		(void)read_reply();
	run();
	return (0);
}
