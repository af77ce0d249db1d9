#include "core/accounts_testing.h"
#include "core/devices.h"
#include "core/presence.h"
#include "core/profile.h"
#include "core/registration.h"
#include "room/account_data.h"
#include "store/presence.h"

static enum mx_err
name(struct fixture *f, const char *wish)
{
	const char *user_id;

	return users_name_free(&f->t.ctx, f->t.arena, wish, &user_id);
}

static enum mx_err
check(struct fixture *f, const char *user_id, const char *password)
{
	return users_check_password(&f->t.ctx, f->t.arena, user_id, password, NULL);
}

static void
a_name_is_folded_to_lower_case(void **state)
{
	struct fixture *f = *state;
	const char *user_id;

	assert_ok(users_name_free(&f->t.ctx, f->t.arena, "Ann.B", &user_id));
	assert_string_equal(user_id, "@ann.b:" TESTING_SERVER);
}

static void
a_name_outside_the_grammar_is_refused(void **state)
{
	static const char *const names[] = { "", "a b", "ü", "a:b", "@x", "a\nb",
		"a\"b" };
	struct fixture *f = *state;
	char longest[256];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(name(f, names[i]), M_INVALID_USERNAME);
	memset(longest, 'a', sizeof longest);
	longest[255 - 2 - strlen(TESTING_SERVER)] = '\0';
	assert_ok(name(f, longest));
	longest[255 - 2 - strlen(TESTING_SERVER)] = 'a';
	longest[255 - 1 - strlen(TESTING_SERVER)] = '\0';
	assert_int_equal(name(f, longest), M_INVALID_USERNAME);
}

static void
a_guests_name_is_never_free(void **state)
{
	struct fixture *f = *state;
	struct new_guest guest;
	char localpart[64];

	assert_ok(guests_issue(&f->t.core, f->t.arena, NULL, &guest));
	strcpy(localpart, guest.user_id + 1);
	*strchr(localpart, ':') = '\0';
	assert_int_equal(name(f, localpart), M_INVALID_USERNAME);
}

static void
a_taken_name_is_in_use_also_after_the_account_has_ended(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct new_account late = { .user_id = ann };

	assert_int_equal(name(f, "ANN"), M_USER_IN_USE);
	assert_int_equal(users_create(&f->t.ctx, f->t.arena, &late), M_USER_IN_USE);
	assert_ok(users_deactivate(&f->t.ctx, f->t.arena, ann, false));
	assert_int_equal(name(f, "ann"), M_USER_IN_USE);
}

static void
a_password_is_right_or_wrong(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct user_row *rows;
	int n;

	assert_ok(check(f, ann, "secret"));
	assert_int_equal(check(f, ann, "Secret"), M_FORBIDDEN);
	assert_int_equal(check(f, "@nobody:" TESTING_SERVER, "secret"), M_FORBIDDEN);
	assert_ok(users_list(&f->t.ctx, f->t.arena, &rows, &n));
	assert_int_equal(n, 1);
	assert_null(strstr(rows[0].password_hash, "secret"));
}

static void
an_account_without_a_password_has_no_login(void **state)
{
	struct fixture *f = *state;
	struct new_account account = { .user_id = "@bot:" TESTING_SERVER };

	assert_ok(users_create(&f->t.ctx, f->t.arena, &account));
	assert_int_equal(check(f, account.user_id, ""), M_FORBIDDEN);
}

static void
an_empty_or_endless_password_is_refused(void **state)
{
	struct fixture *f = *state;
	char endless[PASSWORD_MAX + 2];

	memset(endless, 'x', sizeof endless);
	endless[PASSWORD_MAX + 1] = '\0';
	assert_int_equal(users_password_fit(&f->t.ctx, ""), M_WEAK_PASSWORD);
	assert_int_equal(users_password_fit(&f->t.ctx, endless), M_INVALID_PARAM);
	endless[PASSWORD_MAX] = '\0';
	assert_ok(users_password_fit(&f->t.ctx, endless));
	assert_ok(users_password_fit(&f->t.ctx, "x"));
}

static void
a_login_names_a_user_in_many_ways(void **state)
{
	struct fixture *f = *state;
	static const char *const ways[] = { "ann", "ANN", "@ann:" TESTING_SERVER,
		"@Ann:" TESTING_SERVER };

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		assert_string_equal(users_login_id(&f->t.core, f->t.arena, ways[i]),
		    "@ann:" TESTING_SERVER);
	assert_null(users_login_id(&f->t.core, f->t.arena, "@ann:elsewhere.org"));
	assert_null(users_login_id(&f->t.core, f->t.arena, "@ann"));
	assert_null(users_login_id(&f->t.core, f->t.arena, "a b"));
	assert_null(users_login_id(&f->t.core, f->t.arena, ""));
}

static struct session
opened(struct fixture *f, const char *user_id, struct identity *who)
{
	struct session s = { .user_id = user_id };
	bool soft;

	assert_ok(login_open(&f->t.ctx, f->t.arena, &s));
	assert_ok(
	    login_identify(&f->t.ctx, f->t.arena, s.access_token, NULL, who, &soft));
	while (changes_next(&f->heard) != NULL)
		;
	return s;
}

static bool
is_known(struct fixture *f, const struct session *s)
{
	struct identity who;
	bool soft;

	return login_identify(
		   &f->t.ctx, f->t.arena, s->access_token, NULL, &who, &soft) == M_OK;
}

static void
a_new_password_ends_the_other_sessions(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct identity mine, other;
	struct session here = opened(f, ann, &mine), there = opened(f, ann, &other);

	assert_ok(users_set_password(
	    &f->t.ctx, f->t.arena, ann, "better", true, mine.device_id));
	assert_true(hears_gone(f, ann, other.device_id));
	assert_true(is_known(f, &here));
	assert_false(is_known(f, &there));
	assert_ok(check(f, ann, "better"));
	assert_int_equal(check(f, ann, "secret"), M_FORBIDDEN);
}

static void
a_new_password_may_leave_the_other_sessions(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct identity mine, other;
	struct session here = opened(f, ann, &mine), there = opened(f, ann, &other);

	assert_ok(users_set_password(
	    &f->t.ctx, f->t.arena, ann, "better", false, mine.device_id));
	assert_true(is_known(f, &here));
	assert_true(is_known(f, &there));
}

static void
a_deactivated_account_has_no_rooms_tokens_password_profile_or_data(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct room *room = testing_room(&f->t, ann, "12");
	struct identity who;
	struct session s = opened(f, ben, &who);
	struct json *profile, *content = json_object(f->t.arena);
	struct snapshot *snapshot;
	struct str kept;

	testing_join(&f->t, room, ben);
	assert_ok(account_data_set(
	    &f->t.ctx, f->t.arena, ben, NULL, "org.example.type", content));
	assert_ok(ctx_settle(&f->t.ctx));
	assert_ok(account_data_get(
	    &f->t.ctx, f->t.arena, ben, NULL, "org.example.type", &kept));
	assert_ok(profile_set(&f->t.ctx, f->t.arena, &who, "displayname",
	    testing_json(f->t.arena, "\"Ben\"")));
	assert_ok(users_deactivate(&f->t.ctx, f->t.arena, ben, false));
	assert_true(hears_gone(f, ben, NULL));
	snapshot = room_snapshot(room);
	assert_int_equal(snapshot_membership(snapshot, ben), MEMBERSHIP_LEAVE);
	snapshot_unref(snapshot);
	assert_false(is_known(f, &s));
	assert_int_equal(check(f, ben, "secret"), M_FORBIDDEN);
	assert_int_equal(
	    profile_get(&f->t.ctx, f->t.arena, ben, &profile), M_NOT_FOUND);
	assert_int_equal(account_data_get(&f->t.ctx, f->t.arena, ben, NULL,
			     "org.example.type", &kept),
	    M_NOT_FOUND);
	assert_int_equal(
	    users_deactivate(&f->t.ctx, f->t.arena, ben, false), M_NOT_FOUND);
	room_put(room);
}

static void
count_row(void *arg, const struct presence_stored *row)
{
	++*(int *)arg;
}

static int
presence_rows(struct fixture *f)
{
	int n = 0;

	presence_tick(&f->t.ctx, f->t.arena, true);
	assert_ok(store_presence_each(f->t.ctx.db, 0, count_row, &n));
	return n;
}

static void
of_the_presence_of_a_deactivated_account_no_row_is_left(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct identity who;

	opened(f, ann, &who);
	presence_seen(&f->t.core, &who, PRESENCE_ONLINE, 30000);
	assert_ok(presence_set(&f->t.ctx, &who, PRESENCE_ONLINE, "here"));
	assert_int_equal(presence_rows(f), 1);
	assert_ok(users_deactivate(&f->t.ctx, f->t.arena, ann, false));
	assert_int_equal(presence_rows(f), 0);
	/* A request that was on its way meanwhile. */
	assert_ok(presence_set(&f->t.ctx, &who, PRESENCE_ONLINE, "still here"));
	assert_int_equal(presence_rows(f), 0);
}

/* A login whose password was right a moment ago. */
static struct session
proven(struct fixture *f, const char *user_id)
{
	struct session s = { .user_id = user_id };

	assert_ok(users_check_password(
	    &f->t.ctx, f->t.arena, user_id, "secret", &s.password_hash));
	return s;
}

static void
no_session_opens_behind_a_new_password_or_the_end_of_the_account(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct session in_time = proven(f, ann), late = proven(f, ann);
	struct session too_late = proven(f, ben);

	assert_ok(login_open(&f->t.ctx, f->t.arena, &in_time));
	assert_ok(users_set_password(&f->t.ctx, f->t.arena, ann, "better", true, NULL));
	assert_int_equal(login_open(&f->t.ctx, f->t.arena, &late), M_FORBIDDEN);
	assert_ok(users_deactivate(&f->t.ctx, f->t.arena, ben, false));
	assert_int_equal(login_open(&f->t.ctx, f->t.arena, &too_late), M_FORBIDDEN);
	assert_false(is_known(f, &in_time));
	assert_false(is_known(f, &late));
	assert_false(is_known(f, &too_late));
}

static void
a_registration_token_serves_as_often_as_it_says(void **state)
{
	struct fixture *f = *state;
	struct registration_token_row row = { .token = "abc", .uses_allowed = 1 };
	struct new_account one = { .user_id = "@one:x", .registration_token = "abc" };
	struct new_account two = { .user_id = "@two:x", .registration_token = "abc" };
	bool valid;

	assert_ok(registration_token_add(&f->t.ctx, &row));
	assert_int_equal(registration_token_add(&f->t.ctx, &row), M_USER_IN_USE);
	assert_ok(registration_token_valid(&f->t.ctx, "abc", &valid));
	assert_true(valid);
	assert_ok(users_create(&f->t.ctx, f->t.arena, &one));
	assert_ok(registration_token_valid(&f->t.ctx, "abc", &valid));
	assert_false(valid);
	assert_int_equal(users_create(&f->t.ctx, f->t.arena, &two), M_UNAUTHORIZED);
	assert_false(users_exists(&f->t.ctx, f->t.arena, "@two:x"));
}

static void
a_registration_token_ends_when_it_says_or_is_deleted(void **state)
{
	struct fixture *f = *state;
	struct registration_token_row row = {
		.token = "abc", .uses_allowed = -1, .expires_ts = NOON + HOUR
	};
	bool valid;

	assert_ok(registration_token_add(&f->t.ctx, &row));
	assert_ok(registration_token_valid(&f->t.ctx, "abc", &valid));
	assert_true(valid);
	clock_set_for_test(NOON + HOUR);
	assert_ok(registration_token_valid(&f->t.ctx, "abc", &valid));
	assert_false(valid);
	assert_ok(registration_token_delete(&f->t.ctx, "abc"));
	assert_int_equal(registration_token_delete(&f->t.ctx, "abc"), M_NOT_FOUND);
	row.token = "no blanks";
	assert_int_equal(registration_token_add(&f->t.ctx, &row), M_INVALID_PARAM);
}

static void
a_failed_registration_uses_up_no_token(void **state)
{
	struct fixture *f = *state;
	struct registration_token_row row = { .token = "abc", .uses_allowed = 1 };
	struct new_account taken = { .user_id = new_user(f, "ann"),
		.registration_token = "abc" };
	bool valid;

	assert_ok(registration_token_add(&f->t.ctx, &row));
	assert_int_equal(users_create(&f->t.ctx, f->t.arena, &taken), M_USER_IN_USE);
	assert_ok(registration_token_valid(&f->t.ctx, "abc", &valid));
	assert_true(valid);
}

static void
a_deleted_device_takes_its_tokens(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct identity mine, other;
	struct session here = opened(f, ann, &mine), there = opened(f, ann, &other);
	const char *gone[] = { other.device_id, "NEVERWAS" };
	struct device_row *rows;
	int n;

	assert_ok(devices_delete(&f->t.ctx, &mine, gone, 2));
	assert_true(hears_gone(f, ann, other.device_id));
	assert_true(is_known(f, &here));
	assert_false(is_known(f, &there));
	assert_ok(devices_list(&f->t.ctx, f->t.arena, &mine, &rows, &n));
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].device_id, mine.device_id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_folded_to_lower_case),
		TEST(a_name_outside_the_grammar_is_refused),
		TEST(a_guests_name_is_never_free),
		TEST(a_taken_name_is_in_use_also_after_the_account_has_ended),
		TEST(a_password_is_right_or_wrong),
		TEST(an_account_without_a_password_has_no_login),
		TEST(an_empty_or_endless_password_is_refused),
		TEST(a_login_names_a_user_in_many_ways),
		TEST(a_new_password_ends_the_other_sessions),
		TEST(a_new_password_may_leave_the_other_sessions),
		TEST(
		    a_deactivated_account_has_no_rooms_tokens_password_profile_or_data),
		TEST(of_the_presence_of_a_deactivated_account_no_row_is_left),
		TEST(no_session_opens_behind_a_new_password_or_the_end_of_the_account),
		TEST(a_registration_token_serves_as_often_as_it_says),
		TEST(a_registration_token_ends_when_it_says_or_is_deleted),
		TEST(a_failed_registration_uses_up_no_token),
		TEST(a_deleted_device_takes_its_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
