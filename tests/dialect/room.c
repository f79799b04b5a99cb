#include "room.h"

TCase *case_answer(void);
TCase *case_bedrock(void);
TCase *case_check(void);
TCase *case_cohere(void);
TCase *case_embed(void);
TCase *case_error(void);
TCase *case_gemini(void);
TCase *case_growth(void);
TCase *case_heal(void);
TCase *case_image(void);
TCase *case_messages(void);
TCase *case_messages_request(void);
TCase *case_pairs(void);
TCase *case_patch(void);
TCase *case_relay(void);
TCase *case_request(void);
TCase *case_responses(void);
TCase *case_shared(void);
TCase *case_reuse(void);
TCase *case_vector(void);

const char *const room_name = "dialect";
TCase *(*const room_cases[])(void) = {
	case_answer,
	case_bedrock,
	case_check,
	case_cohere,
	case_embed,
	case_error,
	case_gemini,
	case_growth,
	case_heal,
	case_image,
	case_messages,
	case_messages_request,
	case_pairs,
	case_patch,
	case_relay,
	case_request,
	case_responses,
	case_shared,
	case_reuse,
	case_vector,
	NULL,
};
