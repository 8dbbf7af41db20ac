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
 * Replies of SMTP servers, good and bad.
 */

#include <atf-c.h>
#include <string.h>

#include "mta/reply.h"

/* All lines of text; what reply_parse said last. */
static ssize_t
feed(struct reply *r, const char *text)
{
	size_t	 len = strlen(text), at = 0;
	ssize_t	 n = 0;

	reply_start(r);
	while (at < len) {
		if ((n = reply_parse(r, text + at, len - at)) <= 0)
			return (n);
		at += (size_t)n;
	}
	return (n);
}

ATF_TC_WITHOUT_HEAD(good);
ATF_TC_BODY(good, tc)
{
	static const struct {
		const char	*in;
		int		 code;
		const char	*text;
	} cases[] = {
		{ "220 ready\r\n", 220, "220 ready" },
		{ "250\r\n", 250, "250" },
		{ "250 \r\n", 250, "250" },
		{ "250 bare newline\n", 250, "250 bare newline" },
		{ "250-one\r\n250-two\r\n250 three\r\n", 250,
		    "250 one two three" },
		{ "250-\r\n250\r\n", 250, "250" },
		{ "450-4.2.1 a\r\n450 4.2.1 b\r\n", 450,
		    "450 4.2.1 a 4.2.1 b" },
		{ "250-a\r\n550 b\r\n", 550, "550 a b" },
		{ "354 go\r\n", 354, "354 go" },
	};
	struct reply	 r;
	size_t		 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ATF_CHECK_MSG(feed(&r, cases[i].in) > 0, "%s", cases[i].in);
		ATF_CHECK(r.done);
		ATF_CHECK_EQ(cases[i].code, r.code);
		ATF_CHECK_STREQ(cases[i].text, r.text);
	}
}

ATF_TC_WITHOUT_HEAD(bad);
ATF_TC_BODY(bad, tc)
{
	static const char *const cases[] = {
		"\r\n", "\n", "2\r\n", "25\r\n", "250x\r\n", "250_no\r\n",
		"600 no\r\n", "100 no\r\n", "abc def\r\n", " 250 ok\r\n",
		"-50 ok\r\n", "2 0 ok\r\n", "250-a\r\nb\r\n",
		"SSH-2.0-x\r\n", "<html>\r\n"
	};
	struct reply	 r;
	size_t		 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ATF_CHECK_EQ_MSG(-1, feed(&r, cases[i]), "%s", cases[i]);
}

ATF_TC_WITHOUT_HEAD(partial);
ATF_TC_BODY(partial, tc)
{
	static const char	 text[] = "250-one\r\n250 two\r\n";
	struct reply		 r;
	size_t			 i;

	for (i = 0; i < 9; i++) {
		reply_start(&r);
		ATF_CHECK_EQ(i == 9 ? 9 : 0, reply_parse(&r, text, i));
	}
	ATF_CHECK_EQ(9, reply_parse(&r, text, 9));
	ATF_CHECK(!r.done);
	ATF_CHECK_EQ(9, reply_parse(&r, text + 9, 9));
	ATF_CHECK(r.done);
	/* the next reply starts anew */
	ATF_CHECK_EQ(8, reply_parse(&r, "421 go\r\n", 8));
	ATF_CHECK_EQ(421, r.code);
	ATF_CHECK_STREQ("421 go", r.text);
}

ATF_TC_WITHOUT_HEAD(limits);
ATF_TC_BODY(limits, tc)
{
	static char	 line[REPLY_LINE + 2];
	struct reply	 r;
	int		 i;

	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	reply_start(&r);
	ATF_CHECK_EQ(0, reply_parse(&r, line, REPLY_LINE - 1));
	ATF_CHECK_EQ(-1, reply_parse(&r, line, REPLY_LINE));
	line[REPLY_LINE - 1] = '\n';
	ATF_CHECK_EQ(REPLY_LINE, reply_parse(&r, line, REPLY_LINE));
	ATF_CHECK_EQ(MTA_TEXT - 1, strlen(r.text));
	reply_start(&r);
	for (i = 0; i < REPLY_LINES; i++)
		ATF_REQUIRE_EQ(7, reply_parse(&r, "250-x\r\n", 7));
	ATF_CHECK_EQ(-1, reply_parse(&r, "250-x\r\n", 7));
}

ATF_TC_WITHOUT_HEAD(keywords);
ATF_TC_BODY(keywords, tc)
{
	struct reply	 r;
	const char	*param;
	size_t		 len;

	feed(&r, "250 SIZE 1000\r\n");
	ATF_CHECK(reply_keyword(&r, "size", &param, &len));
	ATF_CHECK_EQ(4, len);
	ATF_CHECK_EQ(0, memcmp(param, "1000", 4));
	ATF_CHECK(!reply_keyword(&r, "SIZ", NULL, NULL));
	feed(&r, "250 pipelining\r\n");
	ATF_CHECK(reply_keyword(&r, "PIPELINING", &param, &len));
	ATF_CHECK_EQ(0, len);
	ATF_CHECK(!reply_keyword(&r, "PIPELINING2", NULL, NULL));
	feed(&r, "250\r\n");
	ATF_CHECK(!reply_keyword(&r, "DSN", NULL, NULL));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, bad);
	ATF_TP_ADD_TC(tp, partial);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, keywords);
	return (atf_no_error());
}
