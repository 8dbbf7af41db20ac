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
 * A question to the running daemon over its control socket, and its answer,
 * line by line (lib/control.h).  binderyctl and mailq ask; nothing here knows
 * what the words mean.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "lib/control.h"

const char *
ctl_socket_path(const char *name)
{
	static char	 path[PATH_MAX];
	const char	*run;
	int		 n;

	run = getenv("BINDERY_RUN");
	if (run == NULL || *run == '\0')
		run = BINDERY_RUN;
	n = snprintf(path, sizeof(path), "%s/%s", run, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		errx(1, "BINDERY_RUN: path too long");
	return (path);
}

static int
ask_connect(const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		warnx("%s: path too long for a socket", path);
		return (-1);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		warn("socket");
		return (-1);
	}
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return (fd);
	if (errno == ENOENT || errno == ECONNREFUSED)
		warnx("the daemon is not running (nobody answers at %s)",
		    path);
	else if (errno == EACCES)
		warnx("%s: only root and the control-group may", path);
	else
		warn("%s", path);
	close(fd);
	return (-1);
}

static int
ask_send(int fd, const char *const *words, int nwords)
{
	char	 line[CONTROL_LINE] = "";
	size_t	 len, off;
	ssize_t	 n;
	int	 i;

	for (i = 0; i < nwords; i++) {
		if (control_add(line, sizeof(line) - 1, words[i]) == -1) {
			warnx("the command is too long");
			return (-1);
		}
	}
	len = strlen(line);
	line[len++] = '\n';
	for (off = 0; off < len; off += (size_t)n) {
		n = send(fd, line + off, len - off, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1) {
			warn("the daemon");
			return (-1);
		}
	}
	return (0);
}

/* One line; 1 when it was the last and all is well, -1 for an error. */
static int
ask_line(char *line, const struct ctl_answer *answer)
{
	char	*rest, *safe;

	rest = line + (*line != '\0');
	rest += *rest == ' ';
	switch (line[0]) {
	case '=':
		if (answer->row != NULL)
			answer->row(answer->arg, rest);
		return (0);
	case '-':
		if (answer->text != NULL)
			answer->text(answer->arg, rest);
		return (0);
	case '.':
		if (answer->done != NULL)
			answer->done(answer->arg, rest);
		return (1);
	case '!':
		safe = table_safe(rest);
		warnx("%s", safe);
		free(safe);
		return (-1);
	default:
		warnx("the daemon's answer is not understood: is it of "
		    "another version?");
		return (-1);
	}
}

int
ctl_ask(const char *path, const char *const *words, int nwords,
    const struct ctl_answer *answer, int gone)
{
	FILE	*from;
	char	*line = NULL;
	size_t	 size = 0;
	ssize_t	 len;
	int	 fd, result = 0;

	fd = ask_connect(path);
	if (fd == -1)
		return (-1);
	if (ask_send(fd, words, nwords) == -1) {
		close(fd);
		return (-1);
	}
	from = fdopen(fd, "r");
	if (from == NULL)
		err(1, NULL);
	while (result == 0 && (len = getline(&line, &size, from)) != -1) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		result = ask_line(line, answer);
	}
	if (result == 0) {
		if (gone)
			result = 1;
		else
			warnx("the daemon closed the connection");
	}
	free(line);
	fclose(from);
	return (result == 1 ? 0 : -1);
}
