#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/scratch.h"
#include "room.h"
#include "store/metrics.h"

#define SERVICE "service=\"llmgateway-gateway\""

static struct metrics *
open_in(const char *dir)
{
	struct err e = { 0 };
	struct metrics *m;

	if (metrics_open(&m, dir, "check", &e) == -1)
		ck_abort_msg("%s", e.msg);
	return m;
}

/* Is this a whole line of the text? */
static void
expect(struct metrics *m, const char *line, bool there)
{
	struct buf b = BUF_LIMIT(64 << 20);
	const char *at;
	size_t n = strlen(line);
	bool found = false;

	buf_addc(&b, '\n');
	metrics_text(m, &b);
	buf_addc(&b, '\0');
	for (at = b.p; (at = strstr(at + 1, line)) != NULL;)
		found = found || (at[-1] == '\n' && at[n] == '\n');
	ck_assert_msg(found == there, "%s: %s in\n%s", line,
	    there ? "not" : "still", b.p);
	buf_free(&b);
}

START_TEST(counters)
{
	static const struct str labels[] = { STR("gpt-\"4\\o\"\n"),
		STR("openai"), STR("completed"), STR("true") };
	char dir[SCRATCH_PATH];
	struct metrics *m, *n;

	scratch_begin(dir);
	m = open_in(dir);
	n = open_in(dir);
	metrics_add(m, METRIC_COMPLETIONS, labels, 2);
	metrics_add(n, METRIC_COMPLETIONS, labels, 3);
	metrics_close(n);
	expect(m,
	    "chat_completions_total{" SERVICE
	    ",model=\"gpt-\\\"4\\\\o\\\"\\n\",provider=\"openai\","
	    "finish_reason=\"completed\",streaming=\"true\"} 5",
	    true);
	metrics_add(m, METRIC_COST, labels, 1500000001);
	expect(m,
	    "gateway_cost_usd_total{" SERVICE
	    ",model=\"gpt-\\\"4\\\\o\\\"\\n\",provider=\"openai\"}"
	    " 1.500000001",
	    true);
	expect(m, "# TYPE chat_completions_total counter", true);
	metrics_close(m);
	/* Nothing is lost with the processes. */
	m = open_in(dir);
	metrics_add(m, METRIC_COMPLETIONS, labels, 1);
	expect(m,
	    "chat_completions_total{" SERVICE
	    ",model=\"gpt-\\\"4\\\\o\\\"\\n\",provider=\"openai\","
	    "finish_reason=\"completed\",streaming=\"true\"} 6",
	    true);
	metrics_close(m);
	scratch_end(dir);
}
END_TEST

START_TEST(histograms)
{
	static const struct str model[] = { STR("m"), STR("p"), STR("false") };
	static const struct str endpoint[] = { STR("chat") };
	char dir[SCRATCH_PATH];
	struct metrics *m;

#define DURATION "chat_completion_duration_seconds"
#define LABELS "{" SERVICE ",model=\"m\",provider=\"p\",streaming=\"false\""
	scratch_begin(dir);
	m = open_in(dir);
	metrics_observe(m, METRIC_DURATION, model, 100);
	metrics_observe(m, METRIC_DURATION, model, 101);
	metrics_observe(m, METRIC_DURATION, model, 400000);
	expect(m, DURATION "_bucket" LABELS ",le=\"0.1\"} 1", true);
	expect(m, DURATION "_bucket" LABELS ",le=\"0.25\"} 2", true);
	expect(m, DURATION "_bucket" LABELS ",le=\"300\"} 2", true);
	expect(m, DURATION "_bucket" LABELS ",le=\"+Inf\"} 3", true);
	expect(m, DURATION "_sum" LABELS "} 400.201", true);
	expect(m, DURATION "_count" LABELS "} 3", true);
#undef LABELS
#define LABELS "{" SERVICE ",endpoint=\"chat\""
	metrics_observe_us(m, METRIC_OVERHEAD, endpoint, 100);
	metrics_observe_us(m, METRIC_OVERHEAD, endpoint, 101);
	metrics_observe(m, METRIC_OVERHEAD, endpoint, 600);
	expect(m, "gateway_overhead_seconds_bucket" LABELS ",le=\"0.0001\"} 1",
	    true);
	expect(
	    m, "gateway_overhead_seconds_bucket" LABELS ",le=\"0.5\"} 2", true);
	expect(m, "gateway_overhead_seconds_bucket" LABELS ",le=\"+Inf\"} 3",
	    true);
	expect(m, "gateway_overhead_seconds_sum" LABELS "} 0.600201", true);
	metrics_close(m);
	scratch_end(dir);
}
END_TEST

START_TEST(gauges)
{
	static const struct str chat[] = { STR("chat") };
	char dir[SCRATCH_PATH];
	struct metrics *m;
	int status, fd[2];
	pid_t pid;
	char c;

	scratch_begin(dir);
	ck_assert_int_eq(pipe(fd), 0);
	m = open_in(dir);
	if ((pid = fork()) == 0) {
		m = open_in(dir);
		metrics_gauge(m, GAUGE_STREAMS, chat, 7);
		metrics_enter(m);
		metrics_enter(m);
		ck_assert_int_eq(write(fd[1], "x", 1), 1);
		pause();
	}
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	metrics_gauge(m, GAUGE_STREAMS, chat, 1);
	expect(
	    m, "gateway_open_streams{" SERVICE ",endpoint=\"chat\"} 8", true);
	ck_assert_int_eq(metrics_enter(m), 3);
	metrics_leave(m);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	metrics_sweep(m);
	ck_assert_int_eq(metrics_enter(m), 1);
	expect(
	    m, "gateway_open_streams{" SERVICE ",endpoint=\"chat\"} 1", true);
	expect(m, "gateway_spool_records{" SERVICE "} 0", true);
	metrics_close(m);
	close(fd[0]);
	close(fd[1]);
	scratch_end(dir);
}
END_TEST

START_TEST(full)
{
	char dir[SCRATCH_PATH], name[32], line[160];
	struct str labels[2] = { STR("x"), STR("other") };
	struct metrics *m;

	scratch_begin(dir);
	m = open_in(dir);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "provider-%d", i);
		labels[0] = str_from(name);
		metrics_add(m, METRIC_ATTEMPTS, labels, 1);
	}
	/* One place is the spool's gauge. */
	snprintf(line, sizeof(line),
	    "gateway_upstream_attempts_total{" SERVICE
	    ",provider=\"other\",error_type=\"other\"} %d",
	    5000 - 4095);
	expect(m, line, true);
	metrics_close(m);
	scratch_end(dir);
}
END_TEST

static void *
add_many(void *arg)
{
	char name[8];
	struct str label = { name, 0 };

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%d", i % 50);
		label.n = strlen(name);
		metrics_add(arg, METRIC_SHED, &label, 1);
	}
	return NULL;
}

START_TEST(threads)
{
	char dir[SCRATCH_PATH], line[120];
	struct metrics *m;
	pthread_t t[4];

	scratch_begin(dir);
	m = open_in(dir);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, add_many, m);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 50; i++) {
		snprintf(line, sizeof(line),
		    "gateway_requests_shed_total{" SERVICE
		    ",scope=\"%d\"} 1600",
		    i);
		expect(m, line, true);
	}
	metrics_close(m);
	scratch_end(dir);
}
END_TEST

START_TEST(process)
{
	static const char *const names[] = { "process_resident_memory_bytes",
		"process_open_fds", "process_max_fds", "process_cpu_seconds_total",
		"process_start_time_seconds" };
	struct buf b = BUF_LIMIT(1 << 20);
	char dir[SCRATCH_PATH], start[120];
	struct metrics *m;
	const char *at;

	scratch_begin(dir);
	m = open_in(dir);
	metrics_text(m, &b);
	buf_addc(&b, '\0');
	for (size_t i = 0; i < NROWS(names); i++) {
		snprintf(start, sizeof(start),
		    "%s{" SERVICE ",program=\"check\"} ", names[i]);
		at = strstr(b.p, start);
		ck_assert_msg(at != NULL, "%s", start);
		ck_assert(strtod(at + strlen(start), NULL) >= 0);
	}
	at = strstr(at, "} ");
	ck_assert_msg(strtod(at + 2, NULL) > 1.6e9, "%s", at);
	ck_assert_ptr_nonnull(strstr(b.p, "gateway_build_info{" SERVICE));
	buf_free(&b);
	metrics_close(m);
	scratch_end(dir);
}
END_TEST

static double
cpu_of(struct metrics *m)
{
	struct buf b = BUF_LIMIT(1 << 20);
	const char *at;
	double v;

	metrics_text(m, &b);
	buf_addc(&b, '\0');
	at = strstr(b.p,
	    "\nprocess_cpu_seconds_total{" SERVICE ",program=\"check\"} ");
	ck_assert_ptr_nonnull(at);
	v = strtod(strstr(at, "} ") + 2, NULL);
	buf_free(&b);
	return v;
}

/* A process that burns time and ends, or is killed after a look at it. */
static void
burn(const char *dir, int ready, int go, bool killed)
{
	struct metrics *m = open_in(dir);
	char c = 1;

	while (clock() < CLOCKS_PER_SEC / 5)
		;
	ck_assert_int_eq(write(ready, &c, 1), 1);
	ck_assert_int_eq(read(go, &c, 1), 1);
	if (killed)
		raise(SIGKILL);
	metrics_close(m);
	_exit(0);
}

START_TEST(cpu_never_falls)
{
	int ready[2], go[2], status;
	char dir[SCRATCH_PATH], c = 1;
	struct metrics *m;
	double before;
	pid_t pid;

	scratch_begin(dir);
	m = open_in(dir);
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(go), 0);
	if ((pid = fork()) == 0)
		burn(dir, ready[1], go[0], _i == 1);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	before = cpu_of(m);
	ck_assert(before >= 0.15); /* it counts in hundredths */
	ck_assert_int_eq(write(go[1], &c, 1), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(cpu_of(m) >= before);
	metrics_close(m);
	scratch_end(dir);
}
END_TEST

CASE(case_metrics)
{
	TCase *t = tcase_create("metrics");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, counters);
	tcase_add_test(t, histograms);
	tcase_add_test(t, gauges);
	tcase_add_test(t, full);
	tcase_add_test(t, threads);
	tcase_add_test(t, process);
	tcase_add_loop_test(t, cpu_never_falls, 0, 2);
	return t;
}
