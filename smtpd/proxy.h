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
 * The head of a PROXY protocol connection, version 2: who the client of the
 * proxy in front of us is.  Pure.
 */

#ifndef SMTPD_PROXY_H
#define SMTPD_PROXY_H

#include <sys/socket.h>
#include <stddef.h>

#define PROXY_HEAD	16		/* signature, kind, length */
#define PROXY_MAX	4096		/* with addresses and what else */

/*
 * What has come of it, len octets.  1: it is whole, *client is the proxy's
 * client, or has ss_family 0 where the proxy speaks for itself.  0: it is
 * whole with *need octets, and no octet behind them is part of it.  -1: it is
 * none.
 */
int		 proxy_parse(const char *, size_t len, size_t *need,
		    struct sockaddr_storage *client);

#endif
