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
 * binderyctl encrypt: the hash of a password, as a table of customers wants
 * it.  Runs as whoever called it; the password is wiped after use.
 */

#include <sys/types.h>
#include <err.h>
#include <pwd.h>
#include <readpassphrase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define HASH_COST	"bcrypt,10"
#define HASH_SIZE	256
#define PASSWORD_SIZE	512

/* From the terminal, twice, or a line of standard input. */
static int
password_read(char *password, size_t size)
{
	char	 again[PASSWORD_SIZE];
	int	 same;

	if (!isatty(STDIN_FILENO)) {
		if (fgets(password, (int)size, stdin) == NULL) {
			warnx("no password given");
			return (-1);
		}
		password[strcspn(password, "\n")] = '\0';
		return (0);
	}
	if (readpassphrase("Password: ", password, size, 0) == NULL ||
	    readpassphrase("Again: ", again, sizeof(again), 0) == NULL) {
		warn("no password given");
		return (-1);
	}
	same = strcmp(password, again) == 0;
	explicit_bzero(again, sizeof(again));
	if (!same)
		warnx("the two are not the same");
	return (same ? 0 : -1);
}

int
encrypt_password(const char *given)
{
	char	 password[PASSWORD_SIZE], hash[HASH_SIZE];
	int	 result = -1;

	if (given != NULL) {
		if (strlcpy(password, given, sizeof(password)) >=
		    sizeof(password)) {
			warnx("the password is too long");
			return (-1);
		}
	} else if (password_read(password, sizeof(password)) == -1)
		return (-1);
	if (*password == '\0')
		warnx("the password is empty");
	else if (crypt_newhash(password, HASH_COST, hash,
	    sizeof(hash)) == -1)
		warn("the password cannot be hashed");
	else {
		printf("%s\n", hash);
		result = 0;
	}
	explicit_bzero(password, sizeof(password));
	return (result);
}
