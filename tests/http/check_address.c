#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "http/address.h"
#include "room.h"

static const struct {
	const char *text;
	bool open;
} rows[] = {
	{ "8.8.8.8", true },
	{ "1.1.1.1", true },
	{ "0.0.0.0", false },
	{ "0.1.2.3", false },
	{ "10.255.0.1", false },
	{ "11.0.0.1", true },
	{ "100.63.0.1", true },
	{ "100.64.0.1", false },
	{ "100.127.255.255", false },
	{ "100.128.0.1", true },
	{ "127.0.0.1", false },
	{ "127.255.255.255", false },
	{ "169.254.169.254", false },
	{ "172.15.0.1", true },
	{ "172.16.0.1", false },
	{ "172.31.255.255", false },
	{ "172.32.0.1", true },
	{ "192.0.0.8", false },
	{ "192.0.1.1", true },
	{ "192.168.0.1", false },
	{ "198.17.255.255", true },
	{ "198.18.0.1", false },
	{ "198.19.255.255", false },
	{ "223.255.255.255", true },
	{ "224.0.0.1", false },
	{ "240.0.0.1", false },
	{ "255.255.255.255", false },
	{ "::", false },
	{ "::1", false },
	{ "::8.8.8.8", false },
	{ "::ffff:127.0.0.1", false },
	{ "::ffff:8.8.8.8", true },
	{ "64:ff9b::10.0.0.1", false },
	{ "64:ff9b::8.8.8.8", true },
	{ "64:ff9b:1::1", false },
	{ "2002:7f00:1::1", false },
	{ "2002:808:808::1", true },
	{ "2001::1", false },
	{ "2606:4700:4700::1111", true },
	{ "fc00::1", false },
	{ "fdff::1", false },
	{ "fe80::1", false },
	{ "febf::1", false },
	{ "fec0::1", false },
	{ "ff02::1", false },
};

START_TEST(address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const void *sa = &v4;

	if (inet_pton(AF_INET, rows[_i].text, &v4.sin_addr) != 1) {
		ck_assert_int_eq(
		    inet_pton(AF_INET6, rows[_i].text, &v6.sin6_addr), 1);
		sa = &v6;
	}
	ck_assert_msg(
	    address_is_public(sa) == rows[_i].open, "%s", rows[_i].text);
}
END_TEST

START_TEST(other)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };

	ck_assert(!address_is_public((const struct sockaddr *)&u));
}
END_TEST

CASE(case_address)
{
	TCase *t = tcase_create("address");

	tcase_add_loop_test(t, address, 0, NROWS(rows));
	tcase_add_test(t, other);
	return t;
}
