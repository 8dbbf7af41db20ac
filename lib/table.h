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
 * Tables of the configuration: lists and maps, inline or from a file whose
 * text the parent read (table(5)).  Keys are hashed where they can be; wild
 * cards and networks are tried after the exact key.  Pure.
 */

#ifndef LIB_TABLE_H
#define LIB_TABLE_H

#include <sys/socket.h>
#include <stddef.h>

struct table;

struct table	*table_new(const char *name);
void		 table_free(struct table *);
const char	*table_name(const struct table *);
/* The file it was read from, or NULL. */
const char	*table_path(const struct table *);
void		 table_set_path(struct table *, const char *);
/* value NULL: an entry of a list.  0, -1 for a key that is there already. */
int		 table_add(struct table *, const char *key, const char *value);
/* Its entries; those of table_alias() are counted. */
size_t		 table_size(const struct table *);
int		 table_is_map(const struct table *);

/*
 * Text of a file as in table(5): a key a line, then, after blanks, its value;
 * "# @list" keeps whole lines.  -1 and *line where a line is wrong.
 */
int		 table_parse(struct table *, const char *text, int *line,
		    const char **error);

/* The value ("" in a list), or NULL.  Exact; without case. */
const char	*table_get(const struct table *, const char *key);
/* Exact and with case: user names, credentials. */
const char	*table_get_case(const struct table *, const char *key);
/* A domain: exact, then the longest "*.example.com". */
const char	*table_get_domain(const struct table *, const char *domain);
/* A mail address: whole, "@domain", "domain"; "<>" for null. */
const char	*table_get_mail(const struct table *, const char *address);
/* A network address: literals and CIDR. */
const char	*table_get_addr(const struct table *, const struct sockaddr *);

/*
 * Let form find what key finds, where they differ by more than case.  0, or -1:
 * form finds another value already.
 */
int		 table_alias(struct table *, const char *key,
		    const char *form);

/* Walk all entries in order of definition; next starts at 0. */
int		 table_each(const struct table *, size_t *next,
		    const char **key, const char **value);

#endif
