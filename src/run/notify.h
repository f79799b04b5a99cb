#ifndef RUN_NOTIFY_H
#define RUN_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

/*
 * sd_notify(3) without its library: a service manager that wants to know how
 * things are names a datagram socket in NOTIFY_SOCKET.
 */
struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un to;
	socklen_t n;
};

/* Takes the variable away: it is not for our processes. */
void notify_open(struct notify *);
void notify_close(struct notify *);
/* Lines as "READY=1\nSTATUS=..."; what is not heard is lost. */
void notify_say(const struct notify *, const char *lines);

#endif
