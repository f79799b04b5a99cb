/*
 * The reader of spool files (reliability.md 4a, target 13).  The input is the
 * damage: it follows two whole records, which must come back once each, and
 * what is read of it must be exactly what a writer would have written.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "store/spool_file.h"

#define RECORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(struct buf *b, const struct spool_record *r)
{
	uint32_t crc = hash_crc32c(r->json);
	bool start = r->kind == SPOOL_START;
	char head[HEAD_SIZE + 1];

	snprintf(head, sizeof(head), "1%c %08x %08x ", start ? 'S' : 'E',
	    (unsigned)r->json.n, start ? crc : ~crc);
	buf_add(b, (struct str){ head, HEAD_SIZE });
	buf_add(b, r->json);
	buf_addc(b, '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct spool_record whole[] = {
		{ SPOOL_START, STR("{\"record_id\":\"log_1\",\"a\":1}"),
		    false },
		{ SPOOL_END, STR("{\"record_id\":\"log_1\",\"b\":2}"), false },
	};
	struct buf in = BUF_LIMIT(SIZE_MAX), out = BUF_LIMIT(SIZE_MAX);
	struct spool_record r[RECORDS];
	size_t used;
	int n;

	for (size_t i = 0; i < NROWS(whole); i++)
		put(&in, &whole[i]);
	buf_add(&in, (struct str){ (const char *)data, size });
	n = spool_parse(buf_str(&in), r, RECORDS, &used);
	assert(n >= (int)NROWS(whole) && used <= in.n);
	for (size_t i = 0; i < NROWS(whole); i++)
		assert(r[i].kind == whole[i].kind &&
		    str_eq(r[i].json, whole[i].json));
	for (int i = 0; i < n; i++)
		put(&out, &r[i]);
	assert(out.n == used && memcmp(out.p, in.p, used) == 0);
	buf_free(&in);
	buf_free(&out);
	return 0;
}
