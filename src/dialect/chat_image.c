/*
 * Images by chat completions, of models that draw in chats: OpenRouter and who
 * speaks like it.  The images are where api.md 4.3 has them, as data URLs.
 */
#include "dialect/image.h"
#include "dialect/openai.h"

static int
encode(const struct llm_request *r, const struct llm_aim *aim, struct jw *w,
    struct err *e)
{
	static const char *const none[] = { NULL };
	const struct llm_picture *p = &r->picture;

	jw_obj(w, NULL);
	jw_str(w, "model", aim->model);
	openai_put_messages(r, w);
	jw_raw(w, "modalities", STR("[\"image\",\"text\"]"));
	if (p->ratio_w > 0) {
		jw_obj(w, "image_config");
		jw_str(w, "aspect_ratio",
		    arena_fmt(aim->arena, "%d:%d", p->ratio_w, p->ratio_h));
		jw_end(w);
	}
	openai_put_user(r->user, w);
	jw_end(w);
	if (p->quality > LLM_QUALITY_STANDARD)
		llm_drop(aim, "quality");
	llm_drop_hints(aim, r, none);
	return dialect_fits(w->out, e);
}

/* A data URL, whose escapes are none that matter, or another URL. */
static int
take(struct llm_sink *to, int *n, struct str url, struct err *e)
{
	struct str rest = url, type;

	if (url.n == 0)
		return 0;
	if (!str_starts(url, "data:"))
		return image_put(to, (*n)++, STR_NONE, url, e);
	rest.p += 5;
	rest.n -= 5;
	type = str_split(&rest, ',');
	type = str_split(&type, ';');
	if (!str_starts(type, "image/"))
		type = STR("image/png"); /* "image\/png", or nothing */
	return rest.n == 0 ? 0 : image_put(to, (*n)++, type, rest, e);
}

static int
take_choice(struct llm_sink *to, int *n, struct str raw, struct err *e)
{
	struct jiter it =
	    jscan_into(jscan_at(jscan_at(raw, "message"), "images"));
	struct jmember m;

	while (jscan_next(&it, &m))
		if (take(to, n, jscan_word(jscan_at(m.raw, "image_url"), "url"),
			e) == -1)
			return -1;
	return 0;
}

static int
decode(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct llm_facts facts = { .calls = 0 };
	struct jmember *v, m;
	struct jiter it;
	bool filtered = false, broken;
	int n = openai_scan_good(a, body, &v, e), images = 0;

	if (n == -1 || image_put_start(f, to, e) == -1)
		return -1;
	facts.has_usage =
	    openai_read_usage(jscan_get(v, n, "usage"), f, &facts.usage);
	it = jscan_into(jscan_get(v, n, "choices"));
	while (jscan_next(&it, &m)) {
		if (take_choice(to, &images, m.raw, e) == -1)
			return -1;
		filtered |= openai_stop(jscan_word(m.raw, "finish_reason"),
				&broken) == LLM_STOP_FILTER;
	}
	if (image_put_end(&facts, to, e) == -1)
		return -1;
	return images > 0 ? 0 : filtered ? image_filtered(e) : image_none(e);
}

const struct dialect dialect_chat_image = {
	.name = "chat-image",
	.task = LLM_IMAGE,
	.hears = LLM_SAY_EDIT | LLM_SAY_URL,
	.encode_request = encode,
	.decode_answer = decode,
	.decode_error = openai_decode_error,
};
