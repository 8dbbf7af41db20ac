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
 * Options of bindings: their names and values, and which value holds for a
 * lane (bindery.conf(5)).  Called by the parser, mta and queue.  Pure.
 */

#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/config_private.h"
#include "lib/text.h"

enum option_kind {
	KIND_COUNT,		/* 1.. */
	KIND_WEIGHT,		/* 0.. */
	KIND_RATE,
	KIND_BOOLEAN,
	KIND_TIME,
	KIND_FAMILY,
	KIND_EHLO,
	KIND_HOPS,
	KIND_TLS
};

static const struct {
	const char		*name;
	enum option_kind	 kind;
	int			 in_scope;
} option_table[OPTION_COUNT] = {
	[OPTION_FAMILY] = { "family", KIND_FAMILY, 1 },
	[OPTION_EHLO] = { "ehlo-hostname", KIND_EHLO, 0 },
	[OPTION_MAX_OUTBOUND_CONNECTIONS] =
	    { "max-outbound-connections", KIND_COUNT, 1 },
	[OPTION_MAX_CONNECTIONS] = { "max-connections", KIND_COUNT, 0 },
	[OPTION_MAX_MESSAGES] = { "max-messages", KIND_COUNT, 1 },
	[OPTION_RATE] = { "rate", KIND_RATE, 1 },
	[OPTION_SUSPEND_DELIVERY] = { "suspend-delivery", KIND_BOOLEAN, 1 },
	[OPTION_SUSPEND_RECEPTION] = { "suspend-reception", KIND_BOOLEAN, 0 },
	[OPTION_QUEUE_LIMIT] = { "queue-limit", KIND_COUNT, 0 },
	[OPTION_MESSAGE_EXPIRATION] = { "message-expiration", KIND_TIME, 1 },
	[OPTION_NEXT_HOPS] = { "next-hops", KIND_HOPS, 0 },
	[OPTION_CONNECT_TIMEOUT] = { "connect-timeout", KIND_TIME, 1 },
	[OPTION_MAX_HOSTS] = { "max-hosts", KIND_COUNT, 0 },
	[OPTION_WEIGHT] = { "weight", KIND_WEIGHT, 0 },
	[OPTION_TLS] = { "tls", KIND_TLS, 1 }
};

#define COUNT_MAX	1000000000
#define WEIGHT_MAX	1000000
#define PERIOD_MAX	(31 * 86400)

const char *
option_name(enum option_id id)
{
	return (option_table[id].name);
}

int
option_in_scope(enum option_id id)
{
	return (option_table[id].in_scope);
}

void
option_free(struct option *o)
{
	free(o->text);
	if (o->hops != NULL)
		free(o->hops->cidrs);
	free(o->hops);
	memset(o, 0, sizeof(*o));
}

static int
parse_count(const char *text, struct option *o, long long least,
    long long most, const char **why)
{
	const char	*error;

	o->number = strtonum(text, least, most, &error);
	if (error == NULL)
		return (0);
	*why = strcmp(error, "invalid") == 0 ? "is not a number" :
	    strcmp(error, "too small") == 0 ? "is too small" : "is too large";
	return (-1);
}

static int
parse_rate(const char *text, struct option *o, const char **why)
{
	char		 count[32];
	const char	*slash;
	size_t		 len;

	*why = "is not a rate such as 60/1m";
	if ((slash = strchr(text, '/')) == NULL)
		return (-1);
	len = slash - text;
	if (len >= sizeof(count))
		return (-1);
	memcpy(count, text, len);
	count[len] = '\0';
	if ((o->number = strtonum(count, 1, COUNT_MAX, NULL)) == 0)
		return (-1);
	if (duration_parse(slash + 1, &o->seconds) == -1) {
		*why = "is not a rate such as 60/1m: its period has a unit";
		return (-1);
	}
	if (o->seconds < 1 || o->seconds > PERIOD_MAX) {
		*why = "has a period that is not between 1s and 31d";
		return (-1);
	}
	return (0);
}

static int
parse_family(const char *text, struct option *o, const char **why)
{
	if (strcasecmp(text, "inet4") == 0)
		o->number = AF_INET;
	else if (strcasecmp(text, "inet6") == 0)
		o->number = AF_INET6;
	else if (strcasecmp(text, "any") == 0)
		o->number = AF_UNSPEC;
	else {
		*why = "is not inet4, inet6 or any";
		return (-1);
	}
	return (0);
}

static int
parse_ehlo(const char *text, struct option *o, const char **why)
{
	struct sockaddr_storage	 ss;

	if (strcasecmp(text, EHLO_HOSTNAME) == 0)
		text = EHLO_HOSTNAME;
	else if (strcasecmp(text, EHLO_MESSAGE) == 0)
		text = EHLO_MESSAGE;
	else if (text[0] == '[') {
		if (sockaddr_parse(text, &ss) == -1) {
			*why = "is not an address literal";
			return (-1);
		}
	} else if (!domain_valid(text)) {
		*why = "is not a domain name";
		return (-1);
	}
	o->text = checked_strdup(text);
	return (0);
}

static int
parse_boolean(const char *text, struct option *o, const char **why)
{
	if (strcasecmp(text, "true") == 0)
		o->number = 1;
	else if (strcasecmp(text, "false") == 0)
		o->number = 0;
	else {
		*why = "is not true or false";
		return (-1);
	}
	return (0);
}

static int
parse_time(const char *text, struct option *o, const char **why)
{
	if (duration_parse(text, &o->number) == -1) {
		*why = duration_error(text);
		return (-1);
	}
	if (o->number < 1 || o->number > COUNT_MAX) {
		*why = o->number < 1 ? "is too short" : "is too long";
		return (-1);
	}
	return (0);
}

/* In the order of enum tls_policy. */
static const char *const tls_names[] = {
	[TLS_POLICY_OPPORTUNISTIC] = "opportunistic",
	[TLS_POLICY_NONE] = "none",
	[TLS_POLICY_REQUIRE] = "require",
	[TLS_POLICY_VERIFY] = "verify"
};

static int
parse_tls(const char *text, struct option *o, const char **why)
{
	size_t	 i;

	for (i = 0; i < sizeof(tls_names) / sizeof(tls_names[0]); i++) {
		if (strcasecmp(text, tls_names[i]) == 0) {
			o->number = (int64_t)i;
			return (0);
		}
	}
	*why = "is not none, opportunistic, require or verify";
	return (-1);
}

int
option_parse(enum option_id id, const char *text, struct option *o,
    const char **why)
{
	switch (option_table[id].kind) {
	case KIND_COUNT:
		return (parse_count(text, o, 1, COUNT_MAX, why));
	case KIND_WEIGHT:
		return (parse_count(text, o, 0, WEIGHT_MAX, why));
	case KIND_RATE:
		return (parse_rate(text, o, why));
	case KIND_BOOLEAN:
		return (parse_boolean(text, o, why));
	case KIND_TIME:
		return (parse_time(text, o, why));
	case KIND_FAMILY:
		return (parse_family(text, o, why));
	case KIND_EHLO:
		return (parse_ehlo(text, o, why));
	case KIND_TLS:
		return (parse_tls(text, o, why));
	case KIND_HOPS:
		break;
	}
	*why = "is not a value";
	return (-1);
}

/* The block for destination: exact, then the longest "*." that matches. */
static const struct scope *
scope_find(const struct scopes *scopes, const char *name, int is_site,
    enum option_id id)
{
	const struct scope	*s, *best = NULL;

	if (name == NULL)
		return (NULL);
	TAILQ_FOREACH(s, scopes, entry) {
		if (s->is_site != is_site || !s->options[id].set)
			continue;
		if (is_site) {
			if (strcmp(s->name, name) == 0)
				return (s);
			continue;
		}
		if (strcasecmp(s->name, name) == 0)
			return (s);
		if (domain_match(s->name, name) && (best == NULL ||
		    strlen(s->name) > strlen(best->name)))
			best = s;
	}
	return (best);
}

const struct option *
config_option_at(const struct config *config,
    const struct binding_conf *binding, enum option_level level,
    const char *name, enum option_id id)
{
	const struct binding_conf	*all;
	const struct scope	*s;
	const struct scopes	*scopes[3];
	const struct option	*options[3];
	int			 i, n = 0;

	scopes[n] = &binding->scopes;
	options[n++] = binding->options;
	if (binding->group != NULL) {
		scopes[n] = &binding->group->scopes;
		options[n++] = binding->group->options;
	}
	if ((all = config_binding(config, "*")) != NULL && all != binding) {
		scopes[n] = &all->scopes;
		options[n++] = all->options;
	}
	for (i = 0; i < n; i++) {
		if (level == LEVEL_PLAIN) {
			if (options[i][id].set)
				return (&options[i][id]);
		} else if ((s = scope_find(scopes[i], name,
		    level == LEVEL_SITE, id)) != NULL)
			return (&s->options[id]);
	}
	return (NULL);
}

const struct option *
config_option(const struct config *config, const struct binding_conf *binding,
    const char *destination, const char *site, enum option_id id)
{
	const struct option	*o;

	if ((o = config_option_at(config, binding, LEVEL_DOMAIN, destination,
	    id)) == NULL &&
	    (o = config_option_at(config, binding, LEVEL_SITE, site, id)) ==
	    NULL &&
	    (o = config_option_at(config, binding, LEVEL_PLAIN, NULL, id)) ==
	    NULL)
		o = &config->defaults[id];
	return (o);
}

const char *
written_time(int64_t seconds)
{
	static char	 buffers[4][32];
	static int	 next;
	static const struct {
		int64_t	 seconds;
		char	 unit;
	} units[] = {
		{ 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' }
	};
	char		*buffer = buffers[next++ % 4];
	size_t		 i = 0;

	while (seconds == 0 ? i < 3 : seconds % units[i].seconds != 0)
		i++;
	snprintf(buffer, sizeof(buffers[0]), "%lld%c",
	    (long long)(seconds / units[i].seconds), units[i].unit);
	return (buffer);
}

const char *
written_size(int64_t octets)
{
	static char	 buffers[4][32];
	static int	 next;
	char		*buffer = buffers[next++ % 4];
	const char	*unit = "";

	if (octets != 0 && octets % (1LL << 30) == 0) {
		octets >>= 30;
		unit = "G";
	} else if (octets != 0 && octets % (1 << 20) == 0) {
		octets >>= 20;
		unit = "M";
	} else if (octets != 0 && octets % (1 << 10) == 0) {
		octets >>= 10;
		unit = "K";
	}
	snprintf(buffer, sizeof(buffers[0]), "%lld%s", (long long)octets,
	    unit);
	return (buffer);
}

/* What does not fit ends in "...": for people; config_print has it whole. */
static void
hops_text(const struct next_hops *hops, char *text, size_t size)
{
	const char	*key;
	size_t		 next = 0, len;
	int		 n;

	n = snprintf(text, size, "%s", hops->negate ? "! " : "");
	len = n < 0 ? 0 : (size_t)n;
	if (hops->table != NULL && table_name(hops->table) != NULL) {
		snprintf(text + len, size - len, "<%s>",
		    table_name(hops->table));
		return;
	}
	strlcat(text, "{", size);
	while (hops->table != NULL &&
	    table_each(hops->table, &next, &key, NULL)) {
		if (strlen(text) + strlen(key) + 8 >= size) {
			strlcat(text, " ...", size);
			break;
		}
		strlcat(text, " ", size);
		strlcat(text, key, size);
	}
	strlcat(text, " }", size);
}

const char *
option_text(enum option_id id, const struct option *o)
{
	static char	 buffers[4][256];
	static int	 next;
	char		*text = buffers[next++ % 4];
	size_t		 size = sizeof(buffers[0]);

	switch (option_table[id].kind) {
	case KIND_COUNT:
		if (o->number == 0)
			return ("none");
		/* FALLTHROUGH */
	case KIND_WEIGHT:
		snprintf(text, size, "%lld", (long long)o->number);
		break;
	case KIND_RATE:
		if (o->number == 0)
			return ("none");
		snprintf(text, size, "%lld/%s", (long long)o->number,
		    written_time(o->seconds));
		break;
	case KIND_BOOLEAN:
		return (o->number ? "true" : "false");
	case KIND_TIME:
		return (written_time(o->number));
	case KIND_FAMILY:
		return (o->number == AF_INET ? "inet4" :
		    o->number == AF_INET6 ? "inet6" : "any");
	case KIND_EHLO:
		if (o->text == NULL || strcmp(o->text, EHLO_HOSTNAME) == 0)
			return (EHLO_HOSTNAME);
		if (strcmp(o->text, EHLO_MESSAGE) == 0)
			return (EHLO_MESSAGE);
		snprintf(text, size, "\"%s\"", o->text);
		break;
	case KIND_HOPS:
		if (o->hops == NULL)
			return ("none");
		hops_text(o->hops, text, size);
		break;
	case KIND_TLS:
		return (tls_names[o->number]);
	}
	return (text);
}
