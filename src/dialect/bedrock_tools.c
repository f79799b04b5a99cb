/*
 * Tools and the choice among them (wire.md 9.2).
 */
#include "dialect/bedrock.h"

/* Does a turn call a tool, or answer one? */
static bool
has_calls(const struct bedrock_out *o)
{
	const struct anthropic_turn *t;
	const struct anthropic_item *i;

	for (t = o->turns; t != NULL; t = t->next) {
		if (t->results != NULL)
			return true;
		for (i = t->rest; i != NULL; i = i->next)
			if (i->part != NULL && i->part->kind == LLM_CALL)
				return true;
	}
	return false;
}

static bool
has_tools(const struct llm_request *r)
{
	const struct llm_tool *t = r->tools;

	while (t != NULL && t->barred)
		t = t->next;
	return t != NULL;
}

static void
put_tool(struct bedrock_out *o, const struct llm_tool *t)
{
	jw_obj(o->w, NULL);
	jw_obj(o->w, "toolSpec");
	jw_str(o->w, "name", bedrock_tool_name(t->name, o->aim->arena));
	if (!anthropic_blank(t->text)) /* trap 67 */
		jw_str(o->w, "description", t->text);
	jw_obj(o->w, "inputSchema");
	anthropic_put_tool_schema(t, "json", o->w);
	jw_end(o->w);
	jw_end(o->w);
	jw_end(o->w);
	bedrock_put_mark(o, t->cache);
	if (t->strict) /* it refuses most schemas */
		llm_drop(o->aim, "strict");
}

/* Calls in the history need tools, whatever they were (trap 66). */
static void
put_old_tools(struct bedrock_out *o)
{
	struct bedrock_name *seen = NULL, *n;
	const struct anthropic_turn *t;
	const struct anthropic_item *i;
	struct llm_tool tool = { .next = NULL };

	for (t = o->turns; t != NULL; t = t->next)
		for (i = t->rest; i != NULL; i = i->next) {
			if (i->part == NULL || i->part->kind != LLM_CALL)
				continue;
			tool.name = bedrock_tool_name(
			    i->part->call.name, o->aim->arena);
			if (bedrock_name_taken(seen, tool.name))
				continue;
			put_tool(o, &tool);
			n = ARENA_NEW(o->aim->arena, struct bedrock_name);
			*n = (struct bedrock_name){ seen, tool.name };
			seen = n;
		}
	if (seen == NULL) { /* only results are left */
		tool.name = STR("unknown");
		put_tool(o, &tool);
	}
}

/* A forced call goes neither with thoughts nor with all models (trap 89). */
static enum llm_choose
choice_of(const struct bedrock_out *o)
{
	enum llm_choose choose = o->r->choose;

	if ((choose == LLM_ANY || choose == LLM_NAMED) &&
	    (anthropic_thinks(&o->plan) ||
		(o->aim->caps & LLM_WANTS_FREE_CHOICE) != 0)) {
		llm_drop(o->aim, "tool_choice");
		return LLM_AUTO;
	}
	return choose;
}

bool
bedrock_has_own_choice(const struct bedrock_out *o)
{
	return o->claude && o->r->serial && has_tools(o->r) &&
	    o->r->choose != LLM_NONE;
}

void
bedrock_put_own_choice(struct bedrock_out *o)
{
	enum llm_choose choose;

	if (!bedrock_has_own_choice(o))
		return;
	choose = choice_of(o);
	jw_obj(o->w, "tool_choice");
	jw_strc(o->w, "type",
	    choose == LLM_ANY       ? "any" :
		choose == LLM_NAMED ? "tool" :
				      "auto");
	if (choose == LLM_NAMED)
		jw_str(o->w, "name",
		    bedrock_tool_name(o->r->choose_name, o->aim->arena));
	jw_bool(o->w, "disable_parallel_tool_use", true);
	jw_end(o->w);
}

static void
put_choice(struct bedrock_out *o)
{
	enum llm_choose choose = choice_of(o);

	if (choose != LLM_ANY && choose != LLM_NAMED)
		return;
	jw_obj(o->w, "toolChoice");
	jw_obj(o->w, choose == LLM_ANY ? "any" : "tool");
	if (choose == LLM_NAMED)
		jw_str(o->w, "name",
		    bedrock_tool_name(o->r->choose_name, o->aim->arena));
	jw_end(o->w);
	jw_end(o->w);
}

void
bedrock_put_tools(struct bedrock_out *o)
{
	const struct llm_tool *t;
	bool some = has_tools(o->r), old = has_calls(o);

	if (o->r->search.on)
		llm_drop(o->aim, "web_search");
	if (o->r->serial && !o->claude)
		llm_drop(o->aim, "parallel_tool_calls");
	/* There is no "none": without calls before, no tools say the same. */
	if (!old && (!some || o->r->choose == LLM_NONE))
		return;
	jw_obj(o->w, "toolConfig");
	jw_arr(o->w, "tools");
	for (t = o->r->tools; t != NULL; t = t->next)
		if (!t->barred)
			put_tool(o, t);
	if (!some)
		put_old_tools(o);
	jw_end(o->w);
	if (some && !bedrock_has_own_choice(o))
		put_choice(o);
	jw_end(o->w);
}
