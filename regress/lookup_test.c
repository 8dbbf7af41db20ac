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
 * The roles names and passwords, over a channel as smtpd has it.  Their text
 * is taken in whole, for all but the entry is static.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <atf-c.h>
#include <errno.h>
#include <event.h>
#include <string.h>
#include <time.h>

/* the entry itself is linked in already */
#define lookup_role	lookup_role_again
__dead void	 lookup_role_again(const char *, int, int);
#include "smtpd/lookup.c"
#undef lookup_role

#define ANSWERS		200

static const char conf[] =
    "listen on 127.0.0.1 port 2982 auth <people> auth-insecure\n"
    "table people { \"ann\" = \"$2b$04$mrrwkR4eUsjmFmMjalX21O"
    "EQF6fBWgIpew8Mq5lz5qsO2hwn64S6u\",\n"
    "  \"locked\" = \"*\", \"plain\" = \"secret\", \"empty\" = \"\" }\n"
    "table others { \"ann\" = \"$2b$08$rtFTL1u66obWbLKGW5UKHu"
    "LUR2qU6iiYNs0J8/u/zxmcBG3Zrrofe\" }\n"
    "action \"out\" relay\nmatch from any for any action \"out\"\n";

static struct {
	struct ipc	*client;
	uint64_t	 ask[ANSWERS];	/* in the order of the answers */
	int		 ok[ANSWERS];
	char		 name[64];
	int		 count;
	int		 expected;
} test;

static const char *load(void *, const char *, size_t *);
static char	**no_files(void *, const char *);
static void	 report(void *, const struct origin *, int, const char *);
static void	 on_answer(struct ipc *, struct ipc_msg *);
static void	 on_user(struct ipc *, struct ipc_msg *);
static void	 closed(struct ipc *, void *);
static void	 start(const struct ipc_entry *);
static void	 ask_password(uint64_t, const char *, const char *,
		    const char *, const char *);
static void	 wait_for(int);
static int	 answer_of(const char *, const char *, const char *);
static double	 cost(const char *);

static const struct ipc_entry answers[] = {
	{ LOOKUP_PASSWORD,	on_answer },
	{ LOOKUP_NAME,		on_answer },
	{ LOOKUP_UID,		on_user },
	{ IPC_NONE,		NULL }
};

static const char *
load(void *arg, const char *path, size_t *len)
{
	*len = strlen(conf);
	return (conf);
}

static char **
no_files(void *arg, const char *pattern)
{
	return (NULL);
}

static void
report(void *arg, const struct origin *at, int warning, const char *text)
{
	config_report(stderr, at, warning, text);
}

static void
on_answer(struct ipc *ipc, struct ipc_msg *msg)
{
	ATF_REQUIRE(test.count < ANSWERS);
	test.ask[test.count] = ipc_get_u64(msg);
	test.ok[test.count++] = ipc_get_u8(msg);
	ipc_get_end(msg);
	if (test.count == test.expected)
		loop_exit(0);
}

static void
on_user(struct ipc *ipc, struct ipc_msg *msg)
{
	const char *name;

	test.ask[test.count++] = ipc_get_u64(msg);
	name = ipc_get_str(msg);
	strlcpy(test.name, name == NULL ? "(none)" : name,
	    sizeof(test.name));
	ipc_get_end(msg);
	if (test.count == test.expected)
		loop_exit(0);
}

static void
closed(struct ipc *ipc, void *arg)
{
	atf_tc_fail("channel closed");
}

/* As lookup_role, but that nothing is dropped and no parent is there. */
static void
start(const struct ipc_entry *entries)
{
	struct config_io io = {
		.load = load, .glob = no_files, .report = report,
		.hostname = "host.example.net", .all = 1
	};
	struct config *c;
	int pair[2];

	log_init("test", 1, 0);
	loop_init();
	TAILQ_INIT(&state.clients);
	loop_job_init(&state.serve, serve, NULL);
	state.entries = entries;
	ATF_REQUIRE((c = config_parse("conf", &io)) != NULL);
	passwords_configured(c, NULL);
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	lookup_peer(ROLE_SMTPD, pair[0]);
	test.client = ipc_new(pair[1], "lookup", answers, closed, NULL);
}

static void
ask_password(uint64_t ask, const char *client, const char *table,
    const char *user, const char *password)
{
	ipc_begin(test.client, SMTPD_PASSWORD);
	ipc_put_u64(test.client, ask);
	ipc_put_str(test.client, client);
	ipc_put_str(test.client, table);
	ipc_put_str(test.client, user);
	ipc_put_str(test.client, password);
	ipc_end(test.client);
}

static void
wait_for(int count)
{
	test.count = 0;
	test.expected = count;
	loop_run();
	ATF_REQUIRE_EQ(count, test.count);
}

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	start(names_entries);
	ipc_begin(test.client, SMTPD_NAME);
	ipc_put_u64(test.client, 7);
	ipc_put_str(test.client, "root");
	ipc_end(test.client);
	ipc_begin(test.client, SMTPD_NAME);
	ipc_put_u64(test.client, 8);
	ipc_put_str(test.client, "no such account");
	ipc_end(test.client);
	ipc_begin(test.client, SMTPD_UID);
	ipc_put_u64(test.client, 9);
	ipc_put_u32(test.client, 0);
	ipc_end(test.client);
	wait_for(3);
	ATF_CHECK_EQ(7, test.ask[0]);
	ATF_CHECK_EQ(ANSWER_YES, test.ok[0]);
	ATF_CHECK_EQ(8, test.ask[1]);
	ATF_CHECK_EQ(ANSWER_NO, test.ok[1]);
	ATF_CHECK_EQ(9, test.ask[2]);
	ATF_CHECK_STREQ("root", test.name);
}

static int
answer_of(const char *table, const char *user, const char *password)
{
	struct question *q;
	int answer;

	q = question_new(1, table, user, password);
	answer = check(q);
	freezero(q, q->size);
	return (answer);
}

ATF_TC_WITHOUT_HEAD(passwords);
ATF_TC_BODY(passwords, tc)
{
	start(passwords_entries);
	ATF_CHECK_EQ(ANSWER_YES, answer_of("people", "ann", "secret"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "ann", "Secret"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "ann", ""));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "Ann", "secret"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "bob", "secret"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "", ""));
	/* what is no hash lets nobody in */
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "locked", "*"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "plain", "secret"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("people", "empty", ""));
	/* a table that no listener's auth names */
	ATF_CHECK_EQ(ANSWER_NO, answer_of("others", "ann", "secret"));
	ATF_CHECK_EQ(ANSWER_NO, answer_of("none", "ann", "secret"));
}

/* Everybody has a turn; the 101st is told to come back. */
ATF_TC_WITHOUT_HEAD(turns);
ATF_TC_BODY(turns, tc)
{
	int i, busy = 0, place = -1;

	start(passwords_entries);
	for (i = 0; i < WAITING_MAX + 20; i++)
		ask_password(i, "203.0.113.9", "people", "ann", "wrong");
	ask_password(1000, "203.0.113.10", "people", "ann", "secret");
	/* all come in, in whatever pieces, before the first one is served */
	ipc_flush(test.client);
	for (i = 0; i < 100; i++)
		ATF_REQUIRE(event_loop(EVLOOP_NONBLOCK) != -1);
	ATF_CHECK_EQ(WAITING_MAX, state.waiting);
	wait_for(WAITING_MAX + 21);
	for (i = 0; i < test.count; i++) {
		if (test.ok[i] == ANSWER_BUSY)
			busy++;
		else if (test.ask[i] == 1000)
			place = i - busy;
	}
	ATF_CHECK_EQ(21, busy);
	ATF_CHECK_MSG(place >= 0 && place < 12, "served at %d", place);
	ATF_CHECK_EQ(0, state.waiting);
	ATF_CHECK(TAILQ_EMPTY(&state.clients));
}

ATF_TC_WITHOUT_HEAD(networks);
ATF_TC_BODY(networks, tc)
{
	ATF_CHECK_STREQ("192.0.2.1", client_address("192.0.2.1"));
	ATF_CHECK_STREQ("2001:db8:1:2::",
	    client_address("2001:db8:1:2:3:4:5:6"));
	ATF_CHECK_STREQ("", client_address("nonsense"));
	ATF_CHECK_STREQ("", client_address(NULL));
}

/* Processor seconds of ten refusals. */
static double
cost(const char *user)
{
	clock_t before = clock();
	int i;

	for (i = 0; i < 10; i++)
		ATF_CHECK_EQ(ANSWER_NO, answer_of("people", user, "wrong"));
	return ((double)(clock() - before) / CLOCKS_PER_SEC);
}

ATF_TC_WITHOUT_HEAD(same_time);
ATF_TC_BODY(same_time, tc)
{
	double known, unknown, locked;

	start(passwords_entries);
	known = cost("ann");
	unknown = cost("bob");
	locked = cost("locked");
	ATF_CHECK_MSG(unknown > known / 2 && unknown < known * 2,
	    "%f %f", known, unknown);
	ATF_CHECK_MSG(locked > known / 2 && locked < known * 2,
	    "%f %f", known, locked);
	/* without any table there is still a hash to work on */
	ATF_CHECK_EQ(ANSWER_NO, answer_of("none", "ann", "secret"));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, passwords);
	ATF_TP_ADD_TC(tp, turns);
	ATF_TP_ADD_TC(tp, networks);
	ATF_TP_ADD_TC(tp, same_time);
	return (atf_no_error());
}
