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
 * sendmail(8) as local programs know it: the flags of thirty years are taken,
 * most of them have nothing left to say.  main calls it by argv[0].  It runs
 * as its caller, trusts nobody and keeps nothing: the message is on the
 * daemon's disk when it exits 0, and nowhere otherwise.
 */

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/sendmail.h"
#include "lib/address.h"
#include "lib/control.h"
#include "lib/text.h"

/*
 * Those that take a value take it glued or apart, but for E, J, d and q,
 * whose value is glued or absent.
 */
#define FLAGS	"A:B:b:C:D:d::E::e:F:f:Gh:IiJ::L:M:mN:nO:o:p:q::R:r:sTtUV:vX:x"

enum mode {
	MODE_SEND,
	MODE_SMTP,		/* -bs */
	MODE_MAILQ,		/* -bp */
	MODE_NEWALIASES,	/* -bi, -I */
	MODE_FLUSH		/* -q */
};

static struct {
	enum mode	 mode;
	int		 from_header;		/* -t */
	int		 ignore_dot;		/* -i, -oi */
	const char	*flush;			/* value of -q */
	struct submission submission;
	char		 sender[ADDRESS_MAX];
	char		 name[256];
	char		 envid[256];
	size_t		 rcpts_size;
} state;

static int
mode_flag(const char *value)
{
	switch (value[0]) {
	case 'm':
	case 'a':
		return (0);
	case 's':
		state.mode = MODE_SMTP;
		return (0);
	case 'p':
		state.mode = MODE_MAILQ;
		return (0);
	case 'i':
		state.mode = MODE_NEWALIASES;
		return (0);
	case 'd':
	case 'D':
	case 'l':
		fprintf(stderr, "sendmail: -b%s: the daemon is started as "
		    "bindery(8)\n", value);
		return (-1);
	default:
		fprintf(stderr, "sendmail: -b%s is not supported\n", value);
		return (-1);
	}
}

/* "a@b", "<a@b>", "Name <a@b>"; "" and "<>" are the null sender. */
static int
sender_flag(const char *value)
{
	struct span	 span;
	const char	*p = value;

	state.sender[0] = '\0';
	state.submission.sender = state.sender;
	if (value[0] == '\0' || strcmp(value, "<>") == 0)
		return (0);
	if (span_next(&p, &span) != 1 || span.len >= sizeof(state.sender)) {
		fprintf(stderr, "sendmail: -f %s: no valid address\n", value);
		return (-1);
	}
	memcpy(state.sender, span.start, span.len);
	state.sender[span.len] = '\0';
	return (0);
}

static int
envid_flag(const char *value)
{
	if (xtext_encode(value, state.envid, sizeof(state.envid)) == -1) {
		fprintf(stderr, "sendmail: -V %s: too long\n", value);
		return (-1);
	}
	state.submission.envid = state.envid;
	return (0);
}

static int
ret_flag(const char *value)
{
	if (strcasecmp(value, "full") != 0 && strcasecmp(value, "hdrs") != 0) {
		fprintf(stderr, "sendmail: -R takes full or hdrs\n");
		return (-1);
	}
	state.submission.ret = value;
	return (0);
}

static int
flag(int c, char *value)
{
	switch (c) {
	case 'b':
		return (mode_flag(value));
	case 'B':
		state.submission.eightbit = strcasecmp(value, "8BITMIME") == 0;
		return (0);
	case 'F':
		strlcpy(state.name, value, sizeof(state.name));
		return (0);
	case 'f':
	case 'r':
		return (sender_flag(value));
	case 'I':
		state.mode = MODE_NEWALIASES;
		return (0);
	case 'i':
		state.ignore_dot = 1;
		return (0);
	case 'o':
		if (strcmp(value, "i") == 0)
			state.ignore_dot = 1;
		return (0);
	case 'N':
		state.submission.notify = value;
		return (0);
	case 'q':
		state.mode = MODE_FLUSH;
		state.flush = value != NULL ? value : "";
		return (0);
	case 'R':
		return (ret_flag(value));
	case 't':
		state.from_header = 1;
		return (0);
	case 'V':
		return (envid_flag(value));
	case 'v':
		state.submission.verbose = 1;
		return (0);
	case '?':
		return (-1);
	default:
		return (0);	/* has nothing left to say */
	}
}

static int
add_rcpt(void *arg, const char *address, size_t len)
{
	struct submission	*s = &state.submission;
	char			**p;

	if (s->nrcpts == state.rcpts_size) {
		state.rcpts_size = state.rcpts_size * 2 + 16;
		p = reallocarray(s->rcpts, state.rcpts_size, sizeof(*p));
		if (p == NULL) {
			perror("sendmail");
			return (-1);
		}
		s->rcpts = p;
	}
	if ((s->rcpts[s->nrcpts] = strndup(address, len)) == NULL) {
		perror("sendmail");
		return (-1);
	}
	s->nrcpts++;
	return (0);
}

/* An argument may be a list. */
static int
add_argument(const char *list)
{
	struct span	 span;
	const char	*p = list;
	int		 r;

	while ((r = span_next(&p, &span)) == 1) {
		if (add_rcpt(NULL, span.start, span.len) == -1)
			return (EX_OSERR);
	}
	if (r == -1) {
		fprintf(stderr, "sendmail: %s: no valid address\n", list);
		return (EX_DATAERR);
	}
	return (EX_OK);
}

/* A bad octet would end a command early; the rest is the daemon's to judge. */
static int
rcpts_clean(void)
{
	const struct submission	*s = &state.submission;
	const char		*p;

	for (size_t i = 0; i < s->nrcpts; i++) {
		for (p = s->rcpts[i]; *p != '\0'; p++) {
			if (iscntrl((unsigned char)*p)) {
				fprintf(stderr, "sendmail: a recipient has a "
				    "control character\n");
				return (EX_DATAERR);
			}
		}
	}
	for (p = state.sender; *p != '\0'; p++) {
		if (iscntrl((unsigned char)*p)) {
			fprintf(stderr, "sendmail: the sender has a control "
			    "character\n");
			return (EX_DATAERR);
		}
	}
	return (EX_OK);
}

/* The invoking user: by uid, for the environment can say anything. */
static int
sender_default(void)
{
	const struct passwd	*pw;
	size_t			 len;

	if ((pw = getpwuid(getuid())) == NULL) {
		if (state.submission.sender != NULL)
			return (EX_OK);
		fprintf(stderr, "sendmail: uid %u has no name; use -f\n",
		    (unsigned)getuid());
		return (EX_NOUSER);
	}
	if (state.submission.sender == NULL) {
		strlcpy(state.sender, pw->pw_name, sizeof(state.sender));
		state.submission.sender = state.sender;
		/* the account's full name is of no other sender */
		len = strcspn(pw->pw_gecos, ",");
		if (state.name[0] == '\0' && len < sizeof(state.name) &&
		    memchr(pw->pw_gecos, '&', len) == NULL) {
			memcpy(state.name, pw->pw_gecos, len);
			state.name[len] = '\0';
		}
	}
	return (EX_OK);
}

/* -q: due now.  An interval is a daemon's, which has its own. */
static int
flush(void)
{
	static const struct ctl_answer	 quiet = { .row = NULL };
	const char	*words[] = { "schedule", "all" };
	const char	*socket = ctl_socket_path(CONTROL_SOCKET);

	if (isdigit((unsigned char)state.flush[0]))
		return (EX_OK);
	if (state.flush[0] == 'I' && state.flush[1] != '\0')
		words[1] = state.flush + 1;
	return (ctl_ask(socket, words, 2, &quiet, 0) == -1 ? EX_UNAVAILABLE :
	    EX_OK);
}

static int
send_letter(void)
{
	struct submission	*s = &state.submission;
	struct letter		*l;
	int			 status;

	if (s->nrcpts == 0 && !state.from_header) {
		fprintf(stderr, "sendmail: recipient names must be "
		    "specified\n");
		return (EX_USAGE);
	}
	l = letter_read(stdin, !state.ignore_dot, &status);
	if (l == NULL)
		return (status);
	if (state.from_header &&
	    letter_recipients(l, add_rcpt, NULL) == -1)
		status = EX_DATAERR;
	else if (s->nrcpts == 0) {
		fprintf(stderr, "sendmail: the message names no recipient\n");
		status = EX_USAGE;
	} else
		status = rcpts_clean();
	if (status == EX_OK) {
		s->name = state.name;
		s->eightbit |= letter_eightbit(l);
		status = submit_letter(s, l);
	}
	letter_free(l);
	return (status);
}

int
sendmail_main(int argc, char **argv)
{
	static char	 name[] = "mailq";
	char		*other[] = { name, NULL };
	int		 c, status;

	(void)signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, FLAGS)) != -1) {
		if (flag(c, optarg) == -1)
			return (EX_USAGE);
	}
	argc -= optind;
	argv += optind;
	optind = 1;
	switch (state.mode) {
	case MODE_SMTP:
		return (submit_splice());
	case MODE_MAILQ:
		return (mailq_main(1, other));
	case MODE_NEWALIASES:
		return (newaliases_main(1, other));
	case MODE_FLUSH:
		return (flush());
	case MODE_SEND:
		break;
	}
	for (; argc > 0; argc--, argv++) {
		if ((status = add_argument(*argv)) != EX_OK)
			return (status);
	}
	if ((status = sender_default()) != EX_OK)
		return (status);
	return (send_letter());
}
