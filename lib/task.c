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
 * What queue and mta say to each other about mail: a put and a get of each
 * message, in the same order.  What comes from mta, which faces the network,
 * must never be taken for more than a report: its texts are bounded, and what
 * makes no sense says nothing.
 */

#include <string.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/task.h"

void
work_put(struct ipc *ipc, const struct work *w)
{
	ipc_put_u32(ipc, w->lane);
	ipc_put_u32(ipc, w->due);
	ipc_put_u8(ipc, w->now);
	ipc_put_u8(ipc, w->failed);
	ipc_put_str(ipc, w->binding);
	ipc_put_str(ipc, w->destination);
	ipc_put_str(ipc, w->action);
	ipc_put_str(ipc, w->sender);
}

void
work_get(struct ipc_msg *msg, struct work *w)
{
	w->lane = ipc_get_u32(msg);
	w->due = ipc_get_u32(msg);
	w->now = ipc_get_u8(msg);
	w->failed = ipc_get_u8(msg);
	w->binding = ipc_get_str(msg);
	w->destination = ipc_get_str(msg);
	w->action = ipc_get_str(msg);
	w->sender = ipc_get_str(msg);
	if (w->due > 0 && (w->binding == NULL || w->destination == NULL ||
	    w->action == NULL || w->sender == NULL))
		fatalx("work: without its names");
}

/* NULL where it is longer than a name may be. */
static const char *
name_get(struct ipc_msg *msg, size_t size)
{
	const char	*name;

	name = ipc_get_str(msg);
	return (name == NULL || strlen(name) >= size ? NULL : name);
}

void
pull_put(struct ipc *ipc, const struct pull *p)
{
	ipc_put_u32(ipc, p->lane);
	if (p->lane == 0)
		return;
	ipc_put_u32(ipc, p->connection);
	ipc_put_u32(ipc, p->generation);
	ipc_put_u32(ipc, p->most);
	ipc_put_str(ipc, p->action);
	ipc_put_str(ipc, p->ehlo);
	ipc_put_str(ipc, p->host);
	ipc_put_str(ipc, p->site);
}

void
pull_get(struct ipc_msg *msg, struct pull *p)
{
	memset(p, 0, sizeof(*p));
	if ((p->lane = ipc_get_u32(msg)) == 0)
		return;
	p->connection = ipc_get_u32(msg);
	p->generation = ipc_get_u32(msg);
	p->most = ipc_get_u32(msg);
	p->action = name_get(msg, TASK_TEXT);
	p->ehlo = name_get(msg, DOMAIN_MAX);
	p->host = name_get(msg, DOMAIN_MAX);
	p->site = name_get(msg, DOMAIN_MAX);
	if (msg->broken || p->connection == 0 || p->action == NULL)
		p->lane = 0;
	if (p->most == 0 || p->most > TASK_RCPTS)
		p->most = 1;
}

static void
rcpt_put(struct ipc *ipc, const struct task_rcpt *r)
{
	ipc_put_u32(ipc, r->number);
	ipc_put_u32(ipc, r->rule);
	ipc_put_u16(ipc, r->try);
	ipc_put_u32(ipc, r->retry);
	ipc_put_str(ipc, r->address);
	ipc_put_str(ipc, r->orcpt);
	ipc_put_str(ipc, r->notify);
}

static void
rcpt_get(struct ipc_msg *msg, struct task_rcpt *r)
{
	r->number = ipc_get_u32(msg);
	r->rule = ipc_get_u32(msg);
	r->try = ipc_get_u16(msg);
	r->retry = ipc_get_u32(msg);
	r->address = ipc_get_str(msg);
	r->orcpt = ipc_get_str(msg);
	r->notify = ipc_get_str(msg);
	if (r->address == NULL)
		fatalx("task: recipient without an address");
}

void
task_put(struct ipc *ipc, const struct task *t)
{
	uint32_t	 i;

	ipc_put_u64(ipc, t->id);
	ipc_put_u32(ipc, t->lane);
	ipc_put_u32(ipc, t->connection);
	ipc_put_u32(ipc, t->due);
	ipc_put_str(ipc, t->want_action);
	ipc_put_str(ipc, t->want_sender);
	if (t->id == 0)
		return;
	ipc_put_u64(ipc, t->message);
	ipc_put_u64(ipc, t->created);
	ipc_put_u8(ipc, t->eightbit);
	ipc_put_u8(ipc, t->smtputf8);
	ipc_put_str(ipc, t->sender);
	ipc_put_str(ipc, t->action);
	ipc_put_str(ipc, t->ret);
	ipc_put_str(ipc, t->envid);
	ipc_put_u32(ipc, t->nrcpts);
	for (i = 0; i < t->nrcpts; i++)
		rcpt_put(ipc, &t->rcpts[i]);
	ipc_put_u64(ipc, t->size);
	if (t->content != NULL)
		ipc_put_bytes(ipc, t->content, t->size);
	else if (t->fd != -1)
		ipc_put_fd(ipc, t->fd);
}

void
task_get(struct ipc_msg *msg, struct task *t)
{
	size_t		 len;
	uint32_t	 i;

	t->id = ipc_get_u64(msg);
	t->lane = ipc_get_u32(msg);
	t->connection = ipc_get_u32(msg);
	t->due = ipc_get_u32(msg);
	t->want_action = ipc_get_str(msg);
	t->want_sender = ipc_get_str(msg);
	t->fd = -1;
	t->content = NULL;
	if (t->id == 0)
		return;
	t->message = ipc_get_u64(msg);
	t->created = ipc_get_u64(msg);
	t->eightbit = ipc_get_u8(msg);
	t->smtputf8 = ipc_get_u8(msg);
	t->sender = ipc_get_str(msg);
	t->action = ipc_get_str(msg);
	t->ret = ipc_get_str(msg);
	t->envid = ipc_get_str(msg);
	t->nrcpts = ipc_get_u32(msg);
	if (t->sender == NULL || t->action == NULL)
		fatalx("task: no sender or no action");
	if (t->nrcpts == 0 || t->nrcpts > TASK_RCPTS)
		fatalx("task: %u recipients", t->nrcpts);
	for (i = 0; i < t->nrcpts; i++)
		rcpt_get(msg, &t->rcpts[i]);
	t->size = ipc_get_u64(msg);
	/* neither: no descriptor was free here */
	if ((t->fd = ipc_get_fd(msg)) == -1 && msg->len > 0) {
		t->content = ipc_get_bytes(msg, &len);
		if (len != t->size)
			fatalx("task: %zu bytes of %llu", len,
			    (unsigned long long)t->size);
	}
}

static void
result_put(struct ipc *ipc, const struct task_result *r)
{
	ipc_put_u32(ipc, r->number);
	ipc_put_u8(ipc, r->outcome);
	ipc_put_u8(ipc, r->remote);
	ipc_put_str(ipc, r->cause);
	ipc_put_str(ipc, r->reply);
	ipc_put_str(ipc, r->host);
	ipc_put_u8(ipc, r->dsn_relayed);
}

static void
result_get(struct ipc_msg *msg, struct task_result *r)
{
	r->number = ipc_get_u32(msg);
	r->outcome = ipc_get_u8(msg);
	r->remote = ipc_get_u8(msg);
	r->cause = task_text(ipc_get_str(msg), "");
	r->reply = task_text(ipc_get_str(msg), "");
	r->host = name_get(msg, DOMAIN_MAX);
	r->dsn_relayed = ipc_get_u8(msg);
	/* what is none of the five loses no mail and bounces none */
	if (r->outcome > OUTCOME_RETURNED)
		r->outcome = OUTCOME_TEMPFAIL;
}

void
results_put(struct ipc *ipc, const struct results *r)
{
	uint32_t	 i;

	ipc_put_u64(ipc, r->task);
	ipc_put_u32(ipc, r->count);
	for (i = 0; i < r->count; i++)
		result_put(ipc, &r->result[i]);
	pull_put(ipc, &r->pull);
}

int
results_get(struct ipc_msg *msg, struct results *r)
{
	uint32_t	 i;

	r->task = ipc_get_u64(msg);
	r->count = ipc_get_u32(msg);
	if (r->count > TASK_RCPTS)
		msg->broken = 1;
	for (i = 0; !msg->broken && i < r->count; i++)
		result_get(msg, &r->result[i]);
	pull_get(msg, &r->pull);
	return (msg->broken ? -1 : 0);
}

void
attempt_end_put(struct ipc *ipc, const struct attempt_end *a)
{
	ipc_put_u32(ipc, a->lane);
	ipc_put_u8(ipc, a->outcome);
	ipc_put_u8(ipc, a->remote);
	ipc_put_u32(ipc, a->seconds);
	ipc_put_u32(ipc, a->wait);
	ipc_put_str(ipc, a->cause);
	ipc_put_str(ipc, a->text);
	ipc_put_str(ipc, a->host);
	ipc_put_str(ipc, a->site);
}

int
attempt_end_get(struct ipc_msg *msg, struct attempt_end *a)
{
	a->lane = ipc_get_u32(msg);
	a->outcome = ipc_get_u8(msg);
	a->remote = ipc_get_u8(msg);
	a->seconds = ipc_get_u32(msg);
	a->wait = ipc_get_u32(msg);
	a->cause = task_text(ipc_get_str(msg), "local");
	a->text = task_text(ipc_get_str(msg), "");
	a->host = name_get(msg, DOMAIN_MAX);
	a->site = name_get(msg, DOMAIN_MAX);
	if (a->outcome > ATTEMPT_SUSPENDED)
		msg->broken = 1;
	return (msg->broken ? -1 : 0);
}

void
doing_put(struct ipc *ipc, const struct doing *d)
{
	ipc_put_u32(ipc, d->lane);
	ipc_put_u64(ipc, d->task);
	ipc_put_u8(ipc, d->step);
	ipc_put_u32(ipc, d->number);
	ipc_put_str(ipc, d->text);
}

void
doing_get(struct ipc_msg *msg, struct doing *d)
{
	d->lane = ipc_get_u32(msg);
	d->task = ipc_get_u64(msg);
	d->step = ipc_get_u8(msg);
	d->number = ipc_get_u32(msg);
	d->text = task_text(ipc_get_str(msg), "");
	if (d->step >= STEP_MAX)
		d->step = STEP_TURN;
}

const char *
task_text(const char *text, const char *other)
{
	if (text == NULL)
		return (other);
	return (strlen(text) < TASK_TEXT ? text : "(too long to keep)");
}

const char *
step_text(enum step step)
{
	static const char *const texts[STEP_MAX] = {
		[STEP_BINDING] = "connected",
		[STEP_TURN] = "waiting for its turn",
		[STEP_RESOLVE] = "resolving",
		[STEP_RATE] = "waiting for the rate",
		[STEP_SLOT] = "waiting for a slot",
		[STEP_CONNECT] = "connecting",
		[STEP_GREETING] = "waiting for the greeting",
		[STEP_EHLO] = "waiting for the reply to EHLO",
		[STEP_TLS] = "TLS",
		[STEP_AUTH] = "login",
		[STEP_READY] = "connected",
		[STEP_MAIL] = "waiting for the reply to MAIL",
		[STEP_RCPT] = "waiting for the reply to RCPT",
		[STEP_DATA] = "in DATA",
		[STEP_DOT] = "waiting for the reply to the final dot"
	};

	return (texts[step]);
}
