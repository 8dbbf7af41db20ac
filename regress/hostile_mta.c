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
 * mta after a break-in, and one that is only unlucky: see hostile.h.  It
 * begins when there is work, by then the good messages are stored; what it
 * reports as delivered it says in the log, so that hostile_mta_test.sh can see
 * that each message went out once, from here or from an honest daemon.
 */

#include <signal.h>

#include "regress/hostile.h"

#include "lib/task.h"
#include "lib/text.h"

static const enum role	 hostile_as = ROLE_MTA;

#define LANES		64
#define CONNECTIONS	512
#define HUGE_TEXT	(100 * 1024)

/* One connection of a lane: idle, pulling, or with a task in hand. */
struct connection {
	uint32_t	 lane;		/* 0: there is none */
	int		 pulls;
	uint64_t	 task;
	uint64_t	 message;
	uint32_t	 nrcpts;
	uint32_t	 numbers[TASK_RCPTS];
};

static struct end	*queue = &to[ROLE_QUEUE];
static uint32_t		 due[LANES];	/* by lane: as queue told it */
static struct connection connections[CONNECTIONS];
static uint32_t		 generation;
static uint32_t		 answers;	/* QUEUE_TASK, all */
static uint32_t		 nothings;	/* ... with id 0 */
static uint32_t		 tasks;
static uint32_t		 told;		/* QUEUE_WORK */
static uint32_t		 results;
static uint32_t		 twice;		/* answers to what did not pull */

static void
deliver(uint64_t message, uint32_t number)
{
	dprintf(STDERR_FILENO, "hostile: delivered %s.%u\n", id_text(message),
	    number);
}

/* Which binding: all mail is the same customer's. */
static void
answer_bind(uint64_t ask)
{
	begin(MTA_BIND);
	put_u64(ask);
	put_str("acme");
	put_str(NULL);
	put_u32(1);
	put_str(NULL);
	put_str(NULL);
	(void)send_frame(queue);
}

static void
answer_rdns(uint64_t ask)
{
	begin(MTA_RDNS);
	put_u64(ask);
	put_u8(1);
	put_str(NULL);
	(void)send_frame(queue);
}

static void
take_task(struct ipc_msg *m)
{
	static struct task	 t;
	struct connection	*c;
	uint32_t		 i;

	task_get(m, &t);
	if (t.fd != -1)
		close(t.fd);
	answers++;
	if (t.id == 0)
		nothings++;
	else
		tasks++;
	if (t.lane < LANES)
		due[t.lane] = t.due;
	if (t.connection == 0 || t.connection >= CONNECTIONS)
		return;
	c = &connections[t.connection];
	if (c->pulls == 0)
		twice++;
	else
		c->pulls--;
	c->task = t.id;
	if (t.id == 0)
		return;
	c->lane = t.lane;
	c->message = t.message;
	c->nrcpts = t.nrcpts;
	for (i = 0; i < t.nrcpts; i++)
		c->numbers[i] = t.rcpts[i].number;
}

/* One message of queue's or the parent's, within wait milliseconds. */
static int
turn(int wait)
{
	struct pollfd	 pfd[2] = {
		{ .fd = queue->fd, .events = POLLIN },
		{ .fd = to_parent.fd, .events = POLLIN }
	};
	struct ipc_msg	 m;
	struct work	 w;

	if (queue->len == 0 && to_parent.len == 0 &&
	    poll(pfd, 2, wait) <= 0)
		return (0);
	if (receive(&to_parent, &m, 0) != 0) {
		if (m.type == PARENT_SWAP)
			memcpy(&generation, m.data, sizeof(generation));
		answer_parent(&m);
		return (1);
	}
	if (to_parent.closed)
		exit(0);
	switch (receive(queue, &m, 0)) {
	case 0:
		return (queue->closed ? 0 : 1);
	case QUEUE_BIND:
		answer_bind(ipc_get_u64(&m));
		break;
	case QUEUE_RDNS:
		answer_rdns(ipc_get_u64(&m));
		break;
	case QUEUE_WORK:
		told++;
		work_get(&m, &w);
		if (w.lane < LANES)
			due[w.lane] = w.due;
		break;
	case QUEUE_TASK:
		take_task(&m);
		break;
	default:
		break;
	}
	return (1);
}

/* Until nothing has come for so long. */
static void
quiet(int wait)
{
	while (!queue->closed && turn(wait))
		continue;
}

static uint32_t
work_lane(void)
{
	uint32_t	 i;

	for (i = 1; i < LANES; i++)
		if (due[i] > 0)
			return (i);
	return (0);
}

static void
put_pull(uint32_t lane, uint32_t connection, uint32_t of, uint32_t most,
    const char *action, const char *ehlo, const char *site)
{
	put_u32(lane);
	if (lane == 0)
		return;
	put_u32(connection);
	put_u32(of);
	put_u32(most);
	put_str(action);
	put_str(ehlo);
	put_str("mx.example");
	put_str(site);
	if (connection < CONNECTIONS)
		connections[connection].pulls++;
}

static void
pull_for(uint32_t lane, uint32_t connection)
{
	begin(MTA_PULL);
	put_pull(lane, connection, generation, 100, "out", NULL, NULL);
	(void)send_frame(queue);
}

static void
put_result(uint32_t number, uint8_t outcome, const char *reply)
{
	put_u32(number);
	put_u8(outcome);
	put_u8(1);
	put_str("remote");
	put_str(reply);
	put_str("mx.example");
	put_u8(0);
}

/* All of what this connection has, and it pulls again or not. */
static void
result(uint32_t i, uint8_t outcome, int again)
{
	struct connection	*c = &connections[i];
	uint32_t		 n;

	begin(MTA_RESULT);
	put_u64(c->task);
	put_u32(c->nrcpts);
	for (n = 0; n < c->nrcpts; n++)
		put_result(c->numbers[n], outcome, "250 2.0.0 ok");
	put_pull(again ? c->lane : 0, i, generation, 100, "out", NULL, NULL);
	if (outcome == OUTCOME_DELIVERED)
		for (n = 0; n < c->nrcpts; n++)
			deliver(c->message, c->numbers[n]);
	c->task = 0;
	results++;
	(void)send_frame(queue);
}

/* A task in hand, by a pull of good conduct; its connection. */
static uint32_t
task_on(uint32_t i)
{
	int64_t	 until = now_ms() + ANSWER_WAIT;

	pull_for(work_lane(), i);
	while (connections[i].pulls > 0 && now_ms() < until)
		(void)turn(100);
	check(connections[i].task != 0, "a task");
	return (i);
}

/* Nothing of this is a message: the channel ends. */

static void
bad_unknown_type(void)
{
	begin(IPC_MAX_TYPE + 7);
	(void)send_frame(queue);
}

static void
bad_type_of_smtpd(void)
{
	begin(SMTPD_ABORT);
	put_u64(1);
	(void)send_frame(queue);
}

static void
bad_type_of_queue(void)
{
	begin(QUEUE_TASK);
	put_u64(0);
	(void)send_frame(queue);
}

static void
bad_short_pull(void)
{
	begin(MTA_PULL);
	put_u32(work_lane());
	put_u32(1);
	(void)send_frame(queue);
}

static void
bad_long_pull(void)
{
	begin(MTA_PULL);
	put_pull(work_lane(), 1, generation, 100, "out", NULL, NULL);
	put_u64(7);
	(void)send_frame(queue);
}

/* A task is in hand, its results are cut. */
static void
bad_short_result(void)
{
	uint32_t	 i = task_on(1);

	begin(MTA_RESULT);
	put_u64(connections[i].task);
	put_u32(1);
	put_u32(connections[i].numbers[0]);
	put_u8(OUTCOME_DELIVERED);
	(void)send_frame(queue);
}

static void
bad_many_results(void)
{
	uint32_t	 i = task_on(1), n;

	begin(MTA_RESULT);
	put_u64(connections[i].task);
	put_u32(TASK_RCPTS + 1);
	for (n = 0; n <= TASK_RCPTS; n++)
		put_result(connections[i].numbers[0], OUTCOME_PERMFAIL, "550");
	put_u32(0);
	(void)send_frame(queue);
}

/* The results are good, the pull behind them is not: nothing was said. */
static void
bad_pull_of_result(void)
{
	uint32_t	 i = task_on(1);

	begin(MTA_RESULT);
	put_u64(connections[i].task);
	put_u32(1);
	put_result(connections[i].numbers[0], OUTCOME_PERMFAIL, "550 no");
	put_u32(connections[i].lane);
	put_u32(1);
	(void)send_frame(queue);
}

static void
bad_outcome(void)
{
	begin(MTA_ATTEMPT);
	put_u32(work_lane());
	put_u8(ATTEMPT_SUSPENDED + 1);
	put_u8(1);
	put_u32(0);
	put_u32(0);
	put_str("remote");
	put_str("no");
	put_str(NULL);
	put_str(NULL);
	(void)send_frame(queue);
}

/* Its text has a NUL inside, or none at its end. */
static void
bad_string(void)
{
	begin(MTA_BINDING);
	put_u32(8);
	put("acme\0abc", 9);
	put_u8(0);
	put_u8(0);
	put_u32(0x7ffffff0);
	(void)send_frame(queue);
}

static void
bad_descriptor(void)
{
	begin(MTA_PULL);
	put_pull(work_lane(), 1, generation, 100, "out", NULL, NULL);
	claim((uint32_t)frame.len | FRAME_FD);
	(void)push(queue, frame.octets, frame.len,
	    (int[]){ STDERR_FILENO }, 1, ANSWER_WAIT);
}

static void
bad_short_frame(void)
{
	begin(MTA_PULL);
	claim(3);
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
}

static void
bad_long_frame(void)
{
	begin(MTA_PULL);
	claim(FRAME_MAX);
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
}

static void
bad_noise(void)
{
	uint32_t	 i, x = 2463534242U;

	frame.len = 0;
	for (i = 0; i < 4000; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		put_u32(x);
	}
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
}

/* Well formed, and still wrong: the channel stays. */

/* A pull is answered once, whatever it is for; one that is none, never. */
static void
pulls(void)
{
	static const uint32_t	 lanes[] = { 4711, UINT32_MAX };
	static char		 text[HUGE_TEXT];
	uint32_t		 lane = work_lane(), before, i;

	memset(text, 'a', sizeof(text) - 1);
	quiet(300);
	before = answers;
	for (i = 0; i < 2; i++)
		pull_for(lanes[i], 1 + i);
	/* of another configuration, past and to come */
	for (i = 0; i < 2; i++) {
		begin(MTA_PULL);
		put_pull(lane, 3 + i, i == 0 ? generation - 1 :
		    generation + 1, 100, "out", NULL, NULL);
		(void)send_frame(queue);
	}
	/* for an action that is none, a sender, a site */
	begin(MTA_PULL);
	put_pull(lane, 5, generation, 0, "nosuch", NULL, NULL);
	(void)send_frame(queue);
	begin(MTA_PULL);
	put_pull(lane, 6, generation, UINT32_MAX, "out", "nobody.example",
	    NULL);
	(void)send_frame(queue);
	quiet(500);
	check(answers == before + 6 && tasks == 0, "nothing for each");
	/* none of these is a pull */
	begin(MTA_PULL);
	put_pull(0, 0, 0, 0, NULL, NULL, NULL);
	(void)send_frame(queue);
	begin(MTA_PULL);
	put_pull(lane, 0, generation, 100, "out", NULL, NULL);
	(void)send_frame(queue);
	begin(MTA_PULL);
	put_pull(lane, 7, generation, 100, NULL, NULL, NULL);
	(void)send_frame(queue);
	quiet(500);
	check(answers == before + 6, "no answer to what is no pull");
	/* long names: as if there were none */
	begin(MTA_PULL);
	put_pull(lane, 8, generation, 1, "out", NULL, text);
	(void)send_frame(queue);
	quiet(500);
	check(connections[8].task != 0, "a long site");
	result(8, OUTCOME_RETURNED, 0);
	quiet(300);
	check(twice == 0, "one answer for each");
}

/* For what is not in hand, twice, and of numbers that the task has not. */
static void
wrong_results(void)
{
	static const uint8_t	 outcomes[] = { OUTCOME_DELIVERED,
				    OUTCOME_PERMFAIL };
	uint32_t		 a, b, i;

	/* nothing is in hand yet: of tasks that are to come */
	for (i = 0; i < 20; i++) {
		begin(MTA_RESULT);
		put_u64(i == 19 ? UINT64_MAX : i);
		put_u32(2);
		put_result(1, outcomes[i % 2], "550 never");
		put_result(0, outcomes[i % 2], "550 never");
		put_u32(0);
		(void)send_frame(queue);
	}
	a = task_on(1);
	b = task_on(2);
	/* numbers that it has not, and an outcome that is none */
	begin(MTA_RESULT);
	put_u64(connections[a].task);
	put_u32(3);
	put_result(0, OUTCOME_PERMFAIL, "550 never");
	put_result(connections[a].numbers[0] + 1000, OUTCOME_PERMFAIL, "550");
	put_result(UINT32_MAX, OUTCOME_DELIVERED, "250");
	put_u32(0);
	(void)send_frame(queue);
	/* twice in one: the second is not taken, whichever that is */
	begin(MTA_RESULT);
	put_u64(connections[a].task);
	put_u32(2);
	put_result(connections[a].numbers[0], OUTCOME_DELIVERED, "250 ok");
	put_result(connections[a].numbers[0], OUTCOME_DELIVERED, "250 ok");
	put_u32(0);
	deliver(connections[a].message, connections[a].numbers[0]);
	(void)send_frame(queue);
	/* and again, when the task is over */
	for (i = 0; i < 3; i++) {
		begin(MTA_RESULT);
		put_u64(connections[a].task);
		put_u32(1);
		put_result(connections[a].numbers[0], (uint8_t)i, "550 late");
		put_u32(0);
		(void)send_frame(queue);
	}
	connections[a].task = 0;
	/* returned, then a late word of it: it is ready, not in hand */
	result(b, OUTCOME_RETURNED, 0);
	connections[b].task = tasks;
	result(b, OUTCOME_PERMFAIL, 0);
	result(b, OUTCOME_RETURNED, 0);
	quiet(300);
	/* no outcome at all, no results: it stays in hand */
	a = task_on(1);
	begin(MTA_RESULT);
	put_u64(connections[a].task);
	put_u32(0);
	put_u32(0);
	(void)send_frame(queue);
	begin(MTA_RESULT);
	put_u64(connections[a].task);
	put_u32(1);
	put_result(connections[a].numbers[0], 200, "250 what");
	put_u32(0);
	(void)send_frame(queue);
	connections[a].task = 0;
	quiet(500);
	check(twice == 0, "no answer unasked");
}

static void
attempt(uint32_t lane, uint8_t outcome, uint32_t seconds, uint32_t wait,
    const char *text)
{
	begin(MTA_ATTEMPT);
	put_u32(lane);
	put_u8(outcome);
	put_u8(1);
	put_u32(seconds);
	put_u32(wait);
	put_str("remote");
	put_str(text);
	put_str(text);
	put_str(text);
	(void)send_frame(queue);
}

/*
 * Ends of attempts for lanes that are none, and for one that has nothing due,
 * all that it had is in hand: nobody fails for it.
 */
static void
attempts(void)
{
	static char	 text[HUGE_TEXT / 4];
	uint32_t	 lane = work_lane(), i, n = 0;
	uint8_t		 outcome;

	memset(text, '\n', sizeof(text) - 1);
	for (outcome = 0; outcome <= ATTEMPT_SUSPENDED; outcome++) {
		attempt(0, outcome, 0, 0, "no");
		attempt(UINT32_MAX, outcome, UINT32_MAX, UINT32_MAX, text);
	}
	while (due[lane] > 0 && n < 50) {
		pull_for(lane, ++n);
		quiet(300);
	}
	for (outcome = 0; outcome <= ATTEMPT_SUSPENDED; outcome++)
		for (i = 0; i < 3; i++)
			attempt(lane, outcome, 0, UINT32_MAX, text);
	for (i = 1; i <= n; i++)
		if (connections[i].task != 0)
			result(i, OUTCOME_RETURNED, 0);
	quiet(500);
	check(due[lane] > 0, "nothing was closed: its work is told");
	attempt(lane, ATTEMPT_HELD, 0, 0, text);
	attempt(lane, ATTEMPT_HELD, 0, 0, NULL);
	attempt(lane, ATTEMPT_FREE, 0, 0, NULL);
	attempt(lane, ATTEMPT_FREE, 0, 0, NULL);
	attempt(lane, ATTEMPT_WAIT, UINT32_MAX, 0, "a\nqueue: forged\r\n");
	for (i = 0; i < 5; i++)
		attempt(lane, ATTEMPT_FAILED, UINT32_MAX, UINT32_MAX,
		    "a\nqueue: forged\r\n");
	quiet(500);
}

/* What else it may say. */
static void
others(void)
{
	static char	 text[HUGE_TEXT];
	uint32_t	 i;

	memset(text, 'a', sizeof(text) - 1);
	for (i = 0; i < 200; i++) {
		begin(MTA_BINDING);
		put_str(i % 3 == 0 ? "acme" : i % 3 == 1 ? NULL : text);
		put_u8(1);
		put_u8(1);
		put_str(i % 3 == 0 ? text : NULL);
		(void)send_frame(queue);
		answer_bind(i);
		begin(MTA_RATE);
		put_str(i % 3 == 0 ? "acme domain x" : i % 3 == 1 ? NULL :
		    text);
		put_u64(UINT64_MAX - i);
		(void)send_frame(queue);
		begin(MTA_RDNS);
		put_u64(i);
		put_u8(9);
		put_str(text);
		(void)send_frame(queue);
		begin(MTA_ANSWER);
		put_u32(i);
		put_u8((uint8_t)(i % 3));
		put_str(i % 2 == 0 ? text : NULL);
		(void)send_frame(queue);
		begin(MTA_DOING);
		put_u32(i);
		put_u8((uint8_t)(i % 3));
		put_u32(i);
		put_u64(i);
		put_u8(200);
		put_u32(UINT32_MAX);
		put_str(text);
		(void)send_frame(queue);
	}
	quiet(500);
}

/* Floods: queue's memory is looked at by who started this. */

static void
flood(uint32_t lane, const char *action, uint32_t n)
{
	uint32_t	 i;

	for (i = 0; i < n; i++) {
		begin(MTA_PULL);
		put_pull(lane, 1000 + i, generation, 100, action, NULL, NULL);
		claim((uint32_t)frame.len);
		if (push(queue, frame.octets, frame.len, NULL, 0, 1000) == -1)
			break;
	}
}

/* Nobody reads the answers. */
static void
flood_pulls(void)
{
	flood(work_lane(), "nosuch", 1000000);
	flood(UINT32_MAX, "out", 1000000);
	quiet(1000);
}

/* They wait, and are long. */
static void
flood_long(void)
{
	static char	 text[HUGE_TEXT];

	memset(text, 'a', sizeof(text) - 1);
	flood(work_lane(), "nosuch", 200000);
	flood(work_lane(), text, 3000);
	quiet(1000);
}

static void
flood_attempts(void)
{
	uint32_t	 lane = work_lane(), i;

	for (i = 0; i < 20000; i++) {
		attempt(lane, ATTEMPT_FAILED, 0, 0, "450 no");
		attempt(lane, ATTEMPT_HELD, 0, 0, "no address");
		attempt(lane, ATTEMPT_FREE, 0, 0, "");
		(void)turn(0);
	}
	quiet(500);
}

static volatile sig_atomic_t	 dies;

static void
on_signal(int sig)
{
	dies = 1;
}

/*
 * A backlog is emptied over one connection: queue says no more than there are
 * results.
 */
static void
backlog(void)
{
	uint32_t	 before = generation, news;

	while (generation == before)
		(void)turn(1000);
	quiet(500);
	news = told;
	pull_for(1, 1);
	while (turn(2000))
		if (connections[1].task != 0)
			result(1, OUTCOME_DELIVERED, 1);
	check(tasks == 1000 && results == 1000, "all of it");
	check(nothings == 1 && told == news, "a message each way for each");
}

/* Of good conduct, but for its luck: what comes, goes, in any order. */
static void
luck(void)
{
	static uint32_t	 x;
	int64_t		 last = now_ms();
	uint32_t	 i, lane, open;

	x = (uint32_t)getpid() * 2654435761U | 1;
	while (now_ms() - last < 4000) {
		if (turn(1))
			last = now_ms();	/* work or an answer */
		for (open = 0, i = 1; i < 40; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			open += connections[i].task != 0;
			if (connections[i].pulls > 0 || x % 4 == 0)
				continue;
			lane = 1 + i % 5;
			if (connections[i].task != 0)
				result(i, x % 16 < 3 ? OUTCOME_RETURNED :
				    OUTCOME_DELIVERED, x % 64 < 40 &&
				    due[connections[i].lane] > 0);
			else if (due[lane] > 0)
				pull_for(lane, i);
		}
		if (dies && open > 0)
			_exit(1);
	}
	check(twice == 0, "one answer for each");
	for (i = 1, open = 0; i < LANES; i++)
		open += due[i];
	check(open == 0, "no work is left");
	dprintf(STDERR_FILENO, "hostile: counts told %u results %u tasks %u "
	    "nothing %u\n", told, results, tasks, nothings);
}

static const struct {
	const char	*name;
	void		 (*run)(void);
	int		 ends;		/* queue's channel */
} attacks[] = {
	{ "unknown-type", bad_unknown_type, 1 },
	{ "type-of-smtpd", bad_type_of_smtpd, 1 },
	{ "type-of-queue", bad_type_of_queue, 1 },
	{ "short-pull", bad_short_pull, 1 },
	{ "long-pull", bad_long_pull, 1 },
	{ "short-result", bad_short_result, 1 },
	{ "many-results", bad_many_results, 1 },
	{ "pull-of-result", bad_pull_of_result, 1 },
	{ "outcome", bad_outcome, 1 },
	{ "string", bad_string, 1 },
	{ "descriptor", bad_descriptor, 1 },
	{ "short-frame", bad_short_frame, 1 },
	{ "long-frame", bad_long_frame, 1 },
	{ "noise", bad_noise, 1 },
	{ "pulls", pulls, 0 },
	{ "results", wrong_results, 0 },
	{ "attempts", attempts, 0 },
	{ "others", others, 0 },
	{ "flood-pulls", flood_pulls, 0 },
	{ "flood-long", flood_long, 0 },
	{ "luck", luck, 0 },
	{ "backlog", backlog, 0 },
	{ "flood-attempts", flood_attempts, 0 },
};

static void
first_configuration(void)
{
	struct ipc_msg	 m;

	/* who comes later does not hear when to begin */
	while (!begun && (generation == 0 || queue->fd == -1) &&
	    receive(&to_parent, &m, ANSWER_WAIT) != 0) {
		if (m.type == PARENT_SWAP)
			memcpy(&generation, m.data, sizeof(generation));
		answer_parent(&m);
	}
}

static void
hostile(const char *what)
{
	uint32_t	 n = 0;
	size_t		 i;

	first_configuration();
	(void)signal(SIGUSR1, on_signal);
	/* until the good messages are there */
	while (n < 4 && strcmp(what, "luck") != 0 && !to_parent.closed) {
		(void)turn(1000);
		n = due[1];
	}
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		if (strcmp(attacks[i].name, what) != 0)
			continue;
		attacks[i].run();
		if (attacks[i].ends)
			check(ends(queue), "queue ends the channel");
	}
	if (queue->closed)
		return;
	/* as a good one would, but it carries nothing */
	say("done", what);
	while (!queue->closed)
		(void)turn(1000);
}
