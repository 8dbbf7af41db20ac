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
 * libFuzzer entry for addresses of both kinds: what is read and written out
 * reads as the same again.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/address.h"
#include "lib/text.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
mail(const char *text)
{
	const char	*domain;

	if (address_valid(text, 0))
		must(address_valid(text, 1));
	if (!address_valid(text, 1))
		return;
	domain = address_domain(text);
	must(*domain != '\0' && address_same(text, text));
	must(address_local_len(text) == (size_t)(domain - text) - 1);
	must(domain_match(domain, domain));
}

static void
network(const char *text)
{
	struct sockaddr_storage	 ss, again;
	struct cidr		 cidr;
	const struct sockaddr	*sa = (const struct sockaddr *)&ss;

	if (sockaddr_parse(text, &ss) == 0) {
		must(sockaddr_parse(sockaddr_text(sa), &again) == 0);
		must(sockaddr_same(sa, (const struct sockaddr *)&again));
		must(sockaddr_parse(sockaddr_literal(sa), &again) == 0);
		must(sockaddr_same(sa, (const struct sockaddr *)&again));
	}
	if (cidr_parse(text, &cidr) == 0)
		must(cidr_match(&cidr,
		    (const struct sockaddr *)&cidr.addr));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	*text, decoded[256];

	if ((text = malloc(size + 1)) == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	mail(text);
	network(text);
	(void)domain_valid(text);
	(void)domain_match(text, "a.example.org");
	if (xtext_decode(text, decoded, sizeof(decoded)) == 0)
		must(strlen(decoded) <= size);
	free(text);
	return (0);
}
