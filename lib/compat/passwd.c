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
 * What OpenBSD's libc has for passwords and others do not: checking one
 * against its hash.  The passwords role calls it.
 */

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
timingsafe_bcmp(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;
	unsigned char differ = 0;

	for (; len > 0; len--)
		differ |= *p++ ^ *q++;
	return (differ != 0);
}

/*
 * 0 where password is hash's, -1 with EACCES where not.  Only "$id$" forms
 * are hashes: neither an empty field nor the old DES form lets anyone in.
 */
int
crypt_checkpass(const char *password, const char *hash)
{
	struct crypt_data *data;
	const char *made;
	size_t len;
	int error = -1;

	errno = EACCES;
	if (hash == NULL || hash[0] != '$')
		return (-1);
	if ((data = calloc(1, sizeof(*data))) == NULL)
		return (-1);
	made = crypt_r(password, hash, data);
	if (made != NULL && made[0] == '$') {
		len = strlen(made);
		if (len == strlen(hash) &&
		    timingsafe_bcmp(made, hash, len) == 0)
			error = 0;
	}
	freezero(data, sizeof(*data));
	if (error == -1)
		errno = EACCES;
	return (error);
}
