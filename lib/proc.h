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
 * Processes: the only file that forks, executes, changes root or user.
 */

#ifndef LIB_PROC_H
#define LIB_PROC_H

#include <sys/types.h>

enum role {
	ROLE_PARENT,
	ROLE_SMTPD,
	ROLE_NAMES,
	ROLE_PASSWORDS,
	ROLE_QUEUE,
	ROLE_FLUSH,
	ROLE_MTA,
	ROLE_COUNT
};

/* "smtpd", "queue" ...; NULL or -1 where there is none. */
const char	*role_name(enum role);
int		 role_by_name(const char *);
/* The account that it runs as; NULL for the parent. */
const char	*role_user(enum role);

/*
 * Give every role's account that is missing a line of how to make it, on
 * stderr; -1 if one is.
 */
int		 proc_check_users(void);

/*
 * Remember how this program was called, to start roles with.  0, -1 with
 * errno.
 */
int		 proc_init(const char *argv0);
/*
 * To the background; -1 with errno.  The process that was called stays in
 * front and shows what comes on stderr until proc_daemon_started(), then it
 * exits 0; with the status of the background one if that ends before.  The
 * working folder is kept, for paths may be relative to it.
 */
int		 proc_daemon(void);
void		 proc_daemon_started(void);

/*
 * Start a role: fork, exec this very program with "-x role", fd 3 one end of
 * a socket pair, nothing else inherited but 0, 1, 2.  root: the folder that it
 * locks itself into (NULL: none).  The pid, and the parent's end in *fd; -1.
 */
pid_t		 proc_start(enum role, const char *root, int foreground,
		    int verbose, int *fd);

/*
 * In the role: chroot into root (NULL: none), become the role's user for
 * good, no new privileges, then the sandbox.  Fatal when any of it fails.
 * What this kernel has not got of the sandbox, for the log, or NULL.
 */
const char	*proc_drop(enum role, const char *root);

#endif
