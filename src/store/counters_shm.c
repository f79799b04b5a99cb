/*
 * Counters in a mapped file of the host (counters_map.h).  A call hashes its
 * keys, takes the lock of the organisation's stripe, looks, and changes all or
 * nothing; there is no system call on the way but for a counter that is new.
 *
 * Time is the monotonic clock.  counters_change() gets a wall time, of which
 * only its distance from now counts.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/counters_map.h"

#define GENERATIONS_MAX 16 /* files replaced under a running process */

struct shm {
	_Atomic(struct map_file *) file;
	const char *dir;
	uint64_t said; /* generation that knows this process's holds */
	bool saying;   /* between counters_tend() = 1 and counters_renewed() */
	int replaced;
};

/* An op and where its counter stands. */
struct place {
	struct map_key key;
	int slot;
};

static struct map_file *
file_of(const struct counters *c)
{
	const struct shm *s = c->state;

	return atomic_load(&s->file);
}

static struct map_key
key_of(const struct map *m, struct str org, char kind, struct str key,
    int64_t window_ms)
{
	char text[COUNTER_ORG_MAX + COUNTER_KEY_MAX + 16];
	struct map_key k;
	size_t n = 0;

	memcpy(text, org.p, org.n);
	n += org.n;
	text[n++] = '\0';
	text[n++] = kind;
	memcpy(text + n, &window_ms, sizeof(window_ms));
	n += sizeof(window_ms);
	memcpy(text + n, key.p, key.n);
	hash_mark(m->key, (struct str){ text, n + key.n }, (void *)&k);
	if (k.a == 0)
		k.a = 1; /* 0 is a free place */
	return k;
}

static int
stripe_of(const struct map *m, struct str org)
{
	struct map_key k;

	hash_mark(m->key, org, (void *)&k);
	return (int)(k.a % MAP_STRIPES);
}

static struct map_key
op_key(const struct map *m, struct str org, const struct counter_op *op)
{
	bool rate = op->kind == COUNTER_RATE;

	return key_of(
	    m, org, rate ? 'r' : 'c', op->key, rate ? op->window_ms : 0);
}

static int64_t
slot_ms_of(const struct counter_op *op)
{
	return op->window_ms < MAP_SLOTS ? 1 : op->window_ms / MAP_SLOTS;
}

static bool
takes_hold(const struct counter_op *op)
{
	return (op->kind == COUNTER_HELD || op->kind == COUNTER_OPEN) &&
	    op->by > 0;
}

/* All counters get their place before anything is counted. */
static bool
find_places(struct map_file *f, int stripe, const struct counter_op *ops,
    struct place *p, int n, int64_t now)
{
	for (int i = 0; i < n; i++) {
		if (ops[i].kind == COUNTER_RATE)
			p[i].slot = counters_slot_rate(f, stripe, p[i].key,
			    true, now, slot_ms_of(&ops[i]));
		else
			p[i].slot =
			    counters_slot_held(f, stripe, p[i].key, true, now);
		if (p[i].slot == -1)
			return false;
	}
	return true;
}

static enum counter_result
look_rate(struct map_rate *r, struct counter_op *op, int64_t now)
{
	counters_rate_advance(r, now);
	op->used = r->sum;
	if (counters_rate_fits(r->sum, op->by, op->limit))
		return COUNTERS_TAKEN;
	op->wait_ms = counters_rate_wait(r, op->by, op->limit, now);
	return COUNTERS_REFUSED;
}

static enum counter_result
look_held(const struct map_held *v, struct counter_op *op)
{
	op->held = v->held;
	op->used = op->kind == COUNTER_OPEN ? 0 : v->used;
	if (op->kind != COUNTER_OPEN && op->limit != INT64_MAX &&
	    v->version == 0)
		return COUNTERS_UNKNOWN;
	if (op->kind == COUNTER_BELOW)
		return op->limit == INT64_MAX || op->used < op->limit ?
		    COUNTERS_TAKEN :
		    COUNTERS_REFUSED;
	return counters_fits(op->used, op->held, op->by, op->limit) ?
	    COUNTERS_TAKEN :
	    COUNTERS_REFUSED;
}

/* Fills all ops; the first that is not admitted decides. */
static enum counter_result
look(struct map_table *t, struct counter_op *ops, const struct place *p, int n,
    int64_t now, int *at)
{
	enum counter_result one, rc = COUNTERS_TAKEN;

	for (int i = 0; i < n; i++) {
		one = ops[i].kind == COUNTER_RATE ?
		    look_rate(&t->rates[p[i].slot], &ops[i], now) :
		    look_held(&t->held[p[i].slot], &ops[i]);
		if (rc == COUNTERS_TAKEN && one != COUNTERS_TAKEN) {
			rc = one;
			*at = i;
		}
	}
	return rc;
}

/* The hold of this id, made if it is not there; -1: there is no room. */
static int
hold_of(struct map *m, int stripe, struct map_key id)
{
	int h = counters_hold_find(m, stripe, id);

	return h != -1 ? h : counters_hold_make(m, stripe, id);
}

/* `add`: to what the parts are; else that is what they become. */
static bool
set_parts(struct map *m, int stripe, int hold, const struct counter_op *ops,
    const struct place *p, int n, bool add)
{
	int64_t amount;

	for (int i = 0; i < n; i++) {
		if (ops[i].kind != COUNTER_HELD && ops[i].kind != COUNTER_OPEN)
			continue;
		amount = ops[i].by;
		if (add)
			amount += counters_hold_part(
			    &m->holds[hold], (uint32_t)p[i].slot);
		if (!counters_hold_set(m, stripe, hold, (uint32_t)p[i].slot,
			ops[i].kind, amount))
			return false;
	}
	return true;
}

/* Would these ops and the parts of the hold be too many? */
static bool
too_many(const struct map *m, int hold, const struct counter_op *ops,
    const struct place *p, int n)
{
	int64_t parts = m->holds[hold].nparts;

	for (int i = 0; i < n; i++)
		if (takes_hold(&ops[i]) &&
		    counters_hold_part(&m->holds[hold], (uint32_t)p[i].slot) ==
			0)
			parts++;
	return parts > COUNTER_PARTS_MAX;
}

static bool
take(struct counters *c, struct map_file *f, int stripe, struct map_key id,
    bool holds, const struct counter_op *ops, const struct place *p, int n,
    int64_t now)
{
	struct map *m = f->map;
	struct map_rate *r;
	int hold;

	if (holds) {
		hold = hold_of(m, stripe, id);
		if (hold == -1)
			return false;
		if (too_many(m, hold, ops, p, n)) {
			if (m->holds[hold].nparts == 0)
				counters_hold_drop(m, stripe, hold);
			return false;
		}
		set_parts(m, stripe, hold, ops, p, n, true);
		counters_hold_until(m, stripe, hold, now + c->setup.hold_ms);
	}
	for (int i = 0; i < n; i++) {
		if (ops[i].kind != COUNTER_RATE)
			continue;
		r = &m->tables[stripe].rates[p[i].slot];
		r->slots[r->at % MAP_SLOTS] += ops[i].by;
		r->sum += ops[i].by;
	}
	return true;
}

/* Ready, or ready by now: see counters_renewed(). */
static bool
is_ready(struct map *m, int64_t now)
{
	int64_t since = now - m->built_ms;

	if (m->state == MAP_READY)
		return true;
	if (since < COUNTERS_BUILD_MS ||
	    (m->busy > 0 && since < COUNTERS_BUILD_MAX_MS))
		return false;
	m->state = MAP_READY;
	return true;
}

static enum counter_result
apply(struct counters *c, struct str org, struct str id, struct counter_op *ops,
    int n, int *at, struct err *e)
{
	struct map_file *f = file_of(c);
	struct place p[COUNTER_OPS_MAX];
	struct map_key idkey = { 0, 0 };
	enum counter_result rc = COUNTERS_DOWN;
	bool holds = false, money = false;
	int stripe = stripe_of(f->map, org);
	int64_t now;

	for (int i = 0; i < n; i++) {
		p[i].key = op_key(f->map, org, &ops[i]);
		holds = holds || takes_hold(&ops[i]);
		money = money || ops[i].kind == COUNTER_HELD;
	}
	if (holds)
		idkey = key_of(f->map, org, 'h', id, 0);
	if ((money && !is_ready(f->map, counters_map_now())) ||
	    counters_map_lock(f, stripe, e) == -1) {
		counters_down(e);
		return COUNTERS_DOWN;
	}
	now = counters_map_now();
	counters_hold_expire(f->map, stripe, now);
	if (find_places(f, stripe, ops, p, n, now)) {
		rc = look(&f->map->tables[stripe], ops, p, n, now, at);
		if (rc == COUNTERS_TAKEN &&
		    !take(c, f, stripe, idkey, holds, ops, p, n, now))
			rc = COUNTERS_DOWN;
	}
	counters_map_unlock(f, stripe);
	if (rc == COUNTERS_DOWN)
		counters_down(e);
	return rc;
}

/* `make`: also those that are not there. */
static bool
load_values(struct map_file *f, int stripe, struct str org,
    const struct counter_value *v, int n, bool make, int64_t now)
{
	struct map_held *h;
	int at;

	for (int i = 0; i < n; i++) {
		at = counters_slot_held(f, stripe,
		    key_of(f->map, org, 'c', v[i].key, 0), make, now);
		if (at == -1 && make)
			return false;
		if (at == -1)
			continue;
		h = &f->map->tables[stripe].held[at];
		/* Never loaded and not to be made: the next reader loads it. */
		if ((h->version == 0 && !make) || h->version > v[i].version)
			continue;
		h->used = v[i].value;
		h->version = v[i].version + 1;
	}
	return true;
}

static int
load(struct counters *c, struct str org, const struct counter_value *v, int n,
    struct err *e)
{
	struct map_file *f = file_of(c);
	int stripe = stripe_of(f->map, org);
	bool done;

	if (counters_map_lock(f, stripe, e) == -1)
		return -1;
	done = load_values(f, stripe, org, v, n, true, counters_map_now());
	counters_map_unlock(f, stripe);
	return done ? 0 : counters_down(e);
}

static void
change_rate(struct map_file *f, int stripe, struct map_key key,
    const struct counter_op *op, int64_t then, int64_t now)
{
	struct map_rate *r;
	int64_t s, by = op->by, *slot;
	int at = counters_slot_rate(f, stripe, key, false, now, slot_ms_of(op));

	if (at == -1)
		return;
	r = &f->map->tables[stripe].rates[at];
	counters_rate_advance(r, now);
	s = then / r->slot_ms;
	if (s > r->at)
		s = r->at;
	if (r->at - s >= MAP_SLOTS)
		return;
	slot = &r->slots[s % MAP_SLOTS];
	if (by < -*slot)
		by = -*slot;
	*slot += by;
	r->sum += by;
}

static void
change_hold(struct map_file *f, int stripe, struct map_key id,
    const struct counter_op *ops, struct place *p, int n, int64_t now)
{
	struct map *m = f->map;
	int hold = counters_hold_find(m, stripe, id);

	if (hold == -1)
		return;
	for (int i = 0; i < n; i++) {
		if (ops[i].kind != COUNTER_HELD && ops[i].kind != COUNTER_OPEN)
			continue;
		p[i].slot = counters_slot_held(f, stripe, p[i].key, true, now);
		if (p[i].slot != -1)
			counters_hold_set(m, stripe, hold, (uint32_t)p[i].slot,
			    ops[i].kind, ops[i].by);
	}
	if (m->holds[hold].nparts == 0)
		counters_hold_drop(m, stripe, hold);
	else
		counters_hold_until(m, stripe, hold, now + COUNTERS_ENDED_MS);
}

static void
change(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, int64_t at_ms)
{
	struct map_file *f = file_of(c);
	struct place p[COUNTER_OPS_MAX];
	int stripe = stripe_of(f->map, org);
	int64_t now = counters_map_now(), ago = clock_wall_ms() - at_ms;
	struct err ignored = { 0 };

	for (int i = 0; i < n; i++)
		p[i].key = op_key(f->map, org, &ops[i]);
	if (ago < 0)
		ago = 0;
	if (ago > COUNTER_WINDOW_MAX)
		ago = COUNTER_WINDOW_MAX;
	if (counters_map_lock(f, stripe, &ignored) == -1)
		return; /* the hold goes with its drop, or by time */
	for (int i = 0; i < n; i++)
		if (ops[i].kind == COUNTER_RATE)
			change_rate(
			    f, stripe, p[i].key, &ops[i], now - ago, now);
	if (id.n > 0)
		change_hold(
		    f, stripe, key_of(f->map, org, 'h', id, 0), ops, p, n, now);
	counters_map_unlock(f, stripe);
}

static int
drop(struct counters *c, const struct counter_drop *d, int n, struct err *e)
{
	struct map_file *f = file_of(c);
	int stripe, hold;

	for (int i = 0; i < n; i++) {
		stripe = stripe_of(f->map, d[i].org);
		if (counters_map_lock(f, stripe, e) == -1)
			return -1;
		load_values(f, stripe, d[i].org, d[i].values, d[i].nvalues,
		    false, counters_map_now());
		for (int k = 0; k < d[i].nids; k++) {
			hold = counters_hold_find(f->map, stripe,
			    key_of(f->map, d[i].org, 'h', d[i].ids[k], 0));
			if (hold != -1)
				counters_hold_drop(f->map, stripe, hold);
		}
		counters_map_unlock(f, stripe);
	}
	return 0;
}

static int
renew(struct counters *c, struct str org, struct str id,
    const struct counter_op *ops, int n, struct err *e)
{
	struct map_file *f = file_of(c);
	struct place p[COUNTER_OPS_MAX];
	int stripe = stripe_of(f->map, org), hold = -1;
	int64_t now = counters_map_now();
	bool done;

	for (int i = 0; i < n; i++)
		p[i].key = op_key(f->map, org, &ops[i]);
	if (counters_map_lock(f, stripe, e) == -1)
		return -1;
	done = find_places(f, stripe, ops, p, n, now) &&
	    (hold = hold_of(f->map, stripe, key_of(f->map, org, 'h', id, 0))) !=
		-1 &&
	    set_parts(f->map, stripe, hold, ops, p, n, false);
	if (hold != -1 && f->map->holds[hold].nparts == 0)
		counters_hold_drop(f->map, stripe, hold);
	else if (hold != -1)
		counters_hold_until(
		    f->map, stripe, hold, now + c->setup.hold_ms);
	counters_map_unlock(f, stripe);
	return done ? 0 : counters_down(e);
}

/* Somebody removed the file: go to the new one, or make it. */
static int
follow(struct counters *c, struct err *e)
{
	struct shm *s = c->state;
	struct map_file *f, *old = atomic_load(&s->file);

	if (counters_map_current(old, s->dir))
		return 0;
	if (s->replaced == GENERATIONS_MAX)
		return counters_down(e);
	s->replaced++;
	f = ARENA_NEW(c->arena, struct map_file);
	if (counters_map_open(f, s->dir, e) == -1)
		return -1;
	f->older = old;
	atomic_store(&s->file, f);
	if (c->setup.log != NULL)
		log_say(c->setup.log, LOG_WARN_,
		    "the counters in %s were removed and are built anew",
		    s->dir);
	return 0;
}

/* Holds whose time is over go without a call for their organisation, too. */
static void
sweep(struct map_file *f)
{
	struct err ignored = { 0 };
	int64_t now = counters_map_now();

	for (int i = 0; i < MAP_STRIPES; i++) {
		if (now < f->map->stripes[i].next_expiry ||
		    counters_map_lock(f, i, &ignored) == -1)
			continue;
		counters_hold_expire(f->map, i, now);
		counters_map_unlock(f, i);
	}
}

static int
tend(struct counters *c, struct err *e)
{
	struct shm *s = c->state;
	struct map *m;

	if (follow(c, e) == -1)
		return -1;
	m = file_of(c)->map;
	is_ready(m, counters_map_now());
	sweep(file_of(c));
	if (s->said == m->generation)
		return 0;
	if (!s->saying)
		m->busy++;
	s->saying = true;
	return 1;
}

static void
renewed(struct counters *c)
{
	struct shm *s = c->state;
	struct map *m = file_of(c)->map;

	if (s->saying)
		m->busy--;
	s->saying = false;
	s->said = m->generation;
}

static int
ping(struct counters *c, int64_t timeout_ms, struct err *e)
{
	(void)c, (void)timeout_ms, (void)e;
	return 0;
}

static void
held(struct counters *c, int64_t *holds, int64_t *nano)
{
	struct map *m = file_of(c)->map;

	for (int i = 0; i < MAP_STRIPES; i++) {
		*holds += m->stripes[i].holds;
		*nano += m->stripes[i].nano;
	}
}

static void
close_files(struct counters *c)
{
	for (struct map_file *f = file_of(c); f != NULL; f = f->older)
		counters_map_close(f);
}

static const struct counters_ops shm_ops = {
	.name = "embedded",
	.quick = true,
	.close = close_files,
	.apply = apply,
	.load = load,
	.change = change,
	.drop = drop,
	.tend = tend,
	.renew = renew,
	.renewed = renewed,
	.ping = ping,
	.held = held,
};

uint64_t
counters_shm_host(const struct counters *c)
{
	struct map_key k;

	hash_mark(file_of(c)->map->key, STR("host"), (void *)&k);
	return k.a;
}

_Atomic int *
counters_shm_hosts(const struct counters *c)
{
	return &file_of(c)->map->hosts;
}

int
counters_shm_open(struct counters *c, const char *where, struct err *e)
{
	struct map_file *f = ARENA_NEW(c->arena, struct map_file);
	struct shm *s = ARENA_NEW(c->arena, struct shm);

	s->dir = arena_cstr(c->arena, str_from(where));
	if (counters_map_open(f, s->dir, e) == -1)
		return -1;
	atomic_init(&s->file, f);
	s->said = f->map->generation;
	c->state = s;
	c->ops = &shm_ops;
	return 0;
}
