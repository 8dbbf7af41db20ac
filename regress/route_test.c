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
 * Which mail exchangers are tried, in what order, and which addresses a
 * binding's next-hops let through.
 */

#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "mta/route.h"

static int
own(const char *name)
{
	return (strcmp(name, "self.example") == 0);
}

/*
 * list: "pref host,pref host"; the names that are left, in order, or the
 * reply.
 */
static const char *
chosen(const char *list)
{
	static char		 out[512];
	struct dns_record	 records[32], names[32];
	struct dns_answer	 a;
	char			 text[256], *at = text, *word;
	const char		*reply;
	size_t			 i, count;
	unsigned int		 preference;

	memset(&a, 0, sizeof(a));
	memset(records, 0, sizeof(records));
	a.records = records;
	strlcpy(text, list, sizeof(text));
	while ((word = strsep(&at, ",")) != NULL) {
		if (*word == '\0')
			continue;
		records[a.count].type = DNS_MX;
		records[a.count].name[0] = '\0';
		sscanf(word, "%u %255s", &preference,
		    records[a.count].name);
		records[a.count++].preference = (uint16_t)preference;
	}
	if (route_select(&a, "dest.example", own, names, &count, &reply) !=
	    ROUTE_OK) {
		strlcpy(out, reply, 4);
		return (out);
	}
	out[0] = '\0';
	for (i = 0; i < count; i++) {
		if (i > 0)
			strlcat(out, " ", sizeof(out));
		strlcat(out, names[i].name, sizeof(out));
	}
	return (out);
}

ATF_TC_WITHOUT_HEAD(order);
ATF_TC_BODY(order, tc)
{
	ATF_CHECK_STREQ("a b c", chosen("30 c,10 a,20 b"));
	ATF_CHECK_STREQ("dest.example", chosen(""));
	ATF_CHECK_STREQ("a", chosen("0 a"));
}

/* The best comes last in an answer that has more than are looked at. */
ATF_TC_WITHOUT_HEAD(too_many);
ATF_TC_BODY(too_many, tc)
{
	ATF_CHECK_STREQ("z a b c d e f g h i j k l m n o",
	    chosen("10 a,11 b,12 c,13 d,14 e,15 f,16 g,17 h,18 i,19 j,20 k,"
	    "21 l,22 m,23 n,24 o,25 p,26 q,27 r,5 z"));
}

ATF_TC_WITHOUT_HEAD(null_mx);
ATF_TC_BODY(null_mx, tc)
{
	ATF_CHECK_STREQ("556", chosen("0 "));
	ATF_CHECK_STREQ("556", chosen("10 "));
}

ATF_TC_WITHOUT_HEAD(own_name);
ATF_TC_BODY(own_name, tc)
{
	ATF_CHECK_STREQ("554", chosen("10 self.example"));
	ATF_CHECK_STREQ("554", chosen("10 self.example,20 b"));
	ATF_CHECK_STREQ("a", chosen("10 a,20 self.example,30 c"));
	/* an equal is no better */
	ATF_CHECK_STREQ("a", chosen("10 a,20 b,20 self.example"));
	ATF_CHECK_STREQ("a", chosen("10 a,20 self.example,20 b"));
}

ATF_TC_WITHOUT_HEAD(next_hops);
ATF_TC_BODY(next_hops, tc)
{
	struct sockaddr_storage	 in, out;
	struct next_hops	 hops;
	struct cidr		 cidrs[2];

	ATF_REQUIRE_EQ(0, cidr_parse("10.0.0.0/8", &cidrs[0]));
	ATF_REQUIRE_EQ(0, cidr_parse("2001:db8::/32", &cidrs[1]));
	ATF_REQUIRE_EQ(0, sockaddr_parse("10.1.2.3", &in));
	ATF_REQUIRE_EQ(0, sockaddr_parse("192.0.2.1", &out));
	memset(&hops, 0, sizeof(hops));
	hops.cidrs = cidrs;
	hops.ncidrs = 2;
	ATF_CHECK(route_hop_allowed(NULL, (struct sockaddr *)&out));
	ATF_CHECK(route_hop_allowed(&hops, (struct sockaddr *)&in));
	ATF_CHECK(!route_hop_allowed(&hops, (struct sockaddr *)&out));
	hops.negate = 1;
	ATF_CHECK(!route_hop_allowed(&hops, (struct sockaddr *)&in));
	ATF_CHECK(route_hop_allowed(&hops, (struct sockaddr *)&out));
}

/* Where no other host can be. */
ATF_TC_WITHOUT_HEAD(addresses);
ATF_TC_BODY(addresses, tc)
{
	static const struct {
		const char	*text;
		int		 good;
	} cases[] = {
		{ "192.0.2.1", 1 }, { "127.0.0.11", 1 }, { "10.0.0.1", 1 },
		{ "0.0.0.0", 0 }, { "0.1.2.3", 0 }, { "224.0.0.1", 0 },
		{ "239.255.255.255", 0 }, { "255.255.255.255", 0 },
		{ "2001:db8::1", 1 }, { "::1", 1 }, { "fd00::25", 1 },
		{ "::", 0 }, { "::ffff:192.0.2.1", 0 }, { "::192.0.2.1", 0 },
		{ "ff02::1", 0 }
	};
	struct sockaddr_storage	 ss;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ATF_REQUIRE_EQ(0, sockaddr_parse(cases[i].text, &ss));
		ATF_CHECK_EQ_MSG(cases[i].good,
		    route_address((struct sockaddr *)&ss), "%s",
		    cases[i].text);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, order);
	ATF_TP_ADD_TC(tp, too_many);
	ATF_TP_ADD_TC(tp, null_mx);
	ATF_TP_ADD_TC(tp, own_name);
	ATF_TP_ADD_TC(tp, next_hops);
	ATF_TP_ADD_TC(tp, addresses);
	return (atf_no_error());
}
