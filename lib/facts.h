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
 * What is known about a recipient when a rule is asked: who sent it, from
 * where, to whom.  smtpd's match rules and mta's bind rules see the same
 * facts; queue carries them from one to the other and keeps them in the
 * envelope.
 */

#ifndef LIB_FACTS_H
#define LIB_FACTS_H

#include <sys/socket.h>
#include <stddef.h>

struct ipc;
struct ipc_msg;

/* What DSN parameters take (RFC 3461 4), with a NUL. */
#define DSN_RET_MAX	5
#define DSN_ENVID_MAX	101
#define DSN_NOTIFY_MAX	32
#define DSN_ORCPT_MAX	501

/*
 * Strings are borrowed; NULL: not so.  client is the text form of the peer's
 * address ("192.0.2.1", "2001:db8::1"), NULL for the local socket.
 */
struct facts {
	const char	*auth;		/* SMTP AUTH name; never local peers */
	const char	*user;		/* account behind the local socket */
	const char	*client;	/* peer's address */
	const char	*helo;
	const char	*rdns;		/* the client's name, confirmed */
	const char	*tag;		/* of the listener */
	const char	*sender;	/* envelope sender, "" for null */
	const char	*header[2];	/* trusted header's name and value; name
					   alone: its value is to come */
	int		 socket;	/* came by the local socket */
	int		 local;		/* socket, or the host itself */
	int		 tls;
	int		 bounce;	/* made here */
	const char	*binding;	/* bounce: the failed message's */
	const char	*group;
};

void	 facts_put(struct ipc *, const struct facts *);
/* Strings point into the message. */
void	 facts_get(struct ipc_msg *, struct facts *);
/* The name of one that is too long or has control characters, or NULL. */
const char	*facts_wrong(const struct facts *);
/* Octets that a copy takes. */
size_t		 facts_size(const struct facts *);
/* A deep copy in one allocation, to free(3); NULL without memory. */
struct facts	*facts_copy(const struct facts *);

#endif
