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
 * What mta is doing just now, asked once for each command that shows it and
 * joined with lanes and recipients.
 */

#ifndef QUEUE_DOING_H
#define QUEUE_DOING_H

#include <stddef.h>
#include <stdint.h>

struct client;
struct ipc;
struct ipc_msg;
struct lane;
struct rcpt;

/*
 * Ask what is done for one lane, NULL: for all; go on with done when the
 * answer is here, or none comes.
 */
void		 doing_ask(struct client *, const struct lane *,
		    void (*done)(struct client *));
/* MTA_DOING */
void		 doing_got(struct ipc *, struct ipc_msg *);
/* The client's answer is not wanted any more. */
void		 doing_forget(uint32_t client);
/* mta is gone: who waits goes on without it. */
void		 doing_mta_gone(void);
void		 doing_tick(void);
/* In words, for a lane that has an attempt; "" where there is none. */
const char	*doing_lane(const struct client *, const struct lane *,
		    char *buf, size_t size);
/*
 * The same, for a recipient that is in hand or whose lane has an attempt; ""
 * where there is nothing.  buf is returned.
 */
const char	*doing_rcpt(const struct client *, struct rcpt *, char *buf,
		    size_t size);

#endif
