#include "base/clock.h"
#include "domain/discount.h"
#include "domain/price.h"
#include "pipeline/attempt.h"
#include "pipeline/batch.h"
#include "pipeline/gate.h"
#include "pipeline/guard.h"
#include "pipeline/keep.h"
#include "pipeline/loop.h"
#include "pipeline/record.h"
#include "pipeline/relay.h"
#include "pipeline/trace.h"
#include "pipeline/world.h"

#define RECORD_MAX ((size_t)256 * 1024)

void
record_id(struct req *r)
{
	memcpy(r->record_id, "log_", 4);
	rand_pool_timed(&r->ids, r->record_id + 4, 20, r->record.started_ms);
	r->record.id = str_from(r->record_id);
}

void
record_resolved(struct req *r)
{
	struct str root = r->route.root;

	r->record.endpoint = str_from(r->endpoint->name);
	r->record.requested_provider = arena_dup(r->life, r->route.provider);
	r->record.used_model = arena_dup(r->life, root);
	r->record.credential = STR("gateway");
}

static void
put_attempt(const struct attempt *at, struct str model, struct jw *w)
{
	jw_obj(w, NULL);
	jw_str(w, "provider", at->target->upstream->id);
	jw_str(w, "model", model);
	if (at->target->region.n > 0)
		jw_str(w, "region", at->target->region);
	jw_int(w, "status_code", at->status);
	jw_strc(w, "error_type", fault_rows[at->fault].word);
	jw_bool(w, "succeeded", at->fault == FAULT_NONE && at->status != 0);
	jw_strc(w, "credential", target_is_own(at->target) ? "own" : "gateway");
	jw_int(w, "duration_ms", at->duration_ms);
	jw_end(w);
}

static void
put_routing(const struct req *r, const char *key, struct jw *w)
{
	int i;

	jw_arr(w, key);
	for (i = 0; i < r->tries; i++)
		put_attempt(&r->attempts[i], r->record.used_model, w);
	jw_end(w);
}

void
record_routing(const struct req *r, struct buf *out)
{
	struct jw w = JW_TO(out);

	put_routing(r, NULL, &w);
}

static void
put_or_null(struct jw *w, const char *key, struct str s)
{
	if (s.p == NULL)
		jw_null(w, key);
	else
		jw_str(w, key, s);
}

void
record_metadata(const struct req *r, struct buf *out)
{
	const struct usage_record *u = &r->record;
	const struct target *t = attempt_target(r);
	struct jw w = JW_TO(out);

	jw_obj(&w, NULL);
	jw_strc(&w, "request_id", r->request_id);
	jw_str(&w, "requested_model", u->requested_model);
	put_or_null(&w, "requested_provider", u->requested_provider);
	jw_str(&w, "used_model", u->used_model);
	put_or_null(&w, "used_provider", u->used_provider);
	put_or_null(&w, "underlying_used_model", u->upstream_model);
	if (t != NULL && t->region.n > 0)
		jw_str(&w, "used_region", t->region);
	else if (t == NULL && u->used_region.n > 0)
		jw_str(&w, "used_region", u->used_region);
	jw_bool(&w, "cached", u->cached);
	put_routing(r, "routing", &w);
	jw_end(&w);
}

static int64_t
discounted(const struct req *r, const struct mapping *m)
{
	const struct org *o = r->who->org;

	return discount_factor(
	    o->discounts, o->ndiscounts, m, r->record.started_ms);
}

int64_t
record_factor(const struct req *r, const struct mapping *m, bool worst)
{
	int64_t factor = discounted(r, m), tier;
	const struct upstream *u;

	if (r->record.tier.n == 0 ||
	    (u = providers_find(r->world->providers, m->provider)) == NULL)
		return factor;
	tier = upstream_tier(u, llm_tier_of(r->record.tier));
	if (worst && tier < PRICE_FULL)
		return factor;
	return price_product(factor, tier);
}

/* By which it was served: told, or asked for and sent, as far as we know. */
static enum llm_tier
served_by(const struct req *r, const struct llm_usage *u)
{
	if (u->tier != LLM_TIER_UNTOLD || r->record.tier.n == 0 ||
	    llm_is_dropped(buf_str(&r->dropped), STR("service_tier")))
		return u->tier;
	return llm_tier_of(r->record.tier);
}

void
record_price(const struct req *r, const struct target *t, struct llm_usage *u,
    struct llm_cost *c)
{
	struct mapping copy;
	const struct mapping *m =
	    price_at(t->mapping, t->region, r->record.started_ms, &copy);
	int64_t tier = upstream_tier(t->upstream, served_by(r, u));

	price_fill(m, u);
	price_clamp(m, u);
	price_cost(m, u, price_product(discounted(r, m), tier), tier,
	    !target_is_own(t), c);
	if (!r->who->org->retain || r->world->storage_pico == 0)
		return;
	c->data_storage =
	    price_part(u->input + u->output, r->world->storage_pico);
	c->total += c->data_storage;
	c->billed += c->billed == 0 ? 0 : c->data_storage;
}

void
record_answer(struct req *r)
{
	const struct llm_facts *f = relay_facts(r);
	const struct target *t = attempt_target(r);
	struct usage_record *u = &r->record;

	if (f == NULL || t == NULL)
		return;
	if (r->endpoint->dialect->task == LLM_COUNT)
		return; /* it costs nothing, and its number is no usage */
	relay_usage(r, &u->usage);
	record_price(r, t, &u->usage, &u->cost);
	if (u->usage.tier > LLM_TIER_STANDARD)
		u->tier = u->usage.tier == LLM_TIER_FLEX ? STR("flex") :
							   STR("priority");
	else if (u->usage.tier == LLM_TIER_STANDARD && u->tier.n > 0)
		u->tier = STR("default");
	gate_known(r);
}

/* Was a provider at work when the client left? */
static bool
left_waiting(const struct req *r)
{
	return r->gone && r->tries > 0 &&
	    r->attempts[r->tries - 1].fault == FAULT_NONE;
}

/* An estimate is charged at most what was held (api.md 14.4). */
static void
cut_cost(struct llm_cost *c, int64_t max)
{
	int64_t *const parts[] = { &c->data_storage, &c->output, &c->request,
		&c->input };
	int64_t over = c->total - max, cut;

	for (size_t i = 0; i < NROWS(parts) && over > 0; i++) {
		cut = *parts[i] < over ? *parts[i] : over;
		*parts[i] -= cut;
		c->total -= cut;
		if (c->billed > 0)
			c->billed -= cut;
		over -= cut;
	}
}

/*
 * A failed answer keeps its counts, but an estimate is not billed.  That is
 * only for a client who left (api.md 14.4).
 */
static void
settle_broken(struct req *r)
{
	if (r->complete || !(r->answered || left_waiting(r)))
		return;
	record_answer(r);
	if (r->record.usage.estimated && !r->gone)
		r->record.cost = (struct llm_cost){ 0 };
	else if (r->record.usage.estimated)
		cut_cost(&r->record.cost, r->record.hold_nano);
	if (r->gone && !r->world->conf.bill_cancelled)
		r->record.cost = (struct llm_cost){ 0 };
}

static void
fill_end(struct req *r, int64_t now)
{
	struct usage_record *u = &r->record;
	const struct llm_facts *f =
	    u->cached ? &r->kept->facts : relay_facts(r);
	bool cancelled = r->gone && !r->complete;
	enum err_code code = r->err.code;

	u->request_id = str_from(r->request_id);
	u->duration_ms = now - r->began_ms;
	u->ttft_ms = r->first_ms == 0 ? -1 : r->first_ms - r->began_ms;
	u->status = cancelled ? 499 : r->status;
	if (attempt_target(r) != NULL)
		u->used_region = attempt_target(r)->region;
	u->answer_bytes = r->sent;
	u->dropped = buf_str(&r->dropped);
	u->endpoint = str_from(r->endpoint->name);
	if (cancelled)
		code = ERR_CLIENT_GONE;
	if (code != ERR_NONE) {
		u->error_code = r->err.word.p != NULL ?
		    r->err.word :
		    str_from(err_rows[code].code);
		if (r->tries > 0)
			u->error_class = str_from(
			    fault_rows[r->attempts[r->tries - 1].fault].word);
	}
	u->finish = str_from(usage_finish_word(
	    f == NULL ? LLM_STOP_NONE : f->why, code, cancelled));
	if (f != NULL && f->raw_stop[0] != '\0')
		u->raw_finish = str_from(f->raw_stop);
}

static void
write_record(struct req *r)
{
	struct buf routing = BUF_LIMIT(RECORD_MAX), b = BUF_LIMIT(RECORD_MAX);
	struct err e = { 0 };

	record_routing(r, &routing);
	r->record.routing = buf_str(&routing);
	if (r->record_id[0] == '\0')
		record_id(r);
	record_attempts(r);
	record_fallback(r);
	usage_end(&r->record, &b);
	if (loop_is_here(r->world->loop))
		batch_end(loop_batch(r->world->loop), r, buf_str(&b));
	else if (spool_end(r->world->spool, buf_str(&b), r->segment, &e) == -1)
		log_say(&r->world->log, LOG_ERROR_, "record %s is lost: %s",
		    r->record_id, e.msg);
	if (r->hold.slot != NULL)
		hold_give(r->world->holds, r->hold.slot);
	buf_free(&routing);
	buf_free(&b);
}

/* house.md 6.5: fixed keys in fixed order. */
static void
write_line(struct req *r)
{
	const struct usage_record *u = &r->record;
	const struct target *t = attempt_target(r);
	struct logline l;

	if (r->world->log.level < LOG_INFO_)
		return;
	logline_start(&l, &r->world->log, LOG_INFO_);
	logline_str(&l, "req", str_from(r->request_id));
	logline_str(&l, "ep", str_from(r->endpoint->name));
	logline_str(&l, "key", u->key);
	logline_str(&l, "model", u->requested_model);
	logline_str(&l, "target", t == NULL ? STR_NONE : t->upstream->id);
	logline_int(&l, "status", u->status);
	logline_str(&l, "err", u->error_code);
	if (r->endpoint->dialect != NULL) {
		logline_str(&l, "stop", u->finish);
		logline_int(&l, "in", u->usage.input);
		logline_int(&l, "out", u->usage.output);
		logline_int(&l, "cached", u->usage.cache_read);
		logline_int(&l, "cost_nano", u->cost.total);
		logline_int(&l, "first_ms", u->ttft_ms);
	}
	logline_int(&l, "total_ms", u->duration_ms);
	if (r->tries > 0)
		logline_int(&l, "tries", r->tries);
	if (u->cached)
		logline_str(&l, "cache", STR("hit"));
	if (u->dropped.n > 0)
		logline_str(&l, "dropped", u->dropped);
	if (loop_is_here(r->world->loop))
		loop_log(r->world->loop, logline_end(&l));
	else
		log_write(&r->world->log, logline_end(&l));
	logline_free(&l);
}

void
record_end(struct req *r)
{
	settle_broken(r);
	guard_record(r);
	fill_end(r, clock_ms());
	if (r->who != NULL && r->endpoint->dialect != NULL) {
		gate_settle(r);
		write_record(r);
	}
	record_count(r);
	write_line(r);
	if (r->trace != NULL)
		trace_end(r);
}
