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
 * A network connection: descriptor, optional TLS, buffers and one timeout.
 * All TLS calls of the program are in io.c and io_tls.c.
 *
 * What is written goes out at the end of the turn in one write.  A callback
 * may close its io; io_free is safe there, nothing touches it afterwards.
 */

#ifndef LIB_IO_H
#define LIB_IO_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

struct io;
struct tls;
struct tls_config;

enum io_event {
	IO_CONNECTED,		/* connect(2) succeeded */
	IO_DATA,		/* more in the input buffer */
	IO_DRAINED,		/* all output has gone to the kernel */
	IO_SECURE,		/* TLS handshake is done */
	IO_CLOSED,		/* the peer sends no more; it may still read */
	IO_ERROR,		/* io_error() says what */
	IO_TIMEOUT
};

typedef void	 io_callback(struct io *, enum io_event, void *);

/* fd is non-blocking and owned from now on. */
struct io	*io_new(int fd, io_callback *, void *arg);
/* Closes; output that has not gone is lost. */
void		 io_free(struct io *);
int		 io_fd(const struct io *);
const char	*io_error(const struct io *);

/*
 * fd's connect(2) is under way: IO_CONNECTED or IO_ERROR will come.
 */
void		 io_connecting(struct io *);

/* Idle seconds until IO_TIMEOUT; 0: none.  Data in or out starts it anew. */
void		 io_set_timeout(struct io *, uint32_t seconds);
/* A fixed one: data does not start it anew. */
void		 io_set_deadline(struct io *, uint32_t seconds);

/* Stop and go on reading from the descriptor (back-pressure). */
void		 io_pause(struct io *);
void		 io_resume(struct io *);
/* Call back with IO_DATA at the end of the turn if input is there. */
void		 io_again(struct io *);

/* Input: len octets at io_data(), until the next call that reads. */
const char	*io_data(struct io *);
size_t		 io_len(struct io *);
void		 io_drain(struct io *, size_t);
/* Read no more than this into the buffer (64 KiB). */
void		 io_set_limit(struct io *, size_t);

/* Output.  -1: no memory, the io is as good as closed. */
int		 io_write(struct io *, const void *, size_t);
int		 io_printf(struct io *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
/* Shown all that is written, before TLS; arg is io_new's.  NULL: no more. */
typedef void	 io_tap(void *arg, const char *, size_t);
void		 io_set_tap(struct io *, io_tap *);
/* Octets not yet with the kernel. */
size_t		 io_pending(const struct io *);
/* Half-close after the output has gone, then IO_DRAINED. */
void		 io_shutdown(struct io *);

/*
 * TLS over this connection.  Whatever lies in the input buffer is thrown
 * away (CVE-2011-0411).  IO_SECURE or IO_ERROR follows.  0, or -1.
 */
int		 io_tls_server(struct io *, struct tls *server);
int		 io_tls_client(struct io *, struct tls_config *,
		    const char *name);
struct tls	*io_tls(const struct io *);
/* "TLSv1.3", or NULL in clear. */
const char	*io_tls_version(const struct io *);
const char	*io_tls_cipher(const struct io *);

#endif
