// SPDX-License-Identifier: BSD-2-Clause
#include "formats/recording.h"

#include <stdlib.h>

#include "formats/cleanup.h"
#include "formats/recording_private.h"

#define DEFAULT_LEVEL 3
#define DEFAULT_CHUNK_SZ (1u << 20)
/* The estimate is at least a fifth of the payload, which may be 16 MiB. */
#define CHUNK_SZ_MAX (3u << 20)
#define DEFAULT_CHUNK_AGE_NS 2000000000ull
#define DEFAULT_SYNC_NS 5000000000ull

/* ---- opening ---- */

static struct recording_writer_options with_defaults(const struct recording_writer_options *o)
{
	struct recording_writer_options d = *o;

	d.level = d.level ? d.level : DEFAULT_LEVEL;
	d.chunk_sz = d.chunk_sz ? d.chunk_sz : DEFAULT_CHUNK_SZ;
	d.chunk_sz = d.chunk_sz < CHUNK_SZ_MAX ? d.chunk_sz : CHUNK_SZ_MAX;
	d.chunk_age_ns = d.chunk_age_ns ? d.chunk_age_ns : DEFAULT_CHUNK_AGE_NS;
	d.sync_ns = d.sync_ns == UNKNOWN_U64 ? DEFAULT_SYNC_NS : d.sync_ns;
	return d;
}

static struct recording_writer *create(const struct recording_writer_options *o)
{
	struct recording_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->out.fd = w->segments.dir_fd = w->segments.lock_fd = -1;
	w->options = with_defaults(o);
	w->rec32 = uuid_rec32(o->uuid);
	w->now_ts = w->synced_ts = o->monotonic_ns;
	for (size_t i = 0; i < ARRAY_SIZE(w->chunks); i++)
		chunk_writer_init(&w->chunks[i], &w->modules);
	w->zstd = ZSTD_createCCtx();
	if (w->zstd && !ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
							    w->options.level)))
		return w;
	recording_destroy(w);
	return NULL;
}

int recording_writer_open(const char *path, const struct recording_writer_options *o,
			  struct recording_writer **ret, struct err *err)
{
	struct recording_writer *w = create(o);
	int code;

	if (!w)
		return err_set(
			err, -ENOMEM,
			"create '%s': out of memory, or a compression level zstd does not have",
			path);
	code = recording_open_file(w, path, err);
	code = code ?: o->start_later ? 0 : recording_write_file_header(w, err);
	if (code) {
		recording_writer_discard(w); /* an empty file helps nobody */
		return code;
	}
	*ret = w;
	return 0;
}

int recording_writer_start(struct recording_writer *w, uint64_t realtime_ns, uint64_t monotonic_ns, struct err *err)
{
	w->options.realtime_ns = realtime_ns;
	w->options.monotonic_ns = monotonic_ns;
	return recording_write_file_header(w, err);
}

int recording_writer_add_module(struct recording_writer *w, const struct module *m)
{
	const struct recording_editor *editor = &w->options.editor;
	struct module copy = *m;

	if (editor->module && editor->module(editor->ctx, &copy))
		return -ENOMEM;
	return (int)modtab_add(&w->modules, &copy);
}

struct forgetting {
	const struct recording_writer *w;
	bool (*is_used)(void *ctx, uint32_t id);
	void *ctx;
};

static bool is_module_used(void *ctx, uint32_t id)
{
	const struct forgetting *f = ctx;
	bool is_used = f->is_used(f->ctx, id);

	for (size_t i = 0; !is_used && i < ARRAY_SIZE(f->w->chunks); i++)
		is_used = chunk_writer_uses_module(&f->w->chunks[i], id);
	return is_used;
}

void recording_writer_forget_modules(struct recording_writer *w, bool (*is_used)(void *ctx, uint32_t id), void *ctx)
{
	struct forgetting f = { w, is_used, ctx };

	modtab_sweep(&w->modules, is_module_used, &f);
}

uint32_t recording_writer_module_count(const struct recording_writer *w)
{
	return modtab_count(&w->modules);
}

/* ---- adding ---- */

/* The task events that others may need are in the file before them. */
static int write_full(struct recording_writer *w, unsigned type, struct err *err)
{
	int ret = 0, later;

	if (type == CHUNK_SAMPLE || type == CHUNK_OFFCPU || type == CHUNK_SCHED)
		ret = recording_write_chunk(w, CHUNK_TASK, false, err);
	later = recording_write_chunk(w, type, false, ret ? NULL : err);
	return ret ? ret : later;
}

static unsigned chunk_type_of(const struct recording_writer *w, const struct event *ev)
{
	const struct section_desc *desc =
		(unsigned)ev->kind < EVENT_KIND_CNT ? section_find(ev->kind) : NULL;
	const struct module *m;

	if (!desc)
		return 0;
	if (ev->kind != EVENT_SYMBOL)
		return desc->chunk_type;
	m = modtab_get(&w->modules, ev->symbol.module);
	if (m && (m->kind == MODULE_KERNEL || m->kind == MODULE_KMOD || m->kind == MODULE_BPF))
		return CHUNK_KSYM;
	return desc->chunk_type;
}

static int add_to(struct recording_writer *w, unsigned type, const struct event *ev,
		  struct err *err)
{
	const struct recording_editor *editor = &w->options.editor;
	struct chunk_writer *c = &w->chunks[type];
	struct event copy;
	int ret = type ? 0 : -EINVAL;

	if (!ret && editor->event) {
		copy = *ev;
		ev = &copy;
		ret = editor->event(editor->ctx, &copy);
	}
	ret = ret ?: chunk_writer_add(c, ev);
	if (ret == -ENOMEM)
		return err_set(err, ret, "add an event: out of memory");
	if (ret)
		return err_set(err, ret, "an event of kind %u that the format cannot hold",
			       (unsigned)ev->kind);
	if (c->event_cnt == 1)
		w->opened_ts[type] = w->now_ts;
	if (ev->ts > w->newest_ts)
		w->newest_ts = ev->ts;
	return c->estimate >= w->options.chunk_sz ? write_full(w, type, err) : 0;
}

int recording_writer_add(struct recording_writer *w, const struct event *ev, struct err *err)
{
	return add_to(w, chunk_type_of(w, ev), ev, err);
}

int recording_writer_add_keyframe(struct recording_writer *w, const struct event *ev,
				  struct err *err)
{
	bool fits = ev->kind == EVENT_TASK || ev->kind == EVENT_MAPPING || ev->kind == EVENT_CGROUP;

	return add_to(w, fits ? CHUNK_KEYFRAME : 0, ev, err);
}

int recording_writer_end_keyframe(struct recording_writer *w, struct err *err)
{
	return recording_write_chunk(w, CHUNK_KEYFRAME, false, err);
}

/* ---- time ---- */

static bool is_due(const struct recording_writer *w, unsigned type)
{
	if (type == CHUNK_OOM || type == CHUNK_LOSS || type == CHUNK_END)
		return true;
	if (type == CHUNK_KEYFRAME)
		return false; /* its end is said by end_keyframe() */
	return w->now_ts - w->opened_ts[type] >= w->options.chunk_age_ns;
}

/*
 * Write the chunks that are due, or all; the first error is told, the others are tried all the
 * same.
 */
static int write_due(struct recording_writer *w, bool all, struct err *err)
{
	uint64_t chunks = w->stats.chunks;
	int first = 0;

	for (size_t i = 0; i < recording_write_order_cnt; i++) {
		unsigned type = recording_write_order[i];
		int ret = 0;

		if (type == CHUNK_LOSS && w->stats.chunks != chunks)
			ret = recording_add_unwritten(w); /* there is room again */
		if (!ret && (all || is_due(w, type)))
			ret = recording_write_chunk(w, type, false, first ? NULL : err);
		first = first ? first : ret;
	}
	return first;
}

static int sync_if_due(struct recording_writer *w, struct err *err)
{
	if (!w->options.sync_ns || w->now_ts - w->synced_ts < w->options.sync_ns ||
	    w->synced_bytes == w->stats.bytes)
		return 0;
	w->synced_ts = w->now_ts;
	w->synced_bytes = w->stats.bytes;
	return output_sync(&w->out, err);
}

int recording_writer_tick(struct recording_writer *w, uint64_t now_ts, struct err *err)
{
	int ret, later;

	w->now_ts = now_ts > w->now_ts ? now_ts : w->now_ts;
	ret = write_due(w, false, err);
	later = sync_if_due(w, ret ? NULL : err);
	return ret ? ret : later;
}

int recording_writer_flush(struct recording_writer *w, struct err *err)
{
	return write_due(w, true, err);
}

const struct recording_writer_stats *recording_writer_stats(const struct recording_writer *w)
{
	return &w->stats;
}

void recording_writer_stop_on(struct recording_writer *w, int stop_fd)
{
	output_stop_on(&w->out, stop_fd);
}

int recording_writer_close(struct recording_writer *w, struct err *err)
{
	int ret, later;

	if (!w)
		return 0;
	ret = recording_write_rest(w, err);
	later = w->options.flight.bytes ? recording_close_in_memory(w, ret ? NULL : err) : output_close(&w->out, ret ? NULL : err);
	recording_destroy(w);
	return ret ? ret : later;
}
