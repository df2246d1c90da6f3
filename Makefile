# Makefile - builds libhypercache and hypercached into build/, and says what is true of them.
#
# The idea: folders decide, not lists.  Every .c file below lib/ goes into the library, every one
# below server/ into the daemon, every tests/unit/**/test_*.c, tests/fuzz/fuzz_*.c, examples/*.c and
# bench/bench_*.c is a program of its own.  A new file needs no change here.
#
#     make            build/libhypercache.a, build/libhypercache.so, build/hypercached
#     make help       all targets
#     make CC=clang   another compiler; whatever was built with other flags is built again
#     make VARIANT=asan   the same tree under a sanitizer, in build/asan

VERSION := $(shell sed -n 's/^\#define HC_VERSION "\(.*\)"/\1/p' include/hypercache/types.h)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
SEEDS ?= 20
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
PYTHON := /usr/bin/python3
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) # all cores, unless the command line says otherwise
endif
Q := $(if $(V),,@)# make V=1 shows whole commands
say = $(if $(V),,@echo '  $(1) $@')

# ---- variants: each has its folder, its optimization and its sanitizers ----
VARIANT ?= release
optimize_release := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
optimize_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
optimize_ubsan := -O1 -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all
optimize_tsan := -O1 -fno-omit-frame-pointer -fsanitize=thread
optimize_coverage := -O0 --coverage -fprofile-update=atomic
optimize_fuzz := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                 -fno-sanitize-recover=all
optimize := $(optimize_$(VARIANT))
$(if $(optimize),,$(error VARIANT is one of release asan ubsan tsan coverage fuzz))
BUILD ?= $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))
OBJ := $(BUILD)/obj

# ---- flags ----
accepts = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(1))
WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wundef \
            -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wvla -Wdouble-promotion
# At -O1, and between a sanitizer's calls, gcc sees less and doubts more.
WARNINGS += $(if $(filter release,$(VARIANT)),,$(call accepts,-Wno-maybe-uninitialized))
HARDENING := -fstack-protector-strong $(call accepts,-fstack-clash-protection)
BASE_FLAGS := -g $(optimize) $(HARDENING) -pthread $(EXTRA_FLAGS)
C_FLAGS := -std=c11 $(WARNINGS) $(BASE_FLAGS) $(CFLAGS)
CXX_FLAGS := -std=c++17 -Wall -Wextra -Werror $(BASE_FLAGS) $(CXXFLAGS)
LINK := -pthread $(filter -fsanitize=% --coverage,$(optimize)) -Wl,-z,relro,-z,now \
        -Wl,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
LIB_LIBS := -lzstd -lm
# The other tables and servers that bench/ measures itself against are looked up when asked for.
BENCH_FLAGS = $(shell pkg-config --cflags glib-2.0)
BENCH_LIBS = $(shell pkg-config --libs absl_flat_hash_map absl_hash glib-2.0) -levent_core
SERVER_LIBS := -levent_core -levent_extra -levent_pthreads -lyaml -ljansson
TEST_LIBS := -lcmocka -ljansson

# ---- sources, found by folder ----
find_c = $(sort $(shell find $(1) -name '$(2)' 2>/dev/null))
objects = $(patsubst %,$(OBJ)/%.o,$(basename $(1)))
LIB_SOURCES := $(call find_c,lib,*.c)
SERVER_SOURCES := $(call find_c,server,*.c)
SUPPORT_SOURCES := $(call find_c,tests/support,*.c)
UNIT_SOURCES := $(call find_c,tests/unit,test_*.c)
FUZZ_SOURCES := $(call find_c,tests/fuzz,fuzz_*.c)
EXAMPLE_SOURCES := $(call find_c,examples,*.c)
BENCH_SOURCES := $(call find_c,bench,bench_*.c) $(call find_c,bench,echo_server.c)
BENCH_PARTS := $(filter-out $(BENCH_SOURCES) bench/slow_sync.c bench/turn_time.c,$(call find_c,bench,*.c) $(call find_c,bench,*.cc))

LIBRARY := $(BUILD)/libhypercache.a
SHARED := $(BUILD)/libhypercache.so
DAEMON := $(if $(wildcard server/main.c),$(BUILD)/hypercached)
CONSOLE := $(OBJ)/server/console/console_files# the page as a table of bytes
SERVER_PARTS := $(OBJ)/server.a# the daemon without its main, for tests and fuzzers
SUPPORT := $(OBJ)/support.a
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SOURCES))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SOURCES))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(EXAMPLE_SOURCES))
BENCHES := $(addprefix $(BUILD)/,$(basename $(BENCH_SOURCES)))
SYSTEM_TESTS := $(sort $(wildcard tests/system/test_*.py))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all
all: $(LIBRARY) $(SHARED) $(DAEMON)

# ---- compiling: what a file may include follows from its folder ----
# The library is plain C11 with hidden symbols; only lib/host/posix talks to the system.
$(OBJ)/lib/%.o: FOLDER_FLAGS = -Iinclude -Ilib -fPIC -fvisibility=hidden -fno-semantic-interposition
$(OBJ)/lib/host/posix/%.o: FOLDER_FLAGS += -D_GNU_SOURCE
$(OBJ)/server/%.o: FOLDER_FLAGS = -Iinclude -Iserver -D_GNU_SOURCE -fPIE
$(OBJ)/tests/%.o: FOLDER_FLAGS = -Iinclude -Ilib -Iserver -Itests -D_GNU_SOURCE -fPIE
$(OBJ)/tests/fuzz/%.o: FOLDER_FLAGS += -Wno-missing-prototypes
$(OBJ)/examples/%.o: FOLDER_FLAGS = -Iinclude -D_GNU_SOURCE -fPIE
$(OBJ)/bench/%.o: FOLDER_FLAGS = -Iinclude -Ilib -Ibench -D_GNU_SOURCE -fPIE $(BENCH_FLAGS)

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(CC) $(C_FLAGS) $(FOLDER_FLAGS) -MMD -MP -c $< -o $@
$(OBJ)/%.o: %.cc $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,c++ )
	$(Q)$(CXX) $(CXX_FLAGS) $(FOLDER_FLAGS) -MMD -MP -c $< -o $@

# The console's page, its folders included, so that a file that goes is seen as well.
$(CONSOLE).c: server/console/embed.sh $(shell find server/console/page 2>/dev/null)
	@mkdir -p $(@D)
	$(call say,page)
	$(Q)server/console/embed.sh server/console/page > $@
$(CONSOLE).o: $(CONSOLE).c $(OBJ)/flags
	$(call say,cc  )
	$(Q)$(CC) $(C_FLAGS) $(FOLDER_FLAGS) -MMD -MP -c $< -o $@

# Objects depend on the compiler and flags they were made with.
FLAGS_NOW := $(CC) $(C_FLAGS) $(CXX) $(LINK)
.PHONY: always
$(OBJ)/flags: always
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- linking ----
archive = $(Q)rm -f $@; ar rcs $@ $(filter %.o,$^)
$(LIBRARY): $(call objects,$(LIB_SOURCES)) | $(OBJ)/flags
	$(archive)
$(SERVER_PARTS): $(call objects,$(filter-out server/main.c,$(SERVER_SOURCES))) $(CONSOLE).o | $(OBJ)/flags
	$(archive)
$(SUPPORT): $(call objects,$(SUPPORT_SOURCES)) | $(OBJ)/flags
	$(archive)
$(OBJ)/bench.a: $(call objects,$(BENCH_PARTS)) | $(OBJ)/flags
	$(archive)
$(SHARED).$(VERSION): $(call objects,$(LIB_SOURCES)) | $(OBJ)/flags
	$(call say,link)
	$(Q)$(CC) -shared -Wl,-soname,libhypercache.so.$(SOVERSION) -Wl,-Bsymbolic-functions \
	    $(LINK) $^ $(LIB_LIBS) -o $@
$(SHARED): $(SHARED).$(VERSION)
	@ln -sf $(notdir $<) $(SHARED).$(SOVERSION)
	@ln -sf libhypercache.so.$(SOVERSION) $@

# $(call link,libraries): a program from its objects and archives; $(LINKER) is CC or CXX.
LINKER = $(CC)
define link
$(call say,link)
@mkdir -p $(@D)
$(Q)$(LINKER) -pie $(filter %.o,$^) $(filter %.a,$^) $(LINK) $(1) $(LIB_LIBS) -o $@
endef
$(BUILD)/hypercached: $(call objects,$(SERVER_SOURCES)) $(CONSOLE).o $(LIBRARY)
	$(call link,$(SERVER_LIBS))
$(BUILD)/tests/unit/server/%: $(OBJ)/tests/unit/server/%.o $(SUPPORT) $(SERVER_PARTS) $(LIBRARY)
	$(call link,$(TEST_LIBS) $(SERVER_LIBS))
$(BUILD)/tests/unit/%: $(OBJ)/tests/unit/%.o $(SUPPORT) $(LIBRARY)
	$(call link,$(TEST_LIBS))
# Simulations: programs beside the tests, in virtual time.
$(BUILD)/tests/sim/%: $(OBJ)/tests/sim/%.o $(SUPPORT) $(LIBRARY)
	$(call link,$(TEST_LIBS))
# A fuzzer is driven by clang's libFuzzer in build/fuzz, and by replay.c over its corpus elsewhere.
FUZZ_DRIVER := $(if $(filter fuzz,$(VARIANT)),,$(OBJ)/tests/fuzz/replay.o)
$(BUILD)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_DRIVER) $(SUPPORT) $(SERVER_PARTS) $(LIBRARY)
	$(call link,$(if $(FUZZ_DRIVER),,-fsanitize=fuzzer) $(SERVER_LIBS))
$(BUILD)/examples/%: $(OBJ)/examples/%.o $(LIBRARY)
	$(call link)
$(BUILD)/bench/bench_store: LINKER = $(CXX) # it takes other people's maps from bench/maps.cc
$(OBJ)/bench/maps.o: FOLDER_FLAGS += -std=c++20
$(BUILD)/bench/%: $(OBJ)/bench/%.o $(OBJ)/bench.a $(LIBRARY)
	$(call link,$(BENCH_LIBS))

.PHONY: programs unit-programs
unit-programs: $(UNIT_TESTS) $(FUZZERS)
programs: all unit-programs $(EXAMPLES)

# ---- running and testing ----
# Each of these first installs what is missing (.ci/packages), then lets a second make build.
PACKAGES := @.ci/packages
REMAKE := +@$(MAKE) --no-print-directory

.PHONY: run
run: ## build what is needed and serve on 127.0.0.1:6379, data in ./data
	$(PACKAGES) build
	$(REMAKE) all
	@mkdir -p data
	@exec $(DAEMON) --data-dir ./data $(ARGS)

NODES ?= 3
.PHONY: cluster cluster-stop
cluster: ## NODES=3 nodes of one cluster on this machine, ports 7001 up; more NODES add some
	$(PACKAGES) build
	$(REMAKE) all
	@DAEMON=$(DAEMON) ARGS="$(ARGS)" server/deploy/local-cluster.sh start $(NODES)
cluster-stop: ## stop them; data and identities stay in data/cluster
	@DAEMON=$(DAEMON) server/deploy/local-cluster.sh stop

# The suite: unit tests, fuzz corpora, system tests; in the plain build also what the tree promises.
CHECKS := $(sort $(wildcard tests/checks/check_*))
RUN_TESTS = BUILD=$(BUILD) VARIANT=$(VARIANT) HYPERCACHED=$(abspath $(BUILD)/hypercached) \
            CC=$(CC) CXX=$(CXX) MAKEFLAGS= $(PYTHON) tests/checks/run_tests.py
.PHONY: test check suite
test: ## run all tests; ends with "N passed, N failed, N skipped"
	$(PACKAGES) build test
	$(REMAKE) programs
	$(REMAKE) suite
check: test ## the same as test
suite:
	@$(RUN_TESTS) --unit $(UNIT_TESTS) --replay $(FUZZERS) \
	    $(if $(filter release,$(VARIANT)),--check $(CHECKS)) --system $(SYSTEM_TESTS)

.PHONY: unit
unit: ## run the unit tests and fuzz corpora only
	$(PACKAGES) build test
	$(REMAKE) unit-programs
	@$(RUN_TESTS) --unit $(UNIT_TESTS) --replay $(FUZZERS)

.PHONY: test-clients
test-clients: ## every client library of the matrix, 100000 random sequences beside redis-server, 1M keys from it and back
	$(PACKAGES) build test
	-$(PACKAGES) clients
	$(REMAKE) all
	@FULL=1 HYPERCACHED=$(abspath $(BUILD)/hypercached) BUILD=$(BUILD) CC=$(CC) \
	    $(PYTHON) tests/system/test_clients.py
	@FULL=1 HYPERCACHED=$(abspath $(BUILD)/hypercached) BUILD=$(BUILD) \
	    $(PYTHON) tests/system/test_differential.py
	@FULL=1 HYPERCACHED=$(abspath $(BUILD)/hypercached) BUILD=$(BUILD) \
	    $(PYTHON) tests/system/test_data_import.py

.PHONY: test-crash
test-crash: ## lose power at a million moments, again while recovering, and 200 kill -9 (minutes)
	$(PACKAGES) build test
	$(REMAKE) all $(BUILD)/tests/unit/persistence/test_crash
	@KILLS=200 HYPERCACHED=$(abspath $(BUILD)/hypercached) BUILD=$(BUILD) \
	    $(PYTHON) tests/system/test_durability.py
	@TEST_CRASH_POINTS=1000000 $(BUILD)/tests/unit/persistence/test_crash
.PHONY: test-mutants
test-mutants: ## deliberate faults in the persistence, one or more a rule, each of which a test must see
	$(PACKAGES) build test
	$(REMAKE) $(addprefix $(BUILD)/tests/unit/persistence/,test_crash test_damage test_persistence)
	@BUILD=$(BUILD) CC=$(CC) $(PYTHON) tests/checks/mutate_persistence.py

.PHONY: sim sim-mutants
sim: ## clusters under faults in virtual time, SEEDS=100 of them or HOURS=24; a failing one is told whole
	$(PACKAGES) build test
	$(REMAKE) $(BUILD)/tests/sim/sim_cluster
	$(BUILD)/tests/sim/sim_cluster $(if $(HOURS),--hours $(HOURS),--seeds $(SEEDS))
sim-mutants: ## each rule of the cluster's protocol turned off: what breaks then, as a table (minutes)
	$(PACKAGES) build test
	$(REMAKE) $(BUILD)/tests/sim/sim_mutations
	$(BUILD)/tests/sim/sim_mutations --seeds $(MUTANT_SEEDS)

DURATION ?= 60s
.PHONY: chaos
chaos: ## real nodes under load and faults for DURATION=1h: kills, cuts, lost disks; SEED=n again
	$(PACKAGES) build test
	$(REMAKE) all
	@HYPERCACHED=$(abspath $(BUILD)/hypercached) BUILD=$(BUILD) \
	    $(PYTHON) tests/system/chaos.py $(DURATION) $(SEED)

.PHONY: bench bench-programs
bench-programs:
	$(PACKAGES) build bench
	$(REMAKE) all $(BENCHES)
bench: bench-programs ## measure the short way; bench/README.md has the long one and the figures
	$(BUILD)/bench/bench_overhead --quick
	$(BUILD)/bench/bench_store --quick
	$(BUILD)/bench/bench_threads --quick
	$(BUILD)/bench/bench_flood --quick
	$(BUILD)/bench/bench_compress --quick
	$(BUILD)/bench/bench_persistence --quick
	$(PYTHON) bench/bench_daemon_overhead.py
	$(PYTHON) bench/bench_server.py --quick
	$(PYTHON) bench/bench_http.py --quick

.PHONY: check-asan check-ubsan check-tsan check-clang check-valgrind coverage fuzz
check-asan:  ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
check-ubsan: ## the tests under UndefinedBehaviorSanitizer alone
check-tsan:  ## the tests under ThreadSanitizer
check-asan check-ubsan check-tsan:
	$(REMAKE) VARIANT=$(@:check-%=%) test
check-clang: ## unit tests of a build by clang
	$(REMAKE) CC=clang CXX=clang++ BUILD=build/clang unit
.PHONY: check-all
check-all: ## what CI adds to test: spacing, unit tests by clang, ASan, UBSan, TSan
	$(REMAKE) check-format
	$(REMAKE) check-clang
	$(REMAKE) VARIANT=asan unit
	$(REMAKE) VARIANT=tsan unit
check-valgrind: ## unit tests under valgrind
	$(PACKAGES) build test valgrind
	$(REMAKE) unit-programs
	@TEST_TIMEOUT_S=3600 TEST_SLOW=1 $(RUN_TESTS) --unit $(UNIT_TESTS) \
	    --wrapper 'valgrind -q --leak-check=full --error-exitcode=99'
coverage: ## line coverage of the unit tests, per folder
	$(PACKAGES) build test coverage
	$(REMAKE) VARIANT=coverage unit-programs
	@find build/coverage -name '*.gcda' -delete
	$(REMAKE) VARIANT=coverage unit
	@$(PYTHON) tests/checks/coverage.py build/coverage
fuzz: ## fuzz each parser and file reader for SECONDS=60
	$(PACKAGES) build test fuzz
	$(REMAKE) VARIANT=fuzz CC=clang CXX=clang++ unit-programs
	@for f in $(patsubst %.c,%,$(FUZZ_SOURCES)); do \
	    name=$${f##*/fuzz_}; mkdir -p build/fuzz/corpus/$$name; echo "fuzzing $$name"; \
	    build/fuzz/$$f -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 \
	        -print_final_stats=1 -verbosity=0 -artifact_prefix=build/fuzz/$$name- \
	        build/fuzz/corpus/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

# ---- what the tree promises: each is also a part of `make test` ----
.PHONY: check-layers check-symbols check-headers check-style
check-layers:  ## includes follow lib/layers.txt
check-headers: ## each public header compiles alone, as C11 and C++17
check-style:   ## sizes, names and words that STYLE forbids
check-symbols: all ## the library exports hc_ only, and calls the system from host/posix only
check-layers check-headers check-style check-symbols:
	@BUILD=$(BUILD) $(PYTHON) tests/checks/$(subst -,_,$@).py

.PHONY: lint check-format format
LINTED = $(sort $(shell find include lib server tests bench examples -name '*.[ch]' -o -name '*.cc'))
TIDY := clang-tidy --quiet --warnings-as-errors='*'
check-format: ## all C files have the project's spacing
	$(PACKAGES) lint
	@clang-format --dry-run -Werror $(LINTED)
lint: check-style check-format ## spacing, style and static analysis (minutes)
	$(PACKAGES) build test lint
	@printf '%s\n' $(LIB_SOURCES) | xargs -P $(shell nproc) -n 4 sh -c \
	    '$(TIDY) "$$@" -- -std=c11 -Iinclude -Ilib -D_GNU_SOURCE 2>&1 || exit 1' tidy
	@printf '%s\n' $(SERVER_SOURCES) | xargs -P $(shell nproc) -n 4 sh -c \
	    '$(TIDY) "$$@" -- -std=c11 -Iinclude -Iserver -D_GNU_SOURCE 2>&1 || exit 1' tidy
format: ## put all C files into the project's spacing
	$(PACKAGES) lint
	@clang-format -i $(LINTED)

# ---- installing ----
.PHONY: install uninstall dist clean help
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/hypercache
INCLUDEDIR ?= $(PREFIX)/include
UNITDIR ?= $(PREFIX)/lib/systemd/system
install: all ## install below PREFIX=/usr/local (with DESTDIR)
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(LIBDIR)/pkgconfig $(INCLUDEDIR)/hypercache \
	    $(MANDIR)/man1 $(MANDIR)/man3 $(DOCDIR) $(UNITDIR))
	install -m 644 include/hypercache/*.h $(DESTDIR)$(INCLUDEDIR)/hypercache/
	install -m 644 $(LIBRARY) $(DESTDIR)$(LIBDIR)/
	install -m 755 $(SHARED).$(VERSION) $(DESTDIR)$(LIBDIR)/
	ln -sf libhypercache.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libhypercache.so.$(SOVERSION)
	ln -sf libhypercache.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libhypercache.so
	sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' -e 's|@version@|$(VERSION)|' \
	    -e 's|@includedir@|$(INCLUDEDIR)|' pkgconfig/hypercache.pc.in \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/hypercache.pc
	install -m 644 docs/man/hypercache.3 $(DESTDIR)$(MANDIR)/man3/
	install -m 644 docs/man/hypercached.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 LICENSE README.md server/deploy/hypercache.yaml $(DESTDIR)$(DOCDIR)/
	install -m 755 $(DAEMON) $(DESTDIR)$(PREFIX)/bin/
	sed -e 's|/usr/local/bin/|$(PREFIX)/bin/|' server/deploy/hypercached.service \
	    > $(DESTDIR)$(UNITDIR)/hypercached.service
uninstall: ## remove what install put there
	rm -rf $(addprefix $(DESTDIR),$(INCLUDEDIR)/hypercache $(DOCDIR))
	rm -f $(addprefix $(DESTDIR),$(LIBDIR)/libhypercache.a $(LIBDIR)/libhypercache.so \
	    $(LIBDIR)/libhypercache.so.$(SOVERSION) $(LIBDIR)/libhypercache.so.$(VERSION) \
	    $(LIBDIR)/pkgconfig/hypercache.pc $(MANDIR)/man3/hypercache.3 $(PREFIX)/bin/hypercached \
	    $(MANDIR)/man1/hypercached.1 $(UNITDIR)/hypercached.service)

dist: ## build/hypercache-VERSION.tar.gz of the last commit
	@mkdir -p build
	git archive --prefix=hypercache-$(VERSION)/ -o build/hypercache-$(VERSION).tar.gz HEAD
clean: ## remove build/
	rm -rf build
help: ## this list
	@echo 'make: build the library and the daemon (CC=clang, VARIANT=asan, V=1 as you like)'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | \
	    awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'
