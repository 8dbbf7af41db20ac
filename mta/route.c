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
 * From a destination to the hosts that take its mail: MX records with their
 * addresses, the domain's own address where it has none, a smarthost, a
 * literal (RFC 5321 5.1, RFC 7505).  Called by lane.c.  Says what DNS says;
 * which of the hosts a binding may use is decided there.
 */

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "mta/mta.h"
#include "mta/own.h"
#include "mta/resolve.h"
#include "mta/route.h"
#include "mta/secure.h"

#define ROUTE_NAMES	16		/* exchangers that are looked at */
#define ROUTE_HOSTS	64		/* addresses that are kept */
#define ROUTE_TTL_MIN	30		/* seconds */
#define ROUTE_TTL_MAX	3600
#define ROUTE_ALL	(1 << FAMILY_INET4 | 1 << FAMILY_INET6)
#define ROUTE_GRACE	1	/* seconds for the other addresses */

static const uint16_t	 address_types[FAMILIES] = { DNS_A, DNS_AAAA };

static void	 route_mx_done(void *, const struct dns_answer *);
static void	 route_ask_families(struct route *, int);
static void	 route_a_done(void *, const struct dns_answer *);
static void	 route_aaaa_done(void *, const struct dns_answer *);
static void	 route_tlsa_done(void *, const struct dns_answer *);

static resolve_done	*const address_done[FAMILIES] = {
	route_a_done, route_aaaa_done
};

int
route_hop_allowed(const struct next_hops *hops, const struct sockaddr *addr)
{
	int	 found = 0;
	size_t	 i;

	if (hops == NULL)
		return (1);
	if (hops->table != NULL && table_get_addr(hops->table, addr) != NULL)
		found = 1;
	for (i = 0; !found && i < hops->ncidrs; i++)
		found = cidr_match(&hops->cidrs[i], addr);
	return (hops->negate ? !found : found);
}

int
route_address(const struct sockaddr *sa)
{
	const struct in6_addr	*in6;
	uint32_t		 in4;

	if (sa->sa_family == AF_INET) {
		in4 = ntohl(((const struct sockaddr_in *)
		    sa)->sin_addr.s_addr);
		return (in4 >> 24 != 0 && !IN_MULTICAST(in4) &&
		    in4 != INADDR_BROADCAST);
	}
	in6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	return (!IN6_IS_ADDR_UNSPECIFIED(in6) && !IN6_IS_ADDR_V4MAPPED(in6) &&
	    !IN6_IS_ADDR_V4COMPAT(in6) && !IN6_IS_ADDR_MULTICAST(in6));
}

static int
record_compare(const void *a, const void *b)
{
	const struct dns_record	*const *x = a, *const *y = b;

	return ((int)(*x)->preference - (int)(*y)->preference);
}

/* All mail exchangers, the best first. */
static size_t
route_sort(const struct dns_answer *a, const struct dns_record **mx)
{
	size_t	 i, n = 0;

	for (i = 0; i < a->count && n < DNS_MAX_RECORDS; i++)
		if (a->records[i].type == DNS_MX)
			mx[n++] = &a->records[i];
	qsort(mx, n, sizeof(*mx), record_compare);
	return (n);
}

enum route_status
route_select(const struct dns_answer *a, const char *domain,
    int (*is_own)(const char *), struct dns_record *names, size_t *count,
    const char **text)
{
	const struct dns_record	*mx[DNS_MAX_RECORDS];
	size_t			 i, n;

	*count = 0;
	if ((n = route_sort(a, mx)) == 0) {
		memset(&names[0], 0, sizeof(names[0]));
		strlcpy(names[0].name, domain, sizeof(names[0].name));
		*count = 1;
		return (ROUTE_OK);
	}
	/* RFC 7505 3: a null MX stands alone */
	if (n == 1 && mx[0]->name[0] == '\0') {
		*text = "556 5.1.10 the domain takes no mail (null MX)";
		return (ROUTE_PERMFAIL);
	}
	/* this host, and all that is no better than it, would be a loop */
	for (i = 0; i < n; i++)
		if (is_own(mx[i]->name))
			break;
	while (i < n && i > 0 && mx[i - 1]->preference == mx[i]->preference)
		i--;
	if (i == 0) {
		*text = "554 5.4.6 the best mail exchanger is this host";
		return (ROUTE_PERMFAIL);
	}
	for (n = 0; n < i && n < ROUTE_NAMES; n++)
		names[n] = *mx[n];
	*count = n;
	return (ROUTE_OK);
}

static int
host_compare(const void *a, const void *b)
{
	const struct route_host	*x = a, *y = b;

	if (x->preference != y->preference)
		return ((int)x->preference - (int)y->preference);
	return ((int)x->order - (int)y->order);
}

/* It is found, or not: tell, at the end of this turn. */
static void
route_finish(struct route *r, enum route_status status, const char *text)
{
	uint32_t	 ttl = r->ttl;

	if (ttl < ROUTE_TTL_MIN)
		ttl = ROUTE_TTL_MIN;
	if (ttl > ROUTE_TTL_MAX)
		ttl = ROUTE_TTL_MAX;
	if (status == ROUTE_TEMPFAIL)
		ttl = 0;
	loop_timer_cancel(&r->grace);
	r->status = status;
	r->expires = loop_seconds() + ttl;
	if (text != NULL)
		strlcpy(r->text, text, sizeof(r->text));
	if (r->count > 1)
		qsort(r->hosts, r->count, sizeof(*r->hosts), host_compare);
	loop_job_queue(&r->job);
}

/* Room for one more host, that of the worst where there is none; or NULL. */
static struct route_host *
route_room(struct route *r, uint16_t preference)
{
	struct route_host	*worst;
	size_t			 i;

	if (r->count == r->size && r->size < ROUTE_HOSTS) {
		r->size = r->size == 0 ? 4 : r->size * 2;
		if ((r->hosts = recallocarray(r->hosts, r->count, r->size,
		    sizeof(*r->hosts))) == NULL)
			fatal("recallocarray");
	}
	if (r->count < r->size)
		return (&r->hosts[r->count++]);
	worst = &r->hosts[0];
	for (i = 1; i < r->count; i++)
		if (r->hosts[i].preference > worst->preference)
			worst = &r->hosts[i];
	return (worst->preference > preference ? worst : NULL);
}

static void
route_add(struct route *r, const char *name, uint16_t preference,
    const struct sockaddr_storage *addr)
{
	struct route_host	*host;

	if (!route_address((const struct sockaddr *)addr))
		return;
	if ((host = route_room(r, preference)) == NULL)
		return;
	host->preference = preference;
	host->order = (uint16_t)arc4random_uniform(65536);
	host->addr = *addr;
	sockaddr_set_port((struct sockaddr *)&host->addr, r->port);
	strlcpy(host->name, name, sizeof(host->name));
}

/* As for names: this host, and all that is no better than it, is a loop. */
static int
route_loops(struct route *r)
{
	uint32_t	 best = UINT32_MAX;
	size_t		 i, kept = 0;

	for (i = 0; i < r->count; i++)
		if (r->hosts[i].preference < best && own_address(
		    (const struct sockaddr *)&r->hosts[i].addr))
			best = r->hosts[i].preference;
	if (best == UINT32_MAX)
		return (0);
	for (i = 0; i < r->count; i++) {
		if (r->hosts[i].preference < best)
			r->hosts[kept++] = r->hosts[i];
		else
			dane_release(r->hosts[i].dane);
	}
	r->count = kept;
	return (kept == 0);
}

/* It is this host's trouble, not the recipient's. */
static const char *
relay_text(const struct route *r)
{
	static char	 text[MTA_TEXT];

	snprintf(text, sizeof(text), "451 4.4.4 the relay host %s has no "
	    "address", r->domain);
	return (text);
}

/*
 * Of the families that are of use there is no address: whether there is one at
 * all is another question.  1: it is asked.
 */
static int
route_ask_others(struct route *r)
{
	int	 others = ROUTE_ALL & ~r->families;

	if (r->count > 0 || r->failed || others == 0 || r->names == 0)
		return (0);
	r->families = ROUTE_ALL;
	route_ask_families(r, others);
	return (r->open > 0);
}

static void
route_addresses_known(struct route *r)
{
	if (route_ask_others(r))
		return;
	if (route_loops(r)) {
		route_finish(r, ROUTE_PERMFAIL, r->relay ?
		    "554 5.4.6 the relay host is this host" :
		    "554 5.4.6 the best mail exchanger is this host");
		return;
	}
	/* for those who may not use what was found, it is a failure as well */
	if (r->count > 0 || r->failed)
		route_finish(r, r->count > 0 ? ROUTE_OK : ROUTE_TEMPFAIL,
		    r->failed ? "451 4.4.3 a mail exchanger's address or TLSA "
		    "record could not be looked up" : NULL);
	else if (r->relay)
		route_finish(r, ROUTE_TEMPFAIL, relay_text(r));
	else if (r->mx == NULL && r->names == 1 &&
	    strcmp(r->name[0].name, r->domain) == 0)
		route_finish(r, ROUTE_PERMFAIL,
		    "550 5.1.2 the domain has neither mail exchanger nor "
		    "address");
	else
		route_finish(r, ROUTE_PERMFAIL,
		    "550 5.4.4 no mail exchanger has an address");
}

static void
route_ttl(struct route *r, const struct dns_answer *a)
{
	if (a->ttl < r->ttl)
		r->ttl = a->ttl;
}

/* Has the name a host that is kept? */
static int
route_has(const struct route *r, const char *name)
{
	size_t	 i;

	for (i = 0; i < r->count; i++)
		if (strcmp(r->hosts[i].name, name) == 0)
			return (1);
	return (0);
}

/* The name that TLSA records are looked for at. */
static const char *
tlsa_base(const struct route_name *name)
{
	return (name->canonical[0] != '\0' ? name->canonical : name->name);
}

/*
 * RFC 7672 2.2: TLSA records count where DNSSEC says who the host is and which
 * addresses it has.  A host that may have some must not be used without them.
 * They are those of the name behind its aliases, or else its own (2.2.2).
 */
static void
route_ask_tlsa(struct route_name *name)
{
	struct route	*r = name->route;
	char		 owner[DOMAIN_MAX];
	int		 n;

	if (!r->secure || name->insecure || name->query[FAMILY_INET4] != NULL ||
	    name->query[FAMILY_INET6] != NULL || !route_has(r, name->name))
		return;
	n = snprintf(owner, sizeof(owner), "_%d._tcp.%s", r->port,
	    tlsa_base(name));
	if (n < 0 || (size_t)n >= sizeof(owner))
		return;
	name->tlsa = resolve(owner, DNS_TLSA, route_tlsa_done, name);
	if (name->tlsa != NULL)
		r->open++;
}

/* Those of name are not to be used. */
static void
route_drop(struct route *r, const char *name)
{
	size_t	 i, kept = 0;

	for (i = 0; i < r->count; i++)
		if (strcmp(r->hosts[i].name, name) != 0)
			r->hosts[kept++] = r->hosts[i];
	r->count = kept;
}

static void
route_tlsa_done(void *arg, const struct dns_answer *a)
{
	struct route_name	*name = arg;
	struct route		*r = name->route;
	struct dane		*dane;
	size_t			 i;

	name->tlsa = NULL;
	route_ttl(r, a);
	if (a->status == DNS_FAILED) {
		r->failed = 1;
		route_drop(r, name->name);
	} else if (a->status == DNS_OK && a->authentic) {
		dane = dane_new(a, tlsa_base(name));
		for (i = 0; i < r->count; i++)
			if (strcmp(r->hosts[i].name, name->name) == 0 &&
			    r->hosts[i].dane == NULL)
				r->hosts[i].dane = dane_hold(dane);
		dane_release(dane);
	} else if (name->canonical[0] != '\0') {
		name->canonical[0] = '\0';
		route_ask_tlsa(name);
	}
	if (--r->open == 0)
		route_addresses_known(r);
}

static void
route_name_done(struct route_name *name, int family,
    const struct dns_answer *a)
{
	struct route	*r = name->route;
	size_t		 i;

	name->query[family] = NULL;
	route_ttl(r, a);
	if (a->status == DNS_FAILED)
		r->failed = 1;
	for (i = 0; i < a->count; i++)
		route_add(r, name->name, name->preference,
		    &a->records[i].addr);
	if (!a->authentic)
		name->insecure = 1;
	if (a->canonical[0] != '\0')
		strlcpy(name->canonical, a->canonical,
		    sizeof(name->canonical));
	route_ask_tlsa(name);
	if (--r->open == 0)
		route_addresses_known(r);
	else if (r->count > 0 && r->grace.class == NULL)
		loop_timer_set(&r->grace, ROUTE_GRACE);
}

/* There are hosts: what is not answered by now holds nobody up. */
static void
route_grace_over(void *arg)
{
	struct route		*r = arg;
	struct route_name	*name;
	size_t			 i;
	int			 family;

	for (i = 0; i < r->names; i++) {
		name = &r->name[i];
		for (family = 0; family < FAMILIES; family++) {
			if (name->query[family] == NULL)
				continue;
			resolve_cancel(name->query[family]);
			name->query[family] = NULL;
			r->open--;
			route_ask_tlsa(name);
		}
	}
	if (r->open == 0)
		route_addresses_known(r);
}

static void
route_a_done(void *arg, const struct dns_answer *a)
{
	route_name_done(arg, FAMILY_INET4, a);
}

static void
route_aaaa_done(void *arg, const struct dns_answer *a)
{
	route_name_done(arg, FAMILY_INET6, a);
}

/* Ask for all addresses of all names at once. */
static void
route_ask_addresses(struct route *r, const struct dns_record *names,
    size_t count)
{
	struct route_name	*name;
	size_t			 i;

	if ((r->name = calloc(count, sizeof(*r->name))) == NULL)
		fatal("calloc");
	r->names = count;
	for (i = 0; i < count; i++) {
		name = &r->name[i];
		name->route = r;
		name->preference = names[i].preference;
		strlcpy(name->name, names[i].name, sizeof(name->name));
	}
	route_ask_families(r, r->families);
	if (r->open == 0)
		route_addresses_known(r);
}

static void
route_ask_families(struct route *r, int families)
{
	struct route_name	*name;
	size_t			 i;
	int			 family;

	for (i = 0; i < r->names; i++) {
		name = &r->name[i];
		for (family = 0; family < FAMILIES; family++) {
			if (!(families & 1 << family))
				continue;
			if (r->fresh)
				resolve_forget(name->name,
				    address_types[family]);
			name->query[family] = resolve(name->name,
			    address_types[family], address_done[family],
			    name);
			if (name->query[family] != NULL)
				r->open++;
		}
	}
}

static void
route_mx_done(void *arg, const struct dns_answer *a)
{
	struct dns_record	 names[ROUTE_NAMES];
	struct route		*r = arg;
	const char		*text;
	size_t			 count;

	r->mx = NULL;
	r->secure = a->authentic;
	route_ttl(r, a);
	if (a->status == DNS_FAILED) {
		route_finish(r, ROUTE_TEMPFAIL,
		    "451 4.4.3 the domain could not be looked up");
		return;
	}
	if (a->status == DNS_NXDOMAIN) {
		route_finish(r, ROUTE_PERMFAIL,
		    "550 5.1.2 there is no such domain");
		return;
	}
	if (route_select(a, r->domain, own_name, names, &count, &text) !=
	    ROUTE_OK) {
		route_finish(r, ROUTE_PERMFAIL, text);
		return;
	}
	route_ask_addresses(r, names, count);
}

static void
route_tell(void *arg)
{
	struct route	*r = arg;

	r->done(r->arg);
}

struct route *
route_find(const char *destination, const char *relay, int port,
    int families, int fresh, void (*done)(void *), void *arg)
{
	const char		*host = relay != NULL ? relay : destination;
	struct sockaddr_storage	 addr;
	struct dns_record	 name;
	struct route		*r;

	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->domain = strdup(host)) == NULL)
		fatal("route_find");
	r->status = ROUTE_PENDING;
	r->port = port;
	r->ttl = ROUTE_TTL_MAX;
	r->families = families;
	r->fresh = fresh;
	r->done = done;
	r->arg = arg;
	loop_timer_init(&r->grace, route_grace_over, r);
	if (fresh)
		resolve_forget(host, DNS_MX);
	loop_job_init(&r->job, route_tell, r);
	r->relay = relay != NULL;
	if (sockaddr_parse(host, &addr) == 0) {
		route_add(r, host, 0, &addr);
		if (r->count > 0)
			route_addresses_known(r);
		else if (relay != NULL)
			route_finish(r, ROUTE_TEMPFAIL, "451 4.4.4 the relay "
			    "host's address is no host's");
		else
			route_finish(r, ROUTE_PERMFAIL, "550 5.4.4 the "
			    "address is no host's");
	} else if (relay != NULL) {
		r->secure = 1;
		memset(&name, 0, sizeof(name));
		strlcpy(name.name, relay, sizeof(name.name));
		route_ask_addresses(r, &name, 1);
	} else if ((r->mx = resolve(host, DNS_MX, route_mx_done, r)) == NULL)
		route_finish(r, ROUTE_PERMFAIL,
		    "550 5.1.2 the domain is no DNS name");
	return (r);
}

void
route_free(struct route *r)
{
	size_t	 i;
	int	 family;

	if (r == NULL)
		return;
	loop_job_cancel(&r->job);
	loop_timer_cancel(&r->grace);
	if (r->mx != NULL)
		resolve_cancel(r->mx);
	for (i = 0; i < r->names; i++) {
		if (r->name[i].tlsa != NULL)
			resolve_cancel(r->name[i].tlsa);
		for (family = 0; family < FAMILIES; family++)
			if (r->name[i].query[family] != NULL)
				resolve_cancel(r->name[i].query[family]);
	}
	for (i = 0; i < r->count; i++)
		dane_release(r->hosts[i].dane);
	free(r->name);
	free(r->hosts);
	free(r->domain);
	free(r);
}
