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
 * Processes: the only file that forks, executes, changes root or user.  The
 * parent starts roles with it; a role locks itself in with it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/proc.h"
#include "lib/sandbox.h"

#define CHANNEL_FD	3

static const struct {
	const char	*name;
	const char	*user;
} roles[ROLE_COUNT] = {
	[ROLE_PARENT] =		{ "parent",	NULL },
	[ROLE_SMTPD] =		{ "smtpd",	"_bindery" },
	[ROLE_NAMES] =		{ "names",	"_binderyn" },
	[ROLE_PASSWORDS] =	{ "passwords",	"_binderyn" },
	[ROLE_QUEUE] =		{ "queue",	"_binderyq" },
	[ROLE_FLUSH] =		{ "flush",	"_binderyq" },
	[ROLE_MTA] =		{ "mta",	"_binderym" },
};

static char	*program;

const char *
role_name(enum role role)
{
	return (role < ROLE_COUNT ? roles[role].name : NULL);
}

int
role_by_name(const char *name)
{
	int	 i;

	for (i = 0; i < ROLE_COUNT; i++)
		if (strcmp(roles[i].name, name) == 0)
			return (i);
	return (-1);
}

const char *
role_user(enum role role)
{
	return (role < ROLE_COUNT ? roles[role].user : NULL);
}

int
proc_check_users(void)
{
	static const char *const	 users[] = {
		"_bindery", "_binderym", "_binderyn", "_binderyq"
	};
	size_t	 i;
	int	 missing;

	missing = 0;
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		if (getpwnam(users[i]) != NULL)
			continue;
		fprintf(stderr, "bindery: no account %s; make it with: "
		    "useradd -r -d /nonexistent -s %s %s\n", users[i],
		    "/usr/sbin/nologin", users[i]);
		missing = -1;
	}
	return (missing);
}

int
proc_init(const char *argv0)
{
	if (strchr(argv0, '/') != NULL)
		program = realpath(argv0, NULL);
	else
		program = strdup(argv0);
	return (program == NULL ? -1 : 0);
}

/* In the child: fd 3 is the channel, all above it is closed. */
static __dead void
become(enum role role, const char *root, int foreground, int verbose, int fd)
{
	const char	*argv[8];
	int		 n;

	if (fd == CHANNEL_FD) {
		if (fcntl(fd, F_SETFD, 0) == -1)
			_exit(1);
	} else if (dup2(fd, CHANNEL_FD) == -1)
		_exit(1);
	closefrom(CHANNEL_FD + 1);
	n = 0;
	argv[n++] = program;
	argv[n++] = "-x";
	argv[n++] = role_name(role);
	if (root != NULL) {
		argv[n++] = "-r";
		argv[n++] = root;
	}
	if (foreground && verbose)
		argv[n++] = "-dv";
	else if (foreground || verbose)
		argv[n++] = foreground ? "-d" : "-v";
	argv[n] = NULL;
	execvp(program, (char *const *)argv);
	dprintf(STDERR_FILENO, "bindery: %s: %s\n", program, strerror(errno));
	_exit(127);
}

pid_t
proc_start(enum role role, const char *root, int foreground, int verbose,
    int *fd)
{
	int	 pair[2];
	pid_t	 pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, PF_UNSPEC,
	    pair) == -1)
		return (-1);
	switch (pid = fork()) {
	case -1:
		close(pair[0]);
		close(pair[1]);
		return (-1);
	case 0:
		become(role, root, foreground, verbose, pair[1]);
	default:
		break;
	}
	close(pair[1]);
	*fd = pair[0];
	return (pid);
}

int
proc_daemon(void)
{
	return (daemon(0, 0));
}

void
proc_drop(enum role role, const char *root)
{
	const char	*missing;
	struct passwd	*pw;

	if ((pw = getpwnam(role_user(role))) == NULL)
		fatalx("no account %s", role_user(role));
	if (root != NULL) {
		if (chroot(root) == -1)
			fatal("chroot %s", root);
		if (chdir("/") == -1)
			fatal("chdir");
	}
	if (setgroups(1, &pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		fatal("cannot become %s", role_user(role));
	missing = NULL;
	if (sandbox_apply(role, &missing) == -1)
		fatal("sandbox");
	if (missing != NULL)
		log_debug("this kernel does not offer %s", missing);
}
