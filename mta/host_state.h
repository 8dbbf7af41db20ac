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
 * What one binding saw of a remote address: failures, how many connections
 * may try it at once, what it can take.  Kept by (binding, address), so that a
 * host which turns one customer away delays no other.  And what is remembered
 * of a destination between its attempts.
 */

#ifndef MTA_HOST_STATE_H
#define MTA_HOST_STATE_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/config.h"
#include "mta/binding.h"
#include "mta/mta.h"

struct host_state {
	RB_ENTRY(host_state) node;
	struct sockaddr_storage addr;
	enum tls_policy	 tls;		/* who insisted on it; else all */
	uint32_t	 until;		/* loop_seconds(): not before */
	uint32_t	 good;		/* it answered; so it does until then */
	uint32_t	 seen;		/* last change, to be forgotten by */
	unsigned int	 failures;	/* in a row */
	unsigned int	 opening;	/* connections that are to tell */
	unsigned int	 growth;	/* most of these */
	unsigned int	 closed;	/* at EHLO, in a row */
	uint32_t	 most;		/* rcpts of a transaction, 0: any */
	uint32_t	 most_until;
	int		 remote;	/* text is the host's own */
	struct line	 line;		/* of who waits for what these tell */
	char		 text[MTA_TEXT];
	char		 host[DOMAIN_MAX];
};

struct host_state *host_state_find(struct binding *, const struct sockaddr *);
struct host_state *host_state_get(struct binding *, const struct sockaddr *);
/* Of those who insist on TLS; NULL where it is not held against the host. */
struct host_state *host_state_find_tls(struct binding *,
		    const struct sockaddr *, enum tls_policy);
/*
 * It failed: not before a while from now.  tls: it matters only to who
 * insists on that (TLS_POLICY_OPPORTUNISTIC: to all).
 */
void		 host_state_failed(struct binding *, const struct sockaddr *,
		    enum tls_policy tls, const char *host, int remote,
		    const char *text);
void		 host_state_complied(struct binding *,
		    const struct sockaddr *, enum tls_policy);
/* It took a message or spoke of one: connections to it may double. */
void		 host_state_good(struct binding *, const struct sockaddr *);
/* May another connection be opened to it now? */
int		 host_state_ready(const struct host_state *);
void		 host_state_begin(struct binding *, const struct sockaddr *);
/* It is known how that went: who waits for it goes on. */
void		 host_state_end(struct binding *, const struct sockaddr *);
/* It may be tried at once. */
void		 host_state_forgive(struct binding *, const struct sockaddr *);
void		 host_state_sweep(struct binding *);

/*
 * For an hour: hosts of a destination that had nothing but temporary answers
 * go last (RFC 5321 5.1), and where an attempt had too many hosts the next
 * begins with those it had not tried.
 */
void		 memo_last(struct binding *, const char *destination,
		    const struct sockaddr *);
void		 memo_first(struct binding *, const char *destination,
		    const struct sockaddr *);
int		 memo_is_last(struct binding *, const char *destination,
		    const struct sockaddr *);
int		 memo_is_first(struct binding *, const char *destination,
		    const struct sockaddr *);

#endif
