# Linux: libbsd for the BSD functions, our own imsg, seccomp and Landlock.
PKGS =		libbsd-overlay libbsd-ctor libtls libseccomp libcares libidn2
PKGCFLAGS !=	pkg-config --cflags $(PKGS) 2>/dev/null || true
PKGLIBS !=	pkg-config --libs $(PKGS) 2>/dev/null || true
CPPFLAGS +=	-D_GNU_SOURCE -DLIBBSD_OPENBSD_VIS -Ilib/compat/linux \
		-include lib/compat/compat.h $(PKGCFLAGS)
LDLIBS =	$(PKGLIBS) -lssl -lcrypto -levent_core -lcrypt
PIE =		-pie -Wl,-z,relro,-z,now
# sandbox_none for builds under a sanitizer
SANDBOX ?=	sandbox_linux
COMPAT =	lib/compat/imsg.o lib/compat/port_linux.o lib/compat/passwd.o \
		lib/compat/newhash.o lib/compat/$(SANDBOX).o
COMPAT_HDRS =	lib/compat/linux/imsg.h
MAN =		share/man
