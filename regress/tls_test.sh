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
# What the tests of the running daemon share: a configuration in the current
# TLS of the server: STARTTLS, smtps, server names, where keys are, and what
# must not survive a handshake; and the clients that people use, each in
# clear, with STARTTLS and with AUTH.

. "$(atf_get_srcdir)/lib.sh"

port=29020
sink=29021
starttls=29022
smtps=29023

# certificate NAME [FILE]: FILE.pem and FILE.key
certificate()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 30 -subj "/CN=$1" -keyout "${2:-$1}.key" \
	    -out "${2:-$1}.pem" -addext \
	    "subjectAltName=DNS:$1,IP:127.0.0.1" >openssl.log 2>&1 ||
	    fail "$(cat openssl.log)"
	chmod 600 "${2:-$1}.key"
}

# Two customers with a password each, certificates a.example and b.example;
# what comes on stdin is added.
server()
{
	certificate a.example
	certificate b.example
	printf 'acme\t%s\nglobex\t%s\n' \
	    "$(echo secret | "$top/binderyctl" encrypt)" \
	    "$("$top/binderyctl" encrypt swordfish)" >users
	config <<-END
		pki "a" cert "$PWD/a.example.pem" key "$PWD/a.example.key"
		pki "b" cert "$PWD/b.example.pem" key "$PWD/b.example.key"
		table users file:$PWD/users
		listen on 127.0.0.1 port $starttls tls-require pki "a" pki "b" auth-optional <users>
		listen on 127.0.0.1 port $smtps smtps pki "a" pki "b" auth <users>
		match auth from any for any action "out"
		binding "acme" { bind-address 127.0.0.4 }
		binding "globex" { bind-address 127.0.0.5 }
		binding "system" { bind-address 127.0.0.6 }
		bind auth "acme" to "acme"
		bind auth "globex" to "globex"
		bind from local to "system"
		default-binding none
	END
	cat >>conf
}

# name_of PORT [OPTION ...]: of the certificate that is shown, or nothing.
name_of()
{
	_port=$1
	shift
	[ "$_port" = $smtps ] || set -- -starttls smtp "$@"
	openssl s_client -connect "127.0.0.1:$_port" "$@" </dev/null \
	    2>s_client.err | openssl x509 -noout -subject 2>/dev/null |
	    sed 's/.*CN *= *//'
}

atf_test_case names cleanup
names_head() { atf_set require.user root; }
names_body()
{
	server </dev/null
	start_bindery
	for p in $starttls $smtps; do
		for name in a.example b.example; do
			[ "$(name_of $p -servername $name)" = $name ] ||
			    fail "$p: not $name"
		done
		[ "$(name_of $p -noservername)" = a.example ] ||
		    fail "$p: no default"
		[ "$(name_of $p -servername c.example)" = a.example ] ||
		    fail "$p: no default for another name"
		for version in -tls1_2 -tls1_3; do
			[ "$(name_of $p $version)" = a.example ] ||
			    fail "$p: no $version"
		done
	done
	[ -z "$(name_of $smtps -tls1_1 -cipher ALL:@SECLEVEL=0)" ] ||
	    fail "TLS 1.1"
	wait_or_fail 5 "grep 'smtpd: refused code=454 cause=tls' bindery.log"
}
names_cleanup() { stop_all; }

# The dialogue before and after the handshake.
atf_test_case replies cleanup
replies_head() { atf_set require.user root; }
replies_body()
{
	server </dev/null
	start_bindery
	port=$starttls
	table <<-END
		EHLO client.example|250
		MAIL FROM:<a@acme.example>|530
		AUTH PLAIN AGFjbWUAc2VjcmV0|538
		STARTTLS now|501
		NOOP|250
		QUIT|221
	END
	printf 'EHLO client.example\nQUIT\n' | dialog >ehlo
	grep -q '^250-STARTTLS$' ehlo || fail "$(cat ehlo)"
	grep -q AUTH ehlo && fail "AUTH is offered in clear"
	python3 - $starttls $smtps >out 2>&1 <<-END || fail "$(cat out)"
		import smtplib, ssl, sys
		context = ssl.create_default_context(cafile="a.example.pem")
		s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
		s.ehlo("client.example")
		s.starttls(context=context)
		# RFC 3207 4.2: nothing said before it counts
		assert s.docmd("MAIL FROM:<a@acme.example>")[0] == 503
		s.ehlo("client.example")
		assert not s.has_extn("starttls")
		assert s.has_extn("auth")
		assert s.docmd("STARTTLS")[0] == 503
		assert s.mail("a@acme.example")[0] == 250
		assert s.docmd("AUTH PLAIN AGFjbWUAc2VjcmV0")[0] == 503
		s.rset()
		s.login("acme", "secret")
		s.ehlo("client.example")
		assert not s.has_extn("auth")
		s.quit()
		s = smtplib.SMTP_SSL("127.0.0.1", int(sys.argv[2]),
		    context=context)
		s.ehlo("client.example")
		assert s.mail("a@acme.example")[0] == 530
		assert s.docmd("STARTTLS")[0] == 503
		s.quit()
	END
}
replies_cleanup() { stop_all; }

# Whatever is in the way when the handshake begins ends the session.
atf_test_case injection cleanup
injection_head() { atf_set require.user root; }
injection_body()
{
	server </dev/null
	start_bindery
	port=$starttls
	dialog >out <<-END
		EHLO client.example
		=STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\n
		?
		?
	END
	grep -q '^503 5.5.0' out || fail "$(cat out)"
	[ "$(tail -n 1 out)" = '[closed]' ] || fail "$(cat out)"
	grep -q '^220 2' out && fail "it went on"
	grep 'smtpd: refused code=503 cause=pipelining' bindery.log ||
	    fail "no line for it"
	# a moment later they are no handshake
	dialog >out <<-END
		EHLO client.example
		STARTTLS
		=EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\n
		?
	END
	[ "$(tail -n 1 out)" = '[closed]' ] || fail "$(cat out)"
	[ "$(grep -c '^250 ' out)" -eq 1 ] || fail "$(cat out)"
	wait_or_fail 5 "grep 'smtpd: refused code=454 cause=tls' bindery.log"
	grep evil bindery.log && fail "it was heard"
	[ "$(name_of $starttls)" = a.example ] || fail "no TLS any more"
}
injection_cleanup() { stop_all; }

# A key is where it is used, and its text nowhere once it is in use.
atf_test_case keys cleanup
keys_head()
{
	atf_set require.user root
	atf_set require.files /proc/self/mem
}
keys_body()
{
	server </dev/null
	start_bindery
	[ "$(name_of $smtps)" = a.example ] || fail "no TLS"
	text=$(sed -n 2p a.example.key)
	for pid in "$bindery_pid" $(role_pids); do
		holds "$pid" "$text" && fail "$(ps -o args= -p "$pid") has it"
	done
	certificate b.example a.example
	ctl reload || fail "reload"
	[ "$(name_of $smtps -noservername)" = b.example ] || fail "not the new one"
	text=$(sed -n 2p a.example.key)
	for pid in "$bindery_pid" $(role_pids); do
		holds "$pid" "$text" && fail "$(ps -o args= -p "$pid") has it"
	done
	return 0
}
keys_cleanup() { stop_all; }

# A pair that does not fit is said with its line, before anything starts.
atf_test_case bad_pki
bad_pki_head() { atf_set require.user root; }
bad_pki_body()
{
	server </dev/null
	sed "s/a.example.key/b.example.key/" conf >conf.bad
	"$top/bindery" -n -f conf.bad 2>err && fail "it is taken"
	grep -q '^conf.bad:[0-9]*: pki "a"' err || fail "$(cat err)"
	sed "s/a.example.pem/none.pem/" conf >conf.bad
	"$top/bindery" -n -f conf.bad 2>err && fail "it is taken"
	grep -q 'none.pem: No such file' err || fail "$(cat err)"
	chmod 644 a.example.key
	"$top/bindery" -n -f conf 2>err && fail "it is taken"
	grep -q '^conf:[0-9]*: pki "a": key .*(mode 0644)' err ||
	    fail "$(cat err)"
}

# The clients.  client NAME must send_clear, send_tls and send_auth, each with
# the id given, from news@acme.example to b@dest.example.
message()
{
	cat <<-END
		From: <news@acme.example>
		To: <b@dest.example>
		Subject: test
		X-Test-Id: $1

		Hello.
	END
}

client()
{
	server </dev/null
	start_sink 127.0.0.1:$sink
	start_bindery
	send_clear clear >client.log 2>&1 || fail "clear: $(cat client.log)"
	send_tls tls >client.log 2>&1 || fail "tls: $(cat client.log)"
	send_auth auth >client.log 2>&1 || fail "auth: $(cat client.log)"
	wait_or_fail 10 'sunk_is 1 "src=127.0.0.6 .*id=clear" &&
	    sunk_is 1 "src=127.0.0.6 .*id=tls" &&
	    sunk_is 1 "src=127.0.0.4 .*id=auth"'
	[ "$(sunk)" -eq 3 ] || fail "$(sunk) messages"
}

atf_test_case swaks cleanup
swaks_head()
{
	atf_set require.user root
	atf_set require.progs swaks
}
swaks_body()
{
	do_swaks()
	{
		_id=$1
		shift
		swaks --from news@acme.example --to b@dest.example \
		    --h-X-Test-Id "$_id" "$@"
	}
	send_clear() { do_swaks "$1" --server 127.0.0.1:$port; }
	send_tls() { do_swaks "$1" --server 127.0.0.1:$starttls --tls; }
	send_auth()
	{
		do_swaks "$1" --server 127.0.0.1:$smtps --tls-on-connect \
		    --auth LOGIN --auth-user acme --auth-password secret
	}
	client
}
swaks_cleanup() { stop_all; }

atf_test_case msmtp cleanup
msmtp_head()
{
	atf_set require.user root
	atf_set require.progs msmtp
}
msmtp_body()
{
	do_msmtp()
	{
		message "$1" >message
		shift
		msmtp --file=/dev/null --host=127.0.0.1 \
		    --from=news@acme.example \
		    --tls-trust-file="$PWD/a.example.pem" "$@" \
		    b@dest.example <message
	}
	send_clear() { do_msmtp "$1" --port=$port --tls=off; }
	send_tls() { do_msmtp "$1" --port=$starttls --tls=on; }
	send_auth()
	{
		do_msmtp "$1" --port=$starttls --tls=on --auth=plain \
		    --user=acme --passwordeval='echo secret'
	}
	client
}
msmtp_cleanup() { stop_all; }

atf_test_case curl cleanup
curl_head()
{
	atf_set require.user root
	atf_set require.progs curl
}
curl_body()
{
	do_curl()
	{
		message "$1" | sed 's/$/\r/' >message
		shift
		curl -sS --mail-from news@acme.example \
		    --mail-rcpt b@dest.example --upload-file message \
		    --cacert a.example.pem "$@"
	}
	send_clear() { do_curl "$1" smtp://127.0.0.1:$port/client.example; }
	send_tls()
	{
		do_curl "$1" --ssl-reqd \
		    smtp://127.0.0.1:$starttls/client.example
	}
	send_auth()
	{
		do_curl "$1" --user acme:secret \
		    smtps://127.0.0.1:$smtps/client.example
	}
	client
}
curl_cleanup() { stop_all; }

atf_test_case s_nail cleanup
s_nail_head()
{
	atf_set require.user root
	atf_set require.progs s-nail
}
s_nail_body()
{
	do_nail()
	{
		_id=$1
		shift
		echo Hello. | s-nail -:/ -S v15-compat -S sendwait \
		    -S from=news@acme.example -S hostname=client.example \
		    -S tls-ca-file="$PWD/a.example.pem" -S tls-verify=ignore \
		    -S tls-ca-no-defaults -S folder=/tmp -S DEAD=/dev/null \
		    -C "X-Test-Id: $_id" -s test "$@" b@dest.example
	}
	send_clear()
	{
		do_nail "$1" -S mta=smtp://127.0.0.1:$port -S smtp-auth=none
	}
	send_tls()
	{
		do_nail "$1" -S mta=smtp://127.0.0.1:$starttls \
		    -S smtp-use-starttls -S smtp-auth=none
	}
	send_auth()
	{
		do_nail "$1" -S mta=smtps://acme:secret@127.0.0.1:$smtps \
		    -S smtp-auth=plain
	}
	client
}
s_nail_cleanup() { stop_all; }

atf_test_case smtplib cleanup
smtplib_head() { atf_set require.user root; }
smtplib_body()
{
	do_python()
	{
		python3 - "$@" <<-END
			import smtplib, ssl, sys
			id, port, how = sys.argv[1:]
			context = ssl.create_default_context(
			    cafile="a.example.pem")
			if how == "auth":
			    s = smtplib.SMTP_SSL("127.0.0.1", int(port),
			        context=context)
			    s.login("acme", "secret")
			else:
			    s = smtplib.SMTP("127.0.0.1", int(port))
			if how == "tls":
			    s.starttls(context=context)
			s.sendmail("news@acme.example", ["b@dest.example"],
			    "Subject: test\r\nX-Test-Id: %s\r\n\r\nHi\r\n" % id)
			s.quit()
		END
	}
	send_clear() { do_python "$1" $port clear; }
	send_tls() { do_python "$1" $starttls tls; }
	send_auth() { do_python "$1" $smtps auth; }
	client
}
smtplib_cleanup() { stop_all; }

atf_test_case nodemailer cleanup
nodemailer_head()
{
	atf_set require.user root
	atf_set require.progs node
}
nodemailer_body()
{
	export NODE_PATH="${NODE_PATH:-/usr/share/nodejs}"
	node -e 'require("nodemailer")' 2>/dev/null ||
	    atf_skip "nodemailer is not there"
	do_node()
	{
		message "$1" >message
		NODE_EXTRA_CA_CERTS="$PWD/a.example.pem" node -e '
		const [id, port, how] = process.argv.slice(1);
		require("nodemailer").createTransport({
			host: "127.0.0.1", port: +port,
			secure: how == "auth", requireTLS: how == "tls",
			auth: how == "auth" ?
			    { user: "acme", pass: "secret" } : undefined
		}).sendMail({
			envelope: { from: "news@acme.example",
			    to: "b@dest.example" },
			raw: require("fs").readFileSync("message")
		}).catch(e => { console.log(e); process.exit(1); });
		' "$@"
	}
	send_clear() { do_node "$1" $port clear; }
	send_tls() { do_node "$1" $starttls tls; }
	send_auth() { do_node "$1" $smtps auth; }
	client
}
nodemailer_cleanup() { stop_all; }

atf_init_test_cases()
{
	atf_add_test_case names
	atf_add_test_case replies
	atf_add_test_case injection
	atf_add_test_case keys
	atf_add_test_case bad_pki
	atf_add_test_case swaks
	atf_add_test_case msmtp
	atf_add_test_case curl
	atf_add_test_case s_nail
	atf_add_test_case smtplib
	atf_add_test_case nodemailer
}
