#ifndef PIPELINE_PEERS_H
#define PIPELINE_PEERS_H

#include <sys/types.h>

#include "base/conf.h"
#include "base/err.h"

/*
 * Who may connect to the listening socket (reliability.md T11).  A socket of
 * the file system has its mode, and fcgi_users where that is set; one of TCP
 * needs fcgi_peers.
 */
struct peers;

/*
 * ERR_CONFIG: it is TCP and nobody is listed, or fcgi_users is wrong.
 * Connections of TCP get no delay and keep-alive.
 */
int peers_open(
    struct peers **, int listen_fd, const struct conf *, struct err *);
void peers_close(struct peers *); /* NULL: nothing */

/*
 * accept4() of one that may connect: its descriptor; -1 as accept4() says it;
 * PEERS_REFUSED: there was one that may not, and it has been closed unread.
 * `who` is where it came from then, as text.
 */
#define PEERS_REFUSED (-2)
#define PEERS_WHO 64
int peers_accept(const struct peers *, int listen_fd, char who[PEERS_WHO]);

#endif
