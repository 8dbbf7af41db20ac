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
 * How much TLS, and whose login, the mail of an action wants over a lane: the
 * stricter of what the action says and what holds for the binding, domain or
 * site.  Called before a connection is opened or used again.
 */

#include <string.h>

#include "mta/mta.h"
#include "mta/secure.h"
#include "mta/work.h"

static int
strictness(enum tls_policy tls)
{
	switch (tls) {
	case TLS_POLICY_NONE:
		return (0);
	case TLS_POLICY_OPPORTUNISTIC:
		return (1);
	case TLS_POLICY_VERIFY:
		return (3);
	default:
		return (2);
	}
}

void
policy_for(const struct lane *lane, const char *name, struct policy *p)
{
	const struct option	*o;
	const struct action	*a;
	enum tls_policy		 said;

	memset(p, 0, sizeof(*p));
	strlcpy(p->action, name, sizeof(p->action));
	o = work_option(lane, OPTION_TLS);
	p->tls = (enum tls_policy)o->number;
	if ((a = config_action(mta_config(), name)) == NULL)
		return;
	p->smtps = a->tls == TLS_POLICY_SMTPS;
	p->auth = a->auth != NULL;
	said = config_action_tls(a);
	switch (said) {
	case TLS_POLICY_OPPORTUNISTIC:
		/* nothing was said */
		break;
	case TLS_POLICY_NONE:
		if (p->tls == TLS_POLICY_OPPORTUNISTIC)
			p->tls = TLS_POLICY_NONE;
		break;
	default:
		if (strictness(said) > strictness(p->tls))
			p->tls = said;
	}
}

int
policy_same(const struct policy *a, const struct policy *b)
{
	return (a->tls == b->tls && a->smtps == b->smtps &&
	    a->auth == b->auth &&
	    (!a->auth || strcmp(a->action, b->action) == 0));
}
