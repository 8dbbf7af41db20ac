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
 * Messages of RFC 1035.  Pure.
 */

#ifndef MTA_DNS_H
#define MTA_DNS_H

#include <sys/types.h>
#include <sys/socket.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/address.h"

#define DNS_A		1
#define DNS_CNAME	5
#define DNS_SOA		6
#define DNS_PTR		12
#define DNS_MX		15
#define DNS_AAAA	28
#define DNS_OPT		41
#define DNS_TLSA	52

#define DNS_MAX_RECORDS	128
#define DNS_CHAIN	8		/* CNAMEs followed in one answer */

struct dns_record {
	uint16_t	 type;
	uint16_t	 preference;	/* MX */
	struct sockaddr_storage addr;	/* A, AAAA */
	char		 name[DOMAIN_MAX]; /* MX, PTR: lower case; "" is "." */
	uint8_t		*data;		/* TLSA: as it came */
	size_t		 len;
};

enum dns_status {
	DNS_OK,
	DNS_NONE,			/* the name has no such record */
	DNS_NXDOMAIN,
	DNS_FAILED			/* asked in vain: try again */
};

struct dns_answer {
	enum dns_status	 status;
	int		 authentic;	/* AD */
	uint32_t	 ttl;		/* least of all, or negative's */
	char		 canonical[DOMAIN_MAX]; /* behind aliases; "": none */
	size_t		 count;
	struct dns_record *records;
};

/* A question with EDNS and AD set.  Octets, or -1. */
ssize_t		 dns_query(uint8_t *, size_t, uint16_t id, const char *name,
		    uint16_t type);
/*
 * The answer for (name, type), CNAMEs followed; 0, or -1 for a message that
 * is none.  records are allocated, dns_clear frees them.
 */
int		 dns_parse(const uint8_t *, size_t, const char *name,
		    uint16_t type, struct dns_answer *);
void		 dns_clear(struct dns_answer *);
/* The name that PTR records of an address are at; -1: of another family. */
int		 dns_reverse(const struct sockaddr *, char *, size_t);

#endif
