/*
 * Images in a request: an https URL, or data whose first bytes are of the type
 * they say (api.md 4.2; trap 106).
 */
#include "dialect/openai.h"

#define SCAN_HEAD 16 /* bytes of an image that tell its type */

/* Types of image that may be sent as data, and how their bytes begin. */
static const struct {
	const char *mime;
	struct str magic;
	struct str later; /* from byte 8 on */
} images[] = {
	{ "png", STR("\x89PNG\r\n\x1a\n"), STR("") },
	{ "jpeg", STR("\xff\xd8\xff"), STR("") },
	{ "jpg", STR("\xff\xd8\xff"), STR("") },
	{ "gif", STR("GIF8"), STR("") },
	{ "webp", STR("RIFF"), STR("WEBP") },
};

static int
b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Check the alphabet of all, decode the first bytes; -1: no base64. */
static int
b64_head(struct str s, unsigned char head[SCAN_HEAD])
{
	uint32_t acc = 0;
	size_t i, n = 0;
	int v;

	while (s.n > 0 && s.p[s.n - 1] == '=')
		s.n--;
	for (i = 0; i < s.n; i++) {
		if ((v = b64_value(s.p[i])) == -1)
			return -1;
		acc = acc << 6 | (uint32_t)v;
		if (i % 4 != 3 || n + 3 > SCAN_HEAD)
			continue;
		head[n++] = (unsigned char)(acc >> 16);
		head[n++] = (unsigned char)(acc >> 8);
		head[n++] = (unsigned char)acc;
	}
	if (n == i / 4 * 3 && i % 4 == 3 && n + 2 <= SCAN_HEAD) {
		head[n++] = (unsigned char)(acc >> 10);
		head[n++] = (unsigned char)(acc >> 2);
	} else if (n == i / 4 * 3 && i % 4 == 2 && n < SCAN_HEAD)
		head[n++] = (unsigned char)(acc >> 4);
	return i % 4 == 1 ? -1 : (int)n;
}

static bool
begins(const unsigned char *head, struct str magic, size_t at)
{
	return magic.n == 0 || memcmp(head + at, magic.p, magic.n) == 0;
}

const char *
openai_image_type(struct str bytes)
{
	unsigned char head[SCAN_HEAD] = { 0 };
	size_t i;

	memcpy(head, bytes.p, bytes.n < SCAN_HEAD ? bytes.n : SCAN_HEAD);
	for (i = 0; i < NROWS(images); i++)
		if (begins(head, images[i].magic, 0) &&
		    begins(head, images[i].later, 8))
			return images[i].mime;
	return NULL;
}

static enum openai_image_fault
data_fault(struct str s, const char **type)
{
	unsigned char head[SCAN_HEAD] = { 0 };
	struct str mime;
	size_t i;

	s.p += strlen("data:");
	s.n -= strlen("data:");
	mime = str_split(&s, ',');
	if (s.p == NULL || !str_starts(mime, "image/"))
		return OPENAI_IMAGE_FORM;
	mime.p += strlen("image/");
	mime.n -= strlen("image/");
	for (i = 0; i < NROWS(images); i++)
		if (mime.n == strlen(images[i].mime) + strlen(";base64") &&
		    str_starts(mime, images[i].mime) &&
		    str_is((struct str){ mime.p + strlen(images[i].mime),
			       strlen(";base64") },
			";base64"))
			break;
	if (i == NROWS(images))
		return OPENAI_IMAGE_FORM;
	*type = images[i].mime;
	if (b64_head(s, head) == -1 || s.n == 0)
		return OPENAI_IMAGE_BASE64;
	return begins(head, images[i].magic, 0) &&
		begins(head, images[i].later, 8) ?
	    OPENAI_IMAGE_GOOD :
	    OPENAI_IMAGE_BYTES;
}

enum openai_image_fault
openai_image_fault(struct str url, const char **type)
{
	*type = NULL;
	if (str_starts(url, "data:"))
		return data_fault(url, type);
	return url.n > 8 && strncasecmp(url.p, "https://", 8) == 0 ?
	    OPENAI_IMAGE_GOOD :
	    OPENAI_IMAGE_FORM;
}

static int
bad_image(struct jcheck *c, const char *why)
{
	jcheck_fail(c, "%s", why);
	c->err->code = ERR_BAD_IMAGE;
	return -1;
}

int
openai_check_image(struct jcheck *c, struct str raw)
{
	struct check_seen *seen = c->arg;
	struct str s = jscan_text(raw, c->arena);
	const char *type;

	seen->images++;
	seen->text_not += raw.n - 2;
	switch (openai_image_fault(s, &type)) {
	case OPENAI_IMAGE_GOOD:
		if (type == NULL)
			c->marks |= LLM_SAY_URL;
		return 0;
	case OPENAI_IMAGE_BASE64:
		return bad_image(c, "is not base64");
	case OPENAI_IMAGE_BYTES:
		return bad_image(c, "the bytes are not of the type they say");
	case OPENAI_IMAGE_FORM:
		break;
	}
	return jcheck_fail(c,
	    str_starts(s, "data:") ?
		"must be an https URL or "
		"data:image/(png|jpeg|jpg|gif|webp);base64" :
		"must be an https URL or image data");
}
