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
 * The trusted header's way out of a header section (smtpd/strip.c): every
 * case in one piece, and octet by octet.
 */

#include <atf-c.h>
#include <string.h>

#include "smtpd/strip.h"

static const struct {
	const char	*in;
	const char	*out;
	const char	*value;
} cases[] = {
	{ "", "", NULL },
	{ "From: a\r\nTo: b\r\n", "From: a\r\nTo: b\r\n", NULL },
	{ "X-Customer: acme\r\n", "", "acme" },
	{ "From: a\r\nx-cUSTOMER:acme  \r\nTo: b\r\n",
	    "From: a\r\nTo: b\r\n", "acme" },
	/* the first counts, all go */
	{ "X-Customer: one\r\nA: b\r\nX-Customer: two\r\n", "A: b\r\n",
	    "one" },
	{ "X-Customer:\r\nX-Customer: two\r\n", "", "" },
	/* folded, with what belongs to it */
	{ "X-Customer: a\r\n\tb\r\n  c\r\nTo: b\r\n", "To: b\r\n",
	    "a\tb  c" },
	{ "X-Customer:\r\n acme\r\nTo: b\r\n", "To: b\r\n", "acme" },
	{ "To: a\r\n X-Customer: no\r\n", "To: a\r\n X-Customer: no\r\n",
	    NULL },
	/* blanks before the colon */
	{ "X-Customer \t: acme\r\n", "", "acme" },
	{ "X-Customer junk\r\n more\r\nTo: b\r\n", "To: b\r\n", NULL },
	{ "X-Customer \r\nTo: b\r\n", "To: b\r\n", NULL },
	{ "X-Customer junk\r\nX-Customer: acme\r\n", "", "acme" },
	/* others whose name is nearly that */
	{ "X-Custome: a\r\n", "X-Custome: a\r\n", NULL },
	{ "X-Customers: a\r\n", "X-Customers: a\r\n", NULL },
	{ "X-Customer\r\n", "X-Customer\r\n", NULL },
	{ "X-X-Customer: a\r\n", "X-X-Customer: a\r\n", NULL },
	{ "X-\r\nX-Customer: acme\r\nX-\r\n", "X-\r\nX-\r\n", "acme" }
};

/* step: octets that come at a time. */
static void
check(size_t i, size_t step)
{
	char		 out[512];
	const char	*in = cases[i].in, *value;
	struct strip	 s;
	size_t		 left = strlen(in), len = 0, n;

	strip_init(&s, "X-Customer");
	for (; left > 0; in += n, left -= n) {
		n = left < step ? left : step;
		len += strip_text(&s, in, n, out + len);
	}
	out[len] = '\0';
	ATF_CHECK_STREQ_MSG(cases[i].out, out, "case %zu: %s", i, out);
	value = strip_value(&s);
	if (cases[i].value == NULL)
		ATF_CHECK_MSG(value == NULL, "case %zu: %s", i, value);
	else
		ATF_CHECK_MSG(value != NULL &&
		    strcmp(cases[i].value, value) == 0, "case %zu: %s", i,
		    value == NULL ? "none" : value);
}

ATF_TC_WITHOUT_HEAD(table);
ATF_TC_BODY(table, tc)
{
	size_t	 i, step;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (step = 1; step < 64; step++)
			check(i, step);
}

ATF_TC_WITHOUT_HEAD(long_value);
ATF_TC_BODY(long_value, tc)
{
	char		 in[512], out[512];
	struct strip	 s;
	size_t		 len;

	for (len = STRIP_VALUE - 2; len < STRIP_VALUE + 2; len++) {
		strip_init(&s, "X");
		memset(in, 'a', sizeof(in));
		memcpy(in, "X:", 2);
		memcpy(in + 2 + len, "\r\n", 2);
		ATF_CHECK_EQ(0, strip_text(&s, in, len + 4, out));
		ATF_CHECK_EQ(len < STRIP_VALUE, strip_value(&s) != NULL);
		if (len < STRIP_VALUE)
			ATF_CHECK_EQ(len, strlen(strip_value(&s)));
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, table);
	ATF_TP_ADD_TC(tp, long_value);
	return (atf_no_error());
}
