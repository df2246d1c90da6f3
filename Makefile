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
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
PYTHON := /usr/bin/python3

# ---- variants: each has its folder, its optimization and its sanitizers ----
VARIANT ?= release
optimize_release := -O2 -D_FORTIFY_SOURCE=2
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
            -Wwrite-strings -Wformat=2 -Wvla -Wimplicit-fallthrough -Wdouble-promotion
HARDENING := -fstack-protector-strong $(call accepts,-fstack-clash-protection)
BASE_FLAGS := -g $(optimize) $(HARDENING) -pthread $(EXTRA_FLAGS)
C_FLAGS := -std=c11 $(WARNINGS) $(BASE_FLAGS) $(CFLAGS)
CXX_FLAGS := -std=c++17 -Wall -Wextra -Werror $(BASE_FLAGS) $(CXXFLAGS)
LINK := -pthread $(filter -fsanitize=% --coverage,$(optimize)) -Wl,-z,relro,-z,now \
        -Wl,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
LIB_LIBS := -lm
SERVER_LIBS := -levent_core -levent_extra -levent_pthreads -lyaml
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
BENCH_SOURCES := $(call find_c,bench,bench_*.c)
PEER_SOURCES := $(filter-out $(BENCH_SOURCES),$(call find_c,bench,*.c) $(call find_c,bench,*.cc))

LIBRARY := $(BUILD)/libhypercache.a
SHARED := $(BUILD)/libhypercache.so
DAEMON := $(if $(wildcard server/main.c),$(BUILD)/hypercached)
SERVER_PARTS := $(OBJ)/server.a# the daemon without its main, for tests and fuzzers
SUPPORT := $(OBJ)/support.a
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SOURCES))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SOURCES))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(EXAMPLE_SOURCES))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(BENCH_SOURCES))
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
$(OBJ)/bench/%.o: FOLDER_FLAGS = -Iinclude -Ilib -Itests -Ibench -D_GNU_SOURCE -fPIE $(BENCH_FLAGS)

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(CC) $(C_FLAGS) $(FOLDER_FLAGS) -MMD -MP -c $< -o $@
$(OBJ)/%.o: %.cc $(OBJ)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXX_FLAGS) $(FOLDER_FLAGS) -MMD -MP -c $< -o $@

# Objects depend on the compiler and flags they were made with.
FLAGS_NOW := $(CC) $(C_FLAGS) $(CXX) $(LINK)
.PHONY: always
$(OBJ)/flags: always
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- linking ----
archive = @rm -f $@; ar rcs $@ $(filter %.o,$^)
$(LIBRARY): $(call objects,$(LIB_SOURCES)) | $(OBJ)/flags
	$(archive)
$(SERVER_PARTS): $(call objects,$(filter-out server/main.c,$(SERVER_SOURCES))) | $(OBJ)/flags
	$(archive)
$(SUPPORT): $(call objects,$(SUPPORT_SOURCES)) | $(OBJ)/flags
	$(archive)
$(OBJ)/peers.a: $(call objects,$(PEER_SOURCES)) | $(OBJ)/flags
	$(archive)
$(SHARED).$(VERSION): $(call objects,$(LIB_SOURCES)) | $(OBJ)/flags
	$(CC) -shared -Wl,-soname,libhypercache.so.$(SOVERSION) $(LINK) $^ $(LIB_LIBS) -o $@
$(SHARED): $(SHARED).$(VERSION)
	@ln -sf $(notdir $<) $(SHARED).$(SOVERSION)
	@ln -sf libhypercache.so.$(SOVERSION) $@

link = @mkdir -p $(@D); $(CC) -pie $(filter %.o,$^) $(filter %.a,$^)
$(BUILD)/hypercached: $(call objects,$(SERVER_SOURCES)) $(LIBRARY)
	$(link) $(LINK) $(SERVER_LIBS) $(LIB_LIBS) -o $@
$(BUILD)/tests/unit/server/%: $(OBJ)/tests/unit/server/%.o $(SUPPORT) $(SERVER_PARTS) $(LIBRARY)
	$(link) $(LINK) $(TEST_LIBS) $(SERVER_LIBS) $(LIB_LIBS) -o $@
$(BUILD)/tests/unit/%: $(OBJ)/tests/unit/%.o $(SUPPORT) $(LIBRARY)
	$(link) $(LINK) $(TEST_LIBS) $(LIB_LIBS) -o $@
# A fuzzer is driven by clang's libFuzzer in build/fuzz, and by replay.c over its corpus elsewhere.
FUZZ_DRIVER := $(if $(filter fuzz,$(VARIANT)),,$(OBJ)/tests/fuzz/replay.o)
$(BUILD)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_DRIVER) $(SUPPORT) $(SERVER_PARTS) $(LIBRARY)
	$(link) $(if $(FUZZ_DRIVER),,-fsanitize=fuzzer) $(LINK) $(SERVER_LIBS) $(LIB_LIBS) -o $@
$(BUILD)/examples/%: $(OBJ)/examples/%.o $(LIBRARY)
	$(link) $(LINK) $(LIB_LIBS) -o $@
$(BUILD)/bench/%: $(OBJ)/bench/%.o $(OBJ)/peers.a $(SUPPORT) $(LIBRARY)
	$(if $(filter %.cc,$(PEER_SOURCES)),$(subst $(CC) ,$(CXX) ,$(link)),$(link)) \
	    $(LINK) $(BENCH_LIBS) $(LIB_LIBS) -o $@

.PHONY: programs
programs: all $(UNIT_TESTS) $(FUZZERS) $(EXAMPLES)

# ---- running and testing ----
# Each of these first installs what is missing (.ci/packages), then lets a second make build.
.PHONY: run test check test-now check-asan check-ubsan check-tsan
run:
	@.ci/packages build
	@$(MAKE) --no-print-directory all
	@mkdir -p data
	@exec $(BUILD)/hypercached --data-dir ./data $(ARGS)

test check:
	@.ci/packages build test
	@$(MAKE) --no-print-directory programs
	@$(MAKE) --no-print-directory test-now

RUN_TESTS = BUILD=$(BUILD) VARIANT=$(VARIANT) HYPERCACHED=$(BUILD)/hypercached \
            $(PYTHON) tests/checks/run_tests.py
test-now:
	@$(RUN_TESTS) --unit $(UNIT_TESTS) --replay $(FUZZERS) --system $(SYSTEM_TESTS)

check-asan check-ubsan check-tsan:
	@$(MAKE) --no-print-directory VARIANT=$(@:check-%=%) test

.PHONY: bench-programs
bench-programs: all $(BENCHES)

.PHONY: format clean
format:
	@clang-format -i $(shell find include lib server tests bench examples -name '*.[ch]')

clean:
	rm -rf build
