// SPDX-License-Identifier: BSD-2-Clause
#include "record/modules_private.h"

#include "formats/cleanup.h"

#define SWEEP_MIN 512 /* added since the last one: some hundred KiB */

bool modules_want_sweep(const struct modules *m)
{
	return m->cnt + m->inode_cnt >= m->swept_cnt + m->swept_cnt / 4 + SWEEP_MIN || m->fd_cnt >= m->fd_max - m->fd_max / 8 ||
	       m->root_fd_cnt >= MODULES_ROOT_FD_MAX / 8 * 7;
}

/*
 * Of a process with JIT memory that unmaps it all and maps some later, the second is the same module to who reads the recording: its names go on from
 * where they were.
 */
void modules_each_lasting(const struct modules *m, void (*fn)(void *ctx, uint32_t id), void *ctx)
{
	for (uint32_t i = 0; i < m->cnt; i++) {
		const struct module_entry *e = m->entries[i];

		if (e->m.kind == MODULE_VDSO || (e->m.kind == MODULE_JIT && !e->is_over))
			fn(ctx, e->id);
	}
}

unsigned modules_files_held(const struct modules *m)
{
	return m->fd_cnt + m->root_fd_cnt;
}

/* Where it is now; the indexes have kept their room, so adding to them cannot fail. */
static void keep_entry(struct modules *m, struct module_entry *e)
{
	m->entries[m->cnt++] = e;
	(void)idmap_add(&m->by_identity, modules_identity_hash(&e->m), m->cnt);
	(void)idmap_add(&m->by_id, hash_mix(e->id, 0), m->cnt);
	if (e->m.kind == MODULE_JIT)
		(void)idmap_add(&m->by_pid, hash_mix(e->m.pid, 0), m->cnt);
	m->fd_cnt += e->fd >= 0;
	m->root_fd_cnt += (e->root_fd >= 0 || e->map_fd >= 0) + (e->dump_fd >= 0);
}

/* Whether a later look at the same file is among those kept, which are in by_inode by their old index. */
static bool is_outdated(const struct modules *m, const struct inode_key *k)
{
	uint32_t pos, i;

	for (i = idmap_first(&m->by_inode, k->hash, &pos); i; i = idmap_next(&m->by_inode, k->hash, &pos)) {
		const struct inode_key *o = &m->inodes[i - 1];

		if (o->maj == k->maj && o->min == k->min && o->ino == k->ino && o->ino_gen == k->ino_gen)
			return true;
	}
	return false;
}

/* While all entries are where they were, and know where they go. */
static void sweep_inodes(struct modules *m)
{
	uint32_t n = 0;

	idmap_clear(&m->by_inode);
	for (uint32_t i = m->inode_cnt; i > 0; i--) {
		struct inode_key *k = &m->inodes[i - 1];

		k->entry = is_outdated(m, k) ? 0 : m->entries[k->entry - 1]->moved;
		if (k->entry)
			(void)idmap_add(&m->by_inode, k->hash, i);
	}
	idmap_clear(&m->by_inode);
	for (uint32_t i = 0; i < m->inode_cnt; i++) {
		if (!m->inodes[i].entry)
			continue;
		m->inodes[n++] = m->inodes[i];
		(void)idmap_add(&m->by_inode, m->inodes[n - 1].hash, n);
	}
	m->inode_cnt = n;
}

/* Allocates nothing: who else forgets these modules has to be able to rely on it. */
void modules_sweep(struct modules *m, bool (*is_used)(void *ctx, uint32_t id), void *ctx)
{
	uint32_t cnt = m->cnt, n = 0;

	for (uint32_t i = 0; i < cnt; i++)
		m->entries[i]->moved = is_used(ctx, m->entries[i]->id) ? ++n : 0;
	sweep_inodes(m);
	idmap_clear(&m->by_identity);
	idmap_clear(&m->by_id);
	idmap_clear(&m->by_pid);
	m->cnt = m->fd_cnt = m->root_fd_cnt = 0;
	for (uint32_t i = 0; i < cnt; i++) {
		struct module_entry *e = m->entries[i];

		if (e->moved) {
			keep_entry(m, e);
			continue;
		}
		if (m->vdso == e)
			m->vdso = NULL;
		modules_destroy_entry(e);
	}
	m->swept_cnt = m->cnt + m->inode_cnt;
}
