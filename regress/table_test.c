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
 * Tables: keys with and without case, domains, mail addresses, networks, and
 * the form of their files.
 */

#include <stdio.h>
#include <string.h>

#include <atf-c.h>

#include "lib/address.h"
#include "lib/table.h"

static const char *
by_address(const struct table *t, const char *text)
{
	struct sockaddr_storage	 ss;

	ATF_REQUIRE_EQ(0, sockaddr_parse(text, &ss));
	return (table_get_addr(t, (struct sockaddr *)&ss));
}

ATF_TC_WITHOUT_HEAD(keys);
ATF_TC_BODY(keys, tc)
{
	struct table	*t = table_new("users");
	const char	*key, *value;
	size_t		 next = 0;

	ATF_CHECK_STREQ("users", table_name(t));
	ATF_CHECK(table_get(t, "acme") == NULL);
	ATF_CHECK_EQ(0, table_size(t));
	ATF_CHECK_EQ(0, table_add(t, "Acme", "one"));
	ATF_CHECK_EQ(0, table_add(t, "acme", "two"));
	ATF_CHECK_EQ(-1, table_add(t, "acme", "three"));
	ATF_CHECK_EQ(2, table_size(t));
	ATF_CHECK(table_is_map(t));
	ATF_CHECK_STREQ("one", table_get(t, "ACME"));
	ATF_CHECK_STREQ("two", table_get_case(t, "acme"));
	ATF_CHECK(table_get_case(t, "ACME") == NULL);
	ATF_REQUIRE(table_each(t, &next, &key, &value));
	ATF_CHECK_STREQ("Acme", key);
	ATF_REQUIRE(table_each(t, &next, &key, &value));
	ATF_CHECK_STREQ("two", value);
	ATF_CHECK(!table_each(t, &next, &key, &value));
	table_free(t);
	table_free(NULL);
}

ATF_TC_WITHOUT_HEAD(domains);
ATF_TC_BODY(domains, tc)
{
	struct table	*t = table_new(NULL);

	ATF_CHECK(table_name(t) == NULL);
	table_add(t, "example.com", "exact");
	table_add(t, "*.example.com", "wide");
	table_add(t, "*.mail.example.com", "narrow");
	ATF_CHECK_STREQ("exact", table_get_domain(t, "EXAMPLE.com"));
	ATF_CHECK_STREQ("wide", table_get_domain(t, "a.example.com"));
	ATF_CHECK_STREQ("wide", table_get_domain(t, "mail.example.com"));
	ATF_CHECK_STREQ("narrow", table_get_domain(t, "x.mail.example.com"));
	ATF_CHECK(table_get_domain(t, "badexample.com") == NULL);
	ATF_CHECK(table_get_domain(t, "com") == NULL);
	table_free(t);
}

ATF_TC_WITHOUT_HEAD(mail);
ATF_TC_BODY(mail, tc)
{
	struct table	*t = table_new("mail");

	table_add(t, "news@acme.example", "news");
	table_add(t, "@acme.example", "at");
	table_add(t, "globex.example", "domain");
	table_add(t, "<>", "null");
	ATF_CHECK_STREQ("news", table_get_mail(t, "News@Acme.example"));
	ATF_CHECK_STREQ("at", table_get_mail(t, "bob@acme.example"));
	ATF_CHECK_STREQ("domain", table_get_mail(t, "bob@GLOBEX.example"));
	ATF_CHECK_STREQ("null", table_get_mail(t, ""));
	ATF_CHECK(table_get_mail(t, "bob@sub.acme.example") == NULL);
	ATF_CHECK(table_get_mail(t, "root") == NULL);
	table_free(t);
}

ATF_TC_WITHOUT_HEAD(networks);
ATF_TC_BODY(networks, tc)
{
	struct table	*t = table_new("nets");

	table_add(t, "10.0.0.0/8", "ten");
	table_add(t, "10.1.0.0/16", "ten-one");
	table_add(t, "192.0.2.1", "host");
	table_add(t, "2001:db8::/33", "six");
	ATF_CHECK_STREQ("ten", by_address(t, "10.255.0.1"));
	ATF_CHECK_STREQ("ten-one", by_address(t, "10.1.2.3"));
	ATF_CHECK_STREQ("host", by_address(t, "192.0.2.1"));
	ATF_CHECK(by_address(t, "192.0.2.2") == NULL);
	ATF_CHECK_STREQ("six", by_address(t, "2001:db8:7fff::1"));
	ATF_CHECK(by_address(t, "2001:db8:8000::1") == NULL);
	ATF_CHECK_EQ(0, table_add(t, "0.0.0.0/0", "rest"));
	ATF_CHECK_STREQ("rest", by_address(t, "192.0.2.2"));
	table_free(t);
}

ATF_TC_WITHOUT_HEAD(files);
ATF_TC_BODY(files, tc)
{
	static const struct {
		const char	*text;
		const char	*key;
		const char	*value;	/* NULL: not there */
	} good[] = {
		{ "root: admin, bob\n", "root", "admin, bob" },
		{ "root:admin\n", "root", "admin" },
		{ "root : admin\n", "root", "admin" },
		{ "root:admin, bob\n", "root", "admin, bob" },
		{ "acme\t:\n", "acme", "" },
		{ "relay1 user:pass word\n", "relay1", "user:pass word" },
		{ "  acme\t $2b$08$x  \r\n", "acme", "$2b$08$x" },
		{ "# note\n\nacme one", "acme", "one" },
		{ "192.0.2.0/24\n2001:db8::1\n", "2001:db8::1", "" },
		{ "2001:db8::1 acme\n", "2001:db8::1", "acme" },
		{ "2001:db8::/32: acme\n", "2001:db8::/32", "acme" },
		{ "192.0.2.1:acme\n", "192.0.2.1", "acme" },
		{ ":x acme\n", ":x", "acme" },
		{ "# @list\nacme corp\n", "acme corp", "" },
		{ "acme one\n", "globex", NULL },
		{ "", "acme", NULL }
	};
	static const struct {
		const char	*text;
		int		 line;
		const char	*error;
	} bad[] = {
		{ "a 1\nb\n", 2, "key without a value" },
		{ "a\n\nb 1\n", 3, "value in a list" },
		{ "a\nb\na\n", 3, "key is there twice" }
	};
	struct table	*t;
	const char	*error, *value;
	size_t		 i;
	int		 line;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		t = table_new("file");
		ATF_CHECK_EQ(0, table_parse(t, good[i].text, &line, &error));
		value = table_get(t, good[i].key);
		if (good[i].value == NULL)
			ATF_CHECK(value == NULL);
		else {
			ATF_CHECK(value != NULL);
			ATF_CHECK_STREQ(good[i].value, value);
		}
		table_free(t);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t = table_new("file");
		ATF_CHECK_EQ(-1, table_parse(t, bad[i].text, &line, &error));
		ATF_CHECK_EQ(bad[i].line, line);
		ATF_CHECK_STREQ(bad[i].error, error);
		table_free(t);
	}
}

/* No table is walked to find a key. */
ATF_TC(large);
ATF_TC_HEAD(large, tc)
{
	atf_tc_set_md_var(tc, "timeout", "20");
}
ATF_TC_BODY(large, tc)
{
	struct table	*t = table_new("large");
	char		 key[64];
	int		 i;

	for (i = 0; i < 200000; i++) {
		snprintf(key, sizeof(key), "10.%d.%d.%d", i / 65536,
		    i / 256 % 256, i % 256);
		ATF_REQUIRE_EQ(0, table_add(t, key, NULL));
	}
	for (i = 0; i < 200000; i++) {
		snprintf(key, sizeof(key), "10.%d.%d.%d", i / 65536,
		    i / 256 % 256, i % 256);
		ATF_REQUIRE(by_address(t, key) != NULL);
	}
	table_free(t);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, keys);
	ATF_TP_ADD_TC(tp, domains);
	ATF_TP_ADD_TC(tp, mail);
	ATF_TP_ADD_TC(tp, networks);
	ATF_TP_ADD_TC(tp, files);
	ATF_TP_ADD_TC(tp, large);
	return (atf_no_error());
}
