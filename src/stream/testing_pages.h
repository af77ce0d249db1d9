/*
 * For tests of those who watch pages: what the pages of the fixture's room show, and
 * makings of it that are done by the test itself, step by step, as looks are.
 */
#ifndef STREAM_TESTING_PAGES_H
#define STREAM_TESTING_PAGES_H

#include "base/vec.h"
#include "stream/testing_sse.h"

struct asked {
	int language;
	int64_t from;
};

/* What was asked for, and what is to be answered. */
struct news_book {
	VEC(struct asked) asked;
	int most;	   /* events that are told of at a time; 0: all */
	bool is_hidden;	   /* the room has no page */
	enum mx_err fails; /* M_OK: it does not */
};

static inline struct news_book *
book_of(struct fixture *f)
{
	return f->news_arg;
}

/* A message's text, any other event's type; of what is silent, nothing. */
static inline void
write_line(struct page_news *news, const struct live_event *e)
{
	const struct event *event = e->pdu->event;
	struct stream_token id = token_at(e->event);
	const char *body = json_get_str(event->content, "body");

	if (strcmp(event->type, "silent") == 0)
		return;
	sse_event_begin(&news->block, &id, "line");
	buf_printf(&news->block, "<p class=\"in-%d\">%s</p>", news->language,
	    body == NULL ? event->type : body);
	sse_event_end(&news->block);
}

/* False: it is the last for now. */
static inline bool
tell_event(
    struct news_book *book, struct page_news *news, const struct live_event *e, int n)
{
	write_line(news, e);
	news->is_last = e->visibility_before == VISIBILITY_WORLD_READABLE &&
			e->visibility_after != VISIBILITY_WORLD_READABLE;
	news->more = !news->is_last && n == book->most;
	if (news->is_last || news->more)
		news->end = e->event;
	return !news->is_last && !news->more;
}

static inline bool
is_for_strangers(const struct live_event *e, int64_t from, int64_t to)
{
	return e->event > from && e->event <= to &&
	       (e->visibility_before == VISIBILITY_WORLD_READABLE ||
		   e->visibility_after == VISIBILITY_WORLD_READABLE);
}

static inline enum mx_err
tell_room(struct fixture *f, struct page_news *news)
{
	struct snapshot *s = room_snapshot(f->room);
	int64_t visible = news->end = atomic_load(&f->t.core.visible);
	bool is_open = s->visibility == VISIBILITY_WORLD_READABLE;
	int n = 0;

	for (int i = 0; i < s->tail_count; i++)
		if (is_for_strangers(s->tail[i], news->from, visible) &&
		    !tell_event(book_of(f), news, s->tail[i], ++n))
			break;
	snapshot_unref(s);
	return n > 0 || is_open ? M_OK : M_NOT_FOUND;
}

static inline enum mx_err
room_news(struct fixture *f, struct page_news *news)
{
	struct news_book *book = book_of(f);
	struct asked asked = { news->language, news->from };

	assert_string_equal(news->room_id, f->room->room_id);
	vec_push(&book->asked, asked);
	if (book->fails != M_OK)
		return book->fails;
	if (!book->is_hidden)
		return tell_room(f, news);
	buf_lit(&news->block, "event: gone\ndata:\n\n");
	news->end = news->from;
	news->is_last = true;
	return M_OK;
}

static inline int
open_pages(void **state)
{
	struct fixture *f = fixture_open(0, 0);

	f->news = room_news;
	f->news_arg = calloc(1, sizeof(struct news_book));
	*state = f;
	return 0;
}

static inline int
close_pages(void **state)
{
	struct fixture *f = *state;
	struct news_book *book = book_of(f);

	vec_free(&book->asked);
	free(book);
	return close_fixture(state);
}

/* --- makings --- */

/* The next one that the hub asked for; fails the test if none comes. */
static inline struct page_task *
take_making(struct fixture *f)
{
	long long deadline = clock_mono_ms() + WAIT_MS;
	struct page_task *task = NULL;
	bool in_time = true;

	lock_take(&f->lock);
	while (f->making_first == f->making_last && in_time)
		in_time = lock_wait(&f->lock, &f->changed, deadline);
	if (in_time)
		task = f->makings[f->making_first++ % MAKINGS_MAX];
	lock_give(&f->lock);
	assert_non_null(task);
	return task;
}

static inline void
run_making(struct fixture *f, struct page_task *task)
{
	hub_page_run(task, &f->t.ctx, f->t.arena);
}

static inline void
serve_making(struct fixture *f)
{
	struct page_task *task = take_making(f);

	run_making(f, task);
	hub_page_made(f->hubs, task);
}

/* When the hub has come to all that there is, and has handed it out. */
static inline void
expect_no_making(struct fixture *f)
{
	bool is_due;

	writer_flush(f->t.core.writer);
	for (int i = 0; i < 2; i++)
		turn_clock(f, 0);
	lock_take(&f->lock);
	is_due = f->making_first != f->making_last;
	lock_give(&f->lock);
	assert_false(is_due);
}

/* --- who watches --- */

static inline long long
live_end(struct fixture *f)
{
	return atomic_load(&f->t.core.visible);
}

static inline int
watch_from(struct fixture *f, int language, long long from, const char *more)
{
	char text[256];

	snprintf(text, sizeof text, "&page=%d&from=s1_e%lld%s", language, from, more);
	return poll_as(f, "", text);
}

/* Watches from the live end, as the first of its page. */
static inline int
open_watch(struct fixture *f, int language)
{
	int fd = watch_from(f, language, live_end(f), "");
	char id[32];

	serve_look(f);
	expect_opening(fd, id);
	turn_clock(f, 0); /* it has settled */
	return fd;
}

/* The same of a page that others watch: nobody has to look. */
static inline int
join_watch(struct fixture *f, int language)
{
	int fd = watch_from(f, language, live_end(f), "");
	char id[32];

	expect_opening(fd, id);
	return fd;
}

static inline uint64_t
watchers(struct fixture *f)
{
	struct hub_stats stats;

	hubs_stats(f->hubs, &stats);
	return stats.watchers;
}

static inline uint64_t
memory(struct fixture *f)
{
	struct hub_stats stats;

	hubs_stats(f->hubs, &stats);
	return stats.memory_bytes;
}

static inline void
set_visibility(struct fixture *f, const char *what)
{
	char content[64];

	snprintf(content, sizeof content, "{\"history_visibility\":\"%s\"}", what);
	assert_int_equal(testing_append(&f->t, f->room, ANN,
			     "m.room.history_visibility", "", content, NULL),
	    M_OK);
}

#endif
