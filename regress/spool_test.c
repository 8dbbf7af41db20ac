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
 * The spool as its callers see it: what was acknowledged is there after a
 * start, one flush serves many, errors of every system call, reclaim.
 */

#include "regress/spool_model.h"

/* ---- a flush role that answers when told to */

static struct {
	uint64_t	 serial[64];
	uint32_t	 number[64];
	uint32_t	 waiting;
	uint32_t	 files;
	uint32_t	 syncs;
	int		 fds[64];
	uint32_t	 names[64];
} role;

static void
role_file(uint32_t number, int fd)
{
	ATF_REQUIRE(role.files < 64);
	role.names[role.files] = number;
	role.fds[role.files++] = fd;
}

static void
role_sync(uint64_t serial, uint32_t number)
{
	ATF_REQUIRE(role.waiting < 64);
	role.number[role.waiting] = number;
	role.serial[role.waiting++] = serial;
	role.syncs++;
}

static void
role_close(uint32_t number)
{
	uint32_t	 i;

	for (i = 0; i < role.files; i++)
		if (role.names[i] == number) {
			disk_shut(role.fds[i]);
			role.files--;
			role.fds[i] = role.fds[role.files];
			role.names[i] = role.names[role.files];
			return;
		}
}

static const struct spool_flusher role_flusher = {
	role_file, role_sync, role_close
};

static void
role_answer(int error)
{
	uint64_t	 serial = role.serial[0];
	uint32_t	 i;

	if (role.waiting == 0)
		return;
	for (i = 1; i < role.waiting; i++) {
		role.serial[i - 1] = role.serial[i];
		role.number[i - 1] = role.number[i];
	}
	role.waiting--;
	spool_flushed(serial, error);
}

static void
role_end(void)
{
	while (role.files > 0)
		role_close(role.names[0]);
	memset(&role, 0, sizeof(role));
}

/* ---- plain use */

ATF_TC_WITHOUT_HEAD(reopen);
ATF_TC_BODY(reopen, tc)
{
	struct model_message	*m;
	int			 i;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	for (i = 0; i < 100; i++)
		m = model_append(model_random(5000), i % 10 == 0);
	spool_commit();
	for (i = 0; i < 100; i += 3)
		model_finish(&model.messages[i]);
	spool_suspend("binding acme", "by=root reason=a b", NULL, NULL);
	spool_close();
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK_EQ(0, model.damaged);
	ATF_CHECK_STREQ("binding acme", model.suspended);
	for (i = 0; i < 100; i++) {
		m = &model.messages[i];
		ATF_CHECK(m->acked);
		ATF_CHECK_EQ(i % 3 != 0, m->seen);
		if (m->seen)
			ATF_CHECK_MSG(model_readable(m), "%d", i);
	}
	spool_close();
}

ATF_TC_WITHOUT_HEAD(lock);
ATF_TC_BODY(lock, tc)
{
	int	 fd;

	model_reset(1);
	ATF_REQUIRE_EQ(0, mkdir("spool", 0700));
	ATF_REQUIRE((fd = open("spool/lock", O_RDWR | O_CREAT, 0600)) != -1);
	ATF_REQUIRE_EQ(0, disk_kernel.flock(fd, 2 | 4));
	ATF_CHECK_EQ(-1, model_open("spool"));
	ATF_CHECK(strstr(model.what, "in use") != NULL);
	close(fd);
	ATF_CHECK_EQ(0, model_open("spool"));
	spool_close();
}

ATF_TC_WITHOUT_HEAD(mode);
ATF_TC_BODY(mode, tc)
{
	model_reset(1);
	ATF_REQUIRE_EQ(0, mkdir("spool", 0755));
	ATF_CHECK_EQ(-1, model_open("spool"));
	ATF_CHECK(strstr(model.what, "0700") != NULL);
}

/* Many waiters share a flush, and the next batch gathers meanwhile. */
ATF_TC_WITHOUT_HEAD(group_commit);
ATF_TC_BODY(group_commit, tc)
{
	struct spool_stats	 stats;
	int			 i;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	spool_set_flusher(&role_flusher);
	for (i = 0; i < 20; i++)
		model_append(100, 0);
	spool_commit();
	ATF_CHECK(!model.messages[0].acked);
	for (; i < 40; i++)
		model_append(100, 0);
	spool_commit();
	while (role.waiting > 0 && !model.messages[0].acked)
		role_answer(0);
	ATF_CHECK(model.messages[19].acked);
	ATF_CHECK(!model.messages[20].acked);
	while (role.waiting > 0)
		role_answer(0);
	ATF_CHECK(model.messages[39].acked);
	spool_stats(&stats);
	ATF_CHECK_EQ(2, stats.flushes);
	ATF_CHECK(spool_idle());
	spool_close();
	role_end();
	ATF_REQUIRE_EQ(0, model_open("spool"));
	for (i = 0; i < 40; i++)
		ATF_CHECK(model.messages[i].seen);
	spool_close();
}

/* A result alone asks for no flush until the second is over. */
ATF_TC_WITHOUT_HEAD(results_ride);
ATF_TC_BODY(results_ride, tc)
{
	uint32_t	 before;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	spool_set_flusher(&role_flusher);
	model_append(100, 0);
	spool_commit();
	while (role.waiting > 0)
		role_answer(0);
	before = role.syncs;
	model_finish(&model.messages[0]);
	spool_commit();
	ATF_CHECK_EQ(before, role.syncs);
	ATF_CHECK(!spool_idle());
	spool_tick();
	ATF_CHECK(role.syncs > before);
	while (role.waiting > 0)
		role_answer(0);
	ATF_CHECK(spool_idle());
	spool_close();
	role_end();
}

/* A failed flush is believed: refused, and not there after a start. */
ATF_TC_WITHOUT_HEAD(flush_fails);
ATF_TC_BODY(flush_fails, tc)
{
	struct model_message	*a, *b, *c;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	spool_set_flusher(&role_flusher);
	a = model_append(100, 0);
	spool_commit();
	while (role.waiting > 0)
		role_answer(0);
	b = model_append(100, 0);
	model_finish(a);
	spool_commit();
	role_answer(EIO);
	ATF_CHECK_EQ(EIO, b->error);
	ATF_CHECK(!b->acked);
	while (role.waiting > 0)
		role_answer(0);
	ATF_CHECK_EQ(0, spool_accepting(100));
	c = model_append(100, 0);
	spool_commit();
	while (role.waiting > 0)
		role_answer(0);
	ATF_CHECK(c->acked);
	spool_close();
	role_end();
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK(!a->seen);
	ATF_CHECK(!b->seen);
	ATF_CHECK(c->seen);
	ATF_CHECK_EQ(0, model.damaged);
	spool_close();
}

/*
 * The stop comes before the flush is answered: what was not acknowledged is
 * not there after a start, for whoever sent it keeps it.
 */
ATF_TC_WITHOUT_HEAD(flush_unanswered);
ATF_TC_BODY(flush_unanswered, tc)
{
	struct model_message	*a, *b;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	spool_set_flusher(&role_flusher);
	a = model_append(100, 0);
	spool_commit();
	while (role.waiting > 0)
		role_answer(0);
	b = model_append(100, 0);
	model_finish(a);
	spool_commit();
	ATF_REQUIRE(role.waiting > 0);
	spool_close();
	role_end();
	ATF_CHECK(b->error != 0);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK(!a->seen);
	ATF_CHECK(!b->seen);
	ATF_CHECK_EQ(0, model.damaged);
	spool_close();
}

ATF_TC_WITHOUT_HEAD(flush_fails_twice);
ATF_TC_BODY(flush_fails_twice, tc)
{
	struct model_message	*a, *b;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	spool_set_flusher(&role_flusher);
	a = model_append(100, 0);
	spool_commit();
	while (role.waiting > 0)
		role_answer(0);
	b = model_append(100, 0);
	spool_commit();
	while (role.waiting > 0)
		role_answer(EIO);
	ATF_CHECK_EQ(EIO, b->error);
	ATF_CHECK_EQ(EIO, spool_accepting(1));
	b = model_append(100, 0);
	ATF_CHECK_EQ(EIO, b->error);
	spool_tick();
	ATF_CHECK_EQ(EIO, spool_accepting(1));
	ATF_CHECK(spool_failed());
	spool_close();
	role_end();
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK(a->seen);
	ATF_CHECK_EQ(0, spool_accepting(1));
	ATF_CHECK(!spool_failed());
	spool_close();
}

/* ---- groups */

ATF_TC_WITHOUT_HEAD(group_is_whole);
ATF_TC_BODY(group_is_whole, tc)
{
	struct model_message	*a, *b;
	struct stat		 st;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	a = model_append(100, 0);
	spool_commit();
	spool_begin();
	b = model_append(2000, 0);
	model_finish(a);
	spool_end();
	spool_commit();
	spool_close();
	/* the result is the last record: without it the bounce goes, too */
	ATF_REQUIRE_EQ(0, stat("spool/log/0000000001.seg", &st));
	ATF_REQUIRE_EQ(0, truncate("spool/log/0000000001.seg",
	    st.st_size - 1));
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK(a->seen);
	ATF_CHECK(!b->seen);
	ATF_CHECK_EQ(1, model.damaged);
	spool_close();
}

/* ---- the disk is full */

static struct {
	uint64_t	 left;		/* octets that may be written */
	int		 on;
} quota;

static ssize_t
quota_pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	struct stat	 st;
	ssize_t		 done;

	if (!quota.on)
		return (disk_kernel.pwritev(fd, iov, n, offset));
	/* what is allocated already may be written over */
	ATF_REQUIRE_EQ(0, fstat(fd, &st));
	if (offset + (off_t)iov->iov_len <= st.st_size)
		return (disk_kernel.pwritev(fd, iov, 1, offset));
	if (quota.left == 0) {
		errno = ENOSPC;
		return (-1);
	}
	if (iov->iov_len > quota.left) {
		done = pwrite(fd, iov->iov_base, quota.left, offset);
		quota.left = 0;
		return (done);
	}
	done = disk_kernel.pwritev(fd, iov, 1, offset);
	quota.left -= (uint64_t)done;
	return (done);
}

ATF_TC_WITHOUT_HEAD(disk_full);
ATF_TC_BODY(disk_full, tc)
{
	struct disk_calls	 calls = disk_kernel;
	struct model_message	*m;
	struct stat		 st;
	uint32_t		 i, refused = 0, after;

	calls.pwritev = quota_pwritev;
	disk_set_calls(&calls);
	model_reset(1);
	spool_set_segment_size(64 * 1024);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	for (i = 0; i < 20; i++)
		model_append(1000, 0);
	spool_commit();
	spool_tick();
	ATF_REQUIRE_EQ(0, stat("spool/spare", &st));
	ATF_CHECK_EQ(64 * 1024, st.st_size);
	quota.on = 1;
	quota.left = 2500;
	for (i = 0; i < 10; i++) {
		m = model_append(1000, 0);
		spool_commit();
		refused += m->error == ENOSPC;
	}
	ATF_CHECK(refused >= 7);
	/* what is queued still goes out, with the spare */
	for (i = 0; i < 20; i++) {
		model_finish(&model.messages[i]);
		spool_commit();
	}
	spool_tick();
	ATF_CHECK(spool_idle());
	ATF_CHECK(stat("spool/spare", &st) == -1 || st.st_size == 0);
	quota.on = 0;
	spool_tick();
	m = model_append(1000, 0);
	spool_commit();
	ATF_CHECK(m->acked);
	spool_close();
	disk_set_calls(NULL);
	after = model.count;
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK_EQ(0, model.damaged);
	for (i = 0; i < after; i++) {
		m = &model.messages[i];
		ATF_CHECK_EQ_MSG(m->acked && !m->result, m->seen,
		    "%u: acked %d result %d seen %d", i, m->acked, m->result,
		    m->seen);
	}
	spool_close();
}

/* ---- reclaim */

ATF_TC_WITHOUT_HEAD(reclaim);
ATF_TC_BODY(reclaim, tc)
{
	struct spool_stats	 stats;
	struct model_message	*m;
	uint32_t		 i;

	model_reset(7);
	spool_set_segment_size(128 * 1024);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	snprintf(model.suspended, sizeof(model.suspended), "binding x");
	for (i = 0; i < 3000; i++) {
		m = model_append(500 + model_random(2000), i % 50 == 0);
		spool_commit();
		ATF_REQUIRE(m->acked);
		if (i > 5 && i % 100 != 0)
			model_finish(&model.messages[i]);
		if (i % 20 == 0)
			spool_tick();
	}
	for (i = 0; i < 50; i++)
		spool_tick();
	spool_stats(&stats);
	ATF_CHECK_MSG(stats.segments <= 4, "%u segments, %llu of %llu live",
	    stats.segments, (unsigned long long)stats.live,
	    (unsigned long long)stats.bytes);
	spool_close();
	model.suspended[0] = '\0';
	ATF_REQUIRE_EQ(0, model_open("spool"));
	ATF_CHECK_EQ_MSG(0, model.damaged, "%s", model.what);
	ATF_CHECK_STREQ("binding x", model.suspended);
	for (i = 0; i < 3000; i++) {
		m = &model.messages[i];
		ATF_CHECK_EQ_MSG(!m->result, m->seen, "%u", i);
		if (m->seen)
			ATF_CHECK_MSG(model_readable(m), "%u", i);
	}
	for (i = 0; i < 3000; i++)
		if (model.messages[i].seen)
			model_finish(&model.messages[i]);
	for (i = 0; i < 50; i++)
		spool_tick();
	spool_stats(&stats);
	ATF_CHECK_EQ(1, stats.segments);
	spool_close();
}

/*
 * A live message that reclaim finds damaged: its segment stays until it has
 * ended, for the sender is told by what can still be read there.
 */
ATF_TC_WITHOUT_HEAD(reclaim_damaged);
ATF_TC_BODY(reclaim_damaged, tc)
{
	struct model_message	*m;
	struct envelope		*e;
	struct stat		 st;
	int			 fd, i;

	model_reset(1);
	spool_set_segment_size(16 * 1024);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	for (i = 0; i < 30; i++) {
		model_append(3000, 0);
		spool_commit();
	}
	m = &model.messages[0];
	ATF_REQUIRE_EQ(1, m->ref.segment);
	ATF_REQUIRE((fd = open("spool/log/0000000001.seg", O_WRONLY)) != -1);
	ATF_REQUIRE_EQ(4, pwrite(fd, "oops", 4, m->ref.offset + 2000));
	close(fd);
	for (i = 1; i < 30; i++)
		model_finish(&model.messages[i]);
	for (i = 0; i < 200; i++)
		spool_tick();
	ATF_CHECK((e = spool_read_envelope(m->ref)) != NULL);
	envelope_free(e);
	model_finish(m);
	for (i = 0; i < 200; i++)
		spool_tick();
	ATF_CHECK_EQ(-1, stat("spool/log/0000000001.seg", &st));
	ATF_CHECK_EQ(0, stat("spool/damaged/0000000001.seg", &st));
	spool_close();
}

ATF_TC_WITHOUT_HEAD(replies);
ATF_TC_BODY(replies, tc)
{
	struct spool_ref	 ref;
	char			*reply;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	model_append(10, 0);
	spool_commit();
	spool_defer(1000, 1, 2, 98, 0, "450 4.2.0 not now");
	spool_defer(1000, 1, 3, 99, 0, "451 4.7.1 come back later");
	ref = spool_last();
	spool_defer(1000, 3, 3, 99, 0, "another's");
	/* before it is written, too, and it is the last one that counts */
	reply = spool_read_reply(ref, 1000, 1);
	ATF_CHECK_STREQ("451 4.7.1 come back later", reply);
	free(reply);
	spool_commit();
	reply = spool_read_reply(ref, 1000, 1);
	ATF_CHECK_STREQ("451 4.7.1 come back later", reply);
	free(reply);
	reply = spool_read_reply(ref, 1000, 2);
	ATF_CHECK_STREQ("", reply);
	free(reply);
	spool_close();
}

/* Disk and spare are full: it says so, until there is room again. */
ATF_TC_WITHOUT_HEAD(congested);
ATF_TC_BODY(congested, tc)
{
	struct disk_calls	 calls = disk_kernel;
	uint32_t		 i;

	calls.pwritev = quota_pwritev;
	disk_set_calls(&calls);
	model_reset(1);
	spool_set_segment_size(16 * 1024);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	model_append(1000, 0);
	spool_commit();
	spool_tick();
	quota.on = 1;
	quota.left = 0;
	for (i = 0; i < 1000 && !spool_congested(); i++) {
		spool_defer(1000, 1, 1, 99, 0, "451 4.7.1 come back later");
		spool_commit();
	}
	ATF_CHECK(i > 10 && i < 1000);
	ATF_CHECK_EQ(ENOSPC, spool_accepting(0));
	spool_tick();
	ATF_CHECK(spool_congested());
	ATF_CHECK(!spool_idle());
	quota.on = 0;
	spool_tick();
	ATF_CHECK(!spool_congested());
	ATF_CHECK_EQ(0, spool_accepting(0));
	ATF_CHECK(spool_idle());
	spool_close();
	disk_set_calls(NULL);
}

static struct spool_ref	 reply_refs[60];

static void
reply_located(uint64_t id, uint32_t rcpt, struct spool_ref ref)
{
	ATF_REQUIRE_EQ(1000, id);
	ATF_REQUIRE(rcpt < 60);
	reply_refs[rcpt] = ref;
}

/* A record that comes to lie in a new segment is found there. */
ATF_TC_WITHOUT_HEAD(replies_move);
ATF_TC_BODY(replies_move, tc)
{
	struct spool_stats	 stats;
	uint32_t		 i;
	char			 words[300], *reply;

	model_reset(1);
	spool_set_segment_size(4096);
	spool_set_located(reply_located);
	ATF_REQUIRE_EQ(0, model_open("spool"));
	model_append(10, 0);
	spool_commit();
	for (i = 0; i < 60; i++) {
		snprintf(words, sizeof(words), "451 4.7.1 %0200u", i);
		spool_defer(1000, i, 3, 99, 0, words);
		reply_refs[i] = spool_last();
		if (i % 3 == 0)
			spool_commit();
	}
	spool_commit();
	spool_stats(&stats);
	ATF_CHECK(stats.segments > 3);
	for (i = 0; i < 60; i++) {
		snprintf(words, sizeof(words), "451 4.7.1 %0200u", i);
		reply = spool_read_reply(reply_refs[i], 1000, i);
		ATF_CHECK_STREQ(words, reply);
		free(reply);
	}
	spool_close();
	spool_set_located(NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, reopen);
	ATF_TP_ADD_TC(tp, lock);
	ATF_TP_ADD_TC(tp, mode);
	ATF_TP_ADD_TC(tp, group_commit);
	ATF_TP_ADD_TC(tp, results_ride);
	ATF_TP_ADD_TC(tp, flush_fails);
	ATF_TP_ADD_TC(tp, flush_unanswered);
	ATF_TP_ADD_TC(tp, flush_fails_twice);
	ATF_TP_ADD_TC(tp, group_is_whole);
	ATF_TP_ADD_TC(tp, disk_full);
	ATF_TP_ADD_TC(tp, reclaim);
	ATF_TP_ADD_TC(tp, congested);
	ATF_TP_ADD_TC(tp, reclaim_damaged);
	ATF_TP_ADD_TC(tp, replies);
	ATF_TP_ADD_TC(tp, replies_move);
	return (atf_no_error());
}
