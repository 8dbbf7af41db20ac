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
# From the queue to the next hop: routes, addresses, names, failures.

. "$(atf_get_srcdir)/lib.sh"

port=26020
sink=26021
dns=26022

# Two customers, each with an address and a name of its own.
customers()
{
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			ehlo-hostname "mail.acme.example"
			$acme
		}
		binding "globex" {
			bind-address 127.0.0.5
			ehlo-hostname "mail.globex.example"
		}
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
	only_from mail.acme.example 127.0.0.4
	only_from mail.globex.example 127.0.0.5
}

mx_settings()
{
	relay=relay
	settings="mta resolver 127.0.0.1:$dns
		mta port $sink
		mta timeout 5s"
}

atf_test_case smarthost cleanup
smarthost_head() { atf_set require.user root; }
smarthost_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	for n in 1 2 3; do
		send_ok news@acme.example bob@dest.example a$n
		send_ok shop@globex.example bob@dest.example g$n
	done
	wait_or_fail 10 'sunk_is 6'
	[ "$(sunk 'src=127.0.0.4 .*ehlo=mail.acme.example from=<news@acme.example> .*id=a')" \
	    -eq 3 ] || fail "acme"
	[ "$(sunk 'src=127.0.0.5 .*ehlo=mail.globex.example from=<shop@globex.example> .*id=g')" \
	    -eq 3 ] || fail "globex"
	wait_or_fail 5 '[ $(grep -c "mta: delivered " bindery.log) -eq 6 ]'
	line=$(grep 'mta: delivered .*from=<news@acme.example>' bindery.log |
	    head -n 1)
	for word in 'id=[0-9a-f]*\.1 ' 'to=<bob@dest.example>' binding=acme \
	    'rule=1 ' src=127.0.0.4 ehlo=mail.acme.example \
	    "dst=127.0.0.1:$sink" 'try=1 ' delay= 'stat="250 '; do
		echo "$line" | grep -q "$word" || fail "no $word in: $line"
	done
}
smarthost_cleanup() { stop_all; }

atf_test_case ehlo_modes cleanup
ehlo_modes_head() { atf_set require.user root; }
ehlo_modes_body()
{
	config <<-END
		Binding fixed {
			Bind_Address = 127.0.0.4
			EHLO_Hostname = "fixed.example"
		}
		Binding host {
			Bind_Address = 127.0.0.5
			EHLO_Hostname = __hostname__
		}
		Binding message {
			Bind_Address = 127.0.0.6
			EHLO_Hostname = __message__
			Max_Outbound_Connections = 10
			Suspend_Delivery = false
		}
		binding "plain" { bind-address 127.0.0.7 }
		bind mail-from "@fixed.test" to "fixed"
		bind mail-from "@host.test" to "host"
		bind mail-from "@plain.test" to "plain"
		bind from local to "message"
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok a@fixed.test r@dest.example 1
	send_ok a@host.test r@dest.example 2
	send_ok a@plain.test r@dest.example 3
	send_ok a@one.example r@dest.example 4
	send_ok a@two.example r@dest.example 5
	send_ok '' r@dest.example 6
	wait_or_fail 10 'sunk_is 6'
	while read -r id src ehlo; do
		sunk_is 1 "src=$src .*ehlo=$ehlo .*id=$id " ||
		    fail "$id: not $src $ehlo"
	done <<-END
		1 127.0.0.4 fixed.example
		2 127.0.0.5 mx.bindery.example
		3 127.0.0.7 mx.bindery.example
		4 127.0.0.6 one.example
		5 127.0.0.6 two.example
		6 127.0.0.6 mx.bindery.example
	END
}
ehlo_modes_cleanup() { stop_all; }

# mx1 is not there, mx2 takes it; a domain without MX goes by its address.
atf_test_case mx cleanup
mx_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
mx_body()
{
	make_namespace
	mx_settings
	customers
	start_dns --mx-host=dest.example,mx1.dest.example,10 \
	    --mx-host=dest.example,mx2.dest.example,20 \
	    --address=/mx1.dest.example/127.0.0.11 \
	    --address=/mx2.dest.example/127.0.0.12 \
	    --host-record=plain.example,127.0.0.13
	start_sink 127.0.0.12:$sink 127.0.0.13:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example mx
	send_ok shop@globex.example bob@plain.example address
	wait_or_fail 15 'sunk_is 2'
	sunk_is 1 "src=127.0.0.4 dst=127.0.0.12:$sink .*id=mx " || fail "mx"
	sunk_is 1 "src=127.0.0.5 dst=127.0.0.13:$sink .*id=address " ||
	    fail "address"
	grep 'mta: delivered .*bob@dest.example' bindery.log |
	    grep -q 'mx=mx2.dest.example' || fail "log names no mx"
}
mx_cleanup() { stop_all; }

# Equal in all but preference: the better one is asked first.
atf_test_case mx_preference cleanup
mx_preference_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
mx_preference_body()
{
	make_namespace
	mx_settings
	customers
	start_dns --mx-host=dest.example,mx2.dest.example,20 \
	    --mx-host=dest.example,mx1.dest.example,10 \
	    --address=/mx1.dest.example/127.0.0.11 \
	    --address=/mx2.dest.example/127.0.0.12
	printf 'rcpt second 1 451 4.3.0 not here\n' >script
	start_sink -s script 127.0.0.11:$sink 127.0.0.12:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	wait_or_fail 15 'sunk_is 1 id=one'
	sunk_is 1 "dst=127.0.0.11:$sink .*id=one" || fail "not the first MX"
	send_ok news@acme.example second@dest.example two
	wait_or_fail 15 'sunk_is 1 id=two'
}
mx_preference_cleanup() { stop_all; }

# No such domain, and a domain that takes no mail (null MX): back to sender.
atf_test_case no_domain cleanup
no_domain_head()
{
	atf_set require.user root
	atf_set require.progs dnsmasq ip
}
no_domain_body()
{
	make_namespace
	mx_settings
	customers
	start_dns --mx-host=acme.example,mx.acme.example,10 \
	    --address=/mx.acme.example/127.0.0.11 \
	    --mx-host=nomail.example,.,0
	start_sink -d mail 127.0.0.11:$sink
	start_bindery
	send_ok news@acme.example bob@nothing.example
	wait_or_fail 15 'sunk_is 1'
	grep -q 'from=<> to=<news@acme.example>' sink.rec || fail "no DSN"
	grep -q 'Status: 5.1.2' mail/000001.eml || fail "$(cat mail/*)"
}
no_domain_cleanup() { stop_all; }

atf_test_case tempfail cleanup
tempfail_head() { atf_set require.user root; }
tempfail_body()
{
	customers
	echo 'rcpt * 2 450 4.2.1 mailbox busy' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example late
	wait_or_fail 20 'sunk_is 1 id=late'
	[ "$(grep -c 'mta: tempfail .*next=' bindery.log)" -eq 2 ] ||
	    fail "not two tempfail lines"
	grep 'mta: tempfail' bindery.log | head -n 1 |
	    grep 'cause=remote' | grep -q 'stat="450 4.2.1 mailbox busy"' ||
	    fail "cause or the peer's words"
	wait_or_fail 5 'grep -q "mta: delivered .*try=3 " bindery.log'
}
tempfail_cleanup() { stop_all; }

# Whatever the peer does at whatever moment, the message comes once more.
atf_test_case rude_peers cleanup
rude_peers_head() { atf_set require.user root; }
rude_peers_body()
{
	settings='mta timeout 2s'
	customers
	cat >script <<-END
		connect * 1 421 4.3.2 not now
		connect * 1 drop
		ehlo * 1 drop
		mail * 1 drop
		mail * 1 421 4.3.2 closing
		rcpt * 1 drop
		data * 1 451 4.3.0 no
		data * 1 drop
		dot * 1 451 4.3.0 disk
		dot * 1 drop
		mail * 1 delay 4
	END
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example rude
	wait_or_fail 60 'sunk_is 1 id=rude'
	sunk_is 1 || fail "more than one"
}
rude_peers_cleanup() { stop_all; }

atf_test_case old_peers cleanup
old_peers_head() { atf_set require.user root; }
old_peers_body()
{
	customers
	printf 'ehlo * * 502 5.5.1 not implemented\n' >script
	start_sink -P -s script 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example helo
	wait_or_fail 10 'sunk_is 1 "ehlo=mail.acme.example .*id=helo"'
	script </dev/null
	send_ok news@globex.example bob@dest.example stepwise
	wait_or_fail 10 'sunk_is 1 id=stepwise'
}
old_peers_cleanup() { stop_all; }

# One of three recipients is refused: two get it, the sender hears of one,
# over the same binding.
atf_test_case bounce cleanup
bounce_head() { atf_set require.user root; }
bounce_body()
{
	customers
	echo 'rcpt gone@ * 550 5.1.1 no such user' >script
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<news@acme.example>
		RCPT TO:<one@dest.example>
		RCPT TO:<gone@dest.example>
		RCPT TO:<two@dest.example>
		DATA
		Subject: a subject
		X-Test-Id: three

		Hello.
		.
		QUIT
	END
	wait_or_fail 15 'sunk_is 2'
	sunk_is 1 'to=<one@dest.example>,<two@dest.example> .*id=three' ||
	    fail "the other two"
	sunk_is 1 'src=127.0.0.4 .*ehlo=mail.acme.example from=<> to=<news@acme.example>' ||
	    fail "no bounce, or not over the same binding"
	grep -l 'multipart/report' mail/*.eml >name || fail "no report"
	dsn=$(cat name)
	for word in 'report-type="\{0,1\}delivery-status' '^Auto-Submitted: auto-replied' \
	    '^To: .*news@acme.example' '^Reporting-MTA: dns; *mx.bindery.example' \
	    '^Final-Recipient: rfc822; *gone@dest.example' \
	    '^Action: failed' '^Status: 5\.1\.1' \
	    '^Diagnostic-Code: smtp; *550 5.1.1 no such user' \
	    '^Subject: a subject'; do
		grep -q "$word" $dsn || fail "no $word in: $(cat $dsn)"
	done
	[ "$(grep -c '^Final-Recipient:' $dsn)" -eq 1 ] ||
	    fail "too many named"
	grep -q 'mta: permfail .*gone@dest.example' bindery.log ||
	    fail "no permfail line"
	wait_or_fail 5 'grep -q "bounced" bindery.log'
	wait_or_fail 5 '[ -z "$(ctl show queue all | grep dest.example)" ]'
}
bounce_cleanup() { stop_all; }

# A bounce that fails is not bounced again.
atf_test_case no_double_bounce cleanup
no_double_bounce_head() { atf_set require.user root; }
no_double_bounce_body()
{
	customers
	echo 'rcpt * * 550 5.1.1 no such user' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example
	wait_or_fail 15 '[ $(grep -c "mta: permfail" bindery.log) -ge 2 ]'
	sleep 2
	[ "$(grep -c '^refused ' sink.rec)" -eq 2 ] ||
	    fail "more than the message and one bounce"
	wait_or_fail 5 '! ctl show queue all | grep "@"'
}
no_double_bounce_cleanup() { stop_all; }

atf_test_case expiry cleanup
expiry_head() { atf_set require.user root; }
expiry_body()
{
	acme='message-expiration 3s'
	customers
	echo 'rcpt bob@ * 450 4.2.1 mailbox busy' >script
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example
	wait_or_fail 20 'sunk_is 1 "from=<> to=<news@acme.example>"'
	grep -q '^Status: 4\.' mail/000001.eml || fail "$(cat mail/*)"
	grep -q 'expired' bindery.log || fail "no line"
}
expiry_cleanup() { stop_all; }

# max-outbound-connections 1: one connection carries all; max-messages ends it.
atf_test_case reuse cleanup
reuse_head() { atf_set require.user root; }
reuse_body()
{
	acme='max-outbound-connections 1  suspend-delivery true'
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	submit -n 10 -f news@acme.example >out
	sed -i.old 's/suspend-delivery true/max-messages 4/' conf
	stop_bindery
	start_bindery
	wait_or_fail 15 'sunk_is 10'
	[ "$(most_open 127.0.0.4)" -eq 1 ] || fail "more than one at once"
	sunk_is 0 'nth=5 ' || fail "five over one connection"
	[ "$(sunk 'nth=4 ')" -ge 1 ] || fail "connections are not used again"
}
reuse_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in smarthost ehlo_modes mx mx_preference no_domain tempfail \
	    rude_peers old_peers bounce no_double_bounce expiry reuse; do
		atf_add_test_case $case
	done
}
