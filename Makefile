# Bindery.  GNU make and BSD make; no configure.
#
#	make		./bindery and its links
#	make deps	install what a build needs (as root)
#	make demo	the main job, shown on this machine (as root)
#	make check	the tests (as root)
#	make soak	the long ones: a hundred rounds of kill -9
#	make bench	figures of this machine
#	make fuzz	mangled input for the parsers

OS !=		uname -s
include lib/compat/$(OS).mk

YACC ?=		yacc
CFLAGS ?=	-O2 -g
WARN =		-Wall -Wextra -Werror -Wpointer-arith -Wstrict-prototypes \
		-Wmissing-prototypes -Wwrite-strings -Wno-unused-parameter \
		-Wno-deprecated-declarations
HARDEN =	-fstack-protector-strong -fPIE
PREFIX ?=	/usr/local
MANDIR ?=	$(PREFIX)/$(MAN)
# octets that queue/pool.c takes at once; 0 for a build under a sanitizer
POOL_SLAB ?=	65000
CPPFLAGS +=	-DPOOL_SLAB=$(POOL_SLAB)

LIB =		lib/address.o lib/domain.o lib/table.o lib/rules.o \
		lib/envelope.o lib/facts.o lib/task.o lib/text.o \
		lib/crc32c.o lib/control.o \
		lib/config.o lib/config_check.o lib/options.o lib/bundle.o \
		lib/config_check_rules.o lib/config_record.o \
		lib/config_record_binding.o lib/config_print.o lib/lex.o \
		lib/config_advise.o lib/config_tls.o \
		lib/log.o lib/loop.o lib/ipc.o lib/io.o lib/io_tls.o \
		lib/tls_server.o lib/tls_client.o \
		lib/proc.o lib/role.o lib/accounts.o lib/rendezvous.o parse.o
SMTPD =		smtpd/parent.o smtpd/children.o smtpd/reload.o \
		smtpd/generation.o smtpd/load.o smtpd/guard.o smtpd/doors.o \
		smtpd/lookup.o smtpd/check.o \
		smtpd/server.o smtpd/session.o smtpd/arrive.o smtpd/answer.o \
		smtpd/command.o smtpd/syntax.o \
		smtpd/policy.o smtpd/secure.o smtpd/auth.o smtpd/login_failures.o \
		smtpd/rdns.o smtpd/visitors.o smtpd/data.o smtpd/strip.o \
		smtpd/content.o smtpd/intake.o \
		smtpd/received.o smtpd/bounce.o smtpd/proxy.o
QUEUE =		queue/queue.o queue/message.o queue/message_again.o \
		queue/message_cache.o queue/lane.o queue/lane_age.o \
		queue/pool.o queue/schedule.o queue/counter.o queue/group.o \
		queue/transaction.o queue/transaction_bind.o \
		queue/transaction_store.o queue/answer.o queue/queue_binding.o \
		queue/handout.o queue/result.o queue/doing.o \
		queue/content.o queue/bounce.o queue/bounce_text.o queue/suspend.o \
		queue/filter.o queue/control.o queue/control_command.o \
		queue/control_show.o queue/control_queue.o \
		queue/control_suspend.o \
		queue/spool.o queue/spool_write.o queue/spool_room.o \
		queue/spool_sync.o queue/spool_disk.o queue/segment.o \
		queue/batch.o queue/large.o queue/recover.o queue/reclaim.o \
		queue/record.o queue/flush.o
MTA =		mta/mta.o mta/work.o mta/attempt.o mta/host_state.o mta/outbound.o \
		mta/own.o \
		mta/bind.o mta/binding.o mta/source.o mta/trace.o mta/test.o \
		mta/dns.o mta/resolve.o mta/reverse.o mta/route.o mta/limit.o \
		mta/rate.o mta/show.o mta/connection.o mta/client.o mta/body.o \
		mta/reply.o mta/report.o mta/policy.o mta/starttls.o mta/login.o \
		mta/dane.o
MDA =
CTL =		ctl/binderyctl.o ctl/ask.o ctl/table.o ctl/mailq.o ctl/encrypt.o \
		ctl/sendmail.o ctl/message.o ctl/submit.o
OBJS =		$(LIB) $(SMTPD) $(QUEUE) $(MTA) $(MDA) $(CTL) $(COMPAT)
MAIN =		smtpd/main.o

HDRS !=		ls lib/*.h queue/*.h mta/*.h smtpd/*.h ctl/*.h lib/compat/*.h

# what make fuzz tries
PARSERS =	$(LIB) $(COMPAT) smtpd/syntax.o smtpd/data.o smtpd/strip.o \
		smtpd/proxy.o mta/reply.o mta/dns.o

LINKS =		binderyctl sendmail mailq newaliases

# every regress/*_test.c and regress/*_test.sh is a test program
CTESTS !=	ls regress/*_test.c 2>/dev/null | sed 's/\.c$$//' || true
SHTESTS !=	ls regress/*_test.sh 2>/dev/null | sed 's/\.sh$$//' || true
TOOLS =		regress/sink regress/source regress/dialog regress/crowd
# the daemon with one role that was broken into: regress/hostile.h
HOSTILE =	regress/hostile_smtpd regress/hostile_mta

all: bindery $(LINKS)

bindery: $(MAIN) $(OBJS)
	$(CC) $(LDFLAGS) $(PIE) -o $@ $(MAIN) $(OBJS) $(LDLIBS)

$(LINKS): bindery
	ln -sf bindery $@

$(MAIN) $(OBJS): $(HDRS) $(COMPAT_HDRS)

parse.c: parse.y
	$(YACC) -o $@ parse.y

$(CTESTS) $(HOSTILE): $(OBJS) $(HDRS)

$(HOSTILE): regress/hostile.h

.SUFFIXES: .c .o .sh
.c.o:
	$(CC) -I. $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) -c -o $@ $<

.c:
	$(CC) -I. $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) $(LDFLAGS) $(PIE) \
	    -o $@ $< `case $@ in *_test) echo $(OBJS) -latf-c;; \
	    */hostile_*) echo $(OBJS);; esac` \
	    $(LDLIBS)
.sh:
	{ echo '#! /usr/bin/env atf-sh'; cat $<; } > $@
	chmod +x $@

deps:
	sh lib/compat/deps.sh build

check_deps:
	sh lib/compat/deps.sh check

tools: all $(TOOLS)

tests: tools $(CTESTS) $(SHTESTS) $(HOSTILE)

# A second make: what deps installs is looked for when make starts.
demo: check_deps
	$(MAKE) tools
	sh regress/demo.sh

check: check_deps
	$(MAKE) tests
	sh regress/run.sh

soak: check_deps
	$(MAKE) tests
	SOAK=100 sh regress/run.sh crash_test

bench: check_deps
	$(MAKE) tools
	sh regress/bench/run.sh

fuzz: check_deps
	$(MAKE) all regress/fuzz/fuzz_test
	CPPFLAGS="$(CPPFLAGS)" LDLIBS="$(LDLIBS)" SOURCES="$(PARSERS:.o=.c)" \
	    sh regress/fuzz/run.sh

lint:
	sh .ci/lint

# The accounts are made unless DESTDIR says that this is for elsewhere.
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin \
	    $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 \
	    $(DESTDIR)/etc/bindery
	install -m 0755 bindery $(DESTDIR)$(PREFIX)/sbin/bindery
	ln -sf bindery $(DESTDIR)$(PREFIX)/sbin/binderyctl
	ln -sf bindery $(DESTDIR)$(PREFIX)/sbin/sendmail
	ln -sf ../sbin/bindery $(DESTDIR)$(PREFIX)/bin/mailq
	ln -sf ../sbin/bindery $(DESTDIR)$(PREFIX)/bin/newaliases
	install -m 0644 man/*.5 $(DESTDIR)$(MANDIR)/man5
	install -m 0644 man/*.8 $(DESTDIR)$(MANDIR)/man8
	test -n "$(DESTDIR)" || sh lib/compat/users.sh

# Configuration, spool and accounts stay.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/bindery \
	    $(DESTDIR)$(PREFIX)/sbin/binderyctl \
	    $(DESTDIR)$(PREFIX)/sbin/sendmail \
	    $(DESTDIR)$(PREFIX)/bin/mailq \
	    $(DESTDIR)$(PREFIX)/bin/newaliases
	for page in man/*.5; do \
		rm -f $(DESTDIR)$(MANDIR)/man5/$${page##*/}; done
	for page in man/*.8; do \
		rm -f $(DESTDIR)$(MANDIR)/man8/$${page##*/}; done

clean:
	rm -f bindery $(LINKS) $(MAIN) $(OBJS) parse.c
	rm -f $(TOOLS) $(HOSTILE) $(CTESTS) $(SHTESTS) regress/fuzz/fuzz_test
	rm -rf regress/results regress/build

.PHONY: all deps check_deps tools tests demo check soak bench fuzz lint install \
	uninstall clean
