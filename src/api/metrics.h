/*
 * What the server tells of itself, in Prometheus' text format 0.0.4. Every name is
 * listed in doc/operating.md.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "api/server.h"
#include "base/str.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Adds all of it. The server has been started. Any thread but an io thread: it reads
 * /proc. */
void metrics_write(struct server *server, struct buf *out);

#endif
