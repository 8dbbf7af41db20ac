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
 * Which value of an option holds for a lane, and how options are written.
 */

#include <errno.h>
#include <string.h>

#include <atf-c.h>

#include "lib/config.h"

static const char text[] =
    "queue ttl 3d\n"
    "binding * { max-messages 1 queue-limit 7\n"
    "	domain \"all.example\" { max-messages 2 } }\n"
    "site big { domain { a.example, \"*.b.example\" } }\n"
    "domain \"*.sum.example\" { max-connections 9 }\n"
    "binding-group g { max-messages 3 max-connections 30\n"
    "	domain \"*.example\" { max-messages 4 }\n"
    "	site big { max-messages 5 rate 60/1m }\n"
    "	binding member { bind-address 192.0.2.1 max-messages 6\n"
    "		domain \"*.x.example\" { max-messages 8 } } }\n"
    "binding lone { bind-address 192.0.2.2 next-hops ! 10.0.0.0/8\n"
    "	ehlo-hostname \"mail.lone.example\" family inet4\n"
    "	suspend-delivery true }\n";

static const char *
load(void *arg, const char *path, size_t *len)
{
	if (strcmp(path, "conf") != 0) {
		errno = ENOENT;
		return (NULL);
	}
	*len = strlen(text);
	return (text);
}

static char **
no_files(void *arg, const char *pattern)
{
	return (NULL);
}

static struct config *
parse(void)
{
	struct config_io	 io = {
		.load = load, .glob = no_files, .report = config_report,
		.arg = stderr, .hostname = "mx.example.net", .all = 1
	};
	struct config		*c;

	c = config_parse("conf", &io);
	ATF_REQUIRE(c != NULL);
	return (c);
}

ATF_TC_WITHOUT_HEAD(precedence);
ATF_TC_BODY(precedence, tc)
{
	static const struct {
		const char	*binding;
		const char	*destination;
		const char	*site;
		int64_t		 number;
	} cases[] = {
		{ "lone", NULL, NULL, 1 },
		{ "lone", "other.test", NULL, 1 },
		{ "lone", "all.example", "big", 2 },
		{ "member", NULL, NULL, 6 },
		{ "member", "y.x.example", NULL, 8 },
		{ "member", "Y.X.Example", "big", 8 },
		{ "member", "y.example", NULL, 4 },
		{ "member", "all.example", NULL, 4 },
		{ "member", "other.test", "big", 5 },
		{ "member", "other.test", "small", 6 }
	};
	struct config	*c = parse();
	const struct option *o;
	size_t		 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o = config_option(c, config_binding(c, cases[i].binding),
		    cases[i].destination, cases[i].site,
		    OPTION_MAX_MESSAGES);
		ATF_CHECK_EQ_MSG(cases[i].number, o->number, "%zu: %lld", i,
		    (long long)o->number);
		ATF_CHECK(o->origin.file != NULL);
	}
	o = config_option(c, config_binding(c, "member"), NULL, NULL,
	    OPTION_MAX_CONNECTIONS);
	ATF_CHECK_EQ(30, o->number);
	config_free(c);
}

ATF_TC_WITHOUT_HEAD(defaults);
ATF_TC_BODY(defaults, tc)
{
	static const struct {
		enum option_id	 id;
		const char	*text;
	} cases[] = {
		{ OPTION_FAMILY, "any" }, { OPTION_EHLO, "__hostname__" },
		{ OPTION_MAX_OUTBOUND_CONNECTIONS, "32" },
		{ OPTION_MAX_CONNECTIONS, "none" },
		{ OPTION_MAX_MESSAGES, "1" }, { OPTION_RATE, "none" },
		{ OPTION_SUSPEND_DELIVERY, "false" },
		{ OPTION_SUSPEND_RECEPTION, "false" },
		{ OPTION_QUEUE_LIMIT, "7" },
		{ OPTION_MESSAGE_EXPIRATION, "3d" },
		{ OPTION_NEXT_HOPS, "none" }, { OPTION_WEIGHT, "1" }
	};
	struct config		*c = parse();
	const struct option	*o;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o = config_option(c, config_binding(c, "default"), NULL, NULL,
		    cases[i].id);
		ATF_CHECK_STREQ(cases[i].text, option_text(cases[i].id, o));
	}
	config_free(c);
}

ATF_TC_WITHOUT_HEAD(texts);
ATF_TC_BODY(texts, tc)
{
	static const struct {
		enum option_id	 id;
		const char	*name;
		const char	*text;
	} cases[] = {
		{ OPTION_FAMILY, "family", "inet4" },
		{ OPTION_EHLO, "ehlo-hostname", "\"mail.lone.example\"" },
		{ OPTION_SUSPEND_DELIVERY, "suspend-delivery", "true" },
		{ OPTION_NEXT_HOPS, "next-hops", "! { 10.0.0.0/8 }" }
	};
	struct config		*c = parse();
	const struct option	*o;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o = config_option(c, config_binding(c, "lone"), "x.test",
		    NULL, cases[i].id);
		ATF_CHECK_STREQ(cases[i].name, option_name(cases[i].id));
		ATF_CHECK_STREQ(cases[i].text, option_text(cases[i].id, o));
	}
	o = config_option(c, config_binding(c, "member"), NULL, "big",
	    OPTION_RATE);
	ATF_CHECK_STREQ("60/1m", option_text(OPTION_RATE, o));
	config_free(c);
}

ATF_TC_WITHOUT_HEAD(sites);
ATF_TC_BODY(sites, tc)
{
	struct config	*c = parse();

	ATF_CHECK(config_site(c, "big") != NULL);
	ATF_CHECK(config_site_of(c, "A.Example") == config_site(c, "big"));
	ATF_CHECK(config_site_of(c, "x.y.b.example") ==
	    config_site(c, "big"));
	ATF_CHECK(config_site_of(c, "b.example") == NULL);
	ATF_CHECK(config_site_of(c, "sum.example") == NULL);
	ATF_REQUIRE(config_total_of(c, "q.sum.example") != NULL);
	ATF_CHECK_EQ(9, config_total_of(c, "q.sum.example")->max_connections);
	ATF_CHECK(config_total_of(c, "a.example") == NULL);
	config_free(c);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, precedence);
	ATF_TP_ADD_TC(tp, defaults);
	ATF_TP_ADD_TC(tp, texts);
	ATF_TP_ADD_TC(tp, sites);
	return (atf_no_error());
}
