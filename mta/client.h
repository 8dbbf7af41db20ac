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
 * The SMTP client's dialogue over one connection, and the content.
 */

#ifndef MTA_CLIENT_H
#define MTA_CLIENT_H

#include <stdint.h>

#include "lib/io.h"
#include "mta/connection.h"

/* An io's callback; arg is the connection. */
void		 client_event(struct io *, enum io_event, void *);
/* Its task has come. */
void		 client_begin(struct connection *);
/* Nothing in hand, and no pull: keep it, or end it. */
void		 client_next(struct connection *);
/* A command was written: its reply is awaited. */
void		 client_expect(struct connection *, enum command,
		    uint32_t rcpt);
enum command	 client_awaited(const struct connection *);
void		 client_greeting(struct connection *);
void		 client_hello(struct connection *, enum connection_stage);
void		 client_quit(struct connection *);
/* How long a reply may take; of COMMAND_NONE a piece of content. */
uint32_t	 client_seconds(enum command);

/* body.c: content on its way out, dots stuffed. */
/* 0, or -1 where it cannot be read or written. */
int		 body_write(struct connection *, int *finished);

#endif
