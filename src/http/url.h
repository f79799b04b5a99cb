#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * URLs of providers: scheme://host[:port][/path].  What else RFC 3986 allows
 * is refused, because nobody writes it on purpose into a base URL and each is a
 * way to hide where a key goes: user info, query, fragment, "." and ".."
 * segments, blanks and control characters, bytes outside ASCII.
 */
struct url {
	bool tls;        /* https */
	struct str host; /* IPv6 without its brackets */
	int port;        /* 0: the scheme's own */
	struct str path; /* "" or "/a/b", without a slash at the end */
};

/* Views into the text.  -1: ERR_CONFIG, the message says what is wrong. */
int url_parse(struct str, struct url *, struct err *);

/*
 * Is the host in a comma list of names, addresses and networks
 * ("localhost, 127.0.0.0/8, ::1")?  Nothing is looked up: a name is only ever
 * equal to a name.  Entries that are none of these match nothing.
 */
bool url_host_in(struct str list, struct str host);

/* An address of loopback or of a private network, or "localhost"? */
bool url_host_private(struct str host);

/*
 * A base URL and the path behind it.  What the base ends with and the path
 * begins with is written once, in whole segments, so that people may give
 * either http://host or http://host/v1 where the path is /v1/chat/completions.
 */
struct str url_join(struct arena *, struct str base, struct str path);

/* Append as one path segment: all but letters, digits and -._~ as %XX. */
void url_segment(struct buf *, struct str);

#endif
