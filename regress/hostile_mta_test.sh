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
# mta was broken into: regress/hostile_mta is the daemon with that role
# replaced.  Whatever it says, queue lives, takes mail and loses none; what
# was not reported as delivered goes out once, from an honest daemon.

. "$(atf_get_srcdir)/lib.sh"

port=28250
sink=28251

hostile_config()
{
	config <<-END
		default-binding none
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@acme.example" to "acme"
		match from any for any action "out"
	END
	start_sink 127.0.0.1:$sink
}

start_hostile()
{
	: >bindery.log
	: >sink.rec
	: >ack
	kill -HUP "$sink_pid"
	rm -rf spool
	spawn bindery env HOSTILE="$1" "$top/regress/hostile_mta" -d -f conf
	bindery_pid=$spawned
	wait_for 15 "ctl show bindings || ! kill -0 $bindery_pid" ||
	    fail "$1: no start"
}

# store ID ...: each is taken; mta may be dead for a moment.
store()
{
	for _id; do
		wait_for 20 "send good@acme.example b@dest.example $_id >out &&
		    grep '^250 2.*[Mm]essage\|^250 2.0.0' out" ||
		    fail "$_id is not taken: $(cat out)"
		echo "$_id" >>stored
	done
}

# Each that was stored went out once: from the hostile one, or from here.
all_once()
{
	[ -d /proc/$bindery_pid ] && stop_bindery
	_there=$(grep '^hostile: delivered' bindery.log | sort | uniq -c |
	    awk '$2 != "" { n++ } END { print n + 0 }')
	_want=$(($(wc -l <stored) - _there + 1))
	start_bindery
	send_ok good@acme.example b@dest.example last
	wait_for 40 "sunk_is $_want" ||
	    fail "$1: $(sunk) messages, $_want wanted"
	ctl schedule all >/dev/null 2>&1 || true
	[ "$(sed -n 's/^msg .* id=\([^ ]*\).*/\1/p' sink.rec | sort |
	    uniq -d | wc -l)" -eq 0 ] || fail "$1: twice"
	sunk_is "$_want" || fail "$1: too many"
	! grep '^msg' sink.rec | grep -v 'src=127.0.0.4 ' ||
	    fail "$1: another source"
	! grep 'queue: spool: ' bindery.log || fail "$1: damaged"
	wait_for 10 '! ctl show queue | grep @dest' ||
	    fail "$1: $(ctl show queue)"
	stop_bindery
}

# attack NAME: between messages.
attack()
{
	: >stored
	start_hostile "$1"
	store 1 2 3 4
	# it may be killed before it has said so
	wait_for 60 "grep -q '^hostile: done\|^bindery: mta was killed' \
	    bindery.log || ! kill -0 $bindery_pid" || fail "$1: it does not end"
	# one that was killed begins again at once
	[ "$2" = ends ] || store 7
	! grep '^hostile: FAIL' bindery.log || fail "$1"
	kill -0 "$bindery_pid" || fail "$1: the daemon is gone"
	! grep -E '^bindery: (queue|smtpd|names|passwords|flush) (was|exit)' \
	    bindery.log || fail "$1: another role is blamed"
	! grep -E '^queue: forged' bindery.log || fail "$1: a forged line"
	# a sanitizer has its own
	_kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' \
	    "/proc/$(role_pid queue)/status")
	[ -n "$NO_SANDBOX" ] || [ "$_kb" -lt 65536 ] ||
	    fail "$1: queue took $_kb kB"
}

# frames NAME ...
frames()
{
	hostile_config
	for name; do
		attack "$name" ends
		grep -q '^queue: mta: .*its channel is closed' bindery.log ||
		    fail "$name: no word of queue"
		grep -q 'mta sent .* what is no message: killed' bindery.log ||
		    fail "$name: not killed"
		all_once "$name"
	done
}

atf_test_case frames cleanup
frames_head() { atf_set require.user root; }
frames_body()
{
	frames unknown-type type-of-smtpd type-of-queue short-frame \
	    long-frame noise descriptor
}
frames_cleanup() { stop_all; }

atf_test_case fields cleanup
fields_head() { atf_set require.user root; }
fields_body()
{
	frames short-pull long-pull short-result many-results \
	    pull-of-result outcome string
}
fields_cleanup() { stop_all; }

atf_test_case words cleanup
words_head() { atf_set require.user root; }
words_body()
{
	hostile_config
	for name in pulls results attempts others; do
		attack $name
		! grep -E '^bindery: mta (was|exit)' bindery.log ||
		    fail "$name: it was ended"
		! grep -q 'smtpd: accepted .*from=<>' bindery.log ||
		    fail "$name: bounced"
		all_once $name
	done
}
words_cleanup() { stop_all; }

atf_test_case floods cleanup
floods_head() { atf_set require.user root; }
floods_body()
{
	hostile_config
	for name in flood-pulls flood-long flood-attempts; do
		attack $name
		all_once $name
	done
}
floods_cleanup() { stop_all; }

renew()
{
	ctl reload >out 2>&1 || fail "$(cat out)"
}

# not while it is being started
death()
{
	wait_or_fail 20 'kill -USR1 $(role_pid mta)'
}

# Work that comes behind a "nothing" is told, whatever the order, and over a
# reload and the death of mta: all of it was handed out and reported once.
# lucky COMMAND
lucky()
{
	start_hostile luck
	for _i in 1 2 3; do
		wait_or_fail 20 'send good@acme.example b@dest.example \
		    "$_i" | grep "^250 2.0.0"'
		submit -c 8 -n 1500 -f good@acme.example -t b@dest.example &
		_submit=$!
		sleep 0.1
		"$1"
		wait "$_submit" || true
	done
	wait_for 60 "grep -q '^hostile: done' bindery.log" ||
	    fail "$1: it does not end"
	! grep '^hostile: FAIL' bindery.log || fail "$1"
	grep '^hostile: delivered' bindery.log | sort >there
	[ "$(uniq -d there | wc -l)" -eq 0 ] || fail "some twice"
	[ "$(wc -l <there)" -eq $(($(wc -l <ack) + 3)) ] ||
	    fail "$(wc -l <there) of $(wc -l <ack) delivered"
}

atf_test_case wakeup cleanup
wakeup_head() { atf_set require.user root; }
wakeup_body()
{
	hostile_config
	lucky renew
	[ "$(wc -l <ack)" -eq 4500 ] || fail "$(wc -l <ack) stored"
}
wakeup_cleanup() { stop_all; }

# A backlog goes with one message each way for each mail.
atf_test_case backlog cleanup
backlog_head() { atf_set require.user root; }
backlog_body()
{
	hostile_config
	start_hostile backlog
	submit -c 8 -n 1000 -f good@acme.example -t b@dest.example
	ctl reload
	wait_for 60 "grep -q '^hostile: done' bindery.log" || fail "no end"
	! grep '^hostile: FAIL' bindery.log || fail "$(cat bindery.log)"
}
backlog_cleanup() { stop_all; }

# It dies with some in hand, and the next one gets them.
atf_test_case deaths cleanup
deaths_head() { atf_set require.user root; }
deaths_body()
{
	hostile_config
	lucky death
	[ "$(wc -l <ack)" -gt 100 ] || fail "$(wc -l <ack) stored"
	grep -q 'mta exited with status 1' bindery.log || fail "no death"
}
deaths_cleanup() { stop_all; }

atf_init_test_cases()
{
	atf_add_test_case frames
	atf_add_test_case fields
	atf_add_test_case words
	atf_add_test_case floods
	atf_add_test_case wakeup
	atf_add_test_case backlog
	atf_add_test_case deaths
}
