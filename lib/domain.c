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
 * The one form of a mail domain, and what configuration and commands may say
 * where they mean addresses or domains.  Called wherever a domain enters, so
 * that all others may compare octets.  Pure: neither resolver nor locale.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <ctype.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/address.h"

#define LABEL_MAX	63		/* RFC 1035 2.3.4 */
#define NAME_MAX_TEXT	253		/* what fits 255 octets on the wire */

static int	 is_ascii(const char *);
static int	 ascii_form(const char *, char *);
static int	 literal_form(const char *, char *);
static int	 unicode_form(const char *, char *);

static int
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return (0);
	return (1);
}

/* An ASCII name: what is no label of a host is refused, nothing is mapped. */
static int
ascii_form(const char *s, char *domain)
{
	size_t i, label = 0, len = strlen(s);
	int number = 1;			/* the label so far */

	if (len > 0 && s[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_TEXT)
		return (-1);
	for (i = 0; i <= len; i++) {
		if (i < len && s[i] != '.') {
			if (!isalnum((unsigned char)s[i]) && s[i] != '-' &&
			    s[i] != '_')
				return (-1);
			if (!isdigit((unsigned char)s[i]))
				number = 0;
			domain[i] = (char)tolower((unsigned char)s[i]);
			continue;
		}
		if (i == label || i - label > LABEL_MAX ||
		    s[label] == '-' || s[i - 1] == '-')
			return (-1);
		/* a name that ends like this is an address, or a mistake */
		if (i == len && number)
			return (-1);
		domain[i] = '.';
		label = i + 1;
		number = 1;
	}
	domain[len] = '\0';
	return (0);
}

/* RFC 5321 4.1.3, without the general form, which nobody has defined. */
static int
literal_form(const char *s, char *domain)
{
	struct sockaddr_storage ss;
	int tagged;

	tagged = strncasecmp(s + 1, "IPv6:", 5) == 0;
	if (s[strlen(s) - 1] != ']' || sockaddr_parse(s, &ss) == -1 ||
	    tagged != (ss.ss_family == AF_INET6))
		return (-1);
	sockaddr_unmap((struct sockaddr *)&ss);
	strlcpy(domain, sockaddr_literal((struct sockaddr *)&ss), DOMAIN_MAX);
	return (0);
}

/*
 * A name with U-labels.  Only those pass libidn2: it refuses ASCII labels that
 * DNS has, such as "ab--cd", and the A-labels of emoji.
 */
static int
unicode_form(const char *s, char *domain)
{
	char ascii[DOMAIN_MAX + 1], label[ADDRESS_MAX], *form;
	size_t len, used = 0;
	int n;

	for (;; s += len + 1) {
		len = strcspn(s, ".");
		if ((size_t)snprintf(label, sizeof(label), "%.*s", (int)len,
		    s) >= sizeof(label))
			return (-1);
		form = NULL;
		if (!is_ascii(label) &&
		    idn2_lookup_u8((const uint8_t *)label, (uint8_t **)&form,
		    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			return (-1);
		n = snprintf(ascii + used, sizeof(ascii) - used, "%s%s",
		    form == NULL ? label : form, s[len] == '.' ? "." : "");
		if (form != NULL)
			idn2_free(form);
		if (n < 0 || (size_t)n >= sizeof(ascii) - used)
			return (-1);
		used += (size_t)n;
		if (s[len] == '\0')
			return (ascii_form(ascii, domain));
	}
}

int
domain_canonical(const char *s, char *domain)
{
	if (s[0] == '[')
		return (literal_form(s, domain));
	if (is_ascii(s))
		return (ascii_form(s, domain));
	return (unicode_form(s, domain));
}

int
domain_valid(const char *s)
{
	char domain[DOMAIN_MAX];

	return (strchr(s, '_') == NULL && ascii_form(s, domain) == 0 &&
	    strcasecmp(s, domain) == 0);
}

int
domain_match(const char *pattern, const char *domain)
{
	size_t plen, dlen;

	if (pattern[0] != '*' || pattern[1] != '.')
		return (strcasecmp(pattern, domain) == 0);
	/* the suffix with its dot, and something before it */
	pattern++;
	plen = strlen(pattern);
	dlen = strlen(domain);
	return (dlen > plen &&
	    strcasecmp(domain + dlen - plen, pattern) == 0);
}

int
pattern_canonical(const char *s, char *form)
{
	size_t len = 0;
	int kind = PATTERN_DOMAIN;

	if (strcmp(s, "*") == 0 || strcmp(s, "<>") == 0) {
		strlcpy(form, s, ADDRESS_MAX);
		return (s[0] == '*' ? PATTERN_ANY : PATTERN_NULL);
	}
	if (s[0] != '@' && address_domain(s)[0] != '\0') {
		/* a star is legal there, but who writes one means a pattern */
		if (s[0] != '"' && memchr(s, '*', address_local_len(s)) != NULL)
			return (0);
		return (address_canonical(s, form) == 0 ? PATTERN_ADDRESS : 0);
	}
	if (s[0] == '@') {
		kind = PATTERN_AT;
		len = 1;
	}
	if (strncmp(s + len, "*.", 2) == 0) {
		kind = kind == PATTERN_AT ? PATTERN_AT_BELOW : PATTERN_BELOW;
		len += 2;
	}
	memcpy(form, s, len);
	return (domain_canonical(s + len, form + len) == 0 ? kind : 0);
}
