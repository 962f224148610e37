// SPDX-License-Identifier: BSD-2-Clause
/* What the loaded programs are asked for: counters, tasks, symbols. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/programs_private.h"

void programs_read_missed(const struct programs *p, uint64_t *ret)
{
	const struct varve_bpf *s = p->skel;
	const struct {
		const struct bpf_program *prog;
		enum event_kind kind;
	} lost[] = {
		{ s->progs.on_cpu_sample, EVENT_SAMPLE },      { s->progs.sched_switch, EVENT_OFFCPU },
		{ s->progs.sched_waking, EVENT_OFFCPU },       { s->progs.sched_waking_plain, EVENT_OFFCPU },
		{ s->progs.sys_exit, EVENT_OFFCPU },	       { s->progs.return_to_user, EVENT_OFFCPU },
		{ s->progs.sched_migrate_task, EVENT_MIGRATE },
		{ s->progs.sched_process_fork, EVENT_FORK },   { s->progs.sched_process_exec, EVENT_EXEC },
		{ s->progs.sched_process_exit, EVENT_EXIT },   { s->progs.task_rename, EVENT_COMM },
		{ s->progs.mark_victim, EVENT_OOM },	       { s->progs.mark_victim_pid, EVENT_OOM },
	};

	memset(ret, 0, EVENT_KIND_CNT * sizeof(*ret));
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(lost[i].prog);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			ret[lost[i].kind] += info.recursion_misses;
	}
}

int programs_read_counters(struct programs *p, struct wire_counters *ret, struct err *err)
{
	const uint32_t zero = 0;

	for (size_t i = 0; i < IRQ_RINGS; i++)
		(void)ring_consume(&p->irq_rings[i], ring_producer(&p->irq_rings[i]), NULL, NULL, NULL); /* without records none can be bad */
	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.counters), &zero, p->percpu))
		return err_errno(err, "read the BPF counters");
	memset(ret, 0, sizeof(*ret));
	for (int cpu = 0; cpu < p->cpu_cnt; cpu++)
		for (int stream = 0; stream < WIRE_STREAM_CNT; stream++)
			for (int what = 0; what < WIRE_COUNTS; what++)
				ret->n[stream][what] += p->percpu[cpu].n[stream][what];
	return 0;
}

/* The record at the front of buf, or 0 bytes when it is not whole yet; -EBADMSG for what is no record of the iterator's. */
static long whole_record(const uint8_t *buf, size_t len)
{
	struct wire_head h;
	struct wire_wait w;
	size_t sz;

	if (len < sizeof(h))
		return 0;
	memcpy(&h, buf, sizeof(h));
	switch (h.kind) {
	case WIRE_TASK:
		sz = sizeof(struct wire_proc);
		break;
	case WIRE_ACCOUNT:
		sz = sizeof(struct wire_account);
		break;
	case WIRE_WAIT:
		if (len < sizeof(w))
			return 0;
		memcpy(&w, buf, sizeof(w));
		sz = sizeof(w) + w.stack.kernel_cnt * 8UL;
		break;
	default:
		return -EBADMSG;
	}
	return len < sz ? 0 : (long)sz;
}

int programs_iterate(struct programs *p, enum wire_iter_mode mode, programs_record_fn fn, void *ctx, struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(1 << 16);
	struct bpf_link *link;
	_cleanup_close_ int fd = -1;
	size_t have = 0;
	int cnt = 0;

	if (!buf)
		return err_code(err, -ENOMEM, "walk the tasks");
	p->skel->data->ctl.iter_mode = mode;
	link = bpf_program__attach_iter(p->skel->progs.each_task, NULL);
	if (!link)
		return err_errno(err, "attach BPF program 'each_task'");
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		cnt = err_errno(err, "walk the tasks");
	bpf_link__destroy(link); /* the fd keeps it */
	while (fd >= 0 && cnt >= 0) {
		ssize_t n = read(fd, buf + have, (1 << 16) - have);
		size_t at = 0;
		long sz;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return err_errno(err, "walk the tasks");
		if (n == 0)
			break;
		have += (size_t)n;
		while ((sz = whole_record(buf + at, have - at)) > 0) {
			int code = fn(ctx, buf + at, (size_t)sz);

			if (code < 0)
				return code;
			cnt++;
			at += (size_t)sz;
		}
		if (sz < 0)
			return err_set(err, (int)sz, "the task iterator gave a record of unknown kind");
		have -= at;
		memmove(buf, buf + at, have);
	}
	return cnt;
}

int programs_read_unwind_counts(const struct programs *p, uint64_t ret[UNWIND_COUNTS])
{
	_cleanup_free_ uint64_t *rows = calloc((size_t)p->cpu_cnt, UNWIND_COUNTS * sizeof(*rows));
	uint32_t zero = 0;

	if (!rows)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.unwind_counts), &zero, rows))
		return -errno;
	memset(ret, 0, UNWIND_COUNTS * sizeof(*ret));
	for (int cpu = 0; cpu < p->cpu_cnt; cpu++)
		for (int i = 0; i < UNWIND_COUNTS; i++)
			ret[i] += rows[cpu * UNWIND_COUNTS + i];
	return 0;
}

/* "name+0xoffset/0xsize [module]" */
static bool parse_symbol(char *text, uint64_t addr, struct kallsyms_found *ret)
{
	char *module = strstr(text, " ["), *plus;
	uint64_t off, size;

	if (module) {
		*module = '\0';
		module += 2;
		module[strcspn(module, "]")] = '\0';
	}
	plus = strrchr(text, '+');
	if (!plus || plus == text || sscanf(plus, "+0x%" SCNx64 "/0x%" SCNx64, &off, &size) != 2 || off > addr || off >= size)
		return false;
	*plus = '\0';
	ret->start = addr - off;
	ret->end = ret->start + size;
	return (size_t)snprintf(ret->name, sizeof(ret->name), "%s", text) < sizeof(ret->name) &&
	       (size_t)snprintf(ret->module, sizeof(ret->module), "%s", module ?: "") < sizeof(ret->module);
}

bool programs_find_symbol(void *programs, uint64_t addr, struct kallsyms_found *ret)
{
	struct programs *p = programs;
	uint64_t args[1] = { addr };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	char text[WIRE_KSYM_SZ];

	if (bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.ksym_at), &opts))
		return false;
	memcpy(text, p->skel->bss->ksym_text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	return parse_symbol(text, addr, ret);
}

bool programs_can_find_symbols(const struct programs *p)
{
	return bpf_program__autoload(p->skel->progs.ksym_at);
}
