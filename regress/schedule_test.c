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
 * Retry times and the wheel of recipients that wait.
 */

#include <atf-c.h>
#include <stdlib.h>

#include "queue/message.h"
#include "queue/schedule.h"

#define START	1795386000U

static struct {
	struct rcpt	*taken[4096];
	size_t		 n;
} due;

static void
on_due(struct rcpt *rcpt)
{
	schedule_remove(rcpt);
	due.taken[due.n++] = rcpt;
}

static void
run_until(uint32_t now)
{
	while (schedule_run(now))
		continue;
}

ATF_TC_WITHOUT_HEAD(retry);
ATF_TC_BODY(retry, tc)
{
	uint32_t	 tries, base, wait;
	uint64_t	 id;

	for (id = 1; id < 1000; id++) {
		base = 300;
		for (tries = 1; tries < 20; tries++) {
			wait = schedule_retry(id * 0x123456789abcdefULL,
			    tries, 300, 14400);
			ATF_REQUIRE(wait >= 300 && wait <= 14400);
			ATF_REQUIRE(wait >= base * 3 / 4);
			ATF_REQUIRE(wait <= base + base / 4);
			base = base * 2 > 14400 ? 14400 : base * 2;
		}
	}
	/* the same message says the same twice: it is in the log as next= */
	ATF_CHECK_EQ(schedule_retry(77, 3, 300, 14400),
	    schedule_retry(77, 3, 300, 14400));
	ATF_CHECK_EQ(5, schedule_retry(77, 9, 5, 5));
	ATF_CHECK_EQ(5, schedule_retry(77, 9, 5, 1));
	ATF_CHECK(schedule_retry(77, UINT16_MAX, 1, UINT32_MAX) > 0);
}

ATF_TC_WITHOUT_HEAD(retry_spreads);
ATF_TC_BODY(retry_spreads, tc)
{
	int		 slots[5] = { 0 };
	uint64_t	 id;
	size_t		 i;

	for (id = 1; id <= 5000; id++)
		slots[(schedule_retry(id, 4, 1000, 100000) - 8000) * 5 /
		    2001]++;
	for (i = 0; i < 5; i++)
		ATF_CHECK_MSG(slots[i] > 700, "slot %zu: %d", i, slots[i]);
}

ATF_TC_WITHOUT_HEAD(wheel);
ATF_TC_BODY(wheel, tc)
{
	static const uint32_t	 waits[] = {
		1, 1, 2, 255, 256, 257, 300, 4095, 14400, 100000, 345600
	};
	struct rcpt		 rcpts[11] = { 0 };
	size_t			 i, n;
	uint32_t		 now;

	schedule_init(START, on_due);
	for (i = 0; i < 11; i++)
		schedule_add(&rcpts[i], START + waits[i]);
	for (now = START, n = 0; n < 11; now++) {
		run_until(now);
		while (n < due.n) {
			ATF_CHECK_EQ(&rcpts[n], due.taken[n]);
			ATF_CHECK_EQ_MSG(START + waits[n], now,
			    "%zu came after %u", n, now - START);
			n++;
		}
		ATF_REQUIRE(now < START + 400000);
	}
}

ATF_TC_WITHOUT_HEAD(wheel_leaps);
ATF_TC_BODY(wheel_leaps, tc)
{
	struct rcpt	 rcpts[100] = { 0 };
	size_t		 i;

	schedule_init(START, on_due);
	for (i = 0; i < 100; i++)
		schedule_add(&rcpts[i], START + 1 + (uint32_t)i * 37);
	for (i = 0; i < 100; i += 2)
		schedule_remove(&rcpts[i]);
	/* the host slept: all come at once, in order */
	run_until(START + 5000);
	ATF_REQUIRE_EQ(50, due.n);
	for (i = 0; i < 50; i++)
		ATF_CHECK_EQ(&rcpts[2 * i + 1], due.taken[i]);
	/* the past is the next second */
	schedule_add(&rcpts[0], START);
	run_until(START + 5000);
	ATF_CHECK_EQ(50, due.n);
	run_until(START + 5001);
	ATF_CHECK_EQ(51, due.n);
	/* beyond the wheel: as late as it can */
	schedule_add(&rcpts[0], UINT32_MAX);
	ATF_CHECK(rcpts[0].due < START + 13 * 86400);
	schedule_remove(&rcpts[0]);
}

ATF_TC_WITHOUT_HEAD(wheel_steps);
ATF_TC_BODY(wheel_steps, tc)
{
	struct rcpt	*rcpts;
	size_t		 i;
	int		 steps;

	ATF_REQUIRE((rcpts = calloc(4000, sizeof(*rcpts))) != NULL);
	schedule_init(START, on_due);
	for (i = 0; i < 4000; i++)
		schedule_add(&rcpts[i], START + 10);
	for (steps = 1; schedule_run(START + 10); steps++)
		ATF_REQUIRE(due.n <= (size_t)steps * 500);
	ATF_CHECK_EQ(4000, due.n);
	ATF_CHECK(steps >= 8);
	free(rcpts);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, retry);
	ATF_TP_ADD_TC(tp, retry_spreads);
	ATF_TP_ADD_TC(tp, wheel);
	ATF_TP_ADD_TC(tp, wheel_leaps);
	ATF_TP_ADD_TC(tp, wheel_steps);
	return (atf_no_error());
}
