/*
 * The user directory: words, who is found by whom, in which order, and how users of
 * before it get in.
 */
#include <stdio.h>

#include "core/accounts_testing.h"
#include "core/profile.h"
#include "core/user_directory.h"
#include "store/rooms.h"
#include "store/user_words.h"

static void
set_name(struct fixture *f, const char *user_id, const char *name)
{
	struct identity who = { .user_id = user_id, .has_rows = true };

	assert_ok(profile_set(&f->t.ctx, f->t.arena, &who, "displayname",
	    name == NULL ? NULL : json_str(f->t.arena, name)));
	assert_ok(ctx_settle(&f->t.ctx));
}

static struct user_query
search_up_to(struct fixture *f, const char *asker, const char *term, int limit)
{
	struct user_query query = { .user_id = asker, .term = term, .limit = limit };

	assert_ok(user_directory_search(&f->t.ctx, f->t.arena, &query));
	return query;
}

static int
search(struct fixture *f, const char *asker, const char *term, const char *first)
{
	struct user_query query = search_up_to(f, asker, term, 10);

	if (query.count > 0 && first != NULL)
		assert_string_equal(query.users[0].user_id, first);
	return query.count;
}

/* Ann's room, which is open to all. */
static struct room *
room_with(struct fixture *f, const char *ann, const char *ben)
{
	struct room *room = testing_room(&f->t, ann, "12");

	testing_join(&f->t, room, ben);
	return room;
}

static void
set_rule(struct fixture *f, struct room *room, const char *ann, const char *rule)
{
	char content[64];

	snprintf(content, sizeof content, "{\"join_rule\":\"%s\"}", rule);
	assert_ok(
	    testing_append(&f->t, room, ann, "m.room.join_rules", "", content, NULL));
}

static void
a_user_is_found_by_each_word_of_name_and_id(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "big-ben_7");
	struct room *room = room_with(f, ann, ben);

	set_name(f, ben, "Bénédict Müller 田中");
	assert_int_equal(search(f, ann, "ben", ben), 1);
	assert_int_equal(search(f, ann, "BIG", ben), 1);
	assert_int_equal(search(f, ann, "7", ben), 1);
	assert_int_equal(search(f, ann, "béné", ben), 1);
	assert_int_equal(search(f, ann, "MÜL", ben), 1);
	assert_int_equal(search(f, ann, "中", ben), 1);
	assert_int_equal(search(f, ann, "田中", ben), 1);
	assert_int_equal(search(f, ann, "müller big", ben), 1);
	assert_int_equal(search(f, ann, "müller ann", NULL), 0);
	assert_int_equal(search(f, ann, "üller", NULL), 0);
	room_put(room);
}

static void
an_id_is_found_as_it_is_written(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben.b");
	struct room *room = room_with(f, ann, ben);

	assert_int_equal(search(f, ann, "@ben.b:" TESTING_SERVER, ben), 1);
	assert_int_equal(search(f, ann, "@Ben", ben), 1);
	assert_int_equal(search(f, ann, "ben.b:exam", ben), 1);
	assert_int_equal(search(f, ann, "@b.ben", NULL), 0);
	assert_int_equal(search(f, ann, "@ben.b:elsewhere.example", NULL), 0);
	room_put(room);
}

static void
what_has_no_words_finds_nobody(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct room *room = testing_room(&f->t, ann, "12");

	assert_int_equal(search(f, ann, "", NULL), 0);
	assert_int_equal(search(f, ann, "@:. -", NULL), 0);
	assert_int_equal(search(f, ann, "ann", ann), 1);
	room_put(room);
}

static void
who_shares_no_room_is_found_where_it_is_open_alone(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	const char *cat = new_user(f, "cat");
	struct room *room = room_with(f, ann, ben);

	assert_int_equal(search(f, cat, "ben", ben), 1);
	set_rule(f, room, ann, "invite");
	assert_int_equal(search(f, cat, "ben", NULL), 0);
	assert_int_equal(search(f, ann, "ben", ben), 1);
	assert_ok(testing_append(&f->t, room, ann, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"world_readable\"}", NULL));
	assert_int_equal(search(f, cat, "ben", ben), 1);
	assert_int_equal(search(f, ann, "cat", NULL), 0);
	room_put(room);
}

static void
who_has_left_is_not_found(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct room *room = room_with(f, ann, ben);

	assert_int_equal(search(f, ann, "ben", ben), 1);
	assert_ok(testing_append(&f->t, room, ben, "m.room.member", ben,
	    "{\"membership\":\"leave\"}", NULL));
	assert_int_equal(search(f, ann, "ben", NULL), 0);
	room_put(room);
}

static void
a_new_name_takes_the_old_ones_place(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct room *room = room_with(f, ann, ben);

	set_name(f, ben, "Xaver");
	assert_int_equal(search(f, ann, "xaver", ben), 1);
	set_name(f, ben, "Yves");
	assert_int_equal(search(f, ann, "xaver", NULL), 0);
	assert_int_equal(search(f, ann, "yves", ben), 1);
	set_name(f, ben, NULL);
	assert_int_equal(search(f, ann, "yves", NULL), 0);
	assert_int_equal(search(f, ann, "ben", ben), 1);
	room_put(room);
}

static void
who_has_ended_their_account_is_not_found(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct room *room = room_with(f, ann, ben);
	struct user_word_row *rows;
	int n;

	assert_ok(users_deactivate(&f->t.ctx, f->t.arena, ben, false));
	assert_int_equal(search(f, ann, "ben", NULL), 0);
	assert_ok(
	    store_user_words_find(f->t.ctx.db, f->t.arena, "ben", NULL, 10, &rows, &n));
	assert_int_equal(n, 0);
	room_put(room);
}

static void
the_best_match_comes_first_and_the_rest_is_told_of(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *whole = new_user(f, "sam");
	const char *name = new_user(f, "u1"), *start = new_user(f, "sammy");
	const char *inside = new_user(f, "big-sam"), *plain = new_user(f, "sam2");
	struct room *room = room_with(f, ann, whole);
	struct user_query query;

	testing_join(&f->t, room, name);
	testing_join(&f->t, room, start);
	testing_join(&f->t, room, inside);
	testing_join(&f->t, room, plain);
	set_name(f, name, "Sam");
	set_name(f, start, "Y");
	query = search_up_to(f, ann, "sam", 10);
	assert_int_equal(query.count, 5);
	assert_false(query.limited);
	assert_string_equal(query.users[0].user_id, whole);
	assert_string_equal(query.users[1].user_id, name);
	assert_string_equal(query.users[1].display_name, "Sam");
	assert_string_equal(query.users[2].user_id, start); /* has a name */
	assert_string_equal(query.users[3].user_id, plain);
	assert_string_equal(query.users[4].user_id, inside);
	query = search_up_to(f, ann, "sam", 4);
	assert_int_equal(query.count, 4);
	assert_true(query.limited);
	assert_string_equal(query.users[0].user_id, whole);
	room_put(room);
}

static enum mx_err
forget_words(void *arg, struct db *db)
{
	return db_exec(db, "DELETE FROM user_words; DELETE FROM user_words_filled");
}

static void
users_of_before_get_in_by_and_by(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct room *room = room_with(f, ann, ben);
	bool more;

	set_name(f, ben, "Xaver");
	assert_ok(ctx_write(&f->t.ctx, forget_words, NULL));
	assert_int_equal(search(f, ann, "xaver", NULL), 0);
	assert_ok(user_directory_fill(&f->t.ctx, &more));
	assert_false(more);
	assert_int_equal(search(f, ann, "xaver", ben), 1);
	assert_int_equal(search(f, ann, "ann", ann), 1);
	assert_ok(ctx_write(&f->t.ctx, forget_words, NULL));
	assert_ok(user_directory_fill(&f->t.ctx, &more));
	assert_ok(user_directory_fill(&f->t.ctx, &more));
	assert_false(more);
	room_put(room);
}

#define MANY 50000

/* In rooms that nobody may see. */
static enum mx_err
add_rooms(void *arg, struct db *db)
{
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < MANY; i++)
		err = store_member_set(db, arg, 1000000 + i, MEMBERSHIP_JOIN, 1000000);
	return err;
}

/* Looking into them all has an end; who shares a room is found behind it. */
static void
somebody_in_very_many_rooms_hides_nobody_whom_one_knows(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "word-a");
	const char *cat = new_user(f, "word-b"), *dan = new_user(f, "word-c");
	struct room *closed = room_with(f, ann, cat),
		    *open = testing_room(&f->t, dan, "12");
	struct user_query found;

	set_rule(f, closed, ann, "invite");
	found = search_up_to(f, ann, "word", 10);
	assert_true(found.count == 2 && !found.limited);
	assert_ok(ctx_write(&f->t.ctx, add_rooms, (void *)ben));
	found = search_up_to(f, ann, "word", 10);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.users[0].user_id, cat);
	assert_true(found.limited);
	room_put(closed);
	room_put(open);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_user_is_found_by_each_word_of_name_and_id),
		TEST(an_id_is_found_as_it_is_written),
		TEST(what_has_no_words_finds_nobody),
		TEST(who_shares_no_room_is_found_where_it_is_open_alone),
		TEST(who_has_left_is_not_found),
		TEST(a_new_name_takes_the_old_ones_place),
		TEST(who_has_ended_their_account_is_not_found),
		TEST(the_best_match_comes_first_and_the_rest_is_told_of),
		TEST(users_of_before_get_in_by_and_by),
		TEST(somebody_in_very_many_rooms_hides_nobody_whom_one_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
