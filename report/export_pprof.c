// SPDX-License-Identifier: BSD-2-Clause
#include "report/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/cleanup.h"
#include "formats/idmap.h"
#include "report/escape.h"
#include "report/profile.h"
#include "report/protobuf.h"

/* Field numbers of google/pprof's profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1, PROFILE_SAMPLE = 2, PROFILE_MAPPING = 3, PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6, PROFILE_TIME = 9, PROFILE_DURATION = 10, PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_DEFAULT_TYPE = 14,
	VALUE_TYPE = 1, VALUE_UNIT = 2,
	SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3,
	LABEL_KEY = 1, LABEL_STRING = 2, LABEL_NUMBER = 3,
	MAPPING_ID = 1, MAPPING_START = 2, MAPPING_LIMIT = 3, MAPPING_FILE = 5,
	MAPPING_BUILD_ID = 6, MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILES = 8, MAPPING_HAS_LINES = 9, MAPPING_HAS_INLINES = 10,
	LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4,
	LINE_FUNCTION = 1, LINE_LINE = 2,
	FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILE = 4,
	FUNCTION_LINE = 5,
};

/* Location and function of samples without a stack: pprof drops samples that have no location. */
/* Mappings must not overlap: each image gets a range of its own, this long. */
#define NO_STACK_ID (1ull << 40)
/* A physical pc: the frames inlined there and the one they are in, as a stretch of chain[]. */
#define IMAGE_SPAN (1ull << 36)
struct location {
	uint32_t at, cnt;
};

struct pprof {
	const struct export_input *in;
	struct protobuf p;
	struct strpool strings; /* pool ids are string_table indexes less one */
	struct idmap string_ids;
	TABLE(const char *) string_list; /* id = index in string_table */
	TABLE(struct location) locations;
	TABLE(uint32_t) chain; /* frame ids; location.at is the first, 1-based */
	struct idmap location_ids;
	bool *function_used; /* [stacks.functions] */
	bool *image_used;
	bool has_no_stack; /* some sample is without */
	bool failed;
};

/* Index in the string table; 0 is "". */
static uint64_t string_id(struct pprof *o, const char *s)
{
	uint32_t hash, pos, id;

	if (!s || !*s)
		return 0;
	hash = hash_bytes(s, strlen(s));
	for (id = idmap_first(&o->string_ids, hash, &pos); id;
	     id = idmap_next(&o->string_ids, hash, &pos))
		if (!strcmp(o->string_list.row[id], s))
			return id;
	id = table_add(&o->string_list);
	s = id ? strpool_add(&o->strings, s) : NULL;
	if (!s || idmap_add(&o->string_ids, hash, id)) {
		o->failed = true;
		return 0;
	}
	o->string_list.row[id] = s;
	return id;
}

/* protobuf strings are UTF-8: what is not is shown as \xNN. */
static uint64_t shown_id(struct pprof *o, const char *s)
{
	_cleanup_free_ char *shown = escape_text_dup(s ?: "", strlen(s ?: ""));

	if (!shown)
		o->failed = true;
	return string_id(o, shown);
}

static void put_type(struct pprof *o, uint32_t field, const char *type, const char *unit)
{
	size_t mark = protobuf_begin(&o->p, field);

	protobuf_uint(&o->p, VALUE_TYPE, string_id(o, type));
	protobuf_uint(&o->p, VALUE_UNIT, string_id(o, unit));
	protobuf_end(&o->p, mark);
}

/* The location of these frames, innermost first. Returns its id (>= 1), 0 when out of memory. */
static uint32_t location_id(struct pprof *o, const uint32_t *frames, uint32_t cnt)
{
	uint32_t hash = hash_bytes(frames, cnt * sizeof(*frames)), pos, id;

	for (id = idmap_first(&o->location_ids, hash, &pos); id;
	     id = idmap_next(&o->location_ids, hash, &pos)) {
		const struct location *l = &o->locations.row[id];

		if (l->cnt == cnt && !memcmp(&o->chain.row[l->at], frames, cnt * sizeof(*frames)))
			return id;
	}
	id = table_add(&o->locations);
	if (!id || idmap_add(&o->location_ids, hash, id) ||
	    !table_reserve(&o->chain, o->chain.cnt + cnt)) {
		o->failed = true;
		return 0;
	}
	o->locations.row[id] = (struct location){ o->chain.cnt + 1, cnt };
	for (uint32_t i = 0; i < cnt; i++)
		o->chain.row[++o->chain.cnt] = frames[i];
	return id;
}

/* A stack as location ids, leaf first. Frames inlined into one another share a location. */
static void put_locations(struct pprof *o, uint32_t stack)
{
	uint32_t nodes[EXPORT_DEPTH_MAX], frames[EXPORT_DEPTH_MAX];
	uint32_t cnt = export_stack_nodes(o->in->stacks, stack, nodes, EXPORT_DEPTH_MAX);
	size_t mark = protobuf_begin(&o->p, SAMPLE_LOCATION);

	if (!cnt) {
		o->has_no_stack = true;
		protobuf_varint(&o->p, NO_STACK_ID);
	}
	for (uint32_t i = 0; i < cnt;) {
		uint32_t len = 0;

		do
			frames[len++] = o->in->stacks->nodes.row[nodes[i++]].frame;
		while (i < cnt && o->in->stacks->frames.row[frames[len - 1]].inlined);
		protobuf_varint(&o->p, location_id(o, frames, len));
	}
	protobuf_end(&o->p, mark);
}

static void put_label(struct pprof *o, const char *key, uint64_t text, uint64_t number)
{
	size_t mark;

	if (!text && !number)
		return;
	mark = protobuf_begin(&o->p, SAMPLE_LABEL);
	protobuf_uint(&o->p, LABEL_KEY, string_id(o, key));
	if (text)
		protobuf_uint(&o->p, LABEL_STRING, text);
	else
		protobuf_uint(&o->p, LABEL_NUMBER, number);
	protobuf_end(&o->p, mark);
}

static void put_labels(struct pprof *o, uint32_t utid)
{
	const struct tasks *t = o->in->tasks;
	const struct thread *thread = utid && utid <= t->threads.cnt ? &t->threads.row[utid] : NULL;
	const struct process *process =
		thread && thread->upid <= t->processes.cnt ? &t->processes.row[thread->upid] : NULL;
	const struct cgroup *cgroup =
		process && process->cgroup && process->cgroup <= t->cgroups.cnt
			? &t->cgroups.row[process->cgroup]
			: NULL;

	put_label(o, "thread", shown_id(o, export_thread_name(t, utid)), 0);
	put_label(o, "tid", 0, thread ? thread->tid : 0);
	put_label(o, "comm", process ? shown_id(o, process->comm) : 0, 0);
	put_label(o, "pid", 0, process ? process->pid : 0);
	put_label(o, "cgroup", cgroup ? shown_id(o, cgroup->path) : 0, 0);
	put_label(o, "container", cgroup ? shown_id(o, cgroup->container_id) : 0, 0);
}

static void put_sample(struct pprof *o, const struct profile_entry *e)
{
	size_t mark = protobuf_begin(&o->p, PROFILE_SAMPLE), values;

	/* of wakeups, what counts is what the waker did */
	put_locations(o, o->in->filter->event == FILTER_WAKEUP ? e->waker_stack : e->stack);
	values = protobuf_begin(&o->p, SAMPLE_VALUE);
	protobuf_varint(&o->p, e->cnt);
	protobuf_varint(&o->p, e->ns);
	protobuf_end(&o->p, values);
	put_labels(o, e->utid);
	protobuf_end(&o->p, mark);
}

/* Images whose rel_addr is a true address have no range of their own. */
static uint64_t image_start(const struct stack_image *image, uint32_t id)
{
	if (!strcmp(image->kind, "jit") || !strcmp(image->kind, "anon") ||
	    !strcmp(image->kind, "bpf"))
		return 0;
	return id * IMAGE_SPAN;
}

static void put_location(struct pprof *o, uint32_t id)
{
	const struct stacks *s = o->in->stacks;
	const struct location *l = &o->locations.row[id];
	const struct stack_frame *outer = &s->frames.row[o->chain.row[l->at + l->cnt - 1]];
	size_t mark = protobuf_begin(&o->p, PROFILE_LOCATION);

	protobuf_uint(&o->p, LOCATION_ID, id);
	if (outer->image) {
		protobuf_uint(&o->p, LOCATION_MAPPING, outer->image);
		o->image_used[outer->image] = true;
	}
	if (outer->rel_addr != UNKNOWN_U64)
		protobuf_uint(&o->p, LOCATION_ADDRESS,
			      (outer->image
				       ? image_start(&s->images.row[outer->image], outer->image)
				       : 0) +
				      outer->rel_addr);
	for (uint32_t i = 0; i < l->cnt; i++) {
		const struct stack_frame *f = &s->frames.row[o->chain.row[l->at + i]];
		size_t line = protobuf_begin(&o->p, LOCATION_LINE);

		protobuf_uint(&o->p, LINE_FUNCTION, f->function);
		if (f->line)
			protobuf_uint(&o->p, LINE_LINE, f->line);
		protobuf_end(&o->p, line);
		o->function_used[f->function] = true;
	}
	protobuf_end(&o->p, mark);
}

static void put_function(struct pprof *o, uint32_t id)
{
	const struct stacks *s = o->in->stacks;
	const struct stack_function *fn = &s->functions.row[id];
	size_t mark = protobuf_begin(&o->p, PROFILE_FUNCTION);

	protobuf_uint(&o->p, FUNCTION_ID, id);
	protobuf_uint(&o->p, FUNCTION_NAME, shown_id(o, fn->name));
	protobuf_uint(&o->p, FUNCTION_SYSTEM_NAME, shown_id(o, fn->raw_name ?: fn->name));
	if (fn->file)
		protobuf_uint(&o->p, FUNCTION_FILE, shown_id(o, s->files.row[fn->file]));
	if (fn->line)
		protobuf_uint(&o->p, FUNCTION_LINE, fn->line);
	protobuf_end(&o->p, mark);
}

static void put_mapping(struct pprof *o, uint32_t id)
{
	const struct stack_image *image = &o->in->stacks->images.row[id];
	uint64_t start = image_start(image, id);
	size_t mark = protobuf_begin(&o->p, PROFILE_MAPPING);

	protobuf_uint(&o->p, MAPPING_ID, id);
	protobuf_uint(&o->p, MAPPING_START, start);
	protobuf_uint(&o->p, MAPPING_LIMIT, start ? start + IMAGE_SPAN : UINT64_MAX);
	protobuf_uint(&o->p, MAPPING_FILE, shown_id(o, image->path));
	protobuf_uint(&o->p, MAPPING_BUILD_ID, shown_id(o, image->build_id));
	/* without this, pprof looks for a local binary to name the functions from */
	protobuf_uint(&o->p, MAPPING_HAS_FUNCTIONS, 1);
	protobuf_uint(&o->p, MAPPING_HAS_FILES, 1);
	protobuf_uint(&o->p, MAPPING_HAS_LINES, 1);
	protobuf_uint(&o->p, MAPPING_HAS_INLINES, 1);
	protobuf_end(&o->p, mark);
}

static void put_types(struct pprof *o)
{
	bool on_cpu = o->in->filter->event == FILTER_ON_CPU;

	put_type(o, PROFILE_SAMPLE_TYPE, on_cpu ? "samples" : "waits", "count");
	put_type(o, PROFILE_SAMPLE_TYPE, on_cpu ? "cpu" : "delay", "nanoseconds");
	put_type(o, PROFILE_PERIOD_TYPE, on_cpu ? "cpu" : "delay", "nanoseconds");
	protobuf_uint(&o->p, PROFILE_PERIOD, on_cpu && o->in->sample_ns ? o->in->sample_ns : 1);
	protobuf_uint(&o->p, PROFILE_TIME, (uint64_t)o->in->t0_unix_ns);
	protobuf_uint(&o->p, PROFILE_DURATION, (uint64_t)o->in->duration_ns);
	protobuf_uint(&o->p, PROFILE_DEFAULT_TYPE, string_id(o, on_cpu ? "cpu" : "delay"));
}

static void put_no_stack(struct pprof *o)
{
	size_t mark = protobuf_begin(&o->p, PROFILE_LOCATION), line;

	protobuf_uint(&o->p, LOCATION_ID, NO_STACK_ID);
	line = protobuf_begin(&o->p, LOCATION_LINE);
	protobuf_uint(&o->p, LINE_FUNCTION, NO_STACK_ID);
	protobuf_end(&o->p, line);
	protobuf_end(&o->p, mark);
	mark = protobuf_begin(&o->p, PROFILE_FUNCTION);
	protobuf_uint(&o->p, FUNCTION_ID, NO_STACK_ID);
	protobuf_uint(&o->p, FUNCTION_NAME, string_id(o, "[no stack]"));
	protobuf_end(&o->p, mark);
}

static int put_profile(struct pprof *o, const struct profile *profile)
{
	const struct stacks *s = o->in->stacks;

	o->function_used = calloc(s->functions.cnt + 1ul, sizeof(*o->function_used));
	o->image_used = calloc(s->images.cnt + 1ul, sizeof(*o->image_used));
	if (!o->function_used || !o->image_used)
		return -ENOMEM;
	put_types(o);
	for (uint32_t i = 1; i <= profile->entries.cnt; i++)
		put_sample(o, &profile->entries.row[i]);
	for (uint32_t i = 1; i <= o->locations.cnt; i++)
		put_location(o, i);
	for (uint32_t i = 1; i <= s->functions.cnt; i++)
		if (o->function_used[i])
			put_function(o, i);
	for (uint32_t i = 1; i <= s->images.cnt; i++)
		if (o->image_used[i])
			put_mapping(o, i);
	if (o->has_no_stack)
		put_no_stack(o);
	protobuf_string(&o->p, PROFILE_STRING, "");
	for (uint32_t i = 1; i <= o->string_list.cnt; i++)
		protobuf_string(&o->p, PROFILE_STRING, o->string_list.row[i]);
	return o->failed || o->p.failed ? -ENOMEM : 0;
}

/* gzip without a name or time in its header: the same profile gives the same bytes. */
static int put_gzip(FILE *f, const uint8_t *data, size_t len, struct err *err)
{
	z_stream z = { 0 };
	uint8_t out[65536];
	int rc;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return err_code(err, -ENOMEM, "compress the profile");
	do {
		size_t piece = len < 1u << 30 ? len : 1u << 30;

		if (!z.avail_in) {
			z.next_in = (uint8_t *)data;
			z.avail_in = (unsigned)piece;
			data += piece;
			len -= piece;
		}
		z.next_out = out;
		z.avail_out = sizeof(out);
		rc = deflate(&z, len ? Z_NO_FLUSH : Z_FINISH);
		fwrite(out, 1, sizeof(out) - z.avail_out, f);
	} while (rc == Z_OK || rc == Z_BUF_ERROR);
	deflateEnd(&z);
	return 0;
}

int export_pprof(const struct export_input *in, FILE *f, struct err *err)
{
	struct pprof o = { .in = in };
	struct profile profile;
	int rc;

	profile_init(&profile);
	rc = profile_read(&profile, in->db, in->filter, err);
	if (!rc) {
		rc = put_profile(&o, &profile);
		rc = rc ? err_code(err, rc, "write the profile")
			: put_gzip(f, o.p.data, o.p.len, err);
	}
	profile_deinit(&profile);
	protobuf_deinit(&o.p);
	strpool_deinit(&o.strings);
	idmap_deinit(&o.string_ids);
	idmap_deinit(&o.location_ids);
	table_deinit(&o.string_list);
	table_deinit(&o.locations);
	table_deinit(&o.chain);
	free(o.function_used);
	free(o.image_used);
	return rc;
}
