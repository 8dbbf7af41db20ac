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
 * Recovery: power loss at any moment, errors of every system call, bit flips.
 * A workload runs on a real folder while every write and flush is noted; then
 * folders are made as a power loss could have left them, and opened.
 */

#include <dirent.h>
#include <ftw.h>

#include "regress/spool_model.h"

#define SEGMENT_SIZE	(24 * 1024)
#define EVENTS		40000
#define FILES		4000
#define DESCRIPTORS	1024
#define SECTOR		512

/* ---- what was asked of the disk */

enum event_kind {
	EVENT_WRITE,
	EVENT_CUT,
	EVENT_FLUSH,
	EVENT_NAME,		/* in dir: name is file */
	EVENT_UNNAME,
	EVENT_FOLDER,		/* dir is flushed */
	EVENT_ACKED,
	EVENT_RESULT
};

struct event {
	enum event_kind	 kind;
	int		 file;
	int		 dir;
	char		 name[40];
	uint64_t	 offset;
	size_t		 len;
	char		*octets;
	uint64_t	 id;
};

static struct {
	struct event	 events[EVENTS];
	uint32_t	 count;
	int		 files;			/* made so far */
	int		 of[DESCRIPTORS];	/* descriptor -> file + 1 */
	int		 dir_of[DESCRIPTORS];	/* or -> dir + 1 */
	struct {
		char	 name[40];
		int	 dir;
		int	 file;
	} names[FILES];
	int		 name_count;
	/* faults */
	int		 fault_call, fault_error, fault_sticky;
	uint32_t	 fault_at, calls;
	int		 fault_hits;
} sim;

static struct event *
note(enum event_kind kind)
{
	struct event	*e;

	ATF_REQUIRE(sim.count < EVENTS);
	e = &sim.events[sim.count++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return (e);
}

/* Whether this call is to fail; errno is set then. */
static int
fault(int call)
{
	if (call != sim.fault_call)
		return (0);
	sim.calls++;
	if (sim.calls < sim.fault_at ||
	    (sim.calls > sim.fault_at && !sim.fault_sticky))
		return (0);
	sim.fault_hits++;
	errno = sim.fault_error;
	return (1);
}

enum {
	CALL_NONE, CALL_OPEN, CALL_DUP, CALL_READ, CALL_WRITE, CALL_SHORT,
	CALL_FDATASYNC, CALL_FSYNC, CALL_CUT, CALL_RENAME, CALL_UNLINK,
	CALL_LINK, CALL_STAT, CALL_STATVFS, CALLS
};

static int
dir_by_fd(int fd)
{
	int	 i;

	for (i = 0; i < DISK_DIRS; i++)
		if (disk_dir_fd(i) == fd)
			return (i);
	return (-1);
}

static int
name_find(int dir, const char *name)
{
	int	 i;

	for (i = 0; i < sim.name_count; i++)
		if (sim.names[i].dir == dir &&
		    strcmp(sim.names[i].name, name) == 0)
			return (i);
	return (-1);
}

static void
name_set(int dir, const char *name, int file)
{
	struct event	*e = note(EVENT_NAME);
	int		 i = name_find(dir, name);

	if (i == -1) {
		ATF_REQUIRE(sim.name_count < FILES);
		i = sim.name_count++;
	}
	snprintf(sim.names[i].name, sizeof(sim.names[i].name), "%s", name);
	sim.names[i].dir = e->dir = dir;
	sim.names[i].file = e->file = file;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static void
name_unset(int dir, const char *name)
{
	struct event	*e = note(EVENT_UNNAME);
	int		 i = name_find(dir, name);

	ATF_REQUIRE(i != -1);
	e->dir = dir;
	snprintf(e->name, sizeof(e->name), "%s", name);
	sim.names[i] = sim.names[--sim.name_count];
}

static int
sim_openat(int at, const char *name, int flags, mode_t mode)
{
	struct stat	 st;
	int		 fd, dir = dir_by_fd(at), there, i;

	if (fault(CALL_OPEN))
		return (-1);
	there = fstatat(at, name, &st, 0) == 0;
	if ((fd = disk_kernel.openat(at, name, flags, mode)) == -1)
		return (-1);
	ATF_REQUIRE(fd < DESCRIPTORS);
	sim.of[fd] = sim.dir_of[fd] = 0;
	if ((flags & O_DIRECTORY) || dir == -1)
		return (fd);
	if (!there)
		name_set(dir, name, sim.files++);
	else if (name_find(dir, name) == -1)
		return (fd);			/* the lock */
	i = name_find(dir, name);
	sim.of[fd] = sim.names[i].file + 1;
	return (fd);
}

static int
sim_duplicate(int fd)
{
	int	 copy, dir = dir_by_fd(fd);

	if (fault(CALL_DUP) || (copy = disk_kernel.duplicate(fd)) == -1)
		return (-1);
	ATF_REQUIRE(copy < DESCRIPTORS);
	sim.of[copy] = sim.of[fd];
	sim.dir_of[copy] = dir + 1;
	return (copy);
}

static ssize_t
sim_pread(int fd, void *p, size_t len, off_t offset)
{
	return (fault(CALL_READ) ? -1 : pread(fd, p, len, offset));
}

static ssize_t
sim_pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	struct event	*e;
	struct iovec	 some;
	ssize_t		 done;
	size_t		 at = 0;
	int		 i;

	if (fault(CALL_WRITE))
		return (-1);
	if (fault(CALL_SHORT)) {
		some = iov[0];
		some.iov_len = (some.iov_len + 1) / 2;
		iov = &some;
		n = 1;
	}
	if ((done = disk_kernel.pwritev(fd, iov, n, offset)) <= 0)
		return (done);
	e = note(EVENT_WRITE);
	e->file = sim.of[fd] - 1;
	e->offset = (uint64_t)offset;
	e->len = (size_t)done;
	ATF_REQUIRE((e->octets = malloc(e->len)) != NULL);
	for (i = 0; i < n; i++) {
		memcpy(e->octets + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return (done);
}

static int
sim_fdatasync(int fd)
{
	/* what a failed flush leaves on the disk nobody knows */
	if (fault(CALL_FDATASYNC))
		return (-1);
	note(EVENT_FLUSH)->file = sim.of[fd] - 1;
	return (0);
}

static int
sim_fsync(int fd)
{
	int	 dir = sim.dir_of[fd] ? sim.dir_of[fd] - 1 : dir_by_fd(fd);

	if (fault(CALL_FSYNC))
		return (-1);
	note(EVENT_FOLDER)->dir = dir;
	return (0);
}

static int
sim_ftruncate(int fd, off_t size)
{
	struct event	*e;

	if (fault(CALL_CUT) || ftruncate(fd, size) == -1)
		return (-1);
	e = note(EVENT_CUT);
	e->file = sim.of[fd] - 1;
	e->offset = (uint64_t)size;
	return (0);
}

static int
sim_renameat(int from, const char *a, int to, const char *b)
{
	int	 i, file;

	if (fault(CALL_RENAME) || renameat(from, a, to, b) == -1)
		return (-1);
	i = name_find(dir_by_fd(from), a);
	ATF_REQUIRE(i != -1);
	file = sim.names[i].file;
	name_set(dir_by_fd(to), b, file);
	name_unset(dir_by_fd(from), a);
	return (0);
}

static int
sim_unlinkat(int dir, const char *name, int flags)
{
	if (fault(CALL_UNLINK) || unlinkat(dir, name, flags) == -1)
		return (-1);
	name_unset(dir_by_fd(dir), name);
	return (0);
}

static int
sim_linkat(int from, const char *a, int to, const char *b, int flags)
{
	if (fault(CALL_LINK) || linkat(from, a, to, b, flags) == -1)
		return (-1);
	name_set(dir_by_fd(to), b,
	    sim.names[name_find(dir_by_fd(from), a)].file);
	return (0);
}

static int
sim_fstat(int fd, struct stat *st)
{
	return (fault(CALL_STAT) ? -1 : fstat(fd, st));
}

static int
sim_fstatvfs(int fd, struct statvfs *vfs)
{
	return (fault(CALL_STATVFS) ? -1 : fstatvfs(fd, vfs));
}

static void
sim_acked(struct model_message *m)
{
	note(EVENT_ACKED)->id = m->id;
}

static void
sim_resulted(struct model_message *m)
{
	note(EVENT_RESULT)->id = m->id;
}

static void
sim_start(void)
{
	static struct disk_calls	 calls;
	uint32_t			 i;

	for (i = 0; i < sim.count; i++)
		free(sim.events[i].octets);
	memset(&sim, 0, sizeof(sim));
	calls = disk_kernel;
	calls.openat = sim_openat;
	calls.duplicate = sim_duplicate;
	calls.pread = sim_pread;
	calls.pwritev = sim_pwritev;
	calls.fdatasync = sim_fdatasync;
	calls.fsync = sim_fsync;
	calls.ftruncate = sim_ftruncate;
	calls.renameat = sim_renameat;
	calls.unlinkat = sim_unlinkat;
	calls.linkat = sim_linkat;
	calls.fstat = sim_fstat;
	calls.fstatvfs = sim_fstatvfs;
	disk_set_calls(&calls);
	spool_set_segment_size(SEGMENT_SIZE);
}

static int
no_flush(int fd)
{
	return (0);
}

/* The kernel's own, but for the time that flushes take. */
static void
sim_stop(void)
{
	static struct disk_calls	 calls;

	calls = disk_kernel;
	calls.fdatasync = calls.fsync = no_flush;
	disk_set_calls(&calls);
}

/* ---- a flush role that is slower than the rest */

static struct {
	uint64_t	 serial[4096];
	uint32_t	 number[4096];
	uint32_t	 head, tail;
	int		 fds[8192];
	uint32_t	 names[8192];
	uint32_t	 count;
} role;

static void
role_file(uint32_t number, int fd)
{
	role.names[role.count] = number;
	role.fds[role.count++] = fd;
}

static void
role_sync(uint64_t serial, uint32_t number)
{
	role.serial[role.tail % 4096] = serial;
	role.number[role.tail++ % 4096] = number;
}

static void
role_close(uint32_t number)
{
	uint32_t	 i;

	for (i = 0; i < role.count; i++)
		if (role.names[i] == number) {
			close(role.fds[i]);
			role.count--;
			role.fds[i] = role.fds[role.count];
			role.names[i] = role.names[role.count];
			return;
		}
}

static const struct spool_flusher role_flusher = {
	role_file, role_sync, role_close
};

static void
role_answer(void)
{
	uint64_t	 serial;
	uint32_t	 number, i;
	int		 status;

	if (role.head == role.tail)
		return;
	serial = role.serial[role.head % 4096];
	number = role.number[role.head++ % 4096];
	for (i = 0; i < role.count && role.names[i] != number; i++)
		;
	ATF_REQUIRE_MSG(i < role.count, "flush of unknown %u", number);
	status = number == SPOOL_LOG_DIR || number == SPOOL_LARGE_DIR ?
	    sim_fsync(role.fds[i]) : sim_fdatasync(role.fds[i]);
	spool_flushed(serial, status == -1 ? errno : 0);
}

static void
role_end(void)
{
	while (role.count > 0)
		role_close(role.names[0]);
	memset(&role, 0, sizeof(role));
}

/* ---- a workload */

static void
work_finish(void)
{
	struct model_message	*m;
	int			 i;

	for (i = 0; i < 3 && model.count > 0; i++) {
		m = &model.messages[model_random(model.count)];
		if (m->acked && !m->result)
			model_finish(m);
	}
}

static void
work(int steps, int flusher)
{
	int	 i, n;

	for (i = 0; i < steps; i++) {
		n = (int)model_random(6);
		if (n < 4)
			model_append(model_random(n == 0 ? 4000 : 600),
			    model_random(15) == 0);
		else if (n == 4)
			work_finish();
		else
			spool_defer(1000 + model_random(model.count + 1), 1,
			    1, 2, 0, "451 later");
		if (model_random(3) == 0)
			spool_commit();
		if (flusher && model_random(2) == 0)
			role_answer();
		if (model_random(12) == 0) {
			spool_tick();
			work_finish();
		}
	}
	spool_commit();
	for (i = 0; flusher && i < 100 && !spool_idle(); i++) {
		spool_tick();
		while (role.head != role.tail)
			role_answer();
	}
	spool_close();
	role_end();
}

/* ---- the disk as a power loss at one moment could have left it */

struct lost_file {
	char	*octets;
	size_t	 size, room;
};

static void
lost_reserve(struct lost_file *f, size_t size)
{
	if (size > f->room) {
		f->octets = realloc(f->octets, 2 * size);
		ATF_REQUIRE(f->octets != NULL);
		f->room = 2 * size;
	}
	if (size > f->size) {
		memset(f->octets + f->size, 0, size - f->size);
		f->size = size;
	}
}

/* durable: whole; else perhaps whole, in part, or not at all. */
static void
lost_write(struct lost_file *f, const struct event *e, int durable)
{
	size_t	 i, n;
	int	 how = durable ? 0 : (int)model_random(4);

	if (how == 1)
		return;
	if (how != 3)
		lost_reserve(f, e->offset + e->len);
	for (i = 0; i < e->len; i += n) {
		n = SECTOR - (e->offset + i) % SECTOR;
		if (n > e->len - i)
			n = e->len - i;
		if (how > 1 && model_random(2) == 0)
			continue;
		lost_reserve(f, e->offset + i + n);
		memcpy(f->octets + e->offset + i, e->octets + i, n);
	}
}

/* Whether a flush between here and the moment makes it durable. */
static int
flushed_later(uint32_t i, uint32_t moment)
{
	const struct event	*e = &sim.events[i];
	int			 folder = e->kind == EVENT_NAME ||
				    e->kind == EVENT_UNNAME;

	for (i++; i < moment; i++)
		if (folder ? sim.events[i].kind == EVENT_FOLDER &&
		    sim.events[i].dir == e->dir :
		    sim.events[i].kind == EVENT_FLUSH &&
		    sim.events[i].file == e->file)
			return (1);
	return (0);
}

static const char *const dirs[DISK_DIRS] = { ".", "log", "large", "damaged" };

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return (remove(path));
}

static void
remove_tree(const char *path)
{
	ATF_REQUIRE_EQ(0, nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS));
}

static void
lost_store(const char *root, int dir, const char *name, struct lost_file *f)
{
	char	 path[256];
	int	 fd;

	snprintf(path, sizeof(path), "%s/%s/%s", root, dirs[dir], name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)f->size, write(fd, f->octets, f->size));
	close(fd);
}

static void
lost_make(const char *root, uint32_t moment)
{
	struct lost_file	*files;
	struct event		*e;
	char			 path[256];
	uint32_t		 i;
	int			 d;

	ATF_REQUIRE((files = calloc((size_t)sim.files + 1,
	    sizeof(*files))) != NULL);
	for (i = 0; i < moment; i++) {
		e = &sim.events[i];
		if (e->kind == EVENT_WRITE && e->file >= 0)
			lost_write(&files[e->file], e,
			    flushed_later(i, moment));
		else if (e->kind == EVENT_CUT && e->file >= 0 &&
		    files[e->file].size > e->offset &&
		    (flushed_later(i, moment) || model_random(2) == 0))
			files[e->file].size = e->offset;
	}
	ATF_REQUIRE_EQ(0, mkdir(root, 0700));
	for (d = DISK_LOG; d < DISK_DIRS; d++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[d]);
		ATF_REQUIRE_EQ(0, mkdir(path, 0700));
	}
	for (i = 0; i < moment; i++) {
		e = &sim.events[i];
		if ((e->kind != EVENT_NAME && e->kind != EVENT_UNNAME) ||
		    (!flushed_later(i, moment) && model_random(2) == 0))
			continue;
		if (e->kind == EVENT_NAME)
			lost_store(root, e->dir, e->name, &files[e->file]);
		else {
			snprintf(path, sizeof(path), "%s/%s/%s", root,
			    dirs[e->dir], e->name);
			(void)unlink(path);
		}
	}
	for (d = 0; d < sim.files; d++)
		free(files[d].octets);
	free(files);
}

/* Every message acknowledged before, and without a result, is there. */
static void
lost_check(uint32_t moment)
{
	struct model_message	*m;
	struct event		*e;
	static char		 due[MODEL_MAX];
	uint32_t		 i;

	memset(due, 0, sizeof(due));
	for (i = 0; i < moment; i++) {
		e = &sim.events[i];
		if (e->kind == EVENT_ACKED)
			due[e->id - 1000] = 1;
		else if (e->kind == EVENT_RESULT)
			due[e->id - 1000] = 0;
	}
	ATF_CHECK_EQ(0, model.strange);
	for (i = 0; i < model.count; i++) {
		m = &model.messages[i];
		if (!due[i])
			continue;
		ATF_REQUIRE_MSG(m->seen, "moment %u of %u: %u lost (%s)",
		    moment, sim.count, i, model.what);
		ATF_REQUIRE_MSG(model_readable(m),
		    "moment %u of %u: %u unreadable", moment, sim.count, i);
	}
}

static void
power_loss(int flusher, int seeds)
{
	uint32_t	 moment;
	int		 seed, i;

	for (seed = 1; seed <= seeds; seed++) {
		sim_start();
		model_reset((uint64_t)seed);
		ATF_REQUIRE_EQ(0, model_open("work"));
		if (flusher)
			spool_set_flusher(&role_flusher);
		model.acked = sim_acked;
		model.resulted = sim_resulted;
		work(300, flusher);
		sim_stop();
		for (i = 0; i < 100; i++) {
			moment = (uint32_t)model_random(sim.count + 1);
			lost_make("lost", moment);
			ATF_REQUIRE_EQ_MSG(0, model_open("lost"), "%s",
			    model.what);
			lost_check(moment);
			spool_close();
			/* and again: what recovery did must hold, too */
			ATF_REQUIRE_EQ(0, model_open("lost"));
			lost_check(moment);
			spool_close();
			remove_tree("lost");
		}
		remove_tree("work");
	}
}

ATF_TC_WITHOUT_HEAD(power_loss_blocking);
ATF_TC_BODY(power_loss_blocking, tc)
{
	power_loss(0, 8);
}

ATF_TC_WITHOUT_HEAD(power_loss_flusher);
ATF_TC_BODY(power_loss_flusher, tc)
{
	power_loss(1, 8);
}

/* ---- every call fails once, or from then on */

static void
fault_run(int call, uint32_t at, int error, int sticky, int flusher)
{
	struct model_message	*m;
	uint32_t		 i;

	sim_start();
	model_reset(call * 1000 + at);
	ATF_REQUIRE_EQ(0, model_open("work"));
	if (flusher)
		spool_set_flusher(&role_flusher);
	sim.fault_call = call;
	sim.fault_at = at;
	sim.fault_error = error;
	sim.fault_sticky = sticky;
	work(200, flusher);
	sim_stop();
	ATF_REQUIRE_EQ_MSG(0, model_open("work"), "call %d at %u: %s", call,
	    at, model.what);
	for (i = 0; i < model.count; i++) {
		m = &model.messages[i];
		if (!m->acked || m->result)
			continue;
		ATF_CHECK_MSG(m->seen, "call %d at %u errno %d sticky %d: "
		    "%u lost (%s)", call, at, error, sticky, i, model.what);
		if (m->seen)
			ATF_CHECK_MSG(model_readable(m), "call %d at %u: %u "
			    "unreadable", call, at, i);
	}
	spool_close();
	remove_tree("work");
}

ATF_TC_WITHOUT_HEAD(faults);
ATF_TC_BODY(faults, tc)
{
	static const int	 errors[] = { EIO, ENOSPC };
	uint32_t		 at;
	int			 call, i;

	for (call = CALL_OPEN; call < CALLS; call++)
		for (i = 0; i < 2; i++)
			for (at = 1; at < 40; at = at * 2 + 1) {
				fault_run(call, at, errors[i], 0, 0);
				fault_run(call, at, errors[i], 0, 1);
				/* half a write for ever is no fault */
				fault_run(call, at, errors[i],
				    call != CALL_SHORT, 1);
			}
}

/* Also while it starts: refused or not, nothing is lost by it. */
ATF_TC_WITHOUT_HEAD(faults_at_start);
ATF_TC_BODY(faults_at_start, tc)
{
	uint32_t	 at, i;
	int		 call;

	for (call = CALL_OPEN; call < CALLS; call++)
		for (at = 1; at < 12; at++) {
			sim_start();
			model_reset(at);
			ATF_REQUIRE_EQ(0, model_open("work"));
			work(60, 0);
			sim.fault_call = call;
			sim.fault_at = at;
			sim.fault_error = EIO;
			if (model_open("work") == 0)
				spool_close();
			else
				ATF_CHECK_MSG(strstr(model.what,
				    "newer version") == NULL, "call %d at "
				    "%u: %s", call, at, model.what);
			sim_stop();
			ATF_REQUIRE_EQ(0, model_open("work"));
			for (i = 0; i < model.count; i++)
				ATF_CHECK_MSG(!model.messages[i].acked ||
				    model.messages[i].result ||
				    model.messages[i].seen,
				    "call %d at %u: %u lost", call, at, i);
			spool_close();
			remove_tree("work");
		}
}

/* ---- bit flips */

static void
flip(const char *path)
{
	struct stat	 st;
	unsigned char	 c;
	off_t		 at;
	int		 fd;

	ATF_REQUIRE((fd = open(path, O_RDWR)) != -1);
	ATF_REQUIRE_EQ(0, fstat(fd, &st));
	if (st.st_size > 0) {
		at = (off_t)model_random((uint64_t)st.st_size);
		ATF_REQUIRE_EQ(1, pread(fd, &c, 1, at));
		c ^= (unsigned char)(1 << model_random(8));
		ATF_REQUIRE_EQ(1, pwrite(fd, &c, 1, at));
	}
	close(fd);
}

static void
flip_some(int flips)
{
	struct dirent	*entry;
	char		 path[300];
	DIR		*d;
	int		 i;

	for (i = 0; i < flips; i++) {
		ATF_REQUIRE((d = opendir("work/log")) != NULL);
		while ((entry = readdir(d)) != NULL) {
			if (entry->d_name[0] == '.' || model_random(3) != 0)
				continue;
			snprintf(path, sizeof(path), "work/log/%s",
			    entry->d_name);
			flip(path);
		}
		closedir(d);
	}
}

ATF_TC_WITHOUT_HEAD(bit_flips);
ATF_TC_BODY(bit_flips, tc)
{
	struct model_message	*m;
	uint32_t		 i, lost;
	int			 seed;

	sim_stop();
	for (seed = 1; seed <= 150; seed++) {
		spool_set_segment_size(SEGMENT_SIZE);
		model_reset((uint64_t)seed);
		ATF_REQUIRE_EQ(0, model_open("work"));
		work(150, 0);
		flip_some(1 + seed % 4);
		ATF_REQUIRE_EQ_MSG(0, model_open("work"), "%s", model.what);
		lost = 0;
		for (i = 0; i < model.count; i++) {
			m = &model.messages[i];
			if (!m->acked || m->result)
				continue;
			if (!m->seen && !m->reported)
				lost++;
			/* unreadable is seen as such: EILSEQ, not wrong */
			if (m->seen && !m->large)
				free(spool_read_content(m->ref, &m->len));
		}
		ATF_CHECK_MSG(lost == 0 || model.damaged > 0,
		    "seed %d: %u lost in silence", seed, lost);
		ATF_CHECK_EQ(0, model.strange);
		spool_close();
		remove_tree("work");
	}
}

/* ---- tails and newer versions */

ATF_TC_WITHOUT_HEAD(torn_tail);
ATF_TC_BODY(torn_tail, tc)
{
	struct model_message	*m;
	struct stat		 st;
	int			 fd;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(3000, 0);
	spool_commit();
	spool_close();
	ATF_REQUIRE((fd = open("work/log/0000000001.seg",
	    O_WRONLY | O_APPEND)) != -1);
	ATF_REQUIRE_EQ(5, write(fd, "torn!", 5));
	close(fd);
	ATF_REQUIRE_EQ(0, model_open("work"));
	ATF_CHECK(model.messages[0].seen);
	ATF_CHECK(strstr(model.what, "torn tail of 5") != NULL);
	m = model_append(10, 0);
	spool_commit();
	ATF_CHECK(m->acked);
	spool_close();
	model.what[0] = '\0';
	ATF_REQUIRE_EQ(0, model_open("work"));
	ATF_CHECK_STREQ("", model.what);
	ATF_CHECK(model.messages[0].seen && m->seen);
	spool_close();
	ATF_CHECK_EQ(0, system("ls work/damaged/*.tail-*"));
	ATF_CHECK_EQ(-1, stat("work/log/0000000002.seg", &st));
}

static void
garbage(const char *path, const char *text)
{
	int	 fd;

	ATF_REQUIRE((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC,
	    0600)) != -1);
	ATF_REQUIRE_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	close(fd);
}

/* Nothing that was kept aside takes the place of what was before. */
ATF_TC_WITHOUT_HEAD(kept_apart);
ATF_TC_BODY(kept_apart, tc)
{
	int	 i;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(300, 0);
	spool_commit();
	spool_close();
	for (i = 0; i < 3; i++) {
		garbage("work/log/0000000002.seg", i == 0 ? "first" :
		    i == 1 ? "second" : "third");
		ATF_REQUIRE_EQ(0, system("printf torn >>"
		    "work/log/0000000001.seg"));
		ATF_REQUIRE_EQ(0, model_open("work"));
		ATF_CHECK(model.messages[0].seen);
		spool_close();
	}
	ATF_CHECK_EQ(0, system("cat work/damaged/*.seg* >all && "
	    "grep first all && grep second all && grep third all"));
	ATF_CHECK_EQ(0, system("[ $(ls work/damaged/*.tail-* | wc -l) "
	    "-eq 3 ]"));
}

/* The next segment says what is in force: a resume that is damaged is one. */
ATF_TC_WITHOUT_HEAD(lost_resume);
ATF_TC_BODY(lost_resume, tc)
{
	struct spool_ref	 resume;
	int			 fd, i;

	sim_stop();
	spool_set_segment_size(16 * 1024);
	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(300, 0);
	spool_suspend("binding acme", "by=root", NULL, NULL);
	spool_commit();
	spool_suspend("binding acme", "", NULL, NULL);
	resume = spool_last();
	spool_commit();
	for (i = 0; i < 10; i++) {
		model_append(3000, 0);
		spool_commit();
	}
	ATF_REQUIRE(model.messages[10].ref.segment > resume.segment);
	spool_close();
	ATF_REQUIRE((fd = open("work/log/0000000001.seg", O_WRONLY)) != -1);
	ATF_REQUIRE_EQ(4, pwrite(fd, "oops", 4, resume.offset + 20));
	close(fd);
	ATF_REQUIRE_EQ(0, model_open("work"));
	ATF_CHECK(model.damaged > 0);
	ATF_CHECK_STREQ("", model.suspended);
	spool_close();
}

/* What could not be kept aside is not reclaimed either. */
ATF_TC_WITHOUT_HEAD(not_kept);
ATF_TC_BODY(not_kept, tc)
{
	struct stat	 st;
	int		 i;

	sim_start();
	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(300, 0);
	spool_commit();
	spool_close();
	garbage("work/log/0000000002.seg", "not to be lost");
	sim.fault_call = CALL_LINK;
	sim.fault_at = 1;
	sim.fault_error = EPERM;
	sim.fault_sticky = 1;
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(300, 0);
	spool_commit();
	model_finish(&model.messages[0]);
	for (i = 0; i < 100; i++)
		spool_tick();
	ATF_CHECK_EQ(0, stat("work/log/0000000002.seg", &st));
	spool_close();
	sim_stop();
}

ATF_TC_WITHOUT_HEAD(newer_version);
ATF_TC_BODY(newer_version, tc)
{
	unsigned char	 head[RECORD_HEAD], magic[RECORD_MAGIC];
	struct record	 r = { .type = RECORD_COUNTER + 1 };
	int		 fd;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(3000, 0);
	spool_commit();
	spool_close();
	ATF_REQUIRE((fd = open("work/log/0000000001.seg",
	    O_RDWR | O_APPEND)) != -1);
	ATF_REQUIRE_EQ(RECORD_MAGIC, pread(fd, magic, sizeof(magic), 0));
	record_encode(&r, head);
	record_seal(head, magic);
	ATF_REQUIRE_EQ(RECORD_HEAD, write(fd, head, sizeof(head)));
	close(fd);
	ATF_CHECK_EQ(-1, model_open("work"));
	ATF_CHECK_MSG(strstr(model.what, "newer version") != NULL, "%s",
	    model.what);
}

ATF_TC_WITHOUT_HEAD(unnamed_large);
ATF_TC_BODY(unnamed_large, tc)
{
	struct stat	 st;
	int		 fd;

	model_reset(1);
	ATF_REQUIRE_EQ(0, model_open("work"));
	model_append(300000, 1);
	spool_commit();
	spool_close();
	ATF_REQUIRE((fd = open("work/large/00000000deadbeef",
	    O_WRONLY | O_CREAT, 0600)) != -1);
	close(fd);
	ATF_REQUIRE_EQ(0, model_open("work"));
	ATF_CHECK(model.messages[0].seen);
	ATF_CHECK(model_readable(&model.messages[0]));
	ATF_CHECK_EQ(-1, stat("work/large/00000000deadbeef", &st));
	spool_close();
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, power_loss_blocking);
	ATF_TP_ADD_TC(tp, power_loss_flusher);
	ATF_TP_ADD_TC(tp, faults);
	ATF_TP_ADD_TC(tp, faults_at_start);
	ATF_TP_ADD_TC(tp, bit_flips);
	ATF_TP_ADD_TC(tp, torn_tail);
	ATF_TP_ADD_TC(tp, kept_apart);
	ATF_TP_ADD_TC(tp, lost_resume);
	ATF_TP_ADD_TC(tp, not_kept);
	ATF_TP_ADD_TC(tp, newer_version);
	ATF_TP_ADD_TC(tp, unnamed_large);
	return (atf_no_error());
}
