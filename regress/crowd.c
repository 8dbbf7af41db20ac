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
 * A crowd in front of an SMTP server, for tests and bench: connections that
 * say nothing, some that say an octet a second, a flood of new ones from one
 * address; and in the middle of it one client that behaves and measures how
 * long each of its messages takes.  Only loopback addresses are used.
 *
 *	crowd [-i idle] [-s slow] [-f flood a second] [-t seconds]
 *	    [-a sender] [-r recipient] port
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define IDLE		0x7f000101	/* 127.0.1.1, and those behind it */
#define SLOW		0x7f000201
#define FLOOD		0x7f000301
#define PER_ADDRESS	50
#define FLOOD_OPEN	4000		/* at most, at any time */
#define MESSAGES	100000
#define PATIENCE	30		/* seconds for one reply */

static struct {
	in_port_t	 port;
	long		 idle;
	long		 slow;
	long		 flood;
	long		 seconds;
	const char	*from;
	const char	*to;
	int		 flooding[FLOOD_OPEN];
	size_t		 next;		/* of flooding, to be closed */
	unsigned long	 flooded;
	double		 took[MESSAGES];
	size_t		 messages;
} crowd;

static double
now(void)
{
	struct timespec	 ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static int
connect_from(in_addr_t address, int flags)
{
	struct sockaddr_in	 own, peer;
	int			 fd;

	memset(&own, 0, sizeof(own));
	own.sin_family = AF_INET;
	own.sin_addr.s_addr = htonl(address);
	memset(&peer, 0, sizeof(peer));
	peer.sin_family = AF_INET;
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer.sin_port = htons(crowd.port);
	if ((fd = socket(AF_INET, SOCK_STREAM | flags, 0)) == -1)
		return (-1);
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == -1 ||
	    (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == -1 &&
	    errno != EINPROGRESS)) {
		close(fd);
		return (-1);
	}
	return (fd);
}

/* Wait for a whole reply; its first digit. */
static char
reply(int fd)
{
	struct pollfd	 p = { .fd = fd, .events = POLLIN };
	char		 text[4096], *line;
	size_t		 len = 0;
	ssize_t		 n;

	for (;;) {
		if (poll(&p, 1, PATIENCE * 1000) != 1 ||
		    (n = read(fd, text + len, sizeof(text) - 1 - len)) <= 0)
			errx(1, "no answer");
		len += n;
		text[len] = '\0';
		if (text[len - 1] != '\n')
			continue;
		text[len - 1] = '\0';
		line = strrchr(text, '\n');
		line = line == NULL ? text : line + 1;
		if (line[3] != '-')
			return (line[0]);
		text[len - 1] = '\n';
	}
}

static void
say(int fd, const char *text, char want)
{
	char	 got;

	if (send(fd, text, strlen(text), MSG_NOSIGNAL) == -1)
		err(1, "the good client is not heard");
	if ((got = reply(fd)) != want)
		errx(1, "%c for %s", got, text);
}

static void
message(void)
{
	char	 line[512];
	double	 start = now();
	int	 fd;

	if ((fd = connect_from(INADDR_LOOPBACK, 0)) == -1)
		err(1, "the good client does not come in");
	if (reply(fd) != '2')
		errx(1, "the good client is not welcome");
	say(fd, "EHLO good.example\r\n", '2');
	(void)snprintf(line, sizeof(line), "MAIL FROM:<%s>\r\n", crowd.from);
	say(fd, line, '2');
	(void)snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", crowd.to);
	say(fd, line, '2');
	say(fd, "DATA\r\n", '3');
	say(fd, "Subject: x\r\n\r\nHello.\r\n.\r\n", '2');
	say(fd, "QUIT\r\n", '2');
	close(fd);
	crowd.took[crowd.messages++] = now() - start;
}

static int
compare(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* The one that behaves: twenty messages a second, or as many as go. */
static void
good_client(void)
{
	double	 end = now() + (double)crowd.seconds;

	while (now() < end && crowd.messages < MESSAGES) {
		message();
		usleep(20000);
	}
	qsort(crowd.took, crowd.messages, sizeof(crowd.took[0]), compare);
	printf("good client: %zu messages, p50 %.1f ms, p99 %.1f ms, "
	    "longest %.1f ms\n", crowd.messages,
	    1e3 * crowd.took[crowd.messages / 2],
	    1e3 * crowd.took[crowd.messages * 99 / 100],
	    1e3 * crowd.took[crowd.messages - 1]);
	fflush(stdout);
}

static int *
fill(long count, in_addr_t first, const char *what)
{
	int	*fds;
	long	 i;

	if ((fds = calloc(count + 1, sizeof(*fds))) == NULL)
		err(1, NULL);
	for (i = 0; i < count; i++) {
		fds[i] = connect_from(first + i / PER_ADDRESS, 0);
		if (fds[i] == -1)
			err(1, "%s connection %ld", what, i);
	}
	return (fds);
}

/* A share of a second's new ones, each in the place of the oldest. */
static void
flood(long count)
{
	int	*fd;

	for (; count > 0; count--) {
		fd = &crowd.flooding[crowd.next];
		if (*fd > 0)
			close(*fd);
		*fd = connect_from(FLOOD, SOCK_NONBLOCK);
		if (*fd != -1)
			crowd.flooded++;
		crowd.next = (crowd.next + 1) % FLOOD_OPEN;
	}
}

/* How many are still connected: nothing was read, so a close shows. */
static long
still_open(const int *fds, long count)
{
	struct pollfd	 p;
	long		 i, n = 0;
	char		 text[1024];

	for (i = 0; i < count; i++) {
		p.fd = fds[i];
		p.events = POLLIN;
		if (poll(&p, 1, 0) == 1 && (read(fds[i], text,
		    sizeof(text)) <= 0 || text[0] != '2'))
			continue;
		n++;
	}
	return (n);
}

static void
options(int argc, char **argv)
{
	int	 ch;

	crowd.seconds = 5;
	crowd.from = "a@good.example";
	crowd.to = "b@dest.example";
	while ((ch = getopt(argc, argv, "a:f:i:r:s:t:")) != -1) {
		switch (ch) {
		case 'a':
			crowd.from = optarg;
			break;
		case 'f':
			crowd.flood = strtonum(optarg, 0, 100000, NULL);
			break;
		case 'i':
			crowd.idle = strtonum(optarg, 0, 10000, NULL);
			break;
		case 'r':
			crowd.to = optarg;
			break;
		case 's':
			crowd.slow = strtonum(optarg, 0, 10000, NULL);
			break;
		case 't':
			crowd.seconds = strtonum(optarg, 1, 600, NULL);
			break;
		default:
			optind = argc;
		}
	}
	if (optind + 1 != argc || (crowd.port = strtonum(argv[optind], 1,
	    65535, NULL)) == 0)
		errx(1, "usage: crowd [-i idle] [-s slow] [-f flood] "
		    "[-t seconds] [-a sender] [-r recipient] port");
}

int
main(int argc, char **argv)
{
	static const char	 word[] = "NOOP and so on and so on\r\n";
	struct rlimit		 files;
	int			*idle, *slow, status, tick;
	long			 i;
	pid_t			 pid;

	options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	idle = fill(crowd.idle, IDLE, "idle");
	slow = fill(crowd.slow, SLOW, "slow");
	/* one that speaks before the greeting is turned away */
	for (i = 0; i < crowd.slow; i++)
		(void)reply(slow[i]);
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		good_client();
		_exit(0);
	}
	for (tick = 0; waitpid(pid, &status, WNOHANG) == 0; tick++) {
		flood(crowd.flood / 50);
		for (i = tick % 50; i < crowd.slow; i += 50)
			(void)send(slow[i], &word[tick / 50 %
			    (sizeof(word) - 1)], 1, MSG_NOSIGNAL);
		usleep(20000);
	}
	printf("crowd: %ld of %ld idle and %ld of %ld slow still served, "
	    "%lu flooded\n", still_open(idle, crowd.idle), crowd.idle,
	    still_open(slow, crowd.slow), crowd.slow, crowd.flooded);
	free(idle);
	free(slow);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
