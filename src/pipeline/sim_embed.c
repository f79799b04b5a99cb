/*
 * Embeddings of the simulated provider: a vector of 16 numbers, or as many as
 * were asked for, that depends on the text alone; similar texts are not near.
 */
#include "base/hash.h"
#include "dialect/vector.h"
#include "pipeline/reply.h"
#include "pipeline/sim.h"
#include "pipeline/stage.h"

#define SIZE_DEFAULT 16
#define SIZE_MOST 4096

/* Byte i of the hash, as a number between -1 and 1. */
static void
put_numbers(struct str text, int64_t size, struct jw *w)
{
	unsigned char h[HASH_SIZE];
	int64_t i;

	hash_sha256(text, h);
	for (i = 0; i < size; i++)
		jw_num(w, NULL, ((double)h[i % HASH_SIZE] - 128) / 128);
}

static void
put_vector(struct str text, int64_t size, bool base64, struct jw *w)
{
	struct buf array = BUF_LIMIT(SIM_OUT_MAX), b = BUF_LIMIT(SIM_OUT_MAX);
	struct jw aw = JW_TO(&array);

	jw_arr(&aw, NULL);
	put_numbers(text, size, &aw);
	jw_end(&aw);
	if (base64 && vector_pack(buf_str(&array), &b) == 0)
		jw_str(w, "embedding", buf_str(&b));
	else
		jw_raw(w, "embedding", buf_str(&array));
	buf_free(&array);
	buf_free(&b);
}

static void
put_one(
    struct str text, const struct jmember *v, int n, int index, struct jw *w)
{
	int64_t size = SIZE_DEFAULT;

	jscan_int(jscan_get(v, n, "dimensions"), &size);
	jw_obj(w, NULL);
	jw_strc(w, "object", "embedding");
	jw_int(w, "index", index);
	put_vector(text, size < SIZE_MOST ? size : SIZE_MOST,
	    str_is(jscan_get(v, n, "encoding_format"), "\"base64\""), w);
	jw_end(w);
}

enum verdict
stage_sim_embed(struct req *r)
{
	struct buf b = BUF_LIMIT(SIM_OUT_MAX);
	struct jw w = JW_TO(&b);
	struct jmember *v, m;
	struct jiter it;
	struct str input;
	int n, index = 0;

	n = jscan_object(r->chat.body, r->setup, &v, &r->err);
	if (n == -1)
		return FAIL;
	input = jscan_get(v, n, "input");
	jw_obj(&w, NULL);
	jw_strc(&w, "object", "list");
	jw_arr(&w, "data");
	if (input.n > 0 && input.p[0] == '"')
		put_one(jscan_text(input, r->setup), v, n, index, &w);
	for (it = jscan_into(input); jscan_next(&it, &m);)
		put_one(m.raw.p[0] == '"' ? jscan_text(m.raw, r->setup) : m.raw,
		    v, n, index++, &w);
	jw_end(&w);
	jw_raw(&w, "model", jscan_get(v, n, "model"));
	jw_obj(&w, "usage");
	jw_int(&w, "prompt_tokens", (int64_t)(input.n + 3) / 4);
	jw_int(&w, "total_tokens", (int64_t)(input.n + 3) / 4);
	jw_end(&w);
	jw_end(&w);
	reply_whole(r, 200, NULL, STR(""), buf_str(&b));
	buf_free(&b);
	return DONE;
}
