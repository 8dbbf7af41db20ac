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
 * A client arrives: who is behind the connection (the account at the local
 * socket, the address or what the proxy says of it), then the greeting.
 * Called by session.c with a new session, and by secure.c.  Until it is known
 * who the client is, nothing that it says is taken for a command.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtpd/proxy.h"
#include "smtpd/smtpd.h"

#define PROXY_WAIT	10		/* seconds to say whose it is */
#define INPUT_MAX	65536

static void
set_client(struct session *s)
{
	strlcpy(s->client, sockaddr_text((const struct sockaddr *)&s->peer),
	    sizeof(s->client));
}

/*
 * RFC 5321 4.3.1: the client waits for us to speak first.  A script that says
 * hello at once is no harm; what else comes is not from a mailer.
 */
static int
spoke_early(const struct session *s)
{
	char	 text[4];
	ssize_t	 n;

	if (endpoint_is_socket(s->endpoint) || secure(s))
		return (0);
	n = recv(io_fd(s->io), text, sizeof(text), MSG_PEEK | MSG_DONTWAIT);
	return (n > 0 && strncasecmp(text, "EHLO", n) != 0 &&
	    strncasecmp(text, "HELO", n) != 0);
}

void
arrive_greet(struct session *s)
{
	s->state = SESSION_COMMAND;
	if (spoke_early(s)) {
		session_refused(s, "554", "early-talker", NULL, NULL);
		session_close(s, 1, "554 5.5.0 %s You spoke before the "
		    "greeting", endpoint_hostname(s->endpoint));
		return;
	}
	session_reply(s, "220 %s ESMTP Bindery",
	    endpoint_hostname(s->endpoint));
	session_run(s);
}

/* Who the client is has become known. */
static void
welcome(struct session *s)
{
	rdns_ask(s, server_config());
	if (endpoint_policy(s->endpoint)->tls == LISTEN_SMTPS)
		secure_start(s);
	else
		arrive_greet(s);
}

/* The proxy's word on whose connection it is.  0: more has to come. */
int
arrive_proxy(struct session *s)
{
	struct sockaddr_storage	 client;
	size_t			 need;

	if (io_len(s->io) == 0)
		return (0);
	switch (proxy_parse(io_data(s->io), io_len(s->io), &need, &client)) {
	case 0:
		/* not an octet more: a TLS handshake may come next */
		io_set_limit(s->io, need);
		return (0);
	case -1:
		session_refused(s, "421", "proxy", NULL, NULL);
		session_close(s, 1, "421 4.3.0 %s This is for a proxy only",
		    endpoint_hostname(s->endpoint));
		return (1);
	}
	io_drain(s->io, need);
	io_set_limit(s->io, INPUT_MAX);
	io_set_timeout(s->io, SESSION_IDLE);
	if (client.ss_family != 0)
		s->peer = client;
	set_client(s);
	if (visitors_enter((const struct sockaddr *)&s->peer) == -1) {
		session_refused(s, "421", "max-connections-per-address", NULL,
		    NULL);
		session_close(s, 1, "421 4.7.0 Too many connections from "
		    "your address");
		return (1);
	}
	s->counted = 1;
	welcome(s);
	return (1);
}

/* Ask for the account behind the local socket. */
static void
ask_name(struct session *s)
{
	struct ipc	*names = server_names();

	if (names == NULL) {
		arrive_greet(s);
		return;
	}
	s->state = SESSION_NAME;
	ipc_begin(names, SMTPD_UID);
	ipc_put_u64(names, s->id);
	ipc_put_u32(names, s->uid);
	ipc_end(names);
}

void
arrive(struct session *s)
{
	const struct sockaddr	*peer = (const struct sockaddr *)&s->peer;
	int			 on = 1;

	if (endpoint_is_socket(s->endpoint)) {
		s->local = 1;
		ask_name(s);
		return;
	}
	/* replies are gathered already: none should wait for an ACK */
	(void)setsockopt(io_fd(s->io), IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on));
	set_client(s);
	if (endpoint_proxy(s->endpoint)) {
		/* the proxy's address, until it says whose */
		s->state = SESSION_PROXY;
		io_set_limit(s->io, PROXY_HEAD);
		io_set_deadline(s->io, PROXY_WAIT);
		return;
	}
	s->counted = 1;
	s->local = config_peer_is_local(server_config(), peer);
	welcome(s);
}

void
arrive_named(uint64_t id, const char *user)
{
	struct session	*s = session_find(id);

	if (s == NULL || s->state != SESSION_NAME)
		return;
	/* a name cut short would be another's */
	if (user != NULL && strlcpy(s->user, user, sizeof(s->user)) >=
	    sizeof(s->user))
		s->user[0] = '\0';
	arrive_greet(s);
}
