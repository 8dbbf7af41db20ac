# bindery -n: the files of regress/config, as an administrator would try them.

atf_test_case bad
bad_head()
{
	atf_set descr "each bad file: exit 1 and its errors, word for word"
}
bad_body()
{
	bindery="$(atf_get_srcdir)/../bindery"
	cd "$(atf_get_srcdir)/config" || atf_fail "no files"
	# a NUL byte is met when the file is read, before the parser
	for err in $(ls [1-3]??.err | grep -v 236); do
		conf="${err%.err}.conf"
		"$bindery" -n -f "$conf" > "$HOME/said" 2>&1
		[ $? -eq 1 ] || atf_fail "$conf: exit status"
		while IFS= read -r line; do
			grep -qxF -e "$line" "$HOME/said" ||
			    atf_fail "$conf: no line: $line"
		done < "$err"
	done
}

atf_test_case momentum
momentum_head()
{
	atf_set descr "a stanza of Momentum's works as it stands"
}
momentum_body()
{
	# whoever owns the tree
	cat "$(atf_get_srcdir)/config/027.conf" >conf
	atf_check -o ignore -e ignore "$(atf_get_srcdir)/../bindery" -n \
	    -f conf
}

atf_test_case secrets
secrets_head()
{
	atf_set descr "passwords in a file that all roles read: a warning"
}
secrets_body()
{
	cat >conf <<-END
		table "inline" { "joe" = "\$2b\$10\$abcdefghijklmnopqrstuv" }
		table "apart" file:$PWD/apart
		listen on 127.0.0.1 port 2525 auth <inline> auth-insecure
		listen on 127.0.0.1 port 2526 auth <apart> auth-insecure
		action "out" relay
		match from any for any action "out"
	END
	(umask 077; echo 'joe: $2b$10$abcdefghijklmnopqrstuv' >apart)
	"$(atf_get_srcdir)/../bindery" -n -f conf >said 2>&1
	atf_check -o match:'^conf:1: warning: table <inline> .* not a file' \
	    cat said
	atf_check -s exit:1 grep 'conf:2: warning' said
	chmod 644 apart
	"$(atf_get_srcdir)/../bindery" -n -f conf >said 2>&1
	atf_check -o match:'^conf:2: warning: .* everybody .*(mode 0644)' \
	    cat said
}

atf_test_case advice
advice_head()
{
	atf_set descr "-nv: what is written for nothing, addresses shared"
}
advice_body()
{
	cat >conf <<-END
		hostname "mx.bindery.example"
		table "spare" { one }
		action "out" relay
		action "away" relay
		match from any for any action "out"
		binding "acme" { bind-address 127.0.0.4 }
		binding "both" { bind-address ::1 bind-address 127.0.0.4 }
		binding "far" { bind-address 192.0.2.99 }
		table "who" { "joe" = "acme" }
		bind by auth <who>
		bind auth "joe" to "far"
	END
	"$(atf_get_srcdir)/../bindery" -nv -f conf >printed 2>said || cat said
	grep -v 'DNS\|EHLO' said | sort >got
	sort >want <<-END
		conf:2: warning: table "spare" is not used
		conf:4: warning: action "away" is not used
		conf:7: warning: 127.0.0.4 is the address of binding "acme", too: limits and state stay per binding
		conf:7: warning: binding "both" is not used
		conf:8: warning: binding "far": bind-address 192.0.2.99: not an address of this host
	END
	atf_check diff want got
	atf_check -o ignore grep '^binding "acme" {' printed
}

atf_test_case missing
missing_head()
{
	atf_set descr "no file, or no text: one line, exit 1"
}
missing_body()
{
	printf 'table x { a\000 }\n' >nul
	atf_check -s exit:1 -e match:'^nul:1: cannot read nul: it holds a NUL' \
	    "$(atf_get_srcdir)/../bindery" -n -f nul
	atf_check -s exit:1 -o ignore -e match:'cannot read|No such file' \
	    "$(atf_get_srcdir)/../bindery" -n -f nowhere.conf
}

atf_init_test_cases()
{
	atf_add_test_case bad
	atf_add_test_case momentum
	atf_add_test_case secrets
	atf_add_test_case advice
	atf_add_test_case missing
}
