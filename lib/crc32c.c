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
 * CRC-32C (Castagnoli, RFC 3720 B.4) eight octets a step.  The spool calls it
 * over every record, smtpd over large content.  The tables are made at first
 * use; there is one thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "lib/text.h"

#define POLYNOMIAL	0x82f63b78	/* 0x1edc6f41, bits reversed */
#define SLICES		8

static uint32_t	 table[SLICES][256];

static void	 make_table(void);

/* table[k][b]: what octet b does to the sum when k octets follow it. */
static void
make_table(void)
{
	uint32_t crc;
	int b, k;

	for (b = 0; b < 256; b++) {
		crc = b;
		for (k = 0; k < 8; k++)
			crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (b = 0; b < 256; b++)
		for (k = 1; k < SLICES; k++)
			table[k][b] = (table[k - 1][b] >> 8) ^
			    table[0][table[k - 1][b] & 0xff];
}

uint32_t
crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (table[0][1] == 0)
		make_table();
	crc = ~crc;
	for (; len >= SLICES; len -= SLICES, p += SLICES) {
		crc ^= p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		    (uint32_t)p[3] << 24;
		crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
		    table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^
		    table[3][p[4]] ^ table[2][p[5]] ^
		    table[1][p[6]] ^ table[0][p[7]];
	}
	for (; len > 0; len--, p++)
		crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
	return (~crc);
}
