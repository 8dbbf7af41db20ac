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
 * bindery.conf(5), parsed and checked.  parse.y records, config.c checks what
 * it means.  Neither does any I/O: the parent reads the files (config_load
 * asks for them by path) and gives every role the texts that it uses; each
 * role parses them again, so there is no other form of the configuration.
 */

#ifndef LIB_CONFIG_H
#define LIB_CONFIG_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/address.h"
#include "lib/table.h"

#define NAME_MAX_LEN	63		/* bindings, groups, sites */
#define TAG_MAX_LEN	255		/* of a listener */
#define HEADER_NAME_MAX	76		/* trust-header */

/* Different headers that listeners may trust. */
#define CONFIG_TRUSTED	4
/* Longest text of an origin. */
#define ORIGIN_MAX	512

/* Where something was written.  file is owned by the configuration. */
struct origin {
	const char	*file;
	int		 line;
};

/* The texts of all files of a configuration, by path. */
struct bundle_file {
	TAILQ_ENTRY(bundle_file) entry;
	char		*path;
	char		*text;		/* NUL-terminated, no NUL inside */
	size_t		 len;
	int		 secret;	/* hashes, credentials, keys */
	int		 parsed;	/* the parser has read it */
};
TAILQ_HEAD(bundle, bundle_file);

struct bundle_file *bundle_find(struct bundle *, const char *path);
/* Append to the text of path, making it when new.  0, -1 for a NUL byte. */
int		 bundle_append(struct bundle *, const char *path,
		    const char *chunk, size_t len);
void		 bundle_free(struct bundle *);	/* empties it */
/* Wipe and forget what a parser has read, and needs no more. */
void		 bundle_forget_parsed(struct bundle *);

/* Settings, by their names. */
enum setting {
	SET_HOSTNAME,
	SET_SPOOL,
	SET_RUN,
	SET_CONTROL_GROUP,
	SET_DEFAULT_BINDING,
	SET_QUEUE_TTL,
	SET_QUEUE_RETRY,
	SET_QUEUE_WARN,
	SET_QUEUE_MIN_FREE,
	SET_MAX_MESSAGE_SIZE,
	SET_MAX_RECIPIENTS,
	SET_SMTP_MAX_CONNECTIONS,
	SET_SMTP_MAX_PER_ADDRESS,
	SET_SMTP_MAX_PER_USER,
	SET_SMTP_MAX_ERRORS,
	SET_MTA_MAX_CONNECTIONS,
	SET_MTA_RESOLVER,
	SET_MTA_PORT,
	SET_MTA_TIMEOUT,
	SET_MTA_CA_FILE,
	SET_MTA_TRUST_AD,
	SET_COUNT
};

/* Options of a binding, a group and their domain and site blocks. */
enum option_id {
	OPTION_FAMILY,			/* number: AF_UNSPEC, AF_INET .. */
	OPTION_EHLO,			/* text, or one of the two modes */
	OPTION_MAX_OUTBOUND_CONNECTIONS,
	OPTION_MAX_CONNECTIONS,
	OPTION_MAX_MESSAGES,
	OPTION_RATE,			/* number per seconds */
	OPTION_SUSPEND_DELIVERY,
	OPTION_SUSPEND_RECEPTION,
	OPTION_QUEUE_LIMIT,
	OPTION_MESSAGE_EXPIRATION,	/* seconds */
	OPTION_NEXT_HOPS,		/* list of networks, or a table */
	OPTION_CONNECT_TIMEOUT,		/* seconds */
	OPTION_MAX_HOSTS,
	OPTION_WEIGHT,
	OPTION_TLS,			/* number: enum tls_policy */
	OPTION_COUNT
};

#define EHLO_HOSTNAME	"__hostname__"
#define EHLO_MESSAGE	"__message__"

struct next_hops {
	int		 negate;
	struct table	*table;		/* the same, or a named table */
	size_t		 ncidrs;
	struct cidr	*cidrs;
};

struct option {
	int		 set;
	int64_t		 number;	/* rate: count */
	int64_t		 seconds;	/* rate: period */
	char		*text;		/* ehlo-hostname */
	struct next_hops *hops;
	struct origin	 origin;
};

/* A "domain D { }" or "site S { }" block. */
struct scope {
	TAILQ_ENTRY(scope) entry;
	char		*name;		/* domain pattern or site name */
	int		 is_site;
	struct option	 options[OPTION_COUNT];
	struct origin	 origin;
};
TAILQ_HEAD(scopes, scope);

struct group;

struct binding_conf {
	TAILQ_ENTRY(binding_conf) entry;
	RB_ENTRY(binding_conf) node;
	char		*name;		/* "*" holds the defaults of all */
	struct group	*group;		/* or NULL */
	int		 any;		/* bind-address any */
	int		 declared;	/* 0: the built-in "default" */
	struct sockaddr_storage addr4;	/* ss_family 0: none */
	struct sockaddr_storage addr6;
	struct option	 options[OPTION_COUNT];
	struct scopes	 scopes;
	struct origin	 origin;
	struct origin	 address_origin;
};
TAILQ_HEAD(bindings, binding_conf);
RB_HEAD(binding_tree, binding_conf);

struct group {
	TAILQ_ENTRY(group) entry;
	char		*name;
	struct option	 options[OPTION_COUNT];
	struct scopes	 scopes;
	struct origin	 origin;
};
TAILQ_HEAD(groups, group);

/* "site S { ... }" and "domain D { max-connections N }" outside bindings. */
struct site {
	TAILQ_ENTRY(site) entry;
	char		*name;
	int		 is_domain;	/* the second form: name is a domain */
	struct table	*domains;	/* patterns */
	struct table	*mx;		/* patterns */
	int64_t		 max_connections;	/* 0: no total */
	struct origin	 origin;
};
TAILQ_HEAD(sites, site);

/* One condition of a match or bind rule. */
enum condition_type {
	COND_FROM_ANY,			/* match only */
	COND_FROM_LOCAL,
	COND_FROM_SOCKET,
	COND_FROM_SRC,			/* text or table */
	COND_FROM_AUTH,			/* match from auth: as COND_AUTH */
	COND_FROM_MAIL_FROM,
	COND_FROM_RDNS,
	COND_FOR_ANY,
	COND_FOR_LOCAL,
	COND_FOR_DOMAIN,
	COND_FOR_RCPT_TO,
	COND_AUTH,			/* no text, no table: any name */
	COND_USER,
	COND_MAIL_FROM,
	COND_RCPT_TO,
	COND_HELO,
	COND_TAG,
	COND_TLS,
	COND_ACTION,
	COND_HEADER,			/* header name, text value */
	COND_BOUNCE
};

struct condition {
	TAILQ_ENTRY(condition) entry;
	enum condition_type type;
	int		 negate;
	char		*text;		/* or NULL */
	struct table	*table;		/* or NULL */
	char		*header;
	struct cidr	 cidr;		/* COND_FROM_SRC's text */
};
TAILQ_HEAD(conditions, condition);

/* "bind by" forms: what is looked up in the table. */
enum bind_by {
	BIND_COND,
	BIND_BY_AUTH,
	BIND_BY_USER,
	BIND_BY_MAIL_FROM,
	BIND_BY_TAG,
	BIND_BY_HEADER
};

struct rule {
	TAILQ_ENTRY(rule) entry;
	unsigned int	 number;	/* from 1, in the order of the file */
	struct conditions conditions;
	enum bind_by	 by;		/* bind rules */
	char		*header;	/* bind by header */
	struct table	*table;		/* bind by ... <table>, or NULL */
	char		*target;	/* match: action; bind: binding/group */
	int		 reject;	/* match ... reject */
	struct origin	 origin;
};
TAILQ_HEAD(rules, rule);

enum action_type {
	ACTION_RELAY,
	ACTION_MBOX,
	ACTION_MAILDIR,
	ACTION_LMTP,
	ACTION_MDA
};

enum tls_policy {
	TLS_POLICY_OPPORTUNISTIC,
	TLS_POLICY_NONE,		/* smtp+notls:// */
	TLS_POLICY_REQUIRE,
	TLS_POLICY_VERIFY,
	TLS_POLICY_SMTPS		/* smtps:// */
};

/* The words of an action, for struct action's tls_verify. */
enum tls_words {
	TLS_WORDS_NONE = -1,
	TLS_WORDS_TLS,
	TLS_WORDS_VERIFY,
	TLS_WORDS_NO_VERIFY
};

struct action {
	TAILQ_ENTRY(action) entry;
	char		*name;
	enum action_type type;
	char		*host;		/* as written: lane's destination */
	char		*relay_host;	/* name or literal of host, or NULL */
	int		 relay_port;	/* 0: mta port */
	char		*relay_label;	/* label@ for auth */
	enum tls_policy	 tls;
	int		 tls_verify;	/* enum tls_words */
	struct table	*auth;		/* label = user:pass */
	struct table	*aliases;
	char		*path;		/* maildir, command, lmtp destination */
	int		 rcpt_to;	/* lmtp rcpt-to */
	struct origin	 origin;
};
TAILQ_HEAD(actions, action);

struct pki {
	TAILQ_ENTRY(pki) entry;
	char		*name;
	char		*cert;		/* paths */
	char		*key;
	struct origin	 origin;
};
TAILQ_HEAD(pkis, pki);

enum listen_tls {
	LISTEN_PLAIN,
	LISTEN_TLS,			/* STARTTLS offered */
	LISTEN_TLS_REQUIRE,
	LISTEN_SMTPS
};

#define LISTEN_PKIS	16

struct listener {
	TAILQ_ENTRY(listener) entry;
	unsigned int	 index;		/* from 0, in the order of the file */
	int		 socket;	/* the local socket */
	struct sockaddr_storage addr;	/* with port; ss_family 0: none */
	char		*interface;	/* name as written, or NULL */
	int		 port;
	enum listen_tls	 tls;
	char		*pki[LISTEN_PKIS];
	int		 npki;
	struct table	*auth;
	int		 auth_optional;
	int		 auth_insecure;	/* AUTH without TLS is allowed */
	struct table	*senders;
	char		*tag;
	char		*hostname;	/* greeting, or NULL: global */
	char		*trust_header;
	int		 mask_src;
	int		 proxy_v2;
	struct origin	 origin;
};
TAILQ_HEAD(listeners, listener);

enum default_binding {
	DEFAULT_NORMAL,
	DEFAULT_SUSPENDED,
	DEFAULT_NONE
};

/* Every table; one written in place ("{ a, b }") has no name. */
struct named_table {
	TAILQ_ENTRY(named_table) entry;
	struct table	*table;
	int		 declared;	/* 0: only referred to: an error */
	int		 secret;	/* a listener's or action's auth */
	int		 used;
	struct origin	 origin;
};
TAILQ_HEAD(tables, named_table);

/* Names of one kind (enum name_kind in lib/config_private.h) to objects. */
struct name;
RB_HEAD(names, name);

struct config {
	char		*hostname;
	char		*spool;
	char		*run;
	char		*control_group;
	enum default_binding default_binding;

	int64_t		 queue_ttl;		/* seconds */
	int64_t		 retry_min;
	int64_t		 retry_max;
	int64_t		 queue_warn;		/* 0: no delay DSN */
	int64_t		 min_free;		/* octets */
	int64_t		 max_message_size;
	int64_t		 max_recipients;
	int64_t		 smtp_max_connections;
	int64_t		 smtp_max_per_address;
	int64_t		 smtp_max_per_user;
	int64_t		 smtp_max_errors;	/* of a stranger's session */
	int64_t		 mta_max_connections;
	struct sockaddr_storage resolver;	/* ss_family 0: resolv.conf */
	int		 mta_port;
	int64_t		 mta_timeout;		/* 0: RFC 5321 4.5.3.2 */
	char		*mta_ca_file;		/* NULL: the system's */
	int		 mta_trust_ad;		/* believe any resolver */
	struct origin	 set[SET_COUNT];	/* no file: a default */

	struct tables	 tables;
	struct pkis	 pkis;
	struct listeners listeners;
	struct actions	 actions;
	struct rules	 match;
	struct rules	 bind;
	struct bindings	 bindings;		/* "*" and "default" included */
	struct binding_tree binding_tree;
	struct groups	 groups;
	struct sites	 sites;
	struct names	 names;		/* all but bindings */
	struct option	 defaults[OPTION_COUNT];	/* built in */
	/* file names of origins */
	struct bundle	 files;
};

RB_PROTOTYPE(binding_tree, binding_conf, node, binding_compare);

/*
 * Where parse and check find text and leave what they have to say.
 *
 * load gives the text of path (borrowed until the configuration is parsed) or
 * NULL with errno, EILSEQ for a NUL byte in it; glob fills a NULL-terminated
 * array to free, each string as well, sorted; NULL or empty: no file (no
 * error).  report is called for each error (warning 0) and warning, text
 * without a newline;
 * config_report prints "FILE:LINE: text".
 */
struct config_io {
	const char	*(*load)(void *, const char *path, size_t *len);
	char		**(*glob)(void *, const char *pattern);
	void		 (*report)(void *, const struct origin *, int warning,
			    const char *text);
	void		*arg;
	char		**defines;	/* -D name=value ..., NULL-terminated */
	const char	*hostname;	/* of the host: default of hostname */
	int		 role;		/* in a role: secrets may be missing */
	int		 reload;	/* unknown bindings in tables refuse */
	int		 all;		/* also what is not supported yet */
};

/* A report for struct config_io: arg is the FILE to print on. */
void		 config_report(void *, const struct origin *, int warning,
		    const char *text);

/* The whole: parse, check.  NULL when an error was reported. */
struct config	*config_parse(const char *path, const struct config_io *);
/* What only -nv says: unused things, two bindings on one address. */
void		 config_advise(const struct config *, const struct config_io *);
void		 config_free(struct config *);

/*
 * From a bundle, as a role does: the first file is the main one; *error is
 * set to a static text.  Beside the files it may hold the host's name and the
 * -D macros ("name=value", a line each) under these paths, put there by the
 * parent; a table's file that is not there is an empty table.
 */
#define BUNDLE_HOSTNAME	"=hostname"
#define BUNDLE_DEFINES	"=defines"

struct config	*config_from_bundle(struct bundle *, const char **error);

/* "FILE:LINE" in buf, which it is; of a long FILE the end. */
const char	*origin_text(const struct origin *, char *buf, size_t size);

/*
 * Is a client at this address local: loopback, and no binding's address?  No
 * other address of this host is.
 */
int		 config_peer_is_local(const struct config *,
		    const struct sockaddr *);

/* Look-ups; NULL: there is none. */
struct binding_conf *config_binding(const struct config *,
		    const char *name);
struct group	*config_group(const struct config *, const char *name);
struct action	*config_action(const struct config *, const char *name);
struct site	*config_site(const struct config *, const char *name);
struct table	*config_table(const struct config *, const char *name);
/* The site that names destination among its domains, or NULL. */
struct site	*config_site_of(const struct config *, const char *destination);
/* The first site that has this mail exchanger among its mx, or NULL. */
struct site	*config_site_of_mx(const struct config *, const char *host);
/* The "domain D { max-connections N }" outside bindings, or NULL. */
struct site	*config_total_of(const struct config *,
		    const char *destination);

/*
 * Which value holds (bindery.conf(5)): domain blocks, then site blocks, then
 * plain options, and at each step binding, group, "binding *".  destination
 * and site may be NULL.  Never NULL: a built-in default has no origin.file.
 */
const struct option *config_option(const struct config *,
		    const struct binding_conf *, const char *destination,
		    const char *site, enum option_id);
/*
 * The same at one step only: the domain block for name, the site block of
 * that name, or the plain option (name NULL).  NULL: not set there.
 */
enum option_level {
	LEVEL_DOMAIN,
	LEVEL_SITE,
	LEVEL_PLAIN
};
const struct option *config_option_at(const struct config *,
		    const struct binding_conf *, enum option_level,
		    const char *name, enum option_id);
/* "max-outbound-connections" ... */
const char	*option_name(enum option_id);
/* The value as it would be written; a static buffer of a few, in turn. */
const char	*option_text(enum option_id, const struct option *);

/* What the action alone asks of TLS. */
enum tls_policy	 config_action_tls(const struct action *);
/* May a connection that was made for one carry mail of the other? */
int		 config_action_same_way(const struct action *,
		    const struct action *);
/* Something is sent only where the authorities vouch for the peer. */
int		 config_verifies(const struct config *);

/* Print back in the canonical form: golden files, -nv. */
void		 config_print(const struct config *, FILE *);

#endif
