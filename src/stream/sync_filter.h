/*
 * The filters of /sync as they are used: read once, counted, one for all who use the
 * same text. A parked sync holds a reference, no copy. Spec:
 * client-server-api/#filtering
 */
#ifndef STREAM_SYNC_FILTER_H
#define STREAM_SYNC_FILTER_H

#include "room/filter.h"

struct sync_filter {
	struct filter_whole f;
	/* private */
	struct arena *arena;
	const char *text;
	uint32_t refs;
};

struct sync_filters *sync_filters_new(void);
void sync_filters_free(struct sync_filters *filters);

/* The filter behind JSON text, counted; "" is the one that lets everything pass.
 * M_BAD_JSON, M_NOT_JSON with a sentence. Any thread. */
enum mx_err sync_filter_get(struct sync_filters *filters, const char *text,
    struct sync_filter **out, const char **why_out) MUST_USE;
/* Gives it back; NULL is allowed. */
void sync_filter_put(struct sync_filters *filters, struct sync_filter *filter);

#endif
