/*
 * Those who watch in hub_pages_model_test: what they ask for, and what they are shown
 * held against the history, event by event.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/gzip.h"
#include "stream/hub_inside.h"
#include "stream/hub_pages_model.h"
#include "stream/sse.h"

/* --- asking --- */

/* Mostly at the live end, as a page that has just been loaded. */
static int64_t
choose_place(struct world *w)
{
	int64_t visible = world_visible(w);

	if (model_chance(w, 60))
		return visible;
	if (model_chance(w, 5))
		return visible + 3; /* this server has not come to it */
	return (int64_t)model_random(w, (uint64_t)visible + 1);
}

/* One of them is spoken by half of the world, the last by very few. */
static int
choose_language(struct world *w)
{
	int language = 0;

	while (language < PAGE_LANGUAGES - 1 && model_chance(w, 50))
		language++;
	return language;
}

/* A crowd stands in one of them. */
static int
choose_room(struct world *w)
{
	bool is_with_most = w->client_count == MODEL_CROWD && model_chance(w, 80);

	return is_with_most ? 0 : (int)model_random(w, w->room_count);
}

void
client_ask(struct world *w, struct client *c)
{
	if (!c->has_place || !model_chance(w, 80)) {
		c->at = choose_place(w);
		c->room = choose_room(w);
		c->language = choose_language(w);
	} else {
		model_note(w, SEEN_BACK_AGAIN);
	}
	c->gzip = model_chance(w, 40);
	c->has_opened = c->is_over = c->may_fail = c->has_place = false;
	c->asking = waiting_new_page(w->rooms[c->room]->room_id, c->language, c->at);
	c->asking->accepts_gzip = c->gzip;
	c->asking->exchange = wire_ask(w->http, (uint32_t)c->index);
	c->is_busy = true;
	c->sent_ms = w->now_ms;
}

void
client_enter(struct world *w, struct client *c)
{
	struct waiting *waiting = c->asking;
	size_t looks = w->looks.n;

	c->asking = NULL;
	hub_enter(w->hubs, waiting);
	if (c->is_busy && w->looks.n == looks)
		model_note(w, SEEN_NO_LOOK);
}

void
clients_may_fail(struct world *w, int room, int language)
{
	for (int i = 0; i < w->client_count; i++) {
		struct client *c = &w->clients[i];

		if (c->is_busy && c->room == room && c->language == language)
			c->may_fail = true;
	}
}

int64_t
client_next(const struct world *w, const struct client *c, int64_t to)
{
	for (int64_t p = c->at + 1; p <= to && !c->is_over; p++)
		if (world_hears(w, c->room, p) && !w->said.v[p].is_silent)
			return p;
	return 0;
}

/* --- being shown --- */

static void
see_line(struct world *w, struct client *c, long long position, int language)
{
	int64_t next = client_next(w, c, world_visible(w));

	if (c->is_over)
		model_fail(w, c, "is shown %lld behind the end", position);
	if (language != c->language)
		model_fail(w, c, "is shown language %d", language);
	if (position != next)
		model_fail(w, c, "is shown %lld behind %lld where %lld is next",
		    position, (long long)c->at, (long long)next);
	c->at = position;
	c->is_over = world_closes(w, position);
}

/* Every event of a block. */
static void
see_block(struct world *w, struct client *c, const char *text)
{
	static const char gone[] = "event: gone\ndata:\n\n";
	long long position;
	int language, n;

	while (*text != '\0') {
		n = 0;
		if (strncmp(text, gone, sizeof gone - 1) == 0) {
			c->is_over = true;
			model_note(w, SEEN_HIDDEN_END);
			text += sizeof gone - 1;
			continue;
		}
		if (sscanf(text, "id: s1_e%lld\nevent: line\ndata: %d%n", &position,
			&language, &n) != 2 ||
		    strncmp(text + n, "\n\n", 2) != 0)
			model_fail(w, c, "cannot read %s", text);
		see_line(w, c, position, language);
		text += n + 2;
	}
}

static void
see_opening(struct world *w, struct client *c, const char *text)
{
	long long position;

	if (sscanf(text, "retry: 2000\nid: s1_e%lld\n\n", &position) != 1 ||
	    position != c->at)
		model_fail(w, c, "begins with %s", text);
	c->has_opened = true;
}

/* Is it the end of what others were shown? */
static bool
is_part(const char *whole, const char *text)
{
	size_t all = strlen(whole), n = strlen(text);

	return n < all && strcmp(whole + all - n, text) == 0;
}

static void
note_block(struct world *w, const struct client *c, bool is_shared, char *text)
{
	model_note(w, is_shared ? SEEN_SHARED_BLOCK : SEEN_LOOK_BLOCK);
	if (c->gzip)
		model_note(w, SEEN_PACKED);
	if (c->is_over)
		model_note(w, is_shared ? SEEN_SHARED_END : SEEN_LOOK_END);
	if (!is_shared)
		return;
	if (w->last_shared != NULL && is_part(w->last_shared, text))
		model_note(w, SEEN_PART);
	free(w->last_shared);
	w->last_shared = strdup(text);
}

static void
see_comment(struct world *w, struct client *c)
{
	model_note(w, SEEN_COMMENT);
	if (w->now_ms - c->sent_ms < SSE_COMMENT_MS)
		model_fail(w, c, "is sent a comment after %lld ms",
		    (long long)(w->now_ms - c->sent_ms));
}

/* What was sent, unpacked; malloc'ed. */
static char *
text_of(struct world *w, const struct client *c, struct str bytes)
{
	struct str text = bytes;

	if (c->gzip && !c->has_opened) {
		assert_memory_equal(text.p, GZIP_HEADER, GZIP_HEADER_N);
		text = (struct str){ text.p + GZIP_HEADER_N, text.n - GZIP_HEADER_N };
	}
	if ((text.n > 0 && text.p[0] == WIRE_PACKED) != c->gzip)
		model_fail(w, c, "takes %s blocks", c->gzip ? "packed" : "plain");
	if (c->gzip)
		text = (struct str){ text.p + 1, text.n - 1 };
	if (text.n == 0)
		model_fail(w, c, "is sent nothing");
	return strndup(text.p, text.n);
}

static void
sent(void *arg, uint32_t conn, struct str bytes, bool is_shared)
{
	struct world *w = arg;
	struct client *c = &w->clients[conn];
	char *text = text_of(w, c, bytes);

	if (!c->has_opened) {
		see_opening(w, c, text);
	} else if (strcmp(text, ":\n\n") == 0) {
		see_comment(w, c);
		c->sent_ms = w->now_ms;
	} else {
		see_block(w, c, text);
		note_block(w, c, is_shared, text);
		c->sent_ms = w->now_ms;
	}
	if (is_shared)
		vec_push(&w->batch, conn);
	free(text);
}

/* --- ends --- */

/* A batch tells late that one to whom it has written has gone: while another one is
 * written to. */
static void
lose_another(struct world *w, uint32_t conn)
{
	uint32_t other;

	if (w->batch.n == 0)
		return;
	other = w->batch.v[model_random(w, w->batch.n)];
	if (other != conn && wire_state(w->http, other) == WIRE_PARKED) {
		model_note(w, SEEN_LOST);
		wire_hang_up(w->http, other);
	}
}

static void
go(struct client *c)
{
	c->is_busy = false;
	c->has_place = c->has_opened;
}

static void
ended(void *arg, uint32_t conn, bool is_cut)
{
	struct world *w = arg;
	struct client *c = &w->clients[conn];

	if (is_cut)
		model_note(w, SEEN_CUT);
	if (is_cut ? !c->may_fail : !c->is_over && !c->may_fail && !w->is_stopping)
		model_fail(w, c, "%s", is_cut ? "is cut off" : "ends");
	go(c);
	if (model_chance(w, 5))
		lose_another(w, conn);
}

static void
answered(void *arg, uint32_t conn, int status, struct str body, bool is_packed,
    bool is_shared, bool was_parked)
{
	struct world *w = arg;
	struct client *c = &w->clients[conn];

	if (status != 403 || !c->may_fail || c->has_opened)
		model_fail(w, c, "is answered %d", status);
	model_note(w, SEEN_REFUSAL);
	go(c);
}

static void
left(void *arg, uint32_t conn)
{
	go(&((struct world *)arg)->clients[conn]);
}

static enum wire_fate
fate(void *arg, uint32_t conn)
{
	struct world *w = arg;
	uint64_t what = model_random(w, 200);

	if (what == 0)
		return WIRE_GOES_BEFORE;
	if (what == 1)
		return WIRE_GOES_AFTER;
	if (what == 2) {
		model_note(w, SEEN_SLOW);
		return WIRE_IS_SLOW;
	}
	if (what < 12)
		lose_another(w, conn);
	return WIRE_STAYS;
}

struct wire_hooks
client_hooks(struct world *w)
{
	return (struct wire_hooks){ .answered = answered,
		.sent = sent,
		.ended = ended,
		.left = left,
		.fate = fate,
		.arg = w };
}
