/*
 * OpenAI embeddings (api.md 7).  Between equal dialects vectors stay as they
 * came unless the client wants the other spelling.
 */
#include <stdio.h>

#include "dialect/openai.h"
#include "dialect/parts.h"
#include "dialect/vector.h"
#include "json/jx.h"

#define INPUTS_MAX 2048
#define BYTES_PER_TOKEN 4
#define VECTOR_MAX ((size_t)4 * 1024 * 1024)

/* --- requests --- */

struct seen {
	size_t bytes;  /* of texts */
	size_t tokens; /* of arrays of tokens */
};

static int
bad(struct jcheck *c, const char *below, const char *why)
{
	return *below == '\0' ? jcheck_fail(c, "%s", why) :
				jcheck_fail_at(c, below, "%s", why);
}

static int
check_tokens(struct jcheck *c, struct str array, const char *below)
{
	struct seen *seen = c->arg;
	struct jiter it;
	struct jmember m;
	size_t n = 0;
	int64_t v;

	for (it = jscan_into(array); jscan_next(&it, &m); n++)
		if (!jscan_int(m.raw, &v) || v < 0)
			return bad(
			    c, below, "must be an array of token numbers");
	if (n == 0)
		return bad(c, below, "must not be empty");
	seen->tokens += n;
	c->marks |= LLM_SAY_NATIVE;
	return 0;
}

static int
check_text(struct jcheck *c, struct str raw, const char *below)
{
	struct seen *seen = c->arg;

	if (raw.n <= 2)
		return bad(c, below, "must not be empty");
	seen->bytes += raw.n - 2;
	return 0;
}

/* All elements are of the kind that the first is of. */
static int
check_element(struct jcheck *c, struct str raw, char first, int i)
{
	char below[16];

	snprintf(below, sizeof(below), "[%d]", i);
	if (first == '"' && raw.p[0] == '"')
		return check_text(c, raw, below);
	if (first == '[' && raw.p[0] == '[')
		return check_tokens(c, raw, below);
	return jcheck_fail_at(c, below,
	    first == '[' ? "must be an array of token numbers" :
			   "must be a string");
}

static int
check_input(struct jcheck *c, struct str raw)
{
	struct jiter it;
	struct jmember m;
	char first = '"';
	int n = 0;

	if (raw.p[0] == '"')
		return check_text(c, raw, "");
	it = jscan_into(raw);
	if (jscan_next(&it, &m))
		first = m.raw.p[0];
	if (first != '"' && first != '[' && first != '{' && first != 'n')
		return check_tokens(c, raw, "");
	for (it = jscan_into(raw); jscan_next(&it, &m); n++)
		if (n < INPUTS_MAX && check_element(c, m.raw, first, n) == -1)
			return -1;
	return n >= 1 && n <= INPUTS_MAX ?
	    0 :
	    jcheck_fail(c, "must have 1 to %d elements", INPUTS_MAX);
}

/* clang-format off */
static const struct jrule rules[] = {
	{ .name = "model", .types = JT_STR, .required = true,
	    .also = check_model },
	{ .name = "input", .types = JT_STR | JT_ARR, .required = true,
	    .also = check_input },
	{ .name = "encoding_format", .types = JT_STR,
	    .words = "float|base64" },
	{ .name = "dimensions", .types = JT_INT, .min = 1, .max = 1e6 },
	{ .name = "user", .types = JT_STR },
	{ .name = "input_type", .types = JT_STR },
	{ .name = NULL }
};
/* clang-format on */

static int
embed_peek(struct llm_request *r, struct arena *a, struct err *e)
{
	struct seen seen = { .bytes = 0 };
	struct jcheck c = { .arena = a, .err = e, .arg = &seen };

	r->nmembers = jscan_object(r->body, a, &r->members, e);
	if (r->nmembers == -1 ||
	    jcheck_members(&c, r->members, r->nmembers, rules) == -1)
		return -1;
	r->model = jscan_text(check_get(r, "model"), a);
	r->needs = LLM_CAN_EMBED;
	r->says = c.marks & LLM_SAYS_MASK;
	r->n = 1;
	r->dimensions = 0;
	jscan_int(check_get(r, "dimensions"), &r->dimensions);
	r->text_bytes = seen.bytes + seen.tokens * BYTES_PER_TOKEN;
	return 0;
}

static void
add_input(struct llm_message ***tail, struct json_object *node, struct arena *a)
{
	struct llm_message *m = ARENA_NEW(a, struct llm_message);
	struct llm_part **parts = &m->parts;

	m->role = LLM_USER;
	parts_add_text(&parts, LLM_TEXT, node, a);
	**tail = m;
	*tail = &m->next;
}

static int
embed_decode_request(struct llm_request *r, struct arena *a, struct err *e)
{
	static const char *const known[] = { "model", "input",
		"encoding_format", "dimensions", "user", "input_type", NULL };
	struct llm_message **tail = &r->messages;
	struct json_object *input, *item;

	if ((r->doc = jx_parse(a, r->body, e)) == NULL)
		return -1;
	input = jx_get(r->doc, "input");
	if (jx_text(input).p != NULL)
		add_input(&tail, input, a);
	JX_EACH (jx_arr(r->doc, "input"), i, item)
		add_input(&tail, item, a);
	r->input_type = jx_str(r->doc, "input_type");
	r->user = jx_str(r->doc, "user");
	parts_hints(r, known, a);
	return 0;
}

/* Not NULL: the client wants base64. */
static const void *
embed_note(const struct llm_request *r, struct arena *life)
{
	(void)life;
	return str_is(check_get(r, "encoding_format"), "\"base64\"") ?
	    "base64" :
	    NULL;
}

static int
embed_body_patches(const struct llm_request *r, struct jpatch *v, int max)
{
	static const struct str ours[] = { STR("routing"),
		STR("free_models_only"), STR("no_reasoning"), STR("onboarding"),
		STR("stream") };

	(void)r;
	return jpatch_delete(ours, NROWS(ours), v, max);
}

/* --- answers --- */

static int
embed_patch_read(struct arena *a, const struct frame *f, struct str body,
    struct llm_facts *facts, struct err *e)
{
	struct jmember *v, m;
	struct jiter it;
	struct str raw;
	int n = openai_scan_good(a, body, &v, e), count = 0;

	if (n == -1)
		return -1;
	if (openai_read_usage(jscan_get(v, n, "usage"), f, &facts->usage))
		facts->has_usage = true;
	facts->usage.output = 0;
	for (it = jscan_into(jscan_get(v, n, "data")); jscan_next(&it, &m);
	     count++) {
		raw = jscan_at(m.raw, "embedding");
		if (raw.n == 0 || (raw.p[0] != '[' && raw.p[0] != '"'))
			return err_set(e, ERR_UPSTREAM,
			    "Answer of the provider has no embedding");
	}
	if (count == 0) {
		openai_error_inside(a, body, e);
		return -1;
	}
	facts->why = LLM_STOP_END;
	return 0;
}

/* A vector as the client wants it; -1: it is none. */
static int
put_vector(struct buf *b, struct str raw, bool base64)
{
	int rc = 0;

	if (base64 == (raw.p[0] == '"')) {
		buf_add(b, raw);
		return 0;
	}
	if (base64) {
		buf_addc(b, '"');
		rc = vector_pack(raw, b);
		buf_addc(b, '"');
		return rc;
	}
	return vector_unpack(jscan_inner(raw), b);
}

static int
put_element(struct buf *b, struct str raw, int pos, bool base64)
{
	struct jiter it;
	struct jmember m;
	bool index = false;

	openai_comma(b);
	buf_addc(b, '{');
	for (it = jscan_into(raw); jscan_next(&it, &m);) {
		index = index || str_is(m.key, "index");
		if (!str_is(m.key, "embedding")) {
			openai_put_raw(b, &m);
			continue;
		}
		openai_put(b, "embedding", STR(""));
		if (put_vector(b, m.raw, base64) == -1)
			return -1;
	}
	if (!index) {
		openai_put(b, "index", STR(""));
		buf_int(b, pos);
	}
	buf_addc(b, '}');
	return 0;
}

/* Both spellings of the tail's part: what it cost, and how it came about. */
static void
put_tail(struct jw *w, const struct tail *t)
{
	jw_obj(w, "usage");
	jw_int(w, "prompt_tokens", t->usage->input);
	jw_int(w, "total_tokens", t->usage->input);
	answer_put_cost(t, w);
	jw_end(w);
	if (t->metadata.n > 0)
		jw_raw(w, "metadata", t->metadata);
}

static int
embed_patch_write(struct arena *a, const struct frame *f, const struct tail *t,
    struct str body, struct buf *out, struct err *e)
{
	static const char *const ours[] = { "object", "data", "model", "usage",
		"metadata", NULL };
	struct jw w = JW_TO(out);
	struct jmember *v, m;
	struct jiter it;
	int n = openai_scan_good(a, body, &v, e), i, k, pos = 0;

	if (n == -1)
		return -1;
	jw_obj(&w, NULL);
	jw_strc(&w, "object", "list");
	openai_put(out, "data", STR("["));
	for (it = jscan_into(jscan_get(v, n, "data")); jscan_next(&it, &m);)
		if (put_element(out, m.raw, pos++, f->asked != NULL) == -1)
			return err_set(e, ERR_UPSTREAM,
			    "Answer of the provider has no embedding");
	buf_addc(out, ']');
	jw_str(&w, "model", f->model);
	for (i = 0; i < n; i++) {
		for (k = 0; ours[k] != NULL; k++)
			if (str_is(v[i].key, ours[k]))
				break;
		if (ours[k] == NULL)
			openai_put_raw(out, &v[i]);
	}
	put_tail(&w, t);
	jw_end(&w);
	return answer_fits(out, e);
}

static void
embed_encode_answer(const struct frame *f, const struct llm_answer *answer,
    const struct tail *t, struct jw *w)
{
	const struct llm_part *p = NULL;
	struct buf array = BUF_LIMIT(VECTOR_MAX);
	int index = 0;

	if (answer->choices != NULL)
		p = answer->choices->parts;
	jw_obj(w, NULL);
	jw_strc(w, "object", "list");
	jw_arr(w, "data");
	for (; p != NULL; p = p->next) {
		jw_obj(w, NULL);
		jw_strc(w, "object", "embedding");
		jw_int(w, "index", index++);
		buf_clear(&array);
		if (f->asked != NULL)
			jw_str(w, "embedding", p->text);
		else if (vector_unpack(p->text, &array) == 0)
			jw_raw(w, "embedding", buf_str(&array));
		jw_end(w);
	}
	jw_end(w);
	jw_str(w, "model", f->model);
	put_tail(w, t);
	jw_end(w);
	buf_free(&array);
}

const struct dialect dialect_openai_embed = {
	.name = "openai-embeddings",
	.task = LLM_EMBED,
	.id_prefix = "embd-",
	.hears = LLM_SAY_NATIVE,
	.peek = embed_peek,
	.body_patches = embed_body_patches,
	.decode_request = embed_decode_request,
	.note = embed_note,
	.encode_answer = embed_encode_answer,
	.encode_error = openai_encode_error,
	.decode_error = openai_decode_error,
	.patch_read = embed_patch_read,
	.patch_write = embed_patch_write,
};
