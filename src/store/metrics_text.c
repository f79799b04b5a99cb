/* The scrape: Prometheus' text format 0.0.4. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/metrics_map.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define NPLACES (METRICS_ROWS + METRICS_SERIES)

static void put(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(struct buf *b, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(line))
		buf_add(b, (struct str){ line, (size_t)n });
}

void
metrics_label(struct buf *b, struct str v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n') {
			buf_add(b, STR("\\n"));
			continue;
		}
		if (v.p[i] == '\\' || v.p[i] == '"')
			buf_addc(b, '\\');
		buf_addc(b, v.p[i]);
	}
}

/* v / per_unit without a binary fraction: 1500 of 1000 is "1.5". */
static void
put_number(struct buf *b, int64_t v, int64_t per_unit)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	uint64_t per = (uint64_t)per_unit, rest = u % per;

	put(b, "%s%llu", v < 0 ? "-" : "", (unsigned long long)(u / per));
	if (rest != 0)
		buf_addc(b, '.');
	while (rest != 0) {
		per /= 10;
		buf_addc(b, (char)('0' + rest / per));
		rest %= per;
	}
}

static void
put_labels(struct buf *b, const struct series *s)
{
	const struct metrics_row *row = &metrics_rows[s->row];
	const char *p = s->text;
	struct str v;

	put(b, "{%s", METRICS_SERVICE);
	for (int i = 0; row->labels[i] != NULL; i++) {
		v = str_from(p);
		put(b, ",%s=\"", row->labels[i]);
		metrics_label(b, v);
		buf_addc(b, '"');
		p += v.n + 1;
	}
}

static void
put_series(struct buf *b, const struct series *s, int64_t v)
{
	const struct metrics_row *row = &metrics_rows[s->row];

	put(b, "%s", row->name);
	put_labels(b, s);
	put(b, "} ");
	put_number(b, v, row->per_unit);
	buf_addc(b, '\n');
}

static void
put_histogram(struct buf *b, const struct series *s)
{
	const struct metrics_row *row = &metrics_rows[s->row];
	int64_t sum = s->sum, n = 0;
	int i;

	for (i = 0; i <= METRICS_BUCKETS; i++) {
		n += s->counts[i];
		put(b, "%s_bucket", row->name);
		put_labels(b, s);
		put(b, ",le=\"");
		if (row->buckets[i] == 0)
			put(b, "+Inf");
		else
			put_number(b, row->buckets[i], row->per_unit);
		put(b, "\"} %lld\n", (long long)n);
		if (row->buckets[i] == 0)
			break;
	}
	put(b, "%s_sum", row->name);
	put_labels(b, s);
	put(b, "} ");
	put_number(b, sum, row->per_unit);
	put(b, "\n%s_count", row->name);
	put_labels(b, s);
	put(b, "} %lld\n", (long long)n);
}

/* Sum of the live processes' gauges, by place. */
static void
sum_gauges(struct metrics_map *map, int64_t *sums)
{
	const struct process *p;
	uint32_t at;

	for (int i = 0; i < map->nprocesses; i++) {
		p = &map->processes[i];
		for (int c = 0; p->owner != 0 && c < METRICS_CELLS; c++) {
			at = p->cells[c].series;
			if (at > 0 && at <= NPLACES)
				sums[at - 1] += p->cells[c].value;
		}
	}
}

static void
put_row(struct metrics *m, int row, const int64_t *gauges, struct buf *b)
{
	static const char *const kinds[] = { "counter", "histogram", "gauge" };
	const struct metrics_row *r = &metrics_rows[row];
	const struct series *s;

	put(b, "# HELP %s %s\n# TYPE %s %s\n", r->name, r->help, r->name,
	    kinds[r->kind]);
	for (int i = 0; i < NPLACES; i++) {
		s = i < METRICS_ROWS ? &m->map->other[i] :
				       &m->map->series[i - METRICS_ROWS];
		if (atomic_load_explicit(&s->ready, memory_order_acquire) ==
			0 ||
		    s->row != row)
			continue;
		if (r->kind == METRICS_HISTOGRAM)
			put_histogram(b, s);
		else
			put_series(b, s,
			    r->kind == METRICS_GAUGE ? gauges[i] : s->sum);
	}
}

/* What the processes of one program have together; see proc(5). */
struct usage {
	char program[METRICS_PROGRAM];
	long long resident; /* bytes */
	long long fds, max_fds;
	unsigned long long ticks;   /* of CPU time */
	unsigned long long started; /* ticks since boot, of the oldest */
};

static int
count_fds(int pid)
{
	char path[32];
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	if ((d = opendir(path)) == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* "." and ".." */
}

/* The soft limit of RLIMIT_NOFILE. */
static long long
max_fds(int pid)
{
	char path[32], line[256];
	long long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (n == 0 && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "Max open files %lld", &n);
	fclose(f);
	return n;
}

static void
add_process(struct usage *u, struct process *proc)
{
	unsigned long long user, sys, start;
	int pid = metrics_process_pid(proc->owner);
	char path[32], text[1024];
	const char *p;
	long long pages;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	p = fgets(text, sizeof(text), f);
	fclose(f);
	if (p == NULL || (p = strrchr(text, ')')) == NULL)
		return;
	if (sscanf(p + 1,
		" %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %*s"
		" %*s %*s %*s %*s %*s %llu %*s %lld",
		&user, &sys, &start, &pages) != 4)
		return;
	u->resident += pages * sysconf(_SC_PAGESIZE);
	u->fds += count_fds(pid);
	u->max_fds += max_fds(pid);
	proc->ticks = user + sys;
	u->ticks += user + sys;
	if (u->started == 0 || start < u->started)
		u->started = start;
}

/* One row per program; returns how many. */
static int
gather(struct metrics_map *map, struct usage *u)
{
	struct process *p;
	int n = 0, k;

	for (int i = 0; i < map->nprocesses; i++) {
		p = &map->processes[i];
		if (p->owner == 0 || !metrics_process_alive(p->owner))
			continue;
		for (k = 0; k < n; k++)
			if (strncmp(u[k].program, p->program,
				sizeof(p->program)) == 0)
				break;
		if (k == n) {
			snprintf(u[n].program, METRICS_PROGRAM, "%s",
			    p->program);
			u[n++].ticks = metrics_process_past(map, p->program);
		}
		add_process(&u[k], p);
	}
	return n;
}

/* Seconds since 1970, from /proc/stat. */
static unsigned long long
boot_time(void)
{
	unsigned long long t = 0;
	char line[256];
	FILE *f = fopen("/proc/stat", "re");

	if (f == NULL)
		return 0;
	while (t == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "btime ", 6) == 0)
			t = strtoull(line + 6, NULL, 10);
	fclose(f);
	return t;
}

static int64_t
value_of(const struct usage *u, int what, int64_t boot_cs)
{
	int64_t per_tick_cs = 100 / sysconf(_SC_CLK_TCK);

	switch (what) {
	case 0:
		return u->resident;
	case 1:
		return u->fds;
	case 2:
		return u->max_fds;
	case 3:
		return (int64_t)u->ticks * per_tick_cs;
	default:
		return boot_cs + (int64_t)u->started * per_tick_cs;
	}
}

static void
put_processes(struct metrics *m, struct arena *a, struct buf *b)
{
	static const struct {
		const char *name, *type, *help;
		int64_t per_unit; /* times are in hundredths of a second */
	} rows[] = {
		{ "process_resident_memory_bytes", "gauge",
		    "Resident memory of a program's processes.", 1 },
		{ "process_open_fds", "gauge",
		    "Open descriptors of a program's processes.", 1 },
		{ "process_max_fds", "gauge",
		    "Descriptors that a program's processes may open.", 1 },
		{ "process_cpu_seconds_total", "counter",
		    "CPU time of a program's processes.", 100 },
		{ "process_start_time_seconds", "gauge",
		    "Start of a program's oldest process.", 100 },
	};
	struct usage *u = arena_zalloc(a, METRICS_PROCESSES * sizeof(*u));
	int64_t boot_cs = (int64_t)boot_time() * 100;
	int n = gather(m->map, u);

	for (int i = 0; i < (int)NROWS(rows); i++) {
		put(b, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name,
		    rows[i].help, rows[i].name, rows[i].type);
		for (int k = 0; k < n; k++) {
			put(b, "%s{%s,program=\"", rows[i].name,
			    METRICS_SERVICE);
			metrics_label(b, str_from(u[k].program));
			put(b, "\"} ");
			put_number(
			    b, value_of(&u[k], i, boot_cs), rows[i].per_unit);
			buf_addc(b, '\n');
		}
	}
}

void
metrics_text(struct metrics *m, struct buf *b)
{
	struct arena *a = arena_new(4096, SIZE_MAX);
	int64_t *gauges = arena_zalloc(a, NPLACES * sizeof(*gauges));

	metrics_sweep(m);
	sum_gauges(m->map, gauges);
	for (int row = 0; row < METRICS_ROWS; row++)
		put_row(m, row, gauges, b);
	put(b,
	    "# HELP gateway_build_info Version of the programs.\n"
	    "# TYPE gateway_build_info gauge\n"
	    "gateway_build_info{%s,version=\"%s\"} 1\n",
	    METRICS_SERVICE, PACKAGE_VERSION);
	put_processes(m, a, b);
	arena_free(a);
}
