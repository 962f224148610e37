// SPDX-License-Identifier: BSD-2-Clause
#include "formats/flight.h"

#include <stdlib.h>
#include <string.h>

#include "formats/bytes.h"

int flight_add(struct flight *f, struct output *out, uint64_t end_ts)
{
	int code = array_grow(&f->list, &f->cap, f->cnt, sizeof(*f->list));

	if (code)
		return code;
	f->list[f->cnt++] = (struct flight_segment){ *out, end_ts };
	f->bytes += out->pos;
	*out = (struct output){ .fd = -1 };
	return 0;
}

static void drop_oldest(struct flight *f)
{
	f->bytes -= f->list[0].out.pos;
	(void)output_close(&f->list[0].out, NULL); /* memory: nothing can fail */
	f->cnt--;
	memmove(f->list, f->list + 1, f->cnt * sizeof(*f->list));
}

void flight_trim(struct flight *f, uint64_t max_bytes, uint64_t min_ts)
{
	while (f->cnt && (f->bytes > max_bytes || f->list[0].end_ts < min_ts))
		drop_oldest(f);
}

int flight_write(const struct flight *f, struct output *out, struct err *err)
{
	int code = 0;

	for (uint32_t i = 0; i < f->cnt && !code; i++)
		code = output_write(out, f->list[i].out.memory, f->list[i].out.pos, false, err);
	return code;
}

void flight_deinit(struct flight *f)
{
	while (f->cnt)
		drop_oldest(f);
	free(f->list);
	*f = (struct flight){ 0 };
}
