/*
 * The hubs of a server, one for each io thread: made, counted, freed.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "stream/hub_inside.h"

static void
hub_init(struct hub *hub, struct hubs *hubs, int index)
{
	hub->hubs = hubs;
	hub->io = http_io_at(hubs->http, index);
	hub->cursor = changes_cursor(hubs->core->changes);
	hub->processed = atomic_load(&hubs->core->visible);
	hub->tokens_gone = changes_tokens_gone(hubs->core->changes);
	hub->wheel_s = clock_mono_ms() / 1000;
	link_init(&hub->dirty);
	link_init(&hub->tasks);
	link_init(&hub->free);
	for (int i = 0; i < HUB_SECONDS; i++)
		link_init(&hub->wheel[i]);
	http_io_set_data(hub->io, hub);
}

struct hubs *
hubs_new(struct core *core, struct http_server *http, const struct hub_options *options)
{
	struct hubs *hubs = xcalloc(1, sizeof *hubs);

	hubs->core = core;
	hubs->http = http;
	hubs->options = *options;
	if (options->ring_max == 0)
		hubs->options.ring_max = HUB_RING_BURST;
	if (options->bytes_max == 0)
		hubs->options.bytes_max = EVENTS_BYTES;
	assert(hubs->options.ring_max <= UINT16_MAX);
	if (options->parked_per_address > 0)
		hubs->addresses = tally_new(TALLY_CLIENTS);
	if (options->parked_per_token > 0)
		hubs->tokens = tally_new(TALLY_CLIENTS);
	lock_init(&hubs->lock, RANK_LEAF);
	cond_init(&hubs->answered);
	link_init(&hubs->questions);
	hubs->count = http_io_count(http);
	hubs->hubs = xcalloc(hubs->count, sizeof *hubs->hubs);
	for (int i = 0; i < hubs->count; i++)
		hub_init(&hubs->hubs[i], hubs, i);
	changes_subscribe(core->changes, hub_wake_all, hubs);
	return hubs;
}

static void
hub_fini(struct hub *hub)
{
	struct hub_room *room;
	struct hub_user *user;

	for (size_t c = 0; c < hub->chunks.n; c++) {
		for (int i = 0; i < HUB_CHUNK; i++) {
			free(hub->chunks.v[c][i].watches);
			if (hub->chunks.v[c][i].waiting != NULL)
				waiting_free(hub->chunks.v[c][i].waiting);
		}
		free(hub->chunks.v[c]);
	}
	while ((room = hub_rooms_next(hub, NULL)) != NULL)
		hub_room_free(hub, room);
	hub_pages_fini(hub);
	for (size_t at = 0; (user = map_next(&hub->users, &at)) != NULL;)
		hub_user_free(hub, user);
	vec_free(&hub->chunks);
	map_fini(&hub->users);
	if (hub->empty_shared != NULL)
		http_shared_unref(hub->empty_shared);
	for (int i = 0; i < 2; i++)
		http_shared_unref(hub->comments[i]);
	changes_cursor_free(hub->cursor);
}

void
hubs_free(struct hubs *hubs)
{
	for (int i = 0; i < hubs->count; i++)
		hub_fini(&hubs->hubs[i]);
	hub_questions_fini(hubs);
	pthread_cond_destroy(&hubs->answered);
	lock_fini(&hubs->lock);
	http_shared_unref(hubs->options.token_gone);
	tally_free(hubs->addresses);
	tally_free(hubs->tokens);
	free(hubs->hubs);
	free(hubs);
}

void
hubs_stats(struct hubs *hubs, struct hub_stats *out)
{
	*out = (struct hub_stats){ 0 };
	for (int i = 0; i < hubs->count; i++) {
		struct hub *hub = &hubs->hubs[i];

		out->parked += atomic_load(&hub->parked);
		out->looking += atomic_load(&hub->looking);
		out->rooms += atomic_load(&hub->room_count);
		out->answers_shared += atomic_load(&hub->answers_shared);
		out->bodies_made += atomic_load(&hub->bodies_made);
		out->looks += atomic_load(&hub->looks);
		out->timeouts += atomic_load(&hub->timeouts);
		out->watchers += atomic_load(&hub->watchers);
		out->pages_made += atomic_load(&hub->pages_made);
		out->memory_bytes += atomic_load(&hub->memory);
	}
}
