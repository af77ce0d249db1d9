/*
 * createRoom and upgrades: what is told in one answer happens as one, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "core/create_room.h"
#include "core/directory.h"
#include "core/public_rooms.h"
#include "core/upgrade.h"
#include "core/testing.h"
#include "store/rooms.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define THREADS 8

static struct identity ann = { .user_id = ANN, .device_id = "A" };

static int
setup(void **state)
{
	static struct testing t;

	testing_open_core(&t);
	*state = &t;
	return 0;
}

static int
teardown(void **state)
{
	testing_close(*state);
	return 0;
}

static enum mx_err
create(struct testing *t, const char *body, struct room **room_out)
{
	const char *alias;
	enum mx_err err = create_room(
	    &t->ctx, t->arena, &ann, testing_json(t->arena, body), room_out, &alias);

	return err == M_OK ? ctx_settle(&t->ctx) : err;
}

static const struct json *
content_of(struct room *room, const char *type)
{
	struct snapshot *s = room_snapshot(room);
	const struct json *content = snapshot_content(s, type, "");

	snapshot_unref(s); /* the room keeps it for as long as nothing is appended */
	return content;
}

static int
rooms_there(struct testing *t)
{
	struct room_row *rows;
	int n;

	assert_int_equal(store_rooms_list(t->ctx.db, t->arena, false, &rows, &n), M_OK);
	return n;
}

/* --- one alias, many rooms --- */

struct creator {
	struct testing *t;
	enum mx_err err;
};

static void *
run_creator(void *arg)
{
	struct creator *c = arg;
	struct arena *arena = arena_new();
	struct room *room;
	const char *alias;
	struct ctx ctx;

	testing_ctx_init(c->t, &ctx);
	c->err = create_room(&ctx, arena, &ann,
	    testing_json(arena, "{\"room_alias_name\":\"one\"}"), &room, &alias);
	if (c->err == M_OK)
		room_put(room);
	testing_ctx_fini(&ctx);
	arena_free(arena);
	return NULL;
}

static void
of_many_rooms_for_one_alias_one_is_made(void **state)
{
	struct testing *t = *state;
	struct creator creators[THREADS];
	pthread_t threads[THREADS];
	int made = 0;

	for (int i = 0; i < THREADS; i++) {
		creators[i] = (struct creator){ .t = t };
		threads[i] =
		    thread_start("creator", ROLE_WORKER, run_creator, &creators[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(
		    creators[i].err == M_OK || creators[i].err == M_ROOM_IN_USE);
		made += creators[i].err == M_OK;
	}
	assert_int_equal(made, 1);
	assert_int_equal(rooms_there(t), 1);
}

static void
rooms_made_in_the_same_millisecond_are_different_rooms(void **state)
{
	struct testing *t = *state;
	struct room *rooms[5];

	clock_set_for_test(1700000000000);
	for (int i = 0; i < 5; i++)
		assert_int_equal(create(t, "{}", &rooms[i]), M_OK);
	clock_set_for_test(0);
	assert_int_equal(rooms_there(t), 5);
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < i; k++)
			assert_string_not_equal(rooms[i]->room_id, rooms[k]->room_id);
	}
	for (int i = 0; i < 5; i++)
		room_put(rooms[i]);
}

/* --- bodies --- */

static void
a_body_that_asks_for_the_impossible_makes_no_room(void **state)
{
	static const struct {
		const char *body;
		enum mx_err err;
	} cases[] = {
		{ "{\"preset\":\"party\"}", M_BAD_JSON },
		{ "{\"visibility\":1}", M_BAD_JSON },
		{ "{\"room_version\":\"13\"}", M_UNSUPPORTED_ROOM_VERSION },
		{ "{\"room_version\":12}", M_BAD_JSON },
		{ "{\"room_alias_name\":\"a:b\"}", M_INVALID_PARAM },
		{ "{\"room_alias_name\":\"\"}", M_INVALID_PARAM },
		{ "{\"invite\":[\"nobody\"]}", M_INVALID_PARAM },
		{ "{\"invite\":[\"@x:elsewhere.example\"]}", M_FORBIDDEN },
		{ "{\"invite\":[5]}", M_INVALID_PARAM },
		{ "{\"invite_3pid\":[{}]}", M_UNSUPPORTED },
		{ "{\"initial_state\":[{\"type\":\"x\"}]}", M_BAD_JSON },
		{ "{\"initial_state\":[{\"type\":\"m.room.create\",\"content\":{}}]}",
		    M_INVALID_ROOM_STATE },
		{ "{\"initial_state\":[{\"type\":\"m.room.member\",\"state_key\":\"" BEN
		  "\",\"content\":{\"membership\":\"dance\"}}]}",
		    M_BAD_JSON },
		{ "{\"initial_state\":[{\"type\":\"m.room.member\",\"state_key\":"
		  "\"@x:elsewhere.example\",\"content\":{\"membership\":\"invite\"}}]}",
		    M_FORBIDDEN },
		{ "{\"initial_state\":[{\"type\":\"m.room.member\",\"state_key\":\"" BEN
		  "\",\"content\":{\"membership\":\"join\"}}]}",
		    M_INVALID_ROOM_STATE },
		{ "{\"creation_content\":{\"additional_creators\":5}}",
		    M_INVALID_ROOM_STATE },
		{ "{\"power_level_content_override\":{\"users\":{\"" ANN "\":1}}}",
		    M_INVALID_ROOM_STATE },
		{ "{\"is_direct\":\"yes\"}", M_BAD_JSON },
		{ "{\"name\":5}", M_BAD_JSON },
	};
	struct testing *t = *state;
	struct room *room;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(create(t, cases[i].body, &room), cases[i].err);
	assert_int_equal(rooms_there(t), 0);
}

static void
a_trusted_chat_of_version_12_has_its_invitees_as_creators_once_each(void **state)
{
	struct testing *t = *state;
	struct room *room;
	const struct json *creators;

	assert_int_equal(
	    create(t,
		"{\"preset\":\"trusted_private_chat\",\"invite\":[\"" BEN "\"],"
		"\"creation_content\":{\"additional_creators\":[\"" BEN
		"\",\"@cat:x.org\"]}}",
		&room),
	    M_OK);
	creators =
	    json_get_array(content_of(room, "m.room.create"), "additional_creators");
	assert_int_equal(creators->n, 2);
	assert_string_equal(creators->items[0].s, BEN);
	assert_string_equal(creators->items[1].s, "@cat:x.org");
	room_put(room);
}

static void
alias_room_and_its_place_in_the_directory_appear_together(void **state)
{
	struct testing *t = *state;
	struct public_query q = { .limit = 10 };
	struct room *room, *found;

	assert_int_equal(create(t,
			     "{\"room_alias_name\":\"here\",\"visibility\":\"public\","
			     "\"name\":\"Here\"}",
			     &room),
	    M_OK);
	assert_int_equal(
	    directory_room(&t->ctx, t->arena, "#here:" TESTING_SERVER, &found), M_OK);
	assert_ptr_equal(found, room);
	assert_int_equal(public_rooms_page(&t->ctx, t->arena, &q), M_OK);
	assert_int_equal(q.count, 1);
	assert_string_equal(q.rooms[0].name, "Here");
	room_put(found);
	room_put(room);
}

/* --- upgrades --- */

static void
an_upgrade_carries_levels_and_moves_aliases_between_all_versions(void **state)
{
	struct testing *t = *state;
	int n;
	const struct room_version *versions = room_version_list(&n);

	for (int i = 0; i < n; i++) {
		const char *body = arena_printf(t->arena,
		    "{\"room_version\":\"%s\",\"room_alias_name\":\"v%d\","
		    "\"power_level_content_override\":{\"events_default\":7}}",
		    versions[i].id, i);
		struct room *old, *new, *found;

		assert_int_equal(create(t, body, &old), M_OK);
		assert_int_equal(upgrade_room(&t->ctx, t->arena, &ann, old,
				     &versions[n - 1 - i], NULL, &new),
		    M_OK);
		assert_int_equal(ctx_settle(&t->ctx), M_OK);
		assert_int_equal(
		    json_get(content_of(new, "m.room.power_levels"), "events_default")
			->i,
		    7);
		assert_string_equal(json_get_str(content_of(old, "m.room.tombstone"),
					"replacement_room"),
		    new->room_id);
		assert_int_equal(
		    directory_room(&t->ctx, t->arena,
			arena_printf(t->arena, "#v%d:" TESTING_SERVER, i), &found),
		    M_OK);
		assert_ptr_equal(found, new);
		room_put(found);
		room_put(new);
		room_put(old);
	}
}

static void
who_may_not_bury_a_room_does_not_upgrade_it(void **state)
{
	struct testing *t = *state;
	struct identity ben = { .user_id = BEN };
	struct room *old = testing_room(t, ANN, "11"), *new;

	testing_join(t, old, BEN);
	assert_int_equal(upgrade_room(&t->ctx, t->arena, &ben, old,
			     room_version_default(), NULL, &new),
	    M_FORBIDDEN);
	assert_int_equal(rooms_there(t), 1);
	room_put(old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_many_rooms_for_one_alias_one_is_made),
		TEST(rooms_made_in_the_same_millisecond_are_different_rooms),
		TEST(a_body_that_asks_for_the_impossible_makes_no_room),
		TEST(
		    a_trusted_chat_of_version_12_has_its_invitees_as_creators_once_each),
		TEST(alias_room_and_its_place_in_the_directory_appear_together),
		TEST(an_upgrade_carries_levels_and_moves_aliases_between_all_versions),
		TEST(who_may_not_bury_a_room_does_not_upgrade_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
