#! /bin/sh
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
# The main job, shown: two customers and the machine's own programs, each
# with an address and a name of its own; thirty messages in by SMTP and by
# sendmail, out to a sink that writes down what it saw.  Everything is below
# a temporary folder.  Not 0 when a message came from a wrong address, under
# a wrong name, or not at all.

top=$(cd "$(dirname "$0")/.." && pwd)
port=26100
. "$top/regress/lib.sh"

fail()
{
	echo "demo: $*" >&2
	for log in bindery.log sink.log; do
		[ -s $log ] && { echo "--- $log"; tail -n 30 $log; } >&2
	done
	exit 1
}

finish()
{
	stop_all 2>/dev/null
	cd /
	rm -rf "$folder"
}

if [ "$(id -u)" -ne 0 ]; then
	echo "demo: must be root: the daemon drops its privileges itself" >&2
	exit 1
fi
folder=$(mktemp -d "${TMPDIR:-/tmp}/bindery-demo.XXXXXX") || exit 1
trap finish EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$folder"
cd "$folder" || exit 1

# Ports that nobody uses: the sink's, acme's and globex's own.
until rm -f sink.rec && spawn sink "$top/regress/sink" -l sink.rec \
    127.0.0.1:$((port + 1)) && wait_for 2 "grep -q ^ready sink.rec"; do
	port=$((port + 10))
	[ $port -lt 26200 ] || fail "no free port"
done

cat >conf <<END
hostname "mx.bindery.example"
spool "$folder/spool"
run "$folder/run"

listen on socket
listen on 127.0.0.1 port $port tag "acme"
listen on 127.0.0.1 port $((port + 2)) tag "globex"

action "out" relay host "smtp://127.0.0.1:$((port + 1))"
match from local for any action "out"

binding "acme" {
	bind-address 127.0.0.4
	ehlo-hostname "mail.acme.example"
	max-outbound-connections 3
}
binding "globex" {
	bind-address 127.0.0.5
	ehlo-hostname __message__
}
binding "system" {
	bind-address 127.0.0.6
}
default-binding none

bind tag "acme" to "acme"
bind tag "globex" to "globex"
bind from socket to "system"
END

echo "The configuration:"
echo
sed -n '/^listen/,$s/^/	/p' conf
echo
start_bindery

"$top/regress/source" -c 3 -n 10 -i acme -f news@acme.example \
    -t bob@dest.example -o ack 127.0.0.1:$port >acme.out
"$top/regress/source" -c 3 -n 10 -i globex -f shop@globex.example \
    -t bob@dest.example -o ack 127.0.0.1:$((port + 2)) >globex.out
n=0
while [ $n -lt 10 ]; do
	printf 'Subject: from cron\nX-Test-Id: system-%d\n\nHello.\n' $n |
	    BINDERY_RUN="$folder/run" "$top/sendmail" -f cron@mx.bindery.example \
	    bob@dest.example && echo system-$n >>ack
	n=$((n + 1))
done
[ "$(wc -l <ack)" -eq 30 ] || fail "not all thirty were accepted"
wait_for 15 'sunk_is 30'

printf '%-8s %-11s %-11s %-18s %-18s %s\n' binding address seen \
    EHLO seen messages
bad=0
while read -r name address ehlo; do
	sed -n "s/^msg .* src=\([^ ]*\) .* ehlo=\([^ ]*\) .* id=$name-.*/\1 \2/p" \
	    sink.rec >seen
	count=$(grep -c . seen)
	src=$(cut -d ' ' -f 1 seen | sort -u | paste -s -d , -)
	hello=$(cut -d ' ' -f 2 seen | sort -u | paste -s -d , -)
	mark=
	if [ "$src" != "$address" ] || [ "$hello" != "$ehlo" ] ||
	    [ "$count" -ne 10 ]; then
		mark=' WRONG'
		bad=1
	fi
	printf '%-8s %-11s %-11s %-18s %-18s %s%s\n' "$name" "$address" \
	    "${src:--}" "$ehlo" "${hello:--}" "$count" "$mark"
done <<END
acme 127.0.0.4 mail.acme.example
globex 127.0.0.5 globex.example
system 127.0.0.6 mx.bindery.example
END
echo
echo "binderyctl show bindings"
echo
ctl show bindings || bad=1
echo
stop_bindery
[ $status -eq 0 ] || fail "the daemon ended with status $status"
[ $bad -eq 0 ] || fail "not every message came as it should"
echo "30 messages, each from its own address."
