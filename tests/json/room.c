#include "room.h"

TCase *case_jscan(void);
TCase *case_jscan_read(void);
TCase *case_jscan_splice(void);
TCase *case_jcheck(void);
TCase *case_jw(void);
TCase *case_jx(void);
TCase *case_corpus(void);

const char *const room_name = "json";
TCase *(*const room_cases[])(void) = {
	case_jscan,
	case_jscan_read,
	case_jscan_splice,
	case_jcheck,
	case_jw,
	case_jx,
	case_corpus,
	NULL,
};
