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
		bind from any to "acme"
	END
	sed -i 's/^bind from any/bind from local/' conf
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
	for who in 192.0.2.7 2001:db8::7; do
		inside python3 proxied.py $who slowly >out
		[ "$(cat out)" = "220 250 250 250 354 250 221 " ] ||
		    fail "$who: $(cat out)"
		wait_or_fail 5 "sunk_is 1 id=$who"
	done
	grep -q '^Received: from client.example (\[192.0.2.7\])' \
	    mail/000001.eml || fail "$(cat mail/000001.eml)"
	grep -q 'accepted .* client=2001:db8::7 ' bindery.log ||
	    fail "the log does not name the client"
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

atf_init_test_cases()
{
	for case in bdat half_close headless proxy; do
		atf_add_test_case $case
	done
}
