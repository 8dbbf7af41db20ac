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
 * Command lines of SMTP: what is taken, what is refused and with which reply.
 */

#include <atf-c.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/syntax.h"

ATF_TC_WITHOUT_HEAD(verb);
ATF_TC_BODY(verb, tc)
{
	char	 word[SYNTAX_VERB], line[64];

	ATF_CHECK_STREQ("FROM:<a@b>", syntax_verb("mail  FROM:<a@b>", word));
	ATF_CHECK_STREQ("MAIL", word);
	ATF_CHECK_STREQ("", syntax_verb("QuIt", word));
	ATF_CHECK_STREQ("QUIT", word);
	ATF_CHECK_STREQ("", syntax_verb("", word));
	ATF_CHECK_STREQ("", word);
	(void)syntax_verb("ABCDEFGHIJKLMNOPQRST x", word);
	ATF_CHECK_STREQ("", word);
	strlcpy(line, "NOOP \t ", sizeof(line));
	ATF_CHECK_EQ(4, syntax_trim(line, strlen(line)));
	ATF_CHECK_STREQ("NOOP", line);
}

ATF_TC_WITHOUT_HEAD(mail_good);
ATF_TC_BODY(mail_good, tc)
{
	static const struct {
		const char	*args;
		const char	*sender;
		uint64_t	 size;
		int		 eightbit;
		const char	*ret;
		const char	*envid;
	} cases[] = {
		{ "FROM:<>", "", 0, 0, "", "" },
		{ "from:<a@b.example>", "a@b.example", 0, 0, "", "" },
		{ "FROM: <a@b.example>", "a@b.example", 0, 0, "", "" },
		{ "FROM:<@x.example,@y.example:a@b.example>", "a@b.example",
		    0, 0, "", "" },
		{ "FROM:<\"a b>\"@b.example>", "\"a b>\"@b.example", 0, 0,
		    "", "" },
		{ "FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]", 0, 0, "", "" },
		{ "FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", 0, 0,
		    "", "" },
		{ "FROM:<root>", "root", 0, 0, "", "" },
		{ "FROM:<a@b.example> SIZE=100", "a@b.example", 100, 0, "",
		    "" },
		{ "FROM:<a@b.example> size=5 body=8bitmime ret=hdrs "
		    "ENVID=x+2By", "a@b.example", 5, 1, "HDRS", "x+2By" },
		{ "FROM:<> AUTH=<>", "", 0, 0, "", "" },
		{ "FROM:<a@b.example> AUTH=e+3Dmc2@b.example SIZE=1",
		    "a@b.example", 1, 0, "", "" },
		{ "FROM:<> BODY=7BIT RET=FULL", "", 0, 0, "FULL", "" },
		{ "FROM:<> SIZE=99999999999999999999", "", UINT64_MAX, 0, "",
		    "" },
	};
	struct mail_command	 mail;
	const char		*error;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = syntax_mail(cases[i].args, &mail);
		ATF_REQUIRE_MSG(error == NULL, "%s: %s", cases[i].args,
		    error);
		ATF_CHECK_STREQ(cases[i].sender, mail.sender);
		ATF_CHECK_EQ(cases[i].size, mail.size);
		ATF_CHECK_EQ(cases[i].eightbit, mail.eightbit);
		ATF_CHECK_STREQ(cases[i].ret, mail.ret);
		ATF_CHECK_STREQ(cases[i].envid, mail.envid);
	}
}

ATF_TC_WITHOUT_HEAD(mail_bad);
ATF_TC_BODY(mail_bad, tc)
{
	static const struct {
		const char	*args;
		const char	*code;
	} cases[] = {
		{ "", "501 5.5.4" },
		{ "<a@b.example>", "501 5.5.4" },
		{ "FROM:", "501 5.5.4" },
		{ "FROM:a@b.example", "501 5.5.4" },
		{ "FROM:<a@b.example", "501 5.5.4" },
		{ "FROM:<\"a@b.example>", "501 5.5.4" },
		{ "FROM:<a@b.example>SIZE=1", "501 5.5.4" },
		{ "FROM:<@x.example>", "501 5.5.4" },
		{ "FROM:<@x.example:>", "501 5.1.7" },
		{ "FROM:<a b@b.example>", "501 5.1.7" },
		{ "FROM:<a@>", "501 5.1.7" },
		{ "FROM:<@b>", "501 5.5.4" },
		{ "FROM:<a@b@c.example>", "501 5.1.7" },
		{ "FROM:<a..b@c.example>", "501 5.1.7" },
		{ "FROM:<a@b.example\x01>", "553 5.1.7" },
		{ "FROM:<a@192.0.2.1>", "553 5.1.7" },
		{ "FROM:<a@b..example>", "553 5.1.7" },
		{ "FROM:<a@\xef\xbc\x91\xef\xbc\x92.\xef\xbc\x91> SMTPUTF8",
		    "553 5.1.7" },
		{ "FROM:<a\xc2\x85z@b.example> SMTPUTF8", "553 5.1.7" },
		{ "FROM:<a@b\xef\xbc\xa0z.example> SMTPUTF8", "553 5.1.7" },
		{ "FROM:<a@b\xc3\xbc.example>", "553 5.6.7" },
		{ "FROM:<\xc3\xbc@b.example>", "553 5.6.7" },
		{ "FROM:<> SIZE", "501 5.5.4" },
		{ "FROM:<> SIZE=", "501 5.5.4" },
		{ "FROM:<> SIZE=-1", "501 5.5.4" },
		{ "FROM:<> SIZE=1k", "501 5.5.4" },
		{ "FROM:<> SIZE=999999999999999999999", "501 5.5.4" },
		{ "FROM:<> SIZE=1 SIZE=2", "501 5.5.4" },
		{ "FROM:<> BODY=BINARYMIME", "501 5.5.4" },
		{ "FROM:<> RET=ALL", "501 5.5.4" },
		{ "FROM:<> ENVID=", "501 5.5.4" },
		{ "FROM:<> ENVID=a+2", "501 5.5.4" },
		{ "FROM:<> ENVID=a=b", "501 5.5.4" },
		{ "FROM:<> FOO=BAR", "555 5.5.4" },
		{ "FROM:<> ENVID=a+0D+0Ab", "501 5.5.4" },
		{ "FROM:<> ENVID=a+C3+A4", "501 5.5.4" },
		{ "FROM:<> AUTH", "501 5.5.4" },
		{ "FROM:<> AUTH=", "501 5.5.4" },
		{ "FROM:<> AUTH=a+4", "501 5.5.4" },
		{ "FROM:<> AUTH=<> AUTH=<>", "501 5.5.4" },
		{ "FROM:<\xff@b.example> SMTPUTF8", "501 5.1.7" },
		{ "FROM:<> SMTPUTF8=1", "501 5.5.4" },
		{ "FROM:<> SMTPUTF8 SMTPUTF8", "501 5.5.4" },
		{ "FROM:<> NOTIFY=NEVER", "555 5.5.4" },
		{ "FROM:<> =", "555 5.5.4" },
	};
	struct mail_command	 mail;
	const char		*error;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = syntax_mail(cases[i].args, &mail);
		ATF_REQUIRE_MSG(error != NULL, "%s", cases[i].args);
		ATF_CHECK_MSG(strncmp(error, cases[i].code, 9) == 0,
		    "%s: %s", cases[i].args, error);
	}
}

ATF_TC_WITHOUT_HEAD(lengths);
ATF_TC_BODY(lengths, tc)
{
	struct mail_command	 mail;
	char			 args[1200], envid[102];

	/* local part 64, path 256 */
	snprintf(args, sizeof(args), "FROM:<%064d@b.example>", 0);
	ATF_CHECK(syntax_mail(args, &mail) == NULL);
	snprintf(args, sizeof(args), "FROM:<%065d@b.example>", 0);
	ATF_CHECK(syntax_mail(args, &mail) != NULL);
	snprintf(args, sizeof(args), "FROM:<%064d@%0800d>", 0, 0);
	ATF_CHECK(syntax_mail(args, &mail) != NULL);
	memset(envid, 'e', sizeof(envid));
	envid[100] = '\0';
	snprintf(args, sizeof(args), "FROM:<> ENVID=%s", envid);
	ATF_CHECK(syntax_mail(args, &mail) == NULL);
	envid[100] = 'e';
	envid[101] = '\0';
	snprintf(args, sizeof(args), "FROM:<> ENVID=%s", envid);
	ATF_CHECK(syntax_mail(args, &mail) != NULL);
}

ATF_TC_WITHOUT_HEAD(rcpt);
ATF_TC_BODY(rcpt, tc)
{
	static const struct {
		const char	*args;
		const char	*address;	/* NULL: refused */
		const char	*notify;
		const char	*orcpt;
	} cases[] = {
		{ "TO:<a@b.example>", "a@b.example", "", "" },
		{ "to: <Postmaster>", "Postmaster", "", "" },
		{ "TO:<a@b.example> NOTIFY=never", "a@b.example", "NEVER",
		    "" },
		{ "TO:<a@b.example> NOTIFY=delay,FAILURE", "a@b.example",
		    "FAILURE,DELAY", "" },
		{ "TO:<a@b.example> NOTIFY=SUCCESS,DELAY "
		    "ORCPT=rfc822;c+2Bd@e.example", "a@b.example",
		    "SUCCESS,DELAY", "rfc822;c+2Bd@e.example" },
		{ "TO:<a@b.example> NOTIFY=DELAY,SUCCESS,FAILURE",
		    "a@b.example", "SUCCESS,FAILURE,DELAY", "" },
		{ "TO:<a@b.example> NOTIFY=SUCCESS", "a@b.example", "SUCCESS",
		    "" },
		{ "TO:<>", NULL, NULL, NULL },
		{ "TO:a@b.example", NULL, NULL, NULL },
		{ "FROM:<a@b.example>", NULL, NULL, NULL },
		{ "TO:<a@b.example> NOTIFY=NEVER,DELAY", NULL, NULL, NULL },
		{ "TO:<a@b.example> NOTIFY=", NULL, NULL, NULL },
		{ "TO:<a@b.example> NOTIFY=DELAY,", NULL, NULL, NULL },
		{ "TO:<a@b.example> NOTIFY=DELAY,DELAY", NULL, NULL, NULL },
		{ "TO:<a@b.example> ORCPT=a@b.example", NULL, NULL, NULL },
		{ "TO:<a@b.example> ORCPT=;a", NULL, NULL, NULL },
		{ "TO:<a@b.example> ORCPT=rfc822;", NULL, NULL, NULL },
		{ "TO:<a@b.example> ORCPT=rfc822;a+0Ab", NULL, NULL, NULL },
		{ "TO:<a@b.example> SIZE=1", NULL, NULL, NULL },
	};
	struct rcpt_command	 command;
	const char		*error;
	size_t			 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = syntax_rcpt(cases[i].args, 0, &command);
		if (cases[i].address == NULL) {
			ATF_CHECK_MSG(error != NULL, "%s", cases[i].args);
			continue;
		}
		ATF_REQUIRE_MSG(error == NULL, "%s: %s", cases[i].args,
		    error);
		ATF_CHECK_STREQ(cases[i].address, command.address);
		ATF_CHECK_STREQ(cases[i].notify, command.notify);
		ATF_CHECK_STREQ(cases[i].orcpt, command.orcpt);
	}
}

/* RFC 6531: beyond ASCII only after SMTPUTF8, and then only as UTF-8. */
ATF_TC_WITHOUT_HEAD(utf8);
ATF_TC_BODY(utf8, tc)
{
	static const char	 good[] = "TO:<\xc3\xbc@\xc3\xbc.example>";
	struct mail_command	 mail;
	struct rcpt_command	 rcpt;

	ATF_CHECK(syntax_mail("FROM:<\xc3\xbc@b.example> SMTPUTF8",
	    &mail) == NULL);
	ATF_CHECK(mail.utf8);
	ATF_CHECK_STREQ("\xc3\xbc@b.example", mail.sender);
	ATF_CHECK(syntax_mail("FROM:<a@b.example> SMTPUTF8 BODY=8BITMIME",
	    &mail) == NULL);
	ATF_CHECK(syntax_rcpt(good, 1, &rcpt) == NULL);
	/* one identity: the domain's A-label, the local part as written */
	ATF_CHECK_STREQ("\xc3\xbc@xn--tda.example", rcpt.address);
	ATF_CHECK(syntax_mail("FROM:<News@B\xc3\x9c" "cher.Example.> SMTPUTF8",
	    &mail) == NULL);
	ATF_CHECK_STREQ("News@xn--bcher-kva.example", mail.sender);
	ATF_CHECK(syntax_rcpt("TO:<a@[ipv6:::FFFF:192.0.2.1]>", 0,
	    &rcpt) == NULL);
	ATF_CHECK_STREQ("a@[192.0.2.1]", rcpt.address);
	ATF_CHECK_EQ(0, strncmp(syntax_rcpt("TO:<a@b.\xff>", 1, &rcpt),
	    "553 5.1.2", 9));
	ATF_CHECK_EQ(0, strncmp(syntax_rcpt(good, 0, &rcpt), "553 5.6.7", 9));
	ATF_CHECK_EQ(0, strncmp(syntax_rcpt("TO:<\xc3@b.example>", 1, &rcpt),
	    "501 5.1.3", 9));
}

ATF_TC_WITHOUT_HEAD(bdat);
ATF_TC_BODY(bdat, tc)
{
	static const char *const bad[] = { "", "LAST", "-1", "1x", "1LAST",
	    "1 FIRST", "1 LAST 2", "1 2", "99999999999999999999" };
	uint64_t	 octets;
	size_t		 i;
	int		 last;

	ATF_CHECK(syntax_bdat("0", &octets, &last) == NULL);
	ATF_CHECK(octets == 0 && !last);
	ATF_CHECK(syntax_bdat("86 last", &octets, &last) == NULL);
	ATF_CHECK(octets == 86 && last);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ATF_CHECK_MSG(syntax_bdat(bad[i], &octets, &last) != NULL,
		    "%s", bad[i]);
}

ATF_TC_WITHOUT_HEAD(names);
ATF_TC_BODY(names, tc)
{
	char	 address[16] = "root";

	ATF_CHECK(syntax_helo("client.example"));
	ATF_CHECK(syntax_helo("[192.0.2.1]"));
	ATF_CHECK(syntax_helo("[IPv6:2001:db8::1]"));
	ATF_CHECK(syntax_helo("my_pc"));
	ATF_CHECK(!syntax_helo(""));
	ATF_CHECK(!syntax_helo("a b"));
	ATF_CHECK(!syntax_helo("a(b)"));
	ATF_CHECK(!syntax_helo("a\r"));
	ATF_CHECK(!syntax_helo("\xc3\xbc"));
	ATF_CHECK(syntax_unqualified("root"));
	ATF_CHECK(!syntax_unqualified(""));
	ATF_CHECK(!syntax_unqualified("a@b"));
	ATF_CHECK_EQ(-1, syntax_qualify(address, sizeof(address),
	    "example.org0"));
	ATF_CHECK_STREQ("root", address);
	ATF_CHECK_EQ(0, syntax_qualify(address, sizeof(address),
	    "example.or"));
	ATF_CHECK_STREQ("root@example.or", address);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, verb);
	ATF_TP_ADD_TC(tp, mail_good);
	ATF_TP_ADD_TC(tp, mail_bad);
	ATF_TP_ADD_TC(tp, lengths);
	ATF_TP_ADD_TC(tp, rcpt);
	ATF_TP_ADD_TC(tp, utf8);
	ATF_TP_ADD_TC(tp, names);
	ATF_TP_ADD_TC(tp, bdat);
	return (atf_no_error());
}
