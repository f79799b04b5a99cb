/*
 * The clients of the benchmark, in one epoll thread: N connections that ask
 * again as soon as they have an answer, or N streams at the same time.  Every
 * answer is checked as a whole.  Prints one JSON object.  Loopback only.
 *
 *	load [options] http://127.0.0.1:PORT/v1/chat/completions
 *
 *	-s		streams
 *	-c CONNS	connections (64)
 *	-n REQUESTS	stop after so many (with -s: one per connection)
 *	-d SECONDS	begin none after that (10)
 *	-r MS		open the connections over so many milliseconds
 *	-x PIECES	pieces of text in a stream (20)
 *	-k KEY -m MODEL
 *	-g NAME=PID,..	measure these processes and their children; repeatable
 *	-M		their memory also while all streams are open
 *	-l MS		measure so long beyond the last answer
 *	-t SECONDS	give an answer up (60)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/answer.h"
#include "bench/hist.h"
#include "bench/report.h"
#include "bench/usage.h"

#define CONNS_MAX 8192
#define SAMPLE_US 500000

enum state { ST_IDLE, ST_SEND, ST_READ };

struct conn {
	struct load *load;
	struct conn *next; /* while idle */
	int fd;
	enum state state;
	bool reused;
	bool begun; /* the first bytes of the answer are here */
	bool piece; /* the first piece of text too */
	int64_t start_us;
	size_t sent;
	struct answer answer;
};

struct load {
	int ep;
	struct sockaddr_in addr;
	char path[256];
	bool stream;
	bool memory;
	int nconns;
	int pieces;
	int64_t requests;
	int64_t seconds;
	int64_t ramp_us;
	int64_t linger_us;
	int64_t timeout_us;
	const char *key;
	const char *model;
	char request[4096];
	size_t nrequest;

	struct conn *conns;
	struct conn *idle;
	int nopened;
	int nactive;
	int nflowing; /* streams with their first piece, and not ended */
	int64_t nstarted;
	int64_t now_us;
	int64_t begin_us;
	int64_t sample_us;
	struct report report;
};

static void conn_eof(struct conn *);

static int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void
conn_drop(struct conn *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

/* The answer is there, or given up with a cause. */
static void
conn_end(struct conn *c, enum report_cause cause, const char *why)
{
	struct load *l = c->load;

	if (c->piece && l->nflowing-- == l->nconns)
		report_mark(&l->report, REPORT_FIRST_END, false);
	if (why == NULL) {
		l->report.ok++;
		hist_add(&l->report.latency, l->now_us - c->start_us);
	} else
		report_failure(&l->report, cause, why, &c->answer);
	if (why != NULL || c->answer.close)
		conn_drop(c);
	c->state = ST_IDLE;
	c->next = l->idle;
	l->idle = c;
	l->nactive--;
}

static void
on_piece(void *arg, int64_t written_us)
{
	struct conn *c = arg;
	struct load *l = c->load;

	l->report.pieces++;
	hist_add(&l->report.delay, l->now_us - written_us);
	if (c->piece)
		return;
	c->piece = true;
	hist_add(&l->report.first, l->now_us - c->start_us);
	if (++l->nflowing == l->nconns) {
		report_mark(&l->report, REPORT_ALL_OPEN, l->memory);
		l->sample_us = l->now_us + SAMPLE_US;
	}
}

static void
conn_send(struct conn *c)
{
	struct load *l = c->load;
	ssize_t n;

	while (c->sent < l->nrequest) {
		n = send(c->fd, l->request + c->sent, l->nrequest - c->sent,
		    MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == ENOTCONN))
			return;
		if (n == -1) {
			conn_eof(c);
			return;
		}
		c->sent += (size_t)n;
	}
	c->state = ST_READ;
}

static int
conn_open(struct conn *c)
{
	struct epoll_event ev = { .events =
				      EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = c };
	struct load *l = c->load;
	int one = 1;

	c->reused = c->fd != -1;
	if (c->reused)
		return 0;
	l->report.connects++;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		return -1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&l->addr, sizeof(l->addr)) ==
		-1 &&
	    errno != EINPROGRESS)
		return -1;
	return epoll_ctl(l->ep, EPOLL_CTL_ADD, c->fd, &ev);
}

static void
conn_begin(struct conn *c)
{
	answer_reset(&c->answer, c->load->stream, on_piece, c);
	c->begun = c->piece = false;
	c->sent = 0;
	c->state = ST_SEND;
	if (conn_open(c) == -1)
		conn_end(c, REPORT_CONNECT, strerror(errno));
	else
		conn_send(c);
}

/*
 * A server may close a kept connection just as the next request leaves: if
 * nothing of the answer has come, it is asked again on a new one.
 */
static void
conn_eof(struct conn *c)
{
	if (answer_eof(&c->answer)) {
		conn_end(c, REPORT_CONTENT,
		    answer_fault(&c->answer, c->load->pieces));
	} else if (c->reused && !c->begun) {
		conn_drop(c);
		conn_begin(c);
	} else
		conn_end(c,
		    c->begun || c->sent > 0 ? REPORT_CLOSED : REPORT_CONNECT,
		    c->begun ? "closed within the answer" :
			       "closed without an answer");
}

static void
conn_read(struct conn *c)
{
	struct load *l = c->load;
	const char *why;
	char b[65536];
	ssize_t n;

	while (c->state == ST_READ) {
		n = recv(c->fd, b, sizeof(b), 0);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			conn_eof(c);
			return;
		}
		c->begun = true;
		if (!answer_feed(&c->answer, b, (size_t)n))
			continue;
		why = answer_fault(&c->answer, l->pieces);
		conn_end(c,
		    c->answer.status == 200 ? REPORT_CONTENT : REPORT_STATUS,
		    why);
	}
}

static void
on_event(struct conn *c, uint32_t events)
{
	c->load->now_us = clock_us();
	if (c->state == ST_SEND && (events & (EPOLLERR | EPOLLHUP)) != 0)
		conn_eof(c);
	else if (c->state == ST_SEND && (events & EPOLLOUT) != 0)
		conn_send(c);
	if (c->state == ST_READ)
		conn_read(c);
	if (c->state == ST_IDLE &&
	    (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		conn_drop(c);
}

/* A server that fails everything is left alone before the time is over. */
static bool
more_to_start(const struct load *l)
{
	return l->nstarted < l->requests &&
	    l->report.failed < 10 * (uint64_t)l->nconns &&
	    l->now_us - l->begin_us < l->seconds * 1000000;
}

static void
start_due(struct load *l)
{
	int64_t gone = l->now_us - l->begin_us;
	struct conn *c;

	while (l->nopened < l->nconns &&
	    gone * l->nconns >= l->ramp_us * l->nopened) {
		c = &l->conns[l->nopened++];
		c->next = l->idle;
		l->idle = c;
	}
	while (l->idle != NULL && more_to_start(l)) {
		c = l->idle;
		l->idle = c->next;
		l->nactive++;
		l->nstarted++;
		c->start_us = l->now_us;
		conn_begin(c);
	}
}

static void
sample(struct load *l)
{
	struct conn *c;

	if (l->now_us < l->sample_us)
		return;
	l->sample_us = l->now_us + SAMPLE_US;
	if (l->memory && l->nflowing == l->nconns)
		report_peak(&l->report);
	for (int i = 0; i < l->nopened; i++) {
		c = &l->conns[i];
		if (c->state != ST_IDLE &&
		    l->now_us - c->start_us > l->timeout_us)
			conn_end(c, REPORT_TIMEOUT, "no whole answer in time");
	}
}

static void
run(struct load *l)
{
	struct epoll_event ev[512];
	struct timespec linger = { l->linger_us / 1000000,
		l->linger_us % 1000000 * 1000 };
	int n;

	l->begin_us = l->now_us = clock_us();
	report_mark(&l->report, REPORT_BEGIN, true);
	do {
		start_due(l);
		n = epoll_wait(l->ep, ev, 512, l->nopened < l->nconns ? 1 : 50);
		for (int i = 0; i < n; i++)
			on_event(ev[i].data.ptr, ev[i].events);
		l->now_us = clock_us();
		sample(l);
	} while (l->nactive > 0 || more_to_start(l));
	l->report.wall_us = l->now_us - l->begin_us;
	nanosleep(&linger, NULL);
	report_mark(&l->report, REPORT_END, true);
}

static int
make_request(struct load *l)
{
	char body[1024];
	int n;

	n = snprintf(body, sizeof(body),
	    "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":"
	    "\"You answer briefly.\"},{\"role\":\"user\",\"content\":\"Here is "
	    "a question of the length that questions have. An arch of stone "
	    "has no mortar and no nails, it was built over a frame of wood "
	    "that was burnt afterwards, and carts have crossed it for nine "
	    "hundred years. Which of its stones carries the most, and what "
	    "happens to the others when it is taken out?\"}],"
	    "\"temperature\":0.7,\"max_tokens\":256%s}",
	    l->model,
	    l->stream ? ",\"stream\":true,\"stream_options\":"
			"{\"include_usage\":true}" :
			"");
	if (n >= (int)sizeof(body))
		return -1;
	n = snprintf(l->request, sizeof(l->request),
	    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
	    "Accept: application/json\r\nContent-Type: application/json\r\n"
	    "User-Agent: llmgw-bench\r\nAuthorization: Bearer %s\r\n"
	    "Content-Length: %d\r\n\r\n%s",
	    l->path, ntohs(l->addr.sin_port), l->key, n, body);
	l->nrequest = (size_t)n;
	return n >= (int)sizeof(l->request) ? -1 : 0;
}

/* Only 127.0.0.0/8: this is a tool against one's own machine. */
static int
parse_url(struct load *l, const char *url)
{
	char host[64];
	int port;

	if (sscanf(url, "http://%63[0-9.]:%d%255s", host, &port, l->path) !=
		3 ||
	    inet_pton(AF_INET, host, &l->addr.sin_addr) != 1 ||
	    ntohl(l->addr.sin_addr.s_addr) >> 24 != 127 || port <= 0 ||
	    port > 65535)
		return -1;
	l->addr.sin_family = AF_INET;
	l->addr.sin_port = htons((uint16_t)port);
	return 0;
}

static int64_t
number(const char *text, int64_t max)
{
	int64_t n = strtoll(text, NULL, 10);

	return n < 0 ? 0 : n > max ? max : n;
}

static int
parse_options(struct load *l, int argc, char *argv[])
{
	int o;

	while ((o = getopt(argc, argv, "sc:n:d:r:x:k:m:g:Ml:t:")) != -1) {
		if (o == 's')
			l->stream = true;
		else if (o == 'M')
			l->memory = true;
		else if (o == 'c')
			l->nconns = (int)number(optarg, CONNS_MAX);
		else if (o == 'n')
			l->requests = number(optarg, 10000000);
		else if (o == 'd')
			l->seconds = number(optarg, 3600);
		else if (o == 'r')
			l->ramp_us = number(optarg, 600000) * 1000;
		else if (o == 'x')
			l->pieces = (int)number(optarg, 1000000);
		else if (o == 'k')
			l->key = optarg;
		else if (o == 'm')
			l->model = optarg;
		else if (o == 'l')
			l->linger_us = number(optarg, 60000) * 1000;
		else if (o == 't')
			l->timeout_us = number(optarg, 3600) * 1000000;
		else if (o != 'g' || report_group(&l->report, optarg) == -1)
			return -1;
	}
	if (l->requests == 0)
		l->requests = l->stream ? l->nconns : INT64_MAX;
	return optind + 1 != argc || l->nconns == 0 ?
	    -1 :
	    parse_url(l, argv[optind]);
}

int
main(int argc, char *argv[])
{
	struct load l = { .nconns = 64,
		.pieces = 20,
		.seconds = 10,
		.timeout_us = 60000000,
		.key = "none",
		.model = "gpt-4o-mini" };
	struct rlimit rl;

	if (parse_options(&l, argc, argv) == -1 || make_request(&l) == -1) {
		fprintf(stderr,
		    "usage: load [-s] [-c conns] [-n requests] "
		    "[-d seconds] [-r ms] [-x pieces] [-k key] "
		    "[-m model]\n\t[-g name=pid,...] [-M] [-l ms] "
		    "[-t seconds] http://127.0.0.1:PORT/PATH\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	l.ep = epoll_create1(0);
	l.conns = calloc((size_t)l.nconns, sizeof(*l.conns));
	if (l.ep == -1 || l.conns == NULL) {
		fprintf(stderr, "load: %m\n");
		free(l.conns);
		return 1;
	}
	for (int i = 0; i < l.nconns; i++) {
		l.conns[i].load = &l;
		l.conns[i].fd = -1;
	}
	run(&l);
	report_print(&l.report, l.stream ? "stream" : "plain", l.nconns);
	free(l.conns);
	return l.report.failed > 0;
}
