/*
 * The server's parts in the order in which they start and stop.
 */
#include "api/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client/media_hot.h"
#include "api/client/media_wait.h"
#include "api/error.h"
#include "api/inside.h"
#include "api/poll.h"
#include "api/uia.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/tally.h"
#include "core/guest_access.h"
#include "core/guests.h"
#include "core/media.h"
#include "core/presence.h"
#include "core/preview.h"
#include "core/public_rooms.h"
#include "core/user_directory.h"
#include "room/append.h"
#include "room/changes.h"
#include "room/relations_fill.h"
#include "room/typing.h"
#include "room/unread_prune.h"

#define SWEEP_MS 60000
/* stdio, the lock, the writer's and the checkpoint thread's connections, the log's
 * index, the operator's socket and reader, /proc for the metrics; some are for
 * connections that are accepted only to be refused. */
#define DESCRIPTORS_MORE 24
#define FILE_WORKERS 8	  /* they wait for the disk */
#define FILE_NICE 10	  /* and let go first whoever listens: hashing takes a core */
#define LINK_WORKERS 8	  /* they wait for other people's servers */
#define AWAY_WORKERS 16	  /* they wait for a bucket */
#define UPLOAD_WORKERS 8  /* and these, for what goes into it */
#define TRANSFERS_EACH 16 /* that one user may have at least; else a fourth of all */
#define TRANSFER_RETRY_MS 1000
#define HOUR_MS (3600 * INT64_C(1000))

/* The writer is through with a group: its answers and the hubs' letters are rung for.
 */
static void
ring(void *arg)
{
	http_ring();
}

static bool
is_proxy(const struct in6_addr *peer, void *arg)
{
	const struct server_options *options = &((struct server *)arg)->options;

	return address_is_trusted(peer, options->trusted, options->trusted_count);
}

static void
on_gone(struct http_io *io, uint32_t tag, void *arg)
{
	hub_gone(((struct server *)arg)->hubs, io, tag);
}

static void
on_drained(struct http_io *io, uint32_t tag, void *arg)
{
	hub_drained(((struct server *)arg)->hubs, io, tag);
}

static void
on_tick(struct http_io *io, int64_t mono_ms, void *arg)
{
	hub_tick(((struct server *)arg)->hubs, io, mono_ms);
}

static bool
on_work(struct http_io *io, void *arg)
{
	return hub_work(((struct server *)arg)->hubs, io);
}

static void
on_stopping(struct http_io *io, void *arg)
{
	hub_stopping(((struct server *)arg)->hubs, io);
}

static void
on_media_settled(void *arg, const char *media_id)
{
	media_wait_is_over(arg, media_id);
}

static void
on_media_changed(void *arg, const uint8_t (*hashes)[SHA256_LEN], int n)
{
	media_hot_forget(((struct server *)arg)->media_hot, hashes, n);
}

static void
on_pages_changed(void *arg, const char *room_id)
{
	struct server *server = arg;
	const struct server_pages *pages = &server->options.pages;

	if (room_id == NULL && pages->forget != NULL)
		pages->forget(pages->arg);
	hubs_stir_pages(server->hubs, room_id);
}

static size_t
on_error_body(int status, char *out, size_t cap, void *arg)
{
	return error_for_status(status, out, cap);
}

/* What a server that was killed owes: guests of rooms that no longer admit them. */
static void
settle_debts(struct server *server, struct db *db)
{
	struct ctx ctx = { .core = server->core, .db = db };

	if (guest_access_sweep(&ctx) != M_OK)
		log_warn("guests: not all could be made to leave rooms closed to them");
}

/* And files whose rows were not written any more. */
static void
drop_orphans(struct ctx *ctx)
{
	if (media_drop_orphans(ctx) != M_OK)
		log_warn("media: files that nobody names may have stayed");
}

static void
run_orphans(struct task *task, struct ctx *ctx, struct arena *arena)
{
	drop_orphans(ctx);
}

/* To list a bucket may take minutes. */
static void
tidy_files(struct server *server, struct db *db)
{
	struct ctx ctx = { .core = server->core, .db = db };

	if (server->away != NULL) {
		server->orphans.run = run_orphans;
		workers_queue(server->away, &server->orphans);
	} else {
		drop_orphans(&ctx);
	}
	if (media_sweep(&ctx) != M_OK || previews_sweep(&ctx) != M_OK)
		log_warn("media: what is over was not all forgotten");
}

/* The directory is read here, so that nobody's first request has to. */
static void
warm_directory(struct server *server, struct db *db, struct arena *arena)
{
	struct ctx ctx = { .core = server->core, .db = db };
	struct public_query query = { .limit = 1 };

	if (public_rooms_page(&ctx, arena, &query) != M_OK)
		log_warn("directory: not read yet; the first request will");
	arena_reset(arena);
}

/* A portion of the old transactions; true: there are more. */
static bool
learn_txns(struct server *server, struct db *db)
{
	bool more;

	if (append_learn_txns(server->core, db, &more) != M_OK)
		log_warn("transactions: not all read; each new one is looked up");
	return more;
}

/* A portion of the users of before there was a directory; true: there are more. */
static bool
learn_users(struct server *server, struct db *db)
{
	struct ctx ctx = { .core = server->core, .db = db };
	bool more;

	if (user_directory_fill(&ctx, &more) != M_OK)
		log_warn("user directory: not all are in it; the next start tries on");
	return more;
}

/* A portion of the events of before there were relations; true: there are more. */
static bool
learn_relations(struct server *server, struct db *db)
{
	struct ctx ctx = { .core = server->core, .db = db };
	bool more;

	if (relations_fill(&ctx, &more) != M_OK)
		log_warn("relations: not all are read; the next start goes on");
	return more;
}

/* Once an hour: previews that are over, and pictures that none has had for long. */
static void
sweep_previews(struct ctx *ctx, int64_t now_ms, int64_t *swept_ms)
{
	if (now_ms - *swept_ms < HOUR_MS)
		return;
	*swept_ms = now_ms;
	if (previews_sweep(ctx) != M_OK)
		log_warn("previews: a sweep was not finished; the next one goes on");
}

/* Once a second: what nobody's request does. */
static void
chores(struct server *server, struct db *db, struct arena *arena, int64_t *swept_ms,
    int64_t *previews_swept_ms, struct unread_walk *walk)
{
	struct ctx ctx = { .core = server->core, .db = db };
	int64_t now = clock_mono_ms();

	typing_expire(server->core);
	public_rooms_follow(server->core);
	user_directory_follow(server->core);
	presence_tick(&ctx, arena, false);
	media_waits_tick(server, now);
	media_tick(&ctx);
	sweep_previews(&ctx, now, previews_swept_ms);
	arena_reset(arena);
	unread_prune(&ctx, arena, walk);
	arena_reset(arena);
	if (now - *swept_ms < guests_sweep_ms(server->core))
		return;
	*swept_ms = now;
	guests_sweep(&ctx);
	if (ctx_settle(&ctx) != M_OK)
		log_warn(
		    "guests: a sweep could not be written; the next one tries again");
	arena_reset(arena);
}

static void *
keep(void *arg)
{
	struct server *server = arg;
	struct arena *arena = arena_new();
	char *error = NULL;
	struct db *db = db_open(server->core->set.database, DB_READ, &error);
	int64_t swept_ms = clock_mono_ms(), previews_swept_ms = swept_ms;
	struct unread_walk walk = { 0 };
	bool is_learning = true, has_strangers = true, has_orphans = true;

	if (db == NULL) {
		log_error("keeper: %s", error);
		abort();
	}
	settle_debts(server, db);
	tidy_files(server, db);
	warm_directory(server, db, arena);
	lock_take(&server->keeper_lock);
	while (!server->keeper_stops) {
		lock_give(&server->keeper_lock);
		chores(server, db, arena, &swept_ms, &previews_swept_ms, &walk);
		is_learning = is_learning && learn_txns(server, db);
		has_strangers = has_strangers && learn_users(server, db);
		has_orphans = has_orphans && learn_relations(server, db);
		lock_take(&server->keeper_lock);
		if (!is_learning && !has_strangers && !has_orphans &&
		    !server->keeper_stops)
			lock_wait(&server->keeper_lock, &server->keeper_cond,
			    clock_mono_ms() + 1000);
	}
	lock_give(&server->keeper_lock);
	presence_tick(&(struct ctx){ .core = server->core, .db = db }, arena, true);
	unread_walk_fini(&walk);
	db_close(db);
	arena_free(arena);
	return NULL;
}

static int
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (int)n;
}

static int
io_count(const struct server_options *options)
{
	return options->http.io_threads > 0 ? options->http.io_threads : cores();
}

static int
worker_count(const struct server_options *options)
{
	return options->workers > 0 ? options->workers : cores() * 4;
}

static int
slow_count(void)
{
	return cores() < 8 ? 8 : cores();
}

int
server_descriptors(const struct core *core, const struct server_options *options)
{
	int readers = worker_count(options) + slow_count() + FILE_WORKERS +
		      2 * LINK_WORKERS + 1; /* and the keeper */
	int ios = io_count(options) * (2 + options->http.listener_count);

	if (media_is_remote(core))
		readers += 2 * (AWAY_WORKERS + UPLOAD_WORKERS); /* and to where */
	/* A reader has the database and its log open, and may open a file or folder. */
	return 3 * readers + ios + options->transfers_max + DESCRIPTORS_MORE;
}

enum mx_err
transfer_begin(struct req *req, uint64_t *whose_out)
{
	struct server *server = req->server;
	int max = server->options.transfers_max;
	uint32_t each_max =
	    max / 4 > TRANSFERS_EACH ? (uint32_t)max / 4 : TRANSFERS_EACH;
	const char *user_id = req->who.user_id;
	uint64_t whose = user_id != NULL ? map_hash(user_id, strlen(user_id))
					 : address_hash(&req->client);
	bool fits = tally_add(server->transfers_of, whose) <= each_max;

	*whose_out = whose;
	if (atomic_fetch_add(&server->transfers, 1) < max && fits)
		return M_OK;
	transfer_end(server, whose);
	req->retry_after_ms = TRANSFER_RETRY_MS;
	return req_fail(
	    req, M_LIMIT_EXCEEDED, "Many files are on their way: try again soon");
}

void
transfer_end(struct server *server, uint64_t whose)
{
	tally_sub(server->transfers_of, whose);
	atomic_fetch_sub(&server->transfers, 1);
}

struct server *
server_new(struct core *core, const struct server_options *options, char **error_out)
{
	struct server *server = xcalloc(1, sizeof *server);
	struct http_hooks hooks = { .request = dispatch_request,
		.in_portions = dispatch_in_portions,
		.gone = on_gone,
		.is_proxy = is_proxy,
		.drained = on_drained,
		.tick = on_tick,
		.work = on_work,
		.stopping = on_stopping,
		.error_body = on_error_body,
		.arg = server };

	router_setup(options->pages.routes, options->pages.route_count);
	uia_setup(core->set.secret);
	server->core = core;
	server->options = *options;
	server->options.http.io_threads = io_count(options);
	server->options.workers = worker_count(options);
	server->http = http_server_new(&server->options.http, &hooks, error_out);
	if (server->http == NULL) {
		free(server);
		return NULL;
	}
	server->limits = limits_new(options->rate_limits);
	server->ios = dispatch_ios_new(http_io_count(server->http));
	server->hubs = poll_hubs_new(server);
	server->media_waits = media_waits_new();
	server->transfers_of = tally_new(TALLY_CLIENTS);
	server->media_hot = media_hot_new();
	media_set_hooks(core, &(const struct media_hooks){ .settled = on_media_settled,
				  .changed = on_media_changed,
				  .arg = server });
	core->on_pages_changed = on_pages_changed;
	core->on_pages_changed_arg = server;
	changes_subscribe(core->changes, ring, NULL); /* behind the hubs' letters */
	lock_init(&server->keeper_lock, RANK_LEAF);
	cond_init(&server->keeper_cond);
	server->started_ms = clock_now_ms();
	atomic_init(&server->next_request, 1);
	return server;
}

void
server_start(struct server *server)
{
	server->workers =
	    workers_new(server->core, "worker", server->options.workers, 0);
	server->slow = workers_new(server->core, "slow", slow_count(), 0);
	server->files = workers_new(server->core, "files", FILE_WORKERS, FILE_NICE);
	if (server->core->previews != NULL)
		server->links = workers_new(server->core, "links", LINK_WORKERS, 0);
	if (media_is_remote(server->core)) {
		server->away = workers_new(server->core, "away", AWAY_WORKERS, 0);
		server->uploads =
		    workers_new(server->core, "upload", UPLOAD_WORKERS, 0);
	}
	server->keeper = thread_start("keeper", ROLE_WORKER, keep, server);
	http_server_start(server->http);
}

void *
server_pages_arg(const struct server *server)
{
	return server->options.pages.arg;
}

void
server_listeners(
    struct server *server, const char *const *room_ids, int n, uint32_t *counts_out)
{
	memset(counts_out, 0, sizeof *counts_out * (size_t)n);
	if (!hubs_listeners(server->hubs, room_ids, n, counts_out))
		log_debug("pages: not every io thread has counted in time");
}

uint16_t
server_port(const struct server *server, int listener)
{
	return http_server_port(server->http, listener);
}

void
server_stop(struct server *server, int grace_ms)
{
	previews_stop(server->core);
	typing_end_all(server->core); /* before those who wait are told to come back */
	http_server_stop(server->http, grace_ms);
	media_stop(server->core);
	lock_take(&server->keeper_lock);
	server->keeper_stops = true;
	pthread_cond_signal(&server->keeper_cond);
	lock_give(&server->keeper_lock);
	pthread_join(server->keeper, NULL);
	/* Requests hand uploads to `files`, and these wake only who waits for a file:
	 * nobody does any more. */
	media_waits_end(server);
	workers_free(server->workers);
	workers_free(server->slow);
	if (server->links != NULL)
		workers_free(server->links);
	workers_free(server->files);
	server->files = NULL;
	if (server->away != NULL) { /* the others hand on to these */
		workers_free(server->uploads);
		workers_free(server->away);
	}
	writer_flush(server->core->writer);
	append_stop(server->core);
}

void
server_free(struct server *server)
{
	poll_hubs_free(server);
	server->core->on_pages_changed = NULL;
	media_set_hooks(server->core, NULL);
	media_waits_free(server->media_waits);
	media_hot_free(server->media_hot);
	dispatch_ios_free(server->ios, http_io_count(server->http));
	http_server_free(server->http);
	tally_free(server->transfers_of);
	limits_free(server->limits);
	uia_free();
	pthread_cond_destroy(&server->keeper_cond);
	lock_fini(&server->keeper_lock);
	free(server);
}
