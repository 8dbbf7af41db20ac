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
 * The entries of the tools that are this binary under other names; main calls
 * them by argv[0], and what they share.  They run as whoever called them:
 * nothing here may trust its environment with more than that user has.
 */

#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stddef.h>
#include <stdio.h>

/* Each returns the exit status. */
int		 ctl_main(int, char **);
int		 mailq_main(int, char **);
int		 newaliases_main(int, char **);
int		 sendmail_main(int, char **);

/*
 * ask.c: the path of the control or submit socket in the run folder
 * (BINDERY_RUN names another).  A static buffer.
 */
const char	*ctl_socket_path(const char *name);

/*
 * The daemon's answer to a request, a line at a time; any may be NULL.
 * ctl_ask is 0, or -1 when it said "!" or could not be reached; the reason is
 * on stderr.  gone: that it closes before the end is no error (stop).
 */
struct ctl_answer {
	void		(*row)(void *, char *fields);	/* after "= " */
	void		(*text)(void *, const char *);	/* after "- " */
	void		(*done)(void *, const char *);	/* after ". " */
	void		*arg;
};
int		 ctl_ask(const char *socket, const char *const *words,
		    int nwords, const struct ctl_answer *, int gone);

/*
 * table.c: rows as an aligned table, or as JSON, an object a line.  The first
 * TABLE_WIDTH_ROWS rows set the widths; what follows streams.
 */
struct table_out;

#define TABLE_WIDTH_ROWS	1000

struct table_out *table_out_new(FILE *, int json);
/* fields as in lib/control.h, taken apart in place. */
void		 table_out_row(struct table_out *, char *fields);
/* A line between rows: what waits is printed before it. */
void		 table_out_text(struct table_out *, const char *);
/* The rest; frees.  Number of rows. */
size_t		 table_out_end(struct table_out *);

/* Take "key=value" or "key#number" apart, decoded.  0, -1: badly formed. */
struct table_field {
	const char	*key;
	char		*value;
	int		 number;
};
int		 table_field(char **fields, struct table_field *);
/* A copy, to free, in which no octet can steer a terminal. */
char		*table_safe(const char *);

/* encrypt.c: the hash of password, or of one that is asked for, printed. */
int		 encrypt_password(const char *password);

#endif
