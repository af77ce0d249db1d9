/*
 * Rooms, members and aliases in the database.
 */
#include "store/rooms.h"

#include <stdio.h>
#include <string.h>

#include "store/testing.h"

enum { JOIN = 1, INVITE = 2, LEAVE = 4 };

static void
add_room(struct fixture *f, int64_t room, const char *room_id)
{
	struct room_row row = {
		.room = room, .room_id = room_id, .version = "11", .segment = room * 10
	};

	assert_ok(store_room_add(f->db, &row));
}

static void
a_room_is_found_by_its_id_and_by_its_integer(void **state)
{
	struct fixture *f = *state;
	struct room_row by_id, by_number;

	add_room(f, 7, "!seven:x");
	assert_ok(store_room_find(f->db, f->arena, "!seven:x", &by_id));
	assert_int_equal(by_id.room, 7);
	assert_string_equal(by_id.version, "11");
	assert_int_equal(by_id.segment, 70);
	assert_false(by_id.published);
	assert_ok(store_room_get(f->db, f->arena, 7, &by_number));
	assert_string_equal(by_number.room_id, "!seven:x");
}

static void
an_unknown_room_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct room_row row;
	int64_t last;

	assert_int_equal(
	    store_room_find(f->db, f->arena, "!none:x", &row), M_NOT_FOUND);
	assert_int_equal(store_room_get(f->db, f->arena, 1, &row), M_NOT_FOUND);
	assert_ok(store_room_last(f->db, &last));
	assert_int_equal(last, 0);
}

static void
published_rooms_can_be_listed_by_themselves(void **state)
{
	struct fixture *f = *state;
	struct room_row *rows;
	char room_id[16];
	int64_t last;
	int n;

	for (int i = 1; i <= 20; i++) {
		snprintf(room_id, sizeof room_id, "!%d:x", i);
		add_room(f, i, room_id);
	}
	assert_ok(store_room_publish(f->db, 3, true));
	assert_ok(store_room_publish(f->db, 9, true));
	assert_ok(store_room_publish(f->db, 5, true));
	assert_ok(store_room_publish(f->db, 5, false));
	assert_ok(store_rooms_list(f->db, f->arena, true, &rows, &n));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].room_id, "!3:x");
	assert_true(rows[0].published);
	assert_string_equal(rows[1].room_id, "!9:x");
	assert_ok(store_rooms_list(f->db, f->arena, false, &rows, &n));
	assert_int_equal(n, 20);
	for (int i = 0; i < n; i++)
		assert_int_equal(rows[i].room, i + 1);
	assert_ok(store_room_last(f->db, &last));
	assert_int_equal(last, 20);
}

static void
a_member_has_one_row_per_room_that_follows_the_state(void **state)
{
	struct fixture *f = *state;
	struct member_row member;

	assert_ok(store_member_set(f->db, "@ann:x", 1, INVITE, 5));
	assert_ok(store_member_set(f->db, "@ann:x", 1, JOIN, 6));
	assert_ok(store_member_get(f->db, "@ann:x", 1, &member));
	assert_int_equal(member.membership, JOIN);
	assert_int_equal(member.event, 6);
	assert_int_equal(member.room, 1);
	assert_int_equal(store_member_get(f->db, "@ann:x", 2, &member), M_NOT_FOUND);
	assert_int_equal(store_member_get(f->db, "@Ann:x", 1, &member), M_NOT_FOUND);
}

static void
a_users_rooms_are_listed_by_membership(void **state)
{
	struct fixture *f = *state;
	struct member_row *rows;
	int n;

	for (int room = 1; room <= 30; room++)
		assert_ok(store_member_set(
		    f->db, "@ann:x", room, room % 3 == 0 ? LEAVE : JOIN, 100 + room));
	assert_ok(store_member_set(f->db, "@bob:x", 31, JOIN, 131));
	assert_ok(store_member_rooms(f->db, f->arena, "@ann:x", LEAVE, &rows, &n));
	assert_int_equal(n, 10);
	for (int i = 0; i < n; i++)
		assert_int_equal(rows[i].room, 3 * (i + 1));
	assert_ok(store_member_rooms(f->db, f->arena, "@ann:x", 0, &rows, &n));
	assert_int_equal(n, 30);
	assert_int_equal(rows[29].event, 130);
	assert_ok(store_member_rooms(f->db, f->arena, "@eve:x", 0, &rows, &n));
	assert_int_equal(n, 0);
}

static void
a_room_is_forgotten_until_the_next_membership(void **state)
{
	struct fixture *f = *state;
	struct member_row member;

	assert_ok(store_member_set(f->db, "@ann:x", 1, LEAVE, 5));
	assert_ok(store_member_set(f->db, "@ann:x", 2, LEAVE, 6));
	assert_ok(store_member_forget(f->db, "@ann:x", 1));
	assert_ok(store_member_get(f->db, "@ann:x", 1, &member));
	assert_true(member.forgotten);
	assert_ok(store_member_get(f->db, "@ann:x", 2, &member));
	assert_false(member.forgotten);
	assert_ok(store_member_set(f->db, "@ann:x", 1, INVITE, 7));
	assert_ok(store_member_get(f->db, "@ann:x", 1, &member));
	assert_false(member.forgotten);
}

static void
an_alias_names_one_room(void **state)
{
	struct fixture *f = *state;
	const char *creator;
	int64_t room;

	assert_ok(store_alias_add(f->db, "#a:x", 1, "@ann:x"));
	assert_int_equal(store_alias_add(f->db, "#a:x", 2, "@bob:x"), M_ROOM_IN_USE);
	assert_int_equal(store_alias_add(f->db, "#a:x", 1, "@ann:x"), M_ROOM_IN_USE);
	assert_ok(store_alias_find(f->db, f->arena, "#a:x", &room, &creator));
	assert_int_equal(room, 1);
	assert_string_equal(creator, "@ann:x");
	assert_int_equal(
	    store_alias_find(f->db, f->arena, "#A:x", &room, &creator), M_NOT_FOUND);
}

static void
a_removed_alias_is_free_again(void **state)
{
	struct fixture *f = *state;
	const char *creator;
	int64_t room;

	assert_int_equal(store_alias_remove(f->db, "#a:x"), M_NOT_FOUND);
	assert_ok(store_alias_add(f->db, "#a:x", 1, "@ann:x"));
	assert_ok(store_alias_remove(f->db, "#a:x"));
	assert_int_equal(
	    store_alias_find(f->db, f->arena, "#a:x", &room, &creator), M_NOT_FOUND);
	assert_ok(store_alias_add(f->db, "#a:x", 2, "@bob:x"));
}

static void
a_rooms_aliases_are_listed_in_order(void **state)
{
	struct fixture *f = *state;
	const char **aliases;
	char alias[16];
	int n;

	for (int i = 17; i > 0; i--) {
		snprintf(alias, sizeof alias, "#%02d:x", i);
		assert_ok(store_alias_add(f->db, alias, 1, "@ann:x"));
	}
	assert_ok(store_alias_add(f->db, "#other:x", 2, "@ann:x"));
	assert_ok(store_aliases_of(f->db, f->arena, 1, &aliases, &n));
	assert_int_equal(n, 17);
	assert_string_equal(aliases[0], "#01:x");
	assert_string_equal(aliases[16], "#17:x");
	assert_ok(store_aliases_of(f->db, f->arena, 3, &aliases, &n));
	assert_int_equal(n, 0);
}

static bool
do_share(struct fixture *f, const char *a, const char *b, int64_t *room_out)
{
	enum mx_err err = store_shared_room(f->db, a, b, room_out);

	assert_true(err == M_OK || err == M_NOT_FOUND);
	return err == M_OK;
}

static void
a_room_that_two_share_is_found_from_either_side(void **state)
{
	struct fixture *f = *state;
	int64_t room;
	bool has;

	for (int i = 1; i <= 40; i++) {
		assert_ok(store_member_set(
		    f->db, "@odd:x", i, i % 2 ? JOIN : INVITE, i * 10));
		assert_ok(store_member_set(
		    f->db, "@even:x", i, i % 2 ? LEAVE : JOIN, i * 10 + 1));
	}
	assert_false(do_share(f, "@odd:x", "@even:x", &room));
	assert_false(do_share(f, "@even:x", "@odd:x", &room));
	assert_false(do_share(f, "@odd:x", "@nobody:x", &room));
	assert_false(do_share(f, "@nobody:x", "@odd:x", &room));
	assert_ok(store_member_set(f->db, "@odd:x", 38, JOIN, 1000));
	assert_true(do_share(f, "@odd:x", "@even:x", &room));
	assert_int_equal(room, 38);
	assert_true(do_share(f, "@even:x", "@odd:x", &room));
	assert_int_equal(room, 38);
	assert_ok(store_member_has_rooms(f->db, "@odd:x", 21, &has));
	assert_true(has);
	assert_ok(store_member_has_rooms(f->db, "@odd:x", 22, &has));
	assert_false(has);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_room_is_found_by_its_id_and_by_its_integer),
		TEST(an_unknown_room_is_not_found),
		TEST(published_rooms_can_be_listed_by_themselves),
		TEST(a_member_has_one_row_per_room_that_follows_the_state),
		TEST(a_users_rooms_are_listed_by_membership),
		TEST(a_room_is_forgotten_until_the_next_membership),
		TEST(a_room_that_two_share_is_found_from_either_side),
		TEST(an_alias_names_one_room),
		TEST(a_removed_alias_is_free_again),
		TEST(a_rooms_aliases_are_listed_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
