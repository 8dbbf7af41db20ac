
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

atf_init_test_cases()
{
	for case in site_shared; do
		atf_add_test_case $case
	done
}
