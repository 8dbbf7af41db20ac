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
 * When a recipient is tried again, and the wheel of those that wait for it.
 * Entering and leaving cost the same however many wait; a second's worth is
 * taken out in steps.  Called by message.c and delivery.c.
 *
 * The wheel has two rings: a slot a second for the block of 256 seconds that
 * runs now, and a slot a block for those to come (12 days).
 */

#include "lib/loop.h"
#include "queue/message.h"
#include "queue/schedule.h"

#define BLOCK_BITS	8
#define BLOCK_SECONDS	(1U << BLOCK_BITS)
#define BLOCKS		4096U
#define STEP		500		/* recipients of one run */
#define JUMP		60		/* seconds: more than a correction */

static struct {
	struct rcpts	 seconds[BLOCK_SECONDS];
	struct rcpts	 blocks[BLOCKS];
	uint32_t	 now;		/* second that is being emptied */
	void		(*due)(struct rcpt *);
	int64_t		 offset;	/* of the time of day */
	uint32_t	 jumped;	/* loop_seconds() */
} wheel;

void
schedule_init(uint32_t now, void (*due)(struct rcpt *))
{
	uint32_t	 i;

	for (i = 0; i < BLOCK_SECONDS; i++)
		TAILQ_INIT(&wheel.seconds[i]);
	for (i = 0; i < BLOCKS; i++)
		TAILQ_INIT(&wheel.blocks[i]);
	wheel.now = now;
	wheel.due = due;
}

/*
 * The time of day may be set back; mail must not wait for it to come round.
 */
uint32_t
schedule_now(void)
{
	int64_t	 seconds, offset;

	seconds = loop_seconds();
	offset = (int64_t)loop_epoch() - seconds;
	if (offset > wheel.offset + JUMP)
		wheel.jumped = (uint32_t)seconds;
	if (offset > wheel.offset)
		wheel.offset = offset;
	return ((uint32_t)(seconds + wheel.offset));
}

uint32_t
schedule_jumped(void)
{
	return (wheel.jumped);
}

/* Spreads ids and tries over 32 bits: same message, same time. */
static uint32_t
schedule_spread(uint64_t id, uint32_t tries)
{
	id += (uint64_t)tries * 0x9e3779b97f4a7c15ULL;
	id ^= id >> 31;
	id *= 0xbf58476d1ce4e5b9ULL;
	id ^= id >> 29;
	return ((uint32_t)(id >> 32));
}

/*
 * Seconds until the next try after so many: from min, doubled each time up
 * to max, and up to a quarter of it by chance, so that what failed together
 * does not come back together.  Never outside min..max.
 */
uint32_t
schedule_retry(uint64_t id, uint32_t tries, uint32_t min, uint32_t max)
{
	uint64_t	 base, wait;
	uint32_t	 i;

	if (max < min)
		max = min;
	base = min;
	for (i = 1; i < tries && base < max; i++)
		base *= 2;
	if (base > max)
		base = max;
	wait = base + schedule_spread(id, tries) % (base / 4 + 1);
	if (wait > max)
		wait = max - schedule_spread(id, tries) % (max / 4 + 1);
	return (wait < min ? min : (uint32_t)wait);
}

static struct rcpts *
schedule_slot(uint32_t due)
{
	if (due >> BLOCK_BITS == wheel.now >> BLOCK_BITS)
		return (&wheel.seconds[due % BLOCK_SECONDS]);
	return (&wheel.blocks[(due >> BLOCK_BITS) % BLOCKS]);
}

void
schedule_add(struct rcpt *rcpt, uint32_t due)
{
	uint32_t	 last;

	last = wheel.now + (BLOCKS - 1) * BLOCK_SECONDS;
	if (due <= wheel.now)
		due = wheel.now + 1;
	else if (due > last)
		due = last;
	rcpt->due = due;
	TAILQ_INSERT_TAIL(schedule_slot(due), rcpt, entry);
}

void
schedule_remove(struct rcpt *rcpt)
{
	TAILQ_REMOVE(schedule_slot(rcpt->due), rcpt, entry);
}

/* A new block begins: its recipients go to their seconds. */
static void
schedule_next_block(void)
{
	struct rcpts	*block;
	struct rcpt	*rcpt;

	block = &wheel.blocks[(wheel.now >> BLOCK_BITS) % BLOCKS];
	while ((rcpt = TAILQ_FIRST(block)) != NULL) {
		TAILQ_REMOVE(block, rcpt, entry);
		TAILQ_INSERT_TAIL(&wheel.seconds[rcpt->due % BLOCK_SECONDS],
		    rcpt, entry);
	}
}

int
schedule_run(uint32_t now)
{
	struct rcpt	*rcpt;
	struct rcpts	*slot;
	int		 left;

	for (left = STEP; left > 0; left--) {
		slot = &wheel.seconds[wheel.now % BLOCK_SECONDS];
		if ((rcpt = TAILQ_FIRST(slot)) != NULL)
			wheel.due(rcpt);	/* takes it out */
		else if (wheel.now >= now)
			return (0);
		else if (++wheel.now % BLOCK_SECONDS == 0)
			schedule_next_block();
	}
	return (1);
}
