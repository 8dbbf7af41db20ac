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
 * The one place with socket, bind and connect for TCP.
 */

#ifndef MTA_SOURCE_H
#define MTA_SOURCE_H

#include <sys/socket.h>

struct binding;

enum source_error {
	SOURCE_OK,
	SOURCE_MISSING,			/* the address is not on this host */
	SOURCE_PORTS,			/* no port left */
	SOURCE_ROUTE,			/* no route from there */
	SOURCE_FOREIGN,			/* "any" gave another's address */
	SOURCE_RESOURCE,		/* descriptors, memory */
	SOURCE_REMOTE			/* refused at once */
};

/*
 * A socket bound to source and on its way to dst; *local is the address that
 * it has.  -1 with *error, and errno.
 */
int		 source_connect(const struct binding *,
		    const struct sockaddr *dst, struct sockaddr_storage *local,
		    enum source_error *);
/* Is the address here?  SOURCE_OK, _MISSING or _RESOURCE; _PORTS at worst. */
enum source_error source_probe(const struct sockaddr *);
/* And is there a port that nothing else uses? */
enum source_error source_probe_port(const struct sockaddr *);
/* Is there a route?  src NULL: any.  *local where not NULL. */
enum source_error source_route(const struct sockaddr *src,
		    const struct sockaddr *dst,
		    struct sockaddr_storage *local);
/* 0 when the socket has this address; -1. */
int		 source_verify(int fd, const struct sockaddr *);

#endif
