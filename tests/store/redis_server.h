#ifndef TESTS_STORE_REDIS_SERVER_H
#define TESTS_STORE_REDIS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Is there a redis-server to test with? */
bool redis_server_there(void);
/* One of our own, with its socket DIR/redis; empty. */
pid_t redis_server_start(const char *dir);
void redis_server_stop(pid_t);
/* A command, its words parted by blanks; ends the test if it fails. */
void redis_server_do(const char *dir, const char *command);
/* How often scripts have been run there; and until one more has, or 5 s. */
int64_t redis_server_scripts(const char *dir);
void redis_server_wait(const char *dir, int64_t scripts);

#endif
