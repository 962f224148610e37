// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rows compiled from real binaries, compared with readelf --debug-dump=frames-interp, an independent reader.
 * VARVE_ORACLE_FILES="a b c" compares those instead of the C library and this program.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/eh_frame.h"
#include "tests/test.h"

#define COLUMNS 24

struct oracle {
	struct unwind_rows rows;
	struct unwind_elf elf;
	int rbp_col, rbx_col, ra_col; /* of the table at hand; -1 when it has none */
	bool is_signal;
	uint64_t signal_cie; /* the CIE with the augmentation letter S; real files have at most one */
	uint64_t fde_end;
	/* the row before: it holds for [prev_loc, the next one) */
	char prev[COLUMNS][24];
	uint64_t prev_loc;
	bool has_prev;
	size_t compared, differ, exotic;
};

static int split(char *line, char *cols[COLUMNS])
{
	int n = 0;

	for (char *save, *t = strtok_r(line, " \n", &save); t && n < COLUMNS; t = strtok_r(NULL, " \n", &save))
		if (t[0] != '(') /* "r9 (r9)": a register's name */
			cols[n++] = t;
	return n;
}

/* Whether our rule says what readelf's text does. "exp" is compared by kind only. */
static bool cfa_agrees(const struct unwind_rule *r, const char *text)
{
	long off;

	if (!strcmp(text, "exp"))
		return r->cfa == UNWIND_CFA_PLT || r->cfa == UNWIND_CFA_DEREF || r->cfa == UNWIND_CFA_EXPRESSION ||
		       r->cfa == UNWIND_CFA_SIGNAL || r->cfa == UNWIND_CFA_REG || r->cfa == UNWIND_CFA_SP;
	off = strtol(text + strcspn(text, "+-"), NULL, 10);
	if (r->cfa == UNWIND_CFA_SP)
		return !strncmp(text, "rsp", 3) && off == r->cfa_off;
	if (r->cfa == UNWIND_CFA_BP)
		return !strncmp(text, "rbp", 3) && off == r->cfa_off;
	if (r->cfa == UNWIND_CFA_REG)
		return strncmp(text, "rsp", 3) && strncmp(text, "rbp", 3) && off == r->cfa_off;
	return false;
}

static bool bp_agrees(const struct unwind_rule *r, const char *text)
{
	if (!strcmp(text, "exp"))
		return r->bp == UNWIND_BP_DEREF || r->bp == UNWIND_BP_UNKNOWN;
	if (text[0] == 'c')
		return r->bp == UNWIND_BP_CFA && r->bp_off == strtol(text + 1, NULL, 10);
	if (text[0] == 'v')
		return r->bp == (text[1] == 'e' ? UNWIND_BP_UNKNOWN : UNWIND_BP_VALUE);
	if (!strcmp(text, "u") || !strcmp(text, "s"))
		return r->bp == UNWIND_BP_SAME || r->bp == UNWIND_BP_UNKNOWN;
	return r->bp == UNWIND_BP_REG;
}

static bool bx_agrees(const struct unwind_rule *r, const char *text)
{
	if (!strcmp(text, "u") || !strcmp(text, "s"))
		return !r->bx_off || r->bx_off == UNWIND_BX_GONE;
	if (text[0] == 'c')
		return r->bx_off == strtol(text + 1, NULL, 10) || r->bx_off == UNWIND_BX_GONE;
	return r->bx_off == UNWIND_BX_GONE;
}

static bool ra_agrees(const struct unwind_rule *r, const char *text)
{
	if (!strcmp(text, "u"))
		return r->cfa == UNWIND_CFA_END;
	if (text[0] == 'c')
		return r->ra == UNWIND_RA_CFA && r->ra_off == strtol(text + 1, NULL, 10);
	return r->ra == UNWIND_RA_REG || r->cfa == UNWIND_CFA_EXPRESSION;
}

static void compare_at(struct oracle *o, uint64_t loc)
{
	uint64_t sz = 1, off = unwind_elf_offset(&o->elf, loc, &sz);
	const struct unwind_rule *r;
	bool good;

	if (off == UINT64_MAX)
		return; /* an FDE for code that is not there */
	r = unwind_rows_find(&o->rows, off);
	o->compared++;
	if (r->cfa == UNWIND_CFA_SIGNAL || r->cfa == UNWIND_CFA_END || r->cfa == UNWIND_CFA_EXPRESSION) {
		o->exotic++;
		good = (r->cfa == UNWIND_CFA_SIGNAL) == o->is_signal &&
		       (r->cfa == UNWIND_CFA_END) == (o->ra_col >= 0 && !strcmp(o->prev[o->ra_col], "u"));
	} else {
		good = !o->is_signal && cfa_agrees(r, o->prev[1]) && o->ra_col >= 0 && ra_agrees(r, o->prev[o->ra_col]) &&
		       bp_agrees(r, o->rbp_col >= 0 ? o->prev[o->rbp_col] : "s") &&
		       bx_agrees(r, o->rbx_col >= 0 ? o->prev[o->rbx_col] : "s");
	}
	if (good)
		return;
	if (o->differ++ < 10)
		printf("# %" PRIx64 ": readelf %s rbp %s ra %s, ours cfa %d reg %d %+d bp %d %+d ra %d %+d\n", loc, o->prev[1],
		       o->rbp_col >= 0 ? o->prev[o->rbp_col] : "-", o->ra_col >= 0 ? o->prev[o->ra_col] : "-", r->cfa,
		       r->cfa_reg, r->cfa_off, r->bp, r->bp_off, r->ra, r->ra_off);
}

/* A row is compared at its first and last byte, once its end is known. */
static void end_row(struct oracle *o, uint64_t end)
{
	if (!o->has_prev || end <= o->prev_loc)
		return;
	compare_at(o, o->prev_loc);
	compare_at(o, end - 1);
}

static void read_line(struct oracle *o, char *line)
{
	char *pc = strstr(line, " pc="), *cols[COLUMNS];
	int n;

	if (strstr(line, " FDE cie=") && pc) {
		end_row(o, o->fde_end);
		o->has_prev = false;
		o->fde_end = strtoull(strstr(pc, "..") + 2, NULL, 16);
		o->is_signal = strtoull(strstr(line, "cie=") + 4, NULL, 16) == o->signal_cie;
		return;
	}
	n = split(line, cols);
	if (n >= 2 && !strcmp(cols[0], "LOC")) {
		o->rbp_col = o->rbx_col = o->ra_col = -1;
		for (int i = 2; i < n; i++) {
			if (!strcmp(cols[i], "rbp"))
				o->rbp_col = i;
			if (!strcmp(cols[i], "rbx"))
				o->rbx_col = i;
			if (!strcmp(cols[i], "ra"))
				o->ra_col = i;
		}
		return;
	}
	if (n < 2 || strlen(cols[0]) != 16 || strspn(cols[0], "0123456789abcdef") != 16)
		return;
	end_row(o, strtoull(cols[0], NULL, 16));
	o->prev_loc = strtoull(cols[0], NULL, 16);
	o->has_prev = o->fde_end > o->prev_loc;
	for (int i = 0; i < n; i++)
		snprintf(o->prev[i], sizeof(o->prev[i]), "%s", cols[i]);
}

/* CIEs print a table too; its rows begin at address 0 and belong to no code: fde_end 0 drops them. */
static void run_readelf(struct oracle *o, const char *path)
{
	_cleanup_free_ char *line = NULL;
	char cmd[600];
	size_t cap = 0;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "readelf -W --debug-dump=frames-interp '%s' 2>/dev/null", path);
	p = popen(cmd, "r");
	CHECK(p);
	while (getline(&line, &cap, p) > 0) {
		if (strstr(line, " CIE ")) {
			end_row(o, o->fde_end);
			o->has_prev = false;
			o->fde_end = 0;
			if (strstr(line, "\"zRS\""))
				o->signal_cie = strtoull(line, NULL, 16);
		}
		read_line(o, line);
	}
	end_row(o, o->fde_end);
	(void)pclose(p); /* 1 after a mere warning; too little output fails the caller's count */
}

static void compare(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_input in = { .fd = fd };
	struct oracle o = { .rbp_col = -1, .rbx_col = -1, .signal_cie = UINT64_MAX };
	struct err err = { 0 };

	CHECK(fd >= 0);
	CHECK_EQ(unwind_elf_read(&in, &o.elf, &err), 0);
	CHECK_EQ(eh_frame_compile(&in, &o.rows, &err), 0);
	run_readelf(&o, path);
	printf("# %s: %zu rows, %u FDEs, %zu places compared, %zu differ, %zu exotic\n", path, o.rows.row_cnt,
	       o.rows.fde_cnt, o.compared, o.differ, o.exotic);
	CHECK(o.compared > 20);
	CHECK_EQ(o.differ, 0);
	unwind_rows_deinit(&o.rows);
	unwind_elf_deinit(&o.elf);
}

static bool find_libc(char ret[512])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/maps", "re");
	char line[600];

	while (f && fgets(line, sizeof(line), f)) {
		char *path = strchr(line, '/');

		if (path && strstr(path, "/libc.so.6") && sscanf(path, "%511s", ret) == 1)
			return true;
	}
	return false;
}

TEST(rows_agree_with_readelf)
{
	const char *files = getenv("VARVE_ORACLE_FILES");
	char libc[512], self[512];
	ssize_t n;

	if (system("command -v readelf >/dev/null"))
		SKIP("needs readelf");
	if (files) {
		_cleanup_free_ char *list = strdup(files);

		for (char *save, *t = strtok_r(list, " ", &save); t; t = strtok_r(NULL, " ", &save))
			compare(t);
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	CHECK(n > 0);
	self[n] = 0;
	compare(self);
	if (find_libc(libc))
		compare(libc);
}

TEST_MAIN()
