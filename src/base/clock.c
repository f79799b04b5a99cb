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

/* n digits and what follows them; the place behind. */
static char *
put_digits(char *out, int v, int n, char then)
{
	int i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	out[n] = then;
	return out + n + 1;
}

void
clock_text(int64_t wall_ms, char out[CLOCK_TEXT])
{
	int64_t ms = wall_ms % 1000;
	time_t t = wall_ms / 1000;
	struct tm tm;

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
	out = put_digits(out, tm.tm_year + 1900, 4, '-');
	out = put_digits(out, tm.tm_mon + 1, 2, '-');
	out = put_digits(out, tm.tm_mday, 2, 'T');
	out = put_digits(out, tm.tm_hour, 2, ':');
	out = put_digits(out, tm.tm_min, 2, ':');
	out = put_digits(out, tm.tm_sec, 2, '.');
	*put_digits(out, (int)ms, 3, 'Z') = '\0';
}
