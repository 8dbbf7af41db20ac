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
 * What all roles have in common: hello to the parent, the configuration as
 * it comes in, peers, logging, stop.  A role's entry is
 *
 *	role_start(ROLE_X, root, foreground, verbose, &callbacks);
 *	... set up its state ...
 *	exit(role_loop());
 */

#ifndef LIB_ROLE_H
#define LIB_ROLE_H

#include "lib/config.h"
#include "lib/ipc.h"
#include "lib/proc.h"

#define BINDERY_VERSION	"0.1"

struct role_callbacks {
	/*
	 * now is in force; before is NULL at the start and is freed when this
	 * returns, but for who holds it.
	 */
	void		(*configured)(struct config *now,
			    struct config *before);
	/*
	 * Every role uses what configured() named: only now work may go to
	 * another.
	 */
	void		(*begin)(void);
	/* What came for a configuration that was to be next is void. */
	void		(*dropped)(void);
	/*
	 * A channel to another role; fd is the callee's.  One that comes again
	 * replaces the first, whose role was started anew.
	 */
	void		(*peer)(enum role, int fd);
	/* Finish what is being written, then loop_exit(0). */
	void		(*stop)(void);
	/* Further messages from the parent; ends with { IPC_NONE, NULL }. */
	const struct ipc_entry *entries;
};

void		 role_start(enum role, const char *root, int foreground,
		    int verbose, const struct role_callbacks *);
int		 role_loop(void);
struct ipc	*role_parent(void);
/* It broke its channel to us: the parent ends it. */
void		 role_blame(enum role);
/*
 * Keep the configuration that is in force, also when another takes its place,
 * until it is let go; what is held is never NULL once configured() was called.
 */
struct generation *role_hold(void);
const struct config *role_held(const struct generation *);
void		 role_let_go(struct generation *);	/* NULL: none */
/* The parent's number of the configuration in force; 0: none yet. */
uint32_t	 role_generation(void);
/* Parsed, and not in force before the next swap; NULL: there is none. */
const struct config *role_next(void);
/* A file that came beside the configuration ("resolv.conf"), or NULL. */
const char	*role_file(const char *path);
/* It was a secret, and is not needed any more: overwritten. */
void		 role_wipe(const char *path);

#endif
