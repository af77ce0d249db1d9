/*
 * Those who ask for a file that is announced and has not come: they wait for it,
 * without a thread. Spec:
 * client-server-api/#get_matrixclientv1mediadownloadservernamemediaid, timeout_ms.
 */
#ifndef API_CLIENT_MEDIA_WAIT_H
#define API_CLIENT_MEDIA_WAIT_H

#include "api/req.h"

struct media_waits;

struct media_waits *media_waits_new(void);
/* Nobody may wait any more: media_waits_end was called. */
void media_waits_free(struct media_waits *waits);

/* Instead of an answer: the handler is run again when the file is here or will not
 * come, or the time is up (req->is_late then): at the latest at expires_ts, when the
 * row is over. M_OK: there is nothing to wait for any more, or the server ends. */
enum mx_err media_wait(struct req *req, const char *server_name, const char *media_id,
    int64_t timeout_ms, int64_t expires_ts);
/* It is here now, or will not come. */
void media_wait_is_over(struct server *server, const char *media_id);
/* How many wait. */
int media_waits_count(struct media_waits *waits);
/* Once a second: those whose time is up. */
void media_waits_tick(struct server *server, int64_t mono_ms);
/* The server ends: whoever waits goes unanswered, and nobody begins to wait. Who takes
 * requests may still run. */
void media_waits_end(struct server *server);

#endif
