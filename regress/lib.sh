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
# What the tests of the running daemon share: a configuration in the current
# directory, processes that are started and stopped by their pid, network
# namespaces, waiting for something to come true.  Sourced; the demo uses it
# as well, so nothing here needs atf but fail().
#
# Variables: top (the tree), port (SMTP in), sink (port of the sink), ns (the
# namespace that everything runs in; empty: the host's), far (that of the next
# hops, where it is another).

: "${top:=$(atf_get_srcdir)/..}"
: "${port:=26000}"
: "${sink:=$((port + 1))}"
ns=
far=

# a configuration that others may write is refused
umask 022

fail()
{
	for log in bindery.log sink.log sink.rec; do
		[ -f $log ] && sed "s/^/$log: /" $log | tail -n 60 >&2
	done
	# one line is all that atf takes
	echo "$*" >&2
	atf_fail "$(echo "$*" | tr '\n\t' '| ' | cut -c 1-300)"
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails in the end.
# PATIENCE: times as many, on a machine that has other work.
wait_for()
{
	_tries=$(($1 * 10 * ${PATIENCE:-1}))
	shift
	while ! eval "$*" >/dev/null 2>&1; do
		_tries=$((_tries - 1))
		[ $_tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# wait_or_fail SECONDS COMMAND...
wait_or_fail()
{
	wait_for "$@" || fail "still not after $1 s: $2"
}

# The namespace is ended by cleanup.
make_namespace()
{
	ns=bt-$$-${1:-a}
	ip netns add "$ns" || fail "no network namespace"
	echo "$ns" >>namespaces
	ip -n "$ns" link set lo up
}

# make_network: $near for the daemon and $far for the next hops, a wire
# between them, and in $far a net behind it that only a route leads to.
# 192.0.2 and 2001:db8:1 are on the wire, 198.51.100 and 2001:db8:2 behind it;
# what is given are the host parts of the daemon's addresses: 4 is 192.0.2.4
# and 2001:db8:1::4.  192.0.2.2 and 2001:db8:1::2, which the kernel would take
# by itself, are nobody's.
make_network()
{
	make_namespace far
	far=$ns
	make_namespace near
	near=$ns
	ip link add wire netns "$near" type veth peer name wire netns "$far" ||
	    fail "no wire"
	ip -n "$far" link set wire up
	ip -n "$near" link set wire up
	address "$far" add 192.0.2.1/24
	address "$far" add 2001:db8:1::1/64
	for _host in 25 26 27 28; do
		address "$far" add "198.51.100.$_host/32"
		address "$far" add "2001:db8:2::$_host/128"
	done
	address "$near" add 192.0.2.2/24
	address "$near" add 2001:db8:1::2/64
	for _host in "$@"; do
		address "$near" add "192.0.2.$_host/32"
		address "$near" add "2001:db8:1::$_host/128"
	done
	ip -n "$near" route add default via 192.0.2.1 src 192.0.2.2
	ip -n "$near" -6 route add default via 2001:db8:1::1 src 2001:db8:1::2
}

# address NAMESPACE add|del ADDRESS/LENGTH: without a look for duplicates.
address()
{
	case $2$3 in
	add*:*)	ip -n "$1" addr add "$3" dev wire nodad ;;
	*)	ip -n "$1" addr "$2" "$3" dev wire ;;
	esac
}

# start_dns OPTION ...: dnsmasq, which knows nothing but what is given.
start_dns()
{
	spawn dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --no-daemon --port="$dns" \
	    --listen-address=127.0.0.1 --bind-interfaces \
	    --local=/example/ --pid-file= "$@"
	wait_or_fail 5 "kill -0 $spawned"
}

# only_from EHLO ADDRESS ...: whoever says EHLO comes from one of these, and
# nobody comes from elsewhere.  Looked at when the case is over: one
# connection from a wrong address makes it broken.
only_from()
{
	echo "$*" >>sources
}

# The lines of the sink's record that should not be there.
wrong_sources()
{
	[ -f sources ] || return 0
	awk '
	NR == FNR {
		for (i = 2; i <= NF; i++)
			right[$i] = right[$i, "ehlo=" $1] = 1
		next
	}
	/^open / || /^hello / {
		src = substr($3, 5)
		if (!right[src] || /^hello / && !right[src, $4])
			print
	}' sources sink.rec
}

# Run in the namespace, where there is one.
inside()
{
	if [ -n "$ns" ]; then
		ip netns exec "$ns" "$@"
	else
		"$@"
	fi
}

# spawn NAME COMMAND...: in the background, output to NAME.log; $spawned.
spawn()
{
	_name=$1
	shift
	if [ -n "$ns" ]; then
		ip netns exec "$ns" "$@" >>"$_name.log" 2>&1 </dev/null &
	else
		"$@" >>"$_name.log" 2>&1 </dev/null &
	fi
	spawned=$!
	echo "$spawned" >>pids
}

# start_sink [OPTION ...] ADDRESS:PORT ...: records in sink.rec.  Where there
# is a network, the sink is at its far side.
start_sink()
{
	rm -f sink.rec
	_ns=$ns
	ns=${far:-$ns}
	spawn sink "$top/regress/sink" -l sink.rec "$@"
	ns=$_ns
	sink_pid=$spawned
	wait_or_fail 5 "grep -q ^ready sink.rec"
}

# The sink ends, and its port is free.
stop_sink()
{
	kill "$sink_pid"
	wait "$sink_pid" 2>/dev/null || :
	sink_pid=
}

# A new script for a sink that runs with "-s script".
script()
{
	cat >script
	if [ -n "$sink_pid" ]; then
		kill -HUP "$sink_pid"
		sleep 0.3
	fi
}

# sunk [PATTERN]: how many messages the sink took.
sunk()
{
	grep -c "^msg .*$1" sink.rec || true
}

# sunk_is NUMBER [PATTERN]
sunk_is()
{
	[ "$(sunk "$2")" -eq "$1" ]
}

# The most connections that were open at once from a source address.
most_open()
{
	sed -n "s/^open .* src=$1 .* here=\([0-9]*\) .*/\1/p" sink.rec |
	    sort -n | tail -n 1
}

# config: the common lines, then what comes on stdin.  $relay: "relay" and
# where to; $settings: more lines in front.
config()
{
	cat >conf <<-END
		hostname "mx.bindery.example"
		spool "$PWD/spool"
		run "$PWD/run"
		queue retry ${retry:-1s..2s}
		$settings
		listen on socket
		listen on 127.0.0.1 port $port
		action "out" ${relay:-relay host "smtp://127.0.0.1:$sink"}
		match from local for any action "out"
	END
	cat >>conf
}

# The pids of the roles below the daemon.
role_pids()
{
	ps -A -o ppid= -o pid= | awk -v p="$bindery_pid" '$1 == p { print $2 }'
}

# The pid of one role: its command line says "-x ROLE".
role_pid()
{
	for _pid in $(role_pids); do
		ps -o args= -p "$_pid" | grep -Eq -e "-x $1|: $1" &&
		    echo "$_pid"
	done
}

# Start the daemon on conf and wait until it answers.
start_bindery()
{
	spawn bindery "$top/bindery" -d -f conf "$@"
	bindery_pid=$spawned
	wait_for ${START_WAIT:-15} \
	    "ctl show bindings || ! kill -0 $bindery_pid"
	kill -0 "$bindery_pid" 2>/dev/null || fail "the daemon did not start"
	ctl show bindings >/dev/null || fail "the daemon does not answer"
}

# SIGTERM; $status is its exit status.
stop_bindery()
{
	kill -TERM "$bindery_pid"
	wait_bindery
}

# Wait for the end of the daemon; $status.
wait_bindery()
{
	wait_or_fail 15 "! kill -0 $bindery_pid"
	status=0
	wait "$bindery_pid" || status=$?
}

# kill -9 of the daemon and all its roles, at the same moment.
kill_bindery()
{
	kill -KILL "$bindery_pid" $(role_pids) 2>/dev/null
	wait "$bindery_pid" 2>/dev/null || true
}

ctl()
{
	"$top/binderyctl" -s "$PWD/run/control.sock" "$@"
}

# dialog [OPTION ...]: SMTP on stdin, what the daemon says on stdout.
dialog()
{
	inside "$top/regress/dialog" "$@" "127.0.0.1:$port"
}

# table [OPTION ...]: "COMMAND|CODE" on stdin, all in one session; each final
# reply line must begin with its code.
table()
{
	cat >table
	sed 's/|[0-9. ]*$//' table | dialog "$@" >table.out
	grep -v '^...-' table.out | sed -n '2,$p' >table.got
	paste -d '|' table table.got | awk -F '|' '
	{ want = $(NF - 1); got = substr($NF, 1, length(want)) }
	want != got { print "want " want ": " $0; bad = 1 }
	END { exit(bad) }' || fail "replies differ"
}

# send FROM TO [ID]: one message by SMTP; prints the replies.
send()
{
	dialog <<-END
		EHLO client.example
		MAIL FROM:<$1>
		RCPT TO:<$2>
		DATA
		From: <$1>
		To: <$2>
		Subject: test
		X-Test-Id: ${3:-none}

		Hello.
		.
		QUIT
	END
}

# send_ok FROM TO [ID]: and it must be taken.
send_ok()
{
	send "$@" >send.out
	[ "$(grep -c '^250 2\.' send.out)" -ge 3 ] ||
	    fail "refused: $(cat send.out)"
}

# submit [OPTION ...]: many messages; acknowledged ids go to ack.
submit()
{
	inside "$top/regress/source" "$@" -o ack "127.0.0.1:$port"
}

# The value of "key" in the row of "show bindings" that names a binding.
binding_value()
{
	ctl -j show bindings | grep "\"name\": *\"$1\"" |
	    sed -n "s/.*\"$2\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}

# holds PID TEXT: it is somewhere in the memory that the process may write.
holds()
{
	python3 - "$1" "$2" <<-END
		import re, sys
		pid, text = sys.argv[1], sys.argv[2].encode()
		mem = open("/proc/%s/mem" % pid, "rb", 0)
		for line in open("/proc/%s/maps" % pid):
		    m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
		    if not m:
		        continue
		    start, end = (int(x, 16) for x in m.groups())
		    if end - start > 1 << 30:	# a sanitizer's own
		        continue
		    mem.seek(start)
		    try:
		        if text in mem.read(end - start):
		            sys.exit(0)
		    except OSError:
		        pass
		sys.exit(1)
	END
}

# Whether a pid of the list is still the process that was started here.
is_ours()
{
	[ ! -d /proc/self ] || [ "$(readlink "/proc/$1/cwd")" = "$(pwd -P)" ]
}

# What was started is ended: by pid, with the daemon's roles.
stop_all()
{
	[ -f pids ] && for bindery_pid in $(cat pids); do
		is_ours "$bindery_pid" || continue
		kill -KILL $(role_pids) "$bindery_pid" 2>/dev/null
	done
	[ -f namespaces ] && for ns in $(cat namespaces); do
		ip netns delete "$ns"
	done
	# a sanitizer's word makes the case broken, a wrong address as well
	! grep -n 'Sanitizer\|runtime error:' ./*.log &&
	    ! wrong_sources | grep .
}
