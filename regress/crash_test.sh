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
# No message is lost after its 250, whatever dies and whenever.
# SOAK: how many rounds of kill -9 (10).

. "$(atf_get_srcdir)/lib.sh"

port=26060
sink=26061

prepare()
{
	settings='smtp max-connections 500
		smtp max-connections-per-address 500'
	config <<-END
		binding "acme" { bind-address 127.0.0.4 $1 }
		binding "globex" { bind-address 127.0.0.5 $1 }
		bind mail-from "@globex.example" to "globex"
		bind from local to "acme"
	END
	touch ack
}

# Ids that got their 250 and that the sink never took.
missing()
{
	sed -n 's/^msg .* id=\([^ ]*\) .*/\1/p' sink.rec | sort -u >arrived
	sort -u ack | comm -23 - arrived
}

all_arrived()
{
	[ -z "$(missing)" ]
}

atf_test_case kill_under_load cleanup
kill_under_load_head()
{
	atf_set require.user root
	atf_set timeout $((180 + ${SOAK:-10} * 10))
}
kill_under_load_body()
{
	prepare
	start_sink 127.0.0.1:$sink
	round=0
	while [ $round -lt ${SOAK:-10} ]; do
		round=$((round + 1))
		start_bindery
		spawn source "$top/regress/source" -c 200 -n 20000 -s 2000 \
		    -i r$round -o ack 127.0.0.1:$port
		from=$(wc -l <ack)
		wait_or_fail 20 '[ $(wc -l <ack) -gt $((from + 200)) ]'
		sleep 0.$(awk -v s=$round$$ \
		    'BEGIN { srand(s); print int(rand() * 1000) }')
		kill_bindery
		wait_or_fail 20 "! kill -0 $spawned"
	done
	start_bindery
	wait_or_fail ${SOAK:-60} all_arrived
	taken=$(wc -l <ack)
	twice=$(($(sunk) - $(wc -l <arrived)))
	echo "$taken acknowledged, all arrived, $twice came twice"
	grep 'msg ' sink.rec | grep -v 'src=127.0.0.4 ' && fail "wrong address"
	return 0
}
kill_under_load_cleanup() { stop_all; }

# What was queued at a restart, clean or not, is delivered by the next.
atf_test_case restart_keeps cleanup
restart_keeps_head() { atf_set require.user root; }
restart_keeps_body()
{
	prepare
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	submit -c 10 -n 100 -i one >out
	grep -q accepted=100 out || fail "$(cat out)"
	submit -n 2 -s 200000 -i large >out
	grep -q accepted=2 out || fail "$(cat out)"
	stop_bindery
	[ $status -eq 0 ] || fail "status $status"
	start_bindery
	submit -c 10 -n 100 -i two >out
	kill_bindery
	start_bindery
	[ "$(binding_value acme queued)" = 202 ] ||
	    fail "queued: $(ctl show bindings)"
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 20 'sunk_is 202'
	all_arrived || fail "missing: $(missing)"
	stop_bindery
	start_bindery
	sleep 1
	sunk_is 202 || fail "delivered again"
}
restart_keeps_cleanup() { stop_all; }

# mta dies in the middle of it: it comes again, and all arrives.
atf_test_case mta_dies cleanup
mta_dies_head() { atf_set require.user root; }
mta_dies_body()
{
	prepare
	echo 'data * * delay 0.1' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	submit -c 20 -n 200 >out
	grep -q accepted=200 out || fail "$(cat out)"
	for round in 1 2; do
		sleep 0.3
		pid=$(role_pid mta)
		kill -KILL $pid
		wait_or_fail 10 '[ -n "$(role_pid mta)" ] &&
		    [ "$(role_pid mta)" != "'$pid'" ]'
	done
	wait_or_fail 60 all_arrived
	kill -0 "$bindery_pid" || fail "the daemon has gone"
}
mta_dies_cleanup() { stop_all; }

# What follows the last good record is cut, and said; what is before stays.
atf_test_case torn_tail cleanup
torn_tail_head() { atf_set require.user root; }
torn_tail_body()
{
	prepare 'suspend-delivery true'
	start_sink 127.0.0.1:$sink
	start_bindery
	submit -n 10 >out
	grep -q accepted=10 out || fail "$(cat out)"
	kill_bindery
	seg=$(ls spool/log/*.seg | tail -n 1)
	echo "half a record" >>$seg
	sed -i.old 's/suspend-delivery true//' conf
	rm -f bindery.log
	start_bindery
	wait_or_fail 20 'sunk_is 10'
	all_arrived || fail "missing"
	grep -q 'spool: damaged/ holds 1 file:' bindery.log ||
	    fail "what was kept aside is not told of"
}
torn_tail_cleanup() { stop_all; }

# An envelope that the disk lost while the daemon runs: nobody can be told, so
# it is held and says why; the message behind it goes.
atf_test_case lost_envelope cleanup
lost_envelope_head() { atf_set require.user root; }
lost_envelope_body()
{
	prepare ''
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "cannot suspend"
	send_ok one@acme.example bob@dest.example one
	send_ok two@acme.example bob@dest.example two
	seg=$(ls spool/log/*.seg)
	at=$(grep -abo one@acme.example $seg | head -n 1 | cut -d : -f 1)
	printf X | dd of=$seg bs=1 seek="$at" conv=notrunc 2>/dev/null
	ctl resume binding acme >/dev/null || fail "cannot resume"
	wait_or_fail 10 'sunk_is 1 id=two'
	grep -q ' held id=.*cause=local stat="its envelope' bindery.log ||
	    fail "held without a line"
	ctl show queue all | grep -q 'its envelope cannot be read' ||
	    fail "$(ctl show queue all)"
	sunk_is 0 id=one || fail "sent all the same"
}
lost_envelope_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in kill_under_load restart_keeps mta_dies torn_tail \
	    lost_envelope; do
		atf_add_test_case $case
	done
}
