#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Two clocks.  Deadlines, limits and durations use the monotonic one, so a
 * jump of the wall clock moves none of them (reliability.md F48); only times
 * that people read come from the wall.
 */
int64_t clock_ms(void);      /* monotonic, milliseconds */
int64_t clock_us(void);      /* monotonic, microseconds */
int64_t clock_wall_ms(void); /* since 1970, UTC */

/* "2026-11-22T21:05:07.123Z"; 25 bytes with the NUL. */
#define CLOCK_TEXT 25
void clock_text(int64_t wall_ms, char out[CLOCK_TEXT]);

#endif
