/*
 * Between the hubs, which know who waits, and the workers, which look.
 */
#ifndef API_POLL_H
#define API_POLL_H

#include "api/req.h"
#include "stream/hub.h"

struct hubs *poll_hubs_new(struct server *server);
void poll_hubs_free(struct server *server);
/* Hands w to the hub of its io thread; the handler returns M_PARKED then. */
void poll_enter(struct req *req, struct waiting *w);
/* The end of the asker's token on the clock that deadlines use; 0: none. */
int64_t poll_expiry(const struct req *req, int64_t now_mono_ms);
/* What all /syncs share is filled in. */
void poll_sync(const struct req *req, struct waiting_sync *sync);

#endif
