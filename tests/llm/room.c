#include "room.h"

TCase *case_cost(void);
TCase *case_effort(void);
TCase *case_fold(void);
TCase *case_grammar(void);
TCase *case_picture(void);
TCase *case_text(void);

const char *const room_name = "llm";
TCase *(*const room_cases[])(void) = {
	case_cost,
	case_effort,
	case_fold,
	case_grammar,
	case_picture,
	case_text,
	NULL,
};
