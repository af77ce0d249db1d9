/*
 * Counts of what is unread: receipts, threads, own words, mentions, rules that deviate,
 * redactions, leaving, in a room that is really appended to.
 * Stands beside unread.c, run by the test suite.
 */
#include "room/unread_testing.h"

#include "base/clock.h"
#include "room/notifications.h"
#include "room/unread_prune.h"

/* --- the plain way --- */

static void
what_others_say_is_unread_until_a_receipt(void **state)
{
	struct fixture *f = *state;
	const char *second;

	assert_unread(all_of(f, BEN), 0, 0);
	plain(f, ANN);
	second = plain(f, ANN);
	plain(f, ANN);
	assert_unread(all_of(f, BEN), 3, 0);
	assert_unread(all_of(f, CAT), 3, 0);
	assert_unread(all_of(f, ANN), 0, 0);
	receipt(f, BEN, 0, "", second);
	assert_unread(all_of(f, BEN), 1, 0);
	assert_unread(all_of(f, CAT), 3, 0);
	assert_unread(all_of(f, USER("nobody")), 0, 0);
}

/* A look of /sync goes up to a position that the snapshot may be ahead of. */
static void
what_came_later_than_one_looks_is_not_counted(void **state)
{
	struct fixture *f = *state;
	int64_t before = newest(f), noise;

	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, "org.example.noise", NULL, "{}", NULL),
	    M_OK);
	noise = newest(f);
	plain(f, ANN);
	assert_unread(all_until(f, BEN, noise), 0, 0);
	assert_unread(all_of(f, BEN), 1, 0);
	assert_false(moved(f, BEN, before, noise));
	assert_true(moved(f, BEN, before, newest(f)));
	assert_true(moved(f, BEN, noise, INT64_MAX));
}

static void
of_two_receipts_the_one_further_on_counts(void **state)
{
	struct fixture *f = *state;
	const char *ids[4];

	for (int i = 0; i < 4; i++)
		ids[i] = plain(f, ANN);
	receipt(f, BEN, 0, "", ids[2]);
	receipt(f, BEN, 1, "", ids[0]);
	assert_unread(all_of(f, BEN), 1, 0);
	receipt(f, BEN, 1, "", ids[1]);
	assert_unread(all_of(f, BEN), 1, 0);
	receipt(f, BEN, 1, "", ids[3]);
	assert_unread(all_of(f, BEN), 0, 0);
}

static void
who_speaks_has_read_what_was_said_before(void **state)
{
	struct fixture *f = *state;

	plain(f, ANN);
	plain(f, BEN);
	assert_unread(all_of(f, BEN), 0, 0);
	assert_unread(all_of(f, CAT), 2, 0);
	assert_unread(all_of(f, ANN), 1, 0);
	plain(f, ANN);
	assert_unread(all_of(f, BEN), 1, 0);
}

static void
what_notifies_nobody_is_not_counted(void **state)
{
	struct fixture *f = *state;

	say(f, ANN, "{\"body\":\"x\",\"msgtype\":\"m.notice\"}");
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.topic", "",
			     "{\"topic\":\"x\"}", NULL),
	    M_OK);
	assert_unread(all_of(f, BEN), 0, 0);
}

static void
a_message_to_all_writes_no_row_for_anybody(void **state)
{
	struct fixture *f = *state;
	int64_t marks = rows_in(f, "unread_marks");

	for (int i = 0; i < 5; i++)
		plain(f, ANN);
	assert_int_equal(rows_in(f, "unread_rows"), 0);
	assert_int_equal(rows_in(f, "unread_modes"), 0);
	assert_int_equal(rows_in(f, "unread_marks"), marks + 1); /* ann's own */
}

/* --- highlights --- */

static void
whom_a_message_mentions_is_highlighted_alone(void **state)
{
	struct fixture *f = *state;

	mention(f, ANN, BEN);
	assert_unread(all_of(f, BEN), 1, 1);
	assert_unread(all_of(f, CAT), 1, 0);
	assert_int_equal(rows_in(f, "unread_rows"), 1);
	/* Oneself, strangers and the same twice. */
	say(f, ANN,
	    "{\"body\":\"x\",\"m.mentions\":{\"user_ids\":[\"" ANN "\",\"" CAT
	    "\",\"" CAT "\",\"" USER("nobody") "\",\"@else:where\",7]}}");
	assert_unread(all_of(f, CAT), 2, 1);
	assert_unread(all_of(f, ANN), 0, 0);
	assert_int_equal(rows_in(f, "unread_rows"), 2);
}

static void
a_mention_of_the_room_highlights_all_without_a_row(void **state)
{
	struct fixture *f = *state;

	say(f, ANN, "{\"body\":\"x\",\"m.mentions\":{\"room\":true}}");
	assert_unread(all_of(f, BEN), 1, 1);
	assert_unread(all_of(f, CAT), 1, 1);
	/* Ben has not the power. */
	say(f, BEN, "{\"body\":\"x\",\"m.mentions\":{\"room\":true}}");
	assert_unread(all_of(f, CAT), 2, 1);
	assert_int_equal(rows_in(f, "unread_rows"), 0);
}

static void
a_tombstone_highlights_all(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.tombstone", "",
			     "{\"body\":\"x\",\"replacement_room\":\"!x:y\"}", NULL),
	    M_OK);
	assert_unread(all_of(f, BEN), 1, 1);
	assert_unread(all_of(f, ANN), 0, 0);
}

/* --- redactions --- */

static void
what_is_redacted_counts_no_more(void **state)
{
	struct fixture *f = *state;
	const char *said = plain(f, ANN), *named = mention(f, ANN, BEN), *loud;

	loud = say(f, ANN, "{\"body\":\"x\",\"m.mentions\":{\"room\":true}}");
	assert_unread(all_of(f, BEN), 3, 2);
	redact(f, ANN, named);
	assert_unread(all_of(f, BEN), 2, 1);
	assert_unread(all_of(f, CAT), 2, 1);
	redact(f, ANN, named); /* again: nothing more to take away */
	assert_unread(all_of(f, BEN), 2, 1);
	redact(f, ANN, loud);
	assert_unread(all_of(f, BEN), 1, 0);
	redact(f, ANN, said);
	assert_unread(all_of(f, BEN), 0, 0);
	plain(f, ANN);
	assert_unread(all_of(f, BEN), 1, 0);
}

static void
what_was_read_before_it_was_redacted_is_not_taken_away_twice(void **state)
{
	struct fixture *f = *state;
	const char *first = mention(f, ANN, BEN);

	receipt(f, BEN, 0, "", first);
	plain(f, ANN);
	redact(f, ANN, first);
	assert_unread(all_of(f, BEN), 1, 0);
}

/* --- coming and going --- */

static void
leaving_clears_and_rejoining_begins_at_the_join(void **state)
{
	struct fixture *f = *state;

	mention(f, ANN, BEN);
	member(f, BEN, BEN, "leave");
	assert_unread(all_of(f, BEN), 0, 0);
	assert_int_equal(rows_in(f, "unread_rows"), 0);
	mention(f, ANN, BEN);
	testing_join(&f->t, f->room, BEN);
	assert_unread(all_of(f, BEN), 0, 0);
	mention(f, ANN, BEN);
	assert_unread(all_of(f, BEN), 1, 1);
}

static void
a_new_name_does_not_read_the_room(void **state)
{
	struct fixture *f = *state;

	mention(f, ANN, BEN);
	assert_int_equal(
	    testing_append(&f->t, f->room, BEN, "m.room.member", BEN,
		"{\"membership\":\"join\",\"displayname\":\"Benjamin\"}", NULL),
	    M_OK);
	assert_unread(all_of(f, BEN), 1, 1);
}

static void
an_invitation_is_a_row_of_the_one_who_is_invited(void **state)
{
	struct fixture *f = *state;

	member(f, ANN, USER("dan"), "invite");
	assert_int_equal(rows_in(f, "unread_rows"), 1);
	assert_unread(all_of(f, USER("dan")), 0, 0);
	assert_unread(all_of(f, BEN), 0, 0);
	testing_join(&f->t, f->room, USER("dan"));
	assert_unread(all_of(f, USER("dan")), 0, 0);
	member(f, ANN, USER("eve"), "invite");
	member(f, USER("eve"), USER("eve"), "leave");
	assert_int_equal(rows_in(f, "unread_rows"), 1);
}

static void
counts_are_the_same_after_a_restart(void **state)
{
	struct fixture *f = *state;
	char *room_id = strdup(f->room->room_id);
	const char *root;

	root = plain(f, ANN);
	mention(f, ANN, BEN);
	in_thread(f, ANN, root, "");
	enable(f, CAT, "underride", ".m.rule.message", false);
	plain(f, ANN);
	assert_unread(all_of(f, BEN), 4, 1);
	assert_unread(all_of(f, CAT), 3, 0);
	room_put(f->room);
	testing_reopen(&f->t);
	assert_int_equal(room_get(&f->t.ctx, room_id, &f->room), M_OK);
	assert_unread(all_of(f, BEN), 4, 1);
	assert_unread(all_of(f, CAT), 3, 0);
	plain(f, ANN);
	assert_unread(all_of(f, BEN), 5, 1);
	assert_unread(all_of(f, CAT), 3, 0);
	free(room_id);
}

/* --- rules that deviate --- */

static void
a_room_that_is_muted_costs_one_row_however_long_it_goes_on(void **state)
{
	struct fixture *f = *state;
	int64_t rows;

	plain(f, ANN);
	put(f, BEN, "room", f->room->room_id, "{\"actions\":[]}");
	plain(f, ANN);
	rows = rows_in(f, "unread_rows");
	assert_int_equal(rows, 1);
	assert_int_equal(rows_in(f, "unread_modes"), 1);
	for (int i = 0; i < 10; i++)
		plain(f, ANN);
	assert_unread(all_of(f, BEN), 1, 0);
	assert_unread(all_of(f, CAT), 12, 0);
	assert_int_equal(rows_in(f, "unread_rows"), rows);
	assert_int_equal(rows_in(f, "unread_modes"), 1);
	mention(f, ANN, BEN); /* override comes before room */
	assert_unread(all_of(f, BEN), 2, 1);
	enable(f, BEN, "room", f->room->room_id, false);
	for (int i = 0; i < 10; i++)
		plain(f, ANN);
	assert_unread(all_of(f, BEN), 12, 1);
	assert_int_equal(rows_in(f, "unread_modes"), 2);
	assert_true(rows_in(f, "unread_rows") <= rows + 2);
}

static void
one_who_is_not_heard_costs_a_row_each_time_alone(void **state)
{
	struct fixture *f = *state;

	put(f, BEN, "sender", CAT, "{\"actions\":[]}");
	plain(f, ANN);
	plain(f, CAT);
	plain(f, ANN);
	plain(f, CAT);
	assert_unread(all_of(f, BEN), 2, 0);
	assert_int_equal(rows_in(f, "unread_rows"), 2);
	assert_int_equal(rows_in(f, "unread_modes"), 0);
}

static void
a_word_of_ones_own_highlights(void **state)
{
	struct fixture *f = *state;

	put(f, BEN, "content", "cake",
	    "{\"pattern\":\"cake\",\"actions\":[\"notify\",{\"set_tweak\":"
	    "\"highlight\"}]}");
	say(f, ANN, "{\"body\":\"there is cake\"}");
	say(f, ANN, "{\"body\":\"there are cakes\"}");
	assert_unread(all_of(f, BEN), 2, 1);
	assert_unread(all_of(f, CAT), 2, 0);
}

static void
a_rule_for_what_else_notifies_nobody_counts_for_its_owner(void **state)
{
	struct fixture *f = *state;

	put(f, BEN, "override", "topic",
	    "{\"conditions\":[{\"kind\":\"event_match\",\"key\":\"type\","
	    "\"pattern\":\"m.room.topic\"}],\"actions\":[\"notify\"]}");
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.topic", "",
			     "{\"topic\":\"x\"}", NULL),
	    M_OK);
	assert_unread(all_of(f, BEN), 1, 0);
	assert_unread(all_of(f, CAT), 0, 0);
}

/* contains_display_name looks at the member's event: fresh, and from the store. */
static void
a_name_in_the_room_is_looked_up(void **state)
{
	struct fixture *f = *state;
	char *room_id = strdup(f->room->room_id);

	put(f, BEN, "override", "name",
	    "{\"conditions\":[{\"kind\":\"contains_display_name\"}],"
	    "\"actions\":[\"notify\",{\"set_tweak\":\"highlight\"}]}");
	assert_int_equal(
	    testing_append(&f->t, f->room, BEN, "m.room.member", BEN,
		"{\"membership\":\"join\",\"displayname\":\"Benny\"}", NULL),
	    M_OK);
	say(f, ANN, "{\"body\":\"hey benny!\"}");
	assert_unread(all_of(f, BEN), 1, 1);
	room_put(f->room);
	testing_reopen(&f->t);
	assert_int_equal(room_get(&f->t.ctx, room_id, &f->room), M_OK);
	say(f, ANN, "{\"body\":\"hey benny!\"}");
	assert_unread(all_of(f, BEN), 2, 2);
	free(room_id);
}

static void
whoever_joins_with_rules_is_known(void **state)
{
	struct fixture *f = *state;

	plain(f, ANN);
	put(f, USER("dan"), "room", f->room->room_id, "{\"actions\":[]}");
	testing_join(&f->t, f->room, USER("dan"));
	plain(f, ANN);
	assert_unread(all_of(f, USER("dan")), 0, 0);
	member(f, USER("dan"), USER("dan"), "leave");
	plain(f, ANN);
	testing_join(&f->t, f->room, USER("dan"));
	plain(f, ANN);
	assert_unread(all_of(f, USER("dan")), 0, 0);
	enable(f, USER("dan"), "room", f->room->room_id, false);
	plain(f, ANN);
	assert_unread(all_of(f, USER("dan")), 1, 0);
}

static enum mx_err
refuse(void *arg, struct db *db)
{
	(void)arg;
	(void)db;
	return M_LIMIT_EXCEEDED;
}

/* What was noted in memory for an event that never was must not stay. */
static void
an_event_that_fails_leaves_no_mode_behind(void **state)
{
	struct fixture *f = *state;
	struct new_event e = { .sender = ANN,
		.type = "m.room.message",
		.content = testing_json(f->t.arena, "{\"body\":\"x\"}") };
	struct append_extra extra = { .also = refuse };

	put(f, BEN, "room", f->room->room_id, "{\"actions\":[]}");
	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, &extra), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_LIMIT_EXCEEDED);
	plain(f, ANN);
	plain(f, ANN);
	assert_unread(all_of(f, BEN), 0, 0);
	assert_unread(all_of(f, CAT), 2, 0);
	assert_int_equal(rows_in(f, "unread_modes"), 1);
}

/* Also while what was queued before it is not durable yet. */
static void
a_unit_that_is_refused_leaves_no_mode_behind(void **state)
{
	struct fixture *f = *state;
	const struct json *content = testing_json(f->t.arena, "{\"body\":\"x\"}");
	struct new_event events[] = {
		{ .sender = ANN, .type = "m.room.message", .content = content },
		{ .sender = USER("nobody"),
		    .type = "m.room.message",
		    .content = content },
	};

	plain(f, ANN);
	put(f, BEN, "room", f->room->room_id, "{\"actions\":[]}");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
		    room_append(&f->t.ctx, f->t.arena, f->room, events, 2, NULL),
		    M_FORBIDDEN);
		assert_int_equal(
		    room_append(&f->t.ctx, f->t.arena, f->room, events, 1, NULL), M_OK);
	}
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	assert_unread(all_of(f, BEN), 1, 0);
	assert_unread(all_of(f, CAT), 21, 0);
	assert_int_equal(rows_in(f, "unread_modes"), 1);
}

static void
a_join_that_is_refused_leaves_nobody_behind(void **state)
{
	struct fixture *f = *state;
	const struct json *join = testing_json(f->t.arena, "{\"membership\":\"join\"}");
	struct new_event events[] = {
		{ .sender = USER("dan"),
		    .type = "m.room.member",
		    .state_key = USER("dan"),
		    .content = join },
		{ .sender = USER("nobody"), .type = "m.room.message", .content = join },
	};

	put(f, USER("dan"), "override", "all", "{\"actions\":[\"notify\"]}");
	plain(f, ANN);
	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, events, 2, NULL), M_FORBIDDEN);
	say(f, ANN, "{\"body\":\"x\",\"msgtype\":\"m.notice\"}");
	assert_int_equal(rows_in(f, "unread_rows"), 0);
}

/* --- threads --- */

static void
each_thread_has_its_own_count_for_those_who_ask(void **state)
{
	struct fixture *f = *state;
	struct unread_thread *threads;
	const char *a = plain(f, ANN), *b = plain(f, ANN), *last;
	int n;

	in_thread(f, ANN, a, "");
	in_thread(f, ANN, a, ",\"m.mentions\":{\"user_ids\":[\"" BEN "\"]}");
	last = in_thread(f, ANN, b, "");
	assert_unread(all_of(f, BEN), 5, 1);
	assert_unread(main_of(f, BEN, &threads, &n), 2, 0);
	assert_int_equal(n, 2);
	assert_string_equal(threads[0].thread, a);
	assert_unread(threads[0].unread, 2, 1);
	assert_string_equal(threads[1].thread, b);
	assert_unread(threads[1].unread, 1, 0);
	receipt(f, BEN, 0, "main", last);
	assert_unread(main_of(f, BEN, &threads, &n), 0, 0);
	assert_int_equal(n, 2);
	assert_unread(all_of(f, BEN), 3, 1);
	receipt(f, BEN, 1, a, last);
	assert_unread(main_of(f, BEN, &threads, &n), 0, 0);
	assert_int_equal(n, 1);
	assert_string_equal(threads[0].thread, b);
	assert_unread(all_of(f, BEN), 1, 0);
	receipt(f, BEN, 0, "", last);
	assert_unread(main_of(f, BEN, &threads, &n), 0, 0);
	assert_int_equal(n, 0);
	assert_unread(all_of(f, BEN), 0, 0);
}

/* The specification's example: A..I, A and B are roots.
 * Spec: client-server-api/#threaded-read-receipts */
static void
receipts_clear_what_the_specifications_example_says(void **state)
{
	struct fixture *f = *state;
	struct unread_thread *threads;
	const char *a = plain(f, ANN), *b = plain(f, ANN), *d, *e, *i;
	int n;

	in_thread(f, ANN, a, ""); /* C */
	d = in_thread(f, ANN, b, "");
	e = in_thread(f, ANN, a, "");
	in_thread(f, ANN, b, ""); /* F */
	in_thread(f, ANN, a, ""); /* G */
	in_thread(f, ANN, a, ""); /* H */
	i = plain(f, ANN);
	assert_unread(main_of(f, BEN, &threads, &n), 3, 0);
	receipt(f, BEN, 0, a, e); /* marks C and E */
	assert_unread(main_of(f, BEN, &threads, &n), 3, 0);
	assert_int_equal(n, 2);
	assert_unread(threads[0].unread, 2, 0);
	assert_unread(threads[1].unread, 2, 0);
	receipt(f, CAT, 0, "main", i); /* marks A, B and I */
	assert_unread(main_of(f, CAT, &threads, &n), 0, 0);
	assert_unread(all_of(f, CAT), 6, 0);
	receipt(f, BEN, 0, "", d); /* marks A, B, C and D */
	assert_unread(main_of(f, BEN, &threads, &n), 1, 0);
	assert_int_equal(n, 2);
	assert_string_equal(threads[0].thread, b);
	assert_unread(threads[0].unread, 1, 0);
	assert_unread(threads[1].unread, 2, 0);
	assert_unread(all_of(f, BEN), 4, 0);
}

static const char *
relate(struct fixture *f, const char *type, const char *to)
{
	return say(f, ANN,
	    arena_printf(f->t.arena,
		"{\"body\":\"x\",\"m.relates_to\":{\"rel_type\":\"%s\","
		"\"event_id\":\"%s\"}}",
		type, to));
}

static int64_t
in_threads(struct fixture *f)
{
	struct unread_thread *threads;
	int64_t sum = 0;
	int n;

	main_of(f, BEN, &threads, &n);
	for (int i = 0; i < n; i++)
		sum += threads[i].unread.notifications;
	return sum;
}

static void
relations_are_followed_for_three_hops(void **state)
{
	struct fixture *f = *state;
	const char *root = plain(f, ANN), *at;

	relate(f, "m.reference", root); /* of a root itself: main */
	assert_int_equal(in_threads(f), 0);
	at = in_thread(f, ANN, root, "");
	for (int i = 1; i <= 3; i++) {
		at = relate(f, "m.reference", at);
		assert_int_equal(in_threads(f), i + 1);
	}
	relate(f, "m.reference", at);
	assert_int_equal(in_threads(f), 4);
	relate(f, "m.reference", "$nothing-known");
	assert_int_equal(in_threads(f), 4);
	/* A reply is no relation. */
	say(f, ANN,
	    arena_printf(f->t.arena,
		"{\"body\":\"x\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":"
		"\"%s\"}}}",
		at));
	assert_int_equal(in_threads(f), 4);
}

/* Beyond what the room has in memory. */
static void
a_relation_is_followed_in_the_store(void **state)
{
	struct fixture *f = *state;
	const char *root = plain(f, ANN), *in = in_thread(f, ANN, root, "");

	for (int i = 0; i < ROOM_RECENT_MAX + 5; i++)
		plain(f, ANN);
	relate(f, "m.reference", in);
	assert_int_equal(in_threads(f), 2);
}

static void
who_speaks_in_a_thread_has_read_that_thread_alone(void **state)
{
	struct fixture *f = *state;
	struct unread_thread *threads;
	const char *root = plain(f, ANN);
	int n;

	in_thread(f, ANN, root, "");
	in_thread(f, BEN, root, "");
	assert_unread(main_of(f, BEN, &threads, &n), 1, 0);
	assert_int_equal(n, 0);
	assert_unread(all_of(f, BEN), 1, 0);
	in_thread(f, ANN, root, "");
	assert_unread(main_of(f, BEN, &threads, &n), 1, 0);
	assert_int_equal(n, 1);
	assert_unread(all_of(f, BEN), 2, 0);
}

static void
redactions_count_in_their_thread(void **state)
{
	struct fixture *f = *state;
	struct unread_thread *threads;
	const char *root = plain(f, ANN), *in = in_thread(f, ANN, root, "");
	int n;

	in_thread(f, ANN, root, "");
	redact(f, ANN, in);
	assert_unread(main_of(f, BEN, &threads, &n), 1, 0);
	assert_int_equal(n, 1);
	assert_unread(threads[0].unread, 1, 0);
	redact(f, ANN, root);
	assert_unread(main_of(f, BEN, &threads, &n), 0, 0);
	assert_unread(threads[0].unread, 1, 0);
}

/* --- what goes by and by --- */

#define DAY_MS (24LL * 3600 * 1000)
#define NOON 1800000000000LL

static void
set_clocks(int64_t ms)
{
	clock_set_for_test(NOON + ms);
	clock_set_mono_for_test(1 + ms);
}

/* One portion for so many rows as here. */
static int64_t
rows_after_a_walk(struct fixture *f, struct unread_walk *walk)
{
	unread_prune(&f->t.ctx, f->t.arena, walk);
	return rows_in(f, "unread_rows");
}

static void
what_was_read_goes_when_it_is_old_and_nothing_else_does(void **state)
{
	struct fixture *f = *state;
	struct unread_walk walk = { 0 };
	struct unread_thread *threads;
	const char *root, *read, *in;
	int n;

	set_clocks(0);
	root = plain(f, ANN);
	mention(f, ANN, BEN);
	read = mention(f, ANN, BEN);
	in = in_thread(f, ANN, root, ",\"m.mentions\":{\"user_ids\":[\"" BEN "\"]}");
	mention(f, ANN, CAT);
	receipt(f, BEN, 0, "main", read);
	mention(f, ANN, BEN);
	assert_int_equal(rows_in(f, "unread_rows"), 5);
	set_clocks(UNREAD_HISTORY_MS);
	assert_int_equal(rows_after_a_walk(f, &walk), 5);
	/* The next one is tomorrow: then ben's two go, of the main timeline alone. */
	set_clocks(UNREAD_HISTORY_MS + DAY_MS - 1);
	assert_int_equal(rows_after_a_walk(f, &walk), 5);
	set_clocks(UNREAD_HISTORY_MS + DAY_MS);
	assert_int_equal(rows_after_a_walk(f, &walk), 3);
	assert_unread(main_of(f, BEN, &threads, &n), 2, 1);
	assert_int_equal(n, 1);
	assert_unread(threads[0].unread, 1, 1);
	assert_unread(all_of(f, BEN), 3, 2);
	assert_unread(all_of(f, CAT), 6, 1);
	receipt(f, BEN, 1, root, in);
	assert_unread(all_of(f, BEN), 2, 1);
	unread_walk_fini(&walk);
	assert_int_equal(rows_after_a_walk(f, &walk), 2);
	assert_unread(all_of(f, BEN), 2, 1);
	unread_walk_fini(&walk);
	clock_set_for_test(0);
	clock_set_mono_for_test(0);
}

static void
a_walk_takes_as_many_portions_as_it_needs(void **state)
{
	struct fixture *f = *state;
	struct unread_walk walk = { 0 };
	const char *last = NULL;

	set_clocks(0);
	put(f, BEN, "override", "all",
	    "{\"actions\":[\"notify\",{\"set_tweak\":\"highlight\"}],\"conditions\":[]"
	    "}");
	put(f, CAT, "override", "all",
	    "{\"actions\":[\"notify\",{\"set_tweak\":\"highlight\"}],\"conditions\":[]"
	    "}");
	for (int i = 0; i < 520; i++)
		last = plain(f, ANN);
	receipt(f, BEN, 0, "", last);
	assert_int_equal(rows_in(f, "unread_rows"), 1040);
	set_clocks(UNREAD_HISTORY_MS + 1);
	assert_int_equal(rows_after_a_walk(f, &walk), 540);
	assert_int_equal(rows_after_a_walk(f, &walk), 520);
	assert_int_equal(rows_after_a_walk(f, &walk), 520);
	assert_int_equal(rows_after_a_walk(f, &walk), 520);
	assert_unread(all_of(f, CAT), 520, 520);
	assert_unread(all_of(f, BEN), 0, 0);
	unread_walk_fini(&walk);
	clock_set_for_test(0);
	clock_set_mono_for_test(0);
}

/* How many notifications a user is shown, and how many of them are unread. */
static void
assert_listed(struct fixture *f, const char *user_id, int all, int unread)
{
	struct identity who = { .user_id = user_id, .device_id = "PHONE" };
	struct notifications n = { .who = &who, .before = INT64_MAX, .limit = 100 };
	struct buf out = { 0 };
	const struct json *list;
	int unread_count = 0;

	assert_int_equal(notifications_write(&f->t.ctx, f->t.arena, &n, &out), M_OK);
	list = json_parse_copy(f->t.arena, out.p, out.n, JSON_LENIENT, NULL);
	assert_int_equal(list->n, all);
	for (uint32_t i = 0; i < list->n; i++)
		unread_count += !json_get_bool(&list->items[i], "read", true);
	assert_int_equal(unread_count, unread);
	buf_free(&out);
}

static void
what_was_read_long_ago_is_listed_no_more(void **state)
{
	struct fixture *f = *state;
	struct unread_walk walk = { 0 };
	const char *read;

	set_clocks(0);
	put(f, BEN, "sender", ANN, "{\"actions\":[]}");
	plain(f, CAT);
	plain(f, ANN); /* ben has a row that it does not notify */
	mention(f, ANN, BEN);
	read = mention(f, CAT, BEN);
	receipt(f, BEN, 0, "", read);
	plain(f, CAT);
	assert_listed(f, BEN, 4, 1);
	set_clocks(UNREAD_HISTORY_MS);
	plain(f, CAT);
	assert_listed(f, BEN, 5, 2);
	set_clocks(UNREAD_HISTORY_MS + 1);
	assert_int_equal(rows_after_a_walk(f, &walk), 0);
	assert_listed(f, BEN, 2, 2);
	unread_walk_fini(&walk);
	clock_set_for_test(0);
	clock_set_mono_for_test(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_others_say_is_unread_until_a_receipt),
		TEST(what_came_later_than_one_looks_is_not_counted),
		TEST(of_two_receipts_the_one_further_on_counts),
		TEST(who_speaks_has_read_what_was_said_before),
		TEST(what_notifies_nobody_is_not_counted),
		TEST(a_message_to_all_writes_no_row_for_anybody),
		TEST(whom_a_message_mentions_is_highlighted_alone),
		TEST(a_mention_of_the_room_highlights_all_without_a_row),
		TEST(a_tombstone_highlights_all),
		TEST(what_is_redacted_counts_no_more),
		TEST(what_was_read_before_it_was_redacted_is_not_taken_away_twice),
		TEST(leaving_clears_and_rejoining_begins_at_the_join),
		TEST(a_new_name_does_not_read_the_room),
		TEST(an_invitation_is_a_row_of_the_one_who_is_invited),
		TEST(counts_are_the_same_after_a_restart),
		TEST(a_room_that_is_muted_costs_one_row_however_long_it_goes_on),
		TEST(one_who_is_not_heard_costs_a_row_each_time_alone),
		TEST(a_word_of_ones_own_highlights),
		TEST(a_rule_for_what_else_notifies_nobody_counts_for_its_owner),
		TEST(a_name_in_the_room_is_looked_up),
		TEST(whoever_joins_with_rules_is_known),
		TEST(an_event_that_fails_leaves_no_mode_behind),
		TEST(a_unit_that_is_refused_leaves_no_mode_behind),
		TEST(a_join_that_is_refused_leaves_nobody_behind),
		TEST(each_thread_has_its_own_count_for_those_who_ask),
		TEST(receipts_clear_what_the_specifications_example_says),
		TEST(relations_are_followed_for_three_hops),
		TEST(a_relation_is_followed_in_the_store),
		TEST(who_speaks_in_a_thread_has_read_that_thread_alone),
		TEST(redactions_count_in_their_thread),
		TEST(what_was_read_goes_when_it_is_old_and_nothing_else_does),
		TEST(what_was_read_long_ago_is_listed_no_more),
		TEST(a_walk_takes_as_many_portions_as_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
