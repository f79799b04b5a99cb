#include <stdio.h>

#include "domain/usage_field.h"
#include "json/jscan.h"
#include "room.h"
#include "stores.h"

struct world {
	char dir[SCRATCH_PATH];
	struct arena *a;
	struct sql *sql;
	const struct board *board; /* for put() */
	struct usage_batch batch;  /* of the last put() */
};

static void
begin(struct world *w)
{
	char url[STORE_URL];
	struct err e = { 0 };

	w->board = NULL;
	scratch_begin(w->dir);
	store_url(w->dir, url);
	w->a = arena_new(4096, SIZE_MAX);
	ck_assert_int_eq(sql_open(&w->sql, url, SQL_LEDGER, &e), 0);
	ck_assert_int_eq(sql_migrate(w->sql, &e), 0);
}

static void
end(struct world *w)
{
	sql_close(w->sql);
	arena_free(w->a);
	scratch_end(w->dir);
}

static int
put(struct world *w, const struct spool_record *s, int n)
{
	struct err e = { 0 };
	int rc;

	w->batch = (struct usage_batch){ .arena = w->a, .board = w->board };
	rc = usage_insert(w->sql, s, n, &w->batch, &e);
	ck_assert_msg(rc == 0, "%s", e.msg);
	return rc;
}

/* A record with something different in each member. */
static struct usage_record
full(struct arena *a)
{
	struct usage_record r;

	memset(&r, 0, sizeof(r));
	for (int i = 0; i < USAGE_FIELDS; i++) {
		void *p = usage_at(&r, &usage_fields[i]);

		switch (usage_fields[i].type) {
		case USAGE_STR:
			*(struct str *)p = arena_fmt(
			    a, "%d \"\\\n\xc3\xa4 %s", i, usage_fields[i].name);
			break;
		case USAGE_RAW:
			*(struct str *)p = arena_fmt(a, "[{\"n\":%d}]", i);
			break;
		case USAGE_INT:
		case USAGE_OPT:
			*(int64_t *)p = INT64_MAX - i;
			break;
		case USAGE_SMALL:
			*(int *)p = i + 1;
			break;
		case USAGE_BOOL:
			*(bool *)p = true;
			break;
		}
	}
	return r;
}

static void
same(const struct usage_record *x, const struct usage_record *y)
{
	for (int i = 0; i < USAGE_FIELDS; i++) {
		const struct usage_field *f = &usage_fields[i];
		const void *p = (const char *)x + f->offset;
		const void *q = (const char *)y + f->offset;
		bool ok = false;

		switch (f->type) {
		case USAGE_STR:
		case USAGE_RAW:
			ok = str_eq(*(const struct str *)p,
				 *(const struct str *)q) &&
			    (((const struct str *)p)->p == NULL) ==
				(((const struct str *)q)->p == NULL);
			break;
		case USAGE_INT:
		case USAGE_OPT:
			ok = *(const int64_t *)p == *(const int64_t *)q;
			break;
		case USAGE_SMALL:
			ok = *(const int *)p == *(const int *)q;
			break;
		case USAGE_BOOL:
			ok = *(const bool *)p == *(const bool *)q;
			break;
		}
		ck_assert_msg(ok, "%s", f->name);
	}
}

static struct spool_record
spooled(struct arena *a, const struct usage_record *r, enum spool_kind kind)
{
	struct buf b = BUF_LIMIT(1 << 20);
	struct spool_record s = { .kind = kind };

	if (kind == SPOOL_START)
		usage_start(r, &b);
	else
		usage_end(r, &b);
	s.json = arena_dup(a, buf_str(&b));
	buf_free(&b);
	ck_assert(jscan_is_object(s.json));
	ck_assert_ptr_null(memchr(s.json.p, '\n', s.json.n));
	return s;
}

static int64_t
count(struct world *w)
{
	struct err e = { 0 };
	struct sql_stmt *st;
	int64_t n;

	st = sql_prepare(w->sql, "SELECT count(*) FROM log", &e);
	ck_assert_int_eq(sql_step(st, &e), 1);
	n = sql_int(st, 0);
	sql_done(st);
	return n;
}

START_TEST(round_trip)
{
	struct usage_record r, got;
	struct spool_record s[2];
	struct err e = { 0 };
	struct world w;

	begin(&w);
	r = full(w.a);
	r.attempt_of = STR_NONE; /* those are not found */
	s[0] = s[1] = spooled(w.a, &r, SPOOL_END);
	put(&w, s, 2);
	put(&w, s, 1);
	ck_assert_int_eq(count(&w), 1);
	ck_assert_int_eq(
	    usage_find(w.sql, r.project, r.request_id, w.a, &got, &e), 1);
	same(&r, &got);
	ck_assert_int_eq(
	    usage_find(w.sql, STR("other"), r.request_id, w.a, &got, &e), 0);
	end(&w);
}
END_TEST

START_TEST(empty)
{
	struct usage_record r = { .id = STR("log_1"),
		.project = STR("p"),
		.request_id = STR("r"),
		.duration_ms = -1,
		.ttft_ms = -1,
		.reasoning_ms = -1 };
	struct usage_record got;
	struct spool_record s;
	struct err e = { 0 };
	struct world w;

	begin(&w);
	s = spooled(w.a, &r, SPOOL_END);
	ck_assert(str_is(s.json,
	    "{\"record_id\":\"log_1\",\"request_id\":\"r\","
	    "\"project_id\":\"p\"}"));
	put(&w, &s, 1);
	ck_assert_int_eq(
	    usage_find(w.sql, r.project, r.request_id, w.a, &got, &e), 1);
	same(&r, &got);
	end(&w);
}
END_TEST

START_TEST(orphans)
{
	struct usage_record r, got;
	struct spool_record s[4];
	struct err e = { 0 };
	struct world w;

	begin(&w);
	r = full(w.a);
	s[0] = spooled(w.a, &r, SPOOL_START);
	put(&w, s, 1);
	ck_assert_msg(count(&w) == 0, "a START alone is no record");
	s[0].orphan = true;
	/* What is no record must not stop the others. */
	s[1] = (struct spool_record){ SPOOL_END, STR("{\"a\":1}"), false };
	s[2] = (struct spool_record){ SPOOL_END, STR("nonsense"), false };
	s[3] = spooled(w.a, &r, SPOOL_END);
	put(&w, s, 4);
	ck_assert_int_eq(count(&w), 1);
	ck_assert_int_eq(
	    usage_find(w.sql, r.project, r.request_id, w.a, &got, &e), 1);
	ck_assert(got.aborted && got.usage.estimated);
	ck_assert_int_eq(got.status, 500);
	ck_assert(str_is(got.finish, "gateway_error"));
	ck_assert_int_eq(got.duration_ms, -1);
	ck_assert_int_eq(got.cost.total, 0);
	ck_assert(str_eq(got.requested_model, r.requested_model));
	end(&w);
}
END_TEST

/* What a process that was killed left on its board. */
static const struct {
	enum board_state state;
	bool own;
	int64_t hold, text, input, output, total, billed;
} left[] = {
	{ BOARD_HELD, false, 1000, 40, 0, 0, 0, 0 },
	{ BOARD_ASKED, false, 1000, 40, 7, 10, 170, 170 },
	{ BOARD_ASKED, true, 1000, 40, 7, 10, 170, 0 },
	{ BOARD_ASKED, false, 1000, 0, 7, 0, 70, 70 },
	{ BOARD_ASKED, false, 100, 40, 7, 10, 100, 100 },
	{ BOARD_ASKED, false, 50, 40, 7, 10, 50, 50 },
	{ BOARD_KNOWN, false, 1000, 40, 9, 11, 200, 200 },
	{ BOARD_KNOWN, false, 150, 40, 9, 11, 150, 150 },
	{ BOARD_KNOWN, false, 1000, 40, 9, 11, 200, 200 },
};

START_TEST(aborted)
{
	struct usage_record r, got;
	struct board_slot *slot;
	struct spool_record s;
	struct board *b;
	struct err e = { 0 };
	struct world w;
	char id[ID_SIZE], request[16];

	begin(&w);
	ck_assert_int_eq(board_open(&b, w.dir, "dead", &e), 0);
	w.board = b;
	for (size_t i = 0; i < NROWS(left); i++) {
		snprintf(id, sizeof(id), "log_%zu", i);
		snprintf(request, sizeof(request), "r%zu", i);
		r = (struct usage_record){ .id = str_from(id),
			.org = STR("o"),
			.project = STR("p"),
			.request_id = str_from(request),
			.hold_nano = left[i].hold };
		slot = board_take(b);
		memcpy(slot->id, id, sizeof(id));
		slot->own = left[i].own;
		slot->hold_nano = left[i].hold;
		slot->input = 7;
		slot->prompt_nano = 70;
		slot->output_pico = 20000; /* half of it is left */
		slot->factor = 500000;
		slot->text = left[i].text;
		slot->known_input = 9;
		slot->known_output = 11;
		slot->known_nano = 200;
		slot->state = left[i].state;
		s = spooled(w.a, &r, SPOOL_START);
		s.orphan = true;
		put(&w, &s, 1);
		ck_assert_int_eq(w.batch.drops[0].nids, 1);
		ck_assert_int_eq(usage_find(w.sql, r.project, r.request_id,
				     w.a, &got, &e),
		    1);
		ck_assert(got.aborted && got.usage.estimated);
		ck_assert_msg(got.usage.input == left[i].input &&
			got.usage.output == left[i].output &&
			got.cost.total == left[i].total &&
			got.cost.billed == left[i].billed &&
			got.cost.total == got.cost.input + got.cost.output,
		    "row %zu: %lld", i, (long long)got.cost.total);
	}
	board_close(b);
	end(&w);
}
END_TEST

START_TEST(texts)
{
	char name[64];

	for (int i = 0; i < USAGE_FIELDS; i++) {
		snprintf(name, sizeof(name), "%s%s", usage_fields[i].name,
		    i == USAGE_FIELDS - 1 ? ")" : ",");
		ck_assert_msg(
		    strstr(usage_insert_text, name) != NULL, "%s", name);
	}
	snprintf(name, sizeof(name), "?%d)", USAGE_FIELDS);
	ck_assert_ptr_nonnull(strstr(usage_insert_text, name));
}
END_TEST

#define DAY INT64_C(86400000)

static void
fill(struct world *w)
{
	struct usage_record r[] = {
		{ .org = STR("o"),
		    .project = STR("prj"),
		    .key = STR("k1"),
		    .used_model = STR("m1"),
		    .used_provider = STR("p2"),
		    .started_ms = DAY,
		    .status = 200,
		    .usage = { .input = 10, .output = 2 },
		    .cost = { .total = 100 } },
		{ .org = STR("o"),
		    .project = STR("prj"),
		    .key = STR("k2"),
		    .used_model = STR("m1"),
		    .used_provider = STR("p1"),
		    .started_ms = 2 * DAY,
		    .status = 200,
		    .usage = { .input = 20, .output = 1 },
		    .cost = { .total = 200 } },
		{ .org = STR("o"),
		    .project = STR("prj"),
		    .key = STR("k1"),
		    .used_model = STR("m2"),
		    .used_provider = STR("p1"),
		    .started_ms = DAY + 1,
		    .status = 499,
		    .usage = { .input = 5, .output = 1 } },
		{ .org = STR("o"),
		    .project = STR("prj"),
		    .key = STR("k2"),
		    .started_ms = DAY + 2,
		    .status = 502 },
	};
	struct spool_record s[NROWS(r)];
	char id[NROWS(r)][ID_SIZE];

	for (size_t i = 0; i < NROWS(r); i++) {
		rand_id(id[i], "log_", r[i].started_ms);
		r[i].id = str_from(id[i]);
		s[i] = spooled(w->a, &r[i], SPOOL_END);
	}
	put(w, s, NROWS(r));
}

START_TEST(last_used)
{
	struct err e = { 0 };
	struct sql_stmt *st;
	struct world w;

	begin(&w);
	ck_assert_int_eq(
	    sql_exec(w.sql,
		"INSERT INTO organization(id, name, created_ms, updated_ms)"
		" VALUES ('o', 'o', 0, 0);"
		"INSERT INTO project(id, organization_id, name, created_ms,"
		" updated_ms) VALUES ('prj', 'o', 'p', 0, 0);"
		"INSERT INTO api_key(id, project_id, label, digest, masked,"
		" created_ms, updated_ms) VALUES ('k2', 'prj', '', CAST('x' AS BLOB), '',"
		" 0, 0)",
		&e),
	    0);
	fill(&w);
	st = sql_prepare(w.sql, "SELECT last_used_ms FROM api_key", &e);
	ck_assert_int_eq(sql_step(st, &e), 1);
	ck_assert_int_eq(sql_int(st, 0), 2 * DAY);
	sql_done(st);
	end(&w);
}
END_TEST

static const struct {
	enum llm_stop why;
	enum err_code code;
	bool cancelled;
	const char *word;
} words[] = {
	{ LLM_STOP_END, ERR_NONE, false, "completed" },
	{ LLM_STOP_SEQUENCE, ERR_NONE, false, "completed" },
	{ LLM_STOP_LENGTH, ERR_NONE, false, "length_limit" },
	{ LLM_STOP_CALLS, ERR_NONE, false, "tool_calls" },
	{ LLM_STOP_FILTER, ERR_NONE, false, "content_filter" },
	{ LLM_STOP_NONE, ERR_NONE, false, "unknown" },
	{ LLM_STOP_OTHER, ERR_NONE, false, "unknown" },
	{ LLM_STOP_END, ERR_NONE, true, "canceled" },
	{ LLM_STOP_NONE, ERR_CLIENT_GONE, false, "canceled" },
	{ LLM_STOP_NONE, ERR_REFUSED, false, "content_filter" },
	{ LLM_STOP_NONE, ERR_BLOCKED, false, "content_filter" },
	{ LLM_STOP_NONE, ERR_BAD_PARAM, false, "client_error" },
	{ LLM_STOP_NONE, ERR_UPSTREAM_REQUEST, false, "client_error" },
	{ LLM_STOP_NONE, ERR_RATE_LIMIT, false, "client_error" },
	{ LLM_STOP_NONE, ERR_UPSTREAM_RATE, false, "upstream_error" },
	{ LLM_STOP_NONE, ERR_ALL_FAILED, false, "upstream_error" },
	{ LLM_STOP_NONE, ERR_TIMEOUT, false, "upstream_error" },
	{ LLM_STOP_NONE, ERR_GATEWAY, false, "gateway_error" },
	{ LLM_STOP_NONE, ERR_STORE, false, "gateway_error" },
};

START_TEST(finish_words)
{
	for (size_t i = 0; i < NROWS(words); i++)
		ck_assert_msg(strcmp(usage_finish_word(words[i].why,
					 words[i].code, words[i].cancelled),
				  words[i].word) == 0,
		    "row %zu", i);
}
END_TEST

CASE(case_usage)
{
	TCase *t = tcase_create("usage");

	tcase_add_test(t, round_trip);
	tcase_add_test(t, empty);
	tcase_add_test(t, orphans);
	tcase_add_test(t, aborted);
	tcase_add_test(t, texts);
	tcase_add_test(t, last_used);
	tcase_add_test(t, finish_words);
	return t;
}
