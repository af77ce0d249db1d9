/*
 * What other threads ask of all hubs: how many listen to a room, and that a room's
 * pages be made anew. A question is counted: an io thread that comes late finds it
 * still, and one that has ended leaves it to the end of the hubs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "stream/hub_inside.h"

#define WAIT_MS 200

/* Shared; hubs->lock guards what stands below it. */
struct question {
	void (*answer)(struct hub *hub, struct question *q);
	char **room_ids;
	int n;
	_Atomic uint32_t *counts; /* one for each room */
	struct link link;	  /* in hubs->questions */
	int refs, unanswered;	  /* hubs that have yet to answer */
};

#define OF_LINK(l) LINK_OF(struct question, link, l)

static struct question *
question_new(struct hubs *hubs, const char *const *room_ids, int n)
{
	struct question *q = xcalloc(1, sizeof *q);

	q->room_ids = xcalloc(n + 1, sizeof *q->room_ids);
	q->counts = xcalloc(n + 1, sizeof *q->counts);
	for (int i = 0; i < n; i++)
		q->room_ids[i] = xstrdup(room_ids[i]);
	q->n = n;
	q->unanswered = hubs->count;
	q->refs = hubs->count + 1;
	return q;
}

static void
question_free(struct question *q)
{
	link_out(&q->link);
	for (int i = 0; i < q->n; i++)
		free(q->room_ids[i]);
	free(q->room_ids);
	free(q->counts);
	free(q);
}

static void
unref_locked(struct question *q)
{
	if (--q->refs == 0)
		question_free(q);
}

static void
asked(struct http_io *io, void *arg)
{
	struct hub *hub = http_io_data(io);
	struct hubs *hubs = hub->hubs;
	struct question *q = arg;

	q->answer(hub, q);
	lock_take(&hubs->lock);
	if (--q->unanswered == 0)
		pthread_cond_broadcast(&hubs->answered);
	unref_locked(q);
	lock_give(&hubs->lock);
}

static void
ask_all(struct hubs *hubs, struct question *q)
{
	lock_take(&hubs->lock);
	link_before(&hubs->questions, &q->link);
	lock_give(&hubs->lock);
	for (int i = 0; i < hubs->count; i++)
		http_post(hubs->hubs[i].io, asked, q);
}

static void
answer_stir(struct hub *hub, struct question *q)
{
	struct hub_room *room, *next;

	if (q->n > 0) {
		room = hub_rooms_find(hub, q->room_ids[0]);
		if (room != NULL)
			hub_pages_stir(hub, room);
		return;
	}
	for (room = hub_rooms_next(hub, NULL); room != NULL; room = next) {
		next = hub_rooms_next(hub, room);
		hub_pages_stir(hub, room);
	}
}

void
hubs_stir_pages(struct hubs *hubs, const char *room_id)
{
	struct question *q = question_new(hubs, &room_id, room_id == NULL ? 0 : 1);

	q->answer = answer_stir;
	ask_all(hubs, q);
	lock_take(&hubs->lock);
	unref_locked(q);
	lock_give(&hubs->lock);
}

static void
answer_count(struct hub *hub, struct question *q)
{
	for (int i = 0; i < q->n; i++) {
		const struct hub_room *room = hub_rooms_find(hub, q->room_ids[i]);

		if (room != NULL)
			atomic_fetch_add(&q->counts[i], room->listeners);
	}
}

bool
hubs_listeners(
    struct hubs *hubs, const char *const *room_ids, int n, uint32_t *counts_out)
{
	struct question *q = question_new(hubs, room_ids, n);
	int64_t until_ms = clock_mono_ms() + WAIT_MS;
	bool in_time = true, has_all;

	assert_role(~ROLE_IO); /* it would wait for itself */
	q->answer = answer_count;
	ask_all(hubs, q);
	thread_waits(true);
	lock_take(&hubs->lock);
	while (q->unanswered > 0 && in_time)
		in_time = lock_wait(&hubs->lock, &hubs->answered, until_ms);
	has_all = q->unanswered == 0;
	for (int i = 0; i < n; i++)
		counts_out[i] = atomic_load(&q->counts[i]);
	unref_locked(q);
	lock_give(&hubs->lock);
	thread_waits(false);
	return has_all;
}

void
hub_questions_fini(struct hubs *hubs)
{
	while (link_has(&hubs->questions))
		question_free(OF_LINK(hubs->questions.next));
}
