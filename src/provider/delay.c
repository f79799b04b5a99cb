#include "provider/provider.h"

#define READ_MAX ((size_t)64 * 1024)
#define DELAY_MAX_MS ((int64_t)24 * 3600 * 1000)

/* Longer words before those they begin with. */
static const struct {
	const char *word;
	int64_t ms;
} units[] = {
	{ "milliseconds", 1 },
	{ "millisecond", 1 },
	{ "minutes", 60000 },
	{ "minute", 60000 },
	{ "min", 60000 },
	{ "ms", 1 },
	{ "m", 60000 },
	{ "seconds", 1000 },
	{ "second", 1000 },
	{ "sec", 1000 },
	{ "s", 1000 },
	{ "hours", 3600000 },
	{ "hour", 3600000 },
	{ "h", 3600000 },
};

static void
skip(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static bool
is_digit(struct str s)
{
	return s.n > 0 && *s.p >= '0' && *s.p <= '9';
}

/* A decimal number in millionths; more digits than that are cut. */
static bool
take_number(struct str *s, int64_t *micro)
{
	int64_t v = 0, scale = 1000000;

	if (!is_digit(*s))
		return false;
	for (; is_digit(*s); skip(s, 1))
		if (v < DELAY_MAX_MS)
			v = v * 10 + (*s->p - '0');
	v *= scale;
	if (s->n > 1 && *s->p == '.' && s->p[1] >= '0' && s->p[1] <= '9')
		for (skip(s, 1); is_digit(*s); skip(s, 1))
			v += (*s->p - '0') * (scale /= 10);
	*micro = v;
	return true;
}

static int64_t
take_unit(struct str *s)
{
	size_t i;

	while (s->n > 0 && *s->p == ' ')
		skip(s, 1);
	for (i = 0; i < NROWS(units); i++)
		if (str_starts(*s, units[i].word)) {
			skip(s, strlen(units[i].word));
			return units[i].ms;
		}
	return 0;
}

/* "34.4s", "6m0s", "250ms", "20 seconds": ms rounded up, or -1. */
static int64_t
duration(struct str s)
{
	int64_t micro, unit, sum = -1;

	while (take_number(&s, &micro)) {
		if ((unit = take_unit(&s)) == 0)
			break;
		if (micro / 1000000 > DELAY_MAX_MS / unit)
			return DELAY_MAX_MS;
		sum = (sum < 0 ? 0 : sum) + (micro * unit + 999999) / 1000000;
	}
	return sum > DELAY_MAX_MS ? DELAY_MAX_MS : sum;
}

/* What stands behind a mark in the text, blanks and quotes skipped. */
static int64_t
duration_after(struct str body, const char *mark)
{
	size_t n = strlen(mark);
	const char *at = memmem(body.p, body.n, mark, n);
	struct str s;

	if (at == NULL)
		return -1;
	s = (struct str){ at, body.n - (size_t)(at - body.p) };
	skip(&s, n);
	while (s.n > 0 && strchr(" \t\r\n:\"", *s.p) != NULL)
		skip(&s, 1);
	return duration(s);
}

/*
 * Searched in the bytes: a client that gets its own words echoed can only
 * change how long it waits itself.
 */
int64_t
provider_retry_ms(struct str body)
{
	int64_t ms;

	if (body.n == 0)
		return -1;
	if (body.n > READ_MAX)
		body.n = READ_MAX;
	ms = duration_after(body, "\"retryDelay\"");
	return ms >= 0 ? ms : duration_after(body, "try again in ");
}
