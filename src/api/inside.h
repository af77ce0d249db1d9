/*
 * What the files of api/ share about the server; not for handlers.
 */
#ifndef API_INSIDE_H
#define API_INSIDE_H

#include "api/router.h"
#include "api/server.h"
#include "api/workers.h"
#include "stream/hub.h"

/* Counted for /metrics. */
struct api_stats {
	_Atomic uint64_t by_class[6]; /* answers 1xx .. 5xx at [status / 100] */
	_Atomic uint64_t limited;     /* requests refused by a rate limit */
};

/* Shared; constant after server_new but for what guards itself. */
struct server {
	struct core *core;
	struct server_options options;
	struct http_server *http;
	struct limits *limits;
	struct workers *workers, *slow;
	struct hubs *hubs;
	struct sync_filters *sync_filters;
	struct sync_members *sync_members;
	struct io_context *ios;	 /* one per io thread: what INLINE handlers work with */
	pthread_t keeper;	 /* the once-a-second chores */
	struct lock keeper_lock; /* RANK_LEAF */
	pthread_cond_t keeper_cond;
	bool keeper_stops;
	int64_t started_ms;
	_Atomic uint64_t next_request;
	struct api_stats stats;
	/* Of GET /_parlour/health: the writer's failures seen, and until when they
	 * count. */
	_Atomic uint64_t failed_groups;
	_Atomic int64_t failed_until_ms; /* clock_mono_ms */
};

/* http_hooks.request: from bytes to the row, and to whoever runs it. */
void dispatch_request(struct http_io *io, struct http_request *request, void *arg);
struct io_context *dispatch_ios_new(int count);
void dispatch_ios_free(struct io_context *ios, int count);

#endif
