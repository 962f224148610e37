/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images, functions, frames and the stack trie, with names, in memory. Indexes are the row ids of
 * schema.sql, 0 means none. An import builds it and writes it to the database; the outputs read it
 * back, or take it from an import without a database: it is the same struct, so that both ways say
 * the same.
 */
#ifndef VARVE_STACKS_H
#define VARVE_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/event.h"
#include "report/db.h"
#include "report/strpool.h"
#include "report/table.h"

/* Strings are in stacks.strings. */
struct stack_image {
	const char *kind; /* image.kind: "elf", "kernel", … */
	const char *path;
	const char *build_id;				   /* hex; "" none */
	const char *debug_path, *symbols, *unnamed_reason; /* NULL: none */
	const char *sought; /* paths where a missing part of its debug information was looked for, each with a newline; NULL: none, or read from a database */
};

struct stack_function {
	const char *name, *raw_name; /* raw_name NULL: the same */
	const char *language;	     /* NULL: C, or unknown */
	uint32_t image, file, line;
	bool named;
};

struct stack_frame {
	uint64_t rel_addr; /* UNKNOWN_U64: none */
	uint32_t function, image;
	uint32_t file, line;
	bool inlined; /* into its parent */
};

struct stack_node {
	uint32_t parent, frame; /* frame 0: this id is not in use */
	uint32_t depth;		/* 0 at the root */
	uint8_t end;		/* enum stack_end */
};

struct stacks {
	TABLE(struct stack_image) images;
	TABLE(const char *) files;
	TABLE(struct stack_function) functions;
	TABLE(struct stack_frame) frames;
	TABLE(struct stack_node) nodes; /* a parent may have a larger id */
	struct strpool strings;
};

/* What a frame is called after in folded stacks and pictures: 'k' kernel, 'j' JIT, 'i' inlined, 0
 * none of these. */
char stacks_frame_mark(const struct stacks *s, const struct stack_frame *f);

int stacks_write(const struct stacks *s, struct db *db, struct err *err);

/* *ret is to be all zero, and to be deinitialized whatever is returned. */
int stacks_read(struct stacks *ret, struct db *db, struct err *err);
void stacks_deinit(struct stacks *s);

#endif
