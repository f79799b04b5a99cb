#include "domain/catalog.h"
#include "domain/settings.h"
#include "store/cache.h"
#include "store/counters.h"
#include "store/sql.h"

int
settings_check(const struct conf *c, struct err *e)
{
	int64_t pico;

	if (sql_check(c->store_sql, e) == -1 ||
	    counters_check(c->store_kv, e) == -1 ||
	    (c->store_cache[0] != '\0' && cache_check(c->store_cache, e) == -1))
		return -1;
	if (catalog_decimal(str_from(c->storage_usd_per_mtok), 6, &pico) == -1)
		return err_set(e, ERR_CONFIG,
		    "storage_usd_per_mtok: \"%.100s\" is no decimal number",
		    c->storage_usd_per_mtok);
	return 0;
}
