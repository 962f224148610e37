/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open-addressing hash map from a 32-bit hash to ids (> 0) of things kept elsewhere. Equality is
 *the caller's: for (id = idmap_first(m, hash, &pos); id; id = idmap_next(m, hash, &pos)) if
 *(things[id] is the one) return id; err = idmap_add(m, hash, new_id);
 */
#ifndef VARVE_IDMAP_H
#define VARVE_IDMAP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct idmap_slot {
	uint32_t hash, id;
};

/* All zero is an empty map. Owns slots. */
struct idmap {
	struct idmap_slot *slots;
	uint32_t cap, cnt; /* cap: 0 or a power of two, at most half full */
};

uint32_t idmap_next(const struct idmap *m, uint32_t hash, uint32_t *pos);

/* The first id filed under hash, 0 when there is none. */
static inline uint32_t idmap_first(const struct idmap *m, uint32_t hash, uint32_t *pos)
{
	*pos = hash - 1; /* next() steps before it looks */
	return m->cap ? idmap_next(m, hash, pos) : 0;
}

/* File id under hash, beside those that are there. Returns 0 or -ENOMEM. */
int idmap_add(struct idmap *m, uint32_t hash, uint32_t id);

/* Forget all ids, keep the memory. */
void idmap_clear(struct idmap *m);
void idmap_deinit(struct idmap *m);

/* Mix two words into a hash; chain it for more. */
static inline uint32_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	x ^= x >> 32;
	x = (x ^ b) * 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(x ^ x >> 32);
}

static inline uint32_t hash_bytes(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word, x = len;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		x = (x ^ word) * 0x9fb21c651e98df25ULL;
		x ^= x >> 29;
	}
	word = 0;
	memcpy(&word, p, len);
	return hash_mix(x, word);
}

#endif
