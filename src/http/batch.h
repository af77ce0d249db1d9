/*
 * Batches of shared answers, private to http/; see http_batch_begin.
 */
#ifndef HTTP_BATCH_H
#define HTTP_BATCH_H

#include "http/io.h"

/* On the io thread that will use it. NULL: the kernel does not let us. */
struct batch *batch_new(void);
void batch_free(struct batch *batch); /* NULL is allowed */
bool batch_is_open(const struct http_io *io);
/* Sends all of it to c soon; answer_sent is told what became of it. Not of a connection
 * for which something waits already. */
void batch_add(struct http_io *io, struct conn *c, struct http_shared *shared);
/* Sends what waits, for those who cannot. May close connections (hooks.gone). */
void batch_flush(struct http_io *io);

#endif
