#include "base/pieces.h"
#include "room.h"

START_TEST(in_order)
{
	static char long_text[PIECES_FAR];
	struct str far = { long_text, sizeof(long_text) };
	struct str out[2 * PIECES_MAX + 1], all;
	struct pieces p = PIECES_LIMIT(1 << 20);
	struct buf b = BUF_LIMIT(1 << 20), want = BUF_LIMIT(1 << 20);
	int i, n;

	memset(long_text, 'x', sizeof(long_text));
	for (i = 0; i < PIECES_MAX + 2; i++) {
		buf_int(&p.text, i);
		pieces_add(&p, far);
		pieces_add(&p, STR("short"));
		buf_int(&want, i);
		buf_add(&want, far);
		buf_add(&want, STR("short"));
	}
	ck_assert_int_eq(p.n, PIECES_MAX);
	n = pieces_list(&p, out);
	ck_assert_int_eq(n, 2 * PIECES_MAX + 1);
	ck_assert_ptr_eq(out[1].p, far.p);
	for (i = 0; i < n; i++)
		buf_add(&b, out[i]);
	all = buf_str(&b);
	ck_assert(str_eq(all, buf_str(&want)));
	buf_free(&p.text);
	buf_free(&b);
	buf_free(&want);
}
END_TEST

CASE(case_pieces)
{
	TCase *c = tcase_create("pieces");

	tcase_add_test(c, in_order);
	return c;
}
