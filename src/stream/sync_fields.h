/*
 * Events with only those fields that a client has asked for.
 * Spec: client-server-api/#filtering (event_fields),
 * appendices/#dot-separated-property-paths
 */
#ifndef STREAM_SYNC_FIELDS_H
#define STREAM_SYNC_FIELDS_H

#include "room/filter.h"

/* out from `at` on is a JSON array of events: it becomes that of what fields (v NULL:
 * all) name of each. */
void sync_fields_keep(
    struct arena *arena, const struct filter_list *fields, struct buf *out, size_t at);

#endif
