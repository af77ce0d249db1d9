#include "core/accounts_testing.h"
#include "core/profile.h"
#include "store/events.h"

static struct identity
user(struct fixture *f, const char *name)
{
	return (struct identity){
		.user_id = new_user(f, name), .device_id = "PHONE", .has_rows = true
	};
}

static enum mx_err
set(struct fixture *f, struct identity *who, const char *field, const char *text)
{
	const struct json *value = text == NULL ? NULL : testing_json(f->t.arena, text);

	return profile_set(&f->t.ctx, f->t.arena, who, field, value);
}

/* A field as JSON text; NULL: there is none. */
static const char *
get(struct fixture *f, const char *user_id, const char *field)
{
	struct json *value;
	enum mx_err err =
	    profile_get_field(&f->t.ctx, f->t.arena, user_id, field, &value);

	return err == M_OK ? json_text(f->t.arena, value, NULL) : NULL;
}

static void
a_field_is_set_and_taken_away(void **state)
{
	struct fixture *f = *state;
	struct identity ann = user(f, "ann");

	assert_null(get(f, ann.user_id, "displayname"));
	assert_ok(set(f, &ann, "displayname", "\"Ann \\u00e4\""));
	assert_string_equal(get(f, ann.user_id, "displayname"), "\"Ann ä\"");
	assert_ok(set(f, &ann, "displayname", "\"Anna\""));
	assert_string_equal(get(f, ann.user_id, "displayname"), "\"Anna\"");
	assert_ok(set(f, &ann, "displayname", NULL));
	assert_null(get(f, ann.user_id, "displayname"));
	assert_ok(set(f, &ann, "displayname", "\"Ann\""));
	assert_ok(set(f, &ann, "displayname", "\"\""));
	assert_null(get(f, ann.user_id, "displayname"));
}

static void
a_field_of_ones_own_holds_any_json(void **state)
{
	struct fixture *f = *state;
	struct identity ann = user(f, "ann");
	struct json *profile;

	assert_ok(set(f, &ann, "org.example.a-b_c", "{\"a\":[1,null,\"x\"]}"));
	assert_ok(set(f, &ann, "org.example.nothing", "null"));
	assert_ok(set(f, &ann, "m.tz", "\"Europe/Berlin\""));
	assert_ok(profile_get(&f->t.ctx, f->t.arena, ann.user_id, &profile));
	assert_string_equal(json_text(f->t.arena, profile, NULL),
	    "{\"m.tz\":\"Europe/Berlin\",\"org.example.a-b_c\":{\"a\":[1,null,\"x\"]},"
	    "\"org.example.nothing\":null}");
}

static void
a_field_with_a_wrong_name_or_value_is_refused(void **state)
{
	struct fixture *f = *state;
	struct identity ann = user(f, "ann");
	char longest[300];

	assert_int_equal(set(f, &ann, "nodots", "1"), M_INVALID_PARAM);
	assert_int_equal(set(f, &ann, "Org.example", "1"), M_INVALID_PARAM);
	assert_int_equal(set(f, &ann, "org.example.", "1"), M_INVALID_PARAM);
	assert_int_equal(set(f, &ann, "org.exa mple", "1"), M_INVALID_PARAM);
	assert_int_equal(set(f, &ann, "displayname", "5"), M_INVALID_PARAM);
	assert_int_equal(set(f, &ann, "avatar_url", "null"), M_INVALID_PARAM);
	assert_int_equal(set(f, &ann, "m.tz", "[]"), M_INVALID_PARAM);
	memset(longest, 'a', sizeof longest);
	longest[1] = '.';
	longest[PROFILE_KEY_MAX] = '\0';
	assert_ok(set(f, &ann, longest, "1"));
	longest[PROFILE_KEY_MAX] = 'a';
	longest[PROFILE_KEY_MAX + 1] = '\0';
	assert_int_equal(set(f, &ann, longest, "1"), M_KEY_TOO_LARGE);
}

static void
a_profile_has_room_for_64_kib_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct identity ann = user(f, "ann");
	char value[40003];

	memset(value, 'x', sizeof value);
	value[0] = value[40001] = '"';
	value[40002] = '\0';
	assert_ok(set(f, &ann, "org.example.a", value));
	assert_int_equal(set(f, &ann, "org.example.b", value), M_PROFILE_TOO_LARGE);
	assert_ok(set(f, &ann, "org.example.a", value));
	assert_ok(set(f, &ann, "org.example.a", NULL));
	assert_ok(set(f, &ann, "org.example.b", value));
}

static void
nobody_has_no_profile(void **state)
{
	struct fixture *f = *state;
	struct json *profile;

	assert_int_equal(
	    profile_get(&f->t.ctx, f->t.arena, "@no:" TESTING_SERVER, &profile),
	    M_NOT_FOUND);
}

/* The content of the newest event of the room, as JSON text. */
static const char *
newest(struct fixture *f, struct room *room)
{
	struct snapshot *s = room_snapshot(room);
	struct live_event *e = s->tail[s->tail_count - 1];
	const char *text = json_text(f->t.arena, e->pdu->event->content, NULL);

	snapshot_unref(s);
	return text;
}

static void
a_new_name_or_picture_goes_to_the_rooms_that_one_is_in(void **state)
{
	struct fixture *f = *state;
	struct identity ann = user(f, "ann"), ben = user(f, "ben");
	struct room *in = testing_room(&f->t, ann.user_id, "12");
	struct room *left = testing_room(&f->t, ann.user_id, "6");
	const char *leave = "{\"membership\":\"leave\"}";

	testing_join(&f->t, in, ben.user_id);
	testing_join(&f->t, left, ben.user_id);
	assert_ok(testing_append(
	    &f->t, left, ben.user_id, "m.room.member", ben.user_id, leave, NULL));
	assert_ok(set(f, &ben, "displayname", "\"Ben\""));
	assert_ok(set(f, &ben, "avatar_url", "\"mxc://x/y\""));
	assert_ok(ctx_settle(&f->t.ctx));
	assert_string_equal(newest(f, in),
	    "{\"avatar_url\":\"mxc://x/y\",\"displayname\":\"Ben\","
	    "\"membership\":\"join\"}");
	assert_string_equal(newest(f, left), leave);
	assert_ok(set(f, &ben, "avatar_url", NULL));
	assert_ok(ctx_settle(&f->t.ctx));
	assert_string_equal(
	    newest(f, in), "{\"displayname\":\"Ben\",\"membership\":\"join\"}");
	room_put(in);
	room_put(left);
}

static void
another_field_goes_to_no_room(void **state)
{
	struct fixture *f = *state;
	struct identity ann = user(f, "ann");
	struct room *room = testing_room(&f->t, ann.user_id, "12");

	assert_ok(set(f, &ann, "m.tz", "\"Europe/Berlin\""));
	assert_ok(ctx_settle(&f->t.ctx));
	assert_string_equal(newest(f, room), "{\"join_rule\":\"public\"}");
	room_put(room);
}

static void
a_guest_may_change_its_name_alone(void **state)
{
	struct fixture *f = *state;
	struct new_guest guest;
	struct identity who;

	assert_ok(guests_issue(&f->t.core, f->t.arena, NULL, &guest));
	assert_ok(guests_identify(&f->t.core, f->t.arena, guest.token, &who));
	assert_int_equal(
	    set(f, &who, "avatar_url", "\"mxc://x/y\""), M_GUEST_ACCESS_FORBIDDEN);
	assert_int_equal(set(f, &who, "m.tz", "\"x\""), M_GUEST_ACCESS_FORBIDDEN);
	assert_false(users_exists(&f->t.ctx, f->t.arena, who.user_id));
	assert_ok(set(f, &who, "displayname", "\"A guest\""));
	assert_true(who.has_rows);
	assert_string_equal(get(f, who.user_id, "displayname"), "\"A guest\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_field_is_set_and_taken_away),
		TEST(a_field_of_ones_own_holds_any_json),
		TEST(a_field_with_a_wrong_name_or_value_is_refused),
		TEST(a_profile_has_room_for_64_kib_and_no_more),
		TEST(nobody_has_no_profile),
		TEST(a_new_name_or_picture_goes_to_the_rooms_that_one_is_in),
		TEST(another_field_goes_to_no_room),
		TEST(a_guest_may_change_its_name_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
