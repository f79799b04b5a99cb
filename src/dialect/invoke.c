#include "base/b64.h"
#include "dialect/invoke.h"
#include "json/jscan.h"

int
invoke_unwrap(const struct sse_event *ev, struct arena *a,
    struct sse_event *out, struct err *e)
{
	struct buf b = BUF_LIMIT(SSE_IMAGE_MAX);
	struct jmember *v;
	struct str bytes;
	int n, rc = -1;

	if (!str_is(ev->name, "chunk"))
		return 0;
	n = jscan_event(ev->data, a, &v);
	bytes = n == -1 ? STR_NONE : jscan_text(jscan_get(v, n, "bytes"), a);
	if (bytes.p != NULL)
		rc = b64_decode(bytes, &b);
	if (rc == 0)
		*out = (struct sse_event){ .data = arena_dup(a, buf_str(&b)) };
	buf_free(&b);
	return rc == 0 ? 1 :
			 err_set(e, ERR_UPSTREAM,
			     "Event stream is broken: no bytes in a chunk");
}
