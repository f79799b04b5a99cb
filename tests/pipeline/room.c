#include "room.h"

TCase *case_choose(void);
TCase *case_keep(void);
TCase *case_path(void);
TCase *case_peers(void);

const char *const room_name = "pipeline";
TCase *(*const room_cases[])(void) = {
	case_choose,
	case_keep,
	case_path,
	case_peers,
	NULL,
};
