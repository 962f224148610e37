// SPDX-License-Identifier: BSD-2-Clause
#include "tests/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/cleanup.h"
#include "record/bundle_worker.h"
#include "record/elf_note.h"

static uint64_t soon(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + 60000000000ULL;
}

/* This program, as a file that is wanted by its own build-id. */
static struct bundle_job own_job(int fd)
{
	struct bundle_job job = { .src = { .fd = fd }, .is_elf = true, .path = "/x", .proof = BUNDLE_PROOF_ID };
	struct elf_ident id;
	struct stat st;

	CHECK_EQ(elf_ident_read(fd, &id, NULL), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(id.build_id_sz);
	job.size = (uint64_t)st.st_size;
	job.id_sz = id.build_id_sz;
	memcpy(job.id, id.build_id, id.build_id_sz);
	return job;
}

TEST(bundle_worker_takes_a_file_by_its_build_id_alone)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct bundle_job job = own_job(fd);
	struct elf_links links;

	CHECK(bundle_worker_look(&job, &links));
	CHECK_STR(links.link, "");
	CHECK_STR(links.alt, "");
	job.id[0] ^= 1;
	CHECK(!bundle_worker_look(&job, &links));
	job.proof = BUNDLE_PROOF_LINK; /* a build-id that differs is not mended by a CRC */
	CHECK(!bundle_worker_look(&job, &links));
	job.proof = BUNDLE_PROOF_DWP;
	CHECK(!bundle_worker_look(&job, &links));
}

/* What only root may read must not get into a bundle by a name that a hostile file gave. */
TEST(bundle_worker_takes_no_other_file_for_a_debug_file)
{
	static const enum bundle_proof proofs[] = { BUNDLE_PROOF_ID, BUNDLE_PROOF_LINK, BUNDLE_PROOF_DWP };
	_cleanup_close_ int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(proofs); i++) {
		struct bundle_job job = { .src = { .fd = fd }, .size = 100, .is_elf = true, .path = "/etc/passwd", .proof = proofs[i] };
		struct elf_links links;

		CHECK(!bundle_worker_look(&job, &links));
	}
}

TEST(bundle_worker_packs_through_a_child)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct bundle_job job = own_job(fd);
	struct bundle_key key = { .role = BUNDLE_IMAGE, .id = { 1, 2, 3 }, .id_sz = 3 };
	char path[64];
	struct elf_links links;
	struct bundle_writer *w;
	struct bundle *b;
	void *back;
	int got;

	snprintf(path, sizeof(path), "/tmp/varve-test-bundle-worker.%d", getpid());
	unlink(path);
	CHECK_EQ(bundle_writer_create(path, false, &w, NULL), 0);
	CHECK_EQ(bundle_writer_begin(w, &key, NULL), 0);
	got = bundle_worker_run(&job, bundle_writer_append, w, soon(), &links);
	CHECK_EQ(got, 1);
	CHECK_EQ(bundle_writer_end(w, true, NULL), 0);
	CHECK_EQ(bundle_writer_begin(w, &key, NULL), 0);
	job.id[0] ^= 1;
	CHECK_EQ(bundle_worker_run(&job, bundle_writer_append, w, soon(), &links), 0);
	CHECK_EQ(bundle_writer_end(w, false, NULL), 0);
	CHECK_EQ(bundle_writer_begin(w, &key, NULL), 0);
	job.id[0] ^= 1;
	CHECK_EQ(bundle_worker_run(&job, bundle_writer_append, w, 1, &links), -ETIME);
	CHECK_EQ(bundle_writer_end(w, false, NULL), 0);
	CHECK_EQ(bundle_writer_close(w, true, NULL), 0);
	CHECK_EQ(bundle_open(path, &b, NULL), 0);
	CHECK_EQ(bundle_count(b), 1);
	CHECK_EQ(bundle_at(b, 0)->raw_sz, job.size);
	CHECK_EQ(bundle_unpack(b, bundle_at(b, 0), &back, NULL), 0);
	munmap(back, job.size);
	bundle_close(b);
	unlink(path);
}

TEST_MAIN()
