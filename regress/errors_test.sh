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
# How long a client is listened to that brings no mail: errors of strangers,
# commands of anybody, and what the log has of it.

. "$(atf_get_srcdir)/lib.sh"

port=31700
sink=31701
stranger=10.9.0.9

# Strangers may send to in.example, whoever is local or logged in to all but
# dead.example; whoever is nobody has no binding.
started()
{
	make_namespace
	ip -n "$ns" addr add $stranger/32 dev lo
	printf 'ann\t%s\n' "$(echo secret | "$top/binderyctl" encrypt)" >users
	chmod 600 users
	start_sink 127.0.0.1:$sink
	settings="smtp max-errors 4
	smtp max-recipients 200
	smtp max-message-size 10K
	table users file:$PWD/users
	match from any for domain \"dead.example\" reject"
	config <<-END
		listen on 127.0.0.1 port $((port + 2)) auth-optional <users> \
		    auth-insecure
		match from any for domain "in.example" action "out"
		match auth from any for any action "out"
		binding "all" { bind-address 127.0.0.4 }
		bind mail-from "a@client.example" to "all"
		default-binding none
	END
	start_bindery
}

# again NUMBER LINE...: the lines, so many times.
again()
{
	_n=$1
	shift
	while [ "$_n" -gt 0 ]; do
		printf '%s\n' "$@"
		_n=$((_n - 1))
	done
}

# said NUMBER CODE: so many replies begin so.
said()
{
	[ "$(grep -c "^$2" out)" -eq "$1" ] || fail "not $1 of $2: $(cat out)"
}

mail="MAIL FROM:<a@client.example>"
good="RCPT TO:<b@in.example>"

# errors LINE ...: after the fourth the session ends.
errors()
{
	{
		echo "EHLO client.example"
		again 10 "$@"
	} | dialog -b $stranger >out
	said 4 5
	said 1 "421 4.7.0"
	tail -n 1 out | grep -qF '[closed]' || fail "not closed: $(cat out)"
}

atf_test_case strangers cleanup
strangers_head()
{
	atf_set descr "errors end a stranger's session, whatever they are"
	atf_set require.user root
}
strangers_body()
{
	started
	errors "$mail" "RCPT TO:<b@dest.example>" RSET
	errors "$mail SIZE=20000"
	errors TURN
	errors "NOOP $(printf '%0600d' 0)"
	errors "$good"
	errors "EHLO $(printf '\377')"
	errors DATA
	errors STARTTLS
	errors "AUTH PLAIN x"
	errors "=BDAT 3\\r\\nabc" "?"
	# all in one write
	errors "=TURN\\r\\nTURN\\r\\nTURN\\r\\nTURN\\r\\nTURN\\r\\n" \
	    "?" "?" "?" "?" "?"
	errors "$mail" "RCPT TO:<b@dest.example>" "RCPT TO:<>" "VRFY" RSET
	grep -q 'refused code=421 cause=too-many-errors .*client=10.9.0.9 ' \
	    bindery.log || fail "the end is not in the log"
	send_ok a@client.example b@dest.example
}
strangers_cleanup() { stop_all; }

atf_test_case forgiven cleanup
forgiven_head()
{
	atf_set descr "mail that is accepted, and refusals that are ours"
	atf_set require.user root
}
forgiven_body()
{
	started
	# each message makes good for what was before it
	{
		echo "EHLO client.example"
		again 3 X X X "$mail" "$good" DATA "" Hello. .
		echo QUIT
	} | dialog -b $stranger >out
	said 3 "250 2.0.0"
	said 1 221
	# a recipient is there: no end before its message
	{
		printf '%s\n' "EHLO client.example" "$mail" "$good"
		again 20 "RCPT TO:<b@dest.example>" X
		printf '%s\n' DATA "" Hello. . QUIT
	} | dialog -b $stranger >out
	said 1 "250 2.0.0"
	said 1 221
	# but when it is taken back
	{
		printf '%s\n' "EHLO client.example" "$mail" "$good"
		again 20 "RCPT TO:<b@dest.example>"
		printf '%s\n' RSET NOOP
	} | dialog -b $stranger >out
	said 20 5
	said 1 "421 4.7.0"
	# what we cannot do now is no error of theirs
	{
		printf '%s\n' "EHLO client.example" \
		    "MAIL FROM:<nobody@client.example>"
		again 30 "$good"
		echo QUIT
	} | dialog -b $stranger >out
	said 30 451
	said 1 221
	{
		printf '%s\n' "EHLO client.example" "$mail"
		again 230 "$good"
		printf '%s\n' DATA "" Hello. . QUIT
	} | dialog -b $stranger >out
	said 30 452
	said 1 "250 2.0.0"
	said 1 221
}
forgiven_cleanup() { stop_all; }

# dead [OPTION ...] LINE ...: begin so, send to dead addresses, then to one
# that is good.
dead()
{
	{
		printf '%s\n' "EHLO client.example" "$@" "$mail"
		again 100 "RCPT TO:<b@dead.example>"
		printf '%s\n' "$good" DATA "" Hello. .
		again 100 "$mail" "RCPT TO:<b@dead.example>" RSET
		printf '%s\n' "$mail" "$good" DATA "" Hello. . QUIT
	} | dialog $from >out
	said 200 550
	said 2 "250 2.0.0 .* Message accepted"
	said 1 221
}

atf_test_case lists cleanup
lists_head()
{
	atf_set descr "a customer's list of dead addresses goes through"
	atf_set require.user root
}
lists_body()
{
	started
	from= dead
	grep "refused cause=repeated count=90 client=127.0.0.1 auth=-" \
	    bindery.log || fail "refusals are not summed"
	[ "$(grep -c 'refused code=550' bindery.log)" -eq 20 ] ||
	    fail "not ten refusals of each message"
	port=$((port + 2))
	from="-b $stranger" \
	    dead "AUTH PLAIN $(printf '\0ann\0secret' | base64)"
	grep "refused cause=repeated count=90 client=$stranger auth=ann" \
	    bindery.log || fail "refusals of a user are not summed"
}
lists_cleanup() { stop_all; }

# idle LINE ...: nobody may say that for ever.
idle()
{
	{
		[ -z "$login" ] || echo "$login"
		again 120 "$@"
	} | dialog $from >out
	said 1 "421 4.7.0"
	[ "$(grep -c '^[2345][0-9][0-9] ' out)" -le 310 ] &&
	    [ "$(grep -c '^[2345][0-9][0-9] ' out)" -ge 95 ] ||
	    fail "$* ended after $(grep -c . out)"
}

atf_test_case idle cleanup
idle_head()
{
	atf_set descr "commands that bring no mail end any session"
	atf_set require.user root
}
idle_body()
{
	started
	login="EHLO client.example"
	from="-b $stranger"
	idle NOOP
	idle RSET "VRFY x" HELP
	idle "$mail" RSET
	from=
	long=$(printf '%02000d' 0)
	idle NOOP
	idle "NOOP $long"
	idle "$long"
	idle TURN
	idle "EHLO client.example"
	idle HELO DATA
	idle "$good"
	idle "$mail" DATA RSET
	idle "$mail" "$good" RSET
	idle STARTTLS "AUTH PLAIN x"
	idle "=BDAT 3\\r\\nabc" "?"
	login="EHLO client.example
$mail
$good"
	idle NOOP
	idle "BDAT 0"
	port=$((port + 2))
	login="EHLO client.example
AUTH PLAIN $(printf '\0ann\0secret' | base64)"
	from="-b $stranger"
	idle NOOP
	idle "$mail" RSET
	login="EHLO client.example"
	from=
	idle "AUTH LOGIN" "*"
	idle "NOOP $long"
	# the local socket
	port=31700
	{
		echo "EHLO client.example"
		again 120 NOOP
	} | inside "$top/regress/dialog" "$PWD/run/submit.sock" >out
	said 1 "421 4.7.0"
	# a hundred are none too many, and a message gives a hundred more
	{
		echo "EHLO client.example"
		again 2 "$(again 95 NOOP)" "$mail" "$good" DATA "" Hello. .
		echo QUIT
	} | dialog >out
	said 1 221
	said 192 "250 2.0.0"
}
idle_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in strangers forgiven lists idle; do
		atf_add_test_case $case
	done
}
