// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include "report/folded.h"
#include "report/source.h"
#include "report/print.h"

static int write_folded(const struct report_options *o, const struct profile *p, struct err *err)
{
	FILE *out;
	int rc = print_open(o->output, &out, err);

	if (rc)
		return rc;
	rc = folded_write(p, &o->filter, out, err);
	return print_close(out, o->output, rc ? NULL : err) ?: rc;
}

int cmd_folded(const struct report_options *o, struct err *err)
{
	bool damaged = false;
	struct profile p;
	int rc;

	profile_init(&p);
	rc = source_profile(o, &p, &damaged, err);
	if (!rc && !p.entries.cnt)
		cmd_note_nothing(o);
	rc = rc ?: write_folded(o, &p, err);
	profile_deinit(&p);
	return rc ?: damaged ? EXIT_DAMAGED : EXIT_OK;
}
