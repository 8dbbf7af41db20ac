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
 * DNS messages: what is asked, and answers of every kind.
 */

#include <netinet/in.h>

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "mta/dns.h"

/* A message under construction. */
static struct {
	uint8_t	 data[4096];
	size_t	 len;
} m;

static void
u16(unsigned int v)
{
	m.data[m.len++] = (uint8_t)(v >> 8);
	m.data[m.len++] = (uint8_t)v;
}

static void
name(const char *s)
{
	size_t	 len;

	while (*s != '\0') {
		len = strcspn(s, ".");
		m.data[m.len++] = (uint8_t)len;
		memcpy(m.data + m.len, s, len);
		m.len += len;
		s += len + (s[len] == '.');
	}
	m.data[m.len++] = 0;
}

static void
start(const char *question, unsigned int type, unsigned int flags,
    unsigned int answers, unsigned int authorities)
{
	m.len = 0;
	u16(77);
	u16(0x8180 | flags);
	u16(1);
	u16(answers);
	u16(authorities);
	u16(0);
	name(question);
	u16(type);
	u16(1);
}

static void
head(const char *owner, unsigned int type, unsigned int ttl, unsigned int len)
{
	name(owner);
	u16(type);
	u16(1);
	u16(ttl >> 16);
	u16(ttl & 0xffff);
	u16(len);
}

static void
address(const char *owner, unsigned int ttl, const char *octets)
{
	head(owner, DNS_A, ttl, 4);
	memcpy(m.data + m.len, octets, 4);
	m.len += 4;
}

static void
mx(const char *owner, unsigned int preference, const char *host)
{
	head(owner, DNS_MX, 300, (unsigned int)strlen(host) +
	    (*host == '\0' ? 3 : 4));
	u16(preference);
	name(host);
}

static void
alias(const char *owner, const char *target)
{
	head(owner, DNS_CNAME, 60, (unsigned int)strlen(target) + 2);
	name(target);
}

static int
parse(const char *question, uint16_t type, struct dns_answer *a)
{
	return (dns_parse(m.data, m.len, question, type, a));
}

ATF_TC_WITHOUT_HEAD(query);
ATF_TC_BODY(query, tc)
{
	uint8_t	 buf[512];
	char	 label[66], deep[300];
	ssize_t	 n;
	size_t	 i;

	n = dns_query(buf, sizeof(buf), 0x1234, "example.org", DNS_MX);
	ATF_REQUIRE_EQ(12 + 13 + 4 + 11, n);
	ATF_CHECK_EQ(0x12, buf[0]);
	ATF_CHECK_EQ(0x01, buf[2]);
	ATF_CHECK_EQ(0x20, buf[3]);
	ATF_CHECK_EQ(0, memcmp(buf + 12, "\7example\3org\0\0\17\0\1", 17));
	ATF_CHECK_EQ(n, dns_query(buf, sizeof(buf), 0, "example.org.",
	    DNS_MX));
	ATF_CHECK_EQ(-1, dns_query(buf, sizeof(buf), 0, "a..b", DNS_A));
	ATF_CHECK_EQ(-1, dns_query(buf, sizeof(buf), 0, ".a", DNS_A));
	memset(label, 'a', sizeof(label));
	label[64] = '\0';
	ATF_CHECK_EQ(-1, dns_query(buf, sizeof(buf), 0, label, DNS_A));
	label[63] = '\0';
	ATF_CHECK(dns_query(buf, sizeof(buf), 0, label, DNS_A) > 0);
	for (i = 0; i + 2 < sizeof(deep); i += 2)
		memcpy(deep + i, "a.", 3);
	ATF_CHECK_EQ(-1, dns_query(buf, sizeof(buf), 0, deep, DNS_A));
}

ATF_TC_WITHOUT_HEAD(answers);
ATF_TC_BODY(answers, tc)
{
	struct dns_answer	 a;
	struct sockaddr_in	*in;

	start("Example.ORG", DNS_MX, 0x20, 3, 0);
	mx("example.org", 20, "MX2.example.org");
	mx("EXAMPLE.org", 10, "mx1.example.org");
	address("mx1.example.org", 5, "\300\0\2\1");	/* not asked for */
	ATF_REQUIRE_EQ(0, parse("example.org", DNS_MX, &a));
	ATF_CHECK_EQ(DNS_OK, a.status);
	ATF_CHECK(a.authentic);
	ATF_CHECK_EQ(300, a.ttl);
	ATF_REQUIRE_EQ(2, a.count);
	ATF_CHECK_EQ(20, a.records[0].preference);
	ATF_CHECK_STREQ("mx2.example.org", a.records[0].name);
	dns_clear(&a);

	start("h.example", DNS_A, 0, 2, 0);
	address("h.example", 90, "\300\0\2\1");
	address("h.example", 30, "\300\0\2\2");
	ATF_REQUIRE_EQ(0, parse("h.example", DNS_A, &a));
	ATF_REQUIRE_EQ(2, a.count);
	ATF_CHECK_EQ(30, a.ttl);
	in = (struct sockaddr_in *)&a.records[1].addr;
	ATF_CHECK_EQ(htonl(0xc0000202), in->sin_addr.s_addr);
	dns_clear(&a);

	start("n.example", DNS_MX, 0, 1, 0);
	mx("n.example", 0, "");
	ATF_REQUIRE_EQ(0, parse("n.example", DNS_MX, &a));
	ATF_REQUIRE_EQ(1, a.count);
	ATF_CHECK_STREQ("", a.records[0].name);
	dns_clear(&a);
}

ATF_TC_WITHOUT_HEAD(aliases);
ATF_TC_BODY(aliases, tc)
{
	struct dns_answer	 a;

	start("a.example", DNS_A, 0, 3, 0);
	alias("a.example", "b.example");
	alias("b.example", "c.example");
	address("c.example", 300, "\300\0\2\1");
	ATF_REQUIRE_EQ(0, parse("a.example", DNS_A, &a));
	ATF_CHECK_EQ(1, a.count);
	ATF_CHECK_EQ(60, a.ttl);
	ATF_CHECK_STREQ("c.example", a.canonical);
	dns_clear(&a);

	start("c.example", DNS_A, 0, 1, 0);
	address("c.example", 300, "\300\0\2\1");
	ATF_REQUIRE_EQ(0, parse("c.example", DNS_A, &a));
	ATF_CHECK_STREQ("", a.canonical);
	dns_clear(&a);

	/* a circle */
	start("a.example", DNS_A, 0, 2, 0);
	alias("a.example", "b.example");
	alias("b.example", "a.example");
	ATF_CHECK_EQ(-1, parse("a.example", DNS_A, &a));
	ATF_CHECK_EQ(DNS_FAILED, a.status);
	dns_clear(&a);

	/* to nothing */
	start("a.example", DNS_A, 0, 1, 0);
	alias("a.example", "b.example");
	ATF_CHECK_EQ(0, parse("a.example", DNS_A, &a));
	ATF_CHECK_EQ(DNS_NONE, a.status);
	dns_clear(&a);
}

ATF_TC_WITHOUT_HEAD(negative);
ATF_TC_BODY(negative, tc)
{
	struct dns_answer	 a;

	/* cut: it does not say that there is none */
	start("x.example", DNS_MX, 0x200, 0, 0);
	ATF_CHECK_EQ(-1, parse("x.example", DNS_MX, &a));
	ATF_CHECK_EQ(DNS_FAILED, a.status);
	dns_clear(&a);

	start("x.example", DNS_MX, 3, 0, 1);
	head("example", DNS_SOA, 900, 24);
	m.data[m.len++] = 0;
	m.data[m.len++] = 0;
	memset(m.data + m.len, 0, 22);
	m.len += 20;
	u16(0);
	m.data[m.len - 1] = 120;
	ATF_REQUIRE_EQ(0, parse("x.example", DNS_MX, &a));
	ATF_CHECK_EQ(DNS_NXDOMAIN, a.status);
	ATF_CHECK_EQ(120, a.ttl);
	dns_clear(&a);

	start("x.example", DNS_MX, 0, 0, 0);
	ATF_REQUIRE_EQ(0, parse("x.example", DNS_MX, &a));
	ATF_CHECK_EQ(DNS_NONE, a.status);
	dns_clear(&a);

	start("x.example", DNS_MX, 2, 0, 0);	/* SERVFAIL */
	ATF_REQUIRE_EQ(0, parse("x.example", DNS_MX, &a));
	ATF_CHECK_EQ(DNS_FAILED, a.status);
	dns_clear(&a);
}

ATF_TC_WITHOUT_HEAD(lies);
ATF_TC_BODY(lies, tc)
{
	struct dns_answer	 a;
	size_t			 i, whole;

	start("a.example", DNS_A, 0, 1, 0);
	address("a.example", 300, "\300\0\2\1");
	whole = m.len;
	/* another question than ours */
	ATF_CHECK_EQ(-1, parse("b.example", DNS_A, &a));
	ATF_CHECK_EQ(-1, parse("a.example", DNS_AAAA, &a));
	/* cut anywhere: no crash, and never an answer */
	for (i = 0; i < whole; i++) {
		ATF_CHECK_EQ(-1, dns_parse(m.data, i, "a.example", DNS_A,
		    &a));
		dns_clear(&a);
	}
	/* a question, not an answer */
	m.data[2] &= 0x7f;
	ATF_CHECK_EQ(-1, parse("a.example", DNS_A, &a));

	/* an owner that points at itself, and one that points forward */
	start("a.example", DNS_A, 0, 1, 0);
	i = m.len;
	u16(0xc000 | (unsigned int)i);
	u16(DNS_A);
	ATF_CHECK_EQ(-1, parse("a.example", DNS_A, &a));
	m.len = i;
	u16(0xc000 | (unsigned int)(i + 4));
	u16(DNS_A);
	ATF_CHECK_EQ(-1, parse("a.example", DNS_A, &a));

	/* an address of three octets is none */
	start("a.example", DNS_A, 0, 1, 0);
	head("a.example", DNS_A, 300, 3);
	m.len += 3;
	ATF_CHECK_EQ(0, parse("a.example", DNS_A, &a));
	ATF_CHECK_EQ(DNS_NONE, a.status);
	dns_clear(&a);
}

/* TLSA as it came, behind an alias as well; without data it is none. */
ATF_TC_WITHOUT_HEAD(tlsa);
ATF_TC_BODY(tlsa, tc)
{
	struct dns_answer	 a;

	start("_25._tcp.mx.example", DNS_TLSA, 0x20, 3, 0);
	alias("_25._tcp.mx.example", "tlsa.example");
	head("tlsa.example", DNS_TLSA, 77, 5);
	memcpy(m.data + m.len, "\3\1\1ab", 5);
	m.len += 5;
	head("tlsa.example", DNS_TLSA, 77, 0);
	ATF_REQUIRE_EQ(0, parse("_25._tcp.mx.example", DNS_TLSA, &a));
	ATF_CHECK_EQ(DNS_OK, a.status);
	ATF_CHECK(a.authentic);
	ATF_CHECK_EQ(60, a.ttl);
	ATF_REQUIRE_EQ(1, a.count);
	ATF_CHECK_EQ(5, a.records[0].len);
	ATF_CHECK_EQ(0, memcmp(a.records[0].data, "\3\1\1ab", 5));
	dns_clear(&a);
}

/* The name of an address, also where its network is an alias (RFC 2317). */
ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	struct dns_answer	 a;
	struct sockaddr_storage	 ss;
	struct sockaddr		*sa = (struct sockaddr *)&ss;
	char			 text[DOMAIN_MAX];

	ATF_REQUIRE_EQ(0, sockaddr_parse("192.0.2.31", &ss));
	ATF_REQUIRE_EQ(0, dns_reverse(sa, text, sizeof(text)));
	ATF_CHECK_STREQ("31.2.0.192.in-addr.arpa", text);
	ATF_CHECK_EQ(-1, dns_reverse(sa, text, 23));
	ATF_REQUIRE_EQ(0, sockaddr_parse("2001:db8::1f", &ss));
	ATF_REQUIRE_EQ(0, dns_reverse(sa, text, sizeof(text)));
	ATF_CHECK_STREQ("f.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "8.b.d.0.1.0.0.2.ip6.arpa", text);
	ATF_CHECK_EQ(-1, dns_reverse(sa, text, 72));
	ss.ss_family = AF_UNIX;
	ATF_CHECK_EQ(-1, dns_reverse(sa, text, sizeof(text)));

	start("31.2.0.192.in-addr.arpa", DNS_PTR, 0, 3, 0);
	alias("31.2.0.192.in-addr.arpa", "31.0/26.2.0.192.in-addr.arpa");
	head("31.0/26.2.0.192.in-addr.arpa", DNS_PTR, 300, 12);
	name("MX.example");
	head("31.0/26.2.0.192.in-addr.arpa", DNS_PTR, 300, 11);
	name("a b.examp");
	ATF_REQUIRE_EQ(0, parse("31.2.0.192.in-addr.arpa", DNS_PTR, &a));
	ATF_CHECK_EQ(DNS_OK, a.status);
	ATF_REQUIRE_EQ(2, a.count);
	ATF_CHECK_STREQ("mx.example", a.records[0].name);
	/* what no host name holds can be seen */
	ATF_CHECK(!domain_valid(a.records[1].name));
	dns_clear(&a);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, query);
	ATF_TP_ADD_TC(tp, answers);
	ATF_TP_ADD_TC(tp, aliases);
	ATF_TP_ADD_TC(tp, negative);
	ATF_TP_ADD_TC(tp, lies);
	ATF_TP_ADD_TC(tp, tlsa);
	ATF_TP_ADD_TC(tp, names);
	return (atf_no_error());
}
