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
 * The control socket: clients, their requests, and walks over the queue that
 * never hold up the loop.  What the commands do is in control_command.c and
 * control_show.c.  A broken or silent client costs only itself.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <event.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "queue/client.h"
#include "queue/doing.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"

#define CLIENTS_MAX	64
#define CLIENTS_ROOT	8		/* of these, for root alone */
#define CLIENTS_MANY	"! too many ask at once, try again\n"
#define ACCEPT_PAUSE	1		/* seconds without descriptors */
#define CLIENT_SECONDS	600		/* idle */
#define STEP_MESSAGES	200		/* looked at in one turn */
/* Output that waits for a slow reader: no request, no step, no trace. */
#define OUTPUT_MAX	(256 * 1024)

TAILQ_HEAD(clients, client);

static void	 client_event(struct io *, enum io_event, void *);
static void	 client_step(void *);

static struct {
	struct clients	 clients;
	struct event	 listener;
	struct loop_timer pause;	/* out of descriptors */
	uint32_t	 last;
	int		 count;
	int		 fd;		/* listening; valid while open */
	int		 open;
} control = { .clients = TAILQ_HEAD_INITIALIZER(control.clients) };

struct client *
control_client(uint32_t number)
{
	struct client	*client;

	TAILQ_FOREACH(client, &control.clients, entry)
		if (client->number == number)
			break;
	return (client);
}

/* mta need not answer any more. */
static void
client_ask_end(const struct client *client)
{
	struct ipc	*mta = queue_mta();

	if (!client->asked || mta == NULL)
		return;
	ipc_begin(mta, QUEUE_ASK);
	ipc_put_u32(mta, client->number);
	ipc_put_u32(mta, 0);
	ipc_end(mta);
}

static void
client_free(struct client *client)
{
	client_ask_end(client);
	doing_forget(client->number);
	loop_job_cancel(&client->step);
	TAILQ_REMOVE(&control.clients, client, entry);
	control.count--;
	io_free(client->io);
	free(client->line);
	free(client);
}

static void
client_new(int fd)
{
	struct client	*client;
	uid_t		 uid;
	gid_t		 gid;

	/* the group must not be able to keep root out */
	if (getpeereid(fd, &uid, &gid) == -1 || control.count >=
	    (uid == 0 ? CLIENTS_MAX : CLIENTS_MAX - CLIENTS_ROOT) ||
	    (client = calloc(1, sizeof(*client))) == NULL) {
		(void)send(fd, CLIENTS_MANY, sizeof(CLIENTS_MANY) - 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	client->uid = uid;
	client->io = io_new(fd, client_event, client);
	client->number = ++control.last;
	loop_job_init(&client->step, client_step, client);
	io_set_timeout(client->io, CLIENT_SECONDS);
	io_set_limit(client->io, CONTROL_LINE);
	TAILQ_INSERT_TAIL(&control.clients, client, entry);
	control.count++;
}

static void
on_pause_over(void *arg)
{
	event_add(&control.listener, NULL);
}

static void
on_accept(int fd, short event, void *arg)
{
	int	 peer;

	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer != -1) {
		client_new(peer);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* who waits would wake us all the time */
	log_warn("control socket");
	event_del(&control.listener);
	loop_timer_set(&control.pause, ACCEPT_PAUSE);
}

void
control_listener(struct ipc *ipc, struct ipc_msg *msg)
{
	int	 fd;

	fd = ipc_get_fd(msg);
	ipc_get_end(msg);
	if (fd == -1)
		return;
	if (control.open) {
		event_del(&control.listener);
		loop_timer_cancel(&control.pause);
		close(control.fd);
	}
	loop_timer_init(&control.pause, on_pause_over, NULL);
	control.fd = fd;
	control.open = 1;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	event_set(&control.listener, fd, EV_READ | EV_PERSIST, on_accept,
	    NULL);
	event_add(&control.listener, NULL);
}

const char *
control_by(const struct client *client)
{
	static char	 by[32];

	if (client->uid == 0)
		return ("root");
	snprintf(by, sizeof(by), "uid-%u", (unsigned int)client->uid);
	return (by);
}

/* ---- the answer */

static void
client_vprint(struct client *client, const char *mark, const char *fmt,
    va_list ap)
{
	char	*text, *p;

	if (vasprintf(&text, fmt, ap) == -1)
		fatal("vasprintf");
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' && *p != '\t')
			*p = '?';
	(void)io_printf(client->io, "%s%s%s\n", mark,
	    mark[0] != '\0' && text[0] != '\0' ? " " : "", text);
	free(text);
}

void
control_text(struct client *client, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	client_vprint(client, "-", fmt, ap);
	va_end(ap);
}

/* A line as mta made it, its mark included. */
static void __attribute__((format(printf, 2, 3)))
client_line(struct client *client, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	client_vprint(client, "", fmt, ap);
	va_end(ap);
}

void
control_row_send(struct client *client, struct control_row *row)
{
	if (row->overflow)
		control_text(client, "(a row too long to show)");
	else
		(void)io_printf(client->io, "%s\n", row->text);
}

/* The request is answered: the next one may come. */
static void
client_idle(struct client *client)
{
	free(client->line);
	client->line = NULL;
	client->walking = 0;
	client->asked = 0;
	loop_job_cancel(&client->step);
	io_again(client->io);
}

void
control_done(struct client *client, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	client_vprint(client, ".", fmt, ap);
	va_end(ap);
	client_idle(client);
}

void
control_error(struct client *client, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	client_vprint(client, "!", fmt, ap);
	va_end(ap);
	client_idle(client);
}

/* ---- the request */

static void
client_request(struct client *client, const char *line, size_t len)
{
	char	*copy;

	if ((copy = strndup(line, len)) == NULL)
		fatal("strndup");
	client->line = copy;
	client->count = client->other = 0;
	client->pending = 0;
	client->error = 0;
	client->only_count = 0;
	client->busy = NULL;
	memset(&client->filter, 0, sizeof(client->filter));
	client->nwords = control_split(copy, client->words);
	if (client->nwords <= 0) {
		control_error(client, "the request is not well formed");
		return;
	}
	control_command(client);
}

static void
client_data(struct client *client)
{
	const char	*data, *end;
	size_t		 len;
	char		 line[CONTROL_LINE];

	if (client->line != NULL || io_pending(client->io) > OUTPUT_MAX)
		return;			/* one at a time, for who reads */
	data = io_data(client->io);
	len = io_len(client->io);
	if ((end = memchr(data, '\n', len)) == NULL) {
		if (len >= CONTROL_LINE)
			client_free(client);
		return;
	}
	len = (size_t)(end - data);
	if (len >= sizeof(line)) {
		client_free(client);
		return;
	}
	memcpy(line, data, len);
	io_drain(client->io, len + 1);
	client_request(client, line, len);
}

static void
client_event(struct io *io, enum io_event event, void *arg)
{
	struct client	*client = arg;

	switch (event) {
	case IO_DATA:
		client_data(client);
		break;
	case IO_DRAINED:
		if (client->walking)
			loop_job_queue(&client->step);
		else
			io_again(io);
		break;
	case IO_TIMEOUT:
		if (client->line != NULL && io_pending(io) == 0) {
			/* it waits for us */
			io_set_timeout(io, CLIENT_SECONDS);
			break;
		}
		/* FALLTHROUGH */
	case IO_CLOSED:
	case IO_ERROR:
		client_free(client);
		break;
	default:
		break;
	}
}

/* ---- walks */

void
control_walk(struct client *client,
    int (*visit)(struct client *, struct rcpt *),
    void (*done)(struct client *))
{
	client->visit = visit;
	client->done = done;
	client->cursor = client->filter.has_id ? client->filter.id : 0;
	client->walking = 1;
	client->at_end = 0;
	loop_job_queue(&client->step);
}

void
control_subject(struct rcpt *rcpt, struct filter_subject *s)
{
	struct message		*m = rcpt_message(rcpt);
	uint32_t		 now = schedule_now();

	memset(s, 0, sizeof(*s));
	s->id = m->id;
	s->rcpt = rcpt->number;
	s->age = now > m->created ? now - m->created : 0;
	s->binding = rcpt->lane->binding->name;
	s->destination = rcpt->lane->destination;
	s->site = lane_site(rcpt->lane);
}

static int
walk_wants(struct client *client, struct rcpt *rcpt)
{
	struct filter_subject	 subject;

	control_subject(rcpt, &subject);
	if (filter_quick(&client->filter, &subject) == 2)
		subject.envelope = message_envelope(rcpt_message(rcpt));
	return (filter_match(&client->filter, &subject));
}

/* One message; a visit may finish a recipient and, with it, the message. */
static void
walk_message(struct client *client, struct message *m)
{
	uint64_t	 id = m->id;
	uint32_t	 i, nrcpts = m->nrcpts;

	for (i = 0; i < nrcpts; i++) {
		if (m->rcpts[i].lane == NULL ||
		    !walk_wants(client, &m->rcpts[i]))
			continue;
		if (client->visit == NULL ||
		    client->visit(client, &m->rcpts[i]))
			client->count++;
		if ((m = message_find(id)) == NULL)
			return;
	}
}

static void
walk_ended(struct client *client)
{
	client->at_end = 1;
	if (client->pending > 0) {
		queue_commit();
		return;			/* control_stored() goes on */
	}
	client->walking = 0;
	if (client->error != 0)
		control_error(client, "not written to disk: %s",
		    strerror(client->error));
	else
		client->done(client);
}

static void
client_step(void *arg)
{
	struct client	*client = arg;
	struct message	*m;
	int		 left;

	if (!client->walking || client->at_end)
		return;
	if (client->busy != NULL && client->busy())
		return;			/* control_tick() goes on */
	for (left = STEP_MESSAGES; left > 0; left--) {
		if (io_pending(client->io) > OUTPUT_MAX)
			return;		/* IO_DRAINED goes on */
		m = message_from(client->cursor);
		if (m == NULL || (client->filter.has_id &&
		    m->id != client->filter.id)) {
			walk_ended(client);
			return;
		}
		client->cursor = m->id + 1;
		walk_message(client, m);
		if (client->cursor == 0) {
			walk_ended(client);
			return;
		}
	}
	queue_commit();
	loop_job_queue(&client->step);
}

void
control_tick(void)
{
	struct client	*client;

	TAILQ_FOREACH(client, &control.clients, entry)
		if (client->walking && !client->at_end &&
		    client->busy != NULL)
			loop_job_queue(&client->step);
}

void *
control_pending(struct client *client)
{
	client->pending++;
	return ((void *)(uintptr_t)client->number);
}

void
control_stored(void *arg, int error)
{
	struct client	*client;

	if ((client = control_client((uint32_t)(uintptr_t)arg)) == NULL ||
	    client->pending == 0)
		return;
	if (error != 0)
		client->error = error;
	if (--client->pending == 0 && client->at_end && client->walking)
		walk_ended(client);
}

/* ---- what others answer */

void
control_ask_mta(struct client *client)
{
	struct ipc	*mta;
	int		 i;

	if ((mta = queue_mta()) == NULL) {
		control_error(client, "mta is being restarted, try again");
		return;
	}
	client->asked = 1;
	ipc_begin(mta, QUEUE_ASK);
	ipc_put_u32(mta, client->number);
	ipc_put_u32(mta, (uint32_t)client->nwords);
	for (i = 0; i < client->nwords; i++)
		ipc_put_str(mta, client->words[i]);
	ipc_end(mta);
}

void
control_answer(struct ipc *mta, struct ipc_msg *msg)
{
	const char	*row;
	struct client	*client;
	uint8_t		 more;

	client = control_client(ipc_get_u32(msg));
	more = ipc_get_u8(msg);
	row = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1 || client == NULL || !client->asked)
		return;
	if (row != NULL && (row[0] == '!' || row[0] == '.')) {
		client_line(client, "%s", row);
		client_idle(client);
		return;
	}
	if (more && io_pending(client->io) > OUTPUT_MAX) {
		client->other++;	/* it reads too slowly for a trace */
		return;
	}
	if (client->other > 0)
		control_text(client, "(%llu lines were lost)",
		    (unsigned long long)client->other);
	client->other = 0;
	if (row != NULL && row[0] != '\0')
		client_line(client, "%s", row);
	if (!more)
		control_done(client, "%s", "");
}

void
control_mta_gone(void)
{
	struct client	*client, *next;

	TAILQ_FOREACH_SAFE(client, &control.clients, entry, next)
		if (client->asked && client->words[0] != NULL &&
		    strcmp(client->words[0], "reload") != 0)
			control_error(client, "mta died, try again");
}

void
control_reload_text(const char *fmt, ...)
{
	struct client	*client;
	va_list		 ap;

	TAILQ_FOREACH(client, &control.clients, entry) {
		if (!client->asked || strcmp(client->words[0], "reload") != 0)
			continue;
		va_start(ap, fmt);
		client_vprint(client, "-", fmt, ap);
		va_end(ap);
	}
}

void
control_ask_parent(struct client *client, enum ipc_type type)
{
	struct ipc	*parent = role_parent();

	client->asked = 1;
	ipc_begin(parent, type);
	ipc_put_u32(parent, client->number);
	ipc_end(parent);
}

void
control_reloaded(struct ipc *parent, struct ipc_msg *msg)
{
	const char	*error;
	struct client	*client;

	client = control_client(ipc_get_u32(msg));
	error = ipc_get_str(msg);
	ipc_get_end(msg);
	if (client == NULL || !client->asked)
		return;
	if (error != NULL)
		control_error(client, "%s", error);
	else
		control_done(client, "reloaded");
}
