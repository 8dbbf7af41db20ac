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
 * The texts of a configuration's files, as the parent reads them and hands
 * them to the roles.  Pure.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/config_private.h"

struct bundle_file *
bundle_find(struct bundle *bundle, const char *path)
{
	struct bundle_file	*f;

	TAILQ_FOREACH(f, bundle, entry)
		if (strcmp(f->path, path) == 0)
			return (f);
	return (NULL);
}

int
bundle_append(struct bundle *bundle, const char *path, const char *chunk,
    size_t len)
{
	struct bundle_file	*f;

	if (len > 0 && memchr(chunk, '\0', len) != NULL)
		return (-1);
	/* chunks of one file follow each other: look at the last one first */
	f = TAILQ_LAST(bundle, bundle);
	if (f == NULL || strcmp(f->path, path) != 0)
		f = bundle_find(bundle, path);
	if (f == NULL) {
		f = checked(calloc(1, sizeof(*f)));
		f->path = checked_strdup(path);
		f->text = checked_strdup("");
		TAILQ_INSERT_TAIL(bundle, f, entry);
	}
	f->text = checked(realloc(f->text, f->len + len + 1));
	if (len > 0)
		memcpy(f->text + f->len, chunk, len);
	f->len += len;
	f->text[f->len] = '\0';
	return (0);
}

static void
bundle_remove(struct bundle *bundle, struct bundle_file *f)
{
	TAILQ_REMOVE(bundle, f, entry);
	free(f->path);
	freezero(f->text, f->len);
	free(f);
}

void
bundle_forget_parsed(struct bundle *bundle)
{
	struct bundle_file	*f, *next;

	TAILQ_FOREACH_SAFE(f, bundle, entry, next)
		if (f->parsed)
			bundle_remove(bundle, f);
}

void
bundle_free(struct bundle *bundle)
{
	struct bundle_file	*f;

	while ((f = TAILQ_FIRST(bundle)) != NULL)
		bundle_remove(bundle, f);
}
