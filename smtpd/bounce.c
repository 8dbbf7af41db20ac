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
 * Bounces come in by the same door as all mail: queue hands one over, the
 * match rules say what becomes of it as if it came from the local socket, and
 * it goes back to queue as a transaction of its own.  Called by the channel
 * from queue; a bounce makes no bounce.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/rules.h"
#include "smtpd/smtpd.h"

struct bounce {
	uint64_t	 id;		/* queue's */
	struct intake	*intake;
	size_t		 done;		/* octets of content handed on */
	size_t		 len;
	int		 traced;	/* Received was written */
	struct rcpt_command rcpt;
	char		 content[];
};

static void	 bounce_rcpt_answer(void *, uint32_t, uint16_t, const char *,
		    const char *);
static void	 bounce_ready(void *);
static void	 bounce_stored_answer(void *, uint16_t, const char *);

static const struct intake_owner owner = {
	.rcpt =		bounce_rcpt_answer,
	.ready =	bounce_ready,
	.stored =	bounce_stored_answer
};

static void
bounce_free(struct bounce *b)
{
	intake_free(b->intake);
	free(b);
	server_idle();
}

/* No way back; why begins with the reply code where there is one. */
static void
refuse(uint64_t id, const char *why)
{
	struct ipc	*queue = server_queue();

	ipc_begin(queue, SMTPD_BOUNCE_REFUSED);
	ipc_put_u64(queue, id);
	ipc_put_str(queue, why);
	ipc_end(queue);
}

static void
bounce_rcpt_answer(void *arg, uint32_t number, uint16_t code,
    const char *reply, const char *cause)
{
	struct bounce	*b = arg;
	char		 why[REPLY_MAX];

	if (code == 250) {
		bounce_ready(b);
		return;
	}
	(void)snprintf(why, sizeof(why), "%u %s", code,
	    reply != NULL ? reply : "4.3.0 Try later");
	refuse(b->id, why);
	bounce_free(b);
}

static int
trace(struct bounce *b)
{
	struct received	 r;
	char		 text[RECEIVED_MAX];

	memset(&r, 0, sizeof(r));
	r.by = server_config()->hostname;
	r.id = intake_message(b->intake);
	r.rcpt = b->rcpt.address;
	r.now = loop_epoch();
	if (intake_append(b->intake, text,
	    received_write(&r, text, sizeof(text))) == -1)
		return (-1);
	b->traced = 1;
	return (0);
}

/* As much of the content as there is room for.  -1: there is more. */
static int
fill(struct bounce *b)
{
	char	*room;
	size_t	 n;

	if (!b->traced && trace(b) == -1)
		return (-1);
	while (b->done < b->len) {
		n = intake_room(b->intake, 1, b->len - b->done, &room);
		if (n == 0)
			return (-1);
		memcpy(room, b->content + b->done, n);
		intake_used(b->intake, n);
		b->done += n;
	}
	return (0);
}

static void
bounce_ready(void *arg)
{
	struct bounce	*b = arg;

	if (fill(b) == 0 && intake_commit(b->intake, 0) == 0)
		return;
	if (intake_failed(b->intake) == NULL)
		return;			/* room is due */
	refuse(b->id, intake_failed(b->intake));
	bounce_free(b);
}

/* queue knows already what became of it. */
static void
bounce_stored_answer(void *arg, uint16_t code, const char *reply)
{
	bounce_free(arg);
}

/*
 * What the match rules make of it; where none takes it, the failed message's
 * own action: who could send by it can be told by it.
 */
static const struct action *
bounce_action(const struct facts *facts, const char *rcpt,
    const char *failed, const char **why)
{
	const struct config	*conf = server_config();
	const struct rule	*rule;
	const struct action	*action;

	rule = rules_match(conf, facts, rcpt);
	if (rule != NULL && rule->reject) {
		*why = "550 5.7.1 The sender is refused by a rule";
		return (NULL);
	}
	if (rule != NULL)
		failed = rule->target;
	action = failed == NULL ? NULL : config_action(conf, failed);
	if (action == NULL)
		*why = "550 5.3.5 No rule and no action takes the sender";
	return (action);
}

static void
bounce_start(struct bounce *b, const char *failed)
{
	struct mail_command			 mail;
	const struct action			*action;
	struct facts				 facts;
	const char				*why;

	memset(&facts, 0, sizeof(facts));
	facts.sender = "";
	facts.socket = 1;
	facts.local = 1;
	facts.bounce = 1;
	memset(&mail, 0, sizeof(mail));
	mail.utf8 = syntax_eightbit(b->rcpt.address);
	action = bounce_action(&facts, b->rcpt.address, failed, &why);
	if (action == NULL) {
		refuse(b->id, why);
		bounce_free(b);
		return;
	}
	b->intake = intake_new(&owner, b, &facts, &mail, b->id);
	if (b->intake == NULL) {
		refuse(b->id, "451 4.3.0 Out of memory");
		bounce_free(b);
		return;
	}
	(void)intake_rcpt(b->intake, &b->rcpt, action);
}

void
bounce_on_bounce(struct ipc *ipc, struct ipc_msg *msg)
{
	uint64_t	 id = ipc_get_u64(msg);
	const char	*rcpt = ipc_get_str(msg);
	const char	*failed = ipc_get_str(msg);
	size_t		 len;
	const void	*content = ipc_get_bytes(msg, &len);
	struct bounce	*b;

	ipc_get_end(msg);
	if (rcpt == NULL || (b = calloc(1, sizeof(*b) + len)) == NULL) {
		refuse(id, "451 4.3.0 Out of memory");
		return;
	}
	b->id = id;
	b->len = len;
	memcpy(b->content, content, len);
	if (strlcpy(b->rcpt.address, rcpt, sizeof(b->rcpt.address)) >=
	    sizeof(b->rcpt.address)) {
		refuse(id, "553 5.1.3 The sender's address is too long");
		bounce_free(b);
		return;
	}
	/* RFC 3461 6.2: no word about the fate of a bounce */
	strlcpy(b->rcpt.notify, "NEVER", sizeof(b->rcpt.notify));
	bounce_start(b, failed);
}
