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
 * seccomp and Landlock: what each role may still ask of the kernel.
 * proc_drop calls it, last, when root and the user have been left behind.
 *
 * Calls that a role needs are allowed; those that libraries try and can do
 * without fail with EPERM; all others end the process.  Landlock is the
 * second fence: files below the spool for queue, bind(2) to port 0 for mta.
 */

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <unistd.h>

#include "lib/sandbox.h"

/* Landlock's interface, linux/landlock.h of 6.12; ours may be older. */
#define LANDLOCK_VERSION	(1U << 0)
#define LANDLOCK_PATH		1
#define LANDLOCK_PORT		2

#define FS_WRITE_FILE		(1ULL << 1)
#define FS_READ_FILE		(1ULL << 2)
#define FS_READ_DIR		(1ULL << 3)
#define FS_REMOVE_DIR		(1ULL << 4)
#define FS_REMOVE_FILE		(1ULL << 5)
#define FS_MAKE_DIR		(1ULL << 7)
#define FS_MAKE_REG		(1ULL << 8)
#define FS_REFER		(1ULL << 13)	/* from version 2 */
#define FS_TRUNCATE		(1ULL << 14)	/* from version 3 */

#define FS_ALL_1		((1ULL << 13) - 1)
#define FS_IOCTL_DEV		(1ULL << 15)	/* from version 5 */

#define NET_BIND_TCP		(1ULL << 0)	/* from version 4 */
#define NET_CONNECT_TCP		(1ULL << 1)

#define SCOPE_ALL		3ULL		/* from version 6 */

#define FS_SPOOL		(FS_WRITE_FILE | FS_READ_FILE | \
				FS_READ_DIR | FS_REMOVE_DIR | \
				FS_REMOVE_FILE | FS_MAKE_DIR | \
				FS_MAKE_REG | FS_REFER | FS_TRUNCATE)
#define FS_READ			(FS_READ_FILE | FS_READ_DIR)

struct landlock_ruleset {
	uint64_t	 fs;
	uint64_t	 net;
	uint64_t	 scoped;
};

struct landlock_path {
	uint64_t	 access;
	int32_t		 parent_fd;
} __attribute__((packed));

struct landlock_port {
	uint64_t	 access;
	uint64_t	 port;
};

/* Memory, time, descriptors that are open already: every role. */
static const char *const allow_all[] = {
	"read", "readv", "pread64", "preadv", "preadv2",
	"write", "writev", "pwrite64", "pwritev", "pwritev2",
	"recvmsg", "recvfrom", "sendmsg", "sendto", "shutdown",
	"close", "close_range", "dup", "dup2", "dup3", "lseek", "_llseek",
	"fstat", "fstat64", "fcntl", "fcntl64",
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "poll", "ppoll", "ppoll_time64",
	"select", "_newselect", "pselect6", "pselect6_time64",
	"getsockopt", "getsockname", "getpeername",
	"brk", "munmap", "mremap", "madvise",
	"futex", "futex_time64", "set_robust_list", "rseq", "membarrier",
	"clock_gettime", "clock_gettime64", "clock_getres",
	"clock_getres_time64", "clock_nanosleep", "clock_nanosleep_time64",
	"gettimeofday", "nanosleep", "time", "times", "getrusage",
	"getpid", "getppid", "gettid", "getuid", "geteuid", "getgid",
	"getegid", "getresuid", "getresgid", "getgroups",
	"uname", "sysinfo", "sched_yield", "sched_getaffinity", "getrandom",
	"getrlimit", "ugetrlimit", "sigaltstack", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sigreturn", "restart_syscall",
	"exit", "exit_group", NULL
};

static const char *const allow_smtpd[] = { "accept", "accept4", NULL };

static const char *const allow_flush[] = { "fsync", "fdatasync", NULL };

static const char *const allow_mta[] = { "bind", "connect", NULL };

static const char *const allow_queue[] = {
	"open", "openat", "stat", "stat64", "lstat", "lstat64",
	"newfstatat", "fstatat64", "statx", "statfs", "statfs64",
	"fstatfs", "fstatfs64", "access", "faccessat", "faccessat2",
	"getdents", "getdents64", "getcwd", "rename", "renameat",
	"renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir",
	"mkdirat", "rmdir", "truncate", "truncate64", "ftruncate",
	"ftruncate64", "fallocate", "fadvise64", "fadvise64_64", "fchmod",
	"flock", "fsync", "fdatasync", "sync_file_range", "accept",
	"accept4", NULL
};

/* What the name service may load, and the daemons that it may ask. */
static const char *const allow_names[] = {
	"open", "openat", "stat", "stat64", "lstat", "lstat64",
	"newfstatat", "fstatat64", "statx", "statfs", "fstatfs", "access",
	"faccessat", "faccessat2", "readlink", "readlinkat", "getdents64",
	"getcwd", "connect", "mmap", "mmap2", "mprotect", "setsockopt",
	"sendmmsg", "inotify_init1", "inotify_add_watch", "ioctl", NULL
};

/*
 * What libraries try, and take no for an answer.  A call that a role was
 * allowed above stays allowed.
 */
static const char *const refuse_all[] = {
	"open", "openat", "openat2", "creat", "stat", "stat64", "lstat",
	"lstat64", "statx", "statfs", "statfs64", "fstatfs",
	"fstatfs64", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getdents", "getdents64", "getcwd", "chdir",
	"rename", "renameat", "renameat2", "link", "linkat", "symlink",
	"symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
	"mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown",
	"fchown", "fchownat", "lchown", "truncate", "utimensat",
	"inotify_init1", "ioctl", "socketpair", "bind", "connect",
	"prlimit64", "setrlimit", "prctl", "mlock", "mlock2", "munlock",
	"pipe", "pipe2", "eventfd2", "timerfd_create", "sendmmsg",
	"recvmmsg", "sched_setaffinity", "shmget", NULL
};

static const char *const *const allow[ROLE_COUNT] = {
	[ROLE_SMTPD] =	allow_smtpd,
	[ROLE_NAMES] =	allow_names,
	[ROLE_QUEUE] =	allow_queue,
	[ROLE_FLUSH] =	allow_flush,
	[ROLE_MTA] =	allow_mta
};

static int	 landlock_version(void);
static int	 landlock_allow_root(int, uint64_t);
static int	 landlock_allow_port(int, uint64_t, uint64_t);
static int	 landlock_rules(int, int, enum role);
static int	 landlock_apply(enum role, const char **);
static struct scmp_arg_cmp compare(unsigned int, enum scmp_compare,
		    scmp_datum_t);
static int	 named(const char *const *, int);
static int	 filter_add(scmp_filter_ctx, uint32_t, const char *const *,
		    const char *const *);
static int	 filter_memory(scmp_filter_ctx);
static int	 filter_stat(scmp_filter_ctx);
static int	 filter_options(scmp_filter_ctx);
static int	 filter_sockets(scmp_filter_ctx, enum role);
static int	 filter_fill(scmp_filter_ctx, enum role);
static int	 filter_apply(enum role);

/* 0: this kernel has none, or it is turned off. */
static int
landlock_version(void)
{
	long version;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_VERSION);
	return (version == -1 ? 0 : version);
}

static int
landlock_allow_root(int ruleset, uint64_t access)
{
	struct landlock_path rule = { access, -1 };
	long error;

	rule.parent_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd == -1)
		return (-1);
	error = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_PATH,
	    &rule, 0);
	close(rule.parent_fd);
	return (error);
}

static int
landlock_allow_port(int ruleset, uint64_t access, uint64_t port)
{
	struct landlock_port rule = { access, port };

	return (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_PORT,
	    &rule, 0));
}

static int
landlock_rules(int ruleset, int version, enum role role)
{
	uint64_t access;

	switch (role) {
	case ROLE_QUEUE:
		access = FS_SPOOL;
		if (version < 2)
			access &= ~FS_REFER;
		if (version < 3)
			access &= ~FS_TRUNCATE;
		return (landlock_allow_root(ruleset, access));
	case ROLE_NAMES:
		return (landlock_allow_root(ruleset, FS_READ));
	case ROLE_MTA:
		/* port 0: whichever is free */
		if (version < 4)
			return (0);
		return (landlock_allow_port(ruleset, NET_BIND_TCP, 0));
	default:
		return (0);
	}
}

static int
landlock_apply(enum role role, const char **missing)
{
	struct landlock_ruleset attr = { FS_ALL_1, 0, 0 };
	size_t size = sizeof(attr.fs);
	int error, ruleset, version;

	if ((version = landlock_version()) == 0) {
		*missing = "Landlock";
		return (0);
	}
	if (version >= 2)
		attr.fs |= FS_REFER;
	if (version >= 3)
		attr.fs |= FS_TRUNCATE;
	if (version >= 5)
		attr.fs |= FS_IOCTL_DEV;
	if (version >= 4) {
		/* mta may connect to wherever an MX or a relay is */
		attr.net = NET_BIND_TCP;
		if (role != ROLE_MTA)
			attr.net |= NET_CONNECT_TCP;
		size += sizeof(attr.net);
	} else
		*missing = "Landlock's rules for ports";
	if (version >= 6) {
		attr.scoped = SCOPE_ALL;
		size += sizeof(attr.scoped);
	}

	ruleset = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset == -1)
		return (-1);
	error = landlock_rules(ruleset, version, role);
	if (error == 0)
		error = syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	return (error);
}

/* A condition on an argument of a call, for the end of seccomp_rule_add. */
static struct scmp_arg_cmp
compare(unsigned int arg, enum scmp_compare how, scmp_datum_t value)
{
	struct scmp_arg_cmp comparison = { arg, how, value, 0 };

	return (comparison);
}

/* Whether call is one of names. */
static int
named(const char *const *names, int call)
{
	for (; names != NULL && *names != NULL; names++)
		if (seccomp_syscall_resolve_name(*names) == call)
			return (1);
	return (0);
}

/* A name that this machine or this libseccomp does not know is no call. */
static int
filter_add(scmp_filter_ctx filter, uint32_t action,
    const char *const *names, const char *const *but)
{
	int call, error;

	for (; names != NULL && *names != NULL; names++) {
		call = seccomp_syscall_resolve_name(*names);
		if (call == __NR_SCMP_ERROR || named(but, call))
			continue;
		error = seccomp_rule_add(filter, action, call, 0);
		if (error != 0)
			return (error);
	}
	return (0);
}

/* Nothing that can be written to is ever executed. */
static int
filter_memory(scmp_filter_ctx filter)
{
	static const char *const calls[] = {
		"mmap", "mmap2", "mprotect", NULL
	};
	int error, i;

	for (i = 0; calls[i] != NULL; i++) {
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    seccomp_syscall_resolve_name(calls[i]), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (error != 0)
			return (error);
	}
	return (0);
}

/* fstat(3) is a newfstatat(2) of an empty path; of any other, no. */
static int
filter_stat(scmp_filter_ctx filter)
{
	int error;

	error = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
	    SCMP_SYS(newfstatat), 1,
	    SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	if (error != 0)
		return (error);
	return (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
	    SCMP_SYS(newfstatat), 1,
	    SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0)));
}

/*
 * Socket options, but for those that let a socket take an address which is
 * not this host's: IP_FREEBIND to IP_TRANSPARENT are 15 to 19,
 * IPV6_TRANSPARENT to IPV6_FREEBIND 75 to 78.
 */
static int
filter_options(scmp_filter_ctx filter)
{
	static const struct {
		unsigned int	 level;
		unsigned int	 first, last;	/* 0: all are allowed */
	} options[] = {
		{ SOL_SOCKET,	0, 0 },
		{ IPPROTO_TCP,	0, 0 },
		{ IPPROTO_IP,	15, 19 },
		{ IPPROTO_IPV6,	75, 78 }
	};
	const int call = SCMP_SYS(setsockopt);
	unsigned int i, option, level;
	int error = 0;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		level = options[i].level;
		if (options[i].last == 0) {
			error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW,
			    call, 1, compare(1, SCMP_CMP_EQ, level));
			continue;
		}
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2,
		    compare(1, SCMP_CMP_EQ, level),
		    compare(2, SCMP_CMP_LT, options[i].first));
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2,
		    compare(1, SCMP_CMP_EQ, level),
		    compare(2, SCMP_CMP_GT, options[i].last));
		for (option = options[i].first; option <= options[i].last;
		    option++)
			error |= seccomp_rule_add(filter,
			    SCMP_ACT_ERRNO(EPERM), call, 2,
			    compare(1, SCMP_CMP_EQ, level),
			    compare(2, SCMP_CMP_EQ, option));
	}
	return (error);
}

/* socket(2): which families, and no for the others. */
static int
filter_sockets(scmp_filter_ctx filter, enum role role)
{
	const int call = SCMP_SYS(socket);
	const uint32_t no = SCMP_ACT_ERRNO(EPERM);
	int error = 0, family;

	switch (role) {
	case ROLE_MTA:
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		    compare(0, SCMP_CMP_EQ, AF_INET));
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		    compare(0, SCMP_CMP_EQ, AF_INET6));
		error |= seccomp_rule_add(filter, no, call, 1,
		    compare(0, SCMP_CMP_LT, AF_INET));
		error |= seccomp_rule_add(filter, no, call, 1,
		    compare(0, SCMP_CMP_GT, AF_INET6));
		/* AF_AX25 to AF_ATMSVC and so on lie between the two */
		for (family = AF_INET + 1; family < AF_INET6; family++)
			error |= seccomp_rule_add(filter, no, call, 1,
			    compare(0, SCMP_CMP_EQ, family));
		return (error);
	case ROLE_NAMES:
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		    compare(0, SCMP_CMP_EQ, AF_UNIX));
		error |= seccomp_rule_add(filter, no, call, 1,
		    compare(0, SCMP_CMP_NE, AF_UNIX));
		return (error);
	default:
		return (seccomp_rule_add(filter, no, call, 0));
	}
}

static int
filter_fill(scmp_filter_ctx filter, enum role role)
{
	int error = 0;

	error |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	error |= filter_add(filter, SCMP_ACT_ALLOW, allow_all, NULL);
	error |= filter_add(filter, SCMP_ACT_ALLOW, allow[role], NULL);
	error |= filter_add(filter, SCMP_ACT_ERRNO(EPERM), refuse_all,
	    allow[role]);
	error |= filter_sockets(filter, role);
	if (role != ROLE_NAMES) {
		error |= filter_memory(filter);
		error |= filter_options(filter);
		if (role != ROLE_QUEUE)
			error |= filter_stat(filter);
	}
	/* abort(3) */
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
	    1, compare(0, SCMP_CMP_EQ, getpid()));
	return (error);
}

static int
filter_apply(enum role role)
{
	scmp_filter_ctx filter;
	int error;

	if ((filter = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	error = filter_fill(filter, role);
	if (error == 0) {
		error = seccomp_load(filter);
		errno = -error;
	} else
		errno = EINVAL;
	seccomp_release(filter);
	return (error == 0 ? 0 : -1);
}

int
sandbox_apply(enum role role, const char **missing)
{
	*missing = NULL;
	if (role == ROLE_PARENT || role >= ROLE_COUNT)
		return (0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (-1);
	if (landlock_apply(role, missing) == -1)
		return (-1);
	return (filter_apply(role));
}
