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
# A minute (or SECONDS_MAX) of mangled input for each parser: every *_fuzz.c
# here that has an entry for libFuzzer, where the compiler brings that; else
# what fuzz_test does by itself.  What is found stays in the folder "found".
# Called by make fuzz, with CPPFLAGS, LDLIBS and SOURCES.

cd "$(dirname "$0")/../.." || exit 1
seconds=${SECONDS_MAX:-60}
clang=${CLANG:-clang}
folder=$(mktemp -d "${TMPDIR:-/tmp}/bindery-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
flags="-I. $CPPFLAGS -O1 -g -fno-sanitize-recover=all"
flags="$flags -Wno-deprecated-declarations"
passed=0
failed=0

# can_fuzz: whether there is a libFuzzer
can_fuzz()
{
	echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n);
	int LLVMFuzzerTestOneInput(const char *d, unsigned long n)
	{ return (0); }' >"$folder/try.c"
	$clang -fsanitize=fuzzer,address,undefined -o "$folder/try" \
	    "$folder/try.c" 2>/dev/null
}

# The parsers, once for all.
build_parsers()
{
	mkdir -p "$folder/objects" || return 1
	for source in $SOURCES; do
		$clang $flags -fsanitize=fuzzer-no-link,address,undefined -c \
		    -o "$folder/objects/$(echo "$source" | tr / _).o" \
		    "$source" || return 1
	done
	ar rc "$folder/parsers.a" "$folder"/objects/*.o
}

# seeds NAME: what it begins with, a file for each line or file.
seeds()
{
	mkdir -p "$folder/$1.seeds"
	case $1 in
	config)
		cp regress/config/*.conf "$folder/$1.seeds"
		return
		;;
	esac
	[ -f "regress/fuzz/$1.seeds" ] || return 0
	n=0
	while IFS= read -r line; do
		n=$((n + 1))
		printf "$line" >"$folder/$1.seeds/$n"
	done <"regress/fuzz/$1.seeds"
}

fuzz()
{
	name=$(basename "$1" _fuzz.c)
	seeds "$name"
	if ! $clang $flags -fsanitize=fuzzer,address,undefined \
	    -o "$folder/$name" "$1" "$folder/parsers.a" $LDLIBS; then
		echo "$name: does not build"
		return 1
	fi
	mkdir -p regress/fuzz/found
	if ! "$folder/$name" -max_total_time="$seconds" -timeout=10 \
	    -rss_limit_mb=1024 -artifact_prefix="regress/fuzz/found/$name-" \
	    -print_final_stats=1 "$folder/$name.seeds" \
	    >"$folder/$name.out" 2>&1; then
		tail -n 40 "$folder/$name.out"
		return 1
	fi
	sed -n "s/^stat::number_of_executed_units: */$name: inputs /p" \
	    "$folder/$name.out"
	rmdir regress/fuzz/found 2>/dev/null
	return 0
}

# Mangled input of our own making.
mangle()
{
	end=$(($(date +%s) + seconds))
	seed=${SEED:-$(($(date +%s) % 1000000 + 1))}
	while [ "$(date +%s)" -lt "$end" ]; do
		if ! regress/fuzz/fuzz_test -n 5000 -s "$seed" \
		    regress/config/*.conf >"$folder/out" 2>&1; then
			tail -n 40 "$folder/out"
			echo "seed $seed"
			return 1
		fi
		seed=$((seed + 1))
	done
}

count()
{
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

count mangle
if ! can_fuzz; then
	echo "no libFuzzer here: only fuzz_test was run"
elif build_parsers; then
	for source in $(grep -l LLVMFuzzerTestOneInput regress/fuzz/*_fuzz.c)
	do
		count fuzz "$source"
	done
else
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
