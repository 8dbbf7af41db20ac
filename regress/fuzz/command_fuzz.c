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
 * libFuzzer entry for a command line: what the grammar takes is an address
 * that may go into an envelope, a log line and another mailer's command.
 */

#include <stdlib.h>
#include <string.h>

#include "smtpd/syntax.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
check_address(const char *address, int utf8)
{
	must(strpbrk(address, "\r\n") == NULL);
	must(utf8 || !syntax_eightbit(address));
	must(*address == '\0' || syntax_unqualified(address) ||
	    address_valid(address, utf8));
}

static void
check_reply(const char *error)
{
	must(error == NULL || *error == '4' || *error == '5');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_command	 mail;
	struct rcpt_command	 rcpt;
	const char		*args, *error;
	char			*line, verb[SYNTAX_VERB];
	uint64_t		 octets;
	int			 last, utf8;

	/* session.c has looked for these before */
	if (memchr(data, '\0', size) != NULL || size > 1200)
		return (0);
	if ((line = malloc(size + 1)) == NULL)
		abort();
	memcpy(line, data, size);
	must(syntax_trim(line, size) <= size);
	args = syntax_verb(line, verb);
	if ((error = syntax_mail(args, &mail)) == NULL) {
		check_address(mail.sender, mail.utf8);
		must(strpbrk(mail.envid, " =\r\n") == NULL);
	}
	check_reply(error);
	for (utf8 = 0; utf8 < 2; utf8++) {
		if ((error = syntax_rcpt(args, utf8, &rcpt)) == NULL) {
			check_address(rcpt.address, utf8);
			must(rcpt.address[0] != '\0');
			must(strpbrk(rcpt.orcpt, " \r\n") == NULL);
		}
		check_reply(error);
	}
	if (syntax_helo(args))
		must(strpbrk(args, " ()<>\\\"") == NULL);
	check_reply(syntax_bdat(args, &octets, &last));
	free(line);
	return (0);
}
