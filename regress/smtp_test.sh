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
# The SMTP server, as a client sees it.

. "$(atf_get_srcdir)/lib.sh"

port=26010
sink=26011

accept_all()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind from local to "acme"
	END
}

atf_test_case replies cleanup
replies_head() { atf_set require.user root; }
replies_body()
{
	accept_all
	start_bindery
	table <<-END
		NOOP|250
		HELP|214
		EHLO client.example|250
		RCPT TO:<a@dest.example>|503
		DATA|503
		MAIL FROM:<a@acme.example|501
		MAIL FROM:<a@acme.example> FOO=BAR|5
		MAIL FROM:<a@acme.example> SIZE=99999999999|552
		MAIL FROM:<a@acme.example> SIZE=1000 BODY=8BITMIME|250
		MAIL FROM:<a@acme.example>|503
		RCPT TO:<a@dest.example>|250
		QUIT|221
	END
	table <<-END
		HELO client.example|250
		mail from:<a@acme.example>|250
		RCPT TO:<>|5
		RCPT TO:<a b@dest.example>|5
		rcpt to:<a@dest.example>|250
		RSET|250
		RCPT TO:<a@dest.example>|503
		MAIL FROM:<>|250
		RCPT TO:<a@dest.example>|250
		NOOP|250
		RSET|250
		VRFY someone|252
		FOO|500
		STARTTLS|5
		AUTH PLAIN AGEAYgA=|5
		QUIT|221
	END
	printf 'EHLO client.example\nQUIT\n' | dialog >ehlo
	for word in PIPELINING SIZE 8BITMIME ENHANCEDSTATUSCODES; do
		grep -q "^250[- ]$word" ehlo || fail "no $word: $(cat ehlo)"
	done
	grep -q '^220 mx.bindery.example ' ehlo || fail "greeting"
}
replies_cleanup() { stop_all; }

atf_test_case pipelining cleanup
pipelining_head() { atf_set require.user root; }
pipelining_body()
{
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	dialog >out <<-END
		EHLO client.example
		&MAIL FROM:<a@acme.example>
		&RCPT TO:<a@dest.example>
		&RCPT TO:<b@dest.example>
		DATA
		X-Test-Id: one

		Hello.
		.
		=MAIL FROM:<a@acme.example>\r\nRCPT TO:<c@dest.example>\r\nDATA\r\n
		?
		?
		?
		=X-Test-Id: two\r\n\r\nHello.\r\n.\r\nMAIL FROM:<a@acme.example>\r\nQUIT\r\n
		?
		?
		?
	END
	[ "$(grep -c '^354' out)" -eq 2 ] || fail "$(cat out)"
	tail -n 1 out | grep -q '^221' || fail "$(cat out)"
	# what only begins like RCPT takes MAIL's reply along as well
	dialog -t 5 >out <<-END
		EHLO client.example
		=MAIL FROM:<a@acme.example>\r\nRCPTS TO:<a@dest.example>\r\n
		?
		?
		QUIT
	END
	tail -n 3 out | cut -c 1-3 | xargs | grep -q '^250 500 221$' ||
	    fail "$(cat out)"
	wait_or_fail 10 'sunk_is 1 id=one && sunk_is 1 id=two'
	grep 'id=one' sink.rec | grep -q '<a@dest.example>,<b@dest.example>' ||
	    fail "not one task for two recipients"
}
pipelining_cleanup() { stop_all; }

# Nothing but CRLF.CRLF ends a message, and a bare LF or CR is refused.
atf_test_case bare_lf cleanup
bare_lf_head() { atf_set require.user root; }
bare_lf_body()
{
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	n=0
	while read -r raw; do
		n=$((n + 1))
		cat >in <<-END
			EHLO client.example
			MAIL FROM:<a@acme.example>
			RCPT TO:<b@dest.example>
			DATA
			=Subject: x\r\n\r\nfirst${raw}MAIL FROM:<evil@acme.example>\r\nRCPT TO:<evil@dest.example>\r\nDATA\r\nX-Test-Id: evil\r\n\r\nevil\r\n.\r\n
			?
		END
		dialog <in >out.$n
		tail -n 1 out.$n | grep -q '^\[closed\]' && sed -i '$d' out.$n
		tail -n 1 out.$n | grep -q '^5' ||
		    fail "$raw was not refused: $(cat out.$n)"
	done <<-'END'
		\n.\n
		\n.\r\n
		\r\n.\n
		\r.\r
		\r\n.\r
		\r.\r\n
		\nx\r\n
		\rx\r\n
	END
	printf '%s\n' '=EHLO client.example\n' '?' | dialog -t 5 >out
	grep -q '^250' out && fail "a command with a bare LF was taken"
	printf 'EHLO client.example\nNOOP\nQUIT\n' | dialog | grep -q '^221' ||
	    fail "no service afterwards"
	sunk_is 0 || fail "a message came through: $(cat sink.rec)"
}
bare_lf_cleanup() { stop_all; }

atf_test_case content cleanup
content_head() { atf_set require.user root; }
content_body()
{
	accept_all
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example> BODY=8BITMIME
		RCPT TO:<b@dest.example>
		DATA
		Subject: dots
		X-Test-Id: dots

		..one dot
		...two dots
		ümläut
		=	a tab, and a space at the end \r\n
		.
		QUIT
	END
	wait_or_fail 10 'sunk_is 1 id=dots'
	f=mail/000001.eml
	grep -q '^\.one dot$' $f && grep -q '^\.\.two dots$' $f ||
	    fail "dots: $(cat $f)"
	grep -q '^ümläut$' $f || fail "eight bits: $(cat $f)"
	grep -q '^	a tab, and a space at the end $' $f || fail "blanks"
	tr '\n' ' ' <$f >flat
	grep -q 'Received: from client.example' flat || fail "no Received"
	id=$(sed -n 's/.*smtpd: accepted id=\([0-9a-f]*\).*/\1/p' bindery.log |
	    head -n 1)
	[ -n "$id" ] || fail "no accepted line"
	grep -q "id $id" flat || fail "Received without id $id: $(cat $f)"
}
content_cleanup() { stop_all; }

atf_test_case large cleanup
large_head() { atf_set require.user root; }
large_body()
{
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	for size in 0 72 60000 65500 72000 200000 5000000; do
		submit -s $size -i s$size >out
		grep -q accepted=1 out || fail "$size: $(cat out)"
		wait_or_fail 20 "sunk_is 1 id=s$size-0"
		got=$(sed -n "s/^msg .* size=\([0-9]*\) id=s$size-0 .*/\1/p" \
		    sink.rec)
		[ "$got" -gt $((size * 71 / 72 - 72)) ] ||
		    fail "$size octets: $got came"
	done
}
large_cleanup() { stop_all; }

atf_test_case limits cleanup
limits_head() { atf_set require.user root; }
limits_body()
{
	settings='smtp max-message-size 10K
		smtp max-recipients 3'
	accept_all
	start_bindery
	submit -s 20000 >out 2>&1
	grep -q accepted=0 out || fail "too large, but taken: $(cat out)"
	submit -s 5000 >out
	grep -q accepted=1 out || fail "small, but refused: $(cat out)"
	table <<-END
		EHLO client.example|250
		MAIL FROM:<a@acme.example> SIZE=20000|552
		MAIL FROM:<a@acme.example>|250
		RCPT TO:<a@dest.example>|250
		RCPT TO:<b@dest.example>|250
		RCPT TO:<c@dest.example>|250
		RCPT TO:<d@dest.example>|452
		QUIT|221
	END
}
limits_cleanup() { stop_all; }

# Nobody relays whom no rule lets.
atf_test_case no_open_relay cleanup
no_open_relay_head()
{
	atf_set require.user root
	atf_set require.progs ip
}
no_open_relay_body()
{
	make_namespace a
	a=$ns
	make_namespace b
	b=$ns
	ip -n $a link add veth0 type veth peer name veth1 netns $b
	ip -n $a addr add 10.9.0.1/24 dev veth0
	ip -n $b addr add 10.9.0.2/24 dev veth1
	ip -n $a link set veth0 up
	ip -n $b link set veth1 up
	ns=$a
	config <<-END
		listen on 10.9.0.1 port $port
		binding "acme" { bind-address 127.0.0.4 }
		bind from local to "acme"
	END
	start_bindery
	send a@acme.example b@dest.example >out
	grep -q ' id=\|^250 2.0.0' out || fail "the host itself: $(cat out)"
	# wait for the link
	wait_or_fail 5 "ip netns exec $b ping -c 1 -W 1 10.9.0.1 ||
	    ip -n $b link show veth1 | grep -q 'state UP'"
	ns=$b
	printf '%s\n' 'EHLO client.example' 'MAIL FROM:<a@acme.example>' \
	    'RCPT TO:<b@dest.example>' DATA QUIT |
	    inside "$top/regress/dialog" 10.9.0.1:$port >out
	grep -q '^550' out || fail "a stranger may relay: $(cat out)"
	grep -q '^354' out && fail "a stranger may send: $(cat out)"
	return 0
}
no_open_relay_cleanup() { stop_all; }

atf_test_case local_socket cleanup
local_socket_head() { atf_set require.user root; }
local_socket_body()
{
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	inside "$top/regress/dialog" "$PWD/run/submit.sock" >out <<-END
		EHLO localhost
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		DATA
		X-Test-Id: socket

		Hello.
		.
		QUIT
	END
	wait_or_fail 10 'sunk_is 1 id=socket'
	grep -q 'smtpd: accepted .*user=root' bindery.log ||
	    fail "the user was not seen"
}
local_socket_cleanup() { stop_all; }

# Noise of all kinds ends that session at most.
atf_test_case noise cleanup
noise_head() { atf_set require.user root; }
noise_body()
{
	accept_all
	start_bindery
	long=$(awk 'BEGIN { for (i = 0; i < 5000; i++) printf "x" }')
	for raw in "$long\\r\\n" '\0\0\0\r\n' '\r\n\r\n\r\n' \
	    "MAIL FROM:<$long@x.example>\\r\\n" \
	    "EHLO $long\\r\\n" '\xff\xfe\r\n'; do
		printf '%s\n?\n' "=$raw" | dialog -t 5 >out
		grep -q '^5\|closed' out || fail "taken: $(cat out)"
	done
	send a@acme.example b@dest.example | grep -q '^354' ||
	    fail "no service afterwards"
}
noise_cleanup() { stop_all; }

# Where a command's line ends is not known for sure: nothing behind it is
# carried out.
atf_test_case bad_lines cleanup
bad_lines_head() { atf_set require.user root; }
bad_lines_body()
{
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	long=$(printf '%030000d' 0)
	while read -r raw; do
		printf '%s\n' 'EHLO client.example' "=$raw" '?' '?' '?' |
		    dialog -t 10 >out
		grep -q '^\[closed\]' out || fail "$raw: still open: $(cat out)"
		sed '/^250/d; /^220/d; /^\[closed\]/d' out >replies
		[ "$(wc -l <replies)" -eq 1 ] && grep -q '^500' replies ||
		    fail "$raw: $(cat out)"
	done <<-END
		NOOP\nNOOP\r\n
		MAIL FROM:<a@acme.example>\nRCPT TO:<b@dest.example>\r\nNOOP\r\n
		NOOP\rNOOP\r\n
		NOOP \0x\r\nNOOP\r\n
		\nNOOP\r\n
		$long\nNOOP\r\n
		$long
		MAIL FROM:<a@acme.example>\r\nRCPT TO:<b@dest.example>\nNOOP\r\n
		MAIL FROM:<a@acme.example>\r\nRCPT TO:<b\0@dest.example>\r\n
		MAIL FROM:<a@acme.example>\r\nRCPT\rTO:<b@dest.example>\r\n
		MAIL FROM:<a@acme.example>\r\nRCPT \r\r\n
	END
	# what was asked before is answered first
	printf '%s\n' 'EHLO client.example' \
	    '=MAIL FROM:<a@acme.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\nx' \
	    '?' '?' '?' | dialog -t 10 >out
	[ "$(grep -c '^250 2.1' out)" -eq 2 ] && grep -q '^500' out ||
	    fail "$(cat out)"
	sunk_is 0 || fail "something came through"
}
bad_lines_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in replies pipelining bare_lf bad_lines content large limits \
	    no_open_relay local_socket noise; do
		atf_add_test_case $case
	done
}
