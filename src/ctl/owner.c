#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/owner.h"

int
owner_find(const char *name, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return err_set(e, ERR_BAD_PARAM, "no user \"%.100s\"", name);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

int
owner_become(const char *dir, struct err *e)
{
	const struct passwd *pw;
	struct stat st;
	gid_t gid;
	int rc;

	if (geteuid() != 0 || stat(dir, &st) == -1 || st.st_uid == 0)
		return 0;
	/* An id without a name has the directory's group and no others. */
	pw = getpwuid(st.st_uid);
	gid = pw == NULL ? st.st_gid : pw->pw_gid;
	rc = pw == NULL ? setgroups(0, NULL) : initgroups(pw->pw_name, gid);
	if (rc == -1 || setgid(gid) == -1 || setuid(st.st_uid) == -1)
		return err_set(e, ERR_CONFIG,
		    "cannot become user %u, the owner of %s: %m",
		    (unsigned)st.st_uid, dir);
	return 0;
}
