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
 * SMTP AUTH of a client (RFC 4954): PLAIN, else LOGIN, with the credentials
 * that the action's table has for the label of its host.  Called by starttls.c
 * when the connection is under TLS; never in clear.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/text.h"
#include "mta/client.h"
#include "mta/mta.h"

#define AUTH_PLAIN	0x1
#define AUTH_LOGIN	0x2

#define AUTH_TEXT	512		/* user or password */
#define AUTH_BASE64	1400		/* of both, with two NUL */

void
login_offered(struct connection *c, const char *list, size_t len)
{
	size_t	 word;

	while (len > 0) {
		for (word = 0; word < len && list[word] != ' '; word++)
			continue;
		if (word == 5 && strncasecmp(list, "PLAIN", 5) == 0)
			c->auth |= AUTH_PLAIN;
		else if (word == 5 && strncasecmp(list, "LOGIN", 5) == 0)
			c->auth |= AUTH_LOGIN;
		list += word < len ? word + 1 : word;
		len -= word < len ? word + 1 : word;
	}
}

static int
refuse(struct connection *c, const char *what, const char *reply)
{
	char	 text[MTA_TEXT];

	snprintf(text, sizeof(text), "%s: %s", what, reply);
	connection_failed(c, text);
	return (-1);
}

/* "user:password" of the label.  -1: there is none that could be sent. */
static int
credentials(const struct connection *c, char *user, char *password)
{
	const struct action	*a;
	const char		*value, *colon;

	a = config_action(mta_config(), c->policy.action);
	if (a == NULL || a->auth == NULL || a->relay_label == NULL ||
	    (value = table_get_case(a->auth, a->relay_label)) == NULL ||
	    (colon = strchr(value, ':')) == NULL ||
	    (size_t)(colon - value) >= AUTH_TEXT)
		return (-1);
	memcpy(user, value, (size_t)(colon - value));
	user[colon - value] = '\0';
	return (strlcpy(password, colon + 1, AUTH_TEXT) >= AUTH_TEXT ? -1 : 0);
}

static void
say(struct connection *c, const char *before, const void *secret, size_t len)
{
	char	 text[AUTH_BASE64];

	if (base64_encode(secret, len, text, sizeof(text)) == -1)
		fatalx("login: no room");
	io_printf(c->io, "%s%s\r\n", before, text);
	explicit_bzero(text, sizeof(text));
}

static void
say_plain(struct connection *c, const char *user, const char *password)
{
	char	 both[2 * AUTH_TEXT + 2];
	size_t	 n = strlen(user), m = strlen(password);

	both[0] = '\0';
	memcpy(both + 1, user, n + 1);
	memcpy(both + n + 2, password, m);
	say(c, "AUTH PLAIN ", both, n + m + 2);
	explicit_bzero(both, sizeof(both));
}

/* The next line of the exchange; the peer wants one. */
static int
login_say(struct connection *c)
{
	char	 user[AUTH_TEXT], password[AUTH_TEXT];

	if (credentials(c, user, password) == -1)
		return (refuse(c, "AUTH", "no user:password for the label"));
	if (c->auth & AUTH_PLAIN)
		say_plain(c, user, password);
	else if (c->auth_step == 0)
		io_printf(c->io, "AUTH LOGIN\r\n");
	else if (c->auth_step == 1)
		say(c, "", user, strlen(user));
	else
		say(c, "", password, strlen(password));
	c->auth_step++;
	explicit_bzero(password, sizeof(password));
	client_expect(c, COMMAND_AUTH, 0);
	return (0);
}

int
login_start(struct connection *c)
{
	if (!c->secure)
		return (refuse(c, "AUTH", "never in clear"));
	if (c->auth == 0)
		return (refuse(c, c->place.mx,
		    "offers neither AUTH PLAIN nor AUTH LOGIN"));
	connection_stage(c, STAGE_AUTH);
	c->auth_step = 0;
	return (login_say(c));
}

int
login_reply(struct connection *c)
{
	int	 steps = c->auth & AUTH_PLAIN ? 1 : 3;

	if (c->reply.code == 235) {
		connection_ready(c);
		return (0);
	}
	if (c->reply.code == 334 && c->auth_step < steps)
		return (login_say(c));
	return (refuse(c, "AUTH", c->reply.text));
}
