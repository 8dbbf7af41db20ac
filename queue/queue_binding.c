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
 * Bindings as queue sees them: one for each name that the configuration or
 * queued mail has.  They are never freed, for mail may come back to a name.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/role.h"
#include "queue/lane.h"
#include "queue/suspend.h"

RB_HEAD(queue_bindings, binding);

static struct {
	struct queue_bindings	 tree;
} bindings = { RB_INITIALIZER(&bindings.tree) };

static int
binding_compare(const struct binding *a, const struct binding *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE_STATIC(queue_bindings, binding, node, binding_compare)

struct binding *
queue_binding_find(const char *name)
{
	struct binding	 key;

	key.name = (char *)(uintptr_t)name;
	return (RB_FIND(queue_bindings, &bindings.tree, &key));
}

struct binding *
queue_binding_get(const char *name)
{
	struct binding	*binding;

	if (name == NULL)
		name = "";
	if ((binding = queue_binding_find(name)) != NULL)
		return (binding);
	if ((binding = calloc(1, sizeof(*binding))) == NULL ||
	    (binding->name = strdup(name)) == NULL)
		fatal("calloc");
	RB_INIT(&binding->lanes);
	TAILQ_INIT(&binding->pulls);
	RB_INSERT(queue_bindings, &bindings.tree, binding);
	queue_binding_resolve(binding);
	if (suspend_binding(name, 1) != NULL)
		binding->refuse |= SUSPENDED_COMMAND;
	return (binding);
}

/*
 * A role may be ahead of this one by a reload: what it names then is in the
 * configuration that was parsed here and not yet put in force.
 */
struct binding *
queue_binding_named(const char *name)
{
	struct binding	*binding;

	if (name[0] == '\0')
		return (NULL);
	if ((binding = queue_binding_find(name)) != NULL)
		return (binding);
	if (role_next() == NULL || config_binding(role_next(), name) == NULL)
		return (NULL);
	return (queue_binding_get(name));
}

struct binding *
queue_binding_next(struct binding *binding)
{
	if (binding == NULL)
		return (RB_MIN(queue_bindings, &bindings.tree));
	return (RB_NEXT(queue_bindings, &bindings.tree, binding));
}

void
queue_binding_resolve(struct binding *binding)
{
	const struct config	*config = lane_config();
	const struct option	*option;

	binding->conf = NULL;
	binding->limit = 0;
	binding->refuse &= (uint8_t)~SUSPENDED_FILE;
	if (config == NULL || binding->name[0] == '\0')
		return;
	binding->conf = config_binding(config, binding->name);
	if (binding->conf == NULL)
		return;
	option = config_option(config, binding->conf, NULL, NULL,
	    OPTION_QUEUE_LIMIT);
	binding->limit = option->number;
	option = config_option(config, binding->conf, NULL, NULL,
	    OPTION_SUSPEND_RECEPTION);
	if (option->number)
		binding->refuse |= SUSPENDED_FILE;
}

static int
binding_owns(const struct binding *binding, int family)
{
	const struct binding_conf	*conf = binding->conf;
	const struct option		*option;

	option = config_option(lane_config(), conf, NULL, NULL,
	    OPTION_FAMILY);
	if (option->number != AF_UNSPEC && option->number != family)
		return (0);
	if (conf->any)
		return (1);
	return (family == AF_INET ? conf->addr4.ss_family != 0 :
	    conf->addr6.ss_family != 0);
}

int
queue_binding_usable(const struct binding *binding)
{
	if (binding->name[0] == '\0' || binding->conf == NULL)
		return (0);
	if (!binding->down4 && !binding->down6)
		return (1);
	return ((binding_owns(binding, AF_INET) && !binding->down4) ||
	    (binding_owns(binding, AF_INET6) && !binding->down6));
}

const char *
queue_binding_state(const struct binding *binding, char *buf, size_t size)
{
	const char	*state = "up";

	if (binding->name[0] == '\0')
		state = "no binding";
	else if (binding->conf == NULL)
		state = "unknown";
	else if (!queue_binding_usable(binding)) {
		(void)snprintf(buf, size, "held (%s)",
		    binding->reason != NULL ? binding->reason :
		    "address missing");
		return (buf);
	} else if (suspend_binding(binding->name, 0) != NULL ||
	    config_option(lane_config(), binding->conf, NULL, NULL,
	    OPTION_SUSPEND_DELIVERY)->number)
		state = "suspended";
	else if (binding->down4 && binding_owns(binding, AF_INET))
		state = "up (no inet4)";
	else if (binding->down6 && binding_owns(binding, AF_INET6))
		state = "up (no inet6)";
	strlcpy(buf, state, size);
	return (buf);
}

void
queue_binding_update(struct binding *binding)
{
	struct lane	*lane;

	for (lane = lane_next(binding, NULL); lane != NULL;
	    lane = lane_next(binding, lane))
		lane_update(lane);
}

void
queue_binding_last(struct binding *binding, const char *text)
{
	if (binding->last != NULL && strcmp(binding->last, text) == 0)
		return;
	free(binding->last);
	binding->last = strdup(text);
}
