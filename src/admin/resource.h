#ifndef ADMIN_RESOURCE_H
#define ADMIN_RESOURCE_H

#include "admin/admin.h"
#include "json/jw.h"

/*
 * The table of resources.  A row says where the objects are and which members
 * they have; parsing, checks, SQL, roles, audit, the commands of llmgwctl and
 * the OpenAPI description come from it.  What no table can say are hooks.
 */
enum field_type {
	FIELD_TEXT,     /* min to max bytes without control characters */
	FIELD_WORD,     /* one of `words` */
	FIELD_REF,      /* an id; `words` is the path of its resource */
	FIELD_NAME,     /* a model string */
	FIELD_URL,      /* http or https */
	FIELD_BOOL,
	FIELD_INT,      /* min to max */
	FIELD_MONEY,    /* USD; min to max in nano-dollars */
	FIELD_FRACTION, /* 0 to 1, in millionths */
	FIELD_TIME,     /* RFC 3339; milliseconds */
	FIELD_OBJECT,   /* raw JSON */
	FIELD_ARRAY,
	FIELD_SECRET, /* text that is never shown */
	FIELD_LONG    /* any text, kept in no column */
};

enum {
	F_REQUIRED = 1u << 0, /* by POST */
	F_CREATE = 1u << 1,   /* POST takes it */
	F_PATCH = 1u << 2,
	F_NULL = 1u << 3,   /* the column may be NULL */
	F_READ = 1u << 4,   /* it is shown */
	F_MADE = 1u << 5,   /* a hook sets it: in INSERT */
	F_REMADE = 1u << 6, /* and in UPDATE */
	F_ADMIN = 1u << 7,  /* only role admin sets it */
	F_FILTER = 1u << 8, /* lists take it as a parameter */
	F_BLOB = 1u << 9,
	F_VIRTUAL = 1u << 10, /* taken from the body, kept in no column */
	F_CP = F_CREATE | F_PATCH | F_READ,
	F_CR = F_CREATE | F_READ
};

struct work;

struct field {
	const char *name;   /* NULL ends; "limits.rpm" is a member of a member */
	const char *column; /* "(...)" is an expression over "t" */
	enum field_type type;
	unsigned flags;
	int64_t min, max;
	const char *words;
	const char *def;  /* JSON; NULL: the column stays NULL */
	const char *text; /* one line, for the description */
	/* A check of its own. */
	int (*also)(struct work *, const struct field *, struct str raw);
};

enum {
	METHOD_LIST = 1u << 0,
	METHOD_GET = 1u << 1,
	METHOD_POST = 1u << 2,
	METHOD_PATCH = 1u << 3,
	METHOD_DELETE = 1u << 4,
	METHODS_ITEM = METHOD_GET | METHOD_PATCH | METHOD_DELETE,
	METHODS_ALL = METHODS_ITEM | METHOD_LIST | METHOD_POST
};

struct resource {
	const char *path;   /* below "keys": a star is the parent's id */
	const char *word;   /* of llmgwctl, "iam-rule" */
	const char *object; /* "iam_rule" */
	const char *noun;   /* for messages */
	const char *prefix; /* of ids */
	unsigned methods;
	unsigned admin; /* methods that only role admin has */
	const char *text;    /* one line */
	const char *columns; /* that llmgwctl lists: "id status name" */
	const struct field *fields;

	/* NULL: not one table, `run` does it. */
	const char *table;
	const char *org;     /* expression: whose it is */
	const char *parent;  /* column of the parent's id */
	const char *parent_path;
	const char *gone;    /* condition: it is archived, deleted, revoked */
	const char *remove;  /* SET that makes it so, ?2 is now; NULL: DELETE */
	const char *created; /* NULL: "t.created_ms" */
	const char *updated; /* NULL: "t.updated_ms"; "": has none */
	const char *order;   /* NULL: created */

	/* Hooks; any may be NULL.  0 or -1 with the error. */
	int (*check)(struct work *);  /* members together, before writing */
	int (*make)(struct work *);   /* POST: sets what is F_MADE */
	int (*found)(struct work *);  /* POST: 1: answered by what is there */
	int (*leave)(struct work *);  /* DELETE: may it go? */
	int (*after)(struct work *);  /* in the transaction, it is written */
	int (*show)(struct work *);   /* after reading: fills what is F_VIRTUAL */
	int (*run)(struct work *);    /* instead of everything */
	bool free; /* `run` looks at roles itself */
	unsigned needs; /* NEEDS_*: of struct admin, besides the database */
};
enum { NEEDS_PROVIDERS = 1, NEEDS_HEALTH = 2, NEEDS_MASTER = 4 };

extern const struct resource resources[]; /* ends with a NULL path */
int resources_count(void);
const struct resource *resource_by_path(const char *path);
int resource_nfields(const struct resource *);

#define FIELDS_MAX 28
#define FILTERS_MAX 4

/* A value of a column. */
struct value {
	bool null;
	int64_t n;    /* BOOL, INT, MONEY, FRACTION, TIME */
	struct str s; /* the others */
};

bool field_is_number(enum field_type);

/* SQL, made once by texts_make(); parameters count from 1. */
struct admin_texts {
	const char *get;  /* id, organisation [, parent] */
	const char *list; /* organisation, order, id, all, limit [, parent]
			     [, filters] */
	const char *insert; /* id, now [, parent], columns in their order */
	const char *update; /* id, now, columns in their order */
	const char *remove; /* id, now */
	int first_filter;
	int nfilters;
	const struct field *filters[FILTERS_MAX];
};
const struct admin_texts *texts_make(struct arena *);

/* One call of admin_run(). */
struct work {
	const struct admin *admin;
	struct sql *sql;
	struct arena *arena;
	const struct admin_ask *ask;
	const struct resource *r;
	const struct admin_texts *t;
	struct admin_answer *answer;
	struct jw w; /* into the answer */
	struct err *e;
	int64_t now_ms;

	/* The object. */
	struct str id;
	struct str org; /* whose; absent: nobody's */
	int64_t created_ms, updated_ms, order;
	bool gone;
	struct value old[FIELDS_MAX]; /* as it was */
	struct value v[FIELDS_MAX];   /* as it is, or is to be */
	bool sent[FIELDS_MAX];        /* in the body */
	char *secret;                 /* shown once, or NULL */
	const char *secret_name;      /* the member that has it */
};

/* --- value.c --- */

/* The body into v and sent, over what v holds.  `create`: with defaults. */
int work_parse(struct work *, bool create);
/* The value of a field by its name; it must be there. */
struct value *work_value(struct work *, const char *name);
bool work_sent(struct work *, const char *name);
/* 400 about a member; returns -1. */
int work_bad(struct work *, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int work_not_found(struct work *, const char *noun, struct str id);
/* One raw JSON value by the rules of a field. */
int value_read(struct work *, const struct field *, struct str raw,
    struct value *);
void value_write(struct jw *, const char *key, const struct field *,
    const struct value *);
bool value_same(const struct field *, const struct value *,
    const struct value *);
/* "1.5" of so many decimals, exactly: -1 no number, -2 too fine or large. */
int decimal_read(struct str, int decimals, int64_t *out);

/* --- row.c --- */

/* Read the object of this id into v; 1, 0 (it is unknown to the actor), -1. */
int row_get(struct work *, struct str id);
/* The same of another resource: whose it is, and whether it is gone. */
int row_look(struct work *, const char *path, struct str id, struct str *org,
    bool *gone);
/* A member's id must be known to the actor and not be archived. */
int row_refer(struct work *, const char *member, const char *path,
    struct str id, struct str *org);
void row_write(struct work *, struct jw *, const char *key);
int row_list(struct work *);
/* ?limit, ?cursor of a list. */
int list_limit(struct work *, int64_t *);
int list_cursor(struct work *, int64_t *order, struct str *id);
struct str cursor_make(struct arena *, int64_t order, struct str id);
struct str work_param(const struct work *, const char *name);

/* --- change.c --- */
int change_create(struct work *);
int change_patch(struct work *);
int change_delete(struct work *);
/* Audit entry and change version for what old and v say. */
int change_note(struct work *, const char *action);
/* The answer to a change: the object, with what is shown once. */
void change_answer(struct work *, int status);

/* --- make.c: hooks --- */
int make_key(struct work *);
int make_token(struct work *);
int make_identity(struct work *);
int check_organization(struct work *);
int check_project(struct work *);
int check_key(struct work *);
int check_token(struct work *);
int check_provider_key(struct work *);
int make_provider_key(struct work *);
int show_provider_key(struct work *);
int check_alert(struct work *);
int make_alert(struct work *);
int check_discount(struct work *);
int check_iam(struct work *);
int also_targets(struct work *, const struct field *, struct str);
int found_credit(struct work *);
int check_alias(struct work *);
int after_key(struct work *);
int show_key(struct work *);
int after_project(struct work *);
int after_organization(struct work *);

/* --- guard.c --- */
int check_guard(struct work *);
/*
 * What a webhook's URL tells already; its address is looked at when it is
 * called.  `param` is the member that an error names, `name` how it is told.
 */
int check_hook(struct work *, struct str url, const char *param,
    const char *name);
int leave_guard(struct work *);
int run_guard_test(struct work *);

/* --- action.c, provider.c, explain.c, report.c --- */
int run_roll(struct work *);
int run_sessions(struct work *);
int run_providers(struct work *);
int run_provider_reset(struct work *);
int run_explain(struct work *);
int run_logs(struct work *);
int run_usage(struct work *);
int run_guard_events(struct work *);
int run_activity(struct work *);

#endif
