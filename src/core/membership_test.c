/*
 * Membership: guests let in and made to leave, third-party invites, forgetting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/codec.h"
#include "core/guest_access.h"
#include "core/guests.h"
#include "core/membership.h"
#include "core/send.h"
#include "core/testing.h"
#include "event/event_sign.h"
#include "store/guests.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define EVE "@eve:" TESTING_SERVER /* the guest */

static struct identity ann = { .user_id = ANN, .device_id = "A" };
static struct identity ben = { .user_id = BEN, .device_id = "B" };

struct fixture {
	struct testing t;
	struct room *room;
	struct identity eve;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	testing_open_core(&f.t);
	assert_int_equal(guests_setup(&f.t.core, f.t.ctx.db), M_OK);
	f.room = testing_room(&f.t, ANN, "12");
	f.eve = (struct identity){ .user_id = EVE,
		.device_id = "E",
		.is_guest = true,
		.expires_ms = clock_now_ms() + 1000000 };
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	room_put(f->room);
	guests_free(&f->t.core);
	testing_close(&f->t);
	return 0;
}

static enum membership
now(struct fixture *f, const char *user_id)
{
	struct snapshot *s;
	enum membership m;

	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	s = room_snapshot(f->room);
	m = snapshot_membership(s, user_id);
	snapshot_unref(s);
	return m;
}

typedef enum mx_err (*mover)(
    struct ctx *ctx, struct arena *arena, const struct move *move);

static enum mx_err
move(struct fixture *f, mover fn, struct identity *who, const char *user_id)
{
	struct move m = { .room = f->room, .who = who, .user_id = user_id };

	return fn(&f->t.ctx, f->t.arena, &m);
}

static enum mx_err
set_guest_access(struct fixture *f, const char *value, const char **event_id_out)
{
	struct json *content = json_object(f->t.arena);
	struct sending s = { .room = f->room,
		.who = &ann,
		.type = "m.room.guest_access",
		.content = content };
	enum mx_err err;

	json_set_str(f->t.arena, content, "guest_access", value);
	err = send_state(&f->t.ctx, f->t.arena, &s, "", event_id_out);
	return err == M_OK ? ctx_settle(&f->t.ctx) : err;
}

/* --- guests --- */

static void
a_guest_joins_only_where_the_room_and_the_server_say_so(void **state)
{
	struct fixture *f = *state;
	const char *id;

	assert_int_equal(
	    move(f, membership_join, &f->eve, EVE), M_GUEST_ACCESS_FORBIDDEN);
	assert_false(f->eve.has_rows);
	assert_int_equal(set_guest_access(f, "can_join", &id), M_OK);
	f->t.core.set.guests = GUESTS_READ;
	assert_int_equal(
	    move(f, membership_join, &f->eve, EVE), M_GUEST_ACCESS_FORBIDDEN);
	f->t.core.set.guests = GUESTS_JOIN;
	assert_int_equal(move(f, membership_join, &f->eve, EVE), M_OK);
	assert_int_equal(now(f, EVE), MEMBERSHIP_JOIN);
	assert_true(f->eve.has_rows);
}

static void
let_in(struct fixture *f, const char **event_id_out)
{
	assert_int_equal(set_guest_access(f, "can_join", event_id_out), M_OK);
	assert_int_equal(move(f, membership_join, &f->eve, EVE), M_OK);
	assert_int_equal(move(f, membership_join, &ben, BEN), M_OK);
	assert_int_equal(now(f, EVE), MEMBERSHIP_JOIN);
}

static void
when_guest_access_is_withdrawn_guests_leave_and_users_stay(void **state)
{
	struct fixture *f = *state;
	const char *id;

	let_in(f, &id);
	assert_int_equal(set_guest_access(f, "forbidden", &id), M_OK);
	assert_int_equal(now(f, EVE), MEMBERSHIP_LEAVE);
	assert_int_equal(now(f, BEN), MEMBERSHIP_JOIN);
}

static void
when_the_event_that_let_guests_in_is_redacted_they_leave(void **state)
{
	struct fixture *f = *state;
	struct sending s = {
		.room = f->room, .who = &ann, .content = json_object(f->t.arena)
	};
	const char *setting, *id;

	let_in(f, &setting);
	assert_int_equal(send_redaction(&f->t.ctx, f->t.arena, &s, setting, &id), M_OK);
	assert_int_equal(now(f, EVE), MEMBERSHIP_LEAVE);
}

static void
guests_whom_a_killed_server_left_in_leave_at_the_next_start(void **state)
{
	struct fixture *f = *state;
	const char *id;

	let_in(f, &id);
	/* The event alone, as if the server had ended right behind it. */
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.guest_access", "",
			     "{\"guest_access\":\"forbidden\"}", NULL),
	    M_OK);
	assert_int_equal(now(f, EVE), MEMBERSHIP_JOIN);
	assert_int_equal(guest_access_sweep(&f->t.ctx), M_OK);
	assert_int_equal(now(f, EVE), MEMBERSHIP_LEAVE);
}

static void
a_guest_moves_nobody_else_not_even_by_a_state_event(void **state)
{
	struct fixture *f = *state;
	struct move m = { .room = f->room, .who = &f->eve, .user_id = BEN };
	const char *id;

	let_in(f, &id);
	assert_int_equal(
	    membership_set(&f->t.ctx, f->t.arena, &m,
		testing_json(f->t.arena, "{\"membership\":\"invite\"}"), &id),
	    M_GUEST_ACCESS_FORBIDDEN);
}

/* --- third-party invites --- */

/* What an identity server would sign. */
static struct json *
proof(struct fixture *f, const uint8_t *secret, const char *mxid)
{
	struct signer signer = { "id.example", "ed25519:0", secret };
	struct json *signed_ = json_object(f->t.arena);

	json_set_str(f->t.arena, signed_, "mxid", mxid);
	json_set_str(f->t.arena, signed_, "sender", ANN);
	json_set_str(f->t.arena, signed_, "token", "t0ken");
	json_sign(f->t.arena, &signer, signed_);
	return signed_;
}

static void
third_party_invite(struct fixture *f, const uint8_t *public_key)
{
	char key[B64_LEN(ED25519_PUBLIC_LEN) + 1];

	b64_encode(public_key, ED25519_PUBLIC_LEN, key);
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.join_rules", "",
			     "{\"join_rule\":\"invite\"}", NULL),
	    M_OK);
	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, "m.room.third_party_invite", "t0ken",
		arena_printf(f->t.arena,
		    "{\"display_name\":\"b...@x\",\"key_validity_url\":\"https://x\","
		    "\"public_key\":\"%s\"}",
		    key),
		NULL),
	    M_OK);
}

static void
proof_of_a_third_party_invite_lets_its_user_in_and_nobody_else(void **state)
{
	static const uint8_t seed[ED25519_SEED_LEN] = "another seed, thirty-two bytes.";
	struct fixture *f = *state;
	struct move m = { .room = f->room, .who = &ben, .user_id = BEN };
	uint8_t public_key[ED25519_PUBLIC_LEN], secret[ED25519_SECRET_LEN];

	ed25519_from_seed(seed, public_key, secret);
	third_party_invite(f, public_key);
	assert_int_equal(membership_join(&f->t.ctx, f->t.arena, &m), M_FORBIDDEN);
	m.third_party_signed = proof(f, secret, "@cat:" TESTING_SERVER);
	assert_int_equal(membership_join(&f->t.ctx, f->t.arena, &m), M_FORBIDDEN);
	m.third_party_signed = proof(f, f->t.core.set.signing_secret, BEN);
	assert_int_equal(membership_join(&f->t.ctx, f->t.arena, &m), M_FORBIDDEN);
	assert_int_equal(now(f, BEN), MEMBERSHIP_NONE);
	m.third_party_signed = proof(f, secret, BEN);
	assert_int_equal(membership_join(&f->t.ctx, f->t.arena, &m), M_OK);
	assert_int_equal(now(f, BEN), MEMBERSHIP_JOIN);
}

/* --- leaving and forgetting --- */

static bool
has_forgotten(struct fixture *f)
{
	bool forgotten;

	assert_int_equal(room_is_forgotten(&f->t.ctx, f->room, BEN, &forgotten), M_OK);
	return forgotten;
}

static void
a_room_is_forgotten_only_once_it_is_left(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(membership_forget(&f->t.ctx, f->room, BEN), M_NOT_FOUND);
	assert_int_equal(move(f, membership_join, &ben, BEN), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	assert_int_equal(membership_forget(&f->t.ctx, f->room, BEN), M_BAD_STATE);
	assert_int_equal(move(f, membership_leave, &ben, BEN), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	assert_false(has_forgotten(f));
	assert_int_equal(membership_forget(&f->t.ctx, f->room, BEN), M_OK);
	assert_true(has_forgotten(f));
	assert_int_equal(move(f, membership_join, &ben, BEN), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	assert_false(has_forgotten(f));
}

static void
a_kick_neither_lifts_a_ban_nor_reaches_who_is_not_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(move(f, membership_kick, &ann, BEN), M_FORBIDDEN);
	assert_int_equal(move(f, membership_ban, &ann, BEN), M_OK);
	assert_int_equal(now(f, BEN), MEMBERSHIP_BAN);
	assert_int_equal(move(f, membership_kick, &ann, BEN), M_FORBIDDEN);
	assert_int_equal(move(f, membership_unban, &ann, BEN), M_OK);
	assert_int_equal(now(f, BEN), MEMBERSHIP_LEAVE);
	assert_int_equal(move(f, membership_unban, &ann, BEN), M_FORBIDDEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_joins_only_where_the_room_and_the_server_say_so),
		TEST(when_guest_access_is_withdrawn_guests_leave_and_users_stay),
		TEST(when_the_event_that_let_guests_in_is_redacted_they_leave),
		TEST(guests_whom_a_killed_server_left_in_leave_at_the_next_start),
		TEST(a_guest_moves_nobody_else_not_even_by_a_state_event),
		TEST(proof_of_a_third_party_invite_lets_its_user_in_and_nobody_else),
		TEST(a_room_is_forgotten_only_once_it_is_left),
		TEST(a_kick_neither_lifts_a_ban_nor_reaches_who_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
