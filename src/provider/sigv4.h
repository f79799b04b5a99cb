#ifndef PROVIDER_SIGV4_H
#define PROVIDER_SIGV4_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * AWS Signature Version 4.  Which headers are signed is the caller's list, and
 * it is short: whatever a proxy may add or change breaks the signature (trap
 * 72).  Pure; nothing here can fail.
 */
struct sigv4 {
	const char *method;
	struct str path;  /* as on the wire: encoded once (trap 71) */
	struct str query; /* as on the wire, without "?" */
	struct str body;
	const struct str *headers; /* "Name: value", in any order; Host too */
	int nheaders;
	struct str date;    /* "20261122T101500Z", as in x-amz-date */
	struct str region;  /* "us-east-1" */
	struct str service; /* "bedrock" */
	struct str key_id;
	struct str secret;
	bool keep_path; /* leave "..", "." and "//" in the path */
};

#define SIGV4_DATE_SIZE 17
void sigv4_date(int64_t unix_seconds, char out[SIGV4_DATE_SIZE]);

/* Canonical request and string to sign, for tests. */
void sigv4_canonical(const struct sigv4 *, struct arena *, struct buf *);
void sigv4_to_sign(const struct sigv4 *, struct str canonical, struct buf *);

/* Append the value of the header Authorization. */
void sigv4_authorize(const struct sigv4 *, struct arena *, struct buf *);

#endif
