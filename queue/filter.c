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
 * FILTER of the control commands: which recipients are meant.  Pure.  What
 * memory holds is asked first; the envelope only where a condition needs it.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/address.h"
#include "lib/text.h"
#include "queue/client.h"
#include "queue/message.h"

static int
filter_id(struct filter *f, const char *word)
{
	if (id_parse_rcpt(word, &f->id, &f->rcpt) == -1) {
		f->rcpt = 0;
		if (id_parse(word, &f->id) == -1)
			return (-1);
	}
	f->has_id = 1;
	return (0);
}

/* The place of a condition's value, or NULL: no condition. */
static const char **
filter_value(struct filter *f, const char *word)
{
	if (strcmp(word, "binding") == 0)
		return (&f->binding);
	if (strcmp(word, "domain") == 0)
		return (&f->domain);
	if (strcmp(word, "site") == 0)
		return (&f->site);
	if (strcmp(word, "sender") == 0)
		return (&f->sender);
	if (strcmp(word, "auth") == 0)
		return (&f->auth);
	return (NULL);
}

void
filter_form(const char **value, int kinds, char *form)
{
	if (*value != NULL && (pattern_canonical(*value, form) & kinds) != 0)
		*value = form;
}

int
filter_parse(struct filter *f, char **words, int n, const char **error)
{
	const char	**value;
	int		 i;

	memset(f, 0, sizeof(*f));
	f->older = -1;
	for (i = 0; i < n; i++) {
		if (strcmp(words[i], "all") == 0) {
			f->all = 1;
			continue;
		}
		value = filter_value(f, words[i]);
		if (value == NULL && strcmp(words[i], "older") != 0) {
			if (i > 0 || filter_id(f, words[i]) == -1)
				break;
			i++;
			break;
		}
		if (i + 1 == n) {
			*error = "a condition lacks its value";
			return (-1);
		}
		/* of two the first would be forgotten without a word */
		if (value != NULL ? *value != NULL : f->older >= 0) {
			*error = "a condition is given twice";
			return (-1);
		}
		i++;
		if (value != NULL)
			*value = words[i];
		else if (duration_parse(words[i], &f->older) == -1) {
			snprintf(f->error, sizeof(f->error), "older: \"%.32s\" "
			    "%s", words[i], duration_error(words[i]));
			*error = f->error;
			return (-1);
		}
	}
	filter_form(&f->domain, PATTERN_DOMAIN | PATTERN_BELOW, f->form[0]);
	filter_form(&f->sender, PATTERN_ADDRESS | PATTERN_AT |
	    PATTERN_AT_BELOW, f->form[1]);
	if (i == 0) {
		*error = "which? [binding B] [domain D|site S] [sender S] "
		    "[auth U] [older T], an ID, or all";
		return (-1);
	}
	return (i);
}

/* "bob@example.org", "@example.org", "<>" or ""; without case, as in rules. */
static int
sender_match(const char *pattern, const char *sender)
{
	if (strcmp(pattern, "<>") == 0 || pattern[0] == '\0')
		return (sender[0] == '\0');
	if (pattern[0] == '@')
		return (domain_match(pattern + 1, address_domain(sender)));
	return (strcasecmp(pattern, sender) == 0);
}

int
filter_quick(const struct filter *f, const struct filter_subject *s)
{
	if (f->has_id && (f->id != s->id ||
	    (f->rcpt != 0 && f->rcpt != s->rcpt)))
		return (0);
	if (f->binding != NULL && strcmp(f->binding, s->binding) != 0)
		return (0);
	if (f->older >= 0 && s->age < f->older)
		return (0);
	if (f->site != NULL && (s->site == NULL ||
	    strcmp(f->site, s->site) != 0))
		return (0);
	/* a relay host is a destination too: then the address decides */
	if (f->domain != NULL && !domain_match(f->domain, s->destination) &&
	    strcasecmp(f->domain, s->destination) != 0)
		return (!f->by_lane && strstr(s->destination, "://") != NULL ?
		    2 : 0);
	if (f->sender != NULL || f->auth != NULL)
		return (2);
	return (1);
}

int
filter_match(const struct filter *f, const struct filter_subject *s)
{
	const struct envelope_rcpt	*er;
	int				 quick;

	if ((quick = filter_quick(f, s)) != 2)
		return (quick);
	if (s->envelope == NULL)
		return (0);
	if (f->sender != NULL && !sender_match(f->sender,
	    s->envelope->sender))
		return (0);
	if (f->auth != NULL && (s->envelope->auth == NULL ||
	    strcmp(f->auth, s->envelope->auth) != 0))
		return (0);
	if (f->domain == NULL || strstr(s->destination, "://") == NULL)
		return (1);
	if ((er = envelope_rcpt(s->envelope, s->rcpt)) == NULL)
		return (0);
	return (domain_match(f->domain, address_domain(er->address)) ||
	    strcasecmp(f->domain, s->destination) == 0);
}
