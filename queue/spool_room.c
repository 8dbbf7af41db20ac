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
 * Room on the disk: the next segment, prepared ahead so that a new one never
 * makes anybody wait, and the spare, so that results and reclaim can go on
 * when the disk is full.  For spool_write.c.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "queue/spool_log.h"

/* Offsets in a segment have 32 bits. */
#define SEGMENT_MAX	(1024 * 1024 * 1024)
/* The spare grows by this much a second. */
#define SPARE_STEP	(4 * 1024 * 1024)

static struct {
	uint64_t	 segment_size;
	uint32_t	 next;		/* the prepared one, 0: none */
	int		 next_fd;
	int		 next_synced;	/* its name is on the disk */
	int		 asked;		/* a flush of its name is under way */
	int		 spare_fd;
	uint64_t	 spare_size;
	uint64_t	 free, min_free;
} room = { .segment_size = SPOOL_SEGMENT, .next_fd = -1, .spare_fd = -1 };

static void
next_forget(void)
{
	room.next = 0;
	room.next_fd = -1;
	room.next_synced = 0;
}

/* A failed flush is believed: the name is made and flushed anew. */
static void
next_synced(int error, void *arg)
{
	uint32_t	 number = room.next;

	room.asked = 0;
	if (number == 0)
		return;
	room.next_synced = error == 0;
	if (error == 0)
		return;
	disk_shut(room.next_fd);
	next_forget();
	if (segment_unlink(number) == -1)
		log_warn("spool: cannot unlink segment %u", number);
}

/* Have the next segment ready before it is needed. */
static void
next_prepare(void)
{
	struct segment	*s = spool_current();

	if (room.next != 0 || room.asked || s == NULL ||
	    s->end < room.segment_size / 4)
		return;
	if ((room.next_fd = segment_create(s->number + 1)) == -1)
		return;
	room.next = s->number + 1;
	room.next_synced = 0;
	room.asked = 1;
	sync_start(SPOOL_LOG_DIR, -1, next_synced, NULL);
}

/* Whether there is a whole spare. */
int
room_spare(void)
{
	return (room.spare_fd != -1 && room.spare_size >= room.segment_size);
}

static int
spare_take(uint32_t number)
{
	int	 fd = room.spare_fd;

	if (!room_spare() || spare_use(number) == -1)
		return (-1);
	room.spare_fd = -1;
	room.spare_size = 0;
	if (room.next == number) {
		disk_shut(room.next_fd);
		next_forget();
	}
	return (fd);
}

int
room_take(uint32_t number, int spare, int *synced)
{
	int	 fd;

	*synced = 0;
	if (spare)
		return (spare_take(number));
	if (room.next != number)
		return (segment_create(number));
	fd = room.next_fd;
	*synced = room.next_synced;
	next_forget();
	return (fd);
}

static void
spare_grow(void)
{
	static const char	 zeros[64 * 1024];
	struct iovec		 iov;
	uint64_t		 step = 0;

	if (room.spare_size >= room.segment_size ||
	    room.free < room.min_free + 2 * room.segment_size)
		return;
	if (room.spare_fd == -1) {
		if ((room.spare_fd = spare_open()) == -1)
			return;
		if (disk_size(room.spare_fd, &room.spare_size) == -1)
			room.spare_size = 0;
	}
	while (room.spare_size < room.segment_size && step < SPARE_STEP) {
		iov.iov_base = (void *)(uintptr_t)zeros;
		iov.iov_len = sizeof(zeros);
		if (disk_write(room.spare_fd, &iov, 1, room.spare_size) == -1)
			return;
		room.spare_size += sizeof(zeros);
		step += sizeof(zeros);
	}
}

void
spool_set_min_free(uint64_t octets)
{
	room.min_free = octets;
}

void
spool_set_segment_size(uint64_t size)
{
	room.segment_size = size < SEGMENT_MAX ? size : SEGMENT_MAX;
}

uint64_t
spool_segment_size(void)
{
	return (room.segment_size);
}

/* So much was written, or (UINT64_MAX) there is none left. */
void
room_used(uint64_t octets)
{
	room.free -= octets < room.free ? octets : room.free;
}

int
room_for(uint64_t octets)
{
	return (room.free >= room.min_free &&
	    room.free - room.min_free >= octets);
}

void
room_look(void)
{
	if (disk_free(&room.free) == -1)
		room.free = 0;
}

void
room_tick(void)
{
	next_prepare();
	spare_grow();
}

void
room_close(void)
{
	disk_shut(room.next_fd);
	next_forget();
	room.asked = 0;
	disk_shut(room.spare_fd);
	room.spare_fd = -1;
	room.spare_size = 0;
}
