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
 * Sockets with a source address: the one place with socket, bind and connect
 * for TCP.  Nothing is ever connected that was not bound first, and the
 * address that the socket then has is compared with the wanted one; there is
 * no other path, and no option that binds an address which is not here.
 */

#include <netinet/in.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mta/binding.h"
#include "mta/source.h"

static int
socket_new(int family, int type)
{
	return (socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static int
bind_any_port(int fd, const struct sockaddr *src)
{
	struct sockaddr_storage	 ss;

	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, src, sockaddr_len(src));
	sockaddr_set_port((struct sockaddr *)&ss, 0);
	return (bind(fd, (struct sockaddr *)&ss, sockaddr_len(src)));
}

int
source_verify(int fd, const struct sockaddr *src)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);

	memset(&ss, 0, sizeof(ss));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return (-1);
	if (!sockaddr_same((struct sockaddr *)&ss, src)) {
		errno = EADDRNOTAVAIL;
		return (-1);
	}
	return (0);
}

static enum source_error
bind_error(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
		return (SOURCE_MISSING);
	case EADDRINUSE:
		return (SOURCE_PORTS);
	default:
		return (SOURCE_RESOURCE);
	}
}

static enum source_error
connect_error(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case EAGAIN:
		return (SOURCE_PORTS);
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EACCES:
	case EPERM:
	case EINVAL:
		return (SOURCE_ROUTE);
	case ENOBUFS:
	case ENOMEM:
		return (SOURCE_RESOURCE);
	default:
		return (SOURCE_REMOTE);
	}
}

static void
close_quietly(int fd)
{
	int	 saved = errno;

	close(fd);
	errno = saved;
}

static enum source_error
probe(const struct sockaddr *src, int with_port)
{
	enum source_error	 error = SOURCE_OK;
	int			 fd;

	if ((fd = socket_new(src->sa_family, SOCK_STREAM)) == -1)
		return (errno == EAFNOSUPPORT ? SOURCE_MISSING :
		    SOURCE_RESOURCE);
	if (!with_port)
		socket_defer_port(fd);
	if (bind_any_port(fd, src) == -1)
		error = bind_error(errno);
	close_quietly(fd);
	return (error);
}

enum source_error
source_probe(const struct sockaddr *src)
{
	return (probe(src, 0));
}

enum source_error
source_probe_port(const struct sockaddr *src)
{
	return (probe(src, 1));
}

enum source_error
source_route(const struct sockaddr *src, const struct sockaddr *dst,
    struct sockaddr_storage *local)
{
	enum source_error	 error = SOURCE_OK;
	socklen_t		 len = sizeof(*local);
	int			 fd;

	/* its source would be an IPv4 address */
	if (dst->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(
	    &((const struct sockaddr_in6 *)dst)->sin6_addr))
		return (SOURCE_ROUTE);
	if ((fd = socket_new(dst->sa_family, SOCK_DGRAM)) == -1)
		return (errno == EAFNOSUPPORT ? SOURCE_ROUTE :
		    SOURCE_RESOURCE);
	if (src != NULL && bind_any_port(fd, src) == -1)
		error = bind_error(errno);
	else if (connect(fd, dst, sockaddr_len(dst)) == -1)
		error = connect_error(errno);
	else if (local != NULL) {
		memset(local, 0, sizeof(*local));
		if (getsockname(fd, (struct sockaddr *)local, &len) == -1)
			error = SOURCE_RESOURCE;
		else
			sockaddr_set_port((struct sockaddr *)local, 0);
	}
	close_quietly(fd);
	return (error);
}

/* Bind to exactly local, look that it is so, and only then connect. */
static int
bound_connect(const struct sockaddr *local, const struct sockaddr *dst,
    enum source_error *error)
{
	int	 fd;

	if ((fd = socket_new(dst->sa_family, SOCK_STREAM)) == -1) {
		*error = SOURCE_RESOURCE;
		return (-1);
	}
	/* the port is chosen with the destination known, where that is so */
	socket_defer_port(fd);
	if (bind_any_port(fd, local) == -1 || source_verify(fd, local) == -1) {
		*error = bind_error(errno);
		close_quietly(fd);
		return (-1);
	}
	if (connect(fd, dst, sockaddr_len(dst)) == -1 &&
	    errno != EINPROGRESS) {
		*error = connect_error(errno);
		close_quietly(fd);
		return (-1);
	}
	return (fd);
}

int
source_connect(const struct binding *binding, const struct sockaddr *dst,
    struct sockaddr_storage *local, enum source_error *error)
{
	const struct binding_source	*source;
	const struct sockaddr	*src = NULL;
	int			 fd;

	source = binding_source(binding, dst->sa_family);
	if (source == NULL) {
		errno = EAFNOSUPPORT;
		*error = SOURCE_MISSING;
		return (-1);
	}
	if (source->addr.ss_family != 0)
		src = (const struct sockaddr *)&source->addr;
	if ((*error = source_route(src, dst, local)) != SOURCE_OK)
		return (-1);
	if (src == NULL &&
	    binding_owner(binding, (struct sockaddr *)local) != NULL) {
		*error = SOURCE_FOREIGN;
		return (-1);
	}
	if (src != NULL)
		memcpy(local, src, sockaddr_len(src));
	fd = bound_connect((struct sockaddr *)local, dst, error);
	if (fd != -1 && source_verify(fd, (struct sockaddr *)local) == -1) {
		*error = SOURCE_RESOURCE;
		close_quietly(fd);
		return (-1);
	}
	if (fd != -1)
		*error = SOURCE_OK;
	return (fd);
}
