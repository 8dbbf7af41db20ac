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
 * Look-ups in the account files, for the parent.  Apart from the rest because
 * <grp.h> has a struct group too.
 */

#ifndef LIB_ACCOUNTS_H
#define LIB_ACCOUNTS_H

#include <sys/types.h>

/* The id of a group; 0, or -1: there is none. */
int		 group_id(const char *name, gid_t *);
/*
 * The name of an id in a file like passwd(5) or group(5): no name service is
 * asked.  0, or -1: it has none there.
 */
int		 account_name(const char *file, unsigned long id, char *name,
		    size_t size);

#endif
