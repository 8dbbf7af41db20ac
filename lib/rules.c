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
 * Rules: match rules for smtpd, bind rules for mta, from the same facts.
 * First match wins.  A table is asked once, however many customers are in
 * it.  Nothing is ever chosen that no rule named: what cannot be decided is
 * no choice, with its reason.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/address.h"
#include "lib/rules.h"
#include "lib/table.h"

/* What the conditions of one recipient are held against. */
struct subject {
	const struct config	*config;
	const struct facts	*facts;
	const char		*auth;		/* never of a local peer */
	const char		*sender;
	const char		*rcpt;
	const char		*action;	/* bind rules */
	int			 unnamed;	/* "from rdns" is left out */
	struct sockaddr_storage	 client;	/* ss_family 0: none */
};

static void	 subject_init(struct subject *, const struct config *,
		    const struct facts *, const char *, const char *);
static int	 text_holds(const struct condition *, const char *);
static int	 domain_holds(const struct condition *, const char *);
static int	 mail_holds(const struct condition *, const char *);
static int	 client_holds(const struct condition *,
		    const struct subject *);
static int	 header_holds(const struct condition *,
		    const struct facts *);
static int	 condition_holds(const struct condition *,
		    const struct subject *);
static int	 conditions_hold(const struct rule *, const struct subject *);
static int	 condition_is_from(const struct condition *);
static int	 condition_is_for(const struct condition *);
static int	 match_holds(const struct rule *, const struct subject *);
static int	 rule_names_rdns(const struct rule *);
static int	 rule_names_bounce(const struct rule *);
static const char *header_value(const struct facts *, const char *);
static const char *bind_key(const struct rule *, const struct subject *);
static const char *bind_target(const struct rule *, const struct subject *);
static void	 bind_take(const struct config *, const struct rule *,
		    const char *, struct bind_choice *);
static void	 bind_default(const struct config *, struct bind_choice *);

static void
subject_init(struct subject *s, const struct config *config,
    const struct facts *facts, const char *rcpt, const char *action)
{
	s->config = config;
	s->facts = facts;
	s->auth = facts->socket ? NULL : facts->auth;
	s->sender = facts->sender == NULL ? "" : facts->sender;
	s->rcpt = rcpt;
	s->action = action;
	s->unnamed = 0;
	s->client.ss_family = 0;
	if (facts->client != NULL &&
	    sockaddr_parse(facts->client, &s->client) == -1)
		s->client.ss_family = 0;
}

/* Names: with case; neither text nor table means any. */
static int
text_holds(const struct condition *c, const char *text)
{
	if (text == NULL)
		return (0);
	if (c->table != NULL)
		return (table_get_case(c->table, text) != NULL);
	return (c->text == NULL || strcmp(c->text, text) == 0);
}

static int
domain_holds(const struct condition *c, const char *domain)
{
	if (domain == NULL)
		return (0);
	if (c->table != NULL)
		return (table_get_domain(c->table, domain) != NULL);
	return (c->text == NULL || domain_match(c->text, domain));
}

/* An address, "@domain", a domain, or "<>" for the null sender. */
static int
mail_holds(const struct condition *c, const char *address)
{
	if (c->table != NULL)
		return (table_get_mail(c->table, address) != NULL);
	if (c->text == NULL)
		return (0);
	if (*address == '\0')
		return (*c->text == '\0' || strcmp(c->text, "<>") == 0);
	if (c->text[0] == '@')
		return (domain_match(c->text + 1, address_domain(address)));
	if (strchr(c->text, '@') != NULL)
		return (strcasecmp(c->text, address) == 0);
	return (domain_match(c->text, address_domain(address)));
}

static int
client_holds(const struct condition *c, const struct subject *s)
{
	const struct sockaddr *sa = (const struct sockaddr *)&s->client;

	if (s->client.ss_family == 0)
		return (0);
	if (c->table != NULL)
		return (table_get_addr(c->table, sa) != NULL);
	return (cidr_match(&c->cidr, sa));
}

/* The trusted header's value where it is that one, or NULL. */
static const char *
header_value(const struct facts *facts, const char *name)
{
	if (name == NULL || facts->header[0] == NULL ||
	    strcasecmp(facts->header[0], name) != 0)
		return (NULL);
	return (facts->header[1]);
}

static int
header_holds(const struct condition *c, const struct facts *facts)
{
	return (text_holds(c, header_value(facts, c->header)));
}

static int
condition_holds(const struct condition *c, const struct subject *s)
{
	const struct facts *facts = s->facts;

	switch (c->type) {
	case COND_FROM_ANY:
	case COND_FOR_ANY:
		return (1);
	case COND_FROM_LOCAL:
		return (facts->local);
	case COND_FROM_SOCKET:
		return (facts->socket);
	case COND_FROM_SRC:
		return (client_holds(c, s));
	case COND_FROM_AUTH:
	case COND_AUTH:
		return (text_holds(c, s->auth));
	case COND_FROM_MAIL_FROM:
	case COND_MAIL_FROM:
		return (mail_holds(c, s->sender));
	case COND_FROM_RDNS:
		return (domain_holds(c, facts->rdns));
	case COND_FOR_LOCAL:
		return (rules_domain_is_local(s->config,
		    address_domain(s->rcpt)));
	case COND_FOR_DOMAIN:
		return (domain_holds(c, address_domain(s->rcpt)));
	case COND_FOR_RCPT_TO:
	case COND_RCPT_TO:
		return (mail_holds(c, s->rcpt));
	case COND_USER:
		return (text_holds(c, facts->user));
	case COND_HELO:
		return (domain_holds(c, facts->helo));
	case COND_TAG:
		return (text_holds(c, facts->tag));
	case COND_TLS:
		return (facts->tls);
	case COND_ACTION:
		return (text_holds(c, s->action));
	case COND_HEADER:
		return (header_holds(c, facts));
	case COND_BOUNCE:
		return (facts->bounce);
	}
	return (0);
}

static int
conditions_hold(const struct rule *rule, const struct subject *s)
{
	const struct condition *c;

	TAILQ_FOREACH(c, &rule->conditions, entry) {
		if (s->unnamed && c->type == COND_FROM_RDNS)
			continue;
		if ((condition_holds(c, s) != 0) == (c->negate != 0))
			return (0);
	}
	return (1);
}

static int
condition_is_from(const struct condition *c)
{
	return (c->type == COND_FROM_ANY || c->type == COND_FROM_LOCAL ||
	    c->type == COND_FROM_SOCKET || c->type == COND_FROM_SRC ||
	    c->type == COND_FROM_AUTH || c->type == COND_FROM_MAIL_FROM ||
	    c->type == COND_FROM_RDNS);
}

static int
condition_is_for(const struct condition *c)
{
	return (c->type == COND_FOR_ANY || c->type == COND_FOR_LOCAL ||
	    c->type == COND_FOR_DOMAIN || c->type == COND_FOR_RCPT_TO);
}

/* A match rule opens nothing to the world that it does not name. */
static int
match_holds(const struct rule *rule, const struct subject *s)
{
	const struct condition *c;
	int from = 0, to = 0;

	TAILQ_FOREACH(c, &rule->conditions, entry) {
		if (condition_is_from(c))
			from = 1;
		else if (condition_is_for(c))
			to = 1;
	}
	if (!from && !s->facts->local)
		return (0);
	if (!to && !rules_domain_is_local(s->config,
	    address_domain(s->rcpt)))
		return (0);
	return (conditions_hold(rule, s));
}

const struct rule *
rules_match(const struct config *config, const struct facts *facts,
    const char *rcpt)
{
	const struct rule *rule;
	struct subject s;

	subject_init(&s, config, facts, rcpt, NULL);
	TAILQ_FOREACH(rule, &config->match, entry)
		if (match_holds(rule, &s))
			return (rule);
	return (NULL);
}

static int
rule_names_rdns(const struct rule *rule)
{
	const struct condition *c;

	TAILQ_FOREACH(c, &rule->conditions, entry)
		if (c->type == COND_FROM_RDNS)
			return (1);
	return (0);
}

int
rules_want_rdns(const struct config *config)
{
	const struct rule *rule;

	TAILQ_FOREACH(rule, &config->match, entry)
		if (rule_names_rdns(rule))
			return (1);
	return (0);
}

/* The first rule that the name could make hold, or that holds without. */
int
rules_need_rdns(const struct config *config, const struct facts *facts,
    const char *rcpt)
{
	const struct rule *rule;
	struct subject s;

	subject_init(&s, config, facts, rcpt, NULL);
	s.unnamed = 1;
	TAILQ_FOREACH(rule, &config->match, entry)
		if (match_holds(rule, &s))
			return (rule_names_rdns(rule));
	return (0);
}

static int
rule_names_bounce(const struct rule *rule)
{
	const struct condition *c;

	TAILQ_FOREACH(c, &rule->conditions, entry)
		if (c->type == COND_BOUNCE && !c->negate)
			return (1);
	return (0);
}

/* What a map rule looks up, or NULL: there is none. */
static const char *
bind_key(const struct rule *rule, const struct subject *s)
{
	switch (rule->by) {
	case BIND_BY_AUTH:
		return (s->auth);
	case BIND_BY_USER:
		return (s->facts->user);
	case BIND_BY_MAIL_FROM:
		return (*s->sender == '\0' ? "<>" : s->sender);
	case BIND_BY_TAG:
		return (s->facts->tag);
	case BIND_BY_HEADER:
		return (header_value(s->facts, rule->header));
	case BIND_COND:
		break;
	}
	return (NULL);
}

/* The name that a rule whose conditions hold gives, or NULL: none. */
static const char *
bind_target(const struct rule *rule, const struct subject *s)
{
	const char *key;

	if (rule->by == BIND_COND)
		return (rule->target);
	if ((key = bind_key(rule, s)) == NULL)
		return (NULL);
	if (rule->table == NULL)
		return (key);
	if (rule->by == BIND_BY_MAIL_FROM)
		return (table_get_mail(rule->table, s->sender));
	return (table_get_case(rule->table, key));
}

static void
bind_take(const struct config *config, const struct rule *rule,
    const char *target, struct bind_choice *choice)
{
	choice->rule = rule;
	/* text of the mail never takes what is nobody's */
	if (rule->by == BIND_BY_HEADER && rule->table == NULL &&
	    strcmp(target, "default") == 0) {
		snprintf(choice->error, sizeof(choice->error), "rule %u: the "
		    "header's value names default", rule->number);
		return;
	}
	if (strcmp(target, "*") != 0 &&
	    (config_binding(config, target) != NULL ||
	    config_group(config, target) != NULL)) {
		choice->name = target;
		return;
	}
	snprintf(choice->error, sizeof(choice->error),
	    "rule %u: unknown binding %.80s", rule->number, target);
}

static void
bind_default(const struct config *config, struct bind_choice *choice)
{
	if (config->default_binding != DEFAULT_NONE) {
		choice->name = "default";
		return;
	}
	snprintf(choice->error, sizeof(choice->error),
	    "no bind rule, default-binding none");
}

void
rules_bind(const struct config *config, const struct facts *facts,
    const char *rcpt, const char *action, struct bind_choice *choice)
{
	const struct rule *rule;
	const char *kept = NULL, *target;
	struct subject s;

	memset(choice, 0, sizeof(*choice));
	subject_init(&s, config, facts, rcpt, action);
	/*
	 * A bounce keeps its message's binding, but for a rule that means
	 * bounces; a failed local delivery has none to keep.
	 */
	if (facts->bounce)
		kept = facts->binding != NULL ? facts->binding : facts->group;

	TAILQ_FOREACH(rule, &config->bind, entry) {
		if (kept != NULL && !rule_names_bounce(rule))
			continue;
		if (!conditions_hold(rule, &s) ||
		    (target = bind_target(rule, &s)) == NULL)
			continue;
		bind_take(config, rule, target, choice);
		return;
	}
	if (kept != NULL)
		choice->name = kept;
	else
		bind_default(config, choice);
}

int
rules_want_header(const struct config *config)
{
	const struct condition *c;
	const struct rule *rule;

	TAILQ_FOREACH(rule, &config->bind, entry) {
		if (rule->by == BIND_BY_HEADER)
			return (1);
		TAILQ_FOREACH(c, &rule->conditions, entry)
			if (c->type == COND_HEADER)
				return (1);
	}
	return (0);
}

int
rules_domain_is_local(const struct config *config, const char *domain)
{
	/* an address without a domain names an account of this host */
	return (*domain == '\0' || strcasecmp(domain, "localhost") == 0 ||
	    (config->hostname != NULL &&
	    strcasecmp(domain, config->hostname) == 0));
}
