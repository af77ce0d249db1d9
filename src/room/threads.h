/*
 * The threads of a room. Spec: client-server-api/#querying-threads-in-a-room
 */
#ifndef ROOM_THREADS_H
#define ROOM_THREADS_H

#include "room/timeline.h"

/*
 * Fills in a page of the roots of threads, those with the newest event first, as far as
 * the seer's user may see them; page->from, limit and (filled in) events, count, more
 * and end are what they are for timeline_page, which goes backwards. A page may have
 * fewer than limit and more behind it. participated: only of threads in which the user
 * has said something, or which they began. A root by a user who is ignored is redacted.
 */
enum mx_err threads_page(
    struct seer *seer, bool participated, struct page *page) MUST_USE;

#endif
