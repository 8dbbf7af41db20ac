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
# Run the test programs, all or those given (relay_test, relay_test:mx), and
# end with the line "N passed, N failed".  The tests wait most of the time, so
# JOBS programs run side by side, each worker in a network of its own, where
# nobody else has its ports, and with a database of its own: one kyua with
# several at a time can crash.  The numbers come from kyua's reports, as its
# own summary counts what was skipped as passed; here that is a failure.

cd "$(dirname "$0")" || exit 1

kyua="kyua --config=none --logfile=results/log"
if [ "$(id -u)" -eq 0 ]; then
	kyua="$kyua --variable=unprivileged_user=nobody"
else
	echo "not root: the tests of the running daemon will be skipped"
fi
alone=
if unshare -n true 2>/dev/null; then
	alone="unshare -n"
else
	JOBS=1
fi

# What lib/compat/deps.sh put here for the tests alone.
export PATH="$PWD/build/bin:$PATH"
export NODE_PATH="${NODE_PATH:-$PWD/build/node_modules}"

# What libatf-c itself leaks while it lists the cases of a program.
export LSAN_OPTIONS="suppressions=$PWD/leaks:print_suppressions=0"

# next: the name of the next program; mkdir takes it for one worker.
next()
{
	while read -r name; do
		mkdir "results/$name" 2>/dev/null && echo "$name" && return 0
	done <results/list
	return 1
}

# work: take one program after the other until none is left.
work()
{
	while name=$(next); do
		at=results/$name
		# 0: all passed, 1: some failed; all else: kyua itself broke
		$kyua --logfile="$at/log" test --results-file="$at/db" "$name" \
		    >"$at/out" 2>&1 </dev/null
		if [ $? -gt 1 ] || ! $kyua --logfile="$at/log" report \
		    --results-file="$at/db" --output="$at/report"; then
			rm -f "$at/report"
			continue
		fi
		$kyua --logfile="$at/log" report --verbose \
		    --results-file="$at/db" --output="$at/detail" \
		    --results-filter=broken,failed
	done
}

if [ "${1:-}" = --worker ]; then
	[ -z "$alone" ] || ip link set lo up
	work
	exit 0
fi

rm -rf results
mkdir results || exit 1
if ! $kyua list "$@" >results/cases 2>&1 || [ ! -s results/cases ]; then
	cat results/cases
	echo "no such test: $*"
	echo "0 passed, 1 failed"
	exit 1
fi

# The long ones first: a program's size says about how long it takes.
if [ $# -gt 0 ]; then
	printf '%s\n' "$@"
else
	ls -S ./*_test.sh ./*_test.c | sed 's,^\./,,; s/\.[ch]*$//; s/\.sh$//'
fi >results/list

jobs=${JOBS:-6}
while [ "$jobs" -gt 0 ]; do
	$alone sh ./run.sh --worker &
	jobs=$((jobs - 1))
done
wait

broke=0
while read -r name; do
	at=results/$name
	if [ ! -f "$at/report" ]; then
		cat "$at/out"
		echo "$name: kyua broke"
		broke=$((broke + 1))
		continue
	fi
	if grep -q '^===> Failed tests\|^===> Broken tests' "$at/report"; then
		sed -n '1,400p' "$at/detail"
	fi
	sed '/^===> Summary/,$d' "$at/report"
	cat "$at/report" >>results/report
done <results/list

touch results/report
awk -v bad="$broke" '
/^Test cases: / {
	gsub(",", "")
	bad += $5 + $10 + $12
	ok += $3 - $5 - $10 - $12
}
END {
	printf("%d passed, %d failed\n", ok, bad)
	exit(bad > 0 || ok <= 0)
}' results/report
