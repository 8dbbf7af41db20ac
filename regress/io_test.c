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
 * Connections: both ends of a socket pair in one loop, in clear and under
 * TLS; what was sent in clear before a handshake does not survive it.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <atf-c.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/loop.h"

#define TOTAL	(3 * 1024 * 1024)

static struct {
	struct io	*client;
	struct io	*server;
	struct tls	*tls;
	struct tls_config *client_config;
	size_t		 sent;
	size_t		 echoed;
	int		 bad;
	int		 secure;
	int		 start_tls;
	int		 server_saw;	/* octets in clear after STARTTLS */
	int		 closed;
} t;

static void
pump(struct io *io)
{
	char	 block[5000];
	size_t	 i;

	while (t.sent < TOTAL && io_pending(io) < 100000) {
		for (i = 0; i < sizeof(block); i++)
			block[i] = (char)((t.sent + i) % 251);
		i = TOTAL - t.sent < sizeof(block) ?
		    TOTAL - t.sent : sizeof(block);
		ATF_REQUIRE(io_write(io, block, i) == 0);
		t.sent += i;
	}
}

static void
client(struct io *io, enum io_event event, void *arg)
{
	const char	*data;
	size_t		 i, len;

	switch (event) {
	case IO_DATA:
		data = io_data(io);
		/* leave an odd rest behind now and then */
		len = io_len(io) > 3 ? io_len(io) - t.echoed % 3 : io_len(io);
		for (i = 0; i < len; i++)
			if (data[i] != (char)((t.echoed + i) % 251))
				t.bad++;
		t.echoed += len;
		io_drain(io, len);
		if (t.echoed == TOTAL) {
			io_free(io);
			t.client = NULL;
			break;
		}
		if (io_len(io) > 0)
			io_again(io);
		pump(io);
		break;
	case IO_SECURE:
		t.secure++;
		pump(io);
		break;
	case IO_DRAINED:
		if (!t.start_tls || t.secure > 0)
			pump(io);
		break;
	case IO_TIMEOUT:
		loop_exit(3);
		break;
	default:
		fprintf(stderr, "client: %s\n", io_error(io));
		loop_exit(2);
	}
}

static void
server(struct io *io, enum io_event event, void *arg)
{
	switch (event) {
	case IO_DATA:
		if (t.start_tls && io_tls(io) == NULL) {
			t.server_saw = io_len(io);
			ATF_REQUIRE(io_tls_server(io, t.tls) == 0);
			ATF_CHECK_EQ(0, io_len(io));
			ATF_REQUIRE(io_tls_client(t.client, t.client_config,
			    "mx.example") == 0);
			break;
		}
		ATF_REQUIRE(io_write(io, io_data(io), io_len(io)) == 0);
		io_drain(io, io_len(io));
		if (io_pending(io) > 200000)
			io_pause(io);
		break;
	case IO_DRAINED:
		io_resume(io);
		break;
	case IO_SECURE:
		t.secure++;
		break;
	case IO_CLOSED:
	case IO_ERROR:
		t.closed++;
		io_free(io);
		loop_exit(0);
		break;
	default:
		loop_exit(2);
	}
}

static void
make_pair(int *fds)
{
	int	 i;

	/* as every role does */
	ATF_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	for (i = 0; i < 2; i++)
		ATF_REQUIRE(fcntl(fds[i], F_SETFL, O_NONBLOCK) == 0);
	loop_init();
}

static void
pair(void)
{
	int	 fds[2];

	make_pair(fds);
	t.client = io_new(fds[0], client, NULL);
	t.server = io_new(fds[1], server, NULL);
	io_set_timeout(t.client, 20);
}

ATF_TC_WITHOUT_HEAD(echo);
ATF_TC_BODY(echo, tc)
{
	pair();
	pump(t.client);
	ATF_CHECK_EQ(0, loop_run());
	ATF_CHECK_EQ(TOTAL, t.echoed);
	ATF_CHECK_EQ(0, t.bad);
	ATF_CHECK_EQ(1, t.closed);
}

static void
tls_setup(void)
{
	struct tls_config	*config;

	ATF_REQUIRE(system("openssl req -x509 -newkey ec "
	    "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem "
	    "-out cert.pem -subj /CN=mx.example -days 2 2>/dev/null") == 0);
	ATF_REQUIRE((config = tls_config_new()) != NULL);
	ATF_REQUIRE(tls_config_set_keypair_file(config, "cert.pem",
	    "key.pem") == 0);
	ATF_REQUIRE((t.tls = tls_server()) != NULL);
	ATF_REQUIRE(tls_configure(t.tls, config) == 0);
	tls_config_free(config);
	ATF_REQUIRE((t.client_config = tls_config_new()) != NULL);
	tls_config_insecure_noverifycert(t.client_config);
	tls_config_insecure_noverifyname(t.client_config);
}

ATF_TC_WITHOUT_HEAD(echo_tls);
ATF_TC_BODY(echo_tls, tc)
{
	tls_setup();
	pair();
	t.start_tls = 1;
	/* an eager attacker's command behind STARTTLS */
	ATF_REQUIRE(io_printf(t.client, "STARTTLS\r\nMAIL FROM:<x@y>\r\n") ==
	    0);
	ATF_CHECK_EQ(0, loop_run());
	ATF_CHECK(t.server_saw > 10);
	ATF_CHECK_EQ(2, t.secure);
	ATF_CHECK_EQ(TOTAL, t.echoed);
	ATF_CHECK_EQ(0, t.bad);
	tls_config_free(t.client_config);
	tls_free(t.tls);
}

#define RECORDS	(3 * 16384)	/* of TLS: the last is read in part */
#define LIMIT	40000

static void
late(void *arg)
{
	t.echoed += io_len(t.server);
	io_drain(t.server, io_len(t.server));
}

/* Full, it takes nothing before the turn is over. */
static void
late_reader(struct io *io, enum io_event event, void *arg)
{
	if (event == IO_TIMEOUT)
		loop_exit(4);
	if (event != IO_DATA)
		return;
	if (io_len(io) == LIMIT)
		loop_job_queue(arg);
	else if (t.echoed > 0 && t.echoed + io_len(io) == RECORDS)
		loop_exit(0);
}

static void
eager(struct io *io, enum io_event event, void *arg)
{
	static const char	 all[RECORDS];

	if (event == IO_SECURE)
		ATF_REQUIRE(io_write(io, all, sizeof(all)) == 0);
}

/* What TLS holds of a record is read when there is room again. */
ATF_TC_WITHOUT_HEAD(full_tls);
ATF_TC_BODY(full_tls, tc)
{
	struct loop_job	 job;
	int		 fds[2];

	tls_setup();
	make_pair(fds);
	loop_job_init(&job, late, NULL);
	t.client = io_new(fds[0], eager, NULL);
	t.server = io_new(fds[1], late_reader, &job);
	io_set_limit(t.server, LIMIT);
	io_set_timeout(t.server, 10);
	ATF_REQUIRE(io_tls_server(t.server, t.tls) == 0);
	ATF_REQUIRE(io_tls_client(t.client, t.client_config, "mx.example") ==
	    0);
	ATF_CHECK_EQ(0, loop_run());
	ATF_CHECK_EQ(LIMIT, t.echoed);
	io_free(t.client);
	io_free(t.server);
	tls_config_free(t.client_config);
	tls_free(t.tls);
}

static void
silent(struct io *io, enum io_event event, void *arg)
{
	ATF_CHECK_EQ(IO_TIMEOUT, event);
	io_free(io);
	loop_exit(7);
}

ATF_TC_WITHOUT_HEAD(timeout);
ATF_TC_BODY(timeout, tc)
{
	struct io	*io;
	int		 fds[2];

	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	ATF_REQUIRE(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	loop_init();
	io = io_new(fds[0], silent, NULL);
	io_set_timeout(io, 1);
	ATF_CHECK_EQ(7, loop_run());
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, echo);
	ATF_TP_ADD_TC(tp, echo_tls);
	ATF_TP_ADD_TC(tp, full_tls);
	ATF_TP_ADD_TC(tp, timeout);
	return (atf_no_error());
}
