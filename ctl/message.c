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
 * The message that a local program gave to sendmail: read to its end, its
 * header looked at and completed.  Called by sendmail.c and submit.c.  The
 * body is never changed, but for its line ends; what is long lies in a
 * temporary file.
 */

#include <sys/queue.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "ctl/sendmail.h"
#include "lib/text.h"

#define BODY_MEMORY	(1024 * 1024)	/* more goes to a file */
#define HEADER_MAX	(1024 * 1024)

/* A header field with its continuation lines, "\n" between them. */
struct field {
	TAILQ_ENTRY(field) entry;
	char		*text;
	size_t		 len;
};
TAILQ_HEAD(fields, field);

struct letter {
	struct fields	 fields;
	size_t		 header_len;
	char		*body;		/* lines with "\n" */
	size_t		 len;
	size_t		 size;
	FILE		*file;		/* instead of body */
	size_t		 body_size;	/* with CRLF */
	int		 eightbit;
};

static int
is_space(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* Past a comment or quoted string at p; NULL: it never ends. */
static const char *
skip_quoted(const char *p)
{
	char	 close = *p == '(' ? ')' : '"';
	int	 depth = 1;

	for (p++; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == close && --depth == 0)
			return (p + 1);
		else if (*p == '(' && close == ')')
			depth++;
	}
	return (NULL);
}

/* A mailbox as it is gathered, octet by octet. */
struct gather {
	const char	*start;
	const char	*end;
	int		 angle;		/* 1: inside <>, 2: behind */
	int		 broken;	/* words apart from each other */
};

static void
gather_add(struct gather *g, const char *from, const char *to)
{
	if (g->angle == 2)
		return;
	if (g->start == NULL)
		g->start = from;
	else if (g->end != from)
		g->broken = 1;
	g->end = to;
}

int
span_next(const char **p, struct span *span)
{
	struct gather	 g = { NULL, NULL, 0, 0 };
	const char	*s = *p, *next;

	for (; *s != '\0'; s = next) {
		next = s + 1;
		if (*s == '(' || *s == '"') {
			if ((next = skip_quoted(s)) == NULL)
				return (-1);
			if (*s == '"')
				gather_add(&g, s, next);
		} else if (*s == '[' && strchr(s, ']') != NULL) {
			next = strchr(s, ']') + 1;	/* a literal */
			gather_add(&g, s, next);
		} else if (*s == '<' && g.angle == 0) {
			memset(&g, 0, sizeof(g));
			g.angle = 1;
		} else if (*s == '>' && g.angle == 1) {
			g.angle = 2;
		} else if (*s == ':' && g.angle == 0) {
			memset(&g, 0, sizeof(g));	/* a group's name */
		} else if ((*s == ',' || *s == ';') && g.angle != 1) {
			if (g.start != NULL)
				break;
			memset(&g, 0, sizeof(g));
		} else if (!is_space(*s)) {
			gather_add(&g, s, next);
		}
	}
	*p = *s == '\0' ? s : s + 1;
	if (g.start == NULL)
		return (0);
	if (g.broken || g.angle == 1)
		return (-1);
	span->start = g.start;
	span->len = g.end - g.start;
	return (1);
}

static int
field_is(const struct field *f, const char *name)
{
	size_t	 len = strlen(name);

	return (f->len > len && strncasecmp(f->text, name, len) == 0 &&
	    f->text[len + strspn(f->text + len, " \t")] == ':');
}

static const char *
field_value(const struct field *f)
{
	return (strchr(f->text, ':') + 1);
}

static int
field_in(const struct field *f, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (field_is(f, *names))
			return (1);
	}
	return (0);
}

static const struct field *
field_find(const struct letter *l, const char *name)
{
	const struct field	*f;

	TAILQ_FOREACH(f, &l->fields, entry) {
		if (field_is(f, name))
			return (f);
	}
	return (NULL);
}

static void
field_remove(struct letter *l, struct field *f)
{
	TAILQ_REMOVE(&l->fields, f, entry);
	l->header_len -= f->len;
	free(f->text);
	free(f);
}

/* A new last field; text is copied. */
static int
field_new(struct letter *l, const char *text, size_t len)
{
	struct field	*f;

	if ((f = calloc(1, sizeof(*f))) == NULL ||
	    (f->text = malloc(len + 1)) == NULL) {
		free(f);
		return (-1);
	}
	memcpy(f->text, text, len);
	f->text[len] = '\0';
	f->len = len;
	l->header_len += len;
	TAILQ_INSERT_TAIL(&l->fields, f, entry);
	return (0);
}

static int
field_continue(struct letter *l, const char *text, size_t len)
{
	struct field	*f = TAILQ_LAST(&l->fields, fields);
	char		*p;

	if ((p = realloc(f->text, f->len + len + 2)) == NULL)
		return (-1);
	p[f->len] = '\n';
	memcpy(p + f->len + 1, text, len);
	f->text = p;
	f->len += len + 1;
	p[f->len] = '\0';
	l->header_len += len + 1;
	return (0);
}

/* "Name:" with a name as RFC 5322 2.2 has it. */
static int
line_is_field(const char *line, size_t len)
{
	size_t	 i;

	for (i = 0; i < len && line[i] > ' ' && line[i] < 127; i++) {
		if (line[i] == ':')
			return (i > 0);
	}
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return (i > 0 && i < len && line[i] == ':' && line[0] > ' ');
}

static int
has_eightbit(const char *p, size_t len)
{
	while (len-- > 0) {
		if ((unsigned char)*p++ >= 0x80)
			return (1);
	}
	return (0);
}

/* The body grows in memory until it is better kept in a file. */
static int
body_spill(struct letter *l)
{
	if ((l->file = tmpfile()) == NULL ||
	    fwrite(l->body, 1, l->len, l->file) != l->len)
		return (-1);
	free(l->body);
	l->body = NULL;
	l->len = l->size = 0;
	return (0);
}

static int
body_line(struct letter *l, const char *line, size_t len)
{
	size_t	 size;
	char	*p;

	l->body_size += len + 2;
	if (!l->eightbit)
		l->eightbit = has_eightbit(line, len);
	if (l->file == NULL && l->len + len > BODY_MEMORY &&
	    body_spill(l) == -1)
		return (-1);
	if (l->file != NULL) {
		if (fwrite(line, 1, len, l->file) != len ||
		    putc('\n', l->file) == EOF)
			return (-1);
		return (0);
	}
	if (l->len + len + 1 > l->size) {
		size = (l->len + len + 1) * 2;
		if ((p = realloc(l->body, size)) == NULL)
			return (-1);
		l->body = p;
		l->size = size;
	}
	memcpy(l->body + l->len, line, len);
	l->body[l->len + len] = '\n';
	l->len += len + 1;
	return (0);
}

/* A carriage return alone, as of a progress bar, ends a line as well. */
static int
body_lines(struct letter *l, const char *line, size_t len)
{
	const char	*end;

	while ((end = memchr(line, '\r', len)) != NULL) {
		if (body_line(l, line, (size_t)(end - line)) == -1)
			return (-1);
		len -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	return (body_line(l, line, len));
}

/* Where in the message the next line belongs. */
enum place {
	FIRST,
	HEADER,
	BODY
};

static int
letter_line(struct letter *l, enum place *place, const char *line, size_t len)
{
	enum place	 was = *place;

	if (was == BODY)
		return (body_lines(l, line, len));
	*place = HEADER;
	/* the line that mbox files have in front of a message */
	if (was == FIRST && len >= 5 && memcmp(line, "From ", 5) == 0)
		return (0);
	if (!l->eightbit)
		l->eightbit = has_eightbit(line, len);
	if (len > 0 && memchr(line, '\0', len) == NULL) {
		if ((*line == ' ' || *line == '\t') &&
		    !TAILQ_EMPTY(&l->fields))
			return (field_continue(l, line, len));
		if (line_is_field(line, len))
			return (field_new(l, line, len));
	}
	*place = BODY;
	return (len == 0 ? 0 : body_lines(l, line, len));
}

struct letter *
letter_read(FILE *in, int dot, int *status)
{
	struct letter	*l;
	enum place	 place = FIRST;
	char		*line = NULL;
	size_t		 size = 0;
	ssize_t		 len;

	*status = EX_OSERR;
	if ((l = calloc(1, sizeof(*l))) == NULL) {
		perror("sendmail");
		return (NULL);
	}
	TAILQ_INIT(&l->fields);
	while ((len = getline(&line, &size, in)) != -1) {
		if (len > 0 && line[len - 1] == '\n')
			len--;
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (dot && len == 1 && line[0] == '.')
			break;
		if (letter_line(l, &place, line, len) == -1) {
			perror("sendmail: keeping the message");
			*status = EX_IOERR;
			goto fail;
		}
		if (l->header_len > HEADER_MAX) {
			fprintf(stderr, "sendmail: the header is too long\n");
			*status = EX_DATAERR;
			goto fail;
		}
	}
	if (ferror(in) || (l->file != NULL && fflush(l->file) == EOF)) {
		perror("sendmail: reading the message");
		*status = EX_IOERR;
		goto fail;
	}
	free(line);
	*status = EX_OK;
	return (l);
fail:
	free(line);
	letter_free(l);
	return (NULL);
}

void
letter_free(struct letter *l)
{
	struct field	*f;

	if (l == NULL)
		return;
	while ((f = TAILQ_FIRST(&l->fields)) != NULL)
		field_remove(l, f);
	if (l->file != NULL)
		fclose(l->file);
	free(l->body);
	free(l);
}

int
letter_eightbit(const struct letter *l)
{
	return (l->eightbit);
}

int
letter_recipients(const struct letter *l,
    int (*add)(void *, const char *, size_t), void *arg)
{
	static const char *const plain[] = { "To", "Cc", "Bcc", NULL };
	static const char *const resent[] = { "Resent-To", "Resent-Cc",
	    "Resent-Bcc", NULL };
	const char *const	*names = plain;
	const struct field	*f;
	const char		*p;
	struct span		 span;
	int			 r;

	TAILQ_FOREACH(f, &l->fields, entry) {
		if (field_in(f, resent))
			names = resent;
	}
	TAILQ_FOREACH(f, &l->fields, entry) {
		if (!field_in(f, names))
			continue;
		p = field_value(f);
		while ((r = span_next(&p, &span)) == 1) {
			if (add(arg, span.start, span.len) == -1)
				return (-1);
		}
		if (r == -1) {
			fprintf(stderr, "sendmail: no valid list of "
			    "addresses: %s\n", f->text);
			return (-1);
		}
	}
	return (0);
}

/* Give each bare address of a field the domain. */
static int
field_qualify(struct letter *l, struct field *f, const char *domain)
{
	const char	*p = field_value(f), *done = f->text;
	struct span	 span;
	FILE		*out;
	char		*text = NULL;
	size_t		 len = 0;
	int		 failed;

	if ((out = open_memstream(&text, &len)) == NULL)
		return (-1);
	while (span_next(&p, &span) == 1) {
		if (memchr(span.start, '@', span.len) != NULL)
			continue;
		fwrite(done, 1, span.start + span.len - done, out);
		fprintf(out, "@%s", domain);
		done = span.start + span.len;
	}
	fputs(done, out);
	failed = ferror(out);
	if (fclose(out) == EOF || failed) {
		free(text);
		return (-1);
	}
	l->header_len += len - f->len;
	free(f->text);
	f->text = text;
	f->len = len;
	return (0);
}

static int
field_printf(struct letter *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static int
field_printf(struct letter *l, const char *fmt, ...)
{
	va_list	 ap;
	char	*text;
	int	 len, r;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len == -1)
		return (-1);
	r = field_new(l, text, len);
	free(text);
	return (r);
}

/* A display name as a header may hold it (RFC 5322 3.4, RFC 2047). */
static int
display_name(const char *name, char *text, size_t size)
{
	char	 encoded[256];
	size_t	 o = 0;
	int	 n;

	for (const char *p = name; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80 || iscntrl((unsigned char)*p)) {
			/* an encoded word has at most 75 characters */
			if (strlen(name) > 45 || base64_encode(name,
			    strlen(name), encoded, sizeof(encoded)) == -1)
				return (-1);
			n = snprintf(text, size, "=?UTF-8?B?%s?=", encoded);
			return (n < 0 || (size_t)n >= size ? -1 : 0);
		}
	}
	if (size < 2 * strlen(name) + 3)
		return (-1);
	text[o++] = '"';
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			text[o++] = '\\';
		text[o++] = *name;
	}
	text[o++] = '"';
	text[o] = '\0';
	return (0);
}

static int
add_from(struct letter *l, const char *sender, const char *name,
    const char *domain)
{
	const char	*at = strchr(sender, '@') == NULL ? "@" : "";
	char		 display[512];

	if (*at == '\0')
		domain = "";
	if (sender[0] == '\0')
		return (field_printf(l, "From: <MAILER-DAEMON@%s>", domain));
	if (name == NULL || name[0] == '\0' ||
	    display_name(name, display, sizeof(display)) == -1)
		return (field_printf(l, "From: <%s%s%s>", sender, at, domain));
	return (field_printf(l, "From: %s <%s%s%s>", display, sender, at,
	    domain));
}

static int
add_message_id(struct letter *l, const char *domain)
{
	struct timespec	 now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (field_printf(l, "Message-ID: <%llx.%lx.%x%08x@%s>",
	    (unsigned long long)now.tv_sec, now.tv_nsec, (unsigned)getpid(),
	    arc4random(), domain));
}

int
letter_finish(struct letter *l, const char *sender, const char *name,
    const char *domain)
{
	static const char *const gone[] = { "Bcc", "Resent-Bcc",
	    "Return-Path", NULL };
	static const char *const addresses[] = { "From", "Sender", "Reply-To",
	    "To", "Cc", NULL };
	struct field	*f, *next;

	TAILQ_FOREACH_SAFE(f, &l->fields, entry, next) {
		if (field_in(f, gone))
			field_remove(l, f);
		else if (field_in(f, addresses) &&
		    field_qualify(l, f, domain) == -1)
			return (-1);
	}
	if (field_find(l, "From") == NULL &&
	    add_from(l, sender, name, domain) == -1)
		return (-1);
	if (field_find(l, "Date") == NULL &&
	    field_printf(l, "Date: %s", date_text(time(NULL))) == -1)
		return (-1);
	if (field_find(l, "Message-ID") == NULL &&
	    add_message_id(l, domain) == -1)
		return (-1);
	return (0);
}

size_t
letter_size(const struct letter *l)
{
	const struct field	*f;
	const char		*p;
	size_t			 size = 2 + l->body_size;

	TAILQ_FOREACH(f, &l->fields, entry) {
		size += f->len + 2;
		for (p = f->text; (p = strchr(p, '\n')) != NULL; p++)
			size++;
	}
	return (size);
}

/* Each line of a text, the last with or without its "\n". */
static int
text_lines(const char *text, size_t len,
    int (*line)(void *, const char *, size_t), void *arg)
{
	const char	*end;
	size_t		 n;
	int		 r;

	while (len > 0) {
		end = memchr(text, '\n', len);
		n = end == NULL ? len : (size_t)(end - text);
		if ((r = line(arg, text, n)) != 0)
			return (r);
		if (end != NULL)
			n++;
		text += n;
		len -= n;
	}
	return (0);
}

static int
file_lines(FILE *file, int (*line)(void *, const char *, size_t), void *arg)
{
	char	*text = NULL;
	size_t	 size = 0;
	ssize_t	 len;
	int	 r = 0;

	rewind(file);
	while (r == 0 && (len = getline(&text, &size, file)) != -1) {
		if (len > 0 && text[len - 1] == '\n')
			len--;
		r = line(arg, text, len);
	}
	free(text);
	return (r == 0 && ferror(file) ? -1 : r);
}

int
letter_lines(struct letter *l, int (*line)(void *, const char *, size_t),
    void *arg)
{
	struct field	*f;
	int		 r;

	TAILQ_FOREACH(f, &l->fields, entry) {
		if ((r = text_lines(f->text, f->len, line, arg)) != 0)
			return (r);
	}
	if ((r = line(arg, "", 0)) != 0)
		return (r);
	if (l->file != NULL)
		return (file_lines(l->file, line, arg));
	return (text_lines(l->body, l->len, line, arg));
}
