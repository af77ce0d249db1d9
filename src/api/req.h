/*
 * A request as a handler sees it: arguments in, one answer out. Made by api/router,
 * which has checked the method, the token, the rate and the form of the path; lives on
 * one worker (or, for routes run INLINE, on the io thread) until the answer is written.
 */
#ifndef API_REQ_H
#define API_REQ_H

#include "base/json.h"
#include "http/server.h"
#include "http/uri.h"
#include "room/ctx.h"
#include "room/identity.h"

#define REQ_PARAMS_MAX 6

enum who {
	NOBODY,	 /* no token needed; one that is given is not looked at */
	ANYBODY, /* a token may be given and must then be valid */
	GUEST,	 /* guests and accounts */
	USER,	 /* accounts alone: 403 M_GUEST_ACCESS_FORBIDDEN for guests */
	ADMIN,
};

/* Which of the paths' versions the request came by. */
enum api_version {
	ROOT = 1, /* the path stands as it is, no version before it */
	A1 = 2,	  /* /_matrix/client/api/v1: 2015 */
	A2 = 4,	  /* /_matrix/client/v2_alpha */
	R0 = 8,
	V1 = 16,
	V3 = 32,
	UNSTABLE = 64,
	M_R0 = 128, /* /_matrix/media/r0 */
	M_V1 = 256,
	M_V3 = 512,
};

enum run {
	WORK,	/* on a worker */
	SLOW,	/* on one of the few slow workers: password hashing, remote servers */
	INLINE, /* on the io thread: may read memory alone; may return REQ_TO_WORKER */
	UPLOAD, /* on a worker, before its body has come: api/upload */
};

/* A rate class: how much of what kind (api/limit.c has the table). */
enum limit_class {
	FREE,
	READ,
	SEND,
	JOIN,
	CREATE,
	LOGIN,
	REGISTER,
	GUEST_REGISTER,
	POLL,
	PREVIEW,
	VIEW,	      /* pages for people; errors on their way are pages, too */
	VIEW_PAST,    /* what is searched for, or long ago */
	VIEW_PICTURE, /* a page has many */
};

struct req;
typedef enum mx_err (*handler)(struct req *req);

struct route {
	enum http_method method;
	int versions;
	const char *path; /* "/rooms/{roomId}/messages" */
	enum who who;
	enum limit_class limit;
	enum run run;
	handler fn;
};

struct server;
struct job;
struct upload;

struct req {
	struct server *server;
	struct core *core;
	struct ctx *ctx; /* ctx->db is NULL on an io thread */
	struct arena *arena;
	struct http_request *http;
	const struct route *route;
	enum api_version version;
	const char *params[REQ_PARAMS_MAX]; /* decoded, in the path's order */
	struct uri_query query;
	const struct json
	    *body; /* an object: of POST, PUT (also DELETE if it has one) */
	struct identity who;
	uint64_t tokens_gone;	/* changes_tokens_gone before `who` was looked for */
	const char *token;	/* as it was given; NULL: none */
	struct in6_addr client; /* trusted_proxies considered; IPv4 as ::ffff:a.b.c.d */
	bool peer_is_local;	/* loopback, and no proxy in between */
	uint64_t id;		/* in each log line */
	struct job *job;	/* on a worker: what it runs, for who takes it over */
	struct upload *upload;	/* of an UPLOAD row: its body, once it is here */
	bool is_slow;		/* on a slow worker, by job_run_slow */
	bool is_late;		/* what it waited for has not come in time */

	/* The answer. */
	int status;	/* 0: 200, or what api/error says of the returned error */
	struct buf out; /* its body; empty: {} */
	bool is_packed; /* by gzip_body, for a client that takes that */
	const char *content_type;      /* NULL: application/json */
	struct buf headers;	       /* more header lines, each ending in \r\n */
	const char *error_sentence;    /* of req_fail */
	const struct json *error_more; /* fields beside errcode and error */
	int retry_after_ms;	       /* M_LIMIT_EXCEEDED */
	bool soft_logout;
};

/* An INLINE handler's way to say: this needs the database, run me on a worker. */
#define REQ_TO_WORKER ((enum mx_err)M_ERR_COUNT)

/* Did it come by one of 2015's paths? */
static inline bool
req_is_legacy(const struct req *req)
{
	return req->version == A1 || req->version == A2;
}

/* A handler's way to say: I have taken req->job over, to have it run again (job_run),
 * or to answer by its exchange. */
#define REQ_TAKEN ((enum mx_err)(M_ERR_COUNT + 1))

/* A path parameter by the name in the route's path; never NULL for one it has. */
const char *req_path(const struct req *req, const char *name);
/* Is etag in the list that such a header gives? RFC 9110 13.1.1, 13.1.2 */
bool req_names_etag(const struct req *req, const char *header, const char *etag);
/* The first query parameter of that name, decoded; NULL: not given. */
const char *req_query(const struct req *req, const char *name);
/* Every one of that name: the nth from 0; NULL: no more. */
const char *req_query_nth(const struct req *req, const char *name, int nth);
/* An integer between min and max (what lies outside is brought inside); fallback if it
 * is not given. False: no integer. */
bool req_query_int(const struct req *req, const char *name, int64_t fallback,
    int64_t min, int64_t max, int64_t *out);
/* "true" or "false"; false result: something else was given. */
bool req_query_bool(const struct req *req, const char *name, bool fallback, bool *out);

/* The client's address as text, in the arena. */
const char *req_client_text(const struct req *req);

/* Fields of the body. NULL if absent or of another type; req_body_wrong tells the two
 * apart: true if the field is there (and not null) but of another type. */
const char *req_body_str(const struct req *req, const char *field);
bool req_body_wrong(const struct req *req, const char *field, enum json_type type);

/* Ends with an error: the errcode and a sentence for people (copied: no; static or in
 * the arena). return req_fail(req, M_INVALID_PARAM, "limit must be a number"); */
enum mx_err req_fail(struct req *req, enum mx_err err, const char *sentence);
/* The same with another status than the errcode's usual one. */
enum mx_err req_fail_status(
    struct req *req, int status, enum mx_err err, const char *sentence);

/* Answers. All return M_OK. */
enum mx_err reply_json(struct req *req, const struct json *body);
enum mx_err reply_empty(struct req *req); /* {} */
/* Takes over body's bytes: a JSON text, or content_type says what. */
enum mx_err reply_buf(struct req *req, struct buf *body);
/* On an io thread: answers with bytes that stay the caller's, packed ones (NULL: there
 * are none) where the client takes them. The handler returns what this returns. */
enum mx_err reply_shared(
    struct req *req, struct http_shared *bytes, struct http_shared *packed);
void reply_header(struct req *req, const char *name, const char *value);

#endif
