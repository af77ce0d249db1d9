/*
 * Looking into trees, building, changing, comparing and copying them.
 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static struct json *
parse(struct arena *arena, const char *text)
{
	struct json *v = json_parse_copy(arena, text, strlen(text), JSON_LENIENT, NULL);

	assert_non_null(v);
	return v;
}

static void
reads(struct arena *arena, const struct json *v, const char *text)
{
	assert_string_equal(json_text(arena, v, NULL), text);
}

static void
a_key_finds_its_value(void **state)
{
	struct json *v =
	    parse(*state, "{\"type\":\"t\",\"\":0,\"ab\":1,\"a\":2,\"b\":3}");

	assert_int_equal(json_get(v, "")->i, 0);
	assert_int_equal(json_get(v, "ab")->i, 1);
	assert_int_equal(json_get(v, "a")->i, 2);
	assert_int_equal(json_get(v, "b")->i, 3);
	assert_null(json_get(v, "abc"));
	assert_null(json_get(v, "B"));
	assert_null(json_get(v, "c"));
	assert_null(json_get(v, "typ"));
}

static void
a_key_may_be_given_with_its_length(void **state)
{
	struct json *v = parse(*state, "{\"a\\u0000b\":1,\"a\":2,\"\":3}");

	assert_int_equal(json_get_n(v, "a\0b", 3)->i, 1);
	assert_int_equal(json_get_n(v, "axy", 1)->i, 2);
	assert_int_equal(json_get_n(v, "axy", 0)->i, 3);
	assert_null(json_get_n(v, "axy", 2));
	assert_null(json_get_n(v, "a\0c", 3));
}

static void
every_key_of_a_large_object_is_found(void **state)
{
	struct arena *arena = *state;
	struct json *v = json_object(arena);
	char key[16];

	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "%d", i * 7 % 2000);
		json_set_int(arena, v, key, i);
	}
	assert_int_equal(v->n, 2000);
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof key, "%d", i * 7 % 2000);
		assert_int_equal(json_get(v, key)->i, i);
	}
}

static void
nothing_is_found_where_there_is_no_object(void **state)
{
	struct arena *arena = *state;
	const struct json *others[] = { NULL, json_null(arena), json_array(arena),
		json_str(arena, "a"), json_int(arena, 1), json_bool(arena, true),
		json_object(arena) };
	int64_t i = 5;

	for (size_t n = 0; n < sizeof others / sizeof others[0]; n++) {
		const struct json *v = others[n];

		assert_null(json_get(v, "a"));
		assert_null(json_get_n(v, "a", 1));
		assert_null(json_at(v, "a", "b", NULL));
		assert_null(json_get_str(v, "a"));
		assert_null(json_get_object(v, "a"));
		assert_null(json_get_array(v, "a"));
		assert_false(json_get_int(v, "a", &i));
		assert_true(json_get_bool(v, "a", true));
		assert_false(json_get_bool(v, "a", false));
	}
	assert_int_equal(i, 5);
}

static void
a_path_goes_down_objects(void **state)
{
	struct json *v = parse(*state, "{\"a\":{\"b\":{\"c\":1}},\"x\":[1]}");

	assert_int_equal(json_at(v, "a", "b", "c", NULL)->i, 1);
	assert_ptr_equal(json_at(v, "a", NULL), json_get(v, "a"));
	assert_null(json_at(v, "a", "c", "b", NULL));
	assert_null(json_at(v, "x", "0", NULL));
	assert_null(json_at(v, "a", "b", "c", "d", NULL));
}

static void
a_value_of_another_type_is_as_good_as_missing(void **state)
{
	struct json *v = parse(*state,
	    "{\"s\":\"x\",\"i\":7,\"f\":7.0,\"big\":99999999999999999999,\"b\":true,"
	    "\"o\":{},\"a\":[],\"n\":null}");
	int64_t i = 0;

	assert_string_equal(json_get_str(v, "s"), "x");
	assert_null(json_get_str(v, "i"));
	assert_null(json_get_str(v, "n"));
	assert_true(json_get_int(v, "i", &i));
	assert_int_equal(i, 7);
	assert_false(json_get_int(v, "f", &i));
	assert_false(json_get_int(v, "big", &i));
	assert_false(json_get_int(v, "s", &i));
	assert_true(json_get_bool(v, "b", false));
	assert_false(json_get_bool(v, "i", false));
	assert_true(json_get_bool(v, "n", true));
	assert_non_null(json_get_object(v, "o"));
	assert_null(json_get_object(v, "a"));
	assert_non_null(json_get_array(v, "a"));
	assert_null(json_get_array(v, "o"));
}

static void
the_type_of_nothing_is_none(void **state)
{
	struct arena *arena = *state;

	assert_false(json_is(NULL, JSON_NULL));
	assert_true(json_is(json_null(arena), JSON_NULL));
	assert_false(json_is(json_null(arena), JSON_BOOL));
	assert_null(json_as_str(NULL));
	assert_null(json_as_str(json_int(arena, 1)));
	assert_string_equal(json_as_str(json_str(arena, "a")), "a");
}

static void
a_string_with_a_nul_inside_is_no_c_string(void **state)
{
	struct json *v = parse(*state, "{\"a\":\"x\\u0000y\",\"b\":\"\\u0000\"}");

	assert_null(json_get_str(v, "a"));
	assert_null(json_get_str(v, "b"));
	assert_int_equal(json_get(v, "a")->n, 3);
	assert_memory_equal(json_get(v, "a")->s, "x\0y", 4);
}

static void
every_type_can_be_built(void **state)
{
	struct arena *arena = *state;
	struct json *list = json_array(arena), *object = json_object(arena);

	reads(arena, list, "[]");
	reads(arena, object, "{}");
	json_push(arena, list, json_null(arena));
	json_push(arena, list, json_bool(arena, true));
	json_push(arena, list, json_int(arena, INT64_MIN));
	json_push(arena, list, json_str(arena, "s"));
	json_push(arena, list, json_str(arena, NULL));
	json_push(arena, list, json_strn(arena, "abc", 2));
	json_push(arena, list, json_strn(arena, "a\0b", 3));
	json_push(arena, list, object);
	reads(arena, list,
	    "[null,true,-9223372036854775808,\"s\",null,\"ab\",\"a\\u0000b\",{}]");
}

static void
members_are_set_in_order_and_replaced(void **state)
{
	struct arena *arena = *state;
	struct json *v = json_object(arena);

	json_set_str(arena, v, "m", "x");
	json_set_int(arena, v, "z", 1);
	json_set_bool(arena, v, "a", false);
	json_set(arena, v, "mm", json_array(arena));
	json_set_str(arena, v, "n", NULL);
	reads(arena, v, "{\"a\":false,\"m\":\"x\",\"mm\":[],\"n\":null,\"z\":1}");
	json_set_int(arena, v, "m", 2);
	json_set_str(arena, v, "a", "y");
	json_set_bool(arena, v, "z", true);
	reads(arena, v, "{\"a\":\"y\",\"m\":2,\"mm\":[],\"n\":null,\"z\":true}");
}

static void
keys_and_strings_that_are_set_are_copied(void **state)
{
	struct arena *arena = *state;
	struct json *v = json_object(arena);
	char key[] = "key", value[] = "value";

	json_set_str(arena, v, key, value);
	key[0] = value[0] = 'x';
	reads(arena, v, "{\"key\":\"value\"}");
}

static void
a_parsed_tree_can_be_changed(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "{\"b\":[1],\"d\":2,\"unsigned\":{\"age\":1}}");

	assert_true(json_del(v, "unsigned"));
	json_set_int(arena, v, "c", 3);
	json_set_str(arena, v, "a", "first");
	json_set_str(arena, v, "e", "last");
	reads(arena, v, "{\"a\":\"first\",\"b\":[1],\"c\":3,\"d\":2,\"e\":\"last\"}");
}

static void
a_member_may_be_set_from_its_own_object(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "{\"b\":1,\"c\":2,\"d\":[3]}");

	json_set(arena, v, "x", json_get(v, "d"));
	for (char key[] = "aa"; key[1] < 'i'; key[1]++)
		json_set(arena, v, key, json_get(v, "d"));
	assert_int_equal(v->n, 12);
	for (uint32_t i = 0; i < 8; i++)
		reads(arena, &v->members[i].value, "[3]");
	reads(arena, json_get(v, "b"), "1");
	reads(arena, json_get(v, "x"), "[3]");
}

static void
an_item_may_be_pushed_from_its_own_array(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "[\"a\"]");

	for (int i = 0; i < 9; i++)
		json_push(arena, v, &v->items[0]);
	reads(
	    arena, v, "[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]");
}

static void
deleting_says_whether_the_key_was_there(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "{\"a\":1,\"b\":2,\"c\":3}");

	assert_true(json_del(v, "b"));
	assert_false(json_del(v, "b"));
	assert_false(json_del(v, "d"));
	reads(arena, v, "{\"a\":1,\"c\":3}");
	assert_true(json_del(v, "c"));
	assert_true(json_del(v, "a"));
	assert_false(json_del(v, "a"));
	reads(arena, v, "{}");
}

static void
trees_are_equal_whatever_the_order_of_their_texts(void **state)
{
	struct arena *arena = *state;
	struct json *a = parse(arena,
	    "{\"a\":[1,1.5,true,null,\"x\"],\"b\":{\"c\":99999999999999999999}}");
	struct json *b = parse(arena, "{\"b\":{\"c\":99999999999999999999},\"a\":[1,"
				      "15e-1,true,null,\"\\u0078\"]}");

	assert_true(json_equal(a, b));
	assert_true(json_equal(a, a));
	assert_true(json_equal(NULL, NULL));
	assert_false(json_equal(a, NULL));
	assert_false(json_equal(NULL, a));
}

static void
trees_that_differ_anywhere_are_not_equal(void **state)
{
	struct arena *arena = *state;
	static const char *const texts[] = { "null", "true", "false", "0", "1", "1.0",
		"1.5", "99999999999999999999", "99999999999999999998", "\"\"", "\"a\"",
		"\"b\"", "\"a\\u0000\"", "[]", "[1]", "[2]", "[1,1]", "{}", "{\"a\":1}",
		"{\"a\":2}", "{\"b\":1}", "{\"a\":1,\"b\":1}", "{\"a\\u0000\":1}",
		"{\"a\":{}}", "{\"a\":[]}", "\"99999999999999999999\"" };
	size_t n = sizeof texts / sizeof texts[0];

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			assert_int_equal(
			    json_equal(parse(arena, texts[i]), parse(arena, texts[j])),
			    i == j);
}

static void
a_shallow_copy_can_change_without_its_model(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "{\"a\":1,\"b\":{\"c\":2},\"d\":3}");
	struct json *copy = json_shallow(arena, v);

	json_del(copy, "a");
	json_set_int(arena, copy, "d", 4);
	for (char key[] = "aa"; key[1] < 'k'; key[1]++)
		json_set_int(arena, copy, key, 5);
	reads(arena, v, "{\"a\":1,\"b\":{\"c\":2},\"d\":3}");
	assert_int_equal(copy->n, 12);
	assert_ptr_equal(json_get(copy, "b")->members, json_get(v, "b")->members);
}

static void
every_type_can_be_copied_shallowly(void **state)
{
	struct arena *arena = *state;
	struct json *list = parse(arena, "[1,[2]]"), *copy = json_shallow(arena, list);

	json_push(arena, copy, json_null(arena));
	reads(arena, list, "[1,[2]]");
	reads(arena, copy, "[1,[2],null]");
	reads(arena, json_shallow(arena, json_str(arena, "x")), "\"x\"");
	reads(arena, json_shallow(arena, json_object(arena)), "{}");
	reads(arena, json_shallow(arena, json_array(arena)), "[]");
}

static void
a_deep_copy_shares_nothing_with_its_model(void **state)
{
	struct arena *arena = *state, *other = arena_new();
	const char *text = "{\"a\":[1,1.5,true,null,\"x\\u0000y\"],\"b\":{\"c\":"
			   "99999999999999999999,\"d\":{},\"e\":[]}}";
	struct json *copy = json_copy(arena, parse(other, text));

	arena_free(other);
	reads(arena, copy, text);
	json_set_int(arena, copy, "c", 1);
	assert_int_equal(json_get(copy, "c")->i, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_finds_its_value, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_key_may_be_given_with_its_length, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_key_of_a_large_object_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    nothing_is_found_where_there_is_no_object, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_path_goes_down_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_value_of_another_type_is_as_good_as_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_type_of_nothing_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_string_with_a_nul_inside_is_no_c_string, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_type_can_be_built, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    members_are_set_in_order_and_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    keys_and_strings_that_are_set_are_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_parsed_tree_can_be_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_member_may_be_set_from_its_own_object, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_item_may_be_pushed_from_its_own_array, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    deleting_says_whether_the_key_was_there, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    trees_are_equal_whatever_the_order_of_their_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    trees_that_differ_anywhere_are_not_equal, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_shallow_copy_can_change_without_its_model, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_type_can_be_copied_shallowly, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_deep_copy_shares_nothing_with_its_model, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
