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
# No message is lost after its 250, whatever dies and whenever.
# The queue of the running daemon: what senders are told and when, room on the
# disk, a stop under load, one customer's trouble beside another's mail.

. "$(atf_get_srcdir)/lib.sh"

port=30400
sink=30401
tarpit=30402

customers()
{
	config <<-END
		action "slow" relay host "smtp://127.0.0.1:$tarpit"
		match from local for domain "slow.example" action "slow"
		binding "acme" {
			bind-address 127.0.0.4
			$acme
		}
		binding "globex" { bind-address 127.0.0.5 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
		bind from local to "acme"
	END
	# rules are tried in their order: the general one stands last
	sed '/^match from local for any/d' conf >conf.new
	echo 'match from local for any action "out"' >>conf.new
	mv conf.new conf
}

# mail_with MAIL-PARAMETERS RCPT-PARAMETERS: to bob, 40 octets of body.
mail_with()
{
	dialog >out <<-END
		EHLO client.example
		MAIL FROM:<news@acme.example> $1
		RCPT TO:<bob@dest.example> $2
		DATA
		Subject: a subject
		X-Test-Id: original

		The body of the message, forty octets.
		.
		QUIT
	END
	[ "$(grep -c '^250 2\.' out)" -ge 3 ] || fail "refused: $(cat out)"
}

# The reports that came back, and what the last one must have in it.
reports()
{
	sunk_is "$1" 'from=<> to=<news@acme.example>'
}

report_says()
{
	report=$(grep -l multipart/report mail/*.eml | tail -n 1)
	for word; do
		grep -q "$word" "$report" || fail "no $word: $(cat "$report")"
	done
}

stat_value()
{
	ctl show stats | awk -v name="$1" '$1 == name { print $2 }'
}

queue_is_empty()
{
	[ "$(stat_value recipients_queued)" = 0 ]
}

# Late mail is told of once, and then goes on its way.
atf_test_case late cleanup
late_head() { atf_set require.user root; }
late_body()
{
	settings='queue warn 2s'
	customers
	echo 'rcpt bob@ * 450 4.2.1 mailbox busy' >script
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	mail_with '' ''
	wait_or_fail 20 'reports 1'
	report_says '^Action: delayed' '^Status: 4\.' '^Will-Retry-Until:' \
	    '^Final-Recipient: rfc822; *bob@dest.example' \
	    'mailbox busy'
	sleep 3
	reports 1 || fail "told twice"
	# not told again after a restart either
	stop_bindery
	start_bindery
	sleep 3
	reports 1 || fail "told again after a restart"
	script </dev/null
	wait_or_fail 15 'sunk_is 1 "from=<news@acme.example> .*id=original"'
	wait_or_fail 5 queue_is_empty
	reports 1 || fail "told again"
}
late_cleanup() { stop_all; }

# RFC 3461: who wants to know what, and in which words.
atf_test_case notify cleanup
notify_head() { atf_set require.user root; }
notify_body()
{
	settings='queue warn 2s'
	customers
	echo 'rcpt bob@ * 550 5.1.1 no such user' >script
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	mail_with '' 'NOTIFY=NEVER'
	wait_or_fail 10 queue_is_empty
	mail_with '' 'NOTIFY=SUCCESS,DELAY'
	wait_or_fail 10 queue_is_empty
	sleep 1
	reports 0 || fail "told against its wish"
	mail_with 'RET=FULL ENVID=QQ314159' \
	    'NOTIFY=FAILURE ORCPT=rfc822;Bob@other.example'
	wait_or_fail 10 'reports 1'
	report_says '^Original-Envelope-Id: QQ314159' '^Action: failed' \
	    '^Original-Recipient: rfc822; *Bob@other.example' \
	    'forty octets'
	mail_with 'RET=HDRS' ''
	wait_or_fail 10 'reports 2'
	report_says '^X-Test-Id: original'
	grep -q 'forty octets' "$report" && fail "more than its header"
	script </dev/null
	mail_with '' 'NOTIFY=SUCCESS'
	wait_or_fail 10 'reports 3'
	report_says '^Action: relayed' '^Status: 2\.'
	sunk_is 1 'to=<bob@dest.example>' || fail "not delivered"
	# late, but only a failure is of interest
	echo 'rcpt bob@ * 450 4.2.1 mailbox busy' | script
	mail_with '' 'NOTIFY=FAILURE'
	sleep 4
	reports 3 || fail "told of a delay against its wish"
}
notify_cleanup() { stop_all; }

# What is too long to come back whole comes back as its header.
atf_test_case large_report cleanup
large_report_head() { atf_set require.user root; }
large_report_body()
{
	customers
	echo 'rcpt bob@ * 550 5.1.1 no such user' >script
	start_sink -s script -d mail 127.0.0.1:$sink
	start_bindery
	{
		printf '%s\n' 'EHLO client.example' \
		    'MAIL FROM:<news@acme.example> RET=FULL' \
		    'RCPT TO:<bob@dest.example>' DATA 'Subject: a long one' \
		    'X-Test-Id: original' ''
		yes 'The body of the message, forty octets.' | head -n 5000
		printf '%s\n' . QUIT
	} | dialog >out
	wait_or_fail 10 'reports 1'
	report_says '^Action: failed' 'text/rfc822-headers' \
	    '^Subject: a long one' '^X-Test-Id: original'
	grep -q 'forty octets' "$report" && fail "more than its header"
	wait_or_fail 5 '[ -z "$(ls spool/large)" ]'
}
large_report_cleanup() { stop_all; }

# A customer's destination that answers each command after an age holds up
# nobody else, and what waits for it costs no retry.
atf_test_case isolation cleanup
isolation_head() { atf_set require.user root; }
isolation_body()
{
	customers
	{
		echo 'connect * * delay 30'
		echo 'ehlo * * delay 30'
	} >slow.script
	start_sink 127.0.0.1:$sink
	spawn tarpit "$top/regress/sink" -s slow.script -l slow.rec \
	    127.0.0.1:$tarpit
	wait_or_fail 5 'grep -q ^ready slow.rec'
	start_bindery
	submit -p -c 20 -n 2000 -s 500 -f a@acme.example \
	    -t x@slow.example -i a >out
	grep -q accepted=2000 out || fail "$(cat out)"
	# the same customer to another place, and another customer
	submit -p -c 20 -n 200 -s 500 -f b@globex.example -i b >out
	submit -p -c 20 -n 200 -s 500 -f a@acme.example -i c >out
	wait_or_fail 15 'sunk_is 200 id=b-'
	wait_or_fail 15 'sunk_is 200 id=c-'
	[ "$(stat_value recipients_queued)" = 2000 ] ||
	    fail "$(ctl show stats)"
	[ "$(stat_value recipients_tempfailed)" = 0 ] ||
	    fail "it burnt retries: $(ctl show stats)"
}
isolation_cleanup() { stop_all; }

# SIGTERM while clients send: who has a 250 is in the queue, and only he.
atf_test_case stop_under_load cleanup
stop_under_load_head() { atf_set require.user root; }
stop_under_load_body()
{
	acme='suspend-delivery true'
	settings='smtp max-connections 500
		smtp max-connections-per-address 500'
	customers
	touch ack
	start_bindery
	for round in 1 2 3; do
		spawn source "$top/regress/source" -c 50 -n 100000 -s 3000 \
		    -i r$round -f a@acme.example -o ack 127.0.0.1:$port
		from=$(wc -l <ack)
		wait_or_fail 20 '[ $(wc -l <ack) -gt $((from + 100)) ]'
		stop_bindery
		[ $status -eq 0 ] || fail "status $status"
		wait_or_fail 20 "! kill -0 $spawned"
		start_bindery
		[ "$(stat_value recipients_queued)" -eq $(wc -l <ack) ] ||
		    fail "$(wc -l <ack) acknowledged: $(ctl show stats)"
	done
	grep -i 'not stored' bindery.log && fail "refused what was in the log"
	return 0
}
stop_under_load_cleanup() { stop_all; }

mail_only()
{
	dialog <<-END
		EHLO client.example
		MAIL FROM:<a@acme.example>
		QUIT
	END
}

# The disk is full: 452, what is queued goes out, and with room again new
# mail is taken.
atf_test_case no_room cleanup
no_room_head() { atf_set require.user root; }
no_room_body()
{
	settings='queue min-free 1M'
	acme='suspend-delivery true'
	customers
	mkdir -m 700 spool
	chown _binderyq spool
	mount -t tmpfs -o size=6m,mode=0700,uid=$(id -u _binderyq) bindery \
	    spool || atf_skip "no tmpfs here"
	start_sink 127.0.0.1:$sink
	start_bindery
	submit -n 400 -s 30000 -f a@acme.example -i a >out
	grep -q 'refused=[1-9]' out || fail "never full: $(cat out)"
	taken=$(wc -l <ack)
	[ "$taken" -ge 50 ] || fail "only $taken were taken"
	# nothing is free at all: said at MAIL
	dd if=/dev/zero of=spool/ballast bs=64k >/dev/null 2>&1
	wait_or_fail 10 'mail_only | grep "^452 4\.3\.1"'
	ctl show bindings >/dev/null || fail "no answer"
	rm spool/ballast
	sed -i.old 's/suspend-delivery true//' conf
	stop_bindery
	start_bindery
	wait_or_fail 30 "sunk_is $taken"
	wait_or_fail 10 queue_is_empty
	mount -o remount,size=60m spool
	wait_or_fail 10 'send a@acme.example b@dest.example again |
	    grep "^250 2.0.0"'
	wait_or_fail 10 'sunk_is 1 id=again'
}
no_room_cleanup()
{
	stop_all
	mount | grep -q " on $PWD/spool " && umount spool
	return 0
}

# Figures for people and for OpenMetrics say the same.
atf_test_case metrics cleanup
metrics_head() { atf_set require.user root; }
metrics_body()
{
	customers
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding globex >/dev/null || fail suspend
	submit -n 20 -f a@acme.example -i a >out
	submit -n 5 -f a@globex.example -i g >out
	wait_or_fail 10 'sunk_is 20'
	wait_or_fail 5 '[ "$(stat_value recipients_queued)" = 5 ]'
	[ "$(stat_value messages_accepted)" = 25 ] || fail "$(ctl show stats)"
	[ "$(stat_value recipients_delivered)" = 20 ] ||
	    fail "$(ctl show stats)"
	[ "$(stat_value spool_flushes)" -le 40 ] || fail "$(ctl show stats)"
	ctl show metrics >metrics
	[ "$(tail -n 1 metrics)" = '# EOF' ] || fail "$(cat metrics)"
	for line in 'bindery_messages_accepted_total 25' \
	    'bindery_recipients_queued 5' \
	    'bindery_binding_queued{binding="globex"} 5' \
	    'bindery_binding_delivered_total{binding="acme"} 20' \
	    'bindery_binding_up{binding="acme"} 1'; do
		grep -qFx "$line" metrics || fail "no $line: $(cat metrics)"
	done
	# each sample under its own TYPE line, each family once
	awk '/^# TYPE/ { if (seen[$3]++) exit 1; family = $3; next }
	    /^# EOF/ { next }
	    { name = $1; sub(/[{].*/, "", name); sub(/_total$/, "", name)
	    if (name != family) exit 1 }' metrics || fail "$(cat metrics)"
}
metrics_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in late notify large_report isolation stop_under_load no_room metrics; do
		atf_add_test_case $case
	done
}
