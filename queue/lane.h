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
 * Lanes: what is queued for one (binding, destination), when mta is told of
 * it, and what keeps it back.  queue decides here whether a lane's mail may
 * go; mta decides how.
 */

#ifndef QUEUE_LANE_H
#define QUEUE_LANE_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

#include "queue/message.h"
#include "queue/queue_binding.h"

struct config;

enum lane_state {
	LANE_OPEN,
	LANE_CLOSED,		/* an attempt failed: until opens */
	LANE_HELD,		/* by mta, until a cause of this host is over */
	LANE_FAILING		/* all that was due fails, in steps */
};

struct lane {
	RB_ENTRY(lane)	 node;		/* of its binding */
	RB_ENTRY(lane)	 id_node;
	TAILQ_ENTRY(lane) all;
	TAILQ_ENTRY(lane) news;		/* of those that mta is to be told */
	TAILQ_ENTRY(lane) timer;	/* while it is closed */
	TAILQ_ENTRY(lane) judged;	/* while recipients of it are to fail */
	TAILQ_ENTRY(lane) stuck;	/* group.c's */
	struct binding	*binding;
	char		*destination;
	char		*site;		/* by its host's name, or NULL */
	struct rcpts	 urgent;	/* go although it is closed */
	struct rcpts	 ready;
	struct rcpts	 held;
	struct rcpts	 ages;
	struct rcpt	*warn_next;	/* first of ages not yet looked at */
	char		*why;		/* not open: why, or NULL */
	char		*last;		/* last failure's text, or NULL */
	uint32_t	 id;
	uint32_t	 queued;
	uint32_t	 nready;
	uint32_t	 nurgent;
	uint32_t	 waiting;	/* in the wheel */
	uint32_t	 grouped;	/* of queued: of a group */
	uint32_t	 in_hand;	/* tasks */
	uint32_t	 told;		/* due, as mta knows; 0: no work */
	uint32_t	 limit;		/* connections, by the configuration */
	uint32_t	 opens;		/* closed: loop_seconds() */
	uint32_t	 judge;		/* ready since then or before: fails */
	uint32_t	 idle;		/* loop_seconds() of its last use */
	uint32_t	 opener;	/* client whose command opened it */
	uint32_t	 ttl;		/* seconds */
	uint8_t		 state;		/* enum lane_state */
	uint8_t		 remote;	/* why is what a host said or did */
	uint8_t		 failures;	/* attempts in a row */
	uint8_t		 passed;	/* times its first was passed over */
	uint8_t		 now;		/* a command wants it tried at once */
	uint8_t		 is_news;
	uint8_t		 is_judged;
	uint8_t		 is_stuck;
	uint8_t		 suspended;	/* SUSPENDED_ bits */
	uint8_t		 unsorted;	/* ages */
};
TAILQ_HEAD(lanes, lane);

/* What lane_age.c asks for at the end of a recipient's time. */
struct lane_ops {
	/* A recipient is too old; one has waited long enough for a DSN. */
	int	(*expired)(struct rcpt *);
	int	(*late)(struct rcpt *);
};

void		 lane_init(void);
/* Names and options are resolved anew; the configuration stays the caller's. */
void		 lane_renew(const struct config *);
const struct config *lane_config(void);
struct lane	*lane_get(struct binding *, const char *destination);
struct lane	*lane_find(struct binding *, const char *destination);
struct lane	*lane_by_id(uint32_t id);
struct lane	*lane_next(struct binding *, struct lane *); /* NULL: first */
/* The name of its site: the destination's, else the host's; NULL: none. */
const char	*lane_site(const struct lane *);
/* mta saw by a host's name that it belongs to this site (NULL: to none). */
void		 lane_set_site(struct lane *, const char *site);
/* Recipients that may go now. */
uint32_t	 lane_due(const struct lane *);
/* The first in line, or NULL. */
struct rcpt	*lane_first(const struct lane *);
/*
 * The first in line that can go, its envelope in *e; those that cannot are
 * put elsewhere.  NULL: there is none.
 */
struct rcpt	*lane_first_good(struct lane *, const struct envelope **e);
/* What is due, or may go, may have changed: mta is told what it must know. */
void		 lane_update(struct lane *);
/* Tell mta of the lanes with news at the end of this turn. */
void		 lane_kick(void);
/* SUSPENDED_ bits as they are just now. */
uint8_t		 lane_suspensions(const struct lane *);
/* Held or suspended: not for a remote cause, not for a limit. */
int		 lane_stuck(const struct lane *);
/* Nothing of it can be tried, for however long: its age alone ends it. */
int		 lane_waits_for_us(const struct lane *);
/* Suspensions and options, looked up anew. */
void		 lane_resolve(struct lane *);
/* An attempt failed: it is closed for a while, longer each time. */
void		 lane_failed(struct lane *, const char *cause,
		    const char *text, int remote);
/* It is tried again in so many seconds; nobody has failed. */
void		 lane_close(struct lane *, const char *cause,
		    const char *text, int remote, uint32_t seconds);
void		 lane_hold(struct lane *, const char *cause,
		    const char *text);
/* There can be no host: what was ready at that time fails, in steps. */
void		 lane_fail_all(struct lane *, const char *text,
		    uint32_t since);
/* What was ready at that time and is too old fails, in steps. */
void		 lane_judge(struct lane *, uint32_t since);
void		 lane_open(struct lane *);
/* A host answered a message. */
void		 lane_good(struct lane *);
/* By command: tried at once, whatever its hosts did. */
void		 lane_retry(struct lane *);
void		 lane_took(struct lane *);	/* a task was handed out */
void		 lane_gave(struct lane *);	/* and is over */
/* A new mta knows no lane; or none is there. */
void		 lane_mta_changed(void);
/* "pause mta", and its end. */
void		 lane_pause_changed(void);
/* Once a second. */
void		 lane_tick(void);
/* Why nothing of it goes; NULL: nothing is in its way.  Into buf, at need. */
const char	*lane_why(const struct lane *, char *buf, size_t size);
#define LANE_WHY_MAX	BINDING_STATE_MAX
/* Whether a suspension is what keeps it: an unusable binding comes first. */
int		 lane_is_suspended(const struct lane *);
/* Whether it waits for hosts that failed. */
int		 lane_is_closed(const struct lane *);
/* Seconds until it opens by itself, -1: nobody knows. */
int64_t		 lane_opens_in(const struct lane *);
uint32_t	 lane_in_hand(void);
/* A failure's text, kept as the lane's and its binding's last. */
void		 lane_last(struct lane *, const char *text);

/* lane_age.c: recipients by age, and the sweep over all lanes. */
void		 lane_age_insert(struct lane *, struct rcpt *);
void		 lane_age_remove(struct lane *, struct rcpt *);
/* Where old came behind new, it says so by lane->unsorted. */
void		 lane_age_sort(struct lane *);
/* Look at some lanes for expiry, warnings, idleness. */
void		 lane_sweep(const struct lane_ops *);
void		 lane_sweep_add(struct lane *);
uint64_t	 lane_count(void);
/* Those of it that are due to fail; 1: there are more. */
int		 lane_age_judge(struct lane *);
void		 lane_free(struct lane *);	/* lane_age.c's to call */

#endif
