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
 * Envelopes as text: there and back, what is refused, how fast.
 */

#include <atf-c.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/envelope.h"

static void	 check_string(const char *, const char *);
static void	 check_rcpt(const struct envelope_rcpt *,
		    const struct envelope_rcpt *);
static void	 check_same(const struct envelope *, const struct envelope *);
static void	 round_trip(const struct envelope *);
static int	 parses(const char *, size_t);

static struct envelope_rcpt rcpts[] = {
	{
		.number = 1, .address = "bob@example.org", .action = "out",
		.destination = "example.org", .binding = "acme", .rule = 12
	}, {
		.number = 2, .address = "bob+tag\n\x01\xc3\xb6@x",
		.action = "", .destination = "smtp://127.0.0.1:20100",
		.binding = "b", .group = "g", .rule = UINT32_MAX, .local = 1,
		.orcpt = "rfc822;bob+2Btag@x", .notify = "SUCCESS,DELAY",
		.state = RCPT_REMOVED, .tries = UINT16_MAX,
		.due = UINT64_MAX, .warned = 1, .reply = "450 4.2.0 no\r\nnow"
	}
};

static struct envelope	 full = {
	.id = 0x5f3a0000000000c1, .created = 1795384077000001,
	.sender = "news@acme.example", .client = "2001:db8::1",
	.helo = "x y", .auth = "acme", .user = "root", .tag = "submission",
	.socket = 1, .local = 1, .bounce = 1, .eightbit = 1, .smtputf8 = 1,
	.ret = "HDRS", .envid = "QQ314159", .large = "5f3a0000000000c1",
	.nrcpts = 2, .rcpts = rcpts
};

static struct envelope	 least = { .sender = "" };

static void
check_string(const char *a, const char *b)
{
	ATF_REQUIRE_EQ(a == NULL, b == NULL);
	if (a != NULL)
		ATF_CHECK_STREQ(a, b);
}

static void
check_rcpt(const struct envelope_rcpt *a, const struct envelope_rcpt *b)
{
	ATF_CHECK_EQ(a->number, b->number);
	check_string(a->address, b->address);
	check_string(a->action, b->action);
	check_string(a->destination, b->destination);
	check_string(a->binding, b->binding);
	check_string(a->group, b->group);
	ATF_CHECK_EQ(a->rule, b->rule);
	ATF_CHECK_EQ(a->local, b->local);
	check_string(a->orcpt, b->orcpt);
	check_string(a->notify, b->notify);
	ATF_CHECK_EQ(a->state, b->state);
	ATF_CHECK_EQ(a->tries, b->tries);
	ATF_CHECK_EQ(a->due, b->due);
	ATF_CHECK_EQ(a->warned, b->warned);
	check_string(a->reply, b->reply);
}

static void
check_same(const struct envelope *a, const struct envelope *b)
{
	uint32_t i;

	ATF_CHECK_EQ(a->id, b->id);
	ATF_CHECK_EQ(a->created, b->created);
	check_string(a->sender, b->sender);
	check_string(a->client, b->client);
	check_string(a->helo, b->helo);
	check_string(a->auth, b->auth);
	check_string(a->user, b->user);
	check_string(a->tag, b->tag);
	ATF_CHECK_EQ(a->socket, b->socket);
	ATF_CHECK_EQ(a->local, b->local);
	ATF_CHECK_EQ(a->bounce, b->bounce);
	ATF_CHECK_EQ(a->eightbit, b->eightbit);
	ATF_CHECK_EQ(a->smtputf8, b->smtputf8);
	check_string(a->ret, b->ret);
	check_string(a->envid, b->envid);
	check_string(a->large, b->large);
	ATF_REQUIRE_EQ(a->nrcpts, b->nrcpts);
	for (i = 0; i < a->nrcpts; i++)
		check_rcpt(&a->rcpts[i], &b->rcpts[i]);
}

static void
round_trip(const struct envelope *e)
{
	struct envelope *back;
	char *text;
	size_t len;

	text = envelope_write(e, &len);
	ATF_REQUIRE(text != NULL);
	ATF_REQUIRE_EQ(len, strlen(text));
	ATF_REQUIRE((back = envelope_parse(text, len)) != NULL);
	check_same(e, back);
	envelope_free(back);
	free(text);
}

/* Through a copy of exactly that size: a sanitizer sees an over-read. */
static int
parses(const char *text, size_t len)
{
	struct envelope *e;
	char *copy;

	ATF_REQUIRE((copy = malloc(len + (len == 0))) != NULL);
	memcpy(copy, text, len);
	e = envelope_parse(copy, len);
	envelope_free(e);
	free(copy);
	return (e != NULL);
}

ATF_TC_WITHOUT_HEAD(both_ways);
ATF_TC_BODY(both_ways, tc)
{
	struct envelope e = least;
	struct envelope_rcpt r = { .number = 1 };
	size_t len;

	round_trip(&full);
	round_trip(&least);

	/* what has no sender or no address is no envelope */
	e.sender = NULL;
	ATF_CHECK_EQ(NULL, envelope_write(&e, &len));
	ATF_CHECK_EQ(EINVAL, errno);
	e.sender = "";
	e.nrcpts = 1;
	e.rcpts = &r;
	ATF_CHECK_EQ(NULL, envelope_write(&e, &len));
	r.address = "";
	round_trip(&e);
}

ATF_TC_WITHOUT_HEAD(many);
ATF_TC_BODY(many, tc)
{
	struct envelope e = full;
	uint32_t i;

	e.nrcpts = 1000;
	ATF_REQUIRE((e.rcpts = calloc(e.nrcpts, sizeof(*e.rcpts))) != NULL);
	for (i = 0; i < e.nrcpts; i++) {
		e.rcpts[i] = rcpts[i % 2];
		e.rcpts[i].number = i + 1;
	}
	round_trip(&e);
	free(e.rcpts);
}

/* Cut anywhere or with one octet wrong, it is refused or harmless. */
ATF_TC_WITHOUT_HEAD(damaged);
ATF_TC_BODY(damaged, tc)
{
	char *text;
	size_t i, len;
	int c;

	ATF_REQUIRE((text = envelope_write(&full, &len)) != NULL);
	ATF_CHECK(parses(text, len));
	for (i = 0; i < len; i++) {
		/* a torn line never passes; whole lines less may */
		if (i == 0 || text[i - 1] != '\n')
			ATF_CHECK_EQ_MSG(0, parses(text, i), "%zu", i);
		else
			(void)parses(text, i);
		for (c = 0; c < 256; c += 5) {
			text[i] ^= c;
			(void)parses(text, len);
			text[i] ^= c;
		}
	}
	free(text);
}

ATF_TC_WITHOUT_HEAD(refused);
ATF_TC_BODY(refused, tc)
{
#define HEAD	"i 00000000000000C1\n"
#define MAIL	HEAD "n 1\nf a@b\n"
	static const char *const bad[] = {
		"", "\n", "i", "i \n", HEAD, HEAD "f \n", HEAD "n 0\n",
		"n 0\n" HEAD "f \n",
		"i 00000000000000c1\nn 0\nf \n", "i C1\nn 0\nf \n",
		HEAD "n 1\nf \n", HEAD "n 0\nf \nr 1 a@b\n",
		HEAD "n 2\nf \nr 1 a@b\n", HEAD "n 4294967295\nf \nr 1 a\n",
		HEAD "n 4294967296\nf \n", HEAD "n -1\nf \n",
		HEAD "n 0 \nf \n", HEAD "n 0\nf \nf \n", HEAD "n 0\nf",
		HEAD "n 0\nf \ns 2\n", HEAD "n 0\nf \ns\n",
		HEAD "n 0\nf \nq 1\n", HEAD "n 0\nf \nc 1 2\n",
		HEAD "n 0\nf \nc 18446744073709551616\n",
		HEAD "n 0\nf +\n", HEAD "n 0\nf +4\n", HEAD "n 0\nf +4\n1",
		HEAD "n 0\nf +00\n", HEAD "n 0\nf +4a\n", HEAD "n 0\nf a\tb\n",
		MAIL "r 1\n", MAIL "r a@b\n", MAIL "r  a@b\n", MAIL "r 1 a",
		MAIL "r 1 a\nS 5\n", MAIL "r 1 a\nT 65536\n",
		MAIL "r 1 a\nh x\n", MAIL "r 1 a\nA x\nA y\n",
		MAIL "r 1 a\nr 2 b\n"
	};
	static const char *const good[] = {
		HEAD "n 0\nf \n", MAIL "r 1 a@b\n", MAIL "r 1 \n",
		MAIL "r 1 a b+0A\nS 4\nT 65535\n"
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_EQ_MSG(0, parses(bad[i], strlen(bad[i])), "%s",
		    bad[i]);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ATF_CHECK_EQ_MSG(1, parses(good[i], strlen(good[i])), "%s",
		    good[i]);
	ATF_CHECK_EQ(0, parses(MAIL "r 1 a\0b\n", sizeof(MAIL) + 8));
}

/* A million at the start must be a matter of a second or two. */
ATF_TC_WITHOUT_HEAD(speed);
ATF_TC_BODY(speed, tc)
{
	const int times = 200 * 1000;
	struct timespec before, after;
	struct envelope e = full, *back;
	double seconds;
	char *text;
	size_t len;
	int i;

	e.nrcpts = 1;
	ATF_REQUIRE((text = envelope_write(&e, &len)) != NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	for (i = 0; i < times; i++) {
		ATF_REQUIRE((back = envelope_parse(text, len)) != NULL);
		envelope_free(back);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	seconds = (after.tv_sec - before.tv_sec) +
	    (after.tv_nsec - before.tv_nsec) / 1e9;
	printf("%zu octets, %.2f s for a million\n", len,
	    seconds * 1000000 / times);
	/* ten times slower than here still passes */
	ATF_CHECK(seconds * 1000000 / times < 10);
	free(text);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, both_ways);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, damaged);
	ATF_TP_ADD_TC(tp, refused);
	ATF_TP_ADD_TC(tp, speed);
	return (atf_no_error());
}
