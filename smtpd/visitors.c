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
 * How many connections each client address and each user has, so that none
 * of them takes all.  Called by server.c and auth.c; holds an entry for what
 * is connected now, and nothing else.
 */

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "smtpd/smtpd.h"

#define KEY_MAX		(AUTH_NAME_MAX + 8)

struct visitor {
	RB_ENTRY(visitor) node;
	unsigned int	 sessions;
	char		 key[];
};
RB_HEAD(visitor_tree, visitor);
RB_PROTOTYPE(visitor_tree, visitor, node, visitor_compare);

static struct {
	struct visitor_tree	 tree;
} state = {
	.tree = RB_INITIALIZER(&state.tree)
};

static int
visitor_compare(struct visitor *a, struct visitor *b)
{
	return (strcmp(a->key, b->key));
}

RB_GENERATE(visitor_tree, visitor, node, visitor_compare);

static struct visitor *
find(const char *key)
{
	union {
		struct visitor	 v;
		char		 room[sizeof(struct visitor) + KEY_MAX];
	} u;

	strlcpy(u.v.key, key, KEY_MAX);
	return (RB_FIND(visitor_tree, &state.tree, &u.v));
}

static int
enter(const char *key, int64_t max)
{
	struct visitor	*v;
	size_t		 len = strlen(key) + 1;

	if ((v = find(key)) == NULL) {
		if ((v = calloc(1, sizeof(*v) + len)) == NULL)
			fatal("calloc");
		memcpy(v->key, key, len);
		RB_INSERT(visitor_tree, &state.tree, v);
	}
	if (max > 0 && v->sessions >= max)
		return (-1);
	v->sessions++;
	return (0);
}

static void
leave(const char *key)
{
	struct visitor	*v;

	if ((v = find(key)) == NULL || --v->sessions > 0)
		return;
	RB_REMOVE(visitor_tree, &state.tree, v);
	free(v);
}

/* Whoever has one IPv6 address has the 2^64 of its network. */
const char *
visitors_address(const struct sockaddr *sa)
{
	struct sockaddr_in6	 in6;

	if (sa->sa_family != AF_INET6)
		return (sockaddr_text(sa));
	memcpy(&in6, sa, sizeof(in6));
	memset(&in6.sin6_addr.s6_addr[8], 0, 8);
	return (sockaddr_text((const struct sockaddr *)&in6));
}

/* No address begins so. */
static const char *
user_key(const char *user, char *key)
{
	(void)snprintf(key, KEY_MAX, "user %s", user);
	return (key);
}

int
visitors_enter(const struct sockaddr *sa)
{
	return (enter(visitors_address(sa),
	    server_config()->smtp_max_per_address));
}

void
visitors_leave(const struct sockaddr *sa)
{
	leave(visitors_address(sa));
}

/* Those of the local socket: no account takes all of it. */
int
visitors_enter_uid(uid_t uid, int64_t max)
{
	char	 key[KEY_MAX];

	(void)snprintf(key, sizeof(key), "uid %u", (unsigned int)uid);
	return (enter(key, max));
}

void
visitors_leave_uid(uid_t uid)
{
	char	 key[KEY_MAX];

	(void)snprintf(key, sizeof(key), "uid %u", (unsigned int)uid);
	leave(key);
}

int
visitors_login(const char *user)
{
	char	 key[KEY_MAX];

	return (enter(user_key(user, key),
	    server_config()->smtp_max_per_user));
}

void
visitors_logout(const char *user)
{
	char	 key[KEY_MAX];

	leave(user_key(user, key));
}
