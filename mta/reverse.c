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
 * The names of smtpd's clients, for its match rules: a PTR record of the
 * address counts when its name leads back to that address, and only then.
 * Called by mta.c; never answers later than REVERSE_SECONDS, and never takes
 * "could not ask" for "has none".
 */

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/ipc.h"
#include "mta/mta.h"
#include "mta/resolve.h"

#define REVERSE_SECONDS	9		/* smtpd waits for one more */
#define REVERSE_NAMES	10		/* of one address */
#define REVERSE_MAX	2000		/* lookups at a time */

/* A client's lookup: its names are asked one after the other. */
struct reverse {
	TAILQ_ENTRY(reverse) entry;
	uint64_t	 ask;
	struct sockaddr_storage client;
	struct resolve	*query;		/* NULL: none under way */
	struct loop_timer timer;
	size_t		 count;
	size_t		 next;
	int		 failed;	/* a name could not be asked for */
	char		 names[REVERSE_NAMES][DOMAIN_MAX];
};

static struct {
	TAILQ_HEAD(, reverse)	 lookups;
	unsigned int		 count;
} state;

static void
reverse_free(struct reverse *r)
{
	if (r->query != NULL)
		resolve_cancel(r->query);
	loop_timer_cancel(&r->timer);
	TAILQ_REMOVE(&state.lookups, r, entry);
	state.count--;
	free(r);
}

static void
tell(uint64_t ask, int failed, const char *name)
{
	struct ipc	*queue;

	if ((queue = mta_queue()) == NULL)
		return;
	ipc_begin(queue, MTA_RDNS);
	ipc_put_u64(queue, ask);
	ipc_put_u8(queue, (uint8_t)failed);
	ipc_put_str(queue, name);
	ipc_end(queue);
}

static void
reverse_end(struct reverse *r, int failed, const char *name)
{
	tell(r->ask, failed, name);
	reverse_free(r);
}

static void
reverse_expired(void *arg)
{
	reverse_end(arg, 1, NULL);
}

static int
leads_back(const struct reverse *r, const struct dns_answer *a)
{
	size_t	 i;

	for (i = 0; i < a->count; i++)
		if (sockaddr_same((const struct sockaddr *)&a->records[i].addr,
		    (const struct sockaddr *)&r->client))
			return (1);
	return (0);
}

static void	 reverse_forward(struct reverse *);

static void
reverse_forward_done(void *arg, const struct dns_answer *a)
{
	struct reverse	*r = arg;

	r->query = NULL;
	if (a->status == DNS_OK && leads_back(r, a)) {
		reverse_end(r, 0, r->names[r->next]);
		return;
	}
	if (a->status == DNS_FAILED)
		r->failed = 1;
	r->next++;
	reverse_forward(r);
}

/* Ask for the addresses of the next name; there is none: the client's lot. */
static void
reverse_forward(struct reverse *r)
{
	uint16_t	 type;

	if (r->next == r->count) {
		reverse_end(r, r->failed, NULL);
		return;
	}
	type = r->client.ss_family == AF_INET ? DNS_A : DNS_AAAA;
	r->query = resolve(r->names[r->next], type, reverse_forward_done, r);
	if (r->query == NULL)
		reverse_end(r, 1, NULL);
}

static int
name_compare(const void *a, const void *b)
{
	const struct dns_record	*one = a, *other = b;

	return (strcmp(one->name, other->name));
}

/*
 * Servers turn their records round: sorted, the same name is confirmed first
 * each time.  What is no host's name cannot lead anywhere.
 */
static int
names_take(struct reverse *r, const struct dns_answer *a)
{
	struct dns_record	*sorted;
	size_t			 i;

	if ((sorted = calloc(a->count, sizeof(*sorted))) == NULL)
		return (-1);
	memcpy(sorted, a->records, a->count * sizeof(*sorted));
	qsort(sorted, a->count, sizeof(*sorted), name_compare);
	for (i = 0; i < a->count && r->count < REVERSE_NAMES; i++)
		if (domain_valid(sorted[i].name))
			strlcpy(r->names[r->count++], sorted[i].name,
			    DOMAIN_MAX);
	free(sorted);
	return (0);
}

static void
reverse_names(void *arg, const struct dns_answer *a)
{
	struct reverse	*r = arg;

	r->query = NULL;
	if (a->status == DNS_FAILED ||
	    (a->count > 0 && names_take(r, a) == -1))
		reverse_end(r, 1, NULL);
	else
		reverse_forward(r);
}

void
reverse_ask(struct ipc *ipc, struct ipc_msg *m)
{
	struct reverse	*r;
	const char	*address;
	char		 name[DOMAIN_MAX];
	uint64_t	 ask;

	ask = ipc_get_u64(m);
	address = ipc_get_str(m);
	ipc_get_end(m);
	if (state.count >= REVERSE_MAX || (r = calloc(1, sizeof(*r))) == NULL) {
		tell(ask, 1, NULL);
		return;
	}
	r->ask = ask;
	loop_timer_init(&r->timer, reverse_expired, r);
	TAILQ_INSERT_TAIL(&state.lookups, r, entry);
	state.count++;
	if (address == NULL || sockaddr_parse(address, &r->client) == -1 ||
	    dns_reverse((const struct sockaddr *)&r->client, name,
	    sizeof(name)) == -1) {
		reverse_end(r, 0, NULL);
		return;
	}
	loop_timer_set(&r->timer, REVERSE_SECONDS);
	if ((r->query = resolve(name, DNS_PTR, reverse_names, r)) == NULL)
		reverse_end(r, 1, NULL);
}

void
reverse_forget_all(void)
{
	struct reverse	*r;

	while ((r = TAILQ_FIRST(&state.lookups)) != NULL)
		reverse_free(r);
}

void
reverse_init(void)
{
	TAILQ_INIT(&state.lookups);
}
