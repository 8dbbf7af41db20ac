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
 * The live side of a binding (struct way): are its addresses there, how many
 * connections does it hold.  Addresses are looked at by binding a socket to
 * them, twice a second while one is missing, every ten seconds otherwise;
 * each edge is one log line and one message to queue.  Never answers with an
 * address that is not written in the binding.
 */

#include <event.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "mta/mta.h"

#define PROBE_TICK	500		/* milliseconds: what is down */
#define PROBE_UP	10		/* seconds between probes */
#define PORTS_WAIT	5		/* before exhausted ports are tried */
#define SWEEP		60

/* The reasons of a source that is down; compared as pointers. */
static const char	text_missing[] = "address missing";
static const char	text_ports[] = "ports exhausted";

RB_HEAD(ways, way);

static struct {
	struct ways		 tree;
	struct event		 probe;
	struct loop_timer	 sweep;
	struct loop_job		 tell;
} ways;

static int
way_compare(const struct way *a, const struct way *b)
{
	return (strcmp(a->name, b->name));
}

RB_PROTOTYPE(ways, way, node, way_compare);
RB_GENERATE(ways, way, node, way_compare)

static const int families[WAY_FAMILIES] = { AF_INET, AF_INET6 };

static int
family_index(int family)
{
	return (family == AF_INET6 ? WAY_INET6 : WAY_INET4);
}

const struct way_source *
binding_source(const struct way *way, int family)
{
	const struct way_source	*source = &way->sources[family_index(family)];

	return (source->owned ? source : NULL);
}

int
binding_usable(const struct way *way, int family)
{
	const struct way_source	*source = binding_source(way, family);

	return (source != NULL && source->up);
}

const char *
binding_reason(const struct way *way)
{
	int	 i;

	for (i = 0; i < WAY_FAMILIES; i++)
		if (way->sources[i].owned && !way->sources[i].up)
			return (way->sources[i].reason);
	return (NULL);
}

static void
way_tell(const struct way *way)
{
	struct ipc	*queue = mta_queue();

	if (queue == NULL || way->conf == NULL)
		return;
	ipc_begin(queue, MTA_BINDING);
	ipc_put_str(queue, way->name);
	ipc_put_u8(queue, binding_usable(way, AF_INET));
	ipc_put_u8(queue, binding_usable(way, AF_INET6));
	ipc_put_str(queue, binding_reason(way));
	ipc_end(queue);
}

static void
source_edge(struct way *way, struct way_source *source, int up,
    const char *reason)
{
	struct logline	 l;

	if (source->up == up && source->reason == reason)
		return;
	source->up = up;
	source->reason = reason;
	logline_start(&l, up ? "binding up" : "binding held");
	logline_add(&l, "binding", "%s", way->name);
	logline_add(&l, "family", "%s",
	    source == &way->sources[WAY_INET4] ? "inet4" : "inet6");
	if (source->addr.ss_family != 0)
		logline_add(&l, "address", "%s",
		    sockaddr_text((struct sockaddr *)&source->addr));
	if (reason != NULL)
		logline_add(&l, "reason", "%s", reason);
	logline_end(&l);
	way_tell(way);
	lane_binding_changed(way);
	if (source->addr.ss_family != 0 && reason == text_missing)
		connection_source_lost(way,
		    (const struct sockaddr *)&source->addr);
}

static void
source_look(struct way *way, struct way_source *source)
{
	if (!source->owned || source->addr.ss_family == 0 ||
	    loop_seconds() < source->probe_after)
		return;
	source->probe_after = loop_seconds() + PROBE_UP;
	switch (source_probe((struct sockaddr *)&source->addr)) {
	case SOURCE_OK:
		source_edge(way, source, 1, NULL);
		break;
	case SOURCE_MISSING:
		source_edge(way, source, 0, text_missing);
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
source_look_ports(struct way *way, struct way_source *source)
{
	if (loop_seconds() >= source->probe_after ||
	    (source->addr.ss_family != 0 &&
	    source_probe_port((struct sockaddr *)&source->addr) == SOURCE_OK))
		source_edge(way, source, 1, NULL);
}

static void
ways_probe_again(void)
{
	struct timeval	 tv = { 0, PROBE_TICK * 1000 };

	evtimer_add(&ways.probe, &tv);
}

static void
ways_probe(int fd, short event, void *arg)
{
	struct way_source	*source;
	struct way		*way;
	int			 i;

	RB_FOREACH(way, ways, &ways.tree)
		for (i = 0; i < WAY_FAMILIES; i++) {
			source = &way->sources[i];
			if (!source->up && source->reason == text_ports)
				source_look_ports(way, source);
			else
				source_look(way, source);
		}
	ways_probe_again();
}

static void
ways_sweep(void *arg)
{
	struct way	*way;

	RB_FOREACH(way, ways, &ways.tree)
		peer_sweep(way);
	loop_timer_set(&ways.sweep, SWEEP);
}

static void
ways_tell_counts(void *arg)
{
	struct ipc	*queue = mta_queue();
	struct way	*way;

	RB_FOREACH(way, ways, &ways.tree) {
		if (queue == NULL || way->told == way->connections)
			continue;
		way->told = way->connections;
		ipc_begin(queue, MTA_COUNTS);
		ipc_put_str(queue, way->name);
		ipc_put_u32(queue, way->connections);
		ipc_end(queue);
	}
}

void
binding_init(void)
{
	RB_INIT(&ways.tree);
	evtimer_set(&ways.probe, ways_probe, NULL);
	loop_timer_init(&ways.sweep, ways_sweep, NULL);
	loop_job_init(&ways.tell, ways_tell_counts, NULL);
	ways_probe_again();
	loop_timer_set(&ways.sweep, SWEEP);
}

struct way *
binding_way(const char *name)
{
	struct way	 key, *way;

	key.name = (char *)(uintptr_t)name;
	if ((way = RB_FIND(ways, &ways.tree, &key)) != NULL)
		return (way);
	if ((way = calloc(1, sizeof(*way))) == NULL ||
	    (way->name = strdup(name)) == NULL)
		fatal("binding_way");
	RB_INIT(&way->peers);
	RB_INIT(&way->lanes);
	TAILQ_INIT(&way->idle);
	RB_INSERT(ways, &ways.tree, way);
	return (way);
}

static void
source_configure(struct way *way, int i, const struct sockaddr_storage *addr,
    int any, int wanted)
{
	struct way_source	*source = &way->sources[i];
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
way_configure(struct way *way, struct binding_conf *conf)
{
	static const struct sockaddr_storage	 none;
	int					 i, wanted;

	way->conf = conf;
	if (conf == NULL) {
		memset(way->sources, 0, sizeof(way->sources));
		return;
	}
	wanted = (int)binding_option(way, NULL, OPTION_FAMILY)->number;
	source_configure(way, WAY_INET4, conf->any ? &none : &conf->addr4,
	    conf->any, wanted);
	source_configure(way, WAY_INET6, conf->any ? &none : &conf->addr6,
	    conf->any, wanted);
	for (i = 0; i < WAY_FAMILIES; i++)
		source_look(way, &way->sources[i]);
}

void
binding_configured(struct config *conf)
{
	struct binding_conf	*b;
	struct way	*way;

	TAILQ_FOREACH(b, &conf->bindings, entry)
		if (strcmp(b->name, "*") != 0)
			binding_way(b->name);
	RB_FOREACH(way, ways, &ways.tree)
		way_configure(way, config_binding(conf, way->name));
	binding_tell_all();
}

void
binding_tell_all(void)
{
	struct way	*way;

	RB_FOREACH(way, ways, &ways.tree)
		way_tell(way);
}

void
binding_down(struct way *way, int family, enum source_error error)
{
	struct way_source	*source = &way->sources[family_index(family)];
	int			 ports = error == SOURCE_PORTS;

	source->probe_after = ports ? loop_seconds() + PORTS_WAIT : 0;
	source_edge(way, source, 0, ports ? text_ports : text_missing);
}

void
binding_lost(struct way *way, const struct sockaddr *src)
{
	const struct way_source	*source = binding_source(way, src->sa_family);

	if (source != NULL && source->addr.ss_family != 0 &&
	    sockaddr_same((const struct sockaddr *)&source->addr, src))
		binding_down(way, src->sa_family, SOURCE_MISSING);
	connection_source_lost(way, src);
}

const char *
binding_owner(const struct way *way, const struct sockaddr *addr)
{
	const struct sockaddr	*other;
	struct way		*w;
	int			 i;

	RB_FOREACH(w, ways, &ways.tree) {
		if (w == way || w->conf == NULL || w->conf->any)
			continue;
		for (i = 0; i < WAY_FAMILIES; i++) {
			other = (struct sockaddr *)(i == WAY_INET4 ?
			    &w->conf->addr4 : &w->conf->addr6);
			if (other->sa_family != 0 &&
			    sockaddr_same(other, addr))
				return (w->name);
		}
	}
	return (NULL);
}

void
binding_count(struct way *way, int change)
{
	way->connections = (unsigned int)((int)way->connections + change);
	loop_job_queue(&ways.tell);
}

const struct option *
binding_option(const struct way *way, const char *dest, enum option_id id)
{
	const struct site	*site = NULL;

	if (dest != NULL)
		site = config_site_of(mta_config(), dest);
	return (config_option(mta_config(), way->conf, dest,
	    site == NULL ? NULL : site->name, id));
}

static const char *
way_ehlo_text(const struct way *way)
{
	const char	*text = binding_option(way, NULL, OPTION_EHLO)->text;

	return (text == NULL ? EHLO_HOSTNAME : text);
}

int
binding_ehlo_by_message(const struct way *way)
{
	return (strcmp(way_ehlo_text(way), EHLO_MESSAGE) == 0);
}

void
binding_ehlo(const struct way *way, const struct sockaddr *src,
    const char *sender, char *ehlo, size_t size)
{
	const char	*text = way_ehlo_text(way), *domain;

	if (strcmp(text, EHLO_MESSAGE) == 0) {
		domain = address_domain(sender);
		if (*domain != '\0' && domain_valid(domain) &&
		    strlcpy(ehlo, domain, size) < size)
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
