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
 * Ids, durations, sizes, dates, base64, xtext, CRC-32C.
 */

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"

ATF_TC_WITHOUT_HEAD(ids);
ATF_TC_BODY(ids, tc)
{
	static const char *const wrong[] = {
		"", "5f3a", "5f3a000000000c1", "5F3A0000000000C1",
		"5f3a0000000000c1 ", "5f3a0000000000c1.", " f3a0000000000c1",
		"5f3a0000000000c11", "5f3a0000000000c1.0",
		"5f3a0000000000c1.4294967296", "5f3a0000000000c1.1x",
		"5f3a0000000000c1.-1", "../../etc/passwd"
	};
	uint64_t id;
	uint32_t rcpt;
	size_t i;

	ATF_CHECK_STREQ("00000000000000c1", id_text(0xc1));
	ATF_REQUIRE_EQ(0, id_parse(id_text(0x5f3a0000000000c1), &id));
	ATF_CHECK_EQ(0x5f3a0000000000c1, id);
	ATF_REQUIRE_EQ(0, id_parse_rcpt("ffffffffffffffff.4294967295", &id,
	    &rcpt));
	ATF_CHECK(id == UINT64_MAX && rcpt == UINT32_MAX);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ATF_CHECK_EQ_MSG(-1, id_parse(wrong[i], &id), "%s", wrong[i]);
		ATF_CHECK_EQ_MSG(-1, id_parse_rcpt(wrong[i], &id, &rcpt),
		    "%s", wrong[i]);
	}
}

ATF_TC_WITHOUT_HEAD(durations);
ATF_TC_BODY(durations, tc)
{
	static const struct {
		const char	*text;
		int64_t		 seconds;
	} t[] = {
		{ "90", -1 }, { "0", -1 }, { "30s", 30 }, { "0s", 0 }, { "5m", 300 },
		{ "1h30m", 5400 }, { "4d", 345600 }, { "1w", 604800 },
		{ "", -1 }, { "m", -1 }, { "5", -1 }, { "1d2", -1 }, { "5x", -1 },
		{ "5m ", -1 }, { "-5m", -1 }, { "1h30", -1 },
		{ "1m1h", -1 }, { "1m1m", -1 }, { "5 m", -1 },
		{ "99999999999999999999", -1 }, { "9223372036854775807d", -1 }
	};
	int64_t seconds;
	size_t i;
	int error;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		seconds = -1;
		error = duration_parse(t[i].text, &seconds);
		ATF_CHECK_EQ_MSG(t[i].seconds, seconds, "%s", t[i].text);
		ATF_CHECK_EQ(t[i].seconds == -1 ? -1 : 0, error);
	}
	/* a number alone is told how to be a time */
	ATF_CHECK(strstr(duration_error("60"), "no unit") != NULL);
	ATF_CHECK(strstr(duration_error("60x"), "no unit") == NULL);
	ATF_CHECK(strstr(duration_error(""), "60s") != NULL);
	ATF_CHECK_STREQ("0s", duration_text(0));
	ATF_CHECK_STREQ("59s", duration_text(59));
	ATF_CHECK_STREQ("4h2m", duration_text(4 * 3600 + 2 * 60 + 1));
	ATF_CHECK_STREQ("1d", duration_text(86400 + 59));
	ATF_CHECK_STREQ("5m", duration_text(300));
	ATF_CHECK_STREQ("213503982334601d7h", duration_text(UINT64_MAX));
}

ATF_TC_WITHOUT_HEAD(sizes);
ATF_TC_BODY(sizes, tc)
{
	static const struct {
		const char	*text;
		int64_t		 octets;
	} t[] = {
		{ "4096", 4096 }, { "64K", 65536 }, { "64k", 65536 },
		{ "35M", 35 * 1024 * 1024 }, { "1G", 1 << 30 },
		{ "", -1 }, { "K", -1 }, { "1KB", -1 }, { "-1", -1 },
		{ "1.5M", -1 }, { "9999999999T", -1 }
	};
	int64_t octets;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		octets = -1;
		(void)size_parse(t[i].text, &octets);
		ATF_CHECK_EQ_MSG(t[i].octets, octets, "%s", t[i].text);
	}
}

ATF_TC_WITHOUT_HEAD(dates);
ATF_TC_BODY(dates, tc)
{
	setenv("TZ", "UTC", 1);
	tzset();
	ATF_CHECK_STREQ("Sun, 22 Nov 2026 21:47:57 +0000",
	    date_text(1795384077));
	setenv("TZ", "XXX3:30", 1);
	tzset();
	ATF_CHECK_STREQ("Wed, 31 Dec 1969 20:30:00 -0330", date_text(0));
	setenv("TZ", "XXX-5:45", 1);
	tzset();
	ATF_CHECK_STREQ("Thu, 01 Jan 1970 05:45:00 +0545", date_text(0));
}

/* RFC 4648 10 */
ATF_TC_WITHOUT_HEAD(base64);
ATF_TC_BODY(base64, tc)
{
	static const struct {
		const char	*plain;
		const char	*coded;
	} t[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }
	};
	static const char *const wrong[] = {
		"Z", "Zg", "Zg=", "=", "====", "Z===", "Zg==Zg==", "Zm9v ",
		"Zm9\n", "Zh==", "Zm9=", "Zm-v", "=m9v", "Zm=v"
	};
	char text[64];
	size_t i, len;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		len = strlen(t[i].plain);
		ATF_CHECK_EQ((int)strlen(t[i].coded),
		    base64_encode(t[i].plain, len, text, sizeof(text)));
		ATF_CHECK_STREQ(t[i].coded, text);
		ATF_CHECK_EQ((int)len,
		    base64_decode(t[i].coded, text, len));
		ATF_CHECK_EQ(0, memcmp(text, t[i].plain, len));
		if (len > 0) {
			ATF_CHECK_EQ(-1,
			    base64_decode(t[i].coded, text, len - 1));
			ATF_CHECK_EQ(-1, base64_encode(t[i].plain, len, text,
			    strlen(t[i].coded)));
		}
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ATF_CHECK_EQ_MSG(-1,
		    base64_decode(wrong[i], text, sizeof(text)), "%s",
		    wrong[i]);
}

ATF_TC_WITHOUT_HEAD(xtext);
ATF_TC_BODY(xtext, tc)
{
	static const char *const wrong[] = {
		"+", "+4", "+4g", "+4a", "+00", "a b", "a=b", "\xc3\xb6",
		"a\n"
	};
	char coded[32], plain[32];
	size_t i;

	ATF_REQUIRE_EQ(0, xtext_encode("a+b=c d\xff", coded, sizeof(coded)));
	ATF_CHECK_STREQ("a+2Bb+3Dc+20d+FF", coded);
	ATF_REQUIRE_EQ(0, xtext_decode(coded, plain, sizeof(plain)));
	ATF_CHECK_STREQ("a+b=c d\xff", plain);
	ATF_CHECK_EQ(0, xtext_encode("+", coded, 4));
	ATF_CHECK_EQ(-1, xtext_encode("+", coded, 3));
	ATF_CHECK_EQ(-1, xtext_encode("", coded, 0));
	ATF_CHECK_EQ(0, xtext_decode("ab", plain, 3));
	ATF_CHECK_EQ(-1, xtext_decode("ab", plain, 2));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ATF_CHECK_EQ_MSG(-1,
		    xtext_decode(wrong[i], plain, sizeof(plain)), "%s",
		    wrong[i]);
}

/* RFC 3720 B.4 */
ATF_TC_WITHOUT_HEAD(crc);
ATF_TC_BODY(crc, tc)
{
	uint8_t data[32], longer[300];
	uint32_t sum;
	size_t i;

	ATF_CHECK_EQ(0xe3069283, crc32c(0, "123456789", 9));
	memset(data, 0, sizeof(data));
	ATF_CHECK_EQ(0x8a9136aa, crc32c(0, data, sizeof(data)));
	memset(data, 0xff, sizeof(data));
	ATF_CHECK_EQ(0x62a8ab43, crc32c(0, data, sizeof(data)));
	for (i = 0; i < sizeof(data); i++)
		data[i] = i;
	ATF_CHECK_EQ(0x46dd794e, crc32c(0, data, sizeof(data)));
	ATF_CHECK_EQ(0, crc32c(0, data, 0));

	/* in pieces at any offset */
	for (i = 0; i < sizeof(longer); i++)
		longer[i] = i * 7;
	sum = crc32c(0, longer, sizeof(longer));
	for (i = 0; i <= sizeof(longer); i++)
		ATF_CHECK_EQ(sum, crc32c(crc32c(0, longer, i), longer + i,
		    sizeof(longer) - i));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, ids);
	ATF_TP_ADD_TC(tp, durations);
	ATF_TP_ADD_TC(tp, sizes);
	ATF_TP_ADD_TC(tp, dates);
	ATF_TP_ADD_TC(tp, base64);
	ATF_TP_ADD_TC(tp, xtext);
	ATF_TP_ADD_TC(tp, crc);
	return (atf_no_error());
}
