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
# The client's name: which one counts, and what becomes of a recipient whose
# rule hangs on it when the DNS is silent.

. "$(atf_get_srcdir)/lib.sh"

port=31010
dns=31011

# names: clients at 10.9.0.2 and so on, known to the DNS or not.
names()
{
	make_namespace a
	for host in 1 2 3 4 5 6; do
		ip -n $ns addr add 10.9.0.$host/24 dev lo
		ip -n $ns addr add 2001:db8:9::$host/64 dev lo nodad
	done
	ip -n $ns addr add 10.8.0.2/24 dev lo
	start_dns --local=/9.10.in-addr.arpa/ --local=/ip6.arpa/ \
	    --host-record=mx.named.example,10.9.0.2,2001:db8:9::2 \
	    --ptr-record=3.0.9.10.in-addr.arpa,mx.named.example \
	    --host-record=a.sub.example,10.9.0.5 \
	    --ptr-record=6.0.9.10.in-addr.arpa,mx.gone.example \
	    --ptr-record=6.0.9.10.in-addr.arpa,mx.second.example \
	    --address=/mx.second.example/10.9.0.6
	printf '%s\n' '*.sub.example' mx.named.example >table.names
	cat >conf <<-END
		hostname "mx.bindery.example"
		spool "$PWD/spool"
		run "$PWD/run"
		mta resolver 127.0.0.1:$dns
		mta port 9
		table names file:$PWD/table.names
		listen on 10.9.0.1 port $port
		listen on 2001:db8:9::1 port $port
		action "out" relay
		match from any for domain "free.example" action "out"
		match from rdns "mx.named.example" for domain "one.example" action "out"
		match from rdns for domain "any.example" action "out"
		match from rdns <names> for domain "table.example" action "out"
		match ! from rdns for domain "nameless.example" action "out"
		match ! from rdns <names> for domain "other.example" action "out"
	END
	start_bindery
}

# rcpt CLIENT DOMAIN ...: the codes of a recipient in each domain, in one
# session, all sent at once.
rcpt()
{
	from=$1
	shift
	case $from in
	*:*)	to=2001:db8:9::1 ;;
	*)	to=10.9.0.1 ;;
	esac
	{
		printf '%s\n' 'EHLO client.example' \
		    '=MAIL FROM:<a@x.example>\r\n'
		for domain in "$@"; do
			printf '=RCPT TO:<b@%s.example>\\r\\n\n' "$domain"
		done
		echo '?'
		for domain in "$@"; do
			echo '?'
		done
		echo QUIT
	} | inside "$top/regress/dialog" -t 30 -b "$from" "$to:$port" >out
	got=$(sed -n '/^250 2.1.0/,/^221/s/^\([0-9]*\) .*/\1/p' out |
	    sed '1d;$d' | tr '\n' ' ')
}

# What each client may send to: free, one, any, table, nameless, other.
atf_test_case names cleanup
names_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
names_body()
{
	names
	while read -r client want; do
		rcpt "$client" free one any table nameless other
		[ "$got" = "$want " ] ||
		    fail "$client: want $want, got $got: $(cat out)"
	done <<-END
		10.9.0.2 250 250 250 250 550 550
		2001:db8:9::2 250 250 250 250 550 550
		10.9.0.3 250 550 550 550 250 250
		10.9.0.4 250 550 550 550 250 250
		2001:db8:9::4 250 550 550 550 250 250
		10.9.0.5 250 550 250 250 550 550
		10.9.0.6 250 550 250 550 550 250
		10.8.0.2 250 451 451 451 451 451
	END
	grep -q 'refused.* code=451 cause=rdns .*client=10.8.0.2' \
	    bindery.log || fail "the log does not say why"
}
names_cleanup() { stop_all; }

# Servers that say nothing: what hangs on a name is to come again, and the
# rest goes on; then they speak.
atf_test_case silence cleanup
silence_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
silence_body()
{
	names
	kill -STOP "$(sed -n 1p pids)"
	rcpt 10.9.0.2 free one nameless nowhere
	[ "$got" = "250 451 451 550 " ] || fail "got $got: $(cat out)"
	kill -CONT "$(sed -n 1p pids)"
	heard()
	{
		rcpt 10.9.0.2 one nameless
		[ "$got" = "250 550 " ]
	}
	wait_or_fail 15 heard
}
silence_cleanup() { stop_all; }

# Rules that come by a reload hold for the next message of a session that
# was there before.
atf_test_case reload cleanup
reload_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
reload_body()
{
	names
	cp conf conf.new
	grep -v rdns conf.new >conf
	ctl reload || fail "reload"
	{
		printf '%s\n' 'EHLO client.example' 'MAIL FROM:<a@x.example>' \
		    'RCPT TO:<b@one.example>' RSET
		: >first
		wait_for 10 '[ -f reloaded ]'
		printf '%s\n' 'MAIL FROM:<a@x.example>' \
		    'RCPT TO:<b@one.example>' QUIT
	} | inside "$top/regress/dialog" -b 10.9.0.2 "10.9.0.1:$port" >out &
	session=$!
	wait_or_fail 10 '[ -f first ]'
	wait_or_fail 10 'grep -q "refused.*code=550" bindery.log'
	cp conf.new conf
	ctl reload || fail "reload"
	: >reloaded
	wait $session
	grep -q '^250 2.1.5' out || fail "no name: $(cat out)"
}
reload_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in names silence reload; do
		atf_add_test_case $case
	done
}
