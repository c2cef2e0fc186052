# Builds and checks tapegrad. `make help` lists the targets.
#
# Variables, on the command line or in the environment:
#   CC, CXX, CFLAGS, LDFLAGS   as everywhere; CXX is only for the C++ tests and may be missing
#   BUILD=dir                  another build folder
#   WERROR=1                   warnings are errors
#   DEBUG=1                    with what a debugger wants to know; without, a build takes half the time and a tenth of the room
#   OPENMP=0                   without OpenMP
#   ISAS="avx2 baseline"       kernels for these instruction sets alone; native: for the best that this machine has
#   SANITIZE=address,undefined (or thread) into a build folder of its own
#   ONLY="test_tape ..."       `make test` runs these alone
#   JOBS=1                     `make test` runs as many suites at once; unless told, one for each processor, 16 at most
#   RUN="qemu-aarch64 ..."     what `make test` starts the test programs with
#   TAPEGRAD_POISON=0          `make test` on memory as the system gives it, not full of NaN (core/memory.h)
#   ARGS="--epochs 5"          what `make notebook` and `make bench` pass on
#   THREADS, RUNS, PYTHON      of `make bench` and `make bench-pytorch`, for which ONLY names workloads
#   PREFIX, DESTDIR            where `make install` puts things
#   V=1, QUIET=1 (or make -s)  show each command; show none
#
# What the machine offers (OpenMP, a C++ compiler) is probed once and remembered in $(BUILD)/config.mk together with all
# flags; everything is built anew when that file changes. Never -ffast-math, never -march=native: results must not depend
# on the machine that compiled them.

VERSION := 0.1.0
SOVERSION := 0
PREFIX ?= /usr/local
TAPEGRAD_POISON ?= 1
OPENMP ?= 1
SAY = $(if $(QUIET)$(findstring s,$(firstword -$(MAKEFLAGS))),:,sh tests/tools/say.sh $(BUILD)/compiled $(words $(MISSING)))
MAKEFLAGS += --no-print-directory
# One job for each processor, 16 at most; what -j on the command line says goes first.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n < 16 ? n : 16)))
endif
comma := ,

ifeq ($(origin CC),default)
CC := $(shell for c in cc gcc clang; do command -v $$c >/dev/null 2>&1 && { echo $$c; break; }; done)
endif
BUILD ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
OBJ := $(BUILD)/obj
ifneq ($(words $(BUILD)),1)
$(error BUILD='$(BUILD)': make cannot build in a folder with a blank in its name (that of the checkout, PREFIX and DESTDIR may have some))
endif
# `.` looks along PATH for a name without a slash, a program for its files from wherever it stands.
HERE := $(if $(filter /%,$(BUILD)),,./)
SHARED_AT = $(if $(HERE),$(CURDIR)/)$(SHARED)
Q := $(if $(V),,@)

all: ## the libraries and the examples (the default)

# ---- flags ----
# TG_HEADER_WARNINGS: tapegrad.h makes no system headers of what it includes, which the compiler would neither warn of nor
# list among a file's dependencies.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion
C_WARNINGS := $(WARNINGS) -Wmissing-prototypes
COMMON := $(if $(DEBUG)$(SANITIZE),-g) -ffp-contract=off -pthread $(if $(WERROR),-Werror) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	$(if $(SANITIZE)$(findstring -fsanitize,$(CFLAGS)),-DTGI_NEAR=)
# Threads may have small stacks. (Sanitizers need more room.)
FRAMES := $(if $(SANITIZE),,-Wframe-larger-than=32768)
LIBRARY_FLAGS := -std=gnu11 -I. -fPIC -fno-semantic-interposition -fvisibility=hidden -DTG_LIBRARY $(C_WARNINGS) $(FRAMES) $(COMMON)
USER_FLAGS := -std=c11 -I. -DTG_HEADER_WARNINGS -O2 $(C_WARNINGS) $(COMMON)
CXX_FLAGS := -std=c++17 -I. -DTG_HEADER_WARNINGS -O2 $(WARNINGS) $(COMMON)
LINK_FLAGS := -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))
PROGRAM_FLAGS = $(LINK_FLAGS) $(if $(SANITIZE),,$(if $(findstring darwin,$(MACHINE)),-Wl$(comma)-dead_strip,-Wl$(comma)--gc-sections))

# ---- what the machine offers: OPENMP_FLAGS, OPENMP_CFLAGS, CXX_FOUND, MACHINE, NATIVE_ISA, VECTOR_FLAGS, PROBE_AGAIN ----
CONFIG := $(BUILD)/config.mk
CONFIG_INPUT := $(CC) | $(if $(filter-out default,$(origin CXX)),$(CXX)) | $(OPENMP) | $(LIBRARY_FLAGS) | $(USER_FLAGS) | \
	$(CXX_FLAGS) | $(CFLAGS) | $(CXXFLAGS) | $(LDFLAGS)
ifneq ($(filter-out clean help fmt uninstall,$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
$(CONFIG): FORCE
	@mkdir -p $(@D)
	@CC='$(CC)' CXX='$(if $(filter-out default,$(origin CXX)),$(CXX))' FLAGS='$(CFLAGS) $(LDFLAGS)' OPENMP='$(OPENMP)' \
		INPUT='$(strip $(CONFIG_INPUT))' AGAIN='$(PROBE_AGAIN)$(if $(NATIVE_ISA),,yes)' sh tests/tools/probe.sh $@
endif

# ---- the house ----
# Each folder uses only those before it. The tools are told these names; nowhere else are they listed.
WINGS := base shape rows index reduce arrange linear layers loss random
WATCH_WINGS := tape gradcheck profile player check compare
KERNEL_FOLDERS := template math rows gemm factor conv image reduce normalize attention index distance optim
LAYERS := core core/file core/show $(WATCH_WINGS:%=core/watch/%) core/watch $(KERNEL_FOLDERS:%=ops/kernels/%) ops/kernels $(WINGS:%=ops/%) ops nn nn/data optim

# ---- the library ----
# ops/kernels/FOLDER/FAMILY_kernels.c is compiled once for each instruction set into a table of functions. Which sets a
# build has is written in select_isa.o, which picks one when a program starts, and in each family's sets.FAMILY.o. These few
# objects lie in a folder named after the sets, so that another ISAS does not compile the kernels anew.
# SETS: those of ISAS that this architecture has, the best first.
ALL_SETS := $(strip $(if $(filter x86_64% amd64%,$(MACHINE)),avx512 avx2) $(if $(filter aarch64% arm64%,$(MACHINE)),neon) baseline)
# A first `make notebook` compiles what that program links (examples/lstm_notebook/needs.txt), for this machine alone, into
# a library apart; a later one takes the library that is there. FIRST: this is a first one.
SETS_BUILT := $(BUILD)/sets
NOTEBOOK_ALONE := $(if $(filter-out notebook,$(or $(MAKECMDGOALS),all)),,yes)
FIRST := $(and $(NOTEBOOK_ALONE),$(if $(wildcard $(BUILD)/libtapegrad.a),,yes))
ISAS ?= $(if $(FIRST),$(if $(filter unknown,$(NATIVE_ISA)),all,native),$(or \
	$(if $(NOTEBOOK_ALONE),$(shell cat $(SETS_BUILT) 2>/dev/null)),all))
# The set of last resort is compiled in less time; gcc makes vectors at -O2 only if it is told.
FLAGS_baseline = $(if $(SANITIZE),,-O2 -ftree-vectorize -fno-tree-slp-vectorize $(VECTOR_FLAGS))
FLAGS_avx2 := -mavx2 -mfma
FLAGS_avx512 := -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma
WANTED_SETS := $(foreach isa,$(ISAS),$(if $(filter all,$(isa)),$(ALL_SETS),$(if $(filter native,$(isa)),$(NATIVE_ISA),$(isa))))
SETS := $(filter $(WANTED_SETS),$(ALL_SETS))
ifneq ($(NATIVE_ISA),)
ifneq ($(or $(filter-out $(ALL_SETS),$(WANTED_SETS)),$(if $(SETS),,none)),)
$(error ISAS='$(ISAS)': there are $(ALL_SETS); all; and native, where what is compiled here also runs here)
endif
endif

OF_SETS := ops/kernels/select_isa.c ops/kernels/sets.c
ALL_SOURCES := $(foreach folder,$(LAYERS),$(sort $(wildcard $(folder)/*.c)))
ifneq ($(FIRST),)
ALL_SOURCES := $(filter $(OF_SETS) $(shell sed '/^\#/d' examples/lstm_notebook/needs.txt),$(ALL_SOURCES))
endif
KERNEL_BODIES := $(filter %_kernels.c,$(ALL_SOURCES))
KERNEL_REFERENCES := $(filter ops/kernels/%_reference.c,$(ALL_SOURCES))
SOURCES := $(filter-out $(KERNEL_BODIES) $(KERNEL_REFERENCES) $(OF_SETS),$(ALL_SOURCES))
FAMILIES := $(patsubst %_kernels.c,%,$(notdir $(KERNEL_BODIES)))
SETS_FOLDER := $(OBJ)/sets/$(subst $() ,+,$(SETS))/ops/kernels
SET_OBJECTS := $(SETS_FOLDER)/select_isa.o $(FAMILIES:%=$(SETS_FOLDER)/sets.%.o)
# The kernels first: they take longest to compile, and what is short then fills up the processors at the end.
OBJECTS := $(foreach isa,$(SETS),$(KERNEL_BODIES:%.c=$(OBJ)/%.$(isa).o)) $(SET_OBJECTS) $(SOURCES:%.c=$(OBJ)/%.o)
STATIC := $(BUILD)/$(if $(FIRST),first/)libtapegrad.a
SHARED := $(BUILD)/libtapegrad.so
LIBS = $(OPENMP_FLAGS) -lm
DL_LIBS = $(if $(findstring linux,$(MACHINE)),-ldl)

ifneq ($(findstring darwin,$(MACHINE)),)
SHARED_FLAGS := -Wl,-install_name,@rpath/libtapegrad.so.$(SOVERSION)
else
# Once loaded it stays, and with it OpenMP, whose threads, if the program has any, run on when it closes the library.
SHARED_FLAGS := -Wl,-soname,libtapegrad.so.$(SOVERSION) -Wl,-z,nodelete $(if $(SANITIZE),,-Wl,-z,defs)
endif

# A program is linked without the functions that it does not call (-Wl,--gc-sections). What every op passes through is as
# hot as a kernel, and all of it is called: no sections there, which cost 2 % of W8. To the rest, but for a few loops, -O3
# only adds size.
SECTIONS := -ffunction-sections -fdata-sections
LEVEL := -O2 $(SECTIONS)
HOT := core ops/base ops/kernels
$(addsuffix /%.o,$(addprefix $(OBJ)/,$(HOT))) $(OBJ)/ops/engine.o: LEVEL := -O3
$(OBJ)/ops/rows/%.o $(OBJ)/ops/shape/create.o: LEVEL := -O3 $(SECTIONS)
# Nor does a program that only reads a format link what writes it.
$(OBJ)/core/file/%.o $(OBJ)/core/show/%.o $(OBJ)/core/watch/%.o: LEVEL := -O2 $(SECTIONS)
$(OBJ)/core/watch/check/check_scan.o: LEVEL := -O3 $(SECTIONS)
$(OBJ)/%.o: %.c $(CONFIG)
	@mkdir -p $(@D); $(SAY) "CC $<"
	$(Q)$(CC) $(LIBRARY_FLAGS) $(LEVEL) $(OPENMP_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The player's page is written as files that browsers read, and comes into the library as one text (tests/tools/embed.awk).
# Its scripts, in the order in which they begin.
PLAYER_FOLDER := core/watch/player
PLAYER_SCRIPTS := $(patsubst %,$(PLAYER_FOLDER)/%.js,number run formula products colors words story tree layout cards tape values panel \
	source list search hands main)
PLAYER := $(BUILD)/player/player_page
EMBED = LC_ALL=C awk -v style=$(PLAYER_FOLDER)/player.css -v scripts='$(PLAYER_SCRIPTS)' -f tests/tools/embed.awk
$(PLAYER).text: $(PLAYER_FOLDER)/player.html $(PLAYER_FOLDER)/player.css $(PLAYER_SCRIPTS) tests/tools/embed.awk $(CONFIG)
	@mkdir -p $(@D); $(SAY) "EMBED $<"
	$(Q)$(EMBED) $< >$@
$(PLAYER).html: $(PLAYER).text
	$(Q)$(EMBED) -v raw=1 $(PLAYER_FOLDER)/player.html >$@
$(OBJ)/core/watch/player/player_page.o: LIBRARY_FLAGS += -I$(BUILD)/player
$(OBJ)/core/watch/player/player_page.o: $(PLAYER).text

# The instruction set and the level come last; no LTO, which could carry code for one processor into code for all.
# (Sanitizers see as much at -O1, and compile in a fraction of the time.) The vectors are in the loops: looking for more of
# them in straight code takes a tenth of the time and finds nothing.
KERNEL_LEVEL := $(if $(SANITIZE),-O1,-O3 -fno-tree-slp-vectorize)
define KERNEL_RULE
$(OBJ)/ops/kernels/%.$(1).o: ops/kernels/%.c $(CONFIG)
	@mkdir -p $$(@D); $$(SAY) "CC $$< for $(1)"
	$(Q)$(CC) $(LIBRARY_FLAGS) $(OPENMP_CFLAGS) $(CFLAGS) $(KERNEL_LEVEL) -fno-lto -DISA=$(1) $(FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach isa,$(SETS),$(eval $(call KERNEL_RULE,$(isa))))

SET_FLAGS := '-DTGI_SETS=$(foreach isa,$(SETS),SET($(isa)))'
$(SETS_FOLDER)/select_isa.o: ops/kernels/select_isa.c $(CONFIG)
	@mkdir -p $(@D); $(SAY) "CC $< for $(SETS)"
	$(Q)$(CC) $(LIBRARY_FLAGS) $(LEVEL) $(CFLAGS) $(SET_FLAGS) -MMD -MP -c -o $@ $<

$(FAMILIES:%=$(SETS_FOLDER)/sets.%.o): $(SETS_FOLDER)/sets.%.o: ops/kernels/sets.c $(CONFIG)
	@mkdir -p $(@D); $(SAY) "CC $< for $*"
	$(Q)$(CC) $(LIBRARY_FLAGS) $(LEVEL) $(CFLAGS) $(SET_FLAGS) -DFAMILY=$* -MMD -MP -c -o $@ $<

# Which sets the libraries have: they are made anew when that changes.
$(SETS_BUILT): FORCE
	@mkdir -p $(@D); echo '$(SETS)' | cmp -s - $@ || echo '$(SETS)' >$@

$(STATIC): $(OBJECTS) $(if $(FIRST),,$(SETS_BUILT))
	@mkdir -p $(@D); $(SAY) "AR $@"; rm -f $@
	$(Q)$(AR) rcs $@ $(OBJECTS)

$(SHARED).$(SOVERSION): $(OBJECTS) $(SETS_BUILT)
	@$(SAY) "LD $@"
	$(Q)$(CC) -shared $(SHARED_FLAGS) $(LINK_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

# What the kernels' tests compare with.
REFERENCE := $(BUILD)/tests/libreference.a
REFERENCE_OBJECTS := $(KERNEL_REFERENCES:%.c=$(OBJ)/%.o)
$(REFERENCE): $(REFERENCE_OBJECTS)
	@mkdir -p $(@D); $(SAY) "AR $@"; rm -f $@
	$(Q)$(AR) rcs $@ $^

$(SHARED): $(SHARED).$(SOVERSION)
	@ln -sf $(<F) $@

# ---- programs: examples/NAME.c or examples/NAME/*.c, tests/FOLDER/test_NAME.c, tests/FOLDER/NAME.cpp ----
EXAMPLE_NAMES := $(sort $(patsubst examples/%.c,%,$(wildcard examples/*.c)) $(patsubst examples/%/,%,$(dir $(wildcard examples/*/*.c))))
EXAMPLES := $(EXAMPLE_NAMES:%=$(BUILD)/examples/%)
EXAMPLE_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard examples/*.c examples/*/*.c))

BENCH := $(BUILD)/bench/bench
BENCH_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(filter-out tests/bench/onednn.c,$(wildcard tests/bench/*.c)))
ONEDNN := $(BUILD)/bench/onednn
ONEDNN_OBJECTS := $(addprefix $(OBJ)/tests/bench/,onednn.o models.o timing.o)

SUPPORT_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/support/*.c))
TEST_NAMES := $(sort $(patsubst tests/%.c,%,$(wildcard tests/*/test_*.c)))
CXX_TEST_NAMES := $(if $(CXX_FOUND),$(sort $(patsubst tests/%.cpp,%,$(wildcard tests/*/*.cpp))))
ifneq ($(ONLY),)
named = $(foreach name,$(ONLY),$(filter %/$(name),$(1)))
TEST_NAMES := $(call named,$(TEST_NAMES))
CXX_TEST_NAMES := $(call named,$(CXX_TEST_NAMES))
endif
TESTS := $(TEST_NAMES:%=$(BUILD)/tests/%)
CXX_TESTS := $(CXX_TEST_NAMES:%=$(BUILD)/tests/%)
TEST_OBJECTS := $(TEST_NAMES:%=$(OBJ)/tests/%.o) $(SUPPORT_OBJECTS)
CXX_OBJECTS := $(CXX_TEST_NAMES:%=$(OBJ)/tests/%.cpp.o)
CMOCKA := $(BUILD)/cmocka.sh

$(foreach name,$(EXAMPLE_NAMES),$(eval \
	$(BUILD)/examples/$(name): $(patsubst %.c,$(OBJ)/%.o,$(wildcard examples/$(name).c examples/$(name)/*.c))))

# A notebook that somebody changed may want more than the first one.
$(EXAMPLES): $(STATIC)
	@mkdir -p $(@D); $(SAY) "LD $@"
	$(Q)$(CC) $(PROGRAM_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(STATIC) $(LIBS) \
		$(if $(FIRST),2>/dev/null || $(MAKE) FIRST= ISAS='$(SETS)' $@)

$(BENCH): $(BENCH_OBJECTS) $(STATIC)
	@mkdir -p $(@D); $(SAY) "LD $@"
	$(Q)$(CC) $(PROGRAM_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(BENCH_OBJECTS) $(STATIC) $(LIBS) $(DL_LIBS)

# Built by `make bench-onednn` alone.
$(ONEDNN): $(ONEDNN_OBJECTS) $(STATIC)
	@mkdir -p $(@D); $(SAY) "LD $@"
	$(Q)$(CC) $(PROGRAM_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(ONEDNN_OBJECTS) $(STATIC) -ldnnl $(LIBS)
$(OBJ)/tests/bench/onednn.o: | find-onednn
find-onednn:
	@CC='$(CC)' FLAGS='$(CFLAGS) $(LDFLAGS)' sh tests/tools/find_onednn.sh

$(TESTS): $(BUILD)/tests/%: $(OBJ)/tests/%.o $(SUPPORT_OBJECTS) $(STATIC) $(CMOCKA)
	@mkdir -p $(@D); $(SAY) "LD $@"
	$(Q). $(HERE)$(CMOCKA) && $(CC) $(PROGRAM_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter-out $(STATIC),$(filter %.a,$^)) $(STATIC) $$CMOCKA_LIBS $(LIBS)

$(filter $(BUILD)/tests/kernels/%,$(TESTS)): $(REFERENCE)

# These open the shared object.
$(BUILD)/tests/ops/test_binding $(BUILD)/tests/core/test_process $(BUILD)/tests/core/test_interrupt: LIBS += $(DL_LIBS)
$(BUILD)/tests/ops/test_binding $(BUILD)/tests/core/test_process $(BUILD)/tests/core/test_thread: $(SHARED)

$(CXX_TESTS): $(BUILD)/tests/%: $(OBJ)/tests/%.cpp.o $(STATIC) $(CMOCKA)
	@mkdir -p $(@D); $(SAY) "LD $@"
	$(Q). $(HERE)$(CMOCKA) && $(CXX_FOUND) $(PROGRAM_FLAGS) $(CXXFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(STATIC) $$CMOCKA_LIBS $(LIBS)

$(EXAMPLE_OBJECTS) $(BENCH_OBJECTS) $(OBJ)/tests/bench/onednn.o: $(OBJ)/%.o: %.c $(CONFIG)
	@mkdir -p $(@D); $(SAY) "CC $<"
	$(Q)$(CC) $(USER_FLAGS) $(OPENMP_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(TEST_OBJECTS): $(OBJ)/%.o: %.c $(CONFIG) | $(CMOCKA)
	@mkdir -p $(@D); $(SAY) "CC $<"
	$(Q). $(HERE)$(CMOCKA) && $(CC) $(USER_FLAGS) $(OPENMP_CFLAGS) $(CFLAGS) $$CMOCKA_CFLAGS -MMD -MP -c -o $@ $<

$(CXX_OBJECTS): $(OBJ)/%.cpp.o: %.cpp $(CONFIG) | $(CMOCKA)
	@mkdir -p $(@D); $(SAY) "CXX $<"
	$(Q). $(HERE)$(CMOCKA) && $(CXX_FOUND) $(CXX_FLAGS) $(OPENMP_CFLAGS) $(CXXFLAGS) $$CMOCKA_CFLAGS -MMD -MP -c -o $@ $<

# Finds CMocka, or installs it.
$(CMOCKA): tests/tools/find_cmocka.sh
	@mkdir -p $(@D)
	@CC='$(CC)' FLAGS='$(CFLAGS) $(LDFLAGS)' sh tests/tools/find_cmocka.sh $@

-include $(patsubst %.o,%.d,$(OBJECTS) $(REFERENCE_OBJECTS) $(EXAMPLE_OBJECTS) $(BENCH_OBJECTS) $(ONEDNN_OBJECTS) $(TEST_OBJECTS) $(CXX_OBJECTS))

# What a build has to compile that was never compiled before.
MISSING := $(OBJECTS) $(EXAMPLE_OBJECTS) $(if $(filter test,$(MAKECMDGOALS)),$(BENCH_OBJECTS) $(REFERENCE_OBJECTS) $(TEST_OBJECTS) $(CXX_OBJECTS))
MISSING := $(filter-out $(wildcard $(MISSING)),$(MISSING))

# ---- what the check scripts are told ----
export CHECK_CC = $(CC)
export CHECK_CXX = $(CXX_FOUND)
export CHECK_CFLAGS = $(USER_FLAGS) $(OPENMP_CFLAGS) $(CFLAGS)
export CHECK_CXXFLAGS = $(CXX_FLAGS) $(OPENMP_CFLAGS) $(CXXFLAGS)
export CHECK_LIBS = $(PROGRAM_FLAGS) $(LDFLAGS) $(STATIC) $(LIBS)
export CHECK_BUILD = $(BUILD)
export CHECK_OBJECTS = $(OBJECTS)
export CHECK_LAYERS = $(LAYERS)
export CHECK_FOLDERS = $(sort $(foreach layer,$(LAYERS),$(firstword $(subst /, ,$(layer)))))
export CHECK_SHARED = $(SHARED)
export TEST_TIMEOUT ?= $(if $(SANITIZE),3600,1200)
# gcc's stand-ins for stack frames are aligned to 32 bytes, and the kernels' vectors want 64: the real stack is kept.
export ASAN_OPTIONS ?= detect_leaks=1:allocator_may_return_null=1:detect_stack_use_after_return=0:strict_string_checks=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=1:allocator_may_return_null=1

CHECKS := check-layers check-needs check-headers check-misuse check-calls check-kinds check-handles check-install check-examples check-resume check-player check-docs

# ---- targets ----
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all notebook test bench bench-pytorch bench-onednn find-onednn asan tsan valgrind reference needs $(CHECKS) fmt lint install uninstall clean help FORCE

all: $(STATIC) $(SHARED) $(EXAMPLES)
	@$(SAY)

notebook: $(BUILD)/examples/lstm_notebook ## builds and runs the LSTM notebook's port; ARGS="--seed 1 --epochs 20"
	@$(SAY)
	@$< $(ARGS)

test: $(if $(ONLY),,all $(BENCH) $(PLAYER).html) $(TESTS) $(CXX_TESTS) ## builds and runs every test and check; ends with "N passed, N failed"
	@TAPEGRAD_POISON='$(TAPEGRAD_POISON)' TAPEGRAD_LIBRARY='$(SHARED_AT)' sh tests/tools/run_tests.sh $(foreach t,$(TESTS),"cmocka:$(notdir $t)=$(if $(RUN),$(RUN) )$t") \
		$(foreach t,$(CXX_TESTS),"program:$(notdir $t)=$(if $(RUN),$(RUN) )$t") \
		$(if $(ONLY),,"program:bench=env TAPEGRAD_POISON=0 $(BENCH) --only W1 --seconds 0.01 --csv" "program:bench-rows=$(BENCH) --missing") \
		$(if $(ONLY),,$(foreach c,$(CHECKS),"script:$c=sh tests/tools/$(subst -,_,$c).sh"))
ifneq ($(wildcard tests/*/*.cpp),)
ifeq ($(CXX_FOUND),)
test: no-cxx
.PHONY: no-cxx
no-cxx:
	@echo "no C++ compiler: the C++ tests are skipped" >&2
endif
endif

# OpenBLAS, if it is compared with, picks its kernels itself, unless CORETYPE names others.
bench: $(BENCH) ## times training steps and kernels; THREADS=2 ONLY=W1,gemm ARGS="--blas libopenblas.so.0"
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(if $(CORETYPE),OPENBLAS_CORETYPE=$(CORETYPE)) $< --threads $(or $(THREADS),1) $(if $(ONLY),--only $(ONLY)) $(ARGS)

bench-pytorch: $(BENCH) ## times the workloads here and in PyTorch by turns; THREADS=2 ONLY=W1,W2 RUNS=3 KEEP=1 CPU=1 FLUSH=1 CORETYPE=SkylakeX PYTHON=python3
	@THREADS='$(THREADS)' ONLY='$(ONLY)' RUNS='$(RUNS)' KEEP='$(KEEP)' CPU='$(CPU)' FLUSH='$(FLUSH)' CORETYPE='$(CORETYPE)' PYTHON='$(PYTHON)' sh tests/bench/compare.sh $<

bench-onednn: $(ONEDNN) ## times LSTM training steps here and with oneDNN by turns; THREADS=2 ARGS="--only W3 --rounds 9"
	@$< --threads $(or $(THREADS),1) $(ARGS)

asan: ## the tests under AddressSanitizer, LeakSanitizer and UBSan
	@$(MAKE) test SANITIZE=address,undefined BUILD=$(BUILD)/asan

tsan: ## the tests under ThreadSanitizer, without OpenMP, whose runtime it cannot see into
	@$(MAKE) test SANITIZE=thread OPENMP=0 BUILD=$(BUILD)/tsan

VALGRIND_ISA = $(shell grep -qs avx2 /proc/cpuinfo && echo avx2 || echo baseline)
valgrind: $(BUILD)/examples/lstm_notebook ## the notebook, a few epochs, under valgrind: no error, no leak
	TAPEGRAD_ISA=$(VALGRIND_ISA) TAPEGRAD_POOL=0 OMP_NUM_THREADS=1 valgrind --quiet --error-exitcode=1 \
		--leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible \
		$< --epochs 10

check-layers: $(OBJECTS) $(SHARED) ## proves from the objects that core needs nothing of ops, ops nothing of nn, ...
	@sh tests/tools/check_layers.sh

check-needs: $(OBJECTS) $(EXAMPLE_OBJECTS) ## proves that a first `make notebook` compiles what it links
	@sh tests/tools/check_needs.sh

needs: $(OBJECTS) $(EXAMPLE_OBJECTS) ## writes what a first `make notebook` compiles
	@sh tests/tools/check_needs.sh write

check-headers: ## compiles each header alone, as C11 and C++17
	@sh tests/tools/check_headers.sh

check-misuse: ## proves that calls that mislead do not compile, and that programs do without a warning
	@sh tests/tools/check_misuse.sh

check-calls: $(BUILD)/tests/ops/test_reference ## compiles each op's call as docs/ops.md shows it
	@sh tests/tools/check_calls.sh

check-handles: $(STATIC) ## calls every public function with freed handles, NULL and nonsense
	@sh tests/tools/check_handles.sh

check-kinds: $(STATIC) ## compares docs/modules.md and docs/optimizers.md with headers and code
	@sh tests/tools/check_kinds.sh

reference: $(BUILD)/tests/ops/test_reference $(STATIC) ## writes docs/ops.md, docs/modules.md and docs/optimizers.md anew
	@$< --write >docs/ops.md
	@sh tests/tools/check_kinds.sh write

check-install: all ## installs, compiles and starts programs and plug-ins, in folders with blanks in their names
	@sh tests/tools/check_install.sh

check-examples: all ## runs the examples and compares their losses with PyTorch's
	@sh tests/tools/check_examples.sh

check-resume: all ## interrupts the examples, goes on with them, and compares with whole runs
	@sh tests/tools/check_resume.sh

check-player: $(PLAYER).html $(STATIC) ## uses the player's page in a headless Chromium, if there is one
	@sh tests/tools/check_player.sh

check-docs: all ## compiles and runs the code in README.md and docs/
	@sh tests/tools/check_docs.sh

fmt: ## formats the sources (clang-format 14)
	@sh tests/tools/format.sh fix

lint: ## checks the format (clang-format 14)
	@sh tests/tools/format.sh check

install: $(STATIC) $(SHARED) ## installs headers, libraries and tapegrad.pc under PREFIX (and DESTDIR)
	@VERSION=$(VERSION) SOVERSION=$(SOVERSION) PREFIX='$(PREFIX)' PRIVATE='$(LIBS) -pthread' sh tests/tools/install.sh

uninstall: ## removes what `make install` put there
	$(Q)rm -rf '$(DESTDIR)$(PREFIX)/include/tapegrad'
	$(Q)rm -f '$(DESTDIR)$(PREFIX)/lib/libtapegrad.a' '$(DESTDIR)$(PREFIX)/lib/libtapegrad.so' \
		'$(DESTDIR)$(PREFIX)/lib/libtapegrad.so.$(SOVERSION)' '$(DESTDIR)$(PREFIX)/lib/pkgconfig/tapegrad.pc'

clean: ## removes the build folder
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@awk '/^# Variables/ { on = 1 } /^#$$/ { on = 0 } on { sub(/^# ?/, ""); print }' Makefile
