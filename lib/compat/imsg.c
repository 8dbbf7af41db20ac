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
 * imsg(3) for systems without it.  Only lib/ipc.c calls it.  Descriptors are
 * received close-on-exec; one that nobody claims is closed.
 */

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <imsg.h>

/* Room for a read: more when one was filled. */
#define READ_LEAST	4096
#define READ_MOST	65536
#define WRITE_IOVS	512
#define READ_FDS	16
/* Received and not claimed yet: only a break-in sends more. */
#define FDS_MAX		64
/* In len: a descriptor comes with this message. */
#define HDR_FD		0x80000000U

static int	 fd_keep(struct imsgbuf *, int);
static int	 fds_keep(struct imsgbuf *, struct msghdr *);
static int	 room_for(struct imsgbuf *, size_t);

int
imsgbuf_init(struct imsgbuf *b, int fd)
{
	memset(b, 0, sizeof(*b));
	TAILQ_INIT(&b->out);
	b->fd = fd;
	b->maxsize = 16384;
	b->in_room = READ_LEAST;
	return (0);
}

void
imsgbuf_allow_fdpass(struct imsgbuf *b)
{
	b->fdpass = 1;
}

int
imsgbuf_set_maxsize(struct imsgbuf *b, uint32_t size)
{
	b->maxsize = size + sizeof(struct imsg_hdr);
	return (0);
}

uint32_t
imsgbuf_queuelen(struct imsgbuf *b)
{
	return (b->queued);
}

void
imsgbuf_clear(struct imsgbuf *b)
{
	struct ibuf	*buf;

	while ((buf = TAILQ_FIRST(&b->out)) != NULL) {
		TAILQ_REMOVE(&b->out, buf, entry);
		ibuf_free(buf);
	}
	b->queued = 0;
	while (b->nfds > 0)
		if (b->fds[--b->nfds] != -1)
			close(b->fds[b->nfds]);
	free(b->fds);
	freezero(b->in, b->in_size);
	b->fds = NULL;
	b->in = NULL;
	b->in_start = b->in_len = b->in_size = b->fds_size = 0;
}

/* Make room for n more octets behind what is there. */
static int
room_for(struct imsgbuf *b, size_t n)
{
	uint8_t	*in;
	size_t	 size, stale;

	if (b->in_start > 0) {
		memmove(b->in, b->in + b->in_start, b->in_len);
		/* no second copy: whoever reads it may want to wipe it */
		stale = b->in_start > b->in_len ? b->in_start : b->in_len;
		explicit_bzero(b->in + stale,
		    b->in_start + b->in_len - stale);
		b->in_start = 0;
	}
	if (b->in_size - b->in_len >= n)
		return (0);
	size = b->in_len + n;
	/* what is not read into is not touched, and costs no memory */
	if ((in = malloc(size)) == NULL)
		return (-1);
	if (b->in != NULL)
		memcpy(in, b->in, b->in_len);
	freezero(b->in, b->in_size);
	b->in = in;
	b->in_size = size;
	return (0);
}

/* -1 stands for one that was lost. */
static int
fd_keep(struct imsgbuf *b, int fd)
{
	int	*fds = NULL;

	if (b->nfds < FDS_MAX)
		fds = recallocarray(b->fds, b->nfds, b->nfds + 1,
		    sizeof(*fds));
	if (fds == NULL) {
		if (fd != -1)
			close(fd);
		errno = b->nfds < FDS_MAX ? ENOMEM : EBADMSG;
		return (-1);
	}
	b->fds = fds;
	b->fds[b->nfds++] = fd;
	return (0);
}

/*
 * Where a process has no descriptor left the kernel drops the one that came:
 * its message is delivered without.
 */
static int
fds_keep(struct imsgbuf *b, struct msghdr *msg)
{
	struct cmsghdr	*c;
	int		 fd;
	size_t		 i, n;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (!b->fdpass)
				close(fd);
			else if (fd_keep(b, fd) == -1)
				return (-1);
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		return (fd_keep(b, -1));
	return (0);
}

int
imsgbuf_read(struct imsgbuf *b)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int) * READ_FDS)];
	}		 control;
	struct msghdr	 msg;
	struct iovec	 iov;
	ssize_t		 n;

	if (room_for(b, b->in_room) == -1)
		return (-1);
	memset(&msg, 0, sizeof(msg));
	iov.iov_base = b->in + b->in_len;
	iov.iov_len = b->in_size - b->in_len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	do
		n = recvmsg(b->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return (1);
	if (n <= 0)
		return (n == -1 ? -1 : 0);
	b->in_len += n;
	if ((size_t)n == iov.iov_len && b->in_room < READ_MOST)
		b->in_room *= 2;
	if (fds_keep(b, &msg) == -1)
		return (-1);
	return (1);
}

int
imsgbuf_get(struct imsgbuf *b, struct imsg *imsg)
{
	uint32_t	 len;

	memset(imsg, 0, sizeof(*imsg));
	imsg->buf.fd = -1;
	if (b->in_len < sizeof(imsg->hdr))
		return (0);
	memcpy(&imsg->hdr, b->in + b->in_start, sizeof(imsg->hdr));
	len = imsg->hdr.len & ~HDR_FD;
	if (len < sizeof(imsg->hdr) || len > b->maxsize) {
		errno = ERANGE;
		return (-1);
	}
	if (b->in_len < len)
		return (0);
	if (imsg->hdr.len & HDR_FD) {
		if (b->nfds == 0) {
			errno = EBADMSG;
			return (-1);
		}
		imsg->buf.fd = b->fds[0];
		b->nfds--;
		memmove(b->fds, b->fds + 1, b->nfds * sizeof(*b->fds));
	}
	imsg->buf.data = b->in + b->in_start + sizeof(imsg->hdr);
	imsg->buf.len = len - sizeof(imsg->hdr);
	b->in_start += len;
	b->in_len -= len;
	/* each comes with the first octet of its message */
	while (b->in_len == 0 && b->nfds > 0)
		if (b->fds[--b->nfds] != -1)
			close(b->fds[b->nfds]);
	return (1);
}

/*
 * One sendmsg of as many messages as there are, ending before the next one
 * that carries a descriptor: that has to be the first of its call.
 */
static int
write_some(struct imsgbuf *b)
{
	union {
		struct cmsghdr	 hdr;
		char		 buf[CMSG_SPACE(sizeof(int))];
	}		 control;
	struct msghdr	 msg;
	struct iovec	 iov[WRITE_IOVS];
	struct cmsghdr	*c;
	struct ibuf	*buf;
	ssize_t		 n;
	size_t		 left;
	int		 i;

	memset(&msg, 0, sizeof(msg));
	i = 0;
	TAILQ_FOREACH(buf, &b->out, entry) {
		if (i == WRITE_IOVS || (i > 0 && buf->fd != -1))
			break;
		iov[i].iov_base = buf->data + buf->done;
		iov[i++].iov_len = buf->len - buf->done;
	}
	msg.msg_iov = iov;
	msg.msg_iovlen = i;
	buf = TAILQ_FIRST(&b->out);
	if (buf->fd != -1) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_len = CMSG_LEN(sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(c), &buf->fd, sizeof(int));
	}
	do
		n = sendmsg(b->fd, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return (-1);
	if (buf->fd != -1) {
		close(buf->fd);
		buf->fd = -1;
	}
	for (left = n; left > 0; ) {
		buf = TAILQ_FIRST(&b->out);
		if (left < buf->len - buf->done) {
			buf->done += left;
			break;
		}
		left -= buf->len - buf->done;
		TAILQ_REMOVE(&b->out, buf, entry);
		b->queued--;
		ibuf_free(buf);
	}
	return (0);
}

int
imsgbuf_write(struct imsgbuf *b)
{
	while (!TAILQ_EMPTY(&b->out)) {
		if (write_some(b) == 0)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			return (0);
		return (-1);
	}
	return (0);
}

int
imsgbuf_flush(struct imsgbuf *b)
{
	struct pollfd	 pfd;

	while (!TAILQ_EMPTY(&b->out)) {
		if (imsgbuf_write(b) == -1)
			return (-1);
		if (TAILQ_EMPTY(&b->out))
			break;
		pfd.fd = b->fd;
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, 10000) == 0) {
			errno = ETIMEDOUT;
			return (-1);
		}
	}
	return (0);
}

struct ibuf *
imsg_create(struct imsgbuf *b, uint32_t type, uint32_t id, pid_t pid,
    size_t hint)
{
	struct imsg_hdr	 hdr = { type, 0, id, (uint32_t)pid };
	struct ibuf	*buf;

	if ((buf = calloc(1, sizeof(*buf))) == NULL)
		return (NULL);
	buf->fd = -1;
	buf->max = b->maxsize;
	buf->size = hint + sizeof(hdr);
	if ((buf->data = malloc(buf->size)) == NULL ||
	    imsg_add(buf, &hdr, sizeof(hdr)) == -1) {
		ibuf_free(buf);
		return (NULL);
	}
	return (buf);
}

int
imsg_add(struct ibuf *buf, const void *data, size_t len)
{
	uint8_t	*p;
	size_t	 size;

	if (len > buf->max || buf->len + len > buf->max) {
		errno = ERANGE;
		return (-1);
	}
	if (buf->len + len > buf->size) {
		size = buf->size * 2 > buf->len + len ?
		    buf->size * 2 : buf->len + len;
		if ((p = realloc(buf->data, size)) == NULL)
			return (-1);
		buf->data = p;
		buf->size = size;
	}
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return ((int)len);
}

void
imsg_close(struct imsgbuf *b, struct ibuf *buf)
{
	uint32_t	 len;

	len = buf->len;
	if (buf->fd != -1)
		len |= HDR_FD;
	memcpy(buf->data + offsetof(struct imsg_hdr, len), &len, sizeof(len));
	TAILQ_INSERT_TAIL(&b->out, buf, entry);
	b->queued++;
}

void
ibuf_fd_set(struct ibuf *buf, int fd)
{
	if (buf->fd != -1)
		close(buf->fd);
	buf->fd = fd;
}

void
ibuf_free(struct ibuf *buf)
{
	if (buf == NULL)
		return;
	if (buf->fd != -1)
		close(buf->fd);
	freezero(buf->data, buf->len);	/* keys travel here */
	free(buf);
}

uint32_t
imsg_get_type(struct imsg *imsg)
{
	return (imsg->hdr.type);
}

int
imsg_get_ibuf(struct imsg *imsg, struct ibuf *buf)
{
	*buf = imsg->buf;
	buf->fd = -1;
	return (0);
}

int
imsg_get_fd(struct imsg *imsg)
{
	int	 fd;

	fd = imsg->buf.fd;
	imsg->buf.fd = -1;
	return (fd);
}

void
imsg_free(struct imsg *imsg)
{
	if (imsg->buf.fd != -1)
		close(imsg->buf.fd);
	imsg->buf.fd = -1;
}

void *
ibuf_data(const struct ibuf *buf)
{
	return (buf->data);
}

size_t
ibuf_size(const struct ibuf *buf)
{
	return (buf->len);
}
