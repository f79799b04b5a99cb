#ifndef DOMAIN_TENANT_H
#define DOMAIN_TENANT_H

#include "domain/key.h"

/*
 * Organisations, their projects, and the API keys of these, as llmgwctl and the
 * admin API change them.  One struct and one set of functions for all three:
 * what differs is a row in tenant.c.
 *
 * Errors: ERR_BAD_PARAM, ERR_NOT_FOUND, ERR_CONFLICT (the name is taken),
 * ERR_STORE.  Each changes all or nothing, in the transaction of the caller if he
 * has one, and bumps the change version (change.h).
 */
enum tenant_kind { TENANT_ORG, TENANT_PROJECT, TENANT_KEY };

/* Strings live in the arena that was given. */
struct tenant {
	struct str id;
	struct str parent;  /* PROJECT: organisation; KEY: project */
	struct str name;    /* KEY: label */
	struct str status;  /* active, suspended, archived, inactive, deleted */
	struct str mode;    /* PROJECT */
	struct str masked;  /* KEY */
	int64_t expires_ms; /* KEY; 0: never */
	int64_t last_used_ms; /* KEY; 0: never */
	int64_t created_ms;
	int64_t updated_ms;
};

/* Names are 1 to 200 bytes of UTF-8 without control characters. */
#define TENANT_NAME_MAX 200
bool tenant_name_ok(struct str);
/* The same with another length. */
bool tenant_text_ok(struct str, size_t max);
/* The same as an error about the member `param`. */
int tenant_check_name(struct str, const char *param, struct err *);

int tenant_add_org(struct sql *, struct str name, struct arena *,
    struct tenant *out, struct err *);
int tenant_add_project(struct sql *, struct str org, struct str name,
    struct arena *, struct tenant *out, struct err *);

/* The key itself is shown once: it is in `key` and nowhere else. */
struct tenant_new_key {
	struct str project;
	struct str label;
	int64_t expires_ms; /* 0: never */
};
int tenant_add_key(struct sql *, const struct keys *,
    const struct tenant_new_key *, struct arena *, struct tenant *out,
    char key[KEY_SIZE], struct err *);

/*
 * Another secret for the key, in `key`; all else stays.  The old one works for
 * grace_seconds more.  ERR_CONFLICT if the key is deleted.
 */
#define TENANT_GRACE_MAX 604800
int tenant_roll_key(struct sql *, const struct keys *, struct str id,
    int64_t grace_seconds, struct arena *, struct tenant *out,
    char key[KEY_SIZE], struct err *);

int tenant_get(struct sql *, enum tenant_kind, struct str id, struct arena *,
    struct tenant *out, struct err *);

/*
 * All of a kind, newest first, those of one parent if it is not absent;
 * returns how many.  Archived and deleted ones too if `all`.
 */
int tenant_list(struct sql *, enum tenant_kind, struct str parent, bool all,
    struct arena *, struct tenant **out, struct err *);

int tenant_rename(struct sql *, enum tenant_kind, struct str id,
    struct str name, struct err *);
int tenant_set_status(struct sql *, enum tenant_kind, struct str id,
    struct str status, struct err *);
/* "api-keys", "credits" or "hybrid" of a project. */
int tenant_set_mode(
    struct sql *, struct str project, struct str mode, struct err *);

/* Archive an organisation or a project, delete a key; again does no harm. */
int tenant_remove(struct sql *, enum tenant_kind, struct str id, struct err *);

/*
 * See to it that there is an organisation and a project, both called "default"
 * if they have to be made; *out is the oldest active project.
 */
int tenant_bootstrap(
    struct sql *, struct arena *, struct tenant *out, struct err *);

/*
 * A token for the admin API that may do everything (api.md 20.1).  Only its
 * digest is stored.
 */
#define TENANT_TOKEN_PREFIX "llmgadm_"
int tenant_add_admin(struct sql *, const struct keys *, struct str label,
    char token[KEY_SIZE], struct err *);

#endif
