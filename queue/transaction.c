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
 *	SMTPD_RCPT -> QUEUE_BIND -> MTA_BIND -> QUEUE_RCPT
 *	SMTPD_HEADER -> the same for all recipients -> QUEUE_HEADER
 *	SMTPD_CONTENT or SMTPD_COMMIT -> spool -> QUEUE_STORED
 *
 * 250 goes back only from stored(), which the spool calls after the flush.
 */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/address.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/queue.h"

/* Seconds that a recipient waits for an mta that is being restarted. */
#define ASK_SECONDS	5
/* smtpd faces the network: what it may have under way here, and how long. */
#define TRANSACTIONS_MAX	100000
#define RCPTS_MAX		1000000
#define WORD_MAX		512

enum answer {
	ANSWER_ASKED,			/* mta has not said yet */
	ANSWER_LATER,			/* it is asked about the header too */
	ANSWER_TAKEN
};

struct tx_rcpt {
	TAILQ_ENTRY(tx_rcpt)	 entry;
	TAILQ_ENTRY(tx_rcpt)	 asking;
	struct transaction	*tx;
	struct account		*account;	/* a place on it is ours */
	enum answer		 answer;
	uint64_t		 ask;
	uint32_t		 asked;		/* loop_seconds() */
	uint32_t		 number;
	uint32_t		 rule;
	char			*group;
	char			*destination;
	const char		*address;
	const char		*action;
	const char		*orcpt;
	const char		*notify;
	char			 text[];	/* those strings */
};
TAILQ_HEAD(tx_rcpts, tx_rcpt);

struct transaction {
	RB_ENTRY(transaction)	 node;
	uint64_t		 tx;		/* smtpd's number */
	uint64_t		 id;		/* message id, 0: not yet */
	uint64_t		 bounce;
	struct facts		*facts;
	char			*ret;
	char			*envid;
	struct tx_rcpts		 rcpts;
	struct message		*message;	/* being stored */
	uint32_t		 undecided;	/* asked with the header */
	uint32_t		 nrcpts;
	uint8_t			 eightbit;
	uint8_t			 utf8;		/* MAIL said SMTPUTF8 ... */
	uint8_t			 utf8_header;	/* ... and content needs it */
	uint32_t		 size;		/* declared, 0: not */
	uint8_t			 large;		/* a file was given out */
	uint8_t			 gone;		/* nobody wants the answer */
};
RB_HEAD(queue_transactions, transaction);

static int	 transaction_compare(const struct transaction *,
		    const struct transaction *);
RB_PROTOTYPE(queue_transactions, transaction, node, transaction_compare);

static struct {
	struct queue_transactions	 tree;
	struct tx_rcpts			 asking;	/* oldest first */
	uint64_t			 last_ask;
	size_t				 count;
	size_t				 nrcpts;	/* of all */
} transactions = {
	.tree = RB_INITIALIZER(&transactions.tree),
	.asking = TAILQ_HEAD_INITIALIZER(transactions.asking),
};

RB_GENERATE(queue_transactions, transaction, node, transaction_compare);

static int
transaction_compare(const struct transaction *a, const struct transaction *b)
{
	return (a->tx < b->tx ? -1 : a->tx > b->tx);
}

static struct transaction *
transaction_find(uint64_t tx)
{
	struct transaction	 key;

	key.tx = tx;
	return (RB_FIND(queue_transactions, &transactions.tree, &key));
}

static void
tx_rcpt_free(struct tx_rcpt *rcpt)
{
	if (rcpt->answer == ANSWER_ASKED)
		TAILQ_REMOVE(&transactions.asking, rcpt, asking);
	if (rcpt->account != NULL)
		rcpt->account->queued--;
	TAILQ_REMOVE(&rcpt->tx->rcpts, rcpt, entry);
	rcpt->tx->nrcpts--;
	transactions.nrcpts--;
	free(rcpt->group);
	free(rcpt->destination);
	free(rcpt);
}

static void
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

static char *
copy(const char *text)
{
	char	*p;

	if (text == NULL)
		return (NULL);
	if ((p = strdup(text)) == NULL)
		fatal("strdup");
	return (p);
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
	t->ret = copy(ipc_get_str(msg));
	t->envid = copy(ipc_get_str(msg));
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

/* The binding may hang on a header that comes with the content. */
static int
waits_for_header(const struct transaction *t)
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

	if (!waits_for_header(t)) {
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

static void
ask(struct tx_rcpt *rcpt)
{
	rcpt->answer = ANSWER_ASKED;
	rcpt->ask = ++transactions.last_ask;
	rcpt->asked = loop_seconds();
	TAILQ_INSERT_TAIL(&transactions.asking, rcpt, asking);
	put_ask(rcpt);
}

/* The lane's second half: the domain, or the relay host as written. */
char *
action_destination(const struct action *action, const char *address)
{
	char	*text, *p;

	text = copy(action->host != NULL ? action->host :
	    address_domain(address));
	if (action->host == NULL)
		for (p = text; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
	return (text);
}

int
lane_is_for(const struct lane *lane, const struct action *action,
    const char *address)
{
	if (action->host != NULL)
		return (strcmp(lane->destination, action->host) == 0);
	return (strcasecmp(lane->destination, address_domain(address)) == 0);
}

static size_t
size_of(const char *text)
{
	return (text == NULL ? 0 : strlen(text) + 1);
}

static const char *
place(char **p, const char *text)
{
	char	*start = *p;
	size_t	 len;

	if ((len = size_of(text)) == 0)
		return (NULL);
	memcpy(start, text, len);
	*p += len;
	return (start);
}

static uint64_t
new_id(void)
{
	uint64_t	 id;

	do {
		id = queue_random();
	} while (id == 0 || message_find(id) != NULL);
	return (id);
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

void
transaction_rcpt(struct ipc *ipc, struct ipc_msg *msg)
{
	const char		*address, *action, *orcpt, *notify;
	const struct action	*found;
	struct transaction	*t;
	struct tx_rcpt		*rcpt;
	uint32_t		 number;
	uint8_t			 local;
	char			*p;

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
	if (t->id == 0)
		t->id = new_id();
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
	rcpt = calloc(1, sizeof(*rcpt) + size_of(address) + size_of(action) +
	    size_of(orcpt) + size_of(notify));
	if (rcpt == NULL)
		fatal("calloc");
	p = rcpt->text;
	rcpt->address = place(&p, address);
	rcpt->action = place(&p, action);
	rcpt->orcpt = place(&p, orcpt);
	rcpt->notify = place(&p, notify);
	rcpt->destination = action_destination(found, address);
	rcpt->tx = t;
	rcpt->number = number;
	TAILQ_INSERT_TAIL(&t->rcpts, rcpt, entry);
	t->nrcpts++;
	transactions.nrcpts++;
	if (!waits_for_header(t)) {
		ask(rcpt);
		return;
	}
	rcpt->answer = ANSWER_LATER;
	answer_rcpt(t->tx, t->id, number, 250, "2.1.5 Recipient ok", NULL);
}

void
transaction_header(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	struct tx_rcpt		*rcpt;
	struct facts		 facts, *copied;

	t = transaction_find(ipc_get_u64(msg));
	if (t == NULL || t->message != NULL || !waits_for_header(t)) {
		(void)ipc_get_str(msg);
		ipc_get_end(msg);
		return;
	}
	facts = *t->facts;
	facts.header[1] = ipc_get_str(msg);
	ipc_get_end(msg);
	if ((copied = facts_copy(&facts)) == NULL)
		fatal("facts_copy");
	free(t->facts);
	t->facts = copied;
	TAILQ_FOREACH(rcpt, &t->rcpts, entry) {
		if (rcpt->answer != ANSWER_LATER)
			continue;
		t->undecided++;
		ask(rcpt);
	}
	if (t->undecided == 0)
		answer_header(t->tx, 250, NULL, NULL);
}

/* A bounce is exempt: it is the queue's own mail. */
static int
admitted(struct tx_rcpt *rcpt, struct account *account)
{
	if (rcpt->tx->bounce != 0)
		return (1);
	if (account->refuse) {
		refuse(rcpt, 451, "4.3.2 Mail for this binding is not "
		    "accepted at present", "reception");
		return (0);
	}
	if (account->limit > 0 && account->queued >= account->limit) {
		refuse(rcpt, 452, "4.3.1 Too much mail is queued for this "
		    "binding, try later", "queue-limit");
		return (0);
	}
	return (1);
}

void
transaction_bound(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*binding, *group;
	struct account	*account;
	struct tx_rcpt	*rcpt;
	uint64_t	 number;
	uint32_t	 rule;

	number = ipc_get_u64(msg);
	binding = ipc_get_str(msg);
	group = ipc_get_str(msg);
	rule = ipc_get_u32(msg);
	(void)ipc_get_str(msg);			/* mta has logged it */
	ipc_get_end(msg);
	/* answers come in the order of the questions: mostly the first */
	TAILQ_FOREACH(rcpt, &transactions.asking, asking)
		if (rcpt->ask == number)
			break;
	if (rcpt == NULL)
		return;
	if (binding != NULL)
		account = account_get(binding);
	else if (group != NULL)
		account = group_choose(group, rcpt->tx->facts->sender,
		    rcpt->address, rcpt->destination, GROUP_BIRTH);
	else
		account = NULL;
	if (account == NULL && rcpt->tx->bounce == 0) {
		refuse(rcpt, 451, "4.3.5 No binding for this message",
		    "no-binding");
		return;
	}
	if (account == NULL)
		account = account_get(NULL);
	if (!admitted(rcpt, account))
		return;
	TAILQ_REMOVE(&transactions.asking, rcpt, asking);
	rcpt->answer = ANSWER_TAKEN;
	rcpt->account = account;
	account->queued++;
	rcpt->rule = rule;
	rcpt->group = copy(group);
	decided(rcpt, 250, "2.1.5 Recipient ok", NULL);
}

void
transaction_mta_up(void)
{
	struct tx_rcpt	*rcpt;

	TAILQ_FOREACH(rcpt, &transactions.asking, asking)
		put_ask(rcpt);
}

void
transaction_tick(void)
{
	struct tx_rcpt	*rcpt;

	while ((rcpt = TAILQ_FIRST(&transactions.asking)) != NULL &&
	    loop_seconds() - rcpt->asked > ASK_SECONDS)
		refuse(rcpt, 451, "4.3.0 Try again in a minute", "local");
}

void
transaction_large(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	uint64_t		 tx;
	int			 fd;

	tx = ipc_get_u64(msg);
	ipc_get_end(msg);
	if ((t = transaction_find(tx)) == NULL || t->message != NULL ||
	    t->large)
		return;
	if (t->id == 0)
		t->id = new_id();
	fd = -1;
	if (t->bounce == 0 && spool_accepting(0) != 0)
		log_warnx("large/%s: not enough room", id_text(t->id));
	else if ((fd = spool_large_create(t->id)) == -1)
		log_warn("large/%s", id_text(t->id));
	else
		t->large = 1;
	ipc_begin(ipc, QUEUE_LARGE);
	ipc_put_u64(ipc, tx);
	if (fd != -1)
		ipc_put_fd(ipc, fd);
	ipc_end(ipc);
}

/* The spool is done with it: on disk, or not at all. */
static void
stored(void *arg, int error)
{
	struct transaction	*t = arg;
	struct message		*m = t->message;
	struct tx_rcpt		*rcpt;
	uint32_t		 i;

	if (t->bounce != 0)
		bounce_stored(t->bounce, error);
	if (error != 0) {
		log_warnx("message %s not stored: %s", id_text(t->id),
		    strerror(error));
		cache_drop(t->id);
		if (t->large)
			spool_large_remove(t->id);
		message_free(m);
	} else {
		queue_stats()->accepted++;
		(void)message_insert(m);
		i = 0;
		TAILQ_FOREACH(rcpt, &t->rcpts, entry)
			m->rcpts[i++].lane = lane_get(rcpt->account,
			    rcpt->destination);
		m->open = i;
		queue_stats()->accepted_rcpts += i;
		for (i = 0; i < m->nrcpts; i++)
			rcpt_enter(&m->rcpts[i]);
		/* it will not go at once: memory has no use for it */
		for (i = 0; i < m->nrcpts; i++)
			if (m->rcpts[i].lane->is_active)
				break;
		if (i == m->nrcpts)
			cache_drop(m->id);
	}
	if (!t->gone)
		answer_stored(t->tx, t->id, error);
	transaction_free(t);
}

static size_t
envelope_size(const struct transaction *t)
{
	const struct facts	*f = t->facts;
	const struct tx_rcpt	*rcpt;
	size_t			 size;

	size = sizeof(struct envelope) + size_of(f->sender) +
	    size_of(f->client) + size_of(f->helo) + size_of(f->auth) +
	    size_of(f->user) + size_of(f->tag) + size_of(t->ret) +
	    size_of(t->envid) + 17;
	TAILQ_FOREACH(rcpt, &t->rcpts, entry)
		size += sizeof(struct envelope_rcpt) +
		    size_of(rcpt->address) + size_of(rcpt->action) +
		    size_of(rcpt->destination) +
		    size_of(rcpt->account->name) + size_of(rcpt->group) +
		    size_of(rcpt->orcpt) + size_of(rcpt->notify);
	return (size);
}

static void
envelope_fill_rcpt(struct envelope_rcpt *to, const struct tx_rcpt *from,
    char **p)
{
	to->address = place(p, from->address);
	to->action = place(p, from->action);
	to->destination = place(p, from->destination);
	if (from->account->name[0] != '\0')
		to->binding = place(p, from->account->name);
	to->group = place(p, from->group);
	to->rule = from->rule;
	to->orcpt = place(p, from->orcpt);
	to->notify = place(p, from->notify);
	to->state = RCPT_WAITING;
}

static int
beyond_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return (1);
	return (0);
}

/*
 * RFC 6531 3.6: many a client says SMTPUTF8 with everything.  What does not
 * need it goes on without, to those as well who do not offer it.
 */
static int
needs_utf8(const struct transaction *t)
{
	const struct tx_rcpt	*rcpt;

	if (!t->utf8)
		return (0);
	if (t->utf8_header || (t->facts->sender != NULL &&
	    beyond_ascii(t->facts->sender)))
		return (1);
	TAILQ_FOREACH(rcpt, &t->rcpts, entry)
		if (beyond_ascii(rcpt->address))
			return (1);
	return (0);
}

/* In one allocation, as envelope_parse() makes it. */
static struct envelope *
envelope_make(const struct transaction *t, uint32_t nrcpts)
{
	const struct facts	*f = t->facts;
	const struct tx_rcpt	*rcpt;
	struct envelope		*e;
	char			*p;
	uint32_t		 i;

	if ((e = calloc(1, envelope_size(t))) == NULL)
		return (NULL);
	e->rcpts = (struct envelope_rcpt *)(void *)(e + 1);
	p = (char *)(e->rcpts + nrcpts);
	e->id = t->id;
	/* not when the first RCPT came: lanes are kept in this order */
	e->created = loop_usec();
	e->sender = place(&p, f->sender != NULL ? f->sender : "");
	e->client = place(&p, f->client);
	e->helo = place(&p, f->helo);
	e->auth = place(&p, f->auth);
	e->user = place(&p, f->user);
	e->tag = place(&p, f->tag);
	e->socket = f->socket;
	e->local = f->local;
	e->bounce = f->bounce;
	e->eightbit = t->eightbit;
	e->smtputf8 = needs_utf8(t);
	e->ret = place(&p, t->ret);
	e->envid = place(&p, t->envid);
	if (t->large)
		e->large = place(&p, id_text(t->id));
	e->nrcpts = nrcpts;
	i = 0;
	TAILQ_FOREACH(rcpt, &t->rcpts, entry) {
		envelope_fill_rcpt(&e->rcpts[i], rcpt, &p);
		e->rcpts[i].number = i + 1;
		i++;
	}
	return (e);
}

/* What memory keeps of it; lanes come when it is stored. */
static struct message *
message_make(const struct envelope *e, uint64_t len)
{
	struct message	*m;
	uint32_t	 i;

	m = message_new(e->id, e->nrcpts);
	m->created = (uint32_t)(e->created / 1000000);
	m->content = len;
	if (e->sender[0] == '\0')
		m->flags |= MESSAGE_NULL_SENDER;
	if (e->large != NULL)
		m->flags |= MESSAGE_LARGE;
	for (i = 0; i < e->nrcpts; i++) {
		m->rcpts[i].number = e->rcpts[i].number;
		m->rcpts[i].flags = notify_flags(e->rcpts[i].notify);
		if (e->rcpts[i].group != NULL)
			m->rcpts[i].flags |= RCPT_GROUP;
	}
	return (m);
}

static void
store_failed(struct transaction *t, int error)
{
	if (t->bounce != 0)
		bounce_stored(t->bounce, error);
	if (!t->gone)
		answer_stored(t->tx, t->id, error);
	if (t->large)
		spool_large_remove(t->id);
	transaction_free(t);
}

/* content NULL: the large file holds it. */
static void
store(struct transaction *t, const void *content, uint64_t len)
{
	struct tx_rcpt	*rcpt, *next;
	struct envelope	*e;
	uint32_t	 nrcpts;
	int		 error;

	nrcpts = 0;
	TAILQ_FOREACH_SAFE(rcpt, &t->rcpts, entry, next) {
		if (rcpt->answer == ANSWER_TAKEN)
			nrcpts++;
		else
			tx_rcpt_free(rcpt);
	}
	error = nrcpts == 0 ? EINVAL :
	    t->bounce != 0 ? 0 : spool_accepting(len);
	if (error != 0 || (e = envelope_make(t, nrcpts)) == NULL) {
		store_failed(t, error != 0 ? error : ENOMEM);
		return;
	}
	t->message = message_make(e, len);
	error = 0;
	if (t->bounce != 0)
		spool_begin();
	if (spool_message(e, content, len, &t->message->ref, stored, t) == -1)
		error = errno;
	else if (t->bounce != 0)
		bounce_record(t->bounce);
	if (t->bounce != 0)
		spool_end();
	if (error != 0) {
		message_free(t->message);
		envelope_free(e);
		store_failed(t, error);
		return;
	}
	if (content != NULL)
		cache_add(e->id, e, content, len);
	else
		envelope_free(e);
	queue_commit();
}

void
transaction_content(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	const void		*content;
	size_t			 len;
	uint8_t			 utf8;

	t = transaction_find(ipc_get_u64(msg));
	utf8 = ipc_get_u8(msg);
	content = ipc_get_bytes(msg, &len);
	ipc_get_end(msg);
	if (t == NULL || t->message != NULL)
		return;
	t->utf8_header = utf8;
	if (t->large)
		store_failed(t, EINVAL);	/* it has a file for that */
	else
		store(t, content, len);
}

void
transaction_commit(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	uint64_t		 len;
	uint32_t		 crc;
	uint8_t			 utf8;

	t = transaction_find(ipc_get_u64(msg));
	utf8 = ipc_get_u8(msg);
	len = ipc_get_u64(msg);
	crc = ipc_get_u32(msg);
	ipc_get_end(msg);
	if (t == NULL || t->message != NULL || !t->large)
		return;
	t->utf8_header = utf8;
	if (spool_large_finish(t->id, len, crc) == -1)
		store_failed(t, errno);
	else
		store(t, NULL, len);
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
