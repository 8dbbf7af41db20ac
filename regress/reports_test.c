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
#include "queue/queue.h"

static const char conf[] =
    "listen on socket\n"
    "action \"out\" relay\n"
    "match from any for any action \"out\"\n"
    "binding \"acme\" { bind-address 127.0.0.1 }\n";

static struct task_result	 seen;
static char			 reply[TASK_WORDS];

static void
on_result(struct ipc *ipc, struct ipc_msg *msg)
{
	task_result_get(msg, &seen);
	ipc_get_end(msg);
	strlcpy(reply, seen.reply, sizeof(reply));
}

static const struct ipc_entry	 entries[] = {
	{ MTA_LANE,	delivery_lane },
	{ MTA_BINDING,	delivery_binding },
	{ MTA_SITE,	delivery_site },
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

static int
nothing(struct lane *lane)
{
	return (0);
}

static int
busy(void)
{
	return (1);
}

static const struct lane_ops	 ops = { .hand = nothing, .busy = busy };

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
	lane_setup(&ops);
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
	(void)account_get("gone");	/* mail of it is queued */
	put_binding("acme", text);
	put_binding("gone", "address missing");
	put_binding("nobody", "address missing");
	put_binding("", "address missing");
	put_binding(text, NULL);
	put_binding(NULL, NULL);
	finish();
	ATF_CHECK(account_find("nobody") == NULL);
	ATF_CHECK(account_find("") == NULL);
	ATF_CHECK(account_find(text) == NULL);
	ATF_CHECK_STREQ("address missing", account_find("gone")->reason);
	ATF_CHECK(account_find("acme")->down4);
	ATF_CHECK(strlen(account_find("acme")->reason) < TASK_WORDS);
	free(text);
}

ATF_TC_WITHOUT_HEAD(lane);
ATF_TC_BODY(lane, tc)
{
	struct lane	*lane;
	char		*text = long_text(60000);

	start();
	lane = lane_get(account_get("acme"), "example.org");
	ipc_begin(mta, MTA_SITE);
	ipc_put_u32(mta, lane->id);
	ipc_put_str(mta, text);
	ipc_end(mta);
	ipc_begin(mta, MTA_LANE);
	ipc_put_u32(mta, lane->id);
	ipc_put_u8(mta, 0);
	ipc_put_str(mta, text);
	ipc_put_str(mta, text);
	ipc_put_u64(mta, UINT64_MAX);
	ipc_end(mta);
	finish();
	ATF_CHECK(lane->site == NULL);
	ATF_CHECK(lane->closed);
	ATF_CHECK(strlen(lane->cause) < 2 * TASK_WORDS);
	free(text);
}

ATF_TC_WITHOUT_HEAD(result);
ATF_TC_BODY(result, tc)
{
	struct task_result	 put = { .outcome = 77 };
	char			*text = long_text(30000);

	start();
	put.cause = put.reply = put.host = text;
	ipc_begin(mta, MTA_RESULT);
	task_result_put(mta, &put);
	ipc_end(mta);
	finish();
	ATF_CHECK_EQ(OUTCOME_TEMPFAIL, seen.outcome);
	ATF_CHECK(seen.host == NULL);
	ATF_CHECK_STREQ("(too long to keep)", reply);
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
	ATF_TP_ADD_TC(tp, lane);
	ATF_TP_ADD_TC(tp, result);
	ATF_TP_ADD_TC(tp, rate);
	return (atf_no_error());
}
