# SPDX-License-Identifier: MIT
# Makefile: builds, tests and installs mapvisor. `make help` lists the targets.
#
# One file for the whole tree. Sources are found by wildcard, headers by -MMD. What is
# built lands in $(BUILD), each object under $(BUILD)/obj by its source's path.
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

VERSION := 0.1.0
SOVERSION := 0

# What a user may set on the command line (make CC=clang V=1), and of that what is customary
# in the environment, too.
ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy
PKG_CONFIG ?= pkg-config
BUILD := build
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
WERROR := -Werror
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
BENCH :=
FUZZ := elf mm calls
SECONDS := 60
V := 0

# How the command is linked. A run of a small payload is over in a few milliseconds, so
# start-up counts: static and at a fixed address, the process costs some 0.35 ms (a third)
# less than with shared libraries. LINK= links it as the compiler does by default.
# Where it lies no payload is likely to: `perf` finds both by one process's addresses
# (--perf-map). Below 2 GiB, for the code model is the small one.
LINK := -static -Wl,-Ttext-segment=0x70000000

# Sanitizers for all that runs on the host (`make asan`). Empty: none.
SANITIZE :=

# The payloads that are built a second time, as static PIEs: NAME-pie.
PIE_PAYLOADS := args hello wordcount walkme

# ---- Sources ----
obj = $(patsubst %,$(BUILD)/obj/%.o,$(basename $1))

LIB_SRC := $(wildcard $(patsubst %,vmm/%/*.c,mm cpu vm linux observe)) guest/monitor.S \
	guest/vdso/image.S
VDSO_SRC := guest/vdso/vdso.c
CLI_SRC := $(wildcard vmm/cli/*.c) vmm/cli/report/page.S
PAGE := $(wildcard vmm/cli/report/page.html vmm/cli/report/*.css vmm/cli/report/*.js)
GUEST_SRC := $(wildcard guest/*.c) $(filter-out guest/monitor.S,$(wildcard guest/*.S))
PAYLOAD_SRC := $(wildcard payloads/*.c payloads/bench/*.c)
SUITES := $(foreach s,mm kvm cli,$(if $(wildcard tests/$s/*.c),$s))
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
TEST_SRC := $(wildcard $(patsubst %,tests/%/*.c,$(SUITES) lib)) $(FUZZ_SRC)
SRC := $(LIB_SRC) $(CLI_SRC) $(VDSO_SRC) $(GUEST_SRC) $(PAYLOAD_SRC) $(TEST_SRC)

STATIC_LIB := $(BUILD)/libmapvisor.a
SHARED_LIB := $(BUILD)/libmapvisor.so.$(SOVERSION)
GUEST_LIB := $(BUILD)/libmvguest.a
PAYLOADS := $(patsubst %.c,$(BUILD)/%,$(PAYLOAD_SRC))
PIES := $(patsubst %,$(BUILD)/payloads/%-pie,$(PIE_PAYLOADS))
TESTS := $(patsubst %,$(BUILD)/tests/%,$(SUITES))
# tests/fuzz/tlb.c watches these calls.
FUZZ_LINK := -Wl,--wrap=madvise,--wrap=mprotect
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(filter tests/fuzz/fuzz_%,$(FUZZ_SRC)))

# ---- Flags ----
CLANG = $(findstring clang,$(CC))
# A struct with an open end, and its array behind it, is how KVM's interface is used.
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wvla -Wundef -Wwrite-strings -Wformat=2 \
	$(if $(CLANG),-Wno-gnu-variable-sized-type-not-at-end)
BASE = -std=gnu11 -Iinclude -I. $(WARN) $(WERROR)

ifeq ($(SANITIZE),)
# A payload that breaks out of its sandbox lands here: the usual obstacles.
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2
HARDEN_LINK := -Wl,-z,relro,-z,now
else
HARDEN = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer $(LIGHTER)
HARDEN_LINK := -fsanitize=$(SANITIZE)
endif

DEFINES := -DMAPVISOR_VERSION="$(VERSION)"

# Only what a header marks MV_API leaves the library; calls within it need no PLT.
HOST_FLAGS = $(BASE) -D_GNU_SOURCE $(HARDEN) -pthread $(CFLAGS) $(CPPFLAGS)
LIB_FLAGS = -fPIC -fvisibility=hidden -fno-semantic-interposition
HOST_LINK = $(HARDEN_LINK) -pthread $(CFLAGS) $(LDFLAGS)

# Payloads have no libc, hence no stack guard's cookie and no memset() for loops to become
# (clang refrains by itself). One set of objects serves both links: PIE code may be linked
# at a fixed address.
GUEST_FLAGS = $(BASE) -O2 -g -fPIE -ffreestanding -fno-stack-protector \
	-fcf-protection=none $(if $(CLANG),,-fno-tree-loop-distribute-patterns)
GUEST_LINK := -nostdlib -Wl,-z,max-page-size=4096,--build-id=none
# The vDSO is nobody's process: no relocations, and no register that its caller may want kept.
VDSO_FLAGS = $(filter-out -fPIE,$(GUEST_FLAGS)) -fPIC -mgeneral-regs-only
VDSO_LINK := $(GUEST_LINK) -shared -s -Wl,-soname=linux-vdso.so.1,--hash-style=both,-Bsymbolic \
	-Wl,--eh-frame-hdr,-z,noexecstack,-z,norelro,-z,defs -Wl,-T,guest/vdso/vdso.lds

# Asked when a recipe first needs it, and once: while make reads this file, the package may
# not be installed yet.
ask = $(eval $1 := $$(shell $(PKG_CONFIG) $2))$($1)
CLI_CFLAGS = $(call ask,CLI_CFLAGS,--cflags jansson zlib)
CLI_LIBS = $(call ask,CLI_LIBS,$(if $(filter -static%,$(LINK)),--static) --libs jansson zlib) -lm
TEST_CFLAGS = $(call ask,TEST_CFLAGS,--cflags criterion libelf jansson)
TEST_LIBS = $(call ask,TEST_LIBS,--libs criterion libelf jansson)

ifeq ($(V),0)
say = @printf '  %-6s %s\n' $1 $(or $2,$@);
endif

# ---- What `make` builds ----
.PHONY: all
all: $(BUILD)/mapvisor $(STATIC_LIB) $(BUILD)/libmapvisor.so $(PAYLOADS) $(PIES) ## build the command, the libraries and the payloads (default)

# Installs missing Debian packages, in one go for all that the goals need.
DEPS = build $(if $(CLANG),clang) \
	$(if $(filter test asan programs $(BUILD)/tests/%,$(MAKECMDGOALS)),test) \
	$(if $(filter test-report,$(MAKECMDGOALS)),browser) \
	$(if $(filter fuzz,$(MAKECMDGOALS)),clang fuzz) \
	$(if $(filter lint,$(MAKECMDGOALS)),test clang lint)
.PHONY: deps
deps:
	@scripts/deps $(sort $(DEPS))

# Everything is built again when its command changes (CC=clang, CFLAGS=-O0), and linked
# again when a source comes or goes: $(BUILD)/.NAME holds the text of the variable NAME, and
# is touched only when that changes.
COMMANDS = $(CC) $(HOST_FLAGS) $(LIB_FLAGS) $(HOST_LINK) $(LINK) $(GUEST_FLAGS) $(GUEST_LINK) \
	$(VDSO_FLAGS) $(VDSO_LINK) $(VERSION)
STAMPS := $(patsubst %,$(BUILD)/.%,COMMANDS LIB_SRC CLI_SRC GUEST_SRC TEST_SRC)
.PHONY: FORCE
FORCE:
quoted = '$(subst ','\'',$($1))'
$(STAMPS): $(BUILD)/.%: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$*) | cmp -s - $@ || printf '%s\n' $(call quoted,$*) >$@

$(BUILD)/obj/%.o: FLAGS = $(HOST_FLAGS) $(LIB_FLAGS)
$(BUILD)/obj/vmm/cli/%.o: FLAGS = $(HOST_FLAGS) $(CLI_CFLAGS) '$(DEFINES)'
$(BUILD)/obj/tests/%.o: FLAGS = $(HOST_FLAGS) $(TEST_CFLAGS)
$(BUILD)/obj/guest/%.o $(BUILD)/obj/payloads/%.o: FLAGS = $(GUEST_FLAGS)
$(call obj,guest/vdso/vdso.c): FLAGS = $(VDSO_FLAGS)
$(call obj,guest/vdso/image.S): FLAGS = $(GUEST_FLAGS) -I$(VDSO_DIR)

$(BUILD)/obj/%.o: %.c $(BUILD)/.COMMANDS | deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/%.o: %.S $(BUILD)/.COMMANDS | deps
	@mkdir -p $(@D)
	$(call say,AS,$<)$(CC) $(FLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(call obj,$(SRC)))
# What .incbin takes in, the compiler doesn't tell.
$(call obj,vmm/cli/report/page.S): $(PAGE)

VDSO_DIR := $(BUILD)/obj/guest/vdso
$(VDSO_DIR)/vdso.so: $(call obj,$(VDSO_SRC)) guest/vdso/vdso.lds
	$(call say,LINK)$(CC) $(VDSO_LINK) -o $@ $(filter %.o,$^)
$(call obj,guest/vdso/image.S): $(VDSO_DIR)/vdso.so

# The static library hides what the shared one hides: one object, its hidden symbols local.
# Not the one that all probes (sys/sdt.h) refer to: the linker keeps one such section in a
# program, of whichever object comes first, and a local symbol would stay with the one it drops.
SDT_BASE := _.stapsdt.base
$(BUILD)/obj/libmapvisor.o: $(call obj,$(LIB_SRC)) $(BUILD)/.LIB_SRC
	$(call say,LD)$(LD) -r -o $@ $(filter %.o,$^) && $(OBJCOPY) --localize-hidden $@ && \
		$(OBJCOPY) --globalize-symbol=$(SDT_BASE) $@
$(STATIC_LIB): $(BUILD)/obj/libmapvisor.o
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $^
$(SHARED_LIB): $(call obj,$(LIB_SRC)) $(BUILD)/.LIB_SRC
	$(call say,LINK)$(CC) -shared $(HOST_LINK) $(if $(SANITIZE),,-Wl,-z,defs) \
		-Wl,-soname,$(@F) -o $@ $(filter %.o,$^)
$(BUILD)/libmapvisor.so: $(SHARED_LIB)
	@ln -sf $(<F) $@

$(BUILD)/mapvisor: $(call obj,$(CLI_SRC)) $(STATIC_LIB) $(BUILD)/.CLI_SRC
	$(call say,LINK)$(CC) $(LINK) $(HOST_LINK) -o $@ $(filter %.o %.a,$^) $(CLI_LIBS) -lm

$(GUEST_LIB): $(call obj,$(GUEST_SRC)) $(BUILD)/.GUEST_SRC
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
$(PAYLOADS): $(BUILD)/%: $(BUILD)/obj/%.o $(GUEST_LIB)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) -static $(GUEST_LINK) -o $@ $^
$(PIES): $(BUILD)/%-pie: $(BUILD)/obj/%.o $(GUEST_LIB)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) -static-pie $(GUEST_LINK) -o $@ $^

# ---- Run, test, measure ----
.PHONY: run
run: all ## count the README's words in a sandbox, and show a page walk
	@scripts/demo $(BUILD)

# The suite mm tests what the library hides, so it is linked with the objects themselves;
# the others have only what the library shows.
$(foreach s,$(SUITES),$(eval $(BUILD)/tests/$s: $(call obj,$(wildcard tests/$s/*.c tests/lib/*.c))))
$(filter %/mm,$(TESTS)): $(call obj,$(LIB_SRC) $(FUZZ_SRC))
$(filter %/mm,$(TESTS)): HOST_LINK += $(FUZZ_LINK)
$(filter-out %/mm,$(TESTS)): $(STATIC_LIB)
$(TESTS): $(BUILD)/.TEST_SRC
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(HOST_LINK) -o $@ $(filter %.o %.a,$^) $(TEST_LIBS)

# Programs for the tests that were not made for a sandbox: of each C library, as its users link them.
PROGRAMS := $(patsubst %,$(BUILD)/tests/programs/%,hello-glibc hello-glibc-pie hello-musl \
	clocks-glibc clocks-musl clocks-dynamic posix-glibc posix-musl posix-dynamic terminal-glibc \
	interpreted-pie interpreted-fixed)
PROGRAM_FLAGS := -O1 -g -D_GNU_SOURCE
$(BUILD)/tests/programs/%-glibc: tests/programs/%.c | deps
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(PROGRAM_FLAGS) -static -o $@ $<
$(BUILD)/tests/programs/%-glibc-pie: tests/programs/%.c | deps
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(PROGRAM_FLAGS) -fPIE -static-pie -o $@ $<
$(BUILD)/tests/programs/%-dynamic: tests/programs/%.c | deps
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(PROGRAM_FLAGS) -o $@ $<
$(BUILD)/tests/programs/%-musl: tests/programs/%.c | deps
	@mkdir -p $(@D)
	$(call say,CC)musl-gcc $(PROGRAM_FLAGS) -static -o $@ $<
# Dynamic ones whose interpreter is a payload, and shows what it was given.
INTERPRETER = -Wl,--dynamic-linker=$(abspath $(BUILD)/payloads/args-pie)
$(BUILD)/tests/programs/interpreted-%: $(BUILD)/obj/payloads/hello.o $(GUEST_LIB) | $(BUILD)/payloads/args-pie
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(if $(filter pie,$*),-pie,-no-pie) $(GUEST_LINK) $(INTERPRETER) -o $@ $^ \
		-Wl,--no-as-needed -lc

.PHONY: check-symbols
check-symbols: $(STATIC_LIB) $(SHARED_LIB) ## check that the libraries show mv_ symbols only
	@scripts/check-symbols $^

.PHONY: programs
programs: all ## write docs/programs.md: what of the host's programs runs, and what it takes; minutes
	@scripts/programs $(BUILD)/mapvisor >docs/programs.md.new && mv docs/programs.md.new docs/programs.md

.PHONY: syscalls check-syscalls
syscalls: ## write docs/syscalls.md, the list of the system calls that are served
	@scripts/syscalls >docs/syscalls.md.new && mv docs/syscalls.md.new docs/syscalls.md
check-syscalls: ## check that docs/syscalls.md is what `make syscalls` would write
	@scripts/syscalls | cmp -s - docs/syscalls.md || \
		{ echo 'docs/syscalls.md is not current: make syscalls' >&2; exit 1; }

.PHONY: test
test: all $(TESTS) $(PROGRAMS) check-symbols check-syscalls ## run all tests
	@LSAN_OPTIONS=suppressions=$(CURDIR)/scripts/lsan.supp:print_suppressions=0 \
		MAPVISOR=$(BUILD)/mapvisor PAYLOADS=$(BUILD)/payloads \
		PROGRAMS=$(BUILD)/tests/programs TESTDATA=tests/data scripts/run-tests $(TESTS) \
		MAPVISOR_TEST_STAGE2=uffd $(filter %/mm %/kvm,$(TESTS))

# Debian's Python has Debian's Selenium; another one that comes first in PATH has not.
PYTHON := /usr/bin/python3
.PHONY: test-report
test-report: all ## test the page of `mapvisor report` in a browser
	@MAPVISOR=$(abspath $(BUILD)/mapvisor) PAYLOADS=$(abspath $(BUILD)/payloads) PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON) -m unittest discover -s tests/report $(if $(filter 0,$(V)),,-v)

.PHONY: asan
asan: ## run all tests with the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory test BUILD=$(BUILD)/asan \
		SANITIZE=address,undefined LINK= CFLAGS='-O1 -g'

# An input's speed: what the memory calls compare tells libFuzzer little, and what is beside the calls
# after each of them nothing at all.
ifneq ($(FUZZING),)
$(BUILD)/obj/vmm/mm/%.o $(BUILD)/obj/tests/fuzz/fuzz_mm.o: LIGHTER = -fno-sanitize-coverage=trace-cmp
$(call obj,vmm/mm/check.c $(filter-out tests/fuzz/fuzz_%,$(FUZZ_SRC))): LIGHTER = -fno-sanitize=all
endif

# A target is libFuzzer's under the name that it looks for. What is no target is linked with each.
$(BUILD)/obj/tests/fuzz/fuzz_%.o: FLAGS = $(HOST_FLAGS) $(if $(FUZZING),-D$(notdir $*)=LLVMFuzzerTestOneInput)
$(FUZZERS): $(BUILD)/%: $(BUILD)/obj/tests/fuzz/%.o \
		$(call obj,$(filter-out tests/fuzz/fuzz_%,$(FUZZ_SRC)) $(LIB_SRC)) $(BUILD)/.LIB_SRC
	$(call say,LINK)$(CC) $(HOST_LINK) $(FUZZ_LINK) -fsanitize=fuzzer -o $@ $(filter %.o,$^)

.PHONY: fuzz
fuzz: $(PAYLOADS) ## run the fuzz targets (FUZZ="elf mm calls") for a time (SECONDS=60), in parallel
	@$(MAKE) --no-print-directory $(patsubst %,$(BUILD)/fuzz/fuzz_%,$(FUZZ)) \
		BUILD=$(BUILD)/fuzz CC=clang FUZZING=1 CFLAGS='-O2 -g' \
		SANITIZE=fuzzer-no-link,address,undefined
	@PAYLOADS=$(BUILD)/payloads scripts/fuzz $(BUILD)/fuzz $(SECONDS) $(FUZZ)

# The oracle's program is a payload; its driver runs on the host.
ORACLE := $(BUILD)/tests/oracle
ORACLE_PROGRAM := $(BUILD)/tests/oracle-program
ORACLE_SRC := $(filter-out tests/oracle/program.c,$(wildcard tests/oracle/*.c))
SEED := 1
STEPS := 1000000
$(BUILD)/obj/tests/oracle/%.o: FLAGS = $(HOST_FLAGS)
$(BUILD)/obj/tests/oracle/program.o: FLAGS = $(GUEST_FLAGS)
$(ORACLE_PROGRAM): $(BUILD)/obj/tests/oracle/program.o $(GUEST_LIB)
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) -static $(GUEST_LINK) -o $@ $^
$(ORACLE): $(call obj,$(ORACLE_SRC))
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(HOST_LINK) -o $@ $^

.PHONY: oracle
oracle: all $(ORACLE) $(ORACLE_PROGRAM) ## compare random memory calls with the host kernel (SEED=1 STEPS=1000000)
	@$(ORACLE) $(abspath $(BUILD)/mapvisor) $(abspath $(ORACLE_PROGRAM)) $(SEED) $(STEPS)

.PHONY: oracle-bugs
oracle-bugs: deps ## put back known kinds of bugs, and see that the oracle finds each
	@scripts/oracle-bugs

.PHONY: bench
bench: all ## measure fault and exit costs on this machine (BENCH="NAME OPTIONS": only that)
	@$(BUILD)/mapvisor bench $(BENCH)

.PHONY: soak
soak: all ## map, touch and unmap at random for SECONDS: nothing may grow
	@scripts/soak $(BUILD) $(SECONDS)

.PHONY: lint
lint: CLANG = clang
lint: deps ## check format, style and shell scripts, with clang's and cppcheck's eyes
	@HOST_FLAGS='$(BASE) -D_GNU_SOURCE $(DEFINES)' GUEST_FLAGS='$(BASE) -ffreestanding' \
		scripts/lint

.PHONY: format
format: ## lay out all C sources as .clang-format says
	@find include vmm guest payloads tests -name '*.[ch]' -exec clang-format -i {} +

# ---- Install ----
INCLUDEDIR := $(PREFIX)/include
INSTALLED = $(PREFIX)/bin/mapvisor $(LIBDIR)/$(notdir $(STATIC_LIB)) \
	$(LIBDIR)/$(notdir $(SHARED_LIB)) $(LIBDIR)/libmapvisor.so \
	$(LIBDIR)/pkgconfig/mapvisor.pc $(PREFIX)/share/man/man1/mapvisor.1

.PHONY: install
install: all ## install under PREFIX (default /usr/local), staged in DESTDIR if given
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(LIBDIR)/pkgconfig $(INCLUDEDIR)/mapvisor)
	install -m 755 $(BUILD)/mapvisor $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(STATIC_LIB) $(SHARED_LIB) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(SHARED_LIB)) $(DESTDIR)$(LIBDIR)/libmapvisor.so
	install -m 644 include/mapvisor/*.h $(DESTDIR)$(INCLUDEDIR)/mapvisor
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		mapvisor.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/mapvisor.pc
	if [ -f docs/mapvisor.1 ]; then \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/mapvisor.1; fi
	if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

.PHONY: uninstall
uninstall: ## remove what `make install` put there
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rm -rf $(DESTDIR)$(INCLUDEDIR)/mapvisor

.PHONY: clean
clean: ## remove the build folder
	rm -rf $(BUILD)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16
