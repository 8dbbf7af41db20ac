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
 * The server's side of libtls: certificates and keys become a context.  The
 * handshakes themselves are io_tls.c's.  The keys given are the caller's to
 * wipe; what libtls copied of them is wiped here.
 */

#include <stdint.h>
#include <string.h>
#include <tls.h>

#include "lib/tls_server.h"

static struct {
	char	 why[256];
} state;

static const char *
why_not(const char *text)
{
	strlcpy(state.why, text == NULL ? "not usable" : text,
	    sizeof(state.why));
	return (state.why);
}

/* 0, or -1 as libtls has it. */
static int
pairs_set(struct tls_config *config, const struct tls_pair *pairs, size_t n)
{
	const struct tls_pair	*p;
	size_t			 i;

	for (i = 0; i < n; i++) {
		p = &pairs[i];
		if ((i == 0 ? tls_config_set_keypair_mem :
		    tls_config_add_keypair_mem)(config,
		    (const uint8_t *)p->cert, strlen(p->cert),
		    (const uint8_t *)p->key, strlen(p->key)) == -1)
			return (-1);
	}
	return (0);
}

struct tls *
tls_server_new(const struct tls_pair *pairs, size_t n, const char **why)
{
	struct tls_config	*config;
	struct tls		*server = NULL;

	if ((config = tls_config_new()) == NULL) {
		*why = why_not("no memory");
		return (NULL);
	}
	if (tls_config_set_protocols(config,
	    TLS_PROTOCOL_TLSv1_2 | TLS_PROTOCOL_TLSv1_3) == -1 ||
	    pairs_set(config, pairs, n) == -1)
		*why = why_not(tls_config_error(config));
	else if ((server = tls_server()) == NULL)
		*why = why_not("no memory");
	else if (tls_configure(server, config) == -1) {
		*why = why_not(tls_error(server));
		tls_free(server);
		server = NULL;
	}
	tls_config_clear_keys(config);
	tls_config_free(config);
	return (server);
}

void
tls_server_free(struct tls *server)
{
	tls_free(server);
}
