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
 * What parse.y and lib/config*.c share: reports, names, and the functions
 * that write down what the grammar found.  For those files only.
 */

#ifndef LIB_CONFIG_PRIVATE_H
#define LIB_CONFIG_PRIVATE_H

#include "lib/config.h"

/* Where errors go, and how many there were. */
struct reporter {
	const struct config_io *io;
	int		 errors;
};

void	 report_error(struct reporter *, const struct origin *,
	    const char *, ...) __attribute__((format(printf, 3, 4)));
void	 report_warning(struct reporter *, const struct origin *,
	    const char *, ...) __attribute__((format(printf, 3, 4)));

/* Why struct config_io's load gave nothing, from errno. */
const char *load_error(void);

/* x, or the end for want of memory. */
void	*checked(void *x);
char	*checked_strdup(const char *);

/* *name in its one form, where it is of those kinds; else 0. */
int	 name_canonical(char **name, int kinds);
/* Keys of table, for what: each of those kinds, and found by its one form. */
void	 check_keys(struct reporter *, const struct origin *, const char *what,
	    struct table *, int kinds);

/* For an error: the table's name, or "{ }" for one without. */
const char *table_called(const struct table *);

/* What a name may stand for; also scratch sets of lib/config_check.c. */
enum name_kind {
	NAME_TABLE,
	NAME_PKI,
	NAME_ACTION,
	NAME_GROUP,
	NAME_SITE,
	NAME_SITE_DOMAIN,	/* domain or pattern, lower case: its site */
	NAME_TOTAL,		/* domain { } outside bindings */
	NAME_TAG,
	NAME_HEADER,
	NAME_ADDRESS,
	NAME_SCOPE,
	NAME_RULE
};

struct name {
	RB_ENTRY(name)	 node;
	enum name_kind	 kind;
	void		*object;
	char		 text[];
};
RB_PROTOTYPE(names, name, node, name_compare);

/* NULL, or the object that has the name already. */
void	*names_add(struct names *, enum name_kind, const char *, void *object);
void	*names_find(const struct names *, enum name_kind, const char *);
void	 names_free(struct names *);

struct config	*config_new(const struct config_io *);
/* parse.y: what the files say, unchecked; 0 or -1 after reports. */
int	 config_read(struct config *, const char *path, struct reporter *);
/* lib/config_check.c: what it means. */
void	 config_check(struct config *, struct reporter *);
/* lib/config_check_rules.c: rules of both kinds. */
void	 config_check_rules(struct config *, struct reporter *);
/* "example.com" or "*.example.com". */
/* A path that lives as long as the configuration. */
const char *config_file(struct config *, const char *path);

/* 0, or -1 and why (static); lib/options.c. */
int	 option_parse(enum option_id, const char *, struct option *,
	    const char **why);
/* May it stand in a domain or site block? */
int	 option_in_scope(enum option_id);
void	 option_free(struct option *);
/* "4d", "90s"; "35M": exactly as they would be written.  In turn. */
const char *written_time(int64_t seconds);
const char *written_size(int64_t octets);

const char *setting_name(enum setting);

/* A value of the grammar: one of them, borrowed. */
struct value {
	const char	*text;
	struct table	*table;
};

/*
 * The state of the writing down: where the parser is and the object that is
 * being described.  Objects belong to the configuration from their first word,
 * so nothing is lost when the rest of a statement is wrong.
 */
struct recorder {
	struct config	*config;
	struct reporter	*report;
	struct origin	 at;		/* of the statement */
	struct origin	 here;		/* of the last word */
	struct listener	*listener;
	struct action	*action;
	struct rule	*rule;
	struct binding_conf	*binding;
	struct group	*group;
	struct scope	*scope;
	struct site	*site;
	struct next_hops *hops;
	struct named_table *list;	/* a list being read */
	int		 negate;	/* of the condition being read */
};

/* An error unless name may be one. */
void	 record_name(struct recorder *, const char *what, const char *name);
void	 record_setting(struct recorder *, enum setting, const char *);
void	 record_table_file(struct recorder *, const char *, const char *);
void	 record_list(struct recorder *, const char *name);
void	 record_entry(struct recorder *, const char *, const char *);
struct table *record_table(struct recorder *, const char *);
void	 record_pki(struct recorder *, const char *, const char *,
	    const char *);

void	 record_listen(struct recorder *, const char *);
void	 record_listen_port(struct recorder *, const char *);
void	 record_listen_tls(struct recorder *, enum listen_tls);
void	 record_listen_pki(struct recorder *, const char *);
void	 record_listen_auth(struct recorder *, struct table *, int optional);
void	 record_flag(struct recorder *, int *, const char *);
void	 record_text(struct recorder *, char **, const char *, const char *);
void	 record_reference(struct recorder *, struct table **, struct table *,
	    const char *);

void	 record_action(struct recorder *, const char *, enum action_type,
	    const char *);
void	 record_action_host(struct recorder *, const char *);
void	 record_action_tls(struct recorder *, enum tls_words);
/* A word of smtpd.conf(5), and what we have instead of it, or NULL. */
void	 record_left_out(struct recorder *, const char *, const char *ours);
void	 record_action_only(struct recorder *, int ok, const char *);

void	 record_match(struct recorder *);
void	 record_bind(struct recorder *, enum bind_by, const char *header,
	    struct table *);
void	 record_condition(struct recorder *, enum condition_type,
	    const struct value *);
void	 record_header(struct recorder *, const char *, const char *);
void	 record_target(struct recorder *, const char *);

void	 record_binding(struct recorder *, const char *);
void	 record_group(struct recorder *, const char *);
void	 record_scope(struct recorder *, const char *, int is_site);
void	 record_option(struct recorder *, enum option_id, const char *);
void	 record_address(struct recorder *, const char *);
void	 record_next_hops(struct recorder *, int negate);
void	 record_hop(struct recorder *, const char *);
void	 record_hops(struct recorder *, struct table *);
void	 record_site(struct recorder *, const char *, int is_domain);
void	 record_site_table(struct recorder *, struct table **,
	    const struct value *, const char *);
void	 record_site_max(struct recorder *, const char *);

#endif
