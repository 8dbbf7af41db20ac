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
 * The grammar of SMTP command lines: RFC 5321 4.1 with the parameters of
 * SIZE (RFC 1870), 8BITMIME (RFC 6152), DSN (RFC 3461), SMTPUTF8 (RFC 6531)
 * and AUTH (RFC 4954).  Pure.
 */

#ifndef SMTPD_SYNTAX_H
#define SMTPD_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/address.h"
#include "lib/facts.h"

#define SYNTAX_VERB	16		/* longest verb that is looked at */

struct mail_command {
	char		 sender[ADDRESS_MAX];	/* "" for null */
	uint64_t	 size;			/* 0: not declared */
	int		 eightbit;
	int		 utf8;
	char		 ret[DSN_RET_MAX];	/* FULL, HDRS or "" */
	char		 envid[DSN_ENVID_MAX];	/* xtext as it came, or "" */
};

struct rcpt_command {
	char		 address[ADDRESS_MAX];
	char		 notify[DSN_NOTIFY_MAX];	/* upper case, or "" */
	char		 orcpt[DSN_ORCPT_MAX];	/* type;xtext, or "" */
};

/*
 * The verb of a line in upper case (size SYNTAX_VERB; "" for none or one too
 * long); the rest of the line without leading blanks.
 */
const char	*syntax_verb(const char *line, char *verb);
/* Cut off trailing blanks; the new length. */
size_t		 syntax_trim(char *line, size_t len);
/*
 * What follows MAIL or RCPT.  NULL, or the reply that says what is wrong.
 * An address may lack its domain; see syntax_qualify.  utf8: MAIL said
 * SMTPUTF8, so the address may go beyond ASCII.
 */
const char	*syntax_mail(const char *args, struct mail_command *);
const char	*syntax_rcpt(const char *args, int utf8,
		    struct rcpt_command *);
/* What follows BDAT: RFC 3030 2.  NULL, or the reply. */
const char	*syntax_bdat(const char *args, uint64_t *octets, int *last);
/* Whether the address lacks its domain. */
int		 syntax_unqualified(const char *address);
/* Append "@domain".  -1: no room. */
int		 syntax_qualify(char *address, size_t size, const char *domain);
/* Whether there is anything beyond ASCII in it. */
int		 syntax_eightbit(const char *);
/* A name as HELO or EHLO may give it: safe to write into a header. */
int		 syntax_helo(const char *);

#endif
