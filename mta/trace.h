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
 * The dialogue, for who wants to see it.
 */

#ifndef MTA_TRACE_H
#define MTA_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct binding;
struct connection;
struct lane;

/* -1: too many.  lane: a test's, or NULL; domain NULL: all. */
int		 trace_start(uint32_t client, struct binding *,
		    const char *domain, const struct lane *);
void		 trace_end(uint32_t client);
void		 trace_end_all(void);
void		 trace_note(const struct connection *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));
/* An io_tap. */
void		 trace_sent(void *, const char *, size_t);
/* A line of a reply. */
void		 trace_received(struct connection *, const char *, size_t);
/* The content is written. */
void		 trace_content(struct connection *);
void		 trace_command(uint32_t client, const char **words,
		    uint32_t count);
/* A line of lib/control.h to a client of the control socket. */
void		 answer_text(uint32_t client, const char *mark, int more,
		    const char *fmt, ...)
		    __attribute__((format(printf, 4, 5)));

#endif
