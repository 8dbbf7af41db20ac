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
 * The parent: checks that it may start, opens what only root can, starts the
 * roles, hears what they and signals say.  It stays root, so it touches
 * nothing that came from the network and believes no role in more than its
 * own business.
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
#include "smtpd/smtpd.h"

#define SPARE_FDS	256	/* beside one for each connection */
#define LOG_TEXT	8192	/* a role's line; it makes none as long */

static struct {
	struct event	 signals[4];
	int		 control;	/* -1: queue has it */
} parent;

static enum role
sender(struct ipc *ipc)
{
	int	 role;

	for (role = 0; role < ROLE_COUNT; role++) {
		if (child_channel(role) == ipc)
			return (role);
	}
	fatalx("a message from nobody");
}

static void
role_hello(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*version;

	version = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (version != NULL && strcmp(version, BINDERY_VERSION) == 0)
		return;
	log_warnx("%s is of another version than %s: the program was "
	    "replaced while it ran", role_name(sender(ipc)), BINDERY_VERSION);
	children_stop(1);
}

static void
role_parsed(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*error;
	uint32_t	 number;

	number = ipc_get_u32(msg);
	error = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (!children_stopping())
		reload_parsed(sender(ipc), number, error);
}

static void
role_swapped(struct ipc *ipc, struct ipc_msg *msg)
{
	uint32_t	 number;

	number = ipc_get_u32(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (!children_stopping())
		reload_swapped(sender(ipc), number);
}

/* The end of a turn that brought lines. */
static void
write_log(void *arg)
{
	static struct loop_timer	 again = { .expired = write_log };

	log_batch(0);
	/* the number of those lost is told when nothing else is, too */
	if (log_flush() == -1)
		loop_timer_set(&again, 1);
}

static struct loop_job	 logged = { .run = write_log };

/*
 * A role speaks for itself, a line at a time: one that was broken into must
 * not be able to forge what another says.
 */
static void
role_log(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*line, *name = role_name(sender(ipc));
	char		 text[LOG_TEXT], *p;
	size_t		 len = strlen(name);
	uint8_t		 level;

	level = ipc_get_u8(msg);
	line = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1 || line == NULL)
		return;
	if (strncmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
		line += len + 2;
	(void)snprintf(text, sizeof(text), "%s: %s", name, line);
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	/* all lines of a turn in one write */
	log_batch(1);
	loop_job_queue(&logged);
	log_line(level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG :
	    (enum log_level)level, text);
}

/* Only those that face the network are blamed, and not by each other. */
static void
role_blame_by(struct ipc *ipc, struct ipc_msg *msg)
{
	enum role	 by = sender(ipc);
	uint32_t	 role;

	role = ipc_get_u32(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (role == ROLE_SMTPD || (role == ROLE_MTA && by == ROLE_QUEUE))
		child_blame((enum role)role, role_name(by));
}

static void
queue_stop(struct ipc *ipc, struct ipc_msg *msg)
{
	(void)ipc_get_u32(msg);
	if (ipc_get_end(msg) == 0)
		children_stop(0);
}

static void
queue_reload(struct ipc *ipc, struct ipc_msg *msg)
{
	uint32_t	 client;

	client = ipc_get_u32(msg);
	if (ipc_get_end(msg) == 0)
		reload_request(&client);
}

static void
queue_verbose(struct ipc *ipc, struct ipc_msg *msg)
{
	struct ipc	*to;
	int		 role, verbose;

	verbose = ipc_get_u8(msg) != 0;
	if (ipc_get_end(msg) == -1)
		return;
	log_verbose(verbose);
	for (role = 0; role < ROLE_COUNT; role++) {
		to = child_channel(role);
		if (to == NULL)
			continue;
		ipc_begin(to, PARENT_VERBOSE);
		ipc_put_u8(to, verbose);
		ipc_end(to);
	}
}

static const struct ipc_entry role_entries[] = {
	{ ROLE_HELLO,	role_hello },
	{ ROLE_PARSED,	role_parsed },
	{ ROLE_SWAPPED,	role_swapped },
	{ ROLE_LOG,	role_log },
	{ IPC_NONE,	NULL }
};

/* names, passwords */
static const struct ipc_entry lookup_entries[] = {
	{ ROLE_HELLO,	role_hello },
	{ ROLE_PARSED,	role_parsed },
	{ ROLE_SWAPPED,	role_swapped },
	{ ROLE_LOG,	role_log },
	{ ROLE_BLAME,	role_blame_by },
	{ IPC_NONE,	NULL }
};

static const struct ipc_entry queue_entries[] = {
	{ ROLE_HELLO,	role_hello },
	{ ROLE_PARSED,	role_parsed },
	{ ROLE_SWAPPED,	role_swapped },
	{ ROLE_LOG,	role_log },
	{ ROLE_BLAME,	role_blame_by },
	{ QUEUE_STOP,	queue_stop },
	{ QUEUE_RELOAD,	queue_reload },
	{ QUEUE_VERBOSE, queue_verbose },
	{ IPC_NONE,	NULL }
};

const struct ipc_entry *
parent_entries(enum role role)
{
	if (role == ROLE_QUEUE)
		return (queue_entries);
	return (role == ROLE_NAMES || role == ROLE_PASSWORDS ?
	    lookup_entries : role_entries);
}

static void
parent_signal(int sig, short event, void *arg)
{
	switch (sig) {
	case SIGCHLD:
		children_reap();
		break;
	case SIGHUP:
		reload_request(NULL);
		break;
	default:
		children_stop(0);
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
	    (rlim_t)conf->mta_max_connections + LOCAL_MOST + SPARE_FDS;
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

/* Everything that can be wrong from the outside is said here, and exits 1. */
static struct generation *
parent_prepare(const struct parent_options *options, int *control)
{
	struct load_report	 report = { 0 };
	struct generation	*first;

	if (geteuid() != 0) {
		fprintf(stderr, "bindery: must be started as root\n");
		exit(1);
	}
	if (proc_check_users() == -1)
		exit(1);
	(void)umask(022);
	first = generation_new(options, NULL, &report);
	if (first == NULL)
		exit(1);
	*control = doors_control(first->conf, &report);
	if (*control == -1)
		exit(1);
	return (first);
}

void
parent_control(void)
{
	struct ipc	*queue = child_channel(ROLE_QUEUE);

	if (queue == NULL || parent.control == -1)
		return;
	ipc_begin(queue, PARENT_CONTROL);
	ipc_put_fd(queue, parent.control);
	ipc_end(queue);
	parent.control = -1;
}

void
parent_run(const struct parent_options *options)
{
	struct generation	*first;
	struct logline		 l;
	int			 status;

	first = parent_prepare(options, &parent.control);
	log_init("bindery", options->foreground, options->verbose > 0);
	descriptors_raise(first->conf);
	if (!options->foreground && proc_daemon() == -1)
		fatal("daemon");
	log_echo(!options->foreground);
	loop_init();
	signals_set();
	if (children_start(options, first->conf) == -1)
		fatalx("cannot start");
	reload_start(options, first);
	status = loop_run();
	if (reload_config() != NULL)
		doors_unlink(reload_config());
	else
		doors_unlink(first->conf);
	logline_start(&l, "stopped");
	logline_add(&l, "status", "%d", status);
	logline_end(&l);
	exit(status);
}
