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
 * Mangled segments for the codec of the spool's records: whatever a disk
 * gives back, nothing is read outside of it.  Build it with the sanitizers.
 *
 *	record_fuzz [rounds [seed]]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/record.h"

#define SIZE	4096

static uint64_t	 state;

static uint32_t
pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return ((uint32_t)(state >> 16) % below);
}

/* Good records, some of them with odd lengths. */
static size_t
fill(unsigned char *p, const unsigned char *magic)
{
	static const char	 text[] = "suspend binding+20acme by=root\n";
	struct record		 r;
	size_t			 n = 0;

	while (n + RECORD_HEAD + sizeof(text) <= SIZE) {
		memset(&r, 0, sizeof(r));
		r.type = (uint8_t)(1 + pick(RECORD_COUNTER + 1));
		r.flags = (uint8_t)pick(16);
		r.text = (uint32_t)strlen(text);
		r.content = pick(4) == 0 ? pick(UINT32_MAX) : 0;
		record_encode(&r, p + n);
		memcpy(p + n + RECORD_HEAD, text, r.text);
		record_seal(p + n, magic);
		n += RECORD_HEAD + r.text;
	}
	return (n);
}

static void
walk(const unsigned char *p, size_t n)
{
	unsigned char	 magic[RECORD_MAGIC];
	struct record	 r;
	const char	*text;
	char		 word[16], *a, *b;
	size_t		 at, left;

	if (record_magic(p, n, magic) == -1)
		return;
	for (at = 0; at < n; at++) {
		(void)record_text_end(p + at, n - at);
		if (record_decode(p + at, n - at, magic, &r) == RECORD_BAD)
			continue;
		(void)record_content_good(&r, p + at, n - at);
		text = (const char *)p + at + RECORD_HEAD;
		left = r.text;
		if (record_unpair(text, left, &a, &b) == 0)
			free(a);
		while (record_next(&text, &left, word, sizeof(word), &a,
		    &b) == 1)
			free(a);
	}
}

int
main(int argc, char *argv[])
{
	unsigned char	*p, magic[RECORD_MAGIC] = "a segment's magi";
	long		 i, rounds = argc > 1 ? atol(argv[1]) : 2000;
	size_t		 n;
	uint32_t	 j;

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	state = state * 0x9e3779b97f4a7c15ULL | 1;
	for (i = 0; i < rounds; i++) {
		if ((p = malloc(SIZE)) == NULL)
			return (1);
		n = fill(p, magic);
		for (j = pick(20); j > 0; j--)
			p[pick((uint32_t)n)] ^= (unsigned char)(1 << pick(8));
		n = 1 + pick((uint32_t)n);
		if ((p = realloc(p, n)) == NULL)
			return (1);
		walk(p, n);
		free(p);
	}
	printf("%ld rounds\n", rounds);
	return (0);
}
