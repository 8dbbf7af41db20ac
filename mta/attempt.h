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
 * An attempt: the walk of a lane through the hosts of its route, until a
 * connection has its first message answered, each host has failed once, or
 * there can be none.  It ends, and queue is told how.
 */

#ifndef MTA_ATTEMPT_H
#define MTA_ATTEMPT_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "mta/binding.h"
#include "mta/mta.h"
#include "mta/secure.h"

struct connection;
struct lane;
struct place;
struct route;

struct attempt {
	TAILQ_ENTRY(attempt) entry;	/* of its lane */
	struct lane	*lane;
	struct connection *connection;	/* under way, or NULL */
	struct route	*route;
	struct policy	 policy;
	struct loop_timer timer;	/* its end, whatever happens */
	struct loop_job	 job;
	uint16_t	*order;		/* hosts of the route, in turn */
	size_t		 norder;
	size_t		 next;
	uint32_t	 began;		/* loop_seconds() */
	uint32_t	 since;		/* of the step */
	uint32_t	 until;		/* first end of a back-off, 0: none */
	unsigned int	 tried;		/* hosts that failed */
	unsigned int	 local;		/* hosts that this host cannot reach */
	unsigned int	 reserved;	/* tokens of the rates */
	uint8_t		 step;		/* enum step, without a connection */
	uint8_t		 remote;	/* text is what a host said or did */
	uint8_t		 late;		/* its time is over */
	uint8_t		 served;	/* its lane's turn has come at a rate */
	struct sockaddr_storage unreached; /* of local */
	char		 asks[128];	/* the name that is resolved */
	char		 text[MTA_TEXT]; /* of the last failure */
	char		 host[DOMAIN_MAX];
};

/* Is there room for one more; of this binding's? */
int		 attempt_room(const struct binding *);
void		 attempt_new(struct lane *);
/* Those of the lane that have no connection yet. */
unsigned int	 attempt_waiting(const struct lane *);
/* Those that have no host yet; connections of the lane that are ready. */
unsigned int	 attempt_opening(const struct lane *, unsigned int *ready);
/* Its connection failed before a message was answered. */
void		 attempt_host_failed(struct attempt *,
		    const struct connection *, const char *text);
/* Its connection had a message answered, or there is nothing to carry. */
void		 attempt_good(struct attempt *);
/* Without a word: there is no work any more, or its slot is for another. */
void		 attempt_withdraw(struct attempt *);
void		 attempt_reconfigured(struct attempt *);
/* Does a source that the lane may use lead there now? */
int		 attempt_routable(const struct lane *,
		    const struct sockaddr *);
/* Which step it is at, for "doing". */
void		 attempt_doing(const struct attempt *, struct doing *,
		    char *buf, size_t);
/* A host that failed: one line of the log. */
void		 attempt_log_host(const struct lane *, const struct place *,
		    int remote, const char *text);

#endif
