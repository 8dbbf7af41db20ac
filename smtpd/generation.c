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
 * A configuration on its way into force: loaded, its doors opened, sent to
 * the roles as text.  The parent calls it for its start, for a reload and for
 * a role that was started anew.  It changes nothing that is in force: a
 * generation that fails is thrown away whole.
 */

#include <sys/types.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "smtpd/parent.h"

#define GENERATION_CHUNK	(64 * 1024)

void
generation_free(struct generation *gen)
{
	if (gen == NULL)
		return;
	doors_close(&gen->doors);
	if (gen->conf != NULL)
		config_free(gen->conf);
	bundle_free(&gen->files);
	free(gen);
}

/*
 * smtpd, which is never started anew, has the keys: nobody here needs them
 * again, for a reload reads all files.
 */
static void
generation_wipe_keys(struct generation *gen)
{
	struct bundle_file	*file;
	const struct pki	*pki;

	TAILQ_FOREACH(pki, &gen->conf->pkis, entry) {
		file = bundle_find(&gen->files, pki->key);
		if (file != NULL)
			explicit_bzero(file->text, file->len);
	}
}

/* What a reload cannot change, for the roles are locked into it. */
static int
generation_fixed(const struct config *now, const struct config *before,
    struct load_report *report)
{
	if (strcmp(now->spool, before->spool) != 0) {
		load_say(report, &now->set[SET_SPOOL], 0, "spool cannot "
		    "change by a reload (%s is in use)", before->spool);
		return (-1);
	}
	if (strcmp(now->run, before->run) != 0) {
		load_say(report, &now->set[SET_RUN], 0, "run cannot change "
		    "by a reload (%s is in use)", before->run);
		return (-1);
	}
	return (0);
}

struct generation *
generation_new(const struct parent_options *options,
    const struct generation *before, struct load_report *report)
{
	struct generation	*gen;

	gen = calloc(1, sizeof(*gen));
	if (gen == NULL) {
		load_say(report, NULL, 0, "%s", strerror(errno));
		return (NULL);
	}
	TAILQ_INIT(&gen->files);
	TAILQ_INIT(&gen->doors);
	gen->number = before == NULL ? 1 : before->number + 1;
	gen->conf = load_config(options, before != NULL, &gen->files, report);
	if (gen->conf == NULL)
		goto fail;
	if (before == NULL) {
		if (doors_folders(gen->conf, report) == -1)
			goto fail;
	} else if (generation_fixed(gen->conf, before->conf, report) == -1)
		goto fail;
	check_addresses(gen->conf, report);
	if (doors_open(gen->conf, before == NULL ? NULL : &before->doors,
	    &gen->doors, report) == -1)
		goto fail;
	return (gen);
fail:
	generation_free(gen);
	return (NULL);
}

static void
generation_send_file(struct ipc *ipc, const struct bundle_file *file)
{
	size_t	 off = 0, n;

	do {
		n = file->len - off;
		if (n > GENERATION_CHUNK)
			n = GENERATION_CHUNK;
		ipc_begin(ipc, PARENT_FILE);
		ipc_put_str(ipc, file->path);
		ipc_put_bytes(ipc, file->text + off, n);
		ipc_end(ipc);
		off += n;
	} while (off < file->len);
}

static void
generation_send_doors(const struct generation *gen, struct ipc *ipc)
{
	const struct door	*door;
	int			 fd;

	TAILQ_FOREACH(door, &gen->doors, entry) {
		fd = fcntl(door->fd, F_DUPFD_CLOEXEC, 0);
		if (fd == -1) {
			log_warn("listener %u", door->listener);
			continue;
		}
		ipc_begin(ipc, PARENT_LISTENER);
		ipc_put_u32(ipc, gen->number);
		ipc_put_u32(ipc, door->listener);
		ipc_put_fd(ipc, fd);
		ipc_end(ipc);
	}
}

/* What mail must not be sent to, for it would come in again. */
static void
generation_send_bound(const struct generation *gen, struct ipc *ipc)
{
	const struct door	*door;
	struct sockaddr_storage	 ss;
	struct sockaddr		*sa = (struct sockaddr *)&ss;
	socklen_t		 len;

	TAILQ_FOREACH(door, &gen->doors, entry) {
		len = sizeof(ss);
		memset(&ss, 0, sizeof(ss));
		if (getsockname(door->fd, sa, &len) == -1 ||
		    (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
			continue;
		ipc_begin(ipc, PARENT_BOUND);
		ipc_put_u32(ipc, gen->number);
		ipc_put_str(ipc, sockaddr_text(sa));
		ipc_put_u16(ipc, (uint16_t)sockaddr_port(sa));
		ipc_end(ipc);
	}
}

void
generation_send(struct generation *gen, enum role role, struct ipc *ipc)
{
	const struct bundle_file	*file;

	TAILQ_FOREACH(file, &gen->files, entry) {
		if (load_wanted(gen->conf, file, role))
			generation_send_file(ipc, file);
	}
	ipc_begin(ipc, PARENT_CONFIGURE);
	ipc_put_u32(ipc, gen->number);
	ipc_end(ipc);
	if (role == ROLE_MTA)
		generation_send_bound(gen, ipc);
	if (role == ROLE_SMTPD) {
		generation_send_doors(gen, ipc);
		generation_wipe_keys(gen);
	}
}
