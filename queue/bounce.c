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
 * Bounces on their way: from the recipient that failed to the notification
 * that is on disk.  A notification goes to smtpd as QUEUE_BOUNCE and comes
 * back as a transaction; the failure is recorded in the same write as it, and
 * until then the recipient stays queued.  There is never a bounce for the
 * null sender.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/group.h"
#include "queue/lane.h"
#include "queue/queue.h"

#define BOUNCES_BUSY	500		/* under way at a time */
#define BOUNCES_MAX	10000		/* those that wait included */
#define BOUNCE_FULL	(48 * 1024)	/* RET=FULL up to this, else headers */
#define BOUNCE_AGAIN	60		/* seconds after a refusal */
#define BOUNCE_TRIES	5

enum bounce_stage {
	BOUNCE_GATHERS,			/* until the end of the turn */
	BOUNCE_SENT,			/* smtpd has it */
	BOUNCE_WAITS			/* was refused, goes again */
};

struct bounce_item {
	STAILQ_ENTRY(bounce_item) entry;
	uint32_t	 number;
	int		 remote;
	char		*words;
	char		*host;
};

struct bounce {
	RB_ENTRY(bounce)	 node;
	TAILQ_ENTRY(bounce)	 entry;		/* of its stage, but SENT */
	uint64_t		 id;
	uint64_t		 message;
	enum bounce_kind	 kind;
	enum bounce_stage	 stage;
	uint64_t		 tx;		/* smtpd's for it, 0: none */
	int			 storing;	/* that is being written */
	char			*sender;	/* whom it goes to */
	char			*binding;
	char			*group;
	uint32_t		 again;		/* loop_seconds() */
	int			 tries;
	size_t			 nitems;
	STAILQ_HEAD(, bounce_item) items;
};
TAILQ_HEAD(bounces, bounce);
RB_HEAD(bounce_tree, bounce);

static void	 bounce_job(void *);
static int	 bounce_compare(const struct bounce *, const struct bounce *);

RB_PROTOTYPE(bounce_tree, bounce, node, bounce_compare);

static struct {
	struct bounce_tree tree;
	struct bounces	 gathers;
	struct bounces	 waits;		/* the first goes first */
	struct loop_job	 job;
	size_t		 count;
	size_t		 waiting;
	uint64_t	 last_id;
} bounces = {
	.tree = RB_INITIALIZER(&bounces.tree),
	.gathers = TAILQ_HEAD_INITIALIZER(bounces.gathers),
	.waits = TAILQ_HEAD_INITIALIZER(bounces.waits),
	.job = { .run = bounce_job },
};

RB_GENERATE(bounce_tree, bounce, node, bounce_compare);

static int
bounce_compare(const struct bounce *a, const struct bounce *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

static struct bounce *
bounce_find(uint64_t id)
{
	struct bounce	 key;

	key.id = id;
	return (RB_FIND(bounce_tree, &bounces.tree, &key));
}

/* Out of its stage's list, to be sent or to end. */
static void
bounce_unlist(struct bounce *b)
{
	if (b->stage == BOUNCE_GATHERS)
		TAILQ_REMOVE(&bounces.gathers, b, entry);
	else if (b->stage == BOUNCE_WAITS) {
		TAILQ_REMOVE(&bounces.waits, b, entry);
		bounces.waiting--;
	}
	b->stage = BOUNCE_SENT;
}

/* It goes again, after all that wait already. */
static void
bounce_again(struct bounce *b)
{
	bounce_unlist(b);
	b->stage = BOUNCE_WAITS;
	b->tx = 0;
	b->storing = 0;
	b->again = loop_seconds() + BOUNCE_AGAIN;
	TAILQ_INSERT_TAIL(&bounces.waits, b, entry);
	bounces.waiting++;
}

static void
bounce_free(struct bounce *b)
{
	struct bounce_item	*item;

	while ((item = STAILQ_FIRST(&b->items)) != NULL) {
		STAILQ_REMOVE_HEAD(&b->items, entry);
		free(item->words);
		free(item->host);
		free(item);
	}
	bounce_unlist(b);
	RB_REMOVE(bounce_tree, &bounces.tree, b);
	bounces.count--;
	free(b->sender);
	free(b->binding);
	free(b->group);
	free(b);
}

int
bounce_busy(void)
{
	return (bounces.count - bounces.waiting >= BOUNCES_BUSY ||
	    bounces.count >= BOUNCES_MAX);
}

static enum rcpt_state
bounce_state(enum bounce_kind kind)
{
	return (kind == BOUNCE_EXPIRED ? RCPT_EXPIRED : RCPT_FAILED);
}

/* Whether somebody is to be told (RFC 3461 4.1). */
static int
bounce_wanted(const struct rcpt *rcpt, const struct message *m,
    enum bounce_kind kind)
{
	if (m->flags & MESSAGE_NULL_SENDER)
		return (0);
	if (!(rcpt->flags & RCPT_NOTIFY_SET))
		return (kind != BOUNCE_RELAYED);
	switch (kind) {
	case BOUNCE_RELAYED:
		return ((rcpt->flags & RCPT_NOTIFY_SUCCESS) != 0);
	case BOUNCE_DELAYED:
		return ((rcpt->flags & RCPT_NOTIFY_DELAY) != 0);
	default:
		return ((rcpt->flags & RCPT_NOTIFY_FAILURE) != 0);
	}
}

static void
bounce_log(struct rcpt *rcpt, enum bounce_kind kind, const char *words,
    const char *note)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;
	struct message			*m = rcpt_message(rcpt);
	struct logline			 line;

	e = message_envelope(m);
	er = e == NULL ? NULL : envelope_rcpt(e, rcpt->number);
	logline_start(&line, kind == BOUNCE_EXPIRED ? "expired" : "bounced");
	logline_add(&line, "id", "%s.%u", id_text(m->id), rcpt->number);
	logline_add(&line, "from", "<%s>", e == NULL ? "" : e->sender);
	logline_add(&line, "to", "<%s>", er == NULL ? "" : er->address);
	logline_add(&line, "binding", "%s", rcpt->lane->binding->name);
	if (note != NULL)
		logline_text(&line, "dsn", note);
	logline_text(&line, "stat", words);
	logline_end(&line);
}

/* Nobody to tell, or no way to. */
static void
bounce_silent(struct rcpt *rcpt, enum bounce_kind kind, const char *words,
    const char *note)
{
	if (kind == BOUNCE_DELAYED)
		return;
	if (kind != BOUNCE_RELAYED) {
		bounce_log(rcpt, kind, words, note);
		spool_result(rcpt_message(rcpt)->id, rcpt->number,
		    bounce_state(kind), NULL, NULL);
	}
	rcpt_finish(rcpt);
}

/* The one that gathers for this message, or a new one. */
static struct bounce *
bounce_gather(struct rcpt *rcpt, enum bounce_kind kind)
{
	const char	*binding = rcpt->lane->binding->name;
	struct message	*m = rcpt_message(rcpt);
	struct bounce	*b;

	b = TAILQ_LAST(&bounces.gathers, bounces);
	if (b != NULL && b->message == m->id &&
	    b->kind == kind && strcmp(b->binding, binding) == 0)
		return (b);
	if ((b = calloc(1, sizeof(*b))) == NULL ||
	    (b->binding = strdup(binding)) == NULL)
		fatal("calloc");
	STAILQ_INIT(&b->items);
	b->id = ++bounces.last_id;
	b->message = m->id;
	b->kind = kind;
	TAILQ_INSERT_TAIL(&bounces.gathers, b, entry);
	RB_INSERT(bounce_tree, &bounces.tree, b);
	bounces.count++;
	return (b);
}

void
bounce_rcpt(struct rcpt *rcpt, enum bounce_kind kind, const char *words,
    const char *host, int remote)
{
	struct bounce_item	*item;
	struct bounce		*b;

	if (kind == BOUNCE_EXPIRED)
		queue_stats()->expired++;
	if (!bounce_wanted(rcpt, rcpt_message(rcpt), kind)) {
		bounce_silent(rcpt, kind, words, "none wanted");
		return;
	}
	b = bounce_gather(rcpt, kind);
	if ((item = calloc(1, sizeof(*item))) == NULL ||
	    (item->words = strdup(words)) == NULL ||
	    (host != NULL && (item->host = strdup(host)) == NULL))
		fatal("calloc");
	item->number = rcpt->number;
	/* a reply, not what our end says of a connection */
	item->remote = remote && isdigit((unsigned char)words[0]);
	STAILQ_INSERT_TAIL(&b->items, item, entry);
	b->nitems++;
	if (kind != BOUNCE_DELAYED)
		rcpt_bounce(rcpt);
	loop_job_queue(&bounces.job);
}

/* Its recipient, if it is still there and still waits for this. */
static struct rcpt *
item_rcpt(const struct bounce *b, const struct bounce_item *item)
{
	struct message	*m;
	struct rcpt	*rcpt;

	if ((m = message_find(b->message)) == NULL ||
	    (rcpt = message_rcpt(m, item->number)) == NULL ||
	    rcpt->lane == NULL)
		return (NULL);
	if (b->kind != BOUNCE_DELAYED && rcpt->place != PLACE_BOUNCING)
		return (NULL);
	return (rcpt);
}

static void
bounce_fill_rcpt(struct bounce_rcpt *to, const struct bounce *b,
    const struct bounce_item *item, const struct envelope_rcpt *er,
    struct message *m)
{
	const struct rcpt	*rcpt;

	to->address = er->address;
	to->orcpt = er->orcpt;
	to->reply = item->words;
	to->host = item->host;
	to->remote = item->remote;
	rcpt = item_rcpt(b, item);
	if (b->kind == BOUNCE_EXPIRED || b->kind == BOUNCE_DELAYED)
		to->status = "4.4.7";
	else
		to->status = bounce_status(item->words,
		    b->kind == BOUNCE_RELAYED ? 2 : 5);
	/* bounce_status() has one buffer */
	if ((to->status = strdup(to->status)) == NULL)
		fatal("strdup");
	if (b->kind == BOUNCE_DELAYED && rcpt != NULL)
		to->until = (int64_t)m->created + rcpt->lane->ttl;
}

/*
 * What is sent back of the message, to free.  A large one's file is not read
 * through for this: its begin must do, whatever RET says.
 */
static void
bounce_original(struct bounce *b, struct message *m,
    const struct envelope *e, struct bounce_text *text)
{
	uint64_t	 size;
	ssize_t		 n;
	char		*begin;

	if (!(m->flags & MESSAGE_LARGE)) {
		text->content = spool_read_content(m->ref, &size);
		text->len = text->content == NULL ? 0 : size;
		text->full = text->len <= BOUNCE_FULL && e->ret != NULL &&
		    strcasecmp(e->ret, "FULL") == 0 &&
		    (b->kind == BOUNCE_FAILED || b->kind == BOUNCE_EXPIRED);
		return;
	}
	if ((begin = malloc(BOUNCE_FULL)) == NULL)
		return;
	if ((n = spool_large_begin(m->id, m->content, begin,
	    BOUNCE_FULL)) == -1) {
		log_warn("content of message %s", id_text(m->id));
		free(begin);
		return;
	}
	text->content = begin;
	text->len = bounce_header(begin, (size_t)n);
}

/* The text of it, from envelope and content; NULL: it cannot be made. */
static char *
bounce_make(struct bounce *b, struct message *m, const struct envelope *e,
    size_t *len)
{
	const struct envelope_rcpt	*er;
	struct bounce_text		 text;
	struct bounce_item		*item;
	struct bounce_rcpt		*rcpts;
	char				*made;
	size_t				 i;

	if ((rcpts = calloc(b->nitems, sizeof(*rcpts))) == NULL)
		fatal("calloc");
	memset(&text, 0, sizeof(text));
	STAILQ_FOREACH(item, &b->items, entry)
		if ((er = envelope_rcpt(e, item->number)) != NULL)
			bounce_fill_rcpt(&rcpts[text.nrcpts++], b, item, er,
			    m);
	text.kind = b->kind;
	text.hostname = queue_config()->hostname;
	text.sender = e->sender;
	text.envid = e->envid;
	text.arrived = (int64_t)(e->created / 1000000);
	text.now = (int64_t)loop_epoch();
	text.id = m->id;
	text.eightbit = e->eightbit || e->smtputf8;
	text.rcpts = rcpts;
	bounce_original(b, m, e, &text);
	made = bounce_compose(&text, len);
	for (i = 0; i < text.nrcpts; i++)
		free((char *)rcpts[i].status);
	free(rcpts);
	free((char *)text.content);
	return (made);
}

/* No notification can be made or sent: they end without one. */
static void
bounce_give_up(struct bounce *b, const char *why)
{
	struct bounce_item	*item;
	struct rcpt		*rcpt;

	STAILQ_FOREACH(item, &b->items, entry)
		if ((rcpt = item_rcpt(b, item)) != NULL)
			bounce_silent(rcpt, b->kind, item->words, why);
	bounce_free(b);
}

static void
bounce_send(struct bounce *b)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;
	struct message			*m;
	struct rcpt			*rcpt;
	struct ipc			*smtpd;
	size_t				 len;
	const char			*group;
	char				*text;

	if ((m = message_find(b->message)) == NULL) {
		bounce_free(b);
		return;
	}
	if ((e = message_envelope(m)) == NULL) {
		bounce_give_up(b, "its envelope cannot be read");
		return;
	}
	er = envelope_rcpt(e, STAILQ_FIRST(&b->items)->number);
	smtpd = queue_smtpd();
	text = er == NULL || smtpd == NULL ? NULL :
	    bounce_make(b, m, e, &len);
	if (text == NULL) {
		bounce_again(b);
		return;
	}
	rcpt = item_rcpt(b, STAILQ_FIRST(&b->items));
	if (b->group == NULL && rcpt != NULL &&
	    (group = group_of(rcpt, er)) != NULL)
		b->group = strdup(group);
	free(b->sender);
	if ((b->sender = strdup(e->sender)) == NULL)
		fatal("strdup");
	bounce_unlist(b);
	ipc_begin(smtpd, QUEUE_BOUNCE);
	ipc_put_u64(smtpd, b->id);
	ipc_put_str(smtpd, e->sender);
	ipc_put_str(smtpd, er->action);
	ipc_put_bytes(smtpd, text, len);
	ipc_end(smtpd);
	free(text);
	queue_stats()->bounces++;
}

static void
bounce_job(void *arg)
{
	struct bounce	*b, *next;

	/* each leaves the list, or ends */
	TAILQ_FOREACH_SAFE(b, &bounces.gathers, entry, next)
		bounce_send(b);
}

void
bounce_tick(void)
{
	struct bounce	*b;
	int		 left = BOUNCES_BUSY;

	while ((b = TAILQ_FIRST(&bounces.waits)) != NULL && left-- > 0 &&
	    (int32_t)(b->again - loop_seconds()) <= 0)
		bounce_send(b);
}

void
bounce_smtpd_gone(void)
{
	struct bounce	*b;

	RB_FOREACH(b, bounce_tree, &bounces.tree)
		if (b->stage == BOUNCE_SENT && !b->storing)
			bounce_again(b);
}

int
bounce_claim(uint64_t id, uint64_t tx, const char **binding,
    const char **group)
{
	struct bounce	*b;

	*binding = *group = NULL;
	if ((b = bounce_find(id)) == NULL || b->stage != BOUNCE_SENT ||
	    b->tx != 0)
		return (-1);
	b->tx = tx;
	if (b->binding[0] != '\0') {
		*binding = b->binding;
		*group = b->group;
	}
	return (0);
}

int
bounce_is_of(uint64_t id, uint64_t tx)
{
	const struct bounce	*b = bounce_find(id);

	return (b != NULL && tx != 0 && b->tx == tx);
}

int
bounce_goes_to(uint64_t id, uint64_t tx, const char *address)
{
	return (bounce_is_of(id, tx) &&
	    strcmp(bounce_find(id)->sender, address) == 0);
}

void
bounce_record(uint64_t id)
{
	struct bounce_item	*item;
	struct bounce		*b;
	struct rcpt		*rcpt;

	if ((b = bounce_find(id)) == NULL)
		return;
	b->storing = 1;
	if (b->kind == BOUNCE_DELAYED || b->kind == BOUNCE_RELAYED)
		return;
	STAILQ_FOREACH(item, &b->items, entry)
		if ((rcpt = item_rcpt(b, item)) != NULL)
			spool_result(b->message, rcpt->number,
			    bounce_state(b->kind), NULL, NULL);
}

void
bounce_stored(uint64_t id, uint64_t tx, int error)
{
	struct bounce_item	*item;
	struct bounce		*b;
	struct rcpt		*rcpt;

	if (!bounce_is_of(id, tx))
		return;
	b = bounce_find(id);
	if (error != 0) {
		bounce_again(b);
		return;
	}
	STAILQ_FOREACH(item, &b->items, entry) {
		if (b->kind == BOUNCE_DELAYED ||
		    (rcpt = item_rcpt(b, item)) == NULL)
			continue;
		if (b->kind != BOUNCE_RELAYED)
			bounce_log(rcpt, b->kind, item->words, NULL);
		rcpt_finish(rcpt);
	}
	bounce_free(b);
}

void
bounce_refused(struct ipc *ipc, struct ipc_msg *msg)
{
	const char	*why;
	struct bounce	*b;

	b = bounce_find(ipc_get_u64(msg));
	why = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1 || b == NULL ||
	    b->stage != BOUNCE_SENT || b->storing)
		return;
	if (why == NULL)
		why = "refused";
	log_warnx("bounce of message %s not accepted: %s",
	    id_text(b->message), why);
	if (++b->tries < BOUNCE_TRIES || why[0] == '4')
		bounce_again(b);
	else
		bounce_give_up(b, why);
}
