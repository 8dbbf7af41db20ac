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
 * libFuzzer entry for content: in which pieces it comes makes no difference,
 * and what goes on holds no line end but CRLF, nor a header to be stripped.
 * The first octet of the input says how it comes.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "smtpd/data.h"
#include "smtpd/strip.h"

#define SIZE	65536
#define HEADER	"X-Who"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct result {
	struct data	 data;
	enum data_status status;
	size_t		 used;
	size_t		 len;
	char		 out[SIZE + 3 * (DATA_EXTRA + STRIP_EXTRA)];
};

static struct result	 whole, pieces;

static void
must(int holds)
{
	if (!holds)
		abort();
}

/* Through decoder and strip, as content.c does it. */
static void
run(struct result *r, const char *in, size_t len, size_t step, int plain)
{
	static char	 bare[SIZE + DATA_EXTRA];
	struct strip	 strip;
	const char	*p = in;
	size_t		 left, piece, n;
	int		 header;

	data_init(&r->data, SIZE / 2);
	strip_init(&strip, HEADER);
	r->len = r->used = 0;
	r->status = DATA_MORE;
	if (plain)
		data_plain(&r->data);
	if (data_opening(&r->data, in, len) == OPENING_TEXT)
		data_headless(&r->data);
	while (r->used < len && r->status != DATA_END) {
		piece = left = len - r->used < step ? len - r->used : step;
		header = r->data.header;
		r->status = data_decode(&r->data, &p, &left, bare, &n);
		must(n <= piece - left + DATA_EXTRA);
		r->used += piece - left;
		if (header)
			r->len += strip_text(&strip, bare, n,
			    r->out + r->len);
		else {
			memcpy(r->out + r->len, bare, n);
			r->len += n;
		}
	}
	if (plain && r->data.error == NULL) {
		header = r->data.header;
		data_finish(&r->data, bare, &n);
		must(n <= DATA_EXTRA);
		if (header)
			n = strip_text(&strip, bare, n, r->out + r->len);
		else
			memcpy(r->out + r->len, bare, n);
		r->len += n;
	}
	(void)strip_value(&strip);
}

static void
check_lines(const struct result *r)
{
	const char	*p, *end = r->out + r->len;

	for (p = r->out; p < end; p++) {
		must(*p != '\0');
		if (*p == '\r')
			must(p + 1 < end && p[1] == '\n');
		if (*p == '\n')
			must(p > r->out && p[-1] == '\r');
	}
}

static void
check_stripped(const struct result *r)
{
	const char	*p = r->out, *end = r->out + r->len, *eol;

	while (p < end && *p != '\r' &&
	    (eol = memchr(p, '\n', end - p)) != NULL) {
		if ((size_t)(eol - p) > strlen(HEADER))
			must(strncasecmp(p, HEADER ":", strlen(HEADER) + 1) !=
			    0);
		p = eol + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*in = (const char *)data + 1;
	int		 plain;

	if (size < 1 || size > SIZE)
		return (0);
	plain = data[0] & 1;
	run(&whole, in, size - 1, SIZE, plain);
	run(&pieces, in, size - 1, 1 + (data[0] >> 1), plain);
	must((whole.data.error != NULL) == (pieces.data.error != NULL));
	must(whole.used == pieces.used && whole.status == pieces.status);
	if (whole.data.error != NULL)
		return (0);
	must(whole.len == pieces.len &&
	    memcmp(whole.out, pieces.out, whole.len) == 0);
	if (plain || whole.status == DATA_END) {
		check_lines(&whole);
		check_stripped(&whole);
	}
	return (0);
}
