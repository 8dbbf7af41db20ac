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
# What happens to one customer is no other's affair: failures, limits,
# suspensions and bounces of two bindings at one next hop.

. "$(atf_get_srcdir)/lib.sh"

port=28510
sink=28511

# Two customers; $both: options that each of them has.
customers()
{
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			ehlo-hostname "mail.acme.example"
			$both
		}
		binding "globex" {
			bind-address ${globex:-127.0.0.5}
			ehlo-hostname "mail.globex.example"
			$both
		}
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
	only_from mail.acme.example 127.0.0.4
	only_from mail.globex.example "${globex:-127.0.0.5}"
}

connections_of()
{
	grep -c "^open .*src=$1 " sink.rec || true
}

# turned_away COMMAND ...: what the peer does to acme alone, time and again.
# globex does not feel it, acme asks now and then with one connection, and is
# served as soon as the peer will.
turned_away()
{
	settings='mta timeout 2s'
	retry=1s..4s
	customers
	printf '%s\n' "$@" >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	submit -n 30 -f a@acme.example -i a >out
	wait_or_fail 10 'grep -q "\(mta\|queue\): tempfail .*binding=acme" bindery.log'
	submit -n 30 -f a@globex.example -i g >out
	wait_or_fail 20 'sunk_is 30 id=g-'
	sleep 4
	sunk_is 0 id=a- || fail "acme's left"
	grep 'mta: \(tempfail\|held\) .*binding=globex' bindery.log &&
	    fail "globex was delayed"
	grep 'mta: delivered .*binding=globex' bindery.log |
	    grep -v ' delay=[0-9]\.' && fail "globex had to wait"
	[ "$(connections_of 127.0.0.4)" -le 20 ] ||
	    fail "acme tried $(connections_of 127.0.0.4) times"
	script </dev/null
	wait_or_fail 20 'sunk_is 30 id=a-'
}

atf_test_case greeted_421 cleanup
greeted_421_head() { atf_set require.user root; }
greeted_421_body() { turned_away 'connect 127.0.0.4 * 421 4.7.0 not you'; }
greeted_421_cleanup() { stop_all; }

atf_test_case closed cleanup
closed_head() { atf_set require.user root; }
closed_body() { turned_away 'connect 127.0.0.4 * drop'; }
closed_cleanup() { stop_all; }

atf_test_case silent cleanup
silent_head() { atf_set require.user root; }
silent_body() { turned_away 'connect 127.0.0.4 * delay 6'; }
silent_cleanup() { stop_all; }

atf_test_case mail_421 cleanup
mail_421_head() { atf_set require.user root; }
mail_421_body() { turned_away 'mail @acme.example * 421 4.7.0 too much'; }
mail_421_cleanup() { stop_all; }

# What comes from one source is answered by nothing at all.
atf_test_case dot_421 cleanup
dot_421_head() { atf_set require.user root; }
dot_421_body() { turned_away 'dot @acme.example * 421 4.7.0 not so fast'; }
dot_421_cleanup() { stop_all; }

atf_test_case wire_of_one cleanup
wire_of_one_head()
{
	atf_set require.user root
	atf_set require.progs ip
}
wire_of_one_body()
{
	make_network 4 5
	relay="relay host \"smtp://198.51.100.25:$sink\""
	settings='mta timeout 2s'
	config <<-END
		binding "acme" {
			bind-address 192.0.2.4
			ehlo-hostname "mail.acme.example"
		}
		binding "globex" {
			bind-address 192.0.2.5
			ehlo-hostname "mail.globex.example"
		}
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
	only_from mail.acme.example 192.0.2.4
	only_from mail.globex.example 192.0.2.5
	ip -n "$far" route add blackhole 192.0.2.4/32
	start_sink "198.51.100.25:$sink"
	start_bindery
	send_ok a@acme.example b@dest.example acme
	wait_or_fail 10 'grep "queue: tempfail .*binding=acme" bindery.log |
	    grep "cause=remote"'
	send_ok a@globex.example b@dest.example globex
	wait_or_fail 3 'sunk_is 1 id=globex'
	ip -n "$far" route del blackhole 192.0.2.4/32
	wait_or_fail 20 'sunk_is 1 id=acme'
}
wire_of_one_cleanup() { stop_all; }

# Twenty bindings, one next hop: each has its own limit there.
atf_test_case twenty cleanup
twenty_head() { atf_set require.user root; }
twenty_body()
{
	for n in $(seq 1 20); do
		echo "binding \"b$n\" {
			bind-address 127.0.1.$n
			ehlo-hostname \"b$n.example\"
			max-outbound-connections 3
		}
		bind mail-from \"@b$n.example\" to \"b$n\""
	done | config
	for n in $(seq 1 20); do
		only_from b$n.example 127.0.1.$n
	done
	# all wait here, until each has what it may have
	echo 'dot * * delay 6' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	ctl pause mta >/dev/null || fail "pause"
	for n in $(seq 1 20); do
		submit -n 6 -f a@b$n.example -i b$n >out
	done
	ctl resume mta >/dev/null || fail "resume"
	wait_or_fail 50 'sunk_is 120'
	for n in $(seq 1 20); do
		[ "$(most_open 127.0.1.$n)" -eq 3 ] ||
		    fail "b$n: $(most_open 127.0.1.$n)"
	done
	all=$(sed -n 's/^open .* all=\([0-9]*\) .*/\1/p' sink.rec | sort -n |
	    tail -n 1)
	[ "$all" -eq 60 ] || fail "$all at the same time, not 60"
}
twenty_cleanup() { stop_all; }

# Two bindings on one address: limits and state are of the binding.
atf_test_case one_address cleanup
one_address_head() { atf_set require.user root; }
one_address_body()
{
	globex=127.0.0.4
	both='max-outbound-connections 2'
	customers
	echo 'dot * * delay 0.5' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	submit -c 5 -n 15 -f a@acme.example -i a >out
	submit -c 5 -n 5 -f a@globex.example -i g >out
	wait_or_fail 10 'sunk_is 5 id=g-'
	sunk_is 0 id=a- || fail "acme's left"
	[ "$(most_open 127.0.0.4)" -eq 2 ] || fail "globex: not two"
	ctl pause mta >/dev/null || fail "pause"
	ctl resume binding acme >/dev/null || fail "resume"
	submit -c 5 -n 15 -f a@globex.example -i h >out
	ctl resume mta >/dev/null || fail "resume"
	wait_or_fail 20 'sunk_is 35'
	[ "$(most_open 127.0.0.4)" -eq 4 ] ||
	    fail "both: $(most_open 127.0.0.4)"
	# one connection never carries mail of both
	sed -n 's/^msg \(conn=[0-9]*\) .*from=<a@\([a-z]*\).*/\1 \2/p' \
	    sink.rec | sort -u | cut -d ' ' -f 1 | uniq -d | grep . &&
	    fail "a connection was shared"
	return 0
}
one_address_cleanup() { stop_all; }

# Suspended in the middle of a message: that is finished, once; no other is
# begun.
atf_test_case suspended_in_data cleanup
suspended_in_data_head() { atf_set require.user root; }
suspended_in_data_body()
{
	both='max-outbound-connections 1'
	customers
	echo 'data * 1 delay 6' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example first
	wait_or_fail 5 'grep -q "^hello .*mail.acme" sink.rec'
	send_ok a@acme.example b@dest.example second
	sleep 0.5
	ctl suspend binding acme >out || fail "suspend: $(cat out)"
	wait_or_fail 20 'sunk_is 1 id=first'
	sleep 2
	sunk_is 1 || fail "more left than was under way"
	ctl show queue binding acme | grep -c '@' | grep -q '^1$' ||
	    fail "$(ctl show queue binding acme)"
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 10 'sunk_is 1 id=second'
	sunk_is 2 || fail "not each one once"
}
suspended_in_data_cleanup() { stop_all; }

# A customer is suspended while a recipient of his is refused: the report to
# him is his mail and waits with it; when it fails in turn, that is the end.
atf_test_case report_of_suspended cleanup
report_of_suspended_head() { atf_set require.user root; }
report_of_suspended_body()
{
	customers
	cat >script <<-END
		mail a@acme * delay 5
		rcpt gone@ * 550 5.1.1 nobody
		rcpt a@acme * 550 5.1.1 nobody either
	END
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example gone@dest.example refused
	wait_or_fail 5 'grep -q "^hello .*mail.acme" sink.rec'
	ctl suspend binding acme >/dev/null || fail "suspend"
	wait_or_fail 20 'grep -q "mta: permfail .*gone@" bindery.log'
	wait_or_fail 5 'ctl show queue binding acme | grep "a@acme.example"'
	sleep 2
	sunk_is 0 || fail "the report left"
	[ "$(connections_of 127.0.0.5)" -eq 0 ] || fail "by another's address"
	ctl show queue binding globex | grep '@' && fail "it is globex's"
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 20 'grep -q "^refused .*stage=rcpt .*a@acme" sink.rec'
	wait_or_fail 5 '! ctl show queue all | grep @'
	sunk_is 0 || fail "a report of a report"
}
report_of_suspended_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in greeted_421 closed silent mail_421 dot_421 wire_of_one twenty \
	    one_address suspended_in_data report_of_suspended; do
		atf_add_test_case $case
	done
}
