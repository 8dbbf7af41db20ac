#!/bin/sh
#
# Install what the build and the tests need and is not there; make the
# accounts of the roles.  Called by "make deps", and so by demo and check.
# Quick when there is nothing to do; needs root only when there is.

set -eu

here=$(dirname "$0")

debian() {
	# build; then tests and man pages
	want="pkg-config byacc libbsd-dev libtls-dev libssl-dev libevent-dev
	    libc-ares-dev libseccomp-dev libcrypt-dev libidn2-dev
	    libatf-dev atf-sh kyua dnsmasq-base swaks msmtp s-nail curl
	    strace iproute2 python3 openssl libnet-ssleay-perl
	    mandoc bmake"
	missing=
	for package in $want; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*' installed') ;;
		*) missing="$missing $package" ;;
		esac
	done
	# pkgconf takes the place of pkg-config in newer releases
	if command -v pkg-config >/dev/null; then
		missing=$(echo "$missing" | sed 's/ pkg-config//')
	fi
	[ -n "$missing" ] || return 0
	root "apt-get install$missing"
	export DEBIAN_FRONTEND=noninteractive
	# lists that are there may still name what was replaced since
	# shellcheck disable=SC2086
	apt-get install -y -q --no-install-recommends $missing ||
	    { apt-get update -q &&
	    apt-get install -y -q --no-install-recommends $missing; }
}

openbsd() {
	missing=
	for package in libcares libidn2 kyua atf dnsmasq swaks curl python3; do
		pkg_info -qe "$package-*" || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	root "pkg_add$missing"
	# shellcheck disable=SC2086
	pkg_add -I $missing
}

root() {
	[ "$(id -u)" -eq 0 ] && return 0
	echo "missing; as root: $1" >&2
	exit 1
}

case $(uname -s) in
OpenBSD)
	openbsd
	;;
*)
	if command -v dpkg-query >/dev/null; then
		debian
	else
		echo "not a system whose packages we know:" \
		    "see README for what is needed" >&2
	fi
	;;
esac

sh "$here/users.sh"
