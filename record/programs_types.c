// SPDX-License-Identifier: BSD-2-Clause
#include "record/programs_types.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/wire.h"
#include "formats/cleanup.h"
#include "record/btf_slim.h"

/* How a section's programs hang on to the kernel's types: by the type called prefix + what is behind the slash. */
struct hook_kind {
	const char *section; /* up to the slash */
	const char *prefix;
	uint32_t kind;
	enum bpf_attach_type attach;
};

static const struct hook_kind hook_kinds[] = {
	{ "tp_btf/", "btf_trace_", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP },
	{ "iter/", "bpf_iter_", BTF_KIND_FUNC, BPF_TRACE_ITER },
	{ "fentry/", "", BTF_KIND_FUNC, BPF_TRACE_FENTRY },
	{ "fexit/", "", BTF_KIND_FUNC, BPF_TRACE_FEXIT },
};
_Static_assert(ARRAY_SIZE(hook_kinds) <= ARRAY_SIZE(((struct programs_types *)0)->handlers), "a handler each");

static const struct hook_kind *hook_kind(const char *section)
{
	for (size_t i = 0; i < ARRAY_SIZE(hook_kinds); i++)
		if (!strncmp(section, hook_kinds[i].section, strlen(hook_kinds[i].section)))
			return &hook_kinds[i];
	return NULL;
}

/* The type a program is attached to, or NULL. */
static struct btf_wanted *find_hook(struct programs_types *t, const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const struct hook_kind *k = hook_kind(section);

	for (size_t i = 0; k && i < t->hook_cnt; i++)
		if (t->hooks[i].kind == k->kind && !strncmp(t->hooks[i].name, k->prefix, strlen(k->prefix)) &&
		    !strcmp(t->hooks[i].name + strlen(k->prefix), section + strlen(k->section)))
			return &t->hooks[i];
	return NULL;
}

/* Where the program wants the address of the kernel's variable, put it: libbpf would load all types for such a one. */
static int put_preempt_count(const struct programs_types *t, struct bpf_program *prog)
{
	const struct bpf_insn *insns = bpf_program__insns(prog);
	size_t cnt = bpf_program__insn_cnt(prog);
	struct bpf_insn *copy;
	int code;

	for (size_t i = 0; i + 1 < cnt; i++) {
		if (insns[i].code != (BPF_LD | BPF_DW | BPF_IMM) || insns[i].src_reg || (uint32_t)insns[i].imm != WIRE_MARK_LOW ||
		    (uint32_t)insns[i + 1].imm != WIRE_MARK_HIGH)
			continue;
		copy = malloc(cnt * sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, insns, cnt * sizeof(*copy));
		copy[i].src_reg = BPF_PSEUDO_BTF_ID;
		copy[i].imm = (int32_t)t->kernel->preempt_count_id;
		copy[i + 1].imm = 0; /* of the kernel proper, not a module */
		code = bpf_program__set_insns(prog, copy, cnt);
		free(copy);
		return code;
	}
	return 0;
}

/* libbpf is about to load the program. */
static int prepare(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct programs_types *t = (struct programs_types *)cookie;
	const struct btf_wanted *hook = find_hook(t, prog);

	if (!hook || !hook->id)
		return -ESRCH;
	opts->attach_btf_id = hook->id;
	return put_preempt_count(t, prog) ?: bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);
}

/*
 * libbpf asks those that handle a kind of section before it does so itself. To it, the programs are of another type until the very last: for
 * any of the true one it would read all of the kernel's types.
 */
int programs_types_init(struct programs_types *ret, const struct kernel *k, struct err *err)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)ret, .prog_prepare_load_fn = prepare);

	*ret = (struct programs_types){ .kernel = k, .fd = memfd_create("varve-types", MFD_CLOEXEC) };
	if (ret->fd < 0)
		return err_errno(err, "make a file in memory");
	snprintf(ret->path, sizeof(ret->path), "/proc/self/fd/%d", ret->fd);
	for (size_t i = 0; i < ARRAY_SIZE(hook_kinds); i++) {
		char section[16];
		int id;

		snprintf(section, sizeof(section), "%.*s+", (int)strlen(hook_kinds[i].section) - 1, hook_kinds[i].section);
		id = libbpf_register_prog_handler(section, BPF_PROG_TYPE_RAW_TRACEPOINT, hook_kinds[i].attach, &opts);
		if (id < 0)
			return err_code(err, id, "take '%s' programs from libbpf", section);
		ret->handlers[ret->handler_cnt++] = id;
	}
	return 0;
}

void programs_types_deinit(struct programs_types *t)
{
	for (size_t i = 0; i < t->handler_cnt; i++)
		(void)libbpf_unregister_prog_handler(t->handlers[i]); /* it is there */
	for (size_t i = 0; i < t->hook_cnt; i++)
		free((char *)t->hooks[i].name);
	cleanup_closep(&t->fd);
	t->handler_cnt = t->hook_cnt = 0;
}

static int want_hook(struct programs_types *t, const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const struct hook_kind *k = hook_kind(section);
	char *name;

	if (!k || find_hook(t, prog))
		return 0;
	if (t->hook_cnt == PROGRAMS_HOOKS)
		return -E2BIG;
	if (asprintf(&name, "%s%s", k->prefix, section + strlen(k->section)) < 0)
		return -ENOMEM;
	t->hooks[t->hook_cnt++] = (struct btf_wanted){ .name = name, .kind = k->kind };
	return 0;
}

static int write_types(struct programs_types *t, const struct buffer *types, struct err *err)
{
	for (size_t at = 0; at < types->len;) {
		ssize_t n = write(t->fd, types->data + at, types->len - at);

		if (n < 0)
			return err_errno(err, "write to a file in memory");
		at += (size_t)n;
	}
	return 0;
}

int programs_types_find(struct programs_types *t, const struct bpf_object *obj, struct err *err)
{
	struct btf_finding finding;
	struct buffer slim = { 0 };
	struct bpf_program *prog;
	struct btf_scan types;
	int code;

	bpf_object__for_each_program(prog, obj) {
		code = bpf_program__autoload(prog) ? want_hook(t, prog) : 0;
		if (code)
			return err_code(err, code, "look up what BPF program '%s' is attached to", bpf_program__name(prog));
	}
	code = btf_scan_open(KERNEL_TYPES, &types);
	if (!code) {
		btf_finding_init(&finding, t->hooks, t->hook_cnt);
		code = btf_slim_make(&types, bpf_object__btf(obj), &finding, &slim);
		btf_scan_close(&types);
	}
	if (code)
		err_code(err, code, "read the kernel's types (" KERNEL_TYPES ")");
	code = code ?: write_types(t, &slim, err);
	buffer_deinit(&slim);
	return code;
}
