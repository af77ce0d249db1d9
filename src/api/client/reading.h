/*
 * What the handlers that read rooms share: the room as the asker sees it, limits,
 * places, filters out of the query.
 */
#ifndef API_CLIENT_READING_H
#define API_CLIENT_READING_H

#include "api/req.h"
#include "base/map.h"
#include "room/filter.h"
#include "room/timeline.h"

/* Open until reading_close; zeroed is closed. */
struct reading {
	struct room *room; /* counted, as is s */
	struct snapshot *s;
	struct seer seer;
	/* All is read in one transaction: one view, and its locks taken once. */
	bool has_begun;
};

/* M_FORBIDDEN for a room that is unknown or of which the asker may see nothing, not
 * even of its past: who may not see it shall not learn whether it is there. */
enum mx_err reading_open(
    struct req *req, const char *room_id, struct reading *out) MUST_USE;
/* The same of a room that is at hand (takes over its reference), whatever may be seen.
 */
enum mx_err reading_of(
    struct req *req, struct room *room, struct reading *out) MUST_USE;
void reading_close(struct reading *reading);

/* M_NOT_FOUND for an event that is not there, and in the same words for one that the
 * asker may not see. */
enum mx_err reading_no_event(struct req *req);

/* 2015's clients are shown 2015's fields as well. */
enum event_format reading_format(const struct req *req);

/* `limit` between 0 and max; M_INVALID_PARAM for what is negative or no number. */
enum mx_err reading_limit(struct req *req, int fallback, int max, int *out) MUST_USE;
/* The place behind a parameter's token; *given_out: is it there? An empty one is not:
 * libQuotient sends `from=` for a room of which it has no token yet. */
enum mx_err reading_place(
    struct req *req, const char *name, struct place *out, bool *given_out) MUST_USE;
/* The `filter` parameter, which lowers *limit if it has one. */
enum mx_err reading_filter(
    struct req *req, struct reading *reading, struct filter *out, int *limit) MUST_USE;

/* Fills in what the page's events' children come to, before it is written.
 * Spec: #aggregations-of-child-events */
enum mx_err reading_bundle(
    struct req *req, struct reading *reading, struct page *page) MUST_USE;
/* Appends one event with what its children come to. */
enum mx_err reading_write_event(struct req *req, struct reading *reading,
    struct buf *out, const struct stored_event *stored) MUST_USE;
/* Appends a JSON array of a page's events, in its order or turned round. */
void reading_write_page(struct req *req, struct reading *reading, struct buf *out,
    const struct page *page, bool turned);
/* Puts the senders of a page's events into a map, whose values they are too.
 * Spec: #lazy-loading-room-members */
void reading_senders(struct map *senders, const struct page *page);

#endif
