#ifndef TESTS_CLOCKS_H
#define TESTS_CLOCKS_H

#include <stdint.h>

/*
 * Clocks that go when a test says so, in place of clock_ms() and
 * clock_wall_ms(); the wall clock begins at a full minute.
 */
void clocks_begin(void);
void clocks_pass(int64_t ms); /* also back */
int64_t clocks_now(void);
int64_t clocks_wall(void);

#endif
