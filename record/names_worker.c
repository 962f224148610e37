// SPDX-License-Identifier: BSD-2-Clause
#include "record/names_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"
#include "record/elf_links.h"
#include "record/jitdump.h"
#include "record/names_sandbox.h"
#include "record/perfmap.h"
#include "record/symtab_file.h"

#define PIPE_BUF_SZ 65536

/*
 * What travels: a header of 32 bytes, then the name. A header without a name (that is not nameless) says "job `module` begins" (by index), so that
 * the parent knows at which one a child died.
 */
struct wire_name {
	uint32_t module, source, name_len, is_nameless; /* is_nameless: a symbol all the same (SYMBOL_FDE) */
	uint64_t off, size;
};
_Static_assert(sizeof(struct wire_name) == 32, "both ends are this program, but let it have no holes");

/* ---- the child ----------------------------------------------------------------------------------------------- */

struct sender {
	int fd;
	uint32_t module;
	size_t len;
	char buf[PIPE_BUF_SZ];
};

static int send_flush(struct sender *s)
{
	size_t at = 0;

	while (at < s->len) {
		ssize_t n = write(s->fd, s->buf + at, s->len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	s->len = 0;
	return 0;
}

static int send_bytes(struct sender *s, const void *data, size_t len)
{
	int r = 0;

	if (len > sizeof(s->buf) - s->len)
		r = send_flush(s);
	if (r)
		return r;
	memcpy(s->buf + s->len, data, len);
	s->len += len;
	return 0;
}

static int send_name(void *ctx, const struct symtab_symbol *sym)
{
	struct sender *s = ctx;
	size_t len = strnlen(sym->name, SYMTAB_NAME_MAX - 1);
	struct wire_name h = {
		.module = s->module, .source = sym->source, .name_len = (uint32_t)len, .is_nameless = !len,
		.off = sym->off, .size = sym->size,
	};
	int r = send_bytes(s, &h, sizeof(h));

	return r ? r : send_bytes(s, sym->name, len);
}

/*
 * Perf-map entries for hits: the last one written over an address is what was there at the end. Where none was, the only one that was written while the
 * module ended is: two of them would be before and after.
 */
struct map_hits {
	const struct names_job *job;
	struct map_hit {
		struct perfmap_entry e; /* name owned; NULL: none */
		uint64_t seq;		/* when e was written: 1, 2, …; 0: while the module ended */
		bool is_ambiguous;	/* … as were others */
	} *v; /* one per hit */
	uint64_t seq; /* the last one */
};

static size_t first_off(const struct names_job *job, uint64_t off)
{
	size_t lo = 0, hi = job->off_cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (job->offs[mid] < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int on_map_hit(void *ctx, const struct perfmap_entry *e)
{
	struct map_hits *m = ctx;

	m->seq++;
	for (size_t i = first_off(m->job, e->start);
	     i < m->job->off_cnt && m->job->offs[i] - e->start < e->size; i++) {
		char *name = strdup(e->name);

		if (!name)
			return -ENOMEM;
		free((void *)m->v[i].e.name);
		m->v[i].e = (struct perfmap_entry){ e->start, e->size, name };
		m->v[i].seq = m->seq;
	}
	return 0;
}

static int on_late_hit(void *ctx, const struct perfmap_entry *e)
{
	struct map_hits *m = ctx;

	for (size_t i = first_off(m->job, e->start); i < m->job->off_cnt && m->job->offs[i] - e->start < e->size; i++) {
		struct map_hit *h = &m->v[i];

		if (h->e.name) {
			h->is_ambiguous |= !h->seq && strcmp(h->e.name, e->name);
			continue;
		}
		h->e = (struct perfmap_entry){ m->job->offs[i], 1, strdup(e->name) };
		if (!h->e.name)
			return -ENOMEM;
	}
	return 0;
}

struct map_all {
	const struct names_job *job;
	symtab_fn fn;
	void *ctx;
};

static int give_entry(const struct names_job *job, const struct perfmap_entry *e, symtab_fn fn, void *ctx)
{
	struct symtab_symbol s = { e->start, e->size, job->map_fd < 0 ? SYMBOL_JITDUMP : SYMBOL_PERFMAP, e->name };

	return fn(ctx, &s);
}

static int on_map_all(void *ctx, const struct perfmap_entry *e)
{
	const struct map_all *all = ctx;

	return give_entry(all->job, e, all->fn, all->ctx);
}

/* What both files say, the map last. */
static int each_code(const struct names_job *job, perfmap_fn fn, void *ctx)
{
	uint64_t bad, at = 0;
	int r = job->dump_fd >= 0 ? jitdump_each(job->dump_fd, &at, job->extent.dump, fn, ctx) : 0;

	return !r && job->map_fd >= 0 ? perfmap_each_until(job->map_fd, 0, job->extent.map, fn, ctx, &bad, NULL) : r;
}

/* The same of what was written while the module ended. */
static int each_late(const struct names_job *job, perfmap_fn fn, void *ctx)
{
	const struct jit_extent *x = &job->extent;
	uint64_t bad, at = x->dump;
	int r = job->dump_fd >= 0 && x->dump < x->dump_end ? jitdump_each(job->dump_fd, &at, x->dump_end, fn, ctx) : 0;

	return !r && job->map_fd >= 0 && x->map < x->map_end ? perfmap_each_until(job->map_fd, x->map, x->map_end, fn, ctx, &bad, NULL) : r;
}

static int compare_hits(const void *a, const void *b)
{
	const struct map_hit *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* As they were written: a later one is what counts where two overlap. */
static int give_hits(struct map_hits *m, symtab_fn fn, void *ctx)
{
	int r = 0;

	qsort(m->v, m->job->off_cnt, sizeof(*m->v), compare_hits);
	for (size_t i = 0; i < m->job->off_cnt && !r; i++)
		if (m->v[i].e.name && !m->v[i].is_ambiguous && (!i || !m->v[i].seq || m->v[i].seq != m->v[i - 1].seq))
			r = give_entry(m->job, &m->v[i].e, fn, ctx);
	return r;
}

static int do_perfmap(const struct names_job *job, symtab_fn fn, void *ctx)
{
	struct map_all all = { job, fn, ctx };
	struct map_hits m = { .job = job };
	int r;

	if (!job->offs)
		return each_code(job, on_map_all, &all);
	m.v = calloc(job->off_cnt + 1, sizeof(*m.v));
	if (!m.v)
		return -ENOMEM;
	r = each_code(job, on_map_hit, &m);
	r = r ?: each_late(job, on_late_hit, &m);
	r = r ?: give_hits(&m, fn, ctx);
	for (size_t i = 0; i < job->off_cnt; i++)
		free((void *)m.v[i].e.name);
	free(m.v);
	return r;
}

static int do_link(const struct names_job *job, symtab_fn fn, void *ctx)
{
	struct symtab_symbol s = {};
	struct elf_links links;
	struct elf_file f;

	if (elf_file_open(&job->elf.image, &f))
		return 0;
	elf_links_read(&f, &links);
	s.off = links.link_crc;
	s.name = links.link;
	if (symtab_file_has_symtab(&f))
		links.link[0] = '\0'; /* nothing better is to be had */
	elf_file_close(&f);
	return *links.link ? fn(ctx, &s) : 0;
}

int names_worker_do(const struct names_job *job, symtab_fn fn, void *ctx)
{
	if (job->wants_link)
		return do_link(job, fn, ctx);
	if (job->is_perfmap)
		return do_perfmap(job, fn, ctx);
	if (job->offs)
		return symtab_find(&job->elf, job->offs, job->off_cnt, fn, ctx);
	return symtab_each(&job->elf, fn, ctx);
}

static void __attribute__((noreturn)) child(const struct names_job *jobs, size_t from, size_t cnt, int fd)
{
	struct sender *s;
	int r = names_sandbox_enter();

	s = r ? NULL : malloc(sizeof(*s));
	if (!s)
		_exit(1);
	s->fd = fd;
	s->len = 0;
	for (size_t i = from; i < cnt && !r; i++) {
		struct wire_name begin = { .module = (uint32_t)i };

		s->module = jobs[i].module;
		r = send_bytes(s, &begin, sizeof(begin));
		if (!r)
			r = send_flush(s); /* before what may kill us */
		if (!r)
			r = names_worker_do(&jobs[i], send_name, s);
		if (!r)
			r = send_flush(s);
	}
	_exit(r ? 1 : 0);
}

/* ---- the parent ---------------------------------------------------------------------------------------------- */

struct receiver {
	struct names_job *jobs;
	size_t cnt, at; /* the job that is running */
	bool has_begun;
	names_fn fn;
	void *ctx;
	const struct names_idle *idle; /* NULL: none */
	uint64_t idle_ts;	       /* when it was called last */
	struct buffer in;
};

static bool is_possible(const struct receiver *r, const struct wire_name *h)
{
	const struct names_job *j = &r->jobs[r->at];

	bool ok = j->wants_link	 ? !h->source && h->name_len < ELF_LINK_MAX :
		  j->is_perfmap ? h->source == SYMBOL_PERFMAP || h->source == SYMBOL_JITDUMP :
				  h->source == SYMBOL_SYMTAB || h->source == SYMBOL_DYNSYM || h->source == SYMBOL_PLT ||
					  h->source == SYMBOL_GOPCLNTAB || h->source == SYMBOL_MINIDEBUG || h->source == SYMBOL_FDE;

	return ok && r->has_begun && (!h->name_len) == (h->source == SYMBOL_FDE) && h->module == j->module && h->name_len < SYMTAB_NAME_MAX && h->size <= UINT64_MAX - h->off;
}

/* One whole message at p. Returns 0, fn's value, or -EBADMSG: the child is not to be believed. */
static int take_message(struct receiver *r, const struct wire_name *h, const uint8_t *name)
{
	char text[SYMTAB_NAME_MAX];
	struct symtab_symbol s = { h->off, h->size, h->source, text };

	if (!h->name_len && !h->is_nameless) {
		if (h->module >= r->cnt || h->module < r->at || (r->has_begun && h->module != r->at + 1))
			return -EBADMSG;
		r->at = h->module;
		r->has_begun = true;
		return 0;
	}
	if (!is_possible(r, h) || memchr(name, '\0', h->name_len))
		return -EBADMSG;
	memcpy(text, name, h->name_len);
	text[h->name_len] = '\0';
	return r->fn(r->ctx, h->module, &s);
}

static int take_messages(struct receiver *r)
{
	size_t at = 0;
	int err = 0;

	while (!err && r->in.len - at >= sizeof(struct wire_name)) {
		struct wire_name h;

		memcpy(&h, r->in.data + at, sizeof(h));
		if (h.name_len >= SYMTAB_NAME_MAX)
			return -EBADMSG;
		if (r->in.len - at - sizeof(h) < h.name_len)
			break;
		err = take_message(r, &h, r->in.data + at + sizeof(h));
		at += sizeof(h) + h.name_len;
	}
	memmove(r->in.data, r->in.data + at, r->in.len - at);
	r->in.len -= at;
	return err;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* How long to wait at most, having done what is due besides. */
static int patience_ms(struct receiver *r, uint64_t now, uint64_t deadline)
{
	uint64_t left = (deadline - now) / 1000000 + 1, pause = NAMES_IDLE_NS / 1000000;

	if (!r->idle)
		return (int)left;
	if (now - r->idle_ts >= NAMES_IDLE_NS) {
		r->idle->fn(r->idle->ctx);
		r->idle_ts = now_ns();
	}
	return (int)(left < pause ? left : pause);
}

/* Read until the pipe ends. Returns 0, fn's value, -EBADMSG, -ETIME or -errno. */
static int receive(struct receiver *r, int fd, uint64_t deadline)
{
	int err = 0;

	while (!err) {
		uint64_t now = now_ns();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (now >= deadline)
			return -ETIME;
		if (poll(&p, 1, patience_ms(r, now, deadline)) <= 0)
			continue;
		if (buffer_reserve(&r->in, PIPE_BUF_SZ))
			return -ENOMEM;
		n = read(fd, r->in.data + r->in.len, PIPE_BUF_SZ);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			break;
		r->in.len += n > 0 ? (size_t)n : 0;
		err = take_messages(r);
	}
	return err;
}

/* One child, from job `from` on. *ret_ok: it ended by itself, with everything done. */
static int run_child(struct receiver *r, size_t from, uint64_t deadline, bool *ret_ok, struct err *err)
{
	int fds[2], status = -1, got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_errno(err, "pipe for the symbol reader");
	r->at = from;
	r->has_begun = false;
	r->in.len = 0;
	pid = fork();
	if (pid < 0) {
		got = err_errno(err, "fork of the symbol reader");
		close(fds[0]);
		close(fds[1]);
		return got;
	}
	if (!pid) {
		close(fds[0]);
		child(r->jobs, from, r->cnt, fds[1]);
	}
	close(fds[1]);
	got = receive(r, fds[0], deadline);
	close(fds[0]);
	if (got)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_ok = !got && WIFEXITED(status) && !WEXITSTATUS(status);
	return got == -EBADMSG ? 0 : got;
}

int names_worker_run(struct names_job *jobs, size_t cnt, uint64_t timeout_ns, const struct names_idle *idle, names_fn fn, void *ctx,
		     struct err *err)
{
	struct receiver r = { .jobs = jobs, .cnt = cnt, .fn = fn, .ctx = ctx, .idle = idle, .idle_ts = now_ns() };
	uint64_t deadline = now_ns() + timeout_ns;
	bool is_done = false;
	size_t from = 0;
	int got = 0;

	while (!got && !is_done && from < cnt) {
		got = run_child(&r, from, deadline, &is_done, err);
		if (!is_done && !got) {
			jobs[r.at].failed = true;
			from = r.at + 1;
		}
	}
	if (got == -ETIME) { /* what is left stays without names */
		for (size_t i = r.at; i < cnt; i++)
			jobs[i].failed = true;
		got = 0;
	}
	buffer_deinit(&r.in);
	return got;
}
