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
 * The TLS half of a connection, for io.c alone: thin calls of libtls.
 */

#ifndef LIB_IO_TLS_H
#define LIB_IO_TLS_H

#include <sys/types.h>

struct io_tls;
struct tls;
struct tls_config;

/* NULL: libtls would not. */
struct io_tls	*io_tls_accept(struct tls *server, int fd);
struct io_tls	*io_tls_connect(struct tls_config *, int fd,
		    const char *name);
void		 io_tls_free(struct io_tls *);
/* Tell the peer that nothing more comes; reading goes on. */
void		 io_tls_close(struct io_tls *);
/* 1 done, 0 wants to read (or write), -1 failed. */
int		 io_tls_handshake(struct io_tls *, int *want_write);
int		 io_tls_ready(const struct io_tls *);
/* As read(2) and write(2); errno EAGAIN to wait. */
ssize_t		 io_tls_read(struct io_tls *, void *, size_t, int *want_write);
ssize_t		 io_tls_write(struct io_tls *, const void *, size_t);
/* The last read filled its room: more may lie in the library. */
int		 io_tls_buffered(const struct io_tls *);
const char	*io_tls_error(struct io_tls *);
struct tls	*io_tls_context(struct io_tls *);
const char	*io_tls_protocol(struct io_tls *);
const char	*io_tls_cipher_name(struct io_tls *);

#endif
