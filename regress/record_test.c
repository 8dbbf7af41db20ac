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
 * Records of the spool log: what is written is read again, and nothing else.
 */

#include <stdlib.h>
#include <string.h>

#include <atf-c.h>

#include "lib/text.h"
#include "queue/record.h"

static const unsigned char	 magic[RECORD_MAGIC] = "0123456789abcdef";

/* A sealed record in buf; its octets. */
static size_t
make(unsigned char *buf, struct record *r, const char *text,
    const char *content)
{
	r->text = (uint32_t)strlen(text);
	r->content = strlen(content);
	r->crc = crc32c(0, content, r->content);
	record_encode(r, buf);
	memcpy(buf + RECORD_HEAD, text, r->text);
	memcpy(buf + RECORD_HEAD + r->text, content, r->content);
	record_seal(buf, magic);
	return (record_size(r));
}

ATF_TC_WITHOUT_HEAD(round_trip);
ATF_TC_BODY(round_trip, tc)
{
	unsigned char	 buf[512];
	struct record	 r = { .type = RECORD_DEFER, .flags = RECORD_WARNED,
			    .tries = 65535, .id = 0x0123456789abcdefULL,
			    .rcpt = 0xfedcba98, .state = 4,
			    .due = UINT64_MAX };
	struct record	 got;
	size_t		 n = make(buf, &r, "some text", "content");

	ATF_REQUIRE_EQ(RECORD_GOOD, record_decode(buf, n, magic, &got));
	ATF_CHECK_EQ(r.type, got.type);
	ATF_CHECK_EQ(r.flags, got.flags);
	ATF_CHECK_EQ(r.tries, got.tries);
	ATF_CHECK_EQ(r.id, got.id);
	ATF_CHECK_EQ(r.rcpt, got.rcpt);
	ATF_CHECK_EQ(r.state, got.state);
	ATF_CHECK_EQ(r.due, got.due);
	ATF_CHECK_EQ(r.text, got.text);
	ATF_CHECK_EQ(r.crc, got.crc);
	ATF_CHECK_EQ(r.content, got.content);
	ATF_CHECK(record_content_good(&got, buf, n));
}

/* Any octet changed is seen, and any length cut. */
ATF_TC_WITHOUT_HEAD(damage);
ATF_TC_BODY(damage, tc)
{
	unsigned char	 buf[512];
	struct record	 r = { .type = RECORD_MESSAGE, .id = 7 };
	struct record	 got;
	size_t		 i, n = make(buf, &r, "envelope", "the content");
	int		 bit;

	for (i = 0; i < n; i++)
		for (bit = 0; bit < 8; bit++) {
			buf[i] ^= (unsigned char)(1 << bit);
			ATF_CHECK_MSG(record_decode(buf, n, magic, &got) ==
			    RECORD_BAD || !record_content_good(&got, buf, n),
			    "octet %zu bit %d", i, bit);
			buf[i] ^= (unsigned char)(1 << bit);
		}
	for (i = 0; i < n; i++)
		ATF_CHECK_MSG(record_decode(buf, i, magic, &got) ==
		    RECORD_BAD || !record_content_good(&got, buf, i),
		    "length %zu", i);
}

ATF_TC_WITHOUT_HEAD(newer);
ATF_TC_BODY(newer, tc)
{
	unsigned char	 buf[512];
	struct record	 r = { .type = RECORD_COUNTER + 1 };
	struct record	 got;
	size_t		 n = make(buf, &r, "", "");

	ATF_CHECK_EQ(RECORD_UNKNOWN, record_decode(buf, n, magic, &got));
	buf[n - 1] ^= 1;
	ATF_CHECK_EQ(RECORD_BAD, record_decode(buf, n, magic, &got));
}

ATF_TC_WITHOUT_HEAD(large);
ATF_TC_BODY(large, tc)
{
	unsigned char	 head[RECORD_HEAD];
	struct record	 r = { .type = RECORD_MESSAGE, .flags = RECORD_LARGE,
			    .content = 40 * 1024 * 1024 };
	struct record	 got;

	record_encode(&r, head);
	record_seal(head, magic);
	ATF_REQUIRE_EQ(RECORD_GOOD, record_decode(head, sizeof(head), magic,
	    &got));
	ATF_CHECK_EQ(RECORD_HEAD, record_size(&got));
	ATF_CHECK_EQ(0, record_logged(&got));
	ATF_CHECK(record_content_good(&got, head, sizeof(head)));
}

ATF_TC_WITHOUT_HEAD(group);
ATF_TC_BODY(group, tc)
{
	unsigned char	 buf[512];
	struct record	 r = { .type = RECORD_RESULT,
			    .flags = RECORD_MORE | RECORD_PART };
	struct record	 got;
	size_t		 n = make(buf, &r, "", "");

	record_end_group(buf);
	ATF_CHECK_EQ(RECORD_BAD, record_decode(buf, n, magic, &got));
	record_seal(buf, magic);
	ATF_CHECK_EQ(RECORD_GOOD, record_decode(buf, n, magic, &got));
	ATF_CHECK_EQ(RECORD_PART, got.flags);
}

/* A segment whose first record is damaged still tells its magic. */
ATF_TC_WITHOUT_HEAD(magic_found);
ATF_TC_BODY(magic_found, tc)
{
	unsigned char	 buf[1024], got[RECORD_MAGIC];
	struct record	 r = { .type = RECORD_CHECKPOINT };
	struct record	 m = { .type = RECORD_MESSAGE };
	size_t		 i, first, n;

	first = make(buf, &r, "format 1 \n", "");
	n = first + make(buf + first, &m, "envelope", "content");
	for (i = 0; i < first; i++) {
		buf[i] ^= 0x40;
		ATF_CHECK_EQ_MSG(0, record_magic(buf, n, got), "%zu", i);
		ATF_CHECK_MSG(memcmp(got, magic, sizeof(got)) == 0, "%zu", i);
		buf[i] ^= 0x40;
	}
	memset(buf, 0, first);
	ATF_CHECK_EQ(0, record_magic(buf, n, got));
	ATF_CHECK(memcmp(got, magic, sizeof(got)) == 0);
	memset(buf, 0, n);
	ATF_CHECK_EQ(-1, record_magic(buf, n, got));
	ATF_CHECK(record_blank(buf, n));
	buf[n - 1] = 1;
	ATF_CHECK(!record_blank(buf, n));
}

ATF_TC_WITHOUT_HEAD(pair);
ATF_TC_BODY(pair, tc)
{
	static const char *const values[] = {
		"", "a", "binding acme", "a+b=c", "\n\t\x01\xff", " "
	};
	char		*text, *a, *b;
	size_t		 len, i, j;

	for (i = 0; i < 6; i++)
		for (j = 0; j < 6; j++) {
			text = record_pair(values[i], values[j], &len);
			ATF_REQUIRE(text != NULL);
			ATF_REQUIRE_EQ(0, record_unpair(text, len, &a, &b));
			ATF_CHECK_STREQ(values[i], a);
			ATF_CHECK_STREQ(values[j], b);
			free(text);
			free(a);
		}
	ATF_CHECK_EQ(-1, record_unpair("ab", 2, &a, &b));
	ATF_CHECK_EQ(-1, record_unpair("a\0 b", 4, &a, &b));
	ATF_CHECK_EQ(-1, record_unpair("+zz b", 5, &a, &b));
}

ATF_TC_WITHOUT_HEAD(lines);
ATF_TC_BODY(lines, tc)
{
	struct record_lines	 l = { NULL, 0, 0 };
	const char		*text;
	char			 word[16], *a, *b;
	size_t			 left;

	record_line(&l, "format", "1", "");
	record_line(&l, "suspend", "binding acme", "by=x\ny");
	ATF_REQUIRE(!l.failed);
	text = l.text;
	left = l.len;
	ATF_REQUIRE_EQ(1, record_next(&text, &left, word, sizeof(word), &a,
	    &b));
	ATF_CHECK_STREQ("format", word);
	ATF_CHECK_STREQ("1", a);
	free(a);
	ATF_REQUIRE_EQ(1, record_next(&text, &left, word, sizeof(word), &a,
	    &b));
	ATF_CHECK_STREQ("suspend", word);
	ATF_CHECK_STREQ("binding acme", a);
	ATF_CHECK_STREQ("by=x\ny", b);
	free(a);
	ATF_CHECK_EQ(0, record_next(&text, &left, word, sizeof(word), &a,
	    &b));
	free(l.text);
	text = "no end of line";
	left = strlen(text);
	ATF_CHECK_EQ(-1, record_next(&text, &left, word, sizeof(word), &a,
	    &b));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, round_trip);
	ATF_TP_ADD_TC(tp, damage);
	ATF_TP_ADD_TC(tp, newer);
	ATF_TP_ADD_TC(tp, large);
	ATF_TP_ADD_TC(tp, group);
	ATF_TP_ADD_TC(tp, magic_found);
	ATF_TP_ADD_TC(tp, pair);
	ATF_TP_ADD_TC(tp, lines);
	return (atf_no_error());
}
