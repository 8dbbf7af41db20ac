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
 * Logging for every role.  A line never blocks: on OpenBSD it goes to
 * syslog(3); elsewhere a role hands it to the parent in batches, bounded, and
 * what did not fit is counted and said later.  With -d lines go to stderr.
 */

#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdarg.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/*
 * Start logging as role ("smtpd", "queue" ...; "bindery" in the parent).
 * foreground: lines go to stderr, else to syslog.  verbose: 0 brief, 1 debug.
 */
void	 log_init(const char *role, int foreground, int verbose);
void	 log_verbose(int verbose);
int	 log_is_verbose(void);

/* While it starts: warnings that go to syslog are shown on stderr as well. */
void	 log_echo(int echo);

/*
 * Give lines to sink instead of writing them: how a role reaches the parent.
 * sink must not block and must not log.  NULL takes it away.
 */
void	 log_sink(void (*sink)(enum log_level, const char *line, void *arg),
	    void *arg);

/*
 * With -d the parent gathers lines and writes them at the end of a turn of
 * its loop (log_flush), all at once; -1: some were lost, and it is worth to
 * try again to tell their number.
 */
void	 log_batch(int batched);
int	 log_flush(void);

/* Write a finished line that came from another role, as it is. */
void	 log_line(enum log_level, const char *line);

/* "role: text"; log_warn adds ": strerror(errno)", the x forms do not. */
void	 log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void	 log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));
void	 log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
void	 log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));

/* For start-up, memory and broken invariants only; never for foreign input. */
__dead void	 fatal(const char *, ...)
		    __attribute__((format(printf, 1, 2)));
__dead void	 fatalx(const char *, ...)
		    __attribute__((format(printf, 1, 2)));

/*
 * One event line: "role: event key=value key="a value" ...".  Values are
 * vis(3)-encoded; one with a space, a quote or nothing in it is quoted.
 *
 *	struct logline l;
 *
 *	logline_start(&l, "delivered");
 *	logline_add(&l, "from", "<%s>", sender);
 *	logline_text(&l, "stat", reply);		(always quoted)
 *	logline_end(&l);
 */
struct logline {
	char	 text[4096];
	size_t	 len;
};

void	 logline_start(struct logline *, const char *event);
void	 logline_add(struct logline *, const char *key, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));
void	 logline_text(struct logline *, const char *key, const char *value);
void	 logline_end(struct logline *);

#endif
