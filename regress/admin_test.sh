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
# What an administrator sees and does: binderyctl, mailq.

. "$(atf_get_srcdir)/lib.sh"

port=26040
sink=26041

customers()
{
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			ehlo-hostname "mail.acme.example"
			max-outbound-connections 7
		}
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
}

# Three messages of acme's, one of globex's, all kept.
queued()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend acme"
	ctl suspend binding globex >/dev/null || fail "suspend globex"
	for n in 1 2 3; do
		send_ok a$n@acme.example b@dest.example a$n
	done
	send_ok g@globex.example b@dest.example g
}

atf_test_case show_bindings cleanup
show_bindings_head() { atf_set require.user root; }
show_bindings_body()
{
	queued
	ctl show bindings >out || fail "status $?"
	grep '^acme' out | grep '127.0.0.4' | grep 'mail.acme.example' |
	    grep -q 'suspended' || fail "acme: $(cat out)"
	grep '^globex' out | grep -q '127.0.0.5' || fail "globex: $(cat out)"
	ctl -j show bindings >json || fail "status $?"
	grep -q '{.*"name": *"acme".*}' json || fail "json: $(cat json)"
	[ "$(binding_value acme queued)" = 3 ] || fail "queued: $(cat json)"
	ctl show binding acme >out || fail "status $?"
	grep 'max-outbound-connections' out | grep -q '7.*conf:' ||
	    fail "value and place: $(cat out)"
	ctl show binding nobody >out 2>&1 && fail "there is no such binding"
	[ -s out ] || fail "no word about it"
	ctl show binding acme >out
	grep '^bind-address' out | grep -q '127.0.0.4 .*conf:' ||
	    fail "no address: $(cat out)"
}
show_bindings_cleanup() { stop_all; }

atf_test_case show_queue cleanup
show_queue_head() { atf_set require.user root; }
show_queue_body()
{
	queued
	ctl show queue all >out || fail "status $?"
	[ "$(grep -c 'b@dest.example' out)" -eq 4 ] || fail "$(cat out)"
	ctl show queue binding acme >out || fail "status $?"
	[ "$(grep -c 'b@dest.example' out)" -eq 3 ] || fail "$(cat out)"
	ctl show queue sender a1@acme.example >out || fail "status $?"
	[ "$(grep -c 'b@dest.example' out)" -eq 1 ] || fail "$(cat out)"
	ctl show queue older 1h >out || fail "status $?"
	grep -q 'b@dest.example' out && fail "older: $(cat out)"
	ctl -j show queue sender a1@acme.example >out || fail "status $?"
	id=$(grep -o '[0-9a-f]\{16\}' out | head -n 1)
	[ -n "$id" ] || fail "no id: $(cat out)"
	ctl show message $id >out || fail "status $?"
	grep -q 'X-Test-Id: a1' out && grep -q '^Received: from client' out ||
	    fail "message: $(cat out)"
	ctl show envelope $id.1 >out || fail "envelope: $?"
	grep -q acme out && grep -q 'a1@acme.example' out ||
	    fail "envelope: $(cat out)"
	BINDERY_RUN="$PWD/run" "$top/mailq" >out || fail "mailq: $?"
	grep -q $id out && grep -q 'a1@acme.example' out ||
	    fail "mailq: $(cat out)"
}
show_queue_cleanup() { stop_all; }

atf_test_case move cleanup
move_head() { atf_set require.user root; }
move_body()
{
	queued
	ctl -n move sender a1@acme.example to globex >out || fail "-n: $?"
	grep -q 1 out || fail "count: $(cat out)"
	ctl show queue binding acme >out
	[ "$(grep -c 'b@dest.example' out)" -eq 3 ] || fail "-n moved"
	ctl move sender a1@acme.example to globex >out || fail "move: $?"
	grep -q 1 out || fail "count: $(cat out)"
	ctl move sender a2@acme.example to nobody >out 2>&1 &&
	    fail "moved to nobody"
	ctl resume binding globex >/dev/null
	wait_or_fail 10 'sunk_is 2'
	sunk_is 1 'src=127.0.0.5 .*id=a1' || fail "a1: wrong address"
	grep 'moved' bindery.log | grep -q 'by=' || fail "no line"
	stop_bindery
	start_bindery
	ctl show queue all >out
	[ "$(grep -c 'b@dest.example' out)" -eq 2 ] ||
	    fail "after a restart: $(cat out)"
}
move_cleanup() { stop_all; }

atf_test_case remove cleanup
remove_head() { atf_set require.user root; }
remove_body()
{
	queued
	ctl remove sender a1@acme.example >out || fail "remove: $?"
	grep -q 1 out || fail "count: $(cat out)"
	id=$(ctl -j show queue sender a2@acme.example |
	    grep -o '[0-9a-f]\{16\}' | head -n 1)
	ctl remove $id >out || fail "remove $id: $?"
	stop_bindery
	start_bindery
	ctl resume binding acme >/dev/null
	ctl resume binding globex >/dev/null
	wait_or_fail 10 'sunk_is 2'
	sleep 1
	sunk_is 2 && sunk_is 1 id=a3 && sunk_is 1 id=g || fail "not those two"
	grep removed bindery.log | grep -q 'by=' || fail "no line"
	wait_or_fail 5 '! ctl show queue all | grep dest.example'
}
remove_cleanup() { stop_all; }

atf_test_case fail_command cleanup
fail_command_head() { atf_set require.user root; }
fail_command_body()
{
	queued
	ctl fail sender a1@acme.example "no longer wanted" >out ||
	    fail "fail: $(cat out)"
	grep -q 'queue: failed id=.*by=root' bindery.log || fail "no line"
	ctl resume binding acme >/dev/null
	wait_or_fail 10 'sunk_is 1 "from=<> to=<a1@acme.example>"'
	wait_or_fail 10 'sunk_is 1 id=a2 && sunk_is 1 id=a3'
	sunk_is 0 'from=<a1@' || fail "it left nevertheless"
}
fail_command_cleanup() { stop_all; }

# A retry that is an hour away happens now.
atf_test_case schedule cleanup
schedule_head() { atf_set require.user root; }
schedule_body()
{
	retry=1h..4h
	customers
	echo 'rcpt * 1 450 4.2.1 busy' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'grep "\(mta\|queue\): tempfail" bindery.log'
	sleep 1
	sunk_is 0 || fail "it did not wait"
	ctl schedule all >out || fail "schedule: $?"
	grep -q 1 out || fail "count: $(cat out)"
	wait_or_fail 10 'sunk_is 1 id=one'
}
schedule_cleanup() { stop_all; }

# Who says so knows that the host is back: nothing waits for its failures.
atf_test_case host_back cleanup
host_back_head() { atf_set require.user root; }
host_back_body()
{
	retry=1h..4h
	customers
	start_bindery
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'grep "\(mta\|queue\): tempfail" bindery.log'
	send_ok a@acme.example b@dest.example two
	wait_or_fail 10 'ctl show queue all | grep " deferred .*remote:"'
	start_sink 127.0.0.1:$sink
	[ "$(ctl schedule all)" = '2 recipients' ] || fail "not both"
	wait_or_fail 10 'sunk_is 2'
}
host_back_cleanup() { stop_all; }

# The retry waits through a restart as well.
atf_test_case retry_kept cleanup
retry_kept_head() { atf_set require.user root; }
retry_kept_body()
{
	retry=1h..4h
	customers
	echo 'rcpt * 1 450 4.2.1 busy' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'grep "\(mta\|queue\): tempfail" bindery.log'
	stop_bindery
	start_bindery
	sleep 1
	sunk_is 0 || fail "the restart forgot the wait"
	ctl schedule all >/dev/null || fail "schedule"
	wait_or_fail 10 'grep "mta: delivered .*try=2 " bindery.log'
}
retry_kept_cleanup() { stop_all; }

atf_test_case match cleanup
match_head() { atf_set require.user root; }
match_body()
{
	customers
	start_bindery
	ctl match from a@acme.example to b@dest.example >out ||
	    fail "match: $?: $(cat out)"
	for word in acme out 127.0.0.4 mail.acme.example; do
		grep -q "$word" out || fail "no $word: $(cat out)"
	done
	ctl match from a@other.example to b@dest.example >out ||
	    fail "match: $?"
	grep -q default out || fail "not the default: $(cat out)"
	ctl show queue all | grep -q 'dest.example' && fail "it was queued"
	return 0
}
match_cleanup() { stop_all; }

atf_test_case bad_commands cleanup
bad_commands_head() { atf_set require.user root; }
bad_commands_body()
{
	customers
	start_bindery
	while read -r words; do
		status=0
		ctl $words >out 2>err || status=$?
		[ $status -eq 1 ] || fail "$words: status $status"
		[ -s err ] || fail "$words: not a word"
	done <<-END
		frobnicate
		show
		show nothing
		suspend
		suspend binding nobody
		resume binding
		move all to
		remove
		remove 123
		show message 0123456789abcdef
		show queue older x
		show queue binding acme binding globex
		show site nowhere
		stop now
		reload it
		resume binding nobody
		resume binding acme for 1h
		suspend binding acme for 0
		suspend binding acme for 5
		show queue older 60
		remove older 60
		suspend binding acme for 4000000d
		suspend binding acme binding globex
		-n resume smtp
		-n show stats
	END
	status=0
	ctl suspend binding acme domain '' 2>err || status=$?
	[ $status -eq 1 ] || fail "no domain: status $status"
	[ -z "$(ctl show binding acme | grep '^suspended')" ] ||
	    fail "what was refused holds"
	"$top/binderyctl" -s "$PWD/nowhere" show bindings >out 2>err &&
	    fail "no daemon there"
	grep -q nowhere err || fail "no clear line: $(cat err)"
}
bad_commands_cleanup() { stop_all; }

# -n changes nothing and says what would be touched, and nothing else.
atf_test_case count cleanup
count_head() { atf_set require.user root; }
count_body()
{
	queued
	id=$(ctl -j show queue sender a1@acme.example |
	    grep -o '[0-9a-f]\{16\}' | head -n 1)
	while read -r want words; do
		[ "$(ctl -n $words)" = "$(echo $want | tr _ ' ')" ] ||
		    fail "$words: $(ctl -n $words)"
	done <<-END
		4_recipients show queue all
		3_recipients show queue binding acme
		1_recipient show message $id
		1_recipient show envelope $id.1
		1_lanes show binding acme
		0_recipients schedule all
		1_recipient move all to acme
		4_recipients remove all
		4_recipients fail all
		3_recipients resume binding acme
	END
	[ "$(ctl -n show queue all)" = '4 recipients' ] || fail "it was done"
	ctl show envelope $id.2 >out 2>/dev/null && fail "there is no .2"
	[ -s out ] && fail "and yet: $(cat out)"
	return 0
}
count_cleanup() { stop_all; }

# A destination is suspended whatever its case, and only what goes there is
# counted: behind a relay host that is not the recipient's domain.
atf_test_case scope cleanup
scope_head() { atf_set require.user root; }
scope_body()
{
	queued
	[ "$(ctl suspend binding acme domain dest.example)" = \
	    '0 recipients' ] || fail "counted what is not suspended"
	ctl resume binding acme domain DEST.example >/dev/null ||
	    fail "resume: $?"
	ctl suspend binding acme domain SMTP://127.0.0.1:$sink for 1h \
	    reason 'a  "word"' >out || fail "suspend: $?"
	grep -q '^3 recipients' out || fail "$(cat out)"
	ctl resume binding acme >/dev/null || fail "resume acme: $?"
	ctl show queue binding acme >out
	[ "$(grep -c ' suspended .* \(59m[0-9]*s\|1h\) .*: a  "word"' out)" \
	    -eq 3 ] || fail "no longer suspended, or until when: $(cat out)"
	grep 'queue: suspended binding=acme domain=' bindery.log |
	    grep -q 'by=root until=' || fail "no line with its end"
	stop_bindery
	start_bindery
	ctl resume binding acme domain smtp://127.0.0.1:$sink >out ||
	    fail "resume: $?"
	wait_or_fail 10 'sunk_is 3'
}
scope_cleanup() { stop_all; }

# resume lifts the command's and says what remains; a binding that has left the
# file is unknown before it is suspended.
atf_test_case remains cleanup
remains_head() { atf_set require.user root; }
remains_body()
{
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			suspend-reception true
			domain "dest.example" { suspend-delivery true }
		}
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@globex.example" to "globex"
	END
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend: $?"
	ctl suspend binding acme reception >/dev/null || fail "reception: $?"
	ctl resume binding acme >out || fail "resume: $?"
	for word in 'command: reception' 'configuration: reception' \
	    'configuration: delivery domain dest.example'; do
		grep -q "^still suspended by \(the \)\{0,1\}$word" out ||
		    fail "not '$word': $(cat out)"
	done
	ctl suspend binding globex >/dev/null || fail "suspend: $?"
	send_ok a@globex.example b@dest.example one
	sed -i '/globex/d' conf
	ctl reload >out || fail "reload: $?"
	grep -q '^binding globex removed: 1 recipients held' out ||
	    fail "$(cat out)"
	ctl show queue all | grep ' held ' | grep -q 'unknown binding globex' ||
	    fail "$(ctl show queue all)"
	ctl resume binding globex || fail "its suspension stays: $?"
}
remains_cleanup() { stop_all; }

# Broken requests close only that client.
atf_test_case broken_requests cleanup
broken_requests_head() { atf_set require.user root; }
broken_requests_body()
{
	customers
	start_bindery
	mode=$(ls -l run/control.sock | cut -c 1-10)
	[ "$mode" = srw-rw---- ] || fail "mode $mode"
	long=$(awk 'BEGIN { for (i = 0; i < 20000; i++) printf "x" }')
	for raw in "$long" "$long\\n" '\0\0\0\n' '\n\n\n' 'show\\\n' \
	    'show queue \\777\n' '\\M-^\\\\\n' "show $long\\n" show \
	    'show bindings\nshow bindings\n'; do
		printf '%s\n?\n' "=$raw" |
		    "$top/regress/dialog" -n -t 2 "$PWD/run/control.sock" \
		    >out 2>&1
		ctl show bindings >/dev/null || fail "no answer after $raw"
	done
	kill -0 "$bindery_pid" || fail "the daemon has gone"
	# a client that never reads does not stop the others
	printf 'show bindings' | "$top/regress/dialog" -n -t 1 \
	    "$PWD/run/control.sock" >/dev/null 2>&1
	send a@acme.example b@dest.example | grep -q '^354' || fail "no service"
}
broken_requests_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in show_bindings show_queue move remove fail_command \
	    schedule retry_kept match bad_commands broken_requests \
	    count scope remains \
	    host_back; do
		atf_add_test_case $case
	done
}
