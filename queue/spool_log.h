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
 * Private to the spool (spool.c, segment.c, batch.c, spool_sync.c, large.c,
 * recover.c, reclaim.c): segments, batches and the steps between them.
 */

#ifndef QUEUE_SPOOL_LOG_H
#define QUEUE_SPOOL_LOG_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "queue/record.h"
#include "queue/spool.h"
#include "queue/spool_disk.h"

/* ---- segment.c: the segments there are, and what lives in them */

struct segment {
	RB_ENTRY(segment) entry;
	uint32_t	 number;
	int		 fd;		/* -1: opened when it is read */
	uint64_t	 end;		/* of its good records */
	uint64_t	 flushed;	/* up to here it is on the disk */
	unsigned char	 magic[RECORD_MAGIC];
	uint32_t	 messages;	/* records of messages, ever */
	uint32_t	 live;		/* of these, not dead */
	uint64_t	 octets;	/* of their records, contents too */
	uint64_t	 content;	/* of their contents in the log */
	uint64_t	 live_content;
	int		 stays;		/* not to be unlinked */
};

struct segment	*segment_add(uint32_t number);
void		 segment_remove(struct segment *);
struct segment	*segment_find(uint32_t number);
struct segment	*segment_oldest(void);
struct segment	*segment_newest(void);
void		 segments_close(void);
/* Its descriptor, the segment's own; -1. */
int		 segment_fd(struct segment *);
void		 segment_adopt(struct segment *, int fd);
void		 segment_count(struct segment *, uint64_t octets,
		    uint64_t content);
void		 segment_uncount(struct segment *, uint64_t octets,
		    uint64_t content);
void		 segment_dead(struct segment *, uint64_t content);
void		 segments_sum(uint64_t *octets, uint64_t *live,
		    uint32_t *number);
/*
 * The record at ref: head and text, and with whole the content, to free.
 * NULL with errno; EILSEQ: damaged.
 */
unsigned char	*segment_read(struct spool_ref, int whole, struct record *);

/* ---- batch.c: what is written in one go */

struct batch_entry {
	uint64_t	 id;
	uint32_t	 rcpt;
	uint32_t	 offset;	/* in the batch */
	uint32_t	 size;
	uint32_t	 content;	/* octets of it in the log */
	uint8_t		 type;
	uint8_t		 essential;	/* not refused when the disk is full */
	struct spool_ref *ref;
	spool_done	*done;
	void		*arg;
};

struct batch {
	TAILQ_ENTRY(batch) entry;
	uint64_t	 serial;
	uint64_t	 base;		/* in its segment, once written */
	struct spool_ref guess;		/* of its first record, before that */
	unsigned char	*buf;
	size_t		 len, room;
	struct batch_entry *entries;
	uint32_t	 count, entry_room;
	int		 urgent;	/* somebody waits for the flush */
};
TAILQ_HEAD(batches, batch);

struct batch	*batch_new(uint64_t serial);
void		 batch_free(struct batch *);
/* text and content are copied.  The entry is filled in; NULL: no memory. */
struct batch_entry *batch_add(struct batch *, const struct record *,
		    const void *text, const void *content);
void		 batch_seal(struct batch *, const unsigned char *magic);
/* Append all of from, which is freed. */
int		 batch_join(struct batch *, struct batch *from);
/*
 * Take out what is not essential: those entries, to free, their number in
 * *count.
 */
struct batch_entry *batch_strip(struct batch *, uint32_t *count);

/* ---- spool_sync.c: flushes, by the flush role or by ourselves */

typedef void	 sync_done(int error, void *arg);

void		 sync_set(const struct spool_flusher *);
void		 sync_reset(void);
/* From now on number stands for fd, which stays the caller's.  0, -1. */
int		 sync_name(uint32_t number, int fd);
void		 sync_forget(uint32_t number);
/* done is called, perhaps before this returns. */
void		 sync_start(uint32_t number, int fd, sync_done *, void *arg);
int		 sync_waiting(void);

/* ---- spool_room.c: the next segment, the spare, free space */

/* A descriptor for segment number; -1.  synced: its name is on the disk. */
int		 room_take(uint32_t number, int spare, int *synced);
int		 room_spare(void);
void		 room_used(uint64_t octets);
int		 room_for(uint64_t octets);
void		 room_look(void);
void		 room_tick(void);
void		 room_close(void);

/* ---- spool_write.c: from batches to the disk */

struct batch	*write_batch(uint64_t size, int within_group);
void		 write_split(void);
void		 write_end_group(void);
struct spool_ref write_guess(void);
/* The reply of a defer record that waits to be written, to free; or NULL. */
char		*write_waiting_reply(uint64_t id, uint32_t rcpt);
int		 write_error(void);
void		 write_pump(void);
void		 write_tick(void);
int		 write_idle(void);
uint64_t	 write_flushes(void);
int		 write_name(void);
void		 write_start(void);
void		 write_stop(void);
/* All that was appended so far, and whether it is on the disk. */
uint64_t	 spool_barrier(void);
int		 spool_passed(uint64_t barrier);
void		 spool_force(void);	/* a flush at the next commit */
/* Recovery found it: appends go on in it. */
void		 spool_set_current(struct segment *);
struct segment	*spool_current(void);

/* ---- spool.c, for its neighbours */

/* A message that is ready to be appended; text is its envelope's. */
int		 spool_append_message(const struct record *, const char *text,
		    const void *content, int essential, struct spool_ref *,
		    spool_done *, void *);
/*
 * The record that reclaim moves now, or NULL: no more; then -1 if it could
 * not be appended, 1 if it could not be read.
 */
int		 spool_set_moving(const struct record *, uint32_t segment);
/* Records appended so far. */
uint64_t	 spool_appended(void);
void		 spool_set_last(struct spool_ref);
int		 spool_grouping(void);
/* A batch that was written lies elsewhere than was guessed. */
void		 spool_relocate(const struct batch *, const struct segment *);
/* The record that opens a segment, sealed; NULL: no memory. */
struct batch	*spool_checkpoint(struct segment *);

/* ---- large.c */

int		 large_append(const struct record *, const char *text,
		    const char *name, struct spool_ref *, spool_done *,
		    void *);
void		 large_cancel(void);	/* those that wait for a flush */
void		 large_step(void);	/* unlink what may be */
int		 large_waiting(void);
void		 large_reset(void);
/* At the start: a record names it; then what none names goes. */
void		 large_named(uint64_t id);
void		 large_sweep(int damaged);

/* ---- recover.c, reclaim.c */

int		 recover(const struct spool_replay *, const char **error);
void		 reclaim_set_mover(void (*)(uint64_t, struct spool_ref));
void		 reclaim_reset(void);
/* As much as fits in one turn. */
void		 reclaim_turn(void);
void		 reclaim_tick(void);

/* Segments are cut at this size; smaller ones are for tests. */
#define SPOOL_SEGMENT	(64 * 1024 * 1024)
void		 spool_set_segment_size(uint64_t);
uint64_t	 spool_segment_size(void);

#endif
