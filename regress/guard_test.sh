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
# Who else may change the files of a configuration, or read its secrets: what
# is refused, what is a warning, and what is nobody's business.

. "$(atf_get_srcdir)/lib.sh"
port=28900

# acl FILE TAG:ID:PERM ...: as setfacl(1), which need not be there; the mask
# takes nothing away unless it is given.
acl()
{
	python3 - "$@" <<-'END'
		import os, struct, sys
		tags = {"u": 2, "g": 8, "m": 16}
		mask = 7
		list = [(1, 6, -1), (4, 4, -1), (32, 0, -1)]
		for word in sys.argv[2:]:
		    tag, id, perm = word.split(":")
		    if tag == "m":
		        mask = int(perm)
		    else:
		        list.append((tags[tag], int(perm), int(id)))
		list.append((16, mask, -1))
		data = struct.pack("<I", 2)
		for tag, perm, id in sorted(list):
		    data += struct.pack("<HHI", tag, perm, id & 0xffffffff)
		try:
		    os.setxattr(sys.argv[1], "system.posix_acl_access", data)
		except OSError:
		    sys.exit(1)
	END
}

# files: all that a configuration may name, all as it should be.
files()
{
	rm -rf file.* parts link folder
	mkdir parts folder
	[ -f key ] || openssl req -x509 -newkey ec -pkeyopt \
	    ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=mx.example" \
	    -keyout key -out pem >openssl.log 2>&1 ||
	    fail "$(cat openssl.log)"
	cp key file.key
	cp pem file.pem
	cp pem file.ca
	echo 'acme: $2b$10$abcdefghijklmnopqrstuv' >file.hashes
	echo 'relay: joe:secret' >file.logins
	echo 'acme: news@acme.example' >file.table
	echo '# nothing' >parts/one.conf
	chmod 600 file.key file.hashes file.logins
	chmod 644 file.pem file.ca file.table parts/one.conf
	cat >file.conf <<-END
		pki "mx" cert "$PWD/file.pem" key "$PWD/file.key"
		table hashes file:$PWD/file.hashes
		table logins file:$PWD/file.logins
		table plain file:$PWD/file.table
		include "$PWD/parts/*.conf"
		mta ca-file "$PWD/file.ca"
		listen on 127.0.0.1 port $port tls pki "mx" auth-optional <hashes> senders <plain>
		action "out" relay host "smtp+tls://relay@127.0.0.1:2" auth <logins>
		match from local for any action "out"
	END
	chmod 644 file.conf
}

# check LINE: one line of a table: FILE|COMMAND|STATUS|PATTERN; a pattern with
# a "!" before it must not be found.
check()
{
	_file=${1%%|*}
	_rest=${1#*|}
	_do=${_rest%%|*}
	_rest=${_rest#*|}
	_status=${_rest%%|*}
	_pattern=${_rest#*|}
	files
	eval "$_do" || fail "cannot: $_do"
	_got=0
	"$top/bindery" -n -f file.conf >said 2>&1 || _got=$?
	[ $_got -eq "$_status" ] || fail "$1: exit $_got: $(cat said)"
	case $_pattern in
	'!'*)	grep -q "${_pattern#!}" said && fail "$1: $(cat said)" ;;
	*)	grep -q "$_pattern" said || fail "$1: $(cat said)" ;;
	esac
	# whatever is said of a file names it
	[ "$_status" -eq 0 ] || grep -q "$_file" said ||
	    fail "$1: $(cat said)"
}

checks()
{
	while IFS= read -r _line; do
		check "$_line" </dev/null
	done
}

atf_test_case modes
modes_head()
{
	atf_set descr "modes and owners, file by file"
	atf_set require.user root
	atf_set require.progs "python3 openssl"
}
modes_body()
{
	checks <<-'END'
		file.conf|:|0|!warning
		file.conf|chmod 666 file.conf|1|^file.conf:1: configuration .*everybody .* write it (mode 0666); mend it with: chmod o-w file.conf
		file.conf|chmod 664 file.conf|1|^file.conf:1: .* group root (gid 0) may change it (mode 0664); mend it with: chmod g-w
		file.conf|chown nobody file.conf|1|^file.conf:1: .* user nobody (uid [0-9]*).*chown root file.conf
		file.conf|chown 4242 file.conf|1|user without a name (uid 4242)
		file.conf|chmod 600 file.conf|0|!warning
		file.conf|chgrp 4242 file.conf; chmod 640 file.conf|0|!warning
		file.conf|echo rubbish >>file.conf; chmod 666 file.conf|1|everybody
		file.conf|mv file.conf real; ln -s real file.conf; chmod 666 real|1|everybody
		file.conf|mv file.conf real; ln -s real file.conf; chown -h nobody file.conf|0|!warning
		parts/one.conf|chmod 646 parts/one.conf|1|parts/one.conf:1: .*everybody
		parts/one.conf|chmod 620 parts/one.conf|1|parts/one.conf:1: .*group root
		parts/one.conf|chown nobody parts/one.conf|1|parts/one.conf:1: .*nobody
		parts/one.conf|chmod 777 parts|1|parts/one.conf:1: .*another in its place
		parts/one.conf|chmod 1777 parts|0|!warning
		parts/one.conf|cp parts/one.conf folder/x; ln -sf $PWD/folder/x parts/one.conf; chmod 777 folder|1|parts/one.conf:1: .*another in its place
		file.table|chmod 646 file.table|1|^file.conf:4: table <plain>, .*everybody .*(mode 0646); mend it with: chmod o-w
		file.table|chmod 666 file.table|1|^file.conf:4: .*everybody
		file.table|chmod 664 file.table; chgrp 4242 file.table|0|^file.conf:4: warning: table <plain>, .*group without a name (gid 4242) may change it
		file.table|chown nobody file.table|0|^file.conf:4: warning: .*user nobody (uid [0-9]*), who may change it
		file.table|mv file.table folder; ln -s folder/file.table .; chmod 777 folder|1|^file.conf:4: .*another in its place
		file.hashes|chmod 602 file.hashes|1|^file.conf:2: table <hashes>, .*everybody .* write
		file.hashes|chmod 644 file.hashes|0|^file.conf:2: warning: .*everybody .* read it (mode 0644)
		file.hashes|chmod 660 file.hashes|0|^file.conf:2: warning: .*group root
		file.hashes|chown nobody file.hashes|0|^file.conf:2: warning: .*nobody
		file.logins|chmod 604 file.logins|1|^file.conf:3: table <logins>, .*everybody .* read it (mode 0604); mend it with: chmod o=
		file.logins|chmod 602 file.logins|1|^file.conf:3: .*everybody .* write
		file.logins|chmod 660 file.logins|1|^file.conf:3: .*group root
		file.logins|chmod 640 file.logins|0|!warning
		file.logins|chown nobody file.logins|0|^file.conf:3: warning: .*nobody
		file.key|chmod 644 file.key|1|^file.conf:1: pki "mx": key .*everybody .* read it (mode 0644); mend it with: chmod o=
		file.key|chmod 602 file.key|1|^file.conf:1: pki "mx": key .*everybody .* write
		file.key|chmod 640 file.key; chgrp 4242 file.key|0|!warning
		file.key|chmod 660 file.key|1|^file.conf:1: pki "mx": key .*group root
		file.pem|chmod 646 file.pem|1|^file.conf:1: pki "mx": certificate .*everybody
		file.pem|chmod 664 file.pem; chown nobody file.pem|0|!warning
		file.ca|chmod 666 file.ca|1|^file.conf:6: mta ca-file .*everybody
	END
}

atf_test_case lists
lists_head()
{
	atf_set descr "access control lists: who may write is named"
	atf_set require.user root
	atf_set require.progs "python3 openssl"
}
lists_body()
{
	: >probe
	acl probe u:1:6 || atf_skip "no access control lists here"
	checks <<-'END'
		file.conf|acl file.conf u:4242:6|1|^file.conf:1: .*user without a name (uid 4242) may change it.*setfacl -b
		file.conf|acl file.conf g:4242:2|1|^file.conf:1: .*group without a name (gid 4242)
		file.conf|acl file.conf u:4242:4|0|!4242
		file.conf|acl file.conf u:4242:6 m::4|0|!4242
		parts/one.conf|acl parts/one.conf u:4242:6|1|parts/one.conf:1: .*uid 4242
		file.table|acl file.table u:4242:6 g:4343:7|0|^file.conf:4: warning: .*uid 4242), group .*gid 4343) may change it
		file.table|acl file.table u:1:6 u:2:6 u:3:6 u:4:6 u:5:6 u:6:6 u:7:6 u:8:6 u:9:6|0|uid 4) and others may
		file.hashes|acl file.hashes u:4242:6|0|^file.conf:2: warning: .*uid 4242
		file.logins|acl file.logins u:4242:6|1|^file.conf:3: .*uid 4242
		file.key|acl file.key u:4242:4|0|!4242
		file.key|acl file.key u:4242:6|1|^file.conf:1: pki "mx": key .*uid 4242
	END
}

atf_test_case user
user_head()
{
	atf_set descr "-n by a user: what is the user's own is fine"
	atf_set require.user root
	atf_set require.progs "setpriv"
}
user_body()
{
	as="setpriv --reuid 4242 --regid 4242 --clear-groups"
	echo 'action "out" relay' >file.conf
	for owner in 0 4242; do
		chown $owner file.conf
		$as "$top/bindery" -n -f file.conf 2>said ||
		    fail "$owner: $(cat said)"
	done
	chown nobody file.conf
	$as "$top/bindery" -n -f file.conf 2>said && fail "it is taken"
	chown 4242 file.conf
	chmod 646 file.conf
	$as "$top/bindery" -n -f file.conf 2>said && fail "it is taken"
	grep -q '^file.conf:1: .*everybody' said || fail "$(cat said)"
}

atf_test_case running cleanup
running_head()
{
	atf_set descr "no start; a reload is refused and the old one stays"
	atf_set require.user root
}
running_body()
{
	echo 'acme' >names
	config <<-END
		table names file:$PWD/names
		binding "acme" { bind-address 127.0.0.4 }
		bind mail-from "news@acme.example" to "acme"
	END
	chmod 666 conf
	"$top/bindery" -d -f conf >said 2>&1 && fail "it started"
	grep -q '^conf:1: .*everybody' said || fail "$(cat said)"
	chmod 644 conf
	start_bindery
	echo 'binding "globex" { bind-address 127.0.0.5 }' >>conf
	for bad in "chmod 666 conf" "chown nobody conf" "chmod 602 names"; do
		eval "$bad"
		ctl reload >out 2>err && fail "$bad: it is taken"
		grep -q 'mend it with' err || fail "$bad: $(cat err)"
		ctl show bindings >out
		grep -q globex out && fail "$bad: it is in force"
		grep -q acme out || fail "$bad: the old one is gone"
		chown root conf
		chmod 644 conf names
	done
	chown nobody names
	ctl reload >out 2>err || fail "$(cat err)"
	grep -q 'warning: table <names>, .*nobody' bindery.log ||
	    fail "no warning"
	ctl show bindings >out
	grep -q globex out || fail "it is not in force"
}
running_cleanup()
{
	stop_all
}

atf_init_test_cases()
{
	atf_add_test_case modes
	atf_add_test_case lists
	atf_add_test_case user
	atf_add_test_case running
}
