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
# The log is the only record of which address a message left from: whoever
# reads it may be slow: no line of a message is lost, and any other is counted.

. "$(atf_get_srcdir)/lib.sh"

port=31900
sink=31901

# turned_away NUMBER: so many connections that are one too many, each read to
# its end.
turned_away()
{
	python3 - "$port" "$1" <<-END
		import socket, sys
		where = ("127.0.0.1", int(sys.argv[1]))
		held = [socket.create_connection(where) for i in range(2)]
		for s in held:
		    s.recv(1000)
		for i in range(int(sys.argv[2])):
		    s = socket.create_connection(where)
		    if not s.recv(1000).startswith(b"421 "):
		        sys.exit("taken")
		    s.close()
	END
}

# Lines of refusals, and those that other lines say were lost.
refusals()
{
	awk '/ cause=max-connections-per-address / { n++ }
	    match($0, /[0-9]+ log lines were lost/) {
		n += substr($0, RSTART, RLENGTH) + 0 }
	    END { print n + 0 }' reader.log
}

atf_test_case stopped_reader cleanup
stopped_reader_head()
{
	atf_set descr "nobody reads the log for a while"
	atf_set require.user root
	atf_set require.progs python3
}
stopped_reader_body()
{
	settings='smtp max-connections-per-address 2'
	config </dev/null
	start_sink 127.0.0.1:$sink
	mkfifo bindery.log
	spawn reader cat bindery.log
	reader=$spawned
	start_bindery
	# the other tests' name for it: a file
	mv bindery.log pipe
	ln -s reader.log bindery.log
	kill -STOP "$reader"
	submit -c 2 -n 3000 || fail "submitting"
	wait_or_fail 60 "sunk_is 3000"
	turned_away 20000 || fail "connections that are too many"
	kill -CONT "$reader"
	wait_or_fail 30 '[ "$(refusals)" -eq 20000 ]'
	grep -q 'log lines were lost before this' reader.log ||
	    fail "20000 lines fit: the bound was not reached"
	for what in accepted delivered; do
		wait_or_fail 10 \
		    "[ \$(grep -c ' $what ' reader.log) -eq 3000 ]"
	done
	stop_bindery
}
stopped_reader_cleanup()
{
	stop_all
}

atf_init_test_cases()
{
	atf_add_test_case stopped_reader
}
