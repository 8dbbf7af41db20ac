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
 * Weighted rendezvous hashing, without floating point.  With u uniform in
 * (0, 1] and a member's weight w, -log(u) / w is the time of the first event
 * of a process of rate w: the least of all is a member's with a probability of
 * its share of the weights.
 */

#include <ctype.h>

#include "lib/rendezvous.h"

#define FRACTION	24		/* bits of a logarithm */

/* FNV-1a, 64 bits. */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	do {
		hash ^= (unsigned char)tolower((unsigned char)*text);
		hash *= 0x100000001b3ULL;
	} while (*text++ != '\0');
	return (hash);
}

/* Every bit of what goes in changes half of what comes out. */
static uint64_t
hash_mix(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	return (hash ^ (hash >> 33));
}

/* The logarithm to base 2 of x > 0, times 2^FRACTION. */
static uint64_t
log2_fixed(uint64_t x)
{
	uint64_t	 result;
	uint32_t	 bit, whole = 63;

	while ((x & (1ULL << 63)) == 0) {
		x <<= 1;
		whole--;
	}
	result = whole;
	x >>= 32;			/* in [1, 2), times 2^31 */
	for (bit = 0; bit < FRACTION; bit++) {
		x = (x * x) >> 31;
		result <<= 1;
		if (x >= 1ULL << 32) {
			x >>= 1;
			result |= 1;
		}
	}
	return (result);
}

uint64_t
rendezvous(const char *member, uint32_t weight, const char *sender,
    const char *rcpt)
{
	uint64_t	 hash = 0xcbf29ce484222325ULL;

	if (weight == 0)
		return (RENDEZVOUS_NEVER);
	hash = hash_text(hash, sender);
	hash = hash_text(hash, rcpt);
	hash = hash_mix(hash_text(hash, member));
	if (hash == 0)
		hash = 1;
	/* room for weights: the distance is below 2^30 before this */
	return ((((64ULL << FRACTION) - log2_fixed(hash)) << 32) / weight);
}
