/*
 * What an event's children come to, as it is shown with the event itself: its newest
 * edit, its thread, what refers to it. Made anew for each answer, since the next child
 * or redaction changes it. Spec: client-server-api/#aggregations-of-child-events
 */
#ifndef ROOM_BUNDLE_H
#define ROOM_BUNDLE_H

#include "room/timeline.h"

#define BUNDLE_REFERENCES_MAX 1000 /* of one event: the oldest are shown */

/*
 * Fills in `relations` of those of events[0..n) that have children, not newer than
 * `upto` (what the answer is up to), which the seer's user may see and does not ignore.
 * For the events of one answer in one call, which asks the store once for every 32 of
 * them. State events have none.
 */
enum mx_err bundle_events(struct seer *seer, struct sliced *events, int n, int64_t upto,
    enum event_format format) MUST_USE;

/* May the seer's user see this child, whose sender they do not ignore? */
bool bundle_takes(struct seer *seer, int64_t event, const char *sender);

#endif
