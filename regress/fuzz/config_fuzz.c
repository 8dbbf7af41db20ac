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
 * libFuzzer entry for bindery.conf(5): whatever the octets, the parser says
 * yes or no, leaks nothing, and what it prints back parses to the same.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct input {
	const char	*text;
	size_t		 len;
};

/* Every path is the input itself, so that includes are tried as well. */
static const char *
load(void *arg, const char *path, size_t *len)
{
	struct input	*in = arg;

	if (strcmp(path, "conf") != 0 && strcmp(path, "self") != 0) {
		errno = ENOENT;
		return (NULL);
	}
	*len = in->len;
	return (in->text);
}

static char **
no_files(void *arg, const char *pattern)
{
	return (NULL);
}

static void
silent(void *arg, const struct origin *where, int warning, const char *text)
{
	if (where->file == NULL || where->line < 1 || text[0] == '\0')
		abort();
}

static char *
print(struct config *c, size_t *len)
{
	FILE	*f;
	char	*text = NULL;

	if ((f = open_memstream(&text, len)) == NULL)
		abort();
	config_print(c, f);
	fclose(f);
	config_free(c);
	return (text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input		 in;
	struct config_io	 io = {
		.load = load, .glob = no_files, .report = silent,
		.arg = &in, .hostname = "mx.example.net", .all = 1
	};
	struct config		*c;
	char			*text, *first, *again;
	size_t			 len;

	if ((text = malloc(size + 1)) == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	in.text = text;
	in.len = size;
	c = config_parse("conf", &io);
	if (c != NULL && memmem(text, size, "file:", 5) == NULL) {
		first = print(c, &len);
		in.text = first;
		in.len = len;
		/* a line may have become too long, and no more than that */
		if ((c = config_parse("conf", &io)) != NULL) {
			again = print(c, &len);
			if (strcmp(first, again) != 0)
				abort();
			free(again);
		}
		free(first);
	} else
		config_free(c);
	free(text);
	return (0);
}
