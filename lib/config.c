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
 * A configuration as a whole: made, looked up, freed; from files (parent) or
 * from a bundle (roles).  What it says comes from parse.y, what it means from
 * lib/config_check.c.  Never any I/O: through struct config_io only.
 */

#include <errno.h>
#include <ctype.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/config_private.h"
#include "lib/log.h"

void *
checked(void *x)
{
	if (x == NULL)
		fatalx("out of memory");
	return (x);
}

char *
checked_strdup(const char *text)
{
	return (checked(strdup(text)));
}

static int
binding_compare(struct binding_conf *a, struct binding_conf *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE(binding_tree, binding_conf, node, binding_compare)

static int
name_compare(struct name *a, struct name *b)
{
	if (a->kind != b->kind)
		return (a->kind < b->kind ? -1 : 1);
	return (strcmp(a->text, b->text));
}

RB_GENERATE(names, name, node, name_compare)

static struct name *
name_new(enum name_kind kind, const char *text, void *object)
{
	struct name	*n;
	size_t		 len = strlen(text) + 1;

	n = checked(calloc(1, sizeof(*n) + len));
	n->kind = kind;
	n->object = object;
	memcpy(n->text, text, len);
	return (n);
}

void *
names_add(struct names *names, enum name_kind kind, const char *text,
    void *object)
{
	struct name	*n, *old;

	n = name_new(kind, text, object);
	if ((old = RB_INSERT(names, names, n)) == NULL)
		return (NULL);
	free(n);
	return (old->object);
}

void *
names_find(const struct names *names, enum name_kind kind, const char *text)
{
	struct name	*n = RB_ROOT(names);
	int		 diff;

	while (n != NULL) {
		if (kind != n->kind)
			diff = kind < n->kind ? -1 : 1;
		else if ((diff = strcmp(text, n->text)) == 0)
			return (n->object);
		n = diff < 0 ? RB_LEFT(n, node) : RB_RIGHT(n, node);
	}
	return (NULL);
}

void
names_free(struct names *names)
{
	struct name	*n, *next;

	RB_FOREACH_SAFE(n, names, names, next) {
		RB_REMOVE(names, names, n);
		free(n);
	}
}

const char *
load_error(void)
{
	return (errno == EILSEQ ? "it holds a NUL byte" : strerror(errno));
}

static void
report(struct reporter *r, const struct origin *origin, int warning,
    const char *fmt, va_list ap)
{
	char	 text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	r->io->report(r->io->arg, origin, warning, text);
}

void
report_error(struct reporter *r, const struct origin *origin,
    const char *fmt, ...)
{
	va_list	 ap;

	r->errors++;
	va_start(ap, fmt);
	report(r, origin, 0, fmt, ap);
	va_end(ap);
}

void
report_warning(struct reporter *r, const struct origin *origin,
    const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	report(r, origin, 1, fmt, ap);
	va_end(ap);
}

void
config_report(void *arg, const struct origin *origin, int warning,
    const char *text)
{
	fprintf(arg, "%s:%d: %s%s\n", origin->file, origin->line,
	    warning ? "warning: " : "", text);
}

const char *
config_file(struct config *c, const char *path)
{
	struct bundle_file	*f;

	f = checked(calloc(1, sizeof(*f)));
	f->path = checked_strdup(path);
	TAILQ_INSERT_TAIL(&c->files, f, entry);
	return (f->path);
}

static void
config_defaults(struct config *c)
{
	c->spool = checked_strdup(BINDERY_SPOOL);
	c->run = checked_strdup(BINDERY_RUN);
	c->queue_ttl = 4 * 86400;
	c->retry_min = 5 * 60;
	c->retry_max = 4 * 3600;
	c->min_free = 0;
	c->max_message_size = 35 << 20;
	c->max_recipients = 1000;
	c->smtp_max_connections = 1000;
	c->smtp_max_per_address = 100;
	c->smtp_max_per_user = 100;
	c->smtp_max_errors = 20;
	c->mta_max_connections = 1000;
	c->mta_port = 25;
	c->defaults[OPTION_MAX_OUTBOUND_CONNECTIONS].number = 32;
	c->defaults[OPTION_MAX_MESSAGES].number = 100;
	c->defaults[OPTION_FAMILY].number = AF_UNSPEC;
	c->defaults[OPTION_WEIGHT].number = 1;
	c->defaults[OPTION_EHLO].text = checked_strdup(EHLO_HOSTNAME);
}

struct config *
config_new(const struct config_io *io)
{
	struct config	*c;

	c = checked(calloc(1, sizeof(*c)));
	TAILQ_INIT(&c->tables);
	TAILQ_INIT(&c->pkis);
	TAILQ_INIT(&c->listeners);
	TAILQ_INIT(&c->actions);
	TAILQ_INIT(&c->match);
	TAILQ_INIT(&c->bind);
	TAILQ_INIT(&c->bindings);
	RB_INIT(&c->binding_tree);
	TAILQ_INIT(&c->groups);
	TAILQ_INIT(&c->sites);
	RB_INIT(&c->names);
	TAILQ_INIT(&c->files);
	c->hostname = checked_strdup(io->hostname == NULL ? "localhost" :
	    io->hostname);
	config_defaults(c);
	return (c);
}

static void
options_free(struct option *options)
{
	int	 i;

	for (i = 0; i < OPTION_COUNT; i++)
		option_free(&options[i]);
}

static void
scopes_free(struct scopes *scopes)
{
	struct scope	*s;

	while ((s = TAILQ_FIRST(scopes)) != NULL) {
		TAILQ_REMOVE(scopes, s, entry);
		options_free(s->options);
		free(s->name);
		free(s);
	}
}

static void
rules_free(struct rules *rules)
{
	struct rule		*r;
	struct condition	*cond;

	while ((r = TAILQ_FIRST(rules)) != NULL) {
		TAILQ_REMOVE(rules, r, entry);
		while ((cond = TAILQ_FIRST(&r->conditions)) != NULL) {
			TAILQ_REMOVE(&r->conditions, cond, entry);
			free(cond->text);
			free(cond->header);
			free(cond);
		}
		free(r->header);
		free(r->target);
		free(r);
	}
}

static void
bindings_free(struct config *c)
{
	struct binding_conf	*b;
	struct group	*g;
	struct site	*s;

	while ((b = TAILQ_FIRST(&c->bindings)) != NULL) {
		TAILQ_REMOVE(&c->bindings, b, entry);
		options_free(b->options);
		scopes_free(&b->scopes);
		free(b->name);
		free(b);
	}
	while ((g = TAILQ_FIRST(&c->groups)) != NULL) {
		TAILQ_REMOVE(&c->groups, g, entry);
		options_free(g->options);
		scopes_free(&g->scopes);
		free(g->name);
		free(g);
	}
	while ((s = TAILQ_FIRST(&c->sites)) != NULL) {
		TAILQ_REMOVE(&c->sites, s, entry);
		free(s->name);
		free(s);
	}
}

static void
listeners_free(struct config *c)
{
	struct listener	*l;
	int		 i;

	while ((l = TAILQ_FIRST(&c->listeners)) != NULL) {
		TAILQ_REMOVE(&c->listeners, l, entry);
		for (i = 0; i < l->npki; i++)
			free(l->pki[i]);
		free(l->interface);
		free(l->tag);
		free(l->hostname);
		free(l->trust_header);
		free(l);
	}
}

static void
actions_free(struct config *c)
{
	struct action	*a;
	struct pki	*p;

	while ((a = TAILQ_FIRST(&c->actions)) != NULL) {
		TAILQ_REMOVE(&c->actions, a, entry);
		free(a->name);
		free(a->host);
		free(a->relay_host);
		free(a->relay_label);
		free(a->path);
		free(a);
	}
	while ((p = TAILQ_FIRST(&c->pkis)) != NULL) {
		TAILQ_REMOVE(&c->pkis, p, entry);
		free(p->name);
		free(p->cert);
		free(p->key);
		free(p);
	}
}

void
config_free(struct config *c)
{
	struct named_table	*t;

	if (c == NULL)
		return;
	listeners_free(c);
	actions_free(c);
	rules_free(&c->match);
	rules_free(&c->bind);
	bindings_free(c);
	while ((t = TAILQ_FIRST(&c->tables)) != NULL) {
		TAILQ_REMOVE(&c->tables, t, entry);
		table_free(t->table);
		free(t);
	}
	names_free(&c->names);
	bundle_free(&c->files);
	options_free(c->defaults);
	free(c->hostname);
	free(c->spool);
	free(c->run);
	free(c->control_group);
	free(c->mta_ca_file);
	free(c);
}

struct config *
config_parse(const char *path, const struct config_io *io)
{
	struct reporter	 r = { io, 0 };
	struct config	*c;

	c = config_new(io);
	if (config_read(c, path, &r) == 0)
		config_check(c, &r);
	c->defaults[OPTION_MESSAGE_EXPIRATION].number = c->queue_ttl;
	if (r.errors > 0) {
		config_free(c);
		return (NULL);
	}
	return (c);
}

/* A role's io: the bundle is all there is. */
static const char *
bundle_load(void *arg, const char *path, size_t *len)
{
	struct bundle_file	*f;

	if ((f = bundle_find(arg, path)) == NULL) {
		errno = ENOENT;
		return (NULL);
	}
	*len = f->len;
	f->parsed = 1;
	return (f->text);
}

static int
path_compare(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static char **
bundle_glob(void *arg, const char *pattern)
{
	struct bundle		*bundle = arg;
	struct bundle_file	*f;
	char			**paths;
	size_t			 n = 0;

	TAILQ_FOREACH(f, bundle, entry)
		n++;
	paths = checked(calloc(n + 1, sizeof(*paths)));
	n = 0;
	TAILQ_FOREACH(f, bundle, entry)
		if (fnmatch(pattern, f->path, FNM_PATHNAME | FNM_PERIOD) == 0)
			paths[n++] = checked_strdup(f->path);
	qsort(paths, n, sizeof(*paths), path_compare);
	return (paths);
}

/* The first error is the one that is told. */
static char	 bundle_error[1024];

static void
bundle_report(void *arg, const struct origin *origin, int warning,
    const char *text)
{
	if (!warning && bundle_error[0] == '\0')
		snprintf(bundle_error, sizeof(bundle_error), "%s:%d: %s",
		    origin->file, origin->line, text);
}

/* Lines to a NULL-terminated array; text is cut up, the array to free. */
static char **
lines_of(char *text)
{
	char	**lines, *p;
	size_t	 n = 2;

	for (p = text; *p != '\0'; p++)
		n += *p == '\n';
	lines = checked(calloc(n, sizeof(*lines)));
	for (n = 0; (p = strsep(&text, "\n")) != NULL;)
		if (*p != '\0')
			lines[n++] = p;
	return (lines);
}

struct config *
config_from_bundle(struct bundle *bundle, const char **error)
{
	struct config_io	 io = {
		.load = bundle_load, .glob = bundle_glob,
		.report = bundle_report, .arg = bundle, .role = 1
	};
	struct bundle_file	*f;
	struct config		*c;
	char			*defines = NULL;

	bundle_error[0] = '\0';
	*error = "the configuration is empty";
	if (TAILQ_EMPTY(bundle))
		return (NULL);
	if ((f = bundle_find(bundle, BUNDLE_HOSTNAME)) != NULL)
		io.hostname = f->text;
	if ((f = bundle_find(bundle, BUNDLE_DEFINES)) != NULL) {
		defines = checked_strdup(f->text);
		io.defines = lines_of(defines);
	}
	c = config_parse(TAILQ_FIRST(bundle)->path, &io);
	free(io.defines);
	free(defines);
	*error = c == NULL ? bundle_error : NULL;
	return (c);
}

struct binding_conf *
config_binding(const struct config *c, const char *name)
{
	struct binding_conf	*b = RB_ROOT(&c->binding_tree);
	int		 diff;

	while (b != NULL && (diff = strcmp(name, b->name)) != 0)
		b = diff < 0 ? RB_LEFT(b, node) : RB_RIGHT(b, node);
	return (b);
}

struct group *
config_group(const struct config *c, const char *name)
{
	return (names_find(&c->names, NAME_GROUP, name));
}

struct action *
config_action(const struct config *c, const char *name)
{
	return (names_find(&c->names, NAME_ACTION, name));
}

struct site *
config_site(const struct config *c, const char *name)
{
	return (names_find(&c->names, NAME_SITE, name));
}

struct table *
config_table(const struct config *c, const char *name)
{
	struct named_table	*t;

	t = names_find(&c->names, NAME_TABLE, name);
	return (t == NULL ? NULL : t->table);
}

/* Exact, then the longest "*." pattern, without case. */
static void *
find_domain(const struct config *c, enum name_kind kind, const char *domain)
{
	char	 lower[DOMAIN_MAX + 2];
	char	*p;
	void	*object;

	lower[0] = '*';
	if (strlcpy(lower + 1, domain, sizeof(lower) - 1) >= sizeof(lower) - 1)
		return (NULL);
	for (p = lower + 1; *p != '\0'; p++)
		*p = tolower((unsigned char)*p);
	if ((object = names_find(&c->names, kind, lower + 1)) != NULL)
		return (object);
	for (p = strchr(lower + 1, '.'); p != NULL; p = strchr(p + 1, '.')) {
		p[-1] = '*';
		if ((object = names_find(&c->names, kind, p - 1)) != NULL)
			return (object);
	}
	return (NULL);
}

struct site *
config_site_of(const struct config *c, const char *destination)
{
	return (find_domain(c, NAME_SITE_DOMAIN, destination));
}

struct site *
config_site_of_mx(const struct config *c, const char *host)
{
	struct site	*s;

	TAILQ_FOREACH(s, &c->sites, entry)
		if (s->mx != NULL && table_get_domain(s->mx, host) != NULL)
			return (s);
	return (NULL);
}

struct site *
config_total_of(const struct config *c, const char *destination)
{
	return (find_domain(c, NAME_TOTAL, destination));
}

const char *
origin_text(const struct origin *origin, char *buf, size_t size)
{
	const char	*file = origin->file == NULL ? "default" :
			    origin->file;
	char		 line[16];
	size_t		 len = strlen(file), room;

	(void)snprintf(line, sizeof(line), ":%d", origin->line);
	room = size - 1 - strlen(line);
	(void)snprintf(buf, size, "%s%s", len > room ? file + len - room :
	    file, line);
	return (buf);
}

static int
is_address(const struct sockaddr_storage *addr, const struct sockaddr *peer)
{
	return (addr->ss_family != 0 &&
	    sockaddr_same((const struct sockaddr *)addr, peer));
}

int
config_peer_is_local(const struct config *config, const struct sockaddr *peer)
{
	const struct binding_conf	*b;

	if (!sockaddr_loopback(peer))
		return (0);
	TAILQ_FOREACH(b, &config->bindings, entry)
		if (is_address(&b->addr4, peer) ||
		    is_address(&b->addr6, peer))
			return (0);
	return (1);
}
