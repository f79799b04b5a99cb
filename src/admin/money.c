/* Budgets, periods and credits. */
#include "admin/resource.h"
#include "domain/credits.h"
#include "domain/guard_seed.h"
#include "domain/tally.h"

static struct value *
member_of(struct work *k, const char *group, const char *member)
{
	return work_value(k, arena_fmt(k->arena, "%s.%s", group, member).p);
}

/* Limit and unit, or none; one unit if nothing else is said. */
static int
check_period(struct work *k, const char *group)
{
	struct value *limit = member_of(k, group, "limit");
	struct value *count = member_of(k, group, "count");
	struct value *unit = member_of(k, group, "unit");
	bool lacks = limit->null;

	if (limit->null &&
	    !work_sent(k, arena_fmt(k->arena, "%s.limit", group).p) &&
	    count->null && unit->null)
		return 0;
	if (limit->null && (!count->null || !unit->null) &&
	    !work_sent(k, arena_fmt(k->arena, "%s.limit", group).p))
		return work_bad(
		    k, arena_fmt(k->arena, "%s.limit", group).p, "is required");
	if (lacks)
		*count = *unit = (struct value){ .null = true };
	else if (unit->null)
		return work_bad(
		    k, arena_fmt(k->arena, "%s.unit", group).p, "is required");
	else if (count->null)
		*count = (struct value){ .n = 1 };
	return 0;
}

/* The period of a group as principal.h has it; false: there is none. */
static bool
period_of(struct work *k, const char *group, struct period *p)
{
	struct value *unit = member_of(k, group, "unit");

	*p = (struct period){ .limit_nano = member_of(k, group, "limit")->n,
		.count = (int)member_of(k, group, "count")->n };
	if (member_of(k, group, "limit")->null || unit->null)
		return false;
	p->unit = period_unit(unit->s);
	return p->unit != PERIOD_NONE && p->count > 0;
}

/* A new window counts what was spent in it before it was set. */
static int
tell_window(struct work *k, const char *group, enum tally_scope scope)
{
	int64_t created_ms = k->created_ms == 0 ? k->now_ms : k->created_ms;
	int64_t from_ms, end_ms;
	struct period p;

	if (!period_of(k, group, &p))
		return 0;
	from_ms = period_start(&p, created_ms, k->now_ms, &end_ms);
	return tally_window(k->sql, scope, k->id, from_ms, end_ms, k->e);
}

int
check_organization(struct work *k)
{
	return check_period(k, "budget");
}

int
after_organization(struct work *k)
{
	if (k->ask->place.method == METHOD_POST &&
	    guard_seed(k->sql, k->id, k->now_ms, k->e) == -1)
		return -1;
	return tell_window(k, "budget", TALLY_ORG);
}

int
check_project(struct work *k)
{
	return check_period(k, "budget");
}

int
after_project(struct work *k)
{
	return tell_window(k, "budget", TALLY_PROJECT);
}

int
check_key(struct work *k)
{
	return check_period(k, "period_limit");
}

int
after_key(struct work *k)
{
	return tell_window(k, "period_limit", TALLY_KEY);
}

/* What the current window has cost. */
int
show_key(struct work *k)
{
	struct value *used = work_value(k, "period_usage");
	int64_t from_ms, end_ms;
	struct tally t;
	struct period p;

	*used = (struct value){ .null = true };
	if (!period_of(k, "period_limit", &p))
		return 0;
	from_ms = period_start(&p, k->created_ms, k->now_ms, &end_ms);
	if (tally_read(k->sql, TALLY_KEY, k->id, from_ms, &t, k->e) == -1)
		return -1;
	*used = (struct value){ .n = t.cost_nano };
	return 0;
}

/* A repeated external_id is answered by the first transaction. */
int
found_credit(struct work *k)
{
	struct value *external = work_value(k, "external_id");
	struct credit c = { .org = k->ask->place.parent,
		.amount_nano = work_value(k, "amount")->n,
		.reason = work_value(k, "reason")->s,
		.external_id = external->null ? STR_NONE : external->s,
		.created_ms = k->now_ms };
	int made;

	if (c.amount_nano == 0)
		return work_bad(k, "amount", "must not be 0");
	if ((made = credits_add(k->sql, &c, k->arena, k->e)) == -1)
		return -1;
	if (row_get(k, c.id) != 1)
		return -1;
	if (made == 1 && change_note(k, "create") == -1)
		return -1;
	change_answer(k, made == 1 ? 201 : 200);
	return 1;
}
