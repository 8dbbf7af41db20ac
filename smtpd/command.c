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
 * The commands of SMTP (RFC 5321 4.1), a function each, found through one
 * table.  Called by session.c with one line at a time; never reads or waits.
 */

#include <string.h>
#include <strings.h>

#include "lib/role.h"
#include "lib/rules.h"
#include "smtpd/smtpd.h"

#define IDLE_COMMANDS	100		/* then the session ends */
#define RCPTS_IN_FLIGHT	100
#define LINE_PLAIN	512		/* RFC 5321 4.5.3.1.4 */
/* SIZE BODY RET ENVID SMTPUTF8 AUTH */
#define LINE_MAIL	(LINE_PLAIN + 26 + 17 + 9 + 107 + 10 + 500)
#define LINE_RCPT	1100		/* NOTIFY ORCPT */

struct command {
	const char	*verb;
	size_t		 max;
	int		 parallel;	/* runs while answers are due */
	void		(*run)(struct session *, const char *args);
};

/* 0, or -1 and the reply was given. */
static int
hello(struct session *s, const char *name, int esmtp)
{
	if (!syntax_helo(name)) {
		answer_give(s, esmtp ? "501 5.5.4 Syntax: EHLO hostname" :
		    "501 5.5.4 Syntax: HELO hostname");
		return (-1);
	}
	session_reset(s);
	strlcpy(s->helo, name, sizeof(s->helo));
	s->esmtp = esmtp;
	return (0);
}

static void
command_helo(struct session *s, const char *args)
{
	if (hello(s, args, 0) == 0)
		session_reply(s, "250 %s", endpoint_hostname(s->endpoint));
}

static void
command_ehlo(struct session *s, const char *args)
{
	if (hello(s, args, 1) == -1)
		return;
	session_reply(s, "250-%s\r\n250-SIZE %lld\r\n250-8BITMIME\r\n"
	    "250-SMTPUTF8\r\n250-CHUNKING\r\n"
	    "250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n"
	    "%s%s250 HELP", endpoint_hostname(s->endpoint),
	    (long long)server_config()->max_message_size,
	    secure_offered(s) ? "250-STARTTLS\r\n" : "",
	    auth_offered(s) ? "250-AUTH PLAIN LOGIN\r\n" : "");
}

/*
 * A whole RCPT is there already: its reply can take MAIL's along.  No other
 * command will do: it would wait for MAIL's reply, which waits for it.
 */
static int
rcpt_follows(const struct session *s)
{
	const char	*data = io_data(s->io);
	size_t		 len = io_len(s->io);

	return (len > 4 && strncasecmp(data, "RCPT", 4) == 0 &&
	    memchr(" \t\r\n", data[4], 4) != NULL &&
	    memchr(data, '\n', len) != NULL);
}

static void
command_mail(struct session *s, const char *args)
{
	const struct config	*conf = server_config();
	const char		*error;

	if (s->helo[0] == '\0') {
		answer_give(s, "503 5.5.1 Say EHLO or HELO first");
		return;
	}
	if ((error = secure_missing(s)) != NULL ||
	    (error = auth_missing(s)) != NULL) {
		answer_give(s, error);
		return;
	}
	if (s->mail_given) {
		answer_give(s, "503 5.5.1 One MAIL at a time: RSET first");
		return;
	}
	if ((error = syntax_mail(args, &s->mail)) != NULL) {
		answer_give(s, error);
		return;
	}
	if (syntax_unqualified(s->mail.sender) && (!s->local ||
	    syntax_qualify(s->mail.sender, sizeof(s->mail.sender),
	    conf->hostname) == -1)) {
		answer_give(s, "501 5.1.7 The sender address has no domain");
		return;
	}
	if (s->mail.size > (uint64_t)conf->max_message_size) {
		error = "552 5.3.4 The message is larger than is allowed here";
		session_refused(s, error, "size", s->mail.sender, NULL);
	} else if (!auth_sender(s, s->mail.sender)) {
		error = "550 5.7.1 You may not send as this address";
		session_refused(s, error, "sender", s->mail.sender, NULL);
	} else if (!server_accepting()) {
		error = "452 4.3.1 The queue takes no mail now, try later";
		session_refused(s, error, "spool", s->mail.sender, NULL);
	}
	if (error != NULL) {
		session_reply(s, "%s", error);
		return;
	}
	s->mail_given = 1;
	/* a reload changes what comes after it, nothing that has begun */
	s->rules = role_hold();
	/* these may want what those at the connection did not */
	rdns_ask(s, role_held(s->rules));
	if (rcpt_follows(s))
		answer_hold(s, "250 2.1.0 Sender ok");
	else
		session_reply(s, "250 2.1.0 Sender ok");
}

/* The action of a recipient, or NULL with the reply and the log's cause. */
static const struct action *
recipient_action(struct session *s, const char *rcpt, const char **reply)
{
	const struct config	*conf = role_held(s->rules);
	const struct rule	*rule;
	const struct action	*action;
	struct facts		 facts;

	session_facts(s, &facts);
	rule = rules_match(conf, &facts, rcpt);
	if (rule == NULL) {
		*reply = rules_domain_is_local(conf, address_domain(rcpt)) ?
		    "550 5.1.1 No such recipient here" :
		    "550 5.7.1 Relaying denied: no rule takes this recipient";
		return (NULL);
	}
	if (rule->reject) {
		*reply = "550 5.7.1 This recipient is refused by a rule";
		return (NULL);
	}
	if ((action = config_action(conf, rule->target)) == NULL)
		*reply = "451 4.3.5 The server's rules name no such action";
	return (action);
}

/* Hand the recipient to queue: its answer will be the reply. */
static void
recipient_ask(struct session *s, const struct rcpt_command *rcpt,
    const struct action *action)
{
	struct facts	 facts;

	if (s->intake == NULL) {
		session_facts(s, &facts);
		s->intake = intake_new(&answer_owner, s, &facts,
		    &s->mail, 0);
	}
	if (s->intake == NULL) {
		answer_give(s, "451 4.3.0 Out of memory, try later");
		return;
	}
	answer_await(s, intake_rcpt(s->intake, rcpt, action), rcpt->address);
}

static void
command_rcpt(struct session *s, const char *args)
{
	const struct config	*conf = server_config();
	const struct action	*action;
	const char		*error;
	struct rcpt_command	 rcpt;

	if (!s->mail_given) {
		answer_give(s, "503 5.5.1 MAIL first");
		return;
	}
	if (s->chunked) {
		answer_give(s, "503 5.5.1 Content has begun: no more RCPT");
		return;
	}
	if ((error = syntax_rcpt(args, s->mail.utf8, &rcpt)) != NULL) {
		answer_give(s, error);
		return;
	}
	s->rcpt_given = 1;
	/* RFC 5321 4.1.1.3: postmaster needs no domain */
	if (syntax_unqualified(rcpt.address) && ((!s->local &&
	    strcasecmp(rcpt.address, "postmaster") != 0) ||
	    syntax_qualify(rcpt.address, sizeof(rcpt.address),
	    conf->hostname) == -1)) {
		answer_give(s, "501 5.1.3 The recipient address has no domain");
		return;
	}
	if (s->accepted + s->waiting >= (uint64_t)conf->max_recipients) {
		error = "452 4.5.3 Too many recipients: send them another";
		session_refused(s, error, "too-many-recipients",
		    s->mail.sender, rcpt.address);
		answer_give(s, error);
		return;
	}
	if ((error = rdns_missing(s, rcpt.address)) != NULL) {
		session_refused(s, error, "rdns", s->mail.sender,
		    rcpt.address);
		answer_give(s, error);
		return;
	}
	action = recipient_action(s, rcpt.address, &error);
	if (action == NULL) {
		session_refused(s, error, "rule", s->mail.sender,
		    rcpt.address);
		answer_give(s, error);
		return;
	}
	recipient_ask(s, &rcpt, action);
}

static void
command_data(struct session *s, const char *args)
{
	if (args[0] != '\0') {
		answer_give(s, "501 5.5.4 DATA takes no argument");
		return;
	}
	if (!s->mail_given || !s->rcpt_given) {
		answer_give(s, s->mail_given ? "503 5.5.1 RCPT first" :
		    "503 5.5.1 MAIL first");
		return;
	}
	if (s->chunked) {
		answer_give(s, "503 5.5.1 This message comes by BDAT");
		return;
	}
	if (s->accepted == 0) {
		session_reply(s, "554 5.5.1 No recipient was accepted");
		return;
	}
	/*
	 * RFC 2920 3.1: DATA ends a group.  Whoever sends on takes 354 for
	 * granted, and after a refusal would have us read content as commands.
	 */
	if (io_len(s->io) > 0) {
		session_refused(s, "503", "pipelining", s->mail.sender, NULL);
		session_close(s, 1, "503 5.5.0 Content sent before the 354");
		return;
	}
	content_start(s);
}

/* Whatever is wrong with it, its octets follow, and are no commands. */
static void
command_bdat(struct session *s, const char *args)
{
	const char	*error, *sorry = NULL;
	uint64_t	 octets;
	int		 last;

	if ((error = syntax_bdat(args, &octets, &last)) != NULL) {
		/* nobody knows where the next command is */
		session_refused(s, error, "syntax", NULL, NULL);
		session_close(s, 1, "%s", error);
		return;
	}
	if (!s->mail_given)
		sorry = "503 5.5.1 MAIL first";
	else if (!s->rcpt_given)
		sorry = "503 5.5.1 RCPT first";
	else if (s->accepted == 0)
		sorry = "554 5.5.1 No recipient was accepted";
	if (octets == 0 && !last && command_idle(s))
		return;
	content_chunk(s, octets, last, sorry);
}

static void
command_rset(struct session *s, const char *args)
{
	session_reset(s);
	session_reply(s, "250 2.0.0 Forgotten");
}

static void
command_noop(struct session *s, const char *args)
{
	session_reply(s, "250 2.0.0 Done nothing");
}

static void
command_quit(struct session *s, const char *args)
{
	session_close(s, 0, "221 2.0.0 Goodbye");
}

static void
command_vrfy(struct session *s, const char *args)
{
	if (args[0] == '\0')
		answer_give(s, "501 5.5.4 Syntax: VRFY address");
	else
		session_reply(s, "252 2.5.2 Cannot say; send to it and see");
}

static void
command_help(struct session *s, const char *args)
{
	session_reply(s, "214 2.0.0 Commands: HELO EHLO MAIL RCPT DATA BDAT "
	    "RSET NOOP QUIT VRFY HELP STARTTLS AUTH; see RFC 5321");
}

/* Known, with a place in the table, but not offered. */
static void
command_absent(struct session *s, const char *args)
{
	answer_give(s, "502 5.5.1 This command is not supported here");
}

static void
command_unknown(struct session *s, const char *args)
{
	answer_give(s, "500 5.5.1 Unknown command");
}

static const struct command commands[] = {
	{ "MAIL",	LINE_MAIL,	0, command_mail },
	{ "RCPT",	LINE_RCPT,	1, command_rcpt },
	{ "DATA",	LINE_PLAIN,	0, command_data },
	{ "EHLO",	LINE_PLAIN,	0, command_ehlo },
	{ "HELO",	LINE_PLAIN,	0, command_helo },
	{ "QUIT",	LINE_PLAIN,	0, command_quit },
	{ "RSET",	LINE_PLAIN,	0, command_rset },
	{ "NOOP",	LINE_PLAIN,	0, command_noop },
	{ "VRFY",	LINE_PLAIN,	0, command_vrfy },
	{ "HELP",	LINE_PLAIN,	0, command_help },
	{ "EXPN",	LINE_PLAIN,	0, command_absent },
	{ "STARTTLS",	LINE_PLAIN,	0, secure_command },
	{ "AUTH",	COMMAND_MAX,	0, auth_command },
	{ "BDAT",	LINE_PLAIN,	0, command_bdat },
	{ NULL,		LINE_PLAIN,	0, command_unknown }
};

const struct command *
command_find(const char *line, const char **args)
{
	const struct command	*c;
	char			 verb[SYNTAX_VERB];

	*args = syntax_verb(line, verb);
	for (c = commands; c->verb != NULL; c++) {
		if (strcmp(c->verb, verb) == 0)
			break;
	}
	return (c);
}

size_t
command_max(const struct command *c)
{
	return (c->max);
}

int
command_waits(const struct command *c, const struct session *s)
{
	if (c->parallel)
		return (s->waiting >= RCPTS_IN_FLIGHT ||
		    (s->mail_given && rdns_waits(s)));
	return (s->waiting > 0);
}

/* Whether the command may bring a message on its way, or ends the session. */
static int
command_serves(const struct command *c, struct session *s)
{
	int64_t	 most = server_config()->max_recipients;
	int	 has_recipient = s->accepted + s->waiting > 0;

	if (c->run == command_quit)
		return (1);
	if (c->run == command_data || c->run == command_bdat)
		return (has_recipient);
	if (c->run == command_rcpt && s->mail_given)
		return (has_recipient || ++s->lost <= most);
	/* whose client is known may have a dead address a transaction */
	if (c->run == command_rset && (s->local || s->auth[0] != '\0') &&
	    s->rcpt_given && !has_recipient && s->lost <= most) {
		if (s->idle > 0)
			s->idle--;	/* its MAIL */
		return (1);
	}
	return (0);
}

int
command_idle(struct session *s)
{
	if (++s->idle <= IDLE_COMMANDS)
		return (0);
	session_too_many(s, "idle commands");
	return (1);
}

void
command_run(const struct command *c, struct session *s, const char *args)
{
	if (command_serves(c, s) || !command_idle(s))
		c->run(s, args);
}
