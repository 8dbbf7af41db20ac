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
 * A task in hand, in one allocation.  It ends in report_results(), which tells
 * queue what became of each recipient.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "mta/outbound.h"

static size_t
text_size(const char *text)
{
	return (text == NULL ? 0 : strlen(text) + 1);
}

static const char *
text_copy(char **at, const char *text)
{
	char	*copy = *at;
	size_t	 size = text_size(text);

	if (text == NULL)
		return (NULL);
	memcpy(copy, text, size);
	*at += size;
	return (copy);
}

/* Octets of all strings of a task. */
static size_t
task_text_size(const struct task *t)
{
	size_t		 size;
	uint32_t	 i;

	size = text_size(t->sender) + text_size(t->action) +
	    text_size(t->ret) + text_size(t->envid);
	for (i = 0; i < t->nrcpts; i++)
		size += text_size(t->rcpts[i].address) +
		    text_size(t->rcpts[i].orcpt) +
		    text_size(t->rcpts[i].notify);
	return (size);
}

static void
outbound_copy_rcpts(struct outbound *o, const struct task *t, char **at)
{
	const struct task_rcpt	*from;
	struct outbound_rcpt	*to;
	uint32_t		 i;

	for (i = 0; i < t->nrcpts; i++) {
		from = &t->rcpts[i];
		to = &o->rcpts[i];
		to->number = from->number;
		to->rule = from->rule;
		to->retry = from->retry;
		to->try = from->try;
		to->outcome = OUTBOUND_OPEN;
		to->address = text_copy(at, from->address);
		to->orcpt = text_copy(at, from->orcpt);
		to->notify = text_copy(at, from->notify);
	}
	o->nrcpts = t->nrcpts;
}

struct outbound *
outbound_new(const struct task *t)
{
	struct outbound	*o;
	size_t		 size = sizeof(*o);
	char		*at;

	size += t->nrcpts * sizeof(o->rcpts[0]);
	if ((o = calloc(1, size + task_text_size(t))) == NULL)
		fatal("calloc");
	at = (char *)o + size;
	o->id = t->id;
	o->message = t->message;
	o->created = t->created;
	o->size = t->size;
	o->sender = text_copy(&at, t->sender);
	o->action = text_copy(&at, t->action);
	o->ret = text_copy(&at, t->ret);
	o->envid = text_copy(&at, t->envid);
	o->eightbit = t->eightbit;
	o->smtputf8 = t->smtputf8;
	o->fd = t->fd;
	outbound_copy_rcpts(o, t, &at);
	if (t->content == NULL)
		return (o);
	if ((o->content = malloc(t->size + 1)) == NULL)
		fatal("malloc");
	memcpy(o->content, t->content, t->size);
	return (o);
}

void
outbound_free(struct outbound *o)
{
	uint32_t	 i;

	for (i = 0; i < o->nrcpts; i++)
		free(o->rcpts[i].reply);
	if (o->fd != -1)
		close(o->fd);
	free(o->content);
	free(o);
}

void
outbound_settle(struct outbound *o, enum outcome outcome, int remote)
{
	uint32_t	 i;

	for (i = 0; i < o->nrcpts; i++) {
		if (o->rcpts[i].outcome != OUTBOUND_OPEN)
			continue;
		o->rcpts[i].outcome = (int8_t)outcome;
		o->rcpts[i].remote = remote != 0;
	}
}

void
outbound_settle_rcpt(struct outbound *o, uint32_t i, enum outcome outcome,
    const char *reply)
{
	struct outbound_rcpt	*r = &o->rcpts[i];

	if (r->outcome != OUTBOUND_OPEN)
		return;
	r->outcome = (int8_t)outcome;
	r->remote = 1;
	if ((r->reply = strdup(reply)) == NULL)
		fatal("strdup");
}
