#include "core/accounts_testing.h"
#include "store/devices.h"

static struct session
opened(
    struct fixture *f, const char *user_id, bool wants_refresh, const char *device_id)
{
	struct session s = { .user_id = user_id,
		.wants_refresh = wants_refresh,
		.device_id = device_id,
		.device_name = "phone",
		.ip = "192.0.2.1" };

	assert_ok(login_open(&f->t.ctx, f->t.arena, &s));
	return s;
}

static enum mx_err
identify(struct fixture *f, const char *token, struct identity *who)
{
	bool soft;

	return login_identify(&f->t.ctx, f->t.arena, token, NULL, who, &soft);
}

static bool
is_cached(struct fixture *f, const char *token)
{
	struct identity who;

	return login_identify_cached(f->t.core.logins, f->t.arena, token, &who);
}

static void
a_session_is_known_by_its_token(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct session s = opened(f, ann, false, NULL);
	struct identity who;

	assert_true(login_is_token(s.access_token));
	assert_null(s.refresh_token);
	assert_int_equal(s.expires_in_ms, 0);
	assert_ok(identify(f, s.access_token, &who));
	assert_string_equal(who.user_id, ann);
	assert_string_equal(who.device_id, s.device_id);
	assert_true(who.has_rows);
	assert_false(who.is_guest || who.is_admin);
}

static void
a_token_is_looked_up_once_and_then_remembered(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, new_user(f, "ann"), false, NULL);
	struct identity who;

	assert_false(is_cached(f, s.access_token));
	assert_ok(identify(f, s.access_token, &who));
	assert_true(is_cached(f, s.access_token));
	clock_set_for_test(NOON + HOUR);
	assert_false(is_cached(f, s.access_token));
	assert_ok(identify(f, s.access_token, &who));
	assert_true(is_cached(f, s.access_token));
}

static void
a_devices_last_use_is_known_to_a_few_minutes(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct session s = opened(f, ann, false, "PHONE");
	int64_t later = NOON + (int64_t)5 * 60 * 1000;
	struct device_row row;
	struct identity who;

	assert_ok(identify(f, s.access_token, &who));
	clock_set_for_test(later);
	assert_ok(identify(f, s.access_token, &who));
	writer_flush(f->t.core.writer);
	assert_ok(store_device_get(f->t.ctx.db, f->t.arena, ann, "PHONE", &row));
	assert_int_equal(row.last_seen_ts, later);
}

static void
an_invented_token_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct identity who;

	assert_int_equal(identify(f, "", &who), M_UNKNOWN_TOKEN);
	assert_int_equal(identify(f, "plr_short", &who), M_UNKNOWN_TOKEN);
	assert_int_equal(
	    identify(f, "plr_aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd", &who),
	    M_UNKNOWN_TOKEN);
}

static void
no_token_stands_in_the_database(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, new_user(f, "ann"), true, NULL);
	struct stmt *q = db_stmt(f->t.ctx.db,
	    "SELECT count(*) FROM access_tokens t, refresh_tokens r"
	    " WHERE instr(t.hash, $1) > 0 OR instr(r.hash, $2) > 0"
	    " OR length(t.hash) <> 32 OR length(r.hash) <> 32");

	stmt_text(q, 1, s.access_token + 4);
	stmt_text(q, 2, s.refresh_token + 4);
	assert_true(stmt_next(q));
	assert_int_equal(col_int(q, 0), 0);
	assert_ok(stmt_done(q));
}

static void
a_logout_ends_the_token_in_store_and_memory_and_tells_listeners(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct session s = opened(f, ann, true, NULL),
		       other = opened(f, ann, false, NULL);
	struct session next;
	struct identity who, still;

	assert_ok(identify(f, s.access_token, &who));
	assert_ok(identify(f, other.access_token, &still));
	while (changes_next(&f->heard) != NULL)
		;
	assert_ok(login_logout(&f->t.ctx, &who));
	assert_true(hears_gone(f, ann, s.device_id));
	assert_false(is_cached(f, s.access_token));
	assert_int_equal(identify(f, s.access_token, &who), M_UNKNOWN_TOKEN);
	assert_int_equal(login_refresh(&f->t.ctx, f->t.arena, s.refresh_token, &next),
	    M_UNKNOWN_TOKEN);
	assert_ok(identify(f, other.access_token, &still));
}

static void
a_logout_of_all_ends_every_token(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann"), *ben = new_user(f, "ben");
	struct session one = opened(f, ann, false, NULL),
		       two = opened(f, ann, false, NULL);
	struct session bens = opened(f, ben, false, NULL);
	struct identity who;

	assert_ok(identify(f, one.access_token, &who));
	while (changes_next(&f->heard) != NULL)
		;
	assert_ok(login_logout_all(&f->t.ctx, ann));
	assert_true(hears_gone(f, ann, NULL));
	assert_int_equal(identify(f, one.access_token, &who), M_UNKNOWN_TOKEN);
	assert_int_equal(identify(f, two.access_token, &who), M_UNKNOWN_TOKEN);
	assert_ok(identify(f, bens.access_token, &who));
}

static void
a_login_onto_a_device_takes_its_old_token_and_keeps_its_name(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct session one = opened(f, ann, false, "PHONE"), two;
	struct device_row row;
	struct identity who;

	assert_ok(identify(f, one.access_token, &who));
	two = opened(f, ann, false, "PHONE");
	assert_string_equal(two.device_id, "PHONE");
	assert_int_equal(identify(f, one.access_token, &who), M_UNKNOWN_TOKEN);
	assert_ok(identify(f, two.access_token, &who));
	assert_ok(store_device_get(f->t.ctx.db, f->t.arena, ann, "PHONE", &row));
	assert_string_equal(row.display_name, "phone");
	assert_string_equal(row.last_seen_ip, "192.0.2.1");
}

static void
a_token_that_can_be_refreshed_expires_softly(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, new_user(f, "ann"), true, NULL);
	struct identity who;
	bool soft;

	assert_int_equal(s.expires_in_ms, ACCESS_MS);
	assert_ok(identify(f, s.access_token, &who));
	assert_int_equal(who.expires_ms, NOON + ACCESS_MS);
	clock_set_for_test(NOON + ACCESS_MS);
	assert_false(is_cached(f, s.access_token));
	assert_int_equal(
	    login_identify(&f->t.ctx, f->t.arena, s.access_token, NULL, &who, &soft),
	    M_UNKNOWN_TOKEN);
	assert_true(soft);
}

static struct session
refreshed(struct fixture *f, const char *token)
{
	struct session s;

	assert_ok(login_refresh(&f->t.ctx, f->t.arena, token, &s));
	return s;
}

static enum mx_err
try_refresh(struct fixture *f, const char *token)
{
	struct session s;

	return login_refresh(&f->t.ctx, f->t.arena, token, &s);
}

static void
a_refresh_token_serves_again_until_what_it_gave_is_used(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, new_user(f, "ann"), true, NULL), first, second;
	struct identity who;

	first = refreshed(f, s.refresh_token);
	assert_string_equal(first.device_id, s.device_id);
	second = refreshed(f, s.refresh_token);
	assert_int_equal(identify(f, first.access_token, &who), M_UNKNOWN_TOKEN);
	assert_int_equal(try_refresh(f, first.refresh_token), M_UNKNOWN_TOKEN);
	assert_ok(identify(f, s.access_token, &who));
	assert_ok(identify(f, second.access_token, &who));
	assert_int_equal(try_refresh(f, s.refresh_token), M_UNKNOWN_TOKEN);
	assert_int_equal(identify(f, s.access_token, &who), M_UNKNOWN_TOKEN);
	assert_ok(identify(f, second.access_token, &who));
}

static void
using_the_new_refresh_token_ends_the_old_one(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, new_user(f, "ann"), true, NULL), first, second;
	struct identity who;

	first = refreshed(f, s.refresh_token);
	second = refreshed(f, first.refresh_token);
	assert_int_equal(try_refresh(f, s.refresh_token), M_UNKNOWN_TOKEN);
	assert_ok(identify(f, second.access_token, &who));
	assert_int_equal(try_refresh(f, first.refresh_token), M_UNKNOWN_TOKEN);
}

static void
sessions_live_through_a_restart(void **state)
{
	struct fixture *f = *state;
	struct session s = opened(f, new_user(f, "ann"), false, NULL);
	char token[64];
	struct identity who;

	strcpy(token, s.access_token);
	restart(f);
	assert_ok(identify(f, token, &who));
}

static void
the_memory_of_tokens_stays_bounded_and_right(void **state)
{
	struct fixture *f = *state;
	const char *ann = new_user(f, "ann");
	struct session s[64];
	struct identity who;

	for (int i = 0; i < 64; i++) {
		s[i] = opened(f, ann, false, NULL);
		assert_ok(identify(f, s[i].access_token, &who));
	}
	for (int i = 0; i < 64; i++) {
		assert_ok(identify(f, s[i].access_token, &who));
		assert_string_equal(who.device_id, s[i].device_id);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_known_by_its_token),
		TEST(a_token_is_looked_up_once_and_then_remembered),
		TEST(a_devices_last_use_is_known_to_a_few_minutes),
		TEST(an_invented_token_is_unknown),
		TEST(no_token_stands_in_the_database),
		TEST(a_logout_ends_the_token_in_store_and_memory_and_tells_listeners),
		TEST(a_logout_of_all_ends_every_token),
		TEST(a_login_onto_a_device_takes_its_old_token_and_keeps_its_name),
		TEST(a_token_that_can_be_refreshed_expires_softly),
		TEST(a_refresh_token_serves_again_until_what_it_gave_is_used),
		TEST(using_the_new_refresh_token_ends_the_old_one),
		TEST(sessions_live_through_a_restart),
		TEST(the_memory_of_tokens_stays_bounded_and_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
