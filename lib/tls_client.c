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
 * The client's side of libtls.  Without verification every certificate will
 * do: that is opportunistic TLS, and DANE, where mta/dane.c looks at the chain
 * afterwards.
 */

#include <stdint.h>
#include <string.h>
#include <tls.h>

#include "lib/io.h"
#include "lib/tls_client.h"

/*
 * Old peers have but old ciphers, which are better than none; the library
 * takes the best that both have.
 */
static struct tls_config *
client_config(void)
{
	struct tls_config	*config;

	if ((config = tls_config_new()) == NULL)
		return (NULL);
	if (tls_config_set_protocols(config,
	    TLS_PROTOCOL_TLSv1_2 | TLS_PROTOCOL_TLSv1_3) == -1 ||
	    tls_config_set_ciphers(config, "compat") == -1) {
		tls_config_free(config);
		return (NULL);
	}
	return (config);
}

struct tls_config *
tls_client_any(void)
{
	struct tls_config	*config;

	if ((config = client_config()) == NULL)
		return (NULL);
	tls_config_insecure_noverifycert(config);
	tls_config_insecure_noverifyname(config);
	tls_config_insecure_noverifytime(config);
	return (config);
}

static ssize_t
never_read(struct tls *tls, void *buf, size_t len, void *arg)
{
	return (-1);
}

static ssize_t
never_write(struct tls *tls, const void *buf, size_t len, void *arg)
{
	return (-1);
}

struct tls_config *
tls_client_verify(const char *authorities, const char **why)
{
	struct tls_config	*config;
	struct tls		*trial;

	*why = "no memory";
	if ((config = client_config()) == NULL)
		return (NULL);
	if ((trial = tls_client()) != NULL &&
	    tls_config_set_ca_mem(config, (const uint8_t *)authorities,
	    strlen(authorities)) == 0) {
		/* only a connection reads what the text holds; no I/O yet */
		if (tls_configure(trial, config) == 0 &&
		    tls_connect_cbs(trial, never_read, never_write, NULL,
		    "localhost") == 0) {
			tls_free(trial);
			return (config);
		}
		*why = "holds no certificates that libtls can read";
	}
	tls_free(trial);
	tls_config_free(config);
	return (NULL);
}

void
tls_client_free(struct tls_config *config)
{
	tls_config_free(config);
}

const char *
tls_client_chain(struct io *io, size_t *len)
{
	return ((const char *)tls_peer_cert_chain_pem(io_tls(io), len));
}

const char *
tls_client_version(struct io *io)
{
	static const char *const names[] = { "TLSv1.3", "TLSv1.2" };
	const char	*version = io_tls_version(io);
	size_t		 i;

	if (version == NULL)
		return (NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(version, names[i]) == 0)
			return (names[i]);
	return ("TLS");
}
