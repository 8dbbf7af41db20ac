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
 * What became of a transaction: one log line for each recipient, one message
 * to queue for all.  Every way that one can end leads through here.
 */

#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "mta/connection.h"
#include "mta/outbound.h"
#include "mta/work.h"

static struct {
	struct results	 results;	/* those being put together */
} report;

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
outbound_delay(const struct outbound *o)
{
	uint64_t	 now = loop_usec();

	return (now <= o->created ? 0 : (now - o->created) / 100000);
}

static void
report_line(const struct connection *c, const struct outbound *o,
    const struct outbound_rcpt *r, const char *cause, const char *reply)
{
	struct logline		 l;
	unsigned long long	 delay = outbound_delay(o);

	logline_start(&l, outcome_event(r->outcome));
	logline_add(&l, "id", "%016llx.%u", (unsigned long long)o->message,
	    r->number);
	logline_add(&l, "from", "<%s>", o->sender);
	logline_add(&l, "to", "<%s>", r->address);
	logline_add(&l, "binding", "%s", c->binding->name);
	if (r->rule == 0)
		logline_add(&l, "rule", "default");
	else
		logline_add(&l, "rule", "%u", r->rule);
	report_place(&l, &c->place);
	logline_add(&l, "try", "%u", r->try);
	logline_add(&l, "delay", "%llu.%llus", delay / 10, delay % 10);
	if (r->outcome == OUTCOME_TEMPFAIL)
		logline_add(&l, "next", "%s", duration_text(r->retry));
	if (r->outcome != OUTCOME_DELIVERED)
		logline_add(&l, "cause", "%s", cause);
	logline_text(&l, "stat", reply);
	logline_end(&l);
}

static void
report_send(const struct results *rs)
{
	struct ipc	*queue = mta_queue();

	if (queue == NULL)
		return;
	ipc_begin(queue, MTA_RESULT);
	results_put(queue, rs);
	ipc_end(queue);
}

void
report_results(struct connection *c, const char *cause, const char *reply,
    int pull)
{
	struct outbound		*o = c->task;
	struct results		*rs = &report.results;
	struct task_result	*to;
	struct outbound_rcpt	*r;
	uint32_t		 i;

	rs->task = o->id;
	rs->count = o->nrcpts;
	for (i = 0; i < o->nrcpts; i++) {
		r = &o->rcpts[i];
		to = &rs->result[i];
		to->number = r->number;
		to->outcome = (uint8_t)r->outcome;
		to->remote = r->remote;
		to->cause = r->reply != NULL ? "remote" : cause;
		to->reply = r->reply != NULL ? r->reply : reply;
		to->host = c->place.mx;
		to->dsn_relayed = c->dsn && r->outcome == OUTCOME_DELIVERED;
		if (r->outcome != OUTCOME_RETURNED)
			report_line(c, o, r, to->cause, to->reply);
	}
	memset(&rs->pull, 0, sizeof(rs->pull));
	if (pull)
		connection_fill_pull(c, &rs->pull);
	report_send(rs);
	c->task = NULL;
	outbound_free(o);
}

void
report_unwanted(const struct task *task)
{
	struct results	*rs = &report.results;
	uint32_t	 i;

	if (task->fd != -1)
		close(task->fd);
	memset(rs, 0, sizeof(*rs));
	rs->task = task->id;
	rs->count = task->nrcpts;
	for (i = 0; i < task->nrcpts; i++) {
		rs->result[i].number = task->rcpts[i].number;
		rs->result[i].outcome = OUTCOME_RETURNED;
		rs->result[i].cause = "local";
		rs->result[i].reply = "";
	}
	report_send(rs);
}
