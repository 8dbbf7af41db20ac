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
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/transaction.h"

/*
 * What smtpd may have under way here: octets, and transactions beyond two of
 * each connection.
 */
#define COST_MAX		(256 * 1024 * 1024)
#define TRANSACTIONS_SPARE	4096
#define RCPT_COST		256	/* what memory takes beside texts */

RB_HEAD(queue_transactions, transaction);

static int	 transaction_compare(const struct transaction *,
		    const struct transaction *);
RB_PROTOTYPE(queue_transactions, transaction, node, transaction_compare);

static struct {
	struct queue_transactions	 tree;
	size_t				 count;
	size_t				 cost;		/* of all */
	uint32_t			 told;		/* loop_seconds() */
	unsigned int			 untold;
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
	transactions.cost -= rcpt->cost;
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
	if (!t->unlisted)
		RB_REMOVE(queue_transactions, &transactions.tree, t);
	transactions.count--;
	transactions.cost -= t->cost;
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
word_valid(const char *word, size_t size)
{
	size_t	 n;

	if (word == NULL)
		return (1);
	for (n = 0; word[n] != '\0'; n++)
		if (word[n] <= ' ' || word[n] >= 0x7f || n + 1 == size)
			return (0);
	return (1);
}

int
transaction_charge(struct transaction *t, size_t octets)
{
	if (transactions.cost + octets > COST_MAX)
		return (-1);
	t->cost += octets;
	transactions.cost += octets;
	return (0);
}

/* smtpd said what it would not say if it were whole: a line a second. */
static void
disbelieved(uint64_t tx, const char *what)
{
	transactions.untold++;
	if (transactions.told == loop_seconds())
		return;
	log_warnx("smtpd: transaction %llu: bad %s: refused (%u so far)",
	    (unsigned long long)tx, what, transactions.untold);
	transactions.told = loop_seconds();
}

/* NULL, or what is wrong. */
static const char *
mail_wrong(const struct transaction *t, const struct facts *facts)
{
	struct sockaddr_storage	 ss;

	if (!word_valid(t->ret, DSN_RET_MAX))
		return ("RET");
	if (!word_valid(t->envid, DSN_ENVID_MAX))
		return ("ENVID");
	if (facts->sender == NULL || (facts->sender[0] != '\0' &&
	    !address_valid(facts->sender, 1)))
		return ("sender");
	if (facts->client != NULL && sockaddr_parse(facts->client, &ss) == -1)
		return ("client");
	return (facts_wrong(facts));
}

/*
 * Facts that are not smtpd's to say: what a bounce is, queue knows by itself,
 * and no other mail has a binding before its rules are asked.
 */
static int
facts_settle(struct transaction *t, struct facts *facts)
{
	if (t->bounce == 0) {
		facts->bounce = 0;
		facts->binding = facts->group = NULL;
		return (0);
	}
	memset(facts, 0, sizeof(*facts));
	facts->sender = "";
	facts->socket = facts->local = facts->bounce = 1;
	return (bounce_claim(t->bounce, t->tx, &facts->binding,
	    &facts->group));
}

/* 0, or -1: there is no room for it. */
static int
transaction_insert(struct transaction *t, const struct facts *facts)
{
	const struct config	*conf = queue_config();

	/* who speaks before there is a configuration is not heard */
	if (conf == NULL || transactions.count >=
	    2 * (size_t)conf->smtp_max_connections + TRANSACTIONS_SPARE ||
	    transaction_charge(t, sizeof(*t) + facts_size(facts)) == -1)
		return (-1);
	if ((t->facts = facts_copy(facts)) == NULL)
		fatal("facts_copy");
	RB_INSERT(queue_transactions, &transactions.tree, t);
	transactions.count++;
	return (0);
}

void
transaction_mail(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	struct facts		 facts;
	const char		*wrong;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		fatal("calloc");
	TAILQ_INIT(&t->rcpts);
	t->tx = ipc_get_u64(msg);
	facts_get(msg, &facts);
	t->size = ipc_get_u32(msg);
	t->eightbit = ipc_get_u8(msg) != 0;
	t->utf8 = ipc_get_u8(msg) != 0;
	t->ret = text_copy(ipc_get_str(msg));
	t->envid = text_copy(ipc_get_str(msg));
	t->bounce = ipc_get_u64(msg);
	/* a number is used once */
	if (ipc_get_end(msg) == 0 &&
	    (t->tx == 0 || transaction_find(t->tx) != NULL))
		msg->broken = 1;
	if (!msg->broken) {
		if ((wrong = mail_wrong(t, &facts)) == NULL &&
		    facts_settle(t, &facts) == -1)
			wrong = "bounce";
		if (wrong != NULL)
			disbelieved(t->tx, wrong);
		else if (transaction_insert(t, &facts) == 0)
			return;
	}
	if (t->bounce != 0)
		bounce_stored(t->bounce, t->tx, ECANCELED);
	free(t->ret);
	free(t->envid);
	free(t);
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
	if (t->nrcpts >= queue_config()->max_recipients)
		return (0);
	/* a bounce goes to the failed message's sender, and nobody else */
	if (t->bounce != 0 && (address == NULL || t->nrcpts > 0 ||
	    !bounce_goes_to(t->bounce, t->tx, address)))
		return (0);
	return (address != NULL && strlen(address) < ADDRESS_MAX &&
	    address_valid(address, 1) && word_valid(orcpt, DSN_ORCPT_MAX) &&
	    word_valid(notify, DSN_NOTIFY_MAX));
}

/* NULL: smtpd has too much under way. */
static struct tx_rcpt *
tx_rcpt_new(struct transaction *t, uint32_t number, const char *address,
    const struct action *action, const char *orcpt, const char *notify)
{
	struct tx_rcpt	*rcpt;
	size_t		 size;
	char		*p;

	size = packed_size(address) + packed_size(action->name) +
	    packed_size(orcpt) + packed_size(notify);
	if (transactions.cost + size + RCPT_COST > COST_MAX)
		return (NULL);
	if ((rcpt = calloc(1, sizeof(*rcpt) + size)) == NULL)
		fatal("calloc");
	rcpt->cost = (uint32_t)size + RCPT_COST;
	transactions.cost += rcpt->cost;
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
	return (rcpt);
}

void
transaction_rcpt(struct ipc *ipc, struct ipc_msg *msg)
{
	const char		*address, *action, *orcpt, *notify;
	const struct action	*found;
	struct transaction	*t;
	struct tx_rcpt		*rcpt;
	uint64_t		 tx;
	uint32_t		 number;
	uint8_t			 local;

	tx = ipc_get_u64(msg);
	number = ipc_get_u32(msg);
	address = ipc_get_str(msg);
	action = ipc_get_str(msg);
	local = ipc_get_u8(msg);
	orcpt = ipc_get_str(msg);
	notify = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if ((t = transaction_find(tx)) == NULL) {
		/* it was refused at its MAIL */
		answer_rcpt(tx, 0, number, 451, "4.3.2 Too much is under way, "
		    "try again later", "local");
		return;
	}
	if (t->message != NULL)
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
	rcpt = queue_mta_busy() ? NULL :
	    tx_rcpt_new(t, number, address, found, orcpt, notify);
	if (rcpt == NULL) {
		answer_rcpt(t->tx, t->id, number, 451, "4.3.2 Too much is "
		    "under way, try again later", "local");
		return;
	}
	if (!transaction_waits(t)) {
		tx_rcpt_ask(rcpt);
		return;
	}
	rcpt->answer = ANSWER_LATER;
	answer_rcpt(t->tx, t->id, number, 250, "2.1.5 Recipient ok", NULL);
}

static void
abort_one(struct transaction *t)
{
	if (t->message != NULL) {
		t->gone = 1;		/* it is being written: it stays */
		return;
	}
	if (t->bounce != 0)
		bounce_stored(t->bounce, t->tx, ECANCELED);
	if (t->large)
		spool_large_remove(t->id);
	transaction_free(t);
}

void
transaction_abort(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	uint64_t		 tx;

	tx = ipc_get_u64(msg);
	if (ipc_get_end(msg) == 0 && (t = transaction_find(tx)) != NULL)
		abort_one(t);
}

void
transactions_smtpd_gone(void)
{
	struct transaction	*t;

	while ((t = RB_ROOT(&transactions.tree)) != NULL) {
		/* the next smtpd counts from 1 again */
		RB_REMOVE(queue_transactions, &transactions.tree, t);
		t->unlisted = 1;
		abort_one(t);
	}
}
