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
 * What mta counts over hours (long rates) and cannot keep itself: a time by
 * key, as mta told it, in the spool and told again to each new mta.  Its
 * meaning is mta's; here only a time that is past is forgotten.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "queue/queue.h"

struct counter_time {
	RB_ENTRY(counter_time)	 node;
	uint64_t		 time;	/* microseconds since the Epoch */
	char			 key[];
};
RB_HEAD(counter_times, counter_time);

static int	 counter_compare(const struct counter_time *,
		    const struct counter_time *);
RB_PROTOTYPE(counter_times, counter_time, node, counter_compare);

static struct {
	struct counter_times	 tree;
} counter = { RB_INITIALIZER(&counter.tree) };

RB_GENERATE(counter_times, counter_time, node, counter_compare);

static int
counter_compare(const struct counter_time *a, const struct counter_time *b)
{
	return (strcmp(a->key, b->key));
}

static const struct counter_time *
counter_set(const char *key, uint64_t time)
{
	struct counter_time	*c, *old;
	size_t			 size = strlen(key) + 1;

	if ((c = calloc(1, sizeof(*c) + size)) == NULL)
		fatal("calloc");
	memcpy(c->key, key, size);
	if ((old = RB_INSERT(counter_times, &counter.tree, c)) != NULL) {
		free(c);
		c = old;
	}
	c->time = time;
	return (c);
}

static int
counter_past(const struct counter_time *c)
{
	return (c->time <= (uint64_t)schedule_now() * 1000000);
}

static void
counter_record(const struct counter_time *c)
{
	char	 text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)c->time);
	spool_counter(c->key, text);
}

void
counter_replay(const char *key, const char *value)
{
	const char	*error;
	long long	 time;

	time = strtonum(value, 0, INT64_MAX, &error);
	if (error == NULL)
		(void)counter_set(key, (uint64_t)time);
}

/* For a new segment; what is past goes. */
void
counter_checkpoint(void)
{
	struct counter_time	*c, *next;

	RB_FOREACH_SAFE(c, counter_times, &counter.tree, next) {
		if (!counter_past(c)) {
			counter_record(c);
			continue;
		}
		RB_REMOVE(counter_times, &counter.tree, c);
		free(c);
	}
}

void
counter_told(struct ipc *mta, struct ipc_msg *msg)
{
	const char	*key;
	uint64_t	 time;

	key = ipc_get_str(msg);
	time = ipc_get_u64(msg);
	ipc_get_end(msg);
	if (key != NULL)
		counter_record(counter_set(key, time));
}

void
counter_tell(struct ipc *mta)
{
	struct counter_time	*c;

	RB_FOREACH(c, counter_times, &counter.tree) {
		if (counter_past(c))
			continue;
		ipc_begin(mta, QUEUE_RATE);
		ipc_put_str(mta, c->key);
		ipc_put_u64(mta, c->time);
		ipc_end(mta);
	}
}
