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
 * A queue of the simplest kind, for the tests of the spool: it knows which
 * messages were acknowledged and finished, and what a replay brought back.
 * Every content follows from its id, so that a wrong one is seen.
 */

#ifndef REGRESS_SPOOL_MODEL_H
#define REGRESS_SPOOL_MODEL_H

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atf-c.h>

#include "lib/envelope.h"
#include "lib/text.h"
#include "queue/spool_log.h"

#define MODEL_MAX	4096

struct model_message {
	uint64_t		 id;
	uint64_t		 len;
	struct spool_ref	 ref;
	int			 large;
	int			 acked;		/* done(0) came */
	int			 error;		/* or this */
	int			 result;	/* was appended */
	int			 seen;		/* replay: it is queued */
	int			 reported;	/* replay: damaged */
};

struct model {
	struct model_message	 messages[MODEL_MAX];
	uint32_t		 count;
	uint32_t		 damaged;	/* reports without an id */
	uint32_t		 strange;	/* ids that never were */
	char			 suspended[64];
	char			 what[256];	/* last report */
	uint64_t		 random;
	void			(*acked)(struct model_message *);
	void			(*resulted)(struct model_message *);
};

static struct model	 model;

static inline uint64_t
model_random(uint64_t below)
{
	model.random ^= model.random << 13;
	model.random ^= model.random >> 7;
	model.random ^= model.random << 17;
	return (model.random % below);
}

static inline struct model_message *
model_find(uint64_t id)
{
	/* ids are 1000, 1001 ... */
	if (id < 1000 || id >= 1000 + model.count)
		return (NULL);
	return (&model.messages[id - 1000]);
}

static inline char *
model_content(uint64_t id, uint64_t len)
{
	uint64_t	 i, x = id * 0x9e3779b97f4a7c15ULL + 1;
	char		*p;

	ATF_REQUIRE((p = malloc(len + 1)) != NULL);
	for (i = 0; i < len; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		p[i] = (char)(x >> 56);
	}
	return (p);
}

static inline void
model_envelope(struct model_message *m, struct envelope *e,
    struct envelope_rcpt *r, char name[24])
{
	memset(e, 0, sizeof(*e));
	memset(r, 0, sizeof(*r));
	e->id = m->id;
	e->created = 1;
	e->sender = "sender@example.com";
	e->nrcpts = 1;
	e->rcpts = r;
	r->number = 1;
	r->address = "bob@example.org";
	r->action = "out";
	r->destination = "example.org";
	r->binding = "acme";
	snprintf(name, 24, "%016llx", (unsigned long long)m->id);
	if (m->large)
		e->large = name;
}

static inline void
model_done(void *arg, int error)
{
	struct model_message	*m = arg;

	if (error == 0) {
		m->acked = 1;
		if (model.acked != NULL)
			model.acked(m);
	} else
		m->error = error;
}

static inline void
model_moved(void *arg, int error)
{
}

/* The file of a large message, as smtpd would write it. */
static inline int
model_large(struct model_message *m, char *content)
{
	struct iovec	 iov = { content, m->len };
	int		 fd, status;

	if ((fd = spool_large_create(m->id)) == -1)
		return (-1);
	status = disk_write(fd, &iov, 1, 0);
	disk_shut(fd);
	if (status == -1 || spool_large_finish(m->id, m->len,
	    crc32c(0, content, m->len)) == -1) {
		spool_large_remove(m->id);
		return (-1);
	}
	return (0);
}

static inline struct model_message *
model_append(uint64_t len, int large)
{
	struct model_message	*m;
	struct envelope		 e;
	struct envelope_rcpt	 r;
	char			 name[24], *content;

	ATF_REQUIRE(model.count < MODEL_MAX);
	m = &model.messages[model.count];
	memset(m, 0, sizeof(*m));
	m->id = 1000 + model.count++;
	m->len = len;
	m->large = large;
	content = model_content(m->id, len);
	model_envelope(m, &e, &r, name);
	if (spool_accepting(len) != 0)
		m->error = spool_accepting(len);
	else if ((large && model_large(m, content) == -1) ||
	    spool_message(&e, large ? NULL : content, len, &m->ref,
	    model_done, m) == -1)
		m->error = errno;
	free(content);
	return (m);
}

static inline void
model_finish(struct model_message *m)
{
	m->result = 1;
	if (model.resulted != NULL)
		model.resulted(m);
	spool_result(m->id, 1, RCPT_DELIVERED, NULL, NULL);
	spool_dead(m->ref, m->large ? 0 : m->len);
	if (m->large)
		spool_large_remove(m->id);
}

static inline void
model_mover(uint64_t id, struct spool_ref ref)
{
	struct model_message	*m = model_find(id);
	struct envelope		 e;
	struct envelope_rcpt	 r;
	uint64_t		 len = 0;
	char			 name[24];
	void			*content = NULL;

	if (m == NULL || !m->acked || m->result ||
	    m->ref.segment != ref.segment || m->ref.offset != ref.offset)
		return;
	model_envelope(m, &e, &r, name);
	if (!m->large && (content = spool_read_content(ref, &len)) == NULL)
		return;
	(void)spool_message(&e, content, m->large ? m->len : len, &m->ref,
	    model_moved, m);
	free(content);
}

/* ---- replay */

static inline void
model_replay_message(const struct envelope *e, struct spool_ref ref,
    uint64_t content)
{
	struct model_message	*m = model_find(e->id);

	if (m == NULL) {
		model.strange++;
		return;
	}
	ATF_CHECK_EQ(m->len, content);
	if (m->seen)
		spool_dead(m->ref, m->large ? 0 : m->len);
	m->seen = 1;
	m->ref = ref;
}

static inline void
model_replay_result(uint64_t id, uint32_t rcpt, enum rcpt_state state)
{
	struct model_message	*m = model_find(id);

	if (m == NULL || !m->seen)
		return;
	m->seen = 0;
	spool_dead(m->ref, m->large ? 0 : m->len);
}

static inline void
model_replay_drop(uint64_t id)
{
	model_replay_result(id, 1, RCPT_REMOVED);
}

static inline void
model_replay_suspend(const char *scope, const char *state)
{
	snprintf(model.suspended, sizeof(model.suspended), "%s",
	    state[0] == '\0' ? "" : scope);
}

static inline void
model_replay_checkpoint(void)
{
	model.suspended[0] = '\0';
}

static inline void
model_replay_damaged(uint64_t id, const char *what)
{
	struct model_message	*m = model_find(id);

	snprintf(model.what, sizeof(model.what), "%s", what);
	if (m != NULL)
		m->reported = 1;
	else
		model.damaged++;
}

static const struct spool_replay model_replay = {
	.message = model_replay_message,
	.result = model_replay_result,
	.drop = model_replay_drop,
	.checkpoint = model_replay_checkpoint,
	.suspend = model_replay_suspend,
	.damaged = model_replay_damaged
};

static inline void
model_checkpoint(void)
{
	if (model.suspended[0] != '\0')
		spool_suspend(model.suspended, "by=admin", NULL, NULL);
}

static inline void
model_reset(uint64_t seed)
{
	memset(&model, 0, sizeof(model));
	model.random = seed * 0x9e3779b97f4a7c15ULL + 88172645463325252ULL;
}

/* 0; -1 with the line in model.what. */
static inline int
model_open(const char *root)
{
	const char	*error;
	uint32_t	 i;

	for (i = 0; i < model.count; i++)
		model.messages[i].seen = model.messages[i].reported = 0;
	model.damaged = 0;
	if (spool_open(root, &model_replay, &error) == -1) {
		snprintf(model.what, sizeof(model.what), "%s", error);
		return (-1);
	}
	spool_set_mover(model_mover);
	spool_set_checkpoint(model_checkpoint);
	return (0);
}

/* Whether the content of m can be read as it was written. */
static inline int
model_readable(struct model_message *m)
{
	struct large_check *check;
	uint64_t	 len;
	char		*want, *got;
	int		 same;

	if (m->large) {
		if ((check = spool_large_check(m->ref)) == NULL)
			return (0);
		while ((same = spool_large_check_step(check)) == 1)
			;
		spool_large_check_end(check);
		return (same == 0);
	}
	if ((got = spool_read_content(m->ref, &len)) == NULL)
		return (0);
	want = model_content(m->id, m->len);
	same = len == m->len && memcmp(got, want, len) == 0;
	free(want);
	free(got);
	return (same);
}

#endif
