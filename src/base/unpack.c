#include <stdint.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/unpack.h"

#define STEP ((size_t)64 * 1024)
#define GZIP_ONLY (16 + MAX_WBITS)
#define ZSTD_WINDOW_LOG 25 /* 32 MiB: what a request may ask us to keep */

static int
bad(struct err *e)
{
	return err_set(e, ERR_BAD_JSON, "Invalid JSON in request body");
}

/* What was collected, into the arena; -1 if it was too much. */
static int
hand_over(
    struct buf *b, struct arena *a, size_t max, struct str *out, struct err *e)
{
	if (b->full || b->n > max)
		return err_set(
		    e, ERR_TOO_LARGE, "Request body exceeds %zu bytes", max);
	*out = arena_dup(a, buf_str(b));
	return 0;
}

/* Inflate all members of the file into b; 0, or -1 if it is broken or cut. */
static int
inflate_all(z_stream *z, struct buf *b)
{
	char tmp[8192];
	int rc;

	do {
		z->next_out = (Bytef *)tmp;
		z->avail_out = sizeof(tmp);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END)
			return -1;
		buf_add(b, (struct str){ tmp, sizeof(tmp) - z->avail_out });
		if (rc == Z_STREAM_END && z->avail_in > 0) {
			if (inflateReset(z) != Z_OK)
				return -1;
			rc = Z_OK;
		}
	} while (rc != Z_STREAM_END && !b->full);
	return 0;
}

int
unpack_gzip(
    struct arena *a, struct str in, size_t max, struct str *out, struct err *e)
{
	struct buf b = BUF_LIMIT(max + STEP);
	z_stream z = { 0 };
	int rc;

	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		abort();
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	rc = inflate_all(&z, &b) == -1 ? bad(e) : hand_over(&b, a, max, out, e);
	inflateEnd(&z);
	buf_free(&b);
	return rc;
}

int
unpack_zstd(
    struct arena *a, struct str in, size_t max, struct str *out, struct err *e)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer from = { in.p, in.n, 0 };
	struct buf b = BUF_LIMIT(max + STEP);
	char tmp[8192];
	size_t left = 1;
	int rc = 0;

	if (z == NULL)
		abort();
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	while (!b.full && (from.pos < from.size || left > 0)) {
		ZSTD_outBuffer to = { tmp, sizeof(tmp), 0 };

		left = ZSTD_decompressStream(z, &to, &from);
		if (ZSTD_isError(left) ||
		    (to.pos == 0 && from.pos == from.size && left > 0)) {
			rc = bad(e);
			break;
		}
		buf_add(&b, (struct str){ tmp, to.pos });
	}
	if (rc == 0)
		rc = hand_over(&b, a, max, out, e);
	ZSTD_freeDStream(z);
	buf_free(&b);
	return rc;
}
