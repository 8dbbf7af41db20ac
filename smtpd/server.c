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
 * The SMTP server's role: doors, limits, channels to its peers.  The
 * parent starts it; it is the only role that strangers reach, so it owns
 * nothing but the TLS keys that is worth a theft, and opens nothing.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "smtpd/smtpd.h"

#define ACCEPTS		64		/* per turn: others wait as well */
#define LOCAL_PER_UID	100		/* on the local socket */
#define ACCEPT_PAUSE	1		/* seconds without descriptors */
#define STOP_PATIENCE	20		/* seconds for the disk, at the end */

struct endpoint {
	TAILQ_ENTRY(endpoint) entry;
	unsigned int	 refs;		/* its sessions, and the list */
	uint32_t	 generation;
	unsigned int	 index;		/* of the listener */
	int		 fd;		/* -1: closed */
	int		 added;		/* event is */
	struct event	 event;
	int		 socket;
	int		 mask_src;
	int		 proxy;
	char		*hostname;
	char		*tag;
	struct policy	*policy;
};
TAILQ_HEAD(endpoints, endpoint);

static struct {
	struct config	*conf;
	struct ipc	*queue;
	struct ipc	*names;
	struct ipc	*passwords;
	struct endpoints incoming;	/* for a configuration to come */
	struct endpoints open;
	struct loop_timer pause;	/* out of descriptors */
	struct loop_timer patience;
	unsigned int	 sessions;
	unsigned int	 remote;	/* of them, not by the local socket */
	int		 exhausted;
	int		 paused;	/* by the administrator */
	int		 accepting;
	int		 stopping;
} state;

static void	 doors_watch(void);

const struct config *
server_config(void)
{
	return (state.conf);
}

struct ipc *
server_queue(void)
{
	return (state.queue);
}

struct ipc *
server_names(void)
{
	return (state.names);
}

struct ipc *
server_passwords(void)
{
	return (state.passwords);
}

int
server_accepting(void)
{
	return (state.accepting);
}

int
server_stopping(void)
{
	return (state.stopping);
}

const char *
endpoint_hostname(const struct endpoint *e)
{
	return (e->hostname);
}

const char *
endpoint_tag(const struct endpoint *e)
{
	return (e->tag);
}

int
endpoint_is_socket(const struct endpoint *e)
{
	return (e->socket);
}

int
endpoint_mask_src(const struct endpoint *e)
{
	return (e->mask_src);
}

int
endpoint_proxy(const struct endpoint *e)
{
	return (e->proxy);
}

const struct policy *
endpoint_policy(const struct endpoint *e)
{
	return (e->policy);
}

static void
endpoint_release(struct endpoint *e)
{
	if (--e->refs > 0)
		return;
	free(e->hostname);
	free(e->tag);
	policy_free(e->policy);
	free(e);
}

/* No more connections by this door; its sessions go on. */
static void
endpoint_close(struct endpoints *list, struct endpoint *e)
{
	TAILQ_REMOVE(list, e, entry);
	if (e->added)
		event_del(&e->event);
	close(e->fd);
	e->fd = -1;
	e->added = 0;
	endpoint_release(e);
}

static void
endpoints_close(struct endpoints *list)
{
	struct endpoint	*e;

	while ((e = TAILQ_FIRST(list)) != NULL)
		endpoint_close(list, e);
}

void
server_idle(void)
{
	if (!state.stopping || state.sessions > 0 ||
	    intakes_committed() > 0)
		return;
	ipc_flush(state.queue);
	loop_exit(0);
}

void
server_session_gone(struct endpoint *e, const struct sockaddr *peer,
    uid_t uid)
{
	state.sessions--;
	if (e->socket)
		visitors_leave_uid(uid);
	else
		state.remote--;
	if (peer != NULL)
		visitors_leave(peer);
	endpoint_release(e);
}

/* A connection that is refused before it becomes a session. */
static void
turn_away(int fd, const struct endpoint *e,
    const struct sockaddr_storage *peer, const char *reply, const char *cause)
{
	struct logline	 l;
	char		 line[REPLY_MAX];
	int		 len;

	logline_start(&l, "refused");
	logline_add(&l, "code", "421");
	logline_add(&l, "cause", "%s", cause);
	logline_add(&l, "from", "-");
	logline_add(&l, "to", "-");
	logline_add(&l, "client", "%s", e->socket ? "local" :
	    sockaddr_text((const struct sockaddr *)peer));
	logline_add(&l, "auth", "-");
	logline_end(&l);
	len = snprintf(line, sizeof(line), "421 %s\r\n", reply);
	if (len > 0 && (size_t)len < sizeof(line))
		(void)send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void
welcome(int fd, struct endpoint *e, const struct sockaddr_storage *peer)
{
	int64_t	 max = state.conf->smtp_max_connections;
	uid_t	 uid = 0;
	gid_t	 gid = 0;

	if (e->socket && (getpeereid(fd, &uid, &gid) == -1 ||
	    (uid != 0 && state.sessions - state.remote >= LOCAL_MOST) ||
	    visitors_enter_uid(uid, uid == 0 ? 0 : LOCAL_PER_UID) == -1)) {
		turn_away(fd, e, peer, "4.7.0 Too many local "
		    "connections, try later", "max-connections-local");
		return;
	}
	/* what is local has its own door, and its own limits */
	if (!e->socket && max > 0 && state.remote >= max) {
		turn_away(fd, e, peer, "4.3.2 Too many connections, try "
		    "later", "max-connections");
		return;
	}
	/* behind a proxy the address is not known yet */
	if (!e->socket && !e->proxy &&
	    visitors_enter((const struct sockaddr *)peer) == -1) {
		turn_away(fd, e, peer, "4.7.0 Too many connections from "
		    "your address", "max-connections-per-address");
		return;
	}
	state.sessions++;
	if (!e->socket)
		state.remote++;
	e->refs++;
	session_new(fd, e, peer, uid);
}

static void
on_pause_over(void *arg)
{
	state.exhausted = 0;
	doors_watch();
}

static void
on_connection(int fd, short event, void *arg)
{
	struct endpoint		*e = arg;
	struct sockaddr_storage	 peer;
	socklen_t		 len;
	int			 client, i;

	for (i = 0; i < ACCEPTS; i++) {
		memset(&peer, 0, sizeof(peer));
		len = sizeof(peer);
		client = accept4(fd, (struct sockaddr *)&peer, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client != -1) {
			welcome(client, e, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			log_warn("no new connections for a second");
			state.exhausted = 1;
			loop_timer_set(&state.pause, ACCEPT_PAUSE);
			doors_watch();
			return;
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

/* Accept where it may be accepted now, and nowhere else. */
static void
doors_watch(void)
{
	struct endpoint	*e;
	int		 want;

	TAILQ_FOREACH(e, &state.open, entry) {
		want = state.queue != NULL && !state.exhausted &&
		    !state.paused && !state.stopping;
		/*
		 * Without its user's name a local message might take a rule
		 * that is not its own.
		 */
		if (e->socket && state.names == NULL)
			want = 0;
		if (want && !e->added)
			event_add(&e->event, NULL);
		else if (!want && e->added)
			event_del(&e->event);
		e->added = want;
	}
}

static void
on_listener(struct ipc *ipc, struct ipc_msg *msg)
{
	struct endpoint	*e;
	uint32_t	 generation = ipc_get_u32(msg);
	unsigned int	 index = ipc_get_u32(msg);
	int		 fd = ipc_get_fd(msg);

	ipc_get_end(msg);
	if (fd == -1) {
		log_warnx("no descriptor free for listener %u", index + 1);
		return;
	}
	/* what was sent for one that never came into force */
	e = TAILQ_FIRST(&state.incoming);
	if (e != NULL && e->generation != generation)
		endpoints_close(&state.incoming);
	if ((e = calloc(1, sizeof(*e))) == NULL)
		fatal("calloc");
	e->refs = 1;
	e->generation = generation;
	e->index = index;
	e->fd = fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		fatal("fcntl");
	TAILQ_INSERT_TAIL(&state.incoming, e, entry);
}

/* Open a door as its listener says. */
static void
endpoint_open(struct endpoint *e, const struct listener *l)
{
	const char	*hostname;

	hostname = l->hostname != NULL ? l->hostname : state.conf->hostname;
	e->socket = l->socket;
	e->mask_src = l->mask_src;
	e->proxy = l->proxy_v2;
	e->hostname = strdup(hostname);
	e->tag = l->tag == NULL ? NULL : strdup(l->tag);
	if (e->hostname == NULL || (l->tag != NULL && e->tag == NULL))
		fatal("strdup");
	e->policy = policy_new(state.conf, l);
	event_set(&e->event, e->fd, EV_READ | EV_PERSIST, on_connection, e);
	TAILQ_INSERT_TAIL(&state.open, e, entry);
}

static void
configured(struct config *now, struct config *before)
{
	struct endpoint	*e;
	struct listener	*l;

	state.conf = now;
	endpoints_close(&state.open);
	while ((e = TAILQ_FIRST(&state.incoming)) != NULL) {
		TAILQ_FOREACH(l, &now->listeners, entry) {
			if (l->index == e->index)
				break;
		}
		if (l == NULL) {
			endpoint_close(&state.incoming, e);
			continue;
		}
		TAILQ_REMOVE(&state.incoming, e, entry);
		endpoint_open(e, l);
	}
	policy_wipe_keys(now);
	doors_watch();
}

/* Or nobody could open them again. */
static void
dropped(void)
{
	endpoints_close(&state.incoming);
}

static void
on_accepting(struct ipc *ipc, struct ipc_msg *msg)
{
	state.accepting = ipc_get_u8(msg);
	ipc_get_end(msg);
}

static void
on_pause(struct ipc *ipc, struct ipc_msg *msg)
{
	state.paused = ipc_get_u8(msg);
	ipc_get_end(msg);
	doors_watch();
}

static void
on_uid(struct ipc *ipc, struct ipc_msg *msg)
{
	uint64_t	 ask = ipc_get_u64(msg);
	const char	*user = ipc_get_str(msg);

	if (ipc_get_end(msg) == 0)
		arrive_named(ask, user);
}

static const struct ipc_entry queue_entries[] = {
	{ QUEUE_RCPT,		intake_on_rcpt },
	{ QUEUE_HEADER,		intake_on_header },
	{ QUEUE_LARGE,		intake_on_large },
	{ QUEUE_STORED,		intake_on_stored },
	{ QUEUE_ACCEPTING,	on_accepting },
	{ QUEUE_BOUNCE,		bounce_on_bounce },
	{ QUEUE_PAUSE,		on_pause },
	{ QUEUE_NAME,		rdns_on_name },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry names_entries[] = {
	{ LOOKUP_UID,		on_uid },
	{ IPC_NONE,		NULL }
};

static void
on_password(struct ipc *ipc, struct ipc_msg *msg)
{
	uint64_t	 ask = ipc_get_u64(msg);
	uint8_t		 answer = ipc_get_u8(msg);

	if (ipc_get_end(msg) == 0)
		auth_answer(ask, answer);
}

static const struct ipc_entry passwords_entries[] = {
	{ LOOKUP_PASSWORD,	on_password },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry parent_entries[] = {
	{ PARENT_LISTENER,	on_listener },
	{ IPC_NONE,		NULL }
};

/*
 * The parent says who died first and why, and stops the daemon.  Without
 * queue no session has a future.
 */
static void
on_peer_closed(struct ipc *ipc, void *arg)
{
	if (ipc == state.queue)
		exit(0);
	if (ipc == state.names)
		state.names = NULL;
	else
		state.passwords = NULL;
	ipc_free(ipc);
	doors_watch();
}

static void
peer(enum role role, int fd)
{
	switch (role) {
	case ROLE_QUEUE:
		state.queue = ipc_new(fd, "queue", queue_entries,
		    on_peer_closed, NULL);
		break;
	case ROLE_NAMES:
		state.names = ipc_new(fd, "names", names_entries,
		    on_peer_closed, NULL);
		/* whatever libc's name service loaded is in it */
		ipc_distrust(state.names);
		break;
	case ROLE_PASSWORDS:
		state.passwords = ipc_new(fd, "passwords", passwords_entries,
		    on_peer_closed, NULL);
		break;
	default:
		close(fd);
		return;
	}
	doors_watch();
}

static void
on_patience_over(void *arg)
{
	log_warnx("%u sessions did not end in time", state.sessions);
	loop_exit(0);
}

static void
stop(void)
{
	if (state.stopping)
		return;
	state.stopping = 1;
	endpoints_close(&state.open);
	endpoints_close(&state.incoming);
	session_stop_all();
	loop_timer_set(&state.patience, STOP_PATIENCE);
	if (state.queue == NULL)
		loop_exit(0);
	else
		server_idle();
}

static const struct role_callbacks callbacks = {
	.configured =	configured,
	.dropped =	dropped,
	.peer =		peer,
	.stop =		stop,
	.entries =	parent_entries
};

__dead void
smtpd_role(const char *root, int foreground, int verbose)
{
	TAILQ_INIT(&state.incoming);
	TAILQ_INIT(&state.open);
	/* until queue says otherwise: it does so when it cannot */
	state.accepting = 1;
	role_start(ROLE_SMTPD, root, foreground, verbose, &callbacks);
	loop_timer_init(&state.pause, on_pause_over, NULL);
	loop_timer_init(&state.patience, on_patience_over, NULL);
	exit(role_loop());
}
