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
# AUTH, what it allows and what it costs to guess; senders; the trusted
# header.  All in clear (auth-insecure): what TLS adds is in tls_test.sh.

. "$(atf_get_srcdir)/lib.sh"

port=29010
sink=29011

# users: two customers with a password each, as table <users>
users()
{
	printf 'acme\t%s\nglobex\t%s\n' \
	    "$(echo secret | "$top/binderyctl" encrypt)" \
	    "$("$top/binderyctl" encrypt swordfish)" >users
	chmod 600 users
}

# customers: a binding each; $auth: how the listener on port 29012 is meant.
customers()
{
	users
	config <<-END
		table users file:$PWD/users
		listen on 127.0.0.1 port 29012 ${auth:-auth <users>} auth-insecure
		match auth from any for any action "out"
		binding "acme" { bind-address 127.0.0.4 }
		binding "globex" { bind-address 127.0.0.5 }
		default-binding none
	END
	cat >>conf
}

# plain NAME PASSWORD: the initial response of PLAIN.
plain()
{
	printf '\0%s\0%s' "$1" "$2" | base64
}

b64()
{
	printf %s "$1" | base64
}

# send_as NAME PASSWORD ID
send_as()
{
	port=29012
	dialog >send.out <<-END
		EHLO client.example
		AUTH PLAIN $(plain "$1" "$2")
		MAIL FROM:<news@$1.example>
		RCPT TO:<b@dest.example>
		DATA
		X-Test-Id: $3

		Hello.
		.
		QUIT
	END
	grep -q 'Message accepted' send.out
}

# The point of it all: who logs in decides from which address it leaves.
atf_test_case own_address cleanup
own_address_head() { atf_set require.user root; }
own_address_body()
{
	customers <<-END
		table owners { "globex" = "globex" }
		bind auth "acme" to "acme"
		bind by auth <owners>
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	send_as acme secret one || fail "$(cat send.out)"
	send_as globex swordfish two || fail "$(cat send.out)"
	send_as acme swordfish three && fail "a wrong password was taken"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one" &&
	    sunk_is 1 "src=127.0.0.5 .*id=two"'
	[ "$(sunk)" -eq 2 ] || fail "more than was accepted"
	grep 'smtpd: accepted .* auth=acme ' bindery.log ||
	    fail "no auth= in the log"
	grep 'smtpd: refused code=535 cause=auth .* auth=acme$' bindery.log ||
	    fail "no line for the failure"
	grep -q 'secret\|swordfish' bindery.log && fail "a password is logged"
	[ -n "$(role_pid passwords)" ] || fail "who has checked that?"
}
own_address_cleanup() { stop_all; }

# Every reply on the way to a login.
atf_test_case replies cleanup
replies_head() { atf_set require.user root; }
replies_body()
{
	customers <<-END
		bind auth "acme" to "acme"
	END
	long=$(printf '%0250d' 0)
	password=$(printf '%0400d' 0)
	printf '%s\t%s\n' "$long" \
	    "$(echo "$password" | "$top/binderyctl" encrypt)" >>users
	start_bindery
	port=29012
	table <<-END
		AUTH PLAIN|503
		EHLO client.example|250
		MAIL FROM:<a@acme.example>|530
		AUTH CRAM-MD5|504
		AUTH|504
		AUTH PLAIN|334
		*|501
		AUTH PLAIN not/base64!|501
		AUTH PLAIN $(b64 hello)|501
		AUTH PLAIN|334
		$(plain acme secret)|235
		AUTH PLAIN $(plain acme secret)|503
		MAIL FROM:<a@acme.example>|250
		QUIT|221
	END
	table <<-END
		EHLO client.example|250
		AUTH LOGIN|334
		$(b64 acme)|334
		$(b64 secret)|235
		RSET|250
		EHLO client.example|250
		MAIL FROM:<a@acme.example>|250
		QUIT|221
	END
	# with the name at once; on behalf of another; no name at all
	table <<-END
		EHLO client.example|250
		AUTH LOGIN $(b64 acme)|334
		$(b64 wrong)|535
		AUTH PLAIN $(printf 'globex\0acme\0secret' | base64)|535
		AUTH LOGIN =|334
		$(b64 secret)|421
	END
	table <<-END
		EHLO client.example|250
		AUTH PLAIN $(printf 'acme\0acme\0secret' | base64)|235
		QUIT|221
	END
	# RFC 4954 4: lines of 12288 octets, but only here
	table <<-END
		EHLO client.example|250
		AUTH PLAIN|334
		$(printf '%012286d' 0)|501
		NOOP $(printf '%0600d' 0)|500
		AUTH PLAIN $(printf '%s\0%s\0%s' "$long" "$long" "$password" | base64 -w0)|235
		QUIT|221
	END
	table <<-END
		EHLO client.example|250
		AUTH PLAIN|334
		$(printf '%012287d' 0)|500 5.5.6
	END
	printf 'EHLO client.example\nQUIT\n' | dialog >ehlo
	grep -q '^250-AUTH PLAIN LOGIN$' ehlo || fail "$(cat ehlo)"
	grep -q STARTTLS ehlo && fail "STARTTLS is offered"
	port=29010
	table <<-END
		EHLO client.example|250
		AUTH PLAIN $(plain acme secret)|502
		STARTTLS|502
		QUIT|221
	END
}
replies_cleanup() { stop_all; }

# auth-optional; who has logged in is told from who has not.
atf_test_case optional cleanup
optional_head() { atf_set require.user root; }
optional_body()
{
	auth='auth-optional <users> tag "both"'
	customers <<-END
		match from any tag "both" for domain "in.example" action "out"
		bind auth to "acme"
		bind for domain "in.example" to "globex"
	END
	start_bindery
	port=29012
	table -b 127.0.0.9 <<-END
		EHLO client.example|250
		MAIL FROM:<a@acme.example>|250
		RCPT TO:<b@dest.example>|451
		RCPT TO:<b@in.example>|250
		RSET|250
		AUTH PLAIN $(plain acme secret)|235
		MAIL FROM:<a@acme.example>|250
		RCPT TO:<b@dest.example>|250
		QUIT|221
	END
}
optional_cleanup() { stop_all; }

# guess ADDRESS COMMAND...: one session of a guesser, in the background.
guess()
{
	_from=$1
	shift
	{ echo "EHLO client.example"; printf '%s\n' "$@"; } |
	    dialog -b "$_from" >>"guess.$_from" &
	echo $! >>guessers
}

guessed()
{
	for _pid in $(cat guessers); do
		wait "$_pid"
	done
	rm guessers
}

# Whoever guesses at a name is sent away, and nobody else at that address is:
# neither another customer nor one whose name was never guessed at.
atf_test_case guessing cleanup
guessing_head() { atf_set require.user root; }
guessing_body()
{
	customers <<-END
		bind auth "acme" to "acme"
	END
	start_bindery
	port=29012
	for n in 1 2 3 4; do
		guess 127.0.0.9 "AUTH PLAIN $(plain acme guess1)" \
		    "AUTH PLAIN $(plain acme guess2)" \
		    "AUTH PLAIN $(plain acme guess3)"
		# a name of each guess: none of them is guessed at often
		guess 127.0.0.10 "AUTH PLAIN $(plain "$n" guess1)" \
		    "AUTH LOGIN" "$(b64 "a$n")" "$(b64 guess2)" \
		    "AUTH LOGIN" "=" "$(b64 guess3)"
		# the name in another case is another name
		guess 127.0.0.11 "AUTH PLAIN $(plain ACME secret)" \
		    "AUTH LOGIN" "$(b64 ACME)" "$(b64 secret)" \
		    "AUTH PLAIN $(plain ACME secret)"
	done
	guessed
	[ "$(grep -c '^421' guess.127.0.0.9)" -eq 4 ] ||
	    fail "a session may guess on"
	for from in 9 11; do
		[ $from -eq 9 ] && name=acme || name=ACME
		table -b 127.0.0.$from <<-END
			EHLO client.example|250
			AUTH PLAIN $(plain globex swordfish)|235
			QUIT|221
		END
		table -b 127.0.0.$from <<-END
			EHLO client.example|250
			AUTH PLAIN $(plain $name secret)|421
		END
		grep "refused code=421 cause=auth-failures .*client=127.0.0.$from " \
		    bindery.log || fail "no line for $from"
	done
	for from in 8 10 11; do
		table -b 127.0.0.$from <<-END
			EHLO client.example|250
			AUTH LOGIN $(b64 acme)|334
			$(b64 secret)|235
			QUIT|221
		END
	done
}
guessing_cleanup() { stop_all; }

atf_test_case senders cleanup
senders_head() { atf_set require.user root; }
senders_body()
{
	printf '%s\n' 'acme news@acme.example, @lists.acme.example <>' \
	    'globex *' >senders
	auth="auth <users> senders <senders>"
	settings="table senders file:$PWD/senders"
	customers <<-END
		bind auth "acme" to "acme"
		bind auth "globex" to "globex"
	END
	start_bindery
	port=29012
	table <<-END
		EHLO client.example|250
		AUTH PLAIN $(plain acme secret)|235
		MAIL FROM:<ceo@acme.example>|550
		MAIL FROM:<news@globex.example>|550
		MAIL FROM:<x@sub.lists.acme.example>|550
		MAIL FROM:<x@Lists.acme.example>|250
		RSET|250
		MAIL FROM:<>|250
		RSET|250
		MAIL FROM:<news@acme.example>|250
		QUIT|221
	END
	table <<-END
		EHLO client.example|250
		AUTH PLAIN $(plain globex swordfish)|235
		MAIL FROM:<any@any.example>|250
		QUIT|221
	END
	grep 'smtpd: refused code=550 cause=sender from=<ceo@acme.example>' \
	    bindery.log || fail "no line for it"
}
senders_cleanup() { stop_all; }

# passwords runs where it is needed; hashes are nowhere else.
atf_test_case hashes cleanup
hashes_head()
{
	atf_set require.user root
	atf_set require.files /proc/self/mem
}
hashes_body()
{
	customers <<-END
		bind auth "acme" to "acme"
	END
	start_bindery
	hash=$(sed -n 's/^acme.//p' users)
	for role in smtpd names queue mta; do
		holds "$(role_pid $role)" "$hash" && fail "$role has a hash"
	done
	holds "$(role_pid passwords)" "$hash" || fail "passwords has none"
	stop_bindery
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind from local to "acme"
	END
	start_bindery
	[ -z "$(role_pid passwords)" ] || fail "passwords runs for nothing"
	# a reload can ask for it, and change what it knows
	customers <<-END
		bind auth "acme" to "acme"
	END
	ctl reload || fail "reload"
	send_as acme secret one || fail "$(cat send.out)"
	printf 'acme\t%s\n' "$("$top/binderyctl" encrypt other)" >users
	ctl reload || fail "reload"
	send_as acme secret two && fail "the old password is taken"
	send_as acme other three || fail "$(cat send.out)"
}
hashes_cleanup() { stop_all; }

atf_test_case trust_header cleanup
trust_header_head() { atf_set require.user root; }
trust_header_body()
{
	settings='default-binding none'
	config <<-END
		listen on 127.0.0.1 port 29012 trust-header X-Customer tag "in"
		binding "acme" { bind-address 127.0.0.4 }
		binding "globex" { bind-address 127.0.0.5  queue-limit 1 }
		binding "inside" { bind-address 127.0.0.6 }
		table keys { "g" = "globex" }
		bind for domain "inside.example" to "inside"
		bind tag "in" header X-Customer "a" to "acme"
		bind by header X-Customer <keys>
	END
	mkdir dump
	start_sink -d dump 127.0.0.1:$sink
	start_bindery
	port=29012
	customer one 'X-Customer: a' 'x-customer : g' | grep -q '^250.*accepted' ||
	    fail "$(cat customer.out)"
	customer two 'X-CUSTOMER:g' | grep -q '^250.*accepted' ||
	    fail "$(cat customer.out)"
	# one recipient has a rule without it, the other has none
	customer three 'X-Other: a' | grep -q '^451 4.3.5' ||
	    fail "$(cat customer.out)"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one" &&
	    sunk_is 1 "src=127.0.0.5 .*id=two" &&
	    sunk_is 2 "src=127.0.0.6"'
	grep -qi '^X-Customer' dump/* && fail "it was not taken out"
	grep -c '^Subject: kept' dump/* >/dev/null || fail "more was taken out"
	[ "$(sunk)" -eq 4 ] || fail "$(sunk) messages left"
	grep 'smtpd: refused code=451 cause=no-binding' bindery.log ||
	    fail "no line for it"
	# by another listener it says nothing, and is taken out all the same
	port=29010
	customer four 'X-Customer: a' | grep -q '^451 4.3.5' ||
	    fail "$(cat customer.out)"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.6 .*id=four"'
	grep -qi '^X-Customer' dump/* && fail "it was not taken out there"
	return 0
}
trust_header_cleanup() { stop_all; }

# customer ID FIELD ...: a message with these fields; the replies.
customer()
{
	id=$1
	shift
	{
		cat <<-END
			EHLO client.example
			MAIL FROM:<a@b.example>
			RCPT TO:<b@dest.example>
			RCPT TO:<b@inside.example>
			DATA
			X-Test-Id: $id
		END
		printf '%s\n' "$@"
		cat <<-END
			Subject: kept

			Hello.
			.
			QUIT
		END
	} | dialog >customer.out
	cat customer.out
}

atf_init_test_cases()
{
	atf_add_test_case own_address
	atf_add_test_case replies
	atf_add_test_case optional
	atf_add_test_case guessing
	atf_add_test_case senders
	atf_add_test_case hashes
	atf_add_test_case trust_header
}
