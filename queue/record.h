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
 * The records of the spool log, to octets and back.  Pure: spool.c and its
 * neighbours call it, the fuzzer too.  Nothing that a file may hold makes it
 * read outside of what it was given.
 *
 * A record is a head of fixed size, a text (the envelope of a message, small
 * values of the others), and the content of a message.  Head and text have
 * one CRC-32C, the content another.  All numbers are little-endian.
 *
 *	 0  magic of the segment		40  due
 *	16  CRC of head and text		48  length of the text
 *	20  type				52  CRC of the content
 *	21  flags				56  length of the content
 *	22  tries				64  text, then content
 *	24  message id
 *	32  recipient (of a message: segment it was copied from)
 *	36  state, and three octets of zero
 */

#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_MAGIC	16
#define RECORD_HEAD	64
#define RECORD_FORMAT	1

enum record_type {
	RECORD_CHECKPOINT = 1,	/* lines: format, suspend, counter */
	RECORD_MESSAGE,		/* envelope; content.  rcpt: segment it was
				   copied from, 0: none */
	RECORD_RESULT,		/* rcpt, state */
	RECORD_DEFER,		/* rcpt, tries, due, warned; the reply */
	RECORD_SUSPEND,		/* scope state */
	RECORD_RESUME,		/* scope */
	RECORD_MOVE,		/* rcpt; binding group */
	RECORD_DROP,		/* the message was never accepted */
	RECORD_COUNTER		/* key value */
};

/* A group is whole or not at all: a failure's bounce and its result. */
#define RECORD_MORE	0x01	/* the next record belongs to this one */
#define RECORD_PART	0x02	/* this one belongs to that before it */
#define RECORD_WARNED	0x04	/* defer: the delay DSN was sent */
#define RECORD_LARGE	0x08	/* the content is in a file of its own */

struct record {
	uint8_t		 type;
	uint8_t		 flags;
	uint16_t	 tries;
	uint64_t	 id;
	uint32_t	 rcpt;
	uint8_t		 state;
	uint64_t	 due;
	uint32_t	 text;		/* octets of it */
	uint32_t	 crc;		/* of the content */
	uint64_t	 content;	/* octets of it */
};

enum record_status {
	RECORD_GOOD,
	RECORD_BAD,		/* no record, or a damaged or cut one */
	RECORD_UNKNOWN		/* whole, but of a newer version */
};

/* The head; magic and CRC are left out until record_seal. */
void		 record_encode(const struct record *,
		    unsigned char head[RECORD_HEAD]);
/* p: head and text, complete. */
void		 record_seal(unsigned char *p,
		    const unsigned char magic[RECORD_MAGIC]);
/* No other record of its group comes after this one. */
void		 record_end_group(unsigned char *p);

/*
 * Head and text at p, of which left octets may be read.  magic NULL: any.
 * The content may go beyond left: that is for the caller to see.
 */
enum record_status record_decode(const unsigned char *p, size_t left,
		    const unsigned char *magic, struct record *);
/* Where the text would end, were the head at p a good one; 0: too short. */
size_t		 record_text_end(const unsigned char *p, size_t left);
/* Octets in the log, content included (but for a large one). */
uint64_t	 record_size(const struct record *);
uint64_t	 record_logged(const struct record *);	/* content only */
/* Whether the content is all there and as it was.  p: the head. */
int		 record_content_good(const struct record *,
		    const unsigned char *p, size_t left);

/* The first place where the magic stands, or NULL. */
const unsigned char *record_find(const unsigned char *p, size_t left,
		    const unsigned char magic[RECORD_MAGIC]);
/*
 * The magic of a segment, from its first record, or where that is damaged
 * from another.  0, or -1: there is no record.
 */
int		 record_magic(const unsigned char *p, size_t left,
		    unsigned char magic[RECORD_MAGIC]);
/* Whether these octets have been left unwritten. */
int		 record_blank(const unsigned char *p, size_t left);

/*
 * Two values as text, each xtext, with a space between; to free; NULL: no
 * memory.  And back: a and b point into one allocation that *a frees.
 */
char		*record_pair(const char *a, const char *b, size_t *len);
int		 record_unpair(const void *text, size_t len, char **a,
		    char **b);

/* The text of a checkpoint: lines of a word and two values. */
struct record_lines {
	char	*text;
	size_t	 len;
	int	 failed;
};
void		 record_line(struct record_lines *, const char *word,
		    const char *a, const char *b);
/*
 * The next line of *text, which moves on: 1, 0 at the end, -1 for none of
 * ours.  word is cut to its size; *a is to free, *b points into it.
 */
int		 record_next(const char **text, size_t *left, char *word,
		    size_t size, char **a, char **b);

#endif
