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
 * The folders and sockets that only root can make: run folder, the empty
 * chroot below it, spool, listeners, the two local sockets.  The parent calls
 * it at its start and at a reload.  Never removes a socket that somebody still
 * answers on, and never touches anything inside the spool.
 */

#include <sys/types.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/accounts.h"
#include "lib/control.h"
#include "lib/log.h"
#include "smtpd/parent.h"

#define DOORS_BACKLOG	1024
#define PATIENCE	30		/* tenths of a second */

/* path is a folder owned by uid that nobody else can write to; made if not. */
static int
folder(const char *path, mode_t mode, uid_t uid, gid_t gid,
    struct load_report *report)
{
	struct stat	 st;

	if (mkdir(path, mode) == 0) {
		/* the umask may have taken bits away */
		if (chmod(path, mode) == 0 && chown(path, uid, gid) == 0)
			return (0);
		load_say(report, NULL, 0, "%s: %s", path, strerror(errno));
		return (-1);
	}
	if (errno != EEXIST || lstat(path, &st) == -1) {
		load_say(report, NULL, 0, "%s: %s", path, strerror(errno));
		return (-1);
	}
	if (!S_ISDIR(st.st_mode)) {
		load_say(report, NULL, 0, "%s: not a folder", path);
		return (-1);
	}
	if (st.st_uid != uid) {
		load_say(report, NULL, 0, "%s: owned by uid %u, not %u", path,
		    (unsigned int)st.st_uid, (unsigned int)uid);
		return (-1);
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		load_say(report, NULL, 0, "%s: others may write to it (mode "
		    "%04o)", path, (unsigned int)(st.st_mode & 07777));
		return (-1);
	}
	return (0);
}

/*
 * Wait for what is busy: a daemon that was killed takes a moment to go with
 * all its roles, and its successor may have been started at once.  1: it stays
 * busy, 0, or -1 with errno, as busy says.
 */
static int
stays_busy(int (*busy)(const void *), const void *arg)
{
	const struct timespec	 tick = { 0, 100 * 1000 * 1000 };
	int			 i, status;

	for (i = 0; (status = busy(arg)) == 1 && i < PATIENCE; i++)
		(void)nanosleep(&tick, NULL);
	return (status);
}

static int
is_locked(const void *arg)
{
	const int	*fd = arg;

	return (flock(*fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
}

static int
is_answered(const void *arg)
{
	const struct sockaddr_un	*sun = arg;
	int				 answers, fd;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	answers = connect(fd, (const struct sockaddr *)sun,
	    sizeof(*sun)) == 0 || (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return (answers);
}

/*
 * Whether another daemon holds the spool.  The queue takes the lock itself;
 * this asks early, while the answer can still go to the terminal.
 */
static int
spool_is_free(const char *spool, struct load_report *report)
{
	char	 path[PATH_MAX];
	int	 fd, busy;

	if (access(spool, W_OK | X_OK) == -1) {
		load_say(report, NULL, 0, "spool %s: %s", spool,
		    strerror(errno));
		return (-1);
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/lock", spool) >=
	    sizeof(path))
		return (0);
	/* the folder is queue's, which may have put anything there */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return (0);
	busy = stays_busy(is_locked, &fd);
	close(fd);
	if (busy) {
		load_say(report, NULL, 0,
		    "spool %s: another bindery is running on it", spool);
		return (-1);
	}
	return (0);
}

const char *
doors_empty(const struct config *conf)
{
	static char	 path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/empty", conf->run);
	return (path);
}

int
doors_folders(const struct config *conf, struct load_report *report)
{
	const struct passwd	*pw;

	if (strlen(conf->run) > PATH_MAX - 32) {
		load_say(report, NULL, 0, "run: path too long");
		return (-1);
	}
	if (folder(conf->run, 0755, 0, 0, report) == -1 ||
	    folder(doors_empty(conf), 0555, 0, 0, report) == -1)
		return (-1);
	pw = getpwnam(role_user(ROLE_QUEUE));
	if (pw == NULL) {
		load_say(report, NULL, 0, "no user %s",
		    role_user(ROLE_QUEUE));
		return (-1);
	}
	if (folder(conf->spool, 0700, pw->pw_uid, pw->pw_gid, report) == -1)
		return (-1);
	return (spool_is_free(conf->spool, report));
}

static int
local_path(const struct config *conf, const char *name,
    struct sockaddr_un *sun, struct load_report *report)
{
	int	 n;

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%s", conf->run,
	    name);
	if (n < 0 || (size_t)n >= sizeof(sun->sun_path)) {
		load_say(report, NULL, 0, "%s/%s: path too long for a socket",
		    conf->run, name);
		return (-1);
	}
	return (0);
}

/* Take away a socket that a dead daemon left; -1 if one answers on it. */
static int
local_remove_stale(const struct sockaddr_un *sun, struct load_report *report)
{
	struct stat	 st;
	int		 answered;

	if (lstat(sun->sun_path, &st) == -1) {
		if (errno == ENOENT)
			return (0);
		load_say(report, NULL, 0, "%s: %s", sun->sun_path,
		    strerror(errno));
		return (-1);
	}
	if (!S_ISSOCK(st.st_mode)) {
		load_say(report, NULL, 0, "%s: in the way, and not a socket",
		    sun->sun_path);
		return (-1);
	}
	if ((answered = stays_busy(is_answered, sun)) == -1) {
		load_say(report, NULL, 0, "socket: %s", strerror(errno));
		return (-1);
	}
	if (answered) {
		load_say(report, NULL, 0,
		    "%s: another bindery answers there", sun->sun_path);
		return (-1);
	}
	if (unlink(sun->sun_path) == -1 && errno != ENOENT) {
		load_say(report, NULL, 0, "%s: %s", sun->sun_path,
		    strerror(errno));
		return (-1);
	}
	return (0);
}

static int
local_open(const struct config *conf, const char *name, gid_t gid,
    mode_t mode, struct load_report *report)
{
	struct sockaddr_un	 sun;
	mode_t			 before;
	int			 fd, bound;

	if (local_path(conf, name, &sun, report) == -1 ||
	    local_remove_stale(&sun, report) == -1)
		return (-1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		load_say(report, NULL, 0, "socket: %s", strerror(errno));
		return (-1);
	}
	before = umask(0177);
	bound = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(before);
	if (bound == -1 || chown(sun.sun_path, 0, gid) == -1 ||
	    chmod(sun.sun_path, mode) == -1 ||
	    listen(fd, DOORS_BACKLOG) == -1) {
		load_say(report, NULL, 0, "%s: %s", sun.sun_path,
		    strerror(errno));
		close(fd);
		return (-1);
	}
	return (fd);
}

static gid_t
control_gid(const struct config *conf)
{
	gid_t	 gid = 0;

	/* that there is one was checked with the rest of the file */
	if (conf->control_group != NULL)
		(void)group_id(conf->control_group, &gid);
	return (gid);
}

int
doors_control(const struct config *conf, struct load_report *report)
{
	return (local_open(conf, CONTROL_SOCKET, control_gid(conf), 0660,
	    report));
}

void
doors_control_group(const struct config *conf)
{
	char	 path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", conf->run,
	    CONTROL_SOCKET);
	if (chown(path, 0, control_gid(conf)) == -1)
		log_warn("%s", path);
}

void
doors_unlink(const struct config *conf)
{
	static const char *const	 names[] = {
		CONTROL_SOCKET, SUBMIT_SOCKET
	};
	char				 path[PATH_MAX];
	size_t				 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", conf->run,
		    names[i]) < sizeof(path))
			(void)unlink(path);
	}
}

static int
door_socket(const struct sockaddr_storage *addr)
{
	const struct sockaddr	*sa = (const struct sockaddr *)addr;
	int			 fd, on = 1, saved;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return (-1);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (sa->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1) ||
	    bind(fd, sa, sockaddr_len(sa)) == -1 ||
	    listen(fd, DOORS_BACKLOG) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

static const struct door *
door_find(const struct doors *doors, const struct sockaddr_storage *addr)
{
	const struct sockaddr	*a, *b = (const struct sockaddr *)addr;
	const struct door	*door;

	if (doors == NULL)
		return (NULL);
	TAILQ_FOREACH(door, doors, entry) {
		a = (const struct sockaddr *)&door->addr;
		if (addr == NULL ? door->local : !door->local &&
		    sockaddr_same(a, b) && sockaddr_port(a) == sockaddr_port(b))
			return (door);
	}
	return (NULL);
}

static int
door_add(struct doors *doors, unsigned int listener,
    const struct sockaddr_storage *addr, int fd)
{
	struct door	*door;

	door = calloc(1, sizeof(*door));
	if (door == NULL) {
		close(fd);
		return (-1);
	}
	door->listener = listener;
	door->local = addr == NULL;
	if (addr != NULL)
		door->addr = *addr;
	door->fd = fd;
	TAILQ_INSERT_TAIL(doors, door, entry);
	return (0);
}

/* One address of a listener; addr NULL: the local socket. */
static int
door_open(const struct config *conf, const struct listener *listener,
    const struct sockaddr_storage *addr, const struct doors *old,
    struct doors *doors, struct load_report *report)
{
	const struct sockaddr	*sa = (const struct sockaddr *)addr;
	const struct door	*same;
	int			 fd;

	if (addr != NULL && door_find(doors, addr) != NULL)
		return (0);	/* an interface and its address, both named */
	same = door_find(old, addr);
	if (same != NULL)
		fd = fcntl(same->fd, F_DUPFD_CLOEXEC, 0);
	else if (addr == NULL)
		return ((fd = local_open(conf, SUBMIT_SOCKET, 0, 0666,
		    report)) == -1 ? -1 :
		    door_add(doors, listener->index, NULL, fd));
	else
		fd = door_socket(addr);
	if (fd == -1) {
		load_say(report, &listener->origin, 0, "listen on %s: %s",
		    addr == NULL ? "socket" : sockaddr_text_port(sa),
		    strerror(errno));
		return (-1);
	}
	return (door_add(doors, listener->index, addr, fd));
}

/* All addresses of an interface.  How many, or -1. */
static int
interface_open(const struct config *conf, const struct listener *listener,
    const struct doors *old, struct doors *doors, struct load_report *report)
{
	struct ifaddrs		*all, *one;
	struct sockaddr_storage	 addr;
	int			 port, found = 0;

	if (getifaddrs(&all) == -1)
		return (0);
	port = listener->port;
	for (one = all; one != NULL && found != -1; one = one->ifa_next) {
		if (one->ifa_addr == NULL ||
		    strcmp(one->ifa_name, listener->interface) != 0 ||
		    (one->ifa_addr->sa_family != AF_INET &&
		    one->ifa_addr->sa_family != AF_INET6))
			continue;
		memset(&addr, 0, sizeof(addr));
		memcpy(&addr, one->ifa_addr, sockaddr_len(one->ifa_addr));
		sockaddr_set_port((struct sockaddr *)&addr, port);
		found = door_open(conf, listener, &addr, old, doors,
		    report) == -1 ? -1 : found + 1;
	}
	freeifaddrs(all);
	return (found);
}

/* No interface of that name: a host's name. */
static int
host_open(const struct config *conf, const struct listener *listener,
    const struct doors *old, struct doors *doors, struct load_report *report)
{
	struct addrinfo		 hints, *all, *one;
	struct sockaddr_storage	 addr;
	int			 error, port, result = 0;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	error = getaddrinfo(listener->interface, NULL, &hints, &all);
	if (error != 0) {
		load_say(report, &listener->origin, 0, "listen on %s: no "
		    "such interface, address or host (%s)",
		    listener->interface, gai_strerror(error));
		return (-1);
	}
	port = listener->port;
	for (one = all; one != NULL && result == 0; one = one->ai_next) {
		memset(&addr, 0, sizeof(addr));
		memcpy(&addr, one->ai_addr, one->ai_addrlen);
		sockaddr_set_port((struct sockaddr *)&addr, port);
		result = door_open(conf, listener, &addr, old, doors, report);
	}
	freeaddrinfo(all);
	return (result);
}

static int
listener_open(const struct config *conf, const struct listener *listener,
    const struct doors *old, struct doors *doors, struct load_report *report)
{
	int	 found;

	if (listener->socket)
		return (door_open(conf, listener, NULL, old, doors, report));
	if (listener->interface == NULL)
		return (door_open(conf, listener, &listener->addr, old, doors,
		    report));
	found = interface_open(conf, listener, old, doors, report);
	if (found == 0)
		return (host_open(conf, listener, old, doors, report));
	return (found == -1 ? -1 : 0);
}

int
doors_open(const struct config *conf, const struct doors *old,
    struct doors *doors, struct load_report *report)
{
	const struct listener	*listener;

	TAILQ_FOREACH(listener, &conf->listeners, entry) {
		if (listener_open(conf, listener, old, doors, report) == -1) {
			doors_close(doors);
			return (-1);
		}
	}
	return (0);
}

void
doors_close(struct doors *doors)
{
	struct door	*door;

	while ((door = TAILQ_FIRST(doors)) != NULL) {
		TAILQ_REMOVE(doors, door, entry);
		close(door->fd);
		free(door);
	}
}
