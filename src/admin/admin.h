#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/secret.h"
#include "domain/key.h"
#include "domain/catalog.h"
#include "json/jw.h"
#include "provider/provider.h"
#include "store/health.h"
#include "store/sql.h"

/*
 * Administration (api.md 20): one table of resources (resource.h) behind the
 * program `admin` and llmgwctl.  Both make an admin_ask and give it to
 * admin_run(); checks, roles, audit and SQL are the same for both.
 */
struct admin_texts;
struct keys;

enum admin_role { ROLE_NONE, ROLE_VIEWER, ROLE_ORG, ROLE_ADMIN };
extern const char *const admin_role_words[]; /* "viewer"; NULL-terminated */

/* On whose behalf. */
struct admin_actor {
	struct str name; /* "tok_...", "ctl:root"; in the audit log */
	enum admin_role role;
	struct str org;     /* sees only this organisation; absent: all */
	int64_t expires_ms; /* of the token, 0: never */
	struct str address, request_id; /* or absent */
};

/* Const after admin_open(); each thread brings its own database handle. */
struct admin {
	struct arena *arena;
	const struct conf *conf;
	struct keys *keys;           /* digests; NULL: nothing secret is made */
	const struct secret *master; /* seals; NULL: no provider keys */
	struct catalog *catalog;     /* NULL: explain is not offered */
	struct providers *providers; /* NULL: no list of them */
	struct health *health;       /* NULL: nothing is known of it */
	const struct admin_texts *texts; /* of resources, in their order */
};

/* Borrows everything. */
void admin_open(struct admin *, const struct conf *, struct keys *,
    struct catalog *, struct providers *);
void admin_close(struct admin *);

/* Members "keys" and "breakers" of a provider; health NULL: all is well. */
void admin_put_health(
    struct jw *, const struct upstream *, const struct health *);

struct resource;

/* Where a path leads, before anybody is asked who he is. */
struct admin_place {
	const struct resource *resource;
	struct str path;   /* as it was given */
	struct str parent; /* what stands for "*" in its path; or absent */
	struct str id;     /* or absent: the collection */
	unsigned method;   /* one of METHOD_* */
};

/*
 * `path` is what follows "/admin/v1/".  ERR_NOT_FOUND; ERR_METHOD, with what is
 * allowed in e->param.  Views into the path.
 */
int admin_find(struct str method, struct str path, struct admin_place *,
    struct arena *, struct err *);

struct admin_ask {
	struct admin_place place;
	struct str body; /* JSON; not looked at for GET and DELETE */
	/* A parameter of the query, or absent. */
	struct str (*param)(void *arg, const char *name);
	void *arg;
	struct admin_actor who;
	struct str session; /* secret of the session that asks, or absent */
	bool csv;           /* wanted instead of JSON, where there is both */
};

struct admin_answer {
	int status;
	const char *type;    /* NULL: JSON */
	struct str location; /* or absent */
	struct str cookie;   /* Set-Cookie, or absent */
	struct buf body;     /* to be freed by the caller */
};

/*
 * Do it: one transaction with its audit entry.  -1: nothing was changed.
 * Errors are those of api.md 20; ERR_STORE if the database is down.
 */
int admin_run(const struct admin *, struct sql *, const struct admin_ask *,
    struct arena *, struct admin_answer *, struct err *);

/* --- who asks (auth.c) --- */

/*
 * The actor of a token ("llmgadm_..."), strings in the arena.  ERR_AUTH for all
 * that is no token in force, also for API keys; ERR_KEY_EXPIRED.
 */
int admin_auth(const struct admin *, struct sql *, struct str token,
    struct arena *, struct admin_actor *, struct err *);
/* The same of a session's secret, the value of its cookie. */
#define ADMIN_COOKIE "__Host-llmgw"
int admin_auth_session(const struct admin *, struct sql *, struct str secret,
    struct arena *, struct admin_actor *, struct err *);
/*
 * A code ("llmglnk_...") with which somebody may sign in once, within ten
 * minutes, as this token: for those who must not see the token itself.
 * ERR_NOT_FOUND: no such token in force.
 */
#define ADMIN_LINK_PREFIX "llmglnk_"
#define ADMIN_LINK_MS 600000
int admin_link_make(struct sql *, struct str token_id, struct arena *,
    char out[KEY_SIZE], struct err *);
/* The actor of such a code, which is used up by that. */
int admin_auth_link(struct sql *, struct str code, struct arena *,
    struct admin_actor *, struct err *);
/* What a change by a session must bring along, besides the cookie. */
void admin_csrf(struct str secret, char out[65]);

/* --- audit.c --- */

/* An entry of the audit log; `changes` is a raw JSON object. */
struct audit_entry {
	struct str org; /* whose object; absent: nobody's */
	struct str action, object, object_id;
	struct str changes;
};
/* Append it to the chain; inside a transaction. */
int audit_add(struct sql *, const struct admin_actor *,
    const struct audit_entry *, struct err *);
/* Let all programs see that something changed; inside a transaction. */
int audit_bump(struct sql *, struct err *);
/*
 * Compute the chain anew.  Returns how many entries are good; *bad is the
 * number of the first that is not, 0 if all are.
 */
int64_t audit_verify(struct sql *, int64_t *bad, struct err *);

#endif
