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
# Figures of this machine: messages in and out through the daemon, 4 KiB
# each, from twenty clients to a sink on this machine.  Printed,
# never judged: only what was measured side by side can be compared.
#
#	MESSAGES=5000 SIZE=4096 sh regress/bench/run.sh

top=$(cd "$(dirname "$0")/../.." && pwd)
port=26200
. "$top/regress/lib.sh"
messages=${MESSAGES:-5000}
size=${SIZE:-4096}

fail()
{
	echo "bench: $*" >&2
	exit 1
}

finish()
{
	stop_all 2>/dev/null
	cd /
	rm -rf "$folder"
}

# Seconds of processor time of the daemon's processes until now.
cpu()
{
	for pid in $bindery_pid $(role_pids); do
		ps -o cputimes= -p "$pid"
	done | awk '{ s += $1 } END { print s }'
}

# KiB that the daemon's processes have for themselves.
memory()
{
	for pid in $bindery_pid $(role_pids); do
		awk '/^Pss:/ { s += $2 } END { print s + 0 }' \
		    "/proc/$pid/smaps_rollup"
	done 2>/dev/null | awk '{ s += $1 } END { print s }'
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/bindery-bench.XXXXXX") || exit 1
trap finish EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$folder"
cd "$folder" || exit 1

settings='smtp max-connections 500
	smtp max-connections-per-address 500'
config <<END
binding "one" { bind-address 127.0.0.4 }
binding "two" { bind-address 127.0.0.5 }
bind mail-from "@two.example" to "two"
bind from local to "one"
END
start_sink 127.0.0.1:$sink
start_bindery
echo "idle: $(memory) KiB in all processes"

before=$(cpu)
start=$(date +%s.%N)
"$top/regress/source" -p -c 20 -n "$messages" -s "$size" -f a@one.example \
    -o ack 127.0.0.1:$port
wait_or_fail 120 "sunk_is $messages"
end=$(date +%s.%N)
awk -v s="$start" -v e="$end" -v n="$messages" 'BEGIN {
	printf("delivered: %d in %.2f s, %.0f/s\n", n, e - s, n / (e - s))
}'
echo "processor: $(($(cpu) - before)) s"
echo "after: $(memory) KiB in all processes"

# one client that behaves: alone, then in a crowd that does not
stop_bindery
sed -i 's/smtp max-connections 500$/smtp max-connections 8000/' conf
ulimit -n "$(ulimit -Hn)"
start_bindery
echo "alone:"
"$top/regress/crowd" -a a@one.example -t 5 $port
echo "with 5000 idle, 200 slow, 1000 new connections a second:"
"$top/regress/crowd" -a a@one.example -i 5000 -s 200 -f 1000 -t 10 $port &
crowd=$!
sleep 8
echo "in it: $(memory) KiB in all processes"
wait $crowd
sleep 2
echo "afterwards: $(memory) KiB in all processes"
