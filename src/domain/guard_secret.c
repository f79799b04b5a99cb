/*
 * Secrets: keys by the prefixes that their issuers give them, JWTs, private
 * keys as whole blocks, and what is assigned to a name like "password".
 */
#include "domain/guard_parts.h"

#define ASSIGNED_MIN 20
#define BITS_MIN 3.5
#define TOKEN_MAX ((size_t)16384)

#define B "(?:^|[^A-Za-z0-9_])"

/* clang-format off */
static const char *const keys[] = {
	B "sk-(?:proj-|ant-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20}",
	B "(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{20}",
	B "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
	B "gh[pousr]_[A-Za-z0-9]{30}",
	B "github_pat_[A-Za-z0-9_]{30}",
	B "gl(?:pat|ptt|dt|rt|soat|ft|imt|agent|cbt)-[A-Za-z0-9_-]{18}",
	B "xox[abeoprs]-[A-Za-z0-9-]{10}",
	B "xapp-[0-9]-[A-Z0-9]{8}",
	B "AIza[A-Za-z0-9_-]{35}",
	B "ya29\\.[A-Za-z0-9_-]{20}",
	B "GOCSPX-[A-Za-z0-9_-]{20}",
	B "SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{20}",
	B "npm_[A-Za-z0-9]{36}",
	B "pypi-[A-Za-z0-9_-]{30}",
	B "hf_[A-Za-z0-9]{30}",
	B "AGE-SECRET-KEY-1[A-Z0-9]{50}",
	B "[0-9]{8,10}:AA[A-Za-z0-9_-]{32}",
	B "SK[0-9a-f]{32}",
	B "AC[0-9a-f]{32}",
	B "eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8}",
	B "[Aa]ccountKey=[A-Za-z0-9+/]{40}",
	"hooks\\.slack\\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{20}",
	"discord(?:app)?\\.com/api/webhooks/[0-9]{16,20}/[A-Za-z0-9_-]{40}",
	"[a-z][a-z0-9+]{2,12}://[A-Za-z0-9._~%-]{1,40}:[^ /@:\"'<>{}$*]{8,80}@[A-Za-z0-9]",
	NULL
};

/*
 * Issuers whose keys are one of these, a hyphen, "_" or "." and at least 28
 * characters.  One expression each: as one alternation they have no literal
 * that the matcher could look for, and cost as much as all others together.
 */
static const char *const issuers[] = {
	"gsk", "tgp_v1", "fw", "r8", "fal", "dsk", "xai", "pplx", "nvapi",
	"tvly", "csk", "jina", "voyage", "rubygems", "lin_api", "dapi",
	"sntrys", "phc", "phx", "PMAK", "dckr_pat", "dop_v1", "doo_v1",
	"shpat", "shpca", "shppa", "shpss", "sq0atp", "sq0csp", "sq0idp",
	"EAAA", "hvs", "hvb", "atlasv1", "figd", "ntn", "secret", "key",
	"pat", "llmgtwy", "llmgadm", "rnd", "sbp", "vercel", "cfut", "glsa",
	"rzp_live", "rzp_test", "CLOJARS", "pul", "ops", "ATATT", "ATCTT",
	NULL
};
/* clang-format on */

static bool
in_token(char c)
{
	return guard_digit(c) || guard_alpha(c) || c == '_' || c == '-';
}

/* No digit and no capital letter: words with hyphens, but for URLs. */
static bool
is_words(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (guard_digit(v.p[i]) || v.p[i] == ':' ||
		    (v.p[i] >= 'A' && v.p[i] <= 'Z'))
			return false;
	return true;
}

/* From the delimiter before it to the last character that belongs to it. */
static bool
find_key(struct str s, size_t at, struct guard_span *x)
{
	size_t from = at, to = at;

	while (from > 0 && s.p[from - 1] != ' ' &&
	    strchr("\"'`=<>(){}[],;|\\", s.p[from - 1]) == NULL &&
	    at - from < 512)
		from--;
	while (to < s.n && to - at < TOKEN_MAX &&
	    (in_token(s.p[to]) ||
		((s.p[to] == '.' || s.p[to] == '/' || s.p[to] == '+' ||
		     s.p[to] == '=') &&
		    to + 1 < s.n && in_token(s.p[to + 1]))))
		to++;
	while (to < s.n && s.p[to] == '=')
		to++;
	x->from = from;
	x->to = x->seen = to;
	return !is_words((struct str){ s.p + from, to - from });
}

static bool
find_block(struct str s, size_t at, struct guard_span *x)
{
	const char *end = memmem(s.p + at, s.n - at, "-----END ", 9), *dash;

	x->from = at;
	while (x->from > 0 &&
	    (at - x->from < 11 ||
		memcmp(s.p + x->from, "-----BEGIN ", 11) != 0))
		x->from--;
	x->to = s.n;
	if (end != NULL) {
		size_t left = (size_t)(s.p + s.n - end) - 9;

		dash = memmem(end + 9, left, "-----", 5);
		if (dash != NULL && dash - end < 80)
			x->to = (size_t)(dash - s.p) + 5;
	}
	x->seen = x->to;
	return true;
}

/* Words that stand where a secret would. */
static bool
is_placeholder(struct str v)
{
	static const char *const words[] = { "your", "example", "placeholder",
		"changeme", "change-me", "xxxx", "****", "....", "insert",
		"replace", "dummy", "process.env", "os.environ", "getenv",
		"redacted", "<", "${", "{{", "config.", "settings.", NULL };

	for (int i = 0; words[i] != NULL; i++)
		for (size_t j = 0, n = strlen(words[i]); j + n <= v.n; j++)
			if (strncasecmp(v.p + j, words[i], n) == 0)
				return true;
	return false;
}

/* Letters only, in words: a sentence or a path, no key. */
static bool
is_prose(struct str v)
{
	size_t digits = 0, changes = 0;

	for (size_t i = 0; i < v.n; i++) {
		digits += guard_digit(v.p[i]);
		changes += i > 0 && guard_alpha(v.p[i]) &&
		    guard_alpha(v.p[i - 1]) &&
		    ((v.p[i] ^ v.p[i - 1]) & 0x20) != 0;
	}
	return digits == 0 || (digits < 2 && changes < 5);
}

/* name = value: from the first of 20 characters the value is looked at. */
static bool
find_value(struct str s, size_t at, struct guard_span *x)
{
	static const char ends[] = " \"'`,;<>(){}[]\\&|";
	size_t from = at, to = at;
	struct str v;

	while (from > 0 && at - from < TOKEN_MAX &&
	    strchr(ends, s.p[from - 1]) == NULL && s.p[from - 1] != ':' &&
	    !(s.p[from - 1] == '=' && from < at))
		from--;
	while (to < s.n && to - at < TOKEN_MAX && strchr(ends, s.p[to]) == NULL)
		to++;
	x->from = from;
	x->to = x->seen = to;
	while (x->to > from && (s.p[x->to - 1] == '.' || s.p[x->to - 1] == ':'))
		x->to--;
	v = (struct str){ s.p + from, x->to - from };
	return v.n >= ASSIGNED_MIN && guard_entropy(v) >= BITS_MIN &&
	    !is_placeholder(v) && !is_prose(v) &&
	    memmem(v.p, v.n, "://", 3) == NULL;
}

int
guard_build_secrets(struct guard_build *b, struct err *e)
{
	if (guard_members(b->rule, "", e) == -1)
		return -1;
	for (int i = 0; keys[i] != NULL; i++)
		guard_add(b, GUARD_ANCHOR, str_from(keys[i]), 0, "key",
		    find_key, STR_NONE);
	for (int i = 0; issuers[i] != NULL; i++)
		guard_add(b, GUARD_ANCHOR,
		    arena_fmt(b->arena, B "%s[-_.][A-Za-z0-9_-]{28}",
			issuers[i]),
		    0, "key", find_key, STR_NONE);
	guard_add(b, GUARD_ANCHOR,
	    STR("-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"), 0,
	    "private_key", find_block, STR_NONE);
	guard_add(b, GUARD_ANCHOR,
	    STR("(?:key|token|password|passwd|pwd|secret|credential)[s_a-z0-9]{"
		"0,12}"
		"[\\\\\"'`]{0,3} ?(?::|=|=>|:=) ?[\\\\\"'`]{0,3}"
		"[^ \"'`,;<>(){}\\[\\]\\\\&|]{20}"),
	    HS_FLAG_CASELESS, "assignment", find_value, STR_NONE);
	return 0;
}
