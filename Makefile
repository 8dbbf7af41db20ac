# Bindery.  GNU make and BSD make; no configure.
#
#	make		./bindery and its links
#	make deps	install what the build and the tests need (as root)
#	make demo	the main job, shown on this machine (as root)
#	make check	the tests (as root)

OS !=		uname -s
include lib/compat/$(OS).mk

YACC ?=		yacc
CFLAGS ?=	-O2 -g
WARN =		-Wall -Wextra -Werror -Wpointer-arith -Wstrict-prototypes \
		-Wmissing-prototypes -Wwrite-strings -Wno-unused-parameter \
		-Wno-deprecated-declarations
HARDEN =	-fstack-protector-strong -fPIE
PREFIX ?=	/usr/local

LIB =		lib/address.o lib/table.o lib/rules.o lib/envelope.o \
		lib/facts.o lib/task.o lib/text.o lib/crc32c.o lib/control.o \
		lib/config.o lib/config_check.o lib/options.o lib/bundle.o \
		lib/log.o lib/loop.o lib/ipc.o lib/io.o lib/io_tls.o \
		lib/proc.o lib/role.o parse.o
SMTPD =		smtpd/parent.o
QUEUE =		queue/queue.o
MTA =		mta/mta.o
MDA =
CTL =		ctl/binderyctl.o
OBJS =		$(LIB) $(SMTPD) $(QUEUE) $(MTA) $(MDA) $(CTL) $(COMPAT)
MAIN =		smtpd/main.o

HDRS =		lib/address.h lib/config.h lib/control.h lib/envelope.h \
		lib/facts.h lib/io.h lib/ipc.h lib/log.h lib/loop.h \
		lib/proc.h lib/role.h lib/rules.h lib/sandbox.h lib/table.h \
		lib/task.h lib/text.h lib/compat/compat.h \
		queue/spool.h

LINKS =		binderyctl sendmail mailq newaliases

all: bindery $(LINKS)

bindery: $(MAIN) $(OBJS)
	$(CC) $(LDFLAGS) $(PIE) -o $@ $(MAIN) $(OBJS) $(LDLIBS)

$(LINKS): bindery
	ln -sf bindery $@

$(MAIN) $(OBJS): $(HDRS)

parse.c: parse.y
	$(YACC) -o $@ parse.y

.SUFFIXES: .c .o
.c.o:
	$(CC) -I. $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) -c -o $@ $<

deps:
	sh lib/compat/deps.sh

clean:
	rm -f bindery $(LINKS) $(MAIN) $(OBJS) parse.c

.PHONY: all deps clean
