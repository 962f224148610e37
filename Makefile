# SPDX-License-Identifier: BSD-2-Clause
# varve: one non-recursive makefile. `make help` lists the targets.
#   O=DIR     where objects and binaries go (build)
#   V=1       show commands
#   SAN=address,undefined   build with sanitizers (use another O)

O ?= build
V ?=
SAN ?=
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
CC = gcc
VERSION := 0.1.0

Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' '$(1)' '$(2)')

CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVARVE_VERSION='"$(VERSION)"' -fno-omit-frame-pointer \
	-I. -I$(O) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined)
ALL_LDFLAGS := $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

LIBS_formats := -lzstd
LIBS_record := -lbpf -lelf -llzma -lzstd -lz -lpthread
LIBS_report := -lsqlite3 -lelf -llzma -ldeflate -lzstd -lz -lm -lpthread -l:libiberty.a

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

# ---- sources are what the folders hold; a new file needs no line here -------------------------------------------
FORMATS_SRC := $(wildcard formats/*.c)
RECORD_SRC := $(filter-out record/main.c,$(wildcard record/*.c))
REPORT_SRC := $(filter-out report/main.c,$(wildcard report/*.c))
BPF_SRC := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
WORKLOAD_SRC := $(wildcard tests/workloads/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(wildcard tests/bench/*.c)

obj = $(patsubst %.c,$(O)/%.o,$(1))
SKEL := $(O)/bpf/varve.skel.h

all: $(O)/varve-record $(O)/varve-report $(O)/report/varve-sql.5 ## build both programs

$(O)/libformats.a: $(call obj,$(FORMATS_SRC))
$(O)/librecord.a: $(call obj,$(RECORD_SRC))
$(O)/libreport.a: $(call obj,$(REPORT_SRC))
%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MD -MP -c -o $@ $<

$(O)/varve-record: $(O)/record/main.o $(O)/librecord.a $(O)/libformats.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_record)

$(O)/varve-report: $(O)/report/main.o $(O)/libreport.a $(O)/libformats.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_report)

# ---- BPF: each .bpf.c to an object, linked into one, one skeleton ------------------------------------------------
# expanded where it is used: before `make deps` there may be no compiler to ask
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wno-unused-function -I. -Ibpf \
	-I/usr/include/$(shell $(CC) -dumpmachine)
$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(O)/bpf/varve.o: $(patsubst bpf/%.bpf.c,$(O)/bpf/%.bpf.o,$(BPF_SRC))
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
$(SKEL): $(O)/bpf/varve.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name varve_bpf > $@.tmp && mv $@.tmp $@
$(call obj,$(RECORD_SRC) record/main.c): | $(SKEL)

# The schema is text in one place; the program carries it as a string.
$(O)/report/schema.inc: report/schema.sql
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $< > $@
$(O)/report/questions.inc: report/questions.sql
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $< > $@
# So are the scripts and styles of the pages it writes.
$(O)/report/%.js.inc: report/%.js
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $< > $@
$(O)/report/%.css.inc: report/%.css
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $< > $@
REPORT_INC := $(O)/report/schema.inc $(O)/report/questions.inc \
	$(patsubst %,$(O)/%.inc,$(wildcard report/*.js report/*.css))
$(call obj,$(REPORT_SRC) report/main.c): | $(REPORT_INC)

# The manual of the database is made of what schema and questions say of themselves.
$(O)/report/varve-sql.5: report/varve-sql.5.sh report/schema.sql report/questions.sql
	@mkdir -p $(@D)
	$(Q)$^ > $@.tmp && mv $@.tmp $@

# ---- tests --------------------------------------------------------------------------------------------------------
# As many at a time as there are CPUs, where make was not told how many.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
UNIT_BIN := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(UNIT_SRC))
WORKLOAD_BIN := $(patsubst tests/workloads/%.c,$(O)/tests/workloads/%,$(WORKLOAD_SRC))
BENCH_BIN := $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(BENCH_SRC))

$(O)/tests/unit/formats/%: $(O)/tests/unit/formats/%.o $(O)/libformats.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_formats)
# Compiling them took half of a build; what they do themselves takes no time.
$(call obj,$(UNIT_SRC)): private ALL_CFLAGS += -O0
# A line "/* LDFLAGS: -Wl,--wrap=malloc */" in the source has that added.
$(O)/tests/unit/record/%: $(O)/tests/unit/record/%.o $(O)/librecord.a $(O)/libformats.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $$(sed -n 's,^/\* LDFLAGS: \(.*\) \*/,\1,p' tests/unit/record/$*.c) -o $@ $^ $(LIBS_record)
$(O)/tests/unit/report/%: $(O)/tests/unit/report/%.o $(O)/libreport.a $(O)/libformats.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_report)
$(call obj,$(filter tests/unit/record/%,$(UNIT_SRC))): | $(SKEL)

# Workloads choose their own flags: a line "/* CFLAGS: -O2 -fomit-frame-pointer */" in the source.
$(O)/tests/workloads/%: tests/workloads/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -g -O1 -fno-inline $$(sed -n 's,^/\* CFLAGS: \(.*\) \*/,\1,p' $<) -o $@ $< -lpthread -lm
$(O)/tests/bench/%: tests/bench/%.c $(O)/libformats.a
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lsqlite3 $(LIBS_formats) -lpthread -lm

# libFuzzer targets; each links the library of the layer named on its line "/* LAYER: report */" (default formats).
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRC))
FUZZ_CC := $(CLANG) -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVARVE_VERSION='"fuzz"' -I. -I$(O) -g -O1 -w
fuzz_obj = $(patsubst %.c,$(O)/fuzz/obj/%.o,$(1))
$(O)/fuzz/obj/%.o: %.c | $(SKEL) $(REPORT_INC)
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
# archives, so that a target links only the files it uses (main.c's tables stay out)
$(O)/fuzz/obj/libformats.a: $(call fuzz_obj,$(FORMATS_SRC))
$(O)/fuzz/obj/librecord.a: $(call fuzz_obj,$(RECORD_SRC))
$(O)/fuzz/obj/libreport.a: $(call fuzz_obj,$(REPORT_SRC))
$(O)/fuzz/%: tests/fuzz/%.c $(O)/fuzz/obj/libformats.a $(O)/fuzz/obj/librecord.a $(O)/fuzz/obj/libreport.a
	$(call say,FUZZ,$@)
	$(Q)layer=$$(sed -n 's,^/\* LAYER: \(.*\) \*/,\1,p' $<); A=$(O)/fuzz/obj; \
	case "$$layer" in record) libs="$$A/librecord.a $$A/libformats.a $(LIBS_record)";; \
	report) libs="$$A/libreport.a $$A/libformats.a $(LIBS_report)";; *) libs="$$A/libformats.a $(LIBS_formats)";; esac; \
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $< $$libs

# The programs of test_stacks, which says what is wrong where they cannot be built.
corpus:
	$(call say,CORPUS,$(O)/tests/workloads/corpus)
	@mkdir -p $(O)/tests/workloads
	-$(Q)tests/workloads/stacks/build.sh $(abspath $(O))/tests/workloads/corpus >$(O)/tests/workloads/corpus.log 2>&1

unit: $(UNIT_BIN)
workloads: $(WORKLOAD_BIN)
bench-bin: $(BENCH_BIN)
fuzz-bin: $(FUZZ_BIN)

deps: ## install what building and testing need (Debian packages), saying what
	$(Q)tests/deps.sh

browser-deps: ## install Chromium and npm packages for the browser tests
	$(Q)tests/browser/deps.sh $(O)

check-consumers: ## go tool pprof, speedscope, Perfetto, the Firefox Profiler read what is exported (installs them: 700 MB)
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) all workloads
	$(Q)tests/consumers/deps.sh $(O)
	$(Q)tests/consumers/run.sh $(O)

test: unit ## unit tests, no root needed, in seconds
	$(Q)tests/run.sh --unit $(O)

check: deps ## install what is missing, build, and pass every test
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) all unit workloads corpus
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O)/san SAN=address,undefined CFLAGS='-O1 -g' all unit
	$(Q)tests/run.sh $(O)

demo: deps ## record a real mixed workload for 5 s, report it, show the answers
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) all workloads
	$(Q)tests/demo.sh $(O)

bench: deps ## varve beside perf and the BPF tools, in alternating runs
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) all workloads bench-bin
	$(Q)tests/bench/run.sh $(O)

fuzz: deps ## each fuzz target for FUZZ_SECONDS (60)
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) fuzz-bin
	$(Q)tests/fuzz/run.sh $(O)

vmtest: deps ## boot Debian's kernels under qemu, record, force an OOM, read back
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) all workloads
	$(Q)tests/kernels/run.sh $(O)

powerloss: deps ## cut the power of a recording host under qemu, 25 times, and read what is on its disk
	$(Q)$(MAKE) --no-print-directory $(JOBS) O=$(O) all workloads
	$(Q)tests/kernels/power_loss.sh $(O)

PREFIX ?= /usr/local
install: all ## install under PREFIX (/usr/local), DESTDIR honoured
	install -D -m755 $(O)/varve-record $(DESTDIR)$(PREFIX)/bin/varve-record
	install -D -m755 $(O)/varve-report $(DESTDIR)$(PREFIX)/bin/varve-report
	for m in record/*.1 report/*.1 formats/*.5 $(O)/report/*.5; do [ ! -e $$m ] || \
		install -D -m644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/} || exit; done
	for p in record report; do \
		[ ! -e $$p/varve-$$p.bash ] || install -D -m644 $$p/varve-$$p.bash \
			$(DESTDIR)$(PREFIX)/share/bash-completion/completions/varve-$$p || exit; \
		[ ! -e $$p/_varve-$$p ] || install -D -m644 $$p/_varve-$$p \
			$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_varve-$$p || exit; done

clean: ## remove what was built
	rm -rf $(O)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

.PHONY: all deps browser-deps check-consumers test check demo bench bench-bin fuzz fuzz-bin vmtest powerloss install clean help unit workloads corpus

-include $(shell find $(O) -name '*.d' 2>/dev/null)
