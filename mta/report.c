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
 * What became of an attempt: one log line for each recipient, one message to
 * queue for each item.  Every way that an item can end but "given back" leads
 * through here.
 */

#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "mta/mta.h"

static const char *
outcome_event(int outcome)
{
	switch (outcome) {
	case OUTCOME_DELIVERED:
		return ("delivered");
	case OUTCOME_PERMFAIL:
		return ("permfail");
	case OUTCOME_HELD:
		return ("held");
	default:
		return ("tempfail");
	}
}

static void
report_place(struct logline *l, const struct place *place)
{
	if (place->src.ss_family != 0)
		logline_add(l, "src", "%s",
		    sockaddr_text((const struct sockaddr *)&place->src));
	if (place->ehlo[0] != '\0')
		logline_add(l, "ehlo", "%s", place->ehlo);
	logline_add(l, "mx", "%s", place->mx);
	logline_add(l, "dst", "%s",
	    sockaddr_text_port((const struct sockaddr *)&place->dst));
	logline_add(l, "tls", "%s",
	    place->tls == NULL ? "none" : place->tls);
	if (place->tls != NULL && place->verified != NULL)
		logline_add(l, "verified", "%s", place->verified);
}

/* Tenths of a second since the message came in. */
static unsigned long long
item_delay(const struct item *item)
{
	uint64_t	 now = loop_usec();

	return (now <= item->created ? 0 : (now - item->created) / 100000);
}

static void
report_line(const struct item *item, const struct item_rcpt *r, int outcome,
    const struct place *place, const char *cause, const char *reply)
{
	struct logline		 l;
	unsigned long long	 delay = item_delay(item);

	logline_start(&l, outcome_event(outcome));
	logline_add(&l, "id", "%016llx.%u", (unsigned long long)item->message,
	    r->number);
	logline_add(&l, "from", "<%s>", item->sender);
	logline_add(&l, "to", "<%s>", r->address);
	logline_add(&l, "binding", "%s", item->lane->way->name);
	if (r->rule == 0)
		logline_add(&l, "rule", "default");
	else
		logline_add(&l, "rule", "%u", r->rule);
	if (place != NULL)
		report_place(&l, place);
	logline_add(&l, "try", "%u", r->try);
	logline_add(&l, "delay", "%llu.%llus", delay / 10, delay % 10);
	if (outcome == OUTCOME_TEMPFAIL)
		logline_add(&l, "next", "%s", duration_text(r->retry));
	if (outcome != OUTCOME_DELIVERED)
		logline_add(&l, "cause", "%s", cause);
	logline_text(&l, "stat", reply);
	logline_end(&l);
}

void
report_held(const struct item *item, const struct place *place,
    const char *cause, const char *text)
{
	uint32_t	 i;

	for (i = 0; i < item->nrcpts; i++)
		report_line(item, &item->rcpts[i], OUTCOME_HELD, place, cause,
		    text);
}

void
report_item(struct item *item, const struct place *place, const char *cause,
    const char *reply, int relayed)
{
	struct ipc		*queue = mta_queue();
	struct task_result	 result;
	struct item_rcpt	*r;
	uint32_t		 i;

	if (queue != NULL) {
		ipc_begin(queue, MTA_RESULT);
		ipc_put_u64(queue, item->id);
		ipc_put_u32(queue, item->nrcpts);
	}
	for (i = 0; i < item->nrcpts; i++) {
		r = &item->rcpts[i];
		memset(&result, 0, sizeof(result));
		result.number = r->number;
		result.outcome = (uint8_t)r->outcome;
		result.cause = cause;
		result.reply = r->reply != NULL ? r->reply : reply;
		result.host = place == NULL ? NULL : place->mx;
		result.dsn_relayed = relayed &&
		    r->outcome == OUTCOME_DELIVERED;
		report_line(item, r, r->outcome, place, cause, result.reply);
		if (queue != NULL)
			task_result_put(queue, &result);
	}
	if (queue != NULL)
		ipc_end(queue);
	item_free(item);
}
