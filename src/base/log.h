#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * One event, one line, in logfmt.  Every byte below 0x20, 0x7f, and the C1
 * controls are escaped, so nothing that a client sends can look like a line
 * of ours (reliability.md T16).  Levels: error = somebody must look, warn = it
 * healed, info = life of the process and the line of each request, debug.
 */
enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_ };

struct log {
	int fd;
	enum log_level level;
	char program[16];
	uint64_t dropped; /* lines that could not be written; atomic */
};

/*
 * `file` NULL or "" is standard error.  Level words are those of the manual.
 * A log may be used by many threads: each line is one write(2).
 */
int log_open(struct log *, const char *program, const char *level,
    const char *file, struct err *);
void log_close(struct log *);

/* A line of prose: t, level, program, msg.  At most 2 KB, then cut. */
void log_say(struct log *, enum log_level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A line made of fields: start, add in the fixed order, write.  A value is cut
 * after 512 bytes; an absent one leaves its field out.  Below the level of the
 * log all of this does nothing.
 */
struct logline {
	struct buf b;
	bool off;
};
void logline_start(struct logline *, const struct log *, enum log_level);
void logline_str(struct logline *, const char *key, struct str);
void logline_int(struct logline *, const char *key, int64_t);
void logline_write(struct logline *, struct log *); /* and frees it */
/* The line with its end, for whoever writes several at once; absent: off. */
struct str logline_end(struct logline *);
void logline_free(struct logline *);
void log_write(struct log *, struct str lines);

#endif
