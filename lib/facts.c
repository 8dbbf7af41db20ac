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
 * Facts on their way from smtpd through queue to mta.  Those roles' handlers
 * call it; put and get name the fields in the same order.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/facts.h"
#include "lib/ipc.h"

/* One bit each of what is yes or no. */
#define FACT_SOCKET	0x01
#define FACT_LOCAL	0x02
#define FACT_TLS	0x04
#define FACT_BOUNCE	0x08

#define NSTRINGS	11

static void	 strings_of(const struct facts *, const char **);
static void	 strings_to(struct facts *, const char **);

static void
strings_of(const struct facts *f, const char **s)
{
	*s++ = f->auth;
	*s++ = f->user;
	*s++ = f->client;
	*s++ = f->helo;
	*s++ = f->rdns;
	*s++ = f->tag;
	*s++ = f->sender;
	*s++ = f->header[0];
	*s++ = f->header[1];
	*s++ = f->binding;
	*s++ = f->group;
}

static void
strings_to(struct facts *f, const char **s)
{
	f->auth = *s++;
	f->user = *s++;
	f->client = *s++;
	f->helo = *s++;
	f->rdns = *s++;
	f->tag = *s++;
	f->sender = *s++;
	f->header[0] = *s++;
	f->header[1] = *s++;
	f->binding = *s++;
	f->group = *s++;
}

void
facts_put(struct ipc *ipc, const struct facts *f)
{
	const char *strings[NSTRINGS];
	uint8_t bits = 0;
	int i;

	if (f->socket)
		bits |= FACT_SOCKET;
	if (f->local)
		bits |= FACT_LOCAL;
	if (f->tls)
		bits |= FACT_TLS;
	if (f->bounce)
		bits |= FACT_BOUNCE;
	ipc_put_u8(ipc, bits);
	strings_of(f, strings);
	for (i = 0; i < NSTRINGS; i++)
		ipc_put_str(ipc, strings[i]);
}

void
facts_get(struct ipc_msg *msg, struct facts *f)
{
	const char *strings[NSTRINGS];
	uint8_t bits;
	int i;

	bits = ipc_get_u8(msg);
	f->socket = (bits & FACT_SOCKET) != 0;
	f->local = (bits & FACT_LOCAL) != 0;
	f->tls = (bits & FACT_TLS) != 0;
	f->bounce = (bits & FACT_BOUNCE) != 0;
	for (i = 0; i < NSTRINGS; i++)
		strings[i] = ipc_get_str(msg);
	strings_to(f, strings);
}

struct facts *
facts_copy(const struct facts *from)
{
	const char *strings[NSTRINGS];
	struct facts *f;
	size_t len, size = sizeof(*f);
	char *p;
	int i;

	strings_of(from, strings);
	for (i = 0; i < NSTRINGS; i++)
		if (strings[i] != NULL)
			size += strlen(strings[i]) + 1;
	if ((f = malloc(size)) == NULL)
		return (NULL);
	*f = *from;
	p = (char *)(f + 1);
	for (i = 0; i < NSTRINGS; i++) {
		if (strings[i] == NULL)
			continue;
		len = strlen(strings[i]) + 1;
		strings[i] = memcpy(p, strings[i], len);
		p += len;
	}
	strings_to(f, strings);
	return (f);
}
