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
 * What a listener asks of its sessions beside being reached: TLS, AUTH,
 * senders, the trusted header.  Made by server.c for each door; it outlives
 * the configuration as long as a session came by that door, so it borrows
 * nothing.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/role.h"
#include "lib/text.h"
#include "lib/tls_server.h"
#include "smtpd/smtpd.h"

static const struct pki *
pki_find(const struct config *conf, const char *name)
{
	const struct pki	*pki;

	TAILQ_FOREACH(pki, &conf->pkis, entry) {
		if (strcmp(pki->name, name) == 0)
			return (pki);
	}
	return (NULL);
}

/* The parent has tried the same already: a failure here is its bug. */
static struct tls *
context_new(const struct config *conf, const struct listener *l)
{
	struct tls_pair		 pairs[LISTEN_PKIS];
	const struct pki	*pki;
	struct tls		*context;
	const char		*why;
	int			 i;

	for (i = 0; i < l->npki; i++) {
		if ((pki = pki_find(conf, l->pki[i])) == NULL ||
		    (pairs[i].cert = role_file(pki->cert)) == NULL ||
		    (pairs[i].key = role_file(pki->key)) == NULL) {
			log_warnx("pki %s did not come", l->pki[i]);
			return (NULL);
		}
	}
	if ((context = tls_server_new(pairs, l->npki, &why)) == NULL)
		log_warnx("listener %u: no TLS: %s", l->index, why);
	return (context);
}

/* Each header that a listener trusts, this one's own first. */
static void
strips_add(struct policy *p, const char *name)
{
	unsigned int	 i;

	if (name == NULL || p->nstrips == CONFIG_TRUSTED)
		return;
	for (i = 0; i < p->nstrips; i++)
		if (strcasecmp(p->strips[i], name) == 0)
			return;
	p->strips[p->nstrips++] = text_copy(name);
}

struct policy *
policy_new(const struct config *conf, const struct listener *l)
{
	const struct listener	*other;
	struct policy		*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("calloc");
	p->tls = l->tls;
	p->auth = text_copy(l->auth == NULL ? NULL : table_name(l->auth));
	p->auth_optional = l->auth_optional;
	p->auth_insecure = l->auth_insecure;
	p->senders = text_copy(l->senders == NULL ? NULL :
	    table_name(l->senders));
	p->trust_header = text_copy(l->trust_header);
	strips_add(p, l->trust_header);
	TAILQ_FOREACH(other, &conf->listeners, entry)
		strips_add(p, other->trust_header);
	if (l->tls != LISTEN_PLAIN)
		p->context = context_new(conf, l);
	return (p);
}

void
policy_free(struct policy *p)
{
	unsigned int	 i;

	if (p == NULL)
		return;
	tls_server_free(p->context);
	free(p->auth);
	free(p->senders);
	free(p->trust_header);
	for (i = 0; i < p->nstrips; i++)
		free(p->strips[i]);
	free(p);
}

/* Every context has its own form of them by now. */
void
policy_wipe_keys(const struct config *conf)
{
	const struct pki	*pki;

	TAILQ_FOREACH(pki, &conf->pkis, entry)
		role_wipe(pki->key);
}
