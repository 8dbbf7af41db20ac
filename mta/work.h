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
 * Lanes of which queue said that they have work, as mta sees them.
 */

#ifndef MTA_WORK_H
#define MTA_WORK_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>

#include "lib/config.h"
#include "mta/binding.h"

struct ipc;
struct ipc_msg;
struct task;
struct test;

struct lane {
	RB_ENTRY(lane)	 id_node;
	TAILQ_ENTRY(lane) entry;	/* its binding's line, or held ones */
	TAILQ_ENTRY(lane) delayed;
	TAILQ_ENTRY(lane) wait;		/* of its line */
	struct line	*line;		/* that it waits in, or NULL */
	const struct line *last_line;	/* keeps its place there */
	struct binding	*binding;
	char		*destination;
	char		*want_action;	/* of the first in line */
	char		*want_sender;	/* its sender's domain */
	char		*site;		/* by a host's name, or NULL */
	struct attempts	 attempts;	/* under way */
	struct held	*held;		/* a cause of this host, or NULL */
	struct test	*test;		/* NULL: it carries mail */
	uint32_t	 id;
	uint32_t	 due;		/* recipients, as queue said last */
	uint32_t	 not_before;	/* loop_seconds(): another connection */
	uint32_t	 waits_since;	/* loop_seconds() */
	unsigned int	 nattempts;
	unsigned int	 connections;	/* all, until they are closed */
	unsigned int	 pulls;		/* of these: wait for an answer */
	unsigned int	 live;		/* of these: had a message answered */
	unsigned int	 growth;	/* attempts at once, where one lives */
	unsigned int	 turn;		/* which of equal hosts is next */
	uint8_t		 in_line;
	uint8_t		 is_delayed;
	uint8_t		 served;	/* a rate had it in line: its turn */
	uint8_t		 now;		/* a command wants the route anew */
};

/* What a lane is held for, and how it is seen that this is over. */
struct held {
	struct sockaddr_storage dst;	/* family 0: look the route up again */
	uint32_t	 look;		/* loop_seconds() */
};

void		 work_init(void);
/* QUEUE_WORK, QUEUE_SUSPEND */
void		 work_told(struct ipc *, struct ipc_msg *);
void		 work_suspend(struct ipc *, struct ipc_msg *);
/* An answer to a pull told what is left. */
void		 work_left(struct lane *, const struct task *);
struct lane	*work_find(uint32_t id);
/* It may want another connection: at the end of this turn. */
void		 work_wake(struct lane *);
/* All lanes of a binding; of all bindings: there is room again. */
void		 work_wake_all(void);
/* A binding's address came or went. */
void		 work_binding_changed(struct binding *);
/* The configuration is another one. */
void		 work_configured(void);
/* Nothing new is begun. */
void		 work_stop(void);
/* queue is another one: it has told nothing yet. */
void		 work_forget_all(void);
/* mta keeps the lane and looks whether the cause is over. */
void		 work_hold(struct lane *, const struct sockaddr *dst,
		    uint32_t seconds);
/* It is no longer held. */
void		 work_free_held(struct lane *);
/* It waits, and begins an attempt when it is resumed. */
void		 work_wait(struct lane *, struct line *);
void		 work_resume(struct lane *);
void		 work_line_init(struct line *, int step,
		    void (*describe)(const struct line *, char *, size_t));
/* No further connection for so many seconds. */
void		 work_delay(struct lane *, uint32_t seconds);
/* An attempt or connection of it ended: it may have no use any more. */
void		 work_release(struct lane *);
/* Is it suspended for this binding, by command or by file? */
int		 work_site_suspended(const struct lane *,
		    const struct site *);
void		 work_set_site(struct lane *, const struct site *);

struct doing;
/* Attempts of a lane, NULL: of all; a lane that waits for its turn. */
void		 work_doing(const struct lane *, void (*row)(void *,
		    const struct doing *), void *);

/* The name of its site: the destination's, else the host's; NULL: none. */
const char	*work_site(const struct lane *);
/* The value that holds for its destination and site. */
const struct option *work_option(const struct lane *, enum option_id);
/* Most connections of it by the configuration. */
unsigned int	 work_limit(const struct lane *);

#endif
