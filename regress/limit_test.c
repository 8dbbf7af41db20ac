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
 * Shares of a limit and the arithmetic of rates; which rates and counters
 * combine is for the running daemon.
 */

#include <atf-c.h>

#include "mta/limit.h"
#include "mta/rate.h"

#define SECOND	INT64_C(1000000)

ATF_TC_WITHOUT_HEAD(share);
ATF_TC_BODY(share, tc)
{
	static const struct {
		int64_t		 limit;
		unsigned int	 used, own;
		int		 may;
	} cases[] = {
		{ 0, 5000, 5000, 1 },		/* no limit */
		{ 10, 0, 0, 1 }, { 10, 5, 5, 1 },
		{ 10, 6, 6, 0 },		/* alone: about half */
		{ 10, 6, 0, 1 }, { 10, 9, 0, 1 }, { 10, 9, 3, 0 },
		{ 10, 10, 0, 0 },		/* full is full */
		{ 10, 15, 0, 0 },		/* a reload made it less */
		{ 1, 0, 0, 1 }, { 1, 1, 0, 0 },
	};
	size_t	 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ATF_CHECK_EQ_MSG(limit_share(cases[i].limit, cases[i].used,
		    cases[i].own), cases[i].may, "case %zu", i);
}

/* How many go at once, and how many in some seconds more. */
static int64_t
sent(int64_t number, int64_t seconds, int64_t from, int64_t until)
{
	int64_t	 now, next = 0, n = 0;

	for (now = from; now <= until;
	    now += rate_wait(next, number, seconds, now)) {
		next = rate_spend(next, number, seconds, now, 1);
		n++;
	}
	return (n);
}

ATF_TC_WITHOUT_HEAD(burst);
ATF_TC_BODY(burst, tc)
{
	int64_t	 from = 1000 * SECOND;

	/* a tenth, at least one */
	ATF_CHECK_EQ(sent(60, 60, from, from), 6);
	ATF_CHECK_EQ(sent(5, 60, from, from), 1);
	ATF_CHECK_EQ(sent(19, 60, from, from), 1);
	ATF_CHECK_EQ(sent(1000, 1, from, from), 100);
	/* then evenly */
	ATF_CHECK_EQ(sent(60, 60, from, from + 10 * SECOND), 16);
	ATF_CHECK_EQ(sent(5, 60, from, from + 60 * SECOND), 6);
	ATF_CHECK_EQ(sent(60, 60, from, from + 600 * SECOND), 606);
}

/* As many as may go now, and no more. */
ATF_TC_WITHOUT_HEAD(tokens);
ATF_TC_BODY(tokens, tc)
{
	int64_t	 next, now = 1000 * SECOND;

	ATF_CHECK_EQ(rate_tokens(0, 60, 60, now), 6);
	ATF_CHECK_EQ(rate_tokens(0, 5, 60, now), 1);
	next = rate_spend(0, 60, 60, now, 4);
	ATF_CHECK_EQ(rate_tokens(next, 60, 60, now), 2);
	next = rate_spend(next, 60, 60, now, 2);
	ATF_CHECK_EQ(rate_tokens(next, 60, 60, now), 0);
	ATF_CHECK_EQ(rate_tokens(next, 60, 60, now + SECOND), 1);
	ATF_CHECK_EQ(rate_tokens(next, 60, 60, now + 100 * SECOND), 6);
	/* where there is none, there is a wait, and the other way round */
	ATF_CHECK(rate_wait(next, 60, 60, now) > 0);
	ATF_CHECK_EQ(rate_wait(next, 60, 60, now + SECOND), 0);
}

/* What is not used is not saved up. */
ATF_TC_WITHOUT_HEAD(idle);
ATF_TC_BODY(idle, tc)
{
	int64_t	 next, now = 1000 * SECOND;

	next = rate_spend(0, 2, 3600, now, 1);
	ATF_CHECK_EQ(rate_wait(next, 2, 3600, now), 1800 * SECOND);
	now += 86400 * SECOND;
	next = rate_spend(next, 2, 3600, now, 1);
	ATF_CHECK_EQ(rate_wait(next, 2, 3600, now), 1800 * SECOND);
}

/* The clock stepped back, or the rate is a quicker one now. */
ATF_TC_WITHOUT_HEAD(sane);
ATF_TC_BODY(sane, tc)
{
	int64_t	 next, now = 1000 * SECOND;

	next = now + 1000000 * SECOND;
	next = rate_sane(next, 60, 60, now);
	ATF_CHECK(rate_wait(next, 60, 60, now) <= 110 * SECOND);
	ATF_CHECK_EQ(rate_sane(now + SECOND, 60, 60, now), now + SECOND);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, share);
	ATF_TP_ADD_TC(tp, burst);
	ATF_TP_ADD_TC(tp, tokens);
	ATF_TP_ADD_TC(tp, idle);
	ATF_TP_ADD_TC(tp, sane);
	return (atf_no_error());
}
