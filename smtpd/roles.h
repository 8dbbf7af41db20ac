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
 * The entries of the roles, for the table in main.c and nothing else: their
 * own headers are private to their folders and share no names.
 */

#ifndef SMTPD_ROLES_H
#define SMTPD_ROLES_H

__dead void	 smtpd_role(const char *root, int foreground, int verbose);
/* names and passwords: passwords is the one with a root. */
__dead void	 lookup_role(const char *root, int foreground, int verbose);
__dead void	 queue_role(const char *root, int foreground, int verbose);
__dead void	 flush_role(const char *root, int foreground, int verbose);
__dead void	 mta_role(const char *root, int foreground, int verbose);

#endif
