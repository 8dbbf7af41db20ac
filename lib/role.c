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
 * What all roles have in common: hello, configuration, peers, log lines to
 * the parent, stop.
 */

#include <sys/types.h>
#include <sys/queue.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"

#define CHANNEL_FD	3
/* Log lines that may wait for the parent, in octets: the cheap, and all. */
#define LOG_BACKLOG	(1024 * 1024)
#define LOG_BACKLOG_MOST (8 * 1024 * 1024)
#define LOST_WAIT	1		/* seconds until it is told */

struct generation {
	struct bundle	 files;
	struct config	*conf;
	unsigned int	 holders;
	int		 gone;		/* the last holder frees it */
};

static void	 on_file(struct ipc *, struct ipc_msg *);
static void	 on_configure(struct ipc *, struct ipc_msg *);
static void	 on_swap(struct ipc *, struct ipc_msg *);
static void	 on_drop(struct ipc *, struct ipc_msg *);
static void	 on_begin(struct ipc *, struct ipc_msg *);
static void	 on_peer(struct ipc *, struct ipc_msg *);
static void	 on_stop(struct ipc *, struct ipc_msg *);
static void	 on_verbose(struct ipc *, struct ipc_msg *);

static const struct ipc_entry	 common[] = {
	{ PARENT_FILE,		on_file },
	{ PARENT_CONFIGURE,	on_configure },
	{ PARENT_SWAP,		on_swap },
	{ PARENT_DROP,		on_drop },
	{ PARENT_BEGIN,		on_begin },
	{ PARENT_PEER,		on_peer },
	{ PARENT_STOP,		on_stop },
	{ PARENT_VERBOSE,	on_verbose },
	{ IPC_NONE,		NULL }
};

static struct {
	struct ipc			*parent;
	const struct role_callbacks	*callbacks;
	struct generation		*now;
	struct generation		*next;
	uint32_t			 number;	/* of now */
	unsigned long			 lost;	/* lines, not yet told */
	struct loop_timer		 lost_timer;
} state;

static void
generation_free(struct generation *g)
{
	if (g == NULL)
		return;
	if (g->holders > 0) {
		g->gone = 1;
		return;
	}
	config_free(g->conf);
	bundle_free(&g->files);
	free(g);
}

struct generation *
role_hold(void)
{
	state.now->holders++;
	return (state.now);
}

const struct config *
role_held(const struct generation *g)
{
	return (g->conf);
}

uint32_t
role_generation(void)
{
	return (state.number);
}

void
role_let_go(struct generation *g)
{
	if (g != NULL && --g->holders == 0 && g->gone)
		generation_free(g);
}

static void
send_line(enum log_level level, const char *line)
{
	ipc_begin(state.parent, ROLE_LOG);
	ipc_put_u8(state.parent, level);
	ipc_put_str(state.parent, line);
	ipc_end(state.parent);
}

static void
tell_lost(void)
{
	char	 line[64];

	if (state.lost == 0)
		return;
	(void)snprintf(line, sizeof(line), "%lu log lines were lost before "
	    "this", state.lost);
	state.lost = 0;
	send_line(LOG_LEVEL_WARN, line);
}

/* Nothing else may be logged that would bring the number along. */
static void
on_lost(void *arg)
{
	if (ipc_pending(state.parent) > LOG_BACKLOG)
		loop_timer_set(&state.lost_timer, LOST_WAIT);
	else
		tell_lost();
}

/* What strangers can bring about as often as they like. */
static int
is_cheap(enum log_level level, const char *line)
{
	const char	*event;

	if (level == LOG_LEVEL_DEBUG)
		return (1);
	event = strchr(line, ' ');
	return (event != NULL && strncmp(event, " refused ", 9) == 0);
}

/*
 * Never blocks: what the parent does not take in time is counted.  Between
 * the two bounds is the room for what must not be missed.
 */
static void
to_parent(enum log_level level, const char *line, void *arg)
{
	size_t	 most;

	most = is_cheap(level, line) ? LOG_BACKLOG : LOG_BACKLOG_MOST;
	if (ipc_pending(state.parent) > most) {
		if (state.lost++ == 0)
			loop_timer_set(&state.lost_timer, LOST_WAIT);
		return;
	}
	if (ipc_pending(state.parent) <= LOG_BACKLOG)
		tell_lost();
	send_line(level, line);
}

/* The parent is gone: nobody is left to serve or to tell. */
static void
parent_closed(struct ipc *ipc, void *arg)
{
	_exit(1);
}

void
role_start(enum role role, const char *root, int foreground, int verbose,
    const struct role_callbacks *callbacks)
{
	struct ipc_entry	 entries[IPC_MAX_TYPE];
	const struct ipc_entry	*e;
	const char		*missing;
	size_t			 n;

	log_init(role_name(role), foreground, verbose);
	setproctitle("%s", role_name(role));
	tzset();
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGHUP, SIG_IGN) == SIG_ERR ||
	    signal(SIGINT, SIG_IGN) == SIG_ERR ||
	    signal(SIGTERM, SIG_IGN) == SIG_ERR)
		fatal("signal");
	loop_init();
	n = 0;
	for (e = common; e->type != IPC_NONE; e++)
		entries[n++] = *e;
	for (e = callbacks->entries; e != NULL && e->type != IPC_NONE; e++)
		entries[n++] = *e;
	entries[n].type = IPC_NONE;
	entries[n].handler = NULL;
	state.callbacks = callbacks;
	missing = proc_drop(role, root);
	state.parent = ipc_new(CHANNEL_FD, "parent", entries, parent_closed,
	    NULL);
	loop_timer_init(&state.lost_timer, on_lost, NULL);
	log_sink(to_parent, NULL);
	/* the same for all, and mta is the one that faces the most */
	if (missing != NULL && role == ROLE_MTA)
		log_info("the roles are confined without %s", missing);
	ipc_begin(state.parent, ROLE_HELLO);
	ipc_put_str(state.parent, BINDERY_VERSION);
	ipc_end(state.parent);
}

int
role_loop(void)
{
	int	 status;

	memory_give_back();
	status = loop_run();
	tell_lost();
	ipc_flush(state.parent);
	return (status);
}

struct ipc *
role_parent(void)
{
	return (state.parent);
}

void
role_blame(enum role role)
{
	ipc_begin(state.parent, ROLE_BLAME);
	ipc_put_u32(state.parent, role);
	ipc_end(state.parent);
}

const struct config *
role_next(void)
{
	return (state.next == NULL ? NULL : state.next->conf);
}

const char *
role_file(const char *path)
{
	struct bundle_file	*f;

	if (state.now == NULL ||
	    (f = bundle_find(&state.now->files, path)) == NULL)
		return (NULL);
	return (f->text);
}

void
role_wipe(const char *path)
{
	struct bundle_file	*f;

	if (state.now != NULL &&
	    (f = bundle_find(&state.now->files, path)) != NULL)
		explicit_bzero(f->text, f->len);
}

static void
on_file(struct ipc *ipc, struct ipc_msg *m)
{
	const char	*path;
	const void	*chunk;
	size_t		 len;

	path = ipc_get_str(m);
	chunk = ipc_get_bytes(m, &len);
	ipc_get_end(m);
	if (state.next == NULL) {
		if ((state.next = calloc(1, sizeof(*state.next))) == NULL)
			fatal("calloc");
		TAILQ_INIT(&state.next->files);
	}
	if (bundle_append(&state.next->files, path, chunk, len) == -1)
		fatalx("bad configuration file from parent");
	ipc_wipe(chunk, len);		/* keys and hashes come this way */
}

static void
on_configure(struct ipc *ipc, struct ipc_msg *m)
{
	const char	*error;
	uint32_t	 generation;

	generation = ipc_get_u32(m);
	ipc_get_end(m);
	error = "no configuration came";
	if (state.next != NULL) {
		config_free(state.next->conf);
		state.next->conf = config_from_bundle(&state.next->files,
		    &error);
		if (state.next->conf != NULL) {
			bundle_forget_parsed(&state.next->files);
			error = NULL;
		}
	}
	ipc_begin(ipc, ROLE_PARSED);
	ipc_put_u32(ipc, generation);
	ipc_put_str(ipc, error);
	ipc_end(ipc);
}

static void
on_swap(struct ipc *ipc, struct ipc_msg *m)
{
	struct generation	*before;
	uint32_t		 generation;

	generation = ipc_get_u32(m);
	ipc_get_end(m);
	if (state.next == NULL || state.next->conf == NULL)
		fatalx("no configuration to use");
	before = state.now;
	state.now = state.next;
	state.next = NULL;
	state.number = generation;
	if (state.callbacks->configured != NULL)
		state.callbacks->configured(state.now->conf,
		    before == NULL ? NULL : before->conf);
	generation_free(before);
	memory_give_back();
	ipc_begin(ipc, ROLE_SWAPPED);
	ipc_put_u32(ipc, generation);
	ipc_end(ipc);
}

static void
on_drop(struct ipc *ipc, struct ipc_msg *m)
{
	(void)ipc_get_u32(m);
	ipc_get_end(m);
	generation_free(state.next);
	state.next = NULL;
	if (state.callbacks->dropped != NULL)
		state.callbacks->dropped();
}

static void
on_begin(struct ipc *ipc, struct ipc_msg *m)
{
	ipc_get_end(m);
	if (state.callbacks->begin != NULL)
		state.callbacks->begin();
}

static void
on_peer(struct ipc *ipc, struct ipc_msg *m)
{
	uint32_t	 role;
	int		 fd;

	role = ipc_get_u32(m);
	fd = ipc_get_fd(m);
	ipc_get_end(m);
	if (fd == -1 || role >= ROLE_COUNT)
		fatalx("bad peer");
	if (state.callbacks->peer != NULL)
		state.callbacks->peer(role, fd);
	else
		close(fd);
}

static void
on_stop(struct ipc *ipc, struct ipc_msg *m)
{
	ipc_get_end(m);
	if (state.callbacks->stop != NULL)
		state.callbacks->stop();
	else
		loop_exit(0);
}

static void
on_verbose(struct ipc *ipc, struct ipc_msg *m)
{
	log_verbose(ipc_get_u8(m));
	ipc_get_end(m);
}
