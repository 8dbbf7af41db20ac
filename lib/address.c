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
 * Mail addresses and network addresses.  Everybody calls it: smtpd on what
 * peers wrote, the configuration on what administrators wrote.  It must never
 * read past a NUL, block, or ask a resolver.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/address.h"

#define LOCAL_MAX	64		/* RFC 5321 4.5.3.1.1 */

#define TEXTS		8		/* static results, used in turn */
#define TEXT_SIZE	64

static char	*next_text(void);
static size_t	 utf8_len(const char *, const char *);
static int	 local_valid(const char *, const char *, int);
static int	 dot_string_valid(const char *, const char *, int);
static int	 quoted_valid(const char *, const char *, int);
static const char *at_sign(const char *);

/*
 * Length of the UTF-8 sequence at s, which ends before end; 0: none that an
 * address may hold.  Neither
 * overlong forms nor surrogates are sequences (RFC 3629 4).
 */
static size_t
utf8_len(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t i, len;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return (0);
	if ((size_t)(end - s) < len)
		return (0);

	/* C1 controls are UTF-8, but of no address */
	if (p[0] == 0xe0 || p[0] == 0xc2)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return (0);
	for (i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	return (len);
}

/* RFC 5321 4.1.2 Dot-string; RFC 6531 3.3 adds UTF-8 to atext. */
static int
dot_string_valid(const char *s, const char *end, int utf8)
{
	const char *start = s;
	size_t len;

	while (s < end) {
		if (*s == '.') {
			/* neither first nor last nor twice */
			if (s == start || s + 1 == end || s[1] == '.')
				return (-1);
			s++;
		} else if ((unsigned char)*s >= 0x80) {
			if (!utf8 || (len = utf8_len(s, end)) == 0)
				return (-1);
			s += len;
		} else if (isalnum((unsigned char)*s) ||
		    strchr("!#$%&'*+-/=?^_`{|}~", *s) != NULL)
			s++;
		else
			return (-1);
	}
	return (s == start ? -1 : 0);
}

/* RFC 5321 4.1.2 Quoted-string, both quotes included in s to end. */
static int
quoted_valid(const char *s, const char *end, int utf8)
{
	size_t len;

	if (end - s < 2 || end[-1] != '"')
		return (-1);
	for (s++, end--; s < end; s++) {
		if (*s == '\\') {
			/* a pair needs its second half inside the quotes */
			if (++s == end)
				return (-1);
		} else if (*s == '"')
			return (-1);
		if ((unsigned char)*s >= 0x80) {
			if (!utf8 || (len = utf8_len(s, end)) == 0)
				return (-1);
			s += len - 1;
		} else if (*s < ' ' || *s == 0x7f)
			return (-1);
	}
	return (0);
}

static int
local_valid(const char *s, const char *end, int utf8)
{
	if (end - s < 1 || end - s > LOCAL_MAX)
		return (-1);
	if (*s == '"')
		return (quoted_valid(s, end, utf8));
	return (dot_string_valid(s, end, utf8));
}

/* The '@' after the local part, or NULL. */
static const char *
at_sign(const char *s)
{
	if (*s == '"') {
		for (s++; *s != '\0' && *s != '"'; s++)
			if (*s == '\\' && s[1] != '\0')
				s++;
		if (*s == '\0')
			return (NULL);
	}
	return (strrchr(s, '@'));
}

int
address_canonical(const char *s, char *address)
{
	char domain[DOMAIN_MAX];
	const char *at;

	if (strlen(s) >= ADDRESS_MAX || (at = at_sign(s)) == NULL ||
	    local_valid(s, at, 1) == -1)
		return (-1);
	if (domain_canonical(at + 1, domain) == -1)
		return (-2);
	snprintf(address, ADDRESS_MAX, "%.*s@%s", (int)(at - s), s, domain);
	return (0);
}

int
address_valid(const char *s, int utf8)
{
	char address[ADDRESS_MAX];
	const char *p;

	for (p = s; !utf8 && *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			return (0);
	return (address_canonical(s, address) == 0);
}

const char *
address_domain(const char *s)
{
	const char *at;

	if ((at = at_sign(s)) == NULL)
		return ("");
	return (at + 1);
}

size_t
address_local_len(const char *s)
{
	const char *at;

	if ((at = at_sign(s)) == NULL)
		return (strlen(s));
	return (at - s);
}

int
address_same(const char *a, const char *b)
{
	size_t len = address_local_len(a);

	if (len != address_local_len(b) || memcmp(a, b, len) != 0)
		return (0);
	return (strcasecmp(address_domain(a), address_domain(b)) == 0);
}

static char *
next_text(void)
{
	static char texts[TEXTS][TEXT_SIZE];
	static unsigned int turn;

	return (texts[turn++ % TEXTS]);
}

int
sockaddr_parse(const char *s, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	char text[INET6_ADDRSTRLEN + sizeof("[IPv6:]")];
	const char *p = text;
	size_t len;

	memset(ss, 0, sizeof(*ss));
	if ((len = strlcpy(text, s, sizeof(text))) >= sizeof(text))
		return (-1);
	if (text[0] == '[') {
		if (len < 2 || text[len - 1] != ']')
			return (-1);
		text[len - 1] = '\0';
		p++;
	}
	if (strncasecmp(p, "IPv6:", 5) == 0)
		p += 5;
	else if (inet_pton(AF_INET, p, &in->sin_addr) == 1) {
		ss->ss_family = AF_INET;
		return (0);
	}
	if (inet_pton(AF_INET6, p, &in6->sin6_addr) != 1)
		return (-1);
	ss->ss_family = AF_INET6;
	return (0);
}

const char *
sockaddr_text(const struct sockaddr *sa)
{
	const void *addr;
	char *text = next_text();

	if (sa->sa_family == AF_INET)
		addr = &((const struct sockaddr_in *)sa)->sin_addr;
	else if (sa->sa_family == AF_INET6)
		addr = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	else
		return ("");
	if (inet_ntop(sa->sa_family, addr, text, TEXT_SIZE) == NULL)
		return ("");
	return (text);
}

const char *
sockaddr_text_port(const struct sockaddr *sa)
{
	char *text = next_text();
	const char *fmt;

	fmt = sa->sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d";
	snprintf(text, TEXT_SIZE, fmt, sockaddr_text(sa), sockaddr_port(sa));
	return (text);
}

const char *
sockaddr_literal(const struct sockaddr *sa)
{
	char *text = next_text();
	const char *fmt;

	fmt = sa->sa_family == AF_INET6 ? "[IPv6:%s]" : "[%s]";
	snprintf(text, TEXT_SIZE, fmt, sockaddr_text(sa));
	return (text);
}

socklen_t
sockaddr_len(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return (sizeof(struct sockaddr_in));
	if (sa->sa_family == AF_INET6)
		return (sizeof(struct sockaddr_in6));
	return (0);
}

int
sockaddr_same(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4, *b4;
	const struct sockaddr_in6 *a6, *b6;

	if (a->sa_family != b->sa_family)
		return (0);
	if (a->sa_family == AF_INET) {
		a4 = (const struct sockaddr_in *)a;
		b4 = (const struct sockaddr_in *)b;
		return (a4->sin_addr.s_addr == b4->sin_addr.s_addr);
	}
	if (a->sa_family != AF_INET6)
		return (0);
	a6 = (const struct sockaddr_in6 *)a;
	b6 = (const struct sockaddr_in6 *)b;
	return (memcmp(&a6->sin6_addr, &b6->sin6_addr,
	    sizeof(a6->sin6_addr)) == 0);
}

int
sockaddr_loopback(const struct sockaddr *sa)
{
	const struct in6_addr *in6;

	if (sa->sa_family == AF_INET)
		return (ntohl(((const struct sockaddr_in *)sa)->
		    sin_addr.s_addr) >> 24 == IN_LOOPBACKNET);
	if (sa->sa_family != AF_INET6)
		return (0);
	in6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(in6))
		return (in6->s6_addr[12] == IN_LOOPBACKNET);
	return (IN6_IS_ADDR_LOOPBACK(in6));
}

void
sockaddr_unmap(struct sockaddr *sa)
{
	const struct in6_addr *in6;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (sa->sa_family != AF_INET6)
		return;
	in6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(in6))
		return;
	memcpy(&in.sin_addr, in6->s6_addr + 12, sizeof(in.sin_addr));
	in.sin_port = ((const struct sockaddr_in6 *)sa)->sin6_port;
	memcpy(sa, &in, sizeof(in));
}

void
sockaddr_set_port(struct sockaddr *sa, int port)
{
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)sa)->sin_port = htons(port);
	else if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
}

int
sockaddr_port(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return (ntohs(((const struct sockaddr_in *)sa)->sin_port));
	if (sa->sa_family == AF_INET6)
		return (ntohs(((const struct sockaddr_in6 *)sa)->sin6_port));
	return (0);
}

int
cidr_parse(const char *s, struct cidr *cidr)
{
	char text[TEXT_SIZE];
	const char *error;
	char *slash;
	int max;

	if (strlcpy(text, s, sizeof(text)) >= sizeof(text))
		return (-1);
	if ((slash = strchr(text, '/')) != NULL)
		*slash++ = '\0';
	if (sockaddr_parse(text, &cidr->addr) == -1)
		return (-1);
	max = cidr->addr.ss_family == AF_INET ? 32 : 128;
	cidr->bits = max;
	if (slash != NULL) {
		/* strtonum takes blanks and signs, a network has none */
		if (!isdigit((unsigned char)*slash))
			return (-1);
		cidr->bits = strtonum(slash, 0, max, &error);
		if (error != NULL)
			return (-1);
	}
	/* a client that comes by IPv4 is never seen as a mapped one */
	if (max == 128 && cidr->bits >= 96) {
		sockaddr_unmap((struct sockaddr *)&cidr->addr);
		if (cidr->addr.ss_family == AF_INET)
			cidr->bits -= 96;
	}
	return (0);
}

int
cidr_match(const struct cidr *cidr, const struct sockaddr *sa)
{
	const uint8_t *net, *addr;
	int bytes = cidr->bits / 8, bits = cidr->bits % 8;

	if (sa->sa_family != cidr->addr.ss_family)
		return (0);
	if (sa->sa_family == AF_INET) {
		net = (const uint8_t *)&((const struct sockaddr_in *)
		    &cidr->addr)->sin_addr;
		addr = (const uint8_t *)&((const struct sockaddr_in *)
		    sa)->sin_addr;
	} else if (sa->sa_family == AF_INET6) {
		net = (const uint8_t *)&((const struct sockaddr_in6 *)
		    &cidr->addr)->sin6_addr;
		addr = (const uint8_t *)&((const struct sockaddr_in6 *)
		    sa)->sin6_addr;
	} else
		return (0);
	if (memcmp(net, addr, bytes) != 0)
		return (0);
	return (bits == 0 || (net[bytes] ^ addr[bytes]) >> (8 - bits) == 0);
}
