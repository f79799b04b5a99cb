#ifndef TESTS_BASE_SCRATCH_H
#define TESTS_BASE_SCRATCH_H

/* A fresh directory; scratch_end() removes it with all that is in it. */
#define SCRATCH_PATH 64
void scratch_begin(char dir[SCRATCH_PATH]);
void scratch_end(const char *dir);

#endif
