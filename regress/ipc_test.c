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
 * The channel between roles: fields, many messages, descriptors, a peer that
 * goes away, a message of the greatest length.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atf-c.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/loop.h"

static struct {
	uint32_t	 seen;
	int		 fds;
	int		 closed;
	size_t		 longest;
} got;

static void
fields(struct ipc *ipc, struct ipc_msg *m)
{
	size_t		 len;
	const char	*bytes;

	ATF_CHECK_EQ(7, ipc_get_u8(m));
	ATF_CHECK_EQ(65535, ipc_get_u16(m));
	ATF_CHECK_EQ(got.seen, ipc_get_u32(m));
	ATF_CHECK_EQ(UINT64_MAX, ipc_get_u64(m));
	ATF_CHECK_STREQ("", ipc_get_str(m));
	ATF_CHECK(ipc_get_str(m) == NULL);
	ATF_CHECK_STREQ("text", ipc_get_str(m));
	bytes = ipc_get_bytes(m, &len);
	ATF_CHECK_EQ(3, len);
	ATF_CHECK(memcmp(bytes, "a\0b", 3) == 0);
	ipc_get_end(m);
	got.seen++;
}

static void
descriptor(struct ipc *ipc, struct ipc_msg *m)
{
	char	 c;
	int	 fd;

	fd = ipc_get_fd(m);
	ATF_REQUIRE(fd != -1);
	ATF_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ATF_CHECK_EQ(1, read(fd, &c, 1));
	ATF_CHECK_EQ((char)ipc_get_u8(m), c);
	close(fd);
	got.fds++;
}

static void
long_bytes(struct ipc *ipc, struct ipc_msg *m)
{
	(void)ipc_get_bytes(m, &got.longest);
	ipc_get_end(m);
}

static void
closed(struct ipc *ipc, void *arg)
{
	got.closed++;
	ipc_free(ipc);
	loop_exit(0);
}

static const struct ipc_entry	 entries[] = {
	{ SMTPD_MAIL,	fields },
	{ SMTPD_LARGE,	descriptor },
	{ SMTPD_CONTENT, long_bytes },
	{ IPC_NONE,	NULL }
};

static const struct ipc_entry	 none[] = {
	{ IPC_NONE,	NULL }
};

static void
put_fields(struct ipc *ipc, uint32_t n)
{
	ipc_begin(ipc, SMTPD_MAIL);
	ipc_put_u8(ipc, 7);
	ipc_put_u16(ipc, 65535);
	ipc_put_u32(ipc, n);
	ipc_put_u64(ipc, UINT64_MAX);
	ipc_put_str(ipc, "");
	ipc_put_str(ipc, NULL);
	ipc_put_str(ipc, "text");
	ipc_put_bytes(ipc, "a\0b", 3);
	ipc_end(ipc);
}

static void
put_descriptor(struct ipc *ipc, uint8_t c)
{
	int	 p[2];

	ATF_REQUIRE(pipe(p) == 0);
	ATF_REQUIRE(write(p[1], &c, 1) == 1);
	close(p[1]);
	ipc_begin(ipc, SMTPD_LARGE);
	ipc_put_u8(ipc, c);
	ipc_put_fd(ipc, p[0]);
	ipc_end(ipc);
}

static void
hang_up(void *arg)
{
	struct ipc	*ipc = arg;

	ipc_flush(ipc);
	ipc_free(ipc);
}

ATF_TC_WITHOUT_HEAD(carries);
ATF_TC_BODY(carries, tc)
{
	struct loop_job	 job;
	struct ipc	*a, *b;
	char		*big;
	uint32_t	 i;
	int		 pair[2];

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	loop_init();
	a = ipc_new(pair[0], "b", none, closed, NULL);
	b = ipc_new(pair[1], "a", entries, closed, NULL);
	ATF_REQUIRE(b != NULL);
	/* Few enough to fit the socket: nobody reads until the loop runs. */
	for (i = 0; i < 600; i++) {
		put_fields(a, i);
		if (i % 100 == 0)
			put_descriptor(a, (uint8_t)i);
	}
	ATF_REQUIRE((big = calloc(1, IPC_MAX)) != NULL);
	ipc_begin(a, SMTPD_CONTENT);
	ipc_put_bytes(a, big, IPC_INLINE + 4096);
	ipc_end(a);
	free(big);
	ATF_CHECK(ipc_pending(a) > IPC_INLINE);
	loop_job_init(&job, hang_up, a);
	loop_job_queue(&job);
	ATF_CHECK_EQ(0, loop_run());
	ATF_CHECK_EQ(600, got.seen);
	ATF_CHECK_EQ(6, got.fds);
	ATF_CHECK_EQ(IPC_INLINE + 4096, got.longest);
	ATF_CHECK_EQ(1, got.closed);
}

ATF_TC_WITHOUT_HEAD(short_message_is_fatal);
ATF_TC_BODY(short_message_is_fatal, tc)
{
	struct ipc_msg	 m = { .type = SMTPD_MAIL,
	    .data = (const uint8_t *)"ab", .len = 2, .fd = -1 };
	int		 status;
	pid_t		 pid;

	/* a child, for fatal() ends the process */
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)ipc_get_u32(&m);
		_exit(0);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

ATF_TC_WITHOUT_HEAD(string_without_end_is_fatal);
ATF_TC_BODY(string_without_end_is_fatal, tc)
{
	struct ipc_msg	 m = { .type = SMTPD_MAIL,
	    .data = (const uint8_t *)"\2\0\0\0abc", .len = 7, .fd = -1 };
	int		 status;
	pid_t		 pid;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)ipc_get_str(&m);
		_exit(0);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* One of these to a channel that is distrusted. */
static void
put_number(struct ipc *ipc)
{
	ipc_begin(ipc, SMTPD_ABORT);
	ipc_put_u64(ipc, 1);
	ipc_end(ipc);
}

static void
put_short(struct ipc *ipc)
{
	ipc_begin(ipc, SMTPD_ABORT);
	ipc_put_u8(ipc, 1);
	ipc_end(ipc);
}

static void
put_long(struct ipc *ipc)
{
	ipc_begin(ipc, SMTPD_ABORT);
	ipc_put_u64(ipc, 1);
	ipc_put_u8(ipc, 1);
	ipc_end(ipc);
}

static void
put_unknown(struct ipc *ipc)
{
	ipc_begin(ipc, SMTPD_COMMIT);
	ipc_end(ipc);
}

static void
put_bad_string(struct ipc *ipc)
{
	ipc_begin(ipc, SMTPD_HEADER);
	ipc_put_u32(ipc, 2);
	ipc_put_u32(ipc, 0x41414141);
	ipc_end(ipc);
}

static void
number(struct ipc *ipc, struct ipc_msg *m)
{
	uint64_t	 n = ipc_get_u64(m);

	ipc_get_end(m);
	ATF_CHECK(n == 1 || (m->broken && n == 0));
	got.seen++;
}

static void
string(struct ipc *ipc, struct ipc_msg *m)
{
	ATF_CHECK(ipc_get_str(m) == NULL);
	ipc_get_end(m);
	got.seen++;
}

static const struct ipc_entry	 wary[] = {
	{ SMTPD_ABORT,	number },
	{ SMTPD_HEADER,	string },
	{ IPC_NONE,	NULL }
};

/* What is broken ends the channel, and nothing else; nothing follows it. */
ATF_TC_WITHOUT_HEAD(distrusted);
ATF_TC_BODY(distrusted, tc)
{
	static const struct {
		void	 (*put)(struct ipc *);
		uint32_t  seen;
	} cases[] = {
		{ put_short, 2 }, { put_long, 2 }, { put_unknown, 1 },
		{ put_bad_string, 2 }
	};
	struct ipc	*a, *b;
	size_t		 i;
	int		 pair[2], status;
	pid_t		 pid;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0,
			    pair) == 0);
			loop_init();
			a = ipc_new(pair[0], "b", none, closed, NULL);
			b = ipc_new(pair[1], "a", wary, closed, NULL);
			ipc_distrust(b);
			put_number(a);
			cases[i].put(a);
			put_number(a);
			(void)loop_run();
			_exit(got.seen == cases[i].seen &&
			    got.closed > 0 ? 0 : 2);
		}
		ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
		ATF_CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "case %zu", i);
	}
}

/* A question is answered at length, while nobody reads that. */
static void
at_length(struct ipc *ipc, struct ipc_msg *m)
{
	static char	 text[IPC_INLINE];

	(void)ipc_get_u64(m);
	ipc_get_end(m);
	ipc_begin(ipc, SMTPD_CONTENT);
	ipc_put_bytes(ipc, text, sizeof(text));
	ipc_end(ipc);
	got.seen++;
}

static const struct ipc_entry	 asked[] = {
	{ SMTPD_ABORT,	at_length },
	{ IPC_NONE,	NULL }
};

static const struct ipc_entry	 answered[] = {
	{ SMTPD_CONTENT, long_bytes },
	{ IPC_NONE,	NULL }
};

#define QUESTIONS	1000

/* All were asked before the first answer is read. */
static size_t	 most;
static struct loop_job	 look;

static void
look_on(void *arg)
{
	struct ipc	*b = arg;

	if (ipc_pending(b) > most)
		most = ipc_pending(b);
	if (got.seen < QUESTIONS)
		loop_job_queue(&look);
	else
		loop_exit(0);
}

ATF_TC_WITHOUT_HEAD(unread);
ATF_TC_BODY(unread, tc)
{
	struct ipc	*a, *b;
	int		 pair[2], i;

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	loop_init();
	a = ipc_new(pair[0], "b", answered, closed, NULL);
	b = ipc_new(pair[1], "a", asked, closed, NULL);
	ipc_distrust(b);
	for (i = 0; i < QUESTIONS; i++)
		put_number(a);
	loop_job_init(&look, look_on, b);
	loop_job_queue(&look);
	ATF_CHECK_EQ(0, loop_run());
	ATF_CHECK_EQ(QUESTIONS, got.seen);
	ATF_CHECK_MSG(most < 17 * 1024 * 1024, "%zu octets", most);
}

/* What waits is what was not written, not all since nothing waited. */
static void
read_a_part(void *arg)
{
	static char	 part[4096];
	static int	 turns;

	if (++turns > 1000 || ipc_pending(arg) < most / 2)
		loop_exit(0);
	else
		(void)recv(got.fds, part, sizeof(part), MSG_DONTWAIT);
	loop_job_queue(&look);
}

ATF_TC_WITHOUT_HEAD(pending_falls);
ATF_TC_BODY(pending_falls, tc)
{
	struct ipc	*a;
	int		 pair[2], i;

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	loop_init();
	a = ipc_new(pair[0], "b", answered, closed, NULL);
	got.fds = pair[1];
	for (i = 0; i < 200000; i++)
		put_number(a);
	most = ipc_pending(a);
	loop_job_init(&look, read_a_part, a);
	loop_job_queue(&look);
	ATF_CHECK_EQ(0, loop_run());
	ATF_CHECK(ipc_pending(a) > 0);
	ATF_CHECK_MSG(ipc_pending(a) < most, "%zu octets",
	    ipc_pending(a));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, carries);
	ATF_TP_ADD_TC(tp, short_message_is_fatal);
	ATF_TP_ADD_TC(tp, string_without_end_is_fatal);
	ATF_TP_ADD_TC(tp, distrusted);
	ATF_TP_ADD_TC(tp, unread);
	ATF_TP_ADD_TC(tp, pending_falls);
	return (atf_no_error());
}
