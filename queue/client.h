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
 * The control socket: its clients, their filters, walks over the queue.
 */

#ifndef QUEUE_CLIENT_H
#define QUEUE_CLIENT_H

#include <sys/queue.h>
#include <sys/types.h>
#include <stdint.h>
#include "lib/address.h"
#include "lib/control.h"
#include "lib/ipc.h"
#include "lib/loop.h"
#include "queue/spool.h"

struct binding;
struct envelope;
struct io;
struct rcpt;

/* filter.c: FILTER of the commands; pure. */
struct filter {
	const char	*binding;
	const char	*domain;
	const char	*site;
	const char	*sender;
	const char	*auth;
	int64_t		 older;		/* seconds, -1: any */
	uint64_t	 id;
	uint32_t	 rcpt;		/* 0: all of the message */
	int		 has_id;
	int		 all;
	int		 by_lane;	/* domain is the lane's alone */
	char		 form[2][ADDRESS_MAX];	/* of domain and sender */
	char		 error[128];
};

struct filter_subject {
	uint64_t	 id;
	uint32_t	 rcpt;
	int64_t		 age;
	const char	*binding;
	const char	*destination;
	const char	*site;		/* or NULL */
	const struct envelope *envelope; /* where filter_reads() said so */
};

/*
 * Words from 0 on; how many were used, or -1 and *error.  Words that begin
 * no condition end it.  Strings are borrowed.
 */
int		 filter_parse(struct filter *, char **words, int n,
		    const char **error);
/* The one form of what names domains, in form; else it stays as it is. */
void		 filter_form(const char **value, int kinds, char *form);
/* Decided by what is in memory: 0 no, 1 yes, 2: the envelope is needed. */
int		 filter_quick(const struct filter *,
		    const struct filter_subject *);
int		 filter_match(const struct filter *,
		    const struct filter_subject *);

/* control.c: the socket, its clients, and walks over the queue. */
struct client {
	TAILQ_ENTRY(client) entry;
	struct io	*io;
	struct loop_job	 step;
	struct filter	 filter;	/* of the walk; strings in words */
	char		*line;		/* the request in work, or NULL */
	char		*words[CONTROL_WORDS];
	int		 nwords;
	int		 (*visit)(struct client *, struct rcpt *);
	int		 (*busy)(void);	/* no step while this holds; or NULL */
	void		 (*done)(struct client *);
	uint64_t	 cursor;	/* next message id */
	uint64_t	 count;		/* recipients visited that counted */
	uint64_t	 other;		/* a second count, the command's own */
	uint32_t	 number;
	uint32_t	 pending;	/* records not yet on disk */
	int		 error;		/* of one of them */
	uid_t		 uid;
	int		 only_count;
	uint8_t		 walking;
	uint8_t		 at_end;	/* the last id was looked at */
	uint8_t		 asked;		/* mta or parent is to answer */
	struct binding	*binding;	/* move: where to, or */
	const char	*group;
	char		**rest;		/* fail: the words of its text */
	int64_t		 until;		/* suspend: its end */
};

/* NULL: it has gone. */
struct client	*control_client(uint32_t number);
void		 control_listener(struct ipc *, struct ipc_msg *);
void		 control_answer(struct ipc *, struct ipc_msg *);
void		 control_reloaded(struct ipc *, struct ipc_msg *);
void		 control_mta_gone(void);
/* For whoever waits for the end of a reload. */
void		 control_reload_text(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
void		 control_tick(void);
/* One line of the answer; text has no newline. */
void		 control_text(struct client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 control_row_send(struct client *, struct control_row *);
/* The end of the answer. */
void		 control_done(struct client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 control_error(struct client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
/*
 * All recipients that client->filter takes, a few hundred a turn: visit says
 * whether one counts; done comes when all that they appended is on disk.
 */
void		 control_walk(struct client *,
		    int (*visit)(struct client *, struct rcpt *),
		    void (*done)(struct client *));
/* For a record: its done and argument, counted as pending. */
spool_done	 control_stored;
void		*control_pending(struct client *);
const char	*control_by(const struct client *);
/* mta is to answer these words. */
void		 control_ask_mta(struct client *);
void		 control_ask_parent(struct client *, enum ipc_type);
/* What the filter is told of a recipient. */
void		 control_subject(struct rcpt *, struct filter_subject *);

/* control_command.c: what changes something. */
void		 control_command(struct client *);
/* The last line of most commands: how many recipients counted. */
void		 control_recipients(struct client *);
/* Words as one text; what does not fit is cut. */
void		 control_join(char **words, int n, char *buf, size_t size);
/* control_suspend.c: what goes out or comes in, and what does not. */
void		 suspend_command(struct client *, char **words, int n);
void		 resume_command(struct client *, char **words, int n);
void		 pause_command(struct client *, char **words, int n);
/* control_show.c: bindings, stats; control_queue.c: single recipients. */
void		 show_command(struct client *, char **words, int n);
void		 show_queue(struct client *, char **words, int n);
void		 show_message(struct client *, const char *id);
void		 show_envelope(struct client *, const char *id);

#endif
