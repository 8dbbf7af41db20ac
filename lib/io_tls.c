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
 * libtls for io.c: handshake, read, write.  The descriptor stays io.c's.
 */

#include <errno.h>
#include <stdlib.h>
#include <tls.h>

#include "lib/io_tls.h"

struct io_tls {
	struct tls	*context;
	int		 ready;
	int		 buffered;
	int		 failed;
	int		 closed;
};

struct io_tls *
io_tls_accept(struct tls *server, int fd)
{
	struct io_tls	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if (tls_accept_socket(server, &t->context, fd) == -1) {
		free(t);
		return (NULL);
	}
	return (t);
}

struct io_tls *
io_tls_connect(struct tls_config *config, int fd, const char *name)
{
	struct io_tls	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->context = tls_client()) == NULL ||
	    tls_configure(t->context, config) == -1 ||
	    tls_connect_socket(t->context, fd, name) == -1) {
		io_tls_free(t);
		return (NULL);
	}
	return (t);
}

/* No blocking farewell: the peer may be gone. */
void
io_tls_close(struct io_tls *t)
{
	if (!t->ready || t->failed || t->closed)
		return;
	t->closed = 1;
	(void)tls_close(t->context);
}

void
io_tls_free(struct io_tls *t)
{
	if (t == NULL)
		return;
	io_tls_close(t);
	tls_free(t->context);
	free(t);
}

int
io_tls_handshake(struct io_tls *t, int *want_write)
{
	switch (tls_handshake(t->context)) {
	case 0:
		t->ready = 1;
		return (1);
	case TLS_WANT_POLLIN:
		return (0);
	case TLS_WANT_POLLOUT:
		*want_write = 1;
		return (0);
	default:
		t->failed = 1;
		return (-1);
	}
}

int
io_tls_ready(const struct io_tls *t)
{
	return (t->ready);
}

ssize_t
io_tls_read(struct io_tls *t, void *buf, size_t len, int *want_write)
{
	ssize_t	 n;

	t->buffered = 0;
	n = tls_read(t->context, buf, len);
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT) {
		*want_write = n == TLS_WANT_POLLOUT;
		errno = EAGAIN;
		return (-1);
	}
	if (n == -1) {
		t->failed = 1;
		errno = EIO;
		return (-1);
	}
	/* A record is 16 KiB at most: read on until it wants to wait. */
	t->buffered = n > 0;
	return (n);
}

ssize_t
io_tls_write(struct io_tls *t, const void *buf, size_t len)
{
	ssize_t	 n;

	n = tls_write(t->context, buf, len);
	if (n == TLS_WANT_POLLIN || n == TLS_WANT_POLLOUT) {
		errno = EAGAIN;
		return (-1);
	}
	if (n == -1) {
		t->failed = 1;
		errno = EIO;
	}
	return (n);
}

int
io_tls_buffered(const struct io_tls *t)
{
	return (t->buffered);
}

const char *
io_tls_error(struct io_tls *t)
{
	return (t->failed ? tls_error(t->context) : NULL);
}

struct tls *
io_tls_context(struct io_tls *t)
{
	return (t->context);
}

const char *
io_tls_protocol(struct io_tls *t)
{
	return (t->ready ? tls_conn_version(t->context) : NULL);
}

const char *
io_tls_cipher_name(struct io_tls *t)
{
	return (t->ready ? tls_conn_cipher(t->context) : NULL);
}
