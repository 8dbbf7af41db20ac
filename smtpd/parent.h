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
 * Between the parent's own files: parent.c (start, what roles say),
 * children.c (roles as processes), reload.c (one configuration in all),
 * generation.c (a configuration with its texts and sockets), load.c (reads
 * files), guard.c (who may change them), doors.c (folders, sockets) and
 * check.c (-n).  No role includes this.
 */

#ifndef SMTPD_PARENT_H
#define SMTPD_PARENT_H

#include <sys/stat.h>

#include "lib/config.h"
#include "lib/ipc.h"
#include "lib/proc.h"

struct parent_options {
	const char	*path;		/* -f */
	char		**defines;	/* -D, NULL-terminated */
	int		 foreground;	/* -d */
	int		 verbose;	/* how often -v */
};

/*
 * Listening sockets, one for each address of a listener; kept open here so
 * that a reload can hand the same socket out again.
 */
struct door {
	TAILQ_ENTRY(door) entry;
	unsigned int	 listener;	/* its index in the configuration */
	int		 local;		/* submit.sock */
	struct sockaddr_storage addr;	/* of the others */
	int		 fd;
};
TAILQ_HEAD(doors, door);

/* What was seen of the files that were read; guard.c. */
TAILQ_HEAD(guards, guarded);

/* What a file is for. */
enum guard {
	GUARD_CONFIG,
	GUARD_TABLE,
	GUARD_HASHES,		/* a table of them */
	GUARD_LOGINS,		/* a table of them, at relays */
	GUARD_KEY,
	GUARD_TRUST		/* certificates */
};

/* A configuration with its texts and doors.  It owns all three. */
struct generation {
	uint32_t	 number;
	struct config	*conf;
	struct bundle	 files;		/* outlives conf, which borrows */
	struct doors	 doors;
};

/* What was reported while loading. */
struct load_report {
	int		 to_log;	/* a reload: else on stderr */
	int		 errors;
	int		 warnings;
	char		 first[512];	/* the first error, "FILE:LINE: text" */
};

/* parent.c */
__dead void	 parent_run(const struct parent_options *);
/* queue may take commands: once, when all roles have begun. */
void		 parent_control(void);
/* What a role may say to the parent. */
const struct ipc_entry *parent_entries(enum role);

/* children.c: the roles as processes.  Start all; -1 after a log line. */
int		 children_start(const struct parent_options *,
		    const struct config *);
/* One more, introduced to its peers. */
int		 child_add(enum role, const struct config *);
/* NULL: it does not run. */
struct ipc	*child_channel(enum role);
/* At a SIGCHLD. */
void		 children_reap(void);
/* It sent by what is none of our messages: it is ended. */
void		 child_blame(enum role, const char *by);
/* In order; then the loop ends, with exit_code unless one was set before. */
void		 children_stop(int exit_code);
int		 children_stopping(void);

/* reload.c: bring the first configuration into force; it is owned there. */
void		 reload_start(const struct parent_options *,
		    struct generation *);
/* client: who asked in queue, or NULL (a signal). */
void		 reload_request(const uint32_t *client);
/* ROLE_PARSED; error NULL: understood. */
void		 reload_parsed(enum role, uint32_t number, const char *error);
/* ROLE_SWAPPED. */
void		 reload_swapped(enum role, uint32_t number);
/* mta, anew. */
void		 reload_child_started(enum role);
void		 reload_child_gone(enum role);
/* The one in force, or NULL. */
const struct config *reload_config(void);

/*
 * generation.c: load and open all that a configuration needs, NULL after an
 * error was said; before is the one in force, or NULL at the start.
 */
struct generation *generation_new(const struct parent_options *,
		    const struct generation *before, struct load_report *);
void		 generation_free(struct generation *);
/*
 * Give a role what it uses of it and ask it to parse.  Keys are wiped once
 * smtpd was given them.
 */
void		 generation_send(struct generation *, enum role,
		    struct ipc *);

/*
 * load.c: read and check the configuration with all that it names.  files is
 * empty before; it holds what was read even when NULL is returned.
 */
struct config	*load_config(const struct parent_options *, int reload,
		    struct bundle *files, struct load_report *);
/* One error or warning, counted and printed. */
void		 load_say(struct load_report *, const struct origin *,
		    int warning, const char *, ...)
		    __attribute__((format(printf, 4, 5)));
/* Whether role gets this file: secrets go to their only user. */
int		 load_wanted(const struct config *, const struct bundle_file *,
		    enum role);
/* Whether the role has any use for a configuration. */
int		 load_configures(enum role);
/* Whether this configuration needs the role at all. */
int		 load_needs(const struct config *, enum role);

/*
 * guard.c: who else may change or read files.  Look at one that is open to be
 * read.  0, or -1 with errno.
 */
int		 guard_look(struct guards *, const char *path, int fd,
		    const struct stat *);
/* NULL: it was not read, or is no regular file. */
struct guarded	*guard_find(const struct guards *, const char *path);
/*
 * Say what is wrong with it, what: its name in words, before the path.  NULL
 * is fine.
 */
void		 guard_judge(struct guarded *, enum guard,
		    const struct origin *, const char *what,
		    struct load_report *);
/* Those that were not judged yet. */
void		 guard_rest(const struct guards *,
		    void (*)(void *, struct guarded *, const char *path),
		    void *);
void		 guard_free(struct guards *);

/* doors.c: 0, or -1 after an error was said. */
int		 doors_folders(const struct config *, struct load_report *);
/* The chroot for roles that need no file: a static buffer. */
const char	*doors_empty(const struct config *);
/*
 * Open one or more doors for each listener; one that old has is used again.
 * old may be NULL.
 */
int		 doors_open(const struct config *, const struct doors *old,
		    struct doors *, struct load_report *);
void		 doors_close(struct doors *);
/* The control socket, or -1. */
int		 doors_control(const struct config *, struct load_report *);
/* The control socket that is there is for another group from now on. */
void		 doors_control_group(const struct config *);
/* Take submit.sock and control.sock away again, before an exit. */
void		 doors_unlink(const struct config *);

/* check.c: bind-addresses that are not on this host: a warning each. */
void		 check_addresses(const struct config *, struct load_report *);
/* -n, -nv: the exit status. */
int		 check_run(const struct parent_options *);

#endif
