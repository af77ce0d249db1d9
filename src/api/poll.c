/*
 * Looks for listeners on workers, for the hubs; and the way of a poll from its handler
 * into its hub.
 */
#include "api/poll.h"

#include <stdlib.h>
#include <string.h>

#include "api/error.h"
#include "api/inside.h"
#include "base/address.h"
#include "base/clock.h"

#define REFUSED_RETRY_MS 5000

struct look_task {
	struct task task;
	struct server *server;
	struct waiting *waiting;
};

static void
set_error(struct look_task *look, struct ctx *ctx, struct arena *arena, enum mx_err err)
{
	struct req req = {
		.server = look->server, .core = ctx->core, .ctx = ctx, .arena = arena
	};

	error_write(&req, err);
	waiting_answer(look->waiting, req.status, &req.out);
	buf_free(&req.headers);
}

static void
run_look(struct task *task, struct ctx *ctx, struct arena *arena)
{
	struct look_task *look = (struct look_task *)task;
	struct waiting *w = look->waiting;
	enum mx_err err = waiting_look(w, ctx, arena);

	if (err != M_OK)
		set_error(look, ctx, arena, err);
	hub_looked(look->server->hubs, w);
	free(look);
}

static void
look_later(void *arg, struct waiting *w)
{
	struct look_task *look = xcalloc(1, sizeof *look);

	look->task.run = run_look;
	look->server = arg;
	look->waiting = w;
	workers_queue(look->server->workers, &look->task);
}

struct make_task {
	struct task task;
	struct server *server;
	struct page_task *page;
};

static void
run_make(struct task *task, struct ctx *ctx, struct arena *arena)
{
	struct make_task *make = (struct make_task *)task;

	hub_page_run(make->page, ctx, arena);
	hub_page_made(make->server->hubs, make->page);
	free(make);
}

static void
make_later(void *arg, struct page_task *page)
{
	struct make_task *make = xcalloc(1, sizeof *make);

	make->task.run = run_make;
	make->server = arg;
	make->page = page;
	workers_queue(make->server->workers, &make->task);
}

static void
refuse(void *arg, struct waiting *w)
{
	struct server *server = arg;
	struct ctx ctx = { .core = server->core };
	struct arena *arena = arena_new();
	struct req req = { .server = server,
		.core = server->core,
		.ctx = &ctx,
		.arena = arena,
		.error_sentence = "too many listeners wait for you already",
		.retry_after_ms = REFUSED_RETRY_MS };
	struct http_reply reply = { 0 };

	error_write(&req, M_LIMIT_EXCEEDED);
	buf_char(&req.headers, '\0');
	reply.status = req.status;
	reply.headers = req.headers.p;
	reply.body = buf_take(&req.out, &reply.body_n);
	http_answer(w->exchange, &reply);
	atomic_fetch_add_explicit(&server->stats.limited, 1, memory_order_relaxed);
	buf_free(&req.headers);
	arena_free(arena);
}

struct hubs *
poll_hubs_new(struct server *server)
{
	static const char body[] =
	    "{\"errcode\":\"M_UNKNOWN_TOKEN\","
	    "\"error\":\"This access token is not valid any more\"}";
	struct hub_options options = { .look = look_later,
		.refuse = refuse,
		.make = make_later,
		.arg = server,
		.page_news = server->options.pages.news,
		.page_arg = server->options.pages.arg,
		.parked_per_address = server->options.parked_per_address,
		.parked_per_token = server->options.parked_per_token,
		.token_gone =
		    http_shared_new(401, "application/json", body, sizeof body - 1) };

	server->sync_filters = sync_filters_new();
	server->sync_members = sync_members_new();
	return hubs_new(server->core, server->http, &options);
}

void
poll_hubs_free(struct server *server)
{
	hubs_free(server->hubs);
	sync_filters_free(server->sync_filters);
	sync_members_free(server->sync_members);
}

int64_t
poll_expiry(const struct req *req, int64_t now_mono_ms)
{
	return req->who.expires_ms == 0
		   ? 0
		   : now_mono_ms + req->who.expires_ms - clock_now_ms();
}

void
poll_sync(const struct req *req, struct waiting_sync *sync)
{
	sync->filters = req->server->sync_filters;
	sync->members = req->server->sync_members;
}

void
poll_enter(struct req *req, struct waiting *w)
{
	w->exchange = req->http->exchange;
	w->address = address_hash(&req->client);
	w->accepts_gzip = req->http->head.accepts_gzip;
	w->tokens_gone = req->tokens_gone;
	if (req->ctx->db == NULL)
		hub_enter(req->server->hubs, w);
	else
		hub_enter_later(req->server->hubs, w);
}
