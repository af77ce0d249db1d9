/*
 * Account data, tags and ignored users: what may be set, who is told, what two changes
 * at once leave, and that it outlives a restart.
 */
#include "room/account_data.h"
#include "room/data_testing.h"
#include "room/ignored.h"
#include "room/tags.h"

#define TYPE "org.example.type"

/* As the body of a request is read: with whatever numbers it has. */
static const struct json *
parsed(struct fixture *f, const char *text)
{
	const struct json *tree =
	    json_parse_copy(f->t.arena, text, strlen(text), JSON_LENIENT, NULL);

	assert_non_null(tree);
	return tree;
}

/* The answer's error, whether it is known at once or with the write. */
static enum mx_err
settle(struct fixture *f, enum mx_err err)
{
	enum mx_err written = ctx_settle(&f->t.ctx);

	return err != M_OK ? err : written;
}

static enum mx_err
set_text(struct fixture *f, const char *user_id, struct room *room, const char *type,
    const char *text)
{
	return settle(f, account_data_set(&f->t.ctx, f->t.arena, user_id, room, type,
			     parsed(f, text)));
}

/* NULL: there is none. */
static const char *
get(struct fixture *f, const char *user_id, const struct room *room, const char *type)
{
	struct str json;
	enum mx_err err =
	    account_data_get(&f->t.ctx, f->t.arena, user_id, room, type, &json);

	if (err == M_NOT_FOUND)
		return NULL;
	assert_ok(err);
	return arena_strndup(f->t.arena, json.p, json.n);
}

static enum mx_err
tag(struct fixture *f, struct ctx *ctx, const char *name, const char *text)
{
	return tags_set(
	    ctx, f->t.arena, ANN, f->room, name, text == NULL ? NULL : parsed(f, text));
}

static const char *
tags(struct fixture *f, const char *user_id)
{
	const struct json *all;

	assert_ok(tags_get(&f->t.ctx, f->t.arena, user_id, f->room, &all));
	return json_text(f->t.arena, all, NULL);
}

/* --- values --- */

static void
a_value_is_set_and_read_by_its_owner_alone(void **state)
{
	struct fixture *f = *state;

	assert_ok(set_text(f, ANN, NULL, TYPE, "{\"b\":[0.5],\"a\":1}"));
	assert_ok(set_text(f, ANN, f->room, TYPE, "{}"));
	assert_string_equal(get(f, ANN, NULL, TYPE), "{\"a\":1,\"b\":[0.5]}");
	assert_string_equal(get(f, ANN, f->room, TYPE), "{}");
	assert_null(get(f, BEN, NULL, TYPE));
	assert_null(get(f, BEN, f->room, TYPE));
}

static void
its_owner_is_told_once_with_the_position_of_the_row(void **state)
{
	struct fixture *f = *state;
	struct account_data_row row;
	const struct change *change;

	assert_ok(set_text(f, ANN, f->room, TYPE, "{\"a\":1}"));
	assert_ok(set_text(f, ANN, f->room, TYPE, "{\"a\":1}"));
	assert_ok(store_account_data_get(
	    f->t.ctx.db, f->t.arena, ANN, f->room->id, TYPE, &row));
	change = changes_next(&f->heard);
	assert_non_null(change);
	assert_int_equal(change->kind, CHANGE_USER_DATA);
	assert_string_equal(change->user_id, ANN);
	assert_ptr_equal(change->room, f->room);
	assert_int_equal(change->position, row.position);
	assert_true(atomic_load(&f->t.core.visible) >= row.position);
	assert_null(changes_next(&f->heard));
}

static void
what_the_server_keeps_is_not_to_be_set(void **state)
{
	struct fixture *f = *state;
	static const char *const kept[] = { "m.fully_read", "m.push_rules" };

	for (int i = 0; i < 2; i++) {
		assert_true(account_data_is_kept(kept[i]));
		assert_int_equal(set_text(f, ANN, NULL, kept[i], "{}"), M_BAD_JSON);
		assert_int_equal(set_text(f, ANN, f->room, kept[i], "{}"), M_BAD_JSON);
		assert_null(get(f, ANN, f->room, kept[i]));
	}
	assert_non_null(strstr(get(f, ANN, NULL, "m.push_rules"), "{\"global\":{"));
	assert_null(get(f, ANN, NULL, "m.fully_read"));
}

static void
a_content_or_a_type_beyond_measure_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(ACCOUNT_DATA_SIZE_MAX + 2), type[300];

	memset(text, 'x', ACCOUNT_DATA_SIZE_MAX + 1);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + ACCOUNT_DATA_SIZE_MAX - 1, "\"}", 3);
	assert_int_equal(set_text(f, ANN, NULL, TYPE, text), M_TOO_LARGE);
	memcpy(text + ACCOUNT_DATA_SIZE_MAX - 2, "\"}", 3);
	assert_ok(set_text(f, ANN, NULL, TYPE, text));
	free(text);
	memset(type, 't', sizeof type);
	type[256] = '\0';
	assert_int_equal(set_text(f, ANN, NULL, type, "{}"), M_INVALID_PARAM);
	type[255] = '\0';
	assert_ok(set_text(f, ANN, NULL, type, "{}"));
}

static void
a_room_is_for_those_who_have_to_do_with_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set_text(f, BEN, f->room, TYPE, "{}"), M_NOT_FOUND);
	assert_int_equal(settle(f, tags_set(&f->t.ctx, f->t.arena, BEN, f->room, "u.a",
				       parsed(f, "{}"))),
	    M_NOT_FOUND);
	testing_join(&f->t, f->room, BEN);
	assert_ok(set_text(f, BEN, f->room, TYPE, "{}"));
	assert_ok(testing_append(&f->t, f->room, BEN, "m.room.member", BEN,
	    "{\"membership\":\"leave\"}", NULL));
	assert_ok(set_text(f, BEN, f->room, TYPE, "{\"left\":true}"));
	assert_ok(testing_append(&f->t, f->room, ANN, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"world_readable\"}", NULL));
	assert_ok(set_text(f, "@cat:" TESTING_SERVER, f->room, TYPE, "{}"));
}

static void
values_outlive_a_restart_and_later_ones_stand_behind_them(void **state)
{
	struct fixture *f = *state;
	struct account_data_row before, after;
	char *room_id = strdup(f->room->room_id);

	for (int i = 0; i < 3; i++)
		assert_ok(
		    set_text(f, ANN, NULL, TYPE, i % 2 ? "{\"a\":1}" : "{\"a\":2}"));
	assert_ok(
	    store_account_data_get(f->t.ctx.db, f->t.arena, ANN, 0, TYPE, &before));
	changes_cursor_free(f->heard);
	room_put(f->room);
	testing_reopen(&f->t);
	f->heard = changes_cursor(f->t.core.changes);
	assert_ok(room_get(&f->t.ctx, room_id, &f->room));
	free(room_id);
	assert_string_equal(get(f, ANN, NULL, TYPE), "{\"a\":2}");
	assert_ok(set_text(f, ANN, NULL, TYPE, "{\"a\":3}"));
	assert_ok(
	    store_account_data_get(f->t.ctx.db, f->t.arena, ANN, 0, TYPE, &after));
	assert_true(after.position > before.position);
}

/* --- tags --- */

static void
tags_come_and_go_one_by_one(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(tags(f, ANN), "{\"tags\":{}}");
	assert_ok(settle(f, tag(f, &f->t.ctx, "u.work", "{\"order\":0.25}")));
	assert_ok(settle(f, tag(f, &f->t.ctx, "m.favourite", "{}")));
	assert_string_equal(tags(f, ANN),
	    "{\"tags\":{\"m.favourite\":{},\"u.work\":{\"order\":0.25}}}");
	assert_string_equal(tags(f, BEN), "{\"tags\":{}}");
	assert_ok(settle(f, tag(f, &f->t.ctx, "u.work", NULL)));
	assert_ok(settle(f, tag(f, &f->t.ctx, "u.work", NULL)));
	assert_string_equal(tags(f, ANN), "{\"tags\":{\"m.favourite\":{}}}");
	assert_string_equal(get(f, ANN, f->room, "m.tag"), tags(f, ANN));
}

struct tagger {
	struct fixture *f;
	int number;
};

#define TAGGERS 4
#define TAGS_EACH 20

static void *
tag_many(void *arg)
{
	const struct tagger *tagger = arg;
	struct testing *t = &tagger->f->t;
	struct arena *arena = arena_new();
	struct ctx ctx;

	testing_ctx_init(t, &ctx);
	for (int i = 0; i < TAGS_EACH; i++) {
		const char *name = arena_printf(arena, "u.%d.%d", tagger->number, i);

		if (tags_set(&ctx, arena, ANN, tagger->f->room, name,
			json_object(arena)) != M_OK)
			abort();
	}
	if (ctx_settle(&ctx) != M_OK)
		abort();
	testing_ctx_fini(&ctx);
	arena_free(arena);
	return NULL;
}

static void
tags_that_are_put_at_the_same_time_all_stay(void **state)
{
	struct fixture *f = *state;
	struct tagger taggers[TAGGERS];
	pthread_t threads[TAGGERS];
	const struct json *all;

	for (int i = 0; i < TAGGERS; i++) {
		taggers[i] = (struct tagger){ f, i };
		assert_int_equal(
		    pthread_create(&threads[i], NULL, tag_many, &taggers[i]), 0);
	}
	for (int i = 0; i < TAGGERS; i++)
		pthread_join(threads[i], NULL);
	assert_ok(tags_get(&f->t.ctx, f->t.arena, ANN, f->room, &all));
	assert_int_equal(json_get(all, "tags")->n, TAGGERS * TAGS_EACH);
}

static void
an_m_tag_that_looks_like_none_is_no_hindrance(void **state)
{
	struct fixture *f = *state;

	assert_ok(set_text(f, ANN, f->room, "m.tag", "{\"tags\":[1]}"));
	assert_string_equal(tags(f, ANN), "{\"tags\":{}}");
	assert_ok(settle(f, tag(f, &f->t.ctx, "u.a", "{}")));
	assert_string_equal(tags(f, ANN), "{\"tags\":{\"u.a\":{}}}");
}

static void
a_tag_beyond_measure_is_refused_and_the_others_stay(void **state)
{
	struct fixture *f = *state;
	char name[TAG_NAME_MAX + 2], *deep = calloc(1, 1000), *large;

	assert_ok(settle(f, tag(f, &f->t.ctx, "u.a", "{}")));
	memset(name, 'n', sizeof name);
	name[TAG_NAME_MAX + 1] = '\0';
	assert_int_equal(settle(f, tag(f, &f->t.ctx, name, "{}")), M_INVALID_PARAM);
	for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
		strcat(deep, "{\"a\":");
	strcat(deep, "1");
	for (int i = 0; i < JSON_DEPTH_MAX - 1; i++)
		strcat(deep, "}");
	assert_int_equal(settle(f, tag(f, &f->t.ctx, "u.b", deep)), M_BAD_JSON);
	free(deep);
	large = calloc(1, ACCOUNT_DATA_SIZE_MAX + 1);
	memset(large, 'x', ACCOUNT_DATA_SIZE_MAX - 10);
	memcpy(large, "{\"a\":\"", 6);
	strcat(large, "\"}");
	assert_int_equal(settle(f, tag(f, &f->t.ctx, "u.b", large)), M_TOO_LARGE);
	free(large);
	assert_string_equal(tags(f, ANN), "{\"tags\":{\"u.a\":{}}}");
}

/* --- ignored users --- */

static const struct ignored *
load(struct fixture *f, const char *user_id)
{
	const struct ignored *ignored;

	assert_ok(ignored_load(&f->t.ctx, f->t.arena, user_id, &ignored));
	return ignored;
}

static void
whom_the_list_names_is_ignored_but_nobody_ignores_themselves(void **state)
{
	struct fixture *f = *state;
	const struct ignored *ignored;

	assert_false(ignored_has(load(f, ANN), BEN));
	assert_ok(set_text(f, ANN, NULL, "m.ignored_user_list",
	    "{\"ignored_users\":{\"" BEN "\":{},\"" ANN "\":{}}}"));
	ignored = load(f, ANN);
	assert_true(ignored_has(ignored, BEN));
	assert_false(ignored_has(ignored, ANN));
	assert_false(ignored_has(ignored, "@cat:" TESTING_SERVER));
	assert_false(ignored_has(load(f, BEN), ANN));
}

static void
a_list_of_another_form_ignores_nobody(void **state)
{
	struct fixture *f = *state;

	assert_ok(set_text(
	    f, ANN, NULL, "m.ignored_user_list", "{\"ignored_users\":[\"" BEN "\"]}"));
	assert_false(ignored_has(load(f, ANN), BEN));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_value_is_set_and_read_by_its_owner_alone),
		CASE(its_owner_is_told_once_with_the_position_of_the_row),
		CASE(what_the_server_keeps_is_not_to_be_set),
		CASE(a_content_or_a_type_beyond_measure_is_refused),
		CASE(a_room_is_for_those_who_have_to_do_with_it),
		CASE(values_outlive_a_restart_and_later_ones_stand_behind_them),
		CASE(tags_come_and_go_one_by_one),
		CASE(tags_that_are_put_at_the_same_time_all_stay),
		CASE(an_m_tag_that_looks_like_none_is_no_hindrance),
		CASE(a_tag_beyond_measure_is_refused_and_the_others_stay),
		CASE(whom_the_list_names_is_ignored_but_nobody_ignores_themselves),
		CASE(a_list_of_another_form_ignores_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
