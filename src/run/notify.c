#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/notify.h"

void
notify_open(struct notify *t)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name == NULL ? 0 : strlen(name);

	*t = (struct notify){ .fd = -1 };
	if (n < 2 || n >= sizeof(t->to.sun_path) ||
	    (name[0] != '/' && name[0] != '@'))
		return;
	t->to.sun_family = AF_UNIX;
	memcpy(t->to.sun_path, name, n);
	if (name[0] == '@') /* an abstract one */
		t->to.sun_path[0] = '\0';
	t->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	t->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsetenv("NOTIFY_SOCKET");
}

void
notify_close(struct notify *t)
{
	if (t->fd != -1)
		close(t->fd);
	t->fd = -1;
}

void
notify_say(const struct notify *t, const char *lines)
{
	if (t->fd != -1)
		sendto(t->fd, lines, strlen(lines), MSG_NOSIGNAL,
		    (const struct sockaddr *)&t->to, t->n);
}
