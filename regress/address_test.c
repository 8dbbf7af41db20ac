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
 * Mail addresses, domains, network addresses.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "lib/address.h"

static char	*repeat(char, size_t);

/* A static text of len times c. */
static char *
repeat(char c, size_t len)
{
	static char text[4][512];
	static int turn;
	char *s = text[turn++ % 4];

	memset(s, c, len);
	s[len] = '\0';
	return (s);
}

static const char *const good[] = {
	"a@b", "bob@example.org", "bob.smith@example.org",
	"!#$%&'*+-/=?^_`{|}~@example.org", "bob+tag@x-y.example",
	"\"\"@example.org", "\"a b\"@example.org", "\"a@b\"@example.org",
	"\"a\\\"b\"@example.org", "\"a\\\\\"@example.org",
	"bob@[192.0.2.1]", "bob@[IPv6:2001:db8::1]", "bob@[ipv6:::1]",
	"1@2.example", "postmaster@localhost", "bob@exam_ple.org",
	"bob@example.org."
};

static const char *const bad[] = {
	"", "@", "bob", "bob@", "@example.org", ".bob@example.org",
	"bob.@example.org", "b..b@example.org", "b b@example.org",
	"bob@exa mple.org", "bob@.example.org",
	"bob@example..org", "bob@-example.org", "bob@example-.org",
	"bob@example.org..", "bob@192.0.2.1", "bob@@example.org", "a@b@c", "bob@[192.0.2.1",
	"bob@192.0.2.1]", "bob@[192.0.2.256]", "bob@[2001:db8::1]",
	"bob@[IPv6:192.0.2.1]", "bob@[]", "bob@[IPv6:]", "bob@[x:y]",
	"\"bob@example.org", "\"bob\\\"@example.org", "bob\"x\"@example.org",
	"\"a\"b@example.org", "\"a\nb\"@example.org", "a\rb@example.org",
	"\"\\", "\"", "\"\\\n\"@example.org", "bob@exa\nmple.org",
	"\"@example.org", "a\x7f@example.org", "b\xc3\xb6@example.org"
};

ATF_TC_WITHOUT_HEAD(valid);
ATF_TC_BODY(valid, tc)
{
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ATF_CHECK_MSG(address_valid(good[i], 0), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(!address_valid(bad[i], 0), "%s", bad[i]);
}

ATF_TC_WITHOUT_HEAD(utf8);
ATF_TC_BODY(utf8, tc)
{
	static const char *const wrong[] = {
		"\xc0\xaf@x", "\xe0\x80\xaf@x", "\xed\xa0\x80@x",
		"\xf4\x90\x80\x80@x", "\xc3@x", "\xc3", "a@\xc3", "\xff@x",
		"\x80@x", "\"\xc3\"@x", "a@\xe2\x82", "\xf0\x9f\x98@x",
		"a\xc2\x85@x", "\"\xc2\x9f\"@x", "a@x\xc2\x80.example"
	};
	size_t i;

	ATF_CHECK(address_valid("b\xc3\xb6@ex\xc3\xa4mple.org", 1));
	ATF_CHECK(address_valid("\"\xe2\x82\xac\"@example.org", 1));
	ATF_CHECK(address_valid("\xf0\x9f\x98\x80@example.org", 1));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ATF_CHECK_MSG(!address_valid(wrong[i], 1), "%zu", i);
}

/* Each pair is one identity; NULL: there is none. */
ATF_TC_WITHOUT_HEAD(canonical);
ATF_TC_BODY(canonical, tc)
{
	static const char *const forms[][2] = {
		{ "Example.COM", "example.com" },
		{ "example.com.", "example.com" },
		{ "foo_bar.example", "foo_bar.example" },
		{ "_dmarc.example", "_dmarc.example" },
		{ "ab--cd.example", "ab--cd.example" },
		{ "XN--LS8H.example", "xn--ls8h.example" },
		{ "xn--a.example", "xn--a.example" },
		{ "B\xc3\x9c" "cher.Example", "xn--bcher-kva.example" },
		{ "bu\xcc\x88" "cher.example", "xn--bcher-kva.example" },
		{ "b\xc3\xbc" "cher\xe3\x80\x82" "example",
		    "xn--bcher-kva.example" },
		{ "b\xc3\xbc" "cher.example\xe3\x80\x82",
		    "xn--bcher-kva.example" },
		{ "fa\xc3\x9f.example", "xn--fa-hia.example" },
		{ "\xef\xbd\x85xample.com", "example.com" },
		{ "ab--cd.foo_bar.xn--ls8h.b\xc3\xbc" "cher.example",
		    "ab--cd.foo_bar.xn--ls8h.xn--bcher-kva.example" },
		{ "[192.0.2.1]", "[192.0.2.1]" },
		{ "[ipv6:2001:DB8:0:0::1]", "[IPv6:2001:db8::1]" },
		{ "[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]" },
		{ "[IPv6:::FFFF:c000:201]", "[192.0.2.1]" },
		{ "", NULL }, { ".", NULL }, { "a..example", NULL },
		{ "example.com..", NULL }, { "192.0.2.1", NULL },
		{ "a.example.1", NULL }, { "12.", NULL },
		{ "a b.example", NULL }, { "a@b.example", NULL },
		{ "a\xef\xbc\xa0" "b.example", NULL },
		{ "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.\xef\xbc\x90."
		    "\xef\xbc\x90.\xef\xbc\x91", NULL },
		{ "127.0.0.\xef\xbc\x91", NULL },
		{ "a\xe3\x80\x82\xe3\x80\x82" "example", NULL },
		{ "\xe3\x80\x82", NULL }, { "\xc2\xad.example", NULL },
		{ "b\xc2\x85.example", NULL }, { "b\x01.example", NULL },
		{ "\xef\xbb\xbf.example", NULL },
		/* IDNA2008 has no emoji, but DNS has their A-labels */
		{ "\xf0\x9f\x92\xa9.example", NULL },
		{ "\xc3.example", NULL }, { "\xc0\xae.example", NULL },
		{ "a\xef\xbc\x8f" "b.example", NULL },
		{ "*.example", NULL }, { "[", NULL }, { "[::1]", NULL },
		{ "[IPv6:1.2.3.4]", NULL }, { "[1.2.3]", NULL }
	};
	char domain[DOMAIN_MAX], address[ADDRESS_MAX], whole[ADDRESS_MAX];
	char expect[ADDRESS_MAX];
	size_t i;
	int r;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		r = domain_canonical(forms[i][0], domain);
		ATF_CHECK_MSG(r == (forms[i][1] == NULL ? -1 : 0), "%s: %d %s",
		    forms[i][0], r, r == 0 ? domain : "");
		if (r == -1 || forms[i][1] == NULL)
			continue;
		ATF_CHECK_STREQ(forms[i][1], domain);
		/* the local part is kept as written */
		snprintf(whole, sizeof(whole), "Bob@%s", forms[i][0]);
		ATF_REQUIRE(address_canonical(whole, address) == 0);
		snprintf(expect, sizeof(expect), "Bob@%s", domain);
		ATF_CHECK_STREQ(expect, address);
		/* and the form has no other form */
		ATF_REQUIRE(domain_canonical(domain, address) == 0);
		ATF_CHECK_STREQ(domain, address);
	}
	ATF_CHECK_EQ(-1, address_canonical("a b@x", address));
	ATF_CHECK_EQ(-1, address_canonical("a\xef\xbc\xa0" "b", address));
	ATF_CHECK_EQ(-2, address_canonical("a@b c", address));
}

ATF_TC_WITHOUT_HEAD(patterns);
ATF_TC_BODY(patterns, tc)
{
	static const struct {
		const char *text;
		int kind;
		const char *form;
	} patterns[] = {
		{ "Bob@B\xc3\xbc" "cher.example", PATTERN_ADDRESS,
		    "Bob@xn--bcher-kva.example" },
		{ "@X.example.", PATTERN_AT, "@x.example" },
		{ "@*.X.example", PATTERN_AT_BELOW, "@*.x.example" },
		{ "X.example", PATTERN_DOMAIN, "x.example" },
		{ "*.b\xc3\xbc" "cher.example", PATTERN_BELOW,
		    "*.xn--bcher-kva.example" },
		{ "<>", PATTERN_NULL, "<>" }, { "*", PATTERN_ANY, "*" },
		{ "\"*\"@x.example", PATTERN_ADDRESS, "\"*\"@x.example" },
		{ "*@x.example", 0, NULL }, { "a*@x.example", 0, NULL },
		{ "a@*.x", 0, NULL }, { "@*", 0, NULL }, { "@", 0, NULL },
		{ "", 0, NULL }, { "*.", 0, NULL }, { "**", 0, NULL },
		{ "a@b c", 0, NULL }, { "x.*", 0, NULL }, { "x ", 0, NULL }
	};
	char form[ADDRESS_MAX];
	size_t i;
	int kind;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		kind = pattern_canonical(patterns[i].text, form);
		ATF_CHECK_EQ_MSG(patterns[i].kind, kind, "%s",
		    patterns[i].text);
		if (kind != 0)
			ATF_CHECK_STREQ(patterns[i].form, form);
	}
}

ATF_TC_WITHOUT_HEAD(lengths);
ATF_TC_BODY(lengths, tc)
{
	char address[1024], domain[512];

	snprintf(address, sizeof(address), "%s@x", repeat('a', 64));
	ATF_CHECK(address_valid(address, 0));
	snprintf(address, sizeof(address), "%s@x", repeat('a', 65));
	ATF_CHECK(!address_valid(address, 0));

	ATF_CHECK(domain_valid(repeat('a', 63)));
	ATF_CHECK(!domain_valid(repeat('a', 64)));
	snprintf(domain, sizeof(domain), "%s.%s.%s.%s", repeat('a', 63),
	    repeat('b', 63), repeat('c', 63), repeat('d', 61));
	ATF_CHECK_EQ(253, strlen(domain));
	ATF_CHECK(domain_valid(domain));
	strlcat(domain, "d", sizeof(domain));
	ATF_CHECK(!domain_valid(domain));
	snprintf(address, sizeof(address), "a@%s", domain);
	ATF_CHECK(!address_valid(address, 0));
}

ATF_TC_WITHOUT_HEAD(parts);
ATF_TC_BODY(parts, tc)
{
	ATF_CHECK_STREQ("example.org", address_domain("bob@example.org"));
	ATF_CHECK_STREQ("c", address_domain("\"a@b\"@c"));
	ATF_CHECK_STREQ("", address_domain("bob"));
	ATF_CHECK_STREQ("", address_domain(""));
	ATF_CHECK_STREQ("", address_domain("\"a@b"));
	ATF_CHECK_EQ(3, address_local_len("bob@example.org"));
	ATF_CHECK_EQ(5, address_local_len("\"a@b\"@c"));
	ATF_CHECK_EQ(3, address_local_len("bob"));
	ATF_CHECK(address_same("bob@Example.ORG", "bob@example.org"));
	ATF_CHECK(!address_same("Bob@example.org", "bob@example.org"));
	ATF_CHECK(!address_same("bob@example.org", "bob"));
	ATF_CHECK(address_same("", ""));
}

ATF_TC_WITHOUT_HEAD(domains);
ATF_TC_BODY(domains, tc)
{
	ATF_CHECK(domain_match("example.com", "EXAMPLE.com"));
	ATF_CHECK(!domain_match("example.com", "a.example.com"));
	ATF_CHECK(domain_match("*.example.com", "a.Example.com"));
	ATF_CHECK(domain_match("*.example.com", "a.b.example.com"));
	ATF_CHECK(!domain_match("*.example.com", "example.com"));
	ATF_CHECK(!domain_match("*.example.com", ".example.com"));
	ATF_CHECK(!domain_match("*.example.com", "badexample.com"));
	ATF_CHECK(!domain_match("*.example.com", ""));
}

ATF_TC_WITHOUT_HEAD(sockaddrs);
ATF_TC_BODY(sockaddrs, tc)
{
	static const char *const wrong[] = {
		"", "[", "]", "[]", "192.0.2", "192.0.2.1 ", "example.org",
		"[192.0.2.1", "192.0.2.1]", "2001:db8::1::2", "IPv6:",
		"[IPv6:192.0.2.1]", "0x7f.0.0.1", "127.1",
		"[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]"
	};
	struct sockaddr_storage a, b;
	struct sockaddr *sa = (struct sockaddr *)&a;
	struct sockaddr *sb = (struct sockaddr *)&b;
	size_t i;

	ATF_REQUIRE_EQ(0, sockaddr_parse("192.0.2.1", &a));
	ATF_CHECK_STREQ("192.0.2.1", sockaddr_text(sa));
	ATF_CHECK_STREQ("[192.0.2.1]", sockaddr_literal(sa));
	sockaddr_set_port(sa, 25);
	ATF_CHECK_EQ(25, sockaddr_port(sa));
	ATF_CHECK_STREQ("192.0.2.1:25", sockaddr_text_port(sa));
	ATF_CHECK_EQ(sizeof(struct sockaddr_in), sockaddr_len(sa));
	ATF_REQUIRE_EQ(0, sockaddr_parse("[192.0.2.1]", &b));
	ATF_CHECK(sockaddr_same(sa, sb));
	ATF_REQUIRE_EQ(0, sockaddr_parse("[IPv6:2001:DB8::1]", &a));
	ATF_CHECK(!sockaddr_same(sa, sb));
	ATF_CHECK_STREQ("2001:db8::1", sockaddr_text(sa));
	ATF_CHECK_STREQ("[IPv6:2001:db8::1]", sockaddr_literal(sa));
	sockaddr_set_port(sa, 2525);
	ATF_CHECK_STREQ("[2001:db8::1]:2525", sockaddr_text_port(sa));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ATF_CHECK_EQ_MSG(-1, sockaddr_parse(wrong[i], &a), "%s",
		    wrong[i]);
}

ATF_TC_WITHOUT_HEAD(loopback);
ATF_TC_BODY(loopback, tc)
{
	static const struct {
		const char	*text;
		int		 is;
	} t[] = {
		{ "127.0.0.1", 1 }, { "127.255.0.9", 1 }, { "::1", 1 },
		{ "::ffff:127.0.0.1", 1 }, { "128.0.0.1", 0 },
		{ "::2", 0 }, { "::ffff:192.0.2.1", 0 }
	};
	struct sockaddr_storage ss;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ATF_REQUIRE_EQ(0, sockaddr_parse(t[i].text, &ss));
		ATF_CHECK_EQ_MSG(t[i].is,
		    sockaddr_loopback((struct sockaddr *)&ss), "%s",
		    t[i].text);
	}
}

ATF_TC_WITHOUT_HEAD(cidrs);
ATF_TC_BODY(cidrs, tc)
{
	static const struct {
		const char	*net;
		const char	*addr;
		int		 is;
	} t[] = {
		{ "192.0.2.0/24", "192.0.2.255", 1 },
		{ "192.0.2.0/24", "192.0.3.0", 0 },
		{ "192.0.2.0/23", "192.0.3.0", 1 },
		{ "192.0.2.128/25", "192.0.2.127", 0 },
		{ "0.0.0.0/0", "203.0.113.9", 1 },
		{ "0.0.0.0/0", "::1", 0 },
		{ "192.0.2.1", "192.0.2.1", 1 },
		{ "192.0.2.1", "192.0.2.2", 0 },
		{ "2001:db8::/32", "2001:db8:ffff::1", 1 },
		{ "2001:db8::/33", "2001:db8:8000::1", 0 },
		{ "::/0", "2001:db8::1", 1 },
		{ "2001:db8::1/128", "2001:db8::1", 1 },
		{ "2001:db8::1", "2001:db8::2", 0 }
	};
	static const char *const wrong[] = {
		"", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1",
		"192.0.2.0/ 8", "192.0.2.0/+8", "192.0.2.0/8x",
		"192.0.2.0/8/8", "2001:db8::/129", "example.org/8"
	};
	struct sockaddr_storage ss;
	struct cidr cidr;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ATF_REQUIRE_EQ(0, cidr_parse(t[i].net, &cidr));
		ATF_REQUIRE_EQ(0, sockaddr_parse(t[i].addr, &ss));
		ATF_CHECK_EQ_MSG(t[i].is,
		    cidr_match(&cidr, (struct sockaddr *)&ss), "%s %s",
		    t[i].net, t[i].addr);
	}
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ATF_CHECK_EQ_MSG(-1, cidr_parse(wrong[i], &cidr), "%s",
		    wrong[i]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, valid);
	ATF_TP_ADD_TC(tp, utf8);
	ATF_TP_ADD_TC(tp, canonical);
	ATF_TP_ADD_TC(tp, patterns);
	ATF_TP_ADD_TC(tp, lengths);
	ATF_TP_ADD_TC(tp, parts);
	ATF_TP_ADD_TC(tp, domains);
	ATF_TP_ADD_TC(tp, sockaddrs);
	ATF_TP_ADD_TC(tp, loopback);
	ATF_TP_ADD_TC(tp, cidrs);
	return (atf_no_error());
}
