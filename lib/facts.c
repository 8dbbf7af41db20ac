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
 * call it.  One table says which texts there are, and how long each may be:
 * smtpd's own limits are the same or smaller.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/facts.h"
#include "lib/ipc.h"

/* One bit each of what is yes or no. */
#define FACT_SOCKET	0x01
#define FACT_LOCAL	0x02
#define FACT_TLS	0x04
#define FACT_BOUNCE	0x08

/* In the order in which they are put and got; longest without its NUL. */
static const struct {
	size_t		 offset;
	size_t		 longest;
	const char	*name;
	int		 raw;		/* a client's own octets */
} texts[] = {
	{ offsetof(struct facts, auth), 255, "auth", 0 },
	{ offsetof(struct facts, user), 255, "user", 0 },
	{ offsetof(struct facts, client), 63, "client", 0 },
	{ offsetof(struct facts, helo), DOMAIN_MAX - 1, "helo", 0 },
	{ offsetof(struct facts, rdns), DOMAIN_MAX - 1, "rdns", 0 },
	{ offsetof(struct facts, tag), TAG_MAX_LEN, "tag", 0 },
	{ offsetof(struct facts, sender), ADDRESS_MAX - 1, "sender", 0 },
	{ offsetof(struct facts, header[0]), HEADER_NAME_MAX, "header", 0 },
	{ offsetof(struct facts, header[1]), 255, "header value", 1 },
	{ offsetof(struct facts, binding), NAME_MAX_LEN, "binding", 0 },
	{ offsetof(struct facts, group), NAME_MAX_LEN, "group", 0 },
};

#define NTEXTS	(sizeof(texts) / sizeof(texts[0]))

static const char **
text_of(struct facts *f, size_t i)
{
	return ((const char **)(void *)((char *)f + texts[i].offset));
}

static const char *
text_get(const struct facts *f, size_t i)
{
	const char *text;

	memcpy(&text, (const char *)f + texts[i].offset, sizeof(text));
	return (text);
}

void
facts_put(struct ipc *ipc, const struct facts *f)
{
	uint8_t bits = 0;
	size_t i;

	if (f->socket)
		bits |= FACT_SOCKET;
	if (f->local)
		bits |= FACT_LOCAL;
	if (f->tls)
		bits |= FACT_TLS;
	if (f->bounce)
		bits |= FACT_BOUNCE;
	ipc_put_u8(ipc, bits);
	for (i = 0; i < NTEXTS; i++)
		ipc_put_str(ipc, text_get(f, i));
}

void
facts_get(struct ipc_msg *msg, struct facts *f)
{
	uint8_t bits;
	size_t i;

	bits = ipc_get_u8(msg);
	f->socket = (bits & FACT_SOCKET) != 0;
	f->local = (bits & FACT_LOCAL) != 0;
	f->tls = (bits & FACT_TLS) != 0;
	f->bounce = (bits & FACT_BOUNCE) != 0;
	for (i = 0; i < NTEXTS; i++)
		*text_of(f, i) = ipc_get_str(msg);
}

const char *
facts_wrong(const struct facts *f)
{
	const char *text;
	size_t i, len;

	for (i = 0; i < NTEXTS; i++) {
		if ((text = text_get(f, i)) == NULL)
			continue;
		for (len = 0; text[len] != '\0'; len++)
			if (len == texts[i].longest || (!texts[i].raw &&
			    ((unsigned char)text[len] < ' ' ||
			    text[len] == 0x7f)))
				return (texts[i].name);
	}
	return (NULL);
}

size_t
facts_size(const struct facts *f)
{
	const char *text;
	size_t i, size = sizeof(*f);

	for (i = 0; i < NTEXTS; i++)
		if ((text = text_get(f, i)) != NULL)
			size += strlen(text) + 1;
	return (size);
}

struct facts *
facts_copy(const struct facts *from)
{
	const char *text;
	struct facts *f;
	size_t i, len;
	char *p;

	if ((f = malloc(facts_size(from))) == NULL)
		return (NULL);
	*f = *from;
	p = (char *)(f + 1);
	for (i = 0; i < NTEXTS; i++) {
		if ((text = text_get(from, i)) == NULL)
			continue;
		len = strlen(text) + 1;
		*text_of(f, i) = memcpy(p, text, len);
		p += len;
	}
	return (f);
}
