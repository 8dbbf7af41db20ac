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
 * One message on its way into queue: sender, recipients, content.  Sessions
 * and bounces own intakes; queue answers by their number, which is never
 * used again, so an answer for one that is gone finds nothing.
 *
 * Content stays here up to 64 KiB, as long as all sessions together hold no
 * more than 32 MiB; beyond either it goes to a file that queue opened.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/text.h"
#include "smtpd/smtpd.h"

#define CONTENT_FIRST	4096
#define CONTENT_TOTAL	(32 * 1024 * 1024)

enum intake_state {
	OPEN,
	ASKED_LARGE,		/* for a file */
	LARGE,			/* content goes to fd */
	COMMITTED
};

struct intake {
	RB_ENTRY(intake) node;
	uint64_t	 number;
	uint64_t	 message;
	const struct intake_owner *owner;
	void		*arg;
	enum intake_state state;
	uint32_t	 nrcpts;
	int		 fd;
	char		*content;
	size_t		 len;		/* in content */
	size_t		 size;		/* of content */
	uint64_t	 written;	/* to fd */
	uint32_t	 crc;		/* of that */
	int		 header;	/* rules wait for it */
	int		 waiting;	/* for queue's word on it */
	const char	*failed;
	char		 cause[32];	/* of queue's refusal */
	char		 reply[256];
};

RB_HEAD(intake_tree, intake);
RB_PROTOTYPE(intake_tree, intake, node, intake_compare);

static struct {
	struct intake_tree	 tree;
	uint64_t		 last;		/* number given out */
	size_t			 memory;	/* of all contents */
	unsigned int		 committed;
} state = {
	.tree = RB_INITIALIZER(&state.tree)
};

static int
intake_compare(struct intake *a, struct intake *b)
{
	return (a->number < b->number ? -1 : a->number > b->number);
}

RB_GENERATE(intake_tree, intake, node, intake_compare);

static struct intake *
find(uint64_t number)
{
	struct intake	 key;

	key.number = number;
	return (RB_FIND(intake_tree, &state.tree, &key));
}

static const char *
or_null(const char *text)
{
	return (text[0] == '\0' ? NULL : text);
}

struct intake *
intake_new(const struct intake_owner *owner, void *arg,
    const struct facts *facts, const struct mail_command *mail,
    uint64_t bounce)
{
	struct intake	*t;
	struct ipc		*queue = server_queue();

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	t->number = ++state.last;
	t->owner = owner;
	t->arg = arg;
	t->fd = -1;
	t->header = facts->header[0] != NULL;
	RB_INSERT(intake_tree, &state.tree, t);
	ipc_begin(queue, SMTPD_MAIL);
	ipc_put_u64(queue, t->number);
	facts_put(queue, facts);
	ipc_put_u32(queue, mail->size > UINT32_MAX ? UINT32_MAX : mail->size);
	ipc_put_u8(queue, mail->eightbit);
	ipc_put_u8(queue, mail->utf8);
	ipc_put_str(queue, or_null(mail->ret));
	ipc_put_str(queue, or_null(mail->envid));
	ipc_put_u64(queue, bounce);
	ipc_end(queue);
	return (t);
}

static void
content_free(struct intake *t)
{
	state.memory -= t->size;
	free(t->content);
	t->content = NULL;
	t->size = t->len = 0;
}

void
intake_free(struct intake *t)
{
	struct ipc	*queue = server_queue();

	if (t == NULL)
		return;
	if (t->state == COMMITTED)
		state.committed--;
	else {
		ipc_begin(queue, SMTPD_ABORT);
		ipc_put_u64(queue, t->number);
		ipc_end(queue);
	}
	RB_REMOVE(intake_tree, &state.tree, t);
	if (t->fd != -1)
		close(t->fd);
	content_free(t);
	free(t);
}

uint32_t
intake_rcpt(struct intake *t, const struct rcpt_command *rcpt,
    const struct action *action)
{
	struct ipc	*queue = server_queue();

	ipc_begin(queue, SMTPD_RCPT);
	ipc_put_u64(queue, t->number);
	ipc_put_u32(queue, ++t->nrcpts);
	ipc_put_str(queue, rcpt->address);
	ipc_put_str(queue, action->name);
	ipc_put_u8(queue, action->type != ACTION_RELAY);
	ipc_put_str(queue, or_null(rcpt->orcpt));
	ipc_put_str(queue, or_null(rcpt->notify));
	ipc_end(queue);
	return (t->nrcpts);
}

uint64_t
intake_message(const struct intake *t)
{
	return (t->message);
}

const char *
intake_failed(const struct intake *t)
{
	return (t->failed);
}

const char *
intake_cause(const struct intake *t)
{
	return (t->cause[0] != '\0' ? t->cause : "spool");
}

void
intake_header(struct intake *t, const char *value)
{
	struct ipc	*queue = server_queue();

	if (!t->header)
		return;
	t->waiting = 1;
	ipc_begin(queue, SMTPD_HEADER);
	ipc_put_u64(queue, t->number);
	ipc_put_str(queue, value);
	ipc_end(queue);
}

int
intake_waiting(const struct intake *t)
{
	return (t->waiting);
}

int
intake_busy(const struct intake *t)
{
	return (t->waiting || t->state == ASKED_LARGE);
}

uint64_t
intake_size(const struct intake *t)
{
	return (t->written + t->len);
}

unsigned int
intakes_committed(void)
{
	return (state.committed);
}

/* Content has outgrown its place here. */
static void
large_ask(struct intake *t)
{
	struct ipc	*queue = server_queue();

	t->state = ASKED_LARGE;
	ipc_begin(queue, SMTPD_LARGE);
	ipc_put_u64(queue, t->number);
	ipc_end(queue);
}

/* What is in content goes to the file. */
static int
large_write(struct intake *t)
{
	size_t	 done = 0;
	ssize_t	 n;

	while (done < t->len) {
		n = write(t->fd, t->content + done, t->len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			log_warn("large file of %016llx",
			    (unsigned long long)t->message);
			t->failed = errno == ENOSPC || errno == EDQUOT ?
			    "452 4.3.1 Not enough room for this message" :
			    "451 4.3.0 The message could not be written";
			return (-1);
		}
		done += n;
	}
	t->crc = crc32c(t->crc, t->content, t->len);
	t->written += t->len;
	t->len = 0;
	return (0);
}

/* Make content hold need octets if it may, by doubling. */
static void
content_grow(struct intake *t, size_t need)
{
	size_t	 size = t->size > 0 ? t->size : CONTENT_FIRST;
	char	*p;

	while (size < need)
		size *= 2;
	if (size > IPC_INLINE)
		size = IPC_INLINE;
	if (size <= t->size)
		return;
	/* the file's buffer is exempt: without it nothing would move */
	if (t->state == OPEN && state.memory + size - t->size > CONTENT_TOTAL)
		return;
	if ((p = realloc(t->content, size)) == NULL)
		return;
	state.memory += size - t->size;
	t->content = p;
	t->size = size;
}

size_t
intake_room(struct intake *t, size_t need, size_t want, char **room)
{
	if (t->failed != NULL || t->state == ASKED_LARGE)
		return (0);
	content_grow(t, t->len + want);
	if (t->size - t->len < need) {
		if (t->state == OPEN) {
			large_ask(t);
			return (0);
		}
		if (t->size < need)
			t->failed = "451 4.3.0 No memory for this message";
		if (t->failed != NULL || large_write(t) == -1)
			return (0);
	}
	*room = t->content + t->len;
	return (want < t->size - t->len ? want : t->size - t->len);
}

void
intake_used(struct intake *t, size_t len)
{
	t->len += len;
}

int
intake_append(struct intake *t, const char *text, size_t len)
{
	char	*room;

	if (len == 0)
		return (0);
	if (intake_room(t, len, len, &room) == 0)
		return (-1);
	memcpy(room, text, len);
	intake_used(t, len);
	return (0);
}

int
intake_commit(struct intake *t, int eightbit)
{
	struct ipc	*queue = server_queue();

	if (t->failed != NULL || (t->state == LARGE && large_write(t) == -1))
		return (-1);
	if (t->state == LARGE) {
		/* queue has a descriptor of its own, and flushes it */
		close(t->fd);
		t->fd = -1;
		ipc_begin(queue, SMTPD_COMMIT);
		ipc_put_u64(queue, t->number);
		ipc_put_u8(queue, eightbit);
		ipc_put_u64(queue, t->written);
		ipc_put_u32(queue, t->crc);
	} else {
		ipc_begin(queue, SMTPD_CONTENT);
		ipc_put_u64(queue, t->number);
		ipc_put_u8(queue, eightbit);
		ipc_put_bytes(queue, t->content, t->len);
		t->written = t->len;
	}
	ipc_end(queue);
	t->state = COMMITTED;
	state.committed++;
	content_free(t);
	return (0);
}

void
intake_on_rcpt(struct ipc *ipc, struct ipc_msg *msg)
{
	struct intake	*t = find(ipc_get_u64(msg));
	uint32_t		 number = ipc_get_u32(msg);
	uint64_t		 message = ipc_get_u64(msg);
	uint16_t		 code = ipc_get_u16(msg);
	const char		*reply = ipc_get_str(msg);
	const char		*cause = ipc_get_str(msg);

	ipc_get_end(msg);
	if (t == NULL)
		return;
	if (message != 0)
		t->message = message;
	t->owner->rcpt(t->arg, number, code, reply, cause);
}

void
intake_on_header(struct ipc *ipc, struct ipc_msg *msg)
{
	struct intake	*t = find(ipc_get_u64(msg));
	uint16_t	 code = ipc_get_u16(msg);
	const char	*reply = ipc_get_str(msg);
	const char	*cause = ipc_get_str(msg);

	ipc_get_end(msg);
	if (t == NULL || !t->waiting)
		return;
	t->waiting = 0;
	if (code != 250) {
		(void)snprintf(t->reply, sizeof(t->reply), "%u %s", code,
		    reply != NULL ? reply : "4.3.0 Try later");
		strlcpy(t->cause, cause != NULL ? cause : "",
		    sizeof(t->cause));
		t->failed = t->reply;
	}
	t->owner->ready(t->arg);
}

void
intake_on_large(struct ipc *ipc, struct ipc_msg *msg)
{
	struct intake	*t = find(ipc_get_u64(msg));
	int			 fd = ipc_get_fd(msg);

	ipc_get_end(msg);
	if (t == NULL || t->state != ASKED_LARGE) {
		if (fd != -1)
			close(fd);
		return;
	}
	t->state = LARGE;
	t->fd = fd;
	if (fd == -1)
		t->failed = "451 4.3.0 No place for a large message now";
	t->owner->ready(t->arg);
}

void
intake_on_stored(struct ipc *ipc, struct ipc_msg *msg)
{
	struct intake	*t = find(ipc_get_u64(msg));
	uint16_t		 code = ipc_get_u16(msg);
	const char		*reply = ipc_get_str(msg);

	ipc_get_end(msg);
	if (t != NULL && t->state == COMMITTED)
		t->owner->stored(t->arg, code, reply);
}
