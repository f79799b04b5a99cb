#ifndef TESTS_ROOM_H
#define TESTS_ROOM_H

#include <check.h>

#include "base/str.h" /* NROWS() */

/* Each tests/<room>/room.c defines these two; ends with NULL. */
extern const char *const room_name;
extern TCase *(*const room_cases[])(void);

/* Keeps -Wmissing-prototypes quiet without a header per test file. */
#define CASE(name)                                                             \
	TCase *name(void);                                                     \
	TCase *name(void)

#endif
