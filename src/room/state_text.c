/*
 * The table of rooms' texts under one lock, the least recently used at its end, and a
 * bound for all of them. Asked by room/state_list for each list of state.
 */
#include "room/state_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/link.h"
#include "base/map.h"

/* What was asked for within this time is not dropped for a newcomer: rooms that do not
 * all fit shall not push each other out in turn. */
#define STAYS_MS 60000
/* One room may take so much of the whole, */
#define ROOM_SHARE 4
/* and is made anew when so many of the events asked for are not there (and another: the
 * asker's own membership is wanted of each list, and nobody else's). */
#define MISSING_SHARE 8

struct state_text {
	_Atomic uint32_t refs;
	int64_t room;
	int64_t position; /* the store that it was read from knew all up to it */
	size_t size;	  /* of all of it */
	/* The table's lock guards these. */
	struct link by_use;
	int64_t used_ms;
	uint32_t count;
	const char *bytes; /* behind the events */
	struct text_event events[];
};

/* Shared; lock guards all but bytes_max. */
struct state_texts {
	struct lock lock; /* RANK_CACHE */
	size_t bytes_max, bytes;
	struct map by_room; /* the table's references */
	struct link by_use; /* by when they were asked for */
};

struct state_texts *
state_texts_new(size_t bytes_max)
{
	struct state_texts *texts = xcalloc(1, sizeof *texts);

	lock_init(&texts->lock, RANK_CACHE);
	link_init(&texts->by_use);
	texts->bytes_max = bytes_max;
	return texts;
}

void
state_text_unref(struct state_text *text)
{
	if (text != NULL &&
	    atomic_fetch_sub_explicit(&text->refs, 1, memory_order_acq_rel) == 1)
		free(text);
}

void
state_texts_free(struct state_texts *texts)
{
	struct state_text *text;

	for (size_t at = 0; (text = map_next(&texts->by_room, &at)) != NULL;)
		state_text_unref(text);
	map_fini(&texts->by_room);
	lock_fini(&texts->lock);
	free(texts);
}

/* --- the table --- */

/* With the table's reference. */
static void
enter_locked(struct state_texts *texts, struct state_text *text, int64_t now_ms)
{
	map_put(&texts->by_room, &text->room, sizeof text->room, text);
	text->used_ms = now_ms;
	link_before(&texts->by_use, &text->by_use);
	texts->bytes += text->size;
}

static void
take_out_locked(struct state_texts *texts, struct state_text *text)
{
	link_out(&text->by_use);
	map_del(&texts->by_room, &text->room, sizeof text->room);
	texts->bytes -= text->size;
}

/* Those that nobody asked for lately go. */
static bool
make_room_locked(struct state_texts *texts, size_t size, int64_t now_ms)
{
	struct state_text *oldest;

	while (texts->bytes + size > texts->bytes_max) {
		oldest = LINK_OF(struct state_text, by_use, texts->by_use.next);
		if (!link_has(&texts->by_use) || now_ms - oldest->used_ms < STAYS_MS)
			return false;
		take_out_locked(texts, oldest);
		state_text_unref(oldest);
	}
	return true;
}

struct state_text *
state_texts_get(struct state_texts *texts, int64_t room, const struct snapshot *s)
{
	int64_t now_ms = clock_mono_ms();
	struct state_text *text;

	if (texts == NULL)
		return NULL;
	lock_take(&texts->lock);
	text = map_get(&texts->by_room, &room, sizeof room);
	if (text != NULL && text->position < s->redacted)
		text = NULL;
	if (text != NULL) {
		text->used_ms = now_ms;
		link_used(&texts->by_use, &text->by_use);
		atomic_fetch_add_explicit(&text->refs, 1, memory_order_relaxed);
	}
	lock_give(&texts->lock);
	return text;
}

/* Takes over the reference. What does not fit leaves what was kept of the room. */
static void
put_in(struct state_texts *texts, struct state_text *text)
{
	int64_t now_ms = clock_mono_ms();
	struct state_text *before;

	lock_take(&texts->lock);
	before = map_get(&texts->by_room, &text->room, sizeof text->room);
	if (before != NULL)
		take_out_locked(texts, before);
	if (make_room_locked(texts, text->size, now_ms)) {
		enter_locked(texts, text, now_ms);
		state_text_unref(before);
	} else {
		if (before != NULL)
			enter_locked(texts, before, now_ms);
		state_text_unref(text);
	}
	lock_give(&texts->lock);
}

uint64_t
state_texts_bytes(struct state_texts *texts)
{
	uint64_t bytes;

	lock_take(&texts->lock);
	bytes = texts->bytes;
	lock_give(&texts->lock);
	return bytes;
}

/* --- one room's --- */

uint32_t
state_text_count(const struct state_text *text)
{
	return text == NULL ? 0 : text->count;
}

const char *
state_text_head(const struct state_text *text, const struct text_event *e)
{
	return text->bytes + e->at;
}

/* Mostly it is the very next one; else the step is doubled until it is too far. */
const struct text_event *
state_text_find(const struct state_text *text, int64_t event, uint32_t *from)
{
	uint32_t low = *from, high, step = 1;

	if (text == NULL || low >= text->count)
		return NULL;
	for (high = low; high < text->count && text->events[high].event < event;) {
		low = high + 1;
		high += step;
		step *= 2;
	}
	if (high > text->count)
		high = text->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (text->events[middle].event < event)
			low = middle + 1;
		else
			high = middle;
	}
	*from = low;
	return low < text->count && text->events[low].event == event
		   ? &text->events[low]
		   : NULL;
}

/* --- making --- */

static struct text_event *
begin_event(struct text_making *making, int64_t event)
{
	struct text_event e = { .event = event, .at = (uint32_t)making->bytes.n };

	vec_push(&making->events, e);
	return &making->events.v[making->events.n - 1];
}

const struct text_event *
text_making_copy(struct text_making *making, const struct state_text *from,
    const struct text_event *e)
{
	struct text_event *copy = begin_event(making, e->event);

	copy->head = e->head;
	buf_add(&making->bytes, state_text_head(from, e), e->head.n);
	return copy;
}

const struct text_event *
text_making_add(
    struct text_making *making, int64_t event, const struct stored_view *view)
{
	struct text_event *e = begin_event(making, event);

	json_event_head(&making->bytes, view, &e->head);
	return e;
}

void
text_making_skip(struct text_making *making, int64_t event)
{
	begin_event(making, event);
}

void
text_making_free(struct text_making *making)
{
	buf_free(&making->bytes);
	vec_free(&making->events);
}

bool
text_making_is_too_large(
    const struct text_making *making, const struct state_texts *texts)
{
	return making->bytes.n + making->events.n * sizeof *making->events.v >
	       texts->bytes_max / ROOM_SHARE;
}

/* A list of a few does not take the place of the whole state. */
bool
state_texts_want(const struct state_texts *texts, const struct state_text *text,
    int count, int missing)
{
	return texts != NULL && texts->bytes_max > 0 &&
	       missing > 1 + count / MISSING_SHARE &&
	       (uint32_t)count >= state_text_count(text) / 2;
}

static struct state_text *
text_of(int64_t room, int64_t position, const struct text_making *making)
{
	size_t n = making->events.n, events_n = n * sizeof *making->events.v;
	size_t size = sizeof(struct state_text) + events_n + making->bytes.n;
	struct state_text *text = xmalloc(size);

	*text = (struct state_text){ .refs = 1,
		.room = room,
		.position = position,
		.size = size,
		.count = (uint32_t)n };
	memcpy(text->events, making->events.v, events_n);
	memcpy((char *)text->events + events_n, making->bytes.p, making->bytes.n);
	text->bytes = (const char *)text->events + events_n;
	return text;
}

void
state_texts_put(struct state_texts *texts, int64_t room, const struct snapshot *s,
    struct text_making *making)
{
	if (making->events.n > 0 && !text_making_is_too_large(making, texts))
		put_in(texts, text_of(room, s->position, making));
	text_making_free(making);
}
