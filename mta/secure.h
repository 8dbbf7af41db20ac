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
 * What a connection must be before mail may go over it: policy.c says how
 * much TLS and whose login, starttls.c and login.c get there, dane.c judges
 * certificates by TLSA records.
 */

#ifndef MTA_SECURE_H
#define MTA_SECURE_H

#include <stddef.h>

#include "lib/config.h"

struct connection;
struct dane;
struct dns_answer;
struct lane;

/*
 * policy.c: part of a connection's identity.
 */
struct policy {
	enum tls_policy	 tls;		/* never TLS_POLICY_SMTPS */
	int		 smtps;		/* TLS from the first octet */
	int		 auth;		/* log in, as the action says */
	char		 action[NAME_MAX_LEN + 1];
};

/* For the mail of this action; a name that is gone: as little as allowed. */
void		 policy_for(const struct lane *, const char *action,
		    struct policy *);
/* May mail that wants one go over a connection that has the other? */
int		 policy_same(const struct policy *, const struct policy *);

/*
 * starttls.c: STARTTLS and smtps.  Where an int is -1 the connection is gone.
 */
void		 starttls_configured(const struct config *);
/* smtps, on a fresh connection: 1 when TLS was begun, 0: it is not wanted. */
int		 starttls_first(struct connection *);
/* EHLO or HELO was answered: what is still to be done, or ready. */
int		 starttls_next(struct connection *);
/* STARTTLS was answered. */
int		 starttls_reply(struct connection *);
/* The handshake is done. */
void		 starttls_done(struct connection *);
/*
 * The connection broke.  1 when TLS is to blame and the same host is being
 * asked again in clear: nothing is to be done.
 */
int		 starttls_broken(struct connection *, const char *what);

/*
 * login.c: SMTP AUTH (RFC 4954), never in clear.
 */
/* The mechanisms of an "AUTH" line of the answer to EHLO. */
void		 login_offered(struct connection *, const char *, size_t);
int		 login_start(struct connection *);
int		 login_reply(struct connection *);

/*
 * dane.c: TLSA records (RFC 7672).
 */
/*
 * Of an authentic answer to TLSA for the host of that name; whoever holds it
 * releases it.
 */
struct dane	*dane_new(const struct dns_answer *, const char *base);
/* The name whose records they are (RFC 7672: the TLSA base domain). */
const char	*dane_base(const struct dane *);
struct dane	*dane_hold(struct dane *);
void		 dane_release(struct dane *);
/* Has it a record that we can use?  If not, any certificate will do. */
int		 dane_usable(const struct dane *);
/* Do the certificates, PEM, agree?  names: of the host; ends with NULL. */
int		 dane_match(const struct dane *, const char *pem, size_t,
		    const char *const names[]);

#endif
