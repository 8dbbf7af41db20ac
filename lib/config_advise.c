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
 * What `bindery -nv' says beside errors and warnings: what is defined and
 * never used, and bindings that share an address.  Called by the parent.
 */

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "lib/config_private.h"

/* Kinds of lib/config_private.h serve for what is used, too. */
struct advice {
	const struct config	*config;
	struct reporter		 report;
	struct names		 used;
	int			 any;	/* a header may name any binding */
};

static void
use(struct advice *a, enum name_kind kind, const char *name)
{
	names_add(&a->used, kind, name, a);
}

static int
is_used(const struct advice *a, enum name_kind kind, const char *name)
{
	return (names_find(&a->used, kind, name) != NULL);
}

static void
use_all(struct advice *a)
{
	struct rule	*rule;
	struct listener	*l;
	const char	*key, *value;
	size_t		 next;
	int		 i;

	TAILQ_FOREACH(rule, &a->config->match, entry)
		if (rule->target != NULL)
			use(a, NAME_ACTION, rule->target);
	TAILQ_FOREACH(rule, &a->config->bind, entry) {
		if (rule->target != NULL)
			use(a, NAME_GROUP, rule->target);
		if (rule->by != BIND_COND && rule->table == NULL)
			a->any = 1;
		next = 0;
		while (rule->table != NULL &&
		    table_each(rule->table, &next, &key, &value))
			use(a, NAME_GROUP, value);
	}
	TAILQ_FOREACH(l, &a->config->listeners, entry)
		for (i = 0; i < l->npki; i++)
			use(a, NAME_PKI, l->pki[i]);
}

static void
advise_unused(struct advice *a)
{
	struct named_table	*t;
	struct action		*action;
	struct pki		*p;
	struct group		*g;
	struct reporter		*r = &a->report;

	TAILQ_FOREACH(t, &a->config->tables, entry)
		if (!t->used)
			report_warning(r, &t->origin,
			    "table \"%s\" is not used", table_name(t->table));
	TAILQ_FOREACH(action, &a->config->actions, entry)
		if (!is_used(a, NAME_ACTION, action->name))
			report_warning(r, &action->origin,
			    "action \"%s\" is not used", action->name);
	TAILQ_FOREACH(p, &a->config->pkis, entry)
		if (!is_used(a, NAME_PKI, p->name))
			report_warning(r, &p->origin,
			    "pki \"%s\" is not used", p->name);
	TAILQ_FOREACH(g, &a->config->groups, entry)
		if (!a->any && !is_used(a, NAME_GROUP, g->name))
			report_warning(r, &g->origin,
			    "binding-group \"%s\" is not used", g->name);
}

static void
advise_address(struct advice *a, struct binding_conf *b,
    const struct sockaddr_storage *ss)
{
	const char	*text;
	struct binding_conf	*old;

	if (ss->ss_family == 0)
		return;
	text = sockaddr_text((const struct sockaddr *)ss);
	if ((old = names_add(&a->used, NAME_ADDRESS, text, b)) != NULL)
		report_warning(&a->report, &b->address_origin, "%s is the "
		    "address of binding \"%s\", too: limits and state stay "
		    "per binding", text, old->name);
}

static void
advise_bindings(struct advice *a)
{
	struct binding_conf	*b;

	TAILQ_FOREACH(b, &a->config->bindings, entry) {
		advise_address(a, b, &b->addr4);
		advise_address(a, b, &b->addr6);
		if (a->any || !b->declared || strcmp(b->name, "*") == 0 ||
		    strcmp(b->name, "default") == 0 ||
		    is_used(a, NAME_GROUP, b->name) ||
		    (b->group != NULL &&
		    is_used(a, NAME_GROUP, b->group->name)))
			continue;
		report_warning(&a->report, &b->origin,
		    "binding \"%s\" is not used", b->name);
	}
}

static int
is_wildcard(const struct listener *l)
{
	const struct sockaddr_in6	*in6;
	const struct sockaddr_in	*in;

	if (l->socket || l->interface != NULL)
		return (0);
	in6 = (const struct sockaddr_in6 *)&l->addr;
	in = (const struct sockaddr_in *)&l->addr;
	return (l->addr.ss_family == AF_INET6 ?
	    IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) :
	    in->sin_addr.s_addr == INADDR_ANY);
}

/* "from local" and nothing that says to whom. */
static int
is_local_for_any(const struct rule *rule)
{
	const struct condition	*c;
	int			 local = 0;

	if (rule->reject)
		return (0);
	TAILQ_FOREACH(c, &rule->conditions, entry) {
		if (c->type == COND_FROM_LOCAL && !c->negate)
			local = 1;
		else if (c->type != COND_FOR_ANY)
			return (0);
	}
	return (local);
}

/* Forwarders of containers show strangers as 127.0.0.1. */
static void
advise_local(struct advice *a)
{
	const struct listener	*l;
	const struct rule	*rule;

	TAILQ_FOREACH(l, &a->config->listeners, entry)
		if (is_wildcard(l))
			break;
	if (l == NULL)
		return;
	TAILQ_FOREACH(rule, &a->config->match, entry)
		if (is_local_for_any(rule))
			report_warning(&a->report, &rule->origin, "from local "
			    "for any, and the listener of line %d is for all "
			    "addresses: whom a forwarder shows as loopback "
			    "may relay; from socket means programs of this "
			    "machine", l->origin.line);
}

void
config_advise(const struct config *config, const struct config_io *io)
{
	struct advice	 a = { .config = config, .report = { io, 0 } };

	RB_INIT(&a.used);
	use_all(&a);
	advise_unused(&a);
	advise_bindings(&a);
	advise_local(&a);
	names_free(&a.used);
}
