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
# What a binding promises, seen from outside.
#
# A new configuration while it runs: binderyctl reload and SIGHUP.

. "$(atf_get_srcdir)/lib.sh"

port=28000
sink=28001

# customers [OPTIONS OF ACME]
customers()
{
	config <<-END
		binding "acme" { bind-address ${acme_address:-127.0.0.4} $1 }
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
}

reload()
{
	ctl reload >reload.out 2>&1 || fail "reload: $(cat reload.out)"
}

# refused PATTERN: the reload is refused, in these words.
refused()
{
	status=0
	ctl reload >out 2>err || status=$?
	[ $status -eq 1 ] || fail "$1: status $status"
	grep -Eq "$1" err || fail "no '$1' in: $(cat err)"
	grep -q 'not reloaded' bindery.log || fail "nothing in the log"
}

# why PATTERN: what show queue says of all that is queued.
why()
{
	ctl show queue all | grep -q "$1"
}

# What is queued goes by the name: its new address, EHLO name and limits.
atf_test_case follow_name cleanup
follow_name_head() { atf_set require.user root; }
follow_name_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail suspend
	send_ok a@acme.example b@dest.example one
	acme_address=127.0.0.6
	customers 'ehlo-hostname "new.acme.example" max-connections 7'
	reload
	grep -q 'bindery: reloaded' bindery.log || fail "no line"
	ctl show binding acme | grep 'max-connections' | grep -q 7 ||
	    fail "the limit: $(ctl show binding acme)"
	ctl show bindings | grep '^acme' | grep '127.0.0.6' |
	    grep -q suspended || fail "$(ctl show bindings)"
	ctl resume binding acme >/dev/null || fail resume
	wait_or_fail 10 'sunk_is 1 id=one'
	sunk_is 1 'src=127.0.0.6 .*ehlo=new.acme.example .*id=one' ||
	    fail "not as the new configuration says"
}
follow_name_cleanup() { stop_all; }

# SIGHUP: bindings, rules, listeners and tables come and go.
atf_test_case add_remove cleanup
add_remove_head() { atf_set require.user root; }
add_remove_body()
{
	echo '@acme.example acme' >who
	common='binding "acme" { bind-address 127.0.0.4 }'
	config <<-END
		$common
		listen on 127.0.0.1 port $((port + 2))
		table who file:$PWD/who
		bind by mail-from <who>
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	send_ok a@acme.example b@dest.example one
	echo '@initech.example initech' >>who
	config <<-END
		$common
		binding "initech" { bind-address 127.0.0.7 }
		listen on 127.0.0.1 port $((port + 3))
		table who file:$PWD/who
		bind by mail-from <who>
	END
	kill -HUP "$bindery_pid"
	wait_or_fail 10 'grep "bindery: reloaded" bindery.log'
	old=$port
	port=$((old + 3))
	send_ok a@initech.example b@dest.example two
	port=$((old + 2))
	send a@acme.example b@dest.example no >out 2>&1
	grep -q '^250' out && fail "the old listener is open"
	port=$old
	send_ok a@acme.example b@dest.example three
	wait_or_fail 10 'sunk_is 3'
	sunk_is 2 src=127.0.0.4 || fail "acme's"
	sunk_is 1 'src=127.0.0.7 .*id=two' || fail "initech's"
}
add_remove_cleanup() { stop_all; }

# A binding that is gone holds its mail until it is back, or until a move.
atf_test_case removed_binding cleanup
removed_binding_head() { atf_set require.user root; }
removed_binding_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail suspend
	send_ok a@acme.example b@dest.example one
	send_ok a@acme.example b@other.example two
	config <<-END
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@globex.example" to "globex"
	END
	reload
	grep -q '^binding acme removed: 2 recipients held' reload.out ||
	    fail "not said: $(cat reload.out)"
	grep -q 'binding acme removed: 2 recipients held' bindery.log ||
	    fail "not in the log"
	ctl resume binding acme >/dev/null 2>&1
	why 'unknown binding acme' || fail "$(ctl show queue all)"
	ctl show bindings | grep '^acme' | grep -q unknown ||
	    fail "$(ctl show bindings)"
	# so it stays over a restart
	stop_bindery
	start_bindery
	why 'unknown binding acme' || fail "restart: $(ctl show queue all)"
	ctl move domain other.example to globex >out || fail "$(cat out)"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.5 .*id=two"'
	sunk_is 0 id=one || fail "one left"
	customers
	reload
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one"'
}
removed_binding_cleanup() { stop_all; }

atf_test_case removed_action cleanup
removed_action_head() { atf_set require.user root; }
removed_action_body()
{
	customers
	cp conf conf.old
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail suspend
	send_ok a@acme.example b@dest.example one
	sed 's/"out"/"away"/' conf.old >conf
	reload
	ctl resume binding acme >/dev/null || fail resume
	wait_or_fail 10 'why "unknown action out"'
	grep 'queue: held .*binding=acme' bindery.log |
	    grep -q 'unknown action out' || fail "no line"
	cp conf.old conf
	reload
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one"'
}
removed_action_cleanup() { stop_all; }

# The relay host is the action's of today.
atf_test_case relay_host cleanup
relay_host_head() { atf_set require.user root; }
relay_host_body()
{
	customers
	start_sink 127.0.0.1:$sink 127.0.0.12:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail suspend
	send_ok a@acme.example b@dest.example one
	relay="relay host \"smtp://127.0.0.12:$sink\""
	customers
	reload
	ctl resume binding acme >/dev/null || fail resume
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 dst=127.0.0.12.* id=one"'
}
relay_host_cleanup() { stop_all; }

# Whatever is wrong with it: nothing changes.
atf_test_case bad_file cleanup
bad_file_head() { atf_set require.user root; }
bad_file_body()
{
	echo 'bob@acme.example acme' >who
	customers
	echo "table who file:$PWD/who" >>conf
	echo 'bind by mail-from <who>' >>conf
	cp conf good
	start_sink 127.0.0.1:$sink 127.0.0.1:$((port + 4))
	start_bindery
	sed 's/127.0.0.4/127.0.0.6/' good >changed
	lines=$(($(wc -l <changed) + 1))
	while read -r pattern line; do
		{ cat changed; echo "$line"; } >conf
		refused "conf:$lines: .*$pattern"
	done <<-END
		syntax bind bind
		nobody bind from socket to "nobody"
		no-such-table table x file:$PWD/no-such-table
		$((port + 4)) listen on 127.0.0.1 port $((port + 4))
	END
	sed "s,^spool .*,spool \"$PWD/elsewhere\"," changed >conf
	refused 'conf:2: spool cannot change'
	cp changed conf
	echo 'eve@acme.example nobody' >>who
	refused 'nobody'
	mv conf away
	refused 'conf.*No such file'
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one"'
	# and then it is right
	echo 'bob@acme.example acme' >who
	cp changed conf
	reload
	send_ok a@acme.example b@dest.example two
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.6 .*id=two"'
}
bad_file_cleanup() { stop_all; }

# A table names a binding that there is not: at the start only that key is
# refused, a reload is refused whole.
atf_test_case unknown_in_table cleanup
unknown_in_table_head() { atf_set require.user root; }
unknown_in_table_body()
{
	printf '@acme.example acme\n@eve.example nobody\n' >who
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		table who file:$PWD/who
		bind by mail-from <who>
	END
	start_sink 127.0.0.1:$sink
	start_bindery
	grep -q 'who.*nobody' bindery.log || fail "nothing about the key"
	send a@eve.example b@dest.example >out
	grep -q '^451 4.3.5' out || fail "the key: $(cat out)"
	send_ok a@acme.example b@dest.example one
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.4 .*id=one"'
	refused 'who.*nobody'
}
unknown_in_table_cleanup() { stop_all; }

# The control socket is the new group's; a group that is not there is told.
atf_test_case control_group cleanup
control_group_head() { atf_set require.user root; }
control_group_body()
{
	customers
	start_bindery
	settings='control-group daemon'
	customers
	reload
	ls -l run/control.sock | grep -q '^srw-rw---- .* root  *daemon ' ||
	    fail "$(ls -l run)"
	settings='control-group nobodys'
	customers
	refused '^binderyctl: conf:5: control-group "nobodys": no such group'
	customers
	settings=
	customers
	reload
	ls -l run/control.sock | grep -q '^srw-rw---- .* root  *root ' ||
	    fail "still: $(ls -l run)"
}
control_group_cleanup() { stop_all; }

# A message that is under way leaves as it began; none begins there after it.
atf_test_case connection cleanup
connection_head() { atf_set require.user root; }
connection_body()
{
	customers 'max-outbound-connections 1'
	echo 'dot * 1 delay 4' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail suspend
	for n in 1 2 3; do
		send_ok a@acme.example b@dest.example m$n
	done
	ctl resume binding acme >/dev/null || fail resume
	wait_or_fail 10 'sunk_is 1'
	acme_address=127.0.0.6
	customers 'max-outbound-connections 1'
	reload
	grep -q '^close' sink.rec && fail "cut off: $(cat sink.rec)"
	wait_or_fail 15 'sunk_is 3'
	sunk_is 1 'src=127.0.0.4' && sunk_is 2 'src=127.0.0.6' ||
	    fail "$(cat sink.rec)"
	wait_or_fail 5 'grep "^close .* src=127.0.0.4 messages=1" sink.rec'
	[ "$(grep -c 'mta: delivered .*try=1 ' bindery.log)" -eq 3 ] ||
	    fail "a try was spent"
}
connection_cleanup() { stop_all; }

# A reload that was sent out and then failed leaves no door half open.
atf_test_case role_dies cleanup
role_dies_head() { atf_set require.user root; }
role_dies_body()
{
	customers
	start_bindery
	mta=$(role_pid mta)
	echo "listen on 127.0.0.1 port $((port + 2))" >>conf
	kill -STOP "$mta"
	ctl reload >out 2>err &
	wait_or_fail 5 "ss -ltn | grep '127.0.0.1:$((port + 2)) '"
	sleep 0.5
	kill -KILL "$mta"
	wait $! && fail "reloaded: $(cat out)"
	grep -q 'a role died' err || fail "$(cat err)"
	wait_or_fail 10 "grep 'mta is started again' bindery.log"
	wait_or_fail 10 "ctl reload"
	grep -q 'in use' bindery.log && fail "still held"
	[ "$(ss -ltn | grep -c "127.0.0.1:$((port + 2)) ")" -eq 1 ] ||
	    fail "not opened"
}
role_dies_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in follow_name add_remove removed_binding removed_action \
	    relay_host bad_file unknown_in_table control_group \
	    connection role_dies; do
		atf_add_test_case $case
	done
}
