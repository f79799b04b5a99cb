#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <hiredis/hiredis.h>

#include "store/redis_server.h"

bool
redis_server_there(void)
{
	return access("/usr/bin/redis-server", X_OK) == 0;
}

static redisContext *
connect_to(const char *dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/redis", dir);
	return redisConnectUnix(path);
}

pid_t
redis_server_start(const char *dir)
{
	char path[256];
	redisContext *c = NULL;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/redis", dir);
	unlink(path);
	if ((pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/usr/bin/redis-server", "redis-server", "--port", "0",
		    "--unixsocket", path, "--save", "", "--appendonly", "no",
		    "--dir", dir, "--logfile", "/dev/null",
		    "--enable-debug-command", "yes", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200; i++) {
		c = connect_to(dir);
		if (c != NULL && c->err == 0)
			break;
		redisFree(c);
		c = NULL;
		usleep(20000);
	}
	ck_assert_ptr_nonnull(c);
	redisFree(c);
	return pid;
}

void
redis_server_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void
redis_server_do(const char *dir, const char *command)
{
	redisContext *c = connect_to(dir);
	redisReply *r = redisCommand(c, command);

	ck_assert_ptr_nonnull(r);
	ck_assert_msg(r->type != REDIS_REPLY_ERROR, "%s: %s", command, r->str);
	freeReplyObject(r);
	redisFree(c);
}

int64_t
redis_server_scripts(const char *dir)
{
	static const char *const names[] = { "cmdstat_eval:calls=",
		"cmdstat_evalsha:calls=" };
	redisContext *c = connect_to(dir);
	redisReply *r = redisCommand(c, "INFO commandstats");
	const char *at;
	int64_t n = 0;

	ck_assert_ptr_nonnull(r);
	for (int i = 0; i < 2; i++)
		if ((at = strstr(r->str, names[i])) != NULL)
			n += strtoll(at + strlen(names[i]), NULL, 10);
	freeReplyObject(r);
	redisFree(c);
	return n;
}

void
redis_server_wait(const char *dir, int64_t scripts)
{
	for (int i = 0; i < 500 && redis_server_scripts(dir) <= scripts; i++)
		usleep(10000);
}
