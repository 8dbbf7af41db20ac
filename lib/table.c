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
 * Tables of the configuration.  A key is hashed without case; one that is a
 * network is hashed a second time by its masked address and length, so a
 * look-up costs one probe for each length that occurs.  Pure.
 */

#include <netinet/in.h>

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/address.h"
#include "lib/config_private.h"
#include "lib/table.h"

#define NETWORK_LEN	18	/* family, bits, address */
#define BITS_MAX	128

struct entry {
	struct entry	*next_key;	/* in the bucket */
	struct entry	*next_network;
	char		*value;		/* behind the key; NULL in a list */
	uint32_t	 hash;
	uint32_t	 network_hash;
	int		 alias;		/* of another: not as written */
	uint8_t		 network[NETWORK_LEN];	/* family 0: none */
	char		 key[];
};

struct table {
	char		*name;
	char		*path;
	struct entry	**entries;	/* in order of definition */
	size_t		 size;
	size_t		 room;
	struct entry	**keys;		/* nbuckets, a power of two, each */
	struct entry	**networks;
	size_t		 nbuckets;
	/* how many networks there are of each length */
	unsigned int	 lengths[2][BITS_MAX + 1];
};

/* FNV-1a: keys are the administrator's, not a stranger's. */
static uint32_t
hash_octets(const uint8_t *p, size_t len)
{
	uint32_t	 h = 2166136261U;

	for (; len > 0; len--)
		h = (h ^ *p++) * 16777619U;
	return (h);
}

static uint32_t
hash_text(const char *p)
{
	uint32_t	 h = 2166136261U;

	for (; *p != '\0'; p++)
		h = (h ^ (uint8_t)tolower((unsigned char)*p)) * 16777619U;
	return (h);
}

struct table *
table_new(const char *name)
{
	struct table	*t;

	t = checked(calloc(1, sizeof(*t)));
	if (name != NULL)
		t->name = checked_strdup(name);
	return (t);
}

void
table_free(struct table *t)
{
	size_t	 i;

	if (t == NULL)
		return;
	for (i = 0; i < t->size; i++)
		free(t->entries[i]);
	free(t->entries);
	free(t->keys);
	free(t->networks);
	free(t->name);
	free(t->path);
	free(t);
}

const char *
table_name(const struct table *t)
{
	return (t->name);
}

const char *
table_path(const struct table *t)
{
	return (t->path);
}

void
table_set_path(struct table *t, const char *path)
{
	free(t->path);
	t->path = checked_strdup(path);
}

size_t
table_size(const struct table *t)
{
	return (t->size);
}

int
table_is_map(const struct table *t)
{
	return (t->size > 0 && t->entries[0]->value != NULL);
}

/* The first bits of the address, the rest zero: what is hashed. */
static int
network_form(const struct sockaddr *sa, int bits, uint8_t *form)
{
	size_t	 i;

	memset(form, 0, NETWORK_LEN);
	if (sa->sa_family == AF_INET) {
		form[0] = 4;
		memcpy(form + 2,
		    &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		form[0] = 6;
		memcpy(form + 2,
		    &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	} else
		return (-1);
	form[1] = bits;
	for (i = 0; i < 16; i++, bits -= 8)
		if (bits < 8)
			form[2 + i] &= bits <= 0 ? 0 : 0xff << (8 - bits);
	return (0);
}

static void
entry_link(struct table *t, struct entry *e)
{
	struct entry	**bucket;

	/* at the end of its bucket: the first one defined is found */
	bucket = &t->keys[e->hash & (t->nbuckets - 1)];
	while (*bucket != NULL)
		bucket = &(*bucket)->next_key;
	e->next_key = NULL;
	*bucket = e;
	if (e->network[0] == 0)
		return;
	bucket = &t->networks[e->network_hash & (t->nbuckets - 1)];
	while (*bucket != NULL)
		bucket = &(*bucket)->next_network;
	e->next_network = NULL;
	*bucket = e;
}

static void
table_grow(struct table *t)
{
	size_t	 i;

	t->room = t->room == 0 ? 8 : t->room * 2;
	t->entries = checked(reallocarray(t->entries, t->room,
	    sizeof(*t->entries)));
	t->nbuckets = t->room * 2;
	free(t->keys);
	free(t->networks);
	t->keys = checked(calloc(t->nbuckets, sizeof(*t->keys)));
	t->networks = checked(calloc(t->nbuckets, sizeof(*t->networks)));
	for (i = 0; i < t->size; i++)
		entry_link(t, t->entries[i]);
}

static struct entry *
find(const struct table *t, const char *key, int with_case)
{
	struct entry	*e;
	uint32_t	 hash;

	if (t->size == 0)
		return (NULL);
	hash = hash_text(key);
	for (e = t->keys[hash & (t->nbuckets - 1)]; e != NULL; e = e->next_key)
		if (e->hash == hash && (with_case ? strcmp(e->key, key) :
		    strcasecmp(e->key, key)) == 0)
			return (e);
	return (NULL);
}

int
table_add(struct table *t, const char *key, const char *value)
{
	struct entry	*e;
	struct cidr	 cidr;
	size_t		 klen, vlen;

	if (find(t, key, 1) != NULL)
		return (-1);
	if (t->size == t->room)
		table_grow(t);
	klen = strlen(key) + 1;
	vlen = value == NULL ? 0 : strlen(value) + 1;
	e = checked(calloc(1, sizeof(*e) + klen + vlen));
	memcpy(e->key, key, klen);
	if (value != NULL)
		e->value = memcpy(e->key + klen, value, vlen);
	e->hash = hash_text(key);
	if ((isxdigit((unsigned char)key[0]) || key[0] == ':' ||
	    key[0] == '[') && cidr_parse(key, &cidr) == 0 &&
	    network_form((struct sockaddr *)&cidr.addr, cidr.bits,
	    e->network) == 0) {
		e->network_hash = hash_octets(e->network, NETWORK_LEN);
		t->lengths[e->network[0] == 6][cidr.bits]++;
	}
	t->entries[t->size++] = e;
	entry_link(t, e);
	return (0);
}

static int
is_network(const char *text, size_t len)
{
	struct cidr	 cidr;
	char		 word[64];

	if (len >= sizeof(word))
		return (0);
	memcpy(word, text, len);
	word[len] = '\0';
	return (cidr_parse(word, &cidr) == 0);
}

/* To the first blank or colon; but an address holds colons of its own. */
static size_t
key_len(const char *line)
{
	size_t	 len = strcspn(line, " \t");

	if (is_network(line, len))
		return (len);
	if (line[len - 1] == ':' && is_network(line, len - 1))
		return (len - 1);
	return (strcspn(line + 1, ": \t") + 1);
}

/* "key value", "key: value", "key:value", "key : value". */
static void
split_line(char *line, char **key, char **value)
{
	char	*end = line + key_len(line);
	char	*rest = end + strspn(end, " \t");

	if (*rest == ':')
		rest++;
	*key = line;
	*value = rest + strspn(rest, " \t");
	*end = '\0';
}

/* One line of a file; *whole: it is a list of whole lines. */
static int
parse_line(struct table *t, char *line, int *whole, const char **error)
{
	char	*key, *value;
	size_t	 len;

	line += strspn(line, " \t");
	len = strlen(line);
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		line[--len] = '\0';
	/* not seen by who reads it, and then no key is the one it seems */
	if (strncmp(line, "\xef\xbb\xbf", 3) == 0) {
		*error = "a byte order mark: save it as UTF-8 without one";
		return (-1);
	}
	if (line[0] == '#') {
		if (strcmp(line + 1 + strspn(line + 1, " \t"), "@list") == 0)
			*whole = 1;
		return (0);
	}
	if (len == 0)
		return (0);
	if (*whole) {
		key = line;
		value = line + len;
	} else
		split_line(line, &key, &value);
	if (t->size > 0 && table_is_map(t) != (*value != '\0')) {
		*error = table_is_map(t) ? "key without a value" :
		    "value in a list";
		return (-1);
	}
	if (table_add(t, key, *value == '\0' ? NULL : value) == -1) {
		*error = "key is there twice";
		return (-1);
	}
	return (0);
}

int
table_parse(struct table *t, const char *text, int *line, const char **error)
{
	char	*copy, *p, *next;
	int	 r = 0, whole = 0;

	copy = checked_strdup(text);
	*line = 0;
	for (p = copy; p != NULL && r == 0; p = next) {
		if ((next = strchr(p, '\n')) != NULL)
			*next++ = '\0';
		(*line)++;
		r = parse_line(t, p, &whole, error);
	}
	/* it may hold passwords */
	freezero(copy, strlen(text) + 1);
	return (r);
}

static const char *
value_of(const struct entry *e)
{
	if (e == NULL)
		return (NULL);
	return (e->value == NULL ? "" : e->value);
}

const char *
table_get(const struct table *t, const char *key)
{
	return (value_of(find(t, key, 0)));
}

const char *
table_get_case(const struct table *t, const char *key)
{
	return (value_of(find(t, key, 1)));
}

const char *
table_get_domain(const struct table *t, const char *domain)
{
	char		 pattern[DOMAIN_MAX + 2];
	struct entry	*e;
	const char	*dot;

	if ((e = find(t, domain, 0)) != NULL)
		return (value_of(e));
	for (dot = strchr(domain, '.'); dot != NULL;
	    dot = strchr(dot + 1, '.')) {
		if ((size_t)snprintf(pattern, sizeof(pattern), "*%s", dot) >=
		    sizeof(pattern))
			continue;
		if ((e = find(t, pattern, 0)) != NULL)
			return (value_of(e));
	}
	return (NULL);
}

const char *
table_get_mail(const struct table *t, const char *address)
{
	struct entry	*e;
	char		 at[DOMAIN_MAX + 2];
	const char	*domain;

	if (address[0] == '\0')
		address = "<>";
	if ((e = find(t, address, 0)) != NULL)
		return (value_of(e));
	domain = address_domain(address);
	if (domain[0] == '\0' ||
	    (size_t)snprintf(at, sizeof(at), "@%s", domain) >= sizeof(at))
		return (NULL);
	if ((e = find(t, at, 0)) == NULL)
		e = find(t, domain, 0);
	return (value_of(e));
}

static struct entry *
find_network(const struct table *t, const uint8_t *form)
{
	struct entry	*e;
	uint32_t	 hash;

	hash = hash_octets(form, NETWORK_LEN);
	for (e = t->networks[hash & (t->nbuckets - 1)]; e != NULL;
	    e = e->next_network)
		if (memcmp(e->network, form, NETWORK_LEN) == 0)
			return (e);
	return (NULL);
}

const char *
table_get_addr(const struct table *t, const struct sockaddr *sa)
{
	struct entry	*e;
	uint8_t		 form[NETWORK_LEN];
	int		 bits, six;

	if (t->size == 0 ||
	    (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return (NULL);
	six = sa->sa_family == AF_INET6;
	for (bits = six ? 128 : 32; bits >= 0; bits--) {
		if (t->lengths[six][bits] == 0)
			continue;
		network_form(sa, bits, form);
		if ((e = find_network(t, form)) != NULL)
			return (value_of(e));
	}
	return (NULL);
}

int
table_alias(struct table *t, const char *key, const char *form)
{
	struct entry	*e = find(t, key, 1), *old;

	if (e == NULL || strcasecmp(key, form) == 0)
		return (0);
	if ((old = find(t, form, 0)) != NULL)
		return (strcmp(value_of(e), value_of(old)) == 0 ? 0 : -1);
	if (table_add(t, form, e->value) == 0)
		t->entries[t->size - 1]->alias = 1;
	return (0);
}

int
table_each(const struct table *t, size_t *next, const char **key,
    const char **value)
{
	const struct entry	*e;

	while (*next < t->size && t->entries[*next]->alias)
		(*next)++;
	if (*next >= t->size)
		return (0);
	e = t->entries[(*next)++];
	*key = e->key;
	if (value != NULL)
		*value = value_of(e);
	return (1);
}
