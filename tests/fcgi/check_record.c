#include "base/buf.h"
#include "fcgi/record.h"
#include "room.h"

static void
put(struct buf *b, enum record_type type, int id, struct str s, size_t pad)
{
	unsigned char h[RECORD_HEADER];
	size_t i;

	record_header(h, type, id, s.n);
	h[6] = (unsigned char)pad;
	buf_add(b, (struct str){ (char *)h, sizeof(h) });
	buf_add(b, s);
	for (i = 0; i < pad; i++)
		buf_addc(b, 'p');
}

/* Two pairs, the second with a long length, over two records, and a body. */
static void
put_all(struct buf *b)
{
	static const char begin[8] = { 0, 1, 1 };

	put(b, RECORD_BEGIN, 7, (struct str){ begin, 8 }, 0);
	put(b, RECORD_PARAMS, 7, STR("\x01\x02" "Abc" "\x02\x80"), 3);
	put(b, RECORD_PARAMS, 7, STR("\0\0\x03" "DEfgh"), 0);
	put(b, RECORD_PARAMS, 7, STR(""), 0);
	put(b, RECORD_STDIN, 7, STR("one "), 1);
	put(b, RECORD_STDIN, 7, STR("two"), 0);
	put(b, RECORD_STDIN, 7, STR(""), 0);
}

START_TEST(whole)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf b = BUF_LIMIT(4096);
	struct record_request r;
	struct str in;

	put_all(&b);
	in = buf_str(&b);
	ck_assert(record_is_whole(in));
	ck_assert_int_eq(record_parse(in, a, &r), 0);
	ck_assert_int_eq(r.id, 7);
	ck_assert(r.keep);
	ck_assert(str_is(r.body, "one two"));
	ck_assert(str_is(r.params[0], "A=bc"));
	ck_assert(str_is(r.params[1], "DE=fgh"));
	ck_assert_ptr_null(r.params[2].p);
	/* Cut anywhere it is not whole, and more than whole neither. */
	for (; in.n > 0; in.n--)
		ck_assert(record_is_whole(in) == (in.n == b.n));
	buf_addc(&b, 'x');
	ck_assert(!record_is_whole(buf_str(&b)));
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* Ends with its parameters, or with an empty STDIN that nobody needs. */
START_TEST(authorizer)
{
	static const char begin[8] = { 0, 2, 0 };
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf b = BUF_LIMIT(4096);
	struct record_request r;
	size_t n, head;

	put(&b, RECORD_BEGIN, 7, (struct str){ begin, 8 }, 0);
	put(&b, RECORD_PARAMS, 7, STR("\x01\x02" "Abc"), 3);
	ck_assert(!record_is_whole(buf_str(&b)));
	put(&b, RECORD_PARAMS, 7, STR(""), 0);
	head = b.n;
	put(&b, RECORD_STDIN, 7, STR(""), 0);
	for (n = 0; n <= b.n; n++)
		ck_assert(record_is_whole((struct str){ b.p, n }) ==
		    (n == head || n == b.n));
	for (n = head; n <= b.n; n += b.n - head) {
		ck_assert_int_eq(
		    record_parse((struct str){ b.p, n }, a, &r), 0);
		ck_assert(r.authorizer);
		ck_assert_uint_eq(r.body.n, 0);
		ck_assert(str_is(r.params[0], "A=bc"));
	}
	b.n = head;
	put(&b, RECORD_STDIN, 7, STR("body"), 0);
	put(&b, RECORD_STDIN, 7, STR(""), 0);
	ck_assert(!record_is_whole(buf_str(&b)));
	buf_free(&b);
	arena_free(a);
}
END_TEST

START_TEST(roles)
{
	char begin[8] = { 0 };
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf b = BUF_LIMIT(4096);
	struct record_request r;

	for (int role = 0; role < 0x10000; role += role < 8 ? 1 : 0x100) {
		begin[0] = (char)(role >> 8);
		begin[1] = (char)role;
		put(&b, RECORD_BEGIN, 1, (struct str){ begin, 8 }, 0);
		put(&b, RECORD_PARAMS, 1, STR(""), 0);
		put(&b, RECORD_STDIN, 1, STR(""), 0);
		ck_assert(record_is_whole(buf_str(&b)));
		ck_assert_int_eq(record_parse(buf_str(&b), a, &r),
		    role == 1 || role == 2 ? 0 : -1);
		if (role == 1 || role == 2)
			ck_assert(r.authorizer == (role == 2));
		buf_clear(&b);
	}
	buf_free(&b);
	arena_free(a);
}
END_TEST

/* One byte changed: never a crash, never a request with other lengths. */
START_TEST(damaged)
{
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf b = BUF_LIMIT(4096);
	struct record_request r;
	size_t i;
	int bit;

	put_all(&b);
	for (i = 0; i < b.n; i++)
		for (bit = 0; bit < 8; bit++) {
			b.p[i] = (char)(b.p[i] ^ 1 << bit);
			if (record_is_whole(buf_str(&b)) &&
			    record_parse(buf_str(&b), a, &r) == 0)
				ck_assert_uint_le(r.body.n, b.n);
			arena_reset(a);
			b.p[i] = (char)(b.p[i] ^ 1 << bit);
		}
	buf_free(&b);
	arena_free(a);
}
END_TEST

static const struct {
	const char *name;
	struct str params;
} pairs[] = {
	{ "name beyond the end", STR("\x05\x01" "ab") },
	{ "value beyond the end", STR("\x01\x05" "ab") },
	{ "huge value", STR("\x01\xff\xff\xff\xff" "a") },
	{ "cut length", STR("\x81\0") },
};

START_TEST(bad_pairs)
{
	static const char begin[8] = { 0, 1, 0 };
	struct arena *a = arena_new(1024, 1 << 20);
	struct buf b = BUF_LIMIT(4096);
	struct record_request r;

	put(&b, RECORD_BEGIN, 1, (struct str){ begin, 8 }, 0);
	put(&b, RECORD_PARAMS, 1, pairs[_i].params, 0);
	put(&b, RECORD_PARAMS, 1, STR(""), 0);
	put(&b, RECORD_STDIN, 1, STR(""), 0);
	ck_assert(record_is_whole(buf_str(&b)));
	ck_assert_msg(record_parse(buf_str(&b), a, &r) == -1, "%s: accepted",
	    pairs[_i].name);
	buf_free(&b);
	arena_free(a);
}
END_TEST

CASE(case_record)
{
	TCase *t = tcase_create("record");

	tcase_add_test(t, whole);
	tcase_add_test(t, authorizer);
	tcase_add_test(t, roles);
	tcase_add_test(t, damaged);
	tcase_add_loop_test(t, bad_pairs, 0, NROWS(pairs));
	return t;
}
