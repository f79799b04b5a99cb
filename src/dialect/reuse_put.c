#include "dialect/reuse.h"

static void
put_tail(const struct reuse *u, const struct reuse_fill *f, struct buf *out)
{
	buf_add(out, u->tail);
	buf_add(out, f->metadata);
	buf_add(out, u->rest);
}

static void
put_own(const struct reuse_fill *f, const char *key, struct str none,
    struct buf *out)
{
	struct str raw = jscan_get(f->members, f->nmembers, key);

	buf_add(out, raw.p == NULL || jscan_null(raw) ? none : raw);
}

static void
fill(const struct reuse *u, const struct reuse_fill *f, enum reuse_kind kind,
    struct buf *out)
{
	bool extra = f->include_usage || f->usage == FRAME_USAGE_EXTRA;

	switch (kind) {
	case REUSE_METADATA:
		buf_add(out, f->metadata);
		break;
	case REUSE_FINISH:
		if (!extra && f->usage == FRAME_USAGE_FINISH)
			put_tail(u, f, out);
		break;
	case REUSE_EXTRA:
		if (!extra)
			break;
		buf_add(out, STR("data: "));
		buf_add(out, u->head);
		buf_add(out, STR("\"choices\":[]"));
		put_tail(u, f, out);
		buf_add(out, STR("}\n\n"));
		break;
	case REUSE_OWN:
		put_own(f, "metadata", STR("{}"), out);
		break;
	case REUSE_KEY:
		put_own(f, "prompt_cache_key", STR("null"), out);
		break;
	case REUSE_RETENTION:
		put_own(f, "prompt_cache_retention", STR("null"), out);
		break;
	case REUSE__MAX:
		break;
	}
}

void
reuse_put(const struct reuse *u, const struct reuse_fill *f, struct buf *out)
{
	size_t at = 0, to;

	for (int i = 0; i < u->nholes; i++) {
		to = u->holes[i].at;
		buf_add(out, (struct str){ u->text.p + at, to - at });
		fill(u, f, (enum reuse_kind)u->holes[i].kind, out);
		at = to;
	}
	buf_add(out, (struct str){ u->text.p + at, u->text.n - at });
}
