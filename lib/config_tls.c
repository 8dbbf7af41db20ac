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
 * What the configuration asks of TLS on the way out.
 */

#include <string.h>

#include "lib/config.h"

/* A password is for nobody but the host that was meant. */
enum tls_policy
config_action_tls(const struct action *a)
{
	if (a->tls == TLS_POLICY_OPPORTUNISTIC || a->tls == TLS_POLICY_NONE)
		return (a->tls);
	if (a->tls_verify == TLS_WORDS_VERIFY || (a->auth != NULL &&
	    a->tls_verify != TLS_WORDS_NO_VERIFY))
		return (TLS_POLICY_VERIFY);
	return (TLS_POLICY_REQUIRE);
}

static int
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	return (strcmp(a, b) == 0);
}

/* Who logs in does so for one action only. */
int
config_action_same_way(const struct action *a, const struct action *b)
{
	return (a == b || (a->auth == NULL && b->auth == NULL &&
	    a->tls == b->tls && a->tls_verify == b->tls_verify &&
	    a->relay_port == b->relay_port && same_text(a->host, b->host)));
}

static int
options_verify(const struct option *options, const struct scopes *scopes)
{
	const struct scope	*scope;

	if (options[OPTION_TLS].set &&
	    options[OPTION_TLS].number == TLS_POLICY_VERIFY)
		return (1);
	TAILQ_FOREACH(scope, scopes, entry)
		if (scope->options[OPTION_TLS].set &&
		    scope->options[OPTION_TLS].number == TLS_POLICY_VERIFY)
			return (1);
	return (0);
}

int
config_verifies(const struct config *conf)
{
	const struct action	*action;
	const struct binding_conf	*binding;
	const struct group	*group;

	TAILQ_FOREACH(action, &conf->actions, entry)
		if (config_action_tls(action) == TLS_POLICY_VERIFY)
			return (1);
	TAILQ_FOREACH(binding, &conf->bindings, entry)
		if (options_verify(binding->options, &binding->scopes))
			return (1);
	TAILQ_FOREACH(group, &conf->groups, entry)
		if (options_verify(group->options, &group->scopes))
			return (1);
	return (0);
}
