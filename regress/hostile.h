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
 * A role that was broken into: the whole daemon, with one role's program
 * replaced.  A program that includes this names the role and says what it
 * does; parent starts it as it starts the real one, for it executes itself
 * with "-x role", and all other roles are the real ones.  What the role does
 * is chosen by the environment variable HOSTILE.
 *
 * Messages are built here octet by octet, so that they can be wrong.  What
 * comes is read with a limit of time.  Lines on stderr are in the daemon's
 * log.
 */

#ifndef REGRESS_HOSTILE_H
#define REGRESS_HOSTILE_H

#include <sys/types.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <imsg.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* for a build with the sanitizers: the roles here are the daemon's */
#include "regress/sanitize.c"

#include "lib/ipc.h"
#include "lib/proc.h"
#include "lib/role.h"
#include "smtpd/parent.h"
#include "smtpd/roles.h"

#define FRAME_MAX	(256 * 1024)
#define FRAME_FD	0x80000000U	/* in a length: a descriptor comes */
#define ANSWER_WAIT	10000		/* milliseconds */

/* One end of a channel. */
struct end {
	int		 fd;		/* -1: there is none */
	int		 closed;	/* by the other end */
	size_t		 start;		/* of what was not received yet */
	size_t		 len;		/* of that */
	size_t		 nfds;
	int		 fds[16];	/* that came, in order */
	uint8_t		 octets[2 * FRAME_MAX];
	size_t		 ntail;
	uint8_t		 tail[FRAME_MAX];	/* of a frame, not yet sent */
};

/* A message under construction. */
struct frame {
	size_t		 len;
	uint8_t		 octets[FRAME_MAX];
};

/* The role that is replaced; what it does; both by who includes this. */
static const enum role	 hostile_as;
static void		 hostile(const char *what);

static struct end	 to_parent = { .fd = 3 };
static struct end	 to[ROLE_COUNT];
static struct frame	 frame;
static int		 begun;		/* all roles have the configuration */

static inline void
say(const char *verdict, const char *what)
{
	dprintf(STDERR_FILENO, "hostile: %s %s\n", verdict, what);
}

static inline void
check(int ok, const char *what)
{
	say(ok ? "ok" : "FAIL", what);
}

/* Building. */

static inline void
put(const void *octets, size_t len)
{
	if (len > sizeof(frame.octets) - frame.len)
		errx(1, "frame too long");
	memcpy(frame.octets + frame.len, octets, len);
	frame.len += len;
}

static inline void
put_u8(uint8_t v)
{
	put(&v, sizeof(v));
}

static inline void
put_u32(uint32_t v)
{
	put(&v, sizeof(v));
}

static inline void
put_u64(uint64_t v)
{
	put(&v, sizeof(v));
}

static inline void
put_bytes(const void *octets, size_t len)
{
	put_u32((uint32_t)len);
	put(octets, len);
}

static inline void
put_str(const char *text)
{
	if (text == NULL) {
		put_u32(UINT32_MAX);
		return;
	}
	put_u32((uint32_t)strlen(text));
	put(text, strlen(text) + 1);
}

static inline void
begin(uint32_t type)
{
	struct imsg_hdr	 hdr = { .type = type };

	frame.len = 0;
	put(&hdr, sizeof(hdr));
}

/* The header's length, whatever it really is. */
static inline void
claim(uint32_t len)
{
	memcpy(frame.octets + offsetof(struct imsg_hdr, len), &len,
	    sizeof(len));
}

/*
 * Octets as they are, with descriptors.  0, or -1: the other end has closed,
 * or took nothing for wait milliseconds; then *sent says how far it came.
 */
static inline int
push_some(struct end *e, const void *octets, size_t len, const int *fds,
    size_t nfds, int wait, size_t *sent)
{
	struct pollfd	 pfd = { .fd = e->fd, .events = POLLOUT };
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int) * 64)];
	}		 control;
	struct iovec	 iov;
	struct msghdr	 msg;
	struct cmsghdr	*c;
	size_t		 done = 0;
	ssize_t		 n;

	while (done < len && !e->closed) {
		memset(&msg, 0, sizeof(msg));
		iov.iov_base = (char *)(uintptr_t)octets + done;
		iov.iov_len = len - done;
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		if (nfds > 0 && done == 0) {
			memset(&control, 0, sizeof(control));
			msg.msg_control = &control;
			msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
			c = CMSG_FIRSTHDR(&msg);
			c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
		}
		n = sendmsg(e->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			done += (size_t)n;
		else if (n == -1 && errno != EAGAIN && errno != EINTR)
			e->closed = 1;
		else if (poll(&pfd, 1, wait) == 0)
			break;
	}
	*sent = done;
	return (done < len ? -1 : 0);
}

/* The same; what was begun and not taken goes in front of what comes next. */
static inline int
push(struct end *e, const void *octets, size_t len, const int *fds,
    size_t nfds, int wait)
{
	size_t	 n;
	int	 status;

	status = push_some(e, e->tail, e->ntail, NULL, 0, wait, &n);
	memmove(e->tail, e->tail + n, e->ntail -= n);
	if (status == -1)
		return (-1);
	status = push_some(e, octets, len, fds, nfds, wait, &n);
	if (status == -1 && n > 0 && n < len)
		memcpy(e->tail, (const char *)octets + n, e->ntail = len - n);
	return (status);
}

/* The frame with its right length. */
static inline int
send_frame(struct end *e)
{
	claim((uint32_t)frame.len);
	return (push(e, frame.octets, frame.len, NULL, 0, ANSWER_WAIT));
}

/* Reading. */

static inline int64_t
now_ms(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* More octets.  0: nothing for wait milliseconds, -1: closed. */
static inline int
pull(struct end *e, int wait)
{
	struct pollfd	 pfd = { .fd = e->fd, .events = POLLIN };
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct iovec	 iov;
	struct msghdr	 msg;
	struct cmsghdr	*c;
	ssize_t		 n;

	if (e->closed)
		return (-1);
	if (poll(&pfd, 1, wait) <= 0)
		return (0);
	memmove(e->octets, e->octets + e->start, e->len);
	e->start = 0;
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = e->octets + e->len;
	iov.iov_len = sizeof(e->octets) - e->len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	n = recvmsg(e->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		e->closed = 1;
		return (-1);
	}
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_type == SCM_RIGHTS &&
		    e->nfds < sizeof(e->fds) / sizeof(e->fds[0]))
			memcpy(&e->fds[e->nfds++], CMSG_DATA(c), sizeof(int));
	if (n > 0)
		e->len += (size_t)n;
	return (1);
}

/* The next message: its type, 0: none within wait milliseconds, or closed. */
static inline uint32_t
receive(struct end *e, struct ipc_msg *m, int wait)
{
	struct imsg_hdr	 hdr;
	int64_t		 until = now_ms() + wait;
	uint32_t	 len;
	int		 left;

	for (;;) {
		if (e->len >= sizeof(hdr)) {
			memcpy(&hdr, e->octets + e->start, sizeof(hdr));
			len = hdr.len & ~FRAME_FD;
			if (e->len >= len)
				break;
		}
		left = (int)(until - now_ms());
		if (left < 0 || pull(e, left) != 1)
			return (0);
	}
	memset(m, 0, sizeof(*m));
	m->type = hdr.type;
	m->data = e->octets + e->start + sizeof(hdr);
	m->len = len - sizeof(hdr);
	m->fd = -1;
	if ((hdr.len & FRAME_FD) && e->nfds > 0) {
		m->fd = e->fds[0];
		memmove(e->fds, e->fds + 1, --e->nfds * sizeof(int));
	}
	m->wary = 1;
	e->start += len;
	e->len -= len;
	return (hdr.type);
}

/* The next message of this type, past all others; 0: none. */
static inline uint32_t
await(struct end *e, uint32_t type, struct ipc_msg *m)
{
	int64_t		 until = now_ms() + ANSWER_WAIT;
	uint32_t	 got;

	while (now_ms() < until) {
		got = receive(e, m, (int)(until - now_ms()));
		if (got == 0 || got == type)
			return (got);
	}
	return (0);
}

/* Whether the other end closes. */
static inline int
ends(struct end *e)
{
	struct ipc_msg	 m;
	int64_t		 until = now_ms() + ANSWER_WAIT;

	while (!e->closed && now_ms() < until)
		(void)receive(e, &m, 200);
	return (e->closed);
}

/* What a role of good conduct answers to the parent. */
static inline void
answer_parent(struct ipc_msg *m)
{
	uint32_t	 n;

	switch (m->type) {
	case PARENT_CONFIGURE:
		n = ipc_get_u32(m);
		begin(ROLE_PARSED);
		put_u32(n);
		put_str(NULL);
		(void)send_frame(&to_parent);
		break;
	case PARENT_SWAP:
		n = ipc_get_u32(m);
		begin(ROLE_SWAPPED);
		put_u32(n);
		(void)send_frame(&to_parent);
		break;
	case PARENT_BEGIN:
		begun = 1;
		break;
	case PARENT_PEER:
		n = ipc_get_u32(m);
		if (n < ROLE_COUNT)
			to[n].fd = m->fd;
		break;
	case PARENT_STOP:
		exit(0);
	default:
		break;
	}
}

/* Until all have the configuration. */
static inline void
settle_in(void)
{
	struct ipc_msg	 m;

	while (!begun && receive(&to_parent, &m, ANSWER_WAIT) != 0)
		answer_parent(&m);
}

/* It never ends by itself, whatever it lost. */
static inline void
stay(void)
{
	struct ipc_msg	 m;

	while (!to_parent.closed)
		if (receive(&to_parent, &m, 1000) != 0)
			answer_parent(&m);
	exit(0);
}

static inline void
role_real(enum role role, const char *root, int foreground, int verbose)
{
	switch (role) {
	case ROLE_SMTPD:
		smtpd_role(root, foreground, verbose);
	case ROLE_NAMES:
	case ROLE_PASSWORDS:
		lookup_role(root, foreground, verbose);
	case ROLE_QUEUE:
		queue_role(root, foreground, verbose);
	case ROLE_FLUSH:
		flush_role(root, foreground, verbose);
	case ROLE_MTA:
		mta_role(root, foreground, verbose);
	default:
		errx(1, "no such role");
	}
}

/* As smtpd/main.c. */
int
main(int argc, char **argv)
{
	struct parent_options	 options = { .path = "conf", .foreground = 1 };
	const char		*role = NULL, *root = NULL, *what;
	int			 ch, i;

	if (proc_init(argv[0]) == -1)
		err(1, "cannot find myself");
	while ((ch = getopt(argc, argv, "df:r:vx:")) != -1) {
		switch (ch) {
		case 'f':
			options.path = optarg;
			break;
		case 'r':
			root = optarg;
			break;
		case 'v':
			options.verbose = 1;
			break;
		case 'x':
			role = optarg;
			break;
		default:
			break;
		}
	}
	if (role == NULL)
		parent_run(&options);
	if (role_by_name(role) != (int)hostile_as)
		role_real((enum role)role_by_name(role), root, 1,
		    options.verbose);
	for (i = 0; i < ROLE_COUNT; i++)
		to[i].fd = -1;
	begin(ROLE_HELLO);
	put_str(BINDERY_VERSION);
	(void)send_frame(&to_parent);
	if ((what = getenv("HOSTILE")) == NULL)
		what = "";
	hostile(what);
	say("done", what);
	stay();
	return (0);
}

#endif
