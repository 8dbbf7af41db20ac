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
# Clients that mean no good: they do not read, hold all places, take all
# descriptors.  Whatever they do costs only themselves.

. "$(atf_get_srcdir)/lib.sh"

port=31500
sink=31501

started()
{
	start_sink 127.0.0.1:$sink
	config <<-END
		$1
	END
	start_bindery
}

# deaf WHERE LINE REPLY: say LINE for as long as it is listened to, at most
# 24 MB, which is more than all socket buffers hold, and read nothing; then
# read all: a REPLY for each.  WHERE is a path, or a port where a recipient was
# accepted: only RCPT may be said without end.
deaf()
{
	python3 - "$@" <<-END
		import select, socket, sys
		where, line, reply = sys.argv[1], sys.argv[2], sys.argv[3]
		if where.isdigit():
		    s = socket.create_connection(("127.0.0.1", int(where)))
		    s.recv(1000)
		    for hello in ("HELO client.example", "MAIL FROM:<>",
		        "RCPT TO:<b@dest.example>"):
		        s.sendall(hello.encode() + b"\r\n")
		        s.recv(1000)
		else:
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(where)
		s.setblocking(False)
		block = ((line + "\n").encode() * 65536)[:65536 * (len(line) + 1)]
		most, sent, got = 24 * 1024 * 1024, 0, 0
		while sent < most:
		    if not select.select([], [s], [], 3)[1]:
		        break
		    at = sent % len(block)
		    sent += s.send(block[at:at + 262144])
		if sent >= most:
		    sys.exit("it never stopped listening")
		lines, tail = sent // (len(line) + 1), b""
		while got < lines:
		    if not select.select([s], [], [], 10)[0]:
		        sys.exit("%d replies of %d" % (got, lines))
		    data = s.recv(1048576)
		    if not data:
		        sys.exit("closed after %d of %d" % (got, lines))
		    data = tail + data
		    end = data.rfind(b"\n") + 1
		    got += data.count(reply.encode(), 0, end)
		    tail = data[end:]
	END
}

atf_test_case deaf_smtp cleanup
deaf_smtp_head()
{
	atf_set descr "SMTP commands whose replies nobody reads"
	atf_set require.user root
	atf_set require.progs python3
}
deaf_smtp_body()
{
	started
	deaf $port "RCPT TO:<>$(printf '\r')" "501 5.1.3" >out 2>&1 ||
	    fail "$(cat out)"
	send_ok a@example.com b@dest.example
}
deaf_smtp_cleanup() { stop_all; }

atf_test_case deaf_control cleanup
deaf_control_head()
{
	atf_set descr "administrator's commands whose answers nobody reads"
	atf_set require.user root
	atf_set require.progs python3
}
deaf_control_body()
{
	started
	deaf "$PWD/run/control.sock" "show bindings" "." >out 2>&1 ||
	    fail "$(cat out)"
	ctl show bindings >/dev/null || fail "it does not answer any more"
}
deaf_control_cleanup() { stop_all; }

# large CONNECTIONS: a message of 300 kB, while that many others are open; the
# reply to it.
large()
{
	python3 - $port "$1" <<-END
		import socket, sys
		port, n = int(sys.argv[1]), int(sys.argv[2])
		s = socket.create_connection(("127.0.0.1", port))
		f = s.makefile("rb")
		f.readline()
		for line in ("HELO client.example", "MAIL FROM:<a@example.com>",
		    "RCPT TO:<b@dest.example>", "DATA"):
		    s.sendall(line.encode() + b"\r\n")
		    f.readline()
		others = [socket.create_connection(("127.0.0.1", port))
		    for i in range(n)]
		s.sendall(b"Subject: large\r\n\r\n" +
		    b"0123456789abcdef\r\n" * 20000 + b".\r\n")
		print(f.readline().decode())
	END
}

# descriptors ROLE USER NUMBER: no higher one for the role from now on.
descriptors()
{
	su -s /bin/sh -c "prlimit --pid $(role_pid $1) --nofile=$3:" $2 ||
	    fail "prlimit"
}

atf_test_case no_descriptors cleanup
no_descriptors_head()
{
	atf_set descr "all descriptors of the server are taken"
	atf_set require.user root
	atf_set require.progs "python3 prlimit"
}
no_descriptors_body()
{
	started
	descriptors smtpd _bindery 30
	large 40 >out 2>&1
	grep -q '^451 4.3.0' out || fail "taken: $(cat out)"
	wait_or_fail 5 "grep 'no new connections for a second' bindery.log"
	wait_or_fail 5 "large 1 | grep '^250'"
}
no_descriptors_cleanup() { stop_all; }

# local_crowd NUMBER UID: so many connections of one account to the local
# socket, held until the file "enough" is there; the first three octets of each
# reply.
local_crowd()
{
	python3 - "$@" <<-'END'
		import os, socket, sys, time
		d = os.open("run", os.O_PATH)
		os.fchdir(d)
		os.setgid(65534)
		os.setuid(int(sys.argv[2]))
		held = []
		for i in range(int(sys.argv[1])):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(20)
		    s.connect("submit.sock")
		    reply = s.recv(3).decode()
		    print(reply, flush=True)
		    if reply == "220":
		        held.append(s)
		    else:
		        s.close()
		print("all", flush=True)
		for i in range(600):
		    if os.path.exists("../enough"):
		        break
		    time.sleep(0.1)
	END
}

# greeting: of TCP, and of the local socket for root.
greetings()
{
	python3 - $port <<-'END'
		import socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
		print("tcp", s.recv(3).decode())
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect("run/submit.sock")
		print("root", s.recv(3).decode())
	END
}

atf_test_case local_flood cleanup
local_flood_head()
{
	atf_set descr "one account takes the local socket for itself"
	atf_set require.user root
	atf_set require.progs "python3"
}
local_flood_body()
{
	started
	chmod 755 .
	spawn crowd local_crowd 2600 65534
	wait_or_fail 60 'grep -q all crowd.log'
	greetings >out 2>&1
	: >enough
	grep -q 'tcp 220' out || fail "TCP: $(cat out)"
	grep -q 'root 220' out || fail "root: $(cat out)"
	[ "$(grep -c 220 crowd.log)" -eq 100 ] ||
	    fail "$(sort crowd.log | uniq -c)"
}
local_flood_cleanup() { stop_all; }

atf_test_case local_accounts cleanup
local_accounts_head()
{
	atf_set descr "many accounts fill the local socket, and TCP is full"
	atf_set require.user root
	atf_set require.progs "python3"
}
local_accounts_body()
{
	started "smtp max-connections 2"
	chmod 755 .
	# what TCP has is full: that is not the local socket's trouble
	python3 -c 'import socket, time
s = [socket.create_connection(("127.0.0.1", '$port')) for i in "ab"]
print([c.recv(3) for c in s], flush=True)
time.sleep(60)' >tcp 2>&1 &
	echo $! >>pids
	wait_or_fail 10 'grep -q 220 tcp'
	for uid in 60001 60002 60003 60004 60005; do
		spawn crowd$uid local_crowd 120 $uid
	done
	for uid in 60001 60002 60003 60004 60005; do
		wait_or_fail 30 "grep -q all crowd$uid.log"
	done
	greetings >out 2>&1
	spawn other local_crowd 1 60006
	spawn root local_crowd 200 0
	wait_or_fail 30 'grep -q all other.log && grep -q all root.log'
	: >enough
	grep -q 'tcp 421' out || fail "TCP is not full: $(cat out)"
	grep -q 'root 220' out || fail "root: $(cat out)"
	[ "$(cat crowd6*.log | grep -c 220)" -eq 496 ] ||
	    fail "$(sort crowd6*.log | uniq -c)"
	grep -q 421 other.log || fail "one more account: $(cat other.log)"
	[ "$(grep -c 220 root.log)" -eq 200 ] || fail "root's own"
}
local_accounts_cleanup() { stop_all; }

atf_test_case content_later cleanup
content_later_head()
{
	atf_set descr "a large file that cannot be opened just now is not lost"
	atf_set require.user root
	atf_set require.progs "python3 prlimit"
}
content_later_body()
{
	config </dev/null
	start_bindery
	large 0 | grep -q '^250' || fail "not taken"
	descriptors queue _binderyq 3
	start_sink 127.0.0.1:$sink
	wait_or_fail 20 "grep 'content of message.*open files' bindery.log"
	descriptors queue _binderyq 1000
	wait_or_fail 20 "sunk_is 1"
	grep -q bounced bindery.log && fail "its sender was told"
	ctl show bindings >/dev/null || fail "no answer"
}
content_later_cleanup() { stop_all; }

atf_test_case slow_hello cleanup
slow_hello_head()
{
	atf_set descr "a server whose EHLO reply comes in pieces"
	atf_set require.user root
	atf_set require.progs python3
}
slow_hello_body()
{
	cat >server.py <<-END
		import socket, time
		server = socket.create_server(("127.0.0.1", $sink))
		while True:
		    s = server.accept()[0]
		    s.sendall(b"220 here\r\n")
		    s.recv(1000)
		    for piece in (b"250-here\r\n250 SI", b"ZE 10\r\n"):
		        s.sendall(piece)
		        time.sleep(0.5)
		    while s.recv(1000):
		        s.sendall(b"250 ok\r\n")
	END
	spawn server python3 server.py
	config </dev/null
	start_bindery
	send_ok a@example.com b@dest.example
	wait_or_fail 15 "grep 'mta: permfail.*552 5.3.4.*takes 10' bindery.log"
}
slow_hello_cleanup() { stop_all; }

atf_init_test_cases()
{
	atf_add_test_case deaf_smtp
	atf_add_test_case deaf_control
	atf_add_test_case no_descriptors
	atf_add_test_case local_flood
	atf_add_test_case local_accounts
	atf_add_test_case content_later
	atf_add_test_case slow_hello
}
