/*
 * Those who watch a room's page: what a hub has made for them, to whom it hands it out,
 * and when it ends their streams. Relies on stream/testing_pages.
 */
#include "stream/hub_inside.h"
#include "stream/testing_pages.h"

/* --- one event --- */

static void
who_watches_hears_an_event_in_their_language(void **state)
{
	struct fixture *f = *state;
	long long here = live_end(f);
	int fd = watch_from(f, 3, here, "");
	char id[64];

	serve_look(f);
	expect_opening(fd, id);
	turn_clock(f, 0);
	assert_int_equal(watchers(f), 1);
	send_text(f, f->room, "hallo");
	serve_making(f);
	snprintf(id, sizeof id, "id: s1_e%lld\nevent: line\ndata: <p ", here + 1);
	expect_block(fd, WORDS(id, "class=\"in-3\">hallo</p>\n\n"), NULL);
	send_text(f, f->room, "again");
	serve_making(f);
	expect_block(fd, WORDS("again"), "hallo");
	expect_no_making(f);
	assert_int_equal(looks(f), 1);
	assert_int_equal(watchers(f), 1);
	close(fd);
	await_parked(f, 0);
	assert_int_equal(watchers(f), 0);
}

static void
all_who_watch_in_one_language_share_one_making(void **state)
{
	enum { MANY = 300 }; /* more than a slice */
	struct fixture *f = *state;
	struct hub_stats stats;
	int fds[MANY];

	fds[0] = open_watch(f, 0);
	for (int i = 1; i < MANY; i++)
		fds[i] = join_watch(f, 0);
	await_parked(f, MANY);
	send_text(f, f->room, "to all");
	serve_making(f);
	for (int i = 0; i < MANY; i++)
		expect_block(fds[i], WORDS("to all"), NULL);
	expect_no_making(f);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(stats.looks, 1);
	assert_int_equal(stats.pages_made, 1);
	assert_int_equal(stats.answers_shared, MANY);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	await_parked(f, 0);
}

static void
each_language_has_a_making_of_its_own(void **state)
{
	struct fixture *f = *state;
	int german = open_watch(f, 1), french = open_watch(f, 2), other;

	other = join_watch(f, 2);
	await_parked(f, 3);
	send_text(f, f->room, "one");
	serve_making(f);
	serve_making(f);
	expect_block(german, WORDS("in-1", "one"), "in-2");
	expect_block(french, WORDS("in-2", "one"), "in-1");
	expect_block(other, WORDS("in-2", "one"), "in-1");
	expect_no_making(f);
	assert_int_equal(book_of(f)->asked.n, 4); /* two looks among them */
	/* The last of a language goes, and nothing more is made in it. */
	close(german);
	await_parked(f, 2);
	send_text(f, f->room, "two");
	serve_making(f);
	expect_block(french, WORDS("two"), "one");
	expect_block(other, WORDS("two"), "one");
	expect_no_making(f);
	close(french);
	close(other);
}

static void
packed_and_plain_streams_hear_the_same(void **state)
{
	struct fixture *f = *state;
	int plain = open_watch(f, 0), packed, late;
	z_stream streams[2] = { 0 };
	struct page_task *task;
	char text[2048];

	for (int i = 0; i < 2; i++)
		assert_int_equal(inflateInit2(&streams[i], 15 + 16), Z_OK);
	packed = watch_from(f, 0, live_end(f), "&gzip=1");
	expect_head(packed);
	read_packed(packed, &streams[0], text, sizeof text);
	assert_true(starts_with(text, "retry: 2000\nid: s1_e"));
	send_text(f, f->room, "one");
	task = take_making(f);
	late = watch_from(f, 0, live_end(f), "&gzip=1");
	expect_head(late);
	read_packed(late, &streams[1], text, sizeof text);
	send_text(f, f->room, "two");
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_block(plain, WORDS("one", "two"), NULL);
	read_packed(packed, &streams[0], text, sizeof text);
	assert_non_null(strstr(strstr(text, "one"), "two"));
	read_packed(late, &streams[1], text, sizeof text);
	assert_null(strstr(text, "one"));
	assert_non_null(strstr(text, "two"));
	turn_clock(f, SSE_COMMENT_MS + 2000);
	read_packed(packed, &streams[0], text, sizeof text);
	assert_string_equal(text, ":\n\n");
	expect_block(plain, WORDS(":\n\n"), "id");
	inflateEnd(&streams[0]);
	inflateEnd(&streams[1]);
	close(plain);
	close(packed);
	close(late);
}

/* Whoever takes packed blocks may come to a page whose making was asked for without. */
static void
what_nobody_took_packed_is_packed_for_a_newcomer(void **state)
{
	struct fixture *f = *state;
	int plain = open_watch(f, 0), packed;
	z_stream stream = { 0 };
	struct page_task *task;
	char text[2048];

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	send_text(f, f->room, "one");
	task = take_making(f);
	packed = watch_from(f, 0, live_end(f), "&gzip=1");
	expect_head(packed);
	read_packed(packed, &stream, text, sizeof text);
	send_text(f, f->room, "two");
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_block(plain, WORDS("one", "two"), NULL);
	read_packed(packed, &stream, text, sizeof text);
	assert_non_null(strstr(text, "two"));
	inflateEnd(&stream);
	close(plain);
	close(packed);
}

/* --- who comes meanwhile --- */

static void
who_comes_while_it_is_made_neither_misses_nor_hears_twice(void **state)
{
	struct fixture *f = *state;
	int first = open_watch(f, 0), second, third, fourth;
	struct page_task *task;

	send_text(f, f->room, "one");
	task = take_making(f);
	second = join_watch(f, 0); /* has seen one */
	send_text(f, f->room, "two");
	run_making(f, task);
	third = join_watch(f, 0); /* has seen two */
	send_text(f, f->room, "three");
	fourth = join_watch(f, 0);
	hub_page_made(f->hubs, task);
	expect_block(first, WORDS("one", "two"), "three");
	expect_block(second, WORDS("two"), "one");
	serve_making(f);
	expect_block(first, WORDS("three"), "two");
	expect_block(second, WORDS("three"), "two");
	expect_block(third, WORDS("three"), "two");
	send_text(f, f->room, "four");
	serve_making(f);
	expect_block(first, WORDS("four"), "three");
	expect_block(second, WORDS("four"), "three");
	expect_block(third, WORDS("four"), "three");
	expect_block(fourth, WORDS("four"), "three");
	expect_no_making(f);
	close(first);
	close(second);
	close(third);
	close(fourth);
}

static void
who_lags_behind_is_looked_for_alone_and_shares_then(void **state)
{
	struct fixture *f = *state;
	long long here = live_end(f);
	int first = open_watch(f, 0), late;
	struct waiting *w;
	char id[32];

	send_text(f, f->room, "one");
	serve_making(f);
	expect_block(first, WORDS("one"), NULL);
	late = watch_from(f, 0, here, "");
	w = take_look(f);
	do_look(f, w);
	send_text(f, f->room, "two"); /* it looks again for that */
	serve_making(f);
	expect_block(first, WORDS("two"), "one");
	hub_looked(f->hubs, w);
	expect_opening(late, id);
	expect_block(late, WORDS("one"), "two");
	serve_look(f);
	expect_block(late, WORDS("two"), "one");
	turn_clock(f, 0);
	assert_int_equal(watchers(f), 2);
	send_text(f, f->room, "three");
	serve_making(f);
	expect_block(first, WORDS("three"), "two");
	expect_block(late, WORDS("three"), "two");
	assert_int_equal(looks(f), 3);
	close(first);
	close(late);
}

static void
a_long_backlog_is_shown_in_parts(void **state)
{
	struct fixture *f = *state;
	long long here = live_end(f);
	int fd, other;
	char id[32];

	book_of(f)->most = 2;
	send_burst(f, 5);
	fd = watch_from(f, 0, here, "");
	serve_look(f);
	expect_opening(fd, id);
	expect_block(fd, WORDS("burst-000-", "burst-001-"), "burst-002-");
	serve_look(f);
	expect_block(fd, WORDS("burst-002-", "burst-003-"), "burst-001-");
	serve_look(f);
	expect_block(fd, WORDS("burst-004-"), "burst-003-");
	await_parked(f, 1);
	other = join_watch(f, 0);
	send_burst(f, 3);
	serve_making(f);
	serve_making(f);
	for (int i = 0; i < 2; i++) {
		int which = i == 0 ? fd : other;

		expect_block(which, WORDS("burst-000-", "burst-001-"), "burst-002-");
		expect_block(which, WORDS("burst-002-"), "burst-001-");
	}
	expect_no_making(f);
	close(fd);
	close(other);
}

static void
bursts_come_together(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0);
	struct page_task *task;

	send_text(f, f->room, "first");
	task = take_making(f);
	run_making(f, task);
	for (int i = 0; i < 10; i++)
		queue_event(f, f->room, "m.room.message", NULL,
		    arena_printf(f->t.arena, "{\"body\":\"word-%d\"}", i));
	writer_flush(f->t.core.writer);
	turn_clock(f, 0);
	hub_page_made(f->hubs, task);
	expect_block(fd, WORDS("first"), "word");
	serve_making(f);
	expect_block(fd, WORDS("word-0", "word-5", "word-9"), NULL);
	expect_no_making(f);
	close(fd);
}

static void
guests_and_those_who_watch_hear_the_same_event(void **state)
{
	struct fixture *f = *state;
	int watches = open_watch(f, 0), stream = open_stream(f, "@gee:x", ""), poll;

	poll = poll_as(f, "@gus:x", "");
	await_parked(f, 3);
	send_text(f, f->room, "one");
	expect_block(stream, WORDS("one"), NULL);
	expect_words(poll, 200, WORDS("one"), NULL);
	serve_making(f);
	expect_block(watches, WORDS("one"), NULL);
	expect_no_making(f);
	close(watches);
	close(stream);
}

static void
what_shows_nothing_is_not_told(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0);

	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, "silent", NULL, "{}", NULL), M_OK);
	serve_making(f);
	expect_no_making(f);
	send_text(f, f->room, "said");
	serve_making(f);
	expect_block(fd, WORDS("said"), NULL);
	close(fd);
}

/* --- ends --- */

static void
a_room_that_closes_ends_its_pages_with_that_event(void **state)
{
	struct fixture *f = *state;
	int first = open_watch(f, 0), second, again;

	second = join_watch(f, 0);
	await_parked(f, 2);
	set_visibility(f, "joined");
	send_text(f, f->room, "closed");
	serve_making(f);
	expect_block(first, WORDS("m.room.history_visibility"), "closed");
	expect_stream_end(first);
	expect_block(second, WORDS("m.room.history_visibility"), "closed");
	expect_stream_end(second);
	await_parked(f, 0);
	assert_int_equal(watchers(f), 0);
	send_text(f, f->room, "closed too");
	expect_no_making(f);
	again = watch_from(f, 0, live_end(f), "");
	serve_look(f);
	expect_answer(again, 403, err_name(M_NOT_FOUND));
	close(again);
}

static void
an_end_is_told_also_when_it_is_no_more_at_hand(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0);
	struct page_task *task;

	send_text(f, f->room, "one");
	task = take_making(f);
	run_making(f, task);
	set_visibility(f, "joined");
	send_burst(f, HUB_RING + 20);
	turn_clock(f, 0);
	hub_page_made(f->hubs, task);
	expect_block(fd, WORDS("one"), NULL);
	serve_making(f); /* of what was before all that the hub has: it is gone */
	expect_end(fd);
	await_parked(f, 0);
}

static void
who_is_looked_for_hears_the_end_as_well(void **state)
{
	struct fixture *f = *state;
	long long here = live_end(f);
	int fd;
	char id[32];

	set_visibility(f, "joined");
	fd = watch_from(f, 0, here, "");
	serve_look(f);
	expect_opening(fd, id);
	expect_block(fd, WORDS("m.room.history_visibility"), NULL);
	expect_stream_end(fd);
	await_parked(f, 0);
}

static void
who_comes_after_it_has_opened_again_stays(void **state)
{
	struct fixture *f = *state;
	int before = open_watch(f, 0), after;
	struct page_task *task;

	set_visibility(f, "joined");
	task = take_making(f);
	set_visibility(f, "world_readable");
	after = open_watch(f, 0); /* is it open to this one? */
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_block(before, WORDS("m.room.history_visibility"), NULL);
	expect_stream_end(before);
	serve_making(f); /* and is it still? */
	expect_no_making(f);
	send_text(f, f->room, "open again");
	serve_making(f);
	expect_block(after, WORDS("open again"), "visibility");
	close(after);
}

static void
what_cannot_be_made_cuts_the_streams(void **state)
{
	struct fixture *f = *state;
	int first = open_watch(f, 0), second, other = open_watch(f, 1), late, again;
	struct page_task *task;

	second = join_watch(f, 0);
	await_parked(f, 3);
	send_text(f, f->room, "one");
	serve_making(f); /* that of the page which came last */
	task = take_making(f);
	late = join_watch(f, 0);
	book_of(f)->fails = M_UNKNOWN;
	run_making(f, task);
	book_of(f)->fails = M_OK;
	hub_page_made(f->hubs, task);
	expect_end(first);
	expect_end(second);
	expect_block(other, WORDS("one"), NULL);
	serve_making(f); /* for who has come since */
	await_parked(f, 2);
	again = open_watch(f, 0); /* it is not taken for granted any more */
	send_text(f, f->room, "two");
	for (int i = 0; i < 2; i++)
		serve_making(f);
	expect_block(late, WORDS("two"), "one");
	expect_block(again, WORDS("two"), "one");
	expect_block(other, WORDS("two"), "one");
	close(other);
	close(late);
	close(again);
}

static void
who_goes_while_it_is_made_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	int stays = open_watch(f, 0), goes;
	uint64_t one = memory(f);
	struct page_task *task;

	goes = join_watch(f, 0);
	send_text(f, f->room, "one");
	task = take_making(f);
	close(goes);
	await_parked(f, 1);
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_block(stays, WORDS("one"), NULL);
	/* The last one. */
	send_text(f, f->room, "two");
	task = take_making(f);
	close(stays);
	await_parked(f, 0);
	assert_true(memory(f) < one);
	/* Others, who have nothing to do with that making. */
	stays = open_watch(f, 0);
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_no_making(f);
	send_text(f, f->room, "three");
	serve_making(f);
	expect_block(stays, WORDS("three"), "two");
	close(stays);
	await_parked(f, 0);
}

static void
what_is_made_for_nobody_is_forgotten_with_its_room(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0);
	struct page_task *task;
	struct hub_stats stats;

	send_text(f, f->room, "one");
	task = take_making(f);
	turn_clock(f, 3600 * 1000);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(stats.rooms, 1);
	close(fd);
	await_parked(f, 0);
	turn_clock(f, (7200 - clock_mono_ms() / 1000 % 30) * 1000);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(stats.rooms, 0);
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_no_making(f);
	/* And one that never comes back. */
	fd = open_watch(f, 0);
	send_text(f, f->room, "two");
	take_making(f);
	close(fd);
}

/* --- stirring --- */

static void
a_page_that_is_hidden_ends_without_an_event(void **state)
{
	struct fixture *f = *state;
	int first = open_watch(f, 0), other = open_watch(f, 1);

	await_parked(f, 2);
	book_of(f)->is_hidden = true;
	hubs_stir_pages(f->hubs, "!unknown:x");
	expect_no_making(f);
	hubs_stir_pages(f->hubs, NULL); /* those of all rooms */
	serve_making(f);
	serve_making(f);
	expect_block(first, WORDS("event: gone"), NULL);
	expect_stream_end(first);
	expect_block(other, WORDS("event: gone"), NULL);
	expect_stream_end(other);
	await_parked(f, 0);
	hubs_stir_pages(f->hubs, f->room->room_id);
	expect_no_making(f);
}

static void
who_comes_while_a_page_is_hidden_is_not_forgotten(void **state)
{
	struct fixture *f = *state;
	int first = open_watch(f, 0), second, looking, late;
	struct page_task *task;
	struct waiting *w;

	looking = watch_from(f, 0, live_end(f) - 1, "");
	w = take_look(f);
	do_look(f, w);
	/* A making is under way that knows nothing of it. */
	send_text(f, f->room, "one");
	task = take_making(f);
	run_making(f, task);
	second = join_watch(f, 0);
	book_of(f)->is_hidden = true;
	hubs_stir_pages(f->hubs, f->room->room_id);
	turn_clock(f, 0);
	late = watch_from(f, 0, live_end(f), ""); /* this one has to look */
	hub_page_made(f->hubs, task);
	expect_block(first, WORDS("one"), NULL);
	serve_making(f);
	expect_block(first, WORDS("event: gone"), NULL);
	expect_stream_end(first);
	expect_block(second, WORDS("event: gone"), NULL);
	expect_stream_end(second);
	hub_looked(f->hubs, w);
	for (int i = 0; i < 2; i++)
		serve_look(f);
	expect_opening(late, (char[32]){ 0 });
	expect_block(late, WORDS("event: gone"), NULL);
	expect_stream_end(late);
	expect_opening(looking, (char[32]){ 0 });
	expect_block(looking, WORDS("m.room"), "gone");
	expect_block(looking, WORDS("event: gone"), NULL);
	expect_stream_end(looking);
	await_parked(f, 0);
}

static void
stirring_where_nothing_has_changed_is_not_heard(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0), poll = poll_as(f, ANN, ALONE), others[2];

	serve_look(f);
	await_parked(f, 2);
	hubs_stir_pages(f->hubs, f->room->room_id);
	serve_making(f);
	expect_no_making(f);
	assert_false(look_is_due(f)); /* by who has nothing to do with it */
	others[0] = open_watch(f, 0); /* looks for all who come behind it */
	others[1] = join_watch(f, 0);
	send_text(f, f->room, "one");
	serve_making(f);
	serve_look(f);
	expect_block(fd, WORDS("one"), NULL);
	expect_block(others[0], WORDS("one"), NULL);
	expect_block(others[1], WORDS("one"), NULL);
	expect_words(poll, 200, WORDS("one"), NULL);
	close(fd);
	close(others[0]);
	close(others[1]);
}

/* --- the server's end --- */

static void
stopping_ends_those_who_watch(void **state)
{
	struct fixture *f = *state;
	int idle = open_watch(f, 0), busy, late, looking;
	struct page_task *task;
	struct waiting *w;

	send_text(f, f->room, "before");
	serve_making(f);
	expect_block(idle, WORDS("before"), NULL);
	busy = open_watch(f, 1);
	await_parked(f, 2);
	send_text(f, f->room, "last words");
	task = take_making(f); /* that of the page which came last */
	serve_making(f);
	expect_block(idle, WORDS("last words"), NULL);
	late = join_watch(f, 1);
	looking = watch_from(f, 2, live_end(f), "");
	w = take_look(f);
	do_look(f, w);
	http_post(http_io_at(f->http, 0), stop_hub, f);
	expect_stream_end(idle);
	await_parked(f, 2);
	run_making(f, task);
	hub_page_made(f->hubs, task);
	expect_block(busy, WORDS("last words"), NULL);
	expect_stream_end(busy);
	expect_stream_end(late);
	hub_looked(f->hubs, w);
	expect_opening(looking, (char[32]){ 0 });
	expect_stream_end(looking);
	await_parked(f, 0);
}

static void
a_making_may_be_under_way_at_the_end(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0);
	uint32_t count;

	send_text(f, f->room, "one");
	take_making(f);
	close(fd);
	http_server_stop(f->http, 0);
	/* No io thread is there to answer. */
	hubs_stir_pages(f->hubs, f->room->room_id);
	assert_false(
	    hubs_listeners(f->hubs, (const char *[]){ f->room->room_id }, 1, &count));
	assert_int_equal(count, 0);
}

/* --- counts and limits --- */

static void
listeners_are_counted_by_their_rooms(void **state)
{
	struct fixture *f = *state;
	const char *rooms[] = { "!unknown:x", f->room->room_id };
	uint32_t counts[2];
	int fds[5];

	fds[0] = open_watch(f, 0);
	fds[1] = join_watch(f, 0);
	fds[2] = open_watch(f, 4);
	fds[3] = open_stream(f, "@gee:x", "");
	fds[4] = poll_as(f, "@gus:x", "");
	await_parked(f, 5);
	assert_true(hubs_listeners(f->hubs, rooms, 2, counts));
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 5);
	close(fds[1]);
	close(fds[3]);
	await_parked(f, 3);
	assert_true(hubs_listeners(f->hubs, rooms, 2, counts));
	assert_int_equal(counts[1], 3);
	close(fds[0]);
	close(fds[2]);
	close(fds[4]);
	await_parked(f, 0);
	assert_true(hubs_listeners(f->hubs, rooms, 2, counts));
	assert_int_equal(counts[1], 0);
	assert_true(hubs_listeners(f->hubs, rooms, 0, counts));
}

static void
who_asks_a_thread_that_is_late_gets_what_there_is(void **state)
{
	struct fixture *f = *state;
	const char *room = f->room->room_id;
	struct hold hold = { .f = f };
	int fd = open_watch(f, 0);
	uint32_t count = 7;

	await_parked(f, 1);
	hold_io(&hold);
	assert_false(hubs_listeners(f->hubs, &room, 1, &count));
	assert_int_equal(count, 0);
	let_io_go(&hold);
	assert_true(hubs_listeners(f->hubs, &room, 1, &count));
	assert_int_equal(count, 1);
	assert_false(link_has(&f->hubs->questions));
	close(fd);
}

static int
open_limited(void **state)
{
	struct fixture *f = fixture_open(3, 1);

	f->news = room_news;
	f->news_arg = calloc(1, sizeof(struct news_book));
	*state = f;
	return 0;
}

static void
an_address_may_watch_so_many_pages(void **state)
{
	struct fixture *f = *state;
	int fds[3], more;

	fds[0] = open_watch(f, 0);
	fds[1] = join_watch(f, 0); /* no token is counted by which it were the second */
	fds[2] = open_watch(f, 1);
	more = watch_from(f, 0, live_end(f), "");
	expect_answer(more, 429, "");
	close(more);
	close(fds[0]);
	await_parked(f, 2);
	fds[0] = join_watch(f, 0);
	more = watch_from(f, 2, live_end(f), "");
	expect_answer(more, 429, "");
	close(more);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	await_parked(f, 0);
	fds[0] = open_stream(f, "@gee:x", "");
	more = stream_as(f, "@gee:x", "");
	expect_answer(more, 429, "");
	close(more);
	close(fds[0]);
}

static void
a_token_that_ends_is_nobodys_who_watches(void **state)
{
	struct fixture *f = *state;
	int before = open_watch(f, 0), after;

	await_parked(f, 1);
	atomic_store(&f->gone_lag, 1);
	tell_token_gone(f, "@gee:x", NULL);
	after = join_watch(f, 0);
	await_parked(f, 2);
	send_text(f, f->room, "one");
	serve_making(f);
	expect_block(before, WORDS("one"), NULL);
	expect_block(after, WORDS("one"), NULL);
	close(before);
	close(after);
}

static void
where_no_pages_are_nobody_watches(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->news = NULL;
	fd = watch_from(f, 0, live_end(f), "");
	serve_look(f);
	expect_answer(fd, 403, err_name(M_NOT_FOUND));
	close(fd);
	await_parked(f, 0);
}

/* --- slow ones, and silence --- */

static void
who_does_not_read_is_closed_and_the_others_see_on(void **state)
{
	struct fixture *f = *state;
	int slow = new_socket(), small = 4096, quick = open_watch(f, 0);
	char text[512];

	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	connect_socket(slow, f->port);
	snprintf(text, sizeof text,
	    "GET /events?page=0&room=%s&from=s1_e%lld HTTP/1.1\r\nHost: x\r\n\r\n",
	    f->room->room_id, live_end(f));
	say(slow, text);
	await_parked(f, 2);
	for (int i = 0; parked(f) == 2; i++) {
		assert_true(i < 400);
		send_long_text(f, i);
		writer_flush(f->t.core.writer);
		serve_making(f);
		expect_block(quick, WORDS("burst-"), NULL);
	}
	assert_int_equal(watchers(f), 1);
	send_text(f, f->room, "after");
	serve_making(f);
	expect_block(quick, WORDS("after"), NULL);
	close(slow);
	close(quick);
}

static void
who_watches_in_silence_is_sent_comments(void **state)
{
	struct fixture *f = *state;
	int fd = open_watch(f, 0);

	await_parked(f, 1);
	turn_clock(f, SSE_COMMENT_MS - 2000);
	send_text(f, f->room, "before");
	serve_making(f);
	expect_block(fd, WORDS("before"), NULL);
	turn_clock(f, SSE_COMMENT_MS + 1000);
	expect_block(fd, WORDS(":\n\n"), "id");
	turn_clock(f, SSE_COMMENT_MS + 2000);
	expect_block(fd, WORDS(":\n\n"), "id");
	send_text(f, f->room, "after");
	serve_making(f);
	expect_block(fd, WORDS("after"), "before");
	close(fd);
}

#define P(name) cmocka_unit_test_setup_teardown(name, open_pages, close_pages)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		P(who_watches_hears_an_event_in_their_language),
		P(all_who_watch_in_one_language_share_one_making),
		P(each_language_has_a_making_of_its_own),
		P(packed_and_plain_streams_hear_the_same),
		P(what_nobody_took_packed_is_packed_for_a_newcomer),
		P(who_comes_while_it_is_made_neither_misses_nor_hears_twice),
		P(who_lags_behind_is_looked_for_alone_and_shares_then),
		P(a_long_backlog_is_shown_in_parts),
		P(bursts_come_together),
		P(guests_and_those_who_watch_hear_the_same_event),
		P(what_shows_nothing_is_not_told),
		P(a_room_that_closes_ends_its_pages_with_that_event),
		P(an_end_is_told_also_when_it_is_no_more_at_hand),
		P(who_is_looked_for_hears_the_end_as_well),
		P(who_comes_after_it_has_opened_again_stays),
		P(what_cannot_be_made_cuts_the_streams),
		P(who_goes_while_it_is_made_leaves_nothing_behind),
		P(what_is_made_for_nobody_is_forgotten_with_its_room),
		P(a_page_that_is_hidden_ends_without_an_event),
		P(who_comes_while_a_page_is_hidden_is_not_forgotten),
		P(stirring_where_nothing_has_changed_is_not_heard),
		P(stopping_ends_those_who_watch),
		P(a_making_may_be_under_way_at_the_end),
		P(listeners_are_counted_by_their_rooms),
		P(who_asks_a_thread_that_is_late_gets_what_there_is),
		cmocka_unit_test_setup_teardown(
		    an_address_may_watch_so_many_pages, open_limited, close_pages),
		P(a_token_that_ends_is_nobodys_who_watches),
		P(where_no_pages_are_nobody_watches),
		P(who_does_not_read_is_closed_and_the_others_see_on),
		P(who_watches_in_silence_is_sent_comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
