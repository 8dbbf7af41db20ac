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
 * pledge(2) and unveil(2): what each role may still ask of the kernel.
 * proc_drop calls it, last.  Every role takes descriptors from its siblings.
 */

#include <stddef.h>
#include <unistd.h>

#include "lib/sandbox.h"

static const char *const promises[ROLE_COUNT] = {
	[ROLE_SMTPD] =		"stdio inet unix recvfd",
	[ROLE_NAMES] =		"stdio getpw recvfd",
	[ROLE_PASSWORDS] =	"stdio recvfd",
	[ROLE_QUEUE] =		"stdio rpath wpath cpath flock unix sendfd "
				"recvfd",
	[ROLE_FLUSH] =		"stdio recvfd",
	[ROLE_MTA] =		"stdio inet recvfd"
};

int
sandbox_apply(enum role role, const char **missing)
{
	*missing = NULL;
	if (role >= ROLE_COUNT || promises[role] == NULL)
		return (0);
	/* "/" is the spool by now */
	if (role == ROLE_QUEUE &&
	    (unveil("/", "rwc") == -1 || unveil(NULL, NULL) == -1))
		return (-1);
	return (pledge(promises[role], NULL));
}
