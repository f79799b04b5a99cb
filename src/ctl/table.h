#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Text in columns, as wide as their widest cell, two blanks between them.
 * Cells are added one after the other; the arena keeps them.
 */
struct table {
	struct arena *arena;
	const char *const *heads; /* ends with NULL; ">NAME": numbers */
	size_t ncols;
	struct str *cells;
	size_t n, cap;
};

void table_start(struct table *, struct arena *, const char *const *heads);
/* An absent one is shown as "-"; control characters as "?". */
void table_cell(struct table *, struct str);
void table_int(struct table *, int64_t);
void table_print(const struct table *, struct buf *);

#endif
