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
 * Failed logins, so that guessing passwords is slow work however many
 * connections it uses.  Called by auth.c.  They are counted by address, which
 * only makes answers late: customers share addresses.  They are counted by
 * address and user name too, and that refuses.  One is forgiven a minute.
 * Each list is bounded, and whoever fills one cannot empty the other.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "smtpd/smtpd.h"

#define FORGIVEN	60		/* seconds for each */
#define ENTRIES_MAX	10000		/* of a list, then the oldest goes */
#define FAILURES_MAX	100		/* of one entry */
#define NAME_REFUSED	10		/* failures of a name from an address */
#define ADDRESS_SLOW	10		/* failures, then each is a second */
#define SECONDS_MAX	10
#define KEY_MAX		(AUTH_NAME_MAX + 64)

struct failures {
	RB_ENTRY(failures) node;
	TAILQ_ENTRY(failures) entry;
	unsigned int	 count;
	uint32_t	 since;		/* loop_seconds() of the last change */
	char		 key[];
};
RB_HEAD(failures_tree, failures);
RB_PROTOTYPE(failures_tree, failures, node, failures_compare);

struct failures_list {
	struct failures_tree	 tree;
	TAILQ_HEAD(, failures)	 all;	/* the last to fail is last */
	unsigned int		 size;
};

static struct {
	struct failures_list	 addresses;
	struct failures_list	 names;	/* each from one address */
} state = {
	.addresses.tree = RB_INITIALIZER(&state.addresses.tree),
	.addresses.all = TAILQ_HEAD_INITIALIZER(state.addresses.all),
	.names.tree = RB_INITIALIZER(&state.names.tree),
	.names.all = TAILQ_HEAD_INITIALIZER(state.names.all)
};

static int
failures_compare(struct failures *a, struct failures *b)
{
	return (strcmp(a->key, b->key));
}

RB_GENERATE(failures_tree, failures, node, failures_compare);

/* Case counts in names, as it does in the table of users. */
static const char *
name_key(const struct sockaddr *sa, const char *user, char *key)
{
	(void)snprintf(key, KEY_MAX, "%s %s", visitors_address(sa), user);
	return (key);
}

static void
failures_free(struct failures_list *list, struct failures *f)
{
	RB_REMOVE(failures_tree, &list->tree, f);
	TAILQ_REMOVE(&list->all, f, entry);
	list->size--;
	free(f);
}

/* The entry, what time forgives taken off; or NULL. */
static struct failures *
find(struct failures_list *list, const char *key)
{
	union {
		struct failures	 f;
		char		 room[sizeof(struct failures) + KEY_MAX];
	} u;
	struct failures	*f;
	uint32_t	 forgiven;

	strlcpy(u.f.key, key, KEY_MAX);
	if ((f = RB_FIND(failures_tree, &list->tree, &u.f)) == NULL)
		return (NULL);
	forgiven = (loop_seconds() - f->since) / FORGIVEN;
	if (forgiven >= f->count) {
		failures_free(list, f);
		return (NULL);
	}
	f->count -= forgiven;
	f->since += forgiven * FORGIVEN;
	return (f);
}

static void
add(struct failures_list *list, const char *key)
{
	struct failures	*f;
	size_t		 len = strlen(key) + 1;

	if ((f = find(list, key)) == NULL) {
		if (list->size >= ENTRIES_MAX)
			failures_free(list, TAILQ_FIRST(&list->all));
		if ((f = calloc(1, sizeof(*f) + len)) == NULL)
			fatal("calloc");
		memcpy(f->key, key, len);
		f->since = loop_seconds();
		RB_INSERT(failures_tree, &list->tree, f);
		list->size++;
	} else
		TAILQ_REMOVE(&list->all, f, entry);
	TAILQ_INSERT_TAIL(&list->all, f, entry);
	if (f->count < FAILURES_MAX)
		f->count++;
}

void
login_failures_add(const struct sockaddr *sa, const char *user)
{
	char	 key[KEY_MAX];

	add(&state.names, name_key(sa, user, key));
	add(&state.addresses, visitors_address(sa));
}

int
login_failures_refused(const struct sockaddr *sa, const char *user)
{
	const struct failures	*f;
	char			 key[KEY_MAX];

	f = find(&state.names, name_key(sa, user, key));
	return (f != NULL && f->count >= NAME_REFUSED);
}

unsigned int
login_failures_delay(const struct sockaddr *sa)
{
	const struct failures	*f;

	f = find(&state.addresses, visitors_address(sa));
	if (f == NULL || f->count <= ADDRESS_SLOW)
		return (0);
	return (f->count - ADDRESS_SLOW < SECONDS_MAX ?
	    f->count - ADDRESS_SLOW : SECONDS_MAX);
}
