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
# What can happen on the wire when a message is nearly there, and answers of
# the DNS that come late, never, or another time.

. "$(atf_get_srcdir)/lib.sh"

port=29830
sink=29831
dns=29832

# peer MODE: a next hop that does one thing in its own way; what it took is in
# peer.log.
peer()
{
	cat >peer.py <<-'END'
		import socket, sys, threading, time
		mode = sys.argv[1]
		def serve(c):
		    f = c.makefile("rb")
		    def say(text):
		        c.sendall((text + "\r\n").encode())
		    accepted = messages = 0
		    say("220 peer.example")
		    for line in f:
		        verb = line.decode("latin1").strip().upper()
		        print(verb, flush=True)
		        if verb.startswith("EHLO"):
		            if mode == "hangup":
		                c.shutdown(socket.SHUT_RDWR)
		                return
		            say("250-peer.example\r\n250 PIPELINING")
		        elif verb.startswith("MAIL"):
		            accepted = 0
		            say("250 ok")
		        elif verb.startswith("RCPT"):
		            if mode == "full" and accepted == 2:
		                say("552 too many recipients")
		                continue
		            accepted += 1
		            say("250 ok")
		        elif verb == "DATA":
		            if accepted == 0:
		                say("503 no recipients")
		                continue
		            say("354 go")
		            name = "none"
		            for line in f:
		                if line.startswith(b"X-Test-Id:"):
		                    name = line.split()[1].decode()
		                if line == b".\r\n":
		                    break
		            print("DOT", flush=True)
		            if mode == "slow":
		                time.sleep(3)
		            if mode == "long":
		                for i in range(200):
		                    say("250-line %d %s" % (i, "x" * 60))
		            try:
		                say("250 2.0.0 taken")
		            except OSError:
		                print("LOST " + name, flush=True)
		                return
		            print("TOOK %s %d" % (name, accepted), flush=True)
		            messages += 1
		            if mode == "unasked":
		                say("250 2.0.0 and again")
		        else:
		            say("250 ok")
		            if verb == "QUIT":
		                break
		    c.close()
		s = socket.create_server(("127.0.0.1", int(sys.argv[2])))
		print("ready", flush=True)
		while True:
		    c, a = s.accept()
		    threading.Thread(target=serve, args=(c,), daemon=True).start()
	END
	: >peer.log
	spawn peer python3 peer.py "$1" $sink
	peer_pid=$spawned
	wait_or_fail 10 "grep -q ready peer.log"
}

# took NUMBER ID: copies of this message, and no other is to come.
took()
{
	wait_for 40 "[ \$(grep -c '^TOOK $2 ' peer.log) -ge $1 ] &&
	    ! ctl show queue | grep -q dest.example" ||
	    fail "$2: $(cat peer.log; ctl show queue)"
	[ "$(grep -c "^TOOK $2 " peer.log)" -eq "$1" ] ||
	    fail "$2: $(cat peer.log)"
	! grep -q 'LOST' peer.log || fail "$2: $(cat peer.log)"
	[ "$(grep -c "queue: bounce\|permfail\|tempfail" bindery.log)" -eq 0 ] ||
	    fail "$2: something failed"
}

wire_config()
{
	config <<-END
		binding "acme" { bind-address ${from:-127.0.0.4} $1 }
		bind mail-from "@acme.example" to "acme"
		match from any for any action "out"
	END
}

# The reply to the final dot is waited for, whatever becomes of the binding.
atf_test_case dot cleanup
dot_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
dot_body()
{
	make_namespace
	from=10.9.0.4
	inside ip addr add $from/32 dev lo
	wire_config
	peer slow
	start_bindery
	send_ok one@acme.example a@dest.example address
	wait_or_fail 10 "grep -q DOT peer.log"
	inside ip addr del $from/32 dev lo
	sleep 0.5
	inside ip addr add $from/32 dev lo
	took 1 address
	send_ok one@acme.example a@dest.example suspended
	wait_or_fail 10 "[ \$(grep -c DOT peer.log) -eq 2 ]"
	ctl suspend binding acme >/dev/null || fail "suspend"
	took 1 suspended
	ctl resume binding acme >/dev/null || fail "resume"
	send_ok one@acme.example a@dest.example reload
	wait_or_fail 10 "[ \$(grep -c DOT peer.log) -eq 3 ]"
	wire_config "ehlo-hostname other.example"
	ctl reload >/dev/null || fail "reload"
	took 1 reload
	send_ok one@acme.example a@dest.example stop
	wait_or_fail 10 "[ \$(grep -c DOT peer.log) -eq 4 ]"
	stop_bindery
	start_bindery
	took 1 stop
}
dot_cleanup() { stop_all; }

# However many lines it has, it is a success.
atf_test_case lines cleanup
lines_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
lines_body()
{
	wire_config
	peer long
	start_bindery
	for id in one two three; do
		send_ok one@acme.example a@dest.example $id
	done
	took 1 one
	took 1 two
	took 1 three
}
lines_cleanup() { stop_all; }

# 552 to RCPT behind accepted ones: the others go in a further transaction.
atf_test_case full cleanup
full_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
full_body()
{
	wire_config
	peer full
	start_bindery
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<one@acme.example>
		RCPT TO:<a@dest.example>
		RCPT TO:<b@dest.example>
		RCPT TO:<c@dest.example>
		RCPT TO:<d@dest.example>
		RCPT TO:<e@dest.example>
		DATA
		X-Test-Id: five

		Hello.
		.
		QUIT
	END
	took 3 five
	[ "$(awk '/^TOOK/ { n += $3 } END { print n }' peer.log)" -eq 5 ] ||
	    fail "$(cat peer.log)"
}
full_cleanup() { stop_all; }

# One that hangs up at EHLO hears HELO in the end.
atf_test_case hangup cleanup
hangup_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
hangup_body()
{
	wire_config
	peer hangup
	start_bindery
	send_ok one@acme.example a@dest.example one
	wait_for 40 "ctl schedule all; sleep 1; grep -q '^TOOK one' peer.log" ||
	    fail "$(cat peer.log)"
	grep -q '^EHLO' peer.log || fail "no EHLO: $(cat peer.log)"
	[ "$(grep -c '^TOOK' peer.log)" -eq 1 ] || fail "$(cat peer.log)"
}
hangup_cleanup() { stop_all; }

# A reply that nobody asked for says nothing about the next message.
atf_test_case unasked cleanup
unasked_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
unasked_body()
{
	wire_config "max-outbound-connections 1"
	peer unasked
	start_bindery
	ctl pause mta >/dev/null || fail "pause"
	for id in 1 2 3 4 5 6; do
		send_ok one@acme.example a@dest.example $id
	done
	ctl resume mta >/dev/null || fail "resume"
	for id in 1 2 3 4 5 6; do
		took 1 $id
	done
}
unasked_cleanup() { stop_all; }

# names: a DNS server of a few lines; "zone" says what it answers: NAME TYPE
# ANSWER, read at each question; "-" is no answer at all.  Questions are in
# names.log.
names()
{
	cat >names.py <<-'END'
		import socket, struct, sys
		types = {1: "A", 15: "MX", 28: "AAAA", 6: "SOA", 52: "TLSA"}
		def name(text):
		    return b"".join(bytes([len(x)]) + x.encode()
		        for x in text.split(".") if x) + b"\0"
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.1", int(sys.argv[1])))
		print("ready", flush=True)
		while True:
		    q, to = s.recvfrom(4096)
		    at, labels = 12, []
		    while q[at]:
		        labels.append(q[at + 1:at + 1 + q[at]].decode())
		        at += 1 + q[at]
		    kind = struct.unpack("!H", q[at + 1:at + 3])[0]
		    ask, kind = ".".join(labels).lower(), types.get(kind, kind)
		    print(ask, kind, flush=True)
		    rows = [x.split() for x in open("zone")]
		    known = any(x[0] == ask for x in rows)
		    rows = [x[2] for x in rows if x[0] == ask and x[1] == kind]
		    if "-" in rows:
		        continue
		    data = b""
		    for row in rows:
		        if kind == "A":
		            rd = socket.inet_aton(row)
		        elif kind == "AAAA":
		            rd = socket.inet_pton(socket.AF_INET6, row)
		        else:
		            rd = struct.pack("!H", 10) + name(row)
		        data += (b"\xc0\x0c" + q[at + 1:at + 5] +
		            struct.pack("!IH", 1, len(rd)) + rd)
		    s.sendto(q[:2] + struct.pack("!HHHHH", 0x8580 | (not known) * 3,
		        1, len(rows), 0, 0) + q[12:at + 5] + data, to)
	END
	: >names.log
	spawn names python3 names.py $dns
	wait_or_fail 10 "grep -q ready names.log"
}

# names_config ADDRESS ...
names_config()
{
	relay=${relay:-relay}
	settings="mta resolver 127.0.0.1:$dns
		mta port $sink"
	config <<-END
		binding "acme" {
			$(printf 'bind-address %s\n' "$@")
		}
		bind mail-from "@acme.example" to "acme"
		match from any for any action "out"
	END
}

# AAAA that is never answered does not hold up what has an A; a binding
# without IPv6 does not even ask.
atf_test_case no_answer cleanup
no_answer_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
no_answer_body()
{
	make_namespace
	inside ip addr add 2001:db8:9::4/128 dev lo nodad
	cat >zone <<-END
		dest.example MX mx.dest.example
		mx.dest.example A 127.0.0.12
		mx.dest.example AAAA -
		plain.example A 127.0.0.12
		plain.example AAAA -
		other.example A 127.0.0.12
		other.example AAAA -
	END
	names_config 127.0.0.4 2001:db8:9::4
	names
	start_sink 127.0.0.12:$sink
	start_bindery
	send_ok one@acme.example a@dest.example one
	send_ok one@acme.example a@plain.example two
	wait_or_fail 10 "sunk_is 2"
	grep -q 'AAAA' names.log || fail "no question"
	names_config 127.0.0.4
	ctl reload >/dev/null || fail "reload"
	: >names.log
	send_ok one@acme.example a@other.example three
	wait_or_fail 10 "sunk_is 3"
	grep -q 'other.example A$' names.log || fail "$(cat names.log)"
	# what was asked before may be asked again late
	! grep -q 'other.example AAAA' names.log || fail "$(cat names.log)"
}
no_answer_cleanup() { stop_all; }

# A smarthost without a name in the DNS is the smarthost's trouble.
atf_test_case no_smarthost cleanup
no_smarthost_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
no_smarthost_body()
{
	relay="relay host smtp://smart.example:$sink"
	names_config 127.0.0.4
	: >zone
	names
	start_sink 127.0.0.12:$sink
	start_bindery
	send_ok one@acme.example a@dest.example one
	wait_or_fail 10 "grep -q 'queue: tempfail.*smart.example' bindery.log"
	! grep -q 'permfail' bindery.log || fail "it failed for good"
	echo smart.example A 127.0.0.12 >zone
	wait_for 20 "ctl schedule all; sleep 0.5; sunk_is 1" || fail "stays"
}
no_smarthost_cleanup() { stop_all; }

# Held for its family, it goes at once where an administrator asks and the DNS
# has an address by then.
atf_test_case family cleanup
family_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
family_body()
{
	names_config 127.0.0.4
	for d in one two; do
		echo $d.example MX mx.$d.example
		echo mx.$d.example AAAA 2001:db8:9::25
	done >zone
	names
	start_sink 127.0.0.12:$sink
	start_bindery
	send_ok one@acme.example a@one.example one
	send_ok one@acme.example a@two.example two
	wait_or_fail 10 "[ \$(grep -c 'cause=family' bindery.log) -ge 2 ]"
	echo mx.one.example A 127.0.0.12 >>zone
	ctl schedule all >/dev/null || fail "schedule"
	wait_or_fail 10 "sunk_is 1 id=one"
	sunk_is 0 id=two || fail "it left without an address"
	echo mx.two.example A 127.0.0.12 >>zone
	ctl schedule all >/dev/null || fail "schedule"
	wait_or_fail 10 "sunk_is 1 id=two"
}
family_cleanup() { stop_all; }

# damage ID: an octet of the content of this message, in the log.
damage()
{
	python3 - "$1" <<-'END'
		import glob, sys
		for path in glob.glob("spool/log/*.seg"):
		    data = open(path, "rb").read()
		    at = data.find(("X-Test-Id: " + sys.argv[1]).encode())
		    if at < 0:
		        continue
		    with open(path, "r+b") as f:
		        f.seek(at + 3)
		        f.write(b"#")
		    sys.exit(0)
		sys.exit(1)
	END
}

# What was damaged on disk is told to its sender; the lane goes on.
atf_test_case damaged cleanup
damaged_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
damaged_body()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@acme.example" to "acme"
		match from any for any action "out"
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	send_ok one@acme.example a@dest.example first
	send_ok one@acme.example b@dest.example second
	send_ok one@acme.example c@dest.example third
	damage second || fail "not found"
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 20 "sunk_is 1 id=first && sunk_is 1 id=third"
	wait_or_fail 20 "sunk_is 1 'from=<> to=<one@acme.example>'"
	[ "$(sunk id=second)" -eq 0 ] || fail "it was sent"
	grep 'permfail\|damaged' bindery.log | grep -q damaged ||
	    fail "no word in the log"
}
damaged_cleanup() { stop_all; }

# Too old after a long stop, it is tried before it is returned.
atf_test_case old cleanup
old_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
old_body()
{
	wire_config
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	send_ok one@acme.example a@dest.example one
	stop_bindery
	wire_config "message-expiration 1s"
	sleep 1.1
	start_bindery
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 10 "sunk_is 1 id=one"
	sunk_is 1 || fail "$(cat sink.rec)"
}
old_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in dot lines full hangup unasked no_answer no_smarthost \
	    family damaged old; do
		atf_add_test_case $case
	done
}
