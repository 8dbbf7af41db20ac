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

. "$(atf_get_srcdir)/lib.sh"

port=26030
sink=26031

# customers [OPTIONS OF ACME [OPTIONS OF GLOBEX]]
customers()
{
	config <<-END
		binding "acme" { bind-address ${acme_address:-127.0.0.4} $1 }
		binding "globex" { bind-address 127.0.0.5 $2 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
}

# rcpt FROM TO ...: the replies to the RCPTs only.
rcpt()
{
	_from=$1
	shift
	{
		echo "EHLO client.example"
		echo "MAIL FROM:<$_from>"
		printf 'RCPT TO:<%s>\n' "$@"
		echo QUIT
	} | dialog | grep -v '^250-' | sed -n '4,$p' | sed '$d'
}

# A domain is one, however it is written, and so is a recipient.
atf_test_case spellings cleanup
spellings_head() { atf_set require.user root; }
spellings_body()
{
	settings='default-binding none'
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@xn--bcher-kva.example" for domain \
		    "dest.example" to "acme"
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	for sender in news@bücher.example news@BÜCHER.example. \
	    news@bücher。example news@XN--Bcher-KVA.example; do
		dialog >out <<-END
			EHLO client.example
			MAIL FROM:<$sender> SMTPUTF8
			RCPT TO:<one@Dest.example.>
			RCPT TO:<one@dest.example>
			RCPT TO:<one@ＤEST.example>
			RCPT TO:<One@dest.example>
			DATA
			X-Test-Id: one

			Hello.
			.
			QUIT
		END
		[ "$(grep -c '^250 2.1.5' out)" -eq 4 ] ||
		    fail "$sender: $(cat out)"
	done
	# no U-label is left, so the sink need not know SMTPUTF8
	wait_or_fail 10 'sunk_is 4'
	sunk_is 4 'src=127.0.0.4 .*from=<news@xn--bcher-kva.example> .*to=<one@dest.example>,<One@dest.example> ' ||
	    fail "$(cat sink.rec)"
	ctl match from news@bücher.example to a@DEST.example. >out
	grep -q acme out || fail "match: $(cat out)"
}
spellings_cleanup() { stop_all; }

# With default-binding none, what no rule takes is refused, the rest goes on.
atf_test_case default_none cleanup
default_none_head() { atf_set require.user root; }
default_none_body()
{
	settings='default-binding none'
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind for domain "good.example" to "acme"
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<one@good.example>
		RCPT TO:<two@bad.example>
		RCPT TO:<three@good.example>
		DATA
		X-Test-Id: two-of-three

		Hello.
		.
		QUIT
	END
	[ "$(grep -c '^451 4.3.5' out)" -eq 1 ] || fail "$(cat out)"
	wait_or_fail 10 'sunk_is 1 "to=<one@good.example>,<three@good.example>"'
	grep 'smtpd: refused' bindery.log | grep 'cause=no-binding' |
	    grep -q 'to=<two@bad.example>' || fail "no refused line"
}
default_none_cleanup() { stop_all; }

# The address is not here: held, nothing leaves; it comes: off it goes.
atf_test_case address_missing cleanup
address_missing_head()
{
	atf_set require.user root
	atf_set require.progs ip
}
address_missing_body()
{
	make_namespace
	ip -n $ns addr add 10.8.0.9/32 dev lo
	relay="relay host \"smtp://10.8.0.9:$sink\""
	acme_address=10.8.0.4
	config <<-END
		binding "acme" { bind-address 10.8.0.4 }
		bind mail-from "@acme.example" to "acme"
		binding "globex" { bind-address 10.8.0.9 }
		bind mail-from "@globex.example" to "globex"
	END
	start_sink 10.8.0.9:$sink
	start_bindery
	send_ok a@acme.example b@dest.example one
	send_ok a@acme.example b@dest.example two
	send_ok a@globex.example b@dest.example other
	wait_or_fail 10 'sunk_is 1 id=other'
	wait_or_fail 5 'ctl show bindings | grep "^acme" |
	    grep "held.*address missing"'
	grep -q 'queue: held .*binding=acme' bindery.log ||
	    grep -q 'binding held' bindery.log || fail "no held line"
	sleep 3
	grep 'open ' sink.rec | grep -v 'src=10.8.0.9 ' &&
	    fail "it left from another address"
	[ "$(sunk)" -eq 1 ] || fail "it left"
	ip -n $ns addr add 10.8.0.4/32 dev lo
	wait_or_fail 5 'sunk_is 2 src=10.8.0.4'
	grep 'mta: delivered .*binding=acme' bindery.log |
	    grep -v 'try=1 ' && fail "a try was spent"
	wait_or_fail 5 'ctl show bindings | grep "^acme" | grep " up"'
	# and away again, while it runs
	ip -n $ns addr del 10.8.0.4/32 dev lo
	send_ok a@acme.example b@dest.example three
	wait_or_fail 10 'ctl show bindings | grep "^acme" |
	    grep "held.*address missing"'
	sunk_is 0 id=three || fail "three left"
	ip -n $ns addr add 10.8.0.4/32 dev lo
	wait_or_fail 5 'sunk_is 1 "src=10.8.0.4 .*id=three"'
	return 0
}
address_missing_cleanup() { stop_all; }

# Two bindings, one next hop: three connections each, at the same time.
atf_test_case connections cleanup
connections_head() { atf_set require.user root; }
connections_body()
{
	customers 'max-outbound-connections 3  suspend-delivery true' \
	    'max-outbound-connections 3  suspend-delivery true'
	echo 'data * * delay 0.3' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	submit -n 20 -f a@acme.example -i a >out
	submit -n 20 -f a@globex.example -i g >out
	sed -i.old 's/suspend-delivery true//' conf
	stop_bindery
	start_bindery
	wait_or_fail 30 'sunk_is 40'
	[ "$(most_open 127.0.0.4)" -eq 3 ] || fail "acme: $(most_open 127.0.0.4)"
	[ "$(most_open 127.0.0.5)" -eq 3 ] || fail "globex: $(most_open 127.0.0.5)"
	all=$(sed -n 's/^open .* all=\([0-9]*\) .*/\1/p' sink.rec | sort -n |
	    tail -n 1)
	[ "$all" -eq 6 ] || fail "$all at the same time, not 6"
}
connections_cleanup() { stop_all; }

atf_test_case max_connections cleanup
max_connections_head() { atf_set require.user root; }
max_connections_body()
{
	customers 'max-connections 2'
	echo 'data * * delay 0.2' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	submit -c 10 -n 20 -f a@acme.example >out
	wait_or_fail 20 'sunk_is 20'
	[ "$(most_open 127.0.0.4)" -le 2 ] || fail "more than two"
}
max_connections_cleanup() { stop_all; }

# Suspended: taken and kept; the other is not slower; resumed: it goes.
atf_test_case suspend_resume cleanup
suspend_resume_head() { atf_set require.user root; }
suspend_resume_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme reason "a talk with the provider" >out ||
	    fail "suspend: $(cat out)"
	submit -n 20 -f a@acme.example -i a >out
	grep -q accepted=20 out || fail "not taken: $(cat out)"
	submit -n 20 -f a@globex.example -i g >out
	wait_or_fail 10 'sunk_is 20 id=g-'
	sleep 1
	sunk_is 0 id=a- || fail "it left"
	ctl show bindings | grep '^acme' | grep -q suspended ||
	    fail "$(ctl show bindings)"
	# the suspension and the mail survive a restart
	stop_bindery
	start_bindery
	sleep 1
	sunk_is 0 id=a- || fail "it left after the restart"
	ctl show bindings | grep '^acme' | grep -q suspended ||
	    fail "after the restart: $(ctl show bindings)"
	ctl show binding acme | grep -q "a talk with the provider" ||
	    fail "the reason is gone: $(ctl show binding acme)"
	ctl resume binding acme >out || fail "resume: $(cat out)"
	wait_or_fail 10 'sunk_is 20 id=a-'
	[ "$(sunk 'src=127.0.0.4 .*id=a-')" -eq 20 ] || fail "wrong address"
	grep -q 'suspended.*by=' bindery.log || fail "no suspended line"
	grep -q 'resumed.*by=' bindery.log || fail "no resumed line"
}
suspend_resume_cleanup() { stop_all; }

# The file suspends as well; the command's resume does not lift that.
atf_test_case suspend_in_file cleanup
suspend_in_file_head() { atf_set require.user root; }
suspend_in_file_body()
{
	customers 'suspend-delivery true' \
	    "domain \"SMTP://127.0.0.1:$sink\" { suspend-delivery true }"
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example one
	send_ok a@globex.example b@dest.example two
	ctl resume binding acme >out 2>&1
	sleep 1
	sunk_is 0 || fail "the file's suspension was lifted"
	ctl show bindings | grep '^acme' | grep -q suspended || fail "state"
	ctl show binding globex | grep -q "^smtp://127.* suspended" ||
	    fail "the host's: $(ctl show binding globex)"
}
suspend_in_file_cleanup() { stop_all; }

atf_test_case suspend_domain cleanup
suspend_domain_head() { atf_set require.user root; }
suspend_domain_body()
{
	relay="relay"
	settings="mta resolver 127.0.0.1:$((port + 2))
		mta port $sink"
	make_namespace
	customers
	spawn dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --port=$((port + 2)) --no-daemon \
	    --listen-address=127.0.0.1 --bind-interfaces --pid-file= \
	    --local=/example/ --host-record=one.example,127.0.0.12 \
	    --host-record=two.example,127.0.0.12
	start_sink 127.0.0.12:$sink
	start_bindery
	ctl suspend binding acme domain one.example >out ||
	    fail "suspend: $(cat out)"
	send_ok a@acme.example b@one.example one
	send_ok a@acme.example b@two.example two
	send_ok a@globex.example b@one.example three
	wait_or_fail 10 'sunk_is 1 id=two && sunk_is 1 id=three'
	sleep 1
	sunk_is 0 id=one || fail "it left"
	ctl resume binding acme domain one.example >out || fail "resume"
	wait_or_fail 10 'sunk_is 1 id=one'
}
suspend_domain_cleanup() { stop_all; }

atf_test_case suspend_reception cleanup
suspend_reception_head() { atf_set require.user root; }
suspend_reception_body()
{
	customers 'suspend-reception true'
	start_bindery
	rcpt a@acme.example b@dest.example | grep -q '^451 4.3.2' ||
	    fail "acme is not refused: $(rcpt a@acme.example b@dest.example)"
	rcpt a@globex.example b@dest.example | grep -q '^250' || fail "globex"
	ctl suspend binding globex reception >out || fail "$(cat out)"
	rcpt a@globex.example b@dest.example | grep -q '^451 4.3.2' ||
	    fail "globex is not refused"
	ctl resume binding globex reception >out || fail "$(cat out)"
	rcpt a@globex.example b@dest.example | grep -q '^250' ||
	    fail "globex is still refused"
	grep 'smtpd: refused code=451' bindery.log |
	    grep -q 'cause=reception' || fail "no line"
}
suspend_reception_cleanup() { stop_all; }

# The limit is one customer's, counts what is being received, and is over
# when the mail has gone.
atf_test_case queue_limit cleanup
queue_limit_head() { atf_set require.user root; }
queue_limit_body()
{
	customers 'queue-limit 3'
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	send_ok a@acme.example b@dest.example 1
	send_ok a@acme.example b@dest.example 2
	rcpt a@acme.example b@dest.example c@dest.example >out
	sed -n 1p out | grep -q '^250' || fail "the third: $(cat out)"
	sed -n 2p out | grep -q '^452 4.3.1' || fail "the fourth: $(cat out)"
	send_ok a@acme.example b@dest.example 3
	rcpt a@acme.example b@dest.example | grep -q '^452 4.3.1' ||
	    fail "beyond the limit"
	rcpt a@globex.example b@dest.example | grep -q '^250' ||
	    fail "the other customer"
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 10 'sunk_is 3'
	wait_or_fail 5 'rcpt a@acme.example b@dest.example | grep "^250"'
	grep -q 'smtpd: refused code=452 .*cause=queue-limit' bindery.log ||
	    fail "no line"
}
queue_limit_cleanup() { stop_all; }

# "any" never takes the address of another binding.
atf_test_case any cleanup
any_head()
{
	atf_set require.user root
	atf_set require.progs ip
}
any_body()
{
	make_namespace
	ip -n $ns addr add 10.8.0.4/32 dev lo
	relay="relay host \"smtp://10.8.0.4:$sink\""
	config <<-END
		binding "acme" { bind-address 10.8.0.4 }
		binding "some" { bind-address any }
		bind mail-from "@acme.example" to "acme"
		bind from local to "some"
	END
	start_sink 10.8.0.4:$sink
	start_bindery
	send_ok a@some.example b@dest.example some
	send_ok a@acme.example b@dest.example acme
	wait_or_fail 10 'sunk_is 1 id=acme'
	wait_or_fail 10 'grep -q "address of binding acme" bindery.log'
	sleep 1
	sunk_is 0 id=some || fail "it left from acme's address"
	return 0
}
any_cleanup() { stop_all; }

atf_test_case next_hops cleanup
next_hops_head() { atf_set require.user root; }
next_hops_body()
{
	customers 'next-hops ! 127.0.0.0/8' 'next-hops 127.0.0.1/32'
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example acme
	send_ok a@globex.example b@dest.example globex
	wait_or_fail 10 'sunk_is 1 id=globex'
	wait_or_fail 10 'grep -q "queue: held .*cause=next-hops" bindery.log'
	grep 'open .*src=127.0.0.4' sink.rec && fail "it tried"
	return 0
}
next_hops_cleanup() { stop_all; }

# A name that is gone from the file leaves its mail held, until "move".
atf_test_case name_gone cleanup
name_gone_head() { atf_set require.user root; }
name_gone_body()
{
	customers 'suspend-delivery true'
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example one
	stop_bindery
	grep -v acme conf >conf.new
	mv conf.new conf
	start_bindery
	sleep 1
	sunk_is 0 || fail "it left"
	ctl show queue all | grep -qi 'acme' || fail "$(ctl show queue all)"
	ctl move binding acme to globex >out || fail "move: $(cat out)"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.5 .*id=one"'
}
name_gone_cleanup() { stop_all; }

# A rule's number is of its time: where it stood then is kept, through reloads
# and restarts.
atf_test_case rule_origin cleanup
rule_origin_head() { atf_set require.user root; }
rule_origin_body()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 suspend-delivery true }
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
	END
	line=$(grep -n '^bind mail-from' conf | cut -d: -f1)
	start_bindery
	send_ok a@acme.example b@dest.example one
	id=$(ctl show queue all | sed -n 's/^\([0-9a-f]\{16\}\.1\) .*/\1/p')
	ctl show envelope "$id" | grep "rule-from .*conf:$line\$" ||
	    fail "$(ctl show envelope "$id")"
	sed -i 's/^bind mail-from/bind mail-from "@globex.example" to "globex"\n&/' conf
	ctl reload || fail "reload"
	ctl show envelope "$id" | grep "rule-from .*conf:$line\$" ||
	    fail "$(ctl show envelope "$id")"
	ctl stop
	wait_or_fail 10 "! kill -0 $bindery_pid"
	start_bindery
	ctl show envelope "$id" | grep "rule-from .*conf:$line\$" ||
	    fail "$(ctl show envelope "$id")"
}
rule_origin_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in spellings default_none address_missing connections \
	    max_connections \
	    suspend_resume suspend_in_file suspend_domain suspend_reception \
	    queue_limit any next_hops name_gone rule_origin; do
		atf_add_test_case $case
	done
}
