// SPDX-License-Identifier: BSD-2-Clause
#include "record/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/btf_scan.h"

enum { WANT_SWITCH, WANT_VICTIM, WANT_PREEMPT_COUNT, WANT_PCPU_HOT, WANT_OUT_OF_MEMORY, WANT_CNT };

/* The prototype behind the typedef btf_trace_NAME, which is what a tp_btf program of that tracepoint gets; NULL: no such tracepoint. */
static const struct btf_type *tracepoint_proto(const struct btf_scan *b, uint32_t id)
{
	const struct btf_type *t = btf_scan_type(b, id);

	if (t)
		t = btf_scan_type(b, t->type);
	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_PTR)
		return NULL;
	t = btf_scan_type(b, t->type);
	return t && BTF_INFO_KIND(t->info) == BTF_KIND_FUNC_PROTO ? t : NULL;
}

/* The kind of a tracepoint's n-th argument (the first is 0; the prototype's own first is void *), or BTF_KIND_UNKN. */
static int tracepoint_arg_kind(const struct btf_scan *b, uint32_t id, unsigned n)
{
	const struct btf_type *proto = tracepoint_proto(b, id), *t;

	if (!proto || BTF_INFO_VLEN(proto->info) < n + 2)
		return BTF_KIND_UNKN;
	t = btf_scan_type(b, ((const struct btf_param *)(proto + 1))[n + 1].type);
	for (int depth = 0; t && depth < 16; depth++) {
		int kind = BTF_INFO_KIND(t->info);

		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_CONST && kind != BTF_KIND_VOLATILE && kind != BTF_KIND_RESTRICT)
			return kind;
		t = btf_scan_type(b, t->type);
	}
	return BTF_KIND_UNKN;
}

static int load(enum bpf_prog_type type, const struct bpf_insn *insns, size_t cnt,
		const struct bpf_prog_load_opts *opts)
{
	int fd = bpf_prog_load(type, "varve_probe", "Dual BSD/GPL", insns, cnt, opts);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -errno : 0;
}

#define MOV_R0_0 { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 }
#define EXIT { .code = BPF_JMP | BPF_EXIT }

/* Is a per-CPU variable in BTF, and its address given away? The second is not so without CONFIG_KALLSYMS_ALL. */
static bool has_ksym(uint32_t id)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_BTF_ID, .imm = (int)id },
		{},
		MOV_R0_0,
		EXIT,
	};

	return id > 0 && load(BPF_PROG_TYPE_RAW_TRACEPOINT, insns, ARRAY_SIZE(insns), NULL) == 0;
}

static void find_preempt_count(struct kernel *k, uint32_t count_id, uint32_t hot_id)
{
	k->preempt_count = has_ksym(count_id);
	k->preempt_hot = !k->preempt_count && has_ksym(hot_id);
	k->preempt_count |= k->preempt_hot;
	k->preempt_count_id = k->preempt_hot ? hot_id : count_id;
}

static bool has_fentry(uint32_t id)
{
	const struct bpf_insn insns[] = { MOV_R0_0, EXIT };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = id);

	return id > 0 && load(BPF_PROG_TYPE_TRACING, insns, ARRAY_SIZE(insns), &opts) == 0;
}

static bool has_helper(enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, helper, NULL) == 1;
}

static int try_bpf(struct err *err)
{
	const struct bpf_insn insns[] = { MOV_R0_0, EXIT };
	int code = load(BPF_PROG_TYPE_RAW_TRACEPOINT, insns, ARRAY_SIZE(insns), NULL);

	if (!code)
		return 0;
	err_code(err, code, "load a BPF program");
	if (code == -EPERM)
		err_hint(err, "run as root, or: sudo setcap cap_bpf,cap_perfmon,cap_checkpoint_restore,cap_sys_ptrace,cap_dac_read_search,cap_syslog=ep varve-record");
	return code;
}

/* libbpf's own words would come beside ours. */
static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int kernel_probe(struct kernel *ret, struct err *err)
{
	struct btf_wanted w[WANT_CNT] = {
		[WANT_SWITCH] = { "btf_trace_sched_switch", BTF_KIND_TYPEDEF, 0 },
		[WANT_VICTIM] = { "btf_trace_mark_victim", BTF_KIND_TYPEDEF, 0 },
		[WANT_PREEMPT_COUNT] = { "__preempt_count", BTF_KIND_VAR, 0 },
		[WANT_PCPU_HOT] = { "pcpu_hot", BTF_KIND_VAR, 0 },
		[WANT_OUT_OF_MEMORY] = { "out_of_memory", BTF_KIND_FUNC, 0 },
	};
	struct btf_scan types;
	int code;

	libbpf_set_print(say_nothing);
	code = try_bpf(err);
	if (code)
		return code;
	code = btf_scan_open(KERNEL_TYPES, &types);
	if (!code) {
		code = btf_scan_find(&types, w, WANT_CNT);
		if (code)
			btf_scan_close(&types);
	}
	if (code == -ENOMEM || code == -EMFILE || code == -ENFILE)
		return err_code(err, code, "read the kernel's types (" KERNEL_TYPES ")");
	if (code) {
		err_set(err, -ENOENT, "this kernel has no type information (" KERNEL_TYPES ")");
		err_hint(err, "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian's are, since 11)");
		return -ENOENT;
	}
	*ret = (struct kernel){
		.task_storage = has_helper(BPF_FUNC_task_storage_get),
		.task_btf = has_helper(BPF_FUNC_get_current_task_btf),
		.task_pt_regs = has_helper(BPF_FUNC_task_pt_regs),
		.task_stack = has_helper(BPF_FUNC_get_task_stack),
		.probe_read = has_helper(BPF_FUNC_probe_read_kernel),
		.loop = has_helper(BPF_FUNC_loop),
		.snprintf = has_helper(BPF_FUNC_snprintf),
		.switch_state = tracepoint_arg_kind(&types, w[WANT_SWITCH].id, 3) != BTF_KIND_UNKN,
		.fentry = has_fentry(w[WANT_OUT_OF_MEMORY].id),
		.mark_victim = tracepoint_proto(&types, w[WANT_VICTIM].id) != NULL,
		.mark_victim_task = tracepoint_arg_kind(&types, w[WANT_VICTIM].id, 0) == BTF_KIND_PTR,
	};
	find_preempt_count(ret, w[WANT_PREEMPT_COUNT].id, w[WANT_PCPU_HOT].id);
	btf_scan_close(&types);
	return 0;
}
