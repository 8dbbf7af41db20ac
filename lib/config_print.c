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
 * A configuration printed back as bindery.conf(5): what parses to the same
 * again, word for word.  For `bindery -nv' and the golden files.
 */

#include <string.h>

#include "lib/config_private.h"

static void
print_escaped(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', f);
		putc(*text, f);
	}
}

static void
print_quoted(FILE *f, const char *text)
{
	putc('"', f);
	print_escaped(f, text);
	putc('"', f);
}

/* " word "text"", or nothing. */
static void
print_word(FILE *f, const char *word, const char *text)
{
	if (text == NULL)
		return;
	fprintf(f, " %s ", word);
	print_quoted(f, text);
}

static void
print_entries(FILE *f, const struct table *t)
{
	const char	*key, *value;
	size_t		 next = 0, n = 0;

	fprintf(f, "{");
	while (table_each(t, &next, &key, &value)) {
		fprintf(f, n++ == 0 ? " " : ", ");
		print_quoted(f, key);
		if (table_is_map(t)) {
			fprintf(f, " = ");
			print_quoted(f, value);
		}
	}
	fprintf(f, " }");
}

/* By name, or in place. */
static void
print_table(FILE *f, const struct table *t)
{
	if (table_name(t) != NULL)
		fprintf(f, "<%s>", table_name(t));
	else
		print_entries(f, t);
}

static void
print_reference(FILE *f, const char *word, const struct table *t)
{
	if (t == NULL)
		return;
	fprintf(f, " %s ", word);
	print_table(f, t);
}

static void
print_value(FILE *f, const char *text, const struct table *t)
{
	if (text == NULL && t == NULL)
		return;
	putc(' ', f);
	if (text != NULL)
		print_quoted(f, text);
	else
		print_table(f, t);
}

static void
print_setting(FILE *f, enum setting id, const char *text)
{
	fprintf(f, "%s %s\n", setting_name(id), text);
}

static void
print_path(FILE *f, enum setting id, const char *text, const char *usual)
{
	if (text == NULL || (usual != NULL && strcmp(text, usual) == 0))
		return;
	fprintf(f, "%s ", setting_name(id));
	print_quoted(f, text);
	putc('\n', f);
}

static void
print_number(FILE *f, enum setting id, int64_t number, int64_t usual)
{
	if (number != usual)
		fprintf(f, "%s %lld\n", setting_name(id), (long long)number);
}

/* Those that are not as they are without being given; hostname always. */
static void
print_settings(FILE *f, const struct config *c)
{
	print_path(f, SET_HOSTNAME, c->hostname, NULL);
	print_path(f, SET_SPOOL, c->spool, BINDERY_SPOOL);
	print_path(f, SET_RUN, c->run, BINDERY_RUN);
	print_path(f, SET_CONTROL_GROUP, c->control_group, NULL);
	if (c->queue_ttl != 4 * 86400)
		print_setting(f, SET_QUEUE_TTL, written_time(c->queue_ttl));
	if (c->retry_min != 5 * 60 || c->retry_max != 4 * 3600)
		fprintf(f, "%s %s..%s\n", setting_name(SET_QUEUE_RETRY),
		    written_time(c->retry_min), written_time(c->retry_max));
	if (c->queue_warn != 0)
		print_setting(f, SET_QUEUE_WARN, written_time(c->queue_warn));
	if (c->min_free != 0)
		print_setting(f, SET_QUEUE_MIN_FREE,
		    written_size(c->min_free));
	if (c->max_message_size != 35 << 20)
		print_setting(f, SET_MAX_MESSAGE_SIZE,
		    written_size(c->max_message_size));
	print_number(f, SET_MAX_RECIPIENTS, c->max_recipients, 1000);
	print_number(f, SET_SMTP_MAX_CONNECTIONS, c->smtp_max_connections,
	    1000);
	print_number(f, SET_SMTP_MAX_PER_ADDRESS, c->smtp_max_per_address,
	    100);
	print_number(f, SET_SMTP_MAX_PER_USER, c->smtp_max_per_user, 100);
	print_number(f, SET_SMTP_MAX_ERRORS, c->smtp_max_errors, 20);
	print_number(f, SET_MTA_MAX_CONNECTIONS, c->mta_max_connections,
	    1000);
	if (c->resolver.ss_family != 0)
		print_setting(f, SET_MTA_RESOLVER, sockaddr_text_port(
		    (const struct sockaddr *)&c->resolver));
	print_number(f, SET_MTA_PORT, c->mta_port, 25);
	if (c->mta_timeout != 0)
		print_setting(f, SET_MTA_TIMEOUT,
		    written_time(c->mta_timeout));
	print_path(f, SET_MTA_CA_FILE, c->mta_ca_file, NULL);
	if (c->mta_trust_ad)
		fprintf(f, "%s\n", setting_name(SET_MTA_TRUST_AD));
}

static void
print_tables(FILE *f, const struct config *c)
{
	struct named_table	*t;

	TAILQ_FOREACH(t, &c->tables, entry) {
		if (table_name(t->table) == NULL)
			continue;
		fprintf(f, "table \"%s\" ", table_name(t->table));
		if (table_path(t->table) != NULL) {
			fprintf(f, "\"file:");
			print_escaped(f, table_path(t->table));
			putc('"', f);
		} else
			print_entries(f, t->table);
		putc('\n', f);
	}
}

static void
print_listener(FILE *f, const struct listener *l)
{
	static const char *tls[] = { "", " tls", " tls-require", " smtps" };
	int		 i;

	fprintf(f, "listen on ");
	if (l->socket)
		fprintf(f, "socket");
	else if (l->interface != NULL)
		print_quoted(f, l->interface);
	else
		fprintf(f, "%s",
		    sockaddr_text((const struct sockaddr *)&l->addr));
	if (!l->socket)
		fprintf(f, " port %d", l->port);
	fprintf(f, "%s", tls[l->tls]);
	for (i = 0; i < l->npki; i++)
		print_word(f, "pki", l->pki[i]);
	print_reference(f, l->auth_optional ? "auth-optional" : "auth",
	    l->auth);
	if (l->auth_insecure)
		fprintf(f, " auth-insecure");
	print_word(f, "tag", l->tag);
	print_word(f, "hostname", l->hostname);
	print_reference(f, "senders", l->senders);
	if (l->mask_src)
		fprintf(f, " mask-src");
	if (l->proxy_v2)
		fprintf(f, " proxy-v2");
	print_word(f, "trust-header", l->trust_header);
	putc('\n', f);
}

static void
print_action(FILE *f, const struct action *a)
{
	static const char *types[] = { "relay", "mbox", "maildir", "lmtp",
	    "mda" };
	static const char *tls[] = { [TLS_WORDS_TLS] = "tls",
	    [TLS_WORDS_VERIFY] = "tls verify",
	    [TLS_WORDS_NO_VERIFY] = "tls no-verify" };

	fprintf(f, "action \"%s\" %s", a->name, types[a->type]);
	print_value(f, a->path, NULL);
	if (a->rcpt_to)
		fprintf(f, " rcpt-to");
	print_word(f, "host", a->host);
	if (a->tls_verify != TLS_WORDS_NONE)
		fprintf(f, " %s", tls[a->tls_verify]);
	print_reference(f, "auth", a->auth);
	print_reference(f, "alias", a->aliases);
	putc('\n', f);
}

static const char *condition_words[] = {
	[COND_FROM_ANY] = "from any",
	[COND_FROM_LOCAL] = "from local",
	[COND_FROM_SOCKET] = "from socket",
	[COND_FROM_SRC] = "from src",
	[COND_FROM_AUTH] = "from auth",
	[COND_FROM_MAIL_FROM] = "from mail-from",
	[COND_FROM_RDNS] = "from rdns",
	[COND_FOR_ANY] = "for any",
	[COND_FOR_LOCAL] = "for local",
	[COND_FOR_DOMAIN] = "for domain",
	[COND_FOR_RCPT_TO] = "for rcpt-to",
	[COND_AUTH] = "auth",
	[COND_USER] = "user",
	[COND_MAIL_FROM] = "mail-from",
	[COND_RCPT_TO] = "rcpt-to",
	[COND_HELO] = "helo",
	[COND_TAG] = "tag",
	[COND_TLS] = "tls",
	[COND_ACTION] = "action",
	[COND_HEADER] = "header",
	[COND_BOUNCE] = "bounce"
};

static void
print_rule(FILE *f, const char *word, const struct rule *rule)
{
	static const char *by[] = {
		[BIND_BY_AUTH] = "auth", [BIND_BY_USER] = "user",
		[BIND_BY_MAIL_FROM] = "mail-from", [BIND_BY_TAG] = "tag",
		[BIND_BY_HEADER] = "header"
	};
	struct condition	*c;

	fprintf(f, "%s", word);
	if (rule->by != BIND_COND) {
		fprintf(f, " by %s", by[rule->by]);
		print_value(f, rule->header, NULL);
		print_value(f, NULL, rule->table);
	}
	TAILQ_FOREACH(c, &rule->conditions, entry) {
		fprintf(f, " %s%s", c->negate ? "! " : "",
		    condition_words[c->type]);
		print_value(f, c->header, NULL);
		print_value(f, c->text, c->table);
	}
	if (rule->reject)
		fprintf(f, " reject");
	print_word(f, strcmp(word, "match") == 0 ? "action" : "to",
	    rule->target);
	putc('\n', f);
}

static void
print_options(FILE *f, const char *indent, const struct option *options,
    const struct option *but)
{
	const struct option	*o;
	int			 id;

	for (id = 0; id < OPTION_COUNT; id++) {
		o = &options[id];
		if (!o->set || o == but)
			continue;
		fprintf(f, "%s\t%s ", indent, option_name(id));
		if (id == OPTION_NEXT_HOPS) {
			fprintf(f, "%s", o->hops->negate ? "! " : "");
			print_table(f, o->hops->table);
		} else
			fprintf(f, "%s", option_text(id, o));
		putc('\n', f);
	}
}

static void
print_scopes(FILE *f, const char *indent, const struct scopes *scopes)
{
	struct scope	*s;
	char		 deeper[8];

	snprintf(deeper, sizeof(deeper), "%s\t", indent);
	TAILQ_FOREACH(s, scopes, entry) {
		fprintf(f, "%s\t%s \"%s\" {\n", indent,
		    s->is_site ? "site" : "domain", s->name);
		print_options(f, deeper, s->options, NULL);
		fprintf(f, "%s\t}\n", indent);
	}
}

static void
print_binding(FILE *f, const struct config *c, const char *indent,
    const struct binding_conf *b)
{
	const struct option	*but = NULL;

	/* what default-binding suspended did */
	if (c->default_binding == DEFAULT_SUSPENDED &&
	    strcmp(b->name, "default") == 0)
		but = &b->options[OPTION_SUSPEND_DELIVERY];
	if (strcmp(b->name, "*") == 0)
		fprintf(f, "binding * {\n");
	else
		fprintf(f, "%sbinding \"%s\" {\n", indent, b->name);
	if (b->any)
		fprintf(f, "%s\tbind-address any\n", indent);
	if (b->addr4.ss_family != 0)
		fprintf(f, "%s\tbind-address %s\n", indent,
		    sockaddr_text((const struct sockaddr *)&b->addr4));
	if (b->addr6.ss_family != 0)
		fprintf(f, "%s\tbind-address %s\n", indent,
		    sockaddr_text((const struct sockaddr *)&b->addr6));
	print_options(f, indent, b->options, but);
	print_scopes(f, indent, &b->scopes);
	fprintf(f, "%s}\n", indent);
}

/* Members by group without a walk over all bindings for each. */
static void
print_groups(FILE *f, const struct config *c)
{
	struct binding_conf	*b = TAILQ_FIRST(&c->bindings);
	struct group	*g;

	TAILQ_FOREACH(g, &c->groups, entry) {
		fprintf(f, "binding-group \"%s\" {\n", g->name);
		print_options(f, "", g->options, NULL);
		print_scopes(f, "", &g->scopes);
		/* groups and their members come in the same order */
		for (; b != NULL && (b->group == NULL || b->group == g);
		    b = TAILQ_NEXT(b, entry))
			if (b->group == g)
				print_binding(f, c, "\t", b);
		fprintf(f, "}\n");
	}
}

static void
print_sites(FILE *f, const struct config *c)
{
	struct site	*s;

	TAILQ_FOREACH(s, &c->sites, entry) {
		fprintf(f, "%s \"%s\" {\n", s->is_domain ? "domain" : "site",
		    s->name);
		if (s->domains != NULL) {
			fprintf(f, "\tdomain ");
			print_table(f, s->domains);
			putc('\n', f);
		}
		if (s->mx != NULL) {
			fprintf(f, "\tmx ");
			print_table(f, s->mx);
			putc('\n', f);
		}
		if (s->max_connections != 0)
			fprintf(f, "\tmax-connections %lld\n",
			    (long long)s->max_connections);
		fprintf(f, "}\n");
	}
}

void
config_print(const struct config *c, FILE *f)
{
	static const char *defaults[] = { "normal", "suspended", "none" };
	struct pki	*p;
	struct listener	*l;
	struct action	*a;
	struct binding_conf	*b;
	struct rule	*rule;

	print_settings(f, c);
	print_tables(f, c);
	TAILQ_FOREACH(p, &c->pkis, entry) {
		fprintf(f, "pki \"%s\"", p->name);
		print_word(f, "cert", p->cert);
		print_word(f, "key", p->key);
		putc('\n', f);
	}
	TAILQ_FOREACH(l, &c->listeners, entry)
		print_listener(f, l);
	TAILQ_FOREACH(a, &c->actions, entry)
		print_action(f, a);
	TAILQ_FOREACH(rule, &c->match, entry)
		print_rule(f, "match", rule);
	TAILQ_FOREACH(b, &c->bindings, entry)
		if (b->declared && b->group == NULL)
			print_binding(f, c, "", b);
	print_groups(f, c);
	print_sites(f, c);
	if (c->default_binding != DEFAULT_NORMAL)
		fprintf(f, "default-binding %s\n",
		    defaults[c->default_binding]);
	TAILQ_FOREACH(rule, &c->bind, entry)
		print_rule(f, "bind", rule);
}
