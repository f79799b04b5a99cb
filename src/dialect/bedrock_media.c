/*
 * Images, documents, sound and films: a format, and bytes in base64.
 */
#include "base/b64.h"
#include "dialect/bedrock.h"
#include "dialect/parts.h"

#define NAME_MAX_LEN 200
#define TEXT_MAX ((size_t)48 * 1024 * 1024)

static const struct {
	const char *member; /* "image" */
	const char *mime;
	const char *ext; /* of a file's name; documents only */
	const char *format;
} formats[] = {
	{ "image", "image/png", NULL, "png" },
	{ "image", "image/jpeg", NULL, "jpeg" },
	{ "image", "image/jpg", NULL, "jpeg" },
	{ "image", "image/gif", NULL, "gif" },
	{ "image", "image/webp", NULL, "webp" },
	{ "document", "application/pdf", ".pdf", "pdf" },
	{ "document", "text/csv", ".csv", "csv" },
	{ "document", "application/msword", ".doc", "doc" },
	{ "document",
	    "application/vnd.openxmlformats-officedocument.wordprocessingml."
	    "document",
	    ".docx", "docx" },
	{ "document", "application/vnd.ms-excel", ".xls", "xls" },
	{ "document",
	    "application/vnd.openxmlformats-officedocument.spreadsheetml."
	    "sheet",
	    ".xlsx", "xlsx" },
	{ "document", "text/html", ".html", "html" },
	{ "document", "text/markdown", ".md", "md" },
	{ "document", "text/plain", ".txt", "txt" },
	{ "audio", "audio/mp3", NULL, "mp3" },
	{ "audio", "audio/mpeg", NULL, "mp3" },
	{ "audio", "audio/wav", NULL, "wav" },
	{ "audio", "audio/x-wav", NULL, "wav" },
	{ "audio", "audio/flac", NULL, "flac" },
	{ "audio", "audio/ogg", NULL, "ogg" },
	{ "audio", "audio/opus", NULL, "opus" },
	{ "audio", "audio/aac", NULL, "aac" },
	{ "audio", "audio/mp4", NULL, "m4a" },
	{ "audio", "audio/webm", NULL, "webm" },
	{ "video", "video/mp4", NULL, "mp4" },
	{ "video", "video/quicktime", NULL, "mov" },
	{ "video", "video/x-matroska", NULL, "mkv" },
	{ "video", "video/webm", NULL, "webm" },
	{ "video", "video/x-flv", NULL, "flv" },
	{ "video", "video/mpeg", NULL, "mpeg" },
	{ "video", "video/x-ms-wmv", NULL, "wmv" },
	{ "video", "video/3gpp", NULL, "three_gp" },
};

static bool
ends_with(struct str s, const char *tail)
{
	size_t n = strlen(tail);

	return s.n >= n && strncasecmp(s.p + s.n - n, tail, n) == 0;
}

/* The row of a part, or -1. */
static int
find_format(const struct llm_part *p)
{
	size_t i;

	for (i = 0; i < NROWS(formats); i++)
		if (str_is_nocase(p->media.mime, formats[i].mime))
			return (int)i;
	for (i = 0; i < NROWS(formats); i++)
		if (formats[i].ext != NULL &&
		    (ends_with(p->media.name, formats[i].ext) ||
			(p->media.text.p != NULL &&
			    strcmp(formats[i].ext, ".txt") == 0)))
			return (int)i;
	return -1;
}

bool
bedrock_name_taken(const struct bedrock_name *n, struct str name)
{
	while (n != NULL && !str_eq(n->name, name))
		n = n->next;
	return n != NULL;
}

/*
 * Letters, digits, blanks one at a time, hyphens, round and square brackets;
 * and no name twice in a request (trap 70).
 */
static struct str
clean_name(struct bedrock_out *o, struct str name)
{
	struct bedrock_name *taken =
	    ARENA_NEW(o->aim->arena, struct bedrock_name);
	char *p = arena_zalloc(o->aim->arena, NAME_MAX_LEN + 1);
	struct str clean = { p, 0 }, one;
	size_t i;
	int k;

	for (i = 0; i < name.n && clean.n < NAME_MAX_LEN; i++) {
		char c = name.p[i];
		bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') ||
		    (c != '\0' && strchr("-()[]", c) != NULL);

		if (good)
			p[clean.n++] = c;
		else if (clean.n > 0 && p[clean.n - 1] != ' ')
			p[clean.n++] = ' ';
	}
	clean = str_trim(clean);
	if (clean.n == 0)
		clean = STR("document");
	one = clean;
	for (k = 2; bedrock_name_taken(o->names, one); k++)
		one = arena_fmt(o->aim->arena, "%.*s %d",
		    clean.n > NAME_MAX_LEN - 12 ? NAME_MAX_LEN - 12 :
						  (int)clean.n,
		    clean.p, k);
	*taken = (struct bedrock_name){ o->names, one };
	o->names = taken;
	return one;
}

static void
put_bytes(const struct llm_part *p, struct jw *w)
{
	struct buf b = BUF_LIMIT(TEXT_MAX);

	jw_obj(w, "source");
	if (p->media.data.p == NULL)
		b64_encode(p->media.text, &b);
	jw_str(
	    w, "bytes", p->media.data.p != NULL ? p->media.data : buf_str(&b));
	jw_end(w);
	buf_free(&b);
}

int
bedrock_put_media(struct bedrock_out *o, const struct llm_part *p)
{
	int i = find_format(p);

	if (i == -1 || (p->media.data.p == NULL && p->media.text.p == NULL)) {
		o->e->param = STR("messages");
		return err_set(o->e, ERR_BAD_PARAM,
		    "Invalid request parameters: messages: %s cannot be sent "
		    "to this provider",
		    p->media.data.p != NULL   ? "a file of this type" :
			parts_is(p, "image/") ? "image_url with a URL" :
						"a file by URL or id");
	}
	if (p->media.detail.n > 0)
		llm_drop(o->aim, "detail");
	jw_obj(o->w, NULL);
	jw_obj(o->w, formats[i].member);
	jw_strc(o->w, "format", formats[i].format);
	if (strcmp(formats[i].member, "document") == 0)
		jw_str(o->w, "name", clean_name(o, p->media.name));
	put_bytes(p, o->w);
	jw_end(o->w);
	jw_end(o->w);
	return 0;
}
