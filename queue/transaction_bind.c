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
 * Which binding a recipient takes: mta is asked, once, and what it answers is
 * admitted or refused.  A recipient that hangs on a header waits for that.
 * Nothing is taken here that no binding was found for, but a bounce.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/group.h"
#include "queue/queue.h"
#include "queue/queue_binding.h"
#include "queue/transaction.h"

/* Seconds that a recipient waits for an mta that is being restarted. */
#define ASK_SECONDS	5

static struct {
	struct tx_rcpts	 asking;	/* oldest first */
	uint64_t	 last_ask;
} binds = { .asking = TAILQ_HEAD_INITIALIZER(binds.asking) };

int
transaction_waits(const struct transaction *t)
{
	return (t->facts->header[0] != NULL && t->bounce == 0);
}

/*
 * A recipient's answer is known.  Where the header was asked, the message has
 * one answer: the first bad one, or the last.
 */
static void
decided(struct tx_rcpt *rcpt, int code, const char *reply, const char *cause)
{
	struct transaction	*t = rcpt->tx;

	if (!transaction_waits(t)) {
		answer_rcpt(t->tx, t->id, rcpt->number, code, reply, cause);
		return;
	}
	if (t->undecided == 0)
		return;
	t->undecided = code == 250 ? t->undecided - 1 : 0;
	if (t->undecided == 0)
		answer_header(t->tx, code, reply, cause);
}

static void
refuse(struct tx_rcpt *rcpt, int code, const char *reply, const char *cause)
{
	decided(rcpt, code, reply, cause);
	tx_rcpt_free(rcpt);
}

static void
put_ask(const struct tx_rcpt *rcpt)
{
	struct ipc	*mta;

	if ((mta = queue_mta()) == NULL)
		return;			/* transaction_mta_up() asks */
	ipc_begin(mta, QUEUE_BIND);
	ipc_put_u64(mta, rcpt->ask);
	facts_put(mta, rcpt->tx->facts);
	ipc_put_str(mta, rcpt->address);
	ipc_put_str(mta, rcpt->action);
	ipc_end(mta);
}

void
tx_rcpt_ask(struct tx_rcpt *rcpt)
{
	rcpt->answer = ANSWER_ASKED;
	rcpt->ask = ++binds.last_ask;
	rcpt->asked = loop_seconds();
	TAILQ_INSERT_TAIL(&binds.asking, rcpt, asking);
	put_ask(rcpt);
}

void
tx_rcpt_unask(struct tx_rcpt *rcpt)
{
	if (rcpt->answer == ANSWER_ASKED)
		TAILQ_REMOVE(&binds.asking, rcpt, asking);
	rcpt->answer = ANSWER_NONE;
}

void
transaction_header(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	struct tx_rcpt		*rcpt;
	struct facts		 facts, *copied;
	const char		*value;

	t = transaction_find(ipc_get_u64(msg));
	value = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1 || t == NULL || t->message != NULL ||
	    !transaction_waits(t))
		return;
	/* the section has one end, and its rules are asked once */
	if (t->header_seen) {
		if (t->undecided == 0)
			answer_header(t->tx, 250, NULL, NULL);
		return;
	}
	t->header_seen = 1;
	facts = *t->facts;
	facts.header[1] = value;
	if (facts_wrong(&facts) != NULL || queue_mta_busy() ||
	    transaction_charge(t, facts_size(&facts)) == -1) {
		answer_header(t->tx, 451, "4.3.0 Try again later", "local");
		return;
	}
	if ((copied = facts_copy(&facts)) == NULL)
		fatal("facts_copy");
	free(t->facts);
	t->facts = copied;
	TAILQ_FOREACH(rcpt, &t->rcpts, entry) {
		if (rcpt->answer != ANSWER_LATER)
			continue;
		t->undecided++;
		tx_rcpt_ask(rcpt);
	}
	if (t->undecided == 0)
		answer_header(t->tx, 250, NULL, NULL);
}

/* A bounce is exempt: it is the queue's own mail. */
static int
admitted(struct tx_rcpt *rcpt, struct binding *binding)
{
	if (rcpt->tx->bounce != 0)
		return (1);
	if (binding->refuse) {
		refuse(rcpt, 451, "4.3.2 Mail for this binding is not "
		    "accepted at present", "reception");
		return (0);
	}
	if (binding->limit > 0 && binding->queued >= binding->limit) {
		refuse(rcpt, 452, "4.3.1 Too much mail is queued for this "
		    "binding, try later", "queue-limit");
		return (0);
	}
	return (1);
}

void
transaction_bound(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*name, *group, *origin;
	struct binding	*binding;
	struct tx_rcpt	*rcpt;
	uint64_t	 number;
	uint32_t	 rule;

	number = ipc_get_u64(msg);
	name = ipc_get_str(msg);
	group = ipc_get_str(msg);
	rule = ipc_get_u32(msg);
	origin = ipc_get_str(msg);
	(void)ipc_get_str(msg);			/* mta has logged it */
	if (ipc_get_end(msg) == -1)
		return;
	/* answers come in the order of the questions: mostly the first */
	TAILQ_FOREACH(rcpt, &binds.asking, asking)
		if (rcpt->ask == number)
			break;
	if (rcpt == NULL)
		return;
	/* only a bounce comes with both names: they are the failed mail's */
	if (name != NULL && group != NULL)
		group = rcpt->tx->facts->group;
	if (name != NULL)
		binding = queue_binding_named(name);
	else if (group != NULL)
		binding = group_choose(group, rcpt->tx->facts->sender,
		    rcpt->address, rcpt->destination, GROUP_BIRTH);
	else
		binding = NULL;
	if (binding == NULL && rcpt->tx->bounce == 0) {
		refuse(rcpt, 451, "4.3.5 No binding for this message",
		    "no-binding");
		return;
	}
	if (binding == NULL)
		binding = queue_binding_get(NULL);
	if (!admitted(rcpt, binding))
		return;
	tx_rcpt_unask(rcpt);
	rcpt->answer = ANSWER_TAKEN;
	rcpt->binding = binding;
	binding->queued++;
	rcpt->rule = rule;
	if (origin != NULL && strlen(origin) <= ORIGIN_MAX)
		rcpt->origin = text_copy(origin);
	rcpt->group = text_copy(group);
	decided(rcpt, 250, "2.1.5 Recipient ok", NULL);
}

void
transaction_mta_up(void)
{
	struct tx_rcpt	*rcpt;

	TAILQ_FOREACH(rcpt, &binds.asking, asking)
		put_ask(rcpt);
}

void
transaction_tick(void)
{
	struct tx_rcpt	*rcpt;

	while ((rcpt = TAILQ_FIRST(&binds.asking)) != NULL &&
	    loop_seconds() - rcpt->asked > ASK_SECONDS)
		refuse(rcpt, 451, "4.3.0 Try again in a minute", "local");
}
