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
 * A message's content on its way to the peer: dots are stuffed (RFC 5321
 * 4.5.2), and whatever the spool holds, no bare LF goes out.  Called by
 * client.c when the peer said 354; large content is read from queue's
 * read-only descriptor piece by piece as the peer takes it.
 */

#include <string.h>
#include <unistd.h>

#include "mta/client.h"
#include "mta/outbound.h"

#define BODY_PIECE	(64 * 1024)
#define BODY_PENDING	(128 * 1024)	/* not more than this in our hands */

static int
body_put(struct connection *c, const char *data, size_t len)
{
	return (len == 0 ? 0 : io_write(c->io, data, len));
}

/*
 * Write what can stand as it is in one piece; a dot is doubled at the begin
 * of a line, a CR is put before an LF that has none.
 */
static int
body_stuff(struct connection *c, const char *data, size_t len)
{
	const char	*at = data, *end = data + len, *start = data, *lf;

	while (at < end) {
		if (c->bol && *at == '.') {
			if (body_put(c, start, (size_t)(at - start)) == -1 ||
			    body_put(c, ".", 1) == -1)
				return (-1);
			start = at;
		}
		c->bol = 0;
		if ((lf = memchr(at, '\n', (size_t)(end - at))) == NULL) {
			c->cr = end[-1] == '\r';
			break;
		}
		if (lf == at ? !c->cr : lf[-1] != '\r') {
			if (body_put(c, start, (size_t)(lf - start)) == -1 ||
			    body_put(c, "\r", 1) == -1)
				return (-1);
			start = lf;
		}
		at = lf + 1;
		c->bol = 1;
		c->cr = 0;
	}
	return (body_put(c, start, (size_t)(end - start)));
}

static int
body_end(struct connection *c)
{
	if (!c->bol && io_write(c->io, "\r\n", 2) == -1)
		return (-1);
	return (io_write(c->io, ".\r\n", 3));
}

/* Large content: as much as the peer takes now. */
static int
body_write_file(struct connection *c)
{
	const struct outbound	*o = c->task;
	static char		 piece[BODY_PIECE];
	ssize_t			 n;
	size_t			 want;

	while (c->offset < o->size && io_pending(c->io) < BODY_PENDING) {
		want = sizeof(piece);
		if (want > o->size - c->offset)
			want = (size_t)(o->size - c->offset);
		n = pread(o->fd, piece, want, (off_t)c->offset);
		if (n <= 0 || body_stuff(c, piece, (size_t)n) == -1)
			return (-1);
		c->offset += (uint64_t)n;
	}
	return (0);
}

int
body_write(struct connection *c, int *finished)
{
	const struct outbound	*o = c->task;

	*finished = 0;
	if (o->content != NULL) {
		if (body_stuff(c, o->content, (size_t)o->size) == -1)
			return (-1);
		c->offset = o->size;
	} else {
		/* as long as the peer takes something it is alive */
		io_set_deadline(c->io, client_seconds(COMMAND_NONE));
		if (body_write_file(c) == -1)
			return (-1);
	}
	if (c->offset < o->size)
		return (0);
	*finished = 1;
	return (body_end(c));
}
