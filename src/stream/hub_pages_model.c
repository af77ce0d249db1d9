/*
 * The world of hub_pages_model_test, but for those who watch: rooms and their history,
 * a writer that publishes it held open between any two steps, and what pages show.
 */
#include "stream/hub_pages_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "room/changes.h"
#include "room/typing.h"
#include "stream/sse.h"

/* What was said last, for whoever repeats a seed. */
static void
print_history(const struct world *w)
{
	int64_t last = (int64_t)w->said.n - 1;

	for (int64_t p = last > 40 ? last - 40 : 1; p <= last; p++) {
		const struct said *e = &w->said.v[p];

		if (e->room >= 0)
			fprintf(stderr, "%lld: room %d, open %d to %d%s%s\n",
			    (long long)p, e->room, e->is_open_before, e->is_open_after,
			    e->is_silent ? ", silent" : "",
			    p == world_visible(w) ? ", the last that is visible" : "");
	}
}

void
model_fail(const struct world *w, const struct client *c, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (getenv("PAGES_MODEL_SEED") != NULL)
		print_history(w);
	fail_msg(
	    "PAGES_MODEL_SEED=%llu fails at step %d, client %d in room %d, language "
	    "%d, at %lld: %s",
	    (unsigned long long)w->seed, w->step, c == NULL ? -1 : c->index,
	    c == NULL ? -1 : c->room, c == NULL ? -1 : c->language,
	    c == NULL ? -1 : (long long)c->at, text);
	abort();
}

/* splitmix64 */
uint64_t
model_random(struct world *w, uint64_t n)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % n;
}

void
model_note(struct world *w, enum seen what)
{
	w->seen[what]++;
}

void
world_set_time(struct world *w, int64_t now_ms)
{
	w->now_ms = now_ms;
	clock_set_mono_for_test(now_ms);
}

int64_t
world_visible(const struct world *w)
{
	return atomic_load(&w->core.visible);
}

static int64_t
newest(const struct world *w)
{
	return (int64_t)w->said.n - 1;
}

/* --- events --- */

static struct live_event *
live_of(const struct world *w, const struct said *e, int64_t position)
{
	struct live_event *live = xcalloc(1, sizeof *live);
	struct pdu *pdu = xcalloc(1, sizeof *pdu);

	pdu->refs = 1;
	pdu->arena = arena_new();
	pdu->event = ARENA_NEW(pdu->arena, struct event);
	pdu->event->type = "m.room.message";
	live->refs = 1;
	live->event = position;
	live->pdu = pdu;
	live->visibility_before =
	    e->is_open_before ? VISIBILITY_WORLD_READABLE : VISIBILITY_SHARED;
	live->visibility_after =
	    e->is_open_after ? VISIBILITY_WORLD_READABLE : VISIBILITY_SHARED;
	return live;
}

static void
queue(struct world *w, struct said e)
{
	struct said nothing = { .room = -1 };

	/* Positions may be left out: their append has failed. */
	if (model_chance(w, 10))
		vec_push(&w->said, nothing);
	e.is_open_before = w->is_open[e.room];
	w->is_open[e.room] = e.is_open_after;
	e.live = live_of(w, &e, (int64_t)w->said.n);
	vec_push(&w->said, e);
}

void
world_say_plain(struct world *w, int room)
{
	queue(w, (struct said){ .room = room, .is_open_after = w->is_open[room] });
}

/* Rooms are open most of the time, and now and then open again at once. */
void
world_say(struct world *w)
{
	int room = (int)model_random(w, w->room_count);
	struct said e = { .room = room,
		.is_open_after = w->is_open[room],
		.is_silent = model_chance(w, 15) };

	if (model_chance(w, w->is_open[room] ? 6 : 30)) {
		e.is_open_after = !e.is_open_after;
		e.is_silent = false;
		queue(w, e);
		if (e.is_open_after || !model_chance(w, 40))
			return;
		e.is_open_after = true;
	}
	queue(w, e);
}

bool
world_hears(const struct world *w, int room, int64_t position)
{
	const struct said *e = &w->said.v[position];

	return e->room == room && (e->is_open_before || e->is_open_after);
}

bool
world_closes(const struct world *w, int64_t position)
{
	const struct said *e = &w->said.v[position];

	return e->is_open_before && !e->is_open_after;
}

bool
world_is_open(const struct world *w, int room, int64_t position)
{
	while (position > 0 && w->said.v[position].room != room)
		position--;
	return position == 0 || w->said.v[position].is_open_after;
}

/* --- the writer --- */

static void
tell(struct world *w)
{
	for (; w->told < world_visible(w); w->told++) {
		const struct said *e = &w->said.v[w->told + 1];
		struct change change = { .kind = CHANGE_EVENT,
			.position = w->told + 1 };

		if (e->room < 0)
			continue;
		change.room = room_ref(w->rooms[e->room]);
		change.event = live_event_ref(e->live);
		changes_add(w->core.changes, &change);
	}
}

bool
world_publish(struct world *w)
{
	switch (w->phase) {
	case GROUP_NONE:
		if (world_visible(w) == newest(w))
			return false;
		atomic_store(&w->core.visible, newest(w));
		w->phase = GROUP_VISIBLE;
		break;
	case GROUP_VISIBLE:
		tell(w);
		w->phase = GROUP_TOLD;
		break;
	case GROUP_TOLD:
		changes_wake(w->core.changes);
		w->phase = GROUP_NONE;
		break;
	}
	return true;
}

/* --- what pages show --- */

static void
write_line(struct page_news *news, int64_t position)
{
	struct stream_token id = token_at(position);

	sse_event_begin(&news->block, &id, "line");
	buf_printf(&news->block, "%d", news->language);
	sse_event_end(&news->block);
}

/* Up to where there is something to tell, the room's closing or a full block. */
static bool
tell_history(struct world *w, int room, struct page_news *news)
{
	int64_t visible = news->end = world_visible(w);
	bool any = false;
	int n = 0;

	for (int64_t p = news->from + 1; p <= visible; p++) {
		if (!world_hears(w, room, p))
			continue;
		any = true;
		if (!w->said.v[p].is_silent)
			write_line(news, p);
		news->is_last = world_closes(w, p);
		news->more = !news->is_last && ++n == w->most;
		if (news->is_last || news->more) {
			news->end = p;
			break;
		}
	}
	return any || world_is_open(w, room, visible);
}

enum mx_err
world_news(void *arg, struct ctx *ctx, struct arena *arena, struct page_news *news)
{
	struct world *w = arg;
	int room = news->room_id[2] - '0';

	if (news->from > world_visible(w) + 20)
		model_fail(w, NULL, "is asked from %lld", (long long)news->from);
	if (model_chance(w, w->failures)) {
		clients_may_fail(w, room, news->language);
		model_note(w, SEEN_FAILURE);
		return M_UNKNOWN;
	}
	if (w->is_hidden[room]) {
		buf_lit(&news->block, "event: gone\ndata:\n\n");
		news->end = news->from;
		news->is_last = true;
		return M_OK;
	}
	if (tell_history(w, room, news)) {
		if (news->from > news->end)
			news->end = news->from; /* a place still to come */
		return M_OK;
	}
	clients_may_fail(w, room, news->language);
	return M_NOT_FOUND;
}

/* --- workers --- */

static void
queue_look(void *arg, struct waiting *waiting)
{
	struct world *w = arg;
	struct look_job job = { .w = waiting };

	vec_push(&w->looks, job);
}

static void
queue_making(void *arg, struct page_task *task)
{
	struct world *w = arg;
	struct making_job job = { .task = task };

	vec_push(&w->makings, job);
}

/* --- beginning and end --- */

static void
client_gone(void *arg, struct http_io *io, uint32_t tag)
{
	hub_gone(((struct world *)arg)->hubs, io, tag);
}

static void
client_drained(void *arg, struct http_io *io, uint32_t tag)
{
	hub_drained(((struct world *)arg)->hubs, io, tag);
}

static void
open_hubs(struct world *w)
{
	struct wire_hooks hooks = client_hooks(w);
	struct hub_options options = { .look = queue_look,
		.make = queue_making,
		.arg = w,
		.page_news = world_news,
		.page_arg = w,
		.ring_max = HUB_RING };

	hooks.gone = client_gone;
	hooks.drained = client_drained;
	w->io_count = 1 + (int)model_random(w, 2);
	w->http = wire_new(w->io_count, w->client_count, &hooks);
	w->hubs = hubs_new(&w->core, w->http, &options);
}

void
world_open(struct world *w, uint64_t seed, uint64_t *seen)
{
	static const int mosts[] = { 0, 0, 1, 3 }, failures[] = { 0, 0, 0, 4 };
	struct said nothing = { .room = -1 };
	char room_id[16];

	*w = (struct world){ .seed = seed, .random = seed, .seen = seen };
	world_set_time(w, 1000000 + (int64_t)model_random(w, 100000));
	w->core.changes = changes_new();
	w->core.typing = typing_new();
	w->arena = arena_new();
	w->most = mosts[model_random(w, 4)];
	w->failures = failures[model_random(w, 4)];
	vec_push(&w->said, nothing); /* no event has position 0 */
	w->room_count = 1 + (int)model_random(w, MODEL_ROOMS);
	for (int i = 0; i < w->room_count; i++) {
		snprintf(room_id, sizeof room_id, "!r%d:x", i);
		w->rooms[i] = room_make(NULL, room_id, NULL);
		w->is_open[i] = true;
	}
	/* More than a turn of one page, and than a slice. */
	w->client_count = seed % 32 == 0 ? MODEL_CROWD : (int)(2 + model_random(w, 20));
	w->clients = xcalloc(w->client_count, sizeof *w->clients);
	for (int i = 0; i < w->client_count; i++)
		w->clients[i].index = i;
	open_hubs(w);
}

void
world_close(struct world *w)
{
	hubs_free(w->hubs);
	wire_free(w->http);
	typing_free(w->core.typing);
	changes_free(w->core.changes);
	for (int i = 0; i < w->room_count; i++)
		room_put(w->rooms[i]);
	for (size_t p = 0; p < w->said.n; p++)
		live_event_unref(w->said.v[p].live);
	arena_free(w->arena);
	free(w->clients);
	free(w->last_shared);
	vec_free(&w->said);
	vec_free(&w->looks);
	vec_free(&w->makings);
	vec_free(&w->batch);
	clock_set_mono_for_test(0);
}
