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
 * Delivery status notifications as text.
 */

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bounce.h"

static struct bounce_rcpt rcpt = {
	.address = "bob@example.org", .orcpt = "rfc822;Bob+2B1@example.org",
	.status = "5.1.1", .reply = "550 5.1.1 no such user",
	.host = "mx1.example.org", .remote = 1
};

static struct bounce_text bounce = {
	.kind = BOUNCE_FAILED, .hostname = "mx.example.net",
	.sender = "news@acme.example", .envid = "QQ+3D314",
	.arrived = 1795386000, .now = 1795386060, .id = 0x5f3a,
	.content = "Subject: hello\r\nX: y\r\n\r\nthe body\r\n",
	.len = 34, .nrcpts = 1, .rcpts = &rcpt
};

static char	*text;
static size_t	 len;

static void
compose(void)
{
	size_t	 i, line;

	free(text);
	ATF_REQUIRE((text = bounce_compose(&bounce, &len)) != NULL);
	ATF_REQUIRE_EQ(len, strlen(text));
	/* CRLF only, and no line beyond 998 octets */
	for (i = line = 0; i < len; i++, line++) {
		ATF_REQUIRE((text[i] == '\n') == (i > 0 &&
		    text[i - 1] == '\r'));
		if (text[i] == '\n')
			line = 0;
		ATF_REQUIRE(line <= 999);
	}
}

static void
has(const char *wanted)
{
	ATF_CHECK_MSG(strstr(text, wanted) != NULL, "no \"%s\" in:\n%s",
	    wanted, text);
}

static void
has_not(const char *unwanted)
{
	ATF_CHECK_MSG(strstr(text, unwanted) == NULL, "\"%s\" in:\n%s",
	    unwanted, text);
}

ATF_TC_WITHOUT_HEAD(failure);
ATF_TC_BODY(failure, tc)
{
	compose();
	has("To: <news@acme.example>\r\n");
	has("Auto-Submitted: auto-replied\r\n");
	has("multipart/report; report-type=delivery-status;");
	has("\r\nOriginal-Envelope-Id: QQ=314\r\n"
	    "Reporting-MTA: dns; mx.example.net\r\n");
	has("\r\n\r\nOriginal-Recipient: rfc822;Bob+1@example.org\r\n"
	    "Final-Recipient: rfc822; bob@example.org\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.1\r\n"
	    "Remote-MTA: dns; mx1.example.org\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n");
	has("text/rfc822-headers");
	has("Subject: hello\r\n");
	has_not("the body");
}

ATF_TC_WITHOUT_HEAD(full);
ATF_TC_BODY(full, tc)
{
	bounce.full = 1;
	bounce.eightbit = 1;
	compose();
	has("message/rfc822\r\n");
	has("the body");
	has("Content-Transfer-Encoding: 8bit\r\n");
	bounce.full = bounce.eightbit = 0;
}

ATF_TC_WITHOUT_HEAD(other_kinds);
ATF_TC_BODY(other_kinds, tc)
{
	bounce.kind = BOUNCE_DELAYED;
	rcpt.until = 1795386000 + 86400;
	rcpt.status = "4.4.7";
	compose();
	has("Action: delayed\r\nStatus: 4.4.7\r\n");
	has("Will-Retry-Until: ");
	has("need not send it again");
	bounce.kind = BOUNCE_RELAYED;
	rcpt.until = 0;
	compose();
	has("Action: relayed\r\n");
	has_not("Will-Retry-Until");
	bounce.kind = BOUNCE_EXPIRED;
	rcpt.reply = "held by the sending system";
	rcpt.host = NULL;
	rcpt.remote = 0;
	compose();
	has("Action: failed\r\nStatus: 4.4.7\r\n");
	has("Diagnostic-Code: X-Bindery; held by the sending system\r\n");
	has_not("Remote-MTA");
}

/* Nothing foreign begins a line, a field or a part. */
ATF_TC_WITHOUT_HEAD(hostile);
ATF_TC_BODY(hostile, tc)
{
	static char	 words[5000];

	rcpt.reply = "550 no\r\n\r\n--x\r\nBcc: all@example.net";
	rcpt.host = "mx\r\nX-Evil: 1";
	rcpt.address = "a\nb@example.org";
	rcpt.orcpt = "rfc822;a+0D+0AX-Evil: 2";
	compose();
	has_not("\nBcc:");
	has_not("\nX-Evil");
	has("550 no" "?" "?" "?" "?" "--x" "?" "?" "Bcc: all@example.net");
	memset(words, 'w', sizeof(words) - 1);
	rcpt.reply = words;
	compose();
	rcpt.reply = "\xc3\xa4\x80\x07";
	compose();
	has("Diagnostic-Code: smtp; ?" "?" "?" "?\r\n");
}

/* The original holds what would be the boundary. */
ATF_TC_WITHOUT_HEAD(boundary);
ATF_TC_BODY(boundary, tc)
{
	bounce.content = "X: --0000000000005f3a.0/bindery\r\n\r\n";
	bounce.len = strlen(bounce.content);
	compose();
	has("boundary=\"0000000000005f3a.1/bindery\"");
	has("\r\n--0000000000005f3a.1/bindery--\r\n");
	bounce.content = NULL;
	compose();
	has_not("rfc822-headers");
}

/* What begins a message: its header, as far as it is one. */
ATF_TC_WITHOUT_HEAD(header);
ATF_TC_BODY(header, tc)
{
	static const struct {
		const char	*content;
		size_t		 len;		/* 0: all of it */
		size_t		 header;
	} cases[] = {
		{ "A: b\r\nC: d\r\n\r\nbody\r\n", 0, 12 },
		{ "A: b\r\nC: d\r\n\r\n", 0, 12 },
		{ "A: b\r\nC: d\r\n", 0, 12 },
		{ "A: b\r\nC: d\r", 0, 6 },
		{ "A: b\r\nC: cut off her", 0, 6 },
		{ "A: b", 0, 0 },
		{ "\r\nbody\r\n", 0, 0 },
		{ "A: b\r\nC: \0\r\n\r\n", 14, 0 },
		{ "A: b\nC: d\r\n\r\n", 0, 0 },
		{ "", 0, 0 },
	};
	size_t	 i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = cases[i].len > 0 ? cases[i].len : strlen(cases[i].content);
		ATF_CHECK_EQ_MSG(cases[i].header,
		    bounce_header(cases[i].content, n), "case %zu", i);
	}
}

ATF_TC_WITHOUT_HEAD(status);
ATF_TC_BODY(status, tc)
{
	static const struct {
		const char	*reply;
		int		 class;
		const char	*status;
	} tests[] = {
		{ "550 5.1.1 no such user", 5, "5.1.1" },
		{ "550-5.7.26 see", 5, "5.7.26" },
		{ "5.2.2 over quota", 5, "5.2.2" },
		{ "550 no such user", 5, "5.0.0" },
		{ "550 5.1 what", 5, "5.0.0" },
		{ "550 5.1.1234 what", 5, "5.0.0" },
		{ "550 4.2.1 odd", 5, "5.0.0" },
		{ "250 2.0.0 ok", 2, "2.0.0" },
		{ "250", 2, "2.0.0" },
		{ "", 5, "5.0.0" },
		{ "550 ", 5, "5.0.0" },
		{ "held by the sending system", 4, "4.0.0" },
	};
	size_t	 i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		ATF_CHECK_STREQ(tests[i].status, bounce_status(
		    tests[i].reply, tests[i].class));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, failure);
	ATF_TP_ADD_TC(tp, full);
	ATF_TP_ADD_TC(tp, other_kinds);
	ATF_TP_ADD_TC(tp, hostile);
	ATF_TP_ADD_TC(tp, boundary);
	ATF_TP_ADD_TC(tp, header);
	ATF_TP_ADD_TC(tp, status);
	return (atf_no_error());
}
