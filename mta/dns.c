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
 * DNS messages (RFC 1035): build a question, take an answer apart.  Called by
 * resolve.c with whatever the network sent; never reads past the message,
 * never follows a pointer forward, never trusts a count.  Pure.
 */

#include <netinet/in.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mta/dns.h"

#define DNS_HEAD	12
#define DNS_LABEL	63
#define DNS_IN		1
#define DNS_UDP_SIZE	1232		/* never fragments */
#define DNS_POINTERS	64		/* in one name */
#define DNS_NEGATIVE	60		/* seconds, where no SOA says it */

#define FLAG_ANSWER	0x80		/* QR, in octet 2 */
#define FLAG_CUT	0x02		/* TC, in octet 2 */
#define FLAG_RECURSE	0x01		/* RD, in octet 2 */
#define FLAG_AUTHENTIC	0x20		/* AD, in octet 3 */

struct cursor {
	const uint8_t	*data;
	size_t		 len;
	size_t		 at;
};

struct head {
	uint16_t	 type;
	uint16_t	 class;
	uint32_t	 ttl;
	size_t		 data;		/* offset of RDATA */
	size_t		 len;
	char		 owner[DOMAIN_MAX];
};

static int
get_u16(struct cursor *c, uint16_t *v)
{
	if (c->len - c->at < 2)
		return (-1);
	*v = (uint16_t)(c->data[c->at] << 8 | c->data[c->at + 1]);
	c->at += 2;
	return (0);
}

static int
get_u32(struct cursor *c, uint32_t *v)
{
	uint16_t	 high, low;

	if (get_u16(c, &high) == -1 || get_u16(c, &low) == -1)
		return (-1);
	*v = (uint32_t)high << 16 | low;
	return (0);
}

/* One label into name; octets that a host name cannot hold become '?'. */
static int
put_label(char *name, size_t *used, const uint8_t *label, size_t len)
{
	size_t	 i;

	if (*used + len + 2 > DOMAIN_MAX)
		return (-1);
	if (*used > 0)
		name[(*used)++] = '.';
	for (i = 0; i < len; i++) {
		if (isalnum(label[i]) || label[i] == '-' || label[i] == '_')
			name[*used] = (char)tolower(label[i]);
		else
			name[*used] = '?';
		(*used)++;
	}
	name[*used] = '\0';
	return (0);
}

/*
 * A name, decompressed, in lower case and without the last dot.  A pointer
 * must point back, and there are at most DNS_POINTERS of them.
 */
static int
get_name(struct cursor *c, char *name)
{
	size_t	 at = c->at, used = 0, len, target;
	int	 pointers = 0;

	name[0] = '\0';
	for (;;) {
		if (at >= c->len)
			return (-1);
		len = c->data[at];
		if ((len & 0xc0) == 0xc0) {
			if (at + 1 >= c->len)
				return (-1);
			target = (len & 0x3f) << 8 | c->data[at + 1];
			if (pointers == 0)
				c->at = at + 2;
			if (target >= at || ++pointers > DNS_POINTERS)
				return (-1);
			at = target;
			continue;
		}
		if (len > DNS_LABEL || at + 1 + len > c->len)
			return (-1);
		if (len == 0)
			break;
		if (put_label(name, &used, c->data + at + 1, len) == -1)
			return (-1);
		at += 1 + len;
	}
	if (pointers == 0)
		c->at = at + 1;
	return (0);
}

static int
get_head(struct cursor *c, struct head *h)
{
	uint16_t	 len;

	if (get_name(c, h->owner) == -1 || get_u16(c, &h->type) == -1 ||
	    get_u16(c, &h->class) == -1 || get_u32(c, &h->ttl) == -1 ||
	    get_u16(c, &len) == -1)
		return (-1);
	if (c->len - c->at < len)
		return (-1);
	if (h->ttl > INT32_MAX)
		h->ttl = 0;		/* RFC 2181 8 */
	h->data = c->at;
	h->len = len;
	c->at += len;
	return (0);
}

ssize_t
dns_query(uint8_t *buf, size_t size, uint16_t id, const char *name,
    uint16_t type)
{
	static const uint8_t	 opt[] = { 0, 0, DNS_OPT,
	    DNS_UDP_SIZE >> 8, DNS_UDP_SIZE & 0xff, 0, 0, 0, 0, 0, 0 };
	size_t			 n = DNS_HEAD, len;

	if (size < DNS_HEAD + DOMAIN_MAX + 1 + 4 + sizeof(opt))
		return (-1);
	memset(buf, 0, DNS_HEAD);
	buf[0] = (uint8_t)(id >> 8);
	buf[1] = (uint8_t)id;
	buf[2] = FLAG_RECURSE;
	buf[3] = FLAG_AUTHENTIC;
	buf[5] = 1;			/* one question */
	buf[11] = 1;			/* one additional: OPT */
	while (*name != '\0') {
		len = strcspn(name, ".");
		if (len == 0 || len > DNS_LABEL ||
		    n + 1 + len > DNS_HEAD + DOMAIN_MAX - 1)
			return (-1);
		buf[n++] = (uint8_t)len;
		memcpy(buf + n, name, len);
		n += len;
		name += len;
		if (*name == '.')
			name++;
	}
	buf[n++] = 0;
	buf[n++] = (uint8_t)(type >> 8);
	buf[n++] = (uint8_t)type;
	buf[n++] = 0;
	buf[n++] = DNS_IN;
	memcpy(buf + n, opt, sizeof(opt));
	return ((ssize_t)(n + sizeof(opt)));
}

static int
get_record(const struct cursor *message, const struct head *h,
    struct dns_record *r)
{
	struct sockaddr_in	*in4 = (struct sockaddr_in *)&r->addr;
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)&r->addr;
	struct cursor		 c = *message;

	memset(r, 0, sizeof(*r));
	r->type = h->type;
	c.at = h->data;
	c.len = h->data + h->len;
	switch (h->type) {
	case DNS_A:
		if (h->len != sizeof(in4->sin_addr))
			return (-1);
		in4->sin_family = AF_INET;
		memcpy(&in4->sin_addr, c.data + c.at, h->len);
		return (0);
	case DNS_AAAA:
		if (h->len != sizeof(in6->sin6_addr))
			return (-1);
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, c.data + c.at, h->len);
		return (0);
	case DNS_MX:
		if (get_u16(&c, &r->preference) == -1)
			return (-1);
		return (get_name(&c, r->name));
	case DNS_PTR:
		return (get_name(&c, r->name));
	case DNS_TLSA:
		if (h->len == 0 || (r->data = malloc(h->len)) == NULL)
			return (-1);
		memcpy(r->data, c.data + c.at, h->len);
		r->len = h->len;
		return (0);
	default:
		return (-1);
	}
}

/* The name that owner is an alias of, by the records at *c on. */
static int
follow_alias(const struct cursor *answers, unsigned int count, char *owner,
    uint32_t *ttl)
{
	struct cursor	 c = *answers;
	struct cursor	 data;
	struct head	 h;

	while (count-- > 0) {
		if (get_head(&c, &h) == -1)
			return (-1);
		if (h.type != DNS_CNAME || h.class != DNS_IN ||
		    strcasecmp(h.owner, owner) != 0)
			continue;
		data = *answers;
		data.at = h.data;
		data.len = h.data + h.len;
		if (get_name(&data, owner) == -1)
			return (-1);
		if (h.ttl < *ttl)
			*ttl = h.ttl;
		return (1);
	}
	return (0);
}

/* All records of the type at owner. */
static int
collect(const struct cursor *answers, unsigned int count, const char *owner,
    uint16_t type, struct dns_answer *a)
{
	struct cursor		 c = *answers;
	struct head		 h;

	while (count-- > 0 && a->count < DNS_MAX_RECORDS) {
		if (get_head(&c, &h) == -1)
			return (-1);
		if (h.type != type || h.class != DNS_IN ||
		    strcasecmp(h.owner, owner) != 0)
			continue;
		if (get_record(answers, &h, &a->records[a->count]) == -1)
			continue;
		a->count++;
		if (h.ttl < a->ttl)
			a->ttl = h.ttl;
	}
	return (0);
}

/* RFC 2308 5: the lesser of the SOA's own TTL and its last field. */
static uint32_t
negative_ttl(const struct cursor *authority, unsigned int count)
{
	struct cursor	 c = *authority;
	struct cursor	 data;
	struct head	 h;
	uint32_t	 minimum;

	while (count-- > 0 && get_head(&c, &h) == 0) {
		if (h.type != DNS_SOA || h.len < 4)
			continue;
		data = *authority;
		data.at = h.data + h.len - 4;
		if (get_u32(&data, &minimum) == -1)
			break;
		return (minimum < h.ttl ? minimum : h.ttl);
	}
	return (DNS_NEGATIVE);
}

/* The question must be ours; then *c stands at the first answer. */
static int
check_question(struct cursor *c, const char *name, uint16_t type)
{
	char		 owner[DOMAIN_MAX];
	uint16_t	 questions, qtype, class;
	size_t		 len = strlen(name);

	c->at = 4;
	if (get_u16(c, &questions) == -1 || questions != 1)
		return (-1);
	c->at = DNS_HEAD;
	if (get_name(c, owner) == -1 || get_u16(c, &qtype) == -1 ||
	    get_u16(c, &class) == -1)
		return (-1);
	if (len > 0 && name[len - 1] == '.')
		len--;
	if (strlen(owner) != len || strncasecmp(owner, name, len) != 0)
		return (-1);
	return (qtype == type && class == DNS_IN ? 0 : -1);
}

/* The records for owner at the end of its aliases, into a. */
static int
parse_answers(struct cursor *c, unsigned int count, const char *name,
    uint16_t type, struct dns_answer *a)
{
	char	 owner[DOMAIN_MAX];
	size_t	 len;
	int	 i, more = 1;

	len = strlcpy(owner, name, sizeof(owner));
	if (len >= sizeof(owner))
		return (-1);
	if (len > 0 && owner[len - 1] == '.')
		owner[len - 1] = '\0';
	if ((a->records = calloc(count < DNS_MAX_RECORDS ? count + 1 :
	    DNS_MAX_RECORDS, sizeof(*a->records))) == NULL)
		return (-1);
	for (i = 0; more && i < DNS_CHAIN; i++) {
		if (collect(c, count, owner, type, a) == -1)
			return (-1);
		if (a->count > 0) {
			if (i > 0)
				strlcpy(a->canonical, owner,
				    sizeof(a->canonical));
			return (0);
		}
		if ((more = follow_alias(c, count, owner, &a->ttl)) == -1)
			return (-1);
	}
	/* a chain without an end is as good as a server that fails */
	return (more ? -1 : 0);
}

int
dns_parse(const uint8_t *data, size_t len, const char *name, uint16_t type,
    struct dns_answer *a)
{
	struct cursor	 c = { data, len, 6 };
	struct head	 h;
	uint16_t	 answers, authorities;
	unsigned int	 i;

	memset(a, 0, sizeof(*a));
	a->status = DNS_FAILED;
	a->ttl = UINT32_MAX;
	/* what is not there could be what was asked for */
	if (len < DNS_HEAD || !(data[2] & FLAG_ANSWER) ||
	    data[2] & FLAG_CUT)
		return (-1);
	if (get_u16(&c, &answers) == -1 || get_u16(&c, &authorities) == -1 ||
	    check_question(&c, name, type) == -1)
		return (-1);
	a->authentic = (data[3] & FLAG_AUTHENTIC) != 0;
	switch (data[3] & 0x0f) {
	case 0:
		a->status = DNS_NONE;
		break;
	case 3:
		a->status = DNS_NXDOMAIN;
		break;
	default:
		return (0);
	}
	if (parse_answers(&c, answers, name, type, a) == -1) {
		dns_clear(a);
		a->status = DNS_FAILED;
		return (-1);
	}
	if (a->count > 0) {
		a->status = DNS_OK;
		return (0);
	}
	for (i = 0; i < answers; i++)
		if (get_head(&c, &h) == -1)
			return (0);
	a->ttl = negative_ttl(&c, authorities);
	return (0);
}

void
dns_clear(struct dns_answer *a)
{
	size_t	 i;

	for (i = 0; i < a->count; i++)
		free(a->records[i].data);
	free(a->records);
	a->records = NULL;
	a->count = 0;
}

/* RFC 1035 3.5 and RFC 3596 2.5: the last octet, or half of it, first. */
int
dns_reverse(const struct sockaddr *sa, char *name, size_t size)
{
	const struct sockaddr_in6	*in6;
	const struct sockaddr_in	*in4;
	const uint8_t			*octet;
	size_t				 used = 0;
	int				 i, n;

	if (sa->sa_family == AF_INET) {
		in4 = (const struct sockaddr_in *)sa;
		octet = (const uint8_t *)&in4->sin_addr;
		n = snprintf(name, size, "%u.%u.%u.%u.in-addr.arpa",
		    octet[3], octet[2], octet[1], octet[0]);
		return (n < 0 || (size_t)n >= size ? -1 : 0);
	}
	if (sa->sa_family != AF_INET6)
		return (-1);
	in6 = (const struct sockaddr_in6 *)sa;
	octet = in6->sin6_addr.s6_addr;
	for (i = 15; i >= 0; i--, used += 4) {
		n = snprintf(name + used, size - used, "%x.%x.",
		    octet[i] & 0xfU, octet[i] >> 4);
		if (n < 0 || (size_t)n >= size - used)
			return (-1);
	}
	n = snprintf(name + used, size - used, "ip6.arpa");
	return (n < 0 || (size_t)n >= size - used ? -1 : 0);
}
