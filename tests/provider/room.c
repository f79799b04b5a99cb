#include "room.h"

TCase *case_aws(void);
TCase *case_anthropic(void);
TCase *case_fault(void);
TCase *case_google(void);
TCase *case_load(void);
TCase *case_own(void);
TCase *case_plain(void);
TCase *case_quirk(void);
TCase *case_scrub(void);
TCase *case_sigv4(void);
TCase *case_table(void);
TCase *case_way(void);
TCase *case_ways(void);

const char *const room_name = "provider";
TCase *(*const room_cases[])(void) = {
	case_aws,
	case_anthropic,
	case_fault,
	case_google,
	case_load,
	case_own,
	case_plain,
	case_quirk,
	case_scrub,
	case_sigv4,
	case_table,
	case_way,
	case_ways,
	NULL,
};
