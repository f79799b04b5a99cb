#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

int
file_read(struct arena *a, const char *path, size_t max, struct str *out,
    struct err *e)
{
	struct buf b = BUF_LIMIT(max);
	char part[16 * 1024];
	int fd, rc = -1;
	ssize_t n;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return err_set(e, ERR_CONFIG, "%s: %m", path);
	while ((n = read(fd, part, sizeof(part))) != 0 && !b.full) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			err_set(e, ERR_CONFIG, "%s: %m", path);
			goto out;
		}
		buf_add(&b, (struct str){ part, (size_t)n });
	}
	if (b.full) {
		err_set(e, ERR_CONFIG, "%s: larger than %zu bytes", path, max);
		goto out;
	}
	*out = arena_dup(a, buf_str(&b));
	rc = 0;
out:
	buf_free(&b);
	close(fd);
	return rc;
}

int
file_put(int fd, struct str s)
{
	ssize_t n;

	while (s.n > 0) {
		n = write(fd, s.p, s.n);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

/* Without this a rename may be lost when the power goes. */
static int
sync_dir_of(const char *path)
{
	char dir[PATH_MAX];
	char *slash;
	int fd, rc;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		slash[slash == dir ? 1 : 0] = '\0';
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

int
file_write(const char *path, struct str s, mode_t mode, struct err *e)
{
	char tmp[PATH_MAX];
	int fd, why;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >=
	    sizeof(tmp))
		return err_set(e, ERR_CONFIG, "%s: name too long", path);
	if ((fd = mkostemp(tmp, O_CLOEXEC)) == -1)
		return err_set(e, ERR_CONFIG, "%s: %m", path);
	why = fchmod(fd, mode) == -1 || file_put(fd, s) == -1 ||
		fsync(fd) == -1 ?
	    errno :
	    0;
	if (close(fd) == -1 && why == 0)
		why = errno;
	if (why == 0 && rename(tmp, path) == -1)
		why = errno;
	if (why != 0) {
		unlink(tmp);
		errno = why;
		return err_set(e, ERR_CONFIG, "%s: %m", path);
	}
	if (sync_dir_of(path) == -1)
		return err_set(e, ERR_CONFIG, "%s: %m", path);
	return 0;
}

static int
make_one(const char *dir, mode_t mode, struct err *e)
{
	struct stat st;

	int why;

	if (mkdir(dir, mode) == 0)
		return 0;
	why = errno == EEXIST ? ENOTDIR : errno;
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	errno = why;
	return err_set(e, ERR_CONFIG, "%s: %m", dir);
}

int
file_mkdir(const char *path, mode_t mode, struct err *e)
{
	char dir[PATH_MAX];
	char *p;

	if (path[0] == '\0' ||
	    (size_t)snprintf(dir, sizeof(dir), "%s", path) >= sizeof(dir))
		return err_set(e, ERR_CONFIG, "%s: no name or too long", path);
	for (p = strchr(dir + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (make_one(dir, mode, e) == -1)
			return -1;
		*p = '/';
	}
	return make_one(dir, mode, e);
}
