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
 * The envelope as it stands in the spool: text lines "k value", value
 * escaped so that no byte of it can end a line (RFC 3461 xtext-like "+HH").
 * Pure; parse(write(x)) == x for every x that write takes.
 */

#ifndef LIB_ENVELOPE_H
#define LIB_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

enum rcpt_state {
	RCPT_WAITING,
	RCPT_DELIVERED,
	RCPT_FAILED,			/* bounced, or nobody to tell */
	RCPT_EXPIRED,
	RCPT_REMOVED
};

struct envelope_rcpt {
	uint32_t	 number;
	const char	*address;
	const char	*action;
	const char	*destination;	/* of the lane */
	const char	*binding;	/* NULL: local, or "no binding" */
	const char	*group;		/* or NULL */
	uint32_t	 rule;		/* bind rule, 0: none took it */
	const char	*origin;	/* its file and line then, or NULL */
	uint8_t		 local;
	const char	*orcpt;
	const char	*notify;
	/* what a reclaim carries over */
	uint8_t		 state;		/* enum rcpt_state */
	uint16_t	 tries;
	uint64_t	 due;		/* seconds since the Epoch, 0: now */
	uint8_t		 warned;	/* delay DSN was sent */
	const char	*reply;		/* last one, or NULL */
};

struct envelope {
	uint64_t	 id;
	uint64_t	 created;	/* microseconds since the Epoch */
	const char	*sender;	/* "" for null */
	const char	*client;
	const char	*helo;
	const char	*auth;
	const char	*user;
	const char	*tag;
	int		 socket;
	int		 local;
	int		 bounce;
	uint8_t		 eightbit;
	uint8_t		 smtputf8;
	const char	*ret;
	const char	*envid;
	const char	*large;		/* name of the file below large/ */
	uint32_t	 nrcpts;
	struct envelope_rcpt *rcpts;
};

/*
 * As text in one allocation, to free(3); NULL without memory.  *len without
 * the closing NUL.
 */
char		*envelope_write(const struct envelope *, size_t *len);
/*
 * Back again: one allocation holds all, to envelope_free().  NULL for text
 * that is none.
 */
struct envelope	*envelope_parse(const char *, size_t len);
void		 envelope_free(struct envelope *);

#endif
