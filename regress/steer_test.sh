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
# What a binding promises, seen from outside.
# What an administrator asks of the running daemon: trace, test, pause, log,
# monitor, a destination over all bindings.

. "$(atf_get_srcdir)/lib.sh"

port=28020
sink=28021

customers()
{
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			ehlo-hostname "mail.acme.example"
		}
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
}

# watch NAME COMMAND...: binderyctl in the background, its output in NAME.log.
watch()
{
	_watch=$1
	shift
	spawn "$_watch" "$top/binderyctl" -s "$PWD/run/control.sock" "$@"
	watch_pid=$spawned
}

atf_test_case trace cleanup
trace_head() { atf_set require.user root; }
trace_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	watch all trace binding acme
	all_pid=$watch_pid
	watch none trace binding acme domain other.example
	wait_or_fail 5 'grep -q tracing all.log && grep -q tracing none.log'
	send_ok a@globex.example b@dest.example other
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'grep "< 250 2.0.0 ok" all.log'
	for word in "[*] connect from 127.0.0.4 to .*127.0.0.1:$sink" '< 220 ' \
	    '> EHLO mail.acme.example' '> MAIL FROM:<a@acme.example>' \
	    '> RCPT TO:<b@dest.example>' '> DATA' '[*] .* octets of content'; do
		grep -q "^#[0-9]* $word" all.log ||
		    fail "no '$word': $(cat all.log)"
	done
	grep 'Hello\|globex\|Subject' all.log && fail "more than it should"
	wait_or_fail 15 'grep "> QUIT" all.log && grep "[*] closed" all.log'
	[ "$(wc -l <none.log)" -eq 1 ] || fail "other domain: $(cat none.log)"
	ctl trace binding nobody >out 2>&1 && fail "no such binding"
	grep -q 'no binding nobody' out || fail "$(cat out)"
	# who goes away is forgotten; mta says so when it dies
	kill "$all_pid"
	wait_or_fail 5 "! kill -0 $all_pid"
	send_ok a@acme.example b@dest.example two
	wait_or_fail 10 'sunk_is 1 id=two'
	kill -KILL "$(role_pid mta)"
	wait_or_fail 10 'grep "mta died" none.log'
}
trace_cleanup() { stop_all; }

# The way of acme's mail, without mail: DNS, filters, EHLO, QUIT.
atf_test_case test cleanup
test_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq
}
test_body()
{
	settings="mta resolver 127.0.0.1:$((port + 2))
		mta port $sink"
	relay=relay
	customers
	echo 'ehlo mail.acme.example 1 421 4.3.2 not now' >script
	spawn dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --port=$((port + 2)) --no-daemon \
	    --listen-address=127.0.0.1 --bind-interfaces --pid-file= \
	    --local=/example/ --mx-host=dest.example,mx1.dest.example,10 \
	    --mx-host=dest.example,mx2.dest.example,20 \
	    --mx-host=dest.example,mx3.dest.example,30 \
	    --host-record=mx1.dest.example,2001:db8::1 \
	    --host-record=mx2.dest.example,127.0.0.12 \
	    --host-record=mx3.dest.example,127.0.0.13
	start_sink -s script 127.0.0.12:$sink 127.0.0.13:$sink
	start_bindery
	ctl test binding acme to dest.example >out 2>&1 || fail "$(cat out)"
	for word in 'host mx1.dest.example .*preference 10' \
	    'not used: the binding has no address of this family' \
	    "connect from 127.0.0.4 to mx2.*127.0.0.12:$sink" \
	    '> EHLO mail.acme.example' '< 421 4.3.2 not now' \
	    'to mx3.dest.example' '> QUIT' '^reached'; do
		grep -q "$word" out || fail "no '$word': $(cat out)"
	done
	grep 'MAIL FROM' out && fail "mail: $(cat out)"
	sunk_is 0 || fail "mail left"
	grep '^open' sink.rec | grep -v 'src=127.0.0.4 ' && fail "wrong source"
	# mail does not pay for a test that failed
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'sunk_is 1 "dst=127.0.0.12:.* id=one"'
	# a host, another binding, and what does not work
	ctl test binding globex to 127.0.0.13 >out 2>&1 || fail "$(cat out)"
	grep -q 'connect from 127.0.0.5 ' out || fail "$(cat out)"
	ctl test binding acme to mx2.dest.example:$((port + 9)) >out 2>&1 &&
	    fail "nobody listens there"
	grep -q 'refused' out && grep -q 'no host was reached' out ||
	    fail "$(cat out)"
	while read -r pattern words; do
		ctl test $words >out 2>&1 && fail "$words: $(cat out)"
		grep -q "$pattern" out || fail "$words: $(cat out)"
	done <<-END
		usage binding acme
		no.binding binding nobody to dest.example
		neither binding acme to a..b
		DNS: binding acme to nothing.example
	END
}
test_cleanup() { stop_all; }

# Is it one customer, or all of them?
atf_test_case destination cleanup
destination_head() { atf_set require.user root; }
destination_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail suspend
	ctl suspend binding globex >/dev/null || fail suspend
	relay=relay
	customers
	ctl reload || fail reload
	send_ok a@acme.example b@dest.example one
	send_ok a@acme.example c@dest.example two
	send_ok a@globex.example b@dest.example three
	send_ok a@acme.example b@other.example four
	ctl show destination dest.example >out || fail "status $?"
	grep '^acme' out | grep -q 'dest.example.* 2 ' || fail "$(cat out)"
	grep '^globex' out | grep -q 'dest.example.* 1 ' || fail "$(cat out)"
	grep -q other.example out && fail "too much: $(cat out)"
	[ "$(ctl -n show destination dest.example)" = "2 lanes" ] ||
	    fail "-n: $(ctl -n show destination dest.example)"
}
destination_cleanup() { stop_all; }

# It says so, survives a restart, and costs nothing.
atf_test_case pause cleanup
pause_head() { atf_set require.user root; }
pause_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl pause mta || fail "pause mta: $?"
	send_ok a@acme.example b@dest.example one
	ctl show queue all | grep -q 'mta is paused' ||
	    fail "$(ctl show queue all)"
	stop_bindery
	start_bindery
	sleep 1
	sunk_is 0 || fail "it left"
	ctl show queue all | grep 'paused' | grep -q ' now ' &&
	    fail "paused, and next is now"
	ctl resume mta || fail "resume mta: $?"
	wait_or_fail 10 'sunk_is 1 id=one'
	grep -q 'mta: delivered .*try=1 ' bindery.log || fail "a try was spent"
	ctl pause smtp || fail "pause smtp: $?"
	dialog -t 2 </dev/null >out 2>&1 && grep -q '^220' out &&
	    fail "it accepts: $(cat out)"
	ctl resume smtp || fail "resume smtp: $?"
	send_ok a@acme.example b@dest.example two
	wait_or_fail 10 'sunk_is 1 id=two'
	ctl pause queue >out 2>&1 && fail "pause queue"
	grep -q 'smtp, mta or mda' out || fail "$(cat out)"
}
pause_cleanup() { stop_all; }

atf_test_case log cleanup
log_head() { atf_set require.user root; }
log_body()
{
	customers
	start_bindery
	ctl log verbose || fail "verbose: $?"
	ctl log brief || fail "brief: $?"
	ctl log loud >out 2>&1 && fail "loud"
	grep -q 'brief|verbose' out || fail "$(cat out)"
}
log_cleanup() { stop_all; }

atf_test_case monitor cleanup
monitor_head() { atf_set require.user root; }
monitor_body()
{
	customers
	start_bindery
	watch monitor monitor
	wait_or_fail 10 '[ $(grep -c "^acme " monitor.log) -ge 2 ]'
	stop_bindery
	wait_or_fail 5 "! kill -0 $watch_pid"
}
monitor_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in trace test destination pause log monitor; do
		atf_add_test_case $case
	done
}
