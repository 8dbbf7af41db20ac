#!/bin/sh
#
# Make the accounts of the roles where they are missing: a group each, no
# home, no shell.  lib/proc.c has the same names.

set -eu

for user in _bindery _binderyn _binderyq _binderym; do
	id "$user" >/dev/null 2>&1 && continue
	if [ "$(id -u)" -ne 0 ]; then
		echo "no account $user: run $0 as root" >&2
		exit 1
	fi
	case $(uname -s) in
	OpenBSD)
		groupadd "$user" 2>/dev/null || true
		useradd -g "$user" -c "Bindery mailer" -d /var/empty \
		    -s /sbin/nologin -L daemon "$user"
		;;
	*)
		useradd --system --user-group --no-create-home \
		    --comment "Bindery mailer" --home-dir /nonexistent \
		    --shell /usr/sbin/nologin "$user"
		;;
	esac
	echo "made account $user"
done
