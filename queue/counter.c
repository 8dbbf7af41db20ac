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
 * meaning is mta's; here only a time that is past is forgotten.  However much
 * mta tells, a key is recorded once a second, and there is an end to keys.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "queue/counter.h"
#include "queue/queue_binding.h"
#include "queue/schedule.h"
#include "queue/spool.h"

#define COUNTERS_MAX	100000
#define KEY_MAX		(NAME_MAX_LEN + DOMAIN_MAX + 16)

struct counter_time {
	RB_ENTRY(counter_time)	 node;
	TAILQ_ENTRY(counter_time) entry;
	uint64_t		 time;	/* microseconds since the Epoch */
	uint8_t			 fresh;	/* told, not recorded yet */
	char			 key[];
};
RB_HEAD(counter_times, counter_time);

static int	 counter_compare(const struct counter_time *,
		    const struct counter_time *);
RB_PROTOTYPE(counter_times, counter_time, node, counter_compare);

static struct {
	struct counter_times	 tree;
	TAILQ_HEAD(, counter_time) fresh;
	uint32_t		 count;
} counter = {
	.tree = RB_INITIALIZER(&counter.tree),
	.fresh = TAILQ_HEAD_INITIALIZER(counter.fresh),
};

RB_GENERATE(counter_times, counter_time, node, counter_compare);

static int
counter_compare(const struct counter_time *a, const struct counter_time *b)
{
	return (strcmp(a->key, b->key));
}

static int
counter_past(const struct counter_time *c)
{
	return (c->time <= (uint64_t)schedule_now() * 1000000);
}

static void
counter_forget(struct counter_time *c)
{
	if (c->fresh)
		TAILQ_REMOVE(&counter.fresh, c, entry);
	RB_REMOVE(counter_times, &counter.tree, c);
	counter.count--;
	free(c);
}

static void
counter_forget_past(void)
{
	struct counter_time	*c, *next;

	RB_FOREACH_SAFE(c, counter_times, &counter.tree, next)
		if (counter_past(c))
			counter_forget(c);
}

/* NULL: there are too many. */
static struct counter_time *
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
	} else
		counter.count++;
	c->time = time;
	if (counter.count <= COUNTERS_MAX)
		return (c);
	counter_forget(c);
	return (NULL);
}

/* "BINDING", "BINDING domain D", "BINDING site S" */
static int
key_valid(const char *key)
{
	size_t	 len = strcspn(key, " ");
	char	 name[NAME_MAX_LEN + 1];

	if (strlen(key) >= KEY_MAX || len > NAME_MAX_LEN)
		return (0);
	memcpy(name, key, len);
	name[len] = '\0';
	return (queue_binding_named(name) != NULL);
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
	struct counter_time	*c;

	counter_forget_past();
	RB_FOREACH(c, counter_times, &counter.tree)
		counter_record(c);
}

void
counter_told(struct ipc *mta, struct ipc_msg *msg)
{
	struct counter_time	*c;
	const char		*key;
	uint64_t		 time;

	key = ipc_get_str(msg);
	time = ipc_get_u64(msg);
	if (ipc_get_end(msg) == -1 || key == NULL || !key_valid(key) ||
	    time > INT64_MAX)
		return;
	if ((c = counter_set(key, time)) == NULL || c->fresh)
		return;
	c->fresh = 1;
	TAILQ_INSERT_TAIL(&counter.fresh, c, entry);
}

void
counter_tick(void)
{
	struct counter_time	*c;

	while ((c = TAILQ_FIRST(&counter.fresh)) != NULL) {
		TAILQ_REMOVE(&counter.fresh, c, entry);
		c->fresh = 0;
		counter_record(c);
	}
	if (counter.count == COUNTERS_MAX)
		counter_forget_past();
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
