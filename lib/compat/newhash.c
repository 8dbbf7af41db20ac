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
 * crypt_newhash(3) for systems that have crypt_gensalt(3) instead: bcrypt
 * with "$2b$".  binderyctl encrypt calls it.
 */

#include <sys/types.h>
#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COST_DEFAULT	10

/* preference: "bcrypt,N" or "bcrypt,a" (a cost that suits). */
int
crypt_newhash(const char *password, const char *preference, char *hash,
    size_t size)
{
	struct crypt_data	*data;
	const char		*made;
	char			 salt[CRYPT_GENSALT_OUTPUT_SIZE];
	unsigned long		 cost = COST_DEFAULT;
	int			 result = -1;

	if (strncmp(preference, "bcrypt,", 7) != 0) {
		errno = EINVAL;
		return (-1);
	}
	if (strcmp(preference + 7, "a") != 0)
		cost = strtoul(preference + 7, NULL, 10);
	if (crypt_gensalt_rn("$2b$", cost, NULL, 0, salt,
	    (int)sizeof(salt)) == NULL)
		return (-1);
	data = calloc(1, sizeof(*data));
	if (data == NULL)
		return (-1);
	made = crypt_rn(password, salt, data, (int)sizeof(*data));
	if (made != NULL && strlcpy(hash, made, size) < size)
		result = 0;
	else if (made != NULL)
		errno = ERANGE;
	explicit_bzero(data, sizeof(*data));
	free(data);
	return (result);
}
