/*
 * Tools of a request as they are sent, and how they may be chosen.
 */
#include "dialect/anthropic.h"
#include "dialect/parts.h"

#define TOOL_MAX 128

/* Can it be written without escapes? */
bool
anthropic_plain_key(const char *key)
{
	for (; *key != '\0'; key++)
		if (*key == '"' || *key == '\\' || (unsigned char)*key < ' ')
			return false;
	return true;
}

struct str
anthropic_tool_name(struct str s, struct arena *a)
{
	return parts_tool_name(s, TOOL_MAX, a);
}

void
anthropic_put_tool_schema(
    const struct llm_tool *t, const char *name, struct jw *w)
{
	if (t->custom)
		jw_raw(w, name, CUSTOM_SCHEMA);
	else if (str_is(jx_str(t->schema, "type"), "object"))
		jw_node(w, name, t->schema);
	else if (json_object_is_type(t->schema, json_type_object)) {
		jw_obj(w, name);
		jw_strc(w, "type", "object");
		json_object_object_foreach(t->schema, key, node)
		{
			if (strcmp(key, "type") != 0 &&
			    anthropic_plain_key(key))
				jw_node(w, key, node);
		}
		jw_end(w);
	} else
		jw_raw(w, name, STR("{\"type\":\"object\",\"properties\":{}}"));
}

static void
put_tool(struct anthropic_out *o, const struct llm_tool *t)
{
	jw_obj(o->w, NULL);
	jw_str(o->w, "name", anthropic_tool_name(t->name, o->aim->arena));
	if (t->text.n > 0)
		jw_str(o->w, "description", t->text);
	anthropic_put_tool_schema(t, "input_schema", o->w);
	anthropic_put_mark(o, t->cache);
	jw_end(o->w);
	if (t->strict) /* it refuses most schemas */
		llm_drop(o->aim, "strict");
}

static void
put_known(struct jw *w, const char *key, struct str s)
{
	if (s.n > 0)
		jw_str(w, key, s);
}

static void
put_search(const struct llm_search *s, const struct llm_aim *aim, struct jw *w)
{
	if (s->size.n > 0)
		llm_drop(aim, "search_context_size");
	jw_obj(w, NULL);
	jw_strc(w, "type", "web_search_20250305");
	jw_strc(w, "name", "web_search");
	if (s->max_uses > 0)
		jw_int(w, "max_uses", s->max_uses);
	if (s->allowed != NULL)
		jw_node(w, "allowed_domains", s->allowed);
	else if (s->blocked != NULL) /* never both */
		jw_node(w, "blocked_domains", s->blocked);
	if (s->city.n + s->region.n + s->country.n + s->timezone.n > 0) {
		jw_obj(w, "user_location");
		jw_strc(w, "type", "approximate");
		put_known(w, "city", s->city);
		put_known(w, "region", s->region);
		put_known(w, "country", s->country);
		put_known(w, "timezone", s->timezone);
		jw_end(w);
	}
	jw_end(w);
}

/* A forced call goes neither with thoughts nor with all models (trap 89). */
static void
put_choice(struct anthropic_out *o)
{
	const struct llm_request *r = o->r;
	enum llm_choose choose = r->choose;

	if ((choose == LLM_ANY || choose == LLM_NAMED) &&
	    (o->thinks || (o->aim->caps & LLM_WANTS_FREE_CHOICE) != 0)) {
		choose = LLM_AUTO;
		llm_drop(o->aim, "tool_choice");
	}
	jw_obj(o->w, "tool_choice");
	jw_strc(o->w, "type",
	    choose == LLM_NONE      ? "none" :
		choose == LLM_ANY   ? "any" :
		choose == LLM_NAMED ? "tool" :
				      "auto");
	if (choose == LLM_NAMED)
		jw_str(o->w, "name",
		    anthropic_tool_name(r->choose_name, o->aim->arena));
	if (r->serial && choose != LLM_NONE)
		jw_bool(o->w, "disable_parallel_tool_use", true);
	jw_end(o->w);
}

void
anthropic_put_tools(struct anthropic_out *o)
{
	const struct llm_request *r = o->r;
	const struct llm_tool *t;
	bool search = r->search.on &&
	    ((o->aim->caps & LLM_CAN_SEARCH) != 0 ||
		(r->says & LLM_SAY_SEARCH) != 0);
	int n = search;

	for (t = r->tools; t != NULL; t = t->next)
		n += !t->barred;
	if (r->search.on && !search)
		llm_drop(o->aim, "web_search");
	if (n == 0)
		return;
	jw_arr(o->w, "tools");
	for (t = r->tools; t != NULL; t = t->next)
		if (!t->barred)
			put_tool(o, t);
	if (search)
		put_search(&r->search, o->aim, o->w);
	jw_end(o->w);
	put_choice(o);
}
