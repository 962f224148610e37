// SPDX-License-Identifier: BSD-2-Clause
#include "record/kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"

/* The prototype behind btf_trace_NAME, which is what a tp_btf program of that tracepoint gets; NULL: no such tracepoint. */
static const struct btf_type *tracepoint_proto(const struct btf *btf, const char *name)
{
	char type_name[64];
	const struct btf_type *t;
	int id;

	snprintf(type_name, sizeof(type_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return NULL;
	t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

/* The kind of a tracepoint's n-th argument (the first is 0; the prototype's own first is void *), or BTF_KIND_UNKN. */
static int tracepoint_arg_kind(const struct btf *btf, const char *name, unsigned n)
{
	const struct btf_type *proto = tracepoint_proto(btf, name), *t;

	if (!proto || btf_vlen(proto) < n + 2)
		return BTF_KIND_UNKN;
	t = btf__type_by_id(btf, btf_params(proto)[n + 1].type);
	while (t && (btf_is_typedef(t) || btf_is_mod(t)))
		t = btf__type_by_id(btf, t->type);
	return t ? btf_kind(t) : BTF_KIND_UNKN;
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
static bool has_ksym(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_BTF_ID, .imm = id },
		{},
		MOV_R0_0,
		EXIT,
	};

	return id > 0 && load(BPF_PROG_TYPE_RAW_TRACEPOINT, insns, ARRAY_SIZE(insns), NULL) == 0;
}

static bool has_fentry(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "out_of_memory", BTF_KIND_FUNC);
	const struct bpf_insn insns[] = { MOV_R0_0, EXIT };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = id > 0 ? (uint32_t)id : 0);

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
		err_hint(err, "run as root, or: setcap cap_sys_admin,cap_sys_ptrace,cap_dac_read_search,cap_syslog=ep varve-record");
	return code;
}

/* libbpf's own words would come beside ours. */
static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

int kernel_probe(struct kernel *ret, struct err *err)
{
	struct btf *btf;
	int code;

	libbpf_set_print(say_nothing);
	code = try_bpf(err);
	if (code)
		return code;
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		err_set(err, -ENOENT, "this kernel has no type information (/sys/kernel/btf/vmlinux)");
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
		.switch_state = tracepoint_arg_kind(btf, "sched_switch", 3) != BTF_KIND_UNKN,
		.preempt_count = has_ksym(btf, "__preempt_count") || has_ksym(btf, "pcpu_hot"),
		.fentry = has_fentry(btf),
		.mark_victim = tracepoint_proto(btf, "mark_victim") != NULL,
		.mark_victim_task = tracepoint_arg_kind(btf, "mark_victim", 0) == BTF_KIND_PTR,
	};
	btf__free(btf);
	return 0;
}
