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
 * The grammar of SMTP command lines.  Called by command.c with lines that
 * strangers wrote; does no I/O, keeps no state, allocates nothing.  Whatever
 * it does not take is answered with the reply that it returns.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"
#include "smtpd/syntax.h"

#define SIZE_DIGITS	20		/* RFC 1870: size-value */
#define PARAM_NAME	32

/* One parameter of MAIL or RCPT; value NULL: written without "=". */
struct param {
	const char	*name;
	const char	*(*take)(const char *value, void *command);
};

const char *
syntax_verb(const char *line, char *verb)
{
	size_t	 len;

	len = strcspn(line, " \t");
	verb[0] = '\0';
	if (len > 0 && len < SYNTAX_VERB) {
		for (size_t i = 0; i < len; i++)
			verb[i] = toupper((unsigned char)line[i]);
		verb[len] = '\0';
	}
	return (line + len + strspn(line + len, " \t"));
}

size_t
syntax_trim(char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	line[len] = '\0';
	return (len);
}

int
syntax_helo(const char *name)
{
	size_t	 len = strlen(name);

	if (len == 0 || len >= DOMAIN_MAX)
		return (0);
	for (; *name != '\0'; name++) {
		if (!isalnum((unsigned char)*name) &&
		    strchr("-._:[]+/", *name) == NULL)
			return (0);
	}
	return (1);
}

int
syntax_unqualified(const char *address)
{
	return (address[0] != '\0' && address_domain(address)[0] == '\0');
}

int
syntax_qualify(char *address, size_t size, const char *domain)
{
	size_t	 len = strlen(address);
	int	 n;

	n = snprintf(address + len, size - len, "@%s", domain);
	if (n < 0 || (size_t)n >= size - len) {
		address[len] = '\0';
		return (-1);
	}
	return (0);
}

/*
 * Past a source route "@one,@two:", which RFC 5321 4.1.1.3 has us ignore;
 * NULL for one that never ends.
 */
static const char *
skip_route(const char *p)
{
	if (*p != '@')
		return (p);
	p += strcspn(p, ":> \t\"");
	return (*p == ':' ? p + 1 : NULL);
}

/* The end of the mailbox at p: the ">" outside quotes, or NULL. */
static const char *
path_end(const char *p)
{
	int	 quoted = 0;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && quoted && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '>' && !quoted)
			return (p);
	}
	return (NULL);
}

/* C0 and C1, of which UTF-8 makes two octets, and DEL. */
static int
has_control(const char *p)
{
	for (; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f ||
		    ((unsigned char)*p == 0xc2 &&
		    (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0))
			return (1);
	}
	return (0);
}

/*
 * Bring address (ADDRESS_MAX) to its one form.  NULL, or the reply: mailbox
 * for a local part that is none, domain for the rest.
 */
static const char *
take_mailbox(char *address, const char *mailbox, const char *domain)
{
	char	 whole[ADDRESS_MAX];
	int	 error;

	if (has_control(address))
		return (domain);
	if (!syntax_unqualified(address)) {
		error = address_canonical(address, whole);
		/* RFC 5321 4.5.3.1.3: a path is at most 256 octets */
		if (error == 0 && strlen(whole) + 2 > 256)
			error = -2;
		if (error == 0)
			strlcpy(address, whole, ADDRESS_MAX);
		return (error == 0 ? NULL : error == -1 ? mailbox : domain);
	}
	if (strchr(address, '@') != NULL && address[0] != '"')
		return (mailbox);
	if (strlcpy(whole, address, sizeof(whole)) >= sizeof(whole) ||
	    syntax_qualify(whole, sizeof(whole), "localhost") == -1 ||
	    !address_valid(whole, 1))
		return (mailbox);
	return (NULL);
}

int
syntax_eightbit(const char *p)
{
	for (; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			return (1);
	}
	return (0);
}

/* What is said to a path. */
struct path_replies {
	const char	*grammar;	/* a bracket is missing */
	const char	*mailbox;	/* the local part is none */
	const char	*domain;	/* the domain has no form */
};

/*
 * "<path>" at *args into address (ADDRESS_MAX), *args behind it; *eightbit:
 * it was beyond ASCII as it was written.  NULL, or what is wrong.
 */
static const char *
take_path(const char **args, char *address, int *eightbit,
    const struct path_replies *replies)
{
	const char	*p = *args, *end;
	size_t		 len;

	if (*p != '<' || (p = skip_route(p + 1)) == NULL ||
	    (end = path_end(p)) == NULL)
		return (replies->grammar);
	len = end - p;
	if (end[1] != '\0' && end[1] != ' ' && end[1] != '\t')
		return (replies->grammar);
	/* a path is at most 256 octets, RFC 5321 4.5.3.1.3 */
	if (len + 2 > 256 || len >= ADDRESS_MAX)
		return (replies->mailbox);
	/* a route leads to somebody: it is no way to write "<>" */
	if (len == 0 && p[-1] == ':')
		return (replies->mailbox);
	memcpy(address, p, len);
	address[len] = '\0';
	*args = end + 1;
	*eightbit = syntax_eightbit(address);
	return (len == 0 ? NULL : take_mailbox(address, replies->mailbox,
	    replies->domain));
}

/* "FROM:" or "TO:", then optional blanks, which many a client sends. */
static const char *
skip_keyword(const char *args, const char *keyword)
{
	size_t	 len = strlen(keyword);

	if (strncasecmp(args, keyword, len) != 0)
		return (NULL);
	args += len;
	return (args + strspn(args, " \t"));
}

static const struct param *
param_find(const struct param *params, const char *name)
{
	for (; params->name != NULL; params++) {
		if (strcasecmp(params->name, name) == 0)
			return (params);
	}
	return (NULL);
}

/* Split "NAME" or "NAME=value" in place; the value or NULL. */
static char *
param_value(char *word)
{
	char	*equals = strchr(word, '=');

	if (equals == NULL)
		return (NULL);
	*equals = '\0';
	return (equals + 1);
}

/*
 * All parameters from args on.  A keyword that comes twice is an error: which
 * of the two holds would be for the next reader to guess.
 */
static const char *
take_params(const char *args, const struct param *params, void *command)
{
	const struct param	*param;
	const char		*error;
	char			 word[PARAM_NAME + 512], *value;
	unsigned int		 seen = 0, bit;
	size_t			 len;

	for (;;) {
		args += strspn(args, " \t");
		if (*args == '\0')
			return (NULL);
		len = strcspn(args, " \t");
		if (len >= sizeof(word))
			return ("501 5.5.4 Parameter too long");
		memcpy(word, args, len);
		word[len] = '\0';
		args += len;
		value = param_value(word);
		if ((param = param_find(params, word)) == NULL)
			return ("555 5.5.4 Unknown parameter");
		bit = 1U << (param - params);
		if (seen & bit)
			return ("501 5.5.4 Parameter given twice");
		seen |= bit;
		if ((error = param->take(value, command)) != NULL)
			return (error);
	}
}

static const char *
take_size(const char *value, void *command)
{
	struct mail_command	*mail = command;
	size_t			 len;

	if (value == NULL || (len = strlen(value)) == 0 ||
	    len > SIZE_DIGITS || strspn(value, "0123456789") != len)
		return ("501 5.5.4 SIZE takes a number of octets");
	/* 20 digits may pass 2^64: strtoull then gives the largest number */
	mail->size = strtoull(value, NULL, 10);
	return (NULL);
}

static const char *
take_body(const char *value, void *command)
{
	struct mail_command	*mail = command;

	if (value != NULL && strcasecmp(value, "7BIT") == 0)
		return (NULL);
	if (value == NULL || strcasecmp(value, "8BITMIME") != 0)
		return ("501 5.5.4 BODY takes 7BIT or 8BITMIME");
	mail->eightbit = 1;
	return (NULL);
}

static const char *
take_ret(const char *value, void *command)
{
	struct mail_command	*mail = command;

	if (value != NULL && strcasecmp(value, "FULL") == 0)
		memcpy(mail->ret, "FULL", sizeof(mail->ret));
	else if (value != NULL && strcasecmp(value, "HDRS") == 0)
		memcpy(mail->ret, "HDRS", sizeof(mail->ret));
	else
		return ("501 5.5.4 RET takes FULL or HDRS");
	return (NULL);
}

/*
 * xtext (RFC 3461 4) that decodes to something printable (4.2, 4.4): a report
 * has it in a header field.
 */
static int
xtext_valid(const char *text)
{
	char	 decoded[512];
	size_t	 i;

	if (*text == '\0' || strchr(text, '=') != NULL ||
	    xtext_decode(text, decoded, sizeof(decoded)) == -1)
		return (0);
	for (i = 0; decoded[i] != '\0'; i++) {
		if (decoded[i] < ' ' || decoded[i] > '~')
			return (0);
	}
	return (1);
}

static const char *
take_envid(const char *value, void *command)
{
	struct mail_command	*mail = command;

	if (value == NULL || !xtext_valid(value) ||
	    strlcpy(mail->envid, value, sizeof(mail->envid)) >=
	    sizeof(mail->envid))
		return ("501 5.5.4 ENVID takes at most 100 octets of xtext");
	return (NULL);
}

/*
 * RFC 4954 5: who the client says has submitted it.  Mailers that log in say
 * "<>"; nobody is believed, which the RFC allows, and so it goes no further.
 */
static const char *
take_auth(const char *value, void *command)
{
	if (value == NULL ||
	    (strcmp(value, "<>") != 0 && !xtext_valid(value)))
		return ("501 5.5.4 AUTH takes an address as xtext, or <>");
	return (NULL);
}

static const char *
take_notify(const char *value, void *command)
{
	static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
	static const char	 error[] = "501 5.5.4 NOTIFY takes NEVER or "
				    "a list of SUCCESS, FAILURE, DELAY";
	struct rcpt_command	*rcpt = command;
	unsigned int		 seen = 0, i;
	size_t			 len;

	if (value == NULL)
		return (error);
	if (strcasecmp(value, "NEVER") == 0) {
		strlcpy(rcpt->notify, "NEVER", sizeof(rcpt->notify));
		return (NULL);
	}
	for (;; value += len + 1) {
		len = strcspn(value, ",");
		for (i = 0; i < 3; i++) {
			if (len == strlen(words[i]) &&
			    strncasecmp(value, words[i], len) == 0)
				break;
		}
		if (i == 3 || (seen & 1U << i))
			return (error);
		seen |= 1U << i;
		if (value[len] == '\0')
			break;
	}
	snprintf(rcpt->notify, sizeof(rcpt->notify), "%s%s%s%s%s",
	    seen & 1 ? words[0] : "", (seen & 1) && seen > 1 ? "," : "",
	    seen & 2 ? words[1] : "", (seen & 6) == 6 ? "," : "",
	    seen & 4 ? words[2] : "");
	return (NULL);
}

static const char *
take_orcpt(const char *value, void *command)
{
	static const char	 error[] = "501 5.5.4 ORCPT takes TYPE;ADDRESS "
				    "as xtext";
	struct rcpt_command	*rcpt = command;
	const char		*p;

	if (value == NULL)
		return (error);
	for (p = value; isalnum((unsigned char)*p) || *p == '-'; p++)
		continue;
	if (p == value || *p != ';' || !xtext_valid(p + 1))
		return (error);
	if (strlcpy(rcpt->orcpt, value, sizeof(rcpt->orcpt)) >=
	    sizeof(rcpt->orcpt))
		return ("501 5.5.4 ORCPT is too long");
	return (NULL);
}

static const char *
take_utf8(const char *value, void *command)
{
	struct mail_command	*mail = command;

	if (value != NULL)
		return ("501 5.5.4 SMTPUTF8 takes no value");
	mail->utf8 = 1;
	return (NULL);
}

static const struct param mail_params[] = {
	{ "SIZE",	take_size },
	{ "BODY",	take_body },
	{ "RET",	take_ret },
	{ "ENVID",	take_envid },
	{ "AUTH",	take_auth },
	{ "SMTPUTF8",	take_utf8 },
	{ NULL,		NULL }
};

static const struct param rcpt_params[] = {
	{ "NOTIFY",	take_notify },
	{ "ORCPT",	take_orcpt },
	{ NULL,		NULL }
};

/* RFC 6531 3.5 */
static const char	 need_utf8[] =
    "553 5.6.7 An address beyond ASCII needs SMTPUTF8 with MAIL";

const char *
syntax_mail(const char *args, struct mail_command *mail)
{
	static const struct path_replies	 replies = {
		"501 5.5.4 Syntax: MAIL FROM:<address>",
		"501 5.1.7 This is no valid sender address",
		"553 5.1.7 The sender's domain is no valid name"
	};
	const char	*error;
	int		 eightbit;

	memset(mail, 0, sizeof(*mail));
	if ((args = skip_keyword(args, "FROM:")) == NULL)
		return ("501 5.5.4 Syntax: MAIL FROM:<address>");
	error = take_path(&args, mail->sender, &eightbit, &replies);
	if (error != NULL ||
	    (error = take_params(args, mail_params, mail)) != NULL)
		return (error);
	if (!mail->utf8 && eightbit)
		return (need_utf8);
	return (NULL);
}

const char *
syntax_rcpt(const char *args, int utf8, struct rcpt_command *rcpt)
{
	static const struct path_replies	 replies = {
		"501 5.5.4 Syntax: RCPT TO:<address>",
		"501 5.1.3 This is no valid recipient address",
		"553 5.1.2 The recipient's domain is no valid name"
	};
	const char	*error;
	int		 eightbit;

	memset(rcpt, 0, sizeof(*rcpt));
	if ((args = skip_keyword(args, "TO:")) == NULL)
		return ("501 5.5.4 Syntax: RCPT TO:<address>");
	error = take_path(&args, rcpt->address, &eightbit, &replies);
	if (error != NULL)
		return (error);
	if (rcpt->address[0] == '\0')
		return ("501 5.1.3 A recipient cannot be empty");
	if (!utf8 && eightbit)
		return (need_utf8);
	return (take_params(args, rcpt_params, rcpt));
}

const char *
syntax_bdat(const char *args, uint64_t *octets, int *last)
{
	static const char	 error[] = "501 5.5.4 Syntax: BDAT octets "
				    "[LAST]";
	size_t			 len;

	len = strspn(args, "0123456789");
	if (len == 0 || len >= SIZE_DIGITS)
		return (error);
	*octets = strtoull(args, NULL, 10);
	args += len;
	len = strspn(args, " \t");
	*last = strcasecmp(args + len, "LAST") == 0;
	if (args[len] != '\0' && (len == 0 || !*last))
		return (error);
	return (NULL);
}
