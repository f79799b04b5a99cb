#include "base/conf_value.h"
#include "base/net.h"
#include "base/users.h"

#define DIGITS_MAX 15
#define QUOTED(s) ((s).n < 100 ? (int)(s).n : 100), (s).p

/* Smallest first, so that the last one that divides a value prints it. */
static const struct {
	enum conf_type type;
	const char *unit;
	int64_t factor;
} units[] = {
	{ CONF_INT, "", 1 },
	{ CONF_SIZE, "", 1 },
	{ CONF_SIZE, "k", INT64_C(1) << 10 },
	{ CONF_SIZE, "m", INT64_C(1) << 20 },
	{ CONF_SIZE, "g", INT64_C(1) << 30 },
	{ CONF_TIME, "ms", 1 },
	{ CONF_TIME, "s", 1000 },
	{ CONF_TIME, "min", 60 * 1000 },
	{ CONF_TIME, "h", 60 * 60 * 1000 },
};

static const char *const shapes[] = {
	[CONF_STR] = "text",
	[CONF_SECRET] = "text",
	[CONF_WORD] = "word",
	[CONF_NETS] = "addresses",
	[CONF_USERS] = "users",
	[CONF_BOOL] = "on or off",
	[CONF_INT] = "a whole number",
	[CONF_SIZE] = "a size as 512, 64k, 32m or 1g",
	[CONF_TIME] = "a time as 500ms, 10s, 5min or 1h",
	[CONF_MILLI] = "a number with at most three decimals",
};

static void *
field(const struct conf_row *r, void *base)
{
	return (char *)base + r->offset;
}

static const void *
field_const(const struct conf_row *r, const void *base)
{
	return (const char *)base + r->offset;
}

/* Take the digits at the front of *s; false if there are none or too many. */
static bool
digits(struct str *s, int64_t *v)
{
	size_t i;

	*v = 0;
	for (i = 0; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		if (i < DIGITS_MAX)
			*v = *v * 10 + (s->p[i] - '0');
	s->p += i;
	s->n -= i;
	return i > 0 && i <= DIGITS_MAX;
}

static bool
milli(struct str s, int64_t *v)
{
	int64_t part;
	size_t n;

	if (!digits(&s, v))
		return false;
	*v *= 1000;
	if (s.n == 0)
		return true;
	if (*s.p != '.')
		return false;
	s.p++;
	n = --s.n;
	if (n > 3 || !digits(&s, &part) || s.n > 0)
		return false;
	for (; n < 3; n++)
		part *= 10;
	*v += part;
	return true;
}

static bool
number(enum conf_type type, struct str s, int64_t *v)
{
	if (type == CONF_MILLI)
		return milli(s, v);
	if (str_is(s, "0")) {
		*v = 0;
		return true;
	}
	if (!digits(&s, v))
		return false;
	for (size_t i = 0; i < NROWS(units); i++)
		if (units[i].type == type && str_is(s, units[i].unit))
			return !__builtin_mul_overflow(*v, units[i].factor, v);
	return false;
}

static void
add_number(struct buf *b, enum conf_type type, int64_t v)
{
	const char *unit = "";
	int64_t factor = 1;

	if (type == CONF_MILLI) {
		buf_int(b, v / 1000);
		if (v % 1000 != 0)
			buf_fmt(b, ".%03d", (int)(v % 1000));
		return;
	}
	for (size_t i = 0; v != 0 && i < NROWS(units); i++)
		if (units[i].type == type && v % units[i].factor == 0) {
			unit = units[i].unit;
			factor = units[i].factor;
		}
	buf_int(b, v / factor);
	buf_add(b, str_from(unit));
}

static int
set_number(
    const struct conf_row *r, int64_t *out, struct str value, struct err *e)
{
	struct buf range = BUF_LIMIT(100);
	int64_t v;

	if (!number(r->type, value, &v))
		return err_set(e, ERR_CONFIG, "\"%.*s\" is not %s",
		    QUOTED(value), shapes[r->type]);
	if (v < r->min || v > r->max) {
		conf_value_add_range(&range, r);
		err_set(e, ERR_CONFIG, "\"%.*s\" is not within %.*s",
		    QUOTED(value), STR_ARG(buf_str(&range)));
		buf_free(&range);
		return -1;
	}
	*out = v;
	return 0;
}

/* What conf_dump() could not write so that it is read back the same. */
static bool
is_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
		if (s.p[i] == ';' && (i == 0 || s.p[i - 1] == ' '))
			return false;
	}
	return true;
}

static bool
has_word(const char *words, struct str s)
{
	struct str rest = str_from(words);

	while (rest.p != NULL)
		if (str_eq(str_split(&rest, '|'), s))
			return true;
	return false;
}

static int
check_nets(struct str list, struct err *e)
{
	struct str one;

	while (list.n > 0) {
		one = str_trim(str_split(&list, ','));
		if (!net_is_network(one))
			return err_set(e, ERR_CONFIG,
			    "\"%.*s\" is neither an address nor a network",
			    QUOTED(one));
	}
	return 0;
}

static int
check_users(struct str list, struct err *e)
{
	uid_t users[USERS_MAX];

	return users_parse(list, users, USERS_MAX, e);
}

static int
set_text(const struct conf_row *r, char **out, struct str value,
    struct arena *a, struct err *e)
{
	if (!is_line(value))
		return err_set(e, ERR_CONFIG,
		    "the value has a control character, or a semicolon at its "
		    "start or behind a blank");
	/* "" only where it is the default: not set. */
	if (r->type == CONF_WORD && !has_word(r->words, value) &&
	    !(value.n == 0 && r->def[0] == '\0'))
		return err_set(e, ERR_CONFIG, "\"%.*s\" is not one of %s",
		    QUOTED(value), r->words);
	if (r->type == CONF_NETS && check_nets(value, e) == -1)
		return -1;
	if (r->type == CONF_USERS && check_users(value, e) == -1)
		return -1;
	*out = arena_cstr(a, value);
	return 0;
}

int
conf_set(const struct conf_row *r, void *base, struct str value,
    struct arena *a, struct err *e)
{
	void *out = field(r, base);

	value = str_trim(value);
	switch (r->type) {
	case CONF_STR:
	case CONF_SECRET:
	case CONF_WORD:
	case CONF_NETS:
	case CONF_USERS:
		return set_text(r, out, value, a, e);
	case CONF_BOOL:
		if (!has_word("on|off", value))
			break;
		*(bool *)out = str_is(value, "on");
		return 0;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
	case CONF_MILLI:
		return set_number(r, out, value, e);
	}
	return err_set(e, ERR_CONFIG, "\"%.*s\" is not %s", QUOTED(value),
	    shapes[r->type]);
}

void
conf_value_add(struct buf *b, const struct conf_row *r, const void *base)
{
	const void *in = field_const(r, base);

	switch (r->type) {
	case CONF_STR:
	case CONF_SECRET:
	case CONF_WORD:
	case CONF_NETS:
	case CONF_USERS:
		buf_add(b, str_from(*(char *const *)in));
		break;
	case CONF_BOOL:
		buf_add(b, *(const bool *)in ? STR("on") : STR("off"));
		break;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
	case CONF_MILLI:
		add_number(b, r->type, *(const int64_t *)in);
		break;
	}
}

bool
conf_value_is_secret(const struct conf_row *r, const void *base)
{
	const char *p;

	if (r->type != CONF_STR && r->type != CONF_SECRET)
		return false;
	p = *(char *const *)field_const(r, base);
	if (p[0] == '\0')
		return false;
	return r->type == CONF_SECRET ||
	    strstr(p, "password=") != NULL ||
	    ((p = strstr(p, "://")) != NULL && strchr(p, '@') != NULL);
}

void
conf_value_add_range(struct buf *b, const struct conf_row *r)
{
	add_number(b, r->type, r->min);
	buf_add(b, STR(" to "));
	add_number(b, r->type, r->max);
}
