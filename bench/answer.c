#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bench/answer.h"

void
answer_reset(struct answer *r, bool stream, answer_fn *fn, void *arg)
{
	memset(r, 0, offsetof(struct answer, p));
	r->stream = stream;
	r->on_piece = fn;
	r->arg = arg;
}

static void
hold(struct answer *r, const char *p, size_t n)
{
	if (n > ANSWER_HELD - r->n) {
		r->too_long = true;
		n = ANSWER_HELD - r->n;
	}
	memcpy(r->p + r->n, p, n);
	r->n += n;
}

/* "#NUMBER:MICROSECONDS;", as the mock writes it. */
static void
read_stamp(struct answer *r, const char *line)
{
	const char *p = strchr(line, '#');
	char *end;
	int seq;
	int64_t us;

	if (p == NULL)
		return;
	seq = (int)strtol(p + 1, &end, 10);
	if (*end != ':')
		return;
	us = strtoll(end + 1, &end, 10);
	if (*end != ';')
		return;
	if (seq != r->seq + 1 || r->finish || r->done)
		r->disorder = true;
	r->seq = seq;
	r->on_piece(r->arg, us);
}

/* The line is in r->p.  Comments and event names are not looked at. */
static void
on_line(struct answer *r)
{
	r->p[r->n] = '\0';
	r->n = 0;
	if (strncmp(r->p, "data:", 5) != 0)
		return;
	if (r->done)
		r->disorder = true;
	if (strstr(r->p, "[DONE]") != NULL)
		r->done = true;
	read_stamp(r, r->p);
	if (strstr(r->p, "\"finish_reason\":\"stop\"") != NULL ||
	    strstr(r->p, "\"finish_reason\": \"stop\"") != NULL)
		r->finish = true;
	if (strstr(r->p, "\"total_tokens\"") != NULL)
		r->usage = true;
}

static void
on_body(struct answer *r, const char *p, size_t n)
{
	const char *nl;

	if (!r->stream || r->status != 200) {
		hold(r, p, n);
		return;
	}
	while ((nl = memchr(p, '\n', n)) != NULL) {
		hold(r, p, (size_t)(nl - p));
		on_line(r);
		n -= (size_t)(nl - p) + 1;
		p = nl + 1;
	}
	hold(r, p, n);
}

static bool
head_says(const char *head, const char *field)
{
	return strcasestr(head, field) != NULL;
}

/* The head is in r->p. */
static void
on_head(struct answer *r)
{
	const char *p;

	r->p[r->n] = '\0';
	r->n = 0;
	r->status = (int)strtol(r->p + strcspn(r->p, " \r"), NULL, 10);
	r->close = head_says(r->p, "\r\nconnection: close") ||
	    (strncmp(r->p, "HTTP/1.0", 8) == 0 &&
		!head_says(r->p, "\r\nconnection: keep-alive"));
	r->chunked = head_says(r->p, "\r\ntransfer-encoding: chunked");
	p = strcasestr(r->p, "\r\ncontent-length:");
	r->left = p == NULL || r->chunked ? 0 : strtoll(p + 17, NULL, 10);
	r->to_eof = p == NULL && !r->chunked;
	if (r->to_eof)
		r->close = true;
	if (r->chunked)
		r->state = ANSWER_SIZE;
	else if (!r->to_eof && r->left <= 0)
		r->state = ANSWER_DONE;
	else
		r->state = ANSWER_BODY;
	if (r->status == 100)
		r->state = ANSWER_HEAD;
}

/* How many of the n bytes belonged to the head. */
static size_t
feed_head(struct answer *r, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		hold(r, p + i, 1);
		if (p[i] == '\n' && r->n >= 4 &&
		    memcmp(r->p + r->n - 4, "\r\n\r\n", 4) == 0) {
			on_head(r);
			return i + 1;
		}
	}
	return n;
}

static size_t
feed_body(struct answer *r, const char *p, size_t n)
{
	if (!r->to_eof && (int64_t)n > r->left)
		n = (size_t)r->left;
	on_body(r, p, n);
	r->left -= (int64_t)n;
	if (!r->to_eof && r->left == 0)
		r->state = r->chunked ? ANSWER_DATA_END : ANSWER_DONE;
	return n;
}

static int
hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* One byte of what stands between the chunks. */
static void
feed_frame(struct answer *r, char c)
{
	if (r->state == ANSWER_SIZE && isxdigit((unsigned char)c) &&
	    r->left < INT64_C(1) << 32)
		r->left = r->left * 16 + hex(c);
	else if (r->state == ANSWER_SIZE && c == '\n')
		r->state = r->left > 0 ? ANSWER_DATA : ANSWER_TRAILER;
	else if (r->state == ANSWER_DATA_END && c == '\n')
		r->state = ANSWER_SIZE;
	else if (r->state == ANSWER_TRAILER && c == '\n' && r->left == 0)
		r->state = ANSWER_DONE;
	else if (r->state == ANSWER_TRAILER && c != '\r')
		r->left = c != '\n'; /* a trailer line has begun, or ended */
}

bool
answer_feed(struct answer *r, const char *p, size_t n)
{
	size_t k;

	while (n > 0 && r->state != ANSWER_DONE) {
		k = 1;
		if (r->state == ANSWER_HEAD)
			k = feed_head(r, p, n);
		else if (r->state == ANSWER_BODY || r->state == ANSWER_DATA)
			k = feed_body(r, p, n);
		else
			feed_frame(r, *p);
		p += k;
		n -= k;
	}
	return r->state == ANSWER_DONE;
}

bool
answer_eof(struct answer *r)
{
	if (r->state != ANSWER_BODY || !r->to_eof)
		return false;
	r->state = ANSWER_DONE;
	return true;
}

static const char *
plain_fault(const struct answer *r)
{
	if (r->n < 2 || r->p[0] != '{' || strchr("}\n", r->p[r->n - 1]) == NULL)
		return "not one object";
	if (memmem(r->p, r->n, "A mock answer. ", 15) == NULL ||
	    memmem(r->p, r->n, "which one mattered. ", 20) == NULL)
		return "text missing";
	if (memmem(r->p, r->n, "\"total_tokens\"", 14) == NULL)
		return "usage missing";
	if (memmem(r->p, r->n, "\"finish_reason\"", 15) == NULL)
		return "finish_reason missing";
	return NULL;
}

const char *
answer_fault(const struct answer *r, int pieces)
{
	if (r->status != 200)
		return "status";
	if (r->too_long)
		return "too long";
	if (!r->stream)
		return plain_fault(r);
	if (r->disorder)
		return "pieces out of order";
	if (r->seq != pieces)
		return "pieces missing";
	if (!r->finish)
		return "finish_reason missing";
	if (!r->usage)
		return "usage missing";
	return r->done ? NULL : "[DONE] missing";
}
