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
 * Two filters of seccomp are in force, and the kernel takes the stricter
 * answer.  One ends the process at a call that is in no list below.  The
 * other lets pass what the role was allowed, by call and by arguments, and
 * says EPERM to all else, because libraries try things and can do without.
 * Landlock is the second fence: files below the spool for queue, bind(2) of
 * TCP sockets to port 0 for mta.  What neither can see is the port of a UDP
 * socket: mta could bind one to any port that needs no privilege.
 *
 * The kernel looks at 32 bits where a C prototype says int, seccomp at 64:
 * every comparison has a mask, so that the upper half hides nothing.
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
#include <signal.h>
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

#define EVERY			(~0U)
#define SMTPD			(1U << ROLE_SMTPD)
#define NAMES			(1U << ROLE_NAMES)
#define QUEUE			(1U << ROLE_QUEUE)
#define FLUSH			(1U << ROLE_FLUSH)
#define MTA			(1U << ROLE_MTA)

/* The lower 32 bits of an argument, or those of a mask, have this value. */
#define IS(arg, value)		{ (arg), 0xffffffffU, (uint32_t)(value) }
#define BITS(arg, mask, value)	{ (arg), (uint32_t)(mask), (value) }
#define RULE_ARGS		4

/* Calls that pass whatever their arguments are. */
struct calls {
	unsigned int		 roles;
	const char *const	*names;
};

/* A call that passes with these arguments; a mask of 0 ends them. */
struct rule {
	unsigned int	 roles;
	const char	*name;
	struct {
		unsigned int	 number;
		uint32_t	 mask;
		uint32_t	 value;
	} args[RULE_ARGS];
};

/* Memory, time, descriptors that are open already: every role. */
static const char *const calls_all[] = {
	"read", "readv", "pread64", "preadv", "preadv2",
	"write", "writev", "pwrite64", "pwritev", "pwritev2",
	"recvmsg", "recvfrom", "sendmsg", "sendto", "shutdown",
	"close", "close_range", "dup", "dup2", "dup3", "lseek", "_llseek",
	"fstat", "fstat64",
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "poll", "ppoll", "ppoll_time64",
	"select", "_newselect", "pselect6", "pselect6_time64",
	"getsockname", "getpeername",
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

static const char *const calls_accept[] = { "accept", "accept4", NULL };

static const char *const calls_sync[] = { "fsync", "fdatasync", NULL };

static const char *const calls_bind[] = { "bind", NULL };

static const char *const calls_connect[] = { "connect", NULL };

/* queue and names: what they find is Landlock's and chroot's to say. */
static const char *const calls_read_files[] = {
	"open", "openat", "stat", "stat64", "lstat", "lstat64",
	"newfstatat", "fstatat64", "statx", "statfs", "statfs64",
	"fstatfs", "fstatfs64", "access", "faccessat", "faccessat2",
	"getdents", "getdents64", NULL
};

static const char *const calls_spool[] = {
	"rename", "renameat", "renameat2", "link", "linkat", "unlink",
	"unlinkat", "mkdir", "mkdirat", "rmdir", "ftruncate",
	"ftruncate64", "flock", NULL
};

/* What the name service may load, and the daemons that it may ask. */
static const char *const calls_names[] = {
	"readlink", "readlinkat", "getcwd", "sendmmsg", "inotify_init1",
	"inotify_add_watch", NULL
};

static const struct calls calls[] = {
	{ EVERY,		calls_all },
	{ SMTPD | QUEUE,	calls_accept },
	{ QUEUE | FLUSH,	calls_sync },
	{ MTA,			calls_bind },
	{ MTA | NAMES,		calls_connect },
	{ QUEUE | NAMES,	calls_read_files },
	{ QUEUE,		calls_spool },
	{ NAMES,		calls_names }
};

#define SOCKET(roles, family, type)					\
	{ roles, "socket", { IS(0, family), BITS(1,			\
	    ~(SOCK_NONBLOCK | SOCK_CLOEXEC), type), IS(2, 0) } }
#define SET(roles, level, option)					\
	{ roles, "setsockopt", { IS(1, level), IS(2, option) } }
#define GET(roles, level, option)					\
	{ roles, "getsockopt", { IS(1, level), IS(2, option) } }
#define FCNTL(command)							\
	{ EVERY, "fcntl", { IS(1, command) } },				\
	{ EVERY, "fcntl64", { IS(1, command) } }

static const struct rule rules[] = {
	/* no MPTCP and its like, which Landlock does not take for TCP */
	SOCKET(MTA, AF_INET, SOCK_STREAM),
	SOCKET(MTA, AF_INET, SOCK_DGRAM),
	SOCKET(MTA, AF_INET6, SOCK_STREAM),
	SOCKET(MTA, AF_INET6, SOCK_DGRAM),
	SOCKET(NAMES, AF_UNIX, SOCK_STREAM),
	SOCKET(NAMES, AF_UNIX, SOCK_DGRAM),
	SET(SMTPD | MTA, IPPROTO_TCP, TCP_NODELAY),
	SET(MTA, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
	SET(NAMES, SOL_SOCKET, SO_RCVTIMEO),
	SET(NAMES, SOL_SOCKET, SO_SNDTIMEO),
	GET(SMTPD | MTA | NAMES, SOL_SOCKET, SO_ERROR),
	GET(SMTPD | QUEUE | NAMES, SOL_SOCKET, SO_PEERCRED),
	FCNTL(F_GETFD), FCNTL(F_SETFD), FCNTL(F_GETFL), FCNTL(F_SETFL),
	FCNTL(F_DUPFD_CLOEXEC),
	/* fstat(3): a descriptor's, and the path is ""; no AT_FDCWD */
	{ EVERY, "newfstatat",
	    { BITS(0, 1U << 31, 0), IS(3, AT_EMPTY_PATH) } },
	{ EVERY, "fstatat64",
	    { BITS(0, 1U << 31, 0), IS(3, AT_EMPTY_PATH) } },
	{ EVERY, "statx",
	    { BITS(0, 1U << 31, 0), IS(2, AT_EMPTY_PATH) } },
	/* what was written is never executed; names loads libraries */
	{ EVERY, "mmap", { BITS(2, PROT_EXEC, 0) } },
	{ EVERY, "mmap2", { BITS(2, PROT_EXEC, 0) } },
	{ NAMES, "mmap",
	    { BITS(2, PROT_WRITE, 0), BITS(3, MAP_ANONYMOUS, 0) } },
	{ NAMES, "mmap2",
	    { BITS(2, PROT_WRITE, 0), BITS(3, MAP_ANONYMOUS, 0) } },
	{ EVERY, "mprotect", { BITS(2, PROT_EXEC, 0) } }
};

/* What libraries try, and take no for an answer. */
static const char *const calls_refused[] = {
	"openat2", "creat", "chdir", "symlink", "symlinkat", "mknod",
	"mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown",
	"fchownat", "lchown", "truncate", "truncate64", "utimensat",
	"fallocate", "ioctl", "socketpair", "bind", "connect",
	"prlimit64", "setrlimit", "prctl", "mlock", "mlock2", "munlock",
	"pipe", "pipe2", "eventfd2", "timerfd_create", "recvmmsg",
	"sched_setaffinity", "shmget", NULL
};

static int	 landlock_version(void);
static int	 landlock_allow_root(int, uint64_t);
static int	 landlock_allow_port(int, uint64_t, uint64_t);
static int	 landlock_rules(int, int, enum role);
static int	 landlock_apply(enum role, const char **);
static int	 filter_call(scmp_filter_ctx, const char *,
		    const struct rule *);
static int	 filter_calls(scmp_filter_ctx, const char *const *);
static int	 filter_abort(scmp_filter_ctx);
static int	 filter_known(scmp_filter_ctx, enum role);
static int	 filter_allowed(scmp_filter_ctx, enum role);
static int	 filter_apply(enum role, uint32_t,
		    int (*)(scmp_filter_ctx, enum role));

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
		*missing = "Landlock, which this kernel lacks";
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
		*missing = "Landlock's rules for TCP ports (Linux 6.7)";
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

/*
 * Let a call pass, where rule is not NULL with its arguments only.  A name
 * that this machine or this libseccomp does not know is no call.
 */
static int
filter_call(scmp_filter_ctx filter, const char *name, const struct rule *rule)
{
	struct scmp_arg_cmp args[RULE_ARGS];
	unsigned int n = 0;
	int call, error;

	call = seccomp_syscall_resolve_name(name);
	if (call == __NR_SCMP_ERROR)
		return (0);
	for (; rule != NULL && n < RULE_ARGS && rule->args[n].mask != 0; n++) {
		args[n].arg = rule->args[n].number;
		args[n].op = SCMP_CMP_MASKED_EQ;
		args[n].datum_a = rule->args[n].mask;
		args[n].datum_b = rule->args[n].value;
	}
	error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, n, args);
	return (error == -EEXIST ? 0 : error);
}

static int
filter_calls(scmp_filter_ctx filter, const char *const *names)
{
	int error = 0;

	for (; *names != NULL; names++)
		error |= filter_call(filter, *names, NULL);
	return (error);
}

/* abort(3) */
static int
filter_abort(scmp_filter_ctx filter)
{
	const struct rule rule = {
		EVERY, "tgkill", { IS(0, getpid()), IS(2, SIGABRT) }
	};

	return (filter_call(filter, rule.name, &rule));
}

/* Calls that do not end the process: the other filter looks at them. */
static int
filter_known(scmp_filter_ctx filter, enum role role)
{
	size_t i;
	int error;

	error = filter_calls(filter, calls_refused);
	error |= filter_calls(filter, calls_read_files);
	error |= filter_calls(filter, calls_spool);
	error |= filter_calls(filter, calls_names);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].roles & 1U << role)
			error |= filter_calls(filter, calls[i].names);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		error |= filter_call(filter, rules[i].name, NULL);
	return (error | filter_abort(filter));
}

static int
filter_allowed(scmp_filter_ctx filter, enum role role)
{
	static const char *const other_filter[] = { "seccomp", NULL };
	size_t i;
	int error;

	error = filter_calls(filter, other_filter);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].roles & 1U << role)
			error |= filter_calls(filter, calls[i].names);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].roles & 1U << role)
			error |= filter_call(filter, rules[i].name,
			    &rules[i]);
	return (error | filter_abort(filter));
}

/*
 * What fill does not let pass gets the answer no; calls of another machine
 * end the process.
 */
static int
filter_apply(enum role role, uint32_t no,
    int (*fill)(scmp_filter_ctx, enum role))
{
	scmp_filter_ctx filter;
	int error;

	if ((filter = seccomp_init(no)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	/* sandbox_apply has set it; prctl(2) is no more */
	error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	error |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	error |= fill(filter, role);
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
	if (filter_apply(role, SCMP_ACT_ERRNO(EPERM), filter_allowed) == -1)
		return (-1);
	return (filter_apply(role, SCMP_ACT_KILL_PROCESS, filter_known));
}
