/*
 * The bytes of schema/event.dict, put into the program at build time by
 * tools/embed_dict. Only store/pack reads them.
 */
#ifndef STORE_EVENT_DICT_H
#define STORE_EVENT_DICT_H

#include <stddef.h>

extern const unsigned char event_dict[];
extern const size_t event_dict_n;

#endif
