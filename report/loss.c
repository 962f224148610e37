// SPDX-License-Identifier: BSD-2-Clause
#include "report/loss.h"

#include <string.h>

#include "formats/event.h"

/* Those that an import finds by itself; they begin so. */
static const struct {
	const char *prefix, *sentence;
} found[] = {
	{ "damage: ", "the file is damaged there; verify lists each stretch" },
	{ "segments: ", "these segments of the recording were deleted while it went on (--keep), or not given" },
	{ "duplicate: ", "two events were at one time in one place; one of them was kept" },
};

/* A sentence that depends on the enumeration is one the compiler asks for when a reason is added. */
static const char *of_reason(enum loss_reason reason)
{
	switch (reason) {
	case LOSS_RING_FULL:
		return "the ring from the kernel was full: more happened than the recorder got the CPU to take; record less (-F, -e, -p)";
	case LOSS_MAP_FULL:
		return "a table in the kernel was full: more threads or processes than it has room for; record fewer (-p, -G)";
	case LOSS_STACK_ERROR:
		return "these are here, only their stacks could not be taken";
	case LOSS_USER_DROPPED:
		return "the recorder had no memory for them";
	case LOSS_PERF_LOST:
		return "the ring of mappings and names was full: some code that began in that time may have no name";
	case LOSS_CHUNK_WRITE:
		return "the file could not be written then: a full or failing disk";
	case LOSS_CPU_OFFLINE:
		return "the CPU was offline, so it ran nothing that could be sampled";
	case LOSS_SCRATCH_BUSY:
		return "they happened inside the handling of another event on their CPU";
	case LOSS_DAMAGE:
		return "the file is damaged there; verify lists each stretch";
	}
	return NULL;
}

const char *loss_sentence(const char *reason)
{
	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++)
		if (!strncmp(reason, found[i].prefix, strlen(found[i].prefix)))
			return found[i].sentence;
	for (int r = LOSS_RING_FULL; r <= LOSS_DAMAGE; r++) {
		const char *name = loss_reason_name((enum loss_reason)r);

		if (name && !strcmp(name, reason))
			return of_reason((enum loss_reason)r);
	}
	return "a reason of a later recorder, which this program does not know";
}
