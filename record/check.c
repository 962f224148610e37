// SPDX-License-Identifier: BSD-2-Clause
#include "record/check.h"

#include <string.h>
#include <unistd.h>

#include "record/kernel.h"
#include "record/limits.h"
#include "record/programs.h"
#include "record/sampler.h"
#include "record/sideband.h"
#include "record/timens.h"

enum check_result { CHECK_OK = 0, CHECK_LESS = 1, CHECK_FAILED = 2 };

struct check {
	FILE *f;
	bool json, any;
	int worst;
};

static void print_json_text(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', f);
		if ((unsigned char)*s < 0x20)
			fprintf(f, "\\u%04x", *s);
		else
			putc(*s, f);
	}
	putc('"', f);
}

static void answer(struct check *c, const char *what, enum check_result r, const char *why, const char *fix)
{
	static const char *const words[] = { "ok", "less", "failed" };

	if ((int)r > c->worst)
		c->worst = r;
	if (!c->json) {
		fprintf(c->f, "%-6s %s%s%s\n", words[r], what, *why ? ": " : "", why);
		if (*fix)
			fprintf(c->f, "         hint: %s\n", fix);
		return;
	}
	fprintf(c->f, "%s{\"what\":", c->any ? "," : "");
	print_json_text(c->f, what);
	fprintf(c->f, ",\"result\":\"%s\",\"why\":", words[r]);
	print_json_text(c->f, why);
	fprintf(c->f, ",\"fix\":");
	print_json_text(c->f, fix);
	putc('}', c->f);
	c->any = true;
}

static void answer_code(struct check *c, const char *what, int code, enum check_result bad, const struct err *err)
{
	answer(c, what, code < 0 ? bad : CHECK_OK, code < 0 ? err->text : "", code < 0 ? err->hint : "");
}

static void check_features(struct check *c, const struct kernel *k)
{
	if (!k->task_storage)
		answer(c, "thread state", CHECK_LESS, "kept in a hash table: this kernel has no task storage for tracing (5.12)", "");
	if (!k->mark_victim)
		answer(c, "OOM kills", CHECK_LESS, "this kernel has no mark_victim tracepoint", "");
	else if (!k->fentry)
		answer(c, "OOM scope", CHECK_LESS, "taken from the stack: fentry programs are refused", "");
	if (!k->probe_read)
		answer(c, "exec paths", CHECK_LESS, "reading kernel memory is locked down (lockdown=confidentiality)", "");
	if (!k->preempt_count)
		answer(c, "wakeups in interrupts", CHECK_LESS, "told by the stack: the kernel hides its preempt count", "CONFIG_KALLSYMS_ALL=y");
}

static void check_sampler(struct check *c, const struct options *o, struct programs *p)
{
	const struct sampler_options so = { .programs = p, .freq = o->freq, .cpus = &o->cpus };
	struct sampler *s = NULL;
	struct err err = { 0 };
	int code = sampler_open(&so, &s, &err);

	if (code == 0 && !sampler_is_hardware(s))
		answer(c, "on-CPU sampler", CHECK_OK, "cpu-clock (no hardware cycles here)", "");
	else
		answer_code(c, "on-CPU sampler", code, CHECK_LESS, &err);
	if (!code)
		sampler_close(s);
}

static void check_programs(struct check *c, const struct options *o, const struct kernel *k)
{
	const struct programs_config pc = { .options = o, .kernel = k };
	struct programs *p = NULL;
	struct err err = { 0 };
	int code = programs_load(&pc, &p, &err);

	answer_code(c, "load the BPF programs", code, CHECK_FAILED, &err);
	if (code)
		return;
	code = programs_attach(p, &err);
	answer_code(c, "attach them", code, CHECK_FAILED, &err);
	if (!code && *programs_missing(p))
		answer(c, "attach all of them", CHECK_LESS, programs_missing(p), "");
	if (!code && o->events & EVENTS_ON_CPU)
		check_sampler(c, o, p);
	programs_destroy(p);
}

/* Hidden addresses read as zero, for everybody without the right; but so does the first per-CPU variable: look at functions. */
static bool names_are_hidden(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr = 0;
	char type = 0;

	while (f && type != 'T' && type != 't' && fscanf(f, "%llx %c %*[^\n]", &addr, &type) == 2)
		;
	if (f)
		fclose(f);
	return !addr;
}

static void check_names(struct check *c)
{
	if (names_are_hidden())
		answer(c, "names of kernel functions", CHECK_LESS, "/proc/kallsyms hides addresses",
		       "run as root or with CAP_SYSLOG, with kernel.kptr_restrict below 2: echo 1 | sudo tee /proc/sys/kernel/kptr_restrict");
	else
		answer(c, "names of kernel functions", CHECK_OK, "", "");
}

static void check_sideband(struct check *c)
{
	const struct sideband_options so = { .ring_pages = 8 };
	struct sideband *s = NULL;
	struct err err = { 0 };
	int code = sideband_open(&so, &s, &err);

	answer_code(c, "mappings of processes (perf side-band)", code, CHECK_FAILED, &err);
	if (!code)
		sideband_close(s);
	if (access("/proc/1/maps", R_OK))
		answer(c, "other users' mappings", CHECK_LESS, "/proc/1/maps cannot be read", "run as root, or with CAP_SYS_PTRACE");
}

int check_run(const struct options *o, FILE *f)
{
	struct check c = { .f = f, .json = o->json };
	struct kernel k;
	struct err err = { 0 };
	int code;

	if (c.json)
		fprintf(f, "{\"checks\":[");
	code = limits_raise_files(&err);
	if (code)
		answer_code(&c, "open files", code, CHECK_FAILED, &err);
	code = timens_check(&err);
	if (code)
		answer_code(&c, "clock", code, CHECK_FAILED, &err);
	code = kernel_probe(&k, &err);
	answer_code(&c, "BPF and the kernel's type information", code, CHECK_FAILED, &err);
	if (!code) {
		check_features(&c, &k);
		check_programs(&c, o, &k);
	}
	check_sideband(&c);
	check_names(&c);
	if (c.json)
		fprintf(f, "],\"exit\":%d}\n", c.worst);
	return c.worst;
}
