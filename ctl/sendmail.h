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
 * Between the three files of sendmail: options (sendmail.c), the message as
 * it was read (message.c), the way to the daemon (submit.c).
 */

#ifndef CTL_SENDMAIL_H
#define CTL_SENDMAIL_H

#include <stddef.h>
#include <stdio.h>

/* message.c */

/* An address within a list of them, as it stands there. */
struct span {
	const char	*start;
	size_t		 len;
};

/*
 * The next address of a list (RFC 5322 3.4: names, comments, groups), from
 * *p on.  1; 0 at the end; -1: what stands there is none.
 */
int		 span_next(const char **p, struct span *);

struct letter;

/*
 * Read a message to the end of the file or, where dot says so, to a line of a
 * single dot.  NULL: the reason is on stderr and the exit status in *status.
 */
struct letter	*letter_read(FILE *, int dot, int *status);
void		 letter_free(struct letter *);
int		 letter_eightbit(const struct letter *);
/*
 * Call add for each recipient that the header names: Resent-To, -Cc, -Bcc
 * where there are any, else To, Cc, Bcc.  0, or -1 with the reason on stderr.
 */
int		 letter_recipients(const struct letter *,
		    int (*add)(void *, const char *, size_t), void *);
/*
 * What a message should have: Bcc and Return-Path go; Date, Message-ID and
 * From come when missing; bare addresses get the domain.  name may be NULL.
 * 0, -1: no memory.
 */
int		 letter_finish(struct letter *, const char *sender,
		    const char *name, const char *domain);
/* Octets with CRLF line ends, before dots are stuffed. */
size_t		 letter_size(const struct letter *);
/*
 * All lines in order, without their ends, through line(); it stops at the
 * first that is not 0 and returns that.  -1: reading failed.
 */
int		 letter_lines(struct letter *,
		    int (*line)(void *, const char *, size_t), void *);

/* submit.c */

struct submission {
	const char	*sender;	/* may lack its domain */
	const char	*name;		/* full name, or NULL */
	char		**rcpts;
	size_t		 nrcpts;
	int		 eightbit;
	const char	*notify;	/* or NULL */
	const char	*ret;
	const char	*envid;
	int		 verbose;	/* the dialogue, on stderr */
};

/*
 * Connect to the submission socket, trying for a few seconds.  -1: the reason
 * is on stderr.
 */
int		 submit_connect(void);
/* The exit status (sysexits.h); 0: the message is on the daemon's disk. */
int		 submit_letter(const struct submission *, struct letter *);
/* stdin and stdout to the daemon, who speaks SMTP: the exit status. */
int		 submit_splice(void);

#endif
