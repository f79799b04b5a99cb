/*
 * Messages of the neutral view as those of this dialect.
 */
#include "dialect/openai.h"
#include "dialect/parts.h"

static const char *const role_words[] = {
	[LLM_SYSTEM] = "system",
	[LLM_USER] = "user",
	[LLM_ASSISTANT] = "assistant",
	[LLM_TOOL] = "tool",
};

/* Between texts that stood apart where they came from. */
#define APART STR("\n\n")

static bool
is_text(const struct llm_part *p)
{
	return p->kind == LLM_TEXT || p->kind == LLM_REFUSAL;
}

void
openai_put_mark(enum llm_cache cache, struct jw *w)
{
	if (cache == LLM_CACHE_NONE)
		return;
	jw_obj(w, "cache_control");
	jw_strc(w, "type", "ephemeral");
	if (cache == LLM_CACHE_1H)
		jw_strc(w, "ttl", "1h");
	jw_end(w);
}

/* {"type":KEY,KEY:{"url":...}} */
static void
put_url(const struct llm_part *p, const char *key, struct jw *w)
{
	struct buf url = BUF_LIMIT(SSE_IMAGE_MAX);

	parts_put_url(p, &url);
	jw_strc(w, "type", key);
	jw_obj(w, key);
	jw_str(w, "url", buf_str(&url));
	if (p->media.detail.n > 0)
		jw_str(w, "detail", p->media.detail);
	jw_end(w);
	buf_free(&url);
}

static void
put_audio(const struct llm_part *p, struct jw *w)
{
	struct str format = p->media.mime;

	if (p->media.data.p == NULL) {
		put_url(p, "audio_url", w);
		return;
	}
	str_split(&format, '/');
	if (str_is(format, "mpeg"))
		format = STR("mp3");
	else if (str_is(format, "x-wav") || str_is(format, "wave"))
		format = STR("wav");
	jw_strc(w, "type", "input_audio");
	jw_obj(w, "input_audio");
	jw_str(w, "data", p->media.data);
	jw_str(w, "format", format);
	jw_end(w);
}

static void
put_file(const struct llm_part *p, struct jw *w)
{
	struct buf url = BUF_LIMIT(SSE_IMAGE_MAX);

	if (p->media.url.p != NULL) {
		put_url(p, "document_url", w);
		return;
	}
	jw_strc(w, "type", "file");
	jw_obj(w, "file");
	if (p->media.id.p != NULL)
		jw_str(w, "file_id", p->media.id);
	else {
		parts_put_url(p, &url);
		jw_str(w, "filename",
		    p->media.name.n > 0 ? p->media.name : STR("document.pdf"));
		jw_str(w, "file_data", buf_str(&url));
		buf_free(&url);
	}
	jw_end(w);
}

static void
put_media(const struct llm_part *p, struct jw *w)
{
	jw_obj(w, NULL);
	if (p->media.text.p != NULL) { /* a text document: nobody else's word */
		jw_strc(w, "type", "text");
		jw_str(w, "text", p->media.text);
	} else if (p->media.id.p != NULL)
		put_file(p, w);
	else if (parts_is(p, "image/"))
		put_url(p, "image_url", w);
	else if (parts_is(p, "audio/"))
		put_audio(p, w);
	else if (parts_is(p, "video/"))
		put_url(p, "video_url", w);
	else
		put_file(p, w);
	openai_put_mark(p->cache, w);
	jw_end(w);
}

static void
put_part(const struct llm_part *p, struct jw *w)
{
	switch (p->kind) {
	case LLM_TEXT:
	case LLM_REFUSAL:
		if (p->text.n == 0)
			break; /* trap 64 */
		jw_obj(w, NULL);
		jw_strc(w, "type", "text");
		jw_str(w, "text", p->text);
		openai_put_mark(p->cache, w);
		jw_end(w);
		break;
	case LLM_MEDIA:
		put_media(p, w);
		break;
	case LLM_NATIVE:
		jw_node(w, NULL, p->node);
		break;
	case LLM_CALL:
	case LLM_RESULT:
	case LLM_REASONING:
		break; /* they have places of their own */
	}
}

/* All texts, with `apart` between them; absent if there is none. */
static struct str
join(const struct llm_part *p, struct str apart, struct buf *tmp)
{
	bool any = false;

	for (; p != NULL; p = p->next) {
		if (!is_text(p))
			continue;
		if (tmp->n > 0 && p->text.n > 0)
			buf_add(tmp, apart);
		buf_add(tmp, p->text);
		any = true;
	}
	return any ? buf_str(tmp) : STR_NONE;
}

/* One text that nothing hangs on is a string; what stands apart is a list. */
static bool
is_plain(const struct llm_part *p, enum llm_role role)
{
	bool one = p == NULL || p->next == NULL;

	for (; p != NULL; p = p->next)
		if (!is_text(p) || p->cache != LLM_CACHE_NONE)
			return false;
	return one || role == LLM_SYSTEM;
}

static void
put_content(const struct llm_part *p, enum llm_role role, struct jw *w)
{
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);

	if (is_plain(p, role))
		jw_str(w, "content", join(p, APART, &tmp));
	else {
		jw_arr(w, "content");
		for (; p != NULL; p = p->next)
			put_part(p, w);
		jw_end(w);
	}
	buf_free(&tmp);
}

/* --- assistants --- */

/* {"input":"..."}: a tool that takes free text, where only objects are. */
static void
put_input(struct str text, struct jw *w)
{
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);
	struct jw aw = JW_TO(&tmp);

	jw_obj(&aw, NULL);
	jw_str(&aw, "input", text);
	jw_end(&aw);
	jw_str(w, "arguments", buf_str(&tmp));
	buf_free(&tmp);
}

void
openai_put_function(const struct llm_part *p, struct jw *w)
{
	if (!p->call.custom) {
		openai_put_call(p, w);
		return;
	}
	jw_obj(w, NULL);
	jw_str(w, "id", p->call.id);
	jw_strc(w, "type", "function");
	jw_obj(w, "function");
	jw_str(w, "name", p->call.name);
	put_input(p->call.args, w);
	jw_end(w);
	jw_end(w);
}

/* Signed reasoning goes in details, which most who get it leave out again. */
static void
put_reasoning(const struct llm_part *parts, struct jw *w)
{
	const struct llm_part *p;
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);

	for (p = parts; p != NULL; p = p->next)
		if (p->kind == LLM_REASONING)
			buf_add(&tmp, p->reasoning.text);
	if (tmp.n > 0) /* trap 97: not an empty one */
		jw_str(w, "reasoning_content", buf_str(&tmp));
	buf_free(&tmp);
	openai_put_details(parts, w);
}

/* Content beside calls: null if there is none (trap 102). */
static void
put_assistant(const struct llm_part *parts, struct jw *w)
{
	const struct llm_part *p;
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);
	struct str text;
	bool calls = false, marks = false;

	for (p = parts; p != NULL; p = p->next) {
		calls = calls || p->kind == LLM_CALL;
		marks = marks || (is_text(p) && p->cache != LLM_CACHE_NONE);
	}
	text = join(parts, STR(""), &tmp);
	if (calls && text.n == 0)
		jw_null(w, "content");
	else if (marks)
		put_content(parts, LLM_ASSISTANT, w);
	else
		jw_str(w, "content", text);
	buf_free(&tmp);
	put_reasoning(parts, w);
	if (!calls)
		return;
	jw_arr(w, "tool_calls");
	for (p = parts; p != NULL; p = p->next)
		if (p->kind == LLM_CALL)
			openai_put_function(p, w);
	jw_end(w);
}

/* --- users and tools --- */

static void
put_result(const struct llm_part *p, struct jw *w)
{
	const struct llm_part *q;
	struct buf tmp = BUF_LIMIT(SSE_IMAGE_MAX);
	struct str text = join(p->result.parts, APART, &tmp);

	jw_obj(w, NULL);
	jw_strc(w, "role", "tool");
	jw_str(w, "tool_call_id", p->result.id);
	for (q = p->result.parts; q != NULL && text.n == 0; q = q->next)
		if (q->kind == LLM_MEDIA)
			text = STR("(see the next message)");
	jw_str(w, "content", text);
	jw_end(w);
	buf_free(&tmp);
}

/* What a result shows and a message of a tool cannot hold. */
static const struct llm_part *
media_of(const struct llm_part *p)
{
	while (p != NULL && p->kind != LLM_MEDIA && p->kind != LLM_NATIVE)
		p = p->next;
	return p;
}

static bool
has_results(const struct llm_message *m)
{
	const struct llm_part *p;

	for (p = m == NULL ? NULL : m->parts; p != NULL; p = p->next)
		if (p->kind == LLM_RESULT)
			return true;
	return false;
}

static void
put_shown(const struct llm_message *m, struct jw *w)
{
	const struct llm_part *p, *q;

	for (p = m->parts; p != NULL; p = p->next) {
		if (p->kind != LLM_RESULT) {
			put_part(p, w);
			continue;
		}
		for (q = media_of(p->result.parts); q != NULL;
		     q = media_of(q->next))
			put_part(q, w);
	}
}

/*
 * Messages with results, up to `last`: first all results, for each call wants
 * its own right behind it; then what they show and what else was said, as the
 * user (trap 58).
 */
static void
put_results(
    const struct llm_message *m, const struct llm_message *last, struct jw *w)
{
	const struct llm_message *from = m;
	const struct llm_part *p;
	bool more = false;

	for (; m != last->next; m = m->next)
		for (p = m->parts; p != NULL; p = p->next) {
			if (p->kind == LLM_RESULT)
				put_result(p, w);
			more = more || p->kind != LLM_RESULT ||
			    media_of(p->result.parts) != NULL;
		}
	if (!more)
		return;
	jw_obj(w, NULL);
	jw_strc(w, "role", "user");
	if (last->parts != NULL && from == last && is_text(last->parts) &&
	    is_plain(last->parts, LLM_USER))
		put_content(last->parts, LLM_USER, w);
	else {
		jw_arr(w, "content");
		for (m = from; m != last->next; m = m->next)
			put_shown(m, w);
		jw_end(w);
	}
	jw_end(w);
}

static void
put_message(const struct llm_message *m, struct jw *w)
{
	jw_obj(w, NULL);
	jw_strc(w, "role", role_words[m->role]);
	if (m->name.p != NULL)
		jw_str(w, "name", m->name);
	if (m->role == LLM_ASSISTANT)
		put_assistant(m->parts, w);
	else
		put_content(m->parts, m->role, w);
	jw_end(w);
}

void
openai_put_messages(const struct llm_request *r, struct jw *w)
{
	const struct llm_message *m, *last;

	jw_arr(w, "messages");
	for (m = r->messages; m != NULL; m = m->next) {
		if (!has_results(m)) {
			put_message(m, w);
			continue;
		}
		for (last = m;
		     last->role == LLM_TOOL && has_results(last->next);)
			last = last->next;
		put_results(m, last, w);
		m = last;
	}
	jw_end(w);
}
