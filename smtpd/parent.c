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
 * The parent: starts the roles, introduces them to each other, brings a
 * configuration into force in all of them or in none, starts mta again when
 * it dies, and stops all in order.  It stays root, so it touches nothing that
 * came from the network and believes no role in more than its own business.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "smtpd/parent.h"

#define STOP_SECONDS	30	/* for a role to finish what it writes */
#define BACKOFF_MAX	60	/* seconds between two starts of mta */
#define BACKOFF_CALM	60	/* so long alive: the next wait is short */
#define SPARE_FDS	256	/* beside one for each connection */

struct child {
	pid_t		 pid;		/* 0: not running */
	struct ipc	*ipc;		/* NULL: closed */
	int		 hello;
	int		 stopping;	/* was told to */
	int		 reaped;
	int		 status;	/* of wait(2) */
	uint32_t	 asked;		/* generation it has, not in force */
	uint32_t	 parsed;	/* and says it understood */
	uint32_t	 since;		/* loop_seconds() of its start */
};

enum phase {
	PHASE_START,		/* the first configuration is on its way */
	PHASE_RUN,
	PHASE_STOP
};

static struct {
	const struct parent_options *options;
	struct child		 children[ROLE_COUNT];
	struct generation	*now;
	struct generation	*next;		/* on its way into force */
	uint32_t		 last;		/* number given out */
	enum phase		 phase;
	int			 exit_code;
	int			 verbose;
	int			 asked_by_client;	/* the reload */
	uint32_t		 client;
	uint32_t		 backoff;
	struct event		 signals[4];
	struct loop_timer	 restart;	/* of mta */
	struct loop_timer	 overdue;	/* a role that does not stop */
	struct loop_timer	 verdict;	/* on one that went quietly */
	enum role		 quiet;
} parent;

/* Who talks to whom, beside the parent. */
static const struct {
	enum role	 a, b;
} channels[] = {
	{ ROLE_SMTPD,	ROLE_QUEUE },
	{ ROLE_SMTPD,	ROLE_NAMES },
	{ ROLE_SMTPD,	ROLE_PASSWORDS },
	{ ROLE_QUEUE,	ROLE_FLUSH },
	{ ROLE_QUEUE,	ROLE_MTA },
};

#define NCHANNELS	(sizeof(channels) / sizeof(channels[0]))

/* Who finishes first: no new mail, then none out, then the spool. */
static const enum role stop_order[] = {
	ROLE_SMTPD, ROLE_NAMES, ROLE_PASSWORDS, ROLE_MTA, ROLE_QUEUE,
	ROLE_FLUSH
};

#define NSTOP		(sizeof(stop_order) / sizeof(stop_order[0]))

static void	 parent_stop(int);
static void	 reload_fail(const char *);
static int	 child_start(enum role, const struct config *);

/* Channels. */

static enum role
child_role(struct ipc *ipc)
{
	const struct child	*child = ipc_arg(ipc);

	return ((enum role)(child - parent.children));
}

static void
channel_give(enum role to, enum role other, int fd)
{
	struct ipc	*ipc = parent.children[to].ipc;

	ipc_begin(ipc, PARENT_PEER);
	ipc_put_u32(ipc, other);
	ipc_put_fd(ipc, fd);
	ipc_end(ipc);
}

static int
channel_open(enum role a, enum role b)
{
	int	 pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    PF_UNSPEC, pair) == -1) {
		log_warn("socketpair");
		return (-1);
	}
	channel_give(a, b, pair[0]);
	channel_give(b, a, pair[1]);
	return (0);
}

/* Introduce a role to those of its peers that are there. */
static int
channels_open(enum role role)
{
	const struct child	*a, *b;
	size_t			 i;

	for (i = 0; i < NCHANNELS; i++) {
		if (channels[i].a != role && channels[i].b != role)
			continue;
		a = &parent.children[channels[i].a];
		b = &parent.children[channels[i].b];
		if (a->ipc == NULL || b->ipc == NULL)
			continue;
		if (channel_open(channels[i].a, channels[i].b) == -1)
			return (-1);
	}
	return (0);
}

/* A configuration into force. */

/* Use, or forget, what it was sent last. */
static void
child_decide(enum role role, enum ipc_type type)
{
	struct child	*child = &parent.children[role];

	if (child->ipc == NULL || child->asked == 0)
		return;
	ipc_begin(child->ipc, type);
	ipc_put_u32(child->ipc, child->asked);
	ipc_end(child->ipc);
	child->asked = child->parsed = 0;
}

static void
child_send(enum role role, const struct generation *gen)
{
	struct child	*child = &parent.children[role];

	/* a reload can overtake the configuration of a fresh mta */
	child_decide(role, PARENT_DROP);
	child->asked = gen->number;
	generation_send(gen, role, child->ipc);
}

/* Answer the administrator who asked for a reload, if one did. */
static void
reload_answer(const char *error)
{
	struct ipc	*ipc = parent.children[ROLE_QUEUE].ipc;

	if (!parent.asked_by_client)
		return;
	parent.asked_by_client = 0;
	if (ipc == NULL)
		return;
	ipc_begin(ipc, PARENT_RELOADED);
	ipc_put_u32(ipc, parent.client);
	ipc_put_str(ipc, error);
	ipc_end(ipc);
}

static void
log_configured(const char *event)
{
	const struct config	*conf = parent.now->conf;
	const struct binding	*binding;
	struct logline		 l;
	unsigned int		 n = 0;

	TAILQ_FOREACH(binding, &conf->bindings, entry) {
		if (strcmp(binding->name, "*") != 0 && binding->declared)
			n++;
	}
	logline_start(&l, event);
	logline_add(&l, "version", "%s", BINDERY_VERSION);
	logline_add(&l, "config", "%s", parent.options->path);
	logline_add(&l, "spool", "%s", conf->spool);
	logline_add(&l, "bindings", "%u", n);
	logline_end(&l);
}

/* All have understood: from now on it holds. */
static void
reload_swap(void)
{
	int	 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		if (parent.children[role].asked == parent.next->number)
			child_decide(role, PARENT_SWAP);
	}
	generation_free(parent.now);
	parent.now = parent.next;
	parent.next = NULL;
	if (parent.phase == PHASE_START) {
		parent.phase = PHASE_RUN;
		log_configured("started");
	} else
		log_configured("reloaded");
	reload_answer(NULL);
}

/* Nothing changes; at the start there is nothing to go back to. */
static void
reload_fail(const char *error)
{
	int	 role;

	if (parent.next == NULL)
		return;
	if (parent.phase == PHASE_START) {
		log_warnx("configuration refused: %s", error);
		parent_stop(1);
		return;
	}
	for (role = 0; role < ROLE_COUNT; role++) {
		if (parent.children[role].asked == parent.next->number)
			child_decide(role, PARENT_DROP);
	}
	log_warnx("not reloaded: %s", error);
	reload_answer(error);
	generation_free(parent.next);
	parent.next = NULL;
}

static void
reload_check(void)
{
	const struct child	*child;
	int			 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		child = &parent.children[role];
		if (child->asked == parent.next->number &&
		    child->parsed != child->asked)
			return;
	}
	reload_swap();
}

/* A generation's number is never used twice, so late answers are known. */
static void
reload_begin(void)
{
	struct load_report	 report = { .to_log = 1 };
	int			 role;

	parent.next = generation_new(parent.options, parent.now, &report);
	if (parent.next == NULL) {
		log_warnx("not reloaded: %s", report.first);
		reload_answer(report.first);
		return;
	}
	if (parent.next->number <= parent.last)
		parent.next->number = parent.last + 1;
	parent.last = parent.next->number;
	for (role = 0; role < ROLE_COUNT; role++) {
		if (parent.children[role].pid == 0 && role != ROLE_MTA &&
		    load_needs(parent.next->conf, role) &&
		    (child_start(role, parent.now->conf) == -1 ||
		    channels_open(role) == -1)) {
			reload_fail("a role cannot be started");
			return;
		}
	}
	for (role = 0; role < ROLE_COUNT; role++) {
		if (parent.children[role].ipc != NULL)
			child_send(role, parent.next);
	}
}

/* Ask for a reload; -1 and why when this is not the time. */
static int
parent_reload(const char **why)
{
	if (parent.phase != PHASE_RUN || parent.next != NULL) {
		*why = parent.phase == PHASE_RUN ?
		    "a reload is under way" : "starting or stopping";
		return (-1);
	}
	reload_begin();
	return (0);
}

/* What the roles say. */

static void
role_hello(struct ipc *ipc, struct ipc_msg *msg)
{
	struct child	*child = ipc_arg(ipc);
	const char	*version;

	version = ipc_get_str(msg);
	ipc_get_end(msg);
	if (version == NULL || strcmp(version, BINDERY_VERSION) != 0) {
		log_warnx("%s is of another version than %s: the program was "
		    "replaced while it ran", role_name(child_role(ipc)),
		    BINDERY_VERSION);
		parent_stop(1);
		return;
	}
	child->hello = 1;
}

static void
role_parsed(struct ipc *ipc, struct ipc_msg *msg)
{
	struct child	*child = ipc_arg(ipc);
	const char	*error;
	uint32_t	 number;
	char		 text[256];

	number = ipc_get_u32(msg);
	error = ipc_get_str(msg);
	ipc_get_end(msg);
	if (number != child->asked || parent.phase == PHASE_STOP)
		return;
	if (parent.next != NULL && number == parent.next->number) {
		if (error != NULL) {
			(void)snprintf(text, sizeof(text), "%s: %s",
			    role_name(child_role(ipc)), error);
			reload_fail(text);
			return;
		}
		child->parsed = number;
		reload_check();
	} else if (parent.now != NULL && number == parent.now->number &&
	    error == NULL)
		child_decide(child_role(ipc), PARENT_SWAP);
	else if (error != NULL)
		log_warnx("%s: %s", role_name(child_role(ipc)), error);
}

static void
role_log(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*line;
	uint8_t		 level;

	level = ipc_get_u8(msg);
	line = ipc_get_str(msg);
	ipc_get_end(msg);
	if (line == NULL)
		return;
	log_line(level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG :
	    (enum log_level)level, line);
}

static void
queue_stop(struct ipc *ipc, struct ipc_msg *msg)
{
	(void)ipc_get_u32(msg);
	ipc_get_end(msg);
	parent_stop(0);
}

static void
queue_reload(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*why;
	uint32_t	 client;

	client = ipc_get_u32(msg);
	ipc_get_end(msg);
	if (!parent.asked_by_client) {
		parent.asked_by_client = 1;
		parent.client = client;
		if (parent_reload(&why) == 0)
			return;
		reload_answer(why);
		return;
	}
	ipc_begin(ipc, PARENT_RELOADED);
	ipc_put_u32(ipc, client);
	ipc_put_str(ipc, "a reload is under way");
	ipc_end(ipc);
}

static void
queue_verbose(struct ipc *ipc, struct ipc_msg *msg)
{
	struct ipc	*to;
	int		 role;

	parent.verbose = ipc_get_u8(msg) != 0;
	ipc_get_end(msg);
	log_verbose(parent.verbose);
	for (role = 0; role < ROLE_COUNT; role++) {
		to = parent.children[role].ipc;
		if (to == NULL)
			continue;
		ipc_begin(to, PARENT_VERBOSE);
		ipc_put_u8(to, parent.verbose);
		ipc_end(to);
	}
}

static const struct ipc_entry role_entries[] = {
	{ ROLE_HELLO,	role_hello },
	{ ROLE_PARSED,	role_parsed },
	{ ROLE_LOG,	role_log },
	{ IPC_NONE,	NULL }
};

static const struct ipc_entry queue_entries[] = {
	{ ROLE_HELLO,	role_hello },
	{ ROLE_PARSED,	role_parsed },
	{ ROLE_LOG,	role_log },
	{ QUEUE_STOP,	queue_stop },
	{ QUEUE_RELOAD,	queue_reload },
	{ QUEUE_VERBOSE, queue_verbose },
	{ IPC_NONE,	NULL }
};

/* The life of a role. */

static void
cause_text(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(text, size, "was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(text, size, "exited with status %d",
		    WEXITSTATUS(status));
}

/* The next that must go; all gone: so do we. */
static void
stop_next(void)
{
	struct child	*child;
	size_t		 i;

	for (i = 0; i < NSTOP; i++) {
		child = &parent.children[stop_order[i]];
		if (child->pid == 0)
			continue;
		if (!child->stopping) {
			child->stopping = 1;
			loop_timer_set(&parent.overdue, STOP_SECONDS);
			if (child->ipc != NULL) {
				ipc_begin(child->ipc, PARENT_STOP);
				ipc_end(child->ipc);
			}
		}
		return;
	}
	loop_timer_cancel(&parent.overdue);
	loop_exit(parent.exit_code);
}

static void
stop_overdue(void *arg)
{
	const struct child	*child;
	size_t			 i;

	for (i = 0; i < NSTOP; i++) {
		child = &parent.children[stop_order[i]];
		if (child->pid == 0)
			continue;
		log_warnx("%s does not stop: killed",
		    role_name(stop_order[i]));
		(void)kill(child->pid, SIGKILL);
		loop_timer_set(&parent.overdue, STOP_SECONDS);
		return;
	}
}

static void
parent_stop(int exit_code)
{
	if (exit_code != 0)
		parent.exit_code = exit_code;
	if (parent.phase == PHASE_STOP)
		return;
	parent.phase = PHASE_STOP;
	loop_timer_cancel(&parent.restart);
	loop_timer_cancel(&parent.verdict);
	stop_next();
}

static void
mta_restart_later(void)
{
	const struct child	*mta = &parent.children[ROLE_MTA];

	if (parent.backoff == 0 || loop_seconds() - mta->since > BACKOFF_CALM)
		parent.backoff = 1;
	else if ((parent.backoff *= 2) > BACKOFF_MAX)
		parent.backoff = BACKOFF_MAX;
	log_warnx("mta is started again in %u seconds", parent.backoff);
	loop_timer_set(&parent.restart, parent.backoff);
}

static void
mta_restart(void *arg)
{
	if (child_start(ROLE_MTA, parent.now->conf) == -1 ||
	    channels_open(ROLE_MTA) == -1) {
		parent_stop(1);
		return;
	}
	child_send(ROLE_MTA, parent.now);
}

/* Nobody else died meanwhile, so it was by itself. */
static void
child_verdict(void *arg)
{
	if (parent.phase == PHASE_STOP)
		return;
	log_warnx("%s exited unasked: stopping", role_name(parent.quiet));
	parent_stop(1);
}

/* Reaped, and its last words were read. */
static void
child_gone(enum role role)
{
	struct child	*child = &parent.children[role];
	char		 cause[128];

	child->pid = 0;
	child->asked = child->parsed = 0;
	cause_text(child->status, cause, sizeof(cause));
	if (parent.phase == PHASE_STOP && child->status == 0) {
		stop_next();
		return;
	}
	if (parent.phase == PHASE_STOP) {
		log_warnx("%s %s while stopping", role_name(role), cause);
		parent.exit_code = 1;
		stop_next();
		return;
	}
	if (role == ROLE_MTA && parent.phase == PHASE_RUN) {
		log_warnx("%s %s", role_name(role), cause);
		reload_fail("mta died");
		mta_restart_later();
		return;
	}
	if (child->status == 0) {
		/* it may have lost a peer: then that one is to be named */
		parent.quiet = role;
		loop_timer_set(&parent.verdict, 1);
		return;
	}
	log_warnx("%s %s: stopping", role_name(role), cause);
	parent_stop(1);
}

static void
child_closed(struct ipc *ipc, void *arg)
{
	struct child	*child = arg;

	ipc_free(ipc);
	child->ipc = NULL;
	if (child->reaped)
		child_gone((enum role)(child - parent.children));
}

static int
child_start(enum role role, const struct config *conf)
{
	struct child	*child = &parent.children[role];
	const char	*root;
	int		 fd;

	root = role == ROLE_NAMES ? NULL :
	    role == ROLE_QUEUE ? conf->spool : doors_empty(conf);
	memset(child, 0, sizeof(*child));
	child->pid = proc_start(role, root, parent.options->foreground,
	    parent.verbose, &fd);
	if (child->pid == -1) {
		child->pid = 0;
		log_warn("%s cannot be started", role_name(role));
		return (-1);
	}
	child->since = loop_seconds();
	child->ipc = ipc_new(fd, role_name(role), role == ROLE_QUEUE ?
	    queue_entries : role_entries, child_closed, child);
	return (0);
}

static void
children_reap(void)
{
	struct child	*child;
	pid_t		 pid;
	int		 role, status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (role = 0; role < ROLE_COUNT; role++) {
			child = &parent.children[role];
			if (child->pid != pid)
				continue;
			child->reaped = 1;
			child->status = status;
			if (child->ipc == NULL)
				child_gone(role);
		}
	}
}

/* Start and stop. */

static void
parent_signal(int sig, short event, void *arg)
{
	const char	*why;

	switch (sig) {
	case SIGCHLD:
		children_reap();
		break;
	case SIGHUP:
		if (parent_reload(&why) == -1)
			log_warnx("not reloaded: %s", why);
		break;
	default:
		parent_stop(0);
		break;
	}
}

static void
signals_set(void)
{
	static const int	 numbers[] = {
		SIGTERM, SIGINT, SIGHUP, SIGCHLD
	};
	size_t			 i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		signal_set(&parent.signals[i], numbers[i], parent_signal,
		    NULL);
		if (signal_add(&parent.signals[i], NULL) == -1)
			fatal("signal %d", numbers[i]);
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

/* Every connection needs a descriptor; the roles inherit the limit. */
static void
descriptors_raise(const struct config *conf)
{
	struct rlimit	 limit;
	rlim_t		 want;

	want = (rlim_t)conf->smtp_max_connections +
	    (rlim_t)conf->mta_max_connections + SPARE_FDS;
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
		log_warn("getrlimit");
		return;
	}
	if (limit.rlim_max < want) {
		limit.rlim_cur = limit.rlim_max = want;
		if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
			return;
		(void)getrlimit(RLIMIT_NOFILE, &limit);
		log_warnx("%llu file descriptors are allowed, the connections "
		    "of the configuration may need %llu",
		    (unsigned long long)limit.rlim_max,
		    (unsigned long long)want);
	}
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
			log_warn("setrlimit");
	}
}

/* All roles, their channels, their first configuration, the way in. */
static void
roles_start(int control)
{
	struct ipc	*queue;
	const struct config *conf = parent.next->conf;
	size_t		 i;
	int		 role;

	for (role = ROLE_PARENT + 1; role < ROLE_COUNT; role++) {
		if (load_needs(conf, role) && child_start(role, conf) == -1)
			fatalx("cannot start");
	}
	for (i = 0; i < NCHANNELS; i++) {
		if (parent.children[channels[i].a].ipc != NULL &&
		    parent.children[channels[i].b].ipc != NULL &&
		    channel_open(channels[i].a, channels[i].b) == -1)
			fatalx("cannot start");
	}
	for (role = ROLE_PARENT + 1; role < ROLE_COUNT; role++) {
		if (parent.children[role].ipc != NULL)
			child_send(role, parent.next);
	}
	queue = parent.children[ROLE_QUEUE].ipc;
	ipc_begin(queue, PARENT_CONTROL);
	ipc_put_fd(queue, control);
	ipc_end(queue);
}

void
parent_run(const struct parent_options *options)
{
	struct load_report	 report = { 0 };
	struct logline		 l;
	int			 control, status;

	if (geteuid() != 0) {
		fprintf(stderr, "bindery: must be started as root\n");
		exit(1);
	}
	if (proc_check_users() == -1)
		exit(1);
	(void)umask(022);
	parent.options = options;
	parent.verbose = options->verbose > 0;
	parent.next = generation_new(options, NULL, &report);
	if (parent.next == NULL)
		exit(1);
	control = doors_control(parent.next->conf, &report);
	if (control == -1)
		exit(1);
	log_init("bindery", options->foreground, parent.verbose);
	descriptors_raise(parent.next->conf);
	if (!options->foreground && proc_daemon() == -1)
		fatal("daemon");
	loop_init();
	signals_set();
	loop_timer_init(&parent.restart, mta_restart, NULL);
	loop_timer_init(&parent.overdue, stop_overdue, NULL);
	loop_timer_init(&parent.verdict, child_verdict, NULL);
	roles_start(control);
	status = loop_run();
	if (parent.now != NULL)
		doors_unlink(parent.now->conf);
	else if (parent.next != NULL)
		doors_unlink(parent.next->conf);
	logline_start(&l, "stopped");
	logline_add(&l, "status", "%d", status);
	logline_end(&l);
	exit(status);
}
