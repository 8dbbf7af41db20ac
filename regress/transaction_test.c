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
 * What queue takes from smtpd, which may have been broken into: nothing that
 * would end a command of the SMTP client.  A number that is used twice is
 * fatal, so whether the first was taken shows at the second.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/facts.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "queue/queue.h"
#include "queue/transaction.h"

static const struct ipc_entry	 entries[] = {
	{ SMTPD_MAIL,	transaction_mail },
	{ IPC_NONE,	NULL }
};

static const struct ipc_entry	 none[] = {
	{ IPC_NONE,	NULL }
};

static void
closed(struct ipc *ipc, void *arg)
{
	ipc_free(ipc);
	loop_exit(0);
}

static void
put_mail(struct ipc *ipc, const char *sender, const char *ret,
    const char *envid)
{
	struct facts	 facts;

	memset(&facts, 0, sizeof(facts));
	facts.sender = sender;
	ipc_begin(ipc, SMTPD_MAIL);
	ipc_put_u64(ipc, 1);
	facts_put(ipc, &facts);
	ipc_put_u32(ipc, 0);
	ipc_put_u8(ipc, 0);
	ipc_put_u8(ipc, 0);
	ipc_put_str(ipc, ret);
	ipc_put_str(ipc, envid);
	ipc_put_u64(ipc, 0);
	ipc_end(ipc);
}

/* Whether queue takes it. */
static int
taken(const char *sender, const char *ret, const char *envid)
{
	struct ipc	*ipc;
	int		 pair[2], status;
	pid_t		 pid;

	ATF_REQUIRE_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		close(pair[0]);
		loop_init();
		(void)ipc_new(pair[1], "smtpd", entries, closed, NULL);
		_exit(loop_run());
	}
	close(pair[1]);
	ipc = ipc_new(pair[0], "queue", none, closed, NULL);
	put_mail(ipc, sender, ret, envid);
	put_mail(ipc, sender, ret, envid);
	ipc_flush(ipc);
	ipc_free(ipc);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	ATF_REQUIRE(WIFEXITED(status));
	return (WEXITSTATUS(status) != 0);
}

ATF_TC_WITHOUT_HEAD(mail);
ATF_TC_BODY(mail, tc)
{
	char	 word[4096];

	loop_init();
	ATF_CHECK(taken("a@example.com", NULL, NULL));
	ATF_CHECK(taken("", "FULL", "QQ314159"));
	ATF_CHECK(taken("\"a b\"@example.com", "HDRS", "a+20b"));
	ATF_CHECK(!taken("a@example.com>\r\nRSET\r\nMAIL FROM:<b@example.net",
	    NULL, NULL));
	ATF_CHECK(!taken("a@example.com> SIZE=1", NULL, NULL));
	ATF_CHECK(!taken("a", NULL, NULL));
	ATF_CHECK(!taken("a@example.com", "FULL BODY=8BITMIME", NULL));
	ATF_CHECK(!taken("a@example.com", "FULL\r\nQUIT", NULL));
	ATF_CHECK(!taken("a@example.com", NULL, "x\r\nQUIT"));
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	ATF_CHECK(!taken("a@example.com", NULL, word));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, mail);
	return (atf_no_error());
}
