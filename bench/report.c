#include <stdio.h>

#include "bench/report.h"

static const char *const causes[REPORT_CAUSE__MAX] = {
	[REPORT_CONNECT] = "connect",
	[REPORT_CLOSED] = "closed",
	[REPORT_TIMEOUT] = "timeout",
	[REPORT_STATUS] = "status",
	[REPORT_CONTENT] = "content",
};

int
report_group(struct report *r, const char *text)
{
	if (r->ngroups == REPORT_GROUPS)
		return -1;
	return usage_parse(&r->group[r->ngroups++], text);
}

static void
keep_peak(struct report *r, int i, const struct usage *u)
{
	if (u->pss_kb > r->peak[i].pss_kb)
		r->peak[i] = *u;
}

void
report_mark(struct report *r, enum report_mark m, bool memory)
{
	for (int i = 0; i < r->ngroups; i++) {
		if (r->at[m][i].procs > 0)
			continue;
		usage_read(&r->group[i], memory, &r->at[m][i]);
		if (memory)
			keep_peak(r, i, &r->at[m][i]);
	}
	if (r->pieces_at[m] == 0)
		r->pieces_at[m] = r->pieces;
}

void
report_peak(struct report *r)
{
	struct usage u;

	for (int i = 0; i < r->ngroups; i++) {
		usage_read(&r->group[i], true, &u);
		keep_peak(r, i, &u);
	}
}

void
report_failure(struct report *r, enum report_cause cause, const char *why,
    const struct answer *a)
{
	size_t n, i;
	char ch;

	r->failed++;
	r->cause[cause]++;
	if (r->first_failure[0] != '\0')
		return;
	n = (size_t)snprintf(r->first_failure, sizeof(r->first_failure),
	    "%s: %s; status %d, %d pieces: ", causes[cause], why, a->status,
	    a->seq);
	for (i = 0; i < a->n && n < sizeof(r->first_failure) - 1; i++) {
		ch = a->p[i];
		if (ch < ' ' || ch > '~' || ch == '\\')
			ch = ' ';
		r->first_failure[n++] = ch == '"' ? '\'' : ch;
	}
	r->first_failure[n] = '\0';
}

static void
print_hist(const char *name, const struct hist *h)
{
	printf("\"%s\":{\"n\":%llu,\"p50\":%lld,\"p90\":%lld,\"p99\":%lld,"
	       "\"max\":%lld},",
	    name, (unsigned long long)h->n, (long long)hist_quantile(h, .5),
	    (long long)hist_quantile(h, .9), (long long)hist_quantile(h, .99),
	    (long long)h->max);
}

static void
print_group(const struct report *r, int i)
{
	const struct usage *b = &r->at[REPORT_BEGIN][i];
	const struct usage *e = &r->at[REPORT_END][i];
	int64_t steady = r->at[REPORT_FIRST_END][i].cpu_us -
	    r->at[REPORT_ALL_OPEN][i].cpu_us;

	printf("\"%s\":{\"procs_before\":%d,\"procs\":%d,\"cpu_us\":%lld,"
	       "\"steady_cpu_us\":%lld,\"rss_before_kb\":%lld,"
	       "\"rss_peak_kb\":%lld,\"pss_before_kb\":%lld,"
	       "\"pss_peak_kb\":%lld,\"pss_kb\":%lld,\"anon_before_kb\":%lld,"
	       "\"anon_kb\":%lld}%s",
	    r->group[i].name, b->procs, e->procs,
	    (long long)(e->cpu_us - b->cpu_us), (long long)steady,
	    (long long)b->rss_kb, (long long)r->peak[i].rss_kb,
	    (long long)b->pss_kb, (long long)r->peak[i].pss_kb,
	    (long long)e->pss_kb, (long long)b->anon_kb, (long long)e->anon_kb,
	    i + 1 < r->ngroups ? "," : "");
}

void
report_print(const struct report *r, const char *mode, int conns)
{
	printf("{\"mode\":\"%s\",\"connections\":%d,\"ok\":%llu,"
	       "\"failed\":%llu,\"secs\":%.3f,\"connects\":%llu,"
	       "\"pieces\":%llu,\"steady_pieces\":%llu,",
	    mode, conns, (unsigned long long)r->ok,
	    (unsigned long long)r->failed, (double)r->wall_us / 1e6,
	    (unsigned long long)r->connects, (unsigned long long)r->pieces,
	    (unsigned long long)(r->pieces_at[REPORT_FIRST_END] -
		r->pieces_at[REPORT_ALL_OPEN]));
	print_hist("latency_us", &r->latency);
	print_hist("first_us", &r->first);
	print_hist("delay_us", &r->delay);
	printf("\"groups\":{");
	for (int i = 0; i < r->ngroups; i++)
		print_group(r, i);
	printf("},\"failures\":{");
	for (int i = 0; i < REPORT_CAUSE__MAX; i++)
		printf("%s\"%s\":%llu", i > 0 ? "," : "", causes[i],
		    (unsigned long long)r->cause[i]);
	printf("},\"first_failure\":\"%s\"}\n", r->first_failure);
}
