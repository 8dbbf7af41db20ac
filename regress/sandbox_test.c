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
 * What each role may ask of the kernel, as a table: an act, the roles whose
 * work it is, and what comes of it in all others.  Each act runs in a child
 * that has gone the way of a role: chroot, another user, the sandbox.
 *
 * A new role is a name below, a line in columns[] and its name in the rows
 * of what it may do; a new act is a row.
 */

#include <atf-c.h>

#ifdef __linux__

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/sandbox.h"

#define NOBODY		65534

#define SMTPD		(1U << ROLE_SMTPD)
#define NAMES		(1U << ROLE_NAMES)
#define PASSWORDS	(1U << ROLE_PASSWORDS)
#define QUEUE		(1U << ROLE_QUEUE)
#define FLUSH		(1U << ROLE_FLUSH)
#define MTA		(1U << ROLE_MTA)
#define ALL		(SMTPD | NAMES | PASSWORDS | QUEUE | FLUSH | MTA)
#define NOBODYS		0U

static const struct {
	enum role	 role;
	int		 chroot;
} columns[] = {
	{ ROLE_SMTPD,		1 },
	{ ROLE_NAMES,		0 },
	{ ROLE_PASSWORDS,	1 },
	{ ROLE_QUEUE,		1 },
	{ ROLE_FLUSH,		1 },
	{ ROLE_MTA,		1 }
};
#define NCOLUMNS	(sizeof(columns) / sizeof(columns[0]))

/* Open in each child before it is locked in. */
#define TCP		50	/* not bound */
#define UDP		51	/* not bound */
#define LISTENER	52	/* on the loopback, port in listening */
#define FILE_FD		53	/* read and write */
#define UNIX		54	/* one of a pair */

/* The kernel looks at the lower half of an int only. */
#define HIGH		0x7b00000100000000L
#define P(x)		(long)(x)

static struct sockaddr_in	 listening, free_port, fixed_port, low_port;
static struct sockaddr_un	 nowhere;
static struct stat		 st;
static struct rlimit		 limit;
static struct timespec		 spec;
static int			 on = 1;
static socklen_t		 on_len = sizeof(on);
static char			 buf[4096];
static int			 missing_ports;	/* of this kernel */

struct act {
	const char	*name;
	unsigned int	 may;		/* whose work it is */
	char		 other;		/* n: an error, k: the process's end */
	int		(*run)(void);	/* 0, or -1 with errno; or: */
	long		 call;
	long		 args[6];
};

static int
act_abort(void)
{
	abort();
}

static int
act_signal(void)
{
	return (syscall(SYS_tgkill, getpid(), getpid(), SIGTERM));
}

/* What every role does all the time, and what libraries try. */
static int
act_common(void)
{
	struct tm tm;
	char *p;
	time_t now;
	FILE *fp;

	if ((p = calloc(64, 1024 * 1024)) == NULL || (p[1] = 1) == 0)
		return (-1);
	free(p);
	now = time(NULL);
	if (localtime_r(&now, &tm) == NULL || localtime(&now) == NULL ||
	    strftime(buf, sizeof(buf), "%c %z", &tm) == 0)
		return (-1);
	arc4random_buf(buf, sizeof(buf));
	if (fstat(LISTENER, &st) == -1)
		return (-1);
	if ((fp = fopen("/nonexistent", "r")) != NULL)
		fclose(fp);
	(void)sysconf(_SC_OPEN_MAX);
	(void)isatty(2);
	return (0);
}

static int
act_spool(void)
{
	int fd;

	fd = open("/file", O_RDWR | O_CREAT, 0600);
	if (fd == -1)
		return (-1);
	return (write(fd, "x", 1) != 1 ||
	    mkdir("/dir", 0700) == -1 || fdatasync(fd) == -1 ||
	    ftruncate(fd, 0) == -1 || rename("/file", "/dir/other") == -1 ||
	    link("/dir/other", "/again") == -1 || unlink("/again") == -1 ||
	    unlink("/dir/other") == -1 || rmdir("/dir") == -1 ? -1 : 0);
}

static int
act_getpw(void)
{
	FILE *fp;

	if ((fp = fopen("/etc/passwd", "re")) == NULL)
		return (-1);
	return (fgets(buf, sizeof(buf), fp) == NULL || fclose(fp) != 0 ?
	    -1 : 0);
}

/* What the name service does at its first question. */
static int
act_library(void)
{
	if (dlopen("libnss_dns.so.2", RTLD_NOW) != NULL)
		return (0);
	errno = EPERM;
	return (-1);
}

/* What mta does for each connection. */
static int
act_connect(void)
{
	socklen_t len = sizeof(free_port);

	return (bind(TCP, (struct sockaddr *)&free_port, len) == -1 ||
	    connect(TCP, (struct sockaddr *)&listening, len) == -1 ||
	    getsockname(TCP, (struct sockaddr *)&free_port, &len) == -1 ||
	    getsockopt(TCP, SOL_SOCKET, SO_ERROR, &on, &on_len) == -1 ?
	    -1 : 0);
}

static int
act_route(void)
{
	return (bind(UDP, (struct sockaddr *)&free_port,
	    sizeof(free_port)) == -1 || connect(UDP,
	    (struct sockaddr *)&listening, sizeof(listening)) == -1 ? -1 : 0);
}

static int
act_written_code(void)
{
	void *p;

	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return (p == MAP_FAILED ? 0 :
	    mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

/* Another machine's door into the same kernel. */
static int
act_i386(void)
{
#ifdef __x86_64__
	long result = 20;	/* getpid(2) there */

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
	return (0);
#else
	raise(SIGSYS);
	return (0);
#endif
}

#define DO(f)		f, 0, { 0 }
#define CALL(call, ...)	NULL, SYS_##call, { __VA_ARGS__ }
#define OPTION(level, option) \
	CALL(setsockopt, TCP, level, option, P(&on), sizeof(on))
#define OPTION_READ(fd, level, option) \
	CALL(getsockopt, fd, level, option, P(&on), P(&on_len))
#define BIND(fd, addr) \
	CALL(bind, fd, P(&addr), sizeof(addr))
#define MAP(prot, flags, fd) \
	CALL(mmap, 0, 4096, prot, flags, fd, 0)

static const struct act acts[] = {
	/* the common ground */
	{ "memory, time, chance, fstat", ALL, 0, DO(act_common) },
	{ "read", ALL, 0, CALL(read, FILE_FD, P(buf), 1) },
	{ "pread", ALL, 0, CALL(pread64, FILE_FD, P(buf), 1, 0) },
	{ "write", ALL, 0, CALL(write, FILE_FD, P(buf), 1) },
	{ "close", ALL, 0, CALL(close, FILE_FD) },
	{ "clock", ALL, 0, CALL(clock_gettime, CLOCK_MONOTONIC, P(&spec)) },
	{ "getpid", ALL, 0, CALL(getpid) },
	{ "F_GETFL", ALL, 0, CALL(fcntl, LISTENER, F_GETFL) },
	{ "F_GETFL, high", ALL, 0,
	    CALL(fcntl, LISTENER, HIGH | F_GETFL) },
	{ "F_SETFL O_NONBLOCK", ALL, 0,
	    CALL(fcntl, LISTENER, F_SETFL, O_NONBLOCK) },
	{ "F_SETFD", ALL, 0, CALL(fcntl, LISTENER, F_SETFD, FD_CLOEXEC) },
	{ "F_DUPFD_CLOEXEC", ALL, 0,
	    CALL(fcntl, LISTENER, F_DUPFD_CLOEXEC, 0) },
	{ "abort", ALL, 0, DO(act_abort) },
	{ "data map", ALL, 0, MAP(PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "stat of a descriptor", ALL, 0, CALL(newfstatat, FILE_FD,
	    P(""), P(&st), AT_EMPTY_PATH) },
	{ "stat of a descriptor, high", ALL, 0, CALL(newfstatat, FILE_FD,
	    P(""), P(&st), HIGH | AT_EMPTY_PATH) },
	/* commands of fcntl */
	{ "F_SETOWN", NOBODYS, 'n', CALL(fcntl, LISTENER, F_SETOWN, 1) },
	{ "F_SETOWN, high", NOBODYS, 'n',
	    CALL(fcntl, LISTENER, HIGH | F_SETOWN, 1) },
	{ "F_SETSIG", NOBODYS, 'n', CALL(fcntl, LISTENER, F_SETSIG, 9) },
	{ "F_SETLEASE", NOBODYS, 'n',
	    CALL(fcntl, FILE_FD, F_SETLEASE, F_WRLCK) },
	{ "F_NOTIFY", NOBODYS, 'n', CALL(fcntl, FILE_FD, F_NOTIFY, 1) },
	{ "F_SETPIPE_SZ", NOBODYS, 'n',
	    CALL(fcntl, FILE_FD, F_SETPIPE_SZ, 4096) },
	{ "F_ADD_SEALS", NOBODYS, 'n',
	    CALL(fcntl, FILE_FD, F_ADD_SEALS, 0) },
	{ "F_DUPFD", NOBODYS, 'n', CALL(fcntl, FILE_FD, F_DUPFD, 0) },
	{ "ioctl FIONREAD", NOBODYS, 'n',
	    CALL(ioctl, LISTENER, 0x541b, P(&on)) },
	{ "ioctl TIOCSTI", NOBODYS, 'n', CALL(ioctl, 0, 0x5412, P("x")) },
	{ "ioctl SIOCGIFCONF, high", NOBODYS, 'n',
	    CALL(ioctl, LISTENER, HIGH | 0x8912, P(buf)) },
	/* files */
	{ "the spool's files", QUEUE, 'n', DO(act_spool) },
	{ "accounts", NAMES, 'n', DO(act_getpw) },
	{ "open", NAMES, 'n', CALL(openat, AT_FDCWD, P("/etc/passwd"),
	    O_RDONLY) },
	{ "open to write", NOBODYS, 'n', CALL(openat, AT_FDCWD,
	    P("/etc/passwd"), O_RDWR) },
	{ "openat2", NOBODYS, 'n', CALL(openat2, AT_FDCWD, P("/etc/passwd"),
	    P(buf), 24) },
	{ "stat of a path", NAMES | QUEUE, 'n', CALL(newfstatat, AT_FDCWD,
	    P("/"), P(&st), 0) },
	{ "stat of a path, high", NAMES | QUEUE, 'n', CALL(newfstatat,
	    AT_FDCWD, P("/"), P(&st), 0x100000000L << 12) },
	{ "stat of a path, from here", NAMES | QUEUE, 'n', CALL(newfstatat,
	    AT_FDCWD, P(""), P(&st), AT_EMPTY_PATH) },
	{ "stat of a path, no link", NAMES | QUEUE, 'n', CALL(newfstatat,
	    FILE_FD, P("/"), P(&st), AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) },
	{ "statx of a path", NAMES | QUEUE, 'n', CALL(statx, AT_FDCWD,
	    P("/"), 0, 0xfff, P(buf)) },
	{ "access", NAMES | QUEUE, 'n', CALL(faccessat, AT_FDCWD, P("/"),
	    F_OK) },
	{ "chmod", NOBODYS, 'n', CALL(fchmodat, AT_FDCWD, P("/"), 0777) },
	{ "fchmod", NOBODYS, 'n', CALL(fchmod, FILE_FD, 0777) },
	{ "chown", NOBODYS, 'n', CALL(fchownat, AT_FDCWD, P("/"), 0, 0, 0) },
	{ "symlink", NOBODYS, 'n', CALL(symlinkat, P("/etc"), AT_FDCWD,
	    P("/l")) },
	{ "device", NOBODYS, 'n', CALL(mknodat, AT_FDCWD, P("/d"),
	    S_IFCHR | 0600, 0x103) },
	{ "leave the chroot", NOBODYS, 'n', CALL(chdir, P("..")) },
	{ "chroot", NOBODYS, 'k', CALL(chroot, P("/")) },
	{ "mount", NOBODYS, 'k', CALL(mount, P("x"), P("/"), P("tmpfs"), 0,
	    0) },
	{ "fsync", QUEUE | FLUSH, 'k', CALL(fsync, FILE_FD) },
	{ "fdatasync", QUEUE | FLUSH, 'k', CALL(fdatasync, FILE_FD) },
	{ "open by handle", NOBODYS, 'k', CALL(open_by_handle_at, 0, P(buf),
	    0) },
	/* which sockets */
	{ "IPv4, TCP", MTA, 'n', CALL(socket, AF_INET, SOCK_STREAM, 0) },
	{ "IPv6, TCP", MTA, 'n', CALL(socket, AF_INET6,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) },
	{ "IPv4, UDP", MTA, 'n', CALL(socket, AF_INET,
	    SOCK_DGRAM | SOCK_CLOEXEC, 0) },
	{ "IPv4, TCP, high", MTA, 'n', CALL(socket, HIGH | AF_INET,
	    HIGH | SOCK_STREAM, HIGH) },
	{ "raw", NOBODYS, 'n', CALL(socket, AF_INET, SOCK_RAW, 1) },
	{ "raw, high", NOBODYS, 'n', CALL(socket, AF_INET, HIGH | SOCK_RAW,
	    HIGH | 1) },
	{ "ping", NOBODYS, 'n', CALL(socket, AF_INET, SOCK_DGRAM, 1) },
	{ "MPTCP", NOBODYS, 'n', CALL(socket, AF_INET, SOCK_STREAM, 262) },
	{ "SCTP", NOBODYS, 'n', CALL(socket, AF_INET, SOCK_STREAM, 132) },
	{ "netlink", NOBODYS, 'n', CALL(socket, AF_NETLINK, SOCK_RAW, 0) },
	{ "packet", NOBODYS, 'n', CALL(socket, AF_PACKET, SOCK_RAW, 0) },
	{ "packet, high", NOBODYS, 'n', CALL(socket, HIGH | AF_PACKET,
	    SOCK_DGRAM, 0) },
	{ "vsock", NOBODYS, 'n', CALL(socket, AF_VSOCK, SOCK_STREAM, 0) },
	{ "crypto", NOBODYS, 'n', CALL(socket, AF_ALG, SOCK_SEQPACKET, 0) },
	{ "unix", NAMES, 'n', CALL(socket, AF_UNIX,
	    SOCK_STREAM | SOCK_CLOEXEC, 0) },
	{ "unix, high", NAMES, 'n', CALL(socket, HIGH | AF_UNIX,
	    SOCK_STREAM, 0) },
	{ "socketpair", NOBODYS, 'n', CALL(socketpair, AF_UNIX, SOCK_STREAM,
	    0, P(buf)) },
	/* what is done with them */
	{ "connection", MTA, 'n', DO(act_connect) },
	{ "route", MTA, 'n', DO(act_route) },
	{ "bind TCP", MTA, 'n', BIND(TCP, free_port) },
	{ "bind TCP to a port", NOBODYS, 'n', BIND(TCP, fixed_port) },
	{ "bind TCP to a low port", NOBODYS, 'n', BIND(TCP, low_port) },
	{ "bind UDP", MTA, 'n', BIND(UDP, free_port) },
	{ "bind UDP to a low port", NOBODYS, 'n', BIND(UDP, low_port) },
	/* no system call tells the port, and Landlock knows TCP alone */
	{ "bind UDP to a port", MTA, 'n', BIND(UDP, fixed_port) },
	{ "bind a path", NOBODYS, 'n', BIND(UNIX, nowhere) },
	{ "accept", SMTPD | QUEUE, 'k', CALL(accept4, LISTENER, 0, 0,
	    SOCK_CLOEXEC) },
	{ "listen", NOBODYS, 'k', CALL(listen, TCP, 5) },
	{ "getsockname", ALL, 0, CALL(getsockname, LISTENER, P(&listening),
	    P(&on_len)) },
	{ "shutdown", ALL, 0, CALL(shutdown, UNIX, SHUT_RDWR) },
	{ "send", ALL, 0, CALL(sendto, UNIX, P(buf), 1, MSG_NOSIGNAL, 0,
	    0) },
	/* options */
	{ "TCP_NODELAY", SMTPD | MTA, 'n',
	    OPTION(IPPROTO_TCP, TCP_NODELAY) },
	{ "TCP_NODELAY, high", SMTPD | MTA, 'n',
	    OPTION(HIGH | IPPROTO_TCP, HIGH | TCP_NODELAY) },
	{ "IP_BIND_ADDRESS_NO_PORT", MTA, 'n', OPTION(IPPROTO_IP, 24) },
	{ "IP_FREEBIND", NOBODYS, 'n', OPTION(IPPROTO_IP, 15) },
	{ "IP_FREEBIND, high option", NOBODYS, 'n',
	    OPTION(IPPROTO_IP, 0x100000000L | 15) },
	{ "IP_FREEBIND, 0x10000000F", NOBODYS, 'n',
	    OPTION(IPPROTO_IP, 0x10000000fL) },
	{ "IP_FREEBIND, high level", NOBODYS, 'n',
	    OPTION(HIGH | IPPROTO_IP, 15) },
	{ "IP_TRANSPARENT, high", NOBODYS, 'n',
	    OPTION(HIGH | IPPROTO_IP, HIGH | 19) },
	{ "IPV6_FREEBIND, high", NOBODYS, 'n',
	    OPTION(HIGH | IPPROTO_IPV6, HIGH | 78) },
	{ "IP_PKTINFO", NOBODYS, 'n', OPTION(IPPROTO_IP, 8) },
	{ "IP_OPTIONS", NOBODYS, 'n', OPTION(IPPROTO_IP, 4) },
	{ "IP_HDRINCL, high", NOBODYS, 'n', OPTION(IPPROTO_IP, HIGH | 3) },
	{ "IPV6_PKTINFO", NOBODYS, 'n', OPTION(IPPROTO_IPV6, 50) },
	{ "SO_BINDTODEVICE", NOBODYS, 'n',
	    OPTION(SOL_SOCKET, SO_BINDTODEVICE) },
	{ "SO_REUSEPORT, high", NOBODYS, 'n',
	    OPTION(SOL_SOCKET, HIGH | SO_REUSEPORT) },
	{ "SO_MARK", NOBODYS, 'n', OPTION(SOL_SOCKET, SO_MARK) },
	{ "SO_ATTACH_FILTER", NOBODYS, 'n',
	    OPTION(SOL_SOCKET, SO_ATTACH_FILTER) },
	{ "SO_ATTACH_BPF, high level", NOBODYS, 'n',
	    OPTION(HIGH | SOL_SOCKET, SO_ATTACH_BPF) },
	{ "TCP_ULP", NOBODYS, 'n', OPTION(IPPROTO_TCP, TCP_ULP) },
	{ "TCP_REPAIR", NOBODYS, 'n', OPTION(IPPROTO_TCP, TCP_REPAIR) },
	{ "SO_ERROR", SMTPD | MTA | NAMES, 'n',
	    OPTION_READ(TCP, SOL_SOCKET, SO_ERROR) },
	{ "SO_PEERCRED", SMTPD | QUEUE | NAMES, 'n',
	    OPTION_READ(UNIX, SOL_SOCKET, SO_PEERCRED) },
	{ "SO_PEERSEC", NOBODYS, 'n',
	    OPTION_READ(UNIX, SOL_SOCKET, SO_PEERSEC) },
	{ "TCP_INFO, high", NOBODYS, 'n',
	    OPTION_READ(TCP, IPPROTO_TCP, HIGH | TCP_INFO) },
	{ "SO_GET_FILTER", NOBODYS, 'n',
	    OPTION_READ(TCP, SOL_SOCKET, SO_GET_FILTER) },
	/* code */
	{ "writable code", NOBODYS, 'n', MAP(PROT_READ | PROT_WRITE |
	    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "writable code, high", NOBODYS, 'n', MAP(HIGH | PROT_WRITE |
	    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "code from nowhere", NOBODYS, 'n', MAP(PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1) },
	{ "code of a library", NAMES, 'n', MAP(PROT_READ | PROT_EXEC,
	    MAP_PRIVATE, FILE_FD) },
	{ "a library", NAMES, 'n', DO(act_library) },
	{ "written code", NOBODYS, 'n', DO(act_written_code) },
	{ "memfd", NOBODYS, 'k', CALL(memfd_create, P("x"), 0) },
	{ "execve", NOBODYS, 'k', CALL(execve, P("/bin/true"), 0, 0) },
	{ "execveat", NOBODYS, 'k', CALL(execveat, FILE_FD, P(""), 0, 0,
	    AT_EMPTY_PATH) },
	/* processes */
	{ "fork", NOBODYS, 'k', CALL(clone, SIGCHLD, 0, 0, 0, 0) },
	{ "clone3", NOBODYS, 'k', CALL(clone3, P(buf), 64) },
	{ "kill", NOBODYS, 'k', CALL(kill, 1, 0) },
	{ "kill, itself", NOBODYS, 'k', CALL(kill, 0, 0) },
	{ "tgkill of itself, another signal", NOBODYS, 'k',
	    DO(act_signal) },
	{ "tgkill of another", NOBODYS, 'k', CALL(tgkill, 1, 1, 0) },
	{ "tkill", NOBODYS, 'k', CALL(tkill, 1, 0) },
	{ "queued signal", NOBODYS, 'k', CALL(rt_sigqueueinfo, 1, 0,
	    P(buf)) },
	{ "ptrace", NOBODYS, 'k', CALL(ptrace, PTRACE_TRACEME, 0, 0, 0) },
	{ "read another's memory", NOBODYS, 'k', CALL(process_vm_readv, 1,
	    P(buf), 0, P(buf), 0, 0) },
	{ "write another's memory", NOBODYS, 'k', CALL(process_vm_writev, 1,
	    P(buf), 0, P(buf), 0, 0) },
	{ "pidfd_open", NOBODYS, 'k', CALL(pidfd_open, 1, 0) },
	{ "pidfd_getfd", NOBODYS, 'k', CALL(pidfd_getfd, 0, 0, 0) },
	{ "prctl", NOBODYS, 'n', CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) },
	{ "prlimit", NOBODYS, 'n', CALL(prlimit64, 0, RLIMIT_CORE, 0,
	    P(&limit)) },
	{ "setrlimit", NOBODYS, 'n', CALL(setrlimit, RLIMIT_CORE,
	    P(&limit)) },
	{ "setuid", NOBODYS, 'k', CALL(setuid, 0) },
	{ "setresuid", NOBODYS, 'k', CALL(setresuid, 0, 0, 0) },
	{ "setgroups", NOBODYS, 'k', CALL(setgroups, 0, 0) },
	{ "capset", NOBODYS, 'k', CALL(capset, P(buf), P(buf)) },
	{ "unshare", NOBODYS, 'k', CALL(unshare, CLONE_NEWUSER) },
	{ "setns", NOBODYS, 'k', CALL(setns, FILE_FD, 0) },
	{ "setpriority", NOBODYS, 'k', CALL(setpriority, 0, 0, 5) },
	{ "personality", NOBODYS, 'k', CALL(personality, 0x0400000) },
	/* the rest of the kernel */
	{ "io_uring", NOBODYS, 'k', CALL(io_uring_setup, 1, P(buf)) },
	{ "bpf", NOBODYS, 'k', CALL(bpf, 0, P(buf), 64) },
	{ "a filter of its own", NOBODYS, 'k', CALL(seccomp, 1, 0, 0) },
	{ "userfaultfd", NOBODYS, 'k', CALL(userfaultfd, 0) },
	{ "perf_event_open", NOBODYS, 'k', CALL(perf_event_open, P(buf), 0,
	    -1, -1, 0) },
	{ "keyctl", NOBODYS, 'k', CALL(keyctl, 0, 0, 0, 0, 0) },
	{ "message queue", NOBODYS, 'k', CALL(msgget, 0, 0) },
	{ "reboot", NOBODYS, 'k', CALL(reboot, 0, 0, 0, 0) },
	{ "settimeofday", NOBODYS, 'k', CALL(settimeofday, P(buf), 0) },
	{ "sethostname", NOBODYS, 'k', CALL(sethostname, P("x"), 1) },
	{ "x32", NOBODYS, 'k', NULL, 0x40000000 | SYS_getpid, { 0 } },
	{ "i386", NOBODYS, 'k', DO(act_i386) },
	{ "no such call", NOBODYS, 'k', NULL, 1023, { 0 } }
};
#define NACTS		(sizeof(acts) / sizeof(acts[0]))

static void
address(struct sockaddr_in *in, int port)
{
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(port);
}

static void
put(int fd, int as)
{
	if (fd == -1 || dup2(fd, as) == -1)
		_exit(102);
	close(fd);
}

/* In the child: as proc_drop does it. */
static __dead void
run(enum role role, const char *root, const struct act *act)
{
	const struct rlimit none = { 0, 0 };
	const char *missing;
	const long *a = act->args;
	int pair[2];
	long result;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		_exit(102);
	put(pair[1], UNIX);
	put(socket(AF_INET, SOCK_STREAM, 0), TCP);
	put(socket(AF_INET, SOCK_DGRAM, 0), UDP);
	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    (root != NULL && (chroot(root) == -1 || chdir("/") == -1)) ||
	    setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
	    setresuid(NOBODY, NOBODY, NOBODY) == -1)
		_exit(100);
	if (sandbox_apply(role, &missing) == -1)
		_exit(101);
	result = act->run != NULL ? act->run() :
	    syscall(act->call, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result != -1 || errno == EAGAIN)
		_exit('y');
	/* ENOENT: the chroot is empty */
	if (errno == EPERM || errno == EACCES || errno == ENOENT)
		_exit('n');
	_exit(errno < 100 ? errno : 99);
}

/* y: it works, n: refused, k: killed for it; a number is an errno. */
static int
outcome(enum role role, const char *root, const struct act *act)
{
	pid_t pid;
	int status;

	if ((pid = fork()) == 0)
		run(role, root, act);
	ATF_REQUIRE(pid != -1);
	ATF_REQUIRE_EQ(pid, waitpid(pid, &status, 0));
	if (!WIFSIGNALED(status))
		return (WEXITSTATUS(status));
	if (WTERMSIG(status) == SIGABRT && act->run == act_abort)
		return ('y');
	/* a kernel without the i386 calls */
	if (WTERMSIG(status) == SIGSEGV && act->run == act_i386)
		return ('k');
	return (WTERMSIG(status) == SIGSYS ? 'k' : 1000 + WTERMSIG(status));
}

static void
prepare(void)
{
	socklen_t len = sizeof(listening);
	int fd;

	address(&listening, 0);
	address(&free_port, 0);
	address(&fixed_port, 2929);
	address(&low_port, 53);
	nowhere.sun_family = AF_UNIX;
	strlcpy(nowhere.sun_path, "/nowhere", sizeof(nowhere.sun_path));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ATF_REQUIRE(dup2(fd, LISTENER) != -1);
	ATF_REQUIRE(bind(LISTENER, (struct sockaddr *)&listening, len) == 0);
	ATF_REQUIRE(listen(LISTENER, 5) == 0);
	ATF_REQUIRE(getsockname(LISTENER, (struct sockaddr *)&listening,
	    &len) == 0);
	fd = open("file", O_RDWR | O_CREAT, 0700);
	ATF_REQUIRE(dup2(fd, FILE_FD) != -1);
	ATF_REQUIRE(pwrite(FILE_FD, buf, sizeof(buf), 0) == sizeof(buf));
}

/* Of the sandbox: -1 where it was built without. */
static int
look_for_kernel(void)
{
	const char *missing = NULL;
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if (sandbox_apply(ROLE_FLUSH, &missing) == -1)
			_exit(3);
		_exit(missing == NULL ? 0 :
		    strstr(missing, "built") == NULL ? 1 : 2);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	ATF_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) != 3);
	missing_ports = WEXITSTATUS(status) == 1;
	return (WEXITSTATUS(status) == 2 ? -1 : 0);
}

ATF_TC(roles);
ATF_TC_HEAD(roles, tc)
{
	atf_tc_set_md_var(tc, "descr", "the table of acts by role");
	atf_tc_set_md_var(tc, "require.user", "root");
	atf_tc_set_md_var(tc, "timeout", "60");
}
ATF_TC_BODY(roles, tc)
{
	char root[] = "root.XXXXXX";
	int expected, got;
	size_t i, j;

	if (look_for_kernel() == -1)
		atf_tc_skip("built without a sandbox");
	ATF_REQUIRE(mkdtemp(root) != NULL);
	ATF_REQUIRE(chown(root, NOBODY, NOBODY) == 0);
	prepare();
	for (i = 0; i < NACTS; i++) {
		if (missing_ports &&
		    strcmp(acts[i].name, "bind TCP to a port") == 0)
			continue;
		for (j = 0; j < NCOLUMNS; j++) {
			expected = acts[i].may & 1U << columns[j].role ?
			    'y' : acts[i].other;
			got = outcome(columns[j].role,
			    columns[j].chroot ? root : NULL, &acts[i]);
			if (got != expected)
				atf_tc_fail_nonfatal("%s: %s: %c (%d), not "
				    "%c", role_name(columns[j].role),
				    acts[i].name, got, got, expected);
		}
	}
}

/* Landlock may be missing, or turned off: told, and the rest holds. */
ATF_TC(old_kernel);
ATF_TC_HEAD(old_kernel, tc)
{
	atf_tc_set_md_var(tc, "descr", "a kernel without Landlock");
	atf_tc_set_md_var(tc, "require.user", "root");
}
ATF_TC_BODY(old_kernel, tc)
{
	const char *missing;
	scmp_filter_ctx filter;
	pid_t pid;
	int i, status;

	if (look_for_kernel() == -1)
		atf_tc_skip("built without a sandbox");
	for (i = 0; i < 2; i++) {
		filter = seccomp_init(SCMP_ACT_ALLOW);
		ATF_REQUIRE(filter != NULL);
		ATF_REQUIRE_EQ(0, seccomp_rule_add(filter,
		    SCMP_ACT_ERRNO(i == 0 ? ENOSYS : EOPNOTSUPP),
		    SCMP_SYS(landlock_create_ruleset), 0));
		if ((pid = fork()) == 0) {
			if (seccomp_load(filter) != 0 ||
			    sandbox_apply(ROLE_MTA, &missing) == -1 ||
			    missing == NULL ||
			    strstr(missing, "Landlock") == NULL)
				_exit(1);
			syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
			_exit(2);
		}
		ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
		ATF_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
		seccomp_release(filter);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, roles);
	ATF_TP_ADD_TC(tp, old_kernel);
	return (atf_no_error());
}

#else

ATF_TC_WITHOUT_HEAD(roles);
ATF_TC_BODY(roles, tc)
{
	atf_tc_skip("the table is of Linux");
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, roles);
	return (atf_no_error());
}

#endif
