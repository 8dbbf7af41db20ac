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
 * The choice among a group's members: shares as the weights say, and a member
 * that comes or goes moves its own share only.
 */

#include <atf-c.h>
#include <stdio.h>

#include "lib/rendezvous.h"

#define KEYS		20000
#define MEMBERS		5
#define EXPECTED_DISTANCE 90576754283905024ULL

static const char *const names[MEMBERS] = { "a", "b", "c", "d", "e" };

/* The member for a key, of those with a weight. */
static int
nearest(unsigned int key, const uint32_t weights[MEMBERS])
{
	uint64_t	 distance, least = RENDEZVOUS_NEVER;
	char		 sender[32], rcpt[32];
	int		 i, best = -1;

	snprintf(sender, sizeof(sender), "news@%u.example", key / 7);
	snprintf(rcpt, sizeof(rcpt), "user%u@dest.example", key);
	for (i = 0; i < MEMBERS; i++) {
		distance = rendezvous(names[i], weights[i], sender, rcpt);
		if (distance < least) {
			least = distance;
			best = i;
		}
	}
	return (best);
}

static void
shares(const uint32_t weights[MEMBERS], unsigned int count[MEMBERS])
{
	unsigned int	 key;
	int		 i;

	for (i = 0; i < MEMBERS; i++)
		count[i] = 0;
	for (key = 0; key < KEYS; key++) {
		ATF_REQUIRE((i = nearest(key, weights)) != -1);
		count[i]++;
	}
}

/* Within a tenth of the share that the weights promise. */
ATF_TC_WITHOUT_HEAD(weights);
ATF_TC_BODY(weights, tc)
{
	static const uint32_t	 cases[][MEMBERS] = {
		{ 1, 1, 1, 1, 1 }, { 1, 2, 3, 4, 10 }, { 100, 1, 0, 100, 7 },
		{ 1000000, 1000000, 0, 0, 500000 }
	};
	unsigned int		 count[MEMBERS], expected;
	uint64_t		 total;
	size_t			 n;
	int			 i;

	for (n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		shares(cases[n], count);
		for (total = 0, i = 0; i < MEMBERS; i++)
			total += cases[n][i];
		for (i = 0; i < MEMBERS; i++) {
			expected = (unsigned int)(KEYS * (uint64_t)
			    cases[n][i] / total);
			ATF_CHECK_MSG(count[i] <= expected + expected / 10 +
			    50 && count[i] + expected / 10 + 50 >= expected,
			    "case %zu member %d: %u, not %u", n, i, count[i],
			    expected);
			if (cases[n][i] == 0)
				ATF_CHECK_EQ(count[i], 0);
		}
	}
}

ATF_TC_WITHOUT_HEAD(removal);
ATF_TC_BODY(removal, tc)
{
	uint32_t	 weights[MEMBERS] = { 3, 1, 2, 1, 5 };
	uint32_t	 fewer[MEMBERS] = { 3, 1, 0, 1, 5 };
	unsigned int	 key, moved = 0;
	int		 before, after;

	for (key = 0; key < KEYS; key++) {
		before = nearest(key, weights);
		after = nearest(key, fewer);
		if (before == after)
			continue;
		ATF_REQUIRE_EQ(before, 2);
		moved++;
	}
	ATF_CHECK(moved > KEYS / 10);
}

/* More weight for one takes from the others and gives them nothing. */
ATF_TC_WITHOUT_HEAD(weight_changed);
ATF_TC_BODY(weight_changed, tc)
{
	uint32_t	 weights[MEMBERS] = { 1, 1, 1, 1, 1 };
	uint32_t	 more[MEMBERS] = { 1, 4, 1, 1, 1 };
	unsigned int	 key;
	int		 before, after;

	for (key = 0; key < KEYS; key++) {
		before = nearest(key, weights);
		after = nearest(key, more);
		ATF_REQUIRE(before == after || after == 1);
	}
}

/* What was chosen before a restart, or in capitals, is chosen again. */
ATF_TC_WITHOUT_HEAD(same);
ATF_TC_BODY(same, tc)
{
	ATF_CHECK(rendezvous("a", 1, "X@A.example", "y@b.EXAMPLE") ==
	    rendezvous("a", 1, "x@a.example", "y@b.example"));
	ATF_CHECK(rendezvous("a", 1, "x", "yz") !=
	    rendezvous("a", 1, "xy", "z"));
	ATF_CHECK(rendezvous("a", 0, "x", "y") == RENDEZVOUS_NEVER);
	ATF_CHECK(rendezvous("a", 2, "x", "y") <
	    rendezvous("a", 1, "x", "y"));
	/* a change of this value moves queued mail of every group */
	ATF_CHECK_EQ_MSG(rendezvous("acme", 1, "news@acme.example",
	    "bob@example.org"), EXPECTED_DISTANCE, "%llu",
	    (unsigned long long)rendezvous("acme", 1, "news@acme.example",
	    "bob@example.org"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, weights);
	ATF_TP_ADD_TC(tp, removal);
	ATF_TP_ADD_TC(tp, weight_changed);
	ATF_TP_ADD_TC(tp, same);
	return (atf_no_error());
}
