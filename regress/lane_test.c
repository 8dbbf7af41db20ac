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
 * Accounts and lanes: windows, fair shares, suspensions, what is handed out.
 */

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/loop.h"
#include "queue/queue.h"

static const char conf[] =
    "listen on socket\n"
    "action \"out\" relay\n"
    "match from any for any action \"out\"\n"
    "binding \"a\" { bind-address 127.0.0.1 max-outbound-connections 5 }\n"
    "binding \"b\" { bind-address 127.0.0.2 max-outbound-connections 5 }\n"
    "binding \"wide\" { bind-address 127.0.0.3 "
    "max-outbound-connections 2000 message-expiration 1h }\n"
    "binding \"off\" { bind-address 127.0.0.4 suspend-delivery true }\n";

#define HANDED	20000

static struct {
	struct lane	*handed[HANDED];
	struct rcpt	*rcpts[HANDED];
	size_t		 n;
	size_t		 most;
	int		 expired;
	uint64_t	 id;
} seen;

static int
hand(struct lane *lane)
{
	struct rcpt	*rcpt = TAILQ_FIRST(&lane->ready);

	ATF_REQUIRE(rcpt != NULL);
	ATF_REQUIRE(seen.n < HANDED);
	seen.handed[seen.n] = lane;
	seen.rcpts[seen.n++] = rcpt;
	rcpt_hand(rcpt);
	lane_took(lane);
	return (1);
}

static int
busy(void)
{
	return (seen.n >= seen.most);
}

static void
gone(struct lane *lane)
{
}

static int
expired(struct rcpt *rcpt)
{
	seen.expired++;
	return (0);
}

static int
late(struct rcpt *rcpt)
{
	return (0);
}

static const struct lane_ops ops = { hand, busy, gone, expired, late };

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
	lane_setup(&ops);
	schedule_init(schedule_now(), nothing);
	lane_renew(config);
	seen.most = HANDED;
}

/* n messages with a recipient each. */
static void
fill(const char *binding, const char *destination, int n, uint32_t created)
{
	struct lane	*lane = lane_get(account_get(binding), destination);
	struct message	*m;

	while (n-- > 0) {
		m = message_new(++seen.id, 1);
		m->created = created;
		m->rcpts[0].number = 1;
		m->rcpts[0].lane = lane;
		m->open = 1;
		message_insert(m);
		rcpt_enter(&m->rcpts[0]);
	}
}

/* Hand out all that may go. */
static void
run(void)
{
	while (lane_step())
		continue;
}

static size_t
count(const char *binding, size_t upto)
{
	size_t	 i, n;

	for (i = n = 0; i < upto && i < seen.n; i++)
		if (strcmp(seen.handed[i]->account->name, binding) == 0)
			n++;
	return (n);
}

ATF_TC_WITHOUT_HEAD(window);
ATF_TC_BODY(window, tc)
{
	struct lane	*lane;

	start();
	fill("a", "example.org", 100, schedule_now());
	run();
	ATF_CHECK_EQ(20, seen.n);	/* 5 connections, 4 tasks each */
	lane = seen.handed[0];
	lane_gave(lane);
	lane_gave(lane);
	run();
	ATF_CHECK_EQ(22, seen.n);
	lane_close(lane, "remote", "421 go away", 0);
	lane_gave(lane);
	run();
	ATF_CHECK_EQ(22, seen.n);
	ATF_CHECK_STREQ("remote: 421 go away", lane_why(lane));
	lane_open(lane);
	run();
	ATF_CHECK_EQ(23, seen.n);
}

/* A long queue of one costs another nothing: quanta of 16. */
ATF_TC_WITHOUT_HEAD(fair);
ATF_TC_BODY(fair, tc)
{
	char	 name[32];
	int	 i;

	start();
	for (i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "d%d.example", i);
		fill("a", name, 20, schedule_now());
	}
	fill("b", "example.org", 20, schedule_now());
	run();
	ATF_CHECK_EQ(1020, seen.n);
	ATF_CHECK(count("b", 40) >= 16);
	ATF_CHECK_EQ(20, count("b", 72));
}

/* Alone, a binding gets half of the cap; another still finds room. */
ATF_TC_WITHOUT_HEAD(cap);
ATF_TC_BODY(cap, tc)
{
	start();
	fill("wide", "example.org", 9000, schedule_now());
	run();
	ATF_CHECK_EQ(4096, seen.n);
	fill("a", "example.org", 100, schedule_now());
	run();
	ATF_CHECK_EQ(20, count("a", seen.n));
}

ATF_TC_WITHOUT_HEAD(suspended);
ATF_TC_BODY(suspended, tc)
{
	struct account	*a;

	start();
	fill("off", "example.org", 5, schedule_now());
	fill("gone", "example.org", 5, schedule_now());
	fill("", "example.org", 5, schedule_now());
	suspend_replay("binding a domain *.example.org",
	    "1795386000 0 root a reason of words");
	fill("a", "mx.example.org", 5, schedule_now());
	fill("a", "example.org", 5, schedule_now());
	run();
	ATF_CHECK_EQ(5, seen.n);
	ATF_CHECK_STREQ("example.org", seen.handed[0]->destination);
	a = account_find("a");
	ATF_CHECK_STREQ("up", account_state(a));
	ATF_CHECK_STREQ("suspended", account_state(account_find("off")));
	ATF_CHECK_STREQ("unknown", account_state(account_find("gone")));
	ATF_CHECK_STREQ("a reason of words",
	    suspend_lane(lane_get(a, "mx.example.org"))->reason);
	suspend_replay("binding a domain *.example.org", "");
	suspend_apply("a");
	run();
	ATF_CHECK_EQ(10, seen.n);
}

ATF_TC_WITHOUT_HEAD(held);
ATF_TC_BODY(held, tc)
{
	struct account	*a;

	start();
	a = account_get("a");
	a->down4 = a->down6 = 1;
	account_update(a);
	fill("a", "example.org", 5, schedule_now());
	run();
	ATF_CHECK_EQ(0, seen.n);
	ATF_CHECK_STREQ("held (address missing)", account_state(a));
	/* it owns no IPv6 address: that one is not missed */
	a->down4 = 0;
	account_update(a);
	run();
	ATF_CHECK_EQ(5, seen.n);
	ATF_CHECK_STREQ("up", account_state(a));
}

/* Old behind new, as after a move or a replay: expiry still finds it. */
ATF_TC_WITHOUT_HEAD(expiry);
ATF_TC_BODY(expiry, tc)
{
	uint32_t	 now;

	start();
	now = schedule_now();
	seen.most = 0;
	fill("wide", "example.org", 100, now);
	fill("wide", "example.org", 7, now - 7200);
	fill("wide", "example.org", 3, now - 3000);
	fill("a", "example.org", 7, now - 7200);
	lane_sweep(&ops);
	ATF_CHECK_EQ(7, seen.expired);
}

/* Given back: first again, in the same order. */
ATF_TC_WITHOUT_HEAD(given_back);
ATF_TC_BODY(given_back, tc)
{
	struct rcpt	*first[20];
	size_t		 i;

	start();
	fill("a", "example.org", 40, schedule_now());
	run();
	ATF_REQUIRE_EQ(20, seen.n);
	memcpy(first, seen.rcpts, sizeof(first));
	seen.most = 0;
	for (i = 20; i > 0; i--) {
		rcpt_ready(first[i - 1], 1);
		lane_gave(seen.handed[i - 1]);
	}
	seen.n = 0;
	seen.most = HANDED;
	lane_kick();
	run();
	for (i = 0; i < 20; i++)
		ATF_CHECK_EQ(first[i], seen.rcpts[i]);
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

ATF_TC_WITHOUT_HEAD(size);
ATF_TC_BODY(size, tc)
{
	/* 8 octets are malloc's: 144 of the 160 that a recipient may cost */
	ATF_CHECK(sizeof(struct message) + sizeof(struct rcpt) <= 136);
	ATF_CHECK(sizeof(struct lane) <= 300);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, window);
	ATF_TP_ADD_TC(tp, fair);
	ATF_TP_ADD_TC(tp, cap);
	ATF_TP_ADD_TC(tp, suspended);
	ATF_TP_ADD_TC(tp, held);
	ATF_TP_ADD_TC(tp, expiry);
	ATF_TP_ADD_TC(tp, given_back);
	ATF_TP_ADD_TC(tp, clock_back);
	ATF_TP_ADD_TC(tp, size);
	return (atf_no_error());
}
