/*
 * Chunks of a patched stream: what they begin and end with, members that wait
 * for the next one, and the finish that is held.
 */
#include "dialect/openai.h"

/* What a member of the chunk is to us; every chunk comes through here. */
enum openai_top
openai_top_of(struct str key)
{
	switch (key.n) {
	case 2:
		return memcmp(key.p, "id", 2) == 0 ? OPENAI_TOP_OURS :
						     OPENAI_TOP_OTHER;
	case 5:
		return memcmp(key.p, "model", 5) == 0 ? OPENAI_TOP_OURS :
		    memcmp(key.p, "usage", 5) == 0    ? OPENAI_TOP_USAGE :
		    memcmp(key.p, "error", 5) == 0    ? OPENAI_TOP_ERROR :
							OPENAI_TOP_OTHER;
	case 6:
		return memcmp(key.p, "object", 6) == 0 ? OPENAI_TOP_OURS :
		    memcmp(key.p, "x_groq", 6) == 0    ? OPENAI_TOP_GROQ :
							 OPENAI_TOP_OTHER;
	case 7:
		return memcmp(key.p, "created", 7) == 0 ? OPENAI_TOP_OURS :
		    memcmp(key.p, "choices", 7) == 0    ? OPENAI_TOP_CHOICES :
							  OPENAI_TOP_OTHER;
	case 8:
		return memcmp(key.p, "metadata", 8) == 0 ? OPENAI_TOP_OURS :
							   OPENAI_TOP_OTHER;
	default:
		return OPENAI_TOP_OTHER;
	}
}

/* What all chunks begin with; fixed when the first one is written. */
static void
make_head(struct openai_relay *r, const struct frame *f)
{
	struct jw w = JW_TO(&r->head);
	size_t n;

	r->head.limit = OPENAI_HELD_MAX;
	if (r->id[0] != '\0') {
		buf_add(&r->head, STR("{\"id\":\""));
		buf_add(&r->head, str_from(r->id));
		buf_add(&r->head, STR("\",\"object\":"));
	} else {
		buf_add(&r->head, STR("{\"id\":"));
		jw_str(&w, NULL, f->id);
		buf_add(&r->head, STR(",\"object\":"));
		n = f->id.n < sizeof(r->id) - 1 ? f->id.n : sizeof(r->id) - 1;
		if (n > 0)
			memcpy(r->id, f->id.p, n);
	}
	buf_add(&r->head, STR("\"chat.completion.chunk\",\"created\":"));
	buf_int(&r->head, r->created > 0 ? r->created : f->created);
	buf_add(&r->head, STR(",\"model\":"));
	w = JW_TO(&r->head);
	jw_str(&w, NULL, f->model);
	n = strlen(r->id);
	n = n < sizeof(r->facts.id) - 1 ? n : sizeof(r->facts.id) - 1;
	memcpy(r->facts.id, r->id, n);
}

static bool
has_member(struct str object, struct str key)
{
	struct jiter it;
	struct jmember m;

	for (it = jscan_into(object); jscan_next(&it, &m);)
		if (str_eq(m.key, key))
			return true;
	return false;
}

/* Members that waited, unless the chunk has them itself. */
static void
put_extras(struct openai_relay *r, struct str chunk, struct buf *out)
{
	struct jiter it;
	struct jmember m;

	if (r->extras.n == 0)
		return;
	for (it = jscan_into(buf_str(&r->extras)); jscan_next(&it, &m);)
		if (!has_member(chunk, m.key))
			openai_put_raw(out, &m);
	buf_clear(&r->extras);
}

/* Keep the unknown members of a chunk that is not sent for the next one. */
void
openai_chunk_keep(const struct openai_chunk *c)
{
	struct buf *b = &c->r->extras;
	const struct jmember *m;
	enum openai_top t;

	b->limit = OPENAI_HELD_MAX;
	for (m = c->v; m < c->v + c->n; m++) {
		t = openai_top_of(m->key);
		if ((t != OPENAI_TOP_OTHER && t != OPENAI_TOP_GROQ) ||
		    has_member(buf_str(b), m->key) ||
		    b->n + m->raw.n + m->key.n > OPENAI_HELD_MAX / 2)
			continue;
		if (b->n == 0)
			buf_addc(b, '{');
		else
			b->n--; /* the closing bracket */
		openai_put_raw(b, m);
		buf_addc(b, '}');
	}
}

void
openai_chunk_begin(const struct openai_chunk *c, struct buf *out)
{
	if (c->r->head.n == 0)
		make_head(c->r, c->f);
	buf_add(out, buf_str(&c->r->head));
	buf_add(out, STR(",\"choices\":["));
}

void
openai_chunk_end(const struct openai_chunk *c, struct buf *out)
{
	int i;
	enum openai_top t;

	buf_addc(out, ']');
	for (i = 0; i < c->n; i++) {
		t = openai_top_of(c->v[i].key);
		if (t == OPENAI_TOP_OTHER || t == OPENAI_TOP_GROQ)
			openai_put_raw(out, &c->v[i]);
	}
	put_extras(c->r, c->data, out);
	buf_addc(out, '}');
}

/* What a call still lacks before its choice may end. */
static void
end_call(const struct openai_chunk *c, struct openai_call *call)
{
	struct openai_relay *r = c->r;
	char id[32];

	buf_add(c->out, STR("data: "));
	openai_chunk_begin(c, c->out);
	buf_add(c->out, STR("{\"index\":"));
	buf_int(c->out, call->choice);
	buf_add(c->out, STR(",\"delta\":{\"tool_calls\":[{\"index\":"));
	buf_int(c->out, call->index);
	if (!call->announced) {
		openai_call_id(call, str_from(r->id), id);
		buf_add(c->out, STR(",\"id\":\""));
		buf_add(
		    c->out, call->id.n > 0 ? buf_str(&call->id) : str_from(id));
		buf_add(c->out, STR("\",\"type\":\"function\""));
	}
	buf_add(c->out, STR(",\"function\":{"));
	if (!call->announced)
		buf_add(c->out, STR("\"name\":\"\","));
	buf_add(c->out, STR("\"arguments\":\""));
	buf_add(c->out, call->args.n > 0 ? buf_str(&call->args) : STR("{}"));
	buf_add(c->out, STR("\"}}]},\"finish_reason\":null}]}\n\n"));
	call->announced = call->has_args = true;
}

/* Calls without arguments get "{}" (trap 36), those without a name come out. */
static void
end_calls(const struct openai_chunk *c, int choice)
{
	struct openai_call *call;
	int i, n = openai_call_count(&c->r->calls);

	for (i = 0; i < n; i++) {
		call = openai_call_at(&c->r->calls, i);
		if (call->choice == choice &&
		    (!call->announced || !call->has_args))
			end_call(c, call);
	}
}

/*
 * Send the finish that was held, with the right word.  `tail`: further members,
 * and what waited goes out here too; absent: another chunk is to follow, and
 * that takes what waited.
 */
void
openai_chunk_release(const struct openai_chunk *c, struct str tail)
{
	struct openai_relay *r = c->r;
	struct str held = buf_str(&r->held);
	const char *word;
	size_t after = r->held_at + r->held_n;

	if (held.n == 0)
		return;
	word = openai_stop_word(openai_choice_why(&r->choice[r->held_choice]));
	end_calls(c, r->held_choice);
	buf_add(c->out, STR("data: "));
	buf_add(c->out, (struct str){ held.p, r->held_at });
	buf_addc(c->out, '"');
	buf_add(c->out, str_from(word));
	buf_addc(c->out, '"');
	buf_add(c->out, (struct str){ held.p + after, held.n - after - 1 });
	if (tail.p != NULL) {
		put_extras(r, held, c->out);
		buf_add(c->out, tail);
	}
	buf_add(c->out, STR("}\n\n"));
	buf_clear(&r->held);
}

/* Begin the chunk that will be released as the finish of a choice. */
struct buf *
openai_chunk_hold(const struct openai_chunk *c, int choice)
{
	struct openai_relay *r = c->r;

	if (r->held_choice != choice)
		openai_chunk_release(c, STR_NONE);
	buf_clear(&r->held);
	r->held.limit = OPENAI_HELD_MAX;
	r->held_choice = choice;
	openai_chunk_begin(c, &r->held);
	return &r->held;
}

/* Hold a finish that came without a chunk of its own. */
void
openai_chunk_hold_bare(const struct openai_chunk *c, int choice)
{
	struct buf *b = openai_chunk_hold(c, choice);

	buf_add(b, STR("{\"index\":"));
	buf_int(b, choice);
	buf_add(b, STR(",\"delta\":{}"));
	buf_add(b, STR(",\"finish_reason\":"));
	c->r->held_at = b->n;
	buf_add(b, STR("null"));
	c->r->held_n = b->n - c->r->held_at;
	buf_add(b, STR("}]}"));
}
