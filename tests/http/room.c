#include "room.h"

TCase *case_eventstream(void);
TCase *case_sse(void);
TCase *case_url(void);

const char *const room_name = "http";
TCase *(*const room_cases[])(void) = {
	case_eventstream,
	case_sse,
	case_url,
	NULL,
};
