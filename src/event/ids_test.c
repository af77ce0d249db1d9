/*
 * The grammar of identifiers, by tables of what is one and what is none.
 * Relies on event/ids.
 * Stands beside ids.c, run by the test suite.
 */
#include "event/ids.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/crypto.h"

#define HASH "Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ"
#define HASH_STD "CD66HAED5npg6074c6pDtLKalHjVfYb2q4Q3LZgrW/+"

struct row {
	const char *id;
	bool valid;
};

static void
check(const struct row *rows, size_t n, bool (*valid)(const char *))
{
	for (size_t i = 0; i < n; i++)
		if (valid(rows[i].id) != rows[i].valid)
			fail_msg("\"%s\" should%s be valid", rows[i].id,
			    rows[i].valid ? "" : " not");
}

#define CHECK(rows, valid) check(rows, sizeof rows / sizeof rows[0], valid)

static void
server_names_follow_the_grammar(void **state)
{
	static const struct row rows[] = {
		{ "matrix.org", true },
		{ "matrix.org:8888", true },
		{ "localhost", true },
		{ "MATRIX.org", true },
		{ "a-b.c-", true },
		{ "1.2.3.4", true },
		{ "1.2.3.4:1234", true },
		{ "255.255.255.255", true },
		{ "1.2.3.4.5", true },
		{ "1.2.3", true },
		{ "[1234:5678::abcd]", true },
		{ "[1234:5678::abcd]:5678", true },
		{ "[::ffff:1.2.3.4]", true },
		{ "", false },
		{ ":80", false },
		{ "a:", false },
		{ "a:123456", false },
		{ "a:80x", false },
		{ "a:80:80", false },
		{ "256.1.1.1", false },
		{ "1.2.3.0004", false },
		{ "a_b", false },
		{ "a b", false },
		{ "a/b", false },
		{ "b\xc3\xbc"
		  "cher.de",
		    false },
		{ "[", false },
		{ "[]", false },
		{ "[::1", false },
		{ "[::1]x", false },
		{ "[1.2.3.4]", false },
		{ "[1:2:3:4:5:6:7:8:9]", false },
		{ "[fe80::1%25eth0]", false },
	};

	CHECK(rows, id_server_name_valid);
}

static void
user_ids_of_others_may_have_any_localpart(void **state)
{
	static const struct row rows[] = {
		{ "@ann:x", true },
		{ "@:x", true },
		{ "@Ann Lee!:x:80", true },
		{ "@\xc3\xbc:x", true },
		{ "@\n:x", true },
		{ "ann:x", false },
		{ "@ann", false },
		{ "@ann:", false },
		{ "@ann:x y", false },
		{ "@ann:b:x", false },
		{ "", false },
		{ "#ann:x", false },
	};

	CHECK(rows, id_user_valid);
}

static void
user_ids_of_today_have_strict_localparts(void **state)
{
	static const struct row rows[] = {
		{ "@ann:x", true },
		{ "@a.b_c=d-e/f+9:x", true },
		{ "@Ann:x", false },
		{ "@:x", false },
		{ "@a b:x", false },
		{ "@\xc3\xbc:x", false },
		{ "@a@b:x", false },
		{ "@ann", false },
	};
	static const struct row localparts[] = {
		{ "a", true },
		{ "0._=-/+", true },
		{ "", false },
		{ "A", false },
		{ "a:b", false },
		{ "@a", false },
	};

	CHECK(rows, id_user_strict);
	CHECK(localparts, id_localpart_strict);
}

static void
room_ids_and_aliases_follow_the_grammar(void **state)
{
	static const struct row rooms[] = {
		{ "!a:x", true },
		{ "!:x", true },
		{ "!" HASH, true },
		{ "!a", false },
		{ "!" HASH "A", false },
		{ "!" HASH_STD, false },
		{ "#a:x", false },
		{ "!a:", false },
	};
	static const struct row aliases[] = {
		{ "#a:x", true },
		{ "#caf\xc3\xa9 room:x:1", true },
		{ "#a", false },
		{ "a:x", false },
		{ "#a:x/y", false },
	};

	CHECK(rooms, id_room_valid);
	CHECK(aliases, id_alias_valid);
}

static void
room_and_event_ids_have_their_versions_form(void **state)
{
	int count;
	const struct room_version *list = room_version_list(&count);

	for (int i = 0; i < count; i++) {
		int n = i + 1;

		assert_int_equal(id_room_valid_in(&list[i], "!a:x"), n < 12);
		assert_int_equal(id_room_valid_in(&list[i], "!" HASH), n >= 12);
		assert_int_equal(id_event_valid(&list[i], "$a:x"), n < 3);
		assert_int_equal(id_event_valid(&list[i], "$" HASH_STD), n == 3);
		assert_int_equal(id_event_valid(&list[i], "$" HASH), n > 3);
		assert_false(id_event_valid(&list[i], "$"));
	}
	assert_true(id_room_valid_in(NULL, "!a:x"));
	assert_true(id_event_valid(NULL, "$x"));
	assert_false(id_event_valid(NULL, "$"));
	assert_false(id_event_valid(NULL, "x"));
}

static void
no_id_is_longer_than_255_bytes(void **state)
{
	char id[300];

	memset(id, 'a', sizeof id);
	memcpy(id + 253, ":x", 3);
	for (int i = 0; i < 2; i++) {
		bool fits = i == 0;

		memcpy(id + 253 + i, ":x", 3);
		if (i == 1)
			id[253] = 'a';
		id[0] = '@';
		assert_int_equal(id_user_valid(id), fits);
		assert_int_equal(id_user_strict(id), fits);
		id[0] = '!';
		assert_int_equal(id_room_valid(id), fits);
		id[0] = '#';
		assert_int_equal(id_alias_valid(id), fits);
		id[0] = '$';
		assert_int_equal(id_event_valid(NULL, id), fits);
	}
	memset(id, 'a', sizeof id);
	id[255] = '\0';
	assert_true(id_server_name_valid(id));
	id[255] = 'a';
	id[256] = '\0';
	assert_false(id_server_name_valid(id));
}

static void
an_mxc_uri_leads_nowhere_but_to_a_medium(void **state)
{
	static const struct row rows[] = {
		{ "mxc://x.org/aZ09_-", true },
		{ "mxc://[::1]:80/a", true },
		{ "", false },
		{ "mxc://", false },
		{ "mxc://x.org", false },
		{ "mxc://x.org/", false },
		{ "mxc:///a", false },
		{ "mxc://x y/a", false },
		{ "mxc://x.org/a/b", false },
		{ "mxc://127.0.0.1/../../etc/passwd", false },
		{ "mxc://x.org/a#auto", false },
		{ "https://x.org/a", false },
	};
	char uri[300];

	CHECK(rows, id_mxc_valid);
	memset(uri, 'a', sizeof uri);
	memcpy(uri, "mxc://", 6);
	strcpy(uri + sizeof uri - 3, "/a");
	assert_false(id_mxc_valid(uri));
}

static void
the_server_is_what_follows_the_first_colon(void **state)
{
	struct arena *arena = arena_new();

	assert_string_equal(id_server("@a:x:80"), "x:80");
	assert_null(id_server("!" HASH));
	assert_true(id_is_of("@a:x:80", "x:80"));
	assert_false(id_is_of("@a:x:80", "x"));
	assert_false(id_is_of("@a", "x"));
	assert_true(id_same_server("@a:x", "!b:x"));
	assert_false(id_same_server("@a:x", "@a:X"));
	assert_false(id_same_server("@a", "@a"));
	assert_string_equal(id_localpart(arena, "@ann:x:80"), "ann");
	assert_string_equal(id_localpart(arena, "@:x"), "");
	assert_string_equal(id_localpart(arena, "!room"), "room");
	assert_string_equal(id_localpart(arena, ""), "");
	arena_free(arena);
}

static void
new_ids_are_valid_and_differ(void **state)
{
	struct arena *arena = arena_new();
	const char *room = id_new(arena, '!', "x.org");

	assert_true(id_room_valid(room));
	assert_string_not_equal(room, id_new(arena, '!', "x.org"));
	assert_null(id_server(id_new(arena, '$', NULL)));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_names_follow_the_grammar),
		cmocka_unit_test(user_ids_of_others_may_have_any_localpart),
		cmocka_unit_test(user_ids_of_today_have_strict_localparts),
		cmocka_unit_test(room_ids_and_aliases_follow_the_grammar),
		cmocka_unit_test(room_and_event_ids_have_their_versions_form),
		cmocka_unit_test(no_id_is_longer_than_255_bytes),
		cmocka_unit_test(an_mxc_uri_leads_nowhere_but_to_a_medium),
		cmocka_unit_test(the_server_is_what_follows_the_first_colon),
		cmocka_unit_test(new_ids_are_valid_and_differ),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
