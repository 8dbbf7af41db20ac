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
# The SMTP server: the forms of content, the rules, limits, and clients that
# are odd, slow or many.

. "$(atf_get_srcdir)/lib.sh"

port=29500
sink=29501

accept_all()
{
	config <<-END
		$listen
		binding "acme" { bind-address 127.0.0.4 }
		bind from local to "acme"
	END
}

# answers CODE...: what dialog printed to out, multi-line replies as one.
answers()
{
	echo "$*" >want
	sed -n 's/^\(\[closed\]\|\[no reply\]\).*/\1/p; s/^\([0-9]*\)\( .*\|\)$/\1/p' \
	    out | tr '\n' ' ' | sed 's/ $//' >got
	echo >>got
	cmp -s want got || fail "want $*, got $(cat got): $(cat out)"
}

# The content of message N as the sink got it, without our Received field.
relayed()
{
	sed -n '/^Received: from client.example/,/^	[A-Z][a-z][a-z],/!p' \
	    "mail/00000$1.eml"
}

atf_test_case bdat cleanup
bdat_head() { atf_set require.user root; }
bdat_body()
{
	settings='smtp max-message-size 10K'
	accept_all
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	# two chunks, the second without a line's end; and all of it at once
	dialog >out <<-'END'
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		=BDAT 20\r\nX-Test-Id: one\r\n\r\nab
		?
		=BDAT 5 LAST\r\n.\r\ncd
		?
		=MAIL FROM:<a@acme.example>\r\nRCPT TO:<b@dest.example>\r\nBDAT 18\r\nX-Test-Id: two\r\n\r\nBDAT 0 LAST\r\nNOOP\r\n
		?
		?
		?
		?
		?
		QUIT
	END
	answers 220 250 250 250 250 250 250 250 250 250 250 221
	wait_or_fail 10 'sunk_is 1 id=one && sunk_is 1 id=two'
	relayed 1 | tr -d '\r' | tr '\n' '|' >flat
	[ "$(cat flat)" = 'X-Test-Id: one||ab.|cd|' ] || fail "$(cat flat)"
	# out of order: the octets are never commands
	dialog >out <<-'END'
		EHLO client.example
		=BDAT 6\r\nQUIT\r\n
		?
		MAIL FROM:<a@acme.example>
		=BDAT 6 LAST\r\nQUIT\r\n
		?
		RSET
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		=BDAT 6\r\nA: b\r\n
		?
		RCPT TO:<c@dest.example>
		DATA
		RSET
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		=BDAT 9 LAST\r\nA: b\n\ncd\n
		?
		NOOP
		BDAT x
	END
	answers 220 250 503 250 503 250 250 250 250 503 503 250 250 250 554 250 501
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		=BDAT 12000\r\n$(printf '%011999d' 0)\n
		?
		=BDAT 5 LAST\r\nQUIT\n
		?
		QUIT
	END
	answers 220 250 250 250 552 503 221
	sunk_is 2 || fail "more came than was sent: $(cat sink.rec)"
}
bdat_cleanup() { stop_all; }

# A chunk may end anywhere: what the client wrote is no part of our Received.
atf_test_case bdat_opening cleanup
bdat_opening_head() { atf_set require.user root; }
bdat_opening_body()
{
	accept_all
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	n=0
	while IFS='|' read -r chunks want; do
		n=$((n + 1))
		{
			echo 'EHLO client.example'
			echo 'MAIL FROM:<a@acme.example>'
			echo 'RCPT TO:<b@dest.example>'
			for chunk in $chunks; do
				len=$(printf "$chunk" | sed 's/_/ /g' | wc -c)
				echo "=BDAT $len\r\n$chunk" | sed 's/_/ /g'
				echo '?'
			done
			echo '=BDAT 0 LAST\r\n'
			echo '?'
			echo QUIT
		} | dialog >out
		tail -n 1 out | grep -q '^221' || fail "$chunks: $(cat out)"
		wait_or_fail 10 "sunk_is $n"
		# what stands behind our own field
		relayed $n | tr -d '\r' | tr '\n' '/' >flat
		[ "$(cat flat)" = "$want" ] || fail "$chunks: $(cat flat)"
	done <<-'END'
		X-T est-Id:_c\r\n\r\nx\r\n|X-Test-Id: c//x/
		X - Y :_z\r\n\r\nx\r\n|X-Y: z//x/
		A \r\n_folded\r\n\r\nx\r\n|/A/ folded//x/
		_ folded\r\n\r\nx\r\n|/ folded//x/
		a b|/ab/
		: _x\r\n\r\ny\r\n|/: x//y/
	END
	dialog >out <<-'END'
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		=BDAT 0\r\n
		?
		=BDAT 0\r\n
		?
		=BDAT 1 LAST\r\nz
		?
		QUIT
	END
	answers 220 250 250 250 250 250 250 221
	wait_or_fail 10 "sunk_is $((n + 1))"
}
bdat_opening_cleanup() { stop_all; }

# A client that sends all and then closes its half has its replies.
atf_test_case half_close cleanup
half_close_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
half_close_body()
{
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	cat >half.py <<-'END'
		import socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
		text = s.recv(1000)
		s.sendall(sys.stdin.buffer.read().replace(b"\n", b"\r\n"))
		s.shutdown(socket.SHUT_WR)
		while True:
		    got = s.recv(65536)
		    if not got:
		        break
		    text += got
		sys.stdout.buffer.write(text.replace(b"\r", b""))
	END
	inside python3 half.py $port >out <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		BDAT 19 LAST
		X-Test-Id: half

		QUIT
	END
	answers 220 250 250 250 250 221
	wait_or_fail 10 'sunk_is 1 id=half'
	# in the middle of something: what is due is answered, then it ends
	printf 'EHLO client.example\nMAIL FROM:<a@acme.example>\nRCPT TO:<b@dest.example>\n' |
	    inside python3 half.py $port >out
	answers 220 250 250 250
	printf 'EHLO client.example\nNOO' | inside python3 half.py $port >out
	answers 220 250
	sunk_is 1 || fail "half a message was taken"
}
half_close_cleanup() { stop_all; }

# What is no header section does not become a part of ours.
atf_test_case headless cleanup
headless_head() { atf_set require.user root; }
headless_body()
{
	accept_all
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	n=0
	while read -r raw want; do
		n=$((n + 1))
		dialog >out <<-END
			EHLO client.example
			MAIL FROM:<a@acme.example>
			RCPT TO:<b@dest.example>
			DATA
			=${raw}.\r\n
			?
			QUIT
		END
		answers 220 250 250 250 354 250 221
		wait_or_fail 10 "sunk_is $n"
		relayed $n | tr -d '\r' | tr '\n' '|' >flat
		[ "$(cat flat)" = "$want" ] ||
		    fail "$raw became $(cat flat): $(cat mail/00000$n.eml)"
	done <<-'END'
		Hello\r\nworld:\r\n |Hello|world:|
		Subject:x\r\n\r\nbody\r\n Subject:x||body|
		\r\nbody\r\n |body|
		..dot\r\n |.dot|
		x-Odd:\r\n\t\r\n..\r\n x-Odd:|t|.|
	END
}
headless_cleanup() { stop_all; }

# A proxy in front of us says whose connection it is.
atf_test_case proxy cleanup
proxy_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
proxy_body()
{
	settings='smtp max-connections-per-address 2'
	config <<-END
		listen on 127.0.0.1 port 29502 proxy-v2 tag "proxied"
		match from src 192.0.2.7 for any action "out"
		match from src 2001:db8::7 for any action "out"
		binding "acme" { bind-address 127.0.0.4 }
		bind tag "proxied" to "acme"
	END
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	cat >proxied.py <<-'END'
		import socket, struct, sys, time
		def head(kind, family, body):
		    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([kind, family]) +
		        struct.pack("!H", len(body)) + body)
		def inet(address):
		    six = ":" in address
		    f = socket.AF_INET6 if six else socket.AF_INET
		    me = "::1" if six else "127.0.0.1"
		    return head(0x21, 0x21 if six else 0x11,
		        socket.inet_pton(f, address) + socket.inet_pton(f, me) +
		        struct.pack("!HH", 4000, 25) + b"\x04\0\1x")
		heads = {
		    "self": head(0x20, 0, b""),
		    "unix": head(0x21, 0x31, b"x" * 216),
		    "short": head(0x21, 0x11, b"x" * 8),
		    "old": b"PROXY TCP4 192.0.2.7 127.0.0.1 1 25\r\n",
		    "none": b"EHLO client.example\r\n",
		    "huge": head(0x21, 0x11, b"x" * 60000),
		}
		def connect(what, slowly):
		    s = socket.create_connection(("127.0.0.1", 29502), 10)
		    text = heads.get(what) or inet(what)
		    for c in range(len(text)) if slowly else []:
		        s.sendall(text[c:c + 1])
		        time.sleep(0.01)
		    if not slowly:
		        s.sendall(text)
		    f = s.makefile("rwb")
		    print(f.readline().decode().strip()[:3], end=" ")
		    return f
		what = sys.argv[1]
		f = connect(what, "slowly" in sys.argv)
		if "twice" in sys.argv:
		    keep = [f, connect(what, 0), connect("192.0.2.9", 0)]
		    connect(what, 0)
		for line in ["HELO client.example", "MAIL FROM:<a@acme.example>",
		    "RCPT TO:<b@dest.example>", "DATA",
		    "X-Test-Id: " + what + "\r\n\r\nHello.\r\n.", "QUIT"]:
		    try:
		        f.write(line.encode() + b"\r\n")
		        f.flush()
		        print(f.readline().decode().strip()[:3], end=" ")
		    except OSError:
		        break
		print()
	END
	# the third is the first, as a proxy with one socket for both writes it
	for who in 192.0.2.7 2001:db8::7 ::ffff:192.0.2.7; do
		inside python3 proxied.py $who slowly >out
		[ "$(cat out)" = "220 250 250 250 354 250 221 " ] ||
		    fail "$who: $(cat out)"
		wait_or_fail 5 "sunk_is 1 id=$who"
	done
	grep -q '^Received: from client.example (\[192.0.2.7\])' \
	    mail/000001.eml || fail "$(cat mail/000001.eml)"
	grep -q 'accepted .* client=2001:db8::7 ' bindery.log ||
	    fail "the log does not name the client"
	grep -q 'client=::ffff' bindery.log && fail "two names for a client"
	# neither the proxy itself nor who claims to be local may relay
	for who in self 127.0.0.1; do
		inside python3 proxied.py $who >out
		[ "$(cat out)" = "220 250 250 550 554 500 500 " ] ||
		    fail "$who: $(cat out)"
	done
	for what in unix short old none huge; do
		inside python3 proxied.py $what >out
		grep -q '^421' out || fail "$what: $(cat out)"
	done
	# the limit is on the client's address
	inside python3 proxied.py 192.0.2.7 twice >out
	grep -q '^220 220 220 421' out || fail "twice: $(cat out)"
	grep -q 'cause=max-connections-per-address .*client=192.0.2.7' \
	    bindery.log || fail "the log does not say why"
}
proxy_cleanup() { stop_all; }

# Each reply that a command line can have, with its enhanced code.
atf_test_case words cleanup
words_head() { atf_set require.user root; }
words_body()
{
	settings='smtp max-message-size 10K
		smtp max-recipients 2
		mta port 9'
	config <<-END
		match from local for rcpt-to "no@dest.example" reject
		binding "acme" { bind-address 127.0.0.4 }
		binding "closed" { bind-address 127.0.0.5  suspend-reception true }
		binding "full" { bind-address 127.0.0.6  queue-limit 1 }
		default-binding none
		bind mail-from "@closed.example" to "closed"
		bind mail-from "@full.example" to "full"
		bind mail-from "@acme.example" to "acme"
	END
	# the rule that refuses comes first
	awk '/^match .* reject/ { first = $0; next } { lines[++n] = $0 }
	END { for (i = 1; i <= n; i++) {
		if (lines[i] ~ /^match/) print first
		print lines[i] } }' conf >conf.new && mv conf.new conf
	start_bindery
	table <<-END
		EHLO|501 5.5.4
		EHLO a b|501 5.5.4
		HELO|501 5.5.4
		HELO (x)|501 5.5.4
		MAIL FROM:<a@acme.example>|503 5.5.1
		NOOP|250 2.0.0
		NOOP with words|250 2.0.0
		RSET|250 2.0.0
		HELP|214 2.0.0
		QUIT now|221 2.0.0
	END
	table <<-END
		EHLO client.example|250
		RCPT TO:<b@dest.example>|503 5.5.1
		DATA|503 5.5.1
		MAIL|501 5.5.4
		MAIL FROM:<>x|501 5.5.4
		MAIL FROM:<a@@acme.example>|501 5.1.7
		MAIL FROM:<a@acme.example> SIZE=x|501 5.5.4
		MAIL FROM:<a@acme.example> XYZ|555 5.5.4
		MAIL FROM:<a@acme.example> BODY=BINARYMIME|501 5.5.4
		QUIT|221 2.0.0
	END
	table <<-END
		EHLO client.example|250
		MAIL FROM:<a@acme.example> SIZE=10241|552 5.3.4
		MAIL FROM:<a@acme.example> RET=HDRS ENVID=x BODY=8BITMIME|250 2.1.0
		MAIL FROM:<a@acme.example>|503 5.5.1
		DATA|503 5.5.1
		RCPT TO:<>|501 5.1.3
		RCPT TO:<b@>|501 5.1.3
		RCPT TO:<b@dest.example> NOTIFY=SOMETIMES|501 5.5.4
		RCPT TO:<b@dest.example> ORCPT=x|501 5.5.4
		RCPT TO:<b@dest.example> SIZE=1|555 5.5.4
		RCPT TO:<no@dest.example>|550 5.7.1
		DATA|554 5.5.1
		RCPT TO:<b@dest.example> NOTIFY=DELAY ORCPT=rfc822;b|250 2.1.5
		RCPT TO:<c@dest.example>|250 2.1.5
		RCPT TO:<d@dest.example>|452 4.5.3
		DATA x|501 5.5.4
		QUIT|221 2.0.0
	END
	table <<-END
		HELO client.example|250
		MAIL FROM:<a@nobody.example>|250 2.1.0
		RCPT TO:<b@dest.example>|451 4.3.5
		RSET|250 2.0.0
		MAIL FROM:<a@closed.example>|250 2.1.0
		RCPT TO:<b@dest.example>|451 4.3.2
		RSET|250 2.0.0
		MAIL FROM:<a@full.example>|250 2.1.0
		RCPT TO:<b@dest.example>|250 2.1.5
		RCPT TO:<c@dest.example>|452 4.3.1
		VRFY|501 5.5.4
		VRFY someone|252 2.5.2
		EXPN list|502 5.5.1
		STARTTLS|502 5.5.1
		AUTH PLAIN|502 5.5.1
		TURN|500 5.5.1
		QUIT|221 2.0.0
	END
	for cause in size rule no-binding reception queue-limit \
	    too-many-recipients; do
		grep -q "smtpd: refused code=[45].. cause=$cause from=<" \
		    bindery.log || fail "$cause is not in the log"
	done
	# what is no mailer, and what sends content before it may
	dialog -n >out <<-END
		=POST / HTTP/1.1\r\n
		?
	END
	sed -n 1p out | grep -q '^554\|^220' || fail "junk: $(cat out)"
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example>
		RCPT TO:<b@dest.example>
		=DATA\r\nSubject: x\r\n
		?
	END
	answers 220 250 250 250 503
	grep -q 'refused code=503 cause=pipelining' bindery.log ||
	    fail "early content is not in the log"
}
words_cleanup() { stop_all; }

# Content that is refused: the reply comes at its end, and says why.
atf_test_case refused cleanup
refused_head() { atf_set require.user root; }
refused_body()
{
	settings='smtp max-message-size 300K'
	accept_all
	start_sink 127.0.0.1:$sink
	start_bindery
	: >in
	field=$(printf 'X-Long: %01990d\\r\\n' 0)
	hop='Received: from a by b; Sun, 22 Nov 2026 00:00:00 +0000\r\n'
	{
		printf '%s\n' 'nul 554 =Subject: x\r\n\r\na\0b\r\n.\r\n'
		printf 'loop 554 ='
		for i in $(seq 101); do printf '%s' "$hop"; done
		printf '%s\n' '\r\nx\r\n.\r\n'
		printf 'line-length 554 =Subject: x\\r\\n\\r\\n%066000d' 0
		printf '%s\n' '\r\n.\r\n'
		printf 'header-size 552 ='
		for i in $(seq 60); do printf '%s' "$field"; done
		echo
		printf 'header-size 552 ='
		for i in $(seq 60); do printf '%s' "$field"; done
		echo
		printf 'header-size 552 ='
		for i in $(seq 20); do printf '%s' "$field"; done
		printf '%s\n' '\r\nx\r\n.\r\n'
	} >cases
	for cause in nul loop line-length header-size; do
		code=$(sed -n "s/^$cause \([0-9]*\) .*/\1/p" cases | head -n 1)
		{
			printf '%s\n' 'EHLO client.example' \
			    'MAIL FROM:<a@acme.example>' \
			    'RCPT TO:<b@dest.example>' DATA
			sed -n "s/^$cause [0-9]* //p" cases
			printf '%s\n' '?' NOOP QUIT
		} | dialog >out
		answers 220 250 250 250 354 $code 250 221
		grep -q "refused code=$code cause=$cause from=<a@acme.example> to=<b@dest.example>" \
		    bindery.log || fail "$cause is not in the log"
	done
	sunk_is 0 || fail "something came through"
}
refused_cleanup() { stop_all; }

# A match rule's conditions, each alone and negated, end to end.
atf_test_case rules cleanup
rules_head()
{
	atf_set require.user root
	atf_set require.progs ip
}
rules_body()
{
	make_namespace a
	ip -n $ns addr add 10.9.0.1/24 dev lo
	ip -n $ns addr add 10.9.0.2/24 dev lo
	echo '@listed.example' >senders
	printf '%s\n' '*.sub.example' exact.example >domains
	cat >conf <<-END
		hostname "mx.bindery.example"
		spool "$PWD/spool"
		run "$PWD/run"
		mta port 9
		table senders file:$PWD/senders
		table domains file:$PWD/domains
		listen on socket
		listen on 10.9.0.1 port $port
		listen on 10.9.0.1 port 29503 tag "inside"
		action "out" relay
		match from any for rcpt-to "never@r.example" reject
		match from src 10.9.0.2 for domain "src.example" action "out"
		match from any for domain "from.example" mail-from <senders> action "out"
		match from any for domain <domains> action "out"
		match from any for rcpt-to "one@r.example" action "out"
		match tag "inside" from any for domain "tag.example" action "out"
		match ! tag "inside" from any for domain "untag.example" action "out"
		match helo "good.example" from any for domain "helo.example" action "out"
		match ! tls from any for domain "plain.example" action "out"
		match tls from any for domain "tls.example" action "out"
		match ! from src 10.9.0.2 for domain "notsrc.example" action "out"
		match from socket for domain "socket.example" action "out"
		match from auth for domain "auth.example" action "out"
		match from local for domain "local.example" action "out"
	END
	start_bindery
	# client port helo sender recipient reply
	while read -r from to helo sender rcpt code; do
		printf '%s\n' "EHLO $helo" "MAIL FROM:<$sender>" \
		    "RCPT TO:<$rcpt>" QUIT |
		    inside "$top/regress/dialog" -b "$from" "10.9.0.1:$to" \
		    >out
		sed -n '/^250 2.1.0/,$p' out | sed -n 2p | grep -q "^$code" ||
		    fail "$from $to $helo $sender $rcpt $code: $(cat out)"
	done <<-END
		10.9.0.2 $port x.example a@x.example a@src.example 250
		10.9.0.1 $port x.example a@x.example a@src.example 550
		10.9.0.2 $port x.example a@listed.example a@from.example 250
		10.9.0.2 $port x.example a@LISTED.example a@from.example 250
		10.9.0.2 $port x.example a@x.example a@from.example 550
		10.9.0.2 $port x.example a@x.example a@b.sub.example 250
		10.9.0.2 $port x.example a@x.example a@B.SUB.Example 250
		10.9.0.2 $port x.example a@x.example a@sub.example 550
		10.9.0.2 $port x.example a@x.example a@exact.example 250
		10.9.0.2 $port x.example a@x.example one@r.example 250
		10.9.0.2 $port x.example a@x.example two@r.example 550
		10.9.0.2 $port x.example a@x.example never@r.example 550
		10.9.0.2 29503 x.example a@x.example a@tag.example 250
		10.9.0.2 $port x.example a@x.example a@tag.example 550
		10.9.0.2 29503 x.example a@x.example a@untag.example 550
		10.9.0.2 $port x.example a@x.example a@untag.example 250
		10.9.0.2 $port good.example a@x.example a@helo.example 250
		10.9.0.2 $port x.example a@x.example a@helo.example 550
		10.9.0.2 $port x.example a@x.example a@plain.example 250
		10.9.0.2 $port x.example a@x.example a@tls.example 550
		10.9.0.2 $port x.example a@x.example a@notsrc.example 550
		10.9.0.2 $port x.example a@x.example a@socket.example 550
		10.9.0.2 $port x.example a@x.example a@auth.example 550
		10.9.0.2 $port x.example a@x.example a@local.example 550
		127.0.0.1 $port x.example a@x.example a@local.example 250
		10.9.0.1 $port x.example a@x.example a@local.example 550
		10.9.0.1 $port x.example a@x.example a@mx.bindery.example 550
	END
	printf '%s\n' 'EHLO x.example' 'MAIL FROM:<a@x.example>' \
	    'RCPT TO:<a@socket.example>' QUIT |
	    inside "$top/regress/dialog" "$PWD/run/submit.sock" >out
	answers 220 250 250 250 221
}
rules_cleanup() { stop_all; }

# What a program of this host left out is added; what is relayed is not
# touched, whatever it is.
atf_test_case header_duties cleanup
header_duties_head() { atf_set require.user root; }
header_duties_body()
{
	accept_all
	sed -i 's/^listen on socket/& mask-src/' conf
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	say()
	{
		printf '%s\n' 'EHLO client.example' \
		    'MAIL FROM:<a@acme.example> BODY=8BITMIME' \
		    'RCPT TO:<b@dest.example>' DATA
		sed 's/^/=/; s/$/\\r\\n/'
		printf '%s\n' '=.\r\n' '?' QUIT
	}
	printf '%s\n' 'Subject: x' '' body | say |
	    inside "$top/regress/dialog" "$PWD/run/submit.sock" >out
	wait_or_fail 10 'sunk_is 1'
	for field in Date: Message-ID: 'From: <a@acme.example>'; do
		grep -q "^$field" mail/000001.eml ||
		    fail "no $field: $(cat mail/000001.eml)"
	done
	sed -n '/^$/,$p' mail/000001.eml | tr '\n' '|' | grep -q '^|body|$' ||
	    fail "the body: $(cat mail/000001.eml)"
	printf '%s\n' 'date: Sun, 22 Nov 2026 00:00:00 +0000' \
	    'MESSAGE-ID: <x@y>' 'From: me@acme.example' '' body | say |
	    inside "$top/regress/dialog" "$PWD/run/submit.sock" >out
	wait_or_fail 10 'sunk_is 2'
	[ "$(grep -ci '^\(date\|message-id\|from\):' mail/000002.eml)" -eq 3 ] ||
	    fail "twice: $(cat mail/000002.eml)"
	# odd, but none of our business
	printf '%s\n' 'Subject: no date, no id' 'Subject: twice' 'X-Empty:' \
	    '	folded	' ' ' 'Bcc: c@dest.example' 'From: ' 'x y z' '' \
	    ' blank first' '' 'trailing blanks  	' '..' '.x' 'From a line' \
	    'Ümläute' '' '' >odd
	# dots are doubled on the way, as they must be
	sed 's/^\./../' odd | say | dialog >out
	wait_or_fail 10 'sunk_is 3'
	relayed 3 | cmp -s odd - ||
	    fail "changed: $(relayed 3 | diff odd - | head -n 20)"
}
header_duties_cleanup() { stop_all; }

# Addresses beyond ASCII go to who offers SMTPUTF8, and to nobody else.
atf_test_case utf8 cleanup
utf8_head() { atf_set require.user root; }
utf8_body()
{
	accept_all
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	table <<-END
		EHLO client.example|250
		MAIL FROM:<ä@acme.example>|553 5.6.7
		MAIL FROM:<a@acme.example>|250 2.1.0
		RCPT TO:<ö@dest.example>|553 5.6.7
		RSET|250 2.0.0
		MAIL FROM:<ä@acme.example> SMTPUTF8|250 2.1.0
		RCPT TO:<ö@dest.example>|250 2.1.5
		QUIT|221 2.0.0
	END
	utf8()
	{
		dialog <<-END
			EHLO client.example
			MAIL FROM:<a@acme.example> SMTPUTF8
			RCPT TO:<$1>
			DATA
			Subject: $2
			X-Test-Id: $3

			Hello.
			.
			QUIT
		END
	}
	# the sink does not offer it: what needs none goes all the same
	utf8 b@dest.example plain plain >out
	wait_or_fail 10 'sunk_is 1 id=plain'
	utf8 ö@dest.example x address >out
	utf8 b@dest.example ümläut header >out
	wait_or_fail 10 '[ $(grep -c "mta: permfail .*554 5.6.7" bindery.log) -eq 2 ]'
	sunk_is 1 'from=<a@acme.example>' ||
	    fail "sent to who does not know it"
}
utf8_cleanup() { stop_all; }

# Connections in all and of one user; those of one address: see proxy.
atf_test_case connections cleanup
connections_head() { atf_set require.user root; }
connections_body()
{
	settings="smtp max-connections 2
		smtp max-connections-per-user 1
		table users { \"ann\" = \"$("$top/binderyctl" encrypt secret)\" }"
	config <<-END
		listen on 127.0.0.1 port 29504 auth-optional <users> auth-insecure
		binding "acme" { bind-address 127.0.0.4 }
		bind auth "ann" to "acme"
	END
	start_bindery
	# what comes by the local socket takes no place of the others
	for i in 1 2; do
		printf '%s\n' '~' '~' '~' '~' '~' '~' '~' '~' QUIT | inside \
		    "$top/regress/dialog" "$PWD/run/submit.sock" >local.$i &
		locals="$locals $!"
	done
	wait_or_fail 5 'grep -q ^220 local.1 && grep -q ^220 local.2'
	port=29504
	plain=$(printf '\0ann\0secret' | base64)
	printf '%s\n' 'EHLO client.example' "AUTH PLAIN $plain" '~' '~' '~' \
	    '~' '~' '~' QUIT | dialog >first &
	first=$!
	wait_or_fail 5 'grep -q ^235 first'
	printf '%s\n' 'EHLO client.example' "AUTH PLAIN $plain" | dialog >out
	answers 220 250 421
	grep -q 'refused code=421 cause=max-connections-per-user .*client=127.0.0.1 auth=ann' \
	    bindery.log || fail "the user's limit is not in the log"
	printf '%s\n' '~' '~' '~' QUIT | dialog >second &
	second=$!
	wait_or_fail 5 'grep -q ^220 second'
	printf '?\n' | dialog -n >out
	grep -q '^421 4.3.2' out || fail "the third: $(cat out)"
	grep -q 'refused code=421 cause=max-connections from=' bindery.log ||
	    fail "the limit of all is not in the log"
	# the local socket has a place for itself
	printf 'QUIT\n' | inside "$top/regress/dialog" "$PWD/run/submit.sock" |
	    grep -q '^221' || fail "no place for local mail"
	wait $first $second $locals
	printf '%s\n' 'EHLO client.example' "AUTH PLAIN $plain" QUIT |
	    dialog >out
	answers 220 250 235 221
}
connections_cleanup() { stop_all; }

# Who holds connections, and who floods, keeps nobody else from being served,
# and when they go nothing stays of them.
atf_test_case crowd cleanup
crowd_head()
{
	atf_set require.user root
	atf_set timeout 200
}
crowd_body()
{
	settings='smtp max-connections 8000
		smtp max-connections-per-address 100'
	accept_all
	start_sink 127.0.0.1:$sink
	ulimit -n "$(ulimit -Hn)"
	start_bindery
	smtpd=$(role_pid smtpd)
	before=$(ls /proc/$smtpd/fd | wc -l)
	inside "$top/regress/crowd" -i 5000 -s 200 -f 1000 -t 5 $port >out ||
	    fail "$(cat out)"
	grep -q '^crowd: 5000 of 5000 idle and 200 of 200 slow' out ||
	    fail "$(cat out)"
	grep -q 'cause=max-connections-per-address .*client=127.0.3.1' \
	    bindery.log || fail "the flood is not in the log"
	grep -q 'client=127.0.[12]\.' bindery.log && fail "the wrong ones"
	cat out
	wait_or_fail 20 "[ \$(ls /proc/$smtpd/fd | wc -l) -le $((before + 2)) ]"
}
crowd_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in bdat bdat_opening half_close headless proxy words \
	    refused rules header_duties utf8 connections crowd; do
		atf_add_test_case $case
	done
}
