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
 * libFuzzer entry for the head of a PROXY protocol connection: octets that
 * come one by one end where those that come at once do, and never earlier.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/proxy.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_storage	 client, again;
	size_t			 need, len, want;
	char			*text;
	int			 whole, part = 0;

	whole = proxy_parse((const char *)data, size, &need, &client);
	for (len = 1; len <= size && part == 0; len++) {
		/* of exactly that length */
		if ((text = malloc(len)) == NULL)
			abort();
		memcpy(text, data, len);
		part = proxy_parse(text, len, &want, &again);
		free(text);
		if (part == 0 && want <= len)
			abort();
	}
	if (part != whole || (whole == 1 && (want != need ||
	    memcmp(&client, &again, sizeof(client)) != 0)))
		abort();
	return (0);
}
