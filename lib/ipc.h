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
 * Messages between the roles: their types, by pair, and the channel that
 * carries them (imsg, many messages per write).
 *
 * Each type names sender and receiver; the receiver has one handler per type,
 * found through a table.  Ids cross a channel, never pointers; an answer for
 * an id that is gone is dropped.  A broken frame between siblings is fatal,
 * but from one that faces the network: there it is the end of the channel,
 * and its sender is blamed.
 * Fields are listed in the order in which they are put and got.
 */

#ifndef LIB_IPC_H
#define LIB_IPC_H

#include <sys/types.h>
#include <stdint.h>

/* Longest message: 64 KiB of content and room for its fields. */
#define IPC_MAX		(128 * 1024)
/* Content up to this travels inside a message, above it as a descriptor. */
#define IPC_INLINE	(64 * 1024)

enum ipc_type {
	IPC_NONE,

	/* parent -> every role */
	PARENT_FILE,		/* str path, bytes chunk: appended to path */
	PARENT_CONFIGURE,	/* u32 generation: parse the files, answer */
	PARENT_SWAP,		/* u32 generation: use what was parsed */
	PARENT_DROP,		/* u32 generation: forget what was parsed */
	PARENT_BEGIN,		/* every role uses the configuration */
	PARENT_PEER,		/* u32 enum role, fd: the channel to it */
	PARENT_LISTENER,	/* u32 generation, u32 index in conf, fd
				   (smtpd) */
	PARENT_BOUND,		/* u32 generation, str address, u16 port: a
				   listener has it (mta) */
	PARENT_CONTROL,		/* fd: listening control socket (queue) */
	PARENT_STOP,		/* finish what is being written, exit 0 */
	PARENT_VERBOSE,		/* u8 */

	/* every role -> parent */
	ROLE_HELLO,		/* str version: must be the parent's own */
	ROLE_PARSED,		/* u32 generation, str error or NULL */
	ROLE_SWAPPED,		/* u32 generation: it is in use */
	ROLE_LOG,		/* u8 level, str line */
	ROLE_BLAME,		/* u32 enum role: what it sent was none of our
				   messages, and it has to go */

	/* queue -> parent: what an administrator asked for */
	QUEUE_STOP,		/* u32 control client; the parent stops all */
	QUEUE_RELOAD,		/* u32 control client */
	QUEUE_VERBOSE,		/* u8 */
	/* parent -> queue */
	PARENT_RELOADED,	/* u32 control client, str error or NULL */

	/*
	 * smtpd -> queue: a transaction.  tx is smtpd's own number for it,
	 * never used again.
	 */
	SMTPD_MAIL,		/* u64 tx, facts, u32 max size declared,
				   u8 body 8bit, u8 smtputf8, str dsn ret,
				   str dsn envid, u64 bounce (0: none) */
	SMTPD_RCPT,		/* u64 tx, u32 number, str address,
				   str action, u8 local, str dsn orcpt,
				   str dsn notify */
	SMTPD_HEADER,		/* u64 tx, str value of the header that its
				   facts name, or NULL: the header section is
				   whole, rules that look at it can be asked */
	SMTPD_LARGE,		/* u64 tx: a file for large content */
	SMTPD_CONTENT,		/* u64 tx, u8 header beyond ASCII, bytes: all
				   of it, then commit */
	SMTPD_COMMIT,		/* u64 tx, u8 header beyond ASCII, u64 length,
				   u32 CRC-32C: the large file is whole */
	SMTPD_ABORT,		/* u64 tx: forget it (RSET, gone) */
	SMTPD_BOUNCE_REFUSED,	/* u64 bounce, str why: no way back */
	SMTPD_RDNS,		/* u64 ask, str address: a client's name */
	/* queue -> smtpd */
	QUEUE_RCPT,		/* u64 tx, u32 number, u64 message id,
				   u16 code, str reply (enhanced code first),
				   str cause; code 250: taken */
	QUEUE_HEADER,		/* u64 tx, u16 code, str reply, str cause;
				   250: every recipient has its binding */
	QUEUE_LARGE,		/* u64 tx, fd (none: reply 451) */
	QUEUE_STORED,		/* u64 tx, u16 code, str reply; 250: on disk */
	QUEUE_ACCEPTING,	/* u8: 0 means 452 4.3.1 at MAIL */
	QUEUE_BOUNCE,		/* u64 bounce, str rcpt, str action (of the
				   failed message), bytes content: comes back
				   as a transaction of its own */
	QUEUE_PAUSE,		/* u8 pause, 0 resume: accept no connection */
	QUEUE_NAME,		/* as MTA_RDNS */

	/* queue -> flush */
	FLUSH_FILE,		/* u32 number, fd: name a descriptor */
	FLUSH_SYNC,		/* u64 batch, u32 number: fdatasync it */
	FLUSH_CLOSE,		/* u32 number */
	/* flush -> queue */
	FLUSH_DONE,		/* u64 batch, u32 errno (0: on disk) */

	/*
	 * queue -> mta.  What has more than four fields has its put and get
	 * in lib/task.c.
	 */
	QUEUE_BIND,		/* u64 ask, facts, str rcpt, str action */
	QUEUE_WORK,		/* struct work: a lane has so many due */
	QUEUE_TASK,		/* struct task: the answer to a pull */
	QUEUE_SUSPEND,		/* str binding, str site, u8 on: a command's */
	QUEUE_RATE,		/* str key, u64 time: as MTA_RATE told it */
	QUEUE_RDNS,		/* as SMTPD_RDNS */
	QUEUE_ASK,		/* u32 client, u32 count, str command...: show,
				   match, test, trace, doing; count 0: the
				   client has gone */
	/* mta -> queue */
	MTA_BIND,		/* u64 ask, str binding (NULL: none, or queue
				   takes a member of the group), str group or
				   NULL, u32 rule, str where it stands or NULL,
				   str error (no binding) */
	MTA_PULL,		/* struct pull: a connection is ready */
	MTA_RESULT,		/* struct results: of a task, and a pull */
	MTA_ATTEMPT,		/* struct attempt_end */
	MTA_BINDING,		/* str binding, u8 up4, u8 up6, str reason;
				   up: the family is owned and usable now */
	MTA_DOING,		/* u32 client, u8 more, struct doing */
	MTA_RATE,		/* str key, u64 time (microseconds since the
				   Epoch): a long rate, to be kept */
	MTA_RDNS,		/* u64 ask, u8 failed (it may have a name),
				   str name that leads back, or NULL: none */
	MTA_ANSWER,		/* u32 client, u8 more, str row: see ctl.h */

	/* smtpd -> names, passwords; and back */
	SMTPD_NAME,		/* u64 ask, str user name */
	LOOKUP_NAME,		/* u64 ask, u8 exists (0 no, 1 yes, 2 error) */
	SMTPD_PASSWORD,		/* u64 ask, str client, str table, str user,
				   str password */
	LOOKUP_PASSWORD,	/* u64 ask, u8 ok (0 no, 1 yes, 2 busy) */
	SMTPD_UID,		/* u64 ask, u32 uid */
	LOOKUP_UID,		/* u64 ask, str user name or NULL */

	IPC_MAX_TYPE
};

struct ipc;

struct ipc_msg {
	enum ipc_type	 type;
	const uint8_t	*data;		/* what is left to get */
	size_t		 len;
	int		 fd;		/* -1, or the receiver's to close */
	int		 wary;		/* broken is not fatal, */
	int		 broken;	/* but seen: all else is 0 or NULL */
};

typedef void	 ipc_handler(struct ipc *, struct ipc_msg *);

struct ipc_entry {
	enum ipc_type	 type;
	ipc_handler	*handler;
};

/*
 * A channel on fd (made non-blocking, owned from now on).  entries ends with
 * { IPC_NONE, NULL } and stays the caller's.  closed is called once when the
 * other end is gone; the channel may be freed in it.  peer is for log lines.
 */
struct ipc	*ipc_new(int fd, const char *peer,
		    const struct ipc_entry *entries,
		    void (*closed)(struct ipc *, void *), void *arg);
void		 ipc_free(struct ipc *);
/*
 * The other end may have been broken into.  A message that is none ends the
 * channel as if that end were gone, and who does not read is not read.  It
 * has no descriptor to give.
 */
void		 ipc_distrust(struct ipc *);
/* In closed: whether a message that was none ended the channel. */
int		 ipc_was_broken(const struct ipc *);
/* Bytes not yet written: lets a sender hold back. */
size_t		 ipc_pending(struct ipc *);
/* Write out all that waits, blocking: only before an exit. */
void		 ipc_flush(struct ipc *);

/*
 * Build one message: begin, puts, end.  It is written when the event loop
 * comes round, with all others of that turn in as few writes as possible.
 * A string may be NULL, which is kept apart from "".
 */
void		 ipc_begin(struct ipc *, enum ipc_type);
void		 ipc_put_u8(struct ipc *, uint8_t);
void		 ipc_put_u16(struct ipc *, uint16_t);
void		 ipc_put_u32(struct ipc *, uint32_t);
void		 ipc_put_u64(struct ipc *, uint64_t);
void		 ipc_put_str(struct ipc *, const char *);
void		 ipc_put_bytes(struct ipc *, const void *, size_t);
/* fd is sent with this message and closed here once it has gone. */
void		 ipc_put_fd(struct ipc *, int fd);
void		 ipc_end(struct ipc *);

/*
 * Take a message apart, in order.  Too short is fatal, or what is missing is
 * 0 and NULL where the channel is distrusted.  Strings and bytes
 * point into the message: valid until the handler returns.
 */
uint8_t		 ipc_get_u8(struct ipc_msg *);
uint16_t	 ipc_get_u16(struct ipc_msg *);
uint32_t	 ipc_get_u32(struct ipc_msg *);
uint64_t	 ipc_get_u64(struct ipc_msg *);
const char	*ipc_get_str(struct ipc_msg *);
const void	*ipc_get_bytes(struct ipc_msg *, size_t *len);
/* The descriptor, now the caller's, or -1 where none came. */
int		 ipc_get_fd(struct ipc_msg *);
/* What ipc_get_str or ipc_get_bytes gave was a secret: overwrite it. */
void		 ipc_wipe(const void *, size_t);
/*
 * Nothing may be left; fatal, or broken, otherwise.  -1: the message is broken
 * and must have no effect.
 */
int		 ipc_get_end(struct ipc_msg *);

#endif
