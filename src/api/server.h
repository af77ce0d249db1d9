/*
 * The server put together: HTTP in front, workers behind, the hubs of the stream on the
 * io threads. Everything about one request's way from row to answer is in api/dispatch.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "api/limit.h"
#include "http/server.h"
#include "room/ctx.h"

/* What a listener serves (or'ed). */
enum serves {
	SERVES_CLIENT = 1,
	SERVES_FEDERATION = 2,
	SERVES_VIEWER = 4,
	SERVES_METRICS = 8
};

struct ctx;
struct arena;
struct page_news;
struct req;
struct route;

/* Of pages, for /metrics. */
struct server_page_stats {
	uint64_t made, kept; /* answered anew, and out of memory */
	uint64_t lines_made; /* renderings of events */
	uint64_t line_bytes; /* of those that are kept */
};

/* Pages for people, which a layer above makes. All but `arg` are NULL where there are
 * none. */
struct server_pages {
	const struct route *routes;
	int route_count;
	/* On a worker, for the hubs (stream/hub.h). */
	enum mx_err (*news)(
	    void *arg, struct ctx *ctx, struct arena *arena, struct page_news *news);
	/* Answers an error as a page: fills in req's answer. Any thread. */
	void (*error)(void *arg, struct req *req, enum mx_err err);
	/* pages_changed of all rooms: no page that was made before is answered with any
	 * more. */
	void (*forget)(void *arg);
	void (*stats)(void *arg, struct server_page_stats *out);
	void *arg;
};

/* Borrowed for the server's life. */
struct server_options {
	struct server_pages pages;
	struct http_config http;
	const int *serves; /* of each of http.listeners */
	const struct trusted_proxy *trusted;
	int trusted_count;
	bool rate_limits;
	uint32_t parked_per_address, parked_per_token; /* listeners; 0: no limit */
	int workers;				       /* 0: by the number of cores */
	int transfers_max; /* files on their way in or out at a time */
};

struct server;

/* How many descriptors the process needs at most besides those of connections. */
int server_descriptors(const struct core *core, const struct server_options *options);
/* NULL with a sentence in *error_out (malloc'ed), a port in use for example. */
struct server *server_new(
    struct core *core, const struct server_options *options, char **error_out);
void server_start(struct server *server);
/* server_pages.arg, for the handlers of its routes. */
void *server_pages_arg(const struct server *server);
/* How many listen to each of these rooms now; what is not known in time is 0. From a
 * worker. */
void server_listeners(
    struct server *server, const char *const *room_ids, int n, uint32_t *counts_out);
uint16_t server_port(const struct server *server, int listener);
/* Stops accepting, answers parked listeners and what is under way for at most grace_ms,
 * then ends all threads. */
void server_stop(struct server *server, int grace_ms);
void server_free(struct server *server);

#endif
