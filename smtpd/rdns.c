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
 * The client's name, for match rules "from rdns".  mta finds it out, queue
 * carries question and answer; asked once a session, and only where a rule
 * wants it.  Called by session.c and command.c.  What could not be found out
 * is never taken for "has no name": a recipient whose rule hangs on it is to
 * come again.
 */

#include <string.h>

#include "lib/role.h"
#include "lib/rules.h"
#include "smtpd/smtpd.h"

#define RDNS_WAIT	10		/* seconds */

/* Commands that waited for it are carried out. */
static void
settle(struct session *s, enum session_rdns outcome)
{
	loop_timer_cancel(&s->rdns_timer);
	s->rdns_state = outcome;
	if (s->state == SESSION_COMMAND)
		io_again(s->io);
}

static void
expired(void *arg)
{
	settle(arg, RDNS_FAILED);
}

void
rdns_init(struct session *s)
{
	loop_timer_init(&s->rdns_timer, expired, s);
}

void
rdns_ask(struct session *s, const struct config *conf)
{
	struct ipc	*queue = server_queue();

	if (s->rdns_state != RDNS_NOT_ASKED || s->client[0] == '\0' ||
	    queue == NULL || !rules_want_rdns(conf))
		return;
	s->rdns_state = RDNS_ASKED;
	loop_timer_set(&s->rdns_timer, RDNS_WAIT);
	ipc_begin(queue, SMTPD_RDNS);
	ipc_put_u64(queue, s->id);
	ipc_put_str(queue, s->client);
	ipc_end(queue);
}

void
rdns_on_name(struct ipc *ipc, struct ipc_msg *msg)
{
	struct session	*s;
	const char	*name;
	uint64_t	 id;
	int		 failed;

	id = ipc_get_u64(msg);
	failed = ipc_get_u8(msg);
	name = ipc_get_str(msg);
	ipc_get_end(msg);
	if ((s = session_find(id)) == NULL || s->rdns_state != RDNS_ASKED)
		return;
	/* a name cut short would be another's */
	if (name != NULL && strlcpy(s->rdns, name, sizeof(s->rdns)) >=
	    sizeof(s->rdns)) {
		s->rdns[0] = '\0';
		failed = 1;
	}
	settle(s, failed ? RDNS_FAILED : RDNS_KNOWN);
}

void
rdns_cancel(struct session *s)
{
	loop_timer_cancel(&s->rdns_timer);
}

int
rdns_waits(const struct session *s)
{
	return (s->rdns_state == RDNS_ASKED);
}

const char *
rdns_missing(const struct session *s, const char *rcpt)
{
	struct facts	 facts;

	if (s->rdns_state != RDNS_FAILED)
		return (NULL);
	session_facts(s, &facts);
	if (!rules_need_rdns(role_held(s->rules), &facts, rcpt))
		return (NULL);
	return ("451 4.4.3 Your name in the DNS cannot be found out now");
}
