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
 * What of a message is only in the log: the words of a recipient's last
 * failure, and the whole of it when reclaim wants it appended anew, with what
 * became of its recipients since.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "queue/bounce.h"
#include "queue/group.h"
#include "queue/lane.h"

/* An append under way; the message may end before it does. */
struct again {
	uint64_t	 id;
	uint64_t	 content;	/* octets in the log */
	struct spool_ref from;
	struct spool_ref to;
};

static int
ref_same(struct spool_ref a, struct spool_ref b)
{
	return (a.segment == b.segment && a.offset == b.offset);
}

char *
rcpt_reply(struct rcpt *rcpt)
{
	const struct envelope_rcpt	*er;
	const struct envelope		*e;
	struct message			*m = rcpt_message(rcpt);
	char				*words;

	if (rcpt->reply.segment != 0) {
		words = spool_read_reply(rcpt->reply, m->id, rcpt->number);
		if (words != NULL && words[0] != '\0')
			return (words);
		free(words);
	}
	/* a reclaim put it into the envelope */
	if ((e = message_envelope(m)) == NULL ||
	    (er = envelope_rcpt(e, rcpt->number)) == NULL ||
	    er->reply == NULL || er->reply[0] == '\0')
		return (NULL);
	return (strdup(er->reply));
}

/* Appended, or not: then the old record and its segment stay. */
static void
again_done(void *arg, int error)
{
	struct again	*again = arg;
	struct message	*m;
	uint32_t	 i;

	m = message_find(again->id);
	if (error == 0 && m != NULL && ref_same(m->ref, again->from)) {
		m->ref = again->to;
		for (i = 0; i < m->nrcpts; i++)
			if (m->rcpts[i].reply.segment <= again->from.segment)
				m->rcpts[i].reply.segment = 0;
	} else if (error == 0)
		spool_dead(again->to, again->content);
	free(again);
}

/* Only what is still queued goes along; the replies are to be freed. */
static void
envelope_renew(struct envelope *e, struct message *m, char **replies)
{
	struct envelope_rcpt	*er;
	struct rcpt		*rcpt;
	const char		*binding;
	uint32_t		 i, n;

	n = 0;
	for (i = 0; i < e->nrcpts; i++) {
		rcpt = message_rcpt(m, e->rcpts[i].number);
		if (rcpt == NULL || rcpt->lane == NULL)
			continue;
		er = &e->rcpts[n];
		*er = e->rcpts[i];
		binding = rcpt->lane->binding->name;
		if (er->binding == NULL || strcmp(er->binding, binding) != 0)
			er->binding = binding[0] == '\0' ? NULL : binding;
		er->group = group_of(rcpt, er);
		er->tries = rcpt->tries;
		er->due = rcpt->place == PLACE_WAIT ? rcpt->due : 0;
		er->warned = (rcpt->flags & RCPT_WARNED) != 0;
		if ((replies[n] = rcpt_reply(rcpt)) != NULL)
			er->reply = replies[n];
		n++;
	}
	e->nrcpts = n;
}

static void
again_lost(struct message *m)
{
	struct message	*same;
	uint64_t	 id = m->id;
	uint32_t	 i, nrcpts = m->nrcpts;

	log_warnx("message %s is damaged on disk and cannot be kept",
	    id_text(id));
	for (i = 0; i < nrcpts; i++) {
		if ((same = message_find(id)) == NULL)
			break;
		if (same->rcpts[i].lane != NULL &&
		    same->rcpts[i].place != PLACE_HAND &&
		    same->rcpts[i].place != PLACE_BOUNCING)
			bounce_rcpt(&same->rcpts[i], BOUNCE_FAILED,
			    "554 5.3.0 The message was damaged on disk and "
			    "cannot be sent", NULL, 0);
	}
}

void
message_again(uint64_t id, struct spool_ref ref)
{
	struct envelope	*e;
	struct message	*m;
	struct again	*again;
	uint64_t	 len;
	uint32_t	 i;
	void		*content;
	char		**replies;

	if ((m = message_find(id)) == NULL || !ref_same(m->ref, ref))
		return;
	content = NULL;
	len = m->content;
	if ((e = spool_read_envelope(ref)) == NULL ||
	    (!(m->flags & MESSAGE_LARGE) &&
	    (content = spool_read_content(ref, &len)) == NULL)) {
		envelope_free(e);
		again_lost(m);
		return;
	}
	if ((again = calloc(1, sizeof(*again))) == NULL ||
	    (replies = calloc(e->nrcpts, sizeof(*replies))) == NULL)
		fatal("calloc");
	again->id = id;
	again->from = ref;
	again->content = content == NULL ? 0 : len;
	envelope_renew(e, m, replies);
	if (spool_message(e, content, len, &again->to, again_done,
	    again) == -1) {
		log_warn("message %s not appended anew", id_text(id));
		free(again);
	}
	for (i = 0; i < e->nrcpts; i++)
		free(replies[i]);
	free(replies);
	envelope_free(e);
	free(content);
}
