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
 * What mta is doing just now.  Nothing is told on the way: queue asks when
 * somebody wants to know, keeps the answer as long as that command runs, and
 * does without where mta is silent.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/task.h"
#include "lib/text.h"
#include "queue/client.h"
#include "queue/doing.h"
#include "queue/handout.h"
#include "queue/lane.h"
#include "queue/queue.h"

/* Rows kept for one command: more than mta has connections and attempts. */
#define ROWS_MAX	20000
/* Seconds that an answer is waited for. */
#define ANSWER_SECONDS	2

struct doing_row {
	uint32_t	 lane;
	uint64_t	 task;
	uint8_t		 step;
	uint32_t	 number;
	char		*text;
};

struct doing_answer {
	TAILQ_ENTRY(doing_answer) entry;
	uint32_t	 client;
	uint32_t	 asked;		/* loop_seconds() */
	int		 whole;		/* the end came, or was given up */
	void		(*done)(struct client *);
	size_t		 nrows;
	size_t		 size;
	struct doing_row *rows;
};

static struct {
	TAILQ_HEAD(, doing_answer) answers;
} doings = { .answers = TAILQ_HEAD_INITIALIZER(doings.answers) };

static struct doing_answer *
doing_find(uint32_t client)
{
	struct doing_answer	*a;

	TAILQ_FOREACH(a, &doings.answers, entry)
		if (a->client == client)
			break;
	return (a);
}

void
doing_forget(uint32_t client)
{
	struct doing_answer	*a;
	size_t			 i;

	if ((a = doing_find(client)) == NULL)
		return;
	TAILQ_REMOVE(&doings.answers, a, entry);
	for (i = 0; i < a->nrows; i++)
		free(a->rows[i].text);
	free(a->rows);
	free(a);
}

/* The command goes on with what there is. */
static void
doing_end(struct doing_answer *a)
{
	struct client	*client = control_client(a->client);

	if (a->whole)
		return;
	a->whole = 1;
	if (client != NULL)
		a->done(client);
}

void
doing_ask(struct client *client, const struct lane *lane,
    void (*done)(struct client *))
{
	struct doing_answer	*a;
	struct ipc		*mta = queue_mta();
	char			 id[16];

	doing_forget(client->number);
	if ((a = calloc(1, sizeof(*a))) == NULL)
		fatal("calloc");
	a->client = client->number;
	a->asked = loop_seconds();
	a->done = done;
	TAILQ_INSERT_TAIL(&doings.answers, a, entry);
	if (mta == NULL) {
		doing_end(a);
		return;
	}
	ipc_begin(mta, QUEUE_ASK);
	ipc_put_u32(mta, client->number);
	ipc_put_u32(mta, lane == NULL ? 1 : 2);
	ipc_put_str(mta, "doing");
	if (lane != NULL) {
		(void)snprintf(id, sizeof(id), "%u", lane->id);
		ipc_put_str(mta, id);
	}
	ipc_end(mta);
}

static void
doing_add(struct doing_answer *a, const struct doing *d)
{
	struct doing_row	*rows;
	size_t			 size;

	if (a->nrows >= ROWS_MAX)
		return;
	if (a->nrows == a->size) {
		size = a->size == 0 ? 64 : a->size * 2;
		if ((rows = reallocarray(a->rows, size, sizeof(*rows))) ==
		    NULL)
			return;
		a->rows = rows;
		a->size = size;
	}
	rows = &a->rows[a->nrows];
	rows->lane = d->lane;
	rows->task = d->task;
	rows->step = d->step;
	rows->number = d->number;
	if ((rows->text = strdup(d->text)) != NULL)
		a->nrows++;
}

void
doing_got(struct ipc *mta, struct ipc_msg *msg)
{
	struct doing_answer	*a;
	struct binding		*binding;
	struct doing		 d;
	uint32_t		 client;
	uint8_t			 more;

	client = ipc_get_u32(msg);
	more = ipc_get_u8(msg);
	doing_get(msg, &d);
	if (ipc_get_end(msg) == -1 || (a = doing_find(client)) == NULL ||
	    a->whole)
		return;
	if (!more)
		doing_end(a);
	else if (d.step != STEP_BINDING)
		doing_add(a, &d);
	else if ((binding = queue_binding_find(d.text)) != NULL)
		binding->connections = d.number;
}

/* What mta was asked for is what there is from now on. */
static void
doing_end_older(uint32_t asked)
{
	struct doing_answer	*a, *next;

	TAILQ_FOREACH_SAFE(a, &doings.answers, entry, next)
		if (a->asked <= asked)
			doing_end(a);
}

void
doing_mta_gone(void)
{
	doing_end_older(UINT32_MAX);
}

void
doing_tick(void)
{
	doing_end_older(loop_seconds() - ANSWER_SECONDS);
}

/* The row of a task, or of an attempt of the lane (task 0). */
static const char *
doing_text(const struct client *client, const struct lane *lane,
    uint64_t task, char *buf, size_t size)
{
	const struct doing_answer	*a = doing_find(client->number);
	const struct doing_row		*found = NULL;
	size_t				 i;

	buf[0] = '\0';
	for (i = 0; a != NULL && found == NULL && i < a->nrows; i++)
		if (a->rows[i].lane == lane->id && a->rows[i].task == task)
			found = &a->rows[i];
	if (found != NULL)
		(void)snprintf(buf, size, "%s%s%s%s for %s",
		    step_text(found->step),
		    found->text[0] != '\0' ? " (" : "", found->text,
		    found->text[0] != '\0' ? ")" : "",
		    duration_text(found->number));
	return (buf);
}

const char *
doing_lane(const struct client *client, const struct lane *lane, char *buf,
    size_t size)
{
	return (doing_text(client, lane, 0, buf, size));
}

const char *
doing_rcpt(const struct client *client, struct rcpt *rcpt, char *buf,
    size_t size)
{
	const struct handout	*h = NULL;

	if (rcpt->place == PLACE_HAND)
		h = handout_of(rcpt);
	return (doing_text(client, rcpt->lane, h == NULL ? 0 : h->id, buf,
	    size));
}
