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
 * Reads the files of a configuration, which the parser only names: the main
 * file, includes, tables, keys, resolv.conf.  What was read travels to the
 * roles as it is; load_wanted says who gets what.  The parent calls it at its
 * start, at a reload and for -n.  It must never hand a secret to a role that
 * has no use for it.
 */

#include <sys/types.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/accounts.h"
#include "lib/log.h"
#include "lib/tls_client.h"
#include "lib/tls_server.h"
#include "smtpd/parent.h"

#define LOAD_CHUNK	(64 * 1024)
#define LOAD_MAX	(256 * 1024 * 1024)	/* of one file */
#define RESOLV_CONF	"/etc/resolv.conf"
#define RESOLV_NAME	"resolv.conf"		/* as the mta asks for it */
#define CA_NAME		"ca.pem"		/* likewise */

struct loader {
	struct bundle		*files;
	struct guards		 guards;
	const struct config	*conf;		/* once it is parsed */
	struct load_report	*report;
};

void
load_say(struct load_report *report, const struct origin *origin, int warning,
    const char *fmt, ...)
{
	char	 text[400], line[sizeof(report->first)];
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (origin != NULL && origin->file != NULL)
		(void)snprintf(line, sizeof(line), "%s:%d: %s%s",
		    origin->file, origin->line, warning ? "warning: " : "",
		    text);
	else
		(void)snprintf(line, sizeof(line), "%s%s",
		    warning ? "warning: " : "", text);
	if (warning)
		report->warnings++;
	else if (report->errors++ == 0)
		(void)strlcpy(report->first, line, sizeof(report->first));
	if (report->to_log)
		log_warnx("%s", line);
	else
		fprintf(stderr, "%s%s\n",
		    origin == NULL || origin->file == NULL ? "bindery: " : "",
		    line);
}

static void
load_reported(void *arg, const struct origin *origin, int warning,
    const char *text)
{
	struct loader	*loader = arg;

	load_say(loader->report, origin, warning, "%s", text);
}

static int
load_whole(struct bundle *files, const char *name, int fd)
{
	char	*chunk;
	ssize_t	 n;
	size_t	 total = 0;
	int	 result = 0;

	chunk = malloc(LOAD_CHUNK);
	if (chunk == NULL)
		return (-1);
	/* an empty file is a file too */
	if (bundle_append(files, name, "", 0) == -1)
		result = -1;
	while (result == 0 && (n = read(fd, chunk, LOAD_CHUNK)) != 0) {
		if (n == -1) {
			if (errno == EINTR)
				continue;
			result = -1;
			break;
		}
		total += (size_t)n;
		if (total > LOAD_MAX) {
			errno = EFBIG;
			result = -1;
		} else if (bundle_append(files, name, chunk, (size_t)n) ==
		    -1) {
			errno = EILSEQ;		/* a NUL octet */
			result = -1;
		}
	}
	freezero(chunk, LOAD_CHUNK);
	return (result);
}

/* Read path into the files under name.  NULL with errno. */
static struct bundle_file *
load_file(struct loader *loader, const char *name, const char *path)
{
	struct stat	 st;
	int		 fd, result, saved;

	/* non-blocking: a fifo must not stop us */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return (NULL);
	if (fstat(fd, &st) == -1)
		result = -1;
	else if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		result = -1;
	} else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		errno = EINVAL;
		result = -1;
	} else if ((result = guard_look(&loader->guards, path, fd, &st)) == 0)
		result = load_whole(loader->files, name, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return (result == -1 ? NULL : bundle_find(loader->files, name));
}

static const char *
load_text(void *arg, const char *path, size_t *len)
{
	struct loader		*loader = arg;
	struct bundle_file	*file;

	file = bundle_find(loader->files, path);
	if (file == NULL)
		file = load_file(loader, path, path);
	if (file == NULL)
		return (NULL);
	if (len != NULL)
		*len = file->len;
	return (file->text);
}

static char **
load_glob(void *arg, const char *pattern)
{
	glob_t	 found;
	char	**paths;
	size_t	 i, n = 0;

	memset(&found, 0, sizeof(found));
	if (glob(pattern, 0, NULL, &found) == 0)
		n = found.gl_pathc;
	paths = calloc(n + 1, sizeof(*paths));
	for (i = 0; paths != NULL && i < n; i++) {
		paths[i] = strdup(found.gl_pathv[i]);
		if (paths[i] == NULL) {
			while (i > 0)
				free(paths[--i]);
			free(paths);
			paths = NULL;
		}
	}
	globfree(&found);
	return (paths);
}

static enum guard
load_table_guard(const struct config *conf, const struct table *table)
{
	const struct listener	*listener;
	const struct action	*action;

	TAILQ_FOREACH(action, &conf->actions, entry) {
		if (action->auth == table)
			return (GUARD_LOGINS);
	}
	TAILQ_FOREACH(listener, &conf->listeners, entry) {
		if (listener->auth == table)
			return (GUARD_HASHES);
	}
	return (GUARD_TABLE);
}

/* A table's own file goes to its only user; the configuration goes to all. */
static void
load_tables(struct loader *loader)
{
	const struct named_table	*named;
	struct bundle_file		*file;
	enum guard			 guard;
	const char			*path;
	char				 what[128];

	TAILQ_FOREACH(named, &loader->conf->tables, entry) {
		path = table_path(named->table);
		if (path == NULL ||
		    (file = bundle_find(loader->files, path)) == NULL)
			continue;
		guard = load_table_guard(loader->conf, named->table);
		file->secret |= guard != GUARD_TABLE;
		(void)snprintf(what, sizeof(what), "table <%s>,",
		    table_name(named->table));
		guard_judge(guard_find(&loader->guards, path), guard,
		    &named->origin, what, loader->report);
	}
}

/* The text of a certificate or key, or NULL after an error was said. */
static const char *
load_pem(struct loader *loader, const struct pki *pki, const char *path,
    enum guard guard)
{
	struct bundle_file	*file;
	char			 what[128];

	/* two pki may share one */
	if ((file = bundle_find(loader->files, path)) == NULL)
		file = load_file(loader, path, path);
	if (file == NULL) {
		load_say(loader->report, &pki->origin, 0, "pki \"%s\": %s: %s",
		    pki->name, path, strerror(errno));
		return (NULL);
	}
	file->secret = 1;
	(void)snprintf(what, sizeof(what), "pki \"%s\": %s", pki->name,
	    guard == GUARD_KEY ? "key" : "certificate");
	guard_judge(guard_find(&loader->guards, path), guard, &pki->origin,
	    what, loader->report);
	return (file->text);
}

static void
load_pki(struct loader *loader, const struct pki *pki)
{
	struct tls_pair	 pair;
	struct tls	*trial;
	const char	*why;

	pair.cert = load_pem(loader, pki, pki->cert, GUARD_TRUST);
	pair.key = load_pem(loader, pki, pki->key, GUARD_KEY);
	if (pair.cert == NULL || pair.key == NULL)
		return;
	if ((trial = tls_server_new(&pair, 1, &why)) == NULL) {
		load_say(loader->report, &pki->origin, 0, "pki \"%s\": "
		    "certificate %s with key %s: %s", pki->name, pki->cert,
		    pki->key, why);
		return;
	}
	tls_server_free(trial);
}

/* What the parser was told beside the files: the roles must hear it too. */
static void
load_told(struct bundle *files, const char *hostname, char *const *defines)
{
	(void)bundle_append(files, BUNDLE_HOSTNAME, hostname,
	    strlen(hostname));
	for (; defines != NULL && *defines != NULL; defines++) {
		(void)bundle_append(files, BUNDLE_DEFINES, *defines,
		    strlen(*defines));
		(void)bundle_append(files, BUNDLE_DEFINES, "\n", 1);
	}
}

/*
 * Whom the mta believes about certificates; the system's list, a large file,
 * is no must, and is read only where something depends on it.
 */
static void
load_authorities(struct loader *loader)
{
	static const char *const	 usual[] = {
		"/etc/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"
	};
	const struct config		*conf = loader->conf;
	const struct origin		*origin = &conf->set[SET_MTA_CA_FILE];
	const char			*path = conf->mta_ca_file, *why;
	struct bundle_file		*file;
	struct tls_config		*trial;
	size_t				 i;

	if (path != NULL) {
		trial = NULL;
		if ((file = load_file(loader, CA_NAME, path)) == NULL)
			why = strerror(errno);
		else
			trial = tls_client_verify(file->text, &why);
		if (trial == NULL)
			load_say(loader->report, origin, 0,
			    "mta ca-file %s: %s", path, why);
		tls_client_free(trial);
		guard_judge(guard_find(&loader->guards, path), GUARD_TRUST,
		    origin, "mta ca-file", loader->report);
		return;
	}
	if (!config_verifies(conf))
		return;
	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (load_file(loader, CA_NAME, usual[i]) != NULL)
			return;
}

/* The file itself, or what it includes: what was read and is no table. */
static void
load_configuration(void *arg, struct guarded *g, const char *path)
{
	struct origin	 origin = { .file = path, .line = 1 };

	guard_judge(g, GUARD_CONFIG, &origin, "configuration", arg);
}

/* What the parser does not read itself, and who is secret. */
static void
load_rest(struct loader *loader)
{
	const struct config	*conf = loader->conf;
	const struct pki	*pki;
	gid_t			 gid;

	if (conf->control_group != NULL &&
	    group_id(conf->control_group, &gid) == -1)
		load_say(loader->report, &conf->set[SET_CONTROL_GROUP], 0,
		    "control-group \"%s\": no such group; make it with: "
		    "groupadd %s", conf->control_group, conf->control_group);
	load_tables(loader);
	guard_rest(&loader->guards, load_configuration, loader->report);
	TAILQ_FOREACH(pki, &conf->pkis, entry)
		load_pki(loader, pki);
	/* without one the mta asks the local host, as libc would */
	(void)load_file(loader, RESOLV_NAME, RESOLV_CONF);
	load_authorities(loader);
}

struct config *
load_config(const struct parent_options *options, int reload,
    struct bundle *files, struct load_report *report)
{
	char			 hostname[256];
	struct loader		 loader = { .files = files, .report = report };
	struct config_io	 io;
	struct config		*conf;

	if (gethostname(hostname, sizeof(hostname)) == -1)
		(void)strlcpy(hostname, "localhost", sizeof(hostname));
	hostname[sizeof(hostname) - 1] = '\0';

	memset(&io, 0, sizeof(io));
	io.load = load_text;
	io.glob = load_glob;
	io.report = load_reported;
	io.arg = &loader;
	io.defines = options->defines;
	io.hostname = hostname;
	io.reload = reload;
	TAILQ_INIT(&loader.guards);
	loader.conf = conf = config_parse(options->path, &io);
	if (conf == NULL) {
		if (report->errors == 0)
			load_say(report, NULL, 0, "%s: %s", options->path,
			    strerror(errno));
		/* tables are not known as such */
		load_configuration(report, guard_find(&loader.guards,
		    options->path), options->path);
		guard_free(&loader.guards);
		return (NULL);
	}
	load_told(files, hostname, options->defines);
	load_rest(&loader);
	guard_free(&loader.guards);
	if (report->errors > 0) {
		config_free(conf);
		return (NULL);
	}
	return (conf);
}

static int
load_is_table(const struct table *table, const char *path)
{
	return (table != NULL && table_path(table) != NULL &&
	    strcmp(table_path(table), path) == 0);
}

static int
load_is_key(const struct config *conf, const char *path)
{
	const struct pki	*pki;

	TAILQ_FOREACH(pki, &conf->pkis, entry) {
		if ((pki->cert != NULL && strcmp(pki->cert, path) == 0) ||
		    (pki->key != NULL && strcmp(pki->key, path) == 0))
			return (1);
	}
	return (0);
}

static int
load_is_hashes(const struct config *conf, const char *path)
{
	const struct listener	*listener;

	TAILQ_FOREACH(listener, &conf->listeners, entry) {
		if (load_is_table(listener->auth, path))
			return (1);
	}
	return (0);
}

static int
load_is_credentials(const struct config *conf, const char *path)
{
	const struct action	*action;

	TAILQ_FOREACH(action, &conf->actions, entry) {
		if (load_is_table(action->auth, path))
			return (1);
	}
	return (0);
}

int
load_wanted(const struct config *conf, const struct bundle_file *file,
    enum role role)
{
	if (strcmp(file->path, RESOLV_NAME) == 0 ||
	    strcmp(file->path, CA_NAME) == 0)
		return (role == ROLE_MTA);
	if (!file->secret)
		return (1);
	switch (role) {
	case ROLE_SMTPD:
		return (load_is_key(conf, file->path));
	case ROLE_PASSWORDS:
		return (load_is_hashes(conf, file->path));
	case ROLE_MTA:
		return (load_is_credentials(conf, file->path));
	default:
		return (0);
	}
}

int
load_configures(enum role role)
{
	return (role != ROLE_FLUSH && role != ROLE_NAMES);
}

int
load_needs(const struct config *conf, enum role role)
{
	const struct listener	*listener;
	const struct action	*action;

	if (role == ROLE_PASSWORDS) {
		TAILQ_FOREACH(listener, &conf->listeners, entry) {
			if (listener->auth != NULL)
				return (1);
		}
		return (0);
	}
	if (role == ROLE_NAMES) {
		TAILQ_FOREACH(listener, &conf->listeners, entry) {
			if (listener->socket)
				return (1);	/* whose uid is it? */
		}
		TAILQ_FOREACH(action, &conf->actions, entry) {
			if (action->type != ACTION_RELAY)
				return (1);
		}
		return (0);
	}
	return (role != ROLE_PARENT);
}
