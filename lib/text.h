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
 * Small things with text that several rooms need.  Pure.
 */

#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "%016llx" there and back; "ID.N" too.  -1: none. */
int		 id_parse(const char *, uint64_t *id);
int		 id_parse_rcpt(const char *, uint64_t *id, uint32_t *rcpt);
const char	*id_text(uint64_t);		/* static buffers, in turn */

/* "5m", "1h30m", "4d", "30s"; each number has a unit.  -1: none. */
int		 duration_parse(const char *, int64_t *seconds);
/* What is wrong with a text that is none, to go behind it. */
const char	*duration_error(const char *);
const char	*duration_text(uint64_t seconds);	/* "4h2m", in turn */
/* "35M", "64K", "1G", "4096".  -1: none. */
int		 size_parse(const char *, int64_t *octets);

/* To free; NULL stays NULL.  Without memory it is fatal. */
char		*text_copy(const char *);

/* RFC 5322 date in local time: "Sun, 22 Nov 2026 21:47:57 +0000". */
const char	*date_text(int64_t seconds);		/* in turn */

/* base64: octets written, or -1; dst is NUL-terminated by encode. */
int		 base64_encode(const void *, size_t, char *, size_t);
int		 base64_decode(const char *, void *, size_t);

/* RFC 3461 xtext.  0, -1 for bad text or no room. */
int		 xtext_encode(const char *, char *, size_t);
int		 xtext_decode(const char *, char *, size_t);

/* CRC-32C (Castagnoli): start with 0, feed the result back in. */
uint32_t	 crc32c(uint32_t, const void *, size_t);

#endif
