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
 * Which host of a route a binding may use now: its families, its next-hops,
 * its addresses that are there, and what happened at the host before.  Called
 * by lane.c.  It opens nothing, and must never name a host that the binding's
 * configuration keeps it from.
 */

#include <string.h>

#include "mta/mta.h"

/* Whether a source that it may use leads to this host now. */
static int
host_routable(const struct lane *lane, const struct route_host *host)
{
	const struct way_source		*source;
	const struct sockaddr		*dst, *src = NULL;
	struct sockaddr_storage		 local;

	dst = (const struct sockaddr *)&host->addr;
	if (!binding_usable(lane->way, dst->sa_family))
		return (0);
	source = binding_source(lane->way, dst->sa_family);
	if (source->addr.ss_family != 0)
		src = (const struct sockaddr *)&source->addr;
	if (source_route(src, dst, &local) != SOURCE_OK)
		return (0);
	return (src != NULL || binding_owner(lane->way,
	    (struct sockaddr *)&local) == NULL);
}

int
pick_routable(const struct lane *lane)
{
	const struct route	*r = lane->route;
	size_t			 i;

	for (i = 0; r != NULL && i < r->count; i++)
		if (host_routable(lane, &r->hosts[i]))
			return (1);
	return (r == NULL);
}

void
pick_forgive(struct lane *lane)
{
	const struct route	*r = lane->route;
	size_t			 i;

	if (r == NULL)
		peer_forgive(lane->way, NULL);
	for (i = 0; r != NULL && i < r->count; i++)
		peer_forgive(lane->way,
		    (const struct sockaddr *)&r->hosts[i].addr);
}

enum pick
pick_check(const struct lane *lane, const struct route_host *host,
    struct peer **peer)
{
	const struct sockaddr	*dst = (const struct sockaddr *)&host->addr;
	int			 family;

	*peer = NULL;
	family = (int)lane_option(lane, OPTION_FAMILY)->number;
	if (binding_source(lane->way, dst->sa_family) == NULL ||
	    (family != AF_UNSPEC && family != dst->sa_family))
		return (PICK_FAMILY);
	if (!route_hop_allowed(lane_option(lane, OPTION_NEXT_HOPS)->hops,
	    dst))
		return (PICK_HOPS);
	if (!binding_usable(lane->way, dst->sa_family))
		return (PICK_DOWN);
	if ((*peer = peer_find(lane->way, dst)) == NULL)
		return (PICK_HOST);
	if ((*peer)->until <= loop_seconds())
		return (peer_ready(*peer) ? PICK_HOST : PICK_BUSY);
	return ((*peer)->local ? PICK_ROUTE : PICK_WAIT);
}

/* It does not do the TLS that the first in line insists on. */
static struct peer *
host_refused(const struct lane *lane, const struct route_host *host)
{
	const struct item	*first = TAILQ_FIRST(&lane->waiting);
	struct policy		 policy;
	struct peer		*peer;

	if (first == NULL)
		return (NULL);
	policy_for(lane, first->action, &policy);
	if (policy.tls == TLS_POLICY_OPPORTUNISTIC)
		return (NULL);
	peer = peer_find_tls(lane->way,
	    (const struct sockaddr *)&host->addr, policy.tls);
	return (peer != NULL && peer->until > loop_seconds() ? peer : NULL);
}

/* Whether host may be used; what keeps it back is counted. */
static int
host_usable(struct lane *lane, const struct route_host *host,
    unsigned int count[], struct peer **blamed)
{
	struct peer	*peer;
	enum pick	 pick;

	pick = pick_check(lane, host, &peer);
	if (pick == PICK_HOST) {
		if ((peer = host_refused(lane, host)) == NULL)
			return (1);
		pick = PICK_WAIT;
	}
	count[pick]++;
	if (pick != PICK_BUSY && peer != NULL && (*blamed == NULL ||
	    (*blamed)->local > peer->local ||
	    ((*blamed)->local == peer->local &&
	    peer->until < (*blamed)->until)))
		*blamed = peer;
	return (0);
}

/*
 * The best host that this binding may use now; among equals each in turn.
 * Remote causes are named before local ones: they are what was tried.
 */
enum pick
pick_host(struct lane *lane, const struct route *r,
    const struct route_host **chosen, const struct site **site,
    struct peer **blamed)
{
	const struct route_host	*equal[8];
	unsigned int		 count[PICK_FAMILY + 1] = { 0 };
	size_t			 i, n = 0;
	int			 pick;

	*blamed = NULL;
	*site = NULL;
	for (i = 0; i < r->count && n < 8; i++) {
		if (n > 0 && r->hosts[i].preference != equal[0]->preference)
			break;
		/* what one of the better ones says is waited for */
		if (n == 0 && count[PICK_BUSY] > 0 &&
		    r->hosts[i].preference != r->hosts[i - 1].preference)
			break;
		if (host_usable(lane, &r->hosts[i], count, blamed))
			equal[n++] = &r->hosts[i];
	}
	if (n > 0) {
		for (i = 0; i < n && *site == NULL; i++)
			*site = config_site_of_mx(mta_config(),
			    equal[i]->name);
		*chosen = equal[lane->turn++ % n];
		return (PICK_HOST);
	}
	for (pick = PICK_BUSY; pick < PICK_FAMILY; pick++)
		if (count[pick] > 0)
			break;
	return ((enum pick)pick);
}
