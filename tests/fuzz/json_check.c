#include <stdlib.h>

#include "json/jcheck.h"
#include "json/jw.h"

/* A fault has a path and words, and both can be written as JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct jrule any = { .name = "*", .types = JT_STR | JT_INT };

static const struct jrule inner[] = {
	{ .name = "w", .types = JT_STR, .words = "a|b", .required = true },
	{ .name = "n", .types = JT_NUM, .min = -1, .max = 1 },
	{ .name = "*", .types = JT_ARR | JT_OBJ | JT_NULL, .items = &any },
	{ .name = NULL },
};

static const struct jvariant kinds[] = { { "x", inner, 1 }, { .word = NULL } };

static const struct jrule part = {
	.name = "*", .types = JT_OBJ, .variants = kinds
};

static const struct jrule rules[] = {
	{ .name = "a", .types = JT_ARR, .max = 3, .items = &part },
	{ .name = "o", .types = JT_OBJ | JT_STR, .max = 9, .members = inner },
	{ .name = NULL },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(4096, 1 << 26);
	struct buf out = BUF_LIMIT(1 << 16);
	struct jw w = JW_TO(&out);
	struct err e = { 0 };
	struct jcheck c = { .arena = a, .err = &e };
	struct jmember *m;
	int n = jscan_event((struct str){ (const char *)data, size }, a, &m);

	if (n >= 0 && jcheck_members(&c, m, n, rules) == -1) {
		jw_obj(&w, NULL);
		jw_strc(&w, "message", e.msg);
		jw_str(&w, "param", e.param);
		jw_end(&w);
		if (e.code != ERR_BAD_PARAM || e.param.n == 0 ||
		    !jscan_is_object(buf_str(&out)))
			abort();
	}
	buf_free(&out);
	arena_free(a);
	return 0;
}
