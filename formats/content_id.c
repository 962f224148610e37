// SPDX-License-Identifier: BSD-2-Clause
#include "formats/content_id.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/bytes.h"
#include "formats/cleanup.h"

#define HEAD_SZ 65536
#define SAMPLE_SZ 4096
#define SAMPLE_CNT 16

/* Two independent 64-bit lanes. */
static void mix(uint64_t lanes[2], const uint8_t *p, size_t len)
{
	uint8_t tail[8] = { 0 };

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t w = get_le64(p);

		lanes[0] = (lanes[0] ^ w) * 0x9fb21c651e98df25ULL;
		lanes[0] ^= lanes[0] >> 29;
		lanes[1] = (lanes[1] + w) * 0xd6e8feb86659fd93ULL;
		lanes[1] ^= lanes[1] >> 32;
	}
	if (!len)
		return;
	memcpy(tail, p, len);
	mix(lanes, tail, sizeof(tail));
}

static int mix_file(uint64_t lanes[2], int fd, uint8_t *buf, size_t len, uint64_t off, struct err *err)
{
	ssize_t n;

	do
		n = pread(fd, buf, len, (off_t)off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, "read of a module's file");
	mix(lanes, buf, (size_t)n);
	return 0;
}

int content_id_read(int fd, uint8_t ret[CONTENT_ID_SZ], struct err *err)
{
	_cleanup_free_ uint8_t *buf = malloc(HEAD_SZ);
	uint64_t lanes[2], step;
	struct stat st;
	int r;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	if (fstat(fd, &st))
		return err_errno(err, "stat of a module's file");
	lanes[0] = lanes[1] = (uint64_t)st.st_size;
	r = mix_file(lanes, fd, buf, HEAD_SZ, 0, err);
	step = st.st_size > HEAD_SZ ? ((uint64_t)st.st_size - HEAD_SZ) / SAMPLE_CNT : 0;
	for (uint32_t i = 0; !r && step && i < SAMPLE_CNT; i++)
		r = mix_file(lanes, fd, buf, SAMPLE_SZ, HEAD_SZ + i * step, err);
	if (r)
		return r;
	put_le64(ret, lanes[0]);
	put_le64(ret + 8, lanes[1]);
	return 0;
}
