/*
 * Messages as contents: turns of "user" and "model" that alternate, the system
 * prompt apart, results of tools before what else the user says.
 */
#include "dialect/gemini.h"
#include "json/jx.h"

#define TEXT_MAX ((size_t)32 * 1024 * 1024)

/*
 * What stands for a signature that nobody has: the models that want one look
 * for this word (trap 78).
 */
#define SENTINEL STR("skip_thought_signature_validator")

enum turn { TURN_NONE, TURN_USER, TURN_MODEL };

struct contents {
	const struct llm_request *r;
	const struct llm_aim *aim;
	struct jw *w;
	struct err *e;
	enum turn turn;                  /* that is open */
	bool called;                     /* the open turn has a call */
	const struct llm_message *model; /* where the last model turn began */
};

static enum turn
turn_of(const struct llm_message *m)
{
	return m->role == LLM_SYSTEM ? TURN_NONE :
	    m->role == LLM_ASSISTANT ? TURN_MODEL :
				       TURN_USER;
}

static void
put_text(struct contents *s, struct str text, struct str seal)
{
	jw_obj(s->w, NULL);
	jw_str(s->w, "text", text);
	if (seal.n > 0)
		jw_str(s->w, "thoughtSignature", seal);
	jw_end(s->w);
}

static void
open_turn(struct contents *s, enum turn turn)
{
	jw_obj(s->w, NULL);
	jw_strc(s->w, "role", turn == TURN_MODEL ? "model" : "user");
	jw_arr(s->w, "parts");
}

static void
close_turn(struct contents *s)
{
	if (s->turn == TURN_NONE)
		return;
	jw_end(s->w);
	jw_end(s->w);
}

/* Parts go into this turn; the user's comes first of all. */
static void
in_turn(struct contents *s, enum turn turn)
{
	if (s->turn == turn)
		return;
	close_turn(s);
	if (s->turn == TURN_NONE && turn == TURN_MODEL) {
		open_turn(s, TURN_USER);
		put_text(s, STR("."), STR_NONE);
		jw_end(s->w);
		jw_end(s->w);
	}
	open_turn(s, turn);
	s->turn = turn;
	s->called = false;
}

/* By the name at the end of the path; Google wants to be told a type. */
static struct str
guess_type(const struct llm_part *p)
{
	static const struct {
		const char *end;
		const char *type;
	} types[] = {
		{ ".png", "image/png" },
		{ ".webp", "image/webp" },
		{ ".gif", "image/gif" },
		{ ".heic", "image/heic" },
		{ ".pdf", "application/pdf" },
		{ ".txt", "text/plain" },
		{ ".mp4", "video/mp4" },
		{ ".webm", "video/webm" },
		{ ".mov", "video/mov" },
		{ ".mp3", "audio/mp3" },
		{ ".wav", "audio/wav" },
	};
	struct str rest = p->media.url, path, end;
	size_t i, n;

	if (p->media.mime.n > 0)
		return p->media.mime;
	path = str_split(&rest, '?');
	for (i = 0; i < NROWS(types); i++) {
		n = strlen(types[i].end);
		if (path.n < n)
			continue;
		end = (struct str){ path.p + path.n - n, n };
		if (str_is_nocase(end, types[i].end))
			return str_from(types[i].type);
	}
	return STR("image/jpeg");
}

static void
put_blob(struct contents *s, const char *key, struct str type, const char *name,
    struct str value)
{
	jw_obj(s->w, NULL);
	jw_obj(s->w, key);
	jw_str(s->w, "mimeType", type);
	jw_str(s->w, name, value);
	jw_end(s->w);
	jw_end(s->w);
}

static int
put_media(struct contents *s, const struct llm_part *p)
{
	struct str url = p->media.url.n > 0 ? p->media.url : p->media.id;

	in_turn(s, TURN_USER);
	if (p->media.data.p != NULL)
		put_blob(s, "inlineData",
		    p->media.mime.n > 0 ? p->media.mime : STR("image/jpeg"),
		    "data", p->media.data);
	else if (p->media.text.p != NULL)
		put_text(s, p->media.text, STR_NONE);
	else if (str_starts(url, "https://") || str_starts(url, "gs://"))
		put_blob(s, "fileData", guess_type(p), "fileUri", url);
	else if (p->media.url.n > 0) {
		s->e->param = STR("messages");
		return err_set(s->e, ERR_BAD_IMAGE,
		    "Invalid request parameters: messages: a URL of media "
		    "must be https");
	} else {
		s->e->param = STR("messages");
		return err_set(s->e, ERR_NO_SUCH_PARAM,
		    "file_id is not supported by the provider of this model");
	}
	return 0;
}

/* The call that a result answers: in the last model turn, or before. */
static const struct llm_part *
find_call(const struct llm_message *from, struct str id)
{
	const struct llm_message *m;
	const struct llm_part *p;

	for (m = from; m != NULL; m = m->next)
		for (p = m->role == LLM_ASSISTANT ? m->parts : NULL; p != NULL;
		     p = p->next)
			if (p->kind == LLM_CALL && str_eq(p->call.id, id))
				return p;
	return NULL;
}

/* `response` must be an object (trap 81). */
static void
put_response(struct contents *s, const struct llm_part *result)
{
	struct buf text = BUF_LIMIT(TEXT_MAX);
	const struct llm_part *p;

	for (p = result->result.parts; p != NULL; p = p->next)
		if (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL)
			buf_add(&text, p->text);
	if (!result->result.failed && jscan_is_object(buf_str(&text)))
		jw_raw(s->w, "response", buf_str(&text));
	else {
		jw_obj(s->w, "response");
		jw_str(s->w, result->result.failed ? "error" : "result",
		    buf_str(&text));
		jw_end(s->w);
	}
	buf_free(&text);
}

static int
put_result(struct contents *s, const struct llm_part *p)
{
	const struct llm_part *call = find_call(s->model, p->result.id);

	if (call == NULL)
		call = find_call(s->r->messages, p->result.id);
	if (call == NULL) {
		s->e->param = STR("messages");
		return err_set(s->e, ERR_BAD_PARAM,
		    "Invalid request parameters: messages: no tool call has "
		    "the id of a tool result");
	}
	in_turn(s, TURN_USER);
	jw_obj(s->w, NULL);
	jw_obj(s->w, "functionResponse");
	if (s->aim->ids && p->result.id.n > 0)
		jw_str(s->w, "id", p->result.id);
	jw_str(s->w, "name", call->call.name);
	put_response(s, p);
	jw_end(s->w);
	jw_end(s->w);
	return 0;
}

static int
put_user_part(struct contents *s, const struct llm_part *p)
{
	if (p->cache != LLM_CACHE_NONE)
		llm_drop(s->aim, "cache_control");
	if (p->kind == LLM_MEDIA && p->media.detail.n > 0)
		llm_drop(s->aim, "detail");
	if (p->kind == LLM_MEDIA)
		return put_media(s, p);
	if ((p->kind == LLM_TEXT || p->kind == LLM_REFUSAL) && p->text.n > 0) {
		in_turn(s, TURN_USER);
		put_text(s, p->text, STR_NONE);
	}
	return 0;
}

/* Media that came with a result stand behind it. */
static int
put_result_media(struct contents *s, const struct llm_part *result)
{
	const struct llm_part *p;

	for (p = result->result.parts; p != NULL; p = p->next)
		if (p->kind == LLM_MEDIA && put_media(s, p) == -1)
			return -1;
	return 0;
}

static int
put_user_message(struct contents *s, const struct llm_message *m, bool results)
{
	const struct llm_part *p;
	int rc = 0;

	for (p = m->parts; p != NULL && rc == 0; p = p->next) {
		if (p->kind == LLM_RESULT)
			rc =
			    results ? put_result(s, p) : put_result_media(s, p);
		else if (!results)
			rc = put_user_part(s, p);
	}
	return rc;
}

static bool
is_text(const struct llm_part *p)
{
	return (p->kind == LLM_TEXT || p->kind == LLM_REFUSAL) && p->text.n > 0;
}

static bool
is_sealed(const struct llm_part *p)
{
	return p->kind == LLM_REASONING && p->reasoning.by == LLM_BY_GOOGLE &&
	    p->reasoning.seal.n > 0;
}

/* {} for nothing; what is no object is kept under a name (trap 65). */
static void
put_args(struct contents *s, const struct llm_part *call)
{
	struct str args = str_trim(call->call.args);

	if (call->call.custom) {
		jw_obj(s->w, "args");
		jw_str(s->w, "input", call->call.args);
		jw_end(s->w);
	} else if (args.n == 0 || str_is(args, "null")) {
		jw_obj(s->w, "args");
		jw_end(s->w);
	} else if (jscan_is_object(args))
		jw_raw(s->w, "args", args);
	else {
		jw_obj(s->w, "args");
		jw_str(s->w, "raw", args);
		jw_end(s->w);
	}
}

/* The signature is a member of the part, not of the call (trap 79). */
static void
put_call(struct contents *s, const struct llm_part *p)
{
	struct str seal = p->call.seal;

	in_turn(s, TURN_MODEL);
	if (seal.n == 0 && !s->called && (s->aim->caps & LLM_WANTS_SEALS) != 0)
		seal = SENTINEL;
	s->called = true;
	jw_obj(s->w, NULL);
	jw_obj(s->w, "functionCall");
	if (s->aim->ids && p->call.id.n > 0)
		jw_str(s->w, "id", p->call.id);
	jw_str(s->w, "name", p->call.name);
	put_args(s, p);
	jw_end(s->w);
	if (seal.n > 0)
		jw_str(s->w, "thoughtSignature", seal);
	jw_end(s->w);
}

/*
 * Old thoughts mean nothing to Google without a signature.  A signature with
 * no thought of its own belongs to the text of its message (trap 40).
 */
static void
put_model_message(struct contents *s, const struct llm_message *m)
{
	const struct llm_part *p, *text = NULL, *seal = NULL;

	for (p = m->parts; p != NULL; p = p->next) {
		text = is_text(p) ? p : text;
		seal = is_sealed(p) && p->reasoning.hidden ? p : seal;
	}
	for (p = m->parts; p != NULL; p = p->next) {
		if (p->kind == LLM_CALL)
			put_call(s, p);
		if (!is_text(p) && !is_sealed(p))
			continue;
		if (is_text(p)) {
			in_turn(s, TURN_MODEL);
			put_text(s, p->text,
			    p == text && seal != NULL ? seal->reasoning.seal :
							STR_NONE);
		} else if (!p->reasoning.hidden) {
			in_turn(s, TURN_MODEL);
			jw_obj(s->w, NULL);
			jw_str(s->w, "text", p->reasoning.text);
			jw_bool(s->w, "thought", true);
			jw_str(s->w, "thoughtSignature", p->reasoning.seal);
			jw_end(s->w);
		} else if (p == seal && text == NULL) {
			in_turn(s, TURN_MODEL);
			put_text(s, STR(""), p->reasoning.seal);
		}
	}
}

/* What the user and his tools say from here on until the model speaks. */
static int
put_user_run(struct contents *s, const struct llm_message *from,
    const struct llm_message *end)
{
	const struct llm_message *m;

	for (m = from; m != end; m = m->next)
		if (turn_of(m) == TURN_USER &&
		    put_user_message(s, m, true) == -1)
			return -1;
	for (m = from; m != end; m = m->next)
		if (turn_of(m) == TURN_USER &&
		    put_user_message(s, m, false) == -1)
			return -1;
	return 0;
}

static void
put_system(struct contents *s)
{
	const struct llm_message *m;
	const struct llm_part *p;
	bool any = false;

	for (m = s->r->messages; m != NULL; m = m->next)
		for (p = m->role == LLM_SYSTEM ? m->parts : NULL; p != NULL;
		     p = p->next) {
			if (!is_text(p))
				continue;
			if (p->cache != LLM_CACHE_NONE)
				llm_drop(s->aim, "cache_control");
			if (!any) {
				jw_obj(s->w, "systemInstruction");
				jw_arr(s->w, "parts");
			}
			any = true;
			put_text(s, p->text, STR_NONE);
		}
	if (any) {
		jw_end(s->w);
		jw_end(s->w);
	}
}

int
gemini_put_contents(const struct llm_request *r, const struct llm_aim *aim,
    struct jw *w, struct err *e)
{
	struct contents s = { .r = r, .aim = aim, .w = w, .e = e };
	const struct llm_message *m, *from;

	put_system(&s);
	jw_arr(w, "contents");
	for (m = r->messages; m != NULL;) {
		if (m->name.p != NULL)
			llm_drop(aim, "name");
		if (turn_of(m) != TURN_USER) {
			if (turn_of(m) == TURN_MODEL) {
				if (s.turn != TURN_MODEL)
					s.model = m;
				put_model_message(&s, m);
			}
			m = m->next;
			continue;
		}
		for (from = m; m != NULL && turn_of(m) != TURN_MODEL;)
			m = m->next;
		if (put_user_run(&s, from, m) == -1)
			return -1;
	}
	if (s.turn == TURN_NONE) { /* a system prompt and nothing else */
		in_turn(&s, TURN_USER);
		put_text(&s, STR("."), STR_NONE);
	}
	close_turn(&s);
	jw_end(w);
	return 0;
}
