// SPDX-License-Identifier: BSD-2-Clause
#include "report/cmd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report/bundle.h"
#include "report/print.h"

int cmd_bundle_check(const struct report_options *o, struct err *err)
{
	if (!o->output) {
		err_set(err, -EINVAL, "bundle: where to?");
		err_hint(err, "-o FILE");
		return -EINVAL;
	}
	if (!strcmp(o->output, "-") && isatty(STDOUT_FILENO))
		return err_set(err, -EINVAL, "-o -: a bundle is not for a terminal");
	return 0;
}

static void say_missing(void *ctx, const struct module *m, const char *reason)
{
	cmd_note(ctx, "%s: %s, continuing without", m->path, reason);
}

static int write_bundle(const struct report_options *o, struct bundle_modules *b, struct err *err)
{
	struct bundle_summary s = { 0 };
	struct bundle_writer *w;
	char files[32], bytes[32];
	int rc = bundle_writer_create(o->output, bundle_is(o->output), &w, err);

	if (rc)
		return rc;
	rc = bundle_modules_pack(b, &o->symbols, w, say_missing, (void *)o, &s, err);
	print_count(files, bundle_writer_count(w));
	print_count(bytes, bundle_writer_bytes(w));
	rc = bundle_writer_close(w, !rc, rc ? NULL : err) ?: rc;
	if (!rc)
		cmd_note(o, "%u modules, %u of them without a file; %s files, %s bytes → %s", s.modules, s.without, files, bytes,
			 strcmp(o->output, "-") ? o->output : "stdout");
	return rc;
}

int cmd_bundle(const struct report_options *o, struct err *err)
{
	struct bundle_modules *b;
	int rc = bundle_modules_create(&b, err);

	for (size_t i = 0; i < o->input_cnt && !rc; i++)
		rc = bundle_modules_read(b, o->inputs[i], err);
	rc = rc ?: write_bundle(o, b, err);
	bundle_modules_destroy(b);
	return rc < 0 ? rc : EXIT_OK;
}
