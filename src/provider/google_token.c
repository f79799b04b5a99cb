#include <pthread.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/b64.h"
#include "base/file.h"
#include "base/secret.h"
#include "http/url.h"
#include "json/jw.h"
#include "json/jscan.h"
#include "provider/google_token.h"

#define FILE_MAX ((size_t)64 * 1024)
#define TOKEN_MAX 8192
#define HERE "localhost, 127.0.0.0/8, ::1"
#define LIFE 3600 /* of an assertion, seconds */
#define LIFE_MAX 86400

#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define TOKEN_URI "https://oauth2.googleapis.com/token"
#define METADATA "/computeMetadata/v1/instance/service-accounts/default/token"

struct google_cred {
	struct arena *arena; /* of itself and the strings */
	EVP_PKEY *pkey;      /* NULL: the metadata server, or a token */
	struct str email;
	struct str key_id;
	struct str project;
	struct str uri;
	bool given; /* the token came from outside */

	pthread_mutex_t lock;
	struct secret token;
	int64_t ends;  /* Unix seconds */
	int64_t early; /* from then on it is replaced; later than its start */
	bool fetching;
	int64_t failed_at;
	int failed_status; /* 0: nobody answered */
};

/* --- what the operator gave --- */

static bool
is_google(struct str host)
{
	static const char tail[] = ".googleapis.com";
	size_t n = sizeof(tail) - 1;

	return str_is_nocase(host, "accounts.google.com") ||
	    (host.n > n && strncasecmp(host.p + host.n - n, tail, n) == 0);
}

/* A key is bound to where it goes. */
static int
check_uri(struct str text, struct str hosts, struct err *e)
{
	struct url url;

	if (url_parse(text, &url, e) == -1)
		return err_set(e, ERR_CONFIG, "token_uri: %.900s", e->msg);
	if (url_host_in(hosts, url.host) || (url.tls && is_google(url.host)))
		return 0;
	return err_set(
	    e, ERR_CONFIG, "token_uri is not https of a host of Google");
}

static struct str
member(struct google_cred *c, const struct jmember *v, int n, const char *name)
{
	return arena_dup(c->arena, jscan_text(jscan_get(v, n, name), c->arena));
}

static int
take_account(
    struct google_cred *c, struct str json, struct str hosts, struct err *e)
{
	struct arena *a = arena_new(8192, 1 << 20);
	struct jmember *v;
	struct str pem = STR_NONE;
	BIO *bio;
	int n, rc = -1;

	if ((n = jscan_object(json, a, &v, e)) == -1) {
		err_set(e, ERR_CONFIG, "the credentials are not JSON");
		goto out;
	}
	if (!str_is(
		jscan_text(jscan_get(v, n, "type"), a), "service_account")) {
		err_set(e, ERR_CONFIG,
		    "the credentials are not of a service account");
		goto out;
	}
	pem = arena_dup(a, jscan_text(jscan_get(v, n, "private_key"), a));
	c->email = member(c, v, n, "client_email");
	c->key_id = member(c, v, n, "private_key_id");
	c->project = member(c, v, n, "project_id");
	c->uri = member(c, v, n, "token_uri");
	if (c->uri.n == 0)
		c->uri = STR(TOKEN_URI);
	if (check_uri(c->uri, hosts, e) == -1)
		goto out;
	if (pem.n > 0 && (bio = BIO_new_mem_buf(pem.p, (int)pem.n)) != NULL) {
		c->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		BIO_free(bio);
	}
	if (c->email.n == 0 || c->pkey == NULL ||
	    EVP_PKEY_get_base_id(c->pkey) != EVP_PKEY_RSA)
		err_set(e, ERR_CONFIG,
		    "the service account lacks client_email or a private_key "
		    "of RSA");
	else
		rc = 0;
out:
	if (pem.n > 0)
		explicit_bzero((char *)(uintptr_t)pem.p, pem.n);
	arena_free(a);
	return rc;
}

static int
take_path(struct google_cred *c, struct str key, struct err *e)
{
	struct arena *a = arena_new(8192, 1 << 20);
	struct str text;
	int rc;

	rc = file_read(a, arena_cstr(a, key), FILE_MAX, &text, e);
	if (rc == 0) {
		rc = take_account(c, text, STR(HERE), e);
		explicit_bzero((char *)(uintptr_t)text.p, text.n);
	} else
		err_set(e, ERR_CONFIG, "%.900s", e->msg);
	arena_free(a);
	return rc;
}

static int
take_metadata(struct google_cred *c, const char *host, struct err *e)
{
	struct url url;

	if (host == NULL)
		host = "metadata.google.internal";
	c->uri = arena_fmt(c->arena, "http://%s" METADATA, host);
	if (url_parse(c->uri, &url, e) == -1)
		return err_set(e, ERR_CONFIG, "GCE_METADATA_HOST: bad host");
	return 0;
}

static struct google_cred *new (void)
{
	struct arena *a = arena_new(4096, 1 << 20);
	struct google_cred *c = ARENA_NEW(a, struct google_cred);

	c->arena = a;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

int
google_cred_json(
    struct google_cred **out, struct str json, struct str hosts, struct err *e)
{
	struct google_cred *c = new ();

	if (take_account(c, json, hosts, e) == -1) {
		google_cred_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

int
google_cred_new(struct google_cred **out, struct str key, const char *metadata,
    struct err *e)
{
	struct google_cred *c = new ();
	int rc = 0;

	key = str_trim(key);
	if (key.n > 0 && *key.p == '{')
		rc = take_account(c, key, STR(HERE), e);
	else if (str_is(key, "metadata"))
		rc = take_metadata(c, metadata, e);
	else if (str_starts(key, "ya29.")) {
		c->given = true;
		secret_set(&c->token, key);
	} else
		rc = take_path(c, key, e);
	if (rc == -1) {
		google_cred_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

void
google_cred_free(struct google_cred *c)
{
	if (c == NULL)
		return;
	EVP_PKEY_free(c->pkey);
	secret_free(&c->token);
	pthread_mutex_destroy(&c->lock);
	arena_free(c->arena);
}

struct str
google_cred_project(const struct google_cred *c)
{
	return c->project;
}

/* --- the assertion --- */

/* base64url without padding (RFC 7515, section 2). */
static void
put_base64url(struct str bytes, struct buf *out)
{
	size_t i = out->n;

	b64_encode(bytes, out);
	while (out->n > i && out->p[out->n - 1] == '=')
		out->n--;
	for (; i < out->n; i++)
		out->p[i] = out->p[i] == '+' ? '-' :
		    out->p[i] == '/'         ? '_' :
					       out->p[i];
}

static void
put_claims(const struct google_cred *c, int64_t now, struct buf *out)
{
	struct buf tmp = BUF_LIMIT(8192);
	struct jw w = JW_TO(&tmp);

	jw_obj(&w, NULL);
	jw_strc(&w, "alg", "RS256");
	jw_strc(&w, "typ", "JWT");
	if (c->key_id.n > 0)
		jw_str(&w, "kid", c->key_id);
	jw_end(&w);
	put_base64url(buf_str(&tmp), out);
	buf_addc(out, '.');
	buf_clear(&tmp);
	w = JW_TO(&tmp);
	jw_obj(&w, NULL);
	jw_str(&w, "iss", c->email);
	jw_strc(&w, "scope", SCOPE);
	jw_str(&w, "aud", c->uri);
	jw_int(&w, "iat", now);
	jw_int(&w, "exp", now + LIFE);
	jw_end(&w);
	put_base64url(buf_str(&tmp), out);
	buf_free(&tmp);
}

int
google_cred_assert(
    const struct google_cred *c, int64_t now, struct buf *out, struct err *e)
{
	unsigned char sig[1024];
	size_t n = sizeof(sig), from = out->n;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int rc = -1;

	put_claims(c, now, out);
	if (md != NULL && !out->full &&
	    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, c->pkey) == 1 &&
	    EVP_DigestSign(md, sig, &n, (const unsigned char *)out->p + from,
		out->n - from) == 1) {
		buf_addc(out, '.');
		put_base64url((struct str){ (const char *)sig, n }, out);
		rc = 0;
	}
	EVP_MD_CTX_free(md);
	return rc == 0 ? 0 : err_set(e, ERR_INTERNAL, "Internal Server Error");
}

/* --- fetching --- */

static int
ask(const struct google_cred *c, int64_t now, struct arena *a,
    struct http_request *q, struct err *e)
{
	struct buf b = BUF_LIMIT(16384);
	int rc;

	*q = (struct http_request){ .url = c->uri, .body = STR("") };
	q->headers[q->nheaders++] = STR("Accept: application/json");
	if (c->pkey == NULL) {
		q->method = "GET";
		q->headers[q->nheaders++] = STR("Metadata-Flavor: Google");
		return 0;
	}
	q->headers[q->nheaders++] =
	    STR("Content-Type: application/x-www-form-urlencoded");
	buf_add(&b,
	    STR("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3A"
		"jwt-bearer&assertion="));
	if ((rc = google_cred_assert(c, now, &b, e)) == 0)
		q->body = secret_copy(a, "", buf_str(&b));
	if (b.p != NULL)
		explicit_bzero(b.p, b.n);
	buf_free(&b);
	return rc;
}

static int
say_failed(int status, struct err *e)
{
	e->status = status;
	return status == 0 ?
	    err_set(e, ERR_FETCH, "Failed to connect to provider") :
	    err_set(
		e, ERR_GATEWAY, "No token for the provider: HTTP %d", status);
}

int
google_cred_need(struct google_cred *c, int64_t now, struct arena *a,
    struct http_request *q, struct err *e)
{
	bool has;
	int rc = 0;

	if (c->given)
		return 0;
	pthread_mutex_lock(&c->lock);
	has = c->token.n > 0 && now < c->ends;
	if (has && (now < c->early || c->fetching || now <= c->failed_at))
		rc = 0;
	else if (c->fetching)
		rc = 2;
	else if (now <= c->failed_at)
		rc = say_failed(c->failed_status, e);
	else
		rc = 1;
	if (rc == 1)
		c->fetching = true;
	pthread_mutex_unlock(&c->lock);
	if (rc == 1 && ask(c, now, a, q, e) == -1) {
		google_cred_took(c, now, 500, STR_NONE, e);
		return -1;
	}
	return rc;
}

/* A token can stand in a header. */
static bool
is_token(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= TOKEN_MAX;
}

/* The token out of an answer, and how long it lives; false: none is there. */
static bool
read_token(
    struct str body, struct arena *a, struct str *token, int64_t *seconds)
{
	struct jmember *v;
	int n = jscan_event(body, a, &v);

	if (n == -1)
		return false;
	*token = jscan_text(jscan_get(v, n, "access_token"), a);
	if (!jscan_int(jscan_get(v, n, "expires_in"), seconds) ||
	    *seconds <= 0 || *seconds > LIFE_MAX)
		*seconds = LIFE - GOOGLE_EARLY;
	return is_token(*token);
}

int
google_cred_took(struct google_cred *c, int64_t now, int status,
    struct str body, struct err *e)
{
	struct arena *a = arena_new(8192, 1 << 20);
	struct str token = STR_NONE;
	int64_t seconds = 0;
	bool ok;
	int rc = 0;

	ok = status == 200 && read_token(body, a, &token, &seconds);
	pthread_mutex_lock(&c->lock);
	c->fetching = false;
	if (ok) {
		secret_free(&c->token);
		secret_set(&c->token, token);
		c->ends = now + seconds;
		c->early = c->ends -
		    (seconds > 4 * GOOGLE_EARLY ? GOOGLE_EARLY : seconds / 4);
		c->failed_at = 0;
	} else if (status >= 0) {
		c->failed_at = now;
		c->failed_status = status;
		if (c->token.n == 0 || now >= c->ends)
			rc = say_failed(status, e);
	}
	pthread_mutex_unlock(&c->lock);
	arena_free(a);
	return rc;
}

void
google_cred_forget(struct google_cred *c)
{
	if (c->given)
		return;
	pthread_mutex_lock(&c->lock);
	c->ends = c->early = 0;
	pthread_mutex_unlock(&c->lock);
}

struct str
google_cred_token(struct google_cred *c, struct arena *a)
{
	struct str token = STR_NONE;

	pthread_mutex_lock(&c->lock);
	if (c->token.n > 0)
		token = secret_copy(a, "", secret_str(&c->token));
	pthread_mutex_unlock(&c->lock);
	return token;
}
