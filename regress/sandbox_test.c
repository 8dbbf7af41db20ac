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
 * What each role may ask of the kernel, and what comes of asking for more: a
 * matrix of probes by role.  Each probe runs in a child that has gone the
 * way of a role: chroot, another user, the sandbox.
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/sandbox.h"

#define NOBODY		65534

/* Results besides an errno. */
#define OK		0
#define REFUSED		254		/* EPERM or EACCES */

static int	 listener;		/* inherited, on the loopback */
static struct sockaddr_in	 listening;

static int	 result(int);
static int	 inet_socket(int);

static int
result(int failed)
{
	if (!failed)
		return (OK);
	return (errno == EPERM || errno == EACCES ? REFUSED : errno);
}

static int
probe_spool(void)
{
	int fd;

	fd = open("/file", O_RDWR | O_CREAT, 0600);
	if (fd == -1)
		return (result(1));
	if (write(fd, "x", 1) != 1)
		return (EIO);
	return (result(mkdir("/dir", 0700) == -1 ||
	    fdatasync(fd) == -1 || ftruncate(fd, 0) == -1 ||
	    rename("/file", "/dir/other") == -1 ||
	    unlink("/dir/other") == -1 || rmdir("/dir") == -1));
}

static int
probe_read(void)
{
	return (result(open("/etc/passwd", O_RDONLY) == -1));
}

static int
probe_stat(void)
{
	struct stat st;

	return (result(stat("/", &st) == -1));
}

static int
inet_socket(int port)
{
	struct sockaddr_in in;
	int fd;

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(port);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		return (-1);
	return (bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ?
	    -1 : fd);
}

static int
probe_bind(void)
{
	return (result(inet_socket(0) == -1));
}

static int
probe_bind_port(void)
{
	return (result(inet_socket(2929) == -1));
}

static int
probe_connect(void)
{
	int fd = inet_socket(0);

	return (result(fd == -1 || connect(fd,
	    (struct sockaddr *)&listening, sizeof(listening)) == -1));
}

static int
probe_freebind(void)
{
	int on = 1;

	/* IP_FREEBIND; the descriptor need not even be a socket's */
	return (result(setsockopt(listener, IPPROTO_IP, 15, &on,
	    sizeof(on)) == -1));
}

static int
probe_keepalive(void)
{
	int on = 1;

	return (result(setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on,
	    sizeof(on)) == -1));
}

static int
probe_unix(void)
{
	return (result(socket(AF_UNIX, SOCK_STREAM, 0) == -1));
}

static int
probe_netlink(void)
{
	return (result(socket(AF_NETLINK, SOCK_RAW, 0) == -1));
}

static int
probe_accept(void)
{
	return (result(accept(listener, NULL, NULL) == -1 &&
	    errno != EAGAIN));
}

static int
probe_listen(void)
{
	return (result(listen(listener, 5) == -1));
}

static int
probe_fork(void)
{
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(0);
	return (result(pid == -1));
}

static int
probe_exec(void)
{
	char *argv[] = { NULL };

	return (result(execve("/bin/true", argv, argv) == -1));
}

static int
probe_kill(void)
{
	return (result(kill(getppid(), 0) == -1));
}

static int
probe_setuid(void)
{
	return (result(setuid(0) == -1));
}

static int
probe_executable(void)
{
	return (result(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED));
}

static int
probe_abort(void)
{
	abort();
}

/* What every role does all the time. */
static int
probe_common(void)
{
	struct stat st;
	struct tm tm;
	char buf[64], *p;
	time_t now;
	FILE *fp;

	if ((p = calloc(64, 1024 * 1024)) == NULL || (p[1] = 1) == 0)
		return (ENOMEM);
	free(p);
	now = time(NULL);
	if (localtime_r(&now, &tm) == NULL || localtime(&now) == NULL ||
	    strftime(buf, sizeof(buf), "%c %z", &tm) == 0)
		return (EINVAL);
	arc4random_buf(buf, sizeof(buf));
	if (fstat(listener, &st) == -1)
		return (errno);
	/* libraries try files; they must get an answer */
	if ((fp = fopen("/nonexistent", "r")) != NULL)
		fclose(fp);
	return (OK);
}

static const struct {
	const char	*name;
	int		 (*run)(void);
} probes[] = {
	{ "common",	probe_common },
	{ "spool",	probe_spool },
	{ "read",	probe_read },
	{ "stat",	probe_stat },
	{ "bind",	probe_bind },
	{ "bind port",	probe_bind_port },
	{ "connect",	probe_connect },
	{ "freebind",	probe_freebind },
	{ "keepalive",	probe_keepalive },
	{ "unix",	probe_unix },
	{ "netlink",	probe_netlink },
	{ "accept",	probe_accept },
	{ "listen",	probe_listen },
	{ "fork",	probe_fork },
	{ "exec",	probe_exec },
	{ "kill",	probe_kill },
	{ "setuid",	probe_setuid },
	{ "executable",	probe_executable },
	{ "abort",	probe_abort }
};
#define NPROBES		(sizeof(probes) / sizeof(probes[0]))

/* y allowed, n an error, k the process's end, a SIGABRT; by probe. */
static const struct {
	enum role	 role;
	int		 chroot;
	const char	*expected;
} matrix[] = {
	{ ROLE_SMTPD,		1, "ynnnnnnnynnykkkkkka" },
	{ ROLE_NAMES,		0, "ynyynnnyyynkkkkkkya" },
	{ ROLE_PASSWORDS,	1, "ynnnnnnnynnkkkkkkka" },
	{ ROLE_QUEUE,		1, "yynynnnnynnykkkkkka" },
	{ ROLE_FLUSH,		1, "ynnnnnnnynnkkkkkkka" },
	{ ROLE_MTA,		1, "ynnnynynynnkkkkkkka" }
};

/* In the child: as proc_drop does it. */
static __dead void
run(enum role role, const char *root, int (*probe)(void))
{
	const struct rlimit none = { 0, 0 };
	const char *missing;

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    (root != NULL && (chroot(root) == -1 || chdir("/") == -1)) ||
	    setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
	    setresuid(NOBODY, NOBODY, NOBODY) == -1)
		_exit(100);
	if (sandbox_apply(role, &missing) == -1)
		_exit(101);
	_exit(probe());
}

static char
outcome(enum role role, const char *root, int (*probe)(void))
{
	pid_t pid;
	int status;

	if ((pid = fork()) == 0)
		run(role, root, probe);
	ATF_REQUIRE(pid != -1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	if (WIFSIGNALED(status))
		return (WTERMSIG(status) == SIGSYS ? 'k' :
		    WTERMSIG(status) == SIGABRT ? 'a' : '?');
	switch (WEXITSTATUS(status)) {
	case OK:
		return ('y');
	case REFUSED:
	case ENOENT:	/* the chroot is empty */
		return ('n');
	}
	fprintf(stderr, "exit %d\n", WEXITSTATUS(status));
	return ('?');
}

static void
make_listener(void)
{
	socklen_t len = sizeof(listening);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(listener != -1);
	listening.sin_family = AF_INET;
	listening.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ATF_REQUIRE(bind(listener, (struct sockaddr *)&listening,
	    sizeof(listening)) == 0);
	ATF_REQUIRE(listen(listener, 5) == 0);
	ATF_REQUIRE(getsockname(listener, (struct sockaddr *)&listening,
	    &len) == 0);
}

static int
is_built_without(void)
{
	const char *missing = NULL;
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if (sandbox_apply(ROLE_FLUSH, &missing) == -1)
			_exit(1);
		_exit(missing != NULL && strstr(missing, "built") != NULL);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	return (!WIFEXITED(status) || WEXITSTATUS(status) == 1);
}

ATF_TC(roles);
ATF_TC_HEAD(roles, tc)
{
	atf_tc_set_md_var(tc, "descr", "the matrix of probes by role");
	atf_tc_set_md_var(tc, "require.user", "root");
	atf_tc_set_md_var(tc, "timeout", "60");
}
ATF_TC_BODY(roles, tc)
{
	char root[] = "root.XXXXXX", got;
	size_t i, j;

	if (is_built_without())
		atf_tc_skip("built without a sandbox");
	ATF_REQUIRE(mkdtemp(root) != NULL);
	ATF_REQUIRE(chown(root, NOBODY, NOBODY) == 0);
	make_listener();
	for (i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		ATF_REQUIRE_EQ(NPROBES, strlen(matrix[i].expected));
		for (j = 0; j < NPROBES; j++) {
			got = outcome(matrix[i].role,
			    matrix[i].chroot ? root : NULL, probes[j].run);
			ATF_CHECK_MSG(got == matrix[i].expected[j],
			    "%s: %s: %c, not %c",
			    role_name(matrix[i].role), probes[j].name, got,
			    matrix[i].expected[j]);
		}
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, roles);
	return (atf_no_error());
}
