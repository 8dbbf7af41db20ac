# OpenBSD 7.8 or later: all but c-ares and libidn2 is in base.
PKGCFLAGS !=	pkg-config --cflags libcares libidn2 2>/dev/null || true
PKGLIBS !=	pkg-config --libs libcares libidn2 2>/dev/null || \
		echo -lcares -lidn2
CPPFLAGS +=	-include lib/compat/compat.h $(PKGCFLAGS)
LDLIBS =	$(PKGLIBS) -ltls -lssl -lcrypto -levent -lutil
PIE =
# sandbox_none: for a build under a sanitizer
SANDBOX ?=	sandbox_openbsd
COMPAT =	lib/compat/port_none.o lib/compat/$(SANDBOX).o
MAN =		man
