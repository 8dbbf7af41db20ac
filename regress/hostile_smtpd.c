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
 * smtpd after a break-in: see hostile.h.  Each attack is between two good
 * messages, or as many as it leaves time for; what the other roles answer is
 * looked at here, what they log and deliver in hostile_test.sh.
 */

#include "regress/hostile.h"

static const enum role	 hostile_as = ROLE_SMTPD;

#define GOOD	"good@acme.example"
#define DEST	"b@dest.example"

/* The texts of SMTPD_MAIL, in the order of lib/facts.c. */
enum {
	AUTH, USER, CLIENT, HELO, RDNS, TAG, SENDER, HEADER, VALUE, BINDING,
	GROUP, NFACTS
};

#define BIT_SOCKET	0x01
#define BIT_LOCAL	0x02
#define BIT_BOUNCE	0x08

/* What one SMTPD_MAIL says. */
struct mail {
	const char	*facts[NFACTS];
	const char	*ret;
	const char	*envid;
	uint64_t	 bounce;
	uint8_t		 bits;
};

static struct end	*queue = &to[ROLE_QUEUE];
static uint64_t		 last;		/* transaction */

static struct mail
good_mail(void)
{
	struct mail	 m = { .bits = BIT_LOCAL };

	m.facts[AUTH] = "acme";
	m.facts[CLIENT] = "127.0.0.1";
	m.facts[HELO] = "client.example";
	m.facts[SENDER] = GOOD;
	return (m);
}

static void
mail_fill(uint64_t tx, const struct mail *m)
{
	int	 i;

	begin(SMTPD_MAIL);
	put_u64(tx);
	put_u8(m->bits);
	for (i = 0; i < NFACTS; i++)
		put_str(m->facts[i]);
	put_u32(0);
	put_u8(0);
	put_u8(0);
	put_str(m->ret);
	put_str(m->envid);
	put_u64(m->bounce);
}

static uint64_t
mail(const struct mail *m)
{
	mail_fill(++last, m);
	(void)send_frame(queue);
	return (last);
}

static void
rcpt_fill(uint64_t tx, const char *address, const char *action,
    const char *orcpt, const char *notify)
{
	begin(SMTPD_RCPT);
	put_u64(tx);
	put_u32(1);
	put_str(address);
	put_str(action);
	put_u8(0);
	put_str(orcpt);
	put_str(notify);
}

static void
rcpt(uint64_t tx, const char *address)
{
	rcpt_fill(tx, address, "out", NULL, NULL);
	(void)send_frame(queue);
}

/* The code of QUEUE_RCPT for tx; 0: none came. */
static int
rcpt_code(uint64_t tx)
{
	struct ipc_msg	 m;

	while (await(queue, QUEUE_RCPT, &m) != 0) {
		if (ipc_get_u64(&m) != tx)
			continue;
		(void)ipc_get_u32(&m);
		(void)ipc_get_u64(&m);
		return (ipc_get_u16(&m));
	}
	return (0);
}

static void
content(uint64_t tx, const char *id)
{
	char	 text[256];

	(void)snprintf(text, sizeof(text), "From: <%s>\r\nX-Test-Id: %s\r\n"
	    "\r\nHello.\r\n", GOOD, id);
	begin(SMTPD_CONTENT);
	put_u64(tx);
	put_u8(0);
	put_bytes(text, strlen(text));
	(void)send_frame(queue);
}

static int
stored_code(uint64_t tx)
{
	struct ipc_msg	 m;

	while (await(queue, QUEUE_STORED, &m) != 0)
		if (ipc_get_u64(&m) == tx)
			return (ipc_get_u16(&m));
	return (0);
}

static void
send_abort(uint64_t tx)
{
	begin(SMTPD_ABORT);
	put_u64(tx);
	(void)send_frame(queue);
}

/* A whole message of good conduct. */
static void
good(const char *id)
{
	struct mail	 m = good_mail();
	char		 what[64];
	uint64_t	 tx = mail(&m);
	int		 code;

	rcpt(tx, DEST);
	code = rcpt_code(tx);
	if (code == 250) {
		content(tx, id);
		code = stored_code(tx);
	}
	(void)snprintf(what, sizeof(what), "good %s: %d", id, code);
	check(code == 250, what);
}

/* Frames and messages that are none: each is the end of the channel. */

static void
bad_short_frame(void)
{
	begin(SMTPD_ABORT);
	claim(3);
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
}

static void
bad_long_frame(void)
{
	begin(SMTPD_ABORT);
	claim(0x7fffffff);
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
}

static void
bad_unknown_type(void)
{
	begin(IPC_MAX_TYPE + 7);
	(void)send_frame(queue);
}

static void
bad_type_of_parent(void)
{
	begin(PARENT_STOP);
	(void)send_frame(queue);
}

static void
bad_type_of_mta(void)
{
	begin(MTA_BIND);
	put_u64(1);
	put_str("acme");
	put_str(NULL);
	put_u32(1);
	put_str(NULL);
	(void)send_frame(queue);
}

static void
bad_short_mail(void)
{
	begin(SMTPD_MAIL);
	put_u64(++last);
	put_u8(0);
	put_str("acme");
	(void)send_frame(queue);
}

/* Everything but the content: nothing may be stored for it. */
static void
bad_short_content(void)
{
	struct mail	 m = good_mail();
	uint64_t	 tx = mail(&m);

	rcpt(tx, DEST);
	(void)rcpt_code(tx);
	begin(SMTPD_CONTENT);
	put_u64(tx);
	put_u8(0);
	put_u32(4000);
	put("cut", 3);
	(void)send_frame(queue);
}

static void
bad_string(void)
{
	begin(SMTPD_RDNS);
	put_u64(1);
	put_u32(9);
	put("127.0.0.1!", 10);
	(void)send_frame(queue);
}

static void
bad_string_length(void)
{
	begin(SMTPD_BOUNCE_REFUSED);
	put_u64(1);
	put_u32(0xfffffffe);
	put("x", 2);
	(void)send_frame(queue);
}

static void
bad_more(void)
{
	begin(SMTPD_ABORT);
	put_u64(1);
	put_str("and more");
	(void)send_frame(queue);
}

static void
bad_number_again(void)
{
	struct mail	 m = good_mail();
	uint64_t	 tx = mail(&m);

	mail_fill(tx, &m);
	(void)send_frame(queue);
}

static void
bad_descriptor(void)
{
	int	 fd = open("/dev/null", O_RDONLY);

	begin(SMTPD_ABORT);
	put_u64(1);
	claim((uint32_t)frame.len | FRAME_FD);
	(void)push(queue, frame.octets, frame.len, &fd, 1, ANSWER_WAIT);
}

/* The message says that one comes, and none does. */
static void
bad_no_descriptor(void)
{
	begin(SMTPD_ABORT);
	put_u64(1);
	claim((uint32_t)frame.len | FRAME_FD);
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
}

/* Always some, and never a whole message: they must not pile up. */
static void
bad_descriptors(void)
{
	int	 fds[10], i;

	for (i = 0; i < 10; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	begin(SMTPD_ABORT);
	put_u64(1);
	claim(100 * 1024);
	(void)push(queue, frame.octets, frame.len, NULL, 0, ANSWER_WAIT);
	for (i = 0; i < 1000; i++)
		if (push(queue, "x", 1, fds, 10, 1000) == -1)
			break;
}

/* Noise: the same for whoever wants to see it again. */
static void
bad_noise(void)
{
	unsigned char	 noise[64 * 1024];
	uint32_t	 x = 2463534242U;
	size_t		 i;

	for (i = 0; i < sizeof(noise); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		noise[i] = (unsigned char)x;
	}
	(void)push(queue, noise, sizeof(noise), NULL, 0, 1000);
}

/* What queue cannot believe: refused, and the channel stays. */

static int
refused_mail(const struct mail *m)
{
	uint64_t	 tx = mail(m);

	rcpt(tx, DEST);
	return (rcpt_code(tx) == 451);
}

static void
facts(void)
{
	static const struct {
		const char	*what;
		size_t		 longest;
		int		 text;
	} limits[] = {
		{ "auth", 255, AUTH }, { "user", 255, USER },
		{ "helo", 255, HELO }, { "rdns", 255, RDNS },
		{ "tag", 255, TAG }, { "header", 76, HEADER }
	};
	static char	 text[120 * 1024];
	struct mail	 m;
	uint64_t	 tx;
	size_t		 i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		m = good_mail();
		memset(text, 'a', sizeof(text) - 1);
		m.facts[limits[i].text] = text;
		check(refused_mail(&m), limits[i].what);
		text[limits[i].longest + 1] = '\0';
		check(refused_mail(&m), limits[i].what);
		text[limits[i].longest] = '\0';
		/* who logs in is acme, or has no binding */
		tx = mail(&m);
		rcpt(tx, DEST);
		check(rcpt_code(tx) ==
		    (limits[i].text == AUTH ? 451 : 250), limits[i].what);
		memset(text, 'a', sizeof(text) - 1);
		m = good_mail();
		m.facts[limits[i].text] = "a\nb 1";
		check(refused_mail(&m), "a line in a text");
	}
	m = good_mail();
	m.facts[CLIENT] = "somewhere";
	check(refused_mail(&m), "client");
	m = good_mail();
	m.facts[SENDER] = NULL;
	check(refused_mail(&m), "no sender");
	m.facts[SENDER] = "a@example.com>\r\nRSET\r\nMAIL FROM:<b@x.example";
	check(refused_mail(&m), "commands in a sender");
	m.facts[SENDER] = "a@example.com> SIZE=1";
	check(refused_mail(&m), "a parameter in a sender");
	m = good_mail();
	m.ret = "FULL BODY=8BITMIME";
	check(refused_mail(&m), "RET");
	m.ret = "FULL\r\nQUIT";
	check(refused_mail(&m), "a command in RET");
	m = good_mail();
	m.envid = "x\r\nQUIT";
	check(refused_mail(&m), "a command in ENVID");
	text[101] = '\0';
	m.envid = text;
	check(refused_mail(&m), "ENVID");
	m = good_mail();
	m.ret = "HDRS";
	m.envid = "a+20b";
	tx = mail(&m);
	rcpt(tx, DEST);
	check(rcpt_code(tx) == 250, "DSN as it should be");
	send_abort(tx);
}

static void
recipients(void)
{
	static char	 text[100 * 1024];
	struct mail	 m = good_mail();
	uint64_t	 tx;
	int		 i;
	const struct {
		const char	*what, *address, *action, *orcpt, *notify;
	} bad[] = {
		{ "long address", text, "out", NULL, NULL },
		{ "no address", NULL, "out", NULL, NULL },
		{ "commands in an address", "a@b.example>\r\nDATA", "out",
		    NULL, NULL },
		{ "long action", DEST, text, NULL, NULL },
		{ "no action", DEST, NULL, NULL, NULL },
		{ "long ORCPT", DEST, "out", text, NULL },
		{ "long NOTIFY", DEST, "out", NULL, text },
		{ "a command in NOTIFY", DEST, "out", NULL, "NEVER\r\nX" },
	};

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "a@", 2);
	for (i = 0; i < (int)(sizeof(bad) / sizeof(bad[0])); i++) {
		tx = mail(&m);
		rcpt_fill(tx, bad[i].address, bad[i].action, bad[i].orcpt,
		    bad[i].notify);
		(void)send_frame(queue);
		check(rcpt_code(tx) == 451, bad[i].what);
		/* and there is nobody whom the content could go to */
		content(tx, "nobody");
		check(stored_code(tx) == 451, bad[i].what);
	}
	/* in a wrong order */
	content(last, "again");
	rcpt(last + 1000, DEST);
	check(rcpt_code(last + 1000) == 451, "no transaction");
	tx = mail(&m);
	content(tx, "early");
	check(stored_code(tx) == 451, "content before a recipient");
	begin(SMTPD_COMMIT);
	put_u64(tx);
	put_u8(0);
	put_u64(UINT64_MAX);
	put_u32(0);
	(void)send_frame(queue);
	begin(SMTPD_HEADER);
	put_u64(tx);
	put_str(text);
	(void)send_frame(queue);
}

/* A file that is shorter than it is said to be, and one that is never used. */
static void
large(void)
{
	struct mail	 m = good_mail();
	struct ipc_msg	 msg;
	uint64_t	 tx = mail(&m);

	rcpt(tx, DEST);
	check(rcpt_code(tx) == 250, "recipient of a large message");
	begin(SMTPD_LARGE);
	put_u64(tx);
	(void)send_frame(queue);
	check(await(queue, QUEUE_LARGE, &msg) != 0 && msg.fd != -1, "a file");
	begin(SMTPD_LARGE);
	put_u64(tx);
	(void)send_frame(queue);
	check(write(msg.fd, "short", 5) == 5, "written");
	begin(SMTPD_COMMIT);
	put_u64(tx);
	put_u8(0);
	put_u64(UINT64_MAX - 1);
	put_u32(0);
	(void)send_frame(queue);
	check(stored_code(tx) == 451, "a file that is too short");
	tx = mail(&m);
	begin(SMTPD_LARGE);
	put_u64(tx);
	(void)send_frame(queue);
	(void)await(queue, QUEUE_LARGE, &msg);
	content(tx, "both");
	check(stored_code(tx) == 451, "a file and content");
}

/* Nobody of these may get a binding: no rule names one for them. */
static void
bindings(void)
{
	struct mail	 m;
	uint64_t	 tx;

	memset(&m, 0, sizeof(m));
	m.facts[SENDER] = "eve@evil.example";
	m.facts[BINDING] = "acme";
	m.bits = BIT_BOUNCE | BIT_LOCAL | BIT_SOCKET;
	check(refused_mail(&m), "a bounce that is none");
	m.facts[SENDER] = "";
	m.facts[GROUP] = "acme";
	check(refused_mail(&m), "a bounce of a group that is none");
	m.facts[GROUP] = NULL;
	m.bits = BIT_LOCAL;
	check(refused_mail(&m), "a binding without a bounce");
	for (m.bounce = 1; m.bounce < 4; m.bounce++)
		check(refused_mail(&m), "a bounce that nobody gave");
	m.bounce = UINT64_MAX;
	m.bits = BIT_BOUNCE;
	check(refused_mail(&m), "the last bounce");
	begin(SMTPD_BOUNCE_REFUSED);
	put_u64(1);
	put_str("550 5.1.1 no\nqueue: delivered");
	(void)send_frame(queue);
	tx = mail(&m);
	content(tx, "nobody");
}

/* A bounce that is known: to its sender, once, by the message's binding. */
static void
bounces(void)
{
	struct ipc_msg	 msg;
	struct mail	 m = good_mail();
	uint64_t	 tx, other, id;
	char		 sender[64];

	tx = mail(&m);
	rcpt(tx, "b@bad.example");
	check(rcpt_code(tx) == 250, "what will bounce");
	content(tx, "bounces");
	check(stored_code(tx) == 250, "what will bounce is stored");
	if (await(queue, QUEUE_BOUNCE, &msg) == 0) {
		check(0, "a bounce");
		return;
	}
	id = ipc_get_u64(&msg);
	(void)strlcpy(sender, ipc_get_str(&msg), sizeof(sender));
	/* the attacker says whatever it likes of it */
	memset(&m, 0, sizeof(m));
	m.facts[SENDER] = "eve@evil.example";
	m.facts[BINDING] = "globex";
	m.facts[AUTH] = "globex";
	m.bounce = id;
	tx = mail(&m);
	rcpt(tx, "victim@dest.example");
	check(rcpt_code(tx) == 451, "a bounce to somebody else");
	other = mail(&m);
	rcpt(other, sender);
	check(rcpt_code(other) == 451, "a bounce twice");
	rcpt(tx, sender);
	check(rcpt_code(tx) == 250, "a bounce to its sender");
	rcpt(tx, sender);
	check(rcpt_code(tx) == 451, "a second recipient");
	content(tx, "bounce");
	check(stored_code(tx) == 250, "the bounce is stored");
	tx = mail(&m);
	rcpt(tx, sender);
	check(rcpt_code(tx) == 451, "a bounce that is over");
}

/* Floods: queue's memory is looked at by who started this. */

static void
flood_mail(void)
{
	static char	 text[110 * 1024];
	struct mail	 m = good_mail();
	int		 i;

	/* of long texts */
	memset(text, 'a', sizeof(text) - 1);
	m.facts[TAG] = text;
	for (i = 0; i < 1500; i++)
		(void)mail(&m);
	/* of transactions */
	m = good_mail();
	for (i = 0; i < 200000; i++)
		(void)mail(&m);
	for (i = 1; i <= (int)last; i++)
		send_abort((uint64_t)i);
}

static void
flood_rcpt(void)
{
	struct mail	 m = good_mail();
	struct ipc_msg	 msg;
	uint64_t	 tx = 0, first = last + 1;
	int		 i;

	for (i = 0; i < 100000; i++) {
		if (i % 1000 == 0)
			tx = mail(&m);
		rcpt(tx, DEST);
		while (receive(queue, &msg, 0) != 0)
			continue;
	}
	while (first <= last)
		send_abort(first++);
}

/* Answers that nobody reads are not made without end. */
static void
flood_unread(void)
{
	struct ipc_msg	 m;
	int64_t		 until = now_ms() + 5000;

	while (now_ms() < until) {
		begin(SMTPD_RCPT);
		put_u64(UINT64_MAX);
		put_u32(1);
		put_str(DEST);
		put_str("out");
		put_u8(0);
		put_str(NULL);
		put_str(NULL);
		claim((uint32_t)frame.len);
		if (push(queue, frame.octets, frame.len, NULL, 0, 1000) == -1)
			break;
	}
	check(now_ms() < until, "queue takes no more");
	while (receive(queue, &m, 1000) != 0)
		continue;
}

/* Files that nobody takes: queue must not run out of descriptors. */
static void
flood_large(void)
{
	struct mail	 m = good_mail();
	struct ipc_msg	 msg;
	uint64_t	 tx, first = last + 1;
	int		 i;

	for (i = 0; i < 4000; i++) {
		mail_fill(tx = ++last, &m);
		claim((uint32_t)frame.len);
		if (push(queue, frame.octets, frame.len, NULL, 0, 1000) == -1)
			break;
		begin(SMTPD_LARGE);
		put_u64(tx);
		claim((uint32_t)frame.len);
		if (push(queue, frame.octets, frame.len, NULL, 0, 1000) == -1)
			break;
	}
	say("filled", "");
	sleep(2);
	while (receive(queue, &msg, 1000) != 0)
		if (msg.fd != -1)
			close(msg.fd);
	while (first <= last)
		send_abort(first++);
}

static void
flood_rdns(void)
{
	struct ipc_msg	 m;
	int		 i;

	for (i = 0; i < 50000; i++) {
		begin(SMTPD_RDNS);
		put_u64((uint64_t)i);
		put_str(i % 3 == 0 ? NULL : i % 3 == 1 ? "127.0.0.1\n" :
		    "no address at all");
		(void)send_frame(queue);
		while (receive(queue, &m, 0) != 0)
			continue;
	}
}

/* The other roles. */

static void
names(void)
{
	static char	 text[100 * 1024];
	struct end	*e = &to[ROLE_NAMES];
	struct ipc_msg	 m;
	int		 i;

	memset(text, 'a', sizeof(text) - 1);
	begin(SMTPD_NAME);
	put_u64(7);
	put_str(text);
	(void)send_frame(e);
	check(await(e, LOOKUP_NAME, &m) != 0 && ipc_get_u64(&m) == 7 &&
	    ipc_get_u8(&m) == 0, "a long name");
	for (i = 0; i < 2000; i++) {
		begin(SMTPD_UID);
		put_u64((uint64_t)i);
		put_u32((uint32_t)(i * 7919));
		(void)send_frame(e);
	}
	for (i = 0; i < 2000 && await(e, LOOKUP_UID, &m) != 0; i++)
		continue;
	check(i == 2000, "many uids");
	begin(SMTPD_UID);
	put_u64(1);
	(void)send_frame(e);
	check(ends(e), "names ends the channel");
}

static void
passwords(void)
{
	static char	 text[100 * 1024];
	struct end	*e = &to[ROLE_PASSWORDS];
	struct ipc_msg	 m;
	int		 i;

	memset(text, 'a', sizeof(text) - 1);
	for (i = 0; i < 300; i++) {
		begin(SMTPD_PASSWORD);
		put_u64((uint64_t)i);
		put_str("127.0.0.1");
		put_str("nosuchtable");
		put_str("acme");
		put_str(i % 2 == 0 ? text : NULL);
		(void)send_frame(e);
	}
	for (i = 0; i < 300 && await(e, LOOKUP_PASSWORD, &m) != 0; i++)
		if (ipc_get_u64(&m) < 300 && ipc_get_u8(&m) == 1)
			check(0, "a password that is none");
	check(i == 300, "many passwords");
	begin(SMTPD_PASSWORD);
	put_u64(1);
	put_u32(0x7ffffff0);
	(void)send_frame(e);
	check(ends(e), "passwords ends the channel");
}

/* Out of order, about others, and many. */
static void
parent(void)
{
	static char	 text[100 * 1024];
	int		 i;

	for (i = 0; i < 5; i++) {
		begin(ROLE_PARSED);
		put_u32((uint32_t)i);
		put_str("no\nsmtpd: forged");
		(void)send_frame(&to_parent);
		begin(ROLE_SWAPPED);
		put_u32((uint32_t)i);
		(void)send_frame(&to_parent);
		begin(ROLE_HELLO);
		put_str(BINDERY_VERSION);
		(void)send_frame(&to_parent);
	}
	begin(ROLE_LOG);
	put_u8(200);
	put_str("queue: forged\nqueue: forged");
	(void)send_frame(&to_parent);
	memset(text, 'a', sizeof(text) - 1);
	for (i = 0; i < 500; i++) {
		begin(ROLE_LOG);
		put_u8(1);
		put_str(text);
		(void)send_frame(&to_parent);
	}
}

static void
parent_type(void)
{
	begin(QUEUE_STOP);
	put_u32(1);
	(void)send_frame(&to_parent);
	check(ends(&to_parent), "parent ends the channel");
}

static void
parent_blame(void)
{
	begin(ROLE_BLAME);
	put_u32(ROLE_QUEUE);
	(void)send_frame(&to_parent);
	check(ends(&to_parent), "parent ends the channel");
}

static void
parent_short(void)
{
	begin(ROLE_PARSED);
	put_u8(1);
	(void)send_frame(&to_parent);
	check(ends(&to_parent), "parent ends the channel");
}

/* Before queue has a configuration. */
static void
early(void)
{
	struct mail	 m = good_mail();
	struct ipc_msg	 msg;
	uint64_t	 tx;
	int		 code;

	while (queue->fd == -1 && receive(&to_parent, &msg, ANSWER_WAIT) != 0)
		answer_parent(&msg);
	tx = mail(&m);
	rcpt(tx, DEST);
	content(tx, "early");
	begin(SMTPD_LARGE);
	put_u64(tx);
	(void)send_frame(queue);
	settle_in();
	/* it may have been soon enough */
	code = rcpt_code(tx);
	check(code != 0, "an answer");
	if (code == 250 && stored_code(tx) == 250)
		say("ok", "stored early");
}

static const struct {
	const char	*name;
	void		 (*run)(void);
	enum { NOTHING, QUEUE, OTHER } ends;	/* whose channel */
} attacks[] = {
	{ "short-frame", bad_short_frame, QUEUE },
	{ "long-frame", bad_long_frame, QUEUE },
	{ "unknown-type", bad_unknown_type, QUEUE },
	{ "type-of-parent", bad_type_of_parent, QUEUE },
	{ "type-of-mta", bad_type_of_mta, QUEUE },
	{ "short-mail", bad_short_mail, QUEUE },
	{ "short-content", bad_short_content, QUEUE },
	{ "string", bad_string, QUEUE },
	{ "string-length", bad_string_length, QUEUE },
	{ "more", bad_more, QUEUE },
	{ "number-again", bad_number_again, QUEUE },
	{ "descriptor", bad_descriptor, QUEUE },
	{ "no-descriptor", bad_no_descriptor, QUEUE },
	{ "descriptors", bad_descriptors, QUEUE },
	{ "noise", bad_noise, QUEUE },
	{ "facts", facts, NOTHING },
	{ "recipients", recipients, NOTHING },
	{ "large", large, NOTHING },
	{ "bindings", bindings, NOTHING },
	{ "bounces", bounces, NOTHING },
	{ "flood-mail", flood_mail, NOTHING },
	{ "flood-rcpt", flood_rcpt, NOTHING },
	{ "flood-unread", flood_unread, NOTHING },
	{ "flood-large", flood_large, NOTHING },
	{ "flood-rdns", flood_rdns, NOTHING },
	{ "names", names, OTHER },
	{ "passwords", passwords, OTHER },
	{ "parent", parent, NOTHING },
	{ "parent-type", parent_type, OTHER },
	{ "parent-blame", parent_blame, OTHER },
	{ "parent-short", parent_short, OTHER },
};

static void
hostile(const char *what)
{
	size_t	 i;

	if (strcmp(what, "early") == 0)
		early();
	else
		settle_in();
	good("before");
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		if (strcmp(attacks[i].name, what) != 0)
			continue;
		attacks[i].run();
		if (attacks[i].ends == QUEUE)
			check(ends(queue), "queue ends the channel");
		/* the parent's kill is on its way */
		if (attacks[i].ends != NOTHING)
			return;
	}
	good("after");
}
