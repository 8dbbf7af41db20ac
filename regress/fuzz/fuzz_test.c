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
 * Mangled input for the pure parsers: what strangers, files and name servers
 * can send.  Build it with the sanitizers; a fault of any kind stops it.  The
 * same -s gives the same inputs again.
 *
 *	fuzz_test [-n rounds] [-s seed] [configuration ...]
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/address.h"
#include "lib/config.h"
#include "lib/control.h"
#include "lib/envelope.h"
#include "mta/mta.h"
#include "smtpd/data.h"
#include "smtpd/syntax.h"

#define INPUT	65536

struct target {
	const char	*name;
	void		(*run)(char *, size_t);
	const char	*seeds[6];
};

static struct {
	uint64_t	 random;
	long		 rounds;
	char		*files[200];
	size_t		 nfiles;
	char		 input[INPUT + 1];
	size_t		 len;
} fuzz;

/* xorshift: the same everywhere, unlike random(3) */
static uint32_t
pick(uint32_t below)
{
	fuzz.random ^= fuzz.random << 13;
	fuzz.random ^= fuzz.random >> 7;
	fuzz.random ^= fuzz.random << 17;
	return ((fuzz.random >> 16) % below);
}

static void
run_config(char *text, size_t len)
{
	struct bundle bundle = TAILQ_HEAD_INITIALIZER(bundle);
	struct config *conf;
	const char *error;

	if (bundle_append(&bundle, "conf", text, len) == 0 &&
	    (conf = config_from_bundle(&bundle, &error)) != NULL)
		config_free(conf);
	bundle_free(&bundle);
}

static void
run_envelope(char *text, size_t len)
{
	struct envelope *e, *again;
	char *written;

	if ((e = envelope_parse(text, len)) == NULL)
		return;
	if ((written = envelope_write(e, &len)) != NULL) {
		if ((again = envelope_parse(written, len)) == NULL)
			errx(1, "not read back: %s", written);
		envelope_free(again);
		free(written);
	}
	envelope_free(e);
}

static void
run_control(char *text, size_t len)
{
	char *words[CONTROL_WORDS];

	(void)control_split(text, words);
}

static void
run_syntax(char *text, size_t len)
{
	struct mail_command mail;
	struct rcpt_command rcpt;
	char verb[SYNTAX_VERB];
	const char *args;

	text[syntax_trim(text, strlen(text))] = '\0';
	args = syntax_verb(text, verb);
	if (syntax_mail(args, &mail) == NULL && *mail.sender != '\0' &&
	    !syntax_unqualified(mail.sender) &&
	    !address_valid(mail.sender, 1))
		errx(1, "taken as a sender: %s", mail.sender);
	(void)syntax_rcpt(args, 1, &rcpt);
	(void)syntax_helo(args);
}

static void
run_address(char *text, size_t len)
{
	struct sockaddr_storage ss;
	struct cidr cidr;

	if (address_valid(text, pick(2)))
		(void)address_domain(text);
	(void)domain_valid(text);
	(void)domain_match("*.example.com", text);
	(void)sockaddr_parse(text, &ss);
	(void)cidr_parse(text, &cidr);
}

static void
run_data(char *text, size_t len)
{
	static char out[INPUT + DATA_EXTRA];
	struct data data;
	const char *in = text;
	enum data_status status = DATA_MORE;
	size_t piece, rest, n;

	data_init(&data, 20000);
	while (len > 0 && status != DATA_END) {
		piece = 1 + pick(len);
		for (rest = piece; rest > 0 && status != DATA_END;)
			status = data_decode(&data, &in, &rest, out, &n);
		len -= piece - rest;
	}
}

static void
run_dns(char *text, size_t len)
{
	static const uint16_t types[] = { 1, 15, 28, 5 };
	struct dns_answer answer;

	if (dns_parse((uint8_t *)text, len, "example.org", types[pick(4)],
	    &answer) == 0)
		dns_clear(&answer);
}

static void
run_reply(char *text, size_t len)
{
	struct reply reply;
	ssize_t n;

	reply_start(&reply);
	while (len > 0 && (n = reply_parse(&reply, text, len)) > 0) {
		text += n;
		len -= n;
	}
	(void)reply_keyword(&reply, "SIZE", NULL, NULL);
}

static const struct target targets[] = {
	{ "config", run_config, { "binding \"a\" { bind-address 192.0.2.1 }\n"
	    "table t { \"a\" = \"b\" }\nbind by auth <t>\n" } },
	{ "envelope", run_envelope, { "" } },
	{ "control", run_control, { "show queue binding acme",
	    "suspend binding a reason a\\sb\\040c" } },
	{ "syntax", run_syntax, { "MAIL FROM:<a@example.org> SIZE=1 BODY=7BIT",
	    "RCPT TO:<\"a b\"@example.org> NOTIFY=NEVER ORCPT=rfc822;a+40b",
	    "MAIL FROM:<> RET=HDRS ENVID=a+2Bb", "RCPT TO:<@a,@b:c@d>" } },
	{ "address", run_address, { "a@example.org", "192.0.2.0/24",
	    "[2001:db8::1]:25", "\"a\\\"b\"@[192.0.2.1]" } },
	{ "data", run_data, { "Subject: x\r\nReceived: y\r\n\r\n..\r\nz\r\n.\r\n"
	    } },
	{ "reply", run_reply, { "250-x\r\n250-SIZE 1\r\n250 PIPELINING\r\n",
	    "421 4.3.0 no\r\n", "250\r\n" } },
	{ "dns", run_dns, { NULL } },
};

/* A whole answer: one question, one MX, one address. */
static const char dns_seed[] =
    "\0\1\201\200\0\1\0\1\0\0\0\1\7example\3org\0\0\17\0\1"
    "\300\14\0\17\0\1\0\0\1\54\0\10\0\12\3mx1\300\14"
    "\300\51\0\1\0\1\0\0\1\54\0\4\300\0\2\1";

static const struct envelope_rcpt seed_rcpt = {
	.number = 1, .address = "b@example.org", .action = "out",
	.destination = "example.org", .binding = "acme", .rule = 1
};

static void
seed_envelope(void)
{
	struct envelope_rcpt rcpt = seed_rcpt;
	struct envelope e;
	char *text;
	size_t len;

	memset(&e, 0, sizeof(e));
	e.id = 1;
	e.created = 1;
	e.sender = "a@example.org";
	e.nrcpts = 1;
	e.rcpts = &rcpt;
	if ((text = envelope_write(&e, &len)) == NULL || len > INPUT)
		errx(1, "envelope_write");
	memcpy(fuzz.input, text, len);
	fuzz.len = len;
	free(text);
}

static void
seed(const struct target *t)
{
	const char *text;
	size_t n;

	if (t->run == run_dns) {
		fuzz.len = sizeof(dns_seed) - 1;
		memcpy(fuzz.input, dns_seed, fuzz.len);
		return;
	}
	if (t->run == run_envelope) {
		seed_envelope();
		return;
	}
	if (t->run == run_config && fuzz.nfiles > 0)
		text = fuzz.files[pick(fuzz.nfiles)];
	else {
		for (n = 0; n < 6 && t->seeds[n] != NULL; n++)
			continue;
		text = t->seeds[pick(n)];
	}
	fuzz.len = strlen(text);
	memcpy(fuzz.input, text, fuzz.len);
}

static void
mangle(void)
{
	static const char nasty[] = "\r\n\0.<>@\"\\{}!=,:;[]()%/#$ \t\177\377";
	size_t at, n;

	at = fuzz.len == 0 ? 0 : pick(fuzz.len);
	n = 1 + pick(8);
	switch (pick(5)) {
	case 0:
		if (fuzz.len > 0)
			fuzz.input[at] ^= 1 << pick(8);
		break;
	case 1:
		if (fuzz.len > 0)
			fuzz.input[at] = nasty[pick(sizeof(nasty))];
		break;
	case 2:			/* take some away */
		if (n > fuzz.len - at)
			n = fuzz.len - at;
		memmove(fuzz.input + at, fuzz.input + at + n,
		    fuzz.len - at - n);
		fuzz.len -= n;
		break;
	case 3:			/* say some twice */
		if (n > fuzz.len - at || fuzz.len + n > INPUT)
			break;
		memmove(fuzz.input + at + n, fuzz.input + at, fuzz.len - at);
		fuzz.len += n;
		break;
	default:
		if (pick(4) == 0)
			fuzz.len = at;
	}
}

/*
 * In memory of exactly its length, so that reading past the end is seen.
 * The pointer is to a copy with a closing NUL for those who take strings.
 */
static void
run_target(const struct target *t)
{
	char *copy;
	long i, times;

	for (i = 0; i < fuzz.rounds; i++) {
		seed(t);
		for (times = pick(12); times > 0; times--)
			mangle();
		if ((copy = malloc(fuzz.len + 1)) == NULL)
			err(1, NULL);
		memcpy(copy, fuzz.input, fuzz.len);
		copy[fuzz.len] = '\0';
		t->run(copy, fuzz.len);
		free(copy);
	}
}

static void
read_file(const char *path)
{
	static char text[INPUT + 1];
	FILE *f;
	size_t n;

	if (fuzz.nfiles == 200 || (f = fopen(path, "r")) == NULL)
		return;
	n = fread(text, 1, INPUT / 2, f);
	text[n] = '\0';
	fclose(f);
	if ((fuzz.files[fuzz.nfiles++] = strdup(text)) == NULL)
		err(1, NULL);
}

int
main(int argc, char **argv)
{
	size_t i;
	int ch;

	fuzz.random = 1;
	fuzz.rounds = 20000;
	while ((ch = getopt(argc, argv, "n:s:")) != -1) {
		switch (ch) {
		case 'n':
			fuzz.rounds = strtonum(optarg, 1, 1000000000, NULL);
			break;
		case 's':
			fuzz.random = strtonum(optarg, 1, INT32_MAX, NULL);
			break;
		default:
			errx(1, "usage: fuzz_test [-n rounds] [-s seed] "
			    "[configuration ...]");
		}
	}
	for (; optind < argc; optind++)
		read_file(argv[optind]);
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		printf("%s\n", targets[i].name);
		fflush(stdout);
		run_target(&targets[i]);
	}
	return (0);
}
