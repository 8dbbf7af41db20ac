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
# sendmail(8) as programs call it.

. "$(atf_get_srcdir)/lib.sh"

port=26050
sink=26051

prepare()
{
	config <<-END
		binding "system" { bind-address 127.0.0.6 }
		binding "web" { bind-address 127.0.0.7 }
		bind user "nobody" to "web"
		bind from local to "system"
	END
	start_sink -d mail 127.0.0.1:$sink
	start_bindery
	export BINDERY_RUN="$PWD/run"
}

atf_test_case recipients cleanup
recipients_head() { atf_set require.user root; }
recipients_body()
{
	prepare
	printf 'Subject: x\nX-Test-Id: plain\n\nHello.\n' |
	    "$top/sendmail" -f news@acme.example one@dest.example \
	    two@dest.example || fail "status $?"
	wait_or_fail 10 'sunk_is 1 id=plain'
	sunk_is 1 'src=127.0.0.6 .*from=<news@acme.example> to=<one@dest.example>,<two@dest.example>' ||
	    fail "envelope"
	grep -q '^Message-I[Dd]: <' mail/000001.eml &&
	    grep -q '^Date: ' mail/000001.eml &&
	    grep -q '^From: .*news@acme.example' mail/000001.eml ||
	    fail "header: $(cat mail/000001.eml)"
}
recipients_cleanup() { stop_all; }

# -t: recipients from the header, folded and commented; Bcc does not stay.
atf_test_case from_header cleanup
from_header_head() { atf_set require.user root; }
from_header_body()
{
	prepare
	cat >message <<-END
		From: Shop <shop@acme.example>
		To: "Last, First" <one@dest.example>,
		 two@dest.example (a comment)
		Cc: Three <three@dest.example>
		Bcc: four@dest.example
		Subject: x
		X-Test-Id: header

		To: five@dest.example
	END
	"$top/sendmail" -t -oi -f shop@acme.example <message ||
	    fail "status $?"
	wait_or_fail 10 'sunk_is 1 id=header'
	for name in one two three four; do
		grep 'id=header' sink.rec | grep -q "<$name@dest.example>" ||
		    fail "no $name"
	done
	grep 'id=header' sink.rec | grep -q 'five' && fail "five is no recipient"
	grep -iq '^bcc' mail/000001.eml && fail "Bcc stays"
	printf 'Subject: nobody\n\nHello.\n' | "$top/sendmail" -t 2>err &&
	    fail "no recipient, but 0"
	[ -s err ] || fail "not a word"
}
from_header_cleanup() { stop_all; }

# A line with a single dot ends the message, but with -i or -oi.
atf_test_case dot cleanup
dot_head() { atf_set require.user root; }
dot_body()
{
	prepare
	printf 'X-Test-Id: ends\n\nfirst\n.\nsecond\n' |
	    "$top/sendmail" a@dest.example || fail "status $?"
	printf 'X-Test-Id: goes-on\n\nfirst\n.\nsecond\n' |
	    "$top/sendmail" -i a@dest.example || fail "status $?"
	printf 'X-Test-Id: goes-on-too\n\nfirst\n.\nsecond\n' |
	    "$top/sendmail" -oi -- a@dest.example || fail "status $?"
	wait_or_fail 10 'sunk_is 3'
	grep -q '^second' $(grep -l 'X-Test-Id: ends' mail/*) &&
	    fail "goes on after the dot"
	for id in goes-on goes-on-too; do
		f=$(grep -l "X-Test-Id: $id\$" mail/*)
		grep -q '^\.$' $f && grep -q '^second$' $f ||
		    fail "$id: $(cat $f)"
	done
}
dot_cleanup() { stop_all; }

atf_test_case names cleanup
names_head() { atf_set require.user root; }
names_body()
{
	prepare
	printf 'Subject: x\n\nHello.\n' |
	    "$top/sendmail" -F 'The Shop' -f shop@acme.example \
	    a@dest.example || fail "status $?"
	wait_or_fail 10 'sunk_is 1 from=.shop@acme.example'
	grep -q '^From: .*The Shop.*<shop@acme.example>' mail/000001.eml ||
	    fail "$(cat mail/000001.eml)"
	# without -f it is who calls, at this host
	printf 'Subject: x\n\nHello.\n' | "$top/sendmail" a@dest.example ||
	    fail "status $?"
	wait_or_fail 10 'sunk_is 1 from=.root@mx.bindery.example'
	# the null sender
	printf 'Subject: x\n\nHello.\n' | "$top/sendmail" -f '<>' \
	    a@dest.example || fail "status $?"
	wait_or_fail 10 'sunk_is 1 "from=<> to=<a@dest.example>"'
}
names_cleanup() { stop_all; }

# An ordinary user may submit; the rule sees who it is.
atf_test_case ordinary_user cleanup
ordinary_user_head() { atf_set require.user root; }
ordinary_user_body()
{
	prepare
	chmod 755 .
	printf 'X-Test-Id: web\n\nHello.\n' >message
	su -s /bin/sh nobody -c "BINDERY_RUN='$PWD/run' '$top/sendmail' \
	    -f www@acme.example a@dest.example" <message || fail "status $?"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.7 .*id=web"'
	su -s /bin/sh nobody -c "'$top/binderyctl' \
	    -s '$PWD/run/control.sock' show bindings" >out 2>&1 &&
	    fail "nobody may ask the control socket"
	return 0
}
ordinary_user_cleanup() { stop_all; }

# What cannot be taken is said, with a status of sysexits(3).
atf_test_case refused cleanup
refused_head() { atf_set require.user root; }
refused_body()
{
	prepare
	status=0
	echo x | "$top/sendmail" 'a b@dest.example' 2>err || status=$?
	[ $status -ne 0 ] && [ -s err ] || fail "a bad address: $status"
	stop_bindery
	status=0
	echo x | "$top/sendmail" a@dest.example 2>err || status=$?
	[ $status -eq 75 ] && [ -s err ] || fail "no daemon: $status, not 75"
}
refused_cleanup() { stop_all; }

# What a program prints over itself is a line each time; -q tries at once.
atf_test_case bare_cr cleanup
bare_cr_head() { atf_set require.user root; }
bare_cr_body()
{
	retry=1h..4h
	prepare
	"$top/binderyctl" suspend binding system >/dev/null || fail suspend
	printf 'Subject: x\nX-Test-Id: cr\n\n10%%\r20%%\r\r\nend\r\n' |
	    "$top/sendmail" -f a@acme.example b@dest.example ||
	    fail "status $?"
	"$top/sendmail" -q || fail "-q: $?"
	"$top/binderyctl" resume binding system >/dev/null || fail resume
	wait_or_fail 10 'sunk_is 1 id=cr'
	[ "$(tr -d '\r' <mail/000001.eml | sed '1,/^$/d' | tr '\n' '|')" = \
	    '10%|20%||end|' ] || fail "$(cat mail/000001.eml)"
}
bare_cr_cleanup() { stop_all; }

atf_init_test_cases()
{
	for case in recipients from_header dot names ordinary_user refused \
	    bare_cr; do
		atf_add_test_case $case
	done
}
