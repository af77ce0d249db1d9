/*
 * Rows of uploaded files: which are chosen, what they come to, what is quarantined.
 */
#include "store/media.h"

#include <string.h>

#include "store/testing.h"

#define ANN "@ann:x"
#define BEN "@ben:x"

/* What is in it is told by a byte; '\0': it has not come. */
static void
add(struct fixture *f, const char *id, const char *user_id, char content, int64_t size,
    int64_t ts)
{
	struct media_row row = { .media_id = id,
		.user_id = user_id,
		.created_ts = ts,
		.has_content = content != '\0',
		.expires_ts = content != '\0' ? 0 : ts + 10,
		.size = size };

	memset(row.sha256, content, SHA256_LEN);
	assert_ok(store_media_add(f->db, &row));
}

static int
set_up_files(void **state)
{
	fixture_setup(state);
	add(*state, "one", ANN, 'a', 10, 100);
	add(*state, "two", BEN, 'a', 10, 200);
	add(*state, "three", ANN, 'b', 5, 300);
	add(*state, "four", ANN, 'b', 5, 400);
	add(*state, "empty", BEN, 'e', 0, 500);
	add(*state, "awaited", ANN, '\0', 0, 600);
	return 0;
}

/* The ids that a filter lets through, with spaces between them. */
static const char *
listed(struct fixture *f, struct media_filter filter, int limit)
{
	struct media_row *rows;
	const char *ids = "";
	int64_t files, bytes, sum = 0;
	int n;

	assert_ok(store_media_list(f->db, f->arena, &filter, limit, &rows, &n));
	for (int i = 0; i < n; i++) {
		ids = arena_printf(
		    f->arena, i == 0 ? "%s%s" : "%s %s", ids, rows[i].media_id);
		sum += rows[i].size;
	}
	assert_ok(store_media_count(f->db, &filter, &files, &bytes));
	if (n < limit) {
		assert_int_equal(files, n);
		assert_int_equal(bytes, sum);
	}
	return ids;
}

static void
files_are_chosen_by_user_age_and_size(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    listed(f, (struct media_filter){ 0 }, 10), "empty four three two one");
	assert_string_equal(listed(f, (struct media_filter){ 0 }, 2), "empty four");
	assert_string_equal(
	    listed(f, (struct media_filter){ .user_id = BEN }, 10), "empty two");
	assert_string_equal(
	    listed(f, (struct media_filter){ .user_id = BEN }, 1), "empty");
	assert_string_equal(
	    listed(f, (struct media_filter){ .before_ts = 300 }, 10), "two one");
	assert_string_equal(
	    listed(f, (struct media_filter){ .user_id = ANN, .before_ts = 400 }, 10),
	    "three one");
	assert_string_equal(
	    listed(f, (struct media_filter){ .larger_than = 5 }, 10), "two one");
	assert_string_equal(
	    listed(f, (struct media_filter){ .user_id = "@cat:x" }, 10), "");
}

static void
check_sum(const struct media_sum *sum, int64_t files, int64_t bytes, int64_t contents,
    int64_t stored_bytes)
{
	assert_int_equal(sum->files, files);
	assert_int_equal(sum->bytes, bytes);
	assert_int_equal(sum->contents, contents);
	assert_int_equal(sum->stored_bytes, stored_bytes);
}

static void
the_same_bytes_are_stored_once(void **state)
{
	struct fixture *f = *state;
	struct media_sum sum, *sums;
	int n;

	assert_ok(store_media_sum(f->db, NULL, &sum));
	check_sum(&sum, 5, 30, 3, 15);
	assert_ok(store_media_sum(f->db, BEN, &sum));
	check_sum(&sum, 2, 10, 2, 10);
	assert_ok(store_media_sum(f->db, "@cat:x", &sum));
	check_sum(&sum, 0, 0, 0, 0);
	assert_ok(store_media_sums(f->db, f->arena, &sums, &n));
	assert_int_equal(n, 2);
	assert_string_equal(sums[0].user_id, ANN);
	check_sum(&sums[0], 3, 20, 2, 15);
	assert_string_equal(sums[1].user_id, BEN);
	check_sum(&sums[1], 2, 10, 2, 10);
}

static void
what_is_in_files_is_read_in_pages(void **state)
{
	struct fixture *f = *state;
	uint8_t hashes[2][SHA256_LEN] = { { 0 } }, (*of_ann)[SHA256_LEN];
	int n;

	assert_ok(store_media_page(f->db, hashes[0], hashes, 2, &n));
	assert_int_equal(n, 2);
	assert_int_equal(hashes[0][0], 'a');
	assert_int_equal(hashes[1][0], 'b');
	assert_ok(store_media_page(f->db, hashes[1], hashes, 2, &n));
	assert_int_equal(n, 1);
	assert_int_equal(hashes[0][0], 'e');
	assert_ok(store_media_contents(f->db, f->arena, ANN, &of_ann, &n));
	assert_int_equal(n, 2);
}

static bool
is_quarantined(struct fixture *f, const char *id)
{
	struct media_row row;

	assert_ok(store_media_get(f->db, f->arena, id, &row));
	return row.quarantined;
}

static void
a_quarantine_is_of_what_is_in_a_file_and_outlives_it(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[SHA256_LEN];

	memset(hash, 'a', sizeof hash);
	assert_ok(store_media_quarantine(f->db, hash, 1000));
	assert_ok(store_media_quarantine(f->db, hash, 2000));
	assert_true(is_quarantined(f, "one"));
	assert_true(is_quarantined(f, "two"));
	assert_false(is_quarantined(f, "three"));
	assert_false(is_quarantined(f, "awaited"));
	assert_ok(store_media_remove(f->db, "one"));
	assert_ok(store_media_remove(f->db, "two"));
	add(f, "later", BEN, 'a', 10, 700);
	assert_true(is_quarantined(f, "later"));
	assert_ok(store_media_release(f->db, hash));
	assert_false(is_quarantined(f, "later"));
}

static void
only_what_never_came_expires(void **state)
{
	struct fixture *f = *state;
	struct media_row row;

	assert_ok(store_media_expire(f->db, 609));
	assert_ok(store_media_get(f->db, f->arena, "awaited", &row));
	assert_ok(store_media_expire(f->db, 610));
	assert_int_equal(
	    store_media_get(f->db, f->arena, "awaited", &row), M_NOT_FOUND);
	assert_string_equal(
	    listed(f, (struct media_filter){ 0 }, 10), "empty four three two one");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_files, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(files_are_chosen_by_user_age_and_size),
		CASE(the_same_bytes_are_stored_once),
		CASE(what_is_in_files_is_read_in_pages),
		CASE(a_quarantine_is_of_what_is_in_a_file_and_outlives_it),
		CASE(only_what_never_came_expires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
