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
 * Between lane.c, the life of a lane, and lane_run.c, what is done for one.
 */

#ifndef MTA_LANE_H
#define MTA_LANE_H

#include "mta/mta.h"

#define LANE_DNS_WAIT		60	/* seconds after DNS failed */
#define LANE_PROBE		1	/* route probes */

/* lane_run.c: a loop_job's; arg is the lane. */
void		 lane_run(void *);

/* lane.c */
/* The first in line, no longer in it; or NULL. */
struct item	*lane_pop(struct lane *);
/*
 * Nothing is handed out for the lane until it opens, in about so many
 * seconds; known: queue may tell the time.
 */
void		 lane_shut(struct lane *, const char *cause, const char *text,
		    uint32_t seconds, int known);
/* Until a slot is free; until a connection ends, or a second has gone by. */
void		 lane_block(struct lane *);
void		 lane_wait(struct lane *);

#endif
