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
 * A channel between two roles, over imsg.  All that a turn of the loop wrote
 * goes out together at its end.  A frame that does not add up is fatal: only
 * a bug or a break-in in a sibling makes one.  From a sibling that faces the
 * network it ends the channel.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <imsg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"

#define STR_NULL	UINT32_MAX
/* Octets that who is distrusted may leave unread. */
#define UNREAD_MAX	(16 * 1024 * 1024)
/* What a message costs here beside its octets, and what a descriptor does. */
#define MESSAGE_COST	256
#define FD_COST		(64 * 1024)

struct ipc {
	struct imsgbuf	 buf;
	struct event	 read;
	struct event	 write;
	struct loop_job	 job;
	struct loop_job	 again;		/* on with what was read */
	const char	*peer;
	ipc_handler	*handlers[IPC_MAX_TYPE];
	void		(*closed)(struct ipc *, void *);
	void		*arg;
	struct ibuf	*building;
	size_t		 pending;	/* octets not yet written */
	size_t		 cost;		/* of what waits, beside its octets */
	size_t		 length;	/* of the message being built */
	size_t		*lengths;	/* a ring: of those that wait */
	size_t		 first, waiting, room;
	int		 fd;
	int		 busy;		/* in a handler */
	int		 gone;		/* freed meanwhile */
	int		 wary;
	int		 broken;	/* it sent what is no message */
	int		 deaf;		/* it has too much unread */
};

static void	 on_read(int, short, void *);
static void	 on_write(int, short, void *);
static void	 write_out(void *);
static void	 read_on(void *);
static int	 dispatch(struct ipc *);
static void	 length_add(struct ipc *);
static void	 add(struct ipc *, const void *, size_t);
static const void *get(struct ipc_msg *, size_t);

struct ipc *
ipc_new(int fd, const char *peer, const struct ipc_entry *entries,
    void (*closed)(struct ipc *, void *), void *arg)
{
	struct ipc	*ipc;
	int		 flags;

	if ((ipc = calloc(1, sizeof(*ipc))) == NULL)
		fatal("calloc");
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		fatal("fcntl");
	if (imsgbuf_init(&ipc->buf, fd) == -1)
		fatal("imsgbuf_init");
	imsgbuf_allow_fdpass(&ipc->buf);
	imsgbuf_set_maxsize(&ipc->buf, IPC_MAX);
	ipc->fd = fd;
	ipc->peer = peer;
	ipc->closed = closed;
	ipc->arg = arg;
	for (; entries->type != IPC_NONE; entries++)
		ipc->handlers[entries->type] = entries->handler;
	loop_job_init(&ipc->job, write_out, ipc);
	loop_job_init(&ipc->again, read_on, ipc);
	event_set(&ipc->read, fd, EV_READ | EV_PERSIST, on_read, ipc);
	event_set(&ipc->write, fd, EV_WRITE, on_write, ipc);
	event_add(&ipc->read, NULL);
	return (ipc);
}

void
ipc_free(struct ipc *ipc)
{
	if (ipc == NULL)
		return;
	if (ipc->fd != -1) {
		event_del(&ipc->read);
		event_del(&ipc->write);
		loop_job_cancel(&ipc->job);
		loop_job_cancel(&ipc->again);
		imsgbuf_clear(&ipc->buf);
		ibuf_free(ipc->building);
		ipc->building = NULL;
		free(ipc->lengths);
		ipc->lengths = NULL;
		close(ipc->fd);
		ipc->fd = -1;
	}
	ipc->gone = 1;
	if (!ipc->busy)
		free(ipc);
}

void
ipc_distrust(struct ipc *ipc)
{
	ipc->wary = 1;
}

int
ipc_was_broken(const struct ipc *ipc)
{
	return (ipc->broken);
}

size_t
ipc_pending(struct ipc *ipc)
{
	return (ipc->pending);
}

void
ipc_flush(struct ipc *ipc)
{
	if (ipc->fd != -1)
		(void)imsgbuf_flush(&ipc->buf);
}

/* What came is no message of ours: -1, where that is not the end. */
static int
refused(struct ipc *ipc, const char *what, uint32_t type)
{
	if (!ipc->wary)
		fatalx("%s: %s message %u", ipc->peer, what, type);
	log_warnx("%s: %s message %u: its channel is closed", ipc->peer, what,
	    type);
	ipc->broken = 1;
	return (-1);
}

/*
 * All messages that are whole, until a handler frees the channel, or too much
 * of what was said to it is not read.  -1: one was broken.
 */
static int
dispatch(struct ipc *ipc)
{
	struct imsg	 imsg;
	struct ibuf	 buf;
	struct ipc_msg	 m;
	uint32_t	 type;
	int		 n, fd;

	for (;;) {
		ipc->deaf = ipc->wary &&
		    ipc->pending + ipc->cost > UNREAD_MAX;
		if (ipc->deaf)
			return (0);
		if ((n = imsgbuf_get(&ipc->buf, &imsg)) == -1)
			return (refused(ipc, "broken", 0));
		if (n == 0)
			return (0);
		type = imsg_get_type(&imsg);
		if (type >= IPC_MAX_TYPE || ipc->handlers[type] == NULL) {
			imsg_free(&imsg);
			return (refused(ipc, "unexpected", type));
		}
		memset(&m, 0, sizeof(m));
		m.type = type;
		m.fd = imsg_get_fd(&imsg);
		m.wary = ipc->wary;
		if (imsg_get_ibuf(&imsg, &buf) == 0) {
			m.data = ibuf_data(&buf);
			m.len = ibuf_size(&buf);
		}
		ipc->handlers[type](ipc, &m);
		if ((fd = m.fd) != -1)
			close(fd);
		if (ipc->gone)
			return (0);
		imsg_free(&imsg);
		if (m.broken)
			return (refused(ipc, "broken", type));
		if (fd != -1 && ipc->wary)
			return (refused(ipc, "a descriptor with", type));
	}
}

static void
take_in(struct ipc *ipc, int whole)
{
	ipc->busy = 1;
	if (!whole || dispatch(ipc) == -1) {
		event_del(&ipc->read);
		ipc->closed(ipc, ipc->arg);
	} else if (!ipc->gone && ipc->deaf)
		event_del(&ipc->read);
	ipc->busy = 0;
	if (ipc->gone)
		free(ipc);
}

static void
on_read(int fd, short event, void *arg)
{
	struct ipc	*ipc = arg;
	int		 n;

	if ((n = imsgbuf_read(&ipc->buf)) == -1 && errno == EBADMSG)
		(void)refused(ipc, "descriptors without", 0);
	take_in(ipc, n == 1);
}

static void
read_on(void *arg)
{
	struct ipc	*ipc = arg;

	event_add(&ipc->read, NULL);
	take_in(ipc, 1);
}

/* One more message waits. */
static void
length_add(struct ipc *ipc)
{
	size_t	*lengths, i, room;

	if (ipc->waiting == ipc->room) {
		room = ipc->room == 0 ? 64 : ipc->room * 2;
		if ((lengths = calloc(room, sizeof(*lengths))) == NULL)
			fatal("calloc");
		for (i = 0; i < ipc->waiting; i++)
			lengths[i] = ipc->lengths[(ipc->first + i) %
			    ipc->room];
		free(ipc->lengths);
		ipc->lengths = lengths;
		ipc->first = 0;
		ipc->room = room;
	}
	ipc->lengths[(ipc->first + ipc->waiting++) % ipc->room] = ipc->length;
}

/* What was written waits no more. */
static void
lengths_take(struct ipc *ipc, size_t left)
{
	while (ipc->waiting > left) {
		ipc->pending -= ipc->lengths[ipc->first];
		ipc->first = (ipc->first + 1) % ipc->room;
		ipc->waiting--;
	}
}

/*
 * A peer that is gone is noticed by on_read: here the messages are dropped.
 */
static void
write_out(void *arg)
{
	struct ipc	*ipc = arg;

	if (imsgbuf_write(&ipc->buf) == 0 &&
	    imsgbuf_queuelen(&ipc->buf) > 0) {
		lengths_take(ipc, imsgbuf_queuelen(&ipc->buf));
		event_add(&ipc->write, NULL);
		return;
	}
	lengths_take(ipc, 0);
	ipc->cost = 0;
	if (ipc->deaf)
		loop_job_queue(&ipc->again);
}

static void
on_write(int fd, short event, void *arg)
{
	write_out(arg);
}

void
ipc_begin(struct ipc *ipc, enum ipc_type type)
{
	if (ipc->building != NULL)
		fatalx("%s: message in a message", ipc->peer);
	ipc->cost += MESSAGE_COST;
	ipc->building = imsg_create(&ipc->buf, type, 0, 0, 240);
	if (ipc->building == NULL)
		fatal("imsg_create");
	ipc->length = 0;
}

static void
add(struct ipc *ipc, const void *data, size_t len)
{
	ipc->pending += len;
	ipc->length += len;
	if (len > 0 && imsg_add(ipc->building, data, len) == -1)
		fatal("%s: imsg_add", ipc->peer);
}

void
ipc_put_u8(struct ipc *ipc, uint8_t v)
{
	add(ipc, &v, sizeof(v));
}

void
ipc_put_u16(struct ipc *ipc, uint16_t v)
{
	add(ipc, &v, sizeof(v));
}

void
ipc_put_u32(struct ipc *ipc, uint32_t v)
{
	add(ipc, &v, sizeof(v));
}

void
ipc_put_u64(struct ipc *ipc, uint64_t v)
{
	add(ipc, &v, sizeof(v));
}

void
ipc_put_str(struct ipc *ipc, const char *s)
{
	uint32_t	 len;

	if (s == NULL) {
		ipc_put_u32(ipc, STR_NULL);
		return;
	}
	len = strlen(s);
	ipc_put_u32(ipc, len);
	add(ipc, s, len + 1);
}

void
ipc_put_bytes(struct ipc *ipc, const void *data, size_t len)
{
	ipc_put_u32(ipc, len);
	add(ipc, data, len);
}

void
ipc_put_fd(struct ipc *ipc, int fd)
{
	ipc->cost += FD_COST;
	ibuf_fd_set(ipc->building, fd);
}

void
ipc_end(struct ipc *ipc)
{
	imsg_close(&ipc->buf, ipc->building);
	ipc->building = NULL;
	length_add(ipc);
	loop_job_queue(&ipc->job);
}

/* It is not what it should be. */
static void
spoilt(struct ipc_msg *m, const char *how)
{
	if (!m->wary)
		fatalx("message %d%s", m->type, how);
	m->broken = 1;
	m->len = 0;
}

/* NULL: there is not so much left. */
static const void *
get(struct ipc_msg *m, size_t len)
{
	const void	*p;

	if (m->len < len) {
		spoilt(m, " is short");
		return (NULL);
	}
	p = m->data;
	m->data += len;
	m->len -= len;
	return (p);
}

static void
get_number(struct ipc_msg *m, void *to, size_t len)
{
	const void	*p;

	if ((p = get(m, len)) != NULL)
		memcpy(to, p, len);
}

uint8_t
ipc_get_u8(struct ipc_msg *m)
{
	uint8_t		 v = 0;

	get_number(m, &v, sizeof(v));
	return (v);
}

uint16_t
ipc_get_u16(struct ipc_msg *m)
{
	uint16_t	 v = 0;

	get_number(m, &v, sizeof(v));
	return (v);
}

uint32_t
ipc_get_u32(struct ipc_msg *m)
{
	uint32_t	 v = 0;

	get_number(m, &v, sizeof(v));
	return (v);
}

uint64_t
ipc_get_u64(struct ipc_msg *m)
{
	uint64_t	 v = 0;

	get_number(m, &v, sizeof(v));
	return (v);
}

const char *
ipc_get_str(struct ipc_msg *m)
{
	const char	*s;
	uint32_t	 len;

	if ((len = ipc_get_u32(m)) == STR_NULL || m->broken)
		return (NULL);
	s = len >= IPC_MAX ? NULL : get(m, (size_t)len + 1);
	if (s != NULL && memchr(s, '\0', (size_t)len + 1) == s + len)
		return (s);
	spoilt(m, ": bad string");
	return (NULL);
}

const void *
ipc_get_bytes(struct ipc_msg *m, size_t *len)
{
	const void	*p;

	*len = ipc_get_u32(m);
	if ((p = get(m, *len)) == NULL)
		*len = 0;
	return (p);
}

int
ipc_get_fd(struct ipc_msg *m)
{
	int	 fd;

	fd = m->fd;
	m->fd = -1;
	return (fd);
}

/* The message is ours, and nobody reads it again. */
void
ipc_wipe(const void *data, size_t len)
{
	explicit_bzero((void *)(uintptr_t)data, len);
}

int
ipc_get_end(struct ipc_msg *m)
{
	if (m->len != 0)
		spoilt(m, " is long");
	return (m->broken ? -1 : 0);
}
