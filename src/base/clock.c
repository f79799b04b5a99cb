#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static int64_t
now(clockid_t id, int64_t per_second)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * per_second + t.tv_nsec / (1000000000 / per_second);
}

int64_t
clock_ms(void)
{
	return now(CLOCK_MONOTONIC, 1000);
}

int64_t
clock_us(void)
{
	return now(CLOCK_MONOTONIC, 1000000);
}

int64_t
clock_wall_ms(void)
{
	return now(CLOCK_REALTIME, 1000);
}

void
clock_text(int64_t wall_ms, char out[CLOCK_TEXT])
{
	int64_t ms = wall_ms % 1000;
	time_t t = wall_ms / 1000;
	struct tm tm;
	size_t n;

	if (ms < 0) {
		ms += 1000;
		t--;
	}
	/* Years before 0 or after 9999 do not fit and are no times of ours. */
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900) {
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
		ms = 0;
	}
	n = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT - n, ".%03dZ", (int)ms);
}
