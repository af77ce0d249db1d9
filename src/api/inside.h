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
	struct workers *workers, *slow, *files; /* files: NULL once they have ended */
	struct workers *links;			/* NULL where no previews are made */
	/* From and to a bucket, NULL where there is none: who reads holds up nobody
	 * who writes. */
	struct workers *away, *uploads;
	struct task orphans; /* looked for once, by away */
	struct media_waits *media_waits;
	struct media_hot *media_hot;
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
	_Atomic int transfers;	    /* files on their way in or out */
	struct tally *transfers_of; /* by user, or address */
	/* Of GET /_parlour/health: the writer's failures seen, and until when they
	 * count. */
	_Atomic uint64_t failed_groups;
	_Atomic int64_t failed_until_ms; /* clock_mono_ms */
};

/* A request on its way to a worker, or with its body still to come. */
struct job {
	struct task task;
	struct server *server;
	struct http_request *http;
	struct router_match match;
	uint64_t id;
	struct in6_addr client;
	bool is_slow, is_late; /* of req */
};

/* server.c: a file on its way in or out, and its descriptor; whose it is comes back,
 * for its end. M_LIMIT_EXCEEDED: there are too many, all together or of this user. */
enum mx_err transfer_begin(struct req *req, uint64_t *whose_out) MUST_USE;
void transfer_end(struct server *server, uint64_t whose);

/* dispatch.c: runs its handler and answers; the job ends with it, unless the handler
 * takes it over. upload: the body that is here; NULL: none. */
void job_run(
    struct job *job, struct ctx *ctx, struct arena *arena, struct upload *upload);
/* Its handler goes on where it may take long; it has taken the job over. */
void job_run_slow(struct job *job);
/* The same, for what waits for other people's servers. */
void job_run_link(struct job *job);
/* The same, for what waits for files that may be in a bucket. */
void job_run_away(struct job *job);
/* Answers with an error. */
void job_fail(struct job *job, struct ctx *ctx, struct arena *arena, enum mx_err err);
void job_free(struct job *job);
/* Counts an answer that is not dispatch's own. */
void dispatch_count(struct server *server, int status);

/* http_hooks.in_portions */
bool dispatch_in_portions(struct str method, struct str path, void *arg);
/* http_hooks.request: from bytes to the row, and to whoever runs it. */
void dispatch_request(struct http_io *io, struct http_request *request, void *arg);
struct io_context *dispatch_ios_new(int count);
void dispatch_ios_free(struct io_context *ios, int count);

#endif
