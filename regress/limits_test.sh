
. "$(atf_get_srcdir)/lib.sh"

port=27500
sink=27501

# customers [OPTIONS OF ACME [OPTIONS OF GLOBEX]]
customers()
{
	config <<-END
		binding "acme" { bind-address 127.0.0.4 $1 }
		binding "globex" { bind-address 127.0.0.5 $2 }
		bind mail-from "@acme.example" to "acme"
		bind mail-from "@globex.example" to "globex"
		$3
	END
}

# Names for MX: one.example and two.example have mx.provider.example.
names()
{
	relay="relay"
	settings="mta resolver 127.0.0.1:$((port + 2))
		mta port $sink"
	make_namespace
	spawn dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --port=$((port + 2)) --no-daemon \
	    --listen-address=127.0.0.1 --bind-interfaces --pid-file= \
	    --local=/example/ --host-record=mx.provider.example,127.0.0.12 \
	    --host-record=three.example,127.0.0.12 \
	    --mx-host=one.example,mx.provider.example,10 \
	    --mx-host=two.example,mx.provider.example,10
}

# Seconds between the first and the last message from a source.
spread()
{
	awk -v from="src=$1 " '/^msg / && index($0, from) {
		for (i = 1; i <= NF; i++)
			if ($i ~ /^time=/) t = substr($i, 6)
		if (!n++) first = t
	} END { print int(t - first) }' sink.rec
}

# The most that were open at once, of all.
most_of_all()
{
	sed -n 's/^open .* all=\([0-9]*\) .*/\1/p' sink.rec | sort -n |
	    tail -n 1
}

# Two bindings share ten connections to a site: neither takes all of it,
# neither starves, and never are there more.
atf_test_case site_shared cleanup
site_shared_head() { atf_set require.user root; }
site_shared_body()
{
	names
	customers 'suspend-delivery true' 'suspend-delivery true' \
	    'site "p" { domain { one.example, two.example }
		max-connections 10 }'
	echo 'data * * delay 0.2' >script
	start_sink -s script 127.0.0.12:$sink
	start_bindery
	submit -n 60 -f a@acme.example -t b@one.example -i a >out
	submit -n 60 -f a@globex.example -t b@two.example -i g >out
	sed -i.old 's/suspend-delivery true//g' conf
	stop_bindery
	start_bindery
	wait_or_fail 60 'sunk_is 120'
	[ "$(most_of_all)" -le 10 ] || fail "$(most_of_all) at once"
	for from in 127.0.0.4 127.0.0.5; do
		[ "$(most_open $from)" -ge 2 ] || fail "$from starved"
		[ "$(most_open $from)" -le 6 ] ||
		    fail "$from took $(most_open $from)"
	done
}
site_shared_cleanup() { stop_all; }

# The site is known by the name of the mail exchanger alone: one counter, and
# one suspension that holds before anything has gone out.
atf_test_case site_by_mx cleanup
site_by_mx_head() { atf_set require.user root; }
site_by_mx_body()
{
	names
	customers 'site "p" { max-outbound-connections 2 }' '' \
	    'site "p" { mx "*.provider.example" }'
	echo 'data * * delay 0.2' >script
	start_sink -s script 127.0.0.12:$sink
	start_bindery
	ctl suspend binding acme site p >out || fail "suspend: $(cat out)"
	send_ok a@acme.example b@one.example one
	send_ok a@acme.example b@two.example two
	send_ok a@globex.example b@three.example three
	wait_or_fail 10 'sunk_is 1 id=three'
	wait_or_fail 10 'ctl show site p | grep -q one.example'
	ctl show site p | grep one.example | grep -q suspended ||
	    fail "$(ctl show site p)"
	sleep 1
	sunk_is 0 id=one && sunk_is 0 id=two || fail "it left"
	submit -c 4 -n 20 -f a@acme.example -t b@one.example -i a >out
	submit -c 4 -n 20 -f a@acme.example -t b@two.example -i a >out
	ctl resume binding acme site p >out || fail "resume: $(cat out)"
	wait_or_fail 10 'ctl show site p | grep "^site p.*acme.*2 "'
	wait_or_fail 30 'sunk_is 43'
	[ "$(most_open 127.0.0.4)" -le 2 ] ||
	    fail "$(most_open 127.0.0.4) at once"
}
site_by_mx_cleanup() { stop_all; }

# All bindings' connections to one destination.
atf_test_case domain_total cleanup
domain_total_head() { atf_set require.user root; }
domain_total_body()
{
	names
	customers '' '' 'domain one.example { max-connections 2 }'
	echo 'data * * delay 0.2' >script
	start_sink -s script 127.0.0.12:$sink
	start_bindery
	submit -c 5 -n 15 -f a@acme.example -t b@one.example -i a >out
	submit -c 5 -n 15 -f a@globex.example -t b@one.example -i g >out
	wait_or_fail 30 'sunk_is 30'
	[ "$(most_of_all)" -le 2 ] || fail "$(most_of_all) at once"
}
domain_total_cleanup() { stop_all; }

# One connection for all: who holds it gives it up for who has none.
atf_test_case yield cleanup
yield_head() { atf_set require.user root; }
yield_body()
{
	settings='mta max-connections 1'
	customers
	echo 'data * * delay 0.1' >script
	start_sink -s script 127.0.0.1:$sink
	start_bindery
	ctl suspend binding acme >/dev/null || fail "suspend"
	submit -c 4 -n 80 -f a@acme.example -i a >out
	ctl resume binding acme >/dev/null || fail "resume"
	wait_or_fail 5 '[ $(sunk) -ge 1 ]'
	send_ok a@globex.example b@dest.example g
	wait_or_fail 10 'sunk_is 1 id=g'
	[ "$(sunk id=a-)" -lt 80 ] || fail "it had to wait for all of them"
	[ "$(most_of_all)" -eq 1 ] || fail "$(most_of_all) at once"
}
yield_cleanup() { stop_all; }

# Evenly spaced, the binding's all; another binding is not slower.
atf_test_case rate cleanup
rate_head() { atf_set require.user root; }
rate_body()
{
	customers 'rate 5/1s'
	start_sink 127.0.0.1:$sink
	start_bindery
	submit -c 4 -n 15 -f a@acme.example -i a >out
	submit -c 4 -n 15 -f a@globex.example -i g >out
	wait_or_fail 5 'sunk_is 15 id=g-'
	[ "$(sunk id=a-)" -lt 15 ] || fail "no rate at all"
	wait_or_fail 20 'sunk_is 15 id=a-'
	[ "$(spread 127.0.0.4)" -ge 2 ] || fail "15 in $(spread 127.0.0.4) s"
	grep 'mta: delivered .*binding=acme' bindery.log |
	    grep -v 'try=1 ' && fail "a try was spent"
	return 0
}
rate_cleanup() { stop_all; }

# A slow rate: its lanes are closed, say why, and come in turn.
atf_test_case rate_slow cleanup
rate_slow_head() { atf_set require.user root; }
rate_slow_body()
{
	names
	customers 'rate 20/1m'
	start_sink 127.0.0.12:$sink
	start_bindery
	send_ok a@acme.example b@one.example o1
	send_ok a@acme.example b@one.example o2
	send_ok a@acme.example b@one.example o3
	wait_or_fail 5 'sunk_is 2'
	send_ok a@acme.example b@two.example t1
	wait_or_fail 5 'ctl show binding acme | grep one.example |
	    grep "rate (20/1m"'
	wait_or_fail 15 'sunk_is 4'
	[ "$(spread 127.0.0.4)" -ge 5 ] || fail "in $(spread 127.0.0.4) s"
}
rate_slow_cleanup() { stop_all; }

# A long period is not forgotten by a restart, nor by a new mta.
atf_test_case rate_kept cleanup
rate_kept_head() { atf_set require.user root; }
rate_kept_body()
{
	names
	customers 'domain one.example { rate 2/1h }'
	start_sink 127.0.0.12:$sink
	start_bindery
	send_ok a@acme.example b@one.example first
	wait_or_fail 10 'sunk_is 1 id=first'
	sleep 3
	send_ok a@acme.example b@one.example second
	wait_or_fail 5 'ctl show binding acme | grep "rate (2/1h"'
	stop_bindery
	start_bindery
	wait_or_fail 5 'ctl show binding acme | grep "rate (2/1h"'
	kill -KILL $(role_pid mta)
	send_ok a@acme.example b@two.example other
	wait_or_fail 20 'sunk_is 1 id=other'
	wait_or_fail 5 'ctl show binding acme | grep "rate (2/1h"'
	sunk_is 0 id=second || fail "it left"
}
rate_kept_cleanup() { stop_all; }

# A host that was dead is tried by one, whatever waits for it.
atf_test_case recovering cleanup
recovering_head() { atf_set require.user root; }
recovering_body()
{
	customers
	start_bindery
	for n in 1 2 3 4; do
		send_ok a@acme.example b@dest.example $n
	done
	wait_or_fail 10 'grep -q "queue: tempfail" bindery.log'
	start_sink 127.0.0.1:$sink
	wait_or_fail 30 'sunk_is 4'
}
recovering_cleanup() { stop_all; }

# group [OPTIONS OF EACH MEMBER]: three members and a stranger.
group()
{
	config <<-END
		binding-group "pool" {
			binding "p1" { bind-address 127.0.0.4 $1 }
			binding "p2" { bind-address 127.0.0.5 $2 }
			binding "p3" { bind-address 127.0.0.6 $3 }
		}
		binding "alone" { bind-address 127.0.0.7 }
		default-binding none
		bind mail-from "@acme.example" to "pool"
	END
}

# Spread, always the same, and never over the stranger.
atf_test_case group_spread cleanup
group_spread_head() { atf_set require.user root; }
group_spread_body()
{
	group '' '' 'weight 0'
	start_sink 127.0.0.1:$sink
	start_bindery
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		send_ok a$n@acme.example b@dest.example m$n-one
	done
	wait_or_fail 10 'sunk_is 12'
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		send_ok a$n@acme.example b@dest.example m$n-two
	done
	wait_or_fail 10 'sunk_is 24'
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		[ "$(grep "^msg .*id=m$n-" sink.rec |
		    sed 's/.* src=\([^ ]*\) .*/\1/' | sort -u |
		    wc -l)" -eq 1 ] || fail "a$n changed its member"
	done
	[ "$(sunk src=127.0.0.4)" -gt 0 ] || fail "nothing over p1"
	[ "$(sunk src=127.0.0.5)" -gt 0 ] || fail "nothing over p2"
	sunk_is 0 src=127.0.0.6 || fail "weight 0 took mail"
	sunk_is 0 src=127.0.0.7 || fail "a stranger took mail"
}
group_spread_cleanup() { stop_all; }

# A member that is suspended or whose address goes gives up what is due; it
# goes to the others, survives a restart, and nothing goes elsewhere.
atf_test_case group_held cleanup
group_held_head() { atf_set require.user root; }
group_held_body()
{
	group
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl pause mta >/dev/null || fail "pause"
	for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
		send_ok a$n@acme.example b@dest.example m$n
	done
	before=$(binding_value p2 queued)
	moved=$(binding_value p1 queued)
	[ "$moved" -gt 0 ] || fail "nothing on p1: $(ctl show bindings)"
	ctl suspend binding p1 >/dev/null || fail "suspend"
	wait_or_fail 10 '[ "$(binding_value p1 queued)" -eq 0 ]'
	[ "$(binding_value p2 queued)" -ge "$before" ] || fail "p2 lost mail"
	[ "$(grep -c 'queue: moved .*binding=p1 .*group=pool' bindery.log)" \
	    -eq "$moved" ] || fail "moved lines"
	grep 'queue: moved' bindery.log | grep -v 'binding=p1 ' &&
	    fail "more than its share moved"
	# what moved has moved, and goes on belonging to the group
	kill_bindery
	start_bindery
	[ "$(binding_value p1 queued)" -eq 0 ] || fail "back on p1"
	ctl suspend binding p2 >/dev/null || fail "suspend p2"
	wait_or_fail 10 '[ "$(binding_value p3 queued)" -eq 12 ]'
	ctl suspend binding p3 >/dev/null || fail "suspend p3"
	ctl resume mta >/dev/null || fail "resume"
	send_ok new@acme.example b@dest.example new
	sleep 2
	sunk_is 0 || fail "it left"
	ctl resume binding p1 >/dev/null || fail "resume p1"
	wait_or_fail 15 'sunk_is 13 src=127.0.0.4'
	return 0
}
group_held_cleanup() { stop_all; }

# "move" takes a group; mail that was bound to one binding by name stays.
atf_test_case group_move cleanup
group_move_head() { atf_set require.user root; }
group_move_body()
{
	group
	echo 'bind mail-from "@direct.example" to "p1"' >>conf
	start_sink 127.0.0.1:$sink
	start_bindery
	ctl suspend binding p1 >/dev/null || fail "suspend"
	send_ok a@direct.example b@dest.example d1
	sleep 2
	sunk_is 0 || fail "it left"
	ctl move binding p1 to pool >out || fail "move: $(cat out)"
	wait_or_fail 10 'sunk_is 1 id=d1'
	sunk_is 0 src=127.0.0.4 || fail "over p1"
}
group_move_cleanup() { stop_all; }

# Hundreds of lanes of four customers wait for their rates: a fifth does not.
atf_test_case waiters cleanup
waiters_head() { atf_set require.user root; }
waiters_body()
{
	relay="relay"
	settings="mta port $sink"
	config <<-END
		binding "b1" { bind-address 127.0.0.11 rate 1/1h }
		binding "b2" { bind-address 127.0.0.12 rate 1/1h }
		binding "b3" { bind-address 127.0.0.13 rate 1/1h }
		binding "b4" { bind-address 127.0.0.14 rate 1/1h }
		binding "good" { bind-address 127.0.0.15 }
		bind mail-from "@b1.example" to "b1"
		bind mail-from "@b2.example" to "b2"
		bind mail-from "@b3.example" to "b3"
		bind mail-from "@b4.example" to "b4"
		bind mail-from "@good.example" to "good"
	END
	start_sink 127.0.0.50:$sink
	start_bindery
	for b in 1 2 3 4; do send_ok a@b$b.example 'u@[127.0.0.50]' first; done
	wait_or_fail 10 'sunk_is 4 id=first'
	for b in 1 2 3 4; do
		for part in 0 1 2 3 4 5; do
			{ echo "EHLO c.example"
			echo "MAIL FROM:<a@b$b.example>"
			for i in $(seq 1 100); do
				echo "RCPT TO:<u@[127.2.$part.$i]>"
			done
			printf "DATA\nSubject: x\n\nhi\n.\nQUIT\n"; } |
			    dialog >d.$b.$part
		done
	done
	wait_or_fail 10 '[ $(ctl show queue all | grep -c @) -ge 2400 ]'
	send_ok x@good.example "u@[127.0.0.50]" good
	wait_or_fail 20 'sunk_is 1 id=good'
}
waiters_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in site_shared site_by_mx domain_total yield rate rate_slow \
	    rate_kept recovering group_spread group_held group_move; do
		atf_add_test_case $case
	atf_add_test_case waiters
	done
}
