/*
 * The text of server-sent events: what a hub sends to whoever asked for
 * text/event-stream instead of an answer for each poll.
 * Spec: https://html.spec.whatwg.org/#server-sent-events, doc/events.md
 */
#ifndef STREAM_SSE_H
#define STREAM_SSE_H

#include "base/str.h"
#include "stream/token.h"

#define SSE_TYPE "text/event-stream"
#define SSE_COMMENT_MS 25000 /* of silence; proxies give up after 30 or 60 s */

/* How a stream begins: how soon to come back after its end, and from where. */
void sse_opening(struct buf *out, const struct stream_token *at);
/* Appends id:, event: and data: up to where the event's JSON follows. id: where
 * whoever comes back goes on. */
void sse_event_begin(struct buf *out, const struct stream_token *id, const char *type);
void sse_event_end(struct buf *out);
/* Where in such text those go on who have had what is up to a position: behind the last
 * event with an id that is not behind it. n: there is nothing for them. */
size_t sse_behind(const char *text, size_t n, int64_t position);
/* Something to send when nothing is said. */
void sse_comment(struct buf *out);

#endif
