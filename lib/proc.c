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
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
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
static int	 started = -1;	/* who waits in front, to be told */

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

/* Show what is there; 0 at the end of it. */
static int
show(int fd)
{
	char	 buf[4096];
	ssize_t	 n;

	n = read(fd, buf, sizeof(buf));
	if (n > 0 && write(STDERR_FILENO, buf, (size_t)n) == -1)
		return (0);
	return (n > 0 || (n == -1 && errno == EINTR));
}

/* The one in front: until the other has started, or is no more. */
static __dead void
watch_start(pid_t pid, int said, int ready)
{
	struct pollfd	 fds[2] = {
		{ .fd = said, .events = POLLIN },
		{ .fd = ready, .events = POLLIN }
	};
	ssize_t		 n = -1;
	int		 status;
	char		 byte;

	while (n == -1) {
		if (poll(fds, 2, -1) == -1 && errno != EINTR)
			break;
		if (fds[0].revents != 0 && !show(said))
			fds[0].fd = -1;
		else if (fds[0].revents == 0 && fds[1].revents != 0)
			n = read(ready, &byte, 1);
	}
	if (n == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	/* a role's last words may come a little later */
	while (fds[0].fd != -1 && poll(fds, 1, 200) == 1 && show(said))
		continue;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
	    WEXITSTATUS(status) : 1);
}

int
proc_daemon(void)
{
	pid_t	 pid;
	int	 said[2], ready[2], null;

	if (pipe2(said, O_CLOEXEC) == -1 || pipe2(ready, O_CLOEXEC) == -1 ||
	    (null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    (pid = fork()) == -1)
		return (-1);
	if (pid != 0) {
		close(said[1]);
		close(ready[1]);
		watch_start(pid, said[0], ready[0]);
	}
	close(said[0]);
	close(ready[0]);
	started = ready[1];
	/* a relative path of the configuration still means the same */
	if (setsid() == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(said[1], STDERR_FILENO) == -1)
		return (-1);
	close(null);
	close(said[1]);
	return (0);
}

void
proc_daemon_started(void)
{
	if (started == -1)
		return;
	/* nobody looks any more */
	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
	(void)write(started, "", 1);
	close(started);
	started = -1;
}

const char *
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
	if (sandbox_apply(role, &missing) == -1)
		fatal("sandbox");
	return (missing);
}
