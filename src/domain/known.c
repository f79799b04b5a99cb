#include "domain/known.h"
#include "base/clock.h"

#define NOT_MS 5000
#define OLD_MS (15 * 60 * 1000) /* api.md 21.1 */

/* A mark is as good as a random number: any of its bytes choose the place. */
static size_t
place(const unsigned char mark[HASH_MARK])
{
	uint32_t v;

	memcpy(&v, mark, sizeof(v));
	return v;
}

void
known_poll(struct known *k, int64_t version, int64_t now_ms)
{
	now_ms |= 1; /* 0 is never */
	if (now_ms < k->polled_ms)
		return;
	k->version = version;
	k->polled_ms = now_ms;
}

/* Is there one that is not over?  -1: it was a rolled secret, and is over. */
static int
look(struct known_key *y, const unsigned char mark[HASH_MARK], int64_t wall_ms)
{
	if (y->seen_ms == 0 || !hash_equal(y->mark, mark, HASH_MARK))
		return 0;
	return y->until_ms != 0 && wall_ms >= y->until_ms ? -1 : 1;
}

static bool
is_not(
    const struct known *k, const unsigned char mark[HASH_MARK], int64_t now_ms)
{
	const struct known_not *n = &k->nots[place(mark) % KNOWN_NOT];

	return n->seen_ms != 0 && n->version == k->version &&
	    now_ms - n->seen_ms < NOT_MS &&
	    hash_equal(n->mark, mark, HASH_MARK);
}

int
known_find(struct known *k, const unsigned char mark[HASH_MARK],
    int64_t wall_ms, const struct principal **out)
{
	struct known_key *y = &k->keys[place(mark) % KNOWN_KEYS];
	int64_t now_ms = clock_ms();
	int rc = look(y, mark, wall_ms);

	bool polled = now_ms - k->polled_ms < k->ttl_ms;

	if (rc == 1 && y->who->version == k->version && polled) {
		y->seen_ms = k->polled_ms;
		*out = principal_hold(y->who);
		return 1;
	}
	return rc == -1 || (polled && is_not(k, mark, now_ms)) ? -1 : 0;
}

int
known_find_old(struct known *k, const unsigned char mark[HASH_MARK],
    int64_t wall_ms, const struct principal **out)
{
	struct known_key *y = &k->keys[place(mark) % KNOWN_KEYS];
	int64_t now_ms = clock_ms();

	if (is_not(k, mark, now_ms))
		return -1;
	if (look(y, mark, wall_ms) != 1 || now_ms - y->seen_ms >= OLD_MS)
		return 0;
	*out = principal_hold(y->who);
	return 1;
}

static void
forget(struct known_key *y)
{
	principal_drop(y->who);
	y->who = NULL;
	y->seen_ms = 0;
}

void
known_keep(struct known *k, const unsigned char mark[HASH_MARK],
    int64_t version, const struct principal *who, int64_t until_ms)
{
	struct known_key *y = &k->keys[place(mark) % KNOWN_KEYS];
	struct known_not *n = &k->nots[place(mark) % KNOWN_NOT];
	int64_t now_ms = clock_ms() | 1;

	if (who != NULL) {
		forget(y);
		memcpy(y->mark, mark, HASH_MARK);
		y->seen_ms = now_ms;
		y->until_ms = until_ms;
		y->who = principal_hold(who);
		return;
	}
	/* Deleted just now: 15 minutes of trust are over. */
	if (y->seen_ms != 0 && hash_equal(y->mark, mark, HASH_MARK))
		forget(y);
	memcpy(n->mark, mark, HASH_MARK);
	n->seen_ms = now_ms;
	n->version = version;
}

/* The end of an id is random. */
static size_t
org_place(const char *id)
{
	size_t h = 0;

	while (*id != '\0')
		h = h * 31 + (unsigned char)*id++;
	return h % KNOWN_ORGS;
}

const struct org *
known_org(const struct known *k, const char *id, int64_t version)
{
	const struct org *o = k->orgs[org_place(id)];

	if (o == NULL || o->version != version || strcmp(o->id, id) != 0)
		return NULL;
	return org_hold(o);
}

void
known_keep_org(struct known *k, const struct org *o)
{
	const struct org **at = &k->orgs[org_place(o->id)];

	org_drop(*at);
	*at = org_hold(o);
}

void
known_forget(struct known *k)
{
	int i;

	for (i = 0; i < KNOWN_KEYS; i++)
		principal_drop(k->keys[i].who);
	for (i = 0; i < KNOWN_ORGS; i++)
		org_drop(k->orgs[i]);
	memset(k->keys, 0, sizeof(k->keys));
	memset(k->orgs, 0, sizeof(k->orgs));
}
