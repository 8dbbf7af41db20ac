#!/bin/sh
#
# Install what is needed and not there; make the accounts of the roles.
#
#	deps.sh build	what a build needs (make deps)
#	deps.sh check	and what demo, check and bench need beyond
#	deps.sh ci	and what .ci/run needs beyond
#
# Quick when there is nothing to do; needs root only when there is.  Starts
# no service.

set -eu

cd "$(dirname "$0")/../.."
what=${1:-build}
# what is for the tests alone and not for the system is put here
own=regress/build

debian() {
	want="make pkg-config byacc libbsd-dev libtls-dev libssl-dev
	    libevent-dev libc-ares-dev libseccomp-dev libcrypt-dev libidn2-dev"
	# the libraries are those of unbound
	check="libatf-dev atf-sh kyua dnsmasq-base swaks msmtp s-nail curl
	    strace iproute2 procps util-linux python3 openssl
	    libnet-ssleay-perl ldnsutils libpython3.11 libprotobuf-c1
	    libnghttp2-14 libevent-2.1-7"
	case $what in
	check)	want="$want $check" ;;
	ci)	want="$want $check gcc clang libclang-rt-14-dev bmake cppcheck
		    mandoc" ;;
	esac
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
	[ "$what" = build ] || command -v npm >/dev/null ||
	    missing="$missing nodejs npm"
	if [ -n "$missing" ]; then
		root "apt-get install$missing"
		export DEBIAN_FRONTEND=noninteractive
		# shellcheck disable=SC2086
		fresh apt-get install -y -q --no-install-recommends $missing
	fi
	[ "$what" = build ] || tools
}

# fresh COMMAND...: the lists that are there may name what was replaced since
fresh() {
	"$@" || { apt-get update -q && "$@"; }
}

# The package of unbound would start it as a service, and that of npm's
# library is none in this release: both are for the tests only.
tools() {
	if [ ! -x $own/bin/unbound ]; then
		rm -rf $own/unbound
		mkdir -p $own/bin $own/unbound
		(cd $own/unbound && fresh apt-get download -q unbound)
		dpkg -x $own/unbound/unbound_*.deb $own/unbound
		mv $own/unbound/usr/sbin/unbound $own/bin/unbound
		rm -rf $own/unbound
	fi
	if [ ! -f $own/node_modules/nodemailer/package.json ]; then
		mkdir -p $own
		npm install --no-save --no-audit --no-fund --prefix $own \
		    nodemailer
	fi
}

openbsd() {
	want="libcares libidn2"
	[ "$what" = build ] ||
	    want="$want kyua atf dnsmasq swaks curl python3 node"
	missing=
	for package in $want; do
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

case $what in
build | check | ci)
	;;
*)
	echo "usage: deps.sh [build | check | ci]" >&2
	exit 1
	;;
esac

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

sh lib/compat/users.sh
