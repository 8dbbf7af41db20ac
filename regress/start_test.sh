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
# How the daemon starts and stops, and what it says when it cannot.

. "$(atf_get_srcdir)/lib.sh"

port=26000
sink=26001

# refused PATTERN ARGUMENT...: the daemon must end by itself, not with 0, and
# say in a line that matches why.
refused()
{
	_pattern=$1
	shift
	_status=0
	timeout 15 "$top/bindery" "$@" >refused.out 2>&1 || _status=$?
	[ $_status -ge 1 ] && [ $_status -lt 124 ] ||
	    fail "status $_status, not an error: $(cat refused.out)"
	grep -Eiq "$_pattern" refused.out ||
	    fail "no '$_pattern' in: $(cat refused.out)"
	[ "$(grep -c . refused.out)" -le ${LINES_MAX:-3} ] ||
	    fail "more than one clear line: $(cat refused.out)"
}

simple()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@acme.example" to "acme"
	END
}

atf_test_case sigterm cleanup
sigterm_head() { atf_set require.user root; }
sigterm_body()
{
	simple
	start_bindery
	wait_or_fail 10 'grep -q started bindery.log'
	stop_bindery
	[ $status -eq 0 ] || fail "exit status $status"
	grep -q stopped bindery.log || fail "no line that it stopped"
}
sigterm_cleanup() { stop_all; }

atf_test_case stop_command cleanup
stop_command_head() { atf_set require.user root; }
stop_command_body()
{
	simple
	start_bindery
	roles=$(role_pids)
	[ "$(echo "$roles" | wc -l)" -ge 4 ] || fail "few roles: $roles"
	ctl stop || fail "binderyctl stop: $?"
	wait_bindery
	[ $status -eq 0 ] || fail "exit status $status"
	for pid in $roles; do
		wait_or_fail 5 "! kill -0 $pid"
	done
}
stop_command_cleanup() { stop_all; }

atf_test_case starts_again cleanup
starts_again_head() { atf_set require.user root; }
starts_again_body()
{
	simple
	for round in 1 2 3; do
		start_bindery
		stop_bindery
		[ $status -eq 0 ] || fail "round $round: status $status"
	done
	start_bindery
	kill_bindery
	start_bindery
}
starts_again_cleanup() { stop_all; }

atf_test_case check_only
check_only_body()
{
	simple
	atf_check -o ignore -e ignore "$top/bindery" -n -f conf
	echo 'bind from socket to "nobody"' >>conf
	line=$(wc -l <conf)
	atf_check -s exit:1 -o ignore -e match:"conf:$line: .*nobody" \
	    "$top/bindery" -n -f conf
}

atf_test_case options
options_body()
{
	refused "usage|option" -Z
	refused "no-such-file.*(No such file|not found)" -n -f no-such-file
	mkdir folder
	refused "folder.*directory" -n -f folder
	refused "macro|-D" -n -D = -f /dev/null
	atf_check -o match:'[0-9]' -e ignore "$top/bindery" -V
}

atf_test_case not_root
not_root_head() { atf_set require.user root; }
not_root_body()
{
	simple
	chmod 755 .
	su -s /bin/sh nobody -c "timeout 10 '$top/bindery' -d -f '$PWD/conf'" \
	    >out 2>&1 && fail "started as nobody"
	grep -qi root out || fail "no clear line: $(cat out)"
}

atf_test_case unwritable_spool cleanup
unwritable_spool_head() { atf_set require.user root; }
unwritable_spool_body()
{
	simple
	touch file
	sed -i.old "s,^spool .*,spool \"$PWD/file/spool\"," conf
	refused "file/spool" -d -f conf
	sed "s,^spool .*,spool \"/proc/spool\"," conf.old >conf
	refused "/proc/spool" -d -f conf
}
unwritable_spool_cleanup() { stop_all; }

atf_test_case port_in_use cleanup
port_in_use_head() { atf_set require.user root; }
port_in_use_body()
{
	simple
	start_sink 127.0.0.1:$port
	refused "$port.*in use" -d -f conf
}
port_in_use_cleanup() { stop_all; }

# One daemon for each spool; the first must not notice the second.
atf_test_case second_instance cleanup
second_instance_head() { atf_set require.user root; }
second_instance_body()
{
	simple
	start_bindery
	sed "s,^run .*,run \"$PWD/run2\",; s,port $port,port $((port + 5))," \
	    conf >conf2
	LINES_MAX=6 refused "spool.*(lock|use|another|running)|(lock|another).*spool" \
	    -d -f conf2
	ctl show bindings >/dev/null || fail "the first has gone"
	# the same run folder as well
	sed "s,port $port,port $((port + 5))," conf >conf3
	LINES_MAX=6 refused "lock|use|another|running" -d -f conf3
	ctl show bindings >/dev/null || fail "the first lost its socket"
	send_ok a@acme.example b@dest.example
}
second_instance_cleanup() { stop_all; }

# Started while the roles of one that was killed are still going.
atf_test_case successor cleanup
successor_head() { atf_set require.user root; }
successor_body()
{
	simple
	start_bindery
	old=$(role_pid queue)
	kill -STOP $old
	kill -KILL $bindery_pid
	(sleep 1; kill -CONT $old) &
	start_bindery
	[ "$(role_pid queue)" != $old ] || fail "queue has not gone"
	send_ok a@acme.example b@dest.example
}
successor_cleanup() { stop_all; }

# early COMMAND...: three clients that send all at once as the port opens,
# and the commands as the control socket does; all must be answered.
early()
{
	python3 - $port "$PWD/run/control.sock" "$@" >early.out 2>&1 <<-'END'
		import os, socket, sys, threading, time
		def tell(text):
		    os.write(1, text.encode())
		def reached(family, to):
		    for i in range(3000):
		        s = socket.socket(family, socket.SOCK_STREAM)
		        s.settimeout(15)
		        try:
		            s.connect(to)
		            return s
		        except OSError:
		            s.close()
		            time.sleep(0.003)
		def smtp():
		    s = reached(socket.AF_INET, ("127.0.0.1", int(sys.argv[1])))
		    s.sendall(b"EHLO a\r\nMAIL FROM:<a@acme.example>\r\n"
		        b"RCPT TO:<b@example.org>\r\nQUIT\r\n")
		    said = s.makefile("rb").read()
		    tell("smtp %d %s\n" % (said.count(b"\n250 2."), said))
		def control(command):
		    s = reached(socket.AF_UNIX, sys.argv[2])
		    s.sendall(command.encode() + b"\n")
		    tell("control %s %s\n" % (command, s.recv(4096)))
		for c in sys.argv[3:]:
		    threading.Thread(target=control, args=(c,)).start()
		for i in range(3):
		    threading.Thread(target=smtp).start()
	END
}

atf_test_case under_traffic cleanup
under_traffic_head()
{
	atf_set require.user root
	atf_set require.progs python3
}
under_traffic_body()
{
	simple
	i=0
	while [ $((i += 1)) -le 20 ]; do
		rm -rf run
		early 'show bindings' 'show queue all' reload \
		    'match from a@acme.example to b@example.org' &
		clients=$!
		spawn bindery "$top/bindery" -d -f conf
		bindery_pid=$spawned
		wait $clients || fail "start $i: $(cat early.out)"
		[ "$(grep -c '^smtp 2 ' early.out)" -eq 3 ] ||
		    fail "start $i: not all were served: $(cat early.out)"
		[ "$(grep "^control.* b'" early.out |
		    grep -vc "b''")" -eq 4 ] ||
		    fail "start $i: no answer: $(cat early.out)"
		stop_bindery
		[ $status -eq 0 ] || fail "start $i: exit status $status"
	done
}
under_traffic_cleanup() { stop_all; }

# What was queued may not go, nor a bounce come, before all know of it.
atf_test_case queue_at_once cleanup
queue_at_once_head() { atf_set require.user root; }
queue_at_once_body()
{
	settings='queue ttl 2s' retry=1s..1s simple
	start_bindery
	for i in 1 2 3 4 5; do
		send_ok "a@acme.example" "b$i@example.org"
	done
	kill_bindery
	sleep 3				# past their time
	start_sink 127.0.0.1:$sink
	start_bindery
	wait_or_fail 15 '[ "$(grep -c "bounced\|delivered" bindery.log)" -ge 5 ]'
	stop_bindery
	[ $status -eq 0 ] || fail "exit status $status"
}
queue_at_once_cleanup() { stop_all; }

atf_test_case mta_restarted cleanup
mta_restarted_head() { atf_set require.user root; }
mta_restarted_body()
{
	simple
	start_sink 127.0.0.1:$sink
	start_bindery
	old=$(role_pid mta)
	[ -n "$old" ] || fail "no mta"
	kill -KILL "$old"
	wait_or_fail 15 '[ -n "$(role_pid mta)" ] &&
	    [ "$(role_pid mta)" != '$old' ]'
	send_ok a@acme.example b@dest.example after
	wait_or_fail 10 'sunk_is 1 id=after'
	grep -q 'src=127.0.0.4 .*id=after' sink.rec ||
	    fail "wrong address after the restart"
}
mta_restarted_cleanup() { stop_all; }

atf_test_case role_death cleanup
role_death_head() { atf_set require.user root; }
role_death_body()
{
	simple
	for role in queue smtpd flush; do
		rm -f bindery.log
		start_bindery
		pid=$(role_pid $role)
		[ -n "$pid" ] || fail "no $role"
		kill -KILL $pid
		wait_bindery
		[ $status -ne 0 ] || fail "$role died, exit status 0"
		grep -E "$role.*(signal|kill|exit|died)" bindery.log ||
		    fail "nothing names $role and its cause"
	done
}
role_death_cleanup() { stop_all; }

# Without -d: the command ends when the daemon has started, or has not.
atf_test_case background cleanup
background_head()
{
	atf_set require.user root
	atf_set require.files /proc/self/status
}
background_body()
{
	simple
	echo 'include "part.conf"' >>conf
	: >part.conf
	timeout 20 "$top/bindery" -f "$PWD/conf" >out 2>&1 || fail "status $?"
	[ -s out ] && fail "words: $(cat out)"
	for bindery_pid in $(ps -A -o pid= -o args= |
	    awk '/bindery -f .*conf$/ { print $1 }'); do
		is_ours "$bindery_pid" && echo "$bindery_pid" >>pids
	done
	[ -s pids ] || fail "no daemon"
	ctl show bindings >/dev/null || fail "it does not answer yet"
	# a reload finds relative names where the start found them
	ctl reload || fail "no reload"
	# a spool that queue cannot use: known only after the start of roles
	sed "s,^spool .*,spool \"$PWD/spool2\",; s,^run .*,run \"$PWD/run2\",
	    s,port $port,port $((port + 5))," conf >conf2
	mkdir -m 0700 spool2
	chown _binderyq spool2
	echo "nothing of ours" >spool2/log
	LINES_MAX=6 refused "spool.*log" -f conf2
	ctl stop || fail "stop: $?"
	wait_or_fail 10 '! kill -0 $(cat pids)'
}
background_cleanup() { stop_all; }

# Every role under its own user and away from the file system.
atf_test_case privileges cleanup
privileges_head()
{
	atf_set require.user root
	atf_set require.files /proc/self/status
}
privileges_body()
{
	simple
	start_bindery
	while read -r role user jail; do
		pid=$(role_pid $role)
		uid=$(awk '/^Uid:/ { print $2 }' /proc/$pid/status)
		[ "$uid" = "$(id -u $user)" ] || fail "$role runs as $uid"
		caps=$(awk '/^CapEff:/ { print $2 }' /proc/$pid/status)
		[ "$caps" = 0000000000000000 ] || fail "$role: caps $caps"
		grep -q '^NoNewPrivs:.1' /proc/$pid/status ||
		    [ -n "$NO_SANDBOX" ] || fail "$role may gain privileges"
		root=$(readlink /proc/$pid/root)
		[ "$jail" = - ] || [ "$root" != / ] ||
		    fail "$role has the whole file system"
		[ "$jail" = filter ] || continue
		grep -q '^Seccomp:.2' /proc/$pid/status ||
		    [ -n "$NO_SANDBOX" ] || fail "$role has no filter"
	done <<-END
		smtpd _bindery filter
		queue _binderyq filter
		flush _binderyq filter
		mta _binderym filter
	END
}
privileges_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in sigterm stop_command starts_again check_only options \
	    not_root unwritable_spool port_in_use second_instance successor \
	    under_traffic queue_at_once mta_restarted role_death \
	    background privileges; do
		atf_add_test_case $case
	done
}
