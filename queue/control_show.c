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
 * The control commands that show: bindings, destinations, stats.  What is
 * said of single recipients is in control_queue.c.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/address.h"
#include "lib/text.h"
#include "queue/client.h"
#include "queue/doing.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/suspend.h"

static void
add_addresses(struct control_row *row, const char *key,
    const struct binding_conf *binding)
{
	char	 text[128] = "";

	if (binding != NULL && binding->any)
		strlcpy(text, "any", sizeof(text));
	if (binding != NULL && binding->addr4.ss_family != 0)
		strlcpy(text, sockaddr_text((const struct sockaddr *)
		    &binding->addr4), sizeof(text));
	if (binding != NULL && binding->addr6.ss_family != 0) {
		if (text[0] != '\0')
			strlcat(text, " ", sizeof(text));
		strlcat(text, sockaddr_text((const struct sockaddr *)
		    &binding->addr6), sizeof(text));
	}
	control_row_text(row, key, text);
}

static const char *
ehlo_text(const struct binding_conf *binding)
{
	const struct option	*option;

	if (binding == NULL)
		return ("");
	option = config_option(lane_config(), binding, NULL, NULL,
	    OPTION_EHLO);
	if (option->text == NULL || strcmp(option->text, EHLO_HOSTNAME) == 0)
		return (lane_config()->hostname);
	return (option->text);
}

/* Of the oldest of a lane that is queued: seconds, or -1. */
static int64_t
lane_earliest(const struct lane *lane)
{
	struct rcpt	*rcpt = TAILQ_FIRST(&lane->ages);

	if (rcpt == NULL)
		return (-1);
	return ((int64_t)rcpt_message(rcpt)->created + lane->ttl);
}

static const char *
earliest_text(struct binding *binding)
{
	struct lane	*lane;
	int64_t		 first = -1, at, now = schedule_now();

	for (lane = lane_next(binding, NULL); lane != NULL;
	    lane = lane_next(binding, lane))
		if ((at = lane_earliest(lane)) != -1 &&
		    (first == -1 || at < first))
			first = at;
	if (first == -1)
		return ("-");
	return (first <= now ? "now" : duration_text(first - now));
}

/* The connections are as mta says just now. */
static void
show_bindings(struct client *client)
{
	struct control_row	 row;
	struct binding		*a;
	char			 state[BINDING_STATE_MAX];

	for (a = queue_binding_next(NULL); a != NULL;
	    a = queue_binding_next(a)) {
		if (a->conf == NULL && a->queued == 0)
			continue;
		client->count++;
		if (client->only_count)
			continue;
		control_row_start(&row);
		control_row_text(&row, "name", a->name);
		add_addresses(&row, "addresses", a->conf);
		control_row_text(&row, "ehlo", ehlo_text(a->conf));
		control_row_text(&row, "state",
		    queue_binding_state(a, state, sizeof(state)));
		control_row_number(&row, "conns", a->connections);
		control_row_number(&row, "queued", a->queued);
		control_row_number(&row, "limit", a->limit);
		control_row_number(&row, "deferred", a->deferred);
		control_row_number(&row, "sent", (long long)a->sent);
		control_row_number(&row, "temp", (long long)a->temp);
		control_row_number(&row, "perm", (long long)a->perm);
		control_row_text(&row, "earliest-expiry", earliest_text(a));
		control_row_text(&row, "last-error",
		    a->last == NULL ? "" : a->last);
		control_row_send(client, &row);
	}
	if (client->only_count)
		control_done(client, "%llu bindings",
		    (unsigned long long)client->count);
	else
		control_done(client, "%s", "");
}

/* Where in the configuration something was written. */
static void
add_origin(struct control_row *row, const struct origin *origin)
{
	char	 where[512];

	if (origin->file == NULL)
		strlcpy(where, "default", sizeof(where));
	else
		(void)snprintf(where, sizeof(where), "%s:%d", origin->file,
		    origin->line);
	control_row_text(row, "set", where);
}

static void
show_address(struct client *client, const struct binding_conf *binding)
{
	struct control_row	 row;

	control_row_start(&row);
	control_row_text(&row, "option", "bind-address");
	control_row_text(&row, "for", "all");
	add_addresses(&row, "value", binding);
	add_origin(&row, &binding->address_origin);
	control_row_send(client, &row);
}

static void
show_option(struct client *client, const struct option *option,
    enum option_id id, const char *scope)
{
	struct control_row	 row;

	control_row_start(&row);
	control_row_text(&row, "option", option_name(id));
	control_row_text(&row, "for", scope);
	control_row_text(&row, "value", option_text(id, option));
	add_origin(&row, &option->origin);
	control_row_send(client, &row);
}

static void
show_lane(struct client *client, const struct lane *lane, int with_binding)
{
	struct control_row	 row;
	const char		*why;
	char			 buf[LANE_WHY_MAX];

	why = lane_why(lane, buf, sizeof(buf));
	control_row_start(&row);
	if (with_binding)
		control_row_text(&row, "binding", lane->binding->name);
	control_row_text(&row, "destination", lane->destination);
	control_row_text(&row, "state", why == NULL ? "up" :
	    lane_is_suspended(lane) ? "suspended" :
	    lane_is_closed(lane) ? "deferred" : "held");
	control_row_number(&row, "queued", lane->queued);
	control_row_number(&row, "deferred", lane->waiting);
	control_row_number(&row, "sending", lane->in_hand);
	if (why == NULL)
		why = doing_lane(client, lane, buf, sizeof(buf));
	control_row_text(&row, "reason", why);
	control_row_text(&row, "last-error",
	    lane->last == NULL ? "" : lane->last);
	control_row_send(client, &row);
}

static void
show_suspensions(struct client *client, const char *name)
{
	const struct suspension	*s;

	for (s = suspend_next(NULL); s != NULL; s = suspend_next(s)) {
		if (strcmp(s->binding, name) != 0)
			continue;
		control_text(client, "suspended%s%s%s%s%s by %s since %s%s%s"
		    "%s%s", s->reception ? " reception" : "",
		    s->domain != NULL ? " domain " : "",
		    s->domain != NULL ? s->domain : "",
		    s->site != NULL ? " site " : "",
		    s->site != NULL ? s->site : "",
		    s->by != NULL ? s->by : "-", date_text((int64_t)s->since),
		    s->until != 0 ? " until " : "",
		    s->until != 0 ? date_text((int64_t)s->until) : "",
		    s->reason != NULL && s->reason[0] != '\0' ? ": " : "",
		    s->reason != NULL ? s->reason : "");
	}
}

/* What mta counts comes last, where there is one. */
static void
show_counters(struct client *client)
{
	if (queue_mta() == NULL)
		control_done(client, "%s", "");
	else
		control_ask_mta(client);
}

static void
show_binding(struct client *client)
{
	const char		*name = client->words[client->nwords - 1];
	const struct option	*option;
	struct binding		*binding;
	struct scope		*scope;
	struct lane		*lane;
	char			 state[BINDING_STATE_MAX];
	int			 id;

	binding = queue_binding_find(name);
	control_text(client, "binding %s: %s", name,
	    queue_binding_state(binding, state, sizeof(state)));
	show_suspensions(client, name);
	if (binding->conf != NULL)
		show_address(client, binding->conf);
	for (id = 0; binding->conf != NULL && id < OPTION_COUNT; id++) {
		option = config_option(lane_config(), binding->conf, NULL,
		    NULL, id);
		show_option(client, option, id, "all");
		TAILQ_FOREACH(scope, &binding->conf->scopes, entry)
			if (scope->options[id].set)
				show_option(client, &scope->options[id], id,
				    scope->name);
	}
	for (lane = lane_next(binding, NULL); lane != NULL;
	    lane = lane_next(binding, lane))
		show_lane(client, lane, 0);
	show_counters(client);
}

static void
ask_binding(struct client *client, const char *name)
{
	struct binding	*binding;
	struct lane	*lane;

	if ((binding = queue_binding_find(name)) == NULL)
		control_error(client, "no binding %s", name);
	else if (client->only_count) {
		for (lane = lane_next(binding, NULL); lane != NULL;
		    lane = lane_next(binding, lane))
			client->count++;
		control_done(client, "%llu lanes",
		    (unsigned long long)client->count);
	} else
		doing_ask(client, NULL, show_binding);
}

/* Is it one customer, or all of them? */
static void
show_destination(struct client *client)
{
	const char		*name = client->words[client->nwords - 1];
	int			 is_site;
	const char		*site;
	struct binding		*a;
	struct lane		*lane;

	is_site = strcmp(client->words[client->nwords - 2], "site") == 0;
	for (a = queue_binding_next(NULL); a != NULL;
	    a = queue_binding_next(a)) {
		for (lane = lane_next(a, NULL); lane != NULL;
		    lane = lane_next(a, lane)) {
			site = lane_site(lane);
			if (is_site ? site == NULL ||
			    strcmp(site, name) != 0 :
			    !domain_match(name, lane->destination) &&
			    strcasecmp(name, lane->destination) != 0)
				continue;
			client->count++;
			if (!client->only_count)
				show_lane(client, lane, 1);
		}
	}
	if (client->only_count)
		control_done(client, "%llu lanes",
		    (unsigned long long)client->count);
	else
		show_counters(client);
}

/* name for "show stats", OpenMetrics name and type, value. */
struct figure {
	const char	*name;
	int		 counter;
	uint64_t	 value;
};

#define NFIGURES	17

static void
figures(struct figure *f)
{
	const struct queue_stats	*stats = queue_stats();
	struct spool_stats		 spool;

	spool_stats(&spool);
	f[0] = (struct figure){ "messages_accepted", 1, stats->accepted };
	f[1] = (struct figure){ "recipients_accepted", 1,
	    stats->accepted_rcpts };
	f[2] = (struct figure){ "recipients_refused", 1, stats->refused };
	f[3] = (struct figure){ "recipients_delivered", 1, stats->delivered };
	f[4] = (struct figure){ "recipients_tempfailed", 1,
	    stats->tempfails };
	f[5] = (struct figure){ "recipients_permfailed", 1,
	    stats->permfails };
	f[6] = (struct figure){ "recipients_expired", 1, stats->expired };
	f[7] = (struct figure){ "bounces_sent", 1, stats->bounces };
	f[8] = (struct figure){ "tasks", 1, stats->tasks };
	f[9] = (struct figure){ "messages_queued", 0, message_count() };
	f[10] = (struct figure){ "recipients_queued", 0, rcpt_count() };
	f[11] = (struct figure){ "lanes", 0, lane_count() };
	f[12] = (struct figure){ "tasks_in_hand", 0, lane_in_hand() };
	f[13] = (struct figure){ "spool_bytes", 0, spool.bytes };
	f[14] = (struct figure){ "spool_live_bytes", 0, spool.live };
	f[15] = (struct figure){ "spool_segments", 0, spool.segments };
	f[16] = (struct figure){ "spool_flushes", 1, spool.flushes };
}

static void
show_stats(struct client *client)
{
	struct control_row	 row;
	struct figure		 list[NFIGURES];
	size_t			 i;

	figures(list);
	for (i = 0; i < NFIGURES; i++) {
		control_row_start(&row);
		control_row_text(&row, "name", list[i].name);
		control_row_number(&row, "value", (long long)list[i].value);
		control_row_send(client, &row);
	}
	control_done(client, "%s", "");
}

static void
metric_head(struct client *client, const char *name, const char *type)
{
	control_text(client, "# TYPE bindery_%s %s", name, type);
}

static void
show_metrics(struct client *client)
{
	struct figure	 list[NFIGURES];
	struct binding	*a;
	size_t		 i;

	figures(list);
	for (i = 0; i < NFIGURES; i++) {
		metric_head(client, list[i].name,
		    list[i].counter ? "counter" : "gauge");
		control_text(client, "bindery_%s%s %llu", list[i].name,
		    list[i].counter ? "_total" : "",
		    (unsigned long long)list[i].value);
	}
	metric_head(client, "binding_queued", "gauge");
	for (a = queue_binding_next(NULL); a != NULL; a = queue_binding_next(a))
		control_text(client, "bindery_binding_queued{binding=\"%s\"} "
		    "%u", a->name, a->queued);
	metric_head(client, "binding_connections", "gauge");
	for (a = queue_binding_next(NULL); a != NULL; a = queue_binding_next(a))
		control_text(client, "bindery_binding_connections"
		    "{binding=\"%s\"} %u", a->name, a->connections);
	metric_head(client, "binding_delivered", "counter");
	for (a = queue_binding_next(NULL); a != NULL; a = queue_binding_next(a))
		control_text(client, "bindery_binding_delivered_total"
		    "{binding=\"%s\"} %llu", a->name,
		    (unsigned long long)a->sent);
	metric_head(client, "binding_up", "gauge");
	for (a = queue_binding_next(NULL); a != NULL; a = queue_binding_next(a))
		control_text(client, "bindery_binding_up{binding=\"%s\"} %d",
		    a->name, queue_binding_usable(a));
	control_text(client, "# EOF");
	control_done(client, "%s", "");
}

void
show_command(struct client *client, char **words, int n)
{
	if (n == 1 && strcmp(words[0], "bindings") == 0)
		doing_ask(client, NULL, show_bindings);
	else if (n == 2 && strcmp(words[0], "binding") == 0)
		ask_binding(client, words[1]);
	else if (n == 2 && strcmp(words[0], "destination") == 0)
		doing_ask(client, NULL, show_destination);
	else if (n == 2 && strcmp(words[0], "site") == 0 &&
	    config_site(lane_config(), words[1]) == NULL)
		control_error(client, "no site %s", words[1]);
	else if (n == 2 && strcmp(words[0], "site") == 0)
		doing_ask(client, NULL, show_destination);
	else if (n >= 1 && strcmp(words[0], "queue") == 0)
		show_queue(client, words + 1, n - 1);
	else if (n == 2 && strcmp(words[0], "message") == 0)
		show_message(client, words[1]);
	else if (n == 2 && strcmp(words[0], "envelope") == 0)
		show_envelope(client, words[1]);
	else if (n == 1 && client->only_count)
		control_error(client, "show %s has nothing to count",
		    words[0]);
	else if (n == 1 && strcmp(words[0], "stats") == 0)
		show_stats(client);
	else if (n == 1 && strcmp(words[0], "metrics") == 0)
		doing_ask(client, NULL, show_metrics);
	else
		control_error(client, "show what? bindings, binding B, "
		    "destination D, site S, queue FILTER, message ID, "
		    "envelope ID, stats, metrics");
}
