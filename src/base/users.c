#include <pwd.h>
#include <stdint.h>

#include "base/users.h"

#define USER_NAME 64

/* (uid_t)-1 is nobody's: chown(2) takes it for "as it is". */
static bool
number(struct str s, uid_t *uid)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 10)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*uid = (uid_t)v;
	return v < UINT32_MAX;
}

static bool
is_user(struct str s, uid_t *uid)
{
	char name[USER_NAME];
	struct passwd *found;

	if (number(s, uid))
		return true;
	if (s.n == 0 || s.n >= sizeof(name))
		return false;
	str_copy(name, sizeof(name), s);
	if ((found = getpwnam(name)) == NULL)
		return false;
	*uid = found->pw_uid;
	return true;
}

int
users_parse(struct str list, uid_t *v, int max, struct err *e)
{
	struct str one;
	int n = 0;

	for (list = str_trim(list); list.n > 0; n++) {
		one = str_trim(str_split(&list, ','));
		if (n == max)
			return err_set(
			    e, ERR_CONFIG, "there are more than %d users", max);
		if (!is_user(one, &v[n]))
			return err_set(e, ERR_CONFIG,
			    "there is no user \"%.*s\"", STR_ARG(one));
	}
	return n;
}
