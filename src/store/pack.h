/*
 * Event JSON as it lies on disk: a byte that names the packing, then the bytes; zstd
 * with a dictionary trained on events (schema/event.dict) where that is smaller.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "base/arena.h"
#include "base/str.h"

/* The packed form of a JSON object, in the arena. Any thread. */
struct str pack_json(struct arena *arena, const char *json, size_t n);
/* The JSON again, with one writable byte behind it (json_parse wants it); p = NULL if
 * the bytes are damaged. */
struct str unpack_json(struct arena *arena, struct str packed);
/* The JSON instead of what out holds: for many, one after another. False: damaged. */
bool unpack_json_to(struct buf *out, struct str packed);

#endif
