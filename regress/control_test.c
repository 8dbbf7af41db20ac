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
 * Lines of the control protocol.
 */

#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "lib/control.h"

ATF_TC_WITHOUT_HEAD(words);
ATF_TC_BODY(words, tc)
{
	static const char *const in[] = {
		"suspend", "binding", "acme", "reason", "two words",
		"tab\tnewline\n", "", "back\\slash", "\xc3\xb6\x01\x7f",
		"a=b#c", "\\s", "trailing "
	};
	const int n = sizeof(in) / sizeof(in[0]);
	char line[CONTROL_LINE] = "", *words[CONTROL_WORDS];
	int i;

	for (i = 0; i < n; i++)
		ATF_REQUIRE_EQ(0, control_add(line, sizeof(line), in[i]));
	ATF_CHECK_EQ(NULL, strpbrk(line, "\n\t"));
	ATF_REQUIRE_EQ(n, control_split(line, words));
	for (i = 0; i < n; i++)
		ATF_CHECK_STREQ(in[i], words[i]);
}

ATF_TC_WITHOUT_HEAD(limits);
ATF_TC_BODY(limits, tc)
{
	char line[CONTROL_LINE], *words[CONTROL_WORDS], small[6] = "abc";
	int i;

	line[0] = '\0';
	ATF_CHECK_EQ(0, control_split(line, words));
	for (i = 0; i < CONTROL_WORDS; i++)
		ATF_REQUIRE_EQ(0, control_add(line, sizeof(line), "w"));
	ATF_CHECK_EQ(CONTROL_WORDS, control_split(line, words));
	line[0] = '\0';
	for (i = 0; i <= CONTROL_WORDS; i++)
		ATF_REQUIRE_EQ(0, control_add(line, sizeof(line), "w"));
	ATF_CHECK_EQ(-1, control_split(line, words));

	/* no room: the line stays as it was */
	ATF_CHECK_EQ(-1, control_add(small, sizeof(small), "de"));
	ATF_CHECK_STREQ("abc", small);
	ATF_CHECK_EQ(0, control_add(small, sizeof(small), "d"));
	ATF_CHECK_EQ(-1, control_add(small, sizeof(small), ""));
	ATF_CHECK_STREQ("abc d", small);
}

ATF_TC_WITHOUT_HEAD(hostile);
ATF_TC_BODY(hostile, tc)
{
	static const char *const wrong[] = { "\\0", "a \\0b" };
	char line[64], *words[CONTROL_WORDS];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		strlcpy(line, wrong[i], sizeof(line));
		ATF_CHECK_EQ_MSG(-1, control_split(line, words), "%s",
		    wrong[i]);
	}
}

ATF_TC_WITHOUT_HEAD(rows);
ATF_TC_BODY(rows, tc)
{
	struct control_row row;
	char wide[CONTROL_LINE];

	control_row_start(&row);
	control_row_text(&row, "name", "acme");
	control_row_number(&row, "conns", -3);
	control_row_text(&row, "error", "a b\tc\nd");
	ATF_CHECK_STREQ("= name=acme\tconns#-3\terror=a\\sb\\tc\\nd",
	    row.text);
	ATF_CHECK_EQ(strlen(row.text), row.len);
	ATF_CHECK_EQ(0, row.overflow);

	memset(wide, 'x', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	control_row_text(&row, "wide", wide);
	ATF_CHECK_EQ(1, row.overflow);
	ATF_CHECK_EQ(strlen(row.text), row.len);
	control_row_text(&row, "last", "1");
	ATF_CHECK(strstr(row.text, "\tlast=1") != NULL);
	ATF_CHECK(strstr(row.text, "wide") == NULL);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, words);
	ATF_TP_ADD_TC(tp, limits);
	ATF_TP_ADD_TC(tp, hostile);
	ATF_TP_ADD_TC(tp, rows);
	return (atf_no_error());
}
