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
 * binderyctl(8).  A command goes to the daemon as it was typed; queue and mta
 * say what it means.  Here are only the form of the answer and the two
 * commands that need no daemon's word: monitor repeats a question, encrypt
 * makes a hash.
 */

#include <sys/types.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "lib/control.h"

#define CLEAR_SCREEN	"\033[H\033[J"

static struct {
	const char		*socket;
	int			 json;
	int			 count;		/* -n */
	struct table_out	*table;
} ctl;

static const char *const	 commands[] = {
	"show bindings",
	"show binding B",
	"show destination D | show site S",
	"show queue FILTER",
	"show message ID | show envelope ID",
	"show stats | show metrics",
	"suspend binding B [reception] [domain D|site S] [for T] "
	    "[reason TEXT]",
	"resume binding B [reception] [domain D|site S]",
	"move FILTER to B",
	"schedule FILTER",
	"remove FILTER",
	"fail FILTER [TEXT]",
	"match [auth U|user U] [src ADDR] [tag T] [header N V] "
	    "from SENDER to RCPT",
	"test binding B to DOMAIN|HOST[:PORT]",
	"trace binding B [domain D]",
	"monitor",
	"pause smtp|mta|mda",
	"resume smtp|mta|mda",
	"reload",
	"stop",
	"log brief|verbose",
	"encrypt [PASSWORD]",
};

#define NCOMMANDS	(sizeof(commands) / sizeof(commands[0]))

static __dead void
usage(void)
{
	size_t	 i;

	fprintf(stderr, "usage: binderyctl [-jn] [-s socket] command\n");
	for (i = 0; i < NCOMMANDS; i++)
		fprintf(stderr, "       binderyctl %s\n", commands[i]);
	fprintf(stderr, "FILTER: [binding B] [domain D|site S] [sender S] "
	    "[auth U] [older T], an ID, or all\n");
	exit(1);
}

/* Whether word begins any command; the daemon judges the rest. */
static int
command_known(const char *word)
{
	const char	*at;
	size_t		 i, len = strlen(word);

	for (i = 0; i < NCOMMANDS; i++) {
		at = commands[i];
		if (strncmp(at, word, len) == 0 &&
		    (at[len] == ' ' || at[len] == '\0'))
			return (1);
	}
	return (0);
}

static void
ctl_row(void *arg, char *fields)
{
	table_out_row(ctl.table, fields);
}

static void
ctl_text(void *arg, const char *text)
{
	table_out_text(ctl.table, text);
}

static void
ctl_done(void *arg, const char *text)
{
	if (*text != '\0')
		table_out_text(ctl.table, text);
}

static const struct ctl_answer answer = {
	.row = ctl_row,
	.text = ctl_text,
	.done = ctl_done,
};

static int
ctl_command(const char *const *words, int nwords)
{
	int	 result;

	/* what comes in its own time is shown as it comes */
	if (strcmp(words[0], "trace") == 0 || strcmp(words[0], "test") == 0)
		setlinebuf(stdout);
	ctl.table = table_out_new(stdout, ctl.json);
	result = ctl_ask(ctl.socket, words, nwords, &answer,
	    strcmp(words[0], "stop") == 0);
	(void)table_out_end(ctl.table);
	if (fflush(stdout) == EOF) {
		warn("stdout");
		return (-1);
	}
	return (result);
}

/* Until it is interrupted, or the daemon goes. */
static int
ctl_monitor(void)
{
	static const char *const	 words[] = { "show", "bindings" };

	for (;;) {
		if (!ctl.json && isatty(STDOUT_FILENO))
			fputs(CLEAR_SCREEN, stdout);
		if (ctl_command(words, 2) == -1)
			return (-1);
		sleep(1);
	}
}

/* -n travels as the first word. */
static int
ctl_send(char **argv, int argc)
{
	const char	*words[CONTROL_WORDS];
	int		 i, n = 0;

	if (argc >= CONTROL_WORDS) {
		warnx("too many words");
		return (-1);
	}
	if (ctl.count)
		words[n++] = "-n";
	for (i = 0; i < argc; i++)
		words[n++] = argv[i];
	return (ctl_command(words, n));
}

int
ctl_main(int argc, char **argv)
{
	int	 ch;

	ctl.socket = NULL;
	/* "+": what follows the command is the command's */
	while ((ch = getopt(argc, argv, "+jns:")) != -1) {
		switch (ch) {
		case 'j':
			ctl.json = 1;
			break;
		case 'n':
			ctl.count = 1;
			break;
		case 's':
			ctl.socket = optarg;
			break;
		default:
			usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		usage();
	if (ctl.socket == NULL)
		ctl.socket = ctl_socket_path(CONTROL_SOCKET);
	if (!command_known(argv[0])) {
		warnx("%s: no such command", argv[0]);
		usage();
	}
	if (strcmp(argv[0], "encrypt") == 0) {
		if (argc > 2)
			usage();
		return (encrypt_password(argv[1]) == 0 ? 0 : 1);
	}
	if (strcmp(argv[0], "monitor") == 0) {
		if (argc > 1)
			usage();
		return (ctl_monitor() == 0 ? 0 : 1);
	}
	return (ctl_send(argv, argc) == 0 ? 0 : 1);
}
