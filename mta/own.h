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
 * This host, as others and mail for it see it: what would come in here again.
 */

#ifndef MTA_OWN_H
#define MTA_OWN_H

#include <sys/socket.h>

struct ipc;
struct ipc_msg;

/* PARENT_BOUND: an address and port that a listener has. */
void		 own_bound(struct ipc *, struct ipc_msg *);
/* The configuration is another one: what it does not listen at is forgotten. */
void		 own_configured(void);
/* Is it an address at which this host listens, at that port? */
int		 own_address(const struct sockaddr *);
/* Is it a name by which others know this host? */
int		 own_name(const char *);

#endif
