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
 * TLS of an SMTP client (RFC 3207, 7672, 8314) before the first MAIL.  Called
 * by client.c.  What the policy or the host's TLSA records ask for is never
 * given up; where TLS is only welcome, a handshake that fails is followed by
 * the same host in clear, from the same address, as part of the same try.
 */

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "lib/tls_client.h"
#include "mta/client.h"
#include "mta/mta.h"
#include "mta/trace.h"
#include "mta/work.h"

#define SECURE_HANDSHAKE	60	/* seconds */
#define SECURE_AUTHORITIES	"ca.pem"	/* as the parent names it */

/* Made when first needed: the authorities alone are a megabyte. */
static struct {
	struct tls_config	*any;
	struct tls_config	*verify;
	const char		*why;	/* there is no verify */
} secure;

void
starttls_configured(const struct config *conf)
{
	/* connections that use the old ones keep them */
	tls_client_free(secure.any);
	tls_client_free(secure.verify);
	secure.any = secure.verify = NULL;
	secure.why = NULL;
}

static struct tls_config *
any_config(void)
{
	if (secure.any == NULL && (secure.any = tls_client_any()) == NULL)
		fatalx("libtls does not start");
	return (secure.any);
}

/* NULL: secure.why says why, and the log once. */
static struct tls_config *
verify_config(void)
{
	const struct config	*conf = mta_config();
	const char		*authorities = role_file(SECURE_AUTHORITIES);

	if (secure.verify != NULL || secure.why != NULL)
		return (secure.verify);
	if (authorities != NULL)
		secure.verify = tls_client_verify(authorities, &secure.why);
	else
		secure.why = "is not there";
	if (secure.verify == NULL)
		log_warnx("%s %s: what is to be verified waits",
		    conf->mta_ca_file == NULL ? "the system's ca-file" :
		    conf->mta_ca_file, secure.why);
	return (secure.verify);
}

static int
insisted(const struct connection *c)
{
	return (c->policy.tls == TLS_POLICY_REQUIRE ||
	    c->policy.tls == TLS_POLICY_VERIFY);
}

/* It is TLS or nothing. */
static int
required(const struct connection *c)
{
	return (insisted(c) || c->policy.smtps || c->dane != NULL);
}

/* -1, as the connection is gone. */
static int
refuse(struct connection *c, const char *text)
{
	c->refused = insisted(c);
	connection_failed(c, text);
	return (-1);
}

/* The name that the certificate should have. */
static const char *
peer_name(const struct connection *c)
{
	struct sockaddr_storage	 ss;

	if (c->dane != NULL && dane_usable(c->dane))
		return (dane_base(c->dane));
	if (sockaddr_parse(c->place.mx, &ss) == 0)
		return (sockaddr_text((const struct sockaddr *)&ss));
	return (c->place.mx);
}

static int
handshake(struct connection *c)
{
	struct tls_config	*config;
	char			 text[MTA_TEXT];

	/* records that can be used take the place of the authorities */
	if (c->policy.tls == TLS_POLICY_VERIFY &&
	    (c->dane == NULL || !dane_usable(c->dane)))
		config = verify_config();
	else
		config = any_config();
	if (config == NULL) {
		snprintf(text, sizeof(text), "the certificate of %s cannot be "
		    "verified: ca-file %s", c->place.mx, secure.why);
		return (refuse(c, text));
	}
	connection_stage(c, STAGE_TLS);
	io_set_deadline(c->io, mta_timeout(SECURE_HANDSHAKE));
	if (io_tls_client(c->io, config, peer_name(c)) == -1) {
		snprintf(text, sizeof(text), "TLS with %s: %s", c->place.mx,
		    io_error(c->io));
		return (refuse(c, text));
	}
	return (0);
}

int
starttls_first(struct connection *c)
{
	if (!c->policy.smtps)
		return (0);
	return (handshake(c) == -1 ? -1 : 1);
}

int
starttls_next(struct connection *c)
{
	char	 text[MTA_TEXT];

	if (!c->secure && !c->clear && c->policy.tls != TLS_POLICY_NONE) {
		if (c->starttls) {
			io_printf(c->io, "STARTTLS\r\n");
			connection_stage(c, STAGE_TLS);
			client_expect(c, COMMAND_STARTTLS, 0);
			return (0);
		}
		if (required(c)) {
			snprintf(text, sizeof(text), "%s offers no STARTTLS, "
			    "which %s", c->place.mx, c->dane != NULL ?
			    "its TLSA records ask for" : "is required");
			return (refuse(c, text));
		}
	}
	if (c->policy.auth)
		return (login_start(c));
	connection_ready(c);
	return (0);
}

int
starttls_reply(struct connection *c)
{
	char	 text[MTA_TEXT + 16];

	if (c->reply.code == 220)
		return (handshake(c));
	if (required(c)) {
		snprintf(text, sizeof(text), "STARTTLS: %s", c->reply.text);
		return (refuse(c, text));
	}
	c->clear = 1;
	return (starttls_next(c));
}

/* By its records, in the name of the host or of the domain that led to it. */
static int
agrees(const struct connection *c)
{
	const char	*chain, *names[3];
	size_t		 len;

	names[0] = dane_base(c->dane);
	names[1] = c->lane->destination;
	names[2] = NULL;
	return ((chain = tls_client_chain(c->io, &len)) != NULL &&
	    dane_match(c->dane, chain, len, names));
}

void
starttls_done(struct connection *c)
{
	char	 text[MTA_TEXT];

	c->secure = 1;
	c->place.tls = tls_client_version(c->io);
	c->place.verified = "no";
	if (c->dane != NULL && dane_usable(c->dane)) {
		if (!agrees(c)) {
			snprintf(text, sizeof(text), "the certificate of %s "
			    "is none of its TLSA records", c->place.mx);
			(void)refuse(c, text);
			return;
		}
		c->place.verified = "dane";
	} else if (c->policy.tls == TLS_POLICY_VERIFY)
		c->place.verified = "yes";
	trace_note(c, "%s, %s, verified: %s", c->place.tls,
	    io_tls_cipher(c->io), c->place.verified);
	if (c->policy.smtps)
		client_greeting(c);
	else
		client_hello(c, STAGE_EHLO);
}

/* TLS is not to be had: one line, so that it is known why it went in clear. */
static void
report_clear(const struct connection *c, const char *what)
{
	struct logline	 l;

	logline_start(&l, "cleartext");
	logline_add(&l, "binding", "%s", c->binding->name);
	logline_add(&l, "src", "%s",
	    sockaddr_text((const struct sockaddr *)&c->place.src));
	logline_add(&l, "mx", "%s", c->place.mx);
	logline_add(&l, "dst", "%s",
	    sockaddr_text_port((const struct sockaddr *)&c->place.dst));
	logline_text(&l, "stat", what);
	logline_end(&l);
}

int
starttls_broken(struct connection *c, const char *what)
{
	char	 text[MTA_TEXT];

	/* under TLS the answer to EHLO is the proof that it works */
	if (c->stage != STAGE_TLS && !(c->secure && c->stage == STAGE_EHLO))
		return (0);
	if (required(c)) {
		c->refused = insisted(c);
		return (0);
	}
	trace_note(c, "TLS: %s: again, in clear", what);
	/* the words may be the old connection's */
	strlcpy(text, what, sizeof(text));
	if (connection_again(c) == -1)
		return (0);
	report_clear(c, text);
	return (1);
}
