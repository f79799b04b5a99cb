/* Files and images by the type that their first bytes tell. */
#include "domain/guard_parts.h"

#define MAX_BYTES INT64_C(10485760)

static const struct {
	const char *mime;
	struct str magic;
	struct str later; /* from byte 8 on */
} types[] = {
	{ "image/png", STR("\x89PNG\r\n\x1a\n"), STR("") },
	{ "image/jpeg", STR("\xff\xd8\xff"), STR("") },
	{ "image/gif", STR("GIF8"), STR("") },
	{ "image/webp", STR("RIFF"), STR("WEBP") },
	{ "audio/wav", STR("RIFF"), STR("WAVE") },
	{ "application/pdf", STR("%PDF-"), STR("") },
	{ "application/zip", STR("PK\x03\x04"), STR("") },
	{ "application/gzip", STR("\x1f\x8b"), STR("") },
	{ "application/x-msdownload", STR("MZ"), STR("") },
	{ "application/x-executable",
	    STR("\x7f"
		"ELF"),
	    STR("") },
	{ "application/x-7z-compressed", STR("7z\xbc\xaf\x27\x1c"), STR("") },
	{ "application/vnd.ms-office", STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
	    STR("") },
	{ "image/bmp", STR("BM"), STR("") },
	{ "image/tiff", STR("II*\0"), STR("") },
	{ "image/tiff", STR("MM\0*"), STR("") },
	{ "image/svg+xml", STR("<svg"), STR("") },
	{ "text/html", STR("<!DOCTYPE html"), STR("") },
	{ "text/xml", STR("<?xml"), STR("") },
	{ "text/x-shellscript", STR("#!"), STR("") },
};

const char *
guard_file_type(struct str s)
{
	for (size_t i = 0; i < NROWS(types); i++)
		if (s.n >= types[i].magic.n && s.n >= 8 + types[i].later.n &&
		    memcmp(s.p, types[i].magic.p, types[i].magic.n) == 0 &&
		    memcmp(s.p + 8, types[i].later.p, types[i].later.n) == 0)
			return types[i].mime;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' &&
		    (s.p[i] < '\t' || s.p[i] > '\r'))
			return "application/octet-stream";
	return "text/plain";
}

static int
add_type(struct guard_build *b, struct str text, struct str member, void *arg,
    struct err *e)
{
	struct guard_files *f = arg;

	(void)e;
	(void)member;
	f->types[f->n++] = arena_dup(b->arena, text);
	return 0;
}

int
guard_build_files(struct guard_build *b, struct err *e)
{
	static const struct str usual[] = { STR("image/jpeg"), STR("image/png"),
		STR("image/gif"), STR("image/webp") };
	struct guard_files *f = ARENA_NEW(b->arena, struct guard_files);
	struct str max = jscan_at(b->rule->config, "max_bytes");

	f->rule = b->number;
	f->max_bytes = MAX_BYTES;
	if (guard_members(b->rule, "allowed_types max_bytes", e) == -1)
		return -1;
	if (max.p != NULL &&
	    (!jscan_int(max, &f->max_bytes) || f->max_bytes < 1))
		return guard_bad(e, STR("max_bytes"), "must be from 1 on");
	if (guard_each(
		b, "allowed_types", (int)NROWS(f->types), add_type, f, e) == -1)
		return -1;
	for (size_t i = 0; f->n == 0 && i < NROWS(usual); i++)
		memcpy(f->types, usual, sizeof(usual));
	if (f->n == 0)
		f->n = (int)NROWS(usual);
	f->next = b->files;
	b->files = f;
	return 0;
}

bool
guard_file(struct guard_verdict *v, struct str head, size_t size)
{
	struct str type = str_from(guard_file_type(head));
	enum guard_action action;
	bool gone = false;

	for (const struct guard_files *f = v->set->files; f != NULL;
	     f = f->next) {
		bool known = false;

		if ((v->set->rules[f->rule].direction & v->direction) == 0)
			continue;
		for (int i = 0; i < f->n; i++)
			known |= str_eq(type, f->types[i]);
		if (known && size <= (size_t)f->max_bytes)
			continue;
		action = guard_note(
		    v, f->rule, known ? "file_size" : "file_type", 1);
		gone |= action == GUARD_REDACT;
	}
	return gone;
}
