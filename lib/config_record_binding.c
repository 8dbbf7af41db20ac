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
 * Bindings, groups, sites and settings as the grammar found them: the rest of
 * lib/config_record.c.  Called by parse.y.
 */

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config_private.h"
#include "lib/text.h"

void
record_binding(struct recorder *r, const char *name)
{
	struct binding_conf	*b, *old;

	b = checked(calloc(1, sizeof(*b)));
	b->name = checked_strdup(name);
	b->group = r->group;
	b->declared = 1;
	b->origin = r->here;
	b->address_origin = r->here;
	TAILQ_INIT(&b->scopes);
	TAILQ_INSERT_TAIL(&r->config->bindings, b, entry);
	r->binding = b;
	if (strcmp(name, "*") != 0)
		record_name(r, "binding", name);
	if ((old = RB_INSERT(binding_tree, &r->config->binding_tree, b)) !=
	    NULL)
		report_error(r->report, &r->here, "binding \"%s\" is defined "
		    "twice, first in %s:%d", name, old->origin.file,
		    old->origin.line);
}

void
record_group(struct recorder *r, const char *name)
{
	struct group	*g, *old;

	record_name(r, "binding-group", name);
	g = checked(calloc(1, sizeof(*g)));
	g->name = checked_strdup(name);
	g->origin = r->here;
	TAILQ_INIT(&g->scopes);
	TAILQ_INSERT_TAIL(&r->config->groups, g, entry);
	r->group = g;
	old = names_add(&r->config->names, NAME_GROUP, name, g);
	if (old != NULL)
		report_error(r->report, &r->here, "binding-group \"%s\" is "
		    "defined twice, first in %s:%d", name, old->origin.file,
		    old->origin.line);
}

void
record_scope(struct recorder *r, const char *name, int is_site)
{
	struct scope	*s;

	s = checked(calloc(1, sizeof(*s)));
	s->name = checked_strdup(name);
	s->is_site = is_site;
	s->origin = r->here;
	if (r->binding != NULL)
		TAILQ_INSERT_TAIL(&r->binding->scopes, s, entry);
	else
		TAILQ_INSERT_TAIL(&r->group->scopes, s, entry);
	r->scope = s;
}

/* Where options go at the moment. */
static struct option *
option_here(struct recorder *r, enum option_id id)
{
	if (r->scope != NULL)
		return (&r->scope->options[id]);
	if (r->binding != NULL)
		return (&r->binding->options[id]);
	return (&r->group->options[id]);
}

/* The option to fill, or NULL when it cannot be given here or again. */
static struct option *
option_open(struct recorder *r, enum option_id id)
{
	struct option	*o;
	const char	*name = option_name(id);

	if (r->scope != NULL && !option_in_scope(id)) {
		report_error(r->report, &r->here, "%s is not an option of a "
		    "%s block", name, r->scope->is_site ? "site" : "domain");
		return (NULL);
	}
	if (id == OPTION_WEIGHT &&
	    (r->binding == NULL || r->binding->group == NULL)) {
		report_error(r->report, &r->here, "weight is an option of a "
		    "group's member only");
		return (NULL);
	}
	o = option_here(r, id);
	if (o->set) {
		report_error(r->report, &r->here, "%s is given twice, first "
		    "in line %d", name, o->origin.line);
		return (NULL);
	}
	o->set = 1;
	o->origin = r->here;
	return (o);
}

void
record_option(struct recorder *r, enum option_id id, const char *text)
{
	struct option	*o;
	const char	*why;

	if ((o = option_open(r, id)) == NULL)
		return;
	if (option_parse(id, text, o, &why) == -1)
		report_error(r->report, &r->here, "%s: \"%s\" %s",
		    option_name(id), text, why);
}

void
record_address(struct recorder *r, const char *text)
{
	struct binding_conf		*b = r->binding;
	struct sockaddr_storage	 ss, *to;

	if (b->any || (strcasecmp(text, "any") == 0 &&
	    (b->addr4.ss_family != 0 || b->addr6.ss_family != 0))) {
		report_error(r->report, &r->here,
		    "bind-address any stands alone");
		return;
	}
	b->address_origin = r->here;
	if (strcasecmp(text, "any") == 0) {
		b->any = 1;
		return;
	}
	if (sockaddr_parse(text, &ss) == -1) {
		report_error(r->report, &r->here, "bind-address: \"%s\" is "
		    "not an address (a host name cannot be used)", text);
		return;
	}
	to = ss.ss_family == AF_INET ? &b->addr4 : &b->addr6;
	if (to->ss_family != 0)
		report_error(r->report, &r->here,
		    "bind-address: a second %s address",
		    ss.ss_family == AF_INET ? "IPv4" : "IPv6");
	*to = ss;
}

void
record_next_hops(struct recorder *r, int negate)
{
	struct option	*o;

	r->hops = checked(calloc(1, sizeof(*r->hops)));
	r->hops->negate = negate;
	o = option_open(r, OPTION_NEXT_HOPS);
	/* wrong here, but it needs a place until the end */
	if (o == NULL && (o = option_here(r, OPTION_NEXT_HOPS))->hops != NULL) {
		free(o->hops->cidrs);
		free(o->hops);
	}
	o->hops = r->hops;
}

void
record_hops(struct recorder *r, struct table *table)
{
	r->hops->table = table;
}

void
record_hop(struct recorder *r, const char *text)
{
	if (r->hops->table == NULL) {
		record_list(r, NULL);
		r->hops->table = r->list->table;
	}
	record_entry(r, text, NULL);
}

void
record_site(struct recorder *r, const char *name, int is_domain)
{
	struct site	*s, *old;
	char		*key, *p;

	s = checked(calloc(1, sizeof(*s)));
	s->name = checked_strdup(name);
	s->is_domain = is_domain;
	s->origin = r->here;
	TAILQ_INSERT_TAIL(&r->config->sites, s, entry);
	r->site = s;
	if (!is_domain)
		record_name(r, "site", name);
	if (is_domain)
		name_canonical(&s->name, PATTERN_DOMAIN | PATTERN_BELOW);
	key = checked_strdup(s->name);
	for (p = key; is_domain && *p != '\0'; p++)
		*p = tolower((unsigned char)*p);
	old = names_add(&r->config->names,
	    is_domain ? NAME_TOTAL : NAME_SITE, key, s);
	free(key);
	if (old != NULL)
		report_error(r->report, &r->here, "%s \"%s\" is defined "
		    "twice, first in %s:%d", is_domain ? "domain" : "site",
		    name, old->origin.file, old->origin.line);
}

void
record_site_table(struct recorder *r, struct table **to,
    const struct value *value, const char *what)
{
	struct table	*table = value->table;

	if (r->site->is_domain)
		report_error(r->report, &r->here,
		    "%s is not an option of a domain block", what);
	if (table == NULL) {
		record_list(r, NULL);
		record_entry(r, value->text, NULL);
		table = r->list->table;
	}
	record_reference(r, to, table, what);
}

void
record_site_max(struct recorder *r, const char *text)
{
	struct option	 o;
	const char	*why;

	memset(&o, 0, sizeof(o));
	if (r->site->max_connections != 0)
		report_error(r->report, &r->here,
		    "max-connections is given twice");
	else if (option_parse(OPTION_MAX_CONNECTIONS, text, &o, &why) == -1)
		report_error(r->report, &r->here, "max-connections: \"%s\" %s",
		    text, why);
	r->site->max_connections = o.number;
}

/* Settings */

enum setting_kind {
	SETTING_TEXT,
	SETTING_PATH,
	SETTING_DOMAIN,
	SETTING_COUNT,
	SETTING_TIME,
	SETTING_SIZE,
	SETTING_RETRY,
	SETTING_DEFAULT,
	SETTING_RESOLVER,
	SETTING_PORT,
	SETTING_FLAG
};

static const struct {
	const char		*name;
	enum setting_kind	 kind;
	size_t			 offset;
} settings[SET_COUNT] = {
#define AT(field)	offsetof(struct config, field)
	[SET_HOSTNAME] = { "hostname", SETTING_DOMAIN, AT(hostname) },
	[SET_SPOOL] = { "spool", SETTING_PATH, AT(spool) },
	[SET_RUN] = { "run", SETTING_PATH, AT(run) },
	[SET_CONTROL_GROUP] =
	    { "control-group", SETTING_TEXT, AT(control_group) },
	[SET_DEFAULT_BINDING] = { "default-binding", SETTING_DEFAULT, 0 },
	[SET_QUEUE_TTL] = { "queue ttl", SETTING_TIME, AT(queue_ttl) },
	[SET_QUEUE_RETRY] = { "queue retry", SETTING_RETRY, 0 },
	[SET_QUEUE_WARN] = { "queue warn", SETTING_TIME, AT(queue_warn) },
	[SET_QUEUE_MIN_FREE] =
	    { "queue min-free", SETTING_SIZE, AT(min_free) },
	[SET_MAX_MESSAGE_SIZE] =
	    { "smtp max-message-size", SETTING_SIZE, AT(max_message_size) },
	[SET_MAX_RECIPIENTS] =
	    { "smtp max-recipients", SETTING_COUNT, AT(max_recipients) },
	[SET_SMTP_MAX_CONNECTIONS] = { "smtp max-connections",
	    SETTING_COUNT, AT(smtp_max_connections) },
	[SET_SMTP_MAX_PER_ADDRESS] = { "smtp max-connections-per-address",
	    SETTING_COUNT, AT(smtp_max_per_address) },
	[SET_SMTP_MAX_PER_USER] = { "smtp max-connections-per-user",
	    SETTING_COUNT, AT(smtp_max_per_user) },
	[SET_SMTP_MAX_ERRORS] =
	    { "smtp max-errors", SETTING_COUNT, AT(smtp_max_errors) },
	[SET_MTA_MAX_CONNECTIONS] = { "mta max-connections", SETTING_COUNT,
	    AT(mta_max_connections) },
	[SET_MTA_RESOLVER] = { "mta resolver", SETTING_RESOLVER, 0 },
	[SET_MTA_PORT] = { "mta port", SETTING_PORT, 0 },
	[SET_MTA_TIMEOUT] = { "mta timeout", SETTING_TIME, AT(mta_timeout) },
	[SET_MTA_CA_FILE] = { "mta ca-file", SETTING_PATH, AT(mta_ca_file) },
	[SET_MTA_TRUST_AD] = { "mta trust-ad", SETTING_FLAG, AT(mta_trust_ad) }
#undef AT
};

const char *
setting_name(enum setting id)
{
	return (settings[id].name);
}

static int
setting_default(struct config *c, const char *text)
{
	if (strcasecmp(text, "normal") == 0)
		c->default_binding = DEFAULT_NORMAL;
	else if (strcasecmp(text, "suspended") == 0)
		c->default_binding = DEFAULT_SUSPENDED;
	else if (strcasecmp(text, "none") == 0)
		c->default_binding = DEFAULT_NONE;
	else
		return (-1);
	return (0);
}

/* MIN..MAX */
static int
setting_retry(struct config *c, const char *text)
{
	char	*copy, *dots;
	int	 r = -1;

	copy = checked_strdup(text);
	if ((dots = strstr(copy, "..")) != NULL) {
		*dots = '\0';
		if (duration_parse(copy, &c->retry_min) == 0 &&
		    duration_parse(dots + 2, &c->retry_max) == 0 &&
		    c->retry_min > 0 && c->retry_max >= c->retry_min)
			r = 0;
	}
	free(copy);
	return (r);
}

/* 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1]:53 */
static int
setting_resolver(struct config *c, const char *text)
{
	char	*copy, *colon;
	int	 port = 53, r = -1;

	copy = checked_strdup(text);
	colon = strrchr(copy, ':');
	if (colon != NULL && (colon == strchr(copy, ':') ||
	    (colon > copy && colon[-1] == ']'))) {
		*colon = '\0';
		port = strtonum(colon + 1, 1, 65535, NULL);
	}
	if (port != 0 && sockaddr_parse(copy, &c->resolver) == 0) {
		sockaddr_set_port((struct sockaddr *)&c->resolver, port);
		r = 0;
	}
	free(copy);
	return (r);
}

static int
setting_text(enum setting_kind kind, char **to, const char *text,
    const char **why)
{
	*why = "is not a domain name";
	if (kind == SETTING_DOMAIN && !domain_valid(text))
		return (-1);
	*why = "is not an absolute path";
	if (kind == SETTING_PATH && text[0] != '/')
		return (-1);
	*why = "is empty";
	if (text[0] == '\0')
		return (-1);
	free(*to);
	*to = checked_strdup(text);
	return (0);
}

static int
setting_parse(struct config *c, enum setting id, const char *text,
    const char **why)
{
	void		*field = (char *)c + settings[id].offset;
	int64_t		*number = field;
	const char	*error;

	switch (settings[id].kind) {
	case SETTING_TEXT:
	case SETTING_PATH:
	case SETTING_DOMAIN:
		return (setting_text(settings[id].kind, field, text, why));
	case SETTING_COUNT:
		*why = "is not a number of 1 or more";
		*number = strtonum(text, 1, INT_MAX, &error);
		return (error == NULL ? 0 : -1);
	case SETTING_TIME:
		*why = duration_error(text);
		return (duration_parse(text, number) == -1 || *number < 1 ||
		    *number > INT_MAX ? -1 : 0);
	case SETTING_SIZE:
		*why = "is not a size such as 35M";
		return (size_parse(text, number) == -1 || *number < 1 ?
		    -1 : 0);
	case SETTING_RETRY:
		*why = "is not MIN..MAX with units, such as 5m..4h";
		return (setting_retry(c, text));
	case SETTING_DEFAULT:
		*why = "is not normal, suspended or none";
		return (setting_default(c, text));
	case SETTING_RESOLVER:
		*why = "is not ADDRESS or ADDRESS:PORT";
		return (setting_resolver(c, text));
	case SETTING_PORT:
		*why = "is not a port";
		c->mta_port = strtonum(text, 1, 65535, &error);
		return (error == NULL ? 0 : -1);
	case SETTING_FLAG:
		*(int *)field = 1;
		return (0);
	}
	return (-1);
}

void
record_setting(struct recorder *r, enum setting id, const char *text)
{
	struct origin	*first = &r->config->set[id];
	const char	*why = "";

	if (first->file != NULL) {
		report_error(r->report, &r->here,
		    "%s is given twice, first in %s:%d", settings[id].name,
		    first->file, first->line);
		return;
	}
	*first = r->here;
	if (setting_parse(r->config, id, text, &why) == -1)
		report_error(r->report, &r->here, "%s: \"%s\" %s",
		    settings[id].name, text, why);
}
