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
#
# TLS on the way out: what is used where it is there, what is insisted on, and
# that nothing ever goes in clear that should not.

. "$(atf_get_srcdir)/lib.sh"

port=27000
sink=27001
smtps=27002
dns=27003

# A certificate authority, and a certificate for the names given.
certificates()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 30 -subj "/CN=Test CA" -keyout ca.key -out ca.pem \
	    -addext basicConstraints=critical,CA:TRUE \
	    -addext keyUsage=keyCertSign 2>openssl.log || fail "no ca"
	certificate peer "$@"
}

# certificate FILE NAME ...: FILE.pem with its chain, FILE.key.
certificate()
{
	_file=$1
	shift
	_names=
	for _name in "$@"; do
		_names="$_names,$_name"
	done
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj "/CN=peer" -keyout $_file.key -out $_file.csr \
	    2>>openssl.log || fail "no request"
	echo "subjectAltName=${_names#,}" >$_file.ext
	openssl x509 -req -in $_file.csr -CA ca.pem -CAkey ca.key \
	    -CAcreateserial -days 30 -extfile $_file.ext \
	    -out $_file.leaf 2>>openssl.log || fail "no certificate"
	cat $_file.leaf ca.pem >$_file.pem
}

# start_tls_sink [OPTION ...] ADDRESS:PORT ...
start_tls_sink()
{
	start_sink -c peer.pem -k peer.key "$@"
}

# One customer from 127.0.0.4; $options for the binding, $more for the file.
customer()
{
	settings="mta ca-file \"$PWD/ca.pem\"
		mta timeout 5s
		$more"
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			$options
		}
		bind from local to "acme"
	END
}

# Not one message was taken, nor was one begun.
nothing_sent()
{
	sunk_is 0 || fail "sent: $(grep ^msg sink.rec)"
	! grep -q '^clear' sink.rec || fail "a password in clear"
}

# logged WORD ...: the first delivered line has them all.
logged()
{
	wait_or_fail 10 'grep -q "mta: delivered" bindery.log'
	line=$(grep 'mta: delivered' bindery.log | head -n 1)
	for word in "$@"; do
		echo "$line" | grep -q " $word " || fail "no $word in: $line"
	done
}

# deferred PATTERN: an attempt failed in these words.
deferred()
{
	wait_or_fail 15 "grep '\(mta\|queue\): tempfail .*cause=remote' bindery.log |
	    grep -q '$1'"
}

atf_test_case opportunistic cleanup
opportunistic_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
opportunistic_body()
{
	certificates DNS:other.example
	customer
	start_tls_sink 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one .*tls=TLSv1.3"'
	logged tls=TLSv1.3 verified=no src=127.0.0.4
	# the extensions are those that were said under TLS
	[ "$(grep -c '^hello .*src=127.0.0.4' sink.rec)" -eq 2 ] ||
	    fail "EHLO under TLS"
	# content that is larger than what is written at once
	submit -n 3 -s 300000 -i large -f news@acme.example >out
	wait_or_fail 20 'sunk_is 3 "size=29.* .*id=large.* tls=TLSv1.3"'
}
opportunistic_cleanup() { stop_all; }

atf_test_case no_starttls cleanup
no_starttls_head() { atf_set require.user root; }
no_starttls_body()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind from local to "acme"
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	wait_or_fail 10 'sunk_is 1'
	logged tls=none
}
no_starttls_cleanup() { stop_all; }

# Refused, cut off, garbage, silence: the same try goes on in clear, from the
# same address to the same host.
atf_test_case fallback cleanup
fallback_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
fallback_body()
{
	certificates DNS:other.example
	options='max-messages 1'
	customer
	cat >script <<-END
		starttls * 1 454 4.7.0 not now
		starttls * 1 drop
		starttls * 1 220 but this is no TLS
		starttls * 1 cut 220 or nothing
	END
	start_tls_sink -s script 127.0.0.1:$sink
	start_bindery
	for n in 1 2 3 4; do
		send_ok news@acme.example bob@dest.example f$n
		wait_or_fail 20 "sunk_is 1 'src=127.0.0.4 .*id=f$n .*tls=none'"
	done
	wait_or_fail 5 '[ $(grep -c "mta: delivered .*tls=none .*try=1 " \
	    bindery.log) -eq 4 ]'
	! grep '\(mta\|queue\): tempfail' bindery.log || fail "a try was spent"
	[ "$(grep -c 'mta: cleartext .*binding=acme .*src=127.0.0.4' \
	    bindery.log)" -eq 3 ] || fail "not said why"
	[ "$(grep -c ^open sink.rec)" -eq 7 ] || fail "connections"
	! grep '^open' sink.rec | grep -v 'src=127.0.0.4 ' ||
	    fail "from another address"
}
fallback_cleanup() { stop_all; }

# What was asked for is not given up, however the peer fails.
atf_test_case required cleanup
required_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
required_body()
{
	certificates DNS:other.example
	relay="relay host \"smtp://127.0.0.1:$sink\" tls"
	customer
	cat >script <<-END
		starttls * 1 454 4.7.0 not now
		starttls * 1 drop
		starttls * 1 220 but this is no TLS
	END
	start_tls_sink -s script 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	deferred 'STARTTLS: 454 4.7.0 not now'
	wait_or_fail 30 'sunk_is 1 "id=one .*tls=TLSv1.3"'
	[ "$(grep -c '\(mta\|queue\): tempfail' bindery.log)" -eq 3 ] || fail "tries"
	logged tls=TLSv1.3 verified=no try=4
	! grep 'mta: cleartext' bindery.log || fail "in clear"
}
required_cleanup() { stop_all; }

atf_test_case required_not_offered cleanup
required_not_offered_head() { atf_set require.user root; }
required_not_offered_body()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4  tls require }
		bind from local to "acme"
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	deferred 'offers no STARTTLS, which is required'
	nothing_sent
}
required_not_offered_cleanup() { stop_all; }

# A wrong name, a stranger's certificate: nothing is sent.  The right one goes.
atf_test_case verify cleanup
verify_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
verify_body()
{
	certificates DNS:other.example,IP:127.0.0.2
	relay="relay host \"smtp+tls://127.0.0.1:$sink\" tls verify"
	customer
	start_tls_sink 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	deferred 'TLS with 127.0.0.1: .*not present in server certificate'
	nothing_sent
	stop_sink
	certificates IP:127.0.0.1
	start_tls_sink 127.0.0.1:$sink
	sleep 2
	deferred 'certificate verify failed\|verification failed'
	nothing_sent
	stop_sink
	stop_bindery
	customer
	start_tls_sink 127.0.0.1:$sink
	start_bindery
	wait_or_fail 15 'sunk_is 1 "id=one .*tls=TLSv1.3"'
	logged verified=yes
}
verify_cleanup() { stop_all; }

# Of binding, domain and action the strictest holds, for each domain apart;
# a host that does not do for one domain is good enough for another.
atf_test_case levels cleanup
levels_head()
{
	atf_set require.user root
	atf_set require.progs openssl dnsmasq ip
}
levels_body()
{
	make_namespace
	certificates DNS:mx.example
	relay=relay
	retry=1m..2m
	more="mta resolver 127.0.0.1:$dns
		mta port $sink"
	options='tls none
		domain "strict.example" { tls verify }
		domain "wrong.example" { tls verify }
		domain "any.example" { tls opportunistic }'
	customer
	spawn dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --no-daemon --port=$dns \
	    --listen-address=127.0.0.1 --bind-interfaces --local=/example/ \
	    --pid-file= --host-record=mx.example,127.0.0.11 \
	    --host-record=mx.wrong.example,127.0.0.11 \
	    --mx-host=strict.example,mx.example --mx-host=any.example,mx.example \
	    --mx-host=clear.example,mx.example \
	    --mx-host=wrong.example,mx.wrong.example
	start_tls_sink 127.0.0.11:$sink
	start_bindery
	send_ok news@acme.example bob@strict.example strict
	wait_or_fail 10 'sunk_is 1 "id=strict .*tls=TLSv1.3"'
	send_ok news@acme.example bob@wrong.example wrong
	deferred 'to=<bob@wrong.example> .*not present in server certificate'
	for domain in any clear; do
		send_ok news@acme.example bob@$domain.example $domain
	done
	wait_or_fail 10 'sunk_is 3'
	sunk_is 1 'id=any .*tls=TLSv1.3' || fail "any"
	sunk_is 1 'id=clear .*tls=none' || fail "clear"
	wait_or_fail 5 'grep -q "mta: delivered .*bob@strict" bindery.log'
	grep 'mta: delivered .*bob@strict.example' bindery.log |
	    grep -q 'verified=yes' || fail "not verified"
	grep 'mta: delivered .*bob@any.example' bindery.log |
	    grep -q 'verified=no' || fail "verified"
}
levels_cleanup() { stop_all; }

# Two actions lead to one host: the mail of each goes as it is said there.
atf_test_case apart cleanup
apart_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
apart_body()
{
	more="action \"safe\" relay host \"smtp://127.0.0.1:$sink\" tls
		match from local mail-from \"@safe.example\" for any action \"safe\""
	certificates DNS:other.example
	customer
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok news@safe.example bob@dest.example safe
	deferred 'offers no STARTTLS, which is required'
	send_ok news@acme.example bob@dest.example open
	wait_or_fail 15 'sunk_is 1 "id=open .*tls=none"'
	sunk_is 1 || fail "in clear: $(grep ^msg sink.rec)"
	stop_sink
}
apart_cleanup() { stop_all; }

# smarthost OPTION ...: with a password, over URL scheme $scheme.
smarthost()
{
	certificates IP:127.0.0.1
	(umask 077; echo 'customer	joe:secret word' >credentials)
	relay="relay host \"$scheme://customer@127.0.0.1:$sink\" auth <creds>"
	more="table creds file:$PWD/credentials"
	customer
	start_tls_sink "$@" 127.0.0.1:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
}

atf_test_case auth_plain cleanup
auth_plain_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
auth_plain_body()
{
	scheme=smtp+tls
	smarthost -a 'joe:secret word'
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*tls=TLSv1.3 auth=1"'
	logged verified=yes
	nothing_in_clear
}
auth_plain_cleanup() { stop_all; }

nothing_in_clear()
{
	! grep -q '^clear' sink.rec || fail "a password in clear"
	! grep -q 'secret' bindery.log || fail "a password in the log"
	# who looks on does not see it either
	ctl test binding acme to "$scheme://customer@127.0.0.1:$sink" >out 2>&1
	grep -q '^reached' out && grep -q '> AUTH [A-Z]* *[*]*$' out &&
	    grep -q '[*][*][*]$' out || fail "test: $(cat out)"
	! grep -q 'am9l\|AGpv\|c2VjcmV0\|secret' out || fail "seen: $(cat out)"
}

atf_test_case auth_login_smtps cleanup
auth_login_smtps_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
auth_login_smtps_body()
{
	scheme=smtps
	smarthost -T -a 'login:joe:secret word'
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*tls=TLSv1.3 auth=1"'
	logged verified=yes
	nothing_in_clear
}
auth_login_smtps_cleanup() { stop_all; }

# A wrong password, and a host that is not the one that it was meant for.
atf_test_case auth_refused cleanup
auth_refused_head()
{
	atf_set require.user root
	atf_set require.progs openssl
}
auth_refused_body()
{
	scheme=smtp+tls
	smarthost -a 'joe:another'
	deferred 'AUTH: 535 5.7.8 no'
	nothing_sent
	stop_sink
	certificates DNS:other.example
	start_tls_sink -a 'joe:secret word' 127.0.0.1:$sink
	wait_or_fail 20 "grep '\(mta\|queue\): tempfail' bindery.log |
	    grep -q 'TLS with 127.0.0.1: '"
	nothing_sent
	! grep -q 'secret' bindery.log || fail "a password in the log"
}
auth_refused_cleanup() { stop_all; }

# A zone that is signed, and a resolver that validates.
start_dnssec()
{
	ldns-keygen -a ECDSAP256SHA256 -k example >key.name ||
	    fail "no zone key"
	ldns-signzone zone "$(cat key.name)" >sign.log 2>&1 ||
	    fail "$(cat sign.log)"
	cat >unbound.conf <<-END
		server:
			directory: "$PWD"
			chroot: ""
			username: ""
			pidfile: ""
			use-syslog: no
			do-daemonize: no
			interface: 127.0.0.1
			port: $dns
			access-control: 127.0.0.0/8 allow
			module-config: "validator iterator"
			trust-anchor-file: "$PWD/$(cat key.name).ds"
			local-zone: "example." nodefault
		remote-control:
			control-enable: no
		auth-zone:
			name: "example"
			zonefile: "$PWD/zone.signed"
			for-downstream: no
			for-upstream: yes
			fallback-enabled: no
	END
	spawn unbound unbound -d -c "$PWD/unbound.conf"
	wait_or_fail 10 "grep -q 'start of service' unbound.log"
}

# spki FILE: SHA-256 of a certificate's key.
spki()
{
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin \
	    -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1
}

# whole FILE: SHA-256 of a certificate.
whole()
{
	openssl x509 -in "$1" -outform DER | openssl dgst -sha256 -r |
	    cut -d ' ' -f 1
}

# The records decide whether a host is the one: its key, its authority in its
# name; without a match nothing is sent, and what has none is as ever.
atf_test_case dane cleanup
dane_head()
{
	atf_set require.user root
	atf_set require.progs openssl unbound ldns-signzone ip
}
dane_body()
{
	make_namespace
	certificates DNS:mx.ta.example
	relay=relay
	more="mta resolver 127.0.0.1:$dns
		mta port $sink"
	customer
	none=$(printf '%064d' 0)
	{
		echo '$ORIGIN example.'
		echo '$TTL 300'
		echo '@ IN SOA ns hostmaster 1 3600 600 86400 300'
		echo '@ IN NS ns'
		echo 'ns IN A 127.0.0.1'
		n=10
		while read -r name tlsa; do
			n=$((n + 1))
			echo "$name IN MX 10 mx.$name"
			echo "mx.$name IN A 127.0.0.$n"
			[ -z "$tlsa" ] ||
			    echo "_$sink._tcp.mx.$name IN TLSA $tlsa"
		done <<-END
			ee 3 1 1 $(spki peer.leaf)
			cert 3 0 1 $(whole peer.leaf)
			ta 2 1 1 $(spki ca.pem)
			named 2 0 1 $(whole ca.pem)
			wrong 3 1 1 $none
			old 1 1 1 $(spki peer.leaf)
			none
		END
		# records where an alias leads to, else where it begins
		echo "far IN MX 10 mx.far"
		echo "mx.far IN CNAME host.far"
		echo "host.far IN A 127.0.0.18"
		echo "_$sink._tcp.host.far IN TLSA 3 1 1 $(spki peer.leaf)"
		echo "_$sink._tcp.mx.far IN TLSA 3 1 1 $none"
		echo "near IN MX 10 mx.near"
		echo "mx.near IN CNAME host.near"
		echo "host.near IN A 127.0.0.19"
		echo "_$sink._tcp.mx.near IN TLSA 3 1 1 $(spki peer.leaf)"
	} >zone
	start_dnssec
	start_tls_sink 127.0.0.11:$sink 127.0.0.12:$sink 127.0.0.13:$sink \
	    127.0.0.14:$sink 127.0.0.15:$sink 127.0.0.16:$sink \
	    127.0.0.17:$sink 127.0.0.18:$sink 127.0.0.19:$sink
	start_bindery
	for name in ee cert ta named wrong old none far near; do
		send_ok news@acme.example bob@$name.example $name
	done
	wait_or_fail 20 'sunk_is 7'
	deferred 'bob@wrong.example.* is none of its TLSA records'
	deferred 'bob@named.example.* is none of its TLSA records'
	while read -r name verified; do
		grep "mta: delivered .*bob@$name.example" bindery.log |
		    grep -q "tls=TLSv1.3 verified=$verified " ||
		    fail "$name: not $verified"
	done <<-END
		ee dane
		cert dane
		ta dane
		old no
		none no
		far dane
		near dane
	END
	sunk_is 7 || fail "sent to one that is not the one"
}
dane_cleanup() { stop_all; }

# With records it is TLS or nothing, whatever the binding says but none.
atf_test_case dane_downgrade cleanup
dane_downgrade_head()
{
	atf_set require.user root
	atf_set require.progs openssl unbound ldns-signzone ip
}
dane_downgrade_body()
{
	make_namespace
	certificates DNS:mx.dest.example
	relay=relay
	more="mta resolver 127.0.0.1:$dns
		mta port $sink"
	customer
	cat >zone <<-END
		\$ORIGIN example.
		\$TTL 300
		@ IN SOA ns hostmaster 1 3600 600 86400 300
		@ IN NS ns
		ns IN A 127.0.0.1
		dest IN MX 10 mx.dest
		mx.dest IN A 127.0.0.11
		_$sink._tcp.mx.dest IN TLSA 3 1 1 $(spki peer.leaf)
	END
	start_dnssec
	start_sink 127.0.0.11:$sink
	start_bindery
	send_ok news@acme.example bob@dest.example one
	deferred 'offers no STARTTLS, which its TLSA records ask for'
	stop_sink
	echo 'starttls * * 220 but this is no TLS' >script
	start_tls_sink -s script 127.0.0.11:$sink
	wait_or_fail 20 "grep '\(mta\|queue\): tempfail' bindery.log |
	    grep -q 'TLS with mx.dest.example: '"
	nothing_sent
	! grep 'mta: cleartext' bindery.log || fail "in clear"
}
dane_downgrade_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in opportunistic no_starttls fallback required \
	    required_not_offered verify levels apart auth_plain auth_login_smtps \
	    auth_refused dane dane_downgrade; do
		atf_add_test_case $case
	done
}
