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
 * Addresses of both kinds: mail addresses (RFC 5321 4.1.2) and network
 * addresses as text.  Pure: no I/O, no resolver.
 */

#ifndef LIB_ADDRESS_H
#define LIB_ADDRESS_H

#include <sys/socket.h>
#include <stddef.h>

/* RFC 5321 4.5.3.1: local part 64, domain 255, path 256 (with <>). */
#define ADDRESS_MAX	320
#define DOMAIN_MAX	256

/*
 * Whether it is a "local@domain" whose domain has a form (quoted local parts
 * and address literals included; UTF-8 only where utf8 says so).
 */
int		 address_valid(const char *, int utf8);
/* The domain within address, after the last unquoted '@'; "" for none. */
const char	*address_domain(const char *);
/* Length of the local part. */
size_t		 address_local_len(const char *);
/* Same mailbox: local part exactly, domain without case. */
int		 address_same(const char *, const char *);

/*
 * The one form of a mail domain, into domain (DOMAIN_MAX): a lower case ASCII
 * name without the last dot, or an address literal.  0, or -1: it has none.
 */
int		 domain_canonical(const char *, char *domain);
/*
 * The same of "local@domain", into address (ADDRESS_MAX); the local part stays
 * as it is.  0, -1 for a local part that is none, -2 for a domain.
 */
int		 address_canonical(const char *, char *address);
/* Whether it is a host's name: letters, digits, hyphens (RFC 5321 4.1.2). */
int		 domain_valid(const char *);
/* "*.example.com" matches all below example.com; else equal without case. */
int		 domain_match(const char *pattern, const char *domain);

/* What one may write to mean addresses or domains, in bits. */
#define PATTERN_ADDRESS		0x01	/* bob@example.com */
#define PATTERN_AT		0x02	/* @example.com */
#define PATTERN_AT_BELOW	0x04	/* @*.example.com */
#define PATTERN_DOMAIN		0x08	/* example.com */
#define PATTERN_BELOW		0x10	/* *.example.com */
#define PATTERN_NULL		0x20	/* <> */
#define PATTERN_ANY		0x40	/* * */
/* Which of them it is, its one form in form (ADDRESS_MAX); 0: none. */
int		 pattern_canonical(const char *, char *form);

/* 0 and the address (port 0), or -1: only literals, "[v6]" and "IPv6:" too. */
int		 sockaddr_parse(const char *, struct sockaddr_storage *);
/* "192.0.2.1", "2001:db8::1"; a static buffer of a few, used in turn. */
const char	*sockaddr_text(const struct sockaddr *);
/* "192.0.2.1:25", "[2001:db8::1]:25". */
const char	*sockaddr_text_port(const struct sockaddr *);
/* RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
const char	*sockaddr_literal(const struct sockaddr *);
socklen_t	 sockaddr_len(const struct sockaddr *);
/* Same family and address; ports are not compared. */
int		 sockaddr_same(const struct sockaddr *,
		    const struct sockaddr *);
int		 sockaddr_loopback(const struct sockaddr *);
/* An IPv4 address in IPv6 form becomes plain; the port stays. */
void		 sockaddr_unmap(struct sockaddr *);
void		 sockaddr_set_port(struct sockaddr *, int port);
int		 sockaddr_port(const struct sockaddr *);

struct cidr {
	struct sockaddr_storage	 addr;
	int			 bits;
};

/* "192.0.2.0/24" or a bare address.  0 or -1. */
int		 cidr_parse(const char *, struct cidr *);
int		 cidr_match(const struct cidr *, const struct sockaddr *);

#endif
