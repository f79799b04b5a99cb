#ifndef DOMAIN_IDENTITY_H
#define DOMAIN_IDENTITY_H

#include "base/rand.h"
#include "store/sql.h"

/*
 * Somebody whom the web server has authenticated, and the API key that stands
 * for him: table "identity".  Values are compared byte by byte.
 */
enum identity_kind {
	IDENTITY_USER, /* REMOTE_USER */
	IDENTITY_DN    /* SSL_CLIENT_S_DN */
};

struct identity {
	enum identity_kind kind;
	struct str value;
};

#define IDENTITY_MAX 512

/* "remote_user", "client_dn": in SQL, and for people. */
const char *identity_word(enum identity_kind);

/* 1 to IDENTITY_MAX bytes of UTF-8 without control characters? */
bool identity_ok(struct str value);

/*
 * A text that stands for it where API keys are known by theirs.  It begins with
 * a NUL, so no key that is well formed is ever the same.  The value must be
 * identity_ok().
 */
#define IDENTITY_TEXT (IDENTITY_MAX + 2)
struct str identity_text(const struct identity *, char out[IDENTITY_TEXT]);

/* The key of it: 1, 0 (there is none), -1. */
int identity_key(
    struct sql *, const struct identity *, char id[ID_SIZE], struct err *);

#endif
