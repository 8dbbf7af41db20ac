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
 * Logging.  Every role calls it; lines are built here and go to syslog(3),
 * to stderr, or to a sink that hands them to the parent.  Never blocks in a
 * role, never fails.
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <vis.h>

#include "lib/log.h"

#define LOG_LINE	4608
#define LOG_BATCH	32768

static void	 emit(enum log_level, const char *, va_list, int);
static void	 value_add(struct logline *, const char *, int);

static struct {
	const char	*role;
	int		 foreground;
	int		 verbose;
	int		 batched;
	int		 echo;
	char		 batch[LOG_BATCH];
	size_t		 batch_len;
	unsigned long	 lost;		/* lines that stderr did not take */
	int		 torn;		/* the last one went out in part */
	void		(*sink)(enum log_level, const char *, void *);
	void		*sink_arg;
} state = { .role = "bindery", .foreground = 1 };

void
log_init(const char *role, int foreground, int verbose)
{
	state.role = role;
	state.foreground = foreground;
	state.verbose = verbose;
	if (!foreground)
		openlog("bindery", LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
log_verbose(int verbose)
{
	state.verbose = verbose;
}

void
log_echo(int echo)
{
	state.echo = echo;
}

int
log_is_verbose(void)
{
	return (state.verbose);
}

void
log_sink(void (*sink)(enum log_level, const char *, void *), void *arg)
{
	state.sink = sink;
	state.sink_arg = arg;
}

void
log_batch(int batched)
{
	if (!batched)
		(void)log_flush();
	state.batched = batched;
}

/*
 * How much of it stderr took.  Where a pipe is full its reader is waited for,
 * whether or not somebody made it non-blocking.
 */
static size_t
write_stderr(const char *text, size_t len)
{
	struct pollfd	 pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t		 done;
	ssize_t		 n;

	for (done = 0; done < len; done += n) {
		n = write(STDERR_FILENO, text + done, len - done);
		if (n != -1)
			continue;
		if (errno == EAGAIN)
			(void)poll(&pfd, 1, -1);
		else if (errno != EINTR)
			break;
		n = 0;
	}
	return (done);
}

/* -1: lines were lost, and nobody knows yet. */
int
log_flush(void)
{
	char	 text[80];
	size_t	 done;
	int	 n;

	if (state.lost > 0) {
		n = snprintf(text, sizeof(text), "%sbindery: %lu log lines "
		    "were lost before this\n", state.torn ? "\n" : "",
		    state.lost);
		if (write_stderr(text, n) == (size_t)n)
			state.lost = state.torn = 0;
	}
	done = state.lost > 0 ? 0 : write_stderr(state.batch,
	    state.batch_len);
	if (done > 0)
		state.torn = state.batch[done - 1] != '\n';
	for (; done < state.batch_len; done++)
		state.lost += state.batch[done] == '\n';
	state.batch_len = 0;
	return (state.lost > 0 ? -1 : 0);
}

static void
line_stderr(const char *line)
{
	size_t	 len;

	len = strlen(line);
	if (len + 1 > sizeof(state.batch) - state.batch_len)
		log_flush();
	if (len + 1 > sizeof(state.batch))
		len = sizeof(state.batch) - 1;
	memcpy(state.batch + state.batch_len, line, len);
	state.batch_len += len;
	state.batch[state.batch_len++] = '\n';
	if (!state.batched)
		log_flush();
}

void
log_line(enum log_level level, const char *line)
{
	static const int	 priority[] = {
		LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG
	};

	if (state.sink != NULL)
		state.sink(level, line, state.sink_arg);
	else if (state.foreground)
		line_stderr(line);
	else {
		syslog(priority[level], "%s", line);
		/* who started it may still be looking */
		if (level == LOG_LEVEL_ERROR ||
		    (state.echo && level == LOG_LEVEL_WARN))
			line_stderr(line);
	}
}

/* Foreign text among the words must not begin a line of its own. */
static void
line_clean(char *line)
{
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

static void
emit(enum log_level level, const char *fmt, va_list ap, int error)
{
	char	 line[LOG_LINE];
	int	 n;

	n = snprintf(line, sizeof(line), "%s: ", state.role);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (error != 0) {
		strlcat(line, ": ", sizeof(line));
		strlcat(line, strerror(error), sizeof(line));
	}
	line_clean(line);
	log_line(level, line);
}

void
log_warn(const char *fmt, ...)
{
	va_list	 ap;
	int	 error;

	error = errno;
	va_start(ap, fmt);
	emit(LOG_LEVEL_WARN, fmt, ap, error);
	va_end(ap);
	errno = error;
}

void
log_warnx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_WARN, fmt, ap, 0);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	emit(LOG_LEVEL_INFO, fmt, ap, 0);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list	 ap;

	if (!state.verbose)
		return;
	va_start(ap, fmt);
	emit(LOG_LEVEL_DEBUG, fmt, ap, 0);
	va_end(ap);
}

/* The last words go out directly: no event loop will come round again. */
static __dead void
last_words(const char *fmt, va_list ap, int error)
{
	static int	 dying;

	if (dying++ == 0) {
		state.sink = NULL;
		emit(LOG_LEVEL_ERROR, fmt, ap, error);
		log_flush();
	}
	exit(1);
}

void
fatal(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	last_words(fmt, ap, errno);
}

void
fatalx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	last_words(fmt, ap, 0);
}

void
logline_start(struct logline *l, const char *event)
{
	int	 n;

	n = snprintf(l->text, sizeof(l->text), "%s: %s", state.role, event);
	l->len = (size_t)n < sizeof(l->text) ? (size_t)n : 0;
}

/* Encoded; quoted when asked for, or where blanks or quotes need it. */
static void
value_add(struct logline *l, const char *value, int quoted)
{
	const char	*p;
	char		 c[5];
	size_t		 n;

	if (*value == '\0' || strpbrk(value, " \"") != NULL)
		quoted = 1;
	/* Room for one encoded character, the quote and the NUL. */
	if (quoted && l->len + 8 < sizeof(l->text))
		l->text[l->len++] = '"';
	for (p = value; *p != '\0' && l->len + 8 < sizeof(l->text); p++) {
		if (*p > ' ' && *p < 0x7f && *p != '\\' && *p != '"') {
			l->text[l->len++] = *p;
			continue;
		}
		if (*p == ' ') {
			l->text[l->len++] = ' ';
			continue;
		}
		if (*p == '"' || *p == '\\') {
			c[0] = '\\';
			c[1] = *p;
			n = 2;
		} else
			n = vis(c, *p, VIS_CSTYLE | VIS_OCTAL | VIS_TAB |
			    VIS_NL, p[1]) - c;
		memcpy(l->text + l->len, c, n);
		l->len += n;
	}
	if (quoted)
		l->text[l->len++] = '"';
	l->text[l->len] = '\0';
}

static int
key_add(struct logline *l, const char *key)
{
	size_t	 n;

	n = strlen(key);
	if (l->len + n + 8 >= sizeof(l->text))
		return (-1);
	l->text[l->len++] = ' ';
	memcpy(l->text + l->len, key, n);
	l->len += n;
	l->text[l->len++] = '=';
	return (0);
}

void
logline_add(struct logline *l, const char *key, const char *fmt, ...)
{
	va_list	 ap;
	char	 value[2048];

	if (key_add(l, key) == -1)
		return;
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	value_add(l, value, 0);
}

void
logline_text(struct logline *l, const char *key, const char *value)
{
	if (key_add(l, key) == -1)
		return;
	value_add(l, value, 1);
}

void
logline_end(struct logline *l)
{
	log_line(LOG_LEVEL_INFO, l->text);
}
