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
 * Forced in before every file (-include): what one system has and another has
 * not.  The only place, with its neighbours, for conditional compilation.
 */

#ifndef LIB_COMPAT_H
#define LIB_COMPAT_H

/* The first of the libraries that a new machine lacks. */
#if defined(__has_include)
#if !__has_include(<sys/tree.h>)
#error "libraries are missing: \"make deps\" installs them (as root)"
#endif
#endif

#include <sys/types.h>
#include <sys/socket.h>

#ifndef __unused
#define __unused		__attribute__((__unused__))
#endif
#ifndef __dead
#define __dead			__attribute__((__noreturn__))
#endif

/*
 * Room for a chroot that holds nothing is made below the run folder; see
 * smtpd/parent.c.
 */
#ifndef BINDERY_CONF
#define BINDERY_CONF		"/etc/bindery/bindery.conf"
#endif
#ifndef BINDERY_ALIASES
#define BINDERY_ALIASES		"/etc/aliases"
#endif
#ifndef BINDERY_RUN
#define BINDERY_RUN		"/var/run/bindery"
#endif
#ifndef BINDERY_SPOOL
#define BINDERY_SPOOL		"/var/spool/bindery"
#endif

/* Let connect(2) choose the port of a socket that is bound to an address. */
void	 socket_defer_port(int fd);
/*
 * After much was freed, as when a configuration was read: memory goes back to
 * the system where the allocator keeps it otherwise.
 */
void	 memory_give_back(void);

/*
 * Whom an access control list lets write a file beside its owner and others;
 * the file's own group is one of them.  At most max are given; how many there
 * are, or -1 where there is no list, and the mode says it.
 */
struct acl_writer {
	int		 is_group;
	unsigned int	 id;
};
int	 acl_writers(int fd, gid_t group, struct acl_writer *, int max);

#ifndef __OpenBSD__
#include <stddef.h>

int	 crypt_checkpass(const char *, const char *);
int	 crypt_newhash(const char *, const char *, char *, size_t);
int	 timingsafe_bcmp(const void *, const void *, size_t);
/* libbsd's is in stdlib.h, which not every file includes */
void	 freezero(void *, size_t);
#endif

#endif
