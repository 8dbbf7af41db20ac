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
 * Where everything begins: the name that we were called by, the options, the
 * table of roles.  Linked last and not into the tests; the only file that
 * names them all.  It decides nothing else.
 */

#include <sys/types.h>
#include <sys/stat.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "lib/proc.h"
#include "lib/role.h"
#include "smtpd/parent.h"
#include "smtpd/roles.h"

#define CHANNEL_FD	3		/* to the parent, in a role */

static const struct tool {
	const char	*name;
	int		(*run)(int, char **);
} tools[] = {
	{ "binderyctl",	ctl_main },
	{ "sendmail",	sendmail_main },
	{ "send-mail",	sendmail_main },
	{ "mailq",	mailq_main },
	{ "newaliases",	newaliases_main },
};

typedef void	 role_entry(const char *, int, int);

static role_entry *const role_entries[ROLE_COUNT] = {
	[ROLE_SMTPD] =		smtpd_role,
	[ROLE_NAMES] =		lookup_role,
	[ROLE_PASSWORDS] =	lookup_role,
	[ROLE_QUEUE] =		queue_role,
	[ROLE_FLUSH] =		flush_role,
	[ROLE_MTA] =		mta_role,
};

static __dead void
usage(void)
{
	fprintf(stderr,
	    "usage: bindery [-dnvV] [-D macro=value] [-f file]\n");
	exit(1);
}

/* The tool that argv[0] names, or NULL: the daemon. */
static const struct tool *
tool_find(const char *argv0)
{
	const char	*name;
	size_t		 i;

	if (argv0 == NULL)
		return (NULL);
	name = strrchr(argv0, '/');
	name = name == NULL ? argv0 : name + 1;
	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (strcmp(name, tools[i].name) == 0)
			return (&tools[i]);
	}
	return (NULL);
}

static __dead void
role_run(const char *name, const char *root, int foreground, int verbose)
{
	struct stat	 st;
	int		 role;

	role = role_by_name(name);
	if (role == -1 || role_entries[role] == NULL)
		errx(1, "-x %s: no such role", name);
	if (fstat(CHANNEL_FD, &st) == -1 || !S_ISSOCK(st.st_mode))
		errx(1, "-x is for the daemon itself");
	role_entries[role](root, foreground, verbose);
	exit(1);
}

static void
define_add(struct parent_options *options, char *definition)
{
	char	*equals, **defines;
	size_t	 n = 0;

	equals = strchr(definition, '=');
	if (equals == NULL || equals == definition ||
	    strchr(definition, '\n') != NULL)
		errx(1, "-D %s: not of the form macro=value", definition);
	while (options->defines != NULL && options->defines[n] != NULL)
		n++;
	defines = reallocarray(options->defines, n + 2, sizeof(*defines));
	if (defines == NULL)
		err(1, NULL);
	defines[n] = definition;
	defines[n + 1] = NULL;
	options->defines = defines;
}

int
main(int argc, char **argv)
{
	struct parent_options	 options = { .path = BINDERY_CONF };
	const struct tool	*tool;
	const char		*role = NULL, *root = NULL;
	int			 check = 0, ch;

	tool = tool_find(argv[0]);
	if (tool != NULL)
		return (tool->run(argc, argv));
	if (argv[0] == NULL || proc_init(argv[0]) == -1)
		err(1, "cannot find myself");

	while ((ch = getopt(argc, argv, "dD:f:nr:vVx:")) != -1) {
		switch (ch) {
		case 'd':
			options.foreground = 1;
			break;
		case 'D':
			define_add(&options, optarg);
			break;
		case 'f':
			options.path = optarg;
			break;
		case 'n':
			check = 1;
			break;
		case 'r':
			root = optarg;
			break;
		case 'v':
			options.verbose++;
			break;
		case 'V':
			printf("bindery %s\n", BINDERY_VERSION);
			return (0);
		case 'x':
			role = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
	if (role != NULL)
		role_run(role, root, options.foreground, options.verbose);
	if (root != NULL)
		usage();
	if (check)
		return (check_run(&options));
	parent_run(&options);
}
