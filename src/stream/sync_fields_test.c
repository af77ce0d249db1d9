#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "stream/sync_fields.h"

/* What is left of one event; the caller frees it. */
static char *
kept(const char *event, const char **fields, int n)
{
	struct arena *arena = arena_new();
	struct filter_list list = { fields, n };
	struct buf out = { 0 };

	buf_lit(&out, "before[");
	buf_str(&out, event);
	buf_char(&out, ']');
	sync_fields_keep(arena, &list, &out, strlen("before"));
	buf_char(&out, '\0');
	arena_free(arena);
	return buf_take(&out, NULL);
}

#define assert_kept(event, expected, ...)                                              \
	do {                                                                           \
		const char *fields_[] = { __VA_ARGS__ };                               \
		char *got_ = kept(event, fields_, sizeof fields_ / sizeof *fields_);   \
		assert_string_equal(got_, "before[" expected "]");                     \
		free(got_);                                                            \
	} while (0)

static const char event[] =
    "{\"type\":\"t\",\"content\":{\"body\":\"b\",\"deep\":{\"a\":1,\"b\":2},"
    "\"m.dot\":{\"x\":3},\"back\\\\slash\":4}}";

static void
only_what_is_named_is_left(void **state)
{
	assert_kept(event, "{\"type\":\"t\"}", "type");
	assert_kept(event, "{\"content\":{\"body\":\"b\"}}", "content.body");
	assert_kept(event,
	    "{\"content\":{\"body\":\"b\",\"deep\":{\"b\":2}},\"type\":\"t\"}",
	    "content.deep.b", "type", "content.body");
}

static void
a_whole_object_may_be_named(void **state)
{
	assert_kept(event, "{\"content\":{\"deep\":{\"a\":1,\"b\":2}}}", "content.deep",
	    "content.deep.a");
}

static void
dots_and_backslashes_in_names_are_escaped(void **state)
{
	assert_kept(event, "{\"content\":{\"m.dot\":{\"x\":3}}}", "content.m\\.dot.x");
	assert_kept(
	    event, "{\"content\":{\"back\\\\slash\":4}}", "content.back\\\\slash");
	assert_kept(event, "{}", "content.m.dot");
}

static void
what_is_not_there_leaves_nothing(void **state)
{
	assert_kept(event, "{}", "content.body.further", "nothing", "", ".", "type.x");
}

static void
no_list_leaves_everything(void **state)
{
	struct buf out = { 0 };
	struct filter_list none = { NULL, 0 };

	buf_lit(&out, "[{\"a\":1}]");
	sync_fields_keep(NULL, &none, &out, 0);
	assert_int_equal(out.n, strlen("[{\"a\":1}]"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_named_is_left),
		cmocka_unit_test(a_whole_object_may_be_named),
		cmocka_unit_test(dots_and_backslashes_in_names_are_escaped),
		cmocka_unit_test(what_is_not_there_leaves_nothing),
		cmocka_unit_test(no_list_leaves_everything),
	};

	return cmocka_run_group_tests_name("sync_fields", tests, NULL, NULL);
}
