// SPDX-License-Identifier: BSD-2-Clause
#include "report/folded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/escape.h"

/* One text between semicolons, escaped and marked. */
struct label {
	const char *text;
	uint32_t rank; /* place in byte order */
};

/* Chains with equal names are one node, whatever addresses they had. */
struct name_node {
	uint32_t parent, label;
	uint64_t value;
};

/* The name node of a stack node below one thread label: entries of one name share most of their
 * stacks. */
struct known {
	uint32_t label, node;
};

struct folded {
	const struct profile *p;
	bool is_waker;	  /* stacks and threads of the wakers, */
	bool with_wakers; /* or both */
	struct strpool texts;
	TABLE(struct label) labels;
	struct idmap label_map, node_map;
	TABLE(struct name_node) nodes;
	TABLE(uint32_t) frame_labels;  /* by frame, 0: not made yet */
	TABLE(uint32_t) waker_labels;  /* the same frames in a waker's stack */
	TABLE(uint32_t) thread_labels; /* by utid */
	TABLE(uint32_t)
	path; /* of the stack being added, leaf first, up to the first node that is known */
	struct known *known; /* by stack node */
};

static uint32_t add_label(struct folded *fo, const char *name, char mark)
{
	_cleanup_free_ char *escaped = escape_folded_dup(name, strlen(name));
	_cleanup_free_ char *marked = NULL;
	uint32_t hash, pos, id;
	const char *text;

	if (!escaped || (mark && asprintf(&marked, "%s_[%c]", escaped, mark) < 0))
		return 0;
	text = strpool_add(&fo->texts, marked ?: escaped);
	if (!text)
		return 0;
	hash = hash_mix((uintptr_t)text, 6);
	for (id = idmap_first(&fo->label_map, hash, &pos); id;
	     id = idmap_next(&fo->label_map, hash, &pos))
		if (fo->labels.row[id].text == text)
			return id;
	id = table_add(&fo->labels);
	if (!id || idmap_add(&fo->label_map, hash, id))
		return 0;
	fo->labels.row[id].text = text;
	return id;
}

static uint32_t frame_label(struct folded *fo, uint32_t frame, bool is_waker)
{
	const struct stacks *s = fo->p->stacks;
	const struct stack_frame *f = &s->frames.row[frame];
	uint32_t *label;

	if (is_waker ? !table_reserve(&fo->waker_labels, frame) :
		       !table_reserve(&fo->frame_labels, frame))
		return 0;
	label = is_waker ? &fo->waker_labels.row[frame] : &fo->frame_labels.row[frame];
	if (!*label)
		*label = add_label(fo, s->functions.row[f->function].name,
				   is_waker ? 'w' : stacks_frame_mark(s, f));
	return *label;
}

static uint32_t waker_label(struct folded *fo, const struct profile_entry *e, char mark)
{
	const char *comm = fo->p->tasks->threads.row[e->waker_utid].comm;

	if (!e->waker_utid)
		return add_label(fo, e->waker_irq ? "[interrupt]" : "[unknown]", mark);
	return add_label(fo, comm && *comm ? comm : "[unknown]", mark);
}

static uint32_t thread_label(struct folded *fo, const struct profile_entry *e)
{
	const char *comm = fo->p->tasks->threads.row[e->utid].comm;

	if (fo->is_waker)
		return waker_label(fo, e, 0);
	if (!e->utid)
		return add_label(fo, "[unknown]", 0);
	if (!table_reserve(&fo->thread_labels, e->utid))
		return 0;
	if (!fo->thread_labels.row[e->utid])
		fo->thread_labels.row[e->utid] =
			add_label(fo, comm && *comm ? comm : "[unknown]", 0);
	return fo->thread_labels.row[e->utid];
}

/* 0: out of memory, also when that is why label is 0. */
static uint32_t child(struct folded *fo, uint32_t parent, uint32_t label)
{
	uint32_t hash = hash_mix(parent, label), pos, id;

	if (!label)
		return 0;
	for (id = idmap_first(&fo->node_map, hash, &pos); id;
	     id = idmap_next(&fo->node_map, hash, &pos))
		if (fo->nodes.row[id].parent == parent && fo->nodes.row[id].label == label)
			return id;
	id = table_add(&fo->nodes);
	if (!id || idmap_add(&fo->node_map, hash, id))
		return 0;
	fo->nodes.row[id] = (struct name_node){ .parent = parent, .label = label };
	return id;
}

/* Below where it waited: ;--;waker;root;…;leaf. 0: out of memory. */
static uint32_t add_waker(struct folded *fo, const struct profile_entry *e, uint32_t node)
{
	const struct stacks *s = fo->p->stacks;

	if (!e->waker_utid && !e->waker_irq && !e->waker_stack)
		return node;
	node = child(fo, node, add_label(fo, "--", 0));
	node = node ? child(fo, node, waker_label(fo, e, 'w')) : 0;
	fo->path.cnt = 0;
	for (uint32_t n = e->waker_stack; n; n = s->nodes.row[n].parent) {
		uint32_t id = table_add(&fo->path);

		if (!id)
			return 0;
		fo->path.row[id] = s->nodes.row[n].frame;
	}
	for (uint32_t i = fo->path.cnt; i >= 1 && node; i--) {
		uint32_t text = frame_label(fo, fo->path.row[i], true);

		node = text ? child(fo, node, text) : 0;
	}
	return node;
}

static int add_entry(struct folded *fo, const struct profile_entry *e, uint32_t label,
		     uint64_t value)
{
	const struct stacks *s = fo->p->stacks;
	uint32_t node = 0, n = fo->is_waker ? e->waker_stack : e->stack;

	fo->path.cnt = 0;
	for (; n && fo->known[n].label != label; n = s->nodes.row[n].parent) {
		uint32_t id = table_add(&fo->path);

		if (!id)
			return -ENOMEM;
		fo->path.row[id] = n;
	}
	node = n ? fo->known[n].node : child(fo, 0, label);
	for (uint32_t i = fo->path.cnt; i >= 1 && node; i--) {
		uint32_t text = frame_label(fo, s->nodes.row[fo->path.row[i]].frame, fo->is_waker);

		node = text ? child(fo, node, text) : 0;
		fo->known[fo->path.row[i]] = (struct known){ label, node };
	}
	if (node && fo->with_wakers)
		node = add_waker(fo, e, node);
	if (!node)
		return -ENOMEM;
	fo->nodes.row[node].value += value;
	return 0;
}

/* An entry and the label its thread goes by. */
struct labelled {
	uint32_t label, entry;
};

static int compare_labelled(const void *a, const void *b)
{
	const struct labelled *x = a, *y = b;

	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	return x->entry < y->entry ? -1 : 1;
}

/* Thread name by thread name, so that what is known of one serves all its entries. */
static int add_entries(struct folded *fo, bool is_ns)
{
	const struct profile *p = fo->p;
	_cleanup_free_ struct labelled *order = calloc((size_t)p->entries.cnt + 1, sizeof(*order));
	int rc = 0;

	fo->known = calloc((size_t)p->stacks->nodes.cnt + 1, sizeof(*fo->known));
	if (!order || !fo->known)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->entries.cnt; i++) {
		order[i] = (struct labelled){ thread_label(fo, &p->entries.row[i + 1]), i + 1 };
		if (!order[i].label)
			return -ENOMEM;
	}
	qsort(order, p->entries.cnt, sizeof(*order), compare_labelled);
	for (uint32_t i = 0; i < p->entries.cnt && !rc; i++) {
		const struct profile_entry *e = &p->entries.row[order[i].entry];

		rc = add_entry(fo, e, order[i].label, is_ns ? e->ns : e->cnt);
	}
	return rc;
}

/* ---- order -------------------------------------------------------------- */

static int compare_text(const void *a, const void *b, void *ctx)
{
	const struct folded *fo = ctx;

	return strcmp(fo->labels.row[*(const uint32_t *)a].text,
		      fo->labels.row[*(const uint32_t *)b].text);
}

static int rank_labels(struct folded *fo)
{
	_cleanup_free_ uint32_t *ids = calloc((size_t)fo->labels.cnt + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < fo->labels.cnt; i++)
		ids[i] = i + 1;
	qsort_r(ids, fo->labels.cnt, sizeof(*ids), compare_text, fo);
	for (uint32_t i = 0; i < fo->labels.cnt; i++)
		fo->labels.row[ids[i]].rank = i;
	return 0;
}

static int compare_nodes(const void *a, const void *b, void *ctx)
{
	const struct folded *fo = ctx;
	const struct name_node *x = &fo->nodes.row[*(const uint32_t *)a],
			       *y = &fo->nodes.row[*(const uint32_t *)b];

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return fo->labels.row[x->label].rank < fo->labels.row[y->label].rank ?
		       -1 :
		       1; /* siblings differ */
}

/* sorted: node ids by parent, then text. first[n] … first[n + 1]: where the children of n are in
 * it. */
static int sort_nodes(struct folded *fo, uint32_t *sorted, uint32_t *first)
{
	for (uint32_t i = 0; i < fo->nodes.cnt; i++)
		sorted[i] = i + 1;
	qsort_r(sorted, fo->nodes.cnt, sizeof(*sorted), compare_nodes, fo);
	for (uint32_t i = 1; i <= fo->nodes.cnt; i++)
		first[fo->nodes.row[i].parent + 1]++;
	for (uint32_t n = 1; n <= fo->nodes.cnt + 1; n++)
		first[n] += first[n - 1];
	return 0;
}

/* ---- lines -------------------------------------------------------------- */

/* The line being written grows and shrinks with the walk. */
struct line {
	char *text;
	size_t len, cap;
};

static int line_push(struct line *l, const char *text)
{
	size_t n = strlen(text), want = l->len + n + 2;

	if (want > l->cap) {
		size_t cap = want + want / 2;
		char *p = realloc(l->text, cap);

		if (!p)
			return -ENOMEM;
		l->text = p;
		l->cap = cap;
	}
	if (l->len)
		l->text[l->len++] = ';';
	memcpy(l->text + l->len, text, n + 1);
	l->len += n;
	return 0;
}

struct visit {
	uint32_t next, end; /* in sorted: the children still to come */
	size_t len;	    /* of the line up to this node */
};

/* Depth first, without recursion: a stack can be hundreds of thousands of frames deep. */
static int write_lines(struct folded *fo, const uint32_t *sorted, const uint32_t *first, FILE *out)
{
	TABLE(struct visit) open = { 0 };
	struct line line = { 0 };
	uint32_t top = table_add(&open);
	int rc = top ? 0 : -ENOMEM;

	if (top)
		open.row[top] = (struct visit){ first[0], first[1], 0 };
	while (!rc && open.cnt) {
		struct visit *v = &open.row[open.cnt];
		uint32_t node;

		line.len = v->len;
		if (v->next == v->end) {
			open.cnt--;
			continue;
		}
		node = sorted[v->next++];
		rc = line_push(&line, fo->labels.row[fo->nodes.row[node].label].text);
		if (!rc && fo->nodes.row[node].value)
			fprintf(out, "%s %llu\n", line.text,
				(unsigned long long)fo->nodes.row[node].value);
		top = table_add(&open);
		if (!top)
			rc = -ENOMEM;
		else
			open.row[top] = (struct visit){ first[node], first[node + 1], line.len };
	}
	table_deinit(&open);
	free(line.text);
	return rc;
}

static int write_sorted(struct folded *fo, FILE *out)
{
	_cleanup_free_ uint32_t *sorted = calloc((size_t)fo->nodes.cnt + 1, sizeof(*sorted));
	_cleanup_free_ uint32_t *first = calloc((size_t)fo->nodes.cnt + 2, sizeof(*first));
	int rc;

	if (!sorted || !first)
		return -ENOMEM;
	rc = rank_labels(fo);
	rc = rc ?: sort_nodes(fo, sorted, first);
	return rc ?: write_lines(fo, sorted, first, out);
}

static void deinit(struct folded *fo)
{
	strpool_deinit(&fo->texts);
	table_deinit(&fo->labels);
	table_deinit(&fo->nodes);
	table_deinit(&fo->frame_labels);
	table_deinit(&fo->waker_labels);
	table_deinit(&fo->thread_labels);
	table_deinit(&fo->path);
	free(fo->known);
	idmap_deinit(&fo->label_map);
	idmap_deinit(&fo->node_map);
}

int folded_write(const struct profile *p, const struct filter *f, FILE *out, struct err *err)
{
	struct folded fo = { .p = p,
			     .is_waker = f->event == FILTER_WAKEUP,
			     .with_wakers = f->event == FILTER_OFF_CPU && f->offwake };
	bool is_ns = filter_is_ns(f);
	int rc = table_reserve(&fo.nodes, 0) ? 0 : -ENOMEM;

	rc = rc ?: add_entries(&fo, is_ns);
	rc = rc ?: write_sorted(&fo, out);
	deinit(&fo);
	if (rc)
		return err_set(err, rc, "folded stacks: out of memory");
	return 0;
}
