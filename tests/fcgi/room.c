#include "room.h"

TCase *case_io(void);
TCase *case_record(void);

const char *const room_name = "fcgi";
TCase *(*const room_cases[])(void) = {
	case_io,
	case_record,
	NULL,
};
