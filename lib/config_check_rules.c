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
 * Match and bind rules: names they use, conditions that cannot hold together,
 * rules that are never reached.  Called by config_check().  Pure.
 *
 * For the last, every rule gets a key of its sorted conditions.  A rule is
 * shadowed by an earlier one whose conditions are some of its own, or weaker
 * forms of them, so all such keys are looked up: some power of the number of
 * conditions, of which there are few, whatever the number of rules.
 */

#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/config_private.h"

#define KEY_LEN		320
#define SHADOW_MAX	5	/* conditions of a rule that is looked up */
#define WEAKER_MAX	5	/* weaker forms of a condition */
#define UNKNOWN_MAX	10	/* unknown names told about of one table */

/* A rule being checked. */
struct check {
	struct config	*config;
	struct reporter	*report;
	struct names	 seen;		/* tags, headers, keys of rules */
	struct rule	*rule;
	int		 is_match;
};

/* Two ways to write the same. */
static enum condition_type
plain_type(enum condition_type type)
{
	switch (type) {
	case COND_FROM_AUTH:
		return (COND_AUTH);
	case COND_FROM_MAIL_FROM:
		return (COND_MAIL_FROM);
	case COND_FOR_RCPT_TO:
		return (COND_RCPT_TO);
	default:
		return (type);
	}
}

static const char *
condition_name(enum condition_type type)
{
	static const char *names[] = {
		[COND_FROM_ANY] = "from any", [COND_FROM_LOCAL] = "from local",
		[COND_FROM_SOCKET] = "from socket",
		[COND_FROM_SRC] = "from src", [COND_FROM_RDNS] = "from rdns",
		[COND_FROM_AUTH] = "auth", [COND_FROM_MAIL_FROM] = "mail-from",
		[COND_FOR_ANY] = "for any", [COND_FOR_LOCAL] = "for local",
		[COND_FOR_DOMAIN] = "for domain",
		[COND_FOR_RCPT_TO] = "for rcpt-to", [COND_AUTH] = "auth",
		[COND_USER] = "user", [COND_MAIL_FROM] = "mail-from",
		[COND_RCPT_TO] = "rcpt-to", [COND_HELO] = "helo",
		[COND_TAG] = "tag", [COND_TLS] = "tls",
		[COND_ACTION] = "action", [COND_HEADER] = "header",
		[COND_BOUNCE] = "bounce"
	};

	return (names[type]);
}

/* Which kind of rule may have it: 1 match, 2 bind, 3 both. */
static int
condition_place(enum condition_type type)
{
	switch (type) {
	case COND_FROM_LOCAL:
	case COND_FROM_SOCKET:
	case COND_FROM_SRC:
	case COND_FOR_DOMAIN:
	case COND_FOR_RCPT_TO:
	case COND_AUTH:
	case COND_FROM_AUTH:
	case COND_MAIL_FROM:
	case COND_FROM_MAIL_FROM:
	case COND_RCPT_TO:
	case COND_TAG:
		return (3);
	case COND_USER:
	case COND_ACTION:
	case COND_HEADER:
	case COND_BOUNCE:
		return (2);
	default:
		return (1);
	}
}

/* A name is compared as it stands: a pattern, or a blank, never matches. */
static void
check_name(struct check *k, const char *what, const char *name)
{
	size_t	 len = strlen(name);

	if (len == 0)
		report_error(k->report, &k->rule->origin, "%s is empty", what);
	else if (name[0] == '*' || name[len - 1] == '*')
		report_error(k->report, &k->rule->origin, "%s: \"%s\" never "
		    "matches: no pattern is taken there", what, name);
	else if (strchr(" \t", name[0]) != NULL ||
	    strchr(" \t", name[len - 1]) != NULL)
		report_error(k->report, &k->rule->origin, "%s: \"%s\" never "
		    "matches: a blank at its end", what, name);
}

static void
check_text(struct check *k, struct condition *c)
{
	struct reporter		*r = k->report;
	const struct origin	*where = &k->rule->origin;
	struct action		*a;
	char			 lower[KEY_LEN];

	switch (plain_type(c->type)) {
	case COND_FROM_SRC:
		if (cidr_parse(c->text, &c->cidr) == -1)
			report_error(r, where, "from src: \"%s\" is not a "
			    "network such as 192.0.2.0/24", c->text);
		break;
	case COND_FOR_DOMAIN:
	case COND_FROM_RDNS:
		if (!name_canonical(&c->text, PATTERN_DOMAIN | PATTERN_BELOW))
			report_error(r, where, "%s: \"%s\" is neither a "
			    "domain nor *.domain", condition_name(c->type),
			    c->text);
		break;
	case COND_RCPT_TO:
		if (!name_canonical(&c->text, PATTERN_ADDRESS | PATTERN_AT))
			report_error(r, where, "rcpt-to: \"%s\" is neither an "
			    "address nor @domain", c->text);
		break;
	case COND_MAIL_FROM:
		if (!name_canonical(&c->text, PATTERN_ADDRESS | PATTERN_AT |
		    PATTERN_NULL))
			report_error(r, where, "mail-from: \"%s\" is neither "
			    "an address nor @domain nor \"<>\"", c->text);
		break;
	case COND_TAG:
		if (names_find(&k->seen, NAME_TAG, c->text) == NULL)
			report_error(r, where, "no listener has the tag "
			    "\"%s\"", c->text);
		break;
	case COND_ACTION:
		if ((a = config_action(k->config, c->text)) == NULL)
			report_error(r, where, "unknown action \"%s\"",
			    c->text);
		else if (a->type != ACTION_RELAY)
			report_error(r, where, "action \"%s\" does not relay: "
			    "it never takes a binding", c->text);
		break;
	case COND_HEADER:
		snprintf(lower, sizeof(lower), "%s", c->header);
		for (char *p = lower; *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
		if (names_find(&k->seen, NAME_HEADER, lower) == NULL)
			report_error(r, where, "no listener has trust-header "
			    "\"%s\"", c->header);
		check_name(k, "header", c->text);
		break;
	case COND_HELO:
		check_name(k, "helo", strncmp(c->text, "*.", 2) == 0 ?
		    c->text + 2 : c->text);
		break;
	default:
		check_name(k, condition_name(c->type), c->text);
		break;
	}
}

/* Networks in a table of networks, and so on. */
static void
check_entries(struct check *k, struct condition *c)
{
	const char	*key, *name = condition_name(c->type);
	struct cidr	 cidr;
	size_t		 next = 0;
	int		 kinds = PATTERN_ADDRESS | PATTERN_AT | PATTERN_DOMAIN;

	switch (plain_type(c->type)) {
	case COND_FOR_DOMAIN:
	case COND_FROM_RDNS:
		kinds = PATTERN_DOMAIN | PATTERN_BELOW;
		break;
	case COND_MAIL_FROM:
		kinds |= PATTERN_NULL;
		break;
	case COND_RCPT_TO:
		break;
	case COND_FROM_SRC:
		while (table_each(c->table, &next, &key, NULL))
			if (cidr_parse(key, &cidr) == -1)
				report_error(k->report, &k->rule->origin,
				    "from src: \"%s\" is not a network such as "
				    "192.0.2.0/24", key);
		return;
	default:
		while (table_each(c->table, &next, &key, NULL))
			check_name(k, name, c->type == COND_HELO &&
			    strncmp(key, "*.", 2) == 0 ? key + 2 : key);
		return;
	}
	check_keys(k->report, &k->rule->origin, name, c->table, kinds);
}

static void
check_condition(struct check *k, struct condition *c)
{
	const char	*name = condition_name(c->type);

	if ((condition_place(c->type) & (k->is_match ? 1 : 2)) == 0)
		report_error(k->report, &k->rule->origin,
		    "\"%s\" is not a condition of %s", name,
		    k->is_match ? "match" : "bind");
	else if (c->text != NULL)
		check_text(k, c);
	else if (c->table != NULL)
		check_entries(k, c);
	if (c->negate &&
	    (c->type == COND_FROM_ANY || c->type == COND_FOR_ANY))
		report_error(k->report, &k->rule->origin,
		    "\"! %s\" never holds", name);
}

#define BIT(type)	(1U << (type))
#define FROMS	(BIT(COND_FROM_ANY) | BIT(COND_FROM_LOCAL) | \
		BIT(COND_FROM_SOCKET) | BIT(COND_FROM_SRC) | \
		BIT(COND_FROM_AUTH) | BIT(COND_FROM_MAIL_FROM) | \
		BIT(COND_FROM_RDNS))
#define FORS	(BIT(COND_FOR_ANY) | BIT(COND_FOR_LOCAL) | \
		BIT(COND_FOR_DOMAIN) | BIT(COND_FOR_RCPT_TO))

static int
count_bits(unsigned int bits)
{
	int	 n = 0;

	for (; bits != 0; bits &= bits - 1)
		n++;
	return (n);
}

/* Pairs of which one excludes the other: no session is both. */
static void
check_pairs(struct check *k, unsigned int have)
{
	static const struct {
		enum condition_type	 one;
		enum condition_type	 other;
	} pairs[] = {
		{ COND_USER, COND_AUTH },
		{ COND_USER, COND_FROM_SRC },
		{ COND_USER, COND_HEADER },
		{ COND_FROM_SOCKET, COND_AUTH },
		{ COND_FROM_SOCKET, COND_TLS },
		{ COND_FROM_SOCKET, COND_FROM_RDNS },
		{ COND_FROM_SOCKET, COND_HEADER },
		{ COND_BOUNCE, COND_AUTH },
		{ COND_BOUNCE, COND_USER },
		{ COND_BOUNCE, COND_TAG },
		{ COND_BOUNCE, COND_HEADER },
		{ COND_BOUNCE, COND_FROM_SRC },
		{ COND_BOUNCE, COND_FROM_SOCKET }
	};
	size_t	 i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if ((have & BIT(pairs[i].one)) && (have & BIT(pairs[i].other)))
			report_error(k->report, &k->rule->origin,
			    "\"%s\" and \"%s\" never hold together",
			    condition_name(pairs[i].one),
			    condition_name(pairs[i].other));
}

/* The words of a condition, so that equal ones are equal text. */
static void
condition_key(const struct condition *c, char *key)
{
	enum condition_type	 type = plain_type(c->type);
	char			*p;
	int			 n;

	n = snprintf(key, KEY_LEN, "%02d ", type);
	if (c->table != NULL)
		snprintf(key + n, KEY_LEN - n, "<%p>", (void *)c->table);
	else if (c->text != NULL)
		snprintf(key + n, KEY_LEN - n, "=%s %s", c->text,
		    c->header == NULL ? "" : c->header);
	if (type == COND_FOR_DOMAIN || type == COND_RCPT_TO ||
	    type == COND_MAIL_FROM)
		for (p = key; *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
}

static int
weaker_add(char (*keys)[KEY_LEN], int n, enum condition_type type,
    const char *text)
{
	struct condition	 w = { .type = type };
	char			 copy[KEY_LEN];

	if (n == WEAKER_MAX)
		return (n);
	if (text != NULL) {
		snprintf(copy, sizeof(copy), "%s", text);
		w.text = copy;
	}
	condition_key(&w, keys[n]);
	return (n + 1);
}

/* The patterns that hold for all of domain, which may be one itself. */
static int
weaker_domains(char (*keys)[KEY_LEN], int n, const char *domain)
{
	const char	*dot = domain;
	char		 pattern[KEY_LEN];

	if (strncmp(domain, "*.", 2) == 0)
		dot += 2;
	while ((dot = strchr(dot, '.')) != NULL) {
		snprintf(pattern, sizeof(pattern), "*%s", dot++);
		n = weaker_add(keys, n, COND_FOR_DOMAIN, pattern);
	}
	return (n);
}

/* The keys of weaker conditions that this one implies: how many. */
static int
weaker_keys(const struct condition *c, char (*keys)[KEY_LEN])
{
	enum condition_type	 type = plain_type(c->type);
	const char		*domain;
	int			 n = 0;

	if (type == COND_AUTH && (c->text != NULL || c->table != NULL))
		return (weaker_add(keys, n, COND_AUTH, NULL));
	if (type == COND_USER)
		n = weaker_add(keys, n, COND_FROM_SOCKET, NULL);
	if (type == COND_USER || type == COND_FROM_SOCKET)
		return (weaker_add(keys, n, COND_FROM_LOCAL, NULL));
	if (c->text == NULL)
		return (0);
	if (type == COND_FOR_DOMAIN)
		return (weaker_domains(keys, n, c->text));
	if ((type != COND_MAIL_FROM && type != COND_RCPT_TO) ||
	    (domain = strrchr(c->text, '@')) == NULL)
		return (0);
	if (domain != c->text)
		n = weaker_add(keys, n, type, domain);
	if (type == COND_RCPT_TO) {
		n = weaker_add(keys, n, COND_FOR_DOMAIN, domain + 1);
		n = weaker_domains(keys, n, domain + 1);
	}
	return (n);
}

/* Is it there in the negative, by itself or in a weaker form? */
static void
check_negated(struct check *k, const struct condition *c)
{
	const struct condition	*d;
	char			 keys[WEAKER_MAX + 1][KEY_LEN];
	char			 other[KEY_LEN];
	int			 i, n;

	condition_key(c, keys[0]);
	n = 1 + weaker_keys(c, keys + 1);
	TAILQ_FOREACH(d, &k->rule->conditions, entry) {
		if (!d->negate)
			continue;
		condition_key(d, other);
		for (i = 0; i < n && strcmp(keys[i], other) != 0; i++)
			;
		if (i < n)
			report_error(k->report, &k->rule->origin,
			    "\"%s\" and \"! %s\" never hold together",
			    condition_name(c->type), condition_name(d->type));
	}
}

/* X and "! X" in one rule, or two of a kind. */
static void
check_contradictions(struct check *k)
{
	struct condition	*c;
	unsigned int		 have = 0, written = 0;
	int			 n = 0, froms = 0, fors = 0;

	TAILQ_FOREACH(c, &k->rule->conditions, entry) {
		if (++n > 32) {
			report_error(k->report, &k->rule->origin,
			    "more than 32 conditions");
			return;
		}
		if (c->negate)
			continue;
		froms += (BIT(c->type) & FROMS) != 0;
		fors += (BIT(c->type) & FORS) != 0;
		if ((have & BIT(plain_type(c->type))) &&
		    (BIT(c->type) & (FROMS | FORS)) == 0)
			report_error(k->report, &k->rule->origin,
			    "\"%s\" is given twice", condition_name(c->type));
		have |= BIT(plain_type(c->type));
		written |= BIT(c->type);
		check_negated(k, c);
		if (plain_type(c->type) == COND_MAIL_FROM &&
		    c->text != NULL && strcmp(c->text, "<>") != 0)
			written |= BIT(31);
	}
	if (froms > 1 || count_bits(written & FROMS) > 1)
		report_error(k->report, &k->rule->origin,
		    "\"from\" is given twice");
	if (fors > 1 || count_bits(written & FORS) > 1)
		report_error(k->report, &k->rule->origin,
		    "\"for\" is given twice");
	if ((have & BIT(COND_BOUNCE)) && (written & BIT(31)))
		report_error(k->report, &k->rule->origin,
		    "a bounce is from \"<>\" only");
	check_pairs(k, have);
}

/* The keys of a rule's conditions: each as it is, then its weaker forms. */
struct rule_keys {
	struct {
		char	 form[WEAKER_MAX + 1][KEY_LEN];
		int	 n;
	}	 key[SHADOW_MAX + 2];
	int	 n;
};

static void
keys_add(struct rule_keys *keys, const struct condition *c)
{
	char	(*form)[KEY_LEN], text[KEY_LEN];

	if (keys->n == SHADOW_MAX + 2)
		return;
	form = keys->key[keys->n].form;
	keys->key[keys->n].n = 1;
	if (c->negate) {
		condition_key(c, text);
		snprintf(form[0], KEY_LEN, "!%.*s", KEY_LEN - 2, text);
	} else {
		condition_key(c, form[0]);
		keys->key[keys->n].n += weaker_keys(c, form + 1);
	}
	keys->n++;
}

static void
keys_implied(struct rule_keys *keys, enum condition_type type)
{
	struct condition	 implied = { .type = type };

	keys_add(keys, &implied);
}

/*
 * A match rule without from or for is for local ones; a map of users is for
 * those that have a name.
 */
static int
rule_keys(const struct check *k, struct rule_keys *keys)
{
	struct condition	*c;
	int			 from = 0, to = 0;

	keys->n = 0;
	TAILQ_FOREACH(c, &k->rule->conditions, entry) {
		from |= (BIT(c->type) & FROMS) != 0;
		to |= (BIT(c->type) & FORS) != 0;
		if (c->type != COND_FROM_ANY && c->type != COND_FOR_ANY)
			keys_add(keys, c);
	}
	if (k->is_match && !from)
		keys_implied(keys, COND_FROM_LOCAL);
	if (k->is_match && !to)
		keys_implied(keys, COND_FOR_LOCAL);
	if (k->rule->by == BIND_BY_AUTH)
		keys_implied(keys, COND_AUTH);
	if (k->rule->by == BIND_BY_USER)
		keys_implied(keys, COND_USER);
	return (keys->n <= SHADOW_MAX ? 0 : -1);
}

static int
text_compare(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/*
 * One text of the chosen conditions: choice is a number of one digit for each,
 * 0 where it is left out, else which of its forms is taken.
 */
static void
join_keys(struct rule_keys *keys, int choice, int is_match, char *text,
    size_t size)
{
	char	*chosen[SHADOW_MAX];
	int	 i, digit, n = 0;

	for (i = 0; i < keys->n; i++) {
		digit = choice % (keys->key[i].n + 1);
		choice /= keys->key[i].n + 1;
		if (digit > 0)
			chosen[n++] = keys->key[i].form[digit - 1];
	}
	qsort(chosen, n, sizeof(*chosen), text_compare);
	strlcpy(text, is_match ? "match" : "bind", size);
	for (i = 0; i < n; i++) {
		strlcat(text, "\n", size);
		strlcat(text, chosen[i], size);
	}
}

static int
names_bounce(const struct rule *rule)
{
	const struct condition	*c;

	TAILQ_FOREACH(c, &rule->conditions, entry)
		if (c->type == COND_BOUNCE && !c->negate)
			return (1);
	return (0);
}

static void
check_shadow(struct check *k)
{
	struct rule_keys	 keys;
	struct rule		*old;
	char			 text[KEY_LEN * (SHADOW_MAX + 1)];
	int			 choice, all = 1, own = 0, i;

	if (rule_keys(k, &keys) == -1)
		return;
	for (i = keys.n - 1; i >= 0; i--) {
		own = own * (keys.key[i].n + 1) + 1;
		all *= keys.key[i].n + 1;
	}
	for (choice = 0; choice < all; choice++) {
		join_keys(&keys, choice, k->is_match, text, sizeof(text));
		old = names_find(&k->seen, NAME_RULE, text);
		/* a bounce passes the rules that do not name it */
		if (old == NULL || (choice != 0 && names_bounce(k->rule) &&
		    !names_bounce(old)))
			continue;
		if (choice == 0)
			report_error(k->report, &k->rule->origin, "never "
			    "reached: the rule in %s:%d takes everything",
			    old->origin.file, old->origin.line);
		else
			report_warning(k->report, &k->rule->origin,
			    "never reached: shadowed by the rule in %s:%d",
			    old->origin.file, old->origin.line);
		return;
	}
	/* a map lets through what it has no key for */
	if (k->rule->by != BIND_COND)
		return;
	join_keys(&keys, own, k->is_match, text, sizeof(text));
	names_add(&k->seen, NAME_RULE, text, k->rule);
}

static int
is_target(const struct config *c, const char *name)
{
	return (strcmp(name, "*") != 0 && (config_binding(c, name) != NULL ||
	    config_group(c, name) != NULL));
}

/*
 * Names in the table of "bind by".  Those in the file itself must be right; a
 * table in a file of its own may be ahead of the bindings for a while, and
 * costs only the keys that are wrong, but at a reload nothing is taken that
 * is not whole.
 */
static void
check_by(struct check *k)
{
	struct rule	*rule = k->rule;
	const char	*key, *value;
	char		 text[KEY_LEN];
	size_t		 next = 0;
	int		 fatal, unknown = 0;

	if (rule->by == BIND_BY_HEADER) {
		snprintf(text, sizeof(text), "%s", rule->header);
		for (char *p = text; *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
		if (names_find(&k->seen, NAME_HEADER, text) == NULL)
			report_error(k->report, &rule->origin,
			    "no listener has trust-header \"%s\"",
			    rule->header);
	}
	snprintf(text, sizeof(text), "by %d %p %.128s", rule->by,
	    (void *)rule->table, rule->header == NULL ? "" : rule->header);
	if (names_add(&k->seen, NAME_RULE, text, rule) != NULL)
		report_warning(k->report, &rule->origin,
		    "never reached: an earlier rule is the same");
	if (rule->table == NULL)
		return;
	if (table_size(rule->table) > 0 && !table_is_map(rule->table)) {
		report_error(k->report, &rule->origin, "bind by needs a map: "
		    "table \"%s\" is a list", table_called(rule->table));
		return;
	}
	if (rule->by == BIND_BY_MAIL_FROM)
		check_keys(k->report, &rule->origin, "by mail-from",
		    rule->table, PATTERN_ADDRESS | PATTERN_AT |
		    PATTERN_DOMAIN | PATTERN_NULL);
	fatal = table_path(rule->table) == NULL || k->report->io->reload;
	while (table_each(rule->table, &next, &key, &value)) {
		if (rule->by != BIND_BY_MAIL_FROM)
			check_name(k, "bind by", key);
		if (rule->by == BIND_BY_MAIL_FROM &&
		    strcmp(table_get(rule->table, key), value) != 0)
			report_warning(k->report, &rule->origin,
			    "table \"%s\": \"%s\" is there twice, but for "
			    "case", table_called(rule->table), key);
		if (is_target(k->config, value) || ++unknown > UNKNOWN_MAX)
			continue;
		(fatal ? report_error : report_warning)(k->report,
		    &rule->origin, "table \"%s\": \"%s\" has the unknown "
		    "binding \"%s\"", table_called(rule->table), key, value);
	}
	if (unknown > UNKNOWN_MAX)
		report_warning(k->report, &rule->origin,
		    "table \"%s\": %d more keys have unknown bindings",
		    table_called(rule->table), unknown - UNKNOWN_MAX);
}

static void
check_rule(struct check *k)
{
	struct condition	*c;
	struct rule		*rule = k->rule;

	TAILQ_FOREACH(c, &rule->conditions, entry)
		check_condition(k, c);
	check_contradictions(k);
	if (k->is_match && !rule->reject &&
	    config_action(k->config, rule->target) == NULL)
		report_error(k->report, &rule->origin,
		    "unknown action \"%s\"", rule->target);
	if (!k->is_match && rule->by == BIND_COND &&
	    !is_target(k->config, rule->target))
		report_error(k->report, &rule->origin,
		    "unknown binding \"%s\"", rule->target);
	check_shadow(k);
}

void
config_check_rules(struct config *c, struct reporter *r)
{
	struct check	 k = { .config = c, .report = r };
	struct listener	*l;
	char		 lower[KEY_LEN], *p;

	RB_INIT(&k.seen);
	TAILQ_FOREACH(l, &c->listeners, entry) {
		if (l->tag != NULL)
			names_add(&k.seen, NAME_TAG, l->tag, l);
		if (l->trust_header == NULL)
			continue;
		snprintf(lower, sizeof(lower), "%s", l->trust_header);
		for (p = lower; *p != '\0'; p++)
			*p = tolower((unsigned char)*p);
		names_add(&k.seen, NAME_HEADER, lower, l);
	}
	k.is_match = 1;
	TAILQ_FOREACH(k.rule, &c->match, entry)
		check_rule(&k);
	k.is_match = 0;
	TAILQ_FOREACH(k.rule, &c->bind, entry) {
		if (k.rule->by == BIND_COND)
			check_rule(&k);
		else {
			check_shadow(&k);
			check_by(&k);
		}
	}
	names_free(&k.seen);
}
