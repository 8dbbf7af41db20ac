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
 * Tasks and results on their way between queue and mta.  Put and get name
 * the fields in the same order.  What comes from mta, which faces the
 * network, must never be taken for more than a report.
 */

#include <string.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/task.h"

static void	 rcpt_put(struct ipc *, const struct task_rcpt *);
static void	 rcpt_get(struct ipc_msg *, struct task_rcpt *);

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
	uint32_t i;

	ipc_put_u64(ipc, t->id);
	ipc_put_u64(ipc, t->message);
	ipc_put_u32(ipc, t->lane);
	ipc_put_u64(ipc, t->created);
	ipc_put_u64(ipc, t->size);
	ipc_put_u8(ipc, t->eightbit);
	ipc_put_u8(ipc, t->smtputf8);
	ipc_put_str(ipc, t->sender);
	ipc_put_str(ipc, t->action);
	ipc_put_str(ipc, t->ret);
	ipc_put_str(ipc, t->envid);
	ipc_put_u32(ipc, t->nrcpts);
	for (i = 0; i < t->nrcpts; i++)
		rcpt_put(ipc, &t->rcpts[i]);
}

void
task_get(struct ipc_msg *msg, struct task *t)
{
	uint32_t i;

	t->id = ipc_get_u64(msg);
	t->message = ipc_get_u64(msg);
	t->lane = ipc_get_u32(msg);
	t->created = ipc_get_u64(msg);
	t->size = ipc_get_u64(msg);
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
}

void
task_result_put(struct ipc *ipc, const struct task_result *r)
{
	ipc_put_u32(ipc, r->number);
	ipc_put_u8(ipc, r->outcome);
	ipc_put_str(ipc, r->cause);
	ipc_put_str(ipc, r->reply);
	ipc_put_str(ipc, r->host);
	ipc_put_u8(ipc, r->dsn_relayed);
}

void
task_result_get(struct ipc_msg *msg, struct task_result *r)
{
	r->number = ipc_get_u32(msg);
	r->outcome = ipc_get_u8(msg);
	r->cause = ipc_get_str(msg);
	r->reply = ipc_get_str(msg);
	r->host = ipc_get_str(msg);
	r->dsn_relayed = ipc_get_u8(msg);
	/* what is none of the four loses no mail and bounces none */
	if (r->outcome > OUTCOME_HELD)
		r->outcome = OUTCOME_TEMPFAIL;
	r->cause = task_words(r->cause, "");
	r->reply = task_words(r->reply, "");
	if (r->host != NULL && strlen(r->host) >= DOMAIN_MAX)
		r->host = NULL;
}

const char *
task_words(const char *words, const char *other)
{
	if (words == NULL)
		return (other);
	return (strlen(words) < TASK_WORDS ? words : "(too long to keep)");
}
