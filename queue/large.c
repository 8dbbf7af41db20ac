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
 * Large messages: content in a file of its own, which is flushed with its
 * folder before the record that names it is appended.  For spool.c and, by
 * spool.h, for those who write and read them.  No file goes before the
 * records that made it dead are flushed.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"
#include "queue/spool_log.h"

#define NAME_SIZE	24
#define READ_STEP	(256 * 1024)

/* A message whose file is being flushed. */
struct pending {
	TAILQ_ENTRY(pending) entry;
	struct record	 record;
	char		*text;
	struct spool_ref *ref;
	spool_done	*done;
	void		*arg;
	int		 fd;
	uint32_t	 number;
	int		 waiting;	/* flushes not answered */
	int		 error;
};

/* A stored file that is being compared with its record. */
struct large_check {
	uint64_t	 len;
	uint64_t	 offset;	/* read so far */
	uint32_t	 crc;		/* the record's */
	uint32_t	 sum;		/* of what was read */
	int		 fd;
};

/* A file that is complete, or one that is to go once barrier has passed. */
struct file {
	TAILQ_ENTRY(file) entry;
	uint64_t	 id;
	uint64_t	 len;
	uint32_t	 crc;
	uint64_t	 barrier;
};
TAILQ_HEAD(files, file);

static struct {
	TAILQ_HEAD(, pending) pending;
	struct files	 finished;
	struct files	 removed;
	uint32_t	 number;
	uint64_t	*named;		/* at the start only */
	size_t		 count, room;
	int		 damaged;
} large = {
	.pending = TAILQ_HEAD_INITIALIZER(large.pending),
	.finished = TAILQ_HEAD_INITIALIZER(large.finished),
	.removed = TAILQ_HEAD_INITIALIZER(large.removed),
	.number = SPOOL_LARGE_FIRST
};

static const char *
large_name(uint64_t id, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%016llx", (unsigned long long)id);
	return (name);
}

int
spool_large_create(uint64_t id)
{
	char	 name[NAME_SIZE];

	return (large_create(large_name(id, name)));
}

int
spool_large_open(uint64_t id)
{
	char	 name[NAME_SIZE];

	return (large_open(large_name(id, name)));
}

static void
file_remember(struct files *list, uint64_t id, uint64_t len, uint32_t crc,
    uint64_t barrier)
{
	struct file	*f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		fatal("large file");
	f->id = id;
	f->len = len;
	f->crc = crc;
	f->barrier = barrier;
	TAILQ_INSERT_TAIL(list, f, entry);
}

static void
files_clear(struct files *list)
{
	struct file	*f;

	while ((f = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, f, entry);
		free(f);
	}
}

/* Whether it has this length. */
static int
large_length(uint64_t id, uint64_t len)
{
	uint64_t	 size;
	int		 fd, status;

	if ((fd = spool_large_open(id)) == -1)
		return (-1);
	status = disk_size(fd, &size);
	disk_shut(fd);
	if (status == -1 || size == len)
		return (status);
	errno = EILSEQ;
	return (-1);
}

ssize_t
spool_large_begin(uint64_t id, uint64_t len, void *octets, size_t size)
{
	ssize_t	 n;
	int	 fd, error;

	if (large_length(id, len) == -1 || (fd = spool_large_open(id)) == -1)
		return (-1);
	n = disk_read(fd, octets, size, 0);
	error = errno;
	disk_shut(fd);
	errno = error;
	return (n);
}

int
spool_large_finish(uint64_t id, uint64_t len, uint32_t crc)
{
	if (large_length(id, len) == -1)
		return (-1);
	file_remember(&large.finished, id, len, crc, 0);
	return (0);
}

struct large_check *
spool_large_check(struct spool_ref ref)
{
	struct large_check	*check;
	struct record		 r;
	unsigned char		*p;

	if ((p = segment_read(ref, 0, &r)) == NULL)
		return (NULL);
	free(p);
	if (r.type != RECORD_MESSAGE || !(r.flags & RECORD_LARGE)) {
		errno = EILSEQ;
		return (NULL);
	}
	if ((check = calloc(1, sizeof(*check))) == NULL)
		return (NULL);
	check->len = r.content;
	check->crc = r.crc;
	if ((check->fd = spool_large_open(r.id)) == -1) {
		free(check);
		return (NULL);
	}
	return (check);
}

int
spool_large_check_step(struct large_check *check)
{
	static char	 buf[READ_STEP];
	ssize_t		 n;

	n = disk_read(check->fd, buf, sizeof(buf), check->offset);
	if (n > 0) {
		check->sum = crc32c(check->sum, buf, (size_t)n);
		check->offset += (uint64_t)n;
		return (1);
	}
	if (n == -1)
		return (-1);
	if (check->offset == check->len && check->sum == check->crc)
		return (0);
	errno = EILSEQ;
	return (-1);
}

void
spool_large_check_end(struct large_check *check)
{
	disk_shut(check->fd);
	free(check);
}

/* The CRC that spool_large_finish was told. */
static int
large_crc(struct record *r)
{
	struct file	*f;

	TAILQ_FOREACH(f, &large.finished, entry) {
		if (f->id != r->id || f->len != r->content)
			continue;
		r->crc = f->crc;
		TAILQ_REMOVE(&large.finished, f, entry);
		free(f);
		return (0);
	}
	errno = EINVAL;
	return (-1);
}

static void
pending_free(struct pending *p)
{
	TAILQ_REMOVE(&large.pending, p, entry);
	sync_forget(p->number);
	disk_shut(p->fd);
	free(p->text);
	free(p);
}

/* The file and its folder are flushed: now the record may name it. */
static void
pending_synced(int error, void *arg)
{
	struct pending	*p = arg;

	if (error != 0)
		p->error = error;
	if (--p->waiting > 0)
		return;
	if (p->error == 0 && spool_append_message(&p->record, p->text, NULL,
	    0, p->ref, p->done, p->arg) == -1)
		p->error = errno;
	if (p->error != 0 && p->done != NULL)
		p->done(p->arg, p->error);
	pending_free(p);
	spool_commit();
}

/* Within a group there is no waiting: its records stand together. */
static int
append_now(const struct record *r, const char *text, int fd,
    struct spool_ref *ref, spool_done *done, void *arg)
{
	int	 status;

	status = disk_sync(fd);
	disk_shut(fd);
	if (status == -1 || disk_sync_dir(DISK_LARGE) == -1)
		return (-1);
	return (spool_append_message(r, text, NULL, 1, ref, done, arg));
}

int
large_append(const struct record *record, const char *text, const char *name,
    struct spool_ref *ref, spool_done *done, void *arg)
{
	struct pending	*p;
	struct record	 r = *record;
	char		 expected[NAME_SIZE];
	int		 fd;

	if (strcmp(name, large_name(r.id, expected)) != 0) {
		errno = EINVAL;
		return (-1);
	}
	if (large_crc(&r) == -1 || (fd = large_open(name)) == -1)
		return (-1);
	if (spool_grouping())
		return (append_now(&r, text, fd, ref, done, arg));
	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->text = malloc(r.text + 1)) == NULL)
		fatal("large file");
	memcpy(p->text, text, r.text);
	p->record = r;
	p->ref = ref;
	p->done = done;
	p->arg = arg;
	p->fd = fd;
	p->number = large.number;
	if (++large.number == SPOOL_LARGE_DIR)
		large.number = SPOOL_LARGE_FIRST;
	p->waiting = 2;
	TAILQ_INSERT_TAIL(&large.pending, p, entry);
	if (sync_name(p->number, fd) == -1) {
		pending_free(p);
		return (-1);
	}
	sync_start(p->number, fd, pending_synced, p);
	sync_start(SPOOL_LARGE_DIR, -1, pending_synced, p);
	return (0);
}

int
large_waiting(void)
{
	return (!TAILQ_EMPTY(&large.pending));
}

/* No flush will be answered any more. */
void
large_cancel(void)
{
	struct pending	*p;

	while ((p = TAILQ_FIRST(&large.pending)) != NULL) {
		if (p->done != NULL)
			p->done(p->arg, ECANCELED);
		pending_free(p);
	}
}

void
large_reset(void)
{
	files_clear(&large.finished);
	files_clear(&large.removed);
	free(large.named);
	large.named = NULL;
	large.count = large.room = 0;
	large.damaged = 0;
}

void
spool_large_remove(uint64_t id)
{
	struct file	*f, *next;

	TAILQ_FOREACH_SAFE(f, &large.finished, entry, next) {
		if (f->id != id)
			continue;
		TAILQ_REMOVE(&large.finished, f, entry);
		free(f);
	}
	file_remember(&large.removed, id, 0, 0, spool_barrier());
}

void
large_step(void)
{
	struct file	*f;
	char		 name[NAME_SIZE];

	while ((f = TAILQ_FIRST(&large.removed)) != NULL &&
	    spool_passed(f->barrier)) {
		if (large_unlink(large_name(f->id, name)) == -1 &&
		    errno != ENOENT)
			log_warn("spool: cannot remove large/%s", name);
		TAILQ_REMOVE(&large.removed, f, entry);
		free(f);
	}
}

void
large_named(uint64_t id)
{
	uint64_t	*list;
	size_t		 room;

	if (large.count == large.room) {
		room = large.room == 0 ? 64 : 2 * large.room;
		list = reallocarray(large.named, room, sizeof(*list));
		if (list == NULL)
			fatal("large files");
		large.named = list;
		large.room = room;
	}
	large.named[large.count++] = id;
}

static int
compare_ids(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

static void
sweep_one(const char *name, void *arg)
{
	uint64_t	 id;
	int		 status;

	if (id_parse(name, &id) == 0 && large.count > 0 &&
	    bsearch(&id, large.named, large.count, sizeof(id),
	    compare_ids) != NULL)
		return;
	/* what named it may be what is damaged */
	if (large.damaged)
		status = large_keep(name);
	else
		status = large_unlink(name);
	if (status == -1)
		log_warn("spool: cannot clear away large/%s", name);
}

void
large_sweep(int damaged)
{
	large.damaged = damaged;
	if (large.count > 0)
		qsort(large.named, large.count, sizeof(*large.named),
		    compare_ids);
	if (disk_list(DISK_LARGE, sweep_one, NULL) == -1)
		log_warn("spool: cannot list large/");
	free(large.named);
	large.named = NULL;
	large.count = large.room = 0;
}
