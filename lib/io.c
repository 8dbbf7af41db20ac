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
 * A network connection on the event loop.  smtpd's sessions and mta's
 * connections use it; the TLS calls are in io_tls.c.
 *
 * Every read goes into one buffer that all connections share; only what a
 * callback leaves there is copied, so an idle connection holds no memory.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/io_tls.h"
#include "lib/log.h"
#include "lib/loop.h"

#define READ_SIZE	65536
#define READS_MAX	16		/* of TLS in one turn: others wait */

struct buffer {
	char		*data;
	size_t		 start;
	size_t		 len;
	size_t		 size;		/* 0: data is borrowed */
};

struct io {
	int		 fd;
	io_callback	*callback;
	io_tap		*tap;
	void		*arg;
	struct event	 read;
	struct event	 write;
	struct loop_job	 flush;
	struct loop_job	 again;
	struct loop_timer timer;
	struct buffer	 in;
	struct buffer	 out;
	size_t		 limit;
	uint32_t	 timeout;
	int		 deadline;	/* the timer is a fixed one */
	int		 connecting;
	int		 paused;
	int		 full;		/* reading waits for io_drain */
	int		 shutdown;
	int		 ended;		/* failed: said once */
	int		 closed;	/* the peer sends no more */
	int		 busy;		/* callbacks under way */
	int		 dead;
	int		 error;
	char		*error_text;
	struct io_tls	*tls;
};

static char	 scratch[READ_SIZE];

static void	 on_read(int, short, void *);
static void	 on_write(int, short, void *);
static void	 flush(void *);
static void	 again(void *);
static void	 expired(void *);
static void	 tell(struct io *, enum io_event);
static void	 fail(struct io *, int);
static void	 watch(struct io *);
static int	 append(struct buffer *, const char *, size_t);
static void	 touch(struct io *);

struct io *
io_new(int fd, io_callback *callback, void *arg)
{
	struct io	*io;

	if ((io = calloc(1, sizeof(*io))) == NULL)
		fatal("calloc");
	io->fd = fd;
	io->callback = callback;
	io->arg = arg;
	io->limit = READ_SIZE;
	loop_job_init(&io->flush, flush, io);
	loop_job_init(&io->again, again, io);
	loop_timer_init(&io->timer, expired, io);
	event_set(&io->read, fd, EV_READ | EV_PERSIST, on_read, io);
	event_set(&io->write, fd, EV_WRITE, on_write, io);
	event_add(&io->read, NULL);
	return (io);
}

void
io_free(struct io *io)
{
	if (io == NULL)
		return;
	if (!io->dead) {
		io->dead = 1;
		event_del(&io->read);
		event_del(&io->write);
		loop_job_cancel(&io->flush);
		loop_job_cancel(&io->again);
		loop_timer_cancel(&io->timer);
		io_tls_free(io->tls);
		close(io->fd);
		if (io->in.size > 0)
			free(io->in.data);
		free(io->out.data);
		free(io->error_text);
	}
	if (io->busy == 0)
		free(io);
}

/* The callback may free the io: nobody touches it after this but busy. */
static void
tell(struct io *io, enum io_event event)
{
	if (io->dead)
		return;
	io->busy++;
	io->callback(io, event, io->arg);
	io->busy--;
}

/* The last look at an io after tell: -1 if it is gone. */
static int
alive(struct io *io)
{
	if (!io->dead)
		return (1);
	if (io->busy == 0)
		free(io);
	return (0);
}

int
io_fd(const struct io *io)
{
	return (io->fd);
}

const char *
io_error(const struct io *io)
{
	if (io->error_text != NULL)
		return (io->error_text);
	return (io->error != 0 ? strerror(io->error) : "no error");
}

void
io_connecting(struct io *io)
{
	io->connecting = 1;
	event_del(&io->read);
	event_add(&io->write, NULL);
}

static void
touch(struct io *io)
{
	if (io->timeout != 0 && !io->deadline)
		loop_timer_set(&io->timer, io->timeout);
}

void
io_set_timeout(struct io *io, uint32_t seconds)
{
	io->timeout = seconds;
	io->deadline = 0;
	if (seconds == 0)
		loop_timer_cancel(&io->timer);
	else
		loop_timer_set(&io->timer, seconds);
}

void
io_set_deadline(struct io *io, uint32_t seconds)
{
	io_set_timeout(io, seconds);
	io->deadline = 1;
}

static void
expired(void *arg)
{
	struct io	*io = arg;

	tell(io, IO_TIMEOUT);
	(void)alive(io);
}

void
io_pause(struct io *io)
{
	io->paused = 1;
	watch(io);
}

void
io_resume(struct io *io)
{
	io->paused = 0;
	watch(io);
	if (io->in.len > 0 || io->tls != NULL)
		io_again(io);
}

/* Watch what may be read and written now. */
static void
watch(struct io *io)
{
	if (io->dead || io->connecting)
		return;
	if (io->paused || io->full || io->closed || io->ended)
		event_del(&io->read);
	else
		event_add(&io->read, NULL);
}

void
io_again(struct io *io)
{
	loop_job_queue(&io->again);
}

static void
again(void *arg)
{
	struct io	*io = arg;

	if (io->paused)
		return;
	io->busy++;
	if (io->in.len > 0)
		tell(io, IO_DATA);
	/* TLS may hold input that the descriptor no longer shows. */
	if (!io->dead && !io->paused && !io->ended && !io->closed &&
	    io->tls != NULL && io_tls_ready(io->tls))
		on_read(io->fd, 0, io);
	io->busy--;
	(void)alive(io);
}

const char *
io_data(struct io *io)
{
	return (io->in.data + io->in.start);
}

size_t
io_len(struct io *io)
{
	return (io->in.len);
}

void
io_drain(struct io *io, size_t len)
{
	if (len > io->in.len)
		len = io->in.len;
	io->in.start += len;
	io->in.len -= len;
	if (io->in.len == 0 && io->in.size > 0) {
		free(io->in.data);
		memset(&io->in, 0, sizeof(io->in));
	}
	if (io->full && io->in.len < io->limit) {
		io->full = 0;
		watch(io);
		/* the rest of a record is no longer in the descriptor */
		if (io->tls != NULL)
			io_again(io);
	}
}

void
io_set_limit(struct io *io, size_t limit)
{
	io->limit = limit;
}

/* Behind what is there; grows by doubling. */
static int
append(struct buffer *b, const char *data, size_t len)
{
	char	*p;
	size_t	 size;

	if (b->start > 0 && b->start + b->len + len > b->size) {
		memmove(b->data, b->data + b->start, b->len);
		b->start = 0;
	}
	if (b->start + b->len + len > b->size) {
		size = b->size * 2;
		if (size < b->len + len)
			size = b->len + len;
		if (size < 512)
			size = 512;
		if ((p = realloc(b->data, size)) == NULL)
			return (-1);
		b->data = p;
		b->size = size;
	}
	memcpy(b->data + b->start + b->len, data, len);
	b->len += len;
	return (0);
}

/* From the descriptor: octets, 0 nothing now, -1 end or error (said). */
static ssize_t
take(struct io *io, char *to, size_t room)
{
	ssize_t	 n;
	int	 write_first;

	write_first = 0;
	if (io->tls != NULL)
		n = io_tls_read(io->tls, to, room, &write_first);
	else
		n = read(io->fd, to, room);
	if (n > 0)
		return (n);
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		if (write_first)
			event_add(&io->write, NULL);
		return (0);
	}
	if (n == -1) {
		fail(io, errno);
		return (-1);
	}
	/* It may still read: what is written to it goes out. */
	io->closed = 1;
	watch(io);
	tell(io, IO_CLOSED);
	return (-1);
}

/* An error is said once. */
static void
fail(struct io *io, int error)
{
	if (io->ended)
		return;
	io->ended = 1;
	io->error = error;
	if (io->tls != NULL && io_tls_error(io->tls) != NULL) {
		free(io->error_text);
		io->error_text = strdup(io_tls_error(io->tls));
		io->error = 0;
	}
	watch(io);
	event_del(&io->write);
	tell(io, IO_ERROR);
}

static void
handshake(struct io *io)
{
	int	 want_write;

	want_write = 0;
	switch (io_tls_handshake(io->tls, &want_write)) {
	case 1:
		tell(io, IO_SECURE);
		if (!io->dead && io->out.len > 0)
			loop_job_queue(&io->flush);
		break;
	case 0:
		if (want_write)
			event_add(&io->write, NULL);
		break;
	default:
		fail(io, 0);
	}
}

/*
 * One read into the shared buffer, lent to the callback; what it leaves is
 * kept in a buffer of the connection's own.
 */
static void
receive(struct io *io)
{
	size_t	 room, left;
	ssize_t	 n;
	char	*rest;

	room = io->limit > io->in.len ? io->limit - io->in.len : 0;
	if (room > sizeof(scratch))
		room = sizeof(scratch);
	if (room == 0) {
		io->full = 1;
		watch(io);
		return;
	}
	if ((n = take(io, scratch, room)) <= 0)
		return;
	touch(io);
	if (io->in.len > 0) {
		if (append(&io->in, scratch, n) == -1) {
			fail(io, ENOMEM);
			return;
		}
		tell(io, IO_DATA);
		return;
	}
	io->in.data = scratch;
	io->in.start = 0;
	io->in.len = n;
	io->in.size = 0;
	tell(io, IO_DATA);
	if (io->dead || io->in.size > 0 || io->in.data != scratch)
		return;
	rest = scratch + io->in.start;
	left = io->in.len;
	memset(&io->in, 0, sizeof(io->in));
	if (left > 0 && append(&io->in, rest, left) == -1)
		fail(io, ENOMEM);
}

static void
on_read(int fd, short event, void *arg)
{
	struct io	*io = arg;
	int		 more = 1, reads;

	io->busy++;
	if (io->tls != NULL && !io_tls_ready(io->tls)) {
		handshake(io);
		more = 0;
	}
	for (reads = 0; more && reads < READS_MAX; reads++) {
		receive(io);
		more = !io->dead && !io->paused && !io->ended &&
		    !io->closed && !io->full && io->tls != NULL &&
		    io_tls_buffered(io->tls);
	}
	/* what libtls has read already wakes nobody */
	if (more)
		io_again(io);
	io->busy--;
	(void)alive(io);
}

static void
connected(struct io *io)
{
	socklen_t	 len;
	int		 error;

	len = sizeof(error);
	error = 0;
	io->connecting = 0;
	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		fail(io, error);
		return;
	}
	watch(io);
	tell(io, IO_CONNECTED);
}

static void
on_write(int fd, short event, void *arg)
{
	struct io	*io = arg;

	io->busy++;
	if (io->connecting)
		connected(io);
	else if (io->tls != NULL && !io_tls_ready(io->tls))
		handshake(io);
	else
		flush(io);
	io->busy--;
	(void)alive(io);
}

static void
flush(void *arg)
{
	struct io	*io = arg;
	ssize_t		 n;

	if (io->ended || io->connecting ||
	    (io->tls != NULL && !io_tls_ready(io->tls)))
		return;
	while (io->out.len > 0) {
		if (io->tls != NULL)
			n = io_tls_write(io->tls,
			    io->out.data + io->out.start, io->out.len);
		else
			n = send(io->fd, io->out.data + io->out.start,
			    io->out.len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN) {
			event_add(&io->write, NULL);
			return;
		}
		if (n == -1) {
			io->busy++;
			fail(io, errno);
			io->busy--;
			(void)alive(io);
			return;
		}
		io->out.start += n;
		io->out.len -= n;
	}
	free(io->out.data);
	memset(&io->out, 0, sizeof(io->out));
	touch(io);
	if (io->shutdown) {
		if (io->tls != NULL)
			io_tls_close(io->tls);
		(void)shutdown(io->fd, SHUT_WR);
	}
	io->busy++;
	tell(io, IO_DRAINED);
	io->busy--;
	(void)alive(io);
}

int
io_write(struct io *io, const void *data, size_t len)
{
	if (io->ended)
		return (0);
	if (io->tap != NULL)
		io->tap(io->arg, data, len);
	if (append(&io->out, data, len) == -1)
		return (-1);
	loop_job_queue(&io->flush);
	return (0);
}

int
io_printf(struct io *io, const char *fmt, ...)
{
	va_list	 ap;
	char	 line[2048], *text;
	int	 len, r;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len < 0)
		return (-1);
	if ((size_t)len < sizeof(line))
		return (io_write(io, line, len));
	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len == -1)
		return (-1);
	r = io_write(io, text, len);
	free(text);
	return (r);
}

void
io_set_tap(struct io *io, io_tap *tap)
{
	io->tap = tap;
}

size_t
io_pending(const struct io *io)
{
	return (io->out.len);
}

void
io_shutdown(struct io *io)
{
	io->shutdown = 1;
	loop_job_queue(&io->flush);
}

/* What came in clear must not be taken for what came under TLS. */
static int
tls_begin(struct io *io, struct io_tls *tls)
{
	if (tls == NULL) {
		io->error = 0;
		free(io->error_text);
		io->error_text = strdup("TLS could not be started");
		return (-1);
	}
	io->tls = tls;
	io_drain(io, io->in.len);
	loop_job_cancel(&io->again);
	return (0);
}

/* Output that waits goes out in clear before the handshake begins. */
static int
clear_output(struct io *io)
{
	ssize_t	 n;

	while (io->out.len > 0) {
		n = send(io->fd, io->out.data + io->out.start, io->out.len,
		    MSG_NOSIGNAL);
		if (n == -1 && errno != EINTR)
			return (-1);
		if (n > 0) {
			io->out.start += n;
			io->out.len -= n;
		}
	}
	free(io->out.data);
	memset(&io->out, 0, sizeof(io->out));
	return (0);
}

int
io_tls_server(struct io *io, struct tls *server)
{
	if (clear_output(io) == -1)
		return (-1);
	return (tls_begin(io, io_tls_accept(server, io->fd)));
}

int
io_tls_client(struct io *io, struct tls_config *config, const char *name)
{
	if (clear_output(io) == -1 ||
	    tls_begin(io, io_tls_connect(config, io->fd, name)) == -1)
		return (-1);
	event_add(&io->write, NULL);
	return (0);
}

struct tls *
io_tls(const struct io *io)
{
	return (io->tls == NULL ? NULL : io_tls_context(io->tls));
}

const char *
io_tls_version(const struct io *io)
{
	return (io->tls == NULL ? NULL : io_tls_protocol(io->tls));
}

const char *
io_tls_cipher(const struct io *io)
{
	return (io->tls == NULL ? NULL : io_tls_cipher_name(io->tls));
}
