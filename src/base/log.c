#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define VALUE_MAX 512   /* bytes of a field, before escaping */
#define PROSE_MAX 2048  /* of log_say() */
#define LINE_MAX_ 65536 /* more than any line of ours can need */

static const char *const words[] = { "error", "warn", "info", "debug" };

int
log_open(struct log *l, const char *program, const char *level,
    const char *file, struct err *e)
{
	size_t i;

	*l = (struct log){ .fd = STDERR_FILENO };
	snprintf(l->program, sizeof(l->program), "%s", program);
	for (i = 0; i < NROWS(words) && strcmp(level, words[i]) != 0; i++)
		;
	if (i == NROWS(words))
		return err_set(e, ERR_CONFIG, "no log level \"%s\"", level);
	l->level = (enum log_level)i;
	if (file == NULL || file[0] == '\0')
		return 0;
	l->fd = open(
	    file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (l->fd == -1) {
		l->fd = STDERR_FILENO;
		return err_set(e, ERR_CONFIG, "%s: %m", file);
	}
	return 0;
}

void
log_close(struct log *l)
{
	if (l->fd > STDERR_FILENO)
		close(l->fd);
	l->fd = STDERR_FILENO;
}

/* Length of the UTF-8 character at p, 0 if it is broken or a control. */
static size_t
good_char(const unsigned char *p, size_t n)
{
	static const unsigned min[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned c = p[0];
	size_t len, i;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	len = c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
	if (len == 0 || len > n || c >= 0xf8)
		return 0;
	c &= 0x7fu >> len;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < min[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    c < 0xa0)
		return 0;
	return len;
}

/* Quoted, everything that could end the value or the line escaped. */
static void
add_quoted(struct buf *b, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i, len;

	buf_addc(b, '"');
	for (i = 0; i < s.n; i += len) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(b, '\\');
		len = good_char(p + i, s.n - i);
		if (len > 0) {
			buf_add(b, (struct str){ s.p + i, len });
			continue;
		}
		len = 1;
		if (s.p[i] == '\n')
			buf_add(b, STR("\\n"));
		else
			buf_fmt(b, "\\x%02x", p[i]);
	}
	buf_addc(b, '"');
}

/* Words of these need no quotes. */
static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' ||
		    s.p[i] == '=' || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

static void
add_key(struct buf *b, const char *key)
{
	if (b->n > 0)
		buf_addc(b, ' ');
	buf_add(b, str_from(key));
	buf_addc(b, '=');
}

static void
add_value(struct logline *l, const char *key, struct str s, size_t max)
{
	if (l->off || s.p == NULL)
		return;
	if (s.n > max)
		s.n = max;
	add_key(&l->b, key);
	if (is_plain(s))
		buf_add(&l->b, s);
	else
		add_quoted(&l->b, s);
}

void
logline_start(struct logline *l, const struct log *log, enum log_level level)
{
	char t[CLOCK_TEXT];

	*l = (struct logline){ .b = BUF_LIMIT(LINE_MAX_),
		.off = level > log->level };
	if (l->off)
		return;
	clock_text(clock_wall_ms(), t);
	logline_str(l, "t", str_from(t));
	logline_str(l, "level", str_from(words[level]));
	logline_str(l, "program", str_from(log->program));
}

void
logline_str(struct logline *l, const char *key, struct str s)
{
	add_value(l, key, s, VALUE_MAX);
}

void
logline_int(struct logline *l, const char *key, int64_t v)
{
	if (l->off)
		return;
	add_key(&l->b, key);
	buf_int(&l->b, v);
}

struct str
logline_end(struct logline *l)
{
	if (l->off)
		return STR_NONE;
	buf_addc(&l->b, '\n');
	return buf_str(&l->b);
}

void
logline_free(struct logline *l)
{
	buf_free(&l->b);
}

/* A full disk or a reader that is gone costs lines and is counted (F49). */
void
log_write(struct log *log, struct str lines)
{
	ssize_t n;

	if (lines.n == 0)
		return;
	do
		n = write(log->fd, lines.p, lines.n);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)lines.n)
		__atomic_fetch_add(&log->dropped, 1, __ATOMIC_RELAXED);
}

void
logline_write(struct logline *l, struct log *log)
{
	log_write(log, logline_end(l));
	logline_free(l);
}

void
log_say(struct log *log, enum log_level level, const char *fmt, ...)
{
	char text[PROSE_MAX + 1];
	struct logline l;
	va_list ap;

	logline_start(&l, log, level);
	if (!l.off) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		add_value(&l, "msg", str_from(text), PROSE_MAX);
	}
	logline_write(&l, log);
}
