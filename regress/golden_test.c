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
 * Golden files of bindery.conf(5): NN.conf with NN.ok is printed back as
 * written there (and that again as itself), with its warnings in NN.warn;
 * with NN.err it is refused in those words.  From 301 on: what is not
 * supported yet.
 */

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include "lib/config.h"

static struct {
	struct bundle	 files;
	FILE		*said;
} state = { .files = TAILQ_HEAD_INITIALIZER(state.files) };

/* The whole of a file; NULL with errno. */
static char *
slurp(const char *path, size_t *len)
{
	FILE	*f;
	char	*text = NULL;
	size_t	 room = 0, n;

	if ((f = fopen(path, "r")) == NULL)
		return (NULL);
	*len = 0;
	do {
		room += 65536;
		ATF_REQUIRE((text = realloc(text, room)) != NULL);
		n = fread(text + *len, 1, room - *len - 1, f);
		*len += n;
	} while (n > 0);
	text[*len] = '\0';
	fclose(f);
	return (text);
}

static const char *
load(void *arg, const char *path, size_t *len)
{
	struct bundle_file	*file;
	char			*text;

	if ((text = slurp(path, len)) == NULL)
		return (NULL);
	file = calloc(1, sizeof(*file));
	ATF_REQUIRE(file != NULL);
	ATF_REQUIRE((file->path = strdup(path)) != NULL);
	file->text = text;
	file->len = *len;
	TAILQ_INSERT_TAIL(&state.files, file, entry);
	return (text);
}

static char **
expand(void *arg, const char *pattern)
{
	glob_t	 g;
	char	**paths = NULL;
	size_t	 i;

	if (glob(pattern, 0, NULL, &g) == 0) {
		ATF_REQUIRE((paths = calloc(g.gl_pathc + 1,
		    sizeof(*paths))) != NULL);
		for (i = 0; i < g.gl_pathc; i++)
			ATF_REQUIRE((paths[i] = strdup(g.gl_pathv[i])) !=
			    NULL);
	}
	globfree(&g);
	return (paths);
}

/* Parse path; what was said, and what it prints as (NULL: refused). */
static char *
run(const char *path, int all, char **said)
{
	static char	define[] = "defined=from-D";
	static char	*defines[] = { define, NULL };
	struct config_io io = {
		.load = load, .glob = expand, .report = config_report,
		.hostname = "mx.example.net", .all = all, .defines = defines
	};
	struct config	*c;
	FILE		*f;
	char		*text = NULL;
	size_t		 len;

	ATF_REQUIRE((f = open_memstream(said, &len)) != NULL);
	io.arg = f;
	c = config_parse(path, &io);
	fclose(f);
	if (c != NULL) {
		ATF_REQUIRE((f = open_memstream(&text, &len)) != NULL);
		config_print(c, f);
		fclose(f);
	}
	config_free(c);
	bundle_free(&state.files);
	return (text);
}

static void
same(const char *path, const char *what, const char *text)
{
	char	*expected, *empty = NULL;
	size_t	 len;

	if ((expected = slurp(path, &len)) == NULL)
		ATF_REQUIRE((expected = empty = strdup("")) != NULL);
	if (strcmp(expected, text) != 0)
		atf_tc_fail_nonfatal("%s: %s is\n%s", path, what, text);
	free(expected);
}

static void
check_good(const char *stem)
{
	char	 conf[64], ok[64], warn[64], *said, *text;

	snprintf(conf, sizeof(conf), "%s.conf", stem);
	snprintf(ok, sizeof(ok), "%s.ok", stem);
	snprintf(warn, sizeof(warn), "%s.warn", stem);
	text = run(conf, 1, &said);
	if (text == NULL)
		atf_tc_fail_nonfatal("%s is refused: %s", conf, said);
	else
		same(ok, "it", text);
	same(warn, "the warning", said);
	free(said);
	free(text);
	text = run(ok, 1, &said);
	if (text == NULL)
		atf_tc_fail_nonfatal("%s is refused: %s", ok, said);
	else
		same(ok, "printed again it", text);
	free(said);
	free(text);
}

static void
check_bad(const char *stem)
{
	char	 conf[64], err[64], *said, *text;

	snprintf(conf, sizeof(conf), "%s.conf", stem);
	snprintf(err, sizeof(err), "%s.err", stem);
	text = run(conf, atoi(stem) < 301, &said);
	if (text != NULL)
		atf_tc_fail_nonfatal("%s is taken", conf);
	same(err, "the error", said);
	free(said);
	free(text);
}

/* All files that end so; how many there were. */
static int
each(const atf_tc_t *tc, const char *suffix, void (*check)(const char *))
{
	char	 dir[1024], **paths;
	int	 n;

	snprintf(dir, sizeof(dir), "%s/config",
	    atf_tc_get_config_var(tc, "srcdir"));
	ATF_REQUIRE(chdir(dir) == 0);
	ATF_REQUIRE((paths = expand(NULL, suffix)) != NULL);
	for (n = 0; paths[n] != NULL; n++) {
		*strrchr(paths[n], '.') = '\0';
		check(paths[n]);
		free(paths[n]);
	}
	free(paths);
	return (n);
}

ATF_TC_WITHOUT_HEAD(good);
ATF_TC_BODY(good, tc)
{
	ATF_CHECK(each(tc, "*.ok", check_good) >= 45);
}

ATF_TC_WITHOUT_HEAD(bad);
ATF_TC_BODY(bad, tc)
{
	ATF_CHECK(each(tc, "*.err", check_bad) >= 65);
}

/* Ten thousand customers: a thousand bindings, maps, files by pattern. */
ATF_TC(many);
ATF_TC_HEAD(many, tc)
{
	atf_tc_set_md_var(tc, "timeout", "20");
}
ATF_TC_BODY(many, tc)
{
	FILE	*f, *map;
	char	*said, *text, name[32];
	int	 i;

	ATF_REQUIRE((f = fopen("main.conf", "w")) != NULL);
	fprintf(f, "include \"c*.inc\"\ntable map file:map\n"
	    "bind by auth <map>\ndefault-binding none\n");
	fclose(f);
	ATF_REQUIRE((map = fopen("map", "w")) != NULL);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "c%04d.inc", i);
		ATF_REQUIRE((f = fopen(name, "w")) != NULL);
		fprintf(f, "table t%d { u%d, v%d }\nbinding b%d {\n"
		    "\tbind-address 10.0.%d.%d\n}\nbind auth <t%d> to b%d\n",
		    i, i, i, i, i / 250, i % 250 + 1, i, i);
		fclose(f);
	}
	for (i = 0; i < 10000; i++)
		fprintf(map, "user%d b%d\n", i, i % 1000);
	fclose(map);
	text = run("main.conf", 0, &said);
	ATF_CHECK_STREQ("", said);
	ATF_REQUIRE(text != NULL);
	ATF_CHECK(strstr(text, "binding \"b999\" {\n") != NULL);
	free(said);
	free(text);
}

/* A role sees the same, and nothing of a file that was kept from it. */
ATF_TC_WITHOUT_HEAD(bundle);
ATF_TC_BODY(bundle, tc)
{
	const char	 main_text[] = "table t file:/secret\n"
			    "include \"/etc/c/*.conf\"\n"
			    "control-group $who\nbind by auth <t>\n";
	const char	 part[] = "binding acme { bind-address 192.0.2.4 }\n";
	struct bundle	 b = TAILQ_HEAD_INITIALIZER(b);
	struct config	*c;
	const char	*error;

	ATF_CHECK(config_from_bundle(&b, &error) == NULL);
	ATF_CHECK(error != NULL);
	ATF_CHECK_EQ(0, bundle_append(&b, "/m", main_text,
	    strlen(main_text)));
	ATF_CHECK_EQ(0, bundle_append(&b, "/etc/c/a.conf", part, 10));
	ATF_CHECK_EQ(0, bundle_append(&b, "/etc/c/a.conf", part + 10,
	    strlen(part) - 10));
	ATF_CHECK_EQ(-1, bundle_append(&b, "/nul", "a\0b", 3));
	ATF_CHECK(config_from_bundle(&b, &error) == NULL);
	ATF_CHECK_STREQ("/m:3: macro \"who\" is not defined", error);
	bundle_append(&b, BUNDLE_HOSTNAME, "host.example", 12);
	bundle_append(&b, BUNDLE_DEFINES, "who=wheel\n", 10);
	c = config_from_bundle(&b, &error);
	ATF_REQUIRE(c != NULL);
	ATF_CHECK(error == NULL);
	ATF_CHECK_STREQ("host.example", c->hostname);
	ATF_CHECK_STREQ("wheel", c->control_group);
	ATF_CHECK(config_binding(c, "acme") != NULL);
	ATF_CHECK(config_table(c, "t") != NULL);
	ATF_CHECK_EQ(0, table_size(config_table(c, "t")));
	config_free(c);
	bundle_free(&b);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good);
	ATF_TP_ADD_TC(tp, bad);
	ATF_TP_ADD_TC(tp, many);
	ATF_TP_ADD_TC(tp, bundle);
	return (atf_no_error());
}
