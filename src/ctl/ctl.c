#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/environment.h"
#include "ctl/owner.h"

#define DAY_TEXT 10
#define DIGITS 40

const char *
ctl_value(const struct ctl *c, const char *name)
{
	const struct ctl_option *o = c->command->options;

	for (; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return c->values[o - c->command->options];
	return NULL;
}

struct str
ctl_str(const struct ctl *c, const char *name)
{
	return str_from(ctl_value(c, name));
}

int
ctl_number(struct ctl *c, const char *name, int64_t def, int64_t max,
    int64_t *out, struct err *e)
{
	const char *text = ctl_value(c, name);
	char *end;

	*out = def;
	if (text == NULL)
		return 0;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *out < 1 || *out > max)
		return ctl_usage(c, e, "--%s must be a number from 1 to %lld",
		    name, (long long)max);
	return 0;
}

int
ctl_usage(struct ctl *c, struct err *e, const char *fmt, ...)
{
	char msg[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	c->bad_usage = true;
	return err_set(e, ERR_BAD_PARAM, "%s", msg);
}

/* SQLite makes a database that is missing; only `init` is to do that. */
static int
check_there(const char *url, struct err *e)
{
	struct str path = str_from(url), kind = str_split(&path, ':');

	if (str_is(kind, "sqlite") && path.p != NULL &&
	    access(path.p, F_OK) == -1 && errno == ENOENT)
		return err_set(e, ERR_STORE,
		    "no database %s: \"llmgwctl init\" makes it", path.p);
	return 0;
}

int
ctl_try_sql(struct ctl *c, const struct sql *s, int rc, struct err *e)
{
	struct str msg;

	if (rc != -1 || e->code != ERR_STORE || s == NULL ||
	    *sql_said(s) == '\0')
		return rc;
	msg = arena_cat(c->arena,
	    (struct str[]){ str_from(e->msg), STR(": "),
		str_from(sql_said(s)) },
	    3);
	return err_set(e, ERR_STORE, "%s", msg.p);
}

int
ctl_open_sql(struct ctl *c, enum ctl_need need, struct err *e)
{
	enum sql_mode mode = need == CTL_READ ? SQL_READ : SQL_WRITE;

	if (owner_become(c->conf.state_dir, e) == -1 ||
	    check_there(c->conf.store_sql, e) == -1 ||
	    sql_open(&c->sql, c->conf.store_sql, mode, e) == -1)
		return -1;
	if (c->globals[CTL_VERBOSE] != NULL)
		sql_set_log(c->sql, &c->log);
	if (ctl_try_sql(
		c, c->sql, sql_version(c->sql, &c->old_version, e), e) == -1)
		return -1;
	if (need == CTL_WRITE)
		return ctl_try_sql(c, c->sql, sql_migrate(c->sql, e), e);
	if (c->old_version == 0 && need == CTL_READ)
		return err_set(e, ERR_STORE,
		    "the database is empty: \"llmgwctl init\" fills it");
	if (c->old_version < sql_version_wanted())
		return err_set(e, ERR_STORE,
		    "the database has schema version %lld, this program needs "
		    "%d: \"llmgwctl db migrate\" brings it there",
		    (long long)c->old_version, sql_version_wanted());
	return 0;
}

/* Who started us; before root becomes somebody else. */
static struct str
actor(struct arena *a)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw == NULL ? arena_fmt(a, "ctl:%u", (unsigned)getuid()) :
			    arena_fmt(a, "ctl:%.60s", pw->pw_name);
}

int
ctl_open(struct ctl *c, struct err *e)
{
	enum ctl_need need = c->command->need;

	c->actor = actor(c->arena);

	if (log_open(&c->log, "llmgwctl", "debug", NULL, e) == -1)
		return -1;
	if (need == CTL_NOTHING)
		return 0;
	environment_add(c->arena, conf_path(c->globals[CTL_CONFIG]));
	if (conf_load(&c->conf, conf_path(c->globals[CTL_CONFIG]), e) == -1)
		return -1;
	return need == CTL_CONF ? 0 : ctl_open_sql(c, need, e);
}

void
ctl_close(struct ctl *c)
{
	sql_close(c->sql);
	if (c->conf.arena != NULL)
		conf_free(&c->conf);
	log_close(&c->log);
}

struct str
ctl_today(struct ctl *c)
{
	char text[CLOCK_TEXT];

	clock_text(clock_wall_ms(), text);
	return arena_dup(c->arena, (struct str){ text, DAY_TEXT });
}

struct str
ctl_decimal(struct ctl *c, int64_t v, int decimals)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, unit = 1;
	char fraction[DIGITS];
	size_t n;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	snprintf(fraction, sizeof(fraction), ".%0*llu", decimals,
	    (unsigned long long)(u % unit));
	n = strlen(fraction);
	while (n > 0 && (fraction[n - 1] == '0' || fraction[n - 1] == '.'))
		if (fraction[--n] == '.')
			break;
	return arena_fmt(c->arena, "%s%llu%.*s", v < 0 ? "-" : "",
	    (unsigned long long)(u / unit), (int)n, fraction);
}
