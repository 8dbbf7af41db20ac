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
 * of control_walk().  suspend, resume and pause are in control_suspend.c.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/client.h"
#include "queue/group.h"
#include "queue/lane.h"
#include "queue/suspend.h"

struct command {
	const char	*verb;
	void		(*run)(struct client *, char **words, int n);
	int		 counts;	/* -n has a meaning */
};

void
control_recipients(struct client *client)
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
	logline_add(&line, "binding", "%s", rcpt->lane->binding->name);
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
		walk_writing(client, visit_remove, control_recipients);
}

/* A single one goes alone where its lane is closed; a filter opens lanes. */
static int
visit_schedule(struct client *client, struct rcpt *rcpt)
{
	struct lane	*lane = rcpt->lane;

	if (rcpt->place == PLACE_HAND || rcpt->place == PLACE_BOUNCING ||
	    rcpt->place == PLACE_URGENT)
		return (0);
	if (rcpt->place == PLACE_READY && lane->state == LANE_OPEN &&
	    lane->opener != client->number) {
		/* it waits for nothing but its hosts' back-offs in mta */
		if (!client->only_count)
			lane_retry(lane);
		return (0);
	}
	if (client->only_count)
		return (1);
	if (rcpt->place == PLACE_WAIT)
		spool_defer(rcpt_message(rcpt)->id, rcpt->number,
		    rcpt->tries, 0, (rcpt->flags & RCPT_WARNED) != 0, NULL);
	rcpt->flags &= (uint8_t)~RCPT_DEATHS;
	if (client->filter.has_id)
		rcpt_urgent(rcpt);
	else if (rcpt->place != PLACE_READY)
		rcpt_ready(rcpt, 0);
	if (!client->filter.has_id || lane->state != LANE_CLOSED) {
		if (lane->state != LANE_OPEN)
			lane->opener = client->number;
		lane_retry(lane);
	}
	else {
		lane->now = 1;
		lane_update(lane);
	}
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
		walk_writing(client, visit_schedule, control_recipients);
}

void
control_join(char **words, int n, char *buf, size_t size)
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
	control_join(client->rest, n, words, sizeof(words));
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
	control_recipients(client);
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
static struct binding *
move_target(const struct client *client, struct rcpt *rcpt)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;

	if (client->group == NULL)
		return (client->binding);
	if ((e = message_envelope(rcpt_message(rcpt))) == NULL ||
	    (er = envelope_rcpt(e, rcpt->number)) == NULL)
		return (NULL);
	return (group_choose(client->group, e->sender, er->address,
	    rcpt->lane->destination, GROUP_BIRTH));
}

static int
visit_move(struct client *client, struct rcpt *rcpt)
{
	struct binding	*to;

	if (busy(rcpt)) {
		client->other++;
		return (0);
	}
	if ((to = move_target(client, rcpt)) == NULL ||
	    rcpt->lane->binding == to)
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
		client->binding = queue_binding_get(words[used + 1]);
	else {
		control_error(client, "no binding or group %s",
		    words[used + 1]);
		return;
	}
	walk_writing(client, visit_move, done_but_busy);
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
	{ "suspend",	suspend_command, 1 },
	{ "resume",	resume_command, 1 },
	{ "move",	command_move, 1 },
	{ "schedule",	command_schedule, 1 },
	{ "remove",	command_remove, 1 },
	{ "fail",	command_fail, 1 },
	{ "match",	command_mta, 0 },
	{ "test",	command_mta, 0 },
	{ "trace",	command_mta, 0 },
	{ "pause",	pause_command, 0 },
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
