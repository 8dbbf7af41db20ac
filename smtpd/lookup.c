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
 * Two roles that answer smtpd's questions, so that smtpd need neither block
 * nor see a hash: names knows the accounts of this host, passwords checks
 * what a client says against the hashes of the tables that it was given.
 * Neither ever tells more than yes, no and who; passwords takes as long for
 * a user that is not there as for one that is.
 */

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/address.h"
#include "lib/config.h"
#include "lib/ipc.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/role.h"
#include "lib/table.h"
#include "smtpd/roles.h"

#define WAITING_MAX	100		/* questions, then busy */
#define PASSWD_MAX	(64 * 1024)	/* an account's strings */
#define NAME_LONGEST	255
#define TEXT_LONGEST	(16 * 1024)	/* more than a command line has */

/* Answers on the channel: see lib/ipc.h. */
#define ANSWER_NO	0
#define ANSWER_YES	1
#define ANSWER_ERROR	2		/* names */
#define ANSWER_BUSY	2		/* passwords */

/* Costs what a new hash costs; no password is known to have it. */
#define DUMMY_HASH	"$2b$10$TCeQii2VH7wdyWnXxKUlXOrc950GprR3fj9T0P0hdM" \
			"PRcNcfMOsNm"

/* A password to be checked.  Its strings follow it in memory. */
struct question {
	TAILQ_ENTRY(question) entry;
	uint64_t	 ask;
	size_t		 size;
	char		*table;
	char		*user;
	char		*password;
};
TAILQ_HEAD(questions, question);

/* All that wait for one client address: one is served per round. */
struct client {
	TAILQ_ENTRY(client) entry;
	char		*address;
	unsigned int	 waiting;
	struct questions questions;
};
TAILQ_HEAD(clients, client);

static void	 on_name(struct ipc *, struct ipc_msg *);
static void	 on_uid(struct ipc *, struct ipc_msg *);
static void	 on_password(struct ipc *, struct ipc_msg *);
static const char *client_address(const char *);
static struct client *client_get(const char *);
static struct client *client_longest(void);
static void	 client_free_if_idle(struct client *);
static struct question *question_new(uint64_t, const char *, const char *,
		    const char *);
static void	 question_free(struct client *, struct question *);
static void	 questions_forget(void);
static void	 answer_password(uint64_t, uint8_t);
static int	 make_room(const struct client *);
static const struct table *auth_table(const char *);
static const char *dummy_hash(const struct table *);
static uint8_t	 check(const struct question *);
static void	 serve(void *);
static void	 smtpd_gone(struct ipc *, void *);
static void	 lookup_peer(enum role, int);
static void	 passwords_configured(struct config *, struct config *);

static const struct ipc_entry names_entries[] = {
	{ SMTPD_NAME,		on_name },
	{ SMTPD_UID,		on_uid },
	{ IPC_NONE,		NULL }
};

static const struct ipc_entry passwords_entries[] = {
	{ SMTPD_PASSWORD,	on_password },
	{ IPC_NONE,		NULL }
};

static const struct role_callbacks names_callbacks = {
	.peer = lookup_peer
};

static const struct role_callbacks passwords_callbacks = {
	.configured = passwords_configured,
	.peer = lookup_peer
};

static struct {
	const struct ipc_entry	*entries;
	struct ipc		*smtpd;
	const struct config	*config;
	struct clients		 clients;	/* next to be served first */
	unsigned int		 waiting;
	struct loop_job		 serve;
	char			 strings[PASSWD_MAX];	/* of an account */
} state;

/* names */

static void
on_name(struct ipc *ipc, struct ipc_msg *msg)
{
	struct passwd account, *found = NULL;
	const char *name;
	uint64_t ask;
	uint8_t answer = ANSWER_NO;
	int error;

	ask = ipc_get_u64(msg);
	name = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (name != NULL && *name != '\0' && strlen(name) <= NAME_LONGEST) {
		error = getpwnam_r(name, &account, state.strings,
		    sizeof(state.strings), &found);
		if (found != NULL)
			answer = ANSWER_YES;
		else if (error != 0 && error != ENOENT && error != ESRCH) {
			errno = error;
			log_warn("getpwnam");
			answer = ANSWER_ERROR;
		}
	}
	ipc_begin(ipc, LOOKUP_NAME);
	ipc_put_u64(ipc, ask);
	ipc_put_u8(ipc, answer);
	ipc_end(ipc);
}

static void
on_uid(struct ipc *ipc, struct ipc_msg *msg)
{
	struct passwd account, *found = NULL;
	uint64_t ask;
	uid_t uid;

	ask = ipc_get_u64(msg);
	uid = ipc_get_u32(msg);
	if (ipc_get_end(msg) == -1)
		return;
	(void)getpwuid_r(uid, &account, state.strings,
	    sizeof(state.strings), &found);
	ipc_begin(ipc, LOOKUP_UID);
	ipc_put_u64(ipc, ask);
	ipc_put_str(ipc, found == NULL ? NULL : found->pw_name);
	ipc_end(ipc);
}

/* passwords: who waits */

/*
 * The address that takes turns: of IPv6 the /64, for whoever has one address
 * of it has all.
 */
static const char *
client_address(const char *text)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

	if (text == NULL || sockaddr_parse(text, &ss) == -1)
		return ("");
	if (ss.ss_family == AF_INET6)
		memset(&in6->sin6_addr.s6_addr[8], 0, 8);
	return (sockaddr_text((struct sockaddr *)&ss));
}

static struct client *
client_get(const char *address)
{
	struct client *c;

	TAILQ_FOREACH(c, &state.clients, entry)
		if (strcmp(c->address, address) == 0)
			return (c);
	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->address = strdup(address)) == NULL)
		fatal("client_get");
	TAILQ_INIT(&c->questions);
	TAILQ_INSERT_TAIL(&state.clients, c, entry);
	return (c);
}

static struct client *
client_longest(void)
{
	struct client *c, *longest = NULL;

	TAILQ_FOREACH(c, &state.clients, entry)
		if (longest == NULL || c->waiting > longest->waiting)
			longest = c;
	return (longest);
}

static void
client_free_if_idle(struct client *c)
{
	if (c->waiting > 0)
		return;
	TAILQ_REMOVE(&state.clients, c, entry);
	free(c->address);
	free(c);
}

static struct question *
question_new(uint64_t ask, const char *table, const char *user,
    const char *password)
{
	struct question *q;
	size_t len[3] = {
		strlen(table) + 1, strlen(user) + 1, strlen(password) + 1
	};
	size_t size = sizeof(*q) + len[0] + len[1] + len[2];

	if ((q = calloc(1, size)) == NULL)
		fatal("question_new");
	q->ask = ask;
	q->size = size;
	q->table = memcpy(q + 1, table, len[0]);
	q->user = memcpy(q->table + len[0], user, len[1]);
	q->password = memcpy(q->user + len[1], password, len[2]);
	return (q);
}

static void
question_free(struct client *c, struct question *q)
{
	TAILQ_REMOVE(&c->questions, q, entry);
	c->waiting--;
	state.waiting--;
	freezero(q, q->size);
}

static void
questions_forget(void)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&state.clients)) != NULL) {
		while (!TAILQ_EMPTY(&c->questions))
			question_free(c, TAILQ_FIRST(&c->questions));
		client_free_if_idle(c);
	}
}

static void
answer_password(uint64_t ask, uint8_t answer)
{
	ipc_begin(state.smtpd, LOOKUP_PASSWORD);
	ipc_put_u64(state.smtpd, ask);
	ipc_put_u8(state.smtpd, answer);
	ipc_end(state.smtpd);
}

/*
 * All places are taken: whoever holds most of them gives one up, unless that
 * is the one who asks.
 */
static int
make_room(const struct client *asking)
{
	struct client *c = client_longest();
	struct question *q;

	if (state.waiting < WAITING_MAX)
		return (1);
	if (c->waiting <= asking->waiting + 1)
		return (0);
	q = TAILQ_LAST(&c->questions, questions);
	answer_password(q->ask, ANSWER_BUSY);
	question_free(c, q);
	return (1);
}

static void
on_password(struct ipc *ipc, struct ipc_msg *msg)
{
	const char *address, *password, *table, *user;
	struct question *q;
	struct client *c;
	uint64_t ask;

	ask = ipc_get_u64(msg);
	address = client_address(ipc_get_str(msg));
	table = ipc_get_str(msg);
	user = ipc_get_str(msg);
	password = ipc_get_str(msg);
	if (ipc_get_end(msg) == -1)
		return;
	if (table == NULL || user == NULL || password == NULL ||
	    strlen(user) > NAME_LONGEST ||
	    strlen(table) > TEXT_LONGEST || strlen(password) > TEXT_LONGEST) {
		answer_password(ask, ANSWER_NO);
		return;
	}
	c = client_get(address);
	if (!make_room(c)) {
		ipc_wipe(password, strlen(password));
		answer_password(ask, ANSWER_BUSY);
		client_free_if_idle(c);
		return;
	}
	q = question_new(ask, table, user, password);
	ipc_wipe(password, strlen(password));
	TAILQ_INSERT_TAIL(&c->questions, q, entry);
	c->waiting++;
	state.waiting++;
	loop_job_queue(&state.serve);
}

/* passwords: yes or no */

/* Only what a listener's auth names is a table of passwords. */
static const struct table *
auth_table(const char *name)
{
	const struct listener *l;

	if (state.config == NULL)
		return (NULL);
	TAILQ_FOREACH(l, &state.config->listeners, entry)
		if (l->auth != NULL && table_name(l->auth) != NULL &&
		    strcmp(table_name(l->auth), name) == 0)
			return (l->auth);
	return (NULL);
}

/* A hash to take time with: one of the table's own costs the same. */
static const char *
dummy_hash(const struct table *t)
{
	const char *key, *value;
	size_t next = 0;

	while (t != NULL && table_each(t, &next, &key, &value))
		if (value != NULL && value[0] == '$')
			return (value);
	return (DUMMY_HASH);
}

static uint8_t
check(const struct question *q)
{
	const struct table *t = auth_table(q->table);
	const char *hash = NULL;
	int known;

	if (t != NULL)
		hash = table_get_case(t, q->user);
	known = hash != NULL && hash[0] == '$';
	if (!known)
		hash = dummy_hash(t);
	if (crypt_checkpass(q->password, hash) == -1 || !known)
		return (ANSWER_NO);
	return (ANSWER_YES);
}

/* One question of the client whose turn it is, which then goes last. */
static void
serve(void *arg)
{
	struct client *c;
	struct question *q;

	if ((c = TAILQ_FIRST(&state.clients)) == NULL)
		return;
	q = TAILQ_FIRST(&c->questions);
	answer_password(q->ask, check(q));
	question_free(c, q);
	TAILQ_REMOVE(&state.clients, c, entry);
	TAILQ_INSERT_TAIL(&state.clients, c, entry);
	client_free_if_idle(c);
	if (state.waiting > 0)
		loop_job_queue(&state.serve);
}

static void
passwords_configured(struct config *now, struct config *before)
{
	state.config = now;
}

/* both */

static void
smtpd_gone(struct ipc *ipc, void *arg)
{
	questions_forget();
	loop_job_cancel(&state.serve);
	if (ipc_was_broken(ipc))
		role_blame(ROLE_SMTPD);
	ipc_free(ipc);
	state.smtpd = NULL;
}

static void
lookup_peer(enum role role, int fd)
{
	if (role != ROLE_SMTPD) {
		close(fd);
		return;
	}
	if (state.smtpd != NULL)
		smtpd_gone(state.smtpd, NULL);
	state.smtpd = ipc_new(fd, role_name(role), state.entries,
	    smtpd_gone, NULL);
	ipc_distrust(state.smtpd);	/* it faces the network */
}

/* passwords is the one that is locked into a folder. */
void
lookup_role(const char *root, int foreground, int verbose)
{
	TAILQ_INIT(&state.clients);
	loop_job_init(&state.serve, serve, NULL);
	if (root == NULL) {
		state.entries = names_entries;
		role_start(ROLE_NAMES, root, foreground, verbose,
		    &names_callbacks);
	} else {
		state.entries = passwords_entries;
		role_start(ROLE_PASSWORDS, root, foreground, verbose,
		    &passwords_callbacks);
	}
	exit(role_loop());
}
