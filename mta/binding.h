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
 * The live side of a binding: is its address there, how many connections has
 * it, what failed for it.  Never freed while it is in use.
 */

#ifndef MTA_BINDING_H
#define MTA_BINDING_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/tree.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config.h"
#include "mta/source.h"

struct attempt;
struct connection;
struct host_state;
struct lane;
struct memo;

enum family {
	FAMILY_INET4,
	FAMILY_INET6,
	FAMILIES
};

struct binding_source {
	int		 owned;		/* written in the configuration */
	int		 up;
	const char	*reason;	/* why not up; static text */
	uint32_t	 probe_after;	/* loop_seconds() */
	struct sockaddr_storage addr;	/* ss_family 0: any */
};

RB_HEAD(host_states, host_state);
RB_HEAD(memos, memo);
TAILQ_HEAD(connections, connection);
TAILQ_HEAD(work_lanes, lane);
TAILQ_HEAD(attempts, attempt);

/* Lanes that wait for the same thing, the first first. */
struct line {
	struct work_lanes lanes;
	int		 step;		/* enum step: what for */
	/* The same for people. */
	void		(*describe)(const struct line *, char *, size_t);
};

struct binding {
	RB_ENTRY(binding)	 node;
	char		*name;
	struct binding_conf	*conf;		/* NULL: gone from the file */
	struct binding_source sources[FAMILIES];
	struct host_states	 host_states;
	struct memos	 memos;		/* by destination */
	unsigned int	 nmemos;
	TAILQ_ENTRY(binding) round;	/* work.c: of those with a line */
	struct work_lanes line;		/* lanes that want a connection */
	struct work_lanes held;		/* lanes: a cause of this host */
	unsigned int	 attempts;	/* under way */
	uint8_t		 in_round;
	struct connections idle;
	unsigned int	 connections;
};

void		 binding_init(void);
void		 binding_configured(struct config *);
/* Finds or makes; a name not in the file has conf NULL. */
struct binding	*binding_get(const char *name);
int		 binding_usable(const struct binding *, int family);
const struct binding_source *binding_source(const struct binding *, int family);
/* Why a family that it owns is down, or NULL. */
const char	*binding_reason(const struct binding *);
/* SOURCE_MISSING or SOURCE_PORTS: hold the family until a probe likes it. */
void		 binding_down(struct binding *, int family, enum source_error);
/* A connection broke because its source is no longer on this host. */
void		 binding_lost(struct binding *, const struct sockaddr *src);
/* Name of another binding that has this address written, or NULL. */
const char	*binding_owner(const struct binding *, const struct sockaddr *);
/* Is it written in the binding? */
int		 binding_has(const struct binding *, const struct sockaddr *);
/* Tell queue the state of all: its channel is new. */
void		 binding_tell_all(void);
void		 binding_count(struct binding *, int change);
/* EHLO name for mail of this sender's domain from this source. */
void		 binding_ehlo(const struct binding *,
		    const struct sockaddr *src, const char *sender, char *,
		    size_t);
int		 binding_ehlo_by_message(const struct binding *);
/* dest NULL: the plain one; a lane's is lane_option(). */
const struct option *binding_option(const struct binding *, const char *dest,
		    enum option_id);
/* Each binding in turn; NULL: the first. */
struct binding	*binding_next(struct binding *);

#endif
