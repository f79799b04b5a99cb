#include "room.h"

TCase *case_budget(void);
TCase *case_catalog(void);
TCase *case_credits(void);
TCase *case_discount(void);
TCase *case_front(void);
TCase *case_guard(void);
TCase *case_iam(void);
TCase *case_identity(void);
TCase *case_key(void);
TCase *case_limit(void);
TCase *case_oauth(void);
TCase *case_key_info(void);
TCase *case_payload(void);
TCase *case_price(void);
TCase *case_report(void);
TCase *case_route(void);
TCase *case_score(void);
TCase *case_tenant(void);
TCase *case_tally(void);
TCase *case_usage(void);
TCase *case_zone(void);

const char *const room_name = "domain";
TCase *(*const room_cases[])(void) = {
	case_budget,
	case_catalog,
	case_credits,
	case_discount,
	case_front,
	case_guard,
	case_iam,
	case_identity,
	case_key,
	case_limit,
	case_oauth,
	case_key_info,
	case_payload,
	case_price,
	case_report,
	case_route,
	case_score,
	case_tenant,
	case_tally,
	case_usage,
	case_zone,
	NULL,
};
