#include "json/jw.h"
#include "provider/claude.h"

static bool
is_listed(struct str list, struct str name)
{
	while (list.p != NULL)
		if (str_eq(str_trim(str_split(&list, ',')), name))
			return true;
	return false;
}

struct str
claude_betas(struct str betas, struct str allowed, struct arena *a)
{
	struct buf b = BUF_LIMIT(8192);
	struct jw w = JW_TO(&b);
	struct str one, list = STR_NONE;
	bool any = false;

	jw_arr(&w, NULL);
	while (betas.p != NULL) {
		one = str_trim(str_split(&betas, ','));
		if (one.n == 0 || !is_listed(allowed, one))
			continue;
		jw_str(&w, NULL, one);
		any = true;
	}
	jw_end(&w);
	if (any && !b.full)
		list = arena_dup(a, buf_str(&b));
	buf_free(&b);
	return list;
}
