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
 * Suspensions by command: of a binding, of its reception, of a domain or
 * site of it.  They are kept in the spool, so they survive restarts; the
 * configuration's own are the lanes' business (lane_resolve).  Looked up by
 * key: their number costs nothing.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "queue/lane.h"
#include "queue/queue.h"
#include "queue/schedule.h"
#include "queue/suspend.h"

#define SCOPE_MAX	512
#define STATE_MAX	2048

RB_HEAD(suspensions, suspension);

static int	 suspension_compare(const struct suspension *,
		    const struct suspension *);

static struct {
	struct suspensions	 tree;
	uint64_t		 next;	/* earliest end, 0: none has one */
} suspend = { RB_INITIALIZER(&suspend.tree), 0 };

RB_GENERATE_STATIC(suspensions, suspension, node, suspension_compare)

static int
text_compare(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return ((a != NULL) - (b != NULL));
	return (strcmp(a, b));
}

static int
domain_compare(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return ((a != NULL) - (b != NULL));
	return (strcasecmp(a, b));
}

static int
suspension_compare(const struct suspension *a, const struct suspension *b)
{
	int	 order;

	if ((order = strcmp(a->binding, b->binding)) != 0)
		return (order);
	if (a->reception != b->reception)
		return (a->reception - b->reception);
	if ((order = domain_compare(a->domain, b->domain)) != 0)
		return (order);
	return (text_compare(a->site, b->site));
}

static const struct suspension *
suspend_find(const char *binding, int reception, const char *domain,
    const char *site)
{
	struct suspension	 key;

	memset(&key, 0, sizeof(key));
	key.binding = (char *)binding;
	key.reception = reception;
	key.domain = (char *)domain;
	key.site = (char *)site;
	return (RB_FIND(suspensions, &suspend.tree, &key));
}

const struct suspension *
suspend_binding(const char *name, int reception)
{
	return (suspend_find(name, reception, NULL, NULL));
}

/* The binding's own first, then the exact domain, "*." ones, the site. */
const struct suspension *
suspend_lane(const struct lane *lane)
{
	const struct suspension	*found;
	const char		*name = lane->binding->name, *site, *dot;
	char			 pattern[DOMAIN_MAX + 2];

	if (RB_EMPTY(&suspend.tree))
		return (NULL);
	if ((found = suspend_find(name, 0, NULL, NULL)) != NULL ||
	    (found = suspend_find(name, 0, lane->destination, NULL)) != NULL)
		return (found);
	for (dot = strchr(lane->destination, '.'); dot != NULL;
	    dot = strchr(dot + 1, '.')) {
		if (snprintf(pattern, sizeof(pattern), "*%s", dot) >=
		    (int)sizeof(pattern))
			continue;
		if ((found = suspend_find(name, 0, pattern, NULL)) != NULL)
			return (found);
	}
	if ((site = lane_site(lane)) == NULL)
		return (NULL);
	return (suspend_find(name, 0, NULL, site));
}

int
suspend_any(const char *binding)
{
	const struct suspension	*s;

	for (s = suspend_next(NULL); s != NULL; s = suspend_next(s))
		if (strcmp(s->binding, binding) == 0)
			return (1);
	return (0);
}

const struct suspension *
suspend_next(const struct suspension *s)
{
	if (s == NULL)
		return (RB_MIN(suspensions, &suspend.tree));
	return (RB_NEXT(suspensions, &suspend.tree, (struct suspension *)s));
}

static void
suspension_free(struct suspension *s)
{
	free(s->binding);
	free(s->domain);
	free(s->site);
	free(s->by);
	free(s->reason);
	free(s);
}

/* Remember when the first one ends, so that no tick walks them all. */
static void
suspend_note_end(const struct suspension *s)
{
	if (s->until != 0 && (suspend.next == 0 || s->until < suspend.next))
		suspend.next = s->until;
}

static void
suspend_put(const struct suspension *from)
{
	struct suspension	*s, *old;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		fatal("calloc");
	s->binding = text_copy(from->binding);
	s->domain = text_copy(from->domain);
	s->site = text_copy(from->site);
	s->reception = from->reception;
	s->since = from->since;
	s->until = from->until;
	s->by = text_copy(from->by);
	s->reason = text_copy(from->reason);
	if ((old = RB_FIND(suspensions, &suspend.tree, s)) != NULL) {
		RB_REMOVE(suspensions, &suspend.tree, old);
		suspension_free(old);
	}
	RB_INSERT(suspensions, &suspend.tree, s);
	suspend_note_end(s);
}

/* "binding B [reception] [domain D] [site S]" */
static int
scope_text(const struct suspension *s, char *text, size_t size)
{
	return (snprintf(text, size, "binding %s%s%s%s%s%s", s->binding,
	    s->reception ? " reception" : "",
	    s->domain != NULL ? " domain " : "",
	    s->domain != NULL ? s->domain : "",
	    s->site != NULL ? " site " : "",
	    s->site != NULL ? s->site : "") < (int)size ? 0 : -1);
}

/* Takes text apart in place; 0, or -1: not one of ours. */
static int
scope_parse(char *text, struct suspension *s)
{
	char	*word;

	memset(s, 0, sizeof(*s));
	while ((word = strsep(&text, " ")) != NULL) {
		if (strcmp(word, "reception") == 0)
			s->reception = 1;
		else if (strcmp(word, "binding") == 0)
			s->binding = strsep(&text, " ");
		else if (strcmp(word, "domain") == 0)
			s->domain = strsep(&text, " ");
		else if (strcmp(word, "site") == 0)
			s->site = strsep(&text, " ");
		else
			return (-1);
	}
	return (s->binding == NULL ? -1 : 0);
}

/* "SINCE UNTIL BY REASON" */
static void
state_parse(char *text, struct suspension *s)
{
	char	*word;

	if ((word = strsep(&text, " ")) != NULL)
		s->since = strtoull(word, NULL, 10);
	if ((word = strsep(&text, " ")) != NULL)
		s->until = strtoull(word, NULL, 10);
	s->by = strsep(&text, " ");
	s->reason = text;
}

/* In the replay, before a list of all that is in force. */
void
suspend_forget(void)
{
	struct suspension	*s;

	while ((s = RB_MIN(suspensions, &suspend.tree)) != NULL) {
		RB_REMOVE(suspensions, &suspend.tree, s);
		suspension_free(s);
	}
	suspend.next = 0;
}

void
suspend_replay(const char *scope, const char *state)
{
	struct suspension	 s, *old;
	char			*names, *values;

	if (strncmp(scope, "pause ", 6) == 0) {
		queue_pause(scope + 6, state[0] != '\0');
		return;
	}
	names = text_copy(scope);
	values = text_copy(state);
	if (scope_parse(names, &s) == -1)
		log_warnx("spool: unknown suspension \"%s\"", scope);
	else if (state[0] != '\0') {
		state_parse(values, &s);
		suspend_put(&s);
	} else if ((old = RB_FIND(suspensions, &suspend.tree, &s)) != NULL) {
		RB_REMOVE(suspensions, &suspend.tree, old);
		suspension_free(old);
	}
	free(names);
	free(values);
}

static void
suspend_record(const struct suspension *s, spool_done *done, void *arg)
{
	char	 scope[SCOPE_MAX], state[STATE_MAX];

	if (scope_text(s, scope, sizeof(scope)) == -1)
		return;			/* checked when it was set */
	(void)snprintf(state, sizeof(state), "%llu %llu %s %s",
	    (unsigned long long)s->since, (unsigned long long)s->until,
	    s->by != NULL ? s->by : "-", s->reason != NULL ? s->reason : "");
	spool_suspend(scope, state, done, arg);
}

/* For a new segment. */
void
suspend_checkpoint(void)
{
	struct suspension	*s;

	RB_FOREACH(s, suspensions, &suspend.tree)
		suspend_record(s, NULL, NULL);
	queue_pause_checkpoint();
}

void
suspend_apply(const char *name)
{
	struct binding	*binding;
	struct lane	*lane;

	if ((binding = queue_binding_find(name)) == NULL)
		return;
	binding->refuse &= (uint8_t)~SUSPENDED_COMMAND;
	if (suspend_binding(name, 1) != NULL)
		binding->refuse |= SUSPENDED_COMMAND;
	for (lane = lane_next(binding, NULL); lane != NULL;
	    lane = lane_next(binding, lane)) {
		lane_resolve(lane);
	}
}

/* mta must not connect to a host of the site either. */
static void
suspend_tell_one(struct ipc *mta, const struct suspension *s, int on)
{
	if (mta == NULL || s->site == NULL || s->reception)
		return;
	ipc_begin(mta, QUEUE_SUSPEND);
	ipc_put_str(mta, s->binding);
	ipc_put_str(mta, s->site);
	ipc_put_u8(mta, (uint8_t)on);
	ipc_end(mta);
}

void
suspend_tell(struct ipc *mta)
{
	struct suspension	*s;

	RB_FOREACH(s, suspensions, &suspend.tree)
		suspend_tell_one(mta, s, 1);
}

static void
suspend_log(const char *event, const struct suspension *s, const char *by)
{
	struct logline	 line;

	logline_start(&line, event);
	logline_add(&line, "binding", "%s", s->binding);
	if (s->reception)
		logline_add(&line, "reception", "yes");
	if (s->domain != NULL)
		logline_add(&line, "domain", "%s", s->domain);
	if (s->site != NULL)
		logline_add(&line, "site", "%s", s->site);
	logline_add(&line, "by", "%s", by);
	if (s->until != 0 && strcmp(event, "suspended") == 0)
		logline_add(&line, "until", "%s",
		    date_text((int64_t)s->until));
	if (s->reason != NULL && s->reason[0] != '\0')
		logline_text(&line, "reason", s->reason);
	logline_end(&line);
}

void
suspend_set(const struct suspension *s, spool_done *done, void *arg)
{
	suspend_put(s);
	suspend_record(s, done, arg);
	suspend_log("suspended", s, s->by);
	suspend_tell_one(queue_mta(), s, 1);
	suspend_apply(s->binding);
	queue_commit();
}

int
suspend_lift(const struct suspension *s, const char *by, spool_done *done,
    void *arg)
{
	struct suspension	*old;
	char			 scope[SCOPE_MAX];

	if ((old = RB_FIND(suspensions, &suspend.tree,
	    (struct suspension *)s)) == NULL ||
	    scope_text(s, scope, sizeof(scope)) == -1)
		return (-1);
	spool_suspend(scope, "", done, arg);
	suspend_log("resumed", s, by);
	suspend_tell_one(queue_mta(), s, 0);
	RB_REMOVE(suspensions, &suspend.tree, old);
	suspension_free(old);
	suspend_apply(s->binding);
	queue_commit();
	return (0);
}

/* Those whose time is over. */
void
suspend_tick(void)
{
	struct suspension	*s, *next;
	struct suspension	 over;
	uint64_t		 now;

	now = schedule_now();
	if (suspend.next == 0 || now < suspend.next)
		return;
	suspend.next = 0;
	RB_FOREACH_SAFE(s, suspensions, &suspend.tree, next) {
		if (s->until == 0 || s->until > now) {
			suspend_note_end(s);
			continue;
		}
		over = *s;
		over.binding = text_copy(s->binding);
		over.domain = text_copy(s->domain);
		over.site = text_copy(s->site);
		over.reason = NULL;
		(void)suspend_lift(&over, "time", NULL, NULL);
		free(over.binding);
		free(over.domain);
		free(over.site);
	}
}
