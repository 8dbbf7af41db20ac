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
 * Look-ups in the account files.  The parent calls it while it may still read
 * them; nothing here changes anything.
 */

#include <sys/types.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/accounts.h"

int
group_id(const char *name, gid_t *gid)
{
	const struct group	*gr;

	gr = getgrnam(name);
	if (gr == NULL)
		return (-1);
	*gid = gr->gr_gid;
	return (0);
}

int
account_name(const char *file, unsigned long id, char *name, size_t size)
{
	FILE	*f;
	char	*line = NULL, *rest, *number;
	size_t	 room = 0;
	int	 result = -1;

	if ((f = fopen(file, "re")) == NULL)
		return (-1);
	while (result == -1 && getline(&line, &room, f) != -1) {
		rest = line;
		(void)strsep(&rest, ":");
		(void)strsep(&rest, ":");
		number = strsep(&rest, ":\n");
		if (number != NULL && *number != '\0' &&
		    strtoul(number, NULL, 10) == id &&
		    strlcpy(name, line, size) < size)
			result = 0;
	}
	free(line);
	fclose(f);
	return (result);
}
