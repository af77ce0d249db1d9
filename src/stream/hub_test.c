/*
 * The hub over real sockets and a real core. Looks are done by the test itself, step by
 * step, so that every window between looking, parking, committing and waking can be
 * held open as long as a test wants.
 */
#include "http/testing.h"
#include "http/uri.h"

#include "core/append.h"
#include "core/changes.h"
#include "core/testing.h"
#include "core/typing.h"
#include "stream/events.h"
#include "stream/hub.h"

#define LOOKS_MAX 512

/* Shared; lock guards the queue of looks. */
struct fixture {
	struct testing t;
	struct http_server *http;
	uint16_t port;
	struct hubs *hubs;
	struct lock lock;
	pthread_cond_t changed;
	struct waiting *looks[LOOKS_MAX];
	int look_first, look_last;
	struct room *room;
	/* How many ended tokens a request's identification came before. */
	_Atomic uint64_t gone_lag;
};

static void
queue_look(void *arg, struct waiting *w)
{
	struct fixture *f = arg;

	lock_take(&f->lock);
	f->looks[f->look_last++ % LOOKS_MAX] = w;
	pthread_cond_broadcast(&f->changed);
	lock_give(&f->lock);
}

/* The next look that the hub asked for; fails the test if none comes. */
static struct waiting *
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
static void
do_look(struct fixture *f, struct waiting *w)
{
	struct events_ask ask = { w->user_id, w->device_id, w->room_ids, w->room_count,
		w->from, w->has_from, w->limit, w->sse };
	struct events_found found;
	struct buf chunk = { 0 }, body = { 0 }, start = { 0 };
	enum mx_err err = events_look(&f->t.ctx, f->t.arena, &ask, &chunk, &found);

	w->looked = found.end;
	w->world_readable = found.world_readable;
	if (err != M_OK || found.count > 0) {
		token_write(&start, &found.from);
		buf_char(&start, '\0');
		if (err == M_OK)
			events_body(&body, (struct str){ chunk.p, chunk.n },
			    w->start == NULL ? start.p : w->start, &found.end);
		else
			buf_str(&body, err_name(err));
		w->answered = true;
		w->reply = (struct http_reply){ .status = err == M_OK ? 200 : 403 };
		w->reply.body = buf_take(&body, &w->reply.body_n);
	}
	buf_free(&chunk);
	buf_free(&start);
}

static void
serve_look(struct fixture *f)
{
	struct waiting *w = take_look(f);

	do_look(f, w);
	hub_looked(f->hubs, w);
}

/* GET /events?user=U&room=R&from=T&timeout=MS&expires=MS; '@g...' is a stranger. */
static void
hub_request(struct http_io *io, struct http_request *request, void *arg)
{
	struct fixture *f = arg;
	struct arena *arena = arena_new();
	struct uri_query query;
	const char *user, *from, *timeout, *expires;
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
	w = waiting_new(user, "DEVICE", rooms, n, from);
	w->exchange = request->exchange;
	w->has_from = from != NULL;
	if (from != NULL)
		assert_true(token_parse(from, &w->from));
	w->limit = EVENTS_LIMIT_DEFAULT;
	w->is_stranger = starts_with(user, "@g");
	w->deadline_ms = clock_mono_ms() + timeout_ms;
	w->expires_ms = expires_ms == 0 ? 0 : clock_mono_ms() + expires_ms;
	w->tokens_gone =
	    changes_tokens_gone(f->t.core.changes) - atomic_load(&f->gone_lag);
	hub_enter(f->hubs, w);
	arena_free(arena);
}

static void
hub_is_gone(struct http_io *io, uint32_t tag, void *arg)
{
	hub_gone(((struct fixture *)arg)->hubs, io, tag);
}

static void
hub_ticks(struct http_io *io, int64_t now, void *arg)
{
	hub_tick(((struct fixture *)arg)->hubs, io, now);
}

static bool
hub_works(struct http_io *io, void *arg)
{
	return hub_work(((struct fixture *)arg)->hubs, io);
}

static void
hub_stops(struct http_io *io, void *arg)
{
	hub_stopping(((struct fixture *)arg)->hubs, io);
}

static int
open_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	struct http_hooks hooks = { .request = hub_request,
		.gone = hub_is_gone,
		.tick = hub_ticks,
		.work = hub_works,
		.stopping = hub_stops,
		.error_body = error_body,
		.arg = f };
	struct hub_options options = { .look = queue_look,
		.arg = f,
		.token_gone = http_shared_new(401, "application/json", "{}", 2) };
	char *error;

	testing_open(&f->t);
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
	*state = f;
	return 0;
}

static int
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

static int
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

static void
send_text(struct fixture *f, struct room *room, const char *body)
{
	char content[128];

	snprintf(content, sizeof content, "{\"body\":\"%s\"}", body);
	assert_int_equal(testing_append(&f->t, room, "@ann:" TESTING_SERVER,
			     "m.room.message", NULL, content, NULL),
	    M_OK);
}

/* The answer on fd holds each of the words, in this order, and none of `not`. */
static void
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

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
noted(struct http_io *io, void *arg)
{
	struct fixture *f = arg;

	(void)io;
	lock_take(&f->lock);
	f->look_first += 0;
	pthread_cond_broadcast(&f->changed);
	lock_give(&f->lock);
}

static uint64_t
parked(struct fixture *f)
{
	struct hub_stats stats;

	hubs_stats(f->hubs, &stats);
	return stats.parked - stats.looking;
}

/* Until n listeners are parked and none is being looked for. Each round is one message
 * to the io thread and back, not a pause. */
static void
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

/* --- tests --- */

static void
an_event_between_looking_and_parking_is_heard(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");
	struct waiting *w = take_look(f);

	do_look(f, w);
	assert_false(w->answered);
	send_text(f, f->room, "in-the-window");
	writer_flush(f->t.core.writer); /* the hub's wake-up is on its way */
	hub_looked(f->hubs, w);
	serve_look(f);
	expect_words(fd, 200, WORDS("in-the-window"), NULL);
}

static void
an_event_before_the_look_is_heard_by_it(void **state)
{
	struct fixture *f = *state;
	int64_t here = atomic_load(&f->t.core.visible);
	char from[64];
	int fd;

	snprintf(from, sizeof from, "&from=s1_e%lld", (long long)here);
	fd = poll_as(f, "@gee:x", from);
	send_text(f, f->room, "already-there");
	serve_look(f);
	expect_words(fd, 200, WORDS("already-there", "\"start\":\"s1_e"), NULL);
}

static void
a_parked_stranger_hears_without_another_look(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");

	serve_look(f);
	await_parked(f, 1);
	send_text(f, f->room, "hello");
	expect_words(fd, 200, WORDS("hello", "\"user_id\":\"@ann:"), NULL);
	assert_int_equal(f->look_first, f->look_last);
}

static void
one_encoding_serves_a_hundred_strangers(void **state)
{
	struct fixture *f = *state;
	struct json_event_stats before, after;
	struct hub_stats stats;
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = poll_as(f, "@gee:x", "");
		if (i == 0)
			serve_look(f); /* the others find the room known */
		await_parked(f, i + 1);
	}
	json_event_stats(&before);
	send_text(f, f->room, "to-all");
	for (int i = 0; i < 100; i++)
		expect_words(fds[i], 200, WORDS("to-all"), NULL);
	json_event_stats(&after);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(after.encoded - before.encoded, 1);
	assert_int_equal(after.delivered - before.delivered, 100);
	assert_int_equal(stats.bodies_made, 1);
	assert_int_equal(stats.answers_shared, 100);
}

/* Holds the writer inside a group until told to go on. */
struct gate {
	struct write_job job;
	struct lock lock;
	pthread_cond_t cond;
	bool entered, open, done;
};

static enum mx_err
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

static void
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
static void
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

static void
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
static void
queue_event(struct fixture *f, struct room *room, const char *type,
    const char *state_key, const char *content)
{
	struct new_event e = { .sender = "@ann:" TESTING_SERVER,
		.type = type,
		.state_key = state_key,
		.content = testing_json(f->t.arena, content) };

	assert_int_equal(room_append(&f->t.ctx, f->t.arena, room, &e, 1, NULL), M_OK);
}

static void
two_rooms_of_one_group_are_both_heard(void **state)
{
	struct fixture *f = *state;
	struct room *other = testing_room(&f->t, "@ann:" TESTING_SERVER, "11");
	char more[300];
	struct gate gate;
	int fd;

	assert_int_equal(testing_append(&f->t, other, "@ann:" TESTING_SERVER,
			     "m.room.history_visibility", "",
			     "{\"history_visibility\":\"world_readable\"}", NULL),
	    M_OK);
	snprintf(more, sizeof more, "&room=%s", other->room_id);
	fd = poll_as(f, "@gee:x", more);
	serve_look(f);
	await_parked(f, 1);
	gate_close(f, &gate);
	queue_event(f, other, "m.room.message", NULL, "{\"body\":\"first\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"second\"}");
	gate_open(f, &gate);
	serve_look(f);
	expect_words(fd, 200, WORDS("first", "second"), NULL);
	room_put(other);
}

static void
nothing_behind_the_end_of_openness_is_heard(void **state)
{
	struct fixture *f = *state;
	int stranger = poll_as(f, "@gee:x", ""), again;
	struct gate gate;

	serve_look(f);
	await_parked(f, 1);
	gate_close(f, &gate);
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"open\"}");
	queue_event(f, f->room, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"joined\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"closed\"}");
	gate_open(f, &gate);
	expect_words(stranger, 200, WORDS("open", "\"history_visibility\":\"joined\""),
	    "closed");
	again = poll_as(f, "@gee:x", "");
	serve_look(f);
	expect_answer(again, 403, "M_FORBIDDEN");
	close(again);
}

static void
tell_token_gone(struct fixture *f, const char *user, const char *device)
{
	struct change change = { .kind = CHANGE_TOKEN_GONE,
		.user_id = strdup(user),
		.device_id = device == NULL ? NULL : strdup(device) };

	changes_add(f->t.core.changes, &change);
	changes_wake(f->t.core.changes);
}

static void
a_logout_ends_a_parked_poll_at_once(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", ""), user, other;

	serve_look(f);
	user = poll_as(f, "@ann:" TESTING_SERVER, "");
	serve_look(f);
	other = poll_as(f, "@bob:x", "");
	serve_look(f);
	await_parked(f, 3);
	tell_token_gone(f, "@gee:x", "DEVICE");
	expect_answer(guest, 401, "{}");
	tell_token_gone(f, "@ann:" TESTING_SERVER, "ANOTHER");
	tell_token_gone(f, "@ann:" TESTING_SERVER, NULL);
	expect_answer(user, 401, "{}");
	await_parked(f, 1);
	send_text(f, f->room, "for-bob");
	serve_look(f);
	expect_words(other, 200, WORDS("for-bob"), NULL);
	close(guest);
	close(user);
}

static void
a_logout_during_a_look_ends_the_poll_too(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");
	struct waiting *w = take_look(f);

	tell_token_gone(f, "@gee:x", "DEVICE");
	send_text(f, f->room, "not-for-you");
	do_look(f, w);
	hub_looked(f->hubs, w);
	expect_answer(fd, 401, "{}");
	close(fd);
}

static void
a_poll_ends_empty_when_its_time_is_up(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", "&timeout=1"), user;

	serve_look(f);
	expect_words(guest, 200, WORDS("\"chunk\":[]", "\"end\":\"s1_e"), NULL);
	user = poll_as(f, "@ann:" TESTING_SERVER, "&timeout=1");
	serve_look(f);
	expect_words(user, 200, WORDS("\"chunk\":[]", "\"end\":\"s1_e"), NULL);
}

static void
a_poll_ends_with_its_token(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "&expires=1");

	serve_look(f);
	expect_answer(fd, 401, "{}");
	close(fd);
}

static void
what_comes_behind_a_tokens_end_is_not_heard(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", "&expires=300"), user;
	char more[64];
	long long end;
	struct waiting *w;

	serve_look(f);
	snprintf(more, sizeof more, "&expires=300&from=s1_e%lld",
	    (long long)atomic_load(&f->t.core.visible));
	user = poll_as(f, "@ann:" TESTING_SERVER, more);
	w = take_look(f);
	end = clock_mono_ms() + 300; /* and behind it before the wheel comes round */
	while (clock_mono_ms() < end) {
		lock_take(&f->lock);
		lock_wait(&f->lock, &f->changed, end);
		lock_give(&f->lock);
	}
	send_text(f, f->room, "too-late");
	expect_answer(guest, 401, "{}");
	do_look(f, w);
	assert_true(w->answered);
	hub_looked(f->hubs, w);
	expect_answer(user, 401, "{}");
	close(guest);
	close(user);
}

static void
a_client_that_goes_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	int parked_one = poll_as(f, "@gee:x", ""), looking;
	struct waiting *w;

	serve_look(f);
	await_parked(f, 1);
	close(parked_one);
	await_parked(f, 0);
	looking = poll_as(f, "@bob:x", "");
	w = take_look(f);
	close(looking);
	do_look(f, w);
	hub_looked(f->hubs, w);
	await_parked(f, 0);
}

static void
a_redaction_replaces_what_is_kept_for_the_next_poll(void **state)
{
	struct fixture *f = *state;
	int64_t before;
	const char *event_id;
	char text[200];
	int fd = poll_as(f, "@gee:x", "");

	serve_look(f);
	await_parked(f, 1);
	before = atomic_load(&f->t.core.visible);
	assert_int_equal(
	    testing_append(&f->t, f->room, "@ann:" TESTING_SERVER, "m.room.message",
		NULL, "{\"body\":\"regretted\"}", &event_id),
	    M_OK);
	expect_words(fd, 200, WORDS("regretted"), NULL);
	snprintf(text, sizeof text, "{\"redacts\":\"%s\"}", event_id);
	assert_int_equal(testing_append(&f->t, f->room, "@ann:" TESTING_SERVER,
			     "m.room.redaction", NULL, text, NULL),
	    M_OK);
	snprintf(text, sizeof text, "&from=s1_e%lld", (long long)before);
	fd = poll_as(f, "@gee:x", text);
	expect_words(fd, 200, WORDS("m.room.redaction"), "regretted");
}

/* Reads the answer on fd, doing the looks that it takes; returns its body. */
static char *
answer_of(struct fixture *f, int fd)
{
	long long deadline = clock_mono_ms() + WAIT_MS;
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	struct answer answer;
	bool asked;

	while (poll(&readable, 1, 10) == 0 && clock_mono_ms() < deadline) {
		lock_take(&f->lock);
		asked = f->look_first != f->look_last;
		lock_give(&f->lock);
		if (asked)
			serve_look(f);
	}
	read_answer(fd, &answer);
	assert_int_equal(answer.status, 200);
	close(fd);
	return answer.body;
}

/* One append, and so one group, of n messages: "burst-000-", "burst-001-", ... */
static void
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

/* Counts the messages of a burst in an answer; the next one must be number `next`. */
static int
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

static void
a_burst_longer_than_what_is_kept_is_heard_whole(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", ""), heard = 0;
	char from[64], *body, *end;

	serve_look(f);
	await_parked(f, 1);
	send_burst(f, 250);
	for (int page = 0; heard < 250 && page < 10; page++) {
		body = answer_of(f, fd);
		heard = burst_heard(body, heard);
		end = strstr(body, "\"end\":\"");
		assert_non_null(end);
		end += strlen("\"end\":\"");
		snprintf(from, sizeof from, "&from=%.*s", (int)strcspn(end, "\""), end);
		free(body);
		fd = poll_as(f, "@gee:x", from);
	}
	close(fd);
	assert_int_equal(heard, 250);
}

static void
what_has_left_the_rooms_tail_is_redacted_for_the_next_poll_too(void **state)
{
	struct fixture *f = *state;
	int64_t before = atomic_load(&f->t.core.visible);
	int fd = poll_as(f, "@gee:x", "");
	const char *event_id;
	char text[200], *body;

	serve_look(f);
	await_parked(f, 1);
	assert_int_equal(
	    testing_append(&f->t, f->room, "@ann:" TESTING_SERVER, "m.room.message",
		NULL, "{\"body\":\"regretted\"}", &event_id),
	    M_OK);
	for (int i = 0; i < ROOM_TAIL_MAX; i++)
		send_text(f, f->room, "between");
	snprintf(text, sizeof text, "{\"redacts\":\"%s\"}", event_id);
	assert_int_equal(testing_append(&f->t, f->room, "@ann:" TESTING_SERVER,
			     "m.room.redaction", NULL, text, NULL),
	    M_OK);
	free(answer_of(f, fd));
	snprintf(text, sizeof text, "&from=s1_e%lld", (long long)before);
	body = answer_of(f, poll_as(f, "@gee:x", text));
	assert_non_null(strstr(body, "m.room.redaction"));
	if (strstr(body, "regretted") != NULL)
		fail_msg("a redacted event is still shown: %s", body);
	free(body);
}

static void
a_token_that_ends_between_its_check_and_its_poll_is_sent_back(void **state)
{
	struct fixture *f = *state;
	int fd;

	atomic_store(&f->gone_lag, 1); /* identified before what comes now */
	tell_token_gone(f, "@gee:x", "DEVICE");
	fd = poll_as(f, "@gee:x", "");
	expect_words(fd, 200, WORDS("\"chunk\":[]", "\"end\":\"s1_e"), NULL);
	fd = poll_as(f, "@gee:x", "&from=s1_e1");
	expect_words(fd, 200,
	    WORDS("\"chunk\":[]", "\"end\":\"s1_e1\"", "\"start\":\"s1_e1\""), NULL);
}

static void
stopping_answers_everybody(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", ""), user;

	serve_look(f);
	user = poll_as(f, "@ann:" TESTING_SERVER, "");
	serve_look(f);
	await_parked(f, 2);
	http_server_stop(f->http, 2000);
	expect_words(guest, 200, WORDS("\"chunk\":[]"), NULL);
	expect_words(user, 200, WORDS("\"chunk\":[]"), NULL);
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_event_between_looking_and_parking_is_heard),
		T(an_event_before_the_look_is_heard_by_it),
		T(a_parked_stranger_hears_without_another_look),
		T(one_encoding_serves_a_hundred_strangers),
		T(two_rooms_of_one_group_are_both_heard),
		T(nothing_behind_the_end_of_openness_is_heard),
		T(a_logout_ends_a_parked_poll_at_once),
		T(a_logout_during_a_look_ends_the_poll_too),
		T(a_poll_ends_empty_when_its_time_is_up),
		T(a_poll_ends_with_its_token),
		T(what_comes_behind_a_tokens_end_is_not_heard),
		T(a_client_that_goes_leaves_nothing_behind),
		T(a_redaction_replaces_what_is_kept_for_the_next_poll),
		T(a_burst_longer_than_what_is_kept_is_heard_whole),
		T(what_has_left_the_rooms_tail_is_redacted_for_the_next_poll_too),
		T(a_token_that_ends_between_its_check_and_its_poll_is_sent_back),
		T(stopping_answers_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
