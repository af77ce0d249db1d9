/*
 * The rule for m.room.member as a table of cases, and third-party invites with keys
 * made for the purpose. Relies on event/auth_rules. Stands beside auth_member.c, run by
 * the test suite.
 */
#include "event/auth_room_test.h"

#include "base/codec.h"
#include "base/crypto.h"
#include "event/event_sign.h"

static void
joins_follow_the_join_rule(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 5.3.6", MEMBER(BOB, "join"), { RULE("public") } },
		{ NEVER, 1, 12, "v12: 5.3.4", MEMBER(BOB, "join"), { RULE("invite") } },
		{ NEVER, 1, 12, "v12: 5.3.4", MEMBER(BOB, "join"), { NULL } },
		{ ONLY, 1, 12, "v12: 5.3.4", MEMBER(BOB, "join"),
		    { RULE("invite"), BY("@ann:x", BOB, "invite") } },
		{ ONLY, 1, 12, "v12: 5.3.4", MEMBER(BOB, "join"),
		    { BY("@ann:x", BOB, "invite") } },
		{ ONLY, 1, 12, "v12: 5.3.4", MEMBER(BOB, "join"),
		    { RULE("invite"), MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 5.3.4", MEMBER(BOB, "join"),
		    { RULE("invite"), MEMBER(BOB, "leave") } },
		{ NEVER, 1, 12, "v12: 5.3.7", MEMBER(BOB, "join"),
		    { RULE("private"), BY("@ann:x", BOB, "invite") } },
		{ NEVER, 1, 12, "v12: 5.3.7", MEMBER(BOB, "join"),
		    { "m.room.join_rules|@ann:x||{'join_rule':5}",
			BY("@ann:x", BOB, "invite") } },
		{ ONLY, 7, 12, "v12: 5.3.4", MEMBER(BOB, "join"),
		    { RULE("knock"), BY("@ann:x", BOB, "invite") } },
		{ NEVER, 7, 12, "v12: 5.3.4", MEMBER(BOB, "join"),
		    { RULE("knock"), MEMBER(BOB, "knock") } },
		{ ONLY, 8, 12, "v12: 5.3.5.1", MEMBER(BOB, "join"),
		    { RULE("restricted"), BY("@ann:x", BOB, "invite") } },
		{ ONLY, 10, 12, "v12: 5.3.5.1", MEMBER(BOB, "join"),
		    { RULE("knock_restricted"), MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 5.3.3", MEMBER(BOB, "join"),
		    { RULE("public"), BY("@ann:x", BOB, "ban") } },
		{ NEVER, 1, 12, "v12: 5.3.2", BY("@ann:x", BOB, "join"),
		    { RULE("public") } },
		{ NEVER, 1, 12, "v12: 5.3.2", BY("@ann:x", BOB, "join"),
		    { RULE("public"), BY("@ann:x", BOB, "invite") } },
	};

	CHECK(*state, rows);
}

static void
the_creator_joins_first(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 5.3.1", MEMBER("@ann:x", "join") "|create",
		    { MEMBER("@ann:x", "leave") } },
		{ NEVER, 1, 12, "v12: 5.3.1", MEMBER("@ann:x", "join") "|other",
		    { MEMBER("@ann:x", "leave") } },
		{ NEVER, 1, 12, "v12: 5.3.1", MEMBER(BOB, "join") "|create", { NULL } },
		{ ONLY, 1, 10, "v10: 4.3.1", MEMBER(BOB, "join") "|create",
		    { "m.room.create|@ann:x||{'creator':'@bob:y'}" } },
	};
	struct fixture *f = *state;

	check(f, rows, 3);
	/* The last one's create event would be another room's in version 12. */
	for (int version = 1; version <= 11; version++) {
		new_room(f, version);
		put(f, rows[3].state[0]);
		assert_int_equal(allowed(f, event_of(f, rows[3].event)), version <= 10);
	}
}

static void
restricted_joins_need_somebody_who_may_invite(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 8, 12, "v12: 5.3.5.3", VIA("'@ann:x'"),
		    { RULE("restricted") } },
		{ ONLY, 10, 12, "v12: 5.3.5.3", VIA("'@ann:x'"),
		    { RULE("knock_restricted") } },
		{ NEVER, 1, 12, "v12: 5.3.5.2", MEMBER(BOB, "join"),
		    { RULE("restricted") } },
		{ NEVER, 1, 12, "v12: 5.3.5.2", VIA("'@cem:x'"),
		    { RULE("restricted") } },
		{ NEVER, 1, 12, "v12: 5.3.5.2", VIA("'@cem:x'"),
		    { RULE("restricted"), MEMBER("@cem:x", "invite") } },
		{ ONLY, 8, 12, "v12: 5.3.5.3", VIA("'@cem:x'"),
		    { RULE("restricted"), MEMBER("@cem:x", "join") } },
		{ NEVER, 1, 12, "v12: 5.3.5.2", VIA("'@cem:x'"),
		    { RULE("restricted"), MEMBER("@cem:x", "join"),
			LEVELS("{'invite':10}") } },
		{ NEVER, 1, 12, "v12: 5.3.4", VIA("'@ann:x'"), { RULE("invite") } },
		{ NEVER, 8, 12, "v12: 5.2.1", VIA("5"), { RULE("public") } },
		{ NEVER, 8, 12, "v12: 5.2.1", VIA("'ann'"), { RULE("public") } },
		{ ONLY, 1, 7, "v7: 4.2.5", VIA("5"), { RULE("public") } },
	};

	CHECK(*state, rows);
}

static void
an_authorised_join_is_signed_by_the_authorising_server(void **state)
{
	struct fixture *f = *state;

	for (int version = 8; version <= 12; version++) {
		new_room(f, version);
		put(f, RULE("restricted"));
		f->not_signed_by = "x";
		assert_false(allowed(f, event_of(f, VIA("'@ann:x'"))));
		f->not_signed_by = "y";
		assert_true(allowed(f, event_of(f, VIA("'@ann:x'"))));
	}
}

static void
invites_need_power_and_a_member(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 5.4.4", BY("@ann:x", BOB, "invite"), { NULL } },
		{ ONLY, 1, 12, "v12: 5.4.4", BY("@ann:x", BOB, "invite"),
		    { MEMBER(BOB, "leave") } },
		{ ONLY, 1, 12, "v12: 5.4.4", BY("@ann:x", BOB, "invite"),
		    { MEMBER(BOB, "invite") } },
		{ ONLY, 1, 12, "v12: 5.4.4", BY("@ann:x", BOB, "invite"),
		    { MEMBER(BOB, "knock") } },
		{ NEVER, 1, 12, "v12: 5.4.3", BY("@ann:x", BOB, "invite"),
		    { MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 5.4.3", BY("@ann:x", BOB, "invite"),
		    { MEMBER(BOB, "ban") } },
		{ NEVER, 1, 12, "v12: 5.4.2", BY(BOB, "@cem:x", "invite"), { NULL } },
		{ NEVER, 1, 12, "v12: 5.4.2", BY(BOB, "@cem:x", "invite"),
		    { MEMBER(BOB, "invite") } },
		{ ONLY, 1, 12, "v12: 5.4.4", BY(BOB, "@cem:x", "invite"),
		    { MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 5.4.5", BY(BOB, "@cem:x", "invite"),
		    { MEMBER(BOB, "join"), LEVELS("{'invite':1}") } },
		{ ONLY, 1, 12, "v12: 5.4.4", BY(BOB, "@cem:x", "invite"),
		    { MEMBER(BOB, "join"),
			LEVELS("{'invite':1,'users':{'@bob:y':1}}") } },
	};

	CHECK(*state, rows);
}

static void
leaving_is_free_and_kicking_is_not(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 5.5.1", MEMBER(BOB, "leave"),
		    { MEMBER(BOB, "join") } },
		{ ONLY, 1, 12, "v12: 5.5.1", MEMBER(BOB, "leave"),
		    { MEMBER(BOB, "invite") } },
		{ ONLY, 7, 12, "v12: 5.5.1", MEMBER(BOB, "leave"),
		    { MEMBER(BOB, "knock") } },
		{ NEVER, 1, 12, "v12: 5.5.1", MEMBER(BOB, "leave"),
		    { MEMBER(BOB, "leave") } },
		{ NEVER, 1, 12, "v12: 5.5.1", MEMBER(BOB, "leave"),
		    { MEMBER(BOB, "ban") } },
		{ NEVER, 1, 12, "v12: 5.5.1", MEMBER(BOB, "leave"), { NULL } },
		{ ONLY, 1, 12, "v12: 5.5.4", BY("@ann:x", BOB, "leave"),
		    { MEMBER(BOB, "join") } },
		{ ONLY, 1, 12, "v12: 5.5.4", BY("@ann:x", BOB, "leave"),
		    { MEMBER(BOB, "ban") } },
		{ NEVER, 1, 12, "v12: 5.5.5", BY(BOB, "@ann:x", "leave"),
		    { MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 5.5.2", BY(BOB, "@cem:x", "leave"),
		    { MEMBER("@cem:x", "join") } },
		{ NEVER, 1, 12, "v12: 5.5.5", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':49}}") } },
		{ ONLY, 1, 12, "v12: 5.5.4", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':50}}") } },
		{ NEVER, 1, 12, "v12: 5.5.5", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"),
			LEVELS("{'users':{'@bob:y':50,'@cem:x':50}}") } },
		{ NEVER, 1, 12, "v12: 5.5.3", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"), MEMBER("@cem:x", "ban"),
			LEVELS("{'users':{'@bob:y':50},'ban':51}") } },
		{ ONLY, 1, 12, "v12: 5.5.3", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"), MEMBER("@cem:x", "ban"),
			LEVELS("{'users':{'@bob:y':51},'ban':51}") } },
		{ NEVER, 1, 12, "v12: 5.5.5", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"), MEMBER("@cem:x", "ban"),
			LEVELS("{'users':{'@bob:y':51},'ban':51,'kick':52}") } },
		{ ONLY, 1, 12, "v12: 5.5.4", BY(BOB, "@cem:x", "leave"),
		    { MEMBER(BOB, "join"), MEMBER("@cem:x", "leave"),
			LEVELS("{'users':{'@bob:y':50},'ban':51}") } },
		{ ONLY, 12, 12, "v12: 5.5.4", BY("@ann:x", BOB, "leave"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':1000}}") } },
		{ ONLY, 1, 11, "v11: 4.5.4", BY(BOB, "@ann:x", "leave"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':1000}}") } },
	};

	CHECK(*state, rows);
}

static void
bans_need_power_over_the_target(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 5.6.2", BY("@ann:x", BOB, "ban"),
		    { MEMBER(BOB, "join") } },
		{ ONLY, 1, 12, "v12: 5.6.2", BY("@ann:x", BOB, "ban"), { NULL } },
		{ NEVER, 1, 12, "v12: 5.6.1", BY(BOB, "@cem:x", "ban"),
		    { LEVELS("{'users':{'@bob:y':50}}") } },
		{ ONLY, 1, 12, "v12: 5.6.2", BY(BOB, "@cem:x", "ban"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':50}}") } },
		{ NEVER, 1, 12, "v12: 5.6.3", BY(BOB, "@cem:x", "ban"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':49}}") } },
		{ NEVER, 1, 12, "v12: 5.6.3", BY(BOB, "@cem:x", "ban"),
		    { MEMBER(BOB, "join"),
			LEVELS("{'users':{'@bob:y':50,'@cem:x':50}}") } },
		{ ONLY, 1, 12, "v12: 5.6.2", BY(BOB, "@cem:x", "ban"),
		    { MEMBER(BOB, "join"),
			LEVELS("{'users':{'@bob:y':40},'ban':40,'kick':50}") } },
		{ NEVER, 1, 12, "v12: 5.6.3", BY(BOB, "@cem:x", "ban"),
		    { MEMBER(BOB, "join"),
			LEVELS("{'users':{'@bob:y':40},'ban':50,'kick':40}") } },
		{ NEVER, 12, 12, "v12: 5.6.3", BY(BOB, "@ann:x", "ban"),
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':1000}}") } },
	};

	CHECK(*state, rows);
}

static void
knocks_need_a_rule_that_invites_them(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 7, 12, "v12: 5.7.3", MEMBER(BOB, "knock"), { RULE("knock") } },
		{ ONLY, 10, 12, "v12: 5.7.1", MEMBER(BOB, "knock"),
		    { RULE("knock_restricted") } },
		{ ONLY, 7, 12, "v12: 5.7.3", MEMBER(BOB, "knock"),
		    { RULE("knock"), MEMBER(BOB, "leave") } },
		{ ONLY, 7, 12, "v12: 5.7.3", MEMBER(BOB, "knock"),
		    { RULE("knock"), MEMBER(BOB, "knock") } },
		{ NEVER, 1, 12, "v12: 5.7.1", MEMBER(BOB, "knock"),
		    { RULE("public") } },
		{ NEVER, 1, 12, "v12: 5.7.1", MEMBER(BOB, "knock"),
		    { RULE("invite") } },
		{ NEVER, 1, 12, "v12: 5.7.1", MEMBER(BOB, "knock"),
		    { RULE("restricted") } },
		{ NEVER, 1, 12, "v12: 5.7.4", MEMBER(BOB, "knock"),
		    { RULE("knock"), MEMBER(BOB, "ban") } },
		{ NEVER, 1, 12, "v12: 5.7.4", MEMBER(BOB, "knock"),
		    { RULE("knock"), MEMBER(BOB, "invite") } },
		{ NEVER, 1, 12, "v12: 5.7.4", MEMBER(BOB, "knock"),
		    { RULE("knock"), MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 5.7.2", BY("@ann:x", BOB, "knock"),
		    { RULE("knock") } },
		{ NEVER, 1, 12, "v12: 5.7.2", BY("@cem:x", BOB, "knock"),
		    { RULE("knock") } },
	};

	CHECK(*state, rows);
}

static void
malformed_memberships_are_refused(void **state)
{
	static const struct row rows[] = {
		{ NEVER, 1, 12, "v12: 5.1",
		    "m.room.member|@ann:x|-|{'membership':'join'}", { NULL } },
		{ NEVER, 1, 12, "v12: 5.1", "m.room.member|@ann:x|@ann:x|{}",
		    { NULL } },
		{ NEVER, 1, 12, "v12: 5.1",
		    "m.room.member|@ann:x|@ann:x|{'membership':5}", { NULL } },
		{ NEVER, 1, 12, "v12: 5.8", MEMBER("@ann:x", "dance"), { NULL } },
		{ NEVER, 1, 12, "v12: 5.1", BY("@ann:x", "bob", "invite"), { NULL } },
	};

	CHECK(*state, rows);
}

/* Third-party invites. */

struct invite_keys {
	uint8_t public[ED25519_PUBLIC_LEN], secret[ED25519_SECRET_LEN];
	char text[B64_LEN(ED25519_PUBLIC_LEN) + 1];
};

static struct invite_keys
keys_of(uint8_t first)
{
	uint8_t seed[ED25519_SEED_LEN] = { first };
	struct invite_keys k;

	ed25519_from_seed(seed, k.public, k.secret);
	b64_encode(k.public, sizeof k.public, k.text);
	return k;
}

/* @ann:x invites @bob:y with what the identity server has signed. */
static const char *
invite(struct fixture *f, const struct invite_keys *k, const char *mxid)
{
	struct signer signer = { "id.org", "ed25519:0", k->secret };
	struct json *signed_ = json_object(f->arena);

	json_set_str(f->arena, signed_, "mxid", mxid);
	json_set_str(f->arena, signed_, "token", "tok");
	json_sign(f->arena, &signer, signed_);
	return arena_printf(f->arena,
	    "m.room.member|@ann:x|@bob:y|{'membership':'invite',"
	    "'third_party_invite':{'signed':%s}}",
	    json_text(f->arena, signed_, NULL));
}

static void
put_invite(struct fixture *f, const char *sender, const char *content)
{
	put(f, arena_printf(
		   f->arena, "m.room.third_party_invite|%s|tok|%s", sender, content));
}

static void
third_party_invites_are_signed_by_one_of_their_keys(void **state)
{
	struct fixture *f = *state;
	struct invite_keys good = keys_of(1), other = keys_of(2);
	const char *one = arena_printf(f->arena, "{'public_key':'%s'}", good.text);
	const char *many = arena_printf(f->arena,
	    "{'public_key':'%s','public_keys':[{'public_key':'%s'},5,{}]}", other.text,
	    good.text);
	const char *none =
	    arena_printf(f->arena, "{'public_key':'%s','public_keys':{}}", other.text);

	for (int version = 1; version <= 12; version++) {
		const char *to_bob = invite(f, &good, "@bob:y");

		new_room(f, version);
		assert_false(allowed(f, event_of(f, to_bob)));
		put_invite(f, "@ann:x", one);
		assert_true(allowed(f, event_of(f, to_bob)));
		assert_false(allowed(f, event_of(f, invite(f, &other, "@bob:y"))));
		assert_false(allowed(f, event_of(f, invite(f, &good, "@cem:x"))));
		put_invite(f, "@ann:x", many);
		assert_true(allowed(f, event_of(f, to_bob)));
		put_invite(f, "@ann:x", none);
		assert_false(allowed(f, event_of(f, to_bob)));
		put_invite(f, "@ann:x", "{'public_key':'!'}");
		assert_false(allowed(f, event_of(f, to_bob)));
		put_invite(f, "@cem:x", one);
		assert_false(allowed(f, event_of(f, to_bob)));
		put_invite(f, "@ann:x", one);
		put(f, MEMBER(BOB, "join"));
		assert_true(allowed(f, event_of(f, to_bob)));
		put(f, MEMBER(BOB, "ban"));
		assert_false(allowed(f, event_of(f, to_bob)));
	}
}

/* The good signature behind count others that could be somebody's. */
static const char *
invite_behind(struct fixture *f, const struct invite_keys *good, int count)
{
	struct signer id_org = { "id.org", "ed25519:0", good->secret };
	struct invite_keys other = keys_of(2);
	struct json *signed_ = json_object(f->arena);

	json_set_str(f->arena, signed_, "mxid", "@bob:y");
	json_set_str(f->arena, signed_, "token", "tok");
	for (int i = 0; i < count; i++) {
		struct signer signer = { "id.net",
			arena_printf(f->arena, "ed25519:%d", i), other.secret };

		json_sign(f->arena, &signer, signed_);
	}
	json_sign(f->arena, &id_org, signed_);
	return arena_printf(f->arena,
	    "m.room.member|@ann:x|@bob:y|{'membership':'invite',"
	    "'third_party_invite':{'signed':%s}}",
	    json_text(f->arena, signed_, NULL));
}

/* The good key behind count others. */
static const char *
keys_behind(struct fixture *f, const struct invite_keys *good, int count)
{
	struct invite_keys other = keys_of(4);
	const char *keys = "";

	for (int i = 0; i < count; i++)
		keys =
		    arena_printf(f->arena, "%s{'public_key':'%s'},", keys, other.text);
	return arena_printf(
	    f->arena, "{'public_keys':[%s{'public_key':'%s'}]}", keys, good->text);
}

static void
as_many_pairs_of_key_and_signature_are_tried_as_is_bearable(void **state)
{
	struct fixture *f = *state;
	struct invite_keys good = keys_of(1);

	new_room(f, 12);
	put_invite(f, "@ann:x", keys_behind(f, &good, 15));
	assert_true(allowed(f, event_of(f, invite_behind(f, &good, 15))));
	put_invite(f, "@ann:x", keys_behind(f, &good, 16));
	assert_false(allowed(f, event_of(f, invite_behind(f, &good, 15))));
	assert_true(allowed(f, event_of(f, invite_behind(f, &good, 10))));
}

static void
a_key_is_its_bytes_however_it_is_written(void **state)
{
	struct fixture *f = *state;
	struct invite_keys good = keys_of(3);
	char url[B64_LEN(ED25519_PUBLIC_LEN) + 1];
	char *last = &good.text[strlen(good.text) - 1];

	b64url_encode(good.public, sizeof good.public, url);
	assert_string_not_equal(url, good.text);
	new_room(f, 12);
	put_invite(
	    f, "@ann:x", arena_printf(f->arena, "{'public_key':'%s='}", good.text));
	assert_true(allowed(f, event_of(f, invite(f, &good, "@bob:y"))));
	put_invite(f, "@ann:x", arena_printf(f->arena, "{'public_key':'%s'}", url));
	assert_true(allowed(f, event_of(f, invite(f, &good, "@bob:y"))));
	assert_non_null(strchr("AEIMQUYcgkosw048", *last));
	++*last; /* nothing but bits behind the last byte */
	put_invite(
	    f, "@ann:x", arena_printf(f->arena, "{'public_key':'%s'}", good.text));
	assert_true(allowed(f, event_of(f, invite(f, &good, "@bob:y"))));
}

static void
malformed_third_party_invites_are_refused(void **state)
{
	static const struct {
		const char *rule, *text;
	} rows[] = {
		{ "v12: 5.4.1.2", "5" },
		{ "v12: 5.4.1.2", "{}" },
		{ "v12: 5.4.1.2", "{'signed':5}" },
		{ "v12: 5.4.1.3", "{'signed':{}}" },
		{ "v12: 5.4.1.3", "{'signed':{'mxid':'@bob:y'}}" },
		{ "v12: 5.4.1.3", "{'signed':{'token':'tok'}}" },
		{ "v12: 5.4.1.8", "{'signed':{'mxid':'@bob:y','token':'tok'}}" },
		{ "v12: 5.4.1.8",
		    "{'signed':{'mxid':'@bob:y','token':'tok','signatures':[]}}" },
		{ "v12: 5.4.1.8",
		    "{'signed':{'mxid':'@bob:y','token':'tok','signatures':{'a':5}}}" },
		{ "v12: 5.4.1.8", "{'signed':{'mxid':'@bob:y','token':'tok',"
				  "'signatures':{'a':{'x':5}}}}" },
	};
	struct fixture *f = *state;
	struct invite_keys keys = keys_of(1);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (int version = 1; version <= 12; version++) {
			const char *event = arena_printf(f->arena,
			    "m.room.member|@ann:x|@bob:y|{'membership':'invite',"
			    "'third_party_invite':%s}",
			    rows[i].text);

			new_room(f, version);
			put_invite(f, "@ann:x",
			    arena_printf(f->arena, "{'public_key':'%s'}", keys.text));
			if (allowed(f, event_of(f, event)))
				fail_msg("version %d, %s, %s", version, rows[i].rule,
				    rows[i].text);
		}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(joins_follow_the_join_rule),
		TEST(the_creator_joins_first),
		TEST(restricted_joins_need_somebody_who_may_invite),
		TEST(an_authorised_join_is_signed_by_the_authorising_server),
		TEST(invites_need_power_and_a_member),
		TEST(leaving_is_free_and_kicking_is_not),
		TEST(bans_need_power_over_the_target),
		TEST(knocks_need_a_rule_that_invites_them),
		TEST(malformed_memberships_are_refused),
		TEST(third_party_invites_are_signed_by_one_of_their_keys),
		TEST(as_many_pairs_of_key_and_signature_are_tried_as_is_bearable),
		TEST(a_key_is_its_bytes_however_it_is_written),
		TEST(malformed_third_party_invites_are_refused),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
