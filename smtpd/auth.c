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
 * AUTH PLAIN and LOGIN (RFC 4954, 4616), and what a login allows.  Called by
 * command.c and session.c.  Nothing is decided here about a password: the
 * role passwords says yes or no, and meanwhile the session waits alone.
 * What a client sent as a password is wiped as soon as it was handed on.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/table.h"
#include "lib/text.h"
#include "smtpd/smtpd.h"

#define FAILURES_MAX	3		/* of a session */

#define ANSWER_YES	1
#define ANSWER_BUSY	2

struct login {
	enum { PLAIN, LOGIN_USER, LOGIN_PASSWORD } step;
	char		 user[AUTH_NAME_MAX];
	int		 right;		/* the password */
	struct loop_timer slow;		/* until it is told */
};

int
auth_offered(const struct session *s)
{
	const struct policy	*p = endpoint_policy(s->endpoint);

	return (p->auth != NULL && s->auth[0] == '\0' &&
	    (p->auth_insecure || secure(s)));
}

const char *
auth_missing(const struct session *s)
{
	const struct policy	*p = endpoint_policy(s->endpoint);

	if (p->auth == NULL || p->auth_optional || s->auth[0] != '\0')
		return (NULL);
	return ("530 5.7.0 Log in first, with AUTH");
}

void
auth_cancel(struct session *s)
{
	if (s->login == NULL)
		return;
	loop_timer_cancel(&s->login->slow);
	free(s->login);
	s->login = NULL;
	if (s->state == SESSION_AUTH || s->state == SESSION_LOGIN)
		s->state = SESSION_COMMAND;
}

static void
refuse_bad(struct session *s, const char *reply)
{
	auth_cancel(s);
	answer_give(s, reply);
}

/* Too many failures: the session ends, the user name must wait. */
static void
refuse_more(struct session *s)
{
	session_refused(s, "421", "auth-failures", NULL, NULL);
	auth_cancel(s);
	session_close(s, 1, "421 4.7.0 %s Too many failed logins, try later",
	    endpoint_hostname(s->endpoint));
}

static void
tell_failure(struct session *s)
{
	auth_cancel(s);
	if (s->failures >= FAILURES_MAX) {
		refuse_more(s);
		return;
	}
	session_reply(s, "535 5.7.8 Name or password is wrong");
	io_again(s->io);
}

static void
succeeded(struct session *s)
{
	if (visitors_login(s->login->user) == -1) {
		/* the log is to say whose: for that line alone */
		strlcpy(s->auth, s->login->user, sizeof(s->auth));
		session_refused(s, "421", "max-connections-per-user", NULL,
		    NULL);
		s->auth[0] = '\0';
		session_close(s, 1, "421 4.7.0 %s Too many connections of "
		    "this user", endpoint_hostname(s->endpoint));
		return;
	}
	strlcpy(s->auth, s->login->user, sizeof(s->auth));
	auth_cancel(s);
	session_reply(s, "235 2.7.0 You are logged in");
	io_again(s->io);
}

/* The wait for the answer is over. */
static void
tell(void *arg)
{
	struct session	*s = arg;

	if (s->login->right)
		succeeded(s);
	else
		tell_failure(s);
}

/*
 * The more often an address fails, the later it hears of its logins, and of
 * those that were right as well: a guesser could otherwise take silence for
 * a no and hang up.
 */
static void
tell_later(struct session *s, unsigned int seconds)
{
	seconds += login_failures_delay((const struct sockaddr *)&s->peer);
	s->state = SESSION_LOGIN;
	if (seconds == 0)
		tell(s);
	else
		loop_timer_set(&s->login->slow, seconds);
}

static void
failed(struct session *s)
{
	struct logline	 l;

	login_failures_add((const struct sockaddr *)&s->peer, s->login->user);
	s->failures++;
	logline_start(&l, "refused");
	logline_add(&l, "code", "535");
	logline_add(&l, "cause", "auth");
	logline_add(&l, "from", "-");
	logline_add(&l, "to", "-");
	logline_add(&l, "client", "%s", s->client);
	logline_add(&l, "auth", "%s",
	    s->login->user[0] != '\0' ? s->login->user : "-");
	logline_end(&l);
	tell_later(s, s->failures);
}

void
auth_forget(struct session *s)
{
	if (s->auth[0] != '\0')
		visitors_logout(s->auth);
	s->auth[0] = '\0';
}

void
auth_answer(uint64_t id, uint8_t answer)
{
	struct session	*s = session_find(id);

	if (s == NULL || s->state != SESSION_LOGIN)
		return;
	if (answer == ANSWER_YES) {
		s->login->right = 1;
		tell_later(s, 0);
		return;
	}
	if (answer != ANSWER_BUSY) {
		failed(s);
		return;
	}
	session_refused(s, "454", "auth-busy", NULL, NULL);
	auth_cancel(s);
	session_reply(s, "454 4.7.0 Too many logins wait, try later");
	io_again(s->io);
}

static void
ask(struct session *s, const char *password)
{
	struct ipc	*passwords = server_passwords();

	if (login_failures_refused((const struct sockaddr *)&s->peer,
	    s->login->user)) {
		refuse_more(s);
		return;
	}
	if (passwords == NULL) {
		auth_cancel(s);
		session_reply(s, "454 4.7.0 Logins cannot be checked now");
		return;
	}
	s->state = SESSION_LOGIN;
	ipc_begin(passwords, SMTPD_PASSWORD);
	ipc_put_u64(passwords, s->id);
	ipc_put_str(passwords, s->client);
	ipc_put_str(passwords, endpoint_policy(s->endpoint)->auth);
	ipc_put_str(passwords, s->login->user);
	ipc_put_str(passwords, password);
	ipc_end(passwords);
}

/* A name that may stand in an envelope, a table and a log line. */
static int
name_set(struct login *login, const char *name)
{
	const char	*p;

	for (p = name; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return (-1);
	if (*name == '\0' || strlcpy(login->user, name,
	    sizeof(login->user)) >= sizeof(login->user)) {
		login->user[0] = '\0';
		return (-1);
	}
	return (0);
}

/* RFC 4616: authorization id, NUL, name, NUL, password. */
static void
plain(struct session *s, const char *text, size_t len)
{
	const char	*as = text, *name, *password;

	if ((name = memchr(text, '\0', len)) == NULL ||
	    (password = memchr(name + 1, '\0',
	    len - (size_t)(name + 1 - text))) == NULL ||
	    strlen(password + 1) != len - (size_t)(password + 1 - text)) {
		refuse_bad(s, "501 5.5.2 This is not what PLAIN asks for");
		return;
	}
	name++;
	password++;
	/* to act for another is not offered */
	if (name_set(s->login, name) == -1 ||
	    (*as != '\0' && strcmp(as, name) != 0)) {
		failed(s);
		return;
	}
	ask(s, password);
}

/* One answer of LOGIN. */
static void
login(struct session *s, const char *text, size_t len)
{
	if (strlen(text) != len) {
		refuse_bad(s, "501 5.5.2 A NUL in a name or password");
		return;
	}
	if (s->login->step == LOGIN_PASSWORD) {
		if (s->login->user[0] == '\0')
			failed(s);
		else
			ask(s, text);
		return;
	}
	/* of a bad name it is told no sooner than of a bad password */
	(void)name_set(s->login, text);
	s->login->step = LOGIN_PASSWORD;
	session_reply(s, "334 UGFzc3dvcmQ6");		/* Password: */
}

void
auth_line(struct session *s, const char *line)
{
	char	 text[COMMAND_MAX + 1];
	int	 len;

	if (strcmp(line, "*") == 0) {
		refuse_bad(s, "501 5.7.0 AUTH was given up");
		return;
	}
	/* RFC 4954 4: an initial response of "=" is empty */
	if (strcmp(line, "=") == 0)
		line = "";
	len = base64_decode(line, text, sizeof(text) - 1);
	if (len == -1) {
		refuse_bad(s, "501 5.5.2 This is not base64");
		return;
	}
	text[len] = '\0';
	if (s->login->step == PLAIN)
		plain(s, text, len);
	else
		login(s, text, len);
	explicit_bzero(text, sizeof(text));
}

/* The mechanism is known: begin, with the initial response if there is one. */
static void
begin(struct session *s, int is_plain, const char *initial)
{
	if ((s->login = calloc(1, sizeof(*s->login))) == NULL)
		fatal("calloc");
	loop_timer_init(&s->login->slow, tell, s);
	s->login->step = is_plain ? PLAIN : LOGIN_USER;
	s->state = SESSION_AUTH;
	if (*initial != '\0')
		auth_line(s, initial);
	else if (is_plain)
		session_reply(s, "334 ");
	else
		session_reply(s, "334 VXNlcm5hbWU6");	/* Username: */
}

void
auth_command(struct session *s, const char *args)
{
	const struct policy	*p = endpoint_policy(s->endpoint);
	const char		*initial;
	size_t			 len = strcspn(args, " ");

	initial = args + len + strspn(args + len, " ");
	if (p->auth == NULL)
		answer_give(s, "502 5.5.1 AUTH is not offered here");
	else if (!p->auth_insecure && !secure(s))
		answer_give(s, "538 5.7.11 AUTH needs encryption: say "
		    "STARTTLS first");
	else if (!s->esmtp)
		answer_give(s, "503 5.5.1 Say EHLO first");
	else if (s->auth[0] != '\0')
		answer_give(s, "503 5.5.1 You are logged in already");
	else if (s->mail_given)
		answer_give(s, "503 5.5.1 Not within a transaction");
	else if (len == 5 && strncasecmp(args, "PLAIN", len) == 0)
		begin(s, 1, initial);
	else if (len == 5 && strncasecmp(args, "LOGIN", len) == 0)
		begin(s, 0, initial);
	else
		answer_give(s, "504 5.5.4 AUTH knows PLAIN and LOGIN");
}

/* One word of a senders entry: an address, "@domain", a domain, "<>", "*". */
static int
sender_is(const char *word, size_t len, const char *sender)
{
	char	 text[ADDRESS_MAX], form[ADDRESS_MAX];

	if (len == 0 || len >= sizeof(text))
		return (0);
	memcpy(text, word, len);
	text[len] = '\0';
	switch (pattern_canonical(text, form)) {
	case PATTERN_ANY:
		return (1);
	case PATTERN_NULL:
		return (*sender == '\0');
	case PATTERN_ADDRESS:
		return (strcasecmp(form, sender) == 0);
	case PATTERN_AT:
	case PATTERN_AT_BELOW:
		return (domain_match(form + 1, address_domain(sender)));
	case PATTERN_DOMAIN:
	case PATTERN_BELOW:
		return (domain_match(form, address_domain(sender)));
	}
	return (0);
}

int
auth_sender(const struct session *s, const char *sender)
{
	const struct policy	*p = endpoint_policy(s->endpoint);
	const struct table	*table;
	const char		*word;
	size_t			 len;

	/* who has not logged in is held by the match rules alone */
	if (p->senders == NULL || s->auth[0] == '\0')
		return (1);
	/* by its name: a reload may have changed what is in it */
	table = config_table(server_config(), p->senders);
	if (table == NULL || (word = table_get_case(table, s->auth)) == NULL)
		return (0);
	for (; *word != '\0'; word += len) {
		word += strspn(word, ", \t");
		len = strcspn(word, ", \t");
		if (sender_is(word, len, sender))
			return (1);
	}
	return (0);
}
