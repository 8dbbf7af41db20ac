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
# end with the line "N passed, N failed".  kyua's own summary counts what was
# skipped as passed, so the numbers come from its report.

cd "$(dirname "$0")" || exit 1
rm -rf results
mkdir results || exit 1

# With more than one at a time kyua can crash when two run into their limit.
kyua="kyua --config=none --logfile=results/log"
kyua="$kyua --variable=parallelism=${JOBS:-1}"
if [ "$(id -u)" -eq 0 ]; then
	kyua="$kyua --variable=unprivileged_user=nobody"
else
	echo "not root: the tests of the running daemon will be skipped"
fi

# What libatf-c itself leaks while it lists the cases of a program.
export LSAN_OPTIONS="suppressions=$PWD/leaks:print_suppressions=0"

# 0: all passed, 1: some failed; all else: kyua itself broke.
$kyua test --results-file=results/db "$@" >results/out 2>&1
if [ $? -gt 1 ] ||
    ! $kyua report --results-file=results/db --output=results/report; then
	cat results/out
	echo "0 passed, 1 failed"
	exit 1
fi
$kyua report --verbose --results-file=results/db \
    --results-filter=broken,failed --output=results/detail
if grep -q '^===> Failed tests\|^===> Broken tests' results/report; then
	sed -n '1,400p' results/detail
fi
sed '/^===> Summary/,$d' results/report

awk '
/^Test cases: / {
	gsub(",", "")
	bad = $10 + $12
	ok = $3 - $5 - bad
}
END {
	printf("%d passed, %d failed\n", ok, bad)
	exit(bad > 0 || ok <= 0)
}' results/report
