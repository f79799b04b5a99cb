#ifndef BASE_NET_H
#define BASE_NET_H

#include "base/str.h"

/* The bytes of an address in text: 4 or 16 of them, 0 if it is none. */
size_t net_address(struct str, unsigned char out[16]);

/*
 * Is the host in a comma list of names, addresses and networks
 * ("localhost, 127.0.0.0/8, ::1")?  Nothing is looked up: a name is only ever
 * equal to a name.  Entries that are none of these match nothing.
 */
bool net_host_in(struct str list, struct str host);

/*
 * Is this socket bound to a unix path: to this one, or to one directly in this
 * directory?  Both are looked up in the file system, so it does not matter by
 * which links they are named.  A relative path of the socket is none.
 */
bool net_bound_to(int fd, const char *path);

/* Is it an address or a network, "10.0.0.0/8"? */
bool net_is_network(struct str);

#endif
