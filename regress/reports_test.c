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
 * What queue takes from mta, which faces the network and may have been broken
 * into: no name that nobody gave it, nothing longer than it may be.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "queue/counter.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/schedule.h"

static const char conf[] =
    "listen on socket\n"
    "action \"out\" relay\n"
    "match from any for any action \"out\"\n"
    "binding \"acme\" { bind-address 127.0.0.1 }\n";

static struct results	 seen;

static void
on_result(struct ipc *ipc, struct ipc_msg *msg)
{
	(void)results_get(msg, &seen);
	ipc_get_end(msg);
}

static const struct ipc_entry	 entries[] = {
	{ MTA_ATTEMPT,	result_attempt },
	{ MTA_BINDING,	result_binding },
	{ MTA_RATE,	counter_told },
	{ MTA_RESULT,	on_result },
	{ IPC_NONE,	NULL }
};

static const struct ipc_entry	 none[] = {
	{ IPC_NONE,	NULL }
};

static struct ipc	*mta;		/* its end */

static void
closed(struct ipc *ipc, void *arg)
{
	ipc_free(ipc);
	loop_exit(0);
}

static void
start(void)
{
	struct bundle	 bundle = TAILQ_HEAD_INITIALIZER(bundle);
	struct config	*config;
	const char	*error = NULL;
	int		 pair[2];

	loop_init();
	ATF_REQUIRE_EQ(0, bundle_append(&bundle, "test.conf", conf,
	    strlen(conf)));
	config = config_from_bundle(&bundle, &error);
	ATF_REQUIRE_MSG(config != NULL, "%s", error);
	bundle_free(&bundle);
	lane_init();
	schedule_init(schedule_now(), NULL);
	lane_renew(config);
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	(void)ipc_new(pair[1], "mta", entries, closed, NULL);
	mta = ipc_new(pair[0], "queue", none, closed, NULL);
}

/* What was put is handled. */
static void
finish(void)
{
	ipc_flush(mta);
	ipc_free(mta);
	ATF_REQUIRE_EQ(0, loop_run());
}

static void
put_binding(const char *name, const char *reason)
{
	ipc_begin(mta, MTA_BINDING);
	ipc_put_str(mta, name);
	ipc_put_u8(mta, 0);
	ipc_put_u8(mta, 0);
	ipc_put_str(mta, reason);
	ipc_end(mta);
}

static void
put_rate(const char *key, uint64_t time)
{
	ipc_begin(mta, MTA_RATE);
	ipc_put_str(mta, key);
	ipc_put_u64(mta, time);
	ipc_end(mta);
}

static char *
long_text(size_t len)
{
	char	*text = malloc(len + 1);

	ATF_REQUIRE(text != NULL);
	memset(text, 'x', len);
	text[len] = '\0';
	return (text);
}

ATF_TC_WITHOUT_HEAD(binding);
ATF_TC_BODY(binding, tc)
{
	char	*text = long_text(60000);

	start();
	(void)queue_binding_get("gone");	/* mail of it is queued */
	put_binding("acme", text);
	put_binding("gone", "address missing");
	put_binding("nobody", "address missing");
	put_binding("", "address missing");
	put_binding(text, NULL);
	put_binding(NULL, NULL);
	finish();
	ATF_CHECK(queue_binding_find("nobody") == NULL);
	ATF_CHECK(queue_binding_find("") == NULL);
	ATF_CHECK(queue_binding_find(text) == NULL);
	ATF_CHECK_STREQ("address missing", queue_binding_find("gone")->reason);
	ATF_CHECK(queue_binding_find("acme")->down4);
	ATF_CHECK(strlen(queue_binding_find("acme")->reason) < TASK_TEXT);
	free(text);
}

ATF_TC_WITHOUT_HEAD(attempt);
ATF_TC_BODY(attempt, tc)
{
	struct attempt_end	 end = { .outcome = ATTEMPT_WAIT,
				    .wait = UINT32_MAX };
	struct lane		*lane;
	struct message		*m;
	char			*text = long_text(30000);

	start();
	lane = lane_get(queue_binding_get("acme"), "example.org");
	m = message_new(1, 1);
	m->created = schedule_now();
	m->rcpts[0].number = 1;
	m->rcpts[0].lane = lane;
	m->open = 1;
	message_insert(m);
	rcpt_enter(&m->rcpts[0]);
	end.lane = lane->id;
	end.cause = end.text = end.host = end.site = text;
	ipc_begin(mta, MTA_ATTEMPT);
	attempt_end_put(mta, &end);
	ipc_end(mta);
	/* a lane that is none */
	end.lane = lane->id + 77;
	ipc_begin(mta, MTA_ATTEMPT);
	attempt_end_put(mta, &end);
	ipc_end(mta);
	finish();
	ATF_CHECK(lane->site == NULL);
	ATF_CHECK_EQ(LANE_CLOSED, lane->state);
	ATF_CHECK(lane_opens_in(lane) <= 900);
	ATF_CHECK(strlen(lane->why) < 2 * TASK_TEXT);
	free(text);
}

ATF_TC_WITHOUT_HEAD(result);
ATF_TC_BODY(result, tc)
{
	static struct results	 put = { .task = 5, .count = 1 };
	char			*text = long_text(20000);

	start();
	put.result[0].outcome = 77;
	put.result[0].cause = put.result[0].reply = put.result[0].host = text;
	put.pull.lane = 3;
	put.pull.connection = 1;
	put.pull.most = 5000;
	put.pull.action = "out";
	put.pull.ehlo = put.pull.site = text;
	ipc_begin(mta, MTA_RESULT);
	results_put(mta, &put);
	ipc_end(mta);
	finish();
	ATF_CHECK_EQ(OUTCOME_TEMPFAIL, seen.result[0].outcome);
	ATF_CHECK(seen.result[0].host == NULL);
	ATF_CHECK_EQ(1, seen.pull.most);
	ATF_CHECK(seen.pull.ehlo == NULL && seen.pull.site == NULL);
	free(text);
}

/* Of six only the first says anything, the second says it anew. */
ATF_TC_WITHOUT_HEAD(rate);
ATF_TC_BODY(rate, tc)
{
	struct ipc	*queue;
	char		*text = long_text(60000);
	uint64_t	 later;
	int		 pair[2];

	start();
	later = ((uint64_t)schedule_now() + 3600) * 1000000;
	memcpy(text, "acme domain ", 12);
	put_rate("acme domain example.org", later);
	put_rate("acme domain example.org", later + 1);
	put_rate("nobody domain example.org", later);
	put_rate("", later);
	put_rate(text, later);
	put_rate("acme", UINT64_MAX);
	finish();
	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	queue = ipc_new(pair[0], "mta", none, closed, NULL);
	counter_tell(queue);
	ATF_CHECK_EQ(4 + sizeof("acme domain example.org") + 8,
	    ipc_pending(queue));
	ipc_free(queue);
	close(pair[1]);
	free(text);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, binding);
	ATF_TP_ADD_TC(tp, attempt);
	ATF_TP_ADD_TC(tp, result);
	ATF_TP_ADD_TC(tp, rate);
	return (atf_no_error());
}
