#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Is this an address of the open net, which a client may make us fetch from?
 * Not loopback, private, link-local, multicast, reserved, nor IPv6 that holds
 * such an IPv4 address (reliability.md T7).
 */
bool address_is_public(const struct sockaddr *);

#endif
