#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/unpack.h"
#include "room.h"

#define MAX ((size_t)1000)

typedef int unpack_fn(
    struct arena *, struct str, size_t, struct str *, struct err *);

static struct str
pack(bool zstd, struct str s, struct arena *a)
{
	size_t max = ZSTD_compressBound(s.n) + 64, n;
	char *out = arena_zalloc(a, max);
	z_stream z = { 0 };

	if (zstd) {
		n = ZSTD_compress(out, max, s.p, s.n, 1);
		ck_assert(!ZSTD_isError(n));
		return (struct str){ out, n };
	}
	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, 0), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)s.p;
	z.avail_in = (uInt)s.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)max;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = z.total_out;
	deflateEnd(&z);
	return (struct str){ out, n };
}

static struct str
twice(struct str s, struct arena *a)
{
	char *p = arena_zalloc(a, 2 * s.n);

	memcpy(p, s.p, s.n);
	memcpy(p + s.n, s.p, s.n);
	return (struct str){ p, 2 * s.n };
}

/* The coding is the loop's index: gzip, zstd. */
START_TEST(sizes)
{
	static const size_t lengths[] = { 1, 20, MAX - 1, MAX, MAX + 1,
		64 << 20 };
	unpack_fn *unpack = _i == 0 ? unpack_gzip : unpack_zstd;
	struct arena *a = arena_new(4096, 256 << 20);
	struct str in, out;
	struct err e;
	size_t i, cut;

	for (i = 0; i < NROWS(lengths); i++) {
		in = (struct str){ arena_zalloc(a, lengths[i]), lengths[i] };
		in = pack(_i == 1, in, a);
		e = (struct err){ .code = ERR_NONE };
		out = STR_NONE;
		if (lengths[i] > MAX) { /* bombs end where the limit is */
			ck_assert_int_eq(unpack(a, in, MAX, &out, &e), -1);
			ck_assert_int_eq(e.code, ERR_TOO_LARGE);
			ck_assert_str_eq(
			    e.msg, "Request body exceeds 1000 bytes");
			continue;
		}
		ck_assert_int_eq(unpack(a, in, MAX, &out, &e), 0);
		ck_assert_uint_eq(out.n, lengths[i]);
		for (cut = 0; cut < in.n; cut++) {
			ck_assert_int_eq(
			    unpack(a, (struct str){ in.p, cut }, MAX, &out, &e),
			    -1);
			ck_assert_int_eq(e.code, ERR_BAD_JSON);
		}
	}
	arena_free(a);
}
END_TEST

START_TEST(members)
{
	unpack_fn *unpack = _i == 0 ? unpack_gzip : unpack_zstd;
	struct arena *a = arena_new(4096, 1 << 20);
	struct str in = twice(pack(_i == 1, STR("{\"a\":1}"), a), a), out;
	struct err e = { 0 };

	ck_assert_int_eq(unpack(a, in, MAX, &out, &e), 0);
	ck_assert(str_is(out, "{\"a\":1}{\"a\":1}"));
	ck_assert_int_eq(unpack(a, in, 13, &out, &e), -1);
	ck_assert_int_eq(e.code, ERR_TOO_LARGE);
	arena_free(a);
}
END_TEST

START_TEST(broken)
{
	unpack_fn *unpack = _i == 0 ? unpack_gzip : unpack_zstd;
	struct arena *a = arena_new(4096, 1 << 20);
	struct str in = pack(_i == 1, STR("{\"a\":1}"), a), out;
	struct err e = { 0 };
	char *p = arena_zalloc(a, in.n + 1);

	ck_assert_int_eq(unpack(a, STR("{}"), MAX, &out, &e), -1);
	ck_assert_int_eq(e.code, ERR_BAD_JSON);
	memcpy(p, in.p, in.n);
	p[in.n] = 'x'; /* behind the end */
	ck_assert_int_eq(
	    unpack(a, (struct str){ p, in.n + 1 }, MAX, &out, &e), -1);
	p[0] ^= 1;
	ck_assert_int_eq(unpack(a, (struct str){ p, in.n }, MAX, &out, &e), -1);
	ck_assert_int_eq(e.code, ERR_BAD_JSON);
	arena_free(a);
}
END_TEST

CASE(case_unpack)
{
	TCase *t = tcase_create("unpack");

	tcase_add_loop_test(t, sizes, 0, 2);
	tcase_add_loop_test(t, members, 0, 2);
	tcase_add_loop_test(t, broken, 0, 2);
	return t;
}
