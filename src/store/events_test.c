/*
 * Events in the database: ids, timelines both ways, streams, redactions, transactions.
 */
#include "store/events.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "store/pack.h"
#include "store/rooms.h"
#include "store/state.h"
#include "store/testing.h"

/* An event of room 1 at its own integer, with a text id. */
static struct event_row
plain_row(struct fixture *f, int64_t event)
{
	char *json = arena_printf(f->arena, "{\"n\":%d}", (int)event);

	return (struct event_row){ .event = event,
		.room = 1,
		.line = event,
		.ts = 1000 + event * 10,
		.depth = event,
		.flags = EVENT_LIVE,
		.event_id = arena_printf(f->arena, "$e%d:x", (int)event),
		.type = "m.room.message",
		.packed = pack_json(f->arena, json, strlen(json)),
		.segment = 1,
		.at = event };
}

static void
add(struct fixture *f, const struct event_row *row)
{
	int64_t key;

	assert_ok(store_event_add(f->db, row, &key));
	assert_int_equal(key, 0);
}

static void
add_plain(struct fixture *f, int64_t event)
{
	struct event_row row = plain_row(f, event);

	add(f, &row);
}

static void
add_at(struct fixture *f, int64_t event, int64_t line, int64_t sub, int64_t flags)
{
	struct event_row row = plain_row(f, event);

	row.line = line;
	row.sub = sub;
	row.flags = flags;
	add(f, &row);
}

/* --- ids --- */

static void
assert_id_comes_back(struct fixture *f, const char *id, bool standard64, size_t size)
{
	uint8_t packed[300];
	size_t n = event_id_pack(id, packed);

	if (size != 0)
		assert_int_equal(n, size);
	assert_string_equal(
	    event_id_unpack(f->arena, (struct str){ (char *)packed, n }, standard64),
	    id);
}

static void
hashes_of_both_alphabets_take_32_bytes_and_come_back(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[32];
	char id[46] = "$";

	for (int round = 0; round < 256; round++) {
		for (int i = 0; i < 32; i++)
			hash[i] = (uint8_t)(round * 7 + i * 31 + round * i);
		b64_encode(hash, 32, id + 1);
		assert_id_comes_back(f, id, true, 32);
		b64url_encode(hash, 32, id + 1);
		assert_id_comes_back(f, id, false, 32);
	}
}

static void
ids_of_every_length_come_back(void **state)
{
	struct fixture *f = *state;
	char id[256];

	for (size_t n = 1; n <= 255; n++) {
		memset(id, 'a', n);
		id[0] = '$';
		id[n / 2] = ':';
		id[0] = '$';
		id[n] = '\0';
		assert_id_comes_back(f, id, false, n == 31 ? 33 : n + 1);
	}
	assert_id_comes_back(f, "", false, 1);
}

static void
ids_that_only_look_like_hashes_keep_their_text(void **state)
{
	struct fixture *f = *state;

	/* bits behind the last byte; both alphabets at once; one character less, more
	 */
	assert_id_comes_back(
	    f, "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", false, 45);
	assert_id_comes_back(
	    f, "$+-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, 45);
	assert_id_comes_back(
	    f, "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, 44);
	assert_id_comes_back(
	    f, "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, 46);
	assert_id_comes_back(
	    f, "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false, 45);
	assert_id_comes_back(
	    f, "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false, 45);
}

static void
no_two_ids_lie_as_the_same_bytes(void **state)
{
	/* around the length of a hash, and a hash whose bytes read as a text id */
	static const char hash[] = "\002$aaaaaaaaaaaaaaaaaaaaaaaaaaa:xy";
	char ids[8][64];
	uint8_t packed[8][300];
	size_t sizes[8];
	int n = 0;

	for (int length = 29; length <= 33; length++, n++) {
		memset(ids[n], 'a', (size_t)length);
		ids[n][0] = '$';
		ids[n][length] = '\0';
	}
	strcpy(ids[n], "$");
	b64url_encode(hash, 32, ids[n++] + 1);
	strcpy(ids[n++], hash + 1);
	strcpy(ids[n++], "$aaaaaaaaaaaaaaaaaaaaaaaaaaa:x");
	for (int i = 0; i < n; i++) {
		sizes[i] = event_id_pack(ids[i], packed[i]);
		for (int k = 0; k < i; k++)
			assert_false(sizes[i] == sizes[k] &&
				     memcmp(packed[i], packed[k], sizes[i]) == 0);
	}
}

static void
an_id_longer_than_any_events_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 1);
	char id[258];
	int64_t event, room;

	memset(id, 'a', sizeof id);
	id[255] = '\0';
	row.event_id = id;
	add(f, &row);
	assert_ok(store_event_find(f->db, id, &event, &room));
	id[255] = 'b';
	id[256] = '\0';
	assert_int_equal(store_event_find(f->db, id, &event, &room), M_NOT_FOUND);
}

/* --- adding and reading --- */

static void
an_event_is_read_as_it_was_added(void **state)
{
	struct fixture *f = *state;
	const char *id = "$AtTdbT-FMO1sqHgmfKCk0Bt3Wh6qAplbYRgyq9S0Nnw";
	struct event_row row = plain_row(f, 5);
	int64_t event, room, segment, at;
	struct stored_event e;

	row.event_id = id;
	row.segment = 3;
	row.at = 4;
	add(f, &row);
	assert_ok(store_event_find(f->db, id, &event, &room));
	assert_int_equal(event, 5);
	assert_int_equal(room, 1);
	assert_ok(store_event_get(f->db, f->arena, 5, false, &e));
	assert_string_equal(e.event_id, id);
	assert_int_equal(e.event, 5);
	assert_int_equal(e.room, 1);
	assert_int_equal(e.line, 5);
	assert_int_equal(e.sub, 0);
	assert_int_equal(e.ts, 1050);
	assert_int_equal(e.depth, 5);
	assert_int_equal(e.flags, EVENT_LIVE);
	assert_int_equal(e.redacted_by, 0);
	assert_int_equal(e.json_n, 7);
	assert_string_equal(e.json, "{\"n\":5}");
	assert_ok(store_state_before(f->db, 5, &segment, &at));
	assert_int_equal(segment, 3);
	assert_int_equal(at, 4);
	assert_ok(store_event_get(f->db, f->arena, 5, true, &e));
	assert_string_equal(e.event_id, "$AtTdbT+FMO1sqHgmfKCk0Bt3Wh6qAplbYRgyq9S0Nnw");
}

static void
an_unknown_event_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct stored_event e;
	int64_t event, room;

	assert_int_equal(
	    store_event_find(f->db, "$none:x", &event, &room), M_NOT_FOUND);
	assert_int_equal(store_event_get(f->db, f->arena, 1, false, &e), M_NOT_FOUND);
	assert_ok(store_event_last(f->db, &event));
	assert_int_equal(event, 0);
	add_plain(f, 12);
	assert_ok(store_event_last(f->db, &event));
	assert_int_equal(event, 12);
}

static void
the_same_id_cannot_be_added_twice(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 2);
	int64_t key;

	add_plain(f, 1);
	row.event_id = "$e1:x";
	assert_int_not_equal(store_event_add(f->db, &row, &key), M_OK);
}

static void
a_state_event_tells_its_key(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 1);
	int64_t first, second;

	row.type = "m.room.name";
	row.state_key = "";
	assert_ok(store_event_add(f->db, &row, &first));
	assert_true(first > 0);
	row = plain_row(f, 2);
	row.type = "m.room.name";
	row.state_key = "";
	assert_ok(store_event_add(f->db, &row, &second));
	assert_int_equal(first, second);
}

static void
an_event_with_damaged_json_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 1);
	struct stored_event e, *events;
	int n;

	row.packed = STR("\001damaged");
	add(f, &row);
	assert_int_equal(store_event_get(f->db, f->arena, 1, false, &e), M_UNKNOWN);
	assert_int_equal(store_timeline(f->db, f->arena, 1, (struct place){ 0, 0 },
			     NULL, false, 10, false, &events, &n),
	    M_UNKNOWN);
}

static void
a_redacted_event_has_new_json_and_knows_by_whom(void **state)
{
	struct fixture *f = *state;
	struct stored_event e;

	add_plain(f, 1);
	add_plain(f, 2);
	assert_ok(store_event_redact(f->db, 1, pack_json(f->arena, "{}", 2), 2));
	assert_ok(store_event_get(f->db, f->arena, 1, false, &e));
	assert_string_equal(e.json, "{}");
	assert_int_equal(e.redacted_by, 2);
	assert_ok(store_event_get(f->db, f->arena, 2, false, &e));
	assert_string_equal(e.json, "{\"n\":2}");
}

/* --- extremities --- */

/* The extremities of a room as "1 2 ". */
static const char *
extremities(struct fixture *f, int64_t room)
{
	struct extremity_row *rows;
	char *text = arena_alloc(f->arena, 200);
	int n;

	assert_ok(store_extremities(f->db, f->arena, room, false, &rows, &n));
	for (int i = 0; i < n; i++) {
		assert_int_equal(rows[i].depth, rows[i].event);
		assert_string_equal(rows[i].event_id,
		    arena_printf(f->arena, "$e%d:x", (int)rows[i].event));
		sprintf(text + strlen(text), "%d ", (int)rows[i].event);
	}
	return text;
}

static void
the_extremities_move_with_each_event(void **state)
{
	struct fixture *f = *state;
	const int64_t one[] = { 1 }, both[] = { 2, 3 };
	struct event_row row;

	add_plain(f, 1);
	assert_string_equal(extremities(f, 1), "1 ");
	row = plain_row(f, 2);
	row.prevs = one;
	row.prev_count = 1;
	add(f, &row);
	assert_string_equal(extremities(f, 1), "2 ");
	row = plain_row(f, 3); /* a fork */
	row.prevs = one;
	row.prev_count = 1;
	add(f, &row);
	assert_string_equal(extremities(f, 1), "2 3 ");
	row = plain_row(f, 4);
	row.prevs = both;
	row.prev_count = 2;
	add(f, &row);
	assert_string_equal(extremities(f, 1), "4 ");
	assert_string_equal(extremities(f, 2), "");
}

/* --- timelines --- */

/* A page as "1 2 ". */
static const char *
page(struct fixture *f, struct place from, const struct place *to, bool backwards,
    int limit)
{
	struct stored_event *events;
	char *text = arena_alloc(f->arena, 400);
	int n;

	assert_ok(store_timeline(
	    f->db, f->arena, 1, from, to, backwards, limit, false, &events, &n));
	for (int i = 0; i < n; i++)
		sprintf(text + strlen(text), "%d ", (int)events[i].event);
	return text;
}

static const struct place start = { INT64_MIN, 0 }, live_end = { INT64_MAX, 0 };

static void
a_timeline_is_paged_both_ways_without_gap_or_overlap(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 7; i++)
		add_plain(f, i);
	assert_string_equal(page(f, start, NULL, false, 3), "1 2 3 ");
	assert_string_equal(page(f, (struct place){ 4, 0 }, NULL, false, 3), "4 5 6 ");
	assert_string_equal(page(f, (struct place){ 7, 0 }, NULL, false, 3), "7 ");
	assert_string_equal(page(f, (struct place){ 8, 0 }, NULL, false, 3), "");
	assert_string_equal(page(f, live_end, NULL, true, 3), "7 6 5 ");
	assert_string_equal(page(f, (struct place){ 5, 0 }, NULL, true, 3), "4 3 2 ");
	assert_string_equal(page(f, (struct place){ 2, 0 }, NULL, true, 3), "1 ");
	assert_string_equal(page(f, (struct place){ 1, 0 }, NULL, true, 3), "");
}

static void
a_page_stops_at_to(void **state)
{
	struct fixture *f = *state;
	const struct place three = { 3, 0 }, five = { 5, 0 };

	for (int i = 1; i <= 7; i++)
		add_plain(f, i);
	assert_string_equal(page(f, three, &five, false, 10), "3 4 ");
	assert_string_equal(page(f, five, &three, true, 10), "4 3 ");
	assert_string_equal(page(f, three, &three, false, 10), "");
	assert_string_equal(page(f, three, &three, true, 10), "");
}

/* Events 11.. were backfilled before event 3, event 21.. before event 1. */
static void
backfilled_events_stand_before_their_later_neighbour(void **state)
{
	struct fixture *f = *state;
	const struct place to = { 3, -1 };

	for (int i = 1; i <= 4; i++)
		add_plain(f, i);
	add_at(f, 11, 3, -1, 0);
	add_at(f, 12, 3, -2, 0);
	add_at(f, 21, 1, -1, 0);
	add_at(f, 22, 1, -2, 0);
	assert_string_equal(page(f, start, NULL, false, 10), "22 21 1 2 12 11 3 4 ");
	assert_string_equal(page(f, live_end, NULL, true, 10), "4 3 11 12 2 1 21 22 ");
	assert_string_equal(page(f, live_end, NULL, true, 3), "4 3 11 ");
	assert_string_equal(page(f, (struct place){ 3, -1 }, NULL, true, 3), "12 2 1 ");
	assert_string_equal(page(f, (struct place){ 1, -1 }, NULL, true, 3), "22 ");
	assert_string_equal(
	    page(f, (struct place){ 1, -1 }, NULL, false, 3), "21 1 2 ");
	assert_string_equal(page(f, start, &to, false, 10), "22 21 1 2 12 ");
	assert_string_equal(page(f, live_end, &to, true, 10), "4 3 11 ");
}

static void
rejected_soft_failed_and_outlying_events_are_not_shown(void **state)
{
	struct fixture *f = *state;

	add_plain(f, 1);
	add_at(f, 2, 2, 0, EVENT_REJECTED);
	add_at(f, 3, 3, 0, EVENT_SOFT_FAILED);
	add_at(f, 4, 4, 0, EVENT_OUTLIER);
	add_at(f, 5, 5, 0, EVENT_LIVE | EVENT_SOFT_FAILED);
	add_plain(f, 6);
	assert_string_equal(page(f, start, NULL, false, 10), "1 6 ");
	assert_string_equal(page(f, live_end, NULL, true, 10), "6 1 ");
}

static void
rooms_do_not_see_each_others_events(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 2);

	add_plain(f, 1);
	row.room = 2;
	add(f, &row);
	add_plain(f, 3);
	assert_string_equal(page(f, start, NULL, false, 10), "1 3 ");
}

/* The stream as "1 2 ". */
static const char *
stream(struct fixture *f, int64_t from, int64_t to, int limit)
{
	struct stored_event *events;
	char *text = arena_alloc(f->arena, 800);
	int n;

	assert_ok(
	    store_stream(f->db, f->arena, 1, from, to, limit, false, &events, &n));
	for (int i = 0; i < n; i++)
		sprintf(text + strlen(text), "%d ", (int)events[i].event);
	return text;
}

static void
a_stream_has_the_live_events_behind_from_up_to_to(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 5; i++)
		add_plain(f, i);
	add_at(f, 6, 3, -1, 0);		       /* backfilled */
	add_at(f, 7, 7, 0, EVENT_SOFT_FAILED); /* never told */
	add_plain(f, 8);
	assert_string_equal(stream(f, 0, 8, 10), "1 2 3 4 5 8 ");
	assert_string_equal(stream(f, 2, 4, 10), "3 4 ");
	assert_string_equal(stream(f, 2, 8, 2), "3 4 ");
	assert_string_equal(stream(f, 8, 8, 10), "");
}

static void
a_long_page_is_whole(void **state)
{
	struct fixture *f = *state;
	struct stored_event *events;
	int n;

	for (int i = 1; i <= 100; i++)
		add_plain(f, i);
	assert_ok(store_stream(f->db, f->arena, 1, 0, 100, 90, false, &events, &n));
	assert_int_equal(n, 90);
	for (int i = 0; i < n; i++) {
		assert_int_equal(events[i].event, i + 1);
		assert_string_equal(
		    events[i].json, arena_printf(f->arena, "{\"n\":%d}", i + 1));
	}
}

/* A page in order of time as "1 2 ". */
static const char *
by_time(struct fixture *f, struct moment from, bool backwards, int limit)
{
	struct stored_event *events;
	char *text = arena_alloc(f->arena, 400);
	int n;

	assert_ok(store_by_time(
	    f->db, f->arena, 1, from, backwards, limit, false, &events, &n));
	for (int i = 0; i < n; i++)
		sprintf(text + strlen(text), "%d ", (int)events[i].event);
	return text;
}

static void
events_are_found_by_their_time(void **state)
{
	struct fixture *f = *state;
	struct event_row row;

	add_plain(f, 1); /* at 1010 */
	add_plain(f, 2); /* at 1020 */
	row = plain_row(f, 3);
	row.ts = 1020;
	add(f, &row);
	row = plain_row(f, 4);
	row.ts = 1015;
	row.flags = EVENT_REJECTED;
	add(f, &row);
	row = plain_row(f, 5);
	row.ts = 1005;
	add(f, &row);
	assert_string_equal(
	    by_time(f, (struct moment){ 0, INT64_MIN, 0 }, false, 10), "5 1 2 3 ");
	assert_string_equal(
	    by_time(f, (struct moment){ 1011, INT64_MIN, 0 }, false, 1), "2 ");
	assert_string_equal(by_time(f, (struct moment){ 1020, 3, 0 }, false, 9), "3 ");
	assert_string_equal(
	    by_time(f, (struct moment){ 1020, 3, 0 }, true, 9), "2 1 5 ");
	assert_string_equal(
	    by_time(f, (struct moment){ 1019, INT64_MAX, 0 }, true, 1), "1 ");
	assert_string_equal(
	    by_time(f, (struct moment){ 1021, INT64_MIN, 0 }, false, 9), "");
	assert_string_equal(
	    by_time(f, (struct moment){ 1004, INT64_MAX, 0 }, true, 9), "");
}

static void
events_json_replaces_what_the_buffer_held(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 2);
	struct buf json = { 0 };
	int64_t by;

	add_plain(f, 1);
	row.packed = STR("\001damaged");
	add(f, &row);
	buf_str(&json, "something longer than the event");
	assert_ok(store_event_json(f->db, 1, &json, &by));
	assert_int_equal(json.n, 7);
	assert_memory_equal(json.p, "{\"n\":1}", 7);
	assert_int_equal(by, 0);
	assert_ok(store_event_redact(f->db, 1, pack_json(f->arena, "{}", 2), 3));
	assert_ok(store_event_json(f->db, 1, &json, &by));
	assert_int_equal(json.n, 2);
	assert_int_equal(by, 3);
	assert_int_equal(store_event_json(f->db, 2, &json, NULL), M_NOT_JSON);
	assert_int_equal(store_event_json(f->db, 3, &json, NULL), M_NOT_FOUND);
	buf_free(&json);
}

/* --- transactions --- */

static void
a_transaction_leads_to_its_event(void **state)
{
	struct fixture *f = *state;
	const uint8_t hash[16] = "one", other[16] = "two";
	int64_t event;

	assert_ok(store_txn_add(f->db, hash, 5));
	assert_ok(store_txn_find(f->db, hash, &event));
	assert_int_equal(event, 5);
	assert_int_equal(store_txn_find(f->db, other, &event), M_NOT_FOUND);
	assert_int_not_equal(store_txn_add(f->db, hash, 6), M_OK);
}

static void
an_event_knows_the_transaction_that_sent_it(void **state)
{
	struct fixture *f = *state;
	struct event_row row = plain_row(f, 5);
	struct stored_event e;

	row.device_id = "PHONE";
	row.txn_id = "t1";
	add(f, &row);
	add_plain(f, 6);
	assert_ok(store_event_get(f->db, f->arena, 5, false, &e));
	assert_string_equal(e.device_id, "PHONE");
	assert_string_equal(e.txn_id, "t1");
	assert_ok(store_event_get(f->db, f->arena, 6, false, &e));
	assert_null(e.device_id);
	assert_null(e.txn_id);
}

static void
count_hash(const uint8_t hash[16], void *arg)
{
	int *seen = arg;

	assert_int_equal(hash[0], ++*seen);
}

static void
transactions_are_read_in_portions(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[16] = { 0 }, last[16] = { 0 };
	int seen = 0, n;

	assert_ok(db_begin(f->db));
	for (hash[0] = 1; hash[0] <= 7; hash[0]++)
		assert_ok(store_txn_add(f->db, hash, 100));
	assert_ok(db_commit(f->db));
	for (int i = 0; i < 3; i++) {
		assert_ok(store_txns_read(f->db, last, 3, count_hash, &seen, &n));
		assert_int_equal(n, i < 2 ? 3 : 1);
	}
	assert_int_equal(seen, 7);
	assert_ok(store_txns_read(f->db, last, 3, count_hash, &seen, &n));
	assert_int_equal(n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hashes_of_both_alphabets_take_32_bytes_and_come_back),
		TEST(ids_of_every_length_come_back),
		TEST(ids_that_only_look_like_hashes_keep_their_text),
		TEST(no_two_ids_lie_as_the_same_bytes),
		TEST(an_id_longer_than_any_events_is_not_found),
		TEST(an_event_is_read_as_it_was_added),
		TEST(an_unknown_event_is_not_found),
		TEST(the_same_id_cannot_be_added_twice),
		TEST(a_state_event_tells_its_key),
		TEST(an_event_with_damaged_json_is_an_error),
		TEST(a_redacted_event_has_new_json_and_knows_by_whom),
		TEST(the_extremities_move_with_each_event),
		TEST(a_timeline_is_paged_both_ways_without_gap_or_overlap),
		TEST(a_page_stops_at_to),
		TEST(backfilled_events_stand_before_their_later_neighbour),
		TEST(rejected_soft_failed_and_outlying_events_are_not_shown),
		TEST(rooms_do_not_see_each_others_events),
		TEST(a_stream_has_the_live_events_behind_from_up_to_to),
		TEST(a_long_page_is_whole),
		TEST(events_are_found_by_their_time),
		TEST(events_json_replaces_what_the_buffer_held),
		TEST(a_transaction_leads_to_its_event),
		TEST(an_event_knows_the_transaction_that_sent_it),
		TEST(transactions_are_read_in_portions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
