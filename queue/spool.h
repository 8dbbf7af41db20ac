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
 * The spool: an append-only log in segments, the only truth about mail that
 * was accepted.  queue.c and its neighbours call it; spool_disk.c makes its
 * system calls; nothing else touches a file below the spool.
 *
 * Appends gather in memory; spool_commit writes them at the end of a turn
 * and has the flush role put them on the disk, one flush for all; then each
 * append's done function is called with 0, or with the errno of the failure.
 */

#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/envelope.h"

/* Where a message record lies. */
struct spool_ref {
	uint32_t	 segment;
	uint32_t	 offset;	/* of the record's head */
};

/*
 * What recovery finds, in the order of the log.  A message whose id came
 * before replaces that one, whose record is then dead (spool_dead); so is the
 * record of a message that a result finished.  spool_dead and
 * spool_large_remove may be called from here.
 */
struct spool_replay {
	/* e is borrowed.  content: octets of it, a large file's too. */
	void	(*message)(const struct envelope *e, struct spool_ref,
		    uint64_t content);
	void	(*result)(uint64_t id, uint32_t rcpt, enum rcpt_state);
	void	(*defer)(uint64_t id, uint32_t rcpt, uint16_t tries,
		    uint64_t due, int warned);
	void	(*move)(uint64_t id, uint32_t rcpt, const char *binding,
		    const char *group);
	void	(*drop)(uint64_t id);
	/* a segment begins: what is in force follows, and nothing else is */
	void	(*checkpoint)(void);
	/* state "": it was lifted */
	void	(*suspend)(const char *scope, const char *state);
	/* long rate counters: key and value as the owner wrote them */
	void	(*counter)(const char *key, const char *value);
	/* damage: what was found, and the message id where it is known (0) */
	void	(*damaged)(uint64_t id, const char *what);
};

typedef void	 spool_done(void *arg, int error);

/*
 * Lock, recover, open the newest segment.  0, or -1 with *error a line that
 * says why the queue must not start (locked, not ours, newer version).
 */
int		 spool_open(const char *root, const struct spool_replay *,
		    const char **error);
/* All that waits is written and flushed (blocking); the lock goes. */
void		 spool_close(void);

/*
 * How commits reach the flush role; set before the first append, NULL: flush
 * here, blocking.  Two numbers stand for folders, which want fsync(2), all
 * others for files, which want fdatasync(2).
 */
#define SPOOL_LOG_DIR	0
#define SPOOL_LARGE_DIR	UINT32_MAX
#define SPOOL_LARGE_FIRST 0x80000000U	/* large files from here on */
struct spool_flusher {
	void	(*file)(uint32_t number, int fd);	/* fd: the callee's */
	void	(*sync)(uint64_t batch, uint32_t number);
	void	(*close)(uint32_t number);
};
void		 spool_set_flusher(const struct spool_flusher *);
/* The flush role's answer. */
void		 spool_flushed(uint64_t batch, int error);

/*
 * Whether a message of this many octets may be accepted now (free space,
 * min-free, a failed log): 0, or the errno to refuse it with.
 */
int		 spool_accepting(uint64_t octets);
void		 spool_set_min_free(uint64_t octets);

/*
 * Append a message: its ref is in *ref when done(arg, 0) comes; until then
 * *ref must stay and is not changed.  content is copied.  With e->large (the
 * name: the id, %016llx), content is NULL, len is the file's, and
 * spool_large_finish was called.  0, or -1 with errno, then done is not
 * called (EFBIG: too much for the log, use a large file).
 */
int		 spool_message(const struct envelope *e, const void *content,
		    uint64_t len, struct spool_ref *ref, spool_done *done,
		    void *arg);
/*
 * The other records.  They are on disk within a second, or with the next
 * message; done may be NULL.
 */
void		 spool_result(uint64_t id, uint32_t rcpt, enum rcpt_state,
		    spool_done *, void *);
void		 spool_defer(uint64_t id, uint32_t rcpt, uint16_t tries,
		    uint64_t due, int warned, const char *reply);
/*
 * Where the record appended last will lie, or within replay where the present
 * one lies: a hint, for spool_read_reply.  Where a defer record comes to lie
 * elsewhere (a new segment), the callee is told.
 */
struct spool_ref spool_last(void);
void		 spool_set_located(void (*)(uint64_t id, uint32_t rcpt,
		    struct spool_ref));
void		 spool_move(uint64_t id, uint32_t rcpt, const char *binding,
		    const char *group, spool_done *, void *);
void		 spool_drop(uint64_t id, spool_done *, void *);
void		 spool_suspend(const char *scope, const char *state,
		    spool_done *, void *);
void		 spool_counter(const char *key, const char *value);
/*
 * From begin to end all appends go into one batch, whole or not at all: a
 * failure's result and its bounce (first the bounce: if spool_message
 * refuses it, leave the result out).
 */
void		 spool_begin(void);
void		 spool_end(void);
/* Write what waits, and ask for a flush: at the end of a turn. */
void		 spool_commit(void);
/* Once a second: flush results, reclaim a little. */
void		 spool_tick(void);
/* Nothing waits for a write or a flush. */
int		 spool_idle(void);
/* Instead of commit and tick before a close: no more than what waits. */
void		 spool_settle(void);
/*
 * So much waits to be written that nothing should be begun which appends
 * more: the disk is full, or slow.
 */
int		 spool_congested(void);
/* The log is no more: nothing is recorded until a restart. */
int		 spool_failed(void);

/*
 * A message has no open recipient: its record is dead.  Once per record;
 * content: octets of it in the log, 0 for a large one.
 */
void		 spool_dead(struct spool_ref, uint64_t content);
/*
 * Reclaim asks for a live message of an old segment to be appended anew: the
 * callee calls spool_message with the envelope as it stands now, or nothing
 * if it died or lies elsewhere by now.  When its done comes the old record is
 * gone: no spool_dead for it.
 */
void		 spool_set_mover(void (*)(uint64_t id, struct spool_ref));
/*
 * Suspensions and counters for the checkpoint of a new segment: the callee
 * calls spool_suspend and spool_counter for each that is in force.
 */
void		 spool_set_checkpoint(void (*)(void));

/*
 * The envelope as it was appended last (to envelope_free), and content (to
 * free).  NULL with errno; EILSEQ: damaged.
 */
struct envelope	*spool_read_envelope(struct spool_ref);
void		*spool_read_content(struct spool_ref, uint64_t *len);
/*
 * A reply kept by spool_defer, by the hint of spool_last, or waiting to be
 * written; "" where the hint does not hold (any more).  To free; NULL: no
 * memory.
 */
char		*spool_read_reply(struct spool_ref, uint64_t id,
		    uint32_t rcpt);
/* large/ID: a new file to write (smtpd), or the stored one to read (mta). */
int		 spool_large_create(uint64_t id);
int		 spool_large_open(uint64_t id);
void		 spool_large_remove(uint64_t id);
/*
 * The first octets of a stored one, at most size of them, not compared with
 * the record: how many, or -1 with errno (EILSEQ: it is not len long).
 */
ssize_t		 spool_large_begin(uint64_t id, uint64_t len, void *,
		    size_t size);
/*
 * All is written: check its length; spool_message puts the writer's CRC into
 * the record.  0, or -1 with errno.
 */
int		 spool_large_finish(uint64_t id, uint64_t len, uint32_t crc);
/*
 * Compare a stored one with its record, some of it at a time.  NULL with
 * errno; then steps until there is no more: 1 there is, 0 it is as it was
 * written, -1 with errno (EILSEQ) it is not.
 */
struct large_check;
struct large_check *spool_large_check(struct spool_ref);
int		 spool_large_check_step(struct large_check *);
void		 spool_large_check_end(struct large_check *);

struct spool_stats {
	uint64_t	 bytes;		/* of all segments */
	uint64_t	 live;		/* of messages with open recipients */
	uint32_t	 segments;
	uint64_t	 flushes;
	uint64_t	 records;
};
void		 spool_stats(struct spool_stats *);

#endif
