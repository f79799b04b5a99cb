/*
 * Answers of images/generations and images/edits.  The array of images is one
 * long string that nobody reads twice: it goes out from where it came in.
 */
#include "dialect/image.h"
#include "dialect/openai.h"

int
image_none(struct err *e)
{
	return err_set(
	    e, ERR_NO_CONTENT, "The model did not generate any images");
}

int
image_filtered(struct err *e)
{
	return err_set(e, ERR_REFUSED,
	    "The provider refused the images by its content policy");
}

/* The text of a picture without quotes; *link: it is a URL. */
static struct str
picture_of(struct str raw, bool *link)
{
	struct str s = jscan_word(raw, "b64_json");

	*link = s.n == 0;
	return s.n > 0 ? s : jscan_word(raw, "url");
}

void
image_read_usage(const struct jmember *v, int n, const struct frame *f,
    struct llm_facts *facts)
{
	struct str raw = jscan_get(v, n, "usage");
	struct llm_usage *u = &facts->usage;

	if (openai_read_usage(raw, f, u))
		facts->has_usage = true;
	/* Nothing else comes out of these models. */
	if (u->image_out == 0 &&
	    jscan_at(raw, "output_tokens_details").p == NULL)
		u->image_out = u->output;
	llm_picture_size(&u->picture, jscan_inner(jscan_get(v, n, "size")));
	u->picture.quality =
	    llm_quality_find(jscan_inner(jscan_get(v, n, "quality")));
}

/* How many pictures there are. */
static int
count(struct str data)
{
	struct jiter it;
	struct jmember m;
	bool link;
	int n = 0;

	for (it = jscan_into(data); jscan_next(&it, &m);)
		n += picture_of(m.raw, &link).n > 0;
	return n;
}

int
image_patch_read(struct arena *a, const struct frame *f, struct str body,
    struct llm_facts *facts, struct err *e)
{
	struct jmember *v;
	int n = openai_scan_good(a, body, &v, e);

	if (n == -1)
		return -1;
	image_read_usage(v, n, f, facts);
	facts->images = count(jscan_get(v, n, "data"));
	if (facts->images == 0)
		return image_none(e);
	facts->why = LLM_STOP_END;
	return 0;
}

static int64_t
rest(int64_t all, int64_t part)
{
	return all > part ? all - part : 0;
}

void
image_put_tail(struct jw *w, const struct tail *t, struct str raw)
{
	static const char *const ours[] = { "input_tokens", "output_tokens",
		"total_tokens", "input_tokens_details", "output_tokens_details",
		"cost", "cost_details", "estimated", NULL };
	const struct llm_usage *u = t->usage;

	jw_obj(w, "usage");
	jw_int(w, "input_tokens", u->input);
	jw_int(w, "output_tokens", u->output);
	jw_int(w, "total_tokens", u->input + u->output);
	jw_obj(w, "input_tokens_details");
	jw_int(w, "text_tokens", rest(u->input, u->image_in));
	jw_int(w, "image_tokens", u->image_in);
	jw_end(w);
	jw_obj(w, "output_tokens_details");
	jw_int(w, "image_tokens", u->image_out);
	jw_int(w, "text_tokens", rest(u->output, u->image_out));
	jw_end(w);
	answer_put_cost(t, w);
	answer_put_unknown(w->out, raw, ours);
	jw_end(w);
	if (t->metadata.n > 0)
		jw_raw(w, "metadata", t->metadata);
}

/* Members of the provider's answer that we write ourselves. */
static bool
is_ours(struct str key)
{
	return str_is(key, "usage") || str_is(key, "metadata") ||
	    str_is(key, "error");
}

int
image_patch_pieces(struct arena *a, const struct frame *f, const struct tail *t,
    struct str body, struct pieces *out, struct err *e)
{
	struct buf *b = &out->text;
	struct jw w = JW_TO(b);
	struct jmember *v;
	int i, n = openai_scan_good(a, body, &v, e);

	if (n == -1)
		return -1;
	jw_obj(&w, NULL);
	if (jscan_get(v, n, "created").p == NULL)
		jw_int(&w, "created", f->created);
	for (i = 0; i < n; i++) {
		if (is_ours(v[i].key))
			continue;
		openai_comma(b);
		buf_addc(b, '"');
		buf_add(b, v[i].key);
		buf_add(b, STR("\":"));
		pieces_add(out, v[i].raw);
		w.has_item |= UINT64_C(1) << w.depth;
	}
	image_put_tail(&w, t, jscan_get(v, n, "usage"));
	jw_end(&w);
	return answer_fits(b, e);
}

/* --- as events --- */

int
image_put_start(const struct frame *f, struct llm_sink *to, struct err *e)
{
	struct llm_event ev = { .kind = LLM_EV_START };

	ev.start.id = f->id;
	ev.start.model = f->model;
	return llm_put(to, &ev, e);
}

int
image_put(struct llm_sink *to, int block, struct str type, struct str text,
    struct err *e)
{
	struct llm_event ev = { .kind = LLM_EV_OPEN, .block = block };

	ev.open.kind = LLM_MEDIA;
	ev.open.name = type;
	if (llm_put(to, &ev, e) == -1)
		return -1;
	ev = (struct llm_event){ .kind = LLM_EV_DELTA, .block = block };
	ev.delta.text = text;
	if (llm_put(to, &ev, e) == -1)
		return -1;
	ev = (struct llm_event){ .kind = LLM_EV_CLOSE, .block = block };
	return llm_put(to, &ev, e);
}

int
image_put_end(const struct llm_facts *f, struct llm_sink *to, struct err *e)
{
	struct llm_event ev = { .kind = LLM_EV_STOP };

	ev.stop.why = LLM_STOP_END;
	return llm_put(to, &ev, e) == -1 ? -1 : answer_put_end(f, to, e);
}

int
image_decode_answer(struct arena *a, const struct frame *f, struct str body,
    struct llm_sink *to, struct err *e)
{
	struct llm_facts facts = { .calls = 0 };
	struct str form, text;
	struct jmember *v, m;
	struct jiter it;
	int n = openai_scan_good(a, body, &v, e), i = 0;
	bool link;

	if (n == -1 || image_put_start(f, to, e) == -1)
		return -1;
	image_read_usage(v, n, f, &facts);
	form = jscan_inner(jscan_get(v, n, "output_format"));
	form = form.n == 0 || form.n > 16 ?
	    STR("image/png") :
	    arena_fmt(a, "image/%.*s", STR_ARG(form));
	for (it = jscan_into(jscan_get(v, n, "data")); jscan_next(&it, &m);) {
		text = picture_of(m.raw, &link);
		if (text.n > 0 &&
		    image_put(to, i++, link ? STR_NONE : form, text, e) == -1)
			return -1;
	}
	if (image_put_end(&facts, to, e) == -1)
		return -1;
	return i > 0 ? 0 : image_none(e);
}

/* Of the first picture: "png". */
static struct str
form_of(const struct llm_answer *answer)
{
	const struct llm_part *p =
	    answer->choices == NULL ? NULL : answer->choices->parts;

	if (p == NULL || !str_starts(p->media.mime, "image/"))
		return STR_NONE;
	return (struct str){ p->media.mime.p + 6, p->media.mime.n - 6 };
}

/* Text of pictures is as it stood in JSON: nothing of it is to be escaped. */
void
image_encode_pieces(const struct frame *f, const struct llm_answer *answer,
    const struct tail *t, struct pieces *out)
{
	struct jw w = JW_TO(&out->text);
	const struct llm_part *p = NULL;
	struct str form = form_of(answer);

	if (answer->choices != NULL)
		p = answer->choices->parts;
	jw_obj(&w, NULL);
	jw_int(&w, "created", f->created);
	jw_arr(&w, "data");
	for (; p != NULL; p = p->next) {
		jw_obj(&w, NULL);
		jw_raw(&w, p->media.mime.n > 0 ? "b64_json" : "url", STR("\""));
		pieces_add(
		    out, p->media.mime.n > 0 ? p->media.data : p->media.url);
		buf_addc(w.out, '"');
		jw_end(&w);
	}
	jw_end(&w);
	if (form.n > 0)
		jw_str(&w, "output_format", form);
	image_put_tail(&w, t, STR_NONE);
	jw_end(&w);
}
