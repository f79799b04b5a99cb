#include "dialect/mcp.h"

#define TEXT_MAX ((size_t)32 * 1024 * 1024)

void
mcp_put_head(struct jw *w, struct str id)
{
	jw_obj(w, NULL);
	jw_strc(w, "jsonrpc", "2.0");
	if (id.n > 0)
		jw_raw(w, "id", id);
	else
		jw_null(w, "id");
}

void
mcp_put_error(struct jw *w, struct str id, int code, const char *message)
{
	mcp_put_head(w, id);
	jw_obj(w, "error");
	jw_int(w, "code", code);
	jw_strc(w, "message", message);
	jw_end(w);
	jw_end(w);
}

static void
put_text(struct jw *w, struct str text)
{
	jw_obj(w, NULL);
	jw_strc(w, "type", "text");
	jw_str(w, "text", text);
	jw_end(w);
}

/* What follows the content: the call failed, or not. */
static void
put_end(struct jw *w, bool failed)
{
	jw_end(w);
	jw_bool(w, "isError", failed);
	jw_end(w);
	jw_end(w);
}

static void
put_result(struct jw *w, struct str id)
{
	mcp_put_head(w, id);
	jw_obj(w, "result");
	jw_arr(w, "content");
}

void
mcp_put_text(struct jw *w, struct str id, struct str text, bool failed)
{
	put_result(w, id);
	put_text(w, text);
	put_end(w, failed);
}

/* The id outlives the request's body. */
static const void *
note(const struct llm_request *r, struct arena *life)
{
	struct str *id = ARENA_NEW(life, struct str);

	*id = r->envelope;
	return id;
}

static struct str
id_of(const struct frame *f)
{
	return f->asked == NULL ? STR_NONE : *(const struct str *)f->asked;
}

/* --- chat --- */

static void
encode_answer(const struct frame *f, const struct llm_answer *answer,
    const struct tail *t, struct jw *w)
{
	struct buf text = BUF_LIMIT(TEXT_MAX);
	const struct llm_part *p =
	    answer->choices == NULL ? NULL : answer->choices->parts;

	(void)t;
	for (; p != NULL; p = p->next)
		if (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL)
			buf_add(&text, p->text);
	mcp_put_text(w, id_of(f), buf_str(&text), false);
	buf_free(&text);
}

const struct dialect dialect_mcp_chat = {
	.name = "mcp-chat",
	.task = LLM_CHAT,
	.id_prefix = "mcp-",
	.asks = &dialect_openai_chat,
	.note = note,
	.encode_answer = encode_answer,
};

/* --- images --- */

/* Base64 as it came in, or an address. */
static void
put_picture(struct jw *w, const struct llm_part *p, struct pieces *out)
{
	jw_obj(w, NULL);
	if (p->media.mime.n > 0) {
		jw_strc(w, "type", "image");
		jw_str(w, "mimeType", p->media.mime);
		jw_raw(w, "data", STR("\""));
		pieces_add(out, p->media.data);
	} else {
		jw_strc(w, "type", "text");
		jw_raw(w, "text", STR("\""));
		pieces_add(out, p->media.url);
	}
	buf_addc(w->out, '"');
	jw_end(w);
}

static void
encode_pieces(const struct frame *f, const struct llm_answer *answer,
    const struct tail *t, struct pieces *out)
{
	struct jw w = JW_TO(&out->text);
	const struct llm_part *p =
	    answer->choices == NULL ? NULL : answer->choices->parts;

	(void)t;
	put_result(&w, id_of(f));
	for (; p != NULL; p = p->next)
		if (p->kind == LLM_MEDIA)
			put_picture(&w, p, out);
	put_end(&w, false);
}

const struct dialect dialect_mcp_image = {
	.name = "mcp-image",
	.task = LLM_IMAGE,
	.id_prefix = "mcp-",
	.asks = &dialect_openai_images,
	.note = note,
	.encode_pieces = encode_pieces,
};
