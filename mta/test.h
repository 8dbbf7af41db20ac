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
 * The way of a binding, without a message; and other commands' answers.
 */

#ifndef MTA_TEST_H
#define MTA_TEST_H

#include <stdint.h>

struct ipc;
struct ipc_msg;
struct test;

void		 test_command(uint32_t client, const char **words,
		    uint32_t count);
/* Its connection could carry mail; it has ended. */
void		 test_ready(struct test *);
void		 test_closed(struct test *);
/* The client has gone; all have, and their connections with them. */
void		 test_end(uint32_t client);
void		 test_end_all(void);

/* show.c: "show binding B" and the like: the counters; "doing". */
void		 show_limits(uint32_t client, const char **words,
		    uint32_t count);
void		 show_doing(uint32_t client, const char **words,
		    uint32_t count);

/* bind.c: QUEUE_BIND; QUEUE_ASK, by its first word. */
void		 bind_ask(struct ipc *, struct ipc_msg *);
void		 bind_command(struct ipc *, struct ipc_msg *);

#endif
