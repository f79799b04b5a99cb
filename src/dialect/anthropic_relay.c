/*
 * A stream between equal dialects (api.md 5.3).  Events pass as they are; only
 * message_start, which tells our name of the model, and message_delta, which is
 * held until the end for usage, cost and metadata, are changed.  Indexes are
 * written anew where a provider does not count blocks from 0, and what stands
 * outside of its block gets one.
 */
#include "dialect/anthropic.h"

#define HELD_MAX ((size_t)1024 * 1024)

static void
put_event(struct buf *out, struct str type, struct str data)
{
	buf_add(out, STR("event: "));
	buf_add(out, type);
	buf_add(out, STR("\ndata: "));
	answer_put_line(out, data);
	buf_add(out, STR("\n\n"));
}

/* How many bytes of text a raw string stands for, closely enough. */
static int64_t
text_len(struct str raw, const char *key)
{
	return (int64_t)jscan_word(raw, key).n;
}

void
anthropic_see_block(struct str raw, struct llm_facts *f)
{
	switch (anthropic_block_of(raw)) {
	case ANTHROPIC_TEXT:
		f->text_bytes += text_len(raw, "text");
		break;
	case ANTHROPIC_THINKING:
		f->text_bytes += text_len(raw, "thinking");
		break;
	case ANTHROPIC_REDACTED:
		f->text_bytes++;
		break;
	case ANTHROPIC_TOOL:
		f->calls++;
		break;
	case ANTHROPIC_OTHER:
		break;
	}
}

void
anthropic_see_stop(struct str raw, struct llm_facts *f)
{
	struct str word = jscan_word(raw, "stop_reason");

	f->why = anthropic_stop(word);
	str_copy(f->raw_stop, sizeof(f->raw_stop), word);
}

static void
see_delta(struct str raw, struct llm_facts *f)
{
	static const char *const keys[] = { "text", "thinking",
		"partial_json" };
	size_t i;

	for (i = 0; i < NROWS(keys); i++)
		f->text_bytes += text_len(raw, keys[i]);
	f->reasons = f->reasons || text_len(raw, "thinking") > 0;
}

/* --- events --- */

/* One event on its way. */
struct passing {
	struct anthropic_relay *r;
	const struct frame *f;
	struct arena *scratch;
	struct jmember *v;
	int n;
	struct str type;
	struct str data;
	struct buf *out;
	struct err *e;
};

static int
relay_start(struct passing *p)
{
	struct str message = jscan_get(p->v, p->n, "message");
	struct str id = jscan_word(message, "id");
	struct jpatch patches[3];
	struct str usage = jscan_at(message, "usage");
	struct buf b = BUF_LIMIT(HELD_MAX);
	int n = 0;

	anthropic_read_usage(usage, &p->r->usage);
	if (p->r->started) /* trap 39 */
		return 0;
	p->r->started = true;
	patches[n++] = (struct jpatch){ JPATCH_SET, STR("message/model"),
		answer_quoted(p->scratch, p->f->model), NULL };
	if (id.n == 0)
		patches[n++] = (struct jpatch){ JPATCH_SET, STR("message/id"),
			answer_quoted(p->scratch, p->f->id), NULL };
	if (usage.n == 0 || usage.p[0] != '{') /* clients look into it */
		patches[n++] = (struct jpatch){ JPATCH_SET,
			STR("message/usage"),
			STR("{\"input_tokens\":0,\"output_tokens\":0}"), NULL };
	str_copy(
	    p->r->facts.id, sizeof(p->r->facts.id), id.n == 0 ? p->f->id : id);
	jscan_splice(p->v, p->n, patches, n, &b);
	put_event(p->out, p->type, buf_str(&b));
	buf_free(&b);
	return 0;
}

static void
stop_block(struct anthropic_relay *r, struct buf *out)
{
	if (!r->open)
		return;
	r->open = false;
	buf_add(out,
	    STR("event: content_block_stop\n"
		"data: {\"type\":\"content_block_stop\",\"index\":"));
	buf_int(out, r->index);
	buf_add(out, STR("}\n\n"));
}

/* The block that the provider calls by this number is the next of ours. */
static void
open_block(struct anthropic_relay *r, struct buf *out, int64_t theirs)
{
	stop_block(r, out);
	r->theirs = theirs;
	r->index = r->next++;
	r->open = true;
}

/* The event, with our number of the open block and at most one more patch. */
static void
put_numbered(struct passing *p, const struct jpatch *more)
{
	struct buf number = BUF_LIMIT(32), b = BUF_LIMIT(p->data.n + 64);
	struct jpatch patches[2];
	int n = 0;

	if (more == NULL && p->r->theirs == p->r->index) {
		put_event(p->out, p->type, p->data);
		return;
	}
	buf_int(&number, p->r->index);
	patches[n++] =
	    (struct jpatch){ JPATCH_SET, STR("index"), buf_str(&number), NULL };
	if (more != NULL)
		patches[n++] = *more;
	jscan_splice(p->v, p->n, patches, n, &b);
	put_event(p->out, p->type, buf_str(&b));
	buf_free(&number);
	buf_free(&b);
}

static int
relay_block_start(struct passing *p)
{
	struct jpatch patch = { JPATCH_SET, STR("content_block/signature"),
		STR("\"\""), NULL };
	struct str block = jscan_get(p->v, p->n, "content_block");
	int64_t theirs = p->r->next;

	jscan_int(jscan_get(p->v, p->n, "index"), &theirs);
	open_block(p->r, p->out, theirs);
	anthropic_see_block(block, &p->r->facts);
	put_numbered(p,
	    anthropic_block_of(block) == ANTHROPIC_THINKING &&
		    jscan_at(block, "signature").p == NULL ? /* trap 55 */
		&patch :
		NULL);
	return 0;
}

/* A text or a thought outside of its block begins one; -1: it can have none. */
static int
begin_for(struct passing *p, struct str delta, int64_t theirs)
{
	struct str type = jscan_word(delta, "type");
	bool text = str_is(type, "text_delta");

	if (!text && !str_is(type, "thinking_delta"))
		return -1;
	open_block(p->r, p->out, theirs);
	buf_add(p->out,
	    STR("event: content_block_start\n"
		"data: {\"type\":\"content_block_start\",\"index\":"));
	buf_int(p->out, p->r->index);
	buf_add(p->out,
	    text ? STR(",\"content_block\":{\"type\":\"text\","
		       "\"text\":\"\"}}\n\n") :
		   STR(",\"content_block\":{\"type\":\"thinking\","
		       "\"thinking\":\"\",\"signature\":\"\"}}\n\n"));
	return 0;
}

static int
relay_delta(struct passing *p)
{
	struct str delta = jscan_get(p->v, p->n, "delta");
	int64_t theirs = p->r->theirs;

	jscan_int(jscan_get(p->v, p->n, "index"), &theirs);
	if ((!p->r->open || theirs != p->r->theirs) &&
	    begin_for(p, delta, theirs) == -1) {
		if (str_is(jscan_word(delta, "type"), "input_json_delta"))
			return answer_cut(p->e); /* of a call: nobody's */
		p->r->facts.skipped++;
		return 0;
	}
	see_delta(delta, &p->r->facts);
	put_numbered(p, NULL);
	return 0;
}

/* A second end of a block is none. */
static int
relay_block_stop(struct passing *p)
{
	int64_t theirs = p->r->theirs;

	jscan_int(jscan_get(p->v, p->n, "index"), &theirs);
	if (!p->r->open || theirs != p->r->theirs)
		return 0;
	p->r->open = false;
	put_numbered(p, NULL);
	return 0;
}

/* The one that tells why it stopped is the one that goes out. */
static int
relay_message_delta(struct passing *p)
{
	struct anthropic_relay *r = p->r;
	struct str delta = jscan_get(p->v, p->n, "delta");
	bool stops = jscan_word(delta, "stop_reason").p != NULL;

	anthropic_read_usage(jscan_get(p->v, p->n, "usage"), &r->usage);
	if (stops) {
		r->stopped = true;
		anthropic_see_stop(delta, &r->facts);
	}
	if (!stops && r->stopped)
		return 0;
	r->held.limit = HELD_MAX;
	buf_clear(&r->held);
	answer_put_line(&r->held, p->data);
	return 0;
}

static int
relay_one(struct passing *p)
{
	struct anthropic_relay *r = p->r;

	if (str_is(p->type, "message_start"))
		return relay_start(p);
	if (!r->started) /* whatever it is, it cannot be first */
		return 0;
	if (str_is(p->type, "content_block_start"))
		return relay_block_start(p);
	if (str_is(p->type, "message_delta"))
		return relay_message_delta(p);
	if (str_is(p->type, "message_stop")) {
		r->terminal = true;
		return 1;
	}
	if (str_is(p->type, "content_block_delta"))
		return relay_delta(p);
	if (str_is(p->type, "content_block_stop"))
		return relay_block_stop(p);
	put_event(p->out, p->type, p->data);
	return 0;
}

int
anthropic_relay_event(void *state, struct arena *scratch, const struct frame *f,
    const struct sse_event *ev, struct buf *out, struct err *e)
{
	struct passing p = { .r = state,
		.f = f,
		.scratch = scratch,
		.data = str_trim(ev->data),
		.out = out,
		.e = e };
	int rc;

	if (p.r->terminal)
		return 1;
	if ((p.n = jscan_event(p.data, scratch, &p.v)) == -1) {
		p.r->facts.skipped++;
		return 0;
	}
	if (anthropic_error_in(scratch, p.data, p.v, p.n, e))
		return -1;
	p.type = jscan_inner(jscan_get(p.v, p.n, "type"));
	if (!answer_is_name(p.type)) {
		p.r->facts.skipped++;
		return 0;
	}
	rc = relay_one(&p);
	anthropic_count_usage(&p.r->usage, &p.r->facts.usage);
	p.r->facts.has_usage = p.r->usage.told;
	return answer_fits(out, e) == -1 ? -1 : rc;
}

/* The message_delta again, with what is ours in it. */
static int
put_delta(struct anthropic_relay *r, struct arena *scratch,
    const struct tail *t, struct buf *out)
{
	struct buf usage = BUF_LIMIT(HELD_MAX), b = BUF_LIMIT(HELD_MAX);
	struct jw w = JW_TO(&usage);
	struct jpatch patches[3];
	struct jmember *v;
	int n = jscan_event(buf_str(&r->held), scratch, &v), k = 0;

	if (n == -1)
		return -1;
	anthropic_put_usage(&w, NULL, t, jscan_get(v, n, "usage"));
	patches[k++] =
	    (struct jpatch){ JPATCH_SET, STR("usage"), buf_str(&usage), NULL };
	if (t->metadata.n > 0)
		patches[k++] = (struct jpatch){ JPATCH_SET, STR("metadata"),
			t->metadata, NULL };
	if (r->facts.calls > 0 && strcmp(r->facts.raw_stop, "end_turn") == 0)
		patches[k++] = (struct jpatch){ JPATCH_SET,
			STR("delta/stop_reason"), STR("\"tool_use\""), NULL };
	jscan_splice(v, n, patches, k, &b);
	put_event(out, STR("message_delta"), buf_str(&b));
	buf_free(&usage);
	buf_free(&b);
	return 0;
}

int
anthropic_relay_end(void *state, struct arena *scratch, const struct frame *f,
    const struct tail *t, struct buf *out, struct err *e)
{
	struct anthropic_relay *r = state;

	(void)f;
	if (!r->started || !r->stopped || !r->terminal)
		return answer_cut(e);
	if (llm_no_content(&r->facts, e) == -1)
		return -1;
	stop_block(r, out);
	if (put_delta(r, scratch, t, out) == -1)
		return answer_cut(e);
	put_event(out, STR("message_stop"), STR("{\"type\":\"message_stop\"}"));
	return answer_fits(out, e);
}

const struct llm_facts *
anthropic_relay_facts(const void *state)
{
	return &((const struct anthropic_relay *)state)->facts;
}

void
anthropic_relay_free(void *state)
{
	struct anthropic_relay *r = state;

	buf_free(&r->held);
}
