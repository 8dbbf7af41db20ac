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
 * Accounts (one per binding) and their lanes: what may be handed out next.
 * Deficit round robin over the accounts and over an account's lanes, credit
 * by lane, one cap over all.  It decides, delivery.c builds the tasks; it
 * must never look at more lanes or recipients than it hands out.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "queue/queue.h"

/* Tasks in hand, all lanes together. */
#define LANE_CAP	8192
/* Tasks in hand for each connection that a lane may have. */
#define LANE_FACTOR	4
/* Recipients that a binding, and a lane, may hand out in a row. */
#define LANE_QUANTUM	16
/* Tasks of one turn: then the loop looks at what came in. */
#define LANE_STEP	256

TAILQ_HEAD(accounts, account);

static int	 account_compare(const struct account *,
		    const struct account *);
static int	 lane_compare(const struct lane *, const struct lane *);
static int	 lane_id_compare(const struct lane *, const struct lane *);
static void	 lane_run(void *);

RB_PROTOTYPE(queue_accounts, account, node, account_compare);
RB_PROTOTYPE(account_lanes, lane, node, lane_compare);
RB_PROTOTYPE(queue_lanes, lane, id_node, lane_id_compare);

static struct {
	const struct lane_ops	*ops;
	const struct config	*config;
	struct queue_accounts	 tree;
	struct accounts		 round;	/* those with something to hand out */
	struct queue_lanes	 ids;
	struct loop_job		 job;
	uint32_t		 last_id;
	uint32_t		 in_hand;
	uint32_t		 active;	/* accounts in the round */
} lanes = {
	.tree = RB_INITIALIZER(&lanes.tree),
	.round = TAILQ_HEAD_INITIALIZER(lanes.round),
	.ids = RB_INITIALIZER(&lanes.ids),
};

RB_GENERATE(queue_accounts, account, node, account_compare);
RB_GENERATE(account_lanes, lane, node, lane_compare);
RB_GENERATE(queue_lanes, lane, id_node, lane_id_compare);

static int
account_compare(const struct account *a, const struct account *b)
{
	return (strcmp(a->name, b->name));
}

static int
lane_compare(const struct lane *a, const struct lane *b)
{
	return (strcmp(a->destination, b->destination));
}

static int
lane_id_compare(const struct lane *a, const struct lane *b)
{
	return (a->id < b->id ? -1 : a->id > b->id);
}

void
lane_setup(const struct lane_ops *ops)
{
	lanes.ops = ops;
	loop_job_init(&lanes.job, lane_run, NULL);
}

const struct config *
lane_config(void)
{
	return (lanes.config);
}

struct account *
account_find(const char *name)
{
	struct account	 key;

	key.name = (char *)name;
	return (RB_FIND(queue_accounts, &lanes.tree, &key));
}

static void
account_resolve(struct account *account)
{
	const struct option	*option;

	account->binding = NULL;
	account->limit = 0;
	account->refuse &= ~SUSPENDED_FILE;
	if (lanes.config == NULL || account->name[0] == '\0')
		return;
	account->binding = config_binding(lanes.config, account->name);
	if (account->binding == NULL)
		return;
	option = config_option(lanes.config, account->binding, NULL, NULL,
	    OPTION_QUEUE_LIMIT);
	account->limit = option->number;
	option = config_option(lanes.config, account->binding, NULL, NULL,
	    OPTION_SUSPEND_RECEPTION);
	if (option->number)
		account->refuse |= SUSPENDED_FILE;
}

/* name NULL: what found no binding. */
struct account *
account_get(const char *name)
{
	struct account	*account;

	if (name == NULL)
		name = "";
	if ((account = account_find(name)) != NULL)
		return (account);
	if ((account = calloc(1, sizeof(*account))) == NULL ||
	    (account->name = strdup(name)) == NULL)
		fatal("calloc");
	RB_INIT(&account->lanes);
	TAILQ_INIT(&account->round);
	RB_INSERT(queue_accounts, &lanes.tree, account);
	account_resolve(account);
	if (suspend_binding(name, 1) != NULL)
		account->refuse |= SUSPENDED_COMMAND;
	return (account);
}

struct account *
account_next(struct account *account)
{
	if (account == NULL)
		return (RB_MIN(queue_accounts, &lanes.tree));
	return (RB_NEXT(queue_accounts, &lanes.tree, account));
}

static int
account_owns(const struct account *account, int family)
{
	const struct binding_conf	*binding = account->binding;
	const struct option	*option;

	option = config_option(lanes.config, binding, NULL, NULL,
	    OPTION_FAMILY);
	if (option->number != AF_UNSPEC && option->number != family)
		return (0);
	if (binding->any)
		return (1);
	return (family == AF_INET ? binding->addr4.ss_family != 0 :
	    binding->addr6.ss_family != 0);
}

int
account_usable(const struct account *account)
{
	if (account->name[0] == '\0' || account->binding == NULL)
		return (0);
	if (!account->down4 && !account->down6)
		return (1);
	return ((account_owns(account, AF_INET) && !account->down4) ||
	    (account_owns(account, AF_INET6) && !account->down6));
}

const char *
account_state(const struct account *account)
{
	static char	 state[96];

	if (account->name[0] == '\0')
		return ("no binding");
	if (account->binding == NULL)
		return ("unknown");
	if (!account_usable(account)) {
		snprintf(state, sizeof(state), "held (%s)",
		    account->reason != NULL ? account->reason :
		    "address missing");
		return (state);
	}
	if (suspend_binding(account->name, 0) != NULL ||
	    config_option(lanes.config, account->binding, NULL, NULL,
	    OPTION_SUSPEND_DELIVERY)->number)
		return ("suspended");
	if (account->down4 && account_owns(account, AF_INET))
		return ("up (no inet4)");
	if (account->down6 && account_owns(account, AF_INET6))
		return ("up (no inet6)");
	return ("up");
}

/* Every lane's state may have changed with the account's. */
void
account_update(struct account *account)
{
	struct lane	*lane;

	RB_FOREACH(lane, account_lanes, &account->lanes)
		lane_update(lane);
}

struct lane *
lane_find(struct account *account, const char *destination)
{
	struct lane	 key;

	key.destination = (char *)destination;
	return (RB_FIND(account_lanes, &account->lanes, &key));
}

struct lane *
lane_get(struct account *account, const char *destination)
{
	struct lane	*lane;

	if ((lane = lane_find(account, destination)) != NULL)
		return (lane);
	if ((lane = calloc(1, sizeof(*lane))) == NULL ||
	    (lane->destination = strdup(destination)) == NULL)
		fatal("calloc");
	lane->account = account;
	lane->id = ++lanes.last_id;
	lane->idle = loop_seconds();
	TAILQ_INIT(&lane->ready);
	TAILQ_INIT(&lane->held);
	TAILQ_INIT(&lane->ages);
	RB_INSERT(account_lanes, &account->lanes, lane);
	RB_INSERT(queue_lanes, &lanes.ids, lane);
	lane_sweep_add(lane);
	lane_resolve(lane);
	return (lane);
}

void
lane_free(struct lane *lane)
{
	if (lane->announced)
		lanes.ops->gone(lane);
	RB_REMOVE(account_lanes, &lane->account->lanes, lane);
	RB_REMOVE(queue_lanes, &lanes.ids, lane);
	free(lane->destination);
	free(lane->site);
	free(lane->cause);
	free(lane->last);
	free(lane);
}

struct lane *
lane_by_id(uint32_t id)
{
	struct lane	 key;

	key.id = id;
	return (RB_FIND(queue_lanes, &lanes.ids, &key));
}

struct lane *
lane_next(struct account *account, struct lane *lane)
{
	if (lane == NULL)
		return (RB_MIN(account_lanes, &account->lanes));
	return (RB_NEXT(account_lanes, &account->lanes, lane));
}

/* Into the round or out of it. */
void
lane_update(struct lane *lane)
{
	struct account	*account = lane->account;
	int		 active;

	active = !TAILQ_EMPTY(&lane->ready) && !lane->closed &&
	    !lane->suspended && lane->in_hand < lane->window &&
	    account_usable(account);
	if (active && !lane->is_active) {
		TAILQ_INSERT_TAIL(&account->round, lane, active);
		lane_kick();
	} else if (!active && lane->is_active) {
		TAILQ_REMOVE(&account->round, lane, active);
		lane->deficit = 0;
	}
	lane->is_active = active;
	active = !TAILQ_EMPTY(&account->round);
	if (active && !account->is_active) {
		TAILQ_INSERT_TAIL(&lanes.round, account, active);
		lanes.active++;
	} else if (!active && account->is_active) {
		TAILQ_REMOVE(&lanes.round, account, active);
		lanes.active--;
		account->deficit = 0;
	}
	account->is_active = active;
	group_update(lane);
}

const char *
lane_site(const struct lane *lane)
{
	const struct site	*site;

	if (lanes.config == NULL)
		return (NULL);
	site = config_site_of(lanes.config, lane->destination);
	if (site == NULL && lane->site != NULL)
		site = config_site(lanes.config, lane->site);
	return (site == NULL ? NULL : site->name);
}

uint8_t
lane_suspensions(const struct lane *lane)
{
	const struct binding_conf	*binding = lane->account->binding;
	uint8_t			 bits = 0;

	if (suspend_lane(lane) != NULL)
		bits |= SUSPENDED_COMMAND;
	if (binding != NULL && config_option(lanes.config, binding,
	    lane->destination, lane_site(lane),
	    OPTION_SUSPEND_DELIVERY)->number)
		bits |= SUSPENDED_FILE;
	return (bits);
}

int
lane_stuck(const struct lane *lane)
{
	return (!account_usable(lane->account) || lane->suspended != 0 ||
	    (lane->closed && lane->is_held));
}

void
lane_resolve(struct lane *lane)
{
	const struct binding_conf	*binding = lane->account->binding;
	const struct config	*config = lanes.config;
	const struct option	*option;
	const char		*name;

	lane->suspended = lane_suspensions(lane);
	lane->window = LANE_FACTOR;
	lane->ttl = config == NULL ? UINT32_MAX : (uint32_t)config->queue_ttl;
	if (binding != NULL) {
		name = lane_site(lane);
		option = config_option(config, binding, lane->destination,
		    name, OPTION_MAX_OUTBOUND_CONNECTIONS);
		if (option->number > 0 && option->number < LANE_CAP)
			lane->window = LANE_FACTOR * (uint32_t)option->number;
		option = config_option(config, binding, lane->destination,
		    name, OPTION_MESSAGE_EXPIRATION);
		if (option->number > 0)
			lane->ttl = (uint32_t)option->number;
	}
	lane_update(lane);
}

void
lane_renew(const struct config *config)
{
	struct account	*account;
	struct binding_conf	*binding;
	struct lane	*lane;
	struct rcpt	*rcpt, *next;

	lanes.config = config;
	TAILQ_FOREACH(binding, &config->bindings, entry)
		if (strcmp(binding->name, "*") != 0)
			account_get(binding->name);
	RB_FOREACH(account, queue_accounts, &lanes.tree) {
		account_resolve(account);
		RB_FOREACH(lane, account_lanes, &account->lanes) {
			/* what was held for a missing name may go now */
			TAILQ_FOREACH_SAFE(rcpt, &lane->held, entry, next)
				if ((rcpt->flags & RCPT_DEATHS) !=
				    RCPT_DEATHS)
					rcpt_ready(rcpt, 0);
			lane_resolve(lane);
		}
	}
}

void
lane_close(struct lane *lane, const char *cause, const char *text,
    uint32_t until)
{
	free(lane->cause);
	if (asprintf(&lane->cause, "%s: %s", cause, text) == -1)
		lane->cause = NULL;
	lane->until = until;
	lane->closed = 1;
	lane->is_held = strcmp(cause, "remote") != 0 &&
	    strcmp(cause, "limit") != 0;
	lane_update(lane);
}

void
lane_open(struct lane *lane)
{
	free(lane->cause);
	lane->cause = NULL;
	lane->until = 0;
	lane->closed = 0;
	lane_update(lane);
}

void
lane_took(struct lane *lane)
{
	lanes.in_hand++;
	lane->account->in_hand++;
	lane->in_hand++;
	lane_update(lane);
}

void
lane_gave(struct lane *lane)
{
	lanes.in_hand--;
	lane->account->in_hand--;
	lane->in_hand--;
	lane->idle = loop_seconds();
	lane_update(lane);
	lane_kick();
}

void
lane_forget(void)
{
	struct account	*account;
	struct lane	*lane;

	RB_FOREACH(account, queue_accounts, &lanes.tree) {
		account->down4 = account->down6 = 0;
		account->connections = 0;
		free(account->reason);
		account->reason = NULL;
		RB_FOREACH(lane, account_lanes, &account->lanes) {
			lane->announced = 0;
			lane_open(lane);
		}
	}
}

void
lane_kick(void)
{
	if (lanes.ops != NULL)
		loop_job_queue(&lanes.job);
}

/* One binding's turn, while its deficit lasts; tasks handed out. */
static int
account_run(struct account *account)
{
	struct lane	*lane;
	int		 n, tasks;

	tasks = 0;
	account->deficit += LANE_QUANTUM;
	while (account->deficit > 0 && account->is_active) {
		lane = TAILQ_FIRST(&account->round);
		if (lane->deficit <= 0)
			lane->deficit += LANE_QUANTUM;
		if ((n = lanes.ops->hand(lane)) > 0)
			tasks++;
		else
			n = 1;		/* never for nothing */
		account->deficit -= n;
		lane->deficit -= n;
		if (lane->is_active && lane->deficit <= 0) {
			TAILQ_REMOVE(&account->round, lane, active);
			TAILQ_INSERT_TAIL(&account->round, lane, active);
		}
		/* no binding holds more of the cap than is free */
		if (account->in_hand > LANE_CAP - lanes.in_hand)
			break;
	}
	return (tasks);
}

int
lane_step(void)
{
	struct account	*account;
	uint32_t	 skipped;
	int		 left;

	skipped = 0;
	left = LANE_STEP;
	while (left > 0 && skipped < lanes.active &&
	    lanes.in_hand < LANE_CAP && !lanes.ops->busy()) {
		account = TAILQ_FIRST(&lanes.round);
		TAILQ_REMOVE(&lanes.round, account, active);
		TAILQ_INSERT_TAIL(&lanes.round, account, active);
		if (account->in_hand >= LANE_CAP - lanes.in_hand) {
			skipped++;
			continue;
		}
		skipped = 0;
		left -= account_run(account) + 1;
	}
	return (left <= 0);
}

static void
lane_run(void *arg)
{
	if (lane_step())
		lane_kick();
}

const char *
lane_why(const struct lane *lane)
{
	const struct account	*account = lane->account;

	if (account->name[0] == '\0')
		return ("no binding");
	if (account->binding == NULL)
		return ("unknown binding");
	if (!account_usable(account))
		return (account_state(account));
	if (lane->suspended)
		return ("suspended");
	if (lane->closed)
		return (lane->cause != NULL ? lane->cause : "closed");
	return (NULL);
}

int
lane_is_suspended(const struct lane *lane)
{
	return (lane->suspended && account_usable(lane->account));
}

int
lane_is_remote(const struct lane *lane)
{
	return (lane->closed && !lane->suspended && lane->cause != NULL &&
	    strncmp(lane->cause, "remote:", 7) == 0);
}

uint32_t
lane_in_hand(void)
{
	return (lanes.in_hand);
}

void
lane_last(struct lane *lane, const char *words)
{
	char	 text[160];

	strlcpy(text, words, sizeof(text));	/* a summary: may be cut */
	if (lane->last == NULL || strcmp(lane->last, text) != 0) {
		free(lane->last);
		lane->last = strdup(text);
	}
	if (lane->account->last == NULL ||
	    strcmp(lane->account->last, text) != 0) {
		free(lane->account->last);
		lane->account->last = strdup(text);
	}
}
