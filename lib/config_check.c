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
 * What a configuration means: names that must exist, options that contradict
 * each other, what is defined twice or for nothing.  Called by config_parse()
 * after the grammar found no fault.  Pure; no work grows with the square of
 * what is configured.
 */

#include <netinet/in.h>

#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/config_private.h"

int
name_canonical(char **name, int kinds)
{
	char	 form[ADDRESS_MAX];

	if ((pattern_canonical(*name, form) & kinds) == 0)
		return (0);
	free(*name);
	*name = checked_strdup(form);
	return (1);
}

void
check_keys(struct reporter *r, const struct origin *where, const char *what,
    struct table *t, int kinds)
{
	const char	*key;
	char		 form[ADDRESS_MAX];
	size_t		 next = 0;

	while (table_each(t, &next, &key, NULL))
		if ((pattern_canonical(key, form) & kinds) == 0)
			report_error(r, where, "%s: \"%s\" is neither %s",
			    what, key, kinds & PATTERN_ADDRESS ?
			    "an address nor @domain nor a domain" :
			    "a domain nor *.domain");
		else if (table_alias(t, key, form) == -1)
			report_error(r, where, "%s: \"%s\" is there in two "
			    "spellings, with two values", what, key);
}

const char *
table_called(const struct table *t)
{
	return (table_name(t) == NULL ? "{ }" : table_name(t));
}

/*
 * A destination is a domain or, of an action that relays to a host, the host
 * as it is written there.
 */
static void
check_destination(struct config *c, struct reporter *r,
    const struct origin *where, const char *name)
{
	const struct action	*a;
	char			 form[ADDRESS_MAX];

	if ((pattern_canonical(name, form) & (PATTERN_DOMAIN |
	    PATTERN_BELOW)) != 0)
		return;
	TAILQ_FOREACH(a, &c->actions, entry)
		if (a->host != NULL && strcasecmp(a->host, name) == 0)
			return;
	report_error(r, where, "\"%s\" is neither a domain nor *.domain, nor "
	    "the host of an action", name);
}

static void
check_tables(struct config *c, struct reporter *r)
{
	struct named_table	*t;
	const char		*name;

	TAILQ_FOREACH(t, &c->tables, entry) {
		name = table_name(t->table);
		if (!t->declared)
			report_error(r, &t->origin, "unknown table <%s>", name);
		else if (table_size(t->table) == 0 && !r->io->role)
			report_warning(r, &t->origin, "%s%s%s is empty",
			    name == NULL ? "{ }" : "table \"",
			    name == NULL ? "" : name,
			    name == NULL ? "" : "\"");
	}
}

/* Entries of a list of networks, wherever they were written. */
static void
check_networks(struct reporter *r, const struct origin *where,
    const struct table *t)
{
	struct cidr	 cidr;
	const char	*key;
	size_t		 next = 0;

	while (table_each(t, &next, &key, NULL))
		if (cidr_parse(key, &cidr) == -1)
			report_error(r, where, "\"%s\" is not a network such "
			    "as 192.0.2.0/24", key);
}

/*
 * Credentials stay with the parent and the role that needs them; but what
 * stands among the rest of the configuration goes to all.
 */
static void
make_secret(struct config *c, struct reporter *r, const struct table *table)
{
	struct named_table	*t;

	t = table_name(table) == NULL ? NULL :
	    names_find(&c->names, NAME_TABLE, table_name(table));
	if (t == NULL || t->secret)
		return;
	t->secret = 1;
	if (!r->io->role && table_path(table) == NULL && table_size(table) > 0)
		report_warning(r, &t->origin, "table <%s> of auth is not a "
		    "file: every role sees what is in it", table_name(table));
}

static void
check_map(struct reporter *r, const struct origin *where,
    const struct table *t, const char *what)
{
	if (table_size(t) > 0 && !table_is_map(t))
		report_error(r, where, "%s needs a map: table \"%s\" is a "
		    "list", what, table_called(t));
}

static void
check_listen_socket(struct reporter *r, const struct listener *l)
{
	const char	*what = NULL;

	if (l->port != 0)
		what = "port";
	else if (l->tls != LISTEN_PLAIN)
		what = "tls";
	else if (l->npki > 0)
		what = "pki";
	else if (l->auth != NULL || l->auth_insecure)
		what = "auth";
	else if (l->senders != NULL)
		what = "senders";
	else if (l->proxy_v2)
		what = "proxy-v2";
	else if (l->trust_header != NULL)
		what = "trust-header";
	else if (l->hostname != NULL)
		what = "hostname";
	if (what != NULL)
		report_error(r, &l->origin,
		    "%s is not an option of listen on socket", what);
}

/* Each word of a value is an address, @domain, a domain, "<>" or "*". */
static void
check_senders(struct reporter *r, const struct listener *l)
{
	const char	*key, *value;
	char		 word[ADDRESS_MAX], form[ADDRESS_MAX];
	size_t		 len, next = 0;

	while (table_each(l->senders, &next, &key, &value))
		for (; *value != '\0'; value += len) {
			value += strspn(value, ", \t");
			if ((len = strcspn(value, ", \t")) == 0)
				break;
			if ((size_t)snprintf(word, sizeof(word), "%.*s",
			    (int)len, value) < sizeof(word) &&
			    pattern_canonical(word, form) != 0)
				continue;
			report_error(r, &l->origin, "senders: \"%s\" of "
			    "\"%s\" is neither an address nor @domain nor a "
			    "domain nor \"*\"", word, key);
		}
}

static void
check_listen_tls(struct config *c, struct reporter *r,
    const struct listener *l)
{
	struct names	 seen = RB_INITIALIZER(&seen);
	int		 i;

	if (l->tls != LISTEN_PLAIN && l->npki == 0)
		report_error(r, &l->origin, "tls without a pki");
	if (l->tls == LISTEN_PLAIN && l->npki > 0)
		report_error(r, &l->origin,
		    "pki without tls, tls-require or smtps");
	for (i = 0; i < l->npki; i++) {
		if (names_find(&c->names, NAME_PKI, l->pki[i]) == NULL)
			report_error(r, &l->origin, "unknown pki \"%s\"",
			    l->pki[i]);
		if (names_add(&seen, NAME_PKI, l->pki[i], l->pki[i]) != NULL)
			report_error(r, &l->origin, "pki \"%s\" is given "
			    "twice", l->pki[i]);
	}
	names_free(&seen);
	if (l->auth == NULL) {
		if (l->auth_insecure)
			report_error(r, &l->origin,
			    "auth-insecure without auth");
		if (l->senders != NULL)
			report_error(r, &l->origin, "senders without auth");
		return;
	}
	if (l->senders != NULL) {
		check_map(r, &l->origin, l->senders, "senders");
		check_senders(r, l);
	}
	if (l->tls == LISTEN_PLAIN && !l->auth_insecure)
		report_error(r, &l->origin, "auth without tls, tls-require "
		    "or smtps (auth-insecure allows it)");
	check_map(r, &l->origin, l->auth, "auth");
	make_secret(c, r, l->auth);
}

/* RFC 5322 2.2 */
static int
header_name_valid(const char *name)
{
	const char	*p;

	for (p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == ':')
			return (0);
	return (p > name && p - name <= HEADER_NAME_MAX);
}

/* Names of headers that listeners before this one trust, but for its own. */
static int
trusted_before(const struct config *c, const struct listener *l)
{
	const struct listener	*a, *b;
	int			 n = 0;

	TAILQ_FOREACH(a, &c->listeners, entry) {
		if (a == l)
			break;
		if (a->trust_header == NULL ||
		    strcasecmp(a->trust_header, l->trust_header) == 0)
			continue;
		for (b = TAILQ_FIRST(&c->listeners); b != a;
		    b = TAILQ_NEXT(b, entry))
			if (b->trust_header != NULL &&
			    strcasecmp(b->trust_header, a->trust_header) == 0)
				break;
		n += b == a;
	}
	return (n);
}

static int
tag_valid(const char *tag)
{
	const char	*p;

	for (p = tag; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return (0);
	return (p - tag <= TAG_MAX_LEN);
}

static void
check_listener(struct config *c, struct reporter *r, struct listener *l,
    struct names *seen)
{
	struct listener	*old;
	char		 key[512];

	if (l->socket) {
		check_listen_socket(r, l);
		snprintf(key, sizeof(key), "socket");
	} else {
		check_listen_tls(c, r, l);
		if (l->port == 0)
			l->port = l->tls == LISTEN_SMTPS ? 465 : 25;
		if (l->interface == NULL)
			sockaddr_set_port((struct sockaddr *)&l->addr,
			    l->port);
		snprintf(key, sizeof(key), "%s %d", l->interface != NULL ?
		    l->interface : sockaddr_text((struct sockaddr *)&l->addr),
		    l->port);
	}
	if ((old = names_add(seen, NAME_ADDRESS, key, l)) != NULL)
		report_error(r, &l->origin,
		    "listen on %s is given twice, first in %s:%d", key,
		    old->origin.file, old->origin.line);
	if (l->trust_header != NULL && trusted_before(c, l) >= CONFIG_TRUSTED)
		report_error(r, &l->origin, "at most %d different headers "
		    "are trusted", CONFIG_TRUSTED);
	if (l->trust_header != NULL && !header_name_valid(l->trust_header))
		report_error(r, &l->origin, "trust-header \"%s\" is not a "
		    "header's name", l->trust_header);
	if (l->tag != NULL && !tag_valid(l->tag))
		report_error(r, &l->origin, "a tag has at most %d octets and "
		    "no control characters", TAG_MAX_LEN);
	if (l->hostname != NULL && !domain_valid(l->hostname))
		report_error(r, &l->origin,
		    "hostname \"%s\" is not a domain name", l->hostname);
}

static void
check_listeners(struct config *c, struct reporter *r)
{
	struct names	 seen = RB_INITIALIZER(&seen);
	struct listener	*l;
	struct pki	*p;

	TAILQ_FOREACH(p, &c->pkis, entry)
		if (p->cert == NULL || p->key == NULL)
			report_error(r, &p->origin, "pki \"%s\" has no %s",
			    p->name, p->cert == NULL ? "cert" : "key");
	TAILQ_FOREACH(l, &c->listeners, entry)
		check_listener(c, r, l, &seen);
	names_free(&seen);
}

static void
check_action(struct config *c, struct reporter *r, const struct action *a)
{
	if (a->type == ACTION_RELAY && a->auth != NULL) {
		check_map(r, &a->origin, a->auth, "auth");
		make_secret(c, r, a->auth);
		if (a->relay_label == NULL)
			report_error(r, &a->origin,
			    "auth without a host that has a label@");
		else if (!r->io->role && table_size(a->auth) > 0 &&
		    table_get_case(a->auth, a->relay_label) == NULL)
			report_error(r, &a->origin, "label \"%s\" is not in "
			    "table <%s>", a->relay_label, table_name(a->auth));
	} else if (a->relay_label != NULL)
		report_error(r, &a->origin, "label \"%s\" without auth",
		    a->relay_label);
	if (a->relay_label != NULL && (a->tls == TLS_POLICY_OPPORTUNISTIC ||
	    a->tls == TLS_POLICY_NONE))
		report_error(r, &a->origin, "auth without tls: use "
		    "smtp+tls:// or smtps://");
	if (a->aliases != NULL)
		check_map(r, &a->origin, a->aliases, "alias");
}

/* "next-hops": each entry once, as a network. */
static void
resolve_hops(struct reporter *r, struct option *o)
{
	struct next_hops	*hops = o->hops;
	const char		*key;
	size_t			 next = 0;

	if (hops == NULL)
		return;
	check_networks(r, &o->origin, hops->table);
	hops->cidrs = checked(calloc(table_size(hops->table) + 1,
	    sizeof(*hops->cidrs)));
	while (table_each(hops->table, &next, &key, NULL))
		if (cidr_parse(key, &hops->cidrs[hops->ncidrs]) == 0)
			hops->ncidrs++;
}

/* Domain and site blocks of owner, whose name keeps the keys apart. */
static void
check_scopes(struct config *c, struct reporter *r, struct scopes *scopes,
    struct names *seen, const char *kind, const char *owner)
{
	struct scope	*s, *old;
	char		 key[512], *p;
	const char	*what;

	TAILQ_FOREACH(s, scopes, entry) {
		if (!s->is_site)
			name_canonical(&s->name, PATTERN_DOMAIN |
			    PATTERN_BELOW);
		what = s->is_site ? "site" : "domain";
		snprintf(key, sizeof(key), "%s %s %s %s", kind, owner, what,
		    s->name);
		for (p = key + strlen(key) - strlen(s->name);
		    !s->is_site && p >= key && *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
		if ((old = names_add(seen, NAME_SCOPE, key, s)) != NULL)
			report_error(r, &s->origin, "%s \"%s\" is given "
			    "twice, first in %s:%d", what, s->name,
			    old->origin.file, old->origin.line);
		if (s->is_site && config_site(c, s->name) == NULL)
			report_error(r, &s->origin, "unknown site \"%s\"",
			    s->name);
		if (!s->is_site)
			check_destination(c, r, &s->origin, s->name);
	}
}

static const char *
family_name(int64_t family)
{
	return (family == AF_INET ? "inet4" : "inet6");
}

/* A family that a binding asks for, but has no address of. */
static void
check_family(struct reporter *r, const struct binding_conf *b,
    const struct option *o)
{
	int	 family = o->number;

	if (!o->set || family == AF_UNSPEC || b->any ||
	    strcmp(b->name, "*") == 0)
		return;
	if ((family == AF_INET ? b->addr4 : b->addr6).ss_family == 0)
		report_error(r, &o->origin, "family %s: binding \"%s\" has "
		    "no such address", family_name(family), b->name);
}

static void
check_address(struct reporter *r, const struct binding_conf *b)
{
	int		 has;
	const char	*why = NULL;

	has = b->any || b->addr4.ss_family != 0 || b->addr6.ss_family != 0;
	if (strcmp(b->name, "*") == 0) {
		if (has)
			report_error(r, &b->address_origin,
			    "bind-address is not an option of binding *");
		return;
	}
	if (!has && strcmp(b->name, "default") != 0)
		report_error(r, &b->origin,
		    "binding \"%s\" has no bind-address", b->name);
	if (b->addr4.ss_family != 0) {
		uint32_t a = ntohl(
		    ((const struct sockaddr_in *)&b->addr4)->sin_addr.s_addr);

		if (a == INADDR_ANY)
			why = "the wildcard: say any";
		else if (IN_MULTICAST(a) || a == INADDR_BROADCAST)
			why = "no address of a host";
	}
	if (b->addr6.ss_family != 0) {
		const struct in6_addr *a =
		    &((const struct sockaddr_in6 *)&b->addr6)->sin6_addr;

		if (IN6_IS_ADDR_UNSPECIFIED(a))
			why = "the wildcard: say any";
		else if (IN6_IS_ADDR_MULTICAST(a))
			why = "no address of a host";
		else if (IN6_IS_ADDR_V4MAPPED(a))
			why = "an IPv4 address in IPv6 form";
	}
	if (why != NULL)
		report_error(r, &b->address_origin, "bind-address is %s", why);
}

static void
check_binding(struct config *c, struct reporter *r, struct binding_conf *b,
    struct names *seen)
{
	struct scope	*s;

	check_address(r, b);
	if (strcmp(b->name, "default") == 0 && b->addr4.ss_family == 0 &&
	    b->addr6.ss_family == 0)
		b->any = 1;
	if (b->group != NULL && (strcmp(b->name, "*") == 0 ||
	    strcmp(b->name, "default") == 0))
		report_error(r, &b->origin,
		    "binding \"%s\" cannot be a group's member", b->name);
	check_family(r, b, &b->options[OPTION_FAMILY]);
	TAILQ_FOREACH(s, &b->scopes, entry)
		check_family(r, b, &s->options[OPTION_FAMILY]);
	resolve_hops(r, &b->options[OPTION_NEXT_HOPS]);
	check_scopes(c, r, &b->scopes, seen, "binding", b->name);
	if (config_group(c, b->name) != NULL)
		report_error(r, &b->origin,
		    "\"%s\" is the name of a binding-group, too", b->name);
}

static void
check_group(struct config *c, struct reporter *r, struct group *g,
    struct names *seen)
{
	if (strcmp(g->name, "default") == 0)
		report_error(r, &g->origin,
		    "binding-group cannot be named \"default\"");
	if (names_find(seen, NAME_GROUP, g->name) == NULL)
		report_error(r, &g->origin,
		    "binding-group \"%s\" has no members", g->name);
	resolve_hops(r, &g->options[OPTION_NEXT_HOPS]);
	check_scopes(c, r, &g->scopes, seen, "group", g->name);
}

/* The binding that takes what no rule took; it is always there. */
static void
make_default(struct config *c, struct reporter *r)
{
	struct binding_conf	*b;
	struct option	*o;

	if ((b = config_binding(c, "default")) == NULL) {
		b = checked(calloc(1, sizeof(*b)));
		b->name = checked_strdup("default");
		b->any = 1;
		TAILQ_INIT(&b->scopes);
		TAILQ_INSERT_TAIL(&c->bindings, b, entry);
		RB_INSERT(binding_tree, &c->binding_tree, b);
	}
	if (c->default_binding != DEFAULT_SUSPENDED)
		return;
	o = &b->options[OPTION_SUSPEND_DELIVERY];
	if (o->set && !o->number)
		report_error(r, &o->origin, "suspend-delivery false "
		    "contradicts default-binding suspended");
	o->set = 1;
	o->number = 1;
}

static void
check_bindings(struct config *c, struct reporter *r)
{
	struct names	 seen = RB_INITIALIZER(&seen);
	struct binding_conf	*b;
	struct group	*g;

	TAILQ_FOREACH(b, &c->bindings, entry) {
		check_binding(c, r, b, &seen);
		if (b->group != NULL)
			names_add(&seen, NAME_GROUP, b->group->name, b);
	}
	TAILQ_FOREACH(g, &c->groups, entry)
		check_group(c, r, g, &seen);
	names_free(&seen);
	make_default(c, r);
}

static void
check_site_domains(struct config *c, struct reporter *r, struct site *s)
{
	struct site	*old;
	const char	*key;
	char		 lower[ADDRESS_MAX], *p;
	size_t		 next = 0;

	while (table_each(s->domains, &next, &key, NULL)) {
		check_destination(c, r, &s->origin, key);
		/* find_domain() would not find what is longer */
		if (pattern_canonical(key, lower) == 0 &&
		    strlcpy(lower, key, sizeof(lower)) >= sizeof(lower))
			continue;
		for (p = lower; *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
		old = names_add(&c->names, NAME_SITE_DOMAIN, lower, s);
		if (old != NULL)
			report_error(r, &s->origin, "\"%s\" is in site \"%s\" "
			    "already", key, old->name);
	}
}

static void
check_site(struct config *c, struct reporter *r, struct site *s)
{
	if (s->is_domain) {
		check_destination(c, r, &s->origin, s->name);
		if (s->max_connections == 0)
			report_error(r, &s->origin,
			    "domain \"%s\" has no max-connections", s->name);
		return;
	}
	if (s->domains == NULL && s->mx == NULL)
		report_error(r, &s->origin,
		    "site \"%s\" has neither domain nor mx", s->name);
	if (s->domains != NULL)
		check_site_domains(c, r, s);
	if (s->mx != NULL)
		check_keys(r, &s->origin, "mx", s->mx, PATTERN_DOMAIN |
		    PATTERN_BELOW);
}

/* What parses already and works later: each line goes when it does. */
struct unsupported {
	const char	*what;
	int		 set;
};

static void
refuse(struct reporter *r, const struct origin *where,
    const struct unsupported *u)
{
	if (r->io->all)
		return;
	for (; u->what != NULL; u++)
		if (u->set)
			report_error(r, where, "%s is not supported yet",
			    u->what);
}

static void
refuse_action(struct reporter *r, const struct action *a)
{
	const struct unsupported	 list[] = {
		{ "mbox", a->type == ACTION_MBOX },
		{ "maildir", a->type == ACTION_MAILDIR },
		{ "lmtp", a->type == ACTION_LMTP },
		{ "mda", a->type == ACTION_MDA },
		{ "alias", a->aliases != NULL },
		{ NULL, 0 }
	};

	refuse(r, &a->origin, list);
}

static void
refuse_unsupported(struct config *c, struct reporter *r)
{
	struct action	*a;

	TAILQ_FOREACH(a, &c->actions, entry)
		refuse_action(r, a);
}

void
config_check(struct config *c, struct reporter *r)
{
	struct action	*a;
	struct site	*s;

	check_tables(c, r);
	check_listeners(c, r);
	TAILQ_FOREACH(a, &c->actions, entry)
		check_action(c, r, a);
	TAILQ_FOREACH(s, &c->sites, entry)
		check_site(c, r, s);
	check_bindings(c, r);
	config_check_rules(c, r);
	refuse_unsupported(c, r);
}
