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
 * Tasks in hand: one allocation each, found by the task's id when its content
 * comes.  An item ends in exactly one of two ways: report_item() tells queue
 * what became of each recipient, item_return() gives it back unsent.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "mta/mta.h"

RB_HEAD(item_tree, item);

static struct {
	struct item_tree	 tree;
} items;

static int
item_compare(const struct item *a, const struct item *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

RB_PROTOTYPE(item_tree, item, node, item_compare);
RB_GENERATE(item_tree, item, node, item_compare)

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
item_copy_rcpts(struct item *item, const struct task *t, char **at)
{
	const struct task_rcpt	*from;
	struct item_rcpt	*to;
	uint32_t		 i;

	for (i = 0; i < t->nrcpts; i++) {
		from = &t->rcpts[i];
		to = &item->rcpts[i];
		to->number = from->number;
		to->rule = from->rule;
		to->retry = from->retry;
		to->try = from->try;
		to->outcome = ITEM_OPEN;
		to->address = text_copy(at, from->address);
		to->orcpt = text_copy(at, from->orcpt);
		to->notify = text_copy(at, from->notify);
	}
	item->nrcpts = t->nrcpts;
}

struct item *
item_new(const struct task *t, struct lane *lane)
{
	struct item	*item;
	size_t		 size = sizeof(*item);
	char		*at;

	size += t->nrcpts * sizeof(item->rcpts[0]);
	if ((item = calloc(1, size + task_text_size(t))) == NULL)
		fatal("item_new");
	at = (char *)item + size;
	item->id = t->id;
	item->message = t->message;
	item->created = t->created;
	item->size = t->size;
	item->lane = lane;
	item->sender = text_copy(&at, t->sender);
	item->action = text_copy(&at, t->action);
	item->ret = text_copy(&at, t->ret);
	item->envid = text_copy(&at, t->envid);
	item->eightbit = t->eightbit;
	item->smtputf8 = t->smtputf8;
	item->fd = -1;
	item_copy_rcpts(item, t, &at);
	RB_INSERT(item_tree, &items.tree, item);
	return (item);
}

void
item_free(struct item *item)
{
	uint32_t	 i;

	RB_REMOVE(item_tree, &items.tree, item);
	for (i = 0; i < item->nrcpts; i++)
		free(item->rcpts[i].reply);
	if (item->fd != -1)
		close(item->fd);
	free(item->content);
	free(item);
}

struct item *
item_find(uint64_t id)
{
	struct item	 key;

	key.id = id;
	return (RB_FIND(item_tree, &items.tree, &key));
}

void
item_fetch(struct item *item)
{
	if (item->asked || mta_queue() == NULL)
		return;
	item->asked = 1;
	ipc_begin(mta_queue(), MTA_FETCH);
	ipc_put_u64(mta_queue(), item->id);
	ipc_end(mta_queue());
}

void
item_content(struct item *item, uint64_t length, const void *bytes,
    size_t len, int fd)
{
	item->arrived = 1;
	item->length = length;
	if (fd != -1) {
		item->fd = fd;
		return;
	}
	if (len != length)
		item->length = 0;
	if (item->length == 0)
		return;
	if ((item->content = malloc(len)) == NULL)
		fatal("item_content");
	memcpy(item->content, bytes, len);
}

void
item_return(struct item *item)
{
	if (mta_queue() != NULL) {
		ipc_begin(mta_queue(), MTA_RETURN);
		ipc_put_u64(mta_queue(), item->id);
		ipc_end(mta_queue());
	}
	item_free(item);
}

void
item_settle(struct item *item, enum outcome outcome)
{
	uint32_t	 i;

	for (i = 0; i < item->nrcpts; i++)
		if (item->rcpts[i].outcome == ITEM_OPEN)
			item->rcpts[i].outcome = (int8_t)outcome;
}

void
item_rcpt_settle(struct item *item, uint32_t i, enum outcome outcome,
    const char *reply)
{
	struct item_rcpt	*r = &item->rcpts[i];

	if (r->outcome != ITEM_OPEN)
		return;
	r->outcome = (int8_t)outcome;
	if ((r->reply = strdup(reply)) == NULL)
		fatal("item_rcpt_settle");
}

void
item_free_all(void)
{
	struct item	*item;

	while ((item = RB_ROOT(&items.tree)) != NULL)
		item_free(item);
}
