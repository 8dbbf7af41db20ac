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
 * The live side of a binding: are its addresses there, how many connections
 * does it hold.  Addresses are looked at by binding a socket to
 * them, each second while one is missing or used, every ten otherwise;
 * each edge is one log line and one message to queue.  Never answers with an
 * address that is not written in the binding.
 */

#include <event.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "mta/binding.h"
#include "mta/connection.h"
#include "mta/host_state.h"
#include "mta/mta.h"
#include "mta/work.h"

#define PROBE_TICK	500		/* milliseconds: what is down */
#define PROBE_UP	10		/* seconds between probes */
#define PORTS_WAIT	5		/* before exhausted ports are tried */
#define SWEEP		60

/* The reasons of a source that is down; compared as pointers. */
static const char	text_missing[] = "address missing";
static const char	text_ports[] = "ports exhausted";

RB_HEAD(binding_tree_live, binding);

static struct {
	struct binding_tree_live tree;
	struct event		 probe;
	struct loop_timer	 sweep;
} bindings;

static int
binding_compare(const struct binding *a, const struct binding *b)
{
	return (strcmp(a->name, b->name));
}

RB_GENERATE_STATIC(binding_tree_live, binding, node, binding_compare)

static const int families[FAMILIES] = { AF_INET, AF_INET6 };

static int
family_index(int family)
{
	return (family == AF_INET6 ? FAMILY_INET6 : FAMILY_INET4);
}

const struct binding_source *
binding_source(const struct binding *binding, int family)
{
	const struct binding_source	*source;

	source = &binding->sources[family_index(family)];

	return (source->owned ? source : NULL);
}

int
binding_usable(const struct binding *binding, int family)
{
	const struct binding_source	*source;

	source = binding_source(binding, family);

	return (source != NULL && source->up);
}

const char *
binding_reason(const struct binding *binding)
{
	int	 i;

	for (i = 0; i < FAMILIES; i++)
		if (binding->sources[i].owned && !binding->sources[i].up)
			return (binding->sources[i].reason);
	return (NULL);
}

static void
binding_tell(const struct binding *binding)
{
	struct ipc	*queue = mta_queue();

	if (queue == NULL || binding->conf == NULL)
		return;
	ipc_begin(queue, MTA_BINDING);
	ipc_put_str(queue, binding->name);
	ipc_put_u8(queue, binding_usable(binding, AF_INET));
	ipc_put_u8(queue, binding_usable(binding, AF_INET6));
	ipc_put_str(queue, binding_reason(binding));
	ipc_end(queue);
}

static void
source_edge(struct binding *binding, struct binding_source *source, int up,
    const char *reason)
{
	struct logline	 l;

	if (source->up == up && source->reason == reason)
		return;
	source->up = up;
	source->reason = reason;
	logline_start(&l, up ? "binding up" : "binding held");
	logline_add(&l, "binding", "%s", binding->name);
	logline_add(&l, "family", "%s",
	    source == &binding->sources[FAMILY_INET4] ? "inet4" : "inet6");
	if (source->addr.ss_family != 0)
		logline_add(&l, "address", "%s",
		    sockaddr_text((struct sockaddr *)&source->addr));
	if (reason != NULL)
		logline_add(&l, "reason", "%s", reason);
	logline_end(&l);
	binding_tell(binding);
	work_binding_changed(binding);
	if (source->addr.ss_family != 0 && reason == text_missing)
		connection_source_lost(binding,
		    (const struct sockaddr *)&source->addr);
}

static void
source_look(struct binding *binding, struct binding_source *source)
{
	if (!source->owned || source->addr.ss_family == 0 ||
	    loop_seconds() < source->probe_after)
		return;
	/* what leaves from it now is looked at each second */
	source->probe_after = loop_seconds() +
	    (binding->connections > 0 ? 1 : PROBE_UP);
	switch (source_probe((struct sockaddr *)&source->addr)) {
	case SOURCE_OK:
		source_edge(binding, source, 1, NULL);
		break;
	case SOURCE_MISSING:
		source_edge(binding, source, 0, text_missing);
		source->probe_after = 0;
		break;
	default:
		break;		/* of this process, not of the address */
	}
}

/*
 * Ports were exhausted: one that nothing uses is surely good; those that are
 * used towards one destination may serve another, so after a while it is
 * tried.  Of "any" nothing but that is known.
 */
static void
source_look_ports(struct binding *binding, struct binding_source *source)
{
	if (loop_seconds() >= source->probe_after ||
	    (source->addr.ss_family != 0 &&
	    source_probe_port((struct sockaddr *)&source->addr) == SOURCE_OK))
		source_edge(binding, source, 1, NULL);
}

static void
bindings_probe_again(void)
{
	struct timeval	 tv = { 0, PROBE_TICK * 1000 };

	evtimer_add(&bindings.probe, &tv);
}

static void
bindings_probe(int fd, short event, void *arg)
{
	struct binding_source	*source;
	struct binding		*binding;
	int			 i;

	RB_FOREACH(binding, binding_tree_live, &bindings.tree)
		for (i = 0; i < FAMILIES; i++) {
			source = &binding->sources[i];
			if (!source->up && source->reason == text_ports)
				source_look_ports(binding, source);
			else
				source_look(binding, source);
		}
	bindings_probe_again();
}

static void
bindings_sweep(void *arg)
{
	struct binding	*binding;

	RB_FOREACH(binding, binding_tree_live, &bindings.tree)
		host_state_sweep(binding);
	loop_timer_set(&bindings.sweep, SWEEP);
}

void
binding_init(void)
{
	RB_INIT(&bindings.tree);
	evtimer_set(&bindings.probe, bindings_probe, NULL);
	loop_timer_init(&bindings.sweep, bindings_sweep, NULL);
	bindings_probe_again();
	loop_timer_set(&bindings.sweep, SWEEP);
}

struct binding *
binding_get(const char *name)
{
	struct binding	 key, *binding;

	key.name = (char *)(uintptr_t)name;
	binding = RB_FIND(binding_tree_live, &bindings.tree, &key);
	if (binding != NULL)
		return (binding);
	if ((binding = calloc(1, sizeof(*binding))) == NULL ||
	    (binding->name = strdup(name)) == NULL)
		fatal("binding_way");
	RB_INIT(&binding->host_states);
	RB_INIT(&binding->memos);
	TAILQ_INIT(&binding->line);
	TAILQ_INIT(&binding->held);
	TAILQ_INIT(&binding->idle);
	RB_INSERT(binding_tree_live, &bindings.tree, binding);
	return (binding);
}

static void
source_configure(struct binding *binding, int i,
    const struct sockaddr_storage *addr, int any, int wanted)
{
	struct binding_source	*source = &binding->sources[i];
	int			 owned;

	owned = (any || addr->ss_family != 0) &&
	    (wanted == AF_UNSPEC || wanted == families[i]);
	if (source->owned == owned && source->addr.ss_family ==
	    addr->ss_family && (addr->ss_family == 0 ||
	    sockaddr_same((struct sockaddr *)&source->addr,
	    (const struct sockaddr *)addr)))
		return;
	source->owned = owned;
	source->up = owned;
	source->reason = NULL;
	source->probe_after = 0;
	source->addr = *addr;
}

/* Take the configuration's view; what its addresses are is looked at now. */
static void
binding_configure(struct binding *binding, struct binding_conf *conf)
{
	static const struct sockaddr_storage	 none;
	int					 i, wanted;

	binding->conf = conf;
	if (conf == NULL) {
		memset(binding->sources, 0, sizeof(binding->sources));
		return;
	}
	wanted = (int)binding_option(binding, NULL, OPTION_FAMILY)->number;
	source_configure(binding, FAMILY_INET4, conf->any ? &none :
	    &conf->addr4, conf->any, wanted);
	source_configure(binding, FAMILY_INET6, conf->any ? &none :
	    &conf->addr6, conf->any, wanted);
	for (i = 0; i < FAMILIES; i++)
		source_look(binding, &binding->sources[i]);
}

void
binding_configured(struct config *conf)
{
	struct binding_conf	*b;
	struct binding	*binding;

	TAILQ_FOREACH(b, &conf->bindings, entry)
		if (strcmp(b->name, "*") != 0)
			binding_get(b->name);
	RB_FOREACH(binding, binding_tree_live, &bindings.tree)
		binding_configure(binding, config_binding(conf, binding->name));
	binding_tell_all();
}

struct binding *
binding_next(struct binding *binding)
{
	if (binding == NULL)
		return (RB_MIN(binding_tree_live, &bindings.tree));
	return (RB_NEXT(binding_tree_live, &bindings.tree, binding));
}

void
binding_tell_all(void)
{
	struct binding	*binding;

	RB_FOREACH(binding, binding_tree_live, &bindings.tree)
		binding_tell(binding);
}

void
binding_down(struct binding *binding, int family, enum source_error error)
{
	struct binding_source	*source;
	int			 ports = error == SOURCE_PORTS;

	source = &binding->sources[family_index(family)];
	source->probe_after = ports ? loop_seconds() + PORTS_WAIT : 0;
	source_edge(binding, source, 0, ports ? text_ports : text_missing);
}

void
binding_lost(struct binding *binding, const struct sockaddr *src)
{
	const struct binding_source	*source;

	source = binding_source(binding, src->sa_family);
	if (source != NULL && source->addr.ss_family != 0 &&
	    sockaddr_same((const struct sockaddr *)&source->addr, src))
		binding_down(binding, src->sa_family, SOURCE_MISSING);
	connection_source_lost(binding, src);
}

int
binding_has(const struct binding *binding, const struct sockaddr *addr)
{
	const struct binding_conf	*conf = binding->conf;

	if (conf == NULL || conf->any)
		return (0);
	return ((conf->addr4.ss_family != 0 && sockaddr_same(addr,
	    (const struct sockaddr *)&conf->addr4)) ||
	    (conf->addr6.ss_family != 0 && sockaddr_same(addr,
	    (const struct sockaddr *)&conf->addr6)));
}

const char *
binding_owner(const struct binding *binding, const struct sockaddr *addr)
{
	struct binding	*other;

	for (other = binding_next(NULL); other != NULL;
	    other = binding_next(other))
		if (other != binding && binding_has(other, addr))
			return (other->name);
	return (NULL);
}

void
binding_count(struct binding *binding, int change)
{
	int	 i;

	binding->connections = (unsigned int)((int)binding->connections +
	    change);
	/* what leaves from it is looked at each second from now on */
	for (i = 0; binding->connections == 1 && i < FAMILIES; i++)
		if (binding->sources[i].up)
			binding->sources[i].probe_after = loop_seconds() + 1;
}

const struct option *
binding_option(const struct binding *binding, const char *dest,
    enum option_id id)
{
	const struct site	*site = NULL;

	if (dest != NULL)
		site = config_site_of(mta_config(), dest);
	return (config_option(mta_config(), binding->conf, dest,
	    site == NULL ? NULL : site->name, id));
}

static const char *
binding_ehlo_text(const struct binding *binding)
{
	const char	*text;

	text = binding_option(binding, NULL, OPTION_EHLO)->text;

	return (text == NULL ? EHLO_HOSTNAME : text);
}

int
binding_ehlo_by_message(const struct binding *binding)
{
	return (strcmp(binding_ehlo_text(binding), EHLO_MESSAGE) == 0);
}

void
binding_ehlo(const struct binding *binding, const struct sockaddr *src,
    const char *sender, char *ehlo, size_t size)
{
	const char	*text = binding_ehlo_text(binding);

	if (strcmp(text, EHLO_MESSAGE) == 0) {
		if (sender[0] != '\0' && domain_valid(sender) &&
		    strlcpy(ehlo, sender, size) < size)
			return;
		text = EHLO_HOSTNAME;
	}
	if (strcmp(text, EHLO_HOSTNAME) == 0) {
		text = mta_config()->hostname;
		if (text == NULL || strchr(text, '.') == NULL)
			text = sockaddr_literal(src);
	}
	strlcpy(ehlo, text, size);
}
