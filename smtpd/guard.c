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
 * Who else may change the files of a configuration, or read its secrets.
 * load.c has each file looked at when it is open, so that what is judged is
 * what was read, and asks for a verdict when it knows what the file is for.
 * It must never ask a name service: names come from the files in /etc.
 */

#include <sys/types.h>
#include <sys/stat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/accounts.h"
#include "smtpd/parent.h"

#define WRITERS_MAX	4		/* so many of an ACL are named */

struct guarded {
	TAILQ_ENTRY(guarded)	 entry;
	char			*path;
	struct stat		 st;
	int			 folder;	/* others may replace it */
	int			 acl;		/* -1: there is none */
	int			 judged;
	struct acl_writer	 writers[WRITERS_MAX];
};

/* Others may rename what lies in the folder of path. */
static int
folder_is_open(const char *path)
{
	struct stat	 st;
	char		 folder[PATH_MAX], *slash;

	/* what is longer could not be opened either */
	(void)strlcpy(folder, path, sizeof(folder));
	if ((slash = strrchr(folder, '/')) == NULL)
		(void)strlcpy(folder, ".", sizeof(folder));
	else
		slash[slash == folder] = '\0';
	return (stat(folder, &st) == 0 &&
	    (st.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH);
}

int
guard_look(struct guards *guards, const char *path, int fd,
    const struct stat *st)
{
	struct guarded	*g;
	char		 target[PATH_MAX];

	if (!S_ISREG(st->st_mode))
		return (0);
	if ((g = calloc(1, sizeof(*g))) == NULL)
		return (-1);
	if ((g->path = strdup(path)) == NULL) {
		free(g);
		return (-1);
	}
	g->st = *st;
	g->acl = acl_writers(fd, st->st_gid, g->writers, WRITERS_MAX);
	/* a link is as good as what it leads to, and as who may move it */
	g->folder = folder_is_open(path) ||
	    (realpath(path, target) != NULL && folder_is_open(target));
	TAILQ_INSERT_TAIL(guards, g, entry);
	return (0);
}

struct guarded *
guard_find(const struct guards *guards, const char *path)
{
	struct guarded	*g;

	TAILQ_FOREACH(g, guards, entry)
		if (strcmp(g->path, path) == 0)
			return (g);
	return (NULL);
}

void
guard_rest(const struct guards *guards,
    void (*found)(void *, struct guarded *, const char *path), void *arg)
{
	struct guarded	*g;

	TAILQ_FOREACH(g, guards, entry)
		if (!g->judged)
			found(arg, g, g->path);
}

void
guard_free(struct guards *guards)
{
	struct guarded	*g;

	while ((g = TAILQ_FIRST(guards)) != NULL) {
		TAILQ_REMOVE(guards, g, entry);
		free(g->path);
		free(g);
	}
}

static unsigned int
guard_mode(const struct guarded *g)
{
	return (g->st.st_mode & 07777);
}

/* Root, or for a check by somebody else that user as well. */
static int
guard_is_owned(const struct guarded *g)
{
	return (g->st.st_uid == 0 || g->st.st_uid == geteuid());
}

/* "user joe (uid 1000)", after a comma where it is not the first. */
static void
guard_name(char *text, size_t size, int is_group, unsigned long id)
{
	char	 name[64];
	size_t	 len = strlen(text);

	if (account_name(is_group ? "/etc/group" : "/etc/passwd", id, name,
	    sizeof(name)) == -1)
		(void)strlcpy(name, "without a name", sizeof(name));
	(void)snprintf(text + len, size - len, "%s%s %s (%s %lu)",
	    len == 0 ? "" : ", ", is_group ? "group" : "user", name,
	    is_group ? "gid" : "uid", id);
}

/* The group, or whom an ACL names; nobody: "". */
static const char *
guard_writers(const struct guarded *g, char *text, size_t size)
{
	int	 i;

	if (g->acl == -1 && (g->st.st_mode & S_IWGRP) != 0)
		guard_name(text, size, 1, g->st.st_gid);
	for (i = 0; i < g->acl && i < WRITERS_MAX; i++)
		guard_name(text, size, g->writers[i].is_group,
		    g->writers[i].id);
	if (g->acl > WRITERS_MAX)
		(void)strlcat(text, " and others", size);
	return (text);
}

/* Others: never. */
static void
guard_others(const struct guarded *g, const struct origin *origin,
    const char *what, struct load_report *report)
{
	if ((g->st.st_mode & S_IWOTH) != 0)
		load_say(report, origin, 0, "%s %s: everybody on this host "
		    "may write it (mode %04o); mend it with: chmod o-w %s",
		    what, g->path, guard_mode(g), g->path);
	if (g->folder)
		load_say(report, origin, 0, "%s %s: everybody on this host "
		    "may put another in its place; mend it with: chmod o-w "
		    "on its folder", what, g->path);
}

void
guard_judge(struct guarded *g, enum guard guard, const struct origin *origin,
    const char *what, struct load_report *report)
{
	enum verdict { FINE, WARNING, ERROR };
	static const struct {
		enum verdict	 owner, group, read;
	} verdicts[] = {
		[GUARD_CONFIG] =	{ ERROR,	ERROR,	FINE },
		[GUARD_TABLE] =		{ WARNING,	WARNING, FINE },
		[GUARD_HASHES] =	{ WARNING,	WARNING, WARNING },
		[GUARD_LOGINS] =	{ WARNING,	ERROR,	ERROR },
		[GUARD_KEY] =		{ FINE,		ERROR,	ERROR },
		[GUARD_TRUST] =		{ FINE,		FINE,	FINE }
	}, *v;
	char		 owner[128] = "", who[640] = "";

	if (g == NULL)
		return;
	g->judged = 1;
	v = &verdicts[guard];
	guard_others(g, origin, what, report);
	if (v->owner != FINE && !guard_is_owned(g)) {
		guard_name(owner, sizeof(owner), 0, g->st.st_uid);
		load_say(report, origin, v->owner == WARNING, "%s %s: it "
		    "belongs to %s, who may change it; mend it with: chown "
		    "root %s", what, g->path, owner, g->path);
	}
	if (v->group != FINE && *guard_writers(g, who, sizeof(who)) != '\0')
		load_say(report, origin, v->group == WARNING, "%s %s: %s may "
		    "change it (mode %04o); mend it with: %s %s", what,
		    g->path, who, guard_mode(g), g->acl > 0 ?
		    "setfacl -b" : "chmod g-w", g->path);
	if (v->read != FINE && (g->st.st_mode & S_IROTH) != 0)
		load_say(report, origin, v->read == WARNING, "%s %s: "
		    "everybody on this host may read it (mode %04o); mend "
		    "it with: chmod o= %s", what, g->path, guard_mode(g),
		    g->path);
}
