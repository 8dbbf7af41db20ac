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
 * Certificates and keys of a listener as a libtls server context.  The parent
 * asks whether a pair is sound, smtpd makes the contexts; both have the texts
 * already: no file is opened here.
 */

#ifndef LIB_TLS_SERVER_H
#define LIB_TLS_SERVER_H

#include <stddef.h>

struct tls;

/* PEM texts, borrowed. */
struct tls_pair {
	const char	*cert;		/* with its chain */
	const char	*key;
};

/*
 * TLS 1.2 and 1.3.  The client's SNI picks the pair whose certificate has
 * that name; the first is for all others.  It must outlive its connections.
 * NULL and why, in a static buffer.
 */
struct tls	*tls_server_new(const struct tls_pair *, size_t,
		    const char **why);
void		 tls_server_free(struct tls *);

#endif
