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
 * bindery -n and -nv: is this configuration right, and does this host fit it?
 * The errors are the parser's; here is what only the host and DNS can say,
 * and what is written but does nothing.  It changes nothing, and what DNS
 * answers never makes a configuration wrong.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtpd/parent.h"

static void
check_address(const struct binding *binding,
    const struct sockaddr_storage *addr, struct load_report *report)
{
	const struct sockaddr	*sa = (const struct sockaddr *)addr;
	int			 fd;

	if (sa->sa_family == AF_UNSPEC)
		return;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, sa, sockaddr_len(sa)) == -1)
		load_say(report, &binding->address_origin, 1,
		    "binding \"%s\": bind-address %s: %s", binding->name,
		    sockaddr_text(sa), errno == EADDRNOTAVAIL ?
		    "not an address of this host" : strerror(errno));
	if (fd != -1)
		close(fd);
}

void
check_addresses(const struct config *conf, struct load_report *report)
{
	const struct binding	*binding;

	TAILQ_FOREACH(binding, &conf->bindings, entry) {
		check_address(binding, &binding->addr4, report);
		check_address(binding, &binding->addr6, report);
	}
}

/* Allowed, but limits and failures are counted apart: say so. */
static void
check_shared(const struct config *conf, struct load_report *report)
{
	const struct binding	*a, *b;
	const struct sockaddr	*same;

	TAILQ_FOREACH(a, &conf->bindings, entry) {
		for (b = TAILQ_NEXT(a, entry); b != NULL;
		    b = TAILQ_NEXT(b, entry)) {
			same = NULL;
			if (a->addr4.ss_family != AF_UNSPEC && sockaddr_same(
			    (const struct sockaddr *)&a->addr4,
			    (const struct sockaddr *)&b->addr4))
				same = (const struct sockaddr *)&a->addr4;
			else if (a->addr6.ss_family != AF_UNSPEC &&
			    sockaddr_same((const struct sockaddr *)&a->addr6,
			    (const struct sockaddr *)&b->addr6))
				same = (const struct sockaddr *)&a->addr6;
			if (same == NULL)
				continue;
			load_say(report, &b->address_origin, 1,
			    "bindings \"%s\" and \"%s\" share %s: each keeps "
			    "limits and state of its own", a->name, b->name,
			    sockaddr_text(same));
		}
	}
}

static int
forward_agrees(const char *name, const struct sockaddr *addr, int *error)
{
	struct addrinfo	 hints, *all, *one;
	int		 agrees = 0;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = addr->sa_family;
	hints.ai_socktype = SOCK_STREAM;
	*error = getaddrinfo(name, NULL, &hints, &all);
	if (*error != 0)
		return (0);
	for (one = all; one != NULL; one = one->ai_next)
		agrees |= sockaddr_same(one->ai_addr, addr);
	freeaddrinfo(all);
	return (agrees);
}

/* A receiver asks for both directions before it believes an EHLO name. */
static void
check_name(const struct binding *binding, const char *name,
    const struct sockaddr_storage *addr, struct load_report *report)
{
	const struct sockaddr	*sa = (const struct sockaddr *)addr;
	char			 reverse[NI_MAXHOST];
	int			 error;

	if (sa->sa_family == AF_UNSPEC || sockaddr_loopback(sa))
		return;
	if (!forward_agrees(name, sa, &error)) {
		if (error != 0)
			load_say(report, &binding->origin, 1, "binding "
			    "\"%s\": EHLO name %s: %s", binding->name, name,
			    gai_strerror(error));
		else
			load_say(report, &binding->origin, 1, "binding "
			    "\"%s\": EHLO name %s does not lead to %s",
			    binding->name, name, sockaddr_text(sa));
	}
	error = getnameinfo(sa, sockaddr_len(sa), reverse, sizeof(reverse),
	    NULL, 0, NI_NAMEREQD);
	if (error != 0)
		load_say(report, &binding->origin, 1, "binding \"%s\": no "
		    "reverse DNS for %s: %s", binding->name,
		    sockaddr_text(sa), gai_strerror(error));
	else if (strcasecmp(reverse, name) != 0)
		load_say(report, &binding->origin, 1, "binding \"%s\": "
		    "reverse DNS of %s is %s, the EHLO name is %s",
		    binding->name, sockaddr_text(sa), reverse, name);
}

static void
check_names(const struct config *conf, struct load_report *report)
{
	const struct binding	*binding;
	const struct option	*ehlo;
	const char		*name;

	TAILQ_FOREACH(binding, &conf->bindings, entry) {
		ehlo = config_option(conf, binding, NULL, NULL, OPTION_EHLO);
		name = ehlo->text;
		if (name == NULL || strcmp(name, EHLO_HOSTNAME) == 0)
			name = conf->hostname;
		if (name == NULL || strcmp(name, EHLO_MESSAGE) == 0)
			continue;
		check_name(binding, name, &binding->addr4, report);
		check_name(binding, name, &binding->addr6, report);
	}
}

static int
text_same(const char *a, const char *b)
{
	return (a == b || (a != NULL && b != NULL && strcasecmp(a, b) == 0));
}

static int
condition_same(const struct condition *a, const struct condition *b)
{
	return (a->type == b->type && a->negate == b->negate &&
	    a->table == b->table && text_same(a->text, b->text) &&
	    text_same(a->header, b->header));
}

/* All that first asks for, second asks for too: it can never be reached. */
static int
rule_shadows(const struct rule *first, const struct rule *second)
{
	const struct condition	*a, *b;

	if (first->by != BIND_COND || second->by != BIND_COND)
		return (0);
	TAILQ_FOREACH(a, &first->conditions, entry) {
		TAILQ_FOREACH(b, &second->conditions, entry) {
			if (condition_same(a, b))
				break;
		}
		if (b == NULL)
			return (0);
	}
	return (1);
}

/*
 * kind is "match" or "bind".  A match rule without from or for is narrower
 * than it looks, but then so is the one that it is compared with.
 */
static void
check_shadowed(const struct rules *rules, const char *kind,
    struct load_report *report)
{
	const struct rule	*first, *second;

	TAILQ_FOREACH(second, rules, entry) {
		TAILQ_FOREACH(first, rules, entry) {
			if (first == second)
				break;
			if (!rule_shadows(first, second))
				continue;
			load_say(report, &second->origin, 1, "%s rule %u is "
			    "never reached: rule %u (line %d) takes all that "
			    "it would", kind, second->number, first->number,
			    first->origin.line);
			break;
		}
	}
}

static int
rules_name(const struct rules *rules, const char *target)
{
	const struct rule	*rule;

	TAILQ_FOREACH(rule, rules, entry) {
		if (rule->target != NULL && strcmp(rule->target, target) == 0)
			return (1);
		if (rule->by != BIND_COND)
			return (1);	/* a table may name any */
	}
	return (0);
}

static void
check_unused(const struct config *conf, struct load_report *report)
{
	const struct named_table	*named;
	const struct action		*action;
	const struct binding		*binding;

	TAILQ_FOREACH(named, &conf->tables, entry) {
		if (!named->used)
			load_say(report, &named->origin, 1,
			    "table <%s> is not used",
			    table_name(named->table));
	}
	TAILQ_FOREACH(action, &conf->actions, entry) {
		if (!rules_name(&conf->match, action->name))
			load_say(report, &action->origin, 1,
			    "action \"%s\" is not used", action->name);
	}
	TAILQ_FOREACH(binding, &conf->bindings, entry) {
		if (!binding->declared || binding->group != NULL ||
		    strcmp(binding->name, "*") == 0 ||
		    strcmp(binding->name, "default") == 0)
			continue;
		if (!rules_name(&conf->bind, binding->name))
			load_say(report, &binding->origin, 1,
			    "binding \"%s\": no rule leads to it",
			    binding->name);
	}
}

int
check_run(const struct parent_options *options)
{
	struct load_report	 report = { 0 };
	struct bundle		 files = TAILQ_HEAD_INITIALIZER(files);
	struct config		*conf;

	conf = load_config(options, 0, &files, &report);
	if (conf == NULL) {
		bundle_free(&files);
		return (1);
	}
	if (options->verbose > 0) {
		check_addresses(conf, &report);
		check_shared(conf, &report);
		check_shadowed(&conf->match, "match", &report);
		check_shadowed(&conf->bind, "bind", &report);
		check_unused(conf, &report);
		check_names(conf, &report);
		config_print(conf, stdout);
	} else
		fprintf(stderr, "configuration OK\n");
	config_free(conf);
	bundle_free(&files);
	return (fflush(stdout) == 0 ? 0 : 1);
}
