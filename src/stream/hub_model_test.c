/*
 * The hub under a generated schedule: polls and streams of strangers, members and
 * people with several rooms, events one by one and in bursts, typing, looks that come
 * back late, timeouts, clients that go, tokens that end, rooms that open and close,
 * guests who join, the server's stop. Held against stream/hub_model, whose one thread
 * plays all others. A seed that fails is printed; it is repeated by
 *
 *   HUB_MODEL_SEED=N build/debug/src/stream/stream_hub_model_test
 *
 * and HUB_MODEL_SEEDS=N tries the first N instead of the usual ones.
 */
#include "stream/hub_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room/changes.h"
#include "room/typing.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

/* Short lives are full of strangers, long ones of rooms that have seen much: 200 to
 * 1600 steps, a million of them in all. */
#define STEPS_MIN 200
#ifdef __SANITIZE_THREAD__ /* slow, and there is one thread alone */
#define SEEDS 350
#else
#define SEEDS 1400
#endif

/* --- steps --- */

/* One of those with something to hand over, close, take; NULL: none was found. */
static struct client *
find_client(
    struct world *w, bool (*is_wanted)(const struct world *, const struct client *))
{
	int first = (int)model_random(w, w->client_count);

	for (int i = 0; i < w->client_count; i++) {
		struct client *c = &w->clients[(first + i) % w->client_count];

		if (is_wanted(w, c))
			return c;
	}
	return NULL;
}

static bool
is_idle(const struct world *w, const struct client *c)
{
	/* What it asked for before it hung up may still be on its way. */
	return !c->is_busy && c->asking == NULL;
}

static bool
is_asking(const struct world *w, const struct client *c)
{
	return c->asking != NULL;
}

static bool
is_connected(const struct world *w, const struct client *c)
{
	return c->is_busy;
}

static bool
is_slow(const struct world *w, const struct client *c)
{
	return client_is_parked(w, c) && wire_is_slow(w->http, (uint32_t)c->index);
}

static void
step_ask(struct world *w)
{
	for (int n = w->client_count / 40; n >= 0; n--) {
		struct client *c = find_client(w, is_idle);

		if (c != NULL)
			client_ask(w, c);
	}
}

static void
step_enter(struct world *w)
{
	for (int n = w->client_count / 40; n >= 0; n--) {
		struct client *c = find_client(w, is_asking);

		if (c != NULL)
			client_enter(w, c);
	}
}

static void
step_hang_up(struct world *w)
{
	struct client *c = find_client(w, is_connected);

	if (c != NULL)
		wire_hang_up(w->http, (uint32_t)c->index);
}

static void
step_drain(struct world *w)
{
	struct client *c = find_client(w, is_slow);

	if (c == NULL)
		return;
	model_note(w, SEEN_DRAINED);
	c->is_behind = c->is_put_off = false;
	c->parked_ms = w->now_ms; /* a sign of life is put off */
	wire_drain(w->http, (uint32_t)c->index);
}

static struct http_io *
some_io(struct world *w)
{
	return http_io_at(w->http, (int)model_random(w, w->io_count));
}

static void
step_letter(struct world *w)
{
	wire_deliver(some_io(w));
}

static void
step_work(struct world *w)
{
	hub_work(w->hubs, some_io(w));
}

/* Any of them, but not by its place in the list: the order in which a hub asks for
 * looks depends on hashes that are others each time. */
static void
some_look(struct world *w)
{
	int first = (int)model_random(w, w->client_count), best_key = 0;
	size_t best = 0;

	for (size_t i = 0; i < w->looks.n; i++) {
		const struct look_job *job = &w->looks.v[i];
		int key = (job->client - first + w->client_count) % w->client_count;

		if (i == 0 || key < best_key ||
		    (key == best_key && job->request < w->looks.v[best].request)) {
			best = i;
			best_key = key;
		}
	}
	look_step(w, best);
}

static void
step_look(struct world *w)
{
	for (int n = w->client_count / 40; n >= 0 && w->looks.n > 0; n--)
		some_look(w);
}

static void
step_publish(struct world *w)
{
	world_publish(w);
}

/* The first moment at which it has to be told something, if only that its time is up;
 * `parked` is when that was put off last. */
static int64_t
due_ms(const struct client *c)
{
	int64_t due = c->sse ? c->parked_ms + SSE_COMMENT_MS : c->deadline_ms;

	if (c->expires_ms != 0 && c->expires_ms < due)
		due = c->expires_ms;
	return due > c->parked_ms ? due : c->parked_ms;
}

/* Whole seconds, rounded up, and the wheel has turned since it was parked. */
static void
check_deadlines(struct world *w, int io)
{
	int64_t now_s = w->now_ms / 1000;

	for (int i = io; i < w->client_count; i += w->io_count) {
		struct client *c = &w->clients[i];

		if (client_is_parked(w, c) && !is_slow(w, c) && c->looks_out == 0 &&
		    (due_ms(c) + 999) / 1000 <= now_s && c->parked_ms / 1000 < now_s)
			model_fail(w, c, "is parked at %lld, and was due at %lld",
			    (long long)w->now_ms, (long long)due_ms(c));
	}
}

static void
tick(struct world *w, int io)
{
	hub_tick(w->hubs, http_io_at(w->http, io), w->now_ms);
	w->ticked_ms[io] = w->now_ms;
	check_deadlines(w, io);
}

/* The machine may have slept in between. */
static void
step_time(struct world *w)
{
	int64_t ms = (int64_t)model_random(w, 700);

	if (model_chance(w, 3))
		ms = (int64_t)model_random(w, 900000);
	world_set_time(w, w->now_ms + ms);
	for (int i = 0; i < w->io_count; i++)
		if (w->now_ms - w->ticked_ms[i] >= 1000)
			tick(w, i);
}

static void
step_tick(struct world *w)
{
	tick(w, (int)model_random(w, w->io_count));
}

/* --- when all is done that there is to do --- */

static bool
settle_once(struct world *w)
{
	struct client *c;
	bool did = false;

	while ((c = find_client(w, is_asking)) != NULL) {
		client_enter(w, c);
		did = true;
	}
	while (world_publish(w))
		did = true;
	for (int i = 0; i < w->io_count; i++) {
		while (wire_deliver(http_io_at(w->http, i)))
			did = true;
		while (hub_work(w->hubs, http_io_at(w->http, i)))
			;
	}
	while (w->looks.n > 0) {
		some_look(w);
		did = true;
	}
	return did;
}

/* Nobody waits who has news. */
static void
check_parked(struct world *w, struct client *c)
{
	int64_t news;

	if (!client_is_parked(w, c) || c->looks_out != 0 || c->at < 0)
		model_fail(w, c, "is not parked");
	if (c->token_end != MODEL_NEVER)
		model_fail(w, c, "is parked, and its token has ended");
	if (is_slow(w, c))
		return;
	news = rules_next(w, c, c->at);
	if (news != 0)
		model_fail(w, c, "is parked at %lld, and event %lld is there",
		    (long long)c->at, (long long)news);
	for (int i = 0; c->room_count == 0 && i < w->room_count; i++)
		if (snapshot_membership(w->rooms[i].room->committed,
			w->users[c->user].name) == MEMBERSHIP_JOIN &&
		    typing_room_position(&w->core, i + 1) > c->looked_typing)
			model_fail(w, c, "is parked, and somebody types");
}

static void
check_counters(struct world *w, uint64_t parked)
{
	struct hub_stats stats;

	hubs_stats(w->hubs, &stats);
	if (stats.parked != parked || stats.looking != 0)
		model_fail(w, NULL, "%llu are parked, %llu looking, and it says %llu",
		    (unsigned long long)parked, (unsigned long long)stats.looking,
		    (unsigned long long)stats.parked);
}

static void
step_settle(struct world *w)
{
	uint64_t parked = 0;

	while (settle_once(w))
		;
	for (int i = 0; i < w->client_count; i++)
		if (w->clients[i].is_busy) {
			check_parked(w, &w->clients[i]);
			parked++;
		}
	check_counters(w, parked);
}

static const struct step_kind {
	int weight;
	void (*run)(struct world *w);
} steps[] = {
	{ 200, step_ask },
	{ 200, step_enter },
	{ 200, step_letter },
	{ 100, step_work },
	{ 250, step_look },
	{ 80, step_publish },
	{ 60, world_say },
	{ 2, world_say_many },
	{ 2, world_let_in },
	{ 80, step_time },
	{ 10, step_tick },
	{ 20, step_hang_up },
	{ 40, step_drain },
	{ 12, world_type },
	{ 6, world_end_token },
	{ 8, step_settle },
};

#define STEP_KINDS (int)(sizeof steps / sizeof *steps)

/* Half of the seeds have their own haste and delays: a writer that is slow, an io
 * thread that lags, a flood of requests. */
static void
choose_weights(struct world *w)
{
	static const int factors[] = { 1, 4, 4, 4, 16 };

	bool is_even = model_chance(w, 50);

	for (int i = 0; i < STEP_KINDS; i++)
		w->weights[i] =
		    steps[i].weight * (is_even ? 1 : factors[model_random(w, 5)]);
}

static void
step(struct world *w)
{
	int all = 0, at;

	for (int i = 0; i < STEP_KINDS; i++)
		all += w->weights[i];
	at = (int)model_random(w, all);
	for (int i = 0; i < STEP_KINDS; i++) {
		if (at < w->weights[i]) {
			steps[i].run(w);
			break;
		}
		at -= w->weights[i];
	}
	w->step++;
}

/* --- a whole life of a server --- */

static void
stop(struct world *w)
{
	w->is_stopping = true;
	for (int i = 0; i < w->io_count; i++)
		hub_stopping(w->hubs, http_io_at(w->http, i));
	for (int i = 0; i < 40; i++)
		step(w);
	while (settle_once(w))
		;
	for (int i = 0; i < w->client_count; i++)
		if (w->clients[i].is_busy)
			model_fail(
			    w, &w->clients[i], "waits on while the server stops");
	check_counters(w, 0);
}

/* Rooms that nobody listens to are forgotten; what remains are listeners' places. */
static void
check_memory(struct world *w)
{
	struct hub_stats stats;
	uint64_t places = 0;

	world_set_time(w, (w->now_ms / 30000 + 6) * 30000);
	for (int i = 0; i < w->io_count; i++) {
		struct hub *hub = http_io_data(http_io_at(w->http, i));

		tick(w, i);
		places += hub->chunks.n * HUB_CHUNK * sizeof(struct listener);
	}
	hubs_stats(w->hubs, &stats);
	if (stats.rooms != 0 || stats.memory_bytes != places)
		model_fail(w, NULL, "%llu rooms and %llu bytes are left",
		    (unsigned long long)stats.rooms,
		    (unsigned long long)(stats.memory_bytes - places));
}

static void
live(uint64_t seed, uint64_t *seen)
{
	struct world w;

	_Static_assert(sizeof steps / sizeof *steps <= MODEL_STEPS, "weights");
	world_open(&w, seed, seen);
	choose_weights(&w);
	for (int n = STEPS_MIN << model_random(&w, 4); w.step < n;)
		step(&w);
	stop(&w);
	check_memory(&w);
	world_close(&w);
}

static uint64_t
number_of(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text == NULL ? fallback : strtoull(text, NULL, 10);
}

static void
everybody_hears_what_is_theirs_in_order_and_once(void **state)
{
	uint64_t seen[SEEN_COUNT] = { 0 }, one = number_of("HUB_MODEL_SEED", 0);
	uint64_t seeds = number_of("HUB_MODEL_SEEDS", SEEDS);

	if (one != 0) {
		live(one, seen);
		return;
	}
	for (uint64_t seed = 1; seed <= seeds; seed++)
		live(seed, seen);
	/* The schedule has come into every situation. */
	for (int i = 0; i < SEEN_COUNT; i++)
		if (seen[i] < seeds / 20)
			fail_msg("situation %d came up %llu times", i,
			    (unsigned long long)seen[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_hears_what_is_theirs_in_order_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
