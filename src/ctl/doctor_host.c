#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/secret.h"
#include "ctl/doctor.h"
#include "ctl/list.h"
#include "ctl/owner.h"
#include "store/redis.h"

/* Names of sockets have at most 107 bytes, the longest of ours 20. */
#define RUNTIME_DIR_MAX 85
#define FILES_WANTED 4096
#define SPOOL_WARN ((int64_t)64 << 20)
#define DISK_WARN ((uint64_t)1 << 30)
#define RESERVE_NAME "reserve"

#define INIT "run \"llmgwctl init\""

/* Before we become somebody else: keys may be readable for root alone. */
static void
check_list(struct doctor *d)
{
	struct err e = { 0 };
	struct list l;
	int usable = 0;

	if (list_open(&l, d->c, &e) == -1) {
		doctor_say(d, DOCTOR_FAIL, "configuration",
		    "the programs do not start with it", "%s", e.msg);
		list_close(&l);
		return;
	}
	for (int i = 0; i < providers_count(l.providers); i++)
		usable += upstream_usable(providers_at(l.providers, i));
	doctor_say(d, DOCTOR_OK, "configuration", NULL, "%s",
	    d->c->conf.path == NULL ? "no file, defaults and environment" :
				      d->c->conf.path);
	doctor_say(d, DOCTOR_OK, "models", NULL, "%d of %s",
	    catalog_count(l.catalog), l.file);
	if (usable > 0)
		doctor_say(
		    d, DOCTOR_OK, "providers", NULL, "%d can be asked", usable);
	else
		doctor_say(d, DOCTOR_WARN, "providers",
		    "give one a key: LLM_OPENAI_API_KEY and the like, or "
		    "[provider NAME]",
		    "none can be asked");
	list_close(&l);
}

static void
check_dir(struct doctor *d, const char *check, const char *dir, bool private)
{
	struct stat st;

	if (stat(dir, &st) == -1)
		doctor_say(d, DOCTOR_FAIL, check, INIT, "%s: %m", dir);
	else if (!S_ISDIR(st.st_mode))
		doctor_say(
		    d, DOCTOR_FAIL, check, INIT, "%s: not a directory", dir);
	else if (access(dir, R_OK | W_OK | X_OK) == -1)
		doctor_say(d, DOCTOR_FAIL, check,
		    "the user who runs the programs must own it",
		    "%s: %m for user %u", dir, (unsigned)geteuid());
	else if ((st.st_mode & 02) != 0 || (private && (st.st_mode & 07) != 0))
		doctor_say(d, DOCTOR_FAIL, check, "chmod o= on it",
		    "%s: open to everybody (mode %04o)", dir,
		    (unsigned)st.st_mode & 07777);
	else
		doctor_say(d, DOCTOR_OK, check, NULL, "%s", dir);
}

static void
check_runtime(struct doctor *d)
{
	const char *dir = d->c->conf.runtime_dir;

	if (strlen(dir) > RUNTIME_DIR_MAX)
		doctor_say(d, DOCTOR_WARN, "runtime directory",
		    "choose a shorter runtime_dir",
		    "%s: too long for names of sockets", dir);
	else
		check_dir(d, "runtime directory", dir, false);
}

static void
check_secret(struct doctor *d)
{
	const char *path = d->c->conf.key_hash_secrets_file;
	struct secret s = { 0 };
	struct err e = { 0 };

	if (*path == '\0')
		doctor_say(
		    d, DOCTOR_OK, "key_hash_secrets", NULL, "in the settings");
	else if (secret_read(&s, path, &e) == -1)
		doctor_say(d, DOCTOR_FAIL, "key_hash_secrets",
		    access(path, F_OK) == -1 ?
			INIT :
			"it must belong to the user who runs the programs, "
			"with mode 0600",
		    "%s", e.msg);
	else
		doctor_say(d, DOCTOR_OK, "key_hash_secrets", NULL, "%s", path);
	secret_free(&s);
}

/* PostgreSQL serves so many at once and refuses all others. */
static void
check_sessions(struct doctor *d)
{
	struct err e = { 0 };
	struct sql_stmt *st;
	int64_t used, most;

	st = sql_prepare(d->c->sql,
	    "SELECT count(*), current_setting('max_connections')"
	    " FROM pg_stat_activity WHERE backend_type = 'client backend'",
	    &e);
	if (st != NULL && sql_step(st, &e) == 1) {
		used = sql_int(st, 0);
		most = sql_int(st, 1);
		doctor_say(d, used > most * 8 / 10 ? DOCTOR_WARN : DOCTOR_OK,
		    "database sessions",
		    used > most * 8 / 10 ? "raise its max_connections" : NULL,
		    "%lld of %lld", (long long)used, (long long)most);
	}
	sql_done(st);
}

static void
check_sql(struct doctor *d)
{
	struct err e = { 0 };

	if (ctl_open_sql(d->c, CTL_READ, &e) == -1)
		doctor_say(d, DOCTOR_FAIL, "database", NULL, "%s", e.msg);
	else if (d->c->old_version > sql_version_wanted())
		doctor_say(d, DOCTOR_FAIL, "database",
		    "use the programs of that version",
		    "its schema version is %lld, these programs know %d",
		    (long long)d->c->old_version, sql_version_wanted());
	else
		doctor_say(d, DOCTOR_OK, "database", NULL,
		    "%s, schema version %lld", sql_backend(d->c->sql),
		    (long long)d->c->old_version);
	if (e.code == ERR_NONE &&
	    strcmp(sql_backend(d->c->sql), "postgresql") == 0)
		check_sessions(d);
}

/* Redis, if that is where limits are. */
static void
check_kv(struct doctor *d)
{
	const char *url = d->c->conf.store_kv;
	char policy[RDS_POLICY];
	struct err e = { 0 };
	struct rds *r = NULL;

	if (url[0] == '\0' || str_starts(str_from(url), "embedded:"))
		return;
	if (rds_open(&r, url, NULL, NULL, NULL, &e) == -1 ||
	    rds_policy(r, policy, &e) == -1)
		doctor_say(d, DOCTOR_FAIL, "redis", NULL, "%s", e.msg);
	else if (policy[0] != '\0')
		doctor_say(d, DOCTOR_WARN, "redis",
		    "set maxmemory-policy to noeviction",
		    "it may throw away limits and reservations: its "
		    "maxmemory-policy is %s",
		    policy);
	else
		doctor_say(d, DOCTOR_OK, "redis", NULL, "it keeps what it has");
	rds_close(r);
}

/*
 * Segments and their bytes.  All segments are kept by somebody, or adopted
 * within seconds while any program runs; only their size can go wrong.
 */
static void
check_spool(struct doctor *d)
{
	struct str dir =
	    arena_fmt(d->c->arena, "%s/spool", d->c->conf.state_dir);
	const struct dirent *entry;
	int64_t bytes = 0;
	struct stat st;
	DIR *dp;
	int n = 0;

	if ((dp = opendir(dir.p)) == NULL) {
		doctor_say(d, DOCTOR_OK, "spool", NULL,
		    "none yet, it is made by the first start");
		return;
	}
	while ((entry = readdir(dp)) != NULL)
		if (fstatat(dirfd(dp), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_size > 0 &&
		    strcmp(entry->d_name, RESERVE_NAME) != 0) {
			bytes += st.st_size;
			n++;
		}
	closedir(dp);
	if (bytes > SPOOL_WARN)
		doctor_say(d, DOCTOR_WARN, "spool",
		    "records wait for the database: see the log of the "
		    "programs",
		    "%d segments, %lld bytes", n, (long long)bytes);
	else
		doctor_say(d, DOCTOR_OK, "spool", NULL,
		    "%d segments, %lld bytes", n, (long long)bytes);
}

/* The programs raise the soft limit themselves. */
static void
check_limits(struct doctor *d)
{
	struct rlimit l;
	struct statvfs fs;
	uint64_t room;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0)
		doctor_say(d,
		    l.rlim_max < FILES_WANTED ? DOCTOR_WARN : DOCTOR_OK,
		    "descriptors",
		    l.rlim_max < FILES_WANTED ?
			"each stream takes two: raise LimitNOFILE or ulimit "
			"-Hn" :
			NULL,
		    "%llu for a process started from here",
		    (unsigned long long)l.rlim_max);
	if (statvfs(d->c->conf.state_dir, &fs) == -1)
		return;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	doctor_say(d, room < DISK_WARN ? DOCTOR_WARN : DOCTOR_OK, "disk",
	    room < DISK_WARN ? "records and the database need room" : NULL,
	    "%llu MiB free for the state directory",
	    (unsigned long long)(room >> 20));
}

/* Where the web server is believed; that there is none is no fault. */
static void
check_identity(struct doctor *d)
{
	static const char name[] = "trusted_identity_socket";
	const char *path = d->c->conf.trusted_identity_socket;
	struct stat st;

	if (path[0] == '\0')
		return;
	if (stat(path, &st) == -1)
		doctor_say(d, DOCTOR_WARN, name,
		    "name the socket of a program, or the directory of sockets",
		    "%s: %m", path);
	else if (S_ISSOCK(st.st_mode) && (st.st_mode & S_IWOTH) != 0)
		doctor_say(d, DOCTOR_WARN, name, "chmod o= on it",
		    "%s: all of this host can pose as anybody", path);
	else
		doctor_say(d, DOCTOR_OK, name, NULL, "%s", path);
}

void
doctor_host(struct doctor *d)
{
	struct err e = { 0 };

	check_list(d);
	if (owner_become(d->c->conf.state_dir, &e) == -1)
		doctor_say(d, DOCTOR_FAIL, "user", NULL, "%s", e.msg);
	check_dir(d, "state directory", d->c->conf.state_dir, true);
	check_runtime(d);
	check_secret(d);
	check_identity(d);
	check_sql(d);
	check_kv(d);
	check_spool(d);
	check_limits(d);
}
