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
 * The system calls on files of the spool, all of them, and their names on the
 * disk.  spool.c and its neighbours call it.  It decides nothing: an error is
 * handed up as it came.
 *
 *	lock			one daemon per spool
 *	log/NNNNNNNNNN.seg	the log
 *	large/ID		content of large messages
 *	damaged/		what a start found broken, kept aside
 *	spare			room for results when the disk is full
 */

#ifndef QUEUE_SPOOL_DISK_H
#define QUEUE_SPOOL_DISK_H

#include <sys/types.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <stdint.h>

/* What the kernel is asked; a test may put its own in. */
struct disk_calls {
	int	(*openat)(int, const char *, int, mode_t);
	int	(*close)(int);
	int	(*duplicate)(int);
	ssize_t	(*pread)(int, void *, size_t, off_t);
	ssize_t	(*pwritev)(int, const struct iovec *, int, off_t);
	int	(*fdatasync)(int);
	int	(*fsync)(int);
	int	(*ftruncate)(int, off_t);
	int	(*renameat)(int, const char *, int, const char *);
	int	(*unlinkat)(int, const char *, int);
	int	(*linkat)(int, const char *, int, const char *, int);
	int	(*mkdirat)(int, const char *, mode_t);
	int	(*fstat)(int, struct stat *);
	int	(*fstatvfs)(int, struct statvfs *);
	int	(*flock)(int, int);
};
extern const struct disk_calls disk_kernel;
/* NULL: the kernel's own again. */
void		 disk_set_calls(const struct disk_calls *);

enum disk_dir {
	DISK_ROOT,
	DISK_LOG,
	DISK_LARGE,
	DISK_DAMAGED,
	DISK_DIRS
};

/*
 * Open, check, lock, make folders that are missing.  0, or -1 with *error a
 * line that says why (a static buffer).
 */
int		 disk_open(const char *root, const char **error);
void		 disk_close(void);
int		 disk_dir_fd(enum disk_dir);
int		 disk_sync_dir(enum disk_dir);
/* Octets free on the disk of the spool; -1. */
int		 disk_free(uint64_t *octets);
/* Names in a folder, without dots, in no order. */
int		 disk_list(enum disk_dir, void (*)(const char *, void *),
		    void *);

/* Segments.  A number from a name, or 0. */
int		 segment_open(uint32_t number);
int		 segment_create(uint32_t number);
int		 segment_unlink(uint32_t number);
uint32_t	 segment_number(const char *name);
/* A second name in damaged/, if it has none there yet. */
int		 segment_keep(uint32_t number);
/* Copy what is from offset on to damaged/, flushed. */
int		 segment_save_tail(uint32_t number, uint64_t offset,
		    const void *, size_t);

/* The spare: open (made when missing), and as segment number. */
int		 spare_open(void);
int		 spare_use(uint32_t number);

/* Large files. */
int		 large_create(const char *name);
int		 large_open(const char *name);
int		 large_unlink(const char *name);
int		 large_keep(const char *name);

/* Whole or -1; offsets are absolute. */
int		 disk_write(int fd, struct iovec *, int, uint64_t offset);
/* As much as there is; -1. */
ssize_t		 disk_read(int fd, void *, size_t, uint64_t offset);
int		 disk_size(int fd, uint64_t *);
int		 disk_cut(int fd, uint64_t size);
int		 disk_sync(int fd);
int		 disk_duplicate(int fd);
void		 disk_shut(int fd);

#endif
