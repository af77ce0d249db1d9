/*
 * Those who watch pages under a generated schedule: they come and go with various
 * places, events come one by one and many at once, rooms close and open, are hidden and
 * shown, makings come back late and fail. Everybody is shown the events behind their
 * place that strangers hear, in order, each once, up to the room's closing. A seed that
 * fails is printed; it is repeated by
 *
 *   PAGES_MODEL_SEED=N build/debug/src/stream/stream_hub_pages_model_test
 *
 * and PAGES_MODEL_SEEDS=N tries the first N instead of the usual ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/hub_inside.h"
#include "stream/hub_pages_model.h"

#define STEPS_MIN 200
#ifdef __SANITIZE_THREAD__ /* slow, and there is one thread alone */
#define SEEDS 1000
#else
#define SEEDS 6000
#endif

/* --- steps --- */

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
	return wire_state(w->http, (uint32_t)c->index) == WIRE_PARKED &&
	       wire_is_slow(w->http, (uint32_t)c->index);
}

static void
step_ask(struct world *w)
{
	for (int n = w->client_count / 20; n >= 0; n--) {
		struct client *c = find_client(w, is_idle);

		if (c != NULL)
			client_ask(w, c);
	}
}

static void
step_enter(struct world *w)
{
	for (int n = w->client_count / 20; n >= 0; n--) {
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

	if (c != NULL)
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
	w->batch.n = 0;
	hub_work(w->hubs, some_io(w));
}

static void
run_look(struct world *w, struct waiting *waiting)
{
	struct ctx ctx = { .core = &w->core };
	struct buf body = { 0 };

	if (waiting_look(waiting, &ctx, w->arena) != M_OK)
		waiting_answer(waiting, 403, &body);
}

static void
some_look(struct world *w)
{
	size_t i = model_random(w, w->looks.n);
	struct look_job *job = &w->looks.v[i];
	struct waiting *waiting = job->w;

	if (!job->is_done) {
		job->is_done = true;
		run_look(w, waiting);
		return;
	}
	*job = w->looks.v[--w->looks.n];
	hub_looked(w->hubs, waiting);
}

static void
step_look(struct world *w)
{
	for (int n = w->client_count / 20; n >= 0 && w->looks.n > 0; n--)
		some_look(w);
}

static void
some_making(struct world *w)
{
	struct ctx ctx = { .core = &w->core };
	size_t i = model_random(w, w->makings.n);
	struct making_job *job = &w->makings.v[i];
	struct page_task *task = job->task;
	struct hub_stats stats;

	if (!job->is_done) {
		job->is_done = true;
		hub_page_run(task, &ctx, w->arena);
		return;
	}
	*job = w->makings.v[--w->makings.n];
	hubs_stats(w->hubs, &stats);
	if (stats.watchers == 0)
		model_note(w, SEEN_MADE_FOR_NOBODY);
	hub_page_made(w->hubs, task);
}

static void
step_making(struct world *w)
{
	if (w->makings.n > 0)
		some_making(w);
}

static void
step_publish(struct world *w)
{
	world_publish(w);
}

static void
step_say_many(struct world *w)
{
	for (int n = (int)model_random(w, 2 * HUB_RING); n > 0; n--)
		world_say(w);
}

static void
step_time(struct world *w)
{
	world_set_time(w, w->now_ms + (int64_t)model_random(w, 9000));
	for (int i = 0; i < w->io_count; i++) {
		w->batch.n = 0;
		hub_tick(w->hubs, http_io_at(w->http, i), w->now_ms);
	}
}

static void
step_hide(struct world *w)
{
	int room = (int)model_random(w, w->room_count);

	w->is_hidden[room] = !w->is_hidden[room];
	if (w->is_hidden[room] || model_chance(w, 50))
		hubs_stir_pages(w->hubs, w->rooms[room]->room_id);
}

static void
step_stir(struct world *w)
{
	hubs_stir_pages(w->hubs, w->rooms[model_random(w, w->room_count)]->room_id);
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
		do
			w->batch.n = 0;
		while (hub_work(w->hubs, http_io_at(w->http, i)));
	}
	while (w->looks.n > 0) {
		some_look(w);
		did = true;
	}
	while (w->makings.n > 0) {
		some_making(w);
		did = true;
	}
	return did;
}

/* Nobody waits who has something to see, or for whom there is nothing any more. */
static void
check_client(struct world *w, struct client *c)
{
	int64_t visible = world_visible(w), next;

	if (wire_state(w->http, (uint32_t)c->index) != WIRE_PARKED || !c->has_opened)
		model_fail(w, c, "is not parked");
	if (c->is_over)
		model_fail(w, c, "has seen the end, and waits");
	if (is_slow(w, c))
		return;
	next = client_next(w, c, visible);
	if (next != 0)
		model_fail(w, c, "waits at %lld, and event %lld is there",
		    (long long)c->at, (long long)next);
	if (w->is_hidden[c->room] || !world_is_open(w, c->room, visible))
		model_fail(w, c, "watches a page that is closed");
}

static uint32_t
standing_in(struct world *w, int room)
{
	uint32_t n = 0;

	for (int i = 0; i < w->io_count; i++) {
		const struct hub *hub = http_io_data(http_io_at(w->http, i));
		const struct hub_room *r = hub_rooms_find(hub, w->rooms[room]->room_id);

		n += r == NULL ? 0 : r->listeners;
	}
	return n;
}

static void
settle(struct world *w)
{
	while (settle_once(w))
		;
	for (int i = 0; i < w->client_count; i++)
		if (w->clients[i].is_busy)
			check_client(w, &w->clients[i]);
}

static void
check_counters(struct world *w)
{
	uint32_t busy = 0, standing = 0;
	struct hub_stats stats;

	for (int i = 0; i < w->client_count; i++)
		busy += w->clients[i].is_busy;
	for (int i = 0; i < w->room_count; i++)
		standing += standing_in(w, i);
	hubs_stats(w->hubs, &stats);
	if (stats.parked != busy || stats.looking != 0 || stats.watchers != standing)
		model_fail(w, NULL, "%u are busy, %llu parked, %llu watch, %u stand",
		    busy, (unsigned long long)stats.parked,
		    (unsigned long long)stats.watchers, standing);
}

/* Who has been looked for watches with the others, if nothing holds them up. */
static void
check_company(struct world *w)
{
	uint32_t busy = 0;
	struct hub_stats stats;

	for (int i = 0; i < w->client_count; i++) {
		const struct client *c = &w->clients[i];

		busy += c->is_busy && !is_slow(w, c) && c->at <= world_visible(w);
	}
	hubs_stats(w->hubs, &stats);
	if (stats.watchers < busy)
		model_fail(w, NULL, "%u are there, and %llu watch", busy,
		    (unsigned long long)stats.watchers);
}

static void
step_settle(struct world *w)
{
	settle(w);
	check_counters(w);
	for (int room = 0; room < w->room_count; room++)
		world_say_plain(w, room);
	settle(w);
	check_company(w);
}

static const struct step_kind {
	int weight;
	void (*run)(struct world *w);
} steps[] = {
	{ 150, step_ask },
	{ 200, step_enter },
	{ 250, step_letter },
	{ 150, step_work },
	{ 250, step_look },
	{ 200, step_making },
	{ 120, step_publish },
	{ 80, world_say },
	{ 1, step_say_many },
	{ 30, step_time },
	{ 20, step_hang_up },
	{ 20, step_drain },
	{ 4, step_hide },
	{ 20, step_stir },
	{ 8, step_settle },
};

#define STEP_KINDS (int)(sizeof steps / sizeof *steps)

/* Half of the seeds have their own haste and delays. */
static void
choose_weights(struct world *w, int *weights)
{
	static const int factors[] = { 1, 4, 4, 4, 16 };
	bool is_even = model_chance(w, 50);

	for (int i = 0; i < STEP_KINDS; i++)
		weights[i] =
		    steps[i].weight * (is_even ? 1 : factors[model_random(w, 5)]);
}

static void
step(struct world *w, const int *weights)
{
	int all = 0, at;

	for (int i = 0; i < STEP_KINDS; i++)
		all += weights[i];
	at = (int)model_random(w, all);
	for (int i = 0; i < STEP_KINDS; i++) {
		if (at < weights[i]) {
			steps[i].run(w);
			break;
		}
		at -= weights[i];
	}
	w->batch.n = 0;
	w->step++;
}

/* --- a whole life of a server --- */

/* All come; something has been made for them, and some of them have it. */
static void
begin_to_hand_out(struct world *w)
{
	for (int i = 0; i < w->client_count; i++)
		if (is_idle(w, &w->clients[i]))
			client_ask(w, &w->clients[i]);
	settle(w);
	world_say_plain(w, 0);
	while (world_publish(w))
		;
	for (int i = 0; i < w->io_count; i++)
		while (wire_deliver(http_io_at(w->http, i)))
			;
	while (w->makings.n > 0)
		some_making(w);
	for (int i = 0; i < w->io_count; i++) {
		while (wire_deliver(http_io_at(w->http, i)))
			;
		w->batch.n = 0;
		if (hub_work(w->hubs, http_io_at(w->http, i)))
			model_note(w, SEEN_STOPPED_INSIDE);
	}
}

static void
stop(struct world *w, const int *weights)
{
	if (model_chance(w, w->client_count == MODEL_CROWD ? 90 : 10))
		begin_to_hand_out(w);
	w->is_stopping = true;
	if (w->makings.n > 0)
		model_note(w, SEEN_STOPPED);
	for (int i = 0; i < w->io_count; i++)
		hub_stopping(w->hubs, http_io_at(w->http, i));
	for (int i = 0; i < 40; i++)
		step(w, weights);
	while (settle_once(w))
		;
	for (int i = 0; i < w->client_count; i++)
		if (w->clients[i].is_busy)
			model_fail(
			    w, &w->clients[i], "waits on while the server stops");
	check_counters(w);
}

/* Rooms that nobody watches are forgotten; what remains are listeners' places. */
static void
check_memory(struct world *w)
{
	struct hub_stats stats;
	uint64_t places = 0;

	world_set_time(w, (w->now_ms / 30000 + 6) * 30000);
	for (int i = 0; i < w->io_count; i++) {
		struct hub *hub = http_io_data(http_io_at(w->http, i));

		hub_tick(w->hubs, hub->io, w->now_ms);
		places += hub->chunks.n * HUB_CHUNK * sizeof(struct listener);
		if (link_has(&hub->tasks))
			model_fail(w, NULL, "a making is kept");
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
	int weights[STEP_KINDS];
	struct world w;

	world_open(&w, seed, seen);
	choose_weights(&w, weights);
	for (int n = STEPS_MIN << model_random(&w, 4); w.step < n;)
		step(&w, weights);
	stop(&w, weights);
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
everybody_is_shown_what_is_theirs_in_order_and_once(void **state)
{
	uint64_t seen[SEEN_COUNT] = { 0 }, one = number_of("PAGES_MODEL_SEED", 0);
	uint64_t seeds = number_of("PAGES_MODEL_SEEDS", SEEDS);

	if (one != 0) {
		live(one, seen);
		return;
	}
	for (uint64_t seed = 1; seed <= seeds; seed++)
		live(seed, seen);
	/* The schedule has come into every situation. */
	for (int i = 0; i < SEEN_COUNT; i++)
		if (seen[i] < seeds / 200)
			fail_msg("situation %d came up %llu times", i,
			    (unsigned long long)seen[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_is_shown_what_is_theirs_in_order_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
