/*
 * Blocks of processes.  A process is known by pid and start time, since pids
 * are used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/times.h>
#include <unistd.h>

#include "store/metrics_map.h"

/* pids have at most 22 bits on Linux; the clock ticks since boot have 41. */
#define PID_BITS 22
#define PID_MASK ((UINT64_C(1) << PID_BITS) - 1)
/* Somebody cleans the block up. */
#define SWEEPING UINT64_MAX

/* Field 22 of /proc/PID/stat, behind the name, which may hold anything. */
static bool
start_ticks(int pid, uint64_t *out)
{
	char path[32], text[1024];
	const char *p;
	ssize_t n;
	int fd, field;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	for (field = 2; p != NULL && field < 22; field++)
		if ((p = strchr(p, ' ')) != NULL)
			p++;
	if (p == NULL)
		return false;
	*out = strtoull(p, NULL, 10);
	return true;
}

int
metrics_process_pid(uint64_t owner)
{
	return (int)(owner & PID_MASK);
}

/* Not readable is not dead: /proc may hide other users' processes. */
bool
metrics_process_alive(uint64_t owner)
{
	int pid = metrics_process_pid(owner);
	uint64_t ticks;

	if (kill(pid, 0) == -1 && errno == ESRCH)
		return false;
	return !start_ticks(pid, &ticks) || ticks == owner >> PID_BITS;
}

static bool
is_past_of(const struct past *p, const char *program)
{
	return p->state == 2 && strcmp(p->program, program) == 0;
}

uint64_t
metrics_process_past(const struct metrics_map *map, const char *program)
{
	uint64_t sum = 0;

	for (int i = 0; i < METRICS_PROGRAMS; i++)
		if (is_past_of(&map->past[i], program))
			sum += map->past[i].ticks;
	return sum;
}

/* Two that begin at once may take a place each: the sum is over both. */
static void
bury(struct metrics_map *map, const struct process *p, uint64_t ticks)
{
	struct past *q;
	int none;

	for (int i = 0; i < METRICS_PROGRAMS; i++) {
		q = &map->past[i];
		none = 0;
		if (atomic_compare_exchange_strong(&q->state, &none, 1)) {
			str_copy(q->program, METRICS_PROGRAM,
			    str_from(p->program));
			q->state = 2;
		}
		if (is_past_of(q, p->program)) {
			q->ticks += ticks;
			return;
		}
	}
}

/* Empty the block of `owner`, unless somebody else does it. */
static void
clean(struct metrics_map *map, int i, uint64_t owner)
{
	struct process *p = &map->processes[i];

	if (!atomic_compare_exchange_strong(&p->owner, &owner, SWEEPING))
		return;
	bury(map, p, p->ticks);
	p->ticks = 0;
	map->inflight[i] = 0;
	for (int c = 0; c < METRICS_CELLS; c++) {
		p->cells[c].series = 0;
		p->cells[c].value = 0;
	}
	p->owner = 0;
}

void
metrics_sweep(struct metrics *m)
{
	uint64_t owner;

	for (int i = 0; i < m->map->nprocesses; i++) {
		owner = m->map->processes[i].owner;
		if (owner != 0 && owner != SWEEPING && i != m->self &&
		    !metrics_process_alive(owner))
			clean(m->map, i, owner);
	}
}

/* Without a free block the process has no gauges; all else works. */
void
metrics_claim(struct metrics *m, const char *program)
{
	uint64_t self = (uint64_t)getpid(), ticks = 0, none;
	struct process *p;
	int seen;

	start_ticks((int)self, &ticks);
	self |= ticks << PID_BITS;
	metrics_sweep(m);
	for (int i = 0; i < METRICS_PROCESSES; i++) {
		p = &m->map->processes[i];
		none = 0;
		if (!atomic_compare_exchange_strong(&p->owner, &none, self))
			continue;
		snprintf(p->program, sizeof(p->program), "%s", program);
		seen = m->map->nprocesses;
		while (seen <= i &&
		    !atomic_compare_exchange_weak(
			&m->map->nprocesses, &seen, i + 1))
			;
		m->self = i;
		return;
	}
}

void
metrics_release(struct metrics *m)
{
	struct process *p;
	struct tms t;

	if (m->self == -1)
		return;
	p = &m->map->processes[m->self];
	if (times(&t) != (clock_t)-1)
		p->ticks = (uint64_t)(t.tms_utime + t.tms_stime);
	clean(m->map, m->self, p->owner);
}
