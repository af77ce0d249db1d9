/*
 * One request's way: row, rate, then the handler on the io thread (INLINE) or on a
 * worker, then the answer, held back until what the handler wrote is durable.
 * Stands between http/server (bytes) and api/client (handlers). See doc/request.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/error.h"
#include "api/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/gzip.h"
#include "room/changes.h"

/* What an io thread works with for INLINE handlers. */
struct io_context {
	struct arena *arena;
	struct ctx ctx;
};

struct io_context *
dispatch_ios_new(int count)
{
	struct io_context *ios = xcalloc(count, sizeof *ios);

	for (int i = 0; i < count; i++)
		ios[i].arena = arena_new();
	return ios;
}

void
dispatch_ios_free(struct io_context *ios, int count)
{
	for (int i = 0; i < count; i++)
		arena_free(ios[i].arena);
	free(ios);
}

/* --- answering --- */

static void
log_access(const struct req *req, int status)
{
	static const char *const names[] = { "-", "GET", "HEAD", "POST", "PUT",
		"DELETE", "OPTIONS", "PATCH" };

	/* The route's own path, not the request's: that may hold a token. */
	log_debug("http: %s %s %d %zuB %lldus %s", names[req->http->head.method],
	    req->route == NULL ? "(unknown)" : req->route->path, status, req->out.n,
	    (long long)(clock_mono_us() - req->http->received_us),
	    req->who.user_id == NULL ? "-" : req->who.user_id);
}

void
dispatch_count(struct server *server, int status)
{
	int class = status / 100;

	if (class < 6)
		atomic_fetch_add_explicit(
		    &server->stats.by_class[class], 1, memory_order_relaxed);
}

/* The reply as the HTTP server takes it; its headers must outlive the call. */
static struct http_reply
make_reply(struct req *req)
{
	struct http_reply reply = { .status = req->status == 0 ? 200 : req->status,
		.content_type = req->content_type };

	if (req->out.n == 0 && req->content_type == NULL)
		buf_lit(&req->out, "{}");
	if (req->headers.n > 0) {
		buf_char(&req->headers, '\0');
		reply.headers = req->headers.p;
	}
	if (log_wants(LOG_DEBUG))
		log_access(req, reply.status);
	reply.body = buf_take(&req->out, &reply.body_n);
	if (req->is_packed)
		reply.gzip = true;
	else if (req->http->head.accepts_gzip &&
		 reply.status < 400) /* errors are small */
		reply.gzip = gzip_body(&reply.body, &reply.body_n);
	return reply;
}

static void
answer_now(struct req *req)
{
	struct http_reply reply = make_reply(req);

	dispatch_count(req->server, reply.status);
	http_answer(req->http->exchange, &reply);
}

enum mx_err
reply_shared(struct req *req, struct http_shared *bytes, struct http_shared *packed)
{
	bool gzip = packed != NULL && req->http->head.accepts_gzip;
	struct http_shared *body = gzip ? packed : bytes;
	struct http_reply head = { .status = 200,
		.content_type = req->content_type,
		.body_n = body->n,
		.gzip = gzip };

	buf_char(&req->headers, '\0');
	head.headers = req->headers.p;
	dispatch_count(req->server, head.status);
	http_answer_from(req->http->exchange, &head, body, 0);
	return M_PARKED;
}

/* An answer whose writes are not durable yet. */
struct held {
	struct server *server;
	struct exchange exchange;
	struct http_reply reply;
	char *headers, *content_type;
	uint64_t tickets[CTX_TICKETS_MAX];
	int ticket_count, next;
};

static void
held_free(struct held *held)
{
	free(held->headers);
	free(held->content_type);
	free(held);
}

/* The write failed after the handler had its answer ready. */
static void
answer_failed(struct held *held, enum mx_err err)
{
	struct http_reply reply = { .status = error_status(err) };
	struct buf b = { 0 };

	free(held->reply.body);
	buf_printf(&b, "{\"errcode\":\"%s\",\"error\":", err_name(err));
	buf_json_str(&b, error_sentence(err));
	buf_char(&b, '}');
	reply.body = buf_take(&b, &reply.body_n);
	dispatch_count(held->server, reply.status);
	http_answer(held->exchange, &reply);
}

/* Called for one ticket after the other, on the writer thread. */
static void
ticket_settled(void *arg, enum mx_err err)
{
	struct held *held = arg;

	if (err == M_OK && held->next < held->ticket_count) {
		uint64_t ticket = held->tickets[held->next++];

		writer_when_durable(
		    held->server->core->writer, ticket, ticket, ticket_settled, held);
		return;
	}
	/* A group's answers go out together: server.c rings once it is told of all. */
	if (thread_role() == ROLE_WRITER)
		http_hold();
	if (err == M_OK) {
		dispatch_count(held->server, held->reply.status);
		http_answer(held->exchange, &held->reply);
	} else {
		answer_failed(held, err);
	}
	held_free(held);
}

static void
answer_when_durable(struct req *req)
{
	struct held *held = xcalloc(1, sizeof *held);

	held->server = req->server;
	held->exchange = req->http->exchange;
	held->reply = make_reply(req);
	if (held->reply.headers != NULL)
		held->reply.headers = held->headers = xstrdup(held->reply.headers);
	if (held->reply.content_type != NULL)
		held->reply.content_type = held->content_type =
		    xstrdup(held->reply.content_type);
	memcpy(held->tickets, req->ctx->tickets, sizeof held->tickets);
	held->ticket_count = req->ctx->ticket_count;
	ticket_settled(held, M_OK);
}

static bool
is_page(const struct route *route)
{
	return route != NULL && (route->limit == VIEW || route->limit == VIEW_PAST ||
				    route->limit == VIEW_PICTURE);
}

/* A path below which there is nothing but pages. */
static bool
is_among_pages(const struct server *server, const struct http_request *request)
{
	struct str path = request->head.path;

	return server->options.pages.error != NULL &&
	       (server->options.serves[request->listener] & SERVES_VIEWER) != 0 &&
	       str_starts(path, "/rooms") && (path.n == 6 || path.p[6] == '/');
}

/* Whoever looks at pages is told what is wrong by one. */
static void
write_error(struct req *req, enum mx_err err)
{
	const struct server_pages *pages = &req->server->options.pages;

	if (req->arena != NULL &&
	    (is_page(req->route) ||
		(req->route == NULL && is_among_pages(req->server, req->http))))
		pages->error(pages->arg, req, err);
	else
		error_write(req, err);
}

/* err is the handler's. */
static void
finish(struct req *req, enum mx_err err)
{
	if (err == M_OK && req->ctx->ticket_count > 0) {
		answer_when_durable(req);
	} else if (err == M_PARKED) {
		log_debug("http: GET %s parked %s", req->route->path,
		    req->who.user_id == NULL ? "-" : req->who.user_id);
	} else {
		if (err != M_OK)
			write_error(req, err);
		answer_now(req);
	}
	buf_free(&req->out);
	buf_free(&req->headers);
}

/* --- making a req --- */

static enum mx_err
read_params(struct req *req, const struct router_match *match)
{
	for (int i = 0; i < match->param_count; i++) {
		req->params[i] = uri_decode(req->arena, match->params[i]);
		if (req->params[i] == NULL)
			return req_fail(req, M_INVALID_PARAM,
			    "the path is not encoded as it should be");
	}
	if (!uri_query_parse(req->arena, req->http->head.query, &req->query))
		return req_fail(
		    req, M_INVALID_PARAM, "the query is not encoded as it should be");
	return M_OK;
}

/* The one page whose form comes back as a browser sends forms; curl -d says the same of
 * JSON, so that the content type tells nothing. */
static bool
takes_form(const struct route *route)
{
	return strcmp(route->path, "/auth/{authType}/fallback/web") == 0;
}

/* POSTs that the specification gives no body: what is sent there is not looked at.
 * nheko says `null` as it logs out. */
static bool
takes_no_body(const struct route *route)
{
	static const char *const paths[] = { "/logout", "/logout/all",
		"/rooms/{roomId}/forget", "/create" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (strcmp(route->path, paths[i]) == 0)
			return true;
	return false;
}

/* 2015's PUT /pushrules/.../enabled has true or false alone for its body; today's has
 * it under a key. */
static struct json *
named_value(struct req *req, struct json *body)
{
	struct json *object;

	if ((req->version != A1 && req->version != A2) || !json_is(body, JSON_BOOL) ||
	    !starts_with(req->route->path, "/pushrules/") ||
	    !ends_with(req->route->path, "/enabled"))
		return body;
	object = json_object(req->arena);
	json_set(req->arena, object, "enabled", body);
	return object;
}

/* A body that is there must be a JSON object. Numbers that canonical JSON cannot hold
 * are let in here: whether they are fit for an event is for its room version to say. */
static enum mx_err
read_body(struct req *req)
{
	enum http_method method = req->http->head.method;
	struct json_error error = { 0 };
	char *text = req->http->body;
	struct json *body;

	if (method != HTTP_POST && method != HTTP_PUT && method != HTTP_DELETE)
		return M_OK;
	req->body = json_object(req->arena);
	if (takes_form(req->route) || takes_no_body(req->route) ||
	    req->route->run == UPLOAD)
		return M_OK;
	if (req->http->body_n == 0)
		return method == HTTP_PUT
			   ? req_fail(req, M_NOT_JSON, "this needs a JSON body")
			   : M_OK;
	/* On an io thread a worker may have to read the same bytes again. */
	if (req->ctx->db == NULL)
		text = arena_strndup(req->arena, text, req->http->body_n);
	body = json_parse(req->arena, text, req->http->body_n, JSON_LENIENT, &error);
	if (body == NULL)
		return req_fail(req, error.number ? M_BAD_JSON : M_NOT_JSON,
		    arena_printf(req->arena,
			"the body is not valid JSON: %s (byte %zu)", error.why,
			error.at));
	body = named_value(req, body);
	if (!json_is(body, JSON_OBJECT))
		return req_fail(req, M_BAD_JSON, "the body must be a JSON object");
	req->body = body;
	return M_OK;
}

static void
read_token(struct req *req)
{
	bool encoded;
	struct str token = auth_token(&req->http->head, &encoded);

	if (token.n == 0)
		return;
	req->token = encoded ? uri_decode_query(req->arena, token)
			     : arena_strndup(req->arena, token.p, token.n);
}

static void
set_peer(struct req *req, const struct in6_addr *client)
{
	const struct in6_addr *peer = &req->http->peer;

	req->client = *client;
	req->peer_is_local =
	    memcmp(peer, client, sizeof *peer) == 0 &&
	    http_header(&req->http->head, "x-forwarded-for") == NULL &&
	    (IN6_IS_ADDR_LOOPBACK(peer) ||
		(IN6_IS_ADDR_V4MAPPED(peer) && peer->s6_addr[12] == 127));
}

static enum mx_err
run(struct req *req, const struct router_match *match)
{
	enum mx_err err;

	req->route = match->route;
	req->version = match->version;
	req->tokens_gone = changes_tokens_gone(req->core->changes);
	read_token(req);
	err = read_params(req, match);
	if (err == M_OK)
		err = auth_identify(req);
	if (err == M_OK)
		err = read_body(req);
	return err == M_OK ? match->route->fn(req) : err;
}

static struct req
req_of(struct job *job, struct ctx *ctx, struct arena *arena)
{
	struct req req = { .server = job->server,
		.core = ctx->core,
		.ctx = ctx,
		.arena = arena,
		.http = job->http,
		.id = job->id,
		.job = job };

	log_set_request(job->id);
	set_peer(&req, &job->client);
	return req;
}

void
job_free(struct job *job)
{
	http_request_free(job->http);
	free(job);
}

void
job_run(struct job *job, struct ctx *ctx, struct arena *arena, struct upload *upload)
{
	struct req req = req_of(job, ctx, arena);
	enum mx_err err;

	req.upload = upload;
	req.is_slow = job->is_slow;
	req.is_late = job->is_late;
	err = run(&req, &job->match);
	if (err == REQ_TAKEN) { /* it may be gone by now */
		buf_free(&req.out);
		buf_free(&req.headers);
		return;
	}
	finish(&req, err);
	job_free(job);
}

void
job_fail(struct job *job, struct ctx *ctx, struct arena *arena, enum mx_err err)
{
	struct req req = req_of(job, ctx, arena);

	req.route = job->match.route;
	finish(&req, err);
	job_free(job);
}

static void
run_job(struct task *task, struct ctx *ctx, struct arena *arena)
{
	job_run((struct job *)task, ctx, arena, NULL);
}

void
job_run_slow(struct job *job)
{
	job->is_slow = true;
	workers_queue(job->server->slow, &job->task);
}

void
job_run_link(struct job *job)
{
	job->is_slow = true;
	workers_queue(job->server->links, &job->task);
}

void
job_run_away(struct job *job)
{
	struct server *server = job->server;

	job->is_slow = true;
	workers_queue(server->away != NULL ? server->away : server->slow, &job->task);
}

/* --- on the io thread --- */

/* The match points into the head it was found in: the copy's text is elsewhere. */
static struct str
moved(struct str s, const struct str *from, const struct str *to)
{
	return (struct str){ to->p + (s.p - from->p), s.n };
}

static void
to_worker(struct server *server, struct http_request *request,
    const struct router_match *match, const struct in6_addr *client, uint64_t id)
{
	struct job *job = xcalloc(1, sizeof *job);
	bool slow = match->route->run == SLOW ||
		    (match->route->run == INLINE && match->route->limit == REGISTER);

	job->task.run = run_job;
	job->server = server;
	job->http = http_request_detach(request);
	job->match = *match;
	for (int i = 0; i < match->param_count; i++)
		job->match.params[i] =
		    moved(match->params[i], &request->head.path, &job->http->head.path);
	job->id = id;
	job->client = *client;
	workers_queue(slow ? server->slow : server->workers, &job->task);
}

static void
run_inline(struct server *server, struct http_io *io, struct http_request *request,
    const struct router_match *match, const struct in6_addr *client, uint64_t id)
{
	struct io_context *here = &server->ios[http_io_index(io)];
	struct req req = { .server = server,
		.core = server->core,
		.ctx = &here->ctx,
		.arena = here->arena,
		.http = request,
		.id = id };
	enum mx_err err;

	here->ctx = (struct ctx){ .core = server->core };
	set_peer(&req, client);
	err = run(&req, match);
	if (err == REQ_TO_WORKER) {
		buf_free(&req.out);
		buf_free(&req.headers);
		to_worker(server, request, match, client, id);
	} else {
		finish(&req, err);
	}
	arena_reset(here->arena);
}

/* An answer made before there is a handler. route, for the log: NULL where there is
 * none either. */
static void
refuse(struct server *server, struct http_request *request, const struct route *route,
    int status, enum mx_err err, const char *sentence, int retry_ms)
{
	struct ctx ctx = { .core = server->core };
	struct req req = { .server = server,
		.core = server->core,
		.ctx = &ctx,
		.arena = is_page(route) || is_among_pages(server, request) ? arena_new()
									   : NULL,
		.http = request,
		.route = route,
		.status = status,
		.error_sentence = sentence,
		.retry_after_ms = retry_ms };

	finish(&req, err);
	if (req.arena != NULL)
		arena_free(req.arena);
}

/* RFC 9110 15.5.6: a 405 names what the path does take. */
static void
refuse_method(struct server *server, struct http_request *request)
{
	static const struct {
		enum http_method method;
		const char *name;
	} methods[] = { { HTTP_GET, "GET, HEAD, " }, { HTTP_POST, "POST, " },
		{ HTTP_PUT, "PUT, " }, { HTTP_DELETE, "DELETE, " } };
	struct ctx ctx = { .core = server->core };
	struct req req = { .server = server,
		.core = server->core,
		.ctx = &ctx,
		.http = request,
		.arena = arena_new(),
		.status = 405,
		.error_sentence = "This endpoint does not take this method" };
	struct router_match match;
	char allow[64] = "";

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (router_find(methods[i].method, request->head.path, &match) ==
		    ROUTE_FOUND)
			strcat(allow, methods[i].name);
	strcat(allow, "OPTIONS");
	reply_header(&req, "Allow", allow);
	finish(&req, M_UNRECOGNIZED);
	arena_free(req.arena);
}

static void
refuse_limited(struct server *server, struct http_request *request,
    const struct route *route, int retry_ms)
{
	atomic_fetch_add_explicit(&server->stats.limited, 1, memory_order_relaxed);
	refuse(server, request, route, 429, M_LIMIT_EXCEEDED, NULL, retry_ms);
}

static void
answer_options(struct server *server, struct http_request *request)
{
	/* Who reads a stream of events by fetch() says where to go on, as EventSource
	 * does; who reads a file, which part of it, and what it has. */
	static const char *const more[] = { "Last-Event-ID", "Range", "If-Range",
		"If-None-Match" };
	struct ctx ctx = { .core = server->core };
	struct req req = {
		.server = server, .core = server->core, .ctx = &ctx, .http = request
	};

	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
		if (http_lists(
			&request->head, "access-control-request-headers", more[i]))
			reply_header(&req, "Access-Control-Allow-Headers", more[i]);
	finish(&req, M_OK);
}

static bool
serves(const struct server *server, const struct http_request *request,
    const struct route *route)
{
	int needs = strcmp(route->path, "/metrics") == 0
			? SERVES_METRICS | SERVES_CLIENT
		    : is_page(route) ? SERVES_VIEWER
				     : SERVES_CLIENT;

	/* Health is for whoever watches any listener. */
	return strcmp(route->path, "/_parlour/health") == 0 ||
	       (server->options.serves[request->listener] & needs) != 0;
}

/* Where its row, and its rate, send it. */
static void
dispatch_matched(struct server *server, struct http_io *io,
    struct http_request *request, const struct router_match *match, uint64_t id)
{
	struct in6_addr client = client_address(
	    request, server->options.trusted, server->options.trusted_count);
	const struct route *route = match->route;
	bool encoded;
	int retry_ms;

	if (!limits_take(server->limits, limit_class_of(route, request->head.query),
		&client, auth_token(&request->head, &encoded), &retry_ms))
		refuse_limited(server, request, route, retry_ms);
	else if (route->run == INLINE)
		run_inline(server, io, request, match, &client, id);
	else
		to_worker(server, request, match, &client, id);
}

bool
dispatch_in_portions(struct str method, struct str path, void *arg)
{
	struct router_match match;
	enum http_method is = str_is(method, "POST")  ? HTTP_POST
			      : str_is(method, "PUT") ? HTTP_PUT
						      : HTTP_OTHER;

	/* Cheap, where no upload can be meant. */
	return is != HTTP_OTHER && path.n > 15 &&
	       memcmp(path.p, "/_matrix/media/", 15) == 0 &&
	       router_find(is, path, &match) == ROUTE_FOUND &&
	       match.route->run == UPLOAD;
}

void
dispatch_request(struct http_io *io, struct http_request *request, void *arg)
{
	struct server *server = arg;
	uint64_t id =
	    atomic_fetch_add_explicit(&server->next_request, 1, memory_order_relaxed);
	struct router_match match;
	enum router_result found;

	log_set_request(id);
	found = router_find(request->head.method, request->head.path, &match);
	if (request->head.method == HTTP_OPTIONS)
		answer_options(server, request);
	else if (found == ROUTE_OTHER_METHOD)
		refuse_method(server, request);
	else if (found == ROUTE_UNKNOWN || !serves(server, request, match.route))
		refuse(server, request, NULL, 404, M_UNRECOGNIZED, NULL, 0);
	else
		dispatch_matched(server, io, request, &match, id);
	log_set_request(0);
}
