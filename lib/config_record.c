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
 * What the grammar found, written into the configuration.  Called by parse.y,
 * one small function per construct.  Only the form of single values is judged
 * here; what they mean together is for lib/config_check.c.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config_private.h"
#include "lib/text.h"

static int
name_valid(const char *name)
{
	size_t	 len = strlen(name);

	return (len > 0 && len <= NAME_MAX_LEN && strspn(name,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_.-") == len);
}

void
record_name(struct recorder *r, const char *what, const char *name)
{
	if (!name_valid(name))
		report_error(r->report, &r->here, "%s \"%s\": a name is 1 to "
		    "%d of A-Z a-z 0-9 _ . -", what, name, NAME_MAX_LEN);
}

static void
defined_twice(struct recorder *r, const struct origin *where,
    const char *what, const char *name, const struct origin *first)
{
	report_error(r->report, where,
	    "%s \"%s\" is defined twice, first in %s:%d", what, name,
	    first->file, first->line);
}

void
record_flag(struct recorder *r, int *flag, const char *what)
{
	if (*flag)
		report_error(r->report, &r->here, "%s is given twice", what);
	*flag = 1;
}

void
record_text(struct recorder *r, char **to, const char *what, const char *text)
{
	if (*to != NULL) {
		report_error(r->report, &r->here, "%s is given twice", what);
		return;
	}
	if (text[0] == '\0')
		report_error(r->report, &r->here, "%s is empty", what);
	*to = checked_strdup(text);
}

void
record_reference(struct recorder *r, struct table **to, struct table *table,
    const char *what)
{
	if (*to != NULL)
		report_error(r->report, &r->here, "%s is given twice", what);
	*to = table;
}

/* A table, known by name or not; one that is only referred to is empty. */
static struct named_table *
table_make(struct recorder *r, const char *name)
{
	struct named_table	*t;

	t = checked(calloc(1, sizeof(*t)));
	t->table = table_new(name);
	t->origin = r->here;
	TAILQ_INSERT_TAIL(&r->config->tables, t, entry);
	if (name != NULL)
		names_add(&r->config->names, NAME_TABLE, name, t);
	return (t);
}

struct table *
record_table(struct recorder *r, const char *name)
{
	struct named_table	*t;

	t = names_find(&r->config->names, NAME_TABLE, name);
	if (t == NULL)
		t = table_make(r, name);
	t->used = 1;
	return (t->table);
}

static struct named_table *
table_declare(struct recorder *r, const char *name)
{
	struct named_table	*t;

	record_name(r, "table", name);
	t = names_find(&r->config->names, NAME_TABLE, name);
	if (t == NULL)
		t = table_make(r, name);
	else if (t->declared) {
		defined_twice(r, &r->at, "table", name, &t->origin);
		t = table_make(r, NULL);
	}
	t->declared = 1;
	t->origin = r->at;
	return (t);
}

/* "{ ... }" is about to come: of a named table, or in place. */
void
record_list(struct recorder *r, const char *name)
{
	if (name != NULL) {
		r->list = table_declare(r, name);
		return;
	}
	r->list = table_make(r, NULL);
	r->list->declared = 1;
	r->list->used = 1;
}

void
record_entry(struct recorder *r, const char *key, const char *value)
{
	struct table	*t = r->list->table;

	if (table_size(t) > 0 && table_is_map(t) != (value != NULL))
		report_error(r->report, &r->here, "\"%s\": a table is either "
		    "a list or a map", key);
	else if (key[0] == '\0')
		report_error(r->report, &r->here, "empty key in a table");
	else if (table_add(t, key, value) == -1)
		report_error(r->report, &r->here, "\"%s\" is in the table "
		    "twice", key);
}

/* The kinds of tables that OpenSMTPD has and we have not. */
static int
table_kind_left_out(const char *where, size_t len)
{
	static const char *kinds[] = { "db", "proc", "static", "sqlite",
	    "ldap", "passwd", "mysql", "postgres", "redis", "socketmap",
	    "getpwnam", "mysqldb" };
	size_t	 i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i]) == len &&
		    strncasecmp(kinds[i], where, len) == 0)
			return (1);
	return (0);
}

void
record_table_file(struct recorder *r, const char *name, const char *where)
{
	const struct config_io	*io = r->report->io;
	struct named_table	*t;
	struct origin		 o;
	const char		*text, *why, *colon;
	size_t			 len;

	t = table_declare(r, name);
	colon = strchr(where, ':');
	if (colon != NULL && table_kind_left_out(where, colon - where)) {
		report_error(r->report, &r->at, "a \"%.*s\" table is not part "
		    "of Bindery", (int)(colon - where), where);
		return;
	}
	if (strncasecmp(where, "file:", 5) != 0 || where[5] == '\0') {
		report_error(r->report, &r->at, "table \"%s\": \"%s\" is "
		    "neither file:PATH nor { ... }", name, where);
		return;
	}
	table_set_path(t->table, where + 5);
	if ((text = io->load(io->arg, where + 5, &len)) == NULL) {
		if (!io->role)
			report_error(r->report, &r->at, "cannot read %s: %s",
			    where + 5, load_error());
		return;
	}
	o.file = config_file(r->config, where + 5);
	o.line = 1;
	if (len > 0 && memchr(text, '\0', len) != NULL)
		report_error(r->report, &o, "NUL byte");
	else if (table_parse(t->table, text, &o.line, &why) == -1)
		report_error(r->report, &o, "%s", why);
}

void
record_pki(struct recorder *r, const char *name, const char *cert,
    const char *key)
{
	struct pki	*p;

	if ((p = names_find(&r->config->names, NAME_PKI, name)) == NULL) {
		record_name(r, "pki", name);
		p = checked(calloc(1, sizeof(*p)));
		p->name = checked_strdup(name);
		p->origin = r->at;
		TAILQ_INSERT_TAIL(&r->config->pkis, p, entry);
		names_add(&r->config->names, NAME_PKI, name, p);
	}
	if (cert != NULL)
		record_text(r, &p->cert, "cert", cert);
	if (key != NULL)
		record_text(r, &p->key, "key", key);
}

/* Listeners */

static int
port_parse(struct recorder *r, const char *text)
{
	static const struct {
		const char	*name;
		int		 port;
	} services[] = {
		{ "smtp", 25 }, { "submission", 587 }, { "smtps", 465 },
		{ "submissions", 465 }
	};
	const char	*error;
	size_t		 i;
	int		 port;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcasecmp(services[i].name, text) == 0)
			return (services[i].port);
	port = strtonum(text, 1, 65535, &error);
	if (error != NULL)
		report_error(r->report, &r->here, "\"%s\" is not a port",
		    text);
	return (port);
}

/* "192.0.2.1:25"; what has a colon else may be an interface. */
static int
has_port(const char *where)
{
	struct sockaddr_storage	 ss;
	const char		*colon = strrchr(where, ':');
	char			 address[64];
	size_t			 len;

	if (colon == NULL || (len = colon - where) >= sizeof(address))
		return (0);
	memcpy(address, where, len);
	address[len] = '\0';
	return (sockaddr_parse(address, &ss) == 0);
}

void
record_listen(struct recorder *r, const char *where)
{
	struct listener	*l, *last;

	last = TAILQ_LAST(&r->config->listeners, listeners);
	l = checked(calloc(1, sizeof(*l)));
	l->index = last == NULL ? 0 : last->index + 1;
	l->origin = r->at;
	if (where == NULL)
		l->socket = 1;
	else if (sockaddr_parse(where, &l->addr) == -1) {
		l->interface = checked_strdup(where);
		if (has_port(where))
			report_error(r->report, &r->here, "listen on %s: "
			    "write \"port %s\"", where,
			    strrchr(where, ':') + 1);
	}
	TAILQ_INSERT_TAIL(&r->config->listeners, l, entry);
	r->listener = l;
}

void
record_listen_port(struct recorder *r, const char *text)
{
	if (r->listener->port != 0)
		report_error(r->report, &r->here, "port is given twice");
	r->listener->port = port_parse(r, text);
}

void
record_listen_tls(struct recorder *r, enum listen_tls tls)
{
	if (r->listener->tls != LISTEN_PLAIN)
		report_error(r->report, &r->here, "only one of tls, "
		    "tls-require and smtps can be given");
	r->listener->tls = tls;
}

void
record_listen_pki(struct recorder *r, const char *name)
{
	struct listener	*l = r->listener;

	if (l->npki == LISTEN_PKIS) {
		report_error(r->report, &r->here, "more than %d pki",
		    LISTEN_PKIS);
		return;
	}
	l->pki[l->npki++] = checked_strdup(name);
}

void
record_listen_auth(struct recorder *r, struct table *table, int optional)
{
	if (table == NULL) {
		report_error(r->report, &r->here, "%s without a table is not "
		    "part of Bindery", optional ? "auth-optional" : "auth");
		return;
	}
	record_reference(r, &r->listener->auth, table, "auth");
	r->listener->auth_optional = optional;
}

/* Actions */

void
record_action(struct recorder *r, const char *name, enum action_type type,
    const char *path)
{
	struct action	*a, *old;

	record_name(r, "action", name);
	a = checked(calloc(1, sizeof(*a)));
	a->name = checked_strdup(name);
	a->type = type;
	a->tls_verify = TLS_WORDS_NONE;
	a->origin = r->at;
	TAILQ_INSERT_TAIL(&r->config->actions, a, entry);
	r->action = a;
	if (path != NULL)
		record_text(r, &a->path, "destination", path);
	old = names_add(&r->config->names, NAME_ACTION, name, a);
	if (old != NULL)
		defined_twice(r, &r->at, "action", name, &old->origin);
}

void
record_left_out(struct recorder *r, const char *what, const char *ours)
{
	report_error(r->report, &r->here, "\"%s\" is not part of Bindery%s%s",
	    what, ours == NULL ? "" : ": see ", ours == NULL ? "" : ours);
}

void
record_action_only(struct recorder *r, int ok, const char *what)
{
	static const char *types[] = { "relay", "mbox", "maildir", "lmtp",
	    "mda" };

	if (!ok)
		report_error(r->report, &r->here, "%s is not an option of %s",
		    what, types[r->action->type]);
}

/* The part of a relay host behind "://": [label@]host[:port]. */
static int
host_parse(struct recorder *r, struct action *a, char *rest)
{
	struct sockaddr_storage	 ss;
	char			 domain[DOMAIN_MAX];
	char			*p;

	if ((p = strrchr(rest, '@')) != NULL) {
		*p++ = '\0';
		if (rest[0] == '\0')
			return (-1);
		a->relay_label = checked_strdup(rest);
		rest = p;
	}
	if (rest[0] == '[') {
		if ((p = strchr(rest, ']')) == NULL)
			return (-1);
		p++;
	} else
		p = rest + strcspn(rest, ":");
	if (*p == ':') {
		*p++ = '\0';
		if ((a->relay_port = strtonum(p, 1, 65535, NULL)) == 0)
			return (-1);
	} else if (*p != '\0')
		return (-1);
	if (sockaddr_parse(rest, &ss) == 0)
		strlcpy(domain, rest, sizeof(domain));
	else if (domain_canonical(rest, domain) == -1)
		return (-1);
	a->relay_host = checked_strdup(domain);
	return (0);
}

void
record_action_host(struct recorder *r, const char *url)
{
	static const struct {
		const char	*scheme;
		enum tls_policy	 tls;
	} schemes[] = {
		{ "smtp://", TLS_POLICY_OPPORTUNISTIC },
		{ "smtp+tls://", TLS_POLICY_REQUIRE },
		{ "smtp+notls://", TLS_POLICY_NONE },
		{ "smtps://", TLS_POLICY_SMTPS },
		{ "", TLS_POLICY_OPPORTUNISTIC }
	};
	struct action	*a = r->action;
	char		*copy;
	size_t		 i, len;
	int		 ok;

	record_action_only(r, a->type == ACTION_RELAY, "host");
	if (a->host != NULL) {
		report_error(r->report, &r->here, "host is given twice");
		return;
	}
	for (i = 0;; i++) {
		len = strlen(schemes[i].scheme);
		if (strncasecmp(url, schemes[i].scheme, len) == 0)
			break;
	}
	a->host = checked_strdup(url);
	copy = checked_strdup(url + len);
	ok = strncasecmp(url, "lmtp://", 7) != 0 &&
	    host_parse(r, a, copy) == 0;
	free(copy);
	if (!ok) {
		report_error(r->report, &r->here, "\"%s\" is not a host such "
		    "as smtp://label@mx.example.net:25", url);
		return;
	}
	if (schemes[i].tls == TLS_POLICY_SMTPS && a->relay_port == 0)
		a->relay_port = 465;
	if (a->tls == TLS_POLICY_OPPORTUNISTIC)
		a->tls = schemes[i].tls;
	else if (schemes[i].tls == TLS_POLICY_NONE)
		report_error(r->report, &r->here,
		    "tls contradicts smtp+notls://");
	else if (schemes[i].tls == TLS_POLICY_SMTPS)
		a->tls = TLS_POLICY_SMTPS;
}

/* tls, tls verify, tls no-verify; the scheme of host may say more. */
void
record_action_tls(struct recorder *r, enum tls_words words)
{
	struct action	*a = r->action;

	record_action_only(r, a->type == ACTION_RELAY, "tls");
	if (a->tls_verify != TLS_WORDS_NONE) {
		report_error(r->report, &r->here, "tls is given twice");
		return;
	}
	a->tls_verify = words;
	if (a->tls == TLS_POLICY_NONE)
		report_error(r->report, &r->here,
		    "tls contradicts smtp+notls://");
	else if (a->tls != TLS_POLICY_SMTPS)
		a->tls = words == TLS_WORDS_VERIFY ? TLS_POLICY_VERIFY :
		    TLS_POLICY_REQUIRE;
}

/* Rules */

static struct rule *
rule_new(struct recorder *r, struct rules *rules)
{
	struct rule	*rule, *last;

	last = TAILQ_LAST(rules, rules);
	rule = checked(calloc(1, sizeof(*rule)));
	rule->number = last == NULL ? 1 : last->number + 1;
	rule->origin = r->at;
	TAILQ_INIT(&rule->conditions);
	TAILQ_INSERT_TAIL(rules, rule, entry);
	r->rule = rule;
	return (rule);
}

void
record_match(struct recorder *r)
{
	rule_new(r, &r->config->match);
}

void
record_bind(struct recorder *r, enum bind_by by, const char *header,
    struct table *table)
{
	struct rule	*rule;

	rule = rule_new(r, &r->config->bind);
	rule->by = by;
	rule->table = table;
	if (header != NULL)
		rule->header = checked_strdup(header);
}

void
record_condition(struct recorder *r, enum condition_type type,
    const struct value *value)
{
	struct condition	*c;

	c = checked(calloc(1, sizeof(*c)));
	c->type = type;
	c->negate = r->negate;
	if (value != NULL) {
		c->table = value->table;
		if (value->text != NULL)
			c->text = checked_strdup(value->text);
	}
	TAILQ_INSERT_TAIL(&r->rule->conditions, c, entry);
}

void
record_header(struct recorder *r, const char *name, const char *text)
{
	struct value	 v = { text, NULL };

	record_condition(r, COND_HEADER, &v);
	TAILQ_LAST(&r->rule->conditions, conditions)->header =
	    checked_strdup(name);
}

void
record_target(struct recorder *r, const char *name)
{
	r->rule->target = checked_strdup(name);
}
