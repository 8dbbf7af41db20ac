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
 * bindery.conf(5): the grammar.  config_read() is called by lib/config.c; the
 * actions only write down what is there (lib/config_record.c).  What it means
 * is checked in lib/config_check.c.  No I/O, nothing here ends the process.
 *
 * A word of the language is one only where a value cannot stand: the keyword
 * before it says how many values follow, so a binding may be called "default"
 * and a table may list "any" without quotes.
 */

%{
#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/config_private.h"
#include "lib/lex.h"

/* The generated parser's own functions; byacc and yacc declare some. */
int	 yyparse(void);
static int	 yylex(void);
static void	 yyerror(const char *);

static struct {
	struct lex	*lex;
	struct recorder	 record;
	char		 last[64];	/* the last word, for syntax errors */
	int		 left_out;	/* it is one that we do not have */
	const char	*ours;		/* and this is our way, or NULL */
	int		 silent;	/* the error was reported already */
	int		 pending;	/* values that follow, not keywords */
	int		 may_list;	/* where '{' opens a list, too */
	int		 list;		/* inside { a, b } */
	int		 start;		/* at the start of a statement */
	int		 depth;		/* of braces */
} parser;

#define R	(&parser.record)
%}

%union {
	const char		*text;
	struct value		 value;
	struct table		*table;
	int			 number;
}

%token	ACTION ALIAS ANY AUTH AUTHINSECURE AUTHOPTIONAL BIND BINDADDRESS
%token	BINDING BINDINGGROUP BOUNCE BY CAFILE CERT CONTROLGROUP DEFAULTBINDING
%token	DOMAIN
%token	FOR FROM HEADER HELO HOST HOSTNAME INCLUDE KEY LISTEN LMTP LOCAL
%token	MAILDIR MAILFROM MASKSRC MATCH MAXCONNECTIONS MAXERRORS MAXMESSAGESIZE
%token	MAXPERADDRESS MAXPERUSER MAXRECIPIENTS MBOX MDA MINFREE MTA MX
%token	NEXTHOPS NOVERIFY
%token	ON PKI PORT PROXYV2 QUEUE RCPTTO RDNS REJECT RELAY RESOLVER RETRY RUN
%token	SENDERS SITE SMTP SMTPS SOCKET SPOOL SRC TABLE TAG TIMEOUT TLS
%token	TLSREQUIRE TO TRUSTAD TRUSTHEADER TTL USER VERIFY WARN
%token	NOTOURS			/* in no rule: an error */
%token	<text>	 STRING MACRO TABLEREF
%token	<number> OPTION
%type	<value>	 value
%type	<table>	 table
%type	<text>	 maybe tls_word
%type	<number> not by

%%

grammar		: /* empty */
		| grammar '\n'
		| grammar statement '\n'
		| grammar INCLUDE STRING '\n'	{
			lex_include(parser.lex, $3, &R->at);
		}
		| grammar error '\n'		{ yyerrok; }
		;

statement	: MACRO '=' STRING	{ lex_define(parser.lex, $1, $3, 0); }
		| setting
		| TABLE STRING eq STRING { record_table_file(R, $2, $4); }
		| TABLE STRING eq	{ record_list(R, $2); } braces
		| PKI STRING CERT STRING { record_pki(R, $2, $4, NULL); }
		| PKI STRING KEY STRING	{ record_pki(R, $2, NULL, $4); }
		| PKI STRING CERT STRING KEY STRING {
			record_pki(R, $2, $4, $6);
		}
		| PKI STRING KEY STRING CERT STRING {
			record_pki(R, $2, $6, $4);
		}
		| LISTEN ON where listen_options
		| action
		| match
		| binding
		| group
		| site
		| bind
		;

eq		: /* empty */
		| '='
		;

maybe		: /* empty */	{ $$ = NULL; }
		| STRING	{ $$ = $1; }
		;

not		: /* empty */	{ $$ = 0; }
		| '!'		{ $$ = 1; }
		;

value		: STRING	{ $$.text = $1; $$.table = NULL; }
		| table		{ $$.text = NULL; $$.table = $1; }
		;

table		: TABLEREF	{ $$ = record_table(R, $1); }
		| 		{ record_list(R, NULL); } braces {
			$$ = R->list->table;
		}
		;

braces		: '{' entries '}'
		;

entries		: /* empty */
		| entries ','
		| entries STRING	{ record_entry(R, $2, NULL); }
		| entries STRING '=' STRING { record_entry(R, $2, $4); }
		;

setting		: HOSTNAME eq STRING	{ record_setting(R, SET_HOSTNAME, $3); }
		| SPOOL eq STRING	{ record_setting(R, SET_SPOOL, $3); }
		| RUN eq STRING		{ record_setting(R, SET_RUN, $3); }
		| CONTROLGROUP eq STRING {
			record_setting(R, SET_CONTROL_GROUP, $3);
		}
		| DEFAULTBINDING eq STRING {
			record_setting(R, SET_DEFAULT_BINDING, $3);
		}
		| QUEUE TTL eq STRING	{
			record_setting(R, SET_QUEUE_TTL, $4);
		}
		| QUEUE RETRY eq STRING	{
			record_setting(R, SET_QUEUE_RETRY, $4);
		}
		| QUEUE WARN eq STRING	{
			record_setting(R, SET_QUEUE_WARN, $4);
		}
		| QUEUE MINFREE eq STRING {
			record_setting(R, SET_QUEUE_MIN_FREE, $4);
		}
		| SMTP MAXMESSAGESIZE eq STRING {
			record_setting(R, SET_MAX_MESSAGE_SIZE, $4);
		}
		| SMTP MAXRECIPIENTS eq STRING {
			record_setting(R, SET_MAX_RECIPIENTS, $4);
		}
		| SMTP MAXCONNECTIONS eq STRING {
			record_setting(R, SET_SMTP_MAX_CONNECTIONS, $4);
		}
		| SMTP MAXPERADDRESS eq STRING {
			record_setting(R, SET_SMTP_MAX_PER_ADDRESS, $4);
		}
		| SMTP MAXPERUSER eq STRING {
			record_setting(R, SET_SMTP_MAX_PER_USER, $4);
		}
		| SMTP MAXERRORS eq STRING {
			record_setting(R, SET_SMTP_MAX_ERRORS, $4);
		}
		| MTA MAXCONNECTIONS eq STRING {
			record_setting(R, SET_MTA_MAX_CONNECTIONS, $4);
		}
		| MTA RESOLVER eq STRING {
			record_setting(R, SET_MTA_RESOLVER, $4);
		}
		| MTA PORT eq STRING	{ record_setting(R, SET_MTA_PORT, $4); }
		| MTA TIMEOUT eq STRING	{
			record_setting(R, SET_MTA_TIMEOUT, $4);
		}
		| MTA CAFILE eq STRING {
			record_setting(R, SET_MTA_CA_FILE, $4);
		}
		| MTA TRUSTAD		{
			record_setting(R, SET_MTA_TRUST_AD, "");
		}
		;

where		: SOCKET		{ record_listen(R, NULL); }
		| STRING		{ record_listen(R, $1); }
		;

listen_options	: /* empty */
		| listen_options listen_option
		;

listen_option	: PORT STRING		{ record_listen_port(R, $2); }
		| TLS			{ record_listen_tls(R, LISTEN_TLS); }
		| TLSREQUIRE		{
			record_listen_tls(R, LISTEN_TLS_REQUIRE);
		}
		| SMTPS			{ record_listen_tls(R, LISTEN_SMTPS); }
		| PKI STRING		{ record_listen_pki(R, $2); }
		| AUTH TABLEREF		{
			record_listen_auth(R, record_table(R, $2), 0);
		}
		| AUTHOPTIONAL TABLEREF	{
			record_listen_auth(R, record_table(R, $2), 1);
		}
		| AUTH			{ record_listen_auth(R, NULL, 0); }
		| AUTHOPTIONAL		{ record_listen_auth(R, NULL, 1); }
		| AUTHINSECURE		{
			record_flag(R, &R->listener->auth_insecure,
			    "auth-insecure");
		}
		| TAG STRING		{
			record_text(R, &R->listener->tag, "tag", $2);
		}
		| HOSTNAME STRING	{
			record_text(R, &R->listener->hostname, "hostname", $2);
		}
		| SENDERS TABLEREF	{
			record_reference(R, &R->listener->senders,
			    record_table(R, $2), "senders");
		}
		| MASKSRC		{
			record_flag(R, &R->listener->mask_src, "mask-src");
		}
		| PROXYV2		{
			record_flag(R, &R->listener->proxy_v2, "proxy-v2");
		}
		| TRUSTHEADER STRING	{
			record_text(R, &R->listener->trust_header,
			    "trust-header", $2);
		}
		;

action		: ACTION STRING RELAY	{
			record_action(R, $2, ACTION_RELAY, NULL);
		} action_options
		| ACTION STRING MBOX	{
			record_action(R, $2, ACTION_MBOX, NULL);
		} action_options
		| ACTION STRING MAILDIR maybe {
			record_action(R, $2, ACTION_MAILDIR, $4);
		} action_options
		| ACTION STRING LMTP STRING {
			record_action(R, $2, ACTION_LMTP, $4);
		} action_options
		| ACTION STRING MDA STRING {
			record_action(R, $2, ACTION_MDA, $4);
		} action_options
		;

action_options	: /* empty */
		| action_options action_option
		;

action_option	: HOST STRING		{ record_action_host(R, $2); }
		| AUTH TABLEREF		{
			record_action_only(R,
			    R->action->type == ACTION_RELAY, "auth");
			record_reference(R, &R->action->auth,
			    record_table(R, $2), "auth");
		}
		| TLS			{
			record_action_tls(R, TLS_WORDS_TLS);
		}
		| TLS VERIFY		{
			record_action_tls(R, TLS_WORDS_VERIFY);
		}
		| TLS NOVERIFY		{
			record_action_tls(R, TLS_WORDS_NO_VERIFY);
		}
		| ALIAS table		{
			record_action_only(R,
			    R->action->type != ACTION_RELAY, "alias");
			record_reference(R, &R->action->aliases, $2, "alias");
		}
		| TTL STRING		{
			record_left_out(R, "ttl", "queue ttl, and "
			    "message-expiration of a binding");
		}
		| SRC value		{
			record_left_out(R, "src", "bind-address of a binding");
		}
		| HELO value		{
			record_left_out(R, "helo",
			    "ehlo-hostname of a binding");
		}
		| USER STRING		{ record_left_out(R, "user", NULL); }
		| PKI STRING		{ record_left_out(R, "pki", NULL); }
		| MAILFROM STRING	{
			record_left_out(R, "mail-from", NULL);
		}
		| DOMAIN value		{
			record_left_out(R, "domain", "host");
		}
		| RCPTTO		{
			record_action_only(R,
			    R->action->type == ACTION_LMTP, "rcpt-to");
			record_flag(R, &R->action->rcpt_to, "rcpt-to");
		}
		;

match		: MATCH			{ record_match(R); }
		  match_conditions match_target
		;

match_conditions : /* empty */
		| match_conditions not	{ R->negate = $2; } condition
		;

match_target	: ACTION STRING		{ record_target(R, $2); }
		| REJECT		{ R->rule->reject = 1; }
		;

bind		: BIND		{ record_bind(R, BIND_COND, NULL, NULL); }
		  bind_conditions TO STRING { record_target(R, $5); }
		| BIND BY by table	{ record_bind(R, $3, NULL, $4); }
		| BIND BY HEADER STRING	{
			record_bind(R, BIND_BY_HEADER, $4, NULL);
		}
		| BIND BY HEADER STRING table {
			record_bind(R, BIND_BY_HEADER, $4, $5);
		}
		;

by		: AUTH			{ $$ = BIND_BY_AUTH; }
		| USER			{ $$ = BIND_BY_USER; }
		| MAILFROM		{ $$ = BIND_BY_MAIL_FROM; }
		| TAG			{ $$ = BIND_BY_TAG; }
		;

bind_conditions	: /* empty */
		| bind_conditions not	{ R->negate = $2; } bind_condition
		;

bind_condition	: condition
		| ACTION value		{
			record_condition(R, COND_ACTION, &$2);
		}
		;

condition	: FROM from
		| FOR for
		| AUTH		{ record_condition(R, COND_AUTH, NULL); }
		| AUTH value		{ record_condition(R, COND_AUTH, &$2); }
		| USER value		{ record_condition(R, COND_USER, &$2); }
		| MAILFROM value	{
			record_condition(R, COND_MAIL_FROM, &$2);
		}
		| RCPTTO value		{
			record_condition(R, COND_RCPT_TO, &$2);
		}
		| HELO value		{ record_condition(R, COND_HELO, &$2); }
		| TAG value		{ record_condition(R, COND_TAG, &$2); }
		| TLS			{ record_condition(R, COND_TLS, NULL); }
		| HEADER STRING STRING	{ record_header(R, $2, $3); }
		| BOUNCE		{
			record_condition(R, COND_BOUNCE, NULL);
		}
		;

from		: ANY			{
			record_condition(R, COND_FROM_ANY, NULL);
		}
		| LOCAL			{
			record_condition(R, COND_FROM_LOCAL, NULL);
		}
		| SOCKET		{
			record_condition(R, COND_FROM_SOCKET, NULL);
		}
		| SRC value		{
			record_condition(R, COND_FROM_SRC, &$2);
		}
		| AUTH			{
			record_condition(R, COND_FROM_AUTH, NULL);
		}
		| AUTH value		{
			record_condition(R, COND_FROM_AUTH, &$2);
		}
		| MAILFROM value	{
			record_condition(R, COND_FROM_MAIL_FROM, &$2);
		}
		| RDNS			{
			record_condition(R, COND_FROM_RDNS, NULL);
		}
		| RDNS value		{
			record_condition(R, COND_FROM_RDNS, &$2);
		}
		;

for		: ANY			{
			record_condition(R, COND_FOR_ANY, NULL);
		}
		| LOCAL			{
			record_condition(R, COND_FOR_LOCAL, NULL);
		}
		| DOMAIN value		{
			record_condition(R, COND_FOR_DOMAIN, &$2);
		}
		| RCPTTO value		{
			record_condition(R, COND_FOR_RCPT_TO, &$2);
		}
		;

binding		: BINDING STRING	{ record_binding(R, $2); }
		  '{' binding_items '}'	{ R->binding = NULL; }
		;

binding_items	: /* empty */
		| binding_items BINDADDRESS eq STRING {
			record_address(R, $4);
		}
		| binding_items option
		| binding_items scope
		;

group		: BINDINGGROUP STRING	{ record_group(R, $2); }
		  '{' group_items '}'	{ R->group = NULL; }
		;

group_items	: /* empty */
		| group_items option
		| group_items scope
		| group_items binding
		;

scope		: DOMAIN STRING		{ record_scope(R, $2, 0); }
		  '{' options '}'	{ R->scope = NULL; }
		| SITE STRING		{ record_scope(R, $2, 1); }
		  '{' options '}'	{ R->scope = NULL; }
		;

options		: /* empty */
		| options option
		;

option		: OPTION eq STRING	{ record_option(R, $1, $3); }
		| MAXCONNECTIONS eq STRING {
			record_option(R, OPTION_MAX_CONNECTIONS, $3);
		}
		| TLS eq tls_word	{ record_option(R, OPTION_TLS, $3); }
		| NEXTHOPS eq not	{ record_next_hops(R, $3); } next_hops
		;

tls_word	: STRING	{ $$ = $1; }
		| VERIFY	{ $$ = "verify"; }
		;

next_hops	: table			{ record_hops(R, $1); }
		| hops
		;

hops		: STRING		{ record_hop(R, $1); }
		| hops ',' STRING	{ record_hop(R, $3); }
		;

site		: SITE STRING		{ record_site(R, $2, 0); }
		  '{' site_items '}'	{ R->site = NULL; }
		| DOMAIN STRING		{ record_site(R, $2, 1); }
		  '{' site_items '}'	{ R->site = NULL; }
		;

site_items	: /* empty */
		| site_items DOMAIN eq value {
			record_site_table(R, &R->site->domains, &$4, "domain");
		}
		| site_items MX eq value {
			record_site_table(R, &R->site->mx, &$4, "mx");
		}
		| site_items MAXCONNECTIONS eq STRING {
			record_site_max(R, $4);
		}
		;

%%

/* A word of the language: lower case, with '-'. */
struct keyword {
	const char	*name;
	int		 token;		/* 0: what we leave out */
	int		 values;	/* that follow it */
	int		 may_list;	/* none, or a list */
	int		 is_setting;	/* may stand before '=' */
	enum option_id	 option;
	const char	*ours;		/* what we have instead of it */
};

/* In the order of the alphabet: searched by halves. */
static const struct keyword keywords[] = {
	{ .name = "accept", .ours = "action and match" },
	{ .name = "action", .token = ACTION, .values = 1 },
	{ .name = "admd" },
	{ .name = "alias", .token = ALIAS, .may_list = 1 },
	{ .name = "any", .token = ANY },
	{ .name = "auth", .token = AUTH, .may_list = 1 },
	{ .name = "auth-insecure", .token = AUTHINSECURE },
	{ .name = "auth-optional", .token = AUTHOPTIONAL },
	{ .name = "backup" },
	{ .name = "bind", .token = BIND },
	{ .name = "bind-address", .token = BINDADDRESS, .values = 1 },
	{ .name = "binding", .token = BINDING, .values = 1 },
	{ .name = "binding-group", .token = BINDINGGROUP, .values = 1 },
	{ .name = "bounce", .token = BOUNCE, .ours = "queue warn" },
	{ .name = "by", .token = BY },
	{ .name = "ca", .ours = "mta ca-file" },
	{ .name = "ca-file", .token = CAFILE, .values = 1 },
	{ .name = "cert", .token = CERT, .values = 1 },
	{ .name = "ciphers" },
	{ .name = "compression" },
	{ .name = "control-group", .token = CONTROLGROUP, .values = 1,
	    .is_setting = 1 },
	{ .name = "default-binding", .token = DEFAULTBINDING, .values = 1,
	    .is_setting = 1 },
	{ .name = "dhe" },
	{ .name = "domain", .token = DOMAIN, .values = 1 },
	{ .name = "ehlo-hostname", .token = OPTION, .values = 1,
	    .option = OPTION_EHLO },
	{ .name = "encryption" },
	{ .name = "expand-only" },
	{ .name = "expire", .ours = "queue ttl" },
	{ .name = "family", .token = OPTION, .values = 1,
	    .option = OPTION_FAMILY },
	{ .name = "fcrdns" },
	{ .name = "filter" },
	{ .name = "for", .token = FOR },
	{ .name = "forward-only" },
	{ .name = "from", .token = FROM },
	{ .name = "header", .token = HEADER, .values = 2 },
	{ .name = "helo", .token = HELO, .values = 1 },
	{ .name = "helo-src" },
	{ .name = "host", .token = HOST, .values = 1 },
	{ .name = "hostname", .token = HOSTNAME, .values = 1,
	    .is_setting = 1 },
	{ .name = "hostnames", .ours = "hostname" },
	{ .name = "include", .token = INCLUDE, .values = 1 },
	{ .name = "inet4" },
	{ .name = "inet6" },
	{ .name = "junk" },
	{ .name = "key", .token = KEY, .values = 1 },
	{ .name = "limit", .ours = "the options of a binding, and "
	    "max-recipients and max-connections of smtp" },
	{ .name = "listen", .token = LISTEN },
	{ .name = "lmtp", .token = LMTP, .values = 1 },
	{ .name = "local", .token = LOCAL },
	{ .name = "mail-from", .token = MAILFROM, .values = 1 },
	{ .name = "maildir", .token = MAILDIR },
	{ .name = "mask-src", .token = MASKSRC },
	{ .name = "masquerade" },
	{ .name = "match", .token = MATCH },
	{ .name = "max-connections", .token = MAXCONNECTIONS, .values = 1 },
	{ .name = "max-connections-per-address", .token = MAXPERADDRESS,
	    .values = 1 },
	{ .name = "max-connections-per-user", .token = MAXPERUSER,
	    .values = 1 },
	{ .name = "max-deferred" },
	{ .name = "max-errors", .token = MAXERRORS, .values = 1 },
	{ .name = "max-message-size", .token = MAXMESSAGESIZE, .values = 1 },
	{ .name = "max-messages", .token = OPTION, .values = 1,
	    .option = OPTION_MAX_MESSAGES },
	{ .name = "max-outbound-connections", .token = OPTION, .values = 1,
	    .option = OPTION_MAX_OUTBOUND_CONNECTIONS },
	{ .name = "max-recipients", .token = MAXRECIPIENTS, .values = 1 },
	{ .name = "mbox", .token = MBOX },
	{ .name = "mda", .token = MDA },
	{ .name = "message-expiration", .token = OPTION, .values = 1,
	    .option = OPTION_MESSAGE_EXPIRATION },
	{ .name = "min-free", .token = MINFREE, .values = 1 },
	{ .name = "mta", .token = MTA },
	{ .name = "mx", .token = MX, .values = 1 },
	{ .name = "next-hops", .token = NEXTHOPS, .values = 1 },
	{ .name = "no-dsn" },
	{ .name = "no-verify", .token = NOVERIFY },
	{ .name = "on", .token = ON },
	{ .name = "phase" },
	{ .name = "pki", .token = PKI, .values = 1 },
	{ .name = "port", .token = PORT, .values = 1 },
	{ .name = "proc" },
	{ .name = "proc-exec" },
	{ .name = "protocols" },
	{ .name = "proxy-v2", .token = PROXYV2 },
	{ .name = "queue", .token = QUEUE },
	{ .name = "queue-limit", .token = OPTION, .values = 1,
	    .option = OPTION_QUEUE_LIMIT },
	{ .name = "rate", .token = OPTION, .values = 1,
	    .option = OPTION_RATE },
	{ .name = "rcpt-to", .token = RCPTTO },
	{ .name = "rdns", .token = RDNS },
	{ .name = "received-auth" },
	{ .name = "regex" },
	{ .name = "reject", .token = REJECT },
	{ .name = "relay", .token = RELAY },
	{ .name = "resolver", .token = RESOLVER, .values = 1 },
	{ .name = "retry", .token = RETRY, .values = 1 },
	{ .name = "run", .token = RUN, .values = 1, .is_setting = 1 },
	{ .name = "senders", .token = SENDERS },
	{ .name = "site", .token = SITE, .values = 1 },
	{ .name = "smtp", .token = SMTP },
	{ .name = "smtps", .token = SMTPS },
	{ .name = "socket", .token = SOCKET },
	{ .name = "spool", .token = SPOOL, .values = 1, .is_setting = 1 },
	{ .name = "src", .token = SRC, .values = 1 },
	{ .name = "srs" },
	{ .name = "sub-addr-delim" },
	{ .name = "suspend-delivery", .token = OPTION, .values = 1,
	    .option = OPTION_SUSPEND_DELIVERY },
	{ .name = "suspend-reception", .token = OPTION, .values = 1,
	    .option = OPTION_SUSPEND_RECEPTION },
	{ .name = "table", .token = TABLE, .values = 2 },
	{ .name = "tag", .token = TAG, .values = 1 },
	{ .name = "timeout", .token = TIMEOUT, .values = 1 },
	{ .name = "tls", .token = TLS },
	{ .name = "tls-require", .token = TLSREQUIRE },
	{ .name = "to", .token = TO, .values = 1 },
	{ .name = "trust-ad", .token = TRUSTAD },
	{ .name = "trust-header", .token = TRUSTHEADER, .values = 1 },
	{ .name = "ttl", .token = TTL, .values = 1 },
	{ .name = "user", .token = USER, .values = 1 },
	{ .name = "userbase" },
	{ .name = "verify", .token = VERIFY },
	{ .name = "virtual" },
	{ .name = "warn", .token = WARN, .values = 1 },
	{ .name = "warn-interval" },
	{ .name = "weight", .token = OPTION, .values = 1,
	    .option = OPTION_WEIGHT },
	{ .name = "wrapper" },
};

static int
keyword_compare(const void *name, const void *keyword)
{
	return (strcmp(name, ((const struct keyword *)keyword)->name));
}

static const struct keyword *
keyword_find(const char *word)
{
	char	 name[32];
	size_t	 i;

	for (i = 0; i < sizeof(name) - 1 && word[i] != '\0'; i++)
		name[i] = word[i] == '_' ? '-' :
		    tolower((unsigned char)word[i]);
	if (word[i] != '\0')
		return (NULL);
	name[i] = '\0';
	return (bsearch(name, keywords,
	    sizeof(keywords) / sizeof(keywords[0]), sizeof(keywords[0]),
	    keyword_compare));
}

static int
macro_name_valid(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return (0);
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) &&
		    strchr("_-", *name) == NULL)
			return (0);
	return (1);
}

/* "word =" opens a statement: a macro, or a setting as Momentum writes it. */
static int
assignment(struct token *t, const struct keyword *k)
{
	if (k != NULL)
		report_error(R->report, &t->origin, "a macro cannot be named "
		    "\"%s\": it is a word of the language", t->text);
	else if (!macro_name_valid(t->text))
		report_error(R->report, &t->origin,
		    "\"%s\" is not a name for a macro", t->text);
	parser.pending = 1;
	return (MACRO);
}

static int
word(struct token *t, int start)
{
	const struct keyword	*k;

	if (parser.list)
		return (STRING);
	if (parser.pending > 0) {
		parser.pending--;
		return (STRING);
	}
	k = keyword_find(t->text);
	if (start && (k == NULL || !k->is_setting) && lex_equals(parser.lex))
		return (assignment(t, k));
	if (k == NULL)
		return (STRING);
	/* "bounce warn-interval": here it is "queue warn" */
	if (k->token == 0 || (start && k->token == BOUNCE)) {
		parser.left_out = 1;
		parser.ours = k->ours;
		return (NOTOURS);
	}
	parser.pending = k->values;
	parser.may_list = k->may_list;
	if (k->token == OPTION)
		yylval.number = k->option;
	return (k->token);
}

static int
punct(struct token *t, int may_list)
{
	switch (t->punct) {
	case '{':
		/* where a value is due it opens a list, else a block */
		parser.list = may_list || parser.pending > 0;
		parser.pending = 0;
		parser.depth++;
		break;
	case '}':
		parser.list = 0;
		parser.pending = 0;
		if (parser.depth > 0)
			parser.depth--;
		break;
	}
	return (t->punct);
}

/* Where a statement begins, what the last one left behind is forgotten. */
static void
statement_start(struct token *t)
{
	R->at = t->origin;
	R->binding = NULL;
	R->group = NULL;
	R->scope = NULL;
	R->site = NULL;
	parser.depth = 0;
	parser.list = 0;
	parser.pending = 0;
}

static int
yylex(void)
{
	struct token	 t;
	int		 start, may_list;

	lex_next(parser.lex, &t);
	start = parser.start;
	if (t.type == TOKEN_END)
		return (0);
	parser.start = t.type == TOKEN_NEWLINE;
	if (start && t.type != TOKEN_NEWLINE)
		statement_start(&t);
	R->here = t.origin;
	parser.left_out = 0;
	may_list = parser.may_list;
	parser.may_list = 0;
	strlcpy(parser.last, t.text == NULL ? "" : t.text,
	    sizeof(parser.last));
	yylval.text = t.text;
	switch (t.type) {
	case TOKEN_WORD:
		return (word(&t, start));
	case TOKEN_QUOTED:
	case TOKEN_TABLE:
		if (parser.pending > 0)
			parser.pending--;
		return (t.type == TOKEN_TABLE ? TABLEREF : STRING);
	case TOKEN_PUNCT:
		snprintf(parser.last, sizeof(parser.last), "%c", t.punct);
		return (punct(&t, may_list));
	case TOKEN_NEWLINE:
		return ('\n');
	default:
		parser.silent = 1;
		return (NOTOURS);
	}
}

static void
yyerror(const char *text)
{
	if (parser.silent)
		parser.silent = 0;
	else if (parser.left_out)
		record_left_out(R, parser.last, parser.ours);
	else if (parser.last[0] == '\0')
		report_error(R->report, &R->here,
		    "%s at the end of the line", text);
	else
		report_error(R->report, &R->here, "%s near \"%s\"", text,
		    parser.last);
}

/* -D name=value */
static void
define(const char *text)
{
	struct origin	 where = { "-D", 1 };
	char		*name;
	const char	*value;

	name = checked_strdup(text);
	if ((value = strchr(text, '=')) == NULL)
		report_error(R->report, &where, "%s has no value", text);
	else {
		name[value - text] = '\0';
		if (!macro_name_valid(name) || keyword_find(name) != NULL)
			report_error(R->report, &where,
			    "\"%s\" is not a name for a macro", name);
		else
			lex_define(parser.lex, name, value + 1, 1);
	}
	free(name);
}

int
config_read(struct config *config, const char *path, struct reporter *report)
{
	char	**d;

	memset(&parser, 0, sizeof(parser));
	R->config = config;
	R->report = report;
	R->at.file = R->here.file = config_file(config, path);
	R->at.line = R->here.line = 1;
	parser.start = 1;
	parser.lex = lex_open(config, report);
	for (d = report->io->defines; d != NULL && *d != NULL; d++)
		define(*d);
	lex_main(parser.lex, path);
	yyparse();
	lex_close(parser.lex);
	return (report->errors > 0 ? -1 : 0);
}
