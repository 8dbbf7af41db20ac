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

#include <sys/xattr.h>
#include <netinet/in.h>

#include <endian.h>
#include <malloc.h>
#include <stdint.h>

/*
 * bind(2) an address now and let connect(2) choose the port, so that ports are
 * counted per destination and not per source.
 */
void
socket_defer_port(int fd)
{
	int	 on = 1;

	/* an old kernel has fewer ports to give, no more is lost */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
}

void
memory_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* The kernel's own form of a list, linux/posix_acl_xattr.h. */
#define ACL_ATTRIBUTE	"system.posix_acl_access"
#define ACL_VERSION	2
#define ACL_USER	0x02
#define ACL_GROUP_OBJ	0x04
#define ACL_GROUP	0x08
#define ACL_MASK	0x10
#define ACL_WRITE	0x02

struct acl_entry {
	uint16_t	 tag;
	uint16_t	 perm;
	uint32_t	 id;
};

int
acl_writers(int fd, gid_t group, struct acl_writer *writers, int max)
{
	static struct {
		uint32_t		 version;
		struct acl_entry	 entries[8000];	/* 64 KiB at most */
	} acl;
	const struct acl_entry	*e, *end;
	ssize_t			 len;
	int			 mask = ACL_WRITE, n = 0;

	len = fgetxattr(fd, ACL_ATTRIBUTE, &acl, sizeof(acl));
	if (len < (ssize_t)sizeof(acl.version) ||
	    le32toh(acl.version) != ACL_VERSION)
		return (-1);
	end = acl.entries + ((size_t)len - sizeof(acl.version)) / sizeof(*e);
	for (e = acl.entries; e < end; e++)
		if (le16toh(e->tag) == ACL_MASK)
			mask = le16toh(e->perm) & ACL_WRITE;
	for (e = acl.entries; e < end; e++) {
		if ((le16toh(e->tag) &
		    (ACL_USER | ACL_GROUP_OBJ | ACL_GROUP)) == 0 ||
		    (le16toh(e->perm) & mask) == 0)
			continue;
		if (n < max) {
			writers[n].is_group = le16toh(e->tag) != ACL_USER;
			writers[n].id = le16toh(e->tag) == ACL_GROUP_OBJ ?
			    group : le32toh(e->id);
		}
		n++;
	}
	return (n);
}
