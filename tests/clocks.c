#include "clocks.h"

#define MINUTE INT64_C(60000)

static int64_t now_ms, wall_ms;

void
clocks_begin(void)
{
	now_ms = 5000000;
	wall_ms = INT64_C(1795300000000) / MINUTE * MINUTE;
}

void
clocks_pass(int64_t ms)
{
	now_ms += ms;
	wall_ms += ms;
}

int64_t
clocks_now(void)
{
	return now_ms;
}

int64_t
clocks_wall(void)
{
	return wall_ms;
}
