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
 * imsg(3) for systems without it: OpenBSD's names and meaning, as far as
 * lib/ipc.c uses them.  A received message lies in the read buffer until the
 * next imsgbuf_read.
 */

#ifndef COMPAT_IMSG_H
#define COMPAT_IMSG_H

#include <sys/queue.h>
#include <sys/types.h>
#include <stdint.h>

struct ibuf {
	TAILQ_ENTRY(ibuf) entry;
	uint8_t		*data;
	size_t		 len;
	size_t		 size;
	size_t		 done;		/* octets already written */
	size_t		 max;
	int		 fd;
};
TAILQ_HEAD(ibufqueue, ibuf);

struct imsg_hdr {
	uint32_t	 type;
	uint32_t	 len;
	uint32_t	 peerid;
	uint32_t	 pid;
};

struct imsg {
	struct imsg_hdr	 hdr;
	struct ibuf	 buf;
};

struct imsgbuf {
	struct ibufqueue out;
	uint32_t	 queued;
	uint8_t		*in;
	size_t		 in_start, in_len, in_size, in_room;
	int		*fds;		/* received, not yet claimed */
	size_t		 nfds, fds_size;
	size_t		 maxsize;
	int		 fd;
	int		 fdpass;
};

int		 imsgbuf_init(struct imsgbuf *, int);
void		 imsgbuf_allow_fdpass(struct imsgbuf *);
int		 imsgbuf_set_maxsize(struct imsgbuf *, uint32_t);
int		 imsgbuf_read(struct imsgbuf *);	/* 1, 0: closed, -1 */
int		 imsgbuf_get(struct imsgbuf *, struct imsg *); /* 1, 0, -1 */
int		 imsgbuf_write(struct imsgbuf *);	/* 0, -1 */
int		 imsgbuf_flush(struct imsgbuf *);	/* 0, -1 */
uint32_t	 imsgbuf_queuelen(struct imsgbuf *);
void		 imsgbuf_clear(struct imsgbuf *);

struct ibuf	*imsg_create(struct imsgbuf *, uint32_t type, uint32_t id,
		    pid_t, size_t hint);
int		 imsg_add(struct ibuf *, const void *, size_t);
void		 imsg_close(struct imsgbuf *, struct ibuf *);
void		 ibuf_fd_set(struct ibuf *, int);
void		 ibuf_free(struct ibuf *);

uint32_t	 imsg_get_type(struct imsg *);
int		 imsg_get_ibuf(struct imsg *, struct ibuf *);
int		 imsg_get_fd(struct imsg *);
void		 imsg_free(struct imsg *);
void		*ibuf_data(const struct ibuf *);
size_t		 ibuf_size(const struct ibuf *);

#endif
