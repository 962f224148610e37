// SPDX-License-Identifier: BSD-2-Clause
#include "record/sideband.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/options.h"
#include "record/perf_alive.h"
#include "record/procfile.h"

#define RING_PAGES 128		  /* 512 KiB: 0.2 s of 2000 forks/s on one CPU; what unprivileged users may lock */
#define RING_PAGES_MIN 8
#define RING_TOTAL_MAX (32 << 20) /* over all CPUs */
#define RELEASE_EVERY 256	  /* records */

/* One CPU's event and ring. */
struct side_cpu {
	int cpu;
	int fd;
	uint64_t enabled_ns; /* perf_is_alive() */
	void *base; /* the control page, then ring_sz bytes */
	uint64_t ring_sz;
	uint64_t tail, head;  /* of the present drain */
	uint8_t *wrapped;     /* a record that lies around the ring's end, put together */
	size_t wrapped_cap;
	struct sideband_record next; /* the record at tail */
	uint16_t next_sz;	     /* 0: none */
};

struct sideband {
	struct sideband_options o;
	struct side_cpu *cpus;
	uint32_t cnt;
	long page_sz;
	uint32_t ring_pages;
	bool lost_news;
	int epoll_fd;
	uint64_t drained_ts; /* records before it were taken */
	uint64_t write_from_ts;
	struct sideband_stats stats;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static int open_event(struct sideband *s, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.read_format = PERF_ALIVE_FORMAT,
		.wakeup_watermark = (uint32_t)(s->ring_pages * s->page_sz / 2),
		/*
		 * Not .build_id: the kernel (6.18 still) then marks the records of everybody else's events as having one too,
		 * while they hold device and inode, and a perf record running beside us reads nonsense.
		 */
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int explain_open(int code, int cpu, struct err *err)
{
	err_code(err, code, "perf_event_open of the side-band on CPU %d", cpu);
	if (code == -EACCES || code == -EPERM)
		err_hint(err, "run as root, or: echo 2 | sudo tee /proc/sys/kernel/perf_event_paranoid "
			      "(and CAP_PERFMON)");
	return code;
}

/* Maps the ring; halves it while the kernel refuses the size. */
static int map_ring(struct sideband *s, struct side_cpu *c, struct err *err)
{
	for (;;) {
		uint64_t sz = (uint64_t)s->ring_pages * (uint64_t)s->page_sz;
		void *base = mmap(NULL, (size_t)sz + (size_t)s->page_sz, PROT_READ | PROT_WRITE,
				  MAP_SHARED, c->fd, 0);

		if (base != MAP_FAILED) {
			c->base = base;
			c->ring_sz = sz;
			return 0;
		}
		if ((errno != EPERM && errno != ENOMEM) || s->ring_pages <= RING_PAGES_MIN)
			return err_errno(err, "mmap of %u pages of side-band ring", s->ring_pages);
		s->ring_pages /= 2;
	}
}

static void cpu_deinit(struct sideband *s, struct side_cpu *c)
{
	if (c->base)
		munmap(c->base, (size_t)c->ring_sz + (size_t)s->page_sz);
	if (c->fd >= 0)
		close(c->fd); /* leaves the epoll set by itself */
	free(c->wrapped);
	*c = (struct side_cpu){ .fd = -1, .cpu = -1 };
}

static struct side_cpu *find_cpu(struct sideband *s, int cpu)
{
	for (uint32_t i = 0; i < s->cnt; i++)
		if (s->cpus[i].cpu == cpu)
			return &s->cpus[i];
	return NULL;
}

static struct side_cpu *place_for_cpu(struct sideband *s)
{
	struct side_cpu *c = find_cpu(s, -1);

	if (c)
		return c;
	c = reallocarray(s->cpus, s->cnt + 1, sizeof(*c));
	if (!c)
		return NULL;
	s->cpus = c;
	c += s->cnt++;
	*c = (struct side_cpu){ .fd = -1, .cpu = -1 };
	return c;
}

static void remove_cpu(struct sideband *s, int cpu)
{
	struct side_cpu *c = find_cpu(s, cpu);

	if (c)
		cpu_deinit(s, c);
}

static int add_cpu(struct sideband *s, int cpu, struct err *err)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct side_cpu *c;
	int r;

	remove_cpu(s, cpu);
	c = place_for_cpu(s);
	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->fd = open_event(s, cpu);
	if (c->fd < 0)
		return explain_open(c->fd, cpu, err);
	r = map_ring(s, c, err);
	if (!r && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev))
		r = err_errno(err, "epoll_ctl of the side-band");
	if (r)
		cpu_deinit(s, c);
	else
		c->cpu = cpu;
	return r;
}

static int online_cpus(struct id_list *ret, struct err *err)
{
	static const char path[] = "/sys/devices/system/cpu/online";
	_cleanup_free_ char *text = NULL;
	ssize_t n = procfile_read(AT_FDCWD, path, 65536, &text);

	if (n < 0)
		return err_code(err, (int)n, "read '%s'", path);
	text[strcspn(text, "\n")] = '\0';
	if (options_parse_cpus(text, ret))
		return err_set(err, -EBADMSG, "%s: '%s' is no CPU list", path, text);
	return 0;
}

void sideband_check_cpus(struct sideband *s)
{
	struct id_list online = {};

	for (uint32_t i = 0; i < s->cnt; i++) {
		if (s->cpus[i].cpu < 0 || perf_is_alive(s->cpus[i].fd, &s->cpus[i].enabled_ns))
			continue;
		cpu_deinit(s, &s->cpus[i]);
		s->lost_news = true;
	}
	if (online_cpus(&online, NULL)) /* not to be read: as it was */
		return;
	for (size_t i = 0; i < online.cnt; i++)
		if (!find_cpu(s, (int)online.ids[i]) && !add_cpu(s, (int)online.ids[i], NULL))
			s->lost_news = true;
	free(online.ids);
}

static uint32_t choose_pages(const struct sideband *s, size_t cpu_cnt)
{
	uint32_t pages = s->o.ring_pages ?: RING_PAGES;

	while (!s->o.ring_pages && pages > RING_PAGES_MIN &&
	       (uint64_t)pages * (uint64_t)s->page_sz * cpu_cnt > RING_TOTAL_MAX)
		pages /= 2;
	return pages;
}

int sideband_open(const struct sideband_options *o, struct sideband **ret, struct err *err)
{
	struct sideband *s = calloc(1, sizeof(*s));
	struct id_list cpus = {};
	int r;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->o = *o;
	s->page_sz = sysconf(_SC_PAGESIZE);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = s->epoll_fd < 0 ? err_errno(err, "epoll_create1") : online_cpus(&cpus, err);
	s->ring_pages = choose_pages(s, cpus.cnt);
	for (size_t i = 0; !r && i < cpus.cnt; i++) {
		r = add_cpu(s, (int)cpus.ids[i], err);
		if (r == -ENODEV) /* went offline meanwhile */
			r = 0;
	}
	free(cpus.ids);
	s->drained_ts = now_ns();
	if (r)
		sideband_close(s);
	else
		*ret = s;
	return r;
}

void sideband_close(struct sideband *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->cnt; i++)
		cpu_deinit(s, &s->cpus[i]);
	free(s->cpus);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s);
}

/* ---- the ring ------------------------------------------------------------------------------------------------ */

static struct perf_event_mmap_page *control(const struct side_cpu *c)
{
	return c->base;
}

/* len bytes at position pos of the ring, in one piece. NULL: no memory for putting it together. */
static const uint8_t *ring_bytes(const struct sideband *s, struct side_cpu *c, uint64_t pos, size_t len)
{
	const uint8_t *data = (const uint8_t *)c->base + s->page_sz;
	size_t at = (size_t)(pos & (c->ring_sz - 1)), first = (size_t)c->ring_sz - at;

	if (len <= first)
		return data + at;
	if (c->wrapped_cap < len) {
		uint8_t *p = realloc(c->wrapped, len);

		if (!p)
			return NULL;
		c->wrapped = p;
		c->wrapped_cap = len;
	}
	memcpy(c->wrapped, data + at, first);
	memcpy(c->wrapped + first, data, len - first);
	return c->wrapped;
}

/* Read the record at tail into c->next, passing over those that are of no use. next_sz 0: the ring is empty. */
static void peek(struct sideband *s, struct side_cpu *c)
{
	c->next_sz = 0;
	while (c->tail < c->head) {
		uint64_t left = c->head - c->tail;
		struct perf_event_header h = {};
		const uint8_t *p = ring_bytes(s, c, c->tail, sizeof(h)); /* 8-aligned: never wraps */
		int r;

		if (p)
			memcpy(&h, p, sizeof(h));
		p = h.size >= sizeof(h) && h.size <= left ? ring_bytes(s, c, c->tail, h.size) : NULL;
		if (!p) { /* no way to find the next record */
			s->stats.bad++;
			s->lost_news = true;
			c->tail = c->head;
			return;
		}
		r = sideband_parse(p, h.size, &c->next);
		if (r > 0) {
			c->next_sz = h.size;
			return;
		}
		s->stats.bad += r < 0;
		c->tail += h.size;
	}
}

static void begin(struct sideband *s, struct side_cpu *c)
{
	c->next_sz = 0;
	if (!c->base)
		return;
	c->head = __atomic_load_n(&control(c)->data_head, __ATOMIC_ACQUIRE);
	c->tail = control(c)->data_tail;
	if (c->head - c->tail > c->ring_sz)
		c->tail = c->head; /* cannot be */
	peek(s, c);
}

static struct side_cpu *earliest(struct sideband *s)
{
	struct side_cpu *best = NULL;

	for (uint32_t i = 0; i < s->cnt; i++) {
		struct side_cpu *c = &s->cpus[i];

		if (c->next_sz && (!best || c->next.ts < best->next.ts))
			best = c;
	}
	return best;
}

/* ---- applying ------------------------------------------------------------------------------------------------ */

static int write_mapping(struct sideband *s, const struct sideband_record *r, uint64_t off_base,
			 uint32_t module, struct err *err)
{
	struct event ev = {
		.kind = EVENT_MAPPING, .cpu = r->cpu, .ts = r->ts,
		.mapping = { r->map.start, r->map.end, off_base, module },
	};

	if (!s->o.writer || r->ts < s->write_from_ts || (s->o.wants_pid && !s->o.wants_pid(s->o.ctx, r->pid)))
		return 0;
	(void)tasks_find_process(s->o.tasks, r->pid, r->ts, &ev.task); /* unknown: pid alone */
	return recording_writer_add(s->o.writer, &ev, err);
}

static int apply_mmap(struct sideband *s, struct sideband_record *r, struct err *err)
{
	struct task_ref process;
	struct module_entry *e;
	uint64_t off_base;
	int ret;

	if (!r->is_exec || !r->pid || r->pid == UINT32_MAX)
		return 0;
	(void)tasks_find_process(s->o.tasks, r->pid, r->ts, &process); /* unknown: 0 */
	r->map.start_ts = process.start_ts;
	ret = modules_find(s->o.modules, &r->map, &e, &off_base, err);
	if (ret)
		return ret;
	(void)tasks_mmap(s->o.tasks, r->ts, r->pid, r->map.start, r->map.end, off_base, e->id); /* counted there */
	return write_mapping(s, r, off_base, e->id, err);
}

static int apply_lost(struct sideband *s, const struct sideband_record *r, struct err *err)
{
	struct event ev = {
		.kind = EVENT_LOSS, .cpu = r->cpu, .ts = s->drained_ts,
		.loss = { .stream = EVENT_MAPPING, .reason = LOSS_PERF_LOST, .cnt = r->lost,
			  .dur_ns = r->ts > s->drained_ts ? r->ts - s->drained_ts : 0 },
	};

	s->stats.lost += r->lost;
	s->lost_news = true;
	return s->o.writer ? recording_writer_add(s->o.writer, &ev, err) : 0;
}

/* Changes that find no memory are counted by tasks; only the writer's errors are the caller's. */
static int apply(struct sideband *s, struct sideband_record *r, struct err *err)
{
	struct tasks *t = s->o.tasks;

	s->stats.records++;
	switch (r->kind) {
	case SIDEBAND_FORK:
		(void)tasks_fork(t, r->ts, r->pid, r->tid, r->ppid);
		return 0;
	case SIDEBAND_EXIT:
		if (r->pid == r->tid)
			modules_process_exit(s->o.modules, r->pid);
		tasks_exit(t, r->ts, r->pid, r->tid);
		return 0;
	case SIDEBAND_COMM:
		(void)tasks_comm(t, r->ts, r->pid, r->tid, r->comm);
		return 0;
	case SIDEBAND_EXEC:
		(void)tasks_exec(t, r->ts, r->pid, r->tid, r->comm);
		return 0;
	case SIDEBAND_MMAP:
		return apply_mmap(s, r, err);
	case SIDEBAND_LOST:
		return apply_lost(s, r, err);
	case SIDEBAND_NONE:
		break;
	}
	return 0;
}

/* Give the kernel the room of what was taken. A record put together from two ends was copied already. */
static void release(struct sideband *s)
{
	for (uint32_t i = 0; i < s->cnt; i++)
		if (s->cpus[i].base)
			__atomic_store_n(&control(&s->cpus[i])->data_tail, s->cpus[i].tail,
					 __ATOMIC_RELEASE);
}

/*
 * Records newer than the moment we began are left for the next time: another CPU's ring, looked at first, may have got
 * older ones since.
 */
int sideband_drain(struct sideband *s, struct err *err)
{
	uint64_t until = now_ns();
	int failed = 0, n = 0;
	struct side_cpu *c;

	for (uint32_t i = 0; i < s->cnt; i++)
		begin(s, &s->cpus[i]);
	while ((c = earliest(s)) && c->next.ts < until) {
		int r = apply(s, &c->next, failed ? NULL : err);

		if (r && !failed)
			failed = r;
		c->tail += c->next_sz;
		peek(s, c);
		if (++n % RELEASE_EVERY == 0) /* a storm goes on meanwhile */
			release(s);
	}
	release(s);
	s->drained_ts = until;
	return failed ? failed : n;
}

void sideband_write_from(struct sideband *s, uint64_t ts)
{
	s->write_from_ts = ts;
}

int sideband_fd(const struct sideband *s)
{
	return s->epoll_fd;
}

void sideband_get_stats(const struct sideband *s, struct sideband_stats *ret)
{
	*ret = s->stats;
}

bool sideband_take_lost(struct sideband *s)
{
	bool news = s->lost_news;

	s->lost_news = false;
	return news;
}
