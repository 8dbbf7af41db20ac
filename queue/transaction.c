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
 * Mail on its way in: smtpd's transactions until they are on disk.
 *
 *	SMTPD_MAIL				transaction.c
 *	SMTPD_RCPT -> QUEUE_BIND -> MTA_BIND -> QUEUE_RCPT
 *						transaction_bind.c
 *	SMTPD_HEADER -> the same for all recipients -> QUEUE_HEADER
 *	SMTPD_CONTENT or SMTPD_COMMIT -> spool -> QUEUE_STORED
 *						transaction_store.c
 *
 * Here is the table of them, and what smtpd says is looked at before it is
 * believed: it faces the network.
 */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/transaction.h"

/* What smtpd may have under way here, and how long a word may be. */
#define TRANSACTIONS_MAX	100000
#define RCPTS_MAX		1000000
#define WORD_MAX		512

RB_HEAD(queue_transactions, transaction);

static int	 transaction_compare(const struct transaction *,
		    const struct transaction *);
RB_PROTOTYPE(queue_transactions, transaction, node, transaction_compare);

static struct {
	struct queue_transactions	 tree;
	size_t				 count;
	size_t				 nrcpts;	/* of all */
} transactions = {
	.tree = RB_INITIALIZER(&transactions.tree),
};

RB_GENERATE(queue_transactions, transaction, node, transaction_compare);

static int
transaction_compare(const struct transaction *a, const struct transaction *b)
{
	return (a->tx < b->tx ? -1 : a->tx > b->tx);
}

struct transaction *
transaction_find(uint64_t tx)
{
	struct transaction	 key;

	key.tx = tx;
	return (RB_FIND(queue_transactions, &transactions.tree, &key));
}

void
tx_rcpt_free(struct tx_rcpt *rcpt)
{
	tx_rcpt_unask(rcpt);
	if (rcpt->binding != NULL)
		rcpt->binding->queued--;
	TAILQ_REMOVE(&rcpt->tx->rcpts, rcpt, entry);
	rcpt->tx->nrcpts--;
	transactions.nrcpts--;
	free(rcpt->group);
	free(rcpt->origin);
	free(rcpt->destination);
	free(rcpt);
}

void
transaction_free(struct transaction *t)
{
	struct tx_rcpt	*rcpt;

	while ((rcpt = TAILQ_FIRST(&t->rcpts)) != NULL)
		tx_rcpt_free(rcpt);
	RB_REMOVE(queue_transactions, &transactions.tree, t);
	transactions.count--;
	free(t->facts);
	free(t->ret);
	free(t->envid);
	free(t);
}

size_t
packed_size(const char *text)
{
	return (text == NULL ? 0 : strlen(text) + 1);
}

const char *
packed_put(char **p, const char *text)
{
	char	*start = *p;
	size_t	 len;

	if ((len = packed_size(text)) == 0)
		return (NULL);
	memcpy(start, text, len);
	*p += len;
	return (start);
}

/*
 * A word that goes into an SMTP command just as smtpd wrote it: nothing in it
 * may end the command.  NULL: there is none.
 */
static int
word_valid(const char *word)
{
	size_t	 n;

	if (word == NULL)
		return (1);
	for (n = 0; word[n] != '\0'; n++)
		if (word[n] <= ' ' || word[n] >= 0x7f)
			return (0);
	return (n < WORD_MAX);
}

static int
mail_valid(const struct transaction *t, const struct facts *facts)
{
	if (transactions.count >= TRANSACTIONS_MAX || !word_valid(t->ret) ||
	    !word_valid(t->envid))
		return (0);
	return (facts->sender == NULL || facts->sender[0] == '\0' ||
	    address_valid(facts->sender, 1));
}

void
transaction_mail(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	struct facts		 facts;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		fatal("calloc");
	TAILQ_INIT(&t->rcpts);
	t->tx = ipc_get_u64(msg);
	facts_get(msg, &facts);
	t->size = ipc_get_u32(msg);
	t->eightbit = ipc_get_u8(msg);
	t->utf8 = ipc_get_u8(msg);
	t->ret = text_copy(ipc_get_str(msg));
	t->envid = text_copy(ipc_get_str(msg));
	t->bounce = ipc_get_u64(msg);
	ipc_get_end(msg);
	if (!mail_valid(t, &facts)) {
		log_warnx("a transaction of smtpd's that cannot be");
		free(t->ret);
		free(t->envid);
		free(t);
		return;
	}
	if (t->bounce != 0) {
		facts.bounce = 1;
		facts.binding = bounce_binding(t->bounce, &facts.group);
	}
	if ((t->facts = facts_copy(&facts)) == NULL)
		fatal("facts_copy");
	if (RB_INSERT(queue_transactions, &transactions.tree, t) != NULL)
		fatalx("smtpd used a transaction's number twice");
	transactions.count++;
}

/* The lane's second half: the domain, or the relay host as written. */
char *
action_destination(const struct action *action, const char *address)
{
	char	 domain[DOMAIN_MAX];

	if (action->host != NULL ||
	    domain_canonical(address_domain(address), domain) == -1)
		return (text_copy(action->host != NULL ? action->host :
		    address_domain(address)));
	return (text_copy(domain));
}

int
lane_is_for(const struct lane *lane, const struct action *action,
    const char *address)
{
	if (action->host != NULL)
		return (strcmp(lane->destination, action->host) == 0);
	return (strcasecmp(lane->destination, address_domain(address)) == 0);
}

uint64_t
transaction_id(struct transaction *t)
{
	while (t->id == 0)
		if (message_find(t->id = queue_random()) != NULL)
			t->id = 0;
	return (t->id);
}

/* Nothing that smtpd itself would have let pass. */
static int
rcpt_valid(const struct transaction *t, const char *address,
    const char *orcpt, const char *notify)
{
	if (t->nrcpts >= queue_config()->max_recipients ||
	    transactions.nrcpts >= RCPTS_MAX)
		return (0);
	if (t->bounce != 0 && !bounce_is_known(t->bounce))
		return (0);
	return (address != NULL && address_valid(address, 1) &&
	    word_valid(orcpt) && word_valid(notify));
}

static struct tx_rcpt *
tx_rcpt_new(struct transaction *t, uint32_t number, const char *address,
    const struct action *action, const char *orcpt, const char *notify)
{
	struct tx_rcpt	*rcpt;
	char		*p;

	rcpt = calloc(1, sizeof(*rcpt) + packed_size(address) +
	    packed_size(action->name) + packed_size(orcpt) +
	    packed_size(notify));
	if (rcpt == NULL)
		fatal("calloc");
	p = rcpt->text;
	rcpt->address = packed_put(&p, address);
	rcpt->action = packed_put(&p, action->name);
	rcpt->orcpt = packed_put(&p, orcpt);
	rcpt->notify = packed_put(&p, notify);
	rcpt->destination = action_destination(action, address);
	rcpt->tx = t;
	rcpt->number = number;
	TAILQ_INSERT_TAIL(&t->rcpts, rcpt, entry);
	t->nrcpts++;
	transactions.nrcpts++;
	return (rcpt);
}

void
transaction_rcpt(struct ipc *ipc, struct ipc_msg *msg)
{
	const char		*address, *action, *orcpt, *notify;
	const struct action	*found;
	struct transaction	*t;
	struct tx_rcpt		*rcpt;
	uint32_t		 number;
	uint8_t			 local;

	t = transaction_find(ipc_get_u64(msg));
	number = ipc_get_u32(msg);
	address = ipc_get_str(msg);
	action = ipc_get_str(msg);
	local = ipc_get_u8(msg);
	orcpt = ipc_get_str(msg);
	notify = ipc_get_str(msg);
	ipc_get_end(msg);
	if (t == NULL || t->message != NULL)
		return;
	if (!rcpt_valid(t, address, orcpt, notify)) {
		answer_rcpt(t->tx, t->id, number, 451, "4.3.0 Try again later",
		    "local");
		return;
	}
	(void)transaction_id(t);
	/* RFC 1870 6.3: better now than after all of it */
	if (t->bounce == 0 && t->size > 0 && spool_accepting(t->size) != 0) {
		answer_rcpt(t->tx, t->id, number, 452, "4.3.1 Not enough disk "
		    "space for a message of this size", "spool");
		return;
	}
	found = action == NULL ? NULL : config_action(queue_config(), action);
	if (found == NULL || local) {
		answer_rcpt(t->tx, t->id, number, 451, "4.3.5 No such action "
		    "here", "rule");
		return;
	}
	rcpt = tx_rcpt_new(t, number, address, found, orcpt, notify);
	if (!transaction_waits(t)) {
		tx_rcpt_ask(rcpt);
		return;
	}
	rcpt->answer = ANSWER_LATER;
	answer_rcpt(t->tx, t->id, number, 250, "2.1.5 Recipient ok", NULL);
}

void
transaction_abort(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;

	t = transaction_find(ipc_get_u64(msg));
	ipc_get_end(msg);
	if (t == NULL)
		return;
	if (t->message != NULL) {
		t->gone = 1;		/* it is being written: it stays */
		return;
	}
	if (t->bounce != 0)
		bounce_stored(t->bounce, ECANCELED);
	if (t->large)
		spool_large_remove(t->id);
	transaction_free(t);
}
