// SPDX-License-Identifier: BSD-2-Clause
#include "record/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/kernel_text.h"
#include "record/programs_private.h"
#include "record/programs_types.h"
#include "record/target.h"

#define MAIN_RING_SZ (8U << 20)
#define SAMPLES_RING_SZ (4U << 20) /* samples alone, up to SAMPLES_HZ: those of one look with a slice each, on 2 CPUs */
#define SAMPLES_HZ 1000
#define FAST_THRESH_NS 50000 /* waits this short come by the 100,000 a second: twice the ring */
#define SCHED_RING_SZ (8U << 20)
#define TASK_RING_SZ (2U << 20) /* of two CPUs; the recorder is woken at half of it */
#define OOM_RING_SZ (256U << 10)
#define IRQ_RING_SZ (32U << 10) /* 2,048 interrupts a second */
#define LOG_SZ (1UL << 20)

/* Frames that bpf_get_stack() gives at most. */
static uint32_t helper_depth(void)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_max_stack", "re");
	unsigned depth = 0;

	if (f && fscanf(f, "%u", &depth) != 1)
		depth = 0;
	if (f)
		fclose(f);
	return depth && depth < 4096 ? depth : 127;
}

static void configure_text(struct wire_config *c)
{
	struct kernel_text t = kernel_text_read("/proc/kallsyms");

	c->sched_text = t.sched.start;
	c->sched_text_sz = t.sched.sz;
	c->entry_text = t.entry.start;
	c->entry_text_sz = t.entry.sz;
}

static void configure(struct wire_config *c, const struct programs_config *pc)
{
	const struct options *o = pc->options;
	const struct kernel *k = pc->kernel;
	uint64_t user_sz = (uint64_t)o->max_stack * 8;

	*c = (struct wire_config){
		.thresh_ns = o->off_cpu_thresh_ns,
		.self_pid = (uint32_t)getpid(),
		.thread_size = 16384,
		.has_task_storage = k->task_storage && k->task_btf,
		.has_task_btf = k->task_btf,
		.has_task_pt_regs = k->task_pt_regs && k->task_btf,
		.has_switch_state = k->switch_state,
		.has_probe_read = k->probe_read,
		.has_preempt_hot = k->preempt_hot,
		.cgroup_v1 = pc->cgroup_v1,
		.want_offcpu = (o->events & EVENTS_OFF_CPU) != 0,
		.want_sched = (o->events & EVENTS_SCHED) != 0,
		.want_account = (o->events & (EVENTS_OFF_CPU | EVENTS_SCHED)) != 0,
		.by_id = o->pids.cnt || o->tids.cnt || pc->child_pid,
		.inherit = !o->no_inherit,
		.by_uid = o->uids.cnt != 0,
		.by_cgroup = pc->cgroup_cnt != 0,
		.by_cpu = o->cpus.cnt != 0,
		.no_kthreads = o->no_kthreads,
		.comm_cnt = (uint8_t)o->comms.cnt,
		.no_comm_cnt = (uint8_t)o->no_comms.cnt,
	};
	if (o->call_graph != CALL_GRAPH_NONE) {
		c->helper_stack_sz = helper_depth() * 8;
		c->kernel_stack_sz = c->helper_stack_sz < WIRE_KERNEL_DEPTH * 8 ? c->helper_stack_sz : WIRE_KERNEL_DEPTH * 8;
		c->user_stack_sz = user_sz < WIRE_USER_DEPTH * 8 ? (uint32_t)user_sz : WIRE_USER_DEPTH * 8;
	}
	if (o->call_graph == CALL_GRAPH_AUTO) {
		c->call_graph = WIRE_CALL_GRAPH_TABLES;
		c->want_slices = !o->no_stack_slices;
	}
	/* waits by the 100,000 a second, with stacks: worth the time it takes */
	if (c->want_offcpu && c->thresh_ns < FAST_THRESH_NS && c->kernel_stack_sz && c->has_probe_read && c->has_task_btf)
		configure_text(c);
	c->has_filter = c->by_id || c->by_uid || c->by_cgroup || c->no_kthreads || c->comm_cnt || c->no_comm_cnt;
}

/* Programs that this kernel, or this recording, has no use for. */
static void choose_programs(struct varve_bpf *s, const struct wire_config *c, const struct kernel *k, uint32_t events)
{
	bool account = c->want_account, oom = events & EVENTS_OOM;

	/* the sampler of kernels without typed current reads what sched_switch keeps */
	bpf_program__set_autoload(s->progs.sched_switch, account || !c->has_task_btf);
	bpf_program__set_autoload(s->progs.sched_waking, account && k->preempt_count);
	bpf_program__set_autoload(s->progs.sched_waking_plain, account && !k->preempt_count);
	bpf_program__set_autoload(s->progs.sched_wakeup_new, c->want_sched);
	bpf_program__set_autoload(s->progs.sched_migrate_task, c->want_sched);
	bpf_program__set_autoload(s->progs.sys_exit, c->want_offcpu && c->user_stack_sz);
	bpf_program__set_autoload(s->progs.return_to_user, c->want_offcpu && c->user_stack_sz && c->has_task_pt_regs);
	bpf_program__set_autoload(s->progs.on_cpu_sample, events & EVENTS_ON_CPU);
	bpf_program__set_autoload(s->progs.mark_victim, oom && k->mark_victim_task);
	bpf_program__set_autoload(s->progs.mark_victim_pid, oom && k->mark_victim && !k->mark_victim_task);
	bpf_program__set_autoload(s->progs.oom_begin, oom && k->fentry);
	bpf_program__set_autoload(s->progs.oom_end, oom && k->fentry);
	bpf_program__set_autoload(s->progs.sched_process_free, c->by_id && c->inherit);
	bpf_program__set_autoload(s->progs.ksym_at, k->snprintf);
	bpf_map__set_autocreate(s->maps.threads, c->has_task_storage);
	bpf_map__set_autocreate(s->maps.threads_by_tid, !c->has_task_storage);
}

/* A ring's pages are cleared and charged when it is made, 0.25 ms a MiB. */
static uint64_t main_ring_size(const struct wire_config *c, uint32_t freq)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t size = c->want_offcpu || freq > SAMPLES_HZ ? MAIN_RING_SZ : SAMPLES_RING_SZ;

	if (c->want_offcpu && c->thresh_ns < FAST_THRESH_NS)
		size *= 2;
	if (cpus > 16)
		size *= cpus > 64 ? 4 : 2;
	return size;
}

/*
 * Processes whose mappings the unwinder may know at once: four times what there is now. Those beyond have their stacks finished from
 * slices. 100 bytes each, and the kernel charges them page by page.
 */
static uint32_t unwind_procs(const struct wire_config *c)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/loadavg", "re");
	uint32_t threads;

	if (c->call_graph != WIRE_CALL_GRAPH_TABLES)
		return 1;
	if (!f || fscanf(f, "%*s %*s %*s %*u/%u", &threads) != 1 || threads >= UNWIND_PROCS / 4)
		return UNWIND_PROCS;
	return threads < UNWIND_PROCS / 16 ? UNWIND_PROCS / 4 : threads * 4;
}

/* Hash maps are allocated whole: only what this recording can use. */
static int set_map_sizes(struct varve_bpf *s, const struct wire_config *c)
{
	return bpf_map__set_max_entries(s->maps.unwind_procs, unwind_procs(c)) ?:
	       bpf_map__set_max_entries(s->maps.targets, c->by_id ? 65536 : 1) ?:
	       bpf_map__set_max_entries(s->maps.target_uids, c->by_uid ? 4096 : 1) ?:
	       bpf_map__set_max_entries(s->maps.target_cpus, c->by_cpu ? WIRE_CPUS : 1) ?:
	       bpf_map__set_max_entries(s->maps.target_cgroups, c->by_cgroup ? 1024 : 1);
}

static void irq_ring_maps(const struct programs *p, struct bpf_map *ret[IRQ_RINGS])
{
	ret[0] = p->skel->maps.ring_irq_0;
	ret[1] = p->skel->maps.ring_irq_1;
	ret[2] = p->skel->maps.ring_irq_2;
	ret[3] = p->skel->maps.ring_irq_3;
}

static uint32_t irq_ring_size(const struct wire_config *c)
{
	return c->want_offcpu ? IRQ_RING_SZ : (uint32_t)sysconf(_SC_PAGESIZE);
}

static int set_irq_ring_sizes(struct programs *p, const struct wire_config *c)
{
	struct bpf_map *maps[IRQ_RINGS];
	int code = 0;

	irq_ring_maps(p, maps);
	for (size_t i = 0; i < IRQ_RINGS && !code; i++)
		code = bpf_map__set_max_entries(maps[i], irq_ring_size(c));
	return code;
}

static int open_irq_rings(struct programs *p, struct err *err)
{
	struct bpf_map *maps[IRQ_RINGS];
	int code = 0;

	irq_ring_maps(p, maps);
	for (size_t i = 0; i < IRQ_RINGS && !code; i++)
		code = ring_init(&p->irq_rings[i], bpf_map__fd(maps[i]), irq_ring_size(&p->skel->rodata->cfg), err);
	return code;
}

static int set_ring_sizes(struct programs *p, struct wire_config *c, uint32_t freq)
{
	struct varve_bpf *s = p->skel;
	long page = sysconf(_SC_PAGESIZE);

	p->ring_sz[RING_MAIN] = main_ring_size(c, freq);
	p->ring_sz[RING_SCHED] = c->want_sched ? SCHED_RING_SZ : (uint64_t)page;
	p->ring_sz[RING_TASK] = sysconf(_SC_NPROCESSORS_ONLN) > 2 ? TASK_RING_SZ * 2 : TASK_RING_SZ;
	p->ring_sz[RING_OOM] = OOM_RING_SZ;
	c->main_wake = (uint32_t)(p->ring_sz[RING_MAIN] / 2);
	c->sched_wake = (uint32_t)(p->ring_sz[RING_SCHED] / 2);
	c->task_wake = (uint32_t)(p->ring_sz[RING_TASK] / 2);
	return bpf_map__set_max_entries(s->maps.ring_main, (uint32_t)p->ring_sz[RING_MAIN]) ?:
	       bpf_map__set_max_entries(s->maps.ring_sched, (uint32_t)p->ring_sz[RING_SCHED]) ?:
	       bpf_map__set_max_entries(s->maps.ring_task, (uint32_t)p->ring_sz[RING_TASK]) ?:
	       bpf_map__set_max_entries(s->maps.ring_oom, (uint32_t)p->ring_sz[RING_OOM]);
}

static int fill_ids(int map_fd, const struct id_list *l, uint32_t value, struct err *err)
{
	for (size_t i = 0; i < l->cnt; i++)
		if (bpf_map_update_elem(map_fd, &l->ids[i], &value, BPF_ANY))
			return err_errno(err, "enter target %u", l->ids[i]);
	return 0;
}

static int fill_globs(int map_fd, const struct text_list *l, uint32_t first, struct err *err)
{
	for (size_t i = 0; i < l->cnt; i++) {
		struct wire_glob g;
		uint32_t key = first + (uint32_t)i;
		int code = target_compile_glob(l->items[i], &g, err);

		if (code)
			return code;
		if (bpf_map_update_elem(map_fd, &key, &g, BPF_ANY))
			return err_errno(err, "enter pattern '%s'", l->items[i]);
	}
	return 0;
}

static int fill_targets(struct varve_bpf *s, const struct programs_config *pc, struct err *err)
{
	const struct options *o = pc->options;
	const struct id_list child = { (uint32_t *)&pc->child_pid, pc->child_pid != 0 };
	int fd = bpf_map__fd(s->maps.target_cgroups), code;
	uint32_t one = 1;

	for (size_t i = 0; i < pc->cgroup_cnt; i++)
		if (bpf_map_update_elem(fd, &pc->cgroup_ids[i], &one, BPF_ANY))
			return err_errno(err, "enter cgroup %llu", (unsigned long long)pc->cgroup_ids[i]);
	code = fill_ids(bpf_map__fd(s->maps.targets), &o->tids, WIRE_TARGET_THREAD, err) ?:
	       fill_ids(bpf_map__fd(s->maps.targets), &o->pids, WIRE_TARGET_PROCESS, err) ?:
	       fill_ids(bpf_map__fd(s->maps.targets), &child, WIRE_TARGET_PROCESS, err) ?:
	       fill_ids(bpf_map__fd(s->maps.target_uids), &o->uids, 1, err) ?:
	       fill_ids(bpf_map__fd(s->maps.target_cpus), &o->cpus, 1, err);
	if (code)
		return code;
	fd = bpf_map__fd(s->maps.comm_globs);
	return fill_globs(fd, &o->comms, 0, err) ?: fill_globs(fd, &o->no_comms, (uint32_t)o->comms.cnt, err);
}

/* The verifier's last words: the line before its statistics says what it did not like. */
static const char *last_complaint(char *log)
{
	char *end = strstr(log, "processed "), *line;

	if (end)
		*end = '\0';
	for (size_t len = strlen(log); len && log[len - 1] == '\n'; len--)
		log[len - 1] = '\0';
	line = strrchr(log, '\n');
	return line ? line + 1 : log;
}

/*
 * A log for each program: the kernel fills the one of the program that failed, which is how we know which that was (libbpf takes
 * the others down again). Untouched pages of it cost nothing.
 */
static int give_logs(struct programs *p)
{
	struct bpf_program *prog;
	size_t cnt = 0, i = 0;

	bpf_object__for_each_program(prog, p->skel->obj)
		cnt++;
	p->logs = calloc(cnt, LOG_SZ);
	if (!p->logs)
		return -ENOMEM;
	bpf_object__for_each_program(prog, p->skel->obj)
		(void)bpf_program__set_log_buf(prog, p->logs + LOG_SZ * i++, LOG_SZ);
	return 0;
}

/* What the maps will take, about; of a ring its size, of the others all their values. */
static uint64_t maps_bytes(const struct programs *p)
{
	struct bpf_map *map;
	uint64_t bytes = 0;

	bpf_object__for_each_map(map, p->skel->obj) {
		bool is_ring = bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF, is_percpu = bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
		uint64_t each = is_ring ? 1 : bpf_map__key_size(map) + bpf_map__value_size(map);

		if (bpf_map__autocreate(map))
			bytes += each * bpf_map__max_entries(map) * (is_percpu ? (uint64_t)sysconf(_SC_NPROCESSORS_CONF) : 1);
	}
	return bytes;
}

static void say_memory(const struct programs *p, struct err *err)
{
	err_hint(err, "the kernel's part takes about %llu MiB: more memory for its cgroup, or fewer events (-e)",
		 (unsigned long long)(maps_bytes(p) >> 20));
}

static int load_skeleton(struct programs *p, struct err *err)
{
	struct bpf_program *prog;
	int code = give_logs(p) ?: varve_bpf__load(p->skel);

	if (code)
		err_code(err, code, "load the BPF programs");
	if (code == -ENOMEM)
		say_memory(p, err);
	bpf_object__for_each_program(prog, p->skel->obj) {
		size_t sz;
		char *log = (char *)bpf_program__log_buf(prog, &sz);

		if (code && log && *log)
			err_code(err, code, "load BPF program '%s': %s", bpf_program__name(prog), last_complaint(log));
		(void)bpf_program__set_log_buf(prog, NULL, 0);
	}
	free(take_ptr(p->logs));
	return code;
}

static int configure_skeleton(struct programs *p, const struct programs_config *c, struct err *err)
{
	struct wire_config *cfg = &p->skel->rodata->cfg;
	int code;

	configure(cfg, c);
	choose_programs(p->skel, cfg, c->kernel, c->options->events);
	code = set_ring_sizes(p, cfg, c->options->freq) ?: set_irq_ring_sizes(p, cfg) ?: set_map_sizes(p->skel, cfg);
	return code ? err_code(err, code, "size the BPF maps") : 0;
}

static int open_and_load(struct programs *p, const struct programs_config *c, struct err *err)
{
	struct programs_types types;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = types.path);
	int code = programs_types_init(&types, c->kernel, err);

	if (!code) {
		p->skel = varve_bpf__open_opts(&opts);
		code = p->skel ? 0 : err_errno(err, "open the BPF programs");
	}
	code = code ?: configure_skeleton(p, c, err) ?: programs_types_find(&types, p->skel->obj, err) ?: load_skeleton(p, err);
	programs_types_deinit(&types);
	return code;
}

int programs_load(const struct programs_config *c, struct programs **ret, struct err *err)
{
	struct programs *p = calloc(1, sizeof(*p));
	int code;

	if (!p)
		return err_code(err, -ENOMEM, "load the BPF programs");
	p->cpu_cnt = libbpf_num_possible_cpus();
	p->percpu = p->cpu_cnt > 0 ? calloc((size_t)p->cpu_cnt, sizeof(*p->percpu)) : NULL;
	if (c->options->comms.cnt > WIRE_GLOBS || c->options->no_comms.cnt > WIRE_GLOBS) {
		code = err_set(err, -EINVAL, "more than %d patterns of --comm or --no-comm", WIRE_GLOBS);
		goto fail;
	}
	code = p->percpu ? open_and_load(p, c, err) : err_code(err, -ENOMEM, "load the BPF programs");
	code = code ?: open_irq_rings(p, err) ?: fill_targets(p->skel, c, err);
	if (code)
		goto fail;
	*ret = p;
	return 0;
fail:
	programs_destroy(p);
	return code;
}

void programs_destroy(struct programs *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->link_cnt; i++)
		bpf_link__destroy(p->links[i]);
	for (size_t i = 0; i < IRQ_RINGS; i++)
		ring_deinit(&p->irq_rings[i]);
	varve_bpf__destroy(p->skel);
	free(p->percpu);
	free(p->logs);
	free(p);
}

static void note_missing(struct programs *p, const char *name)
{
	size_t len = strlen(p->missing);

	snprintf(p->missing + len, sizeof(p->missing) - len, "%s%s", len ? ", " : "", name);
}

/* Without it there is less to see, but something. */
static bool is_optional(const struct varve_bpf *s, const struct bpf_program *prog)
{
	return prog == s->progs.oom_begin || prog == s->progs.oom_end || prog == s->progs.sys_exit ||
	       prog == s->progs.mark_victim || prog == s->progs.mark_victim_pid;
}

static bool keep_link(struct programs *p, struct bpf_link *link)
{
	if (link)
		p->links[p->link_cnt++] = link;
	return link;
}

/* All or none: then more stacks are walked than need be, none is missing. */
static void attach_return(struct programs *p)
{
	static const char *const places[] = { "irq_work_entry", "signal_deliver", "x86_fpu_regs_activated" };
	struct varve_bpf *s = p->skel;
	size_t cnt = 0;

	if (!bpf_program__autoload(s->progs.return_to_user))
		return;
	while (cnt < ARRAY_SIZE(places) && p->link_cnt < LINKS_MAX &&
	       keep_link(p, bpf_program__attach_raw_tracepoint(s->progs.return_to_user, places[cnt])))
		cnt++;
	s->data->ctl.sees_return = cnt == ARRAY_SIZE(places);
}

/*
 * Order matters little while start_ts is not set; but the switch hook comes first, so that the wakeup hook never meets a thread
 * whose switch-out was not seen.
 */
int programs_attach(struct programs *p, struct err *err)
{
	struct varve_bpf *s = p->skel;
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, s->obj) {
		struct bpf_link *link;

		if (!bpf_program__autoload(prog) || prog == s->progs.on_cpu_sample || prog == s->progs.each_task ||
		    prog == s->progs.ksym_at || prog == s->progs.return_to_user || p->link_cnt == LINKS_MAX)
			continue;
		link = bpf_program__type(prog) == BPF_PROG_TYPE_TRACING ? bpf_program__attach_trace(prog) : bpf_program__attach(prog);
		if (keep_link(p, link))
			continue;
		if (!is_optional(s, prog))
			return err_errno(err, "attach BPF program '%s'", bpf_program__name(prog));
		note_missing(p, bpf_program__name(prog));
	}
	attach_return(p);
	return 0;
}

bool programs_have_targets(const struct programs *p)
{
	return p->skel->rodata->cfg.has_filter;
}

bool programs_have_target_ids(const struct programs *p)
{
	return p->skel->rodata->cfg.by_id;
}

bool programs_next_target_id(const struct programs *p, bool is_first, uint32_t *id)
{
	return !bpf_map_get_next_key(bpf_map__fd(p->skel->maps.targets), is_first ? NULL : id, id);
}

const char *programs_missing(const struct programs *p)
{
	return p->missing;
}

void programs_start(struct programs *p, uint64_t ts)
{
	__atomic_store_n(&p->skel->data->ctl.start_ts, ts, __ATOMIC_RELEASE);
}

void programs_stop(struct programs *p, uint64_t ts)
{
	__atomic_store_n(&p->skel->data->ctl.stop_ts, ts, __ATOMIC_RELEASE);
}

void *programs_attach_sampler(struct programs *p, int perf_fd, struct err *err)
{
	struct bpf_link *link = bpf_program__attach_perf_event(p->skel->progs.on_cpu_sample, perf_fd);

	if (!link)
		err_errno(err, "attach the sampler");
	return link;
}

/* The link owns the perf event's fd since it was attached. */
void programs_detach_sampler(void *link)
{
	bpf_link__destroy(link);
}

int programs_ring_fd(const struct programs *p, enum programs_ring r, uint64_t *ret_size)
{
	const struct bpf_map *maps[RING_CNT] = {
		[RING_MAIN] = p->skel->maps.ring_main,
		[RING_SCHED] = p->skel->maps.ring_sched,
		[RING_TASK] = p->skel->maps.ring_task,
		[RING_OOM] = p->skel->maps.ring_oom,
	};

	*ret_size = p->ring_sz[r];
	return bpf_map__fd(maps[r]);
}

bool programs_unwind_maps(const struct programs *p, struct unwind_maps *ret)
{
	const struct varve_bpf *s = p->skel;

	*ret = (struct unwind_maps){
		.extents_fd = bpf_map__fd(s->maps.unwind_extents),
		.rules_fd = bpf_map__fd(s->maps.unwind_rules),
		.modules_fd = bpf_map__fd(s->maps.unwind_modules),
		.procs_fd = bpf_map__fd(s->maps.unwind_procs),
		.cache_fd = bpf_map__fd(s->maps.unwind_cache),
	};
	return s->rodata->cfg.call_graph == WIRE_CALL_GRAPH_TABLES;
}
