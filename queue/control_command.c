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
 * The control commands that change something.  Each is on disk before its
 * answer, says how many recipients it touched, and works in the small steps
 * of control_walk().
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "lib/text.h"
#include "queue/queue.h"

#define SUSPEND_MAX	(10LL * 365 * 24 * 3600)	/* "for" at most */

struct command {
	const char	*verb;
	void		(*run)(struct client *, char **words, int n);
	int		 counts;	/* -n has a meaning */
};

static void
recipients(struct client *client)
{
	control_done(client, "%llu recipient%s",
	    (unsigned long long)client->count,
	    client->count == 1 ? "" : "s");
}

static void
log_rcpt(const char *event, struct client *client, struct rcpt *rcpt,
    const char *to)
{
	struct logline	 line;

	logline_start(&line, event);
	logline_add(&line, "id", "%s.%u", id_text(rcpt_message(rcpt)->id),
	    rcpt->number);
	logline_add(&line, "binding", "%s", rcpt->lane->account->name);
	if (to != NULL)
		logline_add(&line, "to", "%s", to);
	logline_add(&line, "by", "%s", control_by(client));
	logline_end(&line);
}

/* The filter from words; what is left of them in *rest; -1: answered. */
static int
take_filter(struct client *client, char **words, int n, int *used)
{
	const char	*error;

	*used = filter_parse(&client->filter, words, n, &error);
	if (*used == -1) {
		control_error(client, "%s", error);
		return (-1);
	}
	return (0);
}

/* Being sent or bounced just now: it cannot be taken back. */
static int
busy(const struct rcpt *rcpt)
{
	return (rcpt->place == PLACE_HAND || rcpt->place == PLACE_BOUNCING);
}

/* A walk that appends records waits for room to write them. */
static void
walk_writing(struct client *client,
    int (*visit)(struct client *, struct rcpt *),
    void (*done)(struct client *))
{
	client->busy = spool_congested;
	control_walk(client, visit, done);
}

static int
visit_remove(struct client *client, struct rcpt *rcpt)
{
	if (client->only_count)
		return (1);
	log_rcpt("removed", client, rcpt, NULL);
	spool_result(rcpt_message(rcpt)->id, rcpt->number, RCPT_REMOVED,
	    control_stored, control_pending(client));
	rcpt_finish(rcpt);
	return (1);
}

static void
command_remove(struct client *client, char **words, int n)
{
	int	 used;

	if (take_filter(client, words, n, &used) == -1)
		return;
	if (used < n)
		control_error(client, "%s: not understood", words[used]);
	else
		walk_writing(client, visit_remove, recipients);
}

static int
visit_schedule(struct client *client, struct rcpt *rcpt)
{
	if (rcpt->place != PLACE_WAIT && rcpt->place != PLACE_HELD &&
	    (rcpt->place != PLACE_READY || !lane_is_remote(rcpt->lane)))
		return (0);
	if (client->only_count)
		return (1);
	delivery_retry(rcpt->lane);
	if (rcpt->place == PLACE_READY)
		return (1);	/* its lane waits for the hosts */
	if (rcpt->place == PLACE_WAIT)
		spool_defer(rcpt_message(rcpt)->id, rcpt->number,
		    rcpt->tries, 0, (rcpt->flags & RCPT_WARNED) != 0, NULL);
	rcpt->flags &= (uint8_t)~RCPT_DEATHS;
	rcpt_ready(rcpt, 0);
	rcpt->due = 0;
	return (1);
}

static void
command_schedule(struct client *client, char **words, int n)
{
	int	 used;

	if (take_filter(client, words, n, &used) == -1)
		return;
	if (used < n)
		control_error(client, "%s: not understood", words[used]);
	else
		walk_writing(client, visit_schedule, recipients);
}

static void
join(char **words, int n, char *buf, size_t size)
{
	int	 i;

	buf[0] = '\0';
	for (i = 0; i < n; i++) {
		if (i > 0)
			strlcat(buf, " ", size);
		strlcat(buf, words[i], size);
	}
}

static int
visit_fail(struct client *client, struct rcpt *rcpt)
{
	char	 text[600], words[512];
	int	 n = (int)(client->words + client->nwords - client->rest);

	if (busy(rcpt)) {
		client->other++;
		return (0);
	}
	if (client->only_count)
		return (1);
	join(client->rest, n, words, sizeof(words));
	log_rcpt("failed", client, rcpt, NULL);
	(void)snprintf(text, sizeof(text), "554 5.3.0 %s", words[0] != '\0' ?
	    words : "Given up by the administrator");
	bounce_rcpt(rcpt, BOUNCE_FAILED, text, NULL, 0);
	return (1);
}

static void
done_but_busy(struct client *client)
{
	if (client->other > 0)
		control_text(client, "%llu are being sent just now and "
		    "stay", (unsigned long long)client->other);
	recipients(client);
}

static int
fail_busy(void)
{
	return (bounce_busy() || spool_congested());
}

static void
command_fail(struct client *client, char **words, int n)
{
	int	 used;

	if (take_filter(client, words, n, &used) == -1)
		return;
	client->rest = words + used;
	client->busy = fail_busy;
	control_walk(client, visit_fail, done_but_busy);
}

/* The binding that it is to go to: that, or the group's member for it. */
static struct account *
move_target(const struct client *client, struct rcpt *rcpt)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;

	if (client->group == NULL)
		return (client->account);
	if ((e = message_envelope(rcpt_message(rcpt))) == NULL ||
	    (er = envelope_rcpt(e, rcpt->number)) == NULL)
		return (NULL);
	return (group_choose(client->group, e->sender, er->address,
	    rcpt->lane->destination, GROUP_BIRTH));
}

static int
visit_move(struct client *client, struct rcpt *rcpt)
{
	struct account	*to;

	if (busy(rcpt)) {
		client->other++;
		return (0);
	}
	if ((to = move_target(client, rcpt)) == NULL ||
	    rcpt->lane->account == to)
		return (0);
	if (client->only_count)
		return (1);
	log_rcpt("moved", client, rcpt, to->name);
	spool_move(rcpt_message(rcpt)->id, rcpt->number, to->name,
	    client->group, control_stored, control_pending(client));
	rcpt->flags &= (uint8_t)~RCPT_DEATHS;
	rcpt_set_group(rcpt, client->group != NULL);
	rcpt_move(rcpt, lane_get(to, rcpt->lane->destination));
	return (1);
}

static void
command_move(struct client *client, char **words, int n)
{
	int	 used;

	if (take_filter(client, words, n, &used) == -1)
		return;
	if (n - used != 2 || strcmp(words[used], "to") != 0) {
		control_error(client, "usage: move FILTER to B");
		return;
	}
	client->group = NULL;
	if (config_group(lane_config(), words[used + 1]) != NULL)
		client->group = words[used + 1];
	else if (config_binding(lane_config(), words[used + 1]) != NULL &&
	    strcmp(words[used + 1], "*") != 0)
		client->account = account_get(words[used + 1]);
	else {
		control_error(client, "no binding or group %s",
		    words[used + 1]);
		return;
	}
	walk_writing(client, visit_move, done_but_busy);
}

/* A domain, "*.domain" or relay host as a lane may have it. */
static int
scope_domain(const char *domain)
{
	if (domain[0] == '\0')
		return (-1);
	for (; *domain != '\0'; domain++)
		if ((unsigned char)*domain <= ' ' || *domain == 0x7f)
			return (-1);
	return (0);
}

/* One word, or the value behind it, into s; -1: not understood. */
static int
take_word(char **words, int n, int *i, struct suspension *s, int64_t *length)
{
	const char	*word = words[*i];
	char		**to;

	if (strcmp(word, "reception") == 0) {
		s->reception = 1;
		return (0);
	}
	if (*i + 1 == n)
		return (-1);
	if (strcmp(word, "for") == 0)
		return (duration_parse(words[++*i], length) == -1 ||
		    *length <= 0 || *length > SUSPEND_MAX ? -1 : 0);
	if (strcmp(word, "binding") == 0)
		to = &s->binding;
	else if (strcmp(word, "domain") == 0)
		to = &s->domain;
	else if (strcmp(word, "site") == 0)
		to = &s->site;
	else
		return (-1);
	if (*to != NULL)
		return (-1);
	*to = words[++*i];
	return (0);
}

/* A scope that there can be. */
static int
scope_check(const struct suspension *s)
{
	if (s->binding == NULL || strlen(s->binding) > NAME_MAX_LEN ||
	    (s->domain != NULL && s->site != NULL) ||
	    (s->reception && (s->domain != NULL || s->site != NULL)))
		return (-1);
	return ((s->domain != NULL && scope_domain(s->domain) == -1) ||
	    (s->site != NULL && scope_domain(s->site) == -1) ? -1 : 0);
}

/*
 * "binding B [reception] [domain D|site S] [for T] [reason TEXT]" into s;
 * -1: answered.
 */
static int
take_scope(struct client *client, char **words, int n, struct suspension *s,
    int64_t *length, char *reason, size_t size)
{
	int	 i;

	memset(s, 0, sizeof(*s));
	*length = 0;
	for (i = 0; i < n; i++) {
		if (strcmp(words[i], "reason") == 0 && i + 1 < n) {
			join(words + i + 1, n - i - 1, reason, size);
			s->reason = reason;
			break;
		}
		if (take_word(words, n, &i, s, length) == -1) {
			control_error(client, "%s: not understood", words[i]);
			return (-1);
		}
	}
	if (scope_check(s) == -1) {
		control_error(client, "usage: binding B [reception] "
		    "[domain D|site S] [for T] [reason TEXT]");
		return (-1);
	}
	client->filter.older = -1;
	client->filter.binding = s->binding;
	client->filter.domain = s->domain;
	client->filter.site = s->site;
	client->filter.by_lane = 1;
	return (0);
}

static int
visit_suspended(struct client *client, struct rcpt *rcpt)
{
	if (client->until != 0 && (int64_t)rcpt_message(rcpt)->created +
	    rcpt->lane->ttl < client->until)
		client->other++;
	return (1);
}

static void
done_suspend(struct client *client)
{
	if (client->until != 0)
		control_text(client, "%llu would expire before its end",
		    (unsigned long long)client->other);
	recipients(client);
}

static int
known_binding(const char *name)
{
	return (strcmp(name, "*") != 0 &&
	    (config_binding(lane_config(), name) != NULL ||
	    account_find(name) != NULL));
}

static void
command_suspend(struct client *client, char **words, int n)
{
	struct suspension	 s;
	int64_t			 length;
	char			 reason[512];

	if (take_scope(client, words, n, &s, &length, reason,
	    sizeof(reason)) == -1)
		return;
	if (!known_binding(s.binding)) {
		control_error(client, "no binding %s", s.binding);
		return;
	}
	if (s.site != NULL && config_site(lane_config(), s.site) == NULL) {
		control_error(client, "no site %s", s.site);
		return;
	}
	s.since = schedule_now();
	s.until = length > 0 ? s.since + (uint64_t)length : 0;
	s.by = (char *)control_by(client);
	client->until = (int64_t)s.until;
	if (!client->only_count)
		suspend_set(&s, control_stored, control_pending(client));
	control_walk(client, visit_suspended, done_suspend);
}

/* The domains and sites that one block of the configuration suspends. */
static void
still_scopes(struct client *client, const struct scopes *scopes)
{
	const struct scope	*scope;

	TAILQ_FOREACH(scope, scopes, entry)
		if (scope->options[OPTION_SUSPEND_DELIVERY].set &&
		    scope->options[OPTION_SUSPEND_DELIVERY].number)
			control_text(client, "still suspended by the "
			    "configuration: delivery %s %s",
			    scope->is_site ? "site" : "domain", scope->name);
}

static void
still_configured(struct client *client, const struct binding *binding)
{
	const struct config	*config = lane_config();
	const struct binding	*all = config_binding(config, "*");

	if (binding == NULL)
		return;
	if (config_option(config, binding, NULL, NULL,
	    OPTION_SUSPEND_DELIVERY)->number)
		control_text(client, "still suspended by the configuration: "
		    "delivery");
	if (config_option(config, binding, NULL, NULL,
	    OPTION_SUSPEND_RECEPTION)->number)
		control_text(client, "still suspended by the configuration: "
		    "reception");
	still_scopes(client, &binding->scopes);
	if (binding->group != NULL)
		still_scopes(client, &binding->group->scopes);
	if (all != NULL)
		still_scopes(client, &all->scopes);
}

/* What else keeps it suspended. */
static void
done_resume(struct client *client)
{
	const struct suspension	*s;
	const char		*name = client->filter.binding;

	if (client->only_count) {
		recipients(client);
		return;
	}
	for (s = suspend_next(NULL); s != NULL; s = suspend_next(s))
		if (strcmp(s->binding, name) == 0)
			control_text(client, "still suspended by command:"
			    "%s%s%s%s%s", s->reception ? " reception" :
			    " delivery", s->domain != NULL ? " domain " : "",
			    s->domain != NULL ? s->domain : "",
			    s->site != NULL ? " site " : "",
			    s->site != NULL ? s->site : "");
	still_configured(client, config_binding(lane_config(), name));
	recipients(client);
}

static void
command_pause(struct client *client, const char *what, int on)
{
	struct logline	 line;
	char		 scope[32];

	if (strcmp(what, "smtp") != 0 && strcmp(what, "mta") != 0 &&
	    strcmp(what, "mda") != 0) {
		control_error(client, "%s: smtp, mta or mda", what);
		return;
	}
	(void)snprintf(scope, sizeof(scope), "pause %s", what);
	queue_pause(what, on);
	logline_start(&line, on ? "paused" : "resumed");
	logline_add(&line, "role", "%s", what);
	logline_add(&line, "by", "%s", control_by(client));
	logline_end(&line);
	spool_suspend(scope, on ? "on" : "", control_stored,
	    control_pending(client));
	client->filter.has_id = 1;	/* a walk over nothing: wait only */
	client->filter.id = 0;
	client->filter.older = -1;
	control_walk(client, NULL, recipients);
}

static void
run_pause(struct client *client, char **words, int n)
{
	if (n != 1)
		control_error(client, "usage: pause smtp|mta|mda");
	else
		command_pause(client, words[0], 1);
}

static void
command_resume(struct client *client, char **words, int n)
{
	struct suspension	 s;
	int64_t			 length;
	char			 reason[512];

	if (n == 1) {
		if (client->only_count)
			control_error(client, "resume %s has nothing to "
			    "count", words[0]);
		else
			command_pause(client, words[0], 0);
		return;
	}
	if (take_scope(client, words, n, &s, &length, reason,
	    sizeof(reason)) == -1)
		return;
	if (length != 0 || s.reason != NULL) {
		control_error(client, "usage: resume binding B [reception] "
		    "[domain D|site S]");
		return;
	}
	if (!known_binding(s.binding) && !suspend_any(s.binding)) {
		control_error(client, "no binding %s", s.binding);
		return;
	}
	if (!client->only_count && suspend_lift(&s, control_by(client),
	    control_stored, control_pending(client)) == -1) {
		client->pending--;
		control_text(client, "was not suspended by command in "
		    "that scope");
	}
	control_walk(client, NULL, done_resume);
}

static void
command_stop(struct client *client, char **words, int n)
{
	if (n > 0) {
		control_error(client, "usage: stop");
		return;
	}
	control_ask_parent(client, QUEUE_STOP);
	control_done(client, "stopping");
}

static void
command_reload(struct client *client, char **words, int n)
{
	if (n > 0)
		control_error(client, "usage: reload");
	else
		control_ask_parent(client, QUEUE_RELOAD);
}

static void
command_log(struct client *client, char **words, int n)
{
	struct ipc	*parent = role_parent();
	int		 verbose;

	if (n != 1 || (strcmp(words[0], "brief") != 0 &&
	    strcmp(words[0], "verbose") != 0)) {
		control_error(client, "usage: log brief|verbose");
		return;
	}
	verbose = strcmp(words[0], "verbose") == 0;
	log_verbose(verbose);
	ipc_begin(parent, QUEUE_VERBOSE);
	ipc_put_u8(parent, (uint8_t)verbose);
	ipc_end(parent);
	control_done(client, "%s", "");
}

static void
command_mta(struct client *client, char **words, int n)
{
	control_ask_mta(client);
}

static const struct command commands[] = {
	{ "show",	show_command, 1 },
	{ "suspend",	command_suspend, 1 },
	{ "resume",	command_resume, 1 },
	{ "move",	command_move, 1 },
	{ "schedule",	command_schedule, 1 },
	{ "remove",	command_remove, 1 },
	{ "fail",	command_fail, 1 },
	{ "match",	command_mta, 0 },
	{ "test",	command_mta, 0 },
	{ "trace",	command_mta, 0 },
	{ "pause",	run_pause, 0 },
	{ "reload",	command_reload, 0 },
	{ "stop",	command_stop, 0 },
	{ "log",	command_log, 0 },
};

void
control_command(struct client *client)
{
	char	**words = client->words;
	int	  n = client->nwords;
	size_t	  i;

	if (strcmp(words[0], "-n") == 0 || strcmp(words[0], "count") == 0) {
		client->only_count = 1;
		words++;
		n--;
	}
	if (n == 0 || lane_config() == NULL) {
		control_error(client, n == 0 ? "no command" :
		    "it is starting, try again");
		return;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(words[0], commands[i].verb) != 0)
			continue;
		if (client->only_count && !commands[i].counts)
			control_error(client, "%s has nothing to count",
			    words[0]);
		else
			commands[i].run(client, words + 1, n - 1);
		return;
	}
	control_error(client, "%s: no such command", words[0]);
}
