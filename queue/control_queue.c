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
 * show queue, show message, show envelope: for every queued recipient which
 * binding by which rule, why it is not delivered, what comes next and when.
 * Addresses and replies are read back from the log.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "queue/client.h"
#include "queue/doing.h"
#include "queue/group.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/suspend.h"

/* One word for where it is. */
static const char *
rcpt_state(const struct rcpt *rcpt)
{
	switch (rcpt->place) {
	case PLACE_HAND:
		return ("sending");
	case PLACE_BOUNCING:
		return ("bouncing");
	case PLACE_HELD:
		return ((rcpt->flags & RCPT_DEATHS) == RCPT_DEATHS ?
		    "suspect" : "held");
	case PLACE_WAIT:
		return (lane_is_suspended(rcpt->lane) ? "suspended" :
		    "deferred");
	case PLACE_URGENT:
		return (lane_stuck(rcpt->lane) ? "held" : "ready");
	default:
		if (lane_is_suspended(rcpt->lane))
			return ("suspended");
		if (lane_is_closed(rcpt->lane))
			return ("deferred");
		return (lane_waits_for_us(rcpt->lane) ? "held" : "ready");
	}
}

/* Why it is not delivered; "" where nothing is in its way. */
static const char *
rcpt_why(const struct client *client, struct rcpt *rcpt,
    const struct envelope_rcpt *er, char *buf, size_t size)
{
	const struct suspension	*s;
	const struct lane	*lane = rcpt->lane;
	const char		*why;
	char			 text[LANE_WHY_MAX];

	why = lane_why(lane, text, sizeof(text));
	if (rcpt->place == PLACE_URGENT && lane_is_closed(lane))
		why = NULL;
	if (why != NULL && strcmp(why, "unknown binding") == 0)
		(void)snprintf(buf, size, "unknown binding %s",
		    lane->binding->name);
	else if (why != NULL && lane->suspended) {
		s = suspend_lane(lane);
		(void)snprintf(buf, size, "suspended by %s%s%s",
		    s == NULL ? "the configuration" : s->by,
		    s != NULL && s->reason != NULL && s->reason[0] != '\0' ?
		    ": " : "", s != NULL && s->reason != NULL ? s->reason :
		    "");
	} else if (why != NULL)
		strlcpy(buf, why, size);
	else if (rcpt->place == PLACE_HELD) {
		if ((rcpt->flags & RCPT_DEATHS) == RCPT_DEATHS)
			strlcpy(buf, "suspect: mta died three times with "
			    "it in hand; schedule or move lets it go", size);
		else if (er == NULL)
			strlcpy(buf, "its envelope cannot be read", size);
		else
			(void)snprintf(buf, size, "unknown action %s",
			    er->action);
	} else if (queue_is_paused("mta"))
		strlcpy(buf, "mta is paused", size);
	else
		(void)doing_rcpt(client, rcpt, buf, size);
	return (buf);
}

static const char *
rcpt_next(const struct rcpt *rcpt)
{
	uint32_t	 now = schedule_now();
	int64_t		 opens;

	if (rcpt->place == PLACE_WAIT)
		return (rcpt->due > now ? duration_text(rcpt->due - now) :
		    "now");
	if (rcpt->place == PLACE_URGENT)
		return ("now");
	if (rcpt->place != PLACE_READY || queue_is_paused("mta"))
		return ("-");
	if (lane_due(rcpt->lane) > 0 && !lane_stuck(rcpt->lane))
		return ("now");
	opens = lane_opens_in(rcpt->lane);
	return (opens >= 0 ? duration_text((uint64_t)opens) : "-");
}

static int
visit_show(struct client *client, struct rcpt *rcpt)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;
	struct control_row		 row;
	struct message			*m = rcpt_message(rcpt);
	char				 id[64], why[600], *reply;
	uint32_t			 now = schedule_now();

	if (client->only_count)
		return (1);
	reply = rcpt->tries > 0 ? rcpt_reply(rcpt) : NULL;
	e = message_envelope(m);
	er = e == NULL ? NULL : envelope_rcpt(e, rcpt->number);
	(void)snprintf(id, sizeof(id), "%s.%u", id_text(m->id),
	    rcpt->number);
	control_row_start(&row);
	control_row_text(&row, "id", id);
	control_row_text(&row, "state", rcpt_state(rcpt));
	control_row_text(&row, "binding", rcpt->lane->binding->name);
	control_row_text(&row, "from", e == NULL ? "?" : e->sender);
	control_row_text(&row, "to", er == NULL ? "?" : er->address);
	control_row_text(&row, "age", duration_text(now > m->created ?
	    now - m->created : 0));
	control_row_number(&row, "tries", rcpt->tries);
	control_row_text(&row, "next", rcpt_next(rcpt));
	control_row_number(&row, "size", (long long)m->content);
	control_row_number(&row, "arrived", m->created);
	control_row_text(&row, "reason",
	    rcpt_why(client, rcpt, er, why, sizeof(why)));
	control_row_text(&row, "reply", reply == NULL ? "" : reply);
	control_row_send(client, &row);
	free(reply);
	return (1);
}

static void
done_quiet(struct client *client)
{
	control_done(client, "%s", "");
}

static void
done_count(struct client *client)
{
	control_done(client, "%llu recipient%s",
	    (unsigned long long)client->count,
	    client->count == 1 ? "" : "s");
}

static void
show_queue_walk(struct client *client)
{
	control_walk(client, visit_show, done_quiet);
}

void
show_queue(struct client *client, char **words, int n)
{
	const char	*error;
	int		 used;

	if (n == 0) {
		client->filter.older = -1;
		client->filter.all = 1;
		used = 0;
	} else if ((used = filter_parse(&client->filter, words, n,
	    &error)) == -1) {
		control_error(client, "%s", error);
		return;
	}
	if (used < n) {
		control_error(client, "%s: not understood", words[used]);
		return;
	}
	if (client->only_count)
		control_walk(client, visit_show, done_count);
	else
		doing_ask(client, NULL, show_queue_walk);
}

static void
fact(struct client *client, const char *name, const char *value)
{
	struct control_row	 row;

	if (value == NULL)
		return;
	control_row_start(&row);
	control_row_text(&row, "field", name);
	control_row_text(&row, "value", value);
	control_row_send(client, &row);
}

static void
fact_number(struct client *client, const char *name, uint64_t value)
{
	char	 text[32];

	(void)snprintf(text, sizeof(text), "%llu",
	    (unsigned long long)value);
	fact(client, name, text);
}

static void
show_facts(struct client *client, const struct message *m,
    const struct envelope *e)
{
	fact(client, "id", id_text(m->id));
	fact(client, "from", e->sender[0] == '\0' ? "<>" : e->sender);
	fact(client, "arrived", date_text((int64_t)(e->created / 1000000)));
	fact_number(client, "size", m->content);
	fact(client, "client", e->socket ? "local" : e->client);
	fact(client, "helo", e->helo);
	fact(client, "auth", e->auth);
	fact(client, "user", e->user);
	fact(client, "tag", e->tag);
	if (e->bounce)
		fact(client, "bounce", "yes");
	fact(client, "ret", e->ret);
	fact(client, "envid", e->envid);
}

/* The content, a line of it a line of the answer. */
static void
show_content(struct client *client, const char *content, size_t len)
{
	const char	*end;
	size_t		 n;

	while (len > 0) {
		end = memchr(content, '\n', len);
		n = end == NULL ? len : (size_t)(end - content);
		control_text(client, "%.*s", (int)(n > 0 &&
		    content[n - 1] == '\r' ? n - 1 : n), content);
		if (end == NULL)
			break;
		len -= n + 1;
		content = end + 1;
	}
}

/* The message of "ID" or "ID.N"; NULL: answered. */
static struct message *
take_id(struct client *client, const char *word, uint32_t *number)
{
	struct message	*m;
	uint64_t	 id;

	*number = 0;
	if (id_parse_rcpt(word, &id, number) == -1 &&
	    id_parse(word, &id) == -1) {
		control_error(client, "%s: not an ID", word);
		return (NULL);
	}
	if ((m = message_find(id)) == NULL)
		control_error(client, "%s is not in the queue", word);
	return (m);
}

/* Still to be delivered, and meant by the number of an ID; 0: any. */
static int
is_open(const struct rcpt *rcpt, uint32_t number)
{
	return (rcpt->lane != NULL &&
	    (number == 0 || rcpt->number == number));
}

static uint32_t
open_rcpts(const struct message *m, uint32_t number)
{
	uint32_t	 i, n = 0;

	for (i = 0; i < m->nrcpts; i++)
		n += is_open(&m->rcpts[i], number) ? 1 : 0;
	return (n);
}

void
show_message(struct client *client, const char *word)
{
	const struct envelope	*e;
	struct message		*m;
	uint32_t		 number, i;
	uint64_t		 len;
	char			*content;

	if ((m = take_id(client, word, &number)) == NULL)
		return;
	if (client->only_count) {
		client->count = open_rcpts(m, number);
		done_count(client);
		return;
	}
	if ((e = message_envelope(m)) == NULL) {
		control_error(client, "its envelope cannot be read");
		return;
	}
	show_facts(client, m, e);
	for (i = 0; i < e->nrcpts; i++)
		fact(client, "to", e->rcpts[i].address);
	if (m->flags & MESSAGE_LARGE) {
		control_done(client, "the content is in large/%s",
		    id_text(m->id));
		return;
	}
	if ((content = spool_read_content(m->ref, &len)) == NULL) {
		control_error(client, "its content cannot be read");
		return;
	}
	show_content(client, content, len);
	free(content);
	control_done(client, "%s", "");
}

/* What comes next, and when. */
static void
next_text(struct rcpt *rcpt, char *text, size_t size)
{
	const struct lane	*lane = rcpt->lane;
	uint32_t		 now = schedule_now();
	int64_t			 opens = lane_opens_in(lane);
	unsigned int		 try = rcpt->tries + 1U;

	if (rcpt->place == PLACE_WAIT)
		(void)snprintf(text, size, "try %u in %s%s", try,
		    duration_text(rcpt->due > now ? rcpt->due - now : 0),
		    lane_stuck(lane) ? ", if nothing is in its way then" :
		    "");
	else if (rcpt->place == PLACE_HAND)
		(void)snprintf(text, size, "try %u is under way", try);
	else if (rcpt->place == PLACE_BOUNCING)
		strlcpy(text, "a bounce", size);
	else if (rcpt->place != PLACE_URGENT && opens >= 0)
		(void)snprintf(text, size, "try %u in %s", try,
		    duration_text((uint64_t)opens));
	else if (lane_waits_for_us(lane) || rcpt->place == PLACE_HELD)
		(void)snprintf(text, size, "try %u as soon as that is over",
		    try);
	else
		(void)snprintf(text, size, "try %u in its turn", try);
}

static void
show_next(struct client *client, struct rcpt *rcpt)
{
	struct message	*m = rcpt_message(rcpt);
	uint32_t	 now = schedule_now();
	int64_t		 end = (int64_t)m->created + rcpt->lane->ttl;
	char		 text[256];

	next_text(rcpt, text, sizeof(text));
	fact(client, "next", text);
	(void)snprintf(text, sizeof(text), "%s (in %s)", date_text(end),
	    end > now ? duration_text((uint64_t)(end - now)) : "0s");
	fact(client, "expires", text);
}

static void
show_rcpt(struct client *client, struct rcpt *rcpt, const struct envelope *e)
{
	const struct envelope_rcpt	*er;
	char				 id[64], why[600], *reply;
	char				 state[BINDING_STATE_MAX];

	(void)snprintf(id, sizeof(id), "%s.%u",
	    id_text(rcpt_message(rcpt)->id), rcpt->number);
	fact(client, "recipient", id);
	er = e == NULL ? NULL : envelope_rcpt(e, rcpt->number);
	if (er != NULL) {
		fact(client, "to", er->address);
		fact(client, "action", er->action);
		if (er->rule == 0)
			fact(client, "rule", "none took it");
		else
			fact_number(client, "rule", er->rule);
		fact(client, "rule-from", er->origin);
		fact(client, "group", group_of(rcpt, er));
		if (er->binding != NULL && strcmp(er->binding,
		    rcpt->lane->binding->name) != 0)
			fact(client, "moved-from", er->binding);
		fact(client, "notify", er->notify);
		fact(client, "orcpt", er->orcpt);
	}
	fact(client, "binding", rcpt->lane->binding->name);
	fact(client, "binding-state", queue_binding_state(
	    rcpt->lane->binding, state, sizeof(state)));
	fact(client, "destination", rcpt->lane->destination);
	fact(client, "state", rcpt_state(rcpt));
	rcpt_why(client, rcpt, er, why, sizeof(why));
	fact(client, "reason", why[0] == '\0' ? NULL : why);
	fact_number(client, "tries", rcpt->tries);
	reply = rcpt->tries > 0 ? rcpt_reply(rcpt) : NULL;
	fact(client, "last-reply", reply);
	free(reply);
	show_next(client, rcpt);
}

static void
show_envelope_done(struct client *client)
{
	const struct envelope	*e;
	struct message		*m;
	uint32_t		 number, i;

	/* it may have gone while mta was asked */
	if ((m = take_id(client, client->words[2], &number)) == NULL)
		return;
	if ((e = message_envelope(m)) != NULL)
		show_facts(client, m, e);
	for (i = 0; i < m->nrcpts; i++)
		if (is_open(&m->rcpts[i], number))
			show_rcpt(client, &m->rcpts[i], message_envelope(m));
	control_done(client, "%s", "");
}

void
show_envelope(struct client *client, const char *word)
{
	const struct lane	*lane = NULL;
	struct message		*m;
	uint32_t		 number, i;

	if ((m = take_id(client, word, &number)) == NULL)
		return;
	if ((client->count = open_rcpts(m, number)) == 0) {
		control_error(client, "%s is not in the queue", word);
		return;
	}
	if (client->only_count) {
		done_count(client);
		return;
	}
	for (i = 0; client->count == 1 && i < m->nrcpts; i++)
		if (is_open(&m->rcpts[i], number))
			lane = m->rcpts[i].lane;
	doing_ask(client, lane, show_envelope_done);
}
