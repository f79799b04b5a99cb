#include "admin/denied.h"
#include "admin/program.h"
#include "admin/resource.h"
#include "base/clock.h"
#include "pipeline/path.h"
#include "pipeline/reply.h"
#include "pipeline/world.h"

#define PREFIX "/admin/v1/"
#define HANDLES 3
#define HEADERS_MAX ((size_t)4096)

/* world.own */
struct desk {
	struct admin admin;
	struct denied denied;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct sql *handles[HANDLES]; /* that nobody uses */
	int nhandles;
};

static void
close_desk(struct world *w)
{
	struct desk *d = w->own;
	struct err ignored = { 0 };

	if (d == NULL)
		return;
	if (d->nhandles > 0)
		denied_flush(&d->denied, d->handles[0], true, &ignored);
	while (d->nhandles > 0)
		sql_close(d->handles[--d->nhandles]);
	denied_close(&d->denied);
	pthread_cond_destroy(&d->freed);
	pthread_mutex_destroy(&d->lock);
	admin_close(&d->admin);
	w->own = NULL;
}

static int
open_desk(struct world *w, struct err *e)
{
	struct desk *d = ARENA_NEW(w->conf.arena, struct desk);

	if (seal_key_make(&w->master, w->conf.master_key_file, e) == -1)
		return -1;
	w->own = d;
	admin_open(&d->admin, &w->conf, w->keys, w->catalog, w->providers);
	d->admin.master = &w->master;
	d->admin.health = w->health;
	denied_open(&d->denied);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->freed, NULL);
	for (; d->nhandles < HANDLES; d->nhandles++) {
		if (sql_open(&d->handles[d->nhandles], w->conf.store_sql,
			SQL_WRITE, e) == -1)
			return -1;
		sql_set_log(d->handles[d->nhandles], &w->log);
	}
	return 0;
}

static struct sql *
take_handle(struct desk *d)
{
	struct sql *s;

	pthread_mutex_lock(&d->lock);
	while (d->nhandles == 0)
		pthread_cond_wait(&d->freed, &d->lock);
	s = d->handles[--d->nhandles];
	pthread_mutex_unlock(&d->lock);
	return s;
}

static void
give_handle(struct desk *d, struct sql *s)
{
	pthread_mutex_lock(&d->lock);
	d->handles[d->nhandles++] = s;
	pthread_mutex_unlock(&d->lock);
	pthread_cond_signal(&d->freed);
}

/* --- a request --- */

/* Step 1: is there such a resource, and has it the method? */
static enum verdict
stage_place(struct req *r)
{
	struct admin_place place;
	struct str path = { r->path.p + sizeof(PREFIX) - 1,
		r->path.n - (sizeof(PREFIX) - 1) };

	if (admin_find(r->in.method, path, &place, r->setup, &r->err) == 0)
		return NEXT;
	if (r->err.code != ERR_METHOD || !str_is(r->in.method, "OPTIONS"))
		return FAIL;
	reply_whole(r, 204, NULL,
	    arena_fmt(r->setup, "Allow: %.*s\r\n", STR_ARG(r->err.param)),
	    STR(""));
	return DONE;
}

static struct str
cookie_of(const struct req *r)
{
	struct str rest = req_param(r, "HTTP_COOKIE"), one;

	while (rest.n > 0) {
		one = str_trim(str_split(&rest, ';'));
		if (str_is(str_split(&one, '='), ADMIN_COOKIE))
			return one;
	}
	return STR_NONE;
}

static struct str
bearer_of(const struct req *r)
{
	struct str s = req_param(r, "HTTP_AUTHORIZATION");

	if (s.n < 7 || strncasecmp(s.p, "Bearer ", 7) != 0)
		return STR_NONE;
	return str_trim((struct str){ s.p + 7, s.n - 7 });
}

/*
 * Browsers send a cookie to whoever asks them: a change needs what only our own
 * pages know (reliability.md T23).
 */
static int
check_origin(struct req *r, struct str secret)
{
	struct str origin = req_param(r, "HTTP_ORIGIN");
	struct str token = req_param(r, "HTTP_X_CSRF_TOKEN");
	char want[65];

	if (str_is(r->in.method, "GET") || str_is(r->in.method, "HEAD"))
		return 0;
	admin_csrf(secret, want);
	if (token.n != 64 || !hash_equal(token.p, want, 64))
		return err_set(
		    &r->err, ERR_FORBIDDEN, "X-CSRF-Token is missing or wrong");
	if (origin.p != NULL &&
	    !str_eq(origin, path_origin(str_from(r->world->conf.public_url))))
		return err_set(
		    &r->err, ERR_FORBIDDEN, "A request of another origin");
	return 0;
}

/* A code is good for signing in, and for nothing else. */
static bool
signs_in(const struct admin_ask *ask)
{
	const struct admin_place *p = &ask->place;

	return p->resource != NULL && p->method == METHOD_POST &&
	    strcmp(p->resource->path, "sessions") == 0;
}

static int
authenticate(struct req *r, struct sql *s, struct admin_ask *ask)
{
	const struct desk *d = r->world->own;
	struct admin_actor *who = &ask->who;
	struct str token = bearer_of(r);
	int rc;

	if (token.n == 0)
		ask->session = cookie_of(r);
	if (str_starts(token, ADMIN_LINK_PREFIX) && signs_in(ask))
		rc = admin_auth_link(s, token, r->setup, who, &r->err);
	else
		rc = ask->session.n > 0 ?
	    admin_auth_session(
		&d->admin, s, ask->session, r->setup, who, &r->err) :
	    admin_auth(&d->admin, s, token, r->setup, who, &r->err);
	who->address = r->in.address;
	who->request_id = str_from(r->request_id);
	return rc == 0 && ask->session.n > 0 ? check_origin(r, ask->session) :
					       rc;
}

static struct str
query_param(void *arg, const char *name)
{
	return path_query(arg, name);
}

static void
answer(struct req *r, const struct admin_answer *a)
{
	struct buf b = BUF_LIMIT(HEADERS_MAX);

	if (a->location.p != NULL)
		buf_fmt(&b, "Location: %.*s\r\n", STR_ARG(a->location));
	if (a->cookie.p != NULL)
		buf_fmt(&b, "Set-Cookie: %.*s\r\n", STR_ARG(a->cookie));
	reply_whole(r, a->status, a->type, buf_str(&b), buf_str(&a->body));
	buf_free(&b);
}

/* The same words for all of a reason, so that they can be summed up. */
static const char *
reason_of(const struct err *e)
{
	return e->code == ERR_FORBIDDEN ? "permission_denied" :
	    e->code == ERR_KEY_EXPIRED  ? "key_expired" :
	    e->code == ERR_AUTH         ? "invalid_api_key" :
					  NULL;
}

static int
serve(struct req *r, struct sql *s, struct admin_answer *a)
{
	struct desk *d = r->world->own;
	struct admin_ask ask = { .body = r->chat.body,
		.param = query_param,
		.arg = r,
		.csv = str_starts(req_param(r, "HTTP_ACCEPT"), "text/csv") };
	struct err ignored = { 0 };
	struct str path = { r->path.p + sizeof(PREFIX) - 1,
		r->path.n - (sizeof(PREFIX) - 1) };
	int rc;

	admin_find(r->in.method, path, &ask.place, r->setup, &r->err);
	rc = authenticate(r, s, &ask);
	if (rc == 0)
		rc = admin_run(&d->admin, s, &ask, r->setup, a, &r->err);
	if (rc == -1 && reason_of(&r->err) != NULL)
		denied_add(
		    &d->denied, s, &ask.who, reason_of(&r->err), &ignored);
	else
		denied_flush(&d->denied, s, false, &ignored);
	return rc;
}

static enum verdict
stage_admin(struct req *r)
{
	struct admin_answer a = { 0 };
	struct desk *d = r->world->own;
	struct sql *s = take_handle(d);
	int rc = serve(r, s, &a);

	give_handle(d, s);
	if (rc == 0)
		answer(r, &a);
	if (a.body.p != NULL)
		explicit_bzero(a.body.p, a.body.n);
	buf_free(&a.body);
	return rc == 0 ? DONE : FAIL;
}

static const struct stage admin_stages[] = {
	{ "place", stage_place, NULL },
	{ "read", stage_read, stage_read_undo },
	{ "admin", stage_admin, NULL },
	{ NULL, NULL, NULL },
};

static const struct endpoint admin_endpoints[] = {
	{ "admin", "*", PREFIX "*", NULL, admin_stages, 0 },
	{ NULL, NULL, NULL, NULL, NULL, 0 },
};

const struct program program_admin = { .name = "admin",
	.endpoints = admin_endpoints,
	.open = open_desk,
	.close = close_desk };
