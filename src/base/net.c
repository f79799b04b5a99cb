#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/net.h"

/* The bytes of an address: 4 or 16 of them, 0 if it is none. */
size_t
net_address(struct str s, unsigned char out[16])
{
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text))
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

/* Do the first `bits` bits agree? */
static bool
same_net(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned mask = 0xffu << (8 - bits % 8) & 0xff;

	return memcmp(a, b, bits / 8) == 0 &&
	    (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

/* The number behind the slash of a network; without one all bits. */
static bool
net_bits(struct str text, size_t n, unsigned *bits)
{
	unsigned v = 0;
	size_t i;

	*bits = (unsigned)n * 8;
	if (text.p == NULL)
		return true;
	for (i = 0; i < text.n && i < 4; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text.p[i] - '0');
	}
	if (text.n == 0 || text.n > 3 || v > *bits)
		return false;
	*bits = v;
	return true;
}

bool
net_host_in(struct str list, struct str host)
{
	unsigned char want[16], have[16];
	struct str one, net;
	unsigned bits;
	size_t n = net_address(host, have);

	while (list.p != NULL) {
		one = str_trim(str_split(&list, ','));
		if (n == 0 && host.n > 0 && one.n == host.n &&
		    strncasecmp(one.p, host.p, host.n) == 0)
			return true;
		net = str_split(&one, '/');
		if (n > 0 && net_address(net, want) == n &&
		    net_bits(one, n, &bits) && same_net(have, want, bits))
			return true;
	}
	return false;
}

bool
net_bound_to(int fd, const char *path)
{
	struct sockaddr_un a = { 0 };
	socklen_t n = sizeof(a);
	char at[sizeof(a.sun_path) + 1] = "";
	struct stat want, have;

	if (getsockname(fd, (struct sockaddr *)&a, &n) == -1 ||
	    a.sun_family != AF_UNIX || a.sun_path[0] != '/' ||
	    stat(path, &want) == -1)
		return false;
	/* A path of full length has no NUL. */
	memcpy(at, a.sun_path, sizeof(a.sun_path));
	if (S_ISDIR(want.st_mode))
		strrchr(at, '/')[1] = '\0';
	return stat(at, &have) == 0 && have.st_dev == want.st_dev &&
	    have.st_ino == want.st_ino;
}

/* A good one holds its own address, which is one of all. */
bool
net_is_network(struct str s)
{
	struct str rest = s, host = str_split(&rest, '/');
	struct str any = memchr(host.p, ':', host.n) != NULL ? STR("::/0") :
							       STR("0.0.0.0/0");

	return host.n > 0 && memchr(s.p, ',', s.n) == NULL &&
	    net_host_in(any, host) && net_host_in(s, host);
}
