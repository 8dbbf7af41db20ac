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
 * FILTER of the control commands.
 */

#include <atf-c.h>
#include <string.h>

#include "queue/client.h"

#define ID	0x5f3a0000000000c1ULL

static struct envelope_rcpt rcpts[] = {
	{ .number = 1, .address = "bob@example.org" },
	{ .number = 2, .address = "eve@sub.example.net" },
};

static struct envelope mail = {
	.id = ID, .sender = "news@acme.example", .auth = "acme",
	.nrcpts = 2, .rcpts = rcpts
};

/* Words up to a space; 0 no, 1 yes, -1 wrong, 2 words are left. */
static int
match(const char *text, uint32_t rcpt, const char *destination)
{
	struct filter_subject	 s = {
		.id = ID, .rcpt = rcpt, .age = 3600, .binding = "acme",
		.destination = destination, .site = "outlook",
		.envelope = &mail
	};
	struct filter		 f;
	const char		*error;
	char			 copy[256], *words[16], *p = copy;
	int			 n, used;

	ATF_REQUIRE(strlcpy(copy, text, sizeof(copy)) < sizeof(copy));
	for (n = 0; n < 16 && (words[n] = strsep(&p, " ")) != NULL; n++)
		continue;
	if (text[0] == '\0')
		n = 0;
	if ((used = filter_parse(&f, words, n, &error)) == -1)
		return (-1);
	if (used < n)
		return (2);
	return (filter_match(&f, &s));
}

ATF_TC_WITHOUT_HEAD(conditions);
ATF_TC_BODY(conditions, tc)
{
	static const struct {
		const char	*text;
		int		 result;
	} tests[] = {
		{ "all", 1 },
		{ "binding acme", 1 },
		{ "binding Acme", 0 },
		{ "binding globex", 0 },
		{ "domain example.org", 1 },
		{ "domain EXAMPLE.org", 1 },
		{ "domain *.example.org", 0 },
		{ "domain org", 0 },
		{ "site outlook", 1 },
		{ "site gmail", 0 },
		{ "sender news@acme.example", 1 },
		{ "sender News@ACME.example", 1 },
		{ "sender @acme.example", 1 },
		{ "sender @globex.example", 0 },
		{ "sender <>", 0 },
		{ "auth acme", 1 },
		{ "auth globex", 0 },
		{ "older 1h", 1 },
		{ "older 61m", 0 },
		{ "binding acme domain example.org older 30m", 1 },
		{ "binding acme domain example.com older 30m", 0 },
		{ "5f3a0000000000c1", 1 },
		{ "5f3a0000000000c1.1", 1 },
		{ "5f3a0000000000c1.2", 0 },
		{ "5f3a0000000000c2", 0 },
		{ "", -1 },
		{ "binding", -1 },
		{ "older soon", -1 },
		{ "binding acme binding globex", -1 },
		{ "older 1h older 0s", -1 }, { "older 60", -1 }, { "older 1h5", -1 },
		{ "everything", -1 },
		{ "5f3a", -1 },
		{ "all of", 2 },
		{ "binding acme to", 2 },
		{ "5f3a0000000000c1 5f3a0000000000c1", 2 },
	};
	size_t	 i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		ATF_CHECK_EQ_MSG(tests[i].result, match(tests[i].text, 1,
		    "example.org"), "%s", tests[i].text);
}

/* Behind a relay host the address says which domain it is. */
ATF_TC_WITHOUT_HEAD(relay_host);
ATF_TC_BODY(relay_host, tc)
{
	struct filter_subject	 s = { .binding = "acme" };
	struct filter		 f = { .older = -1 };
	const char		*host = "smtp://relay.example.com";

	ATF_CHECK_EQ(1, match("domain example.org", 1, host));
	ATF_CHECK_EQ(0, match("domain example.org", 2, host));
	ATF_CHECK_EQ(1, match("domain *.example.net", 2, host));
	ATF_CHECK_EQ(1, match("domain smtp://relay.example.com", 2, host));

	/* unless only the destination is asked for */
	s.destination = host;
	f.domain = "example.org";
	f.by_lane = 1;
	ATF_CHECK_EQ(0, filter_quick(&f, &s));
	f.domain = "SMTP://relay.example.com";
	ATF_CHECK_EQ(1, filter_quick(&f, &s));
}

ATF_TC_WITHOUT_HEAD(null_sender);
ATF_TC_BODY(null_sender, tc)
{
	mail.sender = "";
	ATF_CHECK_EQ(1, match("sender <>", 1, "example.org"));
	ATF_CHECK_EQ(0, match("sender @acme.example", 1, "example.org"));
	mail.sender = "news@acme.example";
}

/* What memory can decide reads no envelope. */
ATF_TC_WITHOUT_HEAD(quick);
ATF_TC_BODY(quick, tc)
{
	struct filter_subject	 s = { .binding = "acme",
				    .destination = "example.org" };
	struct filter		 f = { .older = -1 };

	ATF_CHECK_EQ(1, filter_quick(&f, &s));
	f.sender = "news@acme.example";
	ATF_CHECK_EQ(2, filter_quick(&f, &s));
	ATF_CHECK_EQ(0, filter_match(&f, &s));
	f.binding = "globex";
	ATF_CHECK_EQ(0, filter_quick(&f, &s));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, conditions);
	ATF_TP_ADD_TC(tp, relay_host);
	ATF_TP_ADD_TC(tp, null_sender);
	ATF_TP_ADD_TC(tp, quick);
	return (atf_no_error());
}
