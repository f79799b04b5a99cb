#include <stdint.h>

#include "fcgi/record.h"

#define RESPONDER 1
#define AUTHORIZER 2
#define KEEP_CONN 1

struct record {
	unsigned type;
	int id;
	struct str content;
};

/* Take the first record off; false if it is not whole or not version 1. */
static bool
next_record(struct str *in, struct record *r)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t n, whole;

	if (in->n < RECORD_HEADER || p[0] != 1)
		return false;
	n = (size_t)p[4] << 8 | p[5];
	whole = RECORD_HEADER + n + p[6];
	if (in->n < whole)
		return false;
	r->type = p[1];
	r->id = p[2] << 8 | p[3];
	r->content = (struct str){ in->p + RECORD_HEADER, n };
	in->p += whole;
	in->n -= whole;
	return true;
}

void
record_header(unsigned char *h, enum record_type type, int id, size_t n)
{
	h[0] = 1;
	h[1] = (unsigned char)type;
	h[2] = (unsigned char)(id >> 8);
	h[3] = (unsigned char)id;
	h[4] = (unsigned char)(n >> 8);
	h[5] = (unsigned char)n;
	h[6] = h[7] = 0;
}

/* Of the content of BEGIN_REQUEST. */
static int
role_of(struct str begin)
{
	const unsigned char *p = (const unsigned char *)begin.p;

	return p[0] << 8 | p[1];
}

bool
record_is_whole(struct str in)
{
	struct record r;
	int id;
	bool bodiless;
	unsigned stage = RECORD_PARAMS;

	if (!next_record(&in, &r) || r.type != RECORD_BEGIN || r.id == 0 ||
	    r.content.n != 8)
		return false;
	id = r.id;
	bodiless = role_of(r.content) == AUTHORIZER;
	while (next_record(&in, &r)) {
		if (r.id != id || r.type != stage)
			return false;
		if (bodiless && stage == RECORD_STDIN && r.content.n > 0)
			return false;
		if (r.content.n > 0)
			continue;
		if (stage == RECORD_STDIN || (bodiless && in.n == 0))
			return in.n == 0;
		stage = RECORD_STDIN;
	}
	return false;
}

/* The contents of all records of a type, one behind the other. */
static struct str
join(struct str in, unsigned type, struct arena *a)
{
	struct record r;
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;

	while (next_record(&in, &r)) {
		if (r.type != type)
			continue;
		if (r.content.n > 0)
			memcpy(p + n, r.content.p, r.content.n);
		n += r.content.n;
	}
	p[n] = '\0';
	return (struct str){ p, n };
}

/* A length of 1 or 4 bytes. */
static bool
take_length(struct str *in, size_t *out)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t n = 1;

	if (in->n == 0)
		return false;
	*out = p[0];
	if (p[0] & 0x80) {
		if (in->n < 4)
			return false;
		*out = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
		    (size_t)p[2] << 8 | p[3];
		n = 4;
	}
	in->p += n;
	in->n -= n;
	return true;
}

/* One pair; false if it reaches beyond the end. */
static bool
next_pair(struct str *in, struct str *name, struct str *value)
{
	size_t n, v;

	if (!take_length(in, &n) || !take_length(in, &v) || n > in->n ||
	    v > in->n - n)
		return false;
	*name = (struct str){ in->p, n };
	*value = (struct str){ in->p + n, v };
	in->p += n + v;
	in->n -= n + v;
	return true;
}

/* "NAME=VALUE" for each pair, all in one block. */
static int
make_params(struct str wire, struct arena *a, struct str **out)
{
	struct str rest = wire, name, value, *v;
	size_t count = 0;
	char *p;

	while (rest.n > 0) {
		if (!next_pair(&rest, &name, &value))
			return -1;
		count++;
	}
	/* A pair needs two bytes more than on the wire at most: '=' and NUL. */
	v = arena_alloc(a, (count + 1) * sizeof(*v) + wire.n + 2 * count);
	p = (char *)(v + count + 1);
	*out = v;
	for (rest = wire; next_pair(&rest, &name, &value); v++) {
		*v = (struct str){ p, name.n + 1 + value.n };
		memcpy(p, name.p, name.n);
		p[name.n] = '=';
		memcpy(p + name.n + 1, value.p, value.n);
		p[v->n] = '\0';
		p += v->n + 1;
	}
	*v = STR_NONE;
	return 0;
}

int
record_parse(struct str in, struct arena *a, struct record_request *out)
{
	struct str rest = in;
	struct record r;
	int role;

	if (!next_record(&rest, &r))
		return -1;
	role = role_of(r.content);
	if (role != RESPONDER && role != AUTHORIZER)
		return -1;
	out->id = r.id;
	out->authorizer = role == AUTHORIZER;
	out->keep = (r.content.p[2] & KEEP_CONN) != 0;
	out->body = join(in, RECORD_STDIN, a);
	return make_params(join(in, RECORD_PARAMS, a), a, &out->params);
}
