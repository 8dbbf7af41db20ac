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
 * Objects of one size: apart from each other, clean, and given back.
 */

#include <atf-c.h>
#include <stdint.h>
#include <string.h>

#include "queue/pool.h"

#define N	5000
#define SIZE	136

ATF_TC_WITHOUT_HEAD(come_and_go);
ATF_TC_BODY(come_and_go, tc)
{
	static unsigned char	*object[N];
	static const unsigned char zero[SIZE];
	struct pool		 pool = POOL(SIZE);
	size_t			 i, round, full;

	full = 0;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < N; i++) {
			object[i] = pool_get(&pool);
			ATF_REQUIRE(object[i] != NULL);
			ATF_REQUIRE((uintptr_t)object[i] % 8 == 0);
			ATF_REQUIRE(memcmp(object[i], zero, SIZE) == 0);
			memset(object[i], 0xa5, SIZE);
			memcpy(object[i], &i, sizeof(i));
		}
		if (round == 0)
			full = pool.nslabs;
		/* what was given back is used again */
		ATF_CHECK_EQ(full, pool.nslabs);
		for (i = 0; i < N; i++)
			ATF_REQUIRE(memcmp(object[i], &i, sizeof(i)) == 0);
		for (i = 1; i < N; i += 2)
			pool_put(&pool, object[i]);
		for (i = 1; i < N; i += 2) {
			object[i] = pool_get(&pool);
			ATF_REQUIRE(object[i] != NULL);
			ATF_REQUIRE(memcmp(object[i], zero, SIZE) == 0);
		}
		ATF_CHECK_EQ(full, pool.nslabs);
		for (i = 0; i < N; i += 2)
			ATF_REQUIRE(memcmp(object[i], &i, sizeof(i)) == 0);
		for (i = 0; i < N; i++)
			pool_put(&pool, object[round == 1 ? N - 1 - i : i]);
		ATF_CHECK(pool.nslabs <= 1);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, come_and_go);
	return (atf_no_error());
}
