#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "http/url.h"
#include "json/jscan.h"
#include "provider/image.h"
#include "provider/option.h"
#include "provider/place.h"

#define PATH_DEFAULT "/v1/chat/completions"
#define RESPONSES_DEFAULT "/v1/responses"

/* What option.c let pass: small letters for what the variable has in capitals. */
static const char *
option(const struct load *l, const char *name)
{
	struct str v;
	char *key;

	if (l->options.n == 0)
		return NULL;
	key = arena_cstr(l->arena, str_from(name));
	for (char *p = key; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	v = option_text(jscan_at(l->options, key), l->arena);
	return v.n == 0 ? NULL : arena_cstr(l->arena, v);
}

/* Whole names are the environment's alone. */
const char *
place_env(const struct load *l, const char *name)
{
	const char *v = l->own ? NULL : getenv(name);

	return given(v) ? v : NULL;
}

const char *
place_variable(const struct load *l, const char *name)
{
	if (l->own)
		return option(l, name);
	return place_env(
	    l, arena_fmt(l->arena, "%.*s%s", STR_ARG(l->env), name).p);
}

struct str
place_insecure(const struct load *l)
{
	static const char usual[] = "localhost,127.0.0.0/8,::1";
	const char *list = l->conf->insecure_hosts;

	return l->own && strcmp(list, usual) == 0 ? STR("") : str_from(list);
}

extern char **environ;

int
place_each_region(
    const struct load *l, place_region_fn *fn, void *arg, struct err *e)
{
	struct str head = arena_fmt(l->arena, "%.*sAPI_KEY__", STR_ARG(l->env));
	struct str rest, name;
	char **v, *region;
	size_t i;

	if (l->own)
		return 0;
	for (v = environ; *v != NULL; v++) {
		rest = str_from(*v);
		name = str_split(&rest, '=');
		if (!str_starts(name, head.p) || name.n == head.n ||
		    rest.n == 0)
			continue;
		name.p += head.n;
		name.n -= head.n;
		region = arena_cstr(l->arena, name);
		for (i = 0; i < name.n; i++)
			region[i] = region[i] == '_' ?
			    '-' :
			    (char)tolower((unsigned char)region[i]);
		if (fn(arg, str_from(region), rest.p, e) == -1)
			return -1;
	}
	return 0;
}

/*
 * May a key go there?  Where only the operator can have written the URL, the
 * networks that are his own need no entry in insecure_hosts.
 */
static int
check_base(const struct load *l, struct str text, const char *source, bool own,
    struct err *e)
{
	struct url url;

	if (url_parse(text, &url, e) == -1)
		return err_set(e, ERR_CONFIG, "%s: %.900s", source, e->msg);
	if (url.tls ||
	    url_host_in(str_from(l->conf->insecure_hosts), url.host) ||
	    (own && url_host_private(url.host)))
		return 0;
	return err_set(e, ERR_CONFIG,
	    "%s: http is only for hosts in insecure_hosts", source);
}

static bool
is_label(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 63 &&
	    strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-") == n;
}

/* The row's base URL, {resource} filled in; absent if that is not set. */
static int
row_base(const struct load *l, struct str *out, struct err *e)
{
	static const char mark[] = "{resource}";
	const char *base, *at, *v;

	*out = STR_NONE;
	if (l->row == NULL || (base = l->row->base_url) == NULL)
		return 0;
	if (l->row->needs_env == NULL) {
		*out = str_from(base);
		return 0;
	}
	v = l->own ? option(l, "resource") :
		     place_env(l, l->row->needs_env);
	if (!given(v))
		return 0;
	if (!is_label(v))
		return err_set(e, ERR_CONFIG,
		    "%s: must be letters, digits and dashes",
		    l->row->needs_env);
	at = strstr(base, mark);
	assert(at != NULL);
	*out = arena_fmt(l->arena, "%.*s%s%s", (int)(at - base), base, v,
	    at + sizeof(mark) - 1);
	return 0;
}

int
place_base(const struct load *l, struct err *e)
{
	const char *v = place_variable(l, "BASE_URL"),
		   *source = "built-in base URL";
	bool own = true;

	if (l->own && l->u->base_url.n > 0)
		return 0; /* checked by own.c */
	if (v != NULL) {
		own = false;
		source = arena_fmt(l->arena, "%.*sBASE_URL", STR_ARG(l->env)).p;
		l->u->base_url = arena_dup(l->arena, str_from(v));
	} else if (l->section != NULL && given(l->section->base_url)) {
		source = arena_fmt(l->arena, "%s: base_url", l->where).p;
		l->u->base_url = str_from(l->section->base_url);
	} else if (str_is(l->u->id, "sim")) {
		source = "sim_url";
		l->u->base_url = str_from(l->conf->sim_url);
	} else if (row_base(l, &l->u->base_url, e) == -1)
		return -1;
	if (l->u->base_url.n == 0 && l->row == NULL)
		return err_set(e, ERR_CONFIG,
		    "%s: [provider %.*s] needs a base_url", l->where,
		    STR_ARG(l->u->id));
	if (l->u->base_url.n == 0)
		return 0;
	return check_base(l, l->u->base_url, source, own, e);
}

static bool
is_path(const char *p)
{
	if (*p != '/')
		return false;
	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '#')
			return false;
	return true;
}

/*
 * Azure has two forms: v1 takes no dated version, deployments need one
 * (wire.md section 3).
 */
static const char *
azure_path(const struct load *l)
{
	const char *type = place_variable(l, "DEPLOYMENT_TYPE");
	const char *version = place_variable(l, "API_VERSION");

	if (type != NULL && strcmp(type, "openai") == 0)
		return arena_fmt(l->arena,
		    "/openai/deployments/{model}/chat/completions"
		    "?api-version=%s",
		    version == NULL ? "2024-10-21" : version)
		    .p;
	if (version == NULL || isdigit((unsigned char)*version))
		return l->row->path;
	return arena_fmt(l->arena, "%s?api-version=%s", l->row->path, version)
	    .p;
}

/* The row's path with the api-version that the environment asks for. */
static const char *
row_path(const struct load *l)
{
	const char *path = l->row->path, *v = NULL, *q;

	if (path == NULL) /* its ways have their own */
		return PATH_DEFAULT;
	q = strchr(path, '=');
	if (strcmp(l->row->id, "azure") == 0)
		return azure_path(l);
	if (l->row->version_env != NULL)
		v = l->own ? option(l, "api_version") :
			     place_env(l, l->row->version_env);
	if (!given(v) || q == NULL)
		return path;
	return arena_fmt(l->arena, "%.*s%s", (int)(q + 1 - path), path, v).p;
}

int
place_path(const struct load *l, struct err *e)
{
	const char *path = PATH_DEFAULT;
	struct way *w = l->u->ways;

	if ((l->row == NULL || l->row->ways != NULL) && w[0].path != NULL)
		path = w[0].path;
	else if (w[0].dialect == &dialect_openai_responses)
		path = RESPONSES_DEFAULT;
	else if (l->row != NULL)
		path = row_path(l);
	if (l->section != NULL && given(l->section->path)) {
		path = l->section->path;
		w[0].stream_path = NULL;
		l->u->nways = 1;
	}
	if (!is_path(path))
		return err_set(e, ERR_CONFIG, "%s: bad path \"%.100s\"",
		    l->where == NULL ? l->u->id.p : l->where, path);
	w[0].path = path;
	return 0;
}

void
place_responses(const struct load *l)
{
	const char *use = place_variable(l, "USE_RESPONSES_API");
	const char *version = place_variable(l, "API_VERSION"), *path, *q;
	struct upstream *u = l->u;
	struct way *chat = &u->ways[0];

	if (l->row == NULL || (path = l->row->responses) == NULL ||
	    (l->section != NULL &&
		(given(l->section->path) || given(l->section->dialect))) ||
	    (use != NULL && strcmp(use, "false") == 0))
		return;
	q = strchr(path, '=');
	if (q != NULL && version != NULL && !isdigit((unsigned char)*version))
		path = arena_fmt(
		    l->arena, "%.*s%s", (int)(q + 1 - path), path, version)
			   .p;
	chat->without = LLM_WANTS_RESPONSES;
	u->ways[u->nways++] =
	    (struct way){ .dialect = &dialect_openai_responses, .path = path };
}

void
place_embed(const struct load *l)
{
	static const char chat[] = "/chat/completions";
	struct upstream *u = l->u;
	const char *at;
	int i;

	for (i = 0; i < u->nways; i++)
		if (u->ways[i].dialect == &dialect_openai_chat)
			break;
	if (i == u->nways || u->nways == WAYS_MAX ||
	    (at = strstr(u->ways[i].path, chat)) == NULL)
		return;
	u->ways[u->nways++] = (struct way){ .dialect = &dialect_openai_embed,
		.path = arena_fmt(l->arena, "%.*s/embeddings%s",
		    (int)(at - u->ways[i].path), u->ways[i].path,
		    at + sizeof(chat) - 1)
			    .p };
}

/* A way, if there is room and a path. */
static void
add_images(struct upstream *u, const struct way *w)
{
	if (u->nways < WAYS_MAX && w->path != NULL)
		u->ways[u->nways++] = *w;
}

/* The path of chats with another end, or NULL. */
static const char *
beside_chat(const struct load *l, const struct way *chat, const char *end)
{
	static const char name[] = "/chat/completions";
	const char *at = strstr(chat->path, name);

	return at == NULL ?
	    NULL :
	    arena_fmt(l->arena, "%.*s/images/%s%s", (int)(at - chat->path),
		chat->path, end, at + sizeof(name) - 1)
		.p;
}

/* Deployments know images since a later version than that of chats. */
static const char *
dated(const struct load *l, const char *path)
{
	const char *q = path == NULL ? NULL : strchr(path, '?');

	if (q == NULL || strstr(path, "/deployments/") == NULL ||
	    place_variable(l, "API_VERSION") != NULL)
		return path;
	return arena_fmt(l->arena, "%.*s?api-version=2025-04-01-preview",
	    (int)(q - path), path)
	    .p;
}

/* Deployments have them beside their chats, and v1 of a dated version, too. */
static bool
is_moved(const struct load *l, const struct way *chat)
{
	return strcmp(chat->path, l->row->path) != 0;
}

void
place_images(const struct load *l)
{
	const struct provider *row = l->row;
	struct upstream *u = l->u;
	const struct way *chat = &u->ways[0];
	/* Who serves what nobody described may have them, too. */
	bool own = row == NULL || row->any_model;
	struct way w = { .without = LLM_CAN_CHAT };

	if (chat->dialect != &dialect_openai_chat)
		return;
	if (row != NULL && row->images != NULL && !is_moved(l, chat)) {
		own = false;
		w.path = row->images;
	} else if (own || (row != NULL && row->images != NULL))
		w.path = dated(l, beside_chat(l, chat, "generations"));
	if (row != NULL) {
		w.image = row->image;
		w.one = row->one_image;
		w.links = row->image != NULL && row->image->b64 == NULL &&
		    row->edits == NULL;
	}
	/* GPT image has no URLs, and nobody else has streams. */
	if (w.image != NULL)
		w.deaf = w.image->b64 == NULL && row->edits != NULL ?
		    LLM_SAY_LINK :
		    LLM_SAY_PARTIAL;
	if (own || (row != NULL && row->edits != NULL)) {
		struct way edits = w;

		edits.dialect = &dialect_openai_edits;
		edits.path = own || is_moved(l, chat) ?
		    dated(l, beside_chat(l, chat, "edits")) :
		    row->edits;
		add_images(u, &edits);
	}
	w.dialect = &dialect_openai_images;
	add_images(u, &w);
	add_images(u,
	    &(struct way){ .dialect = &dialect_chat_image,
		.path = chat->path,
		.with = LLM_CAN_CHAT | LLM_CAN_DRAW,
		.one = true });
}
