/*
 * Texts of providers go to clients, and providers like to quote: the key they
 * were given, the account it belongs to, the host that refused it.  What is
 * taken out is replaced by something no longer than itself, so the text can
 * stay where it is.
 *
 * The rules look at words, which begin where a letter or digit follows
 * something else.  They rather take too much than too little; only paths into
 * the request ("messages.0.content"), which have dots like host names, must
 * survive.
 */
#include <assert.h>

#include "http/url.h"
#include "provider/provider.h"

#define HIDDEN "***"
#define HOST "[host]"
#define KEY_MIN 4    /* shorter ones are for tests, and in every text */
#define TAIL_MIN 6   /* of a key, at a place where the text was cut */
#define TOKEN_MIN 32 /* letters and digits without a break */
#define ACCOUNT 12   /* digits of an AWS account */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_of(char c, const char *more)
{
	return c != '\0' && (is_alnum(c) || strchr(more, c) != NULL);
}

/* How many bytes from p on are letters, digits or one of these. */
static size_t
span(const char *p, const char *more)
{
	size_t n = 0;

	while (is_of(p[n], more))
		n++;
	return n;
}

/* Without what ends a sentence. */
static size_t
unpunctuated(const char *p, size_t n)
{
	while (n > 0 && strchr(".,:;!?-", p[n - 1]) != NULL)
		n--;
	return n;
}

/* Credentials by how they begin; the rest is the key's own letters. */
static size_t
key_at(const char *p)
{
	static const char *const heads[] = { "sk-", "sk_", "rk-", "pk-", "gsk_",
		"csk-", "xai-", "pplx-", "hf_", "fw_", "tgp_", "r8_", "nvapi-",
		"AIza", "AKIA", "ASIA", "ya29.", "eyJ", "org-", "proj_",
		"acct_", "llmgtwy_" };
	size_t i, n;

	for (i = 0; i < NROWS(heads); i++) {
		if (strncmp(p, heads[i], strlen(heads[i])) != 0)
			continue;
		n = unpunctuated(p, span(p, "-_.*"));
		if (n >= strlen(heads[i]) + 6)
			return n;
	}
	return 0;
}

/* What follows "Bearer " and its kin, whatever it looks like. */
static size_t
scheme_at(const char *p)
{
	static const char *const heads[] = { "bearer ", "basic " };
	size_t i, n;

	for (i = 0; i < NROWS(heads); i++) {
		n = strlen(heads[i]);
		if (strncasecmp(p, heads[i], n) != 0)
			continue;
		n += span(p + n, "-_.~+/=*");
		if (n >= strlen(heads[i]) + 8)
			return n;
	}
	return 0;
}

static size_t
token_at(const char *p)
{
	size_t n = span(p, ""), digits = 0, i;

	for (i = 0; i < n; i++)
		digits += is_digit(p[i]);
	if (n == ACCOUNT && digits == n)
		return n;
	return n >= TOKEN_MIN && digits > 0 ? n : 0;
}

static size_t
arn_at(const char *p)
{
	return strncmp(p, "arn:", 4) == 0 ?
	    unpunctuated(p, span(p, "-_.:/+=@*")) :
	    0;
}

static size_t
url_at(const char *p)
{
	size_t n = 0;

	if (strncasecmp(p, "http://", 7) != 0 &&
	    strncasecmp(p, "https://", 8) != 0)
		return 0;
	while (p[n] > ' ' && strchr("\"'`<>(){}[]|\\^", p[n]) == NULL)
		n++;
	return unpunctuated(p, n);
}

/* Last labels that say "host": the usual ones, and those of inner networks. */
static bool
is_domain(struct str s)
{
	static const char *const words[] = { "ai", "app", "biz", "cloud",
		"cluster", "cn", "co", "com", "corp", "de", "dev", "edu", "eu",
		"fr", "gov", "home", "in", "info", "internal", "io", "jp",
		"lan", "local", "localhost", "me", "net", "org", "ru", "sh",
		"svc", "tech", "uk", "us", "xyz" };
	size_t i;

	for (i = 0; i < NROWS(words); i++)
		if (str_is_nocase(s, words[i]))
			return true;
	return false;
}

static size_t
port_at(const char *p)
{
	size_t n = 1;

	if (*p != ':' || !is_digit(p[1]))
		return 0;
	while (is_digit(p[n]))
		n++;
	return n;
}

/* "db-1.internal:5432", "10.0.0.7", "localhost:8000" */
static size_t
host_at(const char *p)
{
	size_t n = unpunctuated(p, span(p, "-.")), port = port_at(p + n);
	struct str rest = { p, n }, last = STR_NONE;
	bool dots = memchr(p, '.', n) != NULL;

	if (n == 0 || p[n] == '_' || p[n] == '[')
		return 0; /* a path into the request goes on like that */
	while (rest.p != NULL)
		last = str_split(&rest, '.');
	if (dots ? is_domain(last) :
		   port > 0 && str_is_nocase(last, "localhost"))
		return n + port;
	/* Four numbers: let the parser of addresses say. */
	if (!dots || !is_digit(*p) || span(p, ".") != strspn(p, "0123456789."))
		return 0;
	return url_host_in(STR("0.0.0.0/0"), (struct str){ p, n }) ? n + port :
								     0;
}

/* projects/NAME: only the name goes. */
static size_t
project_at(const char *p, size_t *keep)
{
	static const char head[] = "projects/";
	size_t n;

	*keep = sizeof(head) - 1;
	if (strncmp(p, head, *keep) != 0)
		return 0;
	n = unpunctuated(p + *keep, span(p + *keep, "-_.:"));
	return n == 0 ? 0 : *keep + n;
}

/*
 * How many bytes at the beginning of a word must go, what takes their place,
 * and how many of them may stay.
 */
static size_t
match_at(const char *p, const char **mark, size_t *keep)
{
	size_t n;

	*keep = 0;
	*mark = HOST;
	if ((n = url_at(p)) > 0)
		return n;
	*mark = HIDDEN;
	if ((n = key_at(p)) > 0 || (n = scheme_at(p)) > 0 ||
	    (n = arn_at(p)) > 0)
		return n;
	if ((n = project_at(p, keep)) > 0)
		return n;
	*keep = 0;
	if ((n = token_at(p)) > 0)
		return n;
	*mark = HOST;
	return host_at(p);
}

/* Never longer than what it replaces. */
static size_t
put_mark(char *out, const char *mark, size_t room)
{
	size_t n;

	if (strlen(mark) > room)
		mark = HIDDEN;
	n = strlen(mark) < room ? strlen(mark) : room;
	memcpy(out, mark, n);
	return n;
}

static void
scrub_words(char *text)
{
	const char *p = text, *mark;
	bool inside = false; /* a word */
	char *out = text;
	size_t n, keep;

	while (*p != '\0') {
		n = inside ? 0 : match_at(p, &mark, &keep);
		if (n == 0) {
			inside = is_of(*p, "_-.");
			*out++ = *p++;
			continue;
		}
		memmove(out, p, keep);
		out += keep;
		out += put_mark(out, mark, n - keep);
		p += n;
		inside = true;
	}
	*out = '\0';
}

/* Replace each copy of a secret or host that we know ourselves. */
static void
scrub_known(char *text, struct str s, const char *mark)
{
	char *at = text;
	size_t n;

	while ((at = memmem(at, strlen(at), s.p, s.n)) != NULL) {
		n = put_mark(at, mark, s.n);
		memmove(at + n, at + s.n, strlen(at + s.n) + 1);
		at += n;
	}
}

/* The beginning of a secret, where somebody cut the text. */
static void
scrub_tail(char *text, struct str key)
{
	size_t n = strlen(text), k = key.n < n ? key.n : n;

	for (; k >= TAIL_MIN; k--)
		if (memcmp(text + n - k, key.p, k) == 0) {
			text[n - k] = '\0';
			return;
		}
}

void
provider_scrub(const struct target *t, char *text)
{
	const struct upstream *u = t->upstream;
	struct url url;
	struct err e;
	struct str key;
	int i;

	for (i = 0; i < u->nkeys; i++) {
		key = secret_str(&u->keys[i]);
		if (key.n < KEY_MIN)
			continue;
		scrub_known(text, key, HIDDEN);
		scrub_tail(text, key);
	}
	scrub_words(text);
	/* One word alone may be a name for people as well: "vllm". */
	if (u->base_url.n > 0 && url_parse(u->base_url, &url, &e) == 0 &&
	    memchr(url.host.p, '.', url.host.n) != NULL)
		scrub_known(text, url.host, HOST);
}
