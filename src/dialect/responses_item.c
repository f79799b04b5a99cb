/*
 * The items of an answer on their way: begun, told piece by piece, and told whole
 * when they are over.
 */
#include "dialect/responses.h"

void
responses_begin(struct responses_enc *s, struct jw *w, const char *name)
{
	*w = JW_TO(w->out);
	buf_add(w->out, STR("event: "));
	buf_add(w->out, str_from(name));
	buf_add(w->out, STR("\ndata: "));
	jw_obj(w, NULL);
	jw_strc(w, "type", name);
	jw_int(w, "sequence_number", s->seq++);
}

void
responses_finish(struct jw *w)
{
	jw_end(w);
	buf_add(w->out, STR("\n\n"));
}

void
responses_begin_at(struct responses_enc *s, struct jw *w, const char *name)
{
	responses_begin(s, w, name);
	jw_strc(w, "item_id", s->item);
	jw_int(w, "output_index", s->next);
}

void
responses_keep(struct buf *b, struct str s)
{
	b->limit = RESPONSES_KEEP_MAX;
	buf_add(b, s);
}

void
responses_set(struct buf *b, struct str s)
{
	buf_clear(b);
	responses_keep(b, s);
}

void
responses_keep_json(struct buf *b, struct str json)
{
	b->limit = RESPONSES_KEEP_MAX;
	if (b->n + json.n + 1 > b->limit)
		return;
	if (b->n > 0)
		buf_addc(b, ',');
	buf_add(b, json);
}

void
responses_encode_free(void *enc)
{
	struct responses_enc *s = enc;

	buf_free(&s->call);
	buf_free(&s->name);
	buf_free(&s->space);
	buf_free(&s->text);
	buf_free(&s->seal);
	buf_free(&s->cites);
	buf_free(&s->parts);
	buf_free(&s->items);
}

/* --- items --- */

static void
put_part(const struct responses_enc *s, struct str text, struct str cites,
    struct jw *w, const char *key)
{
	jw_obj(w, key);
	if (s->refusal) {
		jw_strc(w, "type", "refusal");
		jw_str(w, "refusal", text);
	} else {
		jw_strc(w, "type", "output_text");
		jw_str(w, "text", text);
		jw_arr(w, "annotations");
		buf_add(w->out, cites);
		jw_end(w);
		jw_raw(w, "logprobs", STR("[]"));
	}
	jw_end(w);
}

/* Ours goes back as it came, that of others with their name. */
static void
put_seal(const struct responses_enc *s, struct jw *w)
{
	struct buf b = BUF_LIMIT(RESPONSES_KEEP_MAX), tmp = b;

	if (s->seal.n == 0) {
		buf_free(&b);
		return;
	}
	if (s->hidden && s->by != LLM_BY_OPENAI)
		buf_addc(&tmp, RESPONSES_HIDDEN);
	buf_add(&tmp, buf_str(&s->seal));
	llm_seal_put(&b, s->by, buf_str(&tmp), LLM_BY_OPENAI);
	jw_str(w, "encrypted_content", buf_str(&b));
	buf_free(&b);
	buf_free(&tmp);
}

static void
put_thought(const struct responses_enc *s, bool done, struct jw *w)
{
	jw_arr(w, "summary");
	if (done && s->text.n > 0) {
		jw_obj(w, NULL);
		jw_strc(w, "type", "summary_text");
		jw_str(w, "text", buf_str(&s->text));
		jw_end(w);
	}
	jw_end(w);
	if (done)
		put_seal(s, w);
}

static const char *const item_types[] = {
	[RESPONSES_NOTHING] = "",
	[RESPONSES_MESSAGE] = "message",
	[RESPONSES_THOUGHT] = "reasoning",
	[RESPONSES_CALL] = "function_call",
	[RESPONSES_CUSTOM] = "custom_tool_call",
	[RESPONSES_IMAGE] = "image_generation_call",
};

static const char *const id_prefixes[] = {
	[RESPONSES_NOTHING] = "",
	[RESPONSES_MESSAGE] = "msg_",
	[RESPONSES_THOUGHT] = "rs_",
	[RESPONSES_CALL] = "fc_",
	[RESPONSES_CUSTOM] = "ctc_",
	[RESPONSES_IMAGE] = "ig_",
};

/* The open item, as it begins or as it is when it is done. */
static void
put_item(
    const struct responses_enc *s, bool done, struct jw *w, const char *key)
{
	struct str text = done ? buf_str(&s->text) : STR("");

	jw_obj(w, key);
	jw_strc(w, "id", s->item);
	jw_strc(w, "type", item_types[s->open]);
	if (s->open != RESPONSES_THOUGHT)
		jw_strc(w, "status",
		    !done ? "in_progress" :
			s->open == RESPONSES_MESSAGE ?
			    responses_status(s->why) :
			    "completed");
	switch (s->open) {
	case RESPONSES_MESSAGE:
		jw_strc(w, "role", "assistant");
		jw_arr(w, "content");
		if (done)
			buf_add(w->out, buf_str(&s->parts));
		jw_end(w);
		break;
	case RESPONSES_THOUGHT:
		put_thought(s, done, w);
		break;
	case RESPONSES_CALL:
	case RESPONSES_CUSTOM:
		jw_str(
		    w, s->open == RESPONSES_CALL ? "arguments" : "input", text);
		jw_str(w, "call_id", buf_str(&s->call));
		jw_str(w, "name", buf_str(&s->name));
		if (s->space.n > 0)
			jw_str(w, "namespace", buf_str(&s->space));
		break;
	case RESPONSES_IMAGE:
		jw_str(w, "result", text);
		break;
	case RESPONSES_NOTHING:
		break;
	}
	jw_end(w);
}

void
responses_open_item(
    struct responses_enc *s, enum responses_open what, struct jw *w)
{
	responses_close(s, w);
	s->open = what;
	s->part = s->refusal = false;
	s->nparts = s->ncites = 0;
	buf_clear(&s->text);
	buf_clear(&s->seal);
	buf_clear(&s->cites);
	buf_clear(&s->parts);
	responses_item_id(s->item, id_prefixes[what], s->id, s->next);
	responses_begin(s, w, "response.output_item.added");
	jw_int(w, "output_index", s->next);
	put_item(s, false, w, "item");
	responses_finish(w);
}

/* --- parts of messages --- */

void
responses_begin_part(struct responses_enc *s, bool refusal, struct jw *w)
{
	s->part = true;
	s->refusal = refusal;
	s->ncites = 0;
	buf_clear(&s->text);
	buf_clear(&s->cites);
	responses_begin_at(s, w, "response.content_part.added");
	jw_int(w, "content_index", s->nparts);
	put_part(s, STR(""), STR(""), w, "part");
	responses_finish(w);
}

void
responses_end_part(struct responses_enc *s, struct jw *w)
{
	struct buf part = BUF_LIMIT(RESPONSES_KEEP_MAX);
	struct jw pw = JW_TO(&part);
	struct str text = buf_str(&s->text);

	if (!s->part)
		return;
	responses_begin_at(s, w,
	    s->refusal ? "response.refusal.done" : "response.output_text.done");
	jw_int(w, "content_index", s->nparts);
	jw_str(w, s->refusal ? "refusal" : "text", text);
	if (!s->refusal)
		jw_raw(w, "logprobs", STR("[]"));
	responses_finish(w);
	responses_begin_at(s, w, "response.content_part.done");
	jw_int(w, "content_index", s->nparts);
	put_part(s, text, buf_str(&s->cites), w, "part");
	responses_finish(w);
	put_part(s, text, buf_str(&s->cites), &pw, NULL);
	if (!part.full)
		responses_keep_json(&s->parts, buf_str(&part));
	buf_free(&part);
	s->part = false;
	s->nparts++;
}

/* --- the ends of items --- */

static void
end_thought(struct responses_enc *s, struct jw *w)
{
	if (s->text.n == 0)
		return;
	responses_begin_at(s, w, "response.reasoning_summary_text.done");
	jw_int(w, "summary_index", 0);
	jw_str(w, "text", buf_str(&s->text));
	responses_finish(w);
	responses_begin_at(s, w, "response.reasoning_summary_part.done");
	jw_int(w, "summary_index", 0);
	jw_obj(w, "part");
	jw_strc(w, "type", "summary_text");
	jw_str(w, "text", buf_str(&s->text));
	jw_end(w);
	responses_finish(w);
}

/* What the model wrote into the one member that it was given. */
static void
unwrap(struct responses_enc *s, struct jw *w)
{
	struct buf raw = BUF_LIMIT(RESPONSES_KEEP_MAX);
	struct arena *a = arena_new(1024, 2 * RESPONSES_KEEP_MAX);
	struct str text = buf_str(&s->text), input = STR_NONE;

	if (jscan_is_object(text))
		input = jscan_at(text, "input");
	if (input.p != NULL && input.p[0] == '"')
		input = jscan_text(input, a);
	buf_add(&raw, input.p != NULL ? input : text);
	responses_set(&s->text, buf_str(&raw));
	buf_free(&raw);
	arena_free(a);
	if (s->text.n == 0)
		return;
	responses_begin_at(s, w, "response.custom_tool_call_input.delta");
	jw_str(w, "delta", buf_str(&s->text));
	responses_finish(w);
}

static void
end_call(struct responses_enc *s, struct jw *w)
{
	bool custom = s->open == RESPONSES_CUSTOM;

	if (custom && s->unwrap)
		unwrap(s, w);
	if (!custom && s->text.n == 0) { /* trap 36 */
		responses_begin_at(
		    s, w, "response.function_call_arguments.delta");
		jw_strc(w, "delta", "{}");
		responses_finish(w);
		responses_set(&s->text, STR("{}"));
	}
	responses_begin_at(s, w,
	    custom ? "response.custom_tool_call_input.done" :
		     "response.function_call_arguments.done");
	jw_str(w, custom ? "input" : "arguments", buf_str(&s->text));
	responses_finish(w);
}

void
responses_close(struct responses_enc *s, struct jw *w)
{
	struct buf item = BUF_LIMIT(2 * RESPONSES_KEEP_MAX);
	struct jw iw = JW_TO(&item);

	if (s->open == RESPONSES_NOTHING)
		return;
	if (s->open == RESPONSES_MESSAGE)
		responses_end_part(s, w);
	else if (s->open == RESPONSES_THOUGHT)
		end_thought(s, w);
	else if (s->open != RESPONSES_IMAGE)
		end_call(s, w);
	put_item(s, true, &iw, NULL);
	responses_begin(s, w, "response.output_item.done");
	jw_int(w, "output_index", s->next);
	if (item.full) /* too long to be told again at the end */
		put_item(s, true, w, "item");
	else
		jw_raw(w, "item", buf_str(&item));
	responses_finish(w);
	if (!item.full)
		responses_keep_json(&s->items, buf_str(&item));
	buf_free(&item);
	s->open = RESPONSES_NOTHING;
	s->next++;
}
