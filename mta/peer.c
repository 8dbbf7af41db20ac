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
 * What happened at a remote address, kept by (binding, remote address), so
 * that a host which turns one customer away delays no other.  Soft state:
 * forgotten when a host that answers again has its connections back, or an
 * hour after it ran out.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "mta/mta.h"

#define PEER_FIRST	15		/* seconds of the first back-off */
#define PEER_MOST	900
#define PEER_GROWN	16		/* at once: it is as any other */
#define PEER_KEEP	3600		/* failures are remembered so long */

static int
peer_compare(const struct peer *a, const struct peer *b)
{
	socklen_t	 la = sockaddr_len((const struct sockaddr *)&a->addr);
	socklen_t	 lb = sockaddr_len((const struct sockaddr *)&b->addr);

	if (la != lb)
		return (la < lb ? -1 : 1);
	if (a->tls != b->tls)
		return (a->tls < b->tls ? -1 : 1);
	return (memcmp(&a->addr, &b->addr, la));
}

RB_PROTOTYPE(peers, peer, node, peer_compare);
RB_GENERATE(peers, peer, node, peer_compare)

struct peer *
peer_find_tls(struct way *way, const struct sockaddr *addr,
    enum tls_policy tls)
{
	struct peer	 key;

	key.tls = tls;
	memset(&key.addr, 0, sizeof(key.addr));
	memcpy(&key.addr, addr, sockaddr_len(addr));
	return (RB_FIND(peers, &way->peers, &key));
}

struct peer *
peer_find(struct way *way, const struct sockaddr *addr)
{
	return (peer_find_tls(way, addr, TLS_POLICY_OPPORTUNISTIC));
}

static struct peer *
peer_get(struct way *way, const struct sockaddr *addr, enum tls_policy tls)
{
	struct peer	*peer;

	if ((peer = peer_find_tls(way, addr, tls)) != NULL)
		return (peer);
	if ((peer = calloc(1, sizeof(*peer))) == NULL)
		fatal("peer_get");
	memcpy(&peer->addr, addr, sockaddr_len(addr));
	peer->tls = tls;
	RB_INSERT(peers, &way->peers, peer);
	return (peer);
}

static void
peer_back_off(struct peer *peer, const char *host, uint32_t retry,
    const char *text)
{
	uint32_t	 wait = PEER_FIRST;
	unsigned int	 i;

	for (i = 0; i < peer->failures && wait < PEER_MOST; i++)
		wait *= 2;
	if (wait > PEER_MOST)
		wait = PEER_MOST;
	if (wait > retry)
		wait = retry > 0 ? retry : 1;
	peer->failures++;
	peer->growth = 0;
	peer->local = 0;
	peer->until = loop_seconds() + wait;
	strlcpy(peer->text, text, sizeof(peer->text));
	strlcpy(peer->host, host, sizeof(peer->host));
}

void
peer_failed(struct way *way, const struct sockaddr *addr, const char *host,
    uint32_t retry, const char *text)
{
	peer_back_off(peer_get(way, addr, TLS_POLICY_OPPORTUNISTIC), host,
	    retry, text);
}

void
peer_refused(struct way *way, const struct sockaddr *addr,
    enum tls_policy tls, const char *host, uint32_t retry, const char *text)
{
	peer_back_off(peer_get(way, addr, tls), host, retry, text);
}

void
peer_complied(struct way *way, const struct sockaddr *addr,
    enum tls_policy tls)
{
	struct peer	*peer;

	if (tls == TLS_POLICY_OPPORTUNISTIC ||
	    (peer = peer_find_tls(way, addr, tls)) == NULL)
		return;
	RB_REMOVE(peers, &way->peers, peer);
	free(peer);
}

void
peer_unroutable(struct way *way, const struct sockaddr *addr,
    const char *text)
{
	struct peer	*peer = peer_get(way, addr, TLS_POLICY_OPPORTUNISTIC);

	peer->local = 1;
	peer->until = loop_seconds() + 1;
	strlcpy(peer->text, text, sizeof(peer->text));
}

void
peer_good(struct way *way, const struct sockaddr *addr)
{
	struct peer	*peer;

	if ((peer = peer_find(way, addr)) == NULL)
		return;
	peer->growth = peer->growth == 0 ? 2 : peer->growth * 2;
	if (peer->local || peer->growth >= PEER_GROWN) {
		RB_REMOVE(peers, &way->peers, peer);
		free(peer);
		return;
	}
	peer->failures = 0;
	peer->until = loop_seconds();
}

void
peer_forgive(struct way *way, const struct sockaddr *addr)
{
	struct peer	*peer;

	RB_FOREACH(peer, peers, &way->peers)
		if (!peer->local && peer->until > loop_seconds() &&
		    (addr == NULL || sockaddr_same(addr,
		    (const struct sockaddr *)&peer->addr)))
			peer->until = loop_seconds();
}

int
peer_ready(const struct peer *peer)
{
	return (peer->local || peer->opening == 0 ||
	    peer->opening < peer->growth);
}

int
peer_begin(struct way *way, const struct sockaddr *addr)
{
	struct peer	*peer;

	if ((peer = peer_find(way, addr)) == NULL || peer->local)
		return (0);
	peer->opening++;
	return (1);
}

void
peer_end(struct way *way, const struct sockaddr *addr)
{
	struct peer	*peer;

	/* it may be another one by now */
	if ((peer = peer_find(way, addr)) != NULL && peer->opening > 0)
		peer->opening--;
}

void
peer_sweep(struct way *way)
{
	struct peer	*peer, *next;

	RB_FOREACH_SAFE(peer, peers, &way->peers, next) {
		if (peer->until + PEER_KEEP > loop_seconds())
			continue;
		RB_REMOVE(peers, &way->peers, peer);
		free(peer);
	}
}

void
peer_free_all(struct way *way)
{
	struct peer	*peer, *next;

	RB_FOREACH_SAFE(peer, peers, &way->peers, next) {
		RB_REMOVE(peers, &way->peers, peer);
		free(peer);
	}
}
