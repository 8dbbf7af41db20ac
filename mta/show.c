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
 * What only mta can say for "show binding", "show destination" and "show
 * site": connections counted, and the most that they may be.  queue asks when
 * it has said what it knows; nothing changes here.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/control.h"
#include "lib/ipc.h"
#include "lib/task.h"
#include "mta/attempt.h"
#include "mta/connection.h"
#include "mta/limit.h"
#include "mta/mta.h"
#include "mta/test.h"
#include "mta/work.h"

struct asked {
	uint32_t	 client;
	const char	*name;		/* of a counter */
	unsigned int	 total;
};

static void
show_row(uint32_t client, const char *name, const char *binding,
    unsigned int used, int64_t most)
{
	struct ipc		*queue = mta_queue();
	struct control_row	 row;

	if (queue == NULL)
		return;
	control_row_start(&row);
	control_row_text(&row, "limit", name);
	control_row_text(&row, "binding", binding);
	control_row_number(&row, "connections", used);
	if (most > 0)
		control_row_number(&row, "most", most);
	else
		control_row_text(&row, "most", "none");
	ipc_begin(queue, MTA_ANSWER);
	ipc_put_u32(queue, client);
	ipc_put_u8(queue, 1);
	ipc_put_str(queue, row.text);
	ipc_end(queue);
}

/* The most that one binding may have of a counter by its own options. */
static int64_t
binding_most(const char *binding, const char *name)
{
	const struct binding_conf	*b;
	const struct option		*o = NULL;

	b = config_binding(mta_config(), binding);
	if (b == NULL)
		return (0);
	if (strncmp(name, "site ", 5) == 0)
		o = config_option_at(mta_config(), b, LEVEL_SITE, name + 5,
		    OPTION_MAX_OUTBOUND_CONNECTIONS);
	else if (strncmp(name, "domain ", 7) == 0)
		o = config_option(mta_config(), b, name + 7, NULL,
		    OPTION_MAX_OUTBOUND_CONNECTIONS);
	else
		o = config_option(mta_config(), b, NULL, NULL,
		    OPTION_MAX_CONNECTIONS);
	return (o == NULL ? 0 : o->number);
}

static void
show_share(void *arg, const char *binding, unsigned int used)
{
	struct asked	*asked = arg;

	asked->total += used;
	show_row(asked->client, asked->name, binding, used,
	    binding_most(binding, asked->name));
}

/* One counter: each binding that has any of it, then all. */
static void
show_counter(uint32_t client, const char *kind, const char *name)
{
	struct asked	 asked = { client, NULL, 0 };
	char		 text[DOMAIN_MAX + 16];

	if (snprintf(text, sizeof(text), "%s %s", kind, name) >=
	    (int)sizeof(text))
		return;
	asked.name = text;
	limit_each(text, show_share, &asked);
	show_row(client, text, "all", asked.total, limit_total(text));
}

static void
show_holding(void *arg, const char *name, const char *binding,
    unsigned int used)
{
	const uint32_t	*client = arg;

	show_row(*client, name, binding, used, binding_most(binding, name));
}

void
show_limits(uint32_t client, const char **words, uint32_t count)
{
	struct ipc	*queue = mta_queue();

	if (count == 3 && strcmp(words[1], "binding") == 0)
		limit_each_of(binding_get(words[2]), show_holding, &client);
	else if (count == 3 && strcmp(words[1], "site") == 0)
		show_counter(client, "site", words[2]);
	else if (count == 3)
		show_counter(client, "domain", words[2]);
	if (queue == NULL)
		return;
	ipc_begin(queue, MTA_ANSWER);
	ipc_put_u32(queue, client);
	ipc_put_u8(queue, 0);
	ipc_put_str(queue, NULL);
	ipc_end(queue);
}

static void
doing_row(void *arg, const struct doing *d)
{
	const uint32_t	*client = arg;
	struct ipc	*queue = mta_queue();

	ipc_begin(queue, MTA_DOING);
	ipc_put_u32(queue, *client);
	ipc_put_u8(queue, 1);
	doing_put(queue, d);
	ipc_end(queue);
}

static void
doing_bindings(uint32_t client)
{
	struct binding	*binding;
	struct doing	 d;

	for (binding = binding_next(NULL); binding != NULL;
	    binding = binding_next(binding)) {
		memset(&d, 0, sizeof(d));
		d.step = STEP_BINDING;
		d.number = binding->connections;
		d.text = binding->name;
		doing_row(&client, &d);
	}
}

/* doing [LANE]: what is under way, of one lane or of all. */
void
show_doing(uint32_t client, const char **words, uint32_t count)
{
	struct ipc	*queue = mta_queue();
	struct lane	*lane = NULL;
	struct doing	 end;

	if (queue == NULL)
		return;
	if (count > 1)
		lane = work_find((uint32_t)strtonum(words[1], 1, UINT32_MAX,
		    NULL));
	if (count == 1)
		doing_bindings(client);
	if (count == 1 || lane != NULL) {
		work_doing(lane, doing_row, &client);
		connection_doing_all(lane, doing_row, &client);
	}
	memset(&end, 0, sizeof(end));
	ipc_begin(queue, MTA_DOING);
	ipc_put_u32(queue, client);
	ipc_put_u8(queue, 0);
	doing_put(queue, &end);
	ipc_end(queue);
}
