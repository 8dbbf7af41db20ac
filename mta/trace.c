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
 * The dialogue as it happens, for those who asked to see it: "trace binding
 * B [domain D]", and "test" for its own connections.  Connections and the
 * SMTP client tell everything here; where nobody listens that costs one test.
 * It must never show a password, or the content of a message.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/ipc.h"
#include "mta/connection.h"
#include "mta/mta.h"
#include "mta/trace.h"
#include "mta/work.h"

#define TRACE_MAX	16		/* listeners at once */
#define TRACE_LINE	1024

struct trace {
	TAILQ_ENTRY(trace) entry;
	uint32_t	 client;	/* of queue's control socket */
	struct binding	*binding;
	char		*domain;	/* NULL: all */
	const struct lane *lane;	/* a test's own, or NULL */
};
TAILQ_HEAD(traces, trace);

/*
 * A command is written in pieces, but in one go: one buffer is enough for all
 * connections.
 */
static struct {
	struct traces	 all;
	unsigned int	 count;
	char		 line[TRACE_LINE];
	size_t		 len;
} traces = { .all = TAILQ_HEAD_INITIALIZER(traces.all) };

void
answer_text(uint32_t client, const char *mark, int more, const char *fmt, ...)
{
	struct ipc	*queue = mta_queue();
	va_list		 ap;
	char		 text[TRACE_LINE + 256], *p;
	int		 n;

	if (queue == NULL)
		return;
	n = snprintf(text, sizeof(text), "%s ", mark);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	/* a peer's words must not steer a terminal */
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	ipc_begin(queue, MTA_ANSWER);
	ipc_put_u32(queue, client);
	ipc_put_u8(queue, (uint8_t)more);
	ipc_put_str(queue, text);
	ipc_end(queue);
}

static int
trace_wants(const struct trace *t, const struct connection *c)
{
	if (t->lane != NULL)
		return (t->lane == c->lane);
	return (t->binding == c->binding && c->lane->test == NULL &&
	    (t->domain == NULL || domain_match(t->domain,
	    c->lane->destination) ||
	    strcmp(t->domain, c->lane->destination) == 0));
}

static void
trace_line(const struct connection *c, const char *mark, const char *text)
{
	const struct trace	*t;

	TAILQ_FOREACH(t, &traces.all, entry)
		if (trace_wants(t, c))
			answer_text(t->client, "-", 1, "#%u %s %s", c->number,
			    mark, text);
}

void
trace_note(const struct connection *c, const char *fmt, ...)
{
	va_list	 ap;
	char	 text[TRACE_LINE];

	if (traces.count == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trace_line(c, "*", text);
}

/* A whole command, its CRLF taken off. */
static void
trace_command_sent(struct connection *c, char *line)
{
	char	*secret;

	/* AUTH MECHANISM [initial response], or what answers a 334 */
	if (c->trace_secret)
		strlcpy(line, "***", TRACE_LINE);
	else if (strncmp(line, "AUTH ", 5) == 0 &&
	    (secret = strchr(line + 5, ' ')) != NULL)
		strlcpy(secret, " ***", TRACE_LINE - (size_t)(secret - line));
	c->trace_secret = 0;
	trace_line(c, ">", line);
}

void
trace_sent(void *arg, const char *data, size_t len)
{
	struct connection	*c = arg;
	size_t			 i;

	if (traces.count == 0)
		return;
	if (c->body) {
		c->trace_content += len;
		return;
	}
	for (i = 0; i < len; i++) {
		if (data[i] == '\n') {
			traces.line[traces.len] = '\0';
			trace_command_sent(c, traces.line);
			traces.len = 0;
		} else if (data[i] != '\r' &&
		    traces.len < sizeof(traces.line) - 1)
			traces.line[traces.len++] = data[i];
	}
}

void
trace_content(struct connection *c)
{
	if (traces.count > 0)
		trace_note(c, "%llu octets of content",
		    (unsigned long long)c->trace_content);
	c->trace_content = 0;
}

void
trace_received(struct connection *c, const char *line, size_t len)
{
	char	 text[TRACE_LINE];

	if (traces.count == 0)
		return;
	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	snprintf(text, sizeof(text), "%.*s", (int)len, line);
	c->trace_secret = strncmp(text, "334", 3) == 0;
	trace_line(c, "<", text);
}

int
trace_start(uint32_t client, struct binding *binding, const char *domain,
    const struct lane *lane)
{
	struct trace	*t;

	if (traces.count >= TRACE_MAX)
		return (-1);
	if ((t = calloc(1, sizeof(*t))) == NULL ||
	    (domain != NULL && (t->domain = strdup(domain)) == NULL))
		fatal("trace_start");
	t->client = client;
	t->binding = binding;
	t->lane = lane;
	TAILQ_INSERT_TAIL(&traces.all, t, entry);
	traces.count++;
	return (0);
}

static void
trace_free(struct trace *t)
{
	TAILQ_REMOVE(&traces.all, t, entry);
	traces.count--;
	traces.len = 0;
	free(t->domain);
	free(t);
}

void
trace_end(uint32_t client)
{
	struct trace	*t, *next;

	TAILQ_FOREACH_SAFE(t, &traces.all, entry, next)
		if (t->client == client)
			trace_free(t);
}

void
trace_end_all(void)
{
	struct trace	*t;

	while ((t = TAILQ_FIRST(&traces.all)) != NULL)
		trace_free(t);
}

/* trace binding B [domain D] */
void
trace_command(uint32_t client, const char **words, uint32_t count)
{
	struct binding	*binding;
	const char	*domain = NULL;

	if ((count != 3 && count != 5) || strcmp(words[1], "binding") != 0 ||
	    (count == 5 && strcmp(words[3], "domain") != 0)) {
		answer_text(client, "!", 0,
		    "usage: trace binding B [domain D]");
		return;
	}
	if (config_binding(mta_config(), words[2]) == NULL) {
		answer_text(client, "!", 0, "no binding %s", words[2]);
		return;
	}
	if (count == 5)
		domain = words[4];
	binding = binding_get(words[2]);
	if (trace_start(client, binding, domain, NULL) == -1)
		answer_text(client, "!", 0, "too many are tracing already");
	else
		answer_text(client, "-", 1, "tracing binding %s%s%s, until "
		    "interrupted", binding->name, domain == NULL ? "" :
		    " domain ", domain == NULL ? "" : domain);
}
