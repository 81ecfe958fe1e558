# billionword: the one build file.  `make help` lists the targets.
#
# Two levels.  The outer make knows the public targets; each of them makes sure that
# build/config.mk exists (what tools/configure found on this machine) and then starts the
# inner make, which includes it.  So `make deps pipeline` on a bare machine first installs,
# then looks, then builds, in that order under any -j.

SHELL := /bin/bash
.SUFFIXES:

ifndef CONFIGURED
# === outer level ==========================================================================

PUBLIC := all gpu-built tests-built test test-long test-cluster fuzz asan lint bench gpu-bundle pipeline corpus
PUBLIC += tsan valgrind

# A misspelt variable would be ignored without a word, and the run be another one than was asked for.
PIPELINE_VARIABLES := CORPUS TOKENIZE MINCOUNT MAXWORDS UNK SYSTEMS EPOCHS NP THREADS DEVICE WORK RESULTS LM1B_TAR LM1B_RAW \
                      LM1B_MEMORY NGRAM_MEMORY FRESH ELASTIC MIX
TEST_VARIABLES     := ONLY VERBOSE JOBS PAIRS SIZES TEXT SECONDS CORPORA COUNTS
BUILD_VARIABLES    := CC CXX AR NVCC GPU_ARCH GPU_WARN OPTIMISE WERROR SANITIZE WARN CFLAGS CPPFLAGS LDFLAGS LDLIBS SHELL
GIVEN   := $(foreach v,$(.VARIABLES),$(if $(filter command line,$(origin $(v))),$(v)))
UNKNOWN := $(filter-out $(PIPELINE_VARIABLES) $(TEST_VARIABLES) $(BUILD_VARIABLES) HAVE_% %_CFLAGS %_LIBS CPU_%,$(GIVEN))
$(if $(UNKNOWN),$(error unknown variable $(UNKNOWN).  There are, for the pipeline: $(PIPELINE_VARIABLES); \
  for tests and bench: $(TEST_VARIABLES); for building: $(BUILD_VARIABLES).  See make help))

.PHONY: deps configure clean help $(PUBLIC)
.DEFAULT_GOAL := all
.NOTPARALLEL:

help: ## list the targets
	@echo "usage: make [target ...] [VARIABLE=value ...]"; echo
	@sed -n 's/^#:\{0,1\} \{0,1\}\([a-z-]*\): *## \(.*\)/  \1\t\2/p; s/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | \
	  sort -u | awk -F'\t' '{ printf "%-16s %s\n", $$1, $$2 }'
	@echo; echo "variables of make pipeline:"
	@sed -n 's/^#@ //p' Makefile

#: all: ## build every program into build/bin (the default)
#: test: ## run the tests (at most 10 minutes on 2 cores)
#: test-long: ## run the tests meant for nights
#: test-cluster: ## submit the job scripts to a real Slurm on this machine
#: fuzz: ## fuzz every reader (clang), SECONDS=600 in all, ONLY=target for one; keeps what it finds
#: asan: ## run the tests under the address and undefined-behaviour sanitizers
#: tsan: ## run the threaded stages under the thread sanitizer (clang, which sees OpenMP, too)
#: valgrind: ## run the stages under valgrind
#: lint: ## check format, dependency directions, shell scripts, and warnings as errors
#: bench: ## measure speed and memory; writes TSVs under build/bench
#: gpu-bundle: ## pack into gpu-bundle/ what tools/gpu_check may lack on a machine without a network
#: corpus: ## fetch and prepare the corpus CORPUS (default classics)
#: pipeline: ## text to table: corpus, vocabulary, shards, every system, report
#@   CORPUS=name|directory   classics (default), lm1b, or a folder with train.txt valid.txt test.txt
#@   TOKENIZE=lm1b|none      the benchmark's tokenizer, or leave the text as it is
#@   MINCOUNT=3              words seen less often in the training text become <UNK>
#@   MAXWORDS=n              and so do all but the n commonest
#@   UNK='<unk>'             the text's own unknown-word symbol, read as <UNK>
#@   SYSTEMS="..."|default|all   which rows of the table to make
#@   EPOCHS=n                passes over the training text, in place of a recipe's own
#@   NP=ranks  THREADS=n  DEVICE=auto|cpu|cuda  WORK=directory  RESULTS=directory
#@   FRESH=1                 start anew where an unfinished run has other options or inputs
#@   ELASTIC=1               go on with an unfinished run of another number of ranks
#@   MIX="..."               the systems of `mixture` (all that have a valid row)
#@   NGRAM_MEMORY=16G        what counting, estimating and pruning n-grams may take (half of what is free,
#@                           or 4G where that is more); changes their speed only
#@   LM1B_TAR=file           for CORPUS=lm1b: the benchmark's tarball, or
#@   LM1B_RAW=directory      the raw news files it is made of;  LM1B_MEMORY=4G is for sorting them

deps: ## install what is missing (apt), and look at what is there
	@tools/deps

configure: ## look again at what this machine has; writes build/config.mk
	@tools/configure build/config.mk

build/config.mk: tools/configure
	@tools/configure $@

$(PUBLIC): $(filter deps configure,$(MAKECMDGOALS)) build/config.mk
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) CONFIGURED=1 $@

clean: ## remove everything built (computed work/ and results/ stay)
	rm -rf build

else
# === inner level: build/config.mk is there ================================================

include build/config.mk
ifeq ($(strip $(NVCC)),) # make NVCC= builds without CUDA
override HAVE_CUDA := 0
endif

VERSION := 0.1.0
comma   := ,
COMMIT  := $(shell git -c safe.directory='$(CURDIR)' rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

OPTIMISE ?= -O3
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wundef -Wvla -Wformat=2
CFLAGS   := -std=c17 -D_GNU_SOURCE $(OPTIMISE) -g -fno-math-errno -fopenmp $(WARN) \
            $(if $(WERROR),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -Wno-format-truncation)
CPPFLAGS := -I. -DHAVE_MPI=$(HAVE_MPI) -DHAVE_CUDA=$(HAVE_CUDA) -DHAVE_AMX=$(HAVE_AMX) $(MPI_CFLAGS) $(BLAS_CFLAGS) $(ZSTD_CFLAGS) $(UTF8PROC_CFLAGS) $(XXHASH_CFLAGS) \
            $(ZLIB_CFLAGS) $(CMOCKA_CFLAGS)
LDFLAGS  := -fopenmp -Wl,--as-needed $(if $(SANITIZE),-fsanitize=$(SANITIZE))
# The fuzzers (make fuzz): by clang, one thread, and what ends a program is theirs (tests/fuzz/fuzzer.c).
FUZZ_SANITIZERS := fuzzer-no-link,address,undefined
ifdef FUZZ
CFLAGS  := $(filter-out -fopenmp,$(CFLAGS)) -Wno-unknown-pragmas -Wno-unused-parameter -fno-omit-frame-pointer -Itests/fuzz/serial \
           -DSTREAM_BLOCK=64 -fsanitize=$(FUZZ_SANITIZERS) -fno-sanitize-recover=all
LDFLAGS := -fsanitize=fuzzer,address,undefined -Wl,--as-needed \
           $(addprefix -Wl$(comma)--wrap=,die die_errno die_usage warn exit mmap munmap)
endif
LDLIBS   := $(MPI_LIBS) $(BLAS_LIBS) $(ZSTD_LIBS) $(UTF8PROC_LIBS) $(XXHASH_LIBS) $(ZLIB_LIBS) -lm -lpthread -ldl

# Objects live in a folder named by compiler, flags and Makefile, so that a change of flags never mixes objects.
KEY   := $(shell printf '%s' "$(shell $(CC) --version | head -n 1) $(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(LDLIBS)" | cksum | cut -d' ' -f1)
BUILD := build/$(KEY)
BIN   := $(BUILD)/bin

# The CPU kernels are compiled once for each level of vector instructions; kernels/kernels.c picks one at run time.
CPU_LEVELS        := $(if $(filter x86_64,$(shell uname -m)),baseline avx2 avx512 $(if $(filter 1,$(HAVE_AMX)),amx),baseline)
CPU_FLAGS_avx2    := -march=haswell
CPU_FLAGS_avx512  := -march=skylake-avx512 -mprefer-vector-width=512
CPU_FLAGS_amx     := $(CPU_FLAGS_avx512) -mamx-tile -mamx-bf16 -DCPU_TILES=1

MAINS   := $(wildcard pipeline/*.c)
TOOLS   := $(wildcard tools/*.c)
CPU_SRC := $(wildcard kernels/cpu/*.c)
LIB_SRC := $(wildcard pipeline/*/*.c kernels/*.c kernels/ref/*.c dist/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(foreach l,$(CPU_LEVELS),$(CPU_SRC:%.c=$(BUILD)/$(l)/%.o))
LIB     := $(BUILD)/libbillionword.a

TEST_SRC := $(wildcard tests/unit/test_*.c)
ifeq ($(HAVE_CMOCKA),1)
TEST_BIN := $(TEST_SRC:tests/unit/%.c=$(BUILD)/unit/%)
endif

# The CUDA kernels: a shared object of their own, by nvcc, which programs open when a GPU is asked for.  For the
# tests the same sources make another one by the C++ compiler, which runs them on the host.
GPU_SRC  := $(wildcard kernels/cuda/*.cu)
GPU      := $(if $(filter 1,$(HAVE_CUDA)),$(BUILD)/lib/libbillionword_gpu.so)
GPU_ARCH := $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) $(foreach a,$(lastword $(CUDA_ARCHS)),-gencode arch=compute_$(a),code=compute_$(a))
GPU_WARN := -Werror all-warnings
NVFLAGS  := -std=c++20 -O3 -t 2 $(GPU_ARCH) $(CUDA_FLAGS) -I. $(GPU_WARN) -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra
GPU_KEY  := $(shell printf '%s' "$(NVFLAGS) $(CUDA_LIBS) $(NVCC)" | cksum | cut -d' ' -f1)
GPU_OBJ  := $(GPU_SRC:%.cu=build/gpu-$(GPU_KEY)/%.o)
ifneq ($(CXX),)
EMULATED_GPU := $(BUILD)/emulated/libbillionword_gpu.so
EMULATED     := $(EMULATED_GPU) $(if $(filter 1,$(HAVE_MPI)),$(BUILD)/emulated/libnccl_emulated.so)
EMULATED_SRC := $(filter-out kernels/cuda/cuda_gemm.cu,$(GPU_SRC)) $(filter-out %_nccl.cpp,$(wildcard tests/cuda/*.cpp))
EMULATED_OBJ := $(EMULATED_SRC:%=$(BUILD)/emulated/%.o)
endif

FUZZ_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/fuzzer.c %/replay.c,$(wildcard tests/fuzz/*.c)))

PROGRAMS := $(MAINS:pipeline/%.c=$(BIN)/%) $(TOOLS:tools/%.c=$(BIN)/%)

.PHONY: all programs gpu-built tests-built test test-long test-cluster fuzz fuzz-run asan lint bench gpu-bundle pipeline corpus
.SECONDARY:

all: programs $(GPU)
	@[ "$$(readlink build/bin)" = $(KEY)/bin ] || { ln -sfn $(KEY)/bin build/.bin.$$$$ && mv -T build/.bin.$$$$ build/bin; }

programs: $(PROGRAMS)

$(BIN)/%: $(BUILD)/pipeline/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

$(BIN)/%: $(BUILD)/tools/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS) $(CMOCKA_LIBS)

# replay: kept inputs through the targets, an ordinary test; fuzzer: libFuzzer's program, by clang.
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(FUZZ_OBJ) $(LIB) $(LDLIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@$(AR) rcs $@ $^

# The version goes into one object only, which is made again whenever the commit changes.
$(BUILD)/pipeline/cli/version.o: CPPFLAGS += -DVERSION='"$(VERSION)"' -DCOMMIT='"$(COMMIT)"'
$(BUILD)/pipeline/cli/version.o: $(BUILD)/commit
$(BUILD)/commit: force
	@mkdir -p $(@D); echo '$(VERSION) $(COMMIT)' | cmp -s - $@ || echo '$(VERSION) $(COMMIT)' > $@
.PHONY: force

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define cpu_level
$(BUILD)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(CPU_FLAGS_$(1)) -DCPU_LEVEL=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(CPU_LEVELS),$(eval $(call cpu_level,$(l))))

build/gpu-$(GPU_KEY)/%.o: %.cu
	@mkdir -p $(@D)
	$(NVCC) $(NVFLAGS) -MMD -MP -c -o $@ $<

# Its own flags are not in the name of the folder: it is linked anew where they are others.
$(BUILD)/gpu_key: force
	@mkdir -p $(@D); echo '$(GPU_KEY)' | cmp -s - $@ || echo '$(GPU_KEY)' > $@
$(BUILD)/lib/libbillionword_gpu.so: $(GPU_OBJ) $(BUILD)/gpu_key
	@mkdir -p $(@D)
	$(NVCC) -shared -o $@ $(GPU_OBJ) -cudart static $(CUDA_LIBS) -Xlinker -z,defs

$(BUILD)/emulated/%.o: %
	@mkdir -p $(@D)
	$(CXX) -x c++ -std=c++20 -I. -Itests/cuda/shim -O2 -g -fPIC -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Wno-unknown-pragmas \
	  $(if $(WERROR),-Werror) -MMD -MP -c -o $@ $<

$(BUILD)/emulated/libbillionword_gpu.so: $(EMULATED_OBJ)
	$(CXX) -shared -o $@ $^

$(BUILD)/emulated/tests/cuda/emulated_nccl.cpp.o: CXX += $(MPI_CFLAGS)
$(BUILD)/emulated/libnccl_emulated.so: $(BUILD)/emulated/tests/cuda/emulated_nccl.cpp.o $(EMULATED_GPU)
	$(CXX) -shared -o $@ $< -L$(@D) -l:libbillionword_gpu.so -Wl,-rpath,'$$ORIGIN' $(MPI_LIBS)

-include $(GPU_OBJ:.o=.d) $(EMULATED_OBJ:.o=.d) $(BUILD)/emulated/tests/cuda/emulated_nccl.cpp.d
-include $(LIB_OBJ:.o=.d) $(MAINS:%.c=$(BUILD)/%.d) $(TOOLS:%.c=$(BUILD)/%.d) $(TEST_SRC:%.c=$(BUILD)/%.d) \
         $(FUZZ_OBJ:.o=.d) $(BUILD)/tests/fuzz/replay.d $(BUILD)/tests/fuzz/fuzzer.d

gpu-built: programs $(TEST_BIN) $(GPU)
tests-built: gpu-built $(BUILD)/fuzz/replay $(EMULATED)

test: tests-built all
	@BIN=$(abspath $(BIN)) UNIT=$(abspath $(BUILD)/unit) tests/run short

test-long: tests-built all
	@BIN=$(abspath $(BIN)) UNIT=$(abspath $(BUILD)/unit) tests/run long

test-cluster: all
	@BIN=$(abspath $(BIN)) tests/run cluster

asan:
	@$(MAKE) --no-print-directory SANITIZE=address,undefined OPTIMISE=-O1 tests-built
	@$(MAKE) --no-print-directory SANITIZE=address,undefined OPTIMISE=-O1 asan-run
asan-run:
	@BIN=$(abspath $(BIN)) UNIT=$(abspath $(BUILD)/unit) SANITIZED=1 tests/run short

# gcc's OpenMP library is not made for the sanitizer, which takes its barriers for none; clang's tells it of them (libarcher).
tsan:
	@clang=$$(tests/find_clang thread) && \
	  $(MAKE) --no-print-directory CC=$$clang SANITIZE=thread OPTIMISE=-O1 tsan-run
tsan-run: programs $(filter %_message %_reader,$(TEST_BIN))
	@BIN=$(abspath $(BIN)) UNIT=$(abspath $(BUILD)/unit) SANITIZED=1 tests/run short cli/threads unit/test_message unit/test_reader

valgrind: all
	@BIN=$(abspath $(BIN)) tests/run long cli/valgrind

fuzz:
	@clang=$$(tests/find_clang fuzzer) && \
	  $(MAKE) --no-print-directory CC=$$clang FUZZ=1 OPTIMISE=-O1 HAVE_MPI=0 MPI_CFLAGS= MPI_LIBS= fuzz-run
fuzz-run: $(BUILD)/fuzz/fuzzer
	@tests/fuzz/run_fuzzers $< $(or $(SECONDS),600) $(ONLY)

lint:
	@tools/lint
	@$(MAKE) --no-print-directory WERROR=1 OPTIMISE=-O1 tests-built

bench: all
	@BIN=$(abspath $(BIN)) tools/bench

gpu-bundle: all
	@BIN=$(abspath $(BIN)) tools/gpu_bundle gpu-bundle

export CORPUS TOKENIZE MINCOUNT MAXWORDS UNK SYSTEMS EPOCHS NP THREADS DEVICE WORK RESULTS LM1B_TAR LM1B_RAW \
       LM1B_MEMORY NGRAM_MEMORY FRESH ELASTIC MIX

corpus: all
	@jobs/prepare_corpus.sh

pipeline: all
	@jobs/pipeline.sh

endif
