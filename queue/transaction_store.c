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
 * A transaction's end: its content comes, envelope and message are made, and
 * the spool is given both.  250 goes back only from stored(), which the spool
 * calls after the flush.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/transaction.h"

/* The spool is done with it: on disk, or not at all. */
static void
stored(void *arg, int error)
{
	struct transaction	*t = arg;
	struct message		*m = t->message;
	struct tx_rcpt		*rcpt;
	uint32_t		 i;

	if (t->bounce != 0)
		bounce_stored(t->bounce, t->tx, error);
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
			m->rcpts[i++].lane = lane_get(rcpt->binding,
			    rcpt->destination);
		m->open = i;
		queue_stats()->accepted_rcpts += i;
		for (i = 0; i < m->nrcpts; i++)
			rcpt_enter(&m->rcpts[i]);
		/* it will not go at once: memory has no use for it */
		for (i = 0; i < m->nrcpts; i++)
			if (lane_due(m->rcpts[i].lane) > 0)
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

	size = sizeof(struct envelope) + packed_size(f->sender) +
	    packed_size(f->client) + packed_size(f->helo) +
	    packed_size(f->auth) + packed_size(f->user) +
	    packed_size(f->tag) + packed_size(t->ret) +
	    packed_size(t->envid) + 17;
	TAILQ_FOREACH(rcpt, &t->rcpts, entry)
		size += sizeof(struct envelope_rcpt) +
		    packed_size(rcpt->address) + packed_size(rcpt->action) +
		    packed_size(rcpt->destination) +
		    packed_size(rcpt->binding->name) +
		    packed_size(rcpt->group) + packed_size(rcpt->origin) +
		    packed_size(rcpt->orcpt) +
		    packed_size(rcpt->notify);
	return (size);
}

static void
envelope_fill_rcpt(struct envelope_rcpt *to, const struct tx_rcpt *from,
    char **p)
{
	to->address = packed_put(p, from->address);
	to->action = packed_put(p, from->action);
	to->destination = packed_put(p, from->destination);
	if (from->binding->name[0] != '\0')
		to->binding = packed_put(p, from->binding->name);
	to->group = packed_put(p, from->group);
	to->rule = from->rule;
	to->origin = packed_put(p, from->origin);
	to->orcpt = packed_put(p, from->orcpt);
	to->notify = packed_put(p, from->notify);
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
	e->sender = packed_put(&p, f->sender != NULL ? f->sender : "");
	e->client = packed_put(&p, f->client);
	e->helo = packed_put(&p, f->helo);
	e->auth = packed_put(&p, f->auth);
	e->user = packed_put(&p, f->user);
	e->tag = packed_put(&p, f->tag);
	e->socket = f->socket;
	e->local = f->local;
	e->bounce = f->bounce;
	e->eightbit = t->eightbit;
	e->smtputf8 = needs_utf8(t);
	e->ret = packed_put(&p, t->ret);
	e->envid = packed_put(&p, t->envid);
	if (t->large)
		e->large = packed_put(&p, id_text(t->id));
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
	/* not the time of day, which may be set back: ages are by this one */
	m->created = schedule_now();
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

void
transaction_give_up(struct transaction *t, int error)
{
	if (t->bounce != 0)
		bounce_stored(t->bounce, t->tx, error);
	if (!t->gone)
		answer_stored(t->tx, t->id, error);
	if (t->large)
		spool_large_remove(t->id);
	transaction_free(t);
}

static int	 address_compare(struct tx_rcpt *, struct tx_rcpt *);
RB_PROTOTYPE(tx_addresses, tx_rcpt, node, address_compare);
RB_GENERATE(tx_addresses, tx_rcpt, node, address_compare)

static int
address_compare(struct tx_rcpt *a, struct tx_rcpt *b)
{
	return (strcmp(a->address, b->address));
}

/* content NULL: the large file holds it. */
static void
store(struct transaction *t, const void *content, uint64_t len)
{
	struct tx_addresses	 seen = RB_INITIALIZER(&seen);
	struct tx_rcpt		*rcpt, *next;
	struct envelope		*e;
	uint32_t		 nrcpts;
	int			 error;

	nrcpts = 0;
	TAILQ_FOREACH_SAFE(rcpt, &t->rcpts, entry, next) {
		/* one that is named twice gets one copy, by its first RCPT */
		if (rcpt->answer == ANSWER_TAKEN &&
		    RB_INSERT(tx_addresses, &seen, rcpt) == NULL)
			nrcpts++;
		else
			tx_rcpt_free(rcpt);
	}
	if (nrcpts == 0 || (t->bounce != 0 &&
	    !bounce_is_of(t->bounce, t->tx)))
		error = EINVAL;
	else if (content != NULL && transaction_charge(t, len) == -1)
		error = EAGAIN;
	else
		error = t->bounce != 0 ? 0 : spool_accepting(len);
	if (error != 0 || (e = envelope_make(t, nrcpts)) == NULL) {
		transaction_give_up(t, error != 0 ? error : ENOMEM);
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
		transaction_give_up(t, error);
		return;
	}
	if (content != NULL)
		cache_add(e->id, e, content, len);
	else
		envelope_free(e);
	queue_commit();
}

void
transaction_large(struct ipc *ipc, struct ipc_msg *msg)
{
	struct transaction	*t;
	uint64_t		 tx;
	int			 fd;

	tx = ipc_get_u64(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if ((t = transaction_find(tx)) == NULL || t->message != NULL ||
	    t->large)
		return;
	fd = -1;
	if (t->bounce == 0 && spool_accepting(0) != 0)
		log_warnx("large/%s: not enough room",
		    id_text(transaction_id(t)));
	else if ((fd = spool_large_create(transaction_id(t))) == -1)
		log_warn("large/%s", id_text(t->id));
	else
		t->large = 1;
	ipc_begin(ipc, QUEUE_LARGE);
	ipc_put_u64(ipc, tx);
	if (fd != -1)
		ipc_put_fd(ipc, fd);
	ipc_end(ipc);
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
	if (ipc_get_end(msg) == -1 || t == NULL || t->message != NULL)
		return;
	t->utf8_header = utf8;
	if (t->large)
		transaction_give_up(t, EINVAL);	/* it has a file for that */
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
	if (ipc_get_end(msg) == -1 || t == NULL || t->message != NULL ||
	    !t->large)
		return;
	t->utf8_header = utf8;
	if (spool_large_finish(t->id, len, crc) == -1)
		transaction_give_up(t, errno);
	else
		store(t, NULL, len);
}
