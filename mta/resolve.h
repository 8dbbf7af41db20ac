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
 * Questions to the name servers, with a cache; names of smtpd's clients.
 */

#ifndef MTA_RESOLVE_H
#define MTA_RESOLVE_H

#include <stdint.h>

#include "mta/dns.h"

struct config;
struct ipc;
struct ipc_msg;
struct resolve;

typedef void	 resolve_done(void *, const struct dns_answer *);

void		 resolve_configured(const struct config *);
/*
 * done is called later, never from within; answer is valid in it.  NULL: no
 * memory.
 */
struct resolve	*resolve(const char *name, uint16_t type, resolve_done *,
		    void *);
void		 resolve_cancel(struct resolve *);

/* What is known of it is asked anew by the next that wants it. */
void		 resolve_forget(const char *name, uint16_t type);

/* reverse.c */
void		 reverse_init(void);
/* QUEUE_RDNS */
void		 reverse_ask(struct ipc *, struct ipc_msg *);
/* Nobody waits for an answer any more. */
void		 reverse_forget_all(void);

#endif
