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
 * Words of bindery.conf(5).  parse.y calls lex_next() for each token.  A macro
 * and an included file are texts on a stack, read to their end before what is
 * below them goes on.  Nothing here may trust a file: depth, number and lines
 * of files are bounded, and each error is a report, never an exit.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lex.h"

#define DEPTH_MAX	16		/* files within files */
#define FILES_MAX	20000		/* files in all */
#define LINE_LEN_MAX	16384

/* A text that is being read. */
struct source {
	SLIST_ENTRY(source) entry;
	struct source	*parent;	/* the file that includes this one */
	const char	*file;
	const char	*text;
	size_t		 len;
	size_t		 pos;
	int		 line;
	int		 depth;
	int		 macro;		/* else a file */
	int		 ended;		/* its last newline was given */
};
SLIST_HEAD(sources, source);

/* Texts of tokens, kept until the end: yacc drops them where it likes. */
struct lexeme {
	SLIST_ENTRY(lexeme) entry;
	char		 text[];
};
SLIST_HEAD(lexemes, lexeme);

struct macro {
	RB_ENTRY(macro)	 node;
	char		*name;
	char		*value;
	int		 fixed;
};
RB_HEAD(macros, macro);

struct lex {
	struct config	*config;
	struct reporter	*report;
	struct sources	 sources;
	struct lexemes	 lexemes;
	struct macros	 macros;
	struct origin	 brace;		/* the last one opened at depth 0 */
	int		 depth;		/* of braces */
	int		 nfiles;
	char		 word[LINE_LEN_MAX + 1];
	size_t		 len;
};

static int
macro_compare(struct macro *a, struct macro *b)
{
	return (strcmp(a->name, b->name));
}

RB_PROTOTYPE(macros, macro, node, macro_compare);
RB_GENERATE(macros, macro, node, macro_compare)

struct lex *
lex_open(struct config *config, struct reporter *report)
{
	struct lex	*l;

	l = checked(calloc(1, sizeof(*l)));
	l->config = config;
	l->report = report;
	SLIST_INIT(&l->sources);
	SLIST_INIT(&l->lexemes);
	RB_INIT(&l->macros);
	return (l);
}

void
lex_close(struct lex *l)
{
	struct source	*s;
	struct lexeme	*x;
	struct macro	*m;

	while ((s = SLIST_FIRST(&l->sources)) != NULL) {
		SLIST_REMOVE_HEAD(&l->sources, entry);
		free(s);
	}
	while ((x = SLIST_FIRST(&l->lexemes)) != NULL) {
		SLIST_REMOVE_HEAD(&l->lexemes, entry);
		free(x);
	}
	while ((m = RB_MIN(macros, &l->macros)) != NULL) {
		RB_REMOVE(macros, &l->macros, m);
		free(m->name);
		free(m->value);
		free(m);
	}
	free(l);
}

static struct source *
push(struct lex *l, const char *file, const char *text, size_t len, int line)
{
	struct source	*s;

	s = checked(calloc(1, sizeof(*s)));
	s->file = file;
	s->text = text;
	s->len = len;
	s->line = line;
	SLIST_INSERT_HEAD(&l->sources, s, entry);
	return (s);
}

/* The source that is read next, or NULL; finished ones go. */
static struct source *
current(struct lex *l)
{
	struct source	*s;

	while ((s = SLIST_FIRST(&l->sources)) != NULL) {
		if (!s->ended && (!s->macro || s->pos < s->len))
			break;
		SLIST_REMOVE_HEAD(&l->sources, entry);
		free(s);
	}
	return (s);
}

static int
peek(const struct source *s, size_t ahead)
{
	if (s->pos + ahead >= s->len)
		return (-1);
	return ((unsigned char)s->text[s->pos + ahead]);
}

static struct origin
origin_of(const struct source *s)
{
	struct origin	 o = { s->file, s->line };

	return (o);
}

/* Lines that no administrator wrote: too long, or with a NUL in them. */
static int
text_is_sane(struct lex *l, const char *file, const char *text, size_t len)
{
	struct origin	 o = { file, 1 };
	const char	*end, *p = text;
	size_t		 n;

	for (; len > 0; o.line++) {
		end = memchr(p, '\n', len);
		n = end == NULL ? len : (size_t)(end - p) + 1;
		if (memchr(p, '\0', n) != NULL) {
			report_error(l->report, &o, "NUL byte");
			return (0);
		}
		if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
			report_error(l->report, &o, "a byte order mark: save "
			    "it as UTF-8 without one");
			return (0);
		}
		if (n > LINE_LEN_MAX) {
			report_error(l->report, &o,
			    "line is longer than %d octets", LINE_LEN_MAX);
			return (0);
		}
		p += n;
		len -= n;
	}
	return (1);
}

static void
open_file(struct lex *l, const char *path, struct source *parent,
    const struct origin *where)
{
	const struct config_io	*io = l->report->io;
	struct source		*s;
	const char		*file, *text;
	size_t			 len;

	if (l->nfiles == FILES_MAX) {
		report_error(l->report, where, "more than %d files",
		    FILES_MAX);
		l->nfiles++;
	}
	if (l->nfiles > FILES_MAX)
		return;
	l->nfiles++;
	for (s = parent; s != NULL; s = s->parent)
		if (strcmp(s->file, path) == 0) {
			report_error(l->report, where,
			    "%s includes itself", path);
			return;
		}
	if (parent != NULL && parent->depth + 1 >= DEPTH_MAX) {
		report_error(l->report, where,
		    "files are included %d levels deep", DEPTH_MAX);
		return;
	}
	if ((text = io->load(io->arg, path, &len)) == NULL) {
		report_error(l->report, where, "cannot read %s: %s", path,
		    load_error());
		return;
	}
	file = config_file(l->config, path);
	if (!text_is_sane(l, file, text, len))
		return;
	s = push(l, file, text, len, 1);
	s->parent = parent;
	s->depth = parent == NULL ? 0 : parent->depth + 1;
}

void
lex_main(struct lex *l, const char *path)
{
	struct origin	 where = { config_file(l->config, path), 1 };

	open_file(l, path, NULL, &where);
}

void
lex_include(struct lex *l, const char *pattern, const struct origin *where)
{
	const struct config_io	*io = l->report->io;
	struct source		*s, *parent;
	char			**paths;
	size_t			 n;

	/* macros do not span lines, so the top is a file */
	parent = NULL;
	SLIST_FOREACH(s, &l->sources, entry)
		if (!s->macro) {
			parent = s;
			break;
		}
	if (strpbrk(pattern, "*?[") == NULL) {
		open_file(l, pattern, parent, where);
		return;
	}
	paths = io->glob(io->arg, pattern);
	for (n = 0; paths != NULL && paths[n] != NULL; n++)
		;
	if (n == 0 && !io->role)
		report_warning(l->report, where, "include \"%s\": no such "
		    "file", pattern);
	while (n > 0) {		/* the last goes deepest into the stack */
		open_file(l, paths[--n], parent, where);
		free(paths[n]);
	}
	free(paths);
}

void
lex_define(struct lex *l, const char *name, const char *value, int fixed)
{
	struct macro	*m, find = { .name = (char *)(uintptr_t)name };

	if ((m = RB_FIND(macros, &l->macros, &find)) == NULL) {
		m = checked(calloc(1, sizeof(*m)));
		m->name = checked_strdup(name);
		RB_INSERT(macros, &l->macros, m);
	} else if (m->fixed)
		return;
	else
		free(m->value);
	m->value = checked_strdup(value);
	m->fixed = fixed;
}

static int
is_word(int c)
{
	if (c <= ' ' || c == 0x7f)
		return (0);
	return (strchr("{}<>,=!#\"'", c) == NULL);
}

static void
word_add(struct lex *l, int c)
{
	if (l->len < sizeof(l->word) - 1)
		l->word[l->len++] = c;
}

static char *
keep(struct lex *l)
{
	struct lexeme	*x;

	l->word[l->len] = '\0';
	x = checked(malloc(sizeof(*x) + l->len + 1));
	memcpy(x->text, l->word, l->len + 1);
	SLIST_INSERT_HEAD(&l->lexemes, x, entry);
	return (x->text);
}

/* A backslash at the end of a line: its length, or 0. */
static size_t
continuation(const struct source *s)
{
	if (peek(s, 0) != '\\')
		return (0);
	if (peek(s, 1) == '\n')
		return (2);
	if (peek(s, 1) == '\r' && peek(s, 2) == '\n')
		return (3);
	return (0);
}

/* Over blanks, comments and continued lines. */
static void
skip_blanks(struct source *s)
{
	size_t	 n;
	int	 c;

	for (;;) {
		c = peek(s, 0);
		if (c == ' ' || c == '\t' || (c == '\r' && peek(s, 1) == '\n'))
			s->pos++;
		else if ((n = continuation(s)) > 0) {
			s->pos += n;
			s->line++;
		} else if (c == '#') {
			while ((c = peek(s, 0)) != -1 && c != '\n')
				s->pos++;
		} else
			return;
	}
}

int
lex_equals(struct lex *l)
{
	struct source	*s;

	if ((s = current(l)) == NULL)
		return (0);
	skip_blanks(s);
	return (peek(s, 0) == '=');
}

static void
bad(struct lex *l, struct token *t, const char *text)
{
	report_error(l->report, &t->origin, "%s", text);
	t->type = TOKEN_BAD;
}

/* Typographic quotes and blanks look like what they are not. */
static void
read_word(struct lex *l, struct source *s, struct token *t)
{
	int	 c, foreign = 0;

	while (is_word(c = peek(s, 0)) && continuation(s) == 0) {
		foreign |= c >= 0x80;
		word_add(l, c);
		s->pos++;
	}
	t->type = TOKEN_WORD;
	t->text = keep(l);
	if (foreign)
		bad(l, t, "a character that is not ASCII, outside quotes");
}

static void
read_quoted(struct lex *l, struct source *s, struct token *t)
{
	size_t	 n;
	int	 c, quote, control = 0;

	quote = peek(s, 0);
	s->pos++;
	for (;;) {
		if ((n = continuation(s)) > 0) {
			s->pos += n;
			s->line++;
			continue;
		}
		if ((c = peek(s, 0)) == -1 || c == '\n') {
			bad(l, t, "quotation is not closed");
			return;
		}
		s->pos++;
		if (c == quote)
			break;
		if (c == '\\' && (peek(s, 0) == quote || peek(s, 0) == '\\')) {
			c = peek(s, 0);
			s->pos++;
		}
		control |= (c < ' ' && c != '\t') || c == 0x7f;
		word_add(l, c);
	}
	if (control) {
		bad(l, t, "control character in a quotation");
		return;
	}
	t->type = TOKEN_QUOTED;
	t->text = keep(l);
}

static void
read_table(struct lex *l, struct source *s, struct token *t)
{
	int	 c;

	s->pos++;
	while ((c = peek(s, 0)) != '>') {
		/* <> alone is the null sender, which must be quoted */
		if (!is_word(c)) {
			bad(l, t, "no table's name after \"<\"");
			return;
		}
		word_add(l, c);
		s->pos++;
	}
	s->pos++;
	if (l->len == 0) {
		bad(l, t, "the null sender is written \"<>\", in quotes");
		return;
	}
	t->type = TOKEN_TABLE;
	t->text = keep(l);
}

/* $name: its value is read next.  0, or -1 when there is none. */
static int
expand(struct lex *l, struct source *s, struct token *t)
{
	struct macro	*m, find;
	struct source	*n;
	int		 c;

	s->pos++;
	while ((c = peek(s, 0)) != -1 && (isalnum(c) || c == '_' || c == '-')) {
		word_add(l, c);
		s->pos++;
	}
	find.name = keep(l);
	if ((m = RB_FIND(macros, &l->macros, &find)) == NULL) {
		report_error(l->report, &t->origin, "macro \"%s\" is not "
		    "defined", find.name);
		t->type = TOKEN_BAD;
		return (-1);
	}
	/* macros are freed at the very end: the text may be borrowed */
	l->len = 0;
	n = push(l, s->file, m->value, strlen(m->value), s->line);
	n->macro = 1;
	return (0);
}

/*
 * The end of a file is the end of its last line, and of its braces.  It stays
 * on the stack until the next token: its last line may include another.
 */
static void
file_end(struct lex *l, struct source *s, struct token *t)
{
	t->type = TOKEN_NEWLINE;
	if (l->depth > 0) {
		report_error(l->report, &l->brace, "\"{\" is not closed");
		l->depth = 0;
		t->type = TOKEN_BAD;
		return;
	}
	s->ended = 1;
}

static void
read_punct(struct lex *l, struct source *s, struct token *t, int c)
{
	s->pos++;
	t->type = TOKEN_PUNCT;
	t->punct = c;
	if (c == '{' && l->depth++ == 0)
		l->brace = t->origin;
	if (c == '}' && l->depth > 0)
		l->depth--;
}

void
lex_next(struct lex *l, struct token *t)
{
	struct source	*s;
	int		 c;

	memset(t, 0, sizeof(*t));
	l->len = 0;
again:
	if ((s = current(l)) == NULL) {
		t->type = TOKEN_END;
		return;
	}
	skip_blanks(s);
	t->origin = origin_of(s);
	c = peek(s, 0);
	if (c == -1 && s->macro)
		goto again;
	if (c == '\n') {
		s->pos++;
		s->line++;
		if (l->depth > 0)
			goto again;
		t->type = TOKEN_NEWLINE;
	} else if (c == -1)
		file_end(l, s, t);
	else if (c == '$' && !s->macro) {
		if (expand(l, s, t) == 0)
			goto again;
	} else if (c == '"' || c == '\'')
		read_quoted(l, s, t);
	else if (c == '<')
		read_table(l, s, t);
	else if (strchr("{},=!", c) != NULL)
		read_punct(l, s, t, c);
	else if (is_word(c))
		read_word(l, s, t);
	else {
		s->pos++;
		bad(l, t, "unexpected character");
	}
}
