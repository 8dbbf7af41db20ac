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
 * What mta counts over hours: the rates, kept in the spool.
 */

#ifndef QUEUE_COUNTER_H
#define QUEUE_COUNTER_H

#include <stdint.h>

struct ipc;
struct ipc_msg;

/* counter.c: what mta counts over hours. */
void		 counter_replay(const char *key, const char *value);
void		 counter_checkpoint(void);
void		 counter_told(struct ipc *, struct ipc_msg *);
/* Once a second: what was told since is recorded. */
void		 counter_tick(void);
/* All that is in force, to a new mta. */
void		 counter_tell(struct ipc *);

#endif
