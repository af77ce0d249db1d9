#include <string.h>

#include "store/devices.h"
#include "store/guests.h"
#include "store/profiles.h"
#include "store/rooms.h"
#include "store/testing.h"
#include "store/users.h"

static enum mx_err
find(struct fixture *f, const char *user_id, struct user_row *out)
{
	return store_user_get(f->db, f->arena, user_id, out);
}

static void
a_guest_gets_one_row(void **state)
{
	struct fixture *f = *state;
	struct user_row row;

	assert_ok(store_guest_add(f->db, "@g:x", 5, 9));
	assert_ok(store_guest_add(f->db, "@g:x", 6, 10));
	assert_ok(find(f, "@g:x", &row));
	assert_int_equal(row.kind, USER_GUEST);
	assert_int_equal(row.seen_ts, 5);
	assert_int_equal(row.expires_ts, 9);
	assert_null(row.password_hash);
}

static void
a_denied_guest_gets_none_until_the_denial_is_pruned(void **state)
{
	struct fixture *f = *state;

	assert_ok(store_denial_add(f->db, "@g:x", 100));
	assert_int_equal(store_guest_add(f->db, "@g:x", 5, 9), M_UNKNOWN_TOKEN);
	assert_ok(store_denials_prune(f->db, 99));
	assert_int_equal(store_guest_add(f->db, "@g:x", 5, 9), M_UNKNOWN_TOKEN);
	assert_ok(store_denials_prune(f->db, 100));
	assert_ok(store_guest_add(f->db, "@g:x", 5, 9));
}

static void
being_seen_goes_forward_only_and_never_undoes_an_end(void **state)
{
	struct fixture *f = *state;
	struct user_row row;

	assert_ok(store_guest_add(f->db, "@g:x", 5, 9));
	assert_ok(store_guest_seen(f->db, "@g:x", 8));
	assert_ok(store_guest_seen(f->db, "@g:x", 7));
	assert_ok(find(f, "@g:x", &row));
	assert_int_equal(row.seen_ts, 8);
	assert_ok(store_guest_end(f->db, "@g:x"));
	assert_ok(store_guest_seen(f->db, "@g:x", 20));
	assert_ok(find(f, "@g:x", &row));
	assert_int_equal(row.seen_ts, 0);
	assert_int_equal(row.expires_ts, 0);
}

static void
a_guest_is_not_removed_while_it_is_in_a_room(void **state)
{
	struct fixture *f = *state;
	struct device_row device = { .device_id = "D" }, *devices;
	struct profile_row name = { "displayname", "\"G\"", 3 };
	struct user_row row;
	int n;

	assert_ok(store_guest_add(f->db, "@g:x", 5, 9));
	assert_ok(store_device_add(f->db, "@g:x", &device));
	assert_ok(store_profile_set(f->db, "@g:x", &name, 1000));
	for (int membership = 1; membership <= 3; membership++) {
		assert_ok(store_member_set(f->db, "@g:x", 1, membership, 1));
		assert_int_equal(store_guest_remove(f->db, "@g:x"), M_BAD_STATE);
	}
	assert_ok(store_member_set(f->db, "@g:x", 1, 4, 2));
	assert_ok(store_guest_remove(f->db, "@g:x"));
	assert_int_equal(find(f, "@g:x", &row), M_NOT_FOUND);
	assert_ok(store_devices_list(f->db, f->arena, "@g:x", &devices, &n));
	assert_int_equal(n, 0);
	assert_int_equal(
	    store_profile_field(f->db, f->arena, "@g:x", "displayname", &name),
	    M_NOT_FOUND);
}

static void
an_account_is_no_guest_to_be_removed_or_upgraded(void **state)
{
	struct fixture *f = *state;
	struct user_row row = { .user_id = "@ann:x" };

	assert_ok(store_user_add(f->db, &row));
	assert_int_equal(store_user_add(f->db, &row), M_USER_IN_USE);
	assert_ok(store_guest_remove(f->db, "@ann:x"));
	assert_ok(find(f, "@ann:x", &row));
	assert_int_equal(
	    store_guest_upgrade(f->db, "@ann:x", "hash", 5), M_USER_IN_USE);
}

static void
an_upgrade_needs_no_row_and_keeps_the_one_that_is_there(void **state)
{
	struct fixture *f = *state;
	struct user_row row;

	assert_ok(store_guest_add(f->db, "@g:x", 5, 9));
	assert_ok(store_guest_upgrade(f->db, "@g:x", "hash", 7));
	assert_ok(find(f, "@g:x", &row));
	assert_int_equal(row.kind, USER_ACCOUNT);
	assert_string_equal(row.password_hash, "hash");
	assert_int_equal(row.created_ts, 5);
	assert_ok(store_guest_upgrade(f->db, "@h:x", NULL, 7));
	assert_ok(find(f, "@h:x", &row));
	assert_int_equal(row.kind, USER_ACCOUNT);
	assert_int_equal(row.created_ts, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_gets_one_row),
		TEST(a_denied_guest_gets_none_until_the_denial_is_pruned),
		TEST(being_seen_goes_forward_only_and_never_undoes_an_end),
		TEST(a_guest_is_not_removed_while_it_is_in_a_room),
		TEST(an_account_is_no_guest_to_be_removed_or_upgraded),
		TEST(an_upgrade_needs_no_row_and_keeps_the_one_that_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
