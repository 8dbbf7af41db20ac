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
 * Messages and recipients in memory, and the envelopes of fresh ones.
 */

#ifndef QUEUE_MESSAGE_H
#define QUEUE_MESSAGE_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <stdint.h>
#include "lib/envelope.h"
#include "queue/spool.h"

struct lane;

/*
 * A queued recipient.  It is in exactly one place:
 *
 *	place		list		leaves it by
 *	READY		lane->ready	being handed to mta
 *	URGENT		lane->urgent	being handed to mta
 *	WAIT		a wheel slot	its time
 *	HAND		a task		result, return, death of mta
 *	HELD		lane->held	schedule, move, a new configuration
 *	BOUNCING	a bounce	the bounce being on disk
 *	NONE		none		(finished, or not yet entered)
 *
 * and, while it is queued, in its lane's age list.
 */
enum rcpt_place {
	PLACE_NONE,
	PLACE_READY,
	PLACE_URGENT,			/* goes although its lane is closed */
	PLACE_WAIT,
	PLACE_HAND,
	PLACE_HELD,
	PLACE_BOUNCING
};

#define RCPT_WARNED		0x01	/* delay DSN was made */
#define RCPT_NOTIFY_SET		0x02	/* NOTIFY was given: */
#define RCPT_NOTIFY_SUCCESS	0x04
#define RCPT_NOTIFY_FAILURE	0x08
#define RCPT_NOTIFY_DELAY	0x10
#define RCPT_GROUP		0x20	/* its rule named a group */
#define RCPT_DEATHS		0xc0	/* of mta with it in hand: 0..3 */
#define RCPT_DEATH		0x40

struct rcpt {
	TAILQ_ENTRY(rcpt) entry;	/* of its place */
	TAILQ_ENTRY(rcpt) age;		/* of its lane, oldest first */
	struct lane	*lane;		/* NULL: not queued (any more) */
	uint32_t	 number;
	uint32_t	 index;		/* in its message */
	uint32_t	 due;		/* seconds since the Epoch: when it is
					   or, ready, was due */
	struct spool_ref reply;		/* of the last try, a hint */
	uint16_t	 tries;
	uint8_t		 place;
	uint8_t		 flags;
};
TAILQ_HEAD(rcpts, rcpt);

#define MESSAGE_NULL_SENDER	0x01
#define MESSAGE_LARGE		0x02
#define MESSAGE_CHECKED		0x04	/* its file, since the start */

struct message {
	RB_ENTRY(message) node;
	uint64_t	 id;
	struct spool_ref ref;
	uint64_t	 content;	/* octets */
	uint32_t	 created;	/* seconds since the Epoch */
	uint32_t	 flags;
	uint32_t	 nrcpts;
	uint32_t	 open;		/* recipients still queued */
	struct rcpt	 rcpts[];	/* by number */
};

/* message.c: messages and their recipients. */
struct message	*message_new(uint64_t id, uint32_t nrcpts);
/* NULL; or what stands there with the same id, and it is not inserted. */
struct message	*message_insert(struct message *);
struct message	*message_find(uint64_t id);
/* The first with an id of at least this. */
struct message	*message_from(uint64_t id);
/* From the envelope's fields; lanes are found or made, places not taken. */
struct message	*message_from_envelope(const struct envelope *);
void		 message_free(struct message *);	/* not in the tree */
struct message	*rcpt_message(struct rcpt *);
struct rcpt	*message_rcpt(struct message *, uint32_t number);
/* Take its place for the first time: ready, or waiting for due. */
void		 rcpt_enter(struct rcpt *);
/* To another place of its lane. */
void		 rcpt_ready(struct rcpt *, int head);
void		 rcpt_urgent(struct rcpt *);
void		 rcpt_wait(struct rcpt *, uint32_t due);
void		 rcpt_hold(struct rcpt *);
void		 rcpt_hand(struct rcpt *);
void		 rcpt_bounce(struct rcpt *);
/* Does its group go along with it? */
void		 rcpt_set_group(struct rcpt *, int on);
/* To another lane, ready there. */
void		 rcpt_move(struct rcpt *, struct lane *);
/* It is finished: out of memory, with its message if it was the last. */
void		 rcpt_finish(struct rcpt *);
uint8_t		 notify_flags(const char *);
uint64_t	 message_count(void);
uint64_t	 rcpt_count(void);
/* In the replay: what is open of it joins its lanes. */
void		 message_replayed(struct message *);
void		 message_replay_done(void);
/* In the replay: over, or replaced by a later record. */
void		 message_forget(struct message *, int replaced);
/* message_again.c: reclaim wants it appended anew. */
void		 message_again(uint64_t id, struct spool_ref);
/* The words of its last failure, to free; NULL: none. */
char		*rcpt_reply(struct rcpt *);

/* message_cache.c: fresh messages, so that a first try reads no disk. */
/* Takes the envelope (to envelope_free) and a copy of content. */
void		 cache_add(uint64_t id, struct envelope *, const void *,
		    size_t);
/* Borrowed until the next cache_ call; NULL: not there. */
const struct envelope *cache_envelope(uint64_t id);
const void	*cache_content(uint64_t id, size_t *len);
void		 cache_drop(uint64_t id);
/*
 * The envelope from cache or spool; NULL with errno, EILSEQ: damaged.
 * Borrowed until the next call of either.
 */
const struct envelope *message_envelope(struct message *);
const struct envelope_rcpt *envelope_rcpt(const struct envelope *,
		    uint32_t number);

#endif
