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
 * Addresses at which the daemon really listens, as the parent opened them:
 * what the configuration says may be the name of an interface or of a host.
 * Mail whose next hop is one of them would come in again, as a stranger's.
 */

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/address.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/role.h"
#include "mta/binding.h"
#include "mta/mta.h"
#include "mta/own.h"
#include "mta/source.h"

struct bound {
	TAILQ_ENTRY(bound)	 entry;
	uint32_t		 generation;	/* of the configuration */
	struct sockaddr_storage	 addr;		/* with port */
};

static struct {
	TAILQ_HEAD(, bound)	 all;
} own = { TAILQ_HEAD_INITIALIZER(own.all) };

void
own_bound(struct ipc *parent, struct ipc_msg *msg)
{
	struct bound	*b;
	const char	*text;
	uint16_t	 port;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		fatal("calloc");
	b->generation = ipc_get_u32(msg);
	text = ipc_get_str(msg);
	port = ipc_get_u16(msg);
	ipc_get_end(msg);
	if (text == NULL || sockaddr_parse(text, &b->addr) == -1) {
		free(b);
		return;
	}
	sockaddr_set_port((struct sockaddr *)&b->addr, port);
	TAILQ_INSERT_TAIL(&own.all, b, entry);
}

void
own_configured(void)
{
	struct bound	*b, *next;

	TAILQ_FOREACH_SAFE(b, &own.all, entry, next) {
		if (b->generation == role_generation())
			continue;
		TAILQ_REMOVE(&own.all, b, entry);
		free(b);
	}
}

static int
is_wildcard(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return (((const struct sockaddr_in *)sa)->sin_addr.s_addr ==
		    INADDR_ANY);
	return (IN6_IS_ADDR_UNSPECIFIED(
	    &((const struct sockaddr_in6 *)sa)->sin6_addr));
}

/*
 * Is it an address of this host?  Where the system lets any address be bound,
 * a bind proves nothing: then those that are known to be must do.
 */
static int
is_here(const struct sockaddr *sa)
{
	struct sockaddr_storage	 nobody;
	const struct binding	*b;

	if (source_probe(sa) != SOURCE_OK)
		return (0);
	if (sockaddr_parse(sa->sa_family == AF_INET ? "240.0.0.1" :
	    "100::1", &nobody) == -1 ||
	    source_probe((struct sockaddr *)&nobody) != SOURCE_OK ||
	    sockaddr_loopback(sa))
		return (1);
	for (b = binding_next(NULL); b != NULL;
	    b = binding_next((struct binding *)(uintptr_t)b))
		if (binding_has(b, sa))
			return (1);
	return (0);
}

int
own_address(const struct sockaddr *sa)
{
	const struct sockaddr	*addr;
	const struct bound	*b;

	TAILQ_FOREACH(b, &own.all, entry) {
		addr = (const struct sockaddr *)&b->addr;
		if (b->generation != role_generation() ||
		    addr->sa_family != sa->sa_family ||
		    sockaddr_port(addr) != sockaddr_port(sa))
			continue;
		if (sockaddr_same(addr, sa) || (is_wildcard(addr) &&
		    is_here(sa)))
			return (1);
	}
	return (0);
}

int
own_name(const char *name)
{
	const struct config		*conf = mta_config();
	const struct binding_conf	*b;
	const char			*text;

	if (conf->hostname != NULL && strcasecmp(conf->hostname, name) == 0)
		return (1);
	TAILQ_FOREACH(b, &conf->bindings, entry) {
		text = b->options[OPTION_EHLO].text;
		if (b->options[OPTION_EHLO].set && text != NULL &&
		    strcasecmp(text, name) == 0)
			return (1);
	}
	return (0);
}
