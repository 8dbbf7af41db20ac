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
 * suspend, resume, pause: what binderyctl keeps from going out or coming in,
 * for control_command.c.  The suspensions themselves are suspend.c's; here
 * are the words that name one, and what is said of it.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "queue/client.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/suspend.h"

#define SUSPEND_MAX	(10LL * 365 * 24 * 3600)	/* "for" at most */

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
			control_join(words + i + 1, n - i - 1, reason, size);
			s->reason = reason;
			break;
		}
		if (take_word(words, n, &i, s, length) == -1) {
			if (i > 0 && strcmp(words[i - 1], "for") == 0)
				control_error(client, "for: \"%s\" %s",
				    words[i], duration_parse(words[i],
				    length) == -1 ? duration_error(words[i]) :
				    "is too short or too long");
			else
				control_error(client, "%s: not understood",
				    words[i]);
			return (-1);
		}
	}
	if (scope_check(s) == -1) {
		control_error(client, "usage: binding B [reception] "
		    "[domain D|site S] [for T] [reason TEXT]");
		return (-1);
	}
	if (s->domain != NULL && (pattern_canonical(s->domain,
	    client->filter.form[0]) & (PATTERN_DOMAIN | PATTERN_BELOW)) != 0)
		s->domain = client->filter.form[0];
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
	control_recipients(client);
}

static int
known_binding(const char *name)
{
	return (strcmp(name, "*") != 0 &&
	    (config_binding(lane_config(), name) != NULL ||
	    queue_binding_find(name) != NULL));
}

void
suspend_command(struct client *client, char **words, int n)
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
still_configured(struct client *client, const struct binding_conf *binding)
{
	const struct config	*config = lane_config();
	const struct binding_conf	*all = config_binding(config, "*");

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
		control_recipients(client);
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
	control_recipients(client);
}

static void
pause(struct client *client, const char *what, int on)
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
	control_walk(client, NULL, control_recipients);
}

void
pause_command(struct client *client, char **words, int n)
{
	if (n != 1)
		control_error(client, "usage: pause smtp|mta|mda");
	else
		pause(client, words[0], 1);
}

void
resume_command(struct client *client, char **words, int n)
{
	struct suspension	 s;
	int64_t			 length;
	char			 reason[512];

	if (n == 1) {
		if (client->only_count)
			control_error(client, "resume %s has nothing to "
			    "count", words[0]);
		else
			pause(client, words[0], 0);
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
