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
 * The DATA decoder: where a message ends, what is refused, and that it does
 * not matter in which pieces it comes.
 */

#include <atf-c.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/data.h"

static struct data	 d;
static char		 out[2 * 1024 * 1024];
static size_t		 outlen;
static size_t		 left;

/* Decode in pieces of step; the status at the end or of the last piece. */
static enum data_status
decode(const char *in, size_t len, size_t step, uint64_t max)
{
	enum data_status	 status = DATA_MORE;
	size_t			 piece, o;
	int			 again = 0;

	data_init(&d, max);
	outlen = 0;
	while ((len > 0 || again) && status != DATA_END) {
		piece = len < step ? len : step;
		left = piece;
		status = data_decode(&d, &in, &left, out + outlen, &o);
		ATF_REQUIRE(o <= piece - left + DATA_EXTRA);
		outlen += o;
		len -= piece - left;
		again = status == DATA_BODY;
	}
	left = len;
	return (status);
}

/*
 * In place of libc's: how many bytes the decoder looks at.
 */
static unsigned long	 looked;

void *
memchr(const void *p, int c, size_t len)
{
	const unsigned char	*at = p;

	for (; len > 0; at++, len--) {
		looked++;
		if (*at == (unsigned char)c)
			return ((void *)(uintptr_t)at);
	}
	return (NULL);
}

/* What has no place in a message costs no more than what has. */
ATF_TC_WITHOUT_HEAD(floods);
ATF_TC_BODY(floods, tc)
{
	static const char	 fill[][3] = {
		{ '\0', '\0', 0 }, { '\r', '\r', 0 }, { '\n', '\n', 0 },
		{ 'a', '\0', 0 }, { '\r', 'a', 0 }, { '\0', '\r', 0 },
		{ 'a', 'a', 0 }
	};
	static char		 in[256 * 1024];
	size_t			 i, j;

	for (i = 0; i < sizeof(fill) / sizeof(fill[0]); i++) {
		for (j = 0; j < sizeof(in); j++)
			in[j] = fill[i][j % 2];
		looked = 0;
		ATF_CHECK_EQ(DATA_MORE, decode(in, sizeof(in), 16384,
		    sizeof(in)));
		ATF_CHECK_MSG(looked <= 4 * sizeof(in), "case %zu: %lu of %zu",
		    i, looked, sizeof(in));
	}
}

ATF_TC_WITHOUT_HEAD(messages);
ATF_TC_BODY(messages, tc)
{
	static const struct {
		const char	*in;
		const char	*out;
		const char	*rest;
	} cases[] = {
		{ ".\r\n", "", "" },
		{ "a\r\n.\r\n", "a\r\n", "" },
		{ "a\r\n.\r\nMAIL", "a\r\n", "MAIL" },
		{ "A: b\r\n\r\nc\r\n.\r\n", "A: b\r\n\r\nc\r\n", "" },
		{ "\r\n\r\n.\r\n", "\r\n\r\n", "" },
		{ "\r\n..\r\n.\r\n", "\r\n.\r\n", "" },
		{ "\r\n..x\r\n.y\r\n.\r\n", "\r\n.x\r\ny\r\n", "" },
		{ "\r\na.\r\n.\r\n", "\r\na.\r\n", "" },
		{ "\r\n \xc3\xbc \r\n.\r\n", "\r\n \xc3\xbc \r\n", "" },
	};
	size_t	 i, step;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (step = 1; step < 20; step++) {
			ATF_CHECK_EQ_MSG(DATA_END, decode(cases[i].in,
			    strlen(cases[i].in), step, 1000), "%zu/%zu", i,
			    step);
			ATF_CHECK(d.error == NULL);
			ATF_CHECK_EQ(strlen(cases[i].out), outlen);
			ATF_CHECK_EQ_MSG(0, memcmp(cases[i].out, out, outlen),
			    "%zu/%zu: %.*s", i, step, (int)outlen, out);
			ATF_CHECK_EQ(strlen(cases[i].rest), left);
		}
	}
}

/* Each is refused, and ends only at the CRLF.CRLF. */
ATF_TC_WITHOUT_HEAD(smuggling);
ATF_TC_BODY(smuggling, tc)
{
	static const struct {
		const char	*in;
		const char	*cause;
	} cases[] = {
		{ "\r\na\n.\n", "bare-lf" },
		{ "\r\na\n.\r\n", "bare-lf" },
		{ "\r\na\r\n.\n", "bare-lf" },
		{ "\r\na\r.\r", "bare-cr" },
		{ "\r\na\r.\r\n", "bare-cr" },
		{ "\r\na\r\n.\rx", "bare-cr" },
		{ "\r\na\r\n.\r\r\n", "bare-cr" },
		{ "\r\na\r\r\nb", "bare-cr" },
		{ "\n.\r\n", "bare-lf" },
		{ "\r\n\r.\r\n", "bare-cr" },
		{ "A: b\n\nc\n.\n", "bare-lf" },
	};
	static const char	 tail[] = "MAIL FROM:<x@y>\r\n.\r\nQUIT";
	char			 in[256];
	size_t			 i, step;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strlcpy(in, cases[i].in, sizeof(in));
		strlcat(in, tail, sizeof(in));
		for (step = 1; step < 30; step++) {
			ATF_CHECK_EQ(DATA_END, decode(in, strlen(in), step,
			    1000));
			ATF_REQUIRE_MSG(d.error != NULL, "%zu/%zu", i, step);
			ATF_CHECK_STREQ(cases[i].cause, d.cause);
			ATF_CHECK(d.unframed);
			ATF_CHECK_EQ(4, left);
		}
	}
}

ATF_TC_WITHOUT_HEAD(nul);
ATF_TC_BODY(nul, tc)
{
	ATF_CHECK_EQ(DATA_END, decode("a\0b\r\n.\r\n", 8, 3, 1000));
	ATF_CHECK_STREQ("nul", d.cause);
	ATF_CHECK(!d.unframed);
}

static size_t
fill(char *text, const char *line, size_t count)
{
	size_t	 len = strlen(line), i;

	for (i = 0; i < count; i++)
		memcpy(text + i * len, line, len);
	return (count * len);
}

ATF_TC_WITHOUT_HEAD(limits);
ATF_TC_BODY(limits, tc)
{
	static char	 in[2 * 1024 * 1024];
	size_t		 len;

	/* size: 10 octets may, 11 may not */
	ATF_CHECK_EQ(DATA_END, decode("\r\n12345678\r\n.\r\n", 15, 4, 10));
	ATF_CHECK(d.error == NULL);
	ATF_CHECK_EQ(DATA_END, decode("\r\n123456789\r\n.\r\n", 16, 4, 10));
	ATF_CHECK_STREQ("size", d.cause);
	/* a hundred hops, and one more; the body's do not count */
	len = fill(in, "Received: x\r\n", DATA_HOPS);
	memcpy(in + len, "\r\nReceived: y\r\n.\r\n", 18);
	ATF_CHECK_EQ(DATA_END, decode(in, len + 18, 7, 100000));
	ATF_CHECK(d.error == NULL);
	ATF_CHECK_EQ(DATA_HOPS, d.hops);
	len = fill(in, "received: x\r\n", DATA_HOPS + 1);
	memcpy(in + len, "\r\n.\r\n", 5);
	ATF_CHECK_EQ(DATA_END, decode(in, len + 5, 7, 100000));
	ATF_CHECK_STREQ("loop", d.cause);
	/* lines */
	memcpy(in, "\r\n", 2);
	memset(in + 2, 'x', DATA_LINE);
	memcpy(in + 2 + DATA_LINE, "\r\n.\r\n", 5);
	ATF_CHECK_EQ(DATA_END, decode(in, DATA_LINE + 7, 1000, 1000000));
	ATF_CHECK(d.error == NULL);
	memset(in + 2, 'x', DATA_LINE + 1);
	memcpy(in + 3 + DATA_LINE, "\r\n.\r\n", 5);
	ATF_CHECK_EQ(DATA_END, decode(in, DATA_LINE + 8, 1000, 1000000));
	ATF_CHECK_STREQ("line-length", d.cause);
	/* header section */
	len = fill(in, "X-Long: 0123456789\r\n", DATA_HEADER / 20 + 1);
	memcpy(in + len, "\r\n.\r\n", 5);
	ATF_CHECK_EQ(DATA_END, decode(in, len + 5, 5000, 1000000));
	ATF_CHECK_STREQ("header-size", d.cause);
}

ATF_TC_WITHOUT_HEAD(header);
ATF_TC_BODY(header, tc)
{
	static const char	 in[] = "Date: x\r\nmessage-id: y\r\n"
				    "Subject: z\r\n\r\nFrom: no\r\n.\r\n";
	const char		*p;
	size_t			 len, step, o;
	int			 bodies;

	for (step = 1; step < 40; step++) {
		data_init(&d, 1000);
		bodies = 0;
		outlen = 0;
		for (p = in; *p != '\0';) {
			len = strlen(p) < step ? strlen(p) : step;
			if (data_decode(&d, &p, &len, out + outlen, &o) ==
			    DATA_BODY) {
				bodies++;
				memcpy(out + outlen + o, "X: y\r\n", 6);
				o += 6;
			}
			outlen += o;
		}
		ATF_CHECK_EQ(1, bodies);
		ATF_CHECK_EQ(DATA_SEEN_DATE | DATA_SEEN_MESSAGE_ID, d.seen);
		out[outlen] = '\0';
		ATF_CHECK_STREQ("Date: x\r\nmessage-id: y\r\nSubject: z\r\n"
		    "X: y\r\n\r\nFrom: no\r\n", out);
	}
}

/* What BDAT brings: dots mean nothing, and a last line may lack its end. */
ATF_TC_WITHOUT_HEAD(plain);
ATF_TC_BODY(plain, tc)
{
	static const struct {
		const char	*in;
		const char	*out;
		const char	*cause;
	} cases[] = {
		{ "", "", NULL },
		{ "A: b\r\n\r\n.\r\n..c\r\n", "A: b\r\n\r\n.\r\n..c\r\n",
		    NULL },
		{ "A: b\r\n\r\nc", "A: b\r\n\r\nc\r\n", NULL },
		{ "A: b", "A: b\r\n", NULL },
		{ "A: b\r\n\r\n", "A: b\r\n\r\n", NULL },
		{ "A: b\r\n\r\n.\nc\r\n", "", "bare-lf" },
		{ "A: b\r\n\r\nc\r", "", "bare-cr" },
	};
	const char	*p;
	size_t		 i, step, len, rest, o;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (step = 1; step < 20; step++) {
			data_init(&d, 1000);
			data_plain(&d);
			outlen = 0;
			p = cases[i].in;
			for (rest = strlen(p); rest > 0; rest -= len - left) {
				len = left = rest < step ? rest : step;
				ATF_CHECK(data_decode(&d, &p, &left,
				    out + outlen, &o) != DATA_END);
				outlen += o;
			}
			data_finish(&d, out + outlen, &o);
			ATF_REQUIRE(o <= DATA_EXTRA);
			outlen += o;
			if (cases[i].cause != NULL) {
				ATF_REQUIRE(d.error != NULL);
				ATF_CHECK_STREQ(cases[i].cause, d.cause);
				continue;
			}
			ATF_CHECK(d.error == NULL);
			ATF_CHECK_EQ(strlen(cases[i].out), outlen);
			ATF_CHECK_EQ_MSG(0, memcmp(cases[i].out, out, outlen),
			    "%zu/%zu: %.*s", i, step, (int)outlen, out);
		}
	}
}

/* Decoded behind an empty line. */
static void
headless_text(const char *text)
{
	size_t	 len = strlen(text);

	ATF_CHECK_EQ(DATA_END, data_decode(&d, &text, &len, out, &outlen));
	ATF_CHECK_EQ(9, outlen);
	ATF_CHECK_EQ(0, memcmp(out, "\r\nHello\r\n", outlen));
	ATF_CHECK(!d.header);
}

ATF_TC_WITHOUT_HEAD(opening);
ATF_TC_BODY(opening, tc)
{
	static const struct {
		const char		*in;
		enum data_opening	 dots;
		enum data_opening	 plain;
	} cases[] = {
		{ "", OPENING_UNSURE, OPENING_UNSURE },
		{ "Subject", OPENING_UNSURE, OPENING_UNSURE },
		{ "Subject: x\r\n", OPENING_FIELD, OPENING_FIELD },
		{ "Subject \t:", OPENING_FIELD, OPENING_FIELD },
		{ "Subject x", OPENING_TEXT, OPENING_TEXT },
		{ "Hello world", OPENING_TEXT, OPENING_TEXT },
		{ "Hello\r\n", OPENING_TEXT, OPENING_TEXT },
		{ "\r\nbody", OPENING_FIELD, OPENING_FIELD },
		{ " folded", OPENING_TEXT, OPENING_TEXT },
		{ ": x", OPENING_TEXT, OPENING_TEXT },
		{ "\xc3\xbc: x", OPENING_TEXT, OPENING_TEXT },
		{ ".\r\n", OPENING_FIELD, OPENING_TEXT },
		{ ".", OPENING_UNSURE, OPENING_UNSURE },
		{ "..a: x", OPENING_FIELD, OPENING_FIELD },
		{ ". a: x", OPENING_TEXT, OPENING_TEXT },
	};
	static char	 name[DATA_NAME + 10];
	size_t		 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		data_init(&d, 1000);
		ATF_CHECK_EQ_MSG(cases[i].dots, data_opening(&d, cases[i].in,
		    strlen(cases[i].in)), "%s", cases[i].in);
		data_plain(&d);
		ATF_CHECK_EQ_MSG(cases[i].plain, data_opening(&d, cases[i].in,
		    strlen(cases[i].in)), "%s, plain", cases[i].in);
	}
	memset(name, 'x', sizeof(name));
	ATF_CHECK_EQ(OPENING_TEXT, data_opening(&d, name, sizeof(name)));
	/* the empty line comes first, and nothing is a field after it */
	data_init(&d, 1000);
	data_headless(&d);
	headless_text("Hello\r\n.\r\n");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, messages);
	ATF_TP_ADD_TC(tp, floods);
	ATF_TP_ADD_TC(tp, smuggling);
	ATF_TP_ADD_TC(tp, nul);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, header);
	ATF_TP_ADD_TC(tp, plain);
	ATF_TP_ADD_TC(tp, opening);
	return (atf_no_error());
}
