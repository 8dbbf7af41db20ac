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
#
# Figures of this machine.  Printed, never judged: only what was measured side
# by side, on a quiet machine, can be compared.
#
#	MESSAGES=5000 SIZE=4096 DEPTH=100000 TARRED=100000 \
#	    sh regress/bench/run.sh [PART ...]
#
# The parts: idle, relay, calls, bindings, isolation, depth, crowd.  For a
# million queued recipients, DEPTH=1000000.  The file "peers" beside this one
# has figures of other mailers, for ratios.

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
port=26200
. "$top/regress/lib.sh"
tarpit=$((port + 2))
messages=${MESSAGES:-5000}
size=${SIZE:-4096}
depth=${DEPTH:-100000}
tarred=${TARRED:-100000}

fail()
{
	echo "bench: $*" >&2
	tail -n 5 bindery.log >&2
	exit 1
}

finish()
{
	stop_all 2>/dev/null
	cd /
	rm -rf "$folder"
}

now()
{
	date +%s.%N
}

# compute FORMAT EXPRESSION: printf of arithmetic.
compute()
{
	awk "BEGIN { printf(\"$1\", $2) }"
}

# Milliseconds of processor time of the daemon's processes until now.
cpu()
{
	for pid in $bindery_pid $(role_pids); do
		sed 's/.*) //' "/proc/$pid/stat"
	done | awk -v hz="$(getconf CLK_TCK)" \
	    '{ s += $12 + $13 } END { print int(s * 1000 / hz) }'
}

# KiB that a process, or all of the daemon's, have for themselves.
memory()
{
	for pid in ${1:-$bindery_pid $(role_pids)}; do
		awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"
	done 2>/dev/null | awk '{ s += $1 } END { print s + 0 }'
}

# The most that was seen until the file "peak" goes away.
watch_memory()
{
	: >peak
	while [ -f peak ]; do
		memory >>peak.all
		sleep 0.3
	done &
}

peak()
{
	rm -f peak
	wait $! 2>/dev/null
	sort -n peak.all | tail -n 1
	rm -f peak.all
}

stat_value()
{
	ctl show stats | awk -v name="$1" '$1 == name { print $2 }'
}

# setup CUSTOMERS: customer N's mail leaves from 127.0.1.N.
setup()
{
	rm -rf spool run ack bindery.log
	settings='smtp max-connections 500
		smtp max-connections-per-address 500'
	config <<-END
		binding "held" { bind-address 127.0.0.3 $held }
		bind mail-from "@held.example" to "held"
	END
	{
		i=0
		echo 'table customers {'
		while [ $i -lt "$1" ]; do
			[ $i -gt 0 ] && echo ,
			echo "\"c$i.example\" = \"c$i\""
			i=$((i + 1))
		done
		echo '}'
		i=0
		while [ $i -lt "$1" ]; do
			i=$((i + 1))
			echo "binding \"c$((i - 1))\" {" \
			    "bind-address 127.0.1.$i }"
		done
		echo 'bind by mail-from <customers>'
	} >>conf
}

# load MESSAGES SIZE CUSTOMERS: through the daemon; seconds in $took.
load()
{
	rm -f ack
	_start=$(now)
	"$top/regress/source" -pT -c 20 -n "$1" -s "$2" -f 'a@c%.example' \
	    -k "$3" -i "${4:-m}" -o ack 127.0.0.1:$port >source.out
	grep -q "accepted=$1 " source.out || fail "$(cat source.out)"
	wait_or_fail 120 "sunk_is $1 id=${4:-m}-"
	took=$(compute %.3f "$(now) - $_start")
}

beside_peers()
{
	[ -f "$here/peers" ] || return 0
	grep -v '^#' "$here/peers" | while read -r name rate ms; do
		compute "  beside $name: %.1f times its rate, " "$1 / $rate"
		compute '%.2f of its processor time\n' "$2 / $ms"
	done
}

idle()
{
	setup 10
	start_bindery
	sleep 2
	_cpu=$(cpu)
	sleep 5
	echo "idle: $(memory) KiB in all processes," \
	    "$((($(cpu) - _cpu) / 5)) ms of processor time a second"
	stop_bindery
}

relay()
{
	setup "${1:-10}"
	start_sink 127.0.0.1:$sink
	start_bindery
	load 200 "$size" "${1:-10}" warm
	_cpu=$(cpu)
	_flushes=$(stat_value spool_flushes)
	watch_memory
	load "$messages" "$size" "${1:-10}"
	_peak=$(peak)
	_cpu=$(compute %.3f "($(cpu) - $_cpu) / $messages")
	_rate=$(compute %.0f "$messages / $took")
	_flushes=$(($(stat_value spool_flushes) - _flushes))
	_flushes=$(compute %.3f "$_flushes / $messages")
	echo "relay, ${1:-10} bindings, $messages of $size octets:" \
	    "$_rate delivered/s, $_cpu ms of processor time each," \
	    "$_flushes flushes each, $_peak KiB at most"
	stop_bindery
	kill "$sink_pid"
}

calls()
{
	if ! command -v strace >/dev/null; then
		echo "calls: no strace here"
		return
	fi
	setup 10
	start_sink 127.0.0.1:$sink
	start_bindery
	load 200 "$size" 10 warm
	tracers=
	for pid in $bindery_pid $(role_pids); do
		strace -qq -c -o calls.$pid -p "$pid" 2>/dev/null &
		tracers="$tracers $!"
	done
	sleep 1
	load 2000 "$size" 10
	sleep 1
	kill -INT $tracers
	wait $tracers 2>/dev/null
	awk '$NF == "total" { s += $(NF - ($(NF - 1) + 0 > 0 &&
	    NF > 5 ? 2 : 1)) }
	    END { printf("system calls: %.1f a message, all roles\n",
	    s / 2000) }' calls.*
	for pid in $bindery_pid $(role_pids); do
		awk -v name="$(ps -o args= -p "$pid" | cut -c 1-16)" '
		    $NF == "total" { printf("  %-16s %.1f\n", name,
		    $(NF - (NF > 5 ? 2 : 1)) / 2000) }' calls.$pid
	done
	stop_bindery
	kill "$sink_pid"
}

# Its mail for tar.example goes to the tarpit.
slow_match()
{
	awk -v to="smtp://127.0.0.1:$tarpit" '
	    /^[ \t]*match/ {
		print "action \"tar\" relay host \"" to "\""
		print "match from local for domain \"tar.example\" " \
		    "action \"tar\""
	    }
	    { print }'
}

# Milliseconds from content sent to content received, of 99 in 100 messages.
delay99()
{
	sed -n 's/^msg .* id=\(m-[0-9]*\) time=\([0-9.]*\) .*/\1 \2/p' \
	    sink.rec | awk '
	    NR == FNR { sent[$1] = $2; next }
	    $1 in sent { printf("%.0f\n", ($2 - sent[$1]) * 1000) }' ack - |
	    sort -n | awk '{ d[NR] = $1 }
	    END { print d[int(NR * 0.99 + 0.5)] }'
}

# One customer's mail beside another's, whose next hop answers after ages:
# three times without and with, for such figures swing.
isolation()
{
	for _stage in connect ehlo mail rcpt data dot; do
		echo "$_stage * * delay 30"
	done >tar.script
	spawn tarpit "$top/regress/sink" -s tar.script -l tar.rec \
	    127.0.0.1:$tarpit
	_tarpit=$spawned
	for _tar in 0 $tarred 0 $tarred 0 $tarred; do
		setup 1
		slow_match <conf >conf.new
		mv conf.new conf
		start_sink 127.0.0.1:$sink
		start_bindery
		[ $_tar -eq 0 ] || "$top/regress/source" -p -c 20 -n $_tar \
		    -s 4096 -f a@held.example -t b@tar.example -i tar \
		    -o tar.ack 127.0.0.1:$port >source.out
		load 200 "$size" 1 warm
		load 10000 "$size" 1
		echo "isolation, $_tar of another customer wait:" \
		    "$(compute %.0f "10000 / $took") delivered/s," \
		    "99 in 100 within $(delay99) ms"
		stop_bindery
		kill "$sink_pid"
	done
	kill "$_tarpit"
}

depth()
{
	held='suspend-delivery true'
	setup 1
	start_sink 127.0.0.1:$sink
	start_bindery
	_queue=$(role_pid queue)
	_before=$(memory "$_queue")
	"$top/regress/source" -p -c 20 -n "$depth" -s 1024 -f a@held.example \
	    -i deep -o deep.ack 127.0.0.1:$port >source.out
	grep -q "accepted=$depth " source.out || fail "$(cat source.out)"
	echo "depth, $depth queued:" \
	    "$((($(memory "$_queue") - _before) * 1024 / depth))" \
	    "octets of memory each in queue," \
	    "$(($(stat_value spool_bytes) / depth)) in the spool"
	_stop=$(now)
	stop_bindery
	_stopped=$(now)
	START_WAIT=120 start_bindery
	_ready=$(now)
	load 1 1024 1
	compute '  stop %.1f s, ' "$_stopped - $_stop"
	compute 'start %.1f s, ' "$_ready - $_stopped"
	compute 'first delivery after %.1f s\n' "$(now) - $_stopped"
	stop_bindery
	kill "$sink_pid"
	held=
}

# One client that behaves: alone, then in a crowd that does not.
crowd()
{
	setup 1
	sed -i.old 's/smtp max-connections 500$/smtp max-connections 8000/' \
	    conf
	start_sink 127.0.0.1:$sink
	ulimit -n "$(ulimit -Hn)"
	start_bindery
	echo "alone:"
	"$top/regress/crowd" -a a@c0.example -t 5 $port
	echo "with 5000 idle, 200 slow, 1000 new connections a second:"
	"$top/regress/crowd" -a a@c0.example -i 5000 -s 200 -f 1000 -t 10 \
	    $port &
	_crowd=$!
	sleep 8
	echo "in it: $(memory) KiB in all processes"
	wait $_crowd
	sleep 2
	echo "afterwards: $(memory) KiB in all processes"
	stop_bindery
	kill "$sink_pid"
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/bindery-bench.XXXXXX") || exit 1
trap finish EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$folder"
cd "$folder" || exit 1

for part in ${*:-idle relay calls bindings isolation depth crowd}; do
	case $part in
	relay)		relay 10
			beside_peers "$_rate" "$_cpu" ;;
	bindings)	relay 250 ;;
	idle|calls|isolation|depth|crowd)
			$part ;;
	*)		fail "no part $part" ;;
	esac
done
