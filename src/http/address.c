#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "http/address.h"

static const struct {
	uint32_t net;
	int bits;
} closed4[] = {
	{ 0x00000000, 8 },  /* this network */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* carriers' */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xe0000000, 4 },  /* multicast */
	{ 0xf0000000, 4 },  /* reserved, broadcast */
};

static bool
is_public4(uint32_t a)
{
	size_t i;

	for (i = 0; i < NROWS(closed4); i++)
		if (a >> (32 - closed4[i].bits) ==
		    closed4[i].net >> (32 - closed4[i].bits))
			return false;
	return true;
}

static uint32_t
word(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static bool
is_public6(const unsigned char *p)
{
	static const unsigned char mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff };
	static const unsigned char nat64[] = { 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0,
		0, 0, 0, 0 };
	static const unsigned char zeros[12];

	if (memcmp(p, zeros, 12) == 0) /* ::, ::1, ::1.2.3.4 */
		return false;
	if (memcmp(p, mapped, 12) == 0 || memcmp(p, nat64, 12) == 0)
		return is_public4(word(p + 12));
	if (word(p) >> 16 == 0x2002) /* 6to4 */
		return is_public4(word(p + 2));
	if (word(p) == 0x0064ff9b || word(p) == 0x20010000)
		return false; /* local NAT64, Teredo */
	return (p[0] & 0xfe) != 0xfc && (word(p) >> 22) != 0x3fa &&
	    (word(p) >> 22) != 0x3fb && p[0] != 0xff;
}

bool
address_is_public(const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		return is_public4(ntohl(v4.sin_addr.s_addr));
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&v6, sa, sizeof(v6));
	return is_public6(v6.sin6_addr.s6_addr);
}
