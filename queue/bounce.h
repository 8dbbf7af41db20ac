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
 * Delivery status notifications: what is told to a sender, and when.
 */

#ifndef QUEUE_BOUNCE_H
#define QUEUE_BOUNCE_H

#include <stddef.h>
#include <stdint.h>

struct ipc;
struct ipc_msg;
struct rcpt;

/* bounce.c: delivery status notifications, RFC 3464. */
enum bounce_kind {
	BOUNCE_FAILED,
	BOUNCE_EXPIRED,
	BOUNCE_DELAYED,
	BOUNCE_RELAYED
};

/* One recipient of a notification, as text; pure. */
struct bounce_rcpt {
	const char	*address;
	const char	*orcpt;		/* or NULL */
	const char	*status;	/* "5.1.1" */
	const char	*reply;		/* the peer's words, or ours */
	const char	*host;		/* Remote-MTA, or NULL */
	int		 remote;	/* reply is the peer's */
	int64_t		 until;		/* delayed: Will-Retry-Until */
};

struct bounce_text {
	enum bounce_kind kind;
	const char	*hostname;
	const char	*sender;	/* whom it goes to */
	const char	*envid;
	int64_t		 arrived;
	int64_t		 now;
	uint64_t	 id;
	int		 eightbit;
	int		 full;		/* the whole message, not its header */
	const char	*content;
	size_t		 len;
	size_t		 nrcpts;
	const struct bounce_rcpt *rcpts;
};

/* In one allocation, to free; NULL without memory. */
char		*bounce_compose(const struct bounce_text *, size_t *len);
/*
 * Octets of the header section that content begins with, its last CRLF
 * included; 0: it is none.  Where the content ends within it, its whole lines.
 */
size_t		 bounce_header(const char *content, size_t len);
/* "550 5.1.1 no such user" -> "5.1.1"; class where the words have none. */
const char	*bounce_status(const char *reply, int class);

/*
 * The recipient will never be delivered (or: is late, was passed on).  Those
 * of one message that fail in one turn share a notification.  With nobody to
 * tell, it is finished here.  words are the peer's reply or ours.
 */
void		 bounce_rcpt(struct rcpt *, enum bounce_kind,
		    const char *words, const char *host, int remote);
/*
 * smtpd brings a bounce that it was given, once at a time; the names are those
 * of the failed message, or NULL.  -1: there is none such.
 */
int		 bounce_claim(uint64_t bounce, uint64_t tx,
		    const char **binding, const char **group);
/* Whether it still is that transaction's; whether it goes to this address. */
int		 bounce_is_of(uint64_t bounce, uint64_t tx);
int		 bounce_goes_to(uint64_t bounce, uint64_t tx,
		    const char *address);
/* Within spool_begin and spool_end: the failures, as records. */
void		 bounce_record(uint64_t bounce);
void		 bounce_stored(uint64_t bounce, uint64_t tx, int error);
/* What smtpd had goes again, but for what is being stored. */
void		 bounce_smtpd_gone(void);
void		 bounce_refused(struct ipc *, struct ipc_msg *);
void		 bounce_tick(void);
int		 bounce_busy(void);	/* enough under way for now */

#endif
