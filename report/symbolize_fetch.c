// SPDX-License-Identifier: BSD-2-Clause
/* --debuginfod: debug files of modules, then the dwz supplements of those files. */
#include <errno.h>
#include <string.h>

#include "formats/cleanup.h"
#include "report/sym_worker.h"
#include "report/symbolize_private.h"

/* One file to fetch for one job. */
struct ask {
	struct module file; /* its build-id; the path is the module's */
	size_t job;
	bool is_supplement;
};

static bool has_debug_info(const struct sym_job *j)
{
	const char *word = j->index.data ? sym_index_string(&j->index, j->index.h->symbols) : NULL;

	return word && (!strcmp(word, "dwarf") || !strcmp(word, "gopclntab"));
}

static const char *file_of(const struct sym_job *j)
{
	return j->index.data ? sym_index_string(&j->index, j->index.h->debug_path) : NULL;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The supplement that the job's debug file lacks; a worker's word is checked like a file's. false: none. */
static bool wanted_supplement(const struct sym_job *j, struct module *ret)
{
	const char *hex = j->index.data ? sym_index_string(&j->index, j->index.h->wants) : NULL;
	size_t len = hex ? strlen(hex) : 0;

	if (!len || len % 2 || len / 2 > BUILD_ID_MAX)
		return false;
	*ret = (struct module){.kind = MODULE_ELF, .path = j->m->path, .build_id_sz = (uint8_t)(len / 2)};
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret->build_id[i] = (uint8_t)(high << 4 | low);
	}
	return sym_fetch_knows(ret);
}

void symbolizer_forget_result(struct sym_job *j)
{
	sym_index_deinit(&j->index);
	sym_index_deinit(&j->symbols);
}

/* Was the second result made of what came? */
static bool is_of_fetched(const struct symbolizer *s, const struct ask *a, const struct sym_job *again)
{
	const char *path = file_of(again);
	struct module still;

	if (a->is_supplement)
		return again->index.data && !wanted_supplement(again, &still);
	return path && !strncmp(path, s->fetch.dir, strlen(s->fetch.dir));
}

/* Put what was read with fetched files in the first result's place, if it was made of them. */
static const char *take_fetched(const struct symbolizer *s, const struct ask *a, struct sym_job *j, struct sym_job *again)
{
	if (is_of_fetched(s, a, again)) {
		symbolizer_forget_result(j);
		*j = *again;
		return NULL;
	}
	symbolizer_forget_result(again);
	sym_fetch_forget(&s->fetch, &a->file);
	return "another build's file, or a broken one";
}

/* Fetch for each ask, and read once more where something came. */
static int fetch(const struct symbolizer *s, struct sym_job *jobs, const struct ask *asks, size_t cnt, const char **notes)
{
	_cleanup_free_ struct sym_fetch_want *wants = calloc(cnt + 1, sizeof(*wants));
	_cleanup_free_ struct sym_job *again = calloc(cnt + 1, sizeof(*again));
	size_t came = 0, at = 0;
	int err;

	if (!wants || !again)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++)
		wants[i] = (struct sym_fetch_want){.m = &asks[i].file, .has_image = asks[i].is_supplement || file_of(&jobs[asks[i].job])};
	sym_fetch_run(&s->fetch, wants, cnt);
	for (size_t i = 0; i < cnt; i++) {
		const struct sym_job *j = &jobs[asks[i].job];

		if (!wants[i].result)
			again[came++] = (struct sym_job){.m = j->m, .ask = j->ask};
		else
			notes[asks[i].job] = sym_fetch_says(wants[i].result);
	}
	err = symbolizer_run_jobs(s, again, came);
	for (size_t i = 0; i < cnt; i++)
		if (!wants[i].result)
			notes[asks[i].job] = take_fetched(s, &asks[i], &jobs[asks[i].job], &again[at++]);
	return err;
}

int symbolizer_fetch_missing(const struct symbolizer *s, struct sym_job *jobs, size_t cnt, const char **notes)
{
	_cleanup_free_ struct ask *asks = calloc(cnt + 1, sizeof(*asks));
	size_t n = 0;
	int err;

	if (!asks)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++)
		if (!has_debug_info(&jobs[i]) && sym_fetch_knows(jobs[i].m))
			asks[n++] = (struct ask){*jobs[i].m, i, false};
	err = fetch(s, jobs, asks, n, notes);
	n = 0;
	for (size_t i = 0; i < cnt && !err; i++) /* of what was here, and of what came just now */
		if (wanted_supplement(&jobs[i], &asks[n].file)) {
			asks[n].job = i;
			asks[n++].is_supplement = true;
		}
	return err ?: fetch(s, jobs, asks, n, notes);
}
