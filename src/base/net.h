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

/* Is it an address or a network, "10.0.0.0/8"? */
bool net_is_network(struct str);

#endif
