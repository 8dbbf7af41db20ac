#! /bin/sh
# Copyright (c) 2026 The Bindery authors
#
# Permission to use, copy, modify, and distribute this software for any
# purpose with or without fee is hereby granted, provided that the above
# copyright notice and this permission notice appear in all copies.
#
# THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
# WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
# MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
# ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
# WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
# ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
# OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
#
# A minute (or SECONDS_MAX) of mangled input; says the seed that failed.

cd "$(dirname "$0")" || exit 1
end=$(($(date +%s) + ${SECONDS_MAX:-60}))
seed=${SEED:-$(($(date +%s) % 1000000 + 1))}
passed=0
while [ "$(date +%s)" -lt $end ]; do
	if ! ./fuzz_test -n 5000 -s $seed ../config/*.conf >out 2>&1; then
		tail -n 40 out
		echo "seed $seed"
		rm -f out
		echo "$passed passed, 1 failed"
		exit 1
	fi
	passed=$((passed + 1))
	seed=$((seed + 1))
done
rm -f out
echo "$passed passed, 0 failed"
