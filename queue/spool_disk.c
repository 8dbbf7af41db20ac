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
 * The system calls on files of the spool; see spool_disk.h.  The only file
 * that makes them, so that tests can stand between it and the kernel.
 */

#include <sys/file.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/spool_disk.h"

#define LOCK_NAME	"lock"
#define SPARE_NAME	"spare"
#define SUFFIX		".seg"
#define NAME_SIZE	64
#define KEPT_SIZE	(NAME_SIZE + 16)
/* Names that are tried for what is kept aside. */
#define KEEP_NAMES	1000

static int	 kernel_openat(int, const char *, int, mode_t);
static int	 kernel_duplicate(int);

const struct disk_calls disk_kernel = {
	.openat = kernel_openat,
	.close = close,
	.duplicate = kernel_duplicate,
	.pread = pread,
	.pwritev = pwritev,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.ftruncate = ftruncate,
	.renameat = renameat,
	.unlinkat = unlinkat,
	.linkat = linkat,
	.mkdirat = mkdirat,
	.fstat = fstat,
	.fstatvfs = fstatvfs,
	.flock = flock
};

static struct {
	const struct disk_calls *calls;
	int	 dirs[DISK_DIRS];
	int	 lock;
	char	 error[512];
} disk = { &disk_kernel, { -1, -1, -1, -1 }, -1, "" };

static const char *const dir_names[DISK_DIRS] = {
	".", "log", "large", "damaged"
};

static int
kernel_openat(int dir, const char *path, int flags, mode_t mode)
{
	return (openat(dir, path, flags, mode));
}

static int
kernel_duplicate(int fd)
{
	return (fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

void
disk_set_calls(const struct disk_calls *calls)
{
	disk.calls = calls == NULL ? &disk_kernel : calls;
}

static int	 refuse(const char **, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

static int
refuse(const char **error, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(disk.error, sizeof(disk.error), fmt, ap);
	va_end(ap);
	*error = disk.error;
	disk_close();
	return (-1);
}

static int
open_dir(int at, const char *path)
{
	return (disk.calls->openat(at, path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
}

/* Ours alone, or others could read or forge mail. */
static int
check_root(const char *root, const char **error)
{
	struct stat	 st;

	if (disk.calls->fstat(disk.dirs[DISK_ROOT], &st) == -1)
		return (refuse(error, "spool %s: %s", root, strerror(errno)));
	if (st.st_uid != geteuid())
		return (refuse(error, "spool %s: owner must be user %u, not "
		    "%u", root, (unsigned)geteuid(), (unsigned)st.st_uid));
	if ((st.st_mode & 07777) != 0700)
		return (refuse(error, "spool %s: mode must be 0700, not %04o",
		    root, (unsigned)st.st_mode & 07777));
	return (0);
}

static int
lock_root(const char *root, const char **error)
{
	disk.lock = disk.calls->openat(disk.dirs[DISK_ROOT], LOCK_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (disk.lock == -1)
		return (refuse(error, "spool %s: cannot open lock: %s", root,
		    strerror(errno)));
	if (disk.calls->flock(disk.lock, LOCK_EX | LOCK_NB) == 0)
		return (0);
	if (errno == EWOULDBLOCK)
		return (refuse(error, "spool %s is in use by another daemon",
		    root));
	return (refuse(error, "spool %s: cannot lock: %s", root,
	    strerror(errno)));
}

static int
open_folders(const char *root, const char **error)
{
	int	 i;

	for (i = DISK_LOG; i < DISK_DIRS; i++) {
		if (disk.calls->mkdirat(disk.dirs[DISK_ROOT], dir_names[i],
		    0700) == -1 && errno != EEXIST)
			return (refuse(error, "spool %s: cannot make %s: %s",
			    root, dir_names[i], strerror(errno)));
		disk.dirs[i] = open_dir(disk.dirs[DISK_ROOT], dir_names[i]);
		if (disk.dirs[i] == -1)
			return (refuse(error, "spool %s: cannot open %s: %s",
			    root, dir_names[i], strerror(errno)));
	}
	/* a start that was cut short may have left them unflushed, too */
	if (disk_sync_dir(DISK_ROOT) == -1)
		return (refuse(error, "spool %s: cannot flush: %s", root,
		    strerror(errno)));
	return (0);
}

int
disk_open(const char *root, const char **error)
{
	if (disk.calls->mkdirat(AT_FDCWD, root, 0700) == -1 &&
	    errno != EEXIST && errno != EISDIR)
		return (refuse(error, "spool %s: cannot make: %s", root,
		    strerror(errno)));
	if ((disk.dirs[DISK_ROOT] = open_dir(AT_FDCWD, root)) == -1)
		return (refuse(error, "spool %s: %s", root, strerror(errno)));
	if (check_root(root, error) == -1 || lock_root(root, error) == -1)
		return (-1);
	return (open_folders(root, error));
}

void
disk_close(void)
{
	int	 i;

	for (i = 0; i < DISK_DIRS; i++) {
		disk_shut(disk.dirs[i]);
		disk.dirs[i] = -1;
	}
	disk_shut(disk.lock);
	disk.lock = -1;
}

int
disk_dir_fd(enum disk_dir dir)
{
	return (disk.dirs[dir]);
}

/* fdatasync of a folder may leave its entries out. */
int
disk_sync_dir(enum disk_dir dir)
{
	return (disk.calls->fsync(disk.dirs[dir]));
}

int
disk_free(uint64_t *octets)
{
	struct statvfs	 vfs;

	if (disk.calls->fstatvfs(disk.dirs[DISK_ROOT], &vfs) == -1)
		return (-1);
	*octets = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return (0);
}

int
disk_list(enum disk_dir dir, void (*each)(const char *, void *), void *arg)
{
	struct dirent	*entry;
	DIR		*list;
	int		 fd, error;

	/* a descriptor of its own: the position is shared among duplicates */
	if ((fd = open_dir(disk.dirs[DISK_ROOT], dir_names[dir])) == -1)
		return (-1);
	if ((list = fdopendir(fd)) == NULL) {
		disk_shut(fd);
		return (-1);
	}
	for (;;) {
		errno = 0;
		if ((entry = readdir(list)) == NULL)
			break;
		if (entry->d_name[0] != '.')
			each(entry->d_name, arg);
	}
	error = errno;
	closedir(list);
	errno = error;
	return (error == 0 ? 0 : -1);
}

static const char *
segment_name(uint32_t number, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%010u" SUFFIX, number);
	return (name);
}

uint32_t
segment_number(const char *name)
{
	char		 again[NAME_SIZE];
	unsigned long	 number;

	number = strtoul(name, NULL, 10);
	if (number == 0 || number >= UINT32_MAX)
		return (0);
	if (strcmp(segment_name((uint32_t)number, again), name) != 0)
		return (0);
	return ((uint32_t)number);
}

int
segment_open(uint32_t number)
{
	char	 name[NAME_SIZE];

	return (disk.calls->openat(disk.dirs[DISK_LOG],
	    segment_name(number, name), O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0));
}

int
segment_create(uint32_t number)
{
	char	 name[NAME_SIZE];

	return (disk.calls->openat(disk.dirs[DISK_LOG],
	    segment_name(number, name),
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

int
segment_unlink(uint32_t number)
{
	char	 name[NAME_SIZE];

	return (disk.calls->unlinkat(disk.dirs[DISK_LOG],
	    segment_name(number, name), 0));
}

/* Numbers come again: what was kept under a name before stays what it is. */
static const char *
kept_name(const char *name, int n, char kept[KEPT_SIZE])
{
	if (n == 1)
		snprintf(kept, KEPT_SIZE, "%s", name);
	else
		snprintf(kept, KEPT_SIZE, "%s.%d", name, n);
	return (kept);
}

static int
same_file(const char *name, const char *kept)
{
	struct stat	 a, b;
	int		 fds[2], same;

	fds[0] = disk.calls->openat(disk.dirs[DISK_LOG], name,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	fds[1] = disk.calls->openat(disk.dirs[DISK_DAMAGED], kept,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	same = fds[0] != -1 && fds[1] != -1 &&
	    disk.calls->fstat(fds[0], &a) == 0 &&
	    disk.calls->fstat(fds[1], &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
	disk_shut(fds[0]);
	disk_shut(fds[1]);
	return (same);
}

int
segment_keep(uint32_t number)
{
	char	 name[NAME_SIZE], kept[KEPT_SIZE];
	int	 n;

	segment_name(number, name);
	for (n = 1; n <= KEEP_NAMES; n++) {
		if (disk.calls->linkat(disk.dirs[DISK_LOG], name,
		    disk.dirs[DISK_DAMAGED], kept_name(name, n, kept),
		    0) == 0)
			return (disk_sync_dir(DISK_DAMAGED));
		if (errno != EEXIST)
			return (-1);
		if (same_file(name, kept))
			return (disk_sync_dir(DISK_DAMAGED));
	}
	errno = EEXIST;
	return (-1);
}

int
segment_save_tail(uint32_t number, uint64_t offset,
    const void *octets, size_t len)
{
	struct iovec	 iov;
	char		 name[NAME_SIZE], kept[KEPT_SIZE];
	int		 fd = -1, error, n;

	snprintf(name, sizeof(name), "%010u.tail-%llu", number,
	    (unsigned long long)offset);
	errno = EEXIST;
	for (n = 1; n <= KEEP_NAMES && fd == -1 && errno == EEXIST; n++)
		fd = disk.calls->openat(disk.dirs[DISK_DAMAGED],
		    kept_name(name, n, kept), O_RDWR | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return (-1);
	iov.iov_base = (void *)(uintptr_t)octets;
	iov.iov_len = len;
	if (disk_write(fd, &iov, 1, 0) == -1 || disk_sync(fd) == -1 ||
	    disk_sync_dir(DISK_DAMAGED) == -1) {
		error = errno;
		disk_shut(fd);
		errno = error;
		return (-1);
	}
	disk_shut(fd);
	return (0);
}

int
spare_open(void)
{
	return (disk.calls->openat(disk.dirs[DISK_ROOT], SPARE_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

int
spare_use(uint32_t number)
{
	char	 name[NAME_SIZE];

	return (disk.calls->renameat(disk.dirs[DISK_ROOT], SPARE_NAME,
	    disk.dirs[DISK_LOG], segment_name(number, name)));
}

int
large_create(const char *name)
{
	return (disk.calls->openat(disk.dirs[DISK_LARGE], name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

int
large_open(const char *name)
{
	return (disk.calls->openat(disk.dirs[DISK_LARGE], name,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0));
}

int
large_unlink(const char *name)
{
	return (disk.calls->unlinkat(disk.dirs[DISK_LARGE], name, 0));
}

int
large_keep(const char *name)
{
	return (disk.calls->renameat(disk.dirs[DISK_LARGE], name,
	    disk.dirs[DISK_DAMAGED], name));
}

int
disk_write(int fd, struct iovec *iov, int n, uint64_t offset)
{
	ssize_t	 done;

	while (n > 0) {
		if (iov->iov_len == 0) {
			iov++;
			n--;
			continue;
		}
		done = disk.calls->pwritev(fd, iov, n, (off_t)offset);
		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return (-1);
		if (done == 0) {
			errno = ENOSPC;
			return (-1);
		}
		offset += (uint64_t)done;
		while (n > 0 && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return (0);
}

ssize_t
disk_read(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t	 n = 0;
	ssize_t	 got;

	while (n < len) {
		got = disk.calls->pread(fd, (char *)buf + n, len - n,
		    (off_t)(offset + n));
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return (-1);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return ((ssize_t)n);
}

int
disk_size(int fd, uint64_t *size)
{
	struct stat	 st;

	if (disk.calls->fstat(fd, &st) == -1)
		return (-1);
	*size = (uint64_t)st.st_size;
	return (0);
}

int
disk_cut(int fd, uint64_t size)
{
	return (disk.calls->ftruncate(fd, (off_t)size));
}

int
disk_sync(int fd)
{
	return (disk.calls->fdatasync(fd));
}

int
disk_duplicate(int fd)
{
	return (disk.calls->duplicate(fd));
}

void
disk_shut(int fd)
{
	if (fd != -1)
		(void)disk.calls->close(fd);
}
