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
# The SMTP client against far ends that are old, broken, mute or strange, and
# the ways in which DNS can name a next hop.

. "$(atf_get_srcdir)/lib.sh"

port=28520
sink=28521
dns=28522

# One customer; reports to him go to mx.acme.example.
customer()
{
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			ehlo-hostname "mail.acme.example"
			$*
		}
		bind mail-from "@acme.example" to "acme"
		binding "system" {
			bind-address 127.0.0.6
			ehlo-hostname "system.bindery.example"
		}
		bind from local to "system"
	END
	only_from mail.acme.example 127.0.0.4
	only_from system.bindery.example 127.0.0.6
}

by_dns()
{
	make_namespace
	relay=relay
	settings="mta resolver 127.0.0.1:$dns
		mta port ${mx_port:-$sink}
		mta timeout 5s"
	customer
	start_dns --mx-host=acme.example,mx.acme.example,10 \
	    --host-record=mx.acme.example,127.0.0.11 "$@"
}

# to RECIPIENT ...: one message to all of them.
to()
{
	{
		printf 'EHLO client.example\nMAIL FROM:<a@acme.example>\n'
		printf 'RCPT TO:<%s>\n' "$@"
		printf 'DATA\nSubject: test\nX-Test-Id: to\n\nHello.\n.\nQUIT\n'
	} | dialog >send.out
	grep -q '^354' send.out || fail "refused: $(cat send.out)"
}

# report PATTERN: some report to the sender has it.
report()
{
	wait_or_fail 15 "grep -q '$1' mail/*.eml"
}

# Each of these once, at each stage; in the end the message is there.
atf_test_case malformed cleanup
malformed_head() { atf_set require.user root; }
malformed_body()
{
	settings='mta timeout 3s'
	retry=1s..1s
	customer
	long=$(printf '%02500d' 0)
	cat >script <<-END
		connect * 1 SSH-2.0-nonsense
		connect * 1 cut 220 half a gre
		ehlo * 1 250-sink\n25x what
		ehlo * 1 250 $long
		ehlo * 1 cut 250-sink\n250-SIZE
		mail * 1 99 bottles
		mail * 1 cut 2
		rcpt * 1 600 no such class
		data * 1 cut 35
		data * 1 250 not what was asked for
		content * 1 drop
		dot * 1 ok, I think
	END
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example once
	wait_or_fail 60 'sunk_is 1 id=once'
	wait_or_fail 5 '! ctl show queue all | grep @'
	sunk_is 1 || fail "more than once"
	grep 'mta: \(permfail\|held\)' bindery.log && fail "not tempfail"
	grep -q 'stat="malformed reply from' bindery.log || fail "no words"
}
malformed_cleanup() { stop_all; }

atf_test_case many_lines cleanup
many_lines_head() { atf_set require.user root; }
many_lines_body()
{
	customer
	cat >script <<-END
		connect * * 220-sink\n220-takes mail\n220 ESMTP
		ehlo * * 250-sink\n250-\n250-X-WHAT A B C\n250-PIPELINING\n250 8BITMIME
		mail * * 250-2.1.0 sender\n250 2.1.0 ok
		rcpt two@ * 550-5.7.1 this\n550-5.7.1 is not\n550 5.7.1 wanted
		data * * 354-go\n354 on
		dot * * 250-2.0.0 taken\n250 2.0.0 as 1
		rcpt a@acme * 250 2.1.5 ok
	END
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	to one@dest.example two@dest.example
	wait_or_fail 10 'sunk_is 2'
	sunk_is 1 'to=<one@dest.example> .*id=to' || fail "not to one alone"
	report '^Diagnostic-Code: .*5.7.1 this.*wanted'
}
many_lines_cleanup() { stop_all; }

# Mute at every stage: a timeout, never a hold-up for good.
atf_test_case mute cleanup
mute_head() { atf_set require.user root; }
mute_body()
{
	settings='mta timeout 1s'
	customer
	for stage in connect ehlo mail rcpt data; do
		echo "$stage * 1 delay 20"
	done >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example mute
	wait_or_fail 40 'sunk_is 1 id=mute'
	[ "$(grep -c 'queue: tempfail .*stat="timeout from .*waiting for' \
	    bindery.log)" -eq 5 ] || fail "not five timeouts"
	sunk_is 1 || fail "more than once"
}
mute_cleanup() { stop_all; }

# A peer that stops to read in the middle of a large message.
atf_test_case deaf cleanup
deaf_head() { atf_set require.user root; }
deaf_body()
{
	settings='mta timeout 2s'
	customer
	echo 'content * 1 delay 30' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	submit -n 1 -s 25000000 -f a@acme.example -i large >out
	wait_or_fail 20 'grep -q "mta: tempfail .*stat=\"timeout from .* in the middle of" \
	    bindery.log'
	wait_or_fail 30 'sunk_is 1 id=large'
}
deaf_cleanup() { stop_all; }

# Recipients of one transaction are answered each in its own way; with and
# without PIPELINING.
mixed()
{
	customer
	cat >script <<-END
		rcpt busy@ 1 450 4.2.1 busy
		rcpt gone@ 1 550 5.1.1 gone
		rcpt odd@ 1 251 2.1.5 will forward
		rcpt full@ 1 452 4.2.2 full
	END
	start_sink "$@" -s script -d mail 127.0.0.1:$sink
	start_bindery
	to one@dest.example busy@dest.example gone@dest.example \
	    odd@dest.example full@dest.example
	wait_or_fail 15 'sunk_is 1 "to=<one@dest.example>,<odd@dest.example> "'
	wait_or_fail 15 'sunk_is 1 "to=.*<busy@dest.example>" &&
	    sunk_is 1 "to=.*<full@dest.example>"'
	report '^Final-Recipient: rfc822; *gone@dest.example'
	wait_or_fail 5 '! ctl show queue all | grep @'
	[ "$(sunk 'to=.*one@')" -eq 1 ] || fail "one got it twice"
	[ "$(sunk 'from=<> ')" -eq 1 ] || fail "not one report"
}

atf_test_case mixed_answers cleanup
mixed_answers_head() { atf_set require.user root; }
mixed_answers_body() { mixed; }
mixed_answers_cleanup() { stop_all; }

atf_test_case mixed_stepwise cleanup
mixed_stepwise_head() { atf_set require.user root; }
mixed_stepwise_body() { mixed -P; }
mixed_stepwise_cleanup() { stop_all; }

# None of the recipients is taken, the connection serves the next message.
atf_test_case none_taken cleanup
none_taken_head() { atf_set require.user root; }
none_taken_body()
{
	customer max-outbound-connections 1
	cat >script <<-END
		rcpt gone@ * 550 5.1.1 gone
		mail refused@acme * 550 5.7.1 not from you
	END
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	send_ok a@acme.example gone@dest.example none
	send_ok refused@acme.example b@dest.example refused
	send_ok a@acme.example b@dest.example good
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 10 'sunk_is 1 id=good'
	wait_or_fail 10 'sunk_is 2 "from=<>"'
	wait_or_fail 5 '! ctl show queue all | grep @'
	[ "$(grep -c 'mta: permfail' bindery.log)" -eq 2 ] || fail "permfail"
}
none_taken_cleanup() { stop_all; }

# What the peer says that it cannot take is not tried, and the sender is told
# why in words.
atf_test_case cannot_take cleanup
cannot_take_head() { atf_set require.user root; }
cannot_take_body()
{
	customer
	echo 'ehlo * * 250-sink\n250-SIZE 4000\n250 PIPELINING' >script
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	submit -n 1 -s 9000 -f large@acme.example >out
	report 'Diagnostic-Code: .*552 5.3.4 .*takes 4000'
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<eight@acme.example> BODY=8BITMIME
		RCPT TO:<b@dest.example>
		DATA
		Subject: eight bits

		Gr$(printf '\303\274')n.
		.
		QUIT
	END
	report 'Diagnostic-Code: .*554 5.6.3 .*8bit'
	sunk_is 0 'from=<\(large\|eight\)@' || fail "it was sent"
	send_ok a@acme.example b@dest.example plain
	wait_or_fail 10 'sunk_is 1 id=plain'
	# a peer that says nothing of SIZE takes any
	printf 'ehlo * * 250 sink\n' | script
	submit -n 1 -s 9000 -f large@acme.example -i later >out
	wait_or_fail 15 'sunk_is 1 id=later'
}
cannot_take_cleanup() { stop_all; }

# Dots, and a last line without an end.
atf_test_case dots cleanup
dots_head() { atf_set require.user root; }
dots_body()
{
	customer
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		DATA
		Subject: dots

		..
		...
		..x
		x.
		 .
		.
		QUIT
	END
	wait_or_fail 10 'sunk_is 1'
	printf '%s\n' . .. .x x. ' .' >want
	sed '1,/^Subject: dots$/d' mail/000001.eml | sed 1d | cmp - want ||
	    fail "$(cat mail/000001.eml)"
}
dots_cleanup() { stop_all; }

# Names of all kinds that DNS gives, each with its own end.
atf_test_case names cleanup
names_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
names_body()
{
	by_dns --mx-host=null.example,.,0 \
	    --mx-host=own.example,mx.bindery.example,10 \
	    --mx-host=own.example,worse.example,20 \
	    --mx-host=backup.example,better.example,5 \
	    --mx-host=backup.example,MX.bindery.example,10 \
	    --mx-host=backup.example,worse.example,20 \
	    --host-record=better.example,127.0.0.12 \
	    --host-record=worse.example,127.0.0.13 \
	    --host-record=mx.bindery.example,127.0.0.14 \
	    --mx-host=nowhere.example,nothing.example,10 \
	    --cname=alias.example,real.example \
	    --mx-host=real.example,better.example,10 \
	    --mx-host=pointed.example,cname.example,10 \
	    --cname=cname.example,better.example \
	    --host-record=address.example,127.0.0.12
	start_sink -d mail 127.0.0.11:$sink 127.0.0.12:$sink \
	    127.0.0.13:$sink 127.0.0.14:$sink
	start_bindery
	to b@null.example
	report 'Diagnostic-Code: .*556 5.1.10 .*null MX'
	to b@own.example
	report 'Diagnostic-Code: .*554 5.4.6 .*this host'
	to b@nowhere.example
	report 'Diagnostic-Code: .*550 5.4.4 '
	to b@nosuch.example
	report 'Diagnostic-Code: .*550 5.1.2 '
	for name in backup alias pointed address '[127.0.0.12]'; do
		case $name in
		\[*) to "lit@$name" ;;
		*)   to "$name@$name.example" ;;
		esac
	done
	for name in backup alias pointed address lit; do
		wait_or_fail 10 "sunk_is 1 'dst=127.0.0.12:.*to=<$name@'"
	done
	grep 'dst=127.0.0.1[34]:' sink.rec && fail "a loop"
	return 0
}
names_cleanup() { stop_all; }

# Addresses that lead back here, or nowhere: no loop, no other source.
atf_test_case bad_addresses cleanup
bad_addresses_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
bad_addresses_body()
{
	mx_port=$port
	by_dns --mx-host=loop.example,here.example,10 \
	    --mx-host=loop.example,worse.example,20 \
	    --mx-host=backup.example,better.example,5 \
	    --mx-host=backup.example,here.example,10 \
	    --host-record=here.example,127.0.0.1 \
	    --host-record=better.example,127.0.0.12 \
	    --host-record=worse.example,127.0.0.13 \
	    --host-record=zero.example,0.0.0.0 \
	    --host-record=mapped.example,::ffff:127.0.0.12
	start_sink -d mail 127.0.0.11:$port 127.0.0.12:$port \
	    127.0.0.13:$port
	start_bindery
	to b@loop.example
	report 'Final-Recipient: .*@loop.example'
	report 'Diagnostic-Code: .*554 5.4.6 .*this host'
	to b@zero.example b@mapped.example
	report 'Final-Recipient: .*@zero.example'
	report 'Final-Recipient: .*@mapped.example'
	to 'b@[224.0.0.1]'
	report 'Diagnostic-Code: .*550 5.4.4 the address is no'
	# written as IPv6 it is an IPv4 address all the same
	to 'b@[IPv6:::ffff:127.0.0.12]'
	wait_or_fail 10 "sunk_is 1 'src=127.0.0.4 .*to=<b@.127.0.0.12'"
	to b@backup.example
	wait_or_fail 10 "sunk_is 1 'dst=127.0.0.12:.*to=<b@backup'"
	sunk_is 0 'to=.*@\(loop\|zero\|mapped\|\[224\)' || fail "it went out"
}
bad_addresses_cleanup() { stop_all; }

# Hosts that are down are all tried in one try; the last one takes it.
atf_test_case many_addresses cleanup
many_addresses_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
many_addresses_body()
{
	set -- --mx-host=dest.example,last.example,20 \
	    --mx-host=dest.example,nothing.example,10 \
	    --host-record=last.example,127.0.0.12
	for n in 10 11 12 13 14 15 16 17; do
		set -- "$@" --mx-host=dest.example,m$n.example,$n
		for host in 1 2 3 4; do
			set -- "$@" --host-record=m$n.example,127.0.$n.$host
		done
	done
	by_dns "$@"
	start_sink 127.0.0.12:$sink
	start_bindery
	to b@dest.example
	wait_or_fail 15 'sunk_is 1 dst=127.0.0.12'
	grep -q 'mta: delivered .*mx=last.example .*try=[2-5] ' bindery.log ||
	    fail "not ten at a time"
}
many_addresses_cleanup() { stop_all; }

# The resolver does not answer, then it does.
atf_test_case no_resolver cleanup
no_resolver_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
no_resolver_body()
{
	by_dns --host-record=dest.example,127.0.0.12
	kill "$spawned"
	start_sink 127.0.0.12:$sink
	start_bindery
	to b@dest.example
	wait_or_fail 30 'grep "queue: tempfail .*4.4.3" bindery.log'
	start_dns --host-record=dest.example,127.0.0.12
	wait_or_fail 40 'sunk_is 1'
	grep 'mta: permfail' bindery.log && fail "silence was taken for no"
	return 0
}
no_resolver_cleanup() { stop_all; }

# A name server that refuses is as good as none: the next one is asked.
atf_test_case second_resolver cleanup
second_resolver_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
second_resolver_body()
{
	make_namespace
	relay=relay
	settings="mta port $sink"
	customer
	spawn refuser dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --no-daemon --port=53 \
	    --listen-address=127.0.0.2 --bind-interfaces --pid-file=
	dns=53
	start_dns --host-record=dest.example,127.0.0.12
	start_sink 127.0.0.12:$sink
	printf 'nameserver 127.0.0.%d\n' 2 1 >resolv.conf
	# the namespace has mounts of its own
	spawn bindery sh -c 'mount --bind resolv.conf /etc/resolv.conf &&
	    exec "$0" -d -f conf' "$top/bindery"
	bindery_pid=$spawned
	wait_or_fail 15 'ctl show bindings'
	to b@dest.example
	wait_or_fail 10 'sunk_is 1'
}
second_resolver_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in malformed many_lines mute deaf mixed_answers \
	    mixed_stepwise none_taken cannot_take dots names bad_addresses \
	    many_addresses no_resolver second_resolver; do
		atf_add_test_case $case
	done
}
