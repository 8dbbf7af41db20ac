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
 * Ids, durations, sizes, dates, base64, xtext: text that crosses the network,
 * the spool or an administrator's terminal.  Every role calls it.  It must
 * never take half of a text for the whole: what is left over is an error.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lib/text.h"

#define ID_DIGITS	16

#define TEXTS		8		/* static results, used in turn */
#define TEXT_SIZE	96

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789ABCDEF";

static const struct unit {
	char		 letter;
	int64_t		 seconds;
} units[] = {
	{ 'w', 7 * 24 * 60 * 60 },
	{ 'd', 24 * 60 * 60 },
	{ 'h', 60 * 60 },
	{ 'm', 60 },
	{ 's', 1 }
};
#define NUNITS	(sizeof(units) / sizeof(units[0]))

static char	*next_text(void);
static int	 digits(const char **, int64_t *);
static int	 hex_digit(char);
static int	 base64_digit(char);

static char *
next_text(void)
{
	static char texts[TEXTS][TEXT_SIZE];
	static unsigned int turn;

	return (texts[turn++ % TEXTS]);
}

/* The digits at *s as a number, *s after them; -1: none, or too many. */
static int
digits(const char **s, int64_t *number)
{
	const char *p = *s;
	int64_t n = 0;

	if (!isdigit((unsigned char)*p))
		return (-1);
	for (; isdigit((unsigned char)*p); p++) {
		if (n > (INT64_MAX - 9) / 10)
			return (-1);
		n = n * 10 + (*p - '0');
	}
	*s = p;
	*number = n;
	return (0);
}

int
id_parse(const char *s, uint64_t *id)
{
	uint64_t n = 0;
	int i;

	/* lower case only: an id is a file name below large/ as well */
	for (i = 0; i < ID_DIGITS; i++) {
		if (isdigit((unsigned char)s[i]))
			n = n << 4 | (uint64_t)(s[i] - '0');
		else if (s[i] >= 'a' && s[i] <= 'f')
			n = n << 4 | (uint64_t)(s[i] - 'a' + 10);
		else
			return (-1);
	}
	if (s[i] != '\0')
		return (-1);
	*id = n;
	return (0);
}

int
id_parse_rcpt(const char *s, uint64_t *id, uint32_t *rcpt)
{
	char text[ID_DIGITS + 1];
	const char *p;
	int64_t n;

	if (strnlen(s, ID_DIGITS + 1) <= ID_DIGITS || s[ID_DIGITS] != '.')
		return (-1);
	memcpy(text, s, ID_DIGITS);
	text[ID_DIGITS] = '\0';
	p = s + ID_DIGITS + 1;
	if (digits(&p, &n) == -1 || *p != '\0' || n < 1 || n > UINT32_MAX)
		return (-1);
	if (id_parse(text, id) == -1)
		return (-1);
	*rcpt = n;
	return (0);
}

const char *
id_text(uint64_t id)
{
	char *text = next_text();

	snprintf(text, TEXT_SIZE, "%016" PRIx64, id);
	return (text);
}

int
duration_parse(const char *s, int64_t *seconds)
{
	int64_t total = 0, n;
	size_t i, last = 0;

	if (digits(&s, &n) == -1)
		return (-1);
	for (;;) {
		/* each unit once, the longer before the shorter */
		for (i = last; i < NUNITS; i++)
			if (units[i].letter == *s)
				break;
		if (i == NUNITS || n > (INT64_MAX - total) / units[i].seconds)
			return (-1);
		total += n * units[i].seconds;
		last = i + 1;
		if (*++s == '\0')
			break;
		if (digits(&s, &n) == -1)
			return (-1);
	}
	*seconds = total;
	return (0);
}

const char *
duration_error(const char *s)
{
	size_t len = strlen(s);

	if (len > 0 && isdigit((unsigned char)s[len - 1]))
		return ("has no unit: a time is such as 60s, 5m, 4h or 4d");
	return ("is not a time such as 60s, 5m, 4h or 4d");
}

const char *
duration_text(uint64_t seconds)
{
	char *text = next_text();
	uint64_t n;
	size_t i, len = 0, parts = 0;

	text[0] = '\0';
	/* two units tell enough; weeks are for reading only */
	for (i = 1; i < NUNITS && parts < 2; i++) {
		n = seconds / units[i].seconds;
		if (parts > 0)
			parts++;
		if (n == 0)
			continue;
		if (parts == 0)
			parts++;
		len += snprintf(text + len, TEXT_SIZE - len, "%" PRIu64 "%c",
		    n, units[i].letter);
		seconds %= units[i].seconds;
	}
	return (len == 0 ? "0s" : text);
}

int
size_parse(const char *s, int64_t *octets)
{
	int64_t n;
	int shift;

	if (digits(&s, &n) == -1)
		return (-1);
	switch (toupper((unsigned char)*s)) {
	case '\0':
		*octets = n;
		return (0);
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	case 'T':
		shift = 40;
		break;
	default:
		return (-1);
	}
	if (s[1] != '\0' || n > INT64_MAX >> shift)
		return (-1);
	*octets = n << shift;
	return (0);
}

char *
text_copy(const char *text)
{
	char	*copy;

	if (text == NULL)
		return (NULL);
	if ((copy = strdup(text)) == NULL)
		fatal("strdup");
	return (copy);
}

/*
 * RFC 5322 3.3.  Not by strftime(3) or localtime(3), which look at the zone's
 * file anew: a role in its chroot has none and would fall back to UTC.
 */
const char *
date_text(int64_t seconds)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char *text = next_text();
	time_t t = seconds;
	struct tm tm;
	long zone;

	if (localtime_r(&t, &tm) == NULL)
		return ("Thu, 01 Jan 1970 00:00:00 +0000");
	zone = labs(tm.tm_gmtoff) / 60;
	snprintf(text, TEXT_SIZE,
	    "%.3s, %02d %.3s %04d %02d:%02d:%02d %c%02ld%02ld",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    tm.tm_gmtoff < 0 ? '-' : '+', zone / 60, zone % 60);
	return (text);
}

int
base64_encode(const void *data, size_t len, char *dst, size_t size)
{
	const uint8_t *src = data;
	size_t n = 0;
	uint32_t v;

	if (size == 0 || len > (size - 1) / 4 * 3)
		return (-1);
	for (; len >= 3; len -= 3, src += 3) {
		v = (uint32_t)src[0] << 16 | (uint32_t)src[1] << 8 | src[2];
		dst[n++] = base64_digits[v >> 18];
		dst[n++] = base64_digits[v >> 12 & 63];
		dst[n++] = base64_digits[v >> 6 & 63];
		dst[n++] = base64_digits[v & 63];
	}
	if (len > 0) {
		v = (uint32_t)src[0] << 16;
		if (len == 2)
			v |= (uint32_t)src[1] << 8;
		dst[n++] = base64_digits[v >> 18];
		dst[n++] = base64_digits[v >> 12 & 63];
		dst[n++] = len == 2 ? base64_digits[v >> 6 & 63] : '=';
		dst[n++] = '=';
	}
	dst[n] = '\0';
	return (n);
}

static int
base64_digit(char c)
{
	const char *p;

	if (c == '\0' || (p = strchr(base64_digits, c)) == NULL)
		return (-1);
	return (p - base64_digits);
}

/* RFC 4648 4: whole groups with their padding, and no stray bits. */
int
base64_decode(const char *src, void *data, size_t size)
{
	uint8_t *dst = data;
	size_t n = 0, len = strlen(src), pad = 0, i, j;
	uint32_t v;
	int digit;

	if (len % 4 != 0)
		return (-1);
	if (len > 0 && src[len - 1] == '=')
		pad = src[len - 2] == '=' ? 2 : 1;
	if (len / 4 * 3 - pad > size)
		return (-1);
	for (i = 0; i < len; i += 4) {
		for (v = 0, j = 0; j < 4; j++) {
			digit = 0;
			if (i + j < len - pad &&
			    (digit = base64_digit(src[i + j])) == -1)
				return (-1);
			v = v << 6 | (uint32_t)digit;
		}
		dst[n++] = v >> 16;
		if (i + 4 < len || pad < 2)
			dst[n++] = v >> 8;
		else if ((v & 0xffff) != 0)
			return (-1);
		if (i + 4 < len || pad < 1)
			dst[n++] = v;
		else if ((v & 0xff) != 0)
			return (-1);
	}
	return (n);
}

/* RFC 3461 4: upper case only. */
static int
hex_digit(char c)
{
	const char *p;

	if (c == '\0' || (p = strchr(hex_digits, c)) == NULL)
		return (-1);
	return (p - hex_digits);
}

int
xtext_encode(const char *src, char *dst, size_t size)
{
	unsigned char c;
	size_t n = 0;

	for (; (c = *src) != '\0'; src++) {
		if (c > ' ' && c < 0x7f && c != '+' && c != '=') {
			if (n + 1 >= size)
				return (-1);
			dst[n++] = c;
			continue;
		}
		if (n + 3 >= size)
			return (-1);
		dst[n++] = '+';
		dst[n++] = hex_digits[c >> 4];
		dst[n++] = hex_digits[c & 15];
	}
	if (n >= size)
		return (-1);
	dst[n] = '\0';
	return (0);
}

int
xtext_decode(const char *src, char *dst, size_t size)
{
	size_t n = 0;
	int c, high, low;

	for (; (c = (unsigned char)*src) != '\0'; src++) {
		if (c <= ' ' || c >= 0x7f || c == '=')
			return (-1);
		if (c == '+') {
			if ((high = hex_digit(src[1])) == -1 ||
			    (low = hex_digit(src[2])) == -1)
				return (-1);
			/* a NUL would hide what follows it */
			if ((c = high << 4 | low) == 0)
				return (-1);
			src += 2;
		}
		if (n + 1 >= size)
			return (-1);
		dst[n++] = c;
	}
	if (n >= size)
		return (-1);
	dst[n] = '\0';
	return (0);
}
