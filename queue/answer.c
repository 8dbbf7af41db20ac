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
 * What smtpd is told about its transactions.  Called by transaction.c and its
 * neighbours, which decide it; an answer for a transaction that smtpd has
 * given up is dropped there.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/text.h"
#include "queue/queue.h"
#include "queue/transaction.h"

void
answer_rcpt(uint64_t tx, uint64_t id, uint32_t number, int code,
    const char *reply, const char *cause)
{
	struct ipc	*smtpd;

	if (code != 250)
		queue_stats()->refused++;
	if ((smtpd = queue_smtpd()) == NULL)
		return;
	ipc_begin(smtpd, QUEUE_RCPT);
	ipc_put_u64(smtpd, tx);
	ipc_put_u32(smtpd, number);
	ipc_put_u64(smtpd, id);
	ipc_put_u16(smtpd, (uint16_t)code);
	ipc_put_str(smtpd, reply);
	ipc_put_str(smtpd, cause);
	ipc_end(smtpd);
}

void
answer_header(uint64_t tx, int code, const char *reply, const char *cause)
{
	struct ipc	*smtpd;

	if (code != 250)
		queue_stats()->refused++;
	if ((smtpd = queue_smtpd()) == NULL)
		return;
	ipc_begin(smtpd, QUEUE_HEADER);
	ipc_put_u64(smtpd, tx);
	ipc_put_u16(smtpd, (uint16_t)code);
	ipc_put_str(smtpd, reply);
	ipc_put_str(smtpd, cause);
	ipc_end(smtpd);
}

void
answer_stored(uint64_t tx, uint64_t id, int error)
{
	struct ipc	*smtpd;
	char		 reply[128];
	int		 code;

	if (error == 0) {
		code = 250;
		snprintf(reply, sizeof(reply), "2.0.0 %s Message accepted",
		    id_text(id));
	} else if (error == ENOSPC || error == EDQUOT) {
		code = 452;
		strlcpy(reply, "4.3.1 Not enough disk space", sizeof(reply));
	} else {
		code = 451;
		strlcpy(reply, "4.3.0 Message could not be stored",
		    sizeof(reply));
	}
	if ((smtpd = queue_smtpd()) == NULL)
		return;
	ipc_begin(smtpd, QUEUE_STORED);
	ipc_put_u64(smtpd, tx);
	ipc_put_u16(smtpd, (uint16_t)code);
	ipc_put_str(smtpd, reply);
	ipc_end(smtpd);
}
