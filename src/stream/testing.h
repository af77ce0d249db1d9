/*
 * For tests of the hub: it stands over real sockets and a real core. Looks are done by
 * the test itself, step by step, so that every window between looking, parking,
 * committing and waking can be held open as long as a test wants.
 */
#ifndef STREAM_TESTING_H
#define STREAM_TESTING_H

#include "http/gzip.h"
#include "http/testing.h"
#include "http/uri.h"

#include "core/testing.h"
#include "room/append.h"
#include "room/changes.h"
#include "room/typing.h"
#include "stream/events.h"
#include "stream/hub.h"
#include "stream/sse.h"

#define LOOKS_MAX 512
#define MAKINGS_MAX 64

/* Shared; lock guards the queues of looks and of what is to be made for pages. */
struct fixture {
	struct testing t;
	struct http_server *http;
	uint16_t port;
	struct hubs *hubs;
	struct lock lock;
	pthread_cond_t changed;
	struct waiting *looks[LOOKS_MAX];
	int look_first, look_last;
	struct page_task *makings[MAKINGS_MAX];
	int making_first, making_last;
	/* What pages show; NULL: there are none. On the test's own thread. */
	enum mx_err (*news)(struct fixture *f, struct page_news *news);
	void *news_arg;
	struct room *room;
	/* How many ended tokens a request's identification came before. */
	_Atomic uint64_t gone_lag;
	uint64_t io_locks; /* that the io thread has taken */
	bool io_told;
};

static inline void
queue_look(void *arg, struct waiting *w)
{
	struct fixture *f = arg;

	lock_take(&f->lock);
	f->looks[f->look_last++ % LOOKS_MAX] = w;
	pthread_cond_broadcast(&f->changed);
	lock_give(&f->lock);
}

/* The next look that the hub asked for; fails the test if none comes. */
static inline struct waiting *
take_look(struct fixture *f)
{
	long long deadline = clock_mono_ms() + WAIT_MS;
	struct waiting *w = NULL;
	bool in_time = true;

	lock_take(&f->lock);
	while (f->look_first == f->look_last && in_time)
		in_time = lock_wait(&f->lock, &f->changed, deadline);
	if (in_time)
		w = f->looks[f->look_first++ % LOOKS_MAX];
	lock_give(&f->lock);
	assert_non_null(w);
	return w;
}

/* What a worker does; w is not given back yet. */
static inline void
do_look(struct fixture *f, struct waiting *w)
{
	struct buf body = { 0 };
	enum mx_err err = waiting_look(w, &f->t.ctx, f->t.arena);

	if (err == M_OK)
		return;
	buf_str(&body, err_name(err));
	waiting_answer(w, 403, &body);
}

static inline void
serve_look(struct fixture *f)
{
	struct waiting *w = take_look(f);

	do_look(f, w);
	hub_looked(f->hubs, w);
}

/* --- what is made for those who watch pages --- */

static inline enum mx_err
page_news(void *arg, struct ctx *ctx, struct arena *arena, struct page_news *news)
{
	struct fixture *f = arg;

	(void)ctx;
	(void)arena;
	return f->news == NULL ? M_NOT_FOUND : f->news(f, news);
}

static inline void
queue_making(void *arg, struct page_task *task)
{
	struct fixture *f = arg;

	lock_take(&f->lock);
	f->makings[f->making_last++ % MAKINGS_MAX] = task;
	pthread_cond_broadcast(&f->changed);
	lock_give(&f->lock);
}

/* --- requests --- */

static inline void
refuse(void *arg, struct waiting *w)
{
	struct http_reply reply = { .status = 429 };

	(void)arg;
	http_answer(w->exchange, &reply);
}

/* GET /events?page=LANGUAGE&room=R&from=T&gzip=1 */
static inline struct waiting *
watcher_of(const struct uri_query *query, const char *page)
{
	struct stream_token from;

	assert_true(token_parse(uri_query_get(query, "from"), &from));
	return waiting_new_page(
	    uri_query_get(query, "room"), page[0] - '0', from.events);
}

/* GET /events?user=U&room=R&from=T&timeout=MS&expires=MS&stream=1&gzip=1; '@g...' is a
 * stranger. */
static inline void
hub_request(struct http_io *io, struct http_request *request, void *arg)
{
	struct fixture *f = arg;
	struct arena *arena = arena_new();
	struct uri_query query;
	const char *user, *from, *timeout, *expires, *page;
	const char *rooms[8];
	int64_t timeout_ms = 20000, expires_ms = 0;
	struct waiting *w;
	int n = 0;

	(void)io;
	assert_true(uri_query_parse(arena, request->head.query, &query));
	for (int i = 0; i < query.count; i++)
		if (strcmp(query.params[i].name, "room") == 0)
			rooms[n++] = query.params[i].value;
	user = uri_query_get(&query, "user");
	from = uri_query_get(&query, "from");
	timeout = uri_query_get(&query, "timeout");
	expires = uri_query_get(&query, "expires");
	if (timeout != NULL)
		assert_true(str_int(str_of(timeout), &timeout_ms));
	if (expires != NULL)
		assert_true(str_int(str_of(expires), &expires_ms));
	page = uri_query_get(&query, "page");
	w = page != NULL ? watcher_of(&query, page)
			 : waiting_new(user, "DEVICE", rooms, n, from, NULL);
	w->exchange = request->exchange;
	w->has_from = from != NULL;
	if (from != NULL)
		assert_true(token_parse(from, &w->from));
	w->limit = uri_query_get(&query, "alone") == NULL ? EVENTS_LIMIT_DEFAULT
							  : EVENTS_LIMIT_DEFAULT + 1;
	w->is_stranger = page == NULL && starts_with(user, "@g");
	w->sse = page != NULL || uri_query_get(&query, "stream") != NULL;
	w->accepts_gzip = uri_query_get(&query, "gzip") != NULL;
	w->deadline_ms = clock_mono_ms() + (w->sse ? SSE_COMMENT_MS : timeout_ms);
	w->expires_ms = expires_ms == 0 ? 0 : clock_mono_ms() + expires_ms;
	w->tokens_gone =
	    changes_tokens_gone(f->t.core.changes) - atomic_load(&f->gone_lag);
	hub_enter(f->hubs, w);
	arena_free(arena);
}

static inline void
hub_is_gone(struct http_io *io, uint32_t tag, void *arg)
{
	hub_gone(((struct fixture *)arg)->hubs, io, tag);
}

static inline void
hub_is_drained(struct http_io *io, uint32_t tag, void *arg)
{
	hub_drained(((struct fixture *)arg)->hubs, io, tag);
}

static inline void
hub_ticks(struct http_io *io, int64_t now, void *arg)
{
	hub_tick(((struct fixture *)arg)->hubs, io, now);
}

static inline bool
hub_works(struct http_io *io, void *arg)
{
	return hub_work(((struct fixture *)arg)->hubs, io);
}

static inline void
hub_stops(struct http_io *io, void *arg)
{
	hub_stopping(((struct fixture *)arg)->hubs, io);
}

/* per_address, per_token: listeners at most; 0: no limit. */
static inline struct fixture *
fixture_open(uint32_t per_address, uint32_t per_token)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	struct http_hooks hooks = { .request = hub_request,
		.gone = hub_is_gone,
		.drained = hub_is_drained,
		.tick = hub_ticks,
		.work = hub_works,
		.stopping = hub_stops,
		.error_body = error_body,
		.arg = f };
	struct hub_options options = { .look = queue_look,
		.refuse = refuse,
		.make = queue_making,
		.arg = f,
		.page_news = page_news,
		.page_arg = f,
		.parked_per_address = per_address,
		.parked_per_token = per_token,
		.ring_max = HUB_RING,
		.token_gone = http_shared_new(401, "application/json", "{}", 2) };
	char *error;

	testing_open_core(&f->t);
	f->t.core.typing = typing_new();
	lock_init(&f->lock, RANK_LEAF);
	cond_init(&f->changed);
	config.io_threads = 1;
	f->http = http_server_new(&config, &hooks, &error);
	assert_non_null(f->http);
	f->port = http_server_port(f->http, 0);
	f->hubs = hubs_new(&f->t.core, f->http, &options);
	f->room = testing_room(&f->t, "@ann:" TESTING_SERVER, "12");
	assert_int_equal(testing_append(&f->t, f->room, "@ann:" TESTING_SERVER,
			     "m.room.history_visibility", "",
			     "{\"history_visibility\":\"world_readable\"}", NULL),
	    M_OK);
	http_server_start(f->http);
	return f;
}

static inline int
open_fixture(void **state)
{
	*state = fixture_open(0, 0);
	return 0;
}

static inline int
close_fixture(void **state)
{
	struct fixture *f = *state;

	http_server_stop(f->http, 2000);
	writer_flush(f->t.core.writer);
	room_put(f->room);
	hubs_free(f->hubs);
	http_server_free(f->http);
	typing_free(f->t.core.typing);
	testing_close(&f->t);
	lock_fini(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
	return 0;
}

/* --- what tests say --- */

static inline int
poll_as(struct fixture *f, const char *user, const char *more)
{
	int fd = new_socket();
	char text[1024];

	connect_socket(fd, f->port);
	snprintf(text, sizeof text,
	    "GET /events?user=%s&room=%s%s HTTP/1.1\r\nHost: x\r\n\r\n", user,
	    f->room->room_id, more);
	say(fd, text);
	return fd;
}

static inline void
send_text(struct fixture *f, struct room *room, const char *body)
{
	char content[128];

	snprintf(content, sizeof content, "{\"body\":\"%s\"}", body);
	assert_int_equal(testing_append(&f->t, room, "@ann:" TESTING_SERVER,
			     "m.room.message", NULL, content, NULL),
	    M_OK);
}

/* The answer on fd holds each of the words, in this order, and none of `not`. */
static inline void
expect_words(int fd, int status, const char *const *words, const char * not )
{
	struct answer answer;
	const char *at;

	read_answer(fd, &answer);
	assert_int_equal(answer.status, status);
	at = answer.body;
	for (; *words != NULL; words++) {
		at = strstr(at, *words);
		if (at == NULL)
			fail_msg("%s is missing in %s", *words, answer.body);
	}
	if (not != NULL && strstr(answer.body, not ) != NULL)
		fail_msg("%s has no place in %s", not, answer.body);
	free(answer.body);
	close(fd);
}

/* For a listener who shares no answers. */
#define ALONE "&alone=1"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static inline void
noted(struct http_io *io, void *arg)
{
	struct fixture *f = arg;

	(void)io;
	lock_take(&f->lock);
	f->look_first += 0;
	pthread_cond_broadcast(&f->changed);
	lock_give(&f->lock);
}

static inline uint64_t
parked(struct fixture *f)
{
	struct hub_stats stats;

	hubs_stats(f->hubs, &stats);
	return stats.parked - stats.looking;
}

/* Until n listeners are parked and none is being looked for. Each round is one message
 * to the io thread and back, not a pause. */
static inline void
await_parked(struct fixture *f, uint64_t n)
{
	long long deadline = clock_mono_ms() + WAIT_MS;

	while (parked(f) != n && clock_mono_ms() < deadline) {
		http_post(http_io_at(f->http, 0), noted, f);
		lock_take(&f->lock);
		lock_wait(&f->lock, &f->changed, clock_mono_ms() + 50);
		lock_give(&f->lock);
	}
	assert_int_equal(parked(f), n);
}

/* Holds the io thread while the test does something. */
struct hold {
	struct fixture *f;
	bool held, go_on;
};

static inline void
do_hold(struct http_io *io, void *arg)
{
	struct hold *hold = arg;

	(void)io;
	lock_take(&hold->f->lock);
	hold->held = true;
	pthread_cond_broadcast(&hold->f->changed);
	while (!hold->go_on)
		lock_wait(&hold->f->lock, &hold->f->changed, 0);
	hold->held = false;
	pthread_cond_broadcast(&hold->f->changed);
	lock_give(&hold->f->lock);
}

static inline void
hold_io(struct hold *hold)
{
	http_post(http_io_at(hold->f->http, 0), do_hold, hold);
	lock_take(&hold->f->lock);
	while (!hold->held)
		lock_wait(&hold->f->lock, &hold->f->changed, 0);
	lock_give(&hold->f->lock);
}

static inline void
let_io_go(struct hold *hold)
{
	lock_take(&hold->f->lock);
	hold->go_on = true;
	pthread_cond_broadcast(&hold->f->changed);
	while (hold->held)
		lock_wait(&hold->f->lock, &hold->f->changed, 0);
	lock_give(&hold->f->lock);
}

/* Holds the writer inside a group until told to go on. */
struct gate {
	struct write_job job;
	struct lock lock;
	pthread_cond_t cond;
	bool entered, open, done;
};

static inline enum mx_err
gate_run(struct write_job *job, struct db *db)
{
	struct gate *gate = (struct gate *)job;

	(void)db;
	lock_take(&gate->lock);
	gate->entered = true;
	pthread_cond_broadcast(&gate->cond);
	while (!gate->open)
		lock_wait(&gate->lock, &gate->cond, 0);
	lock_give(&gate->lock);
	return M_OK;
}

static inline void
gate_done(struct write_job *job, enum mx_err err)
{
	struct gate *gate = (struct gate *)job;

	assert_int_equal(err, M_OK);
	lock_take(&gate->lock);
	gate->done = true;
	pthread_cond_broadcast(&gate->cond);
	lock_give(&gate->lock);
}

/* Whatever is queued until gate_open is one group. */
static inline void
gate_close(struct fixture *f, struct gate *gate)
{
	*gate = (struct gate){ .job = { .run = gate_run, .done = gate_done } };
	lock_init(&gate->lock, RANK_LEAF);
	cond_init(&gate->cond);
	writer_queue(f->t.core.writer, &gate->job);
	lock_take(&gate->lock);
	while (!gate->entered)
		lock_wait(&gate->lock, &gate->cond, 0);
	lock_give(&gate->lock);
}

static inline void
gate_open(struct fixture *f, struct gate *gate)
{
	lock_take(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->cond);
	while (!gate->done)
		lock_wait(&gate->lock, &gate->cond, 0);
	lock_give(&gate->lock);
	writer_flush(f->t.core.writer);
	lock_fini(&gate->lock);
	pthread_cond_destroy(&gate->cond);
}

/* Queues one event without waiting for the disk. */
static inline void
queue_event(struct fixture *f, struct room *room, const char *type,
    const char *state_key, const char *content)
{
	struct new_event e = { .sender = "@ann:" TESTING_SERVER,
		.type = type,
		.state_key = state_key,
		.content = testing_json(f->t.arena, content) };

	assert_int_equal(room_append(&f->t.ctx, f->t.arena, room, &e, 1, NULL), M_OK);
}

static inline void
tell_token_gone(struct fixture *f, const char *user, const char *device)
{
	struct change change = { .kind = CHANGE_TOKEN_GONE,
		.user_id = strdup(user),
		.device_id = device == NULL ? NULL : strdup(device) };

	changes_add(f->t.core.changes, &change);
	changes_wake(f->t.core.changes);
}

static inline bool
look_is_due(struct fixture *f)
{
	bool is_due;

	lock_take(&f->lock);
	is_due = f->look_first != f->look_last;
	lock_give(&f->lock);
	return is_due;
}

/* Reads the answer on fd, doing the looks that it takes; returns its body. */
static inline char *
answer_of(struct fixture *f, int fd)
{
	long long deadline = clock_mono_ms() + WAIT_MS;
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	struct answer answer;

	while (poll(&readable, 1, 10) == 0 && clock_mono_ms() < deadline)
		if (look_is_due(f))
			serve_look(f);
	read_answer(fd, &answer);
	assert_int_equal(answer.status, 200);
	close(fd);
	return answer.body;
}

/* One append, and so one group, of n messages: "burst-000-", "burst-001-", ... */
static inline void
send_burst(struct fixture *f, int n)
{
	struct new_event *events = ARENA_ARRAY(f->t.arena, struct new_event, n);

	for (int i = 0; i < n; i++) {
		const char *content =
		    arena_printf(f->t.arena, "{\"body\":\"burst-%03d-\"}", i);

		events[i] = (struct new_event){ .sender = "@ann:" TESTING_SERVER,
			.type = "m.room.message",
			.content = testing_json(f->t.arena, content) };
	}
	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, events, n, NULL), M_OK);
	writer_flush(f->t.core.writer);
}

/* The same of one message that is long, without waiting for the disk. */
static inline void
send_text_of(struct fixture *f, int number, size_t n)
{
	char *body = malloc(n + 1);

	memset(body, 'x', n);
	body[n] = '\0';
	body[snprintf(body, 16, "burst-%03d-", number)] = 'x';
	queue_event(f, f->room, "m.room.message", NULL,
	    arena_printf(f->t.arena, "{\"body\":\"%s\"}", body));
	free(body);
}

static inline void
send_long_text(struct fixture *f, int number)
{
	send_text_of(f, number, 50000);
}

/* Counts the messages of a burst in an answer; the next one must be number `next`. */
static inline int
burst_heard(const char *body, int next)
{
	char wanted[32];

	while ((body = strstr(body, "burst-")) != NULL) {
		snprintf(wanted, sizeof wanted, "burst-%03d-", next++);
		if (!starts_with(body, wanted))
			fail_msg("%.10s where %s was to come", body, wanted);
		body++;
	}
	return next;
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

#endif
