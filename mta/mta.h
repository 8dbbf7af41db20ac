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
 * The mta role: its configuration and its channel.  The mta applies bind rules,
 * finds routes, and speaks SMTP from each binding's own address.  It holds soft
 * state only: everything here can be lost and queue will hand it out again.
 */

#ifndef MTA_MTA_H
#define MTA_MTA_H

#include "lib/config.h"
#include "lib/task.h"

struct ipc;

#define MTA_TEXT	TASK_TEXT	/* a reply, or text of our own */

__dead void	 mta_role(const char *root, int foreground, int verbose);
struct config	*mta_config(void);
struct ipc	*mta_queue(void);	/* NULL: no channel now */
/* Too many lines of the log wait to be taken: nothing new is begun. */
int		 mta_log_waits(void);
/* The parts of a client's timeouts: a lab's, or these seconds. */
uint32_t	 mta_timeout(uint32_t seconds);

#endif
