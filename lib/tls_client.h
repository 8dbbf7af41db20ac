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
 * The client's side of libtls: how strictly a certificate is looked at, and
 * what the peer showed.  For the mta; the handshakes themselves are in
 * io_tls.c.  No file is opened here: the certificates of the authorities are
 * a text.
 */

#ifndef LIB_TLS_CLIENT_H
#define LIB_TLS_CLIENT_H

#include <stddef.h>

struct io;
struct tls_config;

/* TLS 1.2 and 1.3 with whoever it is.  NULL: no memory. */
struct tls_config *tls_client_any(void);
/*
 * Only with a certificate for the name asked for, by one of the authorities
 * (PEM, copied).  NULL: the text is none; *why is static.
 */
struct tls_config *tls_client_verify(const char *authorities,
		    const char **why);
void		 tls_client_free(struct tls_config *);

/* After the handshake. */
/* The certificates as the peer sent them, PEM; NULL: none.  io's. */
const char	*tls_client_chain(struct io *, size_t *len);
/* "TLSv1.3", static; NULL in clear. */
const char	*tls_client_version(struct io *);

#endif
