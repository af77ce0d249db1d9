/*
 * The table of settings, for those who read, print or free them.
 */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config_type.h"

extern const struct setting settings[];
extern const size_t settings_count;

#endif
