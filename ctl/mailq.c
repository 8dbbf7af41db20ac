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
 * mailq and newaliases, as scripts of forty years know them: mailq lists the
 * queue in the classic form, newaliases looks whether the aliases can be
 * read; there is no database to rebuild.
 */

#include <sys/types.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "lib/control.h"

#define MAILQ_FIELDS	64

static struct {
	unsigned long long	 messages;
	unsigned long long	 recipients;
	unsigned long long	 octets;
	char			 last[32];	/* message id */
} mailq;

/* The value of key, or "" */
static const char *
field_value(const struct table_field *fields, size_t n, const char *key)
{
	size_t	 i;

	for (i = 0; i < n; i++) {
		if (strcmp(fields[i].key, key) == 0)
			return (fields[i].value);
	}
	return ("");
}

static void
print_safe(const char *before, const char *text, const char *after)
{
	char	*safe = table_safe(text);

	printf("%s%s%s", before, safe, after);
	free(safe);
}

/* The head of a message: id, size, when it came, who sent it. */
static void
mailq_message(const struct table_field *fields, size_t n, const char *id)
{
	unsigned long long	 size;
	char			 when[64] = "-";
	struct tm		*tm;
	time_t			 came;

	size = strtoull(field_value(fields, n, "size"), NULL, 10);
	came = (time_t)strtoll(field_value(fields, n, "arrived"), NULL, 10);
	if (came > 0 && (tm = localtime(&came)) != NULL)
		(void)strftime(when, sizeof(when), "%a %b %e %H:%M:%S", tm);
	if (mailq.messages++ == 0)
		printf("%-18s %9s %-20s %s\n", "-Queue ID-", "--Size--",
		    "----Arrival Time----", "-Sender/Recipient-");
	else
		putchar('\n');
	printf("%-18s %9llu %-20s ", id, size, when);
	print_safe("<", field_value(fields, n, "from"), ">\n");
	mailq.octets += size;
}

static void
mailq_row(void *arg, char *text)
{
	struct table_field	 fields[MAILQ_FIELDS];
	char			 id[32];
	const char		*reason;
	size_t			 n = 0;

	while (text != NULL && n < MAILQ_FIELDS) {
		if (table_field(&text, &fields[n]) == 0)
			n++;
	}
	(void)strlcpy(id, field_value(fields, n, "id"), sizeof(id));
	id[strcspn(id, ".")] = '\0';
	if (strcmp(id, mailq.last) != 0)
		mailq_message(fields, n, id);
	(void)strlcpy(mailq.last, id, sizeof(mailq.last));
	mailq.recipients++;
	reason = field_value(fields, n, "reply");
	if (*reason == '\0')
		reason = field_value(fields, n, "reason");
	if (*reason != '\0')
		print_safe("      (", reason, ")\n");
	printf("%50s", "");
	print_safe("", field_value(fields, n, "to"), "\n");
}

int
mailq_main(int argc, char **argv)
{
	static const char *const	 words[] = { "show", "queue", "all" };
	const struct ctl_answer		 answer = { .row = mailq_row };

	/* its options (-v, -Ac ...) change nothing here */
	if (ctl_ask(ctl_socket_path(CONTROL_SOCKET), words, 3, &answer,
	    0) == -1)
		return (1);
	if (mailq.messages == 0)
		printf("Mail queue is empty\n");
	else
		printf("\n-- %llu message%s, %llu recipient%s, %llu octets\n",
		    mailq.messages, mailq.messages == 1 ? "" : "s",
		    mailq.recipients, mailq.recipients == 1 ? "" : "s",
		    mailq.octets);
	return (fflush(stdout) == EOF ? 1 : 0);
}

/* A line of aliases(5): 1 an alias, 0 blank or comment, -1 neither. */
static int
alias_line(const char *line)
{
	const char	*p = line, *end;

	p += strspn(p, " \t\r\n");
	if (*p == '\0' || *p == '#')
		return (0);
	if (p != line)
		return (1);	/* goes on from the line before */
	if (*p == '"') {
		end = strchr(p + 1, '"');
		p = end == NULL ? p + strlen(p) : end + 1;
	}
	p += strcspn(p, ":");
	return (*p == ':' && p != line ? 1 : -1);
}

int
newaliases_main(int argc, char **argv)
{
	const char	*path = BINDERY_ALIASES;
	FILE		*file;
	char		*line = NULL;
	size_t		 size = 0;
	int		 number = 0, wrong = 0, seen = 0;

	file = fopen(path, "r");
	if (file == NULL) {
		if (errno == ENOENT)
			return (0);	/* no aliases are no error */
		warn("%s", path);
		return (1);
	}
	while (getline(&line, &size, file) != -1) {
		number++;
		switch (alias_line(line)) {
		case 1:
			seen += *line != ' ' && *line != '\t';
			break;
		case -1:
			fprintf(stderr, "%s:%d: not of the form "
			    "name: target, ...\n", path, number);
			wrong++;
			break;
		default:
			break;
		}
	}
	free(line);
	fclose(file);
	printf("%s: %d aliases\n", path, seen);
	return (wrong > 0 ? 1 : 0);
}
