// SPDX-License-Identifier: BSD-2-Clause
/*
 * From symbol tables, the symbols that can name the addresses that are wanted. What elf_symbol.h says of an address depends on
 *  - the symbols with a size that cover it; if there are none,
 *  - those that start last before it: labels, which have no size, reach to it, and others end the labels before them,
 *  - and whether such a label lies inside a symbol with a size.
 * So these are kept, of all tables together, and laying them (sym_symbols.h) gives at these addresses what laying all of them would.
 */
#include <errno.h>
#include <gelf.h>

#include "formats/cleanup.h"
#include "formats/elf_symbol.h"
#include "report/sym_elf.h"

/* Without a call, as there are hundreds of thousands. */
static inline __attribute__((always_inline)) GElf_Sym get_symbol(const struct sym_elf_table *t, size_t i)
{
	Elf32_Sym s;
	GElf_Sym ret;

	if (t->is_64) {
		memcpy(&ret, (const char *)t->syms + i * sizeof(ret), sizeof(ret));
		return ret;
	}
	memcpy(&s, (const char *)t->syms + i * sizeof(s), sizeof(s));
	return (GElf_Sym){.st_name = s.st_name, .st_info = s.st_info, .st_other = s.st_other, .st_shndx = s.st_shndx,
			  .st_value = s.st_value, .st_size = s.st_size};
}

/* A sum over what a table says of exported functions but their names. Of .dynsym those are all. */
static uint64_t sum_of_exported(const struct sym_elf_table *t)
{
	uint64_t sum = 0;

	for (size_t i = 1; i < t->cnt; i++) {
		GElf_Sym s = get_symbol(t, i);
		unsigned bind = ELF64_ST_BIND(s.st_info), visibility = ELF64_ST_VISIBILITY(s.st_other);
		bool is_exported = (t->source == SYMBOL_DYNSYM) |
				   ((bind != STB_LOCAL) & ((visibility == STV_DEFAULT) | (visibility == STV_PROTECTED)));
		uint64_t hash = (s.st_value ^ s.st_size << 40 ^ (uint64_t)s.st_info << 56) * 0x9e3779b97f4a7c15ULL;

		hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
		sum += hash & -(uint64_t)(is_exported & (s.st_size != 0) & elf_symbol_is_code(s.st_info, s.st_shndx));
	}
	return sum;
}

/*
 * Linkers make .dynsym of what .symtab exports. Where that still holds, as no strip has been at the latter, .dynsym is two fifths of the
 * work (node) and adds nothing. Not where functions have versions: .dynsym has their names without.
 */
static void drop_what_is_twice(struct sym_elf_tables *tables, size_t first)
{
	struct sym_elf_table *t = tables->v + first;

	if (tables->cnt - first != 2 || (t[0].source == SYMBOL_DYNSYM) == (t[1].source == SYMBOL_DYNSYM) ||
	    sum_of_exported(&t[0]) != sum_of_exported(&t[1]))
		return;
	if (t[0].source == SYMBOL_DYNSYM)
		t[0] = t[1];
	tables->cnt--;
}

int sym_elf_note_symbols(struct sym_elf *e, enum symbol_source source, struct sym_elf_tables *tables)
{
	Elf *elf = (Elf *)e->elf;
	size_t first = tables->cnt;
	bool has_versions = false;
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		bool is_64 = gelf_getclass(elf) == ELFCLASS64;
		size_t entry_sz = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
		struct sym_elf_table *t;
		Elf_Data *data;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			continue;
		has_versions |= sh.sh_type == SHT_GNU_verdef;
		if (sh.sh_type != SHT_SYMTAB && (sh.sh_type != SHT_DYNSYM || source))
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !data->d_buf || sh.sh_entsize != entry_sz)
			continue;
		t = sym_vec_push(tables);
		if (!t)
			return -ENOMEM;
		t->source = sh.sh_type == SHT_DYNSYM ? SYMBOL_DYNSYM : source ?: SYMBOL_SYMTAB;
		t->syms = data->d_buf;
		t->cnt = data->d_size / entry_sz < UINT32_MAX ? data->d_size / entry_sz : UINT32_MAX;
		t->is_64 = is_64;
		t->names = sym_elf_section_at(e, sh.sh_link);
	}
	if (!has_versions)
		drop_what_is_twice(tables, first);
	return 0;
}

/* A symbol by its number. */
struct ref {
	uint32_t table, symbol;
};

/* One without a size. */
struct label {
	uint64_t at;
	struct ref ref;
};

struct filter {
	struct sym_builder *b;
	const struct sym_elf_tables *tables;
	const uint64_t *wanted; /* ascending, none twice */
	size_t wanted_cnt;
	const struct sym_range *code;
	SYM_VEC(struct label) labels; /* ascending */
	struct sym_wanted asked;      /* what is wanted, and labels: symbols that cover these must be known, too */
	int32_t *begin_end;	      /* by address of asked: symbols with a size that cover it, less those that cover the one before */
	struct sym_wanted behind; /* of the wanted those that a label may reach to */
	uint64_t reach;		  /* at most so many bytes, plus 1 */
	struct nearest {
		uint64_t at;	/* of behind i: the last start of a symbol with a size in (behind i - 1, behind i]; then: up to it */
		struct ref ref; /* of one that starts there; table UINT32_MAX: none does */
	} *nearest;
};

static inline bool is_code(struct filter *f, uint64_t addr)
{
	if (!f->code || addr < f->code->lo || addr >= f->code->hi)
		f->code = sym_builder_code(f->b, addr);
	return f->code;
}

/* May it name code? One of .dynsym without a size says where something starts, and a stripped file does not say where it ends. */
static inline bool is_candidate(struct filter *f, const struct sym_elf_table *t, const GElf_Sym *s)
{
	return elf_symbol_is_code(s->st_info, s->st_shndx) && (s->st_size || t->source != SYMBOL_DYNSYM) && is_code(f, s->st_value);
}

static uint64_t end_of(const GElf_Sym *s)
{
	return s->st_value + s->st_size < s->st_value ? UINT64_MAX : s->st_value + s->st_size;
}

static int add(struct filter *f, const struct sym_elf_table *t, const GElf_Sym *s)
{
	struct sym_candidate c = {.addr = s->st_value, .size = s->st_size, .source = t->source, .info = s->st_info};

	c.text = sym_bytes_string(t->names, s->st_name);
	return !c.text || sym_builder_add_symbol(f->b, &c) ? 0 : -ENOMEM;
}

static int add_ref(struct filter *f, struct ref r)
{
	GElf_Sym s = get_symbol(&f->tables->v[r.table], r.symbol);

	return add(f, &f->tables->v[r.table], &s);
}

static int find_labels(struct filter *f, uint32_t table)
{
	const struct sym_elf_table t = f->tables->v[table];

	if (t.source == SYMBOL_DYNSYM)
		return 0; /* is_candidate() */
	for (size_t i = 1; i < t.cnt; i++) {
		GElf_Sym s = get_symbol(&t, i);
		struct label *l;
		const char *name;

		if (!((s.st_size == 0) & elf_symbol_is_code(s.st_info, s.st_shndx)) || !is_candidate(f, &t, &s))
			continue;
		name = sym_bytes_string(t.names, s.st_name);
		if (!name || !elf_symbol_is_function_name(name))
			continue;
		l = sym_vec_push(&f->labels);
		if (!l)
			return -ENOMEM;
		*l = (struct label){s.st_value, {table, (uint32_t)i}};
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* What is wanted, and labels, into places and f->asked. */
static int ask(struct filter *f, uint64_t *places)
{
	size_t n = 0;

	if (f->labels.cnt)
		qsort(f->labels.v, f->labels.cnt, sizeof(*f->labels.v), by_place);
	for (size_t i = 0, k = 0; i < f->wanted_cnt || k < f->labels.cnt;) {
		bool is_label = i == f->wanted_cnt || (k < f->labels.cnt && f->labels.v[k].at < f->wanted[i]);
		uint64_t at = is_label ? f->labels.v[k++].at : f->wanted[i++];

		if (!n || at != places[n - 1])
			places[n++] = at;
	}
	return sym_wanted_init(&f->asked, places, n);
}

#define BATCH 256

/*
 * Of BATCH symbols from the first on those that may cover a wanted address, or with a reach that start so little before one, into ret.
 * Without a branch on what is found: of hundreds of thousands, a quarter that nothing foretells would cost as much as all the rest.
 */
static inline size_t find_likely(const struct sym_elf_table *t, const struct sym_wanted *w, uint64_t reach, size_t first, uint32_t *ret)
{
	size_t end = t->cnt - first < BATCH ? t->cnt : first + BATCH, n = 0;

	for (size_t i = first; i < end; i++) {
		GElf_Sym s = get_symbol(t, i);

		ret[n] = (uint32_t)i;
		n += elf_symbol_is_code(s.st_info, s.st_shndx) & sym_wanted_maybe(w, s.st_value, reach ? s.st_value + reach : end_of(&s));
	}
	return n;
}

static int keep_if_covering(struct filter *f, const struct sym_elf_table *t, size_t i)
{
	GElf_Sym s = get_symbol(t, i);
	size_t at = sym_wanted_first(&f->asked, s.st_value);

	if (at == f->asked.cnt || f->asked.at[at] >= end_of(&s) || !is_candidate(f, t, &s))
		return 0;
	f->begin_end[at]++;
	f->begin_end[sym_wanted_first(&f->asked, end_of(&s))]--;
	return add(f, t, &s);
}

/* Keep the symbols that cover an address of those asked for. */
static int find_covering(struct filter *f, const struct sym_elf_table *table)
{
	const struct sym_wanted asked = f->asked; /* copies: the compiler need not read them again each time */
	const struct sym_elf_table t = *table;
	uint32_t likely[BATCH];
	int err = 0;

	for (size_t i = 1; i < t.cnt && !err; i += BATCH) {
		size_t n = find_likely(&t, &asked, 0, i, likely);

		for (size_t k = 0; k < n && !err; k++)
			err = keep_if_covering(f, &t, likely[k]);
	}
	return err;
}

static bool has_code(struct filter *f, const struct sym_elf_table *t)
{
	for (size_t i = 1; i < t->cnt; i++) {
		GElf_Sym s = get_symbol(t, i);

		if (is_candidate(f, t, &s))
			return true;
	}
	return false;
}

/* What is wanted and covered by none, into places and open. */
static int find_open(struct filter *f, uint64_t *places, struct sym_wanted *open)
{
	int64_t covering = 0;
	size_t n = 0;

	for (size_t i = 0, next = 0; i < f->asked.cnt; i++) {
		bool is_wanted = next < f->wanted_cnt && f->wanted[next] == f->asked.at[i];

		covering += f->begin_end[i];
		next += is_wanted;
		if (is_wanted && !covering)
			places[n++] = f->asked.at[i];
	}
	return sym_wanted_init(open, places, n);
}

/* Of those that are open, into places and f->behind, those between which and a label before them no symbol starts that is kept. */
static int find_behind(struct filter *f, const struct sym_wanted *open, uint64_t *places)
{
	_cleanup_free_ uint64_t *kept = calloc(open->cnt + 1, sizeof(*kept)); /* the last one's start, plus 1 */
	size_t n = 0, next = 0;

	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < f->b->symbols.cnt; i++) {
		uint64_t start = f->b->symbols.v[i].addr;
		size_t at = sym_wanted_first(open, start);

		if (at < open->cnt && start >= kept[at])
			kept[at] = start + 1;
	}
	for (size_t i = 0; i < open->cnt; i++) {
		if (i && kept[i] < kept[i - 1])
			kept[i] = kept[i - 1];
		while (next < f->labels.cnt && f->labels.v[next].at <= open->at[i])
			next++;
		if (!next || f->labels.v[next - 1].at + 1 < kept[i])
			continue;
		places[n++] = open->at[i];
		if (open->at[i] - f->labels.v[next - 1].at >= f->reach)
			f->reach = open->at[i] - f->labels.v[next - 1].at + 1;
	}
	return sym_wanted_init(&f->behind, places, n);
}

/* What starts nearest before each of those, but no farther than the labels do. */
static void find_nearest(struct filter *f, uint32_t table)
{
	const struct sym_elf_table t = f->tables->v[table];
	const struct sym_wanted behind = f->behind;
	uint32_t likely[BATCH];

	for (size_t i = 1; i < t.cnt; i += BATCH) {
		size_t n = find_likely(&t, &behind, f->reach, i, likely);

		for (size_t k = 0; k < n; k++) {
			GElf_Sym s = get_symbol(&t, likely[k]);
			size_t at = sym_wanted_first(&behind, s.st_value);

			if (at < behind.cnt && s.st_size && s.st_value >= f->nearest[at].at && is_candidate(f, &t, &s))
				f->nearest[at] = (struct nearest){s.st_value, {table, likely[k]}};
		}
	}
}

static bool is_ref(struct ref a, struct ref b)
{
	return a.table == b.table && a.symbol == b.symbol;
}

/* Keep the labels at the same place that end before `end` in f->labels. */
static int add_labels_at(struct filter *f, size_t end)
{
	int err = 0;

	for (size_t i = end; i && !err && f->labels.v[i - 1].at == f->labels.v[end - 1].at; i--)
		err = add_ref(f, f->labels.v[i - 1].ref);
	return err;
}

/*
 * Of each of those, keep what starts last before it: if that is a label it reaches to it, and if it has a size it ends the label
 * before.
 */
static int add_nearest(struct filter *f)
{
	struct ref last = {UINT32_MAX, 0};
	uint64_t last_label = 0;
	size_t next = 0;
	int err = 0;

	for (size_t i = 0; i < f->behind.cnt && !err; i++) {
		struct nearest *n = &f->nearest[i];
		const struct label *l;

		if (i && n->ref.table == UINT32_MAX)
			*n = n[-1];
		while (next < f->labels.cnt && f->labels.v[next].at <= f->behind.at[i])
			next++;
		l = next ? &f->labels.v[next - 1] : NULL;
		if (n->ref.table != UINT32_MAX && !is_ref(n->ref, last))
			err = add_ref(f, n->ref);
		last = n->ref;
		if (err || !l || (n->ref.table != UINT32_MAX && n->at > l->at) || (i && l->at == last_label))
			continue;
		last_label = l->at;
		err = add_labels_at(f, next);
	}
	return err;
}

/* Labels say something of addresses that no other symbol covers only. */
static int add_labels(struct filter *f, const struct sym_wanted *open)
{
	_cleanup_free_ uint64_t *places = malloc((open->cnt + 1) * sizeof(*places));
	int err = places ? find_behind(f, open, places) : -ENOMEM;

	if (!err && !(f->nearest = malloc((f->behind.cnt + 1) * sizeof(*f->nearest))))
		err = -ENOMEM;
	for (size_t i = 0; !err && i < f->behind.cnt; i++)
		f->nearest[i] = (struct nearest){0, {UINT32_MAX, 0}};
	for (uint32_t i = 0; i < f->tables->cnt && !err && f->behind.cnt; i++)
		find_nearest(f, i);
	err = err ?: add_nearest(f);
	sym_wanted_deinit(&f->behind);
	free(f->nearest);
	return err;
}

int sym_elf_add_symbols(struct sym_elf_tables *tables, struct sym_builder *b, const uint64_t *wanted, size_t cnt, uint64_t *places,
			struct sym_wanted *open)
{
	struct filter f = {.b = b, .tables = tables, .wanted = wanted, .wanted_cnt = cnt};
	_cleanup_free_ uint64_t *asked = NULL;
	int err = tables->cnt < UINT32_MAX ? 0 : -EFBIG;

	for (uint32_t i = 0; i < tables->cnt && !err; i++)
		err = find_labels(&f, i);
	if (!err && !(asked = malloc((cnt + f.labels.cnt + 1) * sizeof(*asked))))
		err = -ENOMEM;
	err = err ?: ask(&f, asked);
	if (!err && !(f.begin_end = calloc(f.asked.cnt + 1, sizeof(*f.begin_end))))
		err = -ENOMEM;
	for (size_t i = 0; i < tables->cnt && !err; i++) {
		tables->v[i].has_code = has_code(&f, &tables->v[i]);
		err = find_covering(&f, &tables->v[i]);
	}
	err = err ?: find_open(&f, places, open);
	if (!err && f.labels.cnt)
		err = add_labels(&f, open);
	sym_wanted_deinit(&f.asked);
	sym_vec_deinit(&f.labels);
	free(f.begin_end);
	return err;
}

const char *sym_elf_name_at(const struct sym_elf_tables *tables, uint64_t addr)
{
	for (size_t i = 0; i < tables->cnt; i++) {
		const struct sym_elf_table *t = &tables->v[i];

		for (size_t k = 1; k < t->cnt; k++) {
			GElf_Sym s = get_symbol(t, k);
			const char *name;

			if (s.st_value == addr && elf_symbol_is_code(s.st_info, s.st_shndx) &&
			    (name = sym_bytes_string(t->names, s.st_name)) && elf_symbol_is_function_name(name))
				return name;
		}
	}
	return "";
}

void sym_elf_tables_deinit(struct sym_elf_tables *tables)
{
	sym_vec_deinit(tables);
}
