#include <stdint.h>

#include "frames.h"

/* Bit by bit, to be another one than that of the program. */
static uint32_t
crc(struct str s)
{
	uint32_t v = UINT32_MAX;
	size_t i;
	int k;

	for (i = 0; i < s.n; i++) {
		v ^= (unsigned char)s.p[i];
		for (k = 0; k < 8; k++)
			v = v >> 1 ^ ((v & 1) != 0 ? 0xedb88320 : 0);
	}
	return ~v;
}

static void
add32(struct buf *b, uint32_t v)
{
	int i;

	for (i = 24; i >= 0; i -= 8)
		buf_addc(b, (char)(v >> i));
}

static void
add_header(struct buf *b, const char *name, struct str value)
{
	buf_addc(b, (char)strlen(name));
	buf_add(b, str_from(name));
	buf_addc(b, 7);
	buf_addc(b, (char)(value.n >> 8));
	buf_addc(b, (char)value.n);
	buf_add(b, value);
}

void
frames_add(struct buf *out, struct str event, struct str payload)
{
	struct buf h = BUF_LIMIT(4096), b = BUF_LIMIT(1 << 24);

	add_header(&h, ":event-type", event);
	add_header(&h, ":content-type", STR("application/json"));
	add_header(&h, ":message-type", STR("event"));
	add32(&b, (uint32_t)(16 + h.n + payload.n));
	add32(&b, (uint32_t)h.n);
	add32(&b, crc(buf_str(&b)));
	buf_add(&b, buf_str(&h));
	buf_add(&b, payload);
	add32(&b, crc(buf_str(&b)));
	buf_add(out, buf_str(&b));
	buf_free(&h);
	buf_free(&b);
}

void
frames_of(struct str lines, struct buf *out)
{
	struct str line, event;

	while (lines.p != NULL) {
		line = str_split(&lines, '\n');
		event = str_split(&line, ' ');
		if (event.n > 0)
			frames_add(out, event, line);
	}
}
