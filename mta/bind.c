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
 * Which binding a recipient takes: queue asks once, at the birth of the
 * envelope; "binderyctl match" asks the same without consequence.  The rules
 * are lib/rules.c's; nothing is ever chosen here that they did not name.
 */

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/control.h"
#include "lib/facts.h"
#include "lib/log.h"
#include "lib/rendezvous.h"
#include "lib/rules.h"
#include "lib/ipc.h"
#include "mta/binding.h"
#include "mta/mta.h"
#include "mta/test.h"
#include "mta/trace.h"

void
bind_ask(struct ipc *ipc, struct ipc_msg *m)
{
	struct bind_choice	 choice;
	struct facts		 facts;
	const char		*rcpt, *action, *group = NULL;
	uint64_t		 ask;
	char			 where[ORIGIN_MAX];

	ask = ipc_get_u64(m);
	facts_get(m, &facts);
	rcpt = ipc_get_str(m);
	action = ipc_get_str(m);
	ipc_get_end(m);

	memset(&choice, 0, sizeof(choice));
	rules_bind(mta_config(), &facts, rcpt, action, &choice);
	/* smtpd says it where no rule is meant to; this is a wrong table */
	if (choice.name == NULL && choice.rule != NULL)
		log_warnx("no binding for <%s>: %s", rcpt, choice.error);

	/* queue knows which member can take it; a bounce keeps both names */
	if (choice.name != NULL &&
	    config_group(mta_config(), choice.name) != NULL) {
		group = choice.name;
		choice.name = NULL;
	} else if (choice.rule == NULL && facts.bounce)
		group = facts.group;

	ipc_begin(ipc, MTA_BIND);
	ipc_put_u64(ipc, ask);
	ipc_put_str(ipc, choice.name);
	ipc_put_str(ipc, group);
	ipc_put_u32(ipc, choice.rule == NULL ? 0 : choice.rule->number);
	ipc_put_str(ipc, choice.rule == NULL ? NULL :
	    origin_text(&choice.rule->origin, where, sizeof(where)));
	ipc_put_str(ipc, choice.error[0] == '\0' ? NULL : choice.error);
	ipc_end(ipc);
}

static void
answer(struct ipc *ipc, uint32_t client, const char *text, int more)
{
	ipc_begin(ipc, MTA_ANSWER);
	ipc_put_u32(ipc, client);
	ipc_put_u8(ipc, (uint8_t)more);
	ipc_put_str(ipc, text);
	ipc_end(ipc);
}

/*
 * match [auth U|user U] [src ADDR] [tag T] [header N V] from SENDER to RCPT.
 * The error, or NULL.
 */
static const char *
match_parse(const char **words, uint32_t count, struct facts *f,
    const char **rcpt)
{
	struct sockaddr_storage	 ss;
	uint32_t		 i;

	*rcpt = NULL;
	for (i = 1; i < count; i++) {
		if (i + 1 >= count)
			return ("a word is missing at the end");
		if (strcmp(words[i], "auth") == 0)
			f->auth = words[++i];
		else if (strcmp(words[i], "user") == 0) {
			f->user = words[++i];
			f->socket = f->local = 1;
		} else if (strcmp(words[i], "src") == 0)
			f->client = words[++i];
		else if (strcmp(words[i], "tag") == 0)
			f->tag = words[++i];
		else if (strcmp(words[i], "from") == 0)
			f->sender = words[++i];
		else if (strcmp(words[i], "to") == 0)
			*rcpt = words[++i];
		else if (strcmp(words[i], "header") == 0 && i + 2 < count) {
			f->header[0] = words[++i];
			f->header[1] = words[++i];
		} else
			return ("usage: match [auth U|user U] [src ADDR] "
			    "[tag T] [header N V] from SENDER to RCPT");
	}
	if (f->sender == NULL || *rcpt == NULL)
		return ("match wants from SENDER to RCPT");
	if (strcmp(f->sender, "<>") == 0)
		f->sender = "";
	if (f->client == NULL)
		f->socket = f->local = f->auth == NULL;
	else if (sockaddr_parse(f->client, &ss) == -1)
		return ("src wants an address");
	else
		f->local = config_peer_is_local(mta_config(),
		    (struct sockaddr *)&ss);
	return (NULL);
}

static void
row_source(struct control_row *row, const struct binding *binding,
    const char *sender)
{
	static const struct sockaddr_in	 any = { .sin_family = AF_INET };
	const struct binding_source	*source;
	const struct sockaddr	*addr;
	char			 text[256], ehlo[DOMAIN_MAX] = "";
	int			 i;

	text[0] = '\0';
	for (i = 0; i < FAMILIES; i++) {
		source = &binding->sources[i];
		addr = (const struct sockaddr *)&source->addr;
		if (!source->owned || addr->sa_family == 0)
			continue;
		if (text[0] != '\0')
			strlcat(text, ",", sizeof(text));
		else
			binding_ehlo(binding, addr, sender, ehlo, sizeof(ehlo));
		strlcat(text, sockaddr_text(addr), sizeof(text));
	}
	if (text[0] == '\0') {
		/* of no address yet: a name is known, a literal is not */
		binding_ehlo(binding, (const struct sockaddr *)&any, sender,
		    ehlo,
		    sizeof(ehlo));
		if (ehlo[0] == '[')
			ehlo[0] = '\0';
	}
	control_row_text(row, "addresses", text[0] == '\0' ? "any" : text);
	control_row_text(row, "ehlo", ehlo[0] == '\0' ? "-" : ehlo);
}

static void
row_limits(struct control_row *row, const struct binding *binding,
    const char *dest)
{
	static const enum option_id	 ids[] = {
		OPTION_MAX_OUTBOUND_CONNECTIONS, OPTION_MAX_CONNECTIONS,
		OPTION_MAX_MESSAGES, OPTION_RATE, OPTION_QUEUE_LIMIT
	};
	const struct option		*o;
	size_t				 i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		o = binding_option(binding, dest, ids[i]);
		if (o->number > 0 && ids[i] != OPTION_RATE)
			control_row_number(row, option_name(ids[i]),
			    o->number);
		else if (o->set || o->number > 0)
			control_row_text(row, option_name(ids[i]),
			    option_text(ids[i], o));
	}
}

/*
 * The member that a group's mail of this sender and recipient belongs to, of
 * those that have an address here and take new mail; NULL: none.
 */
static const char *
group_member(const struct group *group, const char *sender, const char *rcpt)
{
	const struct config	*conf = mta_config();
	const struct binding_conf	*b, *best = NULL;
	const struct binding	*binding;
	uint64_t		 distance, least = RENDEZVOUS_NEVER;

	TAILQ_FOREACH(b, &conf->bindings, entry) {
		if (b->group != group)
			continue;
		binding = binding_get(b->name);
		distance = rendezvous(b->name, (uint32_t)config_option(conf,
		    b, NULL, NULL, OPTION_WEIGHT)->number, sender, rcpt);
		if (distance >= least || (!binding_usable(binding, AF_INET) &&
		    !binding_usable(binding, AF_INET6)))
			continue;
		least = distance;
		best = b;
	}
	return (best == NULL ? NULL : best->name);
}

static void
match_answer(struct ipc *ipc, uint32_t client, const struct facts *f,
    const char *rcpt)
{
	const struct rule	*rule;
	const struct group	*group;
	struct bind_choice	 choice;
	struct control_row	 row;
	struct binding		*binding;
	char			 number[16] = "default";

	if ((rule = rules_match(mta_config(), f, rcpt)) == NULL ||
	    rule->reject) {
		answer(ipc, client, "- no match rule relays this", 0);
		return;
	}
	memset(&choice, 0, sizeof(choice));
	rules_bind(mta_config(), f, rcpt, rule->target, &choice);
	if (choice.rule != NULL)
		snprintf(number, sizeof(number), "%u", choice.rule->number);
	control_row_start(&row);
	control_row_number(&row, "match", rule->number);
	control_row_text(&row, "action", rule->target);
	control_row_text(&row, "rule", choice.name == NULL &&
	    choice.rule == NULL ? "none" : number);
	if (choice.rule != NULL) {
		control_row_text(&row, "file", choice.rule->origin.file);
		control_row_number(&row, "line", choice.rule->origin.line);
	}
	if (choice.name != NULL &&
	    (group = config_group(mta_config(), choice.name)) != NULL) {
		control_row_text(&row, "group", choice.name);
		choice.name = group_member(group, f->sender, rcpt);
	}
	control_row_text(&row, "binding",
	    choice.name == NULL ? "none" : choice.name);
	if (choice.error[0] != '\0')
		control_row_text(&row, "error", choice.error);
	if (choice.name != NULL &&
	    (binding = binding_get(choice.name))->conf != NULL) {
		row_source(&row, binding, address_domain(f->sender));
		row_limits(&row, binding, address_domain(rcpt));
	}
	answer(ipc, client, row.text, 0);
}

void
bind_command(struct ipc *ipc, struct ipc_msg *m)
{
	const char	*words[CONTROL_WORDS], *error, *rcpt, *word;
	struct facts	 facts;
	uint32_t	 client, count, i;
	char		 text[256], from[ADDRESS_MAX], to[ADDRESS_MAX];

	client = ipc_get_u32(m);
	count = ipc_get_u32(m);
	for (i = 0; i < count; i++) {
		word = ipc_get_str(m);
		if (i < CONTROL_WORDS)
			words[i] = word == NULL ? "" : word;
	}
	ipc_get_end(m);
	if (count > CONTROL_WORDS)
		count = CONTROL_WORDS;
	if (count == 0) {
		trace_end(client);
		test_end(client);
		return;
	}
	if (strcmp(words[0], "doing") == 0) {
		show_doing(client, words, count);
		return;
	}
	if (strcmp(words[0], "trace") == 0) {
		trace_command(client, words, count);
		return;
	}
	if (strcmp(words[0], "test") == 0) {
		test_command(client, words, count);
		return;
	}
	if (strcmp(words[0], "show") == 0) {
		show_limits(client, words, count);
		return;
	}
	if (strcmp(words[0], "match") != 0) {
		snprintf(text, sizeof(text), "- mta has no answer to %s",
		    words[0]);
		answer(ipc, client, text, 0);
		return;
	}
	memset(&facts, 0, sizeof(facts));
	if ((error = match_parse(words, count, &facts, &rcpt)) != NULL) {
		snprintf(text, sizeof(text), "! %s", error);
		answer(ipc, client, text, 0);
		return;
	}
	if (address_canonical(facts.sender, from) == 0)
		facts.sender = from;
	match_answer(ipc, client, &facts, address_canonical(rcpt, to) == 0 ?
	    to : rcpt);
}
