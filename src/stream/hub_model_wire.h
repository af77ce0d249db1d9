/*
 * Stands in for the sockets of http/ under hub_model_test: the same functions, over
 * connections that are a few numbers each. What a hub sends is handed to the test at
 * once; letters lie in their mailbox until the test delivers them. A client may go from
 * inside any write. Packing is a mark before the bytes, so that it costs nothing.
 */
#ifndef STREAM_HUB_MODEL_WIRE_H
#define STREAM_HUB_MODEL_WIRE_H

#include "http/server.h"

enum wire_state {
	WIRE_CLOSED, /* no request */
	WIRE_ASKED,  /* a request that nobody has parked yet */
	WIRE_PARKED,
};

/* What becomes of a client while it is written to. */
enum wire_fate { WIRE_STAYS, WIRE_IS_SLOW, WIRE_GOES_BEFORE, WIRE_GOES_AFTER };

struct wire_hooks {
	/* A whole answer. was_parked: it did not come from inside the request. */
	void (*answered)(void *arg, uint32_t conn, int status, struct str body,
	    bool is_packed, bool is_shared, bool was_parked);
	/* Bytes of a stream, as they were before they became a chunk. */
	void (*sent)(void *arg, uint32_t conn, struct str bytes, bool is_shared);
	/* The stream is over. */
	void (*ended)(void *arg, uint32_t conn, bool is_cut);
	/* The client has gone by itself. */
	void (*left)(void *arg, uint32_t conn);
	enum wire_fate (*fate)(void *arg, uint32_t conn);
	/* http_hooks.gone, drained */
	void (*gone)(void *arg, struct http_io *io, uint32_t tag);
	void (*drained)(void *arg, struct http_io *io, uint32_t tag);
	void *arg;
};

struct http_server *wire_new(int io_threads, int conns, const struct wire_hooks *hooks);
void wire_free(struct http_server *server);

/* The client asks for something; its conn belongs to io thread conn % io_threads. */
struct exchange wire_ask(struct http_server *server, uint32_t conn);
enum wire_state wire_state(struct http_server *server, uint32_t conn);
/* The client closes its connection. */
void wire_hang_up(struct http_server *server, uint32_t conn);
/* Has it yet to take what was sent? */
bool wire_is_slow(struct http_server *server, uint32_t conn);
/* Now it has. */
void wire_drain(struct http_server *server, uint32_t conn);
/* Runs the oldest letter; false: there is none. */
bool wire_deliver(struct http_io *io);

#define WIRE_PACKED '\x1f' /* stands before packed bodies and blocks */

#endif
