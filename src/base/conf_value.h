#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include "base/buf.h"
#include "base/conf.h"

/* Between the files conf*.c only. */

/* The value of a row's field as conf_set() reads it. */
void conf_value_add(struct buf *, const struct conf_row *, const void *base);

/* Must it not be printed?  "" is no secret. */
bool conf_value_is_secret(const struct conf_row *, const void *base);

/* "1s to 1h", for rows of numbers. */
void conf_value_add_range(struct buf *, const struct conf_row *);

#endif
