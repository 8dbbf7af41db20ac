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
 * bindery -n and -nv: is this configuration right, and does this host fit it?
 * The errors are the parser's; here is what only the host and DNS can say.
 * It changes nothing, and what DNS answers never makes a configuration wrong.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtpd/parent.h"

static void
check_address(const struct binding_conf *binding,
    const struct sockaddr_storage *addr, struct load_report *report)
{
	const struct sockaddr	*sa = (const struct sockaddr *)addr;
	int			 fd;

	if (sa->sa_family == AF_UNSPEC)
		return;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, sa, sockaddr_len(sa)) == -1)
		load_say(report, &binding->address_origin, 1,
		    "binding \"%s\": bind-address %s: %s", binding->name,
		    sockaddr_text(sa), errno == EADDRNOTAVAIL ?
		    "not an address of this host" : strerror(errno));
	if (fd != -1)
		close(fd);
}

void
check_addresses(const struct config *conf, struct load_report *report)
{
	const struct binding_conf	*binding;

	TAILQ_FOREACH(binding, &conf->bindings, entry) {
		check_address(binding, &binding->addr4, report);
		check_address(binding, &binding->addr6, report);
	}
}

static int
forward_agrees(const char *name, const struct sockaddr *addr, int *error)
{
	struct addrinfo	 hints, *all, *one;
	int		 agrees = 0;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = addr->sa_family;
	hints.ai_socktype = SOCK_STREAM;
	*error = getaddrinfo(name, NULL, &hints, &all);
	if (*error != 0)
		return (0);
	for (one = all; one != NULL; one = one->ai_next)
		agrees |= sockaddr_same(one->ai_addr, addr);
	freeaddrinfo(all);
	return (agrees);
}

/* A receiver asks for both directions before it believes an EHLO name. */
static void
check_name(const struct binding_conf *binding, const char *name,
    const struct sockaddr_storage *addr, struct load_report *report)
{
	const struct sockaddr	*sa = (const struct sockaddr *)addr;
	char			 reverse[NI_MAXHOST];
	int			 error;

	if (sa->sa_family == AF_UNSPEC || sockaddr_loopback(sa))
		return;
	if (!forward_agrees(name, sa, &error)) {
		if (error != 0)
			load_say(report, &binding->origin, 1, "binding "
			    "\"%s\": EHLO name %s: %s", binding->name, name,
			    gai_strerror(error));
		else
			load_say(report, &binding->origin, 1, "binding "
			    "\"%s\": EHLO name %s does not lead to %s",
			    binding->name, name, sockaddr_text(sa));
	}
	error = getnameinfo(sa, sockaddr_len(sa), reverse, sizeof(reverse),
	    NULL, 0, NI_NAMEREQD);
	if (error != 0)
		load_say(report, &binding->origin, 1, "binding \"%s\": no "
		    "reverse DNS for %s: %s", binding->name,
		    sockaddr_text(sa), gai_strerror(error));
	else if (strcasecmp(reverse, name) != 0)
		load_say(report, &binding->origin, 1, "binding \"%s\": "
		    "reverse DNS of %s is %s, the EHLO name is %s",
		    binding->name, sockaddr_text(sa), reverse, name);
}

static void
check_names(const struct config *conf, struct load_report *report)
{
	const struct binding_conf	*binding;
	const struct option	*ehlo;
	const char		*name;

	TAILQ_FOREACH(binding, &conf->bindings, entry) {
		ehlo = config_option(conf, binding, NULL, NULL, OPTION_EHLO);
		name = ehlo->text;
		if (name == NULL || strcmp(name, EHLO_HOSTNAME) == 0)
			name = conf->hostname;
		if (name == NULL || strcmp(name, EHLO_MESSAGE) == 0)
			continue;
		check_name(binding, name, &binding->addr4, report);
		check_name(binding, name, &binding->addr6, report);
	}
}

static void
check_advice(void *arg, const struct origin *origin, int warning,
    const char *text)
{
	load_say(arg, origin, warning, "%s", text);
}

int
check_run(const struct parent_options *options)
{
	struct load_report	 report = { 0 };
	struct config_io	 io = {
		.report = check_advice, .arg = &report
	};
	struct bundle		 files = TAILQ_HEAD_INITIALIZER(files);
	struct config		*conf;

	conf = load_config(options, 0, &files, &report);
	if (conf == NULL) {
		bundle_free(&files);
		return (1);
	}
	if (options->verbose > 0) {
		check_addresses(conf, &report);
		config_advise(conf, &io);
		check_names(conf, &report);
		config_print(conf, stdout);
	} else
		fprintf(stderr, "configuration OK\n");
	config_free(conf);
	bundle_free(&files);
	return (fflush(stdout) == 0 ? 0 : 1);
}
