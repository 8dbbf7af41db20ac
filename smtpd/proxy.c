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
 * PROXY protocol, version 2, binary form.  Called by session.c on listeners
 * that ask for it; does no I/O, allocates nothing.  Whoever reaches such a
 * listener can claim any address, so it belongs behind a proxy, and what
 * comes by it is never local.
 */

#include <netinet/in.h>

#include <stdint.h>
#include <string.h>

#include "smtpd/proxy.h"

enum {
	KIND_LOCAL = 0x20,	/* version 2: the proxy itself */
	KIND_PROXY = 0x21
};
enum {
	FAMILY_TCP4 = 0x11,
	FAMILY_TCP6 = 0x21
};

static const unsigned char	 signature[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a
};

/* Both addresses, then both ports; the client's come first. */
static int
take_inet(const unsigned char *p, size_t len, struct sockaddr_storage *client)
{
	struct sockaddr_in	*in = (struct sockaddr_in *)client;

	if (len < 12)
		return (-1);
	in->sin_family = AF_INET;
	memcpy(&in->sin_addr, p, 4);
	memcpy(&in->sin_port, p + 8, 2);
	return (1);
}

/*
 * A proxy that listens on one socket for both families has IPv4 mapped into
 * IPv6: rules and limits are to know it as what it is.
 */
static int
take_inet6(const unsigned char *p, size_t len,
    struct sockaddr_storage *client)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)client;
	struct sockaddr_in	*in = (struct sockaddr_in *)client;

	if (len < 36)
		return (-1);
	if (memcmp(p, mapped, sizeof(mapped)) == 0) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, p + 12, 4);
		memcpy(&in->sin_port, p + 32, 2);
		return (1);
	}
	in6->sin6_family = AF_INET6;
	memcpy(&in6->sin6_addr, p, 16);
	memcpy(&in6->sin6_port, p + 32, 2);
	return (1);
}

int
proxy_parse(const char *data, size_t len, size_t *need,
    struct sockaddr_storage *client)
{
	unsigned char	 head[PROXY_HEAD];
	const unsigned char *rest = (const unsigned char *)data + PROXY_HEAD;
	size_t		 known, size;

	memset(client, 0, sizeof(*client));
	*need = PROXY_HEAD;
	/* what is no header is told at its first wrong octet */
	known = len < sizeof(signature) ? len : sizeof(signature);
	if (memcmp(data, signature, known) != 0)
		return (-1);
	if (len < PROXY_HEAD)
		return (0);
	memcpy(head, data, sizeof(head));
	size = (size_t)head[14] << 8 | head[15];
	if ((head[12] != KIND_LOCAL && head[12] != KIND_PROXY) ||
	    PROXY_HEAD + size > PROXY_MAX)
		return (-1);
	*need = PROXY_HEAD + size;
	if (len < *need)
		return (0);
	if (head[12] == KIND_LOCAL)
		return (1);
	if (head[13] == FAMILY_TCP4)
		return (take_inet(rest, size, client));
	if (head[13] == FAMILY_TCP6)
		return (take_inet6(rest, size, client));
	/* no address that rules could look at: nobody is let in for it */
	return (-1);
}
