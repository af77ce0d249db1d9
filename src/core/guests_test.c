#include "core/accounts_testing.h"
#include "core/guest_token.h"
#include "store/devices.h"
#include "store/guests.h"
#include "store/rooms.h"

static struct identity
new_guest(struct fixture *f, const char **token_out)
{
	struct new_guest guest;
	struct identity who;

	assert_ok(guests_issue(&f->t.core, f->t.arena, NULL, &guest));
	assert_ok(guests_identify(&f->t.core, f->t.arena, guest.token, &who));
	*token_out = guest.token;
	return who;
}

static enum mx_err
identify(struct fixture *f, const char *token, struct identity *who)
{
	return guests_identify(&f->t.core, f->t.arena, token, who);
}

static void
count_row(void *arg, const char *user_id, int64_t seen_ts, int64_t expires_ts)
{
	(*(int *)arg)++;
}

static int
rows(struct fixture *f)
{
	int n = 0;

	assert_ok(store_guests_each(f->t.ctx.db, count_row, &n));
	return n;
}

static void
a_guest_is_who_its_token_says_and_costs_no_row(void **state)
{
	struct fixture *f = *state;
	struct new_guest guest;
	struct identity who;

	assert_ok(guests_issue(&f->t.core, f->t.arena, NULL, &guest));
	assert_ok(identify(f, guest.token, &who));
	assert_string_equal(who.user_id, guest.user_id);
	assert_string_equal(who.device_id, guest.device_id);
	assert_true(who.is_guest);
	assert_false(who.has_rows);
	assert_int_equal(who.expires_ms, NOON + 7 * DAY);
	assert_int_equal(rows(f), 0);
}

static void
to_know_a_guest_without_rows_takes_no_lock(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who;
	uint64_t before;

	new_guest(f, &token);
	before = locks_taken();
	assert_ok(identify(f, token, &who));
	assert_int_equal(locks_taken(), before);
}

static void
two_guests_are_never_the_same(void **state)
{
	struct fixture *f = *state;
	const char *one, *two;
	struct identity a = new_guest(f, &one), b = new_guest(f, &two);

	assert_string_not_equal(one, two);
	assert_string_not_equal(a.user_id, b.user_id);
}

static void
a_token_lives_through_a_restart(void **state)
{
	struct fixture *f = *state;
	struct identity who;
	const char *token;
	char kept[GUEST_TOKEN_LEN + 1];

	new_guest(f, &token);
	strcpy(kept, token);
	restart(f);
	assert_ok(identify(f, kept, &who));
}

static void
a_token_ends_at_its_expiry(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token);

	clock_set_for_test(NOON + 7 * DAY - 1);
	assert_ok(identify(f, token, &who));
	clock_set_for_test(NOON + 7 * DAY);
	assert_int_equal(identify(f, token, &who), M_UNKNOWN_TOKEN);
}

static void
where_guests_are_off_none_is_made_and_none_is_known(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct new_guest guest;
	struct identity who = new_guest(f, &token);

	f->t.core.set.guests = GUESTS_OFF;
	assert_int_equal(
	    guests_issue(&f->t.core, f->t.arena, NULL, &guest), M_FORBIDDEN);
	assert_int_equal(identify(f, token, &who), M_UNKNOWN_TOKEN);
}

static void
where_guests_may_read_they_may_not_write(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token);

	f->t.core.set.guests = GUESTS_READ;
	assert_ok(identify(f, token, &who));
	assert_int_equal(guests_make_row(&f->t.ctx, &who), M_GUEST_ACCESS_FORBIDDEN);
	assert_int_equal(rows(f), 0);
}

static void
the_first_write_makes_the_rows_once(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token), again = who;

	assert_ok(guests_make_row(&f->t.ctx, &who));
	assert_true(who.has_rows);
	assert_ok(guests_make_row(&f->t.ctx, &again));
	assert_int_equal(rows(f), 1);
	assert_ok(identify(f, token, &again));
	assert_true(again.has_rows);
}

static const char *
name_of_guest(struct fixture *f, const char *name)
{
	struct new_guest guest;
	struct identity who;

	assert_ok(guests_issue(&f->t.core, f->t.arena, name, &guest));
	assert_ok(identify(f, guest.token, &who));
	return who.device_name;
}

static void
a_guests_device_has_the_name_it_asked_for_cut_to_whole_characters(void **state)
{
	struct fixture *f = *state;
	char name[100];

	assert_null(name_of_guest(f, NULL));
	assert_null(name_of_guest(f, ""));
	assert_string_equal(name_of_guest(f, "the web"), "the web");
	memset(name, 'a', sizeof name);
	strcpy(name + GUEST_NAME_MAX - 1, "\xc3\xbc and so on");
	assert_int_equal(strlen(name_of_guest(f, name)), GUEST_NAME_MAX - 1);
	strcpy(name + GUEST_NAME_MAX - 2, "\xc3\xbc and so on");
	assert_int_equal(strlen(name_of_guest(f, name)), GUEST_NAME_MAX);
}

static void
the_rows_of_a_guest_have_the_name_of_its_device(void **state)
{
	struct fixture *f = *state;
	struct new_guest guest;
	struct identity who;
	struct device_row row;

	assert_ok(guests_issue(&f->t.core, f->t.arena, "the web", &guest));
	assert_ok(identify(f, guest.token, &who));
	assert_ok(guests_make_row(&f->t.ctx, &who));
	assert_ok(store_device_get(
	    f->t.ctx.db, f->t.arena, who.user_id, who.device_id, &row));
	assert_string_equal(row.display_name, "the web");
}

static void
an_account_needs_no_rows_made(void **state)
{
	struct fixture *f = *state;
	struct identity who = { .user_id = "@ann:" TESTING_SERVER, .has_rows = true };

	f->t.core.set.guests = GUESTS_READ;
	assert_ok(guests_make_row(&f->t.ctx, &who));
	assert_int_equal(rows(f), 0);
}

static void
a_guest_with_rows_lives_on_while_it_is_used(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token);
	char kept[GUEST_TOKEN_LEN + 1];

	strcpy(kept, token);
	assert_ok(guests_make_row(&f->t.ctx, &who));
	for (int day = 5; day <= 30; day += 5) {
		clock_set_for_test(NOON + day * DAY);
		assert_ok(identify(f, kept, &who));
	}
	restart(f);
	assert_ok(identify(f, kept, &who));
	assert_true(who.has_rows);
	clock_set_for_test(NOON + 37 * DAY);
	assert_int_equal(identify(f, kept, &who), M_UNKNOWN_TOKEN);
}

static void
the_sweep_makes_an_expired_guest_leave_and_takes_its_rows(void **state)
{
	struct fixture *f = *state;
	struct room *room = testing_room(&f->t, "@ann:" TESTING_SERVER, "12");
	const char *token;
	struct identity who = new_guest(f, &token);
	struct snapshot *s;

	assert_ok(guests_make_row(&f->t.ctx, &who));
	testing_join(&f->t, room, who.user_id);
	guests_sweep(&f->t.ctx);
	assert_int_equal(rows(f), 1);
	clock_set_for_test(NOON + 7 * DAY);
	guests_sweep(&f->t.ctx);
	s = room_snapshot(room);
	assert_int_equal(snapshot_membership(s, who.user_id), MEMBERSHIP_LEAVE);
	snapshot_unref(s);
	assert_int_equal(rows(f), 0);
	assert_true(hears_gone(f, who.user_id, NULL));
	assert_int_equal(identify(f, token, &who), M_UNKNOWN_TOKEN);
	room_put(room);
}

static void
who_logs_out_is_denied_even_after_a_restart(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token);
	char kept[GUEST_TOKEN_LEN + 1];

	strcpy(kept, token);
	assert_ok(guests_deny(&f->t.ctx, &who));
	assert_true(hears_gone(f, who.user_id, NULL));
	assert_int_equal(identify(f, kept, &who), M_UNKNOWN_TOKEN);
	restart(f);
	assert_int_equal(identify(f, kept, &who), M_UNKNOWN_TOKEN);
}

static void
who_logs_out_loses_its_rooms_and_rows_with_the_next_sweep(void **state)
{
	struct fixture *f = *state;
	struct room *room = testing_room(&f->t, "@ann:" TESTING_SERVER, "10");
	const char *token;
	struct identity who = new_guest(f, &token);
	struct snapshot *s;

	assert_ok(guests_make_row(&f->t.ctx, &who));
	testing_join(&f->t, room, who.user_id);
	assert_ok(guests_deny(&f->t.ctx, &who));
	guests_sweep(&f->t.ctx);
	s = room_snapshot(room);
	assert_int_equal(snapshot_membership(s, who.user_id), MEMBERSHIP_LEAVE);
	snapshot_unref(s);
	assert_int_equal(rows(f), 0);
	room_put(room);
}

static void
who_was_denied_makes_no_rows_any_more(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token), late = who;

	assert_ok(guests_deny(&f->t.ctx, &who));
	assert_int_equal(guests_make_row(&f->t.ctx, &late), M_UNKNOWN_TOKEN);
	assert_int_equal(rows(f), 0);
}

static void
a_denial_is_forgotten_when_the_token_has_expired(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token);
	struct guests_stats stats;

	assert_ok(guests_deny(&f->t.ctx, &who));
	guests_sweep(&f->t.ctx);
	guests_stats(f->t.core.guests, &stats);
	assert_int_equal(stats.denied, 1);
	clock_set_for_test(NOON + 7 * DAY);
	guests_sweep(&f->t.ctx);
	guests_stats(f->t.core.guests, &stats);
	assert_int_equal(stats.denied, 0);
	assert_int_equal(identify(f, token, &who), M_UNKNOWN_TOKEN);
}

static void
the_sweep_comes_each_minute_or_sooner_where_guests_live_shortly(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(guests_sweep_ms(&f->t.core), 60000);
	f->t.core.set.guest_lifetime_ms = 8000;
	assert_int_equal(guests_sweep_ms(&f->t.core), 2000);
	f->t.core.set.guest_lifetime_ms = 100;
	assert_int_equal(guests_sweep_ms(&f->t.core), 1000);
}

static void
upgrade(struct fixture *f, const struct identity *who, struct session *session)
{
	struct new_account account = { .user_id = who->user_id,
		.password = "secret",
		.guest = who,
		.session = session };

	*session = (struct session){ .user_id = who->user_id };
	assert_ok(users_create(&f->t.ctx, f->t.arena, &account));
}

static void
an_upgraded_guest_keeps_id_and_rooms_and_its_old_token_ends(void **state)
{
	struct fixture *f = *state;
	struct room *room = testing_room(&f->t, "@ann:" TESTING_SERVER, "12");
	const char *token;
	struct identity who = new_guest(f, &token), now;
	struct session session;
	struct snapshot *s;
	bool soft;

	assert_ok(guests_make_row(&f->t.ctx, &who));
	testing_join(&f->t, room, who.user_id);
	upgrade(f, &who, &session);
	assert_true(hears_gone(f, who.user_id, who.device_id));
	assert_int_equal(identify(f, token, &now), M_UNKNOWN_TOKEN);
	assert_ok(login_identify(
	    &f->t.ctx, f->t.arena, session.access_token, NULL, &now, &soft));
	assert_string_equal(now.user_id, who.user_id);
	assert_false(now.is_guest);
	clock_set_for_test(NOON + 30 * DAY);
	guests_sweep(&f->t.ctx);
	s = room_snapshot(room);
	assert_int_equal(snapshot_membership(s, who.user_id), MEMBERSHIP_JOIN);
	snapshot_unref(s);
	room_put(room);
}

static void
a_guest_without_rows_can_be_upgraded_but_only_once(void **state)
{
	struct fixture *f = *state;
	const char *token;
	struct identity who = new_guest(f, &token);
	struct new_account again = { .user_id = who.user_id, .guest = &who };
	struct session session;

	upgrade(f, &who, &session);
	assert_ok(
	    users_check_password(&f->t.ctx, f->t.arena, who.user_id, "secret", NULL));
	assert_int_equal(users_create(&f->t.ctx, f->t.arena, &again), M_USER_IN_USE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_is_who_its_token_says_and_costs_no_row),
		TEST(to_know_a_guest_without_rows_takes_no_lock),
		TEST(two_guests_are_never_the_same),
		TEST(a_token_lives_through_a_restart),
		TEST(a_token_ends_at_its_expiry),
		TEST(where_guests_are_off_none_is_made_and_none_is_known),
		TEST(where_guests_may_read_they_may_not_write),
		TEST(the_first_write_makes_the_rows_once),
		TEST(a_guests_device_has_the_name_it_asked_for_cut_to_whole_characters),
		TEST(the_rows_of_a_guest_have_the_name_of_its_device),
		TEST(an_account_needs_no_rows_made),
		TEST(a_guest_with_rows_lives_on_while_it_is_used),
		TEST(the_sweep_makes_an_expired_guest_leave_and_takes_its_rows),
		TEST(who_logs_out_is_denied_even_after_a_restart),
		TEST(who_logs_out_loses_its_rooms_and_rows_with_the_next_sweep),
		TEST(who_was_denied_makes_no_rows_any_more),
		TEST(a_denial_is_forgotten_when_the_token_has_expired),
		TEST(the_sweep_comes_each_minute_or_sooner_where_guests_live_shortly),
		TEST(an_upgraded_guest_keeps_id_and_rooms_and_its_old_token_ends),
		TEST(a_guest_without_rows_can_be_upgraded_but_only_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
