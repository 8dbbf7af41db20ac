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
# From which address mail leaves, on a network with routes and both families:
# every way in which a source address can go wrong.  A cause of this host is
# a hold with a name of its own: it costs no try, and no other address is
# taken in its place.

. "$(atf_get_srcdir)/lib.sh"

port=28500
sink=28501
dns=28502

mx4=198.51.100.25
mx6=2001:db8:2::25

# bindings OPTION...: of acme; globex has both addresses with 5.
bindings()
{
	relay=relay
	settings="mta resolver 127.0.0.1:$dns
		mta port $sink
		mta timeout 5s"
	config <<-END
		binding "acme" {
			ehlo-hostname "mail.acme.example"
			$*
		}
		binding "globex" {
			ehlo-hostname "mail.globex.example"
			bind-address 192.0.2.5
			bind-address 2001:db8:1::5
		}
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
	only_from mail.acme.example 192.0.2.4 2001:db8:1::4
	only_from mail.globex.example 192.0.2.5 2001:db8:1::5
}

# One exchanger with both families, one with only one of them.
names()
{
	start_dns --mx-host=both.example,mx.both.example,10 \
	    --host-record=mx.both.example,$mx4,$mx6 \
	    --mx-host=first6.example,six.example,10 \
	    --mx-host=first6.example,four.example,20 \
	    --host-record=six.example,$mx6 \
	    --host-record=four.example,$mx4 "$@"
}

state_of()
{
	ctl show bindings | grep "^$1 "
}

# held CAUSE TEXT: acme's mail was held for that, nothing was tried.
is_held()
{
	wait_or_fail 10 "grep 'queue: held .*binding=acme.* cause=$1 ' \
	    bindery.log | grep '$2'"
	grep '^open .*src=\(192.0.2.4\|2001:db8:1::4\) ' sink.rec &&
	    fail "it was tried"
	grep 'mta: tempfail .*binding=acme' bindery.log && fail "a try is spent"
	return 0
}

# What came late was still the first try.
no_try_spent()
{
	grep 'mta: delivered .*binding=acme' bindery.log | grep -v ' try=1 ' &&
	    fail "a try was spent"
	return 0
}

# The better exchanger has only IPv6, the binding has only IPv4: the other
# one is taken at once.
atf_test_case other_family_first cleanup
other_family_first_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
other_family_first_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4
	names
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	start_bindery
	send_ok a@acme.example b@first6.example six-first
	send_ok a@acme.example b@both.example both
	send_ok a@globex.example b@first6.example globex
	wait_or_fail 10 'sunk_is 3'
	sunk_is 2 "src=192.0.2.4 dst=$mx4:" || fail "acme's went elsewhere"
	sunk_is 1 "src=2001:db8:1::5 dst=$mx6:.*id=globex" || fail "globex"
	grep 'mta: \(tempfail\|held\|permfail\)' bindery.log && fail "an attempt"
	grep 'mta: delivered .*binding=acme' bindery.log |
	    grep -v ' delay=[0-9]\.' && fail "a delay"
	return 0
}
other_family_first_cleanup() { stop_all; }

atf_test_case only_inet6 cleanup
only_inet6_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
only_inet6_body()
{
	make_network 4 5
	bindings bind-address 2001:db8:1::4
	names --host-record=literal6.example,$mx6
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	start_bindery
	send_ok a@acme.example b@both.example mx
	send_ok a@acme.example b@literal6.example address
	send_ok a@acme.example "b@[IPv6:$mx6]" literal
	wait_or_fail 10 'sunk_is 3 "src=2001:db8:1::4 "'
	no_try_spent
}
only_inet6_cleanup() { stop_all; }

# No address in common: held as such, until the name has one.
atf_test_case no_common_family cleanup
no_common_family_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
no_common_family_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4
	names --mx-host=only6.example,six.example,10
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	start_bindery
	send_ok a@acme.example b@only6.example acme
	send_ok a@acme.example b@both.example other-lane
	send_ok a@globex.example b@only6.example globex
	wait_or_fail 10 'sunk_is 2'
	sunk_is 0 id=acme || fail "it left"
	wait_or_fail 10 'grep "queue: held .*binding=acme.* cause=family " \
	    bindery.log'
	grep 'mta: \(tempfail\|permfail\)' bindery.log && fail "an attempt"
	ctl show queue binding acme | grep only6.example |
	    grep -qi family || fail "$(ctl show queue binding acme)"
	return 0
}
no_common_family_cleanup() { stop_all; }

# One of its two families has no address here: the other one carries on.
atf_test_case one_family_missing cleanup
one_family_missing_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
one_family_missing_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4 bind-address 2001:db8:1::4
	names --mx-host=only6.example,six.example,10
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	address "$near" del 2001:db8:1::4/128
	start_bindery
	wait_or_fail 5 'state_of acme | grep -F "up (no inet6)"'
	send_ok a@acme.example b@first6.example four
	send_ok a@acme.example b@only6.example six
	wait_or_fail 10 "sunk_is 1 'src=192.0.2.4 .*id=four'"
	wait_or_fail 10 'grep "queue: held .*cause=local.*address missing" \
	    bindery.log'
	sunk_is 0 id=six || fail "it left"
	address "$near" add 2001:db8:1::4/128
	wait_or_fail 5 "sunk_is 1 'src=2001:db8:1::4 .*id=six'"
	no_try_spent
	wait_or_fail 5 'state_of acme | grep " up "'
}
one_family_missing_cleanup() { stop_all; }

# An IPv6 address that is still being looked at for duplicates is not there
# yet: bind(2) says so, and it is waited for.
atf_test_case tentative cleanup
tentative_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip sysctl
}
tentative_body()
{
	make_network 4 5
	bindings bind-address 2001:db8:1::4
	names
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	address "$near" del 2001:db8:1::4/128
	inside sysctl -qw net.ipv6.conf.wire.dad_transmits=4
	ip -n "$near" addr add 2001:db8:1::4/128 dev wire
	start_bindery
	send_ok a@acme.example b@both.example tentative
	state_of acme | grep -F 'held (address missing)' ||
	    fail "$(state_of acme)"
	wait_or_fail 20 'sunk_is 1 src=2001:db8:1::4'
	no_try_spent
	grep -q 'binding held' bindery.log || fail "no line for it"
	grep -q 'binding up' bindery.log || fail "no line for its end"
}
tentative_cleanup() { stop_all; }

# A thousand queued, sessions open, some in the middle of a message: the
# address goes, and comes back.
atf_test_case address_removed cleanup
address_removed_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
address_removed_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4 max-outbound-connections 8
	names
	echo 'dot a@acme * delay 0.05' >script
	start_sink -s script "$mx4:$sink" "[$mx6]:$sink"
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	submit -c 10 -n 1000 -f a@acme.example -t b@both.example -i a >out
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 20 '[ $(sunk) -ge 50 ]'
	address "$near" del 192.0.2.4/32
	wait_or_fail 15 "state_of acme | grep -F 'held (address missing)'"
	wait_or_fail 15 '[ "$(binding_value acme conns)" = 0 ]'
	# what the kernel still sent has come
	sleep 1
	[ "$(sunk)" -lt 1000 ] || fail "nothing was left to hold"
	before=$(sunk)
	send_ok a@globex.example b@both.example globex
	wait_or_fail 10 'sunk_is 1 id=globex'
	[ "$(sunk id=a-)" -eq "$before" ] || fail "it left"
	grep 'mta: \(tempfail\|permfail\)' bindery.log &&
	    fail "the peer was blamed"
	address "$near" add 192.0.2.4/32
	wait_or_fail 40 '[ -z "$(ctl show queue binding acme | grep @)" ]'
	no_try_spent
	sed -n 's/^msg .* id=\(a-[^ ]*\) .*/\1/p' sink.rec | sort -u >got
	[ "$(wc -l <got)" -eq 1000 ] || fail "$(wc -l <got) of 1000"
	# twice at most what was at its end just then
	[ "$(sunk id=a-)" -le 1008 ] || fail "$(sunk id=a-) came"
	[ "$(grep -c 'binding held' bindery.log)" -eq 1 ] || fail "held lines"
	[ "$(grep -c 'binding up' bindery.log)" -eq 1 ] || fail "up lines"
}
address_removed_cleanup() { stop_all; }

# The address goes while a connection is being made, which nobody answers.
atf_test_case removed_connecting cleanup
removed_connecting_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
removed_connecting_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4
	names
	start_sink "$mx4:$sink"
	start_bindery
	ip -n "$far" route add blackhole 192.0.2.4/32
	send_ok a@acme.example b@both.example one
	wait_or_fail 5 'inside ss -Hnt state syn-sent src 192.0.2.4 | grep .'
	address "$near" del 192.0.2.4/32
	wait_or_fail 15 "state_of acme | grep -F 'held (address missing)'"
	wait_or_fail 5 '[ "$(binding_value acme conns)" = 0 ]'
	ctl show queue binding acme | grep -q 'address missing' ||
	    fail "$(ctl show queue binding acme)"
	ip -n "$far" route del blackhole 192.0.2.4/32
	address "$near" add 192.0.2.4/32
	wait_or_fail 5 'sunk_is 1 id=one'
	no_try_spent
}
removed_connecting_cleanup() { stop_all; }

# An idle connection whose source has gone is not used again.
atf_test_case idle_connection cleanup
idle_connection_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
idle_connection_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4
	names
	start_sink "$mx4:$sink"
	start_bindery
	send_ok a@acme.example b@both.example one
	wait_or_fail 10 'sunk_is 1 id=one'
	address "$near" del 192.0.2.4/32
	send_ok a@acme.example b@both.example two
	wait_or_fail 2 "state_of acme | grep -F 'held (address missing)'"
	address "$near" add 192.0.2.4/32
	wait_or_fail 5 'sunk_is 1 id=two'
	no_try_spent
}
idle_connection_cleanup() { stop_all; }

# route_body AWAY BACK [GLOBEX]: the route of $source goes and comes; whether
# the other customer's stays.
route_body()
{
	make_network 4 5
	bindings bind-address "$source"
	names
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	eval "$1"
	start_bindery
	send_ok a@acme.example b@both.example acme
	is_held local 'no route to'
	state_of acme | grep ' up ' || fail "$(state_of acme)"
	ctl show queue binding acme | grep -q 'no route to' ||
	    fail "$(ctl show queue binding acme)"
	[ -z "$3" ] || {
		send_ok a@globex.example b@both.example globex
		wait_or_fail 10 'sunk_is 1 id=globex'
	}
	eval "$2"
	wait_or_fail 5 "sunk_is 1 'src=$source .*id=acme'"
	no_try_spent
}

atf_test_case no_route_inet4 cleanup
no_route_inet4_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
no_route_inet4_body()
{
	source=192.0.2.4
	route_body 'ip -n $near route del default' \
	    'ip -n $near route add default via 192.0.2.1'
}
no_route_inet4_cleanup() { stop_all; }

atf_test_case no_route_inet6 cleanup
no_route_inet6_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
no_route_inet6_body()
{
	source=2001:db8:1::4
	route_body 'ip -n $near -6 route del default' \
	    'ip -n $near -6 route add default via 2001:db8:1::1'
}
no_route_inet6_cleanup() { stop_all; }

# From one source only, as policy routing does it; others go.
atf_test_case unreachable cleanup
unreachable_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
unreachable_body()
{
	source=192.0.2.4
	route_body 'ip -n $near rule add from 192.0.2.4 table 104
	    ip -n $near route add unreachable default table 104' \
	    'ip -n $near rule del from 192.0.2.4 table 104' globex
}
unreachable_cleanup() { stop_all; }

atf_test_case prohibited cleanup
prohibited_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
prohibited_body()
{
	source=192.0.2.4
	route_body 'ip -n $near rule add from 192.0.2.4 prohibit' \
	    'ip -n $near rule del from 192.0.2.4 prohibit' globex
}
prohibited_cleanup() { stop_all; }

# More connections wanted than there are ports: those that are open carry
# the mail, none fails for it.
atf_test_case ports_shared cleanup
ports_shared_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip sysctl
}
ports_shared_body()
{
	make_network 4 5
	inside sysctl -qw net.ipv4.ip_local_port_range='40000 40005'
	bindings bind-address 192.0.2.4
	names
	echo 'dot a@acme * delay 0.05' >script
	start_sink -s script "$mx4:$sink"
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	inside sysctl -qw net.ipv4.ip_local_port_range='30000 60000'
	submit -n 100 -f a@acme.example -t b@both.example -i a >out
	inside sysctl -qw net.ipv4.ip_local_port_range='40000 40005'
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 30 '[ -z "$(ctl show queue binding acme | grep @)" ]'
	[ "$(sunk src=192.0.2.4)" -eq 100 ] || fail "$(sunk) came"
	[ "$(most_open 192.0.2.4)" -le 6 ] || fail "more than there are ports"
	grep 'mta: \(tempfail\|permfail\)' bindery.log && fail "an attempt"
	no_try_spent
}
ports_shared_cleanup() { stop_all; }

# No port at all: held, with a reason of its own.
atf_test_case ports_exhausted cleanup
ports_exhausted_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip sysctl
}
ports_exhausted_body()
{
	make_network 4 5
	bindings bind-address 192.0.2.4
	names
	start_sink "$mx4:$sink"
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	send_ok a@acme.example b@both.example acme
	# somebody else has the only port there is, for a while; the peer ends
	# that connection, so that the port is free at once
	inside sysctl -qw net.ipv4.ip_local_port_range='40000 40000'
	{ yes '~' | head -n 6; echo QUIT; } >words
	spawn holder sh -c "exec '$top/regress/dialog' -b 192.0.2.4 \
	    $mx4:$sink <words"
	wait_or_fail 5 'grep "^open .*src=192.0.2.4 " sink.rec'
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 5 "state_of acme | grep -F 'held (ports exhausted)'"
	grep 'mta: tempfail' bindery.log && fail "a try is spent"
	sunk_is 0 || fail "it left"
	wait_or_fail 20 'sunk_is 1 src=192.0.2.4'
	no_try_spent
}
ports_exhausted_cleanup() { stop_all; }

# A binding of any address takes what the kernel says, but never what is
# written in another.
atf_test_case any_explicit cleanup
any_explicit_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
any_explicit_body()
{
	make_network 5
	bindings bind-address any family inet4
	names
	rm sources
	only_from mail.acme.example 192.0.2.2
	only_from mail.globex.example 192.0.2.5 2001:db8:1::5
	start_sink "$mx4:$sink"
	start_bindery
	send_ok a@acme.example b@both.example two
	wait_or_fail 10 "sunk_is 1 'src=192.0.2.2 .*id=two'"
	# now the kernel would take globex's address
	ip -n "$near" route change default via 192.0.2.1 src 192.0.2.5
	wait_or_fail 20 'grep -q "^close " sink.rec'
	send_ok a@acme.example b@both.example globex
	wait_or_fail 10 'grep "queue: held .*address of binding globex" \
	    bindery.log'
	sleep 1
	sunk_is 0 id=globex || fail "it left"
	ip -n "$near" route change default via 192.0.2.1 src 192.0.2.2
	wait_or_fail 5 "sunk_is 1 'src=192.0.2.2 .*id=globex'"
	no_try_spent
}
any_explicit_cleanup() { stop_all; }

# A wire of its own for one source: when that breaks the other goes on, and
# nothing is sent over the wrong wire.
atf_test_case own_wire cleanup
own_wire_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
own_wire_body()
{
	make_network 5
	ip link add second netns "$near" type veth peer name second \
	    netns "$far"
	ip -n "$far" addr add 203.0.113.1/24 dev second
	ip -n "$near" addr add 203.0.113.4/24 dev second
	ip -n "$far" link set second up
	ip -n "$near" link set second up
	ip -n "$near" route add default via 203.0.113.1 table 104
	ip -n "$near" route add unreachable default table 104 metric 4278198272
	ip -n "$near" rule add from 203.0.113.4 table 104
	bindings bind-address 203.0.113.4
	rm sources
	only_from mail.acme.example 203.0.113.4
	only_from mail.globex.example 192.0.2.5 2001:db8:1::5
	names
	start_sink "$mx4:$sink" "[$mx6]:$sink"
	start_bindery
	send_ok a@acme.example b@both.example one
	wait_or_fail 10 "sunk_is 1 'src=203.0.113.4 .*id=one'"
	wait_or_fail 20 'grep -q "^close " sink.rec'
	ip -n "$near" link set second down
	send_ok a@acme.example b@both.example two
	send_ok a@globex.example b@both.example globex
	wait_or_fail 10 'sunk_is 1 id=globex'
	wait_or_fail 10 'grep "queue: held .*binding=acme" bindery.log'
	ip -n "$near" link set second up
	ip -n "$near" route add default via 203.0.113.1 table 104
	wait_or_fail 5 "sunk_is 1 'src=203.0.113.4 .*id=two'"
	no_try_spent
}
own_wire_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in other_family_first only_inet6 no_common_family \
	    one_family_missing tentative address_removed idle_connection \
	    removed_connecting no_route_inet4 no_route_inet6 unreachable \
	    prohibited ports_shared ports_exhausted any_explicit own_wire; do
		atf_add_test_case $case
	done
}
