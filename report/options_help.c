// SPDX-License-Identifier: BSD-2-Clause
#include "formats/cleanup.h"
#include "report/cmd.h"
#include "report/option_specs.h"

static void help_option(const struct option_spec *s, FILE *out)
{
	char left[64];

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", s->letter ? '-' : ' ', s->letter ?: ' ',
		 s->letter ? ", " : "  ", s->name, s->arg ? " " : "", s->arg ?: "");
	fprintf(out, "  %-26s %s\n", left, s->help);
}

static const struct {
	enum command_id command;
	const char *text;
} examples[] = {
	{ COMMAND_SUMMARY, "recording.varve" },
	{ COMMAND_SUMMARY, "flame recording.varve -o x.html" },
	{ COMMAND_SUMMARY, "sql recording.varve -q where-waits --comm nginx" },
	{ COMMAND_DB, "db recording.varve -o x.db" },
	{ COMMAND_DB, "db monday.varve tuesday.varve -o both.db" },
	{ COMMAND_FOLDED, "folded recording.varve --event off-cpu --comm nginx" },
	{ COMMAND_FOLDED, "folded recording.varve --offwake --time 5s,10s" },
	{ COMMAND_TOP, "top recording.varve --by module --cgroup /system.slice" },
	{ COMMAND_TOP, "top recording.varve --event run-queue --by process" },
	{ COMMAND_SQL, "sql --list" },
	{ COMMAND_SQL, "sql recording.varve -q wakeup-chain --comm nginx" },
	{ COMMAND_SQL, "sql recording.varve \"SELECT process, cpu_ns FROM process_cpu\" --format csv" },
	{ COMMAND_SCHEMA, "schema | less" },
	{ COMMAND_INFO, "info recording.varve" },
	{ COMMAND_VERIFY, "verify recording.varve --json" },
	{ COMMAND_FLAME, "flame recording.varve -o x.html" },
	{ COMMAND_FLAME, "flame recording.varve --event off-cpu --comm nginx -o waits.svg" },
	{ COMMAND_FLAME, "flame after.varve --diff before.varve -o diff.html" },
	{ COMMAND_EXPORT, "export recording.varve -o x.pb.gz" },
	{ COMMAND_EXPORT, "export recording.varve -o x.pftrace" },
	{ COMMAND_BUNDLE, "bundle recording.varve -o names.bundle" },
};

static void help_examples(enum command_id command, FILE *out)
{
	fputs("\nexamples\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (examples[i].command == command)
			fprintf(out, "  varve-report %s\n", examples[i].text);
}

void report_options_help(enum command_id command, FILE *out)
{
	for (const struct command *c = commands; c->name && command != COMMAND_SUMMARY; c++)
		if (c->id == command)
			fprintf(out, "usage: varve-report %s %s\n%s\n\n", c->name, c->args,
				c->help);
	if (command == COMMAND_SUMMARY) {
		fprintf(out,
			"usage: varve-report COMMAND INPUT… [options]\n"
			"INPUT: recordings (files, segments, - for stdin) or a database made from them\n\ncommands\n");
		for (const struct command *c = commands; c->name; c++)
			fprintf(out, "  %-10s %s\n", c->name, c->help);
		fprintf(out,
			"\nvarve-report FILE alone shows the first page; it takes --pid, --tid, --comm, --cgroup, --recording, --time and --color."
			"\nvarve-report COMMAND --help lists its options, with examples.\n");
		help_examples(COMMAND_SUMMARY, out);
		return;
	}
	fprintf(out, "options\n");
	for (size_t i = 0; i < option_spec_cnt; i++)
		if (option_specs[i].commands & command)
			help_option(&option_specs[i], out);
	help_examples(command, out);
}
