#include "room.h"

TCase *case_address(void);
TCase *case_call(void);
TCase *case_eventstream(void);
TCase *case_multipart(void);
TCase *case_sse(void);
TCase *case_tls(void);
TCase *case_traceparent(void);
TCase *case_url(void);

const char *const room_name = "http";
TCase *(*const room_cases[])(void) = {
	case_address,
	case_call,
	case_eventstream,
	case_multipart,
	case_sse,
	case_tls,
	case_traceparent,
	case_url,
	NULL,
};
