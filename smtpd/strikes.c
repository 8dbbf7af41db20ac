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
 * Failed logins, counted by client address, so that guessing passwords is
 * slow work however many connections it uses.  Called by auth.c.  One is
 * forgiven a minute; it never holds more than a bounded number of addresses.
 */

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "smtpd/smtpd.h"

#define FORGIVEN	60		/* seconds for each */
#define ADDRESSES_MAX	10000		/* then the oldest goes */
#define STRIKES_MAX	1000		/* of one address */

struct striker {
	RB_ENTRY(striker) node;
	TAILQ_ENTRY(striker) entry;
	unsigned char	 key[17];	/* family, then the address */
	unsigned int	 strikes;
	uint32_t	 since;		/* loop_seconds() of the last change */
};
RB_HEAD(striker_tree, striker);
RB_PROTOTYPE(striker_tree, striker, node, striker_compare);

static struct {
	struct striker_tree	 tree;
	TAILQ_HEAD(, striker)	 all;	/* last struck last */
	unsigned int		 count;
} state = {
	.tree = RB_INITIALIZER(&state.tree),
	.all = TAILQ_HEAD_INITIALIZER(state.all)
};

static int
striker_compare(struct striker *a, struct striker *b)
{
	return (memcmp(a->key, b->key, sizeof(a->key)));
}

RB_GENERATE(striker_tree, striker, node, striker_compare);

/* Whoever has one IPv6 address has 2^64 of them. */
static void
key_of(const struct sockaddr *sa, struct striker *s)
{
	const struct sockaddr_in	*in4;
	const struct sockaddr_in6	*in6;

	memset(s->key, 0, sizeof(s->key));
	s->key[0] = sa->sa_family;
	if (sa->sa_family == AF_INET) {
		in4 = (const struct sockaddr_in *)sa;
		memcpy(s->key + 1, &in4->sin_addr, sizeof(in4->sin_addr));
	} else if (sa->sa_family == AF_INET6) {
		in6 = (const struct sockaddr_in6 *)sa;
		memcpy(s->key + 1, &in6->sin6_addr, 8);
	}
}

static void
striker_free(struct striker *s)
{
	RB_REMOVE(striker_tree, &state.tree, s);
	TAILQ_REMOVE(&state.all, s, entry);
	state.count--;
	free(s);
}

/* The one of this address, what time forgives taken off; or NULL. */
static struct striker *
find(const struct sockaddr *sa)
{
	struct striker	 key, *s;
	uint32_t	 forgiven;

	key_of(sa, &key);
	if ((s = RB_FIND(striker_tree, &state.tree, &key)) == NULL)
		return (NULL);
	forgiven = (loop_seconds() - s->since) / FORGIVEN;
	if (forgiven >= s->strikes) {
		striker_free(s);
		return (NULL);
	}
	s->strikes -= forgiven;
	s->since += forgiven * FORGIVEN;
	return (s);
}

unsigned int
strikes_of(const struct sockaddr *sa)
{
	const struct striker	*s = find(sa);

	return (s == NULL ? 0 : s->strikes);
}

unsigned int
strikes_add(const struct sockaddr *sa)
{
	struct striker	*s;

	if ((s = find(sa)) == NULL) {
		if (state.count >= ADDRESSES_MAX)
			striker_free(TAILQ_FIRST(&state.all));
		if ((s = calloc(1, sizeof(*s))) == NULL)
			fatal("calloc");
		key_of(sa, s);
		s->since = loop_seconds();
		RB_INSERT(striker_tree, &state.tree, s);
		state.count++;
	} else
		TAILQ_REMOVE(&state.all, s, entry);
	TAILQ_INSERT_TAIL(&state.all, s, entry);
	if (s->strikes < STRIKES_MAX)
		s->strikes++;
	return (s->strikes);
}
