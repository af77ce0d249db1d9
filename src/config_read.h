/*
 * From the text of a configuration to struct config, by the table of settings.
 */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include "config_type.h"

/*
 * Sets what text says in config, which holds the defaults, and adds its warnings. Each
 * mistake is added to errors as "NAME:LINE:COLUMN: sentence\n"; true: there was none.
 */
bool config_read(struct config *config, const char *name, const char *text, size_t n,
    struct buf *errors);

/* Where a row's value lies in the struct that holds it. */
static inline void *
setting_field(const struct setting *row, void *holder)
{
	return (char *)holder + row->offset;
}

/* Sets the defaults of all rows below prefix in holder, config or an item of a list. */
void settings_default(const char *prefix, void *holder);

#endif
