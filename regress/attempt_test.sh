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

# At every step a recipient says where it is.
atf_test_case steps cleanup
steps_head() { atf_set require.user root; }
steps_body()
{
	steps="resolve rate slot connect greeting ehlo tls mail rcpt data dot"
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
	for step in $steps; do
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
	for step in resolve rate connect greeting ehlo tls mail rcpt data \
	    dot; do
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
	for case in steps; do
		atf_add_test_case $case
	done
}
