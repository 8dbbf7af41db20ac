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
# A next hop that is this host itself: a loop in whatever form the listener
# and the destination are written, and nobody becomes local by it.

. "$(atf_get_srcdir)/lib.sh"

port=29710
sink=29711
dns=29712

# own LISTENER: acme submits at $port; the listener is at the mta's port.
own()
{
	cat >conf <<-END
		hostname "mx.bindery.example"
		spool "$PWD/spool"
		run "$PWD/run"
		mta resolver 127.0.0.1:$dns
		mta port $sink
		default-binding none
		listen on 127.0.0.1 port $port tag "acme"
		$1
		action "out" relay
		action "back" relay host "smtp://$here:$sink"
		match tag "acme" from any for domain "relay.example" action "back"
		match tag "acme" from any for any action "out"
		match from local for any action "out"
		binding "acme" { bind-address $here }
		binding "system" { bind-address 192.0.2.5 }
		bind tag "acme" to "acme"
		$2
		bind from local to "system"
	END
	start_bindery
}

host()
{
	make_namespace
	ip -n "$ns" link add v0 type veth peer name v1 || fail "no wire"
	ip -n "$ns" link set v0 addrgenmode none
	ip -n "$ns" link set v1 up
	ip -n "$ns" addr add 192.0.2.4/24 dev v0
	ip -n "$ns" addr add 192.0.2.5/24 dev v0
	ip -n "$ns" link set v0 up
	start_dns --mx-host=mx.example,here.example,10 \
	    --host-record=here.example,192.0.2.4 \
	    --host-record=a.example,192.0.2.4 \
	    --mx-host=mx9.example,here9.example,10 \
	    --host-record=here9.example,127.0.0.9 \
	    --host-record=a9.example,127.0.0.9 \
	    --mx-host=mx1.example,here1.example,10 \
	    --host-record=here1.example,127.0.0.1 \
	    --host-record=a1.example,127.0.0.1
	start_sink 192.0.2.5:1
}

# Each mail fails at once as a loop, and none comes in a second time.
loops()
{
	for domain in "mx$1.example" "a$1.example" relay.example; do
		printf '%s\n' 'EHLO client.example' \
		    'MAIL FROM:<a@acme.example>' "RCPT TO:<b@$domain>" DATA \
		    'X-Customer: system' 'Subject: x' '' x . QUIT |
		    dialog | grep -q '^221' || fail "not taken"
		wait_or_fail 10 "grep 'permfail .*to=<b@$domain> .*554 5.4.6' \
		    bindery.log"
	done
	grep 'smtpd: accepted' bindery.log | grep -v tag=acme |
	    grep -v 'client=local' && fail "it came in again"
	grep 'mta: delivered' bindery.log && fail "it left"
	kill "$bindery_pid"
	wait_or_fail 10 "! kill -0 $bindery_pid"
	mv bindery.log "bindery.log.$((n = n + 1))"
	return 0
}

atf_test_case forms cleanup
forms_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
forms_body()
{
	host
	n=0
	for trust in '' ' trust-header X-Customer'; do
		rule=
		[ -z "$trust" ] ||
		    rule='bind header X-Customer "system" to "system"'
		here=192.0.2.4
		for form in 192.0.2.4 0.0.0.0 v0; do
			own "listen on $form port $sink$trust" "$rule"
			loops ''
		done
		here=127.0.0.9
		for form in 127.0.0.9 0.0.0.0; do
			own "listen on $form port $sink$trust" "$rule"
			loops 9
		done
		here=127.0.0.1
		for form in lo localhost; do
			own "listen on $form port $sink$trust" "$rule"
			loops 1
		done
	done
}
forms_cleanup() { stop_all; }

# After a reload, and for an mta that was started anew.
atf_test_case reload cleanup
reload_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
reload_body()
{
	host
	here=192.0.2.4
	own ''
	echo "listen on v0 port $sink" >>conf
	ctl reload >/dev/null || fail "reload"
	loops ''
	own "listen on v0 port $sink"
	kill -KILL "$(role_pid mta)"
	wait_or_fail 10 'ctl show bindings | grep acme'
	loops ''
}
reload_cleanup() { stop_all; }

# Who is local: loopback, but not a binding's; no other address of this host.
atf_test_case local_peers cleanup
local_peers_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
local_peers_body()
{
	host
	here=127.0.0.9
	own "listen on 0.0.0.0 port $sink"
	for src in 127.0.0.1 127.0.0.2; do
		printf '%s\n' 'EHLO c.example' 'MAIL FROM:<a@x.example>' \
		    'RCPT TO:<b@y.example>' QUIT |
		    inside "$top/regress/dialog" -b $src 127.0.0.1:$sink >out
		[ "$(grep -c '^250 2.1' out)" -eq 2 ] ||
		    fail "$src: $(cat out)"
	done
	for pair in 127.0.0.9:127.0.0.1 192.0.2.4:192.0.2.4 \
	    192.0.2.5:192.0.2.4 192.0.2.5:127.0.0.1; do
		printf '%s\n' 'EHLO c.example' 'MAIL FROM:<a@x.example>' \
		    'RCPT TO:<b@y.example>' QUIT |
		    inside "$top/regress/dialog" -b "${pair%%:*}" \
		    "${pair#*:}:$sink" >out
		grep -q '^550' out || fail "$pair: $(cat out)"
	done
}
local_peers_cleanup() { stop_all; }

# Where the system lets any address be bound, a bind proves nothing.
atf_test_case nonlocal cleanup
nonlocal_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
nonlocal_body()
{
	host
	inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind' ||
	    atf_skip "no such setting"
	here=192.0.2.4
	own "listen on 0.0.0.0 port $sink"
	send_ok a@acme.example 'b@[198.51.100.9]' elsewhere
	wait_or_fail 10 'grep "queue: held .*no route" bindery.log'
	loops ''
}
nonlocal_cleanup() { stop_all; }

# binderyctl says of a client what smtpd would, -nv of a rule what it may mean.
atf_test_case told cleanup
told_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
told_body()
{
	host
	here=127.0.0.9
	own "listen on 0.0.0.0 port $sink"
	ctl match src 127.0.0.1 from a@x.example to b@y.example |
	    grep -q system || fail "loopback"
	for src in 127.0.0.9 192.0.2.4; do
		ctl match src $src from a@x.example to b@y.example |
		    grep -q 'no match rule' || fail "$src"
	done
	line=$(grep -n '^match from local' conf | cut -d: -f1)
	inside "$top/bindery" -nv -f conf 2>&1 |
	    grep "conf:$line: .*from socket means" || fail "no warning"
	sed -i 's/^listen on 0.0.0.0/listen on 192.0.2.4/' conf
	inside "$top/bindery" -nv -f conf 2>&1 | grep 'from socket means' &&
	    fail "a warning without a cause"
	return 0
}
told_cleanup() { stop_all; }

atf_init_test_cases()
{
	atf_add_test_case forms
	atf_add_test_case reload
	atf_add_test_case local_peers
	atf_add_test_case nonlocal
	atf_add_test_case told
}
