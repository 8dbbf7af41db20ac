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
 * libFuzzer entry for what a peer of mta says: replies, and answers of name
 * servers.  The first octet of the input says which.
 */

#include <stdlib.h>
#include <string.h>

#include "mta/mta.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
replies(const char *text, size_t len)
{
	static const char *const words[] = { "SIZE", "AUTH", "STARTTLS", "" };
	struct reply	 reply;
	const char	*param;
	size_t		 n, i;
	ssize_t		 used;

	reply_start(&reply);
	while ((used = reply_parse(&reply, text, len)) > 0) {
		if ((size_t)used > len || strlen(reply.text) >=
		    sizeof(reply.text) || reply.code < 200 ||
		    reply.code > 599)
			abort();
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (reply_keyword(&reply, words[i], &param, &n) &&
			    (param < text || param + n > text + used))
				abort();
		text += used;
		len -= (size_t)used;
	}
}

static void
names(const uint8_t *data, size_t len, uint16_t type)
{
	struct dns_answer	 answer;

	if (dns_parse(data, len, "example.org", type, &answer) == 0)
		dns_clear(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t	 types[] = { 1, 15, 28, 5 };

	if (size < 1)
		return (0);
	if (data[0] & 1)
		replies((const char *)data + 1, size - 1);
	else
		names(data + 1, size - 1, types[data[0] >> 1 & 3]);
	return (0);
}
