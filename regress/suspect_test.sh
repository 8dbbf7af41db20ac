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
# What one host sends kills mta: it comes back, what was in hand at three such
# deaths is set aside, and nobody else notices.

. "$(atf_get_srcdir)/lib.sh"

port=28040
sink=28041

# poison: mta has the bad message in hand for the Nth time; it dies.
poison()
{
	wait_or_fail 20 "[ \$(grep -c '^hello .*src=127.0.0.4 ' sink.rec) -ge $1 ]"
	sleep 0.5
	old=$(role_pid mta)
	kill -KILL "$old"
	wait_or_fail 20 '[ -n "$(role_pid mta)" ] &&
	    [ "$(role_pid mta)" != '$old' ]'
}

atf_test_case suspect cleanup
suspect_head() { atf_set require.user root; }
suspect_body()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
	echo 'rcpt poison * delay 60' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@poison.example bad
	for n in 1 2 3; do
		poison $n
		send_ok a@globex.example b@dest.example other$n
		wait_or_fail 10 "sunk_is 1 'src=127.0.0.5 .*id=other$n'"
	done
	grep -q 'mta was killed by signal 9' bindery.log || fail "no cause"
	ctl show queue all >out
	grep 'b@poison.example' out | grep -q suspect || fail "$(cat out)"
	grep 'queue: suspect .*binding=acme' bindery.log || fail "no line"
	# the same customer's next message goes
	send_ok a@acme.example b@dest.example good
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=good"'
	grep 'mta: delivered' bindery.log | grep -v 'try=1 ' &&
	    fail "a try was spent"
	# neither a reload lets it go, but an administrator does
	ctl reload >/dev/null || fail reload
	sleep 1
	ctl show queue all | grep -q suspect || fail "the reload let it go"
	: >script
	kill -HUP "$sink_pid"
	[ "$(ctl schedule sender a@acme.example)" = "1 recipient" ] ||
	    fail schedule
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=bad"'
}
suspect_cleanup() { stop_all; }

# What was in hand with it twice goes out alone, so that it is not blamed.
atf_test_case innocent cleanup
innocent_head() { atf_set require.user root; }
innocent_body()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@acme.example" to "acme"
	END
	echo 'rcpt poison * delay 60' >script
	echo 'rcpt slow * delay 60' >>script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@poison.example bad
	send_ok a@acme.example b@slow.example slow
	poison 2
	wait_or_fail 20 "[ \$(grep -c '^hello ' sink.rec) -ge 4 ]"
	sleep 0.5
	echo 'rcpt poison * delay 60' >script
	kill -HUP "$sink_pid"
	sleep 0.3
	poison 4
	wait_or_fail 15 'ctl show queue all | grep poison | grep sending'
	old=$(role_pid mta)
	kill -KILL "$old"
	wait_or_fail 5 'ctl show queue all | grep poison | grep suspect'
	wait_or_fail 20 'sunk_is 1 id=slow'
	grep -q 'mta: delivered .*slow.*try=1 ' bindery.log || fail "a try"
}
innocent_cleanup() { stop_all; }

atf_init_test_cases()
{
	atf_add_test_case innocent
	atf_add_test_case suspect
}
