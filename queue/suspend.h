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
 * Suspensions by command.
 */

#ifndef QUEUE_SUSPEND_H
#define QUEUE_SUSPEND_H

#include <sys/tree.h>
#include <stdint.h>
#include "queue/spool.h"

struct ipc;
struct lane;

/* suspend.c */
struct suspension {
	RB_ENTRY(suspension) node;
	char		*binding;
	char		*domain;	/* or NULL */
	char		*site;		/* or NULL */
	int		 reception;
	uint64_t	 since;
	uint64_t	 until;		/* 0: until resumed */
	char		*by;
	char		*reason;
};

void		 suspend_replay(const char *scope, const char *state);
void		 suspend_forget(void);
void		 suspend_checkpoint(void);
/* In force from now; done when it is on disk. */
void		 suspend_set(const struct suspension *, spool_done *, void *);
/* 0, or -1: there was none of that scope. */
int		 suspend_lift(const struct suspension *, const char *by,
		    spool_done *, void *);
/* The command's for this lane, reception; NULL: none. */
const struct suspension *suspend_lane(const struct lane *);
const struct suspension *suspend_binding(const char *name, int reception);
const struct suspension *suspend_next(const struct suspension *);
/* Whether the command suspends anything of a binding. */
int		 suspend_any(const char *binding);
/* Bring lanes and accounts of that binding up to date. */
void		 suspend_apply(const char *binding);
void		 suspend_tick(void);
/* All (binding, site) pairs, to a new mta: it knows hosts' sites by name. */
void		 suspend_tell(struct ipc *);

#endif
