# An attempt, from the route to the reply to the final dot: what it says of
# itself on the way, what it costs, whom it leaves alone.

. "$(atf_get_srcdir)/lib.sh"

port=29810
sink=29811
dns=29812

# names OPTION ...: a DNS server for mail that goes where its MX are.
names()
{
	relay="relay"
	settings="mta resolver 127.0.0.1:$dns
		mta port $sink
		$settings"
	make_namespace
	start_dns --local-ttl=60 "$@"
}

# A UDP port that never answers, and a TCP port whose backlog is full.
silence()
{
	cat >silence.py <<-END
		import socket, time
		u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		u.bind(("127.0.0.1", $((dns + 1))))
		l = socket.socket()
		l.bind(("127.0.0.13", $sink))
		l.listen(0)
		full = []
		for i in range(4):
		    s = socket.socket()
		    s.setblocking(False)
		    s.connect_ex(("127.0.0.13", $sink))
		    full.append(s)
		open("silent", "w")
		time.sleep(80)
	END
	spawn silence python3 silence.py
	wait_or_fail 5 'test -f silent'
}

# The first recipient that a sender has in the queue: ID.1.
envelope_of()
{
	ctl -j show queue sender "$1" |
	    sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | sed 's/\.1$//;s/$/.1/' |
	    head -n 1
}

# One try was enough for each that was delivered.
one_try()
{
	grep 'mta: delivered' bindery.log | grep -v ' try=1 ' &&
	    fail "a try was spent"
	grep 'tempfail' bindery.log && fail "something failed"
	return 0
}

# full [PATTERN]: whom the sink turned away because of -m and -r.
full()
{
	grep -c "^full .*$1" sink.rec || true
}

# crowd NUMBER ID [FORMAT]: one message to so many recipients, in one lane
# where the format (%g is the number) does not say otherwise.
crowd()
{
	{
		printf 'EHLO client.example\nMAIL FROM:<a@acme.example>\n'
		seq -f "&RCPT TO:<${3:-r%g@dest.example}>" "$1"
		printf 'NOOP\nDATA\nX-Test-Id: %s\n\nHello.\n.\nQUIT\n' $2
	} | dialog >crowd.out
	grep -q '^250 2.0.0' crowd.out || fail "$(tail -n 5 crowd.out)"
}

# recipients ID: how many the sink took of a message.
recipients()
{
	grep "^msg .* id=$1 " sink.rec | grep -o '<r*[0-9a-z]*@dest' | sort |
	    uniq -u | wc -l
}

# A host that takes so many recipients in a transaction gets the rest in
# further ones at once, and no more than that the next time.
atf_test_case recipients cleanup
recipients_head() { atf_set require.user root; }
recipients_body()
{
	retry=1h..2h
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@acme.example" to "acme"
	END
	for most in 10 100 1; do
		total=$((most == 1 ? 30 : 500))
		start_sink -r $most 127.0.0.1:$sink
		start_bindery
		crowd $total a
		wait_or_fail 20 "[ \$(recipients a) -eq $total ]"
		first=$(full)
		[ $most -eq 100 ] || [ $first -gt 0 ] || fail "never full"
		crowd $total b
		wait_or_fail 20 "[ \$(recipients b) -eq $total ]"
		[ "$(full)" -eq $first ] || fail "asked for more again"
		wait_or_fail 5 '! ctl show queue all | grep dest.example'
		one_try
		stop_bindery
		stop_sink
	done
}
recipients_cleanup() { stop_all; }

# Many domains on one exchanger that is dead: few try it, all are told, and
# another customer has its slots.
atf_test_case dead cleanup
dead_head() { atf_set require.user root; }
dead_body()
{
	settings='mta max-connections 8
		mta timeout 3s'
	retry=1h..2h
	names --host-record=dead.example,127.0.0.13 \
	    $(seq -f --mx-host=d%g.dead.example,dead.example,10 300) \
	    --host-record=live.example,127.0.0.12
	silence
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
	END
	start_sink 127.0.0.12:$sink
	start_bindery
	crowd 300 a u@d%g.dead.example
	submit -c 4 -n 20 -f a@globex.example -t b@live.example -i g >out
	wait_or_fail 3 'sunk_is 20'
	# all of their lanes know why, though few have tried
	wait_or_fail 20 '[ $(ctl show queue binding acme |
	    grep -c "remote: connect to 127.0.0.13:$sink: timeout") -eq 300 ]'
	tried=$(grep -c 'mta: unreachable .*binding=acme' bindery.log)
	[ $tried -ge 1 ] && [ $tried -le 8 ] || fail "$tried tried it"
	grep 'lane closed .* for=[0-9]*m' bindery.log &&
	    fail "one failure counted as several"
	return 0
}
dead_cleanup() { stop_all; }

# Ten connections work, the eleventh is one too many: nothing comes of it.
atf_test_case too_many cleanup
too_many_head() { atf_set require.user root; }
too_many_body()
{
	retry=1h..2h
	config <<-END
		binding "acme" {
			bind-address 127.0.0.4
			max-outbound-connections 20
		}
		bind mail-from "@acme.example" to "acme"
	END
	echo 'data * * delay 0.1' >script
	start_sink -m 10 -s script 127.0.0.1:$sink
	start_bindery
	submit -c 10 -n 400 -f a@acme.example -i a >out
	wait_or_fail 20 'sunk_is 400'
	[ "$(full)" -gt 0 ] || fail "there were never too many"
	[ "$(full)" -le 20 ] || fail "$(full) times too many"
	one_try
	grep 'closed' bindery.log && fail "a lane was closed"
	return 0
}
too_many_cleanup() { stop_all; }

# What the first exchanger puts off, or hangs up at, the second takes at the
# next try at the latest, whether the first knows PIPELINING or not.
atf_test_case second cleanup
second_head() { atf_set require.user root; }
second_body()
{
	names --host-record=one.example,127.0.0.12 \
	    --host-record=two.example,127.0.0.13 \
	    $(seq -f --mx-host=d%g.example,one.example,10 24) \
	    $(seq -f --mx-host=d%g.example,two.example,20 24)
	# what a host did to one is not held against it by another
	for n in $(seq 24); do
		echo "binding \"d$n\" { bind-address 127.0.2.$n }"
		echo "bind mail-from \"@d$n.example\" to \"d$n\""
	done | config
	start_bindery
	n=0
	for option in -T -P; do
		[ $option = -T ] && option=
		start_sink $option -s script 127.0.0.12:$sink
		first_pid=$sink_pid
		mv sink.rec first.rec
		start_sink 127.0.0.13:$sink
		for stage in mail rcpt data dot; do
			: >script
			for reply in "452 4.3.1 no room" "421 4.3.2 later" drop
			do
				n=$((n + 1))
				echo "$stage @d$n. * $reply" >>script
			done
			kill -HUP $first_pid
			sleep 0.2
			for i in $((n - 2)) $((n - 1)) $n; do
				send_ok a@d$i.example u@d$i.example d$i
			done
		done
		for i in $(seq $((n - 11)) $n); do
			wait_or_fail 10 "grep 'msg .* id=d$i ' sink.rec"
			grep "mta: delivered .*<u@d$i\..*mx=two.example.*try=[12] " \
			    bindery.log || fail "d$i: not at the next try"
		done
		[ "$(grep -c ^refused first.rec)" -ge 12 ] ||
		    fail "the first was not asked: $(cat first.rec)"
		stop_sink
		kill $first_pid
		wait $first_pid 2>/dev/null || :
	done
}
second_cleanup() { stop_all; }

# A suspended site that is known by its exchangers alone: nothing connects,
# whoever suspended it; all goes when it is resumed.
atf_test_case site cleanup
site_head() { atf_set require.user root; }
site_body()
{
	names --host-record=mx.provider.example,127.0.0.12 \
	    $(seq -f --mx-host=d%g.example,mx.provider.example,10 50)
	suspended="site \"p\" { suspend-delivery true }"
	config <<-END
		site "p" { mx "*.provider.example" }
		binding "acme" {
			bind-address 127.0.0.4
			# file
		}
		bind mail-from "@acme.example" to "acme"
	END
	start_sink 127.0.0.12:$sink
	start_bindery
	for by in command file; do
		if [ $by = command ]; then
			ctl suspend binding acme site p >out ||
			    fail "$(cat out)"
		else
			sed -i "s/# file/$suspended/" conf
			ctl reload || fail "no reload"
		fi
		crowd 50 $by u@d%g.example
		wait_or_fail 10 '[ $(ctl show queue all |
		    grep -c "@d.*suspended") -eq 50 ]'
		grep "msg .* id=$by" sink.rec && fail "it left"
		opened=$(grep -c ^open sink.rec)
		# nor by asking for it
		ctl schedule all >out || fail "$(cat out)"
		sleep 1
		[ $opened -eq "$(grep -c ^open sink.rec)" ] ||
		    fail "a connection to a suspended site"
		if [ $by = command ]; then
			ctl resume binding acme site p >out ||
			    fail "$(cat out)"
		else
			sed -i 's/suspend-delivery true//' conf
			ctl reload || fail "no reload"
		fi
		wait_or_fail 10 "sunk_is 50 id=$by"
	done
	one_try
}
site_cleanup() { stop_all; }

# A lane that failed is closed.  A test changes nothing, and one recipient by
# its id is tried alone: it fails alone, or shows that all may go.
atf_test_case alone cleanup
alone_head() { atf_set require.user root; }
alone_body()
{
	retry=1h..2h
	names --host-record=dest.example,127.0.0.12
	config <<-END
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "@acme.example" to "acme"
	END
	start_bindery
	for n in 1 2 3 4 5; do
		send_ok a$n@acme.example u$n@dest.example m$n
		wait_or_fail 5 'grep "lane closed" bindery.log'
	done
	ctl test binding acme to dest.example >out 2>&1 &&
	    fail "there is nobody"
	id=$(envelope_of a3@acme.example)
	for n in 1 2; do
		ctl schedule "$id" >out || fail "$(cat out)"
		wait_or_fail 5 "[ \$(grep -c 'queue: tempfail id=$id' \
		    bindery.log) -eq $n ]"
	done
	[ "$(grep -c 'queue: tempfail' bindery.log)" -eq 3 ] ||
	    fail "others failed with it"
	start_sink 127.0.0.12:$sink
	ctl test binding acme to dest.example >out 2>&1 ||
	    fail "test: $(cat out)"
	sleep 1
	sunk_is 0 || fail "a test opened the lane"
	[ "$(ctl show queue all | grep -c deferred)" -eq 5 ] ||
	    fail "$(ctl show queue all)"
	ctl schedule "$id" >out || fail "$(cat out)"
	wait_or_fail 5 'sunk_is 1 id=m3'
	head -n 20 sink.rec | grep '^msg' | head -n 1 | grep 'id=m3' ||
	    fail "another was tried in its place"
	# its head waits for its time, the others had none to wait for
	wait_or_fail 5 'sunk_is 4'
	# a test that fails does not close what is open
	stop_sink
	closed=$(grep -c 'lane closed' bindery.log)
	ctl test binding acme to dest.example >out 2>&1 &&
	    fail "there is nobody"
	start_sink 127.0.0.12:$sink
	send_ok a@acme.example u@dest.example open
	wait_or_fail 5 'sunk_is 1 id=open'
	[ "$(grep -c 'lane closed' bindery.log)" -eq $closed ] ||
	    fail "the test closed it"
}
alone_cleanup() { stop_all; }

# One connection at a time, and mail that needs another EHLO name or another
# TLS policy than it has: each on its own, nobody starves.
atf_test_case wants cleanup
wants_head() { atf_set require.user root; }
wants_body()
{
	names --host-record=dest.example,127.0.0.12
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=peer -keyout peer.key -out peer.pem 2>/dev/null ||
	    fail "no certificate"
	config <<-END
		action "strict" relay tls no-verify
		match mail-from "@c1.example" for any action "strict"
		binding "acme" {
			bind-address 127.0.0.4
			ehlo-hostname __message__
			max-outbound-connections 1
		}
		bind from local to "acme"
	END
	# the first match decides
	awk '/^match from local/ { late = $0; next } { print }
	    /^match mail-from/ { print late }' conf >conf.new
	mv conf.new conf
	start_sink -c peer.pem -k peer.key 127.0.0.12:$sink
	start_bindery
	submit -c 10 -n 200 -k 20 -f a@c%.example -t b@dest.example -i a >out
	wait_or_fail 20 'sunk_is 200'
	sed -n 's/^msg .* ehlo=\(.*\) from=<a@\(.*\)> to.*/\1 \2/p' sink.rec |
	    awk '$1 != $2 { bad = 1; print } END { exit(bad) }' ||
	    fail "wrong EHLO"
	[ "$(most_open 127.0.0.4)" -eq 1 ] || fail "$(most_open 127.0.0.4)"
	# what nobody else wants goes as well while others keep coming
	submit -c 2 -n 3000 -k 1 -f a@c0.example -t b@dest.example -i b \
	    >out &
	submitter=$!
	wait_or_fail 5 '[ $(sunk id=b) -gt 20 ]'
	send_ok a@c1.example b@dest.example strict
	send_ok a@c2.example b@dest.example other
	wait_or_fail 5 'sunk_is 1 id=strict && sunk_is 1 id=other'
	[ "$(sunk id=b)" -lt 3000 ] || fail "they had to wait for all"
	kill $submitter
	one_try
}
wants_cleanup() { stop_all; }

# Hosts that hang, of four customers, hold each connection that there may be;
# a fifth has one within seconds, and who is put aside for it spends nothing.
atf_test_case hang cleanup
hang_head() { atf_set require.user root; }
hang_body()
{
	settings='mta max-connections 8'
	retry=1h..2h
	names --host-record=live.example,127.0.0.12 \
	    $(seq -f --host-record=d%g.hang.example,127.0.0.12 40)
	for n in 1 2 3 4 5; do
		echo "binding \"b$n\" { bind-address 127.0.1.$n }"
		echo "bind mail-from \"@b$n.example\" to \"b$n\""
	done | config
	cat >script <<-END
		connect 127.0.1.1 * delay 60
		connect 127.0.1.2 * delay 60
		ehlo h3.example * delay 60
		data @b4.example * delay 60
	END
	sed -i 's/127.0.1.3/127.0.1.3 ehlo-hostname "h3.example"/' conf
	start_sink -s script 127.0.0.12:$sink
	start_bindery
	for n in 1 2 3 4; do
		{
			printf 'EHLO client.example\nMAIL FROM:<a@b%d.example>\n' $n
			seq -f '&RCPT TO:<u@d%g.hang.example>' 40
			printf 'NOOP\nDATA\n\nHello.\n.\nQUIT\n'
		} | dialog >crowd.out
		grep -q '^250 2.0.0' crowd.out || fail "$(cat crowd.out)"
	done
	wait_or_fail 10 '[ $(grep -c ^open sink.rec) -ge 8 ]'
	submit -c 4 -n 20 -f a@b5.example -t b@live.example -i e >out
	wait_or_fail 5 'sunk_is 20 id=e'
	grep 'unreachable\|tempfail' bindery.log && fail "something was spent"
	# who had to go does not come back at once, again and again
	sleep 2
	[ "$(grep -c ^open sink.rec)" -le 60 ] ||
	    fail "$(grep -c ^open sink.rec) connections"
}
hang_cleanup() { stop_all; }

# Ten that have much to send to a site hold all that there may be; twenty with
# one message each come in between.
atf_test_case hogs cleanup
hogs_head() { atf_set require.user root; }
hogs_body()
{
	names --host-record=mx.provider.example,127.0.0.12 \
	    $(seq -f --mx-host=d%g.example,mx.provider.example,10 30)
	{
		echo 'site "p" { mx "*.provider.example" max-connections 10 }'
		for n in $(seq 0 29); do
			echo "binding \"b$n\" {"
			echo "bind-address 127.0.1.$((n + 1)) }"
			echo "bind mail-from \"@b$n.example\" to \"b$n\""
		done
	} | config
	echo 'data * * delay 0.1' >script
	start_sink -s script 127.0.0.12:$sink
	start_bindery
	submit -c 10 -n 1500 -k 10 -f a@b%.example -t u@d1.example -i hog >out
	wait_or_fail 5 '[ $(sunk id=hog) -ge 10 ]'
	for n in $(seq 10 29); do
		send_ok a@b$n.example u@d2.example small
	done
	wait_or_fail 12 'sunk_is 20 id=small'
	[ "$(sunk id=hog)" -lt 1500 ] || fail "they had to wait for all"
	[ "$(sed -n 's/^open .* all=\([0-9]*\) .*/\1/p' sink.rec |
	    sort -n | tail -n 1)" -le 10 ] || fail "more than there may be"
	one_try
}
hogs_cleanup() { stop_all; }

# At every step a recipient says where it is.
atf_test_case steps cleanup
steps_head() { atf_set require.user root; }
steps_body()
{
	steps="rate greeting ehlo tls mail rcpt data dot"
	records=
	for step in $steps; do
		records="$records --host-record=$step.example,127.0.0.12"
	done
	names --server=/resolve.example/127.0.0.1#$((dns + 1)) \
	    --host-record=connect.example,127.0.0.13 $records
	silence
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=peer -keyout peer.key -out peer.pem 2>/dev/null ||
	    fail "no certificate"
	cat >script <<-END
		connect 127.0.1.5 * delay 60
		ehlo h6.example * delay 60
		starttls 127.0.1.7 * delay 60
		mail @mail.example * delay 60
		rcpt @rcpt.example * delay 60
		data @data.example * delay 60
		dot @dot.example * delay 60
	END
	start_sink -P -s script -c peer.pem -k peer.key 127.0.0.12:$sink
	n=0
	for step in resolve rate slot connect greeting ehlo tls mail rcpt \
	    data dot; do
		n=$((n + 1))
		more=
		[ $step = rate ] && more="rate 1/1h"
		echo "binding \"$step\" { bind-address 127.0.1.$n
		    ehlo-hostname \"h$n.example\" $more }
		    bind mail-from \"@$step.example\" to \"$step\""
	done >bindings
	echo 'domain dot.example { max-connections 1 }' >>bindings
	config <bindings
	start_bindery
	send_ok u@rate.example u@rate.example first
	wait_or_fail 5 'sunk_is 1 id=first'
	for step in resolve connect $steps; do
		send_ok u@$step.example u@$step.example
	done
	wait_or_fail 5 'sunk_is 1 dot.example'
	send_ok u@slot.example u@dot.example
	while IFS='|' read -r step text; do
		id=$(envelope_of u@$step.example)
		[ -n "$id" ] || fail "no $step in the queue"
		wait_for 5 "ctl show envelope $id | grep '$text'" ||
		    fail "$step: $(ctl show envelope $id)"
	done <<-END
		resolve|resolving (resolve.example) for [0-9]*s
		rate|waiting for the rate (1/1h of .*rate.*, in .*s at
		slot|waiting for a slot (domain dot.example, 1 of 1, most by dot)
		connect|connecting (connect.example, 127.0.0.13:$sink) for
		greeting|waiting for the greeting (greeting.example, 127.0.0.12
		ehlo|waiting for the reply to EHLO (ehlo.example, 127.0.0.12
		tls|TLS (tls.example, 127.0.0.12
		mail|waiting for the reply to MAIL (mail.example, 127.0.0.12
		rcpt|waiting for the reply to RCPT (rcpt.example, 127.0.0.12
		data|in DATA (data.example, 127.0.0.12
		dot|waiting for the reply to the final dot (dot.example, 127.0
	END
}
steps_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in steps recipients dead too_many second \
	    site alone wants hang hogs; do
		atf_add_test_case $case
	done
}
