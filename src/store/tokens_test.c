#include <string.h>

#include "store/devices.h"
#include "store/testing.h"
#include "store/tokens.h"
#include "store/users.h"

static const uint8_t one[TOKEN_HASH_LEN] = { 1 }, two[TOKEN_HASH_LEN] = { 2 },
		     three[TOKEN_HASH_LEN] = { 3 };

static void
add_ann(struct fixture *f)
{
	struct user_row row = { .user_id = "@ann:x", .is_admin = true };
	struct device_row device = { .device_id = "PHONE", .last_seen_ts = 7 };

	assert_ok(store_user_add(f->db, &row));
	assert_ok(store_device_add(f->db, "@ann:x", &device));
}

static void
add_access(struct fixture *f, const uint8_t *hash, const char *device_id,
    const uint8_t *refresh_hash)
{
	struct access_row row = { .user_id = "@ann:x",
		.device_id = device_id,
		.expires_ts = 99,
		.refresh_hash = refresh_hash };

	assert_ok(store_access_add(f->db, hash, &row));
}

static void
an_access_token_is_found_with_its_user_and_device(void **state)
{
	struct fixture *f = *state;
	struct access_row got;

	add_ann(f);
	add_access(f, one, "PHONE", two);
	assert_ok(store_access_find(f->db, f->arena, one, &got));
	assert_string_equal(got.user_id, "@ann:x");
	assert_string_equal(got.device_id, "PHONE");
	assert_int_equal(got.expires_ts, 99);
	assert_int_equal(got.seen_ts, 7);
	assert_true(got.is_admin);
	assert_memory_equal(got.refresh_hash, two, TOKEN_HASH_LEN);
	assert_int_equal(store_access_find(f->db, f->arena, two, &got), M_NOT_FOUND);
}

static void
a_refresh_token_knows_its_successor_and_is_found_by_it(void **state)
{
	struct fixture *f = *state;
	struct refresh_row got;
	const uint8_t *before;

	assert_ok(store_refresh_add(f->db, one, "@ann:x", "PHONE"));
	assert_ok(store_refresh_find(f->db, f->arena, one, &got));
	assert_null(got.next_hash);
	assert_ok(store_refresh_used(f->db, one, two));
	assert_ok(store_refresh_find(f->db, f->arena, one, &got));
	assert_memory_equal(got.next_hash, two, TOKEN_HASH_LEN);
	assert_ok(
	    store_refresh_before(f->db, f->arena, "@ann:x", "PHONE", two, &before));
	assert_memory_equal(before, one, TOKEN_HASH_LEN);
	assert_int_equal(
	    store_refresh_before(f->db, f->arena, "@ann:x", "PHONE", one, &before),
	    M_NOT_FOUND);
}

static void
a_refresh_token_takes_the_access_token_beside_it(void **state)
{
	struct fixture *f = *state;
	struct access_row access;
	struct refresh_row refresh;

	add_ann(f);
	assert_ok(store_refresh_add(f->db, one, "@ann:x", "PHONE"));
	add_access(f, two, "PHONE", one);
	add_access(f, three, "PHONE", NULL);
	assert_ok(store_refresh_remove(f->db, "@ann:x", "PHONE", one));
	assert_int_equal(
	    store_refresh_find(f->db, f->arena, one, &refresh), M_NOT_FOUND);
	assert_int_equal(store_access_find(f->db, f->arena, two, &access), M_NOT_FOUND);
	assert_ok(store_access_find(f->db, f->arena, three, &access));
}

static void
a_device_takes_its_own_tokens_and_no_others(void **state)
{
	struct fixture *f = *state;
	struct access_row access;
	struct refresh_row refresh;
	struct device_row device;

	add_ann(f);
	add_access(f, one, "PHONE", NULL);
	add_access(f, two, "TABLET", NULL);
	assert_ok(store_refresh_add(f->db, three, "@ann:x", "PHONE"));
	assert_ok(store_device_remove(f->db, "@ann:x", "PHONE"));
	assert_int_equal(
	    store_device_get(f->db, f->arena, "@ann:x", "PHONE", &device), M_NOT_FOUND);
	assert_int_equal(store_access_find(f->db, f->arena, one, &access), M_NOT_FOUND);
	assert_int_equal(
	    store_refresh_find(f->db, f->arena, three, &refresh), M_NOT_FOUND);
	assert_ok(store_access_find(f->db, f->arena, two, &access));
}

static void
a_known_device_keeps_its_name_when_it_comes_again(void **state)
{
	struct fixture *f = *state;
	struct device_row row = { .device_id = "PHONE", .display_name = "old" }, got;

	assert_ok(store_device_add(f->db, "@ann:x", &row));
	row.display_name = "new";
	row.last_seen_ts = 5;
	row.last_seen_ip = "192.0.2.1";
	assert_ok(store_device_add(f->db, "@ann:x", &row));
	assert_ok(store_device_get(f->db, f->arena, "@ann:x", "PHONE", &got));
	assert_string_equal(got.display_name, "old");
	assert_int_equal(got.last_seen_ts, 5);
	assert_string_equal(got.last_seen_ip, "192.0.2.1");
	assert_ok(store_device_rename(f->db, "@ann:x", "PHONE", "newest"));
	assert_ok(store_device_get(f->db, f->arena, "@ann:x", "PHONE", &got));
	assert_string_equal(got.display_name, "newest");
	assert_int_equal(
	    store_device_rename(f->db, "@ann:x", "NONE", "x"), M_NOT_FOUND);
}

static void
a_registration_token_counts_its_uses(void **state)
{
	struct fixture *f = *state;
	struct registration_token_row row = {
		.token = "abc", .uses_allowed = 2, .expires_ts = 100
	};
	struct registration_token_row *rows;
	bool valid;
	int n;

	assert_ok(store_registration_token_add(f->db, &row));
	assert_ok(store_registration_token_use(f->db, "abc", 99));
	assert_int_equal(
	    store_registration_token_use(f->db, "abc", 100), M_UNAUTHORIZED);
	assert_ok(store_registration_token_use(f->db, "abc", 99));
	assert_int_equal(
	    store_registration_token_use(f->db, "abc", 99), M_UNAUTHORIZED);
	assert_int_equal(
	    store_registration_token_use(f->db, "abd", 99), M_UNAUTHORIZED);
	assert_ok(store_registration_token_valid(f->db, "abc", 99, &valid));
	assert_false(valid);
	assert_ok(store_registration_tokens_list(f->db, f->arena, &rows, &n));
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].completed, 2);
	assert_int_equal(rows[0].uses_allowed, 2);
	assert_int_equal(rows[0].expires_ts, 100);
}

static void
a_registration_token_without_limits_stays_good(void **state)
{
	struct fixture *f = *state;
	struct registration_token_row row = { .token = "abc", .uses_allowed = -1 };
	struct registration_token_row *rows;
	int n;

	assert_ok(store_registration_token_add(f->db, &row));
	for (int i = 0; i < 10; i++)
		assert_ok(store_registration_token_use(f->db, "abc", INT64_MAX));
	assert_ok(store_registration_tokens_list(f->db, f->arena, &rows, &n));
	assert_int_equal(rows[0].uses_allowed, -1);
	assert_int_equal(rows[0].expires_ts, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_access_token_is_found_with_its_user_and_device),
		TEST(a_refresh_token_knows_its_successor_and_is_found_by_it),
		TEST(a_refresh_token_takes_the_access_token_beside_it),
		TEST(a_device_takes_its_own_tokens_and_no_others),
		TEST(a_known_device_keeps_its_name_when_it_comes_again),
		TEST(a_registration_token_counts_its_uses),
		TEST(a_registration_token_without_limits_stays_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
