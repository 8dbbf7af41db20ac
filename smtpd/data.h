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
 * Decoder of what follows DATA (RFC 5321 4.1.1.4, 4.5.2): finds the end,
 * takes away the stuffed dots, and refuses what is no message; and of what
 * BDAT brings (RFC 3030), which has neither end nor dots.  Pure.
 */

#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include <stddef.h>
#include <stdint.h>

#define DATA_LINE	65535		/* longest line, without CRLF */
#define DATA_HEADER	(256 * 1024)	/* longest header section */
#define DATA_HOPS	100		/* most Received fields */
#define DATA_NAME	998		/* longest name of a field */

/* data_decode writes at most that much more than it reads. */
#define DATA_EXTRA	4

enum data_status {
	DATA_MORE,		/* the input is used up */
	DATA_BODY,		/* the header section is whole: fields may be
				   added to the output, then call again */
	DATA_END		/* CRLF.CRLF was read */
};

/* Header fields that were seen. */
#define DATA_SEEN_DATE		0x01
#define DATA_SEEN_MESSAGE_ID	0x02
#define DATA_SEEN_FROM		0x04
#define DATA_SEEN_EIGHTBIT	0x08		/* in the header section */

struct data {
	int		 state;
	int		 plain;		/* no dots: BDAT */
	int		 header;	/* still in the header section */
	int		 blank;		/* its end is still to be written */
	unsigned int	 seen;
	unsigned int	 hops;
	size_t		 line;		/* octets of this line */
	size_t		 header_len;
	char		 name[16];	/* first octets of a header line */
	uint64_t	 size;		/* octets decoded */
	uint64_t	 max;
	const char	*error;		/* reply that refuses it, or NULL */
	const char	*cause;		/* the same for the log */
	int		 unframed;	/* a bare CR or LF: the client may think
					   that it has ended */
};

/* How a message begins. */
enum data_opening {
	OPENING_UNSURE,		/* more has to come first */
	OPENING_FIELD,		/* a header field, or no line at all */
	OPENING_TEXT		/* neither: what it is begins the body */
};

/* max: octets that the message may have. */
void		 data_init(struct data *, uint64_t max);
/*
 * Decode from *in (*len octets; both move on) to out, which has room for
 * *len + DATA_EXTRA; *outlen becomes what was written.  After an error the
 * end is still looked for, but nothing more is written.
 */
enum data_status data_decode(struct data *, const char **in, size_t *len,
		    char *out, size_t *outlen);
/* From here on dots mean nothing, and data_finish() ends the message. */
void		 data_plain(struct data *);
/*
 * All of it was decoded: a last line without its end gets one.  out has room
 * for DATA_EXTRA.
 */
void		 data_finish(struct data *, char *out, size_t *outlen);
/* What the first octets of a message say. */
enum data_opening data_opening(const struct data *, const char *, size_t);
/*
 * RFC 5322 3.5: it has no header section, so the empty line that ends that
 * section comes before its first.  Before the first data_decode().
 */
void		 data_headless(struct data *);

#endif
