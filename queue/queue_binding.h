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
 * A binding as queue sees it: what is queued on it and how it stands.  The
 * one named "" is for what found no binding.
 */

#ifndef QUEUE_QUEUE_BINDING_H
#define QUEUE_QUEUE_BINDING_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/config.h"

struct lane;
struct pull_wait;

RB_HEAD(binding_lanes, lane);
TAILQ_HEAD(pull_waits, pull_wait);

#define SUSPENDED_FILE		0x01
#define SUSPENDED_COMMAND	0x02

struct binding {
	RB_ENTRY(binding) node;
	TAILQ_ENTRY(binding) round;	/* handout.c: of those that pull */
	char		*name;
	struct binding_conf *conf;	/* NULL: unknown */
	struct binding_lanes lanes;
	struct pull_waits pulls;	/* not answered yet */
	int64_t		 limit;		/* queue-limit, 0: none */
	uint64_t	 sent;		/* recipients, since the start */
	uint64_t	 temp;
	uint64_t	 perm;
	char		*reason;	/* mta's, why it is down, or NULL */
	char		*last;		/* last failure's text, or NULL */
	uint32_t	 queued;	/* recipients, those in transit too */
	uint32_t	 deferred;	/* in the wheel */
	uint32_t	 connections;	/* as mta said last */
	int32_t		 deficit;	/* handout.c's */
	uint8_t		 down4;		/* mta cannot use the address */
	uint8_t		 down6;
	uint8_t		 refuse;	/* reception: SUSPENDED_ bits */
};

/* Found or made; NULL is the name of what found none. */
struct binding	*queue_binding_get(const char *name);
struct binding	*queue_binding_find(const char *name);
/*
 * For a name that another role sent: NULL where it is neither in a
 * configuration nor in the queue.
 */
struct binding	*queue_binding_named(const char *name);
struct binding	*queue_binding_next(struct binding *);	/* NULL: first */
/* Is there an address that mail of it can leave from now? */
int		 queue_binding_usable(const struct binding *);
/* "up", "suspended", "held (address missing)" ...; into buf, which it is. */
const char	*queue_binding_state(const struct binding *, char *buf,
		    size_t size);
#define BINDING_STATE_MAX	600
/* Every lane's state may have changed with the binding's. */
void		 queue_binding_update(struct binding *);
/* Take what the configuration says of it. */
void		 queue_binding_resolve(struct binding *);
/* The text of a failure, kept as its last. */
void		 queue_binding_last(struct binding *, const char *text);

#endif
