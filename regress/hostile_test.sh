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
#
# smtpd was broken into: regress/hostile_smtpd is the daemon with that role
# replaced, and says itself whether the other roles answer as they should.
# Here is looked at what they log and deliver, and that an honest daemon finds
# all that was taken.

. "$(atf_get_srcdir)/lib.sh"

port=28240
sink=28241

hostile_config()
{
	config <<-END
		default-binding none
		binding "acme" { bind-address 127.0.0.4 }
		binding "globex" { bind-address 127.0.0.5 }
		bind auth "acme" to "acme"
		bind auth "globex" to "globex"
		match from any for any action "out"
		table secrets { "acme" = "$(echo x | "$top/binderyctl" encrypt)" }
		listen on 127.0.0.1 port $((port + 2)) auth-insecure auth <secrets>
	END
	echo 'rcpt bad * 550 5.1.1 no such user' >script
	start_sink -s script 127.0.0.1:$sink
}

# attack NAME: start it; it has said what it has to say.
attack()
{
	: >bindery.log
	rm -rf spool
	spawn bindery env HOSTILE="$1" "$top/regress/hostile_smtpd" -d -f conf
	bindery_pid=$spawned
	wait_for 60 "grep -q '^hostile: done' bindery.log ||
	    ! kill -0 $bindery_pid" || fail "$1: it does not end"
	! grep '^hostile: FAIL' bindery.log || fail "$1"
	grep -q '^hostile: ok good before' bindery.log || fail "$1: no start"
}

# What was taken has gone out on its binding, and nothing else, if not before
# then by an honest daemon on the same spool.
# delivered_all NAME: $more messages beside the good ones.
delivered_all()
{
	_log=$(grep -c '^hostile: ok good' bindery.log)
	[ -d /proc/$bindery_pid ] && stop_bindery
	start_bindery
	wait_for 20 "sunk_is $((_log + ${more:-0}))" ||
	    fail "$1: $(sunk) messages"
	! grep '^msg' sink.rec | grep -v 'src=127.0.0.4 ' ||
	    fail "$1: another source"
	! grep '^msg' sink.rec | grep 'id=nobody' || fail "$1: was refused"
	! grep 'queue: spool: ' bindery.log || fail "$1: damaged"
	stop_bindery
	: >sink.rec
	kill -HUP "$sink_pid"
}

# ended_by ROLE NAME: that role blames smtpd, which is killed for it.
ended_by()
{
	wait_bindery
	grep -q "^$1: smtpd: .*its channel is closed" bindery.log ||
	    fail "$2: no word of $1"
	grep -q 'smtpd sent .* what is no message: killed' bindery.log ||
	    fail "$2: not killed"
	grep -q 'smtpd was killed by signal 9 .*: stopping' bindery.log ||
	    fail "$2: smtpd is not blamed"
	others_live "$2"
}

others_live()
{
	! grep -E '^bindery: (queue|mta|names|passwords|flush) (was|exit)' \
	    bindery.log || fail "$1: another role is blamed"
}

# memory ROLE KB: it never took more.
memory()
{
	_kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' \
	    "/proc/$(role_pid "$1")/status")
	# a sanitizer has its own
	[ -n "$NO_SANDBOX" ] || [ "$_kb" -lt "$2" ] || fail "$1: $_kb kB"
}

atf_test_case frames cleanup
frames_head() { atf_set require.user root; }
frames_body()
{
	hostile_config
	for name in short-frame long-frame unknown-type type-of-parent \
	    type-of-mta short-mail short-content string string-length more \
	    number-again descriptor no-descriptor descriptors noise; do
		attack $name
		ended_by queue $name
		delivered_all $name
	done
}
frames_cleanup() { stop_all; }

atf_test_case words cleanup
words_head() { atf_set require.user root; }
words_body()
{
	hostile_config
	for name in early facts recipients large; do
		attack $name
		grep -q '^hostile: ok good after' bindery.log || fail $name
		others_live $name
		more=0
		# it came before there was a configuration, or after
		[ $name = early ] && more=$(grep -c 'ok stored early' \
		    bindery.log)
		delivered_all $name
	done
}
words_cleanup() { stop_all; }

atf_test_case bindings cleanup
bindings_head() { atf_set require.user root; }
bindings_body()
{
	hostile_config
	attack bindings
	grep -q '^hostile: ok good after' bindery.log || fail bindings
	delivered_all bindings
	attack bounces
	grep -q '^hostile: ok good after' bindery.log || fail bounces
	# the bounce itself, and what it is for was refused by the sink
	more=1 delivered_all bounces
}
bindings_cleanup() { stop_all; }

atf_test_case floods cleanup
floods_head() { atf_set require.user root; }
floods_body()
{
	hostile_config
	for name in mail rcpt unread large rdns; do
		attack flood-$name
		grep -q '^hostile: ok good after' bindery.log || fail $name
		others_live $name
		memory queue 65536
		memory mta 65536
		[ "$(ls "/proc/$(role_pid queue)/fd" | wc -l)" -lt 100 ] ||
		    fail "$name: descriptors"
		delivered_all flood-$name
	done
}
floods_cleanup() { stop_all; }

atf_test_case lookups cleanup
lookups_head() { atf_set require.user root; }
lookups_body()
{
	hostile_config
	for name in names passwords; do
		attack $name
		ended_by $name $name
		delivered_all $name
	done
}
lookups_cleanup() { stop_all; }

atf_test_case parent cleanup
parent_head() { atf_set require.user root; }
parent_body()
{
	hostile_config
	attack parent
	grep -q '^hostile: ok good after' bindery.log || fail parent
	others_live parent
	# each line has its true name, and one line is one
	grep -q '^smtpd: queue: forged?queue: forged$' bindery.log ||
	    fail "its line"
	! grep '^queue: forged' bindery.log || fail "a forged line"
	ctl reload >out 2>&1 || fail "$(cat out)"
	delivered_all parent
	for name in parent-type parent-blame parent-short; do
		attack $name
		ended_by bindery $name
		delivered_all $name
	done
}
parent_cleanup() { stop_all; }

atf_init_test_cases()
{
	atf_add_test_case frames
	atf_add_test_case words
	atf_add_test_case bindings
	atf_add_test_case floods
	atf_add_test_case lookups
	atf_add_test_case parent
}
