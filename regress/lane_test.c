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
 * Lanes: what is due, what keeps it back, and for how long.
 */

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/loop.h"
#include "queue/group.h"
#include "queue/lane.h"
#include "queue/schedule.h"
#include "queue/suspend.h"

static const char conf[] =
    "listen on socket\n"
    "action \"out\" relay\n"
    "match from any for any action \"out\"\n"
    "binding \"a\" { bind-address 127.0.0.1 max-outbound-connections 5 }\n"
    "binding \"wide\" { bind-address 127.0.0.3 message-expiration 1h }\n"
    "binding \"off\" { bind-address 127.0.0.4 suspend-delivery true }\n";

static uint64_t	 last_id;

static void
nothing(struct rcpt *rcpt)
{
}

static void
start(void)
{
	struct bundle	 bundle = TAILQ_HEAD_INITIALIZER(bundle);
	struct config	*config;
	const char	*error = NULL;

	loop_init();
	ATF_REQUIRE_EQ(0, bundle_append(&bundle, "test.conf", conf,
	    strlen(conf)));
	config = config_from_bundle(&bundle, &error);
	ATF_REQUIRE_MSG(config != NULL, "%s", error);
	bundle_free(&bundle);
	lane_init();
	schedule_init(schedule_now(), nothing);
	lane_renew(config);
}

/* n messages with a recipient each. */
static struct lane *
fill(const char *binding, const char *destination, int n)
{
	struct lane	*lane;
	struct message	*m;

	lane = lane_get(queue_binding_get(binding), destination);
	while (n-- > 0) {
		m = message_new(++last_id, 1);
		m->created = schedule_now();
		m->rcpts[0].number = 1;
		m->rcpts[0].lane = lane;
		m->open = 1;
		message_insert(m);
		rcpt_enter(&m->rcpts[0]);
	}
	return (lane);
}

static const char *
state(const char *binding)
{
	static char	 buf[BINDING_STATE_MAX];

	return (queue_binding_state(queue_binding_find(binding), buf,
	    sizeof(buf)));
}

ATF_TC_WITHOUT_HEAD(suspended);
ATF_TC_BODY(suspended, tc)
{
	struct lane	*sub, *lane;

	start();
	ATF_CHECK_EQ(0, lane_due(fill("off", "example.org", 5)));
	ATF_CHECK_EQ(0, lane_due(fill("gone", "example.org", 5)));
	ATF_CHECK_EQ(0, lane_due(fill("", "example.org", 5)));
	suspend_replay("binding a domain *.example.org",
	    "1795386000 0 root a reason of words");
	sub = fill("a", "mx.example.org", 5);
	lane = fill("a", "example.org", 4);
	ATF_CHECK_EQ(0, lane_due(sub));
	ATF_CHECK_EQ(4, lane_due(lane));
	ATF_CHECK_STREQ("up", state("a"));
	ATF_CHECK_STREQ("suspended", state("off"));
	ATF_CHECK_STREQ("unknown", state("gone"));
	ATF_CHECK_STREQ("a reason of words", suspend_lane(sub)->reason);
	suspend_replay("binding a domain *.example.org", "");
	suspend_apply("a");
	ATF_CHECK_EQ(5, lane_due(sub));
}

ATF_TC_WITHOUT_HEAD(held);
ATF_TC_BODY(held, tc)
{
	struct binding	*a;
	struct lane	*lane;
	char		 buf[LANE_WHY_MAX];

	start();
	a = queue_binding_get("a");
	a->down4 = a->down6 = 1;
	queue_binding_update(a);
	lane = fill("a", "example.org", 5);
	ATF_CHECK_EQ(0, lane_due(lane));
	ATF_CHECK_STREQ("held (address missing)", state("a"));
	/* it owns no IPv6 address: that one is not missed */
	a->down4 = 0;
	queue_binding_update(a);
	ATF_CHECK_EQ(5, lane_due(lane));
	ATF_CHECK_STREQ("up", state("a"));
	/* mta keeps the lane, and says when it is over */
	lane_hold(lane, "family", "no address");
	ATF_CHECK_EQ(5, lane_due(lane));
	ATF_CHECK(lane_stuck(lane));
	ATF_CHECK_STREQ("family: no address", lane_why(lane, buf,
	    sizeof(buf)));
	lane_open(lane);
	ATF_CHECK(!lane_stuck(lane));
}

/* Longer each time, up to a quarter of an hour; a good answer ends it. */
ATF_TC_WITHOUT_HEAD(closed);
ATF_TC_BODY(closed, tc)
{
	static const int64_t	 seconds[] = { 15, 30, 60, 120, 240, 480, 900,
				    900 };
	struct lane		*lane;
	size_t			 i;

	start();
	lane = fill("a", "example.org", 5);
	for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		lane_failed(lane, "remote", "421 go away", 1);
		ATF_CHECK_EQ(seconds[i], lane_opens_in(lane));
		ATF_CHECK_EQ(0, lane_due(lane));
		ATF_CHECK(!lane_stuck(lane));
	}
	/* one alone may be tried meanwhile, and only that one */
	rcpt_urgent(TAILQ_FIRST(&lane->ready));
	ATF_CHECK_EQ(1, lane_due(lane));
	ATF_CHECK_EQ(PLACE_URGENT, lane_first(lane)->place);
	lane_good(lane);
	ATF_CHECK_EQ(5, lane_due(lane));
	lane_failed(lane, "remote", "421 go away", 1);
	ATF_CHECK_EQ(15, lane_opens_in(lane));
	lane_retry(lane);
	ATF_CHECK_EQ(5, lane_due(lane));
}

/* Given back: first again, in the same order. */
ATF_TC_WITHOUT_HEAD(given_back);
ATF_TC_BODY(given_back, tc)
{
	struct rcpt	*first[20];
	struct lane	*lane;
	int		 i;

	start();
	lane = fill("a", "example.org", 40);
	for (i = 0; i < 20; i++) {
		first[i] = lane_first(lane);
		rcpt_hand(first[i]);
	}
	ATF_CHECK_EQ(20, lane_due(lane));
	for (i = 20; i > 0; i--)
		rcpt_ready(first[i - 1], 1);
	ATF_CHECK_EQ(40, lane_due(lane));
	for (i = 0; i < 20; i++) {
		ATF_CHECK_EQ(first[i], lane_first(lane));
		rcpt_hand(lane_first(lane));
	}
}

/*
 * The clock was set back by a year while the daemon was down: nothing waits,
 * or lives, for longer than it would have.
 */
ATF_TC_WITHOUT_HEAD(clock_back);
ATF_TC_BODY(clock_back, tc)
{
	struct envelope_rcpt	 er = {
		.number = 1, .address = "bob@example.org", .action = "out",
		.destination = "example.org", .binding = "wide", .tries = 3
	};
	struct envelope		 e = {
		.id = 1, .sender = "a@example.com", .nrcpts = 1, .rcpts = &er
	};
	struct message		*m;
	uint32_t		 now;

	start();
	now = schedule_now();
	e.created = (now + 365 * 86400ULL) * 1000000;
	er.due = now + 365 * 86400ULL;
	m = message_from_envelope(&e);
	message_insert(m);
	message_replayed(m);
	message_replay_done();
	ATF_CHECK(m->created >= now && m->created <= now + 5);
	ATF_CHECK_EQ(PLACE_WAIT, m->rcpts[0].place);
	ATF_CHECK(m->rcpts[0].due > now);
	ATF_CHECK(m->rcpts[0].due <= now + 5 + 4 * 3600);
}

static int	 nexpired;

static int
count_expired(struct rcpt *rcpt)
{
	nexpired++;
	return (0);
}

static int
no_warning(struct rcpt *rcpt)
{
	return (0);
}

/*
 * All is older than it may get, after days without the daemon or a leap of
 * the clock: what was never tried since does not fail by its age, whatever
 * keeps it back.
 */
ATF_TC_WITHOUT_HEAD(old);
ATF_TC_BODY(old, tc)
{
	static const struct lane_ops	 ops = {
		.expired = count_expired,
		.late = no_warning
	};
	static const char *const	 names[] = { "a", "wide", "off", "gone",
					    "" };
	struct lane			*lane;
	struct rcpt			*rcpt;
	size_t				 i;

	start();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		lane = fill(names[i], "example.org", 8);
		TAILQ_FOREACH(rcpt, &lane->ages, age)
			rcpt_message(rcpt)->created -= 6 * 86400;
		rcpt_hand(TAILQ_FIRST(&lane->ready));
		rcpt_hold(TAILQ_FIRST(&lane->ready));
		rcpt_wait(TAILQ_FIRST(&lane->ready), schedule_now() + 60);
		rcpt_urgent(TAILQ_FIRST(&lane->ready));
	}
	lane_failed(fill("a", "closed.example", 1), "local", "no route", 0);
	for (i = 0; i < 20; i++)
		lane_sweep(&ops);
	ATF_CHECK_EQ(0, nexpired);
}

ATF_TC_WITHOUT_HEAD(size);
ATF_TC_BODY(size, tc)
{
	/* 8 bytes are malloc's: 144 of the 160 that a recipient may cost */
	ATF_CHECK(sizeof(struct message) + sizeof(struct rcpt) <= 136);
	/* with its name 400 */
	ATF_CHECK(sizeof(struct lane) <= 352);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, suspended);
	ATF_TP_ADD_TC(tp, held);
	ATF_TP_ADD_TC(tp, closed);
	ATF_TP_ADD_TC(tp, given_back);
	ATF_TP_ADD_TC(tp, clock_back);
	ATF_TP_ADD_TC(tp, old);
	ATF_TP_ADD_TC(tp, size);
	return (atf_no_error());
}
