#include "room.h"

TCase *case_run(void);

const char *const room_name = "run";
TCase *(*const room_cases[])(void) = {
	case_run,
	NULL,
};
