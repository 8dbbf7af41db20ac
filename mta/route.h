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
 * Destination to hosts.
 */

#ifndef MTA_ROUTE_H
#define MTA_ROUTE_H

#include <sys/socket.h>
#include <stdint.h>

#include "lib/loop.h"
#include "mta/binding.h"
#include "mta/dns.h"
#include "mta/mta.h"

struct dane;
struct resolve;
struct route;

struct route_host {
	uint16_t	 preference;
	uint16_t	 order;		/* among equals: random */
	struct sockaddr_storage addr;	/* with port */
	struct dane	*dane;		/* NULL: no TLSA records */
	char		 name[DOMAIN_MAX];
};

enum route_status {
	ROUTE_PENDING,
	ROUTE_OK,
	ROUTE_TEMPFAIL,
	ROUTE_PERMFAIL
};

struct route {
	enum route_status status;
	uint32_t	 expires;	/* loop_seconds() */
	char		 text[MTA_TEXT]; /* a failure's reply */
	size_t		 count;
	size_t		 size;		/* room for so many */
	struct route_host *hosts;	/* by preference, then order */
	/* while it is being found */
	int		 port;
	int		 relay;		/* the configuration says where to */
	uint32_t	 ttl;
	int		 failed;	/* an address question failed */
	int		 secure;	/* DNSSEC says who the hosts are */
	int		 families;
	int		 fresh;
	struct loop_timer grace;	/* for what is not answered yet */
	size_t		 open;		/* questions not answered */
	size_t		 names;
	struct route_name *name;
	char		*domain;
	struct resolve	*mx;
	struct loop_job	 job;
	void		(*done)(void *);
	void		*arg;
};

/* A mail exchanger while its addresses are asked for. */
struct route_name {
	struct route	*route;
	uint16_t	 preference;
	struct resolve	*query[FAMILIES];
	int		 insecure;	/* an address is not signed */
	struct resolve	*tlsa;
	char		 name[DOMAIN_MAX];
	char		 canonical[DOMAIN_MAX]; /* "": name itself */
};

/*
 * Find the hosts of a destination, or of relay (host or literal) where it is
 * not NULL.  families: bits of enum family that are of use; fresh: what is
 * remembered of its names does not count.  done is called later, once.
 */
struct route	*route_find(const char *destination, const char *relay,
		    int port, int families, int fresh, void (*done)(void *),
		    void *arg);
void		 route_free(struct route *);
/*
 * RFC 5321 5.1, RFC 7505, on the answer to MX: the names to try, sorted, in
 * names (count of them); ROUTE_OK, ROUTE_PERMFAIL with text.  is_own says
 * whether a name is this host's.  Pure.
 */
enum route_status route_select(const struct dns_answer *, const char *domain,
		    int (*is_own)(const char *), struct dns_record *names,
		    size_t *count, const char **text);
/*
 * Is it a host's?  Not what would lead back here, nor IPv4 written as
 * IPv6, whose source no binding would know for its own.  Pure.
 */
int		 route_address(const struct sockaddr *);
/* Does the list let this address through?  NULL: no list. */
int		 route_hop_allowed(const struct next_hops *,
		    const struct sockaddr *);

#endif
