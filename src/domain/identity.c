#include <stdio.h>

#include "domain/identity.h"
#include "domain/tenant.h"

const char *
identity_word(enum identity_kind kind)
{
	static const char *const words[] = {
		[IDENTITY_USER] = "remote_user", [IDENTITY_DN] = "client_dn"
	};

	return words[kind];
}

bool
identity_ok(struct str value)
{
	return tenant_text_ok(value, IDENTITY_MAX);
}

struct str
identity_text(const struct identity *who, char out[IDENTITY_TEXT])
{
	out[0] = '\0';
	out[1] = who->kind == IDENTITY_DN ? 'd' : 'u';
	memcpy(out + 2, who->value.p, who->value.n);
	return (struct str){ out, who->value.n + 2 };
}

int
identity_key(struct sql *sql, const struct identity *who, char id[ID_SIZE],
    struct err *e)
{
	struct sql_stmt *st;
	int rc;

	st = sql_prepare(sql,
	    "SELECT key_id FROM identity WHERE kind = ?1 AND value = ?2", e);
	if (st == NULL)
		return -1;
	sql_bind_str(st, 1, str_from(identity_word(who->kind)));
	sql_bind_str(st, 2, who->value);
	if ((rc = sql_step(st, e)) == 1)
		snprintf(id, ID_SIZE, "%.*s", STR_ARG(sql_str(st, 0)));
	sql_done(st);
	return rc;
}
