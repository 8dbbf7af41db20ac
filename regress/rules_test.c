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
 * Match and bind rules, from configuration text to what they choose.
 */

#include <atf-c.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/config.h"
#include "lib/rules.h"

#define BINDINGS							\
	"hostname \"mx.example.net\"\n"					\
	"listen on socket\n"						\
	"action \"out\" relay\naction \"smart\" relay\n"		\
	"match from any for any action \"out\"\n"			\
	"binding \"acme\" { bind-address 192.0.2.4 }\n"			\
	"binding \"globex\" { bind-address 192.0.2.5 }\n"		\
	"binding \"system\" { bind-address 192.0.2.1 }\n"		\
	"binding-group \"pool\" {\n"					\
	"  binding \"p1\" { bind-address 192.0.2.6 }\n"			\
	"  binding \"p2\" { bind-address 192.0.2.7 }\n}\n"

static void	 report(void *, const struct origin *, int, const char *);
static const char *load(void *, const char *, size_t *);
static char	**no_files(void *, const char *);
static struct config *configure(const char *, const char *);
static const char *chosen(const struct config *, const struct facts *,
		    const char *);
static const char *matched(const struct config *, const struct facts *,
		    const char *);

static const char *
load(void *arg, const char *path, size_t *len)
{
	if (strcmp(path, "conf") != 0) {
		errno = ENOENT;
		return (NULL);
	}
	*len = strlen(arg);
	return (arg);
}

static char **
no_files(void *arg, const char *pattern)
{
	return (NULL);
}

static void
report(void *arg, const struct origin *at, int warning, const char *text)
{
	config_report(stderr, at, warning, text);
}

static struct config *
configure(const char *head, const char *rules)
{
	struct config_io io = {
		.load = load, .glob = no_files, .report = report,
		.hostname = "host.example.net", .all = 1
	};
	struct config *c;
	char *text;

	ATF_REQUIRE(asprintf(&text, "%s%s", head, rules) != -1);
	io.arg = text;
	c = config_parse("conf", &io);
	ATF_REQUIRE_MSG(c != NULL, "%.80s", rules);
	free(text);
	return (c);
}

/* "name" or "!error" or "-". */
static const char *
chosen(const struct config *c, const struct facts *f, const char *rcpt)
{
	static char text[160];
	struct bind_choice choice;

	rules_bind(c, f, rcpt, "out", &choice);
	if (choice.name != NULL) {
		ATF_CHECK_STREQ("", choice.error);
		return (choice.name);
	}
	ATF_CHECK(choice.error[0] != '\0');
	snprintf(text, sizeof(text), "!%s", choice.error);
	return (text);
}

static const char *
matched(const struct config *c, const struct facts *f, const char *rcpt)
{
	const struct rule *rule = rules_match(c, f, rcpt);

	if (rule == NULL)
		return ("-");
	return (rule->reject ? "reject" : rule->target);
}

/* One rule, one set of facts: does it hold? */
ATF_TC_WITHOUT_HEAD(conditions);
ATF_TC_BODY(conditions, tc)
{
	static const struct facts facts = {
		.auth = "acme", .client = "203.0.113.9", .helo = "h.example",
		.rdns = "host.example", .tag = "submission",
		.sender = "News@Acme.example", .header = { "X-Out", "v" }
	};
	static const struct facts socket = {
		.auth = "acme", .user = "root", .sender = "", .socket = 1,
		.local = 1
	};
	static const struct {
		const char	*conditions;
		const struct facts *facts;
		int		 holds;
	} t[] = {
		{ "auth", &facts, 1 }, { "auth", &socket, 0 },
		{ "! auth", &facts, 0 }, { "! auth", &socket, 1 },
		{ "auth \"acme\"", &facts, 1 },
		{ "auth \"Acme\"", &facts, 0 },
		{ "auth \"acme\"", &socket, 0 },
		{ "auth { globex, acme }", &facts, 1 },
		{ "auth { globex }", &facts, 0 },
		{ "! auth { globex }", &facts, 1 },
		{ "user \"root\"", &socket, 1 },
		{ "user \"root\"", &facts, 0 },
		{ "from local", &socket, 1 }, { "from local", &facts, 0 },
		{ "from socket", &socket, 1 }, { "from socket", &facts, 0 },
		{ "from src 203.0.113.0/24", &facts, 1 },
		{ "from src 203.0.112.0/24", &facts, 0 },
		{ "! from src 203.0.112.0/24", &facts, 1 },
		{ "from src 203.0.113.0/24", &socket, 0 },
		{ "from src { 10.0.0.0/8, 203.0.113.9 }", &facts, 1 },
		{ "from src { 10.0.0.0/8 }", &facts, 0 },
		{ "mail-from \"news@acme.example\"", &facts, 1 },
		{ "mail-from \"@acme.example\"", &facts, 1 },
		{ "mail-from \"@example\"", &facts, 0 },
		{ "mail-from \"new@acme.example\"", &facts, 0 },
		{ "mail-from \"<>\"", &facts, 0 },
		{ "mail-from \"<>\"", &socket, 1 },
		{ "mail-from \"@acme.example\"", &socket, 0 },
		{ "mail-from { \"@acme.example\" }", &facts, 1 },
		{ "mail-from { \"<>\" }", &socket, 1 },
		{ "for domain \"example.org\"", &facts, 1 },
		{ "for domain \"example.com\"", &facts, 0 },
		{ "for domain \"*.org\"", &facts, 1 },
		{ "for domain { \"*.org\" }", &facts, 1 },
		{ "for domain { example.com }", &facts, 0 },
		{ "for rcpt-to \"bob@example.org\"", &facts, 1 },
		{ "for rcpt-to \"bo@example.org\"", &facts, 0 },
		{ "tag \"submission\"", &facts, 1 },
		{ "tag \"submission\"", &socket, 0 },
		{ "! tag \"other\"", &facts, 1 },
		{ "action \"out\"", &facts, 1 },
		{ "action \"smart\"", &facts, 0 },
		{ "header \"x-out\" \"v\"", &facts, 1 },
		{ "header \"x-out\" \"w\"", &facts, 0 },
		{ "header \"x-other\" \"v\"", &facts, 0 },
		{ "header \"x-out\" \"v\"", &socket, 0 },
		{ "auth mail-from \"@acme.example\"", &facts, 1 },
		{ "auth mail-from \"@globex.example\"", &facts, 0 }
	};
	struct config *c;
	char rule[256];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(rule, sizeof(rule),
		    "listen on 127.0.0.1 port 2980 tag \"submission\" "
		    "trust-header \"X-Out\"\n"
		    "listen on 127.0.0.1 port 2981 tag \"other\" "
		    "trust-header \"X-Other\"\n"
		    "bind %s to \"acme\"\n", t[i].conditions);
		c = configure(BINDINGS, rule);
		ATF_CHECK_STREQ_MSG(t[i].holds ? "acme" : "default",
		    chosen(c, t[i].facts, "bob@Example.org"), "%s",
		    t[i].conditions);
		config_free(c);
	}
}

ATF_TC_WITHOUT_HEAD(first_wins);
ATF_TC_BODY(first_wins, tc)
{
	struct facts f = { .auth = "acme", .sender = "a@globex.example",
	    .client = "203.0.113.9" };
	struct bind_choice choice;
	struct config *c;

	c = configure(BINDINGS, "default-binding none\n"
	    "bind for domain \"corp.example\" to \"system\"\n"
	    "bind auth \"acme\" to \"pool\"\n"
	    "bind mail-from \"@globex.example\" to \"globex\"\n");
	ATF_CHECK_STREQ("system", chosen(c, &f, "x@corp.example"));
	ATF_CHECK_STREQ("pool", chosen(c, &f, "x@example.org"));
	rules_bind(c, &f, "x@example.org", "out", &choice);
	ATF_REQUIRE(choice.rule != NULL);
	ATF_CHECK_EQ(2, choice.rule->number);
	f.auth = NULL;
	ATF_CHECK_STREQ("globex", chosen(c, &f, "x@example.org"));
	f.sender = "";
	ATF_CHECK_EQ('!', chosen(c, &f, "x@example.org")[0]);
	ATF_CHECK(!rules_want_header(c));
	config_free(c);

	c = configure(BINDINGS, "default-binding suspended\n");
	rules_bind(c, &f, "x@example.org", "out", &choice);
	ATF_CHECK_STREQ("default", choice.name);
	ATF_CHECK_EQ(NULL, choice.rule);
	config_free(c);
}

#define MAPS								\
	"table by_auth { \"acme\" = \"acme\", \"glob\" = \"globex\","	\
	" \"many\" = \"pool\" }\n"					\
	"table by_user { \"root\" = \"system\" }\n"			\
	"table by_from { \"news@acme.example\" = \"acme\","		\
	" \"@acme.example\" = \"globex\", \"plain.example\" = \"pool\","	\
	" \"<>\" = \"system\" }\n"					\
	"bind by auth <by_auth>\nbind by user <by_user>\n"		\
	"bind by mail-from <by_from>\n"

ATF_TC_WITHOUT_HEAD(maps);
ATF_TC_BODY(maps, tc)
{
	static const struct {
		struct facts	 facts;
		const char	*chosen;
	} t[] = {
		{ { .auth = "acme", .sender = "" }, "acme" },
		{ { .auth = "many", .sender = "" }, "pool" },
		{ { .auth = "Acme", .sender = "" }, "system" },
		{ { .user = "root", .sender = "x@y", .socket = 1 },
		    "system" },
		{ { .user = "acme", .sender = "x@y", .socket = 1 },
		    "default" },
		{ { .sender = "NEWS@acme.example" }, "acme" },
		{ { .sender = "other@ACME.example" }, "globex" },
		{ { .sender = "x@plain.example" }, "pool" },
		{ { .sender = "x@sub.plain.example" }, "default" },
		{ { .sender = "" }, "system" }
	};
	struct config *c;
	size_t i;

	c = configure(BINDINGS, MAPS);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ATF_CHECK_STREQ_MSG(t[i].chosen,
		    chosen(c, &t[i].facts, "bob@example.org"), "%zu", i);
	config_free(c);
}

/* The name is needed where a rule that has it comes first. */
ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	struct facts f = { .client = "203.0.113.9", .sender = "a@b.example" };
	struct config *c;

	c = configure("action \"out\" relay\n",
	    "match from any for domain \"a.example\" reject\n");
	ATF_CHECK(!rules_want_rdns(c));
	ATF_CHECK(!rules_need_rdns(c, &f, "x@a.example"));
	config_free(c);

	c = configure("action \"out\" relay\n",
	    "match from any for domain \"a.example\" action \"out\"\n"
	    "match from rdns \"h.example\" for domain { a.example, "
	    "b.example } action \"out\"\n"
	    "match ! from rdns for domain \"c.example\" reject\n"
	    "match from rdns auth for any reject\n"
	    "match from any for any reject\n");
	ATF_CHECK(rules_want_rdns(c));
	ATF_CHECK(!rules_need_rdns(c, &f, "x@a.example"));
	ATF_CHECK(rules_need_rdns(c, &f, "x@b.example"));
	ATF_CHECK(rules_need_rdns(c, &f, "x@c.example"));
	ATF_CHECK(!rules_need_rdns(c, &f, "x@d.example"));
	f.auth = "acme";
	ATF_CHECK(rules_need_rdns(c, &f, "x@d.example"));
	config_free(c);
}

ATF_TC_WITHOUT_HEAD(headers);
ATF_TC_BODY(headers, tc)
{
	struct facts f = { .sender = "", .header = { "X-Binding", "acme" } };
	struct config *c;

	c = configure(BINDINGS,
	    "listen on 127.0.0.1 port 2980 trust-header \"X-Binding\"\n"
	    "bind by header \"x-binding\"\n");
	ATF_CHECK(rules_want_header(c));
	ATF_CHECK_STREQ("acme", chosen(c, &f, "a@b"));
	/* what names no binding chooses none, not the default */
	f.header[1] = "nobody";
	ATF_CHECK(strstr(chosen(c, &f, "a@b"), "unknown binding nobody") !=
	    NULL);
	f.header[1] = "*";
	ATF_CHECK_EQ('!', chosen(c, &f, "a@b")[0]);
	/* nor when it says so */
	f.header[1] = "default";
	ATF_CHECK_EQ('!', chosen(c, &f, "a@b")[0]);
	f.header[0] = NULL;
	ATF_CHECK_STREQ("default", chosen(c, &f, "a@b"));
	config_free(c);
	f.header[0] = "X-Binding";
	c = configure(BINDINGS,
	    "listen on 127.0.0.1 port 2980 trust-header \"X-Binding\"\n"
	    "table keys { \"d\" = \"default\" }\n"
	    "bind by header \"x-binding\" <keys>\n");
	/* what the administrator wrote into a table is another thing */
	f.header[1] = "d";
	ATF_CHECK_STREQ("default", chosen(c, &f, "a@b"));
	config_free(c);
}

ATF_TC_WITHOUT_HEAD(bounces);
ATF_TC_BODY(bounces, tc)
{
	struct facts f = { .sender = "", .local = 1, .bounce = 1,
	    .binding = "acme" };
	struct bind_choice choice;
	struct config *c;

	c = configure(BINDINGS, "bind from local to \"system\"\n");
	rules_bind(c, &f, "a@b", "out", &choice);
	ATF_CHECK_STREQ("acme", choice.name);
	ATF_CHECK_EQ(NULL, choice.rule);
	/* the failed message was local */
	f.binding = NULL;
	ATF_CHECK_STREQ("system", chosen(c, &f, "a@b"));
	f.group = "pool";
	ATF_CHECK_STREQ("pool", chosen(c, &f, "a@b"));
	config_free(c);

	f.binding = "acme";
	c = configure(BINDINGS, "bind ! bounce from local to \"globex\"\n"
	    "bind bounce for domain \"b\" to \"system\"\n");
	ATF_CHECK_STREQ("system", chosen(c, &f, "a@b"));
	ATF_CHECK_STREQ("acme", chosen(c, &f, "a@c"));
	f.bounce = 0;
	ATF_CHECK_STREQ("globex", chosen(c, &f, "a@b"));
	config_free(c);
}

ATF_TC_WITHOUT_HEAD(matches);
ATF_TC_BODY(matches, tc)
{
	static const struct facts remote = { .client = "203.0.113.9",
	    .sender = "x@y" };
	static const struct facts local = { .client = "127.0.0.1",
	    .sender = "x@y", .local = 1 };
	static const struct facts auth = { .client = "203.0.113.9",
	    .sender = "x@y", .auth = "acme" };
	struct config *c;

	c = configure("hostname \"mx.example.net\"\nlisten on socket\n"
	    "action \"out\" relay\naction \"local\" mbox\n"
	    "action \"corp\" relay\n",
	    "match mail-from \"bad@example\" for any reject\n"
	    "match for local action \"local\"\n"
	    "match from any for domain \"corp.example\" action \"corp\"\n"
	    "match for any action \"out\"\n"
	    "match auth from any for any action \"out\"\n");
	ATF_CHECK_STREQ("local", matched(c, &local, "bob@MX.example.net"));
	ATF_CHECK_STREQ("local", matched(c, &local, "bob@localhost"));
	ATF_CHECK_STREQ("local", matched(c, &local, "postmaster"));
	ATF_CHECK_STREQ("-", matched(c, &remote, "bob@mx.example.net"));
	ATF_CHECK_STREQ("corp", matched(c, &remote, "bob@corp.example"));
	ATF_CHECK_STREQ("out", matched(c, &local, "bob@example.org"));
	/* no open relay */
	ATF_CHECK_STREQ("-", matched(c, &remote, "bob@example.org"));
	ATF_CHECK_STREQ("out", matched(c, &auth, "bob@example.org"));
	config_free(c);
}

/* Customers in a table cost a look-up, not a rule each. */
ATF_TC_WITHOUT_HEAD(speed);
ATF_TC_BODY(speed, tc)
{
	const int customers = 10000, times = 100 * 1000;
	struct facts f = { .sender = "", .client = "203.0.113.9" };
	struct bind_choice choice;
	struct config *c;
	char *text, name[32];
	clock_t before;
	double seconds;
	size_t len;
	FILE *fp;
	int i;

	ATF_REQUIRE((fp = open_memstream(&text, &len)) != NULL);
	fprintf(fp, "table customers {\n");
	for (i = 0; i < customers; i++)
		fprintf(fp, "\"c%d\" = \"%s\"\n", i, i % 2 ? "acme" : "globex");
	fprintf(fp, "}\nbind by auth <customers>\n");
	fclose(fp);
	c = configure(BINDINGS, text);
	before = clock();
	for (i = 0; i < times; i++) {
		snprintf(name, sizeof(name), "c%d", i % customers);
		f.auth = name;
		rules_bind(c, &f, "bob@example.org", "out", &choice);
		ATF_REQUIRE_STREQ(i % 2 ? "acme" : "globex", choice.name);
	}
	seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
	printf("%.2f us each\n", seconds * 1000000 / times);
	/* a walk of the table would take a hundred times that */
	ATF_CHECK(seconds < 2);
	config_free(c);
	free(text);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, conditions);
	ATF_TP_ADD_TC(tp, first_wins);
	ATF_TP_ADD_TC(tp, maps);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, headers);
	ATF_TP_ADD_TC(tp, bounces);
	ATF_TP_ADD_TC(tp, matches);
	ATF_TP_ADD_TC(tp, speed);
	return (atf_no_error());
}
