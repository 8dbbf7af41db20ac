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
 * The spool: an append-only log in segments.  queue.c and its neighbours call
 * it by spool.h.  It must never say done(0) before the flush, never try a
 * failed flush again as if it had worked, and never wait for a disk while
 * there is a flush role.
 *
 * A batch (what is written in one go):
 *
 *	waiting		in memory, the last one still gathers
 *	written		in the current segment, by one pwritev; SIGKILL does
 *			not harm it any more
 *	flushed		on the disk: done(0), and forgotten here
 *	refused		a write or flush failed: done(errno) for new messages;
 *			all else is essential, and is written again
 *
 * A segment:
 *
 *	prepared	an empty file, its name flushed; none of the log yet
 *	current		opens with a checkpoint; the only one written to
 *	full		no batch fits any more, and all of it is flushed
 *	abandoned	a flush of it failed: cut where it was good last, and
 *			the next one says which ids were never accepted
 *	reclaimed	what lived in it is flushed in newer ones; unlinked
 *
 * A message:
 *
 *	none		no record, or a torn one, or a drop after it: never
 *			had its 250
 *	open		a record, and no final result for each recipient
 *	finished	a final result for each recipient: the record is dead
 *	copied		a later message record of its id: this one is dead
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "queue/spool_log.h"

static struct {
	int		 open;
	int		 grouping;
	uint32_t	 group_count;	/* of its records so far */
	const struct record *moving;	/* reclaim moves this one */
	uint32_t	 moving_from;	/* its segment */
	int		 move_failed;	/* -1: not appended, 1: damaged */
	struct record_lines *checkpoint; /* being gathered */
	void		(*gather)(void);
	void		(*located)(uint64_t, uint32_t, struct spool_ref);
	struct spool_ref last;
	uint64_t	 records;
} spool;

/* ---- appending */

static struct batch_entry *
append(struct record *r, const void *text, const void *content,
    spool_done *done, void *arg)
{
	struct batch		*b;
	struct batch_entry	*e;

	if (spool.grouping && spool.group_count > 0)
		r->flags |= RECORD_PART;
	if (spool.grouping)
		r->flags |= RECORD_MORE;
	b = write_batch(record_size(r), spool.group_count > 0);
	spool.last = write_guess();
	if (b->len == 0)
		b->guess = spool.last;
	if ((e = batch_add(b, r, text, content)) == NULL)
		return (NULL);
	e->done = done;
	e->arg = arg;
	e->essential = 1;
	if (spool.grouping)
		spool.group_count++;
	if (done != NULL && r->type != RECORD_RESULT)
		b->urgent = 1;
	spool.records++;
	return (e);
}

static void
append_small(const struct record *record, const void *text, spool_done *done,
    void *arg)
{
	struct record	 r = *record;

	if (append(&r, text, NULL, done, arg) == NULL)
		fatal("spool");
}

int
spool_append_message(const struct record *record, const char *text,
    const void *content, int essential, struct spool_ref *ref,
    spool_done *done, void *arg)
{
	struct batch_entry	*e;
	struct record		 r = *record;

	if ((e = append(&r, text, content, done, arg)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	e->essential = (uint8_t)essential;
	e->ref = ref;
	write_batch(0, 1)->urgent = 1;
	return (0);
}

/* What a message's record says, but for its CRC. */
static int
message_record(const struct envelope *e, uint64_t len, size_t text,
    struct record *r)
{
	memset(r, 0, sizeof(*r));
	r->type = RECORD_MESSAGE;
	r->flags = e->large != NULL ? RECORD_LARGE : 0;
	r->id = e->id;
	r->rcpt = spool.moving != NULL ? spool.moving_from : 0;
	r->text = (uint32_t)text;
	r->content = len;
	if (text <= spool_segment_size() / 8 &&
	    record_size(r) <= spool_segment_size() / 2)
		return (0);
	errno = EFBIG;
	return (-1);
}

static int
append_message(const struct envelope *e, const char *text, size_t n,
    const void *content, uint64_t len, struct spool_ref *ref,
    spool_done *done, void *arg)
{
	struct record	 r;
	int		 essential = spool.grouping || spool.moving != NULL;

	if (message_record(e, len, n, &r) == -1)
		return (-1);
	if (e->large == NULL)
		r.crc = crc32c(0, content, len);
	else if (spool.moving == NULL)
		return (large_append(&r, text, e->large, ref, done, arg));
	else {
		/* its file is flushed since long */
		r.crc = spool.moving->crc;
		r.content = spool.moving->content;
	}
	return (spool_append_message(&r, text, content, essential, ref, done,
	    arg));
}

int
spool_message(const struct envelope *e, const void *content, uint64_t len,
    struct spool_ref *ref, spool_done *done, void *arg)
{
	char	*text = NULL;
	size_t	 n;
	int	 status = -1;

	errno = write_error();
	if (errno == 0 || spool.grouping || spool.moving != NULL)
		text = envelope_write(e, &n);
	if (text != NULL)
		status = append_message(e, text, n, content, len, ref, done,
		    arg);
	if (status == -1 && spool.moving != NULL)
		spool.move_failed = -1;
	free(text);
	return (status);
}

void
spool_result(uint64_t id, uint32_t rcpt, enum rcpt_state state,
    spool_done *done, void *arg)
{
	struct record	 r = { .type = RECORD_RESULT, .id = id, .rcpt = rcpt,
			    .state = (uint8_t)state };

	append_small(&r, NULL, done, arg);
}

void
spool_defer(uint64_t id, uint32_t rcpt, uint16_t tries, uint64_t due,
    int warned, const char *reply)
{
	struct record	 r = { .type = RECORD_DEFER, .id = id, .rcpt = rcpt,
			    .tries = tries, .due = due };

	if (warned)
		r.flags = RECORD_WARNED;
	if (reply != NULL)
		r.text = (uint32_t)strnlen(reply,
		    spool_segment_size() / 8);
	append_small(&r, reply, NULL, NULL);
}

/* A record whose text is two values. */
static void
append_pair(struct record *r, const char *a, const char *b, spool_done *done,
    void *arg)
{
	size_t	 len;
	char	*text;

	if ((text = record_pair(a, b == NULL ? "" : b, &len)) == NULL)
		fatal("spool");
	r->text = (uint32_t)len;
	append_small(r, text, done, arg);
	free(text);
}

void
spool_move(uint64_t id, uint32_t rcpt, const char *binding, const char *group,
    spool_done *done, void *arg)
{
	struct record	 r = { .type = RECORD_MOVE, .id = id, .rcpt = rcpt };

	append_pair(&r, binding, group, done, arg);
}

void
spool_drop(uint64_t id, spool_done *done, void *arg)
{
	struct record	 r = { .type = RECORD_DROP, .id = id };

	append_small(&r, NULL, done, arg);
}

void
spool_suspend(const char *scope, const char *state, spool_done *done,
    void *arg)
{
	struct record	 r = { .type = RECORD_SUSPEND };

	if (spool.checkpoint != NULL) {
		record_line(spool.checkpoint, "suspend", scope, state);
		return;
	}
	if (state[0] == '\0')
		r.type = RECORD_RESUME;
	append_pair(&r, scope, state, done, arg);
}

void
spool_counter(const char *key, const char *value)
{
	struct record	 r = { .type = RECORD_COUNTER };

	if (spool.checkpoint != NULL)
		record_line(spool.checkpoint, "counter", key, value);
	else
		append_pair(&r, key, value, NULL, NULL);
}

void
spool_begin(void)
{
	write_split();
	spool.grouping = 1;
	spool.group_count = 0;
}

void
spool_end(void)
{
	spool.grouping = 0;
	if (spool.group_count > 0)
		write_end_group();
	spool.group_count = 0;
}

int
spool_grouping(void)
{
	return (spool.grouping);
}

struct spool_ref
spool_last(void)
{
	return (spool.last);
}

void
spool_set_last(struct spool_ref ref)
{
	spool.last = ref;
}

/* ---- in time */

/* The record that opens a segment, sealed; NULL: no memory. */
struct batch *
spool_checkpoint(struct segment *s)
{
	struct record_lines	 lines = { NULL, 0, 0 };
	struct record		 r = { .type = RECORD_CHECKPOINT };
	struct batch		*b;
	char			 format[16], number[16];

	snprintf(format, sizeof(format), "%d", RECORD_FORMAT);
	snprintf(number, sizeof(number), "%u", s->number);
	record_line(&lines, "format", format, "");
	record_line(&lines, "segment", number, "");
	spool.checkpoint = &lines;
	if (spool.gather != NULL)
		spool.gather();
	spool.checkpoint = NULL;
	r.text = (uint32_t)lines.len;
	b = lines.failed ? NULL : batch_new(0);
	if (b != NULL && batch_add(b, &r, lines.text, NULL) == NULL) {
		batch_free(b);
		b = NULL;
	}
	free(lines.text);
	if (b != NULL)
		batch_seal(b, s->magic);
	return (b);
}

void
spool_commit(void)
{
	reclaim_turn();
	write_pump();
}

int
spool_idle(void)
{
	return (write_idle() && !large_waiting() && !sync_waiting());
}

void
spool_settle(void)
{
	reclaim_reset();
	write_tick();
}

int
spool_accepting(uint64_t octets)
{
	int	 error = write_error();

	if (error != 0)
		return (error);
	return (room_for(octets) ? 0 : ENOSPC);
}

void
spool_tick(void)
{
	if (!spool.open)
		return;
	room_look();
	write_tick();
	reclaim_tick();
	large_step();
	room_tick();
	write_pump();
}

/* ---- set-up, reading, figures */

void
spool_set_flusher(const struct spool_flusher *flusher)
{
	sync_set(flusher);
	if (flusher == NULL || !spool.open)
		return;
	if (sync_name(SPOOL_LOG_DIR, disk_dir_fd(DISK_LOG)) == -1 ||
	    sync_name(SPOOL_LARGE_DIR, disk_dir_fd(DISK_LARGE)) == -1 ||
	    write_name() == -1)
		fatal("spool");
}

void
spool_set_checkpoint(void (*gather)(void))
{
	spool.gather = gather;
}

void
spool_set_located(void (*located)(uint64_t, uint32_t, struct spool_ref))
{
	spool.located = located;
}

/* Where the defer records of a batch lie: not where spool_last() said. */
void
spool_relocate(const struct batch *b, const struct segment *s)
{
	struct spool_ref	 ref;
	struct record		 r;
	uint32_t		 i;

	if (spool.located == NULL)
		return;
	for (i = 0; i < b->count; i++) {
		if (b->entries[i].type != RECORD_DEFER ||
		    record_decode(b->buf + b->entries[i].offset,
		    b->len - b->entries[i].offset, s->magic, &r) !=
		    RECORD_GOOD)
			continue;
		ref.segment = s->number;
		ref.offset = (uint32_t)(b->base + b->entries[i].offset);
		spool.located(r.id, r.rcpt, ref);
	}
}

void
spool_set_mover(void (*mover)(uint64_t, struct spool_ref))
{
	reclaim_set_mover(mover);
}

int
spool_set_moving(const struct record *r, uint32_t segment)
{
	int	 failed = spool.move_failed;

	spool.moving = r;
	spool.moving_from = segment;
	spool.move_failed = 0;
	return (failed);
}

uint64_t
spool_appended(void)
{
	return (spool.records);
}

static void
forget_all(void)
{
	sync_reset();
	write_stop();
	large_reset();
	reclaim_reset();
	room_close();
	segments_close();
	disk_close();
	spool.open = spool.grouping = 0;
}

static void
count_one(const char *name, void *arg)
{
	(*(uint32_t *)arg)++;
}

/* What was ever kept aside, so that nobody has to remember to look. */
static void
tell_damaged(void)
{
	uint32_t	 count = 0;

	if (disk_list(DISK_DAMAGED, count_one, &count) == -1)
		log_warn("spool: cannot list damaged/");
	else if (count > 0)
		log_warnx("spool: damaged/ holds %u file%s: see bindery(8)",
		    count, count == 1 ? "" : "s");
}

int
spool_open(const char *root, const struct spool_replay *replay,
    const char **error)
{
	spool.records = 0;
	if (disk_open(root, error) == -1)
		return (-1);
	if (recover(replay, error) == -1) {
		forget_all();
		return (-1);
	}
	tell_damaged();
	room_look();
	spool.open = 1;
	write_start();
	return (0);
}

void
spool_close(void)
{
	if (!spool.open)
		return;
	sync_reset();
	large_cancel();
	forget_all();
}

void
spool_dead(struct spool_ref ref, uint64_t content)
{
	struct segment	*s = segment_find(ref.segment);

	if (s != NULL)
		segment_dead(s, content);
}

/* As segment_read; what reclaim is told about is not to be forgotten. */
static unsigned char *
read_record(struct spool_ref ref, int whole, struct record *r)
{
	unsigned char	*p;

	p = segment_read(ref, whole, r);
	if (p == NULL && spool.moving != NULL && spool.move_failed == 0)
		spool.move_failed = errno == EILSEQ ? 1 : -1;
	return (p);
}

struct envelope *
spool_read_envelope(struct spool_ref ref)
{
	struct envelope	*e;
	struct record	 r;
	unsigned char	*p;

	if ((p = read_record(ref, 0, &r)) == NULL)
		return (NULL);
	e = NULL;
	if (r.type == RECORD_MESSAGE)
		e = envelope_parse((char *)p + RECORD_HEAD, r.text);
	free(p);
	if (e == NULL)
		errno = EILSEQ;
	return (e);
}

void *
spool_read_content(struct spool_ref ref, uint64_t *len)
{
	struct record	 r;
	unsigned char	*p;

	if ((p = read_record(ref, 1, &r)) == NULL)
		return (NULL);
	if (r.type != RECORD_MESSAGE || (r.flags & RECORD_LARGE)) {
		free(p);
		errno = EILSEQ;
		return (NULL);
	}
	*len = r.content;
	memmove(p, p + RECORD_HEAD + r.text, r.content);
	return (p);
}

char *
spool_read_reply(struct spool_ref ref, uint64_t id, uint32_t rcpt)
{
	struct record	 r;
	unsigned char	*p;
	char		*reply = NULL;

	if ((p = segment_read(ref, 0, &r)) != NULL &&
	    r.type == RECORD_DEFER && r.id == id && r.rcpt == rcpt)
		reply = strndup((char *)p + RECORD_HEAD, r.text);
	else if ((reply = write_waiting_reply(id, rcpt)) == NULL)
		reply = strdup("");
	free(p);
	return (reply);
}

void
spool_stats(struct spool_stats *stats)
{
	segments_sum(&stats->bytes, &stats->live, &stats->segments);
	stats->flushes = write_flushes();
	stats->records = spool.records;
}
