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
 * What one binding saw of a remote address.  Soft state, forgotten an hour
 * after its last change.  A host that never answered is tried by a few
 * connections at once, one that failed by a single one; others wait for what
 * these tell.
 */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "mta/host_state.h"
#include "mta/work.h"

#define HOST_FIRST	15		/* seconds of the first back-off */
#define HOST_MOST	900
#define HOST_NEW	4		/* connections to one that is new */
#define HOST_KEEP	3600		/* seconds that things are remembered */
#define MEMOS_MAX	20000		/* of one binding */
#define MEMO_LAST	4

/* Of one destination of a binding. */
struct memo {
	RB_ENTRY(memo)	 node;
	uint32_t	 until;		/* loop_seconds() */
	struct sockaddr_storage last[MEMO_LAST]; /* go last */
	unsigned int	 next;		/* of these: to be replaced */
	struct sockaddr_storage first;	/* goes first */
	char		 destination[];
};

static int
host_state_compare(const struct host_state *a, const struct host_state *b)
{
	socklen_t	 la = sockaddr_len((const struct sockaddr *)&a->addr);
	socklen_t	 lb = sockaddr_len((const struct sockaddr *)&b->addr);

	if (la != lb)
		return (la < lb ? -1 : 1);
	if (a->tls != b->tls)
		return (a->tls < b->tls ? -1 : 1);
	return (memcmp(&a->addr, &b->addr, la));
}

static int
memo_compare(const struct memo *a, const struct memo *b)
{
	return (strcmp(a->destination, b->destination));
}

RB_GENERATE_STATIC(host_states, host_state, node, host_state_compare)
RB_GENERATE_STATIC(memos, memo, node, memo_compare)

struct host_state *
host_state_find_tls(struct binding *binding, const struct sockaddr *addr,
    enum tls_policy tls)
{
	struct host_state	 key;

	key.tls = tls;
	memset(&key.addr, 0, sizeof(key.addr));
	memcpy(&key.addr, addr, sockaddr_len(addr));
	return (RB_FIND(host_states, &binding->host_states, &key));
}

struct host_state *
host_state_find(struct binding *binding, const struct sockaddr *addr)
{
	return (host_state_find_tls(binding, addr, TLS_POLICY_OPPORTUNISTIC));
}

static void
describe(const struct line *line, char *text, size_t size)
{
	const struct host_state	*state;

	state = (const struct host_state *)(const void *)((const char *)line -
	    offsetof(struct host_state, line));
	snprintf(text, size, "%s, others are trying it",
	    sockaddr_text_port((const struct sockaddr *)&state->addr));
}

static struct host_state *
get_tls(struct binding *binding, const struct sockaddr *addr,
    enum tls_policy tls)
{
	struct host_state	*state;

	if ((state = host_state_find_tls(binding, addr, tls)) != NULL)
		return (state);
	if ((state = calloc(1, sizeof(*state))) == NULL)
		fatal("calloc");
	memcpy(&state->addr, addr, sockaddr_len(addr));
	state->tls = tls;
	state->growth = HOST_NEW;
	state->seen = loop_seconds();
	work_line_init(&state->line, STEP_CONNECT, describe);
	RB_INSERT(host_states, &binding->host_states, state);
	return (state);
}

struct host_state *
host_state_get(struct binding *binding, const struct sockaddr *addr)
{
	return (get_tls(binding, addr, TLS_POLICY_OPPORTUNISTIC));
}

/* Those who waited for what a connection tells. */
static void
wake(struct host_state *state)
{
	struct lane	*lane, *last, *next;

	last = TAILQ_LAST(&state->line.lanes, work_lanes);
	for (lane = TAILQ_FIRST(&state->line.lanes); lane != NULL;
	    lane = lane == last ? NULL : next) {
		next = TAILQ_NEXT(lane, wait);
		work_resume(lane);
	}
}

/* Seconds, but no longer than mail waits for its next try. */
static uint32_t
bound(uint32_t seconds, int64_t retry)
{
	return (retry > 0 && retry < seconds ? (uint32_t)retry : seconds);
}

void
host_state_failed(struct binding *binding, const struct sockaddr *addr,
    enum tls_policy tls, const char *host, int remote, const char *text)
{
	struct host_state	*state = get_tls(binding, addr, tls);
	const struct config	*conf = mta_config();
	uint32_t		 wait = bound(HOST_FIRST, conf->retry_min);
	uint32_t		 most = bound(HOST_MOST, conf->retry_max);
	unsigned int		 i;

	for (i = 0; i < state->failures && wait < most; i++)
		wait *= 2;
	state->growth = 1;
	state->good = 0;
	state->seen = loop_seconds();
	/* several that were opening at once are one failure */
	if (state->until <= state->seen) {
		state->failures++;
		state->until = state->seen + (wait < most ? wait : most);
	}
	state->remote = remote;
	strlcpy(state->text, text, sizeof(state->text));
	strlcpy(state->host, host, sizeof(state->host));
}

static void
state_free(struct binding *binding, struct host_state *state)
{
	RB_REMOVE(host_states, &binding->host_states, state);
	free(state);
}

void
host_state_complied(struct binding *binding, const struct sockaddr *addr,
    enum tls_policy tls)
{
	struct host_state	*state;

	if (tls != TLS_POLICY_OPPORTUNISTIC &&
	    (state = host_state_find_tls(binding, addr, tls)) != NULL)
		state_free(binding, state);
}

void
host_state_good(struct binding *binding, const struct sockaddr *addr)
{
	struct host_state	*state = host_state_get(binding, addr);

	state->failures = 0;
	state->until = 0;
	state->seen = loop_seconds();
	if (state->growth < HOST_NEW)
		state->growth *= 2;
	else
		state->good = state->seen + HOST_KEEP;
	wake(state);
}

int
host_state_ready(const struct host_state *state)
{
	return (state->good > loop_seconds() ||
	    state->opening < state->growth);
}

void
host_state_begin(struct binding *binding, const struct sockaddr *addr)
{
	struct host_state	*state = host_state_get(binding, addr);

	state->opening++;
	state->seen = loop_seconds();
}

void
host_state_end(struct binding *binding, const struct sockaddr *addr)
{
	struct host_state	*state;

	if ((state = host_state_find(binding, addr)) == NULL)
		return;
	if (state->opening > 0)
		state->opening--;
	wake(state);
}

void
host_state_forgive(struct binding *binding, const struct sockaddr *addr)
{
	struct host_state	*state;

	RB_FOREACH(state, host_states, &binding->host_states)
		if (sockaddr_same(addr, (struct sockaddr *)&state->addr))
			state->until = 0;
}

static struct memo *
memo_find(struct binding *binding, const char *destination, int make)
{
	struct memo	*memo = RB_ROOT(&binding->memos);
	size_t		 size = strlen(destination) + 1;
	int		 order;

	while (memo != NULL &&
	    (order = strcmp(destination, memo->destination)) != 0)
		memo = order < 0 ? RB_LEFT(memo, node) :
		    RB_RIGHT(memo, node);
	if (memo != NULL || !make || binding->nmemos >= MEMOS_MAX)
		return (memo);
	if ((memo = calloc(1, sizeof(*memo) + size)) == NULL)
		fatal("calloc");
	memcpy(memo->destination, destination, size);
	RB_INSERT(memos, &binding->memos, memo);
	binding->nmemos++;
	return (memo);
}

void
memo_last(struct binding *binding, const char *destination,
    const struct sockaddr *addr)
{
	struct sockaddr_storage	*last;
	struct memo		*memo;

	if ((memo = memo_find(binding, destination, 1)) == NULL)
		return;
	memo->until = loop_seconds() + HOST_KEEP;
	if (memo_is_last(binding, destination, addr))
		return;
	last = &memo->last[memo->next++ % MEMO_LAST];
	memset(last, 0, sizeof(*last));
	memcpy(last, addr, sockaddr_len(addr));
}

void
memo_first(struct binding *binding, const char *destination,
    const struct sockaddr *addr)
{
	struct memo	*memo;

	if ((memo = memo_find(binding, destination, addr != NULL)) == NULL)
		return;
	memset(&memo->first, 0, sizeof(memo->first));
	if (addr == NULL)
		return;
	memo->until = loop_seconds() + HOST_KEEP;
	memcpy(&memo->first, addr, sockaddr_len(addr));
}

int
memo_is_last(struct binding *binding, const char *destination,
    const struct sockaddr *addr)
{
	const struct memo	*memo;
	int			 i;

	memo = memo_find(binding, destination, 0);
	if (memo == NULL || memo->until < loop_seconds())
		return (0);
	for (i = 0; i < MEMO_LAST; i++)
		if (memo->last[i].ss_family != 0 && sockaddr_same(addr,
		    (const struct sockaddr *)&memo->last[i]))
			return (1);
	return (0);
}

int
memo_is_first(struct binding *binding, const char *destination,
    const struct sockaddr *addr)
{
	const struct memo	*memo;

	memo = memo_find(binding, destination, 0);
	return (memo != NULL && memo->until >= loop_seconds() &&
	    memo->first.ss_family != 0 &&
	    sockaddr_same(addr, (const struct sockaddr *)&memo->first));
}

void
host_state_sweep(struct binding *binding)
{
	struct host_state	*state, *next;
	struct memo		*memo, *after;
	uint32_t		 now = loop_seconds();

	RB_FOREACH_SAFE(state, host_states, &binding->host_states, next)
		if (state->opening == 0 && TAILQ_EMPTY(&state->line.lanes) &&
		    state->until + HOST_KEEP < now &&
		    state->seen + HOST_KEEP < now)
			state_free(binding, state);
	RB_FOREACH_SAFE(memo, memos, &binding->memos, after) {
		if (memo->until >= now)
			continue;
		RB_REMOVE(memos, &binding->memos, memo);
		binding->nmemos--;
		free(memo);
	}
}
