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
 * First match wins: match rules (smtpd) and bind rules (mta) over the same
 * facts.  Pure.
 */

#ifndef LIB_RULES_H
#define LIB_RULES_H

#include "lib/config.h"
#include "lib/facts.h"

/*
 * The match rule for rcpt, or NULL: none.  Without "from" a rule is for local
 * senders, without "for" for local recipients, as in smtpd.conf(5).
 */
const struct rule *rules_match(const struct config *, const struct facts *,
		    const char *rcpt);

/* What a bind rule chose. */
struct bind_choice {
	const char	*name;		/* binding or group, or NULL: none */
	const struct rule *rule;	/* NULL: no rule, "default" */
	char		 error[128];	/* why none: text for the log */
};

/*
 * Apply the bind rules; action is the match rule's.  Names only: a group's
 * member is chosen elsewhere.  An unknown binding in a table is no choice,
 * with its error.
 */
void		 rules_bind(const struct config *, const struct facts *,
		    const char *rcpt, const char *action,
		    struct bind_choice *);

/* Whether any bind rule looks at a header. */
int		 rules_want_header(const struct config *);

/* Whether any match rule looks at the client's name. */
int		 rules_want_rdns(const struct config *);
/* Whether the match rule for rcpt hangs on it: facts->rdns is not known. */
int		 rules_need_rdns(const struct config *, const struct facts *,
		    const char *rcpt);

/* Domains that "for local" means: localhost and the hostname. */
int		 rules_domain_is_local(const struct config *, const char *);

#endif
