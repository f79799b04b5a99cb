#include "room.h"

TCase *case_board(void);
TCase *case_counters(void);
TCase *case_counters_map(void);
TCase *case_health(void);
TCase *case_health_share(void);
TCase *case_cache(void);
TCase *case_counters(void);
TCase *case_counters_map(void);
TCase *case_counters_redis(void);
TCase *case_metrics(void);
TCase *case_migrate(void);
TCase *case_rows(void);
TCase *case_slow(void);
TCase *case_spool(void);
TCase *case_spool_adopt(void);
TCase *case_sql(void);
TCase *case_sql_pg(void);

const char *const room_name = "store";
TCase *(*const room_cases[])(void) = {
	case_board,
	case_counters,
	case_counters_map,
	case_health,
	case_health_share,
	case_cache,
	case_counters,
	case_counters_map,
	case_counters_redis,
	case_metrics,
	case_migrate,
	case_rows,
	case_slow,
	case_spool,
	case_spool_adopt,
	case_sql,
	case_sql_pg,
	NULL,
};
