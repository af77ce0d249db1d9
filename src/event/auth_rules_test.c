/*
 * The authorisation rules as a table of cases: a state, an event, the verdict, and for
 * which versions it holds. tests/oracle puts thousands more to us and to Synapse.
 * Relies on event/auth_rules; stands beside it, run by the test suite.
 */
#include "event/auth_room_test.h"

#include "base/crypto.h"

#define OTHER                                                                          \
	"Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ" /* than any room of here         \
						       */
#define BOBS_TOPIC "m.room.topic|@bob:y||{'topic':'x'}"
#define ANNS_TOPIC "m.room.topic|@ann:x||{'topic':'x'}"

static void
events_need_a_member_with_power(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 11", "m.room.message|@ann:x|-|{}", { NULL } },
		{ NEVER, 1, 12, "v12: 6", "m.room.message|@bob:y|-|{}", { NULL } },
		{ NEVER, 1, 12, "v12: 6", "m.room.message|@bob:y|-|{}",
		    { MEMBER(BOB, "invite") } },
		{ ONLY, 1, 12, "v12: 11", "m.room.message|@bob:y|-|{}",
		    { MEMBER(BOB, "join") } },
		{ NEVER, 1, 12, "v12: 8", BOBS_TOPIC, { MEMBER(BOB, "join") } },
		{ ONLY, 1, 12, "v12: 11", ANNS_TOPIC, { NULL } },
		{ ONLY, 1, 12, "v12: 8", BOBS_TOPIC,
		    { MEMBER(BOB, "join"), LEVELS("{'state_default':0}") } },
		{ ONLY, 1, 12, "v12: 8", BOBS_TOPIC,
		    { MEMBER(BOB, "join"), LEVELS("{'events':{'m.room.topic':0}}") } },
		{ NEVER, 1, 12, "v12: 8", "m.room.message|@bob:y|-|{}",
		    { MEMBER(BOB, "join"), LEVELS("{'events_default':1}") } },
		{ NEVER, 1, 12, "v12: 8", "m.room.message|@bob:y|-|{}",
		    { MEMBER(BOB, "join"),
			LEVELS("{'events':{'m.room.message':1}}") } },
		{ ONLY, 12, 12, "v12: 8", ANNS_TOPIC,
		    { LEVELS("{'state_default':1000}") } },
		{ ONLY, 1, 12, "v12: 9", "a.b|@ann:x|@ann:x|{}", { NULL } },
		{ NEVER, 1, 12, "v12: 9", "a.b|@ann:x|@bob:y|{}", { NULL } },
		{ ONLY, 1, 12, "v12: 9", "a.b|@ann:x|bob|{}", { NULL } },
		{ NEVER, 1, 12, "v12: 7.1", "m.room.third_party_invite|@bob:y|t|{}",
		    { MEMBER(BOB, "join"), LEVELS("{'invite':1}") } },
		{ ONLY, 1, 12, "v12: 7.1", "m.room.third_party_invite|@bob:y|t|{}",
		    { MEMBER(BOB, "join") } },
	};

	CHECK(*state, rows);
}

static void
aliases_had_a_rule_of_their_own_before_version_6(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 5, "v5: 4.3", "m.room.aliases|@bob:y|y|{}", { NULL } },
		{ ONLY, 6, 12, "v12: 11", "m.room.aliases|@ann:x|y|{}", { NULL } },
		{ NEVER, 1, 5, "v5: 4.1", "m.room.aliases|@ann:x|-|{}", { NULL } },
		{ NEVER, 1, 5, "v5: 4.2", "m.room.aliases|@ann:x||{}", { NULL } },
		{ ONLY, 1, 12, "v12: 11", "m.room.aliases|@ann:x|x|{}", { NULL } },
	};

	CHECK(*state, rows);
}

static void
redactions_had_a_rule_of_their_own_before_version_3(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v2: 11.2",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:y'}",
		    { MEMBER(BOB, "join") } },
		{ ONLY, 3, 12, "v2: 11.3",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:x'}",
		    { MEMBER(BOB, "join") } },
		{ ONLY, 3, 12, "v2: 11.3", "m.room.redaction|@bob:y|-|{}",
		    { MEMBER(BOB, "join") } },
		{ ONLY, 1, 12, "v2: 11.1",
		    "m.room.redaction|@ann:x|-|{'redacts':'$a:y'}", { NULL } },
		{ ONLY, 1, 12, "v2: 11.1",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:x'}",
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':50}}") } },
		{ ONLY, 3, 12, "v2: 11.3",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:x'}",
		    { MEMBER(BOB, "join"), LEVELS("{'users':{'@bob:y':49}}") } },
		{ ONLY, 1, 12, "v2: 11.1",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:x'}",
		    { MEMBER(BOB, "join"),
			LEVELS("{'users':{'@bob:y':7},'redact':7}") } },
		{ ONLY, 3, 12, "v2: 11.3",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:x'}",
		    { MEMBER(BOB, "join"),
			LEVELS("{'users':{'@bob:y':7},'redact':8}") } },
		{ NEVER, 1, 12, "v12: 8",
		    "m.room.redaction|@bob:y|-|{'redacts':'$a:y'}",
		    { MEMBER(BOB, "join"),
			LEVELS("{'events':{'m.room.redaction':1}}") } },
	};

	CHECK(*state, rows);
}

static void
a_room_that_is_not_federated_keeps_others_out(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++)
		for (int federated = 0; federated < 2; federated++) {
			new_room(f, version);
			f->n = 0;
			f->room_id = version < 12 ? f->room_id : NULL;
			put(f, federated
				   ? CREATE("{'creator':'@ann:x','m.federate':true}")
				   : CREATE("{'creator':'@ann:x','m.federate':false}"));
			f->room_id = f->state[0]->room_id;
			put(f, RULE("public"));
			assert_int_equal(
			    allowed(f, event_of(f, MEMBER(BOB, "join"))), federated);
			assert_true(allowed(f, event_of(f, MEMBER("@cem:x", "join"))));
		}
}

#define BOBS_LEVELS(json) "m.room.power_levels|@bob:y||" json
/* @bob:y, of level 50, changes what is in the state. */
#define BOB_50 "'@bob:y':50"

static void
nobody_gives_or_takes_power_they_do_not_have(void **state)
{
#define FROM(before, after)                                                            \
	BOBS_LEVELS(after),                                                            \
	{                                                                              \
		MEMBER(BOB, "join"), LEVELS(before)                                    \
	}
#define USERS(users) "{'users':{" BOB_50 users "}}"
#define PLUS(more) "{'users':{" BOB_50 "}" more "}"
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 10.11", FROM(PLUS(""), PLUS("")) },
		{ ONLY, 1, 12, "v12: 10.6.2", FROM(PLUS(""), PLUS(",'ban':50")) },
		{ NEVER, 1, 12, "v12: 10.6.2", FROM(PLUS(""), PLUS(",'ban':51")) },
		{ NEVER, 1, 12, "v12: 10.6.1", FROM(PLUS(",'ban':51"), PLUS("")) },
		{ NEVER, 1, 12, "v12: 10.6.1",
		    FROM(PLUS(",'ban':51"), PLUS(",'ban':50")) },
		{ ONLY, 1, 12, "v12: 10.6",
		    FROM(PLUS(",'ban':51"), PLUS(",'ban':51")) },
		{ NEVER, 1, 12, "v12: 10.6.2",
		    FROM(PLUS(""), PLUS(",'users_default':51")) },
		{ NEVER, 1, 12, "v12: 10.6.2",
		    FROM(PLUS(""), PLUS(",'events_default':51")) },
		{ NEVER, 1, 12, "v12: 10.6.2",
		    FROM(PLUS(""), PLUS(",'state_default':51")) },
		{ NEVER, 1, 12, "v12: 10.6.2", FROM(PLUS(""), PLUS(",'redact':51")) },
		{ NEVER, 1, 12, "v12: 10.6.2", FROM(PLUS(""), PLUS(",'kick':51")) },
		{ NEVER, 1, 12, "v12: 10.6.2", FROM(PLUS(""), PLUS(",'invite':51")) },
		{ ONLY, 1, 12, "v12: 10.8.1",
		    FROM(PLUS(""), PLUS(",'events':{'a':50}")) },
		{ NEVER, 1, 12, "v12: 10.8.1",
		    FROM(PLUS(""), PLUS(",'events':{'a':51}")) },
		{ NEVER, 1, 12, "v12: 10.7.1",
		    FROM(PLUS(",'events':{'a':51}"), PLUS("")) },
		{ NEVER, 1, 12, "v12: 10.7.1",
		    FROM(PLUS(",'events':{'a':51}"), PLUS(",'events':{'a':1}")) },
		{ ONLY, 1, 5, "v12: 10.8.1",
		    FROM(PLUS(""), PLUS(",'notifications':{'room':51}")) },
		{ ONLY, 1, 12, "v12: 10.8.1",
		    FROM(PLUS(""), PLUS(",'notifications':{'room':50}")) },
		{ ONLY, 1, 5, "v12: 10.7.1",
		    FROM(PLUS(",'notifications':{'room':51}"), PLUS("")) },
		{ ONLY, 1, 12, "v12: 10.10.1", FROM(USERS(""), USERS(",'@cem:x':50")) },
		{ NEVER, 1, 12, "v12: 10.10.1",
		    FROM(USERS(""), USERS(",'@cem:x':51")) },
		{ NEVER, 1, 12, "v12: 10.9.1",
		    FROM(USERS(",'@cem:x':50"), USERS(",'@cem:x':49")) },
		{ NEVER, 1, 12, "v12: 10.9.1", FROM(USERS(",'@cem:x':50"), USERS("")) },
		{ ONLY, 1, 12, "v12: 10.9.1", FROM(USERS(",'@cem:x':49"), USERS("")) },
		{ ONLY, 1, 12, "v12: 10.9",
		    FROM(USERS(""), "{'users':{'@bob:y':10}}") },
		{ ONLY, 1, 12, "v12: 10.9", FROM(USERS(""), "{'users':{}}") },
		{ ONLY, 1, 12, "v12: 10.9", FROM(USERS(""), "{}") },
		{ NEVER, 1, 12, "v12: 10.10.1",
		    FROM(USERS(""), "{'users':{'@bob:y':51}}") },
	};

	CHECK(*state, rows);
}

static void
power_levels_have_a_form(void **state)
{
	static const struct row rows[] = {
		{ ONLY, 1, 12, "v12: 10.5", LEVELS("{}"), { NULL } },
		{ ONLY, 1, 12, "v12: 10.5",
		    LEVELS("{'ban':1000,'users':{'@bob:y':1000}}"), { NULL } },
		{ NEVER, 1, 12, "v12: 10.3", LEVELS("{'users':[]}"), { NULL } },
		{ NEVER, 1, 12, "v12: 10.3", LEVELS("{'users':{'bob':1}}"), { NULL } },
		{ NEVER, 1, 12, "v12: 10.3", LEVELS("{'users':{'@bob':1}}"), { NULL } },
		{ NEVER, 1, 12, "v12: 10.3", LEVELS("{'users':{'@bob:y\\u0000':1}}"),
		    { NULL } },
		{ NEVER, 1, 12, "v12: 10.3", LEVELS("{'users':{'@bob:y':'x'}}"),
		    { NULL } },
		{ NEVER, 1, 12, "v12: 10.3", LEVELS("{'users':{'@bob:y':null}}"),
		    { NULL } },
		{ ONLY, 1, 9, "v12: 10.3", LEVELS("{'users':{'@bob:y':'50'}}"),
		    { NULL } },
		{ ONLY, 1, 9, "v12: 10.1", LEVELS("{'ban':'50'}"), { NULL } },
		{ ONLY, 1, 9, "v12: 10.1", LEVELS("{'invite':null}"), { NULL } },
		{ ONLY, 1, 9, "v12: 10.2", LEVELS("{'events':{'a':'50'}}"), { NULL } },
		{ ONLY, 1, 9, "v12: 10.2", LEVELS("{'events':[]}"), { NULL } },
		{ ONLY, 1, 9, "v12: 10.2", LEVELS("{'notifications':{'room':'50'}}"),
		    { NULL } },
		{ ONLY, 1, 9, "v12: 10.2", LEVELS("{'notifications':5}"), { NULL } },
		{ ONLY, 1, 9, "v9: 9.3", LEVELS("{'ban':'50','users':{'@ann:x':100}}"),
		    { LEVELS("{'users':{'@ann:x':100},'ban':50}") } },
		{ NEVER, 1, 12, "v9: 9.3", LEVELS("{'ban':[],'users':{'@ann:x':100}}"),
		    { LEVELS("{'users':{'@ann:x':100},'ban':50}") } },
		{ ONLY, 1, 11, "v12: 10.4", LEVELS("{'users':{'@ann:x':100}}"),
		    { NULL } },
	};

	CHECK(*state, rows);
}

static void
additional_creators_have_all_power_in_version_12(void **state)
{
	static const char create[] =
	    CREATE("{'creator':'@ann:x','additional_creators':['@bob:y']}");
	struct fixture *f = *state;

	for (int version = 11; version <= 12; version++) {
		new_room(f, version);
		f->n = 0;
		f->room_id = version < 12 ? f->room_id : NULL;
		put(f, create);
		f->room_id = f->state[0]->room_id;
		put(f, MEMBER(BOB, "join"));
		put(f, LEVELS("{'state_default':100}"));
		assert_int_equal(allowed(f, event_of(f, BOBS_TOPIC)), version == 12);
		put(f, LEVELS("{'state_default':0,'users':{'@bob:y':100}}"));
		assert_int_equal(
		    allowed(f, event_of(f, BOBS_LEVELS("{'users':{'@bob:y':100}}"))),
		    version == 11);
	}
}

static void
create_events_are_judged_by_themselves(void **state)
{
	static const struct {
		int from, to; /* allowed */
		const char *rule, *text, *room_id;
	} rows[] = {
		{ 1, 11, "v12: 1.2", CREATE("{'creator':'@ann:x'}"), "!r:x" },
		{ 12, 12, "v12: 1.5", CREATE("{'creator':'@ann:x'}"), NULL },
		{ 0, 0, "v11: 1.2", CREATE("{'creator':'@ann:x'}"), "!r:y" },
		{ 11, 11, "v10: 1.4", CREATE("{}"), "!r:x" },
		{ 12, 12, "v12: 1.5", CREATE("{}"), NULL },
		{ 1, 11, "v11: 1.3", CREATE("{'creator':'@ann:x','room_version':'6'}"),
		    "!r:x" },
		{ 0, 0, "v11: 1.3", CREATE("{'creator':'@ann:x','room_version':'99'}"),
		    "!r:x" },
		{ 0, 0, "v11: 1.3", CREATE("{'creator':'@ann:x','room_version':6}"),
		    "!r:x" },
		{ 0, 0, "v12: 1.3", CREATE("{'room_version':'99'}"), NULL },
		{ 0, 0, "v11: 1.1", CREATE("{'creator':'@ann:x'}|other"), "!r:x" },
		{ 0, 0, "v12: 1.1", CREATE("{}|other"), NULL },
		{ 12, 12, "v12: 1.4", CREATE("{'additional_creators':[]}"), NULL },
		{ 12, 12, "v12: 1.4", CREATE("{'additional_creators':['@b:y']}"),
		    NULL },
		{ 0, 0, "v12: 1.4", CREATE("{'additional_creators':['b']}"), NULL },
		{ 0, 0, "v12: 1.4", CREATE("{'additional_creators':[5]}"), NULL },
		{ 0, 0, "v12: 1.4", CREATE("{'additional_creators':null}"), NULL },
		{ 1, 11, "v11: 1.4",
		    CREATE("{'creator':'@ann:x','additional_creators':5}"), "!r:x" },
	};
	struct fixture *f = *state;
	int count;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (int version = 1; version <= 12; version++) {
			if (version < 12 && rows[i].room_id == NULL)
				continue; /* no event of that version at all */
			f->version = &room_version_list(&count)[version - 1];
			f->n = 0;
			f->room_id = rows[i].room_id;
			if (allowed(f, event_of(f, rows[i].text)) !=
			    (version >= rows[i].from && version <= rows[i].to))
				fail_msg("version %d, %s, %s", version, rows[i].rule,
				    rows[i].text);
		}
}

static void
a_create_event_with_a_state_key_makes_no_room_of_version_12(void **state)
{
	struct fixture *f = *state;

	new_room(f, 12); /* whose id the event has to say, being none of its own */
	assert_false(allowed(f, event_of(f, "m.room.create|@ann:x|x|{}")));
}

static void
without_a_create_event_nothing_is_allowed(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++) {
		const struct event *e;

		new_room(f, version);
		e = event_of(f, MEMBER("@ann:x", "join"));
		f->state[0] = f->state[1];
		f->n = 1;
		assert_false(allowed(f, e));
	}
}

static void
version_12_refuses_the_create_event_of_another_room(void **state)
{
	struct fixture *f = *state;
	const struct event *e;

	new_room(f, 12);
	f->room_id = "!" OTHER;
	e = event_of(f, "m.room.message|@ann:x|-|{}");
	assert_false(allowed(f, e));
}

/* auth_events. */

static bool
refs_allowed(const struct event *e, const struct auth_ref *refs, int n,
    const struct event *create)
{
	const char *why = NULL;

	return auth_check_events(e, refs, n, create, &why) == M_OK;
}

static void
auth_events_are_what_the_selection_says(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++) {
		const struct event *e, *create, *ann;
		struct auth_ref refs[5] = { 0 };
		int n = 0;

		new_room(f, version);
		put(f, LEVELS("{}"));
		put(f, RULE("public"));
		e = event_of(f, "m.room.message|@ann:x|-|{}");
		create = f->state[0];
		ann = f->state[1];
		if (version < 12)
			refs[n++].event = create;
		refs[n++].event = ann;
		refs[n++].event = f->state[2];
		assert_true(refs_allowed(e, refs, n, create));
		assert_true(refs_allowed(e, refs, n - 1, create));
		refs[n].event = f->state[3]; /* join rules are of no use to a message */
		assert_false(refs_allowed(e, refs, n + 1, create));
		refs[n].event = ann;
		assert_false(refs_allowed(e, refs, n + 1, create));
		refs[n].event = event_of(f, "m.room.message|@ann:x|-|{}");
		assert_false(refs_allowed(e, refs, n + 1, create));
		refs[n - 1].rejected = true;
		assert_false(refs_allowed(e, refs, n, create));
		refs[n - 1].rejected = false;
		f->room_id = version < 12 ? "!s:x" : "!" OTHER;
		refs[n - 1].event = event_of(f, LEVELS("{}"));
		assert_false(refs_allowed(e, refs, n, create));
		assert_true(refs_allowed(create, NULL, 0, NULL));
	}
}

static void
the_create_event_is_named_before_version_12_only(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++) {
		const struct event *e;
		struct auth_ref ann, create;

		new_room(f, version);
		e = event_of(f, "m.room.message|@ann:x|-|{}");
		create = (struct auth_ref){ f->state[0], false };
		ann = (struct auth_ref){ f->state[1], false };
		assert_int_equal(refs_allowed(e, &ann, 1, create.event), version == 12);
		assert_int_equal(
		    refs_allowed(e, &create, 1, create.event), version < 12);
		assert_false(refs_allowed(e, &ann, 1, NULL));
		f->room_id = NULL;
		if (version == 12)
			assert_false(refs_allowed(
			    e, &ann, 1, event_of(f, CREATE("{'of':'another room'}"))));
	}
}

static void
check_types(struct fixture *f, int version, const char *text, const char *expected)
{
	const struct event *e = event_of(f, text);
	struct auth_type types[AUTH_TYPES_MAX];
	const char *got = "";
	int n = auth_types_for_event(
	    f->version, e->type, e->sender, e->state_key, e->content, types);

	for (int i = 0; i < n; i++)
		got = arena_printf(f->arena, "%s%s%s ", got,
		    strrchr(types[i].type, '.') + 1, types[i].state_key);
	if (version < 12)
		expected = arena_printf(f->arena, "create %s", expected);
	assert_string_equal(got, expected);
}

static void
the_selection_is_that_of_the_specification(void **state)
{
#define TOKEN "'third_party_invite':{'signed':{'token':'t'}}"
#define AUTHORISER "'join_authorised_via_users_server':'@cem:x'"
#define PAIR "power_levels member@ann:x member@bob:y "
	static const struct {
		const char *membership, *more, *types;
	} others[] = {
		{ "join", TOKEN, PAIR "join_rules " },
		{ "knock", TOKEN, PAIR "join_rules " },
		{ "leave", TOKEN, PAIR },
		{ "ban", TOKEN, PAIR },
		{ "invite", AUTHORISER, PAIR "join_rules " },
		{ "knock", AUTHORISER, PAIR "join_rules " },
		{ "leave", AUTHORISER, PAIR },
		{ "ban", AUTHORISER, PAIR },
	};
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++) {
		new_room(f, version);
		check_types(f, version, "m.room.message|@ann:x|-|{}",
		    "power_levels member@ann:x ");
		check_types(f, version, MEMBER("@ann:x", "join"),
		    "power_levels member@ann:x join_rules ");
		check_types(f, version, BY("@ann:x", BOB, "invite"),
		    "power_levels member@ann:x member@bob:y join_rules ");
		check_types(f, version, BY("@ann:x", BOB, "ban"),
		    "power_levels member@ann:x member@bob:y ");
		check_types(f, version, MEMBER("@ann:x", "knock"),
		    "power_levels member@ann:x join_rules ");
		check_types(f, version,
		    "m.room.member|@ann:x|@bob:y|{'membership':'invite',"
		    "'third_party_invite':{'signed':{'token':'t'}}}",
		    "power_levels member@ann:x member@bob:y join_rules "
		    "third_party_invitet ");
		check_types(f, version, VIA("'@ann:x'"),
		    version < 8 ? "power_levels member@bob:y join_rules "
				: "power_levels member@bob:y join_rules member@ann:x ");
		/* Tokens are of use to invites alone, who authorises to joins. */
		for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
			check_types(f, version,
			    arena_printf(f->arena,
				"m.room.member|@ann:x|@bob:y|{'membership':'%s',%s}",
				others[i].membership, others[i].more),
			    others[i].types);
	}
	assert_int_equal(auth_types_for_event(f->version, "m.room.create", "@ann:x", "",
			     json_object(f->arena), NULL),
	    0);
}

static enum membership
only_bob_is_in(void *arg, const char *user_id)
{
	return strcmp(user_id, BOB) == 0 ? MEMBERSHIP_JOIN : MEMBERSHIP_NONE;
}

static void
memberships_may_come_from_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct auth_state s = { .get = get, .membership = only_bob_is_in, .arg = f };
	const char *why;

	new_room(f, 12);
	assert_int_equal(
	    auth_check(event_of(f, "m.room.message|@bob:y|-|{}"), &s, &why), M_OK);
	assert_int_equal(
	    auth_check(event_of(f, "m.room.message|@ann:x|-|{}"), &s, &why),
	    M_FORBIDDEN);
}

/* Versions 1 and 2 look at the servers that the event ids name, later ones at those of
 * the senders: here the ids say otherwise than the senders. */
static void
redactions_take_effect_with_power_or_on_the_same_server(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++) {
		const struct event *of_x, *of_y;
		struct event *by_ann, *by_bob;
		struct power power;

		new_room(f, version);
		power = (struct power){ f->state[0], NULL };
		of_x = event_of(f, "m.room.message|@cem:x|-|{}");
		of_y = event_of(f, "m.room.message|@dan:y|-|{}");
		by_ann = event_of(f, "m.room.redaction|@ann:x|-|{'redacts':'$a:y'}");
		assert_true(auth_may_redact(&power, by_ann, of_y));
		by_bob = event_of(f, "m.room.redaction|@bob:y|-|{'redacts':'$a:z'}");
		by_bob->event_id = "$b:z";
		assert_true(auth_may_redact(&power, by_bob, of_y));
		assert_int_equal(auth_may_redact(&power, by_bob, of_x), version < 3);
		by_bob = event_of(f, "m.room.redaction|@bob:y|-|{'redacts':'$a:y'}");
		by_bob->event_id = "$b:z";
		assert_int_equal(auth_may_redact(&power, by_bob, of_y), version >= 3);
		assert_false(auth_may_redact(&power, by_bob, of_x));
	}
}

static void
redactions_take_effect_from_the_redact_level_on(void **state)
{
	struct fixture *f = *state;

	for (int version = 1; version <= 12; version++) {
		const struct event *of_x, *by_bob;
		struct power power;

		new_room(f, version);
		of_x = event_of(f, "m.room.message|@cem:x|-|{}");
		by_bob = event_of(f, "m.room.redaction|@bob:y|-|{'redacts':'$a:x'}");
		power.create = f->state[0];
		power.levels = event_of(f, LEVELS("{'redact':7,'users_default':7}"));
		assert_true(auth_may_redact(&power, by_bob, of_x));
		power.levels = event_of(f, LEVELS("{'redact':7,'users_default':6}"));
		assert_false(auth_may_redact(&power, by_bob, of_x));
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(events_need_a_member_with_power),
		TEST(aliases_had_a_rule_of_their_own_before_version_6),
		TEST(redactions_had_a_rule_of_their_own_before_version_3),
		TEST(a_room_that_is_not_federated_keeps_others_out),
		TEST(nobody_gives_or_takes_power_they_do_not_have),
		TEST(power_levels_have_a_form),
		TEST(additional_creators_have_all_power_in_version_12),
		TEST(create_events_are_judged_by_themselves),
		TEST(a_create_event_with_a_state_key_makes_no_room_of_version_12),
		TEST(without_a_create_event_nothing_is_allowed),
		TEST(version_12_refuses_the_create_event_of_another_room),
		TEST(auth_events_are_what_the_selection_says),
		TEST(the_create_event_is_named_before_version_12_only),
		TEST(the_selection_is_that_of_the_specification),
		TEST(memberships_may_come_from_elsewhere),
		TEST(redactions_take_effect_from_the_redact_level_on),
		TEST(redactions_take_effect_with_power_or_on_the_same_server),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
